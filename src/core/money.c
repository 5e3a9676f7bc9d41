/*-------------------------------------------------------------------------
 *
 * money.c
 *		Rounding by currency, exact splitting, and the ISO 4217 list.
 *
 * A split never loses a minor unit: every part is rounded down and the units
 * that are left go to the largest remainders, the first one on a tie.
 *
 *-------------------------------------------------------------------------
 */
#include "core/money.h"

#include <math.h>

#include "core/plan.h"
#include "funcapi.h"
#include "utils/array.h"

typedef struct Currency
{
	char		code[4];
	int			minor_units;
} Currency;

/* ISO 4217 list one, active currencies, by code (sorted for bsearch). */
static const Currency currencies[] = {
	{"AED", 2}, {"AFN", 2}, {"ALL", 2}, {"AMD", 2}, {"ANG", 2}, {"AOA", 2},
	{"ARS", 2}, {"AUD", 2}, {"AWG", 2}, {"AZN", 2}, {"BAM", 2}, {"BBD", 2},
	{"BDT", 2}, {"BGN", 2}, {"BHD", 3}, {"BIF", 0}, {"BMD", 2}, {"BND", 2},
	{"BOB", 2}, {"BOV", 2}, {"BRL", 2}, {"BSD", 2}, {"BTN", 2}, {"BWP", 2},
	{"BYN", 2}, {"BZD", 2}, {"CAD", 2}, {"CDF", 2}, {"CHE", 2}, {"CHF", 2},
	{"CHW", 2}, {"CLF", 4}, {"CLP", 0}, {"CNY", 2}, {"COP", 2}, {"COU", 2},
	{"CRC", 2}, {"CUP", 2}, {"CVE", 2}, {"CZK", 2}, {"DJF", 0}, {"DKK", 2},
	{"DOP", 2}, {"DZD", 2}, {"EGP", 2}, {"ERN", 2}, {"ETB", 2}, {"EUR", 2},
	{"FJD", 2}, {"FKP", 2}, {"GBP", 2}, {"GEL", 2}, {"GHS", 2}, {"GIP", 2},
	{"GMD", 2}, {"GNF", 0}, {"GTQ", 2}, {"GYD", 2}, {"HKD", 2}, {"HNL", 2},
	{"HTG", 2}, {"HUF", 2}, {"IDR", 2}, {"ILS", 2}, {"INR", 2}, {"IQD", 3},
	{"IRR", 2}, {"ISK", 0}, {"JMD", 2}, {"JOD", 3}, {"JPY", 0}, {"KES", 2},
	{"KGS", 2}, {"KHR", 2}, {"KMF", 0}, {"KPW", 2}, {"KRW", 0}, {"KWD", 3},
	{"KYD", 2}, {"KZT", 2}, {"LAK", 2}, {"LBP", 2}, {"LKR", 2}, {"LRD", 2},
	{"LSL", 2}, {"LYD", 3}, {"MAD", 2}, {"MDL", 2}, {"MGA", 2}, {"MKD", 2},
	{"MMK", 2}, {"MNT", 2}, {"MOP", 2}, {"MRU", 2}, {"MUR", 2}, {"MVR", 2},
	{"MWK", 2}, {"MXN", 2}, {"MXV", 2}, {"MYR", 2}, {"MZN", 2}, {"NAD", 2},
	{"NGN", 2}, {"NIO", 2}, {"NOK", 2}, {"NPR", 2}, {"NZD", 2}, {"OMR", 3},
	{"PAB", 2}, {"PEN", 2}, {"PGK", 2}, {"PHP", 2}, {"PKR", 2}, {"PLN", 2},
	{"PYG", 0}, {"QAR", 2}, {"RON", 2}, {"RSD", 2}, {"RUB", 2}, {"RWF", 0},
	{"SAR", 2}, {"SBD", 2}, {"SCR", 2}, {"SDG", 2}, {"SEK", 2}, {"SGD", 2},
	{"SHP", 2}, {"SLE", 2}, {"SOS", 2}, {"SRD", 2}, {"SSP", 2}, {"STN", 2},
	{"SVC", 2}, {"SYP", 2}, {"SZL", 2}, {"THB", 2}, {"TJS", 2}, {"TMT", 2},
	{"TND", 3}, {"TOP", 2}, {"TRY", 2}, {"TTD", 2}, {"TWD", 2}, {"TZS", 2},
	{"UAH", 2}, {"UGX", 0}, {"USD", 2}, {"USN", 2}, {"UYI", 0}, {"UYU", 2},
	{"UYW", 4}, {"UZS", 2}, {"VED", 2}, {"VES", 2}, {"VND", 0}, {"VUV", 0},
	{"WST", 2}, {"XAD", 2}, {"XAF", 0}, {"XCD", 2}, {"XCG", 2}, {"XOF", 0},
	{"XPF", 0}, {"YER", 2}, {"ZAR", 2}, {"ZMW", 2}, {"ZWG", 2}
};

/* Order of two list entries by code. */
static int
compare_currency(const void *a, const void *b)
{
	return strcmp(((const Currency *) a)->code, ((const Currency *) b)->code);
}

/* Digits after the decimal point of a currency (ISO 4217). */
int
o2c_minor_units(const char *currency)
{
	static const Currency *last = NULL; /* most rows have the currency of the one before */
	Currency	key;
	const Currency *found;

	if (last != NULL && strcmp(last->code, currency) == 0)
		return last->minor_units;
	strlcpy(key.code, currency, sizeof(key.code));
	found = bsearch(&key, currencies, lengthof(currencies), sizeof(Currency), compare_currency);
	if (found == NULL || strlen(currency) != 3)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("currency \"%s\" is not in ISO 4217", currency),
				 errhint("Use a code such as EUR, in capital letters; o2c.currency lists them.")));
	last = found;
	return found->minor_units;
}

/* The same for a text value. */
int
o2c_minor_units_text(text *currency)
{
	return o2c_minor_units(text_to_cstring(currency));
}

/* Rounds half away from zero. */
Numeric
o2c_round(Numeric amount, int digits)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(amount), Int32GetDatum(digits)));
}

/* An integer as numeric. */
Numeric
o2c_int_numeric(int64 value)
{
	return int64_to_numeric(value);
}

/* Zero. */
Numeric
o2c_zero(void)
{
	return int64_to_numeric(0);
}

/* a + b */
Numeric
o2c_add(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_add, NumericGetDatum(a), NumericGetDatum(b)));
}

/* a - b */
Numeric
o2c_sub(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_sub, NumericGetDatum(a), NumericGetDatum(b)));
}

/* a * b */
Numeric
o2c_mul(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_mul, NumericGetDatum(a), NumericGetDatum(b)));
}

/* a / b */
Numeric
o2c_div(Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_div, NumericGetDatum(a), NumericGetDatum(b)));
}

/* -a */
Numeric
o2c_neg(Numeric a)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_uminus, NumericGetDatum(a)));
}

/* Less than, equal to or greater than zero as a is to b. */
int
o2c_cmp(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

/* -1, 0 or 1. */
int
o2c_sign(Numeric a)
{
	int			c = o2c_cmp(a, o2c_zero());

	return c < 0 ? -1 : c > 0;
}

/* The amount as people read it. */
char *
o2c_numeric_text(Numeric a)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(a)));
}

/* A part of a split while its units are still being given out. */
typedef struct Share
{
	int			place;
	Numeric		remainder;
} Share;

/* Largest remainder first, then the first place. */
static int
compare_share(const void *a, const void *b)
{
	int			c = o2c_cmp(((const Share *) b)->remainder, ((const Share *) a)->remainder);

	return c != 0 ? c : ((const Share *) a)->place - ((const Share *) b)->place;
}

/* The smallest amount with so many digits. */
static Numeric
minor_unit(int digits)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(psprintf("1e-%d", digits)),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Gives the units that are left of a split to the largest remainders. */
static void
distribute_rest(Numeric rest, Numeric unit, Share *shares, int n, Numeric *parts)
{
	qsort(shares, n, sizeof(Share), compare_share);
	for (int i = 0; i < n && o2c_cmp(rest, unit) >= 0; i++)
	{
		parts[shares[i].place] = o2c_add(parts[shares[i].place], unit);
		rest = o2c_sub(rest, unit);
	}
}

/*
 * The part of a whole that a weight has, rounded down, and what that leaves.  A
 * rounded quotient could exceed the exact one, so the division is one of
 * integers; the remainders are multiples of 1/sum, which compares them exactly.
 */
static Numeric
round_down_share(Numeric whole, Numeric weight, Numeric sum, Numeric unit, Numeric *remainder)
{
	Numeric		product = o2c_mul(whole, weight);
	Datum		units = DirectFunctionCall2(numeric_div_trunc, NumericGetDatum(product), NumericGetDatum(o2c_mul(sum, unit)));
	Numeric		part = o2c_mul(DatumGetNumeric(units), unit);

	*remainder = o2c_sub(product, o2c_mul(part, sum));
	return part;
}

/*
 * Splits a total over weights so that the parts, each rounded, sum to it
 * exactly (largest remainder method).  A negative total is the mirror image
 * of the positive one; without any weight the first part takes all.
 */
void
o2c_allocate(Numeric total, const Numeric *weights, int n, int digits, Numeric *parts)
{
	bool		negative = o2c_sign(total) < 0;
	Numeric		whole = negative ? o2c_neg(total) : total;
	Numeric		rest = whole;
	Numeric		sum = o2c_zero();
	Numeric		unit = minor_unit(digits);
	Share	   *shares = palloc(sizeof(Share) * Max(n, 1));

	for (int i = 0; i < n; i++)
		sum = o2c_add(sum, weights[i]);
	for (int i = 0; i < n; i++)
	{
		shares[i].place = i;
		shares[i].remainder = o2c_zero();
		if (o2c_sign(sum) == 0)
			parts[i] = i == 0 ? whole : o2c_zero();
		else
			parts[i] = round_down_share(whole, weights[i], sum, unit, &shares[i].remainder);
		rest = o2c_sub(rest, parts[i]);
	}
	distribute_rest(rest, unit, shares, n, parts);
	for (int i = 0; negative && i < n; i++)
		parts[i] = o2c_neg(parts[i]);
}

PG_FUNCTION_INFO_V1(o2c_minor_units_sql);
/* o2c.minor_units(currency) */
Datum
o2c_minor_units_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(o2c_minor_units_text(PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(o2c_round_money);
/* o2c.round_money(amount, currency) */
Datum
o2c_round_money(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(o2c_round(PG_GETARG_NUMERIC(0), o2c_minor_units_text(PG_GETARG_TEXT_PP(1))));
}

PG_FUNCTION_INFO_V1(o2c_allocate_sql);
/* o2c.allocate(total, weights, currency) */
Datum
o2c_allocate_sql(PG_FUNCTION_ARGS)
{
	Numeric		total = PG_GETARG_NUMERIC(0);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	int			digits = o2c_minor_units_text(PG_GETARG_TEXT_PP(2));
	Datum	   *elements;
	int			n;
	Numeric    *weights;
	Numeric    *parts;

	if (numeric_is_nan(total) || numeric_is_inf(total) || o2c_cmp(total, o2c_round(total, digits)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("total %s is not an amount of the currency", o2c_numeric_text(total)),
				 errhint("Round it first, see o2c.round_money().")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT), errmsg("weights must not be null")));
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	weights = palloc(sizeof(Numeric) * Max(n, 1));
	parts = palloc(sizeof(Numeric) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		weights[i] = DatumGetNumeric(elements[i]);
		if (o2c_sign(weights[i]) < 0 || numeric_is_nan(weights[i]) || numeric_is_inf(weights[i]))
			ereport(ERROR,
					(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
					 errmsg("weights must be finite and not negative")));
	}
	o2c_allocate(total, weights, n, digits, parts);
	for (int i = 0; i < n; i++)
		elements[i] = NumericGetDatum(parts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, NUMERICOID, -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(o2c_iso_4217);
/* o2c.iso_4217(): the list that fills o2c.currency */
Datum
o2c_iso_4217(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(currencies); i++)
	{
		Datum		values[2] = {CStringGetTextDatum(currencies[i].code), Int32GetDatum(currencies[i].minor_units)};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(o2c_is_amount);
/* o2c._is_amount(value) */
Datum
o2c_is_amount(PG_FUNCTION_ARGS)
{
	Numeric		value = PG_GETARG_NUMERIC(0);

	PG_RETURN_BOOL(!numeric_is_nan(value) && !numeric_is_inf(value) && o2c_sign(value) >= 0);
}

PG_FUNCTION_INFO_V1(o2c_is_positive);
/* o2c._is_positive(value) */
Datum
o2c_is_positive(PG_FUNCTION_ARGS)
{
	Numeric		value = PG_GETARG_NUMERIC(0);

	PG_RETURN_BOOL(!numeric_is_nan(value) && !numeric_is_inf(value) && o2c_sign(value) > 0);
}
