-- verify(): each check finds what it is there for, and nothing else.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(53);

SELECT o2c.create_company('Acme', 'EUR') AS acme \gset
SELECT o2c.create_company('Other', 'EUR') AS other \gset
SELECT set_config('o2c.company', :'acme', true) AS company \gset

-- As damage is done: behind the back of every trigger and foreign key.
SET LOCAL session_replication_role = replica;
INSERT INTO o2c.customer (customer_id, code, name, currency, group_id, parent_customer_id) VALUES
    (1, 'C1', 'Top', 'EUR', 1, NULL), (2, 'C2', 'Leaf', 'EUR', 1, 1), (3, 'C3', 'Other', 'EUR', 3, NULL);
INSERT INTO o2c.credit_account (credit_account_id, customer_id, currency, ordered) VALUES (1, 1, 'EUR', 21.398), (3, 3, 'EUR', 0);
INSERT INTO o2c.customer_credit (company_id, customer_id, credit_account_id) VALUES (:acme, 1, 1), (:acme, 2, 1), (:acme, 3, 3);
INSERT INTO o2c.product (product_id, sku, name) VALUES (1, 'P1', 'Part');
INSERT INTO o2c.location (location) VALUES ('MAIN') ON CONFLICT DO NOTHING;
INSERT INTO o2c.stock (product_id, location, on_hand, reserved) VALUES (1, 'MAIN', 7, 2);
INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) VALUES (1, 'MAIN', 'receipt', 10), (1, 'MAIN', 'shipment', -3);
INSERT INTO o2c.sales_order (order_id, number, customer_id, state, currency, payment_terms, line_amount, charge_amount, net_amount, tax_amount, total_amount)
VALUES (1, 'SO-1', 2, 'confirmed', 'EUR', 'net 30', 89.91, 5, 94.91, 18.03, 112.94), (2, NULL, 3, 'draft', 'EUR', 'net 30', 0, 0, 0, 0, 0);
INSERT INTO o2c.order_line (order_id, line_no, kind, product_id, description, quantity, unit_price, discount_percent, net_amount, tax_category,
    tax_rate, tax_amount, confirmed_quantity, reserved_quantity, shipped_quantity, invoiced_quantity)
VALUES (1, 1, 'item', 1, 'Part', 10, 9.99, 10, 89.91, 'S', 19, 17.08, 5, 2, 3, 3), (1, 2, 'charge', NULL, 'Freight', 1, 5, 0, 5, 'S', 19, 0.95, 1, 0, 1, 1);
INSERT INTO o2c.shipment (shipment_id, number, order_id, customer_id, shipped_on) VALUES (1, 'SH-1', 1, 2, '2026-01-02');
INSERT INTO o2c.shipment_line (shipment_id, line_no, order_id, quantity, invoiced_quantity) VALUES (1, 1, 1, 3, 3);
INSERT INTO o2c.invoice (invoice_id, number, customer_id, state, invoiced_on, currency, line_amount, charge_amount, net_amount, tax_amount, total_amount)
VALUES (1, 'INV-000001', 2, 'posted', '2026-01-02', 'EUR', 26.97, 5, 31.97, 6.07, 38.04),
       (2, 'INV-000002', 2, 'posted', '2026-01-02', 'EUR', 0, 0, 0, 0, 0), (3, 'INV-000003', 2, 'posted', '2026-01-02', 'EUR', 0, 0, 0, 0, 0);
INSERT INTO o2c.invoice_line (invoice_id, line_no, kind, order_id, order_line_no, description, quantity, unit_price, discount_percent, net_amount, tax_category, tax_rate)
VALUES (1, 1, 'item', 1, 1, 'Part', 3, 9.99, 10, 26.97, 'S', 19), (1, 2, 'charge', 1, 2, 'Freight', 1, 5, 0, 5, 'S', 19);
INSERT INTO o2c.invoice_tax (invoice_id, tax_category, tax_rate, taxable_amount, tax_amount) VALUES (1, 'S', 19, 31.97, 6.07);
UPDATE o2c.number_series SET last_number = 3 WHERE company_id = :acme AND series = 'invoice';

-- What a check finds after a statement, which is then undone.
CREATE FUNCTION pg_temp.finds(statement text, checks regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    BEGIN
        EXECUTE statement;
        EXECUTE format('SELECT string_agg(concat_ws('' | '', check_name, object, expected, found), E''\n'' ORDER BY check_name, object) FROM %s', checks)
        INTO found;
        RAISE EXCEPTION SQLSTATE 'XX999';
    EXCEPTION WHEN SQLSTATE 'XX999' THEN
        RETURN coalesce(found, 'nothing');
    END;
END $$;

CREATE TEMP TABLE damage (checks text, statement text, finding text);
INSERT INTO damage VALUES
    ('o2c.verify_stock', 'UPDATE o2c.stock SET on_hand = 8', 'stock on hand | product P1 at MAIN | 7 | 8'),
    ('o2c.verify_stock', 'DELETE FROM o2c.stock_movement WHERE quantity < 0', 'stock on hand | product P1 at MAIN | 10 | 7'),
    ('o2c.verify_stock', 'UPDATE o2c.stock SET reserved = 1', 'stock reserved | product P1 at MAIN | 2 | 1'),
    ('o2c.verify_stock', 'DELETE FROM o2c.stock', 'stock reserved | product P1 at MAIN | 2 | 0'),
    ('o2c.verify_stock', 'UPDATE o2c.sales_order SET location = ''NORTH'' WHERE order_id = 1',
        E'stock reserved | product P1 at MAIN | 0 | 2\nstock reserved | product P1 at NORTH | 2 | 0'),
    ('o2c.verify_exposure_orders', 'UPDATE o2c.credit_account SET ordered = 21 WHERE credit_account_id = 1',
        'exposure of orders | credit account of customer C1 | ordered 21.3980, shipped 0.0000 | ordered 21, shipped 0'),
    ('o2c.verify_exposure_orders', 'UPDATE o2c.credit_account SET shipped = 1 WHERE credit_account_id = 3',
        'exposure of orders | credit account of customer C3 | ordered 0, shipped 0 | ordered 0, shipped 1'),
    ('o2c.verify_exposure_orders', 'UPDATE o2c.sales_order SET credit_rate = 2 WHERE order_id = 1',
        'exposure of orders | credit account of customer C1 | ordered 42.7960, shipped 0.0000 | ordered 21.398, shipped 0'),
    ('o2c.verify_cover', 'UPDATE o2c.sales_order SET prepaid_amount = 100 WHERE order_id = 1',
        'prepayment that covers exposure | order SO-1 | ordered 21.3980, shipped 0.0000 | ordered 0, shipped 0'),
    ('o2c.verify_exposure_orders', 'UPDATE o2c.sales_order SET prepaid_ordered = 1.398 WHERE order_id = 1',
        'exposure of orders | credit account of customer C1 | ordered 20.0000, shipped 0.0000 | ordered 21.398, shipped 0'),
    ('o2c.verify_prepayment', 'UPDATE o2c.sales_order SET prepaid_amount = 100 WHERE order_id = 1', 'prepayments of an order | order SO-1 | 0, used 0 | 100, used 0'),
    ('o2c.verify_prepayment', 'INSERT INTO o2c.open_item (item_id, customer_id, kind, effective_on, due_on, currency, amount, open_amount, allocated_amount)
        VALUES (90, 2, ''payment'', ''2026-01-02'', ''2026-01-02'', ''EUR'', -5, -5, 5)', 'payment kept for orders | open item 90 | 0 | 5'),
    ('o2c.verify_exposure_authorized', 'UPDATE o2c.credit_account SET authorized = 1 WHERE customer_id = 3', 'exposure authorized | credit account 3 | 0 | 1'),
    ('o2c.verify_exposure_authorized', 'INSERT INTO o2c.quotation (company_id, quotation_id, number, customer_id) VALUES (1, 1, ''QU-1'', 2)',
        'quotation and its order | quotation QU-1 | open, the order is quoted | open, the order is confirmed, 0 held'),
    ('o2c.verify_exposure_authorized', 'INSERT INTO o2c.quotation (company_id, quotation_id, number, customer_id, state, authorized, authorized_until) VALUES (1, 1, ''QU-1'', 2, ''accepted'', 5, now());
        UPDATE o2c.credit_account SET authorized = 5 WHERE credit_account_id = 1',
        'quotation and its order | quotation QU-1 | accepted, holds nothing | accepted, the order is confirmed, 5 held'),
    ('o2c.verify_credit_map', 'UPDATE o2c.customer_credit SET credit_account_id = 3 WHERE customer_id = 2', 'credit account in use | customer C2 | 1 | 3'),
    ('o2c.verify_credit_map', 'DELETE FROM o2c.customer_credit WHERE customer_id = 3', 'credit account in use | customer C3 | 3'),
    ('o2c.verify_credit_map', 'UPDATE o2c.customer SET parent_customer_id = 3 WHERE customer_id = 2', 'credit account in use | customer C2 | 3 | 1'),
    ('o2c.verify_credit_map', 'INSERT INTO o2c.credit_account (credit_account_id, customer_id, currency) VALUES (2, 2, ''EUR'')',
        'credit account in use | customer C2 | 2 | 1'),
    ('o2c.verify_customer_group', 'UPDATE o2c.customer SET group_id = 3 WHERE customer_id = 2', 'customer group | customer C2 | 1 | 3'),
    ('o2c.verify_customer_group', 'UPDATE o2c.customer SET group_id = 1 WHERE customer_id = 3', 'customer group | customer C3 | 3 | 1'),
    ('o2c.verify_order_total', 'UPDATE o2c.sales_order SET line_amount = 90.91, net_amount = 95.91, total_amount = 113.94 WHERE order_id = 1',
        'order total | order SO-1 | lines 89.91, charges 5, tax 18.03 | lines 90.91, charges 5, tax 18.03'),
    ('o2c.verify_order_total', 'UPDATE o2c.sales_order SET tax_amount = 1, total_amount = 1 WHERE order_id = 2', 'order total | order #2 | lines 0, charges 0, tax 0 | lines 0, charges 0, tax 1'),
    ('o2c.verify_order_total', 'UPDATE o2c.sales_order SET tax_amount = 1, total_amount = 1, number = ''SO-2'' WHERE order_id = 2',
        'order total | order SO-2 | lines 0, charges 0, tax 0 | lines 0, charges 0, tax 1'),
    ('o2c.verify_order_total', 'UPDATE o2c.order_line SET unit_price = 10 WHERE line_no = 1', 'order line | order SO-1 line 1 | 90.00 | 89.91'),
    ('o2c.verify_order_total', 'UPDATE o2c.order_line SET tax_rate = 20', 'order tax | order SO-1 tax S 20 % | 18.98 | 18.03'),
    ('o2c.verify_shipment', 'UPDATE o2c.order_line SET shipped_quantity = 4, reserved_quantity = 1 WHERE line_no = 1',
        'shipped quantity | order SO-1 line 1 | 3 | 4'),
    ('o2c.verify_shipment', 'DELETE FROM o2c.shipment_line', 'shipped quantity | order SO-1 line 1 | 0 | 3'),
    ('o2c.verify_shipment', 'UPDATE o2c.shipment SET order_id = 2', 'shipment of the order | shipment SH-1 line 1 | order 2 | order 1'),
    ('o2c.verify_invoice_total', 'UPDATE o2c.invoice SET line_amount = 25.97, net_amount = 30.97, total_amount = 37.04 WHERE invoice_id = 1',
        'invoice total | invoice INV-000001 | lines 26.97, charges 5, tax 6.07 | lines 25.97, charges 5, tax 6.07'),
    ('o2c.verify_invoice_total', 'UPDATE o2c.invoice SET tax_amount = 1, total_amount = 1 WHERE invoice_id = 2',
        'invoice total | invoice INV-000002 | lines 0, charges 0, tax 0 | lines 0, charges 0, tax 1'),
    ('o2c.verify_invoice_total', 'UPDATE o2c.invoice SET tax_amount = 1, total_amount = 1, imported = true WHERE invoice_id = 2', 'nothing'),
    ('o2c.verify_invoice_total', 'UPDATE o2c.invoice SET tax_amount = 1, total_amount = 1, state = ''draft'' WHERE invoice_id = 2', 'nothing'),
    ('o2c.verify_invoice_total', 'UPDATE o2c.invoice_line SET quantity = 4 WHERE line_no = 1', 'invoice line | invoice INV-000001 line 1 | 35.96 | 26.97'),
    ('o2c.verify_invoice_total', 'UPDATE o2c.invoice_tax SET taxable_amount = 30', 'invoice tax | invoice INV-000001 tax S 19 % | 6.07 of 31.97 | 6.07 of 30'),
    ('o2c.verify_invoice_total', 'UPDATE o2c.invoice_tax SET tax_rate = 7',
        E'invoice tax | invoice INV-000001 tax S 19 % | 6.07 of 31.97 | 0 of 0\ninvoice tax | invoice INV-000001 tax S 7 % | 0.00 of 0 | 6.07 of 31.97'),
    ('o2c.verify_invoiced_quantity', 'UPDATE o2c.order_line SET invoiced_quantity = 2 WHERE line_no = 1',
        'invoiced quantity | order SO-1 line 1 | invoiced 3, credited 0 | invoiced 2, credited 0'),
    ('o2c.verify_invoiced_quantity', 'UPDATE o2c.invoice SET kind = ''credit_note'' WHERE invoice_id = 1',
        E'invoiced quantity | order SO-1 line 1 | invoiced 0, credited 3 | invoiced 3, credited 0\n'
        'invoiced quantity | order SO-1 line 2 | invoiced 0, credited 1 | invoiced 1, credited 0'),
    ('o2c.verify_number_series', 'UPDATE o2c.number_series SET last_number = 4 WHERE series = ''invoice'' AND last_number = 3',
        'last number of a series | series invoice | 3 | 4'),
    ('o2c.verify_number_series', 'DELETE FROM o2c.invoice WHERE invoice_id = 2', 'gapless series | series invoice | numbers 2 to 2 | missing'),
    ('o2c.verify_number_series', 'UPDATE o2c.number_series SET prefix = ''R'' WHERE series = ''invoice''', 'nothing'),
    ('o2c.verify_number_series', 'UPDATE o2c.invoice SET number = ''INV-'' || 1000000 + invoice_id', 'last number of a series | series invoice | 1000003 | 3'),
    ('o2c.verify_hold', 'INSERT INTO o2c.hold (hold_id, customer_id, order_id, reason) VALUES (1, 3, 1, ''why'')',
        'hold of the order''s customer | hold 1 | customer 2 | customer 3'),
    ('o2c.verify_hold_of_ended', 'INSERT INTO o2c.hold (hold_id, customer_id, order_id, reason) VALUES (1, 2, 1, ''why''); UPDATE o2c.sales_order SET state = ''completed'' WHERE order_id = 1',
        'hold of an order that ended | hold 1 | released | open, order SO-1 is completed'),
    ('o2c.verify_order_total', 'UPDATE o2c.order_line SET closed_quantity = 1 WHERE line_no = 1', 'closed quantity | order SO-1 line 1 | 0 to 0 | 1'),
    ('o2c.verify_hold', 'UPDATE o2c.sales_order SET state = ''held'' WHERE order_id = 1', 'held order has an open hold | order SO-1 | an open hold | none'),
    ('o2c.verify_hold', 'INSERT INTO o2c.hold (customer_id, reason) VALUES (1, ''all of them''); UPDATE o2c.sales_order SET state = ''held'' WHERE order_id = 1',
        'nothing');

SELECT is(pg_temp.finds(statement, checks::regclass), finding, statement) FROM damage;

-- The function that reads them all.
CREATE VIEW public.my_check AS
    SELECT v.company_id, 'mine'::varchar AS check_name, 'thing'::name AS object, 1 AS expected, NULL::text AS found
    FROM o2c.company v;
SAVEPOINT mine;
DELETE FROM o2c.verification;
INSERT INTO o2c.verification VALUES ('a', 'public.my_check'), ('b', 'public.gone');
SELECT results_eq(format('SELECT check_name, object, expected, found FROM o2c.verify(%s)', :other),
    $$ VALUES ('mine', 'thing', '1', NULL), ('b', 'public.gone', 'a relation', 'missing') $$,
    'a user''s own check is read, of one company; one that is gone is reported');
SELECT results_eq('SELECT object FROM o2c.verify()',
    format($$ VALUES ('company %s: thing'), ('company %s: thing'), ('public.gone') $$, :acme, :other),
    'of all companies, with their ids');
SELECT is_empty('SELECT * FROM o2c.verify(-1) WHERE check_name <> ''b''', 'no company, no findings');
INSERT INTO o2c.verification VALUES ('c', 'o2c.company');
SELECT throws_ok('SELECT * FROM o2c.verify()', '42703', NULL, 'a relation without the columns is an error');
ROLLBACK TO mine;
SELECT is((SELECT provolatile FROM pg_proc WHERE oid = 'o2c.verify(bigint)'::regprocedure), 's', 'verify() only reads');
SET LOCAL transaction_read_only = on;
SELECT lives_ok('SELECT * FROM o2c.verify()', 'also where nothing may be written');

SELECT * FROM finish();
ROLLBACK;
