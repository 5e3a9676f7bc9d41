-- Orders: entered, priced, taxed and submitted; what callers and the tables refuse.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(145);

SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'USD');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name, currency) VALUES ('C1', 'One', 'EUR'), ('C2', 'Two', 'EUR'), ('JP', 'Yen', 'JPY'), ('BH', 'Dinar', 'BHD');
INSERT INTO o2c.customer (code, name, po_required) VALUES ('PO', 'Wants its number', true);
INSERT INTO o2c.customer (code, name, po_unique) VALUES ('BL', 'Blanket orders', false);
INSERT INTO o2c.customer (code, name, active) VALUES ('OLD', 'Gone', false);
INSERT INTO o2c.customer (code, name, payment_terms) VALUES ('T1', 'Own terms', 'net 10');
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One elsewhere'), (2, 'ONLY2', 'Theirs');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('USD', 'EUR', '2026-01-01', 0.9);
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, tax_category) VALUES
    ('S19', 'Standard', 10.03, 19, NULL), ('S7', 'Reduced', 5, 7, NULL), ('Z', 'Zero', 100, 0, NULL), ('E', 'Exempt', 100, 0, 'E'),
    ('AE', 'Reverse charge', 100, 0, 'AE');
INSERT INTO o2c.product (sku, name, unit_price, active) VALUES ('OLD', 'Discontinued', 1, false);
INSERT INTO o2c.product (sku, name, unit_price, currency) VALUES ('USD', 'In dollars', 1, 'USD');
INSERT INTO o2c.product (company_id, sku, name, unit_price) VALUES (2, 'S19', 'Theirs', 7), (2, 'ONLY2', 'Theirs only', 7);

CREATE FUNCTION pg_temp.line(sku text, quantity numeric, unit_price numeric DEFAULT NULL, discount numeric DEFAULT NULL) RETURNS jsonb LANGUAGE sql AS
$$SELECT jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('sku', sku, 'quantity', quantity, 'unit_price', unit_price, 'discount_percent', discount)))$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS
'SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';

-- Amounts: each line is rounded half away from zero, tax is computed once per category and rate.
CREATE TEMP TABLE amounts (label text, customer text, lines jsonb, charges jsonb, line_amount numeric, charge_amount numeric, tax_amount numeric);
INSERT INTO amounts VALUES
    ('tax once for three lines', 'C1', pg_temp.line('S19', 1) || pg_temp.line('S19', 1) || pg_temp.line('S19', 1), NULL, 30.09, 0, 5.72),
    ('one line of three', 'C1', pg_temp.line('S19', 3), NULL, 30.09, 0, 5.72),
    ('two rates', 'C1', pg_temp.line('S19', 1) || pg_temp.line('S7', 3), NULL, 25.03, 0, 1.91 + 1.05),
    ('two categories without tax', 'C1', pg_temp.line('Z', 1) || pg_temp.line('E', 1) || pg_temp.line('AE', 1), NULL, 300, 0, 0),
    ('a given price goes before the list price', 'C1', pg_temp.line('S19', 2, 1.5), NULL, 3, 0, 0.57),
    ('a price of zero', 'C1', pg_temp.line('S19', 2, 0), NULL, 0, 0, 0),
    ('half a cent', 'C1', pg_temp.line('Z', 1, 0.005), NULL, 0.01, 0, 0),
    ('half of three cents', 'C1', pg_temp.line('Z', 0.5, 0.03), NULL, 0.02, 0, 0),
    ('a discount', 'C1', pg_temp.line('Z', 3, 9.99, 33.333), NULL, 19.98, 0, 0),
    ('a discount of everything', 'C1', pg_temp.line('S19', 3, 9.99, 100), NULL, 0, 0, 0),
    ('a discount of nothing', 'C1', pg_temp.line('Z', 3, 9.99, 0), NULL, 29.97, 0, 0),
    ('yen have no cents', 'JP', pg_temp.line('S19', 3, 33.5), NULL, 101, 0, 19),
    ('dinars have three', 'BH', pg_temp.line('S19', 1, 1.0005), NULL, 1.001, 0, 0.190),
    ('a charge', 'C1', pg_temp.line('S19', 1), '[{"reason": "Freight", "amount": 4.95, "tax_rate": 19}]', 10.03, 4.95, 2.85),
    ('a charge without tax', 'C1', pg_temp.line('S19', 1), '[{"reason": "Postage", "amount": 1.45}]', 10.03, 1.45, 1.91),
    ('charges of both kinds', 'C1', pg_temp.line('S7', 1), '[{"reason": "Freight", "amount": 5, "tax_rate": 7}, {"reason": "Fee", "amount": 0.5, "tax_category": "E"}]', 5, 5.5, 0.70),
    ('no charges', 'C1', pg_temp.line('S7', 1), '[]', 5, 0, 0.35),
    ('a very small quantity', 'C1', pg_temp.line('Z', 1e-30, 1), NULL, 0, 0, 0),
    ('very many', 'C1', pg_temp.line('Z', 1e20, 1e20), NULL, 1e40, 0, 0),
    ('a long fraction', 'C1', pg_temp.line('Z', 1, 0.333333333333333333333333333333), NULL, 0.33, 0, 0);
CREATE TEMP TABLE priced AS SELECT a.*, o2c.place_order(customer, lines, charges => charges) AS order_id FROM amounts a;
SELECT is((o.line_amount, o.charge_amount, o.net_amount, o.tax_amount, o.total_amount),
          (p.line_amount, p.charge_amount, p.line_amount + p.charge_amount, p.tax_amount, p.line_amount + p.charge_amount + p.tax_amount), p.label)
FROM priced p JOIN o2c.sales_order o ON o.company_id = 1 AND o.order_id = p.order_id ORDER BY p.order_id;
SELECT is_empty('SELECT order_id FROM o2c.sales_order o JOIN o2c.order_line l USING (company_id, order_id) GROUP BY company_id, order_id
                 HAVING sum(l.tax_amount) <> min(o.tax_amount) OR sum(l.net_amount) <> min(o.net_amount)', 'the lines sum up to the order');
SELECT is((SELECT array_agg(tax_amount ORDER BY line_no) FROM o2c.order_line WHERE order_id = (SELECT min(order_id) FROM priced)),
          '{1.91,1.91,1.90}', 'the tax of the category is shared over its lines');
SELECT results_eq('SELECT DISTINCT state FROM o2c.sales_order', $$VALUES ('confirmed')$$, 'without limits every order is confirmed');

-- What the caller says, and what is filled in.
SELECT o2c.place_order('T1', pg_temp.line('S19', 1)) AS plain \gset
SELECT is((SELECT (ordered_on, requested_on, po_number, currency, payment_terms::text, location, attributes, created_by)::text FROM o2c.sales_order WHERE order_id = :plain),
          format('(2026-03-02,,,EUR,"net 10",MAIN,{},%s)', current_user), 'defaults');
SELECT o2c.place_order('C1', pg_temp.line('S19', 1, 2), po_number => ' 4711 ', requested_on => '2026-04-01', ordered_on => '2026-02-28',
                       currency => 'USD', payment_terms => '2/10 net 30', attributes => '{"channel": "web"}') AS full_order \gset
SELECT is((SELECT (ordered_on, requested_on, po_number, currency, payment_terms::text, attributes)::text FROM o2c.sales_order WHERE order_id = :full_order),
          '(2026-02-28,2026-04-01,4711,USD,"2/10 net 30","{""channel"": ""web""}")', 'given values');
SELECT is((SELECT payment_terms::text FROM o2c.sales_order WHERE order_id = (SELECT max(order_id) FROM priced)), 'net 30', 'terms of the company');
SELECT matches((SELECT number FROM o2c.sales_order WHERE order_id = :plain), '^SO-[0-9]{6}$', 'a number');
SELECT is((SELECT count(DISTINCT number) FROM o2c.sales_order), (SELECT count(*) FROM o2c.sales_order), 'each its own');

-- What callers get wrong.
CREATE TEMP TABLE wrong (label text, code text, arguments text);
INSERT INTO wrong VALUES
    ('no customer', 'OC002', $$NULL, pg_temp.line('S19', 1)$$),
    ('no lines', 'OC002', $$'C1', NULL$$),
    ('unknown customer', 'OC001', $$'nobody', pg_temp.line('S19', 1)$$),
    ('empty customer', 'OC001', $$'', pg_temp.line('S19', 1)$$),
    ('a customer of another company', 'OC001', $$'ONLY2', pg_temp.line('S19', 1)$$),
    ('an inactive customer', 'OC101', $$'OLD', pg_temp.line('S19', 1)$$),
    ('a long name', 'OC001', $$repeat('x', 100000), pg_temp.line('S19', 1)$$),
    ('lines that are an object', 'OC002', $$'C1', '{"sku": "S19", "quantity": 1}'$$),
    ('lines that are a number', 'OC002', $$'C1', '1'$$),
    ('lines that are a string', 'OC002', $$'C1', '"S19"'$$),
    ('lines that are null', 'OC002', $$'C1', 'null'$$),
    ('an empty array', 'OC002', $$'C1', '[]'$$),
    ('an array of numbers', 'OC002', $$'C1', '[1]'$$),
    ('an array of arrays', 'OC002', $$'C1', '[[]]'$$),
    ('an array with a null', 'OC002', $$'C1', '[null]'$$),
    ('an empty line', 'OC002', $$'C1', '[{}]'$$),
    ('a line without quantity', 'OC002', $$'C1', '[{"sku": "S19"}]'$$),
    ('a line without sku', 'OC002', $$'C1', '[{"quantity": 1}]'$$),
    ('a null sku', 'OC002', $$'C1', '[{"sku": null, "quantity": 1}]'$$),
    ('a sku that is a number', 'OC002', $$'C1', '[{"sku": 19, "quantity": 1}]'$$),
    ('a quantity that is a string', 'OC002', $$'C1', '[{"sku": "S19", "quantity": "1"}]'$$),
    ('a quantity that is an object', 'OC002', $$'C1', '[{"sku": "S19", "quantity": {}}]'$$),
    ('quantity zero', 'OC002', $$'C1', pg_temp.line('S19', 0)$$),
    ('quantity below zero', 'OC002', $$'C1', pg_temp.line('S19', -1)$$),
    ('price below zero', 'OC002', $$'C1', pg_temp.line('S19', 1, -0.01)$$),
    ('discount below zero', 'OC002', $$'C1', pg_temp.line('S19', 1, 1, -1)$$),
    ('discount above a hundred', 'OC002', $$'C1', pg_temp.line('S19', 1, 1, 100.01)$$),
    ('a misspelt key', 'OC002', $$'C1', '[{"sku": "S19", "quantity": 1, "price": 3}]'$$),
    ('a long key', 'OC002', $$'C1', jsonb_build_array(jsonb_build_object('sku', 'S19', 'quantity', 1, repeat('k', 100000), 1))$$),
    ('an unknown product', 'OC001', $$'C1', pg_temp.line('nothing', 1)$$),
    ('one unknown product of two', 'OC001', $$'C1', pg_temp.line('S19', 1) || pg_temp.line('nothing', 1)$$),
    ('a product of another company', 'OC001', $$'C1', pg_temp.line('ONLY2', 1)$$),
    ('an inactive product', 'OC101', $$'C1', pg_temp.line('OLD', 1)$$),
    ('no price in that currency', 'OC004', $$'C1', pg_temp.line('USD', 1)$$),
    ('no price in the order''s currency', 'OC004', $$'C1', pg_temp.line('S19', 1), currency => 'USD'$$),
    ('an unknown currency', 'OC001', $$'C1', pg_temp.line('S19', 1), currency => 'XXX'$$),
    ('malformed terms', 'OC201', $$'C1', pg_temp.line('S19', 1), payment_terms => 'some day'$$),
    ('an infinite order date', 'OC002', $$'C1', pg_temp.line('S19', 1), ordered_on => 'infinity'$$),
    ('an infinite requested date', 'OC002', $$'C1', pg_temp.line('S19', 1), requested_on => '-infinity'$$),
    ('charges that are an object', 'OC002', $$'C1', pg_temp.line('S19', 1), charges => '{"reason": "x", "amount": 1}'$$),
    ('a charge without reason', 'OC002', $$'C1', pg_temp.line('S19', 1), charges => '[{"amount": 1}]'$$),
    ('a charge without amount', 'OC002', $$'C1', pg_temp.line('S19', 1), charges => '[{"reason": "x"}]'$$),
    ('a negative charge', 'OC002', $$'C1', pg_temp.line('S19', 1), charges => '[{"reason": "x", "amount": -1}]'$$),
    ('a misspelt key of a charge', 'OC002', $$'C1', pg_temp.line('S19', 1), charges => '[{"reason": "x", "amount": 1, "tax": 19}]'$$),
    ('a tax rate above a hundred', 'OC002', $$'C1', pg_temp.line('S19', 1), charges => '[{"reason": "x", "amount": 1, "tax_rate": 101}]'$$),
    ('a category that has no rate', 'OC002', $$'C1', pg_temp.line('S19', 1), charges => '[{"reason": "x", "amount": 1, "tax_rate": 19, "tax_category": "E"}]'$$),
    ('an unknown category', 'OC002', $$'C1', pg_temp.line('S19', 1), charges => '[{"reason": "x", "amount": 1, "tax_category": "Q"}]'$$),
    ('an unknown place', '23503', $$'C1', pg_temp.line('S19', 1), location => 'nowhere'$$),
    ('an unknown company', 'OC001', $$'C1', pg_temp.line('S19', 1), company_id => 99$$),
    ('a negative company', 'OC001', $$'C1', pg_temp.line('S19', 1), company_id => -9223372036854775808$$);
SELECT throws_ok(format('SELECT o2c.place_order(%s)', arguments), code, NULL, label) FROM wrong;

-- Purchase order numbers.
SELECT throws_ok($$SELECT o2c.place_order('PO', pg_temp.line('S19', 1))$$, 'OC006', NULL, 'a number is required');
SELECT throws_ok($$SELECT o2c.place_order('PO', pg_temp.line('S19', 1), po_number => '  ')$$, 'OC006', NULL, 'blanks are none');
SELECT o2c.place_order('PO', pg_temp.line('S19', 1), po_number => 'a-1') AS with_po \gset
SELECT throws_ok($$SELECT o2c.place_order('PO', pg_temp.line('S19', 1), po_number => 'A-1')$$, 'OC003', NULL, 'the same number again, in capitals');
SELECT lives_ok($$SELECT o2c.place_order('C2', pg_temp.line('S19', 1), po_number => 'A-1')$$, 'the same number from somebody else');
SELECT lives_ok($$SELECT o2c.place_order('BL', pg_temp.line('S19', 1), po_number => 'B'), o2c.place_order('BL', pg_temp.line('S19', 1), po_number => 'B')$$,
                'a blanket order');
UPDATE o2c.sales_order SET state = 'cancelled' WHERE order_id = :with_po;
SELECT lives_ok($$SELECT o2c.place_order('PO', pg_temp.line('S19', 1), po_number => 'A-1')$$, 'the number of a cancelled order is free again');

-- Sent twice, entered once.
SELECT o2c.place_order('C1', pg_temp.line('S19', 1), idempotency_key => 'k1') AS first \gset
SELECT is(o2c.place_order('C1', pg_temp.line('S19', 1), idempotency_key => 'k1'), :first::bigint, 'the same key gives the same order');
SELECT is((SELECT count(*) FROM o2c.command WHERE key = 'k1'), 1::bigint, 'remembered once');
SELECT isnt(o2c.place_order('C1', pg_temp.line('S19', 1), idempotency_key => 'k2'), :first::bigint, 'another key, another order');
SELECT isnt(o2c.place_order('C1', pg_temp.line('S19', 1)), o2c.place_order('C1', pg_temp.line('S19', 1)), 'without a key nothing is remembered');
SELECT throws_ok($$SELECT o2c.place_order('C1', pg_temp.line('S19', 2), idempotency_key => 'k1')$$, 'OC003', NULL, 'the key with other lines');
SELECT throws_ok($$SELECT o2c.place_order('C2', pg_temp.line('S19', 1), idempotency_key => 'k1')$$, 'OC003', NULL, 'the key with another customer');
SELECT throws_ok($$SELECT o2c.place_order('C1', pg_temp.line('S19', 1), po_number => 'new', idempotency_key => 'k1')$$, 'OC003', NULL, 'the key with another purchase order');
SELECT throws_ok($$SELECT o2c.place_order('C1', pg_temp.line('S19', 1), charges => '[{"reason": "x", "amount": 1}]', idempotency_key => 'k1')$$, 'OC003', NULL, 'the key with charges');
SELECT throws_ok(format($$SELECT o2c.ship_order(%s, idempotency_key => 'k1')$$, :first), 'OC003', NULL, 'the key with another command');
SELECT throws_ok($$SELECT o2c.place_order('C1', pg_temp.line('nothing', 1), idempotency_key => 'k3')$$, 'OC001', NULL, 'a failed command');
SELECT lives_ok($$SELECT o2c.place_order('C1', pg_temp.line('S19', 1), idempotency_key => 'k3')$$, 'leaves its key free');
SELECT lives_ok($$SELECT o2c.place_order('C1', pg_temp.line('S19', 1), idempotency_key => 'k1', company_id => 2)$$, 'each company has keys of its own');

-- Two companies side by side.
SELECT o2c.place_order('C1', pg_temp.line('S19', 2), company_id => 2) AS theirs \gset
SELECT is((SELECT (company_id, currency, total_amount)::text FROM o2c.sales_order WHERE order_id = :theirs), '(2,USD,14.00)', 'named in the call');
SET LOCAL o2c.company = 2;
SELECT o2c.place_order('C1', pg_temp.line('S19', 3)) AS theirs \gset
SELECT is((SELECT (company_id, currency, total_amount)::text FROM o2c.sales_order WHERE order_id = :theirs), '(2,USD,21.00)', 'or by the setting');
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :first), 'OC001', NULL, 'an order of another company is not there');
SET LOCAL o2c.company = 1;
SELECT is((SELECT count(*) FROM o2c.order_line l JOIN o2c.sales_order o USING (order_id) WHERE l.company_id <> o.company_id), 0::bigint, 'nothing got mixed up');

-- The life of an order: what may be asked of it in each state.
CREATE FUNCTION pg_temp.draft(filled boolean DEFAULT true) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE id bigint;
BEGIN
    INSERT INTO o2c.sales_order (customer_id, currency, payment_terms)
    SELECT customer_id, 'EUR', 'net 30' FROM o2c.customer WHERE company_id = 1 AND code = 'C1' RETURNING order_id INTO id;
    IF filled THEN
        INSERT INTO o2c.order_line (order_id, line_no, product_id, description, quantity, unit_price, net_amount, tax_category, tax_rate, tax_amount)
        SELECT id, 1, product_id, name, 2, 10, 20, 'S', 19, 3.80 FROM o2c.product WHERE company_id = 1 AND sku = 'S19';
    END IF;
    RETURN id;
END $$;
CREATE FUNCTION pg_temp.ask("order" bigint, state text) RETURNS text LANGUAGE sql AS
$$UPDATE o2c.sales_order SET state = $2 WHERE company_id = 1 AND order_id = $1 RETURNING state$$;
SELECT is((SELECT (state, number, total_amount)::text FROM o2c.sales_order WHERE order_id = pg_temp.draft()), NULL, 'a draft is not seen by the statement that makes it');
SELECT pg_temp.draft() AS draft \gset
SELECT is((SELECT (state, number, total_amount)::text FROM o2c.sales_order WHERE order_id = :draft), '(draft,,0)', 'a draft has no number and no totals');
SELECT is(pg_temp.ask(:draft, 'submitted'), 'confirmed', 'submitting it decides');
SELECT is((SELECT (line_amount, tax_amount, total_amount)::text FROM o2c.sales_order WHERE order_id = :draft), '(20,3.80,23.80)', 'and derives the totals');
SELECT is((SELECT confirmed_quantity FROM o2c.order_line WHERE order_id = :draft), 2::numeric, 'its quantities are in force');
SELECT is(pg_temp.ask(pg_temp.draft(), 'confirmed'), 'confirmed', 'asking to confirm a draft submits it');
SELECT throws_ok(format('SELECT pg_temp.ask(%s, %L)', pg_temp.draft(), s), 'OC101', NULL, 'no draft becomes ' || s)
FROM (VALUES ('held'), ('refused'), ('completed')) v (s);
SELECT throws_ok(format('SELECT pg_temp.ask(%s, %L)', :draft, s), 'OC101', NULL, 'no confirmed order becomes ' || s)
FROM (VALUES ('draft'), ('submitted'), ('held'), ('refused'), ('completed')) v (s);
SELECT throws_ok(format('SELECT pg_temp.ask(%s, %L)', :draft, 'shipped'), 'OC101', NULL, 'there is no such state');
SELECT throws_ok(format('SELECT pg_temp.ask(%s, NULL)', :draft), 'OC101', NULL, 'no state is no state');
SELECT throws_ok(format('SELECT pg_temp.ask(%s, %L)', pg_temp.draft(false), 'submitted'), 'OC101', NULL, 'an order without lines');
SELECT throws_ok($$INSERT INTO o2c.sales_order (customer_id, currency, payment_terms, state) SELECT customer_id, 'EUR', 'net 30', 'confirmed' FROM o2c.customer WHERE code = 'C2'$$,
                 'OC101', NULL, 'nothing begins as confirmed');
SELECT is(pg_temp.ask(:draft, 'cancelled'), 'cancelled', 'cancelling');
SELECT is((SELECT (confirmed_quantity, reserved_quantity, cancelled_quantity)::text FROM o2c.order_line WHERE order_id = :draft), '(0,0,2)', 'takes everything back');
SELECT throws_ok(format('SELECT pg_temp.ask(%s, %L)', :draft, s), 'OC101', NULL, 'a cancelled order does not become ' || s)
FROM (VALUES ('draft'), ('submitted'), ('confirmed'), ('completed')) v (s);
SELECT is(pg_temp.ask(pg_temp.draft(), 'cancelled'), 'cancelled', 'a draft is cancelled');

-- Written directly, by the owner of the tables.
CREATE TEMP TABLE direct (label text, code text, statement text);
INSERT INTO direct VALUES
    ('the customer of an order', 'OC102', 'UPDATE o2c.sales_order SET customer_id = customer_id + 1 WHERE order_id = %s'),
    ('the total of an order', 'OC102', 'UPDATE o2c.sales_order SET total_amount = 1, net_amount = 1, line_amount = 1, tax_amount = 0 WHERE order_id = %s'),
    ('the currency of an order', 'OC102', 'UPDATE o2c.sales_order SET currency = ''USD'' WHERE order_id = %s'),
    ('the number of an order', 'OC102', 'UPDATE o2c.sales_order SET number = ''X'' WHERE order_id = %s'),
    ('the date of an order', 'OC102', 'UPDATE o2c.sales_order SET ordered_on = ordered_on - 1 WHERE order_id = %s'),
    ('the rate at which credit was taken', 'OC102', 'UPDATE o2c.sales_order SET credit_rate = 2 WHERE order_id = %s'),
    ('the company of an order', 'OC102', 'UPDATE o2c.sales_order SET company_id = 2 WHERE order_id = %s'),
    ('deleting an order', 'OC102', 'DELETE FROM o2c.sales_order WHERE order_id = %s'),
    ('the quantity of a line', 'OC102', 'UPDATE o2c.order_line SET quantity = 5 WHERE order_id = %s'),
    ('the price of a line', 'OC102', 'UPDATE o2c.order_line SET unit_price = 0 WHERE order_id = %s'),
    ('the quantity in force', 'OC102', 'UPDATE o2c.order_line SET confirmed_quantity = 0 WHERE order_id = %s'),
    ('the shipped quantity', 'OC102', 'UPDATE o2c.order_line SET shipped_quantity = confirmed_quantity WHERE order_id = %s'),
    ('the invoiced quantity', 'OC102', 'UPDATE o2c.order_line SET invoiced_quantity = 1 WHERE order_id = %s'),
    ('deleting a line', 'OC102', 'DELETE FROM o2c.order_line WHERE order_id = %s'),
    ('a new line in a confirmed order', 'OC101', 'INSERT INTO o2c.order_line (order_id, line_no, kind, description, quantity, unit_price, net_amount, tax_category, tax_rate, tax_amount) VALUES (%s, 99, ''charge'', ''late'', 1, 1, 1, ''Z'', 0, 0)'),
    ('a line with counters', 'OC102', 'INSERT INTO o2c.order_line (order_id, line_no, kind, description, quantity, unit_price, net_amount, tax_category, tax_rate, tax_amount, shipped_quantity) VALUES (%s, 99, ''charge'', ''late'', 1, 1, 1, ''Z'', 0, 0, 1)');
SELECT throws_ok(format(statement, :first), code, NULL, label) FROM direct;
SELECT lives_ok(format('UPDATE o2c.sales_order SET requested_on = ''2026-05-01'', po_number = ''late'', attributes = ''{"a": 1}'' WHERE order_id = %s', :first),
                'what is free to change, changes');

-- Every change of state is an event of the order.
SELECT is((SELECT array_agg(activity ORDER BY event_id) FROM o2c.event WHERE company_id = 1 AND order_id = :with_po),
          '{sales_order.confirmed,sales_order.cancelled}', 'events of a cancelled order');
SELECT is((SELECT (before, after, object_type, actor)::text FROM o2c.event WHERE company_id = 1 AND order_id = :with_po ORDER BY event_id DESC LIMIT 1),
          format('("{""state"": ""confirmed""}","{""state"": ""cancelled""}",sales_order,%s)', current_user), 'with what was before and after, and who did it');

SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
