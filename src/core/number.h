/*-------------------------------------------------------------------------
 *
 * number.h
 *		Document numbers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_NUMBER_H
#define O2C_NUMBER_H

#include "o2c.h"

typedef struct O2cNumbers
{
	char	   *prefix;
	int			digits;
	int			year;			/* 0 where the series does not start anew each year */
	int64		first;
} O2cNumbers;

extern O2cNumbers o2c_draw_numbers(int64 company, const char *series, DateADT day, int64 count);
extern char *o2c_format_number(const O2cNumbers *numbers, int64 place);

#endif /* O2C_NUMBER_H */
