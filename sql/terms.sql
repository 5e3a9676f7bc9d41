-- Payment terms: what a debtor owes when, and what paying early saves.
SET datestyle = ISO;

-- The texts of the trade are read; one spelling is kept.
SELECT t AS written, t::o2c.payment_terms AS kept
FROM unnest(ARRAY['n/30', '2% 10, net 30 days', '3/10, 2/20, n/30', 'EOM', 'net monthly account', '21 MFI', '2% 10th prox net 20th',
                  'N10 EOM', 'COD', 'cash in advance', '30% deposit, balance net 60', '30/60/90 days', '2/10 net 30 ROG', 'CM+10D']) t;

-- What the trade reads in several ways is not guessed.
SELECT '30 days EOM'::o2c.payment_terms;
SELECT '2% 10th prox net 30'::o2c.payment_terms;
SELECT 'net 20th'::o2c.payment_terms;
SELECT 'net soon'::o2c.payment_terms;

-- The three readings of the first, for an invoice of the last of January.
SELECT t AS terms, o2c.due_date(t, '2024-01-31')
FROM unnest(ARRAY['30 days then EOM', 'EOM then 30 days', '1 month then EOM']::o2c.payment_terms[]) t;
-- Whoever knows which reading a partner means says so.
SELECT o2c.parse_terms('45 jours fin de mois', 'eom_then_days');

-- Two discounts: dates, and the amounts that they save.
SELECT due_on, amount, discount_1_until, discount_1_amount, discount_2_until, discount_2_amount
FROM o2c.schedule('3/10, 2/20, n/30', '2024-01-31', 1190.00, 'EUR');

-- A deposit, then two instalments; together they are the amount.
SELECT instalment, due_on, amount, discount_1_until, discount_1_amount
FROM o2c.schedule('30% PIA; 33.33% @ 2/10 net 30; balance @ 10th 2nd prox', '2024-01-31', 1000.01, 'EUR');
SELECT o2c.prepaid_amount('30% PIA, balance net 30', 1000.01, 'EUR'), o2c.is_prepayment('30% PIA, balance net 30'), o2c.is_prepayment('CIA');

-- A rule is a list of steps: cut-off, months, days, EOM, days, day of the month.
SELECT b AS invoiced, o2c.due_date('cutoff 12, +1 month, day 20', b) AS due_on
FROM unnest('{2024-08-10,2024-08-15,2024-12-31}'::date[]) b;

-- Debtors who pay on two days of the month; a due date that falls on a day off.
SELECT o2c.due_date('net 30 then pay on 5, 20', '2024-01-10') AS pay_run,
       o2c.due_date('net 30 modified following', '2024-05-30') AS saturday_at_month_end,
       o2c.due_date('net 30 following', '2024-11-25', holidays => '{2024-12-25,2024-12-26}') AS christmas;

-- Equal terms are equal, however they were written.
SELECT terms, count(*) FROM unnest(ARRAY['net 30', '30 days', 'n/30', 'EOM', 'CM']::o2c.payment_terms[]) terms GROUP BY terms ORDER BY terms;

-- Codes for documents that are exchanged.
SELECT t AS terms, o2c.terms_code(t, 'X12 336') AS x12, o2c.terms_code(t, 'EDIFACT 4279') AS edifact, o2c.base_event(t)
FROM unnest(ARRAY['net 30', '2/10 net 30', '10 EOM', '10th prox', '30/60 days', 'net 30 from delivery']::o2c.payment_terms[]) t;

SELECT * FROM o2c.schedule('net 30', '2024-01-31', 'NaN', 'EUR');
SELECT o2c.due_date('net 30', 'infinity');
