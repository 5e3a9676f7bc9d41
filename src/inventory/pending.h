/*-------------------------------------------------------------------------
 *
 * pending.h
 *		What a command does to stock, put off to its end.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_PENDING_H
#define O2C_PENDING_H

#include "o2c.h"

extern bool o2c_stock_pending(void);
extern void o2c_put_reservation(int64 company, int64 order_id, int64 product, Numeric quantity);
extern void o2c_put_movement(int64 company, int64 product, const char *location, Numeric quantity, bool shipment);
extern void o2c_put_order(int64 company, int64 order_id);

#endif /* O2C_PENDING_H */
