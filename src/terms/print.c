/*-------------------------------------------------------------------------
 *
 * print.c
 *		The canonical text of payment terms.
 *
 * Equal terms print alike, and what is printed reads back as the same terms.
 * The text is also how a value is stored, compared and hashed.
 *
 *-------------------------------------------------------------------------
 */
#include "terms/terms.h"

#include "core/clock.h"
#include "lib/stringinfo.h"

static const char *const kind_names[] = {"", "CIA", "CWO", "CBS", "PIA", "COD", "CND"};
static const char *const roll_names[] = {"", "following", "modified following", "previous", "modified previous"};
static const char *const event_names[] = {"invoice", "delivery", "receipt of goods", "statement", "order"};

/* A number of millionths, without zeros that say nothing. */
static void
print_number(StringInfo out, int64 value)
{
	int			digits = O2C_TERM_SCALE;
	int64		decimals = value % O2C_TERM_UNIT;

	appendStringInfo(out, INT64_FORMAT, value / O2C_TERM_UNIT);
	if (decimals == 0)
		return;
	for (; decimals % 10 == 0; digits--)
		decimals /= 10;
	appendStringInfo(out, ".%0*d", digits, (int) decimals);
}

/* 1st, 2nd, 3rd, 4th, 11th, 21st */
static void
print_ordinal(StringInfo out, int n)
{
	int			last = n / 10 % 10 == 1 ? 0 : n % 10;

	appendStringInfo(out, "%d%s", n, last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th");
}

/* A count and its unit, as a step of a rule. */
static void
print_step(StringInfo out, const char **joint, int n, const char *unit)
{
	appendStringInfo(out, "%s%d %s%s", *joint, n, unit, n == 1 ? "" : "s");
	*joint = " then ";
}

/* A day of the month: as "prox" where that is the whole rule. */
static void
print_day(StringInfo out, const char **joint, const O2cDueRule *rule, bool prox)
{
	appendStringInfoString(out, *joint);
	*joint = " then ";
	if (!prox)
	{
		appendStringInfo(out, "day %d", rule->day);
		return;
	}
	print_ordinal(out, rule->day);
	if (rule->months > 1)
	{
		appendStringInfoChar(out, ' ');
		print_ordinal(out, rule->months);
	}
	appendStringInfoString(out, " prox");
}

/* The days of the month on which the debtor pays. */
static void
print_pay_days(StringInfo out, const char *joint, uint32 days)
{
	appendStringInfo(out, "%spay on", joint);
	for (int day = 1; day <= 31; day++)
		if (days & (uint32) 1 << day)
			appendStringInfo(out, " %d", day);
}

/* A rule, its steps in the order in which they are applied. */
static void
print_rule(StringInfo out, const O2cDueRule *rule)
{
	const char *joint = "";
	bool		prox = rule->day > 0 && rule->months > 0 && rule->days == 0 && !rule->eom;

	if (rule->cutoff > 0)
	{
		appendStringInfo(out, "cutoff %d", rule->cutoff);
		joint = " then ";
	}
	if (rule->months > 0 && !prox)
		print_step(out, &joint, rule->months, "month");
	if (rule->days > 0 || o2c_rule_is_plain(rule))
		print_step(out, &joint, rule->days, "day");
	if (rule->eom)
	{
		appendStringInfo(out, "%sEOM", joint);
		joint = " then ";
	}
	if (rule->days_after > 0)
		print_step(out, &joint, rule->days_after, "day");
	if (rule->day > 0)
		print_day(out, &joint, rule, prox);
	if (rule->pay_days != 0)
		print_pay_days(out, joint, rule->pay_days);
}

/* Are all the rules of an instalment just days? */
static bool
counts_days_only(const O2cInstalment *instalment)
{
	for (int i = 0; i < instalment->ntiers; i++)
		if (!o2c_rule_is_plain(&instalment->tiers[i].until))
			return false;
	return instalment->kind == O2C_DUE_BY_RULE && o2c_rule_is_plain(&instalment->due);
}

/* The discounts of an instalment. */
static void
print_tiers(StringInfo out, const O2cInstalment *instalment, bool bare)
{
	for (int i = 0; i < instalment->ntiers; i++)
	{
		const O2cTier *tier = &instalment->tiers[i];

		if (i > 0)
			appendStringInfoString(out, ", ");
		print_number(out, tier->percent);
		appendStringInfoString(out, bare ? "/" : "% ");
		if (bare)
			appendStringInfo(out, "%d", tier->until.days);
		else
			print_rule(out, &tier->until);
	}
	if (instalment->ntiers > 0)
		appendStringInfoChar(out, ' ');
}

/* When an instalment is due, and what paying it early saves. */
static void
print_spec(StringInfo out, const O2cInstalment *instalment)
{
	bool		bare = counts_days_only(instalment);

	print_tiers(out, instalment, bare);
	if (instalment->kind != O2C_DUE_BY_RULE)
		appendStringInfoString(out, kind_names[instalment->kind]);
	else if (bare && instalment->due.days == 0)
		appendStringInfoString(out, "due on receipt");
	else if (bare)
		appendStringInfo(out, "net %d", instalment->due.days);
	else
	{
		appendStringInfoString(out, "net ");
		print_rule(out, &instalment->due);
	}
}

/* Can these instalments be written as 30/60/90 days? */
static bool
are_equal_parts(const O2cTerms *terms)
{
	const O2cInstalment *first = terms->instalments;

	for (int i = 0; i < terms->n; i++)
	{
		const O2cInstalment *instalment = &first[i];

		if (instalment->ntiers > 0 || !counts_days_only(instalment) ||
			(i > 0 && instalment->due.days <= instalment[-1].due.days) ||
			instalment->share == O2C_SHARE_FIXED ||
			(instalment->share == O2C_SHARE_PERCENT && instalment->size * terms->n != O2C_WHOLE))
			return false;
	}
	/* "2/10 days" looks like a discount */
	return terms->n > 1 && (first->due.days == 0 || first->due.days >= 10);
}

/* The share of an instalment. */
static void
print_share(StringInfo out, const O2cInstalment *instalment)
{
	if (instalment->share == O2C_SHARE_REST)
		appendStringInfoString(out, "balance");
	else
	{
		if (instalment->share == O2C_SHARE_FIXED)
			appendStringInfoString(out, "fixed ");
		print_number(out, instalment->size);
		if (instalment->share == O2C_SHARE_PERCENT)
			appendStringInfoChar(out, '%');
	}
	appendStringInfoString(out, " @ ");
}

/* All the instalments. */
static void
print_instalments(StringInfo out, const O2cTerms *terms)
{
	bool		equal = are_equal_parts(terms);

	for (int i = 0; i < terms->n; i++)
	{
		const O2cInstalment *instalment = &terms->instalments[i];

		if (equal)
		{
			appendStringInfo(out, "%s%d", i > 0 ? "/" : "", instalment->due.days);
			continue;
		}
		if (i > 0)
			appendStringInfoString(out, "; ");
		if (terms->n > 1)
			print_share(out, instalment);
		print_spec(out, instalment);
	}
	if (equal)
		appendStringInfoString(out, " days");
}

/* What terms run from: an event, a date, or the later of two. */
char *
o2c_print_base(const O2cTerms *terms)
{
	StringInfoData out;
	bool		two = (terms->base & (terms->base - 1)) != 0;

	initStringInfo(&out);
	if (two)
		appendStringInfoString(&out, "later of ");
	for (int i = 0; i < lengthof(event_names); i++)
		if (terms->base & (1 << i))
		{
			appendStringInfoString(&out, event_names[i]);
			/* the higher bit, if there is one, comes last */
			if (two && terms->base >> (i + 1) != 0)
				appendStringInfoString(&out, " and ");
		}
	if (terms->base & O2C_BASE_FIXED)
		appendStringInfoString(&out, o2c_date_text(terms->base_date));
	return out.data;
}

/* The canonical text. */
char *
o2c_print_terms(const O2cTerms *terms)
{
	StringInfoData out;

	initStringInfo(&out);
	print_instalments(&out, terms);
	if (terms->base != O2C_BASE_INVOICE)
		appendStringInfo(&out, " from %s", o2c_print_base(terms));
	if (terms->roll != O2C_ROLL_NONE)
		appendStringInfo(&out, " roll %s", roll_names[terms->roll]);
	return out.data;
}
