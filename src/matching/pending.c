/*-------------------------------------------------------------------------
 *
 * pending.c
 *		The payments of a run of matching: what they carry, and what is left of them.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"

#include "core/money.h"
#include "core/plan.h"
#include "core/reference.h"
#include "utils/array.h"

#define MAX_CANDIDATES 256		/* references in one text */

/* The elements of a text[] in a row of the last result. */
static char **
text_elements(uint64 row, int column, int *n)
{
	bool		isnull;
	Datum		value = o2c_row_datum(row, column, &isnull);
	Datum	   *elements;
	char	  **texts;

	*n = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, n);
	texts = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		texts[i] = TextDatumGetCString(elements[i]);
	return texts;
}

/* Adds a candidate once. */
static void
add_candidate(O2cPending *p, char *token)
{
	for (int i = 0; i < p->n_tokens; i++)
		if (strcmp(p->tokens[i], token) == 0)
			return;
	p->tokens[p->n_tokens++] = token;
}

/* Adds words of some length that are short only without their leading zeros. */
static void
add_padded(O2cPending *p)
{
	const char *s = p->reference;

	while (*s != '\0' && p->n_tokens < MAX_CANDIDATES)
	{
		int			len = 0;
		int			digits = 0;
		char		key[O2C_LEAST_SIGNIFICANT * 8 + 1];

		for (; o2c_significant(s[len]) != '\0'; len++)
			digits += o2c_is_digit(s[len]);
		if (len >= O2C_LEAST_SIGNIFICANT && len < sizeof(key) && digits > 0)
		{
			key[o2c_normalize_reference(s, len, key)] = '\0';
			if (strlen(key) < 3)
				add_candidate(p, pstrdup(key));
		}
		s += Max(len, 1);
	}
}

/*
 * Adds to the candidates of a reference what is short: numbers that are mostly
 * zeros, and what is all of the reference but for a word that announces it.
 */
static void
add_short(O2cPending *p)
{
	int			len = p->whole == NULL ? 0 : strlen(p->whole);
	char	  **tokens;

	if (len == 0)
		return;
	p->leads = o2c_announced_leads(p->whole);
	if (p->n_tokens >= MAX_CANDIDATES)
		return;
	tokens = palloc(sizeof(char *) * (MAX_CANDIDATES + 1));
	if (p->n_tokens > 0)
		memcpy(tokens, p->tokens, sizeof(char *) * p->n_tokens);
	p->tokens = tokens;
	add_padded(p);
	for (int lead = 0; lead < len && len <= 40 && p->n_tokens < MAX_CANDIDATES; lead++)
		if ((p->leads & (UINT64CONST(1) << lead)) != 0)
			add_candidate(p, p->whole + lead);
}

/* Reads one payment from a row. */
static void
read_payment(O2cPending *p, uint64 row)
{
	bool		isnull;

	p->id = o2c_row_int8(row, 1);
	p->customer = o2c_row_int8(row, 2);
	p->group = o2c_row_int8(row, 3);
	p->item = o2c_row_int8(row, 4);
	p->received_on = o2c_row_int4(row, 5);
	p->currency = o2c_row_text(row, 6);
	p->digits = o2c_minor_units(p->currency);
	p->amount = o2c_to_minor(DatumGetNumeric(o2c_row_datum(row, 7, &isnull)), p->digits);
	p->open = o2c_to_minor(DatumGetNumeric(o2c_row_datum(row, 8, &isnull)), p->digits);
	p->reference = o2c_row_text(row, 9);
	p->name = o2c_row_text(row, 10);
	p->forms = o2c_row_text(row, 11);
	p->account = o2c_row_text(row, 12);
	p->text = o2c_row_text(row, 13);
	p->whole = o2c_row_text(row, 14);
	p->tokens = text_elements(row, 15, &p->n_tokens);
	p->last_words = o2c_row_text(row, 16);
	p->sent_currency = o2c_row_text(row, 18);
	if (p->sent_currency != NULL)
		p->sent = DatumGetNumeric(o2c_row_copy(row, 17).value);
	p->seen = PG_UINT64_MAX;
	add_short(p);
}

/* Reads the payments of a run in the order in which they are matched. */
void
o2c_read_pending(O2cMatch *match, NullableDatum payment)
{
	static O2cPlan read = O2C_PLAN("SELECT payment_id, customer_id, group_id, item_id, received_on, currency, amount, open_amount, reference,"
								   " name, forms, account, words, whole, tokens, last_words, sent_amount, sent_currency FROM o2c._pending_payments($2, $3, $1)",
								   INT8OID, DATEOID, INT8OID);

	match->n = o2c_run(&read, O2C_ARGS(o2c_int8(match->company), o2c_date(match->as_of), payment));
	match->payments = palloc_extended(sizeof(O2cPending) * Max(match->n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < match->n; i++)
		read_payment(&match->payments[i], i);
}

/* The ids of the payments. */
Datum
o2c_payment_ids(const O2cMatch *match)
{
	int64	   *ids = palloc_extended(sizeof(int64) * Max(match->n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < match->n; i++)
		ids[i] = match->payments[i].id;
	return o2c_int8_array(ids, match->n);
}

/* Order of payments by id. */
static int
compare_payment(const void *a, const void *b)
{
	int64		x = (*(O2cPending *const *) a)->id;
	int64		y = (*(O2cPending *const *) b)->id;

	return x < y ? -1 : x > y;
}

/* The payments by id. */
static O2cPending **
payments_by_id(const O2cMatch *match)
{
	O2cPending **by_id = palloc_extended(sizeof(O2cPending *) * Max(match->n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < match->n; i++)
		by_id[i] = &match->payments[i];
	qsort(by_id, match->n, sizeof(O2cPending *), compare_payment);
	return by_id;
}

/*
 * Reads again what is left of the payments, once their customers are locked:
 * another session may have used them meanwhile, or said that they are another
 * customer's, which leaves nothing open.
 */
void
o2c_refresh_pending(O2cMatch *match)
{
	static O2cPlan read = O2C_PLAN("SELECT payment_id, customer_id, open_amount FROM o2c._open_payments($2, $1)", INT8OID, INT8ARRAYOID);
	O2cPending **by_id = payments_by_id(match);
	int			n = o2c_run(&read, O2C_ARGS(o2c_int8(match->company), o2c_datum(o2c_payment_ids(match))));

	for (int i = 0; i < match->n; i++)
		match->payments[i].open = 0;
	for (int i = 0; i < n; i++)
	{
		O2cPending	key = {.id = o2c_row_int8(i, 1)};
		O2cPending *keyp = &key;
		O2cPending *p = *(O2cPending **) bsearch(&keyp, by_id, match->n, sizeof(O2cPending *), compare_payment);
		bool		isnull;

		if (p->customer == o2c_row_int8(i, 2))
			p->open = o2c_to_minor(DatumGetNumeric(o2c_row_datum(i, 3, &isnull)), p->digits);
	}
}
