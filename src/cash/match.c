/*-------------------------------------------------------------------------
 *
 * match.c
 *		Applies payments to invoices: by themselves, or as a person says.
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
	bool		unknown = false;
	int64	   *payments,
			   *customers;

	match->payments = o2c_datum(o2c_int8_array(id_column(1, n), n));
	for (int i = 0; i < n; i++)
		unknown |= payers[i] == 0;
	o2c_lock_customers(match->company, payers, n);
	if (!unknown)
		return;
	n = o2c_run(&identify, O2C_ARGS(o2c_int8(match->company), match->payments, match->as_of));
	payments = id_column(1, n);
	customers = id_column(2, n);
	o2c_lock_customers(match->company, customers, n);
	o2c_identify(match->company, payments, customers, n);
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
	O2cApplication *rows = palloc_extended(sizeof(O2cApplication) * Max(n, 1), MCXT_ALLOC_HUGE);

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

	*rows = palloc(sizeof(O2cApplication) * Max(n, 1));
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
