/*-------------------------------------------------------------------------
 *
 * explanation.c
 *		How an explanation of a payment is put together: which items it pays, what
 *		each of them gets, and how much speaks for it.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/explain.h"

#define SEARCH_BUDGET (UINT64CONST(1) << 17)
#define MAX_SCANNED 2000		/* items of one payer that are looked at one by one */

static const double ref_scores[] = {0, 0.4, 0.5, 0.8, 0.85, 0.95};
static const double payer_scores[] = {0, 0, 0.55, 0.9};
static const double amount_scores[] = {0, 0.1, 0.1, 0.75, 0.85};

/* Somebody else than the text's customer paid, and not what is open. */
#define OTHER_PAYER 0.75

/* A list with room for some items. */
O2cItems
o2c_item_list(int room)
{
	O2cItems	items = {0, palloc(sizeof(int) * Max(room, 1))};

	return items;
}

/* Adds an item once. */
void
o2c_add_item(O2cItems *items, int place)
{
	for (int i = 0; i < items->n; i++)
		if (items->places[i] == place)
			return;
	if (items->n < O2C_MAX_NAMED)
		items->places[items->n++] = place;
}

/* Whether an item is in a list. */
bool
o2c_has_item(const O2cItems *items, int place)
{
	for (int i = 0; i < items->n; i++)
		if (items->places[i] == place)
			return true;
	return false;
}

/* Whether a payment may pay an item. */
bool
o2c_is_payable(const O2cLook *l, const O2cMatchItem *item)
{
	return item->open != 0 && strcmp(item->currency, l->p->currency) == 0;
}

/* Adds what an item gets to an explanation. */
void
o2c_add_part(O2cExplanation *e, int place, int64 cash, int64 discount, int64 tolerance)
{
	e->parts[e->n++] = (O2cMatchPart) {place, cash, discount, tolerance};
}

/* Pays all of some items, in full or less the discounts that may be taken; returns what that costs. */
int128
o2c_pay_all(const O2cLook *l, O2cExplanation *e, const O2cItems *items, bool discounted)
{
	int128		cash = 0;

	e->n = 0;
	e->parts = palloc(sizeof(O2cMatchPart) * Max(items->n, 1));
	for (int i = 0; i < items->n; i++)
	{
		const O2cMatchItem *item = item_at(l, items->places[i]);
		int64		discount = discounted ? o2c_discount_of(item, policy_of(l, item->customer), l->p->received_on, 0) : 0;

		o2c_add_part(e, items->places[i], item->open - discount, discount, 0);
		cash += item->open - discount;
	}
	return cash;
}

/* Lets the item that gets most bear what is missing. */
void
o2c_tolerate(O2cExplanation *e, int64 missing)
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
bool
o2c_may_tolerate(const O2cLook *l, int64 customer, int128 owed)
{
	int128		missing = owed - l->p->open;

	return missing > 0 && missing <= o2c_tolerance_of(policy_of(l, customer), (int64) owed, l->p->digits);
}

/* Pays some items, the first one first, as far as the payment goes; credits are left. */
void
o2c_pay_in_order(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
{
	int64		left = l->p->open;

	e->n = 0;
	e->parts = palloc(sizeof(O2cMatchPart) * Max(items->n, 1));
	for (int i = 0; i < items->n && left > 0; i++)
	{
		int64		cash = Min(left, item_at(l, items->places[i])->open);

		if (cash <= 0)
			continue;
		o2c_add_part(e, items->places[i], cash, 0, 0);
		left -= cash;
	}
}

/* The amounts that an item may be paid with. */
O2cChoice
o2c_choices_of(const O2cLook *l, const O2cMatchItem *item)
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
O2cSubset
o2c_search_items(const O2cLook *l, O2cExplanation *e, const O2cItems *items, int64 amount)
{
	O2cChoice  *choices = palloc(sizeof(O2cChoice) * Max(items->n, 1));
	O2cSubset	found;

	for (int i = 0; i < items->n; i++)
		choices[i] = o2c_choices_of(l, item_at(l, items->places[i]));
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
		o2c_add_part(e, items->places[i], cash, item_at(l, items->places[i])->open - cash, 0);
	}
	return found;
}

/* The items of a group, or of one customer of it; false when there are too many. */
bool
o2c_collect_items(const O2cLook *l, int64 group, int64 customer, O2cItems *items)
{
	const O2cMatchGroup *g = o2c_match_group(&l->match->book, group);

	*items = o2c_item_list(g == NULL ? 0 : Min(g->n, MAX_SCANNED));
	if (g == NULL || g->n > MAX_SCANNED)
		return g == NULL;
	for (int i = g->first; i < g->first + g->n; i++)
		if (o2c_is_payable(l, item_at(l, i)) && (customer == 0 || item_at(l, i)->customer == customer))
			items->places[items->n++] = i;
	return true;
}

/* Whether an explanation pays an item. */
bool
o2c_pays(const O2cExplanation *e, int place)
{
	for (int i = 0; i < e->n; i++)
		if (e->parts[i].item == place)
			return true;
	return false;
}

/* Whether two explanations pay the same items. */
bool
o2c_same_items(const O2cExplanation *a, const O2cExplanation *b)
{
	if (a->n != b->n)
		return false;
	for (int i = 0; i < a->n; i++)
		if (!o2c_pays(b, a->parts[i].item))
			return false;
	return true;
}

/* Notes an explanation, unless there are better ones enough. */
void
o2c_add_explanation(O2cLook *l, const O2cExplanation *e)
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
date_score(const O2cLook *l, const O2cExplanation *e)
{
	int			days = e->n == 0 ? 1000 : abs(l->p->received_on - item_at(l, e->parts[0].item)->due_on);

	return days <= 30 ? 0.1 : days <= 60 ? 0.05 : 0;
}

/* Puts the parts of the score together. */
void
o2c_score(const O2cLook *l, O2cExplanation *e)
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

/* Whether something of a named document is open, in whatever currency. */
bool
o2c_is_open(const O2cLook *l, const O2cHit *hit)
{
	for (int place = o2c_first_item(&l->match->book, hit->invoice); place >= 0; place = item_at(l, place)->next)
		if (item_at(l, place)->open != 0)
			return true;
	return false;
}

/* Whether a token is what an open document of a group is named by, or a piece of it. */
static bool
is_spent(const O2cLook *l, int64 group, const char *token)
{
	for (int i = 0; i < l->p->n_hits; i++)
	{
		const O2cHit *hit = &l->p->hits[i];

		if (hit->group == group && hit->strength >= O2C_REF_EXACT && hit->token != NULL && o2c_is_open(l, hit) &&
			(strstr(hit->token, token) != NULL || strstr(token, hit->token) != NULL))
			return true;
	}
	return false;
}

/*
 * Whether the text comes within a slip of the pen of an item's number, with
 * something that names nothing else; if asked for, without losing a character.
 */
bool
o2c_nearly_names(const O2cLook *l, const O2cMatchItem *item, bool same_length)
{
	if (item->key == NULL || strlen(item->key) < O2C_LEAST_SIGNIFICANT)
		return false;
	o2c_read_bare(l->p);
	for (int i = 0; i < l->p->n_bare; i++)
	{
		const char *token = l->p->bare[i];

		if (same_length && strlen(token) != strlen(item->key))
			continue;
		if ((strcmp(token, item->key) == 0 || o2c_one_edit(token, item->key)) && !is_spent(l, item->group, token) &&
			!(l->p->code != NULL && strcmp(l->p->code, token) == 0) && !o2c_is_customer_number(l->p, token))
			return true;
	}
	return false;
}

/* Whether an explanation nets a credit note. */
static bool
nets_credit(const O2cExplanation *e)
{
	for (int i = 0; i < e->n; i++)
		if (e->parts[i].cash < 0)
			return true;
	return false;
}

/* Why a text that speaks of something else than paying is left to a person, or NULL. */
const char *
o2c_doubt_purpose(const O2cLook *l, const O2cExplanation *e)
{
	const char *word;

	for (int i = 0; i < e->n; i++)
		for (int j = 0; j < l->p->n_unpaid; j++)
			if (item_at(l, e->parts[i].item)->invoice == l->p->unpaid[j])
				return "the text says that it is not paid";
	word = e->found_by != NULL && strcmp(e->found_by, O2C_LINK) == 0 ? NULL : o2c_other_purpose(l->p);

	if (word == NULL || (o2c_is_credit_word(word) && nets_credit(e)))
		return NULL;
	return psprintf("the text says \"%s\"", word);
}
