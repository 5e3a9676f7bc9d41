/*-------------------------------------------------------------------------
 *
 * wish.c
 *		The lines that callers name when goods go out or come back.
 *
 *-------------------------------------------------------------------------
 */
#include "shipping/wish.h"

#include "core/money.h"
#include "ordering/order.h"

/* Reads the wish with a number. */
O2cWish
o2c_read_wish(const JsonbValue *object, int number)
{
	static const char *const keys[] = {"line_no", "sku", "quantity", NULL};
	O2cWish		wish = {.number = number};

	o2c_json_known_keys(object, psprintf("line %d", number), keys);
	wish.line_no = o2c_json_number(object, "line_no");
	wish.sku = o2c_json_text(object, "sku");
	wish.quantity = o2c_json_number(object, "quantity");
	return wish;
}

/* Whether a wish names a line; one without a product has no sku. */
bool
o2c_is_wished(const O2cWish *wish, int32 line_no, const char *sku)
{
	if (wish->line_no != NULL)
		return o2c_cmp(wish->line_no, o2c_int_numeric(line_no)) == 0;
	return wish->sku != NULL && sku != NULL && strcmp(wish->sku, sku) == 0;
}

/* Refuses a wish that names no line that is left of a document. */
void
o2c_refuse_wish(const O2cWish *wish, const char *document, int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
			 errmsg("%s %lld has no line for wish %d", document, (long long) id, wish->number),
			 errhint("Name a line by \"line_no\" or by \"sku\".")));
}
