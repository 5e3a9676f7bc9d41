-- The data and the cases of bench/aging; psql variables: rows, rounds.
CREATE TABLE item (customer integer NOT NULL, days integer NOT NULL, amount numeric(12,2) NOT NULL);
SELECT setseed(0.5);
-- ages around the buckets, one item in twenty a credit note, as in a real ledger in no order
INSERT INTO item
SELECT 1 + (random() * 99999)::integer, (random() * 160)::integer - 40,
       ((random() - 0.05) * 10 ^ (2 + 3 * random()))::numeric(12,2)
FROM generate_series(1, :rows);
VACUUM (FREEZE, ANALYZE) item;

CREATE TABLE result (grouping text, workers integer, method text, round integer, ms numeric);

-- Interleaved rounds, so that a busy moment of the machine meets all methods.
-- EXPLAIN ANALYZE without TIMING runs the query and leaves its output unsent.
CREATE PROCEDURE measure(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
    filters constant text := 'sum(amount) FILTER (WHERE days <= 0), sum(amount) FILTER (WHERE days BETWEEN 1 AND 30),
        sum(amount) FILTER (WHERE days BETWEEN 31 AND 60), sum(amount) FILTER (WHERE days BETWEEN 61 AND 90),
        sum(amount) FILTER (WHERE days > 90)';
    c record;
    plan json;
BEGIN
    FOR c IN
        SELECT r, w, g.grouping, g.clause, m.method, m.expression
        FROM generate_series(0, rounds) r, unnest(ARRAY[0, 2]) w,
             (VALUES ('in total', ''), ('by customer', 'GROUP BY customer')) g(grouping, clause),
             (VALUES ('count(*)', 'count(*)'), ('sum(amount)', 'sum(amount)'), ('5 sums', filters),
                     ('o2c.aging', 'o2c.aging(amount, days)')) m(method, expression)
        ORDER BY g.grouping DESC, w, r
    LOOP
        PERFORM set_config('max_parallel_workers_per_gather', c.w::text, false);
        EXECUTE format('EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) SELECT %s FROM item %s', c.expression, c.clause) INTO plan;
        -- round 0 warms up
        IF c.r > 0 THEN
            INSERT INTO result VALUES (c.grouping, c.w, c.method, c.r, (plan -> 0 ->> 'Execution Time')::numeric);
        END IF;
    END LOOP;
END $$;
CALL measure(:rounds);

SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s |', grouping, CASE workers WHEN 0 THEN 'serial' ELSE workers || ' workers' END,
              round(t.count), round(t.sum), round(t.filter), round(t.aging),
              round(t.filter / t.aging, 2), round(t.sum / t.aging, 2))
FROM (SELECT grouping, workers,
             max(ms) FILTER (WHERE method = 'count(*)') AS count, max(ms) FILTER (WHERE method = 'sum(amount)') AS sum,
             max(ms) FILTER (WHERE method = '5 sums') AS filter, max(ms) FILTER (WHERE method = 'o2c.aging') AS aging
      FROM (SELECT grouping, workers, method, (percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric AS ms
            FROM result GROUP BY grouping, workers, method) median
      GROUP BY grouping, workers) t
ORDER BY grouping DESC, workers;
