/*-------------------------------------------------------------------------
 *
 * reserve.c
 *		Reserves stock for the lines of an order that is placed, before they are
 *		stored.
 *
 * The lines then need no second write.  The counter follows them by the trigger
 * on their insert (stock.c).
 *
 *-------------------------------------------------------------------------
 */
#include "inventory/stock.h"

#include "ordering/draft.h"

#include "core/money.h"
#include "core/plan.h"

/* Takes as much as a line wants of what is free. */
static void
take_stock(O2cDraftLine *line, Numeric *free)
{
	if (o2c_sign(*free) <= 0)
		return;
	line->reserved = o2c_cmp(line->confirmed, *free) < 0 ? line->confirmed : *free;
	*free = o2c_sub(*free, line->reserved);
}

/* Locks the stock of the products, in their order, and hands it out line by line. */
static void
reserve_lines(O2cDraft *order, NullableDatum location)
{
	static O2cPlan lock = O2C_PLAN("SELECT product_id, on_hand - reserved FROM o2c.stock WHERE company_id = $1"
								   " AND product_id = ANY ($2) AND location = $3 ORDER BY product_id FOR NO KEY UPDATE",
								   INT8OID, INT8ARRAYOID, TEXTOID);
	NullableDatum *products = palloc(sizeof(NullableDatum) * order->n);
	uint64		n;

	for (int i = 0; i < order->n; i++)
		products[i] = order->lines[i].product;
	n = o2c_run(&lock, O2C_ARGS(o2c_int8(order->company), o2c_datum(o2c_datum_array(products, order->n, INT8OID)), location));
	for (uint64 row = 0; row < n; row++)
	{
		int64		product = o2c_row_int8(row, 1);
		Numeric		free = DatumGetNumeric(o2c_row_copy(row, 2).value);

		for (int i = 0; i < order->n; i++)
			if (!products[i].isnull && DatumGetInt64(products[i].value) == product)
				take_stock(&order->lines[i], &free);
	}
}

/* Called once when the library is loaded. */
void
o2c_stock_init(void)
{
	o2c_reserve_hook = reserve_lines;
}
