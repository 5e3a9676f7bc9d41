-- Products and prices: which price a line gets.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(47);

SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('PLAIN', 'No list'), ('ONE', 'One list'), ('TWO', 'Two lists'), ('SWAP', 'The same lists, the other way round');
INSERT INTO o2c.customer (code, name, currency) VALUES ('USD', 'Buys in dollars', 'USD');
INSERT INTO o2c.product (sku, name, unit_price) VALUES ('A', 'On the lists', 10), ('B', 'On one list', 20), ('C', 'On none', 30);
INSERT INTO o2c.product (sku, name, unit_price, currency) VALUES ('D', 'In dollars', 40, 'USD');
INSERT INTO o2c.price_list (code, currency) VALUES ('RETAIL', 'EUR'), ('SPRING', 'EUR'), ('DOLLAR', 'USD');
CREATE FUNCTION pg_temp.list(code text) RETURNS bigint LANGUAGE sql AS 'SELECT price_list_id FROM o2c.price_list WHERE company_id = 1 AND code = $1';
CREATE FUNCTION pg_temp.product(sku text) RETURNS bigint LANGUAGE sql AS 'SELECT product_id FROM o2c.product WHERE company_id = 1 AND sku = $1';
CREATE FUNCTION pg_temp.customer(code text) RETURNS bigint LANGUAGE sql AS 'SELECT customer_id FROM o2c.customer WHERE company_id = 1 AND code = $1';
INSERT INTO o2c.price (price_list_id, product_id, valid_from, min_quantity, unit_price)
SELECT pg_temp.list(l), pg_temp.product(p), f::date, q, u FROM (VALUES
    ('RETAIL', 'A', '-infinity', 0, 9), ('RETAIL', 'A', '-infinity', 10, 8), ('RETAIL', 'A', '-infinity', 100, 7),
    ('RETAIL', 'A', '2026-04-01', 0, 9.5), ('RETAIL', 'A', '2026-04-01', 10, 8.5), ('RETAIL', 'B', '-infinity', 5, 19),
    ('SPRING', 'A', '2026-03-01', 0, 6), ('DOLLAR', 'A', '-infinity', 0, 12)) v (l, p, f, q, u);
INSERT INTO o2c.customer_price_list (customer_id, price_list_id, priority)
SELECT pg_temp.customer(c), pg_temp.list(l), n FROM (VALUES
    ('ONE', 'RETAIL', 1), ('TWO', 'SPRING', 1), ('TWO', 'RETAIL', 2), ('SWAP', 'RETAIL', 1), ('SWAP', 'SPRING', 2), ('USD', 'RETAIL', 1), ('USD', 'DOLLAR', 2)) v (c, l, n);

CREATE FUNCTION pg_temp.price(customer text, sku text, quantity numeric, day date, given numeric) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE o bigint;
BEGIN
    o := o2c.place_order(customer, jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('sku', sku, 'quantity', quantity, 'unit_price', given))), ordered_on => day);
    RETURN (SELECT unit_price FROM o2c.order_line l WHERE l.order_id = o);
END $$;
CREATE TEMP TABLE cases (label text, customer text, sku text, quantity numeric, day date, given numeric, expected numeric);
INSERT INTO cases VALUES
    ('the product''s own price', 'PLAIN', 'A', 1, '2026-03-02', NULL, 10),
    ('a price in the order', 'ONE', 'A', 1, '2026-03-02', 11.11, 11.11),
    ('a price of nothing in the order', 'ONE', 'A', 1, '2026-03-02', 0, 0),
    ('the price list', 'ONE', 'A', 1, '2026-03-02', NULL, 9),
    ('just below a quantity', 'ONE', 'A', 9.99, '2026-03-02', NULL, 9),
    ('exactly a quantity', 'ONE', 'A', 10, '2026-03-02', NULL, 8),
    ('a large quantity', 'ONE', 'A', 1000, '2026-03-02', NULL, 7),
    ('the day before a new price', 'ONE', 'A', 1, '2026-03-31', NULL, 9),
    ('the day of a new price', 'ONE', 'A', 1, '2026-04-01', NULL, 9.5),
    ('a new price with its own quantities', 'ONE', 'A', 1000, '2026-04-01', NULL, 8.5),
    ('long after', 'ONE', 'A', 1, '2099-12-31', NULL, 9.5),
    ('too little for the list', 'ONE', 'B', 4, '2026-03-02', NULL, 20),
    ('enough for the list', 'ONE', 'B', 5, '2026-03-02', NULL, 19),
    ('not on the list', 'ONE', 'C', 1, '2026-03-02', NULL, 30),
    ('the first list', 'TWO', 'A', 1, '2026-03-02', NULL, 6),
    ('the first list although the second has a later price', 'TWO', 'A', 1, '2026-04-01', NULL, 6),
    ('the first list does not begin yet', 'TWO', 'A', 1, '2026-02-28', NULL, 9),
    ('the second list for what the first has not', 'TWO', 'B', 5, '2026-03-02', NULL, 19),
    ('the other priority', 'SWAP', 'A', 1, '2026-03-02', NULL, 9),
    ('a list in another currency does not count', 'USD', 'A', 1, '2026-03-02', NULL, 12),
    ('the product''s own price in its currency', 'USD', 'D', 1, '2026-03-02', NULL, 40);
SELECT is(pg_temp.price(customer, sku, quantity, day, given), expected, label) FROM cases;
SELECT throws_ok($$SELECT pg_temp.price('USD', 'B', 5, '2026-03-02', NULL)$$, 'OC004', NULL, 'no price in dollars');
SELECT throws_ok($$SELECT pg_temp.price('PLAIN', 'D', 1, '2026-03-02', NULL)$$, 'OC004', NULL, 'no price in euro');

-- A price that changes later changes no order.
UPDATE o2c.product SET unit_price = 99, tax_rate = 19, name = 'Renamed' WHERE sku = 'A';
SELECT is((SELECT count(*)::int FROM o2c.order_line WHERE unit_price = 99 OR tax_rate = 19 OR description = 'Renamed'), 0, 'orders keep price, tax and name');
SELECT is(pg_temp.price('PLAIN', 'A', 1, '2026-03-02', NULL), 99::numeric, 'the next one has the new price');

-- What cannot be.
SELECT throws_ok(s, c, NULL, l) FROM (VALUES
    ('INSERT INTO o2c.product (sku, name) VALUES (''A'', ''Again'')', '23505', 'a sku is for one product'),
    ('INSERT INTO o2c.product (sku, name) VALUES ('''', ''x'')', '23514', 'an empty sku'),
    ('INSERT INTO o2c.product (sku, name, unit_price) VALUES (''X'', ''x'', -1)', '23514', 'a price below zero'),
    ('INSERT INTO o2c.product (sku, name, unit_price) VALUES (''X'', ''x'', ''NaN'')', '23514', 'a price that is no number'),
    ('INSERT INTO o2c.product (sku, name, unit_price) VALUES (''X'', ''x'', ''Infinity'')', '23514', 'a price without end'),
    ('INSERT INTO o2c.product (sku, name, tax_rate) VALUES (''X'', ''x'', 100.01)', '23514', 'a tax above a hundred percent'),
    ('INSERT INTO o2c.product (sku, name, tax_rate) VALUES (''X'', ''x'', -1)', '23514', 'a tax below zero'),
    ('INSERT INTO o2c.product (sku, name, tax_rate) VALUES (''X'', ''x'', ''NaN'')', '23514', 'a tax that is no number'),
    ('INSERT INTO o2c.product (sku, name, tax_rate, tax_category) VALUES (''X'', ''x'', 19, ''E'')', '23514', 'an exemption with a rate'),
    ('INSERT INTO o2c.product (sku, name, tax_rate, tax_category) VALUES (''X'', ''x'', 0, ''S'')', '23514', 'the standard category without one'),
    ('INSERT INTO o2c.product (sku, name, tax_category) VALUES (''X'', ''x'', ''Q'')', '23514', 'an unknown category'),
    ('INSERT INTO o2c.product (sku, name, currency) VALUES (''X'', ''x'', ''XXX'')', '23503', 'an unknown currency'),
    ('INSERT INTO o2c.product (sku, name, supplier_id) VALUES (''X'', ''x'', -1)', '23503', 'an unknown supplier'),
    ('UPDATE o2c.product SET product_id = -1 WHERE sku = ''A''', 'OC102', 'another id'),
    ('DELETE FROM o2c.product WHERE sku = ''A''', '23503', 'a product that was sold'),
    ('INSERT INTO o2c.price (price_list_id, product_id, unit_price) VALUES (pg_temp.list(''RETAIL''), pg_temp.product(''A''), 1)', '23505', 'two prices for the same'),
    ('INSERT INTO o2c.price (price_list_id, product_id, unit_price, min_quantity) VALUES (pg_temp.list(''RETAIL''), pg_temp.product(''A''), 1, -1)', '23514', 'a quantity below zero'),
    ('INSERT INTO o2c.price (price_list_id, product_id, unit_price, min_quantity) VALUES (pg_temp.list(''RETAIL''), pg_temp.product(''A''), -1, 3)', '23514', 'a list price below zero'),
    ('INSERT INTO o2c.price (price_list_id, product_id, unit_price) VALUES (pg_temp.list(''RETAIL''), -1, 1)', '23503', 'an unknown product'),
    ('INSERT INTO o2c.price_list (code, currency) VALUES (''RETAIL'', ''EUR'')', '23505', 'a second list of that name'),
    ('INSERT INTO o2c.customer_price_list (customer_id, price_list_id, company_id) VALUES (pg_temp.customer(''ONE''), pg_temp.list(''SPRING''), 2)', '23503', 'a list of another company')) v (s, c, l);
SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
