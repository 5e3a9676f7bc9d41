/*-------------------------------------------------------------------------
 *
 * command.h
 *		Idempotency keys of commands.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_COMMAND_H
#define O2C_COMMAND_H

#include "o2c.h"

#include "core/plan.h"

extern bool o2c_argument_floats(FunctionCallInfo fcinfo, int n);
extern bool o2c_command_seen(FunctionCallInfo fcinfo, int key_argument, int64 company, const char *command, int64 *result);
extern void o2c_command_done(int64 company, NullableDatum key, int64 result);

#endif /* O2C_COMMAND_H */
