/*-------------------------------------------------------------------------
 *
 * match.c
 *		Applies payments to invoices by themselves.
 *
 * Matching runs in stages; each finds candidates for all payments in one
 * statement (functions.sql) and applies them in one more.  Only a unique
 * solution is applied, nothing is invented, and what is left stays on account.
 * Payments come in the order of (received_on, payment_id), so that two payments
 * naming one invoice share it in that order.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "cash/payment.h"
#include "core/money.h"
#include "core/plan.h"
#include "funcapi.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/item.h"
#include "utils/guc.h"

/* One run of o2c.match_payments. */
typedef struct Match
{
	int64		company;
	NullableDatum payments;		/* bigint[]: what this run may touch */
	NullableDatum as_of;
	ReturnSetInfo *rsinfo;
} Match;

/* A bigint column of the last result. */
static int64 *
id_column(int column, int n)
{
	int64	   *ids = palloc_extended(sizeof(int64) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		ids[i] = o2c_row_int8(i, column);
	return ids;
}

/* The payments of this run, whose customers are then locked; those that their reference identifies get a customer. */
static void
begin_match(Match *match, NullableDatum payment)
{
	static O2cPlan pending = O2C_PLAN("SELECT payment_id, NULL::bigint FROM o2c.payment"
									  " WHERE company_id = $1 AND customer_id IS NULL AND state = 'received' AND received_on <= $2"
									  " UNION ALL SELECT p.payment_id, p.customer_id FROM o2c.open_item i"
									  " JOIN o2c.payment p ON p.company_id = $1 AND p.item_id = i.item_id"
									  " WHERE i.company_id = $1 AND i.open_amount < 0 AND i.open_amount + i.allocated_amount < 0 AND p.received_on <= $2", INT8OID, DATEOID);
	static O2cPlan pending_one = O2C_PLAN("SELECT payment_id, customer_id FROM o2c.payment"
										  " WHERE company_id = $1 AND payment_id = $3 AND state = 'received' AND received_on <= $2",
										  INT8OID, DATEOID, INT8OID);
	static O2cPlan identify = O2C_PLAN("SELECT payment_id, customer_id FROM o2c._identify_by_reference($2, $3, $1)",
									   INT8OID, INT8ARRAYOID, DATEOID);
	int			n = o2c_run(payment.isnull ? &pending : &pending_one, O2C_ARGS(o2c_int8(match->company), match->as_of, payment));
	int64	   *payers = id_column(2, n);
	int64	   *payments = NULL,
			   *customers = NULL;
	int			identified = 0;
	bool		unknown = false;

	match->payments = o2c_datum(o2c_int8_array(id_column(1, n), n));
	for (int i = 0; i < n; i++)
		unknown |= payers[i] == 0;
	if (unknown)
	{
		identified = o2c_run(&identify, O2C_ARGS(o2c_int8(match->company), match->payments, match->as_of));
		payments = id_column(1, identified);
		customers = id_column(2, identified);
	}
	/* all at once, in the order of their ids */
	payers = repalloc_huge(payers, sizeof(int64) * Max(n + identified, 1));
	for (int i = 0; i < identified; i++)
		payers[n + i] = customers[i];
	o2c_lock_customers(match->company, payers, n + identified);
	o2c_identify(match->company, payments, customers, identified);
}

/* Adds a row to the result of o2c.match_payments. */
static void
report(ReturnSetInfo *rsinfo, uint64 row, const char *stage)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	values[0] = o2c_row_datum(row, 1, &nulls[0]);
	values[1] = o2c_row_datum(row, 2, &nulls[1]);
	values[2] = CStringGetTextDatum(stage);
	values[3] = o2c_row_datum(row, 6, &nulls[3]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Applies the candidates that a stage found; returns how many. */
static int
apply_candidates(const Match *match, O2cPlan *find, const char *stage)
{
	int			n = o2c_run(find, O2C_ARGS(o2c_int8(match->company), match->payments, match->as_of));
	O2cApplication *rows = palloc_extended(sizeof(O2cApplication) * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < n; i++)
	{
		report(match->rsinfo, i, stage);
		rows[i].credit_item = o2c_row_int8(i, 3);
		rows[i].debit_item = o2c_row_int8(i, 4);
		rows[i].effective_on = o2c_row_int4(i, 5);
		rows[i].cash = DatumGetNumeric(o2c_row_copy(i, 6).value);
		rows[i].discount = rows[i].tolerance = o2c_zero();
	}
	if (n == 0)
		return 0;
	o2c_date_after_reversals(match->company, rows, n);
	o2c_apply(match->company, rows, n, stage);
	return n;
}

/* Leaves the payments that still have something to apply; false when there is none. */
static bool
keep_open(Match *match)
{
	static O2cPlan open = O2C_PLAN("SELECT payment_id FROM o2c.payment WHERE company_id = $1 AND payment_id = ANY ($2) AND state = 'received'"
								   " ORDER BY received_on, payment_id", INT8OID, INT8ARRAYOID);
	int			n = o2c_run(&open, O2C_ARGS(o2c_int8(match->company), match->payments));

	match->payments = o2c_datum(o2c_int8_array(id_column(1, n), n));
	return n > 0;
}

/*
 * Runs the stages.  An item that one payment closes may leave another payment
 * with a single candidate, so amounts are compared until nothing is found: a
 * second call then finds nothing either.
 */
static void
run_stages(Match *match)
{
	static O2cPlan by_reference = O2C_PLAN("SELECT payment_id, invoice_id, credit_item_id, debit_item_id, effective_on, amount"
										   " FROM o2c._match_by_reference($2, $3, $1)", INT8OID, INT8ARRAYOID, DATEOID);
	static O2cPlan by_amount = O2C_PLAN("SELECT payment_id, invoice_id, credit_item_id, debit_item_id, effective_on, amount"
										" FROM o2c._match_by_amount($2, $3, false, $1)", INT8OID, INT8ARRAYOID, DATEOID);
	static O2cPlan by_group_amount = O2C_PLAN("SELECT payment_id, invoice_id, credit_item_id, debit_item_id, effective_on, amount"
											  " FROM o2c._match_by_amount($2, $3, true, $1)", INT8OID, INT8ARRAYOID, DATEOID);

	if (apply_candidates(match, &by_reference, "reference") > 0 && !keep_open(match))
		return;
	while (apply_candidates(match, &by_amount, "amount") > 0 || apply_candidates(match, &by_group_amount, "amount") > 0)
		;
}

/* For one payment planning would cost more than the search; for many it pays. */
static int
plan_once(bool one)
{
	int			level = NewGUCNestLevel();

	if (one)
		(void) set_config_option("plan_cache_mode", "force_generic_plan", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

PG_FUNCTION_INFO_V1(o2c_match_payments);
/* o2c.match_payments(as_of, payment_id, company_id) */
Datum
o2c_match_payments(PG_FUNCTION_ARGS)
{
	Match		match;
	int			level;

	InitMaterializedSRF(fcinfo, 0);
	o2c_check_date(o2c_pg_arg(0), "date of the matching");
	match.company = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	match.as_of = o2c_pg_arg(0);
	match.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	o2c_connect();
	if (!PG_ARGISNULL(1))
		o2c_read_payment(match.company, PG_GETARG_INT64(1));
	level = plan_once(!PG_ARGISNULL(1));
	begin_match(&match, o2c_pg_arg(1));
	run_stages(&match);
	AtEOXact_GUC(true, level);
	o2c_finish();
	return (Datum) 0;
}
