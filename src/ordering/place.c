/*-------------------------------------------------------------------------
 *
 * place.c
 *		o2c.place_order(): enters an order and submits it.
 *
 * The order is priced here, in memory, and inserted as submitted: the triggers
 * of the later rooms confirm it at once where that can be decided before it is
 * written.  Then its lines are stored in force.  Otherwise it is a draft, and
 * everything that decides about it hangs on its change of state to "submitted"
 * (lifecycle.c and the later rooms).
 *
 *-------------------------------------------------------------------------
 */
#include "ordering/draft.h"
#include "ordering/order.h"

#include "core/clock.h"
#include "core/command.h"
#include "core/money.h"
#include "core/plan.h"

O2cReserveHook o2c_reserve_hook = NULL;

/* Reads the customer by code, and locks its group. */
static O2cBuyer
lock_buyer(int64 company, const char *code)
{
	static O2cPlan find = O2C_PLAN("SELECT c.customer_id, c.currency, co.currency,"
								   " EXISTS (SELECT FROM o2c.customer_price_list l WHERE l.company_id = $1 AND l.customer_id = c.customer_id),"
								   " c.active, coalesce(c.payment_terms, co.payment_terms)::text, c.po_required, c.po_unique"
								   " FROM o2c.customer c JOIN o2c.customer g ON g.company_id = $1 AND g.customer_id = c.group_id"
								   " JOIN o2c.company co ON co.company_id = $1"
								   " WHERE c.company_id = $1 AND c.code = $2 FOR NO KEY UPDATE OF g", INT8OID, TEXTOID);
	O2cBuyer	buyer;

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_cstring(code))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no customer \"%s\"", (long long) company, code),
				 errhint("Customers are found by their code in o2c.customer.")));
	if (!o2c_row_bool(0, 5))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("customer \"%s\" is not active", code)));
	buyer.customer = o2c_row_int8(0, 1);
	buyer.currency = o2c_row_text(0, 2);
	buyer.home_currency = o2c_row_text(0, 3);
	buyer.has_price_list = o2c_row_bool(0, 4);
	buyer.terms = o2c_row_text(0, 6);
	buyer.po_required = o2c_row_bool(0, 7);
	buyer.po_unique = o2c_row_bool(0, 8);
	return buyer;
}

/* Refuses a number that is not finite or lies outside a range. */
void
o2c_check_range(int line, const char *what, Numeric value, bool zero_allowed, bool is_percent)
{
	if (numeric_is_nan(value) || numeric_is_inf(value) || o2c_sign(value) < (zero_allowed ? 0 : 1) ||
		(is_percent && o2c_cmp(value, o2c_int_numeric(100)) > 0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("line %d: %s %s is out of range", line, what, o2c_numeric_text(value))));
}

/* Refuses a tax category that is none, or that does not fit its rate (EN 16931 BR-S-05, BR-Z-05 and their kin). */
static void
check_category(const char *what, int number, const O2cDraftLine *line)
{
	static const char *const categories[] = {"S", "Z", "E", "AE", "K", "G", "O"};
	bool		known = line->category == NULL;

	for (int i = 0; i < lengthof(categories); i++)
		known |= line->category != NULL && strcmp(line->category, categories[i]) == 0;
	if (!known || (line->category != NULL) != (line->rate != NULL) ||
		(line->category != NULL && (strcmp(line->category, "S") == 0) != (o2c_sign(line->rate) > 0)))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("%s %d: tax category and rate do not fit together", what, number),
				 errhint("Give both or none; only category S has a rate above 0.")));
}

/* Reads one line of the document. */
O2cDraftLine
o2c_read_line(const JsonbValue *object, int number)
{
	static const char *const keys[] = {"sku", "quantity", "unit_price", "discount_percent",
	"description", "tax_rate", "tax_category", "attributes", NULL};
	O2cDraftLine line = {.kind = "item", .product = O2C_NULL};

	o2c_json_known_keys(object, psprintf("line %d", number), keys);
	line.sku = o2c_json_text(object, "sku");
	line.quantity = o2c_json_number(object, "quantity");
	line.unit_price = o2c_json_number(object, "unit_price");
	line.discount = o2c_json_number(object, "discount_percent");
	line.description = o2c_json_text(object, "description");
	line.rate = o2c_json_number(object, "tax_rate");
	line.category = o2c_json_text(object, "tax_category");
	line.attributes = o2c_json_object(object, "attributes");
	if (line.sku == NULL || line.quantity == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("line %d needs \"sku\" and \"quantity\"", number)));
	if (line.discount == NULL)
		line.discount = o2c_zero();
	o2c_check_range(number, "quantity", line.quantity, false, false);
	o2c_check_range(number, "discount", line.discount, true, true);
	if (line.unit_price != NULL)
		o2c_check_range(number, "unit price", line.unit_price, true, false);
	if (line.rate != NULL)
		o2c_check_range(number, "tax rate", line.rate, true, true);
	check_category("line", number, &line);
	return line;
}

/* Reads one charge, such as freight. */
static O2cDraftLine
read_charge(const JsonbValue *object, int number)
{
	static const char *const keys[] = {"reason", "amount", "tax_rate", "tax_category", "attributes", NULL};
	O2cDraftLine line = {.kind = "charge", .product = O2C_NULL};

	o2c_json_known_keys(object, psprintf("charge %d", number), keys);
	line.description = o2c_json_text(object, "reason");
	line.unit_price = o2c_json_number(object, "amount");
	line.rate = o2c_json_number(object, "tax_rate");
	line.category = o2c_json_text(object, "tax_category");
	line.attributes = o2c_json_object(object, "attributes");
	if (line.description == NULL || line.unit_price == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("charge %d needs \"reason\" and \"amount\"", number)));
	if (line.rate == NULL)
		line.rate = o2c_zero();
	o2c_check_range(number, "charge", line.unit_price, true, false);
	o2c_check_range(number, "tax rate", line.rate, true, true);
	if (line.category == NULL)
		line.category = o2c_sign(line.rate) > 0 ? "S" : "Z";
	check_category("charge", number, &line);
	line.quantity = o2c_int_numeric(1);
	line.discount = o2c_zero();
	return line;
}

/* Reads the lines and charges of the order. */
static void
read_lines(O2cDraft *order, Jsonb *lines, Jsonb *charges)
{
	JsonbValue *line_objects;
	JsonbValue *charge_objects = NULL;
	int			n = o2c_json_objects(lines, "lines", &line_objects);
	int			m = charges == NULL ? 0 : o2c_json_objects(charges, "charges", &charge_objects);

	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("an order needs at least one line")));
	order->n = n + m;
	order->lines = palloc(sizeof(O2cDraftLine) * order->n);
	for (int i = 0; i < n; i++)
		order->lines[i] = o2c_read_line(&line_objects[i], i + 1);
	for (int i = 0; i < m; i++)
		order->lines[n + i] = read_charge(&charge_objects[i], i + 1);
}

/* Products with the price of each line: the one given, else none yet. */
static O2cPlan find_products = O2C_PLAN(
	"SELECT l.n, p.product_id, p.name, p.tax_rate,"
	" coalesce(p.tax_category, CASE WHEN p.tax_rate > 0 THEN 'S' ELSE 'Z' END),"
	" coalesce(l.unit_price, CASE WHEN coalesce(p.currency, $7) = $6 THEN p.unit_price END), p.active"
	" FROM unnest($2, $3, $4) WITH ORDINALITY AS l (sku, quantity, unit_price, n)"
	" JOIN o2c.product p ON p.company_id = $1 AND p.sku = l.sku"
	" WHERE $5 IS NOT NULL AND $8 IS NOT NULL",
	INT8OID, TEXTARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, INT8OID, TEXTOID, TEXTOID, DATEOID);

/* The same for a customer with price lists: list by priority, then latest validity, then quantity. */
static O2cPlan find_listed_products = O2C_PLAN(
	"SELECT l.n, p.product_id, p.name, p.tax_rate,"
	" coalesce(p.tax_category, CASE WHEN p.tax_rate > 0 THEN 'S' ELSE 'Z' END),"
	" coalesce(l.unit_price, s.unit_price, CASE WHEN coalesce(p.currency, $7) = $6 THEN p.unit_price END), p.active"
	" FROM unnest($2, $3, $4) WITH ORDINALITY AS l (sku, quantity, unit_price, n)"
	" JOIN o2c.product p ON p.company_id = $1 AND p.sku = l.sku"
	" LEFT JOIN LATERAL (SELECT r.unit_price FROM o2c.customer_price_list c"
	" JOIN o2c.price_list pl ON pl.company_id = $1 AND pl.price_list_id = c.price_list_id AND pl.currency = $6"
	" JOIN o2c.price r ON r.company_id = $1 AND r.price_list_id = c.price_list_id AND r.product_id = p.product_id"
	" AND r.valid_from <= $8 AND r.min_quantity <= l.quantity"
	" WHERE c.company_id = $1 AND c.customer_id = $5"
	" ORDER BY c.priority, r.valid_from DESC, r.min_quantity DESC LIMIT 1) s ON true",
	INT8OID, TEXTARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, INT8OID, TEXTOID, TEXTOID, DATEOID);

/* Takes a product and its price over into a line. */
static void
take_product(O2cDraft *order, uint64 row)
{
	O2cDraftLine *line = &order->lines[o2c_row_int8(row, 1) - 1];
	NullableDatum rate = o2c_row_copy(row, 4);
	NullableDatum price = o2c_row_copy(row, 6);

	if (!o2c_row_bool(row, 7))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("product \"%s\" is not active", line->sku)));
	if (price.isnull)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_NO_PRICE),
				 errmsg("product \"%s\" has no price in %s", line->sku, order->currency),
				 errhint("Give a unit_price, or add one to a price list of the customer.")));
	line->product = o2c_row_copy(row, 2);
	if (line->description == NULL)
		line->description = o2c_row_text(row, 3);
	if (line->category == NULL)
	{
		line->rate = DatumGetNumeric(rate.value);
		line->category = o2c_row_text(row, 5);
	}
	line->unit_price = DatumGetNumeric(price.value);
}

/* Finds the products and prices of all lines. */
void
o2c_price_lines(O2cDraft *order, DateADT day)
{
	char	  **skus = palloc(sizeof(char *) * order->n);
	NullableDatum *quantities = palloc(sizeof(NullableDatum) * order->n);
	NullableDatum *prices = palloc(sizeof(NullableDatum) * order->n);
	uint64		found;

	for (int i = 0; i < order->n; i++)
	{
		skus[i] = order->lines[i].sku;
		quantities[i] = o2c_datum(NumericGetDatum(order->lines[i].quantity));
		prices[i] = order->lines[i].unit_price == NULL ? O2C_NULL : o2c_datum(NumericGetDatum(order->lines[i].unit_price));
	}
	found = o2c_run(order->buyer.has_price_list ? &find_listed_products : &find_products,
					O2C_ARGS(o2c_int8(order->company), o2c_datum(o2c_text_array(skus, order->n)),
							 o2c_datum(o2c_datum_array(quantities, order->n, NUMERICOID)),
							 o2c_datum(o2c_datum_array(prices, order->n, NUMERICOID)),
							 o2c_int8(order->buyer.customer), o2c_cstring(order->currency),
							 o2c_cstring(order->buyer.home_currency), o2c_date(day)));
	for (uint64 row = 0; row < found; row++)
		take_product(order, row);
	for (int i = 0; i < order->n; i++)
		if (order->lines[i].sku != NULL && order->lines[i].product.isnull)
			ereport(ERROR,
					(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
					 errmsg("company %lld has no product \"%s\"", (long long) order->company, order->lines[i].sku),
					 errhint("Products are found by their sku in o2c.product.")));
}

/* Gives each line of a tax group its share of the group's tax. */
static void
share_tax(O2cDraft *order, const O2cTaxLine *taxed, const O2cTaxGroup *groups, int group)
{
	Numeric    *weights = palloc(sizeof(Numeric) * order->n);
	Numeric    *parts = palloc(sizeof(Numeric) * order->n);
	int			n = 0;

	for (int i = 0; i < order->n; i++)
		if (taxed[i].tax_group == group)
			weights[n++] = taxed[i].net;
	o2c_allocate(groups[group].tax, weights, n, order->digits, parts);
	for (int i = order->n - 1; i >= 0; i--)
		if (taxed[i].tax_group == group)
			order->lines[i].tax = parts[--n];
}

/* Net amount and tax of every line. */
void
o2c_compute_amounts(O2cDraft *order)
{
	O2cTaxLine *taxed = palloc(sizeof(O2cTaxLine) * order->n);
	O2cTaxGroup *groups = palloc(sizeof(O2cTaxGroup) * order->n);
	int			count;

	for (int i = 0; i < order->n; i++)
	{
		O2cDraftLine *line = &order->lines[i];

		line->net = o2c_line_net(line->quantity, line->unit_price, line->discount, order->digits);
		taxed[i].category = line->category;
		taxed[i].rate = line->rate;
		taxed[i].net = line->net;
	}
	count = o2c_group_tax(taxed, order->n, order->digits, groups);
	for (int g = 0; g < count; g++)
		share_tax(order, taxed, groups, g);
}

/* Stores the lines in one statement; they are numbered from "first" on. */
void
o2c_insert_lines(const O2cDraft *order, int64 order_id, int32 first)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.order_line (company_id, order_id, line_no, kind, product_id, description,"
									 " quantity, unit_price, discount_percent, net_amount, tax_category, tax_rate, tax_amount, attributes,"
									 " confirmed_quantity, reserved_quantity)"
									 " SELECT $1, $2, l.n + $3 - 1, CASE WHEN l.product IS NULL THEN 'charge' ELSE 'item' END, l.product,"
									 " l.description, l.quantity, l.price, l.discount, l.net, l.category, l.rate, l.tax,"
									 " coalesce(l.attributes::jsonb, '{}'), CASE WHEN $4 THEN l.quantity ELSE 0 END, l.reserved"
									 " FROM unnest($5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) WITH ORDINALITY"
									 " AS l (product, description, quantity, price, discount, net, category, rate, tax, attributes, reserved, n)",
									 INT8OID, INT8OID, INT4OID, BOOLOID, INT8ARRAYOID, TEXTARRAYOID, NUMERICARRAYOID,
									 NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, TEXTARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID,
									 TEXTARRAYOID, NUMERICARRAYOID);
	static const Oid types[] = {INT8OID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, TEXTOID, NUMERICOID, NUMERICOID, TEXTOID,
	NUMERICOID};
	NullableDatum *columns[lengthof(types)];
	NullableDatum args[4 + lengthof(types)] = {o2c_int8(order->company), o2c_int8(order_id), o2c_int4(first), o2c_bool(order->confirmed)};

	for (int c = 0; c < lengthof(types); c++)
		columns[c] = palloc(sizeof(NullableDatum) * order->n);
	for (int i = 0; i < order->n; i++)
	{
		const O2cDraftLine *line = &order->lines[i];

		columns[0][i] = line->product;
		columns[1][i] = o2c_cstring(line->description);
		columns[2][i] = o2c_datum(NumericGetDatum(line->quantity));
		columns[3][i] = o2c_datum(NumericGetDatum(line->unit_price));
		columns[4][i] = o2c_datum(NumericGetDatum(line->discount));
		columns[5][i] = o2c_datum(NumericGetDatum(line->net));
		columns[6][i] = o2c_cstring(line->category);
		columns[7][i] = o2c_datum(NumericGetDatum(line->rate));
		columns[8][i] = o2c_datum(NumericGetDatum(line->tax));
		columns[9][i] = o2c_opt_cstring(line->attributes);
		columns[10][i] = o2c_datum(NumericGetDatum(line->reserved != NULL ? line->reserved : o2c_zero()));
	}
	for (int c = 0; c < lengthof(types); c++)
		args[4 + c] = o2c_datum(o2c_datum_array(columns[c], order->n, types[c]));
	o2c_run(&insert, args);
}

/* The arguments of o2c.place_order, in order. */
enum
{
	ARG_CUSTOMER, ARG_LINES, ARG_PO_NUMBER, ARG_REQUESTED_ON, ARG_ORDERED_ON, ARG_CHARGES,
	ARG_CURRENCY, ARG_TERMS, ARG_LOCATION, ARG_KEY, ARG_ATTRIBUTES, ARG_COMPANY
};

/* A text argument without the blanks around it; NULL when nothing is left. */
static char *
trimmed_arg(FunctionCallInfo fcinfo, int n)
{
	char	   *value = PG_ARGISNULL(n) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(n));
	size_t		length;

	value += strspn(value, " ");
	for (length = strlen(value); length > 0 && value[length - 1] == ' '; length--)
		;
	return length == 0 ? NULL : pnstrdup(value, length);
}

/* Sums what the lines of a kind cost. */
static Numeric
net_of(const O2cDraft *order, const char *kind)
{
	Numeric		sum = o2c_zero();

	for (int i = 0; i < order->n; i++)
		if (strcmp(order->lines[i].kind, kind) == 0)
			sum = o2c_add(sum, order->lines[i].net);
	return sum;
}

/*
 * Stores the order without its lines, submitted or as a draft; true when it was
 * confirmed at once.  Its customer is locked, as whoever submits must.
 */
static bool
insert_order(FunctionCallInfo fcinfo, const O2cDraft *order, DateADT ordered_on, bool submitted, int64 *order_id)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.sales_order (company_id, customer_id, ordered_on, requested_on, po_number,"
									 " currency, payment_terms, location, attributes, state, number, line_amount, charge_amount, net_amount,"
									 " tax_amount, total_amount)"
									 " VALUES ($1, $2, $3, $4, $5, $6, $7::o2c.payment_terms, $8, coalesce($9, '{}'), $10, $11,"
									 " $12, $13, $12 + $13, $14, $12 + $13 + $14)"
									 " RETURNING order_id, state = 'confirmed'",
									 INT8OID, INT8OID, DATEOID, DATEOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID,
									 NUMERICOID, NUMERICOID, NUMERICOID);
	char	   *number = NULL;
	Numeric		tax = o2c_zero();

	for (int i = 0; i < order->n; i++)
		tax = o2c_add(tax, order->lines[i].tax);
	if (submitted)
	{
		o2c_check_po_number(order->company, 0, order->buyer.customer, order->po_number, order->buyer.po_required, order->buyer.po_unique);
		number = o2c_order_number(order->company);
	}
	o2c_run(&insert, O2C_ARGS(o2c_int8(order->company), o2c_int8(order->buyer.customer), o2c_date(ordered_on),
							  o2c_pg_arg(ARG_REQUESTED_ON), o2c_opt_cstring(order->po_number), o2c_cstring(order->currency),
							  PG_ARGISNULL(ARG_TERMS) ? o2c_cstring(order->buyer.terms) : o2c_pg_arg(ARG_TERMS),
							  o2c_cstring(order->location), o2c_pg_arg(ARG_ATTRIBUTES), o2c_cstring(submitted ? "submitted" : "draft"),
							  o2c_opt_cstring(number), o2c_datum(NumericGetDatum(net_of(order, "item"))),
							  o2c_datum(NumericGetDatum(net_of(order, "charge"))), o2c_datum(NumericGetDatum(tax))));
	*order_id = o2c_row_int8(0, 1);
	return o2c_row_bool(0, 2);
}

/* Sets the state of a draft: from here on its state decides what happens. */
static void
leave_draft(int64 company, int64 order_id, const char *state)
{
	static O2cPlan update = O2C_PLAN("UPDATE o2c.sales_order SET state = $3 WHERE company_id = $1 AND order_id = $2",
									 INT8OID, INT8OID, TEXTOID);

	o2c_run(&update, O2C_ARGS(o2c_int8(company), o2c_int8(order_id), o2c_cstring(state)));
}

/* Prices and stores the order of a call whose arguments start like those of place_order, and submits or quotes it. */
int64
o2c_place(FunctionCallInfo fcinfo, int64 company, const char *state)
{
	DateADT		ordered_on = PG_ARGISNULL(ARG_ORDERED_ON) ? o2c_today() : PG_GETARG_DATEADT(ARG_ORDERED_ON);
	O2cDraft	order = {.company = company};
	int64		order_id;

	if (DATE_NOT_FINITE(ordered_on) || (!PG_ARGISNULL(ARG_REQUESTED_ON) && DATE_NOT_FINITE(PG_GETARG_DATEADT(ARG_REQUESTED_ON))))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("the dates of an order must be finite")));
	order.buyer = lock_buyer(company, text_to_cstring(PG_GETARG_TEXT_PP(ARG_CUSTOMER)));
	order.currency = PG_ARGISNULL(ARG_CURRENCY) ? order.buyer.currency : text_to_cstring(PG_GETARG_TEXT_PP(ARG_CURRENCY));
	order.digits = o2c_minor_units(order.currency);
	read_lines(&order, PG_GETARG_JSONB_P(ARG_LINES), PG_ARGISNULL(ARG_CHARGES) ? NULL : PG_GETARG_JSONB_P(ARG_CHARGES));
	o2c_price_lines(&order, ordered_on);
	o2c_compute_amounts(&order);
	order.po_number = trimmed_arg(fcinfo, ARG_PO_NUMBER);
	order.location = PG_ARGISNULL(ARG_LOCATION) ? "MAIN" : text_to_cstring(PG_GETARG_TEXT_PP(ARG_LOCATION));
	order.confirmed = insert_order(fcinfo, &order, ordered_on, strcmp(state, "submitted") == 0, &order_id);
	if (order.confirmed && o2c_reserve_hook != NULL)
		o2c_reserve_hook(&order, order_id);
	o2c_insert_lines(&order, order_id, 1);
	if (!order.confirmed)
		leave_draft(company, order_id, state);
	return order_id;
}

PG_FUNCTION_INFO_V1(o2c_place_order);
/* o2c.place_order(customer, lines, ...) */
Datum
o2c_place_order(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(ARG_COMPANY) ? o2c_current_company() : PG_GETARG_INT64(ARG_COMPANY);
	int64		order_id;

	if (PG_ARGISNULL(ARG_CUSTOMER) || PG_ARGISNULL(ARG_LINES))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("place_order needs a customer and lines")));
	o2c_connect();
	if (!o2c_command_seen(fcinfo, ARG_KEY, company, "place_order", &order_id))
	{
		order_id = o2c_place(fcinfo, company, "submitted");
		o2c_command_done(company, o2c_pg_arg(ARG_KEY), order_id);
	}
	o2c_finish();
	PG_RETURN_INT64(order_id);
}
