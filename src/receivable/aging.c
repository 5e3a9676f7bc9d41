/*-------------------------------------------------------------------------
 *
 * aging.c
 *		Type aging: open amounts and numbers of items by days overdue, and the
 *		aggregates that make it.
 *
 * An aging has n boundaries, which are days, and n + 1 buckets.  The first
 * bucket takes everything up to the first boundary, bucket i what lies above
 * boundary i - 1 up to and including boundary i, the last one everything above
 * the last boundary.  Every day has exactly one bucket, so the buckets always
 * sum to what went in.
 *
 * The type is the state of its own aggregates.  An amount is kept in two parts
 * that are added when it is read:
 *
 *	- "fixed": a 128-bit integer of units of 10^-8.  Amounts that fit (fewer than
 *	  25 digits before the point, eight after it) are read straight from the
 *	  stored numeric and added in place, without allocating.
 *	- "rest": a numeric for each bucket behind the fixed-size head, there only
 *	  when some amount did not fit.
 *
 * Both parts are exact, hence so is taking an amount away again.  How a value
 * is split over its parts depends on its history; nothing that can be seen
 * (text, binary, comparison) does.  All amounts are shown with as many decimals
 * as the amount that had the most.
 *
 *-------------------------------------------------------------------------
 */
#include "o2c.h"

#include "common/hashfn.h"
#include "core/money.h"
#include "core/plan.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/array.h"

#ifndef HAVE_INT128
#error "o2c needs a compiler with 128-bit integers"
#endif

#define MAX_BOUNDARIES 31
#define MAX_BUCKETS (MAX_BOUNDARIES + 1)

typedef struct Bucket
{
	int128		fixed;			/* in units of 10^-8 */
	int64		items;
} Bucket;

typedef struct Aging
{
	int32		vl_len_;		/* varlena header (do not touch directly!) */
	uint8		nbuckets;
	bool		custom;			/* are the boundaries stored, or the standard ones? */
	int16		dscale;			/* decimals shown */
	Bucket		bucket[FLEXIBLE_ARRAY_MEMBER];
	/* if custom: int32 boundary[nbuckets - 1] */
	/* if there is a rest: nbuckets numerics, each aligned as an int */
} Aging;

StaticAssertDecl(sizeof(Bucket) == 24, "buckets must be packed");

/* Not due, three times 30 days, older.  Not stored, to keep states small. */
static const int32 standard_boundaries[] = {0, 30, 60, 90};

#define INVALID_AGING(...) ereport(ERROR, (errcode(ERRCODE_O2C_INVALID_AGING), __VA_ARGS__))
#define PG_GETARG_AGING(n) ((Aging *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

/*
 * Numeric as it is stored (utils/adt/numeric.c): a header word, in the long form
 * followed by a word for the weight, then digits of base 10000.  The first digit
 * counts 10000^weight.
 */
#define NBASE 10000
#define NUMERIC_FORM 0xC000		/* these bits tell the form: */
#define NUMERIC_SHORT_FORM 0x8000
#define SHORT_NEGATIVE 0x2000
#define SHORT_DSCALE(header) (((header) & 0x1F80) >> 7)
#define SHORT_DSCALE_MAX 0x3F
#define SHORT_WEIGHT_SIGN 0x0040
#define SHORT_WEIGHT_MASK 0x003F
#define LONG_NEGATIVE 0x4000
#define LONG_DSCALE(header) ((header) & 0x3FFF)

/* Digits of base 10000: behind the point of a fixed part, and before it. */
#define FIXED_FRACTION 2
#define FIXED_INTEGER 6

/* 10000^i */
static const int128 power[FIXED_INTEGER + FIXED_FRACTION] = {
	INT64CONST(1), INT64CONST(10000), INT64CONST(100000000), INT64CONST(1000000000000),
	INT64CONST(10000000000000000), (int128) INT64CONST(10000000000000000) * 10000,
	(int128) INT64CONST(10000000000000000) * INT64CONST(100000000),
	(int128) INT64CONST(10000000000000000) * INT64CONST(1000000000000)
};

/* A word of a numeric; a short varlena header leaves it unaligned. */
static inline uint16
load_word(const char *p)
{
	uint16		word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* The value of up to four digits. */
static inline uint64
load_digits(const char *p, int n)
{
	uint64		value = 0;

	for (int i = 0; i < n; i++)
		value = value * NBASE + load_word(p + 2 * i);
	return value;
}

/*
 * Reads a numeric in units of 10^-8 without allocating.  False when it does not
 * fit, or is not stored in the short form, plainly and in line.
 */
static inline bool
read_fixed(Datum datum, int128 *value, int *dscale)
{
	struct varlena *raw = (struct varlena *) DatumGetPointer(datum);
	const char *p;
	uint16		header;
	int			weight;
	int			ndigits;
	int			gap;			/* digits between the last one stored and the last one kept */

	if (VARATT_IS_EXTERNAL(raw) || VARATT_IS_COMPRESSED(raw))
		return false;
	p = VARDATA_ANY(raw);
	header = load_word(p);
	if ((header & NUMERIC_FORM) != NUMERIC_SHORT_FORM)
		return false;
	weight = (int) (header & SHORT_WEIGHT_MASK) - (int) (header & SHORT_WEIGHT_SIGN);
	ndigits = (VARSIZE_ANY_EXHDR(raw) - sizeof(uint16)) / sizeof(uint16);
	gap = weight + FIXED_FRACTION + 1 - ndigits;
	if (weight >= FIXED_INTEGER || gap < 0)
		return false;

	p += sizeof(uint16);
	if (likely(weight <= 1))	/* below 10^8: 16 decimal digits in all */
		*value = load_digits(p, ndigits) * (uint64) power[gap];
	else if (ndigits <= 4)
		*value = (int128) load_digits(p, ndigits) * power[gap];
	else
		*value = (load_digits(p, 4) * power[ndigits - 4] + load_digits(p + 8, ndigits - 4)) * power[gap];
	if (header & SHORT_NEGATIVE)
		*value = -*value;
	*dscale = SHORT_DSCALE(header);
	return true;
}

/* The decimals that a numeric shows. */
static int
numeric_dscale(Numeric value)
{
	uint16		header = load_word(VARDATA(value));

	return (header & NUMERIC_FORM) == NUMERIC_SHORT_FORM ? SHORT_DSCALE(header) : LONG_DSCALE(header);
}

/* Writes the header of a stored numeric; returns how many words it takes. */
static int
write_header(uint16 *out, bool negative, int weight, int dscale)
{
	if (dscale > SHORT_DSCALE_MAX)
	{
		out[0] = (negative ? LONG_NEGATIVE : 0) | dscale;
		out[1] = (uint16) weight;
		return 2;
	}
	out[0] = NUMERIC_SHORT_FORM | (negative ? SHORT_NEGATIVE : 0) | dscale << 7 |
		(weight & (SHORT_WEIGHT_SIGN | SHORT_WEIGHT_MASK));
	return 1;
}

/* A fixed part as numeric. */
static Numeric
fixed_to_numeric(int128 value, int dscale)
{
	uint128		left = value < 0 ? -(uint128) value : (uint128) value;
	uint16		digits[10];		/* of 2^127, the lowest first */
	int			n = 0;
	int			lowest = 0;
	int			size;
	Numeric		result = palloc(VARHDRSZ + 2 * sizeof(uint16) + sizeof(digits));
	uint16	   *out = (uint16 *) VARDATA(result);

	for (; left > 0; left /= NBASE)
		digits[n++] = left % NBASE;
	while (lowest < n && digits[lowest] == 0)
		lowest++;
	size = write_header(out, value < 0, n > 0 ? n - 1 - FIXED_FRACTION : 0, dscale);
	for (int i = n - 1; i >= lowest; i--)
		out[size++] = digits[i];
	SET_VARSIZE(result, VARHDRSZ + size * sizeof(uint16));
	return result;
}

/* Refuses NaN and infinity. */
static void
require_finite(Numeric amount)
{
	if (numeric_is_nan(amount) || numeric_is_inf(amount))
		INVALID_AGING(errmsg("an amount of an aging must be finite"),
					  errdetail("An amount is %s.", o2c_numeric_text(amount)),
					  errhint("Leave such rows out with FILTER (WHERE ...), or mend them."));
}

/* The boundaries. */
static inline const int32 *
boundaries(const Aging *aging)
{
	return aging->custom ? (const int32 *) &aging->bucket[aging->nbuckets] : standard_boundaries;
}

/* The bucket of a day, without a branch that could be mispredicted. */
static inline int
bucket_of(const Aging *aging, int32 day)
{
	int			place = 0;

	if (!aging->custom)
		for (int i = 0; i < lengthof(standard_boundaries); i++)
			place += day > standard_boundaries[i];
	else
		for (int i = 0; i < aging->nbuckets - 1; i++)
			place += day > boundaries(aging)[i];
	return place;
}

/* Are these the boundaries of the aging? */
static inline bool
has_boundaries(const Aging *aging, const int32 *given, int n)
{
	return n == aging->nbuckets - 1 && memcmp(boundaries(aging), given, n * sizeof(int32)) == 0;
}

/* Refuses boundaries that do not cut the days into buckets. */
static void
check_boundaries(const int32 *given, int n)
{
	if (n < 1 || n > MAX_BOUNDARIES)
		INVALID_AGING(errmsg("an aging has 1 to %d boundaries, not %d", MAX_BOUNDARIES, n),
					  errhint("The standard boundaries are {0,30,60,90}."));
	for (int i = 1; i < n; i++)
		if (given[i - 1] >= given[i])
			INVALID_AGING(errmsg("boundaries of an aging must increase"),
						  errdetail("%d is followed by %d.", given[i - 1], given[i]),
						  errhint("The standard boundaries are {0,30,60,90}."));
	if (given[n - 1] == PG_INT32_MAX)
		INVALID_AGING(errmsg("boundary %d of an aging leaves no day above it", given[n - 1]));
}

/* The size up to the rest. */
static inline Size
head_size(int nbuckets, bool custom)
{
	return offsetof(Aging, bucket) + nbuckets * sizeof(Bucket) + (custom ? (nbuckets - 1) * sizeof(int32) : 0);
}

/* An aging of nothing. */
static Aging *
new_aging(const int32 *given, int n)
{
	bool		custom = n != lengthof(standard_boundaries) ||
		memcmp(given, standard_boundaries, sizeof(standard_boundaries)) != 0;
	Aging	   *aging;

	check_boundaries(given, n);
	aging = palloc0(head_size(n + 1, custom));
	SET_VARSIZE(aging, head_size(n + 1, custom));
	aging->nbuckets = n + 1;
	aging->custom = custom;
	if (custom)
		memcpy(&aging->bucket[n + 1], given, n * sizeof(int32));
	return aging;
}

/* Is there an amount that did not fit the fixed parts? */
static inline bool
has_rest(const Aging *aging)
{
	return VARSIZE(aging) > head_size(aging->nbuckets, aging->custom);
}

/* The rests, zero where there are none. */
static void
get_rests(const Aging *aging, Numeric *rests)
{
	char	   *p = (char *) aging + head_size(aging->nbuckets, aging->custom);
	bool		stored = has_rest(aging);

	for (int i = 0; i < aging->nbuckets; i++)
	{
		rests[i] = stored ? (Numeric) p : o2c_zero();
		if (stored)
			p += INTALIGN(VARSIZE(p));
	}
}

/* A copy of an aging with other rests; they are left out when all are zero. */
static Aging *
with_rests(const Aging *aging, const Numeric *rests)
{
	Size		head = head_size(aging->nbuckets, aging->custom);
	Size		size = head;
	bool		zero = true;
	Aging	   *copy;

	for (int i = 0; i < aging->nbuckets; i++)
	{
		size += INTALIGN(VARSIZE(rests[i]));
		zero = zero && o2c_sign(rests[i]) == 0;
	}
	copy = palloc0(size);
	memcpy(copy, aging, head);
	SET_VARSIZE(copy, zero ? head : size);
	for (int i = 0; i < aging->nbuckets && !zero; i++)
	{
		memcpy((char *) copy + head, rests[i], VARSIZE(rests[i]));
		head += INTALIGN(VARSIZE(rests[i]));
	}
	return copy;
}

/* Adds to the rest of a bucket; the result is another datum. */
static Aging *
add_rest(Aging *aging, int place, Numeric amount, int sign)
{
	Numeric		rests[MAX_BUCKETS];

	get_rests(aging, rests);
	rests[place] = sign > 0 ? o2c_add(rests[place], amount) : o2c_sub(rests[place], amount);
	return with_rests(aging, rests);
}

/* Adds to the fixed part of a bucket; false, and nothing done, on overflow. */
static inline bool
add_fixed(Aging *aging, int place, int128 value, int sign)
{
	int128		sum;

	if (sign > 0 ? __builtin_add_overflow(aging->bucket[place].fixed, value, &sum)
		: __builtin_sub_overflow(aging->bucket[place].fixed, value, &sum))
		return false;
	aging->bucket[place].fixed = sum;
	return true;
}

/* Adds any finite amount to a bucket, or takes it away: the general path. */
static pg_noinline Aging *
add_general(Aging *aging, int place, Numeric amount, int sign)
{
	require_finite(amount);
	aging->dscale = Max(aging->dscale, numeric_dscale(amount));
	return add_rest(aging, place, amount, sign);
}

/*
 * Adds an amount to a bucket, or takes it away.  Changes the aging in place, or
 * returns another one.
 */
static inline Aging *
add_amount(Aging *aging, int place, Datum amount, int sign)
{
	int128		value;
	int			dscale;

	if (likely(read_fixed(amount, &value, &dscale) && add_fixed(aging, place, value, sign)))
	{
		aging->dscale = Max(aging->dscale, dscale);
		return aging;
	}
	return add_general(aging, place, DatumGetNumeric(amount), sign);
}

/* Adds to the number of items of a bucket. */
static inline void
add_items(Aging *aging, int place, int64 items, int sign)
{
	int64	   *sum = &aging->bucket[place].items;

	if (unlikely(sign > 0 ? __builtin_add_overflow(*sum, items, sum) : __builtin_sub_overflow(*sum, items, sum)))
		INVALID_AGING(errmsg("the number of items of an aging is out of range"));
}

/* The amount of a bucket. */
static Numeric
get_amount(const Aging *aging, int place)
{
	Numeric		fixed = fixed_to_numeric(aging->bucket[place].fixed, aging->dscale);
	Numeric		rests[MAX_BUCKETS];

	if (!has_rest(aging))
		return fixed;
	get_rests(aging, rests);
	return o2c_add(fixed, rests[place]);
}

/* The sum of the buckets from a place on. */
static Numeric
sum_from(const Aging *aging, int place)
{
	Numeric		sum = get_amount(aging, place);

	while (++place < aging->nbuckets)
		sum = o2c_add(sum, get_amount(aging, place));
	return sum;
}

/* The items of all buckets. */
static int64
sum_items(const Aging *aging)
{
	int64		sum = 0;

	for (int i = 0; i < aging->nbuckets; i++)
		if (__builtin_add_overflow(sum, aging->bucket[i].items, &sum))
			INVALID_AGING(errmsg("the number of items of an aging is out of range"));
	return sum;
}

/*
 * Adds b to a, or takes it away.  Changes a in place, or returns another one.
 */
static Aging *
add_aging(Aging *a, const Aging *b, int sign)
{
	Numeric		rests[MAX_BUCKETS];

	if (!has_boundaries(a, boundaries(b), b->nbuckets - 1))
		INVALID_AGING(errmsg("agings of different boundaries cannot be combined"),
					  errhint("Make both from the items with the same boundaries."));
	if (has_rest(b))
		get_rests(b, rests);
	a->dscale = Max(a->dscale, b->dscale);
	for (int i = 0; i < b->nbuckets; i++)
	{
		add_items(a, i, b->bucket[i].items, sign);
		if (!add_fixed(a, i, b->bucket[i].fixed, sign))
			a = add_rest(a, i, fixed_to_numeric(b->bucket[i].fixed, b->dscale), sign);
		if (has_rest(b))
			a = add_rest(a, i, rests[i], sign);
	}
	return a;
}

/*
 * The aging in argument 0, to be changed.  An aggregate's own state is changed
 * where it lies (the executor copies only what is returned elsewhere); anybody
 * else's value is copied.
 */
static inline Aging *
writable_argument(FunctionCallInfo fcinfo)
{
	if (AggCheckCallContext(fcinfo, NULL))
		return PG_GETARG_AGING(0);
	return (Aging *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0));
}

/* The boundaries in argument 3. */
static const int32 *
boundaries_argument(FunctionCallInfo fcinfo, int *n)
{
	ArrayType  *array = PG_ARGISNULL(3) ? NULL : PG_GETARG_ARRAYTYPE_P(3);

	if (array == NULL || ARR_NDIM(array) != 1 || array_contains_nulls(array))
		INVALID_AGING(errmsg("boundaries of an aging must be an array of one dimension without nulls"),
					  errhint("The standard boundaries are {0,30,60,90}."));
	*n = ARR_DIMS(array)[0];
	return (const int32 *) ARR_DATA_PTR(array);
}

/* The state of an aggregate, made on the first row. */
static inline Aging *
state_argument(FunctionCallInfo fcinfo)
{
	const int32 *given = standard_boundaries;
	int			n = lengthof(standard_boundaries);
	Aging	   *state;

	if (PG_NARGS() > 3)
		given = boundaries_argument(fcinfo, &n);
	if (PG_ARGISNULL(0))
		return new_aging(given, n);
	state = writable_argument(fcinfo);
	if (PG_NARGS() > 3 && !has_boundaries(state, given, n))
		INVALID_AGING(errmsg("boundaries of an aging must be the same on all rows"),
					  errhint("GROUP BY the boundaries where they differ."));
	return state;
}

/* Counts the row of a transition in, or out again. */
static inline Datum
add_row(FunctionCallInfo fcinfo, Aging *state, int sign)
{
	int			place = bucket_of(state, PG_GETARG_INT32(2));

	add_items(state, place, 1, sign);
	PG_RETURN_POINTER(add_amount(state, place, PG_GETARG_DATUM(1), sign));
}

/* Does the row take no part? */
#define ROW_IS_NULL(fcinfo) (PG_ARGISNULL(1) || PG_ARGISNULL(2))

PG_FUNCTION_INFO_V1(o2c_aging_transition);
/* o2c._aging_transition(state, amount, days [, boundaries]) */
Datum
o2c_aging_transition(PG_FUNCTION_ARGS)
{
	if (unlikely(ROW_IS_NULL(fcinfo)))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	return add_row(fcinfo, state_argument(fcinfo), 1);
}

PG_FUNCTION_INFO_V1(o2c_aging_moving);
/*
 * o2c._aging_moving(state, amount, days [, boundaries]): the state of a moving
 * aggregate must not be null, so a frame of ignored rows has an aging of nothing.
 */
Datum
o2c_aging_moving(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		return o2c_aging_transition(fcinfo);
	if (ROW_IS_NULL(fcinfo))
		PG_RETURN_POINTER(state_argument(fcinfo));
	return add_row(fcinfo, state_argument(fcinfo), 1);
}

PG_FUNCTION_INFO_V1(o2c_aging_inverse);
/* o2c._aging_inverse(state, amount, days [, boundaries]) */
Datum
o2c_aging_inverse(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (ROW_IS_NULL(fcinfo))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	return add_row(fcinfo, state_argument(fcinfo), -1);
}

PG_FUNCTION_INFO_V1(o2c_aging_moving_final);
/* o2c._aging_moving_final(state): null when the frame has no row that counts */
Datum
o2c_aging_moving_final(PG_FUNCTION_ARGS)
{
	if (sum_items(PG_GETARG_AGING(0)) == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

PG_FUNCTION_INFO_V1(o2c_aging_combine);
/* o2c._aging_combine(state, aging): null counts as nothing */
Datum
o2c_aging_combine(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(0))
		PG_RETURN_POINTER(PG_GETARG_AGING(1));
	if (PG_ARGISNULL(1))
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	PG_RETURN_POINTER(add_aging(writable_argument(fcinfo), PG_GETARG_AGING(1), 1));
}

PG_FUNCTION_INFO_V1(o2c_aging_add);
/* aging + aging */
Datum
o2c_aging_add(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(add_aging(writable_argument(fcinfo), PG_GETARG_AGING(1), 1));
}

PG_FUNCTION_INFO_V1(o2c_aging_subtract);
/* aging - aging */
Datum
o2c_aging_subtract(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(add_aging(writable_argument(fcinfo), PG_GETARG_AGING(1), -1));
}

/* The error of text that is not an aging. */
static void
invalid_text(const char *input)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type o2c.aging: \"%s\"", input),
			 errdetail("An aging is written as boundaries, amounts and numbers of items."),
			 errhint("Example: {0,30,60,90} {100.00,0.00,0.00,0.00,25.50} {2,0,0,0,1}")));
}

/*
 * Cuts the next {list} out of a text, which it changes; returns how many items
 * it has.
 */
static int
next_list(char **cursor, char **items, const char *input)
{
	int			n = 0;
	char	   *p = *cursor + strspn(*cursor, " \t\n\r");
	char		end = ',';

	if (*p != '{')
		invalid_text(input);
	while (end == ',')
	{
		if (n == MAX_BUCKETS)
			INVALID_AGING(errmsg("an aging has at most %d buckets", MAX_BUCKETS));
		items[n++] = ++p;
		p += strcspn(p, ",{}");
		end = *p;
		if (end != ',' && end != '}')
			invalid_text(input);
		*p = '\0';
	}
	*cursor = p + 1;
	return n;
}

/* Adds a bucket that was given from outside. */
static Aging *
add_bucket(Aging *aging, int place, Datum amount, int64 items)
{
	add_items(aging, place, items, 1);
	return add_amount(aging, place, amount, 1);
}

PG_FUNCTION_INFO_V1(o2c_aging_in);
/* {boundaries} {amounts} {items} */
Datum
o2c_aging_in(PG_FUNCTION_ARGS)
{
	const char *input = PG_GETARG_CSTRING(0);
	char	   *cursor = pstrdup(input);
	char	   *items[MAX_BUCKETS];
	char	   *amounts[MAX_BUCKETS];
	int32		given[MAX_BUCKETS];
	int			n = next_list(&cursor, items, input);
	Aging	   *aging;

	for (int i = 0; i < n; i++)
		given[i] = pg_strtoint32(items[i]);
	aging = new_aging(given, n);
	if (next_list(&cursor, amounts, input) != n + 1 || next_list(&cursor, items, input) != n + 1)
		INVALID_AGING(errmsg("an aging of %d boundaries has %d amounts and %d numbers of items", n, n + 1, n + 1));
	if (cursor[strspn(cursor, " \t\n\r")] != '\0')
		invalid_text(input);
	for (int i = 0; i <= n; i++)
		aging = add_bucket(aging, i,
						   DirectFunctionCall3(numeric_in, CStringGetDatum(amounts[i]), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)),
						   DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(items[i]))));
	PG_RETURN_POINTER(aging);
}

PG_FUNCTION_INFO_V1(o2c_aging_out);
/* The canonical text: equal values with equal decimals have the same. */
Datum
o2c_aging_out(PG_FUNCTION_ARGS)
{
	Aging	   *aging = PG_GETARG_AGING(0);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < aging->nbuckets - 1; i++)
		appendStringInfo(&out, "%c%d", i == 0 ? '{' : ',', boundaries(aging)[i]);
	appendStringInfoString(&out, "} ");
	for (int i = 0; i < aging->nbuckets; i++)
		appendStringInfo(&out, "%c%s", i == 0 ? '{' : ',', o2c_numeric_text(get_amount(aging, i)));
	appendStringInfoString(&out, "} ");
	for (int i = 0; i < aging->nbuckets; i++)
		appendStringInfo(&out, "%c" INT64_FORMAT, i == 0 ? '{' : ',', aging->bucket[i].items);
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}

PG_FUNCTION_INFO_V1(o2c_aging_recv);
/* The number of boundaries, the boundaries, then amount and items of each bucket */
Datum
o2c_aging_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			n = (int16) pq_getmsgint(buffer, 2);
	int32		given[MAX_BOUNDARIES];
	Aging	   *aging;

	if (n < 1 || n > MAX_BOUNDARIES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid number of boundaries in binary aging: %d", n)));
	for (int i = 0; i < n; i++)
		given[i] = pq_getmsgint(buffer, 4);
	aging = new_aging(given, n);
	for (int i = 0; i <= n; i++)
	{
		Datum		amount = DirectFunctionCall3(numeric_recv, PointerGetDatum(buffer), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

		aging = add_bucket(aging, i, amount, pq_getmsgint64(buffer));
	}
	PG_RETURN_POINTER(aging);
}

PG_FUNCTION_INFO_V1(o2c_aging_send);
/* As o2c_aging_recv reads it; amounts are as numeric_send makes them. */
Datum
o2c_aging_send(PG_FUNCTION_ARGS)
{
	Aging	   *aging = PG_GETARG_AGING(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint16(&buffer, aging->nbuckets - 1);
	for (int i = 0; i < aging->nbuckets - 1; i++)
		pq_sendint32(&buffer, boundaries(aging)[i]);
	for (int i = 0; i < aging->nbuckets; i++)
	{
		bytea	   *amount = DatumGetByteaP(DirectFunctionCall1(numeric_send, NumericGetDatum(get_amount(aging, i))));

		pq_sendbytes(&buffer, VARDATA(amount), VARSIZE(amount) - VARHDRSZ);
		pq_sendint64(&buffer, aging->bucket[i].items);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Same boundaries, amounts and items?  Decimals shown do not matter. */
static bool
equal_agings(const Aging *a, const Aging *b)
{
	if (!has_boundaries(a, boundaries(b), b->nbuckets - 1))
		return false;
	for (int i = 0; i < a->nbuckets; i++)
		if (a->bucket[i].items != b->bucket[i].items || o2c_cmp(get_amount(a, i), get_amount(b, i)) != 0)
			return false;
	return true;
}

PG_FUNCTION_INFO_V1(o2c_aging_eq);
/* aging = aging */
Datum
o2c_aging_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(equal_agings(PG_GETARG_AGING(0), PG_GETARG_AGING(1)));
}

PG_FUNCTION_INFO_V1(o2c_aging_ne);
/* aging <> aging */
Datum
o2c_aging_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!equal_agings(PG_GETARG_AGING(0), PG_GETARG_AGING(1)));
}

PG_FUNCTION_INFO_V1(o2c_aging_hash);
/* Equal agings have equal hashes, however their amounts are stored. */
Datum
o2c_aging_hash(PG_FUNCTION_ARGS)
{
	Aging	   *aging = PG_GETARG_AGING(0);
	uint32		hash = hash_bytes((const unsigned char *) boundaries(aging), (aging->nbuckets - 1) * sizeof(int32));

	for (int i = 0; i < aging->nbuckets; i++)
	{
		Datum		amount = DirectFunctionCall1(hash_numeric, NumericGetDatum(get_amount(aging, i)));

		hash = hash_combine(hash, DatumGetUInt32(amount));
		hash = hash_combine(hash, hash_bytes((unsigned char *) &aging->bucket[i].items, sizeof(int64)));
	}
	PG_RETURN_UINT32(hash);
}

PG_FUNCTION_INFO_V1(o2c_aging_total);
/* o2c.total(aging) */
Datum
o2c_aging_total(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(sum_from(PG_GETARG_AGING(0), 0));
}

PG_FUNCTION_INFO_V1(o2c_aging_past_due);
/* o2c.past_due(aging) */
Datum
o2c_aging_past_due(PG_FUNCTION_ARGS)
{
	Aging	   *aging = PG_GETARG_AGING(0);
	int			place = bucket_of(aging, 0);

	if (place == aging->nbuckets - 1 || boundaries(aging)[place] != 0)
		INVALID_AGING(errmsg("an aging without the boundary 0 does not know what is past due"),
					  errhint("Make it with boundaries such as {0,30,60,90}."));
	PG_RETURN_NUMERIC(sum_from(aging, place + 1));
}

PG_FUNCTION_INFO_V1(o2c_aging_bucket);
/* o2c.bucket(aging, n) */
Datum
o2c_aging_bucket(PG_FUNCTION_ARGS)
{
	Aging	   *aging = PG_GETARG_AGING(0);
	int			n = PG_GETARG_INT32(1);

	if (n < 1 || n > aging->nbuckets)
		INVALID_AGING(errmsg("an aging of %d buckets has no bucket %d", aging->nbuckets, n));
	PG_RETURN_NUMERIC(get_amount(aging, n - 1));
}

PG_FUNCTION_INFO_V1(o2c_aging_items);
/* o2c.items(aging) */
Datum
o2c_aging_items(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(sum_items(PG_GETARG_AGING(0)));
}

/* First and last day of a bucket, null where it is open. */
static void
bucket_days(const Aging *aging, int place, NullableDatum *from, NullableDatum *to)
{
	const int32 *edge = boundaries(aging);

	*from = place == 0 ? O2C_NULL : o2c_int4(edge[place - 1] + 1);
	*to = place == aging->nbuckets - 1 ? O2C_NULL : o2c_int4(edge[place]);
}

/* What people call a bucket. */
static char *
bucket_label(const Aging *aging, int place)
{
	NullableDatum from;
	NullableDatum to;
	int			first;
	int			last;

	bucket_days(aging, place, &from, &to);
	first = DatumGetInt32(from.value);
	last = DatumGetInt32(to.value);
	if (from.isnull)
		return last == 0 ? pstrdup("not due") : psprintf("up to %d", last);
	if (to.isnull)
		return psprintf("over %d", first - 1);
	if (first == last)
		return psprintf("%d", first);
	return psprintf(first < 0 ? "%d to %d" : "%d-%d", first, last);
}

PG_FUNCTION_INFO_V1(o2c_aging_unnest);
/* o2c.unnest(aging): a row for each bucket */
Datum
o2c_aging_unnest(PG_FUNCTION_ARGS)
{
	Aging	   *aging = PG_GETARG_AGING(0);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < aging->nbuckets; i++)
	{
		NullableDatum from;
		NullableDatum to;
		Datum		values[5] = {CStringGetTextDatum(bucket_label(aging, i)), 0, 0,
		NumericGetDatum(get_amount(aging, i)), Int64GetDatum(aging->bucket[i].items)};
		bool		nulls[5] = {false, false, false, false, false};

		bucket_days(aging, i, &from, &to);
		values[1] = from.value;
		nulls[1] = from.isnull;
		values[2] = to.value;
		nulls[2] = to.isnull;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(o2c_aging_amounts);
/* o2c.amounts(aging): the amounts as an array */
Datum
o2c_aging_amounts(PG_FUNCTION_ARGS)
{
	Aging	   *aging = PG_GETARG_AGING(0);
	NullableDatum amounts[MAX_BUCKETS];

	for (int i = 0; i < aging->nbuckets; i++)
		amounts[i] = o2c_datum(NumericGetDatum(get_amount(aging, i)));
	PG_RETURN_DATUM(o2c_datum_array(amounts, aging->nbuckets, NUMERICOID));
}

/* A day of a bucket in JSON. */
static char *
json_day(NullableDatum day)
{
	return day.isnull ? pstrdup("null") : psprintf("%d", DatumGetInt32(day.value));
}

PG_FUNCTION_INFO_V1(o2c_aging_json);
/* o2c._aging_json(aging) */
Datum
o2c_aging_json(PG_FUNCTION_ARGS)
{
	Aging	   *aging = PG_GETARG_AGING(0);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"total\": %s, \"items\": " INT64_FORMAT ", \"buckets\": [",
					 o2c_numeric_text(sum_from(aging, 0)), sum_items(aging));
	for (int i = 0; i < aging->nbuckets; i++)
	{
		NullableDatum from;
		NullableDatum to;

		bucket_days(aging, i, &from, &to);
		appendStringInfo(&out, "%s{\"bucket\": \"%s\", \"from_days\": %s, \"to_days\": %s, \"amount\": %s, \"items\": " INT64_FORMAT "}",
						 i == 0 ? "" : ", ", bucket_label(aging, i), json_day(from), json_day(to),
						 o2c_numeric_text(get_amount(aging, i)), aging->bucket[i].items);
	}
	appendStringInfoString(&out, "]}");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

PG_FUNCTION_INFO_V1(o2c_aging_jsonb);
/* o2c._aging_jsonb(aging) */
Datum
o2c_aging_jsonb(PG_FUNCTION_ARGS)
{
	Datum		json = DirectFunctionCall1(o2c_aging_json, PG_GETARG_DATUM(0));

	return DirectFunctionCall1(jsonb_in, CStringGetDatum(TextDatumGetCString(json)));
}
