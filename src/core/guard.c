/*-------------------------------------------------------------------------
 *
 * guard.c
 *		The row guard: facts are never rewritten, and what is kept beside them is
 *		written by the engine only, whoever writes the table.
 *
 * o2c._guard(free, kept, rows[, agreed]) BEFORE INSERT OR UPDATE OR DELETE, per row:
 *   free    comma-separated columns that may change at any time, or "*"
 *   kept    columns that only the engine writes (counters, states)
 *   rows    "removable" where they may be deleted, "permanent" where not,
 *           "engine" where besides only the engine inserts them
 *   agreed  optional: columns that come with the row, and that only the
 *           engine changes afterwards
 * Every other column keeps the value it was inserted with.
 *
 * o2c._guard() BEFORE TRUNCATE, per statement: rows that may not be deleted are
 * not emptied either.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/plan.h"
#include "core/trigger.h"
#include "utils/datum.h"
#include "utils/rel.h"

/* Whether a name stands in a comma-separated list. */
static bool
listed(const char *list, const char *name)
{
	size_t		length = strlen(name);
	const char *at = list;

	if (strcmp(list, "*") == 0)
		return true;
	while ((at = strstr(at, name)) != NULL)
	{
		if ((at == list || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
			return true;
		at += length;
	}
	return false;
}

/* Refuses a change of a column. */
static void
refuse_change(Relation rel, const char *column, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_O2C_IMMUTABLE),
			 errmsg("column \"%s\" of \"%s\" cannot be changed", column, RelationGetRelationName(rel)),
			 errhint("%s", hint),
			 errtable(rel)));
}

/* Checks one changed column of an UPDATE. */
static void
check_column(TriggerData *trigdata, const char *column)
{
	char	  **args = trigdata->tg_trigger->tgargs;

	if (strcmp(column, "company_id") == 0)
		refuse_change(trigdata->tg_relation, column, "A row stays with its company.");
	if (listed(args[1], column) || (trigdata->tg_trigger->tgnargs > 3 && listed(args[3], column)))
	{
		if (!o2c_inside_engine())
			refuse_change(trigdata->tg_relation, column, "The engine keeps it: record the fact, and it follows.");
	}
	else if (!listed(args[0], column))
		refuse_change(trigdata->tg_relation, column, "Facts are not rewritten: record a correction instead.");
}

/* Checks the columns that differ between the old and the new row. */
static void
check_update(TriggerData *trigdata)
{
	TupleDesc	desc = RelationGetDescr(trigdata->tg_relation);
	Datum		before[MaxHeapAttributeNumber],
				after[MaxHeapAttributeNumber];
	bool		before_null[MaxHeapAttributeNumber],
				after_null[MaxHeapAttributeNumber];

	heap_deform_tuple(trigdata->tg_trigtuple, desc, before, before_null);
	heap_deform_tuple(trigdata->tg_newtuple, desc, after, after_null);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		/* a stored generated column is not computed yet in a BEFORE trigger */
		if (att->attisdropped || att->attgenerated || (before_null[i] && after_null[i]))
			continue;
		if (before_null[i] != after_null[i] || !datum_image_eq(before[i], after[i], att->attbyval, att->attlen))
			check_column(trigdata, NameStr(att->attname));
	}
}

/* A row that somebody else than the engine inserts, where that may be, starts with empty counters. */
static void
check_insert(TriggerData *trigdata)
{
	TupleDesc	desc = RelationGetDescr(trigdata->tg_relation);

	if (o2c_inside_engine())
		return;
	if (strcmp(trigdata->tg_trigger->tgargs[2], "engine") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_IMMUTABLE),
				 errmsg("a row of \"%s\" is written by the engine only", RelationGetRelationName(trigdata->tg_relation)),
				 errhint("What must happen with it happens in the functions of o2c."),
				 errtable(trigdata->tg_relation)));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		bool		isnull;
		Datum		value;

		if (att->atttypid != NUMERICOID || att->attgenerated ||
			!listed(trigdata->tg_trigger->tgargs[1], NameStr(att->attname)))
			continue;
		value = heap_getattr(trigdata->tg_trigtuple, i + 1, desc, &isnull);
		if (!isnull && DatumGetBool(DirectFunctionCall2(numeric_ne, value, NumericGetDatum(int64_to_numeric(0)))))
			refuse_change(trigdata->tg_relation, NameStr(att->attname), "A new row starts with empty counters.");
	}
}

/* Refuses to remove rows. */
static void
refuse_removal(Relation rel, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_O2C_IMMUTABLE),
			 errmsg("%s \"%s\" cannot be deleted", what, RelationGetRelationName(rel)),
			 errhint("Facts are not removed: record a correction instead."),
			 errtable(rel)));
}

PG_FUNCTION_INFO_V1(o2c_guard);
/* o2c._guard(free, kept, rows[, agreed]), and without arguments before TRUNCATE */
Datum
o2c_guard(PG_FUNCTION_ARGS)
{
	int			given = CALLED_AS_TRIGGER(fcinfo) ? ((TriggerData *) fcinfo->context)->tg_trigger->tgnargs : 0;
	TriggerData *trigdata;

	if (CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_BY_TRUNCATE(((TriggerData *) fcinfo->context)->tg_event))
		refuse_removal(((TriggerData *) fcinfo->context)->tg_relation, "what is in");
	trigdata = o2c_trigger(fcinfo, "o2c._guard", O2C_BEFORE_ROW, given == 4 ? 4 : 3);
	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
	{
		check_update(trigdata);
		return PointerGetDatum(trigdata->tg_newtuple);
	}
	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		check_insert(trigdata);
	else if (strcmp(trigdata->tg_trigger->tgargs[2], "removable") != 0)
		refuse_removal(trigdata->tg_relation, "a row of");
	return PointerGetDatum(trigdata->tg_trigtuple);
}

PG_FUNCTION_INFO_V1(o2c_one_of);
/* o2c._one_of(value, names) */
Datum
o2c_one_of(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	text	   *names = PG_GETARG_TEXT_PP(1);
	size_t		length = VARSIZE_ANY_EXHDR(value);
	const char *at = VARDATA_ANY(names);
	const char *end = at + VARSIZE_ANY_EXHDR(names);

	while (at <= end)
	{
		const char *comma = memchr(at, ',', end - at);
		const char *stop = comma == NULL ? end : comma;

		if (stop - at == length && memcmp(at, VARDATA_ANY(value), length) == 0)
			PG_RETURN_BOOL(true);
		at = stop + 1;
	}
	PG_RETURN_BOOL(false);
}
