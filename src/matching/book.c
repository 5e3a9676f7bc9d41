/*-------------------------------------------------------------------------
 *
 * book.c
 *		What is owed, in memory: the open items of the groups of customers that
 *		a run of matching is about, with their policies and what they paid before.
 *
 * The caller holds the locks of the groups, so nothing of it changes but by the
 * run itself, which takes open amounts down here as it goes.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"

#include "common/hashfn.h"
#include "core/money.h"
#include "core/plan.h"
#include "utils/memutils.h"

/* Beyond this amounts of many items might not add up; nobody pays it by transfer. */
#define LARGEST INT64CONST(100000000000000000)

/* Where something with an id stands. */
typedef struct Place
{
	int64		id;
	int			place;
} Place;

/* Payments of a group that are used up, with one amount. */
typedef struct SettledKey
{
	int64		group;
	int64		amount;
	char		currency[8];
} SettledKey;

typedef struct Settled
{
	SettledKey	key;
	int			n;
	int			room;
	struct
	{
		DateADT		received_on;
		uint32		text;
	}		   *payments;
} Settled;

/* An amount in minor units; what is too large for matching is nothing. */
int64
o2c_to_minor(Numeric amount, int digits)
{
	int64		unit = 1;

	for (int i = 0; i < digits; i++)
		unit *= 10;
	if (digits > 2 && o2c_cmp(DatumGetNumeric(DirectFunctionCall1(numeric_abs, NumericGetDatum(amount))), o2c_int_numeric(LARGEST / unit)) >= 0)
		return 0;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(o2c_mul(amount, o2c_int_numeric(unit)))));
}

/* The amount of minor units. */
Numeric
o2c_from_minor(int64 amount, int digits)
{
	return int64_div_fast_to_numeric(amount, digits);
}

/* A hash table with ids for keys. */
static HTAB *
id_table(const char *name, Size size, int n)
{
	HASHCTL		control = {.keysize = sizeof(int64), .entrysize = size, .hcxt = CurrentMemoryContext};

	return hash_create(name, Max(n, 16), &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Notes where an id stands; returns where it stood before, or -1. */
static int
note_place(HTAB *table, int64 id, int place)
{
	bool		found;
	Place	   *entry = hash_search(table, &id, HASH_ENTER, &found);
	int			before = found ? entry->place : -1;

	entry->place = place;
	return before;
}

/* Where an id stands, or -1. */
static int
find_place(HTAB *table, int64 id)
{
	Place	   *entry = hash_search(table, &id, HASH_FIND, NULL);

	return entry == NULL ? -1 : entry->place;
}

/* The groups that the payments may concern, as bigint[]. */
static Datum
concerned_groups(const O2cMatch *match, HTAB *seen)
{
	int			room = 64;
	int			n = 0;
	int64	   *ids = palloc(sizeof(int64) * room);

	for (int i = 0; i < match->n; i++)
	{
		const O2cPending *p = &match->payments[i];

		for (int j = 0; j < p->n_hits + p->n_parties; j++)
		{
			int64		group = j < p->n_hits ? p->hits[j].group : p->parties[j - p->n_hits].group;

			if (note_place(seen, group, 0) != -1)
				continue;
			if (n == room)
				ids = repalloc_huge(ids, sizeof(int64) * (room *= 2));
			ids[n++] = group;
		}
	}
	return o2c_int8_array(ids, n);
}

/* Adds an item to its group. */
static void
add_to_group(O2cMatchBook *book, int place)
{
	int64		id = book->items[place].group;

	if (book->n_groups == 0 || book->groups[book->n_groups - 1].id != id)
	{
		book->groups[book->n_groups] = (O2cMatchGroup) {.id = id, .first = place};
		note_place(book->group_of, id, book->n_groups++);
	}
	book->groups[book->n_groups - 1].n++;
}

/* Notes a currency of items once; returns it. */
static char *
note_currency(O2cMatchBook *book, char *currency)
{
	for (int i = 0; i < book->n_currencies; i++)
		if (strcmp(book->currencies[i], currency) == 0)
			return book->currencies[i];
	if (book->n_currencies % 8 == 0)
		book->currencies = book->n_currencies == 0 ? palloc(sizeof(char *) * 8) : repalloc(book->currencies, sizeof(char *) * (book->n_currencies + 8));
	return book->currencies[book->n_currencies++] = currency;
}

/* Reads the open items. */
static void
read_items(O2cMatch *match, NullableDatum groups)
{
	static O2cPlan read = O2C_PLAN("SELECT group_id, item_id, customer_id, invoice_id, effective_on, due_on, currency, open_amount, reference_key, number"
								   " FROM o2c._matchable_items($2, $3, $1)", INT8OID, INT8ARRAYOID, DATEOID);
	O2cMatchBook *book = &match->book;

	book->n_items = o2c_run(&read, O2C_ARGS(o2c_int8(match->company), groups, o2c_date(match->as_of)));
	book->items = palloc_extended(sizeof(O2cMatchItem) * Max(book->n_items, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	book->groups = palloc_extended(sizeof(O2cMatchGroup) * Max(book->n_items, 1), MCXT_ALLOC_HUGE);
	book->group_of = id_table("o2c groups", sizeof(Place), book->n_items);
	book->item_of = id_table("o2c items", sizeof(Place), book->n_items);
	for (int i = 0; i < book->n_items; i++)
	{
		O2cMatchItem *item = &book->items[i];
		bool		isnull;

		item->group = o2c_row_int8(i, 1);
		item->id = o2c_row_int8(i, 2);
		item->customer = o2c_row_int8(i, 3);
		item->invoice = o2c_row_int8(i, 4);
		item->effective_on = o2c_row_int4(i, 5);
		item->due_on = o2c_row_int4(i, 6);
		item->currency = note_currency(book, o2c_row_text(i, 7));
		item->digits = o2c_minor_units(item->currency);
		item->open = o2c_to_minor(DatumGetNumeric(o2c_row_datum(i, 8, &isnull)), item->digits);
		item->key = o2c_row_text(i, 9);
		item->number = o2c_row_text(i, 10);
		add_to_group(book, i);
	}
	/* backwards, so that each chain is in the order of due dates */
	for (int i = book->n_items - 1; i >= 0; i--)
		book->items[i].next = book->items[i].invoice == 0 ? -1 : note_place(book->item_of, book->items[i].invoice, i);
}

/* Reads the discounts on them. */
static void
read_discounts(O2cMatch *match, NullableDatum groups, DateADT from)
{
	static O2cPlan read = O2C_PLAN("SELECT item_id, until_on, amount FROM o2c._matchable_discounts($2, $3, $1)", INT8OID, INT8ARRAYOID, DATEOID);
	int			n = o2c_run(&read, O2C_ARGS(o2c_int8(match->company), groups, o2c_date(from)));
	HTAB	   *places = n == 0 ? NULL : id_table("o2c item places", sizeof(Place), match->book.n_items);

	for (int i = 0; n > 0 && i < match->book.n_items; i++)
		note_place(places, match->book.items[i].id, i);
	for (int i = 0; i < n; i++)
	{
		int			place = find_place(places, o2c_row_int8(i, 1));
		O2cMatchItem *item = place < 0 ? NULL : &match->book.items[place];
		bool		isnull;

		if (item == NULL || item->n_tiers == O2C_MAX_TIERS)
			continue;
		item->tiers[item->n_tiers].until = o2c_row_int4(i, 2);
		item->tiers[item->n_tiers++].amount = o2c_to_minor(DatumGetNumeric(o2c_row_datum(i, 3, &isnull)), item->digits);
	}
}

/* A double of the last result. */
static double
row_double(uint64 row, int column)
{
	bool		isnull;
	Datum		d = o2c_row_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetFloat8(d);
}

/* Reads the policies; returns the most days that any of them looks back for duplicates. */
static int
read_policies(O2cMatch *match, NullableDatum groups)
{
	static O2cPlan read = O2C_PLAN("SELECT customer_id, code, coalesce(tolerance_amount, -1), coalesce(tolerance_percent, -1), discount_grace_days, rules,"
								   " apply_score, suggest_score, score_margin, duplicate_days, is_parent, exchange_tolerance FROM o2c._matching_policies($2, $1)",
								   INT8OID, INT8ARRAYOID);
	int			n = o2c_run(&read, O2C_ARGS(o2c_int8(match->company), groups));
	int			days = 0;

	match->book.policies = id_table("o2c policies", sizeof(O2cMatchPolicy), n);
	for (int i = 0; i < n; i++)
	{
		int64		customer = o2c_row_int8(i, 1);
		O2cMatchPolicy *policy = hash_search(match->book.policies, &customer, HASH_ENTER, NULL);

		policy->code = o2c_row_text(i, 2);
		policy->tolerance_amount = o2c_row_int8(i, 3);
		policy->tolerance_percent = o2c_row_int8(i, 4);
		policy->discount_grace = o2c_row_int4(i, 5);
		policy->rules = o2c_row_text(i, 6);
		policy->apply_score = row_double(i, 7);
		policy->suggest_score = row_double(i, 8);
		policy->margin = row_double(i, 9);
		policy->duplicate_days = o2c_row_int4(i, 10);
		policy->is_parent = o2c_row_bool(i, 11);
		policy->exchange_tolerance = o2c_row_int8(i, 12);
		days = Max(days, policy->duplicate_days);
	}
	return days;
}

/* What tells texts of payments apart. */
static uint32
text_hash(const char *text)
{
	return text == NULL || *text == '\0' ? 0 : hash_bytes((const unsigned char *) text, strlen(text));
}

/* The payments of a group with an amount, or NULL. */
static Settled *
find_settled(const O2cMatchBook *book, int64 group, const char *currency, int64 amount, bool enter)
{
	SettledKey	key;
	Settled    *found;
	bool		there;

	memset(&key, 0, sizeof(key));
	key.group = group;
	key.amount = amount;
	strlcpy(key.currency, currency, sizeof(key.currency));
	found = hash_search(book->settled, &key, enter ? HASH_ENTER : HASH_FIND, &there);
	if (enter && !there)
	{
		found->n = found->room = 0;
		found->payments = NULL;
	}
	return found;
}

/* Notes a payment that is used up. */
static void
add_settled(O2cMatchBook *book, int64 group, const char *currency, int64 amount, DateADT received_on, const char *text)
{
	Settled    *s = find_settled(book, group, currency, amount, true);

	if (s->n == s->room)
	{
		s->room = Max(s->room * 2, 2);
		s->payments = s->payments == NULL ? palloc(sizeof(*s->payments) * s->room) : repalloc_huge(s->payments, sizeof(*s->payments) * s->room);
	}
	s->payments[s->n].received_on = received_on;
	s->payments[s->n++].text = text_hash(text);
}

/* Notes a payment that the run used up. */
void
o2c_note_settled(O2cMatchBook *book, int64 group, const O2cPending *p)
{
	add_settled(book, group, p->currency, p->amount, p->received_on, p->reference);
}

/*
 * Whether the group paid the same amount within some days of a payment, and
 * used it up; with the same text, if that is asked for.
 */
bool
o2c_paid_before(const O2cMatchBook *book, int64 group, const O2cPending *p, int days, bool same_text)
{
	const Settled *s = find_settled(book, group, p->currency, p->amount, false);
	uint32		text = text_hash(p->reference);

	for (int i = 0; s != NULL && i < s->n; i++)
		if (abs(s->payments[i].received_on - p->received_on) <= days && (!same_text || s->payments[i].text == text))
			return true;
	return false;
}

/* Reads what the groups paid lately. */
static void
read_settled(O2cMatch *match, NullableDatum groups, DateADT from, DateADT to)
{
	static O2cPlan read = O2C_PLAN("SELECT group_id, received_on, currency, amount, reference FROM o2c._used_payments($2, $3, $4, $1)",
								   INT8OID, INT8ARRAYOID, DATEOID, DATEOID);
	HASHCTL		control = {.keysize = sizeof(SettledKey), .entrysize = sizeof(Settled), .hcxt = CurrentMemoryContext};
	int			n = o2c_run(&read, O2C_ARGS(o2c_int8(match->company), groups, o2c_date(from), o2c_date(to)));

	match->book.settled = hash_create("o2c settled payments", Max(n, 64), &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < n; i++)
	{
		char	   *currency = o2c_row_text(i, 3);
		bool		isnull;

		add_settled(&match->book, o2c_row_int8(i, 1), currency,
					o2c_to_minor(DatumGetNumeric(o2c_row_datum(i, 4, &isnull)), o2c_minor_units(currency)), o2c_row_int4(i, 2), o2c_row_text(i, 5));
	}
}

/* Reads all of it. */
void
o2c_read_book(O2cMatch *match)
{
	NullableDatum groups = o2c_datum(concerned_groups(match, id_table("o2c concerned groups", sizeof(Place), match->n)));
	DateADT		first = match->n == 0 ? match->as_of : match->payments[0].received_on;
	int			days;

	read_items(match, groups);
	read_discounts(match, groups, first);
	days = read_policies(match, groups);
	read_settled(match, groups, first - days, match->as_of + days);
	o2c_read_rates(match);
}

/* The group with an id that has open items, or NULL. */
O2cMatchGroup *
o2c_match_group(const O2cMatchBook *book, int64 group)
{
	int			place = find_place(book->group_of, group);

	return place < 0 ? NULL : &book->groups[place];
}

/* The first open item of an invoice, or -1. */
int
o2c_first_item(const O2cMatchBook *book, int64 invoice)
{
	return find_place(book->item_of, invoice);
}

/* The policy of a customer. */
const O2cMatchPolicy *
o2c_match_policy(const O2cMatchBook *book, int64 customer)
{
	const O2cMatchPolicy *policy = hash_search(book->policies, &customer, HASH_FIND, NULL);

	if (policy == NULL)
		elog(ERROR, "customer %lld has no policy for payments", (long long) customer);
	return policy;
}

/* The n-th largest discount that a payment of a day may still take on an item, 0 when there is none. */
int64
o2c_discount_of(const O2cMatchItem *item, const O2cMatchPolicy *policy, DateADT received_on, int tier)
{
	for (int i = 0; i < item->n_tiers; i++)
	{
		if (item->tiers[i].until + policy->discount_grace < received_on || item->tiers[i].amount >= item->open)
			continue;
		if (tier-- == 0)
			return item->tiers[i].amount;
	}
	return 0;
}

/* By how much a payment may fall short of what is owed. */
int64
o2c_tolerance_of(const O2cMatchPolicy *policy, int64 owed, int digits)
{
	int128		amount = policy->tolerance_amount;
	int128		percent = (int128) owed * policy->tolerance_percent / 100000000;

	if (policy->tolerance_amount < 0 && policy->tolerance_percent < 0)
		return 0;
	for (int i = 0; i < digits; i++)
		amount *= 10;
	amount /= 10000;
	if (policy->tolerance_amount < 0)
		return percent;
	return policy->tolerance_percent < 0 ? amount : Min(amount, percent);
}

/* Order of items by amount. */
static int
compare_amount(const void *a, const void *b)
{
	const O2cAmountPlace *x = a;
	const O2cAmountPlace *y = b;

	return x->amount != y->amount ? (x->amount < y->amount ? -1 : 1) : x->item - y->item;
}

/* The items of a large group by the amounts that they had first. */
const O2cAmountPlace *
o2c_items_by_amount(O2cMatchBook *book, O2cMatchGroup *group)
{
	if (group->by_amount != NULL)
		return group->by_amount;
	group->by_amount = MemoryContextAllocExtended(GetMemoryChunkContext(book->items), sizeof(O2cAmountPlace) * group->n, MCXT_ALLOC_HUGE);
	for (int i = 0; i < group->n; i++)
		group->by_amount[i] = (O2cAmountPlace) {book->items[group->first + i].open, group->first + i};
	qsort(group->by_amount, group->n, sizeof(O2cAmountPlace), compare_amount);
	return group->by_amount;
}
