/*-------------------------------------------------------------------------
 *
 * apply.c
 *		Applies a payment to an invoice as a person says.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "cash/payment.h"
#include "core/money.h"
#include "core/plan.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/item.h"

/* What o2c.apply_payment is to do. */
typedef struct Request
{
	int64		company;
	const char *number;			/* of the invoice */
	O2cPayment	payment;
	int64		invoice;
	int64		customer;		/* who owes the invoice */
	char	   *currency;
	NullableDatum amount;
	Numeric		discount;
	Numeric		tolerance;
	NullableDatum effective_on;
} Request;

/* Finds the invoice. */
static void
find_invoice(Request *r)
{
	static O2cPlan find = O2C_PLAN("SELECT invoice_id, customer_id, currency FROM o2c.invoice"
								   " WHERE company_id = $1 AND number = $2 AND kind = 'invoice'", INT8OID, TEXTOID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(r->company), o2c_opt_cstring(r->number))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no invoice \"%s\"", (long long) r->company, r->number == NULL ? "" : r->number),
				 errhint("Invoices are found by their number in o2c.invoice.")));
	r->invoice = o2c_row_int8(0, 1);
	r->customer = o2c_row_int8(0, 2);
	r->currency = o2c_row_text(0, 3);
}

/* Locks both customers, and gives a payment without customer to the invoice's. */
static void
lock_parties(Request *r, int64 payment)
{
	int64		parties[2] = {r->customer, o2c_read_payment(r->company, payment).customer};

	o2c_lock_customers(r->company, parties, 2);
	if (parties[1] == 0)
		o2c_identify(r->company, &payment, &r->customer, 1);
	r->payment = o2c_read_payment(r->company, payment);
}

/* The debit items of the invoice, the oldest first; effective_on is the date of the application. */
static int
read_items(const Request *r, O2cApplication **rows, Numeric **open)
{
	static O2cPlan find = O2C_PLAN("SELECT item_id, greatest(effective_on, $3), open_amount FROM o2c.open_item"
								   " WHERE company_id = $1 AND invoice_id = $2 AND open_amount > 0 ORDER BY due_on, item_id",
								   INT8OID, INT8OID, DATEOID);
	int			n = o2c_run(&find, O2C_ARGS(o2c_int8(r->company), o2c_int8(r->invoice), o2c_date(r->payment.received_on)));

	*rows = palloc0(sizeof(O2cApplication) * Max(n, 1));
	*open = palloc(sizeof(Numeric) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		(*rows)[i].credit_item = r->payment.item;
		(*rows)[i].debit_item = o2c_row_int8(i, 1);
		(*rows)[i].effective_on = r->effective_on.isnull ? o2c_row_int4(i, 2) : DatumGetDateADT(r->effective_on.value);
		(*open)[i] = DatumGetNumeric(o2c_row_copy(i, 3).value);
	}
	return n;
}

/* The smaller of two amounts. */
static Numeric
least(Numeric a, Numeric b)
{
	return o2c_cmp(a, b) < 0 ? a : b;
}

/* Takes as much as fits from what is left to give. */
static Numeric
take(Numeric *left, Numeric *room)
{
	Numeric		taken = least(*left, *room);

	*left = o2c_sub(*left, taken);
	*room = o2c_sub(*room, taken);
	return taken;
}

/* Checks that the payment and the invoice have what is to be applied. */
static Numeric
check_room(const Request *r, Numeric invoice_open)
{
	Numeric		waived = o2c_add(r->discount, r->tolerance);
	Numeric		cash = r->amount.isnull ? least(r->payment.open, o2c_sub(invoice_open, waived)) : DatumGetNumeric(r->amount.value);

	if (o2c_cmp(cash, r->payment.open) > 0 || o2c_sign(r->payment.open) == 0)
		o2c_refuse_over_application(psprintf("payment %lld", (long long) r->payment.id),
									psprintf("Its amount is %s, %s is open, %s was to be applied.", o2c_numeric_text(r->payment.amount),
											 o2c_numeric_text(r->payment.open), o2c_numeric_text(cash)));
	if (o2c_cmp(o2c_add(cash, waived), invoice_open) > 0 || o2c_sign(invoice_open) == 0)
		o2c_refuse_over_application(psprintf("a payment on invoice \"%s\"", r->number),
									psprintf("%s is open, %s was to be applied.", o2c_numeric_text(invoice_open),
											 o2c_numeric_text(o2c_add(cash, waived))));
	return cash;
}

/* Spreads cash, discount and tolerance over the instalments, the oldest first; returns the first application. */
static int64
spread(const Request *r)
{
	O2cApplication *rows;
	Numeric    *open;
	Numeric		invoice_open = o2c_zero();
	Numeric		discount = r->discount;
	Numeric		tolerance = r->tolerance;
	Numeric		cash;
	int			n = read_items(r, &rows, &open);
	int			used;

	for (int i = 0; i < n; i++)
		invoice_open = o2c_add(invoice_open, open[i]);
	cash = check_room(r, invoice_open);
	for (used = 0; used < n && o2c_sign(o2c_add(cash, o2c_add(discount, tolerance))) > 0; used++)
	{
		rows[used].cash = take(&cash, &open[used]);
		rows[used].discount = take(&discount, &open[used]);
		rows[used].tolerance = take(&tolerance, &open[used]);
	}
	if (r->effective_on.isnull)
		o2c_date_after_reversals(r->company, rows, used);
	return o2c_apply(r->company, rows, used, "manual");
}

/* An amount that the caller gives and that may be zero; a null one is zero. */
static Numeric
optional_amount(const Request *r, NullableDatum d, const char *what)
{
	Numeric		amount = d.isnull ? o2c_zero() : DatumGetNumeric(d.value);

	o2c_check_amount(amount, r->currency, what);
	return amount;
}

/* Takes the amounts over. */
static void
read_amounts(Request *r, NullableDatum amount, NullableDatum discount, NullableDatum tolerance)
{
	r->amount = amount;
	r->discount = optional_amount(r, discount, "discount");
	r->tolerance = optional_amount(r, tolerance, "tolerance");
	if (!amount.isnull && o2c_sign(optional_amount(r, amount, "amount to apply")) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the amount to apply is zero"),
				 errhint("Leave it out to apply as much as fits.")));
}

PG_FUNCTION_INFO_V1(o2c_apply_payment);
/* o2c.apply_payment(payment, invoice, amount, discount, effective_on, tolerance, company_id) */
Datum
o2c_apply_payment(PG_FUNCTION_ARGS)
{
	Request		r = {.company = PG_ARGISNULL(6) ? 0 : PG_GETARG_INT64(6)};
	int64		result;

	r.number = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	r.effective_on = o2c_pg_arg(4);
	o2c_connect();
	find_invoice(&r);
	read_amounts(&r, o2c_pg_arg(2), o2c_pg_arg(3), o2c_pg_arg(5));
	lock_parties(&r, PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0));
	result = spread(&r);
	o2c_finish();
	PG_RETURN_INT64(result);
}
