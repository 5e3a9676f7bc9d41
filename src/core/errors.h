/*-------------------------------------------------------------------------
 *
 * errors.h
 *		The SQLSTATEs of o2c, class OC.  Classes that begin with I to Z are left
 *		to implementations by the SQL standard.  Each is described in
 *		doc/reference.md and tested by its code.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_ERRORS_H
#define O2C_ERRORS_H

#include "postgres.h"

#define O2C_SQLSTATE(a, b, c) MAKE_SQLSTATE('O', 'C', a, b, c)

/* the caller named something that is not there, or gave what cannot be */
#define ERRCODE_O2C_UNKNOWN_OBJECT O2C_SQLSTATE('0', '0', '1')
#define ERRCODE_O2C_INVALID_ARGUMENT O2C_SQLSTATE('0', '0', '2')
#define ERRCODE_O2C_DUPLICATE O2C_SQLSTATE('0', '0', '3')
#define ERRCODE_O2C_NO_PRICE O2C_SQLSTATE('0', '0', '4')
#define ERRCODE_O2C_CURRENCY_MISMATCH O2C_SQLSTATE('0', '0', '5')
#define ERRCODE_O2C_PO_REQUIRED O2C_SQLSTATE('0', '0', '6')

/* the object is not in a state that allows it */
#define ERRCODE_O2C_INVALID_STATE O2C_SQLSTATE('1', '0', '1')
#define ERRCODE_O2C_IMMUTABLE O2C_SQLSTATE('1', '0', '2')
#define ERRCODE_O2C_ON_HOLD O2C_SQLSTATE('1', '0', '3')
#define ERRCODE_O2C_INSUFFICIENT_STOCK O2C_SQLSTATE('1', '0', '4')
#define ERRCODE_O2C_OVER_APPLICATION O2C_SQLSTATE('1', '0', '6')
#define ERRCODE_O2C_INCOMPLETE O2C_SQLSTATE('1', '0', '7')
#define ERRCODE_O2C_REFUSED O2C_SQLSTATE('1', '0', '8')

/* values of the types */
#define ERRCODE_O2C_INVALID_TERMS O2C_SQLSTATE('2', '0', '1')
#define ERRCODE_O2C_AMBIGUOUS_TERMS O2C_SQLSTATE('2', '0', '2')
#define ERRCODE_O2C_INVALID_REFERENCE O2C_SQLSTATE('2', '0', '3')
#define ERRCODE_O2C_INVALID_DOCUMENT O2C_SQLSTATE('2', '0', '4')
#define ERRCODE_O2C_INVALID_AGING O2C_SQLSTATE('2', '0', '5')

/* who may, and what the rows of the configuration name */
#define ERRCODE_O2C_NOT_AUTHORIZED O2C_SQLSTATE('3', '0', '1')
#define ERRCODE_O2C_BROKEN_RULE O2C_SQLSTATE('4', '0', '2')

#endif /* O2C_ERRORS_H */
