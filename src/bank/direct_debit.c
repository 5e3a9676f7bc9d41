/*-------------------------------------------------------------------------
 *
 * direct_debit.c
 *		Direct debits: collecting what is due, what the bank answers, mandates.
 *
 * A batch is one collection day.  It has one direct debit for each mandate, and
 * each of these is a payment that is captured: it pays its items on the
 * collection day, or, where the policy wants cleared funds, once it is settled.
 * A customer without a mandate in use is paid for by the nearest customer above
 * that has one.  Before anything is collected, what a customer has to its credit
 * is applied to what it owes, the oldest first.
 * What is on its way is not collected again; what came back only when a person
 * says so.  A return reverses exactly the payment that the end-to-end id names.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "cash/difference.h"
#include "cash/payment.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/item.h"

/* Applies direct debits (payments, a bigint[]) that have an item and were not applied before to what they collect. */
void
o2c_apply_collected(int64 company, NullableDatum payments)
{
	static O2cPlan find = O2C_PLAN("SELECT c.item_id, i.item_id, greatest(c.effective_on, i.effective_on), least(d.amount, i.open_amount),"
								   " CASE WHEN d.amount + d.discount_amount <= i.open_amount THEN d.discount_amount ELSE 0 END"
								   " FROM o2c.direct_debit t"
								   " JOIN o2c.payment p ON p.company_id = $1 AND p.payment_id = t.payment_id"
								   " JOIN o2c.open_item c ON c.company_id = $1 AND c.item_id = p.item_id"
								   " JOIN o2c.direct_debit_item d ON d.company_id = $1 AND d.direct_debit_id = t.direct_debit_id"
								   " JOIN o2c.open_item i ON i.company_id = $1 AND i.item_id = d.item_id AND i.open_amount > 0"
								   " WHERE t.company_id = $1 AND t.payment_id = ANY ($2) AND NOT EXISTS"
								   " (SELECT FROM o2c.application a WHERE a.company_id = $1 AND a.credit_item_id = c.item_id)"
								   " ORDER BY i.item_id", INT8OID, INT8ARRAYOID);
	int			n = o2c_run(&find, O2C_ARGS(o2c_int8(company), payments));
	O2cApplication *rows = palloc_extended(sizeof(O2cApplication) * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < n; i++)
	{
		rows[i].credit_item = o2c_row_int8(i, 1);
		rows[i].debit_item = o2c_row_int8(i, 2);
		rows[i].effective_on = o2c_row_int4(i, 3);
		rows[i].cash = DatumGetNumeric(o2c_row_copy(i, 4).value);
		rows[i].discount = DatumGetNumeric(o2c_row_copy(i, 5).value);
		rows[i].tolerance = o2c_zero();
	}
	if (n == 0)
		return;
	o2c_date_after_reversals(company, rows, n);
	o2c_apply(company, rows, n, "direct_debit");
}

/* Lets one collection of a company go on at a time, and locks the groups of all customers that it may concern. */
static void
lock_debtors(int64 company)
{
	/* without the first a mandate that is recorded meanwhile could be collected with twice */
	static O2cPlan alone = O2C_PLAN("SELECT FROM o2c.bank_account WHERE company_id = $1 AND creditor_id IS NOT NULL"
									" ORDER BY bank_account_id FOR NO KEY UPDATE", INT8OID);
	static O2cPlan find = O2C_PLAN("SELECT array_agg(DISTINCT m.customer_id) FROM o2c.mandate m WHERE m.company_id = $1 AND m.state = 'active'",
								   INT8OID);
	NullableDatum customers;

	o2c_run(&alone, O2C_ARGS(o2c_int8(company)));
	o2c_run(&find, O2C_ARGS(o2c_int8(company)));
	customers = o2c_row_copy(0, 1);
	if (!customers.isnull)
		o2c_lock_customer_array(company, customers.value);
}

/* What a customer has to its credit, and what it could pay with that. */
typedef struct Credit
{
	int64		item;
	int64		customer;
	DateADT		effective_on;
	Numeric		amount;
	bool		is_payment;
	Datum		due_items;		/* bigint[] */
	DateADT		collect_on;
} Credit;

/* Finds the credits that are applied before a day's collection, the oldest first; returns how many. */
static int
find_credits(int64 company, NullableDatum day, NullableDatum represent, Credit **credits)
{
	static O2cPlan find = O2C_PLAN("SELECT item_id, customer_id, effective_on, amount, is_payment, due_items, collect_on"
								   " FROM o2c._credits_to_net($2, $3, $1)", INT8OID, DATEOID, BOOLOID);
	int			n = o2c_run(&find, O2C_ARGS(o2c_int8(company), day, represent));

	*credits = palloc_extended(sizeof(Credit) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		Credit	   *c = &(*credits)[i];

		c->item = o2c_row_int8(i, 1);
		c->customer = o2c_row_int8(i, 2);
		c->effective_on = o2c_row_int4(i, 3);
		c->amount = DatumGetNumeric(o2c_row_copy(i, 4).value);
		c->is_payment = o2c_row_bool(i, 5);
		c->due_items = o2c_row_copy(i, 6).value;
		c->collect_on = o2c_row_int4(i, 7);
	}
	return n;
}

/* Pays an item with what is left of a credit: a payment takes the discount that it earned when it came in, a credit note none. */
static void
pay_item(const Credit *c, Numeric *left, const O2cOwed *owed, const O2cBearing *bearing, O2cApplication *row)
{
	Numeric		discount = c->is_payment ? o2c_discount_left(owed) : o2c_zero();

	row->cash = o2c_sub(owed->open, discount);
	if (o2c_cmp(*left, row->cash) < 0)
	{
		row->cash = *left;
		discount = c->is_payment ? o2c_discount_earned(owed, bearing, row->cash, false) : o2c_zero();
	}
	*left = o2c_sub(*left, row->cash);
	row->discount = discount;
	row->tolerance = o2c_zero();
	row->credit_item = c->item;
	row->debit_item = owed->item;
	row->effective_on = c->collect_on;
}

/* Who has more to its credit than all it could pay deducts no more discount than is missing. */
static void
return_discounts(Numeric left, O2cApplication *rows, int n)
{
	for (int i = 0; i < n && o2c_sign(left) > 0; i++)
	{
		Numeric		returned = o2c_cmp(left, rows[i].discount) < 0 ? left : rows[i].discount;

		rows[i].discount = o2c_sub(rows[i].discount, returned);
		rows[i].cash = o2c_add(rows[i].cash, returned);
		left = o2c_sub(left, returned);
	}
}

/* Applies a credit on the collection day. */
static void
net_credit(int64 company, const Credit *c)
{
	O2cBearing	bearing = o2c_read_bearing(company, c->customer);
	O2cOwed    *owed;
	int			n = o2c_read_owed(company, c->due_items, c->effective_on, &bearing, &owed);
	int			used = 0;
	Numeric		left = c->amount;
	O2cApplication *rows = palloc_extended(sizeof(O2cApplication) * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	while (used < n && o2c_sign(left) > 0)
	{
		pay_item(c, &left, &owed[used], &bearing, &rows[used]);
		used++;
	}
	return_discounts(left, rows, used);
	if (used == 0)
		return;
	o2c_date_after_reversals(company, rows, used);
	o2c_apply(company, rows, used, "net");
}

/* Applies what customers have to their credit to what would be collected from them. */
static void
net_credits(int64 company, NullableDatum day, NullableDatum represent)
{
	Credit	   *credits;
	int			n = find_credits(company, day, represent, &credits);

	for (int i = 0; i < n; i++)
		net_credit(company, &credits[i]);
}

/* Makes a batch of what is due and not collected yet, and applies it; the last batch of that day when nothing is new, null when there is none. */
static NullableDatum
collect(int64 company, NullableDatum day, NullableDatum account, NullableDatum represent)
{
	static O2cPlan make = O2C_PLAN("SELECT o2c._collect_direct_debits($2, $3, $4, $1)", INT8OID, DATEOID, TEXTOID, BOOLOID);
	static O2cPlan payments = O2C_PLAN("SELECT array_agg(payment_id) FROM o2c.direct_debit WHERE company_id = $1 AND batch_id = $2",
									   INT8OID, INT8OID);
	NullableDatum batch;
	NullableDatum ids;

	o2c_check_date(day, "collection date");
	lock_debtors(company);
	net_credits(company, day, represent);
	o2c_run(&make, O2C_ARGS(o2c_int8(company), day, account, represent));
	batch = o2c_row_copy(0, 1);
	o2c_run(&payments, O2C_ARGS(o2c_int8(company), batch));
	ids = o2c_row_copy(0, 1);
	if (!ids.isnull)
		o2c_apply_collected(company, ids);
	return batch;
}

PG_FUNCTION_INFO_V1(o2c_direct_debit_file);
/* o2c.direct_debit_file(on_date, bank_account, version, batch, represent, company_id) */
Datum
o2c_direct_debit_file(PG_FUNCTION_ARGS)
{
	static O2cPlan print = O2C_PLAN("SELECT o2c._print_direct_debits($2, $3, $1)", INT8OID, INT8OID, TEXTOID);
	int64		company = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5);
	NullableDatum batch = o2c_pg_arg(3);
	NullableDatum file = O2C_NULL;

	o2c_connect();
	if (batch.isnull)
		batch = collect(company, o2c_pg_arg(0), o2c_pg_arg(1), o2c_pg_arg(4));
	if (!batch.isnull)
	{
		o2c_run(&print, O2C_ARGS(o2c_int8(company), batch, o2c_pg_arg(2)));
		file = o2c_row_copy(0, 1);
		if (!file.isnull)
			file.value = SPI_datumTransfer(file.value, false, -1);
	}
	o2c_finish();
	if (file.isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(file.value);
}

PG_FUNCTION_INFO_V1(o2c_settle_direct_debits);
/* o2c.settle_direct_debits(batch, settled_on, company_id) */
Datum
o2c_settle_direct_debits(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT d.payment_id, d.customer_id FROM o2c.direct_debit d"
								   " JOIN o2c.payment p ON p.company_id = $1 AND p.payment_id = d.payment_id AND p.clearing = 'captured'"
								   " WHERE d.company_id = $1 AND d.batch_id = $2 ORDER BY d.payment_id", INT8OID, INT8OID);
	int64		company = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	const NullableDatum *args = O2C_ARGS(o2c_int8(company), o2c_pg_arg(0));
	int64	   *payments;
	int64	   *customers;
	int			n;

	o2c_check_date(o2c_pg_arg(1), "date");
	o2c_connect();
	n = o2c_run(&find, args);
	customers = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		customers[i] = o2c_row_int8(i, 2);
	o2c_lock_customers(company, customers, n);
	/* what came back while the locks were waited for is not settled */
	n = Min(n, (int) o2c_run(&find, args));
	payments = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		payments[i] = o2c_row_int8(i, 1);
	for (int i = 0; i < n; i++)
		o2c_advance(company, payments[i], "settled", PG_GETARG_DATEADT(1));
	o2c_finish();
	PG_RETURN_INT64(n);
}

PG_FUNCTION_INFO_V1(o2c_return_direct_debit);
/* o2c.return_direct_debit(end_to_end_id, reason_code, returned_on, reason, fee, company_id) */
Datum
o2c_return_direct_debit(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT payment_id FROM o2c.direct_debit WHERE company_id = $1 AND end_to_end_id = o2c.account_key($2)",
								   INT8OID, TEXTOID);
	int64		company = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5);
	O2cReturn	how = {.to = "returned", .code = o2c_pg_arg(1), .reason = o2c_pg_arg(3), .fee = o2c_pg_arg(4)};
	int64		payment;

	o2c_check_date(o2c_pg_arg(2), "date of the return");
	o2c_connect();
	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_pg_arg(0))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no direct debit \"%s\"", (long long) company,
						PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0))),
				 errhint("Direct debits are found by end_to_end_id in o2c.direct_debit.")));
	payment = o2c_row_int8(0, 1);
	/* a bank may reject before the collection day what counts from that day on */
	how.day = Max(PG_GETARG_DATEADT(2), o2c_read_payment(company, payment).received_on);
	o2c_take_back(company, payment, &how);
	o2c_finish();
	PG_RETURN_INT64(payment);
}

/*
 * What a return does to the mandate: some reasons end it, others stop it until a
 * person has put it right, unless it has another account by now; one that was
 * used up by this collection can be used again, and what the collection told of
 * an amendment is told again.
 */
void
o2c_follow_return(int64 company, int64 payment, NullableDatum code, DateADT day)
{
	static O2cPlan follow = O2C_PLAN("UPDATE o2c.mandate m SET state = CASE WHEN o2c.ends_mandate($3) THEN 'revoked' ELSE 'active' END,"
									 " revoked_on = CASE WHEN o2c.ends_mandate($3) THEN greatest($4, m.signed_on) END,"
									 " revocation_reason = CASE WHEN o2c.ends_mandate($3) THEN $3 END,"
									 " stopped_for = CASE WHEN o2c.stops_mandate($3) AND d.account = m.account::text THEN $3 ELSE m.stopped_for END,"
									 " original_reference = nullif(coalesce(d.original_reference, m.original_reference), m.reference),"
									 " original_account = nullif(coalesce(d.original_account, m.original_account), m.account::text)"
									 " FROM o2c.direct_debit d WHERE d.company_id = $1 AND d.payment_id = $2"
									 " AND m.company_id = $1 AND m.mandate_id = d.mandate_id AND m.state <> 'revoked'"
									 " AND (o2c.ends_mandate($3) OR o2c.stops_mandate($3) OR m.state = 'completed'"
									 " OR coalesce(d.original_reference, d.original_account) IS NOT NULL)", INT8OID, INT8OID, TEXTOID, DATEOID);

	o2c_run(&follow, O2C_ARGS(o2c_int8(company), o2c_int8(payment), code, o2c_date(day)));
}

/* Finds a mandate by its reference and locks its customer's group. */
static int64
find_mandate(int64 company, NullableDatum reference)
{
	static O2cPlan find = O2C_PLAN("SELECT mandate_id, customer_id FROM o2c.mandate WHERE company_id = $1 AND reference = $2", INT8OID, TEXTOID);
	int64		mandate;

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), reference)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no mandate \"%s\"", (long long) company,
						reference.isnull ? "" : TextDatumGetCString(reference.value)),
				 errhint("Mandates are found by their reference in o2c.mandate.")));
	mandate = o2c_row_int8(0, 1);
	o2c_lock_customer(company, o2c_row_int8(0, 2));
	return mandate;
}

/* Refuses a mandate that is not active. */
static void
refuse_mandate(NullableDatum reference)
{
	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_STATE),
			 errmsg("mandate \"%s\" is not active", TextDatumGetCString(reference.value)),
			 errhint("o2c.add_mandate() records another one.")));
}

PG_FUNCTION_INFO_V1(o2c_amend_mandate);
/* o2c.amend_mandate(mandate, account, bic, holder, new_reference, company_id) */
Datum
o2c_amend_mandate(PG_FUNCTION_ARGS)
{
	/* a bank that has not seen the mandate yet need not be told what it was before */
	static O2cPlan amend = O2C_PLAN("UPDATE o2c.mandate m SET stopped_for = CASE WHEN $3 IS NULL THEN m.stopped_for END,"
									" reference = coalesce($6, m.reference), account = coalesce($3::o2c.iban, m.account),"
									" bic = CASE WHEN $3 IS NULL THEN m.bic ELSE $4 END, holder = CASE WHEN $3 IS NULL THEN m.holder ELSE $5 END,"
									" original_reference = CASE WHEN k.known THEN nullif(coalesce(m.original_reference, m.reference), coalesce($6, m.reference)) END,"
									" original_account = CASE WHEN k.known THEN nullif(coalesce(m.original_account, m.account::text), coalesce($3::o2c.iban, m.account)::text) END"
									" FROM (SELECT n.mandate_id, n.last_used_on IS NOT NULL OR n.sequence_type IN ('RCUR', 'FNAL') AS known"
									" FROM o2c.mandate n WHERE n.company_id = $1 AND n.mandate_id = $2) k"
									" WHERE m.company_id = $1 AND m.mandate_id = k.mandate_id AND m.state = 'active'",
									INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID);
	int64		company = PG_ARGISNULL(5) ? 0 : PG_GETARG_INT64(5);
	int64		mandate;

	if (PG_ARGISNULL(1) && PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("nothing of the mandate is amended"),
				 errhint("Give the new account or the new reference; BIC and holder alone are changed in o2c.mandate.")));
	o2c_connect();
	mandate = find_mandate(company, o2c_pg_arg(0));
	if (o2c_run(&amend, O2C_ARGS(o2c_int8(company), o2c_int8(mandate), o2c_pg_arg(1), o2c_pg_arg(2), o2c_pg_arg(3), o2c_pg_arg(4))) == 0)
		refuse_mandate(o2c_pg_arg(0));
	o2c_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(o2c_revoke_mandate);
/* o2c.revoke_mandate(mandate, revoked_on, reason, after_next, company_id) */
Datum
o2c_revoke_mandate(PG_FUNCTION_ARGS)
{
	static O2cPlan revoke = O2C_PLAN("UPDATE o2c.mandate SET state = 'revoked', revoked_on = greatest($3, signed_on), revocation_reason = $4"
									 " WHERE company_id = $1 AND mandate_id = $2 AND state = 'active'", INT8OID, INT8OID, DATEOID, TEXTOID);
	static O2cPlan finish = O2C_PLAN("UPDATE o2c.mandate SET sequence_type = CASE sequence_type WHEN 'OOFF' THEN 'OOFF' ELSE 'FNAL' END"
									 " WHERE company_id = $1 AND mandate_id = $2 AND state = 'active'", INT8OID, INT8OID);
	int64		company = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4);
	bool		after_next = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	int64		mandate;

	o2c_check_date(o2c_pg_arg(1), "date of the revocation");
	o2c_connect();
	mandate = find_mandate(company, o2c_pg_arg(0));
	if (o2c_run(after_next ? &finish : &revoke, O2C_ARGS(o2c_int8(company), o2c_int8(mandate), o2c_pg_arg(1), o2c_pg_arg(2))) == 0)
		refuse_mandate(o2c_pg_arg(0));
	o2c_finish();
	PG_RETURN_VOID();
}
