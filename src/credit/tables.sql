
-- credit: accounts with their exposure, limits

CREATE SEQUENCE IF NOT EXISTS o2c.credit_account_id_seq;
CREATE TABLE IF NOT EXISTS o2c.credit_account (
    company_id         bigint NOT NULL DEFAULT o2c.current_company(),
    credit_account_id  bigint NOT NULL DEFAULT nextval('o2c.credit_account_id_seq'),
    customer_id        bigint NOT NULL,
    currency           text NOT NULL CONSTRAINT credit_account_currency CHECK (o2c.minor_units(currency) >= 0),
    credit_limit       numeric CONSTRAINT credit_account_limit CHECK (o2c._is_amount(credit_limit)),
    net_unapplied      boolean NOT NULL DEFAULT true,
    group_limit        numeric CONSTRAINT credit_account_group_limit CHECK (o2c._is_amount(group_limit)),
    watch_percent      numeric CONSTRAINT credit_account_watch CHECK (watch_percent > 0 AND watch_percent <= 1000),
    review_on          date,
    dated              boolean NOT NULL DEFAULT false,
    watched            boolean NOT NULL DEFAULT false,
    authorized         numeric NOT NULL DEFAULT 0,
    ordered            numeric NOT NULL DEFAULT 0,
    shipped            numeric NOT NULL DEFAULT 0,
    receivable         numeric NOT NULL DEFAULT 0,
    unapplied          numeric NOT NULL DEFAULT 0,
    CONSTRAINT credit_account_pkey PRIMARY KEY (company_id, credit_account_id),
    CONSTRAINT credit_account_customer_key UNIQUE (company_id, customer_id),
    CONSTRAINT credit_account_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer
) WITH (fillfactor = 50);
COMMENT ON TABLE o2c.credit_account IS 'Credit accounts: the limit and the five parts of the exposure, moved by the statements that write the facts';
COMMENT ON COLUMN o2c.credit_account.credit_limit IS 'null: unlimited. 0: no credit. An exposure equal to the limit passes';
COMMENT ON COLUMN o2c.credit_account.net_unapplied IS 'Whether money on account reduces the exposure';
COMMENT ON COLUMN o2c.credit_account.group_limit IS 'Limit for all accounts of the customer''s group, on the account of its topmost customer';
COMMENT ON COLUMN o2c.credit_account.watch_percent IS 'Part of the limit of the day from which on the exposure is watched: each crossing is an event';
COMMENT ON COLUMN o2c.credit_account.watched IS 'Whether the exposure was above that part when the account was last moved; o2c.credit_exposure has it as of now';
COMMENT ON COLUMN o2c.credit_account.review_on IS 'When the credit is to be looked at again; null: never';
COMMENT ON COLUMN o2c.credit_account.dated IS 'Whether o2c.credit_limit has periods for it';
COMMENT ON COLUMN o2c.credit_account.authorized IS 'Held by quotations until they expire';
COMMENT ON COLUMN o2c.credit_account.ordered IS 'Confirmed, not shipped, gross, less prepayment';
COMMENT ON COLUMN o2c.credit_account.shipped IS 'Shipped, not invoiced, gross, less prepayment';
COMMENT ON COLUMN o2c.credit_account.receivable IS 'Open items except payments';
COMMENT ON COLUMN o2c.credit_account.unapplied IS 'Payments not applied yet, without what is allocated to orders';

CREATE TABLE IF NOT EXISTS o2c.customer_credit (
    company_id         bigint NOT NULL,
    customer_id        bigint NOT NULL,
    credit_account_id  bigint NOT NULL,
    CONSTRAINT customer_credit_pkey PRIMARY KEY (company_id, customer_id),
    CONSTRAINT customer_credit_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer ON DELETE CASCADE,
    CONSTRAINT customer_credit_account_fkey FOREIGN KEY (company_id, credit_account_id) REFERENCES o2c.credit_account
);
COMMENT ON TABLE o2c.customer_credit IS 'The credit account that a customer uses: its own, else its parent''s';
CREATE INDEX IF NOT EXISTS customer_credit_account ON o2c.customer_credit (company_id, credit_account_id);

CREATE SEQUENCE IF NOT EXISTS o2c.credit_limit_change_id_seq;
CREATE TABLE IF NOT EXISTS o2c.credit_limit_change (
    company_id         bigint NOT NULL,
    change_id          bigint NOT NULL DEFAULT nextval('o2c.credit_limit_change_id_seq'),
    credit_account_id  bigint NOT NULL,
    amount             numeric,
    reason             text,
    effective_on       date NOT NULL DEFAULT o2c.today(),
    recorded_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor              text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT credit_limit_change_pkey PRIMARY KEY (company_id, change_id),
    CONSTRAINT credit_limit_change_account_fkey FOREIGN KEY (company_id, credit_account_id) REFERENCES o2c.credit_account
);
COMMENT ON TABLE o2c.credit_limit_change IS 'What credit limits were set to, when and by whom, append-only';
CREATE INDEX IF NOT EXISTS credit_limit_change_account ON o2c.credit_limit_change (company_id, credit_account_id, change_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.credit_limit_change
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');

INSERT INTO o2c.setting_definition (name, default_value, description) VALUES
    ('default_credit_limit', NULL, 'Credit limit that a new customer starts with; empty is unlimited')
ON CONFLICT DO NOTHING;

CREATE OR REPLACE TRIGGER seed_credit_rules AFTER INSERT ON o2c.company
    FOR EACH ROW EXECUTE FUNCTION o2c._seed_credit_rules();
CREATE OR REPLACE TRIGGER follow_credit AFTER UPDATE ON o2c.credit_account
    FOR EACH ROW EXECUTE FUNCTION o2c._follow_credit();
CREATE OR REPLACE TRIGGER follow_parent AFTER UPDATE OF parent_customer_id ON o2c.customer FOR EACH ROW
    WHEN (OLD.parent_customer_id IS DISTINCT FROM NEW.parent_customer_id) EXECUTE FUNCTION o2c._follow_parent();
CREATE OR REPLACE TRIGGER move_orders AFTER UPDATE OF credit_account_id ON o2c.customer_credit
    FOR EACH ROW EXECUTE FUNCTION o2c._move_customer_orders();
CREATE OR REPLACE TRIGGER map_credit AFTER INSERT ON o2c.customer
    FOR EACH ROW EXECUTE FUNCTION o2c._map_credit();
CREATE OR REPLACE TRIGGER exposure_insert AFTER INSERT ON o2c.order_line
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._move_exposure('order_id', 'ordered_value', 'shipped_value');
CREATE OR REPLACE TRIGGER exposure_update AFTER UPDATE ON o2c.order_line
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._move_exposure('order_id', 'ordered_value', 'shipped_value');
CREATE OR REPLACE TRIGGER exposure_delete AFTER DELETE ON o2c.order_line
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._move_exposure('order_id', 'ordered_value', 'shipped_value');
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.credit_account
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('credit_limit,net_unapplied,group_limit,watch_percent,review_on', 'authorized,ordered,shipped,receivable,unapplied,dated,watched', 'permanent');

CREATE OR REPLACE VIEW o2c.verify_exposure_orders AS
SELECT a.company_id, 'exposure of orders' AS check_name, 'credit account of customer ' || c.code AS object,
       format('ordered %s, shipped %s', coalesce(l.ordered, 0), coalesce(l.shipped, 0)) AS expected,
       format('ordered %s, shipped %s', a.ordered, a.shipped) AS found
FROM o2c.credit_account a
JOIN o2c.customer c ON c.company_id = a.company_id AND c.customer_id = a.customer_id
LEFT JOIN (SELECT m.company_id, m.credit_account_id, sum(v.ordered * o.credit_rate) AS ordered, sum(v.shipped * o.credit_rate) AS shipped
           FROM (SELECT n.company_id, n.order_id, n.ordered_value AS ordered, n.shipped_value AS shipped FROM o2c.order_line n
                 WHERE n.ordered_value <> 0 OR n.shipped_value <> 0
                 UNION ALL
                 SELECT p.company_id, p.order_id, - p.prepaid_ordered, - p.prepaid_shipped FROM o2c.sales_order p
                 WHERE p.prepaid_ordered <> 0 OR p.prepaid_shipped <> 0) v
           JOIN o2c.sales_order o ON o.company_id = v.company_id AND o.order_id = v.order_id
           JOIN o2c.customer_credit m ON m.company_id = o.company_id AND m.customer_id = o.customer_id
           GROUP BY m.company_id, m.credit_account_id) l
    ON l.company_id = a.company_id AND l.credit_account_id = a.credit_account_id
WHERE (a.ordered, a.shipped) <> (coalesce(l.ordered, 0), coalesce(l.shipped, 0));
COMMENT ON VIEW o2c.verify_exposure_orders IS 'Credit accounts whose ordered and shipped exposure is not the sum over the lines of their customers'' orders, less what was paid in advance';

-- by induction over the hierarchy: a customer without an account of its own uses its parent's
CREATE OR REPLACE VIEW o2c.verify_credit_map AS
SELECT c.company_id, 'credit account in use' AS check_name, 'customer ' || c.code AS object,
       coalesce(own.credit_account_id, up.credit_account_id)::text AS expected, m.credit_account_id::text AS found
FROM o2c.customer c
LEFT JOIN o2c.customer_credit m ON m.company_id = c.company_id AND m.customer_id = c.customer_id
LEFT JOIN o2c.customer_credit up ON up.company_id = c.company_id AND up.customer_id = c.parent_customer_id
LEFT JOIN o2c.credit_account own ON own.company_id = c.company_id AND own.customer_id = c.customer_id
WHERE m.credit_account_id IS NULL
   OR m.credit_account_id IS DISTINCT FROM coalesce(own.credit_account_id, up.credit_account_id);
COMMENT ON VIEW o2c.verify_credit_map IS 'Customers that do not use the credit account of their own or else of their nearest ancestor that has one';

CREATE SEQUENCE IF NOT EXISTS o2c.credit_limit_id_seq;
CREATE TABLE IF NOT EXISTS o2c.credit_limit (
    company_id         bigint NOT NULL DEFAULT o2c.current_company(),
    credit_limit_id    bigint NOT NULL DEFAULT nextval('o2c.credit_limit_id_seq'),
    credit_account_id  bigint NOT NULL,
    kind               text NOT NULL DEFAULT 'limit' CONSTRAINT credit_limit_kind CHECK (kind IN ('limit', 'uplift', 'security')),
    amount             numeric CONSTRAINT credit_limit_amount CHECK (amount >= 0 AND amount < 'Infinity'),
    valid_from         date NOT NULL DEFAULT '-infinity',
    valid_to           date NOT NULL DEFAULT 'infinity',
    reason             text,
    recorded_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor              text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT credit_limit_pkey PRIMARY KEY (company_id, credit_limit_id),
    CONSTRAINT credit_limit_account_fkey FOREIGN KEY (company_id, credit_account_id) REFERENCES o2c.credit_account,
    CONSTRAINT credit_limit_validity CHECK (valid_from <= valid_to),
    CONSTRAINT credit_limit_known CHECK (kind = 'limit' OR amount IS NOT NULL)
);
COMMENT ON TABLE o2c.credit_limit IS 'Credit for a time: limits that stand in place of the account''s own, seasonal uplifts, secured amounts';
COMMENT ON COLUMN o2c.credit_limit.amount IS 'In the currency of the account; of an uplift in percent. null: unlimited';
COMMENT ON COLUMN o2c.credit_limit.valid_to IS 'The last day; may be changed, which ends or prolongs it';
CREATE INDEX IF NOT EXISTS credit_limit_valid ON o2c.credit_limit (company_id, credit_account_id, valid_to);
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.credit_limit
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('valid_to', '', 'permanent');
CREATE OR REPLACE TRIGGER follow_limit AFTER INSERT OR UPDATE ON o2c.credit_limit
    FOR EACH ROW EXECUTE FUNCTION o2c._follow_limit();

CREATE TABLE IF NOT EXISTS o2c.exchange_rate (
    company_id     bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT exchange_rate_company_fkey REFERENCES o2c.company,
    from_currency  text NOT NULL CONSTRAINT exchange_rate_from_fkey REFERENCES o2c.currency,
    to_currency    text NOT NULL CONSTRAINT exchange_rate_to_fkey REFERENCES o2c.currency,
    valid_from     date NOT NULL DEFAULT o2c.today(),
    rate           numeric NOT NULL CONSTRAINT exchange_rate_positive CHECK (rate > 0 AND rate < 'Infinity'),
    CONSTRAINT exchange_rate_pkey PRIMARY KEY (company_id, from_currency, to_currency, valid_from),
    CONSTRAINT exchange_rate_two CHECK (from_currency <> to_currency)
);
COMMENT ON TABLE o2c.exchange_rate IS 'Exchange rates from a day on, until the next one; the rate that a document used is kept with it';
COMMENT ON COLUMN o2c.exchange_rate.rate IS 'Units of to_currency for one of from_currency';

CREATE OR REPLACE TRIGGER bb_rate BEFORE INSERT OR UPDATE OF state ON o2c.sales_order
    FOR EACH ROW EXECUTE FUNCTION o2c._rate_order();
-- at the end of the transaction: an amount that leaves one part and enters another crosses nothing
IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'o2c.credit_account'::regclass AND t.tgname = 'watch_credit') THEN
    CREATE CONSTRAINT TRIGGER watch_credit AFTER UPDATE ON o2c.credit_account DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        WHEN (NEW.watch_percent IS NOT NULL OR NEW.watched) EXECUTE FUNCTION o2c._watch_credit();
END IF;

CREATE OR REPLACE VIEW o2c.verify_credit_limit AS
SELECT a.company_id, 'account with periods' AS check_name, 'credit account of customer ' || c.code AS object,
       l.present::text AS expected, a.dated::text AS found
FROM o2c.credit_account a
JOIN o2c.customer c ON c.company_id = a.company_id AND c.customer_id = a.customer_id
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM o2c.credit_limit l WHERE l.company_id = a.company_id
                                   AND l.credit_account_id = a.credit_account_id) AS present) l
WHERE a.dated <> l.present
UNION ALL
SELECT l.company_id, 'limits do not overlap', 'limit ' || l.credit_limit_id, 'alone', 'overlaps ' || o.credit_limit_id
FROM o2c.credit_limit l
JOIN o2c.credit_limit o ON o.company_id = l.company_id AND o.credit_account_id = l.credit_account_id AND o.kind = 'limit'
    AND o.credit_limit_id > l.credit_limit_id AND o.valid_from <= l.valid_to AND o.valid_to >= l.valid_from
WHERE l.kind = 'limit';
COMMENT ON VIEW o2c.verify_credit_limit IS 'Credit accounts that do not know of their periods, and limits of an account that overlap';

-- scores: classes, scorecards, what is known, what was scored

CREATE TABLE IF NOT EXISTS o2c.risk_class (
    company_id     bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT risk_class_company_fkey REFERENCES o2c.company,
    risk_class     text NOT NULL CONSTRAINT risk_class_name CHECK (risk_class <> ''),
    review_months  integer NOT NULL DEFAULT 12 CONSTRAINT risk_class_review CHECK (review_months BETWEEN 1 AND 120),
    credit_limit   numeric CONSTRAINT risk_class_limit CHECK (credit_limit >= 0 AND credit_limit < 'Infinity'),
    description    text,
    CONSTRAINT risk_class_pkey PRIMARY KEY (company_id, risk_class)
);
COMMENT ON TABLE o2c.risk_class IS 'Risk classes: how often a customer of the class is looked at, and the most credit it gets';
COMMENT ON COLUMN o2c.risk_class.credit_limit IS 'The most that is proposed, in the currency of the credit account; null: no bound';
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE ON o2c.risk_class
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('review_months,credit_limit,description', '', 'removable');

CREATE TABLE IF NOT EXISTS o2c.scorecard (
    company_id   bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT scorecard_company_fkey REFERENCES o2c.company,
    scorecard    text NOT NULL CONSTRAINT scorecard_name CHECK (scorecard <> ''),
    version      integer NOT NULL DEFAULT 1 CONSTRAINT scorecard_version CHECK (version > 0),
    state        text NOT NULL DEFAULT 'draft' CONSTRAINT scorecard_state CHECK (state IN ('draft', 'active', 'retired')),
    description  text,
    CONSTRAINT scorecard_pkey PRIMARY KEY (company_id, scorecard, version)
);
COMMENT ON TABLE o2c.scorecard IS 'Versions of scorecards. A draft can be changed; once it scored or could have, a version stays as it is';
CREATE UNIQUE INDEX IF NOT EXISTS scorecard_active ON o2c.scorecard (company_id, scorecard) WHERE state = 'active';
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE ON o2c.scorecard
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('state,description', '', 'removable');
CREATE OR REPLACE TRIGGER keep_insert BEFORE INSERT ON o2c.scorecard
    FOR EACH ROW WHEN (NEW.state <> 'draft') EXECUTE FUNCTION o2c._keep_scorecard();
CREATE OR REPLACE TRIGGER keep_state BEFORE UPDATE OF state ON o2c.scorecard
    FOR EACH ROW WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION o2c._keep_scorecard();

CREATE SEQUENCE IF NOT EXISTS o2c.scorecard_points_id_seq;
CREATE TABLE IF NOT EXISTS o2c.scorecard_points (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    points_id    bigint NOT NULL DEFAULT nextval('o2c.scorecard_points_id_seq'),
    scorecard    text NOT NULL,
    version      integer NOT NULL DEFAULT 1,
    attribute    text NOT NULL CONSTRAINT scorecard_points_attribute CHECK (attribute <> ''),
    value_range  numrange CONSTRAINT scorecard_points_range CHECK (NOT isempty(value_range)),
    value        text,
    points       numeric NOT NULL CONSTRAINT scorecard_points_finite CHECK (points > '-Infinity' AND points < 'Infinity'),
    stop         boolean NOT NULL DEFAULT false,
    CONSTRAINT scorecard_points_pkey PRIMARY KEY (company_id, points_id),
    CONSTRAINT scorecard_points_scorecard_fkey FOREIGN KEY (company_id, scorecard, version) REFERENCES o2c.scorecard ON DELETE CASCADE,
    CONSTRAINT scorecard_points_range_key UNIQUE (company_id, scorecard, version, attribute, value_range),
    CONSTRAINT scorecard_points_value_key UNIQUE (company_id, scorecard, version, attribute, value),
    CONSTRAINT scorecard_points_either CHECK ((value_range IS NULL) <> (value IS NULL))
);
COMMENT ON TABLE o2c.scorecard_points IS 'What the value of an attribute is worth: numbers by ranges that leave no gap, others by value. What is not known is worth 0';
COMMENT ON COLUMN o2c.scorecard_points.value IS 'A text, or true or false';
COMMENT ON COLUMN o2c.scorecard_points.stop IS 'This value rules credit out whatever the sum, such as an entry in a list of sanctions';
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE ON o2c.scorecard_points
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('*', '', 'removable');
CREATE OR REPLACE TRIGGER keep_part BEFORE INSERT OR UPDATE OR DELETE ON o2c.scorecard_points
    FOR EACH ROW EXECUTE FUNCTION o2c._keep_scorecard_part();

CREATE TABLE IF NOT EXISTS o2c.scorecard_band (
    company_id    bigint NOT NULL DEFAULT o2c.current_company(),
    scorecard     text NOT NULL,
    version       integer NOT NULL DEFAULT 1,
    points        numrange NOT NULL CONSTRAINT scorecard_band_points CHECK (NOT isempty(points)),
    risk_class    text NOT NULL,
    credit_limit  numeric CONSTRAINT scorecard_band_limit CHECK (credit_limit >= 0 AND credit_limit < 'Infinity'),
    CONSTRAINT scorecard_band_pkey PRIMARY KEY (company_id, scorecard, version, points),
    CONSTRAINT scorecard_band_scorecard_fkey FOREIGN KEY (company_id, scorecard, version) REFERENCES o2c.scorecard ON DELETE CASCADE,
    CONSTRAINT scorecard_band_class_fkey FOREIGN KEY (company_id, risk_class) REFERENCES o2c.risk_class
);
COMMENT ON TABLE o2c.scorecard_band IS 'What a sum of points means: bands that cover every sum exactly once';
COMMENT ON COLUMN o2c.scorecard_band.credit_limit IS 'The most that is proposed in this band; null: what the class says';
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE ON o2c.scorecard_band
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('*', '', 'removable');
CREATE OR REPLACE TRIGGER keep_part BEFORE INSERT OR UPDATE OR DELETE ON o2c.scorecard_band
    FOR EACH ROW EXECUTE FUNCTION o2c._keep_scorecard_part();

CREATE OR REPLACE VIEW o2c.scorecard_problem AS
WITH part AS (
    SELECT p.company_id, p.scorecard, p.version, 'attribute ' || p.attribute AS part, p.value_range AS range FROM o2c.scorecard_points p
    UNION ALL
    SELECT b.company_id, b.scorecard, b.version, 'sum of points' AS part, b.points AS range FROM o2c.scorecard_band b)
SELECT p.company_id, p.scorecard, p.version, p.part,
       format('%s has no band for %s', p.part, '{(,)}'::nummultirange - range_agg(p.range)) AS problem
FROM part p GROUP BY p.company_id, p.scorecard, p.version, p.part
HAVING bool_and(p.range IS NOT NULL) AND range_agg(p.range) <> '{(,)}'
UNION ALL
SELECT p.company_id, p.scorecard, p.version, p.part, format('%s mixes ranges and values', p.part)
FROM part p GROUP BY p.company_id, p.scorecard, p.version, p.part
HAVING bool_or(p.range IS NULL) AND bool_or(p.range IS NOT NULL)
UNION ALL
SELECT a.company_id, a.scorecard, a.version, a.part, format('%s has two bands for %s', a.part, a.range * b.range)
FROM part a
JOIN part b ON b.company_id = a.company_id AND b.scorecard = a.scorecard AND b.version = a.version AND b.part = a.part
           AND a.range < b.range AND a.range && b.range
UNION ALL
SELECT s.company_id, s.scorecard, s.version, n.part, 'there are no ' || n.part
FROM o2c.scorecard s
CROSS JOIN (VALUES ('bands'), ('points')) AS n (part)
WHERE CASE n.part
      WHEN 'bands' THEN NOT EXISTS (SELECT FROM o2c.scorecard_band b
                                    WHERE b.company_id = s.company_id AND b.scorecard = s.scorecard AND b.version = s.version)
      ELSE NOT EXISTS (SELECT FROM o2c.scorecard_points p
                       WHERE p.company_id = s.company_id AND p.scorecard = s.scorecard AND p.version = s.version) END;
COMMENT ON VIEW o2c.scorecard_problem IS 'Why a version of a scorecard cannot be taken into use: gaps and overlaps, with where they are';

CREATE SEQUENCE IF NOT EXISTS o2c.information_id_seq;
CREATE TABLE IF NOT EXISTS o2c.credit_information (
    company_id      bigint NOT NULL DEFAULT o2c.current_company(),
    information_id  bigint NOT NULL DEFAULT nextval('o2c.information_id_seq'),
    customer_id     bigint NOT NULL,
    name            text NOT NULL CONSTRAINT credit_information_name CHECK (name <> ''),
    value           jsonb NOT NULL CONSTRAINT credit_information_value CHECK (jsonb_typeof(value) IN ('number', 'string', 'boolean', 'null')),
    source          text,
    effective_on    date NOT NULL DEFAULT o2c.today(),
    valid_to        date NOT NULL DEFAULT 'infinity',
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor           text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT credit_information_pkey PRIMARY KEY (company_id, information_id),
    CONSTRAINT credit_information_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer
);
COMMENT ON TABLE o2c.credit_information IS 'What is known of customers for scoring, append-only: own payment history, net worth, insured amount, scores of agencies';
COMMENT ON COLUMN o2c.credit_information.value IS 'A number, text, true or false; null: no longer known';
COMMENT ON COLUMN o2c.credit_information.valid_to IS 'The last day that it may be used; then it is not known any more';
CREATE INDEX IF NOT EXISTS credit_information_latest ON o2c.credit_information (company_id, customer_id, name, effective_on, information_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.credit_information
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');

CREATE SEQUENCE IF NOT EXISTS o2c.credit_score_id_seq;
CREATE TABLE IF NOT EXISTS o2c.credit_score (
    company_id      bigint NOT NULL DEFAULT o2c.current_company(),
    score_id        bigint NOT NULL DEFAULT nextval('o2c.credit_score_id_seq'),
    customer_id     bigint NOT NULL,
    scorecard       text NOT NULL,
    version         integer NOT NULL,
    points          numeric NOT NULL,
    stopped         boolean NOT NULL,
    risk_class      text NOT NULL,
    inputs          jsonb NOT NULL,
    findings        jsonb NOT NULL,
    proposed_limit  numeric,
    currency        text NOT NULL CONSTRAINT credit_score_currency CHECK (o2c.minor_units(currency) >= 0),
    effective_on    date NOT NULL,
    next_review_on  date NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor           text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT credit_score_pkey PRIMARY KEY (company_id, score_id),
    CONSTRAINT credit_score_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT credit_score_scorecard_fkey FOREIGN KEY (company_id, scorecard, version) REFERENCES o2c.scorecard,
    CONSTRAINT credit_score_class_fkey FOREIGN KEY (company_id, risk_class) REFERENCES o2c.risk_class
);
COMMENT ON TABLE o2c.credit_score IS 'Scores of customers, append-only, each with the version that made it and everything it saw; the latest one gives the risk class';
COMMENT ON COLUMN o2c.credit_score.findings IS 'Array of {attribute, value, points, missing}';
COMMENT ON COLUMN o2c.credit_score.proposed_limit IS 'In the currency of the credit account; null when nothing bounds it';
CREATE INDEX IF NOT EXISTS credit_score_latest ON o2c.credit_score (company_id, customer_id, effective_on, score_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.credit_score
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');
CREATE OR REPLACE TRIGGER follow_score AFTER INSERT ON o2c.credit_score
    FOR EACH ROW EXECUTE FUNCTION o2c._follow_score();

-- applications for credit, and who has it

CREATE TABLE IF NOT EXISTS o2c.credit_table (
    company_id    bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT credit_table_company_fkey REFERENCES o2c.company,
    priority      integer NOT NULL,
    outcome       text NOT NULL CONSTRAINT credit_table_outcome CHECK (outcome IN ('approved', 'declined', 'referred')),
    risk_class    text,
    points        numrange,
    amount        numrange,
    conditions    jsonb NOT NULL DEFAULT '{}' CONSTRAINT credit_table_conditions CHECK
                  (jsonb_typeof(conditions) = 'object' AND o2c._are_ranges(conditions)),
    credit_limit  numeric CONSTRAINT credit_table_limit CHECK (credit_limit > 0 AND credit_limit < 'Infinity'),
    valid_months  integer DEFAULT 12 CONSTRAINT credit_table_valid CHECK (valid_months BETWEEN 1 AND 120),
    description   text,
    CONSTRAINT credit_table_pkey PRIMARY KEY (company_id, priority),
    CONSTRAINT credit_table_class_fkey FOREIGN KEY (company_id, risk_class) REFERENCES o2c.risk_class
);
COMMENT ON TABLE o2c.credit_table IS 'The decision table of credit applications: the first row by priority whose conditions all hold decides; where none does, a person decides';
COMMENT ON COLUMN o2c.credit_table.amount IS 'The limit asked for; null: any';
COMMENT ON COLUMN o2c.credit_table.conditions IS 'Ranges of inputs, such as {"years": "[2,)"}; an input that is not known is in no range';
COMMENT ON COLUMN o2c.credit_table.credit_limit IS 'The most that this row approves; null: what was asked for, and no more than what the score proposes';
COMMENT ON COLUMN o2c.credit_table.valid_months IS 'How long an approval lasts; null: without end';

CREATE SEQUENCE IF NOT EXISTS o2c.credit_application_id_seq;
CREATE TABLE IF NOT EXISTS o2c.credit_application (
    company_id        bigint NOT NULL DEFAULT o2c.current_company(),
    application_id    bigint NOT NULL DEFAULT nextval('o2c.credit_application_id_seq'),
    customer_id       bigint NOT NULL,
    requested_amount  numeric NOT NULL CONSTRAINT credit_application_requested CHECK (requested_amount > 0 AND requested_amount < 'Infinity'),
    currency          text NOT NULL CONSTRAINT credit_application_currency CHECK (o2c.minor_units(currency) >= 0),
    inputs            jsonb NOT NULL DEFAULT '{}',
    state             text NOT NULL DEFAULT 'submitted' CONSTRAINT credit_application_state CHECK
                      (state IN ('submitted', 'referred', 'approved', 'declined', 'withdrawn')),
    score_id          bigint,
    table_row         jsonb,
    granted_amount    numeric CONSTRAINT credit_application_granted CHECK (granted_amount >= 0 AND granted_amount < 'Infinity'),
    expires_on        date,
    reason            text,
    submitted_on      date NOT NULL DEFAULT o2c.today(),
    submitted_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    requested_by      text NOT NULL DEFAULT o2c.actor(),
    decided_on        date,
    decided_at        timestamptz,
    decided_by        text,
    attributes        jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT credit_application_pkey PRIMARY KEY (company_id, application_id),
    CONSTRAINT credit_application_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT credit_application_score_fkey FOREIGN KEY (company_id, score_id) REFERENCES o2c.credit_score,
    CONSTRAINT credit_application_inputs CHECK (jsonb_typeof(inputs) = 'object'),
    CONSTRAINT credit_application_decided CHECK ((state IN ('submitted', 'referred')) = (decided_at IS NULL)
                                             AND (state = 'approved') = (granted_amount IS NOT NULL))
);
COMMENT ON TABLE o2c.credit_application IS 'Applications for credit, each decided by a row of the decision table or by a person';
COMMENT ON COLUMN o2c.credit_application.table_row IS 'The row of o2c.credit_table that spoke, as it was then';
CREATE UNIQUE INDEX IF NOT EXISTS credit_application_open ON o2c.credit_application (company_id, customer_id) WHERE state IN ('submitted', 'referred');
CREATE INDEX IF NOT EXISTS credit_application_customer ON o2c.credit_application (company_id, customer_id, application_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.credit_application
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('attributes',
        'state,score_id,table_row,granted_amount,expires_on,reason,decided_on,decided_at,decided_by', 'permanent');
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.credit_application REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('credit_application', 'application_id', '', 'state');
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON o2c.credit_application REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('credit_application', 'application_id', '', 'state');

CREATE SEQUENCE IF NOT EXISTS o2c.credit_status_id_seq;
CREATE TABLE IF NOT EXISTS o2c.credit_status (
    company_id      bigint NOT NULL DEFAULT o2c.current_company(),
    status_id       bigint NOT NULL DEFAULT nextval('o2c.credit_status_id_seq'),
    customer_id     bigint NOT NULL,
    status          text NOT NULL CONSTRAINT credit_status_status CHECK (status IN ('none', 'applied', 'approved', 'declined', 'suspended')),
    effective_on    date NOT NULL DEFAULT o2c.today(),
    expires_on      date,
    application_id  bigint,
    reason          text,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor           text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT credit_status_pkey PRIMARY KEY (company_id, status_id),
    CONSTRAINT credit_status_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT credit_status_application_fkey FOREIGN KEY (company_id, application_id) REFERENCES o2c.credit_application,
    CONSTRAINT credit_status_expiry CHECK (expires_on >= effective_on AND (status = 'approved' OR expires_on IS NULL))
);
COMMENT ON TABLE o2c.credit_status IS 'Whether a customer has credit, dated and append-only: the latest row speaks';
COMMENT ON COLUMN o2c.credit_status.expires_on IS 'The last day of an approval; null: without end. The day after, the customer is like a new one';
CREATE INDEX IF NOT EXISTS credit_status_latest ON o2c.credit_status (company_id, customer_id, effective_on, status_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.credit_status
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');
CREATE OR REPLACE TRIGGER follow_status AFTER INSERT ON o2c.credit_status
    FOR EACH ROW EXECUTE FUNCTION o2c._follow_status();
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.credit_status REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('credit', 'customer_id', '', 'status');

INSERT INTO o2c.setting_definition (name, default_value, description) VALUES
    ('scorecard', 'standard', 'The scorecard that credit applications and reviews use, where it has an active version'),
    ('credit_duty', NULL, 'Duty whose authority (o2c.authority) approving credit and raising limits needs; empty: whoever may call the functions'),
    ('credit_cool_off_days', '0', 'Days after a declined application for credit in which the customer cannot apply again'),
    ('limit_net_worth_share', '0.1', 'The share of a customer''s net worth that bounds a proposed credit limit'),
    ('limit_peak_factor', '1.5', 'The multiple of a customer''s highest exposure of the last year that bounds a proposed credit limit'),
    ('limit_step', '100', 'Proposed credit limits are rounded down to a multiple of this')
ON CONFLICT DO NOTHING;

CREATE OR REPLACE VIEW o2c.credit_standing AS
SELECT c.company_id, c.code AS customer,
       CASE WHEN s.status = 'approved' AND s.expires_on < o2c.today() THEN 'expired' ELSE coalesce(s.status, 'none') END AS status,
       s.effective_on AS since, s.expires_on, r.risk_class, r.points::numeric(18, 4) AS points, r.scorecard, r.version,
       r.proposed_limit::numeric(24, 4) AS proposed_limit, r.currency, r.effective_on AS scored_on, r.next_review_on,
       coalesce(r.next_review_on < o2c.today(), false) AS review_overdue
FROM o2c.customer c
LEFT JOIN o2c.customer_credit m ON m.company_id = c.company_id AND m.customer_id = c.customer_id
LEFT JOIN o2c.credit_account a ON a.company_id = c.company_id AND a.credit_account_id = m.credit_account_id
LEFT JOIN LATERAL (
    SELECT s.status, s.effective_on, s.expires_on FROM o2c.credit_status s
    WHERE s.company_id = c.company_id AND s.customer_id IN (c.customer_id, a.customer_id) AND s.effective_on <= o2c.today()
    ORDER BY s.customer_id = c.customer_id DESC, s.effective_on DESC, s.status_id DESC LIMIT 1) s ON true
LEFT JOIN LATERAL (
    SELECT r.* FROM o2c.credit_score r
    WHERE r.company_id = c.company_id AND r.customer_id = c.customer_id AND r.effective_on <= o2c.today()
    ORDER BY r.effective_on DESC, r.score_id DESC LIMIT 1) r ON true;
COMMENT ON VIEW o2c.credit_standing IS 'Each customer today: whether it has credit, its risk class by the latest score, the limit proposed then, and the review';

CREATE OR REPLACE VIEW o2c.verify_scorecard AS
SELECT p.company_id, 'scorecard covers every value once'::text AS check_name, format('scorecard %s version %s', p.scorecard, p.version) AS object,
       'no problem'::text AS expected, p.problem AS found
FROM o2c.scorecard_problem p
JOIN o2c.scorecard s ON s.company_id = p.company_id AND s.scorecard = p.scorecard AND s.version = p.version
WHERE s.state <> 'draft';
COMMENT ON VIEW o2c.verify_scorecard IS 'Scorecards in use whose bands leave a gap or overlap';

CREATE OR REPLACE VIEW o2c.verify_credit_score AS
SELECT s.company_id, 'points and class of a score'::text AS check_name, 'score ' || s.score_id AS object,
       format('%s points, class %s', f.points, b.risk_class) AS expected, format('%s points, class %s', s.points, s.risk_class) AS found
FROM o2c.credit_score s
CROSS JOIN LATERAL (SELECT sum((e.finding ->> 'points')::numeric) AS points FROM jsonb_array_elements(s.findings) AS e (finding)) f
LEFT JOIN o2c.scorecard_band b ON b.company_id = s.company_id AND b.scorecard = s.scorecard AND b.version = s.version AND b.points @> s.points
WHERE (f.points, b.risk_class) IS DISTINCT FROM (s.points, s.risk_class);
COMMENT ON VIEW o2c.verify_credit_score IS 'Scores that are not the sum of what they found, or not in the class of their band';

CREATE OR REPLACE VIEW o2c.verify_credit_application AS
SELECT a.company_id, 'approved application gave credit'::text AS check_name, 'credit application ' || a.application_id AS object,
       format('approved until %s', a.expires_on) AS expected, coalesce(format('%s until %s', s.status, s.expires_on), 'nothing') AS found
FROM o2c.credit_application a
LEFT JOIN o2c.credit_status s ON s.company_id = a.company_id AND s.application_id = a.application_id AND s.status = 'approved'
WHERE (a.state = 'approved') <> (s.status_id IS NOT NULL) OR s.customer_id <> a.customer_id OR s.expires_on IS DISTINCT FROM a.expires_on AND a.state = 'approved';
COMMENT ON VIEW o2c.verify_credit_application IS 'Applications whose state and whose customer''s credit status do not agree';

-- quotations, and the credit that they hold for some hours

CREATE TABLE IF NOT EXISTS o2c.quotation (
    company_id         bigint NOT NULL,
    quotation_id       bigint NOT NULL,
    number             text NOT NULL,
    customer_id        bigint NOT NULL,
    state              text NOT NULL DEFAULT 'open' CONSTRAINT quotation_state CHECK (state IN ('open', 'accepted', 'withdrawn')),
    valid_until        date,
    hold_credit_hours  integer CONSTRAINT quotation_hours CHECK (hold_credit_hours > 0),
    authorized         numeric NOT NULL DEFAULT 0,
    authorized_until   timestamptz,
    released_at        timestamptz,
    reason             text,
    quoted_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    quoted_by          text NOT NULL DEFAULT o2c.actor(),
    held_value         numeric NOT NULL GENERATED ALWAYS AS (CASE WHEN released_at IS NULL THEN authorized ELSE 0 END) STORED,
    CONSTRAINT quotation_pkey PRIMARY KEY (company_id, quotation_id),
    CONSTRAINT quotation_number_key UNIQUE (company_id, number),
    CONSTRAINT quotation_order_fkey FOREIGN KEY (company_id, quotation_id) REFERENCES o2c.sales_order,
    CONSTRAINT quotation_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT quotation_authorized CHECK (authorized >= 0 AND authorized < 'Infinity' AND (authorized > 0) = (authorized_until IS NOT NULL))
);
COMMENT ON TABLE o2c.quotation IS 'Quotations: what an order in the state "quoted" has beside its lines, and the credit that it holds';
COMMENT ON COLUMN o2c.quotation.quotation_id IS 'The order that is offered: its order_id';
COMMENT ON COLUMN o2c.quotation.valid_until IS 'The last day that it may be accepted; may be changed. null: no end';
COMMENT ON COLUMN o2c.quotation.authorized IS 'Credit that was held for it, in the currency of the credit account; until authorized_until at the latest';
COMMENT ON COLUMN o2c.quotation.released_at IS 'When what was held went back into the account';
COMMENT ON COLUMN o2c.quotation.held_value IS 'The quotation''s part of the exposure "authorized". What has lapsed by the clock is in it until it is moved out, but counts nowhere';
COMMENT ON COLUMN o2c.quotation.reason IS 'Why it was withdrawn';
CREATE INDEX IF NOT EXISTS quotation_held ON o2c.quotation (company_id, customer_id, authorized_until) WHERE held_value > 0;
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.quotation
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('valid_until', 'state,authorized,authorized_until,released_at,reason', 'engine');
CREATE OR REPLACE TRIGGER move_authorized AFTER UPDATE ON o2c.quotation FOR EACH ROW
    WHEN (OLD.held_value <> NEW.held_value) EXECUTE FUNCTION o2c._move_authorized();
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.quotation REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('quotation', 'quotation_id', 'quotation_id', 'state');
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON o2c.quotation REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('quotation', 'quotation_id', 'quotation_id', 'state');
-- after the lines were confirmed: between giving back and taking, another order would get the credit
CREATE OR REPLACE TRIGGER d_close_quotation AFTER UPDATE OF state ON o2c.sales_order FOR EACH ROW
    WHEN (OLD.state = 'quoted' AND NEW.state <> 'quoted') EXECUTE FUNCTION o2c._close_quotation();

CREATE OR REPLACE VIEW o2c.verify_exposure_authorized AS
SELECT a.company_id, 'exposure authorized' AS check_name, 'credit account ' || a.credit_account_id AS object,
       coalesce(q.held, 0)::text AS expected, a.authorized::text AS found
FROM o2c.credit_account a
LEFT JOIN (SELECT m.company_id, m.credit_account_id, sum(n.held_value) AS held
           FROM o2c.quotation n
           JOIN o2c.customer_credit m ON m.company_id = n.company_id AND m.customer_id = n.customer_id
           GROUP BY m.company_id, m.credit_account_id) q
    ON q.company_id = a.company_id AND q.credit_account_id = a.credit_account_id
WHERE a.authorized <> coalesce(q.held, 0)
UNION ALL
SELECT q.company_id, 'quotation and its order', 'quotation ' || q.number,
       CASE WHEN q.state = 'open' THEN 'open, the order is quoted' ELSE q.state || ', holds nothing' END,
       format('%s, the order is %s, %s held', q.state, o.state, q.held_value)
FROM o2c.quotation q
JOIN o2c.sales_order o ON o.company_id = q.company_id AND o.order_id = q.quotation_id
WHERE (q.state = 'open') <> (o.state = 'quoted') OR (q.state <> 'open' AND q.held_value <> 0) OR q.customer_id <> o.customer_id;
COMMENT ON VIEW o2c.verify_exposure_authorized IS 'Credit accounts whose authorized exposure is not the sum of what quotations hold, and quotations that do not go with their order';

CREATE OR REPLACE VIEW o2c.credit_exposure AS
SELECT a.company_id, c.code AS customer, a.currency, l.credit_limit::numeric(24, 4) AS credit_limit,
       (a.authorized - q.lapsed)::numeric(24, 4) AS authorized, a.ordered::numeric(24, 4) AS ordered, a.shipped::numeric(24, 4) AS shipped,
       a.receivable::numeric(24, 4) AS receivable, a.unapplied::numeric(24, 4) AS unapplied, e.exposure::numeric(24, 4) AS exposure,
       (l.credit_limit - e.exposure)::numeric(24, 4) AS available,
       CASE WHEN l.credit_limit > 0 THEN least(greatest(e.exposure * 100 / l.credit_limit, -1e9), 1e9)::double precision END AS used_percent,
       a.watch_percent::numeric(24, 4) AS watch_percent, coalesce(e.exposure * 100 > a.watch_percent * l.credit_limit, false) AS watched
FROM o2c.credit_account a
JOIN o2c.customer c ON c.company_id = a.company_id AND c.customer_id = a.customer_id
CROSS JOIN LATERAL (SELECT coalesce(sum(n.held_value), 0) AS lapsed
                    FROM o2c.customer_credit m
                    JOIN o2c.quotation n ON n.company_id = m.company_id AND n.customer_id = m.customer_id
                     AND n.held_value > 0 AND n.authorized_until <= o2c.now()
                    WHERE m.company_id = a.company_id AND m.credit_account_id = a.credit_account_id) q
CROSS JOIN LATERAL (SELECT a.authorized - q.lapsed + a.ordered + a.shipped + a.receivable
                           - CASE WHEN a.net_unapplied THEN a.unapplied ELSE 0 END AS exposure) e
CROSS JOIN LATERAL (SELECT CASE WHEN count(*) FILTER (WHERE p.kind = 'limit') > 0 THEN max(p.amount) FILTER (WHERE p.kind = 'limit')
                                ELSE a.credit_limit END
                           * (100 + coalesce(sum(p.amount) FILTER (WHERE p.kind = 'uplift'), 0)) * 0.01
                           + coalesce(sum(p.amount) FILTER (WHERE p.kind = 'security'), 0) AS credit_limit
                    FROM o2c.credit_limit p
                    WHERE p.company_id = a.company_id AND p.credit_account_id = a.credit_account_id
                      AND o2c.today() BETWEEN p.valid_from AND p.valid_to) l;
COMMENT ON VIEW o2c.credit_exposure IS 'Each credit account now: the limit of today with what is given for a time, the parts of the exposure without credit of quotations that has lapsed, what is free, and whether it is watched';
COMMENT ON COLUMN o2c.credit_exposure.customer IS 'Whose account it is; o2c.customer_credit says who uses it';
COMMENT ON COLUMN o2c.credit_exposure.credit_limit IS 'null: unlimited';

-- what was paid in advance covers the exposure of its order, and no more than that

CREATE OR REPLACE TRIGGER cover_order AFTER UPDATE OF prepaid_amount, prepaid_used ON o2c.sales_order FOR EACH ROW
    EXECUTE FUNCTION o2c._cover_order();
CREATE OR REPLACE TRIGGER move_cover AFTER UPDATE OF prepaid_ordered, prepaid_shipped ON o2c.sales_order FOR EACH ROW
    EXECUTE FUNCTION o2c._move_cover();

CREATE OR REPLACE VIEW o2c.verify_cover AS
SELECT o.company_id, 'prepayment that covers exposure' AS check_name, 'order ' || coalesce(o.number, '#' || o.order_id) AS object,
       format('ordered %s, shipped %s', c.ordered, least(o.prepaid_amount - o.prepaid_used - c.ordered, l.shipped)) AS expected,
       format('ordered %s, shipped %s', o.prepaid_ordered, o.prepaid_shipped) AS found
FROM o2c.sales_order o
JOIN (SELECT n.company_id, n.order_id, greatest(sum(n.ordered_value), 0) AS ordered, greatest(sum(n.shipped_value), 0) AS shipped
      FROM o2c.order_line n GROUP BY n.company_id, n.order_id) l ON l.company_id = o.company_id AND l.order_id = o.order_id
CROSS JOIN LATERAL (SELECT least(o.prepaid_amount - o.prepaid_used, l.ordered) AS ordered) c
WHERE (o.prepaid_amount <> 0 OR o.prepaid_ordered <> 0 OR o.prepaid_shipped <> 0)
  AND (o.prepaid_ordered, o.prepaid_shipped) <> (c.ordered, least(o.prepaid_amount - o.prepaid_used - c.ordered, l.shipped));
COMMENT ON VIEW o2c.verify_cover IS 'Orders whose prepayment does not cover what they have in the exposure: first what is ordered, then what is shipped, up to what is prepaid and not used';
