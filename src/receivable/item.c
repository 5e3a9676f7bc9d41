/*-------------------------------------------------------------------------
 *
 * item.c
 *		Open items: what may be written, and what follows when one is settled.
 *
 * A new item is open in full; from then on only applications move its open
 * amount (application.c).  Amounts have no more decimals than their currency
 * and dates are finite, so that every report can add and subtract them.
 * A document is paid when all its items are zero, and only then.
 *
 *-------------------------------------------------------------------------
 */
#include "receivable/item.h"

#include "access/htup_details.h"
#include "core/clock.h"
#include "core/money.h"
#include "core/plan.h"
#include "utils/datetime.h"
#include "utils/rel.h"

/* Beyond these, sums of a million items would not fit the columns of reports. */
#define AMOUNT_LIMIT INT64CONST(1000000000000000)
#define FIRST_DAY (date2j(1900, 1, 1) - POSTGRES_EPOCH_JDATE)
#define LAST_DAY (date2j(2199, 12, 31) - POSTGRES_EPOCH_JDATE)

/* What is wrong with an amount of a document, or NULL. */
char *
o2c_amount_problem(Numeric amount, const char *currency)
{
	int			digits = o2c_minor_units(currency);

	if (numeric_is_nan(amount) || numeric_is_inf(amount))
		return "is not a finite number";
	if (o2c_sign(amount) < 0)
		return "is negative";
	if (o2c_cmp(amount, o2c_int_numeric(AMOUNT_LIMIT)) >= 0)
		return "is 10^15 or more";
	if (o2c_cmp(o2c_round(amount, digits), amount) != 0)
		return psprintf("has more than the %d decimals of %s", digits, currency);
	return NULL;
}

/* What is wrong with a date of a document, or NULL. */
char *
o2c_date_problem(DateADT day)
{
	return day < FIRST_DAY || day > LAST_DAY ? "is not from 1900-01-01 to 2199-12-31" : NULL;
}

/* Refuses what cannot be an amount. */
void
o2c_check_amount(Numeric amount, const char *currency, const char *what)
{
	char	   *problem = o2c_amount_problem(amount, currency);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the %s %s", what, problem),
				 errdetail("The %s is %s %s.", what, o2c_numeric_text(amount), currency)));
}

/* Refuses what cannot be a date. */
void
o2c_check_date(NullableDatum day, const char *what)
{
	char	   *problem = day.isnull ? "is missing" : o2c_date_problem(DatumGetDateADT(day.value));

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the %s %s", what, problem)));
}

PG_FUNCTION_INFO_V1(o2c_amount_problem_sql);
/* o2c._amount_problem(amount, currency) */
Datum
o2c_amount_problem_sql(PG_FUNCTION_ARGS)
{
	char	   *problem = "is missing";

	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1))
		problem = o2c_amount_problem(PG_GETARG_NUMERIC(0), text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

PG_FUNCTION_INFO_V1(o2c_date_problem_sql);
/* o2c._date_problem(day) */
Datum
o2c_date_problem_sql(PG_FUNCTION_ARGS)
{
	char	   *problem = PG_ARGISNULL(0) ? "is missing" : o2c_date_problem(PG_GETARG_DATEADT(0));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}

/* What a statement that inserts items looked up: columns, and rates to a company's currency. */
typedef struct Derivation
{
	int			company_id;
	int			currency_code;
	int			effective_on;
	int			due_on;
	int			amount;
	int			open_amount;
	int			base_rate;
	int64		company;		/* 0: none yet */
	char		base[4];		/* its currency */
	char		currency[4];	/* the last other one, its day and its rate */
	DateADT		day;
	NullableDatum rate;
	Numeric		one;
} Derivation;

/* Looks the columns up, once for a statement. */
static Derivation *
begin_derivation(FmgrInfo *flinfo, Relation rel)
{
	Derivation *d = flinfo->fn_extra;
	MemoryContext old;

	if (d != NULL)
		return d;
	old = MemoryContextSwitchTo(flinfo->fn_mcxt);
	d = palloc0(sizeof(Derivation));
	d->company_id = o2c_column(rel, "company_id");
	d->currency_code = o2c_column(rel, "currency");
	d->effective_on = o2c_column(rel, "effective_on");
	d->due_on = o2c_column(rel, "due_on");
	d->amount = o2c_column(rel, "amount");
	d->open_amount = o2c_column(rel, "open_amount");
	d->base_rate = o2c_column(rel, "base_rate");
	d->one = o2c_int_numeric(1);
	MemoryContextSwitchTo(old);
	return flinfo->fn_extra = d;
}

/* A column of the row that a BEFORE INSERT trigger sees. */
static NullableDatum
new_column(TriggerData *trigdata, int column)
{
	NullableDatum d;

	d.value = heap_getattr(trigdata->tg_trigtuple, column, RelationGetDescr(trigdata->tg_relation), &d.isnull);
	return d;
}

/* Looks up the currency of the company. */
static void
read_base(Derivation *d, int64 company)
{
	static O2cPlan find = O2C_PLAN("SELECT currency FROM o2c.company WHERE company_id = $1", INT8OID);

	o2c_connect();
	/* a company that is not there is left to the foreign key */
	strlcpy(d->base, o2c_run(&find, O2C_ARGS(o2c_int8(company))) == 0 ? "" : o2c_row_text(0, 1), sizeof(d->base));
	o2c_finish();
	d->company = company;
	d->currency[0] = '\0';
}

/* Looks up the rate of a day. */
static void
read_rate(Derivation *d, const char *currency, DateADT day, MemoryContext context)
{
	static O2cPlan find = O2C_PLAN("SELECT o2c._known_rate($1, $2, $3, $4)", TEXTOID, TEXTOID, DATEOID, INT8OID);
	MemoryContext old;

	o2c_connect();
	o2c_run(&find, O2C_ARGS(o2c_cstring(currency), o2c_cstring(d->base), o2c_date(day), o2c_int8(d->company)));
	old = MemoryContextSwitchTo(context);
	d->rate = o2c_row_copy(0, 1);
	MemoryContextSwitchTo(old);
	o2c_finish();
	strlcpy(d->currency, currency, sizeof(d->currency));
	d->day = day;
}

/* The rate of a new item to the company's currency: 1, else what it comes with, else the day's; null when none is known. */
static NullableDatum
item_rate(Derivation *d, int64 company, const char *currency, DateADT day, NullableDatum given, MemoryContext context)
{
	if (d->company != company)
		read_base(d, company);
	if (strcmp(d->base, currency) == 0)
		return o2c_datum(NumericGetDatum(d->one));
	if (!given.isnull)
		return given;
	if (strcmp(d->currency, currency) != 0 || d->day != day)
		read_rate(d, currency, day, context);
	return d->rate;
}

PG_FUNCTION_INFO_V1(o2c_derive_item);
/* o2c._derive_item(): before each insert */
Datum
o2c_derive_item(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._derive_item", O2C_BEFORE_ROW, 0);
	Derivation *d = begin_derivation(fcinfo->flinfo, trigdata->tg_relation);
	NullableDatum amount = new_column(trigdata, d->amount);
	NullableDatum currency = new_column(trigdata, d->currency_code);
	NullableDatum company = new_column(trigdata, d->company_id);
	NullableDatum day = new_column(trigdata, d->effective_on);
	NullableDatum rate;
	int			columns[3] = {d->amount, d->open_amount, d->base_rate};
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	char	   *code;

	/* what is missing is left to NOT NULL, which names the column */
	if (amount.isnull || currency.isnull || company.isnull)
		return PointerGetDatum(trigdata->tg_trigtuple);
	code = TextDatumGetCString(currency.value);
	o2c_check_amount(DatumGetNumeric(DirectFunctionCall1(numeric_abs, amount.value)), code, "amount of the open item");
	o2c_check_date(day, "date of the open item");
	o2c_check_date(new_column(trigdata, d->due_on), "due date of the open item");
	/* the same amount, shown with the decimals of its currency */
	values[0] = values[1] = NumericGetDatum(o2c_round(DatumGetNumeric(amount.value), o2c_minor_units(code)));
	rate = item_rate(d, DatumGetInt64(company.value), code, DatumGetDateADT(day.value), new_column(trigdata, d->base_rate), fcinfo->flinfo->fn_mcxt);
	values[2] = rate.value;
	nulls[2] = rate.isnull;
	return PointerGetDatum(heap_modify_tuple_by_cols(trigdata->tg_trigtuple, RelationGetDescr(trigdata->tg_relation), 3, columns, values, nulls));
}

PG_FUNCTION_INFO_V1(o2c_complete_base_rates);
/* o2c.complete_base_rates(company_id) */
Datum
o2c_complete_base_rates(PG_FUNCTION_ARGS)
{
	static O2cPlan complete = O2C_PLAN("WITH unvalued AS MATERIALIZED (SELECT i.item_id, o2c._known_rate(i.currency, k.currency, i.effective_on, $1) AS rate"
									   " FROM o2c.open_item i JOIN o2c.company k ON k.company_id = $1"
									   " WHERE i.company_id = $1 AND i.base_rate IS NULL ORDER BY i.item_id FOR NO KEY UPDATE OF i)"
									   " UPDATE o2c.open_item i SET base_rate = u.rate FROM unvalued u"
									   " WHERE i.company_id = $1 AND i.item_id = u.item_id AND u.rate IS NOT NULL", INT8OID);
	int64		n;

	o2c_connect();
	n = o2c_run(&complete, O2C_ARGS(o2c_pg_arg(0)));
	o2c_finish();
	PG_RETURN_INT64(n);
}

/* Whether a row's open amount is zero; no row is like an open one. */
static bool
is_closed(TupleTableSlot *slot, int column)
{
	bool		isnull;
	Datum		d;

	if (slot == NULL)
		return false;
	d = o2c_slot_datum(slot, column, &isnull);
	return !isnull && o2c_sign(DatumGetNumeric(d)) == 0;
}

/*
 * The items that a statement closed or opened again, by a column that names
 * their document; of one kind only unless kind is NULL.
 */
O2cSettled *
o2c_settled(TriggerData *trigdata, const char *id_column, const char *kind, int *n)
{
	int			company = o2c_column(trigdata->tg_relation, "company_id");
	int			id = o2c_column(trigdata->tg_relation, id_column);
	int			kind_column = o2c_column(trigdata->tg_relation, "kind");
	int			open = o2c_column(trigdata->tg_relation, "open_amount");
	int			room = 64;
	O2cSettled *settled = palloc(sizeof(O2cSettled) * room);
	O2cChanges	changes;

	*n = 0;
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		bool		closed = is_closed(changes.after, open);
		int64		document = o2c_slot_int8(changes.after, id);

		if (document == 0 || closed == is_closed(changes.before, open))
			continue;
		if (kind != NULL && strcmp(kind, o2c_slot_text(changes.after, kind_column)) != 0)
			continue;
		if (*n == room)
			settled = repalloc_huge(settled, sizeof(O2cSettled) * (room *= 2));
		settled[(*n)++] = (O2cSettled) {o2c_slot_int8(changes.after, company), document, closed};
	}
	o2c_changes_end(&changes);
	return settled;
}

/* How many from a place on belong to the same company. */
int
o2c_same_company(const O2cSettled *settled, int from, int n)
{
	int			end = from + 1;

	while (end < n && settled[end].company == settled[from].company)
		end++;
	return end - from;
}

/*
 * Brings the state of invoices in line with their items.  The invoices are
 * locked before their items are read again, and written even when the state
 * stays: of two transactions that pay one instalment each, the second then sees
 * the first in READ COMMITTED, and fails to serialize in the stricter levels.
 */
static void
settle_invoices(int64 company, Datum invoices)
{
	static O2cPlan lock = O2C_PLAN("SELECT FROM o2c.invoice WHERE company_id = $1 AND invoice_id = ANY ($2)"
								   " ORDER BY invoice_id FOR NO KEY UPDATE", INT8OID, INT8ARRAYOID);
	static O2cPlan settle = O2C_PLAN("UPDATE o2c.invoice v SET state = CASE WHEN n.closed THEN 'paid'"
									 " WHEN v.state = 'paid' THEN 'posted' ELSE v.state END"
									 " FROM (SELECT i.invoice_id, bool_and(i.open_amount = 0) AS closed FROM o2c.open_item i"
									 " WHERE i.company_id = $1 AND i.invoice_id = ANY ($2) GROUP BY i.invoice_id) n"
									 " WHERE v.company_id = $1 AND v.invoice_id = n.invoice_id"
									 " AND v.state IN ('posted', 'overdue', 'paid')", INT8OID, INT8ARRAYOID);

	o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_datum(invoices)));
	o2c_run(&settle, O2C_ARGS(o2c_int8(company), o2c_datum(invoices)));
}

PG_FUNCTION_INFO_V1(o2c_settle_invoices);
/* o2c._settle_invoices(): after each statement on open_item */
Datum
o2c_settle_invoices(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._settle_invoices", O2C_AFTER_STATEMENT, 0);
	O2cSettled *settled;
	int64	   *ids;
	int			n;

	o2c_connect();
	settled = o2c_settled(trigdata, "invoice_id", NULL, &n);
	ids = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ids[i] = settled[i].id;
	for (int i = 0, run; i < n; i += run)
	{
		run = o2c_same_company(settled, i, n);
		settle_invoices(settled[i].company, o2c_int8_array(&ids[i], run));
	}
	o2c_finish();
	return PointerGetDatum(NULL);
}
