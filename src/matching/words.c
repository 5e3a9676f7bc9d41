/*-------------------------------------------------------------------------
 *
 * words.c
 *		What the words around a number say: that it is an invoice's, a customer's,
 *		something else's, or that the money is no payment of an invoice at all.
 *
 * Words are compared in upper case, without accents, and without an E after A, O
 * or U, as in o2c.name_key.  The lists are short on purpose: they only decide what
 * is left to a person, and what is not in them is no word of an invoice.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"

#include "core/money.h"
#include "core/reference.h"

/* name.c */
extern Datum o2c_name_key(PG_FUNCTION_ARGS);

#define MAX_WORD 40
#define MAX_BACK 24				/* words that are looked at before a number */

/* What a word says of the number behind it. */
typedef enum
{
	SAYS_NOTHING,				/* there is none, or one of paying and numbers */
	SAYS_INVOICE,
	SAYS_CUSTOMER,
	SAYS_LESS,					/* it is not paid */
	SAYS_OTHER
} Meaning;

/* Words of paying, of numbers and of politeness: what stands before them counts. */
static const char *const neutral[] = {
	"A", "ACCORDING", "AND", "AS", "BETRAG", "BIS", "CT", "DANKE", "DATE", "DATED", "DATUM", "DD", "DE", "DEL", "DER", "DIE", "DU", "DUE", "ET", "EREF", "EUR", "FOR",
	"FUR", "GEMASS", "IHR", "IHRE", "IHRER", "INCL", "KREF", "LAUT", "LE", "LT", "MERCI", "N", "NO", "NOS", "NOTPROVIDED", "NR", "NRN", "NUM", "NUMBER", "NUMBERS",
	"NUMERO", "NUMMER", "NUMMERN", "OF", "ON", "PAGAMENTO", "PAGO", "PAIEMENT", "PAYMENT", "PER", "POUR", "REF", "REFERENCE", "REFERENZ", "SEPA", "SVWZ", "THANK",
	"THANKS", "THE", "TO", "TRANSFER", "U", "UBERWEISUNG", "UND", "USD", "V", "VIREMENT", "VOM", "VON", "VOS", "VOTRE", "VZ", "WIRE", "Y", "YOUR", "ZAHLUNG",
	"ZU", "ZUR"
};

/* Those of numbers that people glue to others. */
static const char *const numbers[] = {"NO", "NR"};

/* Words that announce an invoice. */
static const char *const invoices[] = {
	"AVIS", "BELEG", "BELEGNR", "BILL", "BILLS", "DOC", "F", "FA", "FAC", "FACT", "FACTURA", "FACTURAS", "FACTURE", "FACTURES", "FACTUR", "FACTUUR", "FAKT", "FAKTURA", "FAKTURY",
	"FATTURA", "FATTURE", "FRA", "FT", "FV", "INV", "INVNO", "INVNR", "INVOICE", "INVOICENO", "INVOICENR", "INVOICENUMBER", "INVOICES", "INVS", "LASKU", "RE", "RECH",
	"RECHNG", "RECHNR", "RECHNUNG", "RECHNUNGEN", "RECHNUNGNR", "RECHNUNGS", "RECHNUNGSNR", "RECHNUNGSNUMBER", "RECHNUNGSNUMMER", "RENR", "RG", "RGN", "RGNR", "RN", "RNR",
	"SI"
};

/* Words that announce a customer's number. */
static const char *const customers[] = {
	"ACCT", "CLIENT", "CLIENTE", "CUST", "CUSTNO", "CUSTOMER", "CUSTOMERNO", "DEBITOR", "DEBITORNR", "DEBITORENNR", "KD", "KDNR", "KDN", "KLANT", "KLANTNR", "KN", "KNR", "KTO",
	"KUND", "KUNDE", "KUNDEN", "KUNDENNR", "KUNDENNUMMER", "KUNDNR"
};

/* Words of what is the payer's own. */
static const char *const own[] = {"MEIN", "MEINE", "MY", "NOTRE", "NUESTRA", "OUR", "UNS", "UNSER", "UNSERE", "UNSERER"};

/* Words that take what follows away. */
static const char *const less[] = {
	"ABZGL", "ABZUGLICH", "AUSSER", "BUT", "EXCEPT", "EXCL", "LESS", "MINUS", "NICHT", "NOT", "OHNE", "SANS", "SAUF", "SENZA", "SIN", "WENIGER", "WITHOUT"
};

/* Words, and from five letters on beginnings of words, that say that the money is something else than the payment of an invoice. */
static const char *const purposes[] = {
	"ACCONTO", "ACOMPTE", "ADVANCE", "ALREADY", "ANGEBOT", "ANNUL", "ANTICIP", "ANZAHLUNG", "AVOIR", "BEREITS", "BESTRITT", "BONUS", "CANCEL", "CAUTION", "CHARGEBACK", "CLAIM",
	"COMPLAIN", "CREDIT", "DARLEHEN", "DEPOSIT", "DEVIS", "DISPUT", "DIVIDEND", "DONAT", "DOPPEL", "DOWNPAY", "DUPLICA", "ERSTATT", "GEHALT", "GUTSCHR", "INSURANCE",
	"INTEREST", "KAUTION", "KEIN", "KEINE", "LOAN", "LOHN", "NICHT", "NOT", "OVERPA", "POLICE", "POLICY", "PREPAY", "PREPAID", "PROFORMA", "QUOTA", "QUOTE", "REEMBOLSO", "REFUND", "REIMBURS",
	"REKLAM", "REMBOURS", "RETOUR", "RETURN", "RIMBORSO", "RMA", "RUCKERST", "RUCKLAST", "RUCKZAHL", "SALARY", "SCHADEN", "SPENDE", "SPONSOR", "STORN", "STRITTIG", "UBERZAHL",
	"VERSICHERUNG", "VORAUS", "VORKASSE", "WAGES", "ZINS", "ZINSEN", "ZUVIEL"
};

/* Whether a word is in a list. */
static bool
is_in(const char *word, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word, list[i]) == 0)
			return true;
	return false;
}

#define IS_IN(word, list) is_in(word, list, lengthof(list))

/* Whether a character belongs to a word: a letter of any script. */
static inline bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || IS_HIGHBIT_SET(c);
}

/* Writes a word as it is compared. */
static void
fold(const char *s, int len, char *word)
{
	int			n = 0;

	for (int i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(s[i]))
		{
			Datum		key = DirectFunctionCall1(o2c_name_key, PointerGetDatum(cstring_to_text_with_len(s, len)));

			text_to_cstring_buffer(DatumGetTextPP(key), word, MAX_WORD);
			return;
		}
	for (int i = 0; i < len && n < MAX_WORD - 1; i++)
	{
		char		c = o2c_significant(s[i]);

		if (c != 'E' || n == 0 || strchr("AOU", word[n - 1]) == NULL)
			word[n++] = c;
	}
	word[n] = '\0';
}

/* What a word says of the number behind it. */
static Meaning
meaning_of(const char *word)
{
	if (word[0] == '\0' || IS_IN(word, neutral))
		return SAYS_NOTHING;
	if (IS_IN(word, invoices))
		return SAYS_INVOICE;
	if (IS_IN(word, customers))
		return SAYS_CUSTOMER;
	return IS_IN(word, less) ? SAYS_LESS : SAYS_OTHER;
}

/* Whether a word is one of the payer's name. */
static bool
is_name(const O2cPending *p, const char *word)
{
	int			len = strlen(word);

	for (const char *at = p->name; len > 0 && at != NULL && (at = strstr(at, word)) != NULL; at += len)
		if ((at == p->name || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/*
 * What the words before a place of a text say, but for the payer's name; other
 * numbers of a list are passed over.  Behind a word for customers only the first
 * number is a customer's, unless all are to be.
 */
static Meaning
meaning_before(const O2cPending *p, const char *text, int place, bool all)
{
	Meaning		said = SAYS_NOTHING;
	bool		passed = false;

	for (int n = 0; n < MAX_BACK; n++)
	{
		char		word[MAX_WORD];
		int			end;
		Meaning		meaning;

		while (place > 0 && !is_letter(text[place - 1]) && !o2c_is_digit(text[place - 1]))
			place--;
		if (place == 0)
			return said;
		end = place;
		while (place > 0 && o2c_is_digit(text[place - 1]))
			place--;
		if (place < end)
		{
			passed = true;
			continue;
		}
		while (place > 0 && is_letter(text[place - 1]))
			place--;
		fold(text + place, end - place, word);
		meaning = is_name(p, word) ? SAYS_NOTHING : meaning_of(word);
		/* 'without invoice 17' */
		if (said != SAYS_NOTHING)
			return meaning == SAYS_LESS ? meaning : IS_IN(word, own) ? SAYS_OTHER : said;
		if (passed && !all && meaning == SAYS_CUSTOMER)
			return SAYS_NOTHING;
		if (meaning >= SAYS_LESS)
			return meaning;
		said = meaning;
	}
	return said == SAYS_NOTHING ? SAYS_OTHER : said;
}

/* Where a normal form ends that begins at a place of a text, or -1: separators and leading zeros are passed over. */
static int
match_at(const char *text, int place, const char *token)
{
	while (*token != '\0')
	{
		char		c = o2c_significant(text[place]);

		if (text[place] == '\0')
			return -1;
		if (c == *token)
			token++, place++;
		else if (c == '\0')
		{
			token += *token == '-';
			place++;
		}
		else if (c == '0' && (place == 0 || !o2c_is_digit(text[place - 1]) || text[place - 1] == '0'))
			place++;
		else if (*token == '-')
			token++;
		else
			return -1;
	}
	return place;
}

/* Finds a normal form in a text; returns where it begins, or -1. */
static int
find_token(const char *text, const char *token, int *end)
{
	for (int i = 0; text[i] != '\0'; i++)
	{
		/* not in the middle of a number */
		if (o2c_significant(text[i]) == '\0' || (i > 0 && o2c_is_digit(text[i]) && o2c_is_digit(text[i - 1])))
			continue;
		*end = match_at(text, i, token);
		if (*end >= 0 && !(o2c_is_digit(text[*end]) && o2c_is_digit(text[*end - 1])))
			return i;
	}
	return -1;
}

/* Blanks a normal form in a text, as often as it is there. */
void
o2c_blank_token(char *text, const char *token, char fill)
{
	int			end;

	for (int place = 0, found; token != NULL && token[0] != '\0' && (found = find_token(text + place, token, &end)) >= 0; place += end)
		memset(text + place + found, fill, end - found);
}

/* Whether a normal form stands in a text. */
bool
o2c_says(const char *text, const char *token)
{
	int			end;

	return find_token(text, token, &end) >= 0;
}

/* What the words before a token of a payment's text say; the customer's number is no word. */
static Meaning
meaning_of_token(const O2cPending *p, const char *token)
{
	int			end;
	int			place = p->reference == NULL ? -1 : find_token(p->reference, token, &end);
	char	   *before;

	if (place < 0)
		return SAYS_OTHER;
	before = pnstrdup(p->reference, place);
	if (p->code != NULL && strcmp(p->code, token) != 0)
		o2c_blank_token(before, p->code, '0');
	return meaning_before(p, before, place, false);
}

/* Whether only a mark or a word of ranges stands between two numbers. */
bool
o2c_is_range(const O2cPending *p, const char *from, const char *to)
{
	static const char *const marks[] = {"-", "--", "..", "...", "\342\200\223", "\342\200\224", "BIS", "TO", "THRU", "THROUGH", "TILL", "UNTIL", "JUSQUA", "AL"};
	int			end;
	int			begin = p->reference == NULL ? -1 : find_token(p->reference, from, &end);
	int			next;
	int			last;
	char		between[MAX_WORD] = "";

	if (begin < 0 || (next = find_token(p->reference + end, to, &last)) < 0)
		return false;
	for (int i = end, n = 0; i < end + next && n < MAX_WORD - 1; i++)
		if (p->reference[i] != ' ')
			between[n++] = pg_toupper((unsigned char) p->reference[i]);
	return IS_IN(between, marks);
}

/* Whether nothing but what is said of invoices and of paying stands before a number. */
bool
o2c_is_announced(const O2cPending *p, const char *token)
{
	Meaning		meaning = meaning_of_token(p, token);

	return meaning == SAYS_INVOICE || meaning == SAYS_NOTHING;
}

/* Whether a text is a list of numbers and nothing else. */
static bool
is_bare_list(const char *text)
{
	int			n = 0;

	for (; *text != '\0'; text++)
	{
		if (is_letter(*text))
			return false;
		n += o2c_is_digit(text[0]) && !o2c_is_digit(text[1]);
	}
	return n > 1;
}

/* Whether a few digits, which may be anything, are said to be an invoice's number, and are no part of a date or an amount. */
bool
o2c_is_invoice_number(const O2cPending *p, const char *token)
{
	int			end;
	char	   *bare = o2c_bare_text(p);
	int			place = find_token(bare, token, &end);

	return place >= 0 && (is_bare_list(bare) || meaning_before(p, bare, place, false) == SAYS_INVOICE);
}

/* Whether a number is said to be a customer's. */
bool
o2c_is_customer_number(const O2cPending *p, const char *token)
{
	return meaning_of_token(p, token) == SAYS_CUSTOMER;
}

/* Whether a number is said not to be paid. */
bool
o2c_is_taken_away(const O2cPending *p, const char *token)
{
	return meaning_of_token(p, token) == SAYS_LESS;
}

/* Whether a word says that the money is something else than the payment of an invoice. */
static bool
is_purpose(const char *word)
{
	for (int i = 0; i < lengthof(purposes); i++)
		if (strlen(purposes[i]) < 5 ? strcmp(word, purposes[i]) == 0 : strncmp(word, purposes[i], strlen(purposes[i])) == 0)
			return true;
	return false;
}

/* Whether a word of credit is one of a credit transfer, or of a creditor, which is us. */
static bool
is_transfer(const char *word, const char *rest)
{
	rest += strspn(rest, " -");
	return strncmp(word, "CREDITOR", 8) == 0 || (strcmp(word, "CREDIT") == 0 && pg_strncasecmp(rest, "transfer", 8) == 0);
}

/* The word of a payment's text that says that it is no payment of an invoice, or NULL; the payer's name says nothing. */
char *
o2c_other_purpose(const O2cPending *p)
{
	for (const char *s = p->reference; s != NULL && *s != '\0';)
	{
		const char *begin = s;
		char		word[MAX_WORD];

		while (is_letter(*s))
			s++;
		if (s == begin)
		{
			s++;
			continue;
		}
		fold(begin, s - begin, word);
		if (is_purpose(word) && !is_transfer(word, s) && !is_name(p, word))
			return pnstrdup(begin, s - begin);
	}
	return NULL;
}

/* Whether a word of another purpose is one of credit notes. */
bool
o2c_is_credit_word(const char *word)
{
	char		key[MAX_WORD];

	fold(word, strlen(word), key);
	return strncmp(key, "CREDIT", 6) == 0 || strncmp(key, "GUTSCHR", 7) == 0 || strncmp(key, "AVOIR", 5) == 0;
}

/* The length of a date at a place, as in 12.3.2026, 2026-03-12 or 3/2026, or 0. */
static int
date_length(const char *s)
{
	int			groups[3] = {0};
	int			n = 0;
	int			len = 0;

	while (n < 3 && o2c_is_digit(s[len]))
	{
		for (; o2c_is_digit(s[len]); len++)
			groups[n] = Min(groups[n] * 10 + s[len] - '0', 10000);
		if (++n < 3 && s[len] != '\0' && strchr("./-", s[len]) != NULL && o2c_is_digit(s[len + 1]))
			len++;
		else
			break;
	}
	if (n == 3 && groups[0] <= 31 && groups[1] <= 31 && (groups[2] < 100 || (groups[2] >= 1990 && groups[2] < 2100)))
		return len;
	if (n == 3 && groups[0] >= 1990 && groups[0] < 2100 && groups[1] <= 12 && groups[2] <= 31)
		return len;
	return n == 2 && groups[0] >= 1 && groups[0] <= 12 && groups[1] >= 1990 && groups[1] < 2100 ? len : 0;
}

/* The length of an amount at a place: with decimals, or the payment's own; or 0. */
static int
amount_length(const O2cPending *p, const char *s)
{
	char		digits[24];
	char		own[24];
	int			n = 0;
	int			len = 0;
	int			mark = -1;		/* the last one of . and , */
	int64		unit = 1;

	for (; o2c_is_digit(s[len]) || ((s[len] == '.' || s[len] == ',') && o2c_is_digit(s[len + 1])); len++)
	{
		if (!o2c_is_digit(s[len]))
			mark = len;
		else if (n < lengthof(digits) - 1)
			digits[n++] = s[len];
	}
	digits[n] = '\0';
	if (mark > 0 && len - mark == 3)
		return len;
	for (int i = 0; i < p->digits; i++)
		unit *= 10;
	snprintf(own, sizeof(own), INT64_FORMAT, p->amount / unit);
	return strcmp(digits, own) == 0 ? len : 0;
}

/* The length of a percentage at a place, or 0. */
static int
percent_length(const char *s)
{
	int			len = strspn(s, "0123456789.,");

	len += strspn(s + len, " ");
	return s[len] == '%' ? len + 1 : 0;
}

/* The payment's text with blanks for dates, amounts and percentages. */
char *
o2c_bare_text(const O2cPending *p)
{
	char	   *bare = pstrdup(p->reference == NULL ? "" : p->reference);

	for (int i = 0; bare[i] != '\0';)
	{
		int			len = 0;

		if (o2c_is_digit(bare[i]) && (i == 0 || !o2c_significant(bare[i - 1])))
			len = Max(Max(date_length(bare + i), amount_length(p, bare + i)), percent_length(bare + i));
		if (len > 0 && !is_letter(bare[i + len]))
			memset(bare + i, ' ', len);
		i += len;
		while (len == 0 && o2c_significant(bare[i]) != '\0')
			len = ++i;
		if (len == 0)
			i++;
	}
	return bare;
}

/* Turns letters that are read for digits, behind a digit, into these; returns the text. */
char *
o2c_without_letters(char *text)
{
	for (int i = 1; text[0] != '\0' && text[i] != '\0'; i++)
	{
		const char *digit = strchr("O0o0I1l1", text[i]);

		if (digit != NULL && is_letter(text[i]) && o2c_is_digit(text[i - 1]) && !(is_letter(text[i + 1]) && strchr("OoIl", text[i + 1]) == NULL))
			text[i] = digit[1];
	}
	return text;
}

/* Whether a number is a year. */
static bool
is_year(const char *s, int len)
{
	return len == 4 && (strncmp(s, "19", 2) == 0 || strncmp(s, "20", 2) == 0);
}

/*
 * Whether a text has no other number that may be a document's than this one:
 * dates, years, amounts, the customer's number and what another word announces
 * are none.
 */
bool
o2c_stands_alone(const O2cPending *p, const char *number)
{
	char	   *bare = o2c_bare_text(p);
	int			end;

	if (find_token(bare, number, &end) < 0)
		return false;
	o2c_blank_token(bare, number, ' ');
	o2c_blank_token(bare, p->code, ' ');
	for (int i = 0; bare[i] != '\0'; i++)
	{
		int			len = strspn(bare + i, "0123456789");
		bool		glued = i > 0 && is_letter(bare[i - 1]);
		Meaning		meaning;

		if (len == 0)
			continue;
		meaning = meaning_before(p, bare, i, true);
		/* letters that stand before it without a gap are a part of it */
		if (!(is_year(bare + i, len) && !glued) && (meaning < SAYS_CUSTOMER || (glued && meaning == SAYS_OTHER)))
			return false;
		i += len - 1;
	}
	return true;
}

/* The length of what a normal form begins with and is a word, or 0: an E after A, O or U is passed over. */
static int
word_length(const char *s, const char *word)
{
	int			len = 0;

	for (int i = 0; word[i] != '\0'; len++)
	{
		if (s[len] == word[i])
			i++;
		else if (!(s[len] == 'E' && i > 0 && strchr("AOU", word[i - 1]) != NULL))
			return 0;
	}
	return len;
}

/* Marks where words of a list end that begin at a place; letters that stand alone may be the number's. */
static void
mark_ends(const char *s, int place, const char *const *list, int n, int least, uint64 *ends)
{
	for (int i = 0; i < n; i++)
	{
		int			len = list[i][0] != s[place] ? 0 : word_length(s + place, list[i]);

		if (len >= least && place + len < 64)
			*ends |= UINT64CONST(1) << (place + len);
	}
}

/* The beginnings of a normal form that are words that announce a number, as bits by their lengths; 0 is one. */
uint64
o2c_announced_leads(const char *whole)
{
	uint64		ends = 1;

	for (int i = 0; i < 63 && whole[i] >= 'A'; i++)
	{
		if ((ends & (UINT64CONST(1) << i)) == 0)
			continue;
		mark_ends(whole, i, invoices, lengthof(invoices), 1, &ends);
		mark_ends(whole, i, numbers, lengthof(numbers), 1, &ends);
		mark_ends(whole, i, neutral, lengthof(neutral), 3, &ends);
	}
	return ends;
}

/* Whether a payment's text is a number and nothing else but words that announce it. */
bool
o2c_is_whole(const O2cPending *p, const char *number)
{
	int			lead = p->whole == NULL ? -1 : (int) strlen(p->whole) - (int) strlen(number);

	return lead >= 0 && lead < 64 && (p->leads & (UINT64CONST(1) << lead)) != 0 && strcmp(p->whole + lead, number) == 0;
}
