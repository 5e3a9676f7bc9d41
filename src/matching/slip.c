/*-------------------------------------------------------------------------
 *
 * slip.c
 *		What a number becomes by a slip of the pen.
 *
 * One digit is another one, or two digits that stand together are swapped:
 * about nine times as many numbers as there are digits, all of which are looked
 * up (o2c._neighbours).
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "core/plan.h"
#include "core/reference.h"
#include "mb/pg_wchar.h"

#define LAST_PLACE 40			/* slips are looked for up to here */

/* A number while slips of it are made. */
typedef struct Slips
{
	char	   *number;
	int			len;
	char	  **keys;
	int			n;
} Slips;

/* Adds the number as it is now, in normal form. */
static void
add_slip(Slips *s)
{
	char	   *key = palloc(s->len + 1);

	key[o2c_normalize_reference(s->number, s->len, key)] = '\0';
	s->keys[s->n++] = key;
}

/* Adds the number with each other digit in a place. */
static void
change_digit(Slips *s, int place)
{
	char		digit = s->number[place];

	for (char other = '0'; other <= '9'; other++)
	{
		if (other == digit)
			continue;
		s->number[place] = other;
		add_slip(s);
	}
	s->number[place] = digit;
}

/* Adds the number with the digits in a place and the next one swapped. */
static void
swap_digits(Slips *s, int place)
{
	char		digit = s->number[place];

	s->number[place] = s->number[place + 1];
	s->number[place + 1] = digit;
	add_slip(s);
	s->number[place + 1] = s->number[place];
	s->number[place] = digit;
}

PG_FUNCTION_INFO_V1(o2c_slips);
/* o2c._slips(number) */
Datum
o2c_slips(PG_FUNCTION_ARGS)
{
	Slips		s = {.number = text_to_cstring(PG_GETARG_TEXT_PP(0))};
	int			last;

	s.len = strlen(s.number);
	s.keys = palloc(sizeof(char *) * 10 * LAST_PLACE);
	last = pg_mbcharcliplen(s.number, s.len, LAST_PLACE);
	for (int i = 0; i < last; i++)
	{
		if (!o2c_is_digit(s.number[i]))
			continue;
		change_digit(&s, i);
		if (i + 1 < last && o2c_is_digit(s.number[i + 1]) && s.number[i + 1] != s.number[i])
			swap_digits(&s, i);
	}
	PG_RETURN_DATUM(o2c_text_array(s.keys, s.n));
}
