/*-------------------------------------------------------------------------
 *
 * install.c
 *		o2c.install(): makes the tables as the owner of the schema.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "catalog/pg_namespace.h"
#include "core/event.h"
#include "core/plan.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"

/* The owner of schema o2c, whose rights the caller must have. */
static Oid
schema_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACENAME, CStringGetDatum("o2c"));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "schema o2c is missing");
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only the owner of schema \"o2c\" may install o2c"),
				 errhint("The owner is \"%s\".", GetUserNameFromId(owner, false))));
	return owner;
}

PG_FUNCTION_INFO_V1(o2c_install);
/* o2c.install(): one at a time, repeatable */
Datum
o2c_install(PG_FUNCTION_ARGS)
{
	static O2cPlan alone = O2C_PLAN("SELECT pg_advisory_xact_lock(hashtextextended('o2c.install', 0))", InvalidOid);
	static O2cPlan make = O2C_PLAN("SELECT o2c._install()", InvalidOid);
	Oid			owner = schema_owner();
	Oid			caller;
	int			context;

	GetUserIdAndSecContext(&caller, &context);
	/* an error restores the caller with the transaction */
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
	o2c_connect();
	o2c_run(&alone, NULL);
	o2c_run(&make, NULL);
	o2c_current_era();
	o2c_finish();
	SetUserIdAndSecContext(caller, context);
	PG_RETURN_VOID();
}
