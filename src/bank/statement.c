/*-------------------------------------------------------------------------
 *
 * statement.c
 *		Bank statements: the commands that take them in, and the payments that
 *		they settle and take back.
 *
 * The statements that read and book are in functions.sql of this room; they
 * run inside the engine.  Receipts are booked without a customer, so that only
 * the accounts are locked; collections and returns lock the customers of the
 * direct debits that they settle and the payments that they take back, all of
 * them before the first.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "cash/payment.h"
#include "core/plan.h"
#include "funcapi.h"
#include "party/customer.h"
#include "utils/datetime.h"

/* A number of so many digits, or -1. */
static int
read_digits(const char *s, int n)
{
	int			value = 0;

	for (int i = 0; i < n; i++)
	{
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + (s[i] - '0');
	}
	return value;
}

/* Whether nothing, a time or a time zone follows the day.  Its parts are not judged but for the hour: only the day counts. */
static bool
ends_day(const char *s, int len)
{
	if (len == 0)
		return true;
	if (*s == 'T' && (len < 3 || read_digits(s + 1, 2) < 0 || read_digits(s + 1, 2) > 24))
		return false;
	if (strchr("TZ+-", *s) == NULL)
		return false;
	for (int i = 1; i < len; i++)
		if (memchr("0123456789:.+-Z", s[i], 15) == NULL)
			return false;
	return true;
}

PG_FUNCTION_INFO_V1(o2c_iso_date);
/* o2c._iso_date(text): YYYY-MM-DD, then nothing, a time or a time zone */
Datum
o2c_iso_date(PG_FUNCTION_ARGS)
{
	text	   *arg = PG_GETARG_TEXT_PP(0);
	int			len = VARSIZE_ANY_EXHDR(arg);
	const char *s = VARDATA_ANY(arg);
	int			year,
				month,
				day;

	if (len < 10 || s[4] != '-' || s[7] != '-' || !ends_day(s + 10, len - 10))
		PG_RETURN_NULL();
	year = read_digits(s, 4);
	month = read_digits(s + 5, 2);
	day = read_digits(s + 8, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(date2j(year, month, day) - POSTGRES_EPOCH_JDATE);
}

/* A payment that a bank line takes back. */
typedef struct Return
{
	int64		line;
	int64		payment;
	DateADT		booked_on;
	char	   *reason;
	char	   *code;			/* of the bank, null: none */
} Return;

/* Whether a bank's reason is a code of ISO 20022. */
static bool
is_reason_code(const char *reason)
{
	return reason != NULL && strlen(reason) == 4 && strspn(reason, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == 4;
}

/* Reverses the payment of a bank line as returned on the bank's date, and ties them together. */
static void
take_back(int64 company, const Return *r)
{
	O2cReturn	how = {.to = "returned", .day = r->booked_on, .reason = o2c_opt_cstring(r->reason), .fee = O2C_NULL,
	.code = is_reason_code(r->code) ? o2c_cstring(r->code) : O2C_NULL};
	static O2cPlan tie = O2C_PLAN("UPDATE o2c.bank_line SET payment_id = $3, problem = NULL"
								  " WHERE company_id = $1 AND bank_line_id = $2", INT8OID, INT8OID, INT8OID);

	o2c_take_back(company, r->payment, &how);
	o2c_run(&tie, O2C_ARGS(o2c_int8(company), o2c_int8(r->line), o2c_int8(r->payment)));
}

/* Locks the groups of all customers that bank lines settle or take back something of. */
static void
lock_payers(int64 company)
{
	static O2cPlan find = O2C_PLAN("SELECT array_agg(customer_id) FROM (SELECT customer_id FROM o2c._collections($1)"
								   " UNION SELECT customer_id FROM o2c._returned_payments($1)) c WHERE customer_id IS NOT NULL", INT8OID);
	NullableDatum customers;

	o2c_run(&find, O2C_ARGS(o2c_int8(company)));
	customers = o2c_row_copy(0, 1);
	if (!customers.isnull)
		o2c_lock_customer_array(company, customers.value);
}

/* Settles the direct debits that bank lines credit. */
static void
settle_collections(int64 company)
{
	static O2cPlan tie = O2C_PLAN("SELECT payment_id, settled_on FROM o2c._tie_collections($1)", INT8OID);
	int			n = o2c_run(&tie, O2C_ARGS(o2c_int8(company)));
	int64	   *payments = palloc(sizeof(int64) * Max(n, 1));
	DateADT    *days = palloc(sizeof(DateADT) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		payments[i] = o2c_row_int8(i, 1);
		days[i] = o2c_row_int4(i, 2);
	}
	for (int i = 0; i < n; i++)
		o2c_advance(company, payments[i], "settled", days[i]);
}

/* The returns whose payment is found, and that many in *n. */
static Return *
find_returns(int64 company, int *n)
{
	static O2cPlan find = O2C_PLAN("SELECT bank_line_id, payment_id, booked_on, return_reason"
								   " FROM o2c._returned_payments($1)", INT8OID);
	Return	   *returns;

	*n = (int) o2c_run(&find, O2C_ARGS(o2c_int8(company)));
	returns = palloc(sizeof(Return) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		returns[i].line = o2c_row_int8(i, 1);
		returns[i].payment = o2c_row_int8(i, 2);
		returns[i].booked_on = o2c_row_int4(i, 3);
		returns[i].reason = returns[i].code = o2c_row_text(i, 4);
	}
	return returns;
}

PG_FUNCTION_INFO_V1(o2c_follow_bank_lines);
/* o2c._follow_bank_lines(company_id): settles and reverses what bank lines say; the lines that took a payment back */
Datum
o2c_follow_bank_lines(PG_FUNCTION_ARGS)
{
	int64		company = PG_GETARG_INT64(0);
	MemoryContext caller = CurrentMemoryContext;
	Return	   *returns;
	int64	   *lines;
	int			n;

	o2c_connect();
	lock_payers(company);
	settle_collections(company);
	returns = find_returns(company, &n);
	lines = MemoryContextAlloc(caller, sizeof(int64) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		take_back(company, &returns[i]);
		lines[i] = returns[i].line;
	}
	o2c_finish();
	PG_RETURN_DATUM(o2c_int8_array(lines, n));
}

/* Runs a statement inside the engine and returns its rows as they are. */
static void
return_rows(FunctionCallInfo fcinfo, O2cPlan *plan, const NullableDatum *args)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	uint64		n;

	InitMaterializedSRF(fcinfo, 0);
	o2c_connect();
	n = o2c_run(plan, args);
	for (uint64 i = 0; i < n; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	o2c_finish();
}

PG_FUNCTION_INFO_V1(o2c_import_camt);
/* o2c.import_camt(document, add_accounts, company_id) */
Datum
o2c_import_camt(PG_FUNCTION_ARGS)
{
	static O2cPlan import = O2C_PLAN("SELECT * FROM o2c._import_camt($1, $2, $3)", XMLOID, BOOLOID, INT8OID);

	return_rows(fcinfo, &import, O2C_ARGS(o2c_pg_arg(0), o2c_pg_arg(1), o2c_pg_arg(2)));
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(o2c_import_bank_lines);
/* o2c.import_bank_lines(lines, account, company_id) */
Datum
o2c_import_bank_lines(PG_FUNCTION_ARGS)
{
	static O2cPlan import = O2C_PLAN("SELECT * FROM o2c._import_bank_lines($1, $2, $3)", JSONBOID, TEXTOID, INT8OID);

	return_rows(fcinfo, &import, O2C_ARGS(o2c_pg_arg(0), o2c_pg_arg(1), o2c_pg_arg(2)));
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(o2c_load_bank_lines);
/* o2c.load_bank_lines(batch, company_id) */
Datum
o2c_load_bank_lines(PG_FUNCTION_ARGS)
{
	static O2cPlan load = O2C_PLAN("SELECT o2c._load_bank_lines($1, $2)", TEXTOID, INT8OID);
	int64		loaded;

	o2c_connect();
	o2c_run(&load, O2C_ARGS(o2c_pg_arg(0), o2c_pg_arg(1)));
	loaded = o2c_row_int8(0, 1);
	o2c_finish();
	PG_RETURN_INT64(loaded);
}

/* Reads and locks an open bank line; *is_return says what it is, *code the bank's reason. */
static DateADT
lock_open_line(int64 company, int64 line, bool *is_return, char **code)
{
	static O2cPlan lock = O2C_PLAN("SELECT booked_on, kind = 'return', kind IN ('receipt', 'information'), payment_id IS NOT NULL OR closed_at IS NOT NULL, return_reason"
								   " FROM o2c.bank_line WHERE company_id = $1 AND bank_line_id = $2 FOR NO KEY UPDATE", INT8OID, INT8OID);

	if (o2c_run(&lock, O2C_ARGS(o2c_int8(company), o2c_int8(line))) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_UNKNOWN_OBJECT),
				 errmsg("company %lld has no bank line %lld", (long long) company, (long long) line),
				 errhint("o2c.bank_line_open lists those that wait.")));
	if (o2c_row_bool(0, 3) || o2c_row_bool(0, 4))
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("bank line %lld is settled", (long long) line),
				 errdetail(o2c_row_bool(0, 3) ? "It is a receipt or an information." : "It was closed, or tied to a payment, before."),
				 errhint("o2c.bank_line_open lists those that wait.")));
	*is_return = o2c_row_bool(0, 2);
	*code = o2c_row_text(0, 5);
	return o2c_row_int4(0, 1);
}

PG_FUNCTION_INFO_V1(o2c_close_bank_line);
/* o2c.close_bank_line(bank_line, payment, note, company_id) */
Datum
o2c_close_bank_line(PG_FUNCTION_ARGS)
{
	static O2cPlan close = O2C_PLAN("UPDATE o2c.bank_line SET closed_at = clock_timestamp(), closed_by = o2c.actor(), closed_note = $3"
									" WHERE company_id = $1 AND bank_line_id = $2", INT8OID, INT8OID, TEXTOID);
	int64		company = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3);
	Return		r = {.line = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0), .payment = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT64(1)};
	bool		is_return;

	o2c_connect();
	if (!PG_ARGISNULL(1))
	{
		int64		customer = o2c_read_payment(company, r.payment).customer;

		if (customer != 0)
			o2c_lock_customer(company, customer);
	}
	r.booked_on = lock_open_line(company, r.line, &is_return, &r.code);
	r.reason = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (!PG_ARGISNULL(1) && !is_return)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_ARGUMENT),
				 errmsg("bank line %lld takes no payment back", (long long) r.line),
				 errhint("Close it with a note only.")));
	if (!PG_ARGISNULL(1))
		take_back(company, &r);
	o2c_run(&close, O2C_ARGS(o2c_int8(company), o2c_int8(r.line), o2c_pg_arg(2)));
	o2c_finish();
	PG_RETURN_VOID();
}
