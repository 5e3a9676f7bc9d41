-- find_subset: which of many amounts make up a sum, and whether that is the only way
BEGIN;
SELECT no_plan();
SET search_path = o2c, public;

-- status, number of solutions, whether they use equal amounts, positions, amounts
SELECT is(concat_ws(' ', f.status, f.solutions, f.same_amounts, f.positions, f.used), expected, what)
FROM (VALUES
    ('the textbook''s', '{10,22,14,35,82}'::numeric[], 139, 0, '{}'::numeric[], 'unique 1 t {2,4,5} {22,35,82}'),
    ('two ways', '{100,200,300,400}', 500, 0, '{}', 'ambiguous 2 f {1,4} {100,400}'),
    ('no way', '{100,200,300,400}', 550, 0, '{}', 'none 0'),
    ('all of them', '{1.10,2.20,3.30}', 6.60, 0, '{}', 'unique 1 t {1,2,3} {1.10,2.20,3.30}'),
    ('less than the least', '{100,200}', 50, 0, '{}', 'none 0'),
    ('more than all', '{100,200}', 300.01, 0, '{}', 'none 0'),
    ('one element', '{7}', 7, 0, '{}', 'unique 1 t {1} {7}'),
    ('no element', '{}', 7, 0, '{}', 'none 0'),
    ('no element, nothing to pay', '{}', 0, 0, '{}', 'none 0'),
    ('the empty set is no solution', '{1,2,3}', 0, 0, '{}', 'none 0'),
    ('nor within a tolerance', '{1,2,3}', 0, 0.5, '{}', 'none 0'),
    ('but what cancels out is', '{5,-5,3}', 0, 0, '{}', 'unique 1 t {1,2} {5,-5}'),
    ('in several ways, beside the empty set', '{5,-5,3,-3,7}', 0, 0, '{}', 'ambiguous 3 f {1,2} {5,-5}'),
    ('a credit note', '{100,200,-30}', 170, 0, '{}', 'unique 1 t {2,3} {200,-30}'),
    ('nothing but credits', '{-10,-20,-40}', -50, 0, '{}', 'unique 1 t {1,3} {-10,-40}'),
    ('zeros are not used', '{0,0,5,0}', 5, 0, '{}', 'unique 1 t {3} {5}'),
    ('nothing but zeros', '{0,0}', 0, 0, '{}', 'none 0'),
    ('equal invoices', '{50,50,50,50}', 100, 0, '{}', 'ambiguous 6 t {1,2} {50,50}'),
    ('equal invoices beside another way', '{50,50,50,100}', 100, 0, '{}', 'ambiguous 4 f {4} {100}'),
    ('fewest items first', '{1,2,3,4,5,15}', 15, 0, '{}', 'ambiguous 2 f {6} {15}'),
    ('then the earliest', '{4,1,2,3}', 5, 0, '{}', 'ambiguous 2 f {1,2} {4,1}'),
    ('a sum within the tolerance', '{10,22,14,35,82}', 138.99, 0.01, '{}', 'unique 1 t {2,4,5} {22,35,82}'),
    ('the ends of the tolerance count', '{10,20,40}', 15, 5, '{}', 'ambiguous 2 f {1} {10}'),
    ('the tolerance in smaller units', '{10,20,40}', 15, 4.999, '{}', 'none 0'),
    ('a discount', '{100,200}', 298, 0, '{98,196}', 'unique 1 t {1,2} {98,200}'),
    ('two discounts', '{100,200}', 294, 0, '{98,196}', 'unique 1 t {1,2} {98,196}'),
    ('an amount is used in one way only', '{100}', 198, 0, '{98}', 'none 0'),
    ('a discount on some', '{100,200}', 298, 0, '{98,NULL}', 'unique 1 t {1,2} {98,200}'),
    ('a discount of nothing', '{100,200}', 300, 0, '{100,200}', 'unique 1 t {1,2} {100,200}'),
    ('equal in both amounts', '{100,100}', 198, 0, '{98,98}', 'ambiguous 2 t {1,2} {100,98}'),
    ('equal in what is paid only', '{100,98}', 98, 0, '{98,NULL}', 'ambiguous 2 f {1} {98}'),
    ('a discount that leaves nothing', '{100}', 0, 0, '{0}', 'none 0'),
    ('no multiple of what divides all', '{50,100,150,250}', 275, 0, '{}', 'none 0'),
    ('a multiple within the tolerance', '{50,100,350}', 275, 75, '{}', 'unique 1 t {3} {350}'),
    ('negative, and no multiple', '{-6,-9}', -7, 0.5, '{}', 'none 0'),
    ('many digits', '{0.000000000000000001,0.1}', 0.100000000000000001, 0, '{}', 'unique 1 t {1,2} {0.000000000000000001,0.1}'),
    ('10^18', '{1000000000000000000,3}', 1000000000000000000, 0, '{}', 'unique 1 t {1} {1000000000000000000}'),
    ('more than can be added up', array_fill(1000000000000000000::numeric, '{9}'), 3, 0, '{}', 'unknown'),
    ('more than can be taken off', array_fill(-1000000000000000000::numeric, '{9}'), 3, 0, '{}', 'unknown'),
    ('a tolerance of everything', '{1,2,4}', 0, 1000000000000000000, '{}', 'ambiguous 7 f {1} {1}')
) v (what, amounts, target, tolerance, discounted, expected), find_subset(amounts, target, tolerance, discounted) f;

SELECT is(f::text, '(,,,,)', 'null in, null out')
FROM (VALUES (NULL::numeric[], 1, 0, '{}'::numeric[]), ('{1}', NULL, 0, '{}'), ('{1}', 1, NULL, '{}'), ('{1}', 1, 0, NULL)) v (a, t, o, d), find_subset(a, t, o, d) f;
SELECT throws_ok(format('SELECT find_subset(%L, %L, %L, %L, %s)', amounts, target, tolerance, discounted, budget), 'OC002', message, message)
FROM (VALUES
    ('{1,NULL}', '1', '0', '{}', 1, 'amounts must not be null'),
    ('{1,NaN}', '1', '0', '{}', 1, 'amount NaN is not a finite number'),
    ('{1,-Infinity}', '1', '0', '{}', 1, 'amount -Infinity is not a finite number'),
    ('{1}', 'NaN', '0', '{}', 1, 'target NaN is not a finite number'),
    ('{1}', 'Infinity', '0', '{}', 1, 'target Infinity is not a finite number'),
    ('{1}', '1', 'Infinity', '{}', 1, 'tolerance Infinity is not a finite number'),
    ('{1}', '1', '-0.01', '{}', 1, 'tolerance -0.01 is negative'),
    ('{1}', '1', '0', '{NaN}', 1, 'discounted amount NaN is not a finite number'),
    ('{1}', '1', '0', '{1,2}', 1, 'there are 1 amounts, but 2 discounted ones'),
    ('{{1,2},{3,4}}', '1', '0', '{}', 1, 'amounts must be a list, not an array of 2 dimensions'),
    ('{1000000000000000001}', '1', '0', '{}', 1, 'amount 1000000000000000001 is too large'),
    ('{1}', '-1000000000000000001', '0', '{}', 1, 'amount -1000000000000000001 is too large'),
    ('{1}', '0.1', '100000000000000001', '{}', 1, 'amount 100000000000000001 is too large'),
    ('{1}', '0.0000000000000000001', '0', '{}', 1, 'an amount has 19 digits after the decimal point'),
    ('{1}', '1', '0', '{}', -1, 'budget -1 is not from 0 to 134217728'),
    ('{1}', '1', '0', '{}', 134217729, 'budget 134217729 is not from 0 to 134217728')) v (amounts, target, tolerance, discounted, budget, message);
SELECT throws_ok($$ SELECT find_subset(ARRAY[1e1000], 1) $$, 'OC002', NULL, 'an amount of a thousand digits');
SELECT throws_ok($$ SELECT find_subset(ARRAY[1e-1000], 1) $$, 'OC002', NULL, 'an amount of a thousand places');

-- the budget: what is not searched through is unknown
SELECT is(concat_ws(' ', f.status, f.solutions), expected, 'budget ' || budget)
FROM (VALUES (0, 'unknown'), (3, 'unknown'), (4, 'ambiguous 2'), (5, 'ambiguous 2')) v (budget, expected),
     find_subset('{100,200,300,400}', 500, 0, '{}', budget) f;
SELECT is(f.status, 'none', 'what needs no search needs no budget') FROM find_subset('{100,200}', 50, 0, '{}', 0) f;
SELECT is(f.status, 'unknown', 'three hundred different amounts') FROM find_subset((SELECT array_agg(i * i + 0.01 * i) FROM generate_series(1, 300) i), 1000000) f;
SELECT is(concat_ws(' ', f.status, f.solutions, f.positions), 'unique 1 {1,3}', 'those too large for the sum do not count')
FROM find_subset((SELECT array_agg(i * i + 0.01 * i ORDER BY i) FROM generate_series(1, 300) i), 10.04) f;

-- equal amounts are counted, not tried
SELECT is(f.solutions, s.ways::numeric, format('%s of %s equal invoices', k, n))
FROM (VALUES (40, 20, 137846528820), (47, 24, 16123801841550), (1000, 3, 166167000), (1000, 997, 166167000)) s (n, k, ways),
     find_subset(array_fill(19.99, ARRAY[n]), 19.99 * k) f;
SELECT is(concat_ws(' ', f.status, f.solutions, f.same_amounts, f.positions), 'ambiguous 18446744073709551615 t ' || (SELECT array_agg(i) FROM generate_series(1, 150) i)::text, 'too many to count')
FROM find_subset(array_fill(10::numeric, '{300}'), 1500) f;
-- Long lists of sums: what a recurrence over all sums found outside of the database, solutions, positions and their sum.
SELECT is(concat_ws(' ', f.solutions, f.positions, (SELECT sum(u) FROM unnest(f.used) u)), expected, what)
FROM (VALUES
    ('forty amounts', 40, 3, NULL::int, NULL::int, 1000000, 1000000, '2413692 {1,2,3,14,19,22,23,28,30,32,36,37,39} 1000000'),
    ('within a tolerance', 40, 3, NULL, NULL, 999900, 1000100, '415490788 {1,2,3,4,5,8,11,14,23,30,36,39} 999981'),
    ('few of them', 40, 5, NULL, NULL, 250000, 250000, '445 {2,4,23,26,36} 250000'),
    ('with credits', 40, 7, 4, NULL, 700000, 700000, '1590065 {3,7,13,21,26,27,30,33,36,38} 700000'),
    ('with credits, within a tolerance', 40, 7, 4, NULL, 699950, 700050, '164905260 {1,3,5,7,13,21,26,31,38} 700013'),
    ('a wide tolerance', 40, 9, 3, NULL, 1, 900001, '1068046908167 {1} 99544'),
    ('two dozen with a discount each', 24, 11, NULL, 1, 600000, 600000, '127645 {3,5,9,10,11,17,21,23} 600000'),
    ('those within a tolerance', 24, 11, NULL, 1, 599950, 600050, '12911581 {1,3,10,11,12,17,21,23} 600001'),
    ('discounts on a third', 32, 13, NULL, 3, 900000, 900000, '437456 {3,5,7,9,12,13,16,19,21,27,28} 900000'),
    ('credits and discounts', 24, 15, 4, 1, 300000, 300010, '7754944 {1,2,5,14,15} 300006')
) v (what, n, seed, credit, discount, low, high, expected),
     LATERAL (SELECT array_agg(a ORDER BY i) AS amounts, array_agg(CASE i % discount WHEN 0 THEN a - a / 50 END ORDER BY i) AS discounted
              FROM generate_series(1, n) i, LATERAL (SELECT CASE i % credit WHEN 0 THEN -1 ELSE 1 END * (1 + (i * i * 48271 + i * 16807 * seed) % 99991)) a (a)) a,
     LATERAL find_subset(a.amounts, (low + high) / 2.0, (high - low) / 2.0, a.discounted) f;
-- Many amounts: as many ways as a recurrence over all sums counts, and as few items as it finds.
CREATE FUNCTION pg_temp.recurrence(amounts int[], discounted int[], low int, high int, OUT ways bigint, OUT fewest int) LANGUAGE plpgsql AS $$
DECLARE
    least int := (SELECT sum(least(a, d, 0)) FROM unnest(amounts, discounted) x (a, d));
    most int := (SELECT sum(greatest(a, d, 0)) FROM unnest(amounts, discounted) x (a, d));
    before bigint[];
    few int[];
    now bigint[] := array_fill(0::bigint, ARRAY[most - least + 1], ARRAY[least]);
    now_few int[] := array_fill(NULL::int, ARRAY[most - least + 1], ARRAY[least]);
BEGIN
    now[0] := 1;
    now_few[0] := 0;
    FOR i IN 1 .. cardinality(amounts) LOOP
        before := now;
        few := now_few;
        FOR t IN least .. most LOOP
            now[t] := before[t] + coalesce(before[t - nullif(amounts[i], 0)], 0) + coalesce(before[t - nullif(discounted[i], 0)], 0);
            now_few[t] := least(few[t], few[t - amounts[i]] + 1, few[t - discounted[i]] + 1);
        END LOOP;
    END LOOP;
    SELECT sum(now[t]), min(now_few[t]) INTO ways, fewest FROM generate_series(greatest(low, least), least(high, most)) t;
END $$;
SELECT is(concat_ws(' ', f.solutions, cardinality(f.positions), (SELECT sum(u) FROM unnest(f.used) u) BETWEEN low AND high), concat_ws(' ', r.ways, r.fewest, true),
          format('%s amounts up to %s, sums %s to %s', n, size, low, high))
FROM (VALUES (20, 1, 20, '{}'::int[], 100, 100), (40, 1, 40, '{}', 410, 410), (60, 1, 60, '{}', 915, 915), (26, 37, 900, '{}', 4000, 4000),
             (26, 37, 900, '{}', 3000, 3010), (22, -41, 700, '{}', 1, 3), (18, 53, 600, '{2}', 2000, 2000), (18, -53, 500, '{2}', 100, 120)) v (n, step, size, less, low, high),
     LATERAL (SELECT array_agg(a ORDER BY i) AS amounts,
                     CASE WHEN less = '{}' THEN '{}' ELSE array_agg(CASE WHEN i % 4 <> 0 THEN a - i END ORDER BY i) END AS discounted
              FROM generate_series(1, n) i, LATERAL (SELECT CASE WHEN step = 1 THEN i WHEN step > 0 THEN i * i * step % size + 1 ELSE i * i * - step % size - size / 3 END) a (a)) a,
     LATERAL find_subset(a.amounts, (low + high) / 2.0, (high - low) / 2.0, a.discounted) f,
     LATERAL pg_temp.recurrence(a.amounts, coalesce(nullif(a.discounted, '{}'), array_fill(NULL::int, ARRAY[n])), low, high) r;

-- Against brute force: every way to use no, the first or the second amount of up to 12 items.
CREATE TEMP TABLE trial AS
SELECT id, kind, n, array_agg(amount ORDER BY i) AS amounts, CASE WHEN kind >= 3 THEN array_agg(other ORDER BY i) ELSE '{}' END AS discounted
FROM (SELECT id, kind, n, i, CASE kind % 3 WHEN 0 THEN (hashint4(id * 100 + i) % 50)::numeric                     -- small, of both signs, zeros
                                           WHEN 1 THEN abs(hashint4(id * 100 + i) % 8) * 50 + 50                   -- round
                                           ELSE (hashint4(id * 100 + i) % 100000) / 100.0 END AS amount,
             CASE WHEN hashint4(id * 1000 + i) % 3 <> 0 THEN hashint4(id * 10000 + i) % 40 END::numeric AS other
      FROM (SELECT id, id % 6 AS kind, CASE WHEN id % 6 < 3 THEN 1 + id / 6 % 12 ELSE 1 + id / 6 % 7 END AS n FROM generate_series(1, 480) id) t,
           generate_series(1, n) i) t
GROUP BY id, kind, n;
CREATE TEMP TABLE question AS
SELECT id, amounts, discounted, (SELECT sum(a) FROM unnest(amounts) WITH ORDINALITY x (a, i) WHERE i % 2 = id % 2) + d AS target, tolerance
FROM trial, (VALUES (0, 0), (1, 0), (0, 2), (3, 5), (-2.5, 2.5)) v (d, tolerance);
UPDATE question SET target = 0 WHERE target IS NULL OR id % 17 = 0;
CREATE TEMP TABLE way AS
WITH RECURSIVE w (id, depth, used, choices, total) AS (
    SELECT id, 0, 0, '{}'::int[], 0::numeric FROM trial
    UNION ALL
    SELECT w.id, w.depth + 1, w.used + (o.k > 0)::int, w.choices || o.k, w.total + o.amount
    FROM w JOIN trial t ON t.id = w.id AND w.depth < t.n
    CROSS JOIN LATERAL (SELECT 0, 0::numeric
                        UNION ALL SELECT 1, t.amounts[w.depth + 1] WHERE t.amounts[w.depth + 1] <> 0
                        UNION ALL SELECT 2, t.discounted[w.depth + 1] WHERE t.discounted[w.depth + 1] NOT IN (0, t.amounts[w.depth + 1])) o (k, amount)
)
SELECT w.id, w.used, w.choices, w.total,
       (SELECT array_agg(ARRAY[t.amounts[i], coalesce(nullif(t.discounted[i], t.amounts[i]), 0), c] ORDER BY t.amounts[i], coalesce(nullif(t.discounted[i], t.amounts[i]), 0), c)
        FROM unnest(w.choices) WITH ORDINALITY x (c, i)) AS pattern,
       -- the rank of ways with as many items: equal items come together, where their first is; none counts least
       (SELECT array_agg(CASE c WHEN 0 THEN 3 ELSE c END ORDER BY place, i)
        FROM (SELECT c, i, min(i) OVER (PARTITION BY t.amounts[i], t.discounted[i]) AS place FROM unnest(w.choices) WITH ORDINALITY x (c, i)) x) AS rank
FROM w JOIN trial t ON t.id = w.id AND w.depth = t.n WHERE w.used > 0;
CREATE INDEX ON way (id, total);
CREATE TEMP TABLE answer AS
SELECT q.*, f.*, b.ways, b.patterns, b.fewest, w.best, ARRAY(SELECT CASE WHEN i <> ALL (coalesce(f.positions, '{}')) THEN 0 WHEN f.used[array_position(f.positions, i)] = q.amounts[i] THEN 1 ELSE 2 END
       FROM generate_series(1, cardinality(q.amounts)) i) AS chosen
FROM question q
CROSS JOIN LATERAL find_subset(q.amounts, q.target, q.tolerance, q.discounted) f
CROSS JOIN LATERAL (SELECT count(*) AS ways, count(DISTINCT pattern) AS patterns, min(w.used) AS fewest
                    FROM way w WHERE w.id = q.id AND w.total BETWEEN q.target - q.tolerance AND q.target + q.tolerance) b
-- earliest items, then first amounts
LEFT JOIN LATERAL (SELECT w.choices AS best FROM way w WHERE w.id = q.id AND w.total BETWEEN q.target - q.tolerance AND q.target + q.tolerance
                   ORDER BY w.used, w.rank, array_replace(w.choices, 0, 3) LIMIT 1) w ON true;
SELECT is(count(*), 2400::bigint, 'questions') FROM answer;
SELECT ok(count(*) FILTER (WHERE ways = n) > 50, format('some of them with %s solutions', n)) FROM answer, generate_series(0, 2) n GROUP BY n;
SELECT is_empty('SELECT * FROM answer WHERE solutions IS DISTINCT FROM ways', 'as many solutions as brute force finds');
SELECT is_empty($$ SELECT * FROM answer WHERE status <> CASE ways WHEN 0 THEN 'none' WHEN 1 THEN 'unique' ELSE 'ambiguous' END $$, 'the status says so');
SELECT is_empty('SELECT * FROM answer WHERE same_amounts IS DISTINCT FROM CASE WHEN ways > 0 THEN patterns = 1 END', 'solutions of equal amounts only, or not');
SELECT is_empty('SELECT * FROM answer WHERE positions IS NOT NULL AND (SELECT sum(u) FROM unnest(used) u) NOT BETWEEN target - tolerance AND target + tolerance', 'the solution makes up the sum');
SELECT is_empty('SELECT * FROM answer WHERE cardinality(positions) <> fewest', 'with the fewest items');
SELECT is_empty('SELECT * FROM answer WHERE positions IS NOT NULL AND chosen <> best', 'and the earliest');
SELECT ok(count(*) > 50, 'some of them of several ways, with equal items of which not all are used')
FROM answer WHERE ways > 1 AND patterns < ways AND (SELECT count(DISTINCT (a, d)) < count(*) FROM unnest(amounts, coalesce(nullif(discounted, '{}'), amounts)) u (a, d));

SELECT is_empty('SELECT * FROM o2c.verify()', 'nothing to verify') WHERE to_regprocedure('o2c.verify()') IS NOT NULL;
SELECT * FROM finish();
ROLLBACK;
