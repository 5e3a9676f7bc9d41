/*-------------------------------------------------------------------------
 *
 * trigger.c
 *		Protocol checks of triggers, and walking the rows that a statement changed.
 *
 * Statement triggers read the transition tables as tuplestores, without a
 * query: one pass over the rows, then one statement per counter they move.
 *
 *-------------------------------------------------------------------------
 */
#include "core/trigger.h"

#include "access/htup_details.h"
#include "core/money.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

/* Checks that a function was called as the trigger that it is. */
TriggerData *
o2c_trigger(FunctionCallInfo fcinfo, const char *name, TriggerEvent kind, int nargs)
{
	TriggerData *trigdata;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s can only be called as a trigger", name)));
	trigdata = (TriggerData *) fcinfo->context;
	if ((trigdata->tg_event & (TRIGGER_EVENT_TIMINGMASK | TRIGGER_EVENT_ROW)) != kind)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s is not a trigger of this kind", name),
				 errhint("o2c.install() creates the triggers as they must be.")));
	if (trigdata->tg_trigger->tgnargs != nargs)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s takes %d arguments", name, nargs)));
	return trigdata;
}

/* A slot over one transition table, rewound; NULL where there is none. */
static TupleTableSlot *
open_transition_table(TriggerData *trigdata, Tuplestorestate *table)
{
	if (table == NULL)
		return NULL;
	tuplestore_select_read_pointer(table, 0);
	tuplestore_rescan(table);
	return MakeSingleTupleTableSlot(RelationGetDescr(trigdata->tg_relation), &TTSOpsMinimalTuple);
}

/* Starts the walk. */
void
o2c_changes_begin(O2cChanges *changes, TriggerData *trigdata)
{
	changes->trigdata = trigdata;
	changes->before = open_transition_table(trigdata, trigdata->tg_oldtable);
	changes->after = open_transition_table(trigdata, trigdata->tg_newtable);
}

/* The next changed row; false when there is no more. */
bool
o2c_changes_next(O2cChanges *changes)
{
	bool		more = false;

	if (changes->before != NULL)
		more = tuplestore_gettupleslot(changes->trigdata->tg_oldtable, true, false, changes->before);
	if (changes->after != NULL)
		more = tuplestore_gettupleslot(changes->trigdata->tg_newtable, true, false, changes->after);
	return more;
}

/* Ends the walk. */
void
o2c_changes_end(O2cChanges *changes)
{
	if (changes->before != NULL)
		ExecDropSingleTupleTableSlot(changes->before);
	if (changes->after != NULL)
		ExecDropSingleTupleTableSlot(changes->after);
}

/* The number of a column that the trigger's table must have. */
int
o2c_column(Relation rel, const char *name)
{
	int			column = SPI_fnumber(RelationGetDescr(rel), name);

	if (column <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\"", RelationGetRelationName(rel), name),
				 errhint("Columns that o2c made must stay; o2c.install() restores the others.")));
	return column;
}

/* A column of a row. */
Datum
o2c_slot_datum(TupleTableSlot *slot, int column, bool *isnull)
{
	return slot_getattr(slot, column, isnull);
}

/* A bigint of a row, 0 when null. */
int64
o2c_slot_int8(TupleTableSlot *slot, int column)
{
	bool		isnull;
	Datum		d = slot_getattr(slot, column, &isnull);

	return isnull ? 0 : DatumGetInt64(d);
}

/* A numeric of a row, zero when null or when there is no row. */
Numeric
o2c_slot_numeric(TupleTableSlot *slot, int column)
{
	bool		isnull = true;
	Datum		d = 0;

	if (slot != NULL)
		d = slot_getattr(slot, column, &isnull);
	return isnull ? o2c_zero() : DatumGetNumericCopy(d);
}

/* A text of a row, NULL when null or when there is no row. */
char *
o2c_slot_text(TupleTableSlot *slot, int column)
{
	bool		isnull = true;
	Datum		d = 0;

	if (slot != NULL)
		d = slot_getattr(slot, column, &isnull);
	return isnull ? NULL : TextDatumGetCString(d);
}

/* The new row of a BEFORE UPDATE trigger, or the inserted one. */
HeapTuple
o2c_new_row(TriggerData *trigdata)
{
	return TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ? trigdata->tg_newtuple : trigdata->tg_trigtuple;
}

/* A copy of a row with one column changed. */
HeapTuple
o2c_set_column(TriggerData *trigdata, HeapTuple row, const char *column, NullableDatum value)
{
	int			number = o2c_column(trigdata->tg_relation, column);

	return heap_modify_tuple_by_cols(row, RelationGetDescr(trigdata->tg_relation), 1, &number, &value.value, &value.isnull);
}

/* A bigint of a row by name, 0 when null. */
int64
o2c_tuple_int8(TriggerData *trigdata, HeapTuple row, const char *column)
{
	bool		isnull;
	Datum		d = heap_getattr(row, o2c_column(trigdata->tg_relation, column), RelationGetDescr(trigdata->tg_relation), &isnull);

	return isnull ? 0 : DatumGetInt64(d);
}

/* A text of a row by name, NULL when null. */
char *
o2c_tuple_text(TriggerData *trigdata, HeapTuple row, const char *column)
{
	bool		isnull;
	Datum		d = heap_getattr(row, o2c_column(trigdata->tg_relation, column), RelationGetDescr(trigdata->tg_relation), &isnull);

	return isnull ? NULL : TextDatumGetCString(d);
}
