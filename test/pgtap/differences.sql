-- Differences between what is paid and what is owed: references, discounts, tolerance, deductions, overpayments, bank charges.
BEGIN;
SELECT plan(19);
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

SELECT is_empty('SELECT * FROM o2c.verify()', 'the books agree');
SELECT * FROM finish();
ROLLBACK;
