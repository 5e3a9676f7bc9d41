-- Invoices: what goes on one, tax, numbers, posting, and what never changes afterwards.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(95);

SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'JPY');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name, invoice_per) VALUES ('SHIP', 'Per shipment', 'shipment'), ('ORDER', 'Per order', 'order'), ('CUST', 'Collective', 'customer'), ('PAYER', 'Pays for others', 'customer');
INSERT INTO o2c.customer (code, name, bill_to_customer_id) SELECT v.code, v.code, c.customer_id FROM o2c.customer c, (VALUES ('KID1'), ('KID2')) v (code) WHERE c.code = 'PAYER';
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'SHIP', 'Elsewhere');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('USD', 'EUR', '2026-01-01', 0.9);
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, tax_category, stocked) VALUES ('S19', 'Standard', 10.03, 19, NULL, false), ('S7', 'Reduced', 5, 7, NULL, false), ('E', 'Exempt', 3, 0, 'E', false);
INSERT INTO o2c.product (company_id, sku, name, unit_price, tax_rate, stocked) VALUES (2, 'S19', 'Theirs', 50.5, 10, false);

CREATE FUNCTION pg_temp.buy(customer text, VARIADIC lines text[]) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order(customer, (SELECT jsonb_agg(jsonb_build_object('sku', split_part(l, ' ', 1), 'quantity', split_part(l, ' ', 2)::numeric)) FROM unnest(lines) l))$$;
CREATE FUNCTION pg_temp.ship("order" bigint, day date, what text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.ship_order("order", day, (SELECT jsonb_agg(jsonb_build_object('sku', split_part(l, ' ', 1), 'quantity', split_part(l, ' ', 2)::numeric)) FROM unnest(string_to_array(what, ', ')) l))$$;
CREATE FUNCTION pg_temp.bill(day date, customer text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$SELECT coalesce(string_agg(format('%s %s', b.customer, b.total), ', ' ORDER BY b.invoice_id), 'nothing') FROM o2c.bill(day, customer) b$$;

-- Tax once per category and rate.
CREATE TEMP TABLE taxed (label text, lines text[], net numeric, tax numeric, parts text);
INSERT INTO taxed VALUES
    ('three lines of one rate', '{S19 1,S19 1,S19 1}', 30.09, 5.72, 'S 19: 30.09 5.72'),
    ('one line of three', '{S19 3}', 30.09, 5.72, 'S 19: 30.09 5.72'),
    ('two rates and an exemption', '{S19 1,S7 3,E 1}', 28.03, 2.96, 'E 0: 3.00 0.00, S 7: 15.00 1.05, S 19: 10.03 1.91'),
    ('fractions', '{S19 0.333}', 3.34, 0.63, 'S 19: 3.34 0.63');
CREATE TEMP TABLE billed AS SELECT t.*, o.id AS order_id, pg_temp.ship(o.id, '2026-03-01') FROM taxed t, LATERAL (SELECT pg_temp.buy('SHIP', VARIADIC lines) AS id) o;
SELECT is((SELECT count(*)::int FROM o2c.bill('2026-03-01')), 4, 'an invoice per shipment');
SELECT is((SELECT (i.net_amount, i.tax_amount, i.total_amount) FROM o2c.invoice i WHERE i.order_id = b.order_id), (b.net, b.tax, b.net + b.tax), b.label) FROM billed b;
SELECT is((SELECT string_agg(format('%s %s: %s %s', tax_category, tax_rate, round(taxable_amount, 2), round(t.tax_amount, 2)), ', ' ORDER BY tax_rate)
           FROM o2c.invoice_tax t JOIN o2c.invoice i USING (company_id, invoice_id) WHERE i.order_id = b.order_id), b.parts, b.label || ': the tax') FROM billed b;
SELECT is((SELECT array_agg(number ORDER BY invoice_id) FROM o2c.invoice), '{INV-000001,INV-000002,INV-000003,INV-000004}', 'numbers without gaps');
SELECT results_eq('SELECT DISTINCT state, invoiced_on, due_on, payment_terms::text FROM o2c.invoice', $$VALUES ('posted', date '2026-03-01', date '2026-03-31', 'net 30')$$, 'posted, due by the terms');
SELECT results_eq('SELECT i.total_amount, o.amount, o.open_amount, o.due_on FROM o2c.invoice i JOIN o2c.open_item o USING (company_id, invoice_id) ORDER BY i.invoice_id LIMIT 1',
                  'VALUES (35.81, 35.81, 35.81, date ''2026-03-31'')', 'an open item each');
SELECT results_eq('SELECT DISTINCT state FROM o2c.sales_order', $$VALUES ('completed')$$, 'shipped and billed orders are completed');
SELECT is(pg_temp.bill('2026-12-31'), 'nothing', 'nothing is billed twice');
SELECT is((SELECT array_agg(activity ORDER BY event_id) FROM o2c.event WHERE order_id = (SELECT min(order_id) FROM billed)),
          '{sales_order.confirmed,shipment.shipped,invoice.posted,sales_order.completed}', 'all of it is in the log');

-- What goes on one invoice.
CREATE FUNCTION pg_temp.sell(customer text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE a bigint := pg_temp.buy(customer, 'E 3', 'S7 1'); b bigint := pg_temp.buy(customer, 'E 1');
BEGIN
    PERFORM pg_temp.ship(a, '2026-04-01', 'E 1'), pg_temp.ship(b, '2026-04-02'), pg_temp.ship(a, '2026-04-03');
END $$;
SELECT pg_temp.sell(c) FROM unnest('{SHIP,ORDER,CUST}'::text[]) c \g /dev/null
SELECT is(pg_temp.bill('2026-03-31'), 'nothing', 'nothing left in March');
SELECT is((SELECT array_agg(total ORDER BY total) FROM o2c.bill('2026-04-30', 'SHIP')), '{3.00,3.00,11.35}', 'three shipments of two orders: three invoices');
SELECT is((SELECT array_agg(total ORDER BY total) FROM o2c.bill('2026-04-30', 'ORDER')), '{3.00,14.35}', 'two orders: two invoices');
SELECT is(pg_temp.bill('2026-04-02', 'CUST'), 'CUST 6.00', 'a customer: one invoice, of what left until then');
SELECT is(pg_temp.bill('2026-04-30'), 'CUST 11.35', 'and one of the rest');
SELECT is((SELECT array_agg(order_id IS NULL ORDER BY invoice_id) FROM o2c.invoice i JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'CUST'), '{t,f}', 'an invoice of several orders names none');

-- Somebody else pays.
SELECT pg_temp.ship(pg_temp.buy('KID1', 'E 1'), '2026-04-01'), pg_temp.ship(pg_temp.buy('KID2', 'E 2'), '2026-04-01') \g /dev/null
SELECT is((SELECT string_agg(format('%s %s', b.customer, b.total), ', ' ORDER BY total) FROM o2c.bill('2026-04-30') b), 'PAYER 3.00, PAYER 6.00', 'the payer gets the invoices');
SELECT is((SELECT count(*)::int FROM o2c.open_item i JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'PAYER'), 2, 'and owes them');
SELECT is((SELECT sum(ordered + shipped + receivable) FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code LIKE 'KID_'), 0::numeric, 'the buyers do not');

-- Currency, terms and purchase orders part invoices.
SELECT pg_temp.ship(o2c.place_order('CUST', '[{"sku": "E", "quantity": 1, "unit_price": 1}]', currency => c, payment_terms => t, po_number => p), '2026-05-01')
FROM (VALUES ('EUR', 'net 10', 'P1'), ('EUR', 'net 20', 'P2'), ('USD', 'net 10', 'P3'), ('EUR', 'net 10', 'P4')) v (c, t, p) \g /dev/null
SELECT is((SELECT count(*)::int FROM o2c.bill('2026-05-31')), 3, 'one invoice per currency and terms');
SELECT bag_eq('SELECT currency, payment_terms::text, due_on, po_number, total_amount FROM o2c.invoice WHERE invoiced_on = ''2026-05-31''',
              $$VALUES ('EUR', 'net 10', date '2026-06-10', NULL, 2.00), ('EUR', 'net 20', '2026-06-20', 'P2', 1.00), ('USD', 'net 10', '2026-06-10', 'P3', 1.00)$$, 'with what they have in common');
SELECT pg_temp.ship(o2c.place_order('SHIP', '[{"sku": "E", "quantity": 1, "unit_price": 100}]', payment_terms => '40@net 10, 60@net 40'), '2026-06-01') \g /dev/null
SELECT pg_temp.bill('2026-06-01') \g /dev/null
SELECT results_eq('SELECT instalment, due_on, amount FROM o2c.open_item WHERE effective_on = ''2026-06-01'' ORDER BY 1', $$VALUES (1, date '2026-06-11', 40.00), (2, '2026-07-11', 60.00)$$, 'instalments by the terms');
SELECT is((SELECT due_on FROM o2c.invoice WHERE invoiced_on = '2026-06-01'), '2026-07-11'::date, 'the invoice is due with the last');
SELECT pg_temp.ship(o2c.place_order('SHIP', '[{"sku": "E", "quantity": 1, "unit_price": 0}]'), '2026-06-02') \g /dev/null
SELECT is(pg_temp.bill('2026-06-02'), 'SHIP 0.00', 'an invoice of nothing');
SELECT is((SELECT state FROM o2c.invoice WHERE invoiced_on = '2026-06-02'), 'paid', 'is paid');
SELECT pg_temp.ship(o2c.place_order('SHIP', '[{"sku": "E", "quantity": 1}]', charges => '[{"reason": "Freight", "amount": 4.9, "tax_rate": 19}]'), '2026-06-03') \g /dev/null
SELECT pg_temp.bill('2026-06-03') \g /dev/null
SELECT is((SELECT (line_amount, charge_amount, net_amount, tax_amount, total_amount)::text FROM o2c.invoice WHERE invoiced_on = '2026-06-03'), '(3.00,4.90,7.90,0.93,8.83)', 'freight is a charge with its own tax');
SELECT is((SELECT array_agg(l.kind || ' ' || description ORDER BY line_no) FROM o2c.invoice_line l JOIN o2c.invoice i USING (company_id, invoice_id) WHERE invoiced_on = '2026-06-03'), '{"item Exempt","charge Freight"}', 'on a line of its own');

-- Holds do not stop a bill: the goods are gone.
SELECT pg_temp.ship(pg_temp.buy('SHIP', 'E 1'), '2026-07-01') \g /dev/null
INSERT INTO o2c.hold (customer_id, reason) SELECT customer_id, 'does not answer' FROM o2c.customer WHERE company_id = 1 AND code = 'SHIP';
SELECT is(pg_temp.bill('2026-07-01'), 'SHIP 3.00', 'billed in spite of a hold');

-- Two companies side by side.
SELECT o2c.ship_order(o2c.place_order('SHIP', '[{"sku": "S19", "quantity": 3}]', company_id => 2), '2026-07-01', company_id => 2) \g /dev/null
SELECT is(pg_temp.bill('2026-07-01'), 'nothing', 'the first company has nothing to bill');
SELECT is((SELECT (number, total)::text FROM o2c.bill('2026-07-01', company_id => 2)), '(INV-000001,167)', 'the other has, in its own series and currency');

-- Mistakes.
SELECT throws_ok(format('SELECT * FROM o2c.bill(%s)', a), c, NULL, l) FROM (VALUES
    ('''infinity''', 'OC002', 'an infinite day'), ('''2026-01-01'', ''nobody''', 'OC001', 'an unknown customer'), ('''2026-01-01'', ''''', 'OC001', 'an empty customer'),
    ('''2026-01-01'', ''CUST'', 2', 'OC001', 'a customer of another company')) v (a, c, l);
SELECT is(pg_temp.bill(NULL), 'nothing', 'no day is today');
SELECT is((SELECT count(*)::int FROM o2c.bill('2026-01-01', company_id => 99)), 0, 'an unknown company has nothing to bill');

-- A posted invoice never changes.
SELECT throws_ok(s, c, NULL, s) FROM (VALUES
    ('UPDATE o2c.invoice SET total_amount = 1, net_amount = 1, line_amount = 1, charge_amount = 0, tax_amount = 0', 'OC102'), ('UPDATE o2c.invoice SET number = ''X'' || number', 'OC102'),
    ('UPDATE o2c.invoice SET state = ''paid''', 'OC102'), ('UPDATE o2c.invoice SET state = ''draft''', 'OC102'), ('UPDATE o2c.invoice SET due_on = due_on + 30', 'OC102'),
    ('UPDATE o2c.invoice SET invoiced_on = invoiced_on - 1', 'OC102'), ('UPDATE o2c.invoice SET customer_id = customer_id + 1', 'OC102'), ('DELETE FROM o2c.invoice', 'OC102'),
    ('UPDATE o2c.invoice_line SET net_amount = 0', 'OC102'), ('DELETE FROM o2c.invoice_line', 'OC102'), ('UPDATE o2c.invoice_tax SET tax_amount = 0', 'OC102'), ('DELETE FROM o2c.invoice_tax', 'OC102'),
    ('UPDATE o2c.open_item SET amount = 0', 'OC102'), ('UPDATE o2c.open_item SET open_amount = 0', 'OC102'), ('DELETE FROM o2c.open_item', 'OC102'),
    ('INSERT INTO o2c.invoice_line (invoice_id, line_no, description, quantity, unit_price, net_amount, tax_category, tax_rate) SELECT min(invoice_id), 99, ''late'', 1, 1, 1, ''Z'', 0 FROM o2c.invoice', 'OC102'),
    ('INSERT INTO o2c.invoice_tax (invoice_id, tax_category, tax_rate, taxable_amount, tax_amount) SELECT min(invoice_id), ''Z'', 0, 1, 0 FROM o2c.invoice', 'OC102')) v (s, c);
SELECT lives_ok('UPDATE o2c.invoice SET attributes = ''{"sent": true}''', 'its free attributes may');

-- Credit notes.
SELECT pg_temp.ship(o2c.place_order('ORDER', '[{"sku": "S19", "quantity": 4}, {"sku": "E", "quantity": 2}]'), '2026-08-01') \g /dev/null
SELECT invoice_id AS invoice, number, total FROM o2c.bill('2026-08-01', 'ORDER') \gset
SELECT is(:total, 53.74, 'an invoice: 40.12 + 7.62 + 6');
SELECT throws_ok(format('SELECT o2c.credit_invoice(%s)', format(a, :invoice)), c, NULL, l) FROM (VALUES
    ('NULL', 'OC002', 'no invoice'), ('-1', 'OC001', 'an unknown invoice'), ('%s, ''2026-07-31''', 'OC002', 'before the invoice'), ('%s, ''infinity''', 'OC002', 'an infinite day'),
    ('%s, ''2026-08-02'', ''[{"line_no": 9}]''', 'OC001', 'an unknown line'), ('%s, ''2026-08-02'', ''[{"line_no": 1, "quantity": 4.01}]''', 'OC106', 'more than was billed'),
    ('%s, ''2026-08-02'', ''[{"line_no": 1, "quantity": 0}]''', 'OC106', 'none of it'), ('%s, ''2026-08-02'', ''{}''', 'OC002', 'lines that are no array'),
    ('%s, ''2026-08-02'', ''[{"line_no": 1, "amount": 1}]''', 'OC002', 'an unknown key'), ('%s, ''2026-08-02'', company_id => 2', 'OC001', 'another company''s invoice')) v (a, c, l);
SELECT o2c.credit_invoice(:invoice, '2026-08-02', '[{"line_no": 1, "quantity": 1}]', 'broken') AS note \gset
SELECT is((SELECT (kind, net_amount, tax_amount, total_amount, original_invoice_id, reason)::text FROM o2c.invoice WHERE invoice_id = :note), format('(credit_note,10.03,1.91,11.94,%s,broken)', :invoice), 'a credit note with its tax');
SELECT is((SELECT sum(open_amount) FROM o2c.open_item WHERE invoice_id = :invoice), 41.80, 'is taken off the invoice');
SELECT throws_ok(format('SELECT o2c.credit_invoice(%s, ''2026-08-02'', ''[{"line_no": 1, "quantity": 3.01}]'')', :invoice), 'OC106', NULL, 'what was credited is not credited again');
SELECT throws_ok(format('SELECT o2c.credit_invoice(%s)', :note), 'OC101', NULL, 'a credit note is not credited');
SELECT o2c.credit_invoice(:invoice, '2026-08-03', idempotency_key => 'c1') AS rest \gset
SELECT is(o2c.credit_invoice(:invoice, '2026-08-03', idempotency_key => 'c1'), :rest::bigint, 'sent twice, credited once');
SELECT is((SELECT (sum(total_amount), sum(tax_amount))::text FROM o2c.invoice WHERE original_invoice_id = :invoice), '(53.74,7.62)', 'together the credit notes are the invoice, although each has its tax rounded');
SELECT is((SELECT (state, (SELECT sum(open_amount) FROM o2c.open_item o WHERE o.invoice_id = i.invoice_id))::text FROM o2c.invoice i WHERE invoice_id = :invoice), '(paid,0.00)', 'which is settled');
SELECT is((SELECT sum(open_amount) FROM o2c.open_item WHERE invoice_id = :rest), 0.00, 'and no cent stays on account');
SELECT throws_ok(format('SELECT o2c.credit_invoice(%s, ''2026-08-04'')', :invoice), 'OC101', NULL, 'nothing is left to credit');

-- Credit notes together are never more than their invoice: 10 pieces at 0.10 with 19 %, credited one by one.
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, stocked) VALUES ('DIME', 'Ten cents', 0.10, 19, false);
SELECT pg_temp.ship(pg_temp.buy('ORDER', 'DIME 10'), '2026-08-05');
SELECT invoice_id AS invoice, total FROM o2c.bill('2026-08-05', 'ORDER') \gset
SELECT is(:total, 1.19, 'an invoice of 1.00 + 0.19');
SELECT o2c.credit_invoice(:invoice, '2026-08-06', '[{"line_no": 1, "quantity": 1}]') FROM generate_series(1, 10);
SELECT is((SELECT array_agg(round(tax_amount, 2) ORDER BY invoice_id) FROM o2c.invoice WHERE original_invoice_id = :invoice),
          '{0.02,0.02,0.02,0.02,0.02,0.01,0.02,0.02,0.02,0.02}'::numeric[], 'each goes on where the one before it ended');
SELECT is((SELECT (sum(net_amount), sum(tax_amount), sum(total_amount))::text FROM o2c.invoice WHERE original_invoice_id = :invoice), '(1.00,0.19,1.19)', 'ten notes of 0.12 would have been 1.20');
SELECT is((SELECT string_agg(state, ',') FROM o2c.invoice WHERE invoice_id = :invoice), 'paid', 'the invoice is settled');
SELECT is((SELECT sum(open_amount) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.original_invoice_id = :invoice), 0.00, 'and nothing is left of the notes');

-- What is credited for good and comes back later, or the other way round, is not owed twice.
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('TEN', 'Ten', 10, false);
CREATE FUNCTION pg_temp.exposure(customer text) RETURNS text LANGUAGE sql AS
$$SELECT format('%s shipped, %s receivable', trim_scale(a.shipped), trim_scale(a.receivable)) FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = $1$$;
INSERT INTO o2c.customer (code, name) VALUES ('BACK', 'Sends back');
SELECT pg_temp.ship(pg_temp.buy('BACK', 'TEN 10'), '2026-08-07') AS shipment \gset
SELECT invoice_id AS invoice FROM o2c.bill('2026-08-07', 'BACK') \gset
SELECT is(pg_temp.exposure('BACK'), '0 shipped, 100 receivable', 'ten pieces were billed');
SELECT o2c.credit_invoice(:invoice, '2026-08-07', '[{"line_no": 1, "quantity": 4}]', 'goodwill');
SELECT is(pg_temp.exposure('BACK'), '0 shipped, 60 receivable', 'four are credited, and stay with the customer');
SELECT o2c.return_goods(:shipment, '[{"line_no": 1, "quantity": 3}]', '2026-08-08');
SELECT is(pg_temp.exposure('BACK'), '0 shipped, 60 receivable', 'three of them come back: they are credited already');
SELECT o2c.return_goods(:shipment, '[{"line_no": 1, "quantity": 6}]', '2026-08-08');
SELECT is(pg_temp.exposure('BACK'), '-50 shipped, 60 receivable', 'six more: five of them are to be credited');
SELECT is((SELECT quantity FROM o2c.return_to_credit WHERE invoice_id = :invoice), 5.000000, 'which is what is asked for');
SELECT o2c.credit_invoice(:invoice, '2026-08-08', '[{"line_no": 1, "quantity": 2}]', 'not by way of the return');
SELECT is(pg_temp.exposure('BACK'), '-30 shipped, 40 receivable', 'two of these are credited by hand');
SELECT is((SELECT count(*) FROM o2c.credit_returns('2026-08-08', 'BACK')), 1::bigint, 'the rest is credited');
SELECT is(pg_temp.exposure('BACK'), '0 shipped, 10 receivable', 'and one piece is owed');
SELECT o2c.return_goods(:shipment, returned_on => '2026-08-09');
SELECT is(pg_temp.exposure('BACK'), '-10 shipped, 10 receivable', 'which comes back');
SELECT o2c.credit_invoice(:invoice, '2026-08-09', reason => 'all that is left');
SELECT is(pg_temp.exposure('BACK'), '0 shipped, 0 receivable', 'and is credited');

SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
