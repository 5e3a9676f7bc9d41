/*-------------------------------------------------------------------------
 *
 * match.c
 *		Applies payments to invoices by themselves.
 *
 * One payment or all of them, a run is the same: read the payments and what
 * they say (documents.c, payers.c), lock the groups of all customers that it leads to, read
 * what they owe (book.c), explain one payment after the other in the order of
 * (received_on, payment_id) and take what is applied off in memory (explain.c),
 * then write everything in a few statements.
 *
 * Payments whose text names what they pay come first.  What one payment closes
 * may leave another one with a single explanation, so the payments of a group
 * are looked at again until nothing is found: a second call finds nothing then.
 *
 * Locking order: groups of customers, payments, items.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"

#include "cash/payment.h"
#include "core/plan.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "party/customer.h"
#include "receivable/application.h"
#include "receivable/item.h"
#include "utils/guc.h"
#include "utils/memutils.h"

/* Something applied. */
typedef struct Applied
{
	O2cPending *payment;
	const char *stage;
	int			credit;			/* place of the credit note that pays, or -1: the payment itself */
	int			debit;
	int64		cash;
	int64		discount;
	int64		tolerance;
	int64		exchanged;		/* taken from the payment where that is in another currency */
} Applied;

/* A result to write. */
typedef struct Verdict
{
	O2cPending *payment;
	O2cFinding *finding;
} Verdict;

/* What a run came to. */
typedef struct Run
{
	O2cMatch	match;
	MemoryContext scratch;		/* reset for each payment that is looked at */
	Applied    *applied;
	int			n_applied;
	int			room_applied;
	Verdict	   *results;
	int			n_results;
	int			room_results;
} Run;

/* Adds a customer to a growing array. */
static void
add_customer(int64 **customers, int *n, int *room, int64 customer)
{
	if (*n == *room)
		*customers = repalloc_huge(*customers, sizeof(int64) * (*room *= 2));
	(*customers)[(*n)++] = customer;
}

/*
 * Locks the groups that payments may be applied in: its customer's, or those that
 * a payment without customer leads to.  What else its text names is only read:
 * who records a payment and matches just that one in one transaction takes no second lock.
 */
static void
lock_concerned(const O2cMatch *match)
{
	int			room = 64;
	int			n = 0;
	int64	   *customers = palloc(sizeof(int64) * room);

	for (int i = 0; i < match->n; i++)
	{
		const O2cPending *p = &match->payments[i];

		if (p->customer != 0)
		{
			add_customer(&customers, &n, &room, p->customer);
			continue;
		}
		for (int j = 0; j < p->n_hits; j++)
			add_customer(&customers, &n, &room, p->hits[j].customer);
		for (int j = 0; j < p->n_parties; j++)
			add_customer(&customers, &n, &room, p->parties[j].customer);
	}
	o2c_lock_customers(match->company, customers, n);
}

/* Changes whenever something of a payment's groups is applied. */
static uint64
state_of(const O2cMatch *match, const O2cPending *p)
{
	uint64		state = 0;

	for (int i = 0; i < p->n_hits + p->n_parties; i++)
	{
		const O2cMatchGroup *group = o2c_match_group(&match->book, i < p->n_hits ? p->hits[i].group : p->parties[i - p->n_hits].group);

		state += group == NULL ? 0 : group->version;
	}
	for (int i = 0; i < p->n_neighbours; i++)
	{
		int			place = o2c_first_item(&match->book, p->neighbours[i]);

		state += place >= 0 && match->book.items[place].open == 0;
	}
	return state;
}

/* What a payment gives for some cash: its own, or what that costs in its currency of what it is worth. */
static int64
price_of(const O2cExplanation *e, const O2cPending *p, int64 *worth, int64 cash)
{
	int64		price;

	if (e->currency == NULL)
		return cash;
	/* of what is left, so that the parts of all are the whole */
	price = *worth <= cash ? p->open : (int64) (((int128) p->open * cash + *worth / 2) / *worth);
	*worth -= cash;
	return price;
}

/* Notes that something pays an item, and takes it off. */
static void
note_applied(Run *run, O2cPending *p, const O2cExplanation *e, int credit, const O2cMatchPart *part, int64 cash, int64 price, bool last)
{
	Applied    *a;
	O2cMatchItem *debit = &run->match.book.items[part->item];

	if (run->n_applied == run->room_applied)
	{
		run->room_applied = Max(run->room_applied * 2, 64);
		run->applied = run->applied == NULL ? palloc(sizeof(Applied) * run->room_applied) :
			repalloc_huge(run->applied, sizeof(Applied) * run->room_applied);
	}
	a = &run->applied[run->n_applied++];
	*a = (Applied) {p, e->stage, credit, part->item, cash, last ? part->discount : 0, last ? part->tolerance : 0,
	credit < 0 && e->currency != NULL ? price : 0};
	debit->open -= a->cash + a->discount + a->tolerance;
	if (credit >= 0)
		run->match.book.items[credit].open += cash;
	else
		p->open -= price;
}

/* Lets credit notes pay an item first; returns what is left of it. */
static int64
apply_credits(Run *run, O2cPending *p, const O2cExplanation *e, const O2cMatchPart *part)
{
	int64		left = part->cash;

	for (int i = 0; i < e->n && left > 0; i++)
	{
		int64		cash;

		if (e->parts[i].cash >= 0)
			continue;
		cash = Min(left, -run->match.book.items[e->parts[i].item].open);
		if (cash <= 0)
			continue;
		left -= cash;
		note_applied(run, p, e, e->parts[i].item, part, cash, cash, left == 0);
	}
	return left;
}

/* Applies an explanation in memory. */
static void
apply(Run *run, O2cPending *p, const O2cExplanation *e)
{
	int64		worth = e->worth;

	for (int i = 0; i < e->n; i++)
	{
		int64		left = e->parts[i].cash <= 0 ? 0 : apply_credits(run, p, e, &e->parts[i]);

		if (left > 0)
			note_applied(run, p, e, -1, &e->parts[i], left, price_of(e, p, &worth, left), true);
	}
	o2c_match_group(&run->match.book, e->group)->version++;
	if (p->open == 0)
		o2c_note_settled(&run->match.book, e->group, p);
	if (p->customer == 0)
	{
		p->customer = e->customer;
		p->group = e->group;
		p->parties = palloc(sizeof(O2cParty));
		p->parties[0] = (O2cParty) {e->customer, e->group, O2C_PAYER_CERTAIN, "what it paid before"};
		p->n_parties = 1;
		p->identify = true;
	}
}

/* A copy of what was found that outlives the scratch memory. */
static O2cFinding *
keep_finding(const O2cFinding *f)
{
	int			n = Min(f->n, 3);
	Size		size = offsetof(O2cFinding, explanations) + sizeof(O2cExplanation) * n;
	O2cFinding *copy = palloc(size);

	memcpy(copy, f, size);
	copy->n = n;
	copy->words = pstrdup(f->words);
	for (int i = 0; i < n; i++)
	{
		O2cExplanation *e = &copy->explanations[i];

		e->parts = memcpy(palloc(sizeof(O2cMatchPart) * Max(e->n, 1)), e->parts, sizeof(O2cMatchPart) * e->n);
	}
	return copy;
}

/* Adds a result to write. */
static void
add_result(Run *run, O2cPending *p, O2cFinding *f)
{
	if (run->n_results == run->room_results)
	{
		run->room_results = Max(run->room_results * 2, 64);
		run->results = run->results == NULL ? palloc(sizeof(Verdict) * run->room_results) :
			repalloc_huge(run->results, sizeof(Verdict) * run->room_results);
	}
	run->results[run->n_results++] = (Verdict) {p, f};
}

/* Looks at one payment, and applies it where that is certain; whether it was. */
static bool
look_at(Run *run, O2cPending *p)
{
	MemoryContext old;
	O2cFinding *found;
	uint64		state = state_of(&run->match, p);
	bool		twin_waits = false;

	if (p->open <= 0 || p->seen == state)
		return false;
	if (p->twin != NULL && p->twin->open > 0)
	{
		/* of two that are the same the first comes first: what was applied meanwhile may have made it certain */
		if (look_at(run, p->twin))
			state = state_of(&run->match, p);
		else if (p->twin->open > 0)
			twin_waits = true;
	}
	p->seen = state;
	MemoryContextReset(run->scratch);
	old = MemoryContextSwitchTo(run->scratch);
	found = palloc(sizeof(O2cFinding));
	o2c_explain(&run->match, p, found);
	MemoryContextSwitchTo(old);
	if (twin_waits && strcmp(found->outcome, "applied") == 0)
	{
		found->outcome = "ambiguous";
		found->words = "An earlier payment carries the same and is not applied.";
	}
	p->finding = keep_finding(found);
	if (strcmp(found->outcome, "applied") != 0)
		return false;
	apply(run, p, &p->finding->explanations[0]);
	add_result(run, p, p->finding);
	p->finding = NULL;
	p->seen = PG_UINT64_MAX;
	return true;
}

/* Looks at the payments that do not hang on other invoices, in their order, until nothing more is found. */
static void
look_until_done(Run *run)
{
	bool		again = true;

	while (again)
	{
		again = false;
		for (int i = 0; i < run->match.n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (run->match.payments[i].n_neighbours == 0)
				again |= look_at(run, &run->match.payments[i]);
		}
	}
}

/*
 * Looks at the payments whose number may be another one's by a slip, until the
 * first of them is applied: what it closes may let an earlier one be applied, and
 * of two that are the same the first comes first.
 */
static bool
look_at_doubtful(Run *run, O2cPending **doubtful, int n)
{
	bool		found = false;

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!look_at(run, doubtful[i]))
			continue;
		found = true;
		i = -1;
	}
	return found;
}

/* Looks at all payments, those with references first. */
static void
look_at_all(Run *run)
{
	O2cPending **doubtful = palloc_extended(sizeof(O2cPending *) * Max(run->match.n, 1), MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < run->match.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (run->match.payments[i].n_neighbours > 0)
			doubtful[n++] = &run->match.payments[i];
		else if (run->match.payments[i].n_hits > 0)
			look_at(run, &run->match.payments[i]);
	}
	do
		look_until_done(run);
	while (look_at_doubtful(run, doubtful, n));
}

/* Whether a payment is not the customer's that this run says: one without an item may still be no money that counts. */
static bool
is_lost(int64 company, const O2cPending *p)
{
	O2cPayment	now;

	if (!p->identify || p->item != 0)
		return false;
	now = o2c_read_payment(company, p->id);
	return now.customer != p->customer || strcmp(now.state, "pending") != 0;
}

/* Gives payments without a customer to the one whose items they pay; those that somebody else identified meanwhile get no item. */
static void
identify(Run *run)
{
	O2cMatch   *match = &run->match;
	O2cIdentified *identified = palloc_extended(sizeof(O2cIdentified) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	O2cPending **payments = palloc_extended(sizeof(O2cPending *) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < match->n; i++)
	{
		O2cPending *p = &match->payments[i];

		if (!p->identify)
			continue;
		payments[n] = p;
		identified[n++] = (O2cIdentified) {p->id, p->customer, o2c_from_minor(p->amount - p->open, p->digits)};
	}
	o2c_identify(match->company, identified, n);
	for (int i = 0; i < n; i++)
	{
		payments[i]->item = identified[i].item;
		payments[i]->lost = is_lost(match->company, payments[i]);
	}
}

/* The application of what was applied in memory. */
static O2cApplication
application_of(const Run *run, const Applied *a)
{
	const O2cMatchItem *debit = &run->match.book.items[a->debit];
	const O2cMatchItem *note = a->credit < 0 ? NULL : &run->match.book.items[a->credit];
	O2cApplication row = {.debit_item = debit->id, .method = a->stage};

	row.credit_item = note == NULL ? a->payment->item : note->id;
	row.effective_on = Max(a->payment->received_on, debit->effective_on);
	if (note != NULL)
		row.effective_on = Max(row.effective_on, note->effective_on);
	row.cash = o2c_from_minor(a->cash, debit->digits);
	row.discount = o2c_from_minor(a->discount, debit->digits);
	row.tolerance = o2c_from_minor(a->tolerance, debit->digits);
	if (a->exchanged > 0)
		row.exchanged = o2c_from_minor(a->exchanged, a->payment->digits);
	return row;
}

/* Writes the applications, all in one statement: what follows from them is locked in one order. */
static void
write_applications(const Run *run)
{
	O2cApplication *rows = palloc_extended(sizeof(O2cApplication) * Max(run->n_applied, 1), MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < run->n_applied; i++)
		if (run->applied[i].payment->item != 0)
			rows[n++] = application_of(run, &run->applied[i]);
	if (n == 0)
		return;
	o2c_date_after_reversals(run->match.company, rows, n);
	o2c_apply(run->match.company, rows, n, "reference");
}

/* Adds what was found for payments that stay, where it is news. */
static void
add_findings(Run *run)
{
	for (int i = 0; i < run->match.n; i++)
	{
		O2cPending *p = &run->match.payments[i];

		if (p->finding != NULL && p->open > 0 && (p->last_words == NULL || strcmp(p->last_words, p->finding->words) != 0))
			add_result(run, p, p->finding);
	}
}

/* Drops what was found for payments that somebody else used meanwhile. */
static void
drop_lost(Run *run)
{
	int			n = 0;

	for (int i = 0; i < run->n_results; i++)
		if (!run->results[i].payment->lost)
			run->results[n++] = run->results[i];
	run->n_results = n;
}

/* A score as numeric. */
static NullableDatum
score_value(double score)
{
	return o2c_datum(NumericGetDatum(int64_div_fast_to_numeric((int64) (score * 10000 + 0.5), 4)));
}

#define RESULT_COLUMNS 11

/* Writes the results; returns the ids that they got. */
static int64 *
write_results(const Run *run)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.match_result (company_id, as_of, payment_id, outcome, stage, customer_id, score,"
								  " s_ref, s_party, s_amount, s_date, runner_up, words)"
								  " SELECT $1, $2, r.* FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS r RETURNING match_id",
								  INT8OID, DATEOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, NUMERICARRAYOID,
								  NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, TEXTARRAYOID);
	static const Oid types[RESULT_COLUMNS] = {INT8OID, TEXTOID, TEXTOID, INT8OID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID, TEXTOID};
	int			n = run->n_results;
	NullableDatum *v = palloc_extended(sizeof(NullableDatum) * RESULT_COLUMNS * n, MCXT_ALLOC_HUGE);
	NullableDatum args[RESULT_COLUMNS + 2];
	int64	   *ids = palloc_extended(sizeof(int64) * n, MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
	{
		const O2cFinding *f = run->results[i].finding;
		const O2cExplanation *e = f->n == 0 ? NULL : &f->explanations[0];
		NullableDatum row[RESULT_COLUMNS] = {o2c_int8(run->results[i].payment->id), o2c_cstring(f->outcome),
			e == NULL ? O2C_NULL : o2c_cstring(e->stage), e == NULL ? O2C_NULL : o2c_int8(e->customer),
			score_value(e == NULL ? 0 : e->score), score_value(e == NULL ? 0 : e->s_ref), score_value(e == NULL ? 0 : e->s_party),
		score_value(e == NULL ? 0 : e->s_amount), score_value(e == NULL ? 0 : e->s_date), score_value(f->runner_up), o2c_cstring(f->words)};

		for (int j = 0; j < RESULT_COLUMNS; j++)
			v[j * n + i] = row[j];
	}
	args[0] = o2c_int8(run->match.company);
	args[1] = o2c_date(run->match.as_of);
	for (int j = 0; j < RESULT_COLUMNS; j++)
		args[j + 2] = o2c_datum(o2c_datum_array(&v[j * n], n, types[j]));
	if (o2c_run(&add, args) != n)
		elog(ERROR, "a trigger suppressed results of matching");
	for (int i = 0; i < n; i++)
		ids[i] = o2c_row_int8(i, 1);
	return ids;
}

#define CANDIDATE_COLUMNS 7

/* Writes what is proposed and not applied. */
static void
write_candidates(const Run *run, const int64 *ids)
{
	static O2cPlan add = O2C_PLAN("INSERT INTO o2c.match_candidate (company_id, match_id, place, item_id, score, cash_amount, discount_amount, tolerance_amount)"
								  " SELECT $1, c.* FROM unnest($2, $3, $4, $5, $6, $7, $8) AS c",
								  INT8OID, INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID, NUMERICARRAYOID);
	static const Oid types[CANDIDATE_COLUMNS] = {INT8OID, INT4OID, INT8OID, NUMERICOID, NUMERICOID, NUMERICOID, NUMERICOID};
	NullableDatum *v[CANDIDATE_COLUMNS];
	NullableDatum args[CANDIDATE_COLUMNS + 1] = {o2c_int8(run->match.company)};
	int			n = 0;

	for (int i = 0; i < run->n_results; i++)
		for (int k = 0; k < run->results[i].finding->n; k++)
			n += run->results[i].finding->explanations[k].n;
	if (n == 0)
		return;
	for (int j = 0; j < CANDIDATE_COLUMNS; j++)
		v[j] = palloc_extended(sizeof(NullableDatum) * n, MCXT_ALLOC_HUGE);
	n = 0;
	for (int i = 0; i < run->n_results; i++)
	{
		const O2cFinding *f = run->results[i].finding;

		if (strcmp(f->outcome, "applied") == 0)
			continue;
		for (int k = 0; k < f->n; k++)
			for (int j = 0; j < f->explanations[k].n; j++, n++)
			{
				const O2cMatchPart *part = &f->explanations[k].parts[j];
				int			digits = run->match.book.items[part->item].digits;

				v[0][n] = o2c_int8(ids[i]);
				v[1][n] = o2c_int4(k + 1);
				v[2][n] = o2c_int8(run->match.book.items[part->item].id);
				v[3][n] = score_value(f->explanations[k].score);
				v[4][n] = o2c_datum(NumericGetDatum(o2c_from_minor(part->cash, digits)));
				v[5][n] = o2c_datum(NumericGetDatum(o2c_from_minor(part->discount, digits)));
				v[6][n] = o2c_datum(NumericGetDatum(o2c_from_minor(part->tolerance, digits)));
			}
	}
	if (n == 0)
		return;
	for (int j = 0; j < CANDIDATE_COLUMNS; j++)
		args[j + 1] = o2c_datum(o2c_datum_array(v[j], n, types[j]));
	o2c_run(&add, args);
}

/* Adds what was applied to the result of o2c.match_payments. */
static void
report_applied(const Run *run, ReturnSetInfo *rsinfo)
{
	for (int i = 0; i < run->n_applied; i++)
	{
		const Applied *a = &run->applied[i];
		int64		invoice = run->match.book.items[a->debit].invoice;
		Datum		values[4] = {Int64GetDatum(a->payment->id), Int64GetDatum(invoice), CStringGetTextDatum(a->stage),
		NumericGetDatum(o2c_from_minor(a->cash, run->match.book.items[a->debit].digits))};
		bool		nulls[4] = {false, invoice == 0, false, false};

		if (a->payment->item != 0)
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
}

/* For one payment planning would cost more than the search; for many it pays. */
static int
plan_once(bool one)
{
	int			level = NewGUCNestLevel();

	if (one)
		(void) set_config_option("plan_cache_mode", "force_generic_plan", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* Orders two texts that may be NULL. */
static int
compare_text(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

/* Orders payments by what they carry. */
static int
compare_content(const O2cPending *a, const O2cPending *b)
{
	int			order = compare_text(a->whole, b->whole);

	if (order == 0)
		order = compare_text(a->account, b->account);
	if (order == 0)
		order = compare_text(a->name, b->name);
	if (order == 0)
		order = strcmp(a->currency, b->currency);
	if (order == 0)
		order = a->open < b->open ? -1 : a->open > b->open;
	return order != 0 ? order : a->customer < b->customer ? -1 : a->customer > b->customer;
}

/* The same, and then as they came: qsort callback. */
static int
compare_pending(const void *a, const void *b)
{
	const O2cPending *x = *(O2cPending *const *) a;
	const O2cPending *y = *(O2cPending *const *) b;
	int			order = compare_content(x, y);

	return order != 0 ? order : x < y ? -1 : x > y;
}

/* Notes which payments carry the same as an earlier one. */
static void
find_twins(O2cMatch *match)
{
	O2cPending **sorted = palloc_extended(sizeof(O2cPending *) * Max(match->n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < match->n; i++)
		sorted[i] = &match->payments[i];
	qsort(sorted, match->n, sizeof(O2cPending *), compare_pending);
	for (int i = 1; i < match->n; i++)
		if (compare_content(sorted[i - 1], sorted[i]) == 0)
			sorted[i]->twin = sorted[i - 1];
}

/* Reads what a run needs. */
static void
read_all(Run *run, NullableDatum payment)
{
	o2c_read_pending(&run->match, payment);
	o2c_read_documents(&run->match);
	o2c_read_payers(&run->match);
	if (!run->match.read_only)
	{
		lock_concerned(&run->match);
		o2c_refresh_pending(&run->match);
	}
	o2c_read_book(&run->match);
	o2c_read_neighbours(&run->match);
	find_twins(&run->match);
	run->scratch = AllocSetContextCreate(CurrentMemoryContext, "o2c matching", ALLOCSET_DEFAULT_SIZES);
}

/* Writes what was applied, and what was found. */
static void
write_all(Run *run)
{
	identify(run);
	drop_lost(run);
	write_applications(run);
	if (run->n_results > 0)
		write_candidates(run, write_results(run));
}

PG_FUNCTION_INFO_V1(o2c_match_payments);
/* o2c.match_payments(as_of, payment_id, company_id) */
Datum
o2c_match_payments(PG_FUNCTION_ARGS)
{
	Run			run = {0};
	int			level;

	InitMaterializedSRF(fcinfo, 0);
	o2c_check_date(o2c_pg_arg(0), "date of the matching");
	run.match.company = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	run.match.as_of = PG_GETARG_DATEADT(0);
	o2c_connect();
	if (!PG_ARGISNULL(1))
		o2c_read_payment(run.match.company, PG_GETARG_INT64(1));
	level = plan_once(!PG_ARGISNULL(1));
	read_all(&run, o2c_pg_arg(1));
	look_at_all(&run);
	add_findings(&run);
	write_all(&run);
	report_applied(&run, (ReturnSetInfo *) fcinfo->resultinfo);
	AtEOXact_GUC(true, level);
	o2c_finish();
	return (Datum) 0;
}

/* Begins a run for one payment, which the argument names; what was found for it, or NULL when nothing of it is left. */
static O2cFinding *
explain_one(Run *run, NullableDatum payment, NullableDatum as_of, bool read_only)
{
	O2cFinding *found = palloc(sizeof(O2cFinding));

	o2c_check_date(as_of, "date of the matching");
	o2c_read_payment(run->match.company, payment.isnull ? 0 : DatumGetInt64(payment.value));
	run->match.as_of = DatumGetDateADT(as_of.value);
	run->match.read_only = read_only;
	read_all(run, payment);
	if (run->match.n == 0 || run->match.payments[0].open <= 0)
		return NULL;
	o2c_explain(&run->match, &run->match.payments[0], found);
	return found;
}

/* Adds one item of a proposal to the result of o2c.propose. */
static void
report_part(const Run *run, ReturnSetInfo *rsinfo, const O2cFinding *found, int place, const O2cMatchPart *part)
{
	const O2cExplanation *e = &found->explanations[place];
	const O2cMatchItem *item = part == NULL ? NULL : &run->match.book.items[part->item];
	int			digits = item == NULL ? run->match.payments[0].digits : item->digits;
	Datum		values[11] = {Int32GetDatum(place + 1), CStringGetTextDatum(e->stage),
		CStringGetTextDatum(o2c_match_policy(&run->match.book, e->customer)->code), score_value(e->score).value,
		BoolGetDatum(e->sound), item == NULL || item->number == NULL ? (Datum) 0 : CStringGetTextDatum(item->number),
		item == NULL ? (Datum) 0 : Int64GetDatum(item->id), NumericGetDatum(o2c_from_minor(part == NULL ? 0 : part->cash, digits)),
		NumericGetDatum(o2c_from_minor(part == NULL ? 0 : part->discount, digits)),
		NumericGetDatum(o2c_from_minor(part == NULL ? 0 : part->tolerance, digits)),
	CStringGetTextDatum(place == 0 ? found->words : e->reason == NULL ? "" : e->reason)};
	bool		nulls[11] = {false};

	nulls[5] = values[5] == (Datum) 0;
	nulls[6] = item == NULL;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(o2c_propose);
/* o2c.propose(payment, as_of, company_id) */
Datum
o2c_propose(PG_FUNCTION_ARGS)
{
	Run			run = {{.company = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2)}};
	O2cFinding *found;

	InitMaterializedSRF(fcinfo, 0);
	o2c_connect();
	found = explain_one(&run, o2c_pg_arg(0), o2c_pg_arg(1), true);
	for (int place = 0; found != NULL && place < found->n; place++)
		for (int i = 0; i < found->explanations[place].n; i++)
			report_part(&run, (ReturnSetInfo *) fcinfo->resultinfo, found, place, &found->explanations[place].parts[i]);
	o2c_finish();
	return (Datum) 0;
}

/* Applies a proposal as a person says. */
static void
confirm(Run *run, O2cFinding *found, int place)
{
	O2cPending *p = &run->match.payments[0];
	O2cExplanation *e;

	if (found == NULL || place < 1 || place > found->n)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("there is no proposal %d for the payment", place),
				 found == NULL ? errdetail("Nothing of it is left, or it is later than that date.") : errdetail("There are %d.", found->n),
				 errhint("o2c.propose() shows them; o2c.confirm_match() also takes the numbers of the invoices.")));
	e = &found->explanations[place - 1];
	if (p->customer != 0 && e->group != p->group)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("the payment belongs to another customer than what is proposed"),
				 errhint("Give the numbers of the invoices to have it booked to their customer.")));
	found->explanations[0] = *e;
	found->explanations[0].stage = "confirmed";
	found->n = 1;
	found->outcome = "confirmed";
	if (found->doubt != NULL)
		*found->doubt = '\0';
	apply(run, p, &found->explanations[0]);
	add_result(run, p, found);
	write_all(run);
	if (p->lost)
		ereport(ERROR,
				(errcode(ERRCODE_O2C_INVALID_STATE),
				 errmsg("payment %lld was used by somebody else meanwhile", (long long) p->id),
				 errdetail("It is another customer's now, or it ended."),
				 errhint("o2c.propose() shows what is left of it.")));
}

PG_FUNCTION_INFO_V1(o2c_confirm_match);
/* o2c.confirm_match(payment, invoices, place, as_of, company_id) */
Datum
o2c_confirm_match(PG_FUNCTION_ARGS)
{
	static O2cPlan lock = O2C_PLAN("SELECT customer_id FROM o2c._customers_of_match($2, $3, $1)", INT8OID, INT8OID, TEXTARRAYOID);
	static O2cPlan correct = O2C_PLAN("SELECT o2c._correct_match($2, $3, $4, $1)", INT8OID, INT8OID, TEXTARRAYOID, DATEOID);
	static O2cPlan learn = O2C_PLAN("SELECT o2c._learn_payer($2, $3, $1)", INT8OID, INT8OID, DATEOID);
	Run			run = {{.company = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT64(4)}};
	int64		payment = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0);
	O2cPayment	before;

	o2c_check_date(o2c_pg_arg(3), "date of the matching");
	o2c_connect();
	before = o2c_read_payment(run.match.company, payment);
	if (PG_ARGISNULL(1) && strcmp(before.state, "applied") != 0)
		confirm(&run, explain_one(&run, o2c_int8(payment), o2c_pg_arg(3), false), PG_ARGISNULL(2) ? 1 : PG_GETARG_INT32(2));
	else
	{
		int			n = o2c_run(&lock, O2C_ARGS(o2c_int8(run.match.company), o2c_int8(payment), o2c_pg_arg(1)));
		int64	   *customers = palloc(sizeof(int64) * Max(n, 1));

		for (int i = 0; i < n; i++)
			customers[i] = o2c_row_int8(i, 1);
		o2c_lock_customers(run.match.company, customers, n);
		o2c_run(&correct, O2C_ARGS(o2c_int8(run.match.company), o2c_int8(payment), o2c_pg_arg(1), o2c_pg_arg(3)));
		payment = o2c_row_int8(0, 1);
	}
	o2c_run(&learn, O2C_ARGS(o2c_int8(run.match.company), o2c_int8(payment), o2c_pg_arg(3)));
	o2c_finish();
	PG_RETURN_INT64(payment);
}
