-- Differences between what is paid and what is owed: references, discounts, tolerance, deductions, overpayments, bank charges.
BEGIN;
SELECT plan(188);
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-01';
INSERT INTO o2c.customer (code, name, currency) VALUES ('C1', 'One', 'EUR'), ('C2', 'Two', 'EUR'), ('JP', 'Yen', 'JPY'), ('BHD', 'Dinar', 'BHD');
CREATE FUNCTION pg_temp.imported(number text, customer text, amount numeric, invoiced_on date DEFAULT '2026-01-01', due_on date DEFAULT '2026-01-31', currency text DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS
'INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ($1, $2, $4, $5, $3, $6); SELECT o2c.load_invoices()';

-- creditor references: of the letters and digits of the number, in the form that references are compared in
CREATE TEMP TABLE reference (number text, expected text);
INSERT INTO reference VALUES
    ('1234512345', 'RF451234512345'), ('TU06FX', 'RF96TU06FX'), ('AB2G5', 'RF68AB2G5'), ('ab-2/g 5', 'RF68AB2G5'),
    ('5390 0754 7034', 'RF18539007547034'), ('000539007547034', 'RF18539007547034'), ('0', 'RF040'), ('00-0', 'RF040'),
    ('A23456789012345678901', 'RF52A23456789012345678901'), ('A234567890123456789012', NULL),
    ('000A23456789012345678901', 'RF52A23456789012345678901'), ('--- ***', NULL);
SELECT pg_temp.imported(number, 'C1', 10) FROM reference;
SELECT results_eq('SELECT r.number, v.creditor_reference FROM reference r JOIN o2c.invoice v USING (number) ORDER BY r.number', 'SELECT number, expected FROM reference ORDER BY number',
                  'a creditor reference of each number that can have one');
SELECT is_empty('SELECT number FROM o2c.invoice WHERE NOT o2c.is_creditor_reference(creditor_reference) OR o2c.normalize_reference(creditor_reference) <> creditor_reference',
                'each is one by its check digits, and in the normal form');
SELECT is((SELECT count(*) FROM o2c.invoice v WHERE v.creditor_reference = ANY (o2c.reference_tokens('please book rf18 5390 0754 7034, thanks'))), 2::bigint,
          'a printed reference in free text leads to the numbers that share it');
SELECT is(o2c._number_reference(''), NULL::text, 'none of an empty number');
SELECT is(o2c._number_reference(n), o2c.make_creditor_reference(n)::text, 'the same as from the function that users call: ' || n)
FROM unnest('{INV1,7,ZZZZZZZZZZZZZZZZZZZZZ}'::text[]) n;
SELECT is(o2c.payment_reference('5390 0754 7034'), 'RF18 5390 0754 7034', 'what is printed on the invoice');
SELECT is(o2c.payment_reference('--- ***'), NULL::text, 'nothing where there is none');
SELECT throws_ok($$SELECT o2c.payment_reference('nothing')$$, 'OC001', NULL, 'not of an unknown invoice');
SELECT throws_ok($$SELECT o2c.payment_reference('AB2G5', 2)$$, 'OC001', NULL, 'nor of another company''s');
SELECT pg_temp.imported('INV-2026-000617', 'C1', 10);
CREATE FUNCTION pg_temp.by_scheme(scheme text, invoice text DEFAULT 'INV-2026-000617') RETURNS text LANGUAGE sql AS
$$SELECT o2c.set_setting('reference_scheme', scheme); SELECT o2c.payment_reference(invoice)$$;
SELECT is(pg_temp.by_scheme(s.scheme), s.expected, 'by the setting: ' || s.scheme)
FROM (VALUES ('QRR', '00 00000 00000 00002 02600 06179'), ('viite', '2 02600 06170'), ('KID10', '20260006174'), ('OGM', '+++202/6000/61729+++')) s (scheme, expected);
SELECT is(pg_temp.by_scheme('OGM', 'A23456789012345678901'), NULL::text, 'none of a number that does not fit the scheme');
SELECT is(pg_temp.by_scheme('KID11', 'TU06FX'), '6-', 'the digits of the number only');
SELECT throws_ok($$SELECT pg_temp.by_scheme('XYZ')$$, 'OC001', NULL, 'not by an unknown scheme');
SELECT pg_temp.by_scheme('RF');

-- an invoice with discounts: imported, with the tiers beside it; one instalment unless more are added
CREATE FUNCTION pg_temp.owe(number text, customer text, amount numeric, VARIADIC tiers text[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.imported(number, customer, amount);
    INSERT INTO o2c.instalment_discount (item_id, tier, until_on, amount)
    SELECT i.item_id, t.n, split_part(t.tier, ' ', 1)::date, split_part(t.tier, ' ', 2)::numeric
    FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id), unnest(tiers) WITH ORDINALITY AS t (tier, n)
    WHERE v.company_id = 1 AND v.number = owe.number;
END $$;
CREATE FUNCTION pg_temp.pay(amount numeric, received_on date, customer text DEFAULT 'C1') RETURNS bigint LANGUAGE sql AS
'SELECT o2c.record_payment($1, $2, $3)';
-- what was done to each instalment: cash / discount (of that unearned) / tolerance -> open
CREATE FUNCTION pg_temp.settled(number text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', s.cash, '/', s.discount || CASE WHEN s.unearned <> 0 THEN format(' (%s)', s.unearned) ELSE '' END, '/', s.tolerance, '->', s.open), ', ' ORDER BY s.due_on, s.item_id)
    FROM (SELECT i.due_on, i.item_id, trim_scale(sum(a.cash_amount)) AS cash, trim_scale(sum(a.discount_amount)) AS discount, trim_scale(sum(a.unearned_amount)) AS unearned,
                 trim_scale(sum(a.tolerance_amount)) AS tolerance, trim_scale(i.open_amount) AS open
          FROM o2c.invoice v JOIN o2c.open_item i USING (company_id, invoice_id) JOIN o2c.application a ON a.company_id = 1 AND a.debit_item_id = i.item_id
          WHERE v.company_id = 1 AND v.number = $1 GROUP BY i.item_id, i.due_on, i.open_amount) s $$;
CREATE FUNCTION pg_temp.on_account(payment bigint) RETURNS numeric LANGUAGE sql AS
'SELECT trim_scale(- i.open_amount) FROM o2c.payment p JOIN o2c.open_item i USING (company_id, item_id) WHERE p.company_id = 1 AND p.payment_id = $1';
CREATE FUNCTION pg_temp.policy(tolerance_amount numeric, tolerance_percent numeric, grace integer DEFAULT 0, partial boolean DEFAULT false) RETURNS void LANGUAGE sql AS
'UPDATE o2c.cash_policy SET tolerance_amount = $1, tolerance_percent = $2, discount_grace_days = $3, discount_on_partial = $4 WHERE company_id = 1 AND customer_id IS NULL';

-- what a payment earns: 1000 less 20 until 11 January, less 10 until 21 January
SELECT pg_temp.owe('D1', 'C1', 1000, '2026-01-11 20', '2026-01-21 10');
SELECT pg_temp.owe('D2', 'C1', 33.33, '2026-01-11 0.67'), pg_temp.owe('D3', 'JP', 999, '2026-01-11 20'), pg_temp.owe('D4', 'BHD', 10.005, '2026-01-11 0.2'),
       pg_temp.owe('D5', 'C1', 10, '2026-01-11 10'), pg_temp.owe('D6', 'C1', 500);
CREATE TEMP TABLE earned (invoice text, paid_on date, cash numeric, grace integer, partial boolean, expected numeric);
INSERT INTO earned VALUES
    ('D1', '2026-01-01', NULL, 0, false, 20), ('D1', '2026-01-11', NULL, 0, false, 20), ('D1', '2026-01-12', NULL, 0, false, 10), ('D1', '2026-01-21', NULL, 0, false, 10),
    ('D1', '2026-01-22', NULL, 0, false, 0), ('D1', '2026-01-12', NULL, 1, false, 20), ('D1', '2026-01-13', NULL, 1, false, 10), ('D1', '2026-01-22', NULL, 1, false, 10),
    ('D1', '2026-01-23', NULL, 1, false, 0),
    -- closing the instalment earns all of it, less does not; who pays more deducts less
    ('D1', '2026-01-11', 980, 0, false, 20), ('D1', '2026-01-11', 979.99, 0, false, 0), ('D1', '2026-01-11', 985, 0, false, 15), ('D1', '2026-01-11', 1000, 0, false, 0),
    ('D1', '2026-01-11', 1500, 0, false, 0), ('D1', '2026-01-12', 980, 0, false, 0), ('D1', '2026-01-12', 990, 0, false, 10),
    -- or a part earns its part: 490 * 20 / 980
    ('D1', '2026-01-11', 490, 0, true, 10), ('D1', '2026-01-11', 979.99, 0, true, 20), ('D1', '2026-01-11', 980, 0, true, 20), ('D1', '2026-01-12', 495, 0, true, 5),
    ('D1', '2026-01-22', 495, 0, true, 0), ('D1', '2026-01-11', 0.24, 0, true, 0), ('D1', '2026-01-11', 0.25, 0, true, 0.01),
    ('D2', '2026-01-11', NULL, 0, false, 0.67), ('D2', '2026-01-11', 32.66, 0, false, 0.67), ('D2', '2026-01-11', 32.65, 0, false, 0), ('D2', '2026-01-11', 16.33, 0, true, 0.34),
    ('D3', '2026-01-11', 979, 0, false, 20), ('D3', '2026-01-11', 978, 0, false, 0), ('D3', '2026-01-11', 500, 0, true, 10),
    ('D4', '2026-01-11', 9.805, 0, false, 0.2), ('D4', '2026-01-11', 9.804, 0, false, 0), ('D4', '2026-01-11', 5, 0, true, 0.102),
    ('D5', '2026-01-11', 0, 0, true, 0), ('D5', '2026-01-11', 0.01, 0, true, 9.99), ('D5', '2026-01-11', NULL, 0, false, 10), ('D6', '2026-01-01', 500, 0, true, 0);
CREATE FUNCTION pg_temp.earns(e earned) RETURNS numeric LANGUAGE sql AS
'SELECT pg_temp.policy(NULL, NULL, e.grace, e.partial); SELECT o2c.eligible_discount(e.invoice, e.paid_on, e.cash)';
SELECT is(pg_temp.earns(e), e.expected, concat_ws(' ', 'earned:', e.invoice, e.paid_on, e.cash, 'grace', e.grace, CASE WHEN e.partial THEN 'in part' END)) FROM earned e;
SELECT pg_temp.policy(NULL, NULL);
SELECT throws_ok($$SELECT o2c.eligible_discount('none')$$, 'OC001', NULL, 'no discount on an unknown invoice');
SELECT throws_ok($$SELECT o2c.eligible_discount('D1', company_id => 2)$$, 'OC001', NULL, 'nor on another company''s');
SELECT throws_ok($$SELECT o2c.eligible_discount('D1', NULL)$$, 'OC002', NULL, 'nor without a date');
SELECT throws_ok(format('SELECT o2c.eligible_discount(''D1'', ''2026-01-01'', %L)', c), 'OC002', NULL, 'nor by a payment of ' || c) FROM unnest('{NaN,Infinity,-1,1.001,1e15}'::numeric[]) c;

-- taking it
CREATE TEMP TABLE taken (n integer, received_on date, payment numeric, arguments text, expected text, rest numeric, policy text);
INSERT INTO taken VALUES
    (1, '2026-01-11', 980, 'discount => NULL', '980 / 20 / 0 -> 0', 0, NULL),
    (2, '2026-01-12', 980, 'discount => NULL', '980 / 0 / 0 -> 20', 0, NULL),
    (3, '2026-01-12', 980, 'discount => NULL', '980 / 20 / 0 -> 0', 0, 'NULL, NULL, 1'),
    (4, '2026-01-11', 1000, 'discount => NULL', '1000 / 0 / 0 -> 0', 0, NULL),
    (5, '2026-01-11', 1100, 'discount => NULL', '1000 / 0 / 0 -> 0', 100, NULL),
    (6, '2026-01-11', 490, 'discount => NULL', '490 / 0 / 0 -> 510', 0, NULL),
    (7, '2026-01-11', 490, 'discount => NULL', '490 / 10 / 0 -> 500', 0, 'NULL, NULL, 0, true'),
    (8, '2026-01-11', 1000, 'amount => 490, discount => NULL', '490 / 10 / 0 -> 500', 510, 'NULL, NULL, 0, true'),
    (9, '2026-01-11', 979.50, 'discount => NULL, tolerance => NULL', '979.5 / 20 / 0.5 -> 0', 0, '0.50, NULL'),
    (10, '2026-01-11', 979.49, 'discount => NULL, tolerance => NULL', '979.49 / 0 / 0 -> 20.51', 0, '0.50, NULL'),
    (11, '2026-01-11', 979.49, 'discount => NULL, tolerance => NULL', '979.49 / 19.99 / 0 -> 0.52', 0, '0.50, NULL, 0, true'),
    (12, '2026-01-11', 980, 'NULL', '980 / 0 / 0 -> 20', 0, NULL),
    (13, '2026-01-11', 980, 'discount => 20', '980 / 20 / 0 -> 0', 0, NULL),
    (14, '2026-01-11', 970, 'discount => 20, tolerance => 10, note => ''flood''', '970 / 20 / 10 -> 0', 0, NULL),
    (15, '2026-01-11', 970, 'discount => NULL, tolerance => 10, note => ''flood''', '970 / 20 / 10 -> 0', 0, NULL),
    (16, '2026-01-11', 979.60, 'discount => 20, tolerance => NULL', '979.6 / 20 / 0.4 -> 0', 0, '0.50, NULL'),
    (17, '2026-01-12', 980, 'discount => 20, note => ''good customer''', '980 / 20 (10) / 0 -> 0', 0, NULL),
    (18, '2026-01-22', 980, 'discount => 20, note => ''good customer''', '980 / 20 (20) / 0 -> 0', 0, NULL),
    (19, '2026-01-11', 900, 'discount => 20, note => ''good customer''', '900 / 20 (20) / 0 -> 80', 0, NULL),
    -- tolerance is the smaller of both, of what is owed, up to the boundary
    (20, '2026-01-31', 999.50, 'tolerance => NULL', '999.5 / 0 / 0.5 -> 0', 0, '0.50, NULL'),
    (21, '2026-01-31', 999.49, 'tolerance => NULL', '999.49 / 0 / 0 -> 0.51', 0, '0.50, NULL'),
    (22, '2026-01-31', 999, 'tolerance => NULL', '999 / 0 / 1 -> 0', 0, 'NULL, 0.1'),
    (23, '2026-01-31', 998.99, 'tolerance => NULL', '998.99 / 0 / 0 -> 1.01', 0, 'NULL, 0.1'),
    (24, '2026-01-31', 999.50, 'tolerance => NULL', '999.5 / 0 / 0.5 -> 0', 0, '0.50, 0.1'),
    (25, '2026-01-31', 999, 'tolerance => NULL', '999 / 0 / 0 -> 1', 0, '0.50, 0.1'),
    (26, '2026-01-31', 999.50, 'tolerance => NULL', '999.5 / 0 / 0 -> 0.5', 0, '5, 0.049999'),
    (27, '2026-01-31', 999.99, 'tolerance => NULL', '999.99 / 0 / 0 -> 0.01', 0, NULL),
    (28, '2026-01-31', 999.99, 'tolerance => NULL', '999.99 / 0 / 0 -> 0.01', 0, '0, 100'),
    (29, '2026-01-31', 999.50, 'NULL', '999.5 / 0 / 0 -> 0.5', 0, '0.50, NULL'),
    (30, '2026-01-31', 999.50, 'tolerance => 0.50', '999.5 / 0 / 0.5 -> 0', 0, '0.50, NULL'),
    (31, '2026-01-31', 999, 'tolerance => 1, note => ''settled by telephone''', '999 / 0 / 1 -> 0', 0, '0.50, NULL');
CREATE FUNCTION pg_temp.take(t taken) RETURNS text LANGUAGE plpgsql AS $$
DECLARE payment bigint := pg_temp.pay(t.payment, t.received_on);
BEGIN
    PERFORM pg_temp.owe('T' || t.n, 'C1', 1000, '2026-01-11 20', '2026-01-21 10');
    EXECUTE format('SELECT pg_temp.policy(%s)', coalesce(t.policy, 'NULL, NULL'));
    EXECUTE format('SELECT o2c.apply_payment(%s, ''T%s'', %s)', payment, t.n, t.arguments);
    RETURN pg_temp.settled('T' || t.n) || ', ' || pg_temp.on_account(payment);
END $$;
SELECT is(pg_temp.take(t), t.expected || ', ' || t.rest, concat_ws(' ', t.n, 'received', t.received_on, t.payment, t.arguments, 'policy', t.policy)) FROM taken t ORDER BY n;
SELECT results_eq($$SELECT number, state FROM o2c.invoice WHERE number IN ('T1', 'T2', 'T9') ORDER BY number$$, $$VALUES ('T1', 'paid'), ('T2', 'posted'), ('T9', 'paid')$$, 'what is settled is paid');
SELECT pg_temp.policy(0.50, NULL);
CREATE FUNCTION pg_temp.refuses(payment numeric, received_on date, arguments text, code text, what text) RETURNS text LANGUAGE sql AS
$$SELECT throws_ok(format('SELECT o2c.apply_payment(pg_temp.pay(%s, %L), ''D1'', %s)', payment, received_on, arguments), code, NULL, what)$$;
SELECT pg_temp.refuses(980, '2026-01-12', 'discount => 20', 'OC002', 'more discount than is earned needs a note');
SELECT pg_temp.refuses(980, '2026-01-11', 'amount => 980, discount => 20.01', 'OC106', 'and is not more than fits');
SELECT pg_temp.refuses(900, '2026-01-11', 'discount => 20', 'OC002', 'a part payment has earned none');
SELECT pg_temp.refuses(999, '2026-01-31', 'tolerance => 1', 'OC002', 'more tolerance than the policy has needs a note');
SELECT pg_temp.refuses(10, '2026-01-31', 'discount => 1001, note => ''x''', 'OC106', 'a discount is not more than the invoice');
SELECT pg_temp.refuses(10, '2026-01-31', 'discount => -1', 'OC002', 'nor negative');
SELECT pg_temp.refuses(10, '2026-01-31', 'tolerance => ''NaN''', 'OC002', 'nor is tolerance NaN');
SELECT pg_temp.refuses(10, '2026-01-31', 'rate => 1', 'OC002', 'no rate within a currency');
SELECT pg_temp.refuses(10, '2026-01-31', 'credit_amount => 10', 'OC002', 'nor an amount of another');
SELECT is((SELECT reason FROM o2c.application WHERE unearned_amount = 20 ORDER BY application_id LIMIT 1), 'good customer', 'the note is kept');

-- instalments: each has its own discount, tolerance is measured on what the payment reaches
CREATE FUNCTION pg_temp.in_two(number text) RETURNS void LANGUAGE sql AS $$
    WITH v AS (INSERT INTO o2c.invoice (number, customer_id, state, imported, invoiced_on, due_on, currency, line_amount, net_amount, total_amount)
               SELECT $1, customer_id, 'posted', true, '2026-01-01', '2026-02-28', 'EUR', 1000, 1000, 1000 FROM o2c.customer WHERE company_id = 1 AND code = 'C1' RETURNING *),
        i AS (INSERT INTO o2c.open_item (customer_id, kind, invoice_id, instalment, effective_on, due_on, currency, amount)
              SELECT v.customer_id, 'invoice', v.invoice_id, n, v.invoiced_on, CASE n WHEN 1 THEN date '2026-01-31' ELSE '2026-02-28' END, 'EUR', 500 FROM v, generate_series(1, 2) n
              RETURNING item_id, instalment)
    INSERT INTO o2c.instalment_discount (item_id, tier, until_on, amount) SELECT item_id, 1, CASE instalment WHEN 1 THEN date '2026-01-11' ELSE '2026-01-31' END, 10 FROM i $$;
CREATE TEMP TABLE in_parts (n integer, payment numeric, received_on date, policy text, expected text, rest numeric);
INSERT INTO in_parts VALUES
    (1, 980, '2026-01-11', '0.50, NULL', '490 / 10 / 0 -> 0, 490 / 10 / 0 -> 0', 0), (2, 990, '2026-01-12', '0.50, NULL', '500 / 0 / 0 -> 0, 490 / 10 / 0 -> 0', 0),
    (3, 489.50, '2026-01-11', '0.50, NULL', '489.5 / 10 / 0.5 -> 0', 0), (4, 989.60, '2026-01-12', '0.50, NULL', '500 / 0 / 0 -> 0, 489.6 / 10 / 0.4 -> 0', 0),
    (5, 499.60, '2026-01-12', '0.50, NULL', '499.6 / 0 / 0.4 -> 0', 0), (6, 499.40, '2026-01-12', '0.50, NULL', '499.4 / 0 / 0 -> 0.6', 0),
    (7, 988, '2026-01-12', '5, 0.2', '500 / 0 / 0 -> 0, 488 / 10 / 2 -> 0', 0), (8, 987.99, '2026-01-12', '5, 0.2', '500 / 0 / 0 -> 0, 487.99 / 0 / 0 -> 12.01', 0),
    (9, 499, '2026-01-12', '5, 0.2', '499 / 0 / 1 -> 0', 0), (10, 498.99, '2026-01-12', '5, 0.2', '498.99 / 0 / 0 -> 1.01', 0),
    (11, 1000.01, '2026-02-01', '5, 0.2', '500 / 0 / 0 -> 0, 500 / 0 / 0 -> 0', 0.01),
    -- who does not deduct takes no discount
    (12, 500, '2026-01-11', 'NULL, NULL', '500 / 0 / 0 -> 0', 0), (13, 600, '2026-01-11', 'NULL, NULL', '500 / 0 / 0 -> 0, 100 / 0 / 0 -> 400', 0),
    (14, 985, '2026-01-11', 'NULL, NULL', '495 / 5 / 0 -> 0, 490 / 10 / 0 -> 0', 0), (15, 1000, '2026-01-11', 'NULL, NULL', '500 / 0 / 0 -> 0, 500 / 0 / 0 -> 0', 0),
    (16, 600, '2026-01-11', 'NULL, NULL, 0, true', '500 / 0 / 0 -> 0, 100 / 2.04 / 0 -> 397.96', 0), (17, 979.60, '2026-01-11', '0.50, NULL', '490 / 10 / 0 -> 0, 489.6 / 10 / 0.4 -> 0', 0);
CREATE FUNCTION pg_temp.pay_parts(t in_parts) RETURNS text LANGUAGE plpgsql AS $$
DECLARE payment bigint := pg_temp.pay(t.payment, t.received_on);
BEGIN
    PERFORM pg_temp.in_two('P' || t.n);
    EXECUTE format('SELECT pg_temp.policy(%s)', t.policy);
    PERFORM o2c.apply_payment(payment, 'P' || t.n, discount => NULL, tolerance => NULL);
    RETURN pg_temp.settled('P' || t.n) || ', ' || pg_temp.on_account(payment);
END $$;
SELECT is(pg_temp.pay_parts(t), t.expected || ', ' || t.rest, concat_ws(' ', 'two instalments,', t.payment, t.received_on, 'policy', t.policy)) FROM in_parts t ORDER BY n;

-- currencies without and with three decimals
SELECT pg_temp.policy(2, NULL);
SELECT pg_temp.owe('Y1', 'JP', 1000), pg_temp.owe('Y2', 'JP', 1000), pg_temp.owe('B1', 'BHD', 10.005), pg_temp.owe('B2', 'BHD', 10.005), pg_temp.owe('Y3', 'JP', 1000);
SELECT o2c.apply_payment(pg_temp.pay(998, '2026-01-31', 'JP'), 'Y1', tolerance => NULL), o2c.apply_payment(pg_temp.pay(997, '2026-01-31', 'JP'), 'Y2', tolerance => NULL);
SELECT is(pg_temp.settled('Y1') || '; ' || pg_temp.settled('Y2'), '998 / 0 / 2 -> 0; 997 / 0 / 0 -> 3', 'two yen are tolerated, three are not');
SELECT pg_temp.policy(0.005, NULL);
SELECT o2c.apply_payment(pg_temp.pay(10, '2026-01-31', 'BHD'), 'B1', tolerance => NULL), o2c.apply_payment(pg_temp.pay(9.999, '2026-01-31', 'BHD'), 'B2', tolerance => NULL);
SELECT is(pg_temp.settled('B1') || '; ' || pg_temp.settled('B2'), '10 / 0 / 0.005 -> 0; 9.999 / 0 / 0 -> 0.006', 'five thousandths of a dinar, not six');
SELECT pg_temp.policy(0.5, NULL);
SELECT o2c.apply_payment(pg_temp.pay(999, '2026-01-31', 'JP'), 'Y3', tolerance => NULL);
SELECT is(pg_temp.settled('Y3'), '999 / 0 / 0 -> 1', 'half a yen tolerates none');

-- part payments that each take their discount add up to the terms, to the cent
SELECT pg_temp.policy(NULL, NULL, 0, true);
CREATE FUNCTION pg_temp.in_pieces(number text, amount numeric, percent numeric, pieces integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE discount numeric := amount - round(amount * (100 - percent) / 100, 2); still numeric := amount - discount; cash numeric;
BEGIN
    PERFORM pg_temp.owe(number, 'C1', amount, '2026-01-11 ' || discount);
    FOR i IN 1..pieces LOOP
        cash := CASE WHEN i = pieces THEN still ELSE least(still, greatest(0.01, round((still * random())::numeric, 2))) END;
        EXIT WHEN still = 0;
        PERFORM o2c.apply_payment(pg_temp.pay(cash, '2026-01-05'), number, discount => NULL);
        still := still - cash;
    END LOOP;
    RETURN (SELECT concat_ws(' ', trim_scale(sum(a.cash_amount) - (in_pieces.amount - discount)), trim_scale(sum(a.discount_amount) - discount), trim_scale(max(i.open_amount)))
            FROM o2c.application a JOIN o2c.open_item i ON i.company_id = 1 AND i.item_id = a.debit_item_id JOIN o2c.invoice v ON v.company_id = 1 AND v.invoice_id = i.invoice_id
            WHERE a.company_id = 1 AND v.number = in_pieces.number);
END $$;
SELECT setseed(0.7);
CREATE TEMP TABLE pieces AS SELECT n, pg_temp.in_pieces('R' || n, ((5000 + floor(random() * 10000000))::numeric / 100), (ARRAY[0.5, 1, 2, 2.25, 3, 33.3])[1 + n % 6], 2 + n % 5) AS left_over
FROM generate_series(1, 60) n;
SELECT is_empty($$SELECT * FROM pieces WHERE left_over <> '0 0 0'$$, 'sixty invoices paid in pieces');
-- a part that was paid without its discount has lost it; what was credited never had any
SELECT pg_temp.owe('L1', 'C1', 1000, '2026-01-11 20');
SELECT o2c.apply_payment(pg_temp.pay(500, '2026-01-05'), 'L1');
SELECT is(o2c.eligible_discount('L1', '2026-01-11'), 10::numeric, 'the rest still has its part');
SELECT pg_temp.policy(NULL, NULL);
SELECT is(o2c.eligible_discount('L1', '2026-01-11'), 20::numeric, 'or the whole, where closing earns it');
SELECT pg_temp.owe('L2', 'C1', 1000, '2026-01-11 20');
WITH c AS (INSERT INTO o2c.open_item (customer_id, kind, effective_on, due_on, currency, amount) SELECT customer_id, 'credit_note', '2026-01-02', '2026-01-02', 'EUR', -250
           FROM o2c.customer WHERE company_id = 1 AND code = 'C1' RETURNING item_id)
SELECT item_id AS credit FROM c \gset
INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount) SELECT :credit, i.item_id, '2026-01-02', 250
FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.number = 'L2';
SELECT is(o2c.eligible_discount('L2', '2026-01-11'), 15::numeric, 'discount on what was not credited');
SELECT o2c.apply_payment(pg_temp.pay(735, '2026-01-11'), 'L2', discount => NULL) AS l2 \gset
SELECT is(pg_temp.settled('L2'), '985 / 15 / 0 -> 0', 'which settles it');
SELECT o2c.unapply(:l2, '2026-01-12');
SELECT is(o2c.eligible_discount('L2', '2026-01-11') || ' ' || o2c.eligible_discount('L2', '2026-01-13'), '15.00 0', 'what is taken back can be earned again, if in time');

-- what is granted in words is spent once: over the instalments, the oldest first
SELECT pg_temp.policy(NULL, NULL);
SELECT pg_temp.in_two('G1'), pg_temp.in_two('G2'), pg_temp.owe('G3', 'C1', 1000, '2026-01-11 20'), pg_temp.owe('G4', 'C1', 1000, '2026-01-11 20', '2026-01-21 10');
SELECT o2c.apply_payment(pg_temp.pay(985, '2026-01-11'), 'G1', discount => 15);
SELECT is(pg_temp.settled('G1'), '490 / 10 / 0 -> 0, 495 / 5 / 0 -> 0', 'a discount that is given');
SELECT o2c.apply_payment(pg_temp.pay(495, '2026-01-31'), 'G2', discount => 0, tolerance => 10, note => 'flood');
SELECT is(pg_temp.settled('G2'), '495 / 0 / 5 -> 0, 0 / 0 / 5 -> 495', 'a tolerance that is given');
SELECT o2c.apply_payment(pg_temp.pay(990, '2026-01-05'), 'G3');
SELECT is(o2c.eligible_discount('G3', '2026-01-11'), 10::numeric, 'a discount is not more than what is open');
SELECT pg_temp.policy(NULL, NULL, 0, true);
SELECT o2c.apply_payment(pg_temp.pay(735, '2026-01-11'), 'G4', discount => NULL);
SELECT is(pg_temp.settled('G4') || ', ' || o2c.eligible_discount('G4', '2026-01-12'), '735 / 15 / 0 -> 250, 0', 'nor less than nothing, where more was taken in time than is offered later');
SELECT pg_temp.policy(NULL, NULL);

-- deductions: what is short and why; the invoice stays open
SELECT set_eq('SELECT reason FROM o2c.deduction_reason WHERE company_id = 1', '{price,quantity,freight,promotion,unearned_discount,tax,damaged,other}'::text[], 'the usual reasons come with the company');
INSERT INTO o2c.deduction_reason (reason, name) VALUES ('bonus', 'Our own bonus');
CREATE FUNCTION pg_temp.deducted(number text) RETURNS SETOF text LANGUAGE sql AS
$$SELECT concat_ws(' ', d.reason, trim_scale(d.amount), trim_scale(d.open_amount)) FROM o2c.open_deduction d WHERE d.company_id = 1 AND d.invoice = $1 ORDER BY d.deduction_id$$;
SELECT pg_temp.owe('K1', 'C1', 1000);
SELECT pg_temp.pay(900, '2026-02-10') AS k1 \gset
SELECT throws_ok(format($$SELECT o2c.record_deduction(%s, 'K1', 'price')$$, :k1), 'OC101', NULL, 'a payment that is not applied left nothing short');
SELECT o2c.apply_payment(:k1, 'K1', deduction_reason => 'price', note => 'list of 2025');
SELECT results_eq($$SELECT pg_temp.deducted('K1')$$, ARRAY['price 100 100'], 'a short payment with its reason, in one call');
SELECT results_eq($$SELECT i.open_amount, i.due_on, v.state FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.number = 'K1'$$,
                  $$VALUES (100.00, date '2026-01-31', 'posted')$$, 'the invoice stays open and due when it was');
SELECT results_eq($$SELECT customer, currency, note, effective_on, days, reason_name FROM o2c.open_deduction WHERE invoice = 'K1'$$,
                  $$VALUES ('C1', 'EUR', 'list of 2025', date '2026-02-10', 19, 'Price differs from what was agreed')$$, 'with its age');
CREATE FUNCTION pg_temp.refused(arguments text, code text, what text) RETURNS text LANGUAGE sql AS
$$SELECT throws_ok(format('SELECT o2c.record_deduction(%s)', $1), $2, NULL, $3)$$;
SELECT pg_temp.refused(:k1 || $$, 'K1', 'price'$$, 'OC101', 'nothing is deducted twice');
SELECT pg_temp.refused(:k1 || $$, 'K1', 'whim'$$, 'OC001', 'not for an unknown reason');
SELECT pg_temp.refused(:k1 || $$, 'K1', NULL$$, 'OC001', 'nor for none');
SELECT pg_temp.refused(:k1 || $$, 'none', 'price'$$, 'OC001', 'not of an unknown invoice');
SELECT pg_temp.refused($$-1, 'K1', 'price'$$, 'OC001', 'nor an unknown payment');
SELECT pg_temp.refused(:k1 || $$, 'K1', 'price', effective_on => NULL$$, 'OC002', 'not without a date');
SELECT pg_temp.refused(:k1 || $$, 'K1', 'price', company_id => 2$$, 'OC001', 'not in another company');
SELECT throws_ok($$INSERT INTO o2c.deduction (payment_id, item_id, amount, reason, effective_on) SELECT payment_id, item_id, 1, 'price', '2026-01-01' FROM o2c.deduction LIMIT 1$$,
                 'OC102', NULL, 'deductions are the engine''s');
SELECT throws_ok('UPDATE o2c.deduction SET amount = 1', 'OC102', NULL, 'facts');
SELECT throws_ok('DELETE FROM o2c.deduction', 'OC102', NULL, 'that stay');
-- settled by a payment, a write-off, a credit note
SELECT o2c.apply_payment(pg_temp.pay(30, '2026-02-11'), 'K1');
SELECT results_eq($$SELECT pg_temp.deducted('K1')$$, ARRAY['price 100 70'], 'a later payment settles some of it');
INSERT INTO o2c.application (debit_item_id, effective_on, writeoff_amount) SELECT item_id, '2026-02-12', 50 FROM o2c.open_item JOIN o2c.invoice USING (company_id, invoice_id) WHERE number = 'K1';
SELECT results_eq($$SELECT pg_temp.deducted('K1')$$, ARRAY['price 100 20'], 'and a write-off');
WITH c AS (INSERT INTO o2c.open_item (customer_id, kind, effective_on, due_on, currency, amount) SELECT customer_id, 'credit_note', '2026-02-12', '2026-02-12', 'EUR', -20
           FROM o2c.customer WHERE company_id = 1 AND code = 'C1' RETURNING item_id)
SELECT item_id AS credit FROM c \gset
INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount)
SELECT :credit, item_id, '2026-02-13', 20 FROM o2c.open_item JOIN o2c.invoice USING (company_id, invoice_id) WHERE number = 'K1';
SELECT is_empty($$SELECT pg_temp.deducted('K1')$$, 'and a credit note the rest');
SELECT is((SELECT state FROM o2c.invoice WHERE number = 'K1'), 'paid', 'then the invoice is paid');
-- in parts, by several payments, the oldest settled first
SELECT pg_temp.owe('K2', 'C1', 1000);
SELECT pg_temp.pay(500, '2026-02-10') AS k2 \gset
SELECT o2c.apply_payment(:k2, 'K2') AS k2_applied \gset
SELECT pg_temp.refused(:k2 || $$, 'K2', 'damaged', 0$$, 'OC002', 'not nothing');
SELECT pg_temp.refused(:k2 || $$, 'K2', 'damaged', -1$$, 'OC002', 'not less');
SELECT pg_temp.refused(:k2 || $$, 'K2', 'damaged', 'NaN'$$, 'OC002', 'not NaN');
SELECT pg_temp.refused(:k2 || $$, 'K2', 'damaged', 0.001$$, 'OC002', 'not tenths of a cent');
SELECT pg_temp.refused(:k2 || $$, 'K2', 'damaged', 500.01$$, 'OC106', 'not more than is short');
SELECT o2c.record_deduction(:k2, 'K2', 'damaged', 120, effective_on => '2026-02-11'), o2c.record_deduction(:k2, 'K2', 'freight', 30, effective_on => '2026-02-12');
SELECT pg_temp.refused(:k2 || $$, 'K2', 'bonus', 350.01$$, 'OC106', 'what is deducted already does not count again');
SELECT results_eq($$SELECT pg_temp.deducted('K2')$$, ARRAY['damaged 120 120', 'freight 30 30'], 'two reasons on one invoice');
SELECT o2c.apply_payment(pg_temp.pay(400, '2026-02-20'), 'K2', deduction_reason => 'bonus');
SELECT results_eq($$SELECT pg_temp.deducted('K2')$$, ARRAY['damaged 120 70', 'freight 30 30'], 'what is open is never more than of the invoice; nothing new is short');
SELECT o2c.apply_payment(pg_temp.pay(80, '2026-02-21'), 'K2');
SELECT results_eq($$SELECT pg_temp.deducted('K2')$$, ARRAY['freight 30 20'], 'the oldest is settled first');
SELECT o2c.unapply(:k2_applied, '2026-02-25');
SELECT is_empty($$SELECT pg_temp.deducted('K2')$$, 'a payment that is taken back deducts nothing');
-- several instalments: those that the payment reached
SELECT pg_temp.in_two('K3');
SELECT o2c.apply_payment(pg_temp.pay(470, '2026-02-10'), 'K3', deduction_reason => 'promotion');
SELECT results_eq($$SELECT pg_temp.deducted('K3')$$, ARRAY['promotion 30 30'], 'an instalment that was not reached is not short');
SELECT o2c.apply_payment(pg_temp.pay(490, '2026-02-10'), 'K3', deduction_reason => 'freight');
SELECT results_eq($$SELECT pg_temp.deducted('K3')$$, ARRAY['freight 40 40'], 'settling the first settles its deduction');
-- unearned discount
SELECT pg_temp.policy(0.50, NULL);
SELECT pg_temp.owe('U' || n, 'C1', 1000, '2026-01-11 20', '2026-01-21 10') FROM generate_series(1, 5) n;
SELECT o2c.apply_payment(pg_temp.pay(980, '2026-01-12'), 'U1', discount => NULL), o2c.apply_payment(pg_temp.pay(980, '2026-01-25'), 'U2', discount => NULL),
       o2c.apply_payment(pg_temp.pay(985, '2026-01-25'), 'U3', discount => NULL), o2c.apply_payment(pg_temp.pay(980, '2026-01-25'), 'U4'),
       o2c.apply_payment(pg_temp.pay(980, '2026-01-25'), 'U5', discount => NULL, deduction_reason => 'price');
SELECT is((SELECT string_agg(n || ':' || coalesce((SELECT string_agg(d, ';') FROM pg_temp.deducted('U' || n) d), ''), ', ' ORDER BY n) FROM generate_series(1, 5) n),
          '1:unearned_discount 20 20, 2:unearned_discount 20 20, 3:, 4:, 5:price 20 20', 'a discount of the terms taken too late is a deduction; another amount is only open; a reason given wins');
SELECT pg_temp.policy(NULL, NULL, 0, true);
SELECT pg_temp.owe('U6', 'C1', 1000, '2026-01-11 20');
SELECT o2c.apply_payment(pg_temp.pay(490, '2026-01-11'), 'U6', discount => NULL), o2c.apply_payment(pg_temp.pay(490, '2026-01-12'), 'U6', discount => NULL);
SELECT results_eq($$SELECT pg_temp.deducted('U6')$$, ARRAY['unearned_discount 10 10'], 'unearned is what was taken beyond what was earned');
SELECT pg_temp.policy(NULL, NULL);

-- overpayment: the rest stays on account, above a limit it is proposed for refund
UPDATE o2c.cash_policy SET refund_above = 5 WHERE company_id = 1;
CREATE FUNCTION pg_temp.proposed() RETURNS SETOF text LANGUAGE sql AS
$$SELECT concat_ws(' ', p.reference, r.customer, r.reason, trim_scale(r.refund), trim_scale(r.owed)) FROM o2c.refund_proposal r JOIN o2c.payment p USING (company_id, payment_id)
  WHERE r.company_id = 1 AND r.customer = 'C2' ORDER BY p.payment_id$$;
SELECT pg_temp.owe('OV' || n, 'C2', 100) FROM generate_series(1, 3) n;
SELECT o2c.record_payment(105, '2026-02-01', 'C2', 'five') AS five, o2c.record_payment(105.01, '2026-02-01', 'C2', 'more') AS more, o2c.record_payment(50, '2026-02-01', 'C2', 'unused') \gset
SELECT o2c.apply_payment(:five, 'OV1'), o2c.apply_payment(:more, 'OV2') AS more_applied \gset
SELECT results_eq('SELECT pg_temp.proposed()', ARRAY['more C2 overpayment 5.01 100'], 'above the limit, not at it; what was never used is no overpayment');
SELECT o2c.unapply(:more_applied);
SELECT is_empty('SELECT pg_temp.proposed()', 'not once it is taken back');
UPDATE o2c.cash_policy SET refund_above = NULL WHERE company_id = 1;
SELECT o2c.apply_payment(:more, 'OV2');
SELECT is_empty('SELECT pg_temp.proposed()', 'without a limit nothing is');
UPDATE o2c.cash_policy SET refund_above = 0 WHERE company_id = 1;
SELECT results_eq('SELECT pg_temp.proposed()', ARRAY['five C2 overpayment 5 100', 'more C2 overpayment 5.01 100'], 'with zero everything is');
-- duplicates: same payer and amount, the invoice it names is closed, not too long ago
CREATE FUNCTION pg_temp.suspected() RETURNS SETOF text LANGUAGE sql AS
$$SELECT concat_ws(' ', d.reference, d.received_on, d.invoice, d.days) FROM o2c.suspected_duplicate d WHERE d.company_id = 1 ORDER BY d.payment_id$$;
SELECT o2c.record_payment(100, '2026-01-20', 'C2', 'OV3', payer_account => 'DE89370400440532013000', payer_name => 'Two Ltd') AS first \gset
SELECT is_empty('SELECT pg_temp.suspected()', 'the invoice is open');
SELECT o2c.apply_payment(:first, 'OV3');
SELECT o2c.record_payment(100, '2026-02-19', 'C2', 'again OV3'), o2c.record_payment(100, '2026-02-20', 'C2', 'OV3 too late'), o2c.record_payment(99.99, '2026-02-01', 'C2', 'OV3 less'),
       o2c.record_payment(100, '2026-02-01', 'C1', 'OV3 of another'), o2c.record_payment(100, '2026-01-19', 'C2', 'OV3 before'), o2c.record_payment(100, '2026-02-01', 'C2', 'nothing'),
       o2c.record_payment(100, '2026-02-01', NULL, 'unknown ' || (SELECT o2c.payment_reference('OV3')), payer_account => 'de89 3704 0044 0532 0130 00'),
       o2c.record_payment(100, '2026-02-01', NULL, 'OV3 by name', payer_name => 'TWO LTD'), o2c.record_payment(100, '2026-02-01', NULL, 'OV3 by nobody');
SELECT results_eq('SELECT pg_temp.suspected()', ARRAY['again OV3 2026-02-19 OV3 30', 'unknown ' || o2c.payment_reference('OV3') || ' 2026-02-01 OV3 12', 'OV3 by name 2026-02-01 OV3 12'],
                  'by customer, account or name; same amount, named, at most thirty days later');
SELECT is((SELECT earlier_payment_id FROM o2c.suspected_duplicate WHERE reference = 'again OV3'), :first::bigint, 'it says of which');
SELECT results_eq('SELECT pg_temp.proposed()', ARRAY['five C2 overpayment 5 0', 'more C2 overpayment 5.01 0', 'again OV3 C2 duplicate 100 0'], 'and is proposed for refund');
SELECT o2c.reverse_payment(:first, '2026-02-25');
SELECT is_empty('SELECT pg_temp.suspected()', 'when the first one bounces the second is none');

-- bank charges: the customer is credited in full where the policy says that the company bears them
SELECT pg_temp.owe('C' || n, 'C2', 1000) FROM generate_series(1, 3) n;
SELECT o2c.record_payment(985, '2026-02-01', 'C2', charges => 15) AS c1, o2c.record_payment(985, '2026-02-01', NULL, charges => 15) AS c3 \gset
UPDATE o2c.cash_policy SET bears_charges = false WHERE company_id = 1;
SELECT o2c.record_payment(985, '2026-02-01', 'C2', charges => 15) AS c2 \gset
SELECT o2c.apply_payment(:c1, 'C1'), o2c.apply_payment(:c2, 'C2'), o2c.apply_payment(:c3, 'C3');
SELECT is(pg_temp.settled('C1') || '; ' || pg_temp.settled('C2') || '; ' || pg_temp.settled('C3'), '1000 / 0 / 0 -> 0; 985 / 0 / 0 -> 15; 985 / 0 / 0 -> 15',
          'borne by the company, by the customer, and by the policy of the day the payer is known');
SELECT results_eq(format('SELECT amount, charge_amount FROM o2c.payment WHERE payment_id IN (%s, %s, %s)', :c1, :c2, :c3), 'SELECT 985.00, 15.00 FROM generate_series(1, 3)', 'what arrived and what was kept stay apart');
SELECT o2c.reverse_payment(:c1, '2026-02-25');
SELECT is(pg_temp.on_account(:c1) || ' ' || (SELECT open_amount FROM o2c.open_item JOIN o2c.invoice USING (company_id, invoice_id) WHERE number = 'C1'), '0 1000.00', 'a bounce takes both back');
SELECT throws_ok(format('SELECT o2c.record_payment(10, charges => %L)', c), 'OC002', NULL, 'no charges of ' || c) FROM unnest('{-1,NaN,Infinity,1.001}'::numeric[]) c;
SELECT is(o2c.record_payment(10, '2026-02-01', 'C2', charges => 1, provider => 'b', provider_reference => 'x'), o2c.record_payment(10, '2026-02-01', 'C2', charges => 1.0, provider => 'b', provider_reference => 'x'),
          'the same receipt has the same charges');
SELECT throws_ok($$SELECT o2c.record_payment(10, '2026-02-01', 'C2', charges => 2, provider => 'b', provider_reference => 'x')$$, 'OC003', NULL, 'others are another receipt');
SELECT o2c.record_payment(10, '2026-02-01', 'C2', charges => NULL) AS free \gset
SELECT is((SELECT charge_amount FROM o2c.payment WHERE payment_id = :free), 0::numeric, 'none when nothing is said');

SELECT is_empty('SELECT * FROM o2c.verify()', 'the books agree');
SELECT * FROM finish();
ROLLBACK;
