/*-------------------------------------------------------------------------
 *
 * rules.c
 *		The rules that look at the document and at its credit account, beside
 *		the limit itself (limit.c).
 *
 * A value equal to its threshold passes, everywhere.  Amounts are compared in
 * the currency of the credit account.  A rule that depends on the exposure locks
 * the account, like the limit does, and so sees every order before it.  An order
 * that was paid in advance needs no credit, whatever the amounts are.
 *
 *-------------------------------------------------------------------------
 */
#include "credit/account.h"

#include "control/checkpoint.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"

/* as old as a score may be where the rule does not say */
#define MAX_SCORE_DAYS 36500

/* The document's amount in the currency of the credit account. */
static Numeric
document_value(FunctionCallInfo fcinfo)
{
	return o2c_mul(o2c_case_numeric(fcinfo, "amount"), o2c_case_numeric(fcinfo, "credit_rate"));
}

/* Locks the account of the customer; false when there is no limit to compare with. */
static bool
lock_limited_account(FunctionCallInfo fcinfo, O2cAccount *account)
{
	return o2c_lock_account(o2c_case_int8(fcinfo, "company_id"), o2c_case_int8(fcinfo, "customer_id"),
							o2c_case_date(fcinfo, "day"), account) && account->limit != NULL;
}

PG_FUNCTION_INFO_V1(o2c_rule_document_value);
/* o2c.rule_document_value(case, {"amount"}): the document is not worth more */
Datum
o2c_rule_document_value(PG_FUNCTION_ARGS)
{
	Numeric		most = o2c_rule_needs(fcinfo, "amount");
	Numeric		value = document_value(fcinfo);

	o2c_connect();
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(value, most) <= 0 || o2c_case_prepaid(fcinfo), value, most,
									psprintf("document value %s is above %s", o2c_numeric_text(value), o2c_numeric_text(most))));
}

PG_FUNCTION_INFO_V1(o2c_rule_utilisation);
/* o2c.rule_utilisation(case, {"percent"}): exposure + document <= percent of the limit */
Datum
o2c_rule_utilisation(PG_FUNCTION_ARGS)
{
	Numeric		percent = o2c_rule_needs(fcinfo, "percent");
	Numeric		hundred = o2c_int_numeric(100);
	Numeric		used = NULL;
	Numeric		after;
	O2cAccount	account;
	bool		passed;

	o2c_connect();
	if (!lock_limited_account(fcinfo, &account))
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, true, NULL, percent, NULL));
	after = o2c_add(account.exposure, o2c_case_exposure(fcinfo));
	if (o2c_sign(account.limit) > 0)
		used = o2c_div(o2c_mul(after, hundred), account.limit);
	/* compared without the quotient, which is rounded */
	passed = o2c_cmp(o2c_mul(after, hundred), o2c_mul(percent, account.limit)) <= 0 || o2c_case_prepaid(fcinfo);
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, passed, used, percent,
									psprintf("%s of the limit of %s would be used, more than %s %%",
											 o2c_money_text(after, account.currency), o2c_money_text(account.limit, account.currency),
											 o2c_numeric_text(percent))));
}

/* What the account's customers ordered for after a day, and whether this order is for then, too. */
static O2cPlan find_later = O2C_PLAN(
	"SELECT coalesce((SELECT sum(l.ordered * o.credit_rate) FROM o2c.customer_credit m"
	" JOIN o2c.sales_order o ON o.company_id = $1 AND o.customer_id = m.customer_id AND o.state = 'confirmed' AND o.requested_on > $4"
	" CROSS JOIN LATERAL (SELECT sum(n.ordered_value) - o.prepaid_ordered AS ordered FROM o2c.order_line n"
	" WHERE n.company_id = $1 AND n.order_id = o.order_id) l"
	" WHERE m.company_id = $1 AND m.credit_account_id = $2), 0),"
	" coalesce((SELECT d.requested_on > $4 FROM o2c.sales_order d WHERE d.company_id = $1 AND d.order_id = $3), false)",
	INT8OID, INT8OID, INT8OID, DATEOID);

PG_FUNCTION_INFO_V1(o2c_rule_dynamic_limit);
/* o2c.rule_dynamic_limit(case, {"days"}): the limit, without orders beyond the horizon */
Datum
o2c_rule_dynamic_limit(PG_FUNCTION_ARGS)
{
	int32		days = o2c_rule_days(fcinfo, "days", 30);
	DateADT		horizon = o2c_case_date(fcinfo, "day") + days;
	O2cAccount	account;
	Numeric		near;

	o2c_connect();
	if (!lock_limited_account(fcinfo, &account))
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, true, NULL, NULL, NULL));
	o2c_run(&find_later, O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(account.id),
								  o2c_int8(o2c_case_int8(fcinfo, "order_id")), o2c_date(horizon)));
	near = o2c_sub(account.exposure, DatumGetNumeric(o2c_row_copy(0, 1).value));
	if (!o2c_row_bool(0, 2))
		near = o2c_add(near, o2c_case_exposure(fcinfo));
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(near, account.limit) <= 0 || o2c_case_prepaid(fcinfo), near, account.limit,
									psprintf("credit limit exceeded within %d days: exposure with this order %s, limit %s", days,
											 o2c_money_text(near, account.currency), o2c_money_text(account.limit, account.currency))));
}

/* Answers how many days ago something had to happen; more than the days of grace fail. */
static Datum
answer_days_past(FunctionCallInfo fcinfo, O2cPlan *find, const char *message)
{
	int32		grace = o2c_rule_days(fcinfo, "days", 0);
	DateADT		day = o2c_case_date(fcinfo, "day");
	int32		past;
	char	   *since;

	o2c_connect();
	if (o2c_run(find, O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(o2c_case_int8(fcinfo, "customer_id")), o2c_date(day))) == 0)
		return o2c_rule_answer(fcinfo, true, NULL, o2c_int_numeric(grace), NULL);
	past = o2c_row_int4(0, 1);
	since = o2c_row_text(0, 2);
	return o2c_rule_answer(fcinfo, past <= grace, o2c_int_numeric(past), o2c_int_numeric(grace), psprintf("%s %s", message, since));
}

PG_FUNCTION_INFO_V1(o2c_rule_review_date);
/* o2c.rule_review_date(case, {"days"}): the customer's credit was looked at in time */
Datum
o2c_rule_review_date(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT $3 - a.review_on, a.review_on FROM o2c.customer_credit c"
								   " JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = c.credit_account_id"
								   " WHERE c.company_id = $1 AND c.customer_id = $2 AND isfinite(a.review_on)", INT8OID, INT8OID, DATEOID);

	PG_RETURN_DATUM(answer_days_past(fcinfo, &find, "the credit review was due on"));
}

PG_FUNCTION_INFO_V1(o2c_rule_limit_expired);
/* o2c.rule_limit_expired(case, {"days"}): a limit that was given for a time still stands */
Datum
o2c_rule_limit_expired(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT $3 - p.last_day, p.last_day FROM (SELECT max(l.valid_to) AS last_day, bool_or($3 <= l.valid_to) AS stands"
								   " FROM o2c.customer_credit c JOIN o2c.credit_limit l ON l.company_id = $1"
								   " AND l.credit_account_id = c.credit_account_id AND l.kind = 'limit' AND l.valid_from <= $3"
								   " WHERE c.company_id = $1 AND c.customer_id = $2) p WHERE NOT p.stands AND isfinite(p.last_day)",
								   INT8OID, INT8OID, DATEOID);

	PG_RETURN_DATUM(answer_days_past(fcinfo, &find, "the credit limit was valid up to"));
}

/* All accounts of the customer's group, in the order of their ids, with the limit of the group. */
static O2cPlan lock_group = O2C_PLAN(
	"SELECT a.authorized + a.ordered + a.shipped + a.receivable - CASE WHEN a.net_unapplied THEN a.unapplied ELSE 0 END, a.currency,"
	" CASE WHEN a.customer_id = m.group_id THEN a.group_limit END, a.customer_id = m.group_id, a.authorized <> 0, a.credit_account_id"
	" FROM o2c.customer m JOIN o2c.customer c ON c.company_id = $1 AND c.group_id = m.group_id"
	" JOIN o2c.credit_account a ON a.company_id = $1 AND a.customer_id = c.customer_id"
	" WHERE m.company_id = $1 AND m.customer_id = $2 ORDER BY a.credit_account_id FOR NO KEY UPDATE OF a",
	INT8OID, INT8OID);

/* What one account of a group, and the document on the customer's own, add to the group's exposure. */
typedef struct GroupPart
{
	int64		lapsing;		/* the account where quotations hold credit, else 0 */
	Numeric		exposure;
	char	   *currency;
} GroupPart;

/* An amount in another currency, at the day's rate; 1:1 while none is known, like everything that is recorded. */
static Numeric
convert(FunctionCallInfo fcinfo, Numeric amount, const char *from, const char *to)
{
	static O2cPlan find = O2C_PLAN("SELECT coalesce(o2c._known_rate($1, $2, $3, $4), 1)", TEXTOID, TEXTOID, DATEOID, INT8OID);

	if (strcmp(from, to) == 0 || o2c_sign(amount) == 0)
		return amount;
	o2c_run(&find, O2C_ARGS(o2c_cstring(from), o2c_cstring(to), o2c_date(o2c_case_date(fcinfo, "day")),
							o2c_int8(o2c_case_int8(fcinfo, "company_id"))));
	return o2c_mul(amount, DatumGetNumeric(o2c_row_copy(0, 1).value));
}

/* Locks the accounts of a group; returns the limit of the group, NULL without one. */
static Numeric
read_group(FunctionCallInfo fcinfo, GroupPart **parts, int *n, char **currency)
{
	Numeric		limit = NULL;

	*n = (int) o2c_run(&lock_group, O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(o2c_case_int8(fcinfo, "customer_id"))));
	*parts = palloc(sizeof(GroupPart) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		NullableDatum group_limit = o2c_row_copy(i, 3);

		(*parts)[i].exposure = DatumGetNumeric(o2c_row_copy(i, 1).value);
		(*parts)[i].currency = o2c_row_text(i, 2);
		(*parts)[i].lapsing = o2c_row_bool(i, 5) ? o2c_row_int8(i, 6) : 0;
		if (!o2c_row_bool(i, 4))
			continue;
		*currency = (*parts)[i].currency;
		limit = group_limit.isnull ? NULL : DatumGetNumeric(group_limit.value);
	}
	for (int i = 0; i < *n; i++)
		if ((*parts)[i].lapsing != 0)
			(*parts)[i].exposure = o2c_sub((*parts)[i].exposure, o2c_lapsed_credit(o2c_case_int8(fcinfo, "company_id"), (*parts)[i].lapsing));
	return limit;
}

PG_FUNCTION_INFO_V1(o2c_rule_group_limit);
/* o2c.rule_group_limit(case, parameters): the exposure of all accounts of the group + document <= its limit */
Datum
o2c_rule_group_limit(PG_FUNCTION_ARGS)
{
	GroupPart  *parts;
	O2cAccount	own;
	char	   *currency = NULL;
	Numeric		limit;
	Numeric		sum;
	int			n;

	o2c_connect();
	limit = read_group(fcinfo, &parts, &n, &currency);
	if (limit == NULL)
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, true, NULL, NULL, NULL));
	o2c_lock_account(o2c_case_int8(fcinfo, "company_id"), o2c_case_int8(fcinfo, "customer_id"), o2c_case_date(fcinfo, "day"), &own);
	sum = convert(fcinfo, o2c_case_exposure(fcinfo), own.currency, currency);
	for (int i = 0; i < n; i++)
		sum = o2c_add(sum, convert(fcinfo, parts[i].exposure, parts[i].currency, currency));
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(sum, limit) <= 0 || o2c_case_prepaid(fcinfo), sum, limit,
									psprintf("credit limit of the group exceeded: exposure with this order %s, limit %s",
											 o2c_money_text(sum, currency), o2c_money_text(limit, currency))));
}

/* The score on a day: the customer's own, else that of the owner of its account; null when it is no number or not valid. */
static O2cPlan find_score = O2C_PLAN(
	"SELECT CASE WHEN i.valid_to >= $3 AND i.effective_on >= $3 - $5 THEN o2c._json_number(i.value) END, coalesce(i.source, i.name) FROM o2c.customer_credit c JOIN o2c.credit_account a ON a.company_id = $1"
	" AND a.credit_account_id = c.credit_account_id"
	" JOIN o2c.credit_information i ON i.company_id = $1 AND i.customer_id IN (c.customer_id, a.customer_id)"
	" AND i.name = $4 AND i.effective_on <= $3 WHERE c.company_id = $1 AND c.customer_id = $2"
	" ORDER BY i.customer_id = $2 DESC, i.effective_on DESC, i.information_id DESC LIMIT 1",
	INT8OID, INT8OID, DATEOID, TEXTOID, INT4OID);

PG_FUNCTION_INFO_V1(o2c_rule_external_score);
/* o2c.rule_external_score(case, {"minimum", "name", "days"}): an agency's score is good enough */
Datum
o2c_rule_external_score(PG_FUNCTION_ARGS)
{
	Numeric		minimum = o2c_rule_needs(fcinfo, "minimum");
	char	   *name = o2c_rule_text(fcinfo, "name", "external_score");
	int32		days = o2c_rule_days(fcinfo, "days", MAX_SCORE_DAYS);
	NullableDatum score = O2C_NULL;
	Numeric		value;
	char	   *source;

	o2c_connect();
	if (o2c_run(&find_score, O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(o2c_case_int8(fcinfo, "customer_id")),
									  o2c_date(o2c_case_date(fcinfo, "day")), o2c_cstring(name), o2c_int4(days))) > 0)
		score = o2c_row_copy(0, 1);
	if (score.isnull)
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, false, NULL, minimum, psprintf("no valid score \"%s\" of the customer is known", name)));
	value = DatumGetNumeric(score.value);
	source = o2c_row_text(0, 2);
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(value, minimum) >= 0, value, minimum,
									psprintf("the score of %s is %s, less than %s", source, o2c_numeric_text(value), o2c_numeric_text(minimum))));
}
