/*-------------------------------------------------------------------------
 *
 * match.h
 *		What matching knows while it runs: payments, what they say about
 *		documents and payers, and the open items they may pay.
 *
 *		Amounts are integers in minor units of the currency.  Everything lives
 *		until the SPI connection of the run ends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef O2C_MATCH_H
#define O2C_MATCH_H

#include "o2c.h"

#include "utils/hsearch.h"

/* How much a reference says: a guess, a number among others, a number, nothing else, check digits. */
typedef enum
{
	O2C_REF_NONE,
	O2C_REF_FUZZY,
	O2C_REF_WEAK,
	O2C_REF_EXACT,
	O2C_REF_WHOLE,
	O2C_REF_PROVED
} O2cRefStrength;

/* What hits by payment links are found by; a link stands for all its invoices. */
#define O2C_LINK "payment link"

/* A document that a payment's text names. */
typedef struct O2cHit
{
	int64		invoice;
	int64		customer;
	int64		group;
	O2cRefStrength strength;
	const char *found_by;
	const char *token;
	const char *number;
	bool		open;			/* as far as its state tells */
} O2cHit;

/* Whether a customer pays: from what it was told, nothing, perhaps, for sure. */
typedef enum
{
	O2C_PAYER_OTHER,			/* somebody else does */
	O2C_PAYER_UNKNOWN,
	O2C_PAYER_LIKELY,
	O2C_PAYER_CERTAIN
} O2cPayerStrength;

typedef struct O2cParty
{
	int64		customer;		/* 0: one of the group */
	int64		group;
	O2cPayerStrength strength;
	const char *found_by;
} O2cParty;

/* A payment with something to apply. */
typedef struct O2cPending
{
	int64		id;
	int64		customer;		/* 0: unidentified */
	int64		group;
	int64		item;
	DateADT		received_on;
	char	   *currency;
	int			digits;
	int64		amount;
	int64		open;
	Numeric		sent;			/* in sent_currency: what the payer sent, where the bank says so */
	char	   *sent_currency;	/* NULL: nothing else than its own */
	char	   *reference;		/* NULL when there is none, as the next ones */
	char	   *name;			/* key of the payer's name, and its legal forms */
	char	   *forms;
	char	   *account;
	char	   *text;
	char	   *whole;			/* the reference in normal form */
	uint64		leads;			/* its beginnings that announce a number (o2c_announced_leads) */
	char	  **tokens;
	int			n_tokens;
	char	  **bare;			/* those of the text without dates and amounts, once they are asked for */
	int			n_bare;
	const char *code;			/* a customer's number in the text */
	O2cHit	   *hits;
	int			n_hits;
	O2cParty   *parties;
	int			n_parties;
	char	   *last_words;		/* of its last result */
	bool		identify;		/* this run says whose it is */
	bool		lost;			/* somebody else said so meanwhile, or it ended */
	int64	   *unpaid;			/* invoices that the text says are not paid */
	int			n_unpaid;
	int64	   *neighbours;		/* invoices that are a slip away and as high */
	int			n_neighbours;
	uint64		seen;			/* state of its groups when it was looked at */
	struct O2cPending *twin;	/* the one before it that carries the same */
	struct O2cFinding *finding;	/* what was found then, unless it was applied */
} O2cPending;

#define O2C_MAX_TIERS 3

/* An open item; credit notes are negative. */
typedef struct O2cMatchItem
{
	int64		id;
	int64		customer;
	int64		group;
	int64		invoice;
	DateADT		effective_on;
	DateADT		due_on;
	char	   *currency;
	int			digits;
	int64		open;
	char	   *key;			/* number of the document in normal form */
	char	   *number;
	int			n_tiers;
	struct
	{
		DateADT		until;
		int64		amount;
	}			tiers[O2C_MAX_TIERS];
	int			next;			/* of the same invoice, -1 */
} O2cMatchItem;

/* An amount and the item that had it. */
typedef struct O2cAmountPlace
{
	int64		amount;
	int			item;
} O2cAmountPlace;

/* The items of a group of customers: they stand together, by due date. */
typedef struct O2cMatchGroup
{
	int64		id;
	int			first;
	int			n;
	uint64		version;		/* how often something of it was applied */
	struct O2cAmountPlace *by_amount;	/* its items by the amounts they had first, where there are very many */
} O2cMatchGroup;

/* The policy of a customer. */
typedef struct O2cMatchPolicy
{
	int64		customer;
	char	   *code;
	int64		tolerance_amount;	/* in 1/10000; -1: none */
	int64		tolerance_percent;	/* in 1/1000000; -1: none */
	int			discount_grace;
	int64		exchange_tolerance; /* in 1/1000000 percent */
	char	   *rules;
	double		apply_score;
	double		suggest_score;
	double		margin;
	int			duplicate_days;
	bool		is_parent;		/* the customer has others below it */
} O2cMatchPolicy;

/* What is owed, in memory. */
typedef struct O2cMatchBook
{
	O2cMatchItem *items;
	int			n_items;
	O2cMatchGroup *groups;
	int			n_groups;
	HTAB	   *group_of;		/* group id -> place */
	HTAB	   *item_of;		/* invoice id -> first item */
	HTAB	   *policies;		/* customer id -> O2cMatchPolicy */
	HTAB	   *settled;		/* payments that were used up */
	char	  **currencies;		/* of the items, each once */
	int			n_currencies;
	HTAB	   *rates;			/* between currencies of payments and items, by day */
} O2cMatchBook;

/* A part of an explanation: what a payment, or a credit note, does to an item. */
typedef struct O2cMatchPart
{
	int			item;
	int64		cash;			/* negative: of a credit note that is used up */
	int64		discount;
	int64		tolerance;
} O2cMatchPart;

/* How the amount agrees with what is to be paid. */
typedef enum
{
	O2C_AMOUNT_NONE,
	O2C_AMOUNT_PART,
	O2C_AMOUNT_OVER,
	O2C_AMOUNT_TOLERATED,
	O2C_AMOUNT_EXACT
} O2cAmountStrength;

/* One explanation of a payment. */
typedef struct O2cExplanation
{
	const char *stage;
	int64		customer;		/* whose payment it then is */
	int64		group;
	O2cRefStrength ref;
	O2cPayerStrength payer;
	O2cAmountStrength amount;
	double		s_ref;
	double		s_party;
	double		s_amount;
	double		s_date;
	double		score;
	bool		unique;			/* no other set of items explains it as well in the same way */
	bool		leaves_named;	/* the text names more than it pays */
	bool		sound;			/* enough agrees to apply it */
	const char *reason;			/* why not */
	const char *token;			/* what of the text it rests on */
	const char *found_by;		/* and what that is */
	const char *payer_by;		/* how the payer is known */
	int			documents;		/* how many are named */
	const char *currency;		/* of the items, where it is not the payment's */
	int64		worth;			/* of the payment in it */
	bool		at_rate;		/* by the day's rate; else as it was sent */
	int			n;
	O2cMatchPart *parts;
} O2cExplanation;

#define O2C_MAX_EXPLANATIONS 8

/* What was found for a payment. */
typedef struct O2cFinding
{
	const char *outcome;		/* applied, suggested, ambiguous, duplicate, none */
	double		runner_up;
	char	   *words;
	char	   *doubt;			/* where the words begin to say why it is not applied; NULL: they do not */
	int			n;
	O2cExplanation explanations[O2C_MAX_EXPLANATIONS];	/* the best first */
} O2cFinding;

/* One run. */
typedef struct O2cMatch
{
	int64		company;
	DateADT		as_of;
	bool		read_only;
	bool		compares_names; /* similar names are found */
	O2cPending *payments;
	int			n;
	O2cMatchBook book;
} O2cMatch;

#define O2C_LEAST_SIGNIFICANT 5		/* fewer digits are too common to say much */

/* pending.c */
extern void o2c_read_pending(O2cMatch *match, NullableDatum payment);
extern void o2c_refresh_pending(O2cMatch *match);
extern Datum o2c_payment_ids(const O2cMatch *match);

/* words.c */
extern uint64 o2c_announced_leads(const char *whole);
extern bool o2c_is_whole(const O2cPending *p, const char *number);
extern bool o2c_is_announced(const O2cPending *p, const char *token);
extern bool o2c_is_invoice_number(const O2cPending *p, const char *token);
extern bool o2c_is_customer_number(const O2cPending *p, const char *token);
extern bool o2c_is_taken_away(const O2cPending *p, const char *token);
extern bool o2c_stands_alone(const O2cPending *p, const char *number);
extern bool o2c_says(const char *text, const char *token);
extern bool o2c_is_range(const O2cPending *p, const char *from, const char *to);
extern void o2c_blank_token(char *text, const char *token, char fill);
extern char *o2c_bare_text(const O2cPending *p);
extern char *o2c_without_letters(char *text);
extern char *o2c_other_purpose(const O2cPending *p);
extern bool o2c_is_credit_word(const char *word);

/* documents.c */
extern void o2c_read_documents(O2cMatch *match);
extern void o2c_read_neighbours(O2cMatch *match);
extern void o2c_read_bare(O2cPending *p);
extern bool o2c_one_edit(const char *a, const char *b);

/* payers.c */
extern void o2c_read_payers(O2cMatch *match);
extern void o2c_add_party(O2cPending *p, int64 customer, int64 group, O2cPayerStrength strength, const char *found_by);
extern O2cPayerStrength o2c_payer_strength(const O2cPending *p, int64 group, const O2cParty **party);

/* book.c */
extern void o2c_read_book(O2cMatch *match);
extern O2cMatchGroup *o2c_match_group(const O2cMatchBook *book, int64 group);
extern int	o2c_first_item(const O2cMatchBook *book, int64 invoice);
extern const O2cMatchPolicy *o2c_match_policy(const O2cMatchBook *book, int64 customer);
extern int64 o2c_discount_of(const O2cMatchItem *item, const O2cMatchPolicy *policy, DateADT received_on, int tier);
extern int64 o2c_tolerance_of(const O2cMatchPolicy *policy, int64 owed, int digits);
extern int64 o2c_to_minor(Numeric amount, int digits);
extern Numeric o2c_from_minor(int64 amount, int digits);
extern void o2c_note_settled(O2cMatchBook *book, int64 group, const O2cPending *p);
extern bool o2c_paid_before(const O2cMatchBook *book, int64 group, const O2cPending *p, int days, bool same_text);
extern const O2cAmountPlace *o2c_items_by_amount(O2cMatchBook *book, O2cMatchGroup *group);

/* exchange.c */
extern void o2c_read_rates(O2cMatch *match);

/* explain.c */
extern void o2c_explain(O2cMatch *match, O2cPending *p, O2cFinding *finding);

#endif							/* O2C_MATCH_H */
