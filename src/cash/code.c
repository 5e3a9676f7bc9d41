/*-------------------------------------------------------------------------
 *
 * code.c
 *		Reading, refusing and printing of codes.
 *
 * A value of a code type is stored the way text is and holds ASCII only, in
 * canonical form.  So text's own functions print and send it, bytea's compare
 * and hash it, and the cast to text costs nothing.  The invariant behind that:
 * no value comes into being but through o2c_parse_code().
 *
 *-------------------------------------------------------------------------
 */
#include "cash/code.h"

#include "core/reference.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"

/* As much of a refused input as an error repeats. */
#define SHOWN_BYTES 64

/* Whether a character is one of a list. */
static bool
is_one_of(char c, const char *list)
{
	return c != '\0' && strchr(list, c) != NULL;
}

/*
 * Reads a code in upper case, without the characters to be dropped.  Others
 * than letters and digits are refused unless they are to be kept.  Returns
 * what is wrong, or NULL.
 */
char *
o2c_read_code(const char *s, int len, const char *dropped, const char *kept, O2cCode *code)
{
	code->len = 0;
	for (int i = 0; i < len; i++)
	{
		char		c = is_one_of(s[i], kept) ? s[i] : o2c_significant(s[i]);

		if (is_one_of(s[i], dropped))
			continue;
		/* so far all characters were ASCII: the place counts characters */
		if (c == '\0')
			return psprintf("The character at place %d is neither a letter A to Z nor a digit.", i + 1);
		if (code->len == O2C_CODE_MAX)
			return psprintf("It has more than %d characters.", O2C_CODE_MAX);
		code->chars[code->len++] = c;
	}
	return code->len == 0 ? pstrdup("It is empty.") : NULL;
}

/* Raises the error of an input that is no such code. */
void
o2c_refuse_code(const char *noun, const char *s, int len, char *detail, const char *hint)
{
	int			shown = pg_mbcliplen(s, len, SHOWN_BYTES);

	ereport(ERROR,
			(errcode(ERRCODE_O2C_INVALID_REFERENCE),
			 errmsg("invalid %s \"%.*s%s\"", noun, shown, s, shown < len ? "..." : ""),
			 errdetail_internal("%s", detail),
			 errhint("%s", hint)));
}

/* The value of a code type that a text stands for. */
text *
o2c_parse_code(const O2cCodeType *type, const char *s, int len)
{
	O2cCode		code;
	char	   *detail = o2c_read_code(s, len, O2C_BLANKS, "", &code);

	if (detail == NULL)
		detail = type->fault(&code);
	if (detail != NULL)
		o2c_refuse_code(type->noun, s, len, detail, type->hint);
	return cstring_to_text_with_len(code.chars, code.len);
}

/* The value of a code type that a client sent in binary form, which is its text. */
text *
o2c_receive_code(const O2cCodeType *type, StringInfo message)
{
	int			len;
	char	   *s = pq_getmsgtext(message, message->len - message->cursor, &len);

	return o2c_parse_code(type, s, len);
}

/* Whether a text stands for a value of a code type. */
bool
o2c_fits_code(const O2cCodeType *type, text *value)
{
	O2cCode		code;

	return o2c_read_code(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), O2C_BLANKS, "", &code) == NULL &&
		type->fault(&code) == NULL;
}

/* The code in groups of a size, parted by blanks; the first may be smaller. */
text *
o2c_print_groups(const char *code, int len, int first, int size)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < len; i++)
	{
		if (i > 0 && (i - first) % size == 0)
			appendStringInfoChar(&out, ' ');
		appendStringInfoChar(&out, code[i]);
	}
	return cstring_to_text_with_len(out.data, out.len);
}

PG_FUNCTION_INFO_V1(o2c_print_code);
/* o2c.print_form(creditor_reference), o2c.print_form(iban) */
Datum
o2c_print_code(PG_FUNCTION_ARGS)
{
	text	   *code = PG_GETARG_TEXT_PP(0);

	PG_RETURN_TEXT_P(o2c_print_groups(VARDATA_ANY(code), VARSIZE_ANY_EXHDR(code), 0, 4));
}
