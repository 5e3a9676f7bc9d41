/*-------------------------------------------------------------------------
 *
 * payers.c
 *		Who made payments.
 *
 * Who paid is certain when somebody said so, by the account, by what people
 * confirmed before, by the customer's or VAT number, or by a name that only one
 * customer has; a similar name makes it likely.
 *
 *-------------------------------------------------------------------------
 */
#include "matching/match.h"

#include "commands/extension.h"
#include "core/plan.h"

#define LEAST_SIMILARITY 0.6
#define LEAST_GAP 0.15

/* Adds a party that may have paid, unless it is there with as much certainty. */
void
o2c_add_party(O2cPending *p, int64 customer, int64 group, O2cPayerStrength strength, const char *found_by)
{
	for (int i = 0; i < p->n_parties; i++)
	{
		O2cParty   *other = &p->parties[i];

		if (other->customer != customer)
			continue;
		if (other->strength < strength)
			*other = (O2cParty) {customer, group, strength, found_by};
		return;
	}
	if (p->n_parties % 8 == 0)
		p->parties = p->n_parties == 0 ? palloc(sizeof(O2cParty) * 8) : repalloc(p->parties, sizeof(O2cParty) * (p->n_parties + 8));
	p->parties[p->n_parties++] = (O2cParty) {customer, group, strength, found_by};
}

/* Customers that an account, a name or an alias of one payment stands for. */
typedef struct Known
{
	const char *found_by;
	int64		customer;
	int64		group;
	int			hits;
	int			misses;
	const char *forms;
} Known;

/* How sure a customer is that is found by name, of n who have it: legal forms part those who have the same. */
static O2cPayerStrength
name_strength(const O2cPending *p, const Known *all, int n, const Known *k)
{
	int			same = 0,
				others = 0;

	for (int i = 0; i < n; i++)
	{
		if (strcmp(all[i].found_by, "name") != 0)
			continue;
		if (strcmp(all[i].forms, p->forms) == 0)
			same++;
		else
			others++;
	}
	if (strcmp(k->forms, p->forms) == 0)
		return same == 1 ? O2C_PAYER_CERTAIN : O2C_PAYER_LIKELY;
	if (same > 0)
		return O2C_PAYER_OTHER;
	return others == 1 && (k->forms[0] == '\0' || p->forms[0] == '\0') ? O2C_PAYER_CERTAIN : O2C_PAYER_LIKELY;
}

/* How sure a customer is that people said an alias stands for. */
static O2cPayerStrength
alias_strength(const Known *all, int n, const Known *k)
{
	for (int i = 0; i < n; i++)
		if (strcmp(all[i].found_by, k->found_by) == 0 && all[i].customer != k->customer)
			return O2C_PAYER_LIKELY;
	if (k->misses > 0)
		return O2C_PAYER_UNKNOWN;
	/* a text may be anybody's */
	return k->hits >= 2 && strcmp(k->found_by, "learned text") != 0 ? O2C_PAYER_CERTAIN : O2C_PAYER_LIKELY;
}

/* How sure a customer is that owns an account. */
static O2cPayerStrength
account_strength(const Known *all, int n, const Known *k)
{
	for (int i = 0; i < n; i++)
		if (strcmp(all[i].found_by, "account") == 0 && all[i].customer != k->customer)
			return O2C_PAYER_LIKELY;
	return O2C_PAYER_CERTAIN;
}

/* Of the owners of an account, those that the name does not tell are only possible. */
static void
rule_out_owners(O2cPending *p)
{
	for (int i = 0; i < p->n_parties; i++)
		if (p->parties[i].strength == O2C_PAYER_LIKELY && strcmp(p->parties[i].found_by, "account") == 0)
			p->parties[i].strength = O2C_PAYER_UNKNOWN;
}

/* Takes over who is known to have paid one payment; an account says more than a name. */
static void
take_known(O2cPending *p, const Known *all, int n)
{
	bool		by_account = false;

	for (int i = 0; i < n; i++)
		if (strcmp(all[i].found_by, "account") == 0)
		{
			o2c_add_party(p, all[i].customer, all[i].group, account_strength(all, n, &all[i]), "account");
			by_account = true;
		}
	for (int i = 0; i < n; i++)
	{
		bool		by_name = strcmp(all[i].found_by, "name") == 0;
		O2cPayerStrength strength;

		if (strcmp(all[i].found_by, "account") == 0)
			continue;
		strength = by_name ? name_strength(p, all, n, &all[i]) : alias_strength(all, n, &all[i]);
		/* somebody's name on another one's account */
		if (by_account && by_name && strength == O2C_PAYER_CERTAIN && o2c_payer_strength(p, all[i].group, NULL) == O2C_PAYER_OTHER)
		{
			o2c_add_party(p, all[i].customer, all[i].group, O2C_PAYER_LIKELY, all[i].found_by);
			continue;
		}
		/* among the owners of an account, a name tells which one it is */
		if (by_account && !(strength == O2C_PAYER_CERTAIN && o2c_payer_strength(p, all[i].group, NULL) == O2C_PAYER_LIKELY))
			continue;
		if (by_account && by_name)
			rule_out_owners(p);
		if (strength >= O2C_PAYER_LIKELY)
			o2c_add_party(p, all[i].customer, all[i].group, strength, all[i].found_by);
	}
}

/* Of payments without a customer, what may tell it. */
static Datum
payer_keys(const O2cMatch *match, size_t field)
{
	NullableDatum *keys = palloc_extended(sizeof(NullableDatum) * match->n, MCXT_ALLOC_HUGE);

	for (int i = 0; i < match->n; i++)
	{
		const char *key = *(char **) ((char *) &match->payments[i] + field);

		keys[i] = match->payments[i].customer == 0 ? o2c_opt_cstring(key) : O2C_NULL;
	}
	return o2c_datum_array(keys, match->n, TEXTOID);
}

/* Looks up accounts, names and aliases. */
static void
read_known(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT place, found_by, customer_id, group_id, hits, misses, forms FROM o2c._known_payers($2, $3, $4, $1) ORDER BY place, customer_id, found_by",
								   INT8OID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID);
	int			n = o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(payer_keys(match, offsetof(O2cPending, account))),
											o2c_datum(payer_keys(match, offsetof(O2cPending, name))),
											o2c_datum(payer_keys(match, offsetof(O2cPending, text)))));
	Known	   *known = palloc_extended(sizeof(Known) * Max(n, 1), MCXT_ALLOC_HUGE);
	int64	   *places = palloc_extended(sizeof(int64) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
	{
		places[i] = o2c_row_int8(i, 1) - 1;
		known[i] = (Known) {o2c_row_text(i, 2), o2c_row_int8(i, 3), o2c_row_int8(i, 4), o2c_row_int4(i, 5), o2c_row_int4(i, 6), o2c_row_text(i, 7)};
	}
	for (int i = 0, end; i < n; i = end)
	{
		for (end = i + 1; end < n && places[end] == places[i]; end++)
			;
		take_known(&match->payments[places[i]], &known[i], end - i);
	}
}

/* Takes over whose name is similar: the best one, when the next one is far behind. */
static void
take_similar(O2cMatch *match, O2cPending **unknown, int n)
{
	for (int i = 0, end; i < n; i = end)
	{
		int			best = i;
		float4		second = 0;
		float4		similarity;

		for (end = i; end < n && o2c_row_int8(end, 1) == o2c_row_int8(i, 1); end++)
			if (DatumGetFloat4(o2c_row_datum(end, 4, &(bool) {0})) > DatumGetFloat4(o2c_row_datum(best, 4, &(bool) {0})))
				best = end;
		similarity = DatumGetFloat4(o2c_row_datum(best, 4, &(bool) {0}));
		for (int j = i; j < end; j++)
			if (j != best)
				second = Max(second, DatumGetFloat4(o2c_row_datum(j, 4, &(bool) {0})));
		if (similarity >= LEAST_SIMILARITY && similarity - second >= LEAST_GAP)
			o2c_add_party(unknown[o2c_row_int8(i, 1) - 1], o2c_row_int8(best, 2), o2c_row_int8(best, 3), O2C_PAYER_LIKELY, "similar name");
	}
}

/* Compares the names of those who are still unknown with all customers'. */
static void
read_similar(O2cMatch *match)
{
	static O2cPlan find = O2C_PLAN("SELECT place, customer_id, group_id, similarity FROM o2c._similar_names($2, $1) ORDER BY place",
								   INT8OID, TEXTARRAYOID);
	O2cPending **unknown = palloc_extended(sizeof(O2cPending *) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	NullableDatum *names = palloc_extended(sizeof(NullableDatum) * Max(match->n, 1), MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < match->n; i++)
	{
		if (match->payments[i].n_parties > 0 || match->payments[i].name == NULL)
			continue;
		names[n] = o2c_cstring(match->payments[i].name);
		unknown[n++] = &match->payments[i];
	}
	match->compares_names = OidIsValid(get_extension_oid("pg_trgm", true));
	if (n > 0 && match->compares_names)
		take_similar(match, unknown, o2c_run(&find, O2C_ARGS(o2c_int8(match->company), o2c_datum(o2c_datum_array(names, n, TEXTOID)))));
}

/* Finds out who made the payments. */
void
o2c_read_payers(O2cMatch *match)
{
	bool		unknown = false;

	for (int i = 0; i < match->n; i++)
	{
		O2cPending *p = &match->payments[i];

		if (p->customer != 0)
			o2c_add_party(p, p->customer, p->group, O2C_PAYER_CERTAIN, "the payment itself");
		unknown |= p->customer == 0;
	}
	if (!unknown)
		return;
	read_known(match);
	read_similar(match);
}

/* How sure it is that a group of customers made a payment. */
O2cPayerStrength
o2c_payer_strength(const O2cPending *p, int64 group, const O2cParty **party)
{
	O2cPayerStrength strength = p->n_parties == 0 ? O2C_PAYER_UNKNOWN : O2C_PAYER_OTHER;
	int			certain = 0;

	for (int i = 0; i < p->n_parties; i++)
	{
		if (p->parties[i].strength == O2C_PAYER_CERTAIN && p->parties[i].group != group)
			certain++;
		if (p->parties[i].group != group || p->parties[i].strength <= strength)
			continue;
		strength = p->parties[i].strength;
		if (party != NULL)
			*party = &p->parties[i];
	}
	/* who is sure to be somebody else is only likely to be this one, too */
	return strength == O2C_PAYER_CERTAIN && certain > 0 ? O2C_PAYER_LIKELY : strength;
}
