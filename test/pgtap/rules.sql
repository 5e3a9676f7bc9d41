-- Rules: each at its boundary, scopes, exclusions, releases, approval, holds by hand.
BEGIN;
SELECT no_plan();
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL o2c.business_date = '2026-03-01';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two'), ('C3', 'Three');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'C1a', 'Child', customer_id FROM o2c.customer WHERE code = 'C1';
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('P', 'Service', 10, false), ('D', 'Dear', 100, false);

-- asks a rule about a document of a customer
CREATE FUNCTION pg_temp.ask(function text, parameters jsonb, amount numeric DEFAULT 0, customer text DEFAULT 'C1', "order" bigint DEFAULT NULL,
                            day date DEFAULT o2c.today(), checkpoint text DEFAULT 'order') RETURNS o2c.finding LANGUAGE plpgsql AS $$
DECLARE f o2c.finding;
BEGIN
    EXECUTE format('SELECT (o2c.%I(ROW(1, $1, ''sales_order'', $2, $2, c.customer_id, $3, ''EUR'', 1, $4)::o2c.rule_case, $5)).*
                    FROM o2c.customer c WHERE c.company_id = 1 AND c.code = $6', function)
    INTO f USING checkpoint, "order", amount, day, parameters, customer;
    RETURN f;
END $$;
CREATE FUNCTION pg_temp.pass(function text, parameters jsonb, amount numeric DEFAULT 0, customer text DEFAULT 'C1', "order" bigint DEFAULT NULL,
                             day date DEFAULT o2c.today(), checkpoint text DEFAULT 'order') RETURNS boolean LANGUAGE sql AS
'SELECT (pg_temp.ask($1, $2, $3, $4, $5, $6, $7)).passed';
CREATE FUNCTION pg_temp.place(quantity numeric, customer text DEFAULT 'C1', terms text DEFAULT NULL, requested date DEFAULT NULL, discount numeric DEFAULT 0,
                              price numeric DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order($2, jsonb_build_array(jsonb_build_object('sku', 'P', 'quantity', $1, 'discount_percent', $5, 'unit_price', $6)),
                         payment_terms => $3, requested_on => $4)$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';

-- the value of a document
SELECT ok(pg_temp.pass('rule_document_value', '{"amount": 100}', 100), 'a document of the most passes');
SELECT ok(NOT pg_temp.pass('rule_document_value', '{"amount": 100}', 100.01), 'a cent more does not');
SELECT throws_ok($$SELECT pg_temp.ask('rule_document_value', '{}')$$, 'OC402', NULL, 'a rule without its parameter is broken');
SELECT throws_ok($$SELECT pg_temp.ask('rule_document_value', '{"amount": "much"}')$$, 'OC402', NULL, 'so is one with words for a number');
SELECT throws_ok($$SELECT pg_temp.ask('rule_document_value', '[1]')$$, 'OC402', NULL, 'and one whose parameters are no object');
SELECT throws_ok(format($$SELECT pg_temp.ask('rule_oldest_item', '{"days": %s}')$$, d), 'OC402', NULL, 'days of ' || d) FROM unnest('{-1,36501,1e300}'::text[]) d;

-- items: 100 due 2026-02-01 (28 days), 50 due 2026-02-19 (10 days), 50 due today, 200 due later
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES
    ('I1', 'C1', '2026-01-01', '2026-02-01', 100), ('I2', 'C1', '2026-01-20', '2026-02-19', 50),
    ('I3', 'C1', '2026-02-01', '2026-03-01', 50), ('I4', 'C1', '2026-02-10', '2026-04-01', 200);
SELECT o2c.load_invoices();
SELECT is((pg_temp.ask(f, p)).passed, passed, f || ' ' || p)
FROM (VALUES
    ('rule_oldest_item', '{"days": 28}'::jsonb, true), ('rule_oldest_item', '{"days": 27}', false),
    ('rule_overdue_share', '{"percent": 37.5}', true), ('rule_overdue_share', '{"percent": 37.49}', false),
    ('rule_overdue_share', '{"percent": 25, "days": 10}', true), ('rule_overdue_share', '{"percent": 24.9, "days": 10}', false),
    ('rule_overdue_share', '{"percent": 0, "days": 28}', true),
    ('rule_overdue_amount', '{"amount": 150}', true), ('rule_overdue_amount', '{"amount": 149.99}', false),
    ('rule_overdue_amount', '{"amount": 100, "days": 10}', true), ('rule_overdue_amount', '{"amount": 0, "days": 28}', true),
    ('rule_overdue_amount', '{"amount": 100, "percent": 80}', true),
    ('rule_aging_bucket', '{"from": 1, "to": 9}', true), ('rule_aging_bucket', '{"from": 1, "to": 10}', false),
    ('rule_aging_bucket', '{"from": 29}', true), ('rule_aging_bucket', '{"from": 28}', false),
    ('rule_aging_bucket', '{"from": 11, "amount": 100}', true), ('rule_aging_bucket', '{"from": 11, "amount": 99.99}', false),
    ('rule_oldest_item', '{}', false), ('rule_aging_bucket', '{}', false)) AS v (f, p, passed);
SELECT ok(pg_temp.pass(f, '{"percent": 0, "amount": 0}', customer => 'C2'), f || ' of a customer that owes nothing')
FROM unnest('{rule_oldest_item,rule_overdue_share,rule_overdue_amount,rule_aging_bucket}'::text[]) f;
SELECT is((pg_temp.ask('rule_overdue_share', '{"percent": 1}')).observed, 37.5, 'the share is told');
SELECT o2c.set_credit_limit('C1', 500);
SELECT ok(pg_temp.pass('rule_overdue_amount', '{"amount": 100, "percent": 80}'), '400 of 500 is 80 percent: the overdue amount does not count');
SELECT ok(NOT pg_temp.pass('rule_overdue_amount', '{"amount": 100, "percent": 79}'), 'above 79 percent it does');

-- what an order may use
SELECT ok(pg_temp.pass('rule_utilisation', '{"percent": 90}', 50), 'exactly the part of the limit');
SELECT ok(NOT pg_temp.pass('rule_utilisation', '{"percent": 90}', 50.01), 'a cent more');
SELECT ok(pg_temp.pass('rule_utilisation', '{"percent": 80}', 50, checkpoint => 'ship'), 'at shipping the order is in the exposure already');
SELECT ok(pg_temp.pass('rule_utilisation', '{"percent": 1}', 1e9, 'C2'), 'unlimited');
SELECT o2c.set_credit_limit('C3', 0);
SELECT ok(NOT pg_temp.pass('rule_utilisation', '{"percent": 90}', 1, 'C3'), 'no credit at all');
SELECT ok(pg_temp.pass('rule_credit_limit', '{}', 100), 'limit: equality passes');
SELECT ok(NOT pg_temp.pass('rule_credit_limit', '{}', 100.01), 'limit: a cent more does not');

-- dates
UPDATE o2c.credit_account SET review_on = '2026-02-27' WHERE customer_id = (SELECT customer_id FROM o2c.customer WHERE code = 'C1');
SELECT is(pg_temp.pass('rule_review_date', jsonb_build_object('days', d)), d >= 2, format('review %s days of grace', d)) FROM generate_series(1, 3) d;
SELECT ok(pg_temp.pass('rule_review_date', '{}', day => '2026-02-27'), 'on the day itself it is in time');
SELECT ok(pg_temp.pass('rule_review_date', '{}', customer => 'C2'), 'no review date');

-- the horizon
UPDATE o2c.rule SET valid_to = '2026-01-01' WHERE code IN ('credit_limit', 'overdue');
SELECT o2c.set_credit_limit('C2', 100);
SELECT pg_temp.place(8, 'C2', requested => '2026-03-31') AS far \gset
SELECT pg_temp.place(1, 'C2', requested => '2026-04-01') AS farther \gset
SELECT is(pg_temp.pass('rule_dynamic_limit', '{"days": 30}', a, 'C2'), a <= 20, format('horizon of 30 days, %s more', a)) FROM unnest('{20,20.01}'::numeric[]) a;
SELECT is(pg_temp.pass('rule_dynamic_limit', '{"days": 29}', a, 'C2'), a <= 100, format('horizon of 29 days, %s more', a)) FROM unnest('{100,100.01}'::numeric[]) a;
SELECT is(pg_temp.pass('rule_dynamic_limit', '{"days": 31}', 10.01, 'C2'), false, 'beyond neither');
SELECT ok(pg_temp.pass('rule_dynamic_limit', '{"days": 30}', 1000, 'C2', :farther), 'an order beyond the horizon does not count itself');

-- what was agreed
UPDATE o2c.customer SET payment_terms = 'net 30' WHERE code = 'C2';
SELECT pg_temp.place(1, 'C2', 'net 45') AS late \gset
SELECT pg_temp.place(1, 'C2', '2/10 net 30') AS saving \gset
SELECT pg_temp.place(1, 'C2', 'CIA') AS advance \gset
SELECT pg_temp.place(1, 'C2', discount => 15) AS cheap \gset
SELECT is(pg_temp.pass('rule_terms', '{"days": 15}', 10, 'C2', :late), true, '15 days later with 15 allowed');
SELECT is(pg_temp.pass('rule_terms', '{"days": 14}', 10, 'C2', :late), false, '15 days later with 14 allowed');
SELECT is(pg_temp.pass('rule_terms', '{}', 10, 'C2', :saving), false, 'a discount that the customer does not have');
SELECT is(pg_temp.pass('rule_terms', '{}', 10, 'C2', :advance), true, 'paid earlier than agreed');
SELECT is(pg_temp.pass('rule_terms', '{}', 10, 'C2', :cheap), true, 'the customer''s own');
SELECT is(pg_temp.pass('rule_prepayment', '{}', 10, 'C2', :advance), true, 'cash in advance');
SELECT is(pg_temp.pass('rule_prepayment', '{}', 10, 'C2', :late), false, 'credit');
SELECT is(pg_temp.pass('rule_discount', '{"percent": 15}', 10, 'C2', :cheap), true, 'discount of 15 percent with 15 allowed');
SELECT is(pg_temp.pass('rule_discount', '{"percent": 14.99}', 10, 'C2', :cheap), false, 'and with less');
SELECT is(pg_temp.pass('rule_price', '{"percent": 15}', 10, 'C2', :cheap), true, '15 percent below the price with 15 allowed');
SELECT is(pg_temp.pass('rule_price', '{"percent": 14.99}', 10, 'C2', :cheap), false, 'and with less');
SELECT is(pg_temp.pass('rule_price', '{}', 10, 'C2', :late), true, 'the price itself');

-- a user's own rule: one function, one row
CREATE FUNCTION public.rule_quantity(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE sql AS
$$SELECT count(*) = 0, count(*)::numeric, 0::numeric, 'too many of a line' FROM o2c.order_line l
  WHERE l.company_id = $1.company_id AND l.order_id = $1.order_id AND l.quantity > ($2 ->> 'most')::numeric$$;
INSERT INTO o2c.rule (code, checkpoint, function, parameters) VALUES ('quantity', 'order', 'public.rule_quantity', '{"most": 5}');
SELECT is(pg_temp.state(pg_temp.place(5, 'C1')), 'confirmed', 'five pass');
SELECT is(pg_temp.state(pg_temp.place(6, 'C1')), 'held', 'six do not');
-- scopes: the narrowest speaks
INSERT INTO o2c.rule (code, checkpoint, function, parameters, group_id)
    SELECT 'quantity', 'order', 'public.rule_quantity', '{"most": 6}', customer_id FROM o2c.customer WHERE code = 'C1';
INSERT INTO o2c.rule (code, checkpoint, function, parameters, risk_class) VALUES ('quantity', 'order', 'public.rule_quantity', '{"most": 7}', 'A');
SELECT is(pg_temp.state(pg_temp.place(6, 'C1a')), 'confirmed', 'a rule of the group');
SELECT is(pg_temp.state(pg_temp.place(6, 'C2')), 'held', 'is for its group only');
UPDATE o2c.customer SET risk_class = 'A' WHERE code IN ('C1a', 'C2');
SELECT is(pg_temp.state(pg_temp.place(7, 'C1a')), 'confirmed', 'a rule of the risk class is narrower');
SELECT is(pg_temp.state(pg_temp.place(8, 'C1a')), 'held', 'up to its own threshold');
INSERT INTO o2c.rule (code, checkpoint, function, parameters, customer_id)
    SELECT 'quantity', 'order', 'public.rule_quantity', '{"most": 3}', customer_id FROM o2c.customer WHERE code = 'C1a';
SELECT is(pg_temp.state(pg_temp.place(4, 'C1a')), 'held', 'a rule of the customer is the narrowest');
INSERT INTO o2c.rule (code, version, checkpoint, function, parameters, customer_id)
    SELECT 'quantity', 2, 'order', 'public.rule_quantity', '{"most": 30}', customer_id FROM o2c.customer WHERE code = 'C1a';
SELECT is(pg_temp.state(pg_temp.place(20, 'C1a')), 'confirmed', 'its latest version speaks');
INSERT INTO o2c.rule (code, version, checkpoint, function, parameters, cumulative) VALUES ('quantity', 3, 'order', 'public.rule_quantity', '{"most": 19}', true);
SELECT is(pg_temp.state(pg_temp.place(20, 'C1a')), 'held', 'a cumulative rule applies beside it');
SELECT throws_ok($$INSERT INTO o2c.rule (code, checkpoint, function, customer_id, risk_class) SELECT 'x', 'order', 'f', customer_id, 'A' FROM o2c.customer$$,
                 '23514', NULL, 'one scope only');

-- exclusions come after the rules
INSERT INTO o2c.rule (code, checkpoint, function, parameters, reaction) VALUES ('quantity', 'order', 'o2c.rule_document_value', '{"amount": 250}', 'exclude');
SELECT pg_temp.place(25, 'C1a') AS excluded \gset
SELECT is(pg_temp.state(:excluded), 'confirmed', 'an exclusion that is satisfied cancels the rule');
SELECT is((SELECT array_agg(reaction || ' ' || passed ORDER BY reaction) FROM o2c.explain_credit(:excluded)), '{exclude true,hold true,hold true}'::text[], 'both are in the decision');
SELECT is(pg_temp.state(pg_temp.place(25.01, 'C1a')), 'held', 'one that is not does not');
INSERT INTO o2c.rule (code, checkpoint, function, parameters) VALUES ('value', 'order', 'o2c.rule_document_value', '{"amount": 10}');
SELECT is(pg_temp.state(pg_temp.place(25, 'C1a')), 'held', 'an exclusion is for the rule with its code');
INSERT INTO o2c.rule (code, checkpoint, function, parameters, reaction, customer_id)
    SELECT 'small', 'order', 'o2c.rule_document_value', '{"amount": 300}', 'release', customer_id FROM o2c.customer WHERE code = 'C1a';
SELECT is(pg_temp.state(pg_temp.place(30, 'C1a')), 'confirmed', 'a release is for all rules');
UPDATE o2c.rule SET valid_to = '2026-01-01' WHERE code <> 'value';

-- changing a rule never changes a decision
SELECT pg_temp.place(2, 'C2') AS kept \gset
CREATE TEMP TABLE decided AS SELECT * FROM o2c.explain_credit(:kept);
UPDATE o2c.rule SET parameters = '{"amount": 9}' WHERE code = 'value';
SELECT set_eq(format('SELECT * FROM o2c.explain_credit(%s)', :kept), 'SELECT * FROM decided', 'a decision stays as it was stored');
SELECT throws_ok('UPDATE o2c.decision SET amount = 1', 'OC102', NULL, 'nobody rewrites one');

-- a release is good for days and up to a deviation: value 100 released on 2026-03-01 for 3 days and 10 percent
SELECT is((SELECT state FROM o2c.sales_order WHERE order_id = :kept), 'held', 'the order is held');
SELECT pg_temp.place(10, 'C3') AS released \gset
SELECT hold_id AS hold FROM o2c.hold WHERE order_id = :released \gset
SELECT throws_ok(format('SELECT o2c.release_hold(%s, ''x'', days => %s)', :hold, d), 'OC002', NULL, 'no release for ' || d) FROM unnest('{-1,3651}'::int[]) d;
SELECT throws_ok(format('SELECT o2c.release_hold(%s, ''x'', deviation_percent => %L)', :hold, d), 'OC002', NULL, 'no deviation of ' || d) FROM unnest('{-1,NaN,Infinity}'::text[]) d;
SELECT o2c.place_hold('C3', 'wait for the manager');
SELECT o2c.release_hold(:hold, 'known customer', 3, 10);
SELECT is(pg_temp.state(:released), 'held', 'another hold still keeps it');
CREATE FUNCTION pg_temp.waived(amount numeric, day date) RETURNS boolean LANGUAGE sql AS
$$SELECT $1 <= release_value * (100 + release_deviation) * 0.01 AND $2 <= release_until FROM o2c.hold WHERE rule = 'value' AND release_value = 100$$;
SELECT is(pg_temp.waived(a, d), want, format('%s on %s', a, d)) FROM (VALUES
    (100, date '2026-03-01', true), (110, '2026-03-01', true), (110.01, '2026-03-01', false), (110, '2026-03-04', true),
    (100, '2026-03-05', false), (110.01, '2026-03-05', false), (1, '2026-03-04', true)) AS v (a, d, want);
SET LOCAL o2c.business_date = '2026-03-04';
SELECT o2c.release_hold(hold_id, 'fine') FROM o2c.hold WHERE reason = 'wait for the manager';
SELECT is(pg_temp.state(:released), 'confirmed', 'on the last day the release holds when the order is checked again');
SET LOCAL o2c.business_date = '2026-03-01';
SELECT pg_temp.place(10, 'C3') AS expired \gset
SELECT o2c.place_hold('C3', 'wait');
SELECT o2c.release_hold(hold_id, 'known customer', 3, 10) FROM o2c.hold WHERE order_id = :expired;
SET LOCAL o2c.business_date = '2026-03-05';
SELECT o2c.release_hold(hold_id, 'fine') FROM o2c.hold WHERE reason = 'wait';
SELECT is(pg_temp.state(:expired), 'held', 'a day later it is checked again');

-- an agency's score: the latest, while it is valid
SELECT o2c.today() AS today \gset
SET LOCAL o2c.business_date = '2026-03-01';
SELECT is((pg_temp.ask('rule_external_score', '{"minimum": 50}', customer => 'C2')).message, 'no valid score "external_score" of the customer is known', 'no score is not enough');
SELECT o2c.record_information('C1', 'external_score', '50', 'Bureau'), o2c.record_information('C1', 'paydex', '"good"'), o2c.record_information('C2', 'paydex', '80', valid_to => '2026-03-10');
SELECT is(pg_temp.pass('rule_external_score', p::jsonb, customer => c, day => d), want, format('score of %s on %s: %s', c, d, p)) FROM (VALUES
    ('C1', date '2026-03-01', '{"minimum": 50}', true), ('C1', '2026-03-01', '{"minimum": 50.01}', false), ('C1', '2026-02-28', '{"minimum": 0}', false),
    ('C1', '2026-03-31', '{"minimum": 50, "days": 30}', true), ('C1', '2026-04-01', '{"minimum": 50, "days": 30}', false), ('C1', '2026-04-01', '{"minimum": 50}', true),
    ('C1a', '2026-03-01', '{"minimum": 50}', true), ('C1', '2026-03-01', '{"minimum": 1, "name": "paydex"}', false),
    ('C2', '2026-03-10', '{"minimum": 80, "name": "paydex"}', true), ('C2', '2026-03-11', '{"minimum": 80, "name": "paydex"}', false)) AS v (c, d, p, want);
SELECT is((pg_temp.ask('rule_external_score', '{"minimum": 60}')).message, 'the score of Bureau is 50, less than 60', 'the source is named');
SELECT o2c.record_information('C1a', 'external_score', '70');
SELECT is((pg_temp.ask('rule_external_score', '{"minimum": 60}', customer => 'C1a')).observed, 70::numeric, 'its own comes first');
SELECT o2c.record_information('C1a', 'external_score', 'null');
SELECT ok(NOT pg_temp.pass('rule_external_score', '{"minimum": 60}', customer => 'C1a'), 'also when it is known no longer');
SELECT throws_ok($$SELECT pg_temp.ask('rule_external_score', '{"minimum": 1, "name": 5}')$$, 'OC402', NULL, 'a name is a text');
SELECT throws_ok($$SELECT pg_temp.ask('rule_external_score', '{}')$$, 'OC402', NULL, 'a minimum is needed');

SELECT set_config('o2c.business_date', :'today', true);

-- the margin: 10 each cost 6
INSERT INTO o2c.product (sku, name, unit_price, cost, stocked) VALUES ('M', 'With a cost', 10, 6, false);
INSERT INTO o2c.product (sku, name, unit_price, cost, currency, stocked) VALUES ('U', 'In dollars', 1, 100, 'USD', false);
CREATE FUNCTION pg_temp.sell(lines text) RETURNS bigint LANGUAGE sql AS $$SELECT o2c.place_order('C2', $1::jsonb)$$;
SELECT pg_temp.sell('[{"sku": "M", "quantity": 3}, {"sku": "P", "quantity": 1, "unit_price": 0}, {"sku": "U", "quantity": 1, "unit_price": 0}]') AS normal \gset
SELECT pg_temp.sell('[{"sku": "M", "quantity": 1, "unit_price": 8}, {"sku": "M", "quantity": 1, "unit_price": 0}]') AS mixed \gset
SELECT pg_temp.sell('[{"sku": "M", "quantity": 1, "unit_price": 0}]') AS gift \gset
SELECT pg_temp.sell('[{"sku": "P", "quantity": 1}]') AS unknown \gset
SELECT is((pg_temp.ask('rule_margin', '{"percent": 40}', "order" => o)).observed, m, n) FROM (VALUES
    (:normal::bigint, 40::numeric, '10 less 6, whatever else is on it'), (:mixed, -50, '8 less 12'), (:gift, NULL, 'nothing less 6'), (:unknown, NULL, 'no cost')) AS v (o, m, n);
SELECT is(pg_temp.pass('rule_margin', p::jsonb, "order" => o), want, n) FROM (VALUES
    ('{"percent": 40}', :normal::bigint, true, 'of 40 percent'), ('{"percent": 40.01}', :normal, false, 'and not more'), ('{"percent": -50}', :mixed, true, 'a loss may be allowed'),
    ('{"percent": -49.99}', :mixed, false, 'to a point'), ('{"percent": -100}', :gift, false, 'a gift is below any margin'), ('{"percent": 99}', :unknown, true, 'what is not known is left out')) AS v (p, o, want, n);
SELECT o2c.cancel_line(:mixed, 2);
SELECT is((pg_temp.ask('rule_margin', '{"percent": 40}', "order" => :mixed)).observed, 25::numeric, 'what is cancelled does not count');
SELECT throws_ok($$INSERT INTO o2c.product (sku, name, cost) VALUES ('X', 'x', -1)$$, '23514', NULL, 'no negative cost');
SELECT throws_ok($$INSERT INTO o2c.product (sku, name, cost) VALUES ('X', 'x', 'NaN')$$, '23514', NULL, 'nor NaN');

-- a rule that names a duty: neither the requester nor somebody without authority releases
CREATE ROLE o2c_test_manager;
CREATE ROLE o2c_test_director;
GRANT USAGE ON SCHEMA o2c TO o2c_test_manager, o2c_test_director;
GRANT EXECUTE ON FUNCTION o2c.release_hold(bigint, text, integer, numeric, bigint) TO o2c_test_manager, o2c_test_director;
UPDATE o2c.rule SET valid_to = '2026-01-01';
INSERT INTO o2c.rule (code, checkpoint, function, parameters, duty) VALUES ('discount', 'order', 'o2c.rule_discount', '{"percent": 10}', 'sales');
INSERT INTO o2c.rule (code, checkpoint, function) VALUES ('terms', 'order', 'o2c.rule_terms');
SELECT pg_temp.place(1, 'C3', '2/10 net 30') AS generous \gset
SELECT is((SELECT passed FROM o2c.explain_credit(:generous) WHERE rule = 'terms'), false, 'better terms are seen when the order is placed');
SELECT o2c.cancel_order(:generous);
DELETE FROM o2c.rule WHERE code = 'terms';
INSERT INTO o2c.authority (duty, holder, amount, overrun_percent) VALUES ('sales', 'o2c_test_manager', 100, 100), ('sales', 'o2c_test_director', NULL, NULL), ('sales', 'no_such_role', NULL, NULL);
SELECT pg_temp.place(20, 'C3', discount => 20) AS big \gset
SELECT pg_temp.place(12, 'C3', discount => 20) AS small \gset
SELECT pg_temp.place(2, 'C3', discount => 30) AS steep \gset
SELECT hold_id AS big_hold FROM o2c.hold WHERE order_id = :big \gset
SELECT hold_id AS small_hold FROM o2c.hold WHERE order_id = :small \gset
SELECT hold_id AS steep_hold FROM o2c.hold WHERE order_id = :steep \gset
SELECT is((SELECT duty FROM o2c.hold WHERE hold_id = :big_hold), 'sales', 'the hold names the duty');
SELECT throws_ok(format('SELECT o2c.release_hold(%s, ''x'')', :big_hold), 'OC301', NULL, 'who entered the order does not approve it');
SET LOCAL ROLE o2c_test_manager;
SELECT o2c.release_hold(:small_hold, 'repeat customer');
SAVEPOINT s;
\set ON_ERROR_STOP off
SELECT o2c.release_hold(:big_hold, 'too big for me');
\set big_state :SQLSTATE
ROLLBACK TO s;
SELECT o2c.release_hold(:steep_hold, 'too steep for me');
\set steep_state :SQLSTATE
ROLLBACK TO s;
SET LOCAL ROLE o2c_test_director;
SELECT o2c.release_hold(:big_hold, 'for me it is not');
RESET ROLE;
SELECT is(:'big_state'::text, 'OC301', 'above the amount of the authority');
SELECT is(:'steep_state'::text, 'OC301', 'above its overrun');
SELECT is(array[pg_temp.state(:small), pg_temp.state(:big), pg_temp.state(:steep)], '{confirmed,confirmed,held}'::text[], 'each within its authority');

-- holds by hand, and rejecting
SELECT throws_ok('SELECT o2c.place_hold(NULL, ''x'')', 'OC002', NULL, 'a hold of nobody');
SELECT throws_ok('SELECT o2c.place_hold(''C1'', '''')', 'OC002', NULL, 'a hold without a reason');
SELECT throws_ok('SELECT o2c.place_hold(''nobody'', ''x'')', 'OC001', NULL, 'of an unknown customer');
SELECT throws_ok('SELECT o2c.place_hold(NULL, ''x'', -1)', 'OC001', NULL, 'of an unknown order');
SELECT throws_ok(format('SELECT o2c.place_hold(''C1'', ''x'', %s)', :big), 'OC002', NULL, 'of another customer''s order');
SELECT o2c.place_hold(NULL, 'address unclear', :big);
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :big), 'OC103', NULL, 'a confirmed order on hold does not ship');
SELECT throws_ok(format('SELECT o2c.reject_order(%s, ''x'')', :big), 'OC101', NULL, 'and is not rejected');
SELECT o2c.reject_order(:steep, 'too steep');
SELECT is(pg_temp.state(:steep), 'refused', 'a held order is rejected');
SELECT is((SELECT count(*) FROM o2c.hold WHERE order_id = :steep AND released_at IS NULL), 0::bigint, 'its holds are closed');
SELECT is((SELECT message FROM o2c.explain_credit(:steep) WHERE rule = 'rejected'), 'too steep', 'the reason is in the decisions');
SELECT throws_ok(format('SELECT o2c.place_hold(NULL, ''x'', %s)', :steep), 'OC101', NULL, 'nothing to hold any more');
SELECT throws_ok(format('SELECT o2c.reject_order(%s, ''x'')', :steep), 'OC101', NULL, 'nor to reject');
SELECT throws_ok('SELECT o2c.reject_order(-1, ''x'')', 'OC001', NULL, 'no such order');
SELECT throws_ok('SELECT o2c.reject_order(1, '''')', 'OC002', NULL, 'no reason');

SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
