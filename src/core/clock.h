/*-------------------------------------------------------------------------
 *
 * clock.h
 *		The business date and the company of the session.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_CLOCK_H
#define O2C_CLOCK_H

#include "o2c.h"

extern void o2c_clock_init(void);
extern DateADT o2c_today(void);
extern TimestampTz o2c_now(void);
extern int64 o2c_current_company(void);
extern char *o2c_date_text(DateADT day);
extern char *o2c_actor(void);

#endif /* O2C_CLOCK_H */
