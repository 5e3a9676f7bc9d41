/*-------------------------------------------------------------------------
 *
 * named.c
 *		What a payment may be for, by the documents that its text names.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/explain.h"

/* The first of the instalments whose sum is what was paid, in full or discounted. */
static bool
explain_instalments(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
{
	for (int n = 1; n < items->n; n++)
	{
		O2cItems	first = {n, items->places};

		if (o2c_pay_all(l, e, &first, false) == l->p->open || o2c_pay_all(l, e, &first, true) == l->p->open)
			return true;
	}
	return false;
}

/* What is named, less credit notes of the group that are not. */
static bool
explain_netted(const O2cLook *l, O2cExplanation *e, const O2cItems *items)
{
	int128		owed = o2c_pay_all(l, e, items, false);
	O2cExplanation credit = {0};
	O2cItems	credits;

	if (owed <= l->p->open || !o2c_collect_items(l, e->group, 0, &credits))
		return false;
	for (int i = credits.n - 1; i >= 0; i--)
		if (item_at(l, credits.places[i])->open > 0 || o2c_has_item(items, credits.places[i]))
			credits.places[i] = credits.places[--credits.n];
	if (credits.n == 0 || credits.n > O2C_MAX_COMBINED || o2c_search_items(l, &credit, &credits, l->p->open - (int64) owed).status != O2C_SUBSET_UNIQUE)
		return false;
	e->parts = repalloc(e->parts, sizeof(O2cMatchPart) * (e->n + credit.n));
	memcpy(e->parts + e->n, credit.parts, sizeof(O2cMatchPart) * credit.n);
	e->n += credit.n;
	return true;
}

/* How what is named makes up the amount exactly, if it does. */
static bool
explain_exactly(const O2cLook *l, O2cExplanation *e, const O2cItems *plain, const O2cItems *all)
{
	O2cSubset	found;

	if (plain->n > 0 && (o2c_pay_all(l, e, plain, false) == l->p->open || o2c_pay_all(l, e, plain, true) == l->p->open))
		return true;
	if (e->documents == 1 && explain_instalments(l, e, plain->n > 0 ? plain : all))
		return true;
	if (all->n > 0 && all->n <= O2C_MAX_COMBINED && (e->documents > 1 || all->n == 1 || plain->n < all->n))
	{
		found = o2c_search_items(l, e, all, l->p->open);
		e->unique = found.status == O2C_SUBSET_UNIQUE;
		e->leaves_named = e->n < all->n;
		if (e->unique || found.status == O2C_SUBSET_AMBIGUOUS)
			return true;
	}
	e->unique = true;
	e->leaves_named = false;
	return plain->n > 0 && (explain_netted(l, e, plain) || o2c_explain_unwritten(l, e, plain));
}

/* How what is named and the amount go together. */
static void
explain_amount(const O2cLook *l, O2cExplanation *e, const O2cItems *plain, const O2cItems *all)
{
	const O2cItems *items = plain->n > 0 ? plain : all;

	e->unique = true;
	e->amount = O2C_AMOUNT_EXACT;
	if (explain_exactly(l, e, plain, all))
		return;
	for (int discounted = 0; discounted <= 1; discounted++)
	{
		int128		owed = o2c_pay_all(l, e, items, discounted);

		if (!o2c_may_tolerate(l, item_at(l, items->places[0])->customer, owed))
			continue;
		o2c_tolerate(e, (int64) (owed - l->p->open));
		return;
	}
	if (o2c_pay_all(l, e, items, false) < l->p->open)
	{
		e->amount = O2C_AMOUNT_OVER;
		return;
	}
	e->amount = O2C_AMOUNT_PART;
	o2c_pay_in_order(l, e, items);
}

/* Whether an invoice that is a slip away from what is named, and as high, is still open. */
static bool
has_neighbour(const O2cLook *l)
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

/* Whether a document is all that the text may name: what is short or over is then its payment, too. */
static bool
is_only_one(const O2cLook *l, const O2cExplanation *e)
{
	if (strcmp(e->found_by, O2C_LINK) == 0)
		return true;
	if (e->documents > 1 || l->p->n_unpaid > 0)
		return false;
	/* a few digits are a number where they are said to be one, or surely paid by who owes it */
	if (e->ref < O2C_REF_EXACT && !(strcmp(e->found_by, "number") == 0 && strlen(e->token) > 3 &&
									(e->payer == O2C_PAYER_CERTAIN || o2c_is_invoice_number(l->p, e->token))))
		return false;
	return e->ref == O2C_REF_PROVED || (o2c_is_announced(l->p, e->token) && o2c_stands_alone(l->p, e->token));
}

/* Why what the text names is not to be applied by itself, or NULL. */
static const char *
doubt_reference(const O2cLook *l, const O2cExplanation *e)
{
	bool		agrees = e->payer >= O2C_PAYER_LIKELY;
	bool		proved = e->ref == O2C_REF_PROVED && e->payer != O2C_PAYER_OTHER;

	if (l->p->customer != 0 && e->group != l->p->group)
		return "it is another customer's";
	if (!e->unique)
		return "several sets of what is named have the amount";
	if (agrees || proved)
		return e->amount >= O2C_AMOUNT_TOLERATED || is_only_one(l, e) ? NULL : "the amount does not agree";
	if (e->amount < O2C_AMOUNT_TOLERATED)
		return e->payer == O2C_PAYER_OTHER ? "somebody else paid, and the amount does not agree" : "the payer is not known, and the amount does not agree";
	if (e->leaves_named)
		return "it does not pay all that it names, and the payer is not known";
	if (e->ref < O2C_REF_EXACT && !(e->documents > 1 && e->amount == O2C_AMOUNT_EXACT))
		return "a few digits are no proof, and the payer is not known";
	if (e->amount == O2C_AMOUNT_TOLERATED)
		return e->payer == O2C_PAYER_OTHER ? "somebody else paid, and the amount does not agree exactly" :
			"the payer is not known, and the amount does not agree exactly";
	if (l->p->code != NULL && strcmp(l->p->code, e->token) == 0)
		return "it is a customer's number, too";
	if (has_neighbour(l))
		return "an invoice as high has nearly the same number";
	return o2c_is_announced(l->p, e->token) ? NULL : "the text does not say that it is an invoice, and the payer is not known";
}

/* Of the documents that one number may be, leaves the one with the amount; false where that tells nothing. */
static bool
is_chosen(const O2cLook *l, const O2cHit *hit)
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
			if (o2c_is_payable(l, item_at(l, place)))
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
add_document(const O2cLook *l, const O2cHit *hit, O2cItems *items)
{
	bool		open = false;

	for (int place = o2c_first_item(&l->match->book, hit->invoice); place >= 0; place = item_at(l, place)->next)
	{
		if (!o2c_is_payable(l, item_at(l, place)))
			continue;
		o2c_add_item(items, place);
		open = true;
	}
	return open;
}

/* Whether a named document was paid by this run, by another payment than this one. */
static bool
is_paid_by_run(const O2cLook *l, const O2cHit *hit)
{
	return l->p->open == l->p->amount && o2c_first_item(&l->match->book, hit->invoice) >= 0 && !o2c_is_open(l, hit);
}

/* What a payment's text names of a group. */
typedef struct Named
{
	O2cItems	plain;			/* by its number */
	O2cItems	all;			/* by anything */
	int			documents;
} Named;

/* Adds what a hit names; notes what is not to be paid. */
static void
take_hit(O2cLook *l, O2cExplanation *e, Named *named, const O2cHit *hit)
{
	bool		plain = hit->strength >= O2C_REF_EXACT;

	if (!add_document(l, hit, &named->all))
	{
		if (plain && (!hit->open || is_paid_by_run(l, hit)))
			l->closed = hit;
		else if (plain && hit->open && o2c_is_open(l, hit))
			l->elsewhere = hit;
		return;
	}
	named->documents++;
	if (e->token == NULL || (plain && e->documents == 0))
	{
		e->token = hit->token;
		e->found_by = hit->found_by;
	}
	if (!plain)
		return;
	add_document(l, hit, &named->plain);
	e->documents++;
	e->ref = Min(e->ref, hit->strength);
	l->named |= e->payer != O2C_PAYER_OTHER;
}

/* Says whose payment it then is, and whether that is certain. */
static void
judge_named(O2cLook *l, O2cExplanation *e, const Named *named, const O2cParty *party)
{
	e->payer_by = party == NULL ? NULL : party->found_by;
	e->customer = party != NULL && party->customer != 0 ? party->customer : item_at(l, e->n > 0 ? e->parts[0].item : named->all.places[0])->customer;
	if (e->reason == NULL)
		e->reason = doubt_reference(l, e);
	if (e->reason == NULL)
		e->reason = o2c_doubt_purpose(l, e);
	e->sound = e->reason == NULL;
	o2c_score(l, e);
	o2c_add_explanation(l, e);
}

/* Explains a payment by the documents of one group that it names. */
static void
explain_named(O2cLook *l, int64 group)
{
	const O2cParty *party = NULL;
	Named		named = {o2c_item_list(O2C_MAX_NAMED), o2c_item_list(O2C_MAX_NAMED)};
	O2cExplanation e = {.stage = "reference", .group = group, .ref = O2C_REF_PROVED};

	e.payer = o2c_payer_strength(l->p, group, &party);
	for (int i = 0; i < l->p->n_hits; i++)
		if (l->p->hits[i].group == group && is_chosen(l, &l->p->hits[i]))
			take_hit(l, &e, &named, &l->p->hits[i]);
	if (named.all.n == 0)
		return;
	if (e.documents == 0)
	{
		e.documents = named.documents;
		e.ref = O2C_REF_WEAK;
	}
	if (strcmp(e.found_by, O2C_LINK) == 0)
		e.stage = "link";
	if (!o2c_explain_range(l, &e, &named.all))
		explain_amount(l, &e, &named.plain, &named.all);
	judge_named(l, &e, &named, party);
}

/* Explains a payment by what its text names. */
void
o2c_explain_references(O2cLook *l)
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
