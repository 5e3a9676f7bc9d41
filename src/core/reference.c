/*-------------------------------------------------------------------------
 *
 * reference.c
 *		The normal form in which references are compared.
 *
 * Payers write a document number as they please: 'INV-0012/07', 'inv 12-7'.
 * The normal form keeps the letters A to Z in upper case and the digits, and
 * strips the leading zeros of each numeric group, that is of each run of
 * digits that nothing interrupts.  Where only separators stood between two
 * groups one '-' remains, so that 'INV 12-7' and 'INV 1-27' stay apart: a
 * payment must not find its way to the wrong invoice because of a blank.
 *
 * A creditor reference (ISO 11649) is one code however it is grouped: its check
 * digits prove it, so it loses its separators and the zeros it is padded with.
 *
 * Invariant: the normal form of a normal form is itself.
 *
 *-------------------------------------------------------------------------
 */
#include "core/reference.h"

/* Takes more characters into a remainder modulo 97; letters count 10 to 35. */
static int
mod97(int rest, const char *s, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (o2c_is_digit(s[i]))
			rest = (rest * 10 + (s[i] - '0')) % 97;
		else
			rest = (rest * 100 + (s[i] - 'A' + 10)) % 97;
	}
	return rest;
}

/* The check digits, 2 to 98, of the code: two letters, check digits, body (ISO 7064 MOD 97-10). */
int
o2c_mod97_check(const char *lead, const char *body, int len)
{
	return 98 - mod97(mod97(mod97(0, body, len), lead, 2), "00", 2);
}

/*
 * Whether the third and fourth character are the check digits of a code.  They
 * are compared, not only tested modulo 97, so that each body has one code: 00,
 * 01 and 99 would pass for 97, 98 and 02.
 */
bool
o2c_mod97_valid(const char *code, int len)
{
	return len > 4 && o2c_is_digit(code[2]) && o2c_is_digit(code[3]) &&
		(code[2] - '0') * 10 + (code[3] - '0') == o2c_mod97_check(code, code + 4, len - 4);
}

/* Whether A to Z and 0 to 9 are a creditor reference (ISO 11649). */
bool
o2c_is_creditor_reference(const char *code, int len)
{
	return len >= O2C_RF_MIN && len <= O2C_RF_MAX &&
		code[0] == 'R' && code[1] == 'F' && o2c_mod97_valid(code, len);
}

/*
 * Writes a creditor reference without separators and padding, which changes no
 * check digit, and returns its length; 0 when it is not one.  The output may be
 * the input.
 */
static int
strip_creditor_reference(const char *s, int len, char *out)
{
	char		code[O2C_RF_MAX] = {0};
	int			n = 0;
	int			body = 4;

	for (int i = 0; i < len; i++)
	{
		char		c = o2c_significant(s[i]);

		if (c == '\0')
			continue;
		if (n == O2C_RF_MAX || (n < 2 && c != "RF"[n]))
			return 0;
		code[n++] = c;
	}
	if (!o2c_is_creditor_reference(code, n))
		return 0;
	while (body < n - 1 && code[body] == '0')
		body++;
	memcpy(out, code, 4);
	memcpy(out + 4, code + body, n - body);
	return n - body + 4;
}

/* Writes letters and numeric groups without leading zeros, and returns the length. */
static int
strip_groups(const char *s, int len, char *out)
{
	int			n = 0;
	int			group = 0;		/* where the last numeric group begins */
	bool		gap = false;	/* a separator stood before this character */

	for (int i = 0; i < len; i++)
	{
		char		c = o2c_significant(s[i]);

		if (c == '\0')
		{
			gap = true;
			continue;
		}
		if (o2c_is_digit(c))
		{
			bool		after_digit = n > 0 && o2c_is_digit(out[n - 1]);

			if (after_digit && gap)
				out[n++] = '-';
			if (!after_digit || gap)
				group = n;
			else if (n == group + 1 && out[group] == '0')
				n = group;
		}
		out[n++] = c;
		gap = false;
	}
	return n;
}

/*
 * Writes the normal form, which is never longer than the input, and returns its
 * length.  Stripping zeros may leave a creditor reference behind, hence the
 * second look.
 */
int
o2c_normalize_reference(const char *s, int len, char *out)
{
	int			n = strip_creditor_reference(s, len, out);
	int			code;

	if (n > 0)
		return n;
	n = strip_groups(s, len, out);
	code = strip_creditor_reference(out, n, out);
	return code > 0 ? code : n;
}

PG_FUNCTION_INFO_V1(o2c_normalize_reference_sql);
/* o2c.normalize_reference(text) */
Datum
o2c_normalize_reference_sql(PG_FUNCTION_ARGS)
{
	text	   *reference = PG_GETARG_TEXT_PP(0);
	int			len = VARSIZE_ANY_EXHDR(reference);
	text	   *result = palloc(VARHDRSZ + len);

	len = o2c_normalize_reference(VARDATA_ANY(reference), len, VARDATA(result));
	SET_VARSIZE(result, VARHDRSZ + len);
	PG_RETURN_TEXT_P(result);
}

/*
 * Writes the creditor reference of a document number, in normal form: of its
 * letters and digits, without leading zeros.  Returns its length, 0 where the
 * number has none or more than 21.
 */
static int
number_reference(const char *number, int len, char *out)
{
	int			n = 0;
	int			check;

	for (int i = 0; i < len; i++)
	{
		char		c = o2c_significant(number[i]);

		if (c == '\0')
			continue;
		if (n == 1 && out[4] == '0')
			n = 0;
		if (n == O2C_RF_MAX - 4)
			return 0;
		out[4 + n++] = c;
	}
	if (n == 0)
		return 0;
	check = o2c_mod97_check("RF", out + 4, n);
	out[0] = 'R';
	out[1] = 'F';
	out[2] = '0' + check / 10;
	out[3] = '0' + check % 10;
	return n + 4;
}

PG_FUNCTION_INFO_V1(o2c_number_reference);
/* o2c._number_reference(number) */
Datum
o2c_number_reference(PG_FUNCTION_ARGS)
{
	text	   *number = PG_GETARG_TEXT_PP(0);
	char		out[O2C_RF_MAX];
	int			len = number_reference(VARDATA_ANY(number), VARSIZE_ANY_EXHDR(number), out);

	if (len == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out, len));
}
