/*-------------------------------------------------------------------------
 *
 * payment.c
 *		Payments: each receipt once, identified, and taken back when it bounces.
 *
 * A payment of a known customer has one open item, which says how much of it is
 * still on account; until its customer is known it has none.  A payment that
 * bounces is not removed: its applications are taken back on the date of the
 * bounce, and an open item of kind "reversal" uses it up.
 *
 *-------------------------------------------------------------------------
 */
#include "cash/payment.h"

#include "core/clock.h"
#include "core/command.h"
#include "core/money.h"
#include "core/plan.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/import.h"
#include "receivable/item.h"

/* The arguments of o2c.record_payment, by place. */
enum
{
	AMOUNT, RECEIVED_ON, CUSTOMER, REFERENCE, METHOD, CURRENCY, PAYER_NAME, PAYER_ACCOUNT,
	PROVIDER, PROVIDER_REFERENCE, IDEMPOTENCY_KEY, COMPANY
};

/* The payment with an id. */
O2cPayment
o2c_read_payment(int64 company, int64 payment)
{
	static O2cPlan find = O2C_PLAN("SELECT p.customer_id, p.item_id, p.received_on, p.state, p.amount, coalesce(- i.open_amount - i.allocated_amount, 0), p.currency"
								   " FROM o2c.payment p LEFT JOIN o2c.open_item i ON i.company_id = $1 AND i.item_id = p.item_id"
								   " WHERE p.company_id = $1 AND p.payment_id = $2", INT8OID, INT8OID);
	O2cPayment	p = {.id = payment};

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(payment))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no payment %lld", (long long) company, (long long) payment),
				 errhint("Payments are found by payment_id in o2c.payment.")));
	p.customer = o2c_row_int8(0, 1);
	p.item = o2c_row_int8(0, 2);
	p.received_on = o2c_row_int4(0, 3);
	p.state = o2c_row_text(0, 4);
	p.amount = DatumGetNumeric(o2c_row_copy(0, 5).value);
	p.open = DatumGetNumeric(o2c_row_copy(0, 6).value);
	p.currency = o2c_row_text(0, 7);
	return p;
}

/* The currency of a payment that names none: the customer's, else the company's. */
static NullableDatum
default_currency(int64 company, int64 customer)
{
	static O2cPlan find = O2C_PLAN("SELECT coalesce(k.currency, c.currency) FROM o2c.company c"
								   " LEFT JOIN o2c.customer k ON k.company_id = $1 AND k.customer_id = $2"
								   " WHERE c.company_id = $1", INT8OID, INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("there is no company %lld", (long long) company)));
	return o2c_row_copy(0, 1);
}

/* Checks what a payment must have; the rest is left to the table. */
static void
check_payment(const NullableDatum *args)
{
	if (args[AMOUNT].isnull || o2c_sign(DatumGetNumeric(args[AMOUNT].value)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the amount of the payment is %s", args[AMOUNT].isnull ? "missing" : "zero"),
				 errhint("A payment is money received: give an amount above zero.")));
	o2c_check_amount(DatumGetNumeric(args[AMOUNT].value), TextDatumGetCString(args[CURRENCY].value), "amount of the payment");
	o2c_check_date(args[RECEIVED_ON], "date of the payment");
	if (args[PROVIDER].isnull && !args[PROVIDER_REFERENCE].isnull)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a provider reference needs a provider"),
				 errhint("Name the bank or service whose reference it is.")));
}

/* The payment that is there already under the same provider reference; it must be the same one. */
static int64
earlier_payment(int64 company, NullableDatum customer, const NullableDatum *args)
{
	static O2cPlan find = O2C_PLAN("SELECT payment_id, amount = $4 AND received_on = $5 AND currency = $6"
								   " AND reference IS NOT DISTINCT FROM $7 AND method = $8"
								   " AND payer_name IS NOT DISTINCT FROM $9 AND payer_account IS NOT DISTINCT FROM $10"
								   " AND ($11 IS NULL OR customer_id IS NOT DISTINCT FROM $11)"
								   " FROM o2c.payment WHERE company_id = $1 AND provider = $2 AND provider_reference = $3",
								   INT8OID, TEXTOID, TEXTOID, NUMERICOID, DATEOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), args[PROVIDER], args[PROVIDER_REFERENCE], args[AMOUNT], args[RECEIVED_ON],
								args[CURRENCY], args[REFERENCE], args[METHOD], args[PAYER_NAME], args[PAYER_ACCOUNT], customer)) == 0)
		elog(ERROR, "a trigger suppressed a payment");
	if (!o2c_row_bool(0, 2))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_DUPLICATE),
				 errmsg("provider reference \"%s\" belongs to another payment",
						TextDatumGetCString(args[PROVIDER_REFERENCE].value)),
				 errdetail("Payment %lld has it, with other content.", (long long) o2c_row_int8(0, 1)),
				 errhint("The same receipt may be sent again unchanged; another one needs a reference of its own.")));
	return o2c_row_int8(0, 1);
}

/* Writes a payment and the open item of an identified one; a receipt that is there already is found instead. */
static int64
write_payment(int64 company, NullableDatum customer, const NullableDatum *args)
{
	static O2cPlan add = O2C_PLAN("WITH taken AS (INSERT INTO o2c.payment (company_id, customer_id, item_id, received_on, amount,"
								  " currency, reference, method, payer_name, payer_account, provider, provider_reference)"
								  " VALUES ($1, $2, CASE WHEN $2 IS NOT NULL THEN nextval('o2c.item_id_seq') END,"
								  " $3, $4, $5, $6, $7, $8, $9, $10, $11)"
								  " ON CONFLICT (company_id, provider, provider_reference) WHERE provider_reference IS NOT NULL DO NOTHING"
								  " RETURNING payment_id, company_id, customer_id, item_id, received_on, amount, currency),"
								  " item AS (INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)"
								  " SELECT t.company_id, t.item_id, t.customer_id, 'payment', t.received_on, t.received_on, t.currency, - t.amount,"
								  " CASE WHEN a.currency <> t.currency THEN coalesce(o2c._known_rate(t.currency, a.currency, t.received_on, $1), 1) ELSE 1 END"
								  " FROM taken t LEFT JOIN o2c.customer_credit m ON m.company_id = $1 AND m.customer_id = t.customer_id"
								  " LEFT JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = m.credit_account_id"
								  " WHERE t.item_id IS NOT NULL)"
								  " SELECT payment_id FROM taken",
								  INT8OID, INT8OID, DATEOID, NUMERICOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID);

	if (o2c_run(&add, O2C_ARGS(o2c_int8(company), customer, args[RECEIVED_ON], args[AMOUNT], args[CURRENCY], args[REFERENCE],
							   args[METHOD], args[PAYER_NAME], args[PAYER_ACCOUNT], args[PROVIDER], args[PROVIDER_REFERENCE])) == 0)
		return earlier_payment(company, customer, args);
	return o2c_row_int8(0, 1);
}

PG_FUNCTION_INFO_V1(o2c_record_payment);
/* o2c.record_payment(amount, received_on, customer, reference, ...) */
Datum
o2c_record_payment(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(COMPANY) ? 0 : PG_GETARG_INT64(COMPANY);
	NullableDatum args[COMPANY];
	int64		customer = 0;
	int64		result;

	for (int i = 0; i < COMPANY; i++)
		args[i] = o2c_pg_arg(i);
	o2c_connect();
	if (o2c_command_seen(fcinfo, IDEMPOTENCY_KEY, company, "record_payment", &result))
	{
		o2c_finish();
		PG_RETURN_INT64(result);
	}
	if (!args[CUSTOMER].isnull)
	{
		customer = o2c_find_customer(company, TextDatumGetCString(args[CUSTOMER].value));
		o2c_lock_customer(company, customer);
	}
	if (args[CURRENCY].isnull)
		args[CURRENCY] = default_currency(company, customer);
	check_payment(args);
	args[AMOUNT] = o2c_datum(NumericGetDatum(o2c_round(DatumGetNumeric(args[AMOUNT].value),
													   o2c_minor_units(TextDatumGetCString(args[CURRENCY].value)))));
	result = write_payment(company, customer == 0 ? O2C_NULL : o2c_int8(customer), args);
	o2c_command_done(company, args[IDEMPOTENCY_KEY], result);
	o2c_finish();
	PG_RETURN_INT64(result);
}

/*
 * Says whose payments are; those that are identified meanwhile are left alone.
 * The caller has locked the customers' groups.
 */
void
o2c_identify(int64 company, const int64 *payments, const int64 *customers, int n)
{
	static O2cPlan lock = O2C_PLAN("SELECT FROM o2c.payment WHERE company_id = $1 AND payment_id = ANY ($2)"
								   " ORDER BY payment_id FOR NO KEY UPDATE", INT8OID, INT8ARRAYOID);
	static O2cPlan identify = O2C_PLAN("WITH given AS MATERIALIZED (SELECT p.payment_id, g.customer_id, nextval('o2c.item_id_seq') AS item_id,"
									   " p.received_on, p.currency, p.amount FROM unnest($2, $3) AS g (payment_id, customer_id)"
									   " JOIN o2c.payment p ON p.company_id = $1 AND p.payment_id = g.payment_id"
									   " WHERE p.customer_id IS NULL AND p.state = 'received'),"
									   " item AS (INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)"
									   " SELECT $1, t.item_id, t.customer_id, 'payment', t.received_on, t.received_on, t.currency, - t.amount,"
									   " CASE WHEN a.currency <> t.currency THEN coalesce(o2c._known_rate(t.currency, a.currency, t.received_on, $1), 1) ELSE 1 END"
									   " FROM given t LEFT JOIN o2c.customer_credit m ON m.company_id = $1 AND m.customer_id = t.customer_id"
									   " LEFT JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = m.credit_account_id)"
									   " UPDATE o2c.payment p SET customer_id = given.customer_id, item_id = given.item_id FROM given"
									   " WHERE p.company_id = $1 AND p.payment_id = given.payment_id", INT8OID, INT8ARRAYOID, INT8ARRAYOID);
	NullableDatum ids = o2c_datum(o2c_int8_array(payments, n));

	if (n == 0)
		return;
	o2c_run(&lock, O2C_ARGS(o2c_int8(company), ids));
	o2c_run(&identify, O2C_ARGS(o2c_int8(company), ids, o2c_datum(o2c_int8_array(customers, n))));
}

/* The text that an argument must be. */
static char *
required_text(NullableDatum d, const char *what)
{
	if (d.isnull)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the %s is missing", what)));
	return TextDatumGetCString(d.value);
}

PG_FUNCTION_INFO_V1(o2c_identify_payment);
/* o2c.identify_payment(payment, customer, company_id) */
Datum
o2c_identify_payment(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	int64		payment = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	int64		customer;
	O2cPayment	p;

	o2c_connect();
	customer = o2c_find_customer(company, required_text(o2c_pg_arg(1), "customer of the payment"));
	o2c_lock_customer(company, customer);
	o2c_identify(company, &payment, &customer, 1);
	p = o2c_read_payment(company, payment);
	if (p.customer != customer)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("payment %lld cannot be identified", (long long) payment),
				 p.customer == 0 ? errdetail("It is %s.", p.state) : errdetail("It belongs to another customer."),
				 errhint("Reverse it and record it anew if the customer is wrong.")));
	o2c_finish();
	PG_RETURN_INT64(p.item);
}

/* Takes the live applications of a payment back, and uses the payment up with an open item of its own. */
static void
reverse_item(int64 company, const O2cPayment *p, DateADT reversed_on, NullableDatum reason)
{
	static O2cPlan live = O2C_PLAN("SELECT array_agg(a.application_id) FROM o2c.application a"
								   " WHERE a.company_id = $1 AND a.credit_item_id = $2 AND a.reverses IS NULL AND NOT EXISTS"
								   " (SELECT FROM o2c.application r WHERE r.company_id = $1 AND r.reverses = a.application_id)",
								   INT8OID, INT8OID);
	static O2cPlan mirror = O2C_PLAN("INSERT INTO o2c.open_item (company_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate, base_rate)"
									 " SELECT company_id, customer_id, 'reversal', $3, $3, currency, - amount, credit_rate, base_rate"
									 " FROM o2c.open_item WHERE company_id = $1 AND item_id = $2 RETURNING item_id",
									 INT8OID, INT8OID, DATEOID);
	O2cApplication use = {.credit_item = p->item, .effective_on = reversed_on, .cash = p->amount,
	.discount = o2c_zero(), .tolerance = o2c_zero()};
	NullableDatum applications;

	o2c_run(&live, O2C_ARGS(o2c_int8(company), o2c_int8(p->item)));
	applications = o2c_row_copy(0, 1);
	if (!applications.isnull)
		o2c_unapply(company, applications, reversed_on, "reversal", reason);
	if (o2c_run(&mirror, O2C_ARGS(o2c_int8(company), o2c_int8(p->item), o2c_date(reversed_on))) == 0)
		elog(ERROR, "a trigger suppressed an open item");
	use.debit_item = o2c_row_int8(0, 1);
	o2c_apply(company, &use, 1, "reversal");
}

/* Checks that a payment can be reversed on a date. */
static void
check_reversal(const O2cPayment *p, DateADT reversed_on)
{
	if (strcmp(p->state, "reversed") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("payment %lld is reversed already", (long long) p->id)));
	if (reversed_on < p->received_on)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("payment %lld cannot be reversed before it was received", (long long) p->id),
				 errdetail("It was received on %s.", o2c_date_text(p->received_on)),
				 errhint("Give that date or a later one.")));
}

PG_FUNCTION_INFO_V1(o2c_reverse_payment);
/* o2c.reverse_payment(payment, reversed_on, reason, company_id) */
Datum
o2c_reverse_payment(PG_FUNCTION_ARGS)
{
	static O2cPlan lock = O2C_PLAN("SELECT FROM o2c.payment WHERE company_id = $1 AND payment_id = $2 FOR NO KEY UPDATE",
								   INT8OID, INT8OID);
	static O2cPlan mark = O2C_PLAN("UPDATE o2c.payment SET state = 'reversed', reversed_on = $3, reversal_reason = $4"
								   " WHERE company_id = $1 AND payment_id = $2", INT8OID, INT8OID, DATEOID, TEXTOID);
	int64		company = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	int64		payment = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	O2cPayment	p;

	o2c_check_date(o2c_pg_arg(1), "date of the reversal");
	o2c_connect();
	p = o2c_read_payment(company, payment);
	if (p.customer != 0)
		o2c_lock_customer(company, p.customer);
	o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_int8(payment)));
	p = o2c_read_payment(company, payment);
	check_reversal(&p, PG_GETARG_DATEADT(1));
	o2c_run(&mark, O2C_ARGS(o2c_int8(company), o2c_int8(payment), o2c_pg_arg(1), o2c_pg_arg(2)));
	o2c_release_payment(company, payment);
	if (p.customer != 0)
		reverse_item(company, &p, PG_GETARG_DATEADT(1), o2c_pg_arg(2));
	o2c_finish();
	PG_RETURN_VOID();
}

/* Brings the state of payments in line with their items. */
static void
settle_payments(const O2cSettled *settled, int n)
{
	static O2cPlan settle = O2C_PLAN("UPDATE o2c.payment p SET state = CASE WHEN s.closed THEN 'applied' ELSE 'received' END"
									 " FROM unnest($2, $3) AS s (item_id, closed)"
									 " WHERE p.company_id = $1 AND p.item_id = s.item_id AND p.state <> 'reversed'",
									 INT8OID, INT8ARRAYOID, BOOLARRAYOID);
	int64	   *items = palloc(sizeof(int64) * n);
	NullableDatum *closed = palloc(sizeof(NullableDatum) * n);

	for (int i = 0; i < n; i++)
	{
		items[i] = settled[i].id;
		closed[i] = o2c_bool(settled[i].closed);
	}
	o2c_run(&settle, O2C_ARGS(o2c_int8(settled[0].company), o2c_datum(o2c_int8_array(items, n)),
							  o2c_datum(o2c_datum_array(closed, n, BOOLOID))));
}

PG_FUNCTION_INFO_V1(o2c_settle_payments);
/* o2c._settle_payments(): after each update of open_item */
Datum
o2c_settle_payments(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._settle_payments", O2C_AFTER_STATEMENT, 0);
	O2cSettled *settled;
	int			n;

	o2c_connect();
	settled = o2c_settled(trigdata, "item_id", "payment", &n);
	for (int i = 0, run; i < n; i += run)
	{
		run = o2c_same_company(settled, i, n);
		settle_payments(&settled[i], run);
	}
	o2c_finish();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(o2c_load_payments);
/* o2c.load_payments(batch, company_id) */
Datum
o2c_load_payments(PG_FUNCTION_ARGS)
{
	static O2cPlan customers = O2C_PLAN("SELECT c.customer_id FROM (SELECT DISTINCT r.customer FROM o2c.payment_import r"
										" WHERE r.company_id = $1 AND ($2 IS NULL OR r.batch = $2)) r"
										" CROSS JOIN LATERAL (SELECT c.customer_id FROM o2c.customer c"
										" WHERE c.company_id = $1 AND c.code = r.customer LIMIT 1) c", INT8OID, TEXTOID);
	static O2cPlan load = O2C_PLAN("SELECT o2c._load_payments($2, $1)", INT8OID, TEXTOID);

	PG_RETURN_INT64(o2c_load(&customers, &load, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1), o2c_pg_arg(0)));
}
