/*-------------------------------------------------------------------------
 *
 * trigger.h
 *		Protocol checks of triggers, and walking the rows that a statement changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_TRIGGER_H
#define O2C_TRIGGER_H

#include "o2c.h"

#include "commands/trigger.h"
#include "core/plan.h"
#include "executor/tuptable.h"

#define O2C_BEFORE_ROW (TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW)
#define O2C_AFTER_ROW (TRIGGER_EVENT_ROW)
#define O2C_AFTER_STATEMENT 0

extern TriggerData *o2c_trigger(FunctionCallInfo fcinfo, const char *name, TriggerEvent kind, int nargs);

/*
 * The rows a statement changed, from its transition tables.  In an UPDATE both
 * slots of a step are the same row before and after; in an INSERT only "after",
 * in a DELETE only "before" is set.
 */
typedef struct O2cChanges
{
	TriggerData *trigdata;
	TupleTableSlot *before;
	TupleTableSlot *after;
} O2cChanges;

extern void o2c_changes_begin(O2cChanges *changes, TriggerData *trigdata);
extern bool o2c_changes_next(O2cChanges *changes);
extern void o2c_changes_end(O2cChanges *changes);

extern int	o2c_column(Relation rel, const char *name);
extern Datum o2c_slot_datum(TupleTableSlot *slot, int column, bool *isnull);
extern int64 o2c_slot_int8(TupleTableSlot *slot, int column);
extern Numeric o2c_slot_numeric(TupleTableSlot *slot, int column);
extern char *o2c_slot_text(TupleTableSlot *slot, int column);

/* The new row of a BEFORE UPDATE trigger, or the inserted one. */
extern HeapTuple o2c_new_row(TriggerData *trigdata);
extern HeapTuple o2c_set_column(TriggerData *trigdata, HeapTuple row, const char *column, NullableDatum value);
extern int64 o2c_tuple_int8(TriggerData *trigdata, HeapTuple row, const char *column);
extern char *o2c_tuple_text(TriggerData *trigdata, HeapTuple row, const char *column);

#endif /* O2C_TRIGGER_H */
