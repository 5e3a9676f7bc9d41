
-- product: products, price lists

CREATE SEQUENCE IF NOT EXISTS o2c.product_id_seq;
CREATE TABLE IF NOT EXISTS o2c.product (
    company_id    bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT product_company_fkey REFERENCES o2c.company,
    product_id    bigint NOT NULL DEFAULT nextval('o2c.product_id_seq'),
    sku           text NOT NULL CONSTRAINT product_sku CHECK (sku <> ''),
    name          text NOT NULL,
    unit_price    numeric NOT NULL DEFAULT 0 CONSTRAINT product_unit_price CHECK (unit_price >= 0 AND unit_price < 'Infinity'),
    currency      text CONSTRAINT product_currency_fkey REFERENCES o2c.currency,
    tax_rate      numeric NOT NULL DEFAULT 0 CONSTRAINT product_tax_rate CHECK (tax_rate >= 0 AND tax_rate <= 100),
    tax_category  text CONSTRAINT product_tax_category CHECK (tax_category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')),
    unit          text NOT NULL DEFAULT 'C62',
    stocked       boolean NOT NULL DEFAULT true,
    cost          numeric CONSTRAINT product_cost CHECK (cost >= 0 AND cost < 'Infinity'),
    supplier_id   bigint,
    active        boolean NOT NULL DEFAULT true,
    attributes    jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT product_pkey PRIMARY KEY (company_id, product_id),
    CONSTRAINT product_sku_key UNIQUE (company_id, sku),
    CONSTRAINT product_supplier_fkey FOREIGN KEY (company_id, supplier_id) REFERENCES o2c.supplier,
    -- EN 16931: only category S has a rate, and it always has one (BR-S-05, BR-Z-05 and their kin)
    CONSTRAINT product_rate_of_category CHECK (tax_category IS NULL OR (tax_category = 'S') = (tax_rate > 0))
);
COMMENT ON TABLE o2c.product IS 'What is sold';
COMMENT ON COLUMN o2c.product.currency IS 'Currency of unit_price; null: the company''s';
COMMENT ON COLUMN o2c.product.cost IS 'What one unit costs the company, in the currency of unit_price; null: not known';
COMMENT ON COLUMN o2c.product.tax_rate IS 'Percent';
COMMENT ON COLUMN o2c.product.tax_category IS 'UNCL 5305 as in EN 16931; null: S with a rate, Z without';
COMMENT ON COLUMN o2c.product.unit IS 'UN/ECE Recommendation 20 unit code; C62 is one piece';
COMMENT ON COLUMN o2c.product.stocked IS 'false: a service, never reserved';
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE ON o2c.product
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('*', 'product_id', 'removable');

CREATE SEQUENCE IF NOT EXISTS o2c.price_list_id_seq;
CREATE TABLE IF NOT EXISTS o2c.price_list (
    company_id     bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT price_list_company_fkey REFERENCES o2c.company,
    price_list_id  bigint NOT NULL DEFAULT nextval('o2c.price_list_id_seq'),
    code           text NOT NULL,
    currency       text NOT NULL CONSTRAINT price_list_currency_fkey REFERENCES o2c.currency,
    CONSTRAINT price_list_pkey PRIMARY KEY (company_id, price_list_id),
    CONSTRAINT price_list_code_key UNIQUE (company_id, code)
);
COMMENT ON TABLE o2c.price_list IS 'Price lists, each in one currency';

CREATE TABLE IF NOT EXISTS o2c.price (
    company_id     bigint NOT NULL DEFAULT o2c.current_company(),
    price_list_id  bigint NOT NULL,
    product_id     bigint NOT NULL,
    valid_from     date NOT NULL DEFAULT '-infinity',
    min_quantity   numeric NOT NULL DEFAULT 0 CONSTRAINT price_min_quantity CHECK (min_quantity >= 0),
    unit_price     numeric NOT NULL CONSTRAINT price_unit_price CHECK (unit_price >= 0 AND unit_price < 'Infinity'),
    CONSTRAINT price_pkey PRIMARY KEY (company_id, price_list_id, product_id, valid_from, min_quantity),
    CONSTRAINT price_list_fkey FOREIGN KEY (company_id, price_list_id) REFERENCES o2c.price_list,
    CONSTRAINT price_product_fkey FOREIGN KEY (company_id, product_id) REFERENCES o2c.product
);
COMMENT ON TABLE o2c.price IS 'Prices of a list by product, start of validity and least quantity; a later start replaces an earlier one';

CREATE TABLE IF NOT EXISTS o2c.customer_price_list (
    company_id     bigint NOT NULL DEFAULT o2c.current_company(),
    customer_id    bigint NOT NULL,
    price_list_id  bigint NOT NULL,
    priority       integer NOT NULL DEFAULT 1,
    CONSTRAINT customer_price_list_pkey PRIMARY KEY (company_id, customer_id, price_list_id),
    CONSTRAINT customer_price_list_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT customer_price_list_list_fkey FOREIGN KEY (company_id, price_list_id) REFERENCES o2c.price_list
);
COMMENT ON TABLE o2c.customer_price_list IS 'Which price lists a customer buys by, the smallest priority first';
