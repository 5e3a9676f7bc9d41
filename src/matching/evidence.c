/*-------------------------------------------------------------------------
 *
 * evidence.c
 *		What payments say: which documents they name, and who paid.
 *
 * The text of a payment falls into candidates (o2c.reference_tokens), which are
 * looked up among the numbers of documents through indexes, all candidates of
 * all payments in one statement.  A hit is worth more the less it can be by
 * chance: check digits prove it, a reference that is nothing but the number
 * says it plainly, a few digits among others say little.
 *
 * Who paid is certain when somebody said so, by the account, by what people
 * confirmed before, by the customer's or VAT number, or by a name that only one
 * customer has; a similar name makes it likely.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"

#include "cash/checkdigit.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/reference.h"
#include "utils/array.h"

#define LEAST_SIGNIFICANT 5		/* fewer digits are too common to say much */
#define MAX_CANDIDATES 256		/* references in one text */
#define LEAST_SIMILARITY 0.6
#define LEAST_GAP 0.15

/* text.c */
extern Datum o2c_reference_tokens(PG_FUNCTION_ARGS);

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

/* Words that announce a number. */
static const char *const announcements[] = {
	"", "RECHNUNG", "RECHNUNGNR", "RECHNUNGSNR", "RECHNUNGSNUMMER", "RECHNUNGSNUMBER", "RG", "RGNR", "RE", "RENR", "RNR", "RN", "INVOICE", "INVOICENO", "INVOICENR",
	"INVOICENUMBER", "INV", "INVNO", "INVNR", "F", "FA", "FAC", "FACTURE", "FACTURA", "FATTURA", "FAKTURA", "BELEG", "BELEGNR", "NR", "NO", "REF", "SI", "BILL",
	"PAYMENTFORINVOICE", "PAYMENTFOR", "PAYMENT", "ZAHLUNG", "ZAHLUNGRECHNUNG", "SEPA"
};

/* Whether the beginning of a normal form is a word that announces a number. */
static bool
is_announcement(const char *s, int len)
{
	for (int i = 0; i < lengthof(announcements); i++)
		if (strlen(announcements[i]) == len && memcmp(s, announcements[i], len) == 0)
			return true;
	return false;
}

/* Whether a normal form is a number and nothing else but a word that announces it. */
static bool
is_whole(const char *whole, const char *number)
{
	int			lead = whole == NULL ? -1 : (int) strlen(whole) - (int) strlen(number);

	return lead >= 0 && strcmp(whole + lead, number) == 0 && is_announcement(whole, lead);
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
		char		key[LEAST_SIGNIFICANT * 8 + 1];

		for (; o2c_significant(s[len]) != '\0'; len++)
			digits += o2c_is_digit(s[len]);
		if (len >= LEAST_SIGNIFICANT && len < sizeof(key) && digits > 0)
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

	if (len == 0 || p->n_tokens >= MAX_CANDIDATES)
		return;
	tokens = palloc(sizeof(char *) * (MAX_CANDIDATES + 1));
	if (p->n_tokens > 0)
		memcpy(tokens, p->tokens, sizeof(char *) * p->n_tokens);
	p->tokens = tokens;
	add_padded(p);
	for (int lead = 0; lead < len && len <= 40 && p->n_tokens < MAX_CANDIDATES; lead++)
		if (is_announcement(p->whole, lead))
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
	p->seen = PG_UINT64_MAX;
	add_short(p);
}

/* Reads the payments of a run in the order in which they are matched. */
void
o2c_read_pending(O2cMatch *match, NullableDatum payment)
{
	static O2cPlan read = O2C_PLAN("SELECT payment_id, customer_id, group_id, item_id, received_on, currency, amount, open_amount, reference,"
								   " name, forms, account, words, whole, tokens, last_words FROM o2c._pending_payments($2, $3, $1)",
								   INT8OID, DATEOID, INT8OID);

	match->n = o2c_run(&read, O2C_ARGS(o2c_int8(match->company), o2c_date(match->as_of), payment));
	match->payments = palloc_extended(sizeof(O2cPending) * Max(match->n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < match->n; i++)
		read_payment(&match->payments[i], i);
}

/* The ids of the payments. */
static Datum
payment_ids(const O2cMatch *match)
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
	int			n = o2c_run(&read, O2C_ARGS(o2c_int8(match->company), o2c_datum(payment_ids(match))));

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

/* How much it says that a token of a payment is a document's number. */
static O2cRefStrength
number_strength(const O2cPending *p, const char *token, bool proved)
{
	if (proved)
		return O2C_REF_PROVED;
	if (is_whole(p->whole, token))
		return O2C_REF_WHOLE;
	if (looks_like_other(p, token))
		return O2C_REF_NONE;
	if (significant(token) >= LEAST_SIGNIFICANT || (!only_digits(token) && significant(token) >= LEAST_SIGNIFICANT - 1))
		return O2C_REF_EXACT;
	return O2C_REF_WEAK;
}

/* How much it says that a token of a payment is the digits, or the last digits, of a document's number. */
static O2cRefStrength
digits_strength(const O2cPending *p, const char *token, const char *key)
{
	bool		all = strcmp(digits_of(key), token) == 0;

	if (is_whole(p->whole, token) && significant(token) >= 3)
		return all ? O2C_REF_EXACT : O2C_REF_WEAK;
	if (looks_like_other(p, token))
		return O2C_REF_NONE;
	return O2C_REF_WEAK;
}

/* Adds a party that may have paid, unless it is there with as much certainty. */
static void
add_party(O2cPending *p, int64 customer, int64 group, O2cPayerStrength strength, const char *found_by)
{
	for (int i = 0; i < p->n_parties; i++)
	{
		O2cParty   *other = &p->parties[i];

		if (other->customer != customer)
			continue;
		if (other->strength < strength)
			*other = (O2cParty) {customer, group, strength, found_by};
		return;
	}
	if (p->n_parties % 8 == 0)
		p->parties = p->n_parties == 0 ? palloc(sizeof(O2cParty) * 8) : repalloc(p->parties, sizeof(O2cParty) * (p->n_parties + 8));
	p->parties[p->n_parties++] = (O2cParty) {customer, group, strength, found_by};
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
		p->code = l->key;
		/* mere digits may be anything */
		if (p->customer == 0 && significant(l->key) >= LEAST_SIGNIFICANT)
			add_party(p, hit.customer, hit.group, only_digits(l->key) ? O2C_PAYER_LIKELY : O2C_PAYER_CERTAIN, found_by);
		return;
	}
	if (strcmp(found_by, "number") == 0 || strcmp(found_by, "creditor reference") == 0)
		hit.strength = number_strength(p, l->key, l->proved);
	else if (strcmp(found_by, "digits") == 0)
		hit.strength = l->digits && strcmp(digits_of(key), l->key) == 0 ? O2C_REF_PROVED : digits_strength(p, l->key, key);
	else
		hit.strength = looks_like_other(p, l->key) ? O2C_REF_NONE : O2C_REF_WEAK;
	hit.open = strcmp(state, "posted") == 0 || strcmp(state, "overdue") == 0;
	if (hit.strength > O2C_REF_NONE)
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
read_documents(O2cMatch *match)
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
}

/* Looks up payment links, which stand for invoices. */
static void
read_links(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT place, invoice_id, customer_id, group_id, state, number FROM o2c._linked_documents($2, $1)", INT8OID, INT8ARRAYOID);
	int			n = o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(payment_ids(match))));

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

/* Customers that an account, a name or an alias of one payment stands for. */
typedef struct Known
{
	const char *found_by;
	int64		customer;
	int64		group;
	int			hits;
	int			misses;
	const char *forms;
} Known;

/* How sure a customer is that is found by name, of n who have it: legal forms part those who have the same. */
static O2cPayerStrength
name_strength(const O2cPending *p, const Known *all, int n, const Known *k)
{
	int			same = 0,
				others = 0;

	for (int i = 0; i < n; i++)
	{
		if (strcmp(all[i].found_by, "name") != 0)
			continue;
		if (strcmp(all[i].forms, p->forms) == 0)
			same++;
		else
			others++;
	}
	if (strcmp(k->forms, p->forms) == 0)
		return same == 1 ? O2C_PAYER_CERTAIN : O2C_PAYER_LIKELY;
	if (same > 0)
		return O2C_PAYER_OTHER;
	return others == 1 && (k->forms[0] == '\0' || p->forms[0] == '\0') ? O2C_PAYER_CERTAIN : O2C_PAYER_LIKELY;
}

/* How sure a customer is that people said an alias stands for. */
static O2cPayerStrength
alias_strength(const Known *all, int n, const Known *k)
{
	for (int i = 0; i < n; i++)
		if (strcmp(all[i].found_by, k->found_by) == 0 && all[i].customer != k->customer)
			return O2C_PAYER_LIKELY;
	if (k->misses > 0)
		return O2C_PAYER_UNKNOWN;
	/* a text may be anybody's */
	return k->hits >= 2 && strcmp(k->found_by, "learned text") != 0 ? O2C_PAYER_CERTAIN : O2C_PAYER_LIKELY;
}

/* How sure a customer is that owns an account. */
static O2cPayerStrength
account_strength(const Known *all, int n, const Known *k)
{
	for (int i = 0; i < n; i++)
		if (strcmp(all[i].found_by, "account") == 0 && all[i].customer != k->customer)
			return O2C_PAYER_LIKELY;
	return O2C_PAYER_CERTAIN;
}

/* Takes over who is known to have paid one payment; an account says more than a name. */
static void
take_known(O2cPending *p, const Known *all, int n)
{
	bool		by_account = false;

	for (int i = 0; i < n; i++)
		if (strcmp(all[i].found_by, "account") == 0)
		{
			add_party(p, all[i].customer, all[i].group, account_strength(all, n, &all[i]), "account");
			by_account = true;
		}
	for (int i = 0; i < n; i++)
	{
		O2cPayerStrength strength;

		if (strcmp(all[i].found_by, "account") == 0)
			continue;
		strength = strcmp(all[i].found_by, "name") == 0 ? name_strength(p, all, n, &all[i]) : alias_strength(all, n, &all[i]);
		/* among the owners of an account, a name tells which one it is */
		if (by_account && !(strength == O2C_PAYER_CERTAIN && o2c_payer_strength(p, all[i].group, NULL) == O2C_PAYER_LIKELY))
			continue;
		if (strength >= O2C_PAYER_LIKELY)
			add_party(p, all[i].customer, all[i].group, strength, all[i].found_by);
	}
}

/* Of payments without a customer, what may tell it. */
static Datum
payer_keys(const O2cMatch *match, size_t field)
{
	NullableDatum *keys = palloc_extended(sizeof(NullableDatum) * match->n, MCXT_ALLOC_HUGE);

	for (int i = 0; i < match->n; i++)
	{
		const char *key = *(char **) ((char *) &match->payments[i] + field);

		keys[i] = match->payments[i].customer == 0 ? o2c_opt_cstring(key) : O2C_NULL;
	}
	return o2c_datum_array(keys, match->n, TEXTOID);
}

/* Looks up accounts, names and aliases. */
static void
read_payers(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT place, found_by, customer_id, group_id, hits, misses, forms FROM o2c._known_payers($2, $3, $4, $1) ORDER BY place",
								   INT8OID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID);
	int			n = o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(payer_keys(match, offsetof(O2cPending, account))),
											o2c_datum(payer_keys(match, offsetof(O2cPending, name))),
											o2c_datum(payer_keys(match, offsetof(O2cPending, text)))));
	Known	   *known = palloc_extended(sizeof(Known) * Max(n, 1), MCXT_ALLOC_HUGE);
	int64	   *places = palloc_extended(sizeof(int64) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
	{
		places[i] = o2c_row_int8(i, 1) - 1;
		known[i] = (Known) {o2c_row_text(i, 2), o2c_row_int8(i, 3), o2c_row_int8(i, 4), o2c_row_int4(i, 5), o2c_row_int4(i, 6), o2c_row_text(i, 7)};
	}
	for (int i = 0, end; i < n; i = end)
	{
		for (end = i + 1; end < n && places[end] == places[i]; end++)
			;
		take_known(&match->payments[places[i]], &known[i], end - i);
	}
}

/* Takes over whose name is similar: the best one, when the next one is far behind. */
static void
take_similar(O2cMatch *match, O2cPending **unknown, int n)
{
	for (int i = 0, end; i < n; i = end)
	{
		int			best = i;
		float4		second = 0;
		float4		similarity;

		for (end = i; end < n && o2c_row_int8(end, 1) == o2c_row_int8(i, 1); end++)
			if (DatumGetFloat4(o2c_row_datum(end, 4, &(bool) {0})) > DatumGetFloat4(o2c_row_datum(best, 4, &(bool) {0})))
				best = end;
		similarity = DatumGetFloat4(o2c_row_datum(best, 4, &(bool) {0}));
		for (int j = i; j < end; j++)
			if (j != best)
				second = Max(second, DatumGetFloat4(o2c_row_datum(j, 4, &(bool) {0})));
		if (similarity >= LEAST_SIMILARITY && similarity - second >= LEAST_GAP)
			add_party(unknown[o2c_row_int8(i, 1) - 1], o2c_row_int8(best, 2), o2c_row_int8(best, 3), O2C_PAYER_LIKELY, "similar name");
	}
}

/* Compares the names of those who are still unknown with all customers'. */
static void
read_similar(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT place, customer_id, group_id, similarity FROM o2c._similar_names($2, $1) ORDER BY place",
								   INT8OID, TEXTARRAYOID);
	O2cPending **unknown = palloc_extended(sizeof(O2cPending *) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	NullableDatum *names = palloc_extended(sizeof(NullableDatum) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < match->n; i++)
	{
		if (match->payments[i].n_parties > 0 || match->payments[i].name == NULL)
			continue;
		names[n] = o2c_cstring(match->payments[i].name);
		unknown[n++] = &match->payments[i];
	}
	if (n > 0)
		take_similar(match, unknown, o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(o2c_datum_array(names, n, TEXTOID)))));
}

/* Finds out what the payments say. */
void
o2c_read_evidence(O2cMatch *match)
{
	bool		unknown = false;

	for (int i = 0; i < match->n; i++)
	{
		O2cPending *p = &match->payments[i];

		if (p->customer != 0)
			add_party(p, p->customer, p->group, O2C_PAYER_CERTAIN, "the payment itself");
		unknown |= p->customer == 0;
	}
	read_documents(match);
	read_links(match);
	if (!unknown)
		return;
	read_payers(match);
	read_similar(match);
}

/* How sure it is that a group of customers made a payment. */
O2cPayerStrength
o2c_payer_strength(const O2cPending *p, int64 group, const O2cParty **party)
{
	O2cPayerStrength strength = p->n_parties == 0 ? O2C_PAYER_UNKNOWN : O2C_PAYER_OTHER;
	int			certain = 0;

	for (int i = 0; i < p->n_parties; i++)
	{
		if (p->parties[i].strength == O2C_PAYER_CERTAIN && p->parties[i].group != group)
			certain++;
		if (p->parties[i].group != group || p->parties[i].strength <= strength)
			continue;
		strength = p->parties[i].strength;
		if (party != NULL)
			*party = &p->parties[i];
	}
	/* who is sure to be somebody else is only likely to be this one, too */
	return strength == O2C_PAYER_CERTAIN && certain > 0 ? O2C_PAYER_LIKELY : strength;
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

/* The length of a date at the beginning of a normal form, as in 12-3-2026, or 0. */
static int
date_length(const char *s)
{
	int			groups[3];
	int			n = 0;
	int			len = 0;

	for (;;)
	{
		groups[n] = 0;
		while (o2c_is_digit(s[len]))
			groups[n] = Min(groups[n] * 10 + (s[len++] - '0'), 10000);
		if (++n == 3 || s[len] != '-')
			break;
		len++;
	}
	return n == 3 && ((groups[0] <= 31 && groups[1] <= 31 && (groups[2] < 100 || (groups[2] >= 1990 && groups[2] < 2100))) ||
					  (groups[0] >= 1990 && groups[0] < 2100 && groups[1] <= 12 && groups[2] <= 31)) ? len : 0;
}

/* The length of what a normal form begins with and is another text, or 0. */
static int
begins_with(const char *s, const char *text)
{
	size_t		len = text == NULL ? 0 : strlen(text);

	return len > 0 && strncmp(s, text, len) == 0 && !o2c_is_digit(s[len]) ? len : 0;
}

/* The length of the payment's amount at the beginning of a normal form, as in 1-794-78, or 0. */
static int
amount_length(const O2cPending *p, const char *s)
{
	char		grouped[64];
	char		key[64];
	int			n = 0;
	int			len = 0;
	char	   *plain = o2c_numeric_text(o2c_from_minor(p->amount, p->digits));
	int			major = strcspn(plain, ".");

	for (int i = 0; plain[i] != '\0' && n < sizeof(grouped) - 2; i++)
	{
		if (i > 0 && i < major && (major - i) % 3 == 0)
			grouped[n++] = ',';
		grouped[n++] = plain[i];
	}
	key[o2c_normalize_reference(grouped, n, key)] = '\0';
	len = begins_with(s, key);
	if (len > 0)
		return len;
	key[o2c_normalize_reference(plain, strlen(plain), key)] = '\0';
	len = begins_with(s, key);
	if (len > 0)
		return len;
	plain[major] = '\0';
	return begins_with(s, plain);
}

/* The length of a year at the beginning of a normal form, or 0. */
static int
year_length(const char *s)
{
	return (strncmp(s, "19", 2) == 0 || strncmp(s, "20", 2) == 0) && strspn(s, "0123456789") == 4 ? 4 : 0;
}

/* Whether a reference has no other number than this one, but for dates, years, the amount and the customer's number. */
bool
o2c_stands_alone(const O2cPending *p, const char *number)
{
	const char *found = p->whole == NULL ? NULL : strstr(p->whole, number);

	if (found == NULL)
		return false;
	for (const char *s = p->whole; *s != '\0';)
	{
		int			known = 0;

		if (s == found)
			known = strlen(number);
		else if (o2c_is_digit(*s) && (s == p->whole || !o2c_is_digit(s[-1])))
		{
			known = date_length(s);
			known = Max(known, amount_length(p, s));
			known = Max(known, year_length(s));
			known = Max(known, begins_with(s, p->code));
		}
		if (known == 0 && o2c_is_digit(*s))
			return false;
		s += Max(known, 1);
	}
	return true;
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
