/*-------------------------------------------------------------------------
 *
 * hold.h
 *		What later rooms need of holds.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_HOLD_H
#define O2C_HOLD_H

#include "o2c.h"

extern void o2c_recheck_orders(int64 company, Datum customers);

#endif /* O2C_HOLD_H */
