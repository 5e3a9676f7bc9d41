-- Prepayments: kept for an order, they take its exposure away, once, and pay its invoices.
BEGIN;
SELECT no_plan();
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name, invoice_per) VALUES ('C1', 'One', 'shipment'), ('C2', 'Two', 'customer'), ('C3', 'Three', 'order'), ('G', 'Group', 'order');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'G1', 'Child', customer_id FROM o2c.customer WHERE code = 'G';
INSERT INTO o2c.product (sku, name, unit_price, stocked, tax_rate) VALUES ('P', 'Service', 1, false, 0), ('T', 'Taxed', 10, false, 19);
SELECT o2c.set_credit_limit('C1', 100), o2c.set_credit_limit('C2', 100), o2c.set_credit_limit('C3', 100);
CREATE FUNCTION pg_temp.place(quantity numeric, customer text DEFAULT 'C1', terms text DEFAULT NULL, sku text DEFAULT 'P') RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order($2, jsonb_build_array(jsonb_build_object('sku', $4, 'quantity', $1)), payment_terms => $3)$$;
CREATE FUNCTION pg_temp.ship("order" bigint, quantity numeric DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.ship_order($1, lines => CASE WHEN $2 IS NOT NULL THEN jsonb_build_array(jsonb_build_object('line_no', 1, 'quantity', $2)) END)$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';
-- ordered, shipped, receivable, unapplied
CREATE FUNCTION pg_temp.exposure(code text DEFAULT 'C1') RETURNS text LANGUAGE sql AS
'SELECT concat_ws('' '', trim_scale(a.ordered), trim_scale(a.shipped), trim_scale(a.receivable), trim_scale(a.unapplied))
 FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE c.company_id = 1 AND c.code = $1';
CREATE FUNCTION pg_temp.prepaid("order" bigint) RETURNS text LANGUAGE sql AS
'SELECT concat_ws('' '', trim_scale(prepaid_amount), trim_scale(prepaid_used)) FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';

-- an order beyond the limit waits for its money
SELECT pg_temp.place(150) AS o \gset
SELECT is(pg_temp.state(:o), 'held', 'beyond the limit');
SELECT o2c.record_payment(200, customer => 'C1') AS p \gset
SELECT is(pg_temp.state(:o), 'confirmed', 'money on account counts');
SELECT is(pg_temp.exposure(), '150 0 0 200', 'as it is');
SELECT is(o2c.allocate_prepayment(:p, :o, 100), 100::numeric, 'a part of it is kept for the order');
SELECT is(pg_temp.exposure(), '50 0 0 100', 'and counts once');
SELECT is(pg_temp.prepaid(:o), '100 0', 'the order knows');
SELECT is(o2c.allocate_prepayment(:p, :o), 50::numeric, 'the rest that it needs');
SELECT is(pg_temp.exposure(), '0 0 0 50', 'it needs no credit');
SELECT throws_ok(format('SELECT o2c.allocate_prepayment(%s, %s)', :p, :o), 'OC106', NULL, 'nor more money');
SELECT throws_ok(format('SELECT o2c.allocate_prepayment(%s, %s, 0.01)', :p, :o), 'OC106', NULL, 'not a cent');
SELECT is(pg_temp.state(pg_temp.place(150.01)), 'held', 'the next order finds what is left on account');
SELECT is(pg_temp.state(pg_temp.place(150)), 'confirmed', 'and the limit');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');

-- the way of the money: ordered, shipped, invoiced
SELECT pg_temp.ship(:o, 60);
SELECT is(pg_temp.exposure(), '150 0 0 50', 'what shipped is covered, too');
SELECT is((SELECT (trim_scale(prepaid_ordered), trim_scale(prepaid_shipped))::text FROM o2c.sales_order WHERE order_id = :o), '(90,60)', 'by the same money');
SELECT is((SELECT total FROM o2c.bill(customer => 'C1')), 60::numeric, 'an invoice for a part');
SELECT is((SELECT state FROM o2c.invoice ORDER BY invoice_id DESC LIMIT 1), 'paid', 'is paid at once');
SELECT is(pg_temp.exposure(), '150 0 0 50', 'the exposure stays');
SELECT is(pg_temp.prepaid(:o), '150 60', 'a part is used');
SELECT results_eq(format('SELECT kind, trim_scale(amount), invoice_id IS NULL FROM o2c.prepayment WHERE order_id = %s ORDER BY prepayment_id', :o),
    $$VALUES ('allocated', 100::numeric, true), ('allocated', 50, true), ('used', -60, false)$$, 'as the facts say');
SELECT is((SELECT method FROM o2c.application ORDER BY application_id DESC LIMIT 1), 'prepayment', 'by an application');
SELECT is((SELECT (trim_scale(open_amount), trim_scale(allocated_amount))::text FROM o2c.open_item WHERE kind = 'payment'), '(-140,90)', 'the payment has the rest');
SELECT is(o2c.close_order(:o), 'completed', 'the rest of the order is closed');
SELECT is(pg_temp.exposure(), '150 0 0 140', 'what it did not use is on account again');
SELECT is(pg_temp.prepaid(:o), '60 60', 'nothing is kept');
SELECT is((SELECT reason FROM o2c.prepayment WHERE kind = 'released'), 'order completed', 'with the reason');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');

-- nothing else uses it
SELECT pg_temp.place(30, 'C2') AS o2 \gset
SELECT pg_temp.place(70, 'C2') AS other \gset
SELECT pg_temp.ship(:other);
SELECT o2c.bill(customer => 'C2');
SELECT number AS inv FROM o2c.invoice ORDER BY invoice_id DESC LIMIT 1 \gset
SELECT o2c.record_payment(70, customer => 'C2', reference => :'inv') AS p2 \gset
SELECT o2c.allocate_prepayment(:p2, :o2);
SELECT is((SELECT trim_scale(sum(cash)) FROM o2c.propose(:p2) WHERE place = 1), 40::numeric, 'what is free is proposed');
SELECT is((SELECT sum(amount) FROM o2c.match_payments()), 40::numeric, 'matching takes what is free, though the invoice is named');
SELECT throws_ok(format('SELECT o2c.apply_payment(%s, %L)', :p2, :'inv'), 'OC106', NULL, 'nothing is left to apply');
SELECT throws_ok(format('INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount) SELECT p.item_id, i.item_id, ''2026-03-02'', 1 FROM o2c.payment p, o2c.open_item i WHERE p.payment_id = %s AND i.kind = ''invoice'' AND i.open_amount > 0', :p2),
    'OC106', NULL, 'nor by hand');
SELECT is(o2c.release_prepayment(:p2, :o2, 10, 'other plans'), 10::numeric, 'a part is released');
SELECT is(pg_temp.exposure('C2'), '10 0 30 10', 'and is on account');
SELECT throws_ok(format('SELECT o2c.release_prepayment(%s, %s, 20.01)', :p2, :o2), 'OC106', NULL, 'not more than is kept');
SELECT lives_ok(format('SELECT o2c.apply_payment(%s, %L)', :p2, :'inv'), 'it can be applied');
SELECT is(pg_temp.exposure('C2'), '10 0 20 0', 'so it is');

-- a bounce takes everything back
SELECT o2c.reverse_payment(:p2);
SELECT is(pg_temp.exposure('C2'), '30 0 70 0', 'the order needs credit again');
SELECT is(pg_temp.prepaid(:o2), '0 0', 'nothing is kept');
SELECT throws_ok(format('SELECT o2c.allocate_prepayment(%s, %s)', :p2, :o2), 'OC101', NULL, 'nor can be');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');

-- a fully prepaid order passes amounts, not people
SELECT o2c.set_credit_limit('C3', 10);
SELECT pg_temp.place(10, 'C3');
SELECT o2c.set_credit_limit('C3', 5);
INSERT INTO o2c.rule (code, checkpoint, function, parameters) VALUES ('value', 'order', 'o2c.rule_document_value', '{"amount": 1000}'),
    ('use', 'order', 'o2c.rule_utilisation', '{"percent": 50}'), ('near', 'order', 'o2c.rule_dynamic_limit', '{}'), ('approved', 'order', 'o2c.rule_credit_approved', '{}');
SELECT pg_temp.place(2000, 'C3') AS big \gset
SELECT is((SELECT string_agg(rule, ',' ORDER BY rule) FROM o2c.explain_credit(:big) WHERE NOT passed), 'approved,credit_limit,near,use,value', 'every amount is too much');
SELECT o2c.record_payment(1999.99, customer => 'C3') AS p3 \gset
SELECT o2c.record_payment(0.01) AS cent \gset
SELECT o2c.allocate_prepayment(:p3, :big);
SELECT is(pg_temp.state(:big), 'held', 'a cent is missing');
SELECT is((SELECT observed FROM o2c.explain_credit(:big) WHERE rule = 'credit_limit' ORDER BY decision_id DESC LIMIT 1), 10.01, 'and counts');
SELECT o2c.place_hold(NULL, 'looks like fraud', :big) AS fraud \gset
SELECT o2c.allocate_prepayment(:cent, :big);
SELECT is((SELECT string_agg(rule, ',') FROM o2c.hold WHERE order_id = :big AND released_at IS NULL), 'manual', 'fully prepaid: only what a person placed is left');
SELECT is(pg_temp.state(:big), 'held', 'and holds it');
SELECT o2c.release_hold(:fraud, 'it is not');
SELECT is(pg_temp.state(:big), 'confirmed', 'until it is released');
SELECT is(pg_temp.exposure('C3'), '10 0 0 0', 'without taking credit');
SELECT is((SELECT customer_id = (SELECT customer_id FROM o2c.customer WHERE company_id = 1 AND code = 'C3') FROM o2c.payment WHERE payment_id = :cent), true, 'a payment of nobody became the customer''s');
SELECT is(o2c.change_order(:big, '[{"line_no": 1, "quantity": 2001}]'), 'held', 'more than was paid needs credit');
SELECT is(pg_temp.exposure('C3'), '10 0 0 0', 'and has none yet');
SELECT is(o2c.change_order(:big, '[{"line_no": 1, "quantity": 1500}]'), 'confirmed', 'less does not');
SELECT is(pg_temp.exposure('C3'), '10 0 0 0', 'what is paid too much frees no other credit');
SELECT is(o2c.cancel_order(:big), 'cancelled', 'cancelled');
SELECT is(pg_temp.exposure('C3'), '10 0 0 2000', 'everything is on account');
DELETE FROM o2c.rule WHERE code IN ('value', 'use', 'near', 'approved');

-- terms that ask for prepayment
INSERT INTO o2c.rule (code, checkpoint, function) VALUES ('prepaid', 'order', 'o2c.rule_prepaid');
INSERT INTO o2c.rule (code, checkpoint, function, reaction, customer_id) SELECT 'prepayment', 'order', 'o2c.rule_prepayment', 'refuse', customer_id FROM o2c.customer WHERE code = 'C1';
SELECT o2c.set_credit_limit('C1', NULL);
SELECT is(pg_temp.state(pg_temp.place(1)), 'refused', 'a customer that buys against prepayment only');
SELECT pg_temp.place(50, terms => 'CIA') AS advance \gset
SELECT is((SELECT string_agg(message, ';') FROM o2c.explain_credit(:advance) WHERE NOT passed), '50.00 EUR are to be paid in advance, 0 were paid', 'waits for the money');
SELECT o2c.allocate_prepayment(:p, :advance, 49.99);
SELECT is(pg_temp.state(:advance), 'held', 'all of it');
SELECT o2c.allocate_prepayment(:p, :advance, 0.01);
SELECT is(pg_temp.state(:advance), 'confirmed', 'then it passes');
SELECT pg_temp.ship(:advance); SELECT o2c.bill(customer => 'C1');
SELECT is((SELECT string_agg(DISTINCT state, ',') FROM o2c.invoice WHERE order_id = :advance), 'paid', 'and its invoice is paid');
SELECT pg_temp.place(50, 'C2', '30% deposit, balance net 30') AS deposit \gset
SELECT is((SELECT threshold FROM o2c.explain_credit(:deposit) WHERE rule = 'prepaid'), 15.00, 'a deposit');
SELECT o2c.cancel_order(:deposit);
DELETE FROM o2c.rule WHERE code IN ('prepaid', 'prepayment');

-- one invoice for several orders, tax, several payments, instalments
SELECT o2c.set_credit_limit('C2', NULL);
SELECT pg_temp.place(1, 'C2', '50% @ net 10; balance @ net 40', 'T') AS a \gset
SELECT pg_temp.place(3, 'C2', '50% @ net 10; balance @ net 40', 'T') AS b \gset
SELECT o2c.cancel_order(:o2);
SELECT o2c.record_payment(5, customer => 'C2') AS first \gset
SELECT o2c.record_payment(100, customer => 'C2') AS second \gset
SELECT o2c.allocate_prepayment(:first, :a), o2c.allocate_prepayment(:second, :a), o2c.allocate_prepayment(:second, :b, 30);
SELECT is(pg_temp.prepaid(:a), '11.9 0', 'one order is prepaid');
SELECT pg_temp.ship(:a), pg_temp.ship(:b);
SELECT is((SELECT total FROM o2c.bill(customer => 'C2')), 47.60, 'both on one invoice');
SELECT is((SELECT array_agg(trim_scale(i.open_amount) ORDER BY i.instalment) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.total_amount = 47.60), '{0,5.7}'::numeric[], 'the earlier instalment is paid first');
SELECT is((SELECT array_agg(trim_scale(amount) ORDER BY order_id, payment_id) FROM o2c.prepayment WHERE kind = 'used' AND order_id IN (:a, :b)), '{-5,-6.9,-30}'::numeric[], 'each order with its own money, the earliest first');
SELECT is(array[pg_temp.prepaid(:a), pg_temp.prepaid(:b)], '{11.9 11.9,30 30}'::text[], 'which is used up');
SELECT is(pg_temp.exposure('C2'), '0 0 75.7 63.1', 'the rest is owed and on account');

-- another account of the group pays
SELECT o2c.set_credit_limit('G1', 10);
SELECT pg_temp.place(40, 'G1') AS child \gset
SELECT o2c.record_payment(40, customer => 'G') AS parent \gset
SELECT is(array[pg_temp.exposure('G'), pg_temp.state(:child)], '{0 0 0 40,held}'::text[], 'on the parent''s account');
SELECT o2c.allocate_prepayment(:parent, :child);
SELECT is(array[pg_temp.exposure('G'), pg_temp.exposure('G1'), pg_temp.state(:child)], '{0 0 0 0,0 0 0 0,confirmed}'::text[], 'for the child''s order');

-- where money on account does not count
UPDATE o2c.credit_account SET net_unapplied = false, credit_limit = 100 FROM o2c.customer c WHERE c.customer_id = credit_account.customer_id AND c.code = 'C3';
SELECT pg_temp.place(95, 'C3') AS strict \gset
SELECT is(pg_temp.state(:strict), 'held', 'it does not');
SELECT o2c.allocate_prepayment(:p3, :strict, 5);
SELECT is(pg_temp.state(:strict), 'confirmed', 'but what is kept for the order does');
-- goods that come back after they were invoiced
SELECT pg_temp.ship(:strict) AS s \gset
SELECT o2c.bill(customer => 'C3');
SELECT o2c.return_goods(:s); SELECT o2c.credit_returns();
SELECT is(pg_temp.exposure('C3'), '10 0 -5 1995', 'what was paid for them is a credit');

-- arguments
SELECT pg_temp.place(10, 'C3') AS last \gset
SELECT throws_ok(format('SELECT o2c.allocate_prepayment(%s, %s)', p, o), c, NULL, format('allocate %s %s', p, o)) FROM (VALUES
    ('NULL', :'last', 'OC002'), (:'p3', 'NULL', 'OC002'), ('-1', :'last', 'OC001'), (:'p3', '-1', 'OC001'), (:'p', :'last', 'OC002'), (:'p3', :'big', 'OC101'),
    (:'p3', :'last' || ', 0', 'OC002'), (:'p3', :'last' || ', -1', 'OC002'), (:'p3', :'last' || ', ''NaN''', 'OC002'), (:'p3', :'last' || ', ''Infinity''', 'OC002'),
    (:'p3', :'last' || ', 0.001', 'OC002'), (:'p3', :'last' || ', 10.01', 'OC106'), (:'p3', :'last' || ', 1, 2', 'OC001')) AS v (p, o, c);
SELECT throws_ok(format('SELECT o2c.release_prepayment(%s, %s)', p, o), c, NULL, format('release %s %s', p, o)) FROM (VALUES
    ('NULL', :'last', 'OC002'), (:'p3', :'last', 'OC106'), (:'p3', '-1', 'OC001'), (:'p3', :'last' || ', -1', 'OC002')) AS v (p, o, c);
SELECT o2c.record_payment(5, customer => 'C3', currency => 'USD') AS usd \gset
SELECT throws_ok(format('SELECT o2c.allocate_prepayment(%s, %s)', :usd, :last), 'OC005', NULL, 'another currency');
SELECT throws_ok('INSERT INTO o2c.prepayment (company_id, payment_id, order_id, kind, amount) SELECT 1, payment_id, order_id, ''allocated'', 1 FROM o2c.payment, o2c.sales_order LIMIT 1', 'OC102', NULL, 'nobody else writes facts');
SELECT throws_ok('UPDATE o2c.sales_order SET prepaid_amount = 1', 'OC102', NULL, 'or what follows from them');
SELECT throws_ok('UPDATE o2c.open_item SET allocated_amount = 1', 'OC102', NULL, 'on either side');

SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
