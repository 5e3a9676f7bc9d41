-- Bank files of other hands: what banks write differently, what cannot be, and equal lines in statements that follow each other or overlap.
BEGIN;
SELECT plan(80);
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-31';
SELECT o2c.create_company('Acme', 'EUR');

-- documents are put together from their parts
CREATE FUNCTION pg_temp.document(content text, kind text DEFAULT '053', version text DEFAULT '08') RETURNS text LANGUAGE sql AS $$
SELECT format('<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.%s.001.%s"><%s><GrpHdr><MsgId>M-1</MsgId></GrpHdr>%s</%3$s></Document>',
              kind, version, CASE kind WHEN '054' THEN 'BkToCstmrDbtCdtNtfctn' ELSE 'BkToCstmrStmt' END, content) $$;
CREATE FUNCTION pg_temp.statement(id text, content text, balances text DEFAULT '', head text DEFAULT '', created text DEFAULT '2026-03-31T18:00:00+02:00', account text DEFAULT '<Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy>')
RETURNS text LANGUAGE sql AS $$
SELECT format('<Stmt><Id>%s</Id>%s<CreDtTm>%s</CreDtTm><Acct>%s</Acct>%s%s</Stmt>', id, head, created, account, balances, content) $$;
CREATE FUNCTION pg_temp.balances(opening numeric, closing numeric) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(format('<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Dt><Dt>2026-03-31</Dt></Dt></Bal>', b.type, abs(b.amount), CASE WHEN b.amount < 0 THEN 'DBIT' ELSE 'CRDT' END), '' ORDER BY b.type DESC)
FROM (VALUES ('OPBD', opening), ('CLBD', closing)) AS b (type, amount) $$;
CREATE FUNCTION pg_temp.entry(amount text, more text DEFAULT '', currency text DEFAULT 'Ccy="EUR"', booked text DEFAULT '2026-03-30') RETURNS text LANGUAGE sql AS $$
SELECT format('<Ntry><Amt %s>%s</Amt><CdtDbtInd>%s</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>%s</Dt></BookgDt>%s</Ntry>', currency, ltrim(amount, '-'), CASE WHEN amount LIKE '-%' THEN 'DBIT' ELSE 'CRDT' END, booked, more) $$;
CREATE FUNCTION pg_temp.details(VARIADIC transactions text[]) RETURNS text LANGUAGE sql AS $$
SELECT format('<NtryDtls>%s</NtryDtls>', string_agg(format('<TxDtls>%s</TxDtls>', t), '' ORDER BY n)) FROM unnest(transactions) WITH ORDINALITY u (t, n) $$;
-- new lines, problem
CREATE FUNCTION pg_temp.import(document text) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(concat_ws(' ', i.new_lines, i.problem), ', ' ORDER BY i.bank_statement_id) FROM o2c.import_camt(document::xml) i $$;
CREATE FUNCTION pg_temp.lines(statement text) RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', l.position, l.kind, l.amount, nullif(l.charges, 0), l.charges_currency, l.original_amount, l.original_currency, l.problem) FROM o2c.bank_line l
JOIN o2c.bank_statement s USING (company_id, bank_statement_id) WHERE s.reference = statement ORDER BY l.bank_line_id $$;
CREATE FUNCTION pg_temp.reads(id text, entry text, lines text[], what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.import(pg_temp.document(pg_temp.statement(id, entry)));
    RETURN results_eq(format('SELECT pg_temp.lines(%L)', id), lines, what);
END $$;

-- what a transaction is of its entry
CREATE FUNCTION pg_temp.part(amount text, charge text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
SELECT format('<Amt Ccy="EUR">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd>', amount) || coalesce(format('<Chrgs><Rcrd><Amt Ccy="EUR">%s</Amt></Rcrd></Chrgs>', charge), '') $$;
SELECT pg_temp.reads('P1', pg_temp.entry('97.01', pg_temp.details(pg_temp.part('100.01', '3'))), '{0 receipt 97.01 3.00 EUR}', 'a transaction before its charges');
SELECT pg_temp.reads('P2', pg_temp.entry('97.02', pg_temp.details(pg_temp.part('60.02', '1'), pg_temp.part('40', '2'))), '{1 receipt 59.02 1.00 EUR,2 receipt 38.00 2.00 EUR}', 'transactions of a batch before the charges of each');
SELECT pg_temp.reads('P3', pg_temp.entry('97.03', pg_temp.details(pg_temp.part('59.03', '1'), pg_temp.part('38', '2'))), '{1 receipt 59.03 1.00 EUR,2 receipt 38.00 2.00 EUR}', 'or after them');
SELECT pg_temp.reads('P4', pg_temp.entry('97.04', '<Chrgs><Rcrd><Amt Ccy="EUR">3</Amt></Rcrd></Chrgs>' || pg_temp.details(pg_temp.part('60.04'), pg_temp.part('40'))), '{1 receipt 60.04,2 receipt 40.00,3 charge -3.00}', 'or before those of the batch');
SELECT pg_temp.reads('P5', pg_temp.entry('97.05', '<Chrgs><Rcrd><Amt Ccy="EUR">3</Amt></Rcrd></Chrgs>' || pg_temp.details(pg_temp.part('60.05', '1'), pg_temp.part('40', '2'))), '{1 receipt 59.05 1.00 EUR,2 receipt 38.00 2.00 EUR}', 'those that are told twice count once');
SELECT pg_temp.reads('P6', pg_temp.entry('150.06', pg_temp.details(
    '<Amt Ccy="USD">110</Amt><CdtDbtInd>CRDT</CdtDbtInd><AmtDtls><InstdAmt><Amt Ccy="USD">110</Amt></InstdAmt><CntrValAmt><Amt Ccy="EUR">100.06</Amt></CntrValAmt></AmtDtls>',
    '<Amt Ccy="USD">55</Amt><CdtDbtInd>CRDT</CdtDbtInd><AmtDtls><CntrValAmt><Amt Ccy="EUR">50</Amt></CntrValAmt></AmtDtls>')), '{1 receipt 100.06 110.00 USD,2 receipt 50.00 55.00 USD}', 'by the counter value');
SELECT pg_temp.reads('P7', pg_temp.entry('100.07', pg_temp.details('<AmtDtls><TxAmt><Amt Ccy="USD">110</Amt></TxAmt></AmtDtls>')), '{0 receipt 100.07 110.00 USD}', 'what it says in another currency is kept');
SELECT pg_temp.reads('P8', pg_temp.entry('100.08', '<AmtDtls><InstdAmt><Amt Ccy="USD">110</Amt></InstdAmt></AmtDtls>'), '{0 receipt 100.08 110.00 USD}', 'an entry without transactions has no problem with them');
SELECT pg_temp.reads('P9', pg_temp.entry('90.09', pg_temp.details('<Chrgs><Rcrd><Amt Ccy="USD">5</Amt></Rcrd><Rcrd><Amt Ccy="EUR">2</Amt></Rcrd><Rcrd><Amt Ccy="CHF">1</Amt></Rcrd></Chrgs>')), '{0 receipt 90.09 2.00 EUR}', 'of charges in several currencies those in the entry''s');

-- what banks write
SELECT pg_temp.import(pg_temp.document(pg_temp.statement('B1', pg_temp.entry('1.21', '<AcctSvcrRef>NONREF</AcctSvcrRef>' || pg_temp.details('<Refs><EndToEndId>NOT PROVIDED</EndToEndId></Refs>
    <RltdPties><DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN><Othr><Id>123</Id></Othr></Id></DbtrAcct></RltdPties><RltdAgts><DbtrAgt><FinInstnId><BICFI>BYLADEM1001</BICFI><BIC>X</BIC></FinInstnId></DbtrAgt></RltdAgts>')))));
SELECT results_eq($$SELECT bank_reference, end_to_end_id, party_account, party_bic FROM o2c.bank_line WHERE amount = 1.21$$, $$VALUES (NULL, NULL, 'DE02120300000000202051', 'BYLADEM1001')$$, 'no reference, the first of two accounts and two BICs');
SELECT pg_temp.import(pg_temp.document(pg_temp.statement('B2', pg_temp.entry('1.22', '<AddtlNtryInf>Transfer INV-9 of Jan</AddtlNtryInf>')), version => '02'));
SELECT is((SELECT p.reference FROM o2c.payment p JOIN o2c.bank_line l USING (company_id, payment_id) WHERE l.amount = 1.22), 'Transfer INV-9 of Jan', 'a payment of which only the bank''s text tells');
SELECT is(pg_temp.import(replace(pg_temp.document(pg_temp.statement('B3', pg_temp.entry('1.23'))), '<Ntry>', '<!-- <!DOCTYPE in a comment> --><?of them?><Ntry>')), '1', 'comments and instructions');
SELECT is(pg_temp.import(replace(pg_temp.document(pg_temp.statement('B4', pg_temp.entry('1.24'))), '1.24', E'\n <![CDATA[1.]]><!-- -->24\t')), '1', 'within an amount, too');
SELECT is(pg_temp.import(regexp_replace(replace(pg_temp.document(pg_temp.statement('B5', pg_temp.entry('1.25'))), '<Document', '<Document xmlns:b="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"'), '<(/?)(Ntry|Amt)', '<\1b:\2', 'g')), '1', 'two prefixes of one namespace');
SELECT is(pg_temp.import(replace(pg_temp.document(pg_temp.statement('B6', pg_temp.entry('1.26'))), '</BkToCstmrStmt>', '<SplmtryData><Envlp><x xmlns="urn:x"><Ntry/></x></Envlp></SplmtryData></BkToCstmrStmt>')), '1', 'supplementary data');
SELECT matches(pg_temp.import(pg_temp.document(replace(pg_temp.statement('N', pg_temp.entry('1.27', pg_temp.details('<Refs><EndToEndId>n1</EndToEndId></Refs>'))) || pg_temp.statement('N', pg_temp.entry('1.27', pg_temp.details('<Refs><EndToEndId>n2</EndToEndId></Refs>'))), 'Stmt>', 'Ntfctn>'), '054')),
    '^1, 1 it came before with other content, as bank statement [0-9]+$', 'notifications of one id that tell of different money');
SELECT is((SELECT o2c._iso_date(d) FROM (VALUES (d)) v), r::date, 'the day of ' || d) FROM (VALUES ('2026-03-30T00:30:00.123-11:00', '2026-03-30'), ('2026-03-30Z', '2026-03-30'), ('2026-03-30+01:00', '2026-03-30'), ('2026-03-30T24:00:00', '2026-03-30'),
    ('2026-03-30Tsoon', NULL), ('2026-03-30T25:00:00', NULL), ('2026-03-30T', NULL), ('2026-03-30 12:00', NULL), ('2026-03-30Zulu', NULL)) AS v (d, r);

-- what cannot be
CREATE TEMP TABLE before AS SELECT (SELECT count(*) FROM o2c.bank_line) AS lines, (SELECT count(*) FROM o2c.bank_statement) AS statements, (SELECT count(*) FROM o2c.payment) AS payments, (SELECT count(*) FROM o2c.bank_account) AS accounts;
CREATE FUNCTION pg_temp.refused(document text, message text, code text DEFAULT 'OC204') RETURNS text LANGUAGE sql AS $$
SELECT throws_ok(format('SELECT * FROM o2c.import_camt(%L::xml)', document), code, message, message) $$;
SELECT pg_temp.refused(pg_temp.document(pg_temp.statement(s.id, pg_temp.entry('1'), head => s.head, created => s.created)), 'statement 1 of the document: ' || s.message) FROM (VALUES
    ('', '', '2026-03-31', 'the id is missing'), (repeat('x', 141), '', '2026-03-31', 'the id of it or of the message is longer than 140 characters'),
    ('X', '', '0000-00-00T00:00:00', 'the creation date ''0000-00-00T00:00:00'' is not a date from 1900 to 2199'), ('X', '', '9999-12-31', 'the creation date ''9999-12-31'' is not a date from 1900 to 2199'),
    ('X', '<FrToDt><FrDtTm>2026-02-31T00:00:00</FrDtTm></FrToDt>', '2026-03-31', 'the first day ''2026-02-31T00:00:00'' is not a date from 1900 to 2199'),
    ('X', '<FrToDt><ToDtTm>10000-01-01T00:00:00</ToDtTm></FrToDt>', '2026-03-31', 'the last day ''10000-01-01T00:00:00'' is not a date from 1900 to 2199')) AS s (id, head, created, message);
SELECT pg_temp.refused(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1') || e.entry)), 'entry 2 of statement "X": ' || e.message) FROM (VALUES
    (pg_temp.entry('1', currency => ''), 'the currency is missing'), (pg_temp.entry('1', currency => 'Ccy=""'), 'the currency is missing'), (pg_temp.entry('1', currency => 'Ccy="eur"'), 'there is no currency ''eur'''),
    (pg_temp.entry('1', booked => '2026-03-30Tsoon'), 'the booking date ''2026-03-30Tsoon'' is not a date'), (pg_temp.entry('1' || repeat('0', 30)), 'the amount ''1' || repeat('0', 30) || ''' is not a number'),
    (pg_temp.entry('१२'), 'the amount ''१२'' is not a number'), (pg_temp.entry('-INF'), 'the amount ''INF'' is not a number'),
    (pg_temp.entry('1', '<Chrgs><Rcrd><Amt Ccy="EUR">-3</Amt></Rcrd></Chrgs>'), 'the charge -3 is negative: CdtDbtInd says which way it goes'),
    (pg_temp.entry('1', pg_temp.details('<AmtDtls><CntrValAmt><Amt Ccy="EUR">x</Amt></CntrValAmt></AmtDtls>')), 'the amount ''x'' of a transaction is not a number')) AS e (entry, message);
SELECT pg_temp.refused('<html><body>Your session has expired</body></html>', 'the root element of the document is "html", not Document');
SELECT pg_temp.refused('<BizMsgEnvlp xmlns="urn:x">' || pg_temp.document(pg_temp.statement('X', '')) || '</BizMsgEnvlp>', 'the root element of the document is "BizMsgEnvlp", not Document');
SELECT pg_temp.refused('<!-- <a> --><!DOCTYPE d [<!ENTITY x "1">]>' || pg_temp.document(pg_temp.statement('X', pg_temp.entry('&x;'))), 'the document has a document type declaration');
SELECT pg_temp.refused(left(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'))), 200), NULL, '2200N');
SELECT pg_temp.refused(pg_temp.document(repeat('<x>', 100000) || repeat('</x>', 100000)), NULL, '2200N');
SELECT pg_temp.refused(replace(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'))), 'BOOK', '&#1;'), NULL, '2200N');
SELECT results_eq($$SELECT (SELECT count(*) FROM o2c.bank_line), (SELECT count(*) FROM o2c.bank_statement), (SELECT count(*) FROM o2c.payment), (SELECT count(*) FROM o2c.bank_account)$$, 'TABLE before', 'and nothing of it is booked');

-- equal lines without a reference: each case has an account of its own
CREATE TEMP TABLE said (id text, opening numeric, entries text[]);
CREATE FUNCTION pg_temp.told(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    number text := 'ACCOUNT' || nextval('o2c.bank_line_import_seq');
    told text[] := '{}';
    s text;
BEGIN
    FOREACH s IN ARRAY statements LOOP
        told := told || (SELECT pg_temp.import(pg_temp.document(string_agg(pg_temp.statement(d.id, (SELECT string_agg(pg_temp.entry(a), '' ORDER BY n) FROM unnest(d.entries) WITH ORDINALITY e (a, n)),
                                   pg_temp.balances(d.opening, d.opening + (SELECT sum(a::numeric) FROM unnest(d.entries) a)), created => '2026-03-31T18:00:00',
                                   account => format('<Id><Othr><Id>%s</Id></Othr></Id><Ccy>EUR</Ccy>', number)), '' ORDER BY u.n)))
                         FROM string_to_table(s, ' ') WITH ORDINALITY u (id, n) JOIN said d ON d.id = u.id);
    END LOOP;
    RETURN array_to_string(told, '; ');
END $$;
INSERT INTO said VALUES ('A', 100, '{10}'), ('B', 110, '{10}'), ('C', 120, '{10,7}'), ('AB', 100, '{10,10}'), ('ABC', 100, '{10,10,10,7}'), ('BC', 110, '{10,10,7}'),
    ('FAR', 500, '{10}'), ('MORNING', 110, '{-10}'), ('NOON', 100, '{10}'), ('DAY', 110, '{-10,10,5}'), ('ZERO', 100, '{10,-10}'), ('AFTER', 100, '{10}');
SELECT is(pg_temp.told(VARIADIC s), want, what) FROM (VALUES
    ('{A,B}'::text[], '1; 1', 'two statements that follow each other'), ('{B,A}', '1; 1', 'in whatever order they come'), ('{A,B,C}', '1; 1; 2', 'three of them'), ('{C,B,A}', '2; 1; 1', 'from the last to the first'),
    ('{A,B,A,B,A}', '1; 1; 0; 0; 0', 'again they are known'), ('{A,B,AB}', '1; 1; 0', 'as are their lines in a statement of both'), ('{AB,B,A}', '2; 0; 0', 'whichever comes first'), ('{B,AB,A}', '1; 1; 0', 'or between them'),
    ('{A,AB,B,C,ABC}', '1; 1; 0; 2; 0', 'and of the whole day'), ('{ABC,C,A,BC,B}', '4; 0; 0; 0; 0', 'in another order'), ('{BC,A,ABC}', '3; 1; 0', 'of some of them'),
    ('{A B,B,A}', '1, 1; 0; 0', 'in one file'), ('{A,A B}', '1; 0, 1', 'or one of it before'), ('{B,A B}', '1; 0, 1', 'or the other'), ('{B A,AB}', '1, 1; 0', 'or turned round'),
    ('{A,FAR}', '1; 0', 'of two that do not follow each other it is not certain'), ('{A,C,B}', '1; 1; 1', 'nor where what lies between them is missing'),
    ('{NOON,DAY}', '1; 2', 'nor where one may repeat the other'), ('{DAY,NOON}', '3; 0', 'in whatever order'), ('{MORNING,NOON,DAY}', '1; 1; 1', 'with those before it'),
    ('{ZERO,AFTER}', '2; 0', 'nor where one comes back to where it began')) AS v (s, want, what);
SELECT is(pg_temp.import(pg_temp.document(replace(pg_temp.statement('NOTE', pg_temp.entry('10.31')), 'Stmt>', 'Ntfctn>'), '054')), '1', 'a notification tells of the first line');
SELECT is(pg_temp.import(pg_temp.document(pg_temp.statement('S1', pg_temp.entry('10.31'), pg_temp.balances(0, 10.31)))), '0', 'its statement repeats it');
SELECT is(pg_temp.import(pg_temp.document(pg_temp.statement('S2', pg_temp.entry('10.31'), pg_temp.balances(10.31, 20.62)))), '1', 'the next statement has another one');
SELECT results_eq($$SELECT s.reference, e.occurrence FROM o2c.bank_statement_entry e JOIN o2c.bank_statement s USING (company_id, bank_account_id, bank_statement_id) JOIN o2c.bank_line l USING (company_id, bank_account_id, entry_key, occurrence) WHERE l.amount = 10.31$$,
    $$VALUES ('S1', 1::bigint)$$, 'which statements tell of a line again is kept');
SELECT is(pg_temp.import(pg_temp.document(pg_temp.statement('S2', pg_temp.entry('10.31'), pg_temp.balances(10.31, 20.62), created => '2026-04-02'))), '0', 'a copy made later is the same statement');
SELECT is((SELECT count(*) FROM o2c.bank_statement WHERE reference = 'S2'), 1::bigint, 'once');
SELECT is(pg_temp.import(pg_temp.document(pg_temp.statement('PAGES', pg_temp.entry('10.32'), head => format('<StmtPgntn><PgNb>%s</PgNb><LastPgInd>%s</LastPgInd></StmtPgntn>', p, p = 2)))), '1', 'page ' || p || ' has a line of its own') FROM generate_series(1, 2) p;
SELECT is(pg_temp.import(pg_temp.document(pg_temp.statement('PAGES', pg_temp.entry('10.32'), head => '<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>'))), '0', 'once');
SELECT throws_ok('DELETE FROM o2c.bank_statement_entry', 'OC102', NULL, 'what a statement told is not removed');

SELECT is_empty('SELECT * FROM o2c.verify()', 'all agrees');
SET LOCAL session_replication_role = replica;
UPDATE o2c.bank_statement_entry SET occurrence = 9 WHERE bank_statement_id = (SELECT bank_statement_id FROM o2c.bank_statement WHERE reference = 'S1');
SELECT results_eq('SELECT check_name, found FROM o2c.verify_bank_statement', $$VALUES ('bank statement entry', 'none')$$, 'but for a line that is not there');
SET LOCAL session_replication_role = origin;
SELECT * FROM finish();
ROLLBACK;
