-- Limits for a time, groups, the watch threshold, currencies.
BEGIN;
SELECT no_plan();
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL o2c.business_date = '2026-03-01';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two'), ('G', 'Group'), ('W', 'Watched');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT v.code, v.code, customer_id FROM o2c.customer CROSS JOIN (VALUES ('G1'), ('G2')) v (code) WHERE customer.code = 'G';
INSERT INTO o2c.customer (code, name, currency) VALUES ('US', 'Dollar', 'USD');
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('P', 'Service', 1, false);
CREATE FUNCTION pg_temp.place(quantity numeric, customer text DEFAULT 'C1', currency text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order($2, jsonb_build_array(jsonb_build_object('sku', 'P', 'quantity', $1, 'unit_price', 1)), currency => $3)$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';
CREATE FUNCTION pg_temp.account(customer text) RETURNS bigint LANGUAGE sql AS
'SELECT m.credit_account_id FROM o2c.customer c JOIN o2c.customer_credit m USING (company_id, customer_id) WHERE c.company_id = 1 AND c.code = $1';
-- what the limit of a day is: the threshold of the rule
CREATE FUNCTION pg_temp.limit_on(day date, code text DEFAULT 'C1') RETURNS numeric LANGUAGE sql AS
$$SELECT (o2c.rule_credit_limit(ROW(1, 'order', 'sales_order', 0, 0, customer_id, 0, 'EUR', 1, $1)::o2c.rule_case, '{}')).threshold
  FROM o2c.customer c WHERE c.company_id = 1 AND c.code = $2$$;
CREATE FUNCTION pg_temp.in_time(day date, grace integer) RETURNS boolean LANGUAGE sql AS
$$SELECT (o2c.rule_limit_expired(ROW(1, 'order', 'sales_order', 0, 0, customer_id, 0, 'EUR', 1, $1)::o2c.rule_case, jsonb_build_object('days', $2))).passed
  FROM o2c.customer c WHERE c.company_id = 1 AND c.code = 'C1'$$;

-- limits for a time
SELECT o2c.set_credit_limit('C1', 100);
SELECT is(pg_temp.limit_on('2026-03-01'), 100::numeric, 'the account''s own limit');
SELECT pg_temp.place(150) AS waiting \gset
SELECT is(pg_temp.state(:waiting), 'held', 'an order above it is held');
SELECT o2c.add_credit_limit('C1', 1000, '2026-04-01', '2026-06-30') AS spring \gset
SELECT is(pg_temp.limit_on(d), l, 'limit on ' || d) FROM (VALUES
    (date '2026-03-31', 100::numeric), ('2026-04-01', 1000), ('2026-06-30', 1000), ('2026-07-01', 100)) AS v (d, l);
SELECT throws_ok(format('SELECT o2c.add_credit_limit(''C1'', 1, %L, %L)', a, b), 'OC003', NULL, format('%s to %s overlaps', a, b))
FROM (VALUES ('2026-06-30', '2026-07-30'), ('2026-03-01', '2026-04-01'), ('2026-05-01', '2026-05-02'), (NULL, NULL)) AS v (a, b);
SELECT lives_ok('SELECT o2c.add_credit_limit(''C1'', NULL, ''2026-07-01'', ''2026-07-31'')', 'the day after does not; null is unlimited');
SELECT is(pg_temp.limit_on('2026-07-01'), NULL, 'unlimited in July');
SELECT throws_ok('SELECT o2c.add_credit_limit(''C1'', -1, NULL, NULL)', '23514', NULL, 'no negative limit');
SELECT throws_ok(format('SELECT o2c.add_credit_limit(''C1'', %L, NULL, NULL, ''security'')', a), '23514', NULL, 'no security of ' || a) FROM unnest('{NaN,Infinity,-1}'::text[]) a;
SELECT throws_ok('SELECT o2c.add_credit_limit(''C1'', NULL, NULL, NULL, ''uplift'')', '23514', NULL, 'an uplift has a percentage');
SELECT throws_ok('SELECT o2c.add_credit_limit(''C1'', 1, ''2027-02-01'', ''2027-01-01'')', '23514', NULL, 'no end before the start');
SELECT throws_ok('SELECT o2c.add_credit_limit(''nobody'', 1, NULL, NULL)', 'OC001', NULL, 'no such customer');
SELECT throws_ok('UPDATE o2c.credit_limit SET amount = 1', 'OC102', NULL, 'a limit that was given is a fact');
SELECT throws_ok('UPDATE o2c.credit_account SET dated = false', 'OC102', NULL, 'the engine knows whether there are periods');
SELECT is(pg_temp.in_time(d, g), want, format('%s with %s days of grace', d, g)) FROM (VALUES
    (date '2026-03-01', 0, true), ('2026-07-31', 0, true), ('2026-08-01', 0, false), ('2026-08-01', 1, true), ('2026-08-02', 1, false)) AS v (d, g, want);

-- a season, and what is secured
SELECT o2c.add_credit_limit('C1', 20, '2026-06-01', '2026-06-15', 'uplift', 'summer');
SELECT o2c.add_credit_limit('C1', 250, '2026-06-10', NULL, 'security', 'bank guarantee');
SELECT is(pg_temp.limit_on(d), l, 'with uplift and security on ' || d) FROM (VALUES
    (date '2026-05-31', 1000::numeric), ('2026-06-01', 1200), ('2026-06-10', 1450), ('2026-06-16', 1250), ('2026-07-01', NULL), ('2026-08-01', 350)) AS v (d, l);

-- what is given now, and what time brings, frees what waits
SELECT is(pg_temp.state(:waiting), 'held', 'still held');
SELECT is(o2c.recheck_orders('C1'), 0::bigint, 'nothing changed yet');
SET LOCAL o2c.business_date = '2026-04-01';
SELECT is(o2c.recheck_orders(), 1::bigint, 'in April the order passes');
SELECT is(pg_temp.state(:waiting), 'confirmed', 'and is confirmed');
SELECT o2c.set_credit_limit('C2', 10);
SELECT pg_temp.place(20, 'C2') AS second \gset
SELECT o2c.add_credit_limit('C2', 20, NULL, NULL, 'limit');
SELECT is(pg_temp.state(:second), 'confirmed', 'a limit that starts now is looked at at once');
UPDATE o2c.credit_limit SET valid_to = '2026-04-30' WHERE credit_limit_id = :spring;
SELECT is(pg_temp.limit_on('2026-05-01'), 100::numeric, 'a limit may end earlier');
SELECT throws_ok(format('UPDATE o2c.credit_limit SET valid_to = ''2026-07-01'' WHERE credit_limit_id = %s', :spring), 'OC003', NULL, 'but not grow into the next');
SELECT throws_ok('SELECT o2c.recheck_orders(''nobody'')', 'OC001', NULL, 'no such customer');

-- own limits within a limit of the group
SELECT o2c.set_credit_limit('G1', 80);
SELECT o2c.set_credit_limit('G2', 80);
SELECT o2c.set_group_limit('G2', 100);
SELECT o2c.set_group_limit('G2', 100);
SELECT is((SELECT count(*) FROM o2c.rule WHERE code = 'group_limit'), 1::bigint, 'the rule is there once');
SELECT pg_temp.place(80, 'G1') AS first \gset
SELECT is(pg_temp.state(:first), 'confirmed', 'the own limit of the one');
SELECT is(pg_temp.state(pg_temp.place(20, 'G2')), 'confirmed', 'up to the limit of the group');
SELECT pg_temp.place(0.01, 'G2') AS over_group \gset
SELECT is(pg_temp.state(:over_group), 'held', 'not a cent more, within the own limit');
SELECT is((SELECT array_agg(rule) FROM o2c.explain_credit(:over_group) WHERE NOT passed), '{group_limit}', 'because of the group');
SELECT is(pg_temp.state(pg_temp.place(1, 'C1')), 'confirmed', 'others have no such limit');
SELECT o2c.set_group_limit('G', 101);
SELECT is(pg_temp.state(:over_group), 'confirmed', 'when the group''s limit grows, what waits goes on');
SELECT throws_ok('SELECT o2c.set_group_limit(''nobody'', 1)', 'OC001', NULL, 'no such customer');
SELECT throws_ok('SELECT o2c.set_group_limit(''G'', -1)', '23514', NULL, 'no negative limit');

-- one event for each crossing of the threshold
SELECT o2c.set_credit_limit('W', 1000);
UPDATE o2c.credit_account SET watch_percent = 80 WHERE credit_account_id = pg_temp.account('W');
CREATE FUNCTION pg_temp.seen() RETURNS text LANGUAGE sql AS
$$SELECT string_agg(activity, ',' ORDER BY event_id) FROM o2c.event WHERE object_type = 'credit_account' AND object_id = pg_temp.account('W')$$;
SELECT pg_temp.place(800, 'W');
-- it is looked at when the transaction ends; here after each statement
SET CONSTRAINTS o2c.watch_credit IMMEDIATE;
SELECT is(pg_temp.seen(), NULL, 'the threshold itself is not crossed');
SELECT pg_temp.place(1, 'W') AS crossing \gset
SELECT is(pg_temp.seen(), 'credit_account.watch', 'crossed');
SELECT pg_temp.place(50, 'W');
SELECT is(pg_temp.seen(), 'credit_account.watch', 'once');
SELECT o2c.set_credit_limit('W', 2000);
SELECT is(pg_temp.seen(), 'credit_account.watch,credit_account.clear', 'back by a higher limit');
SELECT o2c.set_credit_limit('W', 1000);
UPDATE o2c.sales_order SET state = 'cancelled' WHERE customer_id = (SELECT customer_id FROM o2c.customer WHERE code = 'W');
SELECT is(pg_temp.seen(), 'credit_account.watch,credit_account.clear,credit_account.watch,credit_account.clear', 'and each further crossing');
CREATE FUNCTION pg_temp.watched(code text) RETURNS text LANGUAGE sql AS
$$SELECT concat_ws(' ', a.watched, e.watched, trim_scale(e.credit_limit), trim_scale(e.exposure)) FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id)
  JOIN o2c.credit_exposure e ON e.company_id = 1 AND e.customer = c.code WHERE c.company_id = 1 AND c.code = $1$$;
CREATE FUNCTION pg_temp.watch_events(code text) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(split_part(activity, '.', 2), ',' ORDER BY event_id) FROM o2c.event WHERE object_type = 'credit_account' AND object_id = pg_temp.account($1)$$;
INSERT INTO o2c.customer (code, name) VALUES ('V', 'Watched, too');
SELECT o2c.set_credit_limit('V', 100);
UPDATE o2c.credit_account SET watch_percent = 50 WHERE credit_account_id = pg_temp.account('V');
SELECT o2c.add_credit_limit('V', 100, '2026-04-01', '2026-04-30', 'uplift') AS season \gset
SELECT pg_temp.place(100, 'V') AS v \gset
SELECT is(pg_temp.watched('V'), 'f f 200 100', 'half of the limit with its uplift');
SELECT pg_temp.place(0.01, 'V');
SELECT is(pg_temp.watched('V'), 't t 200 100.01', 'a cent more is watched');
SELECT o2c.record_payment(10, customer => 'V') AS pay \gset
SELECT is(pg_temp.watched('V'), 'f f 200 90.01', 'money on account counts');
UPDATE o2c.credit_account SET net_unapplied = false WHERE credit_account_id = pg_temp.account('V');
SELECT is(pg_temp.watched('V'), 't t 200 100.01', 'unless it does not');
UPDATE o2c.credit_limit SET valid_to = '2026-04-01' WHERE credit_limit_id = :season;
SELECT o2c.add_credit_limit('V', 50, '2026-04-01', NULL, 'security');
SELECT is(pg_temp.watched('V'), 'f f 250 100.01', 'what is secured counts');
SET LOCAL o2c.business_date = '2026-04-02';
SELECT is(pg_temp.watched('V'), 'f t 150 100.01', 'the view knows what time brings at once');
SELECT o2c.record_payment(1, customer => 'V');
SELECT is(pg_temp.watched('V'), 't t 150 100.01', 'the account when it is moved');
UPDATE o2c.credit_account SET watch_percent = NULL WHERE credit_account_id = pg_temp.account('V');
SELECT is(pg_temp.watched('V'), 'f f 150 100.01', 'without a threshold nothing is watched');
UPDATE o2c.credit_account SET watch_percent = 60 WHERE credit_account_id = pg_temp.account('V');
SELECT is(pg_temp.watched('V'), 't t 150 100.01', 'a new one is looked at');
SELECT is(pg_temp.watch_events('V'), 'watch,clear,watch,clear,watch,clear,watch', 'an event each');
SET CONSTRAINTS o2c.watch_credit DEFERRED;
SELECT o2c.ship_order(:v), o2c.cancel_order(pg_temp.place(1, 'V')); SELECT o2c.bill(customer => 'V');
SELECT o2c.place_quotation('V', '[{"sku": "P", "quantity": 40}]', hold_credit_hours => 1) AS q \gset
SELECT o2c.accept_quotation(:q);
SET CONSTRAINTS o2c.watch_credit IMMEDIATE;
SELECT is(pg_temp.watch_events('V'), 'watch,clear,watch,clear,watch,clear,watch', 'an amount that only moves crosses nothing');
SELECT throws_ok('UPDATE o2c.credit_account SET watched = true', 'OC102', NULL, 'the engine knows what is watched');
SET LOCAL o2c.business_date = '2026-04-01';

-- another currency than the account's counts at the day's rate
SELECT o2c.set_credit_limit('US', 1000);
SELECT pg_temp.place(1, 'US', 'EUR') AS unrated \gset
SELECT is(pg_temp.state(:unrated), 'held', 'while no rate is known, an order is held');
SELECT is((SELECT array_agg(message) FROM o2c.explain_credit(:unrated) WHERE NOT passed), '{no exchange rate from EUR to USD is known}', 'and says why');
SELECT o2c.reject_order(:unrated, 'wrong currency');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('EUR', 'USD', '2026-01-01', 1.25), ('USD', 'EUR', '2026-04-10', 0.5);
SELECT is(o2c.exchange_rate('EUR', 'USD', d), r, 'EUR to USD on ' || d) FROM (VALUES (date '2026-01-01', 1.25), ('2026-04-09', 1.25), ('2026-04-10', 2)) AS v (d, r);
SELECT is(o2c.exchange_rate('USD', 'EUR', '2026-01-01'), 0.8, 'the inverse');
SELECT is(o2c.exchange_rate('USD', 'USD', '2000-01-01'), 1::numeric, 'one and the same');
SELECT throws_ok('SELECT o2c.exchange_rate(''EUR'', ''USD'', ''2025-12-31'')', 'OC005', NULL, 'before the first rate');
SELECT pg_temp.place(800, 'US', 'EUR') AS foreign_order \gset
SELECT is(pg_temp.state(:foreign_order), 'confirmed', '800 EUR are 1000 USD: the limit');
SELECT is((SELECT array_agg(observed) FROM o2c.explain_credit(:foreign_order) WHERE rule = 'credit_limit'), '{1000}'::numeric[], 'the decision has them converted');
SELECT is((SELECT credit_rate FROM o2c.sales_order WHERE order_id = :foreign_order), 1.25, 'the rate is kept');
SELECT is((SELECT ordered FROM o2c.credit_account WHERE credit_account_id = pg_temp.account('US')), 1000::numeric, 'and so is the exposure');
SELECT is(pg_temp.state(pg_temp.place(0.01, 'US', 'EUR')), 'held', 'a cent more is held');
SET LOCAL o2c.business_date = '2026-04-10';
SELECT o2c.ship_order(:foreign_order);
SELECT o2c.bill();
SELECT is((SELECT receivable FROM o2c.credit_account WHERE credit_account_id = pg_temp.account('US')), 1000::numeric, 'the invoice counts at the order''s rate');
SELECT o2c.record_payment(800, '2026-04-10', 'US', 'all of it', currency => 'EUR');
SELECT o2c.match_payments('2026-04-10');

INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ('F1', 'C2', '2026-04-10', '2026-05-10', 10, 'USD');
SELECT o2c.load_invoices();
SELECT is((SELECT array_agg(i.credit_rate * v.credit_rate) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.number = 'F1'), '{0.25}'::numeric[], 'an invoice that is loaded has a rate, and so has its item');
INSERT INTO o2c.payment_import (reference, customer, received_on, amount, currency) VALUES ('in USD', 'C2', '2026-04-10', 4, 'USD');
SELECT o2c.load_payments();
SELECT is((SELECT i.unapplied_value FROM o2c.payment p JOIN o2c.open_item i USING (company_id, item_id) WHERE p.reference = 'in USD'), 2.0, 'and a payment');
SELECT o2c.record_payment(6, '2026-04-10', 'C2', 'more USD', currency => 'USD') AS by_hand \gset
SELECT is((SELECT i.unapplied_value FROM o2c.open_item i JOIN o2c.payment p USING (company_id, item_id) WHERE p.payment_id = :by_hand), 3.0, 'recorded by hand, too');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
