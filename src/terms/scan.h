/*-------------------------------------------------------------------------
 *
 * scan.h
 *		The words of a text of payment terms, and the first thing wrong with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_TERMS_SCAN_H
#define O2C_TERMS_SCAN_H

#include "terms/terms.h"

#define O2C_TERMS_MAX_LENGTH 4000

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_WORD,					/* or a symbol */
	TOKEN_NUMBER,
	TOKEN_DATE
} TokenKind;

typedef struct Token
{
	TokenKind	kind;
	char		text[24];		/* in lower case, without dots and hyphens */
	int64		value;			/* of a number, in millionths */
	bool		ordinal;		/* written 1st, 2nd, ... */
	DateADT		date;
} Token;

typedef struct TermsInput
{
	const char *text;
	Token	   *tokens;
	int			at;
	int			sqlstate;		/* 0: nothing is wrong so far */
	const char *detail;
	const char *hint;
} TermsInput;

extern bool o2c_terms_scan(TermsInput *in, const char *text);
extern bool o2c_terms_fail(TermsInput *in, int sqlstate, const char *detail, const char *hint);
extern bool o2c_terms_unexpected(TermsInput *in, const char *hint);
extern bool o2c_at(const TermsInput *in, int ahead, const char *words);
extern bool o2c_at_number(const TermsInput *in, int ahead);
extern bool o2c_at_ordinal(const TermsInput *in, int ahead);
extern bool o2c_accept(TermsInput *in, const char *words);
extern bool o2c_accept_phrase(TermsInput *in, const char *phrase);

/* parse.c */
extern O2cTerms *o2c_parse_terms(TermsInput *in, const char *text, const char *reading);

#endif							/* O2C_TERMS_SCAN_H */
