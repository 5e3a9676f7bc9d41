/*-------------------------------------------------------------------------
 *
 * return.c
 *		o2c.return_goods(): goods of a shipment come back.
 *
 * The exact inverse of shipping: the goods are in stock again, and what was not
 * billed is neither billed nor owed any more.  What was billed calls for a
 * credit note (room billing); until then it counts against the exposure
 * "shipped", so that the customer does not owe what came back.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/clock.h"
#include "core/command.h"
#include "core/money.h"
#include "core/plan.h"
#include "ordering/order.h"
#include "party/customer.h"
#include "shipping/wish.h"

/* A line of the shipment, and how much of it comes back. */
typedef struct ReturnLine
{
	int32		line_no;
	char	   *sku;
	NullableDatum product;		/* null where nothing is stocked */
	Numeric		left;			/* shipped and not returned yet */
	Numeric		quantity;		/* NULL: stays with the customer */
} ReturnLine;

typedef struct Return
{
	int64		company;
	int64		shipment;
	int64		order_id;
	int64		customer;
	NullableDatum location;
	DateADT		returned_on;
	bool		restock;
	ReturnLine *lines;
	int			n;
} Return;

/* Finds the shipment, and locks the group of its customer. */
static void
lock_shipment(Return *r)
{
	static O2cPlan find = O2C_PLAN("SELECT s.order_id, s.customer_id, o.location, s.shipped_on FROM o2c.shipment s"
								   " JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = s.order_id"
								   " WHERE s.company_id = $1 AND s.shipment_id = $2", INT8OID, INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(r->company), o2c_int8(r->shipment))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no shipment %lld", (long long) r->company, (long long) r->shipment)));
	r->order_id = o2c_row_int8(0, 1);
	r->customer = o2c_row_int8(0, 2);
	r->location = o2c_row_copy(0, 3);
	if (r->returned_on < o2c_row_int4(0, 4))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a return of %s is earlier than its shipment", o2c_date_text(r->returned_on))));
	o2c_lock_customer(r->company, r->customer);
}

/* Reads what may come back; charges such as freight do not. */
static void
read_lines(Return *r)
{
	static O2cPlan find = O2C_PLAN("SELECT sl.line_no, p.sku, CASE WHEN p.stocked THEN p.product_id END, sl.quantity - sl.returned_quantity"
								   " FROM o2c.shipment_line sl"
								   " JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = sl.order_id AND l.line_no = sl.line_no"
								   " JOIN o2c.product p ON p.company_id = $1 AND p.product_id = l.product_id"
								   " WHERE sl.company_id = $1 AND sl.shipment_id = $2 ORDER BY sl.line_no", INT8OID, INT8OID);

	r->n = (int) o2c_run(&find, O2C_ARGS(o2c_int8(r->company), o2c_int8(r->shipment)));
	r->lines = palloc0(sizeof(ReturnLine) * Max(r->n, 1));
	for (int i = 0; i < r->n; i++)
	{
		r->lines[i].line_no = o2c_row_int4(i, 1);
		r->lines[i].sku = o2c_row_text(i, 2);
		r->lines[i].product = o2c_row_copy(i, 3);
		r->lines[i].left = DatumGetNumeric(o2c_row_copy(i, 4).value);
	}
}

/* The line that a wish names and no earlier one. */
static ReturnLine *
wished_line(Return *r, const O2cWish *wish)
{
	for (int i = 0; i < r->n; i++)
		if (r->lines[i].quantity == NULL && o2c_is_wished(wish, r->lines[i].line_no, r->lines[i].sku))
			return &r->lines[i];
	o2c_refuse_wish(wish, "shipment", r->shipment);
	return NULL;				/* keep compiler quiet */
}

/* Takes the quantities that come back. */
static void
take_wishes(Return *r, Jsonb *wishes)
{
	JsonbValue *objects;
	int			n = o2c_json_objects(wishes, "lines", &objects);

	for (int i = 0; i < n; i++)
	{
		O2cWish		wish = o2c_read_wish(&objects[i], i + 1);
		ReturnLine *line = wished_line(r, &wish);

		line->quantity = wish.quantity == NULL ? line->left : wish.quantity;
		if (numeric_is_nan(line->quantity) || o2c_sign(line->quantity) <= 0 || o2c_cmp(line->quantity, line->left) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
					 errmsg("line %d: quantity %s is out of range", line->line_no, o2c_numeric_text(line->quantity)),
					 errdetail("%s of it left and did not come back yet.", o2c_numeric_text(line->left))));
	}
}

/* Decides what comes back: the wishes, else everything. */
static void
choose_lines(Return *r, Jsonb *wishes)
{
	bool		any = false;

	if (wishes != NULL)
		take_wishes(r, wishes);
	for (int i = 0; i < r->n; i++)
	{
		if (wishes == NULL && o2c_sign(r->lines[i].left) > 0)
			r->lines[i].quantity = r->lines[i].left;
		any |= r->lines[i].quantity != NULL;
	}
	if (!any)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("nothing of shipment %lld is left to return", (long long) r->shipment)));
}

/* Stores the head of the return. */
static int64
insert_return(const Return *r, NullableDatum reason)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.goods_return (company_id, shipment_id, order_id, customer_id, returned_on, restocked, reason)"
									 " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING return_id",
									 INT8OID, INT8OID, INT8OID, INT8OID, DATEOID, BOOLOID, TEXTOID);

	o2c_run(&insert, O2C_ARGS(o2c_int8(r->company), o2c_int8(r->shipment), o2c_int8(r->order_id), o2c_int8(r->customer),
							  o2c_date(r->returned_on), o2c_bool(r->restock), reason));
	return o2c_row_int8(0, 1);
}

/* Stores its lines; the quantities of the order and of the shipment follow. */
static O2cPlan move_lines = O2C_PLAN(
	"WITH u AS (SELECT * FROM unnest($5, $6) AS u (line_no, quantity)),"
	" o AS (UPDATE o2c.order_line l SET returned_quantity = l.returned_quantity + u.quantity FROM u"
	" WHERE l.company_id = $1 AND l.order_id = $4 AND l.line_no = u.line_no),"
	" s AS (UPDATE o2c.shipment_line l SET returned_quantity = l.returned_quantity + u.quantity FROM u"
	" WHERE l.company_id = $1 AND l.shipment_id = $3 AND l.line_no = u.line_no)"
	" INSERT INTO o2c.goods_return_line (company_id, return_id, shipment_id, line_no, quantity)"
	" SELECT $1, $2, $3, u.line_no, u.quantity FROM u",
	INT8OID, INT8OID, INT8OID, INT8OID, INT4ARRAYOID, NUMERICARRAYOID);

/* Puts the goods back into stock. */
static O2cPlan move_stock = O2C_PLAN(
	"INSERT INTO o2c.stock_movement (company_id, product_id, location, kind, quantity, effective_on, order_id, line_no)"
	" SELECT $1, u.product_id, $2, 'return', u.quantity, $3, $4, u.line_no FROM unnest($5, $6, $7) AS u (product_id, line_no, quantity)"
	" WHERE u.product_id IS NOT NULL",
	INT8OID, TEXTOID, DATEOID, INT8OID, INT8ARRAYOID, INT4ARRAYOID, NUMERICARRAYOID);

/* Moves the quantities. */
static void
move_goods(const Return *r, int64 return_id)
{
	NullableDatum *columns[3];
	NullableDatum lines,
				quantities;
	int			n = 0;

	for (int c = 0; c < 3; c++)
		columns[c] = palloc(sizeof(NullableDatum) * r->n);
	for (int i = 0; i < r->n; i++)
	{
		if (r->lines[i].quantity == NULL)
			continue;
		columns[0][n] = o2c_int4(r->lines[i].line_no);
		columns[1][n] = o2c_datum(NumericGetDatum(r->lines[i].quantity));
		columns[2][n++] = r->lines[i].product;
	}
	lines = o2c_datum(o2c_datum_array(columns[0], n, INT4OID));
	quantities = o2c_datum(o2c_datum_array(columns[1], n, NUMERICOID));
	o2c_run(&move_lines, O2C_ARGS(o2c_int8(r->company), o2c_int8(return_id), o2c_int8(r->shipment), o2c_int8(r->order_id), lines, quantities));
	if (r->restock)
		o2c_run(&move_stock, O2C_ARGS(o2c_int8(r->company), r->location, o2c_date(r->returned_on), o2c_int8(r->order_id),
									  o2c_datum(o2c_datum_array(columns[2], n, INT8OID)), lines, quantities));
}

/* Takes goods back; returns the id of the return. */
static int64
take_back(Return *r, Jsonb *wishes, NullableDatum reason)
{
	int64		order_id;
	int64		return_id;

	lock_shipment(r);
	read_lines(r);
	choose_lines(r, wishes);
	return_id = insert_return(r, reason);
	move_goods(r, return_id);
	order_id = r->order_id;
	o2c_complete_orders(r->company, o2c_int8_array(&order_id, 1));
	return return_id;
}

PG_FUNCTION_INFO_V1(o2c_return_goods);
/* o2c.return_goods(shipment, lines, returned_on, reason, restock, idempotency_key, company) */
Datum
o2c_return_goods(PG_FUNCTION_ARGS)
{
	Return		r = {.company = PG_ARGISNULL(6) ? o2c_current_company() : PG_GETARG_INT64(6)};
	Jsonb	   *wishes = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	int64		return_id;

	r.returned_on = PG_ARGISNULL(2) ? o2c_today() : PG_GETARG_DATEADT(2);
	r.restock = PG_ARGISNULL(4) || PG_GETARG_BOOL(4);
	if (PG_ARGISNULL(0) || DATE_NOT_FINITE(r.returned_on))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("return_goods needs a shipment and a finite date")));
	r.shipment = PG_GETARG_INT64(0);
	o2c_connect();
	if (!o2c_command_seen(fcinfo, 5, r.company, "return_goods", &return_id))
	{
		return_id = take_back(&r, wishes, o2c_pg_arg(3));
		o2c_command_done(r.company, o2c_pg_arg(5), return_id);
	}
	o2c_finish();
	PG_RETURN_INT64(return_id);
}
