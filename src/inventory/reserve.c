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

#include "ordering/draft.h"

#include "core/money.h"
#include "core/plan.h"

/* Gives the lines of a product what is free, one after the other; returns what they took. */
static Numeric
take_stock(O2cDraft *order, int64 product, Numeric free)
{
	Numeric		left = free;

	for (int i = 0; i < order->n && o2c_sign(left) > 0; i++)
	{
		O2cDraftLine *line = &order->lines[i];

		if (line->product.isnull || DatumGetInt64(line->product.value) != product)
			continue;
		line->reserved = o2c_cmp(line->confirmed, left) < 0 ? line->confirmed : left;
		left = o2c_sub(left, line->reserved);
	}
	return o2c_sub(free, left);
}

/* Locks the stock of an order's products, in their order; what is free of each is in the rows. */
static uint64
lock_products(const O2cDraft *order, NullableDatum location)
{
	static O2cPlan lock = O2C_PLAN("SELECT product_id, on_hand - reserved FROM o2c.stock WHERE company_id = $1"
								   " AND product_id = ANY ($2) AND location = $3 ORDER BY product_id FOR NO KEY UPDATE",
								   INT8OID, INT8ARRAYOID, TEXTOID);
	NullableDatum *products = palloc(sizeof(NullableDatum) * order->n);

	for (int i = 0; i < order->n; i++)
		products[i] = order->lines[i].product;
	return o2c_run(&lock, O2C_ARGS(o2c_int8(order->company), o2c_datum(o2c_datum_array(products, order->n, INT8OID)), location));
}

/* Reserves what is there for all lines. */
static void
reserve_lines(O2cDraft *order, NullableDatum location)
{
	static O2cPlan move = O2C_PLAN("UPDATE o2c.stock s SET reserved = s.reserved + m.quantity"
								   " FROM unnest($2, $3) AS m (product_id, quantity)"
								   " WHERE s.company_id = $1 AND s.product_id = m.product_id AND s.location = $4",
								   INT8OID, INT8ARRAYOID, NUMERICARRAYOID, TEXTOID);
	int			n = (int) lock_products(order, location);
	NullableDatum *products = palloc(sizeof(NullableDatum) * Max(n, 1));
	NullableDatum *taken = palloc(sizeof(NullableDatum) * Max(n, 1));

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		products[i] = o2c_row_copy(i, 1);
		taken[i] = o2c_datum(NumericGetDatum(take_stock(order, DatumGetInt64(products[i].value), DatumGetNumeric(o2c_row_copy(i, 2).value))));
	}
	o2c_run(&move, O2C_ARGS(o2c_int8(order->company), o2c_datum(o2c_datum_array(products, n, INT8OID)),
							o2c_datum(o2c_datum_array(taken, n, NUMERICOID)), location));
}

/* Called once when the library is loaded. */
void
o2c_stock_init(void)
{
	o2c_reserve_hook = reserve_lines;
}
