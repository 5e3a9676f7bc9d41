/*-------------------------------------------------------------------------
 *
 * credit_note.c
 *		o2c.credit_invoice(): takes an invoice back, in whole or in part.
 *
 * A posted invoice never changes; a credit note corrects it, with the tax of
 * the original lines, and never by more than they have left.  The credit note
 * is applied to the invoice (room receivable).  With "rebill" the goods count
 * as shipped and not invoiced again, for the invoice that replaces it.
 *
 *-------------------------------------------------------------------------
 */
#include "billing/invoice.h"

#include "core/clock.h"
#include "core/command.h"
#include "core/money.h"
#include "funcapi.h"
#include "ordering/order.h"
#include "party/customer.h"

/* The lines of an invoice with what earlier credit notes left of them; an imported invoice is one line. */
static O2cPlan read_lines = O2C_PLAN(
	"SELECT l.line_no, l.kind = 'charge', l.shipment_id, l.order_id, l.order_line_no, l.product_id, l.description,"
	" l.quantity, l.unit_price, l.discount_percent, l.tax_category, l.tax_rate, l.net_amount - coalesce(c.net, 0),"
	" l.quantity - coalesce(c.quantity, 0)"
	" FROM (SELECT line_no, kind, shipment_id, order_id, order_line_no, product_id, description, quantity, unit_price,"
	" discount_percent, tax_category, tax_rate, net_amount FROM o2c.invoice_line WHERE company_id = $1 AND invoice_id = $2"
	" UNION ALL SELECT 1, 'item', NULL, NULL, NULL, NULL, number, 1, net_amount, 0, 'O', 0, net_amount"
	" FROM o2c.invoice WHERE company_id = $1 AND invoice_id = $2 AND imported) l"
	" LEFT JOIN (SELECT cl.line_no, sum(cl.net_amount) AS net, sum(cl.quantity) AS quantity FROM o2c.invoice v"
	" JOIN o2c.invoice_line cl ON cl.company_id = $1 AND cl.invoice_id = v.invoice_id"
	" WHERE v.company_id = $1 AND v.original_invoice_id = $2 GROUP BY 1) c ON c.line_no = l.line_no"
	" ORDER BY l.line_no",
	INT8OID, INT8OID);

/* What is left to credit, line by line. */
typedef struct Creditable
{
	O2cInvoiceLine *lines;
	Numeric    *left_net;
	Numeric    *left_quantity;
	bool	   *chosen;
	int			n;
	int			digits;
} Creditable;

/* A row as a line. */
static O2cInvoiceLine
row_line(uint64 row)
{
	O2cInvoiceLine line = {0};

	line.line_no = o2c_row_int4(row, 1);
	line.charge = o2c_row_bool(row, 2);
	line.shipment = o2c_row_int8(row, 3);
	line.order_id = o2c_row_int8(row, 4);
	line.order_line = o2c_row_int4(row, 5);
	line.product = o2c_row_copy(row, 6);
	line.description = o2c_row_text(row, 7);
	line.quantity = DatumGetNumeric(o2c_row_copy(row, 8).value);
	line.unit_price = DatumGetNumeric(o2c_row_copy(row, 9).value);
	line.discount = DatumGetNumeric(o2c_row_copy(row, 10).value);
	line.category = o2c_row_text(row, 11);
	line.rate = DatumGetNumeric(o2c_row_copy(row, 12).value);
	return line;
}

/* Reads what is left of an invoice. */
static Creditable
read_creditable(int64 company, int64 invoice, const char *currency)
{
	Creditable	c = {.digits = o2c_minor_units(currency)};

	c.n = (int) o2c_run(&read_lines, O2C_ARGS(o2c_int8(company), o2c_int8(invoice)));
	c.lines = palloc(sizeof(O2cInvoiceLine) * Max(c.n, 1));
	c.left_net = palloc(sizeof(Numeric) * Max(c.n, 1));
	c.left_quantity = palloc(sizeof(Numeric) * Max(c.n, 1));
	c.chosen = palloc0(sizeof(bool) * Max(c.n, 1));
	for (int i = 0; i < c.n; i++)
	{
		c.lines[i] = row_line(i);
		c.left_net[i] = DatumGetNumeric(o2c_row_copy(i, 13).value);
		c.left_quantity[i] = DatumGetNumeric(o2c_row_copy(i, 14).value);
	}
	return c;
}

/* Credits an amount for a line that is not its quantity times its price: the price follows from it. */
static void
take_net(O2cInvoiceLine *line, Numeric net)
{
	if (o2c_sign(line->quantity) == 0)
	{
		/* only money is left: nothing that could be billed again */
		line->quantity = o2c_int_numeric(1);
		line->shipment = line->order_id = 0;
	}
	line->unit_price = o2c_div(net, line->quantity);
	line->discount = o2c_zero();
	line->net = net;
}

/* Credits all that is left of a line, in quantity and in amount. */
static void
choose_rest(Creditable *c, int i)
{
	O2cInvoiceLine *line = &c->lines[i];

	line->quantity = c->left_quantity[i];
	line->net = o2c_line_net(line->quantity, line->unit_price, line->discount, c->digits);
	if (o2c_cmp(line->net, c->left_net[i]) != 0)
		take_net(line, c->left_net[i]);
	c->chosen[i] = true;
}

/* Refuses to credit more than is left of a line. */
static void
check_left(const Creditable *c, int i)
{
	const O2cInvoiceLine *line = &c->lines[i];

	if (numeric_is_nan(line->quantity) || o2c_sign(line->quantity) <= 0 || o2c_sign(line->net) < 0 ||
		o2c_cmp(line->quantity, c->left_quantity[i]) > 0 || o2c_cmp(line->net, c->left_net[i]) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_OVER_APPLICATION),
				 errmsg("line %d: cannot credit %s for %s", line->line_no, o2c_numeric_text(line->quantity), o2c_numeric_text(line->net)),
				 errdetail("Left of the line: quantity %s, net amount %s.", o2c_numeric_text(c->left_quantity[i]), o2c_numeric_text(c->left_net[i]))));
}

/* Takes one wish: a line, how much of it, and for which price. */
static void
take_wish(Creditable *c, const JsonbValue *wish, int number)
{
	static const char *const keys[] = {"line_no", "quantity", "unit_price", NULL};
	Numeric		line_no,
				quantity,
				price;

	o2c_json_known_keys(wish, psprintf("line %d", number), keys);
	line_no = o2c_json_number(wish, "line_no");
	quantity = o2c_json_number(wish, "quantity");
	price = o2c_json_number(wish, "unit_price");
	for (int i = 0; i < c->n; i++)
	{
		O2cInvoiceLine *line = &c->lines[i];

		if (line_no == NULL || c->chosen[i] || o2c_cmp(line_no, o2c_int_numeric(line->line_no)) != 0)
			continue;
		line->quantity = quantity == NULL ? c->left_quantity[i] : quantity;
		if (price != NULL)
		{
			line->unit_price = price;
			line->discount = o2c_zero();
		}
		line->net = o2c_line_net(line->quantity, line->unit_price, line->discount, c->digits);
		/* earlier credits may have left less than the price, by rounding or by agreement */
		if (price == NULL && o2c_sign(line->quantity) > 0 &&
			(o2c_cmp(line->net, c->left_net[i]) > 0 || o2c_cmp(line->quantity, c->left_quantity[i]) == 0))
			take_net(line, c->left_net[i]);
		check_left(c, i);
		c->chosen[i] = true;
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
			 errmsg("the invoice has no line for wish %d", number), errhint("Name each line once, by \"line_no\".")));
}

/* Chooses what to credit; returns the lines. */
static O2cInvoiceLine *
choose_lines(Creditable *c, Jsonb *wishes, bool rebill, int *n)
{
	O2cInvoiceLine *lines = palloc(sizeof(O2cInvoiceLine) * Max(c->n, 1));
	JsonbValue *objects;
	int			wished = wishes == NULL ? 0 : o2c_json_objects(wishes, "lines", &objects);

	for (int i = 0; i < wished; i++)
		take_wish(c, &objects[i], i + 1);
	for (int i = 0; wishes == NULL && i < c->n; i++)
		if (o2c_sign(c->left_net[i]) > 0)
			choose_rest(c, i);
	*n = 0;
	for (int i = 0; i < c->n; i++)
	{
		if (!c->chosen[i])
			continue;
		lines[*n] = c->lines[i];
		/* only what is to be billed again goes back to the order */
		if (!rebill)
			lines[*n].shipment = lines[*n].order_id = 0;
		(*n)++;
	}
	if (*n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("nothing of the invoice is left to credit")));
	return lines;
}

/* Makes the goods of a credit note billable again. */
static void
reopen_lines(int64 company, int64 credit_note)
{
	static O2cPlan orders = O2C_PLAN("UPDATE o2c.order_line l SET credited_quantity = l.credited_quantity + c.quantity"
									 " FROM (SELECT order_id, order_line_no, sum(quantity) AS quantity FROM o2c.invoice_line"
									 " WHERE company_id = $1 AND invoice_id = $2 AND order_id IS NOT NULL GROUP BY 1, 2) c"
									 " WHERE l.company_id = $1 AND l.order_id = c.order_id AND l.line_no = c.order_line_no", INT8OID, INT8OID);
	static O2cPlan shipments = O2C_PLAN("UPDATE o2c.shipment_line l SET invoiced_quantity = l.invoiced_quantity - c.quantity"
										" FROM o2c.invoice_line c WHERE c.company_id = $1 AND c.invoice_id = $2 AND l.company_id = $1"
										" AND l.shipment_id = c.shipment_id AND l.line_no = c.order_line_no", INT8OID, INT8OID);
	static O2cPlan reopen = O2C_PLAN("UPDATE o2c.sales_order o SET state = 'confirmed' WHERE company_id = $1 AND state = 'completed'"
									 " AND order_id IN (SELECT order_id FROM o2c.invoice_line WHERE company_id = $1 AND invoice_id = $2)"
									 " AND EXISTS (SELECT FROM o2c.order_line l WHERE l.company_id = $1 AND l.order_id = o.order_id"
									 " AND l.invoiced_quantity - l.credited_quantity < l.shipped_quantity - l.returned_quantity)",
									 INT8OID, INT8OID);
	const NullableDatum *args = O2C_ARGS(o2c_int8(company), o2c_int8(credit_note));

	o2c_run(&orders, args);
	o2c_run(&shipments, args);
	o2c_run(&reopen, args);
}

/* Keeps in mind what of the invoice's goods is credited for good: it may come back later. */
static void
waive_lines(int64 company, int64 invoice_id)
{
	static O2cPlan waive = O2C_PLAN("UPDATE o2c.order_line l SET waived_quantity = w.quantity FROM o2c._waived_quantity w"
									" WHERE w.company_id = $1 AND (w.order_id, w.order_line_no) IN (SELECT n.order_id, n.order_line_no"
									" FROM o2c.invoice_line n WHERE n.company_id = $1 AND n.invoice_id = $2)"
									" AND l.company_id = $1 AND l.order_id = w.order_id AND l.line_no = w.order_line_no"
									" AND l.waived_quantity <> w.quantity", INT8OID, INT8OID);

	o2c_run(&waive, O2C_ARGS(o2c_int8(company), o2c_int8(invoice_id)));
}

/* Locks the groups of who owes an invoice and of who ordered what is on it. */
static void
lock_customers(int64 company, int64 invoice_id)
{
	static O2cPlan find = O2C_PLAN("SELECT v.customer_id || array_agg(o.customer_id) FROM o2c.invoice v"
								   " LEFT JOIN (SELECT DISTINCT order_id FROM o2c.invoice_line WHERE company_id = $1 AND invoice_id = $2) l ON true"
								   " LEFT JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = l.order_id"
								   " WHERE v.company_id = $1 AND v.invoice_id = $2 GROUP BY v.customer_id", INT8OID, INT8OID);

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(invoice_id)));
	o2c_lock_customer_array(company, o2c_row_copy(0, 1).value);
}

/* Reads the invoice, under its customers' locks. */
static O2cInvoice
read_invoice(int64 company, int64 invoice_id, DateADT credited_on)
{
	static O2cPlan find = O2C_PLAN("SELECT customer_id, kind, state, currency, order_id, po_number, credit_rate, invoiced_on"
								   " FROM o2c.invoice WHERE company_id = $1 AND invoice_id = $2", INT8OID, INT8OID);
	O2cInvoice	note = {.kind = "credit_note", .original = invoice_id};

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(invoice_id))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no invoice %lld", (long long) company, (long long) invoice_id)));
	lock_customers(company, invoice_id);
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(invoice_id)));
	if (strcmp(o2c_row_text(0, 2), "invoice") != 0 || strcmp(o2c_row_text(0, 3), "draft") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("only a posted invoice can be credited")));
	if (credited_on < o2c_row_int4(0, 8))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a credit note of %s is earlier than its invoice", o2c_date_text(credited_on))));
	note.customer = o2c_row_int8(0, 1);
	note.currency = o2c_row_text(0, 4);
	note.order_id = o2c_row_int8(0, 5);
	note.po_number = o2c_row_text(0, 6);
	note.credit_rate = o2c_row_copy(0, 7);
	note.terms = "immediate";
	return note;
}

/* Credits; returns the id of the credit note. */
static int64
credit(int64 company, int64 invoice_id, DateADT credited_on, Jsonb *wishes, char *reason, bool rebill)
{
	O2cInvoice	note = read_invoice(company, invoice_id, credited_on);
	Creditable	left = read_creditable(company, invoice_id, note.currency);

	note.lines = choose_lines(&left, wishes, rebill, &note.n);
	note.reason = reason;
	o2c_store_invoices(company, credited_on, &note, 1);
	if (rebill)
		reopen_lines(company, note.id);
	waive_lines(company, invoice_id);
	o2c_post_invoices(company, "credit_note", credited_on, o2c_invoice_ids(&note, 1), 1);
	return note.id;
}

PG_FUNCTION_INFO_V1(o2c_credit_invoice);
/* o2c.credit_invoice(invoice, credited_on, lines, reason, rebill, idempotency_key, company) */
Datum
o2c_credit_invoice(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(6) ? o2c_current_company() : PG_GETARG_INT64(6);
	DateADT		credited_on = PG_ARGISNULL(1) ? o2c_today() : PG_GETARG_DATEADT(1);
	Jsonb	   *wishes = PG_ARGISNULL(2) ? NULL : PG_GETARG_JSONB_P(2);
	int64		note;

	if (PG_ARGISNULL(0) || DATE_NOT_FINITE(credited_on))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("credit_invoice needs an invoice and a finite date")));
	o2c_connect();
	if (!o2c_command_seen(fcinfo, 5, company, "credit_invoice", &note))
	{
		note = credit(company, PG_GETARG_INT64(0), credited_on, wishes, PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)),
					  !PG_ARGISNULL(4) && PG_GETARG_BOOL(4));
		o2c_command_done(company, o2c_pg_arg(5), note);
	}
	o2c_finish();
	PG_RETURN_INT64(note);
}

/* The invoices with something to credit, and the customers concerned. */
static O2cPlan find_returns = O2C_PLAN(
	"SELECT array_agg(r.invoice_id), array_agg(r.customer_id) || array_agg(o.customer_id) FROM o2c.return_to_credit r"
	" JOIN o2c.customer c ON c.company_id = $1 AND c.customer_id = r.customer_id AND ($2 IS NULL OR c.code = $2)"
	" LEFT JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = r.order_id WHERE r.company_id = $1",
	INT8OID, TEXTOID);

/* Credits what came back of some invoices; hands the credit notes to the caller. */
static void
credit_all(ReturnSetInfo *rsinfo, int64 company, NullableDatum invoices, NullableDatum credited_on)
{
	static O2cPlan credit_them = O2C_PLAN("SELECT credit_note, invoice FROM o2c._credit_returns($2, $3, $1)", INT8OID, INT8ARRAYOID, DATEOID);
	uint64		n = o2c_run(&credit_them, O2C_ARGS(o2c_int8(company), invoices, credited_on));

	for (uint64 i = 0; i < n; i++)
	{
		Datum		values[2] = {Int64GetDatum(o2c_row_int8(i, 1)), Int64GetDatum(o2c_row_int8(i, 2))};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

PG_FUNCTION_INFO_V1(o2c_credit_returns);
/* o2c.credit_returns(credited_on, customer, company) */
Datum
o2c_credit_returns(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(2) ? o2c_current_company() : PG_GETARG_INT64(2);
	NullableDatum invoices;

	InitMaterializedSRF(fcinfo, 0);
	o2c_connect();
	o2c_run(&find_returns, O2C_ARGS(o2c_int8(company), o2c_pg_arg(1)));
	invoices = o2c_row_copy(0, 1);
	if (!invoices.isnull)
	{
		/* all at once, in the order of their ids */
		o2c_lock_customer_array(company, o2c_row_copy(0, 2).value);
		credit_all((ReturnSetInfo *) fcinfo->resultinfo, company, invoices, o2c_pg_arg(0));
	}
	o2c_finish();
	return (Datum) 0;
}
