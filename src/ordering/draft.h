/*-------------------------------------------------------------------------
 *
 * draft.h
 *		An order in memory: its lines are read, priced and computed there, then
 *		stored in one statement.  Placing and changing an order share it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_DRAFT_H
#define O2C_DRAFT_H

#include "o2c.h"

#include "core/plan.h"
#include "utils/jsonb.h"

/* Who orders, and what that decides about the order. */
typedef struct O2cBuyer
{
	int64		customer;
	char	   *currency;
	char	   *home_currency;	/* of the company, and of prices without one */
	bool		has_price_list;
	char	   *terms;			/* in their printed form */
	bool		po_required;
	bool		po_unique;
} O2cBuyer;

typedef struct O2cDraftLine
{
	const char *kind;
	char	   *sku;
	NullableDatum product;
	char	   *description;
	Numeric		quantity;
	Numeric		unit_price;		/* NULL until priced */
	Numeric		discount;
	Numeric		net;
	char	   *category;
	Numeric		rate;
	Numeric		tax;
	char	   *attributes;		/* jsonb text, or NULL */
	Numeric		reserved;		/* NULL: none */
} O2cDraftLine;

typedef struct O2cDraft
{
	int64		company;
	O2cBuyer	buyer;
	char	   *po_number;		/* NULL: none */
	char	   *location;		/* that a new order is served from */
	char	   *currency;
	int			digits;
	O2cDraftLine *lines;
	int			n;
	bool		confirmed;		/* its lines are stored in force */
} O2cDraft;

/*
 * Reserves stock for lines that are in force and not stored yet, as far as it is
 * there; what was reserved goes with the lines.  The room that has the stock
 * sets it.
 */
typedef void (*O2cReserveHook) (O2cDraft *order, int64 order_id);

extern O2cReserveHook o2c_reserve_hook;

extern void o2c_check_po_number(int64 company, int64 order_id, int64 customer, const char *po_number, bool required, bool unique);
extern char *o2c_order_number(int64 company);
extern void o2c_check_range(int line, const char *what, Numeric value, bool zero_allowed, bool is_percent);
extern O2cDraftLine o2c_read_line(const JsonbValue *object, int number);
extern void o2c_price_lines(O2cDraft *order, DateADT day);
extern void o2c_compute_amounts(O2cDraft *order);
extern void o2c_insert_lines(const O2cDraft *order, int64 order_id, int32 first);
extern int64 o2c_place(FunctionCallInfo fcinfo, int64 company, const char *state);

#endif /* O2C_DRAFT_H */
