/*-------------------------------------------------------------------------
 *
 * deduction.c
 *		Deductions: what a customer left out when it paid, and why.
 *
 * The invoice stays open with its due date; a deduction only says what part of
 * it is in question.  How much of it still is follows from the open amount
 * (view o2c.open_deduction), so nothing has to be kept in line.
 *
 *-------------------------------------------------------------------------
 */
#include "cash/deduction.h"

#include "cash/payment.h"
#include "core/money.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/item.h"

/* Records what a payment left short of an invoice, the oldest instalment first; returns the first row, 0 for none. */
int64
o2c_record_deduction(const O2cDeduction *d)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.deduction (company_id, payment_id, item_id, amount, reason, note, effective_on)"
								  " SELECT $1, $2, f.item_id, least(f.free, $4 - f.before), coalesce($5, 'unearned_discount'), $6, $7"
								  " FROM (SELECT s.item_id, s.due_on, s.free, s.is_discount, sum(s.free) OVER (ORDER BY s.due_on, s.item_id) - s.free AS before"
								  " FROM o2c._short_paid s WHERE s.company_id = $1 AND s.payment_id = $2 AND s.invoice_id = $3) f"
								  " WHERE f.free > 0 AND ($4 IS NULL OR f.before < $4) AND ($5 IS NOT NULL OR f.is_discount)"
								  " ORDER BY f.due_on, f.item_id RETURNING deduction_id",
								  INT8OID, INT8OID, INT8OID, NUMERICOID, TEXTOID, TEXTOID, DATEOID);

	if (o2c_run(&add, O2C_ARGS(o2c_int8(d->company), o2c_int8(d->payment), o2c_int8(d->invoice), d->amount, d->reason,
							   d->note, o2c_date(d->effective_on))) == 0)
		return 0;
	return o2c_row_int8(0, 1);
}

/* The invoice with a number, its currency, and the customer who owes it. */
static int64
find_invoice(int64 company, NullableDatum number, char **currency, int64 *customer)
{
	static O2cPlan find = O2C_PLAN("SELECT invoice_id, currency, customer_id FROM o2c.invoice"
								   " WHERE company_id = $1 AND number = $2 AND kind = 'invoice'", INT8OID, TEXTOID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), number)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no invoice \"%s\"", (long long) company, number.isnull ? "" : TextDatumGetCString(number.value)),
				 errhint("Invoices are found by their number in o2c.invoice.")));
	*currency = o2c_row_text(0, 2);
	*customer = o2c_row_int8(0, 3);
	return o2c_row_int8(0, 1);
}

/* Refuses a reason that is not in the list. */
static void
check_reason(int64 company, NullableDatum reason)
{
	static O2cPlan find = O2C_PLAN("SELECT FROM o2c.deduction_reason WHERE company_id = $1 AND reason = $2", INT8OID, TEXTOID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), reason)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("there is no reason \"%s\" for deductions", reason.isnull ? "" : TextDatumGetCString(reason.value)),
				 errhint("o2c.deduction_reason lists the reasons; add your own.")));
}

/* Checks that so much is short and in no deduction yet. */
static void
check_short(const O2cDeduction *d, const char *currency)
{
	static O2cPlan find = O2C_PLAN("SELECT coalesce(sum(free), 0) FROM o2c._short_paid"
								   " WHERE company_id = $1 AND payment_id = $2 AND invoice_id = $3", INT8OID, INT8OID, INT8OID);
	Numeric		free;

	o2c_run(&find, O2C_ARGS(o2c_int8(d->company), o2c_int8(d->payment), o2c_int8(d->invoice)));
	free = DatumGetNumeric(o2c_row_copy(0, 1).value);
	if (o2c_sign(free) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("payment %lld left nothing short that is not deducted already", (long long) d->payment),
				 errhint("A deduction is what is open of an instalment that the payment was applied to; o2c.open_deduction lists them.")));
	if (d->amount.isnull)
		return;
	o2c_check_amount(DatumGetNumeric(d->amount.value), currency, "amount of the deduction");
	if (o2c_sign(DatumGetNumeric(d->amount.value)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the amount of the deduction is zero"),
				 errhint("Leave it out to deduct all that is short.")));
	if (o2c_cmp(DatumGetNumeric(d->amount.value), free) > 0)
		o2c_refuse_over_application("a deduction", psprintf("%s is short and not deducted, %s was to be deducted.", o2c_numeric_text(free),
															o2c_numeric_text(DatumGetNumeric(d->amount.value))));
}

PG_FUNCTION_INFO_V1(o2c_record_deduction_sql);
/* o2c.record_deduction(payment, invoice, reason, amount, note, effective_on, company_id) */
Datum
o2c_record_deduction_sql(PG_FUNCTION_ARGS)
{
	O2cDeduction d = {.company = PG_ARGISNULL(6) ? 0 : PG_GETARG_INT64(6), .payment = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0),
		.reason = o2c_pg_arg(2), .amount = o2c_pg_arg(3), .note = o2c_pg_arg(4)};
	int64		customer;
	int64		result;
	char	   *currency;

	o2c_check_date(o2c_pg_arg(5), "date of the deduction");
	d.effective_on = PG_GETARG_DATEADT(5);
	o2c_connect();
	d.invoice = find_invoice(d.company, o2c_pg_arg(1), &currency, &customer);
	o2c_lock_customer(d.company, customer);
	o2c_read_payment(d.company, d.payment);
	check_reason(d.company, d.reason);
	check_short(&d, currency);
	result = o2c_record_deduction(&d);
	o2c_finish();
	PG_RETURN_INT64(result);
}
