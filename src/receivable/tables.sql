
-- receivable: the sub-ledger in two tables

CREATE SEQUENCE IF NOT EXISTS o2c.item_id_seq;
CREATE TABLE IF NOT EXISTS o2c.open_item (
    company_id        bigint NOT NULL DEFAULT o2c.current_company(),
    item_id           bigint NOT NULL DEFAULT nextval('o2c.item_id_seq'),
    customer_id       bigint NOT NULL,
    kind              text NOT NULL CONSTRAINT open_item_kind CHECK (o2c._one_of(kind, 'invoice,credit_note,payment,fee,reversal,refund')),
    invoice_id        bigint,
    instalment        integer NOT NULL DEFAULT 1,
    effective_on      date NOT NULL,
    due_on            date NOT NULL,
    currency          text NOT NULL CONSTRAINT open_item_currency CHECK (o2c.minor_units(currency) >= 0),
    amount            numeric NOT NULL CONSTRAINT open_item_finite CHECK (amount > '-Infinity' AND amount < 'Infinity'),
    open_amount       numeric NOT NULL,
    allocated_amount  numeric NOT NULL DEFAULT 0,
    credit_rate       numeric NOT NULL DEFAULT 1 CONSTRAINT open_item_credit_rate CHECK (credit_rate > 0),
    base_rate         numeric CONSTRAINT open_item_base_rate CHECK (base_rate > 0 AND base_rate < 'Infinity'),
    recorded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    receivable_value  numeric NOT NULL GENERATED ALWAYS AS (CASE WHEN kind NOT IN ('payment', 'reversal') THEN open_amount * credit_rate ELSE 0 END) STORED,
    unapplied_value   numeric NOT NULL GENERATED ALWAYS AS (CASE WHEN kind IN ('payment', 'reversal') THEN (- open_amount - allocated_amount) * credit_rate ELSE 0 END) STORED,
    CONSTRAINT open_item_pkey PRIMARY KEY (company_id, item_id),
    CONSTRAINT open_item_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT open_item_invoice_fkey FOREIGN KEY (company_id, invoice_id) REFERENCES o2c.invoice,
    CONSTRAINT open_item_sign CHECK ((kind IN ('invoice', 'fee', 'reversal', 'refund') AND amount >= 0) OR (kind IN ('credit_note', 'payment') AND amount <= 0)),
    CONSTRAINT open_item_allocated CHECK (allocated_amount >= 0 AND (allocated_amount = 0 OR allocated_amount <= - open_amount)),
    -- neither side of an application can be used beyond what it has
    CONSTRAINT open_item_never_over_applied CHECK (CASE WHEN amount >= 0 THEN open_amount BETWEEN 0 AND amount ELSE open_amount BETWEEN amount AND 0 END)
) WITH (fillfactor = 70);
COMMENT ON TABLE o2c.open_item IS 'The sub-ledger: instalments, fees, credit notes and payments on account. Positive amounts are owed to us';
COMMENT ON COLUMN o2c.open_item.kind IS 'reversal: takes a bounced payment back; refund: pays money on account or a credit note back. The credit closes both at once';
COMMENT ON COLUMN o2c.open_item.open_amount IS 'amount less all applications: what is true now, kept beside the facts';
COMMENT ON COLUMN o2c.open_item.allocated_amount IS 'What of an open payment is kept for orders that it pays in advance';
COMMENT ON COLUMN o2c.open_item.credit_rate IS 'Units of the credit account''s currency for one of the item''s, frozen when it was recorded';
COMMENT ON COLUMN o2c.open_item.base_rate IS 'Units of the company''s currency for one of the item''s on the day it took effect, frozen; 1 in the company''s currency. Null where no rate was known: o2c.complete_base_rates() fills it in later';
COMMENT ON COLUMN o2c.open_item.receivable_value IS 'The item''s part of the exposure "receivable"';
COMMENT ON COLUMN o2c.open_item.unapplied_value IS 'The item''s part of the exposure "unapplied"';
CREATE INDEX IF NOT EXISTS open_item_open ON o2c.open_item (company_id, customer_id, due_on, item_id) WHERE open_amount <> 0;
CREATE INDEX IF NOT EXISTS open_item_credit ON o2c.open_item (company_id, item_id) WHERE open_amount < 0;
CREATE INDEX IF NOT EXISTS open_item_invoice ON o2c.open_item (company_id, invoice_id, instalment) WHERE invoice_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS open_item_unvalued ON o2c.open_item (company_id, item_id) WHERE base_rate IS NULL;
CREATE INDEX IF NOT EXISTS open_item_effective ON o2c.open_item (company_id, effective_on);

CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.open_item
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'open_amount,allocated_amount', 'permanent', 'base_rate');
CREATE OR REPLACE TRIGGER exposure_insert AFTER INSERT ON o2c.open_item
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._move_exposure('customer_id', 'receivable_value', 'unapplied_value');
CREATE OR REPLACE TRIGGER exposure_update AFTER UPDATE ON o2c.open_item
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._move_exposure('customer_id', 'receivable_value', 'unapplied_value');
CREATE OR REPLACE TRIGGER derive BEFORE INSERT ON o2c.open_item
    FOR EACH ROW EXECUTE FUNCTION o2c._derive_item();
CREATE OR REPLACE TRIGGER settle_insert AFTER INSERT ON o2c.open_item
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._settle_invoices();
CREATE OR REPLACE TRIGGER settle_update AFTER UPDATE ON o2c.open_item
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._settle_invoices();

CREATE OR REPLACE TRIGGER make_items AFTER UPDATE ON o2c.invoice REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._make_items();

CREATE OR REPLACE TRIGGER move_items AFTER UPDATE OF credit_account_id ON o2c.customer_credit
    FOR EACH ROW EXECUTE FUNCTION o2c._move_customer_items();

CREATE TABLE IF NOT EXISTS o2c.instalment_discount (
    company_id  bigint NOT NULL DEFAULT o2c.current_company(),
    item_id     bigint NOT NULL,
    tier        integer NOT NULL,
    until_on    date NOT NULL,
    amount      numeric NOT NULL,
    CONSTRAINT instalment_discount_pkey PRIMARY KEY (company_id, item_id, tier),
    CONSTRAINT instalment_discount_item_fkey FOREIGN KEY (company_id, item_id) REFERENCES o2c.open_item
);
COMMENT ON TABLE o2c.instalment_discount IS 'Discounts for early payment of an instalment, frozen when the invoice was posted';
COMMENT ON COLUMN o2c.instalment_discount.amount IS 'What may be deducted when paid up to until_on';
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.instalment_discount
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');

CREATE SEQUENCE IF NOT EXISTS o2c.application_id_seq;
CREATE TABLE IF NOT EXISTS o2c.application (
    company_id        bigint NOT NULL DEFAULT o2c.current_company(),
    application_id    bigint NOT NULL DEFAULT nextval('o2c.application_id_seq'),
    credit_item_id    bigint,
    debit_item_id     bigint NOT NULL,
    effective_on      date NOT NULL,
    recorded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    cash_amount       numeric NOT NULL DEFAULT 0,
    discount_amount   numeric NOT NULL DEFAULT 0,
    tolerance_amount  numeric NOT NULL DEFAULT 0,
    writeoff_amount   numeric NOT NULL DEFAULT 0,
    unearned_amount   numeric NOT NULL DEFAULT 0,
    exchanged_amount  numeric,
    credit_amount     numeric NOT NULL GENERATED ALWAYS AS (coalesce(exchanged_amount, cash_amount)) STORED,
    reverses          bigint,
    method            text NOT NULL DEFAULT 'manual',
    reason            text,
    actor             text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT application_pkey PRIMARY KEY (company_id, application_id),
    CONSTRAINT application_credit_fkey FOREIGN KEY (company_id, credit_item_id) REFERENCES o2c.open_item,
    CONSTRAINT application_debit_fkey FOREIGN KEY (company_id, debit_item_id) REFERENCES o2c.open_item,
    CONSTRAINT application_reverses_fkey FOREIGN KEY (company_id, reverses) REFERENCES o2c.application,
    CONSTRAINT application_reversed_once UNIQUE (company_id, reverses),
    CONSTRAINT application_source CHECK (credit_item_id IS NOT NULL OR cash_amount = 0),
    CONSTRAINT application_sign CHECK (CASE WHEN reverses IS NULL
        THEN cash_amount >= 0 AND discount_amount >= 0 AND tolerance_amount >= 0 AND writeoff_amount >= 0 AND credit_amount >= 0
             AND cash_amount + discount_amount + tolerance_amount + writeoff_amount > 0
        ELSE cash_amount <= 0 AND discount_amount <= 0 AND tolerance_amount <= 0 AND writeoff_amount <= 0 AND credit_amount <= 0 END),
    CONSTRAINT application_exchange CHECK (cash_amount <> 0 OR credit_amount = 0),
    CONSTRAINT application_unearned CHECK (abs(unearned_amount) <= abs(discount_amount) AND unearned_amount * discount_amount >= 0)
);
COMMENT ON TABLE o2c.application IS 'Dated, append-only links from a credit item to a debit item; un-applying is another row, with the signs reversed';
COMMENT ON COLUMN o2c.application.cash_amount IS 'Given to the debit item, in its currency; cash, discount, tolerance and write-off reduce it';
COMMENT ON COLUMN o2c.application.unearned_amount IS 'Part of discount_amount that was allowed though it was not earned; the reason says why';
COMMENT ON COLUMN o2c.application.exchanged_amount IS 'What cash_amount cost in the currency of the credit item, where that is another one; else null';
COMMENT ON COLUMN o2c.application.credit_amount IS 'Taken from the credit item, in its currency: exchanged_amount, or cash_amount within one currency';
COMMENT ON COLUMN o2c.application.reverses IS 'The application that this row takes back';
COMMENT ON COLUMN o2c.application.method IS 'How it was found: reference, amount, manual and so on; unapply and reversal take back';
COMMENT ON COLUMN o2c.application.reason IS 'Why it was taken back or paid back, or why more was allowed than the policy grants';
CREATE INDEX IF NOT EXISTS application_debit ON o2c.application (company_id, debit_item_id);
CREATE INDEX IF NOT EXISTS application_credit ON o2c.application (company_id, credit_item_id) WHERE credit_item_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS application_debit_reversal ON o2c.application (company_id, debit_item_id) WHERE reverses IS NOT NULL;
CREATE INDEX IF NOT EXISTS application_credit_reversal ON o2c.application (company_id, credit_item_id) WHERE reverses IS NOT NULL;
CREATE INDEX IF NOT EXISTS application_effective ON o2c.application (company_id, effective_on);
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.application
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');
CREATE OR REPLACE TRIGGER apply AFTER INSERT ON o2c.application
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._apply();

CREATE SEQUENCE IF NOT EXISTS o2c.invoice_import_seq;
CREATE TABLE IF NOT EXISTS o2c.invoice_import (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    import_id    bigint NOT NULL DEFAULT nextval('o2c.invoice_import_seq'),
    batch        text NOT NULL DEFAULT '',
    number       text,
    customer     text,
    invoiced_on  date,
    due_on       date,
    amount       numeric,
    currency     text,
    discount_until  date,
    discount_amount numeric,
    problem      text,
    CONSTRAINT invoice_import_pkey PRIMARY KEY (company_id, import_id)
);
COMMENT ON TABLE o2c.invoice_import IS 'Door for invoices issued elsewhere: fill it with COPY, then call o2c.load_invoices(). Rows that were taken in leave; rows that were not stay with their problem';
COMMENT ON COLUMN o2c.invoice_import.batch IS 'Rows of one batch are taken in together or not at all';
COMMENT ON COLUMN o2c.invoice_import.discount_amount IS 'What may be deducted when paid up to discount_until; both are null where there is no discount for early payment';

CREATE OR REPLACE VIEW o2c.customer_aging AS
SELECT c.code AS customer, b.currency,
       coalesce(o2c.total(b.aging), 0)::numeric(24, 4) AS total,
       coalesce(o2c.bucket(b.aging, 1), 0)::numeric(24, 4) AS not_due,
       coalesce(o2c.bucket(b.aging, 2), 0)::numeric(24, 4) AS days_1_30,
       coalesce(o2c.bucket(b.aging, 3), 0)::numeric(24, 4) AS days_31_60,
       coalesce(o2c.bucket(b.aging, 4), 0)::numeric(24, 4) AS days_61_90,
       coalesce(o2c.bucket(b.aging, 5), 0)::numeric(24, 4) AS days_over_90,
       coalesce(b.unapplied, 0)::numeric(24, 4) AS unapplied
FROM (SELECT i.company_id, i.customer_id, i.currency,
             o2c.aging(i.open_amount, o2c.today() - i.due_on) FILTER (WHERE i.kind IN ('invoice', 'fee')) AS aging,
             sum(- i.open_amount) FILTER (WHERE i.kind NOT IN ('invoice', 'fee')) AS unapplied
      FROM o2c.open_item i
      WHERE i.company_id = o2c.current_company() AND i.open_amount <> 0
      GROUP BY i.company_id, i.customer_id, i.currency) b
JOIN o2c.customer c ON c.company_id = b.company_id AND c.customer_id = b.customer_id;
COMMENT ON VIEW o2c.customer_aging IS 'What each customer of the session''s company owes now, by days past due (the due date itself is not overdue), and what is on account. Four digits hold every currency of ISO 4217';
COMMENT ON COLUMN o2c.customer_aging.unapplied IS 'Payments and credit notes that are not applied yet; never netted with what is owed';

CREATE OR REPLACE VIEW o2c.verify_open_item AS
SELECT i.company_id, 'open amount'::text AS check_name, 'open item ' || i.item_id AS object,
       (i.amount - coalesce(a.applied, 0))::text AS expected, i.open_amount::text AS found
FROM o2c.open_item i
LEFT JOIN (SELECT p.company_id, p.item_id, sum(p.applied) AS applied
           FROM (SELECT company_id, debit_item_id AS item_id, cash_amount + discount_amount + tolerance_amount + writeoff_amount AS applied
                 FROM o2c.application
                 UNION ALL
                 SELECT company_id, credit_item_id, - credit_amount FROM o2c.application WHERE credit_item_id IS NOT NULL) p
           GROUP BY p.company_id, p.item_id) a ON a.company_id = i.company_id AND a.item_id = i.item_id
WHERE i.open_amount <> i.amount - coalesce(a.applied, 0);
COMMENT ON VIEW o2c.verify_open_item IS 'Open items whose open amount is not their amount less their applications';

CREATE OR REPLACE VIEW o2c.verify_invoice_state AS
SELECT v.company_id, c.check_name, 'invoice ' || v.number AS object, c.expected, c.found
FROM o2c.invoice v
LEFT JOIN (SELECT i.company_id, i.invoice_id, sum(abs(i.amount)) AS amount, bool_and(i.open_amount = 0) AS closed
           FROM o2c.open_item i WHERE i.invoice_id IS NOT NULL GROUP BY i.company_id, i.invoice_id) i
    ON i.company_id = v.company_id AND i.invoice_id = v.invoice_id
CROSS JOIN LATERAL (VALUES
    ('invoice state'::text, CASE WHEN i.closed THEN 'paid' ELSE 'posted or overdue' END,
     CASE WHEN v.state IN ('posted', 'overdue') THEN 'posted or overdue' ELSE v.state END),
    ('invoice items', v.total_amount::text, coalesce(i.amount, 0)::text)) AS c (check_name, expected, found)
WHERE v.state <> 'draft'
  AND CASE c.check_name WHEN 'invoice state' THEN v.state <> 'written_off' AND c.expected <> c.found
                        ELSE v.total_amount <> coalesce(i.amount, 0) END;
COMMENT ON VIEW o2c.verify_invoice_state IS 'Invoices whose state is not what their open items say, or whose open items do not add up to their total';

CREATE OR REPLACE VIEW o2c.verify_exposure_receivable AS
SELECT a.company_id, p.check_name, 'credit account ' || a.credit_account_id AS object, p.expected::text, p.found::text
FROM o2c.credit_account a
LEFT JOIN (SELECT m.company_id, m.credit_account_id, sum(i.receivable_value) AS receivable, sum(i.unapplied_value) AS unapplied
           FROM o2c.open_item i
           JOIN o2c.customer_credit m ON m.company_id = i.company_id AND m.customer_id = i.customer_id
           GROUP BY m.company_id, m.credit_account_id) s
    ON s.company_id = a.company_id AND s.credit_account_id = a.credit_account_id
CROSS JOIN LATERAL (VALUES ('exposure receivable'::text, coalesce(s.receivable, 0), a.receivable),
                           ('exposure unapplied', coalesce(s.unapplied, 0), a.unapplied)) AS p (check_name, expected, found)
WHERE p.expected <> p.found;
COMMENT ON VIEW o2c.verify_exposure_receivable IS 'Credit accounts whose receivable or unapplied part is not the sum over their customers'' open items';

CREATE OR REPLACE TRIGGER record_history AFTER INSERT ON o2c.credit_application
    FOR EACH ROW EXECUTE FUNCTION o2c._record_history();

-- The values in the company's currency of what applications took from items in other currencies.  Each is the
-- difference of two rounded running totals, so those of an item add up to its value to the cent, and a row
-- keeps its values whatever comes after it.
CREATE OR REPLACE VIEW o2c._foreign_value AS
SELECT m.company_id, m.application_id, m.item_id,
       o2c.round_money(m.total_upto * m.base_rate, m.base_currency) - o2c.round_money((m.total_upto - m.total) * m.base_rate, m.base_currency) AS total,
       o2c.round_money(m.discount_upto * m.base_rate, m.base_currency) - o2c.round_money((m.discount_upto - m.discount) * m.base_rate, m.base_currency) AS discount,
       o2c.round_money(m.tolerance_upto * m.base_rate, m.base_currency) - o2c.round_money((m.tolerance_upto - m.tolerance) * m.base_rate, m.base_currency) AS tolerance,
       o2c.round_money(m.writeoff_upto * m.base_rate, m.base_currency) - o2c.round_money((m.writeoff_upto - m.writeoff) * m.base_rate, m.base_currency) AS writeoff
FROM (SELECT i.company_id, a.application_id, i.item_id, i.base_rate, k.currency AS base_currency, a.total, a.discount, a.tolerance, a.writeoff,
             sum(a.total) OVER w AS total_upto, sum(a.discount) OVER w AS discount_upto,
             sum(a.tolerance) OVER w AS tolerance_upto, sum(a.writeoff) OVER w AS writeoff_upto
      FROM o2c.open_item i
      JOIN o2c.company k ON k.company_id = i.company_id
      JOIN (SELECT company_id, application_id, debit_item_id AS item_id, cash_amount + discount_amount + tolerance_amount + writeoff_amount AS total,
                   discount_amount AS discount, tolerance_amount AS tolerance, writeoff_amount AS writeoff
            FROM o2c.application
            UNION ALL
            SELECT company_id, application_id, credit_item_id, credit_amount, 0, 0, 0 FROM o2c.application WHERE credit_item_id IS NOT NULL) a
          ON a.company_id = i.company_id AND a.item_id = i.item_id
      WHERE i.currency <> k.currency
      WINDOW w AS (PARTITION BY i.company_id, i.item_id ORDER BY a.application_id)) m;
COMMENT ON VIEW o2c._foreign_value IS 'What each application took from its items in foreign currencies, in the company''s currency at their frozen rates: in total, and how much of it was discount, tolerance and write-off';

CREATE OR REPLACE VIEW o2c.exchange_gain AS
SELECT a.company_id, a.application_id, a.effective_on, a.recorded_at, a.credit_item_id, c.currency AS credit_currency, a.credit_amount::numeric(24, 4),
       a.debit_item_id, d.currency AS debit_currency, a.cash_amount::numeric(24, 4), k.currency AS base_currency,
       v.received::numeric(24, 4), v.settled::numeric(24, 4), (v.received - v.settled)::numeric(24, 4) AS gain
FROM o2c.application a
JOIN o2c.company k ON k.company_id = a.company_id
JOIN o2c.open_item c ON c.company_id = a.company_id AND c.item_id = a.credit_item_id
JOIN o2c.open_item d ON d.company_id = a.company_id AND d.item_id = a.debit_item_id
LEFT JOIN o2c._foreign_value cv ON cv.company_id = a.company_id AND cv.application_id = a.application_id AND cv.item_id = a.credit_item_id
LEFT JOIN o2c._foreign_value dv ON dv.company_id = a.company_id AND dv.application_id = a.application_id AND dv.item_id = a.debit_item_id
CROSS JOIN LATERAL (SELECT CASE WHEN c.currency = k.currency THEN a.credit_amount ELSE cv.total END AS received,
                           CASE WHEN d.currency = k.currency THEN a.cash_amount ELSE dv.total - dv.discount - dv.tolerance - dv.writeoff END AS settled) v
WHERE c.currency <> k.currency OR d.currency <> k.currency;
COMMENT ON VIEW o2c.exchange_gain IS 'What applications gained or lost by exchange, realised on their date, partial ones too: the value in the company''s currency of what the credit item gave up, less that of what it settled. Taking an application back takes its gain back';
COMMENT ON COLUMN o2c.exchange_gain.received IS 'The credit item''s value of credit_amount, at the rate of its day';
COMMENT ON COLUMN o2c.exchange_gain.settled IS 'The debit item''s value of cash_amount, at the rate of its day';
COMMENT ON COLUMN o2c.exchange_gain.gain IS 'Negative: a loss. Null while the rate of an item is not known';

CREATE OR REPLACE VIEW o2c.verify_exchange AS
SELECT i.company_id, 'base rate'::text AS check_name, 'open item ' || i.item_id AS object, '1'::text AS expected, coalesce(i.base_rate::text, 'none') AS found
FROM o2c.open_item i
JOIN o2c.company k ON k.company_id = i.company_id AND k.currency = i.currency
WHERE i.base_rate IS DISTINCT FROM 1
UNION ALL
SELECT a.company_id, 'exchanged amount', 'application ' || a.application_id,
       CASE WHEN c.currency = d.currency THEN 'none' ELSE 'one' END, coalesce(a.exchanged_amount::text, 'none')
FROM o2c.application a
JOIN o2c.open_item c ON c.company_id = a.company_id AND c.item_id = a.credit_item_id
JOIN o2c.open_item d ON d.company_id = a.company_id AND d.item_id = a.debit_item_id
WHERE (c.currency = d.currency) <> (a.exchanged_amount IS NULL)
UNION ALL
SELECT i.company_id, 'base amount', 'open item ' || i.item_id, o2c.round_money(abs(i.amount) * i.base_rate, k.currency)::text, v.total::text
FROM o2c.open_item i
JOIN o2c.company k ON k.company_id = i.company_id
JOIN (SELECT f.company_id, f.item_id, sum(f.total) AS total FROM o2c._foreign_value f GROUP BY f.company_id, f.item_id) v
    ON v.company_id = i.company_id AND v.item_id = i.item_id
WHERE i.open_amount = 0 AND v.total <> o2c.round_money(abs(i.amount) * i.base_rate, k.currency);
COMMENT ON VIEW o2c.verify_exchange IS 'Items of the company''s currency with another rate than 1, applications whose exchanged amount does not fit the currencies of their items, and settled items whose applications do not add up to their value in the company''s currency';
