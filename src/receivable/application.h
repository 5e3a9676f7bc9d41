/*-------------------------------------------------------------------------
 *
 * application.h
 *		Writing applications, and taking them back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_APPLICATION_H
#define O2C_APPLICATION_H

#include "o2c.h"

/* One application to write; the amounts are not negative.  Begin with {0}: the last four may stay NULL. */
typedef struct O2cApplication
{
	int64		credit_item;
	int64		debit_item;
	DateADT		effective_on;
	Numeric		cash;
	Numeric		discount;
	Numeric		tolerance;
	Numeric		exchanged;		/* taken from the credit item where that is in another currency */
	Numeric		unearned;		/* part of the discount that was not earned */
	char	   *reason;
	const char *method;			/* where it differs from that of the others */
} O2cApplication;

extern O2cApplication *o2c_found_applications(int n);
extern void o2c_date_after_reversals(int64 company, O2cApplication *rows, int n);
extern int64 o2c_apply(int64 company, const O2cApplication *rows, int n, const char *method);
extern int64 o2c_unapply(int64 company, NullableDatum applications, DateADT effective_on,
						 const char *method, NullableDatum reason);
extern void o2c_refuse_over_application(const char *what, const char *detail);

#endif /* O2C_APPLICATION_H */
