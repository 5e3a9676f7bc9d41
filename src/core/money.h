/*-------------------------------------------------------------------------
 *
 * money.h
 *		Money is numeric, rounded half away from zero to the currency's minor
 *		unit (ISO 4217).  Never float.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_MONEY_H
#define O2C_MONEY_H

#include "o2c.h"

extern int	o2c_minor_units(const char *currency);
extern int	o2c_minor_units_text(text *currency);
extern Numeric o2c_round(Numeric amount, int digits);
extern Numeric o2c_zero(void);
extern Numeric o2c_int_numeric(int64 value);
extern Numeric o2c_add(Numeric a, Numeric b);
extern Numeric o2c_sub(Numeric a, Numeric b);
extern Numeric o2c_mul(Numeric a, Numeric b);
extern Numeric o2c_div(Numeric a, Numeric b);
extern Numeric o2c_neg(Numeric a);
extern int	o2c_cmp(Numeric a, Numeric b);
extern int	o2c_sign(Numeric a);
extern char *o2c_numeric_text(Numeric a);
extern void o2c_allocate(Numeric total, const Numeric *weights, int n, int digits, Numeric *parts);

#endif /* O2C_MONEY_H */
