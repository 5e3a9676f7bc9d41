
-- party: companies, customers, suppliers.  Master data are written with plain INSERT and UPDATE.

CREATE SEQUENCE IF NOT EXISTS o2c.company_id_seq;
CREATE TABLE IF NOT EXISTS o2c.company (
    company_id  bigint NOT NULL DEFAULT nextval('o2c.company_id_seq') CONSTRAINT company_pkey PRIMARY KEY,
    name        text NOT NULL CONSTRAINT company_name CHECK (name <> ''),
    currency    text NOT NULL CONSTRAINT company_currency_fkey REFERENCES o2c.currency,
    country     text CONSTRAINT company_country CHECK (country ~ '^[A-Z]{2}$'),
    tax_id      text,
    attributes  jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE o2c.company IS 'Companies that keep their books here: the tenant of every other row';

CREATE SEQUENCE IF NOT EXISTS o2c.customer_id_seq;
CREATE TABLE IF NOT EXISTS o2c.customer (
    company_id           bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT customer_company_fkey REFERENCES o2c.company,
    customer_id          bigint NOT NULL DEFAULT nextval('o2c.customer_id_seq'),
    code                 text NOT NULL CONSTRAINT customer_code CHECK (code <> ''),
    name                 text NOT NULL,
    parent_customer_id   bigint,
    bill_to_customer_id  bigint,
    group_id             bigint NOT NULL,
    currency             text NOT NULL CONSTRAINT customer_currency_fkey REFERENCES o2c.currency,
    language             text NOT NULL DEFAULT 'en',
    email                text,
    phone                text,
    address              text,
    city                 text,
    region               text,
    postal_code          text,
    country              text,
    tax_id               text,
    po_required          boolean NOT NULL DEFAULT false,
    po_unique            boolean NOT NULL DEFAULT true,
    invoice_per          text NOT NULL DEFAULT 'shipment' CONSTRAINT customer_invoice_per CHECK (invoice_per IN ('shipment', 'order', 'customer')),
    risk_class           text,
    active               boolean NOT NULL DEFAULT true,
    attributes           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT customer_pkey PRIMARY KEY (company_id, customer_id),
    CONSTRAINT customer_code_key UNIQUE (company_id, code),
    CONSTRAINT customer_parent_fkey FOREIGN KEY (company_id, parent_customer_id) REFERENCES o2c.customer,
    CONSTRAINT customer_bill_to_fkey FOREIGN KEY (company_id, bill_to_customer_id) REFERENCES o2c.customer,
    CONSTRAINT customer_own_parent CHECK (parent_customer_id <> customer_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE o2c.customer IS 'Customers: hierarchy, bill-to, currency, address';
COMMENT ON COLUMN o2c.customer.group_id IS 'The topmost customer of the hierarchy. Commands lock its row first, so that a group''s documents never wait for each other in a circle';
COMMENT ON COLUMN o2c.customer.bill_to_customer_id IS 'Who gets the invoices and owes them; null: the customer';
COMMENT ON COLUMN o2c.customer.risk_class IS 'Class that rules and limits may be for';
COMMENT ON COLUMN o2c.customer.invoice_per IS 'What one invoice covers: a shipment, an order, or everything the customer is owed';
CREATE INDEX IF NOT EXISTS customer_parent ON o2c.customer (company_id, parent_customer_id) WHERE parent_customer_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS customer_group ON o2c.customer (company_id, group_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE ON o2c.customer
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('*', 'customer_id', 'removable');
CREATE OR REPLACE TRIGGER derive BEFORE INSERT OR UPDATE OF parent_customer_id, group_id, currency ON o2c.customer
    FOR EACH ROW EXECUTE FUNCTION o2c._derive_customer();
CREATE OR REPLACE TRIGGER derive_group AFTER UPDATE OF parent_customer_id, group_id ON o2c.customer
    FOR EACH ROW EXECUTE FUNCTION o2c._spread_group();

CREATE SEQUENCE IF NOT EXISTS o2c.supplier_id_seq;
CREATE TABLE IF NOT EXISTS o2c.supplier (
    company_id   bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT supplier_company_fkey REFERENCES o2c.company,
    supplier_id  bigint NOT NULL DEFAULT nextval('o2c.supplier_id_seq'),
    code         text NOT NULL CONSTRAINT supplier_code CHECK (code <> ''),
    name         text NOT NULL,
    currency     text CONSTRAINT supplier_currency_fkey REFERENCES o2c.currency,
    email        text,
    phone        text,
    address      text,
    city         text,
    postal_code  text,
    country      text,
    attributes   jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT supplier_pkey PRIMARY KEY (company_id, supplier_id),
    CONSTRAINT supplier_code_key UNIQUE (company_id, code)
);
COMMENT ON TABLE o2c.supplier IS 'Suppliers that products are bought from';

CREATE OR REPLACE TRIGGER seed_series AFTER INSERT ON o2c.company
    FOR EACH ROW EXECUTE FUNCTION o2c._seed_company();

CREATE OR REPLACE VIEW o2c.verify_customer_group AS
SELECT c.company_id, 'customer group' AS check_name, 'customer ' || c.code AS object,
       coalesce(p.group_id, c.customer_id)::text AS expected, c.group_id::text AS found
FROM o2c.customer c
LEFT JOIN o2c.customer p ON p.company_id = c.company_id AND p.customer_id = c.parent_customer_id
WHERE c.group_id <> coalesce(p.group_id, c.customer_id);
COMMENT ON VIEW o2c.verify_customer_group IS 'Customers whose group is not their parent''s, or, at the top, not themselves';
