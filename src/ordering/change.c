/*-------------------------------------------------------------------------
 *
 * change.c
 *		Changing an order after it was entered: lines, cancelling, closing,
 *		opening again.
 *
 * The lines are written first; credit and stock follow them by the triggers on
 * the lines.  Less takes effect at once.  More is agreed but not in force yet
 * (quantity above confirmed_quantity) until the order, submitted again, has
 * passed the rules.  What was shipped stays as it was agreed: its quantity
 * bounds the line from below, and its price is fixed.
 *
 *-------------------------------------------------------------------------
 */
#include "ordering/draft.h"
#include "ordering/order.h"

#include "core/clock.h"
#include "core/event.h"
#include "core/money.h"
#include "lib/stringinfo.h"
#include "party/customer.h"
#include "utils/json.h"

/* What the lines had before the change. */
typedef struct Standing
{
	int32		line_no;
	Numeric		shipped;
	Numeric		cancelled;
	bool		named;			/* by a wish of the caller */
} Standing;

/* An order under change, its group locked. */
typedef struct Change
{
	int64		company;
	int64		order_id;
	char	   *state;
	O2cDraft	draft;			/* standing lines, then new ones */
	Standing   *standing;
	int			n_standing;
	Numeric		value;			/* gross, less what is cancelled */
} Change;

/* Locks the group of the order's customer, and reads the order. */
static void
lock_order(Change *change)
{
	static O2cPlan find = O2C_PLAN("SELECT o.state, o.customer_id, o.currency, co.currency,"
								   " EXISTS (SELECT FROM o2c.customer_price_list l WHERE l.company_id = $1 AND l.customer_id = o.customer_id)"
								   " FROM o2c.sales_order o JOIN o2c.company co ON co.company_id = $1"
								   " WHERE o.company_id = $1 AND o.order_id = $2", INT8OID, INT8OID);
	const NullableDatum *args = O2C_ARGS(o2c_int8(change->company), o2c_int8(change->order_id));

	if (o2c_run(&find, args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no order %lld", (long long) change->company, (long long) change->order_id)));
	o2c_lock_customer(change->company, o2c_row_int8(0, 2));
	/* the lock was waited for: read what it left */
	o2c_run(&find, args);
	change->state = o2c_row_text(0, 1);
	change->draft.company = change->company;
	change->draft.buyer.customer = o2c_row_int8(0, 2);
	change->draft.currency = change->draft.buyer.currency = o2c_row_text(0, 3);
	change->draft.buyer.home_currency = o2c_row_text(0, 4);
	change->draft.buyer.has_price_list = o2c_row_bool(0, 5);
	change->draft.digits = o2c_minor_units(change->draft.currency);
}

/* Refuses what cannot be done to an order in this state. */
static void
check_state(const Change *change, const char *const *allowed, const char *what, const char *hint)
{
	for (; *allowed != NULL; allowed++)
		if (strcmp(*allowed, change->state) == 0)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_STATE),
			 errmsg("order %lld is %s and cannot be %s", (long long) change->order_id, change->state, what),
			 errhint("%s", hint)));
}

/* The gross value of what is not cancelled. */
static Numeric
order_value(const Change *change)
{
	static O2cPlan sum = O2C_PLAN("SELECT coalesce(sum(round((net_amount + tax_amount) * (quantity - cancelled_quantity) / quantity, 4)), 0)"
								  " FROM o2c.order_line WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID);

	o2c_run(&sum, O2C_ARGS(o2c_int8(change->company), o2c_int8(change->order_id)));
	return DatumGetNumeric(o2c_row_copy(0, 1).value);
}

/* A row as a line. */
static O2cDraftLine
row_line(uint64 row)
{
	O2cDraftLine line = {0};

	line.kind = o2c_row_text(row, 2);
	line.sku = o2c_row_text(row, 3);
	line.quantity = DatumGetNumeric(o2c_row_copy(row, 4).value);
	line.unit_price = DatumGetNumeric(o2c_row_copy(row, 5).value);
	line.discount = DatumGetNumeric(o2c_row_copy(row, 6).value);
	line.category = o2c_row_text(row, 7);
	line.rate = DatumGetNumeric(o2c_row_copy(row, 8).value);
	return line;
}

/* Reads the lines as they stand, with room for some more. */
static void
read_lines(Change *change, int room)
{
	static O2cPlan find = O2C_PLAN("SELECT l.line_no, l.kind, p.sku, l.quantity, l.unit_price, l.discount_percent, l.tax_category, l.tax_rate,"
								   " l.shipped_quantity, l.cancelled_quantity FROM o2c.order_line l"
								   " LEFT JOIN o2c.product p ON p.company_id = $1 AND p.product_id = l.product_id"
								   " WHERE l.company_id = $1 AND l.order_id = $2 ORDER BY l.line_no", INT8OID, INT8OID);
	int			n = (int) o2c_run(&find, O2C_ARGS(o2c_int8(change->company), o2c_int8(change->order_id)));

	change->n_standing = change->draft.n = n;
	change->draft.lines = palloc(sizeof(O2cDraftLine) * Max(n + room, 1));
	change->standing = palloc0(sizeof(Standing) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		change->draft.lines[i] = row_line(i);
		change->standing[i].line_no = o2c_row_int4(i, 1);
		change->standing[i].shipped = DatumGetNumeric(o2c_row_copy(i, 9).value);
		change->standing[i].cancelled = DatumGetNumeric(o2c_row_copy(i, 10).value);
	}
}

/* The line of a number that no wish named yet. */
static int
find_line(const Change *change, Numeric line_no, int number)
{
	for (int i = 0; i < change->n_standing; i++)
		if (!change->standing[i].named && o2c_cmp(line_no, o2c_int_numeric(change->standing[i].line_no)) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
			 errmsg("order %lld has no line %s for wish %d", (long long) change->order_id, o2c_numeric_text(line_no), number),
			 errhint("Name each line once, by \"line_no\"; a new line has a \"sku\" instead.")));
}

/* Takes a new quantity; 0 cancels the line, which keeps what was ordered. */
static void
take_quantity(Change *change, int i, Numeric quantity)
{
	O2cDraftLine *line = &change->draft.lines[i];
	Standing   *standing = &change->standing[i];

	o2c_check_range(standing->line_no, "quantity", quantity, true, false);
	if (o2c_cmp(quantity, standing->shipped) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("line %d: %s is less than the %s that were shipped", standing->line_no,
						o2c_numeric_text(quantity), o2c_numeric_text(standing->shipped)),
				 errhint("Cancel the rest with o2c.cancel_line(order, line); goods come back with o2c.return_goods(shipment).")));
	standing->cancelled = o2c_sign(quantity) == 0 ? line->quantity : o2c_zero();
	line->quantity = o2c_sign(quantity) == 0 ? line->quantity : quantity;
}

/* Refuses another price for what was shipped. */
static void
check_price_free(const Change *change, int i)
{
	if (o2c_sign(change->standing[i].shipped) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("line %d is shipped in part and its price is fixed", change->standing[i].line_no),
				 errhint("Cancel the rest of the line and order it on a new one, or credit the invoice.")));
}

/* Takes a wish for a line that stands. */
static void
change_line(Change *change, const JsonbValue *wish, int number)
{
	static const char *const keys[] = {"line_no", "quantity", "unit_price", "discount_percent", NULL};
	int			i = find_line(change, o2c_json_number(wish, "line_no"), number);
	O2cDraftLine *line = &change->draft.lines[i];
	Numeric		quantity,
				price,
				discount;

	o2c_json_known_keys(wish, psprintf("line %d", number), keys);
	quantity = o2c_json_number(wish, "quantity");
	price = o2c_json_number(wish, "unit_price");
	discount = o2c_json_number(wish, "discount_percent");
	if (quantity != NULL)
		take_quantity(change, i, quantity);
	if (price != NULL)
		o2c_check_range(change->standing[i].line_no, "unit price", price, true, false);
	if (discount != NULL)
		o2c_check_range(change->standing[i].line_no, "discount", discount, true, true);
	if ((price != NULL && o2c_cmp(price, line->unit_price) != 0) || (discount != NULL && o2c_cmp(discount, line->discount) != 0))
		check_price_free(change, i);
	line->unit_price = price != NULL ? price : line->unit_price;
	line->discount = discount != NULL ? discount : line->discount;
	change->standing[i].named = true;
}

/* Takes the wishes; new lines are priced like those of a new order. */
static void
take_wishes(Change *change, Jsonb *wishes)
{
	JsonbValue *objects;
	int			n = o2c_json_objects(wishes, "lines", &objects);
	O2cDraft	added;

	read_lines(change, n);
	for (int i = 0; i < n; i++)
	{
		if (o2c_json_number(&objects[i], "line_no") != NULL)
			change_line(change, &objects[i], i + 1);
		else
			change->draft.lines[change->draft.n++] = o2c_read_line(&objects[i], i + 1);
	}
	added = change->draft;
	added.lines += change->n_standing;
	added.n -= change->n_standing;
	if (added.n > 0)
		o2c_price_lines(&added, o2c_today());
	o2c_compute_amounts(&change->draft);
	if (added.n > 0)
		o2c_insert_lines(&added, change->order_id,
						 change->n_standing == 0 ? 1 : change->standing[change->n_standing - 1].line_no + 1);
}

/* Writes the standing lines: less is in force at once, more is not yet. */
static void
write_lines(const Change *change)
{
	static O2cPlan update = O2C_PLAN("UPDATE o2c.order_line l SET quantity = u.quantity, unit_price = u.price, discount_percent = u.discount,"
									 " net_amount = u.net, tax_amount = u.tax, cancelled_quantity = u.cancelled,"
									 " closed_quantity = least(l.closed_quantity, u.cancelled),"
									 " confirmed_quantity = least(l.confirmed_quantity, u.quantity - u.cancelled),"
									 " reserved_quantity = least(l.reserved_quantity, l.confirmed_quantity - l.shipped_quantity,"
									 " u.quantity - u.cancelled - l.shipped_quantity)"
									 " FROM unnest($3, $4, $5, $6, $7, $8, $9) AS u (line_no, quantity, price, discount, net, tax, cancelled)"
									 " WHERE l.company_id = $1 AND l.order_id = $2 AND l.line_no = u.line_no"
									 " AND (l.quantity, l.unit_price, l.discount_percent, l.net_amount, l.tax_amount, l.cancelled_quantity)"
									 " <> (u.quantity, u.price, u.discount, u.net, u.tax, u.cancelled)",
									 INT8OID, INT8OID, INT4ARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID,
									 NUMERICARRAYOID, NUMERICARRAYOID);
	NullableDatum *columns[7];
	NullableDatum args[9];
	int			n = change->n_standing;

	for (int c = 0; c < 7; c++)
		columns[c] = palloc(sizeof(NullableDatum) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		const O2cDraftLine *line = &change->draft.lines[i];

		columns[0][i] = o2c_int4(change->standing[i].line_no);
		columns[1][i] = o2c_datum(NumericGetDatum(line->quantity));
		columns[2][i] = o2c_datum(NumericGetDatum(line->unit_price));
		columns[3][i] = o2c_datum(NumericGetDatum(line->discount));
		columns[4][i] = o2c_datum(NumericGetDatum(line->net));
		columns[5][i] = o2c_datum(NumericGetDatum(line->tax));
		columns[6][i] = o2c_datum(NumericGetDatum(change->standing[i].cancelled));
	}
	args[0] = o2c_int8(change->company);
	args[1] = o2c_int8(change->order_id);
	for (int c = 0; c < 7; c++)
		args[2 + c] = o2c_datum(o2c_datum_array(columns[c], n, c == 0 ? INT4OID : NUMERICOID));
	o2c_run(&update, args);
}

/* Records what was done, by whom and why. */
static void
record(const Change *change, const char *action, NullableDatum reason, Jsonb *lines)
{
	StringInfoData detail;
	O2cEvent	event = {.activity = "sales_order.changed", .object_type = "sales_order", .object_id = change->order_id,
	.order_id = change->order_id, .before = change->state};

	initStringInfo(&detail);
	appendStringInfo(&detail, "{\"action\": \"%s\", \"reason\": ", action);
	if (reason.isnull)
		appendStringInfoString(&detail, "null");
	else
		escape_json(&detail, TextDatumGetCString(reason.value));
	if (lines != NULL)
		appendStringInfo(&detail, ", \"lines\": %s", JsonbToCString(NULL, &lines->root, VARSIZE(lines)));
	appendStringInfoChar(&detail, '}');
	event.detail = detail.data;
	o2c_write_events(change->company, &event, 1);
}

/* Counts the change, and submits the order again where it must pass the rules again. */
static void
finish(const Change *change, bool submit, NullableDatum terms, NullableDatum requested_on, NullableDatum po_number)
{
	static O2cPlan update = O2C_PLAN("UPDATE o2c.sales_order o SET version = o.version + 1, line_amount = s.line, charge_amount = s.charge,"
									 " net_amount = s.line + s.charge, tax_amount = s.tax, total_amount = s.line + s.charge + s.tax,"
									 " payment_terms = coalesce($4::o2c.payment_terms, o.payment_terms),"
									 " requested_on = coalesce($5, o.requested_on), po_number = coalesce(nullif(btrim($6), ''), o.po_number),"
									 " state = CASE WHEN $3 THEN 'submitted' ELSE o.state END"
									 " FROM (SELECT coalesce(sum(net_amount) FILTER (WHERE kind = 'item'), 0) AS line,"
									 " coalesce(sum(net_amount) FILTER (WHERE kind = 'charge'), 0) AS charge, sum(tax_amount) AS tax"
									 " FROM o2c.order_line WHERE company_id = $1 AND order_id = $2) s"
									 " WHERE o.company_id = $1 AND o.order_id = $2",
									 INT8OID, INT8OID, BOOLOID, TEXTOID, DATEOID, TEXTOID);
	int64		order_id = change->order_id;

	o2c_run(&update, O2C_ARGS(o2c_int8(change->company), o2c_int8(order_id), o2c_bool(submit), terms, requested_on, po_number));
	o2c_complete_orders(change->company, o2c_int8_array(&order_id, 1));
}

/* Whether these terms differ from the order's. */
static bool
terms_differ(const Change *change, NullableDatum terms)
{
	static O2cPlan compare = O2C_PLAN("SELECT payment_terms::text <> ($3::o2c.payment_terms)::text FROM o2c.sales_order"
									  " WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID, TEXTOID);

	if (terms.isnull)
		return false;
	o2c_run(&compare, O2C_ARGS(o2c_int8(change->company), o2c_int8(change->order_id), terms));
	return o2c_row_bool(0, 1);
}

/* Whether the order must pass the rules again after its lines were written. */
static bool
must_pass_again(const Change *change)
{
	if (strcmp(change->state, "held") == 0 || strcmp(change->state, "refused") == 0)
		return true;
	return strcmp(change->state, "confirmed") == 0 && o2c_cmp(order_value(change), change->value) > 0;
}

/* Starts a command on an order; the last argument is its company. */
static Change
begin(FunctionCallInfo fcinfo, const char *command)
{
	int			last = PG_NARGS() - 1;
	Change		change = {.company = PG_ARGISNULL(last) ? o2c_current_company() : PG_GETARG_INT64(last)};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("%s needs an order", command)));
	change.order_id = PG_GETARG_INT64(0);
	o2c_connect();
	lock_order(&change);
	return change;
}

/* The state that the order has now, for the caller. */
static Datum
end(const Change *change)
{
	static O2cPlan find = O2C_PLAN("SELECT state FROM o2c.sales_order WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID);
	Datum		state;

	o2c_run(&find, O2C_ARGS(o2c_int8(change->company), o2c_int8(change->order_id)));
	state = SPI_datumTransfer(o2c_row_copy(0, 1).value, false, -1);
	o2c_finish();
	return state;
}

static const char *const changeable[] = {"draft", "held", "refused", "confirmed", NULL};

PG_FUNCTION_INFO_V1(o2c_change_order);
/* o2c.change_order(order, lines, payment_terms, requested_on, po_number, reason, company) */
Datum
o2c_change_order(PG_FUNCTION_ARGS)
{
	Change		change = begin(fcinfo, "change_order");
	Jsonb	   *wishes = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	bool		other_terms;

	check_state(&change, changeable, "changed", "o2c.reopen_order(order) opens what was closed or cancelled.");
	if (!PG_ARGISNULL(3) && DATE_NOT_FINITE(PG_GETARG_DATEADT(3)))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("an order needs finite dates")));
	change.value = order_value(&change);
	if (wishes != NULL)
	{
		take_wishes(&change, wishes);
		write_lines(&change);
	}
	other_terms = terms_differ(&change, o2c_pg_arg(2)) && strcmp(change.state, "draft") != 0;
	record(&change, "change", o2c_pg_arg(5), wishes);
	finish(&change, must_pass_again(&change) || other_terms, o2c_pg_arg(2), o2c_pg_arg(3), o2c_pg_arg(4));
	return end(&change);
}

PG_FUNCTION_INFO_V1(o2c_cancel_line);
/* o2c.cancel_line(order, line_no, quantity, reason, company) */
Datum
o2c_cancel_line(PG_FUNCTION_ARGS)
{
	static O2cPlan cancel = O2C_PLAN("UPDATE o2c.order_line SET cancelled_quantity = cancelled_quantity + coalesce($4, quantity - cancelled_quantity - shipped_quantity),"
									 " confirmed_quantity = least(confirmed_quantity, quantity - cancelled_quantity"
									 " - coalesce($4, quantity - cancelled_quantity - shipped_quantity)),"
									 " reserved_quantity = least(reserved_quantity, quantity - cancelled_quantity - shipped_quantity"
									 " - coalesce($4, quantity - cancelled_quantity - shipped_quantity))"
									 " WHERE company_id = $1 AND order_id = $2 AND line_no = $3"
									 " AND coalesce($4, 0) <= quantity - cancelled_quantity - shipped_quantity"
									 " AND quantity > cancelled_quantity + shipped_quantity", INT8OID, INT8OID, INT4OID, NUMERICOID);
	Change		change = begin(fcinfo, "cancel_line");

	check_state(&change, changeable, "cancelled in part", "Nothing of it is open.");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("cancel_line needs a line number")));
	if (!PG_ARGISNULL(2))
		o2c_check_range(PG_GETARG_INT32(1), "quantity", PG_GETARG_NUMERIC(2), false, false);
	if (o2c_run(&cancel, O2C_ARGS(o2c_int8(change.company), o2c_int8(change.order_id), o2c_pg_arg(1), o2c_pg_arg(2))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("line %d of order %lld has not that much open", PG_GETARG_INT32(1), (long long) change.order_id),
				 errhint("o2c.order_status and o2c.order_line show what is open.")));
	record(&change, "cancel line", o2c_pg_arg(3), NULL);
	finish(&change, strcmp(change.state, "held") == 0, O2C_NULL, O2C_NULL, O2C_NULL);
	return end(&change);
}

/* Sets the state; everything else follows from it. */
static void
set_state(const Change *change, const char *state)
{
	static O2cPlan update = O2C_PLAN("UPDATE o2c.sales_order SET state = $3 WHERE company_id = $1 AND order_id = $2",
									 INT8OID, INT8OID, TEXTOID);

	o2c_run(&update, O2C_ARGS(o2c_int8(change->company), o2c_int8(change->order_id), o2c_cstring(state)));
}

PG_FUNCTION_INFO_V1(o2c_cancel_order);
/* o2c.cancel_order(order, reason, company) */
Datum
o2c_cancel_order(PG_FUNCTION_ARGS)
{
	Change		change = begin(fcinfo, "cancel_order");

	check_state(&change, changeable, "cancelled", "Goods come back with o2c.return_goods(shipment).");
	record(&change, "cancel", o2c_pg_arg(1), NULL);
	set_state(&change, "cancelled");
	return end(&change);
}

PG_FUNCTION_INFO_V1(o2c_close_order);
/* o2c.close_order(order, reason, company) */
Datum
o2c_close_order(PG_FUNCTION_ARGS)
{
	static O2cPlan close = O2C_PLAN("UPDATE o2c.order_line SET closed_quantity = closed_quantity + quantity - shipped_quantity - cancelled_quantity,"
									" cancelled_quantity = quantity - shipped_quantity, confirmed_quantity = shipped_quantity,"
									" reserved_quantity = 0 WHERE company_id = $1 AND order_id = $2"
									" AND cancelled_quantity + shipped_quantity < quantity", INT8OID, INT8OID);
	static O2cPlan shipped = O2C_PLAN("SELECT FROM o2c.order_line WHERE company_id = $1 AND order_id = $2 AND shipped_quantity > 0 LIMIT 1",
									  INT8OID, INT8OID);
	Change		change = begin(fcinfo, "close_order");
	const NullableDatum *args = O2C_ARGS(o2c_int8(change.company), o2c_int8(change.order_id));

	check_state(&change, changeable, "closed", "Nothing of it is open.");
	record(&change, "close", o2c_pg_arg(1), NULL);
	if (o2c_run(&shipped, args) == 0)
		set_state(&change, "cancelled");
	else
	{
		o2c_run(&close, args);
		finish(&change, false, O2C_NULL, O2C_NULL, O2C_NULL);
	}
	return end(&change);
}

PG_FUNCTION_INFO_V1(o2c_reopen_order);
/* o2c.reopen_order(order, reason, company) */
Datum
o2c_reopen_order(PG_FUNCTION_ARGS)
{
	static const char *const reopenable[] = {"refused", "confirmed", "completed", "cancelled", NULL};
	static O2cPlan reopen = O2C_PLAN("UPDATE o2c.order_line SET cancelled_quantity = cancelled_quantity - closed_quantity, closed_quantity = 0"
									 " WHERE company_id = $1 AND order_id = $2 AND closed_quantity > 0", INT8OID, INT8OID);
	Change		change = begin(fcinfo, "reopen_order");

	check_state(&change, reopenable, "reopened", "It is open.");
	if (o2c_run(&reopen, O2C_ARGS(o2c_int8(change.company), o2c_int8(change.order_id))) == 0 && strcmp(change.state, "refused") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("nothing of order %lld was cancelled with it", (long long) change.order_id),
				 errhint("Goods that were shipped come back with o2c.return_goods(shipment); order more with o2c.change_order().")));
	record(&change, "reopen", o2c_pg_arg(1), NULL);
	finish(&change, true, O2C_NULL, O2C_NULL, O2C_NULL);
	return end(&change);
}
