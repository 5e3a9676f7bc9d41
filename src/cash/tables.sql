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
    bears_charges         boolean NOT NULL DEFAULT true,
    debit_net_credits     boolean NOT NULL DEFAULT true,
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
COMMENT ON COLUMN o2c.cash_policy.exchange_tolerance_percent IS 'How far the amount of a payment in another currency may be from what is owed at the day''s rate and still settle it by itself; 0: it is only proposed';
COMMENT ON COLUMN o2c.cash_policy.cleared_only IS 'Whether a payment counts only once it is settled: until then it is neither matched nor reduces the exposure nor lifts a hold';
COMMENT ON COLUMN o2c.cash_policy.bears_charges IS 'Whether the company bears what banks keep of a payment: the customer is then credited with it, too';
COMMENT ON COLUMN o2c.cash_policy.debit_net_credits IS 'Whether credit notes and payments on account are applied to what is due before the rest is collected by direct debit';
COMMENT ON COLUMN o2c.cash_policy.bounce_fee IS 'What the customer is charged for a returned payment, in its own currency';
CREATE OR REPLACE TRIGGER seed_cash_policy AFTER INSERT ON o2c.company
    FOR EACH ROW EXECUTE FUNCTION o2c._seed_cash_policy();

CREATE OR REPLACE VIEW o2c.cash_policy_in_use AS
SELECT c.company_id, c.customer_id,
       CASE WHEN p.customer_id IS NULL THEN 'company' WHEN p.customer_id = c.customer_id THEN 'customer' ELSE 'group' END AS source,
       p.tolerance_amount::numeric(24, 4), p.tolerance_percent::numeric(9, 6), p.discount_grace_days, p.discount_on_partial,
       array_to_string(p.rules, ',') AS rules, p.apply_score::numeric(5, 4), p.suggest_score::numeric(5, 4), p.score_margin::numeric(5, 4),
       p.duplicate_days, p.refund_above::numeric(24, 4), p.exchange_tolerance_percent::numeric(9, 6), p.cleared_only, p.bounce_fee::numeric(24, 4), p.bears_charges,
       p.debit_net_credits
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
    state         text NOT NULL DEFAULT 'received' CONSTRAINT payment_state CHECK (o2c._one_of(state, 'pending,received,applied,reversed')),
    clearing      text NOT NULL DEFAULT 'settled' CONSTRAINT payment_clearing CHECK
                  (o2c._one_of(clearing, 'authorized,captured,settled,failed,voided,refunded,returned,charged_back')),
    received_on   date NOT NULL,
    amount        numeric NOT NULL CONSTRAINT payment_amount CHECK (o2c._is_positive(amount)),
    charge_amount numeric NOT NULL DEFAULT 0 CONSTRAINT payment_charge CHECK (charge_amount >= 0 AND charge_amount < 'Infinity'),
    currency      text NOT NULL CONSTRAINT payment_currency CHECK (o2c.minor_units(currency) >= 0),
    reference     text,
    method        text NOT NULL DEFAULT 'transfer' CONSTRAINT payment_method CHECK (o2c._one_of(method, 'transfer,direct_debit,card,cheque,cash')),
    payer_name    text,
    payer_account text,
    provider      text,
    provider_reference text,
    reversed_on   date,
    reversal_reason text,
    refunded_amount numeric NOT NULL DEFAULT 0,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by    text NOT NULL DEFAULT o2c.actor(),
    attributes    jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT payment_pkey PRIMARY KEY (company_id, payment_id),
    CONSTRAINT payment_item_key UNIQUE (company_id, item_id),
    CONSTRAINT payment_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT payment_item_fkey FOREIGN KEY (company_id, item_id) REFERENCES o2c.open_item,
    CONSTRAINT payment_reversed CHECK ((state = 'reversed') = (reversed_on IS NOT NULL)),
    CONSTRAINT payment_provided CHECK (provider IS NOT NULL OR provider_reference IS NULL),
    CONSTRAINT payment_identified CHECK (CASE WHEN item_id IS NULL THEN customer_id IS NULL OR state IN ('pending', 'reversed')
                                              ELSE customer_id IS NOT NULL AND state <> 'pending' END),
    CONSTRAINT payment_authorized CHECK (clearing <> 'authorized' OR state = 'pending'),
    CONSTRAINT payment_refunded CHECK (refunded_amount >= 0 AND refunded_amount <= amount + charge_amount AND (clearing <> 'refunded' OR refunded_amount >= amount)),
    CONSTRAINT payment_ended CHECK ((clearing IN ('failed', 'voided', 'returned', 'charged_back')) = (state = 'reversed'))
) WITH (fillfactor = 50); -- nearly every payment is updated once, in place: no index knows its state
COMMENT ON TABLE o2c.payment IS 'Money received, each receipt once. Its open item says how much is still on account; without a customer it is unidentified';
COMMENT ON COLUMN o2c.payment.state IS 'pending: not money yet. received: something is on account or it is unidentified. applied: used up. reversed: taken back, as by a bounce';
COMMENT ON COLUMN o2c.payment.clearing IS 'How far it is with the bank or provider: authorized, captured, settled; or how it ended. o2c.payment_clearing has the steps';
COMMENT ON COLUMN o2c.payment.received_on IS 'When it counts: the value date; while it is pending, the day of its last step';
COMMENT ON COLUMN o2c.payment.refunded_amount IS 'What was paid back of it';
COMMENT ON COLUMN o2c.payment.amount IS 'What arrived';
COMMENT ON COLUMN o2c.payment.charge_amount IS 'What banks kept on the way. Where the company bears it the open item is for amount and charge: the customer paid in full, and the charge is a cost; else for the amount only';
COMMENT ON COLUMN o2c.payment.provider_reference IS 'What the provider (a bank, a card scheme, the import) calls it: the same receipt is booked once';
CREATE UNIQUE INDEX IF NOT EXISTS payment_provider ON o2c.payment (company_id, provider, provider_reference) WHERE provider_reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS payment_unidentified ON o2c.payment (company_id, payment_id) WHERE customer_id IS NULL;
CREATE INDEX IF NOT EXISTS payment_customer ON o2c.payment (company_id, customer_id, received_on);

CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.payment
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('attributes', 'state,clearing,customer_id,item_id,received_on,reversed_on,reversal_reason,refunded_amount', 'permanent');
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
    charges      numeric,
    problem      text,
    CONSTRAINT payment_import_pkey PRIMARY KEY (company_id, import_id)
);
COMMENT ON TABLE o2c.payment_import IS 'Door for payments: fill it with COPY, then call o2c.load_payments(). Rows that were taken in leave; rows that were not stay with their problem';
COMMENT ON COLUMN o2c.payment_import.provider_reference IS 'What the provider calls the receipt; null: it is told from others by its content and its place among equal ones of the batch';
COMMENT ON COLUMN o2c.payment_import.charges IS 'What banks kept of the payment on its way; null: nothing';
COMMENT ON COLUMN o2c.payment_import.batch IS 'Rows of one batch are taken in together or not at all';

CREATE OR REPLACE VIEW o2c.verify_payment AS
SELECT p.company_id, c.check_name, 'payment ' || p.payment_id AS object, c.expected, c.found
FROM o2c.payment p
JOIN o2c.open_item i ON i.company_id = p.company_id AND i.item_id = p.item_id
CROSS JOIN LATERAL (VALUES
    ('payment state'::text,
     CASE WHEN i.open_amount <> 0 THEN 'received' WHEN p.state = 'reversed' THEN 'reversed' ELSE 'applied' END, p.state),
    ('payment item', concat_ws(' ', 'payment', p.customer_id, trim_scale(- p.amount - CASE WHEN i.amount < - p.amount THEN p.charge_amount ELSE 0 END), p.currency, p.received_on),
     concat_ws(' ', i.kind, i.customer_id, trim_scale(i.amount), i.currency, i.effective_on))) AS c (check_name, expected, found)
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
-- cash: the steps of payments with banks and providers

CREATE SEQUENCE IF NOT EXISTS o2c.clearing_id_seq;
CREATE TABLE IF NOT EXISTS o2c.payment_clearing (
    company_id    bigint NOT NULL DEFAULT o2c.current_company(),
    clearing_id   bigint NOT NULL DEFAULT nextval('o2c.clearing_id_seq'),
    payment_id    bigint NOT NULL,
    before        text,
    change        text NOT NULL,
    clearing      text NOT NULL,
    effective_on  date NOT NULL,
    amount        numeric CONSTRAINT payment_clearing_amount CHECK (amount > 0),
    item_id       bigint,
    fee_item_id   bigint,
    reason_code   text CONSTRAINT payment_clearing_reason_code CHECK (reason_code ~ '^[A-Z0-9]{4}$'),
    reason        text,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor         text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT payment_clearing_pkey PRIMARY KEY (company_id, clearing_id),
    CONSTRAINT payment_clearing_payment_fkey FOREIGN KEY (company_id, payment_id) REFERENCES o2c.payment,
    CONSTRAINT payment_clearing_item_fkey FOREIGN KEY (company_id, item_id) REFERENCES o2c.open_item,
    CONSTRAINT payment_clearing_fee_fkey FOREIGN KEY (company_id, fee_item_id) REFERENCES o2c.open_item
);
COMMENT ON TABLE o2c.payment_clearing IS 'The steps of payments with the bank or provider, dated and append-only. A payment that was recorded as settled, and nothing more, has none';
COMMENT ON COLUMN o2c.payment_clearing.before IS 'How far it was; null for what was recorded first';
COMMENT ON COLUMN o2c.payment_clearing.change IS 'What happened; refunded with another clearing is a refund in part';
COMMENT ON COLUMN o2c.payment_clearing.clearing IS 'How far it is then';
COMMENT ON COLUMN o2c.payment_clearing.amount IS 'What left again: paid back, or taken back';
COMMENT ON COLUMN o2c.payment_clearing.item_id IS 'The open item of that: a refund or a reversal';
COMMENT ON COLUMN o2c.payment_clearing.reason_code IS 'Why it came back: an external return reason code of ISO 20022, such as AM04';
CREATE INDEX IF NOT EXISTS payment_clearing_payment ON o2c.payment_clearing (company_id, payment_id, clearing_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.payment_clearing
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');
CREATE OR REPLACE TRIGGER count_returns AFTER INSERT ON o2c.payment_clearing
    FOR EACH ROW WHEN (NEW.change IN ('returned', 'charged_back')) EXECUTE FUNCTION o2c._count_returns();
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.payment_clearing
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('payment', 'payment_id', '', 'change');
CREATE OR REPLACE TRIGGER record_clearing AFTER INSERT ON o2c.payment
    FOR EACH ROW WHEN (NEW.clearing <> 'settled') EXECUTE FUNCTION o2c._record_clearing();

INSERT INTO o2c.setting_definition (name, default_value, description) VALUES
    ('cleared_only_after_returns', NULL, 'From so many returned payments in a year on, a customer''s payments count only once they are settled; empty is never'),
    ('direct_debit_notice_days', '14', 'How many days before the collection o2c.announce_direct_debits() tells customers of it')
ON CONFLICT DO NOTHING;

CREATE OR REPLACE VIEW o2c.verify_payment_clearing AS
SELECT p.company_id, c.check_name, 'payment ' || p.payment_id AS object, c.expected, c.found
FROM o2c.payment p
LEFT JOIN (SELECT s.company_id, s.payment_id, sum(s.amount) FILTER (WHERE s.change = 'refunded') AS refunded,
                  bool_and(s.before IS NOT DISTINCT FROM s.previous) AS linked, max(s.clearing) FILTER (WHERE s.last) AS clearing,
                  count(*) FILTER (WHERE s.amount IS NOT NULL AND (i.amount, i.kind)
                                   IS DISTINCT FROM (s.amount, CASE s.change WHEN 'refunded' THEN 'refund' ELSE 'reversal' END)) AS odd
           FROM (SELECT s.*, coalesce(lag(s.clearing) OVER w, CASE WHEN s.before = 'settled' THEN 'settled' END) AS previous,
                        lead(s.clearing_id) OVER w IS NULL AS last
                 FROM o2c.payment_clearing s
                 WINDOW w AS (PARTITION BY s.company_id, s.payment_id ORDER BY s.clearing_id)) s
           LEFT JOIN o2c.open_item i ON i.company_id = s.company_id AND i.item_id = s.item_id
           GROUP BY s.company_id, s.payment_id) s
    ON s.company_id = p.company_id AND s.payment_id = p.payment_id
CROSS JOIN LATERAL (VALUES
    ('payment clearing'::text, coalesce(s.clearing, 'settled'), p.clearing),
    ('payment refunds', trim_scale(coalesce(s.refunded, 0))::text, trim_scale(p.refunded_amount)::text),
    ('payment steps', 'each from where the one before ended', CASE WHEN s.linked IS FALSE THEN 'a gap' ELSE 'each from where the one before ended' END),
    ('payment step items', '0', s.odd::text),
    ('payment counts', CASE WHEN p.clearing = 'authorized' OR p.customer_id IS NULL THEN 'no item'
                            WHEN p.clearing IN ('settled', 'refunded') THEN 'an item' END,
     CASE WHEN p.item_id IS NULL THEN 'no item' ELSE 'an item' END)) AS c (check_name, expected, found)
WHERE c.expected <> c.found;
COMMENT ON VIEW o2c.verify_payment_clearing IS 'Payments whose clearing or refunds are not what their steps say, steps with a gap or another amount than their item, payments that count and should not or the other way round';

CREATE OR REPLACE VIEW o2c.verify_returned_payments AS
SELECT r.company_id, 'returned payments'::text AS check_name, 'customer ' || r.customer_id AS object, r.returns::text AS expected, i.value::text AS found
FROM (SELECT p.company_id, p.customer_id,
             count(*) FILTER (WHERE s.effective_on <= o2c.today() AND (s.effective_on + interval '1 year')::date > o2c.today()) AS returns
      FROM o2c.payment p
      JOIN o2c.payment_clearing s ON s.company_id = p.company_id AND s.payment_id = p.payment_id AND s.change IN ('returned', 'charged_back')
      WHERE p.customer_id IS NOT NULL
      GROUP BY p.company_id, p.customer_id) r
LEFT JOIN LATERAL (SELECT i.value FROM o2c.credit_information i
                   WHERE i.company_id = r.company_id AND i.customer_id = r.customer_id AND i.name = 'returned_payments'
                     AND i.source = 'o2c.payment_clearing' AND i.effective_on <= o2c.today()
                   ORDER BY i.effective_on DESC, i.information_id DESC LIMIT 1) i ON true
WHERE coalesce(i.value::text, '0') <> r.returns::text;
COMMENT ON VIEW o2c.verify_returned_payments IS 'Customers whose recorded number of returned payments is not that of the year that ends today';

-- cash: references that a provider carries

CREATE SEQUENCE IF NOT EXISTS o2c.payment_link_id_seq;
CREATE TABLE IF NOT EXISTS o2c.payment_link (
    company_id    bigint NOT NULL DEFAULT o2c.current_company(),
    link_id       bigint NOT NULL DEFAULT nextval('o2c.payment_link_id_seq'),
    reference     text NOT NULL CONSTRAINT payment_link_reference CHECK (o2c.is_creditor_reference(reference)),
    customer_id   bigint NOT NULL,
    currency      text NOT NULL CONSTRAINT payment_link_currency CHECK (o2c.minor_units(currency) >= 0),
    amount        numeric NOT NULL CONSTRAINT payment_link_amount CHECK (amount > 0 AND amount < 'Infinity'),
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by    text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT payment_link_pkey PRIMARY KEY (company_id, link_id),
    CONSTRAINT payment_link_reference_key UNIQUE (company_id, reference),
    CONSTRAINT payment_link_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer
);
COMMENT ON TABLE o2c.payment_link IS 'References that providers carry and bring back with the payment: each stands for invoices of one customer and an amount';
COMMENT ON COLUMN o2c.payment_link.amount IS 'What was open when it was made';
CREATE TABLE IF NOT EXISTS o2c.payment_link_invoice (
    company_id    bigint NOT NULL DEFAULT o2c.current_company(),
    link_id       bigint NOT NULL,
    invoice_id    bigint NOT NULL,
    CONSTRAINT payment_link_invoice_pkey PRIMARY KEY (company_id, link_id, invoice_id),
    CONSTRAINT payment_link_invoice_link_fkey FOREIGN KEY (company_id, link_id) REFERENCES o2c.payment_link,
    CONSTRAINT payment_link_invoice_invoice_fkey FOREIGN KEY (company_id, invoice_id) REFERENCES o2c.invoice
);
COMMENT ON TABLE o2c.payment_link_invoice IS 'The invoices that a payment link stands for';
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.payment_link
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.payment_link_invoice
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');

-- cash: why payments fall short

CREATE TABLE IF NOT EXISTS o2c.deduction_reason (
    company_id  bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT deduction_reason_company_fkey REFERENCES o2c.company,
    reason      text NOT NULL CONSTRAINT deduction_reason_reason CHECK (reason <> ''),
    name        text NOT NULL,
    attributes  jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT deduction_reason_pkey PRIMARY KEY (company_id, reason)
);
COMMENT ON TABLE o2c.deduction_reason IS 'Why customers pay less than they owe. The usual reasons come with the company; add your own';
CREATE OR REPLACE TRIGGER seed_deduction_reasons AFTER INSERT ON o2c.company
    FOR EACH ROW EXECUTE FUNCTION o2c._seed_deduction_reasons();

CREATE SEQUENCE IF NOT EXISTS o2c.deduction_id_seq;
CREATE TABLE IF NOT EXISTS o2c.deduction (
    company_id    bigint NOT NULL DEFAULT o2c.current_company(),
    deduction_id  bigint NOT NULL DEFAULT nextval('o2c.deduction_id_seq'),
    payment_id    bigint NOT NULL,
    item_id       bigint NOT NULL,
    amount        numeric NOT NULL CONSTRAINT deduction_amount CHECK (amount > 0 AND amount < 'Infinity'),
    reason        text NOT NULL,
    note          text,
    effective_on  date NOT NULL,
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor         text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT deduction_pkey PRIMARY KEY (company_id, deduction_id),
    CONSTRAINT deduction_payment_fkey FOREIGN KEY (company_id, payment_id) REFERENCES o2c.payment,
    CONSTRAINT deduction_item_fkey FOREIGN KEY (company_id, item_id) REFERENCES o2c.open_item,
    CONSTRAINT deduction_reason_fkey FOREIGN KEY (company_id, reason) REFERENCES o2c.deduction_reason
);
COMMENT ON TABLE o2c.deduction IS 'What payments left short of open items, and why; append-only. The item stays open: o2c.open_deduction says how much of a deduction still is';
COMMENT ON COLUMN o2c.deduction.amount IS 'In the currency of the open item';
CREATE INDEX IF NOT EXISTS deduction_item ON o2c.deduction (company_id, item_id);
CREATE INDEX IF NOT EXISTS deduction_payment ON o2c.deduction (company_id, payment_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.deduction
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');

-- what is settled later settles the oldest deduction first; one whose payment was taken back says nothing any more
CREATE OR REPLACE VIEW o2c._open_deduction AS
SELECT d.company_id, d.deduction_id, d.payment_id, d.item_id, d.amount, d.reason, d.note, d.effective_on, d.recorded_at,
       least(d.amount, d.item_open - d.later) AS open_amount
FROM (SELECT d.*, i.open_amount AS item_open,
             sum(d.amount) OVER (PARTITION BY d.company_id, d.item_id ORDER BY d.effective_on DESC, d.deduction_id DESC) - d.amount AS later
      FROM o2c.deduction d
      JOIN o2c.open_item i ON i.company_id = d.company_id AND i.item_id = d.item_id
      JOIN o2c.payment p ON p.company_id = d.company_id AND p.payment_id = d.payment_id
      CROSS JOIN LATERAL (SELECT sum(a.cash_amount) AS cash FROM o2c.application a
                          WHERE a.company_id = d.company_id AND a.credit_item_id = p.item_id AND a.debit_item_id = d.item_id) a
      WHERE i.open_amount > 0 AND a.cash > 0) d
WHERE d.item_open > d.later;
COMMENT ON VIEW o2c._open_deduction IS 'Deductions of payments that are still applied to the item, with what is open of them';

CREATE OR REPLACE VIEW o2c.open_deduction AS
SELECT d.company_id, d.deduction_id, c.code AS customer, v.number AS invoice, d.item_id, i.due_on, d.payment_id, d.reason, r.name AS reason_name, d.note,
       i.currency, d.amount::numeric(24, 4), d.open_amount::numeric(24, 4), d.effective_on, o2c.today() - d.effective_on AS days, d.recorded_at
FROM o2c._open_deduction d
JOIN o2c.open_item i ON i.company_id = d.company_id AND i.item_id = d.item_id
JOIN o2c.customer c ON c.company_id = d.company_id AND c.customer_id = i.customer_id
JOIN o2c.deduction_reason r ON r.company_id = d.company_id AND r.reason = d.reason
LEFT JOIN o2c.invoice v ON v.company_id = d.company_id AND v.invoice_id = i.invoice_id;
COMMENT ON VIEW o2c.open_deduction IS 'Deductions that are not settled: by a later payment, a credit note or a write-off of the invoice, the oldest first';
COMMENT ON COLUMN o2c.open_deduction.open_amount IS 'What of the deduction is still open: never more than of the instalment';

CREATE OR REPLACE VIEW o2c._short_paid AS
SELECT p.company_id, p.payment_id, i.invoice_id, i.item_id, i.due_on, f.free,
       EXISTS (SELECT FROM o2c.instalment_discount t
               WHERE t.company_id = i.company_id AND t.item_id = i.item_id
                 AND t.amount = f.free + (SELECT sum(a.discount_amount) FROM o2c.application a
                                          WHERE a.company_id = i.company_id AND a.debit_item_id = i.item_id)) AS is_discount
FROM o2c.payment p
CROSS JOIN LATERAL (SELECT a.debit_item_id AS item_id FROM o2c.application a
                    WHERE a.company_id = p.company_id AND a.credit_item_id = p.item_id
                    GROUP BY a.debit_item_id HAVING sum(a.cash_amount) > 0) a
JOIN o2c.open_item i ON i.company_id = p.company_id AND i.item_id = a.item_id AND i.kind = 'invoice' AND i.open_amount > 0
CROSS JOIN LATERAL (SELECT i.open_amount - coalesce(sum(d.open_amount), 0) AS free FROM o2c._open_deduction d
                    WHERE d.company_id = i.company_id AND d.item_id = i.item_id) f;
COMMENT ON VIEW o2c._short_paid IS 'Instalments that payments are applied to and left open, what of that is in no deduction yet, and whether it is a discount of the terms that was not earned';

-- the invoice that the payment names was closed by an earlier one of the same payer and amount
CREATE OR REPLACE VIEW o2c.suspected_duplicate AS
SELECT p.company_id, p.payment_id, c.code AS customer, p.received_on, p.amount::numeric(24, 4), p.currency, p.reference, v.number AS invoice,
       e.payment_id AS earlier_payment_id, e.received_on AS earlier_received_on, p.received_on - e.received_on AS days
FROM o2c.payment p
CROSS JOIN LATERAL (SELECT DISTINCT t.token
                    FROM pg_catalog.unnest(o2c.reference_tokens(p.reference) || o2c.normalize_reference(p.reference)) AS t (token)
                    WHERE t.token <> '') t
JOIN o2c.invoice v ON v.company_id = p.company_id AND (v.reference_key = t.token OR v.creditor_reference = t.token)
    AND v.kind = 'invoice' AND v.state = 'paid'
JOIN o2c.customer c ON c.company_id = v.company_id AND c.customer_id = v.customer_id
JOIN o2c.cash_policy_in_use y ON y.company_id = v.company_id AND y.customer_id = v.customer_id
CROSS JOIN LATERAL (SELECT e.payment_id, e.received_on
                    FROM o2c.open_item i
                    JOIN o2c.application a ON a.company_id = i.company_id AND a.debit_item_id = i.item_id
                    JOIN o2c.payment e ON e.company_id = a.company_id AND e.item_id = a.credit_item_id
                    WHERE i.company_id = v.company_id AND i.invoice_id = v.invoice_id AND e.amount = p.amount AND e.currency = p.currency
                      AND e.state <> 'reversed' AND (e.received_on, e.payment_id) < (p.received_on, p.payment_id)
                      AND e.received_on >= p.received_on - y.duplicate_days
                      AND (e.customer_id = p.customer_id OR o2c.account_key(e.payer_account) = o2c.account_key(p.payer_account)
                           OR (p.customer_id IS NULL AND p.payer_account IS NULL AND lower(e.payer_name) = lower(p.payer_name)))
                    GROUP BY e.payment_id, e.received_on
                    HAVING sum(a.cash_amount) > 0
                    ORDER BY e.received_on DESC, e.payment_id DESC LIMIT 1) e
WHERE p.state = 'received';
COMMENT ON VIEW o2c.suspected_duplicate IS 'Payments that are not used up and name an invoice which an earlier payment of the same payer and amount closed, so many days ago as the policy says (duplicate_days) or less';
COMMENT ON COLUMN o2c.suspected_duplicate.customer IS 'Who owed the invoice';

CREATE OR REPLACE VIEW o2c.refund_proposal AS
SELECT p.company_id, p.payment_id, c.code AS customer, CASE WHEN d.duplicate THEN 'duplicate' ELSE 'overpayment' END AS reason,
       p.received_on, p.currency, p.amount::numeric(24, 4), (- i.open_amount - i.allocated_amount)::numeric(24, 4) AS refund, y.refund_above,
       coalesce(o.owed, 0)::numeric(24, 4) AS owed
FROM o2c.open_item i
JOIN o2c.payment p ON p.company_id = i.company_id AND p.item_id = i.item_id
JOIN o2c.customer c ON c.company_id = i.company_id AND c.customer_id = i.customer_id
JOIN o2c.cash_policy_in_use y ON y.company_id = i.company_id AND y.customer_id = i.customer_id
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM o2c.suspected_duplicate s WHERE s.company_id = p.company_id AND s.payment_id = p.payment_id) AS duplicate,
                           EXISTS (SELECT FROM o2c.application a WHERE a.company_id = i.company_id AND a.credit_item_id = i.item_id
                                   HAVING sum(a.cash_amount) > 0) AS used) d
CROSS JOIN LATERAL (SELECT sum(x.open_amount) AS owed FROM o2c.open_item x
                    WHERE x.company_id = i.company_id AND x.customer_id = i.customer_id AND x.currency = i.currency AND x.open_amount > 0) o
WHERE i.kind = 'payment' AND i.open_amount < 0 AND - i.open_amount - i.allocated_amount > y.refund_above AND (d.duplicate OR d.used);
COMMENT ON VIEW o2c.refund_proposal IS 'What customers paid too much, above the policy''s refund_above: the rest of payments that were applied, and payments that look like duplicates';
COMMENT ON COLUMN o2c.refund_proposal.refund IS 'What is on account of the payment and not kept for an order';
COMMENT ON COLUMN o2c.refund_proposal.owed IS 'What the customer owes in the currency, which the payment could be applied to instead';
