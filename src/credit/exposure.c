/*-------------------------------------------------------------------------
 *
 * exposure.c
 *		Moves the parts of the exposure with the rows that make them up.
 *
 * A row's part of the exposure is a generated column, a function of the row
 * alone.  After each statement this trigger adds up what the changed rows
 * gained or lost, by customer, and moves the credit accounts in id order.
 * Nothing else writes the parts, so they are always the sum over the rows.
 *
 * What was paid in advance for an order covers its part of the exposure, up to
 * that part: where lines of such an order moved, o2c._cover_orders looks at it
 * again.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "utils/rel.h"

/* What one owner (an order, or a customer) gained or lost in two parts. */
typedef struct Gain
{
	int64		company;
	int64		owner;
	Numeric		parts[2];
} Gain;

typedef struct Gains
{
	Gain	   *rows;
	int			n;
	int			room;
} Gains;

/* The entry of an owner; statements touch few owners in runs, so the last fits mostly. */
static Gain *
gain_of(Gains *gains, int64 company, int64 owner)
{
	Gain	   *last = gains->n > 0 ? &gains->rows[gains->n - 1] : NULL;

	if (last != NULL && last->company == company && last->owner == owner)
		return last;
	if (gains->n == gains->room)
	{
		gains->room = Max(8, gains->room * 2);
		gains->rows = gains->rows == NULL ? palloc(sizeof(Gain) * gains->room)
			: repalloc_huge(gains->rows, sizeof(Gain) * gains->room);
	}
	last = &gains->rows[gains->n++];
	last->company = company;
	last->owner = owner;
	last->parts[0] = last->parts[1] = o2c_zero();
	return last;
}

/* Adds what one row gained (sign > 0) or lost. */
static void
add_row(Gains *gains, TupleTableSlot *slot, const int *columns, int sign)
{
	Gain	   *gain;

	if (slot == NULL)
		return;
	gain = gain_of(gains, o2c_slot_int8(slot, columns[0]), o2c_slot_int8(slot, columns[1]));
	for (int i = 0; i < 2; i++)
	{
		Numeric		value = o2c_slot_numeric(slot, columns[2 + i]);

		gain->parts[i] = sign > 0 ? o2c_add(gain->parts[i], value) : o2c_sub(gain->parts[i], value);
	}
}

/* Order of gains by owner. */
static int
compare_gain(const void *a, const void *b)
{
	const Gain *x = a;
	const Gain *y = b;

	if (x->company != y->company)
		return x->company < y->company ? -1 : 1;
	return x->owner < y->owner ? -1 : x->owner > y->owner;
}

/* Adds up the gains of each owner. */
static void
add_up(Gains *gains)
{
	int			last = 0;

	if (gains->n == 0)
		return;
	qsort(gains->rows, gains->n, sizeof(Gain), compare_gain);
	for (int i = 1; i < gains->n; i++)
	{
		if (compare_gain(&gains->rows[last], &gains->rows[i]) != 0)
		{
			gains->rows[++last] = gains->rows[i];
			continue;
		}
		for (int j = 0; j < 2; j++)
			gains->rows[last].parts[j] = o2c_add(gains->rows[last].parts[j], gains->rows[i].parts[j]);
	}
	gains->n = last + 1;
}

/* Reads the changed rows, and adds them up by owner. */
static Gains
collect(TriggerData *trigdata, const int *columns)
{
	O2cChanges	changes;
	Gains		gains = {0};

	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		add_row(&gains, changes.before, columns, -1);
		add_row(&gains, changes.after, columns, 1);
	}
	o2c_changes_end(&changes);
	add_up(&gains);
	return gains;
}

/* Whether nothing moved. */
static bool
is_idle(const Gain *gain)
{
	return o2c_sign(gain->parts[0]) == 0 && o2c_sign(gain->parts[1]) == 0;
}

/* By order: the rows are order lines, the parts "ordered" and "shipped". */
static O2cPlan move_by_order = O2C_PLAN(
	"UPDATE o2c.credit_account a SET ordered = a.ordered + m.first, shipped = a.shipped + m.second"
	" FROM (SELECT c.credit_account_id, sum(g.first * o.credit_rate) AS first, sum(g.second * o.credit_rate) AS second,"
	" bool_or(o.prepaid_amount > o.prepaid_used) AS prepaid FROM unnest($2, $3, $4) AS g (owner, first, second)"
	" JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = g.owner"
	" JOIN o2c.customer_credit c ON c.company_id = $1 AND c.customer_id = o.customer_id GROUP BY 1 ORDER BY 1) m"
	" WHERE a.company_id = $1 AND a.credit_account_id = m.credit_account_id RETURNING m.prepaid",
	INT8OID, INT8ARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID);

static O2cPlan move_by_one_order = O2C_PLAN(
	"UPDATE o2c.credit_account a SET ordered = a.ordered + $3 * o.credit_rate, shipped = a.shipped + $4 * o.credit_rate"
	" FROM o2c.sales_order o JOIN o2c.customer_credit c ON c.company_id = $1 AND c.customer_id = o.customer_id"
	" WHERE o.company_id = $1 AND o.order_id = $2 AND a.company_id = $1 AND a.credit_account_id = c.credit_account_id"
	" RETURNING o.prepaid_amount > o.prepaid_used",
	INT8OID, INT8OID, NUMERICOID, NUMERICOID);

/* By customer: the rows are open items, the parts "receivable" and "unapplied". */
static O2cPlan move_by_customer = O2C_PLAN(
	"UPDATE o2c.credit_account a SET receivable = a.receivable + m.first, unapplied = a.unapplied + m.second"
	" FROM (SELECT c.credit_account_id, sum(g.first) AS first, sum(g.second) AS second"
	" FROM unnest($2, $3, $4) AS g (owner, first, second)"
	" JOIN o2c.customer_credit c ON c.company_id = $1 AND c.customer_id = g.owner GROUP BY 1 ORDER BY 1) m"
	" WHERE a.company_id = $1 AND a.credit_account_id = m.credit_account_id",
	INT8OID, INT8ARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID);

static O2cPlan move_by_one_customer = O2C_PLAN(
	"UPDATE o2c.credit_account a SET receivable = a.receivable + $3, unapplied = a.unapplied + $4"
	" FROM o2c.customer_credit c WHERE c.company_id = $1 AND c.customer_id = $2"
	" AND a.company_id = $1 AND a.credit_account_id = c.credit_account_id",
	INT8OID, INT8OID, NUMERICOID, NUMERICOID);

/* After accounts were moved by orders: the prepayments of these orders, if one has any, cover what they have now. */
static void
cover_orders(int64 company, const int64 *orders, int n)
{
	static O2cPlan cover = O2C_PLAN("SELECT o2c._cover_orders($1, $2)", INT8OID, INT8ARRAYOID);
	bool		prepaid = false;

	for (uint64 row = 0; row < SPI_processed; row++)
		prepaid |= o2c_row_bool(row, 1);
	if (prepaid)
		o2c_run(&cover, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_int8_array(orders, n))));
}

/* Moves the accounts of one company by a run of gains. */
static void
move_accounts(const Gain *gains, int n, bool by_order)
{
	int64	   *owners = palloc(sizeof(int64) * n);
	NullableDatum *first = palloc(sizeof(NullableDatum) * n);
	NullableDatum *second = palloc(sizeof(NullableDatum) * n);
	int			used = 0;

	for (int i = 0; i < n; i++)
	{
		if (is_idle(&gains[i]))
			continue;
		owners[used] = gains[i].owner;
		first[used] = o2c_datum(NumericGetDatum(gains[i].parts[0]));
		second[used++] = o2c_datum(NumericGetDatum(gains[i].parts[1]));
	}
	if (used == 1)
		o2c_run(by_order ? &move_by_one_order : &move_by_one_customer,
				O2C_ARGS(o2c_int8(gains[0].company), o2c_int8(owners[0]), first[0], second[0]));
	else if (used > 1)
		o2c_run(by_order ? &move_by_order : &move_by_customer,
				O2C_ARGS(o2c_int8(gains[0].company), o2c_datum(o2c_int8_array(owners, used)),
						 o2c_datum(o2c_datum_array(first, used, NUMERICOID)),
						 o2c_datum(o2c_datum_array(second, used, NUMERICOID))));
	if (used > 0 && by_order)
		cover_orders(gains[0].company, owners, used);
}

PG_FUNCTION_INFO_V1(o2c_move_exposure);
/* o2c._move_exposure(owner column, value column, value column): after each statement */
Datum
o2c_move_exposure(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._move_exposure", O2C_AFTER_STATEMENT, 3);
	char	  **args = trigdata->tg_trigger->tgargs;
	bool		by_order = strcmp(args[0], "order_id") == 0;
	int			columns[4];
	Gains		gains;

	o2c_connect();
	columns[0] = o2c_column(trigdata->tg_relation, "company_id");
	for (int i = 0; i < 3; i++)
		columns[1 + i] = o2c_column(trigdata->tg_relation, args[i]);
	gains = collect(trigdata, columns);
	for (int i = 0, end; i < gains.n; i = end)
	{
		for (end = i + 1; end < gains.n && gains.rows[end].company == gains.rows[i].company; end++)
			;
		move_accounts(&gains.rows[i], end - i, by_order);
	}
	o2c_finish();
	return PointerGetDatum(NULL);
}
