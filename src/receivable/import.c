/*-------------------------------------------------------------------------
 *
 * import.c
 *		Doors: staged rows become documents, set by set.
 *
 * The statements are in functions.sql of the rooms; they run inside the engine,
 * after the groups of all customers named in the staged rows are locked.
 *
 *-------------------------------------------------------------------------
 */
#include "receivable/import.h"

#include "party/customer.h"

/* Locks the customers that the first plan finds, then loads with the second; returns the number of documents. */
int64
o2c_load(O2cPlan *customers, O2cPlan *load, int64 company, NullableDatum batch)
{
	int64	   *ids;
	int64		loaded;
	int			n;

	o2c_connect();
	n = o2c_run(customers, O2C_ARGS(o2c_int8(company), batch));
	ids = palloc(sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ids[i] = o2c_row_int8(i, 1);
	o2c_lock_customers(company, ids, n);
	o2c_run(load, O2C_ARGS(o2c_int8(company), batch));
	loaded = o2c_row_int8(0, 1);
	o2c_finish();
	return loaded;
}

PG_FUNCTION_INFO_V1(o2c_load_invoices);
/* o2c.load_invoices(batch, company_id) */
Datum
o2c_load_invoices(PG_FUNCTION_ARGS)
{
	static O2cPlan customers = O2C_PLAN("SELECT c.customer_id FROM (SELECT DISTINCT r.customer FROM o2c.invoice_import r"
										" WHERE r.company_id = $1 AND ($2 IS NULL OR r.batch = $2)) r"
										" CROSS JOIN LATERAL (SELECT c.customer_id FROM o2c.customer c"
										" WHERE c.company_id = $1 AND c.code = r.customer LIMIT 1) c", INT8OID, TEXTOID);
	static O2cPlan load = O2C_PLAN("SELECT o2c._load_invoices($2, $1)", INT8OID, TEXTOID);

	PG_RETURN_INT64(o2c_load(&customers, &load, PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1), o2c_pg_arg(0)));
}
