/*-------------------------------------------------------------------------
 *
 * stock.h
 *		Starts the room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_STOCK_H
#define O2C_STOCK_H

#include "o2c.h"

extern void o2c_stock_init(void);

#endif							/* O2C_STOCK_H */
