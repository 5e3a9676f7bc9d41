-- Key figures: the golden data set, the aggregates, and the cases at the edge.
BEGIN;
SELECT plan(137);

SELECT lives_ok($$SELECT o2c.create_company('Acme', 'EUR')$$, 'a company');
SELECT lives_ok($$SELECT o2c.create_company('Other', 'EUR')$$, 'another company');
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two');
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One of the other');

-- The key figures are computed from items and applications alone.  Here these are
-- written as they are, without the commands that would also keep what is open now.
CREATE FUNCTION pg_temp.item(id bigint, kind text, day date, amount numeric, due date DEFAULT NULL, invoice bigint DEFAULT NULL,
                             customer text DEFAULT 'C1', currency text DEFAULT 'EUR', company bigint DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, invoice_id, effective_on, due_on, currency, amount, open_amount)
    SELECT company, id, c.customer_id, kind, invoice, day, coalesce(due, day + CASE WHEN kind = 'invoice' THEN 30 ELSE 0 END), item.currency, amount, 0
    FROM o2c.customer c WHERE c.company_id = company AND c.code = customer $$;
CREATE FUNCTION pg_temp.apply(id bigint, credit bigint, debit bigint, day date, cash numeric, discount numeric DEFAULT 0,
                              writeoff numeric DEFAULT 0, reverses bigint DEFAULT NULL, company bigint DEFAULT 1) RETURNS void LANGUAGE sql AS $$
    INSERT INTO o2c.application (company_id, application_id, credit_item_id, debit_item_id, effective_on, cash_amount, discount_amount, writeoff_amount, reverses)
    VALUES (company, id, credit, debit, day, cash, discount, writeoff, reverses) $$;
-- one key figure, rounded as it is printed
CREATE FUNCTION pg_temp.figure(name text, from_on date, to_on date, customer text DEFAULT NULL, periods integer DEFAULT 1, net boolean DEFAULT false,
                               currency text DEFAULT NULL, company bigint DEFAULT 1) RETURNS numeric LANGUAGE sql AS $$
    SELECT round(k.value, 4) FROM o2c.kpi(from_on, to_on, customer, periods, net, currency, company) k WHERE k.kpi = name $$;
SET LOCAL session_replication_role = replica;

-- Without any fact nothing is known, and nothing fails.
SELECT is((SELECT count(*) FROM o2c.kpi('2024-01-01', '2024-03-31')), 25::bigint, 'every key figure has a row');
SELECT is((SELECT count(k.value) FROM o2c.kpi('2024-01-01', '2024-03-31') k), 0::bigint, 'without facts every value is null');
SELECT is((SELECT count(DISTINCT k.kpi) FROM o2c.kpi('2024-01-01', '2024-03-31') k), 25::bigint, 'names are unique');
SELECT bag_eq($$SELECT DISTINCT unit FROM o2c.kpi('2024-01-01', '2024-03-31')$$, ARRAY['days', 'percent', 'times'], 'units');

-- The golden data set.
SELECT pg_temp.item(v.id, v.kind, v.day, v.amount) FROM (VALUES
    (100, 'invoice', date '2023-12-15', 12000), (101, 'invoice', '2024-01-10', 10000), (102, 'invoice', '2024-01-25', 8000),
    (103, 'invoice', '2024-02-12', 6000), (104, 'invoice', '2024-02-28', 4000), (105, 'invoice', '2024-03-05', 9000),
    (106, 'invoice', '2024-03-20', 7000), (110, 'payment', '2024-01-20', -12000), (111, 'payment', '2024-02-09', -10000),
    (112, 'payment', '2024-03-15', -5000), (114, 'payment', '2024-03-10', -3920), (115, 'credit_note', '2024-03-25', -500),
    (116, 'payment', '2024-03-28', -1000)) v (id, kind, day, amount);
SELECT pg_temp.apply(1, 110, 100, '2024-01-20', 12000), pg_temp.apply(2, 111, 101, '2024-02-09', 10000),
       pg_temp.apply(3, 112, 102, '2024-03-15', 5000), pg_temp.apply(4, 114, 104, '2024-03-10', 3920, 80);

SELECT is(pg_temp.figure(v.name, '2024-01-01', '2024-03-31', NULL, v.periods, v.net), v.expected, v.name || ', N = ' || v.periods || CASE WHEN v.net THEN ', net' ELSE '' END)
FROM (VALUES
    ('dso', 1, false, 51.7045), ('dso', 1, true, 49.1609),
    ('best_possible_dso', 1, false, 33.0909), ('average_days_delinquent', 1, false, 18.6136),
    ('dso_countback', 1, false, 57.1), ('best_possible_dso_countback', 1, false, 31.0), ('average_days_delinquent_countback', 1, false, 26.1),
    ('countback_uncovered', 1, false, 0),
    ('true_dso', 1, false, 59.2375), ('sales_weighted_dso', 1, false, 53.0),
    ('cei', 1, false, 77.5), ('cei', 3, false, 15.625), ('cei', 1, true, 81.0127), ('cei_cash', 1, false, 77.3),
    ('ar_turnover', 1, false, 2.3784), ('ar_turnover_annualised', 1, false, 9.5396), ('average_collection_period', 1, false, 38.2614),
    ('average_days_to_pay', 1, false, 25.6667), ('average_days_to_pay_weighted', 1, false, 29.8462), ('average_days_to_pay_by_payment', 1, false, 33.1539),
    ('average_days_late', 1, false, -4.3333), ('average_days_late_weighted', 1, false, -0.1538), ('average_days_late_only_weighted', 1, false, 2.7692),
    ('average_terms_weighted', 1, false, 30),
    ('percent_current', 1, false, 64), ('delinquency_rate', 1, false, 36), ('delinquency_rate_by_count', 1, false, 50), ('percent_over_90', 1, false, 0)
) AS v (name, periods, net, expected);

SELECT is((SELECT count(*) FROM o2c.kpi('2024-01-01', '2024-03-31') k
           WHERE k.denominator > 0 AND k.value IS DISTINCT FROM k.numerator * CASE k.unit WHEN 'percent' THEN 100 ELSE 1 END / k.denominator),
          0::bigint, 'value is numerator / denominator, in percent where the unit says so');
SELECT is((SELECT k.denominator FROM o2c.kpi('2024-01-01', '2024-03-31') k WHERE k.kpi = 'average_days_to_pay_by_payment'), 30920::numeric, 'weight of the payments');
SELECT is(pg_temp.figure('average_terms_weighted', '2024-01-01', '2024-03-31') + pg_temp.figure('average_days_late_weighted', '2024-01-01', '2024-03-31'),
          pg_temp.figure('average_days_to_pay_weighted', '2024-01-01', '2024-03-31'), 'terms + days late = days to pay');

-- The past stays what it was: January, seen from January.
SELECT is(pg_temp.figure(v.name, '2024-01-01', '2024-01-31'), v.expected, v.name || ' in January')
FROM (VALUES ('dso', 31.0), ('percent_current', 100), ('delinquency_rate', 0), ('average_days_to_pay', 36), ('cei', 100), ('average_collection_period', 25.8333)) AS v (name, expected);
SELECT is(pg_temp.figure('delinquency_rate', '2024-01-01', '2024-01-14'), 0::numeric, 'the due date itself is not overdue');
SELECT is(pg_temp.figure('delinquency_rate', '2024-01-01', '2024-01-15'), 54.5455, 'the day after is');
SELECT is(pg_temp.figure('dso', '2024-04-01', '2024-04-30'), NULL, 'no sales: null, not an error');
SELECT is(pg_temp.figure('ar_turnover', '2024-04-01', '2024-04-30'), 0::numeric, 'no sales: turnover is zero');
SELECT is(pg_temp.figure('dso_countback', '2024-04-01', '2024-04-30'), 0::numeric, 'count-back stops at a month without sales');
SELECT is(pg_temp.figure('countback_uncovered', '2024-04-01', '2024-04-30'), 100::numeric, 'and says that nothing was covered');
SELECT is(pg_temp.figure('dso_countback', '2024-01-01', '2024-01-10'), 41::numeric, 'a month that has begun counts the days so far');

-- Other customers, companies and currencies.
SELECT pg_temp.item(200, 'invoice', '2024-02-01', 500, customer => 'C2'), pg_temp.item(201, 'invoice', '2024-02-01', 7777, currency => 'USD'),
       pg_temp.item(100, 'invoice', '2024-02-01', 333, company => 2), pg_temp.item(110, 'payment', '2024-02-11', -333, company => 2),
       pg_temp.apply(2, 110, 100, '2024-02-11', 333, company => 2);
SELECT is(pg_temp.figure('dso', '2024-01-01', '2024-03-31', 'C1'), 51.7045, 'one customer');
SELECT is(pg_temp.figure('average_days_to_pay', '2024-01-01', '2024-03-31', 'C1'), 25.6667, 'one customer''s days to pay');
SELECT is(pg_temp.figure('average_days_to_pay_by_payment', '2024-01-01', '2024-03-31', 'C2'), NULL, 'who has not paid has no days to pay');
SELECT is(pg_temp.figure('dso', '2024-01-01', '2024-03-31', 'C2'), 91::numeric, 'another customer');
SELECT is(pg_temp.figure('dso', '2024-01-01', '2024-03-31'), 52.1461, 'both');
SELECT is((SELECT k.denominator FROM o2c.kpi('2024-01-01', '2024-03-31', currency => 'USD') k WHERE k.kpi = 'dso'), 7777::numeric, 'another currency, alone');
SELECT is((SELECT k.denominator FROM o2c.kpi('2024-01-01', '2024-03-31', company_id => 2) k WHERE k.kpi = 'dso'), 333::numeric, 'another company, alone');
SELECT is(pg_temp.figure('average_days_to_pay', '2024-01-01', '2024-03-31', company => 2), 10::numeric, 'the other company''s days to pay');
SELECT is((SELECT k.numerator FROM o2c.kpi('2024-01-01', '2024-03-31', company_id => 2) k WHERE k.kpi = 'cei_cash'), 333::numeric, 'the other company''s cash');

-- Days to pay: what counts as paid, and when.
SELECT pg_temp.item(300, 'invoice', '2022-01-01', 100), pg_temp.item(301, 'payment', '2022-01-01', -100), pg_temp.apply(300, 301, 300, '2022-01-01', 100);
SELECT is(pg_temp.figure('average_days_to_pay', '2022-01-01', '2022-01-31'), 0::numeric, 'paid on the same day: zero days');
SELECT is(pg_temp.figure('dso', '2022-01-01', '2022-01-31'), 0::numeric, 'sales and nothing open: zero days');
SELECT is(pg_temp.figure('dso_countback', '2022-01-01', '2022-01-31'), 0::numeric, 'nothing open: count-back is zero');
SELECT is(pg_temp.figure('countback_uncovered', '2022-01-01', '2022-01-31'), NULL, 'nothing open: no share of it');
SELECT is(pg_temp.figure('percent_current', '2022-01-01', '2022-01-31'), NULL, 'nothing open: no part of it');

SELECT pg_temp.item(310, 'invoice', '2022-02-01', 100), pg_temp.item(311, 'payment', '2022-02-11', -60), pg_temp.item(312, 'payment', '2022-03-03', -40),
       pg_temp.apply(310, 311, 310, '2022-02-11', 60), pg_temp.apply(311, 312, 310, '2022-03-03', 40);
SELECT is(pg_temp.figure('average_days_to_pay', '2022-02-01', '2022-02-28'), NULL, 'a part payment closes nothing');
SELECT is(pg_temp.figure('average_days_to_pay_by_payment', '2022-02-01', '2022-02-28'), 10::numeric, 'but counts by payment');
SELECT is(pg_temp.figure('average_days_to_pay', '2022-03-01', '2022-03-31'), 30::numeric, 'the last payment closes');
SELECT is(pg_temp.figure('average_days_late', '2022-03-01', '2022-03-31'), 0::numeric, 'paid on the due date is not late');

SELECT pg_temp.item(320, 'invoice', '2022-04-01', 100), pg_temp.item(321, 'payment', '2022-04-06', -100), pg_temp.apply(320, 321, 320, '2022-04-06', 100),
       pg_temp.apply(321, 321, 320, '2022-05-10', -100, reverses => 320), pg_temp.apply(322, 321, 320, '2022-06-10', 100);
SELECT is(pg_temp.figure('average_days_to_pay', '2022-04-01', '2022-04-30'), 5::numeric, 'a payment, seen before it is taken back');
SELECT is(pg_temp.figure('average_days_to_pay', '2022-04-01', '2022-05-31'), NULL, 'taken back: the invoice is open again');
SELECT is(pg_temp.figure('average_days_to_pay_by_payment', '2022-04-01', '2022-05-31'), NULL, 'and the payment counts no more');
SELECT is((SELECT k.numerator FROM o2c.kpi('2022-04-01', '2022-05-31') k WHERE k.kpi = 'cei_cash'), 0::numeric, 'nor its cash');
SELECT is((SELECT k.numerator FROM o2c.kpi('2022-05-01', '2022-05-31') k WHERE k.kpi = 'delinquency_rate'), 100::numeric, 'it is overdue again');
SELECT is(pg_temp.figure('average_days_to_pay', '2022-06-01', '2022-06-30'), 70::numeric, 'paid again: until the last payment');
SELECT is(pg_temp.figure('average_days_to_pay', '2022-04-01', '2022-04-30'), 5::numeric, 'and April stays what it was');

SELECT pg_temp.item(330, 'invoice', '2021-01-01', 100), pg_temp.item(331, 'credit_note', '2021-01-05', -100), pg_temp.apply(330, 331, 330, '2021-01-05', 100),
       pg_temp.item(332, 'invoice', '2021-02-01', 100), pg_temp.apply(331, NULL, 332, '2021-02-09', 0, writeoff => 100);
SELECT is(pg_temp.figure('average_days_to_pay', '2021-01-01', '2021-01-31'), NULL, 'closed by a credit note: not paid');
SELECT is(pg_temp.figure('average_days_to_pay', '2021-02-01', '2021-02-28'), NULL, 'written off: not paid');
SELECT is(pg_temp.figure('cei', '2021-02-01', '2021-02-28'), 100::numeric, 'a write-off leaves the receivable');
SELECT is(pg_temp.figure('cei_cash', '2021-02-01', '2021-02-28'), 0::numeric, 'and is not cash');
SELECT is(pg_temp.figure('dso', '2021-01-01', '2021-01-31', net => true), NULL, 'sales that were all credited: null');

SELECT pg_temp.item(340, 'invoice', '2020-01-01', 50, due => '2020-01-31', invoice => 1), pg_temp.item(341, 'invoice', '2020-01-01', 150, due => '2020-03-01', invoice => 1),
       pg_temp.item(342, 'payment', '2020-01-21', -50), pg_temp.item(343, 'payment', '2020-03-11', -150),
       pg_temp.apply(340, 342, 340, '2020-01-21', 50), pg_temp.apply(341, 343, 341, '2020-03-11', 150);
SELECT is(pg_temp.figure('average_days_to_pay', '2020-01-01', '2020-01-31'), NULL, 'one instalment does not pay the invoice');
SELECT is(pg_temp.figure('average_days_to_pay', '2020-03-01', '2020-03-31'), 70::numeric, 'the last one does');
SELECT is(pg_temp.figure('average_days_late', '2020-03-01', '2020-03-31'), 10::numeric, 'late by the last due date');
SELECT is((SELECT k.denominator FROM o2c.kpi('2020-03-01', '2020-03-31') k WHERE k.kpi = 'average_days_to_pay_weighted'), 200::numeric, 'weighed with the whole invoice');
SELECT is(pg_temp.figure('delinquency_rate_by_count', '2020-01-01', '2020-03-05'), 100::numeric, 'open instalments are counted');

-- Fees are owed but not sold; what is not effective yet is not there.
SELECT pg_temp.item(350, 'invoice', '2019-01-01', 1000, due => '2019-01-10'), pg_temp.item(351, 'fee', '2019-01-20', 40, due => '2019-01-20');
SELECT is((SELECT ARRAY[k.numerator, k.denominator] FROM o2c.kpi('2019-01-01', '2019-01-31') k WHERE k.kpi = 'dso'), ARRAY[1040 * 31, 1000]::numeric[], 'a fee is owed, not sold');
SELECT is((SELECT ARRAY[k.numerator, k.denominator] FROM o2c.kpi('2019-01-01', '2019-01-15') k WHERE k.kpi = 'dso'), ARRAY[1000 * 15, 1000]::numeric[], 'before the fee');
SELECT is(pg_temp.figure('percent_over_90', '2019-01-01', '2019-04-10'), 0::numeric, '90 days overdue');
SELECT is(pg_temp.figure('percent_over_90', '2019-01-01', '2019-04-11'), 96.1538, '91 days overdue');
SELECT is(pg_temp.figure('true_dso', '2019-04-01', '2019-04-11'), 100::numeric, 'true DSO counts the fee not at all');
SELECT is(pg_temp.figure('dso_countback', '2019-01-01', '2019-01-31'), 31::numeric, 'history exhausted: the days counted, nothing extrapolated');
SELECT is(pg_temp.figure('countback_uncovered', '2019-01-01', '2019-01-31'), 3.8462, 'and what is left is told');

-- Arguments.
SELECT throws_ok($$SELECT o2c.kpi('2024-02-01', '2024-01-31')$$, 'OC002', NULL, 'a period that ends before it begins');
SELECT throws_ok($$SELECT o2c.kpi(NULL, '2024-01-31')$$, 'OC002', NULL, 'no first day');
SELECT throws_ok($$SELECT o2c.kpi('-infinity', '2024-01-31')$$, 'OC002', NULL, 'an infinite period');
SELECT throws_ok($$SELECT o2c.kpi('2024-02-01', '5874897-12-31')$$, 'OC002', NULL, 'a day beyond reason');
SELECT throws_ok($$SELECT o2c.kpi('2024-01-01', '2024-01-31', periods => 0)$$, 'OC002', NULL, 'no parts');
SELECT throws_ok($$SELECT o2c.kpi('2024-01-01', '2024-01-31', periods => NULL)$$, 'OC002', NULL, 'null parts');
SELECT throws_ok($$SELECT o2c.kpi('2024-01-01', '2024-01-31', 'nobody')$$, 'OC001', NULL, 'an unknown customer');
SELECT throws_ok($$SELECT o2c.kpi('2024-01-01', '2024-01-31', currency => 'XYZ')$$, 'OC001', NULL, 'an unknown currency');
SELECT throws_ok($$SELECT o2c.kpi('2024-01-01', '2024-01-31', company_id => 99)$$, 'OC001', NULL, 'an unknown company');
SELECT is((SELECT count(*) FROM o2c.kpi('0001-01-01', '9999-12-31', periods => 2147483647)), 25::bigint, 'the longest period');
SET LOCAL session_replication_role = origin;

-- Counting back, the newest period first: published examples.
SELECT is(ARRAY[round(d.days, v.digits)::text, d.status, d.rest::text], v.expected, v.name)
FROM (VALUES
    ('three months of 30 days', 212000, ARRAY[100000, 80000, 70000], 2, ARRAY['73.71', 'ok', '0']),
    ('the newest month hardly sold', 1871000, ARRAY[1116310, 13217, 885353], 1, ARRAY['85.1', 'ok', '0']),
    ('covered to the last cent', 300, ARRAY[100, 200], 1, ARRAY['60.0', 'ok', '0']),
    ('the history is exhausted', 301, ARRAY[100, 200], 1, ARRAY['60.0', 'history_exhausted', '1']),
    ('a month without sales', 301, ARRAY[100, 0, 500], 1, ARRAY['30.0', 'stopped_nonpositive_sales', '201']),
    ('a month of credits', 301, ARRAY[100, -5, 500], 1, ARRAY['30.0', 'stopped_nonpositive_sales', '201']),
    ('a month unknown', 301, ARRAY[100, NULL, 500], 1, ARRAY['30.0', 'stopped_nonpositive_sales', '201']),
    ('nothing open', 0, ARRAY[100, 200], 1, ARRAY['0.0', 'no_ar', '0']),
    ('less than nothing', -5, ARRAY[100, 200], 1, ARRAY['0.0', 'no_ar', '-5'])
) AS v (name, receivable, sales, digits, expected)
CROSS JOIN LATERAL (
    SELECT o2c.dso_countback(v.receivable, s.sales, 30 ORDER BY s.n) AS days, o2c.dso_countback_status(v.receivable, s.sales, 30 ORDER BY s.n) AS status,
           o2c.dso_countback_rest(v.receivable, s.sales, 30 ORDER BY s.n) AS rest
    FROM unnest(v.sales) WITH ORDINALITY AS s (sales, n)) d;
SELECT is((SELECT round(o2c.dso_countback(12000, m.sales, m.days ORDER BY m.n), 1)
           FROM unnest(ARRAY[2500, 1750, 2250, 2500, 2000, 2250], ARRAY[31, 30, 31, 30, 31, 30]) WITH ORDINALITY AS m (sales, days, n)), 166.3,
          'six months of their own length');
SELECT is((SELECT o2c.dso_countback(NULL, 5, 30)), NULL, 'no receivable: null');
SELECT is((SELECT o2c.dso_countback_status(5, 5, 30) WHERE false), NULL, 'no period: null');
SELECT throws_ok($$SELECT o2c.dso_countback(5, 5, 0)$$, 'OC002', NULL, 'a period without days');
SELECT throws_ok($$SELECT o2c.dso_countback(5, 5, NULL)$$, 'OC002', NULL, 'a period of unknown length');
SELECT throws_ok($$SELECT o2c.dso_countback('NaN', 5, 30)$$, 'OC002', NULL, 'a receivable that is no number');
SELECT throws_ok($$SELECT o2c.dso_countback(5, 'Infinity', 30)$$, 'OC002', NULL, 'infinite sales');
SELECT throws_ok($$SELECT o2c._countback_status('{1,2,9}')$$, 'OC002', NULL, 'a state with an unknown outcome');
SELECT throws_ok($$SELECT o2c._countback_status('{1,2,NaN}')$$, '0A000', NULL, 'a state without an outcome');
SELECT throws_ok($$SELECT o2c._countback_days('{1,2}')$$, 'OC002', NULL, 'a short state');

-- Weighted averages.
SELECT is((SELECT round(o2c.weighted_average(d, w), 2) FROM (VALUES (5, 10), (10, 100)) v (d, w)), 9.55, 'two invoices');
SELECT is((SELECT o2c.weighted_average(d, w) FROM (VALUES (15, 1000), (30, 3000), (45, 2000)) v (d, w)), 32.5, 'three invoices');
SELECT is((SELECT o2c.weighted_average(d, w) FROM (VALUES (15, 1000), (NULL, 3000), (45, NULL)) v (d, w)), 15::numeric, 'null values and weights are ignored');
SELECT is((SELECT o2c.weighted_average(d, w) FROM (VALUES (15, 5), (20, -5)) v (d, w)), NULL, 'no weight: null');
SELECT is((SELECT o2c.weighted_average(1, 1) WHERE false), NULL, 'no rows: null');
SELECT throws_ok($$SELECT o2c.weighted_average('NaN', 1)$$, 'OC002', NULL, 'a value that is no number');
SELECT throws_ok($$SELECT o2c.weighted_average(1, '-Infinity')$$, 'OC002', NULL, 'an infinite weight');
SELECT results_eq($$SELECT o2c.weighted_average(n, n % 7) OVER w FROM generate_series(1, 60) n WINDOW w AS (ORDER BY n ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)$$,
                  $$SELECT sum(n * (n % 7)) OVER w / sum((n % 7)::numeric) OVER w FROM generate_series(1, 60) n WINDOW w AS (ORDER BY n ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)$$,
                  'a moving frame');
SELECT is(o2c._weighted_result(o2c._weighted_merge('{50,10}', '{1000,100}')), 1050 / 110.0, 'two states merge');
SELECT is(o2c._weighted_merge(NULL, NULL), NULL, 'two nulls merge into null');
SELECT is(o2c._weighted_merge('{0,0}', '{0,0}'), '{0,0}'::numeric[], 'two empty states');
SELECT throws_ok(format('SELECT o2c._weighted_merge(%L, %L)', v.a, '{0,0}'), 'OC002', NULL, 'not a state: ' || v.a)
FROM (VALUES ('{}'), ('{1}'), ('{1,2,3}'), ('{1,NULL}'), ('{{1,2}}')) v (a);

SELECT * FROM finish();
ROLLBACK;
