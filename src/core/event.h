/*-------------------------------------------------------------------------
 *
 * event.h
 *		The event log: audit trail, process log and feed in one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_EVENT_H
#define O2C_EVENT_H

#include "o2c.h"

typedef struct O2cEvent
{
	const char *activity;		/* object and state, e.g. "invoice.posted" */
	const char *object_type;
	int64		object_id;
	int64		order_id;		/* the case; 0 where there is none */
	const char *before;			/* state before, NULL for a new object */
	const char *after;
	const char *detail;			/* jsonb text, or NULL */
} O2cEvent;

extern void o2c_event_init(void);
extern int64 o2c_current_era(void);
extern void o2c_write_events(int64 company, const O2cEvent *events, int n);

#endif /* O2C_EVENT_H */
