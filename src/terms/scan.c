/*-------------------------------------------------------------------------
 *
 * scan.c
 *		Splits a text of payment terms into words, numbers, dates and symbols.
 *
 * Letters and digits are apart even where they are written together, so that
 * "N10EOM" reads as "n 10 eom"; an ordinal ending belongs to its number.
 * Failing means to note the first thing that is wrong: the caller decides
 * whether that becomes an error.
 *
 *-------------------------------------------------------------------------
 */
#include "terms/scan.h"

#include "utils/datetime.h"

/* Notes what is wrong; the first note counts.  Returns false to hand on. */
bool
o2c_terms_fail(TermsInput *in, int sqlstate, const char *detail, const char *hint)
{
	if (in->sqlstate == 0)
	{
		in->sqlstate = sqlstate;
		in->detail = detail;
		in->hint = hint;
	}
	return false;
}

/* The token at hand does not belong there. */
bool
o2c_terms_unexpected(TermsInput *in, const char *hint)
{
	const Token *token = &in->tokens[in->at];

	return o2c_terms_fail(in, ERRCODE_O2C_INVALID_TERMS,
						  token->kind == TOKEN_END ? "The text ends too early."
						  : psprintf("\"%s\" was not expected there.", token->text), hint);
}

/* A letter of ASCII, whatever the locale takes for letters. */
static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A date such as 2026-01-31 where the digits start. */
static bool
scan_date(const char **c, Token *token)
{
	int			year,
				month,
				day;

	for (int i = 0; i < 10; i++)
		if (i == 4 || i == 7 ? (*c)[i] != '-' : !isdigit((unsigned char) (*c)[i]))
			return false;
	sscanf(*c, "%4d-%2d-%2d", &year, &month, &day);
	if (year < 1 || month < 1 || month > MONTHS_PER_YEAR || day < 1 || day > day_tab[isleap(year)][month - 1] ||
		isdigit((unsigned char) (*c)[10]))
		return false;
	token->kind = TOKEN_DATE;
	token->date = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	strlcpy(token->text, *c, 11);
	*c += 10;
	return true;
}

/* Takes "st", "nd", "rd" or "th" behind a number. */
static void
scan_ordinal(const char **c, Token *token)
{
	static const char *const endings[] = {"st", "nd", "rd", "th"};

	for (int i = 0; i < lengthof(endings); i++)
		if (pg_strncasecmp(*c, endings[i], 2) == 0 && !is_letter((*c)[2]))
		{
			token->ordinal = true;
			*c += 2;
			return;
		}
}

/* A number of up to 12 digits before and 6 after the point. */
static bool
scan_number(TermsInput *in, const char **c, Token *token)
{
	const char *start = *c;
	int			whole = strspn(*c, "0123456789");
	int			decimals = 0;

	if ((*c)[whole] == '.')
		decimals = strspn(*c + whole + 1, "0123456789");
	if (whole > 12 || decimals > O2C_TERM_SCALE)
		return o2c_terms_fail(in, ERRCODE_O2C_INVALID_TERMS,
							  "A number has at most 12 digits before and 6 after the decimal point.", NULL);
	for (int i = 0; i < whole; i++)
		token->value = token->value * 10 + (*(*c)++ - '0');
	if (decimals > 0)
		(*c)++;
	for (int i = 0; i < O2C_TERM_SCALE; i++)
		token->value = token->value * 10 + (i < decimals ? *(*c)++ - '0' : 0);
	token->kind = TOKEN_NUMBER;
	strlcpy(token->text, start, Min(sizeof(token->text), *c - start + 1));
	scan_ordinal(c, token);
	return true;
}

/* Letters; a dot or hyphen between two of them is spelling (E.O.M., cut-off). */
static bool
scan_word(TermsInput *in, const char **c, Token *token)
{
	int			length = 0;

	token->kind = TOKEN_WORD;
	while (is_letter(**c) || ((**c == '.' || **c == '-') && is_letter((*c)[1])))
	{
		if (is_letter(**c))
		{
			if (length == sizeof(token->text) - 1)
				return o2c_terms_unexpected(in, "Words of payment terms are short.");
			token->text[length++] = pg_tolower((unsigned char) **c);
		}
		(*c)++;
	}
	return true;
}

/* One token. */
static bool
scan_token(TermsInput *in, const char **c, Token *token)
{
	unsigned char first = **c;

	if (isdigit(first))
		return scan_date(c, token) || scan_number(in, c, token);
	if (is_letter(first))
		return scan_word(in, c, token);
	if (strchr("%/@,;+", first) == NULL)
		return o2c_terms_fail(in, ERRCODE_O2C_INVALID_TERMS,
							  first < 128 ? psprintf("The character \"%c\" means nothing in payment terms.", first)
							  : "Payment terms are written in ASCII characters.", NULL);
	token->kind = TOKEN_WORD;
	token->text[0] = first;
	(*c)++;
	return true;
}

/* Splits a text; the last token is TOKEN_END. */
bool
o2c_terms_scan(TermsInput *in, const char *text)
{
	const char *c = text;
	size_t		length = strlen(text);

	in->text = text;
	in->tokens = palloc0(sizeof(Token) * (Min(length, O2C_TERMS_MAX_LENGTH) + 1));
	if (length > O2C_TERMS_MAX_LENGTH)
		return o2c_terms_fail(in, ERRCODE_O2C_INVALID_TERMS,
							  psprintf("Payment terms have at most %d characters.", O2C_TERMS_MAX_LENGTH), NULL);
	for (;;)
	{
		c += strspn(c, " \t\r\n.");
		if (*c == '\0')
			break;
		if (!scan_token(in, &c, &in->tokens[in->at]))
			return false;
		in->at++;
	}
	in->at = 0;
	return true;
}

/* The token so many places ahead. */
static const Token *
token_ahead(const TermsInput *in, int ahead)
{
	const Token *token = &in->tokens[in->at];

	for (int i = 0; i < ahead && token->kind != TOKEN_END; i++)
		token++;
	return token;
}

/* Is the token the word that starts here and ends at a space? */
static bool
is_word(const Token *token, const char *word)
{
	size_t		n = strcspn(word, " ");

	return token->kind == TOKEN_WORD && strlen(token->text) == n && memcmp(word, token->text, n) == 0;
}

/* The word after the one that starts here. */
static const char *
next_word(const char *word)
{
	word += strcspn(word, " ");
	return word + strspn(word, " ");
}

/* Is the token ahead one of these words, which spaces separate? */
bool
o2c_at(const TermsInput *in, int ahead, const char *words)
{
	const Token *token = token_ahead(in, ahead);

	for (const char *w = words; *w != '\0'; w = next_word(w))
		if (is_word(token, w))
			return true;
	return false;
}

/* Is the token ahead a number? */
bool
o2c_at_number(const TermsInput *in, int ahead)
{
	return token_ahead(in, ahead)->kind == TOKEN_NUMBER;
}

/* Is it an ordinal? */
bool
o2c_at_ordinal(const TermsInput *in, int ahead)
{
	return token_ahead(in, ahead)->ordinal;
}

/* Takes the token at hand if it is one of these words. */
bool
o2c_accept(TermsInput *in, const char *words)
{
	if (!o2c_at(in, 0, words))
		return false;
	in->at++;
	return true;
}

/* Takes these words in this order, all or none. */
bool
o2c_accept_phrase(TermsInput *in, const char *phrase)
{
	int			ahead = 0;

	for (const char *w = phrase; *w != '\0'; w = next_word(w))
		if (!is_word(token_ahead(in, ahead++), w))
			return false;
	in->at += ahead;
	return true;
}
