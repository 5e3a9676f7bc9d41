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
 * Whether this command was carried out before under the same key; then *result
 * is what it answered.  Without a key nothing is remembered.
 */
bool
o2c_command_seen(int64 company, NullableDatum key, const char *command, const char *request, int64 *result)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.command (company_id, key, command, request)"
								  " VALUES ($1, $2, $3, md5($4)) ON CONFLICT DO NOTHING",
								  INT8OID, TEXTOID, TEXTOID, TEXTOID);

	if (key.isnull)
		return false;
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
