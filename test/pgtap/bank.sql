-- Bank statements: camt.053 and camt.054 of all versions, bank lines from JSON and from COPY.
BEGIN;
SELECT plan(189);
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-31';
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two');

-- documents are put together from their parts
CREATE FUNCTION pg_temp.document(content text, kind text DEFAULT '053', version text DEFAULT '08') RETURNS xml LANGUAGE sql AS $$
SELECT format('<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.%s.001.%s"><%s><GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-03-31T18:00:00+02:00</CreDtTm></GrpHdr>%s</%3$s></Document>',
              kind, version, CASE kind WHEN '054' THEN 'BkToCstmrDbtCdtNtfctn' ELSE 'BkToCstmrStmt' END, content)::xml $$;
CREATE FUNCTION pg_temp.balance(type text, amount text, currency text DEFAULT 'EUR', day text DEFAULT '2026-03-31') RETURNS text LANGUAGE sql AS $$
SELECT format('<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Dt><Dt>%s</Dt></Dt></Bal>',
              type, currency, ltrim(amount, '-'), CASE WHEN amount LIKE '-%' THEN 'DBIT' ELSE 'CRDT' END, day) $$;
CREATE FUNCTION pg_temp.statement(id text, content text, balances text DEFAULT '', account text DEFAULT '<Id><IBAN>DE89 3704 0044 0532 0130 00</IBAN></Id><Ccy>EUR</Ccy>', head text DEFAULT '')
RETURNS text LANGUAGE sql AS $$
SELECT format('<Stmt><Id>%s</Id>%s<CreDtTm>2026-03-31T18:00:00+02:00</CreDtTm><Acct>%s</Acct>%s%s</Stmt>', id, head, account, balances, content) $$;
CREATE FUNCTION pg_temp.notification(id text, content text) RETURNS text LANGUAGE sql AS $$
SELECT replace(pg_temp.statement(id, content), 'Stmt>', 'Ntfctn>') $$;
CREATE FUNCTION pg_temp.entry(amount text, details text DEFAULT '', more text DEFAULT '', booked text DEFAULT '<Dt>2026-03-30</Dt>', currency text DEFAULT 'EUR', status text DEFAULT '<Cd>BOOK</Cd>')
RETURNS text LANGUAGE sql AS $$
SELECT format('<Ntry><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Sts>%s</Sts><BookgDt>%s</BookgDt><ValDt><Dt>2026-03-31</Dt></ValDt>%s%s</Ntry>',
              currency, ltrim(amount, '-'), CASE WHEN amount LIKE '-%' THEN 'DBIT' ELSE 'CRDT' END, status, booked, more,
              CASE WHEN details <> '' THEN format('<NtryDtls>%s</NtryDtls>', details) END) $$;
CREATE FUNCTION pg_temp.refs(e2e text, reference text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
SELECT format('<Refs>%s<EndToEndId>%s</EndToEndId></Refs>', '<AcctSvcrRef>' || reference || '</AcctSvcrRef>', e2e) $$;
-- entries, lines, new lines, payments, their sum, taken back, problem
CREATE FUNCTION pg_temp.import(document xml) RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', i.entries, i.lines, i.new_lines, i.payments, trim_scale(i.received), i.taken_back, i.problem) FROM o2c.import_camt(document) i $$;
CREATE FUNCTION pg_temp.lines(statement text) RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', l.position, l.kind, l.amount, l.currency, l.end_to_end_id, l.party_name) FROM o2c.bank_line l
JOIN o2c.bank_statement s USING (company_id, bank_statement_id) WHERE l.company_id = 1 AND s.reference = statement ORDER BY l.bank_line_id $$;
CREATE FUNCTION pg_temp.refused(document text, reason text, what text, code text DEFAULT 'OC204') RETURNS text LANGUAGE sql AS $$
SELECT throws_like(format('SELECT * FROM o2c.import_camt(%L::xml)', document), '%' || reason || '%', what || ': ' || reason) $$;
CREATE FUNCTION pg_temp.refused_entry(entry text, reason text) RETURNS text LANGUAGE sql AS $$
SELECT throws_like(format('SELECT * FROM o2c.import_camt(%L::xml)', pg_temp.document(pg_temp.statement('BAD', pg_temp.entry('1') || entry))), '%entry 2 of statement "BAD": ' || reason || '%', reason) $$;

-- every version, its own way of writing the same
CREATE TEMP TABLE version (version text, status text, party text, bic text, amount text);
INSERT INTO version SELECT lpad(v::text, 2, '0'), CASE WHEN v < 7 THEN 'BOOK' ELSE '<Cd>BOOK</Cd>' END, CASE WHEN v < 8 THEN '<Nm>Payer</Nm>' ELSE '<Pty><Nm>Payer</Nm></Pty>' END,
    CASE WHEN v < 3 THEN 'BIC' ELSE 'BICFI' END, CASE WHEN v < 3 THEN '<AmtDtls><TxAmt><Amt Ccy="EUR">12.50</Amt></TxAmt></AmtDtls>' ELSE '<Amt Ccy="EUR">12.50</Amt><CdtDbtInd>CRDT</CdtDbtInd>' END
FROM generate_series(2, 13) v;
CREATE FUNCTION pg_temp.versioned(v version, kind text) RETURNS xml LANGUAGE sql AS $$
SELECT pg_temp.document(CASE kind WHEN '054' THEN pg_temp.notification(n.id, n.entry) ELSE pg_temp.statement(n.id, n.entry) END, kind, v.version)
FROM (SELECT 'V' || kind || v.version AS id, pg_temp.entry('12.50', format('<TxDtls><Refs><EndToEndId>E%s%s</EndToEndId><MndtId>MND</MndtId></Refs>%s<RltdPties><Dbtr>%s</Dbtr>'
    '<DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></DbtrAcct></RltdPties><RltdAgts><DbtrAgt><FinInstnId><%s>BYLADEM1001</%5$s></FinInstnId></DbtrAgt></RltdAgts>'
    '<RmtInf><Ustrd> first &amp; </Ustrd><Ustrd><![CDATA[<second>]]></Ustrd></RmtInf></TxDtls>', kind, v.version, v.amount, v.party, v.bic), status => v.status) AS entry) n $$;
CREATE TEMP TABLE imported AS SELECT v.version, k.kind, i.* FROM version v, (VALUES ('053'), ('054')) k (kind), o2c.import_camt(pg_temp.versioned(v.*::version, k.kind)) i;
SELECT results_eq('SELECT count(*), sum(new_lines), sum(payments), sum(received), count(problem) FROM imported', 'VALUES (24::bigint, 24::numeric, 24::numeric, 300.00, 0::bigint)', 'versions 2 to 13 of camt.053 and camt.054');
SELECT results_eq($$SELECT DISTINCT booked_on, value_on, amount, currency, mandate, remittance, party_name, party_account, party_bic, status, kind FROM o2c.bank_line$$,
    $$VALUES (date '2026-03-30', date '2026-03-31', 12.50, 'EUR', 'MND', E'first &\n<second>', 'Payer', 'DE02120300000000202051', 'BYLADEM1001', 'BOOK', 'receipt')$$, 'say the same');
SELECT results_eq($$SELECT DISTINCT received_on, amount, currency, reference, payer_name, payer_account, method, provider, customer_id IS NULL FROM o2c.payment$$,
    $$VALUES (date '2026-03-30', 12.50, 'EUR', E'first &\n<second>', 'Payer', 'DE02120300000000202051', 'transfer', 'DE89370400440532013000', true)$$, 'and are payments to identify, on the day the bank booked them');
SELECT results_eq('SELECT account, currency FROM o2c.bank_account', $$VALUES ('DE89370400440532013000', 'EUR')$$, 'of one account, which was added');
SELECT results_eq($$SELECT kind, message, count(*) FROM o2c.bank_statement WHERE currency = 'EUR' AND last_page AND page IS NULL GROUP BY 1, 2 ORDER BY 1$$, $$VALUES ('notification', 'M-1', 12::bigint), ('statement', 'M-1', 12)$$, 'statements and notifications');
SELECT is((SELECT sum(new_lines) FROM version v, o2c.import_camt(pg_temp.versioned(v.*::version, '053'))), 0::numeric, 'again they are known');
SELECT is((SELECT count(*) FROM o2c.bank_statement), 24::bigint, 'as statements, too');
SELECT results_eq($$SELECT pg_temp.import(regexp_replace(regexp_replace(pg_temp.document(pg_temp.statement('PREFIX', pg_temp.entry('1.00')))::text, '<(/?)([A-Z])', '<\1x:\2', 'g'), 'xmlns=', 'xmlns:x=')::xml)$$,
    ARRAY['1 1 1 1 1 0'], 'the namespace may have any prefix');

-- balances
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('TIES', pg_temp.entry('10.00') || pg_temp.entry('-4.5'), pg_temp.balance('OPBD', '100') || pg_temp.balance('CLBD', '105.50000'))))$$,
    ARRAY['2 2 2 1 10 0'], 'balances that tie, in five decimals');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('OFF', pg_temp.entry('11.00'), pg_temp.balance('OPBD', '-100') || pg_temp.balance('CLBD', '5'))))$$,
    ARRAY['1 1 1 1 11 0 opening balance -100.00 and entries of 11.00 make -89.00, not 5.00'], 'balances that do not tie are reported');
SELECT results_eq($$SELECT opening_balance, closing_balance, turnover, balances -> 1 ->> 'kind' FROM o2c.bank_statement WHERE reference = 'OFF'$$, $$VALUES (-100.00, 5.00, 11.00, 'CLBD')$$, 'and kept as they are');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('OTHER', pg_temp.entry('12'), pg_temp.balance('OPBD', '1') || pg_temp.balance('CLBD', '2', 'USD'))))$$,
    ARRAY['1 1 1 1 12 0 balances in other currencies: CLBD in USD'], 'so are balances in another currency');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('PRCD', '', pg_temp.balance('PRCD', '1') || pg_temp.balance('CLBD', '1'))))$$, ARRAY['0 0 0 0 0 0'], 'a statement without entries');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('SUM', pg_temp.entry('13'), head => '', balances =>
    '<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries></TtlNtries><TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>13.00</Sum></TtlCdtNtries><TtlDbtNtries><Sum>3</Sum></TtlDbtNtries></TxsSummry>')))$$,
    ARRAY['1 1 1 1 13 0 it announces 2 entries and has 1; it announces debits of 3 and has 0'], 'and totals that are not met');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('PAGE', pg_temp.entry('14'), pg_temp.balance('OPBD', '1') || pg_temp.balance('CLBD', '2'),
    head => '<StmtPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></StmtPgntn><ElctrncSeqNb>77</ElctrncSeqNb>')))$$, ARRAY['1 1 1 1 14 0'], 'a page cannot be added up');
SELECT results_eq($$SELECT page, sequence_number FROM o2c.bank_statement WHERE reference = 'PAGE'$$, 'VALUES (2, 77::bigint)', 'it has its numbers');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('TIES', pg_temp.entry('15'))))$$, ARRAY['1 1 1 1 15 0 it came before with other content, as bank statement ' || (SELECT bank_statement_id FROM o2c.bank_statement WHERE reference = 'TIES')], 'another statement with a known id is told');

-- each transaction once
CREATE TEMP TABLE doc AS SELECT pg_temp.document(pg_temp.statement('TWO', pg_temp.entry('20', '<TxDtls>' || pg_temp.refs('NOTPROVIDED') || '<RmtInf><Ustrd>same</Ustrd></RmtInf></TxDtls>') ||
    pg_temp.entry('20.00', '<TxDtls>' || pg_temp.refs('NOTPROVIDED') || '<RmtInf><Ustrd>same</Ustrd></RmtInf></TxDtls>') || pg_temp.entry('20', '<TxDtls>' || pg_temp.refs('OTHER') || '</TxDtls>'))) AS two;
SELECT results_eq('SELECT pg_temp.import(two) FROM doc', ARRAY['3 3 3 3 60 0'], 'two equal lines of a day are two');
SELECT results_eq('SELECT pg_temp.import(two) FROM doc', ARRAY['3 3 0 0 0 0'], 'the same file again is none');
SELECT results_eq($$SELECT pg_temp.import(replace(two::text, 'TWO', 'OVER')::xml) FROM doc$$, ARRAY['3 3 0 0 0 0'], 'nor is another statement with the same lines');
SELECT results_eq($$SELECT pg_temp.import(replace(replace(two::text, 'TWO', 'OVER2'), '</Stmt>', pg_temp.entry('21') || pg_temp.entry('20', '<TxDtls><RmtInf><Ustrd>same</Ustrd></RmtInf></TxDtls>') || '</Stmt>')::xml) FROM doc$$,
    ARRAY['5 5 2 2 41 0'], 'files that overlap bring what is new, the third equal line as well');
SELECT results_eq($$SELECT count(*) FROM o2c.import_camt((SELECT two FROM doc), company_id => 2) WHERE new_lines = 3$$, 'VALUES (1::bigint)', 'another company has its own');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('S1', pg_temp.entry('22')) || pg_temp.statement('S2', pg_temp.entry('22') || pg_temp.entry('-1')) || pg_temp.statement('S1', pg_temp.entry('22'))))$$,
    ARRAY['1 1 1 1 22 0', '2 2 2 1 22 0'], 'several statements in a file; equal lines in two of them are two, the same statement again is not');
SELECT results_eq($$SELECT pg_temp.lines('S2')$$, ARRAY['0 receipt 22.00 EUR', '0 debit -1.00 EUR'], 'each has its lines');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.notification('N1', pg_temp.entry('30', more => '<AcctSvcrRef>B-30</AcctSvcrRef>') || pg_temp.entry('31', '<TxDtls>' || pg_temp.refs('E-31') || '</TxDtls>')), '054'))$$,
    ARRAY['2 2 2 2 61 0'], 'a notification books');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('N2', pg_temp.entry('30', '<TxDtls><RmtInf><Ustrd>more</Ustrd></RmtInf></TxDtls>', '<AcctSvcrRef>B-30</AcctSvcrRef>')
    || pg_temp.entry('31', '<TxDtls>' || pg_temp.refs('E-31') || '<RmtInf><Ustrd>more</Ustrd></RmtInf></TxDtls>') || pg_temp.entry('32', more => '<AcctSvcrRef>B-30</AcctSvcrRef>'))))$$,
    ARRAY['3 3 1 1 32 0'], 'its statement does not book it again');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.notification('N3', pg_temp.entry('33', status => '<Cd>PDNG</Cd>', more => '<AcctSvcrRef>B-33</AcctSvcrRef>') || pg_temp.entry('0') || pg_temp.entry('34', status => '<Prtry>X</Prtry>')), '054'))$$,
    ARRAY['3 3 3 0 0 0'], 'what the bank has not booked, or is zero, is not booked');
SELECT results_eq($$SELECT pg_temp.lines('N3')$$, ARRAY['0 information 33.00 EUR', '0 information 0.00 EUR', '0 information 34.00 EUR'], 'but known');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('N4', pg_temp.entry('33', more => '<AcctSvcrRef>B-33</AcctSvcrRef>'))))$$, ARRAY['1 1 1 1 33 0'], 'until it is booked');

-- batches
CREATE FUNCTION pg_temp.part(amount text, e2e text, more text DEFAULT '') RETURNS text LANGUAGE sql AS $$
SELECT format('<TxDtls><Refs><EndToEndId>%s</EndToEndId></Refs><Amt Ccy="EUR">%s</Amt><CdtDbtInd>%s</CdtDbtInd>%s<RltdPties><Dbtr><Pty><Nm>P %1$s</Nm></Pty></Dbtr></RltdPties></TxDtls>',
    e2e, ltrim(amount, '-'), CASE WHEN amount LIKE '-%' THEN 'DBIT' ELSE 'CRDT' END, more) $$;
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('B1', pg_temp.entry('100', '<Btch><PmtInfId>PI</PmtInfId></Btch>' || pg_temp.part('70', 'a') || pg_temp.part('40', 'b') || pg_temp.part('-10', 'c')))))$$,
    ARRAY['1 3 3 2 110 0'], 'a batch is a line for each transaction');
SELECT results_eq($$SELECT pg_temp.lines('B1')$$, ARRAY['1 receipt 70.00 EUR a P a', '2 receipt 40.00 EUR b P b', '3 debit -10.00 EUR c'], 'with their signs');
SELECT is((SELECT string_agg(DISTINCT batch_reference, ',') FROM o2c.bank_line WHERE end_to_end_id IN ('a', 'b', 'c')), 'PI', 'and the batch''s reference');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('B2', pg_temp.entry('100.00', pg_temp.part('70', 'd') || pg_temp.part('40', 'e')))))$$, ARRAY['1 1 1 1 100 0'], 'one that does not add up stays whole');
SELECT results_eq($$SELECT amount, problem, (SELECT p.amount FROM o2c.payment p WHERE p.payment_id = l.payment_id) FROM o2c.bank_line l WHERE problem LIKE 'its 2%'$$, $$VALUES (100.00, 'its 2 transactions add up to 110 EUR', 100.00)$$, 'with its problem');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('B3', pg_temp.entry('97', pg_temp.part('60', 'f') || pg_temp.part('40', 'g'), '<Chrgs><Rcrd><Amt Ccy="EUR">1</Amt></Rcrd><Rcrd><Amt Ccy="EUR">2.5</Amt></Rcrd>'
    '<Rcrd><Amt Ccy="EUR">0.5</Amt><CdtDbtInd>CRDT</CdtDbtInd></Rcrd><Rcrd><Amt Ccy="EUR">9</Amt><ChrgInclInd>false</ChrgInclInd></Rcrd></Chrgs>'), pg_temp.balance('OPBD', '0') || pg_temp.balance('CLBD', '97'))))$$,
    ARRAY['1 3 3 2 100 0'], 'a batch less charges');
SELECT results_eq($$SELECT pg_temp.lines('B3')$$, ARRAY['1 receipt 60.00 EUR f P f', '2 receipt 40.00 EUR g P g', '3 charge -3.00 EUR'], 'has a line for them');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('B4', pg_temp.entry('50', more => '<AcctSvcrRef>LUMP</AcctSvcrRef>'))))$$, ARRAY['1 1 1 1 50 0'], 'a batch without its transactions is one payment');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.notification('B5', pg_temp.entry('50', pg_temp.part('20', 'h') || pg_temp.part('30', 'i'), '<AcctSvcrRef>LUMP</AcctSvcrRef>')), '054'))$$,
    ARRAY['1 2 2 2 50 0'], 'until a notification tells them');
SELECT results_eq($$SELECT p.state, p.clearing, p.amount FROM o2c.bank_line l JOIN o2c.payment p USING (company_id, payment_id) WHERE l.bank_reference = 'LUMP' ORDER BY l.bank_line_id$$,
    $$VALUES ('reversed', 'voided', 50.00), ('received', 'settled', 20.00), ('received', 'settled', 30.00)$$, 'which take its place; it is void, not returned');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('B4', pg_temp.entry('50', more => '<AcctSvcrRef>LUMP</AcctSvcrRef>'))))$$, ARRAY['1 1 0 0 0 0'], 'once');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.notification('B5', pg_temp.entry('50', pg_temp.part('20', 'h') || pg_temp.part('30', 'i'), '<AcctSvcrRef>LUMP</AcctSvcrRef>')), '054'))$$, ARRAY['1 2 0 0 0 0'], 'and for all');
SELECT count(*) FROM o2c.import_camt(pg_temp.document(pg_temp.statement('B6', pg_temp.entry('51', more => '<AcctSvcrRef>TAKEN</AcctSvcrRef>'))));
SELECT o2c.identify_payment(payment_id, 'C1') FROM o2c.bank_line WHERE bank_reference = 'TAKEN';
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.notification('B7', pg_temp.entry('51', pg_temp.part('20', 'h') || pg_temp.part('31', 'i'), '<AcctSvcrRef>TAKEN</AcctSvcrRef>')), '054'))$$,
    ARRAY['1 2 0 0 0 0'], 'a batch that somebody has identified stays as it is');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.notification('B8', pg_temp.entry('52', pg_temp.part('20', 'h') || pg_temp.part('32', 'i'), '<AcctSvcrRef>FIRST</AcctSvcrRef>')), '054'))$$, ARRAY['1 2 2 2 52 0'], 'transactions that came first');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('B9', pg_temp.entry('52', more => '<AcctSvcrRef>FIRST</AcctSvcrRef>'))))$$, ARRAY['1 1 0 0 0 0'], 'are not booked again as a whole');

-- amounts and their sides
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('A1', pg_temp.entry('91.85', '<TxDtls><Refs><EndToEndId>fx</EndToEndId><UETR>u-1</UETR></Refs><Amt Ccy="EUR">91.85</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    '<AmtDtls><InstdAmt><Amt Ccy="USD">105.00000</Amt><CcyXchg><SrcCcy>USD</SrcCcy><XchgRate>1.1172</XchgRate></CcyXchg></InstdAmt></AmtDtls><Chrgs><Rcrd><Amt Ccy="EUR">2.13</Amt><CdtDbtInd>DBIT</CdtDbtInd></Rcrd></Chrgs>'
    '<RmtInf><Strd><RfrdDocInf><Nb>INV-7</Nb></RfrdDocInf><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf><AddtlRmtInf>more</AddtlRmtInf></Strd><Strd><CdtrRefInf><Ref>R2</Ref></CdtrRefInf></Strd></RmtInf>'
    '<AddtlTxInf>bank text</AddtlTxInf></TxDtls>'))))$$, ARRAY['1 1 1 1 91.85 0'], 'a payment in another currency');
SELECT results_eq($$SELECT amount, gross_amount, charges, charges_currency, original_amount, original_currency, exchange_rate, transaction_id, structured_reference, document_numbers, information FROM o2c.bank_line WHERE end_to_end_id = 'fx'$$,
    $$VALUES (91.85, 93.98, 2.13, 'EUR', 105.00, 'USD', 1.1172, 'u-1', 'RF18539007547034 R2', 'INV-7', E'more\nbank text')$$, 'with charges, rate and references');
SELECT is((SELECT reference FROM o2c.payment JOIN o2c.bank_line USING (company_id, payment_id) WHERE end_to_end_id = 'fx'), 'RF18539007547034 R2 INV-7', 'which its payment has');
SELECT is((SELECT trim_scale(p.amount) || ' ' || trim_scale(charge_amount) FROM o2c.payment p JOIN o2c.bank_line USING (company_id, payment_id) WHERE end_to_end_id = 'fx'), '91.85 2.13', 'and what the bank kept of it');
INSERT INTO o2c.cash_policy (customer_id, bears_charges) SELECT customer_id, false FROM o2c.customer WHERE code = 'C2';
SELECT results_eq($$SELECT new_lines FROM o2c.import_bank_lines('[{"booked_on": "2026-03-27", "amount": 98, "charges": 2, "end_to_end_id": "k1"}, {"booked_on": "2026-03-27", "amount": 98, "charges": 2, "end_to_end_id": "k2"},
    {"booked_on": "2026-03-27", "amount": 98, "charges": 2, "charges_currency": "USD", "end_to_end_id": "k3"}, {"booked_on": "2026-03-27", "amount": 98, "charges": -2, "end_to_end_id": "k4"}]')$$, 'VALUES (4::bigint)', 'four credits of 98');
SELECT o2c.identify_payment(payment_id, CASE end_to_end_id WHEN 'k2' THEN 'C2' ELSE 'C1' END) FROM o2c.bank_line WHERE end_to_end_id ~ '^k[1-4]$';
SELECT results_eq($$SELECT l.end_to_end_id, p.amount, p.charge_amount, i.amount FROM o2c.bank_line l JOIN o2c.payment p USING (company_id, payment_id) JOIN o2c.open_item i USING (company_id, item_id) WHERE l.end_to_end_id ~ '^k[1-4]$' ORDER BY 1$$,
    $$VALUES ('k1', 98.00, 2.00, -100.00), ('k2', 98.00, 2.00, -98.00), ('k3', 98.00, 0, -98.00), ('k4', 98.00, 0, -98.00)$$, 'charges in the same currency are credited where we bear them');
SELECT count(*) FROM o2c.import_camt(pg_temp.document(pg_temp.statement('A2', pg_temp.entry('10', '<TxDtls><Refs><EndToEndId>v2</EndToEndId></Refs><Chrgs><Amt Ccy="EUR">1.10</Amt></Chrgs><Chrgs><Amt Ccy="EUR">0.2</Amt></Chrgs></TxDtls>', status => 'BOOK')), version => '02'));
SELECT is((SELECT charges FROM o2c.bank_line WHERE end_to_end_id = 'v2'), 1.30, 'charges as version 2 writes them');
SELECT count(*) FROM o2c.import_camt(pg_temp.document(pg_temp.statement('A3', pg_temp.entry('1500', '<TxDtls><Refs><EndToEndId>jp</EndToEndId></Refs></TxDtls>', currency => 'JPY'), account => '<Id><Othr><Id>123-456</Id></Othr></Id>')));
SELECT results_eq($$SELECT a.account, a.currency, s.currency, l.amount FROM o2c.bank_line l JOIN o2c.bank_account a USING (company_id, bank_account_id) JOIN o2c.bank_statement s USING (company_id, bank_statement_id) WHERE end_to_end_id = 'jp'$$,
    $$VALUES ('123456', 'JPY', 'JPY', 1500::numeric)$$, 'an account without IBAN and currency');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('A4', pg_temp.entry('5', currency => 'USD'), pg_temp.balance('OPBD', '1') || pg_temp.balance('CLBD', '1'))))$$, ARRAY['1 1 1 1 5 0 1 entries are not in EUR'], 'an entry in another currency than its statement');
SELECT count(*) FROM o2c.import_camt(pg_temp.document(pg_temp.statement('A5', '<Ntry><Amt Ccy="EUR">6</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry>')));
SELECT is((SELECT booked_on FROM o2c.bank_line JOIN o2c.bank_statement USING (company_id, bank_statement_id) WHERE reference = 'A5'), '2026-03-31', 'without dates the statement''s counts');
SELECT count(*) FROM o2c.import_camt(pg_temp.document(pg_temp.statement('A6', pg_temp.entry('7', booked => '<DtTm>2026-03-28T23:59:59.000000000-11:00</DtTm>'))));
SELECT is((SELECT booked_on FROM o2c.bank_line JOIN o2c.bank_statement USING (company_id, bank_statement_id) WHERE reference = 'A6'), '2026-03-28', 'a date is the bank''s, no time zone moves it');
SELECT results_eq($$SELECT pg_temp.import(replace(replace(two::text, '2026-03-30', '2026-03-29'), 'TWO', 'DAY')::xml) FROM doc$$, ARRAY['3 3 3 3 60 0'], 'equal lines of another day are others');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('A7', pg_temp.entry('8', '<TxDtls>' || pg_temp.refs('e8') || '<Amt Ccy="EUR">9</Amt></TxDtls>') || pg_temp.entry('-8', '<TxDtls>' || pg_temp.refs('e8')
    || '<Amt Ccy="SEK">80</Amt><RltdPties><Cdtr><Nm>Payee</Nm></Cdtr><UltmtDbtr><Nm>Us</Nm></UltmtDbtr></RltdPties></TxDtls>'))))$$, ARRAY['2 2 2 1 8 0'], 'a transaction that says another amount');
SELECT results_eq($$SELECT amount, original_amount, original_currency, party_name, problem FROM o2c.bank_line WHERE end_to_end_id = 'e8' ORDER BY amount DESC$$,
    $$VALUES (8.00, NULL::numeric, NULL, NULL, 'its transaction says 9 EUR'), (-8.00, 80.00, 'SEK', 'Payee', 'its transaction says 80 SEK')$$, 'is kept with it, the entry counts');

-- what is taken back
CREATE FUNCTION pg_temp.returned(amount text, e2e text, more text DEFAULT '<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>', entry text DEFAULT '', booked text DEFAULT '2026-03-31') RETURNS text LANGUAGE sql AS $$
SELECT pg_temp.entry(amount, format('<TxDtls><Refs><EndToEndId>%s</EndToEndId></Refs>%s</TxDtls>', e2e, more), entry, format('<Dt>%s</Dt>', booked)) $$;
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ('INV-1', 'C1', '2026-01-01', '2026-01-31', 53);
SELECT o2c.load_invoices();
SELECT count(*) FROM o2c.import_camt(pg_temp.document(pg_temp.statement('R1', pg_temp.returned('53', 'r1', '<RmtInf><Ustrd>INV-1</Ustrd></RmtInf>') || pg_temp.returned('54', 'r2', '')
    || pg_temp.returned('55', 'r3', '') || pg_temp.returned('55', 'r3', '', booked => '2026-03-30') || pg_temp.returned('56', 'r4', '') || pg_temp.returned('57', 'r5', '')
    || pg_temp.entry('58', more => '<AcctSvcrRef>r6</AcctSvcrRef>'))));
SELECT results_eq('SELECT stage, amount FROM o2c.match_payments()', $$VALUES ('reference', 53.00)$$, 'a receipt pays an invoice');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('R2', pg_temp.returned('-53', 'r1')
    || pg_temp.returned('-57.00', 'r2', '<AmtDtls><InstdAmt><Amt Ccy="EUR">54.00</Amt></InstdAmt></AmtDtls><Chrgs><Rcrd><Amt Ccy="EUR">3</Amt></Rcrd></Chrgs><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>UPDD</SubFmlyCd></Fmly></Domn></BkTxCd>')
    || pg_temp.returned('-55', 'r3') || pg_temp.returned('-1', 'r4') || pg_temp.returned('-57', 'unknown') || pg_temp.returned('-57', 'r5', '')
    || pg_temp.entry('-58', more => '<AcctSvcrRef>r6</AcctSvcrRef>', booked => '<Dt>2026-03-31</Dt>') || replace(pg_temp.entry('-58', more => '<AcctSvcrRef>r6</AcctSvcrRef>', booked => '<Dt>2026-03-31</Dt>'), '<Sts>', '<RvslInd>true</RvslInd><Sts>')
    || replace(pg_temp.entry('4'), '<Sts>', '<RvslInd>1</RvslInd><Sts>'))))$$, ARRAY['9 9 9 0 0 3'], 'returns take payments back');
SELECT results_eq($$SELECT l.amount, l.kind, p.amount, p.state, p.reversed_on, p.reversal_reason FROM o2c.bank_line l JOIN o2c.bank_statement s USING (company_id, bank_statement_id) LEFT JOIN o2c.payment p USING (company_id, payment_id)
    WHERE s.reference = 'R2' ORDER BY l.bank_line_id$$,
    $$VALUES (-53.00, 'return', 53.00, 'reversed', date '2026-03-31', 'AC04'), (-57.00, 'return', 54.00, 'reversed', '2026-03-31', NULL), (-55.00, 'return', NULL, NULL, NULL, NULL), (-1.00, 'return', NULL, NULL, NULL, NULL),
      (-57.00, 'return', NULL, NULL, NULL, NULL), (-57.00, 'debit', NULL, NULL, NULL, NULL), (-58.00, 'debit', NULL, NULL, NULL, NULL), (-58.00, 'return', 58.00, 'reversed', '2026-03-31', NULL), (4.00, 'correction', NULL, NULL, NULL, NULL)$$,
    'the one that they name, with its amount, before or after charges; debits that are no returns do not');
SELECT results_eq($$SELECT v.state, i.open_amount, i.due_on FROM o2c.invoice v JOIN o2c.open_item i USING (company_id, invoice_id) WHERE v.number = 'INV-1'$$, $$VALUES ('posted', 53.00, date '2026-01-31')$$, 'the invoice is open again');
SELECT results_eq($$SELECT amount, kind, return_reason FROM o2c.bank_line_open ORDER BY bank_line_id$$, $$VALUES (-55.0000, 'return', 'AC04'), (-1.0000, 'return', 'AC04'), (-57.0000, 'return', 'AC04'), (4.0000, 'correction', NULL)$$, 'the others wait for a person');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('R3', pg_temp.returned('-59', 'r7') || pg_temp.returned('59', 'r7', '', booked => '2026-03-30') || pg_temp.returned('-59', 'r7', '<RtrInf/>'))))$$, ARRAY['3 3 3 1 59 1'],
    'a return may stand before its payment; a payment is taken back once');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('R4', pg_temp.returned('57', 'unknown', '', booked => '2026-03-20'))))$$, ARRAY['1 1 1 1 57 0'], 'a payment that comes after its return');
SELECT is((SELECT state FROM o2c.payment p JOIN o2c.bank_line l USING (company_id, payment_id) WHERE l.kind = 'return' AND l.end_to_end_id = 'unknown'), 'reversed', 'is taken back then');
CREATE FUNCTION pg_temp.line(e2e text, amount numeric) RETURNS bigint LANGUAGE sql AS 'SELECT min(bank_line_id) FROM o2c.bank_line l WHERE l.end_to_end_id = $1 AND l.amount = $2 AND closed_at IS NULL';
SELECT o2c.close_bank_line(pg_temp.line('r3', -55), (SELECT max(payment_id) FROM o2c.bank_line WHERE end_to_end_id = 'r3'), 'it was the second');
SELECT results_eq($$SELECT p.state, l.closed_note, l.closed_by = current_user FROM o2c.bank_line l JOIN o2c.payment p USING (company_id, payment_id) WHERE l.end_to_end_id = 'r3' ORDER BY l.bank_line_id$$,
    $$VALUES ('received', NULL, NULL), ('reversed', NULL, NULL), ('reversed', 'it was the second', true)$$, 'a person names the payment');
SELECT o2c.close_bank_line(pg_temp.line('r4', -1), note => 'written off');
SELECT is((SELECT count(*) FROM o2c.bank_line_open), 2::bigint, 'or none');
SELECT throws_ok($$SELECT o2c.close_bank_line((SELECT bank_line_id FROM o2c.bank_line WHERE end_to_end_id = 'r4' AND amount < 0))$$, 'OC101', NULL, 'once');
SELECT throws_ok($$SELECT o2c.close_bank_line(pg_temp.line('r4', 56))$$, 'OC101', NULL, 'a receipt is settled');
SELECT throws_ok($$SELECT o2c.close_bank_line((SELECT bank_line_id FROM o2c.bank_line_open WHERE kind = 'correction'), (SELECT payment_id FROM o2c.bank_line WHERE end_to_end_id = 'r4' AND payment_id IS NOT NULL))$$, 'OC002', NULL, 'a correction takes no payment back');
SELECT throws_ok($$SELECT o2c.close_bank_line((SELECT bank_line_id FROM o2c.bank_line_open WHERE kind = 'return'), (SELECT max(payment_id) FROM o2c.payment WHERE state = 'reversed'))$$, 'OC101', NULL, 'what is reversed is not taken back again');
SELECT throws_ok($$SELECT o2c.close_bank_line(-1)$$, 'OC001', NULL, 'a line that is not there');
SELECT throws_ok($$SELECT o2c.close_bank_line(NULL)$$, 'OC001', NULL, 'or is not named');
SELECT throws_ok($$SELECT o2c.close_bank_line((SELECT min(bank_line_id) FROM o2c.bank_line_open), company_id => 2)$$, 'OC001', NULL, 'or is another company''s');
SELECT throws_ok('UPDATE o2c.bank_line SET amount = 1', 'OC102', NULL, 'lines keep their facts');
SELECT throws_ok('UPDATE o2c.bank_line SET payment_id = NULL', 'OC102', NULL, 'and what the engine made of them');
SELECT throws_ok('DELETE FROM o2c.bank_statement', 'OC102', NULL, 'statements are not removed');
SELECT throws_ok($$INSERT INTO o2c.bank_line (bank_account_id, entry_key, occurrence, position, kind, status, booked_on, amount, currency) VALUES (1, 'x', 1, 0, 'debit', 'BOOK', '2026-03-01', 1, 'EUR')$$, 'OC102', NULL, 'nor written by hand');

-- what is refused, with nothing booked
CREATE TEMP TABLE before AS SELECT (SELECT count(*) FROM o2c.bank_line) AS lines, (SELECT count(*) FROM o2c.bank_statement) AS statements, (SELECT count(*) FROM o2c.payment) AS payments, (SELECT count(*) FROM o2c.bank_account) AS accounts;
SELECT throws_ok(format('SELECT o2c.import_camt(%L)', x), 'OC204', NULL, what) FROM (VALUES
    (pg_temp.document(''), 'a document without statements'),
    (pg_temp.document('', '054'), 'nor notifications'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')), '054'), 'a statement that calls itself a notification'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')), '053', '01'), 'version 1'),
    (replace(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')))::text, 'camt.053', 'camt.052')::xml, 'an intraday report'),
    (replace(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')))::text, 'camt.053', 'pain.001')::xml, 'a payment order'),
    (replace(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')))::text, 'urn:iso', 'urn:oso')::xml, 'another namespace'),
    (replace(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')))::text, 'xmlns=', 'xmlns:no=')::xml, 'no namespace'),
    (replace(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')))::text, 'Document', 'Dokument')::xml, 'another root'),
    ('just a text', 'a text'), ('', 'nothing'), ('<a/><b/>', 'two roots'),
    (replace(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')))::text, '<Document', '<!DOCTYPE Document><Document')::xml, 'a document type'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'), account => '<Id><Othr><Id>---</Id></Othr></Id>')), 'an account that is none'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'), account => '')), 'no account'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'), pg_temp.balance('OPBD', 'NaN'))), 'a balance that is no number'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'), replace(pg_temp.balance('OPBD', '5'), '>5<', '>-5<'))), 'a negative balance besides its indicator'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'), pg_temp.balance('OPBD', '1.001'))), 'a balance in tenths of a cent'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'), pg_temp.balance('OPBD', '1', 'XXX'))), 'a balance in no currency'),
    (pg_temp.document(pg_temp.statement('X', pg_temp.entry('1'), pg_temp.balance('OPBD', '1', 'EUR', '9999-12-31'))), 'a balance of the year 9999'),
    (replace(pg_temp.document(pg_temp.statement('X', pg_temp.entry('1')))::text, '</Amt>', '</Amt><Amt Ccy="EUR">2</Amt>')::xml, 'two amounts of an entry')) AS bad (x, what);
SELECT throws_ok(format('SELECT o2c.import_camt(%L)', x), code, NULL, what) FROM (VALUES
    ('<Document>', '2200N', 'malformed XML'),
    ('<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]><Document>&b;</Document>', 'OC204', 'entities'),
    ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Document>&e;</Document>', 'OC204', 'files'),
    (repeat('<a>', 3000) || repeat('</a>', 3000), '2200N', 'a nesting without end'),
    ('<Document>' || repeat('x', 5000000) || '</Document>', 'OC204', 'a text without end')) AS bad (x, code, what);
SELECT throws_ok(format('SELECT o2c.import_camt(%L)', '<!DOCTYPE x [<!ENTITY a0 "lol">' || (SELECT string_agg(format('<!ENTITY a%s "%s">', n, repeat(format('&a%s;', n - 1), 10)), '') FROM generate_series(1, 12) n) || ']><x>&a12;</x>'),
    '2200N', NULL, 'a bomb of entities is defused by the parser');
SELECT throws_ok('SELECT o2c.import_camt(NULL)', 'OC002', NULL, 'no document');
SELECT throws_ok($$SELECT o2c.import_camt(pg_temp.document(pg_temp.statement('X', '')), company_id => 99)$$, 'OC001', NULL, 'an unknown company');
SELECT throws_ok($$SELECT o2c.import_camt(pg_temp.document(pg_temp.statement('X', '')), company_id => NULL)$$, 'OC001', NULL, 'or none');
SELECT throws_ok($$SELECT o2c.import_camt(pg_temp.document(pg_temp.statement('X', '', account => '<Id><IBAN>NL00</IBAN></Id>')), false)$$, 'OC001', NULL, 'an account that is not to be added');
UPDATE o2c.bank_account SET active = false WHERE account = '123456';
SELECT throws_ok($$SELECT o2c.import_camt(pg_temp.document(pg_temp.statement('X', '', account => '<Id><Othr><Id>123456</Id></Othr></Id>')))$$, 'OC002', NULL, 'an account that is closed');
CREATE FUNCTION pg_temp.raw(amount text DEFAULT '1', indicator text DEFAULT 'CRDT', status text DEFAULT 'BOOK', booked text DEFAULT '2026-03-01', currency text DEFAULT 'EUR', more text DEFAULT '', details text DEFAULT '') RETURNS text LANGUAGE sql AS $$
SELECT format('<Ntry><Amt Ccy="%s">%s</Amt><CdtDbtInd>%s</CdtDbtInd>%s<Sts>%s</Sts><BookgDt><Dt>%s</Dt></BookgDt><NtryDtls>%s</NtryDtls></Ntry>', currency, amount, indicator, more, status, booked, details) $$;
SELECT pg_temp.refused_entry(entry, reason) FROM (VALUES
    (pg_temp.raw(''), 'the amount is missing'), (pg_temp.raw('NaN'), 'the amount ''NaN'' is not a number'), (pg_temp.raw('1e5'), 'the amount ''1e5'' is not a number'),
    (pg_temp.raw('Infinity'), 'the amount ''Infinity'' is not a number'), (pg_temp.raw('1,5'), 'the amount ''1,5'' is not a number'), (pg_temp.raw('-1'), 'the amount -1 is negative'),
    (pg_temp.raw('1.001'), 'the amount has more than the 2 decimals of EUR'), (pg_temp.raw('1.5', currency => 'JPY'), 'the amount has more than the 0 decimals of JPY'),
    (pg_temp.raw('1000000000000000'), 'the amount is 10^15 or more'), (pg_temp.raw(repeat('9', 40)), 'the amount ''%'' is not a number'),
    (pg_temp.raw(currency => 'EURO'), 'there is no currency ''EURO'''), (pg_temp.raw(indicator => 'CR'), 'the credit or debit indicator ''CR'''), (pg_temp.raw(indicator => ''), 'the credit or debit indicator is missing'),
    (pg_temp.raw(status => ''), 'the status is missing'), (pg_temp.raw(booked => '0000-01-01'), 'the booking date ''0000-01-01'' is not a date'), (pg_temp.raw(booked => '9999-12-31'), 'the booking date is not from 1900'),
    (pg_temp.raw(booked => '2026-02-30'), 'the booking date ''2026-02-30'' is not a date'), (pg_temp.raw(booked => '30.03.2026'), 'the booking date ''30.03.2026'' is not a date'),
    (pg_temp.raw(booked => '2026-03-01x'), 'the booking date ''2026-03-01x'' is not a date'), (pg_temp.raw(more => '<ValDt><Dt>1066-10-14</Dt></ValDt>'), 'the value date is not from 1900'),
    (pg_temp.raw(more => '<ValDt><Dt>soon</Dt></ValDt>'), 'the value date ''soon'' is not a date'), (pg_temp.raw(more => '<RvslInd>yes</RvslInd>'), 'the reversal indicator ''yes'''),
    (pg_temp.raw(more => '<Chrgs><Rcrd><Amt Ccy="EUR">x</Amt></Rcrd></Chrgs>'), 'the charge ''x'' is not a number'), (pg_temp.raw(more => '<Chrgs><Rcrd><Amt Ccy="CHF">1</Amt></Rcrd><Rcrd><Amt Ccy="USD">1</Amt></Rcrd></Chrgs>'), 'the charges are in several currencies'),
    (pg_temp.raw(more => '<Chrgs><Rcrd><Amt Ccy="EUR">0.001</Amt></Rcrd></Chrgs>'), 'the charge has more than the 2 decimals'),
    (pg_temp.raw(details => '<TxDtls><Amt Ccy="EUR">x</Amt></TxDtls>'), 'the amount ''x'' of a transaction is not a number'), (pg_temp.raw(details => '<TxDtls><Amt Ccy="EUR">-1</Amt></TxDtls>'), 'the amount of a transaction is negative'),
    (pg_temp.raw(details => '<TxDtls><CdtDbtInd>x</CdtDbtInd></TxDtls>'), 'the credit or debit indicator ''x'''),
    (pg_temp.raw('2', details => pg_temp.part('1.005', 'x') || pg_temp.part('0.995', 'y')), 'the amount has more than the 2 decimals'),
    (pg_temp.raw(details => '<TxDtls><AmtDtls><InstdAmt><Amt Ccy="XXX">1</Amt></InstdAmt></AmtDtls></TxDtls>'), 'there is no currency ''XXX'' of the original amount'),
    (pg_temp.raw(details => '<TxDtls><AmtDtls><InstdAmt><Amt Ccy="USD">1</Amt><CcyXchg><XchgRate>0</XchgRate></CcyXchg></InstdAmt></AmtDtls></TxDtls>'), 'the exchange rate is not a number above zero'),
    (pg_temp.raw(details => '<TxDtls>' || pg_temp.refs(repeat('x', 141)) || '</TxDtls>'), 'a reference or code is longer than 140 characters'),
    (pg_temp.raw(details => '<TxDtls><RltdPties><Dbtr><Nm>' || repeat('x', 351) || '</Nm></Dbtr></RltdPties></TxDtls>'), 'a name is longer than 350 characters')) AS bad (entry, reason);
SELECT results_eq($$SELECT (SELECT count(*) FROM o2c.bank_line) AS lines, (SELECT count(*) FROM o2c.bank_statement) AS statements, (SELECT count(*) FROM o2c.payment), (SELECT count(*) FROM o2c.bank_account)$$, 'TABLE before', 'and nothing of it is booked');
SELECT is((SELECT count(*) FROM o2c.bank_line_import) + (SELECT count(*) FROM o2c.payment_import), 0::bigint, 'nor left in the doors');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('LONG', pg_temp.entry('61', '<TxDtls><RmtInf>' || repeat('<Ustrd>' || repeat('x', 140) || '</Ustrd>', 5000) || '</RmtInf></TxDtls>'))))$$, ARRAY['1 1 1 1 61 0'], 'a long text is kept');
SELECT is((SELECT max(length(remittance)) FROM o2c.bank_line), 5000 * 141 - 1, 'whole');

-- lines from elsewhere
CREATE FUNCTION pg_temp.json(lines jsonb, account text DEFAULT 'DE89 3704 0044 0532 0130 00') RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', i.bank_account, i.bank_lines, i.new_lines, i.payments, trim_scale(i.received), i.taken_back) FROM o2c.import_bank_lines(lines, account) i $$;
CREATE TEMP TABLE line AS SELECT '[{"booked_on": "2026-03-30", "amount": 71.5, "end_to_end_id": "j1", "remittance": "INV-9", "party_name": "Json", "charges": 1, "family": "IDDT", "reversal": false, "value_on": null},
    {"booked_on": "2026-03-30", "amount": "71.50000", "end_to_end_id": "j1"}, {"booked_on": "2026-03-31", "amount": -71.5, "end_to_end_id": "j2", "return_reason": "MD06"},
    {"booked_on": "2026-03-30", "amount": -2, "subfamily": "CHRG"}, {"booked_on": "2026-03-29", "amount": 70, "end_to_end_id": "j2", "currency": "EUR"}]'::jsonb AS json;
SELECT results_eq('SELECT pg_temp.json(json) FROM line', ARRAY['DE89370400440532013000 5 5 3 213 0'], 'bank lines from JSON');
SELECT results_eq('SELECT pg_temp.json(json) FROM line', ARRAY['DE89370400440532013000 5 0 0 0 0'], 'again they are known');
SELECT results_eq($$SELECT pg_temp.json('[{"booked_on": "2026-03-29", "amount": 71.5, "end_to_end_id": "j2"}]')$$, ARRAY['DE89370400440532013000 1 1 1 71.5 1'], 'what they take back may come later');
SELECT results_eq($$SELECT p.state, p.method, p.reference, l.kind FROM o2c.bank_line l LEFT JOIN o2c.payment p USING (company_id, payment_id) WHERE l.end_to_end_id IN ('j1', 'j2') OR subfamily = 'CHRG' AND bank_statement_id IS NULL ORDER BY bank_line_id$$,
    $$VALUES ('received', 'direct_debit', 'INV-9', 'receipt'), ('received', 'transfer', 'j1', 'receipt'), ('reversed', 'transfer', 'j2', 'return'), (NULL, NULL, NULL, 'charge'), ('received', 'transfer', 'j2', 'receipt'), ('reversed', 'transfer', 'j2', 'receipt')$$, 'with the rules of statements');
SELECT results_eq($$SELECT pg_temp.import(pg_temp.document(pg_temp.statement('JS', pg_temp.entry('71.50', '<TxDtls>' || pg_temp.refs('j1') || '</TxDtls>'))))$$, ARRAY['1 1 0 0 0 0'], 'and the same identity');
SELECT is((SELECT count(*) FROM o2c.import_bank_lines('[]')), 0::bigint, 'no lines');
SELECT results_eq($$SELECT bank_lines FROM o2c.import_bank_lines('[{"booked_on": "2026-03-30", "amount": 1, "account": "DE89370400440532013000"}]', company_id => 2)$$, 'VALUES (1::bigint)', 'the line''s own account');
SELECT results_eq($$SELECT new_lines FROM o2c.import_bank_lines('[{"booked_on": "2026-03-30", "amount": 1}]', company_id => 2)$$, 'VALUES (0::bigint)', 'or the company''s only one');
SELECT throws_ok(format('SELECT o2c.import_bank_lines(%L, ''DE89370400440532013000'')', lines), code, message, message) FROM (VALUES
    (NULL, 'OC002', 'the lines are not an array'), ('{}', 'OC002', 'the lines are not an array'), ('[{}, 1]', 'OC002', 'line 2: it is not an object'), ('[null]', 'OC002', 'line 1: it is not an object'),
    ('[{"amout": 1}]', 'OC002', 'line 1: there is no key ''amout'''), ('[{"remittance": ["a"]}]', 'OC002', 'line 1: remittance is no text, number or boolean'), ('[{"bank_account_id": 1}]', 'OC002', 'line 1: there is no key ''bank_account_id'''),
    ('[{"amount": 1, "booked_on": "2026-03-30"}, {"booked_on": "2026-03-30"}]', 'OC002', 'line 2: the amount is missing'), ('[{"amount": "x", "booked_on": "2026-03-30"}]', 'OC002', 'line 1: the amount ''x'' is not a number'),
    ('[{"amount": "NaN", "booked_on": "2026-03-30"}]', 'OC002', 'line 1: the amount ''NaN'' is not a number'), ('[{"amount": 1e20, "booked_on": "2026-03-30"}]', 'OC002', 'line 1: the amount is 10^15 or more'),
    ('[{"amount": 1}]', 'OC002', 'line 1: the booking date is missing'), ('[{"amount": 1, "booked_on": "31.3.2026"}]', 'OC002', 'line 1: the booking date ''31.3.2026'' is not a date'),
    ('[{"amount": 1, "booked_on": "2026-03-30", "reversal": "maybe"}]', 'OC002', 'line 1: reversal ''maybe'' is neither true nor false'), ('[{"amount": 1, "booked_on": "2026-03-30", "account": "X"}]', 'OC002', 'line 1: there is no bank account ''X'''),
    ('[{"amount": 1, "booked_on": "2026-03-30", "charges": "x"}]', 'OC002', 'line 1: the charge ''x'' is not a number'), ('[{"amount": 1, "booked_on": "2026-03-30", "currency": "USD"}]', 'OC002', 'line 1: there is no bank account ''DE89370400440532013000 in USD'''),
    ('[{"amount": 1, "booked_on": "2026-03-30", "exchange_rate": -1}]', 'OC002', 'line 1: the exchange rate is not a number above zero'), ('[{"amount": 1, "booked_on": "2026-03-30", "original_amount": -1}]', 'OC002', 'line 1: the original amount is negative'),
    ('[{"amount": 1, "booked_on": "2026-03-30", "account": "123-456"}]', 'OC002', 'line 1: bank account ''123456'' is not active')) AS bad (lines, code, message);
SELECT throws_ok($$SELECT o2c.import_bank_lines('[{"amount": 1, "booked_on": "2026-03-30"}]')$$, 'OC002', 'line 1: the account is missing', 'an account is named when there are several');
SELECT throws_ok($$SELECT o2c.import_bank_lines('[]', company_id => 99)$$, 'OC001', NULL, 'an unknown company has none');

-- the door for bank lines
INSERT INTO o2c.bank_line_import (batch, account, booked_on, amount, remittance) VALUES
    ('good', 'DE89370400440532013000', '2026-03-30', 81, 'copy'), ('good', 'DE89370400440532013000', '2026-03-30', 81, 'copy'), ('good', 'DE89370400440532013000', '2026-03-30', -82.5, NULL),
    ('bad', 'DE89370400440532013000', '2026-03-30', 83, NULL), ('bad', 'DE89370400440532013000', '-infinity', 'NaN', NULL), ('bad', NULL, NULL, NULL, NULL), ('bad', 'nobody', NULL, NULL, NULL);
SELECT is(o2c.load_bank_lines(), 3::bigint, 'the good batch is loaded, equal lines are lines of their own');
SELECT results_eq('SELECT batch, problem FROM o2c.bank_line_import ORDER BY import_id',
    $$VALUES ('bad', NULL), ('bad', 'the amount is not a finite number'), ('bad', 'the account is missing'), ('bad', 'there is no bank account ''nobody''')$$, 'the bad batch stays with its problems');
SELECT is(o2c.load_bank_lines('bad'), 0::bigint, 'as often as it is tried');
DELETE FROM o2c.bank_line_import;
INSERT INTO o2c.bank_line_import (batch, account, booked_on, amount, remittance, entry_key, occurrence, position, kind, bank_account_id, entry, entry_amount, bank_statement_id, problem) VALUES
    ('again', 'DE89370400440532013000', '2026-03-30', 81.00, 'copy', 'x', 7, 8, 'receipt', -1, 5, 3, -1, 'old'), ('again', 'DE89370400440532013000', '2026-03-30', -82.5, NULL, 'x', 7, 8, 'receipt', -1, 6, 3, -1, 'old');
SELECT is(o2c.load_bank_lines('again'), 0::bigint, 'the same again adds nothing, whatever is written into the columns of the engine');
SELECT results_eq($$SELECT l.kind, l.amount, p.amount FROM o2c.bank_line l LEFT JOIN o2c.payment p USING (company_id, payment_id) WHERE abs(l.amount) IN (81, 82.5) ORDER BY bank_line_id$$,
    $$VALUES ('receipt', 81.00, 81.00), ('receipt', 81.00, 81.00), ('debit', -82.50, NULL)$$, 'credits are payments');
SELECT is((SELECT count(*) FROM o2c.bank_line_import) + (SELECT count(*) FROM o2c.payment_import), 0::bigint, 'and leave the door');

-- who may do what
CREATE ROLE bank_clerk;
GRANT USAGE ON SCHEMA o2c TO bank_clerk;
GRANT EXECUTE ON FUNCTION o2c.import_camt, o2c.import_bank_lines TO bank_clerk;
GRANT SELECT ON doc TO bank_clerk;
SET LOCAL ROLE bank_clerk;
CREATE TEMP TABLE clerks AS SELECT i.new_lines FROM o2c.import_camt((SELECT two FROM doc)) i UNION ALL SELECT i.new_lines FROM o2c.import_bank_lines('[{"booked_on": "2026-03-30", "amount": 91}]', 'DE89370400440532013000') i;
DO $$ BEGIN PERFORM o2c.load_bank_lines(); RAISE 'may'; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
DO $$ BEGIN PERFORM FROM o2c.bank_line; RAISE 'may'; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
RESET ROLE;
SELECT results_eq('TABLE clerks', 'VALUES (0::bigint), (1)', 'who is granted the import needs no right on the tables, and has none');

-- what is out of step is found
SELECT is_empty('SELECT * FROM o2c.verify()', 'all agrees');
SET LOCAL session_replication_role = replica;
UPDATE o2c.bank_line SET amount = amount + 1 WHERE end_to_end_id = 'fx';
UPDATE o2c.payment SET state = 'received', clearing = 'settled', reversed_on = NULL WHERE payment_id = (SELECT payment_id FROM o2c.bank_line WHERE kind = 'return' AND end_to_end_id = 'r2');
UPDATE o2c.bank_statement SET problem = NULL WHERE reference = 'OFF';
SELECT results_eq($$SELECT check_name, expected, found FROM o2c.verify_bank_line ORDER BY 1$$, $$VALUES ('bank line payment', 'payment DE89370400440532013000 92.85 EUR 2026-03-30', 'payment DE89370400440532013000 91.85 EUR 2026-03-30'), ('bank line return', 'reversed', 'received')$$, 'a line that is not its payment, a return that reversed nothing');
SELECT results_eq($$SELECT check_name, expected, found FROM o2c.verify_bank_statement$$, $$VALUES ('bank statement balance', '-89', '5')$$, 'balances that do not tie in silence');
UPDATE o2c.bank_line SET amount = amount - 1 WHERE end_to_end_id = 'fx';
UPDATE o2c.payment SET state = 'reversed', clearing = 'returned', reversed_on = '2026-03-31' WHERE payment_id = (SELECT payment_id FROM o2c.bank_line WHERE kind = 'return' AND end_to_end_id = 'r2');
UPDATE o2c.bank_statement SET problem = 'off' WHERE reference = 'OFF';
SET LOCAL session_replication_role = origin;

SELECT is_empty('SELECT * FROM o2c.verify()', 'all agrees');
SELECT * FROM finish();
ROLLBACK;
