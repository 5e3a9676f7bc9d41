/*-------------------------------------------------------------------------
 *
 * overdue.c
 *		What being overdue does: the rule at the checkpoints, and the suspension
 *		of the customer's credit.
 *
 * Overdue is what the clock says.  The rule computes it from the due dates, so
 * that a missed nightly run lets nobody through.  The run records it as the
 * state of the invoice, and the trigger on that change suspends the customer:
 * one hold for each overdue invoice, which goes when that invoice leaves the
 * state, and with it nothing else.  The run writes the groups that it locks: an
 * order that is confirmed meanwhile sees the suspension or fails to serialize.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "control/checkpoint.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"

/* Whether anything is overdue: asked first, because mostly nothing is. */
static O2cPlan any_overdue = O2C_PLAN(
	"SELECT FROM o2c.open_item WHERE company_id = $1 AND customer_id = $2 AND open_amount > 0"
	" AND due_on < $3 - $4 AND open_amount > $5 LIMIT 1",
	INT8OID, INT8OID, DATEOID, INT4OID, NUMERICOID);

/* The due date itself is not overdue; grace days come on top (Directive 2011/7/EU, Art. 3: interest from the day after). */
static O2cPlan find_overdue = O2C_PLAN(
	"SELECT sum(i.open_amount * i.credit_rate),"
	" string_agg(format('%s (%s %s, due %s)', coalesce(v.number, 'fee'), i.open_amount, i.currency, i.due_on), ', '"
	" ORDER BY i.due_on, i.item_id)"
	" FROM (SELECT * FROM o2c.open_item WHERE company_id = $1 AND customer_id = $2 AND open_amount > 0"
	" AND due_on < $3 - $4 ORDER BY due_on, item_id) i"
	" LEFT JOIN o2c.invoice v ON v.company_id = $1 AND v.invoice_id = i.invoice_id"
	" WHERE i.open_amount > $5",
	INT8OID, INT8OID, DATEOID, INT4OID, NUMERICOID);

/* The amounts to pay, one for each currency. */
static O2cPlan sum_overdue = O2C_PLAN(
	"SELECT string_agg(format('%s %s', s.amount, s.currency), ' + ' ORDER BY s.currency) FROM"
	" (SELECT i.currency, sum(i.open_amount) AS amount FROM o2c.open_item i WHERE i.company_id = $1 AND i.customer_id = $2"
	" AND i.open_amount > 0 AND i.due_on < $3 - $4 AND i.open_amount > $5 GROUP BY 1) s",
	INT8OID, INT8OID, DATEOID, INT4OID, NUMERICOID);

PG_FUNCTION_INFO_V1(o2c_rule_overdue);
/* o2c.rule_overdue(case, {"days", "amount"}): no invoice is overdue */
Datum
o2c_rule_overdue(PG_FUNCTION_ARGS)
{
	const NullableDatum *args;
	Numeric		tolerated = o2c_rule_parameter(fcinfo, "amount", o2c_zero());
	Datum		finding;

	args = O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(o2c_case_int8(fcinfo, "customer_id")),
					o2c_date(o2c_case_date(fcinfo, "day")), o2c_int4(o2c_rule_days(fcinfo, "days", 0)),
					o2c_datum(NumericGetDatum(tolerated)));
	o2c_connect();
	if (o2c_run(&any_overdue, args) == 0)
		finding = o2c_finding(fcinfo, true, o2c_zero(), tolerated, NULL);
	else
	{
		Numeric		amount;
		char	   *invoices;

		o2c_run(&find_overdue, args);
		amount = DatumGetNumeric(o2c_row_copy(0, 1).value);
		invoices = o2c_row_text(0, 2);
		o2c_run(&sum_overdue, args);
		finding = o2c_finding(fcinfo, false, amount, tolerated,
							  psprintf("overdue: payment of %s must be received first, for %s", o2c_row_text(0, 1), invoices));
	}
	finding = SPI_datumTransfer(finding, false, -1);
	o2c_finish();
	PG_RETURN_DATUM(finding);
}

/* Invoices that entered or left the state. */
typedef struct Turned
{
	int64		company;
	int64	   *invoices;
	int			n;
} Turned;

/* Suspends the credit of the customers of invoices that became overdue. */
static void
suspend(Turned *t)
{
	static O2cPlan place = O2C_PLAN("INSERT INTO o2c.hold (company_id, customer_id, rule, reason, automatic, source_type, source_id)"
									" SELECT $1, v.customer_id, 'suspension',"
									" format('credit suspended: invoice %s was due on %s, %s %s must be paid', v.number, v.due_on, o.amount, v.currency),"
									" true, 'invoice', v.invoice_id"
									" FROM o2c.invoice v CROSS JOIN LATERAL (SELECT sum(i.open_amount) AS amount FROM o2c.open_item i"
									" WHERE i.company_id = $1 AND i.invoice_id = v.invoice_id) o"
									" WHERE v.company_id = $1 AND v.invoice_id = ANY ($2) ORDER BY v.invoice_id"
									" ON CONFLICT (company_id, source_type, source_id) WHERE released_at IS NULL AND source_id IS NOT NULL DO NOTHING",
									INT8OID, INT8ARRAYOID);

	if (t->n > 0)
		o2c_run(&place, O2C_ARGS(o2c_int8(t->company), o2c_datum(o2c_int8_array(t->invoices, t->n))));
	t->n = 0;
}

/* Lifts exactly the suspensions that invoices caused which are not overdue any more. */
static void
lift(Turned *t)
{
	static O2cPlan release = O2C_PLAN("UPDATE o2c.hold SET released_on = $3, released_at = clock_timestamp(), released_by = $4,"
									  " release_reason = 'invoice no longer overdue'"
									  " WHERE company_id = $1 AND source_type = 'invoice' AND source_id = ANY ($2) AND released_at IS NULL",
									  INT8OID, INT8ARRAYOID, DATEOID, TEXTOID);

	if (t->n > 0)
		o2c_run(&release, O2C_ARGS(o2c_int8(t->company), o2c_datum(o2c_int8_array(t->invoices, t->n)),
								   o2c_date(o2c_today()), o2c_cstring(o2c_actor())));
	t->n = 0;
}

#define INVOICE_BATCH 10000

/* Adds an invoice; a full batch or another company is acted on first. */
static void
turn(Turned *t, int64 company, int64 invoice, void (*act) (Turned *))
{
	if (t->n == INVOICE_BATCH || company != t->company)
		act(t);
	t->company = company;
	t->invoices[t->n++] = invoice;
}

PG_FUNCTION_INFO_V1(o2c_suspend_credit);
/* o2c._suspend_credit(): after each update of invoices */
Datum
o2c_suspend_credit(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._suspend_credit", O2C_AFTER_STATEMENT, 0);
	int			state = o2c_column(trigdata->tg_relation, "state");
	int			id = o2c_column(trigdata->tg_relation, "invoice_id");
	int			company = o2c_column(trigdata->tg_relation, "company_id");
	Turned		entered = {.invoices = palloc(sizeof(int64) * INVOICE_BATCH)};
	Turned		left = {.invoices = palloc(sizeof(int64) * INVOICE_BATCH)};
	O2cChanges	changes;

	o2c_connect();
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		bool		was = strcmp(o2c_slot_text(changes.before, state), "overdue") == 0;
		bool		is = strcmp(o2c_slot_text(changes.after, state), "overdue") == 0;

		if (is && !was)
			turn(&entered, o2c_slot_int8(changes.after, company), o2c_slot_int8(changes.after, id), suspend);
		else if (was && !is)
			turn(&left, o2c_slot_int8(changes.after, company), o2c_slot_int8(changes.after, id), lift);
	}
	suspend(&entered);
	lift(&left);
	o2c_changes_end(&changes);
	o2c_finish();
	return PointerGetDatum(NULL);
}

/* Invoices that are overdue by the company's rule and not recorded so, and their customers. */
static O2cPlan find_late = O2C_PLAN(
	"SELECT DISTINCT v.invoice_id, v.customer_id FROM o2c.open_item i"
	" JOIN o2c.invoice v ON v.company_id = $1 AND v.invoice_id = i.invoice_id AND v.state = 'posted' AND v.kind = 'invoice'"
	" WHERE i.company_id = $1 AND i.open_amount > $4 AND i.due_on < $2 - $3 ORDER BY 1",
	INT8OID, DATEOID, INT4OID, NUMERICOID);

/* The parameters of the company's overdue rule: grace days and tolerated amount. */
static void
overdue_parameters(int64 company, DateADT day, NullableDatum *days, NullableDatum *amount)
{
	static O2cPlan find = O2C_PLAN("SELECT coalesce((parameters ->> 'days')::integer, 0), coalesce((parameters ->> 'amount')::numeric, 0)"
								   " FROM o2c.rule WHERE company_id = $1 AND checkpoint = 'order' AND code = 'overdue'"
								   " AND customer_id IS NULL AND $2 BETWEEN valid_from AND valid_to ORDER BY version DESC LIMIT 1",
								   INT8OID, DATEOID);

	*days = o2c_int4(0);
	*amount = o2c_datum(NumericGetDatum(o2c_zero()));
	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_date(day))) == 0)
		return;
	*days = o2c_row_copy(0, 1);
	*amount = o2c_row_copy(0, 2);
}

PG_FUNCTION_INFO_V1(o2c_record_overdue);
/* o2c.record_overdue(day, company) */
Datum
o2c_record_overdue(PG_FUNCTION_ARGS)
{
	/* what was paid while the locks were waited for is not overdue any more */
	static O2cPlan record = O2C_PLAN("UPDATE o2c.invoice v SET state = 'overdue' WHERE v.company_id = $1 AND v.invoice_id = ANY ($2)"
									 " AND v.state = 'posted' AND EXISTS (SELECT FROM o2c.open_item i WHERE i.company_id = $1"
									 " AND i.invoice_id = v.invoice_id AND i.open_amount > $5 AND i.due_on < $3 - $4)",
									 INT8OID, INT8ARRAYOID, DATEOID, INT4OID, NUMERICOID);
	int64		company = PG_ARGISNULL(1) ? o2c_current_company() : PG_GETARG_INT64(1);
	DateADT		day = PG_ARGISNULL(0) ? o2c_today() : PG_GETARG_DATEADT(0);
	NullableDatum days,
				amount;
	int64	   *invoices;
	int64	   *customers;
	int			n;

	o2c_connect();
	overdue_parameters(company, day, &days, &amount);
	n = (int) o2c_run(&find_late, O2C_ARGS(o2c_int8(company), o2c_date(day), days, amount));
	invoices = palloc(sizeof(int64) * Max(n, 1));
	customers = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		invoices[i] = o2c_row_int8(i, 1);
		customers[i] = o2c_row_int8(i, 2);
	}
	if (n > 0)
	{
		o2c_write_groups(company, customers, n);
		n = (int) o2c_run(&record, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_int8_array(invoices, n)), o2c_date(day), days, amount));
	}
	o2c_finish();
	PG_RETURN_INT64(n);
}
