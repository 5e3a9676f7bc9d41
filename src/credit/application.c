/*-------------------------------------------------------------------------
 *
 * application.c
 *		Whether a customer has credit: its dated status, applications, and the
 *		rule that stops orders without it.
 *
 * A status is a dated fact; the latest one speaks, and an approval is over the
 * day after it expires.  A customer that uses the credit account of another one
 * has that one's credit as long as it has no status of its own.
 *
 * An application is scored, then a decision table approves, declines or refers
 * it; what is referred is decided by a person who did not ask for it.  Asking
 * for more, or being refused more, never takes away an approval that stands.
 *
 *-------------------------------------------------------------------------
 */
#include "credit/account.h"

#include "control/checkpoint.h"
#include "control/hold.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/state.h"
#include "core/trigger.h"
#include "party/customer.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"

static O2cPlan find_status = O2C_PLAN(
	"SELECT CASE WHEN s.status = 'approved' AND s.expires_on < $3 THEN 'expired' ELSE s.status END,"
	" CASE WHEN s.status = 'approved' AND s.expires_on < $3 THEN s.expires_on ELSE s.effective_on END"
	" FROM o2c.credit_status s WHERE s.company_id = $1 AND s.effective_on <= $3 AND s.customer_id IN ($2,"
	" (SELECT a.customer_id FROM o2c.customer_credit c JOIN o2c.credit_account a ON a.company_id = $1"
	" AND a.credit_account_id = c.credit_account_id WHERE c.company_id = $1 AND c.customer_id = $2))"
	" ORDER BY s.customer_id = $2 DESC, s.effective_on DESC, s.status_id DESC LIMIT 1",
	INT8OID, INT8OID, DATEOID);

/* The credit status of a customer on a day, and since when. */
static const char *
read_status(int64 company, int64 customer, DateADT day, bool fresh, DateADT *since)
{
	const NullableDatum *args = O2C_ARGS(o2c_int8(company), o2c_int8(customer), o2c_date(day));

	if ((fresh ? o2c_run(&find_status, args) : o2c_query(&find_status, args)) == 0)
		return "none";
	*since = o2c_row_int4(0, 2);
	return o2c_row_text(0, 1);
}

/* Whether a customer has credit today. */
static bool
is_approved(int64 company, int64 customer)
{
	DateADT		since;

	return strcmp(read_status(company, customer, o2c_today(), true, &since), "approved") == 0;
}

/* Appends a status. */
static void
add_status(int64 company, int64 customer, const char *status, NullableDatum expires_on, NullableDatum application, NullableDatum reason)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.credit_status (company_id, customer_id, status, effective_on, expires_on, application_id, reason)"
								  " VALUES ($1, $2, $3, $4, $5, $6, $7)",
								  INT8OID, INT8OID, TEXTOID, DATEOID, DATEOID, INT8OID, TEXTOID);

	o2c_run(&add, O2C_ARGS(o2c_int8(company), o2c_int8(customer), o2c_cstring(status), o2c_date(o2c_today()), expires_on, application, reason));
}

/* An argument that must be there. */
static char *
required_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(n)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("%s is missing", name)));
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* The company argument, or the session's. */
static int64
company_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? o2c_current_company() : PG_GETARG_INT64(n);
}

/* Refuses an amount of credit that cannot be. */
static void
require_amount(Numeric amount, bool zero_allowed)
{
	o2c_require_finite(amount, "the amount of credit");
	if (o2c_sign(amount) < 0 || (o2c_sign(amount) == 0 && !zero_allowed))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the amount of credit cannot be %s", o2c_numeric_text(amount))));
}

/* Refuses an expiry that is past, infinite or absurd. */
static void
require_expiry(NullableDatum expires_on)
{
	DateADT		day = expires_on.isnull ? 0 : DatumGetDateADT(expires_on.value);

	if (!expires_on.isnull && (day < o2c_today() || day > date2j(2299, 12, 31) - POSTGRES_EPOCH_JDATE))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("credit cannot expire on that day"),
				 errhint("Give today or a later day up to 2299-12-31, or null for credit that does not expire.")));
}

PG_FUNCTION_INFO_V1(o2c_credit_status);
/* o2c.credit_status(customer, as_of, company) */
Datum
o2c_credit_status(PG_FUNCTION_ARGS)
{
	int64		company = company_argument(fcinfo, 2);
	const char *status;
	Datum		result;
	DateADT		since;

	o2c_connect();
	status = read_status(company, o2c_find_customer(company, required_text(fcinfo, 0, "the customer")),
						 PG_ARGISNULL(1) ? o2c_today() : PG_GETARG_DATEADT(1), false, &since);
	result = SPI_datumTransfer(CStringGetTextDatum(status), false, -1);
	o2c_finish();
	PG_RETURN_DATUM(result);
}

/* Whether a person may approve a customer's credit, up to the limit that stands; refuses who may not. */
static bool
may_set_approved(int64 company, int64 customer, NullableDatum expires_on, NullableDatum reason)
{
	static O2cPlan find = O2C_PLAN("SELECT a.credit_account_id, a.credit_limit, jsonb_build_object('customer_id', $2, 'status', 'approved',"
								   " 'expires_on', $3) FROM o2c.customer_credit m"
								   " JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = m.credit_account_id"
								   " WHERE m.company_id = $1 AND m.customer_id = $2", INT8OID, INT8OID, DATEOID);
	O2cApproval approval = {.company = company, .what = "approve this customer's credit", .object_type = "credit_account", .reason = reason};

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer), expires_on));
	approval.object_id = o2c_row_int8(0, 1);
	approval.terms = o2c_row_text(0, 3);
	return o2c_authorize_credit(&approval, approval.object_id, o2c_row_copy(0, 2));
}

PG_FUNCTION_INFO_V1(o2c_set_credit_status);
/* o2c.set_credit_status(customer, status, reason, expires_on, company) */
Datum
o2c_set_credit_status(PG_FUNCTION_ARGS)
{
	int64		company = company_argument(fcinfo, 4);
	char	   *status = required_text(fcinfo, 1, "the status");
	int64		customer;

	required_text(fcinfo, 2, "the reason");
	if (strcmp(status, "approved") != 0 && strcmp(status, "suspended") != 0 && strcmp(status, "declined") != 0 && strcmp(status, "none") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("credit status \"%s\" cannot be set", status),
				 errhint("Set approved, suspended, declined or none; the others follow from applications and dates.")));
	require_expiry(o2c_pg_arg(3));
	o2c_connect();
	customer = o2c_find_customer(company, required_text(fcinfo, 0, "the customer"));
	o2c_lock_customer(company, customer);
	if (strcmp(status, "approved") != 0 || may_set_approved(company, customer, o2c_pg_arg(3), o2c_pg_arg(2)))
		add_status(company, customer, status, strcmp(status, "approved") == 0 ? o2c_pg_arg(3) : O2C_NULL, O2C_NULL, o2c_pg_arg(2));
	o2c_finish();
	PG_RETURN_VOID();
}

/* What becomes of an application. */
typedef struct Verdict
{
	const char *outcome;		/* approved, declined, referred or withdrawn */
	NullableDatum amount;
	NullableDatum reason;
	NullableDatum expires_on;
	NullableDatum table_row;	/* the row of the decision table, where one decided */
} Verdict;

/* Sets the limit that was approved, then the status, so that held orders are looked at with both. */
static void
grant_credit(int64 company, int64 customer, int64 application, const Verdict *verdict)
{
	char	   *why = psprintf("credit application %lld", (long long) application);

	o2c_set_limit(company, o2c_own_account(company, customer), verdict->amount, o2c_cstring(why));
	add_status(company, customer, "approved", verdict->expires_on, o2c_int8(application), verdict->reason);
}

/* Tells the customer what was decided, or the credit department what it must decide. */
static void
tell(int64 company, int64 application, const char *outcome)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.notification (company_id, audience, recipient, topic, object_type, object_id, language, body)"
									 " SELECT $1, CASE $3 WHEN 'referred' THEN 'department' ELSE 'customer' END,"
									 " CASE $3 WHEN 'referred' THEN 'credit' ELSE coalesce(c.email, c.code) END, 'credit_' || $3,"
									 " 'credit_application', $2, c.language, jsonb_build_object('application_id', $2, 'customer', c.code,"
									 " 'requested', a.requested_amount, 'granted', a.granted_amount, 'currency', a.currency, 'expires_on', a.expires_on)"
									 " FROM o2c.credit_application a JOIN o2c.customer c ON c.company_id = $1 AND c.customer_id = a.customer_id"
									 " WHERE a.company_id = $1 AND a.application_id = $2 ON CONFLICT DO NOTHING",
									 INT8OID, INT8OID, TEXTOID);

	if (strcmp(outcome, "withdrawn") != 0)
		o2c_run(&insert, O2C_ARGS(o2c_int8(company), o2c_int8(application), o2c_cstring(outcome)));
}

/* Carries a verdict out: the application's state, the customer's status and limit, the messages. */
static void
settle(int64 company, int64 customer, int64 application, const Verdict *verdict)
{
	static O2cPlan decide = O2C_PLAN("UPDATE o2c.credit_application SET state = $3, granted_amount = $4, reason = $5, expires_on = $6,"
									 " table_row = coalesce($7, table_row), decided_on = d.day, decided_at = d.at, decided_by = d.actor"
									 " FROM (SELECT) AS one LEFT JOIN (SELECT $8 AS day, clock_timestamp() AS at, $9 AS actor) d ON $3 <> 'referred'"
									 " WHERE company_id = $1 AND application_id = $2",
									 INT8OID, INT8OID, TEXTOID, NUMERICOID, TEXTOID, DATEOID, JSONBOID, DATEOID, TEXTOID);
	bool		approved = strcmp(verdict->outcome, "approved") == 0;
	bool		refused = strcmp(verdict->outcome, "declined") == 0 || strcmp(verdict->outcome, "withdrawn") == 0;

	o2c_run(&decide, O2C_ARGS(o2c_int8(company), o2c_int8(application), o2c_cstring(verdict->outcome),
							  approved ? verdict->amount : O2C_NULL, verdict->reason, approved ? verdict->expires_on : O2C_NULL,
							  verdict->table_row, o2c_date(o2c_today()), o2c_cstring(o2c_actor())));
	tell(company, application, verdict->outcome);
	if (approved)
		grant_credit(company, customer, application, verdict);
	else if (refused && !is_approved(company, customer))
		add_status(company, customer, strcmp(verdict->outcome, "declined") == 0 ? "declined" : "none", O2C_NULL,
				   o2c_int8(application), verdict->reason);
}

/* Refuses to apply again too soon after the last application was declined. */
static void
check_cool_off(int64 company, int64 customer)
{
	static O2cPlan find = O2C_PLAN("SELECT d.decided_on + o2c.get_setting('credit_cool_off_days', $1)::integer FROM (SELECT p.state, p.decided_on"
								   " FROM o2c.credit_application p WHERE p.company_id = $1 AND p.customer_id = $2"
								   " AND p.state IN ('approved', 'declined') ORDER BY p.decided_at DESC, p.application_id DESC LIMIT 1) d"
								   " WHERE d.state = 'declined' AND $3 < d.decided_on + o2c.get_setting('credit_cool_off_days', $1)::integer",
								   INT8OID, INT8OID, DATEOID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer), o2c_date(o2c_today()))) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_REFUSED),
				 errmsg("the customer's last application for credit was declined"),
				 errdetail("It may apply again from %s on.", o2c_date_text(o2c_row_int4(0, 1))),
				 errhint("o2c.set_credit_status() approves credit without an application.")));
}

/* Stores an application; one at a time for each customer. */
static int64
submit(int64 company, int64 customer, Datum amount, NullableDatum inputs)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.credit_application (company_id, customer_id, requested_amount, currency, inputs)"
								  " SELECT $1, $2, $3, a.currency, coalesce($4, '{}') FROM o2c.customer_credit m"
								  " JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = m.credit_account_id"
								  " WHERE m.company_id = $1 AND m.customer_id = $2"
								  " ON CONFLICT (company_id, customer_id) WHERE state IN ('submitted', 'referred') DO NOTHING"
								  " RETURNING application_id", INT8OID, INT8OID, NUMERICOID, JSONBOID);

	if (o2c_run(&add, O2C_ARGS(o2c_int8(company), o2c_int8(customer), o2c_datum(amount), inputs)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("the customer has an application for credit that is not decided yet"),
				 errhint("Decide or withdraw it with o2c.decide_application().")));
	return o2c_row_int8(0, 1);
}

/* Scores an application and asks the decision table. */
static Verdict
judge(int64 company, int64 application)
{
	static O2cPlan ask = O2C_PLAN("SELECT j.outcome, j.amount, j.reason, j.expires_on, j.table_row"
								  " FROM o2c._judge_application($2, $3, $1) j", INT8OID, INT8OID, DATEOID);
	Verdict		verdict;

	o2c_run(&ask, O2C_ARGS(o2c_int8(company), o2c_int8(application), o2c_date(o2c_today())));
	verdict.outcome = o2c_row_text(0, 1);
	verdict.amount = o2c_row_copy(0, 2);
	verdict.reason = o2c_row_copy(0, 3);
	verdict.expires_on = o2c_row_copy(0, 4);
	verdict.table_row = o2c_row_copy(0, 5);
	return verdict;
}

PG_FUNCTION_INFO_V1(o2c_apply_for_credit);
/* o2c.apply_for_credit(customer, amount, inputs, company) */
Datum
o2c_apply_for_credit(PG_FUNCTION_ARGS)
{
	int64		company = company_argument(fcinfo, 3);
	int64		customer;
	int64		application;
	Verdict		verdict;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("an application for credit needs an amount")));
	require_amount(PG_GETARG_NUMERIC(1), false);
	if (!PG_ARGISNULL(2) && !JB_ROOT_IS_OBJECT(PG_GETARG_JSONB_P(2)))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the inputs of an application must be an object"),
				 errhint("Inputs look like {\"years\": 7, \"guarantee\": true}.")));
	o2c_connect();
	customer = o2c_find_customer(company, required_text(fcinfo, 0, "the customer"));
	o2c_lock_customer(company, customer);
	check_cool_off(company, customer);
	application = submit(company, customer, PG_GETARG_DATUM(1), o2c_pg_arg(2));
	if (!is_approved(company, customer))
		add_status(company, customer, "applied", O2C_NULL, o2c_int8(application), O2C_NULL);
	verdict = judge(company, application);
	settle(company, customer, application, &verdict);
	o2c_finish();
	PG_RETURN_INT64(application);
}

/* The customer of an application, its group locked; only an undecided one is found. */
static int64
lock_application(int64 company, int64 application)
{
	static O2cPlan find = O2C_PLAN("SELECT customer_id, state FROM o2c.credit_application WHERE company_id = $1 AND application_id = $2",
								   INT8OID, INT8OID);
	int64		customer;

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(application))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no credit application %lld", (long long) company, (long long) application)));
	customer = o2c_row_int8(0, 1);
	o2c_lock_customer(company, customer);
	/* somebody else may have decided while this one waited */
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(application)));
	if (strcmp(o2c_row_text(0, 2), "submitted") != 0 && strcmp(o2c_row_text(0, 2), "referred") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("credit application %lld is %s already", (long long) application, o2c_row_text(0, 2)),
				 errhint("Apply again with o2c.apply_for_credit().")));
	return customer;
}

/* Whoever asks for credit is not the one who grants it. */
static void
require_other_person(int64 company, int64 application)
{
	static O2cPlan find = O2C_PLAN("SELECT requested_by FROM o2c.credit_application WHERE company_id = $1 AND application_id = $2",
								   INT8OID, INT8OID);

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(application)));
	if (strcmp(o2c_row_text(0, 1), o2c_actor()) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_NOT_AUTHORIZED),
				 errmsg("\"%s\" submitted credit application %lld and cannot decide it", o2c_actor(), (long long) application),
				 errhint("Another person decides; who applied may withdraw.")));
}

/* Whether a person may approve an application now; refuses who may not. */
static bool
may_approve(int64 company, int64 customer, int64 application, const Verdict *verdict)
{
	static O2cPlan find = O2C_PLAN("SELECT p.requested_by, m.credit_account_id, jsonb_build_object('amount', trim_scale($3), 'expires_on', $4)"
								   " FROM o2c.credit_application p JOIN o2c.customer_credit m ON m.company_id = $1 AND m.customer_id = p.customer_id"
								   " WHERE p.company_id = $1 AND p.application_id = $2", INT8OID, INT8OID, NUMERICOID, DATEOID);
	O2cApproval approval = {.company = company, .object_type = "credit_application", .object_id = application, .reason = verdict->reason};
	int64		account;

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(application), verdict->amount, verdict->expires_on));
	approval.what = psprintf("approve credit application %lld", (long long) application);
	approval.requester = o2c_row_text(0, 1);
	account = o2c_row_int8(0, 2);
	approval.terms = o2c_row_text(0, 3);
	return o2c_authorize_credit(&approval, account, verdict->amount);
}

/* The verdict of a person, from the arguments of decide_application. */
static Verdict
persons_verdict(FunctionCallInfo fcinfo, int64 company)
{
	static O2cPlan find = O2C_PLAN("SELECT requested_amount FROM o2c.credit_application WHERE company_id = $1 AND application_id = $2",
								   INT8OID, INT8OID);
	Verdict		verdict = {.amount = o2c_pg_arg(3), .reason = o2c_pg_arg(2), .expires_on = o2c_pg_arg(4), .table_row = O2C_NULL};

	verdict.outcome = required_text(fcinfo, 1, "the decision");
	required_text(fcinfo, 2, "the reason");
	if (strcmp(verdict.outcome, "approved") != 0 && strcmp(verdict.outcome, "declined") != 0 && strcmp(verdict.outcome, "withdrawn") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("an application cannot be decided as \"%s\"", verdict.outcome),
				 errhint("Decide approved, declined or withdrawn.")));
	require_expiry(verdict.expires_on);
	if (!verdict.amount.isnull)
		require_amount(DatumGetNumeric(verdict.amount.value), true);
	else if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_pg_arg(0))) == 1)
		verdict.amount = o2c_row_copy(0, 1);
	return verdict;
}

PG_FUNCTION_INFO_V1(o2c_decide_application);
/* o2c.decide_application(application, decision, reason, amount, expires_on, company) */
Datum
o2c_decide_application(PG_FUNCTION_ARGS)
{
	int64		company = company_argument(fcinfo, 5);
	int64		application;
	int64		customer;
	Verdict		verdict;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("decide_application needs an application")));
	application = PG_GETARG_INT64(0);
	o2c_connect();
	verdict = persons_verdict(fcinfo, company);
	customer = lock_application(company, application);
	if (strcmp(verdict.outcome, "withdrawn") != 0)
		require_other_person(company, application);
	if (strcmp(verdict.outcome, "approved") != 0 || may_approve(company, customer, application, &verdict))
		settle(company, customer, application, &verdict);
	o2c_finish();
	PG_RETURN_VOID();
}

/* Words for a customer without credit. */
static char *
no_credit_message(const char *status, DateADT since)
{
	if (strcmp(status, "none") == 0)
		return "no credit was approved: apply with o2c.apply_for_credit(customer, amount), or pay in advance";
	return psprintf("credit is not approved: %s %s %s", status, strcmp(status, "expired") == 0 ? "on" : "since", o2c_date_text(since));
}

PG_FUNCTION_INFO_V1(o2c_rule_credit_approved);
/* o2c.rule_credit_approved(case, {"amount"}): the customer has active credit, or the document is small */
Datum
o2c_rule_credit_approved(PG_FUNCTION_ARGS)
{
	Numeric		amount = o2c_mul(o2c_case_numeric(fcinfo, "amount"), o2c_case_numeric(fcinfo, "credit_rate"));
	Numeric		small = o2c_rule_parameter(fcinfo, "amount", o2c_zero());
	Datum		finding;
	const char *status;
	DateADT		since = 0;

	o2c_connect();
	status = read_status(o2c_case_int8(fcinfo, "company_id"), o2c_case_int8(fcinfo, "customer_id"), o2c_case_date(fcinfo, "day"), true, &since);
	if (strcmp(status, "approved") == 0 || o2c_cmp(amount, small) <= 0 || o2c_case_prepaid(fcinfo))
		finding = o2c_finding(fcinfo, true, amount, small, NULL);
	else
		finding = o2c_finding(fcinfo, false, amount, small, no_credit_message(status, since));
	finding = SPI_datumTransfer(finding, false, -1);
	o2c_finish();
	PG_RETURN_DATUM(finding);
}

/* Looks again at the held orders of those who use a customer's credit. */
static void
recheck_users(int64 company, int64 customer)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(DISTINCT o.customer_id) FROM o2c.customer_credit c"
								   " JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = c.credit_account_id"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.customer_id = c.customer_id AND o.state = 'held'"
								   " WHERE c.company_id = $1 AND $2 IN (a.customer_id, c.customer_id)", INT8OID, INT8OID);
	NullableDatum customers;

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	customers = o2c_row_copy(0, 1);
	if (!customers.isnull)
		o2c_recheck_orders(company, customers.value);
}

PG_FUNCTION_INFO_V1(o2c_follow_status);
/*
 * o2c._follow_status(): after a status was recorded
 *
 * The credit account is written, though nothing in it changes: a transaction
 * that knows the status of before from an older snapshot, and locks or writes
 * the account, fails with 40001 instead of acting on it.
 */
Datum
o2c_follow_status(PG_FUNCTION_ARGS)
{
	static O2cPlan touch = O2C_PLAN("UPDATE o2c.credit_account a SET credit_limit = a.credit_limit FROM o2c.customer_credit c"
									" WHERE c.company_id = $1 AND c.customer_id = $2 AND a.company_id = $1"
									" AND a.credit_account_id = c.credit_account_id", INT8OID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._follow_status", O2C_AFTER_ROW, 0);
	int64		company = o2c_tuple_int8(trigdata, trigdata->tg_trigtuple, "company_id");
	int64		customer = o2c_tuple_int8(trigdata, trigdata->tg_trigtuple, "customer_id");

	o2c_connect();
	o2c_run(&touch, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	if (strcmp(o2c_tuple_text(trigdata, trigdata->tg_trigtuple, "status"), "approved") == 0)
		recheck_users(company, customer);
	o2c_finish();
	return PointerGetDatum(NULL);
}
