/*-------------------------------------------------------------------------
 *
 * wish.h
 *		The lines that callers name when goods go out or come back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_WISH_H
#define O2C_WISH_H

#include "o2c.h"

#include "utils/jsonb.h"

/* A line that a caller names, by one of line_no and sku. */
typedef struct O2cWish
{
	int			number;			/* its place among the wishes, from 1 */
	Numeric		line_no;		/* NULL: by sku */
	char	   *sku;
	Numeric		quantity;		/* NULL: all that there is */
} O2cWish;

extern O2cWish o2c_read_wish(const JsonbValue *object, int number);
extern bool o2c_is_wished(const O2cWish *wish, int32 line_no, const char *sku);
extern void o2c_refuse_wish(const O2cWish *wish, const char *document, int64 id);

#endif /* O2C_WISH_H */
