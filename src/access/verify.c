/*-------------------------------------------------------------------------
 *
 * verify.c
 *		o2c.verify(): reads every registered check and returns what it found.
 *
 * A check is a relation that holds only what does not agree; o2c.verification
 * names them.  The rooms provide theirs as views, users may add their own.  All
 * are read with the caller's rights and in the caller's snapshot, so that a
 * concurrent commit cannot fall between a counter and its facts.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/plan.h"
#include "funcapi.h"
#include "tcop/dest.h"
#include "executor/tstoreReceiver.h"

typedef struct Check
{
	char	   *name;
	char	   *relation;		/* as it was registered */
	char	   *found;			/* qualified and quoted; NULL when there is no such relation */
} Check;

/* The registered checks, by name; their number in *n. */
static Check *
registered_checks(int *n)
{
	static O2cPlan list = O2C_PLAN("SELECT name, relation, to_regclass(relation)::text FROM o2c.verification ORDER BY name",
								   InvalidOid);
	Check	   *checks;

	*n = (int) o2c_query(&list, NULL);
	checks = palloc(sizeof(Check) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		checks[i].name = o2c_row_text(i, 1);
		checks[i].relation = o2c_row_text(i, 2);
		checks[i].found = o2c_row_text(i, 3);
	}
	return checks;
}

/* A check that cannot be made is a finding: silence would look like agreement. */
static void
report_missing(const Check *check, ReturnSetInfo *rsinfo)
{
	Datum		values[4] = {CStringGetTextDatum(check->name), CStringGetTextDatum(check->relation),
	CStringGetTextDatum("a relation"), CStringGetTextDatum("missing")};
	bool		nulls[4] = {false, false, false, false};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The query over one check; findings of all companies say whose they are. */
static char *
check_query(const Check *check, bool all, int64 company)
{
	if (all)
		return psprintf("SELECT check_name::text, concat('company ', company_id, ': ', object), expected::text, found::text"
						" FROM %s ORDER BY company_id", check->found);
	return psprintf("SELECT check_name::text, object::text, expected::text, found::text"
					" FROM %s WHERE company_id = %lld", check->found, (long long) company);
}

/* Sends the findings of one check straight into the result. */
static void
run_check(const char *query, ReturnSetInfo *rsinfo)
{
	SPIExecuteOptions options = {0};
	int			code;

	options.read_only = true;
	options.dest = CreateDestReceiver(DestTuplestore);
	SetTuplestoreDestReceiverParams(options.dest, rsinfo->setResult, CurrentMemoryContext, false,
									rsinfo->setDesc, "findings do not have four text columns");
	code = SPI_execute_extended(query, &options);
	if (code < 0)
		elog(ERROR, "could not execute \"%s\": %s", query, SPI_result_code_string(code));
	options.dest->rDestroy(options.dest);
}

/* Error context: says which check failed, for those that users registered. */
static void
name_check(void *arg)
{
	errcontext("verification \"%s\"", ((const Check *) arg)->name);
}

PG_FUNCTION_INFO_V1(o2c_verify);
/* o2c.verify(company_id) */
Datum
o2c_verify(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		all = PG_ARGISNULL(0);
	int64		company = all ? 0 : PG_GETARG_INT64(0);
	Check	   *checks;
	int			n;
	ErrorContextCallback context = {.previous = error_context_stack, .callback = name_check};

	InitMaterializedSRF(fcinfo, 0);
	o2c_connect();
	checks = registered_checks(&n);
	error_context_stack = &context;
	for (int i = 0; i < n; i++)
	{
		context.arg = &checks[i];
		if (checks[i].found == NULL)
			report_missing(&checks[i], rsinfo);
		else
			run_check(check_query(&checks[i], all, company), rsinfo);
	}
	error_context_stack = context.previous;
	o2c_finish();
	return (Datum) 0;
}
