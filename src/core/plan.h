/*-------------------------------------------------------------------------
 *
 * plan.h
 *		Saved SPI plans.  A query is one static O2cPlan next to its only user:
 *
 *			static O2cPlan find = O2C_PLAN("SELECT ... $1 ...", INT8OID);
 *			if (o2c_run(&find, O2C_ARGS(o2c_int8(company))) == 1)
 *				id = o2c_row_int8(0, 1);
 *
 *		The caller is connected to SPI.  Names in the text are qualified, so a
 *		plan does not depend on search_path.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_PLAN_H
#define O2C_PLAN_H

#include "o2c.h"

#include "catalog/pg_type_d.h"
#include "executor/spi.h"

#define O2C_MAX_ARGS 24

typedef struct O2cPlan
{
	const char *sql;
	int			nargs;
	Oid			argtypes[O2C_MAX_ARGS];
	bool		bulk;			/* reads a good part of its tables */
	SPIPlanPtr	plan;			/* NULL until first used */
} O2cPlan;

/* The text, then the types of its arguments. */
#define O2C_PLAN(text, ...) {.sql = (text), .argtypes = {__VA_ARGS__}}

#define O2C_BULK_PLAN(text, ...) {.sql = (text), .argtypes = {__VA_ARGS__}, .bulk = true}

/* Arguments of one execution, in order. */
#define O2C_ARGS(...) ((NullableDatum[]){__VA_ARGS__})

static inline NullableDatum
o2c_arg(Datum value, bool isnull)
{
	NullableDatum d;

	d.value = value;
	d.isnull = isnull;
	return d;
}

#define O2C_NULL o2c_arg((Datum) 0, true)
#define o2c_int8(v) o2c_arg(Int64GetDatum(v), false)
#define o2c_int4(v) o2c_arg(Int32GetDatum(v), false)
#define o2c_bool(v) o2c_arg(BoolGetDatum(v), false)
#define o2c_date(v) o2c_arg(DateADTGetDatum(v), false)
#define o2c_datum(v) o2c_arg((v), false)
#define o2c_cstring(v) o2c_arg(CStringGetTextDatum(v), false)
/* a C string that may be NULL */
#define o2c_opt_cstring(v) ((v) ? o2c_cstring(v) : O2C_NULL)
/* the function's own argument, handed on */
#define o2c_pg_arg(n) o2c_arg(PG_ARGISNULL(n) ? (Datum) 0 : PG_GETARG_DATUM(n), PG_ARGISNULL(n))

extern uint64 o2c_run(O2cPlan *plan, const NullableDatum *args);
extern uint64 o2c_run_limit(O2cPlan *plan, const NullableDatum *args, long limit);
extern uint64 o2c_query(O2cPlan *plan, const NullableDatum *args);
extern bool o2c_inside_engine(void);
extern int	o2c_leave_engine(void);
extern void o2c_reenter_engine(int depth);

extern Datum o2c_row_datum(uint64 row, int column, bool *isnull);
extern int64 o2c_row_int8(uint64 row, int column);
extern int32 o2c_row_int4(uint64 row, int column);
extern bool o2c_row_bool(uint64 row, int column);
extern char *o2c_row_text(uint64 row, int column);
extern NullableDatum o2c_row_copy(uint64 row, int column);

extern Datum o2c_int8_array(const int64 *values, int n);
extern Datum o2c_text_array(char **values, int n);
extern Datum o2c_datum_array(const NullableDatum *values, int n, Oid type);

extern void o2c_connect(void);
extern void o2c_finish(void);
extern void o2c_at_end(void (*work) (void));

#endif /* O2C_PLAN_H */
