/*-------------------------------------------------------------------------
 *
 * estimate.c
 *		Tables of o2c are planned as if they had grown.
 *
 * The statements of the engine and the foreign key checks are planned once in
 * a session and kept.  Planned while a table is empty, "company_id = $1" looks
 * as selective as the whole primary key, and the planner may pick any index
 * that begins with company_id, or read the table from end to end; kept, such a
 * plan makes every later row slower than the one before.  A floor under the
 * number of rows, and no trust in statistics of less, make the kept plans the
 * ones that scale.  Nothing changes for a table that is this large.
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

/* Hides the statistics of a small table: true without a tuple is none. */
static bool
hide_statistics(PlannerInfo *root, RangeTblEntry *rte, AttrNumber attnum, VariableStatData *vardata)
{
	HeapTuple	class;
	bool		small;

	if (rte->rtekind != RTE_RELATION || !is_ours(rte->relid))
		return next_stats_hook != NULL && next_stats_hook(root, rte, attnum, vardata);
	class = SearchSysCache1(RELOID, ObjectIdGetDatum(rte->relid));
	small = HeapTupleIsValid(class) && ((Form_pg_class) GETSTRUCT(class))->reltuples < LEAST_ROWS;
	if (HeapTupleIsValid(class))
		ReleaseSysCache(class);
	return small || (next_stats_hook != NULL && next_stats_hook(root, rte, attnum, vardata));
}

/* Registers both; called once when the library is loaded. */
void
o2c_estimate_init(void)
{
	next_info_hook = get_relation_info_hook;
	get_relation_info_hook = expect_growth;
	next_stats_hook = get_relation_stats_hook;
	get_relation_stats_hook = hide_statistics;
}
