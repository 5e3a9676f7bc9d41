/*-------------------------------------------------------------------------
 *
 * countback.c
 *		DSO by counting back: how many days of sales the receivable amounts to.
 *
 * The aggregate reads periods, the newest first.  While the sales of a period
 * do not cover what is left of the receivable, they are taken off it and the
 * period's days count in full; the period that covers the rest counts in
 * proportion.  Nothing is ever extrapolated: a period without sales, or the end
 * of the history, ends the count, and the status says so.
 *
 * The state is {what is left, days counted, outcome} and null before the first
 * row.  Once the outcome is known, rows change it no more.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/money.h"
#include "core/state.h"
#include "utils/datum.h"

enum
{
	REST,
	DAYS,
	OUTCOME,
	PARTS
};

/* COUNTING at the end of the rows means that the history was exhausted. */
typedef enum Outcome
{
	COUNTING,
	COVERED,
	STOPPED,
	NOTHING_OPEN
} Outcome;

static const char *const outcome_names[] = {"history_exhausted", "ok", "stopped_nonpositive_sales", "no_ar"};

/* The outcome of a state. */
static Outcome
outcome_of(const Numeric *state)
{
	int32		outcome = DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(state[OUTCOME])));

	if (outcome < COUNTING || outcome > NOTHING_OPEN)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a count-back cannot end with outcome %d", outcome),
				 errhint("Only the aggregate itself makes states.")));
	return outcome;
}

/* The state before the first period. */
static void
begin_count(Numeric *state, Numeric receivable)
{
	o2c_require_finite(receivable, "receivable");
	state[REST] = receivable;
	state[DAYS] = o2c_zero();
	state[OUTCOME] = o2c_int_numeric(o2c_sign(receivable) > 0 ? COUNTING : NOTHING_OPEN);
}

/* Takes the sales of one period off what is left. */
static void
count_period(Numeric *state, Numeric sales, int32 days)
{
	o2c_require_finite(sales, "sales");
	if (o2c_sign(sales) <= 0)
		state[OUTCOME] = o2c_int_numeric(STOPPED);
	else if (o2c_cmp(state[REST], sales) <= 0)
	{
		state[DAYS] = o2c_add(state[DAYS], o2c_div(o2c_mul(o2c_int_numeric(days), state[REST]), sales));
		state[REST] = o2c_zero();
		state[OUTCOME] = o2c_int_numeric(COVERED);
	}
	else
	{
		state[DAYS] = o2c_add(state[DAYS], o2c_int_numeric(days));
		state[REST] = o2c_sub(state[REST], sales);
	}
}

PG_FUNCTION_INFO_V1(o2c_countback_add);
/* o2c._countback_add(state, receivable, sales, days): sales that are null are none */
Datum
o2c_countback_add(PG_FUNCTION_ARGS)
{
	Numeric		state[PARTS];

	if (!PG_ARGISNULL(0))
		o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), state, PARTS);
	else if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	else
		begin_count(state, PG_GETARG_NUMERIC(1));
	if (PG_ARGISNULL(3) || PG_GETARG_INT32(3) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a period must have at least one day")));
	if (outcome_of(state) == COUNTING)
		count_period(state, PG_ARGISNULL(2) ? o2c_zero() : PG_GETARG_NUMERIC(2), PG_GETARG_INT32(3));
	PG_RETURN_ARRAYTYPE_P(o2c_state_make(state, PARTS));
}

/* One part of a state as a result: a copy, because it lies inside the array. */
static Datum
part_of(FunctionCallInfo fcinfo, int part)
{
	Numeric		state[PARTS];

	o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), state, PARTS);
	return datumCopy(NumericGetDatum(state[part]), false, -1);
}

PG_FUNCTION_INFO_V1(o2c_countback_days);
/* o2c._countback_days(state) */
Datum
o2c_countback_days(PG_FUNCTION_ARGS)
{
	return part_of(fcinfo, DAYS);
}

PG_FUNCTION_INFO_V1(o2c_countback_rest);
/* o2c._countback_rest(state): what the sales did not cover */
Datum
o2c_countback_rest(PG_FUNCTION_ARGS)
{
	return part_of(fcinfo, REST);
}

PG_FUNCTION_INFO_V1(o2c_countback_status);
/* o2c._countback_status(state) */
Datum
o2c_countback_status(PG_FUNCTION_ARGS)
{
	Numeric		state[PARTS];

	o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), state, PARTS);
	PG_RETURN_TEXT_P(cstring_to_text(outcome_names[outcome_of(state)]));
}
