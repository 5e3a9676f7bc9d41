/*-------------------------------------------------------------------------
 *
 * name.c
 *		The forms in which names of payers and the ends of numbers are compared.
 *
 * A bank writes 'MUELLER GMBH + CO.KG' for 'Müller GmbH & Co. KG'.  The key of
 * a name has letters in upper case without accents (letters of other scripts
 * stay as they are, but for these), AE, OE and UE like the umlauts they stand for, no
 * punctuation and no legal forms.  Names that differ in nothing else are equal.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "cash/code.h"
#include "common/unicode_norm.h"
#include "core/reference.h"
#include "mb/pg_wchar.h"

#define MAX_KEY 200				/* bytes: an index holds it */

/* Legal forms, as they are written and as they are compared, and words that say nothing; sorted. */
static const struct Form
{
	const char *word;
	const char *form;
}			forms[] = {
	{"AB", "AB"}, {"AG", "AG"}, {"AKTIENGESELLSCHAFT", "AG"}, {"AND", ""}, {"APS", "APS"}, {"AS", "AS"},
	{"ASA", "ASA"}, {"BESCHRANKTER", ""}, {"BV", "BV"}, {"CO", "CO"}, {"COKG", "CO KG"}, {"COMPANY", "CO"},
	{"CORP", "CORP"}, {"CORPORATION", "CORP"}, {"CV", "CV"}, {"DOO", "DOO"}, {"EK", "EK"}, {"ET", ""},
	{"EV", "EV"}, {"FIRMA", ""}, {"GBR", "GBR"}, {"GESELLSCHAFT", ""}, {"GMBH", "GMBH"}, {"HAFTUNG", "GMBH"},
	{"INC", "INC"}, {"INCORPORATED", "INC"}, {"KFT", "KFT"}, {"KG", "KG"}, {"KGAA", "KGAA"}, {"KK", "KK"},
	{"KOMMANDITGESELLSCHAFT", "KG"}, {"LDA", "LDA"}, {"LIMITED", "LTD"}, {"LLC", "LLC"}, {"LLP", "LLP"},
	{"LTD", "LTD"}, {"LTDA", "LTDA"}, {"MBH", "GMBH"}, {"MIT", ""}, {"NV", "NV"}, {"OHG", "OHG"}, {"OOO", "OOO"},
	{"OY", "OY"}, {"OYJ", "OYJ"}, {"PLC", "PLC"}, {"PTE", "PTE"}, {"PTY", "PTY"}, {"SA", "SA"}, {"SARL", "SARL"},
	{"SAS", "SAS"}, {"SE", "SE"}, {"SL", "SL"}, {"SNC", "SNC"}, {"SP", "SP"}, {"SPA", "SPA"}, {"SRL", "SRL"},
	{"SRO", "SRO"}, {"THE", ""}, {"UG", "UG"}, {"UND", ""}, {"ZOO", "ZOO"}, {"ZRT", "ZRT"}
};

/* Letters that are no others with an accent, and what they are written as; sorted. */
static const struct Letter
{
	pg_wchar	c;
	const char *as;
}			letters[] = {
	{0xC6, "A"}, {0xD0, "D"}, {0xD8, "O"}, {0xDE, "T"}, {0xDF, "SS"}, {0xE6, "A"}, {0xF0, "D"}, {0xF8, "O"}, {0xFE, "T"},
	{0x110, "D"}, {0x111, "D"}, {0x126, "H"}, {0x127, "H"}, {0x131, "I"}, {0x138, "K"}, {0x141, "L"}, {0x142, "L"}, {0x14A, "N"}, {0x14B, "N"},
	{0x152, "O"}, {0x153, "O"}, {0x166, "T"}, {0x167, "T"}, {0x1E9E, "SS"}
};

/* A key while it is made. */
typedef struct Key
{
	char		chars[MAX_KEY + 8];
	int			len;
	int			word;			/* where the last word begins */
	char		forms[MAX_KEY]; /* the legal forms that were taken away */
} Key;

/* Order of words. */
static int
compare_form(const void *word, const void *form)
{
	return strcmp(word, ((const struct Form *) form)->word);
}

/* Ends the last word; a legal form is taken away. */
static void
end_word(Key *key)
{
	const struct Form *form;

	key->chars[key->len] = '\0';
	if (key->len == key->word)
		return;
	form = bsearch(key->chars + key->word, forms, lengthof(forms), sizeof(struct Form), compare_form);
	if (form != NULL)
	{
		key->len = key->word;
		if (form->form[0] != '\0')
			snprintf(key->forms + strlen(key->forms), MAX_KEY - strlen(key->forms), " %s", form->form);
	}
	else if (key->len < MAX_KEY)
		key->chars[key->len++] = ' ';
	key->word = key->len;
}

/* Adds a character of a word; an E after A, O or U is the umlaut's. */
static void
add_letter(Key *key, char c)
{
	char		before = key->len > key->word ? key->chars[key->len - 1] : '\0';

	if (c == 'E' && (before == 'A' || before == 'O' || before == 'U'))
		return;
	if (key->len < MAX_KEY)
		key->chars[key->len++] = c;
}

/* Order of letters. */
static int
compare_letter(const void *c, const void *letter)
{
	pg_wchar	a = *(const pg_wchar *) c;
	pg_wchar	b = ((const struct Letter *) letter)->c;

	return a < b ? -1 : a > b;
}

/* Adds a character of one byte: full stops and apostrophes vanish, other marks separate. */
static void
add_narrow(Key *key, char c)
{
	if (o2c_significant(c) != '\0')
		add_letter(key, o2c_significant(c));
	else if (c != '.' && c != '\'')
		end_word(key);
}

/* Whether a character vanishes: an accent that stands by itself, as after decomposition, or an apostrophe. */
static bool
is_dropped(pg_wchar c)
{
	return (c >= 0x300 && c <= 0x36F) || c == 0x2BC || c == 0x2018 || c == 0x2019;
}

/* Whether a character is punctuation or a symbol of Latin-1 or of the general ones. */
static bool
is_mark(pg_wchar c)
{
	return (c >= 0x80 && c < 0xC0) || c == 0xD7 || c == 0xF7 || (c >= 0x2000 && c < 0x2070) || (c >= 0x3000 && c < 0x3004);
}

/* Adds a decomposed character. */
static void
add_decomposed(Key *key, pg_wchar c)
{
	const struct Letter *letter = bsearch(&c, letters, lengthof(letters), sizeof(struct Letter), compare_letter);
	unsigned char bytes[MAX_MULTIBYTE_CHAR_LEN + 1];
	int			len;

	if (letter != NULL)
		for (const char *s = letter->as; *s != '\0'; s++)
			add_letter(key, *s);
	else if (c < 0x80)
		add_narrow(key, (char) c);
	else if (is_dropped(c))
		return;
	else if (is_mark(c))
		end_word(key);
	else
	{
		unicode_to_utf8(c, bytes);
		len = pg_utf_mblen(bytes);
		if (key->len + len <= MAX_KEY)
		{
			memcpy(key->chars + key->len, bytes, len);
			key->len += len;
		}
	}
}

/* Adds a character of more than one byte: in its compatibility decomposition (Unicode NFKD) accents stand apart. */
static void
add_wide(Key *key, const char *s, int len)
{
	pg_wchar	c[2] = {0, 0};

	if (GetDatabaseEncoding() == PG_UTF8)
	{
		c[0] = utf8_to_unicode((const unsigned char *) s);
		for (const pg_wchar *d = unicode_normalize(UNICODE_NFKD, c); *d != 0; d++)
			add_decomposed(key, *d);
	}
	else if (key->len + len <= MAX_KEY)
	{
		memcpy(key->chars + key->len, s, len);
		key->len += len;
	}
}

/* Reads a name. */
static void
read_name(text *name, Key *key)
{
	const char *s = VARDATA_ANY(name);
	const char *end = s + VARSIZE_ANY_EXHDR(name);
	int			len;

	memset(key, 0, sizeof(Key));
	for (; s < end && key->len < MAX_KEY; s += len)
	{
		len = pg_mblen(s);
		if (s + len > end)
			break;
		if (len > 1)
			add_wide(key, s, len);
		else
			add_narrow(key, *s);
	}
	end_word(key);
	if (key->len > 0 && key->chars[key->len - 1] == ' ')
		key->len--;
}

PG_FUNCTION_INFO_V1(o2c_name_key);
/* o2c.name_key(name) */
Datum
o2c_name_key(PG_FUNCTION_ARGS)
{
	Key			key;

	read_name(PG_GETARG_TEXT_PP(0), &key);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key.chars, key.len));
}

PG_FUNCTION_INFO_V1(o2c_legal_forms);
/* o2c._legal_forms(name) */
Datum
o2c_legal_forms(PG_FUNCTION_ARGS)
{
	Key			key;

	read_name(PG_GETARG_TEXT_PP(0), &key);
	PG_RETURN_TEXT_P(cstring_to_text(key.forms));
}

/* What people write about any payment, in the form of keys. */
static const char *const common_words[] = {
	"INVOIC", "INVOICE", "INV", "RECHNUNG", "RECHNUNGS", "FACTURE", "FACTURA", "FATTURA", "PAYMENT", "ZAHLUNG", "TRANSFER", "UBERWEISUNG", "REF",
	"NO", "NR", "NUMBER", "YOUR", "IHRE", "FOR", "OF"
};

/* Whether a word of a key says nothing about who writes it. */
static bool
is_common(const char *word, int len)
{
	for (int i = 0; i < lengthof(common_words); i++)
		if (common_words[i][0] == *word && strlen(common_words[i]) == len && memcmp(common_words[i], word, len) == 0)
			return true;
	return false;
}

/* A copy of a text with blanks for its words with a digit. */
static text *
without_numbers(text *value)
{
	int			size = VARSIZE_ANY_EXHDR(value);
	text	   *copy = cstring_to_text_with_len(VARDATA_ANY(value), size);
	char	   *s = VARDATA(copy);

	for (int i = 0, end; i < size; i = end + 1)
	{
		bool		digit = false;

		for (end = i; end < size && strchr(O2C_BLANKS, s[end]) == NULL; end++)
			digit |= o2c_is_digit(s[end]);
		if (digit)
			memset(s + i, ' ', end - i);
	}
	return copy;
}

/* Takes the common words out of a key. */
static void
drop_common(Key *key)
{
	int			n = 0;

	for (int i = 0, end; i < key->len; i = end + 1)
	{
		for (end = i; end < key->len && key->chars[end] != ' '; end++)
			;
		if (is_common(key->chars + i, end - i))
			continue;
		if (n > 0)
			key->chars[n++] = ' ';
		memmove(key->chars + n, key->chars + i, end - i);
		n += end - i;
	}
	key->len = n;
}

#define LEAST_TEXT 8

PG_FUNCTION_INFO_V1(o2c_text_key);
/* o2c._text_key(reference) */
Datum
o2c_text_key(PG_FUNCTION_ARGS)
{
	Key			key;

	read_name(without_numbers(PG_GETARG_TEXT_PP(0)), &key);
	drop_common(&key);
	if (pg_mbstrlen_with_len(key.chars, key.len) < LEAST_TEXT)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key.chars, key.len));
}

/* Writes the numeric groups of a reference backwards, without leading zeros; returns the length. */
static int
write_tail(const char *s, int len, char *out)
{
	int			n = 0;
	int			zeros = 0;		/* that may lead the group */

	for (int i = len - 1; i >= 0; i--)
	{
		if (!o2c_is_digit(s[i]))
		{
			n -= zeros;
			zeros = 0;
			if (n > 0 && out[n - 1] != '-')
				out[n++] = '-';
			continue;
		}
		zeros = s[i] == '0' ? zeros + 1 : 0;
		out[n++] = s[i];
	}
	n -= zeros;
	while (n > 0 && out[n - 1] == '-')
		n--;
	return n;
}

PG_FUNCTION_INFO_V1(o2c_reference_tail);
/* o2c._reference_tail(reference) */
Datum
o2c_reference_tail(PG_FUNCTION_ARGS)
{
	text	   *reference = PG_GETARG_TEXT_PP(0);
	int			len = Min(VARSIZE_ANY_EXHDR(reference), MAX_KEY);
	text	   *result = palloc(VARHDRSZ + len + 1);

	SET_VARSIZE(result, VARHDRSZ + write_tail(VARDATA_ANY(reference), len, VARDATA(result)));
	PG_RETURN_TEXT_P(result);
}
