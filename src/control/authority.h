/*-------------------------------------------------------------------------
 *
 * authority.h
 *		Who may decide, up to which value, and whether a second person must.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_AUTHORITY_H
#define O2C_AUTHORITY_H

#include "o2c.h"

#include "core/plan.h"

/* A decision that a person is about to make. */
typedef struct O2cApproval
{
	int64		company;
	const char *duty;			/* whose it is */
	const char *what;			/* in words, such as "release hold 7" */
	const char *object_type;
	int64		object_id;
	const char *requester;		/* who asked for it, or NULL */
	NullableDatum value;		/* what it is worth; null: without bound */
	NullableDatum observed;		/* the overrun: how far this is from */
	NullableDatum threshold;	/* this; null where it is not known */
	const char *terms;			/* jsonb text: what exactly is decided */
	NullableDatum reason;
} O2cApproval;

extern bool o2c_authorize(const O2cApproval *approval);

#endif /* O2C_AUTHORITY_H */
