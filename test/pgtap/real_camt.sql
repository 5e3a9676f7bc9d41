-- Real data: camt files of several banks and versions, each beside what another parser reads of it (see the data's LICENSE for their source).
-- They are read from ../shared/data, or from the directory that O2C_DATA names; without them the test is skipped.
\set files `cd "${O2C_DATA:-../shared/data}/camt" 2>/dev/null && for f in *.xml; do [ -f "$f" ] && printf '%s %s %s\n' "$f" "$(base64 -w0 "$f")" "$(base64 -w0 "${f%.xml}.json" 2>/dev/null)"; done`
SELECT :'files' = '' AS absent \gset
BEGIN;
\if :absent
SELECT plan(1);
SELECT skip('the data are not here: set O2C_DATA to their directory');
SELECT * FROM finish();
ROLLBACK;
\quit
\endif
SELECT plan(15);
SET LOCAL client_min_messages = error;

CREATE TEMP TABLE file AS
SELECT f[1] AS file, convert_from(decode(f[2], 'base64'), 'UTF8') AS document, convert_from(decode(nullif(f[3], ''), 'base64'), 'UTF8')::jsonb AS expected
FROM (SELECT string_to_array(line, ' ') AS f FROM string_to_table(:'files', E'\n') line WHERE line <> '') s;

-- what has no expected values is no message
SELECT o2c.create_company('Camt', 'EUR') AS company \gset
SET LOCAL o2c.company = :company;
SELECT throws_ok(format('SELECT o2c.import_camt(%L)', document), 'OC204', NULL, file || ' is refused') FROM file WHERE expected IS NULL ORDER BY file LIMIT 1;

-- each in a company of its own, so that they do not know of each other
ALTER TABLE file ADD company_id bigint;
UPDATE file SET company_id = o2c.create_company(file, 'EUR') WHERE expected IS NOT NULL;
CREATE TEMP TABLE imported AS SELECT f.file, f.company_id, i.* FROM file f CROSS JOIN LATERAL o2c.import_camt(f.document::xml, company_id => f.company_id) i WHERE f.expected IS NOT NULL;
CREATE TEMP VIEW told AS
SELECT f.file, f.company_id, f.expected, f.expected -> 'getEntries' -> 0 -> 'getRecord' AS record, s.bank_statement_id
FROM file f JOIN o2c.bank_statement s ON s.company_id = f.company_id AND s.reference = f.expected #>> '{getEntries,0,getRecord,getId}';
CREATE TEMP VIEW entry AS
SELECT r.file, r.company_id, r.bank_statement_id, e.n, e.entry, d.detail
FROM told r CROSS JOIN LATERAL jsonb_array_elements(r.expected -> 'getEntries') WITH ORDINALITY e (entry, n)
-- a transaction that was printed before is only referred to
CROSS JOIN LATERAL (SELECT jsonb_agg(CASE WHEN jsonb_typeof(t) = 'object' THEN t ELSE e.entry -> 'getTransactionDetail' END) AS detail FROM jsonb_array_elements(e.entry -> 'getTransactionDetails') t) d;
CREATE FUNCTION pg_temp.money(money jsonb) RETURNS numeric LANGUAGE sql AS
$$SELECT o2c.round_money((money ->> 'getAmount')::numeric / 10::numeric ^ o2c.minor_units(money #>> '{getCurrency,getCode}'), money #>> '{getCurrency,getCode}')$$;
CREATE FUNCTION pg_temp.day(moment jsonb) RETURNS date LANGUAGE sql AS $$SELECT (moment ->> '0')::timestamp::date$$;

SELECT is((SELECT count(*) FROM told), (SELECT count(*) FROM file WHERE expected IS NOT NULL), 'every message is read');
SELECT is((SELECT sum(jsonb_array_length(expected -> 'getRecords')) FROM file), (SELECT count(*) FROM imported), 'with all its statements');
SELECT results_eq($$SELECT r.file, s.message, s.sequence_number::text, s.from_on, s.to_on, a.account FROM told r JOIN o2c.bank_statement s USING (company_id, bank_statement_id) JOIN o2c.bank_account a USING (company_id, bank_account_id) ORDER BY file$$,
    $$SELECT file, expected #>> '{getGroupHeader,getMessageId}', record ->> 'getElectronicSequenceNumber', pg_temp.day(record -> 'getFromDate'), pg_temp.day(record -> 'getToDate'), o2c.account_key(record #>> '{getAccount,getIdentification}') FROM told ORDER BY file$$,
    'statements: message, sequence number, period, account');
SELECT results_eq($$SELECT r.file, b.n, b.said ->> 'kind', (b.said ->> 'amount')::numeric, b.said ->> 'currency', (b.said ->> 'day')::date
                    FROM told r JOIN o2c.bank_statement s USING (company_id, bank_statement_id) CROSS JOIN LATERAL jsonb_array_elements(s.balances) WITH ORDINALITY b (said, n) ORDER BY 1, 2$$,
    $$SELECT r.file, b.n, CASE b.said ->> 'getType' WHEN 'opening' THEN s.balances -> (b.n::integer - 1) ->> 'kind' WHEN 'closing' THEN 'CLBD' WHEN 'opening_available' THEN 'OPAV' WHEN 'closing_available' THEN 'CLAV'
          WHEN 'forward_available' THEN 'FWAV' WHEN 'information' THEN 'INFO' WHEN 'interim' THEN 'ITBD' WHEN 'interim_available' THEN 'ITAV' WHEN 'expected_credit' THEN 'XPCD' END,
          pg_temp.money(b.said -> 'getAmount'), b.said #>> '{getAmount,getCurrency,getCode}', pg_temp.day(b.said -> 'getDate')
      FROM told r JOIN o2c.bank_statement s USING (company_id, bank_statement_id) CROSS JOIN LATERAL jsonb_array_elements(r.record -> 'getBalances') WITH ORDINALITY b (said, n) ORDER BY 1, 2$$,
    'balances: type, amount, currency, date');

-- our lines of an entry taken together, in the order of the entries
CREATE TEMP VIEW found AS
SELECT r.file, row_number() OVER (PARTITION BY r.file ORDER BY min(l.bank_line_id)) AS n, sum(l.amount) AS amount, min(l.currency) AS currency, min(l.booked_on) AS booked_on, min(l.value_on) AS value_on, min(l.status) AS status,
       bool_or(l.reversal) AS reversal, min(l.bank_reference) AS bank_reference, min(l.domain) AS domain, min(l.family) AS family, min(l.subfamily) AS subfamily, min(l.proprietary_code) AS proprietary_code, min(l.information) AS information,
       min(l.batch_reference) AS batch_reference, count(*) AS lines, min(l.end_to_end_id) AS end_to_end_id, string_agg(l.remittance, E'\n' ORDER BY l.position) AS remittance, string_agg(l.structured_reference, ' ' ORDER BY l.position) AS structured_reference,
       min(l.party_name) AS party_name, min(l.party_account) AS party_account, min(l.original_amount) AS original_amount
FROM told r JOIN o2c.bank_line l USING (company_id, bank_statement_id) GROUP BY r.file, l.entry_key, l.occurrence;
SELECT results_eq('SELECT file, n, amount, currency FROM found ORDER BY 1, 2', $$SELECT file, n, pg_temp.money(entry -> 'getAmount'), entry #>> '{getAmount,getCurrency,getCode}' FROM entry ORDER BY 1, 2$$, 'entries: amount and currency');
SELECT results_eq('SELECT file, n, booked_on, value_on, status, reversal FROM found ORDER BY 1, 2',
    $$SELECT file, n, pg_temp.day(entry -> 'getBookingDate'), pg_temp.day(entry -> 'getValueDate'), entry ->> 'getStatus', (entry ->> 'getReversalIndicator')::boolean FROM entry ORDER BY 1, 2$$, 'entries: dates, status, reversal');
SELECT results_eq('SELECT file, n, bank_reference, domain, family, subfamily, proprietary_code FROM found ORDER BY 1, 2',
    $$SELECT file, n, entry ->> 'getAccountServicerReference', entry #>> '{getBankTransactionCode,getDomain,getCode}', entry #>> '{getBankTransactionCode,getDomain,getFamily,getCode}',
             entry #>> '{getBankTransactionCode,getDomain,getFamily,getSubFamilyCode}', entry #>> '{getBankTransactionCode,getProprietary,getCode}' FROM entry ORDER BY 1, 2$$, 'entries: the bank''s reference and codes');
SELECT results_eq($$SELECT file, n, coalesce(information, ''), batch_reference FROM found ORDER BY 1, 2$$, $$SELECT file, n, entry ->> 'getAdditionalInfo', entry ->> 'getBatchPaymentId' FROM entry ORDER BY 1, 2$$, 'entries: information and batch');
SELECT results_eq('SELECT file, n, remittance FROM found ORDER BY 1, 2',
    $$SELECT e.file, e.n, (SELECT string_agg(CASE WHEN jsonb_typeof(u.block) = 'object' THEN u.block ELSE d -> 'getRemittanceInformation' -> 'getUnstructuredBlock' END ->> 'getMessage', E'\n' ORDER BY t.k, u.k)
             FROM jsonb_array_elements(e.detail) WITH ORDINALITY t (d, k) CROSS JOIN LATERAL jsonb_array_elements(d #> '{getRemittanceInformation,getUnstructuredBlocks}') WITH ORDINALITY u (block, k))
      FROM entry e ORDER BY 1, 2$$, 'transactions: what the payer wrote');
SELECT results_eq('SELECT file, n, structured_reference FROM found ORDER BY 1, 2',
    $$SELECT e.file, e.n, (SELECT string_agg(CASE WHEN jsonb_typeof(b.info) = 'object' THEN b.info ELSE d #> '{getRemittanceInformation,getCreditorReferenceInformation}' END ->> 'getRef', ' ' ORDER BY t.k, b.k)
             FROM jsonb_array_elements(e.detail) WITH ORDINALITY t (d, k)
             CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(s.block) = 'object' THEN s.block ELSE d #> '{getRemittanceInformation,getStructuredBlock}' END -> 'getCreditorReferenceInformation' AS info, s.k
                                 FROM jsonb_array_elements(d #> '{getRemittanceInformation,getStructuredBlocks}') WITH ORDINALITY s (block, k)) b)
      FROM entry e ORDER BY 1, 2$$, 'transactions: structured references');
SELECT results_eq('SELECT f.file, f.n, f.end_to_end_id, f.party_name, f.party_account FROM found f JOIN entry e USING (file, n) WHERE jsonb_array_length(e.detail) = 1 ORDER BY 1, 2',
    $$SELECT e.file, e.n, e.detail #>> '{0,getReference,getEndToEndId}', p.party #>> '{getRelatedPartyType,getName}', p.party #>> '{getAccount,getIdentification}'
      FROM entry e LEFT JOIN LATERAL (SELECT p AS party FROM jsonb_array_elements(e.detail #> '{0,getRelatedParties}') p
          WHERE p #>> '{getRelatedPartyType,__CLASS__}' = 'Genkgo\Camt\DTO\' || CASE e.entry ->> 'getCreditDebitIndicator' WHEN 'CRDT' THEN 'Debtor' ELSE 'Creditor' END LIMIT 1) p ON true
      WHERE jsonb_array_length(e.detail) = 1 ORDER BY 1, 2$$, 'transactions: end-to-end id, name and account of the other side');

SELECT results_eq('SELECT i.file, sum(i.received) FROM imported i GROUP BY 1 ORDER BY 1', 'SELECT f.file, coalesce(sum(p.amount), 0) FROM file f LEFT JOIN o2c.payment p USING (company_id) WHERE f.expected IS NOT NULL GROUP BY 1 ORDER BY 1', 'what is booked as payments');
SELECT is((SELECT sum(i.new_lines) FROM file f CROSS JOIN LATERAL o2c.import_camt(f.document::xml, company_id => f.company_id) i WHERE f.expected IS NOT NULL), 0::numeric, 'the same files again bring nothing');
SELECT is_empty('SELECT * FROM o2c.verify()', 'all agrees');
SELECT * FROM finish();
ROLLBACK;
