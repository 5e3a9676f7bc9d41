/*-------------------------------------------------------------------------
 *
 * checkdigit.c
 *		Payment references of several countries and their check digits.
 *
 * Each scheme is one row of a table: how long a bare reference is, how its
 * check digits are computed, and how it is printed.  A reference is accepted
 * when the check digits computed anew are those it carries.
 *
 *-------------------------------------------------------------------------
 */
#include "cash/checkdigit.h"

#include "core/reference.h"
#include "mb/pg_wchar.h"

/* Switzerland: modulo 10, recursive; each digit leads from row to row of the table. */
static void
check_qrr(const char *bare, int len, char *check)
{
	static const int next[] = {0, 9, 4, 6, 8, 2, 7, 1, 3, 5};
	int			carry = 0;

	for (int i = 0; i < len; i++)
		carry = next[(carry + bare[i] - '0') % 10];
	check[0] = '0' + (10 - carry) % 10;
}

/* Finland: weights 7, 3, 1 from the right, up to the next ten. */
static void
check_viite(const char *bare, int len, char *check)
{
	static const int weights[] = {7, 3, 1};
	int			sum = 0;

	for (int i = 0; i < len; i++)
		sum += weights[i % 3] * (bare[len - 1 - i] - '0');
	check[0] = '0' + (10 - sum % 10) % 10;
}

/* Norway, modulo 10 (Luhn): every second digit from the right doubled, digit sum, up to the next ten. */
static void
check_kid10(const char *bare, int len, char *check)
{
	int			sum = 0;

	for (int i = 0; i < len; i++)
	{
		int			d = (bare[len - 1 - i] - '0') * (i % 2 == 0 ? 2 : 1);

		sum += d / 10 + d % 10;
	}
	check[0] = '0' + (10 - sum % 10) % 10;
}

/* Norway, modulo 11: weights 2 to 7 from the right; the check digit 10 is written as a hyphen. */
static void
check_kid11(const char *bare, int len, char *check)
{
	int			sum = 0;
	int			digit;

	for (int i = 0; i < len; i++)
		sum += (2 + i % 6) * (bare[len - 1 - i] - '0');
	digit = (11 - sum % 11) % 11;
	check[0] = digit == 10 ? '-' : '0' + digit;
}

/* Two digits. */
static void
write_two(int value, char *check)
{
	check[0] = '0' + value / 10;
	check[1] = '0' + value % 10;
}

/* Belgium: the number modulo 97, where 0 is written 97. */
static void
check_ogm(const char *bare, int len, char *check)
{
	int			rest = 0;

	for (int i = 0; i < len; i++)
		rest = (rest * 10 + (bare[i] - '0')) % 97;
	write_two(rest == 0 ? 97 : rest, check);
}

/* ISO 11649: ISO 7064 MOD 97-10. */
static void
check_rf(const char *bare, int len, char *check)
{
	write_two(o2c_mod97_check("RF", bare, len), check);
}

/* In one piece. */
static text *
print_whole(const O2cCode *code)
{
	return cstring_to_text_with_len(code->chars, code->len);
}

/* In groups of four. */
static text *
print_fours(const O2cCode *code)
{
	return o2c_print_groups(code->chars, code->len, 0, 4);
}

/* In groups of five, counted from the right. */
static text *
print_fives(const O2cCode *code)
{
	return o2c_print_groups(code->chars, code->len, code->len % 5, 5);
}

/* Belgium: +++123/4567/89012+++ */
static text *
print_ogm(const O2cCode *code)
{
	return cstring_to_text(psprintf("+++%.3s/%.4s/%.5s+++", code->chars, code->chars + 3, code->chars + 7));
}

static const O2cScheme schemes[] = {
	{"RF", "RF", 1, 21, 2, check_rf, O2C_BLANKS, "", print_fours},
	{"QRR", "", 26, 26, 1, check_qrr, O2C_BLANKS, "", print_fives},
	{"VIITE", "", 3, 19, 1, check_viite, O2C_BLANKS, "", print_fives},
	{"KID10", "", 1, 24, 1, check_kid10, O2C_BLANKS, "", print_whole},
	{"KID11", "", 1, 24, 1, check_kid11, O2C_BLANKS, "-", print_whole},
	{"OGM", "", 10, 10, 2, check_ogm, O2C_BLANKS "+*/", "", print_ogm}
};

#define SCHEME_NAMES "RF, QRR, VIITE, KID10, KID11, OGM"

/* The scheme of a name; there must be one. */
const O2cScheme *
o2c_scheme(const char *name)
{
	for (int i = 0; i < lengthof(schemes); i++)
		if (pg_strcasecmp(schemes[i].name, name) == 0)
			return &schemes[i];
	ereport(ERROR,
			(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
			 errmsg("there is no reference scheme \"%.*s\"", pg_mbcliplen(name, strlen(name), NAMEDATALEN), name),
			 errhint("The schemes are %s.", SCHEME_NAMES)));
}

/* Why a bare reference does not fit a scheme, or NULL. */
static char *
bare_fault(const O2cScheme *scheme, const char *bare, int len)
{
	if (len < scheme->min || len > scheme->max)
		return scheme->min == scheme->max
			? psprintf("Without check digits it has %d characters, not %d.", len, scheme->min)
			: psprintf("Without check digits it has %d characters, not %d to %d.", len, scheme->min, scheme->max);
	for (int i = 0; i < len && scheme->lead[0] == '\0'; i++)
		if (!o2c_is_digit(bare[i]))
			return pstrdup("It contains something other than digits.");
	return NULL;
}

/* Whether a code is a reference of a scheme, check digits included. */
bool
o2c_scheme_accepts(const O2cScheme *scheme, const O2cCode *code)
{
	int			lead = strlen(scheme->lead);
	int			len = code->len - lead - scheme->check_length;
	const char *bare = code->chars + (lead > 0 ? lead + scheme->check_length : 0);
	const char *carried = code->chars + (lead > 0 ? lead : len);
	char		check[2];

	if (len < 1 || memcmp(code->chars, scheme->lead, lead) != 0 || bare_fault(scheme, bare, len) != NULL)
		return false;
	scheme->compute(bare, len, check);
	return memcmp(carried, check, scheme->check_length) == 0;
}

/* Reads a code of a scheme; returns what is wrong, or NULL. */
static char *
read_text(const O2cScheme *scheme, text *value, O2cCode *code)
{
	return o2c_read_code(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), scheme->dropped, scheme->kept, code);
}

/* Raises the error of a text that does not fit a scheme. */
static void
refuse_text(const O2cScheme *scheme, text *value, char *detail)
{
	o2c_refuse_code(psprintf("%s reference", scheme->name), VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), detail,
					"o2c.check_digit(scheme, reference) takes the reference without check digits, the other functions with them.");
}

PG_FUNCTION_INFO_V1(o2c_check_digit);
/* o2c.check_digit(scheme, reference): the check digits of a bare reference */
Datum
o2c_check_digit(PG_FUNCTION_ARGS)
{
	const O2cScheme *scheme = o2c_scheme(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	text	   *reference = PG_GETARG_TEXT_PP(1);
	O2cCode		bare;
	char		check[2];
	char	   *detail = read_text(scheme, reference, &bare);

	if (detail == NULL)
		detail = bare_fault(scheme, bare.chars, bare.len);
	if (detail != NULL)
		refuse_text(scheme, reference, detail);
	scheme->compute(bare.chars, bare.len, check);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(check, scheme->check_length));
}

PG_FUNCTION_INFO_V1(o2c_is_reference);
/* o2c.is_reference(scheme, reference) */
Datum
o2c_is_reference(PG_FUNCTION_ARGS)
{
	const O2cScheme *scheme = o2c_scheme(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	O2cCode		code;

	PG_RETURN_BOOL(read_text(scheme, PG_GETARG_TEXT_PP(1), &code) == NULL && o2c_scheme_accepts(scheme, &code));
}

PG_FUNCTION_INFO_V1(o2c_print_reference);
/* o2c.print_form(scheme, reference) */
Datum
o2c_print_reference(PG_FUNCTION_ARGS)
{
	const O2cScheme *scheme = o2c_scheme(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	text	   *reference = PG_GETARG_TEXT_PP(1);
	O2cCode		code;
	char	   *detail = read_text(scheme, reference, &code);

	if (detail == NULL && !o2c_scheme_accepts(scheme, &code))
		detail = pstrdup("Its length or its check digits are wrong.");
	if (detail != NULL)
		refuse_text(scheme, reference, detail);
	PG_RETURN_TEXT_P(scheme->print(&code));
}
