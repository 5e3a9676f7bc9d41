/*-------------------------------------------------------------------------
 *
 * state.h
 *		States of aggregates that are a few numeric sums, kept as numeric[].
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_STATE_H
#define O2C_STATE_H

#include "o2c.h"

#include "utils/array.h"

extern void o2c_state_read(ArrayType *state, Numeric *sums, int n);
extern ArrayType *o2c_state_make(const Numeric *sums, int n);
extern void o2c_require_finite(Numeric value, const char *name);

#endif /* O2C_STATE_H */
