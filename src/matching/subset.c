/*-------------------------------------------------------------------------
 *
 * subset.c
 *		Which of many amounts make up a sum, and whether that is the only way.
 *
 * Meet in the middle (Horowitz and Sahni 1974).  The items are dealt out to two
 * sides, from the first one on to the left, from the last one on to the right,
 * always to the side that has fewer sums.  A side is the sorted list of all sums
 * that its items make; an item is added by merging the list with copies of it
 * that are shifted by the item's amounts.  Then each sum of one side is met with
 * the range of sums of the other side that complete it.  The last two items are
 * not merged: the sides are met for each choice of them, which halves the lists.
 *
 * What keeps the lists short, and the search exact:
 *	- Ways to one sum are one entry that counts them.  Forty equal invoices make
 *	  forty-one sums, not 2^40; round amounts make few sums, too.
 *	- A sum that no choice of the items outside its side can bring into the range
 *	  is dropped: where the range is small, that is nearly all of them.
 *
 * An entry knows the best of its ways as a number, its code, of which each group
 * of equal items owns some digits: how many of the group are used with each
 * amount.  Ways have the same code exactly if they differ only in which of equal
 * items they use, and the larger code is the one of the earlier items.
 *
 * Nothing can overflow: all amounts together stay below 2^60, else the answer is
 * "unknown".
 *
 *-------------------------------------------------------------------------
 */
#include "matching/subset.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define MAX_TOTAL (INT64CONST(1) << 60)
#define MAX_HELD 2
#define MAX_WAYS ((UINT64CONST(1) << 48) - 1)
#define MAX_ITEMS ((1 << 15) - 1)
#define NO_SUM (INT64CONST(1) << 62)	/* plus or minus an amount it is beyond every range */

/* A sum that items of one side make. */
typedef struct Sum
{
	int64		sum;
	uint64		code;			/* the best way: which items */
	uint64		ways:48;		/* at MAX_WAYS: too many to count */
	uint64		items:15;		/* the best way: how many */
	uint64		same:1;			/* all ways have this code */
} Sum;

typedef struct Side
{
	Sum		   *sums;			/* ascending, then NO_SUM; the empty one (no items) stays apart from others of its sum */
	uint64		n;
	int64		others_min;		/* what the items that are not of this side can add */
	int64		others_max;
	int			items;
	const struct Group *last;	/* the group that came last */
} Side;

/* Items whose amounts are all equal. */
typedef struct Group
{
	const O2cChoice *item;		/* any of them */
	int			first;			/* where they begin in Search.order */
	int			n;
	bool		usable[O2C_MAX_CHOICES];
	int64		min;			/* the least that one of them can add, 0 or negative */
	int64		max;
	bool		left;			/* its side */
	uint64		radix;			/* ways to use some of them: the group's digits */
	uint64		unit;			/* what one counts in the code of the side */
} Group;

typedef struct Search
{
	const O2cChoice *items;
	int		   *order;			/* the items, group by group */
	Group	   *groups;			/* in the order of their first items */
	int			n_groups;
	int64		low;
	int64		high;
	uint64		budget;
	uint64		nodes;
	Side		left;
	Side		right;
	const Group *held[MAX_HELD];	/* groups that are not merged: all their choices are tried */
	int			n_held;
} Search;

/* What is chosen of the groups that are held back. */
typedef struct Base
{
	int64		sum;
	uint32		items;
	uint64		left;			/* codes */
	uint64		right;
} Base;

/* Solutions, and the best of them. */
typedef struct Found
{
	uint64		ways;
	uint32		items;
	uint64		left;			/* codes */
	uint64		right;
	bool		same;
} Found;

/* Order of items: by their amounts, then as they came. */
static int
compare_items(const void *a, const void *b, void *arg)
{
	const O2cChoice *items = arg;
	const O2cChoice *x = &items[*(const int *) a];
	const O2cChoice *y = &items[*(const int *) b];

	if (x->n != y->n)
		return x->n - y->n;
	for (int i = 0; i < x->n; i++)
		if (x->amounts[i] != y->amounts[i])
			return x->amounts[i] < y->amounts[i] ? -1 : 1;
	return *(const int *) a < *(const int *) b ? -1 : *(const int *) a > *(const int *) b;
}

/* Whether two items have the same amounts. */
static bool
is_equal(const O2cChoice *a, const O2cChoice *b)
{
	return a->n == b->n && memcmp(a->amounts, b->amounts, sizeof(int64) * a->n) == 0;
}

/* Order of groups: by their first item. */
static int
compare_groups(const void *a, const void *b)
{
	const O2cChoice *x = ((const Group *) a)->item;
	const O2cChoice *y = ((const Group *) b)->item;

	return x < y ? -1 : x > y;
}

/* Whether an amount of an item is one of those before it. */
static bool
is_repeated(const O2cChoice *item, int choice)
{
	for (int i = 0; i < choice; i++)
		if (item->amounts[i] == item->amounts[choice])
			return true;
	return false;
}

/* What one item of a group can add, of its usable amounts. */
static void
set_span(Group *g)
{
	g->min = g->max = 0;
	for (int i = 0; i < g->item->n; i++)
		if (g->usable[i])
		{
			g->min = Min(g->min, g->item->amounts[i]);
			g->max = Max(g->max, g->item->amounts[i]);
		}
}

/* Puts equal items together. */
static void
make_groups(Search *s, int n)
{
	s->order = palloc_extended(sizeof(int) * Max(n, 1), MCXT_ALLOC_HUGE);
	s->groups = palloc_extended(sizeof(Group) * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int i = 0; i < n; i++)
		s->order[i] = i;
	qsort_arg(s->order, n, sizeof(int), compare_items, unconstify(O2cChoice *, s->items));
	for (int i = 0; i < n; i++)
	{
		const O2cChoice *item = &s->items[s->order[i]];
		Group	   *g = &s->groups[s->n_groups];

		if (s->n_groups > 0 && is_equal(item, g[-1].item))
		{
			g[-1].n++;
			continue;
		}
		g->item = item;
		g->first = i;
		g->n = 1;
		for (int j = 0; j < item->n; j++)
			g->usable[j] = item->amounts[j] != 0 && !is_repeated(item, j);
		set_span(g);
		s->n_groups++;
	}
	qsort(s->groups, s->n_groups, sizeof(Group), compare_groups);
}

/* Adds n times an amount; false when that is too much. */
static bool
add_span(int64 *total, int64 amount, int n)
{
	int64		product;

	return !pg_mul_s64_overflow(amount, n, &product) && !pg_add_s64_overflow(*total, product, total) &&
		*total > -MAX_TOTAL && *total < MAX_TOTAL;
}

/* What all items can add at least and at most; false when that is too much. */
static bool
total_span(const Search *s, int64 *min, int64 *max)
{
	*min = *max = 0;
	for (int i = 0; i < s->n_groups; i++)
		if (!add_span(min, s->groups[i].min, s->groups[i].n) || !add_span(max, s->groups[i].max, s->groups[i].n))
			return false;
	return true;
}

/* Leaves out the amounts that are in no solution, whatever the other items add. */
static void
drop_useless(Search *s, int64 min, int64 max)
{
	for (int i = 0; i < s->n_groups; i++)
	{
		Group	   *g = &s->groups[i];

		for (int j = 0; j < g->item->n; j++)
			g->usable[j] = g->usable[j] &&
				min - g->min + g->item->amounts[j] <= s->high && max - g->max + g->item->amounts[j] >= s->low;
		set_span(g);
	}
}

/* Whether the range has a multiple of what divides all amounts. */
static bool
is_divisible(const Search *s)
{
	int64		gcd = 0;
	int64		rest;

	for (int i = 0; i < s->n_groups; i++)
		for (int j = 0; j < s->groups[i].item->n; j++)
			for (int64 a = s->groups[i].usable[j] ? s->groups[i].item->amounts[j] : 0; a != 0;)
			{
				rest = gcd % a;
				gcd = a;
				a = rest;
			}
	if (gcd == 0)
		return false;
	gcd = gcd < 0 ? -gcd : gcd;
	rest = s->high % gcd;
	return s->high - (rest < 0 ? rest + gcd : rest) >= s->low;
}

/* The ways of both; the sum is the first one's. */
static inline Sum
unite(const Sum *a, const Sum *b)
{
	Sum			both = *a;

	if (b->items < a->items || (b->items == a->items && b->code > a->code))
	{
		both.items = b->items;
		both.code = b->code;
	}
	both.ways = Min((uint64) a->ways + b->ways, MAX_WAYS);
	both.same = a->same && b->same && a->code == b->code;
	return both;
}

/*
 * Gives a group its digits: below those of the groups before it on the left
 * side, above those of the groups behind it on the right side.  False when the
 * code has no more room.
 */
static bool
take_digits(Group *g, const Group *neighbour)
{
	g->radix = 1;
	for (int i = 0; i < g->item->n; i++)
		if (g->usable[i] && pg_mul_u64_overflow(g->radix, (uint64) g->n + 1, &g->radix))
			return false;
	if (g->left)
		g->unit = (neighbour ? neighbour->unit : PG_UINT64_MAX) / g->radix;
	else if (neighbour == NULL)
		g->unit = 1;
	else if (pg_mul_u64_overflow(neighbour->unit, neighbour->radix, &g->unit))
		return false;
	return g->unit > 0 && g->radix <= PG_UINT64_MAX / g->unit;
}

/* What using one item more with each amount adds to the code: the first amount counts most. */
static void
digit_units(const Group *g, uint64 *units)
{
	uint64		unit = g->unit;

	for (int i = g->item->n - 1; i >= 0; i--)
		if (g->usable[i])
		{
			units[i] = unit;
			unit *= (uint64) g->n + 1;
		}
}

/* A list of sums, shifted by an amount of the item that is being added. */
typedef struct Source
{
	const Sum  *next;
	int64		amount;
	uint64		unit;
	int			items;			/* 1; 0 for the list itself, in which the item is not used */
} Source;

/* The sources of a merge: the list itself, and shifted by each amount. */
static int
open_sources(const Side *side, const Group *g, Source *sources)
{
	uint64		units[O2C_MAX_CHOICES];
	int			n = 1;

	digit_units(g, units);
	sources[0] = (Source) {side->sums};
	for (int i = 0; i < g->item->n; i++)
		if (g->usable[i])
			sources[n++] = (Source) {side->sums, g->item->amounts[i], units[i], 1};
	return n;
}

/* Merges sources into one list of those sums that lead to the range; returns how many. */
static uint64
merge(const Search *s, const Side *side, Source *sources, int n_sources, Sum *out)
{
	uint64		n = 0;
	int64		low = s->low - side->others_max;
	int64		high = s->high - side->others_min;

	for (;;)
	{
		Source	   *least = &sources[0];
		int64		least_sum = least->next->sum;
		Sum			sum;

		for (int i = 1; i < n_sources; i++)
		{
			int64		other = sources[i].next->sum + sources[i].amount;

			least = other < least_sum ? &sources[i] : least;
			least_sum = Min(other, least_sum);
		}
		if (least_sum > high)	/* which ends the sources, too */
			return n;
		sum = *least->next++;
		if (least_sum < low)
			continue;
		sum.sum = least_sum;
		sum.code += least->unit;
		sum.items += least->items;
		if (n > 0 && out[n - 1].sum == sum.sum && out[n - 1].items > 0 && sum.items > 0)
			out[n - 1] = unite(&out[n - 1], &sum);
		else
			out[n++] = sum;
		if ((n & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* Adds the items of a group to a side; false when the budget does not allow it. */
static bool
add_group(Search *s, Side *side, const Group *g)
{
	for (int i = 0; i < g->n; i++)
	{
		Source		sources[O2C_MAX_CHOICES + 1];
		int			n_sources = open_sources(side, g, sources);
		Sum		   *sums;

		if (n_sources == 1)
			return true;		/* no amount is usable */
		s->nodes += side->n * n_sources;
		if (s->nodes > s->budget || ++side->items > MAX_ITEMS)
			return false;
		sums = palloc_extended(sizeof(Sum) * (side->n * n_sources + 1), MCXT_ALLOC_HUGE);
		side->others_min -= g->min;
		side->others_max -= g->max;
		side->n = merge(s, side, sources, n_sources, sums);
		sums[side->n].sum = NO_SUM;
		pfree(side->sums);
		side->sums = sums;
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

/* A side without items. */
static void
open_side(Side *side, int64 min, int64 max)
{
	side->sums = palloc0(sizeof(Sum) * 2);
	side->sums[0].ways = side->sums[0].same = 1;
	side->sums[1].sum = NO_SUM;
	side->n = 1;
	side->others_min = min;
	side->others_max = max;
}

/* Whether the groups that are left are so few that they need not be merged. */
static bool
can_hold(const Group *first, const Group *last)
{
	if (last - first >= MAX_HELD)
		return false;
	for (const Group *g = first; g <= last; g++)
		if (g->n > 1)
			return false;
	return true;
}

/* Deals all groups out; false when the budget or the room of the codes does not allow it. */
static bool
deal_out(Search *s)
{
	Group	   *first = s->groups;
	Group	   *last = s->groups + s->n_groups - 1;

	while (first <= last)
	{
		bool		hold = can_hold(first, last);
		bool		left = hold ? s->n_held == 0 : s->left.n <= s->right.n;
		Side	   *side = left ? &s->left : &s->right;
		Group	   *g = left ? first++ : last--;

		g->left = left;
		if (!take_digits(g, side->last) || (!hold && !add_group(s, side, g)))
			return false;
		side->last = g;
		if (hold)
			s->held[s->n_held++] = g;
	}
	return true;
}

/* Adds the solutions that sums of both sides make. */
static void
add_solutions(Found *found, const Base *base, const Sum *left, const Sum *right)
{
	uint64		ways;
	uint32		items = base->items + left->items + right->items;
	uint64		left_code = base->left + left->code;
	uint64		right_code = base->right + right->code;
	bool		first = found->ways == 0;

	found->same = left->same && right->same &&
		(first || (found->same && left_code == found->left && right_code == found->right));
	if (first || items < found->items ||
		(items == found->items && (left_code > found->left || (left_code == found->left && right_code > found->right))))
	{
		found->items = items;
		found->left = left_code;
		found->right = right_code;
	}
	if (left->ways == MAX_WAYS || right->ways == MAX_WAYS || pg_mul_u64_overflow(left->ways, right->ways, &ways) ||
		pg_add_u64_overflow(found->ways, ways, &found->ways))
		found->ways = PG_UINT64_MAX;
}

/*
 * The sums of a range that only moves up, united.  What comes in is united with
 * "back"; when the oldest one must leave, what is in "back" is united from the
 * other end into "front", so that each sum is united twice at most.
 */
typedef struct Window
{
	const Sum  *sums;
	uint64		n;
	uint64		from;
	uint64		mid;			/* front has all from "from" to before here, each united with those behind it */
	uint64		to;
	Sum			back;			/* all from mid on */
	Sum		   *front;
	uint64		room;
} Window;

/* Moves what is in "back" to "front". */
static void
turn_window(Window *w)
{
	uint64		n = w->to - w->from;

	if (n > w->room)
	{
		if (w->front)
			pfree(w->front);
		w->room = Max(n, 64);
		w->front = palloc_extended(sizeof(Sum) * w->room, MCXT_ALLOC_HUGE);
	}
	/* from the end of the room on, so that its place says how far it is from mid */
	w->mid = w->to;
	w->front[w->room - 1] = w->sums[w->mid - 1];
	for (uint64 i = 1; i < n; i++)
		w->front[w->room - 1 - i] = unite(&w->sums[w->mid - 1 - i], &w->front[w->room - i]);
}

/* Moves a window to the sums from low to high. */
static void
move_window(Window *w, int64 low, int64 high)
{
	for (; w->to < w->n && w->sums[w->to].sum <= high; w->to++)
		w->back = w->mid == w->to ? w->sums[w->to] : unite(&w->back, &w->sums[w->to]);
	for (; w->from < w->to && w->sums[w->from].sum < low; w->from++)
		if (w->from == w->mid)
			turn_window(w);
}

/* All that is in a window. */
static Sum
window_sum(const Window *w)
{
	const Sum  *front = w->from < w->mid ? &w->front[w->room - (w->mid - w->from)] : NULL;

	if (front == NULL)
		return w->back;
	return w->mid < w->to ? unite(front, &w->back) : *front;
}

/* Passes over sums of both sides that meet in no solution, while the window is empty. */
static uint64
skip_misses(const Side *side, Window *w, uint64 left, int64 low, int64 high)
{
	uint64		right = w->to;

	while (left > 0 && right < w->n)
	{
		int64		total = side->sums[left - 1].sum + w->sums[right].sum;

		if (total >= low && total <= high)
			break;
		left -= total > high;	/* no branches that nobody can predict */
		right += total < low;
	}
	w->from = w->mid = w->to = right;
	return left;
}

/* Adds the solutions that items of the right side make alone. */
static void
meet_nothing(const Search *s, const Sum *nothing, Found *found)
{
	static const Base none;

	for (uint64 i = 0; i < s->right.n; i++)
		if (s->right.sums[i].items > 0 && s->right.sums[i].sum >= s->low && s->right.sums[i].sum <= s->high)
			add_solutions(found, &none, nothing, &s->right.sums[i]);
}

/* Meets each sum of the left side, downwards, with those of the right side that complete it. */
static void
meet(const Search *s, const Base *base, Found *found)
{
	Window		w = {s->right.sums, s->right.n};
	int64		low = s->low - base->sum;
	int64		high = s->high - base->sum;

	for (uint64 left = s->left.n; left > 0; left--)
	{
		const Sum  *sum;
		Sum			right;

		CHECK_FOR_INTERRUPTS();
		if (w.from == w.to && (left = skip_misses(&s->left, &w, left, low, high)) == 0)
			break;
		sum = &s->left.sums[left - 1];
		if (base->items == 0 && sum->items == 0)
		{
			meet_nothing(s, sum, found);	/* without items is no solution */
			continue;
		}
		move_window(&w, low - sum->sum, high - sum->sum);
		if (w.from == w.to)
			continue;
		right = window_sum(&w);
		add_solutions(found, base, sum, &right);
	}
	if (w.front)
		pfree(w.front);
}

/* Meets the sides for each choice of the groups that are held back, from one of them on. */
static void
meet_all(const Search *s, int held, const Base *base, Found *found)
{
	uint64		units[O2C_MAX_CHOICES];
	const Group *g;

	if (held == s->n_held)
	{
		meet(s, base, found);
		return;
	}
	g = s->held[held];
	meet_all(s, held + 1, base, found);
	digit_units(g, units);
	for (int i = 0; i < g->item->n; i++)
	{
		Base		chosen = *base;

		if (!g->usable[i])
			continue;
		chosen.sum += g->item->amounts[i];
		chosen.items++;
		*(g->left ? &chosen.left : &chosen.right) += units[i];
		meet_all(s, held + 1, &chosen, found);
	}
}

/* Reads a group's digits: the earliest items are used, with their first amounts. */
static void
read_digits(const Search *s, const Group *g, uint64 code, int8 *choice)
{
	uint64		units[O2C_MAX_CHOICES];
	int			item = g->first;

	digit_units(g, units);
	for (int i = 0; i < g->item->n; i++)
	{
		if (!g->usable[i])
			continue;
		for (uint64 used = code / units[i]; used > 0; used--)
			choice[s->order[item++]] = i + 1;
		code %= units[i];
	}
}

/* Writes the best solution down. */
static void
read_codes(const Search *s, const Found *found, int8 *choice)
{
	uint64		codes[2] = {found->right, found->left};

	for (int i = 0; i < s->n_groups; i++)
	{
		const Group *g = &s->groups[i];

		read_digits(s, g, codes[g->left] - codes[g->left] % g->unit, choice);
		codes[g->left] %= g->unit;
	}
}

/* Searches; what is known already is in the result. */
static void
search(Search *s, int n, O2cSubset *result)
{
	int64		min,
				max;
	Found		found = {0};
	Base		none = {0};

	make_groups(s, n);
	result->status = O2C_SUBSET_UNKNOWN;
	if (!total_span(s, &min, &max))
		return;
	result->status = O2C_SUBSET_NONE;
	s->low = Max(s->low, min);
	s->high = Min(s->high, max);
	if (s->low > s->high)
		return;
	drop_useless(s, min, max);
	if (!is_divisible(s))
		return;
	total_span(s, &min, &max);
	open_side(&s->left, min, max);
	open_side(&s->right, min, max);
	result->status = O2C_SUBSET_UNKNOWN;
	if (!deal_out(s))
		return;
	meet_all(s, 0, &none, &found);
	result->status = found.ways == 0 ? O2C_SUBSET_NONE : found.ways == 1 ? O2C_SUBSET_UNIQUE : O2C_SUBSET_AMBIGUOUS;
	result->solutions = found.ways;
	result->same_amounts = found.same;
	if (found.ways > 0)
		read_codes(s, &found, result->choice);
}

/*
 * Which of n items make up a sum from low to high, at least one item.  The
 * budget is in sums that are made (O2C_SUBSET_BUDGET); memory is 24 bytes for
 * each of some of them, and freed.  The choice of the result is the caller's.
 */
O2cSubset
o2c_subset(const O2cChoice *items, int n, int64 low, int64 high, uint64 budget)
{
	O2cSubset	result = {O2C_SUBSET_NONE};
	Search		s = {items};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext mine = AllocSetContextCreate(caller, "o2c subset", ALLOCSET_DEFAULT_SIZES);

	result.choice = palloc_extended(Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	s.low = low;
	s.high = high;
	s.budget = budget;
	MemoryContextSwitchTo(mine);
	search(&s, n, &result);
	result.nodes = s.nodes;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(mine);
	return result;
}
