/*-------------------------------------------------------------------------
 *
 * apply.c
 *		Applies a payment to an invoice as a person says.
 *
 * Cash goes to the oldest instalment first.  Discount and tolerance are either
 * taken as earned and tolerated (difference.c), or given as amounts; what is
 * given beyond that needs a word why.  Between currencies the rate, or amounts
 * in both, say what the payment gives for the invoice.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "cash/deduction.h"
#include "cash/difference.h"
#include "cash/payment.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/item.h"

/* The arguments of o2c.apply_payment, by place. */
enum
{
	PAYMENT, INVOICE, AMOUNT, DISCOUNT, EFFECTIVE_ON, TOLERANCE, DEDUCTION_REASON, NOTE, RATE, CREDIT_AMOUNT, COMPANY
};

/* What o2c.apply_payment is to do. */
typedef struct Request
{
	NullableDatum args[COMPANY];
	int64		company;
	char	   *number;			/* of the invoice */
	char	   *note;
	O2cPayment	payment;
	int64		invoice;
	int64		customer;		/* who owes the invoice */
	char	   *currency;
	Numeric		discount;		/* given as an amount; 0 when it is taken as earned */
	Numeric		tolerance;
	O2cBearing	bearing;
	O2cOwed    *owed;			/* the open instalments */
	O2cApplication *rows;		/* what is applied to each */
	int			n;
	Numeric		open;			/* of all instalments */
	Numeric		cash;			/* to apply */
	Numeric		credit;			/* taken from the payment for it, in its currency */
} Request;

/* The smaller of two amounts. */
static Numeric
least(Numeric a, Numeric b)
{
	return o2c_cmp(a, b) < 0 ? a : b;
}

/* Takes as much as fits from what is left to give. */
static Numeric
take(Numeric *left, Numeric room)
{
	Numeric		taken = least(*left, room);

	*left = o2c_sub(*left, taken);
	return taken;
}

/* Finds the invoice. */
static void
find_invoice(Request *r)
{
	static O2cPlan find = O2C_PLAN("SELECT invoice_id, customer_id, currency FROM o2c.invoice"
								   " WHERE company_id = $1 AND number = $2 AND kind = 'invoice'", INT8OID, TEXTOID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(r->company), r->args[INVOICE])) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no invoice \"%s\"", (long long) r->company, r->number),
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
		o2c_identify_one(r->company, payment, r->customer);
	r->payment = o2c_read_payment(r->company, payment);
}

/* The open instalments of the invoice. */
static void
read_items(Request *r)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(item_id) FROM o2c.open_item WHERE company_id = $1 AND invoice_id = $2 AND open_amount > 0",
								   INT8OID, INT8OID);
	NullableDatum items;

	r->bearing = o2c_read_bearing(r->company, r->customer);
	r->open = o2c_zero();
	o2c_run(&find, O2C_ARGS(o2c_int8(r->company), o2c_int8(r->invoice)));
	items = o2c_row_copy(0, 1);
	r->n = items.isnull ? 0 : o2c_read_owed(r->company, items.value, r->payment.received_on, &r->bearing, &r->owed);
	r->rows = palloc0(sizeof(O2cApplication) * Max(r->n, 1));
	for (int i = 0; i < r->n; i++)
		r->open = o2c_add(r->open, r->owed[i].open);
}

/* A given amount as numeric, or NULL. */
static Numeric
given(const Request *r, int argument)
{
	return r->args[argument].isnull ? NULL : DatumGetNumeric(r->args[argument].value);
}

/* Refuses an amount that was given and is zero or none of a currency. */
static void
check_given(const Request *r, int argument, const char *currency, const char *what)
{
	Numeric		amount = given(r, argument);

	if (amount == NULL)
		return;
	o2c_check_amount(amount, currency, what);
	if (o2c_sign(amount) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the %s is zero", what),
				 errhint("Leave it out to apply as much as fits.")));
}

/* Checks the amounts that were given. */
static void
check_amounts(Request *r)
{
	Numeric		rate = given(r, RATE);

	check_given(r, AMOUNT, r->currency, "amount to apply");
	check_given(r, CREDIT_AMOUNT, r->payment.currency, "amount to take from the payment");
	r->discount = given(r, DISCOUNT) == NULL ? o2c_zero() : given(r, DISCOUNT);
	r->tolerance = given(r, TOLERANCE) == NULL ? o2c_zero() : given(r, TOLERANCE);
	o2c_check_amount(r->discount, r->currency, "discount");
	o2c_check_amount(r->tolerance, r->currency, "tolerance");
	if (rate != NULL && (numeric_is_nan(rate) || numeric_is_inf(rate) || o2c_sign(rate) <= 0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the exchange rate is %s", o2c_numeric_text(rate)),
				 errhint("Give the units of the invoice's currency for one of the payment's.")));
	if (rate != NULL && given(r, AMOUNT) != NULL && given(r, CREDIT_AMOUNT) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("amounts in both currencies leave no room for a rate"),
				 errhint("Leave one of the three out.")));
}

/* The rate to apply: the one given, else the day's. */
static Numeric
exchange_rate(const Request *r, DateADT day)
{
	static O2cPlan find = O2C_PLAN("SELECT o2c._known_rate($1, $2, $3, $4)", TEXTOID, TEXTOID, DATEOID, INT8OID);

	if (given(r, RATE) != NULL)
		return given(r, RATE);
	o2c_run(&find, O2C_ARGS(o2c_cstring(r->payment.currency), o2c_cstring(r->currency), o2c_date(day), o2c_int8(r->company)));
	if (o2c_row_copy(0, 1).isnull)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_CURRENCY_MISMATCH),
				 errmsg("%s cannot be applied to %s without a rate", r->payment.currency, r->currency),
				 errdetail("None is known on %s.", o2c_date_text(day)),
				 errhint("Give the rate, an amount in each currency, or insert a rate into o2c.exchange_rate.")));
	return DatumGetNumeric(o2c_row_copy(0, 1).value);
}

/* Cash and what the payment gives for it, by a rate. */
static void
convert(Request *r, Numeric rate, Numeric room)
{
	int			digits = o2c_minor_units(r->currency);
	Numeric		worth = o2c_round(o2c_mul(r->credit != NULL ? r->credit : r->payment.open, rate), digits);

	if (r->cash == NULL && (r->credit != NULL || o2c_cmp(worth, room) <= 0))
	{
		r->cash = worth;
		r->credit = r->credit != NULL ? r->credit : r->payment.open;
		return;
	}
	if (r->cash == NULL)
		r->cash = room;
	r->credit = o2c_round(o2c_div(r->cash, rate), o2c_minor_units(r->payment.currency));
	/* the last unit may be lost in converting there and back */
	if (o2c_cmp(r->cash, worth) <= 0)
		r->credit = least(r->credit, r->payment.open);
}

/* Says how much cash is to be applied, and what is taken from the payment for it. */
static void
set_cash(Request *r, DateADT day)
{
	Numeric		room = o2c_sub(r->open, o2c_add(r->discount, r->tolerance));

	r->cash = given(r, AMOUNT);
	r->credit = given(r, CREDIT_AMOUNT);
	if (strcmp(r->payment.currency, r->currency) == 0)
	{
		if (r->credit != NULL || given(r, RATE) != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
					 errmsg("the payment and the invoice are both in %s", r->currency),
					 errhint("Leave rate and credit_amount out.")));
		if (r->cash == NULL)
			r->cash = least(r->payment.open, room);
		r->credit = r->cash;
	}
	else if (r->credit != NULL && given(r, RATE) == NULL)
		r->cash = r->cash == NULL ? room : r->cash;
	else
		convert(r, exchange_rate(r, day), room);
}

/* Checks that the payment and the invoice have what is to be applied. */
static void
check_room(const Request *r)
{
	Numeric		total = o2c_add(r->cash, o2c_add(r->discount, r->tolerance));

	if (strcmp(r->payment.state, "pending") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("payment %lld is not money yet", (long long) r->payment.id),
				 errdetail(strcmp(r->payment.clearing, "authorized") == 0 ? "It is authorized only."
						   : "It is not settled, and the customer's policy counts cleared funds only."),
				 errhint("o2c.settle_payment() makes it count.")));
	if (o2c_cmp(r->credit, r->payment.open) > 0 || o2c_sign(r->payment.open) == 0)
		o2c_refuse_over_application(psprintf("payment %lld", (long long) r->payment.id),
									psprintf("Its amount is %s, %s is open, %s was to be applied.", o2c_numeric_text(r->payment.amount),
											 o2c_numeric_text(r->payment.open), o2c_numeric_text(r->credit)));
	if (o2c_cmp(total, r->open) > 0 || o2c_sign(r->open) == 0 || o2c_sign(total) == 0 || o2c_sign(r->cash) < 0)
		o2c_refuse_over_application(psprintf("a payment on invoice \"%s\"", r->number),
									psprintf("%s is open, %s was to be applied.", o2c_numeric_text(r->open), o2c_numeric_text(total)));
}

/* Spreads an amount over what the rows leave open, the oldest first. */
static void
spread(const Request *r, Numeric amount, bool discount)
{
	for (int i = 0; i < r->n; i++)
	{
		O2cApplication *row = &r->rows[i];
		Numeric		room = o2c_sub(r->owed[i].open, o2c_add(row->cash, o2c_add(row->discount, row->tolerance)));
		Numeric		taken = take(&amount, room);

		if (discount)
			row->discount = o2c_add(row->discount, taken);
		else
			row->tolerance = o2c_add(row->tolerance, taken);
	}
}

/* Hands cash, discount and tolerance out over the instalments. */
static void
settle_items(Request *r)
{
	O2cTaking	taking = {.cash = r->cash, .owed = o2c_zero(),
		.discount = r->args[DISCOUNT].isnull, .tolerance = r->args[TOLERANCE].isnull,
	.granted = r->discount, .allowed = r->tolerance};

	o2c_take_items(&taking, r->owed, r->n, &r->bearing, r->rows);
	for (int i = 0; i < r->n; i++)
	{
		r->rows[i].credit_item = r->payment.item;
		r->rows[i].debit_item = r->owed[i].item;
		r->rows[i].effective_on = r->args[EFFECTIVE_ON].isnull ? Max(r->owed[i].effective_on, r->payment.received_on)
			: DatumGetDateADT(r->args[EFFECTIVE_ON].value);
	}
	spread(r, taking.granted, true);
	spread(r, taking.allowed, false);
}

/* Splits what is taken from the payment over the rows, by running totals: the parts are exact together. */
static void
split_credit(const Request *r)
{
	int			digits = o2c_minor_units(r->payment.currency);
	Numeric		cash = o2c_zero();
	Numeric		given_out = o2c_zero();

	for (int i = 0; i < r->n && strcmp(r->payment.currency, r->currency) != 0; i++)
	{
		Numeric		upto;

		cash = o2c_add(cash, r->rows[i].cash);
		upto = o2c_sign(cash) == 0 ? cash : o2c_round(o2c_div(o2c_mul(r->credit, cash), r->cash), digits);
		r->rows[i].exchanged = o2c_sub(upto, given_out);
		given_out = upto;
	}
}

/* Refuses what is beyond the policy without a word why. */
static void
require_note(const Request *r, const char *what, Numeric allowed, Numeric taken)
{
	if (r->note != NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
			 errmsg("a %s beyond what is allowed needs a note that says why", what),
			 errdetail("%s is allowed, %s was to be taken.", o2c_numeric_text(allowed), o2c_numeric_text(taken)),
			 errhint("Give the argument note; null as %s takes what is allowed.", what)));
}

/* Finds the part of each discount that is not earned, and checks that what is beyond the policy is explained. */
static void
judge_differences(const Request *r)
{
	Numeric		tolerance = o2c_zero();
	Numeric		owed = o2c_zero();

	for (int i = 0; i < r->n; i++)
	{
		O2cApplication *row = &r->rows[i];
		Numeric		total = o2c_add(row->cash, o2c_add(row->discount, row->tolerance));
		Numeric		earned = o2c_discount_earned(&r->owed[i], &r->bearing, row->cash, o2c_cmp(total, r->owed[i].open) == 0);

		row->reason = r->note;
		row->unearned = o2c_sub(row->discount, least(row->discount, earned));
		if (o2c_sign(row->unearned) > 0)
			require_note(r, "discount", earned, row->discount);
		tolerance = o2c_add(tolerance, row->tolerance);
		if (o2c_sign(total) > 0)
			owed = o2c_add(owed, r->owed[i].open);
	}
	if (o2c_sign(r->tolerance) > 0 && !o2c_is_tolerated(&r->bearing, tolerance, owed))
		require_note(r, "tolerance", o2c_zero(), tolerance);
}

/* Writes the rows that have something; returns the first. */
static int64
write_rows(Request *r)
{
	int			used = 0;

	for (int i = 0; i < r->n; i++)
		if (o2c_sign(o2c_add(r->rows[i].cash, o2c_add(r->rows[i].discount, r->rows[i].tolerance))) > 0)
			r->rows[used++] = r->rows[i];
	if (r->args[EFFECTIVE_ON].isnull)
		o2c_date_after_reversals(r->company, r->rows, used);
	r->n = used;
	return o2c_apply(r->company, r->rows, used, "manual");
}

/* Records what is short as deducted: for the reason given, or as unearned when it is a discount of the terms. */
static void
record_shortage(const Request *r)
{
	O2cDeduction d = {.company = r->company, .payment = r->payment.id, .invoice = r->invoice, .amount = O2C_NULL,
		.reason = r->args[DEDUCTION_REASON], .note = r->args[NOTE], .effective_on = r->rows[r->n - 1].effective_on};

	if (!d.reason.isnull || r->args[DISCOUNT].isnull)
		o2c_record_deduction(&d);
}

PG_FUNCTION_INFO_V1(o2c_apply_payment);
/* o2c.apply_payment(payment, invoice, amount, ...) */
Datum
o2c_apply_payment(PG_FUNCTION_ARGS)
{
	Request		r = {.company = PG_ARGISNULL(COMPANY) ? 0 : PG_GETARG_INT64(COMPANY)};
	int64		result;

	for (int i = 0; i < COMPANY; i++)
		r.args[i] = o2c_pg_arg(i);
	r.number = r.args[INVOICE].isnull ? "" : TextDatumGetCString(r.args[INVOICE].value);
	r.note = r.args[NOTE].isnull ? NULL : TextDatumGetCString(r.args[NOTE].value);
	o2c_connect();
	find_invoice(&r);
	lock_parties(&r, PG_ARGISNULL(PAYMENT) ? 0 : PG_GETARG_INT64(PAYMENT));
	check_amounts(&r);
	read_items(&r);
	set_cash(&r, r.args[EFFECTIVE_ON].isnull ? r.payment.received_on : DatumGetDateADT(r.args[EFFECTIVE_ON].value));
	check_room(&r);
	settle_items(&r);
	judge_differences(&r);
	split_credit(&r);
	result = write_rows(&r);
	record_shortage(&r);
	o2c_finish();
	PG_RETURN_INT64(result);
}

PG_FUNCTION_INFO_V1(o2c_eligible_discount);
/* o2c.eligible_discount(invoice, paid_on, cash, company_id) */
Datum
o2c_eligible_discount(PG_FUNCTION_ARGS)
{
	Request		r = {.company = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3), .args = {[INVOICE] = o2c_pg_arg(0), [AMOUNT] = o2c_pg_arg(2)}};
	O2cTaking	taking = {.owed = o2c_zero(), .discount = true, .tolerance = true, .granted = o2c_zero(), .allowed = o2c_zero()};
	Numeric		discount = o2c_zero();
	Datum		result;

	o2c_check_date(o2c_pg_arg(1), "date of the payment");
	r.number = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	o2c_connect();
	find_invoice(&r);
	if (given(&r, AMOUNT) != NULL)
		o2c_check_amount(given(&r, AMOUNT), r.currency, "amount of the payment");
	r.payment.received_on = PG_GETARG_DATEADT(1);
	read_items(&r);
	taking.cash = given(&r, AMOUNT);
	if (taking.cash != NULL)
		o2c_take_items(&taking, r.owed, r.n, &r.bearing, r.rows);
	for (int i = 0; i < r.n; i++)
		discount = o2c_add(discount, taking.cash == NULL ? o2c_discount_left(&r.owed[i]) : r.rows[i].discount);
	result = SPI_datumTransfer(NumericGetDatum(discount), false, -1);
	o2c_finish();
	PG_RETURN_DATUM(result);
}
