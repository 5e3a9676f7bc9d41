/*-------------------------------------------------------------------------
 *
 * approval.c
 *		Rules about what was agreed in an order: terms, prices, discounts.  They
 *		route an order to whoever may approve it: the duty that the row names.
 *
 * What a customer gets without asking is its own terms and prices; a rule finds
 * by how much an order goes beyond them.
 *
 *-------------------------------------------------------------------------
 */
#include "control/checkpoint.h"

#include "core/money.h"
#include "core/plan.h"

/* Runs a query over the order of the case; the table has no amounts of an order that is just submitted, so the case gives them. */
static bool
ask_order(FunctionCallInfo fcinfo, O2cPlan *find)
{
	return o2c_run(find, O2C_ARGS(o2c_int8(o2c_case_int8(fcinfo, "company_id")), o2c_int8(o2c_case_int8(fcinfo, "order_id")),
								  o2c_date(o2c_case_date(fcinfo, "day")), o2c_datum(NumericGetDatum(o2c_case_numeric(fcinfo, "amount"))))) > 0;
}

PG_FUNCTION_INFO_V1(o2c_rule_prepayment);
/* o2c.rule_prepayment(case, parameters): the order is to be paid in advance, or is */
Datum
o2c_rule_prepayment(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT o2c.is_prepayment(payment_terms) OR prepaid_amount >= $4, payment_terms FROM o2c.sales_order"
								   " WHERE company_id = $1 AND order_id = $2 AND $3 IS NOT NULL", INT8OID, INT8OID, DATEOID, NUMERICOID);

	o2c_connect();
	if (!ask_order(fcinfo, &find))
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, true, NULL, NULL, NULL));
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_row_bool(0, 1), NULL, NULL,
									psprintf("the customer buys against prepayment only, and the terms are %s", o2c_row_text(0, 2))));
}

/* What was paid in advance for an order, and what its terms ask for; terms that ask for nothing leave it out. */
static O2cPlan compare_prepaid = O2C_PLAN(
	"SELECT o.prepaid_amount, d.due, o.currency FROM o2c.sales_order o"
	" CROSS JOIN LATERAL (SELECT o2c.prepaid_amount(o.payment_terms, $4, o.currency) AS due) d"
	" WHERE o.company_id = $1 AND o.order_id = $2 AND $3 IS NOT NULL AND d.due > 0",
	INT8OID, INT8OID, DATEOID, NUMERICOID);

PG_FUNCTION_INFO_V1(o2c_rule_prepaid);
/* o2c.rule_prepaid(case, parameters): what the terms ask to be paid in advance was paid */
Datum
o2c_rule_prepaid(PG_FUNCTION_ARGS)
{
	Numeric		paid;
	Numeric		due;

	o2c_connect();
	if (!ask_order(fcinfo, &compare_prepaid))
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, true, NULL, NULL, NULL));
	paid = DatumGetNumeric(o2c_row_copy(0, 1).value);
	due = DatumGetNumeric(o2c_row_copy(0, 2).value);
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(paid, due) >= 0, paid, due,
									psprintf("%s %s are to be paid in advance, %s were paid", o2c_numeric_text(due), o2c_row_text(0, 3),
											 o2c_numeric_text(paid))));
}

/* Days that the order's terms are due later than the customer's own, whether they save more, and both. */
static O2cPlan compare_terms = O2C_PLAN(
	"SELECT o2c.due_date(o.payment_terms, $3) - o2c.due_date(w.terms, $3),"
	" (SELECT sum(s.discount_1_amount) FROM o2c.schedule(o.payment_terms, $3, $4, o.currency) s)"
	" > coalesce((SELECT sum(s.discount_1_amount) FROM o2c.schedule(w.terms, $3, $4, o.currency) s), 0), o.payment_terms, w.terms"
	" FROM o2c.sales_order o JOIN o2c.customer c ON c.company_id = $1 AND c.customer_id = o.customer_id"
	" JOIN o2c.company co ON co.company_id = $1 CROSS JOIN LATERAL (SELECT coalesce(c.payment_terms, co.payment_terms) AS terms) w"
	" WHERE o.company_id = $1 AND o.order_id = $2",
	INT8OID, INT8OID, DATEOID, NUMERICOID);

PG_FUNCTION_INFO_V1(o2c_rule_terms);
/* o2c.rule_terms(case, {"days"}): the terms are not better than the customer's own */
Datum
o2c_rule_terms(PG_FUNCTION_ARGS)
{
	int32		days = o2c_rule_days(fcinfo, "days", 0);
	int32		later;

	o2c_connect();
	if (!ask_order(fcinfo, &compare_terms))
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, true, NULL, NULL, NULL));
	later = o2c_row_int4(0, 1);
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, later <= days && !o2c_row_bool(0, 2), o2c_int_numeric(later), o2c_int_numeric(days),
									psprintf("the terms %s go beyond the customer's own, %s", o2c_row_text(0, 3), o2c_row_text(0, 4))));
}

/* The net amounts of the lines as ordered, and at the customer's prices, as place_order finds them. */
static O2cPlan compare_prices = O2C_PLAN(
	"SELECT sum(l.net_amount), sum(o2c.round_money(l.quantity * p.price, o.currency)) FROM o2c.sales_order o"
	" JOIN o2c.company co ON co.company_id = $1"
	" JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = o.order_id AND l.kind = 'item'"
	" JOIN o2c.product t ON t.company_id = $1 AND t.product_id = l.product_id"
	" CROSS JOIN LATERAL (SELECT coalesce((SELECT r.unit_price FROM o2c.customer_price_list c"
	" JOIN o2c.price_list pl ON pl.company_id = $1 AND pl.price_list_id = c.price_list_id AND pl.currency = o.currency"
	" JOIN o2c.price r ON r.company_id = $1 AND r.price_list_id = c.price_list_id AND r.product_id = l.product_id"
	" AND r.valid_from <= o.ordered_on AND r.min_quantity <= l.quantity"
	" WHERE c.company_id = $1 AND c.customer_id = o.customer_id ORDER BY c.priority, r.valid_from DESC, r.min_quantity DESC LIMIT 1),"
	" CASE WHEN coalesce(t.currency, co.currency) = o.currency THEN t.unit_price END) AS price) p"
	" WHERE o.company_id = $1 AND o.order_id = $2 AND p.price IS NOT NULL AND $3 IS NOT NULL HAVING sum(o2c.round_money(l.quantity * p.price, o.currency)) > 0",
	INT8OID, INT8OID, DATEOID);

PG_FUNCTION_INFO_V1(o2c_rule_price);
/* o2c.rule_price(case, {"percent"}): the lines are not below the customer's prices */
Datum
o2c_rule_price(PG_FUNCTION_ARGS)
{
	Numeric		percent = o2c_rule_parameter(fcinfo, "percent", o2c_zero());
	Numeric		missing;
	Numeric		own;
	Numeric		below;

	o2c_connect();
	if (!ask_order(fcinfo, &compare_prices))
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, true, NULL, percent, NULL));
	own = DatumGetNumeric(o2c_row_copy(0, 2).value);
	missing = o2c_mul(o2c_sub(own, DatumGetNumeric(o2c_row_copy(0, 1).value)), o2c_int_numeric(100));
	below = o2c_div(missing, own);
	/* compared without the quotient, which is rounded */
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(missing, o2c_mul(percent, own)) <= 0, below, percent,
									psprintf("the prices are %s %% below the customer's own", o2c_numeric_text(o2c_round(below, 2)))));
}

PG_FUNCTION_INFO_V1(o2c_rule_discount);
/* o2c.rule_discount(case, {"percent"}): no line has a higher discount */
Datum
o2c_rule_discount(PG_FUNCTION_ARGS)
{
	static O2cPlan find = O2C_PLAN("SELECT coalesce(max(discount_percent), 0) FROM o2c.order_line"
								   " WHERE company_id = $1 AND order_id = $2 AND $3 IS NOT NULL", INT8OID, INT8OID, DATEOID);
	Numeric		percent = o2c_rule_needs(fcinfo, "percent");
	Numeric		highest;

	o2c_connect();
	ask_order(fcinfo, &find);
	highest = DatumGetNumeric(o2c_row_copy(0, 1).value);
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(highest, percent) <= 0, highest, percent,
									psprintf("a line has a discount of %s %%, more than %s %%", o2c_numeric_text(highest), o2c_numeric_text(percent))));
}

/* What the order's items bring and cost; those without a cost in the order's currency are left out. */
static O2cPlan compare_costs = O2C_PLAN(
	"SELECT sum(l.net_amount * q.open / l.quantity), sum(t.cost * q.open) FROM o2c.sales_order o"
	" JOIN o2c.company co ON co.company_id = $1"
	" JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = o.order_id AND l.kind = 'item'"
	" CROSS JOIN LATERAL (SELECT l.quantity - l.cancelled_quantity AS open) q"
	" JOIN o2c.product t ON t.company_id = $1 AND t.product_id = l.product_id AND t.cost IS NOT NULL"
	" AND coalesce(t.currency, co.currency) = o.currency"
	" WHERE o.company_id = $1 AND o.order_id = $2 AND q.open > 0 HAVING count(*) > 0",
	INT8OID, INT8OID);

PG_FUNCTION_INFO_V1(o2c_rule_margin);
/* o2c.rule_margin(case, {"percent"}): the items bring that much more than they cost */
Datum
o2c_rule_margin(PG_FUNCTION_ARGS)
{
	Numeric		percent = o2c_rule_needs(fcinfo, "percent");
	Numeric		net;
	Numeric		gained;
	Numeric		margin = NULL;

	o2c_connect();
	if (!ask_order(fcinfo, &compare_costs))
		PG_RETURN_DATUM(o2c_rule_answer(fcinfo, true, NULL, percent, NULL));
	net = DatumGetNumeric(o2c_row_copy(0, 1).value);
	gained = o2c_mul(o2c_sub(net, DatumGetNumeric(o2c_row_copy(0, 2).value)), o2c_int_numeric(100));
	if (o2c_sign(net) > 0)
		margin = o2c_div(gained, net);
	/* compared without the quotient, which is rounded */
	PG_RETURN_DATUM(o2c_rule_answer(fcinfo, o2c_cmp(gained, o2c_mul(percent, net)) >= 0, margin, percent,
									margin == NULL ? "the items bring nothing and cost something"
									: psprintf("the margin is %s %%, less than %s %%", o2c_numeric_text(o2c_round(margin, 2)),
											   o2c_numeric_text(percent))));
}
