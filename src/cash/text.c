/*-------------------------------------------------------------------------
 *
 * text.c
 *		References in free text: what a payer may have meant.
 *
 * The text falls into words, runs of letters and digits.  Each word with a
 * digit is a candidate, and so are neighbours joined, because people write one
 * number as 'INV 2024 0012', 'INV-2024-0012' or 'INV20240012'.  Candidates are
 * given in normal form (o2c.normalize_reference), so that they can be looked
 * up among document numbers.  Too many candidates do no harm, a missing one
 * does: a candidate counts only where a document bears it.
 *
 * Words are not joined over a list mark (, ; + & |), nor when they look like a
 * list of numbers themselves ('1001-1003').  A reference that its check digits
 * prove is taken whole and its groups are no candidates of their own.
 *
 * The text is read once from left to right, with a look ahead of a few words:
 * time is linear in its length, and the number of candidates is bounded.
 *
 *-------------------------------------------------------------------------
 */
#include "cash/checkdigit.h"

#include "common/hashfn.h"
#include "core/plan.h"
#include "core/reference.h"
#include "miscadmin.h"

#define MAX_TOKENS 256
#define MAX_WORDS 5				/* joined at most */
#define MAX_RAW 128				/* bytes of text looked at for one candidate */
#define MIN_SIGNIFICANT 3
#define MAX_SIGNIFICANT 35		/* the longest reference of ISO 20022 messages (Max35Text) */

typedef struct Word
{
	int			start;			/* bytes of the text */
	int			end;
	bool		listed;			/* a list mark stands before it */
	bool		tight;			/* no blank stands before it */
	bool		digits;			/* nothing but digits */
	bool		letters;		/* nothing but letters */
} Word;

typedef struct Tokens
{
	const char *s;				/* the text */
	int			len;
	int			n;
	char	   *tokens[MAX_TOKENS];
	uint32		hashes[MAX_TOKENS];
} Tokens;

/* What says "invoice", "number" or "reference" and is no part of the number. */
static const char *const prefixes[] = {
	"BELEG", "BILL", "FACTURA", "FACTURE", "FACT", "FAC", "FAKTURA", "FAKT", "FATTURA", "FT", "F",
	"INVOICE", "INV", "NUMBER", "NUM", "NO", "NR", "N", "RECHNUNGS", "RECHNUNG", "RECH", "REF",
	"RE", "RG", "RN", "SI"
};

/* The next word from a place of the text on; false at its end. */
static bool
next_word(const Tokens *t, int place, Word *word)
{
	word->listed = false;
	word->tight = place > 0;
	for (; place < t->len && o2c_significant(t->s[place]) == '\0'; place++)
	{
		if (t->s[place] != '\0' && strchr(",;+&|", t->s[place]) != NULL)
			word->listed = true;
		if (t->s[place] != '\0' && strchr(O2C_BLANKS, t->s[place]) != NULL)
			word->tight = false;
	}
	word->start = place;
	word->digits = word->letters = true;
	for (; place < t->len && o2c_significant(t->s[place]) != '\0'; place++)
	{
		if (o2c_is_digit(t->s[place]))
			word->letters = false;
		else
			word->digits = false;
	}
	word->end = place;
	return word->end > word->start;
}

/* Whether a word of digits begins with a year. */
static bool
begins_with_year(const char *s)
{
	return (s[0] == '1' && s[1] == '9') || (s[0] == '2' && s[1] == '0');
}

/* Whether two words are numbers of one list: as long as each other, and neither a year nor padded. */
static bool
is_list(const Tokens *t, const Word *a, const Word *b)
{
	int			len = a->end - a->start;

	return a->digits && b->digits && b->end - b->start == len && t->s[b->start] != '0' &&
		!(len == 4 && begins_with_year(t->s + a->start));
}

/* Whether a word may continue what another begins. */
static bool
continues(const Tokens *t, const Word *a, const Word *b)
{
	return !b->listed && (b->tight || !b->letters) && !is_list(t, a, b);
}

/* Whether a normal form is long enough, and not too long, and has a digit. */
static bool
is_candidate(const char *s, int len)
{
	int			significant = 0;
	bool		digit = false;

	for (int i = 0; i < len; i++)
	{
		significant += s[i] != '-';
		digit = digit || o2c_is_digit(s[i]);
	}
	return digit && significant >= MIN_SIGNIFICANT && significant <= MAX_SIGNIFICANT;
}

/* Adds a normal form unless it is there already. */
static void
add_once(Tokens *t, const char *s, int len)
{
	uint32		hash;

	if (!is_candidate(s, len))
		return;
	hash = hash_bytes((const unsigned char *) s, len);
	for (int i = 0; i < t->n; i++)
		if (t->hashes[i] == hash && strncmp(t->tokens[i], s, len) == 0 && t->tokens[i][len] == '\0')
			return;
	if (t->n == MAX_TOKENS)
		return;
	t->hashes[t->n] = hash;
	t->tokens[t->n++] = pnstrdup(s, len);
}

/* How many of some letters the longest prefix is that they begin with. */
static int
prefix_length(const char *s, int len)
{
	int			longest = 0;

	for (int i = 0; i < lengthof(prefixes) && len > 0; i++)
	{
		int			n;

		if (prefixes[i][0] != s[0])
			continue;
		n = strlen(prefixes[i]);
		if (n > longest && n <= len && memcmp(s, prefixes[i], n) == 0)
			longest = n;
	}
	return longest;
}

/* Adds a candidate, and what follows its prefixes, as in 'RENR4711'. */
static void
add(Tokens *t, const char *raw, int len)
{
	char		token[MAX_RAW];
	int			tail = 0;
	int			step;

	if (len > MAX_RAW)
		return;
	len = o2c_normalize_reference(raw, len, token);
	add_once(t, token, len);
	while ((step = prefix_length(token + tail, len - tail)) > 0)
		tail += step;
	if (tail > 0 && tail < len && o2c_is_digit(token[tail]))
		add_once(t, token + tail, len - tail);
}

/* Adds a word with a separator put in. */
static void
add_split(Tokens *t, const Word *word, int at)
{
	char		raw[MAX_RAW];
	int			len = word->end - word->start;

	memcpy(raw, t->s + word->start, at);
	raw[at] = '-';
	memcpy(raw + at + 1, t->s + word->start + at, len - at);
	add(t, raw, len + 1);
}

/*
 * Adds what a word may have been before its separators were lost: a year and a
 * number ('INV202412345'), or a number that ends where padding begins.
 */
static void
add_splits(Tokens *t, const Word *word)
{
	const char *s = t->s + word->start;
	int			len = word->end - word->start;
	int			digits = len;

	while (digits > 0 && o2c_is_digit(s[digits - 1]))
		digits--;
	if (len - digits < 7 || len >= MAX_RAW)
		return;
	if (begins_with_year(s + digits))
		add_split(t, word, digits + 4);
	for (int i = digits + 1; i < len - 2; i++)
	{
		if (s[i] != '0' || s[i + 1] != '0')
			continue;
		add_split(t, word, i);
		break;
	}
}

/* Adds words that stand together: as they are parted, and in one piece. */
static void
add_joined(Tokens *t, const Word *words, int n)
{
	char		raw[MAX_RAW];
	int			len = 0;

	if (words[n - 1].end - words[0].start > MAX_RAW)
		return;
	for (int i = 0; i < n; i++)
	{
		memcpy(raw + len, t->s + words[i].start, words[i].end - words[i].start);
		len += words[i].end - words[i].start;
	}
	add(t, t->s + words[0].start, words[n - 1].end - words[0].start);
	add(t, raw, len);
}

/* Adds a word joined with those that follow it. */
static void
add_joins(Tokens *t, const Word *first)
{
	Word		words[MAX_WORDS + 1];
	bool		more;

	words[0] = *first;
	more = next_word(t, first->end, &words[1]) && continues(t, &words[0], &words[1]);
	for (int n = 2; more && n <= MAX_WORDS; n++)
	{
		more = next_word(t, words[n - 1].end, &words[n]) && continues(t, &words[n - 1], &words[n]);
		/* 'INV-2024' is no candidate where 'INV-2024-0012' stands */
		if (!(more && words[n].tight))
			add_joined(t, words, n);
	}
}

/* Schemes whose references are printed in groups, and how long the groups are. */
static const struct
{
	const char *scheme;
	int			sizes[8];
}			printed[] = {
	{"RF", {4, 4, 4, 4, 4, 4, 1}},
	{"QRR", {2, 5, 5, 5, 5, 5}},
	{"OGM", {3, 4, 5}}
};

/*
 * Reads a reference in groups, of which the last may be shorter.  Returns where
 * the longest one that its check digits prove ends, or 0.
 */
static int
read_printed(const Tokens *t, Word word, const O2cScheme *scheme, const int *sizes, O2cCode *found)
{
	O2cCode		code = {0};
	int			end = 0;

	for (; *sizes > 0 && word.end - word.start <= *sizes; sizes++)
	{
		bool		last = word.end - word.start < *sizes;

		for (int i = word.start; i < word.end; i++)
			code.chars[code.len++] = o2c_significant(t->s[i]);
		if (o2c_scheme_accepts(scheme, &code))
		{
			*found = code;
			end = word.end;
		}
		if (last || !next_word(t, word.end, &word) || word.listed)
			break;
	}
	return end;
}

/* Adds the printed reference that begins with a word; returns where it ends, or 0. */
static int
add_printed(Tokens *t, const Word *first)
{
	for (int i = 0; i < lengthof(printed); i++)
	{
		O2cCode		code;
		int			end = 0;

		if (first->end - first->start == printed[i].sizes[0])
			end = read_printed(t, *first, o2c_scheme(printed[i].scheme), printed[i].sizes, &code);
		if (end > 0)
		{
			add(t, code.chars, code.len);
			return end;
		}
	}
	return 0;
}

/* Adds all candidates of the text, in its order, until there is no more room. */
static void
add_all(Tokens *t)
{
	Word		word;
	int			place = 0;

	while (t->n < MAX_TOKENS && next_word(t, place, &word))
	{
		CHECK_FOR_INTERRUPTS();
		place = add_printed(t, &word);
		if (place > 0)
			continue;
		place = word.end;
		if (!word.letters)
		{
			add(t, t->s + word.start, word.end - word.start);
			add_splits(t, &word);
		}
		add_joins(t, &word);
	}
}

PG_FUNCTION_INFO_V1(o2c_reference_tokens);
/* o2c.reference_tokens(text) */
Datum
o2c_reference_tokens(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	Tokens	   *t = palloc0(sizeof(Tokens));

	t->s = VARDATA_ANY(value);
	t->len = VARSIZE_ANY_EXHDR(value);
	add_all(t);
	PG_RETURN_DATUM(o2c_text_array(t->tokens, t->n));
}
