/*-------------------------------------------------------------------------
 *
 * subset.h
 *		Which of many amounts make up a sum, and whether that is the only way.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_SUBSET_H
#define O2C_SUBSET_H

#include "o2c.h"

#define O2C_MAX_CHOICES 3

/* What a search may cost: forty items, a hundred megabytes, a tenth of a second. */
#define O2C_SUBSET_BUDGET (UINT64CONST(1) << 23)

/*
 * Something open: at most one of its amounts is used (in full, less a discount).
 * In minor units, negative for a credit.  An amount of zero is never used, and
 * one that the item has already says nothing more.
 */
typedef struct O2cChoice
{
	int			n;
	int64		amounts[O2C_MAX_CHOICES];
} O2cChoice;

typedef enum
{
	O2C_SUBSET_NONE,
	O2C_SUBSET_UNIQUE,
	O2C_SUBSET_AMBIGUOUS,
	O2C_SUBSET_UNKNOWN			/* the budget was too small, or the amounts too large to add up */
} O2cSubsetStatus;

typedef struct O2cSubset
{
	O2cSubsetStatus status;
	uint64		solutions;		/* exact; PG_UINT64_MAX when there are too many to count */
	uint64		nodes;			/* partial sums that were made */
	bool		same_amounts;	/* the solutions differ only in which of equal items (all their amounts
								 * are equal) they use: whichever is taken, what stays open is the same */
	int8	   *choice;			/* of one solution, per item: 0 is not used, k is its k-th amount.  The solution
								 * with the fewest items, of those the one that uses the earliest items, and
								 * their first amounts; equal items come together, where their first is. */
} O2cSubset;

extern O2cSubset o2c_subset(const O2cChoice *items, int n, int64 low, int64 high, uint64 budget);

#endif							/* O2C_SUBSET_H */
