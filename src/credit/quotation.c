/*-------------------------------------------------------------------------
 *
 * quotation.c
 *		Quotations: orders that are offered only, and the credit that they may
 *		hold for some hours.
 *
 * A quotation is an order in the state "quoted".  The rules of the checkpoint
 * "order" are asked before credit is held for it, under the lock of the account
 * that they take; the answer is a decision, never an error.
 *
 * Held credit lapses by the clock, and no job has to run for it: the account's
 * counter "authorized" is the sum of what is held and not given back, and
 * whoever checks a limit has locked the account and takes off what has lapsed
 * (o2c_lapsed_credit).  Who uses a clock that is behind counts too much, never
 * too little.  What lapsed is moved out when credit is next held on the
 * account, or by o2c.release_lapsed_credit().
 *
 * An accepted quotation passes the same rules as any order.  What it holds
 * itself is not counted twice (o2c_case_exposure), and is given back once the
 * order took its credit or was held, so that no other order gets in between.
 *
 *-------------------------------------------------------------------------
 */
#include "credit/account.h"

#include "control/checkpoint.h"
#include "core/clock.h"
#include "core/command.h"
#include "core/money.h"
#include "core/number.h"
#include "core/plan.h"
#include "ordering/draft.h"
#include "party/customer.h"
#include "utils/timestamp.h"

#define MAX_HOURS 8760

/* The arguments of o2c.place_quotation that the command reads itself; the others are those of place_order. */
enum
{
	ARG_CUSTOMER = 0, ARG_LINES = 1, ARG_KEY = 9, ARG_HOURS = 11, ARG_VALID_UNTIL, ARG_COMPANY
};

/* A quotation, its customer's group locked. */
typedef struct Quotation
{
	int64		company;
	int64		id;
	int64		customer;
	char	   *number;
} Quotation;

/* What quotations of an account hold beyond their time. */
Numeric
o2c_lapsed_credit(int64 company, int64 account)
{
	static O2cPlan find = O2C_PLAN("SELECT coalesce(sum(q.held_value), 0) FROM o2c.customer_credit m"
								   " JOIN o2c.quotation q ON q.company_id = $1 AND q.customer_id = m.customer_id"
								   " AND q.held_value > 0 AND q.authorized_until <= $3"
								   " WHERE m.company_id = $1 AND m.credit_account_id = $2", INT8OID, INT8OID, TIMESTAMPTZOID);

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(account), o2c_datum(TimestampTzGetDatum(o2c_now()))));
	return DatumGetNumeric(o2c_row_copy(0, 1).value);
}

/* Gives back what lapsed on the accounts that some customers (a bigint[]) use; returns the number of quotations. */
static int64
release_lapsed(int64 company, Datum customers)
{
	static O2cPlan release = O2C_PLAN("UPDATE o2c.quotation q SET released_at = $3"
									  " FROM (SELECT DISTINCT m.customer_id FROM o2c.customer_credit u"
									  " JOIN o2c.customer_credit m ON m.company_id = $1 AND m.credit_account_id = u.credit_account_id"
									  " WHERE u.company_id = $1 AND u.customer_id = ANY ($2)) c"
									  " WHERE q.company_id = $1 AND q.customer_id = c.customer_id AND q.held_value > 0"
									  " AND q.authorized_until <= $3", INT8OID, INT8ARRAYOID, TIMESTAMPTZOID);

	return o2c_run(&release, O2C_ARGS(o2c_int8(company), o2c_datum(customers), o2c_datum(TimestampTzGetDatum(o2c_now()))));
}

/* Asks the rules of an order about a quotation; whether they let it have credit. */
static bool
may_have_credit(int64 company, int64 id)
{
	static O2cPlan find = O2C_PLAN("SELECT customer_id, total_amount, currency, credit_rate FROM o2c.sales_order"
								   " WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID);
	O2cCase		document = {.company = company, .checkpoint = "order", .object_type = "quotation",
	.object_id = id, .order_id = id, .day = o2c_today()};

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(id)));
	document.customer = o2c_row_int8(0, 1);
	document.amount = DatumGetNumeric(o2c_row_copy(0, 2).value);
	document.currency = o2c_row_text(0, 3);
	document.credit_rate = DatumGetNumeric(o2c_row_copy(0, 4).value);
	return o2c_checkpoint(&document, NULL) < O2C_HOLD;
}

/* Holds credit for a quotation where the rules allow it. */
static void
hold_credit(int64 company, int64 id, int32 hours)
{
	static O2cPlan owner = O2C_PLAN("SELECT customer_id FROM o2c.quotation WHERE company_id = $1 AND quotation_id = $2", INT8OID, INT8OID);
	static O2cPlan hold = O2C_PLAN("UPDATE o2c.quotation q SET authorized = o.total_amount * o.credit_rate, authorized_until = $3"
								   " FROM o2c.sales_order o WHERE o.company_id = $1 AND o.order_id = $2 AND o.total_amount > 0"
								   " AND q.company_id = $1 AND q.quotation_id = $2", INT8OID, INT8OID, TIMESTAMPTZOID);
	int64		customer;

	o2c_run(&owner, O2C_ARGS(o2c_int8(company), o2c_int8(id)));
	customer = o2c_row_int8(0, 1);
	release_lapsed(company, o2c_int8_array(&customer, 1));
	if (may_have_credit(company, id))
		o2c_run(&hold, O2C_ARGS(o2c_int8(company), o2c_int8(id),
								o2c_datum(TimestampTzGetDatum(o2c_now() + hours * (int64) SECS_PER_HOUR * USECS_PER_SEC))));
}

/* Stores a quotation, and holds credit for it where that is asked for. */
static int64
place(FunctionCallInfo fcinfo, int64 company)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.quotation (company_id, quotation_id, customer_id, number, valid_until, hold_credit_hours)"
								  " SELECT $1, $2, o.customer_id, $3, $4, $5 FROM o2c.sales_order o WHERE o.company_id = $1 AND o.order_id = $2",
								  INT8OID, INT8OID, TEXTOID, DATEOID, INT4OID);
	int64		id = o2c_place(fcinfo, company, "quoted");
	O2cNumbers	drawn = o2c_draw_numbers(company, "quotation", o2c_today(), 1);

	o2c_run(&add, O2C_ARGS(o2c_int8(company), o2c_int8(id), o2c_cstring(o2c_format_number(&drawn, 0)),
						   o2c_pg_arg(ARG_VALID_UNTIL), o2c_pg_arg(ARG_HOURS)));
	if (!PG_ARGISNULL(ARG_HOURS))
		hold_credit(company, id, PG_GETARG_INT32(ARG_HOURS));
	return id;
}

PG_FUNCTION_INFO_V1(o2c_place_quotation);
/* o2c.place_quotation(customer, lines, ..., hold_credit_hours, valid_until, company) */
Datum
o2c_place_quotation(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(ARG_COMPANY) ? o2c_current_company() : PG_GETARG_INT64(ARG_COMPANY);
	int64		id;

	if (PG_ARGISNULL(ARG_CUSTOMER) || PG_ARGISNULL(ARG_LINES))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("place_quotation needs a customer and lines")));
	if (!PG_ARGISNULL(ARG_HOURS) && (PG_GETARG_INT32(ARG_HOURS) < 1 || PG_GETARG_INT32(ARG_HOURS) > MAX_HOURS))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a quotation holds credit for 1 to %d hours, not %d", MAX_HOURS, PG_GETARG_INT32(ARG_HOURS)),
				 errhint("Give null to hold none.")));
	o2c_connect();
	if (!o2c_command_seen(fcinfo, ARG_KEY, company, "place_quotation", &id))
	{
		id = place(fcinfo, company);
		o2c_command_done(company, o2c_pg_arg(ARG_KEY), id);
	}
	o2c_finish();
	PG_RETURN_INT64(id);
}

/* Finds an open quotation and locks the group of its customer; the company is the last argument. */
static Quotation
begin(FunctionCallInfo fcinfo, const char *command)
{
	static O2cPlan find = O2C_PLAN("SELECT q.customer_id, q.number, q.state FROM o2c.quotation q"
								   " WHERE q.company_id = $1 AND q.quotation_id = $2", INT8OID, INT8OID);
	int			last = PG_NARGS() - 1;
	Quotation	quotation = {.company = PG_ARGISNULL(last) ? o2c_current_company() : PG_GETARG_INT64(last)};
	const NullableDatum *args;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("%s needs a quotation", command)));
	quotation.id = PG_GETARG_INT64(0);
	args = O2C_ARGS(o2c_int8(quotation.company), o2c_int8(quotation.id));
	o2c_connect();
	if (o2c_run(&find, args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no quotation %lld", (long long) quotation.company, (long long) quotation.id)));
	quotation.customer = o2c_row_int8(0, 1);
	o2c_lock_customer(quotation.company, quotation.customer);
	/* the lock was waited for: read what it left */
	o2c_run(&find, args);
	quotation.number = o2c_row_text(0, 2);
	if (strcmp(o2c_row_text(0, 3), "open") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("quotation %s is %s already", quotation.number, o2c_row_text(0, 3))));
	return quotation;
}

/* Refuses to accept an offer that is over, or that its customer cannot take any more. */
static void
check_stands(const Quotation *quotation)
{
	static O2cPlan find = O2C_PLAN("SELECT q.valid_until < $3, q.valid_until, c.active FROM o2c.quotation q"
								   " JOIN o2c.customer c ON c.company_id = $1 AND c.customer_id = q.customer_id"
								   " WHERE q.company_id = $1 AND q.quotation_id = $2", INT8OID, INT8OID, DATEOID);

	o2c_run(&find, O2C_ARGS(o2c_int8(quotation->company), o2c_int8(quotation->id), o2c_date(o2c_today())));
	if (o2c_row_bool(0, 1))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("quotation %s was valid until %s", quotation->number, o2c_row_text(0, 2)),
				 errhint("Prolong it by its valid_until, or quote anew with o2c.place_quotation().")));
	if (!o2c_row_bool(0, 3))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("the customer of quotation %s is not active", quotation->number)));
}

PG_FUNCTION_INFO_V1(o2c_accept_quotation);
/* o2c.accept_quotation(quotation, po_number, requested_on, company) */
Datum
o2c_accept_quotation(PG_FUNCTION_ARGS)
{
	static O2cPlan accept = O2C_PLAN("UPDATE o2c.sales_order SET state = 'submitted', ordered_on = $3,"
									 " po_number = coalesce(nullif(btrim($4), ''), po_number), requested_on = coalesce($5, requested_on)"
									 " WHERE company_id = $1 AND order_id = $2 RETURNING state",
									 INT8OID, INT8OID, DATEOID, TEXTOID, DATEOID);
	Quotation	quotation = begin(fcinfo, "accept_quotation");
	Datum		state;

	if (!PG_ARGISNULL(2) && DATE_NOT_FINITE(PG_GETARG_DATEADT(2)))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("an order needs finite dates")));
	check_stands(&quotation);
	o2c_run(&accept, O2C_ARGS(o2c_int8(quotation.company), o2c_int8(quotation.id), o2c_date(o2c_today()), o2c_pg_arg(1), o2c_pg_arg(2)));
	state = SPI_datumTransfer(o2c_row_copy(0, 1).value, false, -1);
	o2c_finish();
	PG_RETURN_DATUM(state);
}

PG_FUNCTION_INFO_V1(o2c_withdraw_quotation);
/* o2c.withdraw_quotation(quotation, reason, company) */
Datum
o2c_withdraw_quotation(PG_FUNCTION_ARGS)
{
	static O2cPlan note = O2C_PLAN("UPDATE o2c.quotation SET reason = $3 WHERE company_id = $1 AND quotation_id = $2",
								   INT8OID, INT8OID, TEXTOID);
	static O2cPlan cancel = O2C_PLAN("UPDATE o2c.sales_order SET state = 'cancelled' WHERE company_id = $1 AND order_id = $2",
									 INT8OID, INT8OID);
	Quotation	quotation = begin(fcinfo, "withdraw_quotation");
	const NullableDatum *args = O2C_ARGS(o2c_int8(quotation.company), o2c_int8(quotation.id), o2c_pg_arg(1));

	o2c_run(&note, args);
	o2c_run(&cancel, args);
	o2c_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(o2c_release_lapsed_credit);
/* o2c.release_lapsed_credit(company) */
Datum
o2c_release_lapsed_credit(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(DISTINCT customer_id) FROM o2c.quotation WHERE company_id = $1"
								   " AND held_value > 0 AND authorized_until <= $2", INT8OID, TIMESTAMPTZOID);
	int64		company = PG_ARGISNULL(0) ? o2c_current_company() : PG_GETARG_INT64(0);
	int64		released = 0;
	NullableDatum customers;

	o2c_connect();
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(TimestampTzGetDatum(o2c_now()))));
	customers = o2c_row_copy(0, 1);
	if (!customers.isnull)
	{
		o2c_lock_customer_array(company, customers.value);
		released = release_lapsed(company, customers.value);
	}
	o2c_finish();
	PG_RETURN_INT64(released);
}
