-- matching: what people taught, what was found, measures

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
COMMENT ON COLUMN o2c.match_candidate.cash_amount IS 'What the item would get, in its currency; negative: a credit note that would be netted';
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
          CROSS JOIN LATERAL (SELECT a.reverses IS NULL AND a.method IN ('link', 'reference', 'amount', 'all_items', 'all_overdue', 'one_month', 'all_but_one',
                                                                         'combination', 'oldest_first') AS automatic) m
          WHERE a.company_id = p.company_id AND a.credit_item_id = p.item_id) a
      WHERE p.state <> 'reversed') s
GROUP BY s.company_id, s.month, s.currency;
COMMENT ON VIEW o2c.cash_application IS 'How payments of a month were applied: automatic ones are used up by matching alone and were not corrected since. Rates from 0 to 1, null where nothing was applied; hours from recording to the last application';
COMMENT ON COLUMN o2c.cash_application.payment_rate IS 'Of the payments received, those applied in full without anybody''s touch';
COMMENT ON COLUMN o2c.cash_application.line_rate IS 'Of the applications, those that matching made and nobody took back';
COMMENT ON COLUMN o2c.cash_application.value_rate IS 'Of the money received, what matching applied and nobody took back';
COMMENT ON COLUMN o2c.cash_application.corrections IS 'Applications that were taken back';
