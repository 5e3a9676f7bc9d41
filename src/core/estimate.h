/*-------------------------------------------------------------------------
 *
 * estimate.h
 *		Estimates for tables that will grow.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_ESTIMATE_H
#define O2C_ESTIMATE_H

#include "o2c.h"

extern void o2c_estimate_init(void);

#endif /* O2C_ESTIMATE_H */
