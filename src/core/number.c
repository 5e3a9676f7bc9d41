/*-------------------------------------------------------------------------
 *
 * number.c
 *		Draws document numbers from a series.
 *
 * A gapless series is one counter row: it is drawn in the last statements
 * before commit, because whoever draws holds up all others until then, and a
 * rollback gives the numbers back.  Other series draw from a sequence and wait
 * for nobody.  A yearly series has one counter row a year, made on first use.
 *
 *-------------------------------------------------------------------------
 */
#include "core/number.h"

#include "core/clock.h"
#include "core/plan.h"
#include "utils/datetime.h"

/* The year of a date. */
static int
year_of(DateADT day)
{
	int			year,
				month,
				dom;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &dom);
	return year;
}

/* Takes numbers from a counter row; false when the year has none yet. */
static bool
draw_from_counter(int64 company, const char *series, int year, int64 count, O2cNumbers *numbers)
{
	static O2cPlan draw = O2C_PLAN("UPDATE o2c.number_series SET last_number = last_number + $4"
								   " WHERE company_id = $1 AND series = $2 AND year = $3"
								   " RETURNING last_number - $4 + 1", INT8OID, TEXTOID, INT4OID, INT8OID);

	if (o2c_run(&draw, O2C_ARGS(o2c_int8(company), o2c_cstring(series), o2c_int4(year), o2c_int8(count))) == 0)
		return false;
	numbers->first = o2c_row_int8(0, 1);
	return true;
}

/* Takes numbers from the counter of a year, which is made when it is the first. */
static void
draw_gapless(int64 company, const char *series, int64 count, O2cNumbers *numbers)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.number_series (company_id, series, year, prefix, digits, gapless, yearly)"
								  " SELECT company_id, series, $3, prefix, digits, gapless, yearly FROM o2c.number_series"
								  " WHERE company_id = $1 AND series = $2 AND year = 0"
								  " ON CONFLICT DO NOTHING", INT8OID, TEXTOID, INT4OID);

	while (!draw_from_counter(company, series, numbers->year, count, numbers))
		o2c_run(&add, O2C_ARGS(o2c_int8(company), o2c_cstring(series), o2c_int4(numbers->year)));
}

/*
 * Draws consecutive numbers from a gapless series, or one number from any other.
 */
O2cNumbers
o2c_draw_numbers(int64 company, const char *series, DateADT day, int64 count)
{
	static O2cPlan find = O2C_PLAN("SELECT prefix, digits, yearly, CASE WHEN NOT gapless THEN nextval(sequence::regclass) END"
								   " FROM o2c.number_series WHERE company_id = $1 AND series = $2 AND year = 0", INT8OID, TEXTOID);
	O2cNumbers	numbers;

	if (o2c_run(&find, O2C_ARGS(o2c_int8(company), o2c_cstring(series))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no number series \"%s\"", (long long) company, series),
				 errhint("Add it to o2c.number_series.")));
	numbers.prefix = o2c_row_text(0, 1);
	numbers.digits = o2c_row_int4(0, 2);
	numbers.year = o2c_row_bool(0, 3) ? year_of(day) : 0;
	numbers.first = o2c_row_int8(0, 4);
	if (numbers.first == 0)
		draw_gapless(company, series, count, &numbers);
	else if (count != 1)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("number series \"%s\" must be gapless", series),
				 errhint("Documents that are numbered many at a time need a gapless series.")));
	return numbers;
}

/* The number at a place of a draw, as printed: prefix, year, digits. */
char *
o2c_format_number(const O2cNumbers *numbers, int64 place)
{
	char	   *year = numbers->year == 0 ? "" : psprintf("%d-", numbers->year);

	return psprintf("%s%s%0*lld", numbers->prefix, year, numbers->digits, (long long) (numbers->first + place));
}
