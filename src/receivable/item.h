/*-------------------------------------------------------------------------
 *
 * item.h
 *		Open items: what their amounts and dates may be, and which were settled.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_ITEM_H
#define O2C_ITEM_H

#include "o2c.h"

#include "core/trigger.h"

/* An open item whose open amount became zero, or stopped being zero. */
typedef struct O2cSettled
{
	int64		company;
	int64		id;				/* from the column that the caller asked for */
	bool		closed;
} O2cSettled;

extern char *o2c_amount_problem(Numeric amount, const char *currency);
extern char *o2c_date_problem(DateADT day);
extern void o2c_check_amount(Numeric amount, const char *currency, const char *what);
extern void o2c_check_date(NullableDatum day, const char *what);
extern O2cSettled *o2c_settled(TriggerData *trigdata, const char *id_column, const char *kind, int *n);
extern int	o2c_same_company(const O2cSettled *settled, int from, int n);

#endif /* O2C_ITEM_H */
