/*-------------------------------------------------------------------------
 *
 * checkpoint.h
 *		Documents at checkpoints, rules, findings.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_CHECKPOINT_H
#define O2C_CHECKPOINT_H

#include "o2c.h"

/* A document that stands at a checkpoint; what every rule is given. */
typedef struct O2cCase
{
	int64		company;
	const char *checkpoint;
	const char *object_type;
	int64		object_id;
	int64		order_id;		/* 0 while it is not written */
	int64		customer;
	Numeric		amount;
	const char *currency;
	Numeric		credit_rate;	/* to the currency of the credit account */
	DateADT		day;
} O2cCase;

typedef enum O2cOutcome
{
	O2C_PASS,
	O2C_WARN,
	O2C_HOLD,
	O2C_REFUSE
} O2cOutcome;

extern O2cOutcome o2c_checkpoint(const O2cCase *document, char **why);
extern bool o2c_checkpoint_early(const O2cCase *document);

/* For rules written in C: what they are given, and what they answer. */
extern int64 o2c_case_int8(FunctionCallInfo fcinfo, const char *attribute);
extern Numeric o2c_case_numeric(FunctionCallInfo fcinfo, const char *attribute);
extern DateADT o2c_case_date(FunctionCallInfo fcinfo, const char *attribute);
extern char *o2c_case_text(FunctionCallInfo fcinfo, const char *attribute);
extern Numeric o2c_rule_parameter(FunctionCallInfo fcinfo, const char *name, Numeric otherwise);
extern char *o2c_rule_text(FunctionCallInfo fcinfo, const char *name, char *otherwise);
extern int32 o2c_rule_days(FunctionCallInfo fcinfo, const char *name, int32 otherwise);
extern Numeric o2c_rule_needs(FunctionCallInfo fcinfo, const char *name);
extern Datum o2c_finding(FunctionCallInfo fcinfo, bool passed, Numeric observed, Numeric threshold, const char *message);
extern Datum o2c_rule_answer(FunctionCallInfo fcinfo, bool passed, Numeric observed, Numeric threshold, const char *message);

#endif /* O2C_CHECKPOINT_H */
