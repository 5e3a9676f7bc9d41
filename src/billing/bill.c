/*-------------------------------------------------------------------------
 *
 * bill.c
 *		o2c.bill(): invoices everything that was shipped and not invoiced.
 *
 * One code path for one customer or all: the groups of the customers are
 * locked, their billable lines read in the order of the invoices they make,
 * and each step is one statement for all invoices of a chunk of customers.
 * Posting, which draws the numbers, comes once for all of them.  Only then
 * are the quantities taken off what is billable: the other way round the
 * exposure would drop for a moment, and orders that are held for credit would
 * be released on money that nobody paid.
 *
 *-------------------------------------------------------------------------
 */
#include "billing/invoice.h"

#include "core/clock.h"
#include "core/money.h"
#include "funcapi.h"
#include "nodes/pg_list.h"
#include "ordering/order.h"
#include "party/customer.h"
#include "utils/array.h"

#define CUSTOMERS_AT_ONCE 500

/* The invoices of one chunk of customers. */
typedef struct Chunk
{
	O2cInvoice *invoices;
	int			n;
} Chunk;

/* Everything that one call bills. */
typedef struct Run
{
	List	   *chunks;
	int64		company;
	DateADT		as_of;
	int64	   *ids;			/* invoices stored so far */
	int			n;
	int			room;
} Run;

/* What tells one invoice from the next among the lines. */
typedef struct InvoiceKey
{
	int64		bill_to;
	int64		key;
	char	   *currency;
	char	   *terms;
	char	   *rate;
} InvoiceKey;

/* Customers with something to bill, in order. */
static int64 *
find_customers(int64 company, DateADT as_of, int *n)
{
	static O2cPlan find = O2C_PLAN("SELECT DISTINCT customer_id FROM o2c._billable_line WHERE company_id = $1 AND shipped_on <= $2"
								   " ORDER BY 1", INT8OID, DATEOID);
	int64	   *customers;

	*n = (int) o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_date(as_of)));
	customers = palloc(sizeof(int64) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		customers[i] = o2c_row_int8(i, 1);
	return customers;
}

/* Locks the groups of some customers and of those who pay for them. */
static void
lock_customers(int64 company, const int64 *customers, int n)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(customer_id) || array_agg(bill_to_customer_id) FROM o2c.customer"
								   " WHERE company_id = $1 AND customer_id = ANY ($2)", INT8OID, INT8ARRAYOID);

	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_int8_array(customers, n))));
	o2c_lock_customer_array(company, o2c_row_copy(0, 1).value);
}

/* The billable lines of some customers, invoice by invoice. */
static O2cPlan read_lines = O2C_PLAN(
	"SELECT bill_to_customer_id, invoice_key, currency, payment_terms, credit_rate::text AS rate_key, po_number, credit_rate,"
	" kind = 'charge', shipment_id, order_id, line_no, product_id, description, quantity, unit_price, discount_percent,"
	" tax_category, tax_rate"
	" FROM o2c._billable_line WHERE company_id = $1 AND customer_id = ANY ($2) AND shipped_on <= $3"
	" ORDER BY bill_to_customer_id, currency, payment_terms, credit_rate, invoice_key, order_id, shipment_id, line_no",
	INT8OID, INT8ARRAYOID, DATEOID);

/* The key of a row. */
static InvoiceKey
row_key(uint64 row)
{
	InvoiceKey	k;

	k.bill_to = o2c_row_int8(row, 1);
	k.key = o2c_row_int8(row, 2);
	k.currency = o2c_row_text(row, 3);
	k.terms = o2c_row_text(row, 4);
	k.rate = o2c_row_text(row, 5);
	return k;
}

/* Whether a row begins another invoice. */
static bool
key_differs(const InvoiceKey *a, const InvoiceKey *b)
{
	return a->bill_to != b->bill_to || a->key != b->key || strcmp(a->currency, b->currency) != 0 ||
		strcmp(a->terms, b->terms) != 0 || strcmp(a->rate, b->rate) != 0;
}

/* A row as a line of an invoice. */
static O2cInvoiceLine
row_line(uint64 row, const char *currency)
{
	O2cInvoiceLine line = {0};

	line.charge = o2c_row_bool(row, 8);
	line.shipment = o2c_row_int8(row, 9);
	line.order_id = o2c_row_int8(row, 10);
	line.order_line = o2c_row_int4(row, 11);
	line.product = o2c_row_copy(row, 12);
	line.description = o2c_row_text(row, 13);
	line.quantity = DatumGetNumeric(o2c_row_copy(row, 14).value);
	line.unit_price = DatumGetNumeric(o2c_row_copy(row, 15).value);
	line.discount = DatumGetNumeric(o2c_row_copy(row, 16).value);
	line.category = o2c_row_text(row, 17);
	line.rate = DatumGetNumeric(o2c_row_copy(row, 18).value);
	line.net = o2c_line_net(line.quantity, line.unit_price, line.discount, o2c_minor_units(currency));
	return line;
}

/* Begins an invoice with a row. */
static O2cInvoice
begin_invoice(const InvoiceKey *key, uint64 row, O2cInvoiceLine *lines)
{
	O2cInvoice	invoice = {.kind = "invoice", .customer = key->bill_to, .currency = key->currency, .terms = key->terms};

	invoice.order_id = o2c_row_int8(row, 10);
	invoice.po_number = o2c_row_text(row, 6);
	invoice.credit_rate = o2c_row_copy(row, 7);
	invoice.lines = lines;
	return invoice;
}

/* Groups the rows just read into invoices. */
static O2cInvoice *
draft_invoices(int n_rows, int *n)
{
	O2cInvoice *invoices = palloc(sizeof(O2cInvoice) * n_rows);
	O2cInvoiceLine *lines = palloc(sizeof(O2cInvoiceLine) * n_rows);
	InvoiceKey	key;

	*n = 0;
	for (int row = 0; row < n_rows; row++)
	{
		InvoiceKey	next = row_key(row);
		O2cInvoice *invoice;

		if (row == 0 || key_differs(&key, &next))
			invoices[(*n)++] = begin_invoice(&next, row, &lines[row]);
		key = next;
		invoice = &invoices[*n - 1];
		lines[row] = row_line(row, invoice->currency);
		invoice->n++;
		if (lines[row].order_id != invoice->order_id)
		{
			invoice->order_id = 0;
			invoice->po_number = NULL;
		}
	}
	return invoices;
}

/* Takes the billed quantities off what is billable. */
static void
consume_lines(int64 company, const O2cInvoice *invoices, int n)
{
	static O2cPlan shipments = O2C_PLAN("UPDATE o2c.shipment_line l SET invoiced_quantity = l.invoiced_quantity + u.quantity"
										" FROM unnest($2, $3, $4) AS u (shipment_id, line_no, quantity)"
										" WHERE l.company_id = $1 AND l.shipment_id = u.shipment_id AND l.line_no = u.line_no",
										INT8OID, INT8ARRAYOID, INT4ARRAYOID, NUMERICARRAYOID);
	static O2cPlan orders = O2C_PLAN("UPDATE o2c.order_line l SET invoiced_quantity = l.invoiced_quantity + u.quantity"
									 " FROM (SELECT order_id, line_no, sum(quantity) AS quantity"
									 " FROM unnest($2, $3, $4) AS u (order_id, line_no, quantity) GROUP BY 1, 2) u"
									 " WHERE l.company_id = $1 AND l.order_id = u.order_id AND l.line_no = u.line_no",
									 INT8OID, INT8ARRAYOID, INT4ARRAYOID, NUMERICARRAYOID);
	NullableDatum *columns[4];
	int			total = 0;
	int			at = 0;
	Datum		lines,
				quantities,
				order_ids;

	for (int i = 0; i < n; i++)
		total += invoices[i].n;
	for (int c = 0; c < 4; c++)
		columns[c] = palloc(sizeof(NullableDatum) * total);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < invoices[i].n; j++, at++)
		{
			columns[0][at] = o2c_int8(invoices[i].lines[j].shipment);
			columns[1][at] = o2c_int8(invoices[i].lines[j].order_id);
			columns[2][at] = o2c_int4(invoices[i].lines[j].order_line);
			columns[3][at] = o2c_datum(NumericGetDatum(invoices[i].lines[j].quantity));
		}
	lines = o2c_datum_array(columns[2], total, INT4OID);
	quantities = o2c_datum_array(columns[3], total, NUMERICOID);
	order_ids = o2c_datum_array(columns[1], total, INT8OID);
	o2c_run(&shipments, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_datum_array(columns[0], total, INT8OID)), o2c_datum(lines), o2c_datum(quantities)));
	o2c_run(&orders, O2C_ARGS(o2c_int8(company), o2c_datum(order_ids), o2c_datum(lines), o2c_datum(quantities)));
	o2c_complete_orders(company, order_ids);
}

/* Bills some customers, whose groups are locked. */
static void
bill_customers(Run *run, const int64 *customers, int n_customers)
{
	int			n_rows = (int) o2c_run(&read_lines, O2C_ARGS(o2c_int8(run->company), o2c_datum(o2c_int8_array(customers, n_customers)), o2c_date(run->as_of)));
	Chunk	   *chunk = palloc(sizeof(Chunk));

	if (n_rows == 0)
		return;
	chunk->invoices = draft_invoices(n_rows, &chunk->n);
	o2c_store_invoices(run->company, run->as_of, chunk->invoices, chunk->n);
	run->chunks = lappend(run->chunks, chunk);
	if (run->n + chunk->n > run->room)
	{
		run->room = (run->n + chunk->n) * 2;
		run->ids = run->ids == NULL ? palloc(sizeof(int64) * run->room) : repalloc_huge(run->ids, sizeof(int64) * run->room);
	}
	for (int i = 0; i < chunk->n; i++)
		run->ids[run->n++] = chunk->invoices[i].id;
}

/* Hands the posted invoices to the caller. */
static void
return_invoices(ReturnSetInfo *rsinfo, uint64 n)
{
	for (uint64 row = 0; row < n; row++)
	{
		Datum		values[4];
		bool		nulls[4];

		for (int c = 0; c < 4; c++)
			values[c] = o2c_row_datum(row, c + 1, &nulls[c]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

PG_FUNCTION_INFO_V1(o2c_bill);
/* o2c.bill(as_of, customer, company) */
Datum
o2c_bill(PG_FUNCTION_ARGS)
{
	Run			run = {0};
	int64		customer;
	int64	   *customers = &customer;
	int			n = 1;
	ListCell   *chunk;

	run.company = PG_ARGISNULL(2) ? o2c_current_company() : PG_GETARG_INT64(2);
	run.as_of = PG_ARGISNULL(0) ? o2c_today() : PG_GETARG_DATEADT(0);
	if (DATE_NOT_FINITE(run.as_of))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("bill needs a finite date")));
	InitMaterializedSRF(fcinfo, 0);
	o2c_connect();
	if (PG_ARGISNULL(1))
		customers = find_customers(run.company, run.as_of, &n);
	else
		customer = o2c_find_customer(run.company, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (n > 0)
		lock_customers(run.company, customers, n);
	for (int i = 0; i < n; i += CUSTOMERS_AT_ONCE)
		bill_customers(&run, customers + i, Min(CUSTOMERS_AT_ONCE, n - i));
	if (run.n > 0)
		return_invoices((ReturnSetInfo *) fcinfo->resultinfo,
						o2c_post_invoices(run.company, "invoice", run.as_of, o2c_int8_array(run.ids, run.n), run.n));
	foreach(chunk, run.chunks)
	{
		Chunk	   *c = lfirst(chunk);

		consume_lines(run.company, c->invoices, c->n);
	}
	o2c_finish();
	return (Datum) 0;
}
