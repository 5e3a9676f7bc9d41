
-- receivable: the sub-ledger in two tables

CREATE SEQUENCE IF NOT EXISTS o2c.item_id_seq;
CREATE TABLE IF NOT EXISTS o2c.open_item (
    company_id        bigint NOT NULL DEFAULT o2c.current_company(),
    item_id           bigint NOT NULL DEFAULT nextval('o2c.item_id_seq'),
    customer_id       bigint NOT NULL,
    kind              text NOT NULL CONSTRAINT open_item_kind CHECK (kind IN ('invoice', 'credit_note', 'payment', 'fee')),
    invoice_id        bigint,
    instalment        integer NOT NULL DEFAULT 1,
    effective_on      date NOT NULL,
    due_on            date NOT NULL,
    currency          text NOT NULL CONSTRAINT open_item_currency CHECK (o2c.minor_units(currency) >= 0),
    amount            numeric NOT NULL CONSTRAINT open_item_finite CHECK (amount > '-Infinity' AND amount < 'Infinity'),
    open_amount       numeric NOT NULL,
    credit_rate       numeric NOT NULL DEFAULT 1 CONSTRAINT open_item_credit_rate CHECK (credit_rate > 0),
    recorded_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    receivable_value  numeric NOT NULL GENERATED ALWAYS AS (CASE WHEN kind <> 'payment' THEN open_amount * credit_rate ELSE 0 END) STORED,
    unapplied_value   numeric NOT NULL GENERATED ALWAYS AS (CASE WHEN kind = 'payment' THEN - open_amount * credit_rate ELSE 0 END) STORED,
    CONSTRAINT open_item_pkey PRIMARY KEY (company_id, item_id),
    CONSTRAINT open_item_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT open_item_invoice_fkey FOREIGN KEY (company_id, invoice_id) REFERENCES o2c.invoice,
    CONSTRAINT open_item_sign CHECK ((kind IN ('invoice', 'fee') AND amount >= 0) OR (kind IN ('credit_note', 'payment') AND amount <= 0)),
    -- neither side of an application can be used beyond what it has
    CONSTRAINT open_item_never_over_applied CHECK (CASE WHEN amount >= 0 THEN open_amount BETWEEN 0 AND amount ELSE open_amount BETWEEN amount AND 0 END)
) WITH (fillfactor = 70);
COMMENT ON TABLE o2c.open_item IS 'The sub-ledger: instalments, fees, credit notes and payments on account. Positive amounts are owed to us';
COMMENT ON COLUMN o2c.open_item.open_amount IS 'amount less all applications: what is true now, kept beside the facts';
COMMENT ON COLUMN o2c.open_item.credit_rate IS 'Units of the credit account''s currency for one of the item''s, frozen when it was recorded';
COMMENT ON COLUMN o2c.open_item.receivable_value IS 'The item''s part of the exposure "receivable"';
COMMENT ON COLUMN o2c.open_item.unapplied_value IS 'The item''s part of the exposure "unapplied"';
CREATE INDEX IF NOT EXISTS open_item_open ON o2c.open_item (company_id, customer_id, due_on, item_id) WHERE open_amount <> 0;
CREATE INDEX IF NOT EXISTS open_item_invoice ON o2c.open_item (company_id, invoice_id, instalment) WHERE invoice_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS open_item_effective ON o2c.open_item (company_id, effective_on);

CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.open_item
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'open_amount', 'permanent');
CREATE OR REPLACE TRIGGER exposure_insert AFTER INSERT ON o2c.open_item
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._move_exposure('customer_id', 'receivable_value', 'unapplied_value');
CREATE OR REPLACE TRIGGER exposure_update AFTER UPDATE ON o2c.open_item
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._move_exposure('customer_id', 'receivable_value', 'unapplied_value');

CREATE OR REPLACE TRIGGER make_items AFTER UPDATE ON o2c.invoice REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._make_items();

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
    reverses          bigint,
    method            text NOT NULL DEFAULT 'manual',
    actor             text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT application_pkey PRIMARY KEY (company_id, application_id),
    CONSTRAINT application_credit_fkey FOREIGN KEY (company_id, credit_item_id) REFERENCES o2c.open_item,
    CONSTRAINT application_debit_fkey FOREIGN KEY (company_id, debit_item_id) REFERENCES o2c.open_item,
    CONSTRAINT application_reverses_fkey FOREIGN KEY (company_id, reverses) REFERENCES o2c.application,
    CONSTRAINT application_reversed_once UNIQUE (company_id, reverses),
    CONSTRAINT application_source CHECK (credit_item_id IS NOT NULL OR cash_amount = 0),
    CONSTRAINT application_sign CHECK (CASE WHEN reverses IS NULL
        THEN cash_amount >= 0 AND discount_amount >= 0 AND tolerance_amount >= 0 AND writeoff_amount >= 0
             AND cash_amount + discount_amount + tolerance_amount + writeoff_amount > 0
        ELSE cash_amount <= 0 AND discount_amount <= 0 AND tolerance_amount <= 0 AND writeoff_amount <= 0 END)
);
COMMENT ON TABLE o2c.application IS 'Dated, append-only links from a credit item to a debit item; un-applying is another row, with the signs reversed';
COMMENT ON COLUMN o2c.application.cash_amount IS 'Taken from the credit item; all four amounts reduce the debit item';
COMMENT ON COLUMN o2c.application.reverses IS 'The application that this row takes back';
COMMENT ON COLUMN o2c.application.method IS 'How it was found: reference, amount, manual and so on';
CREATE INDEX IF NOT EXISTS application_debit ON o2c.application (company_id, debit_item_id);
CREATE INDEX IF NOT EXISTS application_credit ON o2c.application (company_id, credit_item_id) WHERE credit_item_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS application_effective ON o2c.application (company_id, effective_on);

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
    problem      text,
    CONSTRAINT invoice_import_pkey PRIMARY KEY (company_id, import_id)
);
COMMENT ON TABLE o2c.invoice_import IS 'Door for invoices issued elsewhere: fill it with COPY, then call o2c.load_invoices(). Rows that were taken in leave; rows that were not stay with their problem';
COMMENT ON COLUMN o2c.invoice_import.batch IS 'Rows of one batch are taken in together or not at all';
