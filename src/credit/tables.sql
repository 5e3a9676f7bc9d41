
-- credit: accounts with their exposure, limits

CREATE SEQUENCE IF NOT EXISTS o2c.credit_account_id_seq;
CREATE TABLE IF NOT EXISTS o2c.credit_account (
    company_id         bigint NOT NULL DEFAULT o2c.current_company(),
    credit_account_id  bigint NOT NULL DEFAULT nextval('o2c.credit_account_id_seq'),
    customer_id        bigint NOT NULL,
    currency           text NOT NULL CONSTRAINT credit_account_currency CHECK (o2c.minor_units(currency) >= 0),
    credit_limit       numeric CONSTRAINT credit_account_limit CHECK (credit_limit >= 0 AND credit_limit < 'Infinity'),
    net_unapplied      boolean NOT NULL DEFAULT true,
    group_limit        numeric CONSTRAINT credit_account_group_limit CHECK (group_limit >= 0 AND group_limit < 'Infinity'),
    watch_percent      numeric CONSTRAINT credit_account_watch CHECK (watch_percent > 0 AND watch_percent <= 1000),
    review_on          date,
    dated              boolean NOT NULL DEFAULT false,
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
COMMENT ON COLUMN o2c.credit_account.watch_percent IS 'Part of credit_limit from which on the exposure is watched: each crossing is an event';
COMMENT ON COLUMN o2c.credit_account.review_on IS 'When the credit is to be looked at again; null: never';
COMMENT ON COLUMN o2c.credit_account.dated IS 'Whether o2c.credit_limit has periods for it';
COMMENT ON COLUMN o2c.credit_account.authorized IS 'Held by quotations until they expire';
COMMENT ON COLUMN o2c.credit_account.ordered IS 'Confirmed, not shipped, gross';
COMMENT ON COLUMN o2c.credit_account.shipped IS 'Shipped, not invoiced, gross';
COMMENT ON COLUMN o2c.credit_account.receivable IS 'Open items except payments';
COMMENT ON COLUMN o2c.credit_account.unapplied IS 'Payments not applied yet';

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
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('credit_limit,net_unapplied,group_limit,watch_percent,review_on', 'authorized,ordered,shipped,receivable,unapplied,dated', 'permanent');

CREATE OR REPLACE VIEW o2c.verify_exposure_orders AS
SELECT a.company_id, 'exposure of orders' AS check_name, 'credit account of customer ' || c.code AS object,
       format('ordered %s, shipped %s', coalesce(l.ordered, 0), coalesce(l.shipped, 0)) AS expected,
       format('ordered %s, shipped %s', a.ordered, a.shipped) AS found
FROM o2c.credit_account a
JOIN o2c.customer c ON c.company_id = a.company_id AND c.customer_id = a.customer_id
LEFT JOIN (SELECT m.company_id, m.credit_account_id,
                  sum(n.ordered_value * o.credit_rate) AS ordered, sum(n.shipped_value * o.credit_rate) AS shipped
           FROM o2c.order_line n
           JOIN o2c.sales_order o ON o.company_id = n.company_id AND o.order_id = n.order_id
           JOIN o2c.customer_credit m ON m.company_id = o.company_id AND m.customer_id = o.customer_id
           WHERE n.ordered_value <> 0 OR n.shipped_value <> 0
           GROUP BY m.company_id, m.credit_account_id) l
    ON l.company_id = a.company_id AND l.credit_account_id = a.credit_account_id
WHERE (a.ordered, a.shipped) <> (coalesce(l.ordered, 0), coalesce(l.shipped, 0));
COMMENT ON VIEW o2c.verify_exposure_orders IS 'Credit accounts whose ordered and shipped exposure is not the sum over the lines of their customers'' orders';

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

CREATE OR REPLACE TRIGGER bb_rate BEFORE UPDATE OF state ON o2c.sales_order FOR EACH ROW
    WHEN (NEW.state = 'submitted' AND OLD.state IN ('draft', 'held', 'refused')) EXECUTE FUNCTION o2c._rate_order();
CREATE OR REPLACE TRIGGER watch_credit AFTER UPDATE ON o2c.credit_account FOR EACH ROW
    WHEN (NEW.watch_percent IS NOT NULL
          AND coalesce((OLD.authorized + OLD.ordered + OLD.shipped + OLD.receivable - OLD.unapplied) * 100 > OLD.watch_percent * OLD.credit_limit, false)
           <> coalesce((NEW.authorized + NEW.ordered + NEW.shipped + NEW.receivable - NEW.unapplied) * 100 > NEW.watch_percent * NEW.credit_limit, false))
    EXECUTE FUNCTION o2c._watch_credit();

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
