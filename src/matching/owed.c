/*-------------------------------------------------------------------------
 *
 * owed.c
 *		What a payment may be for, by what those owe who may have made it.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/explain.h"

#include "utils/datetime.h"

#define MAX_TRIPLES 40			/* of more items some three have nearly any amount */
#define MAX_SHOWN 4				/* of items with the same amount */
#define MOST_BY_CHANCE 0.001	/* sets of items that would have an amount by chance */

/* An amount that so many sets of items have that it says little. */
#define COMMON_AMOUNT 0.3

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
typedef bool (*Belongs) (const O2cLook *l, const O2cMatchItem *item, int64 argument);

/* all of them */
static bool
any_item(const O2cLook *l, const O2cMatchItem *item, int64 argument)
{
	return true;
}

/* those past due when the payment came */
static bool
overdue_item(const O2cLook *l, const O2cMatchItem *item, int64 argument)
{
	return item->due_on < l->p->received_on;
}

/* those of a month */
static bool
month_item(const O2cLook *l, const O2cMatchItem *item, int64 argument)
{
	return month_of(item->effective_on) == argument;
}

/* Whether an explanation pays just the items of a set. */
static bool
is_set(const O2cLook *l, const O2cExplanation *e, const O2cItems *items, Belongs belongs, int64 argument)
{
	for (int i = 0; i < items->n; i++)
		if (belongs(l, item_at(l, items->places[i]), argument) != o2c_pays(e, items->places[i]))
			return false;
	return true;
}

/* The rule that a set of items follows. */
static const char *
classify(const O2cLook *l, const O2cExplanation *e, const O2cItems *items)
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
 * How many sets, of so many items as the explanation has or fewer, would have the
 * amount by chance: sets per possible sum, where amounts are multiples of what
 * divides those of the explanation.  What is higher than the amount is in no set.
 */
static double
expected_by_chance(const O2cLook *l, const O2cExplanation *e, const O2cItems *items)
{
	int64		unit = l->p->open;
	double		sum = 0,
				sets = 0,
				ways = 1;
	int			n = 0,
				low = 0;

	for (int i = 0; i < e->n; i++)
		unit = divisor(unit, e->parts[i].cash);
	for (int i = 0; i < items->n; i++)
	{
		int64		open = item_at(l, items->places[i])->open;

		if (open > l->p->open)
			continue;
		low++;
		n += open % unit == 0;
		sum += open < 0 ? -open : open;
	}
	for (int k = 1; k <= e->n; k++)
	{
		ways = ways * Max(n - k + 1, 0) / k;
		sets += ways;
	}
	return sum == 0 ? 0 : sets * unit * low / (sum * e->n);
}

/* Explains the amount by one item, or all, of which less is missing than is tolerated. */
static bool
explain_tolerated(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
{
	int			found = 0;

	for (int discounted = 0; discounted <= 1; discounted++)
		for (int i = 0; i <= items->n; i++)
		{
			O2cItems	some = {i < items->n ? 1 : items->n, i < items->n ? &items->places[i] : items->places};
			O2cExplanation t = *e;
			int128		owed;

			if ((i == items->n && items->n == 1) || (owed = o2c_pay_all(l, &t, &some, discounted)) <= l->p->open ||
				!o2c_may_tolerate(l, item_at(l, some.places[0])->customer, owed) || (found > 0 && o2c_same_items(e, &t)))
				continue;
			o2c_tolerate(&t, (int64) (owed - l->p->open));
			*e = t;
			found++;
		}
	e->unique = found == 1;
	return found > 0;
}

/* How often one of some sets has the amount; the explanation becomes the last one. */
static int
try_set(const O2cLook *l, O2cExplanation *e, const O2cItems *items, Belongs belongs, int64 argument)
{
	O2cItems	some = o2c_item_list(items->n);
	O2cExplanation t = *e;

	for (int i = 0; i < items->n; i++)
		if (belongs(l, item_at(l, items->places[i]), argument))
			some.places[some.n++] = items->places[i];
	if (some.n < 2 || (o2c_pay_all(l, &t, &some, false) != l->p->open && o2c_pay_all(l, &t, &some, true) != l->p->open))
		return 0;
	/* the same set by another rule */
	if (e->n == t.n && o2c_pays(e, t.parts[0].item))
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
few_have(const O2cLook *l, const O2cItems *items, int64 amount)
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
explain_one(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
{
	int			found = 0;

	for (int i = 0; i < items->n; i++)
	{
		O2cChoice	choice = o2c_choices_of(l, item_at(l, items->places[i]));

		for (int k = 0; k < choice.n; k++)
		{
			if (choice.amounts[k] != l->p->open || found++ > 0)
				continue;
			e->parts = palloc(sizeof(O2cMatchPart));
			o2c_add_part(e, items->places[i], l->p->open, choice.amounts[0] - l->p->open, 0);
		}
	}
	return found;
}

/* How many of the sets of the rules have the amount; the explanation becomes the last one. */
static int
explain_sets(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
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
explain_but_one(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
{
	int128		rest = -(int128) l->p->open;
	int			found = 0;

	for (int i = 0; i < items->n; i++)
		rest += item_at(l, items->places[i])->open;
	for (int i = 0; i < items->n && items->n > 2; i++)
	{
		O2cItems	others;

		if (item_at(l, items->places[i])->open != rest || found++ > 0)
			continue;
		others = o2c_item_list(items->n);
		for (int j = 0; j < items->n; j++)
			if (j != i)
				others.places[others.n++] = items->places[j];
		o2c_pay_all(l, e, &others, false);
	}
	return found;
}

/* Whether an item that is left is as high as one of those that are paid: it may be meant instead. */
static bool
has_equal_left(const O2cLook *l, const O2cExplanation *e, const O2cItems *items)
{
	for (int i = 0; i < items->n; i++)
		for (int j = 0; j < e->n && !o2c_pays(e, items->places[i]); j++)
			if (item_at(l, items->places[i])->open == item_at(l, e->parts[j].item)->open)
				return true;
	return false;
}

/*
 * Explains the amount by some items of a payer.  One item that has it is what
 * people mean, unless so few others have it together that these may be meant;
 * of larger sets all are counted, or, where they are too many, those of the rules.
 */
static bool
explain_items(const O2cLook *l, O2cExplanation *e, const O2cItems *items, const O2cMatchPolicy *policy)
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
	if (items->n <= O2C_MAX_COMBINED)
		found = o2c_search_items(l, e, items, l->p->open);
	if (found.status == O2C_SUBSET_NONE)
		return explain_tolerated(l, e, items);
	e->unique = found.status == O2C_SUBSET_UNIQUE ||
		(found.status == O2C_SUBSET_AMBIGUOUS && found.same_amounts && find_rule(policy, "oldest_first") != NULL);
	if (found.status != O2C_SUBSET_UNKNOWN)
		return true;
	n = explain_sets(l, e, items) + explain_but_one(l, e, items);
	e->unique = n == 1 && !has_equal_left(l, e, items);
	return n > 0;
}

/* Of very many items, the one that has the amount. */
static bool
explain_one_of_very_many(const O2cLook *l, O2cExplanation *e, int64 customer)
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

		if (!o2c_is_payable(l, item) || item->open != l->p->open || (customer != 0 && item->customer != customer))
			continue;
		e->n = 0;
		o2c_add_part(e, sorted[low].item, l->p->open, 0, 0);
		found++;
	}
	e->unique = found == 1;
	return found > 0;
}

/* Whether the text nearly names an item, and no other one of them. */
static bool
is_nearly_named(const O2cLook *l, const O2cExplanation *e, const O2cItems *items)
{
	int			near = 0;
	bool		this = false;

	for (int i = 0; i < items->n; i++)
	{
		bool		named = o2c_nearly_names(l, item_at(l, items->places[i]), false);

		near += named;
		this |= named && items->places[i] == e->parts[0].item;
	}
	return near == 1 && this;
}

/* Of items with one amount, the one that the text nearly names. */
static bool
choose_nearly_named(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
{
	O2cMatchPart first = e->parts[0];

	for (int i = 0; i < items->n; i++)
	{
		if (item_at(l, items->places[i])->open != l->p->open)
			continue;
		e->parts[0] = (O2cMatchPart) {items->places[i], l->p->open, 0, 0};
		if (is_nearly_named(l, e, items))
			return true;
	}
	e->parts[0] = first;
	return false;
}

/* Why what a payer owes is not to be paid by itself, or NULL. */
static const char *
doubt_payer(const O2cLook *l, const O2cExplanation *e, const O2cMatchPolicy *policy, double by_chance)
{
	if (e->payer < O2C_PAYER_CERTAIN && !(e->payer == O2C_PAYER_LIKELY && e->ref == O2C_REF_FUZZY))
		return "the payer is not certain";
	if (!e->unique)
		return "several sets of items have the amount";
	if (e->amount == O2C_AMOUNT_TOLERATED)
		return "it falls short, and nothing says of what";
	if (l->p->open < l->p->amount && strcmp(e->stage, "oldest_first") != 0)
		return "it is the rest of a payment";
	if (l->closed != NULL && e->ref != O2C_REF_FUZZY && o2c_payer_strength(l->p, l->closed->group, NULL) >= O2C_PAYER_LIKELY)
		return "the text names what is paid already";
	if (l->elsewhere != NULL)
		return "the text names what is open in another currency";
	if (l->p->n_unpaid > 0 && strcmp(e->stage, "all_but_one") != 0)
		return "the text says what is not paid";
	if (find_rule(policy, e->stage) == NULL)
		return "the policy does not try this";
	return by_chance > MOST_BY_CHANCE ? "so many items have nearly any amount" : o2c_doubt_purpose(l, e);
}

/* Pays the oldest items where the policy says so, before what comes later in it. */
static void
explain_oldest(const O2cLook *l, O2cExplanation *e, const O2cItems *items, const O2cMatchPolicy *policy)
{
	const char *oldest = find_rule(policy, "oldest_first");
	const char *found = e->n > 0 && e->unique && e->amount == O2C_AMOUNT_EXACT ? find_rule(policy, e->stage) : NULL;

	if (oldest == NULL || items->n == 0 || (found != NULL && found < oldest))
		return;
	e->stage = "oldest_first";
	e->amount = O2C_AMOUNT_EXACT;
	e->unique = true;
	o2c_pay_in_order(l, e, items);
}

/* Leaves out what was invoiced after the payment came: who does not name it does not mean it. */
static void
leave_later(const O2cLook *l, O2cItems *items)
{
	int			n = 0;

	for (int i = 0; i < items->n; i++)
		if (item_at(l, items->places[i])->effective_on <= l->p->received_on)
			items->places[n++] = items->places[i];
	items->n = n;
}

/*
 * Explains the amount by what a customer owes, else by what its group does.  Who
 * has customers below it may pay for them: then both must come to the same.
 */
static void
explain_scopes(const O2cLook *l, O2cExplanation *e, O2cItems *items, const O2cParty *party, const O2cMatchPolicy *policy)
{
	O2cExplanation wide = *e;
	O2cItems	group;
	bool		own = explain_items(l, e, items, policy);

	if (!o2c_collect_items(l, party->group, 0, &group))
		return;
	leave_later(l, &group);
	if (group.n == items->n || (own && !policy->is_parent) || !explain_items(l, &wide, &group, policy))
		return;
	if (own)
	{
		e->unique = e->unique && wide.unique && o2c_same_items(e, &wide);
		return;
	}
	*e = wide;
	*items = group;
}

/* Names the rule that the items follow, and sees whether the text nearly names the only one. */
static void
qualify(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
{
	e->stage = classify(l, e, items);
	if (e->amount != O2C_AMOUNT_EXACT || e->n != 1 || !(e->unique ? is_nearly_named(l, e, items) : choose_nearly_named(l, e, items)))
		return;
	e->ref = O2C_REF_FUZZY;
	e->unique = true;
}

/* Shows the next ones of several items that have the amount, so that a person can choose. */
static void
add_alternatives(O2cLook *l, const O2cExplanation *e, const O2cItems *items)
{
	int			shown = 1;

	for (int i = 0; i < items->n && shown < MAX_SHOWN; i++)
	{
		O2cExplanation other = *e;

		if (items->places[i] == e->parts[0].item || item_at(l, items->places[i])->open != l->p->open)
			continue;
		other.n = 0;
		other.parts = palloc(sizeof(O2cMatchPart));
		o2c_add_part(&other, items->places[i], l->p->open, 0, 0);
		o2c_add_explanation(l, &other);
		shown++;
	}
}

/* Whether an explanation is one that a payer may mean who names something else. */
static bool
is_plain(const O2cExplanation *e)
{
	return e->amount == O2C_AMOUNT_EXACT && strcmp(e->stage, "combination") != 0 && strcmp(e->stage, "oldest_first") != 0;
}

/* Explains a payment by what one payer owes. */
static void
explain_payer(O2cLook *l, const O2cParty *party)
{
	O2cExplanation e = {.stage = "one_item", .group = party->group, .customer = party->customer, .payer_by = party->found_by};
	const O2cMatchPolicy *policy = policy_of(l, party->customer);
	O2cItems	items;
	double		by_chance = 0;

	e.payer = Min(party->strength, o2c_payer_strength(l->p, party->group, NULL));
	if (o2c_collect_items(l, party->group, party->customer, &items))
	{
		leave_later(l, &items);
		explain_scopes(l, &e, &items, party, policy);
		if (e.n > 0)
			qualify(l, &e, &items);
		explain_oldest(l, &e, &items, policy);
	}
	else
		explain_one_of_very_many(l, &e, party->customer);
	if (e.n == 0 || (l->named && !is_plain(&e)))
		return;
	if (strcmp(e.stage, "combination") == 0)
		by_chance = expected_by_chance(l, &e, &items);
	if (by_chance > MOST_BY_CHANCE)
		e.s_amount = COMMON_AMOUNT;
	e.reason = doubt_payer(l, &e, policy, by_chance);
	e.sound = e.reason == NULL;
	if (strcmp(e.stage, "one_item") == 0)
		e.stage = "amount";
	o2c_score(l, &e);
	o2c_add_explanation(l, &e);
	if (e.n == 1 && !e.unique && e.amount == O2C_AMOUNT_EXACT)
		add_alternatives(l, &e, &items);
}

/* Whether the text explains the payment so well that it does not matter what a party owes besides. */
static bool
is_named_exactly(const O2cFinding *f, const O2cParty *party)
{
	for (int i = 0; i < f->n; i++)
	{
		const O2cExplanation *e = &f->explanations[i];

		if (e->sound && e->ref > O2C_REF_FUZZY && (e->amount == O2C_AMOUNT_EXACT || e->ref == O2C_REF_PROVED) &&
			(e->group == party->group || (e->payer >= O2C_PAYER_LIKELY && party->strength < O2C_PAYER_CERTAIN)))
			return true;
	}
	return false;
}

/* Explains a payment by what those owe who may have made it. */
void
o2c_explain_payers(O2cLook *l)
{
	const O2cPending *p = l->p;

	for (int i = 0; i < p->n_parties; i++)
		if (p->parties[i].strength >= O2C_PAYER_LIKELY && o2c_match_group(&l->match->book, p->parties[i].group) != NULL &&
			!is_named_exactly(l->finding, &p->parties[i]))
			explain_payer(l, &p->parties[i]);
}
