/*-------------------------------------------------------------------------
 *
 * code.h
 *		Short codes of letters and digits: what creditor references, IBANs and
 *		the national reference schemes share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_CODE_H
#define O2C_CODE_H

#include "o2c.h"

#include "lib/stringinfo.h"

#define O2C_BLANKS " \t\n\r\f\v"
#define O2C_CODE_MAX 34			/* the longest: an IBAN as ISO 13616 allows it */

/* A code in canonical form: upper case, no separators. */
typedef struct O2cCode
{
	int			len;
	char		chars[O2C_CODE_MAX];
} O2cCode;

/* A type whose values are codes. */
typedef struct O2cCodeType
{
	const char *noun;
	const char *hint;
	char	   *(*fault) (const O2cCode *code); /* what is wrong, or NULL */
} O2cCodeType;

extern char *o2c_read_code(const char *s, int len, const char *dropped, const char *kept, O2cCode *code);
extern void o2c_refuse_code(const char *noun, const char *s, int len, char *detail, const char *hint);
extern text *o2c_parse_code(const O2cCodeType *type, const char *s, int len);
extern text *o2c_receive_code(const O2cCodeType *type, StringInfo message);
extern bool o2c_fits_code(const O2cCodeType *type, text *value);
extern text *o2c_print_groups(const char *code, int len, int first, int size);

#endif							/* O2C_CODE_H */
