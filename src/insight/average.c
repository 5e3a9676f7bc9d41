/*-------------------------------------------------------------------------
 *
 * average.c
 *		weighted_average(value, weight): sum(value * weight) / sum(weight).
 *
 * The state is the two sums, {sum(value * weight), sum(weight)}, and begins at
 * zero.  Both are exact, so states merge in any order and rows leave a moving
 * frame again without a trace.  Only the result divides.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/money.h"
#include "core/state.h"

/* The state of fcinfo's first argument with one row added to it or taken out of it. */
static Datum
move_row(FunctionCallInfo fcinfo, Numeric (*move) (Numeric, Numeric))
{
	Numeric		value = PG_GETARG_NUMERIC(1);
	Numeric		weight = PG_GETARG_NUMERIC(2);
	Numeric		sums[2];

	o2c_require_finite(value, "value");
	o2c_require_finite(weight, "weight");
	o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), sums, 2);
	sums[0] = move(sums[0], o2c_mul(value, weight));
	sums[1] = move(sums[1], weight);
	PG_RETURN_ARRAYTYPE_P(o2c_state_make(sums, 2));
}

PG_FUNCTION_INFO_V1(o2c_weighted_add);
/* o2c._weighted_add(state, value, weight) */
Datum
o2c_weighted_add(PG_FUNCTION_ARGS)
{
	return move_row(fcinfo, o2c_add);
}

PG_FUNCTION_INFO_V1(o2c_weighted_remove);
/* o2c._weighted_remove(state, value, weight) */
Datum
o2c_weighted_remove(PG_FUNCTION_ARGS)
{
	return move_row(fcinfo, o2c_sub);
}

PG_FUNCTION_INFO_V1(o2c_weighted_merge);
/* o2c._weighted_merge(state, state) */
Datum
o2c_weighted_merge(PG_FUNCTION_ARGS)
{
	Numeric		a[2];
	Numeric		b[2];

	o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), a, 2);
	o2c_state_read(PG_GETARG_ARRAYTYPE_P(1), b, 2);
	a[0] = o2c_add(a[0], b[0]);
	a[1] = o2c_add(a[1], b[1]);
	PG_RETURN_ARRAYTYPE_P(o2c_state_make(a, 2));
}

PG_FUNCTION_INFO_V1(o2c_weighted_result);
/* o2c._weighted_result(state): null without weight */
Datum
o2c_weighted_result(PG_FUNCTION_ARGS)
{
	Numeric		sums[2];

	o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), sums, 2);
	if (o2c_sign(sums[1]) == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(o2c_div(sums[0], sums[1]));
}
