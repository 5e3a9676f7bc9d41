/*-------------------------------------------------------------------------
 *
 * checkdigit.h
 *		Reference schemes with check digits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_CHECKDIGIT_H
#define O2C_CHECKDIGIT_H

#include "o2c.h"

#include "cash/code.h"

/* How a scheme makes a reference out of a bare one. */
typedef struct O2cScheme
{
	const char *name;
	const char *lead;			/* stands before the check digits, which then precede the rest */
	int			min;			/* length of a bare reference */
	int			max;
	int			check_length;
	void		(*compute) (const char *bare, int len, char *check);
	const char *dropped;		/* how people part the digits */
	const char *kept;			/* what beside letters and digits a check digit may be */
	text	   *(*print) (const O2cCode *code);
} O2cScheme;

extern const O2cScheme *o2c_scheme(const char *name);
extern bool o2c_scheme_accepts(const O2cScheme *scheme, const O2cCode *code);

#endif							/* O2C_CHECKDIGIT_H */
