/*-------------------------------------------------------------------------
 *
 * clock.c
 *		The injected clock and the session's company.
 *
 * Every rule reads the business date from here.  o2c.business_date may be set
 * by superusers and by those to whom the DBA grants SET ON PARAMETER; without
 * it the business date is current_date.  The same people may set the time of
 * day, o2c.business_time, for what is counted in hours.  o2c.company is free to
 * set: it names the default of an argument and gives no rights.
 *
 *-------------------------------------------------------------------------
 */
#include "core/clock.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

static char *business_date_setting = NULL;
static char *business_time_setting = NULL;
static char *company_setting = NULL;

/* The parsed values, kept as the "extra" of the settings. */
static DateADT *business_date = NULL;
static TimeADT *business_time = NULL;
static int64 *company = NULL;

/* o2c.business_date: a date in ISO form, or empty. */
static bool
check_business_date(char **newval, void **extra, GucSource source)
{
	int			year,
				month,
				day;
	char		rest;
	DateADT    *parsed;

	if (*newval == NULL || **newval == '\0')
		return true;
	if (sscanf(*newval, "%4d-%2d-%2d%c", &year, &month, &day, &rest) != 3 ||
		month < 1 || month > 12 || day < 1 || year < 1 ||
		day > day_tab[isleap(year)][month - 1])
	{
		GUC_check_errdetail("o2c.business_date takes a date such as 2026-01-31, or nothing for today.");
		return false;
	}
	parsed = o2c_guc_malloc(sizeof(DateADT));
	if (parsed == NULL)
		return false;
	*parsed = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	*extra = parsed;
	return true;
}

/* Takes the parsed date over. */
static void
assign_business_date(const char *newval, void *extra)
{
	business_date = extra;
}

/* o2c.business_time: hours and minutes, with or without seconds, or empty. */
static bool
check_business_time(char **newval, void **extra, GucSource source)
{
	int			hour,
				minute,
				second = 0;
	int			end = 0;
	int			fields;
	TimeADT    *parsed;

	if (*newval == NULL || **newval == '\0')
		return true;
	fields = sscanf(*newval, "%2d:%2d%n:%2d%n", &hour, &minute, &end, &second, &end);
	if (fields < 2 || (*newval)[end] != '\0' ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
	{
		GUC_check_errdetail("o2c.business_time takes a time of day such as 14:30, or nothing for the clock's.");
		return false;
	}
	parsed = o2c_guc_malloc(sizeof(TimeADT));
	if (parsed == NULL)
		return false;
	*parsed = ((hour * MINS_PER_HOUR + minute) * INT64CONST(60) + second) * USECS_PER_SEC;
	*extra = parsed;
	return true;
}

/* Takes the parsed time of day over. */
static void
assign_business_time(const char *newval, void *extra)
{
	business_time = extra;
}

/* o2c.company: the id of a company. */
static bool
check_company(char **newval, void **extra, GucSource source)
{
	char	   *end;
	int64	   *parsed;
	long long	value;

	if (*newval == NULL)
		return false;
	errno = 0;
	value = strtoll(*newval, &end, 10);
	if (errno != 0 || end == *newval || *end != '\0' || value <= 0)
	{
		GUC_check_errdetail("o2c.company takes the id of a company, such as 1.");
		return false;
	}
	parsed = o2c_guc_malloc(sizeof(int64));
	if (parsed == NULL)
		return false;
	*parsed = value;
	*extra = parsed;
	return true;
}

/* Takes the parsed id over. */
static void
assign_company(const char *newval, void *extra)
{
	company = extra;
}

/* Defines the settings; called once when the library is loaded. */
void
o2c_clock_init(void)
{
	DefineCustomStringVariable("o2c.business_date",
							   "The date that every rule takes for today; empty means current_date.",
							   NULL, &business_date_setting, "", PGC_SUSET, 0,
							   check_business_date, assign_business_date, NULL);
	DefineCustomStringVariable("o2c.business_time",
							   "The time of day that every rule takes for now; empty means the clock's.",
							   NULL, &business_time_setting, "", PGC_SUSET, 0,
							   check_business_time, assign_business_time, NULL);
	DefineCustomStringVariable("o2c.company",
							   "The company that functions and column defaults take when none is named.",
							   NULL, &company_setting, "1", PGC_USERSET, 0,
							   check_company, assign_company, NULL);
}

/* The business date. */
DateADT
o2c_today(void)
{
	if (business_date != NULL)
		return *business_date;
	return DatumGetDateADT(DirectFunctionCall1(timestamptz_date, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())));
}

/*
 * The time that rules count hours by: of the clock when the statement started,
 * so that one statement has one time; or the business date's, at the business
 * time or the clock's, in the time zone of the session.
 */
TimestampTz
o2c_now(void)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();
	Timestamp	local;
	TimeADT		time_of_day;

	if (business_date == NULL && business_time == NULL)
		return now;
	local = DatumGetTimestamp(DirectFunctionCall1(timestamptz_timestamp, TimestampTzGetDatum(now)));
	time_of_day = local % USECS_PER_DAY;
	if (time_of_day < 0)
		time_of_day += USECS_PER_DAY;
	local = o2c_today() * USECS_PER_DAY + (business_time != NULL ? *business_time : time_of_day);
	return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz, TimestampGetDatum(local)));
}

/* The company of the session. */
int64
o2c_current_company(void)
{
	return company == NULL ? 1 : *company;
}

/* A date in ISO form. */
char *
o2c_date_text(DateADT day)
{
	int			year,
				month,
				dom;

	j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &dom);
	return psprintf("%04d-%02d-%02d", year, month, dom);
}

/* Who acts: the role outside any SECURITY DEFINER function. */
char *
o2c_actor(void)
{
	return GetUserNameFromId(GetOuterUserId(), false);
}

PG_FUNCTION_INFO_V1(o2c_today_sql);
/* o2c.today() */
Datum
o2c_today_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(o2c_today());
}

PG_FUNCTION_INFO_V1(o2c_now_sql);
/* o2c.now() */
Datum
o2c_now_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(o2c_now());
}

PG_FUNCTION_INFO_V1(o2c_current_company_sql);
/* o2c.current_company() */
Datum
o2c_current_company_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(o2c_current_company());
}

PG_FUNCTION_INFO_V1(o2c_actor_sql);
/* o2c.actor() */
Datum
o2c_actor_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(o2c_actor()));
}
