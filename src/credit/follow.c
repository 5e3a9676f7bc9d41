/*-------------------------------------------------------------------------
 *
 * follow.c
 *		What follows from credit that changes with time and rates: limits with
 *		validity, the second look at held orders, the watch threshold, and the
 *		rate at which an order is counted.
 *
 *-------------------------------------------------------------------------
 */
#include "credit/account.h"

#include "access/htup_details.h"
#include "control/hold.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"
#include "utils/rel.h"

/* Submits the held orders of an account's customers again. */
void
o2c_recheck_account(int64 company, int64 account)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(DISTINCT o.customer_id) FROM o2c.customer_credit c"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.customer_id = c.customer_id AND o.state = 'held'"
								   " WHERE c.company_id = $1 AND c.credit_account_id = $2", INT8OID, INT8OID);
	bool		isnull;
	Datum		customers;

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(account)));
	customers = o2c_row_datum(0, 1, &isnull);
	if (!isnull)
		o2c_recheck_orders(company, customers);
}

PG_FUNCTION_INFO_V1(o2c_recheck_account_sql);
/* o2c._recheck_account(company, account) */
Datum
o2c_recheck_account_sql(PG_FUNCTION_ARGS)
{
	o2c_connect();
	o2c_recheck_account(PG_GETARG_INT64(0), PG_GETARG_INT64(1));
	o2c_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(o2c_mark_dated);
/* o2c._mark_dated(company, account): the account is written even when it is marked already */
Datum
o2c_mark_dated(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT customer_id FROM o2c.credit_account WHERE company_id = $1 AND credit_account_id = $2",
								   INT8OID, INT8OID);
	static O2cPlan mark = O2C_PLAN("UPDATE o2c.credit_account SET dated = true WHERE company_id = $1 AND credit_account_id = $2",
								   INT8OID, INT8OID);
	const NullableDatum *args = O2C_ARGS(o2c_pg_arg(0), o2c_pg_arg(1));

	o2c_connect();
	o2c_run(&find, args);
	o2c_lock_customer(PG_GETARG_INT64(0), o2c_row_int8(0, 1));
	o2c_run(&mark, args);
	o2c_finish();
	PG_RETURN_VOID();
}

/* How many orders are held, of one customer or of all, by customer. */
static O2cPlan find_held = O2C_PLAN(
	"SELECT o.customer_id, count(*) FROM o2c.sales_order o WHERE o.company_id = $1 AND o.state = 'held'"
	" AND ($2 IS NULL OR o.customer_id = $2) GROUP BY 1 ORDER BY 1", INT8OID, INT8OID);

/* Reads the customers with held orders; returns the number of these orders. */
static int64
read_held(int64 company, NullableDatum customer, int64 **customers, int *n)
{
	int64		held = 0;

	*n = (int) o2c_run(&find_held, O2C_ARGS(o2c_int8(company), customer));
	*customers = palloc(sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		(*customers)[i] = o2c_row_int8(i, 1);
		held += o2c_row_int8(i, 2);
	}
	return held;
}

PG_FUNCTION_INFO_V1(o2c_recheck_orders_sql);
/* o2c.recheck_orders(customer, company) */
Datum
o2c_recheck_orders_sql(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(1) ? o2c_current_company() : PG_GETARG_INT64(1);
	NullableDatum customer = O2C_NULL;
	int64	   *customers;
	int64		held;
	int			n;

	o2c_connect();
	if (!PG_ARGISNULL(0))
		customer = o2c_int8(o2c_find_customer(company, text_to_cstring(PG_GETARG_TEXT_PP(0))));
	held = read_held(company, customer, &customers, &n);
	if (n > 0)
	{
		o2c_lock_customers(company, customers, n);
		o2c_recheck_orders(company, o2c_int8_array(customers, n));
		held -= read_held(company, customer, &customers, &n);
	}
	o2c_finish();
	PG_RETURN_INT64(held);
}

/* A column of a row. */
static NullableDatum
column_of(TriggerData *trigdata, HeapTuple row, const char *name)
{
	NullableDatum d;

	d.value = heap_getattr(row, o2c_column(trigdata->tg_relation, name), RelationGetDescr(trigdata->tg_relation), &d.isnull);
	return d;
}

/* The exposure in an account's row. */
static Numeric
exposure_of(TriggerData *trigdata, HeapTuple row)
{
	static const char *const parts[] = {"authorized", "ordered", "shipped", "receivable"};
	Numeric		sum = o2c_neg(DatumGetNumeric(column_of(trigdata, row, "unapplied").value));

	for (int i = 0; i < lengthof(parts); i++)
		sum = o2c_add(sum, DatumGetNumeric(column_of(trigdata, row, parts[i]).value));
	return sum;
}

PG_FUNCTION_INFO_V1(o2c_watch_credit);
/* o2c._watch_credit(): after an account crossed its threshold */
Datum
o2c_watch_credit(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._watch_credit", O2C_AFTER_ROW, 0);
	HeapTuple	row = trigdata->tg_newtuple;
	NullableDatum limit = column_of(trigdata, row, "credit_limit");
	Numeric		exposure = exposure_of(trigdata, row);
	bool		above = !limit.isnull &&
		o2c_cmp(o2c_mul(exposure, o2c_int_numeric(100)),
				o2c_mul(DatumGetNumeric(column_of(trigdata, row, "watch_percent").value), DatumGetNumeric(limit.value))) > 0;
	O2cEvent	event = {
		.activity = above ? "credit_account.watch" : "credit_account.clear",
		.object_type = "credit_account",
		.object_id = o2c_tuple_int8(trigdata, row, "credit_account_id"),
		.before = above ? "clear" : "watch",
		.after = above ? "watch" : "clear",
	};

	event.detail = psprintf("{\"exposure\": %s, \"credit_limit\": %s}", o2c_numeric_text(exposure),
							limit.isnull ? "null" : o2c_numeric_text(DatumGetNumeric(limit.value)));
	o2c_connect();
	o2c_write_events(o2c_tuple_int8(trigdata, row, "company_id"), &event, 1);
	o2c_finish();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(o2c_rate_order);
/* o2c._rate_order(): before an order is decided about */
Datum
o2c_rate_order(PG_FUNCTION_ARGS)
{
	/* nothing is looked up where the currencies are the same; what is in force keeps the rate that it was counted at */
	static O2cPlan find = O2C_PLAN("SELECT CASE WHEN a.currency <> $3 AND NOT EXISTS (SELECT FROM o2c.order_line l WHERE l.company_id = $1"
								   " AND l.order_id = $5 AND l.confirmed_quantity > 0) THEN coalesce(o2c._known_rate($3, a.currency, $4, $1), 1) END"
								   " FROM o2c.customer_credit c"
								   " JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = c.credit_account_id"
								   " WHERE c.company_id = $1 AND c.customer_id = $2", INT8OID, INT8OID, TEXTOID, DATEOID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._rate_order", O2C_BEFORE_ROW, 0);
	HeapTuple	row = trigdata->tg_newtuple;
	NullableDatum rate = O2C_NULL;

	o2c_connect();
	if (o2c_run(&find, O2C_ARGS(o2c_int8(o2c_tuple_int8(trigdata, row, "company_id")), o2c_int8(o2c_tuple_int8(trigdata, row, "customer_id")),
								o2c_cstring(o2c_tuple_text(trigdata, row, "currency")), o2c_date(o2c_today()),
								o2c_int8(o2c_tuple_int8(trigdata, row, "order_id")))) > 0)
		rate = o2c_row_copy(0, 1);
	if (!rate.isnull)
		row = SPI_copytuple(o2c_set_column(trigdata, row, "credit_rate", rate));
	o2c_finish();
	return PointerGetDatum(row);
}
