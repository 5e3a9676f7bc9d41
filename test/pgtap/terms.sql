-- terms: published vectors, every form of text, arithmetic, hostile input
BEGIN;
SELECT plan(360);

CREATE FUNCTION pg_temp.canonical(terms text) RETURNS text LANGUAGE sql AS 'SELECT terms::o2c.payment_terms::text';
CREATE FUNCTION pg_temp.due(terms text, base_on date) RETURNS date LANGUAGE sql AS 'SELECT o2c.due_date(terms::o2c.payment_terms, base_on)';

-- the canonical text of every form ------------------------------------------------

CREATE TEMP TABLE form (place serial, written text, canonical text);
INSERT INTO form (written, canonical) VALUES
    ('net 30', 'net 30'), ('n/30', 'net 30'), ('N30', 'net 30'), ('30 days', 'net 30'), ('net 30 days', 'net 30'),
    ('30 days net', 'net 30'), (' NET  30 ', 'net 30'), ('2W', 'net 14'), ('2 weeks', 'net 14'),
    ('2/10 net 30', '2/10 net 30'), ('2/10, n/30', '2/10 net 30'), ('2% 10 net 30', '2/10 net 30'),
    ('2 % 10 days, net 30 days', '2/10 net 30'), ('2.50/10 net 30', '2.5/10 net 30'),
    ('3/10, 2/20, n/30', '3/10, 2/20 net 30'), ('2/20 3/10 net 30', '3/10, 2/20 net 30'),
    ('3/10, 2/20, 1/30 net 60', '3/10, 2/20, 1/30 net 60'), ('2/10 net EOM', '2% 10 days net EOM'),
    ('EOM', 'net EOM'), ('net EOM', 'net EOM'), ('E.O.M.', 'net EOM'), ('end of month', 'net EOM'),
    ('net monthly', 'net 1 month then EOM'), ('net monthly account', 'net 1 month then EOM'),
    ('EOM of next month', 'net 1 month then EOM'), ('net end of the following month', 'net 1 month then EOM'),
    ('21 MFI', 'net 21st prox'), ('15th MFI', 'net 15th prox'),
    ('10th prox', 'net 10th prox'), ('n/10 prox', 'net 10th prox'), ('net 10th prox.', 'net 10th prox'),
    ('2% 10th prox net 20th', '2% 10th prox net 20th prox'), ('2% 10th prox, net 30 days', '2% 10th prox net 30 days'),
    ('5th 2nd prox', 'net 5th 2nd prox'), ('12th 11th prox', 'net 12th 11th prox'),
    ('N10 EOM', 'net EOM then 10 days'), ('10 EOM', 'net EOM then 10 days'),
    ('2/10 EOM net 30 days after EOM', '2% EOM then 10 days net EOM then 30 days'),
    ('2% cutoff 25 then EOM then 10 days net cutoff 25 then EOM then 30 days', '2% cutoff 25 then EOM then 10 days net cutoff 25 then EOM then 30 days'),
    ('COD', 'COD'), ('C.O.D.', 'COD'), ('cash on delivery', 'COD'), ('CND', 'CND'), ('CIA', 'CIA'), ('CWO', 'CWO'),
    ('CBS', 'CBS'), ('PIA', 'PIA'), ('payment in advance', 'PIA'),
    ('50% PIA, balance net 30', '50% @ PIA; balance @ net 30'), ('30% deposit, balance 2/10 net 30', '30% @ PIA; balance @ 2/10 net 30'),
    ('due on receipt', 'due on receipt'), ('immediate', 'due on receipt'), ('net 0', 'due on receipt'), ('0D', 'due on receipt'),
    ('1MD', 'net 1 month'), ('2MD', 'net 2 months'), ('1 month 10 days', 'net 1 month then 10 days'),
    ('net 30 from delivery', 'net 30 from delivery'), ('net 30 days after invoice date', 'net 30'),
    ('2/10 net 30 ROG', '2/10 net 30 from receipt of goods'), ('net 30 from the statement date', 'net 30 from statement'),
    ('net 30 from later of receipt of goods and invoice', 'net 30 from later of invoice and receipt of goods'),
    ('net 60 as of 2024-12-01', 'net 60 from 2024-12-01'), ('net 60 from later of 2024-12-01 and order', 'net 60 from later of order and 2024-12-01'),
    ('2/10 net 30 60X', '2/70 net 90'), ('2/10 net 30 extra 60 days', '2/70 net 90'),
    ('30@net 30, 70@net 60', '30% @ net 30; balance @ net 60'), ('30% @ 2/10 net 30; rest @ 10th prox', '30% @ 2/10 net 30; balance @ net 10th prox'),
    ('30/60/90 days', '30/60/90 days'), ('50% net 30, 50% net 60', '30/60 days'), ('0/30/60/90 days', '0/30/60/90 days'),
    ('fixed 1000 @ PIA; 20% @ COD; balance @ net 30', 'fixed 1000 @ PIA; 20% @ COD; balance @ net 30'),
    ('100% @ net 30', 'net 30'),
    ('cutoff 12, +1 month, day 20', 'net cutoff 12 then 20th prox'), ('cutoff EOM, +1 month, EOM', 'net 1 month then EOM'),
    ('cut-off 12 then day 20', 'net cutoff 12 then day 20'),
    ('net 10 then pay on 5, 20', 'net 10 days then pay on 5 20'), ('net 10 pay on 20th and 5th', 'net 10 days then pay on 5 20'),
    ('net 30 following', 'net 30 roll following'), ('net 30 from delivery, modified following', 'net 30 from delivery roll modified following'),
    ('net 30 previous', 'net 30 roll previous'), ('net 30 roll modified previous', 'net 30 roll modified previous'), ('net 30 unadjusted', 'net 30'),
    ('net 30 then EOM', 'net 30 days then EOM'), ('EOM then 30 days', 'net EOM then 30 days'), ('EOM +30', 'net EOM then 30 days'),
    ('30 days after EOM', 'net EOM then 30 days'), ('fin de mois + 45 jours', 'net EOM then 45 days'),
    ('30D', 'net 30'), ('CM', 'net EOM'), ('CM+10D', 'net EOM then 10 days'), ('1M+CM', 'net 1 month then EOM'),
    ('30D+CM', 'net 30 days then EOM'), ('D15', 'net pay on 15'),
    ('net 1 month then day 31', 'net 1 month then EOM'), ('2 months then EOM then day 5', 'net 5th 2nd prox');
SELECT is(pg_temp.canonical(written), canonical, format('"%s" is read', written)) FROM form ORDER BY place;
SELECT is_empty('SELECT canonical FROM form WHERE pg_temp.canonical(canonical) <> canonical', 'what is printed reads back as it is');

-- Every combination of steps, tiers, bases and rolls, printed and read back.
CREATE TEMP TABLE rule AS
    SELECT cutoff, months, days, eom, after, day, pay,
           concat_ws(' then ', 'cutoff ' || cutoff, nullif(months, 0) || ' months', nullif(days, 0) || ' days',
                     CASE WHEN eom THEN 'EOM' END, nullif(after, 0) || ' days', 'day ' || day, 'pay on ' || pay) AS text
    FROM unnest(ARRAY[NULL, 12, 30]) cutoff, unnest(ARRAY[0, 1, 13]) months, unnest(ARRAY[0, 20, 45]) days,
         unnest(ARRAY[false, true]) eom, unnest(ARRAY[0, 10]) after,
         (VALUES (NULL::int, NULL::text), (20, NULL), (31, NULL), (NULL, '5 30'), (NULL, '31')) d(day, pay)
    WHERE (after = 0 OR eom) AND (cutoff IS NOT NULL OR months + days + after > 0 OR pay IS NOT NULL OR (eom AND day IS NULL));
CREATE TEMP TABLE whole AS
    SELECT format('%snet %s%s%s', tier, text, base, roll) AS text
    FROM rule, unnest(ARRAY['', '2% 10 days ', '3% 10th prox, 2% EOM then 3 days ']) tier,
         unnest(ARRAY['', ' from later of order and 2024-06-30']) base, unnest(ARRAY['', ' roll modified previous']) roll;
SELECT cmp_ok((SELECT count(*) FROM whole), '>', 4000::bigint, 'thousands of combined terms');
SELECT is_empty($$SELECT text, pg_temp.canonical(text) FROM whole
    WHERE pg_temp.canonical(pg_temp.canonical(text)) <> pg_temp.canonical(text)$$, 'all combinations survive the round trip');

-- errors -------------------------------------------------------------------------

SELECT throws_ok(format('SELECT %L::o2c.payment_terms', t), 'OC202', NULL, format('"%s" is ambiguous', t))
FROM unnest(ARRAY['30 days EOM', 'net 30 EOM', 'n/30 EOM', '30 EOM', 'net 10 EOM', '30 days, EOM', '45 jours fin de mois', '1 month EOM',
    '2% 10 prox net 30', '2% 10th prox net 30', '2% 10 net 30th prox', '2/10, n/30 prox', '2/10 EOM', '2/10 EOM net 30', '2/10, n/10 EOM', '2/10 days',
    'net 20th', 'day 20', 'EOM then day 20', 'CM+1M', 'EOM + 1 month', '2% 10th net 20th prox']) t;
SELECT throws_ok(format('SELECT %L::o2c.payment_terms', t), 'OC201', NULL, format('"%s" is not payment terms', left(t, 40)))
FROM unnest(ARRAY['', ' ', 'foo', 'net', 'net net', '30', '2/10', 'net 30,', 'net 30 foo', 'net 30 40', 'net -30', 'net 1.5', 'net 10000',
    'net 99999999999999999999', 'net 1000 months', 'net 0.0000001', '0/10 net 30', '100/10 net 30', '120% 10 net 30', '2/40 net 30', '3/10, 2/10 net 30', '2/10, 2/20 net 30',
    '1/10, 2/20 net 30', '4/5, 3/10, 2/20, 1/25 net 30', '2/10 net 0', 'net 32nd prox', 'net 0th prox', '5th 1000th prox', 'cutoff 0, +1 month', 'cutoff 32, +1 month', 'pay on 32',
    '30@net 30, 60@net 60', '30@net 30, 70@net 60, 10@net 90', 'balance @ net 30; 50% @ net 60', '50% @ net 30; balance @ net 60; balance @ net 90',
    '100% @ net 30; balance @ net 60', '0% @ net 30; balance @ net 60', 'fixed 0 @ net 30; balance @ net 60', '50% @ net 30; fixed 10 @ net 60',
    '60/30 days', '30/30/60 days', 'net 30 from', 'net 30 from moon', 'net 30 from delivery from order', 'net 30 from later of delivery and delivery',
    'net 30 from 2024-02-30', 'net 30 following previous', 'EOM extra 10', 'net 9999 extra 1', 'net 30; net 60', 'nét 30', E'net 30\x01', 'net 30 -- x',
    'net 10 business days', '10th/10 net 30', 'EOM 10th', '10 monthly', 'fixed 10% @ PIA; balance @ net 30', 'net + EOM', repeat('net 30 ', 1500), repeat('x', 10000), repeat('9', 10000), repeat('1@net 1,', 61) || '39@net 2']) t;
SELECT throws_ok(format('SELECT o2c.parse_terms(%L, %L)', 'net 30', 'guess'), 'OC002', NULL, 'there are three readings');
SELECT throws_ok($$SELECT o2c.parse_terms('45 days EOM', 'eom_then_months')$$, 'OC201', NULL, '45 days are no months');
SELECT is(o2c.parse_terms('30 days EOM', r)::text, c, r || ' decides')
FROM (VALUES ('days_then_eom', 'net 30 days then EOM'), ('eom_then_days', 'net EOM then 30 days'), ('eom_then_months', 'net 1 month then EOM')) v(r, c);
SELECT is(o2c.parse_terms('net 30', 'eom_then_days')::text, 'net 30', 'a reading leaves the rest alone');
SELECT throws_ok($$SELECT o2c.parse_terms('2/10 EOM', 'eom_then_days')$$, 'OC202', NULL, 'a reading decides nothing else');

-- dates --------------------------------------------------------------------------

-- the three readings of "30 days EOM", and plain net 30
SELECT is(pg_temp.due(t, b::date)::text, d, format('%s from %s', t, b))
FROM (VALUES
    ('net 30 then EOM', '2024-01-15', '2024-02-29'), ('net 30 then EOM', '2024-01-31', '2024-03-31'), ('net 30 then EOM', '2023-01-31', '2023-03-31'), ('net 30 then EOM', '2024-02-15', '2024-03-31'),
    ('EOM then 30 days', '2024-01-15', '2024-03-01'), ('EOM then 30 days', '2024-01-31', '2024-03-01'), ('EOM then 30 days', '2023-01-31', '2023-03-02'), ('EOM then 30 days', '2024-02-15', '2024-03-30'),
    ('EOM of next month', '2024-01-15', '2024-02-29'), ('EOM of next month', '2024-01-31', '2024-02-29'), ('EOM of next month', '2023-01-31', '2023-02-28'), ('EOM of next month', '2024-02-15', '2024-03-31'),
    ('net 30', '2024-01-15', '2024-02-14'), ('net 30', '2024-01-31', '2024-03-01'), ('net 30', '2023-01-31', '2023-03-02'), ('net 30', '2024-02-15', '2024-03-16'),
    -- "45 jours fin de mois" of the French calculator is the second reading; it gives 15 June for 45 days after 30 April, where the calendar has 14
    ('fin de mois + 45 jours', '2024-01-31', '2024-03-16'), ('EOM then 45 days', '2020-04-30', '2020-06-14'), ('1 month then EOM then 15 days', '2020-04-30', '2020-06-15'),
    -- Zuora: cut-off, months, due day; the eighth is the month end throughout
    ('cutoff 12, +1 month, day 20', '2024-08-10', '2024-09-20'), ('cutoff 12, +1 month, day 20', '2024-08-15', '2024-10-20'), ('cutoff 12, +1 month, day 20', '2024-08-21', '2024-10-20'),
    ('cutoff 20, +1 month, day 12', '2024-08-10', '2024-09-12'), ('cutoff 20, +1 month, day 12', '2024-08-15', '2024-09-12'), ('cutoff 20, +1 month, day 12', '2024-08-21', '2024-10-12'),
    ('cutoff 20, +3 months, day 12', '2024-08-21', '2024-12-12'), ('cutoff EOM, +1 month, EOM', '2024-08-15', '2024-09-30'), ('cutoff 5, +1 month, day 30', '2023-01-01', '2023-02-28'),
    -- i21: past the cut-off adds a second month
    ('cutoff 30, +1 month, day 29', '2018-01-22', '2018-02-28'), ('cutoff 30, +1 month, day 29', '2018-01-31', '2018-03-29'),
    -- NetSuite: a day that the month has not is its last one; "next month if within 5 days" of the 20th is a cut-off at 14
    ('31st prox', '2023-01-10', '2023-02-28'), ('30th prox', '2024-01-10', '2024-02-29'), ('cutoff 14, day 20', '2024-05-14', '2024-05-20'), ('cutoff 14, day 20', '2024-05-15', '2024-06-20'),
    -- PostgreSQL's month arithmetic, always from the base date
    ('net 1 month', '2024-01-31', '2024-02-29'), ('net 2 months', '2024-01-31', '2024-03-31'), ('net 12 months', '2024-02-29', '2025-02-28'), ('net 13 months', '2023-12-31', '2025-01-31'),
    -- ERPNext: days after the month end; months after the month end (the current rule, not 28 March)
    ('EOM then 10 days', '2023-02-10', '2023-03-10'), ('1 month then EOM', '2023-02-10', '2023-03-31'),
    -- Odoo: months, days, end of month, days after
    ('1 month then 10 days then EOM then 5 days', '2024-01-15', '2024-03-05'), ('1 month then 15 days then EOM then 5 days', '2024-01-15', '2024-04-05'),
    -- Tryton: months and days and then a day; its weekday, absolute month and percentage of the remainder have no counterpart here
    ('1 month then 14 days', '2011-10-01', '2011-11-15'), ('1 month then EOM', '2012-01-15', '2012-02-29'), ('30 days then day 15', '2012-01-20', '2012-02-15'), ('31 days then day 25', '2012-01-20', '2012-02-25'),
    -- the words of the trade
    ('EOM', '2024-02-10', '2024-02-29'), ('net monthly', '2024-01-31', '2024-02-29'), ('21 MFI', '2024-12-05', '2025-01-21'), ('10th prox', '2024-01-31', '2024-02-10'), ('10 EOM', '2024-01-31', '2024-02-10'),
    ('5th 2nd prox', '2024-11-30', '2025-01-05'), ('1MD', '2024-05-31', '2024-06-30'), ('COD', '2024-05-31', '2024-05-31'), ('due on receipt', '2024-05-31', '2024-05-31'),
    ('cutoff 25 then EOM then 10 days', '2024-01-25', '2024-02-10'), ('cutoff 25 then EOM then 10 days', '2024-01-26', '2024-03-10'),
    ('CM+10D', '2021-11-05', '2021-12-10'), ('D10', '2021-11-05', '2021-11-10'), ('2W', '2021-11-05', '2021-11-19'), ('D30', '2025-03-03', '2025-03-30'),
    ('net 10 then pay on 5, 20', '2024-01-01', '2024-01-20'), ('net 10 then pay on 5, 20', '2024-01-11', '2024-02-05'), ('pay on 30', '2024-02-01', '2024-02-29'), ('pay on 15', '2024-02-15', '2024-02-15'),
    -- a fixed base, and never due before the document
    ('net 30 from 2024-12-01', '2024-09-15', '2024-12-31'), ('net 30 from 2024-01-01', '2024-09-15', '2024-09-15'), ('net 30 from later of invoice and 2024-12-01', '2024-12-15', '2025-01-14'),
    ('30 days then day 1', '2024-01-01', '2024-01-01'),
    -- the first and the last years
    ('net 1 month', '0001-01-31', '0001-02-28'), ('1 month then EOM', '4713-01-31 BC', '4713-02-29 BC')) v(t, b, d);

-- The order of evaluation once more, by the arithmetic of PostgreSQL.
CREATE FUNCTION pg_temp.oracle(r rule, base date) RETURNS date LANGUAGE plpgsql AS $$
DECLARE
    last int := extract(day FROM date_trunc('month', base) + interval '1 month -1 day');
    d date := (base + make_interval(months => r.months + (extract(day FROM base) > least(r.cutoff, last) AND r.cutoff IS NOT NULL)::int))::date + r.days;
BEGIN
    IF r.eom THEN d := date_trunc('month', d) + interval '1 month -1 day'; END IF;
    d := d + r.after;
    last := extract(day FROM date_trunc('month', d) + interval '1 month -1 day');
    IF r.day IS NOT NULL THEN d := date_trunc('month', d)::date + least(r.day, last) - 1; END IF;
    IF r.pay IS NOT NULL THEN
        SELECT min(m.m::date + least(p::int, extract(day FROM m.m + interval '1 month -1 day')::int) - 1) INTO d
        FROM generate_series(date_trunc('month', d), date_trunc('month', d) + interval '1 month', '1 month') m(m), unnest(string_to_array(r.pay, ' ')) p
        WHERE m.m::date + least(p::int, extract(day FROM m.m + interval '1 month -1 day')::int) - 1 >= d;
    END IF;
    RETURN greatest(d, base);
END $$;
SELECT is_empty($$SELECT r.text, b::date, o2c.due_date(r.text::o2c.payment_terms, b::date), pg_temp.oracle(r, b::date)
    FROM rule r, generate_series(date '2023-12-27', date '2025-01-02', '9 days') b
    WHERE o2c.due_date(r.text::o2c.payment_terms, b::date) <> pg_temp.oracle(r, b::date)$$, 'every rule agrees with SQL date arithmetic');

-- business days: 29 June 2024 and 1 June 2024 are Saturdays
SELECT is(o2c.due_date(('net 0 ' || r)::o2c.payment_terms, '2024-06-29')::text, '2024-06-29', 'never before the document: ' || r) FROM unnest(ARRAY['previous', 'modified following']) r;
SELECT is(o2c.due_date(('net 30 ' || r)::o2c.payment_terms, b::date, h::date[])::text, d, format('%s from %s, days off %s', r, b, h))
FROM (VALUES
    ('unadjusted', '2024-05-30', NULL, '2024-06-29'), ('following', '2024-05-30', NULL, '2024-07-01'), ('modified following', '2024-05-30', NULL, '2024-06-28'),
    ('previous', '2024-05-30', NULL, '2024-06-28'), ('previous', '2024-05-02', NULL, '2024-05-31'), ('modified previous', '2024-05-02', NULL, '2024-06-03'),
    ('following', '2024-05-30', '{2024-07-01,2024-07-02}', '2024-07-03'), ('modified following', '2024-05-30', '{2024-06-28}', '2024-06-27'),
    ('following', '2024-11-25', '{2024-12-26,2024-12-25}', '2024-12-27'), ('following', '2024-05-30', '{}', '2024-07-01'), ('following', '2024-05-30', '{infinity,-infinity}', '2024-07-01')) v(r, b, h, d);

-- amounts ------------------------------------------------------------------------

SELECT results_eq($$SELECT * FROM o2c.schedule('30% @ PIA; balance @ 3/10, 2/20 net 30', '2024-01-15', 1000, 'EUR')$$,
    $$VALUES (1, date '2024-01-15', 300.00, NULL::date, NULL::numeric, NULL::date, NULL::numeric, NULL::date, NULL::numeric),
             (2, '2024-02-14', 700.00, '2024-01-25', 21.00, '2024-02-04', 14.00, NULL, NULL)$$, 'a deposit, and two discounts on the balance');
CREATE FUNCTION pg_temp.parts(terms text, amount numeric, currency text DEFAULT 'EUR') RETURNS numeric[] LANGUAGE sql AS
    'SELECT array_agg(s.amount ORDER BY instalment) FROM o2c.schedule(terms::o2c.payment_terms, ''2024-01-15'', amount, currency) s';
SELECT is(pg_temp.parts(t, a, c)::text, p, format('%s of %s %s', t, a, c))
FROM (VALUES ('30/60/90 days', 100, 'EUR', '{33.34,33.33,33.33}'), ('30/60/90 days', -100, 'EUR', '{-33.34,-33.33,-33.33}'), ('30/60/90 days', 100, 'JPY', '{34,33,33}'),
    ('30/60/90 days', 0, 'EUR', '{0.00,0.00,0.00}'), ('30/60/90 days', 20000000000000000000, 'EUR', '{6666666666666666666.67,6666666666666666666.67,6666666666666666666.66}'),
    ('10@net 1,10@net 2,10@net 3,10@net 4,10@net 5,10@net 6,10@net 7,10@net 8,10@net 9,10@net 10', 0.05, 'EUR', '{0.01,0.01,0.01,0.01,0.01,0.00,0.00,0.00,0.00,0.00}'),
    ('33.333333@net 1, 33.333333@net 2, rest net 3', 0.010, 'BHD', '{0.003,0.003,0.004}'),
    ('fixed 1000 @ PIA; 20% @ COD; balance @ net 30', 3000, 'EUR', '{1000.00,600.00,1400.00}'), ('fixed 1000 @ PIA; 20% @ COD; balance @ net 30', -3000, 'EUR', '{-1000.00,-600.00,-1400.00}'),
    ('fixed 1000 @ PIA; 20% @ COD; balance @ net 30', 1100, 'EUR', '{1000.00,100.00,0.00}'), ('fixed 1000 @ PIA; 20% @ COD; balance @ net 30', 500, 'EUR', '{500.00,0.00,0.00}'),
    ('fixed 0.005 @ PIA; balance @ net 30', 1, 'EUR', '{0.01,0.99}'), ('net 30', 12.5, 'EUR', '{12.50}')) v(t, a, c, p);
SELECT is_empty($$
    SELECT t, a, c, s.sum FROM (VALUES ('net 30'), ('30/60/90 days'), ('0/15/30/45/60/75/90 days'), ('17.3@net 30, 41.07@net 60, rest net 90'), ('fixed 99.999 @ COD; 55.5% @ net 10; balance @ net 30')) t(t),
         generate_series(-250, 250, 7) i, (VALUES ('EUR', 2), ('JPY', 0), ('BHD', 3)) c(c, n), LATERAL round(i * 1.23457, n) a,
         LATERAL (SELECT sum(amount), bool_and(amount * sign(a) >= 0) AS same_sign FROM o2c.schedule(t::o2c.payment_terms, '2024-01-15', a, c)) s
    WHERE s.sum <> a OR NOT s.same_sign$$, 'the parts sum to the amount and have its sign');

-- Cash discount on 1000 plus 19 % VAT: the amount that the discount is taken from decides.
CREATE FUNCTION pg_temp.discount(amount numeric) RETURNS numeric LANGUAGE sql AS
    'SELECT discount_1_amount FROM o2c.schedule(''2/10 net 30'', ''2024-01-15'', amount, ''EUR'')';
SELECT is(1190 - pg_temp.discount(1190), 1166.20, 'discount on the gross amount');
SELECT is(1190 - pg_temp.discount(1000), 1170.00, 'discount on the net amount only');
SELECT is(1000 + round((1000 - pg_temp.discount(1000)) * 0.19, 2) - pg_temp.discount(1000), 1166.20, 'VAT from the discounted base: 1186.20 due, 1166.20 in time');
SELECT is(pg_temp.discount(-1190), -23.80, 'a credit note mirrors the invoice');
SELECT is(pg_temp.discount(0.25), 0.00, 'the payable amount is rounded (0.245 to 0.25), and the discount is what is left');
SELECT is(pg_temp.discount(0.75), 0.01, 'the payable amount is rounded (0.735 to 0.74)');
SELECT is_empty($$SELECT i FROM generate_series(1, 2000) i WHERE i / 100.0 - pg_temp.discount(i / 100.0) <> round(i / 100.0 * 0.98, 2)$$, 'at every amount up to 20');
SELECT is((SELECT discount_1_until FROM o2c.schedule('2% 10th prox net 30 days', '2024-01-02', 100, 'EUR')), date '2024-02-01', 'a discount ends when the full amount is due');
SELECT is((SELECT discount_1_until FROM o2c.schedule('2/10 net 30 from 2024-01-01', '2024-03-01', 100, 'EUR')), date '2024-03-01', 'a discount ends not before the document');
SELECT is((SELECT discount_1_until FROM o2c.schedule('2/9 net 30 following', '2024-06-20', 100, 'EUR')), date '2024-06-29', 'the roll moves due dates, not discounts');

SELECT throws_ok($$SELECT * FROM o2c.schedule('net 30', '2024-01-15', 'NaN', 'EUR')$$, 'OC002', NULL, 'NaN');
SELECT throws_ok($$SELECT * FROM o2c.schedule('30/60/90 days', '2024-01-15', '-Infinity', 'EUR')$$, 'OC002', NULL, 'infinite amount');
SELECT throws_ok($$SELECT * FROM o2c.schedule('net 30', '2024-01-15', 1.005, 'EUR')$$, 'OC002', NULL, 'amount finer than the currency');
SELECT throws_ok($$SELECT * FROM o2c.schedule('net 30', '2024-01-15', 1, 'XYZ')$$, 'OC001', NULL, 'unknown currency');
SELECT throws_ok($$SELECT * FROM o2c.schedule('net 30', 'infinity', 1, 'EUR')$$, 'OC002', NULL, 'infinite base date');
SELECT throws_ok($$SELECT o2c.due_date('net 30', '-infinity')$$, 'OC002', NULL, 'infinite base date');
SELECT throws_ok($$SELECT o2c.due_date('net 30', '2024-01-15', '{NULL}')$$, 'OC002', NULL, 'null holiday');
SELECT throws_ok(format('SELECT o2c.due_date(%L, %L)', t, '5874897-12-31'), '22008', NULL, t || ' after the last date')
FROM unnest(ARRAY['net 1', 'net 999 months', 'EOM then 1 day', '10th prox', 'pay on 5', 'net 9999']) t;
SELECT is(o2c.due_date('EOM', '5874897-12-31'), date '5874897-12-31', 'the last date is a month end');
SELECT is((SELECT sum(amount) FROM o2c.schedule('30/60/90 days', '2024-01-15', 1e1000, 'EUR')), 1e1000::numeric, 'an amount of a thousand digits');
SELECT is_empty($$SELECT * FROM o2c.schedule(NULL, '2024-01-15', 1, 'EUR')$$, 'no terms, no schedule');
SELECT is(o2c.due_date(NULL, '2024-01-15'), NULL, 'no terms, no due date');
SELECT is(o2c.due_date('30/60/90 days', '2024-01-01'), date '2024-03-31', 'the last instalment counts');

-- properties ---------------------------------------------------------------------

SELECT is(o2c.is_prepayment(t::o2c.payment_terms), p, t || ' in advance?')
FROM (VALUES ('CIA', true), ('CWO', true), ('CBS', true), ('PIA', true), ('COD', false), ('CND', false), ('net 30', false), ('50% PIA, balance net 30', false), ('50% PIA, balance CBS', true)) v(t, p);
SELECT is(o2c.prepaid_amount('30% PIA, balance net 30', 99.99, 'EUR'), 30.00, 'a deposit');
SELECT is(o2c.prepaid_amount('net 30', 99.99, 'EUR'), 0::numeric, 'no deposit');
SELECT is(o2c.base_event('net 30'), 'invoice', 'terms run from the invoice');
SELECT is(o2c.base_event('net 30 from later of delivery and 2024-06-30'), 'later of delivery and 2024-06-30', 'or from something else');
SELECT is(concat_ws(' ', coalesce(o2c.terms_code(t::o2c.payment_terms, 'X12 336'), '-'), coalesce(o2c.terms_code(t::o2c.payment_terms, 'EDIFACT 4279'), '-'), coalesce(o2c.terms_code(t::o2c.payment_terms, 'EDIFACT 2009'), '-')), c, 'codes of ' || t)
FROM (VALUES ('net 30', '01 1 3'), ('2/10 net 30', '08 8 3'), ('EOM', '02 2 6'), ('EOM of next month', '- - 7'), ('10 EOM', '12 12 11'), ('EOM + 30', '- - -'), ('10th prox', '09 9 -'),
    ('due on receipt', '10 10 1'), ('30/60 days', '04 21 -'), ('net 0 from 2024-12-01', '03 3 -'), ('COD', '- - -'), ('pay on 5', '- - -'), ('30 days then EOM', '- - -')) v(t, c);
SELECT throws_ok($$SELECT o2c.terms_code('net 30', 'ISO 9999')$$, 'OC001', NULL, 'unknown code list');

-- the type -----------------------------------------------------------------------

CREATE TEMP TABLE kept (terms o2c.payment_terms PRIMARY KEY);
INSERT INTO kept SELECT DISTINCT canonical::o2c.payment_terms FROM form;
SELECT throws_ok($$INSERT INTO kept VALUES ('n/30')$$, '23505', NULL, 'another spelling is the same terms');
SELECT lives_ok($$INSERT INTO kept VALUES ('net 31'::text)$$, 'assignment from text');
SET LOCAL enable_seqscan = off;
SELECT is((SELECT count(*) FROM kept WHERE terms OPERATOR(o2c.=) '30 days'), 1::bigint, 'found by index');
SET LOCAL enable_seqscan = on;
SET LOCAL enable_mergejoin = off;
SET LOCAL enable_nestloop = off;
SELECT is((SELECT count(*) FROM kept a JOIN kept b ON a.terms OPERATOR(o2c.=) b.terms), (SELECT count(*) FROM kept), 'joined by hash');
SELECT ok('net 30'::o2c.payment_terms OPERATOR(o2c.<>) 'net 31' AND 'net 30'::o2c.payment_terms OPERATOR(o2c.<) 'net 31' AND 'net 30'::o2c.payment_terms OPERATOR(o2c.<=) 'n/30'
    AND 'net 31'::o2c.payment_terms OPERATOR(o2c.>) 'net 30' AND 'net 31'::o2c.payment_terms OPERATOR(o2c.>=) 'net 30', 'the operators');
SELECT is_empty($$SELECT amname, opcname FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE opcname = 'payment_terms_ops' AND NOT amvalidate(c.oid)$$, 'the operator classes are whole');

-- binary: written to a file and read back; what is not terms is refused
CREATE TEMP TABLE received (terms o2c.payment_terms);
CREATE FUNCTION pg_temp.through_binary(query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE file text := current_setting('data_directory') || '/terms.bin';
BEGIN
    TRUNCATE received;
    EXECUTE format('COPY (%s) TO %L (FORMAT binary)', query, file);
    EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
END $$;
SELECT lives_ok($$SELECT pg_temp.through_binary('SELECT terms FROM kept')$$, 'binary out and in');
SELECT results_eq('SELECT terms::text FROM received ORDER BY 1', 'SELECT terms::text FROM kept ORDER BY 1', 'with equal values');
SELECT throws_ok(format('SELECT pg_temp.through_binary(%L)', q), e, NULL, format('binary %s', q))
FROM (VALUES ($$SELECT 'rubbish'::text$$, 'OC201'), ($$SELECT ''::text$$, 'OC201'), ($$SELECT '30 days EOM'::text$$, 'OC202'), ($$SELECT '\x6e657420330030'::bytea$$, '22021'),
    ($$SELECT '\xff'::bytea$$, '22021'), ($$SELECT repeat('net', 5000)$$, 'OC201')) v(q, e);

SELECT * FROM finish();
ROLLBACK;
