/*-------------------------------------------------------------------------
 *
 * pending.c
 *		What a command does to stock, put off to its end.
 *
 * One command may touch stock many times: a payment releases orders one after
 * the other, a change gives back here and takes there.  Each time on its own
 * would lock stock rows in the order of the orders, and two commands could wait
 * for each other in a circle.  So what happens to stock is only noted, and when
 * the outermost function of o2c ends, the rows are locked in product order, the
 * counters moved, and what became free is given to the lines that wait for it,
 * the earliest wish first.
 *
 * Those lines may be of anybody.  They are taken where nobody is at work on
 * them and never waited for, because stock comes last in the locking order
 * (party/customer.c).
 *
 *-------------------------------------------------------------------------
 */
#include "inventory/pending.h"

#include "access/xact.h"
#include "core/money.h"
#include "core/plan.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define MOST_PENDING 100000

/* One note. */
typedef struct Pending
{
	SubTransactionId written_in;
	int64		company;
	int64		order_id;		/* whose place it is, unless there is a location */
	int64		product;		/* 0: all that the order waits for */
	char	   *location;
	Numeric		on_hand;		/* NULL: does not change */
	Numeric		reserved;
	bool		serves;			/* whether somebody may get something */
	bool		locks;			/* whether the row is not locked yet */
} Pending;

/* The notes of this transaction, in its memory. */
static Pending *pending = NULL;
static int	n_pending = 0;
static int	room = 0;

/* Whether there are any. */
bool
o2c_stock_pending(void)
{
	return n_pending > 0;
}

/* Forgets what a subtransaction noted that is rolled back; those within it have higher ids. */
static void
forget_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent, void *arg)
{
	int			kept = 0;

	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	for (int i = 0; i < n_pending; i++)
		if (pending[i].written_in < id)
			pending[kept++] = pending[i];
	n_pending = kept;
}

/* Forgets everything when the transaction ends. */
static void
forget_transaction(XactEvent event, void *arg)
{
	pending = NULL;
	n_pending = room = 0;
}

/* The lines that wait for some products, those whose turn it is; one that somebody else is at work on is passed over. */
static O2cPlan lock_waiting = O2C_PLAN(
	"SELECT l.order_id, l.line_no FROM (SELECT l.order_id, l.line_no, s.on_hand - s.reserved AS free,"
	" sum(l.confirmed_quantity - l.shipped_quantity - l.reserved_quantity)"
	" OVER (PARTITION BY l.product_id, o.location ORDER BY coalesce(o.requested_on, o.ordered_on), l.order_id, l.line_no)"
	" - (l.confirmed_quantity - l.shipped_quantity - l.reserved_quantity) AS before"
	" FROM o2c.order_line l JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = l.order_id AND o.location = ANY ($3)"
	" JOIN o2c.stock s ON s.company_id = $1 AND s.product_id = l.product_id AND s.location = o.location"
	" WHERE l.company_id = $1 AND l.product_id = ANY ($2) AND l.kind = 'item'"
	" AND l.confirmed_quantity > l.shipped_quantity + l.reserved_quantity) w"
	" JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = w.order_id AND l.line_no = w.line_no"
	" WHERE w.free > w.before FOR NO KEY UPDATE OF l SKIP LOCKED",
	INT8OID, INT8ARRAYOID, TEXTARRAYOID);

/* Gives them what is there; what is in force of them stays as it is. */
static O2cPlan serve_lines = O2C_PLAN(
	"UPDATE o2c.order_line l SET reserved_quantity = l.reserved_quantity + least(w.quantity, w.free - w.before)"
	" FROM (SELECT l.order_id, l.line_no, l.confirmed_quantity - l.shipped_quantity - l.reserved_quantity AS quantity,"
	" s.on_hand - s.reserved AS free, sum(l.confirmed_quantity - l.shipped_quantity - l.reserved_quantity)"
	" OVER (PARTITION BY l.product_id, o.location ORDER BY coalesce(o.requested_on, o.ordered_on), l.order_id, l.line_no)"
	" - (l.confirmed_quantity - l.shipped_quantity - l.reserved_quantity) AS before"
	" FROM unnest($2, $3) AS u (order_id, line_no)"
	" JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = u.order_id AND l.line_no = u.line_no"
	" JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = l.order_id"
	" JOIN o2c.stock s ON s.company_id = $1 AND s.product_id = l.product_id AND s.location = o.location) w"
	" WHERE l.company_id = $1 AND l.order_id = w.order_id AND l.line_no = w.line_no AND w.quantity > 0 AND w.free > w.before",
	INT8OID, INT8ARRAYOID, INT4ARRAYOID);

/* Gives stock that may be free, and whose rows are locked, to the lines that wait for it. */
static void
serve_backorders(int64 company, Datum products, Datum locations)
{
	int			n = (int) o2c_run(&lock_waiting, O2C_ARGS(o2c_int8(company), o2c_datum(products), o2c_datum(locations)));
	int64	   *orders = palloc(sizeof(int64) * Max(n, 1));
	NullableDatum *lines = palloc(sizeof(NullableDatum) * Max(n, 1));

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		orders[i] = o2c_row_int8(i, 1);
		lines[i] = o2c_int4(o2c_row_int4(i, 2));
	}
	o2c_run(&serve_lines, O2C_ARGS(o2c_int8(company), o2c_datum(o2c_int8_array(orders, n)), o2c_datum(o2c_datum_array(lines, n, INT4OID))));
}

/* Locks the stock rows of notes, in product order. */
static O2cPlan lock_stock = O2C_PLAN(
	"SELECT s.product_id, s.location FROM o2c.stock s WHERE s.company_id = $1 AND (s.product_id, s.location) IN"
	" (SELECT coalesce(u.product_id, l.product_id), coalesce(u.location, o.location) FROM unnest($2, $3, $4) AS u (order_id, product_id, location)"
	" LEFT JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = u.order_id"
	" LEFT JOIN o2c.order_line l ON l.company_id = $1 AND l.order_id = u.order_id AND u.product_id IS NULL)"
	" ORDER BY s.product_id, s.location FOR NO KEY UPDATE OF s",
	INT8OID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID);

/* Moves the counters; what ships takes its reservation along. */
static O2cPlan move_stock = O2C_PLAN(
	"UPDATE o2c.stock s SET on_hand = s.on_hand + m.on_hand, reserved = s.reserved + m.reserved FROM"
	" (SELECT u.product_id, coalesce(u.location, o.location) AS location, sum(u.on_hand) AS on_hand, sum(u.reserved) AS reserved"
	" FROM unnest($2, $3, $4, $5, $6) AS u (order_id, product_id, location, on_hand, reserved)"
	" LEFT JOIN o2c.sales_order o ON o.company_id = $1 AND o.order_id = u.order_id"
	" WHERE u.product_id IS NOT NULL GROUP BY 1, 2 HAVING sum(u.on_hand) <> 0 OR sum(u.reserved) <> 0) m"
	" WHERE s.company_id = $1 AND s.product_id = m.product_id AND s.location = m.location",
	INT8OID, INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID);

/* Notes as columns of a statement, beside its first argument. */
static void
columns_of(const Pending *notes, int n, NullableDatum *args)
{
	static const Oid types[5] = {INT8OID, INT8OID, TEXTOID, NUMERICOID, NUMERICOID};
	NullableDatum *columns[5];

	for (int c = 0; c < 5; c++)
		columns[c] = palloc(sizeof(NullableDatum) * n);
	for (int i = 0; i < n; i++)
	{
		columns[0][i] = notes[i].order_id == 0 ? O2C_NULL : o2c_int8(notes[i].order_id);
		columns[1][i] = notes[i].product == 0 ? O2C_NULL : o2c_int8(notes[i].product);
		columns[2][i] = o2c_opt_cstring(notes[i].location);
		columns[3][i] = o2c_datum(NumericGetDatum(notes[i].on_hand == NULL ? o2c_zero() : notes[i].on_hand));
		columns[4][i] = o2c_datum(NumericGetDatum(notes[i].reserved == NULL ? o2c_zero() : notes[i].reserved));
	}
	args[0] = o2c_int8(notes[0].company);
	for (int c = 0; c < 5; c++)
		args[1 + c] = o2c_datum(o2c_datum_array(columns[c], n, types[c]));
}

/* The places of the rows that were just locked. */
static void
read_places(int n, Datum *products, Datum *locations)
{
	int64	   *ids = palloc(sizeof(int64) * Max(n, 1));
	char	  **names = palloc(sizeof(char *) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		ids[i] = o2c_row_int8(i, 1);
		names[i] = o2c_row_text(i, 2);
	}
	*products = o2c_int8_array(ids, n);
	*locations = o2c_text_array(names, n);
}

/* Carries out the notes of one company. */
static void
settle(const Pending *notes, int n)
{
	NullableDatum args[6];
	Datum		products,
				locations;
	bool		serves = false;
	bool		locks = false;

	for (int i = 0; i < n; i++)
	{
		serves |= notes[i].serves;
		locks |= notes[i].locks;
	}
	columns_of(notes, n, args);
	/* one row alone needs no order; who takes has locked it already, to see what is there */
	if (serves || (locks && n > 1))
		read_places((int) o2c_run(&lock_stock, args), &products, &locations);
	o2c_run(&move_stock, args);
	if (serves)
		serve_backorders(notes[0].company, products, locations);
}

/* Carries everything out; serving makes notes of its own. */
static void
settle_all(void)
{
	while (n_pending > 0)
	{
		Pending    *notes = pending;
		int			n = n_pending;

		pending = NULL;
		n_pending = room = 0;
		for (int i = 0, end; i < n; i = end)
		{
			for (end = i + 1; end < n && notes[end].company == notes[i].company; end++)
				;
			settle(&notes[i], end - i);
		}
		pfree(notes);
	}
}

/* A new note, to be carried out when the command ends, or when there are very many. */
static Pending *
new_note(int64 company)
{
	static bool registered = false;
	Pending    *note;

	if (!registered)
	{
		RegisterXactCallback(forget_transaction, NULL);
		RegisterSubXactCallback(forget_subtransaction, NULL);
		registered = true;
	}
	if (n_pending == MOST_PENDING)
		settle_all();
	if (n_pending == room)
	{
		room = Max(8, room * 2);
		pending = pending == NULL ? MemoryContextAlloc(TopTransactionContext, sizeof(Pending) * room)
			: repalloc(pending, sizeof(Pending) * room);
	}
	o2c_at_end(settle_all);
	note = &pending[n_pending++];
	memset(note, 0, sizeof(Pending));
	note->written_in = GetCurrentSubTransactionId();
	note->company = company;
	return note;
}

/* A copy of a number that lives as long as the notes. */
static Numeric
keep(Numeric value)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	Numeric		copy = DatumGetNumericCopy(NumericGetDatum(value));

	MemoryContextSwitchTo(caller);
	return copy;
}

/* Notes what a line takes from or gives back to what is reserved at its order's place. */
void
o2c_put_reservation(int64 company, int64 order_id, int64 product, Numeric quantity)
{
	Pending    *note = new_note(company);

	note->order_id = order_id;
	note->product = product;
	note->reserved = keep(quantity);
	note->serves = note->locks = o2c_sign(quantity) < 0;
}

/* Notes what came in or went out. */
void
o2c_put_movement(int64 company, int64 product, const char *location, Numeric quantity, bool shipment)
{
	Pending    *note = new_note(company);

	note->product = product;
	note->location = MemoryContextStrdup(TopTransactionContext, location);
	note->on_hand = keep(quantity);
	note->reserved = shipment ? note->on_hand : NULL;
	note->serves = o2c_sign(quantity) > 0;
	note->locks = true;
}

/* Notes an order whose lines wait for stock from now on. */
void
o2c_put_order(int64 company, int64 order_id)
{
	Pending    *note = new_note(company);

	note->order_id = order_id;
	note->serves = note->locks = true;
}
