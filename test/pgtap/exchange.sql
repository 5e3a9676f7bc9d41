-- Payments in another currency than the invoice's: what is taken on each side, and what is gained or lost by exchange.
BEGIN;
SELECT plan(63);
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'USD');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-06-30';
INSERT INTO o2c.customer (code, name, currency) VALUES ('E', 'Euro', 'EUR'), ('U', 'Dollar', 'USD'), ('J', 'Yen', 'JPY'), ('B', 'Dinar', 'BHD'), ('C', 'Credited', 'USD');
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'U', 'Dollar');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES
    ('USD', 'EUR', '2026-01-01', 0.90), ('USD', 'EUR', '2026-02-01', 0.95), ('USD', 'EUR', '2026-03-01', 0.80), ('EUR', 'JPY', '2026-01-01', 160), ('EUR', 'JPY', '2026-02-01', 150),
    ('USD', 'JPY', '2026-01-01', 150), ('BHD', 'EUR', '2026-01-01', 2.4567), ('BHD', 'EUR', '2026-02-01', 2.5432);
CREATE FUNCTION pg_temp.invoice(number text, customer text, amount numeric, invoiced_on date DEFAULT '2026-01-10', currency text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
'INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ($1, $2, $4, $4 + 30, $3, $5); SELECT o2c.load_invoices()';
CREATE FUNCTION pg_temp.pay(amount numeric, received_on date, customer text, currency text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
'SELECT o2c.record_payment($1, $2, $3, currency => $4)';
CREATE FUNCTION pg_temp.item(number text) RETURNS bigint LANGUAGE sql AS
'SELECT i.item_id FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE i.company_id = 1 AND v.number = $1';
CREATE FUNCTION pg_temp.open(number text) RETURNS numeric LANGUAGE sql AS
'SELECT trim_scale(open_amount) FROM o2c.open_item WHERE company_id = 1 AND item_id = pg_temp.item($1)';
CREATE FUNCTION pg_temp.on_account(payment bigint) RETURNS numeric LANGUAGE sql AS
'SELECT trim_scale(- i.open_amount) FROM o2c.payment p JOIN o2c.open_item i USING (company_id, item_id) WHERE p.company_id = 1 AND p.payment_id = $1';
CREATE FUNCTION pg_temp.gains(number text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', g.credit_currency, trim_scale(g.credit_amount), g.debit_currency, trim_scale(g.cash_amount), '=', trim_scale(g.received), '-', trim_scale(g.settled), trim_scale(g.gain))
    FROM o2c.exchange_gain g WHERE g.company_id = 1 AND g.debit_item_id = pg_temp.item($1) ORDER BY g.application_id $$;

-- the rate of an item is that of its day, and stays
SELECT pg_temp.invoice('R1', 'U', 100, '2026-01-10'), pg_temp.invoice('R2', 'U', 100, '2026-02-01'), pg_temp.invoice('R3', 'E', 100), pg_temp.invoice('R4', 'J', 100),
       pg_temp.invoice('R5', 'U', 100, '2025-12-31'), pg_temp.invoice('R6', 'E', 5, currency => 'GBP');
SELECT results_eq($$SELECT v.number, trim_scale(round(i.base_rate, 6)) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE i.company_id = 1 ORDER BY 1$$,
                  $$VALUES ('R1', 0.9), ('R2', 0.95), ('R3', 1), ('R4', 0.00625), ('R5', NULL), ('R6', NULL)$$, 'the rate of the day, 1 in the company''s currency, null when none is known');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('USD', 'EUR', '2026-01-05', 0.5), ('USD', 'EUR', '2025-12-01', 0.85);
SELECT is((SELECT base_rate FROM o2c.open_item WHERE item_id = pg_temp.item('R1')), 0.90, 'a rate that comes later changes nothing');
DELETE FROM o2c.exchange_rate WHERE valid_from = '2026-01-05';
SELECT is(o2c.complete_base_rates(), 1::bigint, 'what had none gets the one that is known now');
SELECT is((SELECT base_rate FROM o2c.open_item WHERE item_id = pg_temp.item('R5')), 0.85, 'of its day');
SELECT is(o2c.complete_base_rates() + o2c.complete_base_rates(2) + o2c.complete_base_rates(NULL), 0::bigint, 'once');
SELECT throws_ok('UPDATE o2c.open_item SET base_rate = 2', 'OC102', NULL, 'rates are frozen');
CREATE FUNCTION pg_temp.add_item(currency text, rate numeric) RETURNS numeric LANGUAGE sql AS
'INSERT INTO o2c.open_item (customer_id, kind, effective_on, due_on, currency, amount, base_rate) SELECT customer_id, ''fee'', ''2026-01-10'', ''2026-01-10'', $1, 1, $2
 FROM o2c.customer WHERE company_id = 1 AND code = ''E'' RETURNING base_rate';
SELECT is(pg_temp.add_item('USD', 0.93), 0.93, 'an item may come with its own');
SELECT is(pg_temp.add_item('EUR', 0.93), 1::numeric, 'but not in the company''s currency');
SELECT throws_ok(format('SELECT pg_temp.add_item(''USD'', %L)', r), '23514', NULL, 'no rate of ' || r) FROM unnest('{0,-1,NaN,Infinity}'::numeric[]) r;

-- one currency, another day: USD 1000 at 0.90, paid at 0.95 and 0.80
SELECT pg_temp.invoice('S1', 'U', 1000), pg_temp.invoice('S2', 'U', 1000), pg_temp.invoice('S3', 'E', 1000);
SELECT pg_temp.pay(1000, '2026-02-10', 'U') AS s1 \gset
SELECT o2c.apply_payment(:s1, 'S1') AS s1_applied \gset
SELECT results_eq($$SELECT pg_temp.gains('S1')$$, ARRAY['USD 1000 USD 1000 = 950 - 900 50'], 'a gain');
SELECT o2c.apply_payment(pg_temp.pay(300, '2026-02-10', 'U'), 'S2'), o2c.apply_payment(pg_temp.pay(650, '2026-03-10', 'U'), 'S2', discount => 50, note => 'agreed');
SELECT results_eq($$SELECT pg_temp.gains('S2')$$, ARRAY['USD 300 USD 300 = 285 - 270 15', 'USD 650 USD 650 = 520 - 585 -65'], 'part by part; a discount is neither gain nor loss');
SELECT o2c.apply_payment(pg_temp.pay(1000, '2026-02-10', 'E'), 'S3');
SELECT is_empty($$SELECT pg_temp.gains('S3')$$, 'within the company''s currency there is none');
SELECT o2c.unapply(:s1_applied, '2026-04-01');
SELECT results_eq($$SELECT pg_temp.gains('S1')$$, ARRAY['USD 1000 USD 1000 = 950 - 900 50', 'USD -1000 USD -1000 = -950 - -900 -50'], 'taking it back takes the gain back');
SELECT o2c.apply_payment(:s1, 'S1');
SELECT o2c.reverse_payment(:s1, '2026-04-02');
SELECT is((SELECT sum(gain) FROM o2c.exchange_gain g JOIN o2c.payment p ON p.company_id = 1 AND p.item_id = g.credit_item_id WHERE p.payment_id = :s1), 0.0000, 'a payment that bounces gains nothing');

-- between currencies
CREATE TEMP TABLE crossing (n integer, owed numeric, debt text, paid numeric, money text, arguments text, expected text, rest numeric, still numeric);
INSERT INTO crossing VALUES
    -- EUR for dollars at the day's rate of 0.95: 950 is worth 1000.00
    (1, 1000, 'USD', 950, 'EUR', '', 'EUR 950 USD 1000 = 950 - 900 50', 0, 0),
    (2, 1000, 'USD', 1000, 'EUR', '', 'EUR 950 USD 1000 = 950 - 900 50', 50, 0),
    (3, 1000, 'USD', 500, 'EUR', '', 'EUR 500 USD 526.32 = 500 - 473.69 26.31', 0, 473.68),
    (4, 1000, 'USD', 1000, 'EUR', ', amount => 400', 'EUR 380 USD 400 = 380 - 360 20', 620, 600),
    (5, 1000, 'USD', 1000, 'EUR', ', rate => 1.1', 'EUR 909.09 USD 1000 = 909.09 - 900 9.09', 90.91, 0),
    (6, 1000, 'USD', 1000, 'EUR', ', rate => 1.1, amount => 110', 'EUR 100 USD 110 = 100 - 99 1', 900, 890),
    (7, 1000, 'USD', 1000, 'EUR', ', rate => 1.1, credit_amount => 100', 'EUR 100 USD 110 = 100 - 99 1', 900, 890),
    (8, 1000, 'USD', 1000, 'EUR', ', credit_amount => 930', 'EUR 930 USD 1000 = 930 - 900 30', 70, 0),
    (9, 1000, 'USD', 1000, 'EUR', ', amount => 500, credit_amount => 465', 'EUR 465 USD 500 = 465 - 450 15', 535, 500),
    (10, 1000, 'USD', 930, 'EUR', ', credit_amount => 930, discount => 20, note => ''x''', 'EUR 930 USD 980 = 930 - 882 48', 0, 0),
    -- dollars for yen: 160 to the euro when owed, 0.95 when paid
    (11, 15000, 'JPY', 100, 'USD', '', 'USD 100 JPY 15000 = 95 - 93.75 1.25', 0, 0),
    (12, 15001, 'JPY', 100, 'USD', '', 'USD 100 JPY 15000 = 95 - 93.75 1.25', 0, 1),
    (13, 14999, 'JPY', 100, 'USD', '', 'USD 99.99 JPY 14999 = 94.99 - 93.74 1.25', 0.01, 0),
    -- three decimals: 2.4567 when owed, 2.5432 when paid
    (14, 10.005, 'BHD', 30, 'EUR', '', 'EUR 25.44 BHD 10.005 = 25.44 - 24.58 0.86', 4.56, 0),
    (15, 30, 'EUR', 10.005, 'BHD', '', 'BHD 10.005 EUR 25.44 = 25.44 - 25.44 0', 0, 4.56),
    (16, 25, 'EUR', 10.005, 'BHD', '', 'BHD 9.83 EUR 25 = 25 - 25 0', 0.175, 0);
CREATE FUNCTION pg_temp.crosses(c crossing) RETURNS text LANGUAGE plpgsql AS $$
DECLARE payment bigint := pg_temp.pay(c.paid, '2026-02-10', 'E', c.money);
BEGIN
    PERFORM pg_temp.invoice('X' || c.n, 'E', c.owed, '2026-01-10', c.debt);
    EXECUTE format('SELECT o2c.apply_payment(%s, ''X%s''%s)', payment, c.n, c.arguments);
    RETURN concat_ws(', ', (SELECT string_agg(g, '; ') FROM pg_temp.gains('X' || c.n) g), pg_temp.on_account(payment), pg_temp.open('X' || c.n));
END $$;
SELECT is(pg_temp.crosses(c), concat_ws(', ', c.expected, c.rest, c.still), format('%s: %s %s for %s %s%s', c.n, c.paid, c.money, c.owed, c.debt, c.arguments)) FROM crossing c ORDER BY n;
SELECT is((SELECT state FROM o2c.invoice WHERE number = 'X1'), 'paid', 'an invoice that another currency settles is paid');

-- what is refused
SELECT pg_temp.invoice('N1', 'E', 1000, '2026-01-10', 'USD');
SELECT pg_temp.pay(100, '2026-02-10', 'E') AS euros \gset
CREATE FUNCTION pg_temp.refused(arguments text, code text, what text) RETURNS text LANGUAGE sql AS
$$SELECT throws_ok(format('SELECT o2c.apply_payment(%s)', arguments), code, NULL, what)$$;
SELECT pg_temp.refused(:euros || $$, 'N1', rate => 0$$, 'OC002', 'no rate of nothing');
SELECT pg_temp.refused(:euros || $$, 'N1', rate => -1$$, 'OC002', 'nor below');
SELECT pg_temp.refused(:euros || $$, 'N1', rate => 'NaN'$$, 'OC002', 'nor NaN');
SELECT pg_temp.refused(:euros || $$, 'N1', rate => 'Infinity'$$, 'OC002', 'nor infinity');
SELECT pg_temp.refused(:euros || $$, 'N1', 10, rate => 1.1, credit_amount => 9$$, 'OC002', 'two amounts say the rate');
SELECT pg_temp.refused(:euros || $$, 'N1', credit_amount => 100.01$$, 'OC106', 'not more than the payment has');
SELECT pg_temp.refused(:euros || $$, 'N1', 106$$, 'OC106', 'nor by the rate');
SELECT pg_temp.refused(:euros || $$, 'N1', 1000.01, credit_amount => 1$$, 'OC106', 'not more than the invoice has');
SELECT pg_temp.refused(:euros || $$, 'N1', credit_amount => 0$$, 'OC002', 'not for nothing');
SELECT pg_temp.refused(:euros || $$, 'N1', credit_amount => 1.001$$, 'OC002', 'not tenths of a cent');
SELECT pg_temp.refused(:euros || $$, 'N1', rate => 1e-9$$, 'OC106', 'not what comes to nothing');
SELECT pg_temp.refused(:euros || $$, 'R6'$$, 'OC005', 'not without a rate');
SELECT throws_ok(format('INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount%s) SELECT item_id, %s, ''2026-02-10'', %s FROM o2c.payment WHERE payment_id = %s', c.columns, pg_temp.item(c.invoice), c.given, :euros),
                 c.code, NULL, c.what)
FROM (VALUES ('', 'N1', '10', 'OC005', 'the tables want the exchanged amount'), (', exchanged_amount', 'R3', '10, 10', 'OC002', 'between currencies only'),
             (', exchanged_amount', 'N1', '10, 100.01', 'OC106', 'no more than the payment has'), (', exchanged_amount', 'N1', '0, 10', '23514', 'not for nothing'),
             (', exchanged_amount', 'N1', '10, ''NaN''', 'OC106', 'nor NaN'), (', exchanged_amount', 'N1', '10, -1', '23514', 'nor backwards'),
             (', exchanged_amount', 'N1', '10, 1.001', 'OC002', 'with the decimals of its currency')) c (columns, invoice, given, code, what);
SELECT throws_ok(format('INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount, exchanged_amount, reverses) SELECT credit_item_id, debit_item_id, effective_on, - cash_amount, - exchanged_amount + 1, application_id FROM o2c.application WHERE debit_item_id = %s', pg_temp.item('X1')),
                 'OC002', NULL, 'a reversal gives back what was taken');

-- instalments share what is taken to the cent
WITH v AS (INSERT INTO o2c.invoice (number, customer_id, state, imported, invoiced_on, due_on, currency, line_amount, net_amount, total_amount)
           SELECT 'I1', customer_id, 'posted', true, '2026-01-10', '2026-03-10', 'USD', 100, 100, 100 FROM o2c.customer WHERE company_id = 1 AND code = 'E' RETURNING *)
INSERT INTO o2c.open_item (customer_id, kind, invoice_id, instalment, effective_on, due_on, currency, amount)
SELECT v.customer_id, 'invoice', v.invoice_id, n, v.invoiced_on, v.invoiced_on + 20 * n, 'USD', CASE n WHEN 3 THEN 33.34 ELSE 33.33 END FROM v, generate_series(1, 3) n;
SELECT o2c.apply_payment(pg_temp.pay(91, '2026-02-10', 'E'), 'I1', credit_amount => 91);
SELECT results_eq($$SELECT i.instalment, a.cash_amount, a.credit_amount FROM o2c.application a JOIN o2c.open_item i ON i.company_id = 1 AND i.item_id = a.debit_item_id JOIN o2c.invoice v ON v.invoice_id = i.invoice_id
                    WHERE v.number = 'I1' ORDER BY 1$$, $$VALUES (1, 33.33, 30.33), (2, 33.33, 30.33), (3, 33.34, 30.34)$$, 'by running totals');

-- many parts, some taken back, each rounded: settled, they add up to the difference of both values
CREATE FUNCTION pg_temp.in_pieces(n integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE amount numeric := round((100 + random() * 9000)::numeric, 2); number text := 'Q' || n; payment bigint; applied bigint;
BEGIN
    PERFORM pg_temp.invoice(number, 'U', amount);
    payment := pg_temp.pay(amount, '2026-02-10', 'U');
    FOR i IN 1..6 LOOP
        applied := o2c.apply_payment(payment, number, greatest(0.01, round((pg_temp.on_account(payment) * random() / 2)::numeric, 2)), effective_on => '2026-05-01');
        IF random() < 0.4 THEN PERFORM o2c.unapply(applied, '2026-05-01'); END IF;
    END LOOP;
    PERFORM o2c.apply_payment(payment, number, effective_on => '2026-05-01');
    RETURN (SELECT trim_scale(sum(g.gain) - (round(amount * 0.95, 2) - round(amount * 0.90, 2))) FROM o2c.exchange_gain g
            WHERE g.company_id = 1 AND g.debit_item_id = pg_temp.item(number));
END $$;
SELECT setseed(0.3);
CREATE TEMP TABLE piece AS SELECT n, pg_temp.in_pieces(n) AS left_over FROM generate_series(1, 40) n;
SELECT is_empty($$SELECT * FROM piece WHERE left_over <> '0'$$, 'forty invoices paid in pieces');
SELECT cmp_ok((SELECT count(*) FROM o2c.application a WHERE a.company_id = 1 AND a.method = 'unapply'), '>', 40::bigint, 'many of them taken back between');
-- what had no rate has no gain until it has one
SELECT o2c.apply_payment(pg_temp.pay(6, '2026-02-10', 'E'), 'R6', credit_amount => 6);
SELECT results_eq($$SELECT pg_temp.gains('R6')$$, ARRAY['EUR 6 GBP 5 = 6 -'], 'unknown');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('GBP', 'EUR', '2026-01-01', 1.15);
SELECT o2c.complete_base_rates();
SELECT results_eq($$SELECT pg_temp.gains('R6')$$, ARRAY['EUR 6 GBP 5 = 6 - 5.75 0.25'], 'known');
-- a credit note corrects at the rate of its invoice
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, stocked) VALUES ('S', 'Service', 100, 0, false);
SET LOCAL o2c.business_date = '2026-01-15';
SELECT o2c.place_order('C', '[{"sku": "S", "quantity": 10, "unit_price": 100}]') AS placed \gset
SELECT o2c.ship_order(order_id) FROM o2c.sales_order WHERE company_id = 1;
SELECT invoice_id AS billed, number AS billed_number FROM o2c.bill('2026-01-15') \gset
SELECT o2c.credit_invoice(:billed, '2026-03-05');
SELECT results_eq(format('SELECT pg_temp.gains(%L)', :'billed_number'), ARRAY['USD 1000 USD 1000 = 900 - 900 0'], 'a credit note gains nothing');
SET LOCAL o2c.business_date = '2026-06-30';
-- as of a date each side is right in its own currency
SELECT results_eq($$SELECT currency, unapplied FROM o2c.aging_report('2026-02-10') WHERE customer = 'E' AND unapplied <> 0 ORDER BY 1$$,
                  $$SELECT i.currency, sum(- i.open_amount) FROM o2c.open_item i JOIN o2c.customer c USING (company_id, customer_id) WHERE i.company_id = 1 AND c.code = 'E' AND i.open_amount < 0 GROUP BY 1 ORDER BY 1$$,
                  'the aging of that day has what is on account in each currency');
SELECT pg_temp.invoice('A1', 'B', 100, '2026-01-10', 'USD');
SELECT o2c.apply_payment(pg_temp.pay(95, '2026-02-12', 'B', 'EUR'), 'A1', credit_amount => 95, effective_on => '2026-03-15');
SELECT results_eq($$SELECT g.day || ' ' || string_agg(concat_ws(' ', a.currency, trim_scale(a.total), trim_scale(a.unapplied)), ', ' ORDER BY a.currency) FROM (VALUES ('2026-03-14'::date), ('2026-03-15')) g (day)
                    CROSS JOIN LATERAL o2c.aging_report(g.day) a WHERE a.customer = 'B' GROUP BY g.day ORDER BY 1$$, ARRAY['2026-03-14 EUR 0 95, USD 100 0'], 'until they are applied, then neither is');
SELECT is_empty('SELECT * FROM o2c.verify()', 'the books agree');
SELECT * FROM finish();
ROLLBACK;
