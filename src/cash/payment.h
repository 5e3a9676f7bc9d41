/*-------------------------------------------------------------------------
 *
 * payment.h
 *		Payments: finding them, saying whose they are, and what follows.
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
	char	   *clearing;
	Numeric		refunded;
	char	   *method;
} O2cPayment;

/* Whose a payment is. */
typedef struct O2cIdentified
{
	int64		payment;
	int64		customer;
	Numeric		applied;		/* how much of it is applied at once; NULL: nothing */
	int64		item;			/* what it got, 0 for none */
} O2cIdentified;

/* Why and how a payment is taken back. */
typedef struct O2cReturn
{
	const char *to;				/* returned, charged_back, failed or voided */
	DateADT		day;
	NullableDatum code;			/* ISO 20022 */
	NullableDatum reason;
	NullableDatum fee;			/* null: as the policy says */
} O2cReturn;

extern O2cPayment o2c_read_payment(int64 company, int64 payment);
extern O2cPayment o2c_lock_payment(int64 company, int64 payment);
extern bool o2c_counts(int64 company, int64 customer, const char *clearing);
extern void o2c_release_payment(int64 company, int64 payment);
extern void o2c_identify(int64 company, O2cIdentified *payments, int n);
extern void o2c_identify_one(int64 company, int64 payment, int64 customer);
extern void o2c_advance(int64 company, int64 payment, const char *to, DateADT day);
extern void o2c_take_back(int64 company, int64 payment, const O2cReturn *how);
extern void o2c_apply_collected(int64 company, NullableDatum payments);
extern void o2c_follow_return(int64 company, int64 payment, NullableDatum code, DateADT day);

#endif /* O2C_PAYMENT_H */
