/*-------------------------------------------------------------------------
 *
 * json.c
 *		Reads the JSON documents that callers hand in, and says what is wrong with them.
 *
 *-------------------------------------------------------------------------
 */
#include "ordering/order.h"

/* The objects of a JSON array, in order. */
int
o2c_json_objects(Jsonb *document, const char *what, JsonbValue **objects)
{
	int			n = JB_ROOT_COUNT(document);

	if (!JB_ROOT_IS_ARRAY(document) || JB_ROOT_IS_SCALAR(document))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("%s must be a JSON array", what),
				 errhint("For example [{\"sku\": \"A\", \"quantity\": 2}].")));
	*objects = palloc(sizeof(JsonbValue) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(&document->root, i);

		if (element->type != jbvBinary || !JsonContainerIsObject(element->val.binary.data))
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
					 errmsg("element %d of %s is not a JSON object", i + 1, what)));
		(*objects)[i] = *element;
	}
	return n;
}

/* Whether a key is in a NULL-terminated list. */
static bool
is_known(const JsonbValue *key, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		if (strlen(*keys) == key->val.string.len && memcmp(*keys, key->val.string.val, key->val.string.len) == 0)
			return true;
	return false;
}

/* Refuses a key that nobody would read: a misspelt price must not become a list price. */
void
o2c_json_known_keys(const JsonbValue *object, const char *what, const char *const *keys)
{
	JsonbIterator *it = JsonbIteratorInit(object->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
		if (token == WJB_KEY && !is_known(&value, keys))
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
					 errmsg("%s has an unknown key \"%.*s\"", what, value.val.string.len, value.val.string.val)));
}

/* A member of an object; NULL when it is missing or null. */
static JsonbValue *
member(const JsonbValue *object, const char *key)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object->val.binary.data, key, strlen(key), NULL);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* A string of an object; NULL when it is missing or null. */
char *
o2c_json_text(const JsonbValue *object, const char *key)
{
	JsonbValue *value = member(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("\"%s\" must be a string", key)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* A number of an object; NULL when it is missing or null. */
Numeric
o2c_json_number(const JsonbValue *object, const char *key)
{
	JsonbValue *value = member(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("\"%s\" must be a number", key)));
	return value->val.numeric;
}

/* An object within an object, as text; NULL when it is missing or null. */
char *
o2c_json_object(const JsonbValue *object, const char *key)
{
	JsonbValue *value = member(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("\"%s\" must be an object", key)));
	return JsonbToCString(NULL, value->val.binary.data, value->val.binary.len);
}
