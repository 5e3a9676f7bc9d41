/*-------------------------------------------------------------------------
 *
 * amount.c
 *		The arithmetic of documents, as EN 16931 has it: every line is rounded,
 *		tax is computed once per category and rate on the rounded lines.
 *
 *-------------------------------------------------------------------------
 */
#include "ordering/order.h"

#include "core/money.h"

/* quantity x unit price less discount, rounded to the currency (BT-131) */
Numeric
o2c_line_net(Numeric quantity, Numeric unit_price, Numeric discount_percent, int digits)
{
	Numeric		hundred = o2c_int_numeric(100);
	Numeric		gross = o2c_mul(quantity, unit_price);

	if (o2c_sign(discount_percent) == 0)
		return o2c_round(gross, digits);
	return o2c_round(o2c_div(o2c_mul(gross, o2c_sub(hundred, discount_percent)), hundred), digits);
}

/* The group of a line's category and rate, made when it is the first; n counts the groups. */
static int
find_group(const O2cTaxLine *line, O2cTaxGroup *groups, int *n)
{
	int			g;

	for (g = 0; g < *n; g++)
		if (strcmp(groups[g].category, line->category) == 0 && o2c_cmp(groups[g].rate, line->rate) == 0)
			return g;
	groups[g].category = line->category;
	groups[g].rate = line->rate;
	groups[g].taxable = o2c_zero();
	(*n)++;
	return g;
}

/* Sums the lines by category and rate and rounds each tax once (BR-CO-17); returns the number of groups. */
int
o2c_group_tax(O2cTaxLine *lines, int n, int digits, O2cTaxGroup *groups)
{
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		lines[i].tax_group = find_group(&lines[i], groups, &count);
		groups[lines[i].tax_group].taxable = o2c_add(groups[lines[i].tax_group].taxable, lines[i].net);
	}
	for (int g = 0; g < count; g++)
		groups[g].tax = o2c_round(o2c_div(o2c_mul(groups[g].taxable, groups[g].rate), o2c_int_numeric(100)), digits);
	return count;
}

PG_FUNCTION_INFO_V1(o2c_quantities_fit);
/* o2c._quantities_fit(quantity, confirmed, reserved, shipped, returned, invoiced, credited, cancelled) */
Datum
o2c_quantities_fit(PG_FUNCTION_ARGS)
{
	Numeric		q[8];
	enum
	{
		QUANTITY, CONFIRMED, RESERVED, SHIPPED, RETURNED, INVOICED, CREDITED, CANCELLED
	};

	for (int i = 0; i < lengthof(q); i++)
	{
		q[i] = PG_GETARG_NUMERIC(i);
		if (numeric_is_nan(q[i]) || numeric_is_inf(q[i]) || o2c_sign(q[i]) < 0)
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(o2c_sign(q[QUANTITY]) > 0 && o2c_cmp(o2c_add(q[CONFIRMED], q[CANCELLED]), q[QUANTITY]) <= 0 &&
				   o2c_cmp(o2c_add(q[RESERVED], q[SHIPPED]), q[CONFIRMED]) <= 0 &&
				   o2c_cmp(q[RETURNED], q[SHIPPED]) <= 0 &&
				   o2c_cmp(q[INVOICED], o2c_add(q[SHIPPED], q[CREDITED])) <= 0 &&
				   o2c_cmp(q[CREDITED], q[INVOICED]) <= 0);
}

/* The gross value of a part of a line; 4 digits are the most of any currency. */
static Numeric
part_value(FunctionCallInfo fcinfo, Numeric quantity)
{
	Numeric		gross;

	if (o2c_sign(quantity) == 0)
		return o2c_round(o2c_zero(), 4);
	gross = o2c_add(PG_GETARG_NUMERIC(0), PG_GETARG_NUMERIC(1));
	return o2c_round(o2c_div(o2c_mul(gross, quantity), PG_GETARG_NUMERIC(2)), 4);
}

PG_FUNCTION_INFO_V1(o2c_ordered_value);
/* o2c._ordered_value(net, tax, quantity, confirmed, shipped) */
Datum
o2c_ordered_value(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(o2c_sub(part_value(fcinfo, PG_GETARG_NUMERIC(3)), part_value(fcinfo, PG_GETARG_NUMERIC(4))));
}

/* What came back after it was credited for good: neither goods nor a claim are left of it. */
static Numeric
settled_quantity(Numeric kept, Numeric billed, Numeric waived)
{
	Numeric		returned = o2c_sub(billed, kept);

	if (o2c_sign(waived) == 0 || o2c_sign(returned) <= 0)
		return o2c_zero();
	return o2c_cmp(waived, returned) < 0 ? waived : returned;
}

PG_FUNCTION_INFO_V1(o2c_shipped_value);
/* o2c._shipped_value(net, tax, quantity, shipped, returned, invoiced, credited, waived) */
Datum
o2c_shipped_value(PG_FUNCTION_ARGS)
{
	Numeric		shipped = PG_GETARG_NUMERIC(3);
	Numeric		returned = PG_GETARG_NUMERIC(4);
	Numeric		invoiced = PG_GETARG_NUMERIC(5);
	Numeric		credited = PG_GETARG_NUMERIC(6);
	Numeric		settled = settled_quantity(o2c_sub(shipped, returned), o2c_sub(invoiced, credited), PG_GETARG_NUMERIC(7));
	Numeric		kept = o2c_sub(part_value(fcinfo, shipped), part_value(fcinfo, returned));
	Numeric		billed = o2c_sub(part_value(fcinfo, invoiced), part_value(fcinfo, o2c_add(credited, settled)));

	PG_RETURN_NUMERIC(o2c_sub(kept, billed));
}
