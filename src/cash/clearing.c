/*-------------------------------------------------------------------------
 *
 * clearing.c
 *		How a payment goes on with the bank or provider, and how it ends.
 *
 * authorized -> captured -> settled; then, or on the way, it fails, is voided,
 * returned or charged back, or is paid back to the payer.  Each step is a dated
 * row of o2c.payment_clearing.  What the step does to the ledger follows here:
 * a payment that starts to count gets its open item; one that bounces is not
 * removed, but its applications are taken back on the date of the bounce and an
 * open item of kind "reversal" uses it up; money that is paid back is used up
 * by one of kind "refund".  So a past date says what it said then.
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
#include "receivable/item.h"

/* From where to where; what is not here does not go on. */
static const char *const steps[][2] = {
	{"authorized", "captured"}, {"authorized", "settled"}, {"authorized", "failed"}, {"authorized", "voided"},
	{"captured", "settled"}, {"captured", "failed"}, {"captured", "voided"}, {"captured", "refunded"},
	{"captured", "returned"}, {"captured", "charged_back"},
	{"settled", "voided"}, {"settled", "refunded"}, {"settled", "returned"}, {"settled", "charged_back"},
};

/* One row of o2c.payment_clearing. */
typedef struct Step
{
	const char *change;			/* what happened */
	const char *clearing;		/* how far the payment is then */
	DateADT		day;
	NullableDatum amount;		/* of money that left again */
	int64		item;			/* which open item took it, 0: none */
	int64		fee_item;
	NullableDatum code;
	NullableDatum reason;
} Step;

/* The day before which nothing more can happen to a payment. */
static DateADT
last_day(int64 company, const O2cPayment *p)
{
	static O2cPlan find = O2C_PLAN("SELECT max(effective_on) FROM o2c.payment_clearing WHERE company_id = $1 AND payment_id = $2",
								   INT8OID, INT8OID);
	NullableDatum last;

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(p->id)));
	last = o2c_row_copy(0, 1);
	return last.isnull ? p->received_on : Max(p->received_on, DatumGetDateADT(last.value));
}

/* Checks that a payment can take a step on a day. */
static void
check_step(int64 company, const O2cPayment *p, const char *to, DateADT day)
{
	bool		known = false;

	for (int i = 0; i < lengthof(steps); i++)
		known |= strcmp(steps[i][0], p->clearing) == 0 && strcmp(steps[i][1], to) == 0;
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("payment %lld cannot be %s", (long long) p->id, to),
				 errdetail("It is %s.", p->clearing)));
	if (day < last_day(company, p))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("payment %lld cannot be %s on %s", (long long) p->id, to, o2c_date_text(day)),
				 errdetail("It was %s on %s.", p->clearing, o2c_date_text(last_day(company, p))),
				 errhint("Give that date or a later one.")));
}

/* Appends a step. */
static void
note_step(int64 company, const O2cPayment *p, const Step *step)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.payment_clearing (company_id, payment_id, before, change, clearing, effective_on,"
								  " amount, item_id, fee_item_id, reason_code, reason)"
								  " VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, 0), nullif($9, 0), $10, $11)",
								  INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, DATEOID, NUMERICOID, INT8OID, INT8OID, TEXTOID, TEXTOID);

	o2c_run(&add, O2C_ARGS(o2c_int8(company), o2c_int8(p->id), o2c_cstring(p->clearing), o2c_cstring(step->change),
						   o2c_cstring(step->clearing), o2c_date(step->day), step->amount, o2c_int8(step->item),
						   o2c_int8(step->fee_item), step->code, step->reason));
}

/* Captures or settles a payment; where it starts to count with that, it is on account from that day on. */
void
o2c_advance(int64 company, int64 payment, const char *to, DateADT day)
{
	static O2cPlan mark = O2C_PLAN("UPDATE o2c.payment SET clearing = $3,"
								   " received_on = CASE WHEN state = 'pending' THEN $4 ELSE received_on END,"
								   " state = CASE WHEN state = 'pending' AND customer_id IS NULL AND $5 THEN 'received' ELSE state END"
								   " WHERE company_id = $1 AND payment_id = $2", INT8OID, INT8OID, TEXTOID, DATEOID, BOOLOID);
	O2cPayment	p = o2c_lock_payment(company, payment);
	Step		step = {.change = to, .clearing = to, .day = day, .amount = O2C_NULL, .code = O2C_NULL, .reason = O2C_NULL};

	check_step(company, &p, to, day);
	o2c_run(&mark, O2C_ARGS(o2c_int8(company), o2c_int8(payment), o2c_cstring(to), o2c_date(day),
							o2c_bool(o2c_counts(company, p.customer, to))));
	note_step(company, &p, &step);
	if (p.customer == 0 || p.item != 0)
		return;
	o2c_identify_one(company, payment, p.customer);
	if (strcmp(p.method, "direct_debit") == 0)
		o2c_apply_collected(company, o2c_datum(o2c_int8_array(&payment, 1)));
}

/* The body of o2c.capture_payment and o2c.settle_payment. */
static Datum
advance(FunctionCallInfo fcinfo, const char *to)
{
	o2c_check_date(o2c_pg_arg(1), "date");
	o2c_connect();
	o2c_advance(PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2), PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), to, PG_GETARG_DATEADT(1));
	o2c_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(o2c_capture_payment);
/* o2c.capture_payment(payment, captured_on, company_id) */
Datum
o2c_capture_payment(PG_FUNCTION_ARGS)
{
	return advance(fcinfo, "captured");
}

PG_FUNCTION_INFO_V1(o2c_settle_payment);
/* o2c.settle_payment(payment, settled_on, company_id) */
Datum
o2c_settle_payment(PG_FUNCTION_ARGS)
{
	return advance(fcinfo, "settled");
}

/* Uses an amount of a credit item up with a debit item of a kind that is its method, too; returns the debit item. */
static int64
use_up(int64 company, int64 item, const char *kind, Numeric amount, DateADT day, DateADT applied_on, NullableDatum reason)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.open_item (company_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate, base_rate)"
								  " SELECT company_id, customer_id, $3, $4, $4, currency, $5, credit_rate, base_rate"
								  " FROM o2c.open_item WHERE company_id = $1 AND item_id = $2 RETURNING item_id",
								  INT8OID, INT8OID, TEXTOID, DATEOID, NUMERICOID);
	O2cApplication use = {.credit_item = item, .effective_on = applied_on, .cash = amount, .discount = o2c_zero(), .tolerance = o2c_zero(),
	.reason = reason.isnull ? NULL : TextDatumGetCString(reason.value)};

	o2c_run(&add, O2C_ARGS(o2c_int8(company), o2c_int8(item), o2c_cstring(kind), o2c_date(day), o2c_datum(NumericGetDatum(amount))));
	use.debit_item = o2c_row_int8(0, 1);
	o2c_apply(company, &use, 1, kind);
	return use.debit_item;
}

/* Takes the live applications of a payment back, all but refunds, and uses up what was not paid back. */
static int64
reverse_item(int64 company, const O2cPayment *p, const O2cReturn *how)
{
	static O2cPlan live = O2C_PLAN("SELECT array_agg(a.application_id), greatest(max(a.effective_on), $3) FROM o2c.application a"
								   " WHERE a.company_id = $1 AND a.credit_item_id = $2 AND a.reverses IS NULL AND a.method <> 'refund' AND NOT EXISTS"
								   " (SELECT FROM o2c.application r WHERE r.company_id = $1 AND r.reverses = a.application_id)",
								   INT8OID, INT8OID, DATEOID);
	NullableDatum applications;
	DateADT		day;

	o2c_run(&live, O2C_ARGS(o2c_int8(company), o2c_int8(p->item), o2c_date(how->day)));
	applications = o2c_row_copy(0, 1);
	day = o2c_row_int4(0, 2);
	if (!applications.isnull)
		o2c_unapply(company, applications, how->day, "reversal", how->reason);
	return use_up(company, p->item, "reversal", o2c_sub(p->amount, p->refunded), how->day, day, how->reason);
}

/* Charges what a bounce costs the customer, due at once; returns the item, 0 when it costs nothing. */
static int64
charge_fee(int64 company, const O2cPayment *p, const O2cReturn *how)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.open_item (company_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)"
								  " SELECT $1, c.customer_id, 'fee', $3, $3, c.currency, f.amount,"
								  " CASE WHEN a.currency <> c.currency THEN coalesce(o2c._known_rate(c.currency, a.currency, $3, $1), 1) ELSE 1 END"
								  " FROM o2c.customer c"
								  " LEFT JOIN o2c.cash_policy_in_use k ON k.company_id = $1 AND k.customer_id = c.customer_id"
								  " LEFT JOIN o2c.customer_credit m ON m.company_id = $1 AND m.customer_id = c.customer_id"
								  " LEFT JOIN o2c.credit_account a ON a.company_id = $1 AND a.credit_account_id = m.credit_account_id"
								  " CROSS JOIN LATERAL (SELECT coalesce($4, o2c.round_money(k.bounce_fee, c.currency)) AS amount) f"
								  " WHERE c.company_id = $1 AND c.customer_id = $2 AND f.amount > 0 RETURNING item_id",
								  INT8OID, INT8OID, DATEOID, NUMERICOID);

	if (!how->fee.isnull && o2c_sign(DatumGetNumeric(how->fee.value)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the fee is negative"),
				 errhint("0 charges nothing; null charges what the policy says.")));
	if (p->customer == 0 || o2c_run(&add, O2C_ARGS(o2c_int8(company), o2c_int8(p->customer), o2c_date(how->day), how->fee)) == 0)
		return 0;
	return o2c_row_int8(0, 1);
}

/* Takes a payment back.  Only what the bank or provider returns costs a fee and counts against the payer. */
void
o2c_take_back(int64 company, int64 payment, const O2cReturn *how)
{
	static O2cPlan mark = O2C_PLAN("UPDATE o2c.payment SET state = 'reversed', clearing = $3, reversed_on = $4, reversal_reason = $5"
								   " WHERE company_id = $1 AND payment_id = $2", INT8OID, INT8OID, TEXTOID, DATEOID, TEXTOID);
	O2cPayment	p = o2c_lock_payment(company, payment);
	Step		step = {.change = how->to, .clearing = how->to, .day = how->day, .amount = O2C_NULL, .code = how->code, .reason = how->reason};

	check_step(company, &p, how->to, how->day);
	o2c_run(&mark, O2C_ARGS(o2c_int8(company), o2c_int8(payment), o2c_cstring(how->to), o2c_date(how->day), how->reason));
	o2c_release_payment(company, payment);
	if (p.item != 0)
	{
		step.item = reverse_item(company, &p, how);
		step.amount = o2c_datum(NumericGetDatum(o2c_sub(p.amount, p.refunded)));
	}
	if (strcmp(how->to, "voided") != 0 && strcmp(how->to, "failed") != 0)
		step.fee_item = charge_fee(company, &p, how);
	note_step(company, &p, &step);
	if (strcmp(p.method, "direct_debit") == 0)
		o2c_follow_return(company, payment, how->code, how->day);
}

/* The kind of a reversal. */
static const char *
reversal_kind(NullableDatum kind)
{
	static const char *const kinds[] = {"returned", "charged_back", "failed"};
	char	   *given = kind.isnull ? "" : TextDatumGetCString(kind.value);

	for (int i = 0; i < lengthof(kinds); i++)
		if (strcmp(kinds[i], given) == 0)
			return kinds[i];
	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
			 errmsg("a payment is not reversed as \"%s\"", given),
			 errhint("It is returned, charged_back or failed; o2c.void_payment() takes back what was recorded by mistake.")));
}

PG_FUNCTION_INFO_V1(o2c_reverse_payment);
/* o2c.reverse_payment(payment, reversed_on, reason, kind, reason_code, fee, company_id) */
Datum
o2c_reverse_payment(PG_FUNCTION_ARGS)
{
	O2cReturn	how = {.to = reversal_kind(o2c_pg_arg(3)), .reason = o2c_pg_arg(2), .code = o2c_pg_arg(4), .fee = o2c_pg_arg(5)};

	o2c_check_date(o2c_pg_arg(1), "date of the reversal");
	how.day = PG_GETARG_DATEADT(1);
	o2c_connect();
	o2c_take_back(PG_ARGISNULL(6) ? 0 : PG_GETARG_INT64(6), PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &how);
	o2c_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(o2c_void_payment);
/* o2c.void_payment(payment, voided_on, reason, company_id) */
Datum
o2c_void_payment(PG_FUNCTION_ARGS)
{
	O2cReturn	how = {.to = "voided", .reason = o2c_pg_arg(2), .code = O2C_NULL, .fee = O2C_NULL};

	o2c_check_date(o2c_pg_arg(1), "date");
	how.day = PG_GETARG_DATEADT(1);
	o2c_connect();
	o2c_take_back(PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3), PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), &how);
	o2c_finish();
	PG_RETURN_VOID();
}

/* What is to be paid back of an amount that is open; all of it unless given. */
static Numeric
refund_amount(NullableDatum given, Numeric open, const char *currency, const char *what)
{
	Numeric		amount = given.isnull ? open : DatumGetNumeric(given.value);

	o2c_check_amount(amount, currency, "amount of the refund");
	if (o2c_cmp(amount, open) > 0 || o2c_sign(open) == 0)
		o2c_refuse_over_application(what, psprintf("%s is on account, %s was to be paid back.", o2c_numeric_text(open), o2c_numeric_text(amount)));
	if (o2c_sign(amount) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the amount of the refund is zero"),
				 errhint("Leave it out to pay back all that is on account.")));
	return amount;
}

/* Pays money on account back; returns the item of the refund. */
static int64
refund_payment(int64 company, int64 payment, NullableDatum given, DateADT day, NullableDatum reason)
{
	static O2cPlan mark = O2C_PLAN("UPDATE o2c.payment SET clearing = $3, refunded_amount = refunded_amount + $4"
								   " WHERE company_id = $1 AND payment_id = $2", INT8OID, INT8OID, TEXTOID, NUMERICOID);
	O2cPayment	p = o2c_lock_payment(company, payment);
	Step		step = {.change = "refunded", .day = day, .code = O2C_NULL, .reason = reason};
	Numeric		amount;

	check_step(company, &p, "refunded", day);
	amount = refund_amount(given, p.open, p.currency, psprintf("payment %lld", (long long) payment));
	step.clearing = o2c_cmp(o2c_add(p.refunded, amount), p.amount) == 0 ? "refunded" : p.clearing;
	step.amount = o2c_datum(NumericGetDatum(amount));
	step.item = use_up(company, p.item, "refund", amount, day, day, reason);
	o2c_run(&mark, O2C_ARGS(o2c_int8(company), o2c_int8(payment), o2c_cstring(step.clearing), step.amount));
	note_step(company, &p, &step);
	return step.item;
}

PG_FUNCTION_INFO_V1(o2c_refund_payment);
/* o2c.refund_payment(payment, amount, refunded_on, reason, idempotency_key, company_id) */
Datum
o2c_refund_payment(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5);
	int64		result;

	o2c_check_date(o2c_pg_arg(2), "date of the refund");
	o2c_connect();
	if (!o2c_command_seen(fcinfo, 4, company, "refund_payment", &result))
	{
		result = refund_payment(company, PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), o2c_pg_arg(1), PG_GETARG_DATEADT(2), o2c_pg_arg(3));
		o2c_command_done(company, o2c_pg_arg(4), result);
	}
	o2c_finish();
	PG_RETURN_INT64(result);
}

/* Pays the open rest of a credit note back; returns the item of the refund. */
static int64
refund_credit(int64 company, NullableDatum number, NullableDatum given, DateADT day, NullableDatum reason)
{
	static O2cPlan find = O2C_PLAN("SELECT i.customer_id, i.item_id, - i.open_amount, i.currency, i.effective_on FROM o2c.invoice v"
								   " JOIN o2c.open_item i ON i.company_id = $1 AND i.invoice_id = v.invoice_id"
								   " WHERE v.company_id = $1 AND v.number = $2 AND v.kind = 'credit_note'", INT8OID, TEXTOID);
	char	   *name = number.isnull ? "" : TextDatumGetCString(number.value);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), number)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no credit note \"%s\"", (long long) company, name),
				 errhint("Credit notes are found by their number in o2c.invoice.")));
	o2c_lock_customer(company, o2c_row_int8(0, 1));
	o2c_run(&find, O2C_ARGS(o2c_int8(company), number));
	if (day < o2c_row_int4(0, 5))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("credit note \"%s\" cannot be paid back before its date", name)));
	return use_up(company, o2c_row_int8(0, 2), "refund",
				  refund_amount(given, DatumGetNumeric(o2c_row_copy(0, 3).value), o2c_row_text(0, 4), psprintf("credit note \"%s\"", name)),
				  day, day, reason);
}

PG_FUNCTION_INFO_V1(o2c_refund_credit);
/* o2c.refund_credit(credit_note, amount, refunded_on, reason, idempotency_key, company_id) */
Datum
o2c_refund_credit(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5);
	int64		result;

	o2c_check_date(o2c_pg_arg(2), "date of the refund");
	o2c_connect();
	if (!o2c_command_seen(fcinfo, 4, company, "refund_credit", &result))
	{
		result = refund_credit(company, o2c_pg_arg(0), o2c_pg_arg(1), PG_GETARG_DATEADT(2), o2c_pg_arg(3));
		o2c_command_done(company, o2c_pg_arg(4), result);
	}
	o2c_finish();
	PG_RETURN_INT64(result);
}
