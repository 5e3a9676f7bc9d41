/*-------------------------------------------------------------------------
 *
 * order.h
 *		What later rooms need of orders.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_ORDER_H
#define O2C_ORDER_H

#include "o2c.h"

#include "utils/jsonb.h"

/* Reading the documents that callers hand in. */
extern int	o2c_json_objects(Jsonb *document, const char *what, JsonbValue **objects);
extern void o2c_json_known_keys(const JsonbValue *object, const char *what, const char *const *keys);
extern char *o2c_json_text(const JsonbValue *object, const char *key);
extern char *o2c_json_object(const JsonbValue *object, const char *key);
extern Numeric o2c_json_number(const JsonbValue *object, const char *key);

/* Net amount of a line (EN 16931 BT-131): quantity x price less discount, rounded. */
extern Numeric o2c_line_net(Numeric quantity, Numeric unit_price, Numeric discount_percent, int digits);

/* Tax of a set of lines, once per category and rate (EN 16931 BR-CO-17). */
typedef struct O2cTaxLine
{
	const char *category;
	Numeric		rate;
	Numeric		net;
	int			tax_group;		/* filled: which of the groups the line belongs to */
} O2cTaxLine;

typedef struct O2cTaxGroup
{
	const char *category;
	Numeric		rate;
	Numeric		taxable;
	Numeric		tax;
} O2cTaxGroup;

extern int	o2c_group_tax(O2cTaxLine *lines, int n, int digits, O2cTaxGroup *groups);

/* States. */
extern void o2c_complete_orders(int64 company, Datum order_ids);

#endif /* O2C_ORDER_H */
