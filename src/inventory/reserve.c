/*-------------------------------------------------------------------------
 *
 * reserve.c
 *		Reserves stock for the lines of an order that is placed, before they are
 *		stored.
 *
 * The lines then need no second write, and the counter is moved here, in product
 * order like everywhere (stock.c).
 *
 *-------------------------------------------------------------------------
 */
#include "inventory/stock.h"

#include "inventory/pending.h"
#include "ordering/draft.h"

#include "core/money.h"
#include "core/plan.h"

/* Locks the stock of some products, in their order, and reads what is free as whoever was waited for left it. */
static O2cPlan lock_free = O2C_PLAN("SELECT product_id, on_hand - reserved FROM o2c.stock WHERE company_id = $1"
									" AND product_id = ANY ($2) AND location = $3 ORDER BY product_id FOR NO KEY UPDATE",
									INT8OID, INT8ARRAYOID, TEXTOID);

/*
 * Takes it: a statement of its own.  An UPDATE in the one that locks would look
 * for the row that its snapshot knows, and might wait there for who waits here.
 */
static O2cPlan take = O2C_PLAN("UPDATE o2c.stock s SET reserved = s.reserved + t.quantity FROM unnest($2, $3) AS t (product_id, quantity)"
							   " WHERE s.company_id = $1 AND s.product_id = t.product_id AND s.location = $4",
							   INT8OID, INT8ARRAYOID, NUMERICARRAYOID, TEXTOID);

/* What the lines want of each product, once each; returns the number of products. */
static int
sum_wishes(const O2cDraft *order, int64 *products, Numeric *wanted)
{
	int			n = 0;

	for (int i = 0; i < order->n; i++)
	{
		const O2cDraftLine *line = &order->lines[i];
		int			p = 0;

		if (line->product.isnull)
			continue;
		while (p < n && products[p] != DatumGetInt64(line->product.value))
			p++;
		products[p] = DatumGetInt64(line->product.value);
		wanted[p] = p == n ? line->quantity : o2c_add(wanted[p], line->quantity);
		n = Max(n, p + 1);
	}
	return n;
}

/* Gives the lines of a product what was taken for them, one after the other. */
static void
share(O2cDraft *order, int64 product, Numeric taken)
{
	for (int i = 0; i < order->n && o2c_sign(taken) > 0; i++)
	{
		O2cDraftLine *line = &order->lines[i];

		if (line->product.isnull || DatumGetInt64(line->product.value) != product)
			continue;
		line->reserved = o2c_cmp(line->quantity, taken) < 0 ? line->quantity : taken;
		taken = o2c_sub(taken, line->reserved);
	}
}

/* The lesser of what is wanted of a product and what is free. */
static Numeric
takeable(const int64 *products, const Numeric *wanted, int64 product, Numeric free)
{
	int			p = 0;

	while (products[p] != product)
		p++;
	return o2c_cmp(wanted[p], free) < 0 ? wanted[p] : free;
}

/* Reserves what is there for all lines; at the end of the command where it has put off other work on stock (pending.c). */
static void
reserve_lines(O2cDraft *order, int64 order_id)
{
	int64	   *products = palloc(sizeof(int64) * order->n);
	int64	   *taken = palloc(sizeof(int64) * order->n);
	Numeric    *wanted = palloc(sizeof(Numeric) * order->n);
	NullableDatum *quantities = palloc(sizeof(NullableDatum) * order->n);
	int			n = sum_wishes(order, products, wanted);
	int			n_taken = 0;
	int			locked;

	if (n == 0)
		return;
	if (o2c_stock_pending())
	{
		o2c_put_order(order->company, order_id);
		return;
	}
	locked = (int) o2c_run(&lock_free, O2C_ARGS(o2c_int8(order->company), o2c_datum(o2c_int8_array(products, n)), o2c_cstring(order->location)));
	for (int row = 0; row < locked; row++)
	{
		int64		product = o2c_row_int8(row, 1);
		Numeric		quantity = takeable(products, wanted, product, DatumGetNumeric(o2c_row_copy(row, 2).value));

		if (o2c_sign(quantity) <= 0)
			continue;
		share(order, product, quantity);
		quantities[n_taken] = o2c_datum(NumericGetDatum(quantity));
		taken[n_taken++] = product;
	}
	if (n_taken > 0)
		o2c_run(&take, O2C_ARGS(o2c_int8(order->company), o2c_datum(o2c_int8_array(taken, n_taken)),
								o2c_datum(o2c_datum_array(quantities, n_taken, NUMERICOID)), o2c_cstring(order->location)));
}

/* Called once when the library is loaded. */
void
o2c_stock_init(void)
{
	o2c_reserve_hook = reserve_lines;
}
