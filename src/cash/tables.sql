
-- cash: bank accounts, policies, payments

CREATE SEQUENCE IF NOT EXISTS o2c.bank_account_id_seq;
CREATE TABLE IF NOT EXISTS o2c.bank_account (
    company_id       bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT bank_account_company_fkey REFERENCES o2c.company,
    bank_account_id  bigint NOT NULL DEFAULT nextval('o2c.bank_account_id_seq'),
    account          text NOT NULL CONSTRAINT bank_account_account CHECK (account <> '' AND account = o2c.account_key(account)),
    currency         text NOT NULL CONSTRAINT bank_account_currency CHECK (o2c.minor_units(currency) >= 0),
    name             text,
    bank             text,
    bic              text CONSTRAINT bank_account_bic CHECK (bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$'),
    creditor_id      text,
    active           boolean NOT NULL DEFAULT true,
    attributes       jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT bank_account_pkey PRIMARY KEY (company_id, bank_account_id),
    CONSTRAINT bank_account_key UNIQUE (company_id, account, currency)
);
COMMENT ON TABLE o2c.bank_account IS 'The company''s own bank accounts: what statements are of, and where direct debits are collected to';
COMMENT ON COLUMN o2c.bank_account.account IS 'IBAN or another account number, upper case without blanks and punctuation (o2c.account_key)';
COMMENT ON COLUMN o2c.bank_account.bic IS 'Of the bank (ISO 9362)';
COMMENT ON COLUMN o2c.bank_account.creditor_id IS 'The company''s creditor identifier for direct debits (SEPA: AT-02)';

CREATE TABLE IF NOT EXISTS o2c.customer_account (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    account      text NOT NULL CONSTRAINT customer_account_account CHECK (account <> '' AND account = o2c.account_key(account)),
    customer_id  bigint NOT NULL,
    name         text,
    bic          text,
    CONSTRAINT customer_account_pkey PRIMARY KEY (company_id, account, customer_id),
    CONSTRAINT customer_account_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer
);
COMMENT ON TABLE o2c.customer_account IS 'Bank accounts that customers pay from. An account of several customers tells only that it is one of them';
COMMENT ON COLUMN o2c.customer_account.account IS 'IBAN or another account number, upper case without blanks and punctuation (o2c.account_key)';
COMMENT ON COLUMN o2c.customer_account.name IS 'Holder of the account, when it is not the customer';
CREATE INDEX IF NOT EXISTS customer_account_customer ON o2c.customer_account (company_id, customer_id);

CREATE SEQUENCE IF NOT EXISTS o2c.cash_policy_id_seq;
CREATE TABLE IF NOT EXISTS o2c.cash_policy (
    company_id            bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT cash_policy_company_fkey REFERENCES o2c.company,
    cash_policy_id        bigint NOT NULL DEFAULT nextval('o2c.cash_policy_id_seq'),
    customer_id           bigint,
    tolerance_amount      numeric CONSTRAINT cash_policy_tolerance_amount CHECK (tolerance_amount >= 0 AND tolerance_amount < 'Infinity'),
    tolerance_percent     numeric CONSTRAINT cash_policy_tolerance_percent CHECK (tolerance_percent >= 0 AND tolerance_percent <= 100),
    discount_grace_days   integer NOT NULL DEFAULT 0 CONSTRAINT cash_policy_grace CHECK (discount_grace_days BETWEEN 0 AND 365),
    discount_on_partial   boolean NOT NULL DEFAULT false,
    rules                 text[] NOT NULL DEFAULT '{one_item,all_items,all_overdue,one_month,all_but_one,combination}'
                          CONSTRAINT cash_policy_rules CHECK (rules <@ '{one_item,all_items,all_overdue,one_month,all_but_one,combination,oldest_first}'::text[]),
    apply_score           numeric NOT NULL DEFAULT 0.9 CONSTRAINT cash_policy_apply_score CHECK (apply_score > 0 AND apply_score <= 1),
    suggest_score         numeric NOT NULL DEFAULT 0.6,
    score_margin          numeric NOT NULL DEFAULT 0.1 CONSTRAINT cash_policy_margin CHECK (score_margin >= 0 AND score_margin <= 1),
    duplicate_days        integer NOT NULL DEFAULT 30 CONSTRAINT cash_policy_duplicate CHECK (duplicate_days BETWEEN 0 AND 3650),
    refund_above          numeric CONSTRAINT cash_policy_refund CHECK (refund_above >= 0 AND refund_above < 'Infinity'),
    exchange_tolerance_percent numeric NOT NULL DEFAULT 0 CONSTRAINT cash_policy_exchange CHECK (exchange_tolerance_percent >= 0 AND exchange_tolerance_percent <= 100),
    cleared_only          boolean NOT NULL DEFAULT false,
    bounce_fee            numeric NOT NULL DEFAULT 0 CONSTRAINT cash_policy_fee CHECK (bounce_fee >= 0 AND bounce_fee < 'Infinity'),
    CONSTRAINT cash_policy_pkey PRIMARY KEY (company_id, cash_policy_id),
    CONSTRAINT cash_policy_one UNIQUE NULLS NOT DISTINCT (company_id, customer_id),
    CONSTRAINT cash_policy_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT cash_policy_suggest_score CHECK (suggest_score > 0 AND suggest_score <= apply_score)
);
COMMENT ON TABLE o2c.cash_policy IS 'How payments are matched and what differences are borne: a row for the company, rows for customers that differ. A customer''s own row wins, then its group''s (that of the topmost customer), then the company''s, as a whole';
COMMENT ON COLUMN o2c.cash_policy.customer_id IS 'null: the company''s policy';
COMMENT ON COLUMN o2c.cash_policy.tolerance_amount IS 'The most that a payment may fall short of what is owed and still settle it, in the currency of the payment; null: see tolerance_percent';
COMMENT ON COLUMN o2c.cash_policy.tolerance_percent IS 'The same in percent of what is owed. The smaller of both counts; both null: nothing is tolerated';
COMMENT ON COLUMN o2c.cash_policy.discount_grace_days IS 'How many days after its last day a discount for early payment is still granted';
COMMENT ON COLUMN o2c.cash_policy.discount_on_partial IS 'Whether a part payment earns discount on its part';
COMMENT ON COLUMN o2c.cash_policy.rules IS 'What a payment without references is tried against, in this order; oldest_first pays the oldest items and is only for customers that agreed to it';
COMMENT ON COLUMN o2c.cash_policy.apply_score IS 'From this score on a unique explanation of a payment is applied';
COMMENT ON COLUMN o2c.cash_policy.suggest_score IS 'From this score on an explanation is shown to a person';
COMMENT ON COLUMN o2c.cash_policy.score_margin IS 'How far the second best explanation must be behind for the best one to be applied';
COMMENT ON COLUMN o2c.cash_policy.duplicate_days IS 'A payment of an invoice that the same payer settled with the same amount so many days ago or less is suspected to be a duplicate';
COMMENT ON COLUMN o2c.cash_policy.refund_above IS 'An overpayment above this amount is proposed for refund; null: it stays on account';
COMMENT ON COLUMN o2c.cash_policy.exchange_tolerance_percent IS 'How far the amount of a payment in another currency may be from what is owed at the day''s rate';
COMMENT ON COLUMN o2c.cash_policy.cleared_only IS 'Whether a payment counts only once it is settled: until then it is neither matched nor reduces the exposure nor lifts a hold';
COMMENT ON COLUMN o2c.cash_policy.bounce_fee IS 'What the customer is charged for a returned payment, in its own currency';
CREATE OR REPLACE TRIGGER seed_cash_policy AFTER INSERT ON o2c.company
    FOR EACH ROW EXECUTE FUNCTION o2c._seed_cash_policy();

CREATE OR REPLACE VIEW o2c.cash_policy_in_use AS
SELECT c.company_id, c.customer_id,
       CASE WHEN p.customer_id IS NULL THEN 'company' WHEN p.customer_id = c.customer_id THEN 'customer' ELSE 'group' END AS source,
       p.tolerance_amount::numeric(24, 4), p.tolerance_percent::numeric(9, 6), p.discount_grace_days, p.discount_on_partial,
       array_to_string(p.rules, ',') AS rules, p.apply_score::numeric(5, 4), p.suggest_score::numeric(5, 4), p.score_margin::numeric(5, 4),
       p.duplicate_days, p.refund_above::numeric(24, 4), p.exchange_tolerance_percent::numeric(9, 6), p.cleared_only, p.bounce_fee::numeric(24, 4)
FROM o2c.customer c
LEFT JOIN o2c.cash_policy own ON own.company_id = c.company_id AND own.customer_id = c.customer_id
LEFT JOIN o2c.cash_policy top ON top.company_id = c.company_id AND top.customer_id = c.group_id
LEFT JOIN o2c.cash_policy common ON common.company_id = c.company_id AND common.customer_id IS NULL
JOIN o2c.cash_policy p ON p.company_id = c.company_id
    AND p.cash_policy_id = coalesce(own.cash_policy_id, top.cash_policy_id, common.cash_policy_id);
COMMENT ON VIEW o2c.cash_policy_in_use IS 'The policy for payments of each customer, and whether it is the customer''s own, its group''s or the company''s';

CREATE SEQUENCE IF NOT EXISTS o2c.payment_id_seq;
CREATE TABLE IF NOT EXISTS o2c.payment (
    company_id    bigint NOT NULL DEFAULT o2c.current_company(),
    payment_id    bigint NOT NULL DEFAULT nextval('o2c.payment_id_seq'),
    customer_id   bigint,
    item_id       bigint,
    state         text NOT NULL DEFAULT 'received' CONSTRAINT payment_state CHECK (state IN ('received', 'applied', 'reversed')),
    received_on   date NOT NULL,
    amount        numeric NOT NULL CONSTRAINT payment_amount CHECK (amount > 0 AND amount < 'Infinity'),
    currency      text NOT NULL CONSTRAINT payment_currency CHECK (o2c.minor_units(currency) >= 0),
    reference     text,
    method        text NOT NULL DEFAULT 'transfer' CONSTRAINT payment_method CHECK (method IN ('transfer', 'direct_debit', 'card', 'cheque', 'cash')),
    payer_name    text,
    payer_account text,
    provider      text,
    provider_reference text,
    reversed_on   date,
    reversal_reason text,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by    text NOT NULL DEFAULT o2c.actor(),
    attributes    jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT payment_pkey PRIMARY KEY (company_id, payment_id),
    CONSTRAINT payment_item_key UNIQUE (company_id, item_id),
    CONSTRAINT payment_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT payment_item_fkey FOREIGN KEY (company_id, item_id) REFERENCES o2c.open_item,
    CONSTRAINT payment_reversed CHECK ((state = 'reversed') = (reversed_on IS NOT NULL)),
    CONSTRAINT payment_provided CHECK (provider IS NOT NULL OR provider_reference IS NULL),
    CONSTRAINT payment_identified CHECK ((customer_id IS NULL) = (item_id IS NULL))
) WITH (fillfactor = 50); -- nearly every payment is updated once, in place: no index knows its state
COMMENT ON TABLE o2c.payment IS 'Money received, each receipt once. Its open item says how much is still on account; without a customer it is unidentified';
COMMENT ON COLUMN o2c.payment.state IS 'received: something is on account or it is unidentified. applied: used up. reversed: taken back, as by a bounce';
COMMENT ON COLUMN o2c.payment.provider_reference IS 'What the provider (a bank, a card scheme, the import) calls it: the same receipt is booked once';
CREATE UNIQUE INDEX IF NOT EXISTS payment_provider ON o2c.payment (company_id, provider, provider_reference) WHERE provider_reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS payment_unidentified ON o2c.payment (company_id, payment_id) WHERE customer_id IS NULL;
CREATE INDEX IF NOT EXISTS payment_customer ON o2c.payment (company_id, customer_id, received_on);

CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.payment
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('attributes', 'state,customer_id,item_id,reversed_on,reversal_reason', 'permanent');
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.payment
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('payment', 'payment_id', '', 'state');
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON o2c.payment
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('payment', 'payment_id', '', 'state');
CREATE OR REPLACE TRIGGER settle_payments AFTER UPDATE ON o2c.open_item
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._settle_payments();

CREATE SEQUENCE IF NOT EXISTS o2c.payment_import_seq;
CREATE TABLE IF NOT EXISTS o2c.payment_import (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    import_id    bigint NOT NULL DEFAULT nextval('o2c.payment_import_seq'),
    batch        text NOT NULL DEFAULT '',
    reference    text,
    customer     text,
    received_on  date,
    amount       numeric,
    currency     text,
    method       text,
    payer_name   text,
    payer_account text,
    provider     text,
    provider_reference text,
    problem      text,
    CONSTRAINT payment_import_pkey PRIMARY KEY (company_id, import_id)
);
COMMENT ON TABLE o2c.payment_import IS 'Door for payments: fill it with COPY, then call o2c.load_payments(). Rows that were taken in leave; rows that were not stay with their problem';
COMMENT ON COLUMN o2c.payment_import.provider_reference IS 'What the provider calls the receipt; null: it is told from others by its content and its place among equal ones of the batch';
COMMENT ON COLUMN o2c.payment_import.batch IS 'Rows of one batch are taken in together or not at all';

CREATE OR REPLACE VIEW o2c.verify_payment AS
SELECT p.company_id, c.check_name, 'payment ' || p.payment_id AS object, c.expected, c.found
FROM o2c.payment p
JOIN o2c.open_item i ON i.company_id = p.company_id AND i.item_id = p.item_id
CROSS JOIN LATERAL (VALUES
    ('payment state'::text,
     CASE WHEN i.open_amount <> 0 THEN 'received' WHEN p.state = 'reversed' THEN 'reversed' ELSE 'applied' END, p.state),
    ('payment item', concat_ws(' ', 'payment', p.customer_id, trim_scale(- p.amount), p.currency),
     concat_ws(' ', i.kind, i.customer_id, trim_scale(i.amount), i.currency))) AS c (check_name, expected, found)
WHERE c.expected <> c.found;
COMMENT ON VIEW o2c.verify_payment IS 'Payments whose state is not what their open item says, or whose open item is not theirs';

INSERT INTO o2c.setting_definition (name, default_value, description) VALUES
    ('reference_scheme', 'RF', 'The scheme of o2c.payment_reference(): RF, QRR, VIITE, KID10, KID11 or OGM')
ON CONFLICT DO NOTHING;

-- prepayments: what of payments is kept for orders

CREATE SEQUENCE IF NOT EXISTS o2c.prepayment_id_seq;
CREATE TABLE IF NOT EXISTS o2c.prepayment (
    company_id     bigint NOT NULL,
    prepayment_id  bigint NOT NULL DEFAULT nextval('o2c.prepayment_id_seq'),
    payment_id     bigint NOT NULL,
    order_id       bigint NOT NULL,
    kind           text NOT NULL CONSTRAINT prepayment_kind CHECK (kind IN ('allocated', 'used', 'released')),
    amount         numeric NOT NULL CONSTRAINT prepayment_amount CHECK
                   (CASE kind WHEN 'allocated' THEN amount > 0 AND amount < 'Infinity' ELSE amount < 0 AND amount > '-Infinity' END),
    invoice_id     bigint,
    effective_on   date NOT NULL DEFAULT o2c.today(),
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor          text NOT NULL DEFAULT o2c.actor(),
    reason         text,
    CONSTRAINT prepayment_pkey PRIMARY KEY (company_id, prepayment_id),
    CONSTRAINT prepayment_payment_fkey FOREIGN KEY (company_id, payment_id) REFERENCES o2c.payment,
    CONSTRAINT prepayment_order_fkey FOREIGN KEY (company_id, order_id) REFERENCES o2c.sales_order,
    CONSTRAINT prepayment_invoice_fkey FOREIGN KEY (company_id, invoice_id) REFERENCES o2c.invoice,
    CONSTRAINT prepayment_used CHECK ((kind = 'used') = (invoice_id IS NOT NULL))
);
COMMENT ON TABLE o2c.prepayment IS 'Payments kept for orders that they pay in advance, append-only: allocated (positive), then used for an invoice or released (negative)';
CREATE INDEX IF NOT EXISTS prepayment_order ON o2c.prepayment (company_id, order_id, payment_id);
CREATE INDEX IF NOT EXISTS prepayment_payment ON o2c.prepayment (company_id, payment_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.prepayment
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');
CREATE OR REPLACE TRIGGER keep_prepayment AFTER INSERT ON o2c.prepayment
    FOR EACH ROW EXECUTE FUNCTION o2c._keep_prepayment();
CREATE OR REPLACE TRIGGER release_prepayments AFTER UPDATE OF state ON o2c.sales_order FOR EACH ROW
    WHEN (NEW.state IN ('completed', 'cancelled', 'refused') AND NEW.prepaid_amount > NEW.prepaid_used)
    EXECUTE FUNCTION o2c._release_prepayments();
-- last of all on new items: the exposure has them by then
CREATE OR REPLACE TRIGGER use_prepayments AFTER INSERT ON o2c.open_item
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._use_prepayments();

CREATE OR REPLACE VIEW o2c.verify_prepayment AS
SELECT o.company_id, 'prepayments of an order' AS check_name, 'order ' || coalesce(o.number, '#' || o.order_id) AS object,
       format('%s, used %s', coalesce(p.amount, 0), coalesce(p.used, 0)) AS expected, format('%s, used %s', o.prepaid_amount, o.prepaid_used) AS found
FROM o2c.sales_order o
LEFT JOIN (SELECT n.company_id, n.order_id, coalesce(sum(n.amount) FILTER (WHERE n.kind <> 'used'), 0) AS amount,
                  coalesce(- sum(n.amount) FILTER (WHERE n.kind = 'used'), 0) AS used
           FROM o2c.prepayment n GROUP BY n.company_id, n.order_id) p ON p.company_id = o.company_id AND p.order_id = o.order_id
WHERE (o.prepaid_amount, o.prepaid_used) <> (coalesce(p.amount, 0), coalesce(p.used, 0))
UNION ALL
SELECT i.company_id, 'payment kept for orders', 'open item ' || i.item_id, coalesce(p.kept, 0)::text, i.allocated_amount::text
FROM o2c.open_item i
LEFT JOIN (SELECT y.company_id, y.item_id, sum(n.amount) AS kept
           FROM o2c.prepayment n
           JOIN o2c.payment y ON y.company_id = n.company_id AND y.payment_id = n.payment_id
           GROUP BY y.company_id, y.item_id) p ON p.company_id = i.company_id AND p.item_id = i.item_id
WHERE i.allocated_amount <> coalesce(p.kept, 0)
UNION ALL
SELECT n.company_id, 'prepayment of one payment and order', format('payment %s for order %s', n.payment_id, n.order_id), '0 or more', sum(n.amount)::text
FROM o2c.prepayment n GROUP BY n.company_id, n.payment_id, n.order_id HAVING sum(n.amount) < 0;
COMMENT ON VIEW o2c.verify_prepayment IS 'Orders and payments whose prepaid and allocated amounts are not the sums of their prepayments';

-- cash: matching

CREATE TABLE IF NOT EXISTS o2c.payer_alias (
    company_id    bigint NOT NULL DEFAULT o2c.current_company(),
    kind          text NOT NULL CONSTRAINT payer_alias_kind CHECK (kind IN ('account', 'name', 'text')),
    key           text NOT NULL CONSTRAINT payer_alias_key CHECK (key <> '' AND length(key) <= 500),
    customer_id   bigint NOT NULL,
    hits          integer NOT NULL DEFAULT 0 CONSTRAINT payer_alias_hits CHECK (hits >= 0),
    misses        integer NOT NULL DEFAULT 0 CONSTRAINT payer_alias_misses CHECK (misses >= 0),
    last_used_on  date,
    CONSTRAINT payer_alias_pkey PRIMARY KEY (company_id, kind, key, customer_id),
    CONSTRAINT payer_alias_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer
);
COMMENT ON TABLE o2c.payer_alias IS 'What people confirmed about payers: an account, a name or a text stands for a customer. Used alone after two hits, without a miss, and only where it stands for one customer';
COMMENT ON COLUMN o2c.payer_alias.key IS 'Account as in o2c.account_key, name as in o2c.name_key, text without its numbers';
COMMENT ON COLUMN o2c.payer_alias.hits IS 'How often a person confirmed it';
COMMENT ON COLUMN o2c.payer_alias.misses IS 'How often a person said that it was another customer';
CREATE INDEX IF NOT EXISTS payer_alias_customer ON o2c.payer_alias (company_id, customer_id);

CREATE SEQUENCE IF NOT EXISTS o2c.match_id_seq;
CREATE TABLE IF NOT EXISTS o2c.match_result (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    match_id     bigint NOT NULL DEFAULT nextval('o2c.match_id_seq'),
    payment_id   bigint NOT NULL,
    as_of        date NOT NULL,
    outcome      text NOT NULL CONSTRAINT match_result_outcome CHECK (outcome IN ('applied', 'suggested', 'ambiguous', 'duplicate', 'none', 'confirmed', 'corrected')),
    stage        text,
    customer_id  bigint,
    score        numeric NOT NULL DEFAULT 0 CONSTRAINT match_result_score CHECK (score BETWEEN 0 AND 1),
    s_ref        numeric NOT NULL DEFAULT 0,
    s_party      numeric NOT NULL DEFAULT 0,
    s_amount     numeric NOT NULL DEFAULT 0,
    s_date       numeric NOT NULL DEFAULT 0,
    runner_up    numeric NOT NULL DEFAULT 0,
    words        text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor        text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT match_result_pkey PRIMARY KEY (company_id, match_id),
    CONSTRAINT match_result_payment_fkey FOREIGN KEY (company_id, payment_id) REFERENCES o2c.payment,
    CONSTRAINT match_result_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer
);
COMMENT ON TABLE o2c.match_result IS 'What matching found for a payment, each time it found something else, and what people said to it; the last row of a payment counts';
COMMENT ON COLUMN o2c.match_result.outcome IS 'applied: done. suggested: a person decides. ambiguous: several explanations. duplicate: it seems to be booked already. none: nothing found. confirmed, corrected: by a person';
COMMENT ON COLUMN o2c.match_result.score IS 'From the four parts beside it: 1 - (1 - s_ref)(1 - s_party)(1 - s_amount)(1 - s_date)';
COMMENT ON COLUMN o2c.match_result.s_ref IS 'How far the text of the payment names what it pays';
COMMENT ON COLUMN o2c.match_result.s_party IS 'How sure the payer is';
COMMENT ON COLUMN o2c.match_result.s_amount IS 'How well the amount agrees';
COMMENT ON COLUMN o2c.match_result.runner_up IS 'Score of the best other explanation';
CREATE INDEX IF NOT EXISTS match_result_payment ON o2c.match_result (company_id, payment_id, match_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.match_result
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');

CREATE TABLE IF NOT EXISTS o2c.match_candidate (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    match_id     bigint NOT NULL,
    place        integer NOT NULL,
    item_id      bigint NOT NULL,
    score        numeric NOT NULL,
    cash_amount  numeric NOT NULL,
    discount_amount numeric NOT NULL DEFAULT 0,
    tolerance_amount numeric NOT NULL DEFAULT 0,
    CONSTRAINT match_candidate_pkey PRIMARY KEY (company_id, match_id, place, item_id),
    CONSTRAINT match_candidate_match_fkey FOREIGN KEY (company_id, match_id) REFERENCES o2c.match_result,
    CONSTRAINT match_candidate_item_fkey FOREIGN KEY (company_id, item_id) REFERENCES o2c.open_item
);
COMMENT ON TABLE o2c.match_candidate IS 'What was proposed for a payment and not applied: the items of each explanation, the best explanation first';
COMMENT ON COLUMN o2c.match_candidate.place IS 'Of the explanation, from 1';
COMMENT ON COLUMN o2c.match_candidate.cash_amount IS 'What the item would get; negative: a credit note that would be netted';
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.match_candidate
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');

-- by what a payer may write
CREATE INDEX IF NOT EXISTS invoice_tail ON o2c.invoice (company_id, (o2c._reference_tail(number) COLLATE "C"));
CREATE INDEX IF NOT EXISTS invoice_po_reference ON o2c.invoice (company_id, o2c.normalize_reference(left(po_number, 200))) WHERE po_number IS NOT NULL;
CREATE INDEX IF NOT EXISTS sales_order_reference ON o2c.sales_order (company_id, o2c.normalize_reference(number)) WHERE number IS NOT NULL;
CREATE INDEX IF NOT EXISTS shipment_reference ON o2c.shipment (company_id, o2c.normalize_reference(number)) WHERE number IS NOT NULL;
CREATE INDEX IF NOT EXISTS customer_reference ON o2c.customer (company_id, o2c.normalize_reference(left(code, 200)));
CREATE INDEX IF NOT EXISTS customer_tax_reference ON o2c.customer (company_id, o2c.normalize_reference(left(tax_id, 200))) WHERE tax_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS customer_name_key ON o2c.customer (company_id, o2c.name_key(name));
-- names that are only similar are found where pg_trgm is installed
IF EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
    EXECUTE format('CREATE INDEX IF NOT EXISTS customer_name_similar ON o2c.customer USING gin (o2c.name_key(name) %I.gin_trgm_ops)',
                   (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'));
END IF;

CREATE OR REPLACE VIEW o2c.unapplied_payment AS
SELECT p.company_id, p.payment_id, p.received_on, o2c.today() - p.received_on AS days, c.code AS customer, p.customer_id IS NOT NULL AS identified, p.currency,
       coalesce(- i.open_amount - i.allocated_amount, p.amount)::numeric(24, 4) AS amount, p.reference, p.payer_name,
       coalesce(r.outcome, 'none') AS outcome, k.code AS proposed_customer, r.score::numeric(5, 4) AS score, r.words
FROM o2c.payment p
LEFT JOIN o2c.open_item i ON i.company_id = p.company_id AND i.item_id = p.item_id
LEFT JOIN o2c.customer c ON c.company_id = p.company_id AND c.customer_id = p.customer_id
LEFT JOIN LATERAL (SELECT r.outcome, r.customer_id, r.score, r.words FROM o2c.match_result r
                   WHERE r.company_id = p.company_id AND r.payment_id = p.payment_id ORDER BY r.match_id DESC LIMIT 1) r ON true
LEFT JOIN o2c.customer k ON k.company_id = p.company_id AND k.customer_id = r.customer_id
WHERE p.state = 'received' AND (p.customer_id IS NULL OR (i.open_amount < 0 AND i.open_amount + i.allocated_amount < 0));
COMMENT ON VIEW o2c.unapplied_payment IS 'Payments of which something is left: who they are from (identified) or may be from (proposed_customer), how old they are, and what matching found for them last; outcome duplicate: they seem to be booked already';
COMMENT ON COLUMN o2c.unapplied_payment.amount IS 'What is neither applied nor kept for an order';

CREATE OR REPLACE VIEW o2c.unapplied_cash AS
SELECT u.company_id, u.currency, u.identified, b.age_sort, b.age, count(*) AS payments, sum(u.amount)::numeric(24, 4) AS amount
FROM o2c.unapplied_payment u
CROSS JOIN LATERAL (SELECT CASE WHEN u.days <= 7 THEN 1 WHEN u.days <= 30 THEN 2 WHEN u.days <= 60 THEN 3 WHEN u.days <= 90 THEN 4 ELSE 5 END AS age_sort,
                           CASE WHEN u.days <= 7 THEN '0-7' WHEN u.days <= 30 THEN '8-30' WHEN u.days <= 60 THEN '31-60' WHEN u.days <= 90 THEN '61-90' ELSE 'over 90' END AS age) b
GROUP BY u.company_id, u.currency, u.identified, b.age_sort, b.age;
COMMENT ON VIEW o2c.unapplied_cash IS 'Money that is not applied by days since it was received: on account of a customer (identified), or of an unknown payer';

CREATE OR REPLACE VIEW o2c.cash_application AS
SELECT s.company_id, s.month, s.currency, count(*) AS payments, count(*) FILTER (WHERE s.automatic) AS automatic_payments,
       sum(s.lines)::bigint AS lines, sum(s.automatic_lines)::bigint AS automatic_lines,
       sum(s.amount)::numeric(24, 4) AS amount, sum(s.automatic_amount)::numeric(24, 4) AS automatic_amount, sum(s.corrections)::bigint AS corrections,
       count(*) FILTER (WHERE s.automatic)::double precision / count(*) AS payment_rate,
       (sum(s.automatic_lines) / nullif(sum(s.lines), 0))::double precision AS line_rate,
       (sum(s.automatic_amount) / nullif(sum(s.amount), 0))::double precision AS value_rate,
       (sum(s.corrections) / nullif(sum(s.lines), 0))::double precision AS correction_rate,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY s.hours) AS median_hours, percentile_cont(0.9) WITHIN GROUP (ORDER BY s.hours) AS hours_90
FROM (SELECT p.company_id, date_trunc('month', p.received_on::timestamp)::date AS month, p.currency, p.amount, a.lines, a.automatic_lines, a.automatic_amount, a.corrections,
             p.state = 'applied' AND a.lines = a.automatic_lines AND a.corrections = 0 AND NOT a.said AS automatic,
             CASE WHEN p.state = 'applied' THEN (extract(epoch FROM a.applied_at - p.recorded_at) / 3600)::double precision END AS hours
      FROM o2c.payment p
      CROSS JOIN LATERAL (
          SELECT count(*) FILTER (WHERE a.reverses IS NULL) AS lines,
                 count(*) FILTER (WHERE m.automatic AND r.application_id IS NULL) AS automatic_lines,
                 coalesce(sum(a.credit_amount) FILTER (WHERE m.automatic AND r.application_id IS NULL), 0) AS automatic_amount,
                 count(*) FILTER (WHERE a.reverses IS NOT NULL AND a.method = 'unapply') AS corrections, max(a.recorded_at) AS applied_at,
                 EXISTS (SELECT FROM o2c.match_result c
                         WHERE c.company_id = p.company_id AND c.payment_id = p.payment_id AND c.outcome = 'corrected') AS said
          FROM o2c.application a
          LEFT JOIN o2c.application r ON r.company_id = a.company_id AND r.reverses = a.application_id
          CROSS JOIN LATERAL (SELECT a.reverses IS NULL AND a.method IN ('reference', 'amount', 'all_items', 'all_overdue', 'one_month', 'all_but_one',
                                                                         'combination', 'oldest_first') AS automatic) m
          WHERE a.company_id = p.company_id AND a.credit_item_id = p.item_id) a
      WHERE p.state <> 'reversed') s
GROUP BY s.company_id, s.month, s.currency;
COMMENT ON VIEW o2c.cash_application IS 'How payments of a month were applied: automatic ones are used up by matching alone and were not corrected since. Rates from 0 to 1, null where nothing was applied; hours from recording to the last application';
COMMENT ON COLUMN o2c.cash_application.payment_rate IS 'Of the payments received, those applied in full without anybody''s touch';
COMMENT ON COLUMN o2c.cash_application.line_rate IS 'Of the applications, those that matching made and nobody took back';
COMMENT ON COLUMN o2c.cash_application.value_rate IS 'Of the money received, what matching applied and nobody took back';
COMMENT ON COLUMN o2c.cash_application.corrections IS 'Applications that were taken back';
