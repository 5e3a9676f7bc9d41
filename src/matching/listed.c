/*-------------------------------------------------------------------------
 *
 * listed.c
 *		What a list of numbers says without writing it out: ranges, numbers in
 *		short after the first one, and a number with a slip of the pen.
 *
 * Nothing of this is believed unless the amount is exactly what it comes to.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/explain.h"

#include "core/reference.h"

/* Whether two numbers differ in their last characters only, so many or fewer. */
static bool
is_alike(const char *a, const char *b, int tail)
{
	int			len = strlen(a);

	return len == strlen(b) && tail < len && strncmp(a, b, len - tail) == 0;
}

/* Whether an item's number lies between two others of its kind. */
static bool
is_between(const O2cMatchItem *item, const O2cMatchItem *low, const O2cMatchItem *high)
{
	return item->number != NULL && strlen(item->number) == strlen(low->number) &&
		strcmp(item->number, low->number) >= 0 && strcmp(item->number, high->number) <= 0;
}

/*
 * Explains a payment by all items from the first number to the second one of a
 * range, where it is one; whether it is.
 */
bool
o2c_explain_range(const O2cLook *l, O2cExplanation *e, const O2cItems *ends)
{
	const O2cMatchItem *low = ends->n == 2 ? item_at(l, ends->places[0]) : NULL;
	const O2cMatchItem *high = ends->n == 2 ? item_at(l, ends->places[1]) : NULL;
	O2cItems	owed;
	O2cItems	range = o2c_item_list(O2C_MAX_NAMED);
	int128		sum;

	if (low == NULL || low->number == NULL || high->number == NULL || strlen(low->number) != strlen(high->number))
		return false;
	if (strcmp(low->number, high->number) > 0)
	{
		const O2cMatchItem *swap = low;

		low = high;
		high = swap;
	}
	if (!o2c_is_range(l->p, low->key, high->key) || !o2c_collect_items(l, e->group, 0, &owed))
		return false;
	for (int i = 0; i < owed.n; i++)
		if (is_between(item_at(l, owed.places[i]), low, high))
			o2c_add_item(&range, owed.places[i]);
	sum = o2c_pay_all(l, e, &range, true);
	if (sum != l->p->open)
		sum = o2c_pay_all(l, e, &range, false);
	e->unique = true;
	e->amount = sum == l->p->open ? O2C_AMOUNT_EXACT : sum < l->p->open ? O2C_AMOUNT_OVER : O2C_AMOUNT_PART;
	if (e->amount == O2C_AMOUNT_PART)
		o2c_pay_in_order(l, e, &range);
	if (e->amount != O2C_AMOUNT_EXACT)
		e->reason = "it is a range of numbers, and the amount does not agree";
	return true;
}

/* The payment's text without what names documents, dates and amounts: what is left of it may be numbers in short. */
static char *
rest_of_text(const O2cPending *p)
{
	char	   *text = o2c_bare_text(p);

	for (int i = 0; i < p->n_hits; i++)
		if (p->hits[i].strength >= O2C_REF_EXACT)
			o2c_blank_token(text, p->hits[i].token, ' ');
	return text;
}

/* Whether an item's number is one of the named ones with other last digits, which stand in the text. */
static bool
is_in_short(const O2cLook *l, const char *text, const O2cItems *named, const O2cMatchItem *item)
{
	int			len = item->number == NULL ? 0 : strlen(item->number);

	for (; *text != '\0'; text++)
	{
		int			digits = strspn(text, "0123456789");

		if (digits == 0)
			continue;
		for (int i = 0; digits < len && i < named->n && strncmp(item->number + len - digits, text, digits) == 0; i++)
			if (item_at(l, named->places[i])->number != NULL && is_alike(item_at(l, named->places[i])->number, item->number, digits))
				return true;
		text += digits - 1;
	}
	return false;
}

/* Adds items that the text names in short to those that it names; whether all together have the amount. */
static bool
explain_short(const O2cLook *l, O2cExplanation *e, const O2cItems *named, const O2cItems *owed)
{
	O2cItems	all = o2c_item_list(O2C_MAX_NAMED);
	char	   *text = rest_of_text(l->p);

	for (int i = 0; i < named->n; i++)
		o2c_add_item(&all, named->places[i]);
	for (int i = 0; i < owed->n; i++)
		if (is_in_short(l, text, named, item_at(l, owed->places[i])))
			o2c_add_item(&all, owed->places[i]);
	return all.n > named->n && (o2c_pay_all(l, e, &all, false) == l->p->open || o2c_pay_all(l, e, &all, true) == l->p->open);
}

/*
 * Adds the one item that the text comes within a slip of and that has the rest
 * of the amount.  Where others have it, too, a number that was cut off is none.
 */
static bool
explain_slip(const O2cLook *l, O2cExplanation *e, const O2cItems *named, const O2cItems *owed)
{
	int128		rest = l->p->open - o2c_pay_all(l, e, named, false);
	O2cItems	fitting = o2c_item_list(O2C_MAX_NAMED);
	int			found = -1;

	for (int i = 0; i < owed->n && rest > 0; i++)
		if (item_at(l, owed->places[i])->open == rest && !o2c_has_item(named, owed->places[i]))
			o2c_add_item(&fitting, owed->places[i]);
	for (int i = 0; i < fitting.n; i++)
	{
		if (!o2c_nearly_names(l, item_at(l, fitting.places[i]), fitting.n > 1))
			continue;
		if (found >= 0)
			return false;
		found = fitting.places[i];
	}
	if (found < 0)
		return false;
	e->parts = repalloc(e->parts, sizeof(O2cMatchPart) * (e->n + 1));
	o2c_add_part(e, found, (int64) rest, 0, 0);
	return true;
}

/* Explains a payment of more than what is named by what the text means besides. */
bool
o2c_explain_unwritten(const O2cLook *l, O2cExplanation *e, const O2cItems *named)
{
	O2cItems	owed;

	if (o2c_pay_all(l, e, named, false) >= l->p->open || e->payer < O2C_PAYER_LIKELY || !o2c_collect_items(l, e->group, 0, &owed))
		return false;
	return explain_short(l, e, named, &owed) || explain_slip(l, e, named, &owed);
}
