/*-------------------------------------------------------------------------
 *
 * exchange.c
 *		What a payment may be for that is owed in another currency.
 *
 * Where the bank says what was sent (the instructed amount of a statement), the
 * payment is explained as one of that amount in that currency, and its own
 * amount is what the items cost.  Otherwise it is converted at the day's rate;
 * what is owed near by is then taken to be meant, at the rate that makes it
 * exact.  That is proposed, and applied only as far as the policy
 * (exchange_tolerance_percent) trusts the rate.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/explain.h"

#include "core/money.h"
#include "core/plan.h"

#define MAX_TARGETS 6
#define PROPOSED_PERCENT 5		/* how far from the day's rate an amount is still taken to be meant */

/* A rate between two currencies on a day. */
typedef struct RateKey
{
	char		from[8];
	char		to[8];
	DateADT		day;
} RateKey;

typedef struct Rate
{
	RateKey		key;
	Numeric		rate;			/* NULL: none is known */
} Rate;

/* Amounts that may be meant, in the other currency. */
typedef struct Targets
{
	int			n;
	int64		amounts[MAX_TARGETS];
	int64		worth;			/* of the payment at the day's rate */
	int64		trusted;		/* how far from it the policy trusts the rate */
} Targets;

/* The key of a rate. */
static RateKey
rate_key(const char *from, const char *to, DateADT day)
{
	RateKey		key;

	memset(&key, 0, sizeof(key));
	strlcpy(key.from, from, sizeof(key.from));
	strlcpy(key.to, to, sizeof(key.to));
	key.day = day;
	return key;
}

/* Notes that a rate is needed, once. */
static void
want_rate(O2cMatchBook *book, const O2cPending *p, const char *currency)
{
	RateKey		key = rate_key(p->currency, currency, p->received_on);
	bool		found;
	Rate	   *rate = hash_search(book->rates, &key, HASH_ENTER, &found);

	if (!found)
		rate->rate = NULL;
}

/* Looks up the rates that are wanted. */
static void
find_rates(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT o2c._known_rate(w.from_currency, w.to_currency, w.day, $1)"
								   " FROM unnest($2, $3, $4) WITH ORDINALITY AS w (from_currency, to_currency, day, place) ORDER BY w.place",
								   INT8OID, TEXTARRAYOID, TEXTARRAYOID, DATEARRAYOID);
	int			n = hash_get_num_entries(match->book.rates);
	NullableDatum *v = palloc(sizeof(NullableDatum) * n * 3);
	Rate	  **rates = palloc(sizeof(Rate *) * n);
	HASH_SEQ_STATUS seq;

	hash_seq_init(&seq, match->book.rates);
	for (int i = 0; i < n; i++)
	{
		rates[i] = hash_seq_search(&seq);
		v[i] = o2c_cstring(rates[i]->key.from);
		v[n + i] = o2c_cstring(rates[i]->key.to);
		v[2 * n + i] = o2c_date(rates[i]->key.day);
	}
	hash_seq_term(&seq);
	o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(o2c_datum_array(v, n, TEXTOID)),
							o2c_datum(o2c_datum_array(v + n, n, TEXTOID)), o2c_datum(o2c_datum_array(v + 2 * n, n, DATEOID))));
	for (int i = 0; i < n; i++)
	{
		NullableDatum rate = o2c_row_copy(i, 1);

		rates[i]->rate = rate.isnull ? NULL : DatumGetNumeric(rate.value);
	}
}

/* Reads the rates at which payments may be for what is owed in another currency. */
void
o2c_read_rates(O2cMatch *match)
{
	HASHCTL		control = {.keysize = sizeof(RateKey), .entrysize = sizeof(Rate), .hcxt = CurrentMemoryContext};
	O2cMatchBook *book = &match->book;

	book->rates = hash_create("o2c rates", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < match->n; i++)
		for (int j = 0; j < book->n_currencies; j++)
			if (strcmp(match->payments[i].currency, book->currencies[j]) != 0)
				want_rate(book, &match->payments[i], book->currencies[j]);
	if (hash_get_num_entries(book->rates) > 0)
		find_rates(match);
}

/* What is left of a payment at the day's rate; 0 when no rate is known. */
static int64
worth_of(const O2cLook *l, const O2cPending *other)
{
	RateKey		key = rate_key(l->p->currency, other->currency, l->p->received_on);
	const Rate *rate = hash_search(l->match->book.rates, &key, HASH_FIND, NULL);

	if (rate == NULL || rate->rate == NULL)
		return 0;
	return o2c_to_minor(o2c_round(o2c_mul(o2c_from_minor(l->p->open, l->p->digits), rate->rate), other->digits), other->digits);
}

/* Adds an amount once, if it is near what the payment is worth. */
static void
add_target(Targets *t, int128 amount)
{
	int128		off = amount > t->worth ? amount - t->worth : t->worth - amount;

	if (amount <= 0 || off * 100 > (int128) t->worth * PROPOSED_PERCENT || t->n == MAX_TARGETS)
		return;
	for (int i = 0; i < t->n; i++)
		if (t->amounts[i] == amount)
			return;
	t->amounts[t->n++] = (int64) amount;
}

/* The most that the policy of a customer trusts a rate to be off. */
static void
trust(const O2cLook *l, Targets *t, int64 customer)
{
	t->trusted = Max(t->trusted, (int64) ((int128) t->worth * policy_of(l, customer)->exchange_tolerance / 100000000));
}

/* Adds what the documents come to that the text names of a group. */
static void
add_named(const O2cLook *l, Targets *t, int64 group)
{
	O2cItems	items = o2c_item_list(O2C_MAX_NAMED);
	int128		owed = 0;

	for (int i = 0; i < l->p->n_hits; i++)
	{
		const O2cHit *hit = &l->p->hits[i];

		for (int place = hit->group == group ? o2c_first_item(&l->match->book, hit->invoice) : -1; place >= 0; place = item_at(l, place)->next)
			if (hit->strength >= O2C_REF_EXACT && o2c_is_payable(l, item_at(l, place)))
				o2c_add_item(&items, place);
	}
	for (int i = 0; i < items.n; i++)
		owed += item_at(l, items.places[i])->open;
	add_target(t, owed);
	if (items.n > 0)
		trust(l, t, item_at(l, items.places[0])->customer);
}

/* Adds each item of a group, and all of them. */
static void
add_owed(const O2cLook *l, Targets *t, int64 group)
{
	O2cItems	items;
	int128		owed = 0;

	if (!o2c_collect_items(l, group, 0, &items))
		return;
	for (int i = 0; i < items.n; i++)
	{
		add_target(t, item_at(l, items.places[i])->open);
		owed += item_at(l, items.places[i])->open;
	}
	add_target(t, owed);
	if (items.n > 0)
		trust(l, t, item_at(l, items.places[0])->customer);
}

/* What a payment of about its worth may be meant to pay: what it names, else what its payer owes. */
static void
find_targets(const O2cLook *l, Targets *t)
{
	for (int i = 0; i < l->p->n_hits; i++)
		add_named(l, t, l->p->hits[i].group);
	for (int i = 0; i < l->p->n_parties && t->n == 0; i++)
		if (l->p->parties[i].strength >= O2C_PAYER_LIKELY)
			add_owed(l, t, l->p->parties[i].group);
}

/* Why an explanation at the day's rate is not applied, or NULL. */
static const char *
doubt_rate(const Targets *t, const O2cExplanation *e)
{
	int64		off = e->worth > t->worth ? e->worth - t->worth : t->worth - e->worth;

	if (e->amount != O2C_AMOUNT_EXACT || t->n > 1 || off > t->trusted)
		return "it is in another currency";
	return t->trusted == 0 ? "the policy trusts no rate" : NULL;
}

/* Explains a payment as one of an amount in another currency. */
static void
explain_as(O2cLook *l, O2cPending *other, int64 amount, const Targets *t)
{
	O2cFinding	found = {.n = 0};
	O2cLook		in = {l->match, other, &found};

	other->open = amount;
	/* what is the rest of a payment stays one */
	other->amount = l->p->open < l->p->amount ? amount + 1 : amount;
	o2c_explain_references(&in);
	o2c_explain_payers(&in);
	for (int i = 0; i < found.n; i++)
	{
		O2cExplanation *e = &found.explanations[i];

		e->currency = other->currency;
		e->worth = amount;
		e->at_rate = t != NULL;
		if (t != NULL && e->reason == NULL)
			e->reason = doubt_rate(t, e);
		/* nobody is near enough to tell a slip of the number */
		if (e->reason == NULL && e->payer < O2C_PAYER_LIKELY && e->ref != O2C_REF_PROVED)
			e->reason = "the payer is not known, and it is in another currency";
		e->sound = e->reason == NULL;
		o2c_add_explanation(l, e);
	}
	l->named |= in.named;
}

/* Explains a payment by what is owed in a currency. */
static void
explain_in(O2cLook *l, char *currency)
{
	O2cPending	other = *l->p;
	O2cLook		in = {l->match, &other};
	Targets		t = {0};

	other.currency = currency;
	other.digits = o2c_minor_units(currency);
	if (l->p->sent_currency != NULL && strcmp(l->p->sent_currency, currency) == 0 && l->p->open >= l->p->amount)
	{
		explain_as(l, &other, o2c_to_minor(l->p->sent, other.digits), NULL);
		return;
	}
	t.worth = worth_of(l, &other);
	if (t.worth <= 0)
		return;
	find_targets(&in, &t);
	if (t.n == 0)
		explain_as(l, &other, t.worth, &t);
	for (int i = 0; i < t.n; i++)
		explain_as(l, &other, t.amounts[i], &t);
}

/* Explains a payment by what is owed in other currencies than its own. */
void
o2c_explain_exchanged(O2cLook *l)
{
	const O2cMatchBook *book = &l->match->book;

	for (int i = 0; i < book->n_currencies; i++)
		if (strcmp(book->currencies[i], l->p->currency) != 0)
			explain_in(l, book->currencies[i]);
}
