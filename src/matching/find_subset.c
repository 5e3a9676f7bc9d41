/*-------------------------------------------------------------------------
 *
 * find_subset.c
 *		The search for a subset (subset.c) as a function of SQL.
 *
 * Amounts are numeric and have any number of digits: they are counted in units
 * of the last digit that one of them has.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/subset.h"

#include "core/money.h"
#include "funcapi.h"
#include "utils/array.h"

#define MAX_DIGITS 18
#define MAX_BUDGET (INT64CONST(1) << 27)

/* An array of amounts. */
typedef struct Amounts
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
} Amounts;

static const char *const statuses[] = {"none", "unique", "ambiguous", "unknown"};

/* Refuses what is no finite number. */
static void
check_amount(Datum amount, const char *what)
{
	Numeric		value = DatumGetNumeric(amount);

	if (numeric_is_nan(value) || numeric_is_inf(value))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("%s %s is not a finite number", what, o2c_numeric_text(value))));
}

/* An argument that is an array of amounts. */
static Amounts
amounts_arg(FunctionCallInfo fcinfo, int arg, const char *what)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(arg);
	Amounts		amounts;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("%ss must be a list, not an array of %d dimensions", what, ARR_NDIM(array))));
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &amounts.values, &amounts.nulls, &amounts.n);
	for (int i = 0; i < amounts.n; i++)
		if (!amounts.nulls[i])
			check_amount(amounts.values[i], what);
	return amounts;
}

/* Digits after the decimal point that an amount needs. */
static int
digits_of(Datum amount)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_min_scale, amount));
}

/* The most digits that an amount of a list needs. */
static int
most_digits(const Amounts *amounts, int digits)
{
	for (int i = 0; i < amounts->n; i++)
		if (!amounts->nulls[i])
			digits = Max(digits, digits_of(amounts->values[i]));
	return digits;
}

/* One, followed by so many zeros. */
static Numeric
power_of_ten(int digits)
{
	int64		power = 1;

	for (int i = 0; i < digits; i++)
		power *= 10;
	return o2c_int_numeric(power);
}

/* An amount in units. */
static int64
in_units(Datum amount, Numeric unit)
{
	Numeric		units = o2c_mul(DatumGetNumeric(amount), unit);
	Numeric		most = power_of_ten(MAX_DIGITS);

	if (o2c_cmp(units, most) > 0 || o2c_cmp(units, o2c_neg(most)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("amount %s is too large", o2c_numeric_text(DatumGetNumeric(amount))),
				 errdetail("Counted in the last digit of all the amounts, it is more than 10^%d.", MAX_DIGITS)));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(units)));
}

/* The items that two lists describe: amounts, and what may be paid instead. */
static O2cChoice *
make_items(const Amounts *amounts, const Amounts *discounted, Numeric unit)
{
	O2cChoice  *items = palloc_extended(sizeof(O2cChoice) * Max(amounts->n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	if (discounted->n > 0 && discounted->n != amounts->n)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("there are %d amounts, but %d discounted ones", amounts->n, discounted->n),
				 errhint("Give a discounted amount for each amount, null where there is none, or an empty list.")));
	for (int i = 0; i < amounts->n; i++)
	{
		if (amounts->nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("amounts must not be null")));
		items[i].amounts[items[i].n++] = in_units(amounts->values[i], unit);
		if (discounted->n > 0 && !discounted->nulls[i])
			items[i].amounts[items[i].n++] = in_units(discounted->values[i], unit);
	}
	return items;
}

/* Puts the solution into the columns positions and used. */
static void
solution_columns(const O2cSubset *found, const Amounts *amounts, const Amounts *discounted, Datum *positions, Datum *used)
{
	Datum	   *places = palloc(sizeof(Datum) * Max(amounts->n, 1));
	Datum	   *values = palloc(sizeof(Datum) * Max(amounts->n, 1));
	int			n = 0;

	for (int i = 0; i < amounts->n; i++)
	{
		if (found->choice[i] == 0)
			continue;
		places[n] = Int32GetDatum(i + 1);
		values[n++] = found->choice[i] == 1 ? amounts->values[i] : discounted->values[i];
	}
	*positions = PointerGetDatum(construct_array(places, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
	*used = PointerGetDatum(construct_array(values, n, NUMERICOID, -1, false, TYPALIGN_INT));
}

/* Refuses a tolerance or a budget that makes no sense. */
static void
check_limits(Datum tolerance, int64 budget)
{
	if (o2c_sign(DatumGetNumeric(tolerance)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("tolerance %s is negative", o2c_numeric_text(DatumGetNumeric(tolerance)))));
	if (budget < 0 || budget > MAX_BUDGET)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("budget " INT64_FORMAT " is not from 0 to " INT64_FORMAT, budget, MAX_BUDGET)));
}

/* One unit of the last digit that an amount has, as what an amount is multiplied with. */
static Numeric
find_unit(const Amounts *amounts, const Amounts *discounted, Datum target, Datum tolerance)
{
	int			digits = most_digits(amounts, most_digits(discounted, Max(digits_of(target), digits_of(tolerance))));

	if (digits > MAX_DIGITS)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("an amount has %d digits after the decimal point", digits),
				 errdetail("At most %d are allowed.", MAX_DIGITS)));
	return power_of_ten(digits);
}

/* A count as numeric: it may be too large for bigint. */
static Datum
count_datum(uint64 count)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(psprintf(UINT64_FORMAT, count)),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

PG_FUNCTION_INFO_V1(o2c_find_subset);
/* o2c.find_subset(amounts, target, tolerance, discounted, budget) */
Datum
o2c_find_subset(PG_FUNCTION_ARGS)
{
	Amounts		amounts = amounts_arg(fcinfo, 0, "amount");
	Amounts		discounted = amounts_arg(fcinfo, 3, "discounted amount");
	Datum		target = PG_GETARG_DATUM(1);
	Datum		tolerance = PG_GETARG_DATUM(2);
	int64		middle,
				margin;
	Numeric		unit;
	O2cSubset	found;
	Datum		values[5];
	bool		nulls[5] = {false};
	TupleDesc	desc;

	check_amount(target, "target");
	check_amount(tolerance, "tolerance");
	check_limits(tolerance, PG_GETARG_INT64(4));
	unit = find_unit(&amounts, &discounted, target, tolerance);
	middle = in_units(target, unit);
	margin = in_units(tolerance, unit);
	found = o2c_subset(make_items(&amounts, &discounted, unit), amounts.n, middle - margin, middle + margin, PG_GETARG_INT64(4));
	values[0] = CStringGetTextDatum(statuses[found.status]);
	values[1] = count_datum(found.solutions);
	values[2] = BoolGetDatum(found.same_amounts);
	solution_columns(&found, &amounts, &discounted, &values[3], &values[4]);
	nulls[1] = found.status == O2C_SUBSET_UNKNOWN;
	nulls[2] = nulls[3] = nulls[4] = found.solutions == 0;
	get_call_result_type(fcinfo, NULL, &desc);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
