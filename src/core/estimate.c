/*-------------------------------------------------------------------------
 *
 * estimate.c
 *		Tables of o2c are planned as if they had grown.
 *
 * Foreign key checks, and the statements of clients' functions, are planned
 * once in a session and kept.  Planned while a table is empty, "company_id = $1"
 * looks as selective as the whole primary key, and the planner may pick any
 * index that begins with company_id, or read the table from end to end; kept,
 * such a plan makes every later row slower than the one before.  A floor under
 * the number of rows makes them plans that scale, and statistics that were made
 * of a handful of rows are not believed when they say that a company has one.
 * Plans of the engine itself are made for larger tables still (plan.c).
 *
 *-------------------------------------------------------------------------
 */
#include "core/estimate.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "optimizer/plancat.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#define LEAST_ROWS 10000

static get_relation_info_hook_type next_info_hook = NULL;
static get_relation_stats_hook_type next_stats_hook = NULL;

/* Whether a relation is in schema o2c. */
static bool
is_ours(Oid relation)
{
	return get_rel_namespace(relation) == get_namespace_oid("o2c", true);
}

/* Raises the estimated rows of a small table. */
static void
expect_growth(PlannerInfo *root, Oid relation, bool inhparent, RelOptInfo *rel)
{
	if (next_info_hook != NULL)
		next_info_hook(root, relation, inhparent, rel);
	if (rel->tuples < LEAST_ROWS && is_ours(relation))
		rel->tuples = LEAST_ROWS;
}

/* Whether statistics of a relation were made of few rows. */
static bool
was_small(Oid relation)
{
	HeapTuple	class = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool		small;

	if (!HeapTupleIsValid(class))
		return false;
	small = ((Form_pg_class) GETSTRUCT(class))->reltuples < LEAST_ROWS;
	ReleaseSysCache(class);
	return small;
}

/* Hides the statistics of company_id in a small table: true without a tuple means that there are none. */
static bool
hide_company(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum, VariableStatData *vardata)
{
	if (rte->rtekind == RTE_RELATION && attnum > 0 && is_ours(rte->relid) &&
		strcmp(get_attname(rte->relid, attnum, false), "company_id") == 0 && was_small(rte->relid))
		return true;
	return next_stats_hook != NULL && next_stats_hook(root, rte, attnum, vardata);
}

/* Registers both; called once when the library is loaded. */
void
o2c_estimate_init(void)
{
	next_info_hook = get_relation_info_hook;
	get_relation_info_hook = expect_growth;
	next_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = hide_company;
}
