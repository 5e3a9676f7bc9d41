/*-------------------------------------------------------------------------
 *
 * explain.c
 *		What a payment may be for, and whether that is certain.
 *
 * Three kinds of evidence are independent of each other: what the text names,
 * who paid, and the amount.  An explanation is a set of items with what each
 * gets; its score is the probability that not all of its evidence is there by
 * chance.  It is applied when two kinds agree and nothing speaks against it:
 *
 *	- the reference and the amount, whoever paid, unless that one owes the
 *	  amount itself, or a slip of the pen away another invoice does;
 *	- the reference and the payer, when the amount is short or over and no
 *	  other explanation fits it;
 *	- a certain payer and the amount, when of all sets of items only one has
 *	  it, and it is not one of so many that one of them had to.
 *
 * A reference that check digits prove needs nothing else.  Whatever has a rival
 * is left to a person, and so is what looks like something paid before.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"

#include "matching/subset.h"
#include "lib/stringinfo.h"
#include "utils/datetime.h"

#define MAX_COMBINED 20			/* items that are searched for combinations */
#define MAX_TRIPLES 40			/* of more items some three have nearly any amount */
#define MAX_SCANNED 2000		/* items of one payer that are looked at one by one */
#define MAX_NAMED 256			/* items that a text names */
#define SEARCH_BUDGET (UINT64CONST(1) << 17)
#define MOST_BY_CHANCE 0.001	/* sets of items that would have an amount by chance */

static const double ref_scores[] = {0, 0.4, 0.5, 0.8, 0.85, 0.95};
static const double payer_scores[] = {0, 0, 0.55, 0.9};
static const double amount_scores[] = {0, 0.1, 0.1, 0.75, 0.85};

/* An amount that so many sets of items have that it says little. */
#define COMMON_AMOUNT 0.3

/* Somebody else than the text's customer paid, and not what is open. */
#define OTHER_PAYER 0.75

/* One payment being looked at. */
typedef struct Look
{
	O2cMatch   *match;
	O2cPending *p;
	O2cFinding *finding;
	const O2cHit *closed;		/* a document that is named plainly, and paid */
	bool		named;			/* an open one is named plainly */
} Look;

/* Items by their places in the book. */
typedef struct Items
{
	int			n;
	int		   *places;
} Items;

/* The item at a place. */
static inline O2cMatchItem *
item_at(const Look *l, int place)
{
	return &l->match->book.items[place];
}

/* A list with room for some items. */
static Items
make_items(int room)
{
	Items		items = {0, palloc(sizeof(int) * Max(room, 1))};

	return items;
}

/* Adds an item once. */
static void
add_item(Items *items, int place)
{
	for (int i = 0; i < items->n; i++)
		if (items->places[i] == place)
			return;
	if (items->n < MAX_NAMED)
		items->places[items->n++] = place;
}

/* Whether an item is in a list. */
static bool
has_item(const Items *items, int place)
{
	for (int i = 0; i < items->n; i++)
		if (items->places[i] == place)
			return true;
	return false;
}

/* Whether a payment may pay an item. */
static bool
is_payable(const Look *l, const O2cMatchItem *item)
{
	return item->open != 0 && strcmp(item->currency, l->p->currency) == 0;
}

/* The policy for the items of a customer. */
static const O2cMatchPolicy *
policy_of(const Look *l, int64 customer)
{
	return o2c_match_policy(&l->match->book, customer);
}

/* Adds what an item gets to an explanation. */
static void
add_part(O2cExplanation *e, int place, int64 cash, int64 discount, int64 tolerance)
{
	e->parts[e->n++] = (O2cMatchPart) {place, cash, discount, tolerance};
}

/* Pays all of some items, in full or less the discounts that may be taken; returns what that costs. */
static int128
pay_all(const Look *l, O2cExplanation *e, const Items *items, bool discounted)
{
	int128		cash = 0;

	e->n = 0;
	e->parts = palloc(sizeof(O2cMatchPart) * Max(items->n, 1));
	for (int i = 0; i < items->n; i++)
	{
		const O2cMatchItem *item = item_at(l, items->places[i]);
		int64		discount = discounted ? o2c_discount_of(item, policy_of(l, item->customer), l->p->received_on, 0) : 0;

		add_part(e, items->places[i], item->open - discount, discount, 0);
		cash += item->open - discount;
	}
	return cash;
}

/* Lets the item that gets most bear what is missing. */
static void
tolerate(O2cExplanation *e, int64 missing)
{
	int			largest = 0;

	for (int i = 1; i < e->n; i++)
		if (e->parts[i].cash > e->parts[largest].cash)
			largest = i;
	e->parts[largest].cash -= missing;
	e->parts[largest].tolerance = missing;
	e->amount = O2C_AMOUNT_TOLERATED;
}

/* Whether what is missing may be tolerated. */
static bool
is_tolerated(const Look *l, int64 customer, int128 owed)
{
	int128		missing = owed - l->p->open;

	return missing > 0 && missing <= o2c_tolerance_of(policy_of(l, customer), (int64) owed, l->p->digits);
}

/* Pays some items, the first one first, as far as the payment goes; credits are left. */
static void
pay_in_order(const Look *l, O2cExplanation *e, const Items *items)
{
	int64		left = l->p->open;

	e->n = 0;
	e->parts = palloc(sizeof(O2cMatchPart) * Max(items->n, 1));
	for (int i = 0; i < items->n && left > 0; i++)
	{
		int64		cash = Min(left, item_at(l, items->places[i])->open);

		if (cash <= 0)
			continue;
		add_part(e, items->places[i], cash, 0, 0);
		left -= cash;
	}
}

/* The amounts that an item may be paid with. */
static O2cChoice
choices_of(const Look *l, const O2cMatchItem *item)
{
	O2cChoice	choice = {1, {item->open}};
	const O2cMatchPolicy *policy = policy_of(l, item->customer);

	for (int tier = 0; tier < O2C_MAX_CHOICES - 1; tier++)
	{
		int64		discount = o2c_discount_of(item, policy, l->p->received_on, tier);

		if (discount > 0)
			choice.amounts[choice.n++] = item->open - discount;
	}
	return choice;
}

/* Searches items for sets that have the amount; the first solution becomes the parts of the explanation. */
static O2cSubset
search(const Look *l, O2cExplanation *e, const Items *items, int64 amount)
{
	O2cChoice  *choices = palloc(sizeof(O2cChoice) * Max(items->n, 1));
	O2cSubset	found;

	for (int i = 0; i < items->n; i++)
		choices[i] = choices_of(l, item_at(l, items->places[i]));
	found = o2c_subset(choices, items->n, amount, amount, SEARCH_BUDGET);
	if (found.status != O2C_SUBSET_UNIQUE && found.status != O2C_SUBSET_AMBIGUOUS)
		return found;
	e->n = 0;
	e->parts = palloc(sizeof(O2cMatchPart) * Max(items->n, 1));
	for (int i = 0; i < items->n; i++)
	{
		int64		cash;

		if (found.choice[i] == 0)
			continue;
		cash = choices[i].amounts[found.choice[i] - 1];
		add_part(e, items->places[i], cash, item_at(l, items->places[i])->open - cash, 0);
	}
	return found;
}

/* The items of a group, or of one customer of it; false when there are too many. */
static bool
collect(const Look *l, int64 group, int64 customer, Items *items)
{
	const O2cMatchGroup *g = o2c_match_group(&l->match->book, group);

	*items = make_items(g == NULL ? 0 : Min(g->n, MAX_SCANNED));
	if (g == NULL || g->n > MAX_SCANNED)
		return g == NULL;
	for (int i = g->first; i < g->first + g->n; i++)
		if (is_payable(l, item_at(l, i)) && (customer == 0 || item_at(l, i)->customer == customer))
			items->places[items->n++] = i;
	return true;
}

/* The first of the instalments whose sum is what was paid, in full or discounted. */
static bool
explain_instalments(const Look *l, O2cExplanation *e, const Items *items)
{
	for (int n = 1; n < items->n; n++)
	{
		Items		first = {n, items->places};

		if (pay_all(l, e, &first, false) == l->p->open || pay_all(l, e, &first, true) == l->p->open)
			return true;
	}
	return false;
}

/* What is named, less credit notes of the group that are not. */
static bool
explain_netted(const Look *l, O2cExplanation *e, const Items *items)
{
	int128		owed = pay_all(l, e, items, false);
	O2cExplanation credit = {0};
	Items		credits;

	if (owed <= l->p->open || !collect(l, e->group, 0, &credits))
		return false;
	for (int i = credits.n - 1; i >= 0; i--)
		if (item_at(l, credits.places[i])->open > 0 || has_item(items, credits.places[i]))
			credits.places[i] = credits.places[--credits.n];
	if (credits.n == 0 || credits.n > MAX_COMBINED || search(l, &credit, &credits, l->p->open - (int64) owed).status != O2C_SUBSET_UNIQUE)
		return false;
	e->parts = repalloc(e->parts, sizeof(O2cMatchPart) * (e->n + credit.n));
	memcpy(e->parts + e->n, credit.parts, sizeof(O2cMatchPart) * credit.n);
	e->n += credit.n;
	return true;
}

/* How what is named makes up the amount exactly, if it does. */
static bool
explain_exactly(const Look *l, O2cExplanation *e, const Items *plain, const Items *all)
{
	O2cSubset	found;

	if (plain->n > 0 && (pay_all(l, e, plain, false) == l->p->open || pay_all(l, e, plain, true) == l->p->open))
		return true;
	if (e->documents == 1 && explain_instalments(l, e, plain->n > 0 ? plain : all))
		return true;
	if (all->n > 0 && all->n <= MAX_COMBINED && (e->documents > 1 || all->n == 1 || plain->n < all->n))
	{
		found = search(l, e, all, l->p->open);
		e->unique = found.status == O2C_SUBSET_UNIQUE;
		if (e->unique || found.status == O2C_SUBSET_AMBIGUOUS)
			return true;
	}
	e->unique = true;
	return plain->n > 0 && explain_netted(l, e, plain);
}

/* How what is named and the amount go together. */
static void
explain_amount(const Look *l, O2cExplanation *e, const Items *plain, const Items *all)
{
	const Items *items = plain->n > 0 ? plain : all;

	e->unique = true;
	e->amount = O2C_AMOUNT_EXACT;
	if (explain_exactly(l, e, plain, all))
		return;
	for (int discounted = 0; discounted <= 1; discounted++)
	{
		int128		owed = pay_all(l, e, items, discounted);

		if (!is_tolerated(l, item_at(l, items->places[0])->customer, owed))
			continue;
		tolerate(e, (int64) (owed - l->p->open));
		return;
	}
	if (pay_all(l, e, items, false) < l->p->open)
	{
		e->amount = O2C_AMOUNT_OVER;
		return;
	}
	e->amount = O2C_AMOUNT_PART;
	pay_in_order(l, e, items);
}

/* Notes an explanation, unless there are better ones enough. */
static void
add_explanation(Look *l, const O2cExplanation *e)
{
	O2cFinding *f = l->finding;
	int			place = f->n;

	while (place > 0 && f->explanations[place - 1].score < e->score)
		place--;
	if (place == O2C_MAX_EXPLANATIONS)
		return;
	if (f->n < O2C_MAX_EXPLANATIONS)
		f->n++;
	memmove(&f->explanations[place + 1], &f->explanations[place], sizeof(O2cExplanation) * (f->n - place - 1));
	f->explanations[place] = *e;
}

/* How near the payment is to when the items are due. */
static double
date_score(const Look *l, const O2cExplanation *e)
{
	int			days = e->n == 0 ? 1000 : abs(l->p->received_on - item_at(l, e->parts[0].item)->due_on);

	return days <= 30 ? 0.1 : days <= 60 ? 0.05 : 0;
}

/* Puts the parts of the score together. */
static void
score(const Look *l, O2cExplanation *e)
{
	double		chance;

	e->s_ref = ref_scores[e->ref];
	e->s_party = payer_scores[e->payer];
	if (e->s_amount == 0)
		e->s_amount = amount_scores[e->amount];
	e->s_date = date_score(l, e);
	chance = (1 - e->s_ref) * (1 - e->s_party) * (1 - e->s_amount) * (1 - e->s_date);
	e->score = (1 - chance) * (e->payer == O2C_PAYER_OTHER && e->amount != O2C_AMOUNT_EXACT ? OTHER_PAYER : 1);
	e->score = (int) (e->score * 10000 + 0.5) / 10000.0;
}

/* Whether an invoice that is a slip away from what is named, and as high, is still open. */
static bool
has_neighbour(const Look *l)
{
	for (int i = 0; i < l->p->n_neighbours; i++)
	{
		int			place = o2c_first_item(&l->match->book, l->p->neighbours[i]);

		/* of a group that this run is not about, it is as it was */
		if (place < 0 || item_at(l, place)->open != 0)
			return true;
	}
	return false;
}

/* Why what the text names is not to be applied by itself, or NULL. */
static const char *
doubt_reference(const Look *l, const O2cExplanation *e)
{
	bool		agrees = e->payer >= O2C_PAYER_LIKELY;
	bool		proved = e->ref == O2C_REF_PROVED && e->payer != O2C_PAYER_OTHER;

	if (l->p->customer != 0 && e->group != l->p->group)
		return "it is another customer's";
	if (!e->unique)
		return "several sets of what is named have the amount";
	if (agrees || proved)
		return e->amount >= O2C_AMOUNT_TOLERATED || strcmp(e->found_by, O2C_LINK) == 0 || (e->ref >= O2C_REF_EXACT && e->documents == 1 && (e->ref == O2C_REF_PROVED || o2c_stands_alone(l->p, e->token))) ?
			NULL : "the amount does not agree";
	if (e->amount < O2C_AMOUNT_TOLERATED)
		return e->payer == O2C_PAYER_OTHER ? "somebody else paid, and the amount does not agree" : "the payer is not known, and the amount does not agree";
	if (e->ref < O2C_REF_EXACT)
		return "a few digits are no proof, and the payer is not known";
	if (e->amount == O2C_AMOUNT_TOLERATED && e->payer == O2C_PAYER_OTHER)
		return "somebody else paid, and the amount does not agree exactly";
	return has_neighbour(l) ? "an invoice as high has nearly the same number" : NULL;
}

/* Of the documents that one number may be, leaves the one with the amount; false where that tells nothing. */
static bool
is_chosen(const Look *l, const O2cHit *hit)
{
	const O2cPending *p = l->p;
	int			rivals = 0,
				fitting = 0;
	bool		fits = false;

	if (strcmp(hit->found_by, "number") != 0 && strcmp(hit->found_by, "digits") != 0 && strcmp(hit->found_by, "creditor reference") != 0)
		return true;
	for (int i = 0; i < p->n_hits; i++)
	{
		const O2cHit *other = &p->hits[i];
		int128		open = 0;

		if (other->group != hit->group || strcmp(other->token, hit->token) != 0)
			continue;
		if (other != hit && strcmp(other->found_by, "number") == 0 && strcmp(hit->found_by, "number") != 0)
			return false;
		if (strcmp(other->found_by, hit->found_by) != 0)
			continue;
		for (int place = o2c_first_item(&l->match->book, other->invoice); place >= 0; place = item_at(l, place)->next)
			if (is_payable(l, item_at(l, place)))
				open += item_at(l, place)->open;
		if (open == 0)
			continue;
		rivals++;
		fitting += open == p->open;
		fits |= other == hit && open == p->open;
	}
	return rivals <= 1 || (fitting == 1 && fits);
}

/* Adds the open items of a named document; false when there are none. */
static bool
add_document(const Look *l, const O2cHit *hit, Items *items)
{
	bool		open = false;

	for (int place = o2c_first_item(&l->match->book, hit->invoice); place >= 0; place = item_at(l, place)->next)
	{
		if (!is_payable(l, item_at(l, place)))
			continue;
		add_item(items, place);
		open = true;
	}
	return open;
}

/* Explains a payment by the documents of one group that it names. */
static void
explain_named(Look *l, int64 group)
{
	const O2cParty *party = NULL;
	Items		plain = make_items(MAX_NAMED);
	Items		all = make_items(MAX_NAMED);
	O2cExplanation e = {.stage = "reference", .group = group, .ref = O2C_REF_PROVED};
	int			documents = 0;

	e.payer = o2c_payer_strength(l->p, group, &party);
	for (int i = 0; i < l->p->n_hits; i++)
	{
		const O2cHit *hit = &l->p->hits[i];

		if (hit->group != group || !is_chosen(l, hit))
			continue;
		if (!add_document(l, hit, &all))
		{
			if (hit->strength >= O2C_REF_EXACT && !hit->open)
				l->closed = hit;
			continue;
		}
		documents++;
		if (hit->strength >= O2C_REF_EXACT)
		{
			add_document(l, hit, &plain);
			e.documents++;
			l->named |= e.payer != O2C_PAYER_OTHER;
			e.ref = Min(e.ref, hit->strength);
		}
		if (e.token == NULL || hit->strength >= O2C_REF_EXACT)
		{
			e.token = hit->token;
			e.found_by = hit->found_by;
		}
	}
	if (all.n == 0)
		return;
	if (e.documents == 0)
	{
		e.documents = documents;
		e.ref = O2C_REF_WEAK;
	}
	if (strcmp(e.found_by, O2C_LINK) == 0)
		e.stage = "link";
	explain_amount(l, &e, &plain, &all);
	e.payer_by = party == NULL ? NULL : party->found_by;
	e.customer = party != NULL && party->customer != 0 ? party->customer : item_at(l, e.n > 0 ? e.parts[0].item : all.places[0])->customer;
	e.reason = doubt_reference(l, &e);
	e.sound = e.reason == NULL;
	score(l, &e);
	add_explanation(l, &e);
}

/* Explains a payment by what its text names. */
static void
explain_references(Look *l)
{
	const O2cPending *p = l->p;

	for (int i = 0; i < p->n_hits; i++)
	{
		bool		seen = false;

		for (int j = 0; j < i && !seen; j++)
			seen = p->hits[j].group == p->hits[i].group;
		if (!seen)
			explain_named(l, p->hits[i].group);
	}
}

/* Whether a rule stands in a policy, and where. */
static const char *
find_rule(const O2cMatchPolicy *policy, const char *rule)
{
	size_t		len = strlen(rule);

	for (const char *at = policy->rules; (at = strstr(at, rule)) != NULL; at += len)
		if ((at == policy->rules || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
			return at;
	return NULL;
}

/* Days since 2000 of the first of the month. */
static int
month_of(DateADT day)
{
	int			year,
				month,
				dom;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &dom);
	return year * 12 + month;
}

/* Which items belong to a rule's set. */
typedef bool (*Belongs) (const Look *l, const O2cMatchItem *item, int64 argument);

/* all of them */
static bool
any_item(const Look *l, const O2cMatchItem *item, int64 argument)
{
	return true;
}

/* those past due when the payment came */
static bool
overdue_item(const Look *l, const O2cMatchItem *item, int64 argument)
{
	return item->due_on < l->p->received_on;
}

/* those of a month */
static bool
month_item(const Look *l, const O2cMatchItem *item, int64 argument)
{
	return month_of(item->effective_on) == argument;
}

/* Whether an explanation pays an item. */
static bool
pays(const O2cExplanation *e, int place)
{
	for (int i = 0; i < e->n; i++)
		if (e->parts[i].item == place)
			return true;
	return false;
}

/* Whether two explanations pay the same items. */
static bool
same_items(const O2cExplanation *a, const O2cExplanation *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (!pays(b, a->parts[i].item))
			return false;
	return true;
}

/* Whether an explanation pays just the items of a set. */
static bool
is_set(const Look *l, const O2cExplanation *e, const Items *items, Belongs belongs, int64 argument)
{
	for (int i = 0; i < items->n; i++)
		if (belongs(l, item_at(l, items->places[i]), argument) != pays(e, items->places[i]))
			return false;
	return true;
}

/* The rule that a set of items follows. */
static const char *
classify(const Look *l, const O2cExplanation *e, const Items *items)
{
	if (e->n == 1)
		return "one_item";
	if (e->n == items->n)
		return "all_items";
	if (is_set(l, e, items, overdue_item, 0))
		return "all_overdue";
	if (is_set(l, e, items, month_item, month_of(item_at(l, e->parts[0].item)->effective_on)))
		return "one_month";
	return e->n == items->n - 1 && items->n > 2 ? "all_but_one" : "combination";
}

/* The greatest common divisor. */
static int64
divisor(int64 a, int64 b)
{
	while (b != 0)
	{
		int64		rest = a % b;

		a = b;
		b = rest;
	}
	return a < 0 ? -a : a;
}

/*
 * How many sets, of so many items as the explanation has or fewer, would have an
 * amount by chance: sets per possible sum, where amounts are multiples of what
 * divides those of the explanation.  What is tolerated makes chance larger.
 */
static double
expected_by_chance(const Look *l, const O2cExplanation *e, const Items *items)
{
	int64		unit = l->p->open;
	int64		window = 1;
	double		sum = 0,
				sets = 0,
				ways = 1;
	int			n = 0;

	for (int i = 0; i < e->n; i++)
	{
		unit = divisor(unit, e->parts[i].cash);
		if (e->parts[i].tolerance > 0)
			window += o2c_tolerance_of(policy_of(l, e->customer), l->p->open, l->p->digits);
	}
	for (int i = 0; i < items->n; i++)
	{
		int64		open = item_at(l, items->places[i])->open;

		n += open % unit == 0;
		sum += open < 0 ? -open : open;
	}
	for (int k = 1; k <= e->n; k++)
	{
		ways = ways * Max(n - k + 1, 0) / k;
		sets += ways;
	}
	return sets * Max(unit, window) * items->n / (sum * e->n);
}

/* Explains the amount by one item, or all, of which less is missing than is tolerated. */
static bool
explain_tolerated(const Look *l, O2cExplanation *e, const Items *items)
{
	int			found = 0;

	for (int discounted = 0; discounted <= 1; discounted++)
		for (int i = 0; i <= items->n; i++)
		{
			Items		some = {i < items->n ? 1 : items->n, i < items->n ? &items->places[i] : items->places};
			O2cExplanation t = *e;
			int128		owed;

			if ((i == items->n && items->n == 1) || (owed = pay_all(l, &t, &some, discounted)) <= l->p->open ||
				!is_tolerated(l, item_at(l, some.places[0])->customer, owed) || (found > 0 && t.n == 1 && pays(e, t.parts[0].item)))
				continue;
			tolerate(&t, (int64) (owed - l->p->open));
			*e = t;
			found++;
		}
	e->unique = found == 1;
	return found > 0;
}

/* How often one of some sets has the amount; the explanation becomes the last one. */
static int
try_set(const Look *l, O2cExplanation *e, const Items *items, Belongs belongs, int64 argument)
{
	Items		some = make_items(items->n);
	O2cExplanation t = *e;

	for (int i = 0; i < items->n; i++)
		if (belongs(l, item_at(l, items->places[i]), argument))
			some.places[some.n++] = items->places[i];
	if (some.n < 2 || (pay_all(l, &t, &some, false) != l->p->open && pay_all(l, &t, &some, true) != l->p->open))
		return 0;
	/* the same set by another rule */
	if (e->n == t.n && pays(e, t.parts[0].item))
		return 0;
	*e = t;
	return 1;
}

/* Order of amounts. */
static int
compare_int64(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Whether two items, or three where there are not too many, have an amount together. */
static bool
few_have(const Look *l, const Items *items, int64 amount)
{
	int64	   *amounts = palloc(sizeof(int64) * items->n);

	for (int i = 0; i < items->n; i++)
		amounts[i] = item_at(l, items->places[i])->open;
	qsort(amounts, items->n, sizeof(int64), compare_int64);
	for (int first = -1; first < (items->n <= MAX_TRIPLES ? items->n : 0); first++)
	{
		int64		rest = first < 0 ? amount : amount - amounts[first];
		int			low = first + 1,
					high = items->n - 1;

		while (low < high)
		{
			int64		sum = amounts[low] + amounts[high];

			if (sum == rest)
				return true;
			if (sum < rest)
				low++;
			else
				high--;
		}
	}
	return false;
}

/* How many items have the amount, in full or less a discount; the explanation becomes the first. */
static int
explain_one(const Look *l, O2cExplanation *e, const Items *items)
{
	int			found = 0;

	for (int i = 0; i < items->n; i++)
	{
		O2cChoice	choice = choices_of(l, item_at(l, items->places[i]));

		for (int k = 0; k < choice.n; k++)
		{
			if (choice.amounts[k] != l->p->open || found++ > 0)
				continue;
			e->parts = palloc(sizeof(O2cMatchPart));
			add_part(e, items->places[i], l->p->open, choice.amounts[0] - l->p->open, 0);
		}
	}
	return found;
}

/* How many of the sets of the rules have the amount; the explanation becomes the last one. */
static int
explain_sets(const Look *l, O2cExplanation *e, const Items *items)
{
	int			found = try_set(l, e, items, any_item, 0);

	found += try_set(l, e, items, overdue_item, 0);
	for (int i = 0, last = -1; i < items->n; i++)
	{
		int			month = month_of(item_at(l, items->places[i])->effective_on);

		if (month != last)
			found += try_set(l, e, items, month_item, month);
		last = month;
	}
	return found;
}

/* Explains the amount by all items but one. */
static int
explain_but_one(const Look *l, O2cExplanation *e, const Items *items)
{
	int128		rest = -(int128) l->p->open;
	int			found = 0;

	for (int i = 0; i < items->n; i++)
		rest += item_at(l, items->places[i])->open;
	for (int i = 0; i < items->n && items->n > 2; i++)
	{
		Items		others;

		if (item_at(l, items->places[i])->open != rest || found++ > 0)
			continue;
		others = make_items(items->n);
		for (int j = 0; j < items->n; j++)
			if (j != i)
				others.places[others.n++] = items->places[j];
		pay_all(l, e, &others, false);
	}
	return found;
}

/*
 * Explains the amount by some items of a payer.  One item that has it is what
 * people mean, unless so few others have it together that these may be meant;
 * of larger sets all are counted, or, where they are too many, those of the rules.
 */
static bool
explain_items(const Look *l, O2cExplanation *e, const Items *items, const O2cMatchPolicy *policy)
{
	O2cSubset	found = {O2C_SUBSET_UNKNOWN};
	O2cExplanation sets = *e;
	int			n;

	e->n = 0;
	e->amount = O2C_AMOUNT_EXACT;
	if (items->n == 0)
		return false;
	n = explain_one(l, e, items);
	if (n > 0)
	{
		e->unique = n == 1 && !few_have(l, items, l->p->open) && explain_sets(l, &sets, items) == 0;
		return true;
	}
	if (items->n <= MAX_COMBINED)
		found = search(l, e, items, l->p->open);
	if (found.status == O2C_SUBSET_NONE)
		return explain_tolerated(l, e, items);
	e->unique = found.status == O2C_SUBSET_UNIQUE ||
		(found.status == O2C_SUBSET_AMBIGUOUS && found.same_amounts && find_rule(policy, "oldest_first") != NULL);
	if (found.status != O2C_SUBSET_UNKNOWN)
		return true;
	n = explain_sets(l, e, items) + explain_but_one(l, e, items);
	e->unique = n == 1;
	return n > 0;
}

/* Of very many items, the one that has the amount. */
static bool
explain_one_of_very_many(const Look *l, O2cExplanation *e, int64 customer)
{
	O2cMatchGroup *group = o2c_match_group(&l->match->book, e->group);
	const O2cAmountPlace *sorted = o2c_items_by_amount(&l->match->book, group);
	int			low = 0,
				high = group->n,
				found = 0;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (sorted[middle].amount < l->p->open)
			low = middle + 1;
		else
			high = middle;
	}
	e->amount = O2C_AMOUNT_EXACT;
	e->parts = palloc(sizeof(O2cMatchPart));
	for (; low < group->n && sorted[low].amount == l->p->open && found < 2; low++)
	{
		const O2cMatchItem *item = item_at(l, sorted[low].item);

		if (!is_payable(l, item) || item->open != l->p->open || (customer != 0 && item->customer != customer))
			continue;
		e->n = 0;
		add_part(e, sorted[low].item, l->p->open, 0, 0);
		found++;
	}
	e->unique = found == 1;
	return found > 0;
}

/* Whether the text comes within a slip of the pen of an item's number, and of no other's with that amount. */
static bool
is_nearly_named(const Look *l, const O2cExplanation *e, const Items *items)
{
	int			near = 0;
	bool		this = false;

	for (int i = 0; i < items->n; i++)
	{
		const O2cMatchItem *item = item_at(l, items->places[i]);
		bool		named = false;

		for (int j = 0; j < l->p->n_tokens && !named && item->key != NULL && strlen(item->key) >= 5; j++)
			named = o2c_one_edit(l->p->tokens[j], item->key);
		near += named;
		this |= named && items->places[i] == e->parts[0].item;
	}
	return near == 1 && this;
}

/* Of items with one amount, the one that the text nearly names. */
static bool
choose_nearly_named(const Look *l, O2cExplanation *e, const Items *items)
{
	for (int i = 0; i < items->n; i++)
	{
		if (item_at(l, items->places[i])->open != l->p->open)
			continue;
		e->n = 0;
		add_part(e, items->places[i], l->p->open, 0, 0);
		if (is_nearly_named(l, e, items))
			return true;
	}
	return false;
}

/* Why what a payer owes is not to be paid by itself, or NULL. */
static const char *
doubt_payer(const Look *l, const O2cExplanation *e, const O2cMatchPolicy *policy, double by_chance)
{
	if (e->payer < O2C_PAYER_CERTAIN && !(e->payer == O2C_PAYER_LIKELY && e->ref == O2C_REF_FUZZY))
		return "the payer is not certain";
	if (!e->unique)
		return "several sets of items have the amount";
	if (l->p->open < l->p->amount && strcmp(e->stage, "oldest_first") != 0)
		return "it is the rest of a payment";
	if (l->closed != NULL && e->ref != O2C_REF_FUZZY && o2c_payer_strength(l->p, l->closed->group, NULL) >= O2C_PAYER_LIKELY)
		return "the text names what is paid already";
	if (find_rule(policy, e->stage) == NULL)
		return "the policy does not try this";
	return by_chance > MOST_BY_CHANCE ? "so many items have nearly any amount" : NULL;
}

/* Pays the oldest items where the policy says so, before what comes later in it. */
static void
explain_oldest(const Look *l, O2cExplanation *e, const Items *items, const O2cMatchPolicy *policy)
{
	const char *oldest = find_rule(policy, "oldest_first");
	const char *found = e->n > 0 && e->unique && e->amount == O2C_AMOUNT_EXACT ? find_rule(policy, e->stage) : NULL;

	if (oldest == NULL || items->n == 0 || (found != NULL && found < oldest))
		return;
	e->stage = "oldest_first";
	e->amount = O2C_AMOUNT_EXACT;
	e->unique = true;
	pay_in_order(l, e, items);
}

/*
 * Explains the amount by what a customer owes, else by what its group does.  Who
 * has customers below it may pay for them: then both must come to the same.
 */
static void
explain_scopes(const Look *l, O2cExplanation *e, Items *items, const O2cParty *party, const O2cMatchPolicy *policy)
{
	O2cExplanation wide = *e;
	Items		group;
	bool		own = explain_items(l, e, items, policy);

	if (!collect(l, party->group, 0, &group) || group.n == items->n || (own && !policy->is_parent) || !explain_items(l, &wide, &group, policy))
		return;
	if (own)
	{
		e->unique = e->unique && wide.unique && same_items(e, &wide);
		return;
	}
	*e = wide;
	*items = group;
}

/* Names the rule that the items follow, and sees whether the text nearly names the only one. */
static void
qualify(const Look *l, O2cExplanation *e, const Items *items)
{
	e->stage = classify(l, e, items);
	if (e->amount != O2C_AMOUNT_EXACT || e->n != 1 || !(e->unique ? is_nearly_named(l, e, items) : choose_nearly_named(l, e, items)))
		return;
	e->ref = O2C_REF_FUZZY;
	e->unique = true;
}

/* Whether an explanation is one that a payer may mean who names something else. */
static bool
is_plain(const O2cExplanation *e)
{
	return e->amount == O2C_AMOUNT_EXACT && strcmp(e->stage, "combination") != 0 && strcmp(e->stage, "oldest_first") != 0;
}

/* Explains a payment by what one payer owes. */
static void
explain_payer(Look *l, const O2cParty *party)
{
	O2cExplanation e = {.stage = "one_item", .group = party->group, .customer = party->customer, .payer_by = party->found_by};
	const O2cMatchPolicy *policy = policy_of(l, party->customer);
	Items		items;
	double		by_chance = 0;

	e.payer = Min(party->strength, o2c_payer_strength(l->p, party->group, NULL));
	if (collect(l, party->group, party->customer, &items))
	{
		explain_scopes(l, &e, &items, party, policy);
		if (e.n > 0)
			qualify(l, &e, &items);
		explain_oldest(l, &e, &items, policy);
	}
	else
		explain_one_of_very_many(l, &e, party->customer);
	if (e.n == 0 || (l->named && !is_plain(&e)))
		return;
	if (strcmp(e.stage, "combination") == 0 || (e.amount == O2C_AMOUNT_TOLERATED && e.n == 1))
		by_chance = expected_by_chance(l, &e, &items);
	if (by_chance > MOST_BY_CHANCE)
		e.s_amount = COMMON_AMOUNT;
	e.reason = doubt_payer(l, &e, policy, by_chance);
	e.sound = e.reason == NULL;
	if (strcmp(e.stage, "one_item") == 0)
		e.stage = "amount";
	score(l, &e);
	add_explanation(l, &e);
}

/* Whether the text explains the payment so well that it does not matter what a party owes besides. */
static bool
is_named_exactly(const O2cFinding *f, const O2cParty *party)
{
	for (int i = 0; i < f->n; i++)
	{
		const O2cExplanation *e = &f->explanations[i];

		if (e->sound && (e->amount == O2C_AMOUNT_EXACT || e->ref == O2C_REF_PROVED) &&
			(e->group == party->group || (e->payer >= O2C_PAYER_LIKELY && party->strength < O2C_PAYER_CERTAIN)))
			return true;
	}
	return false;
}

/* Explains a payment by what those owe who may have made it. */
static void
explain_payers(Look *l)
{
	const O2cPending *p = l->p;

	for (int i = 0; i < p->n_parties; i++)
		if (p->parties[i].strength >= O2C_PAYER_LIKELY && o2c_match_group(&l->match->book, p->parties[i].group) != NULL &&
			!is_named_exactly(l->finding, &p->parties[i]))
			explain_payer(l, &p->parties[i]);
}

/* Whether one of those who surely paid paid the same before, with the same text. */
static bool
is_repeated(const Look *l)
{
	for (int i = 0; i < l->p->n_parties; i++)
	{
		const O2cParty *party = &l->p->parties[i];

		if (party->strength == O2C_PAYER_CERTAIN &&
			o2c_paid_before(&l->match->book, party->group, l->p, policy_of(l, party->customer)->duplicate_days, true))
			return true;
	}
	return false;
}

/* Whether the payment repeats one that was used up. */
static bool
is_duplicate(const Look *l)
{
	const O2cMatchBook *book = &l->match->book;
	const O2cExplanation *best = &l->finding->explanations[0];

	if (l->closed != NULL && !l->named)
	{
		bool		other = o2c_payer_strength(l->p, l->closed->group, NULL) == O2C_PAYER_OTHER;

		if (o2c_paid_before(book, l->closed->group, l->p, policy_of(l, l->closed->customer)->duplicate_days, other))
			return true;
	}
	if (l->finding->n == 0)
		return l->p->open == l->p->amount && is_repeated(l);
	if (best->ref >= O2C_REF_WEAK && best->amount == O2C_AMOUNT_EXACT)
		return false;
	return o2c_paid_before(book, best->group, l->p, policy_of(l, best->customer)->duplicate_days, true);
}

/* What the explanations found come to. */
static void
decide(const Look *l)
{
	O2cFinding *f = l->finding;
	const O2cExplanation *best = &f->explanations[0];
	const O2cMatchPolicy *policy;

	f->outcome = "none";
	f->runner_up = 0;
	for (int i = 1; i < f->n; i++)
		if (!same_items(best, &f->explanations[i]))
			f->runner_up = Max(f->runner_up, f->explanations[i].score);
	if (is_duplicate(l))
	{
		f->outcome = "duplicate";
		return;
	}
	if (f->n == 0)
		return;
	policy = policy_of(l, best->customer);
	if (best->score < policy->suggest_score)
		return;
	f->outcome = "suggested";
	if (!best->unique || f->runner_up >= policy->apply_score - policy->margin)
		f->outcome = "ambiguous";
	else if (best->sound && best->score >= policy->apply_score)
		f->outcome = "applied";
}

/* What was found, in words. */
static char *
in_words(const Look *l)
{
	static const char *const amounts[] = {"", "is less than what is open", "is more than what is open", "falls short by no more than is tolerated", "is what is open"};
	const O2cFinding *f = l->finding;
	const O2cExplanation *best = &f->explanations[0];
	StringInfoData words;

	initStringInfo(&words);
	if (strcmp(f->outcome, "duplicate") == 0)
		appendStringInfoString(&words, "The same payer paid the same amount before: it may be a duplicate. ");
	if (l->closed != NULL)
		appendStringInfo(&words, "The text names %s, which is paid. ", l->closed->number);
	if (f->n == 0)
	{
		appendStringInfoString(&words, l->p->n_parties == 0 && l->p->n_hits == 0 ? "Neither the text nor the payer leads to a customer." :
							   l->closed != NULL ? "" : "No open item fits.");
		return words.data;
	}
	if (best->token != NULL)
		appendStringInfo(&words, "\"%s\" is the %s of %s%s. ", best->token, best->found_by, item_at(l, best->parts[0].item)->number,
						 best->documents > 1 ? psprintf(", one of %d documents", best->documents) : "");
	else if (best->ref == O2C_REF_FUZZY)
		appendStringInfo(&words, "The text is one slip away from %s. ", item_at(l, best->parts[0].item)->number);
	if (best->payer_by != NULL)
		appendStringInfo(&words, "%s %s, by %s. ", best->payer == O2C_PAYER_CERTAIN ? "The payer is" : "The payer may be",
						 policy_of(l, best->customer)->code, best->payer_by);
	else
		appendStringInfoString(&words, best->payer == O2C_PAYER_OTHER ? "Somebody else paid. " : "The payer is not known. ");
	appendStringInfo(&words, "The amount %s", strcmp(best->stage, "oldest_first") == 0 ? "pays the oldest items" : amounts[best->amount]);
	if (best->n > 1)
		appendStringInfo(&words, " of %d items", best->n);
	if (best->n > 0 && best->parts[0].discount > 0)
		appendStringInfoString(&words, ", less a discount");
	appendStringInfoChar(&words, '.');
	if (strcmp(f->outcome, "applied") != 0 && best->reason != NULL)
		appendStringInfo(&words, " Not applied: %s.", best->reason);
	else if (strcmp(f->outcome, "ambiguous") == 0)
		appendStringInfoString(&words, " Not applied: something else explains it, too.");
	return words.data;
}

/* Finds out what a payment is for. */
void
o2c_explain(O2cMatch *match, O2cPending *p, O2cFinding *finding)
{
	Look		l = {match, p, finding};

	finding->n = 0;
	explain_references(&l);
	explain_payers(&l);
	decide(&l);
	finding->words = in_words(&l);
}
