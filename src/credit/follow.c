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

#include "control/hold.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"

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

PG_FUNCTION_INFO_V1(o2c_recheck_group);
/* o2c._recheck_group(company, group), which is locked */
Datum
o2c_recheck_group(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(customer_id) FROM o2c.customer WHERE company_id = $1 AND group_id = $2", INT8OID, INT8OID);

	o2c_connect();
	o2c_run(&find, O2C_ARGS(o2c_pg_arg(0), o2c_pg_arg(1)));
	o2c_recheck_orders(PG_GETARG_INT64(0), o2c_row_copy(0, 1).value);
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

/* Records that an account is above its threshold, or is not any more. */
static void
record_watch(int64 company, const O2cAccount *account, bool above)
{
	static O2cPlan set = O2C_PLAN("UPDATE o2c.credit_account SET watched = $3 WHERE company_id = $1 AND credit_account_id = $2",
								  INT8OID, INT8OID, BOOLOID);
	O2cEvent	event = {
		.activity = above ? "credit_account.watch" : "credit_account.clear",
		.object_type = "credit_account",
		.object_id = account->id,
		.before = above ? "clear" : "watch",
		.after = above ? "watch" : "clear",
	};

	event.detail = psprintf("{\"exposure\": %s, \"credit_limit\": %s}", o2c_numeric_text(account->exposure),
							account->limit == NULL ? "null" : o2c_numeric_text(account->limit));
	o2c_run(&set, O2C_ARGS(o2c_int8(company), o2c_int8(account->id), o2c_bool(above)));
	o2c_write_events(company, &event, 1);
}

PG_FUNCTION_INFO_V1(o2c_watch_credit);
/* o2c._watch_credit(): at the end of a transaction that moved an account with a threshold, once for each move */
Datum
o2c_watch_credit(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT watch_percent, watched FROM o2c.credit_account WHERE company_id = $1 AND credit_account_id = $2",
								   INT8OID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._watch_credit", O2C_AFTER_ROW, 0);
	int64		company = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id");
	O2cAccount	account;
	NullableDatum percent;
	bool		above;

	o2c_connect();
	/* its owner uses it; the row of the trigger may have moved on */
	o2c_lock_account(company, o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "customer_id"), o2c_today(), &account);
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(account.id)));
	percent = o2c_row_copy(0, 1);
	above = !percent.isnull && account.limit != NULL &&
		o2c_cmp(o2c_mul(account.exposure, o2c_int_numeric(100)), o2c_mul(DatumGetNumeric(percent.value), account.limit)) > 0;
	if (above != o2c_row_bool(0, 2))
		record_watch(company, &account, above);
	o2c_finish();
	return PointerGetDatum(NULL);
}

/* Whether an order is about to be decided about or quoted, and not in force yet. */
static bool
is_decided_now(TriggerData *trigdata)
{
	char	   *to = o2c_tuple_text(trigdata, o2c_new_row(trigdata), "state");
	char	   *from;

	if (strcmp(to, "submitted") != 0 && strcmp(to, "quoted") != 0)
		return false;
	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		return true;
	from = o2c_tuple_text(trigdata, trigdata->tg_trigtuple, "state");
	return strcmp(from, "draft") == 0 || strcmp(from, "quoted") == 0 || strcmp(from, "held") == 0 || strcmp(from, "refused") == 0;
}

/* Whether the credit account of an order's customer is in another currency. */
static bool
counts_elsewhere(int64 company, int64 customer, const char *currency)
{
	static O2cPlan find = O2C_PLAN("SELECT a.currency <> $3 FROM o2c.customer_credit c"
								   " JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = c.credit_account_id"
								   " WHERE c.company_id = $1 AND c.customer_id = $2", INT8OID, INT8OID, TEXTOID);

	return o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer), o2c_cstring(currency))) > 0 && o2c_row_bool(0, 1);
}

/* The rate of the day for an order; what is in force keeps the rate that it was counted at. */
static O2cPlan find_rate = O2C_PLAN(
	"SELECT coalesce(o2c._known_rate($3, a.currency, $4, $1), 1) FROM o2c.customer_credit c"
	" JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = c.credit_account_id"
	" WHERE c.company_id = $1 AND c.customer_id = $2 AND NOT EXISTS (SELECT FROM o2c.order_line l WHERE l.company_id = $1"
	" AND l.order_id = $5 AND l.confirmed_quantity > 0)", INT8OID, INT8OID, TEXTOID, DATEOID, INT8OID);

PG_FUNCTION_INFO_V1(o2c_rate_order);
/* o2c._rate_order(): before each insert, and each update of the state of an order */
Datum
o2c_rate_order(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._rate_order", O2C_BEFORE_ROW, 0);
	HeapTuple	row = o2c_new_row(trigdata);
	int64		company = o2c_tuple_int8(trigdata, row, "company_id");
	int64		customer = o2c_tuple_int8(trigdata, row, "customer_id");
	char	   *currency = o2c_tuple_text(trigdata, row, "currency");

	if (!is_decided_now(trigdata))
		return PointerGetDatum(row);
	o2c_connect();
	if (counts_elsewhere(company, customer, currency) &&
		o2c_run(&find_rate, O2C_ARGS(o2c_int8(company), o2c_int8(customer), o2c_cstring(currency), o2c_date(o2c_today()),
									 o2c_int8(o2c_tuple_int8(trigdata, row, "order_id")))) > 0)
		row = SPI_copytuple(o2c_set_column(trigdata, row, "credit_rate", o2c_row_copy(0, 1)));
	o2c_finish();
	return PointerGetDatum(row);
}
