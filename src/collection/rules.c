/*-------------------------------------------------------------------------
 *
 * rules.c
 *		The credit rules that look at a customer's open items, beside the plain
 *		overdue rule (overdue.c).
 *
 * All are computed from due dates when they are asked, so that no nightly run
 * has to have happened.  The due date itself is not overdue, and a value equal
 * to its threshold passes.  Amounts are in the currency of the credit account.
 *
 *-------------------------------------------------------------------------
 */
#include "credit/account.h"

#include "control/checkpoint.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"

/* What is overdue for more than some days, what is owed in all, and the oldest due date. */
static O2cPlan find_debts = O2C_PLAN(
	"SELECT coalesce(sum(v) FILTER (WHERE i.due_on < $3 - $4), 0), coalesce(sum(v), 0),"
	" min(i.due_on) FILTER (WHERE i.due_on < $3), $3 - min(i.due_on) FILTER (WHERE i.due_on < $3)"
	" FROM o2c.open_item i CROSS JOIN LATERAL (SELECT i.open_amount * i.credit_rate AS v) x"
	" WHERE i.company_id = $1 AND i.customer_id = $2 AND i.open_amount > 0",
	INT8OID, INT8OID, DATEOID, INT4OID);

/* Reads the customer's debts; the caller is connected. */
static void
read_debts(FunctionCallInfo fcinfo, int32 days)
{
	o2c_run(&find_debts, O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(o2c_case_int8(fcinfo, "customer_id")),
								  o2c_date(o2c_case_date(fcinfo, "day")), o2c_int4(days)));
}

/* A number of the debts. */
static Numeric
debt(int column)
{
	return DatumGetNumeric(o2c_row_copy(0, column).value);
}

PG_FUNCTION_INFO_V1(o2c_rule_oldest_item);
/* o2c.rule_oldest_item(case, {"days"}): nothing is overdue for more days */
Datum
o2c_rule_oldest_item(PG_FUNCTION_ARGS)
{
	int32		days = o2c_rule_days(fcinfo, "days", 0);
	int32		oldest;

	o2c_connect();
	read_debts(fcinfo, 0);
	oldest = o2c_row_int4(0, 4);
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, oldest <= days, o2c_int_numeric(oldest), o2c_int_numeric(days),
									psprintf("the oldest open item was due on %s, %d days ago", o2c_row_text(0, 3), oldest)));
}

PG_FUNCTION_INFO_V1(o2c_rule_overdue_share);
/* o2c.rule_overdue_share(case, {"days", "percent"}): of what is owed, no larger part is overdue for more days */
Datum
o2c_rule_overdue_share(PG_FUNCTION_ARGS)
{
	int32		days = o2c_rule_days(fcinfo, "days", 0);
	Numeric		percent = o2c_rule_needs(fcinfo, "percent");
	Numeric		hundred = o2c_int_numeric(100);
	Numeric		overdue;
	Numeric		owed;
	Numeric		share;

	o2c_connect();
	read_debts(fcinfo, days);
	overdue = o2c_mul(debt(1), hundred);
	owed = debt(2);
	share = o2c_sign(owed) == 0 ? o2c_zero() : o2c_div(overdue, owed);
	/* compared without the quotient, which is rounded */
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(overdue, o2c_mul(percent, owed)) <= 0, share, percent,
									psprintf("%s %% of what is owed is overdue for more than %d days",
											 o2c_numeric_text(o2c_round(share, 2)), days)));
}

/* Whether the customer's account uses more than a part of its limit; an unlimited one never does. */
static bool
uses_more(FunctionCallInfo fcinfo, Numeric percent)
{
	O2cAccount	account;

	return o2c_lock_account(o2c_case_int8(fcinfo, "company_id"), o2c_case_int8(fcinfo, "customer_id"),
							o2c_case_date(fcinfo, "day"), &account) && account.limit != NULL &&
		o2c_cmp(o2c_mul(account.exposure, o2c_int_numeric(100)), o2c_mul(percent, account.limit)) > 0;
}

PG_FUNCTION_INFO_V1(o2c_rule_overdue_amount);
/* o2c.rule_overdue_amount(case, {"days", "amount", "percent"}): no more is overdue while the limit is used that far */
Datum
o2c_rule_overdue_amount(PG_FUNCTION_ARGS)
{
	int32		days = o2c_rule_days(fcinfo, "days", 0);
	Numeric		most = o2c_rule_needs(fcinfo, "amount");
	Numeric		percent = o2c_rule_parameter(fcinfo, "percent", NULL);
	Numeric		overdue;
	bool		passed;

	o2c_connect();
	read_debts(fcinfo, days);
	overdue = debt(1);
	passed = o2c_cmp(overdue, most) <= 0 || (percent != NULL && !uses_more(fcinfo, percent));
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, passed, overdue, most,
									psprintf("%s is overdue for more than %d days, more than %s", o2c_numeric_text(overdue), days,
											 o2c_numeric_text(most))));
}

/* What is open within a span of days past due; negative days are not due yet. */
static O2cPlan find_bucket = O2C_PLAN(
	"SELECT coalesce(sum(i.open_amount * i.credit_rate), 0) FROM o2c.open_item i"
	" WHERE i.company_id = $1 AND i.customer_id = $2 AND i.open_amount > 0 AND i.due_on <= $3 - $4 AND i.due_on >= $3 - $5",
	INT8OID, INT8OID, DATEOID, INT4OID, INT4OID);

PG_FUNCTION_INFO_V1(o2c_rule_aging_bucket);
/* o2c.rule_aging_bucket(case, {"from", "to", "amount"}): what is open in a span of days past due */
Datum
o2c_rule_aging_bucket(PG_FUNCTION_ARGS)
{
	int32		from = o2c_rule_days(fcinfo, "from", 1);
	int32		to = o2c_rule_days(fcinfo, "to", 36500);
	Numeric		most = o2c_rule_parameter(fcinfo, "amount", o2c_zero());
	Numeric		open;

	o2c_connect();
	o2c_run(&find_bucket, O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(o2c_case_int8(fcinfo, "customer_id")),
								   o2c_date(o2c_case_date(fcinfo, "day")), o2c_int4(from), o2c_int4(to)));
	open = debt(1);
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(open, most) <= 0, open, most,
									psprintf("%s is open that is %d days past due or more", o2c_numeric_text(open), from)));
}
