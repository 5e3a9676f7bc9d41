/*-------------------------------------------------------------------------
 *
 * rule.c
 *		What a rule written in C needs: reading its case and parameters, and
 *		answering with a finding.
 *
 *-------------------------------------------------------------------------
 */
#include "control/checkpoint.h"

#include "access/htup_details.h"
#include "core/money.h"
#include "core/plan.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/jsonb.h"

#define MAX_RULE_DAYS 36500

/* An attribute of the case, the first argument of every rule. */
static Datum
case_datum(FunctionCallInfo fcinfo, const char *attribute, bool *isnull)
{
	return GetAttributeByName(PG_GETARG_HEAPTUPLEHEADER(0), attribute, isnull);
}

/* A bigint of the case, 0 when null. */
int64
o2c_case_int8(FunctionCallInfo fcinfo, const char *attribute)
{
	bool		isnull;
	Datum		d = case_datum(fcinfo, attribute, &isnull);

	return isnull ? 0 : DatumGetInt64(d);
}

/* A numeric of the case, zero when null. */
Numeric
o2c_case_numeric(FunctionCallInfo fcinfo, const char *attribute)
{
	bool		isnull;
	Datum		d = case_datum(fcinfo, attribute, &isnull);

	return isnull ? int64_to_numeric(0) : DatumGetNumericCopy(d);
}

/* A date of the case. */
DateADT
o2c_case_date(FunctionCallInfo fcinfo, const char *attribute)
{
	bool		isnull;
	Datum		d = case_datum(fcinfo, attribute, &isnull);

	return isnull ? DATEVAL_NOEND : DatumGetDateADT(d);
}

/* A text of the case, NULL when null. */
char *
o2c_case_text(FunctionCallInfo fcinfo, const char *attribute)
{
	bool		isnull;
	Datum		d = case_datum(fcinfo, attribute, &isnull);

	return isnull ? NULL : TextDatumGetCString(d);
}

/* A number among the parameters, the second argument of every rule. */
Numeric
o2c_rule_parameter(FunctionCallInfo fcinfo, const char *name, Numeric otherwise)
{
	Jsonb	   *parameters = PG_GETARG_JSONB_P(1);
	JsonbValue *value = !JB_ROOT_IS_OBJECT(parameters) ? NULL
		: getKeyJsonValueFromContainer(&parameters->root, name, strlen(name), NULL);

	if (value == NULL || value->type == jbvNull)
		return otherwise;
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_BROKEN_RULE),
				 errmsg("parameter \"%s\" of a rule must be a number", name),
				 errhint("Correct the parameters in o2c.rule.")));
	return value->val.numeric;
}

/* A text among the parameters. */
char *
o2c_rule_text(FunctionCallInfo fcinfo, const char *name, char *otherwise)
{
	Jsonb	   *parameters = PG_GETARG_JSONB_P(1);
	JsonbValue *value = !JB_ROOT_IS_OBJECT(parameters) ? NULL
		: getKeyJsonValueFromContainer(&parameters->root, name, strlen(name), NULL);

	if (value == NULL || value->type == jbvNull)
		return otherwise;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_BROKEN_RULE),
				 errmsg("parameter \"%s\" of a rule must be a text", name),
				 errhint("Correct the parameters in o2c.rule.")));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The answer of a rule. */
Datum
o2c_finding(FunctionCallInfo fcinfo, bool passed, Numeric observed, Numeric threshold, const char *message)
{
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false, observed == NULL, threshold == NULL, message == NULL};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "a rule must return o2c.finding");
	values[0] = BoolGetDatum(passed);
	values[1] = observed == NULL ? (Datum) 0 : NumericGetDatum(observed);
	values[2] = threshold == NULL ? (Datum) 0 : NumericGetDatum(threshold);
	values[3] = message == NULL ? (Datum) 0 : CStringGetTextDatum(message);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* A parameter that counts days. */
int32
o2c_rule_days(FunctionCallInfo fcinfo, const char *name, int32 otherwise)
{
	Numeric		days = o2c_rule_parameter(fcinfo, name, o2c_int_numeric(otherwise));

	if (numeric_is_nan(days) || o2c_cmp(days, o2c_int_numeric(MAX_RULE_DAYS)) > 0 || o2c_sign(days) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_BROKEN_RULE),
				 errmsg("parameter \"%s\" of a rule must be from 0 to %d days", name, MAX_RULE_DAYS),
				 errhint("Correct the parameters in o2c.rule.")));
	return DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(days)));
}

/* A parameter that a rule cannot do without. */
Numeric
o2c_rule_needs(FunctionCallInfo fcinfo, const char *name)
{
	Numeric		value = o2c_rule_parameter(fcinfo, name, NULL);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_BROKEN_RULE),
				 errmsg("a rule needs the parameter \"%s\"", name),
				 errhint("Write it in o2c.rule, such as {\"%s\": 30}.", name)));
	return value;
}

/* The finding of a rule that is connected to SPI, which it leaves. */
Datum
o2c_rule_answer(FunctionCallInfo fcinfo, bool passed, Numeric observed, Numeric threshold, const char *message)
{
	Datum		finding = SPI_datumTransfer(o2c_finding(fcinfo, passed, observed, threshold, passed ? NULL : message), false, -1);

	o2c_finish();
	return finding;
}
