-- The policy for payments: seeded with the company, found for each customer; the form of account numbers.
BEGIN;
SELECT plan(13);
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'USD');
SELECT is((SELECT count(*) FROM o2c.cash_policy WHERE customer_id IS NULL), 2::bigint, 'each company has a policy');
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'C1a', 'Child', customer_id FROM o2c.customer WHERE code = 'C1';
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'C1b', 'Grandchild', customer_id FROM o2c.customer WHERE code = 'C1a';
CREATE FUNCTION pg_temp.policy() RETURNS text LANGUAGE sql AS
'SELECT string_agg(concat_ws('' '', c.code, p.source, trim_scale(p.tolerance_amount)), '', '' ORDER BY c.code)
 FROM o2c.cash_policy_in_use p JOIN o2c.customer c USING (company_id, customer_id) WHERE p.company_id = 1';
SELECT is(pg_temp.policy(), 'C1 company, C1a company, C1b company, C2 company', 'which all customers follow');
UPDATE o2c.cash_policy SET tolerance_amount = 1 WHERE company_id = 1;
INSERT INTO o2c.cash_policy (customer_id, tolerance_amount) SELECT customer_id, 2 FROM o2c.customer WHERE code = 'C1';
SELECT is(pg_temp.policy(), 'C1 customer 2, C1a group 2, C1b group 2, C2 company 1', 'but for those of a group with its own');
INSERT INTO o2c.cash_policy (customer_id) SELECT customer_id FROM o2c.customer WHERE code = 'C1a';
SELECT is(pg_temp.policy(), 'C1 customer 2, C1a customer, C1b group 2, C2 company 1', 'or of a customer with its own, as a whole');
SELECT throws_ok('INSERT INTO o2c.cash_policy DEFAULT VALUES', '23505', NULL, 'one policy for a company');
SELECT throws_ok($$UPDATE o2c.cash_policy SET rules = '{guess}'$$, '23514', NULL, 'only rules that there are');
SELECT throws_ok('UPDATE o2c.cash_policy SET suggest_score = 0.95', '23514', NULL, 'what is applied would be shown');
SELECT throws_ok($$UPDATE o2c.cash_policy SET tolerance_amount = 'NaN'$$, '23514', NULL, 'tolerance is a number');
SELECT is(o2c.account_key(' de89 3704-0044.0532 0130/00 '), 'DE89370400440532013000', 'account numbers have one form');
SELECT is(o2c.account_key('ä-'), '', 'of letters A to Z and digits');
SELECT throws_ok($$INSERT INTO o2c.bank_account (account, currency) VALUES ('DE89 3704', 'EUR')$$, '23514', NULL, 'and are kept in it');
SELECT throws_ok($$INSERT INTO o2c.customer_account (account, customer_id) SELECT 'de89', customer_id FROM o2c.customer WHERE code = 'C2'$$, '23514', NULL, 'those of customers too');
SELECT is_empty('SELECT * FROM o2c.verify()', 'all is consistent');
ROLLBACK;
