/*-------------------------------------------------------------------------
 *
 * ship.c
 *		o2c.ship_order(): goods of an order leave the house.
 *
 * Holds are looked at here, under the group's lock and not before, so that a
 * release or a suspension between picking and leaving counts.  What ships is
 * what is reserved; charges such as freight fall due with the first shipment.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "control/checkpoint.h"
#include "core/clock.h"
#include "core/command.h"
#include "core/money.h"
#include "core/number.h"
#include "core/plan.h"
#include "ordering/order.h"
#include "shipping/wish.h"

/* A line of the order, and how much of it ships now. */
typedef struct ShipLine
{
	int32		line_no;
	char	   *sku;
	NullableDatum product;
	bool		stocked;
	bool		charge;
	Numeric		available;		/* reserved, or open where nothing is stocked */
	Numeric		quantity;		/* NULL until it is known to ship */
} ShipLine;

typedef struct ShipOrder
{
	int64		company;
	int64		order_id;
	char	   *state;
	NullableDatum location;
	O2cCase		document;
	ShipLine   *lines;
	int			n;
} ShipOrder;

/* Locks the group of the order's customer, so that its state and its holds stay as they are read. */
static void
lock_order(const ShipOrder *order)
{
	static O2cPlan lock = O2C_PLAN("SELECT FROM o2c.customer WHERE company_id = $1 AND customer_id ="
								   " (SELECT c.group_id FROM o2c.sales_order o"
								   " JOIN o2c.customer c ON c.company_id = $1 AND c.customer_id = o.customer_id"
								   " WHERE o.company_id = $1 AND o.order_id = $2) FOR NO KEY UPDATE", INT8OID, INT8OID);

	if (o2c_run(&lock, O2C_ARGS(o2c_int8(order->company), o2c_int8(order->order_id))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no order %lld", (long long) order->company, (long long) order->order_id)));
}

/* The order with its lines. */
static O2cPlan read_lines = O2C_PLAN(
	"SELECT l.line_no, p.sku, l.product_id, coalesce(p.stocked, false), l.kind = 'charge',"
	" CASE WHEN p.stocked THEN l.reserved_quantity ELSE l.confirmed_quantity - l.shipped_quantity END,"
	" o.state, o.location, o.customer_id, o.total_amount, o.currency, o.credit_rate"
	" FROM o2c.sales_order o JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = o.order_id"
	" LEFT JOIN o2c.product p ON p.company_id = $1 AND p.product_id = l.product_id"
	" WHERE o.company_id = $1 AND o.order_id = $2 ORDER BY l.line_no", INT8OID, INT8OID);

/* Takes over what the rows say of the order itself. */
static void
take_head(ShipOrder *order)
{
	order->state = o2c_row_text(0, 7);
	order->location = o2c_row_copy(0, 8);
	order->document.company = order->company;
	order->document.checkpoint = "ship";
	order->document.object_type = "shipment";
	order->document.object_id = order->document.order_id = order->order_id;
	order->document.customer = o2c_row_int8(0, 9);
	order->document.amount = DatumGetNumeric(o2c_row_copy(0, 10).value);
	order->document.currency = o2c_row_text(0, 11);
	order->document.credit_rate = DatumGetNumeric(o2c_row_copy(0, 12).value);
	order->document.day = o2c_today();
}

/* Reads the order with its lines. */
static void
read_order(ShipOrder *order)
{
	order->n = (int) o2c_run(&read_lines, O2C_ARGS(o2c_int8(order->company), o2c_int8(order->order_id)));
	if (order->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("order %lld has no lines", (long long) order->order_id)));
	take_head(order);
	order->lines = palloc0(sizeof(ShipLine) * order->n);
	for (int i = 0; i < order->n; i++)
	{
		ShipLine   *line = &order->lines[i];

		line->line_no = o2c_row_int4(i, 1);
		line->sku = o2c_row_text(i, 2);
		line->product = o2c_row_copy(i, 3);
		line->stocked = o2c_row_bool(i, 4);
		line->charge = o2c_row_bool(i, 5);
		line->available = DatumGetNumeric(o2c_row_copy(i, 6).value);
	}
}

/* Refuses an order that is not confirmed, or that a hold or a rule of the checkpoint "ship" stops. */
static void
check_may_ship(const ShipOrder *order)
{
	bool		held = strcmp(order->state, "held") == 0;
	char	   *why = "Its customer is on hold.";

	if (!held && strcmp(order->state, "confirmed") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("order %lld is %s and cannot ship", (long long) order->order_id, order->state)));
	if (o2c_checkpoint(&order->document, &why) >= O2C_HOLD || held)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_ON_HOLD),
				 errmsg("order %lld is on hold and must not ship", (long long) order->order_id),
				 errdetail("%s", why),
				 errhint("Remove the cause, or release the hold with o2c.release_hold(hold, reason).")));
}

/* The line that a wish names and no earlier one. */
static ShipLine *
wished_line(ShipOrder *order, const O2cWish *wish)
{
	for (int i = 0; i < order->n; i++)
		if (order->lines[i].quantity == NULL && o2c_is_wished(wish, order->lines[i].line_no, order->lines[i].sku))
			return &order->lines[i];
	o2c_refuse_wish(wish, "order", order->order_id);
	return NULL;				/* keep compiler quiet */
}

/* Takes the quantities that the caller wishes. */
static void
take_wishes(ShipOrder *order, Jsonb *wishes)
{
	JsonbValue *objects;
	int			n = o2c_json_objects(wishes, "lines", &objects);

	for (int i = 0; i < n; i++)
	{
		O2cWish		wish = o2c_read_wish(&objects[i], i + 1);
		ShipLine   *line = wished_line(order, &wish);

		line->quantity = wish.quantity == NULL ? line->available : wish.quantity;
		if (wish.quantity != NULL && (numeric_is_nan(wish.quantity) || o2c_sign(wish.quantity) <= 0))
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
					 errmsg("line %d: quantity %s is out of range", line->line_no, o2c_numeric_text(line->quantity))));
		if (o2c_sign(line->quantity) <= 0 || o2c_cmp(line->quantity, line->available) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INSUFFICIENT_STOCK),
					 errmsg("line %d: %s wished, %s can ship", line->line_no, o2c_numeric_text(line->quantity), o2c_numeric_text(line->available)),
					 errhint("Only reserved stock ships; o2c.receive_stock() serves backorders.")));
	}
}

/* Decides what ships: the wishes, else all that is reserved; charges with the first goods. */
static void
choose_lines(ShipOrder *order, Jsonb *wishes)
{
	bool		goods = false;

	if (wishes != NULL)
		take_wishes(order, wishes);
	for (int i = 0; i < order->n; i++)
	{
		ShipLine   *line = &order->lines[i];

		if (wishes == NULL && !line->charge && o2c_sign(line->available) > 0)
			line->quantity = line->available;
		goods |= !line->charge && line->quantity != NULL;
	}
	if (!goods)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INSUFFICIENT_STOCK),
				 errmsg("nothing of order %lld can ship", (long long) order->order_id),
				 errdetail("No stock is reserved for its open lines."),
				 errhint("o2c.receive_stock() serves backorders.")));
	for (int i = 0; i < order->n; i++)
		if (order->lines[i].charge && o2c_sign(order->lines[i].available) > 0)
			order->lines[i].quantity = order->lines[i].available;
}

/* Stores the shipment. */
static int64
insert_shipment(const ShipOrder *order, DateADT shipped_on, NullableDatum carrier)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.shipment (company_id, number, order_id, customer_id, carrier_id, shipped_on)"
									 " VALUES ($1, $2, $3, $4, (SELECT carrier_id FROM o2c.carrier WHERE company_id = $1 AND code = $5), $6)"
									 " RETURNING shipment_id, carrier_id",
									 INT8OID, TEXTOID, INT8OID, INT8OID, TEXTOID, DATEOID);
	O2cNumbers	drawn = o2c_draw_numbers(order->company, "shipment", shipped_on, 1);

	o2c_run(&insert, O2C_ARGS(o2c_int8(order->company), o2c_cstring(o2c_format_number(&drawn, 0)), o2c_int8(order->order_id),
							  o2c_int8(order->document.customer), carrier, o2c_date(shipped_on)));
	if (!carrier.isnull && o2c_row_int8(0, 2) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no carrier \"%s\"", (long long) order->company, TextDatumGetCString(carrier.value)),
				 errhint("Carriers are found by their code in o2c.carrier.")));
	return o2c_row_int8(0, 1);
}

/* The lines that ship, as columns. */
typedef struct ShipColumns
{
	NullableDatum *lines;
	NullableDatum *quantities;
	NullableDatum *products;
	NullableDatum *reserved;
	int			n;
} ShipColumns;

/* Collects them. */
static ShipColumns
ship_columns(const ShipOrder *order)
{
	ShipColumns c = {.n = 0};

	c.lines = palloc(sizeof(NullableDatum) * order->n);
	c.quantities = palloc(sizeof(NullableDatum) * order->n);
	c.products = palloc(sizeof(NullableDatum) * order->n);
	c.reserved = palloc(sizeof(NullableDatum) * order->n);
	for (int i = 0; i < order->n; i++)
	{
		const ShipLine *line = &order->lines[i];

		if (line->quantity == NULL)
			continue;
		c.lines[c.n] = o2c_int4(line->line_no);
		c.quantities[c.n] = o2c_datum(NumericGetDatum(line->quantity));
		c.products[c.n] = line->stocked ? line->product : O2C_NULL;
		c.reserved[c.n] = o2c_datum(NumericGetDatum(line->stocked ? line->quantity : o2c_zero()));
		c.n++;
	}
	return c;
}

/* Moves the quantities: lines, shipment lines, then the goods out of the stock. */
static void
move_goods(const ShipOrder *order, int64 shipment, DateADT shipped_on)
{
	/* the lines come first: their trigger leaves what ships to the one on the movements */
	static O2cPlan lines = O2C_PLAN("UPDATE o2c.order_line l SET shipped_quantity = l.shipped_quantity + s.quantity,"
									" reserved_quantity = l.reserved_quantity - s.reserved"
									" FROM unnest($3, $4, $5) AS s (line_no, quantity, reserved)"
									" WHERE l.company_id = $1 AND l.order_id = $2 AND l.line_no = s.line_no",
									INT8OID, INT8OID, INT4ARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID);
	static O2cPlan shipment_lines = O2C_PLAN("INSERT INTO o2c.shipment_line (company_id, shipment_id, order_id, line_no, quantity)"
											 " SELECT $1, $2, $3, s.line_no, s.quantity FROM unnest($4, $5) AS s (line_no, quantity)",
											 INT8OID, INT8OID, INT8OID, INT4ARRAYOID, NUMERICARRAYOID);
	static O2cPlan movements = O2C_PLAN("INSERT INTO o2c.stock_movement (company_id, product_id, location, kind, quantity, effective_on, order_id, line_no)"
										" SELECT $1, s.product_id, $3, 'shipment', - s.quantity, $4, $2, s.line_no"
										" FROM unnest($5, $6, $7) AS s (product_id, line_no, quantity) WHERE s.product_id IS NOT NULL",
										INT8OID, INT8OID, TEXTOID, DATEOID, INT8ARRAYOID, INT4ARRAYOID, NUMERICARRAYOID);
	ShipColumns c = ship_columns(order);
	NullableDatum company = o2c_int8(order->company);
	NullableDatum order_id = o2c_int8(order->order_id);
	NullableDatum line_nos = o2c_datum(o2c_datum_array(c.lines, c.n, INT4OID));
	NullableDatum quantities = o2c_datum(o2c_datum_array(c.quantities, c.n, NUMERICOID));

	o2c_run(&lines, O2C_ARGS(company, order_id, line_nos, quantities, o2c_datum(o2c_datum_array(c.reserved, c.n, NUMERICOID))));
	o2c_run(&shipment_lines, O2C_ARGS(company, o2c_int8(shipment), order_id, line_nos, quantities));
	o2c_run(&movements, O2C_ARGS(company, order_id, order->location, o2c_date(shipped_on),
								 o2c_datum(o2c_datum_array(c.products, c.n, INT8OID)), line_nos, quantities));
}

/* Ships; the group is locked from here on. */
static int64
ship(int64 company, int64 order_id, DateADT shipped_on, Jsonb *wishes, NullableDatum carrier)
{
	ShipOrder	order = {.company = company, .order_id = order_id};
	int64		shipment;

	lock_order(&order);
	read_order(&order);
	check_may_ship(&order);
	choose_lines(&order, wishes);
	shipment = insert_shipment(&order, shipped_on, carrier);
	move_goods(&order, shipment, shipped_on);
	return shipment;
}

PG_FUNCTION_INFO_V1(o2c_ship_order);
/* o2c.ship_order(order, shipped_on, lines, carrier, idempotency_key, company) */
Datum
o2c_ship_order(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(5) ? o2c_current_company() : PG_GETARG_INT64(5);
	DateADT		shipped_on = PG_ARGISNULL(1) ? o2c_today() : PG_GETARG_DATEADT(1);
	Jsonb	   *wishes = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	int64		shipment;

	if (PG_ARGISNULL(0) || DATE_NOT_FINITE(shipped_on))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("ship_order needs an order and a finite date")));
	o2c_connect();
	if (!o2c_command_seen(fcinfo, 4, company, "ship_order", &shipment))
	{
		shipment = ship(company, PG_GETARG_INT64(0), shipped_on, wishes, o2c_pg_arg(3));
		o2c_command_done(company, o2c_pg_arg(4), shipment);
	}
	o2c_finish();
	PG_RETURN_INT64(shipment);
}
