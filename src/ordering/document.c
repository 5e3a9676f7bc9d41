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
#include "fmgr.h"
#include "utils/date.h"

#define DOCUMENT_VERSION 1
#define IDEMPOTENCY_KEY 9
#define COMPANY 11

extern Datum o2c_place_order(PG_FUNCTION_ARGS);

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
	LOCAL_FCINFO(call, lengthof(members));
	JsonbValue	root;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_DOCUMENT), errmsg("there is no order document")));
	root = open_document(PG_GETARG_JSONB_P(0));
	InitFunctionCallInfoData(*call, fcinfo->flinfo, lengthof(members), InvalidOid, NULL, NULL);
	for (int i = 0; i < lengthof(members); i++)
		if (members[i].key != NULL)
			call->args[i] = read_member(&root, members[i].key, members[i].kind);
	call->args[IDEMPOTENCY_KEY] = fcinfo->args[1];
	call->args[COMPANY] = fcinfo->args[2];
	return o2c_place_order(call);
}
