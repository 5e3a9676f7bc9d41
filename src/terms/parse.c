/*-------------------------------------------------------------------------
 *
 * parse.c
 *		Reads the texts in which people write payment terms.
 *
 *		terms      := (parts | spec) modifier*
 *		parts      := share "@"? spec (";" share "@"? spec)*  |  N "/" N ... "days"
 *		share      := N "%" | "fixed" N | "balance"
 *		spec       := "COD" | "CIA" | ... | "due on receipt" | (tier ",")* "net" rule
 *		tier       := N "%"? "/"? rule
 *		rule       := step ("then" step)*
 *		step       := "cutoff" N | N "months" | N "days" | "EOM" | "day" N
 *		              | "pay on" N N ... | N "th" (K "th")? "prox"
 *		modifier   := "from" event | roll | "extra" N
 *
 * The steps of a rule stand in the order in which they are applied.  What the
 * trade reads in several ways ("30 days EOM") is refused, not guessed: the
 * word "then" says which comes first.
 *
 *-------------------------------------------------------------------------
 */
#include "terms/scan.h"

#define HINT_RULE "A due date reads like \"net 30\", \"EOM\", \"10th prox\" or \"cutoff 12, +1 month, day 20\"."
#define HINT_EOM "Say which: \"30 days then EOM\" (the end of the month in which the 30 days end), \"EOM then 30 days\", or \"1 month then EOM\" (the end of the next month)."
#define HINT_MIXED "Give each part its unit: \"2% 10 days net 30 days\" counts days, \"2% 10th prox net 30th prox\" names days of the next month, \"2% EOM then 10 days net EOM then 30 days\" counts from the month end."
#define HINT_DAY "Say which: \"20th prox\" (of the next month) or \"pay on 20\" (the first 20th from there on)."
#define HINT_PARTS "Instalments read like \"30% @ net 30; balance @ net 60\" or \"30/60/90 days\"."
#define HINT_MONTH_END "\"1 month then EOM\" (the same as \"1M+CM\") is the end of the next month; a month after a month end is not offered, for it is the 30th or the 31st by accident."

/* How far the steps of a rule have come. */
typedef enum Stage
{
	STAGE_START,
	STAGE_CUTOFF,
	STAGE_MONTHS,
	STAGE_DAYS,
	STAGE_EOM,
	STAGE_AFTER,
	STAGE_DAY
} Stage;

typedef struct Parser
{
	TermsInput *in;
	const char *reading;		/* of "30 days EOM", or NULL to refuse it */
	O2cTerms   *terms;
	O2cInstalment *instalment;
	/* the rule being read */
	Stage		stage;
	bool		marked;			/* a bare number is welcome, it follows "net" or a rate */
	bool		spelled;		/* "net" is written out */
	bool		unitless;		/* the days have no unit */
	bool		stepwise;		/* begins with a cut-off, so its order is meant */
	/* the specification being read */
	bool		bare;			/* has a rule that is a bare number */
	bool		shorthand;		/* has a rule such as "10 prox" or "10 EOM" */
	bool		special;		/* has a tier that is not just days */
	int			prox;			/* months of its latest "prox" */
} Parser;

typedef struct Phrase
{
	const char *words;
	int			meaning;
} Phrase;

/* longer ones first where one begins another */
static const Phrase kinds[] = {
	{"cia", O2C_DUE_CIA}, {"cash in advance", O2C_DUE_CIA},
	{"cwo", O2C_DUE_CWO}, {"cash with order", O2C_DUE_CWO},
	{"cbs", O2C_DUE_CBS}, {"cash before shipment", O2C_DUE_CBS},
	{"pia", O2C_DUE_PIA}, {"payment in advance", O2C_DUE_PIA}, {"in advance", O2C_DUE_PIA},
	{"deposit", O2C_DUE_PIA}, {"prepaid", O2C_DUE_PIA}, {"prepayment", O2C_DUE_PIA},
	{"cod", O2C_DUE_COD}, {"cash on delivery", O2C_DUE_COD},
	{"cnd", O2C_DUE_CND}, {"cash next delivery", O2C_DUE_CND}, {"cash on next delivery", O2C_DUE_CND},
	{"due on receipt", O2C_DUE_BY_RULE}, {"due upon receipt", O2C_DUE_BY_RULE},
	{"due immediately", O2C_DUE_BY_RULE}, {"immediate", O2C_DUE_BY_RULE}, {"immediately", O2C_DUE_BY_RULE},
	{"instant", O2C_DUE_BY_RULE},
};

/* the meaning is the number of months before the month end */
static const Phrase month_ends[] = {
	{"eom of next month", 1}, {"eom of the next month", 1}, {"eom next month", 1}, {"eom of following month", 1},
	{"eom of the following month", 1}, {"eom", 0},
	{"end of next month", 1}, {"end of the next month", 1}, {"end of following month", 1},
	{"end of the following month", 1}, {"end of month", 0}, {"end of the month", 0},
	{"cm", 0}, {"fin de mois", 0},
	{"monthly account", 1}, {"monthly", 1},
};

static const Phrase events[] = {
	{"invoice date", O2C_BASE_INVOICE}, {"invoice", O2C_BASE_INVOICE},
	{"delivery date", O2C_BASE_DELIVERY}, {"delivery", O2C_BASE_DELIVERY},
	{"receipt of goods", O2C_BASE_RECEIPT}, {"goods receipt", O2C_BASE_RECEIPT}, {"receipt", O2C_BASE_RECEIPT},
	{"statement date", O2C_BASE_STATEMENT}, {"statement", O2C_BASE_STATEMENT},
	{"order date", O2C_BASE_ORDER}, {"order", O2C_BASE_ORDER},
};

static const Phrase rolls[] = {
	{"unadjusted", O2C_ROLL_NONE},
	{"following", O2C_ROLL_FOLLOWING}, {"modified following", O2C_ROLL_MODIFIED_FOLLOWING},
	{"previous", O2C_ROLL_PREVIOUS}, {"modified previous", O2C_ROLL_MODIFIED_PREVIOUS},
};

/* The text is not one of payment terms. */
static bool
invalid(Parser *p, const char *detail, const char *hint)
{
	return o2c_terms_fail(p->in, ERRCODE_O2C_INVALID_TERMS, detail, hint);
}

/* The text means several things. */
static bool
ambiguous(Parser *p, const char *detail, const char *hint)
{
	return o2c_terms_fail(p->in, ERRCODE_O2C_AMBIGUOUS_TERMS, detail, hint);
}

/* Takes the first phrase of a table that stands at hand. */
static bool
accept_any(Parser *p, const Phrase *table, int n, int *meaning)
{
	for (int i = 0; i < n; i++)
		if (o2c_accept_phrase(p->in, table[i].words))
		{
			*meaning = table[i].meaning;
			return true;
		}
	return false;
}

/* Does a month end stand so many places ahead? */
static bool
at_month_end(Parser *p, int ahead)
{
	int			start = p->in->at;
	int			months = 0;
	bool		found;

	p->in->at += ahead;
	found = accept_any(p, month_ends, lengthof(month_ends), &months);
	p->in->at = start;
	return found;
}

/* Takes a whole number or an ordinal. */
static bool
take_whole(Parser *p, int least, int most, const char *what, int32 *result)
{
	const Token *token = &p->in->tokens[p->in->at];

	if (token->kind != TOKEN_NUMBER)
		return o2c_terms_unexpected(p->in, HINT_RULE);
	if (token->value % O2C_TERM_UNIT != 0 ||
		token->value < least * O2C_TERM_UNIT || token->value > most * O2C_TERM_UNIT)
		return invalid(p, psprintf("%s is a whole number from %d to %d.", what, least, most), NULL);
	*result = token->value / O2C_TERM_UNIT;
	p->in->at++;
	return true;
}

/* Takes a whole number that counts something. */
static bool
take_count(Parser *p, int least, int most, const char *what, int32 *result)
{
	if (o2c_at_ordinal(p->in, 0))
		return o2c_terms_unexpected(p->in, HINT_RULE);
	return take_whole(p, least, most, what, result);
}

/* Takes a day of the month. */
static bool
take_day(Parser *p, int32 *result)
{
	return take_whole(p, 1, 31, "A day of the month", result);
}

/* Takes a number that is more than nothing and at most so many millionths. */
static bool
take_size(Parser *p, int64 most, const char *complaint, int64 *result)
{
	if (!o2c_at_number(p->in, 0) || o2c_at_ordinal(p->in, 0))
		return o2c_terms_unexpected(p->in, HINT_PARTS);
	*result = p->in->tokens[p->in->at++].value;
	if (*result <= 0 || *result > most)
		return invalid(p, complaint, NULL);
	return true;
}

/* Is a "prox" ahead: 10th prox, 21 MFI, 5th 2nd prox? */
static bool
at_prox(Parser *p)
{
	return o2c_at(p->in, 1, "prox proximo mfi") ||
		(o2c_at_number(p->in, 1) && o2c_at_ordinal(p->in, 1) && o2c_at(p->in, 2, "prox proximo"));
}

/* A day of the next, or of the k-th following month. */
static bool
parse_prox(Parser *p, O2cDueRule *rule)
{
	bool		kth = o2c_at_number(p->in, 1);

	rule->months = 1;
	if (!take_day(p, &rule->day) || (kth && !take_whole(p, 1, O2C_MAX_TERM_MONTHS, "The month of \"prox\"", &rule->months)))
		return false;
	p->in->at++;
	p->prox = rule->months;
	p->shorthand = true;
	p->stage = STAGE_DAY;
	return true;
}

/* An ordinal without "prox": the month is that of the tier before. */
static bool
parse_ordinal(Parser *p, O2cDueRule *rule)
{
	if (p->prox == 0)
		return ambiguous(p, "A day of the month needs its month.", HINT_DAY);
	rule->months = p->prox;
	p->stage = STAGE_DAY;
	return take_day(p, &rule->day);
}

/* Months, which come before days. */
static bool
parse_months(Parser *p, O2cDueRule *rule)
{
	if (p->stage >= STAGE_EOM)
		return ambiguous(p, "Months after a month end have several readings.", HINT_MONTH_END);
	if (p->stage >= STAGE_MONTHS)
		return o2c_terms_unexpected(p->in, "The steps of a rule stand in this order: cutoff, months, days, EOM, days, day.");
	p->stage = STAGE_MONTHS;
	if (!take_count(p, 0, O2C_MAX_TERM_MONTHS, "A number of months", &rule->months))
		return false;
	p->in->at++;
	return true;
}

/* Days, before or after a month end. */
static bool
parse_days(Parser *p, O2cDueRule *rule)
{
	int32	   *days = p->stage == STAGE_EOM ? &rule->days_after : &rule->days;
	bool		weeks = o2c_at(p->in, 1, "week weeks w");

	if (!take_count(p, 0, O2C_MAX_TERM_DAYS / (weeks ? 7 : 1), weeks ? "A number of weeks" : "A number of days", days))
		return false;
	if (weeks)
		*days *= 7;
	p->unitless = !weeks && !o2c_at(p->in, 0, "day days d jour jours");
	if (!p->unitless || weeks)
		p->in->at++;
	p->stage = p->stage == STAGE_EOM ? STAGE_AFTER : STAGE_DAYS;
	return true;
}

/* May the number at hand be days? */
static bool
days_may_follow(Parser *p, bool joined)
{
	if (p->stage == STAGE_EOM || joined)
		return p->stage < STAGE_DAYS || p->stage == STAGE_EOM;
	if (p->stage == STAGE_START && (p->marked || at_month_end(p, 1)))
		return true;
	return p->stage < STAGE_DAYS && o2c_at(p->in, 1, "day days d jour jours week weeks w");
}

/* A step that begins with a number. */
static bool
parse_number(Parser *p, O2cDueRule *rule, bool joined, bool *found)
{
	*found = true;
	if (p->stage <= STAGE_CUTOFF && at_prox(p))
		return parse_prox(p, rule);
	if (p->stage <= STAGE_CUTOFF && o2c_at_ordinal(p->in, 0))
		return parse_ordinal(p, rule);
	if (o2c_at(p->in, 1, "month months mo m md"))
		return parse_months(p, rule);
	*found = !o2c_at(p->in, 1, "% / @ x") && days_may_follow(p, joined);
	return !*found || parse_days(p, rule);
}

/*
 * Days and a month end without a word between them.  "10 EOM" is established
 * for days after the month end; a number of a month's length is not, nor are
 * "10 days EOM" and "net 10 EOM".
 */
static bool
parse_days_eom(Parser *p, O2cDueRule *rule, bool comma)
{
	const char *reading = p->reading;
	bool		short_form = p->unitless && !p->spelled && !comma && rule->days > 0 && rule->days <= 27;

	if (short_form)
		reading = "eom_then_days";
	if (reading == NULL || p->stage != STAGE_DAYS || rule->months > 0)
		return ambiguous(p, "A period and a month end without \"then\" have several readings.", HINT_EOM);
	if (strcmp(reading, "eom_then_days") == 0)
		rule->days_after = rule->days;
	if (strcmp(reading, "eom_then_months") == 0)
	{
		if (rule->days % 30 != 0)
			return invalid(p, "Only multiples of 30 days can be read as months.", HINT_EOM);
		rule->months = rule->days / 30;
	}
	if (strcmp(reading, "days_then_eom") != 0)
		rule->days = 0;
	rule->eom = true;
	p->shorthand |= short_form;
	p->stage = STAGE_AFTER;
	return true;
}

/* A month end. */
static bool
parse_month_end(Parser *p, O2cDueRule *rule, bool ordered, bool comma)
{
	int			months = 0;
	bool		pending = (p->stage == STAGE_MONTHS || p->stage == STAGE_DAYS) && !ordered && !p->stepwise;

	accept_any(p, month_ends, lengthof(month_ends), &months);
	if (months > 0 && p->stage > STAGE_CUTOFF)
		return invalid(p, "The next month comes first in a rule.", HINT_EOM);
	if (pending)
		return parse_days_eom(p, rule, comma);
	rule->months += months;
	rule->eom = true;
	p->stage = STAGE_EOM;
	return true;
}

/* The days of the month on which the debtor pays. */
static bool
parse_pay_days(Parser *p, O2cDueRule *rule)
{
	int			start;
	int32		day;

	do
	{
		if (!take_day(p, &day))
			return false;
		rule->pay_days |= (uint32) 1 << day;
		start = p->in->at;
		o2c_accept(p->in, ", and");
	} while (o2c_at_number(p->in, 0) && !o2c_at(p->in, 1, "% / @ x"));
	p->in->at = start;
	p->stage = STAGE_DAY;
	return true;
}

/* A fixed day of the month. */
static bool
parse_day(Parser *p, O2cDueRule *rule)
{
	p->in->at++;			/* the word "day" */
	p->stage = STAGE_DAY;
	return take_day(p, &rule->day);
}

/* The last day of the month that still counts for it. */
static bool
parse_cutoff(Parser *p, O2cDueRule *rule)
{
	p->stage = STAGE_CUTOFF;
	p->stepwise = true;
	if (!o2c_accept(p->in, "eom"))
		return take_day(p, &rule->cutoff);
	rule->cutoff = 31;
	return true;
}

/* "30 days after EOM": the month end is read behind, and applied before. */
static bool
parse_after_month_end(Parser *p, O2cDueRule *rule)
{
	int			months = 0;

	p->in->at++;			/* the word "after" */
	accept_any(p, month_ends, lengthof(month_ends), &months);
	if (rule->months > 0)
		return ambiguous(p, "Months and a month end have several readings.", HINT_EOM);
	rule->months = months;
	rule->eom = true;
	rule->days_after = rule->days;
	rule->days = 0;
	p->stage = STAGE_AFTER;
	return true;
}

/* A step that begins with a word. */
static bool
parse_word_step(Parser *p, O2cDueRule *rule, bool ordered, bool comma, bool *found)
{
	*found = true;
	if (p->stage == STAGE_START && o2c_accept(p->in, "cutoff"))
		return parse_cutoff(p, rule);
	if (p->stage < STAGE_EOM && at_month_end(p, 0))
		return parse_month_end(p, rule, ordered, comma);
	if (p->stage == STAGE_DAYS && o2c_at(p->in, 0, "after from past") && at_month_end(p, 1))
		return parse_after_month_end(p, rule);
	if (p->stage < STAGE_DAY && o2c_accept_phrase(p->in, "pay on"))
		return parse_pay_days(p, rule);
	*found = p->stage < STAGE_DAY && o2c_at(p->in, 0, "day d") && o2c_at_number(p->in, 1);
	if (!*found)
		return true;
	/* "D15" of a date formula is the next 15th */
	if (o2c_accept(p->in, "d"))
		return parse_pay_days(p, rule);
	return parse_day(p, rule);
}

/* One step of a rule, if one follows. */
static bool
parse_step(Parser *p, O2cDueRule *rule, bool *found)
{
	int			start = p->in->at;
	bool		comma = o2c_accept(p->in, ",");
	bool		then = p->stage > STAGE_START && o2c_accept(p->in, "then");
	bool		plus = !then && o2c_accept(p->in, "+ plus");
	bool		joined = then || plus;
	bool		ok = true;

	*found = false;
	if (o2c_at_number(p->in, 0))
	{
		if (!comma || joined || p->stage == STAGE_CUTOFF)
			ok = parse_number(p, rule, joined, found);
	}
	/* in a date formula, "30D+CM", the order is that of the text */
	else if (!plus || o2c_at(p->in, 0, "cm"))
		ok = parse_word_step(p, rule, joined, comma, found);
	if (!*found)
		p->in->at = start;
	return ok;
}

/* One way to say it where there are several. */
static void
normalise_rule(O2cDueRule *rule)
{
	if (rule->cutoff == 31)
		rule->cutoff = 0;
	if (rule->days_after == 0 && (rule->day == 31 || rule->pay_days == (uint32) 1 << 31))
	{
		rule->eom = true;
		rule->day = 0;
		rule->pay_days = 0;
	}
	/* a month end matters not when the day is then set */
	if (rule->days_after == 0 && rule->day > 0)
		rule->eom = false;
}

/* A rule: all its steps. */
static bool
parse_rule(Parser *p, O2cDueRule *rule)
{
	bool		found = true;

	p->stage = STAGE_START;
	p->unitless = p->stepwise = false;
	while (found)
		if (!parse_step(p, rule, &found))
			return false;
	if (p->stage == STAGE_START)
		return o2c_terms_unexpected(p->in, HINT_RULE);
	normalise_rule(rule);
	if (rule->day > 0 && rule->cutoff == 0 && rule->months == 0 && rule->days == 0 && rule->days_after == 0)
		return ambiguous(p, "A day of the month needs its month.", HINT_DAY);
	if (p->unitless && p->stage == STAGE_DAYS && o2c_rule_is_plain(rule))
	{
		p->bare = true;
		if (p->special)
			return ambiguous(p, "A bare number beside a rule of another kind has several readings.", HINT_MIXED);
	}
	return true;
}

/* A rate and until when it is granted. */
static bool
parse_tier(Parser *p)
{
	O2cInstalment *instalment = p->instalment;
	O2cTier    *tier = &instalment->tiers[instalment->ntiers];

	if (instalment->ntiers == O2C_MAX_TIERS)
		return invalid(p, psprintf("There are at most %d discounts.", O2C_MAX_TIERS), NULL);
	if (!take_size(p, O2C_WHOLE - 1, "A discount is more than 0 and less than 100 percent.", &tier->percent))
		return false;
	o2c_accept(p->in, "%");
	o2c_accept(p->in, "/");
	o2c_accept(p->in, "within");
	p->marked = true;
	p->spelled = false;
	if (!parse_rule(p, &tier->until))
		return false;
	p->special |= !o2c_rule_is_plain(&tier->until);
	instalment->ntiers++;
	o2c_accept(p->in, ", ;");
	return true;
}

/* When the whole is due. */
static bool
parse_net(Parser *p)
{
	p->spelled = o2c_at(p->in, 0, "net");
	p->marked = o2c_accept(p->in, "net n");
	if (p->marked)
		o2c_accept(p->in, "/");
	else if (p->instalment->ntiers > 0 && !o2c_at_number(p->in, 0))
	{
		if (p->shorthand)
			return ambiguous(p, "A discount without the date for the full amount has several readings.", HINT_MIXED);
		return o2c_terms_unexpected(p->in, "A discount is followed by the date for the full amount, such as \"2/10 net 30\".");
	}
	if (!parse_rule(p, &p->instalment->due))
		return false;
	if (!p->marked)
		o2c_accept(p->in, "net");
	if (p->bare && p->shorthand)
		return ambiguous(p, "A bare number beside a rule of another kind has several readings.", HINT_MIXED);
	return true;
}

/* Highest rate first. */
static int
compare_tiers(const void *a, const void *b)
{
	int64		x = ((const O2cTier *) a)->percent;
	int64		y = ((const O2cTier *) b)->percent;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Later tiers give less, and every one ends before the full amount is due. */
static bool
check_tiers(Parser *p)
{
	O2cInstalment *instalment = p->instalment;

	qsort(instalment->tiers, instalment->ntiers, sizeof(O2cTier), compare_tiers);
	for (int i = 0; i < instalment->ntiers; i++)
	{
		const O2cTier *tier = &instalment->tiers[i];
		const O2cDueRule *next = i + 1 < instalment->ntiers ? &tier[1].until : &instalment->due;

		if (i + 1 < instalment->ntiers && tier[0].percent == tier[1].percent)
			return invalid(p, "Two discounts have the same rate.", NULL);
		if (o2c_rule_is_plain(&instalment->due) && instalment->due.days == 0)
			return invalid(p, "What is due at once leaves no time for a discount.", NULL);
		if (o2c_rule_is_plain(&tier->until) && o2c_rule_is_plain(next) &&
			(tier->until.days > next->days || (tier->until.days == next->days && next != &instalment->due)))
			return invalid(p, "A higher discount ends earlier, and none ends after the full amount is due.", NULL);
	}
	return true;
}

/* When one instalment is due, and what paying it early saves. */
static bool
parse_spec(Parser *p)
{
	int			kind;

	p->bare = p->shorthand = p->special = false;
	p->prox = 0;
	if (accept_any(p, kinds, lengthof(kinds), &kind))
	{
		p->instalment->kind = kind;
		return true;
	}
	while (o2c_at_number(p->in, 0) && o2c_at(p->in, 1, "% /"))
		if (!parse_tier(p))
			return false;
	return parse_net(p) && check_tiers(p);
}

/* A new instalment at the end. */
static bool
add_instalment(Parser *p, O2cShare share)
{
	if (p->terms->n == O2C_MAX_INSTALMENTS)
		return invalid(p, psprintf("There are at most %d instalments.", O2C_MAX_INSTALMENTS), NULL);
	p->instalment = &p->terms->instalments[p->terms->n++];
	p->instalment->share = share;
	return true;
}

/* Does an instalment begin here? */
static bool
at_share(Parser *p)
{
	if (o2c_at(p->in, 0, "balance rest remainder fixed"))
		return true;
	if (!o2c_at_number(p->in, 0))
		return false;
	if (o2c_at(p->in, 1, "@"))
		return true;
	return o2c_at(p->in, 1, "%") &&
		o2c_at(p->in, 2, "@ at net cia cwo cbs pia cod cnd cash payment in deposit prepaid prepayment due immediate immediately");
}

/* An instalment with its share. */
static bool
parse_share(Parser *p)
{
	if (o2c_accept(p->in, "balance rest remainder"))
		return add_instalment(p, O2C_SHARE_REST);
	if (o2c_accept(p->in, "fixed"))
		return add_instalment(p, O2C_SHARE_FIXED) &&
			take_size(p, PG_INT64_MAX, "A fixed instalment is more than 0.", &p->instalment->size);
	return add_instalment(p, O2C_SHARE_PERCENT) &&
		take_size(p, O2C_WHOLE, "A share is more than 0 and at most 100 percent.", &p->instalment->size);
}

/* An instalment: its share and its specification. */
static bool
parse_part(Parser *p)
{
	if (!parse_share(p))
		return false;
	if (p->instalment->share == O2C_SHARE_PERCENT)
		o2c_accept(p->in, "%");
	o2c_accept(p->in, "@ at");
	return parse_spec(p);
}

/* The shares make up the whole: the last one takes what the others leave. */
static bool
check_shares(Parser *p)
{
	O2cTerms   *terms = p->terms;
	O2cInstalment *last = &terms->instalments[terms->n - 1];
	int64		sum = 0;

	for (O2cInstalment *i = terms->instalments; i < last; i++)
	{
		if (i->share == O2C_SHARE_REST)
			return invalid(p, "Only the last instalment can be the balance.", HINT_PARTS);
		sum += i->share == O2C_SHARE_PERCENT ? i->size : 0;
	}
	if (last->share == O2C_SHARE_FIXED || sum >= O2C_WHOLE ||
		(last->share == O2C_SHARE_PERCENT && sum + last->size != O2C_WHOLE))
		return invalid(p, "The shares do not add up to 100 percent.", HINT_PARTS);
	last->share = O2C_SHARE_REST;
	last->size = 0;
	return true;
}

/* Instalments with a share each. */
static bool
parse_parts(Parser *p)
{
	while (at_share(p))
	{
		if (!parse_part(p))
			return false;
		if (o2c_accept(p->in, "; , and") && !at_share(p))
		{
			/* the separator belongs to what follows the last instalment */
			p->in->at--;
			break;
		}
	}
	return check_shares(p);
}

/* Are equal parts ahead: 30/60/90 days?  Returns how many. */
static int
equal_parts_ahead(Parser *p)
{
	int			n = 1;

	while (o2c_at_number(p->in, 2 * n - 2) && o2c_at(p->in, 2 * n - 1, "/"))
		n++;
	return n > 1 && o2c_at_number(p->in, 2 * n - 2) && o2c_at(p->in, 2 * n - 1, "days") &&
		!o2c_at(p->in, 2 * n, "net n") && !o2c_at_number(p->in, 2 * n) &&
		!(o2c_at(p->in, 2 * n, ", ;") && (o2c_at_number(p->in, 2 * n + 1) || o2c_at(p->in, 2 * n + 1, "net n"))) ? n : 0;
}

/* Equal parts.  The shares are percentages where these are exact. */
static bool
parse_equal_parts(Parser *p, int n)
{
	bool		exact = O2C_WHOLE % n == 0;

	if (p->in->tokens[p->in->at].value > 0 && p->in->tokens[p->in->at].value < 10 * O2C_TERM_UNIT)
		return ambiguous(p, "These are instalments, or a discount without the date for the full amount.",
						 "Say \"2/10 net 30\" or \"50% @ net 2; balance @ net 10\".");
	for (int i = 0; i < n; i++)
	{
		if (!add_instalment(p, !exact ? O2C_SHARE_EQUAL : i < n - 1 ? O2C_SHARE_PERCENT : O2C_SHARE_REST))
			return false;
		if (p->instalment->share == O2C_SHARE_PERCENT)
			p->instalment->size = O2C_WHOLE / n;
		if (!take_count(p, 0, O2C_MAX_TERM_DAYS, "A number of days", &p->instalment->due.days))
			return false;
		p->in->at++;
		if (i > 0 && p->instalment[-1].due.days >= p->instalment->due.days)
			return invalid(p, "Each of the equal instalments is later than the one before.", HINT_PARTS);
	}
	return true;
}

/* One base event or fixed date. */
static bool
parse_event(Parser *p)
{
	int			event;
	const Token *token = &p->in->tokens[p->in->at];

	o2c_accept(p->in, "the");
	if (token->kind == TOKEN_DATE)
	{
		event = O2C_BASE_FIXED;
		p->terms->base_date = token->date;
		p->in->at++;
	}
	else if (!accept_any(p, events, lengthof(events), &event))
		return o2c_terms_unexpected(p->in, "Terms run from invoice, delivery, receipt of goods, statement, order, a date, or from the later of two of them.");
	if (p->terms->base & event)
		return invalid(p, "The same base is named twice.", NULL);
	p->terms->base |= event;
	return true;
}

/* What the terms run from. */
static bool
parse_base(Parser *p)
{
	if (p->terms->base != 0)
		return o2c_terms_unexpected(p->in, "Terms have one base.");
	o2c_accept(p->in, "the");
	if (!o2c_accept_phrase(p->in, "later of"))
		return parse_event(p);
	if (!parse_event(p))
		return false;
	if (!o2c_accept(p->in, "and or ,"))
		return o2c_terms_unexpected(p->in, "Say \"from later of invoice and delivery\".");
	return parse_event(p);
}

/* Extra dating: free days before all the others begin. */
static bool
add_extra(Parser *p, int32 extra)
{
	for (int i = 0; i < p->terms->n; i++)
	{
		O2cInstalment *instalment = &p->terms->instalments[i];

		for (int t = 0; t <= instalment->ntiers; t++)
		{
			O2cDueRule *rule = t < instalment->ntiers ? &instalment->tiers[t].until : &instalment->due;

			if (instalment->kind != O2C_DUE_BY_RULE || !o2c_rule_is_plain(rule) ||
				rule->days + extra > O2C_MAX_TERM_DAYS)
				return invalid(p, psprintf("Extra days lengthen terms that count days only, up to %d.", O2C_MAX_TERM_DAYS), NULL);
			rule->days += extra;
		}
	}
	return true;
}

/* "extra 60 days" and "60X" */
static bool
parse_extra(Parser *p)
{
	int32		extra;

	o2c_accept(p->in, "extra");
	if (!take_count(p, 0, O2C_MAX_TERM_DAYS, "A number of days", &extra))
		return false;
	o2c_accept(p->in, "x");
	o2c_accept(p->in, "days");
	return add_extra(p, extra);
}

/* The day to take when nobody works on the due date. */
static bool
parse_roll(Parser *p)
{
	int			roll;

	o2c_accept(p->in, "roll");
	if (p->terms->roll != O2C_ROLL_NONE || !accept_any(p, rolls, lengthof(rolls), &roll))
		return o2c_terms_unexpected(p->in, "A roll is following, modified following, previous or modified previous.");
	p->terms->roll = roll;
	return true;
}

/* Something that holds for all instalments. */
static bool
parse_modifier(Parser *p)
{
	if (o2c_accept(p->in, "from after") || o2c_accept_phrase(p->in, "as of"))
		return parse_base(p);
	if (p->terms->base == 0 && o2c_accept(p->in, "rog"))
	{
		p->terms->base = O2C_BASE_RECEIPT;
		return true;
	}
	if (o2c_at(p->in, 0, "extra") || (o2c_at_number(p->in, 0) && o2c_at(p->in, 1, "x")))
		return parse_extra(p);
	if (o2c_at(p->in, 0, "roll following modified previous unadjusted"))
		return parse_roll(p);
	return o2c_terms_unexpected(p->in, HINT_RULE);
}

/* The instalments, then what holds for all of them. */
static bool
parse_all(Parser *p)
{
	int			equal = equal_parts_ahead(p);
	bool		ok;

	if (equal > 0)
		ok = parse_equal_parts(p, equal);
	else if (at_share(p))
		ok = parse_parts(p);
	else
		ok = add_instalment(p, O2C_SHARE_REST) && parse_spec(p);
	while (ok && p->in->tokens[p->in->at].kind != TOKEN_END)
	{
		o2c_accept(p->in, ", ;");
		ok = parse_modifier(p);
	}
	if (p->terms->base == 0)
		p->terms->base = O2C_BASE_INVOICE;
	return ok;
}

/*
 * The terms that a text means, or NULL and in "in" what is wrong with it.
 * The reading says what "30 days EOM" is to mean: days_then_eom, eom_then_days
 * or eom_then_months; without one such a text is refused.
 */
O2cTerms *
o2c_parse_terms(TermsInput *in, const char *text, const char *reading)
{
	Parser		p = {.in = in, .reading = reading};

	memset(in, 0, sizeof(TermsInput));
	if (!o2c_terms_scan(in, text))
		return NULL;
	p.terms = palloc0(O2C_TERMS_SIZE(O2C_MAX_INSTALMENTS));
	return parse_all(&p) ? p.terms : NULL;
}
