/*-------------------------------------------------------------------------
 *
 * type.c
 *		The type o2c.payment_terms.
 *
 * A value is its canonical text, so output, comparison and hashing are those of
 * a string of bytes, and the binary form is the text as well: whatever comes in
 * is parsed, and only canonical text is ever stored.  Stored text outlives this
 * version of the code: what was ever canonical must be read forever.
 *
 *-------------------------------------------------------------------------
 */
#include "terms/scan.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

/* Longer texts are cut where an error shows them. */
#define SHOWN_LENGTH 80

/*
 * The canonical value of a text; what is wrong with it becomes an error, or is
 * noted in escontext where the caller wants that.
 */
static text *
canonical_terms(const char *input, const char *reading, fmNodePtr escontext)
{
	TermsInput	in;
	O2cTerms   *terms = o2c_parse_terms(&in, input, reading);
	text	   *value;

	if (terms == NULL)
		ereturn(escontext, NULL,
				(errcode(in.sqlstate),
				 in.sqlstate == ERRCODE_O2C_AMBIGUOUS_TERMS
				 ? errmsg("payment terms are ambiguous: \"%s\"", pnstrdup(input, pg_mbcliplen(input, strlen(input), SHOWN_LENGTH)))
				 : errmsg("invalid payment terms: \"%s\"", pnstrdup(input, pg_mbcliplen(input, strlen(input), SHOWN_LENGTH))),
				 errdetail("%s", in.detail),
				 in.hint != NULL ? errhint("%s", in.hint) : 0));
	value = cstring_to_text(o2c_print_terms(terms));
	pfree(terms);
	return value;
}

/* Terms that were read lately: a batch has few different ones, and reading costs more than computing dates. */
#define CACHE_SIZE 64

typedef struct CachedTerms
{
	text	   *value;			/* NULL: empty */
	O2cTerms   *terms;
} CachedTerms;

static CachedTerms cache[CACHE_SIZE];

/* Puts terms in the place of what the entry holds. */
static void
remember_terms(CachedTerms *entry, const text *value)
{
	TermsInput	in;
	O2cTerms   *terms = o2c_parse_terms(&in, text_to_cstring(value), NULL);
	CachedTerms fresh;

	if (terms == NULL)
		elog(ERROR, "stored payment terms cannot be read: %s", in.detail);
	fresh.value = MemoryContextAlloc(TopMemoryContext, VARSIZE_ANY(value));
	memcpy(fresh.value, value, VARSIZE_ANY(value));
	fresh.terms = MemoryContextAlloc(TopMemoryContext, O2C_TERMS_SIZE(terms->n));
	memcpy(fresh.terms, terms, O2C_TERMS_SIZE(terms->n));
	pfree(terms);
	if (entry->value != NULL)
	{
		pfree(entry->value);
		pfree(entry->terms);
	}
	*entry = fresh;
}

/* The terms of a stored value; valid until the next call. */
const O2cTerms *
o2c_terms(const text *value)
{
	uint32		hash = hash_bytes((const unsigned char *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	CachedTerms *entry = &cache[hash % CACHE_SIZE];

	if (entry->value == NULL || VARSIZE_ANY_EXHDR(entry->value) != VARSIZE_ANY_EXHDR(value) ||
		memcmp(VARDATA_ANY(entry->value), VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) != 0)
		remember_terms(entry, value);
	return entry->terms;
}

PG_FUNCTION_INFO_V1(o2c_payment_terms_in);
/* text to o2c.payment_terms */
Datum
o2c_payment_terms_in(PG_FUNCTION_ARGS)
{
	text	   *value = canonical_terms(PG_GETARG_CSTRING(0), NULL, fcinfo->context);

	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(value);
}

PG_FUNCTION_INFO_V1(o2c_payment_terms_recv);
/* binary form to o2c.payment_terms */
Datum
o2c_payment_terms_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *input = pq_getmsgtext(buf, buf->len - buf->cursor, &length);

	PG_RETURN_TEXT_P(canonical_terms(input, NULL, NULL));
}

PG_FUNCTION_INFO_V1(o2c_parse_terms_sql);
/* o2c.parse_terms(input, reading) */
Datum
o2c_parse_terms_sql(PG_FUNCTION_ARGS)
{
	char	   *input = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *reading = text_to_cstring(PG_GETARG_TEXT_PP(1));

	if (strcmp(reading, "days_then_eom") != 0 && strcmp(reading, "eom_then_days") != 0 &&
		strcmp(reading, "eom_then_months") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("there is no reading \"%s\" of payment terms", reading),
				 errhint("The readings are days_then_eom, eom_then_days and eom_then_months.")));
	PG_RETURN_TEXT_P(canonical_terms(input, reading, NULL));
}
