/*-------------------------------------------------------------------------
 *
 * prepayment.c
 *		Payments that are kept for an order until it is invoiced.
 *
 * What is allocated is a fact; the payment's open item (allocated_amount) and
 * the order (prepaid_amount) follow it.  So the money counts once: it leaves
 * "unapplied" when it starts to cover the exposure of the order.  Nothing else
 * can use it: matching takes what is free only, and no application may go below
 * what is allocated.  When an invoice of the order is posted, the money is used:
 * it is free for a moment, and applied in the same statement.
 *
 * The two sides move in the order that never shows more free credit than there
 * is: first the side that takes credit, then the one that gives it.
 *
 *-------------------------------------------------------------------------
 */
#include "cash/payment.h"

#include "control/hold.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/item.h"
#include "utils/rel.h"

/* An order, as a prepayment sees it. */
typedef struct Order
{
	int64		company;
	int64		id;
	int64		customer;
	char	   *currency;
	char	   *state;
	Numeric		room;			/* not invoiced, not paid in advance */
} Order;

/* Reads the order. */
static Order
read_order(int64 company, int64 id)
{
	static O2cPlan find = O2C_PLAN("SELECT o.customer_id, o.currency, o.state, o2c.round_money(coalesce((SELECT"
								   " sum(round((l.net_amount + l.tax_amount) * (l.quantity - l.cancelled_quantity - l.invoiced_quantity"
								   " + l.credited_quantity) / l.quantity, 4)) FROM o2c.order_line l WHERE l.company_id = $1 AND l.order_id = $2), 0),"
								   " o.currency) - o.prepaid_amount + o.prepaid_used"
								   " FROM o2c.sales_order o WHERE o.company_id = $1 AND o.order_id = $2", INT8OID, INT8OID);
	Order		order = {.company = company, .id = id};

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(id))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no order %lld", (long long) company, (long long) id)));
	order.customer = o2c_row_int8(0, 1);
	order.currency = o2c_row_text(0, 2);
	order.state = o2c_row_text(0, 3);
	order.room = DatumGetNumeric(o2c_row_copy(0, 4).value);
	return order;
}

/* Locks the groups of both customers and reads both again; a payment without a customer gets the order's. */
static void
lock_parties(Order *order, O2cPayment *payment)
{
	int64		customers[2] = {order->customer, payment->customer};

	o2c_lock_customers(order->company, customers, 2);
	if (payment->customer == 0)
		o2c_identify_one(order->company, payment->id, order->customer);
	*order = read_order(order->company, order->id);
	*payment = o2c_read_payment(order->company, payment->id);
}

/* Refuses a payment and an order that do not go together. */
static void
check_pair(const Order *order, const O2cPayment *payment)
{
	static O2cPlan same_group = O2C_PLAN("SELECT FROM o2c.customer a JOIN o2c.customer b ON b.company_id = $1 AND b.customer_id = $3"
										 " WHERE a.company_id = $1 AND a.customer_id = $2 AND a.group_id = b.group_id", INT8OID, INT8OID, INT8OID);

	if (strcmp(payment->state, "reversed") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("payment %lld is reversed", (long long) payment->id)));
	if (strcmp(order->state, "quoted") != 0 && strcmp(order->state, "held") != 0 && strcmp(order->state, "confirmed") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("order %lld is %s and cannot be paid in advance", (long long) order->id, order->state)));
	if (strcmp(order->currency, payment->currency) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_CURRENCY_MISMATCH),
				 errmsg("%s cannot be kept for an order in %s", payment->currency, order->currency)));
	if (o2c_run(&same_group, O2C_ARGS(o2c_int8(order->company), o2c_int8(order->customer), o2c_int8(payment->customer))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("payment %lld is of a customer of another group than order %lld", (long long) payment->id, (long long) order->id)));
}

/* The amount that the caller gives, or the default; refused beyond what is there. */
static Numeric
amount_of(NullableDatum given, Numeric most, const char *currency, const char *what)
{
	Numeric		amount = given.isnull ? most : DatumGetNumeric(given.value);

	if (!given.isnull)
		o2c_check_amount(amount, currency, "amount of the prepayment");
	if (!given.isnull && o2c_sign(amount) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("the amount of the prepayment is zero")));
	if (o2c_sign(most) <= 0 || o2c_cmp(amount, most) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_OVER_APPLICATION),
				 given.isnull ? errmsg("nothing can be %s", what) : errmsg("%s cannot be %s", o2c_numeric_text(amount), what),
				 errdetail("At most %s can be.", o2c_numeric_text(o2c_sign(most) < 0 ? o2c_zero() : most))));
	return amount;
}

/* Appends a fact. */
static void
add_fact(int64 company, int64 payment, int64 order, const char *kind, Numeric amount, NullableDatum reason)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.prepayment (company_id, payment_id, order_id, kind, amount, effective_on, reason)"
								  " VALUES ($1, $2, $3, $4, $5, $6, $7)", INT8OID, INT8OID, INT8OID, TEXTOID, NUMERICOID, DATEOID, TEXTOID);

	o2c_run(&add, O2C_ARGS(o2c_int8(company), o2c_int8(payment), o2c_int8(order), o2c_cstring(kind), o2c_datum(NumericGetDatum(amount)),
						   o2c_date(o2c_today()), reason));
}

/* Starts a command on a payment and an order: both read, their customers' groups locked. */
static void
begin(FunctionCallInfo fcinfo, int64 company, Order *order, O2cPayment *payment)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("a prepayment needs a payment and an order")));
	o2c_connect();
	*payment = o2c_read_payment(company, PG_GETARG_INT64(0));
	*order = read_order(company, PG_GETARG_INT64(1));
}

/* Gives an amount to the caller and leaves SPI. */
static Datum
answer(Numeric amount)
{
	Datum		result = SPI_datumTransfer(NumericGetDatum(amount), false, -1);

	o2c_finish();
	return result;
}

PG_FUNCTION_INFO_V1(o2c_allocate_prepayment);
/* o2c.allocate_prepayment(payment, order, amount, company) */
Datum
o2c_allocate_prepayment(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(3) ? o2c_current_company() : PG_GETARG_INT64(3);
	O2cPayment	payment;
	Order		order;
	Numeric		amount;

	begin(fcinfo, company, &order, &payment);
	lock_parties(&order, &payment);
	check_pair(&order, &payment);
	amount = amount_of(o2c_pg_arg(2), o2c_cmp(payment.open, order.room) < 0 ? payment.open : order.room, order.currency, "kept for the order");
	add_fact(company, payment.id, order.id, "allocated", amount, O2C_NULL);
	o2c_recheck_orders(company, o2c_int8_array(&order.customer, 1));
	PG_RETURN_DATUM(answer(amount));
}

/* What is kept of a payment for an order. */
static Numeric
kept(int64 company, int64 payment, int64 order)
{
	static O2cPlan sum = O2C_PLAN("SELECT coalesce(sum(amount), 0) FROM o2c.prepayment WHERE company_id = $1 AND payment_id = $2 AND order_id = $3",
								  INT8OID, INT8OID, INT8OID);

	o2c_run(&sum, O2C_ARGS(o2c_int8(company), o2c_int8(payment), o2c_int8(order)));
	return DatumGetNumeric(o2c_row_copy(0, 1).value);
}

PG_FUNCTION_INFO_V1(o2c_release_prepayment);
/* o2c.release_prepayment(payment, order, amount, reason, company) */
Datum
o2c_release_prepayment(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(4) ? o2c_current_company() : PG_GETARG_INT64(4);
	O2cPayment	payment;
	Order		order;
	Numeric		amount;

	begin(fcinfo, company, &order, &payment);
	if (payment.customer != 0)
		lock_parties(&order, &payment);
	amount = amount_of(o2c_pg_arg(2), kept(company, payment.id, order.id), order.currency, "released");
	add_fact(company, payment.id, order.id, "released", o2c_neg(amount), o2c_pg_arg(3));
	PG_RETURN_DATUM(answer(amount));
}

/* Releases all that is kept of a payment, or for an order; the other id is 0. */
static void
release_all(int64 company, int64 payment, int64 order, const char *reason)
{
	static O2cPlan release = O2C_PLAN("INSERT INTO o2c.prepayment (company_id, payment_id, order_id, kind, amount, effective_on, reason)"
									  " SELECT $1, p.payment_id, p.order_id, 'released', - sum(p.amount), $4, $5 FROM o2c.prepayment p"
									  " WHERE p.company_id = $1 AND ($2 = 0 OR p.payment_id = $2) AND ($3 = 0 OR p.order_id = $3)"
									  " GROUP BY p.payment_id, p.order_id HAVING sum(p.amount) > 0 ORDER BY p.payment_id, p.order_id",
									  INT8OID, INT8OID, INT8OID, DATEOID, TEXTOID);

	o2c_run(&release, O2C_ARGS(o2c_int8(company), o2c_int8(payment), o2c_int8(order), o2c_date(o2c_today()), o2c_cstring(reason)));
}

/* A payment that is reversed is kept for nothing. */
void
o2c_release_payment(int64 company, int64 payment)
{
	release_all(company, payment, 0, "payment reversed");
}

PG_FUNCTION_INFO_V1(o2c_release_prepayments);
/* o2c._release_prepayments(): after an order with prepayments ended */
Datum
o2c_release_prepayments(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._release_prepayments", O2C_AFTER_ROW, 0);
	HeapTuple	row = trigdata->tg_newtuple;

	o2c_connect();
	release_all(o2c_tuple_int8(trigdata, row, "company_id"), 0, o2c_tuple_int8(trigdata, row, "order_id"),
				psprintf("order %s", o2c_tuple_text(trigdata, row, "state")));
	o2c_finish();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(o2c_keep_prepayment);
/* o2c._keep_prepayment(): after each new fact */
Datum
o2c_keep_prepayment(PG_FUNCTION_ARGS)
{
	static O2cPlan item = O2C_PLAN("UPDATE o2c.open_item i SET allocated_amount = i.allocated_amount + n.amount FROM o2c.prepayment n"
								   " JOIN o2c.payment p ON p.company_id = $1 AND p.payment_id = n.payment_id"
								   " WHERE n.company_id = $1 AND n.prepayment_id = $2 AND i.company_id = $1 AND i.item_id = p.item_id",
								   INT8OID, INT8OID);
	static O2cPlan order = O2C_PLAN("UPDATE o2c.sales_order o SET prepaid_amount = o.prepaid_amount + CASE n.kind WHEN 'used' THEN 0 ELSE n.amount END,"
									" prepaid_used = o.prepaid_used - CASE n.kind WHEN 'used' THEN n.amount ELSE 0 END FROM o2c.prepayment n"
									" WHERE n.company_id = $1 AND n.prepayment_id = $2 AND o.company_id = $1 AND o.order_id = n.order_id",
									INT8OID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._keep_prepayment", O2C_AFTER_ROW, 0);
	const NullableDatum *args = O2C_ARGS(o2c_int8(o2c_tuple_int8(trigdata, trigdata->tg_trigtuple, "company_id")),
										 o2c_int8(o2c_tuple_int8(trigdata, trigdata->tg_trigtuple, "prepayment_id")));
	bool		allocated = strcmp(o2c_tuple_text(trigdata, trigdata->tg_trigtuple, "kind"), "allocated") == 0;

	o2c_connect();
	o2c_run(allocated ? &item : &order, args);
	o2c_run(allocated ? &order : &item, args);
	o2c_finish();
	return PointerGetDatum(NULL);
}

/* Whether a company has an order with a prepayment that is not used up. */
static bool
has_prepaid_orders(int64 company)
{
	static O2cPlan find = O2C_PLAN("SELECT FROM o2c.sales_order WHERE company_id = $1 AND prepaid_amount > prepaid_used LIMIT 1", INT8OID);

	return o2c_run(&find, O2C_ARGS(o2c_int8(company))) > 0;
}

/* Records which payments are used for which invoices of which orders; the applications follow. */
static void
record_use(int64 company, NullableDatum invoices)
{
	static O2cPlan use = O2C_PLAN("INSERT INTO o2c.prepayment (company_id, payment_id, order_id, kind, amount, invoice_id, effective_on)"
								  " SELECT $1, f.payment_id, f.order_id, 'used', - sum(f.amount), f.invoice_id, max(f.effective_on)"
								  " FROM o2c._find_prepayments($2, $1) f GROUP BY 2, 3, 6 ORDER BY f.invoice_id, f.order_id, f.payment_id",
								  INT8OID, INT8ARRAYOID);

	o2c_run(&use, O2C_ARGS(o2c_int8(company), invoices));
}

/* Pays some new invoices (a bigint[]) of a company with what was paid in advance for their orders. */
static void
use_prepayments(int64 company, NullableDatum invoices)
{
	static O2cPlan find = O2C_PLAN("SELECT credit_item_id, debit_item_id, effective_on, amount FROM o2c._find_prepayments($2, $1)",
								   INT8OID, INT8ARRAYOID);
	O2cApplication *rows;
	int			n;

	if (!has_prepaid_orders(company))
		return;
	n = (int) o2c_run(&find, O2C_ARGS(o2c_int8(company), invoices));
	if (n == 0)
		return;
	rows = o2c_found_applications(n);
	record_use(company, invoices);
	o2c_date_after_reversals(company, rows, n);
	o2c_apply(company, rows, n, "prepayment");
}

PG_FUNCTION_INFO_V1(o2c_use_prepayments);
/* o2c._use_prepayments(): after new open items, those of posted invoices among them */
Datum
o2c_use_prepayments(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._use_prepayments", O2C_AFTER_STATEMENT, 0);
	int			company_column = o2c_column(trigdata->tg_relation, "company_id");
	int			invoice_column = o2c_column(trigdata->tg_relation, "invoice_id");
	int			room = 64;
	int			n = 0;
	int64		company = 0;
	int64	   *invoices = palloc(sizeof(int64) * room);
	O2cChanges	changes;

	o2c_connect();
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		int64		invoice = o2c_slot_int8(changes.after, invoice_column);
		int64		its_company = o2c_slot_int8(changes.after, company_column);

		if (invoice == 0)
			continue;
		if (its_company != company && n > 0)
		{
			use_prepayments(company, o2c_datum(o2c_int8_array(invoices, n)));
			n = 0;
		}
		company = its_company;
		if (n == room)
			invoices = repalloc_huge(invoices, sizeof(int64) * (room *= 2));
		invoices[n++] = invoice;
	}
	o2c_changes_end(&changes);
	if (n > 0)
		use_prepayments(company, o2c_datum(o2c_int8_array(invoices, n)));
	o2c_finish();
	return PointerGetDatum(NULL);
}
