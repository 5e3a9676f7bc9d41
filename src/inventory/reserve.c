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

/*
 * Locks the stock of some products, in their order, and takes what is wanted of
 * it, as far as it is there: of the row as whoever was waited for left it.
 */
static O2cPlan take = O2C_PLAN(
	"WITH locked AS (SELECT product_id, least(($3)[array_position($2, product_id)], on_hand - reserved) AS taken"
	" FROM o2c.stock WHERE company_id = $1 AND product_id = ANY ($2) AND location = $4 ORDER BY product_id FOR NO KEY UPDATE)"
	" UPDATE o2c.stock s SET reserved = s.reserved + l.taken FROM locked l"
	" WHERE s.company_id = $1 AND s.product_id = l.product_id AND s.location = $4"
	" RETURNING s.product_id, l.taken",
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

/* Reserves what is there for all lines; at the end of the command where it has put off other work on stock (pending.c). */
static void
reserve_lines(O2cDraft *order, int64 order_id)
{
	int64	   *products = palloc(sizeof(int64) * order->n);
	Numeric    *wanted = palloc(sizeof(Numeric) * order->n);
	int			n = sum_wishes(order, products, wanted);
	NullableDatum *quantities = palloc(sizeof(NullableDatum) * order->n);
	int			taken;

	if (n == 0)
		return;
	if (o2c_stock_pending())
	{
		o2c_put_order(order->company, order_id);
		return;
	}
	for (int p = 0; p < n; p++)
		quantities[p] = o2c_datum(NumericGetDatum(wanted[p]));
	taken = (int) o2c_run(&take, O2C_ARGS(o2c_int8(order->company), o2c_datum(o2c_int8_array(products, n)),
										  o2c_datum(o2c_datum_array(quantities, n, NUMERICOID)), o2c_cstring(order->location)));
	for (int row = 0; row < taken; row++)
		share(order, o2c_row_int8(row, 1), DatumGetNumeric(o2c_row_copy(row, 2).value));
}

/* Called once when the library is loaded. */
void
o2c_stock_init(void)
{
	o2c_reserve_hook = reserve_lines;
}
