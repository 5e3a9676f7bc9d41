-- Quotations, and the credit that they hold for some hours without any job.
BEGIN;
SELECT no_plan();
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL TimeZone = 'UTC';
SET LOCAL o2c.business_date = '2026-03-02';
SET LOCAL o2c.business_time = '10:00';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two'), ('G', 'Group');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT v.code, v.code, customer_id FROM o2c.customer CROSS JOIN (VALUES ('G1'), ('G2')) v (code) WHERE customer.code = 'G';
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('P', 'Service', 1, false), ('A', 'Thing', 10, true);
SELECT o2c.receive_stock('A', 100);
CREATE FUNCTION pg_temp.lines(quantity numeric, sku text DEFAULT 'P') RETURNS jsonb LANGUAGE sql AS
$$SELECT jsonb_build_array(jsonb_build_object('sku', $2, 'quantity', $1))$$;
CREATE FUNCTION pg_temp.quote(quantity numeric, hours integer DEFAULT NULL, customer text DEFAULT 'C1', currency text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_quotation($3, jsonb_build_array(jsonb_build_object('sku', 'P', 'quantity', $1, 'unit_price', 1)), currency => $4, hold_credit_hours => $2)$$;
CREATE FUNCTION pg_temp.place(quantity numeric, customer text DEFAULT 'C1') RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order($2, pg_temp.lines($1))$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';
CREATE FUNCTION pg_temp.code(quotation bigint) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN o2c.quotation_answer(quotation) ->> 'code'; END$$;
-- authorized and exposure, as everybody sees them; and the counter that is kept
CREATE FUNCTION pg_temp.used(code text DEFAULT 'C1') RETURNS text LANGUAGE sql AS
'SELECT concat_ws('' '', trim_scale(authorized), trim_scale(exposure), trim_scale(available)) FROM o2c.credit_exposure WHERE company_id = 1 AND customer = $1';
CREATE FUNCTION pg_temp.counter(code text DEFAULT 'C1') RETURNS numeric LANGUAGE sql AS
'SELECT trim_scale(authorized) FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE c.company_id = 1 AND c.code = $1';

-- the clock
SELECT is(o2c.now(), '2026-03-02 10:00+00', 'the business date at the business time');
SET LOCAL o2c.business_time = '23:59:59';
SELECT is(o2c.now(), '2026-03-02 23:59:59+00', 'with seconds');
SELECT throws_ok(format('SET LOCAL o2c.business_time = %L', t), '22023', NULL, format('%L is no time of day', t))
FROM unnest('{24:00,10:60,10,10:00:60,10:00:00.5,-1:00,now,10:00 UTC}'::text[]) t;
SET LOCAL o2c.business_time = '';
SELECT is(o2c.now()::date, o2c.today(), 'without one the clock''s time of the business date');
SET LOCAL o2c.business_date = '';
SELECT is(o2c.now(), statement_timestamp(), 'else when the statement started');
SET LOCAL o2c.business_date = '2026-03-02';
SET LOCAL o2c.business_time = '10:00';

-- a quotation takes nothing
SELECT o2c.set_credit_limit('C1', 100);
SELECT o2c.place_quotation('C1', pg_temp.lines(5, 'A')) AS plain \gset
SELECT is(pg_temp.state(:plain), 'quoted', 'a quotation');
SELECT is(pg_temp.code(:plain), 'open', 'that holds no credit');
SELECT is((SELECT number FROM o2c.quotation WHERE quotation_id = :plain), 'QU-000001', 'with a number of its own');
SELECT is((SELECT number FROM o2c.sales_order WHERE order_id = :plain), NULL, 'not of an order');
SELECT is((SELECT total_amount FROM o2c.sales_order WHERE order_id = :plain), 50.00, 'and priced');
SELECT is(pg_temp.used(), '0 0 100', 'no credit is taken');
SELECT is((SELECT reserved FROM o2c.stock WHERE company_id = 1), 0::numeric, 'and no stock');
SELECT is((SELECT fulfilment FROM o2c.order_status WHERE order_id = :plain), 'quoted', 'as its status says');
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :plain), 'OC101', NULL, 'it does not ship');
SELECT throws_ok(format('SELECT o2c.change_order(%s, ''[]'')', :plain), 'OC101', NULL, 'nor change');
SELECT throws_ok(format('SELECT o2c.cancel_order(%s)', :plain), 'OC101', NULL, 'and is withdrawn, not cancelled');
SELECT throws_ok(format('UPDATE o2c.sales_order SET state = ''%s'' WHERE order_id = %s', s, :plain), 'OC101', NULL, 'nobody sets it to ' || s) FROM unnest('{submitted,confirmed,cancelled}'::text[]) s;
SELECT throws_ok('INSERT INTO o2c.sales_order (customer_id, state, currency, payment_terms) SELECT customer_id, ''quoted'', ''EUR'', ''net 30'' FROM o2c.customer WHERE code = ''C1''', 'OC101', NULL, 'nor makes one');

-- credit for some hours
SELECT pg_temp.quote(60, 24) AS held \gset
SELECT is(pg_temp.code(:held), 'authorized', 'credit is held');
SELECT is(pg_temp.used(), '60 60 40', 'and counts');
SELECT is((SELECT authorized_until FROM o2c.quotation WHERE quotation_id = :held), '2026-03-03 10:00+00', 'for a day');
SELECT pg_temp.place(41) AS waits \gset
SELECT is(pg_temp.state(:waits), 'held', 'an order beyond what is left is held');
SELECT pg_temp.place(40) AS fits \gset
SELECT is(pg_temp.state(:fits), 'confirmed', 'one up to it passes');
SELECT pg_temp.quote(1, 1) AS beyond \gset
SELECT is(pg_temp.code(:beyond), 'not_authorized', 'a quotation beyond is kept without credit');
SELECT is(o2c.quotation_answer(:beyond) -> 'reasons' -> 0 ->> 'message', 'credit limit exceeded: exposure 100.00 EUR + order 1.00 EUR = 101.00 EUR, limit 100.00 EUR, 1.00 EUR too much', 'and says why');
SELECT is((SELECT count(*) FROM o2c.hold WHERE order_id IN (:beyond, :held)), 0::bigint, 'no hold is placed on it');
SELECT is((SELECT DISTINCT outcome FROM o2c.explain_credit(:held)), 'pass', 'the decision is explained');
SELECT is(pg_temp.used(), '60 100 0', 'all is used');
SET LOCAL o2c.business_date = '2026-03-03';
SET LOCAL o2c.business_time = '09:59:59';
SELECT is(pg_temp.used(), '60 100 0', 'to the last second');
SET LOCAL o2c.business_time = '10:00';
SELECT is(pg_temp.code(:held), 'lapsed', 'then it has lapsed');
SELECT is(pg_temp.used(), '0 40 60', 'and counts no more');
SELECT is(pg_temp.counter(), 60::numeric, 'though nobody moved it out');
SELECT is_empty('SELECT * FROM o2c.verify()', 'which agrees');
SELECT is((o2c.quotation_answer(:held) ->> 'authorized')::numeric, 0::numeric, 'it holds nothing');
SELECT pg_temp.place(60) AS whole \gset
SELECT is(pg_temp.state(:whole), 'confirmed', 'an order for all of it passes');
SELECT pg_temp.place(0.01) AS cent \gset
SELECT is(pg_temp.state(:cent), 'held', 'and not a cent more');
SELECT is(pg_temp.used(), '0 100 0', 'the limit stands');
SELECT is(o2c.accept_quotation(:held), 'held', 'a quotation that lapsed is checked without what it held');
SELECT is(pg_temp.counter(), 0::numeric, 'which is given back');
SELECT is((SELECT observed FROM o2c.explain_credit(:held) ORDER BY decision_id DESC LIMIT 1), 160.0000, 'and not counted twice');

-- accepting
SELECT o2c.set_credit_limit('C2', 100);
SELECT pg_temp.quote(70, 2, 'C2') AS quoted \gset
SELECT pg_temp.place(50, 'C2') AS older \gset
SELECT is(pg_temp.state(:older), 'held', 'an order waits');
SET LOCAL o2c.business_date = '2026-03-04';
SET LOCAL o2c.business_time = '10:00';
SELECT is(pg_temp.code(:quoted), 'lapsed', 'until');
SELECT is(o2c.release_lapsed_credit(), 1::bigint, 'what lapsed is moved out');
SELECT is(pg_temp.state(:older), 'confirmed', 'and is free for who waits');
SELECT is(o2c.release_lapsed_credit(), 0::bigint, 'once');
SELECT is(pg_temp.code(:quoted), 'lapsed', 'still lapsed');
SELECT pg_temp.quote(50, 2, 'C2') AS deal \gset
SELECT pg_temp.place(10, 'C2') AS next \gset
SELECT is(array[pg_temp.code(:deal), pg_temp.state(:next)], '{authorized,held}'::text[], 'full again');
SELECT is(o2c.accept_quotation(:deal, po_number => ' PO-7 ', requested_on => '2026-03-20'), 'confirmed', 'accepted within its own credit');
SELECT is(pg_temp.state(:next), 'held', 'which nobody took in between');
SELECT is(pg_temp.used('C2'), '0 100 0', 'the exposure is the same');
SELECT results_eq(format('SELECT number ~ ''^SO-'', ordered_on, requested_on, po_number FROM o2c.sales_order WHERE order_id = %s', :deal),
    $$VALUES (true, date '2026-03-04', date '2026-03-20', 'PO-7')$$, 'an order of today');
SELECT is(pg_temp.code(:deal), 'accepted', 'the quotation is accepted');
SELECT throws_ok(format('SELECT o2c.accept_quotation(%s)', :deal), 'OC101', NULL, 'once');
SELECT throws_ok(format('SELECT o2c.withdraw_quotation(%s)', :deal), 'OC101', NULL, 'and not withdrawn');
SELECT is(o2c.accept_quotation(:plain), 'held', 'one without credit takes its chance');
SELECT is((SELECT string_agg(activity, ',' ORDER BY event_id) FROM o2c.event WHERE object_type = 'quotation' AND object_id = :deal), 'quotation.open,quotation.accepted', 'events');

-- withdrawing
SELECT o2c.set_credit_limit('C2', 120);
SELECT is(pg_temp.state(:next), 'confirmed', 'more credit');
SELECT pg_temp.quote(10, 5, 'C2') AS regret \gset
SELECT is(pg_temp.used('C2'), '10 120 0', 'held');
SELECT o2c.withdraw_quotation(:regret, 'too dear');
SELECT is(pg_temp.used('C2'), '0 110 10', 'given back');
SELECT is(array[pg_temp.state(:regret), pg_temp.code(:regret)], '{cancelled,withdrawn}'::text[], 'withdrawn');
SELECT is((SELECT reason FROM o2c.quotation WHERE quotation_id = :regret), 'too dear', 'with the reason');
SELECT is(o2c.reopen_order(:regret), 'confirmed', 'an order may still be made of it');
SELECT is((SELECT number ~ '^SO-' FROM o2c.sales_order WHERE order_id = :regret), true, 'with a number');

-- arguments
SELECT throws_ok(format('SELECT pg_temp.quote(1, %s)', h), 'OC002', NULL, h || ' hours') FROM unnest('{0,-1,8761,2147483647}'::integer[]) h;
SELECT lives_ok('SELECT pg_temp.quote(1, 8760)', 'a year');
SELECT is(pg_temp.code(pg_temp.quote(0.001, 8)), 'open', 'nothing to hold for nothing');
SELECT throws_ok('SELECT o2c.place_quotation(NULL, ''[]'')', 'OC002', NULL, 'no customer');
SELECT throws_ok('SELECT o2c.place_quotation(''C1'', ''[]'')', 'OC002', NULL, 'no lines');
SELECT throws_ok('SELECT o2c.place_quotation(''C1'', pg_temp.lines(1), valid_until => ''infinity'', company_id => 2)', 'OC001', NULL, 'another company''s customer');
SELECT throws_ok('SELECT o2c.accept_quotation(NULL)', 'OC002', NULL, 'no quotation');
SELECT throws_ok('SELECT o2c.accept_quotation(-1)', 'OC001', NULL, 'not there');
SELECT throws_ok(format('SELECT o2c.accept_quotation(%s, company_id => 2)', :beyond), 'OC001', NULL, 'of another company');
SELECT throws_ok(format('SELECT o2c.accept_quotation(%s)', :fits), 'OC001', NULL, 'an order is none');
SELECT throws_ok(format('SELECT o2c.accept_quotation(%s, requested_on => ''infinity'')', :beyond), 'OC002', NULL, 'an infinite date');
SELECT throws_ok('SELECT o2c.withdraw_quotation(NULL)', 'OC002', NULL, 'nothing to withdraw');
SELECT throws_ok('SELECT o2c.quotation_answer(-1)', 'OC001', NULL, 'no answer');
SELECT throws_ok('UPDATE o2c.quotation SET authorized = 1', 'OC102', NULL, 'only the engine holds credit');
SELECT throws_ok('UPDATE o2c.quotation SET released_at = now()', 'OC102', NULL, 'and gives it back');
SELECT throws_ok('DELETE FROM o2c.quotation', 'OC102', NULL, 'nothing is removed');
SELECT o2c.place_quotation('C1', pg_temp.lines(1), idempotency_key => 'q1') AS keyed \gset
SELECT is(o2c.place_quotation('C1', pg_temp.lines(1), idempotency_key => 'q1'), :keyed::bigint, 'a key is used once');
SELECT throws_ok('SELECT o2c.place_quotation(''C1'', pg_temp.lines(1), idempotency_key => ''q1'', hold_credit_hours => 1)', 'OC003', NULL, 'for the same');
SELECT o2c.place_quotation('C1', pg_temp.lines(1), valid_until => '2026-03-04') AS offer \gset
SET LOCAL o2c.business_date = '2026-03-05';
SELECT throws_ok(format('SELECT o2c.accept_quotation(%s)', :offer), 'OC101', NULL, 'the day after its last');
UPDATE o2c.quotation SET valid_until = '2026-03-05' WHERE quotation_id = :offer;
SELECT lives_ok(format('SELECT o2c.accept_quotation(%s)', :offer), 'on its last day');
UPDATE o2c.customer SET po_required = true WHERE code = 'C1';
SELECT o2c.place_quotation('C1', pg_temp.lines(1)) AS po \gset
SELECT throws_ok(format('SELECT o2c.accept_quotation(%s)', :po), 'OC006', NULL, 'the purchase order comes with the order');
UPDATE o2c.customer SET active = false WHERE code = 'C1';
SELECT throws_ok(format('SELECT o2c.accept_quotation(%s, ''PO'')', :po), 'OC101', NULL, 'a customer that is not active');

-- groups: accounts move, limits of the group, holds of the customer
SELECT pg_temp.quote(10, 5, 'G1');
SELECT is(pg_temp.counter('G'), 10::numeric, 'on the parent''s account');
SELECT o2c.set_credit_limit('G1', 50);
SELECT is(array[pg_temp.counter('G'), pg_temp.counter('G1')], '{0,10}'::numeric[], 'it moves with the customer');
SELECT o2c.set_group_limit('G', 30);
SELECT pg_temp.quote(20, 5, 'G2') AS sister \gset
SELECT is(pg_temp.code(:sister), 'authorized', 'up to the limit of the group');
SELECT is(pg_temp.state(pg_temp.place(1, 'G2')), 'held', 'which is full');
SET LOCAL o2c.business_time = '15:00';
SELECT is(pg_temp.state(pg_temp.place(30, 'G2')), 'confirmed', 'until the hours of both are over');
SELECT o2c.place_hold('G1', 'under review');
SELECT is(pg_temp.code(pg_temp.quote(0.01, 5, 'G1')), 'not_authorized', 'no credit for a customer on hold');

-- another currency
SELECT is(pg_temp.code(pg_temp.quote(10, 5, 'C2', 'USD')), 'not_authorized', 'nor without an exchange rate');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('USD', 'EUR', '2026-03-01', 0.5);
SELECT o2c.set_credit_limit('C2', 1000);
SELECT pg_temp.quote(10, 5, 'C2', 'USD') AS usd \gset
SELECT is((o2c.quotation_answer(:usd) ->> 'authorized')::numeric, 5.000, 'held in the currency of the account');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('USD', 'EUR', '2026-03-05', 0.8);
SELECT is(o2c.accept_quotation(:usd), 'confirmed', 'accepted');
SELECT is((SELECT credit_rate FROM o2c.sales_order WHERE order_id = :usd), 0.8, 'at the rate of that day');
SELECT is(o2c.change_order(:usd, '[{"line_no": 1, "quantity": 10000}]'), 'held', 'changed beyond the limit');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('USD', 'EUR', '2026-03-06', 0.1);
SET LOCAL o2c.business_date = '2026-03-06';
SELECT o2c.recheck_orders('C2');
SELECT is((SELECT credit_rate FROM o2c.sales_order WHERE order_id = :usd), 0.8, 'what is in force keeps its rate');

-- the end of the day moves out what nobody did
SELECT pg_temp.quote(7, 1, 'C2') AS night \gset
SET LOCAL o2c.business_date = '2026-03-07';
SELECT is(pg_temp.counter('C2'), 7::numeric, 'held in the counter');
CALL o2c.close_day();
SELECT is(pg_temp.counter('C2'), 0::numeric, 'until the day is closed');

SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
