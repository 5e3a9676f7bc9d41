/*-------------------------------------------------------------------------
 *
 * stock.c
 *		Keeps the stock counters, and reserves.
 *
 * stock.reserved is the sum of the lines' reserved quantities, stock.on_hand
 * the sum of the movements: two statement triggers move them by what changed
 * (a shipment takes its goods and their reservation off in one step).
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
#include "party/customer.h"

#define BOOLARRAY 1000			/* pg_type.dat has no symbol for boolean[] */

/* Lines that changed, as columns of a statement. */
typedef struct Changed
{
	int64		company;
	int64	   *orders;
	NullableDatum *products;
	NullableDatum *quantities;
	int			n;
	int			room;
} Changed;

/* Adds a line. */
static void
add_change(Changed *c, int64 order_id, int64 product, Numeric quantity)
{
	if (c->n == c->room)
	{
		bool		first = c->room == 0;

		c->room = Max(8, c->room * 2);
		c->orders = first ? palloc(sizeof(int64) * c->room) : repalloc(c->orders, sizeof(int64) * c->room);
		c->products = first ? palloc(sizeof(NullableDatum) * c->room) : repalloc(c->products, sizeof(NullableDatum) * c->room);
		c->quantities = first ? palloc(sizeof(NullableDatum) * c->room) : repalloc(c->quantities, sizeof(NullableDatum) * c->room);
	}
	c->orders[c->n] = order_id;
	c->products[c->n] = o2c_int8(product);
	c->quantities[c->n++] = o2c_datum(NumericGetDatum(quantity));
}

/* The columns of order lines that matter here. */
typedef struct LineColumns
{
	int			company;
	int			order;
	int			product;
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
	c.product = o2c_column(rel, "product_id");
	c.shipped = o2c_column(rel, "shipped_quantity");
	c.reserved = o2c_column(rel, "reserved_quantity");
	return c;
}

/* Moves stock.reserved by the changes, in product order. */
static void
move_reserved(const Changed *c)
{
	static O2cPlan move = O2C_PLAN("UPDATE o2c.stock s SET reserved = s.reserved + m.quantity FROM"
								   " (SELECT m.product_id, o.location, sum(m.quantity) AS quantity"
								   " FROM unnest($2, $3, $4) AS m (order_id, product_id, quantity)"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = m.order_id"
								   " GROUP BY 1, 2 ORDER BY 1, 2) m"
								   " WHERE s.company_id = $1 AND s.product_id = m.product_id AND s.location = m.location",
								   INT8OID, INT8ARRAYOID, INT8ARRAYOID, NUMERICARRAYOID);

	if (c->n > 0)
		o2c_run(&move, O2C_ARGS(o2c_int8(c->company), o2c_datum(o2c_int8_array(c->orders, c->n)),
								o2c_datum(o2c_datum_array(c->products, c->n, INT8OID)),
								o2c_datum(o2c_datum_array(c->quantities, c->n, NUMERICOID))));
}

/* The stock of some order lines, locked in product order. */
static O2cPlan lock_stock = O2C_PLAN(
	"SELECT FROM o2c.stock WHERE company_id = $1 AND (product_id, location) IN"
	" (SELECT l.product_id, o.location FROM o2c.sales_order o"
	" JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = o.order_id"
	" WHERE o.company_id = $1 AND o.order_id = ANY ($2) AND ($3 IS NULL OR l.product_id = ANY ($3)))"
	" ORDER BY product_id, location FOR NO KEY UPDATE", INT8OID, INT8ARRAYOID, INT8ARRAYOID);

/*
 * Confirms the lines of some orders as far as they are not, and reserves what
 * is there: the earliest wish first, less what the lines before it want.
 */
static O2cPlan confirm_lines = O2C_PLAN(
	"UPDATE o2c.order_line l SET confirmed_quantity = w.confirmed,"
	" reserved_quantity = l.reserved_quantity + greatest(least(w.quantity, w.free - w.before), 0)"
	" FROM (SELECT l.order_id, l.line_no, l.quantity - l.cancelled_quantity AS confirmed,"
	" l.quantity - l.cancelled_quantity - l.shipped_quantity - l.reserved_quantity AS quantity,"
	" coalesce(s.on_hand - s.reserved, 0) AS free,"
	" sum(l.quantity - l.cancelled_quantity - l.shipped_quantity - l.reserved_quantity)"
	" OVER (PARTITION BY l.product_id, o.location ORDER BY coalesce(o.requested_on, o.ordered_on), l.order_id, l.line_no)"
	" - (l.quantity - l.cancelled_quantity - l.shipped_quantity - l.reserved_quantity) AS before"
	" FROM o2c.sales_order o JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = o.order_id"
	" LEFT JOIN o2c.stock s ON s.company_id = $1 AND s.product_id = l.product_id AND s.location = o.location"
	" WHERE o.company_id = $1 AND o.order_id = ANY ($2) AND ($3 IS NULL OR l.product_id = ANY ($3))) w"
	" WHERE l.company_id = $1 AND l.order_id = w.order_id AND l.line_no = w.line_no"
	" AND (l.confirmed_quantity <> w.confirmed OR (w.quantity > 0 AND w.free > w.before))",
	INT8OID, INT8ARRAYOID, INT8ARRAYOID);

/* Confirms and reserves; of all products, or of some. */
static void
reserve(int64 company, Datum orders, NullableDatum products)
{
	/* the locks are waited for first, then a new statement reads what they left */
	o2c_run(&lock_stock, O2C_ARGS(o2c_int8(company), o2c_datum(orders), products));
	o2c_run(&confirm_lines, O2C_ARGS(o2c_int8(company), o2c_datum(orders), products));
}

PG_FUNCTION_INFO_V1(o2c_confirm_lines);
/* o2c._confirm_lines(): after an order was confirmed */
Datum
o2c_confirm_lines(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._confirm_lines", O2C_AFTER_ROW, 0);
	int64		order_id = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "order_id");

	o2c_connect();
	reserve(o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id"), o2c_int8_array(&order_id, 1), O2C_NULL);
	o2c_finish();
	return PointerGetDatum(NULL);
}

/* Adds what a line gives to or takes from stock.reserved; what ships goes with its movement. */
static void
add_line(const LineColumns *k, const O2cChanges *changes, Changed *moved)
{
	Numeric		delta = o2c_sub(o2c_add(o2c_slot_numeric(changes->after, k->reserved), o2c_slot_numeric(changes->after, k->shipped)),
								o2c_add(o2c_slot_numeric(changes->before, k->reserved), o2c_slot_numeric(changes->before, k->shipped)));

	if (o2c_sign(delta) != 0 && o2c_slot_int8(changes->after, k->product) != 0)
		add_change(moved, o2c_slot_int8(changes->after, k->order), o2c_slot_int8(changes->after, k->product), delta);
}

PG_FUNCTION_INFO_V1(o2c_keep_reserved);
/* o2c._keep_reserved(): after each update of order lines */
Datum
o2c_keep_reserved(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._keep_reserved", O2C_AFTER_STATEMENT, 0);
	LineColumns columns = line_columns(trigdata->tg_relation);
	Changed		moved = {0};
	O2cChanges	changes;

	o2c_connect();
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		int64		company = o2c_slot_int8(changes.after, columns.company);

		if (company != moved.company)
		{
			move_reserved(&moved);
			moved.n = 0;
			moved.company = company;
		}
		add_line(&columns, &changes, &moved);
	}
	o2c_changes_end(&changes);
	move_reserved(&moved);
	o2c_finish();
	return PointerGetDatum(NULL);
}

/*
 * The customers whose lines wait for some products, with their groups locked:
 * before the stock is, as everywhere (party/customer.c).
 */
static NullableDatum
lock_waiting(int64 company, Datum products, Datum locations)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(DISTINCT o.customer_id) FROM o2c.order_line l"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = l.order_id AND o.location = ANY ($3)"
								   " WHERE l.company_id = $1 AND l.product_id = ANY ($2) AND l.kind = 'item'"
								   " AND l.confirmed_quantity > l.shipped_quantity + l.reserved_quantity",
								   INT8OID, INT8ARRAYOID, TEXTARRAYOID);
	NullableDatum customers;

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(products), o2c_datum(locations)));
	customers = o2c_row_copy(0, 1);
	if (!customers.isnull)
		o2c_lock_customer_array(company, customers.value);
	return customers;
}

/* Gives stock that came in to the lines of some customers that wait for it. */
static void
serve_backorders(int64 company, Datum products, Datum locations, NullableDatum customers)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(DISTINCT l.order_id) FROM o2c.order_line l"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = l.order_id"
								   " AND o.location = ANY ($3) AND o.customer_id = ANY ($4)"
								   " WHERE l.company_id = $1 AND l.product_id = ANY ($2) AND l.kind = 'item'"
								   " AND l.confirmed_quantity > l.shipped_quantity + l.reserved_quantity",
								   INT8OID, INT8ARRAYOID, TEXTARRAYOID, INT8ARRAYOID);
	NullableDatum orders;

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(products), o2c_datum(locations), customers));
	orders = o2c_row_copy(0, 1);
	if (!orders.isnull)
		reserve(company, orders.value, o2c_datum(products));
}

/* Movements of one company, as columns of a statement. */
typedef struct Movements
{
	int64		company;
	int64	   *products;
	char	  **locations;
	NullableDatum *quantities;
	NullableDatum *shipments;
	int			n;
	bool		came_in;
} Movements;

/* Moves stock.on_hand by some movements, in product order; what ships was reserved. */
static void
move_on_hand(Movements *m)
{
	static O2cPlan move = O2C_PLAN("UPDATE o2c.stock s SET on_hand = s.on_hand + m.quantity, reserved = s.reserved + m.shipped FROM"
								   " (SELECT u.product_id, u.location, sum(u.quantity) AS quantity,"
								   " sum(CASE WHEN u.shipment THEN u.quantity ELSE 0 END) AS shipped"
								   " FROM unnest($2, $3, $4, $5) AS u (product_id, location, quantity, shipment)"
								   " GROUP BY 1, 2 ORDER BY 1, 2) m"
								   " WHERE s.company_id = $1 AND s.product_id = m.product_id AND s.location = m.location",
								   INT8OID, INT8ARRAYOID, TEXTARRAYOID, NUMERICARRAYOID, BOOLARRAY);
	Datum		products,
				locations;
	NullableDatum waiting = O2C_NULL;

	if (m->n == 0)
		return;
	products = o2c_int8_array(m->products, m->n);
	locations = o2c_text_array(m->locations, m->n);
	if (m->came_in)
		waiting = lock_waiting(m->company, products, locations);
	o2c_run(&move, O2C_ARGS(o2c_int8(m->company), o2c_datum(products), o2c_datum(locations),
							o2c_datum(o2c_datum_array(m->quantities, m->n, NUMERICOID)),
							o2c_datum(o2c_datum_array(m->shipments, m->n, BOOLOID))));
	if (!waiting.isnull)
		serve_backorders(m->company, products, locations, waiting);
	m->n = 0;
	m->came_in = false;
}

/* Whether a movement takes its reservation along; only the engine ships, because the lines must move with the goods. */
static bool
is_shipment(Relation rel, const char *kind)
{
	if (strcmp(kind, "shipment") != 0)
		return false;
	if (!o2c_inside_engine())
		ereport(ERROR,
				(errcode(ERRCODE_O2C_IMMUTABLE),
				 errmsg("a shipment is not a movement to write"),
				 errhint("Use o2c.ship_order(), or an adjustment."),
				 errtable(rel)));
	return true;
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
	int			kind_column = o2c_column(trigdata->tg_relation, "kind");
	O2cChanges	changes;
	Movements	m = {0};

	o2c_connect();
	m.products = palloc(sizeof(int64) * MOVEMENT_BATCH);
	m.locations = palloc(sizeof(char *) * MOVEMENT_BATCH);
	m.quantities = palloc(sizeof(NullableDatum) * MOVEMENT_BATCH);
	m.shipments = palloc(sizeof(NullableDatum) * MOVEMENT_BATCH);
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
		m.shipments[m.n] = o2c_bool(is_shipment(trigdata->tg_relation, o2c_slot_text(changes.after, kind_column)));
		m.quantities[m.n++] = o2c_datum(NumericGetDatum(quantity));
		m.came_in |= o2c_sign(quantity) > 0;
	}
	move_on_hand(&m);
	o2c_changes_end(&changes);
	o2c_finish();
	return PointerGetDatum(NULL);
}
