/*-------------------------------------------------------------------------
 *
 * documents.c
 *		Which documents payments name.
 *
 * The text of a payment falls into candidates (o2c.reference_tokens), which are
 * looked up among the numbers of documents through indexes, all candidates of
 * all payments in one statement.  A hit is worth more the less it can be by
 * chance: check digits prove it, a reference that is nothing but the number
 * says it plainly, a few digits among others say little.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"

#include "cash/checkdigit.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/reference.h"
#include "utils/array.h"
#include "utils/memutils.h"

/* text.c */
extern Datum o2c_reference_tokens(PG_FUNCTION_ARGS);

/* How many letters and digits a normal form has. */
static int
significant(const char *s)
{
	int			n = 0;

	for (; *s != '\0'; s++)
		n += *s != '-';
	return n;
}

/* Whether there is nothing but digits, and marks between them. */
static bool
only_digits(const char *s)
{
	return strspn(s, "0123456789-") == strlen(s);
}

/* Whether digits may be the amount, a year or a date. */
static bool
looks_like_other(const O2cPending *p, const char *token)
{
	int			len = strlen(token);
	char		amount[64];
	int64		unit = 1;

	if (!only_digits(token))
		return false;
	for (int i = 0; i < p->digits; i++)
		unit *= 10;
	snprintf(amount, sizeof(amount), INT64_FORMAT, p->amount);
	if (strcmp(token, amount) == 0)
		return true;
	snprintf(amount, sizeof(amount), INT64_FORMAT, p->amount / unit);
	if (strcmp(token, amount) == 0)
		return true;
	snprintf(amount, sizeof(amount), INT64_FORMAT "-" INT64_FORMAT, p->amount / unit, p->amount % unit);
	if (strcmp(token, amount) == 0)
		return true;
	return (len == 4 || len == 8) && strchr(token, '-') == NULL && (strncmp(token, "19", 2) == 0 || strncmp(token, "20", 2) == 0);
}

/* The digits of a number in normal form, letters as marks between them. */
static char *
digits_of(const char *key)
{
	char	   *digits = pstrdup(key);
	int			n = 0;

	for (; *key != '\0'; key++)
	{
		if (o2c_is_digit(*key))
			digits[n++] = *key;
		else if (n > 0 && digits[n - 1] != '-')
			digits[n++] = '-';
	}
	while (n > 0 && digits[n - 1] == '-')
		n--;
	digits[n] = '\0';
	return digits;
}

/* Whether mere digits are those of a date, or of an amount, as 42025 in 26.04.2025. */
static bool
is_of_date(const O2cPending *p, const char *token)
{
	return strspn(token, "0123456789") == strlen(token) && !o2c_says(o2c_bare_text(p), token);
}

/* How much it says that a token of a payment is a document's number. */
static O2cRefStrength
number_strength(const O2cPending *p, const char *token, bool proved)
{
	if (proved)
		return O2C_REF_PROVED;
	if (o2c_is_whole(p, token))
		return O2C_REF_WHOLE;
	if (looks_like_other(p, token))
		return strlen(token) == 4 && o2c_is_invoice_number(p, token) ? O2C_REF_WEAK : O2C_REF_NONE;
	if (significant(token) >= O2C_LEAST_SIGNIFICANT || (!only_digits(token) && significant(token) >= O2C_LEAST_SIGNIFICANT - 1))
		return O2C_REF_EXACT;
	return O2C_REF_WEAK;
}

/* How much it says that a token of a payment is the digits, or the last digits, of a document's number. */
static O2cRefStrength
digits_strength(const O2cPending *p, const char *token, const char *key)
{
	bool		all = strcmp(digits_of(key), token) == 0;

	if (o2c_is_whole(p, token) && significant(token) >= 3)
		return all ? O2C_REF_EXACT : O2C_REF_WEAK;
	if (looks_like_other(p, token))
		return O2C_REF_NONE;
	return O2C_REF_WEAK;
}

/* Reads the tokens of a payment's text without its dates and amounts, once: what may be a number with a slip. */
void
o2c_read_bare(O2cPending *p)
{
	MemoryContext old;
	Datum	   *elements;

	if (p->bare != NULL || p->reference == NULL)
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(p->reference));
	deconstruct_array(DatumGetArrayTypeP(DirectFunctionCall1(o2c_reference_tokens, CStringGetTextDatum(o2c_without_letters(o2c_bare_text(p))))),
					  TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &p->n_bare);
	p->bare = palloc(sizeof(char *) * Max(p->n_bare, 1));
	for (int i = 0; i < p->n_bare; i++)
		p->bare[i] = TextDatumGetCString(elements[i]);
	MemoryContextSwitchTo(old);
}

/* Adds a document that is named, or what is known better of it. */
static void
add_hit(O2cPending *p, const O2cHit *hit)
{
	for (int i = 0; i < p->n_hits; i++)
	{
		if (p->hits[i].invoice != hit->invoice)
			continue;
		if (p->hits[i].strength < hit->strength)
			p->hits[i] = *hit;
		return;
	}
	if (p->n_hits % 8 == 0)
		p->hits = p->n_hits == 0 ? palloc(sizeof(O2cHit) * 8) : repalloc(p->hits, sizeof(O2cHit) * (p->n_hits + 8));
	p->hits[p->n_hits++] = *hit;
}

/* Adds an invoice that the text takes away. */
static void
add_unpaid(O2cPending *p, int64 invoice)
{
	if (p->n_unpaid % 8 == 0)
		p->unpaid = p->n_unpaid == 0 ? palloc(sizeof(int64) * 8) : repalloc(p->unpaid, sizeof(int64) * (p->n_unpaid + 8));
	p->unpaid[p->n_unpaid++] = invoice;
}

/* A token to look up, and whose it is. */
typedef struct Lookup
{
	O2cPending *payment;
	const char *token;			/* as the payment has it */
	char	   *key;			/* what is looked up */
	bool		proved;			/* check digits prove it */
	bool		digits;			/* also where it is the digits of a number only */
	int			place;			/* of the key among all that differ */
} Lookup;

typedef struct Lookups
{
	Lookup	   *all;
	int			n;
	int			room;
} Lookups;

/* Adds a token. */
static void
add_lookup(Lookups *l, O2cPending *p, const char *token, char *key, bool proved)
{
	if (l->n == l->room)
	{
		l->room = Max(l->room * 2, 256);
		l->all = l->all == NULL ? palloc_extended(sizeof(Lookup) * l->room, MCXT_ALLOC_HUGE) : repalloc_huge(l->all, sizeof(Lookup) * l->room);
	}
	l->all[l->n++] = (Lookup) {.payment = p, .token = token, .key = key, .proved = proved};
}

/* Adds what a reference was made of, in every way that a number is written. */
static void
add_body(Lookups *l, O2cPending *p, const char *token, const char *body, bool proved)
{
	Datum		tokens = DirectFunctionCall1(o2c_reference_tokens, CStringGetTextDatum(body));
	Datum	   *elements;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(tokens), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		add_lookup(l, p, token, TextDatumGetCString(elements[i]), proved);
		l->all[l->n - 1].digits = proved && only_digits(body);
	}
}

/* How long references of a scheme are, and whether one digit in ten would pass for a check digit. */
static const struct
{
	const char *name;
	int			len;			/* 0: they have no fixed length */
}			schemes[] = {{"QRR", 27}, {"OGM", 12}, {"VIITE", 0}, {"KID10", 0}, {"KID11", 0}};

/* Adds what a national reference was made of, where the company uses such. */
static void
add_national(Lookups *l, O2cPending *p, const char *token, const char *scheme)
{
	for (int i = 0; i < lengthof(schemes); i++)
	{
		O2cCode		code = {0};
		int			len = strlen(token);
		int			zeros = Max(schemes[i].len - len, 0);

		if (strcmp(scheme, schemes[i].name) != 0 || strspn(token, "0123456789") != len || zeros + len > O2C_CODE_MAX ||
			(schemes[i].len > 0 && zeros + len != schemes[i].len))
			continue;
		memset(code.chars, '0', zeros);
		memcpy(code.chars + zeros, token, len);
		code.len = zeros + len;
		if (o2c_scheme_accepts(o2c_scheme(scheme), &code))
			add_body(l, p, token, pnstrdup(token, len - o2c_scheme(scheme)->check_length), schemes[i].len > 0);
	}
}

/* Adds a token, and what a creditor reference was made of. */
static void
add_token(Lookups *l, O2cPending *p, char *token, const char *scheme)
{
	int			len = strlen(token);
	bool		proved = o2c_is_creditor_reference(token, len);

	add_lookup(l, p, token, token, proved);
	if (proved)
		add_body(l, p, token, token + 4, true);
	else if (scheme != NULL)
		add_national(l, p, token, scheme);
}

/* Takes a customer's number over: mere digits, or a few characters, may be anything unless they are said to be one. */
static void
take_customer(O2cPending *p, const Lookup *l, const O2cHit *hit)
{
	bool		said = strcmp(hit->found_by, "customer number") == 0 && o2c_is_customer_number(p, l->token);

	p->code = l->key;
	if (p->customer == 0 && (said || significant(l->key) >= O2C_LEAST_SIGNIFICANT))
		o2c_add_party(p, hit->customer, hit->group, said || !only_digits(l->key) ? O2C_PAYER_CERTAIN : O2C_PAYER_LIKELY, hit->found_by);
}

/* Drops a customer's number that only stands within an invoice's: it says nothing of who paid. */
static void
drop_code(O2cPending *p)
{
	char	   *text;
	int			kept = 0;

	if (p->code == NULL || p->n_hits == 0)
		return;
	text = pstrdup(p->reference);
	for (int i = 0; i < p->n_hits; i++)
		if (p->hits[i].strength >= O2C_REF_EXACT && strcmp(p->hits[i].token, p->code) != 0)
			o2c_blank_token(text, p->hits[i].token, ' ');
	if (o2c_says(text, p->code))
		return;
	p->code = NULL;
	for (int i = 0; i < p->n_parties; i++)
		if (strcmp(p->parties[i].found_by, "customer number") != 0 && strcmp(p->parties[i].found_by, "VAT number") != 0)
			p->parties[kept++] = p->parties[i];
	p->n_parties = kept;
}

/* Takes a row of o2c._named_documents over. */
static void
take_document(const Lookup *l, uint64 row)
{
	O2cPending *p = l->payment;
	char	   *found_by = o2c_row_text(row, 2);
	char	   *state = o2c_row_text(row, 7);
	char	   *key = o2c_row_text(row, 9);
	O2cHit		hit = {.invoice = o2c_row_int8(row, 3), .customer = o2c_row_int8(row, 4), .group = o2c_row_int8(row, 5),
	.found_by = found_by, .token = l->token, .number = o2c_row_text(row, 8)};

	if (hit.invoice == 0)
	{
		take_customer(p, l, &hit);
		return;
	}
	if (strcmp(found_by, "number") == 0 || strcmp(found_by, "creditor reference") == 0)
		hit.strength = is_of_date(p, l->token) ? O2C_REF_NONE : number_strength(p, l->key, l->proved);
	else if (strcmp(found_by, "digits") == 0)
		hit.strength = l->digits && strcmp(digits_of(key), l->key) == 0 ? O2C_REF_PROVED : digits_strength(p, l->key, key);
	else
		hit.strength = looks_like_other(p, l->key) ? O2C_REF_NONE : O2C_REF_WEAK;
	hit.open = strcmp(state, "posted") == 0 || strcmp(state, "overdue") == 0;
	if (hit.strength == O2C_REF_NONE)
		return;
	if (strcmp(o2c_row_text(row, 6), "invoice") == 0 && o2c_is_taken_away(p, l->token))
		add_unpaid(p, hit.invoice);
	else
		add_hit(p, &hit);
}

/* Order of tokens by what is looked up: qsort callback. */
static int
compare_key(const void *a, const void *b)
{
	return strcmp((*(Lookup *const *) a)->key, (*(Lookup *const *) b)->key);
}

/* The keys of the tokens, each once, as text[]: years and words stand in many payments. */
static Datum
distinct_keys(Lookups *l, int *n)
{
	Lookup	  **sorted = palloc_extended(sizeof(Lookup *) * l->n, MCXT_ALLOC_HUGE);
	NullableDatum *keys = palloc_extended(sizeof(NullableDatum) * l->n, MCXT_ALLOC_HUGE);

	for (int i = 0; i < l->n; i++)
		sorted[i] = &l->all[i];
	qsort(sorted, l->n, sizeof(Lookup *), compare_key);
	*n = 0;
	for (int i = 0; i < l->n; i++)
	{
		if (i == 0 || compare_key(&sorted[i - 1], &sorted[i]) != 0)
			keys[(*n)++] = o2c_cstring(sorted[i]->key);
		sorted[i]->place = *n - 1;
	}
	return o2c_datum_array(keys, *n, TEXTOID);
}

/* Gives the documents that were found, by the places of keys, to the payments that name them. */
static void
take_documents(const Lookups *l, int n_keys, int n)
{
	int		   *first = palloc_extended(sizeof(int) * n_keys, MCXT_ALLOC_HUGE);
	int		   *next = palloc_extended(sizeof(int) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n_keys; i++)
		first[i] = -1;
	for (int row = n - 1; row >= 0; row--)
	{
		int			place = o2c_row_int8(row, 1) - 1;

		next[row] = first[place];
		first[place] = row;
	}
	for (int i = 0; i < l->n; i++)
		for (int row = first[l->all[i].place]; row >= 0; row = next[row])
			take_document(&l->all[i], row);
}

/* Looks up what the texts name. */
static void
read_tokens(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT place, found_by, invoice_id, customer_id, group_id, kind, state, number, reference_key"
								   " FROM o2c._named_documents($2, $1)", INT8OID, TEXTARRAYOID);
	static O2cPlan setting = O2C_PLAN("SELECT upper(o2c.get_setting('reference_scheme', $1))", INT8OID);
	Lookups		l = {0};
	Datum		keys;
	char	   *scheme;
	int			n_keys;

	o2c_run(&setting, O2C_ARGS(o2c_int8(match->company)));
	scheme = o2c_row_text(0, 1);
	for (int i = 0; i < match->n; i++)
		for (int j = 0; j < match->payments[i].n_tokens; j++)
			add_token(&l, &match->payments[i], match->payments[i].tokens[j], scheme);
	if (l.n == 0)
		return;
	keys = distinct_keys(&l, &n_keys);
	take_documents(&l, n_keys, o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(keys))));
	for (int i = 0; i < match->n; i++)
		drop_code(&match->payments[i]);
}

/* Looks up payment links, which stand for invoices. */
static void
read_links(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT place, invoice_id, customer_id, group_id, state, number FROM o2c._linked_documents($2, $1)", INT8OID, INT8ARRAYOID);
	int			n = o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(o2c_payment_ids(match))));

	for (int i = 0; i < n; i++)
	{
		O2cPending *p = &match->payments[o2c_row_int8(i, 1) - 1];
		char	   *state = o2c_row_text(i, 5);
		O2cHit		hit = {.invoice = o2c_row_int8(i, 2), .customer = o2c_row_int8(i, 3), .group = o2c_row_int8(i, 4), .strength = O2C_REF_PROVED,
		.found_by = O2C_LINK, .token = p->whole, .number = o2c_row_text(i, 6)};

		hit.open = strcmp(state, "posted") == 0 || strcmp(state, "overdue") == 0;
		add_hit(p, &hit);
	}
}

/* Finds out which documents the payments name. */
void
o2c_read_documents(O2cMatch *match)
{
	read_tokens(match);
	read_links(match);
}

/* The number of an invoice that a payment of an unknown payer names and pays exactly, or NULL. */
static const char *
exactly_named(const O2cMatch *match, const O2cPending *p)
{
	for (int i = 0; i < p->n_hits; i++)
	{
		const O2cHit *hit = &p->hits[i];
		int64		owed = 0;

		if (!hit->open || hit->strength < O2C_REF_EXACT || o2c_payer_strength(p, hit->group, NULL) >= O2C_PAYER_LIKELY)
			continue;
		for (int place = o2c_first_item(&match->book, hit->invoice); place >= 0; place = match->book.items[place].next)
			owed += match->book.items[place].open;
		if (owed == p->open)
			return hit->number;
	}
	return NULL;
}

/*
 * Without a payer a number stands or falls with its digits.  Notes where another
 * open invoice with the payment's amount is one slip away from what is named.
 */
void
o2c_read_neighbours(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT place, invoice_id FROM o2c._neighbours($2, $3, $4, $1)", INT8OID, TEXTARRAYOID, NUMERICARRAYOID, TEXTARRAYOID);
	NullableDatum *numbers = palloc_extended(sizeof(NullableDatum) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	NullableDatum *amounts = palloc_extended(sizeof(NullableDatum) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	NullableDatum *currencies = palloc_extended(sizeof(NullableDatum) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	O2cPending **named = palloc_extended(sizeof(O2cPending *) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	int			n = 0;
	int			found;

	for (int i = 0; i < match->n; i++)
	{
		O2cPending *p = &match->payments[i];
		const char *number = exactly_named(match, p);

		if (number == NULL)
			continue;
		numbers[n] = o2c_cstring(number);
		amounts[n] = o2c_datum(NumericGetDatum(o2c_from_minor(p->open, p->digits)));
		currencies[n] = o2c_cstring(p->currency);
		named[n++] = p;
	}
	if (n == 0)
		return;
	found = o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(o2c_datum_array(numbers, n, TEXTOID)),
									o2c_datum(o2c_datum_array(amounts, n, NUMERICOID)), o2c_datum(o2c_datum_array(currencies, n, TEXTOID))));
	for (int i = 0; i < found; i++)
	{
		O2cPending *p = named[o2c_row_int8(i, 1) - 1];

		if (p->n_neighbours % 8 == 0)
			p->neighbours = p->n_neighbours == 0 ? palloc(sizeof(int64) * 8) : repalloc(p->neighbours, sizeof(int64) * (p->n_neighbours + 8));
		p->neighbours[p->n_neighbours++] = o2c_row_int8(i, 2);
	}
}

/* Whether two numbers differ by one character, or by two neighbours swapped. */
bool
o2c_one_edit(const char *a, const char *b)
{
	size_t		na = strlen(a);
	size_t		nb = strlen(b);
	size_t		i = 0;

	if (na > nb)
		return o2c_one_edit(b, a);
	while (i < na && a[i] == b[i])
		i++;
	if (nb == na + 1)
		return strcmp(a + i, b + i + 1) == 0;
	if (nb != na || i == na)
		return false;
	return strcmp(a + i + 1, b + i + 1) == 0 ||
		(a[i] == b[i + 1] && a[i + 1] == b[i] && a[i + 1] != '\0' && strcmp(a + i + 2, b + i + 2) == 0);
}
