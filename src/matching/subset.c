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
 * What keeps the search fast: nothing of it waits for a branch that depends on
 * which of two sums is the larger one, since half of these would be guessed
 * wrong.  What keeps the lists short, and the search exact:
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
#define FIRST_ROOM 64
#define NO_SUM (INT64CONST(1) << 62)	/* plus or minus an amount it is beyond every range */

/* The ways to a sum that items of one side make. */
typedef struct Ways
{
	uint64		code;			/* the best one: which items */
	uint64		rest;			/* from the top: how many items the best one has, 15 bits; whether all ways have its code, 1 bit;
								 * how many ways, at MAX_WAYS too many to count, 48 bits */
} Ways;

#define ONE_ITEM (UINT64CONST(1) << 49)
#define SAME_CODE (UINT64CONST(1) << 48)
#define items_of(ways) ((uint32) ((ways)->rest / ONE_ITEM))
#define count_of(ways) ((ways)->rest & MAX_WAYS)
#define is_same(ways) (((ways)->rest & SAME_CODE) != 0)

/* Sums apart from their ways: most of the search looks at sums only. */
typedef struct Side
{
	int64	   *sums;			/* ascending, then NO_SUM */
	Ways	   *ways;			/* to each of them; the empty one (no items) stays apart, before others of its sum */
	uint64		n;
	uint64		room;
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
	uint128    *counts;			/* ways to the right sums before a place; made when it is needed */
	uint64	   *reach;			/* by number of items: right sums with so many or fewer are all before this place */
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
	uint64		pairs;			/* sums that meet */
	bool		same;			/* all ways to the sums of the last pair have one code */
	uint32		items;
	uint64		left;			/* codes */
	uint64		right;
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

/* Whether ways are better than others: they use fewer items, or earlier ones. */
static inline bool
is_better(const Ways *a, const Ways *b)
{
	return items_of(a) < items_of(b) || (items_of(a) == items_of(b) && a->code > b->code);
}

/* The ways of both. */
static inline Ways
unite(const Ways *a, const Ways *b)
{
	const Ways *best = is_better(b, a) ? b : a;
	bool		same = is_same(a) && is_same(b) && a->code == b->code;

	return (Ways) {best->code, items_of(best) * ONE_ITEM + same * SAME_CODE + Min(count_of(a) + count_of(b), MAX_WAYS)};
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

/* The list of a side, shifted by an amount of the item that is being added. */
typedef struct Source
{
	int64		amount;
	Ways		item;			/* what it adds to ways */
} Source;

/* The sources of a merge: the list itself, in which the item is not used, and shifted by each amount. */
static int
open_sources(const Group *g, Source *sources)
{
	uint64		units[O2C_MAX_CHOICES];
	int			n = 1;

	digit_units(g, units);
	sources[0] = (Source) {0};
	for (int i = 0; i < g->item->n; i++)
		if (g->usable[i])
			sources[n++] = (Source) {g->item->amounts[i], {units[i], ONE_ITEM}};
	return n;
}

/* Makes room for what a merge makes of a list, and moves the list to the end of it; returns where it is then. */
static uint64
make_room(Side *side, int n_sources)
{
	uint64		room = side->n * n_sources;
	uint64		start = room - side->n;

	if (room > side->room)
	{
		side->sums = repalloc_huge(side->sums, sizeof(int64) * (room + 1));
		side->ways = repalloc_huge(side->ways, sizeof(Ways) * room);
		side->room = room;
	}
	memmove(side->sums + start, side->sums, sizeof(int64) * (side->n + 1));
	memmove(side->ways + start, side->ways, sizeof(Ways) * side->n);
	return start;
}

/* One of two values; no branch, since nobody can predict it. */
static inline uint64
choose(bool second, uint64 a, uint64 b)
{
	return a ^ ((a ^ b) & -(uint64) second);
}

/*
 * Merges sources, shifts of the list from a place on, into one list of those
 * sums that lead to the range.  It is written over what has been read: of n
 * sources of m sums, the one that is behind has (n - 1) * m places before it,
 * and the others are not farther than m.  The number of sources is constant,
 * so that they are in registers.
 */
static pg_attribute_always_inline void
merge(const Search *s, Side *side, uint64 start, const Source *sources, const int n_sources)
{
	int64	   *sums = side->sums;
	Ways	   *ways = side->ways;
	uint64		next[O2C_MAX_CHOICES + 1] = {start, start, start, start};
	uint64		n = 0;
	int64		low = s->low - side->others_max;
	int64		high = s->high - side->others_min;

	for (;;)
	{
		int64		sum = sums[next[0]];
		uint64		least = 0;
		uint64		place = next[0];
		Ways		way;

		for (int i = 1; i < n_sources; i++)
		{
			int64		other = sums[next[i]] + sources[i].amount;
			bool		less = other < sum;

			sum = choose(less, sum, other);
			least = choose(less, least, i);
			place = choose(less, place, next[i]);
		}
		if (sum > high)			/* which ends the sources, too */
			break;
		for (int i = 0; i < n_sources; i++)
			next[i] += least == i;
		if (sum < low)
			continue;
		way.code = ways[place].code + sources[least].item.code;
		way.rest = ways[place].rest + sources[least].item.rest;
		if (n > 0 && sums[n - 1] == sum && items_of(&ways[n - 1]) > 0)
			ways[n - 1] = unite(&ways[n - 1], &way);
		else
		{
			sums[n] = sum;
			ways[n++] = way;
			if ((n & 0xffff) == 0)
				CHECK_FOR_INTERRUPTS();
		}
	}
	sums[n] = NO_SUM;
	side->n = n;
}

/* Adds the items of a group to a side; false when the budget does not allow it. */
static bool
add_group(Search *s, Side *side, const Group *g)
{
	Source		sources[O2C_MAX_CHOICES + 1];
	int			n_sources = open_sources(g, sources);

	for (int i = 0; i < g->n && n_sources > 1; i++)
	{
		uint64		start;

		s->nodes += side->n * n_sources;
		if (s->nodes > s->budget || ++side->items > MAX_ITEMS)
			return false;
		start = make_room(side, n_sources);
		side->others_min -= g->min;
		side->others_max -= g->max;
		if (n_sources == 2)
			merge(s, side, start, sources, 2);
		else if (n_sources == 3)
			merge(s, side, start, sources, 3);
		else
			merge(s, side, start, sources, 4);
		CHECK_FOR_INTERRUPTS();
	}
	return true;
}

/* A side without items. */
static void
open_side(Side *side, int64 min, int64 max)
{
	side->room = FIRST_ROOM;
	side->sums = palloc(sizeof(int64) * (side->room + 1));
	side->ways = palloc(sizeof(Ways) * side->room);
	side->sums[0] = 0;
	side->sums[1] = NO_SUM;
	side->ways[0] = (Ways) {0, SAME_CODE + 1};
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

/* Ways, as they are counted in a range: 2^64 stands for too many to count. */
static inline uint128
count_ways(const Ways *ways)
{
	return (uint128) (count_of(ways) == MAX_WAYS) << 64 | count_of(ways);
}

/* Counts the ways to all right sums before each place. */
static void
count_right(Search *s)
{
	s->counts = palloc_extended(sizeof(uint128) * (s->right.n + 1), MCXT_ALLOC_HUGE);
	s->counts[0] = 0;
	for (uint64 i = 0; i < s->right.n; i++)
		s->counts[i + 1] = s->counts[i] + count_ways(&s->right.ways[i]);
}

/* The ways to the right sums of a range. */
static inline uint128
ways_in_range(Search *s, uint64 from, uint64 to)
{
	if (to - from == 1)
		return count_ways(&s->right.ways[from]);
	if (s->counts == NULL)
		count_right(s);
	return s->counts[to] - s->counts[from];
}

/* Where the right sums with so many items or fewer end. */
static void
set_reach(Search *s)
{
	s->reach = palloc0(sizeof(uint64) * (s->right.items + 1));
	for (uint64 i = 0; i < s->right.n; i++)
		s->reach[items_of(&s->right.ways[i])] = i + 1;
	for (int i = 1; i <= s->right.items; i++)
		s->reach[i] = Max(s->reach[i], s->reach[i - 1]);
}

/*
 * The best ways to sums of a range that only moves up.  What comes in is
 * compared with "back"; when that is no longer all in the range, all that is
 * gets into "front", so that each sum is compared twice at most.
 */
typedef struct Window
{
	const Ways *ways;
	uint64		first;			/* of which front[0] tells */
	uint64		mid;			/* front tells the best of all from a place to before here */
	uint64		to;
	uint64		back;			/* the best of all from mid to before "to" */
	uint64	   *front;
	uint64		room;
} Window;

/* The better one of two places. */
static inline uint64
better(const Window *w, uint64 a, uint64 b)
{
	return is_better(&w->ways[b], &w->ways[a]) ? b : a;
}

/* Moves all that is in a window from a place on to "front". */
static void
turn_window(Window *w, uint64 from)
{
	if (w->to - from > w->room)
	{
		if (w->front)
			pfree(w->front);
		w->room = Max(w->to - from, 64);
		w->front = palloc_extended(sizeof(uint64) * w->room, MCXT_ALLOC_HUGE);
	}
	w->first = from;
	w->mid = w->to;
	w->front[w->to - 1 - from] = w->to - 1;
	for (uint64 i = w->to - 1; i > from; i--)
		w->front[i - 1 - from] = better(w, w->front[i - from], i - 1);
}

/* The best of a range; the next one begins and ends not before this one. */
static uint64
best_in_window(Window *w, uint64 from, uint64 to)
{
	if (from >= w->to)
		w->mid = w->to = from;	/* all of it has left */
	for (; w->to < to; w->to++)
		w->back = w->mid == w->to ? w->to : better(w, w->back, w->to);
	if (from > w->mid)
		turn_window(w, from);
	if (from == w->mid)
		return w->back;
	return w->mid < w->to ? better(w, w->front[from - w->first], w->back) : w->front[from - w->first];
}

/* What meeting the sides for one choice of the held groups needs to know. */
typedef struct Meeting
{
	Search	   *s;
	const Base *base;
	int64		low;
	int64		high;
	int			least;			/* no right sum from the last range on has fewer items */
	Window		window;
} Meeting;

/* Counts what meets. */
static inline void
add_ways(Found *found, uint64 left, uint128 right)
{
	uint64		ways;

	if (left == MAX_WAYS || right > PG_UINT64_MAX || pg_mul_u64_overflow(left, (uint64) right, &ways) ||
		pg_add_u64_overflow(found->ways, ways, &found->ways))
		found->ways = PG_UINT64_MAX;
}

/* Takes a pair of sums when it is better than what was found. */
static void
add_best(Found *found, const Base *base, const Ways *left, const Ways *right)
{
	uint32		items = base->items + items_of(left) + items_of(right);
	uint64		left_code = base->left + left->code;
	uint64		right_code = base->right + right->code;

	if (items > found->items ||
		(items == found->items && (left_code < found->left || (left_code == found->left && right_code < found->right))))
		return;
	found->items = items;
	found->left = left_code;
	found->right = right_code;
}

/* Adds the solutions that items of the right side make alone: without items is none. */
static void
add_right(Meeting *m, const Ways *left, uint64 from, uint64 to, Found *found)
{
	for (uint64 i = from; i < to; i++)
	{
		const Ways *right = &m->s->right.ways[i];

		if (items_of(right) == 0)
			continue;
		add_ways(found, 1, count_ways(right));
		found->pairs++;
		found->same = is_same(right);
		add_best(found, m->base, left, right);
	}
}

/* Adds the solutions that a left sum makes with a range of right ones. */
static void
add_range(Meeting *m, const Ways *left, uint64 from, uint64 to, Found *found)
{
	const Ways *right = m->s->right.ways;
	uint32		items;

	if (m->base->items == 0 && items_of(left) == 0)
	{
		add_right(m, left, from, to, found);
		return;
	}
	add_ways(found, count_of(left), ways_in_range(m->s, from, to));
	found->pairs += to - from;
	found->same = is_same(left) && is_same(&right[from]);
	while (m->s->reach[m->least] <= from)
		m->least++;
	items = m->base->items + items_of(left) + m->least;
	if (items < found->items || (items == found->items && m->base->left + left->code >= found->left))
		add_best(found, m->base, left, &right[best_in_window(&m->window, from, to)]);
}

/*
 * Two sorted lists are passed in opposite directions, which takes many steps
 * that nobody can predict: so there are no branches for them.  Each step moves
 * one place on one of the lists: what is added to the left place, which falls,
 * to get the right one grows by one with each step.
 */
typedef struct Walk
{
	int64		limit;
	int64		left;
	int64		right;			/* less the left place */
} Walk;

/* One step towards the first right sum that makes more than a limit with a left one; its place is noted for the left one. */
static inline void
step(Walk *w, const int64 *left, const int64 *right, int64 *places)
{
	int64		place = w->right + w->left;
	bool		over = left[w->left] + right[place] > w->limit;

	places[w->left] = place;
	w->left -= over;
	w->right++;
}

#define BLOCK 256

/* Left sums that are met at once. */
typedef struct Block
{
	int64		from[BLOCK];	/* where the range of each begins, and where it ends */
	int64		to[BLOCK];
	int64		next_from;		/* for the next block: not before here */
	int64		next_to;
} Block;

/* Finds the ranges for n left sums. */
static void
find_ranges(const Meeting *m, Block *b, const int64 *left, int n)
{
	const int64 *right = m->s->right.sums;
	Walk		from = {m->low - 1, n - 1, b->next_from - (n - 1)};
	Walk		to = {m->high, n - 1, b->next_to - (n - 1)};

	while (from.left >= 0 && to.left >= 0)	/* both at once, as they do not wait for each other */
	{
		step(&from, left, right, b->from);
		step(&to, left, right, b->to);
	}
	while (from.left >= 0)
		step(&from, left, right, b->from);
	while (to.left >= 0)
		step(&to, left, right, b->to);
	b->next_from = from.right + from.left;
	b->next_to = to.right + to.left;
}

/* Meets each left sum, downwards, with the right ones that make a sum in the range with it. */
static void
meet_range(Meeting *m, Found *found)
{
	const Side *side = &m->s->left;
	Block		b;
	int			n;

	b.next_from = b.next_to = 0;
	for (uint64 end = side->n; end > 0 && b.next_from < m->s->right.n; end -= n)
	{
		CHECK_FOR_INTERRUPTS();
		n = Min(end, BLOCK);
		find_ranges(m, &b, side->sums + end - n, n);
		for (int i = n - 1; i >= 0; i--)
			if (b.from[i] < b.to[i])
				add_range(m, &side->ways[end - n + i], b.from[i], b.to[i], found);
	}
}

/* The same when the range is one sum, which few of them make: then no places are noted. */
static void
meet_sum(Meeting *m, Found *found)
{
	const int64 *left = m->s->left.sums;
	const int64 *right = m->s->right.sums;
	Walk		w = {m->low, m->s->left.n - 1, 1 - (int64) m->s->left.n};

	for (; w.left >= 0; w.right++)
	{
		int64		place = w.right + w.left;
		int64		end = place;
		int64		total = left[w.left] + right[place];

		if (total == w.limit)
		{
			CHECK_FOR_INTERRUPTS();
			do
				end++;
			while (right[end] == right[place]);
			add_range(m, &m->s->left.ways[w.left], place, end, found);
		}
		w.left -= total >= w.limit;
	}
}

/* Meets the sides. */
static void
meet(Search *s, const Base *base, Found *found)
{
	Meeting		m = {s, base, s->low - base->sum, s->high - base->sum, .window = {s->right.ways}};

	if (m.low == m.high)
		meet_sum(&m, found);
	else
		meet_range(&m, found);
	if (m.window.front)
		pfree(m.window.front);
}

/* Meets the sides for each choice of the groups that are held back, from one of them on. */
static void
meet_all(Search *s, int held, const Base *base, Found *found)
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
	Found		found = {.items = PG_UINT32_MAX};
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
	set_reach(s);
	meet_all(s, 0, &none, &found);
	result->status = found.ways == 0 ? O2C_SUBSET_NONE : found.ways == 1 ? O2C_SUBSET_UNIQUE : O2C_SUBSET_AMBIGUOUS;
	result->solutions = found.ways;
	result->same_amounts = found.pairs == 1 && found.same;
	if (found.ways > 0)
		read_codes(s, &found, result->choice);
}

/*
 * Which of n items make up a sum from low to high, at least one item.  The
 * budget is in sums that are made (O2C_SUBSET_BUDGET); memory is 24 bytes for
 * each of those that are kept, and for a range 16 more for those of one side.
 * It is freed; the choice of the result is the caller's.
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
