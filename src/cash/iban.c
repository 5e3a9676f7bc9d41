/*-------------------------------------------------------------------------
 *
 * iban.c
 *		The type iban: an international bank account number (ISO 13616).
 *
 * Country, two check digits (ISO 7064 MOD 97-10), and the national account
 * number, whose length and kinds of characters the IBAN registry lists by
 * country.  A country that is not in the registry has no IBANs.
 *
 *-------------------------------------------------------------------------
 */
#include "cash/code.h"

#include "core/reference.h"

typedef struct Country
{
	char		code[3];
	const char *account;		/* runs of n (digits), a (letters), c (either) */
	int			bank;			/* where in it the bank identifier is; no bank_length: nowhere */
	int			bank_length;
} Country;

/* The IBAN registry, release 103, by code (sorted for bsearch). */
static const Country countries[] = {
	{"AD", "8n12c", 0, 4}, {"AE", "19n", 0, 3}, {"AL", "8n16c", 0, 8},
	{"AT", "16n", 0, 5}, {"AZ", "4a20c", 0, 4}, {"BA", "16n", 0, 3},
	{"BE", "12n", 0, 3}, {"BG", "4a6n8c", 0, 4}, {"BH", "4a14c", 0, 4},
	{"BI", "23n", 0, 5}, {"BR", "8c15n1a1c", 0, 8}, {"BY", "4c4n16c", 0, 4},
	{"CH", "5n12c", 0, 5}, {"CR", "18n", 0, 4}, {"CY", "8n16c", 0, 3},
	{"CZ", "20n", 0, 4}, {"DE", "18n", 0, 8}, {"DJ", "23n", 0, 5},
	{"DK", "14n", 0, 4}, {"DO", "4c20n", 0, 4}, {"EE", "16n", 0, 2},
	{"EG", "25n", 0, 4}, {"ES", "20n", 0, 4}, {"FI", "14n", 0, 3},
	{"FK", "2a12n", 0, 2}, {"FO", "14n", 0, 4}, {"FR", "10n11c2n", 0, 5},
	{"GB", "4a14n", 0, 4}, {"GE", "2a16n", 0, 2}, {"GI", "4a15c", 0, 4},
	{"GL", "14n", 0, 4}, {"GR", "7n16c", 0, 3}, {"GT", "24c", 0, 4},
	{"HN", "4a20n", 0, 4}, {"HR", "17n", 0, 7}, {"HU", "24n", 0, 3},
	{"IE", "4a14n", 0, 4}, {"IL", "19n", 0, 3}, {"IQ", "4a15n", 0, 4},
	{"IS", "22n", 0, 2}, {"IT", "1a10n12c", 1, 5}, {"JO", "4a4n18c", 0, 4},
	{"KW", "4a22c", 0, 4}, {"KZ", "3n13c", 0, 3}, {"LB", "4n20c", 0, 4},
	{"LC", "4a24c", 0, 4}, {"LI", "5n12c", 0, 5}, {"LT", "16n", 0, 5},
	{"LU", "3n13c", 0, 3}, {"LV", "4a13c", 0, 4}, {"LY", "21n", 0, 3},
	{"MC", "10n11c2n", 0, 5}, {"MD", "20c", 0, 2}, {"ME", "18n", 0, 3},
	{"MK", "3n10c2n", 0, 3}, {"MN", "16n", 0, 4}, {"MR", "23n", 0, 5},
	{"MT", "4a5n18c", 0, 4}, {"MU", "4a19n3a", 0, 6}, {"NI", "4a20n", 0, 4},
	{"NL", "4a10n", 0, 4}, {"NO", "11n", 0, 4}, {"OM", "3n16c", 0, 3},
	{"PK", "4a16c", 0, 4}, {"PL", "24n", 0, 0}, {"PS", "4a21c", 0, 4},
	{"PT", "21n", 0, 4}, {"QA", "4a21c", 0, 4}, {"RO", "4a16c", 0, 4},
	{"RS", "18n", 0, 3}, {"RU", "14n15c", 0, 9}, {"SA", "2n18c", 0, 2},
	{"SC", "4a20n3a", 0, 6}, {"SD", "14n", 0, 2}, {"SE", "20n", 0, 3},
	{"SI", "15n", 0, 5}, {"SK", "20n", 0, 4}, {"SM", "1a10n12c", 1, 5},
	{"SO", "19n", 0, 4}, {"ST", "21n", 0, 4}, {"SV", "4a20n", 0, 4},
	{"TL", "19n", 0, 3}, {"TN", "20n", 0, 2}, {"TR", "6n16c", 0, 5},
	{"UA", "6n19c", 0, 6}, {"VA", "18n", 0, 3}, {"VG", "4a16n", 0, 4},
	{"XK", "16n", 0, 2}, {"YE", "4a4n18c", 0, 4}
};

/* Order of two entries of the registry by country. */
static int
compare_country(const void *a, const void *b)
{
	return strcmp(((const Country *) a)->code, ((const Country *) b)->code);
}

/* The registry's entry for the country that a code begins with, or NULL. */
static const Country *
find_country(const char *code)
{
	Country		key = {{code[0], code[1], '\0'}};

	return bsearch(&key, countries, lengthof(countries), sizeof(Country), compare_country);
}

/* Whether a character is of a kind of the registry. */
static bool
is_kind(char c, char kind)
{
	return kind == 'c' || (kind == 'n') == o2c_is_digit(c);
}

/*
 * Holds an account number against the registry's description of it.  Returns
 * the length that it must have and, where the length fits, the first place of
 * the wrong kind and that kind ("n" or "a"); no kind when all is well.
 */
static int
check_account(const char *description, const char *account, int len, int *place, char *kind)
{
	int			end = 0;

	*kind = '\0';
	*place = 0;
	for (const char *d = description; *d != '\0'; d++)
	{
		int			start = end;

		end += strtol(d, (char **) &d, 10);
		for (int i = start; i < Min(end, len) && *kind == '\0'; i++)
		{
			if (is_kind(account[i], *d))
				continue;
			*place = i;
			*kind = *d;
		}
	}
	return end;
}

/* Why a code is no IBAN, or NULL. */
static char *
iban_fault(const O2cCode *code)
{
	const Country *country = code->len < 2 ? NULL : find_country(code->chars);
	int			len;
	int			place;
	char		kind;

	if (country == NULL)
		return psprintf("It begins with \"%.*s\", which is no country of the IBAN registry.",
						Min(code->len, 2), code->chars);
	len = 4 + check_account(country->account, code->chars + 4, code->len - 4, &place, &kind);
	if (code->len != len)
		return psprintf("An IBAN of %s has %d characters, this one has %d.", country->code, len, code->len);
	if (!o2c_is_digit(code->chars[2]) || !o2c_is_digit(code->chars[3]))
		return pstrdup("Its third and fourth character are not digits.");
	if (kind != '\0')
		return psprintf("Blanks not counted, the character at place %d must be a %s in an IBAN of %s.",
						place + 5, kind == 'n' ? "digit" : "letter", country->code);
	if (!o2c_mod97_valid(code->chars, code->len))
		return psprintf("The check digits %.2s do not fit the rest.", code->chars + 2);
	return NULL;
}

static const O2cCodeType iban_type = {
	"IBAN", "Compare it with the bank's document; blanks and lower case do not matter.", iban_fault
};

PG_FUNCTION_INFO_V1(o2c_iban_in);
/* text input */
Datum
o2c_iban_in(PG_FUNCTION_ARGS)
{
	char	   *s = PG_GETARG_CSTRING(0);

	PG_RETURN_TEXT_P(o2c_parse_code(&iban_type, s, strlen(s)));
}

PG_FUNCTION_INFO_V1(o2c_iban_recv);
/* binary input */
Datum
o2c_iban_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(o2c_receive_code(&iban_type, (StringInfo) PG_GETARG_POINTER(0)));
}

PG_FUNCTION_INFO_V1(o2c_is_iban);
/* o2c.is_iban(text) */
Datum
o2c_is_iban(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(o2c_fits_code(&iban_type, PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(o2c_iban_country);
/* o2c.iban_country(iban) */
Datum
o2c_iban_country(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text_with_len(VARDATA_ANY(PG_GETARG_TEXT_PP(0)), 2));
}

PG_FUNCTION_INFO_V1(o2c_iban_bank);
/* o2c.iban_bank(iban): null where the registry names no bank identifier */
Datum
o2c_iban_bank(PG_FUNCTION_ARGS)
{
	char	   *iban = VARDATA_ANY(PG_GETARG_TEXT_PP(0));
	const Country *country = find_country(iban);

	if (country == NULL)
		elog(ERROR, "IBAN of unknown country \"%.2s\"", iban);
	if (country->bank_length == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(iban + 4 + country->bank, country->bank_length));
}
