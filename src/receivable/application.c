/*-------------------------------------------------------------------------
 *
 * application.c
 *		Applications move the open amounts of the items they link.
 *
 * An application takes cash from a credit item, and cash, discount, tolerance
 * and write-off from a debit item; between currencies it says how much cash in
 * each.  After each insert one pass over the new rows
 * adds up what every item gives, the items are locked in the order of their ids,
 * checked, and moved in one statement.  The lock makes over-application
 * impossible: the second of two transactions sees what the first left (READ
 * COMMITTED) or fails to serialize (the stricter levels).
 *
 * No item is over-applied on any past date either.  Without reversals what is
 * applied only grows, so the last date decides; items that have reversals are
 * checked day by day, and are used again only from the reversal's date on.
 *
 *-------------------------------------------------------------------------
 */
#include "receivable/application.h"

#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"
#include "receivable/item.h"
#include "utils/rel.h"

/* A new row of o2c.application. */
typedef struct Posting
{
	int64		company;
	int64		id;
	int64		credit;			/* 0: none, what is written off has no source */
	int64		debit;
	DateADT		effective_on;
	Numeric		taken;			/* from the credit item, in its currency */
	Numeric		total;			/* from the debit item */
	bool		exchanged;
	bool		is_reversal;
} Posting;

/* An item that postings move. */
typedef struct Balance
{
	int64		id;
	Numeric		delta;
	int64		customer;
	char	   *currency;
	DateADT		effective_on;
	Numeric		amount;
	Numeric		open;
	Numeric		allocated;		/* kept for orders that are paid in advance */
} Balance;

/* The columns of o2c.application. */
typedef struct Columns
{
	int			company;
	int			id;
	int			credit;
	int			debit;
	int			effective_on;
	int			cash;
	int			discount;
	int			tolerance;
	int			writeoff;
	int			exchanged;
	int			taken;
	int			reverses;
} Columns;

/* Looks the columns up. */
static Columns
find_columns(Relation rel)
{
	Columns		c;

	c.company = o2c_column(rel, "company_id");
	c.id = o2c_column(rel, "application_id");
	c.credit = o2c_column(rel, "credit_item_id");
	c.debit = o2c_column(rel, "debit_item_id");
	c.effective_on = o2c_column(rel, "effective_on");
	c.cash = o2c_column(rel, "cash_amount");
	c.discount = o2c_column(rel, "discount_amount");
	c.tolerance = o2c_column(rel, "tolerance_amount");
	c.writeoff = o2c_column(rel, "writeoff_amount");
	c.exchanged = o2c_column(rel, "exchanged_amount");
	c.taken = o2c_column(rel, "credit_amount");
	c.reverses = o2c_column(rel, "reverses");
	return c;
}

/* Reads one new row. */
static Posting
read_posting(TupleTableSlot *slot, const Columns *c)
{
	Posting		p;
	Numeric		waived = o2c_add(o2c_slot_numeric(slot, c->discount), o2c_slot_numeric(slot, c->tolerance));
	bool		isnull;

	p.company = o2c_slot_int8(slot, c->company);
	p.id = o2c_slot_int8(slot, c->id);
	p.credit = o2c_slot_int8(slot, c->credit);
	p.debit = o2c_slot_int8(slot, c->debit);
	p.effective_on = DatumGetDateADT(o2c_slot_datum(slot, c->effective_on, &isnull));
	p.taken = o2c_slot_numeric(slot, c->taken);
	p.total = o2c_add(o2c_slot_numeric(slot, c->cash), o2c_add(waived, o2c_slot_numeric(slot, c->writeoff)));
	(void) o2c_slot_datum(slot, c->exchanged, &isnull);
	p.exchanged = !isnull;
	p.is_reversal = o2c_slot_int8(slot, c->reverses) != 0;
	return p;
}

/* Reads the new rows. */
static Posting *
read_postings(TriggerData *trigdata, int *n)
{
	Columns		columns = find_columns(trigdata->tg_relation);
	int			room = 64;
	Posting    *postings = palloc(sizeof(Posting) * room);
	O2cChanges	changes;

	*n = 0;
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		if (*n == room)
			postings = repalloc_huge(postings, sizeof(Posting) * (room *= 2));
		postings[(*n)++] = read_posting(changes.after, &columns);
	}
	o2c_changes_end(&changes);
	return postings;
}

/* Order of items by id. */
static int
compare_item(const void *a, const void *b)
{
	int64		x = ((const Balance *) a)->id;
	int64		y = ((const Balance *) b)->id;

	return x < y ? -1 : x > y;
}

/* What the postings do to each item, by id. */
static Balance *
sum_items(const Posting *postings, int n, int *n_items)
{
	Balance    *items = palloc_extended(sizeof(Balance) * 2 * n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int			used = 0,
				last = 0;

	for (int i = 0; i < n; i++)
	{
		items[used].id = postings[i].debit;
		items[used++].delta = o2c_neg(postings[i].total);
		if (postings[i].credit == 0)
			continue;
		items[used].id = postings[i].credit;
		items[used++].delta = postings[i].taken;
	}
	qsort(items, used, sizeof(Balance), compare_item);
	for (int i = 1; i < used; i++)
	{
		if (items[i].id == items[last].id)
			items[last].delta = o2c_add(items[last].delta, items[i].delta);
		else
			items[++last] = items[i];
	}
	*n_items = last + 1;
	return items;
}

/* The ids of items. */
static Datum
item_ids(const Balance *items, int n)
{
	int64	   *ids = palloc_extended(sizeof(int64) * n, MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		ids[i] = items[i].id;
	return o2c_int8_array(ids, n);
}

/* Locks the items in the order of their ids, and reads what they are now. */
static void
lock_items(int64 company, Balance *items, int n)
{
	static O2cPlan lock = O2C_PLAN("SELECT item_id, customer_id, currency, effective_on, amount, open_amount, allocated_amount FROM o2c.open_item"
								   " WHERE company_id = $1 AND item_id = ANY ($2) ORDER BY item_id FOR NO KEY UPDATE",
								   INT8OID, INT8ARRAYOID);

	if (o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_datum(item_ids(items, n)))) != n)
		elog(ERROR, "open items of company %lld are missing", (long long) company);
	for (int i = 0; i < n; i++)
	{
		items[i].customer = o2c_row_int8(i, 2);
		items[i].currency = o2c_row_text(i, 3);
		items[i].effective_on = o2c_row_int4(i, 4);
		items[i].amount = DatumGetNumeric(o2c_row_copy(i, 5).value);
		items[i].open = DatumGetNumeric(o2c_row_copy(i, 6).value);
		items[i].allocated = DatumGetNumeric(o2c_row_copy(i, 7).value);
	}
}

/* Refuses an application that one of its items cannot give. */
void
o2c_refuse_over_application(const char *what, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_O2C_OVER_APPLICATION),
			 errmsg("%s cannot be applied beyond what is open", what),
			 errdetail("%s", detail),
			 errhint("Apply no more than what is open; the rest of a payment stays on account.")));
}

/* Checks that an item has what is taken from it; positive items give down to zero, negative ones up to it. */
static void
check_item(const Balance *item)
{
	int			sign = o2c_sign(item->amount) < 0 ? -1 : 1;
	Numeric		rest = o2c_add(item->open, item->delta);
	Numeric		taken = sign > 0 ? o2c_neg(item->delta) : item->delta;

	if (numeric_is_nan(rest) || numeric_is_inf(rest) ||
		o2c_sign(rest) * sign < 0 || o2c_cmp(rest, item->amount) * sign > 0)
		o2c_refuse_over_application("an open item",
									psprintf("The amount of open item %lld is %s, %s is open, %s was to be applied.",
											 (long long) item->id, o2c_numeric_text(item->amount), o2c_numeric_text(item->open),
											 o2c_numeric_text(taken)));
	if (sign < 0 && o2c_cmp(o2c_neg(rest), item->allocated) < 0)
		o2c_refuse_over_application("a payment", psprintf("Of open item %lld %s is open, and %s of that is allocated to orders (o2c.release_prepayment).",
														  (long long) item->id, o2c_numeric_text(o2c_neg(item->open)),
														  o2c_numeric_text(item->allocated)));
	o2c_check_amount(sign > 0 ? rest : o2c_neg(rest), item->currency, "open amount that is left");
}

/* The item with an id. */
static const Balance *
find_item(const Balance *items, int n, int64 id)
{
	Balance		key = {.id = id};

	return bsearch(&key, items, n, sizeof(Balance), compare_item);
}

/* Refuses a posting between currencies that does not say what was exchanged, and one within a currency that does. */
static void
check_exchange(const Posting *p, const Balance *credit, const Balance *debit)
{
	if (p->exchanged == (credit != NULL && strcmp(credit->currency, debit->currency) != 0))
		return;
	if (p->exchanged)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("an application within a currency exchanges nothing"),
				 errdetail("The open items are %lld and %lld.", (long long) p->credit, (long long) p->debit)));
	ereport(ERROR,
			(errcode(ERRCODE_O2C_CURRENCY_MISMATCH),
			 errmsg("%s cannot be applied to %s without an exchanged amount", credit->currency, debit->currency),
			 errdetail("The open items are %lld and %lld.", (long long) p->credit, (long long) p->debit),
			 errhint("o2c.apply_payment takes a rate or an amount in each currency.")));
}

/* Refuses a posting whose items do not go together. */
static void
check_posting(const Posting *p, const Balance *credit, const Balance *debit)
{
	if (o2c_sign(debit->amount) < 0 || (credit != NULL && o2c_sign(credit->amount) > 0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("an application links a credit item to a debit item"),
				 errdetail("The items are %lld and %lld.", (long long) p->credit, (long long) p->debit),
				 errhint("Payments and credit notes are credit items.")));
	check_exchange(p, credit, debit);
	if (p->effective_on < debit->effective_on || (credit != NULL && p->effective_on < credit->effective_on))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("an application cannot be dated before its items"),
				 errdetail("It is dated %s, the debit item %lld %s%s.", o2c_date_text(p->effective_on),
						   (long long) p->debit, o2c_date_text(debit->effective_on),
						   credit == NULL ? "" : psprintf(", the credit item %lld %s", (long long) p->credit,
														  o2c_date_text(credit->effective_on)))));
}

/* Checks that customers in two arrays are in the same group, place by place. */
static void
check_groups(int64 company, const int64 *payers, const int64 *debtors, int n)
{
	static O2cPlan differ = O2C_PLAN("SELECT a.code, b.code FROM unnest($2, $3) AS p (payer, debtor)"
									 " JOIN o2c.customer a ON a.company_id = $1 AND a.customer_id = p.payer"
									 " JOIN o2c.customer b ON b.company_id = $1 AND b.customer_id = p.debtor"
									 " WHERE a.group_id <> b.group_id LIMIT 1", INT8OID, INT8ARRAYOID, INT8ARRAYOID);

	if (n == 0 || o2c_run(&differ, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_int8_array(payers, n)),
											o2c_datum(o2c_int8_array(debtors, n)))) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
			 errmsg("what customer \"%s\" paid cannot be applied to customer \"%s\"", o2c_row_text(0, 1), o2c_row_text(0, 2)),
			 errhint("Applications stay within a group of customers; o2c.customer says who belongs to whom.")));
}

/* Checks each posting against its items, and the customers of those that differ. */
static void
check_postings(int64 company, const Posting *postings, int n, const Balance *items, int n_items)
{
	int64	   *payers = palloc_extended(sizeof(int64) * n, MCXT_ALLOC_HUGE);
	int64	   *debtors = palloc_extended(sizeof(int64) * n, MCXT_ALLOC_HUGE);
	int			pairs = 0;

	for (int i = 0; i < n; i++)
	{
		const Balance *debit = find_item(items, n_items, postings[i].debit);
		const Balance *credit = postings[i].credit == 0 ? NULL : find_item(items, n_items, postings[i].credit);

		o2c_check_date(o2c_date(postings[i].effective_on), "date of the application");
		check_posting(&postings[i], credit, debit);
		if (credit == NULL || credit->customer == debit->customer)
			continue;
		payers[pairs] = credit->customer;
		debtors[pairs++] = debit->customer;
	}
	check_groups(company, payers, debtors, pairs);
}

/* Checks that reversals mirror what they reverse. */
static void
check_reversals(int64 company, const Posting *postings, int n)
{
	static O2cPlan odd = O2C_PLAN("SELECT r.reverses FROM o2c.application r"
								  " JOIN o2c.application a ON a.company_id = $1 AND a.application_id = r.reverses"
								  " WHERE r.company_id = $1 AND r.application_id = ANY ($2) AND (a.reverses IS NOT NULL"
								  " OR (a.debit_item_id, a.cash_amount, a.discount_amount, a.tolerance_amount, a.writeoff_amount, a.unearned_amount, a.credit_amount)"
								  " <> (r.debit_item_id, - r.cash_amount, - r.discount_amount, - r.tolerance_amount, - r.writeoff_amount, - r.unearned_amount, - r.credit_amount)"
								  " OR a.method IN ('reversal', 'refund') OR a.credit_item_id IS DISTINCT FROM r.credit_item_id OR r.effective_on < a.effective_on)"
								  " LIMIT 1", INT8OID, INT8ARRAYOID);
	int64	   *ids = palloc_extended(sizeof(int64) * n, MCXT_ALLOC_HUGE);
	int			reversals = 0;

	for (int i = 0; i < n; i++)
		if (postings[i].is_reversal)
			ids[reversals++] = postings[i].id;
	if (reversals == 0 || o2c_run(&odd, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_int8_array(ids, reversals)))) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
			 errmsg("application %lld cannot be reversed like this", (long long) o2c_row_int8(0, 1)),
			 errdetail("A reversal has the same items and the opposite amounts, and is not dated before its application."),
			 errhint("o2c.unapply writes it.")));
}

/* Of some items (a bigint[]), those that have reversals, with the date of the last one. */
static int
find_reversals(int64 company, Datum items)
{
	static O2cPlan find = O2C_PLAN("SELECT r.item_id, max(r.effective_on) FROM ("
								   "SELECT debit_item_id AS item_id, effective_on FROM o2c.application"
								   " WHERE company_id = $1 AND debit_item_id = ANY ($2) AND reverses IS NOT NULL UNION ALL "
								   "SELECT credit_item_id, effective_on FROM o2c.application"
								   " WHERE company_id = $1 AND credit_item_id = ANY ($2) AND reverses IS NOT NULL) r"
								   " GROUP BY r.item_id ORDER BY r.item_id", INT8OID, INT8ARRAYOID);

	return o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(items)));
}

/* Checks that items with reversals are not over-applied on any day. */
static void
check_history(int64 company, const Balance *items, int n_items)
{
	static O2cPlan over = O2C_PLAN("SELECT d.item_id, d.effective_on, abs(i.amount), d.applied FROM ("
								   "SELECT m.item_id, m.effective_on, sum(sum(m.applied)) OVER (PARTITION BY m.item_id ORDER BY m.effective_on) AS applied"
								   " FROM (SELECT debit_item_id AS item_id, effective_on,"
								   " cash_amount + discount_amount + tolerance_amount + writeoff_amount AS applied FROM o2c.application"
								   " WHERE company_id = $1 AND debit_item_id = ANY ($2) UNION ALL "
								   "SELECT credit_item_id, effective_on, credit_amount FROM o2c.application"
								   " WHERE company_id = $1 AND credit_item_id = ANY ($2)) m GROUP BY m.item_id, m.effective_on) d"
								   " JOIN o2c.open_item i ON i.company_id = $1 AND i.item_id = d.item_id"
								   " WHERE d.applied > abs(i.amount) LIMIT 1", INT8OID, INT8ARRAYOID);
	int			n = find_reversals(company, item_ids(items, n_items));
	int64	   *ids = palloc_extended(sizeof(int64) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		ids[i] = o2c_row_int8(i, 1);
	if (n == 0 || o2c_run(&over, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_int8_array(ids, n)))) == 0)
		return;
	o2c_refuse_over_application("an open item",
								psprintf("The amount of open item %lld is %s, but on %s %s would have been applied: what was taken back is open again from the date of the reversal on.",
										 (long long) o2c_row_int8(0, 1), o2c_row_text(0, 3), o2c_date_text(o2c_row_int4(0, 2)), o2c_row_text(0, 4)));
}

/* Moves the open amounts. */
static void
move_items(int64 company, const Balance *items, int n)
{
	static O2cPlan move = O2C_PLAN("UPDATE o2c.open_item i SET open_amount = i.open_amount + d.delta"
								   " FROM unnest($2, $3) AS d (item_id, delta)"
								   " WHERE i.company_id = $1 AND i.item_id = d.item_id", INT8OID, INT8ARRAYOID, NUMERICARRAYOID);
	NullableDatum *deltas = palloc_extended(sizeof(NullableDatum) * n, MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		deltas[i] = o2c_datum(NumericGetDatum(items[i].delta));
	o2c_run(&move, O2C_ARGS(o2c_int8(company), o2c_datum(item_ids(items, n)),
							o2c_datum(o2c_datum_array(deltas, n, NUMERICOID))));
}

/* Carries out the postings of one company. */
static void
carry_out(const Posting *postings, int n)
{
	int64		company = postings[0].company;
	int			n_items;
	Balance    *items = sum_items(postings, n, &n_items);

	lock_items(company, items, n_items);
	check_postings(company, postings, n, items, n_items);
	check_reversals(company, postings, n);
	for (int i = 0; i < n_items; i++)
		check_item(&items[i]);
	check_history(company, items, n_items);
	move_items(company, items, n_items);
}

PG_FUNCTION_INFO_V1(o2c_apply_trigger);
/* o2c._apply(): after each insert into application */
Datum
o2c_apply_trigger(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._apply", O2C_AFTER_STATEMENT, 0);
	Posting    *postings;
	int			n;

	o2c_connect();
	postings = read_postings(trigdata, &n);
	for (int i = 0, end; i < n; i = end)
	{
		for (end = i + 1; end < n && postings[end].company == postings[i].company; end++)
			;
		carry_out(&postings[i], end - i);
	}
	o2c_finish();
	return PointerGetDatum(NULL);
}

/* The later of a date and the date of the last reversal of an item. */
static DateADT
after_reversal(const Balance *reversed, int n, int64 item, DateADT day)
{
	const Balance *found = n == 0 ? NULL : find_item(reversed, n, item);

	return found == NULL ? day : Max(day, found->effective_on);
}

/* Applications from the last result's credit item, debit item, date and amount of cash. */
O2cApplication *
o2c_found_applications(int n)
{
	O2cApplication *rows = palloc_extended(sizeof(O2cApplication) * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < n; i++)
	{
		rows[i].credit_item = o2c_row_int8(i, 1);
		rows[i].debit_item = o2c_row_int8(i, 2);
		rows[i].effective_on = o2c_row_int4(i, 3);
		rows[i].cash = DatumGetNumeric(o2c_row_copy(i, 4).value);
		rows[i].discount = rows[i].tolerance = o2c_zero();
	}
	return rows;
}

/* Moves dates on to where what was taken back from the items is open again. */
void
o2c_date_after_reversals(int64 company, O2cApplication *rows, int n)
{
	int64	   *ids = palloc_extended(sizeof(int64) * 2 * n, MCXT_ALLOC_HUGE);
	Balance    *reversed;
	int			found;

	for (int i = 0; i < n; i++)
	{
		ids[i] = rows[i].debit_item;
		ids[n + i] = rows[i].credit_item;
	}
	found = find_reversals(company, o2c_int8_array(ids, 2 * n));
	reversed = palloc_extended(sizeof(Balance) * Max(found, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < found; i++)
	{
		reversed[i].id = o2c_row_int8(i, 1);
		reversed[i].effective_on = o2c_row_int4(i, 2);
	}
	for (int i = 0; i < n; i++)
	{
		rows[i].effective_on = after_reversal(reversed, found, rows[i].debit_item, rows[i].effective_on);
		rows[i].effective_on = after_reversal(reversed, found, rows[i].credit_item, rows[i].effective_on);
	}
}

/* A numeric that may be missing. */
static NullableDatum
opt_numeric(Numeric n)
{
	return n == NULL ? O2C_NULL : o2c_datum(NumericGetDatum(n));
}

#define APPLY_COLUMNS 10

/* Writes applications in one statement; returns the id of the first. */
int64
o2c_apply(int64 company, const O2cApplication *rows, int n, const char *method)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.application (company_id, credit_item_id, debit_item_id, effective_on,"
								  " cash_amount, discount_amount, tolerance_amount, exchanged_amount, unearned_amount, reason, method)"
								  " SELECT $1, a.credit, a.debit, a.effective_on, a.cash, a.discount, a.tolerance, a.exchanged,"
								  " coalesce(a.unearned, 0), a.reason, coalesce(a.method, $12)"
								  " FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
								  " AS a (credit, debit, effective_on, cash, discount, tolerance, exchanged, unearned, reason, method)"
								  " RETURNING application_id",
								  INT8OID, INT8ARRAYOID, INT8ARRAYOID, DATEARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID,
								  NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTOID);
	static const Oid types[APPLY_COLUMNS] = {INT8OID, INT8OID, DATEOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, TEXTOID, TEXTOID};
	NullableDatum *values = palloc_extended(sizeof(NullableDatum) * APPLY_COLUMNS * n, MCXT_ALLOC_HUGE);
	NullableDatum args[APPLY_COLUMNS + 2];

	for (int i = 0; i < n; i++)
	{
		values[i] = o2c_int8(rows[i].credit_item);
		values[n + i] = o2c_int8(rows[i].debit_item);
		values[2 * n + i] = o2c_date(rows[i].effective_on);
		values[3 * n + i] = o2c_datum(NumericGetDatum(rows[i].cash));
		values[4 * n + i] = o2c_datum(NumericGetDatum(rows[i].discount));
		values[5 * n + i] = o2c_datum(NumericGetDatum(rows[i].tolerance));
		values[6 * n + i] = opt_numeric(rows[i].exchanged);
		values[7 * n + i] = opt_numeric(rows[i].unearned);
		values[8 * n + i] = o2c_opt_cstring(rows[i].reason);
		values[9 * n + i] = o2c_opt_cstring(rows[i].method);
	}
	args[0] = o2c_int8(company);
	for (int i = 0; i < APPLY_COLUMNS; i++)
		args[i + 1] = o2c_datum(o2c_datum_array(&values[i * n], n, types[i]));
	args[APPLY_COLUMNS + 1] = o2c_cstring(method);
	if (o2c_run(&add, args) != n)
		elog(ERROR, "a trigger suppressed applications");
	return o2c_row_int8(0, 1);
}

/*
 * Takes applications (a bigint[]) back, each on a date that is not before its
 * own; returns the id of the first new row, 0 when there was nothing to do.
 */
int64
o2c_unapply(int64 company, NullableDatum applications, DateADT effective_on, const char *method, NullableDatum reason)
{
	static O2cPlan reverse = O2C_PLAN("INSERT INTO o2c.application (company_id, credit_item_id, debit_item_id, effective_on,"
									  " cash_amount, discount_amount, tolerance_amount, writeoff_amount, unearned_amount, exchanged_amount, reverses, method, reason)"
									  " SELECT $1, credit_item_id, debit_item_id, greatest(effective_on, $3), - cash_amount,"
									  " - discount_amount, - tolerance_amount, - writeoff_amount, - unearned_amount, - exchanged_amount, application_id, $4, $5"
									  " FROM o2c.application WHERE company_id = $1 AND application_id = ANY ($2)"
									  " ORDER BY application_id RETURNING application_id",
									  INT8OID, INT8ARRAYOID, DATEOID, TEXTOID, TEXTOID);
	static O2cPlan lock = O2C_PLAN("SELECT FROM o2c.open_item WHERE company_id = $1 AND item_id IN"
								   " (SELECT debit_item_id FROM o2c.application WHERE company_id = $1 AND application_id = ANY ($2))"
								   " ORDER BY item_id FOR NO KEY UPDATE", INT8OID, INT8ARRAYOID);

	/* who does not see yet that somebody took them back fails to serialize here, and not at a unique key */
	o2c_run(&lock, O2C_ARGS(o2c_int8(company), applications));
	if (o2c_run(&reverse, O2C_ARGS(o2c_int8(company), applications, o2c_date(effective_on), o2c_cstring(method), reason)) == 0)
		return 0;
	return o2c_row_int8(0, 1);
}

/* Finds and locks the customer of an application, and checks that it can be taken back. */
static DateADT
check_unapply(int64 company, int64 application)
{
	static O2cPlan find = O2C_PLAN("SELECT i.customer_id FROM o2c.application a"
								   " JOIN o2c.open_item i ON i.company_id = $1 AND i.item_id = a.debit_item_id"
								   " WHERE a.company_id = $1 AND a.application_id = $2", INT8OID, INT8OID);
	static O2cPlan read = O2C_PLAN("SELECT a.effective_on, CASE WHEN a.reverses IS NOT NULL"
								   " THEN format('It takes application %s back itself.', a.reverses) WHEN r.application_id IS NOT NULL"
								   " THEN format('Application %s took it back.', r.application_id) WHEN a.method = 'reversal'"
								   " THEN 'It takes a payment back.' WHEN a.method = 'refund' THEN 'The money was paid back.' END FROM o2c.application a"
								   " LEFT JOIN o2c.application r ON r.company_id = $1 AND r.reverses = a.application_id"
								   " WHERE a.company_id = $1 AND a.application_id = $2", INT8OID, INT8OID);
	char	   *problem;

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(application))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no application %lld", (long long) company, (long long) application)));
	o2c_lock_customer(company, o2c_row_int8(0, 1));
	o2c_run(&read, O2C_ARGS(o2c_int8(company), o2c_int8(application)));
	problem = o2c_row_text(0, 2);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("application %lld cannot be taken back", (long long) application),
				 errdetail("%s", problem)));
	return o2c_row_int4(0, 1);
}

PG_FUNCTION_INFO_V1(o2c_unapply_sql);
/* o2c.unapply(application_id, effective_on, reason, company_id) */
Datum
o2c_unapply_sql(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	int64		application = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	int64		result;
	DateADT		applied_on;

	o2c_check_date(o2c_pg_arg(1), "date of the reversal");
	o2c_connect();
	applied_on = check_unapply(company, application);
	if (PG_GETARG_DATEADT(1) < applied_on)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("application %lld cannot be taken back before it was made", (long long) application),
				 errdetail("It is dated %s.", o2c_date_text(applied_on)),
				 errhint("Give that date or a later one.")));
	result = o2c_unapply(company, o2c_datum(o2c_int8_array(&application, 1)), PG_GETARG_DATEADT(1), "unapply", o2c_pg_arg(2));
	o2c_finish();
	PG_RETURN_INT64(result);
}
