-- Control: rules of one's own, and holds that are released one by one.
SET datestyle = ISO;
\set SHOW_CONTEXT never
SET o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('CO-1', 'Asks much');
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('CO-P', 'Machine', 1000, false);

-- A rule is a function and a row that says what happens when it is not satisfied.
CREATE SCHEMA house;
CREATE FUNCTION house.at_most(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE sql AS
$$SELECT (document.amount <= (parameters->>'most')::numeric, document.amount, (parameters->>'most')::numeric,
          format('an order of %s', document.amount))::o2c.finding$$;
INSERT INTO o2c.rule (code, checkpoint, function, parameters, reaction, customer_id)
SELECT v.code, 'order', 'house.at_most', jsonb_build_object('most', v.most), v.reaction, c.customer_id
FROM (VALUES ('large', 2000, 'warn'), ('manager', 4000, 'hold'), ('absurd', 9000, 'refuse')) v (code, most, reaction), o2c.customer c WHERE c.code = 'CO-1';
CREATE TEMP TABLE asked AS
SELECT q, o2c.place_order('CO-1', jsonb_build_array(jsonb_build_object('sku', 'CO-P', 'quantity', q))) AS order_id FROM unnest(ARRAY[2, 3, 5, 10]) q;
SELECT a.q AS thousands, o.state, d.outcome FROM asked a
JOIN o2c.sales_order o ON o.order_id = a.order_id JOIN o2c.decision d ON d.order_id = a.order_id ORDER BY a.q;

-- Every finding is kept as it was, whatever becomes of the rules.
SELECT order_id AS held FROM asked WHERE q = 5 \gset
UPDATE o2c.rule SET parameters = '{"most": 1}' WHERE code = 'large';
SELECT outcome, rule, reaction, passed, observed, threshold, message FROM o2c.explain_credit(:held) WHERE rule IN ('large', 'manager', 'absurd');
UPDATE o2c.decision SET outcome = 'pass' WHERE order_id = :held;

-- Holds are released one at a time; the last one lets the order go.
INSERT INTO o2c.hold (customer_id, order_id, reason) SELECT customer_id, order_id, 'call back first' FROM o2c.sales_order WHERE order_id = :held;
SELECT hold_id AS manager FROM o2c.hold WHERE order_id = :held AND rule = 'manager' \gset
SELECT hold_id AS person FROM o2c.hold WHERE order_id = :held AND rule = 'manual' \gset
SELECT o2c.release_hold(:manager, '');
SELECT o2c.release_hold(:manager, 'the manager agrees');
SELECT state FROM o2c.sales_order WHERE order_id = :held;
SELECT o2c.release_hold(:person, 'called');
SELECT state FROM o2c.sales_order WHERE order_id = :held;
SELECT rule, automatic, reason, state, released_on, release_reason FROM o2c.hold WHERE order_id = :held ORDER BY hold_id;
DELETE FROM o2c.rule WHERE function = 'house.at_most';
DROP TABLE asked;
