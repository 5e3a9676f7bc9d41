-- Companies, customers and their hierarchy, suppliers; and that bulk loads stay fast.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT no_plan();

-- Companies.
SELECT is(o2c.create_company('Acme', 'EUR'), 1::bigint, 'the first company is the default of o2c.company');
SELECT is(o2c.create_company('Acme', 'JPY'), 2::bigint, 'names need not differ');
SELECT throws_ok(format('SELECT o2c.create_company(%s)', a), c, NULL, l) FROM (VALUES
    ('NULL, ''EUR''', '23502', 'a company has a name'), ('''Acme'', NULL', '23502', 'and a currency'), ('''Acme'', ''XXX''', 'OC001', 'that is one'),
    ('''Acme'', ''eur''', 'OC001', 'in capitals'), ('''Acme'', ''''', 'OC001', 'not an empty one'), (''''', ''EUR''', '23514', 'an empty name is none')) v (a, c, l);
SELECT bag_eq('SELECT company_id, series, gapless FROM o2c.number_series',
              'SELECT c, s, g FROM unnest(array[1, 2]::bigint[]) c, (VALUES (''order'', false), (''quotation'', false), (''shipment'', false), (''invoice'', true), (''credit_note'', true)) v (s, g)',
              'each has its number series');
SELECT bag_eq('SELECT company_id, location FROM o2c.location', $$VALUES (1::bigint, 'MAIN'), (2, 'MAIN')$$, 'and a place for stock');
SELECT bag_eq('SELECT company_id, code, checkpoint FROM o2c.rule', $$VALUES (1::bigint, 'credit_limit', 'order'), (2, 'credit_limit', 'order'), (1, 'overdue', 'order'), (2, 'overdue', 'order')$$,
              'and its rules');
SELECT throws_ok($$UPDATE o2c.company SET country = 'Germany'$$, '23514', NULL, 'a country is two letters');

-- Customers.
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One');
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One elsewhere');
SELECT bag_eq('SELECT company_id, currency FROM o2c.customer', $$VALUES (1::bigint, 'EUR'), (2, 'JPY')$$, 'a customer''s currency is its company''s');
SELECT throws_ok(s, c, NULL, l) FROM (VALUES
    ('INSERT INTO o2c.customer (code, name) VALUES (''C1'', ''Again'')', '23505', 'a code is for one customer'),
    ('INSERT INTO o2c.customer (code, name) VALUES ('''', ''Nobody'')', '23514', 'an empty code'),
    ('INSERT INTO o2c.customer (code, name) VALUES (NULL, ''Nobody'')', '23502', 'no code'),
    ('INSERT INTO o2c.customer (code, name) VALUES (''X'', NULL)', '23502', 'no name'),
    ('INSERT INTO o2c.customer (code, name, currency) VALUES (''X'', ''X'', ''XXX'')', '23503', 'an unknown currency'),
    ('INSERT INTO o2c.customer (code, name, parent_customer_id) VALUES (''X'', ''X'', -1)', '23503', 'an unknown parent'),
    ('INSERT INTO o2c.customer (code, name, bill_to_customer_id) VALUES (''X'', ''X'', -1)', '23503', 'an unknown payer'),
    ('INSERT INTO o2c.customer (code, name, bill_to_customer_id) SELECT ''X'', ''X'', customer_id FROM o2c.customer WHERE company_id = 2', '23503', 'a payer of another company'),
    ('INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT ''X'', ''X'', customer_id FROM o2c.customer WHERE company_id = 2', '23503', 'a parent of another company'),
    ('INSERT INTO o2c.customer (code, name, invoice_per) VALUES (''X'', ''X'', ''day'')', '23514', 'an invoice for something else'),
    ('INSERT INTO o2c.customer (code, name, payment_terms) VALUES (''X'', ''X'', ''at some point'')', 'OC201', 'terms that say nothing'),
    ('INSERT INTO o2c.customer (company_id, code, name) VALUES (99, ''X'', ''X'')', '23502', 'an unknown company'),
    ('UPDATE o2c.customer SET customer_id = -1 WHERE code = ''C1''', 'OC102', 'another id'),
    ('UPDATE o2c.customer SET company_id = 2 WHERE code = ''C1'' AND company_id = 1', 'OC102', 'another company')) v (s, c, l);
SELECT lives_ok('UPDATE o2c.customer SET code = ''C-1'', name = ''Uno'', attributes = ''{"vip": true}'' WHERE code = ''C1'' AND company_id = 1', 'the rest may change');

-- Families.
CREATE FUNCTION pg_temp.id(code text) RETURNS bigint LANGUAGE sql AS 'SELECT customer_id FROM o2c.customer WHERE company_id = 1 AND code = $1';
CREATE FUNCTION pg_temp.family(top text) RETURNS text LANGUAGE sql AS
'SELECT string_agg(code, '','' ORDER BY code) FROM o2c.customer WHERE company_id = 1 AND group_id = pg_temp.id($1)';
CREATE FUNCTION pg_temp.adopt(child text, parent text) RETURNS void LANGUAGE sql AS
'UPDATE o2c.customer SET parent_customer_id = pg_temp.id($2) WHERE customer_id = pg_temp.id($1)';
INSERT INTO o2c.customer (code, name) VALUES ('A', 'a'), ('B', 'b'), ('C', 'c'), ('D', 'd');
SELECT is(pg_temp.family(c), c, c || ' is alone') FROM unnest('{A,B,C,D}'::text[]) c;
SELECT pg_temp.adopt('D', 'C');
SELECT pg_temp.adopt('C', 'B');
SELECT is(pg_temp.family('B'), 'B,C,D', 'a family of three');
SELECT pg_temp.adopt('B', 'A');
SELECT is(pg_temp.family('A'), 'A,B,C,D', 'grandchildren follow');
SELECT throws_ok(format('SELECT pg_temp.adopt(%L, %L)', c, p), e, NULL, format('%s under %s', c, p))
FROM (VALUES ('A', 'A', 'OC002'), ('A', 'B', 'OC002'), ('A', 'D', 'OC002'), ('B', 'D', 'OC002')) v (c, p, e);
UPDATE o2c.customer SET group_id = pg_temp.id('D') WHERE code = 'B' AND company_id = 1;
SELECT is(pg_temp.family('A'), 'A,B,C,D', 'the group is derived, whatever is written');
SELECT pg_temp.adopt('C', NULL);
SELECT is(array[pg_temp.family('A'), pg_temp.family('C')], '{"A,B","C,D"}', 'a branch that leaves takes its own along');
SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');

-- Suppliers.
INSERT INTO o2c.supplier (code, name) VALUES ('S', 'Supplier');
SELECT throws_ok($$INSERT INTO o2c.supplier (code, name) VALUES ('S', 'Again')$$, '23505', NULL, 'a code is for one supplier');
SELECT lives_ok($$INSERT INTO o2c.supplier (company_id, code, name) VALUES (2, 'S', 'Elsewhere')$$, 'in each company');

-- A session plans a foreign key check once, mostly while tables are empty: it must take the primary key even then,
-- and not another index that begins with the company, or each row of a bulk load reads all rows before it.
CREATE FUNCTION pg_temp.index_of(relation regclass, columns text, types text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    EXECUTE format('PREPARE probe (%s) AS SELECT 1 FROM ONLY %s WHERE %s FOR KEY SHARE', types, relation, columns);
    FOR line IN EXECUTE format('EXPLAIN (COSTS off) EXECUTE probe (%s)', regexp_replace(types, '\w+', 'NULL', 'g')) LOOP
        EXIT WHEN line ~ 'Index';
    END LOOP;
    DEALLOCATE probe;
    RETURN substring(line FROM '(?:using|Index Scan on) (\w+)');
END $$;
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT is(pg_temp.index_of(confrelid, string_agg(format('%I = $%s', a.attname, n), ' AND '), string_agg(format_type(a.atttypid, NULL), ',')),
          (SELECT relname::text FROM pg_class i WHERE i.oid = conindid), format('a check of %s', min(conname)))
FROM (SELECT DISTINCT ON (confrelid) * FROM pg_constraint WHERE contype = 'f' AND connamespace = 'o2c'::regnamespace AND cardinality(confkey) > 1 ORDER BY confrelid, oid) k
CROSS JOIN LATERAL unnest(confkey) WITH ORDINALITY u (attnum, n)
JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = u.attnum
GROUP BY confrelid, conindid;
SELECT * FROM finish();
ROLLBACK;
