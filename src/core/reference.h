/*-------------------------------------------------------------------------
 *
 * reference.h
 *		The characters of references, ISO 7064 check digits, and the normal form.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_REFERENCE_H
#define O2C_REFERENCE_H

#include "o2c.h"

/* "RF", two check digits, and 1 to 21 letters and digits (ISO 11649). */
#define O2C_RF_MIN 5
#define O2C_RF_MAX 25

/* Digits are asked for in ASCII, whatever the locale says. */
static inline bool
o2c_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What a character of a reference stands for: A to Z, 0 to 9, or '\0' for a separator. */
static inline char
o2c_significant(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 'A';
	return o2c_is_digit(c) || (c >= 'A' && c <= 'Z') ? c : '\0';
}

extern int	o2c_mod97_check(const char *lead, const char *body, int len);
extern bool o2c_mod97_valid(const char *code, int len);
extern bool o2c_is_creditor_reference(const char *code, int len);
extern int	o2c_normalize_reference(const char *s, int len, char *out);

#endif							/* O2C_REFERENCE_H */
