/*-------------------------------------------------------------------------
 *
 * import.h
 *		Doors: staged rows become documents.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_IMPORT_H
#define O2C_IMPORT_H

#include "o2c.h"

#include "core/plan.h"

extern int64 o2c_load(O2cPlan *customers, O2cPlan *load, int64 company, NullableDatum batch);

#endif /* O2C_IMPORT_H */
