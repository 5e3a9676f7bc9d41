/*-------------------------------------------------------------------------
 *
 * payment.h
 *		Payments: finding them, and saying whose they are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_PAYMENT_H
#define O2C_PAYMENT_H

#include "o2c.h"

/* What commands need to know of a payment. */
typedef struct O2cPayment
{
	int64		id;
	int64		customer;		/* 0: unidentified */
	int64		item;
	DateADT		received_on;
	char	   *state;
	Numeric		amount;
	Numeric		open;			/* positive: what is free on account; 0 when unidentified */
	char	   *currency;
} O2cPayment;

extern O2cPayment o2c_read_payment(int64 company, int64 payment);
extern void o2c_release_payment(int64 company, int64 payment);
extern void o2c_identify(int64 company, const int64 *payments, const int64 *customers, int n);

#endif /* O2C_PAYMENT_H */
