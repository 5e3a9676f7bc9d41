-- Matching: what a payment's text, its payer and its amount come to together.
BEGIN;
SELECT plan(57);
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-06-30';

CREATE TEMP TABLE met AS SELECT 0::bigint AS payment_id;
CREATE FUNCTION pg_temp.customer(code text, name text DEFAULT NULL, parent text DEFAULT NULL) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.customer (code, name, parent_customer_id)
  SELECT $1, coalesce($2, $1 || ' Trading'), (SELECT customer_id FROM o2c.customer WHERE company_id = 1 AND code = $3)
  WHERE NOT EXISTS (SELECT FROM o2c.customer WHERE company_id = 1 AND code = $1)$$;
CREATE FUNCTION pg_temp.invoice(number text, customer text, amount numeric, due_on date DEFAULT '2026-06-30', invoiced_on date DEFAULT '2026-06-01')
RETURNS void LANGUAGE sql AS
$$SELECT pg_temp.customer($2);
  INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ($1, $2, $5, $4, $3);
  SELECT o2c.load_invoices()$$;
CREATE FUNCTION pg_temp.credit(customer text, amount numeric) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.open_item (customer_id, kind, effective_on, due_on, currency, amount)
  SELECT customer_id, 'credit_note', '2026-06-01', '2026-06-01', 'EUR', - $2 FROM o2c.customer WHERE company_id = 1 AND code = $1$$;
CREATE FUNCTION pg_temp.discount(number text, until_on date, amount numeric) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.instalment_discount (item_id, tier, until_on, amount)
  SELECT i.item_id, 1, $2, $3 FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE i.company_id = 1 AND v.number = $1$$;
CREATE FUNCTION pg_temp.policy(customer text, rules text[], tolerance numeric DEFAULT NULL) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.cash_policy (customer_id, rules, tolerance_amount) SELECT customer_id, coalesce($2, '{one_item,all_items,all_overdue,one_month,all_but_one,combination}'), $3
  FROM o2c.customer WHERE company_id = 1 AND code = $1$$;
CREATE FUNCTION pg_temp.pay(amount numeric, reference text DEFAULT NULL, customer text DEFAULT NULL, name text DEFAULT NULL, account text DEFAULT NULL, received_on date DEFAULT '2026-06-15')
RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.record_payment($1, $6, $3, $2, payer_name => $4, payer_account => $5)$$;
-- what a run makes of the payments since the last look: the invoices with cash, discount (d) and tolerance (t) and the stage, or the outcome
CREATE FUNCTION pg_temp.matched() RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
    PERFORM o2c.match_payments('2026-06-30');
    SELECT string_agg(coalesce((SELECT string_agg(concat_ws(' ', v.number, trim_scale(a.cash_amount), 'd' || nullif(trim_scale(a.discount_amount), 0), 't' || nullif(trim_scale(a.tolerance_amount), 0)), ' + ' ORDER BY v.number)
                                       || ' ' || max(a.method)
                                FROM o2c.application a JOIN o2c.open_item d ON d.company_id = 1 AND d.item_id = a.debit_item_id
                                JOIN o2c.invoice v ON v.company_id = 1 AND v.invoice_id = d.invoice_id
                                WHERE a.company_id = 1 AND a.credit_item_id = p.item_id),
                               (SELECT r.outcome FROM o2c.match_result r WHERE r.company_id = 1 AND r.payment_id = p.payment_id ORDER BY match_id DESC LIMIT 1)), '; '
                      ORDER BY p.received_on, p.payment_id)
    INTO said
    FROM o2c.payment p WHERE p.company_id = 1 AND p.payment_id > (SELECT payment_id FROM met);
    UPDATE met SET payment_id = (SELECT max(payment_id) FROM o2c.payment);
    RETURN said;
END $$;

-- one number, as people write it; the payer is known by name
SELECT pg_temp.customer('NORTH', 'Nordsee Händel GmbH & Co. KG');
SELECT pg_temp.invoice('INV-2026-' || lpad(n::text, 6, '0'), 'NORTH', n + 100.37) FROM generate_series(101, 130) n;
SELECT pg_temp.pay(n + 100.37, reference, name => 'NORDSEE HAENDEL GMBH+CO.KG')
FROM (VALUES (101, 'INV-2026-000101'), (102, 'inv 2026 000102'), (103, 'INV2026000103'), (104, 'Rechnung Nr. INV-2026-104 vom 12.03.2026'),
             (105, '2026000105'), (106, '000106'), (107, 'inv/2026/107'), (108, 'payment for INV-2026-000108, thank you'), (109, 'INV 2026-109 / 209,37 EUR')) v (n, reference);
SELECT is(pg_temp.matched(), (SELECT string_agg(format('INV-2026-%s %s reference', lpad(n::text, 6, '0'), n + 100.37), '; ' ORDER BY n) FROM generate_series(101, 109) n), 'one number in many forms');
SELECT pg_temp.pay(210.37 + 211.37, 'INV-2026-000110 + INV-2026-000111', name => 'Nordsee Handel');
SELECT is(pg_temp.matched(), 'INV-2026-000110 210.37 + INV-2026-000111 211.37 reference', 'two numbers');
SELECT pg_temp.pay(212.37 + 213.37 - 1, 'INV-2026-000112, INV-2026-000113', name => 'Nordsee Händel');
SELECT is(pg_temp.matched(), 'suggested', 'several numbers that do not make up the amount are left to a person');
SELECT pg_temp.pay(200, 'INV-2026-000114', name => 'Nordsee Händel'), pg_temp.pay(300, 'INV-2026-000115', name => 'Nordsee Händel');
SELECT is(pg_temp.matched(), 'INV-2026-000114 200 reference; INV-2026-000115 215.37 reference', 'short and over with a payer who agrees');
SELECT pg_temp.pay(200, 'INV-2026-000116'), pg_temp.pay(300, 'INV-2026-000116', name => 'Somebody else');
SELECT is(pg_temp.matched(), 'suggested; suggested', 'but not without one');
SELECT pg_temp.pay(217.37, 'INV-2026-000117'), pg_temp.pay(218.37, 'INV-2026-000118', name => 'Somebody else');
SELECT is(pg_temp.matched(), 'INV-2026-000117 217.37 reference; INV-2026-000118 218.37 reference', 'whoever pays, the number and the amount agree');
SELECT pg_temp.pay(219.37, 'order 119 of 2026'), pg_temp.pay(220.37, 'Tel 0120 / 000120');
SELECT is(pg_temp.matched(), 'suggested; suggested', 'a few digits of an unknown payer prove nothing');
SELECT pg_temp.pay(221.37, o2c.make_creditor_reference('INV2026000121')::text), pg_temp.pay(100, o2c.print_form(o2c.make_creditor_reference('INV2026000122')));
SELECT is(pg_temp.matched(), 'INV-2026-000121 221.37 reference; INV-2026-000122 100 reference', 'check digits prove a number, also when the amount is short');
SELECT pg_temp.pay(99.99, 'RF' || lpad(((substr(o2c.make_creditor_reference('INV2026000123')::text, 3, 2)::int + 7) % 90 + 2)::text, 2, '0') || 'INV2026000123');
SELECT isnt(pg_temp.matched(), 'INV-2026-000123 99.99 reference', 'wrong check digits prove nothing');
SELECT pg_temp.invoice('77001' || n, 'NAT' || n, 400 + n) FROM generate_series(1, 4) n;
SELECT o2c.set_setting('reference_scheme', 'QRR');
SELECT pg_temp.pay(300, o2c.payment_reference('770011'));
SELECT is(pg_temp.matched(), '770011 300 reference', 'nor does a Swiss reference need anything else');
SELECT o2c.set_setting('reference_scheme', 'OGM');
SELECT pg_temp.pay(300, o2c.payment_reference('770012'));
SELECT is(pg_temp.matched(), '770012 300 reference', 'or a Belgian one');
SELECT o2c.set_setting('reference_scheme', 'VIITE');
SELECT pg_temp.pay(300, o2c.payment_reference('770013')), pg_temp.pay(404, o2c.payment_reference('770014'));
SELECT is(pg_temp.matched(), 'suggested; 770014 404 reference', 'one digit proves less: the amount must agree');
SELECT o2c.set_setting('reference_scheme', 'RF');

-- a slip of the pen that hits another invoice
SELECT pg_temp.invoice('INV-7001', 'SLIP1', 440), pg_temp.invoice('INV-7010', 'SLIP2', 512.5), pg_temp.invoice('INV-7100', 'SLIP1', 99), pg_temp.invoice('INV-8001', 'SLIP3', 50), pg_temp.invoice('INV-8010', 'SLIP4', 50);
SELECT pg_temp.pay(440, 'INV-7010', name => 'SLIP1 Trading');
SELECT is(pg_temp.matched(), 'INV-7001 440 amount', 'of another customer, with another amount: the payer owes just that');
SELECT pg_temp.pay(512.5, 'INV-7100', name => 'SLIP2 Trading');
SELECT is(pg_temp.matched(), 'INV-7010 512.5 amount', 'or the other way round');
SELECT pg_temp.pay(50, 'INV-8010');
SELECT is(pg_temp.matched(), 'suggested', 'with the same amount and an unknown payer: it may be either');
SELECT pg_temp.pay(50, 'INV-8010', name => 'SLIP3 Trading');
SELECT is(pg_temp.matched(), 'ambiguous', 'with the same amount and the other one''s payer');
SELECT pg_temp.invoice('INV-9100', 'SLIP5', 75), pg_temp.invoice('INV-9200', 'SLIP5', 75), pg_temp.invoice('INV-9300', 'SLIP5', 60);
SELECT pg_temp.pay(75, 'INV-9101', 'SLIP5');
SELECT is(pg_temp.matched(), 'INV-9100 75 amount', 'of two with the amount, the one whose number is nearly there');
SELECT pg_temp.pay(75, 'INV-9300', 'SLIP5');
SELECT is(pg_temp.matched(), 'ambiguous', 'one number, the amount of another: a person decides');

-- one item of a certain payer
SELECT pg_temp.invoice('ONE-1', 'ONE', 120), pg_temp.invoice('ONE-2', 'ONE', 130.5), pg_temp.invoice('ONE-3', 'ONE', 130.5), pg_temp.invoice('ONE-4', 'ONE', 77);
SELECT pg_temp.pay(120, 'thank you', 'ONE'), pg_temp.pay(130.5, NULL, 'ONE'), pg_temp.pay(77, NULL, name => 'ONE Tradin');
SELECT is(pg_temp.matched(), 'ONE-1 120 amount; ambiguous; none', 'exactly one item; two are ambiguous; without pg_trgm a similar name is no name');
SELECT pg_temp.invoice('TWO-' || n, 'TWO', a) FROM unnest('{100,250,150}'::numeric[]) WITH ORDINALITY u (a, n);
SELECT pg_temp.pay(250, NULL, 'TWO');
SELECT is(pg_temp.matched(), 'ambiguous', 'one item, but two others make up the amount, too');

-- all, all overdue, one month, all but one, a combination
SELECT pg_temp.invoice('ALL-' || n, 'ALL', 10.11 * n) FROM generate_series(1, 3) n;
SELECT pg_temp.pay(60.66, 'statement', 'ALL');
SELECT is(pg_temp.matched(), 'ALL-1 10.11 + ALL-2 20.22 + ALL-3 30.33 all_items', 'the whole balance');
SELECT pg_temp.invoice('DUE-1', 'DUE', 1000.01, '2026-06-14'), pg_temp.invoice('DUE-2', 'DUE', 2000.03, '2026-06-10'), pg_temp.invoice('DUE-3', 'DUE', 4000.07, '2026-06-15'), pg_temp.invoice('DUE-4', 'DUE', 8000.19);
SELECT pg_temp.pay(3000.04, NULL, 'DUE');
SELECT is(pg_temp.matched(), 'DUE-1 1000.01 + DUE-2 2000.03 all_overdue', 'what is past due; the due date itself is not');
SELECT pg_temp.invoice('MON-1', 'MON', 1000.01, '2026-07-30', '2026-04-30'), pg_temp.invoice('MON-2', 'MON', 2000.03, '2026-07-30', '2026-05-01'), pg_temp.invoice('MON-3', 'MON', 4000.07, '2026-07-30', '2026-05-31'),
       pg_temp.invoice('MON-4', 'MON', 8000.19, '2026-07-30', '2026-06-01'), pg_temp.invoice('MON-5', 'MON', 16000.51, '2026-07-30', '2026-06-02');
SELECT pg_temp.pay(6000.10, NULL, 'MON');
SELECT is(pg_temp.matched(), 'MON-2 2000.03 + MON-3 4000.07 one_month', 'the invoices of one month');
SELECT pg_temp.pay(1000.01 + 8000.19, NULL, 'MON');
SELECT is(pg_temp.matched(), 'MON-1 1000.01 + MON-4 8000.19 all_but_one', 'all but one');
SELECT pg_temp.invoice('SUB-' || a, 'SUB', a, '2026-07-30', '2026-06-01') FROM unnest('{1000.01,2200.22,1400.49,3500.03,8200.37}'::numeric[]) a;
SELECT pg_temp.pay(2200.22 + 3500.03 + 8200.37, NULL, 'SUB');
SELECT is(pg_temp.matched(), 'SUB-2200.22 2200.22 + SUB-3500.03 3500.03 + SUB-8200.37 8200.37 combination', 'the only combination ({10,22,14,35,82} for 139)');
SELECT pg_temp.invoice('AMB-' || a, 'AMB', a, '2026-07-30', '2026-06-01') FROM unnest('{100,200,300,400}'::numeric[]) a;
SELECT pg_temp.pay(500, NULL, 'AMB');
SELECT is(pg_temp.matched(), 'ambiguous', 'of two combinations none ({100,200,300,400} for 500)');
SELECT pg_temp.invoice('RND-' || a, 'RND', a, '2026-07-30', '2026-06-01') FROM unnest('{10,20,50,110,230,470}'::numeric[]) a;
SELECT pg_temp.pay(290, NULL, 'RND');
SELECT is(pg_temp.matched(), 'suggested', 'round amounts have nearly every sum: the only combination is proposed');
SELECT pg_temp.invoice('POL-1', 'POL', 10.11), pg_temp.invoice('POL-2', 'POL', 20.23), pg_temp.policy('POL', '{one_item}');
SELECT pg_temp.pay(30.34, NULL, 'POL');
SELECT is(pg_temp.matched(), 'suggested', 'what the policy does not try is proposed');

-- the oldest first, where the policy says so (Dynamics 365: 700 on 25 October)
SELECT pg_temp.policy(c, '{oldest_first}') FROM (SELECT pg_temp.customer(c), c FROM unnest('{OLD}'::text[]) c) x;
SELECT pg_temp.invoice('OLD-500', 'OLD', 500, '2025-10-15', '2025-09-15'), pg_temp.invoice('OLD-100', 'OLD', 100, '2025-08-15', '2025-07-15'), pg_temp.invoice('OLD-250', 'OLD', 250, '2025-09-01', '2025-08-01');
SELECT pg_temp.pay(700, NULL, 'OLD', received_on => '2025-10-25');
SELECT is(pg_temp.matched(), 'OLD-100 100 + OLD-250 250 + OLD-500 350 oldest_first', 'by due date');
SELECT pg_temp.policy(c, '{one_item,oldest_first}') FROM (SELECT pg_temp.customer(c), c FROM unnest('{OLD2}'::text[]) c) x;
SELECT pg_temp.invoice('OL2-1', 'OLD2', 500, '2025-10-15', '2025-09-15'), pg_temp.invoice('OL2-2', 'OLD2', 100, '2025-11-15', '2025-07-15');
SELECT pg_temp.pay(100, NULL, 'OLD2', received_on => '2025-10-25');
SELECT is(pg_temp.matched(), 'OL2-2 100 amount', 'the rules in their order');

-- discounts, tolerance, credit notes
SELECT pg_temp.invoice('DIS-1', 'DIS', 1000), pg_temp.invoice('DIS-2', 'DIS', 1000.5), pg_temp.discount('DIS-1', '2026-06-15', 20), pg_temp.discount('DIS-2', '2026-06-14', 20);
SELECT pg_temp.pay(980, 'DIS-1', 'DIS'), pg_temp.pay(980.5, 'DIS-2', 'DIS');
SELECT is(pg_temp.matched(), 'DIS-1 980 d20 reference; DIS-2 980.5 reference', 'a discount on its last day; the day after it is short');
SELECT pg_temp.invoice('DIA-1', 'DIA', 500), pg_temp.invoice('DIA-2', 'DIA', 700), pg_temp.discount('DIA-1', '2026-06-20', 10), pg_temp.discount('DIA-2', '2026-06-20', 14);
SELECT pg_temp.pay(490, NULL, 'DIA'), pg_temp.pay(686, 'DIA-2');
SELECT is(pg_temp.matched(), 'DIA-1 490 d10 amount; DIA-2 686 d14 reference', 'a discount tells as much as the full amount');
SELECT pg_temp.invoice('TOL-1', 'TOL', 1000), pg_temp.invoice('TOL-2', 'TOL', 2000), pg_temp.policy('TOL', NULL, 1);
SELECT pg_temp.pay(999, 'TOL-1', 'TOL'), pg_temp.pay(1998.99, 'TOL-2', 'TOL');
SELECT is(pg_temp.matched(), 'TOL-1 999 t1 reference; TOL-2 1998.99 reference', 'within the tolerance, and a cent beyond it');
SELECT pg_temp.invoice('NET-1', 'NET', 300), pg_temp.invoice('NET-2', 'NET', 444.44), pg_temp.credit('NET', 50.5);
SELECT pg_temp.pay(249.5, 'NET-1', 'NET');
SELECT is(pg_temp.matched(), 'NET-1 249.5 reference', 'less a credit note that is not named');
SELECT is((SELECT sum(i.open_amount) FROM o2c.open_item i JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'NET'), 444.44, 'which is used up');

-- parents and children
SELECT pg_temp.customer('TOP'), pg_temp.customer('LEAF', parent => 'TOP'), pg_temp.customer('TWIG', parent => 'TOP');
SELECT pg_temp.invoice('GRP-1', 'LEAF', 61.5), pg_temp.invoice('GRP-2', 'TWIG', 62.5), pg_temp.invoice('GRP-3', 'TOP', 62.5), pg_temp.invoice('GRP-4', 'LEAF', 62.5);
SELECT pg_temp.pay(61.5, NULL, 'TOP'), pg_temp.pay(62.5, NULL, 'TOP'), pg_temp.pay(62.5, 'for the branch', 'LEAF'), pg_temp.pay(62.5, 'GRP-2', name => 'TOP Trading');
SELECT is(pg_temp.matched(), 'GRP-1 61.5 amount; GRP-3 62.5 amount; GRP-4 62.5 amount; GRP-2 62.5 reference',
          'a parent pays for a child; an equal item of another one is ambiguous until it is paid');

-- duplicates, and what is paid
SELECT pg_temp.invoice('DUP-1', 'DUP', 88.25), pg_temp.invoice('DUP-2', 'DUP', 88.25), pg_temp.invoice('DUP-3', 'DUP', 55), pg_temp.invoice('DUP-4', 'DUP', 66);
SELECT pg_temp.pay(88.25, 'DUP-1', 'DUP'), pg_temp.pay(88.25, 'DUP-1', 'DUP', received_on => '2026-06-20');
SELECT is(pg_temp.matched(), 'DUP-1 88.25 reference; duplicate', 'the same again is not used for something else');
SELECT pg_temp.pay(55, 'DUP-1', 'DUP');
SELECT is(pg_temp.matched(), 'suggested', 'nor is what names a paid invoice');
SELECT pg_temp.pay(88.25, 'DUP-2', name => 'DUP Trading');
SELECT is(pg_temp.matched(), 'DUP-2 88.25 reference', 'another invoice that is named is paid');
SELECT pg_temp.pay(66, 'rent', 'DUP', received_on => '2026-06-10');
SELECT is(pg_temp.matched(), 'DUP-4 66 amount', 'paid once');
SELECT pg_temp.invoice('DUP-5', 'DUP', 66);
SELECT pg_temp.pay(66, 'rent', 'DUP', received_on => '2026-06-12'), pg_temp.pay(66, 'rent July', 'DUP', received_on => '2026-06-13');
SELECT is(pg_temp.matched(), 'duplicate; DUP-5 66 amount', 'the same text again is suspicious, another one is not');
SELECT is_empty($$SELECT * FROM o2c.match_payments('2026-06-30')$$, 'a second call applies nothing');

-- hostile texts
SELECT pg_temp.invoice('2026', 'HOST', 333.33), pg_temp.invoice('1500', 'HOST2', 1500), pg_temp.invoice('20260315', 'HOST3', 10);
SELECT pg_temp.pay(333.33, 'rent of 2026'), pg_temp.pay(1500, 'sum 1500 and more'), pg_temp.pay(10, 'on 20260315 by card'), pg_temp.pay(333.33, '2026');
SELECT is(pg_temp.matched(), 'none; none; none; 2026 333.33 reference', 'years, amounts and dates are no numbers, unless nothing else is said');
SELECT lives_ok(format('SELECT pg_temp.pay(1, %L)', t), 'a text of ' || left(t, 12)) FROM unnest(ARRAY['', repeat('1', 5000), repeat('INV-2026-000101 ', 500), repeat('é', 3000), '\', '%_''"; DROP TABLE x; --']) t;
SELECT is(pg_temp.matched(), 'none; none; none; none; none; none', 'come to nothing');
SELECT pg_temp.invoice('BIG-1', 'BIG', 999999999999999.99), pg_temp.pay(999999999999999.99, 'BIG-1', 'BIG');
SELECT is(pg_temp.matched(), 'BIG-1 999999999999999.99 reference', 'the largest amount there is');
SELECT is_empty($$SELECT * FROM o2c.match_payments('2026-06-30', company_id => 2)$$, 'another company has nothing to match');

-- what is kept
SELECT throws_ok('UPDATE o2c.match_result SET score = 1', 'OC102', NULL, 'results are facts');
SELECT throws_ok('DELETE FROM o2c.match_candidate', 'OC102', NULL, 'and so is what was proposed');
SELECT throws_ok($$INSERT INTO o2c.match_result (payment_id, as_of, outcome, words) SELECT payment_id, '2026-06-30', 'applied', 'x' FROM o2c.payment LIMIT 1$$, 'OC102', NULL, 'which only the engine writes');
SELECT is_empty($$SELECT * FROM o2c.match_result WHERE outcome = 'applied' AND score < 0.9 OR score <> round(1 - (1 - s_ref) * (1 - s_party) * (1 - s_amount) * (1 - s_date), 4) AND outcome = 'applied'$$, 'what is applied has the score, which is what its parts come to');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
