/*-------------------------------------------------------------------------
 *
 * difference.h
 *		What may be missing when an item is paid: discount for early payment, and
 *		what the policy for payments tolerates.  o2c.apply_payment and the
 *		matching of payments use it alike.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_DIFFERENCE_H
#define O2C_DIFFERENCE_H

#include "o2c.h"

#include "receivable/application.h"

/* How differences are borne, from o2c.cash_policy_in_use. */
typedef struct O2cBearing
{
	Numeric		tolerance_amount;	/* NULL: none said */
	Numeric		tolerance_percent;	/* NULL: none said */
	int			grace_days;
	bool		on_partial;		/* a part payment earns discount on its part */
} O2cBearing;

/* An item that is owed, with the discount that a payment of a certain day may take. */
typedef struct O2cOwed
{
	int64		item;
	DateADT		effective_on;
	int			digits;			/* of its currency */
	Numeric		amount;
	Numeric		open;
	Numeric		offered;		/* discount on the amount, of the best tier in force; 0: none */
	Numeric		excluded;		/* credited, or a part paid without discount: none on that */
	Numeric		granted;		/* discount taken so far */
} O2cOwed;

/* What is being handed out over the items of a payment, the oldest first. */
typedef struct O2cTaking
{
	Numeric		cash;			/* left */
	Numeric		owed;			/* open amount of the items so far */
	bool		discount;		/* take what is earned */
	bool		tolerance;		/* take what is tolerated */
	Numeric		granted;		/* discount that is left to give, where it was said */
	Numeric		allowed;		/* tolerance likewise */
} O2cTaking;

extern O2cBearing o2c_read_bearing(int64 company, int64 customer);
extern int	o2c_read_owed(int64 company, Datum items, DateADT paid_on, const O2cBearing *bearing, O2cOwed **owed);
extern Numeric o2c_discount_left(const O2cOwed *owed);
extern Numeric o2c_discount_earned(const O2cOwed *owed, const O2cBearing *bearing, Numeric cash, bool closes);
extern bool o2c_is_tolerated(const O2cBearing *bearing, Numeric shortage, Numeric owed);
extern void o2c_take_items(O2cTaking *taking, const O2cOwed *owed, int n, const O2cBearing *bearing, O2cApplication *rows);

#endif							/* O2C_DIFFERENCE_H */
