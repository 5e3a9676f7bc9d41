/*-------------------------------------------------------------------------
 *
 * command.c
 *		Idempotency keys: a command that is sent again returns its first answer.
 *
 * The key is inserted before the work and in its transaction, so that a second
 * sender waits for the first and then reads its result.
 *
 *-------------------------------------------------------------------------
 */
#include "core/command.h"

#include "catalog/pg_proc.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

/* The answer of an earlier command with this key, which must have been the same. */
static int64
earlier_result(int64 company, NullableDatum key, const char *command, const char *request)
{
	static O2cPlan find = O2C_PLAN("SELECT result, command = $3 AND request = md5($4) FROM o2c.command"
								   " WHERE company_id = $1 AND key = $2", INT8OID, TEXTOID, TEXTOID, TEXTOID);

	o2c_run(&find, O2C_ARGS(o2c_int8(company), key, o2c_cstring(command), o2c_cstring(request)));
	if (!o2c_row_bool(0, 2))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_DUPLICATE),
				 errmsg("idempotency key \"%s\" was used for another command", TextDatumGetCString(key.value)),
				 errhint("Give each command a key of its own; repeat a key only with the same arguments.")));
	return o2c_row_int8(0, 1);
}

/*
 * Whether an argument is left to the moment of the call, as one is that
 * defaults to o2c.today(): it is the same command when it is sent again later.
 */
bool
o2c_argument_floats(FunctionCallInfo fcinfo, int n)
{
	Node	   *call = fcinfo->flinfo->fn_expr;
	Node	   *argument;

	if (call == NULL || !IsA(call, FuncExpr) || list_length(((FuncExpr *) call)->args) <= n)
		return false;
	argument = list_nth(((FuncExpr *) call)->args, n);
	return IsA(argument, FuncExpr) && ((FuncExpr *) argument)->args == NIL
		&& func_volatile(((FuncExpr *) argument)->funcid) != PROVOLATILE_IMMUTABLE;
}

/* An argument as text, so that equal values have equal texts. */
static char *
argument_text(FunctionCallInfo fcinfo, int n)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, n);
	Oid			output;
	bool		is_varlena;

	if (type == NUMERICOID)
		return numeric_normalize(PG_GETARG_NUMERIC(n));
	getTypeOutputInfo(type, &output, &is_varlena);
	return OidOutputFunctionCall(output, PG_GETARG_DATUM(n));
}

/* What a key stands for: all arguments but the key itself, the last one (the company), and those that float. */
static char *
request_text(FunctionCallInfo fcinfo, int key)
{
	StringInfoData request;

	initStringInfo(&request);
	for (int i = 0; i < PG_NARGS() - 1; i++)
		if (i != key && !PG_ARGISNULL(i) && !o2c_argument_floats(fcinfo, i))
			appendStringInfo(&request, "%d=%s\n", i, quote_literal_cstr(argument_text(fcinfo, i)));
	return request.data;
}

/*
 * Whether this command was carried out before under the key that is one of its
 * arguments; then *result is what it answered.  Without a key nothing is
 * remembered.
 */
bool
o2c_command_seen(FunctionCallInfo fcinfo, int key_argument, int64 company, const char *command, int64 *result)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.command (company_id, key, command, request)"
								  " VALUES ($1, $2, $3, md5($4)) ON CONFLICT DO NOTHING",
								  INT8OID, TEXTOID, TEXTOID, TEXTOID);

	NullableDatum key = o2c_pg_arg(key_argument);
	char	   *request;

	if (key.isnull)
		return false;
	request = request_text(fcinfo, key_argument);
	if (o2c_run(&add, O2C_ARGS(o2c_int8(company), key, o2c_cstring(command), o2c_cstring(request))) == 1)
		return false;
	*result = earlier_result(company, key, command, request);
	return true;
}

/* Keeps the answer of a command beside its key. */
void
o2c_command_done(int64 company, NullableDatum key, int64 result)
{
	static O2cPlan keep = O2C_PLAN("UPDATE o2c.command SET result = $3 WHERE company_id = $1 AND key = $2",
								   INT8OID, TEXTOID, INT8OID);

	if (!key.isnull)
		o2c_run(&keep, O2C_ARGS(o2c_int8(company), key, o2c_int8(result)));
}
