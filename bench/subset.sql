-- The data and the cases of bench/subset; psql variables: rounds.
SET work_mem = '512MB';			-- plain SQL joins in memory, too
SET max_parallel_workers_per_gather = 0;

-- Ways to use none or one of the amounts of each item from one to another, and their sums in cents.
CREATE FUNCTION sums(amounts numeric[], discounted numeric[], first integer, last integer) RETURNS TABLE (total bigint) LANGUAGE sql AS $$
    WITH RECURSIVE item AS MATERIALIZED (
        SELECT i, (a * 100)::bigint AS a, (d * 100)::bigint AS d FROM unnest(amounts, discounted) WITH ORDINALITY x (a, d, i)),
    w (i, total) AS (
        SELECT first::bigint, 0::bigint
        UNION ALL
        SELECT w.i + 1, w.total + x.amount
        FROM w JOIN item ON item.i = w.i AND w.i <= last CROSS JOIN LATERAL (VALUES (0), (item.a), (item.d)) x (amount) WHERE x.amount IS NOT NULL)
    SELECT w.total FROM w WHERE w.i = last + 1 $$;
CREATE FUNCTION all_subsets(amounts numeric[], discounted numeric[], target numeric) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM sums(amounts, discounted, 1, cardinality(amounts)) WHERE total = target * 100 $$;
CREATE FUNCTION two_halves(amounts numeric[], discounted numeric[], target numeric) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM sums(amounts, discounted, 1, cardinality(amounts) / 2) a
    JOIN sums(amounts, discounted, cardinality(amounts) / 2 + 1, cardinality(amounts)) b ON b.total = (target * 100)::bigint - a.total $$;

CREATE TABLE kind (id integer, what text, n integer, paid integer, tolerance numeric, plain text);
INSERT INTO kind VALUES
    (1, 'random', 16, 8, 0, 'all_subsets'),
    (2, 'random', 24, 12, 0, 'two_halves'),
    (3, 'random', 32, 16, 0, 'two_halves'),
    (4, 'random', 40, 20, 0, 'two_halves'),
    (5, 'random', 40, 3, 0, NULL),
    (6, 'random', 40, 20, 0.02, NULL),
    (7, 'random', 40, 20, 1, NULL),
    (8, 'random', 40, 20, 100, NULL),
    (9, 'one in four a credit', 40, 20, 0, 'two_halves'),
    (10, 'one in four a credit', 40, 20, 1, NULL),
    (11, 'each with a discount', 24, 12, 0, 'two_halves'),
    (12, 'each with a discount', 24, 12, 1, NULL),
    (13, 'one in three with a discount', 32, 16, 0, 'two_halves'),
    (14, 'one in three with a discount', 32, 16, 1, NULL),
    (15, 'multiples of 50', 40, 20, 0, NULL),
    (16, 'all the same', 40, 20, 0, NULL);

-- What is open, what of it may be paid less, and what was paid.
CREATE FUNCTION draw(k kind, round integer, OUT amounts numeric[], OUT discounted numeric[], OUT target numeric) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM setseed((k.id + 0.01 * round) / 100);
    SELECT array_agg(CASE k.what WHEN 'multiples of 50' THEN 50 * ceil(a / 50) WHEN 'all the same' THEN 19.99 WHEN 'one in four a credit' THEN CASE i % 4 WHEN 0 THEN -a ELSE a END ELSE a END ORDER BY i)
    INTO amounts FROM (SELECT i, (1 + floor(random() * 1000000))::numeric / 100 AS a FROM generate_series(1, k.n) i) x;
    SELECT coalesce(array_agg(CASE WHEN k.n = 24 OR i % 3 = 0 THEN round(a * 0.98, 2) END ORDER BY i) FILTER (WHERE k.what LIKE '%discount'), '{}')
    INTO discounted FROM unnest(amounts) WITH ORDINALITY x (a, i);
    SELECT sum(CASE WHEN i % 2 = 0 THEN coalesce(d, a) ELSE a END)
    INTO target FROM (SELECT a, d, i FROM unnest(amounts, discounted) WITH ORDINALITY x (a, d, i) ORDER BY random() LIMIT k.paid) x;
END $$;

CREATE TABLE result (kind integer, round integer, ways numeric, ms numeric, plain_ms numeric);

-- Milliseconds of processor time that this process has had: the kernel counts them up when it sleeps.
CREATE FUNCTION used() RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_sleep(0.0001);
    RETURN split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::numeric / 1000000;
END $$;

-- Interleaved rounds, so that a busy moment of the machine meets both.
CREATE PROCEDURE measure(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
    k kind;
    d record;
    before numeric;
    took numeric;
    plain_took numeric;
    ways numeric;
    plain_ways bigint;
BEGIN
    FOR round IN 0 .. rounds LOOP
        FOR k IN SELECT * FROM kind ORDER BY id LOOP
            d := draw(k, round);
            before := used();
            SELECT f.solutions INTO ways FROM o2c.find_subset(d.amounts, d.target, k.tolerance, d.discounted) f;
            took := used() - before;
            plain_took := NULL;
            IF k.plain IS NOT NULL THEN
                before := used();
                EXECUTE format('SELECT %I($1, $2, $3)', k.plain) INTO plain_ways USING d.amounts, d.discounted, d.target;
                plain_took := used() - before;
                IF plain_ways IS DISTINCT FROM ways THEN
                    RAISE 'o2c.find_subset found % ways, plain SQL %: % for %', ways, plain_ways, d.amounts, d.target;
                END IF;
            END IF;
            -- round 0 warms up
            IF round > 0 THEN
                INSERT INTO result VALUES (k.id, round, ways, took, plain_took);
            END IF;
        END LOOP;
    END LOOP;
END $$;
CALL measure(:rounds);

SELECT format('| %s %s | %s | %s | %s | %s | %s | %s |', n, what,
              concat_ws(' ', 'of ' || paid, '± ' || nullif(tolerance, 0)), ways, round(ms, 2), round(longest, 2), round(plain_ms), round(plain_ms / ms))
FROM kind JOIN (SELECT kind, max(ways) AS ways, (percentile_cont(0.5) WITHIN GROUP (ORDER BY ms))::numeric AS ms, max(ms) AS longest,
                       (percentile_cont(0.5) WITHIN GROUP (ORDER BY plain_ms))::numeric AS plain_ms
                FROM result GROUP BY kind) median ON kind = id
ORDER BY id;
