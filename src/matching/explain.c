/*-------------------------------------------------------------------------
 *
 * explain.c
 *		What a payment may be for, and whether that is certain.
 *
 * Three kinds of evidence are independent of each other: what the text names,
 * who paid, and the amount.  An explanation is a set of items with what each
 * gets; its score is the probability that not all of its evidence is there by
 * chance.  It is applied when two kinds agree and nothing speaks against it:
 *
 *	- the reference and the amount, whoever paid, unless that one owes the
 *	  amount itself, or a slip of the pen away another invoice does;
 *	- the reference and the payer, when the amount is short or over and no
 *	  other explanation fits it;
 *	- a certain payer and the amount, when of all sets of items only one has
 *	  it, and it is not one of so many that one of them had to.
 *
 * A reference that check digits prove needs nothing else.  Whatever has a rival
 * is left to a person, and so is what looks like something paid before.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"
#include "matching/explain.h"

#include "core/money.h"
#include "lib/stringinfo.h"

/* Whether one of those who surely paid paid the same before, with the same text. */
static bool
is_repeated(const O2cLook *l)
{
	for (int i = 0; i < l->p->n_parties; i++)
	{
		const O2cParty *party = &l->p->parties[i];

		if (party->strength == O2C_PAYER_CERTAIN &&
			o2c_paid_before(&l->match->book, party->group, l->p, policy_of(l, party->customer)->duplicate_days, true))
			return true;
	}
	return false;
}

/* Whether the payment repeats one that was used up. */
static bool
is_duplicate(const O2cLook *l)
{
	const O2cMatchBook *book = &l->match->book;
	const O2cExplanation *best = &l->finding->explanations[0];

	if (l->closed != NULL && !l->named)
	{
		bool		other = o2c_payer_strength(l->p, l->closed->group, NULL) == O2C_PAYER_OTHER;

		if (o2c_paid_before(book, l->closed->group, l->p, policy_of(l, l->closed->customer)->duplicate_days, other))
			return true;
	}
	if (l->finding->n == 0)
		return l->p->open == l->p->amount && is_repeated(l);
	if (best->ref >= O2C_REF_WEAK && best->amount == O2C_AMOUNT_EXACT)
		return false;
	return o2c_paid_before(book, best->group, l->p, policy_of(l, best->customer)->duplicate_days, true);
}

/* Whether an explanation is none against another: it pays the same items, or names several of them and leaves the rest of the payment. */
static bool
supports(const O2cExplanation *e, const O2cExplanation *best)
{
	if (e->amount != O2C_AMOUNT_OVER || e->documents < 2)
		return o2c_same_items(e, best);
	for (int i = 0; i < e->n; i++)
		if (!o2c_pays(best, e->parts[i].item))
			return false;
	return true;
}

/* What the explanations found come to. */
static void
decide(const O2cLook *l)
{
	O2cFinding *f = l->finding;
	const O2cExplanation *best = &f->explanations[0];
	const O2cMatchPolicy *policy;

	f->outcome = "none";
	f->runner_up = 0;
	for (int i = 1; i < f->n; i++)
		if (!supports(&f->explanations[i], best))
			f->runner_up = Max(f->runner_up, f->explanations[i].score);
	if (is_duplicate(l))
	{
		f->outcome = "duplicate";
		return;
	}
	if (f->n == 0)
		return;
	policy = policy_of(l, best->customer);
	if (best->score < policy->suggest_score)
		return;
	f->outcome = "suggested";
	if (!best->unique || f->runner_up >= policy->apply_score - policy->margin)
		f->outcome = "ambiguous";
	else if (best->sound && best->score >= policy->apply_score)
		f->outcome = "applied";
}

/* What was found, in words. */
static char *
in_words(const O2cLook *l)
{
	static const char *const amounts[] = {"", "is less than what is open", "is more than what is open", "falls short by no more than is tolerated", "is what is open"};
	const O2cFinding *f = l->finding;
	const O2cExplanation *best = &f->explanations[0];
	StringInfoData words;

	initStringInfo(&words);
	if (strcmp(f->outcome, "duplicate") == 0)
		appendStringInfoString(&words, "The same payer paid the same amount before: it may be a duplicate. ");
	if (l->closed != NULL)
		appendStringInfo(&words, "The text names %s, which is paid. ", l->closed->number);
	if (f->n == 0)
	{
		appendStringInfoString(&words, l->p->n_parties == 0 && l->p->n_hits == 0 ? "Neither the text nor the payer leads to a customer." :
							   l->closed != NULL ? "" : l->p->open < l->p->amount ? "No open item fits what is left of it." : "No open item fits.");
		if (l->p->n_parties == 0 && l->p->name != NULL && !l->match->compares_names)
			appendStringInfoString(&words, " Similar names are compared where pg_trgm is installed: CREATE EXTENSION pg_trgm, then SELECT o2c.install().");
		return words.data;
	}
	if (best->token != NULL)
		appendStringInfo(&words, "\"%s\" is the %s of %s%s. ", best->token, best->found_by, item_at(l, best->parts[0].item)->number,
						 best->documents > 1 ? psprintf(", one of %d documents", best->documents) : "");
	else if (best->ref == O2C_REF_FUZZY)
		appendStringInfo(&words, "The text is one slip away from %s. ", item_at(l, best->parts[0].item)->number);
	if (best->payer_by != NULL)
		appendStringInfo(&words, "%s %s, by %s. ", best->payer == O2C_PAYER_CERTAIN ? "The payer is" : "The payer may be",
						 policy_of(l, best->customer)->code, best->payer_by);
	else
		appendStringInfoString(&words, best->payer == O2C_PAYER_OTHER ? "Somebody else paid. " : "The payer is not known. ");
	if (best->currency != NULL)
		appendStringInfo(&words, "It is %s %s%s. ", o2c_numeric_text(o2c_from_minor(best->worth, o2c_minor_units(best->currency))), best->currency,
						 best->at_rate ? ", at about the day's rate" : ", as it was sent");
	appendStringInfo(&words, "The amount %s", strcmp(best->stage, "oldest_first") == 0 ? "pays the oldest items" : amounts[best->amount]);
	if (best->n > 1)
		appendStringInfo(&words, " of %d items", best->n);
	if (best->n > 0 && best->parts[0].discount > 0)
		appendStringInfoString(&words, ", less a discount");
	appendStringInfoChar(&words, '.');
	return words.data;
}

/* Adds why the best explanation is not applied. */
static void
add_doubt(O2cFinding *f)
{
	const O2cExplanation *best = &f->explanations[0];
	const char *doubt = f->n == 0 || strcmp(f->outcome, "applied") == 0 ? NULL : best->reason != NULL ? best->reason :
		strcmp(f->outcome, "ambiguous") == 0 ? "something else explains it, too" : NULL;
	size_t		len = strlen(f->words);

	f->doubt = NULL;
	if (doubt == NULL)
		return;
	f->words = psprintf("%s Not applied: %s.", f->words, doubt);
	f->doubt = f->words + len;
}

/* Finds out what a payment is for. */
void
o2c_explain(O2cMatch *match, O2cPending *p, O2cFinding *finding)
{
	O2cLook	l = {match, p, finding};

	finding->n = 0;
	o2c_explain_references(&l);
	o2c_explain_payers(&l);
	o2c_explain_exchanged(&l);
	decide(&l);
	finding->words = in_words(&l);
	add_doubt(finding);
}
