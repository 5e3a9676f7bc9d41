/*-------------------------------------------------------------------------
 *
 * gate.c
 *		The checkpoint "order" as a trigger: what a submitted order becomes.
 *
 * An order that was changed since it was placed stands at the checkpoint
 * "change" as well.  What is in force already is never refused: then the change
 * is, as an error.
 *
 *-------------------------------------------------------------------------
 */
#include "control/checkpoint.h"

#include "core/clock.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "utils/rel.h"

/* A numeric of the row. */
static Numeric
row_numeric(TriggerData *trigdata, HeapTuple row, const char *column)
{
	bool		isnull;
	Datum		d = heap_getattr(row, o2c_column(trigdata->tg_relation, column), RelationGetDescr(trigdata->tg_relation), &isnull);

	return isnull ? int64_to_numeric(0) : DatumGetNumericCopy(d);
}

/* Whether a hold keeps an order, its own or its customer's. */
static char *
open_hold(int64 company, int64 order_id, int64 customer)
{
	static O2cPlan find = O2C_PLAN("SELECT reason FROM o2c.hold WHERE company_id = $1 AND released_at IS NULL AND blocks_order"
								   " AND (order_id = $2 OR (customer_id = $3 AND order_id IS NULL)) ORDER BY hold_id LIMIT 1",
								   INT8OID, INT8OID, INT8OID);

	return o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(order_id), o2c_int8(customer))) == 0 ? NULL : o2c_row_text(0, 1);
}

/* Refuses a change of an order that is in force; one that is not becomes refused itself. */
static void
check_not_in_force(TriggerData *trigdata, int64 order_id, const char *why)
{
	char	   *from = o2c_tuple_text(trigdata, trigdata->tg_trigtuple, "state");

	if (strcmp(from, "confirmed") == 0 || strcmp(from, "completed") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_REFUSED),
				 errmsg("the change of order %lld is refused", (long long) order_id),
				 errdetail("%s", why)));
}

/* Whether a company has rules for changed orders at all. */
static bool
has_change_rules(int64 company)
{
	static O2cPlan find = O2C_PLAN("SELECT FROM o2c.rule WHERE company_id = $1 AND checkpoint = 'change' LIMIT 1", INT8OID);

	return o2c_run(&find, O2C_ARGS(o2c_int8(company))) > 0;
}

/* The order as the rules see it. */
static O2cCase
order_case(TriggerData *trigdata, HeapTuple row)
{
	return (O2cCase)
	{
		.company = o2c_tuple_int8(trigdata, row, "company_id"),
		.checkpoint = "order",
		.object_type = "sales_order",
		.object_id = o2c_tuple_int8(trigdata, row, "order_id"),
		.order_id = o2c_tuple_int8(trigdata, row, "order_id"),
		.customer = o2c_tuple_int8(trigdata, row, "customer_id"),
		.amount = row_numeric(trigdata, row, "total_amount"),
		.currency = o2c_tuple_text(trigdata, row, "currency"),
		.credit_rate = row_numeric(trigdata, row, "credit_rate"),
		.day = o2c_today(),
	};
}

/* Runs the rules over a submitted order; returns the state it takes. */
static const char *
decide(TriggerData *trigdata, HeapTuple row)
{
	O2cCase		document = order_case(trigdata, row);
	char	   *why = NULL;
	O2cOutcome	outcome = o2c_checkpoint(&document, &why);

	if (o2c_tuple_int8(trigdata, row, "version") > 1 && has_change_rules(document.company))
	{
		document.checkpoint = "change";
		outcome = Max(outcome, o2c_checkpoint(&document, outcome == O2C_REFUSE ? NULL : &why));
	}
	switch (outcome)
	{
		case O2C_REFUSE:
			check_not_in_force(trigdata, document.order_id, why);
			return "refused";
		case O2C_HOLD:
			return "held";
		default:
			return "confirmed";
	}
}

/*
 * Confirms an order that is inserted as submitted, where all rules can be asked
 * and are satisfied before there are lines; otherwise it becomes a draft, which
 * is submitted when its lines are there.
 */
static HeapTuple
decide_early(TriggerData *trigdata, HeapTuple row)
{
	O2cCase		document = order_case(trigdata, row);

	o2c_connect();
	row = SPI_copytuple(o2c_set_column(trigdata, row, "state", o2c_cstring(o2c_checkpoint_early(&document) ? "confirmed" : "draft")));
	o2c_finish();
	return row;
}

PG_FUNCTION_INFO_V1(o2c_pass_gate);
/* o2c._pass_gate(): before each insert, and each update of the state of an order, after _advance_order */
Datum
o2c_pass_gate(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._pass_gate", O2C_BEFORE_ROW, 0);
	HeapTuple	row = o2c_new_row(trigdata);
	char	   *from = o2c_tuple_text(trigdata, trigdata->tg_trigtuple, "state");
	char	   *to = o2c_tuple_text(trigdata, row, "state");

	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		return PointerGetDatum(strcmp(to, "submitted") == 0 ? decide_early(trigdata, row) : row);
	o2c_connect();
	if (strcmp(to, "submitted") == 0)
		row = SPI_copytuple(o2c_set_column(trigdata, row, "state", o2c_cstring(decide(trigdata, row))));
	else if (strcmp(from, "held") == 0 && strcmp(to, "confirmed") == 0)
	{
		char	   *reason = open_hold(o2c_tuple_int8(trigdata, row, "company_id"), o2c_tuple_int8(trigdata, row, "order_id"),
									   o2c_tuple_int8(trigdata, row, "customer_id"));

		if (reason != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_O2C_ON_HOLD),
					 errmsg("order %lld is on hold", (long long) o2c_tuple_int8(trigdata, row, "order_id")),
					 errdetail("%s", reason),
					 errhint("Release its holds with o2c.release_hold(hold, reason).")));
	}
	o2c_finish();
	return PointerGetDatum(row);
}
