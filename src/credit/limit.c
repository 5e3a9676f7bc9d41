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
#include "o2c.h"

#include "control/checkpoint.h"
#include "control/hold.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"
#include "utils/rel.h"

/* A credit account, locked. */
typedef struct Account
{
	int64		id;
	char	   *currency;
	Numeric		limit;			/* NULL: unlimited */
	Numeric		exposure;
} Account;

/* Locks and reads the account that a customer uses; false when it has none. */
static bool
lock_account(int64 company, int64 customer, Account *account)
{
	static O2cPlan lock = O2C_PLAN("SELECT a.credit_account_id, a.currency, a.credit_limit,"
								   " a.authorized + a.ordered + a.shipped + a.receivable"
								   " - CASE WHEN a.net_unapplied THEN a.unapplied ELSE 0 END"
								   " FROM o2c.customer_credit c"
								   " JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = c.credit_account_id"
								   " WHERE c.company_id = $1 AND c.customer_id = $2 FOR NO KEY UPDATE OF a", INT8OID, INT8OID);
	NullableDatum limit;

	if (o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_int8(customer))) == 0)
		return false;
	account->id = o2c_row_int8(0, 1);
	account->currency = o2c_row_text(0, 2);
	limit = o2c_row_copy(0, 3);
	account->limit = limit.isnull ? NULL : DatumGetNumeric(limit.value);
	account->exposure = DatumGetNumeric(o2c_row_copy(0, 4).value);
	return true;
}

/* An amount as people read it, with its currency. */
static char *
money_text(Numeric amount, const char *currency)
{
	return psprintf("%s %s", o2c_numeric_text(o2c_round(amount, o2c_minor_units(currency))), currency);
}

/* Words for a limit that does not suffice. */
static char *
limit_message(const Account *account, Numeric amount)
{
	Numeric		after = o2c_add(account->exposure, amount);

	return psprintf("credit limit exceeded: exposure %s + order %s = %s, limit %s, %s too much",
					money_text(account->exposure, account->currency), money_text(amount, account->currency),
					money_text(after, account->currency), money_text(account->limit, account->currency),
					money_text(o2c_sub(after, account->limit), account->currency));
}

PG_FUNCTION_INFO_V1(o2c_rule_credit_limit);
/* o2c.rule_credit_limit(case, parameters): exposure + document <= limit */
Datum
o2c_rule_credit_limit(PG_FUNCTION_ARGS)
{
	Numeric		amount = o2c_mul(o2c_case_numeric(fcinfo, "amount"), o2c_case_numeric(fcinfo, "credit_rate"));
	Account		account;
	Datum		finding;

	o2c_connect();
	if (!lock_account(o2c_case_int8(fcinfo, "company_id"), o2c_case_int8(fcinfo, "customer_id"), &account) || account.limit == NULL)
		finding = o2c_finding(fcinfo, true, NULL, NULL, NULL);
	else
	{
		Numeric		after = o2c_add(account.exposure, amount);
		bool		passed = o2c_cmp(after, account.limit) <= 0;

		finding = o2c_finding(fcinfo, passed, after, account.limit, passed ? NULL : limit_message(&account, amount));
	}
	finding = SPI_datumTransfer(finding, false, -1);
	o2c_finish();
	PG_RETURN_DATUM(finding);
}

/* The account that is the customer's own, made when it shared its parent's until now. */
static int64
own_account(int64 company, int64 customer)
{
	static O2cPlan find = O2C_PLAN("SELECT credit_account_id FROM o2c.credit_account WHERE company_id = $1 AND customer_id = $2",
								   INT8OID, INT8OID);
	static O2cPlan split = O2C_PLAN("SELECT o2c._own_credit_account($1, $2)", INT8OID, INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer))) == 0)
		o2c_run(&split, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	return o2c_row_int8(0, 1);
}

PG_FUNCTION_INFO_V1(o2c_set_credit_limit);
/* o2c.set_credit_limit(customer, amount, reason, company) */
Datum
o2c_set_credit_limit(PG_FUNCTION_ARGS)
{
	static O2cPlan set = O2C_PLAN("UPDATE o2c.credit_account SET credit_limit = $3 WHERE company_id = $1 AND credit_account_id = $2",
								  INT8OID, INT8OID, NUMERICOID);
	static O2cPlan log = O2C_PLAN("INSERT INTO o2c.credit_limit_change (company_id, credit_account_id, amount, reason) VALUES ($1, $2, $3, $4)",
								  INT8OID, INT8OID, NUMERICOID, TEXTOID);
	int64		company = PG_ARGISNULL(3) ? o2c_current_company() : PG_GETARG_INT64(3);
	int64		customer;
	int64		account;

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
	account = own_account(company, customer);
	/* the change is recorded first: setting the limit looks at held orders again */
	o2c_run(&log, O2C_ARGS(o2c_int8(company), o2c_int8(account), o2c_pg_arg(1), o2c_pg_arg(2)));
	o2c_run(&set, O2C_ARGS(o2c_int8(company), o2c_int8(account), o2c_pg_arg(1)));
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
	static O2cPlan find = O2C_PLAN("SELECT array_agg(DISTINCT o.customer_id) FROM o2c.customer_credit c"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.customer_id = c.customer_id AND o.state = 'held'"
								   " WHERE c.company_id = $1 AND c.credit_account_id = $2", INT8OID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._follow_credit", O2C_AFTER_ROW, 0);
	int64		company = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id");
	int64		account = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "credit_account_id");
	bool		isnull;
	Datum		customers;

	if (!credit_grew(trigdata))
		return PointerGetDatum(NULL);
	o2c_connect();
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(account)));
	customers = o2c_row_datum(0, 1, &isnull);
	if (!isnull)
		o2c_recheck_orders(company, customers);
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

	o2c_connect();
	o2c_lock_customer(company, customer);
	o2c_run(&inherit, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	o2c_finish();
	return PointerGetDatum(NULL);
}
