/*-------------------------------------------------------------------------
 *
 * terms.h
 *		Payment terms: what a debtor owes when, and what paying early saves.
 *
 * Terms are instalments, each a share of the amount, a rule that gives its due
 * date, and up to three discount tiers with rules of their own.  A value of
 * type o2c.payment_terms is stored as its one canonical text; here it is the
 * structure that other rooms and o2c.schedule() work with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_TERMS_H
#define O2C_TERMS_H

#include "o2c.h"

#include "utils/array.h"

#define O2C_MAX_TIERS 3
#define O2C_MAX_INSTALMENTS 60
#define O2C_MAX_TERM_DAYS 9999
#define O2C_MAX_TERM_MONTHS 999

/* Percentages and fixed amounts are held in millionths: 2 % is 2000000. */
#define O2C_TERM_SCALE 6
#define O2C_TERM_UNIT INT64CONST(1000000)
#define O2C_WHOLE (100 * O2C_TERM_UNIT)

/*
 * A rule turns a base date into another date.  The members are applied in this
 * order, each only if it is set.
 */
typedef struct O2cDueRule
{
	int32		cutoff;			/* a base after this day of month: one month more */
	int32		months;			/* added, clamped to the length of the month */
	int32		days;			/* added */
	bool		eom;			/* on to the last day of the month */
	int32		days_after;		/* added to that */
	int32		day;			/* this day of the month, or its last day */
	uint32		pay_days;		/* bit n: the first n-th of a month from here on */
} O2cDueRule;

typedef struct O2cTier
{
	int64		percent;
	O2cDueRule	until;
} O2cTier;

typedef enum O2cShare
{
	O2C_SHARE_REST,				/* what the others leave; the last instalment */
	O2C_SHARE_PERCENT,			/* of the whole amount */
	O2C_SHARE_FIXED,			/* an amount, at most what is left */
	O2C_SHARE_EQUAL				/* as much as each other instalment */
} O2cShare;

typedef enum O2cDueKind
{
	O2C_DUE_BY_RULE,
	O2C_DUE_CIA,
	O2C_DUE_CWO,
	O2C_DUE_CBS,
	O2C_DUE_PIA,
	O2C_DUE_COD,
	O2C_DUE_CND
} O2cDueKind;

typedef struct O2cInstalment
{
	O2cShare	share;
	int64		size;			/* of a percent or fixed share */
	O2cDueKind	kind;
	O2cDueRule	due;
	int			ntiers;
	O2cTier		tiers[O2C_MAX_TIERS];
} O2cInstalment;

typedef enum O2cRoll
{
	O2C_ROLL_NONE,
	O2C_ROLL_FOLLOWING,
	O2C_ROLL_MODIFIED_FOLLOWING,
	O2C_ROLL_PREVIOUS,
	O2C_ROLL_MODIFIED_PREVIOUS
} O2cRoll;

/* Base events are a set of one, or of two of which the later counts. */
#define O2C_BASE_INVOICE 1
#define O2C_BASE_DELIVERY 2
#define O2C_BASE_RECEIPT 4
#define O2C_BASE_STATEMENT 8
#define O2C_BASE_ORDER 16
#define O2C_BASE_FIXED 32

typedef struct O2cTerms
{
	int			base;
	DateADT		base_date;		/* with O2C_BASE_FIXED */
	O2cRoll		roll;
	int			n;
	O2cInstalment instalments[FLEXIBLE_ARRAY_MEMBER];
} O2cTerms;

#define O2C_TERMS_SIZE(n) (offsetof(O2cTerms, instalments) + (n) * sizeof(O2cInstalment))

/* One row of a schedule. */
typedef struct O2cPayment
{
	DateADT		due_on;
	Numeric		amount;
	int			ntiers;
	DateADT		discount_until[O2C_MAX_TIERS];
	Numeric		discount[O2C_MAX_TIERS];
} O2cPayment;

/* type.c: the terms of a stored value, valid until the next call */
extern const O2cTerms *o2c_terms(const text *value);

/* schedule.c */
extern O2cPayment *o2c_schedule_payments(const O2cTerms *terms, DateADT base_on, Numeric amount, int digits,
										 ArrayType *holidays);
extern DateADT o2c_last_due_date(const O2cTerms *terms, DateADT base_on, ArrayType *holidays);
extern Numeric o2c_prepaid_amount(const O2cTerms *terms, Numeric amount, int digits);
extern bool o2c_is_prepayment(const O2cTerms *terms);

/* print.c */
extern char *o2c_print_terms(const O2cTerms *terms);
extern char *o2c_print_base(const O2cTerms *terms);

/* what the files of the room ask about a rule */
static inline bool
o2c_rule_is_plain(const O2cDueRule *r)
{
	return r->cutoff == 0 && r->months == 0 && !r->eom && r->days_after == 0 && r->day == 0 && r->pay_days == 0;
}

static inline bool
o2c_kind_is_advance(O2cDueKind kind)
{
	return kind >= O2C_DUE_CIA && kind <= O2C_DUE_PIA;
}

#endif							/* O2C_TERMS_H */
