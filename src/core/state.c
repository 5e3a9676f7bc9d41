/*-------------------------------------------------------------------------
 *
 * state.c
 *		States of aggregates that are a few numeric sums, kept as numeric[].
 *
 * A real type needs no serialization: parallel workers, Citus and tables hand
 * the states on as they are.  It also means that anyone can call the support
 * functions with any array, so a state is checked whenever it is read.
 *
 *-------------------------------------------------------------------------
 */
#include "core/state.h"

#include "access/tupmacs.h"
#include "catalog/pg_type_d.h"
#include "core/money.h"

/* Reads the sums of a state; they point into the array. */
void
o2c_state_read(ArrayType *state, Numeric *sums, int n)
{
	char	   *at = ARR_DATA_PTR(state);

	if (ARR_NDIM(state) != 1 || ARR_DIMS(state)[0] != n || ARR_HASNULL(state) || ARR_ELEMTYPE(state) != NUMERICOID)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a state of this aggregate has %d numbers", n),
				 errhint("Only the aggregate itself makes states.")));
	for (int i = 0; i < n; i++)
	{
		at = (char *) att_align_nominal(at, TYPALIGN_INT);
		sums[i] = DatumGetNumeric(PointerGetDatum(at));
		at += VARSIZE_ANY(at);
	}
}

/* A state of the sums. */
ArrayType *
o2c_state_make(const Numeric *sums, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		elements[i] = NumericGetDatum(sums[i]);
	return construct_array(elements, n, NUMERICOID, -1, false, TYPALIGN_INT);
}

/* Refuses NaN and infinity, which would swallow every other value. */
void
o2c_require_finite(Numeric value, const char *name)
{
	if (numeric_is_nan(value) || numeric_is_inf(value))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("%s must be finite, not %s", name, o2c_numeric_text(value))));
}
