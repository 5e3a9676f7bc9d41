/*-------------------------------------------------------------------------
 *
 * lifecycle.c
 *		The states of an order, as triggers on its table.
 *
 * A change of state is a request.  The trigger of this room checks that the
 * request is possible, takes the group's lock, and completes the order when it
 * is submitted (totals, number, purchase order number).  The room control then
 * decides what a submitted order becomes.  What follows from the outcome
 * hangs on it in turn: confirming puts the line quantities in force and
 * reserves stock (room inventory), and credit is taken with them (room credit).
 *
 *-------------------------------------------------------------------------
 */
#include "ordering/draft.h"
#include "ordering/order.h"

#include "core/clock.h"
#include "core/number.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"

/* What may be asked of an order in each state. */
static const struct
{
	const char *from;
	const char *to;
	bool		engine_only;
}			transitions[] = {
	{"draft", "submitted", false},
	{"draft", "confirmed", false},
	{"draft", "cancelled", false},
	{"draft", "quoted", true},
	{"quoted", "submitted", true},
	{"quoted", "cancelled", true},
	{"submitted", "submitted", false},
	{"submitted", "cancelled", false},
	{"held", "submitted", false},
	{"held", "confirmed", false},
	{"held", "refused", false},
	{"held", "cancelled", false},
	{"held", "completed", true},
	{"refused", "submitted", false},
	{"refused", "cancelled", false},
	{"confirmed", "completed", true},
	{"confirmed", "cancelled", false},
	{"confirmed", "submitted", true},
	{"completed", "confirmed", true},
	{"completed", "submitted", true},
	{"cancelled", "submitted", true},
};

/* Refuses a change of state that is not in the table. */
static void
check_transition(int64 order_id, const char *from, const char *to)
{
	for (int i = 0; i < lengthof(transitions); i++)
		if (strcmp(transitions[i].from, from) == 0 && strcmp(transitions[i].to, to) == 0 &&
			(!transitions[i].engine_only || o2c_inside_engine()))
			return;
	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_STATE),
			 errmsg("order %lld cannot go from %s to %s", (long long) order_id, from, to)));
}

/* Refuses an order without what the customer asks of its purchase order number, or with one that was entered before. */
void
o2c_check_po_number(int64 company, int64 order_id, int64 customer, const char *po_number, bool required, bool unique)
{
	static O2cPlan find = O2C_PLAN("SELECT min(order_id) FROM o2c.sales_order WHERE company_id = $1 AND customer_id = $3"
								   " AND upper(po_number) = upper($4) AND order_id <> $2"
								   " AND state NOT IN ('draft', 'quoted', 'cancelled', 'refused')",
								   INT8OID, INT8OID, INT8OID, TEXTOID);

	if (required && po_number == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_PO_REQUIRED),
				 errmsg("the customer requires a purchase order number on every order"),
				 errhint("Give po_number.")));
	if (!unique || po_number == NULL)
		return;
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(order_id), o2c_int8(customer), o2c_cstring(po_number)));
	if (o2c_row_int8(0, 1) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_DUPLICATE),
				 errmsg("the customer's purchase order \"%s\" was entered before", po_number),
				 errdetail("It is order %lld.", (long long) o2c_row_int8(0, 1)),
				 errhint("Set po_unique to false for a customer with blanket orders.")));
}

/* Locks the group of the customer of an order, and checks its purchase order number when it is submitted. */
static void
lock_buyer(int64 company, int64 order_id, int64 customer, const char *po_number, bool submitted)
{
	static O2cPlan lock = O2C_PLAN("SELECT c.po_required, c.po_unique FROM o2c.customer c"
								   " JOIN o2c.customer g ON g.company_id = $1 AND g.customer_id = c.group_id"
								   " WHERE c.company_id = $1 AND c.customer_id = $2 FOR NO KEY UPDATE OF g", INT8OID, INT8OID);

	if (o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_int8(customer))) > 0 && submitted)
		o2c_check_po_number(company, order_id, customer, po_number, o2c_row_bool(0, 1), o2c_row_bool(0, 2));
}

/* The next number of an order. */
char *
o2c_order_number(int64 company)
{
	O2cNumbers	drawn = o2c_draw_numbers(company, "order", o2c_today(), 1);

	return o2c_format_number(&drawn, 0);
}

/* Takes the amounts of the lines over into the order. */
static HeapTuple
set_totals(TriggerData *trigdata, HeapTuple row, int64 company, int64 order_id)
{
	static const char *const columns[] = {"line_amount", "charge_amount", "net_amount", "tax_amount", "total_amount"};
	static O2cPlan sum = O2C_PLAN("SELECT coalesce(sum(net_amount) FILTER (WHERE kind = 'item'), 0),"
								  " coalesce(sum(net_amount) FILTER (WHERE kind = 'charge'), 0),"
								  " sum(net_amount), sum(tax_amount), sum(net_amount + tax_amount)"
								  " FROM o2c.order_line WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID);

	o2c_run(&sum, O2C_ARGS(o2c_int8(company), o2c_int8(order_id)));
	for (int i = 0; i < lengthof(columns); i++)
	{
		NullableDatum amount = o2c_row_copy(0, i + 1);

		if (amount.isnull)
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("order %lld has no lines", (long long) order_id)));
		row = o2c_set_column(trigdata, row, columns[i], amount);
	}
	return row;
}

/* Completes an order that is submitted; of one that is only quoted the amounts. */
static HeapTuple
complete_order(TriggerData *trigdata, HeapTuple row, int64 company, int64 order_id)
{
	bool		quoted = strcmp(o2c_tuple_text(trigdata, row, "state"), "quoted") == 0;

	lock_buyer(company, order_id, o2c_tuple_int8(trigdata, row, "customer_id"), o2c_tuple_text(trigdata, row, "po_number"), !quoted);
	row = set_totals(trigdata, row, company, order_id);
	if (quoted)
		return row;
	if (o2c_tuple_text(trigdata, row, "number") == NULL)
		row = o2c_set_column(trigdata, row, "number", o2c_cstring(o2c_order_number(company)));
	return o2c_set_column(trigdata, row, "state", o2c_cstring("submitted"));
}

/* Refuses to cancel an order of which something left the house. */
static void
check_nothing_shipped(int64 company, int64 order_id)
{
	static O2cPlan shipped = O2C_PLAN("SELECT FROM o2c.order_line WHERE company_id = $1 AND order_id = $2"
									  " AND shipped_quantity > 0 LIMIT 1", INT8OID, INT8OID);

	if (o2c_run(&shipped, O2C_ARGS(o2c_int8(company), o2c_int8(order_id))) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("order %lld is shipped in part and cannot be cancelled", (long long) order_id),
				 errhint("Close what is open of it with o2c.close_order(order); goods come back with o2c.return_goods(shipment).")));
}

/* Refuses a new order that is no draft; only the engine submits it in the same breath, complete and with its customer locked. */
static void
check_insert(const char *state)
{
	if (state != NULL && (strcmp(state, "draft") == 0 || (strcmp(state, "submitted") == 0 && o2c_inside_engine())))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_STATE),
			 errmsg("a new order is a draft, not %s", state == NULL ? "without a state" : state),
			 errhint("Insert the lines, then set the state to submitted.")));
}

PG_FUNCTION_INFO_V1(o2c_advance_order);
/* o2c._advance_order(): before each insert, and each update of the state */
Datum
o2c_advance_order(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._advance_order", O2C_BEFORE_ROW, 0);
	HeapTuple	row = o2c_new_row(trigdata);
	char	   *to = o2c_tuple_text(trigdata, row, "state");
	int64		order_id = o2c_tuple_int8(trigdata, row, "order_id");
	int64		company = o2c_tuple_int8(trigdata, row, "company_id");
	char	   *from;

	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
	{
		check_insert(to);
		return PointerGetDatum(row);
	}
	from = o2c_tuple_text(trigdata, trigdata->tg_trigtuple, "state");
	if (to != NULL && strcmp(from, to) == 0 && strcmp(to, "submitted") != 0)
		return PointerGetDatum(row);
	check_transition(order_id, from, to == NULL ? "no state" : to);
	o2c_connect();
	if (strcmp(to, "submitted") == 0 || (strcmp(from, "draft") == 0 && strcmp(to, "cancelled") != 0))
		row = SPI_copytuple(complete_order(trigdata, row, company, order_id));
	else if (strcmp(to, "completed") != 0)
		o2c_lock_customer(company, o2c_tuple_int8(trigdata, row, "customer_id"));
	if (strcmp(to, "cancelled") == 0 && strcmp(from, "draft") != 0)
		check_nothing_shipped(company, order_id);
	o2c_finish();
	return PointerGetDatum(row);
}

PG_FUNCTION_INFO_V1(o2c_add_line);
/* o2c._add_line(): before a line is inserted by somebody else than the engine */
Datum
o2c_add_line(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT state FROM o2c.sales_order WHERE company_id = $1 AND order_id = $2 FOR SHARE", INT8OID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._add_line", O2C_BEFORE_ROW, 0);
	int64		order_id = o2c_tuple_int8(trigdata, trigdata->tg_trigtuple, "order_id");

	if (o2c_inside_engine())
		return PointerGetDatum(trigdata->tg_trigtuple);
	o2c_connect();
	if (o2c_run(&find, O2C_ARGS(o2c_int8(o2c_tuple_int8(trigdata, trigdata->tg_trigtuple, "company_id")), o2c_int8(order_id))) > 0 &&
		strcmp(o2c_row_text(0, 1), "draft") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("order %lld is %s and takes no more lines", (long long) order_id, o2c_row_text(0, 1)),
				 errhint("Enter what is missing as another order.")));
	o2c_finish();
	return PointerGetDatum(trigdata->tg_trigtuple);
}

PG_FUNCTION_INFO_V1(o2c_cancel_lines);
/* o2c._cancel_lines(): after an order was cancelled */
Datum
o2c_cancel_lines(PG_FUNCTION_ARGS)
{
	static O2cPlan cancel = O2C_PLAN("UPDATE o2c.order_line SET confirmed_quantity = 0, reserved_quantity = 0, cancelled_quantity = quantity,"
									 " closed_quantity = closed_quantity + quantity - cancelled_quantity"
									 " WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._cancel_lines", O2C_AFTER_ROW, 0);

	o2c_connect();
	o2c_run(&cancel, O2C_ARGS(o2c_int8(o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id")),
							  o2c_int8(o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "order_id"))));
	o2c_finish();
	return PointerGetDatum(NULL);
}

/* Completes those of some orders of which everything was shipped and billed. */
void
o2c_complete_orders(int64 company, Datum order_ids)
{
	static O2cPlan complete = O2C_PLAN("UPDATE o2c.sales_order o SET state = 'completed'"
									   " WHERE company_id = $1 AND order_id = ANY ($2) AND state IN ('confirmed', 'held')"
									   " AND NOT EXISTS (SELECT FROM o2c.order_line l WHERE l.company_id = $1 AND l.order_id = o.order_id"
									   " AND (l.shipped_quantity + l.cancelled_quantity < l.quantity"
									   " OR l.invoiced_quantity - l.credited_quantity < l.shipped_quantity - l.returned_quantity))",
									   INT8OID, INT8ARRAYOID);

	o2c_run(&complete, O2C_ARGS(o2c_int8(company), o2c_datum(order_ids)));
}
