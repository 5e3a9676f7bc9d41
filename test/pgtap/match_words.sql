-- Matching: what the words around numbers say, and what lists leave out.
-- Each case has a world of its own: what is owed, what is paid, what becomes of it.
BEGIN;
SELECT plan(74);
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-06-30';
CREATE FUNCTION pg_temp.owe(number text, customer text, amount numeric, invoiced_on date DEFAULT '2026-06-01', currency text DEFAULT NULL) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.customer (code, name) SELECT $2, $2 || ' Trading' WHERE NOT EXISTS (SELECT FROM o2c.customer WHERE code = $2);
  INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ($1, $2, $4, '2026-06-30', $3, $5);
  SELECT o2c.load_invoices()$$;
CREATE FUNCTION pg_temp.credit(number text, customer text, amount numeric) RETURNS void LANGUAGE sql AS $$
WITH v AS (INSERT INTO o2c.invoice (number, customer_id, kind, state, imported, invoiced_on, due_on, currency, line_amount, net_amount, total_amount)
           SELECT $1, c.customer_id, 'credit_note', 'posted', true, '2026-06-01', '2026-06-01', 'EUR', $3, $3, $3 FROM o2c.customer c WHERE c.code = $2 RETURNING *)
INSERT INTO o2c.open_item (customer_id, kind, invoice_id, effective_on, due_on, currency, amount) SELECT v.customer_id, 'credit_note', v.invoice_id, v.invoiced_on, v.due_on, 'EUR', - $3 FROM v $$;
-- what becomes of one payment in a world that is undone: the invoices with cash, or the outcome and why
CREATE FUNCTION pg_temp.fate(given text, amount numeric, reference text, name text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text; id bigint;
BEGIN
    EXECUTE 'SELECT ' || replace(replace(given, 'owe(', 'pg_temp.owe('), 'credit(', 'pg_temp.credit(');
    id := o2c.record_payment(amount, '2026-06-15', reference => reference, payer_name => name);
    PERFORM o2c.match_payments('2026-06-30', id);
    SELECT coalesce((SELECT string_agg(v.number || ' ' || trim_scale(a.cash_amount), ' + ' ORDER BY v.number)
                     FROM o2c.application a JOIN o2c.open_item d ON d.item_id = a.debit_item_id JOIN o2c.invoice v ON v.invoice_id = d.invoice_id
                     WHERE a.credit_item_id = p.item_id),
                    (SELECT concat_ws(', ', r.outcome, substring(r.words FROM 'Not applied: (.*)\.$')) FROM o2c.match_result r WHERE r.payment_id = p.payment_id ORDER BY match_id DESC LIMIT 1))
    INTO said FROM o2c.payment p WHERE p.payment_id = id;
    IF EXISTS (SELECT FROM o2c.verify()) THEN
        said := said || ', and the books do not agree';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = coalesce(said, 'nothing');
EXCEPTION WHEN raise_exception THEN
    RETURN SQLERRM;
END $$;
CREATE TEMP TABLE world (name text, given text);
INSERT INTO world VALUES ('one', $$owe('40938', 'A', 523.45)$$), ('dense', $$owe('1001', 'A', 100.10), owe('1002', 'A', 200.20), owe('1003', 'A', 300.35), owe('1004', 'A', 400.45), owe('1005', 'A', 500.65)$$),
    ('inv', $$owe('INV-2026-00101', 'A', 150), owe('INV-2026-00102', 'A', 270), owe('INV-2026-00103', 'A', 33)$$), ('code', $$owe('C88-0023', 'C88', 210), owe('40938', '40147', 77)$$);
CREATE TEMP TABLE rule (n integer GENERATED ALWAYS AS IDENTITY, world text, amount numeric, reference text, name text, expected text, says text);

-- of an unknown payer a number counts that stands alone or behind words of invoices and of paying
INSERT INTO rule (world, amount, reference, expected, says)
SELECT 'one', 523.45, text, CASE WHEN announced THEN '40938 523.45' ELSE 'suggested, the text does not say that it is an invoice, and the payer is not known' END, CASE WHEN announced THEN 'announced: ' ELSE 'not announced: ' END || text
FROM (VALUES ('40938', true), ('Rechnung 40938', true), ('Rechnungsnr. 40938 vom 01.06.2026', true), ('payment of invoice no. 40938, thank you', true), ('ÜBERWEISUNG RG 40938', true), ('Zahlung für 40938', true),
             ('40938 Hans Meier', true), ('KD-NR 77123 RG 40938', true), ('KD-NR 77123, 40938', true), ('order 40938', false), ('Police 7 / Objekt 40938', false), ('ticket 40938', false), ('our invoice 40938', false), ('Unsere Rechnung 40938', false),
             ('Tel 0431 40938', false), ('MREF+40938', false), ('Hans Meier, 40938 Kiel', false)) v (text, announced);
-- of no payer a text that speaks of another purpose
INSERT INTO rule (world, amount, reference, name, expected, says)
SELECT 'one', 523.45, text, name, 'suggested, the text says "' || word || '"', 'another purpose: ' || text
FROM (VALUES ('refund of invoice 40938', NULL, 'refund'), ('Rechnung 40938 storniert', NULL, 'storniert'), ('Gutschrift 40938', 'A Trading', 'Gutschrift'), ('Anzahlung RG 40938', 'A Trading', 'Anzahlung'),
             ('Rückzahlung RG 40938', 'A Trading', 'Rückzahlung'), ('prepayment quotation 9', 'A Trading', 'prepayment'), ('credit for invoice 40938', 'A Trading', 'credit'), ('RG 40938 bereits bezahlt', 'A Trading', 'bereits')) v (text, name, word);
INSERT INTO rule (world, amount, reference, name, expected, says) VALUES
    ('one', 523.45, 'SEPA Credit Transfer 40938', 'A Trading', '40938 523.45', 'a credit transfer is how it came'),
    ('one', 523.45, 'Creditor 40938', 'A Trading', '40938 523.45', 'and a creditor is us'),
    ('one', 523.45, 'Notprovided 40938', 'A Trading', '40938 523.45', 'a word that begins like a short one is another'),
    -- what is taken away
    ('one', 523.45, 'without invoice 40938', 'A Trading', 'suggested, the text says what is not paid', 'an invoice that is taken away is not paid'),
    ('one', 523.45, 'alle außer 40938', 'A Trading', 'suggested, the text says what is not paid', 'in German'),
    ('dense', 1201.40, 'all except 1003', 'A Trading', '1001 100.1 + 1002 200.2 + 1004 400.45 + 1005 500.65', 'the others are'),
    ('dense', 1401.65, 'all except 1003', 'A Trading', 'suggested, the text says that it is not paid', 'not where the amount is that of all but another one'),
    ('dense', 200.25, '1003 minus 1001', 'A Trading', 'suggested, the amount does not agree', 'a part less another invoice is for a person'),
    -- what is short or over
    ('one', 500, 'RG 40938 vom 1.6.2026', 'A Trading', '40938 500', 'a date is no other number'),
    ('one', 500, 'RG 40938 2026-06-01', 'A Trading', '40938 500', 'in any order'),
    ('one', 500, 'RG 40938 06/2026', 'A Trading', '40938 500', 'nor is a month'),
    ('one', 500, 'RG 40938 EUR 500,00 2% Skonto', 'A Trading', '40938 500', 'nor an amount, or a percentage'),
    ('one', 500, 'RG 40938 Tel 0431 95243', 'A Trading', '40938 500', 'nor a telephone'),
    ('one', 500, 'Our ref 77-123, invoice 40938', 'A Trading', '40938 500', 'nor what is the payer''s own'),
    ('one', 500, 'A Trading 40938', 'A Trading', '40938 500', 'the payer''s name is no other word'),
    ('one', 600, 'RG 40938', 'A Trading', '40938 523.45', 'more leaves the rest on account'),
    ('one', 500, 'RG 40938 und 40999', 'A Trading', 'suggested, the amount does not agree', 'another number may be what is paid, too'),
    ('one', 500, 'RG 40938 S2005', 'A Trading', 'suggested, the amount does not agree', 'also one that looks like a year behind a letter'),
    ('one', 100, 'Vertrag 40938', 'A Trading', 'suggested, the amount does not agree', 'of something else no part is paid'),
    ('one', 100, 'customer 40938', 'A Trading', 'suggested, the amount does not agree', 'nor of a customer'),
    -- customers' numbers
    ('code', 77, 'Kundennr. 40147', NULL, '40938 77', 'digits that are said to be a customer''s are'),
    ('code', 77, '40147', NULL, 'suggested, the payer is not certain', 'others may be anything'),
    ('code', 210, 'Kd-Nr C88', NULL, 'C88-0023 210', 'a few characters, too'),
    ('code', 150, 'Rechnung C88-0023', NULL, 'suggested, the payer is not known, and the amount does not agree', 'a number within an invoice''s says nothing of who paid'),
    ('code', 150, 'C88 / C88-0023', NULL, 'suggested, the payer is not known, and the amount does not agree', 'nor do three characters by themselves'),
    ('code', 150, 'Kunde C88 Rechnung C88-0023', NULL, 'C88-0023 150', 'unless it stands there as such'),
    -- lists
    ('dense', 1501.75, '1001-1005', 'A Trading', '1001 100.1 + 1002 200.2 + 1003 300.35 + 1004 400.45 + 1005 500.65', 'a range is all that is open between its ends'),
    ('dense', 501, 'invoices 1001 to 1003, thanks', 'A Trading', 'suggested, it is a range of numbers, and the amount does not agree', 'with that amount'),
    ('dense', 600.60, '1002 bis 1003', 'A Trading', 'suggested, it is a range of numbers, and the amount does not agree', 'not with more'),
    ('dense', 600.60, '1003 - 1002', 'A Trading', 'suggested, the amount does not agree', 'the other way round it is none'),
    ('dense', 500.55, '1002, 1003', 'A Trading', '1002 200.2 + 1003 300.35', 'two numbers are two'),
    ('inv', 420, 'INV-2026-00101, 102', 'A Trading', 'INV-2026-00101 150 + INV-2026-00102 270', 'a number in short'),
    ('inv', 453, 'INV-2026-00101 + 2 + 3', 'A Trading', 'INV-2026-00101 150 + INV-2026-00102 270 + INV-2026-00103 33', 'several, in shorter'),
    ('inv', 421, 'INV-2026-00101, 102', 'A Trading', 'suggested, the amount does not agree', 'only with the amount of all'),
    ('inv', 420, 'INV-2026-00101 und INV-2026-00120', 'A Trading', 'INV-2026-00101 150 + INV-2026-00102 270', 'one of a list with a slip, where the rest is as high'),
    ('inv', 420, 'INV-2026-00101 und INV-2026-OO1O2', 'A Trading', 'INV-2026-00101 150 + INV-2026-00102 270', 'or with letters for digits'),
    ('inv', 150, 'ＩＮＶ－２０２６－００１０１', 'A Trading', 'INV-2026-00101 150', 'full width is the same'),
    ('dense', 100.10, '1001 1002', NULL, 'suggested, it does not pay all that it names, and the payer is not known', 'who is not known pays all that he names'),
    -- texts that are hardly any
    ('one', 523.45, '', 'A Trading', '40938 523.45', 'no text'), ('one', 523.45, ' .,;-/ ', 'A Trading', '40938 523.45', 'marks only'), ('one', 523.45, 'é', 'A Trading', '40938 523.45', 'one letter'),
    ('one', 523.45, repeat('ä', 1500) || ' 40938', 'A Trading', '40938 523.45', 'more than is read'), ('one', 523.45, repeat('1 ', 400), 'A Trading', '40938 523.45', 'many numbers');
SELECT is(pg_temp.fate((SELECT given FROM world WHERE name = r.world), r.amount, r.reference, r.name), r.expected, r.says) FROM rule r ORDER BY n;

-- other worlds
SELECT is(pg_temp.fate($$owe('40938', 'A', 523.45), credit('CN-77123', 'A', 23.45)$$, 500, 'RG 40938 abzgl. Gutschrift CN-77123', 'A Trading'), '40938 500', 'a credit note that is netted may be named');
SELECT is(pg_temp.fate($$owe('C1323-0013', 'C1323', 2100)$$, 1500, 'Rechnung C1323-0013', 'Somebody Else'), 'suggested, the payer is not known, and the amount does not agree', 'a customer''s number within an invoice''s is none');
SELECT is(pg_temp.fate($$owe('42025', 'A', 49.90), owe('42325', 'A', 49.90)$$, 49.90, 'Rechnung vom 26.04.2025', 'A Trading'), 'ambiguous, several sets of items have the amount', 'digits of a date are no number');
SELECT is(pg_temp.fate($$owe('1355', 'A', 93.81), owe('1941', 'A', 1402.42)$$, 1496.23, 'Rechnungen 1355,1941', 'A Trading'), '1355 93.81 + 1941 1402.42', 'what looks like a year is a number in a list of them');
SELECT is(pg_temp.fate($$owe('INV-7', 'A', 60), owe('INV-8', 'A', 60, '2026-06-20')$$, 60, NULL, 'A Trading'), 'INV-7 60', 'what was invoiced later is not meant');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
