/*-------------------------------------------------------------------------
 *
 * hold.c
 *		Releasing holds, and what follows from it.
 *
 * A release of the last hold of an order is the decision to let it pass: the
 * order is confirmed as it stands.  When a hold of a customer is released, or
 * the credit of its account grows, its held orders are submitted again, the
 * oldest first: automatic holds go where their cause is gone, the holds of
 * people stay.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/clock.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "party/customer.h"
#include "control/hold.h"

/* Whether a held order may be passed by later ones that fit. */
static bool
fills_gaps(int64 company)
{
	static O2cPlan read = O2C_PLAN("SELECT FROM o2c.setting WHERE company_id = $1 AND name = 'recheck_fills_gaps' AND value = 'false'", INT8OID);

	return o2c_run(&read, O2C_ARGS(o2c_int8(company))) == 0;
}

/* Submits a held order again; false when it stays held. */
static bool
submit_again(int64 company, int64 order_id)
{
	static O2cPlan submit = O2C_PLAN("UPDATE o2c.sales_order SET state = 'submitted'"
									 " WHERE company_id = $1 AND order_id = $2 AND state = 'held' RETURNING state <> 'held'", INT8OID, INT8OID);

	return o2c_run(&submit, O2C_ARGS(o2c_int8(company), o2c_int8(order_id))) == 0 || o2c_row_bool(0, 1);
}

/*
 * Submits the held orders of some customers again, oldest first.  One that
 * stays held may be passed by later ones that fit, unless the company keeps
 * what became free for whoever waits longest.
 */
void
o2c_recheck_orders(int64 company, Datum customers)
{
	static O2cPlan find = O2C_PLAN("SELECT o.order_id FROM o2c.sales_order o WHERE o.company_id = $1 AND o.customer_id = ANY ($2)"
								   " AND o.state = 'held' ORDER BY o.order_id", INT8OID, INT8ARRAYOID);
	int			n = (int) o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(customers)));
	int64	   *orders = palloc(sizeof(int64) * Max(n, 1));

	for (int i = 0; i < n; i++)
		orders[i] = o2c_row_int8(i, 1);
	for (int i = 0; i < n; i++)
		if (!submit_again(company, orders[i]) && !fills_gaps(company))
			return;
}

/* Confirms an order that no hold keeps any more. */
static void
confirm_if_free(int64 company, int64 order_id)
{
	static O2cPlan confirm = O2C_PLAN("UPDATE o2c.sales_order o SET state = 'confirmed' WHERE company_id = $1 AND order_id = $2"
									  " AND state = 'held' AND NOT EXISTS (SELECT FROM o2c.hold h WHERE h.company_id = $1"
									  " AND h.released_at IS NULL AND h.blocks_order"
									  " AND (h.order_id = $2 OR (h.order_id IS NULL AND h.customer_id = o.customer_id)))",
									  INT8OID, INT8OID);

	o2c_run(&confirm, O2C_ARGS(o2c_int8(company), o2c_int8(order_id)));
}

/*
 * Looks at a held order again when a person takes a hold of his back: what the
 * engine's holds said may have changed since.  Not when a person has overridden
 * one of those, and not while another person's hold stands.
 */
static void
submit_if_free(int64 company, int64 order_id)
{
	static O2cPlan submit = O2C_PLAN("UPDATE o2c.sales_order SET state = 'submitted' WHERE company_id = $1 AND order_id = $2"
									 " AND state = 'held' AND NOT EXISTS (SELECT FROM o2c.hold h WHERE h.company_id = $1"
									 " AND h.order_id = $2 AND CASE WHEN h.released_at IS NULL THEN NOT h.automatic"
									 " ELSE h.automatic AND h.release_reason <> 'cause gone' END)", INT8OID, INT8OID);

	o2c_run(&submit, O2C_ARGS(o2c_int8(company), o2c_int8(order_id)));
}

/* The customer of an open hold, or an error. */
static int64
find_hold(int64 company, int64 hold)
{
	static O2cPlan find = O2C_PLAN("SELECT customer_id, released_at IS NOT NULL FROM o2c.hold WHERE company_id = $1 AND hold_id = $2",
								   INT8OID, INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(hold))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no hold %lld", (long long) company, (long long) hold)));
	if (o2c_row_bool(0, 2))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("hold %lld is released already", (long long) hold)));
	return o2c_row_int8(0, 1);
}

PG_FUNCTION_INFO_V1(o2c_release_hold);
/* o2c.release_hold(hold, reason, company) */
Datum
o2c_release_hold(PG_FUNCTION_ARGS)
{
	static O2cPlan release = O2C_PLAN("UPDATE o2c.hold SET released_on = $3, released_at = clock_timestamp(), released_by = $4,"
									  " release_reason = $5 WHERE company_id = $1 AND hold_id = $2 AND released_at IS NULL"
									  " RETURNING order_id, automatic", INT8OID, INT8OID, DATEOID, TEXTOID, TEXTOID);
	int64		company = PG_ARGISNULL(2) ? o2c_current_company() : PG_GETARG_INT64(2);
	int64		order_id;
	bool		automatic;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("release_hold needs a hold and a reason"),
				 errhint("The reason is kept with the release, for whoever asks later.")));
	o2c_connect();
	o2c_lock_customer(company, find_hold(company, PG_GETARG_INT64(0)));
	find_hold(company, PG_GETARG_INT64(0));
	o2c_run(&release, O2C_ARGS(o2c_int8(company), o2c_pg_arg(0), o2c_date(o2c_today()), o2c_cstring(o2c_actor()), o2c_pg_arg(1)));
	order_id = o2c_row_int8(0, 1);
	automatic = o2c_row_bool(0, 2);
	if (order_id != 0 && !automatic)
		submit_if_free(company, order_id);
	if (order_id != 0)
		confirm_if_free(company, order_id);
	o2c_finish();
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(o2c_follow_release);
/* o2c._follow_release(): after a row was released; a customer's orders are looked at again */
Datum
o2c_follow_release(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._follow_release", O2C_AFTER_ROW, 0);
	int64		customer = o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "customer_id");

	o2c_connect();
	o2c_recheck_orders(o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id"), o2c_int8_array(&customer, 1));
	o2c_finish();
	return PointerGetDatum(NULL);
}
