/*-------------------------------------------------------------------------
 *
 * codes.c
 *		Payment terms in the words of others: code lists of EDI and base events.
 *
 * A code says what kind of terms there are, not which: it stands beside the
 * text and the dates.  Terms that a list has no code for have none.
 *
 *-------------------------------------------------------------------------
 */
#include "terms/terms.h"

/* Code lists, by the names of their data elements. */
typedef enum CodeList
{
	X12_336,					/* terms type */
	EDIFACT_4279,				/* payment terms type */
	EDIFACT_2009,				/* terms time relation */
	N_CODE_LISTS
} CodeList;

static const char *const list_names[N_CODE_LISTS] = {"X12 336", "EDIFACT 4279", "EDIFACT 2009"};

/* Kinds of terms, and their code in each list, NULL for none. */
typedef enum TermsKind
{
	KIND_OTHER,
	KIND_INSTALMENTS,
	KIND_INSTANT,
	KIND_FIXED_DATE,
	KIND_BASIC,
	KIND_DISCOUNT,
	KIND_EOM,
	KIND_NEXT_EOM,
	KIND_TEN_EOM,
	KIND_PROX
} TermsKind;

static const char *const codes[][N_CODE_LISTS] = {
	[KIND_OTHER] = {NULL, NULL, NULL},
	[KIND_INSTALMENTS] = {"04", "21", NULL},
	[KIND_INSTANT] = {"10", "10", "1"},
	[KIND_FIXED_DATE] = {"03", "3", NULL},
	[KIND_BASIC] = {"01", "1", "3"},
	[KIND_DISCOUNT] = {"08", "8", "3"},
	[KIND_EOM] = {"02", "2", "6"},
	[KIND_NEXT_EOM] = {NULL, NULL, "7"},
	[KIND_TEN_EOM] = {"12", "12", "11"},
	[KIND_PROX] = {"09", "9", NULL},
};

/* The kind of a month-end rule. */
static TermsKind
kind_of_month_end(const O2cDueRule *rule)
{
	if (rule->cutoff > 0 || rule->days > 0 || rule->day > 0 || rule->pay_days != 0)
		return KIND_OTHER;
	if (rule->months == 0 && rule->days_after == 0)
		return KIND_EOM;
	if (rule->months == 0 && rule->days_after == 10)
		return KIND_TEN_EOM;
	return rule->months == 1 && rule->days_after == 0 ? KIND_NEXT_EOM : KIND_OTHER;
}

/* The kind of terms. */
static TermsKind
kind_of_terms(const O2cTerms *terms)
{
	const O2cInstalment *only = terms->instalments;
	const O2cDueRule *due = &only->due;

	if (terms->n > 1)
		return KIND_INSTALMENTS;
	if (only->kind != O2C_DUE_BY_RULE)
		return KIND_OTHER;
	if (due->eom)
		return kind_of_month_end(due);
	if (due->day > 0)
		return due->cutoff == 0 && due->days == 0 ? KIND_PROX : KIND_OTHER;
	if (!o2c_rule_is_plain(due))
		return KIND_OTHER;
	if (due->days == 0)
		return terms->base == O2C_BASE_FIXED ? KIND_FIXED_DATE : KIND_INSTANT;
	return only->ntiers > 0 ? KIND_DISCOUNT : KIND_BASIC;
}

PG_FUNCTION_INFO_V1(o2c_terms_code);
/* o2c.terms_code(terms, code_list) */
Datum
o2c_terms_code(PG_FUNCTION_ARGS)
{
	TermsKind	kind = kind_of_terms(o2c_terms(PG_GETARG_TEXT_PP(0)));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));

	for (int list = 0; list < N_CODE_LISTS; list++)
		if (strcmp(name, list_names[list]) == 0)
		{
			if (codes[kind][list] == NULL)
				PG_RETURN_NULL();
			PG_RETURN_TEXT_P(cstring_to_text(codes[kind][list]));
		}
	ereport(ERROR,
			(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
			 errmsg("there is no code list \"%s\" of payment terms", name),
			 errhint("The code lists are X12 336, EDIFACT 4279 and EDIFACT 2009.")));
}

PG_FUNCTION_INFO_V1(o2c_base_event);
/* o2c.base_event(terms) */
Datum
o2c_base_event(PG_FUNCTION_ARGS)
{
	const O2cTerms *terms = o2c_terms(PG_GETARG_TEXT_PP(0));

	PG_RETURN_TEXT_P(cstring_to_text(o2c_print_base(terms)));
}
