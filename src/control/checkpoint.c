/*-------------------------------------------------------------------------
 *
 * checkpoint.c
 *		Runs the rules of a checkpoint over a document.
 *
 * A rule is a row that names a function (o2c.rule_case, jsonb) returning
 * o2c.finding.  All rules are asked, all findings are kept in one decision,
 * and the sharpest reaction among the rules that are not satisfied is the
 * outcome.  An open hold, of the customer or placed on the order by a person,
 * counts like a rule that is not satisfied.  Among the rules with one code the
 * one with the narrowest scope speaks (customer, risk class, group, company),
 * and those that are cumulative beside it; among versions the latest valid one.
 *
 * When rules are not satisfied, exclusions are asked.  One that is satisfied
 * cancels the rules with its code, or all of them when it releases.  Last come
 * the releases of people, which hold for a while and up to a value.
 *
 * A document without any rule is not evaluated and leaves no decision.
 *
 *-------------------------------------------------------------------------
 */
#include "control/checkpoint.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/plan.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "parser/parse_func.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

/* Where an entry of the list of rules comes from. */
typedef enum RuleSource
{
	FROM_RULE,					/* a row of o2c.rule: to be asked */
	FROM_CUSTOMER,				/* an open hold of the customer: not satisfied */
	FROM_ORDER,					/* an open hold that a person placed on the order */
	FROM_ENGINE,				/* an open hold of an earlier evaluation: is it still deserved? */
	FROM_RELEASE				/* a hold that a person released, for as long as that is good */
} RuleSource;

/* A rule that applies, and what it found. */
typedef struct Rule
{
	RuleSource	source;
	char	   *code;
	int32		version;
	char	   *function;
	NullableDatum parameters;
	O2cOutcome	reaction;
	const char *reaction_name;	/* also "exclude" and "release", which do nothing by themselves */
	bool		exclusion;
	char	   *duty;
	bool		early;			/* needs only the case */
	bool		cumulative;
	int32		specificity;	/* of its scope */
	char	   *risk_class;		/* its scope, where it is one */
	int64		group;
	bool		passed;
	Numeric		observed;
	Numeric		threshold;
	char	   *message;
} Rule;

static const char *const outcome_names[] = {"pass", "warn", "hold", "refuse"};

/* The open holds of the customer and the order; read with the same columns as rules. */
static O2cPlan find_holds = O2C_PLAN(
	"SELECT CASE WHEN h.order_id IS NULL THEN 'customer' WHEN h.automatic THEN 'automatic' ELSE 'order' END,"
	" h.rule, 0, NULL::text, NULL::jsonb, 'hold', h.reason, h.duty"
	" FROM o2c.hold h WHERE h.company_id = $1 AND h.customer_id = $3 AND (h.order_id IS NULL OR h.order_id = $4)"
	" AND h.released_at IS NULL AND CASE WHEN $2 = 'ship' THEN h.blocks_shipping ELSE h.blocks_order END"
	" ORDER BY h.hold_id",
	INT8OID, TEXTOID, INT8OID, INT8OID);

/* The releases of the order's holds that are still good. */
static O2cPlan find_releases = O2C_PLAN(
	"SELECT 'released', h.rule, 0, NULL::text, NULL::jsonb, 'hold', h.release_reason, h.duty FROM o2c.hold h"
	" WHERE h.company_id = $1 AND h.order_id = $2 AND h.release_until >= $3"
	" AND $4 <= h.release_value * (100 + h.release_deviation) * 0.01",
	INT8OID, INT8OID, DATEOID, NUMERICOID);

/* The valid rules for everybody or the customer, in the order in which they are asked. */
static O2cPlan find_rules = O2C_PLAN(
	"SELECT 'rule', code, version, function, parameters, reaction, NULL::text, duty,"
	" early, cumulative, specificity, risk_class, group_id"
	" FROM o2c.rule WHERE company_id = $1 AND checkpoint = $2 AND $4 BETWEEN valid_from AND valid_to"
	" AND (customer_id IS NULL OR customer_id = $3) ORDER BY exclusion, priority, code",
	INT8OID, TEXTOID, INT8OID, DATEOID);

/* The place of a reaction among the outcomes; exclusions have none. */
static O2cOutcome
parse_reaction(const char *name, bool exclusion)
{
	if (exclusion)
		return O2C_PASS;
	for (int i = 0; i < lengthof(outcome_names); i++)
		if (strcmp(outcome_names[i], name) == 0)
			return (O2cOutcome) i;
	elog(ERROR, "unknown reaction \"%s\"", name);
}

/* Where a row of the list comes from. */
static RuleSource
parse_source(const char *name)
{
	switch (name[0])
	{
		case 'c':
			return FROM_CUSTOMER;
		case 'o':
			return FROM_ORDER;
		case 'a':
			return FROM_ENGINE;
		case 'r':
			return strcmp(name, "released") == 0 ? FROM_RELEASE : FROM_RULE;
		default:
			elog(ERROR, "unknown source \"%s\"", name);
	}
}

/* A row of one of the three lists. */
static Rule
rule_of(uint64 row)
{
	Rule		rule = {
		.source = parse_source(o2c_row_text(row, 1)),
		.code = o2c_row_text(row, 2),
		.version = o2c_row_int4(row, 3),
		.function = o2c_row_text(row, 4),
		.parameters = o2c_row_copy(row, 5),
		.reaction_name = o2c_row_text(row, 6),
		.message = o2c_row_text(row, 7),
		.duty = o2c_row_text(row, 8),
	};

	rule.exclusion = strcmp(rule.reaction_name, "exclude") == 0 || strcmp(rule.reaction_name, "release") == 0;
	rule.reaction = parse_reaction(rule.reaction_name, rule.exclusion);
	return rule;
}

/* A list of rules that grows. */
typedef struct RuleList
{
	Rule	   *rules;
	int			n;
} RuleList;

/* Appends what a query finds. */
static void
append_rules(RuleList *list, O2cPlan *find, const NullableDatum *args)
{
	int			found = (int) o2c_run(find, args);
	Rule	   *rules = palloc(sizeof(Rule) * Max(list->n + found, 1));

	if (list->n > 0)
		memcpy(rules, list->rules, sizeof(Rule) * list->n);
	for (int i = 0; i < found; i++)
	{
		rules[list->n + i] = rule_of(i);
		if (find != &find_rules)
			continue;
		rules[list->n + i].early = o2c_row_bool(i, 9);
		rules[list->n + i].cumulative = o2c_row_bool(i, 10);
		rules[list->n + i].specificity = o2c_row_int4(i, 11);
		rules[list->n + i].risk_class = o2c_row_text(i, 12);
		rules[list->n + i].group = o2c_row_int8(i, 13);
	}
	list->rules = rules;
	list->n += found;
}

/* Drops the rules for other groups and risk classes; the customer is looked at only where there are any. */
static void
keep_scope(int64 company, int64 customer, RuleList *list)
{
	static O2cPlan find = O2C_PLAN("SELECT group_id, risk_class FROM o2c.customer WHERE company_id = $1 AND customer_id = $2", INT8OID, INT8OID);
	bool		scoped = false;
	int			kept = 0;
	int64		group;
	char	   *class;

	for (int i = 0; i < list->n; i++)
		scoped |= list->rules[i].group != 0 || list->rules[i].risk_class != NULL;
	if (!scoped)
		return;
	o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_int8(customer)));
	group = o2c_row_int8(0, 1);
	class = o2c_row_text(0, 2);
	for (int i = 0; i < list->n; i++)
	{
		Rule	   *rule = &list->rules[i];

		if ((rule->group == 0 || rule->group == group) &&
			(rule->risk_class == NULL || (class != NULL && strcmp(rule->risk_class, class) == 0)))
			list->rules[kept++] = *rule;
	}
	list->n = kept;
}

/* Whether one rule speaks in the place of another with its code: the narrower one, then the later version. */
static bool
overrules(const Rule *a, const Rule *b)
{
	if (a->source != FROM_RULE || b->source != FROM_RULE || a->exclusion != b->exclusion ||
		a->cumulative != b->cumulative || strcmp(a->code, b->code) != 0)
		return false;
	if (a->specificity != b->specificity)
		return !a->cumulative && a->specificity > b->specificity;
	return a->version > b->version;
}

/* Drops the rules that others speak for. */
static void
keep_speakers(RuleList *list)
{
	Rule	   *speakers = palloc(sizeof(Rule) * Max(list->n, 1));
	int			kept = 0;

	for (int i = 0; i < list->n; i++)
	{
		bool		speaks = true;

		for (int j = 0; j < list->n && speaks; j++)
			speaks = !overrules(&list->rules[j], &list->rules[i]);
		if (speaks)
			speakers[kept++] = list->rules[i];
	}
	list->rules = speakers;
	list->n = kept;
}

/* Reads the open holds and the rules that concern a document, in order. */
static RuleList
read_rules(const O2cCase *document)
{
	NullableDatum company = o2c_int8(document->company);
	NullableDatum checkpoint = o2c_cstring(document->checkpoint);
	NullableDatum customer = o2c_int8(document->customer);
	RuleList	list = {0};

	append_rules(&list, &find_holds, O2C_ARGS(company, checkpoint, customer, o2c_int8(document->order_id)));
	append_rules(&list, &find_rules, O2C_ARGS(company, checkpoint, customer, o2c_date(document->day)));
	keep_scope(document->company, document->customer, &list);
	keep_speakers(&list);
	return list;
}

/* A type of schema o2c. */
static Oid
o2c_type(const char *name)
{
	Oid			schema = get_namespace_oid("o2c", false);

	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name), ObjectIdGetDatum(schema));
}

/* The document as the composite value that rules are given. */
static Datum
case_value(const O2cCase *document, Oid type)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	Datum		values[10];
	bool		nulls[10] = {false};
	Datum		result;

	values[0] = Int64GetDatum(document->company);
	values[1] = CStringGetTextDatum(document->checkpoint);
	values[2] = CStringGetTextDatum(document->object_type);
	values[3] = Int64GetDatum(document->object_id);
	values[4] = Int64GetDatum(document->order_id);
	nulls[4] = document->order_id == 0;
	values[5] = Int64GetDatum(document->customer);
	values[6] = NumericGetDatum(document->amount);
	values[7] = CStringGetTextDatum(document->currency);
	values[8] = NumericGetDatum(document->credit_rate);
	values[9] = DateADTGetDatum(document->day);
	result = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	ReleaseTupleDesc(desc);
	return result;
}

/* A name in one or two parts, NIL when the text is none. */
static List *
parse_name(const char *text)
{
	List	   *parts;
	List	   *name = NIL;
	ListCell   *cell;

	if (!SplitIdentifierString(pstrdup(text), '.', &parts) || list_length(parts) > 2)
		return NIL;
	foreach(cell, parts)
		name = lappend(name, makeString(pstrdup(lfirst(cell))));
	return name;
}

/* The function that a rule names. */
static Oid
rule_function(const Rule *rule, Oid case_type)
{
	Oid			types[2] = {case_type, JSONBOID};
	List	   *name = parse_name(rule->function);
	Oid			function = name == NIL ? InvalidOid : LookupFuncName(name, 2, types, true);

	if (!OidIsValid(function) || get_func_rettype(function) != o2c_type("finding"))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_BROKEN_RULE),
				 errmsg("rule \"%s\" names \"%s\", which is not a rule function", rule->code, rule->function),
				 errhint("A rule function takes (o2c.rule_case, jsonb) and returns o2c.finding; write its name with the schema.")));
	return function;
}

/* Takes the parts of a finding over into the rule. */
static void
take_finding(Rule *rule, Datum finding)
{
	HeapTupleHeader tuple = DatumGetHeapTupleHeader(finding);
	bool		isnull;
	Datum		d;

	d = GetAttributeByName(tuple, "passed", &isnull);
	rule->passed = !isnull && DatumGetBool(d);
	d = GetAttributeByName(tuple, "observed", &isnull);
	rule->observed = isnull ? NULL : DatumGetNumericCopy(d);
	d = GetAttributeByName(tuple, "threshold", &isnull);
	rule->threshold = isnull ? NULL : DatumGetNumericCopy(d);
	d = GetAttributeByName(tuple, "message", &isnull);
	rule->message = isnull ? NULL : TextDatumGetCString(d);
}

/* Asks one rule.  A rule is not part of the engine: what it writes is guarded. */
static void
ask_rule(Rule *rule, Datum document, Oid case_type)
{
	LOCAL_FCINFO(fcinfo, 2);
	FmgrInfo	flinfo;
	Datum		finding;
	int			depth;

	fmgr_info(rule_function(rule, case_type), &flinfo);
	InitFunctionCallInfoData(*fcinfo, &flinfo, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0] = o2c_arg(document, false);
	fcinfo->args[1] = rule->parameters;
	depth = o2c_leave_engine();
	finding = FunctionCallInvoke(fcinfo);
	o2c_reenter_engine(depth);
	if (fcinfo->isnull)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_BROKEN_RULE),
				 errmsg("rule \"%s\" found nothing", rule->code),
				 errhint("A rule function returns o2c.finding, never null.")));
	take_finding(rule, finding);
}

/* Counts the rules that an exclusion or a release speaks for as satisfied. */
static void
waive(Rule *rules, int n, const Rule *waiver)
{
	bool		all = waiver->exclusion && strcmp(waiver->reaction_name, "release") == 0;

	for (int i = 0; i < n; i++)
	{
		Rule	   *rule = &rules[i];

		if (rule->source != FROM_RULE || rule->exclusion || rule->passed || (!all && strcmp(rule->code, waiver->code) != 0))
			continue;
		rule->passed = true;
		rule->message = psprintf("%s: %s", waiver->exclusion ? "excluded" : "released",
								 waiver->message != NULL ? waiver->message : waiver->code);
	}
}

/* Whether a rule, not a hold, is not satisfied. */
static bool
any_rule_failed(const Rule *rules, int n)
{
	for (int i = 0; i < n; i++)
		if (rules[i].source == FROM_RULE && !rules[i].exclusion && !rules[i].passed)
			return true;
	return false;
}

/* Asks the exclusions, in order, for as long as there is something to cancel; then come releases. */
static void
ask_exclusions(Rule *rules, int n, Datum document, Oid case_type)
{
	for (int i = 0; i < n && any_rule_failed(rules, n); i++)
	{
		if (rules[i].exclusion)
			ask_rule(&rules[i], document, case_type);
		if (rules[i].source == FROM_RELEASE || (rules[i].exclusion && rules[i].passed))
			waive(rules, n, &rules[i]);
	}
}

/* Asks all rules; the outcome is the sharpest reaction of those not satisfied. */
static O2cOutcome
ask_rules(const O2cCase *document, Rule *rules, int n)
{
	Oid			case_type = o2c_type("rule_case");
	Datum		value = case_value(document, case_type);
	O2cOutcome	outcome = O2C_PASS;

	for (int i = 0; i < n; i++)
	{
		if (rules[i].source == FROM_RULE && !rules[i].exclusion)
			ask_rule(&rules[i], value, case_type);
		/* at shipping a hold of the engine counts; at the order it is what is decided anew */
		rules[i].passed |= rules[i].source == FROM_RELEASE ||
			(rules[i].source == FROM_ENGINE && strcmp(document->checkpoint, "order") == 0);
	}
	ask_exclusions(rules, n, value, case_type);
	for (int i = 0; i < n; i++)
		if (!rules[i].passed)
			outcome = Max(outcome, rules[i].reaction);
	return outcome;
}

/* Appends "key": number or null. */
static void
append_number(StringInfo json, const char *key, Numeric value)
{
	appendStringInfo(json, ", \"%s\": %s", key, value == NULL ? "null"
					 : DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value))));
}

/* The findings as they are stored. */
static char *
findings_json(const Rule *rules, int n)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < n; i++)
	{
		if (rules[i].passed && (rules[i].source == FROM_ENGINE || rules[i].source == FROM_RELEASE))
			continue;
		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		appendStringInfoString(&json, "{\"rule\": ");
		escape_json(&json, rules[i].code);
		appendStringInfo(&json, ", \"version\": %d, \"reaction\": \"%s\", \"passed\": %s", rules[i].version,
						 rules[i].reaction_name, rules[i].passed ? "true" : "false");
		append_number(&json, "observed", rules[i].observed);
		append_number(&json, "threshold", rules[i].threshold);
		appendStringInfoString(&json, ", \"message\": ");
		if (rules[i].message == NULL)
			appendStringInfoString(&json, "null");
		else
			escape_json(&json, rules[i].message);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/* Stores the decision; returns its id. */
static int64
store_decision(const O2cCase *document, O2cOutcome outcome, const Rule *rules, int n)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.decision (company_id, checkpoint, object_type, object_id, customer_id, order_id,"
									 " outcome, amount, currency, findings, decided_on)"
									 " VALUES ($1, $2, $3, $4, $5, nullif($6, 0), $7, $8, $9, $10::jsonb, $11) RETURNING decision_id",
									 INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, TEXTOID, NUMERICOID, TEXTOID, TEXTOID, DATEOID);

	o2c_run(&insert, O2C_ARGS(o2c_int8(document->company), o2c_cstring(document->checkpoint), o2c_cstring(document->object_type),
							  o2c_int8(document->object_id), o2c_int8(document->customer), o2c_int8(document->order_id),
							  o2c_cstring(outcome_names[outcome]), o2c_datum(NumericGetDatum(document->amount)),
							  o2c_cstring(document->currency), o2c_cstring(findings_json(rules, n)), o2c_date(document->day)));
	return o2c_row_int8(0, 1);
}

/* Tells the customer, once for the order, and the credit department what must happen. */
static void
notify_held(const O2cCase *document, char **reasons, int n)
{
	static O2cPlan insert = O2C_PLAN("INSERT INTO o2c.notification (company_id, audience, recipient, topic, object_type, object_id, language, body)"
									 " SELECT $1, a.audience, CASE a.audience WHEN 'customer' THEN coalesce(c.email, c.code) ELSE 'credit' END,"
									 " 'order_held', $3, $4, c.language,"
									 " jsonb_build_object('order_id', $4, 'customer', c.code, 'amount', $5, 'currency', $6, 'reasons', to_jsonb($7))"
									 " FROM o2c.customer c CROSS JOIN (VALUES ('customer'), ('department')) AS a (audience)"
									 " WHERE c.company_id = $1 AND c.customer_id = $2 ON CONFLICT DO NOTHING",
									 INT8OID, INT8OID, TEXTOID, INT8OID, NUMERICOID, TEXTOID, TEXTARRAYOID);

	o2c_run(&insert, O2C_ARGS(o2c_int8(document->company), o2c_int8(document->customer), o2c_cstring(document->object_type),
							  o2c_int8(document->object_id), o2c_datum(NumericGetDatum(document->amount)), o2c_cstring(document->currency),
							  o2c_datum(o2c_text_array(reasons, n))));
}

/* Places the automatic holds that rules ask for, and releases those whose rules are satisfied now. */
static void
keep_holds(const O2cCase *document, const Rule *rules, int n, int64 decision)
{
	static O2cPlan place = O2C_PLAN("INSERT INTO o2c.hold (company_id, customer_id, order_id, rule, reason, automatic, decision_id, duty)"
									" SELECT $1, $2, $3, r.rule, r.reason, true, $6, r.duty FROM unnest($4, $5, $7) AS r (rule, reason, duty)"
									" ON CONFLICT (company_id, order_id, rule) WHERE released_at IS NULL AND order_id IS NOT NULL AND automatic"
									" DO NOTHING",
									INT8OID, INT8OID, INT8OID, TEXTARRAYOID, TEXTARRAYOID, INT8OID, TEXTARRAYOID);
	static O2cPlan lift = O2C_PLAN("UPDATE o2c.hold SET released_on = $4, released_at = clock_timestamp(), released_by = $5,"
								   " release_reason = 'cause gone' WHERE company_id = $1 AND order_id = $2 AND released_at IS NULL"
								   " AND automatic AND rule <> ALL ($3)",
								   INT8OID, INT8OID, TEXTARRAYOID, DATEOID, TEXTOID);
	char	  **codes = palloc(sizeof(char *) * Max(n, 1));
	char	  **reasons = palloc(sizeof(char *) * Max(n, 1));
	char	  **duties = palloc(sizeof(char *) * Max(n, 1));
	int			failed = 0;
	bool		stale = false;

	for (int i = 0; i < n; i++)
	{
		stale |= rules[i].source == FROM_ENGINE;
		if (rules[i].passed || rules[i].reaction != O2C_HOLD || rules[i].source == FROM_ORDER)
			continue;
		codes[failed] = rules[i].code;
		duties[failed] = rules[i].duty;
		reasons[failed++] = rules[i].message != NULL ? rules[i].message : psprintf("rule %s is not satisfied", rules[i].code);
	}
	if (failed > 0)
	{
		o2c_run(&place, O2C_ARGS(o2c_int8(document->company), o2c_int8(document->customer), o2c_int8(document->order_id),
								 o2c_datum(o2c_text_array(codes, failed)), o2c_datum(o2c_text_array(reasons, failed)), o2c_int8(decision),
								 o2c_datum(o2c_text_array(duties, failed))));
		notify_held(document, reasons, failed);
	}
	if (stale)
		o2c_run(&lift, O2C_ARGS(o2c_int8(document->company), o2c_int8(document->order_id), o2c_datum(o2c_text_array(codes, failed)),
							o2c_date(document->day), o2c_cstring(o2c_actor())));
}

/* What is not satisfied, in words. */
static char *
failure_text(const Rule *rules, int n)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < n; i++)
		if (!rules[i].passed && rules[i].reaction >= O2C_HOLD)
			appendStringInfo(&text, "%s%s", text.len == 0 ? "" : "; ",
							 rules[i].message != NULL ? rules[i].message : rules[i].code);
	return text.data;
}

/*
 * Evaluates a document: findings, decision, holds of an order; nothing moves
 * on here.  Where the caller wants to say why, *why names what stops it.
 */
O2cOutcome
o2c_checkpoint(const O2cCase *document, char **why)
{
	RuleList	list = read_rules(document);
	O2cOutcome	outcome;
	int64		decision;

	append_rules(&list, &find_releases, O2C_ARGS(o2c_int8(document->company), o2c_int8(document->order_id), o2c_date(document->day),
												 o2c_datum(NumericGetDatum(document->amount))));
	if (list.n == 0)
		return O2C_PASS;
	outcome = ask_rules(document, list.rules, list.n);
	if (why != NULL)
		*why = failure_text(list.rules, list.n);
	decision = store_decision(document, outcome, list.rules, list.n);
	if (strcmp(document->object_type, "sales_order") == 0)
		keep_holds(document, list.rules, list.n, decision);
	return outcome;
}

/*
 * Evaluates a document that is not written yet.  True when all rules need only
 * the case and are satisfied; the decision is stored.  Otherwise nothing is: the
 * document is to be written, and evaluated then.
 */
bool
o2c_checkpoint_early(const O2cCase *document)
{
	RuleList	list = read_rules(document);
	O2cCase		unwritten = *document;

	for (int i = 0; i < list.n; i++)
		if (!list.rules[i].early)
			return false;
	/* there is no order yet that a rule could look at */
	unwritten.order_id = 0;
	if (list.n > 0 && ask_rules(&unwritten, list.rules, list.n) != O2C_PASS)
		return false;
	if (list.n > 0)
		store_decision(document, O2C_PASS, list.rules, list.n);
	return true;
}
