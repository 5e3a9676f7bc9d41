-- Rules, decisions and holds: what keeps an order, what lets it go, and what is remembered.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(79);

SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two'), ('C3', 'Three'), ('C4', 'Four');
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One elsewhere');
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('P', 'Product', 1, false);
INSERT INTO o2c.product (company_id, sku, name, unit_price, stocked) VALUES (2, 'P', 'Theirs', 1, false);

CREATE FUNCTION pg_temp.buy(customer text, amount numeric, company bigint DEFAULT 1) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order(customer, jsonb_build_array(jsonb_build_object('sku', 'P', 'quantity', amount)), company_id => company)$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE order_id = $1';
CREATE FUNCTION pg_temp.customer(code text) RETURNS bigint LANGUAGE sql AS 'SELECT customer_id FROM o2c.customer WHERE company_id = 1 AND code = $1';
CREATE FUNCTION pg_temp.holds("order" bigint) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(rule || ' ' || h.state, ', ' ORDER BY hold_id) FROM o2c.hold h WHERE order_id = $1$$;
CREATE FUNCTION pg_temp.hold("order" bigint, rule text DEFAULT 'credit_limit') RETURNS bigint LANGUAGE sql AS
$$SELECT max(hold_id) FROM o2c.hold h WHERE order_id = $1 AND h.rule = $2$$;

-- A rule is a function and a row.
CREATE SCHEMA house;
CREATE FUNCTION house.at_most(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE sql AS
$$SELECT (document.amount <= (parameters->>'most')::numeric, document.amount, (parameters->>'most')::numeric, format('%s is more than %s', document.amount, parameters->>'most'))::o2c.finding$$;
INSERT INTO o2c.rule (code, checkpoint, function, parameters, reaction) VALUES
    ('large', 'order', 'house.at_most', '{"most": 1000}', 'warn'),
    ('larger', 'order', 'house.at_most', '{"most": 2000}', 'hold'),
    ('largest', 'order', 'house.at_most', '{"most": 5000}', 'refuse');
CREATE TEMP TABLE asked (amount numeric, expected text, outcome text, order_id bigint);
INSERT INTO asked SELECT v.amount, v.expected, v.outcome, pg_temp.buy('C1', v.amount)
FROM (VALUES (1000, 'confirmed', 'pass'), (1000.01, 'confirmed', 'warn'), (2000, 'confirmed', 'warn'), (2000.01, 'held', 'hold'),
             (5000, 'held', 'hold'), (5000.01, 'refused', 'refuse')) v (amount, expected, outcome);
SELECT is(pg_temp.state(order_id), expected, format('%s is %s', amount, expected)) FROM asked;
SELECT is((SELECT d.outcome FROM o2c.decision d WHERE d.order_id = a.order_id), a.outcome, format('%s: the decision', a.amount)) FROM asked a;
SELECT is((SELECT string_agg(format('%s %s %s %s %s', f.rule, f.reaction, f.passed, f.observed, f.threshold), '; ' ORDER BY f.rule)
           FROM asked a, o2c.explain_credit(a.order_id) f WHERE a.amount = 5000.01 AND f.rule LIKE 'large%'),
          'large warn f 5000.01 1000; larger hold f 5000.01 2000; largest refuse f 5000.01 5000', 'every rule is asked, and every finding kept');
SELECT is((SELECT message FROM asked a, o2c.explain_credit(a.order_id) f WHERE a.amount = 2000.01 AND f.rule = 'larger'), '2000.01 is more than 2000', 'in words');
SELECT is((SELECT pg_temp.holds(order_id) FROM asked WHERE amount = 2000.01), 'larger placed', 'only the rule that holds places a hold');
SELECT is((SELECT string_agg(f.rule, ', ' ORDER BY f.rule) FROM asked a, o2c.explain_credit(a.order_id) f WHERE a.amount = 1000),
          'credit_limit, large, larger, largest, overdue', 'the engine''s own rules are rows like them');

-- What was decided stays, whatever the rules become.
CREATE TEMP TABLE before_change AS SELECT d.* FROM o2c.decision d;
UPDATE o2c.rule SET parameters = '{"most": 1}' WHERE code = 'large';
INSERT INTO o2c.rule (code, version, checkpoint, function, parameters, reaction) VALUES ('larger', 2, 'order', 'house.at_most', '{"most": 3000}', 'hold');
SELECT set_eq('SELECT decision_id, findings::text FROM o2c.decision', 'SELECT decision_id, findings::text FROM before_change', 'decisions do not change with the rules');
SELECT throws_ok(s, 'OC102', NULL, s) FROM (VALUES ('UPDATE o2c.decision SET outcome = ''pass'''), ('UPDATE o2c.decision SET findings = ''[]'''), ('DELETE FROM o2c.decision')) v (s);
SELECT pg_temp.buy('C1', 2500) AS v2 \gset
SELECT is((SELECT format('%s %s %s', version, passed, threshold) FROM o2c.explain_credit(:v2) WHERE rule = 'larger'), '2 t 3000', 'the latest version speaks');
UPDATE o2c.rule SET valid_to = '2026-03-01' WHERE code = 'larger' AND version = 2;
SELECT pg_temp.buy('C1', 2500) AS v1 \gset
SELECT is((SELECT version FROM o2c.explain_credit(:v1) WHERE rule = 'larger'), 1, 'a version that ended does not');
INSERT INTO o2c.rule (code, checkpoint, function, parameters, reaction, customer_id) VALUES ('larger', 'order', 'house.at_most', '{"most": 100}', 'hold', pg_temp.customer('C2'));
SELECT is(pg_temp.state(pg_temp.buy('C2', 101)), 'held', 'a rule of the customer goes before the rule for all');
SELECT is(pg_temp.state(pg_temp.buy('C3', 101)), 'confirmed', 'and is for no other');
INSERT INTO o2c.rule (code, checkpoint, function, parameters, reaction, valid_from) VALUES ('next_year', 'order', 'house.at_most', '{"most": 0}', 'refuse', '2027-01-01');
SELECT is(pg_temp.state(pg_temp.buy('C3', 1)), 'confirmed', 'a rule of next year does not apply yet');
SET LOCAL o2c.business_date = '2027-01-01';
SELECT is(pg_temp.state(pg_temp.buy('C3', 1)), 'refused', 'next year it does');
SET LOCAL o2c.business_date = '2026-03-02';
SELECT is(pg_temp.state(pg_temp.buy('C1', 9999, 2)), 'confirmed', 'rules are of one company');
DELETE FROM o2c.rule WHERE code LIKE 'large%' OR code = 'next_year';

-- Rules that do not work say so.
CREATE FUNCTION house.nothing(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE sql AS 'SELECT NULL::o2c.finding';
CREATE FUNCTION house.no_answer(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE sql AS 'SELECT (NULL, NULL, NULL, NULL)::o2c.finding';
CREATE FUNCTION house.wrong_result(document o2c.rule_case, parameters jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION house.wrong_arguments(document o2c.rule_case) RETURNS o2c.finding LANGUAGE sql AS 'SELECT (true, NULL, NULL, NULL)::o2c.finding';
CREATE FUNCTION house.fails(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''22012''; END';
CREATE FUNCTION house.meddles(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE plpgsql AS
'BEGIN UPDATE o2c.credit_account SET ordered = 0; RETURN (true, NULL, NULL, NULL)::o2c.finding; END';
CREATE FUNCTION pg_temp.with_rule(function text, parameters jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    INSERT INTO o2c.rule (code, checkpoint, function, parameters) VALUES ('tried', 'order', $1, $2);
    result := pg_temp.state(pg_temp.buy('C3', 1));
    DELETE FROM o2c.rule WHERE code = 'tried';
    RETURN result;
END $$;
SELECT throws_ok(format('SELECT pg_temp.with_rule(%L)', f), c, NULL, coalesce(nullif(f, ''), 'an empty name'))
FROM (VALUES ('house.not_there', 'OC402'), ('', 'OC402'), ('a.b.c.d.e', 'OC402'), ('house.at_most; DROP TABLE o2c.event', 'OC402'), ('"', 'OC402'),
             ('house.wrong_result', 'OC402'), ('house.wrong_arguments', 'OC402'), ('house.nothing', 'OC402'), ('house.fails', '22012'), ('house.meddles', 'OC102'),
             ('no_schema.at_most', 'OC402')) v (f, c);
SELECT is(pg_temp.with_rule('house.no_answer'), 'held', 'a rule that does not say yes says no');
SELECT throws_ok($$SELECT pg_temp.with_rule('o2c.rule_overdue', '{"days": "x"}')$$, 'OC402', NULL, 'a parameter that is no number');
SELECT throws_ok($$INSERT INTO o2c.rule (code, checkpoint, function) VALUES ('x', 'nowhere', 'house.nothing')$$, '23514', NULL, 'an unknown checkpoint');
SELECT throws_ok($$INSERT INTO o2c.rule (code, checkpoint, function, reaction) VALUES ('x', 'order', 'house.nothing', 'explode')$$, '23514', NULL, 'an unknown reaction');
SELECT throws_ok($$INSERT INTO o2c.rule (code, checkpoint, function, valid_from, valid_to) VALUES ('x', 'order', 'house.nothing', '2026-02-01', '2026-01-01')$$, '23514', NULL, 'a validity backwards');

-- Two holds: both must go.
INSERT INTO o2c.rule (code, checkpoint, function, parameters) VALUES ('value', 'order', 'house.at_most', '{"most": 10}');
SELECT o2c.set_credit_limit('C4', 10);
SELECT pg_temp.buy('C4', 11) AS twice \gset
SELECT is(pg_temp.holds(:twice), 'credit_limit placed, value placed', 'two rules, two holds');
SELECT o2c.release_hold(pg_temp.hold(:twice), 'paid in advance');
SELECT is(pg_temp.state(:twice) || ': ' || pg_temp.holds(:twice), 'held: credit_limit released, value placed', 'releasing one leaves the other');
SELECT throws_ok(format('UPDATE o2c.sales_order SET state = ''confirmed'' WHERE order_id = %s', :twice), 'OC103', NULL, 'nobody confirms past a hold');
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :twice), 'OC103', NULL, 'nor ships');
SELECT o2c.release_hold(pg_temp.hold(:twice, 'value'), 'the boss said so');
SELECT is(pg_temp.state(:twice), 'confirmed', 'releasing the last one confirms');
SELECT is((SELECT (ordered, credit_limit)::text FROM o2c.credit_account WHERE customer_id = pg_temp.customer('C4')), '(11.0000,10)', 'above the limit, as it was decided');
SELECT is((SELECT format('%s %s %s %s', released_on, released_by, release_reason, automatic) FROM o2c.hold WHERE hold_id = pg_temp.hold(:twice)),
          format('2026-03-02 %s paid in advance t', current_user), 'who released it, when and why');
SELECT is((SELECT array_agg(activity ORDER BY event_id) FROM o2c.event WHERE order_id = :twice),
          '{hold.placed,hold.placed,sales_order.held,hold.released,hold.released,sales_order.confirmed}', 'all of it is in the log');
SELECT throws_ok(format('SELECT o2c.release_hold(%s)', a), c, NULL, 'release_hold: ' || l)
FROM (VALUES ('NULL, ''x''', 'OC002', 'no hold'), ('1, NULL', 'OC002', 'no reason'), ('1, ''''', 'OC002', 'an empty reason'), ('-1, ''x''', 'OC001', 'an unknown hold'),
             (format('%s, ''x''', pg_temp.hold(:twice)), 'OC101', 'released before'), (format('%s, ''x'', company_id => 2', pg_temp.hold(:twice)), 'OC001', 'another company''s')) v (a, c, l);
DELETE FROM o2c.rule WHERE code = 'value';

-- A hold that a person places stays until a person releases it.
INSERT INTO o2c.hold (customer_id, reason) VALUES (pg_temp.customer('C3'), 'moving house') RETURNING hold_id AS manual \gset
SELECT pg_temp.buy('C3', 5) AS kept \gset
SELECT is(pg_temp.state(:kept), 'held', 'a hold of the customer keeps new orders');
SELECT is((SELECT format('%s %s %s', rule, passed, message) FROM o2c.explain_credit(:kept) WHERE NOT passed), 'manual f moving house', 'and is a finding of its decision');
SELECT is((SELECT format('%s %s', rule, automatic) FROM o2c.hold WHERE order_id = :kept), 'manual t', 'and of the order, for as long');
SELECT o2c.set_credit_limit('C3', 1000000);
SELECT is(pg_temp.state(:kept), 'held', 'more credit does not change that');
UPDATE o2c.sales_order SET state = 'submitted' WHERE order_id = :kept;
SELECT is(pg_temp.state(:kept), 'held', 'nor does submitting again');
SELECT o2c.release_hold(pg_temp.hold(:kept, 'manual'), 'never mind');
SELECT is(pg_temp.state(:kept), 'held', 'nor does a release of the order alone');
SELECT o2c.release_hold(:manual, 'moved');
SELECT is(pg_temp.state(:kept), 'confirmed', 'the release of the customer''s hold lets the order go');
SELECT pg_temp.buy('C3', 5) AS free \gset
INSERT INTO o2c.hold (customer_id, order_id, reason, blocks_order) VALUES (pg_temp.customer('C3'), :free, 'check the address', false) RETURNING hold_id AS address \gset
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :free), 'OC103', NULL, 'a hold on shipping stops the goods of a confirmed order');
SELECT o2c.release_hold(:address, 'checked');
SELECT lives_ok(format('SELECT o2c.ship_order(%s)', :free), 'and no longer');
INSERT INTO o2c.hold (customer_id, reason, blocks_shipping) VALUES (pg_temp.customer('C3'), 'no new business', false);
SELECT lives_ok(format('SELECT o2c.ship_order(%s)', :kept), 'a hold on ordering does not stop goods that were promised');

-- An order held by hand as well as by a rule: the rule's hold goes with its cause, the other one stays.
SELECT o2c.set_credit_limit('C2', 0);
SELECT pg_temp.buy('C2', 5) AS both \gset
INSERT INTO o2c.hold (customer_id, order_id, reason) VALUES (pg_temp.customer('C2'), :both, 'ask the salesman');
SELECT o2c.set_credit_limit('C2', 100);
SELECT is(pg_temp.state(:both), 'held', 'more credit lets nobody past a person''s hold');
SELECT o2c.release_hold(pg_temp.hold(:both, 'manual'), 'he agrees');
SELECT is(pg_temp.state(:both) || ': ' || pg_temp.holds(:both), 'confirmed: credit_limit released, manual released', 'its release has the order looked at again: the cause is gone');
SELECT o2c.set_credit_limit('C2', 0);
SELECT pg_temp.buy('C2', 5) AS again \gset
INSERT INTO o2c.hold (customer_id, order_id, reason) VALUES (pg_temp.customer('C2'), :again, 'ask the salesman');
SELECT o2c.release_hold(pg_temp.hold(:again, 'manual'), 'he agrees');
SELECT is(pg_temp.state(:again) || ': ' || pg_temp.holds(:again), 'held: credit_limit placed, manual released', 'or it is not, then the rule''s hold stays');
INSERT INTO o2c.hold (customer_id, order_id, reason) VALUES (pg_temp.customer('C2'), :again, 'ask the manager');
SELECT o2c.release_hold(pg_temp.hold(:again), 'paid in cash');
SELECT o2c.release_hold(pg_temp.hold(:again, 'manual'), 'she agrees');
SELECT is(pg_temp.state(:again), 'confirmed', 'a rule that a person has overridden is not asked again');

-- Written directly.
SELECT throws_ok(format(s, pg_temp.hold(:both, 'manual')), c, NULL, l) FROM (VALUES
    ('UPDATE o2c.hold SET released_at = NULL, released_by = NULL, released_on = NULL, release_reason = NULL WHERE hold_id = %s', 'OC102', 'a release is not taken back'),
    ('UPDATE o2c.hold SET reason = ''x'' WHERE hold_id = %s', 'OC102', 'a reason does not change'),
    ('UPDATE o2c.hold SET order_id = NULL WHERE hold_id = %s', 'OC102', 'nor what is held'),
    ('DELETE FROM o2c.hold WHERE hold_id = %s', 'OC102', 'a hold is not deleted'),
    ('INSERT INTO o2c.hold (customer_id, reason) SELECT customer_id, '''' FROM o2c.hold WHERE hold_id = %s', '23514', 'a hold has a reason'),
    ('INSERT INTO o2c.hold (customer_id, order_id, reason) SELECT customer_id, -1, ''x'' FROM o2c.hold WHERE hold_id = %s', '23503', 'of an order that is there'),
    ('INSERT INTO o2c.hold (customer_id, reason, company_id) SELECT customer_id, ''x'', 2 FROM o2c.hold WHERE hold_id = %s', '23503', 'of a customer of the same company')) v (s, c, l);

SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
