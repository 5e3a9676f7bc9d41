/*-------------------------------------------------------------------------
 *
 * stock.c
 *		Keeps the stock counters, and reserves.
 *
 * stock.reserved is the sum of the lines' reserved quantities, stock.on_hand
 * the sum of the movements: two statement triggers note what changed, and the
 * end of the command moves the counters by it (pending.c; a shipment takes its
 * goods and their reservation off in one step).
 * Reserving locks the stock rows in product order before it reads them, so two
 * orders cannot both take the last piece and cannot wait for each other in a
 * circle; the constraint stock_never_oversold is the last line for anybody
 * who writes the tables directly.
 *
 *-------------------------------------------------------------------------
 */
#include "inventory/pending.h"

#include "core/money.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "utils/rel.h"

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

/* Confirms the lines of an order as far as they are not. */
static O2cPlan confirm_lines = O2C_PLAN(
	"UPDATE o2c.order_line SET confirmed_quantity = quantity - cancelled_quantity"
	" WHERE company_id = $1 AND order_id = $2 AND confirmed_quantity <> quantity - cancelled_quantity", INT8OID, INT8OID);

PG_FUNCTION_INFO_V1(o2c_confirm_lines);
/* o2c._confirm_lines(): after an order was confirmed; it gets its stock at the end of the command, which may confirm others, too */
Datum
o2c_confirm_lines(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._confirm_lines", O2C_AFTER_ROW, 0);
	int64		company = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id");
	int64		order_id = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "order_id");

	o2c_connect();
	o2c_run(&confirm_lines, O2C_ARGS(o2c_int8(company), o2c_int8(order_id)));
	o2c_put_order(company, order_id);
	o2c_finish();
	return PointerGetDatum(NULL);
}

/* Notes what a line gives to or takes from stock.reserved; what ships goes with its movement. */
static void
note_line(const LineColumns *k, const O2cChanges *changes)
{
	Numeric		delta = o2c_sub(o2c_add(o2c_slot_numeric(changes->after, k->reserved), o2c_slot_numeric(changes->after, k->shipped)),
								o2c_add(o2c_slot_numeric(changes->before, k->reserved), o2c_slot_numeric(changes->before, k->shipped)));

	if (o2c_sign(delta) != 0 && o2c_slot_int8(changes->after, k->product) != 0)
		o2c_put_reservation(o2c_slot_int8(changes->after, k->company), o2c_slot_int8(changes->after, k->order),
							o2c_slot_int8(changes->after, k->product), delta);
}

PG_FUNCTION_INFO_V1(o2c_keep_reserved);
/* o2c._keep_reserved(): after each update of order lines */
Datum
o2c_keep_reserved(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._keep_reserved", O2C_AFTER_STATEMENT, 0);
	LineColumns columns = line_columns(trigdata->tg_relation);
	O2cChanges	changes;

	o2c_connect();
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
		note_line(&columns, &changes);
	o2c_changes_end(&changes);
	o2c_finish();
	return PointerGetDatum(NULL);
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

PG_FUNCTION_INFO_V1(o2c_keep_on_hand);
/* o2c._keep_on_hand(): after each insert of movements */
Datum
o2c_keep_on_hand(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._keep_on_hand", O2C_AFTER_STATEMENT, 0);
	int			company = o2c_column(trigdata->tg_relation, "company_id");
	int			product = o2c_column(trigdata->tg_relation, "product_id");
	int			location = o2c_column(trigdata->tg_relation, "location");
	int			quantity = o2c_column(trigdata->tg_relation, "quantity");
	int			kind = o2c_column(trigdata->tg_relation, "kind");
	O2cChanges	changes;

	o2c_connect();
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
		o2c_put_movement(o2c_slot_int8(changes.after, company), o2c_slot_int8(changes.after, product),
						 o2c_slot_text(changes.after, location), o2c_slot_numeric(changes.after, quantity),
						 is_shipment(trigdata->tg_relation, o2c_slot_text(changes.after, kind)));
	o2c_changes_end(&changes);
	o2c_finish();
	return PointerGetDatum(NULL);
}
