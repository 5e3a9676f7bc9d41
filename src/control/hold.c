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
 * Holds are placed by people under the lock of the group, and the row that is
 * locked is written, too: an order that is confirmed meanwhile waits and sees
 * the hold, or fails to serialize where its snapshot is older.
 *
 *-------------------------------------------------------------------------
 */
#include "control/authority.h"

#include "core/clock.h"
#include "core/money.h"
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

static bool rechecking = false;

/* Whether orders are being looked at again, of which each is one of many. */
bool
o2c_rechecking(void)
{
	return rechecking;
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
 * what became free for whoever waits longest.  One that somebody writes on
 * the table itself, without the group's lock, is passed over: he may want that
 * lock next, and the two would wait for each other.
 */
void
o2c_recheck_orders(int64 company, Datum customers)
{
	static O2cPlan find = O2C_PLAN("SELECT o.order_id FROM o2c.sales_order o WHERE o.company_id = $1 AND o.customer_id = ANY ($2)"
								   " AND o.state = 'held' ORDER BY o.order_id FOR NO KEY UPDATE SKIP LOCKED", INT8OID, INT8ARRAYOID);
	int			n = (int) o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_datum(customers)));
	int64	   *orders = palloc(sizeof(int64) * Max(n, 1));
	bool		outer = rechecking;

	for (int i = 0; i < n; i++)
		orders[i] = o2c_row_int8(i, 1);
	rechecking = true;
	PG_TRY();
	{
		for (int i = 0; i < n; i++)
			if (!submit_again(company, orders[i]) && !fills_gaps(company))
				break;
	}
	PG_FINALLY();
	{
		rechecking = outer;
	}
	PG_END_TRY();
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
									 " ELSE h.automatic AND h.release_reason NOT IN ('cause gone', 'order ended') END)", INT8OID, INT8OID);

	o2c_run(&submit, O2C_ARGS(o2c_int8(company), o2c_int8(order_id)));
}

/* The customer of an open hold, or an error; whose it is to release is in the second column. */
static int64
find_hold(int64 company, int64 hold)
{
	static O2cPlan find = O2C_PLAN("SELECT customer_id, duty, released_at IS NOT NULL FROM o2c.hold WHERE company_id = $1 AND hold_id = $2",
								   INT8OID, INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(hold))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no hold %lld", (long long) company, (long long) hold)));
	if (o2c_row_bool(0, 3))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE), errmsg("hold %lld is released already", (long long) hold)));
	return o2c_row_int8(0, 1);
}

/* What authority is asked about a hold: who entered the order, its value, and what the rule found. */
static O2cPlan find_value = O2C_PLAN(
	"SELECT o.created_by, o.total_amount * o.credit_rate, f.observed, f.threshold,"
	" jsonb_build_object('days', coalesce($3, o2c.get_setting('release_days', $1)::integer),"
	" 'deviation_percent', trim_scale(coalesce($4, o2c.get_setting('release_deviation_percent', $1)::numeric)))"
	" FROM o2c.hold h LEFT JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = h.order_id"
	" LEFT JOIN o2c.decision d ON d.company_id = $1 AND d.decision_id = h.decision_id"
	" LEFT JOIN LATERAL (SELECT (x ->> 'observed')::numeric AS observed, (x ->> 'threshold')::numeric AS threshold"
	" FROM jsonb_array_elements(d.findings) x WHERE x ->> 'rule' = h.rule LIMIT 1) f ON true"
	" WHERE h.company_id = $1 AND h.hold_id = $2",
	INT8OID, INT8OID, INT4OID, NUMERICOID);

/* Whether a hold of a duty may be released now; refuses who may not. */
static bool
may_release(int64 company, int64 hold, const char *duty, NullableDatum reason, NullableDatum days, NullableDatum deviation)
{
	O2cApproval approval = {.company = company, .duty = duty, .object_type = "hold", .object_id = hold, .reason = reason};

	o2c_run(&find_value, O2C_ARGS(o2c_int8(company), o2c_int8(hold), days, deviation));
	approval.what = psprintf("release hold %lld", (long long) hold);
	approval.requester = o2c_row_text(0, 1);
	approval.value = o2c_row_copy(0, 2);
	approval.observed = o2c_row_copy(0, 3);
	approval.threshold = o2c_row_copy(0, 4);
	approval.terms = o2c_row_text(0, 5);
	return o2c_authorize(&approval);
}

/* The release, with what it is good for; the value is that of the order now. */
static O2cPlan release = O2C_PLAN(
	"UPDATE o2c.hold h SET released_on = $3, released_at = clock_timestamp(), released_by = $4, release_reason = $5,"
	" release_value = o.total_amount, release_deviation = CASE WHEN o.total_amount IS NOT NULL THEN s.deviation END,"
	" release_until = CASE WHEN o.total_amount IS NOT NULL THEN $3 + s.days END"
	" FROM (SELECT coalesce($6, o2c.get_setting('release_days', $1)::integer) AS days,"
	" coalesce($7, o2c.get_setting('release_deviation_percent', $1)::numeric) AS deviation) s"
	" LEFT JOIN o2c.hold k ON k.company_id = $1 AND k.hold_id = $2 AND k.automatic"
	" LEFT JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = k.order_id"
	" WHERE h.company_id = $1 AND h.hold_id = $2 AND h.released_at IS NULL RETURNING h.order_id, h.automatic",
	INT8OID, INT8OID, DATEOID, TEXTOID, TEXTOID, INT4OID, NUMERICOID);

/* The arguments of o2c.release_hold, in order. */
enum
{
	ARG_HOLD, ARG_REASON, ARG_DAYS, ARG_DEVIATION, ARG_COMPANY
};

#define MAX_RELEASE_DAYS 3650

/* Refuses arguments that cannot be. */
static void
check_release(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_HOLD) || PG_ARGISNULL(ARG_REASON) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(ARG_REASON)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("release_hold needs a hold and a reason"),
				 errhint("The reason is kept with the release, for whoever asks later.")));
	if ((!PG_ARGISNULL(ARG_DAYS) && (PG_GETARG_INT32(ARG_DAYS) < 0 || PG_GETARG_INT32(ARG_DAYS) > MAX_RELEASE_DAYS)) ||
		(!PG_ARGISNULL(ARG_DEVIATION) && (numeric_is_nan(PG_GETARG_NUMERIC(ARG_DEVIATION)) || numeric_is_inf(PG_GETARG_NUMERIC(ARG_DEVIATION)) ||
										  o2c_sign(PG_GETARG_NUMERIC(ARG_DEVIATION)) < 0)))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a release is good for 0 to %d days and a deviation of 0 percent or more", MAX_RELEASE_DAYS)));
}

PG_FUNCTION_INFO_V1(o2c_release_hold);
/* o2c.release_hold(hold, reason, days, deviation, company) */
Datum
o2c_release_hold(PG_FUNCTION_ARGS)
{
	int64		company = PG_ARGISNULL(ARG_COMPANY) ? o2c_current_company() : PG_GETARG_INT64(ARG_COMPANY);
	int64		order_id;
	int64		hold;
	char	   *duty;
	bool		automatic;

	check_release(fcinfo);
	hold = PG_GETARG_INT64(ARG_HOLD);
	o2c_connect();
	o2c_lock_customer(company, find_hold(company, hold));
	find_hold(company, hold);
	duty = o2c_row_text(0, 2);
	if (duty != NULL && !may_release(company, hold, duty, o2c_pg_arg(ARG_REASON), o2c_pg_arg(ARG_DAYS), o2c_pg_arg(ARG_DEVIATION)))
	{
		o2c_finish();
		PG_RETURN_VOID();
	}
	o2c_run(&release, O2C_ARGS(o2c_int8(company), o2c_int8(hold), o2c_date(o2c_today()), o2c_cstring(o2c_actor()), o2c_pg_arg(ARG_REASON),
							   o2c_pg_arg(ARG_DAYS), o2c_pg_arg(ARG_DEVIATION)));
	order_id = o2c_row_int8(0, 1);
	automatic = o2c_row_bool(0, 2);
	if (order_id != 0 && !automatic)
		submit_if_free(company, order_id);
	if (order_id != 0)
		confirm_if_free(company, order_id);
	o2c_finish();
	PG_RETURN_VOID();
}

/* The customer and the state of an order, or an error. */
static int64
find_order(int64 company, int64 order_id, char **state)
{
	static O2cPlan find = O2C_PLAN("SELECT customer_id, state FROM o2c.sales_order WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(order_id))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no order %lld", (long long) company, (long long) order_id)));
	*state = o2c_row_text(0, 2);
	return o2c_row_int8(0, 1);
}

/* Refuses a hold on an order that is at its end; one that went there after the snapshot cannot be locked. */
static void
check_can_be_held(int64 company, int64 order_id)
{
	static O2cPlan lock = O2C_PLAN("SELECT state FROM o2c.sales_order WHERE company_id = $1 AND order_id = $2 FOR NO KEY UPDATE",
								   INT8OID, INT8OID);
	char	   *state;

	o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_int8(order_id)));
	state = o2c_row_text(0, 1);
	if (strcmp(state, "completed") == 0 || strcmp(state, "cancelled") == 0 || strcmp(state, "refused") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("order %lld is %s and cannot be held", (long long) order_id, state)));
}

/* The customer that a hold is for: the one named, or that of the order. */
static int64
customer_to_hold(FunctionCallInfo fcinfo, int64 company)
{
	int64		customer = PG_ARGISNULL(0) ? 0 : o2c_find_customer(company, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	int64		owner;
	char	   *state;

	if (PG_ARGISNULL(2))
		return customer;
	owner = find_order(company, PG_GETARG_INT64(2), &state);
	if (customer != 0 && customer != owner)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("order %lld is of another customer", (long long) PG_GETARG_INT64(2))));
	return owner;
}

PG_FUNCTION_INFO_V1(o2c_place_hold);
/* o2c.place_hold(customer, reason, order, blocks_shipping, blocks_order, company) */
Datum
o2c_place_hold(PG_FUNCTION_ARGS)
{
	static O2cPlan place = O2C_PLAN("INSERT INTO o2c.hold (company_id, customer_id, order_id, reason, blocks_shipping, blocks_order)"
									" VALUES ($1, $2, $3, $4, coalesce($5, true), coalesce($6, true)) RETURNING hold_id",
									INT8OID, INT8OID, INT8OID, TEXTOID, BOOLOID, BOOLOID);
	int64		company = PG_ARGISNULL(5) ? o2c_current_company() : PG_GETARG_INT64(5);
	int64		customer;
	int64		hold;

	if ((PG_ARGISNULL(0) && PG_ARGISNULL(2)) || PG_ARGISNULL(1) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("place_hold needs a customer or an order, and a reason")));
	o2c_connect();
	customer = customer_to_hold(fcinfo, company);
	o2c_write_groups(company, &customer, 1);
	if (!PG_ARGISNULL(2))
		check_can_be_held(company, PG_GETARG_INT64(2));
	o2c_run(&place, O2C_ARGS(o2c_int8(company), o2c_int8(customer), o2c_pg_arg(2), o2c_pg_arg(1), o2c_pg_arg(3), o2c_pg_arg(4)));
	hold = o2c_row_int8(0, 1);
	o2c_finish();
	PG_RETURN_INT64(hold);
}

PG_FUNCTION_INFO_V1(o2c_reject_order);
/* o2c.reject_order(order, reason, company) */
Datum
o2c_reject_order(PG_FUNCTION_ARGS)
{
	static O2cPlan refuse = O2C_PLAN("UPDATE o2c.sales_order SET state = 'refused' WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID);
	static O2cPlan record = O2C_PLAN("INSERT INTO o2c.decision (company_id, checkpoint, object_type, object_id, customer_id, order_id, outcome,"
									 " amount, currency, findings, decided_on) SELECT $1, 'order', 'sales_order', $2, customer_id, $2, 'refuse',"
									 " total_amount, currency, jsonb_build_array(jsonb_build_object('rule', 'rejected', 'version', 0, 'reaction',"
									 " 'refuse', 'passed', false, 'observed', NULL, 'threshold', NULL, 'message', $3)), $4"
									 " FROM o2c.sales_order WHERE company_id = $1 AND order_id = $2", INT8OID, INT8OID, TEXTOID, DATEOID);
	static O2cPlan close_holds = O2C_PLAN("UPDATE o2c.hold SET released_on = $4, released_at = clock_timestamp(), released_by = $5,"
										  " release_reason = 'order rejected: ' || $3 WHERE company_id = $1 AND order_id = $2 AND released_at IS NULL",
										  INT8OID, INT8OID, TEXTOID, DATEOID, TEXTOID);
	int64		company = PG_ARGISNULL(2) ? o2c_current_company() : PG_GETARG_INT64(2);
	const NullableDatum *args;
	char	   *state;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("reject_order needs an order and a reason")));
	args = O2C_ARGS(o2c_int8(company), o2c_pg_arg(0), o2c_pg_arg(1), o2c_date(o2c_today()), o2c_cstring(o2c_actor()));
	o2c_connect();
	o2c_lock_customer(company, find_order(company, PG_GETARG_INT64(0), &state));
	find_order(company, PG_GETARG_INT64(0), &state);
	if (strcmp(state, "held") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("order %lld is %s, not held", (long long) PG_GETARG_INT64(0), state)));
	o2c_run(&refuse, args);
	o2c_run(&record, args);
	o2c_run(&close_holds, args);
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

/* Whether a changed order is at its end, and was not before. */
static bool
ended(const O2cChanges *changes, int state)
{
	char	   *to = o2c_slot_text(changes->after, state);

	return (strcmp(to, "completed") == 0 || strcmp(to, "cancelled") == 0) && strcmp(to, o2c_slot_text(changes->before, state)) != 0;
}

/* Closes the open holds of some orders. */
static void
close_holds(int64 company, const int64 *orders, int n)
{
	static O2cPlan close = O2C_PLAN("UPDATE o2c.hold SET released_on = $3, released_at = clock_timestamp(), released_by = $4,"
									" release_reason = 'order ended' WHERE company_id = $1 AND order_id = ANY ($2) AND released_at IS NULL",
									INT8OID, INT8ARRAYOID, DATEOID, TEXTOID);

	if (n > 0)
		o2c_run(&close, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_int8_array(orders, n)), o2c_date(o2c_today()), o2c_cstring(o2c_actor())));
}

PG_FUNCTION_INFO_V1(o2c_close_holds);
/* o2c._close_holds(): after each update of orders; of those that were completed or cancelled there is nothing left to hold */
Datum
o2c_close_holds(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._close_holds", O2C_AFTER_STATEMENT, 0);
	int			state = o2c_column(trigdata->tg_relation, "state");
	int			room = 64;
	int			n = 0;
	int64	   *orders = palloc(sizeof(int64) * room);
	int64		company = 0;
	O2cChanges	changes;

	o2c_connect();
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		int64		its_company = o2c_slot_int8(changes.after, o2c_column(trigdata->tg_relation, "company_id"));

		if (!ended(&changes, state))
			continue;
		if (its_company != company)
		{
			close_holds(company, orders, n);
			n = 0;
		}
		company = its_company;
		if (n == room)
			orders = repalloc_huge(orders, sizeof(int64) * (room *= 2));
		orders[n++] = o2c_slot_int8(changes.after, o2c_column(trigdata->tg_relation, "order_id"));
	}
	o2c_changes_end(&changes);
	close_holds(company, orders, n);
	o2c_finish();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(o2c_reopen_holds);
/*
 * o2c._reopen_holds(): before an order that ended goes on; what people held
 * stays held, or ending an order and reopening it would release it
 */
Datum
o2c_reopen_holds(PG_FUNCTION_ARGS)
{
	static O2cPlan reopen = O2C_PLAN("UPDATE o2c.hold SET released_on = NULL, released_at = NULL, released_by = NULL, release_reason = NULL"
									 " WHERE company_id = $1 AND order_id = $2 AND release_reason = 'order ended' AND NOT automatic",
									 INT8OID, INT8OID);
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._reopen_holds", O2C_BEFORE_ROW, 0);

	o2c_connect();
	o2c_run(&reopen, O2C_ARGS(o2c_int8(o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "company_id")),
							  o2c_int8(o2c_tuple_int8(trigdata, trigdata->tg_newtuple, "order_id"))));
	o2c_finish();
	return PointerGetDatum(trigdata->tg_newtuple);
}
