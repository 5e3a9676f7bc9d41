/*-------------------------------------------------------------------------
 *
 * event.c
 *		Writes events and tells listeners.
 *
 * The feed must be readable in order and without gaps although transactions
 * commit in another order than they draw ids.  An event therefore carries a
 * position, era * 2^48 + transaction id: once no running transaction is older
 * than an event's transaction, nothing can appear before it any more.  Readers
 * stop short of the oldest running transaction (o2c.read_events).  The era
 * counts the clusters that the data lived in, because a restored database
 * starts with small transaction ids again.
 *
 *-------------------------------------------------------------------------
 */
#include "core/event.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "commands/async.h"
#include "core/clock.h"
#include "core/plan.h"
#include "core/trigger.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"

#define POSITION_BITS 48

static bool notify = true;
static int64 known_era = 0;		/* 0 until it is read from the table */

/* Defines the setting. */
void
o2c_event_init(void)
{
	DefineCustomBoolVariable("o2c.notify",
							 "Whether events are also sent as NOTIFY o2c.",
							 "A NOTIFY makes commits queue behind each other; turn it off where nobody listens.",
							 &notify, true, PGC_SUSET, 0, NULL, NULL, NULL);
}

/* Reads the era when it is this cluster's; 0 when the data came from another one since. */
static int64
read_era(void)
{
	static O2cPlan find = O2C_PLAN("SELECT era FROM o2c.event_era WHERE system_identifier = $1"
								   " AND era = (SELECT max(era) FROM o2c.event_era)", INT8OID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8((int64) GetSystemIdentifier()))) == 0)
		return 0;
	return o2c_row_int8(0, 1);
}

/*
 * This cluster's era, made when the data are new here.  Until the row is
 * committed every other writer of events waits for it, so install() makes it;
 * after a move to another cluster the first event does.
 */
int64
o2c_current_era(void)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.event_era (era, system_identifier)"
								  " SELECT coalesce(max(era), 0) + 1, $1 FROM o2c.event_era"
								  " ON CONFLICT DO NOTHING", INT8OID);

	if (known_era == 0)
		known_era = read_era();
	if (known_era != 0)
		return known_era;
	/* not remembered: the row that is made here may be rolled back */
	while (read_era() == 0)
		o2c_run(&add, O2C_ARGS(o2c_int8((int64) GetSystemIdentifier())));
	return read_era();
}

/* Where the events of a transaction stand in the feed. */
static int64
feed_position(FullTransactionId xid)
{
	return (o2c_current_era() << POSITION_BITS) | (int64) U64FromFullTransactionId(xid);
}

/* Tells listeners that the company has something to read. */
static void
tell_listeners(int64 company)
{
	char		payload[32];

	if (!notify)
		return;
	snprintf(payload, sizeof(payload), INT64_FORMAT, company);
	Async_Notify("o2c", payload);
}

/* A jsonb text {"state": ...}; NULL for no state. */
static char *
state_json(const char *state)
{
	return state == NULL ? NULL : psprintf("{\"state\": \"%s\"}", state);
}

/* Appends one event. */
static void
write_event(int64 company, const O2cEvent *event)
{
	static O2cPlan append = O2C_PLAN("INSERT INTO o2c.event (company_id, position, activity, object_type, object_id,"
									 " order_id, before, after, detail, actor)"
									 " VALUES ($1, $2, $3, $4, $5, nullif($6, 0), $7::jsonb, $8::jsonb, $9::jsonb, $10)",
									 INT8OID, INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID);
	char	   *before = state_json(event->before);
	char	   *after = state_json(event->after);

	o2c_run(&append, O2C_ARGS(o2c_int8(company), o2c_int8(feed_position(GetTopFullTransactionId())),
							  o2c_cstring(event->activity), o2c_cstring(event->object_type), o2c_int8(event->object_id),
							  o2c_int8(event->order_id), o2c_opt_cstring(before), o2c_opt_cstring(after),
							  o2c_opt_cstring(event->detail), o2c_cstring(o2c_actor())));
}

/* A jsonb {"state": ...}; of states in a row that are the same, one is made. */
static NullableDatum
state_jsonb(const char *state, const char *before, NullableDatum known)
{
	if (state == NULL)
		return O2C_NULL;
	if (before != NULL && strcmp(state, before) == 0)
		return known;
	return o2c_datum(DirectFunctionCall1(jsonb_in, CStringGetDatum(state_json(state))));
}

/* Appends many events in one statement. */
static void
write_many(int64 company, const O2cEvent *events, int n)
{
	static O2cPlan append = O2C_PLAN("INSERT INTO o2c.event (company_id, position, activity, object_type, object_id,"
									 " order_id, before, after, detail, actor)"
									 " SELECT $1, $2, e.activity, e.object_type, e.object_id, nullif(e.order_id, 0), e.before, e.after, e.detail, $9"
									 " FROM unnest($3, $4, $5, $6, $7, $8, $10)"
									 " AS e (activity, object_type, object_id, order_id, before, after, detail)",
									 INT8OID, INT8OID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
									 JSONBARRAYOID, JSONBARRAYOID, TEXTOID, JSONBARRAYOID);
	char	  **texts = palloc(sizeof(char *) * n * 2);
	int64	   *ids = palloc(sizeof(int64) * n * 2);
	NullableDatum *json = palloc0(sizeof(NullableDatum) * n * 3);
	O2cEvent	none = {0};

	for (int i = 0; i < n; i++)
	{
		const O2cEvent *last = i == 0 ? &none : &events[i - 1];

		texts[i] = unconstify(char *, events[i].activity);
		texts[n + i] = unconstify(char *, events[i].object_type);
		ids[i] = events[i].object_id;
		ids[n + i] = events[i].order_id;
		json[i] = state_jsonb(events[i].before, last->before, json[Max(i - 1, 0)]);
		json[n + i] = state_jsonb(events[i].after, last->after, json[n + Max(i - 1, 0)]);
		json[2 * n + i] = events[i].detail == NULL ? O2C_NULL :
			o2c_datum(DirectFunctionCall1(jsonb_in, CStringGetDatum(events[i].detail)));
	}
	o2c_run(&append, O2C_ARGS(o2c_int8(company), o2c_int8(feed_position(GetTopFullTransactionId())),
							  o2c_datum(o2c_text_array(texts, n)), o2c_datum(o2c_text_array(texts + n, n)),
							  o2c_datum(o2c_int8_array(ids, n)), o2c_datum(o2c_int8_array(ids + n, n)),
							  o2c_datum(o2c_datum_array(json, n, JSONBOID)), o2c_datum(o2c_datum_array(json + n, n, JSONBOID)),
							  o2c_cstring(o2c_actor()), o2c_datum(o2c_datum_array(json + 2 * n, n, JSONBOID))));
}

/* Appends events of one company, and tells listeners. */
void
o2c_write_events(int64 company, const O2cEvent *events, int n)
{
	if (n == 0)
		return;
	if (n == 1)
		write_event(company, events);
	else
		write_many(company, events, n);
	tell_listeners(company);
}

/* The columns that the state trigger reads. */
typedef struct StateColumns
{
	const char *object_type;
	int			company;
	int			id;
	int			order;			/* 0 where the object belongs to no order */
	int			state;
	char	   *first;			/* what a new object was before, NULL for nothing */
} StateColumns;

/* Looks the columns up that the trigger names. */
static StateColumns
state_columns(TriggerData *trigdata)
{
	char	  **args = trigdata->tg_trigger->tgargs;
	StateColumns c;

	c.object_type = args[0];
	c.company = o2c_column(trigdata->tg_relation, "company_id");
	c.id = o2c_column(trigdata->tg_relation, args[1]);
	c.order = args[2][0] == '\0' ? 0 : o2c_column(trigdata->tg_relation, args[2]);
	c.state = o2c_column(trigdata->tg_relation, args[3]);
	c.first = trigdata->tg_trigger->tgnargs > 4 ? args[4] : NULL;
	return c;
}

/* The event of one changed row; false when its state stayed, or is that of a new draft. */
static bool
state_event(const StateColumns *c, const O2cChanges *changes, O2cEvent *event)
{
	event->before = changes->before == NULL ? c->first : o2c_slot_text(changes->before, c->state);
	event->after = o2c_slot_text(changes->after, c->state);
	if (event->after == NULL || strcmp(event->before == NULL ? "draft" : event->before, event->after) == 0)
		return false;
	event->activity = psprintf("%s.%s", c->object_type, event->after);
	event->object_type = c->object_type;
	event->object_id = o2c_slot_int8(changes->after, c->id);
	event->order_id = c->order == 0 ? 0 : o2c_slot_int8(changes->after, c->order);
	event->detail = NULL;
	return true;
}

/* Writes what was collected for one company, and starts over. */
static void
flush_events(int64 company, O2cEvent *events, int *n)
{
	o2c_write_events(company, events, *n);
	*n = 0;
}

#define EVENT_BATCH 1000

PG_FUNCTION_INFO_V1(o2c_record_state);
/* o2c._record_state(object_type, id column, order column, state column[, first state]): after each statement */
Datum
o2c_record_state(PG_FUNCTION_ARGS)
{
	int			nargs = CALLED_AS_TRIGGER(fcinfo) && ((TriggerData *) fcinfo->context)->tg_trigger->tgnargs == 5 ? 5 : 4;
	TriggerData *trigdata = o2c_trigger(fcinfo, "o2c._record_state", O2C_AFTER_STATEMENT, nargs);
	StateColumns columns = state_columns(trigdata);
	O2cChanges	changes;
	O2cEvent   *events = palloc(sizeof(O2cEvent) * EVENT_BATCH);
	int64		company = 0;
	int			n = 0;

	o2c_connect();
	o2c_changes_begin(&changes, trigdata);
	while (o2c_changes_next(&changes))
	{
		int64		row_company = o2c_slot_int8(changes.after, columns.company);

		if (n == EVENT_BATCH || row_company != company)
			flush_events(company, events, &n);
		company = row_company;
		if (state_event(&columns, &changes, &events[n]))
			n++;
	}
	flush_events(company, events, &n);
	o2c_changes_end(&changes);
	o2c_finish();
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(o2c_feed_horizon);
/* o2c._feed_horizon(): an event before this position can no longer get a predecessor */
Datum
o2c_feed_horizon(PG_FUNCTION_ARGS)
{
	Datum		snapshot = DirectFunctionCall1(pg_current_snapshot, (Datum) 0);
	Datum		oldest = DirectFunctionCall1(pg_snapshot_xmin, snapshot);
	int64		era;

	o2c_connect();
	era = read_era();
	o2c_finish();
	/* in a restored database nothing was written yet: all it holds is settled */
	if (era == 0)
		PG_RETURN_INT64(PG_INT64_MAX);
	PG_RETURN_INT64((era << POSITION_BITS) | (int64) U64FromFullTransactionId(DatumGetFullTransactionId(oldest)));
}
