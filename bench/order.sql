-- Data for the benchmark of o2c.place_order; psql variables: customers,
-- products, history, long.  Customers 1 to :customers have no orders yet; the
-- code of a hot one is a million and its number of open orders.
-- Prints what o2c.verify() finds wrong with what was loaded: nothing.
\set ON_ERROR_STOP 1
\o /dev/null
SET client_min_messages = warning;
CREATE EXTENSION o2c;
SELECT o2c.install();
SELECT o2c.create_company('Bench', 'EUR');
SELECT o2c.set_setting('default_credit_limit', '1000000000000');
INSERT INTO o2c.customer (code, name) SELECT i::text, 'Customer ' || i FROM generate_series(1, :customers) i;
INSERT INTO o2c.customer (code, name) SELECT (1000000 + h)::text, 'Customer with orders' FROM unnest(ARRAY[0, :history, :long]) h;
INSERT INTO o2c.product (sku, name, unit_price, tax_rate)
SELECT i::text, 'Product ' || i, round((1 + random() * 500)::numeric, 2), (ARRAY[0, 7, 19])[1 + i % 3] FROM generate_series(1, :products) i;
INSERT INTO o2c.stock (product_id, location) SELECT product_id, 'MAIN' FROM o2c.product;
INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) SELECT product_id, 'MAIN', 'receipt', 1000000000 FROM o2c.product;

-- One order is placed and copied as a restore would, without triggers: placing
-- them all takes minutes.  The counters are set beside, and verified below.
CREATE TABLE template AS
SELECT h.n, o2c.place_order((1000000 + h.n)::text, jsonb_build_array(jsonb_build_object('sku', '1', 'quantity', 1),
           jsonb_build_object('sku', '2', 'quantity', 2), jsonb_build_object('sku', '3', 'quantity', 3))) AS order_id
FROM unnest(ARRAY[:history, :long]) AS h (n);
SET session_replication_role = replica;
CREATE TABLE copied AS
SELECT t.order_id AS original, nextval('o2c.order_id_seq') AS order_id, i FROM template t CROSS JOIN LATERAL generate_series(2, t.n) i;
INSERT INTO o2c.sales_order (order_id, number, customer_id, state, ordered_on, currency, payment_terms, line_amount, net_amount, tax_amount, total_amount)
SELECT c.order_id, 'SO-' || c.order_id, o.customer_id, o.state, o.ordered_on, o.currency, o.payment_terms, o.line_amount, o.net_amount, o.tax_amount, o.total_amount
FROM copied c JOIN o2c.sales_order o ON o.company_id = 1 AND o.order_id = c.original;
INSERT INTO o2c.order_line (order_id, line_no, product_id, description, quantity, unit_price, net_amount, tax_category, tax_rate, tax_amount,
    confirmed_quantity, reserved_quantity)
SELECT c.order_id, l.line_no, 1 + (3 * c.i + l.line_no) % :products, l.description, l.quantity, l.unit_price, l.net_amount, l.tax_category, l.tax_rate, l.tax_amount,
       l.confirmed_quantity, l.reserved_quantity
FROM copied c JOIN o2c.order_line l ON l.company_id = 1 AND l.order_id = c.original;
UPDATE o2c.credit_account a SET ordered = a.ordered * t.n
FROM template t JOIN o2c.sales_order o ON o.company_id = 1 AND o.order_id = t.order_id WHERE a.company_id = 1 AND a.customer_id = o.customer_id;
UPDATE o2c.stock s SET reserved = l.quantity
FROM (SELECT product_id, sum(reserved_quantity) AS quantity FROM o2c.order_line WHERE company_id = 1 GROUP BY 1) l
WHERE s.company_id = 1 AND s.product_id = l.product_id;
RESET session_replication_role;

-- The floor: plain copies of the tables, with their foreign keys.
CREATE SCHEMA plain;
CREATE SEQUENCE plain.number;
CREATE TABLE plain.sales_order (LIKE o2c.sales_order INCLUDING ALL);
CREATE TABLE plain.order_line (LIKE o2c.order_line INCLUDING ALL);
CREATE TABLE plain.decision (LIKE o2c.decision INCLUDING ALL);
CREATE TABLE plain.event (LIKE o2c.event INCLUDING ALL);
SELECT format('ALTER TABLE plain.%I ADD CONSTRAINT %I %s', r.relname, c.conname,
              replace(pg_get_constraintdef(c.oid), 'o2c.sales_order', 'plain.sales_order'))
FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
WHERE c.contype = 'f' AND r.relnamespace = 'o2c'::regnamespace AND r.relname IN ('sales_order', 'order_line', 'decision', 'event') \gexec
VACUUM (ANALYZE);
\o
SELECT check_name, object, expected, found FROM o2c.verify();
