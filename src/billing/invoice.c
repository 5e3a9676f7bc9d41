/*-------------------------------------------------------------------------
 *
 * invoice.c
 *		Stores invoices as drafts and posts them, many at a time.
 *
 * A draft has no number.  Posting draws the numbers when all else is done,
 * because the counter of a gapless series holds up everybody else from then
 * until commit; the open items follow from the posting (room receivable).
 *
 * Arithmetic of EN 16931: lines are rounded (BT-131), their sum is BT-106
 * (BR-CO-10), charges are BT-108, tax is computed once per category and rate
 * (BR-CO-17), totals follow (BR-CO-13 to 15).
 *
 *-------------------------------------------------------------------------
 */
#include "billing/invoice.h"

#include "core/money.h"
#include "core/number.h"
#include "ordering/order.h"

#define HEADER_COLUMNS 12
#define LINE_COLUMNS 14

/* A numeric, and an id that may be 0 for none, as column values. */
#define numeric_value(v) o2c_datum(NumericGetDatum(v))
#define id_value(v) ((v) == 0 ? O2C_NULL : o2c_int8(v))

/* Amounts of one invoice, and its tax. */
typedef struct Totals
{
	Numeric		items;
	Numeric		charges;
	Numeric		tax;
	O2cTaxGroup *groups;
	int			n_groups;
} Totals;

/* Adds the lines up and computes the tax. */
static Totals
invoice_totals(O2cInvoice *invoice)
{
	int			digits = o2c_minor_units(invoice->currency);
	O2cTaxLine *taxed = palloc(sizeof(O2cTaxLine) * invoice->n);
	Totals		t = {.items = o2c_zero(), .charges = o2c_zero(), .tax = o2c_zero()};

	t.groups = palloc(sizeof(O2cTaxGroup) * invoice->n);
	for (int i = 0; i < invoice->n; i++)
	{
		O2cInvoiceLine *line = &invoice->lines[i];

		if (line->charge)
			t.charges = o2c_add(t.charges, line->net);
		else
			t.items = o2c_add(t.items, line->net);
		taxed[i].category = line->category;
		taxed[i].rate = line->rate;
		taxed[i].net = line->net;
	}
	t.n_groups = o2c_group_tax(taxed, invoice->n, digits, t.groups);
	for (int g = 0; g < t.n_groups; g++)
		t.tax = o2c_add(t.tax, t.groups[g].tax);
	return t;
}

/*
 * Gives a credit note the tax that its lines add to what was credited of the
 * invoice before: each on its own would be rounded on its own, and together
 * they could be more than the invoice.
 */
static void
continue_tax(int64 company, const O2cInvoice *note, Totals *t)
{
	static O2cPlan find = O2C_PLAN("SELECT coalesce(sum(x.taxable_amount), 0), coalesce(sum(x.tax_amount), 0) FROM o2c.invoice v"
								   " JOIN o2c.invoice_tax x ON x.company_id = $1 AND x.invoice_id = v.invoice_id"
								   " WHERE v.company_id = $1 AND v.original_invoice_id = $2 AND x.tax_category = $3 AND x.tax_rate = $4",
								   INT8OID, INT8OID, TEXTOID, NUMERICOID);
	int			digits = o2c_minor_units(note->currency);

	t->tax = o2c_zero();
	for (int g = 0; g < t->n_groups; g++)
	{
		O2cTaxGroup *group = &t->groups[g];
		Numeric		taxable;

		o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(note->original), o2c_cstring(group->category), numeric_value(group->rate)));
		taxable = o2c_add(DatumGetNumeric(o2c_row_copy(0, 1).value), group->taxable);
		group->tax = o2c_sub(o2c_round(o2c_div(o2c_mul(taxable, group->rate), o2c_int_numeric(100)), digits), DatumGetNumeric(o2c_row_copy(0, 2).value));
		if (o2c_sign(group->tax) < 0)
			group->tax = o2c_zero();
		t->tax = o2c_add(t->tax, group->tax);
	}
}

/* A new array of column values. */
static NullableDatum *
column(int n)
{
	return palloc(sizeof(NullableDatum) * Max(n, 1));
}

/* Stores the headers; fills in ids and totals. */
static void
insert_headers(int64 company, DateADT invoiced_on, O2cInvoice *invoices, const Totals *totals, int n)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.invoice (company_id, kind, customer_id, order_id, original_invoice_id, invoiced_on, currency,"
									 " payment_terms, po_number, reason, credit_rate, line_amount, charge_amount, net_amount, tax_amount, total_amount)"
									 " SELECT $1, u.kind, u.customer, u.order_id, u.original, $2, u.currency, u.terms::o2c.payment_terms,"
									 " u.po_number, u.reason, u.rate, u.items, u.charges, u.items + u.charges, u.tax, u.items + u.charges + u.tax"
									 " FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) WITH ORDINALITY"
									 " AS u (kind, customer, order_id, original, currency, terms, po_number, reason, rate, items, charges, tax, n)"
									 " ORDER BY u.n RETURNING invoice_id, total_amount",
									 INT8OID, DATEOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
									 TEXTARRAYOID, TEXTARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID);
	static const Oid types[HEADER_COLUMNS] = {TEXTOID, INT8OID, INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID};
	NullableDatum *columns[HEADER_COLUMNS];
	NullableDatum args[HEADER_COLUMNS + 2];

	for (int c = 0; c < HEADER_COLUMNS; c++)
		columns[c] = column(n);
	for (int i = 0; i < n; i++)
	{
		columns[0][i] = o2c_cstring(invoices[i].kind);
		columns[1][i] = o2c_int8(invoices[i].customer);
		columns[2][i] = id_value(invoices[i].order_id);
		columns[3][i] = id_value(invoices[i].original);
		columns[4][i] = o2c_cstring(invoices[i].currency);
		columns[5][i] = o2c_opt_cstring(invoices[i].terms);
		columns[6][i] = o2c_opt_cstring(invoices[i].po_number);
		columns[7][i] = o2c_opt_cstring(invoices[i].reason);
		columns[8][i] = invoices[i].credit_rate;
		columns[9][i] = numeric_value(totals[i].items);
		columns[10][i] = numeric_value(totals[i].charges);
		columns[11][i] = numeric_value(totals[i].tax);
	}
	args[0] = o2c_int8(company);
	args[1] = o2c_date(invoiced_on);
	for (int c = 0; c < HEADER_COLUMNS; c++)
		args[2 + c] = o2c_datum(o2c_datum_array(columns[c], n, types[c]));
	o2c_run(&insert, args);
	for (int i = 0; i < n; i++)
	{
		invoices[i].id = o2c_row_int8(i, 1);
		invoices[i].total = DatumGetNumeric(o2c_row_copy(i, 2).value);
	}
}

/* Sets one line into the columns. */
static void
set_line(NullableDatum **columns, int at, const O2cInvoice *invoice, int i)
{
	const O2cInvoiceLine *line = &invoice->lines[i];

	columns[0][at] = o2c_int8(invoice->id);
	columns[1][at] = o2c_int4(line->line_no == 0 ? i + 1 : line->line_no);
	columns[2][at] = o2c_cstring(line->charge ? "charge" : "item");
	columns[3][at] = id_value(line->shipment);
	columns[4][at] = id_value(line->order_id);
	columns[5][at] = line->order_id == 0 ? O2C_NULL : o2c_int4(line->order_line);
	columns[6][at] = line->product;
	columns[7][at] = o2c_cstring(line->description);
	columns[8][at] = numeric_value(line->quantity);
	columns[9][at] = numeric_value(line->unit_price);
	columns[10][at] = numeric_value(line->discount);
	columns[11][at] = numeric_value(line->net);
	columns[12][at] = o2c_cstring(line->category);
	columns[13][at] = numeric_value(line->rate);
}

/* Stores the lines. */
static void
insert_lines(int64 company, const O2cInvoice *invoices, int n)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.invoice_line (company_id, invoice_id, line_no, kind, shipment_id, order_id, order_line_no,"
									 " product_id, description, quantity, unit_price, discount_percent, net_amount, tax_category, tax_rate)"
									 " SELECT $1, u.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) u",
									 INT8OID, INT8ARRAYOID, INT4ARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID,
									 TEXTARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, TEXTARRAYOID, NUMERICARRAYOID);
	static const Oid types[LINE_COLUMNS] = {INT8OID, INT4OID, TEXTOID, INT8OID, INT8OID, INT4OID, INT8OID, TEXTOID,
	NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, TEXTOID, NUMERICOID};
	NullableDatum *columns[LINE_COLUMNS];
	NullableDatum args[LINE_COLUMNS + 1];
	int			total = 0;
	int			at = 0;

	for (int i = 0; i < n; i++)
		total += invoices[i].n;
	for (int c = 0; c < LINE_COLUMNS; c++)
		columns[c] = column(total);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < invoices[i].n; j++)
			set_line(columns, at++, &invoices[i], j);
	args[0] = o2c_int8(company);
	for (int c = 0; c < LINE_COLUMNS; c++)
		args[1 + c] = o2c_datum(o2c_datum_array(columns[c], total, types[c]));
	o2c_run(&insert, args);
}

/* Stores the tax. */
static void
insert_tax(int64 company, const O2cInvoice *invoices, const Totals *totals, int n)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.invoice_tax (company_id, invoice_id, tax_category, tax_rate, taxable_amount, tax_amount)"
									 " SELECT $1, u.* FROM unnest($2, $3, $4, $5, $6) u",
									 INT8OID, INT8ARRAYOID, TEXTARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID);
	static const Oid types[5] = {INT8OID, TEXTOID, NUMERICOID, NUMERICOID, NUMERICOID};
	NullableDatum *columns[5];
	NullableDatum args[6];
	int			total = 0;
	int			at = 0;

	for (int i = 0; i < n; i++)
		total += totals[i].n_groups;
	for (int c = 0; c < 5; c++)
		columns[c] = column(total);
	for (int i = 0; i < n; i++)
		for (int g = 0; g < totals[i].n_groups; g++, at++)
		{
			columns[0][at] = o2c_int8(invoices[i].id);
			columns[1][at] = o2c_cstring(totals[i].groups[g].category);
			columns[2][at] = numeric_value(totals[i].groups[g].rate);
			columns[3][at] = numeric_value(totals[i].groups[g].taxable);
			columns[4][at] = numeric_value(totals[i].groups[g].tax);
		}
	args[0] = o2c_int8(company);
	for (int c = 0; c < 5; c++)
		args[1 + c] = o2c_datum(o2c_datum_array(columns[c], total, types[c]));
	o2c_run(&insert, args);
}

/* Stores invoices as drafts, with lines and tax; fills in their ids and totals. */
void
o2c_store_invoices(int64 company, DateADT invoiced_on, O2cInvoice *invoices, int n)
{
	Totals	   *totals = palloc(sizeof(Totals) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		totals[i] = invoice_totals(&invoices[i]);
		if (invoices[i].original != 0)
			continue_tax(company, &invoices[i], &totals[i]);
	}
	insert_headers(company, invoiced_on, invoices, totals, n);
	insert_lines(company, invoices, n);
	insert_tax(company, invoices, totals, n);
}

/* The ids of stored invoices, as an array. */
Datum
o2c_invoice_ids(const O2cInvoice *invoices, int n)
{
	int64	   *ids = palloc(sizeof(int64) * Max(n, 1));

	for (int i = 0; i < n; i++)
		ids[i] = invoices[i].id;
	return o2c_int8_array(ids, n);
}

/*
 * Numbers and posts drafts, in the order of their ids.  Leaves a row for each:
 * id, number, customer's code and total.
 */
uint64
o2c_post_invoices(int64 company, const char *series, DateADT invoiced_on, Datum ids, int n)
{
	static O2cPlan post = O2C_PLAN("UPDATE o2c.invoice i SET number = u.number,"
								   " due_on = coalesce(o2c.due_date(i.payment_terms, i.invoiced_on), i.invoiced_on),"
								   " state = CASE WHEN i.total_amount = 0 THEN 'paid' ELSE 'posted' END"
								   " FROM unnest($2, $3) AS u (invoice_id, number), o2c.customer c"
								   " WHERE i.company_id = $1 AND i.invoice_id = u.invoice_id"
								   " AND c.company_id = $1 AND c.customer_id = i.customer_id"
								   " RETURNING i.invoice_id, i.number, c.code, i.total_amount", INT8OID, INT8ARRAYOID, TEXTARRAYOID);
	O2cNumbers	drawn;
	char	  **numbers = palloc(sizeof(char *) * Max(n, 1));

	drawn = o2c_draw_numbers(company, series, invoiced_on, n);
	for (int i = 0; i < n; i++)
		numbers[i] = o2c_format_number(&drawn, i);
	return o2c_run(&post, O2C_ARGS(o2c_int8(company), o2c_datum(ids), o2c_datum(o2c_text_array(numbers, n))));
}
