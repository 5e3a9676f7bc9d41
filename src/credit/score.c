/*-------------------------------------------------------------------------
 *
 * score.c
 *		payment_index(amount, days late): how promptly somebody pays; and
 *		Altman's Z' for companies that are not listed.
 *
 * An experience is an amount and the days it was paid after it was due.  Its
 * points lie on straight lines between those of the published PAYDEX table;
 * beyond the ends of the table the end counts, because nothing is published
 * there.  The index is the average of the points, weighted by amount.
 *
 * Points are counted in 1/168: the least unit in which every day between two
 * entries of the table has a whole number.  So the state, {sum(amount * units),
 * sum(amount), experiences}, is exact, states merge in any order, and rows
 * leave a moving frame without a trace.  Only the result divides.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "access/htup_details.h"
#include "core/money.h"
#include "core/state.h"
#include "funcapi.h"

#define UNITS_PER_POINT 168
#define LEAST_EXPERIENCES 3

typedef struct Mark
{
	int32		days;
	int32		points;
} Mark;

/* Negative days are early.  "Pays for the discount", 90, lies on the line between 30 days early and prompt. */
static const Mark marks[] = {{-30, 100}, {0, 80}, {15, 70}, {22, 60}, {30, 50}, {60, 40}, {90, 30}, {120, 20}};

/* The points of one experience, in 1/168. */
static int32
point_units(int32 days)
{
	const Mark *last = &marks[lengthof(marks) - 1];

	if (days <= marks[0].days)
		return marks[0].points * UNITS_PER_POINT;
	for (const Mark *m = marks; m < last; m++)
		if (days <= m[1].days)
			return m[0].points * UNITS_PER_POINT
				- (m[0].points - m[1].points) * UNITS_PER_POINT * (days - m[0].days) / (m[1].days - m[0].days);
	return last->points * UNITS_PER_POINT;
}

/* The state of fcinfo's first argument with one experience added to it or taken out of it. */
static Datum
move_experience(FunctionCallInfo fcinfo, Numeric (*move) (Numeric, Numeric))
{
	Numeric		amount = PG_GETARG_NUMERIC(1);
	Numeric		sums[3];

	o2c_require_finite(amount, "amount");
	if (o2c_sign(amount) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("a payment experience cannot have the amount %s", o2c_numeric_text(amount)),
				 errhint("Leave credits out; they are not paid.")));
	/* nothing was owed, so nothing was learnt */
	if (o2c_sign(amount) == 0)
		return PG_GETARG_DATUM(0);
	o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), sums, 3);
	sums[0] = move(sums[0], o2c_mul(amount, o2c_int_numeric(point_units(PG_GETARG_INT32(2)))));
	sums[1] = move(sums[1], amount);
	sums[2] = move(sums[2], o2c_int_numeric(1));
	PG_RETURN_ARRAYTYPE_P(o2c_state_make(sums, 3));
}

PG_FUNCTION_INFO_V1(o2c_payment_index_add);
/* o2c._payment_index_add(state, amount, days late) */
Datum
o2c_payment_index_add(PG_FUNCTION_ARGS)
{
	return move_experience(fcinfo, o2c_add);
}

PG_FUNCTION_INFO_V1(o2c_payment_index_remove);
/* o2c._payment_index_remove(state, amount, days late) */
Datum
o2c_payment_index_remove(PG_FUNCTION_ARGS)
{
	return move_experience(fcinfo, o2c_sub);
}

PG_FUNCTION_INFO_V1(o2c_payment_index_merge);
/* o2c._payment_index_merge(state, state) */
Datum
o2c_payment_index_merge(PG_FUNCTION_ARGS)
{
	Numeric		a[3];
	Numeric		b[3];

	o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), a, 3);
	o2c_state_read(PG_GETARG_ARRAYTYPE_P(1), b, 3);
	for (int i = 0; i < 3; i++)
		a[i] = o2c_add(a[i], b[i]);
	PG_RETURN_ARRAYTYPE_P(o2c_state_make(a, 3));
}

PG_FUNCTION_INFO_V1(o2c_payment_index_result);
/* o2c._payment_index_result(state): null with too few experiences */
Datum
o2c_payment_index_result(PG_FUNCTION_ARGS)
{
	Numeric		sums[3];

	o2c_state_read(PG_GETARG_ARRAYTYPE_P(0), sums, 3);
	if (o2c_cmp(sums[2], o2c_int_numeric(LEAST_EXPERIENCES)) < 0 || o2c_sign(sums[1]) <= 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(o2c_div(sums[0], o2c_mul(sums[1], o2c_int_numeric(UNITS_PER_POINT))));
}

PG_FUNCTION_INFO_V1(o2c_payment_points);
/* o2c.payment_points(days late) */
Datum
o2c_payment_points(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(o2c_div(o2c_int_numeric(point_units(PG_GETARG_INT32(0))), o2c_int_numeric(UNITS_PER_POINT)));
}

/* The arguments of altman_z, in order. */
enum
{
	WORKING_CAPITAL, RETAINED_EARNINGS, EBIT, BOOK_EQUITY, SALES, TOTAL_ASSETS, TOTAL_LIABILITIES, FIGURES
};

static const char *const figure_names[FIGURES] = {
	"working_capital", "retained_earnings", "ebit", "book_equity", "sales", "total_assets", "total_liabilities"
};

/* Weights in thousandths (Altman 1983, private firms); the last two figures only divide. */
static const int weights[FIGURES] = {717, 847, 3107, 420, 998, 0, 0};

/* Z' of finite figures whose divisors are positive. */
static Numeric
z_score(const Numeric *figures)
{
	Numeric		by_assets = o2c_zero();
	Numeric		by_debt = o2c_mul(o2c_int_numeric(weights[BOOK_EQUITY]), figures[BOOK_EQUITY]);

	for (int i = 0; i < TOTAL_ASSETS; i++)
		if (i != BOOK_EQUITY)
			by_assets = o2c_add(by_assets, o2c_mul(o2c_int_numeric(weights[i]), figures[i]));
	by_assets = o2c_div(by_assets, o2c_mul(o2c_int_numeric(1000), figures[TOTAL_ASSETS]));
	by_debt = o2c_div(by_debt, o2c_mul(o2c_int_numeric(1000), figures[TOTAL_LIABILITIES]));
	return o2c_add(by_assets, by_debt);
}

/* Above 2.9 is safe, below 1.23 distress; the bounds themselves are grey. */
static const char *
z_zone(Numeric z)
{
	Numeric		hundredfold = o2c_mul(z, o2c_int_numeric(100));

	if (o2c_cmp(hundredfold, o2c_int_numeric(290)) > 0)
		return "safe";
	return o2c_cmp(hundredfold, o2c_int_numeric(123)) < 0 ? "distress" : "grey";
}

PG_FUNCTION_INFO_V1(o2c_altman_z);
/* o2c.altman_z(figures...): null without assets or liabilities to divide by */
Datum
o2c_altman_z(PG_FUNCTION_ARGS)
{
	Numeric		figures[FIGURES];
	TupleDesc	desc;
	Numeric		z;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	for (int i = 0; i < FIGURES; i++)
	{
		figures[i] = PG_GETARG_NUMERIC(i);
		o2c_require_finite(figures[i], figure_names[i]);
	}
	if (o2c_sign(figures[TOTAL_ASSETS]) <= 0 || o2c_sign(figures[TOTAL_LIABILITIES]) <= 0)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "altman_z returns a row");
	z = z_score(figures);
	values[0] = NumericGetDatum(z);
	values[1] = CStringGetTextDatum(z_zone(z));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
