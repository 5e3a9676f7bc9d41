/*-------------------------------------------------------------------------
 *
 * customer.h
 *		Finding customers, and the lock that orders all work on one of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_CUSTOMER_H
#define O2C_CUSTOMER_H

#include "o2c.h"

extern int64 o2c_find_customer(int64 company, const char *code);
extern void o2c_lock_customer_array(int64 company, Datum customers);
extern void o2c_lock_customers(int64 company, const int64 *customers, int n);
extern void o2c_lock_customer(int64 company, int64 customer);
extern void o2c_write_groups(int64 company, const int64 *customers, int n);

#endif /* O2C_CUSTOMER_H */
