/*-------------------------------------------------------------------------
 *
 * account.h
 *		Credit accounts, as the credit rules see them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_ACCOUNT_H
#define O2C_ACCOUNT_H

#include "o2c.h"

#include "control/authority.h"

/* A credit account, locked. */
typedef struct O2cAccount
{
	int64		id;
	char	   *currency;
	Numeric		limit;			/* of the day; NULL: unlimited */
	Numeric		exposure;
} O2cAccount;

extern bool o2c_lock_account(int64 company, int64 customer, DateADT day, O2cAccount *account);
extern Numeric o2c_case_exposure(FunctionCallInfo fcinfo);
extern bool o2c_case_prepaid(FunctionCallInfo fcinfo);
extern Numeric o2c_lapsed_credit(int64 company, int64 account);
extern bool o2c_authorize_credit(O2cApproval *approval, int64 account, NullableDatum amount);
extern int64 o2c_own_account(int64 company, int64 customer);
extern void o2c_set_limit(int64 company, int64 account, NullableDatum amount, NullableDatum reason);
extern void o2c_recheck_account(int64 company, int64 account);
extern char *o2c_money_text(Numeric amount, const char *currency);

#endif							/* O2C_ACCOUNT_H */
