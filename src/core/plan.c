/*-------------------------------------------------------------------------
 *
 * plan.c
 *		Saved SPI plans: prepared on first use, validated, kept.
 *
 * While a plan of the engine runs, o2c_inside_engine() is true.  The guards
 * (guard.c) let only the engine write the columns that are kept beside the
 * facts, such as counters and open amounts; no setting of a client can say so.
 *
 * A plan is kept for the life of a session and made once, because planning
 * costs more than running (estimate.c sees to it that it fits tables that
 * grow).  A bulk plan, which reads a good part of a table, is planned for its
 * arguments each time.
 *
 *-------------------------------------------------------------------------
 */
#include "core/plan.h"

#include "catalog/pg_type_d.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

static int	engine_depth = 0;
static bool in_rule = false;	/* a user's function was called from inside */
static void (*at_end) (void) = NULL;

/* Number of argument types before the first InvalidOid. */
static int
count_arguments(const O2cPlan *plan)
{
	int			n = 0;

	while (n < O2C_MAX_ARGS && OidIsValid(plan->argtypes[n]))
		n++;
	return n;
}

/* Prepares a plan when there is none or it went stale. */
static void
prepare_plan(O2cPlan *plan)
{
	SPIPlanPtr	prepared;

	if (plan->plan != NULL && SPI_plan_is_valid(plan->plan))
		return;
	if (plan->plan != NULL)
	{
		SPIPlanPtr	stale = plan->plan;

		plan->plan = NULL;
		/* a statement further up the stack may still be running it */
		if (engine_depth == 0)
			SPI_freeplan(stale);
	}
	plan->nargs = count_arguments(plan);
	prepared = SPI_prepare_cursor(plan->sql, plan->nargs, plan->argtypes,
								  plan->bulk ? CURSOR_OPT_CUSTOM_PLAN : CURSOR_OPT_GENERIC_PLAN);
	if (prepared == NULL || SPI_keepplan(prepared) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", plan->sql, SPI_result_code_string(SPI_result));
	plan->plan = prepared;
}

/* Runs a saved plan inside the engine. */
static uint64
run(O2cPlan *plan, const NullableDatum *args, bool read_only, long limit)
{
	Datum		values[O2C_MAX_ARGS];
	char		nulls[O2C_MAX_ARGS];
	int			depth = engine_depth;
	bool		outer_in_rule = in_rule;
	volatile int code = 0;

	prepare_plan(plan);
	for (int i = 0; i < plan->nargs; i++)
	{
		values[i] = args[i].value;
		nulls[i] = args[i].isnull ? 'n' : ' ';
	}
	engine_depth = depth + 1;
	PG_TRY();
	{
		code = SPI_execute_plan(plan->plan, values, nulls, read_only, limit);
	}
	PG_FINALLY();
	{
		engine_depth = depth;
		in_rule = outer_in_rule;
	}
	PG_END_TRY();
	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", plan->sql, SPI_result_code_string(code));
	return SPI_processed;
}

/* Runs a plan that may write; returns the number of rows processed. */
uint64
o2c_run(O2cPlan *plan, const NullableDatum *args)
{
	return run(plan, args, false, 0);
}

/* Runs a plan that may write, up to a number of rows. */
uint64
o2c_run_limit(O2cPlan *plan, const NullableDatum *args, long limit)
{
	return run(plan, args, false, limit);
}

/* Reads with the snapshot of the caller: for STABLE functions. */
uint64
o2c_query(O2cPlan *plan, const NullableDatum *args)
{
	return run(plan, args, true, 0);
}

/* Whether a statement of the engine is running. */
bool
o2c_inside_engine(void)
{
	return engine_depth > 0;
}

/* Steps out of the engine to call a user's function; returns what to give back. */
int
o2c_leave_engine(void)
{
	int			depth = engine_depth;

	engine_depth = 0;
	in_rule |= depth > 0;
	return depth;
}

/* Back into the engine after a user's function; an error restores by itself. */
void
o2c_reenter_engine(int depth)
{
	engine_depth = depth;
	in_rule = in_rule && depth == 0;
}

/* A column of the last result; columns count from 1. */
Datum
o2c_row_datum(uint64 row, int column, bool *isnull)
{
	/* a trigger of the user that suppresses a row must not make us read past the result */
	if (SPI_tuptable == NULL || row >= SPI_tuptable->numvals)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("a statement of o2c returned no row"),
				 errhint("A trigger on its tables may suppress rows; it must not.")));
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* A bigint of the last result, 0 when null. */
int64
o2c_row_int8(uint64 row, int column)
{
	bool		isnull;
	Datum		d = o2c_row_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetInt64(d);
}

/* An integer or date of the last result, 0 when null. */
int32
o2c_row_int4(uint64 row, int column)
{
	bool		isnull;
	Datum		d = o2c_row_datum(row, column, &isnull);

	return isnull ? 0 : DatumGetInt32(d);
}

/* A boolean of the last result, false when null. */
bool
o2c_row_bool(uint64 row, int column)
{
	bool		isnull;
	Datum		d = o2c_row_datum(row, column, &isnull);

	return !isnull && DatumGetBool(d);
}

/* A column of the last result in its output form, NULL when null. */
char *
o2c_row_text(uint64 row, int column)
{
	bool		isnull;
	Datum		d;

	/* what is text already needs no search for an output function */
	if (SPI_gettypeid(SPI_tuptable->tupdesc, column) != TEXTOID)
		return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
	d = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);
	return isnull ? NULL : TextDatumGetCString(d);
}

/* A column of the last result, copied so that it outlives the next query. */
NullableDatum
o2c_row_copy(uint64 row, int column)
{
	NullableDatum d;

	d.value = o2c_row_datum(row, column, &d.isnull);
	if (!d.isnull)
	{
		Form_pg_attribute att = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);

		d.value = datumCopy(d.value, att->attbyval, att->attlen);
	}
	return d;
}

/* A bigint[] of C values. */
Datum
o2c_int8_array(const int64 *values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* A text[] of C strings; a NULL pointer is a null element. */
Datum
o2c_text_array(char **values, int n)
{
	NullableDatum *elements = palloc(sizeof(NullableDatum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = values[i] ? o2c_cstring(values[i]) : O2C_NULL;
	return o2c_datum_array(elements, n, TEXTOID);
}

/* An array of any type, nulls allowed. */
Datum
o2c_datum_array(const NullableDatum *values, int n, Oid type)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(n, 1));
	int16		typlen;
	bool		typbyval;
	char		typalign;
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		elements[i] = values[i].value;
		nulls[i] = values[i].isnull;
	}
	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	if (n == 0)
		return PointerGetDatum(construct_empty_array(type));
	return PointerGetDatum(construct_md_array(elements, nulls, 1, &n, &lower, type, typlen, typbyval, typalign));
}

/* Connects to SPI. */
void
o2c_connect(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

/* Work of a room that comes last in a command: done when the outermost function of o2c ends. */
void
o2c_at_end(void (*work) (void))
{
	Assert(at_end == NULL || at_end == work);
	at_end = work;
}

/* Disconnects from SPI; from the outermost function, after what comes last. */
void
o2c_finish(void)
{
	if (engine_depth == 0 && !in_rule && at_end != NULL)
		at_end();
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}
