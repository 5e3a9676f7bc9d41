/*-------------------------------------------------------------------------
 *
 * o2c.c
 *		The module: loaded once per session, it only starts the rooms.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/clock.h"
#include "core/estimate.h"
#include "core/event.h"
#include "inventory/stock.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

/* Defines the settings and registers the callbacks of the rooms. */
void
_PG_init(void)
{
	o2c_clock_init();
	o2c_estimate_init();
	o2c_event_init();
	o2c_stock_init();
}
