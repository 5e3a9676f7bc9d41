/*-------------------------------------------------------------------------
 *
 * compat.h
 *		The differences between PostgreSQL 15 and 18 that o2c meets, in one place.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_COMPAT_H
#define O2C_COMPAT_H

#include "postgres.h"

/* PostgreSQL 16 moved the varlena macros out of postgres.h ... */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* ... and keeps what belongs to a setting in a memory context of its own. */
#if PG_VERSION_NUM >= 160000
#define o2c_guc_malloc(size) guc_malloc(LOG, size)
#else
#define o2c_guc_malloc(size) malloc(size)
#endif

/* PostgreSQL 16 lets an input function note bad input instead of raising it. */
#if PG_VERSION_NUM < 160000
#define ereturn(context, dummy_value, ...) ereport(ERROR, __VA_ARGS__)
#endif

#endif /* O2C_COMPAT_H */
