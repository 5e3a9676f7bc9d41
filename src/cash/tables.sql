
-- cash: payments

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
    problem      text,
    CONSTRAINT payment_import_pkey PRIMARY KEY (company_id, import_id)
);
COMMENT ON TABLE o2c.payment_import IS 'Door for payments: fill it with COPY, then call o2c.load_payments(). Rows that were taken in leave; rows that were not stay with their problem';
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
