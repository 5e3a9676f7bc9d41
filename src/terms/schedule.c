/*-------------------------------------------------------------------------
 *
 * schedule.c
 *		From terms, a base date and an amount to dates and amounts.
 *
 * Every date is computed from the base date in one go: adding a month twice is
 * not adding two months.  The parts sum to the amount exactly (largest
 * remainder), and an amount below zero, a credit, is split like the amount
 * above zero.  A discounted amount is rounded once; the discount is what is
 * left of the part.
 *
 *-------------------------------------------------------------------------
 */
#include "terms/terms.h"

#include "catalog/pg_type_d.h"
#include "core/clock.h"
#include "core/money.h"
#include "funcapi.h"
#include "utils/datetime.h"

/* A day that the type date can hold. */
static DateADT
checked_date(int64 day)
{
	if (!IS_VALID_DATE(day))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("due date out of range"),
				 errdetail("The terms lead beyond the last date there is.")));
	return (DateADT) day;
}

/* The day of month that a date has, and the length of its month. */
static int
day_of_month(DateADT date, int *length)
{
	int			year,
				month,
				day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	*length = day_tab[isleap(year)][month - 1];
	return day;
}

/* The date of another day, at most the last one, so many months later. */
static DateADT
set_day(DateADT date, int months, int new_day)
{
	int			year,
				month,
				day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	month += months - 1;
	year += month / MONTHS_PER_YEAR;
	month %= MONTHS_PER_YEAR;
	day = Min(new_day > 0 ? new_day : day, day_tab[isleap(year)][month]);
	if (!IS_VALID_JULIAN(year, month + 1, day))
		return checked_date(PG_INT32_MAX);
	return checked_date((int64) date2j(year, month + 1, day) - POSTGRES_EPOCH_JDATE);
}

/* The first date from here on that has one of the days; 30 is the last of February. */
static DateADT
next_pay_day(DateADT date, uint32 days)
{
	for (;; date = checked_date((int64) date + 1))
	{
		int			length;
		int			day = day_of_month(date, &length);

		if (days >> day & 1 || (day == length && days >> day != 0))
			return date;
	}
}

/* The date that a rule gives, before the roll. */
static DateADT
apply_rule(const O2cDueRule *rule, DateADT base)
{
	int			length;
	int			months = rule->months;
	DateADT		date = base;

	if (rule->cutoff > 0 && day_of_month(base, &length) > Min(rule->cutoff, length))
		months++;
	if (months > 0)
		date = set_day(date, months, 0);
	date = checked_date((int64) date + rule->days);
	if (rule->eom)
		date = set_day(date, 0, 31);
	date = checked_date((int64) date + rule->days_after);
	if (rule->day > 0)
		date = set_day(date, 0, rule->day);
	if (rule->pay_days != 0)
		date = next_pay_day(date, rule->pay_days);
	return date;
}

/* Does nobody work on that day? */
static bool
is_day_off(DateADT date, ArrayType *holidays)
{
	int			weekday = j2day(date + POSTGRES_EPOCH_JDATE);
	const DateADT *days;
	int			n;

	if (weekday == 0 || weekday == 6)
		return true;
	if (holidays == NULL)
		return false;
	days = (const DateADT *) ARR_DATA_PTR(holidays);
	n = ArrayGetNItems(ARR_NDIM(holidays), ARR_DIMS(holidays));
	for (int i = 0; i < n; i++)
		if (days[i] == date)
			return true;
	return false;
}

/* The next day of work in a direction. */
static DateADT
next_work_day(DateADT date, int step, ArrayType *holidays)
{
	while (is_day_off(date, holidays))
		date = checked_date((int64) date + step);
	return date;
}

/* Are two dates in the same month? */
static bool
same_month(DateADT a, DateADT b)
{
	return set_day(a, 0, 1) == set_day(b, 0, 1);
}

/* The due date moved to a day of work. */
static DateADT
apply_roll(DateADT date, O2cRoll roll, ArrayType *holidays)
{
	int			step = roll == O2C_ROLL_FOLLOWING || roll == O2C_ROLL_MODIFIED_FOLLOWING ? 1 : -1;
	bool		modified = roll == O2C_ROLL_MODIFIED_FOLLOWING || roll == O2C_ROLL_MODIFIED_PREVIOUS;
	DateADT		rolled;

	if (roll == O2C_ROLL_NONE)
		return date;
	rolled = next_work_day(date, step, holidays);
	if (modified && !same_month(rolled, date))
		rolled = next_work_day(date, -step, holidays);
	return rolled;
}

/* The date from which terms are counted. */
static DateADT
resolve_base(const O2cTerms *terms, DateADT base_on)
{
	if (DATE_NOT_FINITE(base_on))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("payment terms need a finite base date")));
	if (terms->base == O2C_BASE_FIXED)
		return terms->base_date;
	if (terms->base & O2C_BASE_FIXED)
		return Max(terms->base_date, base_on);
	return base_on;
}

/* When an instalment is due: never before the base date of the document. */
static DateADT
instalment_due(const O2cTerms *terms, const O2cInstalment *instalment, DateADT base_on, ArrayType *holidays)
{
	DateADT		base = resolve_base(terms, base_on);
	DateADT		due;

	if (instalment->kind != O2C_DUE_BY_RULE)
		return base_on;
	due = apply_roll(apply_rule(&instalment->due, base), terms->roll, holidays);
	return Max(due, base_on);
}

/* When the last instalment is due. */
DateADT
o2c_last_due_date(const O2cTerms *terms, DateADT base_on, ArrayType *holidays)
{
	DateADT		last = base_on;

	for (int i = 0; i < terms->n; i++)
		last = Max(last, instalment_due(terms, &terms->instalments[i], base_on, holidays));
	return last;
}

/* Millionths as numeric. */
static Numeric
term_numeric(int64 value, int scale)
{
	return int64_div_fast_to_numeric(value, scale);
}

/* An amount that can be split into minor units of the currency. */
static void
check_amount(Numeric amount, int digits)
{
	if (numeric_is_nan(amount) || numeric_is_inf(amount))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the amount of a payment schedule must be finite")));
	if (o2c_cmp(amount, o2c_round(amount, digits)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("the amount of a payment schedule has more than %d decimal places", digits),
				 errhint("Round it to the currency first, see o2c.round_money().")));
}

/* Takes the fixed parts from what is left of a total; a part is at most that. */
static Numeric
take_fixed_parts(const O2cTerms *terms, Numeric left, int digits, Numeric *parts)
{
	for (int i = 0; i < terms->n; i++)
		if (terms->instalments[i].share == O2C_SHARE_FIXED)
		{
			parts[i] = o2c_round(term_numeric(terms->instalments[i].size, O2C_TERM_SCALE), digits);
			if (o2c_cmp(parts[i], left) > 0)
				parts[i] = left;
			left = o2c_sub(left, parts[i]);
		}
	return left;
}

/* What each part weighs; the fixed ones nothing, the balance what is left. */
static void
weigh_parts(const O2cTerms *terms, Numeric total, Numeric left, Numeric *weights)
{
	for (int i = 0; i < terms->n; i++)
	{
		const O2cInstalment *instalment = &terms->instalments[i];

		if (instalment->share == O2C_SHARE_EQUAL)
			weights[i] = term_numeric(O2C_TERM_UNIT, O2C_TERM_SCALE);
		else if (instalment->share == O2C_SHARE_PERCENT)
			weights[i] = o2c_mul(total, term_numeric(instalment->size, O2C_TERM_SCALE + 2));
		else if (instalment->share == O2C_SHARE_REST && o2c_sign(left) > 0)
			weights[i] = left;
		else
			weights[i] = o2c_zero();
		if (instalment->share == O2C_SHARE_PERCENT)
			left = o2c_sub(left, weights[i]);
	}
}

/* The amounts of the instalments, which sum to the amount. */
static Numeric *
split_amount(const O2cTerms *terms, Numeric amount, int digits)
{
	bool		negative = o2c_sign(amount) < 0;
	Numeric		total = o2c_round(negative ? o2c_neg(amount) : amount, digits);
	Numeric    *fixed = palloc0(sizeof(Numeric) * terms->n);
	Numeric    *weights = palloc(sizeof(Numeric) * terms->n);
	Numeric    *parts = palloc(sizeof(Numeric) * terms->n);
	Numeric		left;

	check_amount(amount, digits);
	if (terms->n == 1)
	{
		parts[0] = o2c_round(amount, digits);
		return parts;
	}
	left = take_fixed_parts(terms, total, digits, fixed);
	weigh_parts(terms, total, left, weights);
	o2c_allocate(left, weights, terms->n, digits, parts);
	for (int i = 0; i < terms->n; i++)
	{
		if (fixed[i] != NULL)
			parts[i] = fixed[i];
		if (negative)
			parts[i] = o2c_neg(parts[i]);
	}
	return parts;
}

/* What an instalment saves when it is paid early, and until when. */
static void
fill_discounts(const O2cTerms *terms, const O2cInstalment *instalment, DateADT base_on, int digits, O2cPayment *payment)
{
	DateADT		base = resolve_base(terms, base_on);

	payment->ntiers = instalment->ntiers;
	for (int i = 0; i < instalment->ntiers; i++)
	{
		const O2cTier *tier = &instalment->tiers[i];
		DateADT		until = Max(apply_rule(&tier->until, base), base_on);
		Numeric		payable = o2c_mul(payment->amount, term_numeric(O2C_WHOLE - tier->percent, O2C_TERM_SCALE + 2));

		payment->discount_until[i] = Min(until, payment->due_on);
		payment->discount[i] = o2c_sub(payment->amount, o2c_round(payable, digits));
	}
}

/*
 * The schedule of an amount: one payment for each instalment.  Digits are the
 * minor units of the currency; holidays, which may be NULL, hold no nulls.
 */
O2cPayment *
o2c_schedule_payments(const O2cTerms *terms, DateADT base_on, Numeric amount, int digits, ArrayType *holidays)
{
	O2cPayment *payments = palloc0(sizeof(O2cPayment) * terms->n);
	Numeric    *parts = split_amount(terms, amount, digits);

	for (int i = 0; i < terms->n; i++)
	{
		const O2cInstalment *instalment = &terms->instalments[i];

		payments[i].amount = parts[i];
		payments[i].due_on = instalment_due(terms, instalment, base_on, holidays);
		fill_discounts(terms, instalment, base_on, digits, &payments[i]);
	}
	return payments;
}

/* The part of an amount that is to be paid before anything is shipped. */
Numeric
o2c_prepaid_amount(const O2cTerms *terms, Numeric amount, int digits)
{
	Numeric    *parts = split_amount(terms, amount, digits);
	Numeric		prepaid = o2c_zero();

	for (int i = 0; i < terms->n; i++)
		if (o2c_kind_is_advance(terms->instalments[i].kind))
			prepaid = o2c_add(prepaid, parts[i]);
	return prepaid;
}

/* Is the whole amount to be paid before anything is shipped? */
bool
o2c_is_prepayment(const O2cTerms *terms)
{
	for (int i = 0; i < terms->n; i++)
		if (!o2c_kind_is_advance(terms->instalments[i].kind))
			return false;
	return true;
}

/* The holidays that a function was given, or NULL. */
static ArrayType *
holidays_argument(FunctionCallInfo fcinfo, int n)
{
	ArrayType  *holidays = PG_ARGISNULL(n) ? NULL : PG_GETARG_ARRAYTYPE_P(n);

	if (holidays != NULL && array_contains_nulls(holidays))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("holidays must not be null")));
	return holidays;
}

/* One row of o2c.schedule(). */
static void
put_payment(ReturnSetInfo *rsinfo, int place, const O2cPayment *payment)
{
	Datum		values[3 + 2 * O2C_MAX_TIERS];
	bool		nulls[3 + 2 * O2C_MAX_TIERS];

	memset(nulls, true, sizeof(nulls));
	memset(nulls, false, 3 + 2 * payment->ntiers);
	values[0] = Int32GetDatum(place + 1);
	values[1] = DateADTGetDatum(payment->due_on);
	values[2] = NumericGetDatum(payment->amount);
	for (int i = 0; i < payment->ntiers; i++)
	{
		values[3 + 2 * i] = DateADTGetDatum(payment->discount_until[i]);
		values[4 + 2 * i] = NumericGetDatum(payment->discount[i]);
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(o2c_schedule);
/* o2c.schedule(terms, base_on, amount, currency, holidays) */
Datum
o2c_schedule(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const O2cTerms *terms;
	O2cPayment *payments;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < 4; i++)
		if (PG_ARGISNULL(i))
			return (Datum) 0;
	terms = o2c_terms(PG_GETARG_TEXT_PP(0));
	payments = o2c_schedule_payments(terms, PG_GETARG_DATEADT(1), PG_GETARG_NUMERIC(2),
									 o2c_minor_units_text(PG_GETARG_TEXT_PP(3)), holidays_argument(fcinfo, 4));
	for (int i = 0; i < terms->n; i++)
		put_payment(rsinfo, i, &payments[i]);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(o2c_due_date);
/* o2c.due_date(terms, base_on, holidays) */
Datum
o2c_due_date(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(o2c_last_due_date(o2c_terms(PG_GETARG_TEXT_PP(0)), PG_GETARG_DATEADT(1),
										holidays_argument(fcinfo, 2)));
}

PG_FUNCTION_INFO_V1(o2c_prepaid_amount_sql);
/* o2c.prepaid_amount(terms, amount, currency) */
Datum
o2c_prepaid_amount_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(o2c_prepaid_amount(o2c_terms(PG_GETARG_TEXT_PP(0)), PG_GETARG_NUMERIC(1),
										 o2c_minor_units_text(PG_GETARG_TEXT_PP(2))));
}

PG_FUNCTION_INFO_V1(o2c_is_prepayment_sql);
/* o2c.is_prepayment(terms) */
Datum
o2c_is_prepayment_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(o2c_is_prepayment(o2c_terms(PG_GETARG_TEXT_PP(0))));
}
