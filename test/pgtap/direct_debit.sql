-- Direct debits: mandates, what is collected, the message for the bank, what comes back.
BEGIN;
SELECT plan(110);
SELECT o2c.create_company('Müller & Söhne GmbH', 'EUR');
SELECT o2c.create_company('Other', 'USD');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name, email) VALUES ('A', 'Ærø Łódź "Ça va" <Ltd>', 'a@example.com'), ('B', 'Bob', NULL), ('CL', 'Cleared', NULL), ('N', 'No mandate', NULL);
INSERT INTO o2c.customer (code, name, currency) VALUES ('US', 'Dollar', 'USD');
INSERT INTO o2c.cash_policy (customer_id, cleared_only) SELECT customer_id, true FROM o2c.customer WHERE code = 'CL';
CREATE FUNCTION pg_temp.invoice(number text, customer text, amount numeric, due_on date, invoiced_on date DEFAULT '2026-01-01', currency text DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS
'INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ($1, $2, $5, $4, $3, $6); SELECT o2c.load_invoices()';
CREATE FUNCTION pg_temp.open(number text) RETURNS numeric LANGUAGE sql AS
'SELECT trim_scale(sum(i.open_amount)) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE i.company_id = 1 AND v.number = $1';
CREATE FUNCTION pg_temp.find(message text, path text) RETURNS text[] LANGUAGE sql AS
$$SELECT xpath('/d:Document/d:CstmrDrctDbtInitn' || $2, $1::xml, ARRAY[ARRAY['d', (regexp_match($1, 'xmlns="([^"]*)"'))[1]]])::text[]$$;
-- direct debits, in the order of their mandates: customer, collection, amount, type, what became of it
CREATE FUNCTION pg_temp.debits() RETURNS SETOF text LANGUAGE sql AS
$$SELECT concat_ws(' ', c.code, b.collect_on, trim_scale(d.amount), d.sequence_type, p.state, p.clearing)
  FROM o2c.direct_debit d JOIN o2c.direct_debit_batch b USING (company_id, batch_id) JOIN o2c.payment p USING (company_id, payment_id)
  JOIN o2c.customer c ON c.company_id = d.company_id AND c.customer_id = d.customer_id ORDER BY b.batch_id, d.mandate_id$$;
CREATE FUNCTION pg_temp.debit(customer text) RETURNS o2c.direct_debit LANGUAGE sql AS
'SELECT d FROM o2c.direct_debit d JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = $1 ORDER BY d.direct_debit_id DESC LIMIT 1';
CREATE FUNCTION pg_temp.mandate(customer text) RETURNS text LANGUAGE sql AS
'SELECT string_agg(concat_ws('' '', reference, sequence_type, state, last_used_on), '', '' ORDER BY mandate_id) FROM o2c.mandate_in_use WHERE company_id = 1 AND customer = $1';

-- the days that payment systems work on
SELECT results_eq($$SELECT o2c.next_target_day(d) FROM unnest('{2026-03-02,2026-03-07,2026-04-03,2026-04-04,2026-05-01,2026-12-24,2026-12-25,2025-04-18,2024-03-29,2000-04-21,2038-04-23,2027-01-01}'::date[]) d$$,
                  $$VALUES (date '2026-03-02'), ('2026-03-09'), ('2026-04-07'), ('2026-04-07'), ('2026-05-04'), ('2026-12-24'), ('2026-12-28'), ('2025-04-22'), ('2024-04-02'), ('2000-04-25'), ('2038-04-27'), ('2027-01-04')$$,
                  'weekends, Easter, Labour Day, Christmas and New Year are none');
SELECT throws_ok($$SELECT o2c.next_target_day('infinity')$$, 'OC002', NULL, 'nor is the end of days');

-- the characters of SEPA
SELECT results_eq($$SELECT o2c.sepa_text(t) FROM unnest(ARRAY['Müller & Söhne', 'Straße ÄÖÜ', 'Ærø Łódź "Ça va" <Ltd>', E'a\u0308', 'Ελλάδα', E'tab\tand\nline', ' two  blanks ', 'a/b-c?d:e(f)g.h,i''j+k', '', 'ﬁ №5']) t$$,
                  $$VALUES ('Mueller + Soehne'), ('Strasse AeOeUe'), ('Aero Lodz .Ca va. .Ltd.'), ('ae'), ('......'), ('tab.and.line'), ('two blanks'), ('a/b-c?d:e(f)g.h,i''j+k'), (''), ('fi No5')$$,
                  'umlauts are written out, accents go, the rest is a full stop');
SELECT is(o2c.sepa_text(repeat('ä', 100), 70), repeat('ae', 35), 'as long as it may be');
SELECT is(o2c.sepa_text(NULL), NULL, 'nothing stays nothing');

-- mandates
SELECT throws_ok($$SELECT o2c.add_mandate('nobody', 'DE75512108001245126199')$$, 'OC001', NULL, 'no mandate of an unknown customer');
SELECT throws_ok($$SELECT o2c.add_mandate('A', NULL)$$, 'OC002', NULL, 'nor without an account');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126198')$$, 'OC203', NULL, 'nor with a wrong one');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', 'R#1')$$, '23514', NULL, 'nor with a reference that SEPA cannot write');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', '/R')$$, '23514', NULL, 'nor that begins with a slash');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', repeat('R', 36))$$, '23514', NULL, 'nor a long one');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', signed_on => '2026-03-03')$$, 'OC002', NULL, 'nor signed tomorrow');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', signed_on => NULL)$$, 'OC002', NULL, 'nor never');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', scheme => 'COR1')$$, '23514', NULL, 'nor of another scheme');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', sequence_type => 'LAST')$$, '23514', NULL, 'nor another type');
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', bic => 'bank')$$, '23514', NULL, 'nor at no bank');
SELECT o2c.add_mandate('A', 'de75 5121 0800 1245 1261 99', 'A-' || repeat('1', 33), '2026-01-01', bic => 'SOGEDEFF') \g /dev/null
SELECT o2c.add_mandate('B', 'FR1420041010050500013M02606', 'B-1', '2023-03-09', 'b2b', 'rcur', holder => 'Bob''s mother') \g /dev/null
SELECT o2c.add_mandate('CL', 'AT611904300234573201', 'C-1', '2026-01-01', sequence_type => 'OOFF') \g /dev/null
SELECT throws_ok($$SELECT o2c.add_mandate('A', 'DE75512108001245126199', 'B-1')$$, '23505', NULL, 'nor with a reference that is taken');
SELECT is((SELECT account::text FROM o2c.mandate WHERE reference LIKE 'A-%'), 'DE75512108001245126199', 'an account has one form');
SELECT throws_ok($$UPDATE o2c.mandate SET state = 'revoked'$$, 'OC102', NULL, 'a mandate''s state is the engine''s');
SELECT throws_ok($$UPDATE o2c.mandate SET account = 'DE89370400440532013000'$$, 'OC102', NULL, 'its account is a fact');
SELECT throws_ok('DELETE FROM o2c.mandate', 'OC102', NULL, 'and it stays');
SELECT is((SELECT state || ' ' || expires_on FROM o2c.mandate_in_use WHERE customer = 'B'), 'active 2026-03-09', 'a mandate lasts 36 months');

-- whom the money goes to
SELECT throws_ok($$SELECT o2c.direct_debit_file('2026-03-09')$$, 'OC001', NULL, 'there must be an account of ours');
INSERT INTO o2c.bank_account (account, currency, bic, creditor_id) VALUES ('GB29NWBK60161331926819', 'EUR', NULL, NULL), ('DE89370400440532013000', 'EUR', 'COBADEFFXXX', 'DE98ZZZ09999999999'), ('12345', 'EUR', NULL, 'X');
SELECT throws_ok($$SELECT o2c.direct_debit_file('2026-03-09', 'DE75512108001245126199')$$, 'OC001', NULL, 'not any account');
SELECT throws_ok($$SELECT o2c.direct_debit_file('2026-03-09', 'gb29 nwbk 6016 1331 9268 19')$$, 'OC107', NULL, 'one with a creditor identifier');
SELECT throws_ok($$SELECT o2c.direct_debit_file('2026-03-09', '12345')$$, 'OC107', NULL, 'and an IBAN');
SELECT throws_ok('SELECT o2c.direct_debit_file()', 'OC002', NULL, 'on some day');
SELECT throws_ok($$SELECT o2c.direct_debit_file('infinity')$$, 'OC002', NULL, 'that comes');
SELECT pg_temp.invoice('X', 'A', 1, '2026-02-01') \g /dev/null
SELECT throws_ok($$SELECT o2c.direct_debit_file('2026-03-09', version => 'pain.001')$$, 'OC002', NULL, 'in a version that there is');
SELECT throws_ok('SELECT o2c.direct_debit_file(batch => -1)', 'OC001', NULL, 'not a batch that there is not');
SELECT is(o2c.direct_debit_file('2026-01-05'), NULL, 'before anything is due there is no file');
SELECT throws_ok($$SELECT o2c.direct_debit_file('2026-03-09', company_id => 2)$$, 'OC001', NULL, 'nor one of a company without an account');

-- the pre-notification
SELECT pg_temp.invoice('I-1', 'A', 100.10, '2026-03-02'), pg_temp.invoice('I-2', 'A', 20, '2026-03-07'), pg_temp.invoice('I-3', 'B', 7, '2026-03-09'), pg_temp.invoice('I-4', 'CL', 50, '2026-03-05'),
       pg_temp.invoice('I-5', 'N', 9, '2026-03-01'), pg_temp.invoice('I-6', 'A', 30, '2026-03-10'), pg_temp.invoice('I-7', 'A', 30, '2026-03-01', currency => 'USD'), pg_temp.invoice('I-8', 'A', 5, '2026-03-17') \g /dev/null
SELECT is(o2c.announce_direct_debits('2026-02-23'), 5::bigint, 'what is due in 14 days is announced');
SELECT is(o2c.announce_direct_debits('2026-02-23'), 0::bigint, 'once');
SELECT results_eq($$SELECT recipient, body FROM o2c.notification WHERE topic = 'direct_debit' AND body ->> 'invoice' = 'I-2'$$,
                  $$VALUES ('a@example.com', jsonb '{"kind": "invoice", "invoice": "I-2", "amount": 20.00, "currency": "EUR", "mandate": "A-111111111111111111111111111111111", "collect_on": "2026-03-09", "account": "DE75...6199", "creditor_id": "DE98ZZZ09999999999"}')$$,
                  'with the mandate, the amount and the day');
SELECT is(o2c.announce_direct_debits('2026-03-03'), 2::bigint, 'the rest when its time comes');
SELECT throws_ok($$SELECT o2c.announce_direct_debits('infinity')$$, 'OC002', NULL, 'not at the end of days');

-- a file; 7 March is a Saturday
SELECT o2c.direct_debit_file('2026-03-07') AS file \gset
SELECT batch_id AS batch FROM o2c.direct_debit_batch \gset
SELECT results_eq('SELECT * FROM pg_temp.debits()', ARRAY['A 2026-03-09 121.1 FRST applied captured', 'B 2026-03-09 7 RCUR applied captured', 'CL 2026-03-09 50 OOFF pending captured'],
                  'one direct debit for each mandate, of what is due on the collection day');
SELECT is(concat_ws(' ', pg_temp.open('X'), pg_temp.open('I-1'), pg_temp.open('I-2'), pg_temp.open('I-3'), pg_temp.open('I-4'), pg_temp.open('I-5'), pg_temp.open('I-6'), pg_temp.open('I-7')), '0 0 0 0 50 9 30 30',
          'it pays what it collects, unless cleared funds are wanted');
SELECT is((SELECT string_agg(DISTINCT method || ' ' || effective_on, ', ') FROM o2c.application), 'direct_debit 2026-03-09', 'on the collection day');
SELECT results_eq($$SELECT total FROM o2c.aging_report('2026-03-08') WHERE customer = 'B'$$, 'VALUES (7.00)', 'and not before');
SELECT is(o2c.direct_debit_file('2026-03-07'), :'file', 'asked again it is the same file');
SELECT is(o2c.direct_debit_file('2026-03-09'), :'file', 'by its collection day, too');
SELECT is(o2c.direct_debit_file(batch => :batch), :'file', 'and by its batch');
SELECT is(o2c.direct_debit_file('2026-03-08', 'DE89 3704 0044 0532 0130 00'), :'file', 'and for the account');
SELECT is((SELECT count(*) FROM o2c.payment), 3::bigint, 'nothing is collected twice');
SELECT is(pg_temp.mandate('A') || ', ' || pg_temp.mandate('B') || ', ' || pg_temp.mandate('CL'),
          'A-111111111111111111111111111111111 RCUR active 2026-03-09, B-1 RCUR active 2026-03-09, C-1 OOFF completed 2026-03-09', 'the mandates were used');
SELECT bool_and(o2c.is_creditor_reference(end_to_end_id)) AS proven, count(DISTINCT end_to_end_id) AS ids FROM o2c.direct_debit \gset
SELECT is(:'proven' || :ids, 't3', 'each has an end-to-end id with check digits');

-- the message: elements and their order as in the schema, totals, texts
CREATE FUNCTION pg_temp.children(message text, path text) RETURNS text LANGUAGE sql AS
$$SELECT string_agg((regexp_match(c, '^<([A-Za-z]+)'))[1], ' ' ORDER BY n) FROM unnest(pg_temp.find($1, $2 || '/*')) WITH ORDINALITY AS t (c, n)$$;
SELECT ok(:'file' LIKE '<?xml version="1.0" encoding="UTF-8"?>%<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08">%', 'the file says what it is');
SELECT results_eq(format($$SELECT path, pg_temp.children(%L, path) FROM unnest('{"",/d:GrpHdr,/d:GrpHdr/d:InitgPty,/d:PmtInf[1],/d:PmtInf[1]/d:PmtTpInf,/d:PmtInf[1]/d:CdtrSchmeId/d:Id/d:PrvtId/d:Othr,/d:PmtInf[1]/d:DrctDbtTxInf[1],/d:PmtInf[1]/d:DrctDbtTxInf[1]/d:DrctDbtTx/d:MndtRltdInf}'::text[]) AS path$$, :'file'),
    $$VALUES ('', 'GrpHdr PmtInf PmtInf PmtInf'), ('/d:GrpHdr', 'MsgId CreDtTm NbOfTxs CtrlSum InitgPty'), ('/d:GrpHdr/d:InitgPty', 'Nm'),
             ('/d:PmtInf[1]', 'PmtInfId PmtMtd BtchBookg NbOfTxs CtrlSum PmtTpInf ReqdColltnDt Cdtr CdtrAcct CdtrAgt ChrgBr CdtrSchmeId DrctDbtTxInf'),
             ('/d:PmtInf[1]/d:PmtTpInf', 'SvcLvl LclInstrm SeqTp'), ('/d:PmtInf[1]/d:CdtrSchmeId/d:Id/d:PrvtId/d:Othr', 'Id SchmeNm'),
             ('/d:PmtInf[1]/d:DrctDbtTxInf[1]', 'PmtId InstdAmt DrctDbtTx DbtrAgt Dbtr DbtrAcct RmtInf'), ('/d:PmtInf[1]/d:DrctDbtTxInf[1]/d:DrctDbtTx/d:MndtRltdInf', 'MndtId DtOfSgntr')$$,
    'its elements are those of the standard, in their order');
SELECT results_eq(format('SELECT path, pg_temp.find(%L, path) FROM unnest(ARRAY[%L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L, %L]) AS path', :'file',
        '/d:GrpHdr/d:NbOfTxs/text()', '/d:GrpHdr/d:CtrlSum/text()', '/d:GrpHdr/d:InitgPty/d:Nm/text()', '/d:PmtInf/d:PmtMtd/text()', '/d:PmtInf/d:NbOfTxs/text()', '/d:PmtInf/d:CtrlSum/text()',
        '/d:PmtInf/d:PmtTpInf/d:SvcLvl/d:Cd/text()', '/d:PmtInf/d:PmtTpInf/d:LclInstrm/d:Cd/text()', '/d:PmtInf/d:PmtTpInf/d:SeqTp/text()', '/d:PmtInf/d:ReqdColltnDt/text()',
        '/d:PmtInf[1]/d:CdtrAcct/d:Id/d:IBAN/text()', '/d:PmtInf[1]/d:CdtrAgt/d:FinInstnId/d:BICFI/text()', '/d:PmtInf[1]/d:CdtrSchmeId/d:Id/d:PrvtId/d:Othr/d:SchmeNm/d:Prtry/text()',
        '//d:InstdAmt/text()', '//d:InstdAmt/@Ccy', '//d:MndtId/text()', '//d:DtOfSgntr/text()', '//d:Dbtr/d:Nm/text()', '//d:DbtrAcct/d:Id/d:IBAN/text()', '//d:Ustrd/text()'),
    $$VALUES ('/d:GrpHdr/d:NbOfTxs/text()', '{3}'::text[]), ('/d:GrpHdr/d:CtrlSum/text()', '{178.10}'), ('/d:GrpHdr/d:InitgPty/d:Nm/text()', '{"Mueller + Soehne GmbH"}'), ('/d:PmtInf/d:PmtMtd/text()', '{DD,DD,DD}'),
             ('/d:PmtInf/d:NbOfTxs/text()', '{1,1,1}'), ('/d:PmtInf/d:CtrlSum/text()', '{7.00,121.10,50.00}'), ('/d:PmtInf/d:PmtTpInf/d:SvcLvl/d:Cd/text()', '{SEPA,SEPA,SEPA}'),
             ('/d:PmtInf/d:PmtTpInf/d:LclInstrm/d:Cd/text()', '{B2B,CORE,CORE}'), ('/d:PmtInf/d:PmtTpInf/d:SeqTp/text()', '{RCUR,FRST,OOFF}'),
             ('/d:PmtInf/d:ReqdColltnDt/text()', '{2026-03-09,2026-03-09,2026-03-09}'), ('/d:PmtInf[1]/d:CdtrAcct/d:Id/d:IBAN/text()', '{DE89370400440532013000}'),
             ('/d:PmtInf[1]/d:CdtrAgt/d:FinInstnId/d:BICFI/text()', '{COBADEFFXXX}'), ('/d:PmtInf[1]/d:CdtrSchmeId/d:Id/d:PrvtId/d:Othr/d:SchmeNm/d:Prtry/text()', '{SEPA}'),
             ('//d:InstdAmt/text()', '{7.00,121.10,50.00}'), ('//d:InstdAmt/@Ccy', '{EUR,EUR,EUR}'), ('//d:MndtId/text()', '{B-1,A-111111111111111111111111111111111,C-1}'),
             ('//d:DtOfSgntr/text()', '{2023-03-09,2026-01-01,2026-01-01}'), ('//d:Dbtr/d:Nm/text()', ARRAY['Bob''s mother', 'Aero Lodz .Ca va. .Ltd.', 'Cleared']),
             ('//d:DbtrAcct/d:Id/d:IBAN/text()', '{FR1420041010050500013M02606,DE75512108001245126199,AT611904300234573201}'), ('//d:Ustrd/text()', '{I-3,"I-1, I-2, X",I-4}')$$,
    'its amounts, dates and names are those of the mandates and invoices');
SELECT is(pg_temp.find(:'file', '//d:DbtrAgt/d:FinInstnId/d:Othr/d:Id/text()'), '{NOTPROVIDED,NOTPROVIDED}', 'a bank that is not known is not provided');
SELECT is(pg_temp.find(:'file', '//d:EndToEndId/text()'), (SELECT array_agg(end_to_end_id ORDER BY amount = 7 DESC, amount DESC) FROM o2c.direct_debit), 'and the end-to-end ids are ours');
SELECT is(:'file' ~ '[^A-Za-z0-9/?:().,''+ <>="\n_-]', false, 'no character is outside of SEPA''s');
SELECT o2c.direct_debit_file(batch => :batch, version => 'pain.008.001.02') AS file02 \gset
SELECT is(replace(replace(:'file02', 'pain.008.001.02', 'pain.008.001.08'), '<BIC>', '<BICFI>'), replace(:'file', '</BICFI>', '</BIC>'), 'the older version differs in its name and that of the BIC');

-- what is new makes a file of its own
SELECT pg_temp.invoice('I-9', 'B', 3, '2026-03-09') \g /dev/null
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-09'), '//d:InstdAmt/text()'), '{3.00}', 'a later invoice makes a file with that only');
SELECT is((SELECT count(*) FROM o2c.notification WHERE body ->> 'invoice' = 'I-9'), 1::bigint, 'which is announced with it');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) SELECT 'LONG-NUMBER-' || n, 'B', '2026-01-01', '2026-03-09', 1 FROM generate_series(101, 112) n;
SELECT o2c.load_invoices() \g /dev/null
SELECT o2c.direct_debit_file('2026-03-09') AS many \gset
SELECT is(pg_temp.find(:'many', '//d:RmtInf/d:Strd/d:CdtrRefInf/d:Ref/text()') || pg_temp.find(:'many', '//d:RmtInf/d:Ustrd') || pg_temp.find(:'many', '//d:CdtrRefInf/d:Tp/d:CdOrPrtry/d:Cd/text()'),
          ARRAY[(pg_temp.debit('B')).end_to_end_id, 'SCOR'], 'more numbers than fit give way to the creditor reference');

-- what the bank answers
SELECT throws_ok($$SELECT o2c.return_direct_debit('RF18539007547034', 'AM04')$$, 'OC001', NULL, 'not what is not ours');
SELECT throws_ok($$SELECT o2c.return_direct_debit(NULL, 'AM04')$$, 'OC001', NULL, 'nor nothing');
SELECT throws_ok($$SELECT o2c.return_direct_debit((pg_temp.debit('A')).end_to_end_id, 'AM04', company_id => 2)$$, 'OC001', NULL, 'nor by another company');
SELECT throws_ok($$SELECT o2c.return_direct_debit((pg_temp.debit('A')).end_to_end_id, 'am-04', '2026-03-09')$$, '23514', NULL, 'nor with a code that is none');
SELECT throws_ok($$SELECT o2c.return_direct_debit((pg_temp.debit('A')).end_to_end_id, 'AM04', NULL)$$, 'OC002', NULL, 'nor without a date');
SELECT is(o2c.return_direct_debit(lower(o2c.print_form((pg_temp.debit('A')).end_to_end_id::o2c.creditor_reference)), 'AM04', '2026-03-04', fee => 4), (pg_temp.debit('A')).payment_id, 'a reject before the collection day finds its payment');
SELECT is(concat_ws(' ', pg_temp.open('X'), pg_temp.open('I-1'), pg_temp.open('I-2')), '1 100.1 20', 'what it collected is open again');
SELECT results_eq($$SELECT v.number, i.due_on FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.number IN ('X', 'I-1', 'I-2') ORDER BY 1$$,
                  $$VALUES ('I-1', date '2026-03-02'), ('I-2', '2026-03-07'), ('X', '2026-02-01')$$, 'due when it was');
SELECT results_eq($$SELECT s.change, s.effective_on, s.reason_code, f.amount FROM o2c.payment_clearing s JOIN o2c.open_item f ON f.item_id = s.fee_item_id$$,
                  $$VALUES ('returned', date '2026-03-09', 'AM04', 4.00)$$, 'on the collection day, with the fee');
SELECT is(pg_temp.mandate('A'), 'A-111111111111111111111111111111111 RCUR active 2026-03-09', 'insufficient funds leave the mandate');
SELECT throws_ok($$SELECT o2c.return_direct_debit((pg_temp.debit('A')).end_to_end_id, 'AM04', '2026-03-10')$$, 'OC101', NULL, 'it comes back once');
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-10'), '//d:Ustrd/text()'), '{"I-6, fee"}', 'what came back is not collected again by itself, its fee is with the next invoice');
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-11', represent => true), '//d:Ustrd/text()'), '{"I-1, I-2, X"}', 'only when a person says so');
SELECT throws_ok(format('SELECT o2c.settle_direct_debits(%s, ''2026-03-08'')', :batch), 'OC002', NULL, 'nothing is settled before it is collected');
SELECT is(o2c.settle_direct_debits(:batch, '2026-03-10'), 2::bigint, 'the rest of the batch is credited');
SELECT is(o2c.settle_direct_debits(:batch, '2026-03-10'), 0::bigint, 'once');
SELECT is(o2c.settle_direct_debits(-1), 0::bigint, 'no batch is nothing');
SELECT results_eq($$SELECT * FROM pg_temp.debits()$$,
    ARRAY['A 2026-03-09 121.1 FRST reversed returned', 'B 2026-03-09 7 RCUR applied settled', 'CL 2026-03-09 50 OOFF applied settled', 'B 2026-03-09 3 RCUR applied captured', 'B 2026-03-09 12 RCUR applied captured',
          'A 2026-03-10 34 RCUR applied captured', 'A 2026-03-11 121.1 RCUR applied captured'], 'each tells what became of it');
SELECT is(pg_temp.open('I-4') || ' ' || (SELECT max(a.effective_on) FROM o2c.application a JOIN o2c.open_item i ON i.item_id = a.debit_item_id JOIN o2c.invoice v USING (invoice_id) WHERE v.number = 'I-4'), '0 2026-03-10',
          'cleared funds pay when they are settled');
SELECT is((SELECT string_agg(end_to_end_id, ',') FROM o2c.direct_debit d JOIN o2c.payment p USING (company_id, payment_id) WHERE p.provider_reference <> d.end_to_end_id), NULL, 'the payment carries the end-to-end id');
SELECT o2c.return_direct_debit((SELECT end_to_end_id FROM o2c.direct_debit WHERE amount = 7), 'MD06', '2026-04-20') \g /dev/null
SELECT is(pg_temp.open('I-3') || ', ' || pg_temp.mandate('B'), '7, B-1 RCUR active 2026-03-09', 'a refund after the settlement, too');
SELECT o2c.reverse_payment((pg_temp.debit('CL')).payment_id, '2026-03-12', reason_code => 'AM04', fee => 0);
SELECT is(pg_temp.mandate('CL'), 'C-1 OOFF active 2026-03-09', 'a one-off collection that came back may be made again');
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-12', represent => true), '//d:SeqTp/text()'), '{OOFF}', 'with the same type; what the debtor had refunded is not');
SELECT o2c.return_direct_debit((pg_temp.debit('CL')).end_to_end_id, 'MD01', '2026-03-13') \g /dev/null
SELECT is(pg_temp.open('I-4') || ', ' || pg_temp.mandate('CL'), '50, C-1 OOFF revoked 2026-03-12', 'where there is no mandate, there is none from then on');
SELECT is((SELECT string_agg(activity, ' ' ORDER BY event_id) FROM o2c.event WHERE object_type = 'mandate' AND object_id = (SELECT mandate_id FROM o2c.mandate WHERE reference = 'C-1')),
          'mandate.active mandate.completed mandate.active mandate.completed mandate.revoked', 'its history is in the log');
SELECT results_eq($$SELECT string_agg(c, ' ') FILTER (WHERE o2c.ends_mandate(c)), string_agg(c, ' ') FILTER (WHERE o2c.stops_mandate(c)), string_agg(c, ' ') FILTER (WHERE NOT o2c.may_represent(c))
    FROM unnest('{AC01,AC04,AC06,AC13,AG01,AG02,AM04,AM05,BE05,CNOR,CUST,DNOR,DT01,DUPL,ED05,FF01,FF05,FOCR,MD01,MD02,MD06,MD07,MS02,MS03,RC01,RR01,RR04,SL01,TM01}'::text[]) c$$,
    $$VALUES ('AC13 MD01 MD07', 'AC01 AC04 AC06 AG01 DNOR MD02 RC01 SL01', 'AM05 CUST DUPL FOCR MD01 MD06 MD07 MS02 SL01')$$, 'reasons that end a mandate, that stop it, and those after which nothing is collected again');
SELECT is(concat_ws(' ', o2c.ends_mandate(NULL), o2c.stops_mandate(NULL), o2c.may_represent(NULL)), 'f f t', 'no reason does neither');

-- ending a mandate
SELECT throws_ok($$SELECT o2c.revoke_mandate('none')$$, 'OC001', NULL, 'an unknown mandate is not revoked');
SELECT throws_ok($$SELECT o2c.revoke_mandate(NULL)$$, 'OC001', NULL, 'nor none');
SELECT throws_ok($$SELECT o2c.revoke_mandate('C-1')$$, 'OC101', NULL, 'nor twice');
SELECT throws_ok($$SELECT o2c.revoke_mandate('B-1', NULL)$$, 'OC002', NULL, 'nor without a date');
SELECT o2c.revoke_mandate('B-1', after_next => true);
SELECT is(pg_temp.mandate('B'), 'B-1 FNAL active 2026-03-09', 'the next collection is the last');
SELECT pg_temp.invoice('I-10', 'B', 11, '2026-03-16'), pg_temp.invoice('I-11', 'B', 12, '2026-03-17'), pg_temp.invoice('I-12', 'A', 13, '2026-03-17') \g /dev/null
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-16'), '//d:SeqTp/text()'), '{FNAL}', 'it is called so');
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-17'), '//d:Ustrd/text()'), '{"I-12, I-8"}', 'and then there is no more');
SELECT o2c.revoke_mandate('A-111111111111111111111111111111111', '2026-03-18', 'customer asked');
SELECT pg_temp.invoice('I-13', 'A', 14, '2026-03-18') \g /dev/null
SELECT is(o2c.direct_debit_file('2026-03-18'), NULL, 'nor with a mandate that was revoked');
SELECT o2c.add_mandate('A', 'DE75512108001245126199', 'A-2', '2023-03-17') \g /dev/null
SELECT is(o2c.direct_debit_file('2026-03-18'), NULL, 'nor with one that expired the day before');
SELECT o2c.add_mandate('A', 'DE75512108001245126199', 'A-3', '2023-03-18') \g /dev/null
UPDATE o2c.mandate SET automatic = false WHERE reference = 'A-3';
SELECT is(o2c.direct_debit_file('2026-03-18'), NULL, 'nor with one that is for other things');
UPDATE o2c.mandate SET automatic = true WHERE reference = 'A-3';
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-18'), '//d:MndtId/text()'), '{A-3}', 'but on its last day it holds good');
SELECT is((SELECT string_agg(state, ' ' ORDER BY mandate_id) FROM o2c.mandate_in_use WHERE customer = 'A'), 'revoked active active', 'by the clock');

-- what is on its way is not collected again, also while it does not count
INSERT INTO o2c.customer (code, name) VALUES ('CX', 'Cleared, too');
INSERT INTO o2c.cash_policy (customer_id, cleared_only) SELECT customer_id, true FROM o2c.customer WHERE code = 'CX';
SELECT o2c.add_mandate('CX', 'AT611904300234573201', signed_on => '2026-01-01') \g /dev/null
SELECT pg_temp.invoice('I-14', 'CX', 21, '2026-03-19') \g /dev/null
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-19'), '//d:Ustrd/text()'), '{I-14}', 'an invoice is collected');
SELECT is(o2c.direct_debit_file('2026-03-20'), NULL, 'once');

-- the discount for paying early
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, stocked) VALUES ('S', 'Service', 100, 0, false);
SELECT o2c.add_mandate('N', 'NL91ABNA0417164300', 'N-1', '2026-01-01') \g /dev/null
SELECT o2c.apply_payment(o2c.record_payment(9, '2026-03-02', 'N'), 'I-5') \g /dev/null
SELECT o2c.place_order('N', '[{"sku": "S", "quantity": 1}]', payment_terms => '2% 14 days, net 14') AS "order" \gset
SELECT o2c.ship_order(:order); SELECT o2c.bill(customer => 'N') \g /dev/null
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-16'), '//d:InstdAmt/text()'), '{98.00}', 'is deducted when the collection is in time');
SELECT is((SELECT trim_scale(cash_amount) || ' ' || trim_scale(discount_amount) FROM o2c.application a JOIN o2c.open_item i ON i.item_id = a.debit_item_id JOIN o2c.invoice v USING (invoice_id) WHERE v.order_id = :order), '98 2', 'and closes the invoice');
SELECT o2c.return_direct_debit((pg_temp.debit('N')).end_to_end_id, 'AM04', '2026-03-18') \g /dev/null
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-20', represent => true), '//d:InstdAmt/text()'), '{100.00}', 'later it is not');

SELECT throws_ok('UPDATE o2c.direct_debit SET amount = 1', 'OC102', NULL, 'direct debits are facts');
SELECT throws_ok('DELETE FROM o2c.direct_debit_item', 'OC102', NULL, 'with what they collect');
SELECT throws_ok('INSERT INTO o2c.direct_debit_batch (bank_account_id, collect_on, message_id, debits, amount) SELECT bank_account_id, ''2026-03-20'', ''X'', 1, 1 FROM o2c.bank_account LIMIT 1', 'OC102', NULL, 'that the engine makes');
SELECT is_empty('SELECT check_name, object, expected, found FROM o2c.verify()', 'all is consistent');
SET LOCAL session_replication_role = replica;
UPDATE o2c.direct_debit_item SET amount = amount + 1 WHERE direct_debit_id = (pg_temp.debit('N')).direct_debit_id;
SELECT results_eq('SELECT check_name FROM o2c.verify()', ARRAY['direct debit items'], 'items that are not the direct debit would be found');
UPDATE o2c.direct_debit SET amount = amount + 1 WHERE direct_debit_id = (pg_temp.debit('N')).direct_debit_id;
SELECT results_eq('SELECT check_name FROM o2c.verify() ORDER BY 1', ARRAY['direct debit batch', 'direct debit payment'], 'a payment that is not');
UPDATE o2c.direct_debit SET amount = amount - 1 WHERE direct_debit_id = (pg_temp.debit('N')).direct_debit_id;
UPDATE o2c.direct_debit_item SET amount = amount - 1 WHERE direct_debit_id = (pg_temp.debit('N')).direct_debit_id;
UPDATE o2c.mandate SET last_used_on = '2026-01-01' WHERE reference = 'N-1';
SELECT results_eq('SELECT check_name FROM o2c.verify()', ARRAY['mandate use'], 'a mandate that was used later');
UPDATE o2c.mandate SET last_used_on = '2026-03-20' WHERE reference = 'N-1';
SELECT is_empty('SELECT check_name, object, expected, found FROM o2c.verify()', 'and nothing else');
SELECT * FROM finish();
ROLLBACK;
