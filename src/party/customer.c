/*-------------------------------------------------------------------------
 *
 * customer.c
 *		Finding customers, and the lock that orders all work on one of them.
 *
 * Locking order of every command: the group rows of all customers concerned
 * (at once, in id order), then documents, then credit accounts, then stock (at
 * the end of the command, in product order), then number series.  Whoever holds a group row is alone with that
 * group's orders, invoices, payments and holds, so commands cannot deadlock.
 *
 *-------------------------------------------------------------------------
 */
#include "party/customer.h"

#include "core/plan.h"

/* The id of a customer by its code. */
int64
o2c_find_customer(int64 company, const char *code)
{
	static O2cPlan find = O2C_PLAN("SELECT customer_id FROM o2c.customer WHERE company_id = $1 AND code = $2",
								   INT8OID, TEXTOID);

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_cstring(code))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no customer \"%s\"", (long long) company, code),
				 errhint("Customers are found by their code in o2c.customer.")));
	return o2c_row_int8(0, 1);
}

/* How often a customer may move on while its group is waited for; within one statement that moves many it is not settled at all. */
#define MAX_MOVES 3

/*
 * Locks the groups of some customers (a bigint[]), in id order.  A row that got a
 * parent while it was waited for leads no group any more: then the new one is.
 */
void
o2c_lock_customer_array(int64 company, Datum customers)
{
	static O2cPlan lock = O2C_PLAN("SELECT group_id = customer_id FROM o2c.customer WHERE company_id = $1 AND customer_id IN"
								   " (SELECT group_id FROM o2c.customer WHERE company_id = $1 AND customer_id = ANY ($2))"
								   " ORDER BY customer_id FOR NO KEY UPDATE", INT8OID, INT8ARRAYOID);
	bool		moved = true;

	for (int tries = 0; moved && tries < MAX_MOVES; tries++)
	{
		uint64		n = o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_datum(customers)));

		moved = false;
		for (uint64 i = 0; i < n; i++)
			moved |= !o2c_row_bool(i, 1);
	}
}

/* The same for a C array. */
void
o2c_lock_customers(int64 company, const int64 *customers, int n)
{
	o2c_lock_customer_array(company, o2c_int8_array(customers, n));
}

/* Locks the group of one customer. */
void
o2c_lock_customer(int64 company, int64 customer)
{
	static O2cPlan lock = O2C_PLAN("SELECT group_id = customer_id FROM o2c.customer WHERE company_id = $1 AND customer_id ="
								   " (SELECT group_id FROM o2c.customer WHERE company_id = $1 AND customer_id = $2)"
								   " FOR NO KEY UPDATE", INT8OID, INT8OID);

	for (int tries = 0; tries < MAX_MOVES; tries++)
		if (o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_int8(customer))) == 0 || o2c_row_bool(0, 1))
			return;
}

/*
 * Locks the groups of some customers and writes their rows: who has an older
 * snapshot then fails to serialize instead of looking past what is done here.
 */
void
o2c_write_groups(int64 company, const int64 *customers, int n)
{
	static O2cPlan touch = O2C_PLAN("UPDATE o2c.customer SET active = active WHERE company_id = $1 AND customer_id IN"
									" (SELECT group_id FROM o2c.customer WHERE company_id = $1 AND customer_id = ANY ($2))", INT8OID, INT8ARRAYOID);
	Datum		ids = o2c_int8_array(customers, n);

	o2c_lock_customer_array(company, ids);
	o2c_run(&touch, O2C_ARGS(o2c_int8(company), o2c_datum(ids)));
}
