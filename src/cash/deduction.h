/*-------------------------------------------------------------------------
 *
 * deduction.h
 *		What a payment left short, with a reason.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_DEDUCTION_H
#define O2C_DEDUCTION_H

#include "o2c.h"

#include "core/plan.h"

/* A deduction to record. */
typedef struct O2cDeduction
{
	int64		company;
	int64		payment;
	int64		invoice;
	NullableDatum amount;		/* null: all that is short */
	NullableDatum reason;		/* null: unearned discount, where what is short is a discount of the terms */
	NullableDatum note;
	DateADT		effective_on;
} O2cDeduction;

extern int64 o2c_record_deduction(const O2cDeduction *d);

#endif							/* O2C_DEDUCTION_H */
