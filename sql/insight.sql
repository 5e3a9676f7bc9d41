-- Key figures: what a quarter says about the receivable.
BEGIN;
SELECT o2c.create_company('Golden', 'EUR') AS company \gset
SET LOCAL o2c.company = :company;
INSERT INTO o2c.customer (code, name) VALUES ('G1', 'Golden customer');

-- Seven invoices, net 30 days, their payments, a credit note and money on account.
-- (Facts as they are in the two tables; what the commands keep beside them is not needed here.)
SET LOCAL session_replication_role = replica;
INSERT INTO o2c.open_item (item_id, customer_id, kind, effective_on, due_on, currency, amount, open_amount)
SELECT v.id, c.customer_id, v.kind, v.day, v.day + v.terms, 'EUR', v.amount, 0
FROM o2c.customer c CROSS JOIN (VALUES
    (-100, 'invoice',     date '2023-12-15', 30,  12000), (-110, 'payment', date '2024-01-20', 0, -12000),
    (-101, 'invoice',     date '2024-01-10', 30,  10000), (-111, 'payment', date '2024-02-09', 0, -10000),
    (-102, 'invoice',     date '2024-01-25', 30,   8000), (-112, 'payment', date '2024-03-15', 0,  -5000),
    (-103, 'invoice',     date '2024-02-12', 30,   6000),
    (-104, 'invoice',     date '2024-02-28', 30,   4000), (-114, 'payment', date '2024-03-10', 0,  -3920),
    (-105, 'invoice',     date '2024-03-05', 30,   9000),
    (-106, 'invoice',     date '2024-03-20', 30,   7000),
    (-107, 'credit_note', date '2024-03-25',  0,   -500), (-117, 'payment', date '2024-03-28', 0,  -1000)
) AS v (id, kind, day, terms, amount)
WHERE c.company_id = :company;
INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount, discount_amount) VALUES
    (-110, -100, '2024-01-20', 12000,  0),
    (-111, -101, '2024-02-09', 10000,  0),
    (-112, -102, '2024-03-15',  5000,  0),
    (-114, -104, '2024-03-10',  3920, 80);
SET LOCAL session_replication_role = origin;

-- The first quarter.
SELECT kpi, round(value, 4) AS value, unit, numerator, denominator FROM o2c.kpi('2024-01-01', '2024-03-31');

-- Credit notes and money on account taken off: sales and balances shrink.
SELECT kpi, round(value, 4) AS value, numerator, denominator FROM o2c.kpi('2024-01-01', '2024-03-31', net_unapplied => true)
WHERE kpi IN ('dso', 'cei', 'ar_turnover');

-- The collection effectiveness index as published benchmarks have it: N is the months of the period.
SELECT round(value, 4) AS cei FROM o2c.kpi('2024-01-01', '2024-03-31', periods => 3) WHERE kpi = 'cei';

-- Before and after: January, as it was at its end.
SELECT b.kpi, round(b.value, 2) AS january, round(a.value, 2) AS march
FROM o2c.kpi('2024-01-01', '2024-01-31') b JOIN o2c.kpi('2024-03-01', '2024-03-31') a USING (kpi)
WHERE b.kpi IN ('dso', 'delinquency_rate', 'average_days_to_pay', 'cei') ORDER BY b.kpi;

-- Figures of several customers or companies are added up before they are divided.
SELECT sum(numerator) / sum(denominator) AS dso FROM o2c.customer c
CROSS JOIN LATERAL o2c.kpi('2024-01-01', '2024-03-31', c.code) k
WHERE c.company_id = :company AND k.kpi = 'dso';

-- Mistakes say what is wrong.
\set SHOW_CONTEXT never
SAVEPOINT s;
SELECT o2c.kpi('2024-03-31', '2024-01-01');
ROLLBACK TO s;
SELECT o2c.kpi('2024-01-01', '2024-03-31', 'nobody', company_id => -1);
ROLLBACK;

-- The aggregates serve any table.  Days sales outstanding by counting back, newest month first:
SELECT round(o2c.dso_countback(212000, sales, 30 ORDER BY month DESC), 2) AS days,
       o2c.dso_countback_status(212000, sales, 30 ORDER BY month DESC) AS status
FROM (VALUES (3, 100000), (2, 80000), (1, 70000)) AS m (month, sales);

-- Nothing is extrapolated: what the months do not cover is told.
SELECT o2c.dso_countback(300000, sales, 30 ORDER BY month DESC) AS days,
       o2c.dso_countback_status(300000, sales, 30 ORDER BY month DESC) AS status,
       o2c.dso_countback_rest(300000, sales, 30 ORDER BY month DESC) AS rest
FROM (VALUES (3, 100000), (2, 80000), (1, 70000)) AS m (month, sales);

-- Days to pay, weighted with the amounts:
SELECT round(o2c.weighted_average(days, amount), 2) AS weighted, round(avg(days), 2) AS simple
FROM (VALUES (5, 10), (10, 100)) AS i (days, amount);
