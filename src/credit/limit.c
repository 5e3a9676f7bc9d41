/*-------------------------------------------------------------------------
 *
 * limit.c
 *		The credit limit: the rule that compares, the command that sets it, and
 *		the second look at held orders when credit grows.
 *
 * The rule locks the account row before it reads it.  Every change of a limit
 * or of an exposure writes that row, so two orders cannot both see the same
 * free credit: in READ COMMITTED the second one reads the row as the first left
 * it, in the higher levels it fails with 40001.  What is locked here is moved,
 * in the same transaction, by the statement that confirms the lines.
 *
 *-------------------------------------------------------------------------
 */
#include "credit/account.h"

#include "control/authority.h"
#include "control/checkpoint.h"
#include "control/hold.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* The limit of a day: the period's, or else the account's own; uplifted, and what is secured on top. */
static Numeric
limit_on(int64 company, int64 account, NullableDatum own, DateADT day)
{
	static O2cPlan find = O2C_PLAN("SELECT CASE WHEN count(*) FILTER (WHERE kind = 'limit') > 0 THEN max(amount) FILTER (WHERE kind = 'limit') ELSE $4 END"
								   " * (100 + coalesce(sum(amount) FILTER (WHERE kind = 'uplift'), 0)) * 0.01"
								   " + coalesce(sum(amount) FILTER (WHERE kind = 'security'), 0)"
								   " FROM o2c.credit_limit WHERE company_id = $1 AND credit_account_id = $2 AND $3 BETWEEN valid_from AND valid_to",
								   INT8OID, INT8OID, DATEOID, NUMERICOID);
	NullableDatum limit;

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(account), o2c_date(day), own));
	limit = o2c_row_copy(0, 1);
	return limit.isnull ? NULL : DatumGetNumeric(limit.value);
}

/*
 * Locks and reads the account that a customer uses; false when it has none.
 * Periods, and credit held by quotations that has lapsed, are read after the
 * lock: whoever writes them writes the account, too.
 */
bool
o2c_lock_account(int64 company, int64 customer, DateADT day, O2cAccount *account)
{
	static O2cPlan lock = O2C_PLAN("SELECT a.credit_account_id, a.currency, a.credit_limit,"
								   " a.authorized + a.ordered + a.shipped + a.receivable"
								   " - CASE WHEN a.net_unapplied THEN a.unapplied ELSE 0 END, a.dated, a.authorized <> 0"
								   " FROM o2c.customer_credit c"
								   " JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = c.credit_account_id"
								   " WHERE c.company_id = $1 AND c.customer_id = $2 FOR NO KEY UPDATE OF a", INT8OID, INT8OID);
	NullableDatum limit;
	bool		dated;

	if (o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_int8(customer))) == 0)
		return false;
	account->id = o2c_row_int8(0, 1);
	account->currency = o2c_row_text(0, 2);
	limit = o2c_row_copy(0, 3);
	account->exposure = DatumGetNumeric(o2c_row_copy(0, 4).value);
	dated = o2c_row_bool(0, 5);
	if (o2c_row_bool(0, 6))
		account->exposure = o2c_sub(account->exposure, o2c_lapsed_credit(company, account->id));
	if (dated)
		account->limit = limit_on(company, account->id, limit, day);
	else
		account->limit = limit.isnull ? NULL : DatumGetNumeric(limit.value);
	return true;
}

/* An amount as people read it, with its currency. */
char *
o2c_money_text(Numeric amount, const char *currency)
{
	return psprintf("%s %s", o2c_numeric_text(o2c_round(amount, o2c_minor_units(currency))), currency);
}

/* What of an order is in force or cancelled, what is open of that, what was paid in advance, and the credit that it holds as a quotation. */
static O2cPlan find_counted = O2C_PLAN(
	"SELECT coalesce(sum(round((net_amount + tax_amount) * (confirmed_quantity + cancelled_quantity) / quantity, 4)), 0),"
	" coalesce(sum(ordered_value + shipped_value), 0),"
	" (SELECT o.prepaid_amount - o.prepaid_used FROM o2c.sales_order o WHERE o.company_id = $1 AND o.order_id = $2),"
	" (SELECT q.held_value FROM o2c.quotation q WHERE q.company_id = $1 AND q.quotation_id = $2 AND q.authorized_until > $3)"
	" FROM o2c.order_line WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID, TIMESTAMPTZOID);

/* An order that stands at a checkpoint, as the credit rules see it. */
typedef struct Order
{
	Numeric		added;			/* what is not counted in the exposure yet */
	Numeric		open;			/* what is: confirmed and not invoiced */
	Numeric		prepaid;
	NullableDatum held;			/* in the currency of the account; null: nothing */
} Order;

/* Reads the order of the case; only before it is in force it adds to the exposure. */
static Order
read_order(FunctionCallInfo fcinfo)
{
	char	   *checkpoint = o2c_case_text(fcinfo, "checkpoint");
	bool		adds = checkpoint != NULL && (strcmp(checkpoint, "order") == 0 || strcmp(checkpoint, "change") == 0);
	Order		order = {.added = adds ? o2c_case_numeric(fcinfo, "amount") : o2c_zero(), .open = o2c_zero(), .prepaid = o2c_zero(), .held = O2C_NULL};
	NullableDatum prepaid;

	/* nothing is counted of an order that is not written yet */
	if (o2c_case_int8(fcinfo, "order_id") == 0)
		return order;
	o2c_run(&find_counted, O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(o2c_case_int8(fcinfo, "order_id")),
									o2c_datum(TimestampTzGetDatum(o2c_now()))));
	if (adds)
		order.added = o2c_sub(order.added, DatumGetNumeric(o2c_row_copy(0, 1).value));
	order.open = DatumGetNumeric(o2c_row_copy(0, 2).value);
	prepaid = o2c_row_copy(0, 3);
	if (!prepaid.isnull)
		order.prepaid = DatumGetNumeric(prepaid.value);
	if (adds)
		order.held = o2c_row_copy(0, 4);
	return order;
}

/* What is left of an amount that prepayments cover. */
static Numeric
uncovered(const Order *order, Numeric amount)
{
	Numeric		rest = o2c_sub(amount, order->prepaid);

	return o2c_sign(rest) < 0 ? o2c_zero() : rest;
}

/* Whether all that is open of the order of the case, and what it adds, was paid in advance: it needs no credit. */
bool
o2c_case_prepaid(FunctionCallInfo fcinfo)
{
	Order		order = read_order(fcinfo);

	return o2c_sign(order.prepaid) > 0 && o2c_cmp(o2c_add(order.open, order.added), order.prepaid) <= 0;
}

/* What a document adds to the exposure, in the currency of the account; nothing once it is in force. */
Numeric
o2c_case_exposure(FunctionCallInfo fcinfo)
{
	Order		order = read_order(fcinfo);
	Numeric		added = order.added;

	if (o2c_sign(order.prepaid) > 0)
		added = o2c_sub(uncovered(&order, o2c_add(order.open, added)), uncovered(&order, order.open));
	added = o2c_mul(added, o2c_case_numeric(fcinfo, "credit_rate"));
	return order.held.isnull ? added : o2c_sub(added, DatumGetNumeric(order.held.value));
}

/* Words for a limit that does not suffice. */
static char *
limit_message(const O2cAccount *account, Numeric amount)
{
	Numeric		after = o2c_add(account->exposure, amount);

	return psprintf("credit limit exceeded: exposure %s + order %s = %s, limit %s, %s too much",
					o2c_money_text(account->exposure, account->currency), o2c_money_text(amount, account->currency),
					o2c_money_text(after, account->currency), o2c_money_text(account->limit, account->currency),
					o2c_money_text(o2c_sub(after, account->limit), account->currency));
}

/* Whether a document counts 1:1 because no exchange rate of its currency is known. */
static bool
lacks_rate(FunctionCallInfo fcinfo, const O2cAccount *account)
{
	static O2cPlan find = O2C_PLAN("SELECT o2c._known_rate($1, $2, $3, $4) IS NULL", TEXTOID, TEXTOID, DATEOID, INT8OID);
	char	   *currency = o2c_case_text(fcinfo, "currency");

	if (currency == NULL || strcmp(currency, account->currency) == 0 ||
		o2c_cmp(o2c_case_numeric(fcinfo, "credit_rate"), o2c_int_numeric(1)) != 0)
		return false;
	o2c_run(&find, O2C_ARGS(o2c_cstring(currency), o2c_cstring(account->currency), o2c_date(o2c_case_date(fcinfo, "day")),
							o2c_int8(o2c_case_int8(fcinfo, "company_id"))));
	return o2c_row_bool(0, 1);
}

PG_FUNCTION_INFO_V1(o2c_rule_credit_limit);
/* o2c.rule_credit_limit(case, parameters): exposure + document <= limit */
Datum
o2c_rule_credit_limit(PG_FUNCTION_ARGS)
{
	O2cAccount	account;
	Datum		finding;

	o2c_connect();
	if (!o2c_lock_account(o2c_case_int8(fcinfo, "company_id"), o2c_case_int8(fcinfo, "customer_id"),
						  o2c_case_date(fcinfo, "day"), &account) || account.limit == NULL)
		finding = o2c_finding(fcinfo, true, NULL, NULL, NULL);
	else if (lacks_rate(fcinfo, &account) && !o2c_case_prepaid(fcinfo))
		finding = o2c_finding(fcinfo, false, NULL, account.limit,
							  psprintf("no exchange rate from %s to %s is known", o2c_case_text(fcinfo, "currency"), account.currency));
	else
	{
		Numeric		amount = o2c_case_exposure(fcinfo);
		Numeric		after = o2c_add(account.exposure, amount);
		bool		passed = o2c_cmp(after, account.limit) <= 0 || o2c_case_prepaid(fcinfo);

		finding = o2c_finding(fcinfo, passed, after, account.limit, passed ? NULL : limit_message(&account, amount));
	}
	finding = SPI_datumTransfer(finding, false, -1);
	o2c_finish();
	PG_RETURN_DATUM(finding);
}

/* The account that is the customer's own, made when it shared its parent's until now. */
int64
o2c_own_account(int64 company, int64 customer)
{
	static O2cPlan find = O2C_PLAN("SELECT credit_account_id FROM o2c.credit_account WHERE company_id = $1 AND customer_id = $2",
								   INT8OID, INT8OID);
	static O2cPlan split = O2C_PLAN("SELECT o2c._own_credit_account($1, $2)", INT8OID, INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer))) == 0)
		o2c_run(&split, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	return o2c_row_int8(0, 1);
}

/* The duty whose authority approving credit needs, NULL when anybody may; the limit and what was proposed. */
static O2cPlan find_authority = O2C_PLAN(
	"SELECT o2c.get_setting('credit_duty', $1), a.credit_limit, (SELECT s.proposed_limit FROM o2c.credit_score s WHERE s.company_id = $1"
	" AND s.customer_id = a.customer_id AND s.effective_on <= $3 ORDER BY s.effective_on DESC, s.score_id DESC LIMIT 1),"
	" a.customer_id FROM o2c.credit_account a WHERE a.company_id = $1 AND a.credit_account_id = $2",
	INT8OID, INT8OID, DATEOID);

/*
 * Whether a person may give an account so much credit now (null: without
 * bound); refuses who may not.  The overrun is that of what the latest score
 * proposed, else of the limit.  Where no duty is named, anybody may who may
 * call the function.  The rest of the approval is the caller's.
 */
bool
o2c_authorize_credit(O2cApproval *approval, int64 account, NullableDatum amount)
{
	NullableDatum limit;
	NullableDatum proposed;

	o2c_run(&find_authority, O2C_ARGS(o2c_int8(approval->company), o2c_int8(account), o2c_date(o2c_today())));
	approval->duty = o2c_row_text(0, 1);
	if (approval->duty == NULL || *approval->duty == '\0')
		return true;
	limit = o2c_row_copy(0, 2);
	proposed = o2c_row_copy(0, 3);
	approval->value = approval->observed = amount;
	approval->threshold = !proposed.isnull ? proposed : !limit.isnull ? limit : amount;
	return o2c_authorize(approval);
}

/* Whether the caller may change a limit of an account; what takes credit away is for everybody. */
static bool
may_change_limit(int64 company, int64 account, NullableDatum before, NullableDatum after, const char *terms, NullableDatum reason)
{
	O2cApproval approval = {.company = company, .what = "raise this credit limit", .object_type = "credit_account", .object_id = account,
	.terms = terms, .reason = reason};
	bool		raised = !before.isnull &&
		(after.isnull || o2c_cmp(DatumGetNumeric(after.value), DatumGetNumeric(before.value)) > 0);

	return !raised || o2c_authorize_credit(&approval, account, after);
}

PG_FUNCTION_INFO_V1(o2c_may_change_limit);
/* o2c._may_change_limit(company, account, before, after, terms, reason) */
Datum
o2c_may_change_limit(PG_FUNCTION_ARGS)
{
	static O2cPlan owner = O2C_PLAN("SELECT customer_id FROM o2c.credit_account WHERE company_id = $1 AND credit_account_id = $2", INT8OID, INT8OID);
	bool		may;

	o2c_connect();
	o2c_run(&owner, O2C_ARGS(o2c_pg_arg(0), o2c_pg_arg(1)));
	o2c_lock_customer(PG_GETARG_INT64(0), o2c_row_int8(0, 1));
	may = may_change_limit(PG_GETARG_INT64(0), PG_GETARG_INT64(1), o2c_pg_arg(2), o2c_pg_arg(3),
						   DatumGetCString(DirectFunctionCall1(jsonb_out, PG_GETARG_DATUM(4))), o2c_pg_arg(5));
	o2c_finish();
	PG_RETURN_BOOL(may);
}

/* Sets the limit of a customer's own account; held orders are looked at again by its trigger. */
void
o2c_set_limit(int64 company, int64 account, NullableDatum amount, NullableDatum reason)
{
	static O2cPlan set = O2C_PLAN("UPDATE o2c.credit_account SET credit_limit = $3 WHERE company_id = $1 AND credit_account_id = $2",
								  INT8OID, INT8OID, NUMERICOID);
	static O2cPlan log = O2C_PLAN("INSERT INTO o2c.credit_limit_change (company_id, credit_account_id, amount, reason) VALUES ($1, $2, $3, $4)",
								  INT8OID, INT8OID, NUMERICOID, TEXTOID);

	/* the change is recorded first: setting the limit looks at held orders again */
	o2c_run(&log, O2C_ARGS(o2c_int8(company), o2c_int8(account), amount, reason));
	o2c_run(&set, O2C_ARGS(o2c_int8(company), o2c_int8(account), amount));
}

PG_FUNCTION_INFO_V1(o2c_set_credit_limit);
/* o2c.set_credit_limit(customer, amount, reason, company) */
Datum
o2c_set_credit_limit(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT a.credit_account_id, a.credit_limit FROM o2c.customer_credit m JOIN o2c.credit_account a"
								   " ON a.company_id = $1 AND a.credit_account_id = m.credit_account_id"
								   " WHERE m.company_id = $1 AND m.customer_id = $2", INT8OID, INT8OID);
	int64		company = PG_ARGISNULL(3) ? o2c_current_company() : PG_GETARG_INT64(3);
	int64		customer;
	char	   *terms;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("set_credit_limit needs a customer")));
	if (!PG_ARGISNULL(1) && (numeric_is_nan(PG_GETARG_NUMERIC(1)) || numeric_is_inf(PG_GETARG_NUMERIC(1)) || o2c_sign(PG_GETARG_NUMERIC(1)) < 0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a credit limit cannot be %s", o2c_numeric_text(PG_GETARG_NUMERIC(1))),
				 errhint("Use null for unlimited credit and 0 for none.")));
	o2c_connect();
	customer = o2c_find_customer(company, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	o2c_lock_customer(company, customer);
	terms = psprintf("{\"customer_id\": %lld, \"credit_limit\": %s}", (long long) customer,
					 PG_ARGISNULL(1) ? "null" : o2c_numeric_text(PG_GETARG_NUMERIC(1)));
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	if (may_change_limit(company, o2c_row_int8(0, 1), o2c_row_copy(0, 2), o2c_pg_arg(1), terms, o2c_pg_arg(2)))
		o2c_set_limit(company, o2c_own_account(company, customer), o2c_pg_arg(1), o2c_pg_arg(2));
	o2c_finish();
	PG_RETURN_VOID();
}

/* A numeric of an account's row, NULL when null. */
static Numeric
account_numeric(TriggerData *trigdata, HeapTuple row, const char *column)
{
	bool		isnull;
	Datum		d = heap_getattr(row, o2c_column(trigdata->tg_relation, column), RelationGetDescr(trigdata->tg_relation), &isnull);

	return isnull ? NULL : DatumGetNumeric(d);
}

/* The exposure of an account's row. */
static Numeric
account_exposure(TriggerData *trigdata, HeapTuple row)
{
	static const char *const parts[] = {"authorized", "ordered", "shipped", "receivable"};
	Numeric		sum = o2c_neg(account_numeric(trigdata, row, "unapplied"));

	for (int i = 0; i < lengthof(parts); i++)
		sum = o2c_add(sum, account_numeric(trigdata, row, parts[i]));
	return sum;
}

/* Whether an account has more free credit than before. */
static bool
credit_grew(TriggerData *trigdata)
{
	Numeric		before = account_numeric(trigdata, trigdata->tg_trigtuple, "credit_limit");
	Numeric		after = account_numeric(trigdata, trigdata->tg_newtuple, "credit_limit");

	if (before != NULL && (after == NULL || o2c_cmp(after, before) > 0))
		return true;
	return o2c_cmp(account_exposure(trigdata, trigdata->tg_newtuple), account_exposure(trigdata, trigdata->tg_trigtuple)) < 0;
}

PG_FUNCTION_INFO_V1(o2c_follow_credit);
/* o2c._follow_credit(): after each update of an account; held orders are looked at again when credit grew */
Datum
o2c_follow_credit(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._follow_credit", O2C_AFTER_ROW, 0);

	if (!credit_grew(trigdata))
		return PointerGetDatum(NULL);
	o2c_connect();
	o2c_recheck_account(o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id"),
						o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "credit_account_id"));
	o2c_finish();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(o2c_follow_parent);
/* o2c._follow_parent(): after a customer got another parent */
Datum
o2c_follow_parent(PG_FUNCTION_ARGS)
{
	static O2cPlan inherit = O2C_PLAN("SELECT o2c._inherit_credit_account($1, $2)", INT8OID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._follow_parent", O2C_AFTER_ROW, 0);
	int64		company = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id");
	int64		customer = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "customer_id");
	int64		groups[2] = {o2c_tuple_int8(trigdata, trigdata->tg_trigtuple, "group_id"), customer};

	o2c_connect();
	/* both are written: who works on the customer under the old one must not go on with the old account */
	o2c_write_groups(company, groups, 2);
	o2c_run(&inherit, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	o2c_finish();
	return PointerGetDatum(NULL);
}
