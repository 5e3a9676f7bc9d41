/*-------------------------------------------------------------------------
 *
 * reference.c
 *		The type creditor_reference: a reference with check digits (ISO 11649).
 *
 * "RF", two check digits (ISO 7064 MOD 97-10) and 1 to 21 letters and digits.
 * A mistyped character or two swapped digits do not pass, so a payment that
 * carries one names its invoice beyond doubt.
 *
 *-------------------------------------------------------------------------
 */
#include "core/reference.h"

#include "cash/code.h"

#define REFERENCE_HINT "A creditor reference (ISO 11649) is RF, two check digits, and 1 to 21 letters and digits;" \
	" o2c.make_creditor_reference(text) computes the check digits."

/* Why a code is no creditor reference, or NULL. */
static char *
reference_fault(const O2cCode *code)
{
	if (code->len < 2 || code->chars[0] != 'R' || code->chars[1] != 'F')
		return pstrdup("It does not begin with RF.");
	if (code->len < O2C_RF_MIN || code->len > O2C_RF_MAX)
		return psprintf("It has %d characters, not %d to %d.", code->len, O2C_RF_MIN, O2C_RF_MAX);
	if (!o2c_is_digit(code->chars[2]) || !o2c_is_digit(code->chars[3]))
		return pstrdup("Its third and fourth character are not digits.");
	if (!o2c_is_creditor_reference(code->chars, code->len))
		return psprintf("The check digits %.2s do not fit the rest.", code->chars + 2);
	return NULL;
}

static const O2cCodeType reference_type = {"creditor reference", REFERENCE_HINT, reference_fault};

PG_FUNCTION_INFO_V1(o2c_creditor_reference_in);
/* text input */
Datum
o2c_creditor_reference_in(PG_FUNCTION_ARGS)
{
	char	   *s = PG_GETARG_CSTRING(0);

	PG_RETURN_TEXT_P(o2c_parse_code(&reference_type, s, strlen(s)));
}

PG_FUNCTION_INFO_V1(o2c_creditor_reference_recv);
/* binary input */
Datum
o2c_creditor_reference_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(o2c_receive_code(&reference_type, (StringInfo) PG_GETARG_POINTER(0)));
}

PG_FUNCTION_INFO_V1(o2c_is_creditor_reference_sql);
/* o2c.is_creditor_reference(text) */
Datum
o2c_is_creditor_reference_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(o2c_fits_code(&reference_type, PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(o2c_make_creditor_reference);
/* o2c.make_creditor_reference(reference): the reference with its check digits */
Datum
o2c_make_creditor_reference(PG_FUNCTION_ARGS)
{
	text	   *bare = PG_GETARG_TEXT_PP(0);
	char	   *s = VARDATA_ANY(bare);
	int			len = VARSIZE_ANY_EXHDR(bare);
	O2cCode		body;
	char	   *detail = o2c_read_code(s, len, O2C_BLANKS, "", &body);

	if (detail == NULL && body.len > O2C_RF_MAX - 4)
		detail = psprintf("It has %d characters, more than %d.", body.len, O2C_RF_MAX - 4);
	if (detail != NULL)
		o2c_refuse_code("reference for a creditor reference", s, len, detail,
						"Use 1 to 21 letters A to Z and digits; leave out punctuation.");
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("RF%02d%.*s", o2c_mod97_check("RF", body.chars, body.len),
											  body.len, body.chars)));
}
