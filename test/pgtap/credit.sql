-- Credit accounts: limits, exposure, shared accounts, held orders that get their turn.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(70);

SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'USD');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two'), ('C3', 'Three'), ('C4', 'Four'), ('FREE', 'No limit');
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One elsewhere');
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('P', 'Product', 0.01, false);
INSERT INTO o2c.product (company_id, sku, name, unit_price, stocked) VALUES (2, 'P', 'Theirs', 0.01, false);

-- An order of an amount: the product costs a cent.
CREATE FUNCTION pg_temp.buy(customer text, amount numeric, company bigint DEFAULT 1) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order(customer, jsonb_build_array(jsonb_build_object('sku', 'P', 'quantity', amount * 100)), company_id => company)$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE order_id = $1';
CREATE FUNCTION pg_temp.account(customer text, company bigint DEFAULT 1) RETURNS o2c.credit_account LANGUAGE sql AS
'SELECT a FROM o2c.customer c JOIN o2c.customer_credit m USING (company_id, customer_id) JOIN o2c.credit_account a USING (company_id, credit_account_id)
 WHERE c.company_id = company AND c.code = customer';
CREATE FUNCTION pg_temp.parts(customer text) RETURNS numeric[] LANGUAGE sql AS
'SELECT array[trim_scale(a.ordered), trim_scale(a.shipped), trim_scale(a.receivable), trim_scale(a.unapplied)] FROM pg_temp.account(customer) a';
CREATE FUNCTION pg_temp.cancel("order" bigint) RETURNS void LANGUAGE sql AS $$UPDATE o2c.sales_order SET state = 'cancelled' WHERE order_id = $1$$;

-- The boundary.
CREATE TEMP TABLE boundary (credit numeric, amount numeric, expected text);
INSERT INTO boundary VALUES (100, 99.99, 'confirmed'), (100, 100, 'confirmed'), (100, 100.01, 'held'), (0, 0.01, 'held'),
    (NULL, 1e12, 'confirmed'), (0.01, 0.01, 'confirmed'), (1e30, 1e29, 'confirmed'), (99.995, 100, 'held'), (100.005, 100.01, 'held');
CREATE FUNCTION pg_temp.try(credit numeric, amount numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE o bigint; result text;
BEGIN
    PERFORM o2c.set_credit_limit('C1', credit);
    o := pg_temp.buy('C1', amount);
    result := pg_temp.state(o);
    PERFORM pg_temp.cancel(o);
    RETURN result;
END $$;
SELECT is(pg_temp.try(credit, amount), expected, format('limit %s, order %s', coalesce(credit::text, 'none'), amount)) FROM boundary;
SELECT is(pg_temp.parts('C1'), '{0,0,0,0}', 'cancelled orders leave nothing behind');
SELECT o2c.set_credit_limit('C1', 100);
SELECT is(pg_temp.state(pg_temp.buy('C1', 60)), 'confirmed', 'sixty of a hundred');
SELECT is(pg_temp.state(pg_temp.buy('C1', 40)), 'confirmed', 'and the rest');
SELECT pg_temp.buy('C1', 0.01) AS over \gset
SELECT is(pg_temp.state(:over), 'held', 'and not a cent more');
SELECT is((SELECT format('%s %s %s', trim_scale(observed), trim_scale(threshold), message) FROM o2c.explain_credit(:over) WHERE rule = 'credit_limit'),
          '100.01 100 credit limit exceeded: exposure 100.00 EUR + order 0.01 EUR = 100.01 EUR, limit 100.00 EUR, 0.01 EUR too much', 'and says why');
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :over), 'OC103', NULL, 'a held order does not ship');
SELECT is(pg_temp.parts('C1'), '{100,0,0,0}', 'a held order takes no credit');

-- The exposure follows the goods and the money.
SELECT pg_temp.buy('C2', 119) AS followed \gset
SELECT is(pg_temp.parts('C2'), '{119,0,0,0}', 'confirmed: ordered');
SELECT o2c.ship_order(:followed, lines => '[{"sku": "P", "quantity": 5950}]') \g /dev/null
SELECT is(pg_temp.parts('C2'), '{59.5,59.5,0,0}', 'half of it shipped');
SELECT o2c.ship_order(:followed) \g /dev/null
SELECT o2c.bill('2026-03-02', 'C2') \g /dev/null
SELECT is(pg_temp.parts('C2'), '{0,0,119,0}', 'billed: receivable');
SELECT o2c.record_payment(200, '2026-03-02', 'C2', 'something') AS paid \gset
SELECT is(pg_temp.parts('C2'), '{0,0,119,200}', 'money came in: on account');
SELECT o2c.apply_payment(:paid, (SELECT number FROM o2c.invoice i JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'C2' AND company_id = 1 ORDER BY invoice_id LIMIT 1)) \g /dev/null
SELECT is(pg_temp.parts('C2'), '{0,0,59.5,140.5}', 'applied to one of the two invoices');
SELECT o2c.set_credit_limit('C2', 19);
SELECT is(pg_temp.state(pg_temp.buy('C2', 100)), 'confirmed', 'money on account is credit');
UPDATE o2c.credit_account SET net_unapplied = false WHERE credit_account_id = (pg_temp.account('C2')).credit_account_id;
SELECT is(pg_temp.state(pg_temp.buy('C2', 0.01)), 'held', 'unless the account says it is not');

-- Held orders are looked at again when credit grows, the oldest first.
SELECT o2c.set_credit_limit('C3', 0);
CREATE TEMP TABLE waiting AS SELECT n, pg_temp.buy('C3', a) AS order_id FROM (VALUES (1, 50), (2, 70), (3, 30), (4, 20)) v (n, a);
CREATE FUNCTION pg_temp.waiting() RETURNS text LANGUAGE sql AS 'SELECT string_agg(left(pg_temp.state(order_id), 1), '''' ORDER BY n) FROM waiting';
SELECT is(pg_temp.waiting(), 'hhhh', 'four orders wait');
SELECT o2c.set_credit_limit('C3', 49.99);
SELECT is(pg_temp.waiting(), 'hhch', 'the oldest does not fit, a younger one that does is not kept');
SELECT o2c.set_credit_limit('C3', 120);
SELECT is(pg_temp.waiting(), 'chcc', 'the oldest first, then what still fits');
SELECT pg_temp.cancel(order_id) FROM waiting WHERE n = 1 \g /dev/null
SELECT is(pg_temp.waiting(), 'cccc', 'a cancelled order makes room for the next');
CREATE TEMP TABLE in_turn (n integer, order_id bigint);
SELECT o2c.set_setting('recheck_fills_gaps', 'false');
SELECT o2c.set_credit_limit('C4', 0);
INSERT INTO in_turn SELECT n, pg_temp.buy('C4', a) FROM (VALUES (1, 50), (2, 30)) v (n, a);
SELECT o2c.set_credit_limit('C4', 49.99);
SELECT is((SELECT array_agg(pg_temp.state(order_id) ORDER BY n) FROM in_turn), '{held,held}', 'where nobody may pass, the oldest keeps its place');
SELECT o2c.set_credit_limit('C4', 80);
SELECT is((SELECT array_agg(pg_temp.state(order_id) ORDER BY n) FROM in_turn), '{confirmed,confirmed}', 'until there is enough for it');
SELECT o2c.set_setting('recheck_fills_gaps', 'true');
SELECT o2c.set_credit_limit('C3', 10);
SELECT is(pg_temp.waiting(), 'cccc', 'a lower limit takes nothing back');
SELECT is(pg_temp.state(pg_temp.buy('C3', 1)), 'held', 'it is for new orders');
SELECT is((SELECT array_agg(amount || ' ' || coalesce(reason, '') ORDER BY change_id) FROM o2c.credit_limit_change WHERE credit_account_id = (pg_temp.account('C3')).credit_account_id),
          '{"0 ","49.99 ","120 ","10 "}', 'every limit is on record');

-- A family shares an account until a child gets its own.
INSERT INTO o2c.customer (code, name) VALUES ('TOP', 'Parent');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT v.code, v.code, p.customer_id FROM o2c.customer p, (VALUES ('KID1'), ('KID2')) v (code) WHERE p.code = 'TOP';
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'GRAND', 'Grandchild', customer_id FROM o2c.customer WHERE code = 'KID1';
SELECT is((SELECT count(DISTINCT (pg_temp.account(c)).credit_account_id) FROM (VALUES ('TOP'), ('KID1'), ('KID2'), ('GRAND')) v (c)), 1::bigint, 'one account for four');
SELECT o2c.set_credit_limit('TOP', 100);
SELECT is(array[pg_temp.state(pg_temp.buy('KID1', 40)), pg_temp.state(pg_temp.buy('GRAND', 40)), pg_temp.state(pg_temp.buy('TOP', 20)), pg_temp.state(pg_temp.buy('KID2', 1))],
          '{confirmed,confirmed,confirmed,held}', 'they share its limit');
SELECT o2c.set_credit_limit('KID1', 500, 'grown up');
SELECT is(pg_temp.parts('KID1'), '{80,0,0,0}', 'its own account takes the child''s exposure along, and the grandchild''s');
SELECT is(pg_temp.parts('TOP'), '{21,0,0,0}', 'which leaves room for the order that waited');
SELECT is((pg_temp.account('GRAND')).credit_account_id, (pg_temp.account('KID1')).credit_account_id, 'the grandchild shares the child''s');
SELECT isnt((pg_temp.account('KID2')).credit_account_id, (pg_temp.account('KID1')).credit_account_id, 'the other child still the parent''s');
SELECT o2c.set_credit_limit('KID1', 90);
SELECT is(pg_temp.state(pg_temp.buy('GRAND', 10.01)), 'held', 'the grandchild stands against the child''s limit');
SELECT is(pg_temp.state(pg_temp.buy('GRAND', 10)), 'confirmed', 'exactly');

-- A limit that new customers start with.
SELECT o2c.set_setting('default_credit_limit', '250.50');
INSERT INTO o2c.customer (code, name) VALUES ('NEW', 'New');
SELECT is((pg_temp.account('NEW')).credit_limit, 250.50, 'new customers start with it');
SELECT is((pg_temp.account('FREE')).credit_limit, NULL::numeric, 'old ones keep theirs');
SELECT throws_ok($$SELECT o2c.set_setting('default_credit_limits', '1')$$, 'OC001', NULL, 'a setting that is none');

-- Mistakes.
SELECT throws_ok(format('SELECT o2c.set_credit_limit(%s)', a), c, NULL, l) FROM (VALUES
    ('NULL, 1', 'OC002', 'no customer'), ('''nobody'', 1', 'OC001', 'unknown customer'), ('''C1'', -0.01', 'OC002', 'below zero'),
    ('''C1'', ''NaN''', 'OC002', 'not a number'), ('''C1'', ''Infinity''', 'OC002', 'without end'), ('''C1'', ''-Infinity''', 'OC002', 'without end below zero'),
    ('''C2'', 1, NULL, 2', 'OC001', 'a customer of another company'), ('''C1'', 1, NULL, 99', 'OC001', 'an unknown company')) v (a, c, l);
SELECT lives_ok('SELECT o2c.set_credit_limit(''FREE'', NULL)', 'no limit is a limit');
SELECT is_empty(format('SELECT * FROM o2c.explain_credit(%s, 2)', :over), 'another company sees no decision');
SELECT is_empty('SELECT * FROM o2c.explain_credit(NULL)', 'no order, no decision');

-- Two companies side by side.
SELECT o2c.set_credit_limit('C1', 5, NULL, 2);
SELECT is((pg_temp.account('C1')).credit_limit, 100::numeric, 'another company''s customer of the same code has its own limit');
SELECT is(pg_temp.state(pg_temp.buy('C1', 5, 2)), 'confirmed', 'and its own exposure');
SELECT is(pg_temp.state(pg_temp.buy('C1', 0.01, 2)), 'held', 'up to it');

-- Written directly.
SELECT throws_ok(format(s, (pg_temp.account('C1')).credit_account_id), c, NULL, l) FROM (VALUES
    ('UPDATE o2c.credit_account SET ordered = 0 WHERE credit_account_id = %s', 'OC102', 'exposure'),
    ('UPDATE o2c.credit_account SET receivable = receivable - 1 WHERE credit_account_id = %s', 'OC102', 'another part of it'),
    ('UPDATE o2c.credit_account SET unapplied = 1000000 WHERE credit_account_id = %s', 'OC102', 'money that never came'),
    ('UPDATE o2c.credit_account SET currency = ''JPY'' WHERE credit_account_id = %s', 'OC102', 'its currency'),
    ('UPDATE o2c.credit_account SET customer_id = -1 WHERE credit_account_id = %s', 'OC102', 'its owner'),
    ('UPDATE o2c.credit_account SET credit_limit = -1 WHERE credit_account_id = %s', '23514', 'a limit below zero'),
    ('UPDATE o2c.credit_account SET credit_limit = ''NaN'' WHERE credit_account_id = %s', '23514', 'a limit that is no number'),
    ('UPDATE o2c.credit_account SET credit_limit = ''Infinity'' WHERE credit_account_id = %s', '23514', 'a limit without end'),
    ('DELETE FROM o2c.credit_account WHERE credit_account_id = %s', 'OC102', 'the account'),
    ('UPDATE o2c.credit_limit_change SET amount = 1 WHERE credit_account_id = %s', 'OC102', 'what the limit was'),
    ('DELETE FROM o2c.credit_limit_change WHERE credit_account_id = %s', 'OC102', 'that it changed')) v (s, c, l);
UPDATE o2c.credit_account SET credit_limit = 100.01 WHERE credit_account_id = (pg_temp.account('C1')).credit_account_id;
SELECT is(pg_temp.state(:over), 'confirmed', 'a limit that is raised in the table works like the command');

SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
