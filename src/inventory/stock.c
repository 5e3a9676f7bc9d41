/*-------------------------------------------------------------------------
 *
 * stock.c
 *		Keeps the stock counters, and reserves.
 *
 * stock.reserved is the sum of the lines' reserved quantities, stock.on_hand
 * the sum of the movements: two statement triggers move them by what changed.
 * Reserving locks the stock rows in product order before it reads them, so two
 * orders cannot both take the last piece and cannot wait for each other in a
 * circle; the constraint stock_never_oversold is the last line for anybody
 * who writes the tables directly.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"

/* Lines that changed, as columns of a statement. */
typedef struct Changed
{
	int64		company;
	int64	   *orders;
	int32	   *lines;
	NullableDatum *products;
	NullableDatum *quantities;
	int			n;
	int			room;
} Changed;

/* Adds a line. */
static void
add_change(Changed *c, int64 order_id, int32 line, int64 product, Numeric quantity)
{
	if (c->n == c->room)
	{
		bool		first = c->room == 0;

		c->room = Max(8, c->room * 2);
		c->orders = first ? palloc(sizeof(int64) * c->room) : repalloc(c->orders, sizeof(int64) * c->room);
		c->lines = first ? palloc(sizeof(int32) * c->room) : repalloc(c->lines, sizeof(int32) * c->room);
		c->products = first ? palloc(sizeof(NullableDatum) * c->room) : repalloc(c->products, sizeof(NullableDatum) * c->room);
		c->quantities = first ? palloc(sizeof(NullableDatum) * c->room) : repalloc(c->quantities, sizeof(NullableDatum) * c->room);
	}
	c->orders[c->n] = order_id;
	c->lines[c->n] = line;
	c->products[c->n] = o2c_int8(product);
	c->quantities[c->n++] = o2c_datum(NumericGetDatum(quantity));
}

/* The columns of order lines that matter here. */
typedef struct LineColumns
{
	int			company;
	int			order;
	int			line;
	int			product;
	int			confirmed;
	int			shipped;
	int			reserved;
} LineColumns;

/* Looks them up. */
static LineColumns
line_columns(Relation rel)
{
	LineColumns c;

	c.company = o2c_column(rel, "company_id");
	c.order = o2c_column(rel, "order_id");
	c.line = o2c_column(rel, "line_no");
	c.product = o2c_column(rel, "product_id");
	c.confirmed = o2c_column(rel, "confirmed_quantity");
	c.shipped = o2c_column(rel, "shipped_quantity");
	c.reserved = o2c_column(rel, "reserved_quantity");
	return c;
}

/* A line number of a row. */
static int32
slot_line(TupleTableSlot *slot, int column)
{
	bool		isnull;

	return DatumGetInt32(o2c_slot_datum(slot, column, &isnull));
}

/* The stock of some order lines, locked in product order. */
static O2cPlan lock_stock = O2C_PLAN("SELECT FROM o2c.stock WHERE company_id = $1 AND (product_id, location) IN"
									 " (SELECT m.product_id, o.location FROM unnest($2, $3) AS m (order_id, product_id)"
									 " JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = m.order_id)"
									 " ORDER BY product_id, location FOR NO KEY UPDATE", INT8OID, INT8ARRAYOID, INT8ARRAYOID);

/* Moves stock.reserved by the changes, with the rows locked in product order. */
static void
move_reserved(const Changed *c)
{
	static O2cPlan move = O2C_PLAN("UPDATE o2c.stock s SET reserved = s.reserved + m.quantity FROM"
								   " (SELECT m.product_id, o.location, sum(m.quantity) AS quantity"
								   " FROM unnest($2, $3, $4) AS m (order_id, product_id, quantity)"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = m.order_id GROUP BY 1, 2) m"
								   " WHERE s.company_id = $1 AND s.product_id = m.product_id AND s.location = m.location",
								   INT8OID, INT8ARRAYOID, INT8ARRAYOID, NUMERICARRAYOID);
	Datum		orders,
				products;

	if (c->n == 0)
		return;
	orders = o2c_int8_array(c->orders, c->n);
	products = o2c_datum_array(c->products, c->n, INT8OID);
	if (c->n > 1)
		o2c_run(&lock_stock, O2C_ARGS(o2c_int8(c->company), o2c_datum(orders), o2c_datum(products)));
	o2c_run(&move, O2C_ARGS(o2c_int8(c->company), o2c_datum(orders), o2c_datum(products),
							o2c_datum(o2c_datum_array(c->quantities, c->n, NUMERICOID))));
}

/* What is free of the stock of some lines: locked, in product order, one entry a line. */
static uint64
lock_free_stock(const Changed *c)
{
	/* what the lines before this one want goes off first */
	static O2cPlan share = O2C_PLAN("SELECT w.order_id, w.line_no, least(w.quantity, w.free - w.before) FROM"
									" (SELECT m.order_id, m.line_no, m.quantity, s.on_hand - s.reserved AS free,"
									" sum(m.quantity) OVER (PARTITION BY m.product_id, o.location ORDER BY m.n) - m.quantity AS before"
									" FROM unnest($2, $3, $4, $5) WITH ORDINALITY AS m (order_id, product_id, line_no, quantity, n)"
									" JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = m.order_id"
									" JOIN o2c.stock s ON s.company_id = $1 AND s.product_id = m.product_id AND s.location = o.location) w"
									" WHERE w.free > w.before", INT8OID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, NUMERICARRAYOID);
	NullableDatum *lines = palloc(sizeof(NullableDatum) * c->n);
	Datum		orders = o2c_int8_array(c->orders, c->n);
	Datum		products = o2c_datum_array(c->products, c->n, INT8OID);

	for (int i = 0; i < c->n; i++)
		lines[i] = o2c_int4(c->lines[i]);
	if (o2c_run(&lock_stock, O2C_ARGS(o2c_int8(c->company), o2c_datum(orders), o2c_datum(products))) == 0)
		return 0;
	return o2c_run(&share, O2C_ARGS(o2c_int8(c->company), o2c_datum(orders), o2c_datum(products),
									o2c_datum(o2c_datum_array(lines, c->n, INT4OID)),
									o2c_datum(o2c_datum_array(c->quantities, c->n, NUMERICOID))));
}

/* Reserves what is there for some lines, the first line first; the rest stays on backorder. */
static void
reserve(const Changed *c)
{
	static O2cPlan take = O2C_PLAN("UPDATE o2c.order_line l SET reserved_quantity = l.reserved_quantity + t.quantity"
								   " FROM unnest($2, $3, $4) AS t (order_id, line_no, quantity)"
								   " WHERE l.company_id = $1 AND l.order_id = t.order_id AND l.line_no = t.line_no",
								   INT8OID, INT8ARRAYOID, INT4ARRAYOID, NUMERICARRAYOID);
	int			n = c->n == 0 ? 0 : (int) lock_free_stock(c);
	NullableDatum *columns[3];

	if (n == 0)
		return;
	for (int k = 0; k < 3; k++)
		columns[k] = palloc(sizeof(NullableDatum) * n);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < 3; k++)
			columns[k][i] = o2c_row_copy(i, k + 1);
	o2c_run(&take, O2C_ARGS(o2c_int8(c->company), o2c_datum(o2c_datum_array(columns[0], n, INT8OID)),
							o2c_datum(o2c_datum_array(columns[1], n, INT4OID)),
							o2c_datum(o2c_datum_array(columns[2], n, NUMERICOID))));
}

/* Sorts one changed line into what moves the counter and what wants stock. */
static void
sort_change(const LineColumns *k, const O2cChanges *changes, Changed *moved, Changed *wanting)
{
	TupleTableSlot *row = changes->after;
	int64		product = o2c_slot_int8(row, k->product);
	Numeric		reserved = o2c_slot_numeric(row, k->reserved);
	Numeric		delta = o2c_sub(reserved, o2c_slot_numeric(changes->before, k->reserved));
	Numeric		confirmed = o2c_slot_numeric(row, k->confirmed);
	int64		order_id = o2c_slot_int8(row, k->order);

	if (product == 0)
		return;
	if (o2c_sign(delta) != 0)
		add_change(moved, order_id, 0, product, delta);
	if (o2c_cmp(confirmed, o2c_slot_numeric(changes->before, k->confirmed)) > 0)
		add_change(wanting, order_id, slot_line(row, k->line), product,
				   o2c_sub(o2c_sub(confirmed, o2c_slot_numeric(row, k->shipped)), reserved));
}

PG_FUNCTION_INFO_V1(o2c_keep_reserved);
/* o2c._keep_reserved(): after each update of order lines */
Datum
o2c_keep_reserved(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._keep_reserved", O2C_AFTER_STATEMENT, 0);
	LineColumns columns = line_columns(trigdata->tg_relation);
	Changed		moved = {0};
	Changed		wanting = {0};
	O2cChanges	changes;

	o2c_connect();
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		int64		company = o2c_slot_int8(changes.after, columns.company);

		if (company != moved.company)
		{
			move_reserved(&moved);
			reserve(&wanting);
			moved.n = wanting.n = 0;
			moved.company = wanting.company = company;
		}
		sort_change(&columns, &changes, &moved, &wanting);
	}
	o2c_changes_end(&changes);
	move_reserved(&moved);
	reserve(&wanting);
	o2c_finish();
	return PointerGetDatum(NULL);
}

/* Gives stock that came in to the lines that wait for it, the earliest wish first. */
static void
serve_backorders(int64 company, Datum products, Datum locations)
{
	static O2cPlan find = O2C_PLAN("SELECT l.order_id, l.line_no, l.product_id, l.confirmed_quantity - l.shipped_quantity - l.reserved_quantity"
								   " FROM o2c.order_line l"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = l.order_id AND o.location = ANY ($3)"
								   " WHERE l.company_id = $1 AND l.product_id = ANY ($2) AND l.kind = 'item'"
								   " AND l.confirmed_quantity > l.shipped_quantity + l.reserved_quantity"
								   " ORDER BY coalesce(o.requested_on, o.ordered_on), l.order_id, l.line_no",
								   INT8OID, INT8ARRAYOID, TEXTARRAYOID);
	Changed		wanting = {.company = company};
	int			n = (int) o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(products), o2c_datum(locations)));

	for (int i = 0; i < n; i++)
		add_change(&wanting, o2c_row_int8(i, 1), o2c_row_int4(i, 2), o2c_row_int8(i, 3), DatumGetNumeric(o2c_row_copy(i, 4).value));
	reserve(&wanting);
}

/* Movements of one company, as columns of a statement. */
typedef struct Movements
{
	int64		company;
	int64	   *products;
	char	  **locations;
	NullableDatum *quantities;
	int			n;
	bool		came_in;
} Movements;

/* Moves stock.on_hand by some movements, with the rows locked in product order. */
static void
move_on_hand(Movements *m)
{
	static O2cPlan lock = O2C_PLAN("SELECT FROM o2c.stock WHERE company_id = $1 AND (product_id, location) IN"
								   " (SELECT * FROM unnest($2, $3)) ORDER BY product_id, location FOR NO KEY UPDATE",
								   INT8OID, INT8ARRAYOID, TEXTARRAYOID);
	static O2cPlan move = O2C_PLAN("UPDATE o2c.stock s SET on_hand = s.on_hand + m.quantity FROM"
								   " (SELECT u.product_id, u.location, sum(u.quantity) AS quantity"
								   " FROM unnest($2, $3, $4) AS u (product_id, location, quantity) GROUP BY 1, 2) m"
								   " WHERE s.company_id = $1 AND s.product_id = m.product_id AND s.location = m.location",
								   INT8OID, INT8ARRAYOID, TEXTARRAYOID, NUMERICARRAYOID);
	Datum		products,
				locations;

	if (m->n == 0)
		return;
	products = o2c_int8_array(m->products, m->n);
	locations = o2c_text_array(m->locations, m->n);
	if (m->n > 1)
		o2c_run(&lock, O2C_ARGS(o2c_int8(m->company), o2c_datum(products), o2c_datum(locations)));
	o2c_run(&move, O2C_ARGS(o2c_int8(m->company), o2c_datum(products), o2c_datum(locations),
							o2c_datum(o2c_datum_array(m->quantities, m->n, NUMERICOID))));
	if (m->came_in)
		serve_backorders(m->company, products, locations);
	m->n = 0;
	m->came_in = false;
}

#define MOVEMENT_BATCH 4096

PG_FUNCTION_INFO_V1(o2c_keep_on_hand);
/* o2c._keep_on_hand(): after each insert of movements */
Datum
o2c_keep_on_hand(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._keep_on_hand", O2C_AFTER_STATEMENT, 0);
	int			company_column = o2c_column(trigdata->tg_relation, "company_id");
	int			product_column = o2c_column(trigdata->tg_relation, "product_id");
	int			location_column = o2c_column(trigdata->tg_relation, "location");
	int			quantity_column = o2c_column(trigdata->tg_relation, "quantity");
	O2cChanges	changes;
	Movements	m = {0};

	o2c_connect();
	m.products = palloc(sizeof(int64) * MOVEMENT_BATCH);
	m.locations = palloc(sizeof(char *) * MOVEMENT_BATCH);
	m.quantities = palloc(sizeof(NullableDatum) * MOVEMENT_BATCH);
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		int64		company = o2c_slot_int8(changes.after, company_column);
		Numeric		quantity = o2c_slot_numeric(changes.after, quantity_column);

		if (m.n == MOVEMENT_BATCH || company != m.company)
			move_on_hand(&m);
		m.company = company;
		m.products[m.n] = o2c_slot_int8(changes.after, product_column);
		m.locations[m.n] = o2c_slot_text(changes.after, location_column);
		m.quantities[m.n++] = o2c_datum(NumericGetDatum(quantity));
		m.came_in |= o2c_sign(quantity) > 0;
	}
	move_on_hand(&m);
	o2c_changes_end(&changes);
	o2c_finish();
	return PointerGetDatum(NULL);
}
