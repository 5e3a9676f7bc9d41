-- A company whose customers pay: open items and payments as they look in life,
-- through the public doors, and the truth about each payment.
--
--   \set seed 1  \set items 100000  \set payments 50000
--   \i bench/match.sql
--
-- Everything is drawn from hashes of the seed, so a seed always makes the same
-- books.  The books are those of one morning, 2025-06-30: items from months
-- back, none younger than a week, and the payments of the five days before.
--
-- Schema truth is the generator's, and nothing in it is known to the engine:
--   truth.payment   what is behind each payment: its class; decidable, whether
--                   what it carries and the books leave one explanation;
--                   loose, whether it may be any of equal items (it names none)
--   truth.pays      payment -> invoice, cash, discount, tolerance
-- Decidable is computed from what the generator put into the payment, not by
-- reading its text.  What is certain about a payer: the customer is given, or
-- the account is that of one group, or the name is, but for case, legal form
-- and umlauts, that of one group.  Then a payment is decidable if
--   - its invoices are named in full, in any notation, and the amount is
--     exactly what is due for them, perhaps less discounts in time; or
--   - one invoice is named so, the payer is certain and of its group, the
--     amount is not that, and not exactly what is due for another item; or
--   - nothing (or something garbled) is named, the payer is certain, and the
--     amount is due for exactly one item of the payer, or else of its group, or
--     for all its items, or, with no more than twenty, for exactly one subset.
-- A payment whose evidence says clearly something else than its truth (a typing
-- error that makes another invoice of the payer with the same amount) would be
-- wrong with everybody; such payments are not made, and counted in truth.misled.

CREATE SCHEMA truth;
REVOKE ALL ON SCHEMA truth FROM PUBLIC;
CREATE TABLE truth.books AS SELECT date '2025-06-30' AS today, :seed::bigint AS seed;

-- a number from 0 to 1 for a key and a purpose
SELECT format('CREATE FUNCTION truth.u(key bigint, purpose bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS
               ''SELECT (hashint8extended(key, %s + purpose) >> 12 & 4503599627370495) / 4503599627370496.0''', :seed::bigint * 1000) \gexec
CREATE FUNCTION truth.pick(list text[], u float8) RETURNS text LANGUAGE sql IMMUTABLE AS
'SELECT list[1 + floor(u * cardinality(list))::int]';
-- an account number of 22 characters, IBAN-like
CREATE FUNCTION truth.account(key bigint, purpose bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT 'DE' || lpad((10 + floor(truth.u(key, purpose) * 89))::text, 2, '0') || lpad(floor(truth.u(key, purpose + 1) * 1e9)::text, 9, '0') || lpad(key::text, 9, '0') $$;

-- customers: few have many items, every eleventh belongs to another one, every eighth is invoiced the same amount each month
CREATE TABLE truth.customer AS
WITH size AS (
    SELECT i, least(400, floor((1 - truth.u(i, 1)) ^ (-1 / 1.05)))::int AS n
    FROM generate_series(1, :items) i
), counted AS (
    SELECT i, n, sum(n) OVER (ORDER BY i) AS upto FROM size
)
SELECT i, least(n, :items - (upto - n))::int AS n, (20000 + i)::text AS code,
       CASE WHEN i > 20 AND i % 10 <> 0 AND truth.u(i, 2) < 0.09 THEN 10 * (1 + floor(truth.u(i, 3) * (i / 10 - 1)))::int END AS parent,
       truth.pick('{Nor,Bel,Tra,Kel,Mor,Fen,Gra,Hal,Jun,Lor,Mün,Ost,Pra,Ris,Sel,Tön,Ur,Vel,Wes,Zan,Brü,Dor,El,Fal}', truth.u(i, 4))
           || truth.pick('{vik,hold,mark,tek,van,dal,stein,bach,lund,rand,gard,tal,bau,lin,mar,nau,ros,sta,tor,wald,feld,löh,kamp,see}', truth.u(i, 5))
           || truth.pick('{"","",er,in," & Lund"," & Söhne",a,o}', truth.u(i, 6)) AS stem,
       truth.pick('{Logistik,Bau,Foods,Metall,Handel,Systeme,Textil,Medizintechnik,Energie,Verlag,Chemie,Holz,Elektro,Services,Papier,Automotive,Consulting,Pharma,Möbel,Druck}', truth.u(i, 7)) AS sector,
       truth.pick('{GmbH,GmbH,GmbH,"GmbH & Co. KG",AG,KG,Ltd,Ltd.,S.A.,B.V.,Inc.,e.K.,OHG,SARL,S.p.A.,A/S,""}', truth.u(i, 8)) AS legal,
       truth.pick('{Leipzig,Lyon,Graz,Bremen,Utrecht,Köln,Turin,Aarhus,Basel,Leeds}', truth.u(i, 9)) AS city,
       truth.account(i, 10) AS account, truth.u(i, 12) < 0.75 AS account_known,
       truth.u(i, 13) < 0.12 AND n <= 24 AS recurring,
       (ARRAY[14, 30, 30, 30, 60])[1 + floor(truth.u(i, 14) * 5)::int] AS days,
       CASE WHEN truth.u(i, 15) < 0.35 THEN (ARRAY[2, 2, 3])[1 + floor(truth.u(i, 16) * 3)::int] END AS discount_percent,
       floor(truth.u(i, 17) * 5)::int AS series
FROM counted WHERE upto - n < :items;
ALTER TABLE truth.customer ADD PRIMARY KEY (i), ADD group_i int, ADD base text, ADD name text, ADD name_groups int;
UPDATE truth.customer c SET parent = NULL WHERE parent IS NOT NULL AND NOT EXISTS (SELECT FROM truth.customer p WHERE p.i = c.parent);
UPDATE truth.customer c SET group_i = coalesce(c.parent, c.i),
       base = coalesce((SELECT p.stem || ' ' || p.sector FROM truth.customer p WHERE p.i = c.parent) || ' ' || c.city, c.stem || ' ' || c.sector);
UPDATE truth.customer c SET name = trim(c.base || ' ' || c.legal), name_groups = n.groups
FROM (SELECT base, count(DISTINCT group_i) AS groups FROM truth.customer GROUP BY base) n WHERE n.base = c.base;
CREATE INDEX ON truth.customer (group_i);
CREATE INDEX ON truth.customer (base);
CREATE INDEX ON truth.customer (name);
ANALYZE truth.customer;

-- items: lognormal amounts, a fifth of them round; numbers run on by date, in five notations
CREATE TABLE truth.item AS
WITH drawn AS (
    SELECT c.i, k, c.i::bigint * 1000 + k AS key, c.days, c.discount_percent, c.series,
           CASE WHEN c.recurring THEN date '2025-06-15' - 30 * k - floor(truth.u(c.i, 20) * 20)::int
                ELSE date '2025-06-23' - floor(truth.u(c.i::bigint * 1000 + k, 21) ^ 2.2 * 150)::int END AS invoiced_on,
           CASE WHEN c.recurring AND truth.u(c.i::bigint * 1000 + k, 22) < 0.9 THEN c.i ELSE c.i::bigint * 1000 + k END AS amount_key
    FROM truth.customer c, generate_series(1, c.n) k
), priced AS (
    SELECT d.*, exp(6.5 + 1.2 * sqrt(-2 * ln(1 - truth.u(amount_key, 23))) * cos(2 * pi() * truth.u(amount_key, 24))) AS raw FROM drawn d
)
SELECT row_number() OVER (ORDER BY key)::int AS item, i, invoiced_on, invoiced_on + days AS due_on, series, days, discount_percent,
       CASE WHEN truth.u(amount_key, 25) < 0.2 THEN 50 * greatest(1, round(raw / 50)) ELSE greatest(1, round(raw::numeric, 2)) END::numeric AS amount,
       row_number() OVER (PARTITION BY series ORDER BY invoiced_on, key)::int AS seq, extract(year FROM invoiced_on)::int AS year
FROM priced;
ALTER TABLE truth.item ADD PRIMARY KEY (item), ADD number text, ADD discount_until date, ADD discount numeric NOT NULL DEFAULT 0;
UPDATE truth.item t SET
    number = CASE series WHEN 0 THEN format('INV-%s-%s', year, lpad(seq::text, 6, '0')) WHEN 1 THEN (40000 + seq)::text WHEN 2 THEN format('RE%s/%s', year, seq)
                         WHEN 3 THEN format('R%s-%s', year % 100, lpad(seq::text, 5, '0')) ELSE year || lpad((600000 + seq)::text, 6, '0') END,
    discount_until = CASE WHEN discount_percent IS NOT NULL AND round(amount * discount_percent / 100, 2) > 0 THEN invoiced_on + 14 END,
    discount = CASE WHEN discount_percent IS NOT NULL THEN round(amount * discount_percent / 100, 2) ELSE 0 END;
CREATE INDEX ON truth.item (i);
CREATE INDEX ON truth.item (number);
ANALYZE truth.item;

-- payments: each customer pays items in the order of their dates, more or less, one or some at a time
CREATE TABLE truth.draft AS
WITH try AS (
    SELECT c.i, k, c.i::bigint * 1000 + k AS key,
           CASE WHEN c.n > 2 AND truth.u(c.i::bigint * 1000 + k, 30) < 0.17 THEN 2 + floor(truth.u(c.i::bigint * 1000 + k, 31) ^ 2 * 7)::int ELSE 1 END AS size
    FROM truth.customer c, generate_series(1, c.n) k
), counted AS (
    SELECT t.*, sum(size) OVER (PARTITION BY i ORDER BY k) AS upto FROM try t
), enough AS (
    SELECT t.* FROM counted t JOIN truth.customer c USING (i) WHERE t.upto <= greatest(1, 0.8 * c.n)
    ORDER BY truth.u(key, 32) LIMIT round(:payments * 0.94)
)
SELECT row_number() OVER (ORDER BY e.key) AS payment, e.key, e.i, e.size, e.upto FROM enough e;
CREATE TABLE truth.pays AS
SELECT d.payment, t.item, t.amount AS cash, 0::numeric AS discount, 0::numeric AS tolerance
FROM truth.draft d
JOIN (SELECT t.*, row_number() OVER (PARTITION BY i ORDER BY invoiced_on + floor(truth.u(item, 33) * 45)::int, item) AS place FROM truth.item t) t
    ON t.i = d.i AND t.place BETWEEN d.upto - d.size + 1 AND d.upto;
CREATE INDEX ON truth.pays (payment);
ANALYZE truth.draft, truth.pays;

CREATE TABLE truth.payment AS
SELECT d.payment, d.key, d.i, d.size, t.item, t.in_time, t.late, t.discount AS total_discount, t.amount AS full_amount,
       date '2025-06-30' - floor(truth.u(d.key, 40) * 4)::int - 1 AS received_on,
       truth.u(d.key, 41) AS draw, c.parent, NULL::text AS class, d.i AS payer_i, false AS named, false AS garbled, NULL::numeric AS amount,
       NULL::text AS reference, NULL::text AS customer, NULL::text AS payer_name, NULL::text AS payer_account, NULL::text AS told,
       false AS certain, false AS decidable, true AS loose, false AS misled
FROM truth.draft d JOIN truth.customer c USING (i)
JOIN (SELECT payment, min(item) AS item, sum(amount) AS amount, sum(CASE WHEN discount_until >= date '2025-06-29' THEN t.discount ELSE 0 END) AS discount,
             bool_or(discount_until >= date '2025-06-29') AS in_time, bool_or(discount_until < date '2025-06-26') AS late
      FROM truth.pays p JOIN truth.item t USING (item) GROUP BY payment) t USING (payment);
ANALYZE truth.payment;
-- the classes; what draws a discount is paid less it, mostly
UPDATE truth.payment SET class = CASE
    WHEN size > 1 AND draw < 0.65 THEN 'many, named' WHEN size > 1 THEN 'many, not named'
    WHEN parent IS NOT NULL AND draw < 0.5 THEN 'parent pays'
    WHEN in_time AND draw > 0.3 THEN 'discount'
    WHEN draw < 0.25 THEN 'reference' WHEN draw < 0.45 THEN 'reference in text' WHEN draw < 0.61 THEN 'reference mangled' WHEN draw < 0.81 THEN 'amount only'
    WHEN draw < 0.84 THEN 'short' WHEN draw < 0.87 THEN 'tolerance' WHEN draw < 0.91 THEN 'over' WHEN draw < 0.96 THEN 'other name' ELSE 'duplicate' END;
UPDATE truth.payment SET received_on = least(received_on, date '2025-06-28') WHERE in_time OR class = 'duplicate';
UPDATE truth.payment p SET class = 'amount only, equal items'
WHERE class = 'amount only' AND EXISTS (SELECT FROM truth.item a JOIN truth.item b USING (i) WHERE a.item = p.item AND b.item <> a.item AND b.amount = a.amount);

-- what is paid
UPDATE truth.pays y SET cash = y.cash - t.discount, discount = t.discount
FROM truth.payment p, truth.item t
WHERE p.payment = y.payment AND t.item = y.item AND t.discount_until >= p.received_on
  AND (p.class = 'discount' OR (p.class LIKE 'many%' AND truth.u(p.key, 42) < 0.8));
UPDATE truth.pays y SET tolerance = greatest(0.01, round(0.9 * truth.u(p.key, 43)::numeric * least(1, 0.01 * t.amount), 2)),
       cash = t.amount - greatest(0.01, round(0.9 * truth.u(p.key, 43)::numeric * least(1, 0.01 * t.amount), 2))
FROM truth.payment p, truth.item t WHERE p.payment = y.payment AND t.item = y.item AND p.class = 'tolerance' AND t.amount > 1;
UPDATE truth.pays y SET cash = CASE WHEN p.late AND t.discount > 1 AND truth.u(p.key, 44) < 0.7 THEN t.amount - t.discount
                                    ELSE greatest(0.01, round(t.amount * (0.2 + 0.7 * truth.u(p.key, 45))::numeric, 2)) END
FROM truth.payment p, truth.item t WHERE p.payment = y.payment AND t.item = y.item AND p.class = 'short';
UPDATE truth.payment p SET amount = y.cash + CASE WHEN p.class = 'over' THEN CASE WHEN truth.u(p.key, 46) < 0.3 THEN y.cash ELSE 1 + round((truth.u(p.key, 47) * 0.2)::numeric * y.cash, 2) END ELSE 0 END
FROM (SELECT payment, sum(cash) AS cash FROM truth.pays GROUP BY payment) y WHERE y.payment = p.payment;

-- who pays, and how it shows: the customer is given, the account is known or not, the name is written well, badly or not at all
UPDATE truth.payment SET payer_i = parent WHERE class = 'parent pays';
UPDATE truth.payment p SET told = CASE
    WHEN p.class = 'other name' THEN 'other'
    WHEN truth.u(key, 50) < 0.2 AND p.class <> 'parent pays' THEN 'customer'
    WHEN c.account_known AND truth.u(key, 50) < 0.75 THEN 'account'
    WHEN truth.u(key, 51) < 0.7 THEN 'name' WHEN truth.u(key, 51) < 0.9 THEN 'typo' ELSE 'nobody' END
FROM truth.customer c WHERE c.i = p.payer_i;
CREATE FUNCTION truth.garbled_name(name text, u float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN u < 0.35 THEN overlay(name PLACING '' FROM 2 + floor(u * 10)::int FOR 1)
                WHEN u < 0.65 THEN left(name, 2) || substr(name, 4, 1) || substr(name, 3, 1) || substr(name, 5)
                WHEN u < 0.85 THEN overlay(name PLACING 'x' FROM 4 FOR 1) ELSE left(name, 8) END $$;
UPDATE truth.payment p SET
    customer = CASE WHEN told = 'customer' THEN c.code END,
    payer_account = CASE WHEN told = 'other' AND truth.u(p.key, 62) < 0.4 THEN truth.account(900000000 + p.i % 7, 63)
                         WHEN told = 'account' THEN CASE WHEN truth.u(p.key, 52) < 0.3 THEN lower(regexp_replace(c.account, '(.{4})', '\1 ', 'g')) ELSE c.account END
                         WHEN truth.u(p.key, 53) < 0.8 THEN truth.account(p.key % 1000000000, 54) END,
    payer_name = CASE WHEN told = 'nobody' THEN NULL
                      WHEN told = 'other' THEN CASE WHEN truth.u(p.key, 56) < 0.5 THEN (SELECT o.name FROM truth.customer o WHERE o.i = 1 + floor(truth.u(p.key, 57) * (SELECT max(i) FROM truth.customer))::int)
                                                    ELSE truth.pick('{"Forderungsbank Nord AG","Zahlwerk GmbH","Haus & Grund Verwaltung","Payline Europe S.A."}', truth.u(p.key, 58)) END
                      WHEN told = 'typo' OR (told = 'account' AND truth.u(p.key, 59) < 0.1) THEN truth.garbled_name(c.name, truth.u(p.key, 60))
                      ELSE CASE floor(truth.u(p.key, 61) * 6)::int WHEN 0 THEN upper(c.name) WHEN 1 THEN c.base WHEN 2 THEN upper(replace(replace(replace(c.name, 'ü', 'ue'), 'ö', 'oe'), 'ä', 'ae'))
                           WHEN 3 THEN lower(c.base) WHEN 4 THEN replace(c.name, '.', '') ELSE c.name END END,
    -- certain: one group only
    certain = CASE told WHEN 'customer' THEN true WHEN 'account' THEN true WHEN 'name' THEN c.name_groups = 1 ELSE false END
FROM truth.customer c WHERE c.i = p.payer_i;

-- numbers as payers write them: 0-4 say the number, 5 and 6 leave something out, the rest is garbled
CREATE FUNCTION truth.mangle(number text, how int, u float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE how WHEN 0 THEN lower(number) WHEN 1 THEN regexp_replace(number, '[-/]', '', 'g') WHEN 2 THEN regexp_replace(number, '[-/]', ' ', 'g')
                    WHEN 3 THEN regexp_replace(number, '-0+', '-') WHEN 4 THEN regexp_replace(number, '[-/]', '.', 'g')
                    WHEN 5 THEN regexp_replace(number, '^[A-Z]+-?', '') WHEN 6 THEN regexp_replace(number, '^.*[-/]', '')
                    -- neighbours swapped, a digit wrong, letters for digits, a line break inside
                    WHEN 7 THEN left(number, -2) || reverse(right(number, 2)) WHEN 8 THEN left(number, -1) || (right(number, 1)::int + 1 + floor(u * 9)::int) % 10
                    WHEN 9 THEN translate(number, '01', 'OI') ELSE left(number, -2) || ' ' || right(number, 2) END $$;
CREATE TABLE truth.mention AS
SELECT y.payment, y.item, t.number, how, truth.mangle(t.number, how, truth.u(y.item, 65)) AS written,
       how BETWEEN 0 AND 4 OR truth.mangle(t.number, how, 0) = t.number AND how < 7 AS plain
FROM truth.pays y JOIN truth.item t USING (item) JOIN truth.payment p USING (payment)
CROSS JOIN LATERAL (SELECT CASE WHEN p.class = 'reference mangled' THEN floor(truth.u(p.key, 66) * 11)::int
                                WHEN p.class = 'reference' THEN 4 WHEN truth.u(p.key, 67) < 0.15 THEN floor(truth.u(p.key, 66) * 4)::int ELSE -1 END) h (how)
WHERE p.class IN ('reference', 'reference in text', 'reference mangled', 'many, named', 'short', 'tolerance', 'over', 'duplicate')
   OR (p.class = 'other name' AND truth.u(p.key, 68) < 0.8) OR (p.class IN ('parent pays', 'discount') AND truth.u(p.key, 68) < 0.75);
UPDATE truth.mention SET written = number, plain = true WHERE how = -1 OR (how = 4 AND payment IN (SELECT payment FROM truth.payment WHERE class = 'reference'));
UPDATE truth.payment p SET named = m.plain, garbled = NOT m.plain, loose = false
FROM (SELECT payment, bool_and(plain) AS plain FROM truth.mention GROUP BY payment) m WHERE m.payment = p.payment;

-- the text on the statement
UPDATE truth.payment p SET reference = CASE WHEN p.class = 'reference' THEN m.list
    WHEN truth.u(p.key, 70) < 0.25 AND p.size = 1 THEN m.list
    ELSE replace(replace(replace(replace(truth.pick(
        '{"Rechnung # vom @","RE-NR # KD-NR % DANKE","payment of invoice #, thank you","SVWZ+# EREF+NOTPROVIDED","Überweisung für # Betrag $","# abzgl. Skonto","Rg. # v. @ Kd.Nr. %",
          "Invoice no. # / $ EUR","KUNDE % BELEG # DATUM @","facture # du @","/INV/# @","Zahlung # gem. Vereinbarung 2025"}', truth.u(p.key, 71)),
        '#', m.list), '@', to_char(p.received_on - floor(truth.u(p.key, 72) * 60)::int, CASE WHEN truth.u(p.key, 73) < 0.5 THEN 'DD.MM.YYYY' ELSE 'YYYY-MM-DD' END)),
        '%', c.code), '$', translate(to_char(p.amount, 'FM999,999,990.00'), ',.', '.,')) END
FROM (SELECT m.payment, string_agg(m.written, truth.pick('{", "," + ","; "," und "," / ",","}', truth.u(m.payment, 74)) ORDER BY m.item) AS list FROM truth.mention m GROUP BY m.payment) m,
     truth.customer c
WHERE m.payment = p.payment AND c.i = p.i;
UPDATE truth.payment p SET reference = replace(replace(truth.pick('{"Zahlung","","Miete und Service","RECHNUNGEN @","diverse Rechnungen","Kd-Nr. %","payment","offene Posten Juni 2025","SVWZ+ZAHLUNG LT. AUFSTELLUNG","Abschlag @"}', truth.u(p.key, 75)),
        '@', to_char(p.received_on, 'MM/YYYY')), '%', c.code)
FROM truth.customer c WHERE c.i = p.i AND p.reference IS NULL;
-- a statement has room for 140 characters: a number that is cut off is not named
UPDATE truth.payment SET reference = left(reference, 140), named = false, garbled = true WHERE length(reference) > 140;

-- paid twice: the same again two days later
INSERT INTO truth.payment (payment, key, i, size, item, received_on, class, payer_i, named, garbled, amount, reference, customer, payer_name, payer_account, told, certain, loose)
SELECT payment + 1000000, key, i, 0, item, received_on + 1 + floor(truth.u(key, 80) * 2)::int, 'duplicate, second', payer_i, named, garbled, amount, reference, customer, payer_name, payer_account, told, certain, false
FROM truth.payment WHERE class = 'duplicate';
-- what is no customer's payment
INSERT INTO truth.payment (payment, key, i, size, received_on, class, amount, reference, payer_name, payer_account, told)
SELECT 2000000 + k, -k, 0, 0, date '2025-06-26' + k % 4, 'noise',
       CASE WHEN truth.u(-k, 81) < 0.4 THEN 50 * (1 + floor(truth.u(-k, 82) * 40)) ELSE round(exp(4 + 3 * truth.u(-k, 83))::numeric, 2) END,
       replace(replace(truth.pick('{"ERSTATTUNG VERTRAG #","Gehalt @","refund order #","Steuernr. # Guthaben","Zinsen @","Policennummer #","insurance claim # settled","GUTSCHRIFT RETOURE","Spende","Kaution Objekt #"}', truth.u(-k, 84)),
           '#', (30000 + floor(truth.u(-k, 85) * CASE WHEN truth.u(-k, 86) < 0.5 THEN 60000 ELSE 9e6 END))::bigint::text), '@', '06/2025'),
       truth.pick('{"Finanzkasse Mitte","Versicherung Nordlicht AG","Stadtwerke Talheim","Kartenabrechnung Europa","Anwaltskanzlei Rechtsfreund",NULL}', truth.u(-k, 87)), truth.account(k, 88), 'nobody'
FROM generate_series(1, round(:payments * 0.04)::int) k;
ALTER TABLE truth.payment ADD PRIMARY KEY (payment);

-- What the evidence says.  Options of a group: each item in full, or less its discount while that lasts.
CREATE TABLE truth.option AS
SELECT c.group_i, t.item, t.i, t.number, o.amount, o.until
FROM truth.item t JOIN truth.customer c USING (i)
CROSS JOIN LATERAL (SELECT t.amount, date '9999-01-01' UNION ALL SELECT t.amount - t.discount, t.discount_until WHERE t.discount_until IS NOT NULL) o (amount, until);
CREATE INDEX ON truth.option (group_i, amount);
CREATE INDEX ON truth.option (number);
CREATE INDEX ON truth.mention (payment);
ANALYZE truth.payment, truth.option, truth.mention, truth.pays;
CREATE TABLE truth.evidence AS
SELECT p.payment, g.group_i, coalesce(h.hits, 0) AS hits, coalesce(h.right_hits, 0) AS right_hits, h.own_hits, h.own_right_hits, o.n, o.total, o.net,
       -- a garbled number that is another invoice: of the group (with any amount), or of anybody with just this amount
       EXISTS (SELECT FROM truth.mention m JOIN truth.option x ON x.number = m.written AND x.item <> m.item
               WHERE m.payment = p.payment AND NOT m.plain AND x.group_i = g.group_i) AS names_other,
       EXISTS (SELECT FROM truth.mention m JOIN truth.option x ON x.number = m.written AND x.item <> m.item
               WHERE m.payment = p.payment AND NOT m.plain AND x.amount = p.amount) AS proves_other
FROM truth.payment p
JOIN truth.customer g ON g.i = p.payer_i
CROSS JOIN LATERAL (SELECT count(*) AS hits, count(*) FILTER (WHERE y.item IS NOT NULL) AS right_hits,
                           count(*) FILTER (WHERE x.i = p.payer_i) AS own_hits, count(*) FILTER (WHERE x.i = p.payer_i AND y.item IS NOT NULL) AS own_right_hits
                    FROM truth.option x
                    LEFT JOIN truth.pays y ON y.payment = p.payment AND y.item = x.item AND p.size = 1
                    WHERE x.group_i = g.group_i AND x.amount = p.amount AND x.until >= p.received_on) h
LEFT JOIN LATERAL (SELECT count(*) AS n, sum(x.amount) AS total, sum(x.amount - CASE WHEN x.discount_until >= p.received_on THEN x.discount ELSE 0 END) AS net
                    FROM truth.item x JOIN truth.customer c USING (i) WHERE c.group_i = g.group_i) o ON p.size > 1 AND NOT p.named;
ALTER TABLE truth.evidence ADD PRIMARY KEY (payment);
CREATE TABLE truth.subset AS
SELECT p.payment, f.status
FROM truth.payment p JOIN truth.evidence e USING (payment)
CROSS JOIN LATERAL (SELECT array_agg(x.amount ORDER BY x.item) AS amounts, array_agg(CASE WHEN x.discount_until >= p.received_on THEN x.amount - x.discount END ORDER BY x.item) AS discounted
                    FROM truth.item x JOIN truth.customer c USING (i) WHERE c.group_i = e.group_i) a
CROSS JOIN LATERAL o2c.find_subset(a.amounts, p.amount, 0, a.discounted) f
WHERE p.size > 1 AND NOT p.named AND p.certain AND e.n <= 20;

UPDATE truth.payment p SET decidable = CASE
    WHEN p.named AND p.class NOT IN ('short', 'tolerance', 'over') THEN true
    WHEN p.named THEN p.certain AND e.hits = 0
    WHEN NOT p.certain OR e.names_other THEN false
    WHEN p.size = 1 THEN CASE WHEN e.own_hits > 0 THEN e.own_hits = 1 AND e.own_right_hits = 1 ELSE e.hits = 1 AND e.right_hits = 1 END
    ELSE e.hits = 0 AND (p.amount IN (e.total, e.net) AND p.size = e.n OR coalesce((SELECT s.status = 'unique' FROM truth.subset s WHERE s.payment = p.payment), false)) END
FROM truth.evidence e WHERE e.payment = p.payment AND p.size > 0;
-- the evidence says something else
UPDATE truth.payment p SET misled = true
FROM truth.evidence e WHERE e.payment = p.payment AND p.size > 0
  AND (e.proves_other
       OR (NOT p.named AND e.hits > 0 AND (e.right_hits = 0 OR (e.own_hits = 1 AND e.own_right_hits = 0)))
       OR (NOT p.named AND p.told = 'other' AND EXISTS (
               SELECT FROM truth.customer c JOIN truth.option x ON x.group_i = c.group_i AND x.amount = p.amount WHERE c.name = p.payer_name AND x.item <> p.item)));
-- several groups bear the name on it, and another one has such an item
UPDATE truth.payment p SET misled = true
FROM truth.customer c WHERE c.i = p.payer_i AND p.told = 'name' AND NOT p.named AND c.name_groups > 1
  AND EXISTS (SELECT FROM truth.customer d JOIN truth.option x ON x.group_i = d.group_i AND x.amount = p.amount WHERE d.base = c.base AND d.group_i <> c.group_i);
CREATE TABLE truth.misled AS SELECT class, count(*) AS payments FROM truth.payment WHERE misled GROUP BY class;
DELETE FROM truth.pays WHERE payment IN (SELECT payment FROM truth.payment WHERE misled);
DELETE FROM truth.payment WHERE misled OR (class = 'duplicate, second' AND payment - 1000000 IN (SELECT payment FROM truth.payment WHERE misled));

-- through the doors
SELECT o2c.create_company('Bench ' || :'seed', 'EUR') AS company \gset
SET o2c.company = :company;
UPDATE o2c.cash_policy SET tolerance_amount = 1, tolerance_percent = 1 WHERE company_id = :company;
INSERT INTO o2c.customer (code, name) SELECT code, name FROM truth.customer WHERE parent IS NULL ORDER BY i;
INSERT INTO o2c.customer (code, name, parent_customer_id)
SELECT c.code, c.name, k.customer_id FROM truth.customer c JOIN truth.customer p ON p.i = c.parent JOIN o2c.customer k ON k.company_id = :company AND k.code = p.code ORDER BY c.i;
INSERT INTO o2c.customer_account (account, customer_id, name)
SELECT c.account, k.customer_id, c.name FROM truth.customer c JOIN o2c.customer k ON k.company_id = :company AND k.code = c.code WHERE c.account_known;
-- some pay through accounts that are many customers'
INSERT INTO o2c.customer_account (account, customer_id, name)
SELECT DISTINCT p.payer_account, k.customer_id, p.payer_name
FROM (SELECT DISTINCT ON (payer_account, i) * FROM truth.payment WHERE told = 'other' AND payer_account LIKE '%90000000_' ORDER BY payer_account, i, payment) p
JOIN truth.customer c USING (i) JOIN o2c.customer k ON k.company_id = :company AND k.code = c.code;
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, discount_until, discount_amount)
SELECT t.number, c.code, t.invoiced_on, t.due_on, t.amount, t.discount_until, CASE WHEN t.discount_until IS NOT NULL THEN t.discount END
FROM truth.item t JOIN truth.customer c USING (i) ORDER BY t.invoiced_on, t.item;
INSERT INTO o2c.payment_import (reference, customer, received_on, amount, currency, payer_name, payer_account, provider, provider_reference)
SELECT reference, customer, received_on, amount, 'EUR', payer_name, payer_account, 'bank', payment FROM truth.payment ORDER BY received_on, truth.u(payment, 90);

-- What was applied by itself, beside what is true.  A payment that names no
-- invoice may have been applied to any of equal items.
CREATE VIEW truth.entry AS
SELECT t.payment, coalesce(CASE WHEN NOT t.loose THEN x.number END, x.i || ' ' || trim_scale(x.amount)) || format(': %s %s %s', trim_scale(y.cash), trim_scale(y.discount), trim_scale(y.tolerance)) AS entry,
       1 AS due, 0 AS done
FROM truth.pays y JOIN truth.payment t USING (payment) JOIN truth.item x ON x.item = y.item
UNION ALL
SELECT t.payment, coalesce(CASE WHEN NOT t.loose THEN v.number END, c.i || ' ' || trim_scale(v.total_amount))
       || format(': %s %s %s', trim_scale(sum(a.cash_amount)), trim_scale(sum(a.discount_amount)), trim_scale(sum(a.tolerance_amount + a.writeoff_amount))), 0, 1
FROM truth.payment t
JOIN o2c.payment p ON p.company_id = o2c.current_company() AND p.provider = 'bank' AND p.provider_reference = t.payment::text
JOIN o2c.application a ON a.company_id = p.company_id AND a.credit_item_id = p.item_id
JOIN o2c.open_item o ON o.company_id = p.company_id AND o.item_id = a.debit_item_id
JOIN o2c.invoice v ON v.company_id = p.company_id AND v.invoice_id = o.invoice_id
JOIN o2c.customer k ON k.company_id = p.company_id AND k.customer_id = v.customer_id
JOIN truth.customer c ON c.code = k.code
GROUP BY t.payment, t.loose, v.number, v.total_amount, c.i
HAVING sum(a.cash_amount) <> 0;

-- right: all that is true, nothing else; partly: nothing but what is true; wrong: something that is not true
CREATE VIEW truth.verdict AS
SELECT t.payment, t.class, coalesce(t.decidable, false) AS decidable,
       CASE WHEN coalesce(max(e.done), 0) = 0 THEN 'left' WHEN max(e.done - e.due) > 0 THEN 'wrong' WHEN max(e.due - e.done) > 0 THEN 'partly' ELSE 'right' END AS verdict
FROM truth.payment t
LEFT JOIN (SELECT payment, entry, sum(due) AS due, sum(done) AS done FROM truth.entry GROUP BY payment, entry) e USING (payment)
GROUP BY t.payment, t.class, t.decidable;

CREATE VIEW truth.score AS
SELECT coalesce(class, 'all') AS class, count(*) AS payments, count(*) FILTER (WHERE decidable) AS decidable,
       count(*) FILTER (WHERE verdict = 'right') AS "right", count(*) FILTER (WHERE verdict = 'partly') AS partly,
       count(*) FILTER (WHERE verdict = 'wrong') AS wrong, count(*) FILTER (WHERE verdict = 'left') AS "left",
       round(count(*) FILTER (WHERE verdict = 'right')::numeric / nullif(count(*) FILTER (WHERE verdict <> 'left'), 0), 4) AS "precision",
       round(count(*) FILTER (WHERE decidable AND verdict = 'right')::numeric / nullif(count(*) FILTER (WHERE decidable), 0), 4) AS recall
FROM truth.verdict GROUP BY ROLLUP (class) ORDER BY GROUPING(class), class;

-- the wrong ones, with what was applied and what is right
CREATE VIEW truth.mistake AS
SELECT v.payment, v.class, v.verdict, t.decidable, t.amount, t.told, t.reference, t.payer_name, t.payer_account,
       (SELECT string_agg(e.entry, '; ' ORDER BY e.entry) FROM truth.entry e WHERE e.payment = v.payment AND e.done > 0) AS applied,
       (SELECT string_agg(e.entry, '; ' ORDER BY e.entry) FROM truth.entry e WHERE e.payment = v.payment AND e.due > 0) AS truth
FROM truth.verdict v JOIN truth.payment t USING (payment)
WHERE v.verdict IN ('wrong', 'partly') OR (v.decidable AND v.verdict = 'left');
