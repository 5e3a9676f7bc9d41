/*-------------------------------------------------------------------------
 *
 * document.c
 *		o2c.place_order_document(): an order as one document.
 *
 * The document that o2c.order_document() writes is the one that is read here.
 * What the sender's system made of the order stands under "issued", which is
 * not an order of anything and is passed over.
 *
 *-------------------------------------------------------------------------
 */
#include "ordering/order.h"

#include "core/money.h"
#include "core/plan.h"
#include "utils/date.h"

#define DOCUMENT_VERSION 1
#define IDEMPOTENCY_KEY 9
#define COMPANY 11

/* The members of the document, in the order of the arguments of o2c.place_order(). */
static const struct
{
	const char *key;			/* NULL: not part of the document */
	char		kind;			/* text, date, array, object */
}			members[] = {
	{"customer", 't'},
	{"lines", 'a'},
	{"po_number", 't'},
	{"requested_on", 'd'},
	{"ordered_on", 'd'},
	{"charges", 'a'},
	{"currency", 't'},
	{"payment_terms", 't'},
	{"location", 't'},
	[IDEMPOTENCY_KEY] = {NULL, 0},
	{"attributes", 'o'},
	[COMPANY] = {NULL, 0},
};

/* Refuses a document that is not one of this version. */
static JsonbValue
open_document(Jsonb *document)
{
	static const char *const keys[] = {"version", "customer", "lines", "po_number", "requested_on", "ordered_on", "charges",
	"currency", "payment_terms", "location", "attributes", "issued", NULL};
	JsonbValue	root = {.type = jbvBinary};
	Numeric		version;

	root.val.binary.data = &document->root;
	root.val.binary.len = VARSIZE_ANY_EXHDR(document);
	if (!JB_ROOT_IS_OBJECT(document))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_DOCUMENT),
				 errmsg("an order document is a JSON object"),
				 errhint("o2c.order_document(order) shows what one looks like.")));
	version = o2c_json_number(&root, "version");
	if (version == NULL || o2c_cmp(version, o2c_int_numeric(DOCUMENT_VERSION)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_DOCUMENT),
				 errmsg("version %s of order documents is not known", version == NULL ? "null" : o2c_numeric_text(version)),
				 errhint("Give \"version\": %d.", DOCUMENT_VERSION)));
	o2c_json_known_keys(&root, "the order document", keys);
	return root;
}

/* An array of the document, as a value of its own. */
static NullableDatum
array_member(const JsonbValue *root, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(root->val.binary.data, key, strlen(key), NULL);

	if (value == NULL || value->type == jbvNull)
		return (NullableDatum) {(Datum) 0, true};
	return (NullableDatum) {JsonbPGetDatum(JsonbValueToJsonb(value)), false};
}

/* A member as an argument. */
static NullableDatum
read_member(const JsonbValue *root, const char *key, char kind)
{
	NullableDatum arg = {(Datum) 0, true};
	char	   *text;

	if (kind == 'a')
		return array_member(root, key);
	text = kind == 'o' ? o2c_json_object(root, key) : o2c_json_text(root, key);
	if (text == NULL)
		return arg;
	arg.isnull = false;
	if (kind == 'd')
		arg.value = DirectFunctionCall1(date_in, CStringGetDatum(text));
	else if (kind == 'o')
		arg.value = DirectFunctionCall1(jsonb_in, CStringGetDatum(text));
	else
		arg.value = CStringGetTextDatum(text);
	return arg;
}

PG_FUNCTION_INFO_V1(o2c_place_order_document);
/* o2c.place_order_document(document, idempotency_key, company) */
Datum
o2c_place_order_document(PG_FUNCTION_ARGS)
{
	static O2cPlan place = O2C_PLAN("SELECT o2c.place_order($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
									TEXTOID, JSONBOID, TEXTOID, DATEOID, DATEOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, INT8OID);
	NullableDatum args[lengthof(members)];
	JsonbValue	root;
	int64		order_id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_DOCUMENT), errmsg("there is no order document")));
	root = open_document(PG_GETARG_JSONB_P(0));
	for (int i = 0; i < lengthof(members); i++)
		if (members[i].key != NULL)
			args[i] = read_member(&root, members[i].key, members[i].kind);
	args[IDEMPOTENCY_KEY] = o2c_pg_arg(1);
	args[COMPANY] = o2c_pg_arg(2);
	o2c_connect();
	o2c_run(&place, args);
	order_id = o2c_row_int8(0, 1);
	o2c_finish();
	PG_RETURN_INT64(order_id);
}
