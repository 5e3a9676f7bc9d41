/*-------------------------------------------------------------------------
 *
 * explain.h
 *		A payment being explained, and what the explanations are made of.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_EXPLAIN_H
#define O2C_EXPLAIN_H

#include "matching/match.h"
#include "matching/subset.h"

#define O2C_MAX_COMBINED 20		/* items that are searched for combinations */
#define O2C_MAX_NAMED 256		/* items that a text names */

/* One payment being looked at. */
typedef struct O2cLook
{
	O2cMatch   *match;
	O2cPending *p;
	O2cFinding *finding;
	const O2cHit *closed;		/* a document that is named plainly, and paid */
	const O2cHit *elsewhere;	/* one that is open in another currency */
	bool		named;			/* an open one is named plainly */
} O2cLook;

/* O2cItems by their places in the book. */
typedef struct O2cItems
{
	int			n;
	int		   *places;
} O2cItems;

/* The item at a place. */
static inline O2cMatchItem *
item_at(const O2cLook *l, int place)
{
	return &l->match->book.items[place];
}

/* The policy for the items of a customer. */
static inline const O2cMatchPolicy *
policy_of(const O2cLook *l, int64 customer)
{
	return o2c_match_policy(&l->match->book, customer);
}

/* explanation.c */
extern O2cItems o2c_item_list(int room);
extern void o2c_add_item(O2cItems *items, int place);
extern bool o2c_has_item(const O2cItems *items, int place);
extern bool o2c_is_payable(const O2cLook *l, const O2cMatchItem *item);
extern void o2c_add_part(O2cExplanation *e, int place, int64 cash, int64 discount, int64 tolerance);
extern int128 o2c_pay_all(const O2cLook *l, O2cExplanation *e, const O2cItems *items, bool discounted);
extern void o2c_tolerate(O2cExplanation *e, int64 missing);
extern bool o2c_may_tolerate(const O2cLook *l, int64 customer, int128 owed);
extern void o2c_pay_in_order(const O2cLook *l, O2cExplanation *e, const O2cItems *items);
extern O2cChoice o2c_choices_of(const O2cLook *l, const O2cMatchItem *item);
extern O2cSubset o2c_search_items(const O2cLook *l, O2cExplanation *e, const O2cItems *items, int64 amount);
extern bool o2c_collect_items(const O2cLook *l, int64 group, int64 customer, O2cItems *items);
extern bool o2c_pays(const O2cExplanation *e, int place);
extern bool o2c_same_items(const O2cExplanation *a, const O2cExplanation *b);
extern void o2c_add_explanation(O2cLook *l, const O2cExplanation *e);
extern void o2c_score(const O2cLook *l, O2cExplanation *e);
extern bool o2c_is_open(const O2cLook *l, const O2cHit *hit);
extern bool o2c_nearly_names(const O2cLook *l, const O2cMatchItem *item, bool same_length);
extern const char *o2c_doubt_purpose(const O2cLook *l, const O2cExplanation *e);

/* listed.c */
extern bool o2c_explain_range(const O2cLook *l, O2cExplanation *e, const O2cItems *ends);
extern bool o2c_explain_unwritten(const O2cLook *l, O2cExplanation *e, const O2cItems *named);

/* named.c, owed.c, exchange.c */
extern void o2c_explain_references(O2cLook *l);
extern void o2c_explain_payers(O2cLook *l);
extern void o2c_explain_exchanged(O2cLook *l);

#endif							/* O2C_EXPLAIN_H */
