-- Type o2c.aging: buckets, exactness, parallel and moving aggregation, I/O, errors
BEGIN;
SELECT plan(148);
-- the operators are found by the search path, as a user has it
SET search_path = public, o2c;

-- A value that can be any: short, long, huge, tiny, negative, of many scales.
CREATE FUNCTION any_amount() RETURNS numeric LANGUAGE sql VOLATILE AS $$
    SELECT CASE
        WHEN r < 0.40 THEN round(s * (random() * 1e6)::numeric, 2)
        WHEN r < 0.45 THEN 0
        WHEN r < 0.50 THEN 0.000
        WHEN r < 0.60 THEN round(s * (random() * 1e9)::numeric, 4) * 1000
        WHEN r < 0.70 THEN s * round(random()::numeric, (random() * 12)::integer)
        WHEN r < 0.78 THEN s * trunc((random() * 9 + 1)::numeric, 1) * power(10::numeric, trunc((random() * 40)::numeric))
        WHEN r < 0.86 THEN s * 1e-8 * trunc((random() * 1e5)::numeric)
        WHEN r < 0.92 THEN s * power(10::numeric, -(random() * 30)::integer)
        WHEN r < 0.96 THEN s * 999999999999999999999999.99999999
        ELSE s * (random() * 1e15)::bigint::numeric * 1e15 + 0.123456789012345678901234567890 END
    FROM (SELECT random() AS r, CASE WHEN random() < 0.5 THEN -1 ELSE 1 END AS s) v
$$;

CREATE FUNCTION expected(amounts numeric[], days integer[]) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[coalesce(sum(a) FILTER (WHERE d <= 0), 0), coalesce(sum(a) FILTER (WHERE d BETWEEN 1 AND 30), 0),
                 coalesce(sum(a) FILTER (WHERE d BETWEEN 31 AND 60), 0), coalesce(sum(a) FILTER (WHERE d BETWEEN 61 AND 90), 0),
                 coalesce(sum(a) FILTER (WHERE d > 90), 0)]
    FROM unnest(amounts, days) u(a, d) WHERE a IS NOT NULL AND d IS NOT NULL
$$;

-- Buckets

SELECT is((SELECT b.bucket FROM o2c.unnest(o2c._aging_transition(NULL, 1, c.days)) b WHERE b.items = 1), c.bucket, 'day ' || c.days)
FROM (VALUES (-2147483648, 'not due'), (-1, 'not due'), (0, 'not due'), (1, '1-30'), (30, '1-30'), (31, '31-60'), (60, '31-60'),
             (61, '61-90'), (90, '61-90'), (91, 'over 90'), (2147483647, 'over 90')) c(days, bucket);

SELECT is((SELECT o2c.aging(a, d)::text FROM (VALUES (100, -1), (-20.5, 1), (3.25, 31), (NULL, 5), (7, NULL), (1, 91)) v(a, d)),
          '{0,30,60,90} {100.00,-20.50,3.25,0.00,1.00} {1,1,1,0,1}', 'amounts show the most decimals; nulls are ignored');
SELECT is((SELECT o2c.aging(a, d) FROM (VALUES (NULL::numeric, 1), (1, NULL)) v(a, d)), NULL, 'only nulls: null');
SELECT is((SELECT o2c.aging(1.0, 1) WHERE false), NULL, 'no row: null');
SELECT is((SELECT o2c.aging(a, 5)::text FROM (VALUES (0.1), (0.2)) v(a)), '{0,30,60,90} {0.0,0.3,0.0,0.0,0.0} {0,2,0,0,0}', 'decimal fractions are exact');
SELECT is((SELECT o2c.aging(a, 5)::text FROM (VALUES (1e30), (1), (-1e30)) v(a)), '{0,30,60,90} {0,1,0,0,0} {0,3,0,0,0}', 'nothing is lost beside a huge amount');
SELECT is((SELECT o2c.total(o2c.aging(99999999999999999999999.99999999 * 10, 5)) FROM generate_series(1, 1000)), 99999999999999999999999.99999999 * 10000,
          'below the largest fixed amount');
SELECT is_empty(format($$
    WITH RECURSIVE doubled AS (
        SELECT 0 AS n, o2c.aging(%1$s, 5) AS a UNION ALL SELECT n + 1, a + a FROM doubled WHERE n < 30)
    SELECT n, o2c.total(a) FROM doubled WHERE o2c.total(a) <> %1$s * 2::numeric ^ n OR a - a <> '{0,30,60,90}{0,0,0,0,0}{0,0,0,0,0}'
        OR a + format('{0,30,60,90}{0,%%s,0,0,0}{0,%%s,0,0,0}', -o2c.total(a), -o2c.items(a))::o2c.aging <> '{0,30,60,90}{0,0,0,0,0}{0,0,0,0,0}'$$, v), 'more than 128 bits hold: ' || v)
FROM unnest(ARRAY[999999999999999999999999.99999999, -999999999999999999999999.99999999]) v;
SELECT is((SELECT o2c.total(o2c.aging(v, 5)) FROM (VALUES (repeat('12345678', 9000)::numeric / 1e5), (1.5)) x(v)), repeat('12345678', 9000)::numeric / 1e5 + 1.5, 'long numbers');
CREATE TABLE long_number (amount numeric);
INSERT INTO long_number SELECT (SELECT string_agg((1000 + (i * i + j) % 8999)::text, '') FROM generate_series(1, 6000) i)::numeric FROM generate_series(1, 3) j;
CREATE TABLE long_aging AS SELECT o2c.aging(amount, 5) AS a FROM long_number GROUP BY amount;
SELECT cmp_ok((SELECT max(pg_column_size(a)) FROM long_aging), '>', 2000, 'numbers that are stored out of line');
SELECT is((SELECT o2c.total(o2c.aging(amount, 5)) FROM long_number), (SELECT sum(amount) FROM long_number), 'are read');
SELECT is((SELECT o2c.total(o2c.aging_merge(a)) FROM long_aging), (SELECT sum(amount) FROM long_number), 'and merged');

-- Custom boundaries

SELECT results_eq(
    $$SELECT u.* FROM (SELECT o2c.aging(1.5, d, '{-30,-1,0,7,8}') AS a FROM generate_series(-40, 19) d) v, o2c.unnest(v.a) u$$,
    $$VALUES ('up to -30', NULL, -30, 16.5, 11::bigint), ('-29 to -1', -29, -1, 43.5, 29), ('0', 0, 0, 1.5, 1),
             ('1-7', 1, 7, 10.5, 7), ('8', 8, 8, 1.5, 1), ('over 8', 9, NULL, 16.5, 11)$$, 'custom boundaries');
SELECT is((SELECT o2c.aging(1, 5, '{0,30,60,90}')), (SELECT o2c.aging(1, 5)), 'the standard boundaries given as custom ones');
SELECT is(pg_column_size((SELECT o2c.aging(1, 5, '{0,30,60,90}'))), pg_column_size((SELECT o2c.aging(1, 5))), 'are not stored');
SELECT is((SELECT o2c.aging(1, 5, '[3:4]={0,30}')::text), '{0,30} {0,1,0} {0,1,0}', 'any lower bound of the array');
SELECT is((SELECT o2c.bucket(o2c.aging(d, d, ARRAY(SELECT generate_series(0, 30))), 32) FROM generate_series(-5, 40) d), 355::numeric, '31 boundaries');
SELECT is((SELECT o2c.aging(1, 2147483647, '{-2147483648,2147483646}')::text), '{-2147483648,2147483646} {0,0,1} {0,0,1}', 'extreme boundaries');
SELECT throws_ok(format('SELECT o2c.aging(1.0, 1, %s::integer[])', b), 'OC205', NULL, 'boundaries ' || b)
FROM unnest(ARRAY['NULL', '''{}''', '''{1,NULL}''', '''{30,0}''', '''{0,0}''', '''{{0,30}}''', '''{2147483647}''',
                  'ARRAY(SELECT generate_series(0, 31))']) b;
SELECT throws_ok('SELECT o2c.aging(1.0, 1, b) FROM (VALUES (''{0,30}''::integer[]), (''{0,31}'')) v(b)', 'OC205', NULL, 'boundaries that differ within a group');

-- What is not an amount

SELECT throws_ok(format('SELECT o2c.aging(a, 1) FROM (VALUES (1.0), (%L)) v(a)', a), 'OC205', NULL, 'amount ' || a)
FROM unnest(ARRAY['NaN', 'Infinity', '-Infinity']) a;
SELECT throws_ok('SELECT o2c.aging(9e131071, 1) FROM generate_series(1, 2)', '22003', NULL, 'more than numeric holds');

-- Random amounts: the same as the sums, in whatever way they are put together

CREATE TABLE item (seed integer, id integer, customer integer, amount numeric, days integer);
DO $$
BEGIN
    FOR seed IN 1..8 LOOP
        PERFORM setseed(seed / 10.0);
        INSERT INTO item SELECT seed, i, (random() * 40)::integer, CASE WHEN random() < 0.95 THEN public.any_amount() END,
                                CASE WHEN random() < 0.95 THEN (random() * 160)::integer - 40 END
        FROM generate_series(1, 1500) i;
    END LOOP;
END $$;
SELECT is((SELECT o2c.aging(amount, days)::numeric[] FROM item WHERE item.seed = s),
          (SELECT expected(array_agg(amount), array_agg(days)) FROM item WHERE item.seed = s), 'random amounts, seed ' || s)
FROM generate_series(1, 8) s;
SELECT is_empty($$
    SELECT seed, customer, o2c.aging(amount, days)::numeric[], expected(array_agg(amount), array_agg(days)) FROM item
    WHERE amount IS NOT NULL AND days IS NOT NULL GROUP BY seed, customer
    HAVING o2c.aging(amount, days)::numeric[] <> expected(array_agg(amount), array_agg(days))
        OR o2c.items(o2c.aging(amount, days)) <> count(*) OR o2c.total(o2c.aging(amount, days)) <> sum(amount)
        OR scale(o2c.total(o2c.aging(amount, days))) <> max(scale(amount))
        OR o2c.past_due(o2c.aging(amount, days)) <> coalesce(sum(amount) FILTER (WHERE days > 0), 0)$$, 'random amounts by group');
SELECT is((SELECT o2c.aging_merge(a) FROM (SELECT o2c.aging(amount, days) AS a FROM item GROUP BY seed, customer) v),
          (SELECT o2c.aging(amount, days) FROM item), 'rolled up');
SELECT is((SELECT o2c.aging(amount, days) FROM item WHERE seed = 1) + (SELECT o2c.aging(amount, days) FROM item WHERE seed = 2),
          (SELECT o2c.aging(amount, days) FROM item WHERE seed IN (1, 2)), 'added');
SELECT is((SELECT o2c.aging(amount, days) FROM item WHERE seed IN (1, 2)) - (SELECT o2c.aging(amount, days) FROM item WHERE seed = 2),
          (SELECT o2c.aging(amount, days) FROM item WHERE seed = 1), 'taken away');
SELECT is_empty($$
    SELECT FROM (SELECT customer, o2c.aging(amount, days) AS a FROM item GROUP BY seed, customer) v
    WHERE a::text::o2c.aging <> a OR a::text::o2c.aging::text <> a::text$$, 'text round trip');

-- Combining

SELECT is(o2c._aging_combine(NULL, NULL), NULL, 'combine nulls');
SELECT unnest(ARRAY[is(o2c._aging_combine(a, NULL), a, 'combine with null'), is(o2c._aging_combine(NULL, a), a, 'combine null with')])
FROM (SELECT o2c.aging(1, 1) AS a) v;
SELECT throws_ok(format('SELECT %s FROM (SELECT o2c.aging(1.0, 1) AS a, o2c.aging(1.0, 1, ''{0}'') AS b) v', e), 'OC205', NULL, e || ' with different boundaries')
FROM unnest(ARRAY['o2c._aging_combine(a, b)', 'a + b', 'a - b']) e;
SELECT is((SELECT o2c.aging_merge(a) FROM (VALUES (NULL::o2c.aging)) v(a)), NULL, 'merge of nulls');
SELECT is((SELECT o2c.aging_merge(a)::text FROM (VALUES (NULL::o2c.aging), ('{0}{1,2}{1,1}'), (NULL), ('{0}{1,-2.5}{1,1}')) v(a)),
          '{0} {2.0,-0.5} {2,2}', 'merge leaves nulls out');
SELECT throws_ok('SELECT a + a FROM (VALUES (''{0}{1,2}{1,9223372036854775807}''::o2c.aging)) v(a)', 'OC205', NULL, 'too many items');
SELECT throws_ok('SELECT o2c._aging_transition(''{0}{1,2}{1,9223372036854775807}'', 1, 1, ''{0}'')', 'OC205', NULL, 'one item too many');
SELECT throws_ok('SELECT o2c.items(''{0}{1,2}{1,9223372036854775807}'')', 'OC205', NULL, 'too many items in all');

-- Outside an aggregate arguments stay as they are

CREATE TABLE kept AS SELECT o2c.aging(1, 1) AS a;
SELECT is((SELECT o2c.total(o2c._aging_transition(a, 5, 1)) + o2c.total(a) + o2c.total(o2c._aging_inverse(a, 5, 1)) + o2c.total(a) FROM kept), 4::numeric, 'arguments are not changed');
DO $$
DECLARE a o2c.aging := o2c._aging_transition(NULL, 1, 1); b o2c.aging;
BEGIN
    b := o2c._aging_transition(a, 1, 1);
    b := o2c._aging_combine(a, b);
    b := o2c._aging_add(a, b);
    INSERT INTO kept VALUES (a), (b);
END $$;
SELECT results_eq('SELECT o2c.total(a) FROM kept', ARRAY[1, 1, 4]::numeric[], 'nor are variables');
SELECT is((SELECT o2c.aging_merge(a)::text FROM kept), '{0,30,60,90} {0,6,0,0,0} {0,6,0,0,0}', 'stored values, merged');
SELECT is((SELECT o2c.total(o2c.aging_merge(a)) FROM kept), 6::numeric, 'and merged again');

-- Parallel, with one worker more than there are rows for

SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 4;
SET LOCAL parallel_leader_participation = off;
CREATE TABLE serial_result AS SELECT o2c.aging(amount, days) AS a FROM item;
ALTER TABLE item SET (parallel_workers = 4);
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query; END$$;
SELECT matches((SELECT string_agg(p, E'\n') FROM plan_of('SELECT o2c.aging(amount, days) FROM item') p), 'Finalize Aggregate.*Gather.*Partial Aggregate', 'a parallel plan');
SELECT is((SELECT o2c.aging(amount, days) FROM item), (SELECT a FROM serial_result), 'parallel in total');
SELECT is((SELECT o2c.aging_merge(a) FROM (SELECT o2c.aging(amount, days) AS a FROM item GROUP BY customer) v), (SELECT a FROM serial_result), 'parallel by group');
SELECT is((SELECT o2c.aging(amount, days, '{0,30,60,90}') FROM item), (SELECT a FROM serial_result), 'parallel with boundaries');
SELECT is((SELECT o2c.aging(amount, days) FROM item WHERE seed = 1 AND id = 1), (SELECT o2c.aging(amount, days) FROM (SELECT * FROM item OFFSET 0) i WHERE seed = 1 AND id = 1), 'workers without rows');
SELECT is((SELECT o2c.aging(amount, days) FROM item WHERE id < 0), NULL, 'no worker has a row');
SELECT throws_ok('SELECT o2c.aging(1.0, days, ARRAY[seed]) FROM item', 'OC205', NULL, 'boundaries that differ between rows, in parallel');
SET LOCAL max_parallel_workers_per_gather = 0;

-- Moving frames: what leaves the frame is taken away exactly

SELECT is_empty($$
    SELECT i.id FROM (SELECT id, o2c.aging(amount, days) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING) AS moving FROM item WHERE seed = 1) i,
        LATERAL (SELECT o2c.aging(amount, days) AS plain FROM item j WHERE seed = 1 AND j.id BETWEEN i.id - 3 AND i.id + 2) p
    WHERE moving IS DISTINCT FROM plain$$, 'moving frame of 6 rows');
SELECT is_empty($$
    SELECT i.id FROM (SELECT id, o2c.aging(amount, days, '{-5,0,10}') OVER w AS moving FROM item WHERE seed = 2
                      WINDOW w AS (ORDER BY id ROWS BETWEEN 40 PRECEDING AND 20 PRECEDING)) i,
        LATERAL (SELECT o2c.aging(amount, days, '{-5,0,10}') AS plain FROM item j WHERE seed = 2 AND j.id BETWEEN i.id - 40 AND i.id - 20) p
    WHERE moving IS DISTINCT FROM plain$$, 'moving frame with boundaries, empty at first');
SELECT results_eq($$
    SELECT o2c.aging(a, 1) OVER (ORDER BY n ROWS 1 PRECEDING)::text FROM (VALUES (1, NULL), (2, 5.25), (3, NULL), (4, NULL), (5, 1)) v(n, a)$$,
    ARRAY[NULL, '{0,30,60,90} {0.00,5.25,0.00,0.00,0.00} {0,1,0,0,0}', '{0,30,60,90} {0.00,5.25,0.00,0.00,0.00} {0,1,0,0,0}', NULL,
          '{0,30,60,90} {0.00,1.00,0.00,0.00,0.00} {0,1,0,0,0}'], 'a frame of nulls is null');
SELECT is_empty($$
    SELECT n FROM (SELECT n, o2c.aging(n, n) OVER (ORDER BY n) AS a FROM generate_series(1, 200) n) v WHERE o2c.total(a) <> n * (n + 1) / 2$$, 'running total');

-- Text and binary

SELECT throws_ok(format('SELECT %L::o2c.aging', v.input), v.code, NULL, 'text ' || left(v.input, 30))
FROM (VALUES ('', '22P02'), ('{', '22P02'), ('{}', '22P02'), ('{0}', '22P02'), ('{0}{1,2}', '22P02'), ('{0}{1,2}{1,1', '22P02'),
             ('{0}{1,2}{1,1} x', '22P02'), ('{0}{1,b}{1,1}', '22P02'), ('{0}{1,}{1,1}', '22P02'), ('{a}{1,2}{1,1}', '22P02'),
             ('{{0}}{1,2}{1,1}', '22P02'), ('{0}{1,2}{1,1.5}', '22P02'), ('{2147483648}{1,2}{1,1}', '22003'),
             ('{0}{1,2}{1,9223372036854775808}', '22003'), ('{0}{1,1e200000}{1,1}', '22003'), ('{0}{1}{1,1}', 'OC205'), ('{0}{1,2,3}{1,1}', 'OC205'), ('{0}{1,2}{1}', 'OC205'),
             ('{0}{NaN,2}{1,1}', 'OC205'), ('{0}{1,-inf}{1,1}', 'OC205'), ('{1,0}{1,2,3}{1,1,1}', 'OC205'),
             ('{' || repeat('1,', 40) || '1}', 'OC205'), (repeat('{', 100000), '22P02')) v(input, code);
SELECT is(' { 1,2 } {1,2.5,3e2}  {-1,2,3} '::o2c.aging::text, '{1,2} {1.0,2.5,300.0} {-1,2,3}', 'text is lenient with spaces');

CREATE TABLE sent AS
    SELECT seed, customer, o2c.aging(amount, days) AS a, o2c.aging(amount, days, ARRAY[seed, 40]) AS b FROM item GROUP BY GROUPING SETS ((seed, customer), (seed));
CREATE TABLE received (LIKE sent);
-- COPY reads and writes files of the server: the binary form as drivers meet it
CREATE FUNCTION copy_binary(statement text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('COPY %s %L WITH (FORMAT binary)', statement, current_setting('data_directory') || '/aging.bin');
END $$;
DO $$ BEGIN PERFORM copy_binary('sent TO'); PERFORM copy_binary('received FROM'); END $$;
SELECT is((SELECT count(*) FROM sent), 336::bigint, 'values sent');
SELECT results_eq('SELECT seed, customer, a::text, b::text FROM received ORDER BY 1, 2', 'SELECT seed, customer, a::text, b::text FROM sent ORDER BY 1, 2', 'binary round trip');

CREATE TABLE one (a o2c.aging);
CREATE FUNCTION receive(value bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE file oid;
BEGIN
    -- signature, flags, no extension; one field, its length, the value; the end
    file := lo_from_bytea(0, '\x5047434f50590aff0d0a000000000000000000'::bytea || int2send(1::int2) || int4send(length(value)) || value || '\xffff');
    PERFORM lo_export(file, current_setting('data_directory') || '/aging.bin');
    DELETE FROM one;
    PERFORM copy_binary('one FROM');
    RETURN (SELECT a::text FROM one);
END $$;
SELECT is(receive(int2send(1::int2) || int4send(7) || numeric_send(1.5) || int8send(2) || numeric_send(3) || int8send(4)), '{7} {1.5,3.0} {2,4}', 'the binary form');
SELECT throws_ok(format('SELECT receive(%L)', v.value), v.code, NULL, 'binary: ' || v.what)
FROM (VALUES
    (''::bytea, '08P01', 'empty'),
    (int2send(1::int2), '08P01', 'only a number'),
    (int2send(0::int2), '22P03', 'no boundary'),
    (int2send((-1)::int2), '22P03', 'a negative number of boundaries'),
    (int2send(32767::int2), '22P03', 'too many boundaries'),
    (int2send(1::int2) || int4send(2147483647), 'OC205', 'a boundary without days above'),
    (int2send(2::int2) || int4send(7) || int4send(7), 'OC205', 'equal boundaries'),
    (int2send(1::int2) || int4send(7) || '\xffff000000000000'::bytea, '08P01', 'a numeric with too many digits'),
    (int2send(1::int2) || int4send(7) || '\x0001000012340000ffff'::bytea, '22P03', 'a numeric with an odd sign'),
    (int2send(1::int2) || int4send(7) || numeric_send('NaN') || int8send(2) || numeric_send(3) || int8send(4), 'OC205', 'NaN'),
    (int2send(1::int2) || int4send(7) || numeric_send(1) || int8send(2) || numeric_send(3), '08P01', 'cut off'),
    (int2send(1::int2) || int4send(7) || numeric_send(1) || int8send(2) || numeric_send(3) || int8send(4) || '\x00', '22P03', 'too long')
) v(value, code, what);

-- Comparison

SELECT ok(a = b AND NOT a <> b AND o2c._aging_hash(a) = o2c._aging_hash(b), 'equal: ' || what)
FROM (VALUES ('decimals do not matter', '{0}{1,2}{1,1}'::o2c.aging, '{0}{1.00,2}{1,1}'::o2c.aging),
             ('nor how an amount came about', o2c._aging_inverse(o2c._aging_transition('{0,30,60,90}{1,2,3,4,5}{1,1,1,1,1}', 1e-20, 5), 1e-20, 5), '{0,30,60,90}{1,2,3,4,5}{1,1,1,1,1}'),
             ('nor where it is kept', '{0}{1e30,0}{1,1}'::o2c.aging + '{0}{1,0}{0,0}', '{0}{1000000000000000000000000000001,0}{1,1}')) v(what, a, b);
SELECT ok(NOT a = b AND a <> b, 'not equal: ' || what)
FROM (VALUES ('boundaries', '{0}{1,2}{1,1}'::o2c.aging, '{1}{1,2}{1,1}'::o2c.aging), ('amounts', '{0}{1,2}{1,1}', '{0}{1,3}{1,1}'),
             ('items', '{0}{1,2}{1,1}', '{0}{1,2}{1,2}'), ('number of boundaries', '{0}{1,2}{1,1}', '{0,1}{1,2,0}{1,1,0}')) v(what, a, b);
SELECT is((SELECT count(*) FROM (SELECT DISTINCT a FROM (VALUES ('{0}{1,2}{1,1}'::o2c.aging), ('{0}{1.0,2}{1,1}'), ('{0}{1,3}{1,1}')) v(a)) d), 2::bigint, 'DISTINCT by hash');
SELECT is((SELECT count(*) FROM received JOIN sent USING (a)), (SELECT count(*) FROM sent x JOIN sent y ON x.a::text = y.a::text), 'join by hash');

-- Accessors and casts

CREATE TABLE example AS SELECT '{0,30,60,90} {100.00,20.00,3.00,0.00,-1.50} {5,4,3,0,1}'::o2c.aging AS a;
SELECT unnest(ARRAY[is(o2c.total(a), 121.50, 'total'), is(o2c.past_due(a), 21.50, 'past_due'), is(o2c.items(a), 13::bigint, 'items'),
       is(o2c.bucket(a, 1), 100.00, 'first bucket'), is(o2c.bucket(a, 5), -1.50, 'last bucket'),
       is(a::numeric[], '{100.00,20.00,3.00,0.00,-1.50}', 'as numeric[]'), is(o2c.amounts(a), a::numeric[], 'amounts')])
FROM example;
SELECT results_eq('SELECT u.* FROM example, o2c.unnest(a) u', $$VALUES ('not due', NULL, 0, 100.00, 5::bigint), ('1-30', 1, 30, 20.00, 4),
    ('31-60', 31, 60, 3.00, 3), ('61-90', 61, 90, 0.00, 0), ('over 90', 91, NULL, -1.50, 1)$$, 'unnest');
SELECT is_empty('SELECT FROM o2c.unnest(NULL)', 'unnest of null');
SELECT is(to_jsonb(x), '{"a": {"total": 3.5, "items": 3, "buckets": [
    {"bucket": "not due", "from_days": null, "to_days": 0, "amount": 1.0, "items": 1},
    {"bucket": "over 0", "from_days": 1, "to_days": null, "amount": 2.5, "items": 2}]}}', 'as jsonb, within a row too')
FROM (SELECT '{0}{1,2.5}{1,2}'::o2c.aging AS a) x;
SELECT unnest(ARRAY[is(a::jsonb, a::json::jsonb, 'json and jsonb are the same'), is(jsonb_array_length(a::jsonb -> 'buckets'), 5, 'as jsonb')]) FROM example;
SELECT is(o2c.past_due('{-10,0,10}{1,2,4,8}{1,1,1,1}'), 12::numeric, 'past due with the boundary 0 in between');
SELECT throws_ok(format('SELECT o2c.past_due(%L)', a), 'OC205', NULL, 'past_due without the boundary 0') FROM unnest(ARRAY['{1}{1,2}{1,1}', '{-1}{1,2}{1,1}']) a;
SELECT throws_ok(format('SELECT o2c.bucket(a, %s) FROM example', n), 'OC205', NULL, 'no bucket ' || n) FROM unnest(ARRAY[0, 6, -2147483648, 2147483647]) n;

SELECT * FROM finish();
ROLLBACK;
