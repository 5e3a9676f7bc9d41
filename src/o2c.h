/*-------------------------------------------------------------------------
 *
 * o2c.h
 *		What all rooms share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_H
#define O2C_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/numeric.h"

#include "core/compat.h"
#include "core/errors.h"

#endif /* O2C_H */
