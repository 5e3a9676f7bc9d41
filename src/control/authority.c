/*-------------------------------------------------------------------------
 *
 * authority.c
 *		Who may decide: duties, amounts, and four eyes.
 *
 * A row of o2c.authority gives a role a duty, up to a value and an overrun of
 * the threshold.  Up to alone_amount whoever holds it decides alone; above, the
 * first call is kept as an approval and nothing else happens, and the same
 * decision by another person carries it out.  Both must have the authority,
 * neither may have asked for it, and what they decide must be the same: an
 * approval counts for its terms, up to its value, and for some days.
 *
 * Callers hold the lock of the customer's group, so two first approvals do not
 * miss each other; one in an older snapshot is one more first approval.
 *
 *-------------------------------------------------------------------------
 */
#include "control/authority.h"

#include "core/clock.h"
#include "core/money.h"

/* How many rows of authority reach that far, and whether one does without a second person. */
static O2cPlan find_authority = O2C_PLAN(
	"SELECT count(*), bool_or(a.alone_amount IS NULL OR $5 <= a.alone_amount) FROM o2c.authority a WHERE a.company_id = $1 AND a.duty = $2"
	" AND $4 BETWEEN a.valid_from AND a.valid_to AND pg_catalog.pg_has_role($3::name, pg_catalog.to_regrole(pg_catalog.quote_ident(a.holder))::oid, 'MEMBER')"
	" AND (a.amount IS NULL OR $5 <= a.amount)"
	" AND (a.overrun_percent IS NULL OR abs($6 - $7) <= $7 * a.overrun_percent * 0.01)",
	INT8OID, TEXTOID, TEXTOID, DATEOID, NUMERICOID, NUMERICOID, NUMERICOID);

/* Refuses who asked for it, and who lacks the authority; returns whether a second person must agree. */
static bool
needs_second(const O2cApproval *approval)
{
	bool		requester = approval->requester != NULL && strcmp(approval->requester, o2c_actor()) == 0;

	o2c_run(&find_authority, O2C_ARGS(o2c_int8(approval->company), o2c_cstring(approval->duty), o2c_cstring(o2c_actor()), o2c_date(o2c_today()),
									  approval->value, approval->observed, approval->threshold));
	if (requester || o2c_row_int8(0, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_NOT_AUTHORIZED),
				 errmsg("%s may not %s, which is for the duty \"%s\"", o2c_actor(), approval->what, approval->duty),
				 errdetail(requester ? "Whoever asked for it does not approve it." : "No row of o2c.authority covers it."),
				 errhint("Have it done by somebody with that duty whose authority reaches that far.")));
	return !o2c_row_bool(0, 2);
}

/* An approval of the same by somebody that still counts; by whom is in the second column. */
static bool
find_first(const O2cApproval *approval)
{
	static O2cPlan find = O2C_PLAN("SELECT a.approval_id, a.approved_by FROM o2c.approval a WHERE a.company_id = $1"
								   " AND a.object_type = $2 AND a.object_id = $3 AND a.duty = $4 AND a.terms = $5::jsonb AND a.used_at IS NULL"
								   " AND (a.value IS NULL OR $6 <= a.value)"
								   " AND a.approved_on >= $7 - o2c.get_setting('approval_days', $1)::integer"
								   " ORDER BY a.approved_by = $8, a.approval_id LIMIT 1",
								   INT8OID, TEXTOID, INT8OID, TEXTOID, TEXTOID, NUMERICOID, DATEOID, TEXTOID);

	return o2c_run(&find, O2C_ARGS(o2c_int8(approval->company), o2c_cstring(approval->object_type), o2c_int8(approval->object_id),
								   o2c_cstring(approval->duty), o2c_cstring(approval->terms), approval->value, o2c_date(o2c_today()),
								   o2c_cstring(o2c_actor()))) > 0;
}

/* Keeps an approval; one that another one preceded is used at once, and so is that one. */
static void
keep(const O2cApproval *approval, int64 first)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.approval (company_id, duty, object_type, object_id, terms, value, reason, approved_on, used_at)"
								  " VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, CASE WHEN $9 <> 0 THEN clock_timestamp() END)",
								  INT8OID, TEXTOID, TEXTOID, INT8OID, TEXTOID, NUMERICOID, TEXTOID, DATEOID, INT8OID);
	static O2cPlan use = O2C_PLAN("UPDATE o2c.approval SET used_at = clock_timestamp() WHERE company_id = $1 AND approval_id = $2",
								  INT8OID, INT8OID);

	o2c_run(&add, O2C_ARGS(o2c_int8(approval->company), o2c_cstring(approval->duty), o2c_cstring(approval->object_type),
						   o2c_int8(approval->object_id), o2c_cstring(approval->terms), approval->value, approval->reason,
						   o2c_date(o2c_today()), o2c_int8(first)));
	if (first != 0)
		o2c_run(&use, O2C_ARGS(o2c_int8(approval->company), o2c_int8(first)));
}

/* Tells those with the duty that a second person must decide. */
static void
ask_second(const O2cApproval *approval)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.notification (company_id, audience, recipient, topic, object_type, object_id, body)"
									 " SELECT $1, 'department', $2, 'second_approval', 'approval', a.approval_id, jsonb_build_object("
									 " 'what', $5, 'object_type', a.object_type, 'object_id', a.object_id, 'terms', a.terms, 'value', a.value,"
									 " 'approved_by', a.approved_by) FROM o2c.approval a WHERE a.company_id = $1 AND a.object_type = $3"
									 " AND a.object_id = $4 ORDER BY a.approval_id DESC LIMIT 1 ON CONFLICT DO NOTHING",
									 INT8OID, TEXTOID, TEXTOID, INT8OID, TEXTOID);

	o2c_run(&insert, O2C_ARGS(o2c_int8(approval->company), o2c_cstring(approval->duty), o2c_cstring(approval->object_type),
							  o2c_int8(approval->object_id), o2c_cstring(approval->what)));
	ereport(NOTICE,
			(errmsg("a second person must %s", approval->what),
			 errdetail("The approval of %s is kept in o2c.approval.", o2c_actor())));
}

/*
 * Whether a decision may be carried out now.  Refuses who may not make it; a
 * first approval where two are needed is kept, and false.
 */
bool
o2c_authorize(const O2cApproval *approval)
{
	int64		first = 0;

	if (!needs_second(approval))
		return true;
	if (find_first(approval))
	{
		first = o2c_row_int8(0, 1);
		if (strcmp(o2c_row_text(0, 2), o2c_actor()) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_O2C_NOT_AUTHORIZED),
					 errmsg("%s approved already to %s", o2c_actor(), approval->what),
					 errhint("Above the amount that its authority covers alone, another person with the duty must do the same.")));
	}
	keep(approval, first);
	if (first == 0)
		ask_second(approval);
	return first != 0;
}
