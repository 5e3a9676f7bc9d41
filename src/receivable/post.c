/*-------------------------------------------------------------------------
 *
 * post.c
 *		Posting an invoice makes its open items.
 *
 * The terms are turned into instalments once, here; a later change of the
 * terms does not move what was agreed.  A credit note is one negative item, at
 * the exchange rate of the invoice that it corrects.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/plan.h"
#include "core/trigger.h"
#include "receivable/application.h"
#include "terms/terms.h"
#include "utils/rel.h"

/* Instalments of invoices, one item of a credit note. */
static O2cPlan insert_items = O2C_PLAN(
	"INSERT INTO o2c.open_item (company_id, customer_id, kind, invoice_id, instalment, effective_on, due_on, currency, amount, open_amount, credit_rate, base_rate)"
	" SELECT $1, i.customer_id, i.kind, i.invoice_id, s.instalment, i.invoiced_on, s.due_on, i.currency, s.amount, s.amount, i.credit_rate,"
	" CASE i.kind WHEN 'credit_note' THEN (SELECT min(o.base_rate) FROM o2c.open_item o WHERE o.company_id = $1 AND o.invoice_id = i.original_invoice_id) END"
	" FROM unnest($2) AS u (invoice_id) JOIN o2c.invoice i ON i.company_id = $1 AND i.invoice_id = u.invoice_id"
	" CROSS JOIN LATERAL o2c.schedule(i.payment_terms, i.invoiced_on,"
	" CASE i.kind WHEN 'credit_note' THEN - i.total_amount ELSE i.total_amount END, i.currency) s",
	INT8OID, INT8ARRAYOID);

/* The discounts that the terms offer on the instalments. */
static O2cPlan insert_discounts = O2C_PLAN(
	"INSERT INTO o2c.instalment_discount (company_id, item_id, tier, until_on, amount)"
	" SELECT $1, o.item_id, d.tier, d.until_on, d.amount"
	" FROM unnest($2) AS u (invoice_id) JOIN o2c.invoice i ON i.company_id = $1 AND i.invoice_id = u.invoice_id AND i.kind = 'invoice'"
	" CROSS JOIN LATERAL o2c.schedule(i.payment_terms, i.invoiced_on, i.total_amount, i.currency) s"
	" JOIN o2c.open_item o ON o.company_id = $1 AND o.invoice_id = i.invoice_id AND o.instalment = s.instalment"
	" CROSS JOIN LATERAL (VALUES (1, s.discount_1_until, s.discount_1_amount), (2, s.discount_2_until, s.discount_2_amount),"
	" (3, s.discount_3_until, s.discount_3_amount)) AS d (tier, until_on, amount)"
	" WHERE d.until_on IS NOT NULL",
	INT8OID, INT8ARRAYOID);

/* A credit note pays for the invoice that it corrects, the earliest instalment first. */
static O2cPlan find_credits = O2C_PLAN(
	"SELECT x.credit_item, x.debit_item, x.effective_on, least(x.open_amount, x.credit - x.before)"
	" FROM (SELECT c.item_id AS credit_item, d.item_id AS debit_item, greatest(c.effective_on, d.effective_on) AS effective_on,"
	" d.open_amount, - c.open_amount AS credit,"
	" sum(d.open_amount) OVER (PARTITION BY c.item_id ORDER BY d.due_on, d.item_id) - d.open_amount AS before"
	" FROM unnest($2) AS u (invoice_id)"
	" JOIN o2c.invoice v ON v.company_id = $1 AND v.invoice_id = u.invoice_id AND v.kind = 'credit_note'"
	" JOIN o2c.open_item c ON c.company_id = $1 AND c.invoice_id = v.invoice_id"
	" JOIN o2c.open_item d ON d.company_id = $1 AND d.invoice_id = v.original_invoice_id AND d.open_amount > 0) x"
	" WHERE x.before < x.credit",
	INT8OID, INT8ARRAYOID);

/* Applies the credit notes among some invoices. */
static void
apply_credits(int64 company, const NullableDatum *args)
{
	int			n = (int) o2c_run(&find_credits, args);
	O2cApplication *rows = o2c_found_applications(n);

	if (n == 0)
		return;
	o2c_date_after_reversals(company, rows, n);
	o2c_apply(company, rows, n, "credit_note");
}

/* Invoices of one company that were posted. */
typedef struct Posted
{
	int64		company;
	int64	   *invoices;
	int			n;
	bool		discounts;		/* whether terms of one of them offer any */
	bool		credits;		/* whether one of them is a credit note */
} Posted;

#define INVOICE_BATCH 10000

/* Makes their items, and starts over. */
static void
make_items(Posted *p)
{
	NullableDatum args[2];

	if (p->n == 0)
		return;
	args[0] = o2c_int8(p->company);
	args[1] = o2c_datum(o2c_int8_array(p->invoices, p->n));
	o2c_run(&insert_items, args);
	if (p->discounts)
		o2c_run(&insert_discounts, args);
	if (p->credits)
		apply_credits(p->company, args);
	p->n = 0;
	p->discounts = p->credits = false;
}

/* Whether an instalment of the terms has a discount. */
static bool
offers_discount(TupleTableSlot *row, int column)
{
	bool		isnull;
	Datum		value = o2c_slot_datum(row, column, &isnull);
	const O2cTerms *terms;

	if (isnull)
		return false;
	terms = o2c_terms(DatumGetTextPP(value));
	for (int i = 0; i < terms->n; i++)
		if (terms->instalments[i].ntiers > 0)
			return true;
	return false;
}

/* Notes an invoice that was posted. */
static void
note_posted(Posted *p, TriggerData *trigdata, TupleTableSlot *row)
{
	Relation	rel = trigdata->tg_relation;
	int64		company = o2c_slot_int8(row, o2c_column(rel, "company_id"));

	if (p->n == INVOICE_BATCH || company != p->company)
		make_items(p);
	p->company = company;
	p->invoices[p->n++] = o2c_slot_int8(row, o2c_column(rel, "invoice_id"));
	p->discounts |= offers_discount(row, o2c_column(rel, "payment_terms"));
	p->credits |= strcmp(o2c_slot_text(row, o2c_column(rel, "kind")), "credit_note") == 0;
}

PG_FUNCTION_INFO_V1(o2c_make_items);
/* o2c._make_items(): after each update of invoices */
Datum
o2c_make_items(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._make_items", O2C_AFTER_STATEMENT, 0);
	int			state = o2c_column(trigdata->tg_relation, "state");
	Posted		posted = {0};
	O2cChanges	changes;

	o2c_connect();
	posted.invoices = palloc(sizeof(int64) * INVOICE_BATCH);
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
		if (strcmp(o2c_slot_text(changes.before, state), "draft") == 0 && strcmp(o2c_slot_text(changes.after, state), "draft") != 0)
			note_posted(&posted, trigdata, changes.after);
	make_items(&posted);
	o2c_changes_end(&changes);
	o2c_finish();
	return PointerGetDatum(NULL);
}
