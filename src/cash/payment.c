/*-------------------------------------------------------------------------
 *
 * payment.c
 *		Payments: each receipt once, and whose it is.
 *
 * A payment of a known customer has one open item, which says how much of it is
 * still on account; until its customer is known it has none, and until it is
 * money neither: what is only authorized does not count, nor what is not settled
 * where the policy wants cleared funds.  How it goes on from there: clearing.c.
 *
 * What banks kept of a payment stands beside its amount.  Where the policy says
 * that the company bears it, the open item is for both: the customer paid in
 * full, and the difference is a cost of the company.
 *
 *-------------------------------------------------------------------------
 */
#include "cash/payment.h"

#include "access/xact.h"
#include "core/clock.h"
#include "core/command.h"
#include "core/money.h"
#include "core/plan.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/import.h"
#include "receivable/item.h"
#include "utils/resowner.h"

/* The arguments of o2c.record_payment, by place. */
enum
{
	AMOUNT, RECEIVED_ON, CUSTOMER, REFERENCE, METHOD, CURRENCY, PAYER_NAME, PAYER_ACCOUNT,
	PROVIDER, PROVIDER_REFERENCE, IDEMPOTENCY_KEY, CLEARING, CHARGES, COMPANY
};

/* What a payment t of company $1 is credited with. */
#define CREDITED "o2c._credited_amount(t.amount, t.charge_amount, t.customer_id, $1)"

/* The payment with an id. */
O2cPayment
o2c_read_payment(int64 company, int64 payment)
{
	static O2cPlan find = O2C_PLAN("SELECT p.customer_id, p.item_id, p.received_on, p.state, coalesce(- i.amount, p.amount),"
								   " coalesce(- i.open_amount - i.allocated_amount, 0),"
								   " p.currency, p.clearing, p.refunded_amount, p.method"
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
	p.clearing = o2c_row_text(0, 8);
	p.refunded = DatumGetNumeric(o2c_row_copy(0, 9).value);
	p.method = o2c_row_text(0, 10);
	return p;
}

/* Locks the row of a payment; whether it has no customer yet. */
static bool
lock_row(int64 company, int64 payment)
{
	static O2cPlan lock = O2C_PLAN("SELECT customer_id IS NULL FROM o2c.payment WHERE company_id = $1 AND payment_id = $2 FOR NO KEY UPDATE",
								   INT8OID, INT8OID);

	return o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_int8(payment))) > 0 && o2c_row_bool(0, 1);
}

/*
 * Locks a payment without a customer.  When it got one while it was waited for,
 * the lock is given back and the result is false: the group is locked first.
 */
static bool
lock_unidentified(int64 company, int64 payment)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	bool		unidentified;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	unidentified = lock_row(company, payment);
	if (unidentified)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return unidentified;
}

/* The payment with an id, with its customer's group and then itself locked. */
O2cPayment
o2c_lock_payment(int64 company, int64 payment)
{
	int64		customer = o2c_read_payment(company, payment).customer;

	if (customer == 0 && !lock_unidentified(company, payment))
		customer = o2c_read_payment(company, payment).customer;
	if (customer != 0)
	{
		o2c_lock_customer(company, customer);
		lock_row(company, payment);
	}
	return o2c_read_payment(company, payment);
}

/* Whether a payment that is so far is money: what is captured is, unless the policy wants cleared funds. */
bool
o2c_counts(int64 company, int64 customer, const char *clearing)
{
	static O2cPlan find = O2C_PLAN("SELECT coalesce((SELECT k.cleared_only FROM o2c.cash_policy_in_use k WHERE k.company_id = $1 AND k.customer_id = $2),"
								   " (SELECT p.cleared_only FROM o2c.cash_policy p WHERE p.company_id = $1 AND p.customer_id IS NULL), false)",
								   INT8OID, INT8OID);

	if (strcmp(clearing, "captured") != 0)
		return strcmp(clearing, "authorized") != 0;
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	return !o2c_row_bool(0, 1);
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
	o2c_check_amount(DatumGetNumeric(args[CHARGES].value), TextDatumGetCString(args[CURRENCY].value), "amount of the charges");
	o2c_check_date(args[RECEIVED_ON], "date of the payment");
	if (args[PROVIDER].isnull && !args[PROVIDER_REFERENCE].isnull)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a provider reference needs a provider"),
				 errhint("Name the bank or service whose reference it is.")));
	if (args[CLEARING].isnull || strstr(",authorized,captured,settled,", psprintf(",%s,", TextDatumGetCString(args[CLEARING].value))) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a payment cannot be recorded as \"%s\"", args[CLEARING].isnull ? "" : TextDatumGetCString(args[CLEARING].value)),
				 errhint("It is authorized, captured or settled; o2c.settle_payment() and others take it on from there.")));
}

/*
 * The payment that is there already under the same provider reference; it must
 * be the same one.  A date that was left to the moment of the call says nothing.
 */
static int64
earlier_payment(int64 company, NullableDatum customer, const NullableDatum *args)
{
	static O2cPlan find = O2C_PLAN("SELECT payment_id, amount = $4 AND currency = $6 AND ($5 IS NULL OR $5 ="
								   " coalesce((SELECT c.effective_on FROM o2c.payment_clearing c WHERE c.company_id = $1"
								   " AND c.payment_id = payment.payment_id AND c.before IS NULL), received_on))"
								   " AND reference IS NOT DISTINCT FROM $7 AND method = $8"
								   " AND payer_name IS NOT DISTINCT FROM $9 AND payer_account IS NOT DISTINCT FROM $10"
								   " AND charge_amount = $12 AND ($11 IS NULL OR customer_id IS NOT DISTINCT FROM $11)"
								   " FROM o2c.payment WHERE company_id = $1 AND provider = $2 AND provider_reference = $3",
								   INT8OID, TEXTOID, TEXTOID, NUMERICOID, DATEOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, NUMERICOID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), args[PROVIDER], args[PROVIDER_REFERENCE], args[AMOUNT], args[RECEIVED_ON],
								args[CURRENCY], args[REFERENCE], args[METHOD], args[PAYER_NAME], args[PAYER_ACCOUNT], customer,
								args[CHARGES])) == 0)
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

/* Writes a payment, and its open item when its customer is known and it counts; 0 for a receipt that is there already. */
static int64
write_payment(int64 company, NullableDatum customer, const NullableDatum *args)
{
	static O2cPlan add = O2C_PLAN("WITH taken AS (INSERT INTO o2c.payment (company_id, customer_id, item_id, received_on, amount,"
								  " currency, reference, method, payer_name, payer_account, provider, provider_reference, clearing, state,"
								  " charge_amount)"
								  " VALUES ($1, $2, CASE WHEN $2 IS NOT NULL AND $13 THEN nextval('o2c.item_id_seq') END,"
								  " $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $13 THEN 'received' ELSE 'pending' END, $14)"
								  " ON CONFLICT (company_id, provider, provider_reference) WHERE provider_reference IS NOT NULL DO NOTHING"
								  " RETURNING payment_id, company_id, customer_id, item_id, received_on, amount, charge_amount, currency),"
								  " item AS (INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)"
								  " SELECT t.company_id, t.item_id, t.customer_id, 'payment', t.received_on, t.received_on, t.currency, - " CREDITED ","
								  " CASE WHEN a.currency <> t.currency THEN coalesce(o2c._known_rate(t.currency, a.currency, t.received_on, $1), 1) ELSE 1 END"
								  " FROM taken t LEFT JOIN o2c.customer_credit m ON m.company_id = $1 AND m.customer_id = t.customer_id"
								  " LEFT JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = m.credit_account_id"
								  " WHERE t.item_id IS NOT NULL)"
								  " SELECT payment_id FROM taken",
								  INT8OID, INT8OID, DATEOID, NUMERICOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
								  TEXTOID, BOOLOID, NUMERICOID);
	bool		counts = o2c_counts(company, DatumGetInt64(customer.value), TextDatumGetCString(args[CLEARING].value));

	if (o2c_run(&add, O2C_ARGS(o2c_int8(company), customer, args[RECEIVED_ON], args[AMOUNT], args[CURRENCY], args[REFERENCE],
							   args[METHOD], args[PAYER_NAME], args[PAYER_ACCOUNT], args[PROVIDER], args[PROVIDER_REFERENCE],
							   args[CLEARING], o2c_bool(counts), args[CHARGES])) == 0)
		return 0;
	return o2c_row_int8(0, 1);
}

PG_FUNCTION_INFO_V1(o2c_record_payment);
/* o2c.record_payment(amount, received_on, customer, reference, ...) */
Datum
o2c_record_payment(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(COMPANY) ? 0 : PG_GETARG_INT64(COMPANY);
	NullableDatum args[COMPANY];
	NullableDatum payer;
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
	if (args[CHARGES].isnull)
		args[CHARGES] = o2c_datum(NumericGetDatum(o2c_zero()));
	check_payment(args);
	args[AMOUNT] = o2c_datum(NumericGetDatum(o2c_round(DatumGetNumeric(args[AMOUNT].value),
													   o2c_minor_units(TextDatumGetCString(args[CURRENCY].value)))));
	payer = customer == 0 ? O2C_NULL : o2c_int8(customer);
	result = write_payment(company, payer, args);
	if (result == 0)
	{
		if (o2c_argument_floats(fcinfo, RECEIVED_ON))
			args[RECEIVED_ON] = O2C_NULL;
		result = earlier_payment(company, payer, args);
	}
	o2c_command_done(company, args[IDEMPOTENCY_KEY], result);
	o2c_finish();
	PG_RETURN_INT64(result);
}

/*
 * Says whose payments are; those of another customer are left alone, and so are
 * those that have an item.  What counts gets one.  The caller has locked the
 * customers' groups.  Who goes on to apply them says how much of each, so that
 * one that it uses up is written once; it gets the items, 0 where there is none.
 */
void
o2c_identify(int64 company, O2cIdentified *payments, int n)
{
	static O2cPlan lock = O2C_PLAN("SELECT FROM o2c.payment WHERE company_id = $1 AND payment_id = ANY ($2)"
								   " ORDER BY payment_id FOR NO KEY UPDATE", INT8OID, INT8ARRAYOID);
	/* by coalesce, because by item_id IS NULL all payments without an item would be read */
	static O2cPlan identify = O2C_PLAN("WITH given AS MATERIALIZED (SELECT g.place, p.payment_id, g.customer_id, g.applied,"
									   " CASE WHEN p.clearing = 'settled' OR p.clearing = 'captured' AND NOT coalesce((SELECT k.cleared_only"
									   " FROM o2c.cash_policy_in_use k WHERE k.company_id = $1 AND k.customer_id = g.customer_id), false)"
									   " THEN nextval('o2c.item_id_seq') END AS item_id, p.received_on, p.currency, p.amount, p.charge_amount"
									   " FROM unnest($2, $3, $4) WITH ORDINALITY AS g (payment_id, customer_id, applied, place)"
									   " JOIN o2c.payment p ON p.company_id = $1 AND p.payment_id = g.payment_id"
									   " WHERE coalesce(p.customer_id, g.customer_id) = g.customer_id AND coalesce(p.item_id, 0) = 0"
									   " AND p.state IN ('received', 'pending')),"
									   " item AS (INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)"
									   " SELECT $1, t.item_id, t.customer_id, 'payment', t.received_on, t.received_on, t.currency, - " CREDITED ","
									   " CASE WHEN a.currency <> t.currency THEN coalesce(o2c._known_rate(t.currency, a.currency, t.received_on, $1), 1) ELSE 1 END"
									   " FROM given t LEFT JOIN o2c.customer_credit m ON m.company_id = $1 AND m.customer_id = t.customer_id"
									   " LEFT JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = m.credit_account_id"
									   " WHERE t.item_id IS NOT NULL)"
									   " UPDATE o2c.payment p SET customer_id = t.customer_id, item_id = t.item_id,"
									   " state = CASE WHEN t.item_id IS NULL THEN 'pending' WHEN t.applied = " CREDITED " THEN 'applied' ELSE 'received' END"
									   " FROM given t WHERE p.company_id = $1 AND p.payment_id = t.payment_id RETURNING t.place, t.item_id",
									   INT8OID, INT8ARRAYOID, INT8ARRAYOID, NUMERICARRAYOID);
	int64	   *ids = palloc_extended(sizeof(int64) * 2 * Max(n, 1), MCXT_ALLOC_HUGE);
	NullableDatum *applied = palloc_extended(sizeof(NullableDatum) * Max(n, 1), MCXT_ALLOC_HUGE);
	NullableDatum payment_ids;
	int			found;

	for (int i = 0; i < n; i++)
	{
		ids[i] = payments[i].payment;
		ids[n + i] = payments[i].customer;
		applied[i] = payments[i].applied == NULL ? O2C_NULL : o2c_datum(NumericGetDatum(payments[i].applied));
		payments[i].item = 0;
	}
	if (n == 0)
		return;
	payment_ids = o2c_datum(o2c_int8_array(ids, n));
	o2c_run(&lock, O2C_ARGS(o2c_int8(company), payment_ids));
	found = (int) o2c_run(&identify, O2C_ARGS(o2c_int8(company), payment_ids, o2c_datum(o2c_int8_array(ids + n, n)),
											  o2c_datum(o2c_datum_array(applied, n, NUMERICOID))));
	for (int i = 0; i < found; i++)
		payments[o2c_row_int8(i, 1) - 1].item = o2c_row_int8(i, 2);
}

/* Says whose one payment is. */
void
o2c_identify_one(int64 company, int64 payment, int64 customer)
{
	O2cIdentified identified = {.payment = payment, .customer = customer};

	o2c_identify(company, &identified, 1);
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
	o2c_identify_one(company, payment, customer);
	p = o2c_read_payment(company, payment);
	if (p.customer != customer)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("payment %lld cannot be identified", (long long) payment),
				 p.customer == 0 ? errdetail("It is %s.", p.state) : errdetail("It belongs to another customer."),
				 errhint("Void it and record it anew if the customer is wrong.")));
	o2c_finish();
	if (p.item == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(p.item);
}

/* Brings the state of payments in line with their items; one that was written so when it was identified stays. */
static void
settle_payments(const O2cSettled *settled, int n)
{
	static O2cPlan settle = O2C_PLAN("UPDATE o2c.payment p SET state = CASE WHEN s.closed THEN 'applied' ELSE 'received' END"
									 " FROM unnest($2, $3) AS s (item_id, closed)"
									 " WHERE p.company_id = $1 AND p.item_id = s.item_id AND p.state <> 'reversed'"
									 " AND p.state <> CASE WHEN s.closed THEN 'applied' ELSE 'received' END",
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
