
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
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by    text NOT NULL DEFAULT o2c.actor(),
    attributes    jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT payment_pkey PRIMARY KEY (company_id, payment_id),
    CONSTRAINT payment_item_key UNIQUE (company_id, item_id),
    CONSTRAINT payment_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT payment_item_fkey FOREIGN KEY (company_id, item_id) REFERENCES o2c.open_item,
    CONSTRAINT payment_identified CHECK ((customer_id IS NULL) = (item_id IS NULL))
) WITH (fillfactor = 80);
COMMENT ON TABLE o2c.payment IS 'Money received, each receipt once. Its open item says how much is still on account; without a customer it is unidentified';
CREATE UNIQUE INDEX IF NOT EXISTS payment_provider ON o2c.payment (company_id, provider, provider_reference) WHERE provider_reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS payment_open ON o2c.payment (company_id, payment_id) WHERE state = 'received';
CREATE INDEX IF NOT EXISTS payment_customer ON o2c.payment (company_id, customer_id, received_on);

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
