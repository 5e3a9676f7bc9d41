/*-------------------------------------------------------------------------
 *
 * difference.c
 *		Discounts that a payment earns, and shortages that are tolerated.
 *
 * The terms offer a discount D on an instalment A until a day; the policy adds
 * days of grace.  A payment that closes the instalment by then earns what is
 * left of it.  With discount on part payments, cash c earns c * d / (1 - d) at
 * d = D / A, and a part that was paid without discount has lost its own (the
 * formulas of Oracle Receivables for earned discount).  There is one rounding:
 * of the payable amount; the discount is the remainder, and closing takes what
 * the parts left of it, so that together they are D to the cent.  What credit
 * notes took off earns nothing.
 *
 * A shortage is tolerated up to the smaller of an amount and a percentage of
 * what is owed on the items that the payment reaches, compared unrounded.
 *
 *-------------------------------------------------------------------------
 */
#include "cash/difference.h"

#include "core/money.h"
#include "core/plan.h"

/* The smaller of two amounts. */
static Numeric
least(Numeric a, Numeric b)
{
	return o2c_cmp(a, b) < 0 ? a : b;
}

/* A numeric of the last result, or NULL. */
static Numeric
row_numeric(uint64 row, int column)
{
	NullableDatum d = o2c_row_copy(row, column);

	return d.isnull ? NULL : DatumGetNumeric(d.value);
}

/* The policy in use for a customer; without one nothing is borne. */
O2cBearing
o2c_read_bearing(int64 company, int64 customer)
{
	static O2cPlan find = O2C_PLAN("SELECT tolerance_amount, tolerance_percent, discount_grace_days, discount_on_partial"
								   " FROM o2c.cash_policy_in_use WHERE company_id = $1 AND customer_id = $2", INT8OID, INT8OID);
	O2cBearing	b = {0};

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer))) == 0)
		return b;
	b.tolerance_amount = row_numeric(0, 1);
	b.tolerance_percent = row_numeric(0, 2);
	b.grace_days = o2c_row_int4(0, 3);
	b.on_partial = o2c_row_bool(0, 4);
	return b;
}

/* The open ones of some items (a bigint[]), the oldest first, as a payment of a day may settle them; returns how many. */
int
o2c_read_owed(int64 company, Datum items, DateADT paid_on, const O2cBearing *bearing, O2cOwed **owed)
{
	static O2cPlan find = O2C_PLAN("SELECT i.item_id, i.effective_on, i.currency, i.amount, i.open_amount,"
								   " coalesce(d.amount, 0), coalesce(a.excluded, 0), coalesce(a.granted, 0) FROM o2c.open_item i"
								   " CROSS JOIN LATERAL (SELECT max(t.amount) AS amount FROM o2c.instalment_discount t"
								   " WHERE t.company_id = $1 AND t.item_id = i.item_id AND t.until_on + $4 >= $3) d"
								   " CROSS JOIN LATERAL (SELECT sum(a.discount_amount) AS granted, sum(a.cash_amount + a.tolerance_amount + a.writeoff_amount)"
								   " FILTER (WHERE c.kind = 'credit_note' OR ($5 AND a.discount_amount = 0)) AS excluded FROM o2c.application a"
								   " LEFT JOIN o2c.open_item c ON c.company_id = $1 AND c.item_id = a.credit_item_id"
								   " WHERE d.amount > 0 AND a.company_id = $1 AND a.debit_item_id = i.item_id) a"
								   " WHERE i.company_id = $1 AND i.item_id = ANY ($2) AND i.open_amount > 0"
								   " ORDER BY i.due_on, i.item_id", INT8OID, INT8ARRAYOID, DATEOID, INT4OID, BOOLOID);
	int			n = o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(items), o2c_date(paid_on), o2c_int4(bearing->grace_days),
											o2c_bool(bearing->on_partial)));

	*owed = palloc_extended(sizeof(O2cOwed) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		O2cOwed    *o = &(*owed)[i];

		o->item = o2c_row_int8(i, 1);
		o->effective_on = o2c_row_int4(i, 2);
		o->digits = o2c_minor_units(o2c_row_text(i, 3));
		o->amount = row_numeric(i, 4);
		o->open = row_numeric(i, 5);
		o->offered = row_numeric(i, 6);
		o->excluded = row_numeric(i, 7);
		o->granted = row_numeric(i, 8);
	}
	return n;
}

/* The discount on a part of an item: the part less what is then payable, which is rounded. */
static Numeric
discount_on(const O2cOwed *owed, Numeric part)
{
	Numeric		payable = o2c_div(o2c_mul(part, o2c_sub(owed->amount, owed->offered)), owed->amount);

	return o2c_sub(part, o2c_round(payable, owed->digits));
}

/* What may be deducted from an item by who pays the rest of it. */
Numeric
o2c_discount_left(const O2cOwed *owed)
{
	Numeric		left;

	if (o2c_sign(owed->offered) <= 0)
		return o2c_zero();
	left = o2c_sub(discount_on(owed, o2c_sub(owed->amount, owed->excluded)), owed->granted);
	return o2c_sign(left) < 0 ? o2c_zero() : least(left, owed->open);
}

/* What cash on an item earns, which closes it or pays a part. */
Numeric
o2c_discount_earned(const O2cOwed *owed, const O2cBearing *bearing, Numeric cash, bool closes)
{
	Numeric		left = o2c_discount_left(owed);
	Numeric		payable = o2c_sub(owed->amount, owed->offered);

	if (closes || o2c_sign(left) == 0)
		return left;
	if (!bearing->on_partial || o2c_sign(payable) <= 0)
		return o2c_zero();
	return least(left, o2c_round(o2c_div(o2c_mul(cash, owed->offered), payable), owed->digits));
}

/* Whether the policy lets a shortage settle what is owed. */
bool
o2c_is_tolerated(const O2cBearing *bearing, Numeric shortage, Numeric owed)
{
	if (bearing->tolerance_amount == NULL && bearing->tolerance_percent == NULL)
		return false;
	if (bearing->tolerance_amount != NULL && o2c_cmp(shortage, bearing->tolerance_amount) > 0)
		return false;
	return bearing->tolerance_percent == NULL ||
		o2c_cmp(o2c_mul(shortage, o2c_int_numeric(100)), o2c_mul(owed, bearing->tolerance_percent)) <= 0;
}

/* Whether a shortage may stay, and if it was said how much may, takes it off that. */
static bool
takes_shortage(O2cTaking *taking, const O2cBearing *bearing, Numeric shortage)
{
	if (o2c_cmp(shortage, taking->allowed) <= 0)
	{
		taking->allowed = o2c_sub(taking->allowed, shortage);
		return true;
	}
	return taking->tolerance && o2c_is_tolerated(bearing, shortage, taking->owed);
}

/* Closes an item with the discount that is left and a shortage, if the cash suffices; false when it does not. */
static bool
close_item(O2cTaking *taking, const O2cOwed *owed, const O2cBearing *bearing, O2cApplication *row)
{
	Numeric		left = o2c_discount_left(owed);
	Numeric		payable;

	if (!taking->discount)
		left = least(left, taking->granted);
	payable = o2c_sub(owed->open, left);
	row->discount = left;
	row->tolerance = o2c_zero();
	row->cash = least(taking->cash, payable);
	taking->owed = o2c_add(taking->owed, owed->open);
	if (o2c_cmp(row->cash, payable) < 0)
	{
		row->tolerance = o2c_sub(payable, row->cash);
		if (!takes_shortage(taking, bearing, row->tolerance))
			return false;
	}
	taking->cash = o2c_sub(taking->cash, row->cash);
	if (!taking->discount)
		taking->granted = o2c_sub(taking->granted, left);
	return true;
}

/* Who pays more than the discounted amount deducts less than is granted: only what is missing is taken. */
static void
return_discounts(O2cTaking *taking, O2cApplication *rows, int n)
{
	for (int i = 0; i < n; i++)
	{
		Numeric		returned = least(taking->cash, rows[i].discount);

		rows[i].discount = o2c_sub(rows[i].discount, returned);
		rows[i].cash = o2c_add(rows[i].cash, returned);
		taking->cash = o2c_sub(taking->cash, returned);
	}
}

/*
 * Pays items, the oldest first: as many as the cash can close, and with the
 * rest a part of the next one.  The rows of items that are not reached have
 * nothing.
 */
void
o2c_take_items(O2cTaking *taking, const O2cOwed *owed, int n, const O2cBearing *bearing, O2cApplication *rows)
{
	int			closed = 0;

	while (closed < n && o2c_sign(taking->cash) > 0 && close_item(taking, &owed[closed], bearing, &rows[closed]))
		closed++;
	if (taking->discount)
		return_discounts(taking, rows, closed);
	for (int i = closed; i < n; i++)
	{
		rows[i].cash = least(taking->cash, owed[i].open);
		rows[i].tolerance = o2c_zero();
		rows[i].discount = !taking->discount || o2c_sign(rows[i].cash) == 0 ? o2c_zero()
			: least(o2c_sub(owed[i].open, rows[i].cash), o2c_discount_earned(&owed[i], bearing, rows[i].cash, false));
		taking->cash = o2c_sub(taking->cash, rows[i].cash);
	}
}
