-- Direct debits and the bank's statements: what is collected is credited, settled and taken back once.
BEGIN;
SELECT plan(52);
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-20';
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
INSERT INTO o2c.customer (code, name) VALUES ('A', 'Ann'), ('B', 'Bob'), ('C', 'Cleared');
INSERT INTO o2c.cash_policy (customer_id, cleared_only, bounce_fee) SELECT customer_id, code = 'C', CASE code WHEN 'B' THEN 5 ELSE 0 END FROM o2c.customer WHERE code IN ('B', 'C');
INSERT INTO o2c.bank_account (account, currency, bic, creditor_id) VALUES ('DE89370400440532013000', 'EUR', 'COBADEFFXXX', 'DE98ZZZ09999999999');
SELECT o2c.add_mandate('A', 'DE75512108001245126199', 'A-1', '2026-01-01') \g /dev/null
SELECT o2c.add_mandate('B', 'FR1420041010050500013M02606', 'B-1', '2026-01-01') \g /dev/null
SELECT o2c.add_mandate('C', 'AT611904300234573201', 'C-1', '2026-01-01', 'B2B') \g /dev/null
-- collects an amount of each of some customers on a day; the id of the message, which the file has, too
CREATE FUNCTION pg_temp.collect(day date, amounts jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file text;
BEGIN
    INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) SELECT key || to_char(day, 'MMDD'), key, '2026-01-01', day, value::numeric FROM jsonb_each(amounts);
    PERFORM o2c.load_invoices();
    file := o2c.direct_debit_file(day);
    RETURN (regexp_match(file, '<MsgId>([^<]*)</MsgId>'))[1];
END $$;
CREATE FUNCTION pg_temp.e2e(customer text, day date) RETURNS text LANGUAGE sql AS
'SELECT d.end_to_end_id FROM o2c.direct_debit d JOIN o2c.direct_debit_batch b USING (company_id, batch_id) JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = $1 AND b.collect_on = $2';
-- an entry; its transactions are end-to-end ids with amounts and reasons
CREATE FUNCTION pg_temp.entry(amount numeric, day date, batch text DEFAULT NULL, parts text DEFAULT '', reference text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
SELECT format('<Ntry><Amt Ccy="EUR">%s</Amt><CdtDbtInd>%s</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>%s</Dt></BookgDt>%s<NtryDtls>%s%s</NtryDtls></Ntry>', abs(amount), CASE WHEN amount < 0 THEN 'DBIT' ELSE 'CRDT' END, day,
              '<AcctSvcrRef>' || reference || '</AcctSvcrRef>', '<Btch><PmtInfId>' || batch || '</PmtInfId></Btch>', parts) $$;
CREATE FUNCTION pg_temp.part(amount numeric, e2e text, reason text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
SELECT format('<TxDtls><Refs><EndToEndId>%s</EndToEndId></Refs><Amt Ccy="EUR">%s</Amt><CdtDbtInd>%s</CdtDbtInd>%s</TxDtls>', e2e, abs(amount), CASE WHEN amount < 0 THEN 'DBIT' ELSE 'CRDT' END,
              '<RtrInf><Rsn><Cd>' || reason || '</Cd></Rsn></RtrInf>') $$;
-- lines, new lines, payments, taken back
CREATE FUNCTION pg_temp.import(id text, entries text) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', i.lines, i.new_lines, i.payments, i.taken_back, i.problem) FROM o2c.import_camt(format('<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
    '<Stmt><Id>%s</Id><CreDtTm>2026-03-20T18:00:00</CreDtTm><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>%s</Stmt></BkToCstmrStmt></Document>', id, entries)::xml) i $$;
-- what became of the direct debits of a day: state, clearing, last step; amount on account, open amount of what it collects
CREATE FUNCTION pg_temp.debits(day date) RETURNS SETOF text LANGUAGE sql AS $$
SELECT concat_ws(' ', c.code, p.state, p.clearing, p.received_on, p.reversed_on, d.bank_line_id IS NOT NULL, trim_scale(i.open_amount))
FROM o2c.direct_debit d JOIN o2c.direct_debit_batch b USING (company_id, batch_id) JOIN o2c.payment p USING (company_id, payment_id) JOIN o2c.customer c ON c.company_id = d.company_id AND c.customer_id = d.customer_id
JOIN o2c.direct_debit_item x ON x.company_id = d.company_id AND x.direct_debit_id = d.direct_debit_id JOIN o2c.open_item i ON i.company_id = d.company_id AND i.item_id = x.item_id
WHERE b.collect_on = $1 ORDER BY c.code, i.item_id $$;
CREATE FUNCTION pg_temp.waiting() RETURNS SETOF text LANGUAGE sql AS
'SELECT concat_ws('': '', kind || '' '' || trim_scale(amount), problem) FROM o2c.bank_line_open WHERE company_id = 1 ORDER BY bank_line_id';

-- from the file to the bank and back
SELECT pg_temp.collect('2026-03-02', '{"A": 100, "B": 50, "C": 30}') AS m1 \gset
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-02')$$, ARRAY['A applied captured 2026-03-02 f 0', 'B applied captured 2026-03-02 f 0', 'C pending captured 2026-03-02 f 30'], 'what is collected is on its way');
SELECT is(pg_temp.import('S1', pg_temp.entry(180, '2026-03-03', :'m1')), '1 1 0 0', 'the credit of the batch is no payment');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-02')$$, ARRAY['A applied settled 2026-03-02 t 0', 'B applied settled 2026-03-02 t 0', 'C applied settled 2026-03-03 t 0'], 'it settles the direct debits on the day the bank booked it');
SELECT is((SELECT count(*) FROM o2c.payment), 3::bigint, 'which are all there is');
SELECT results_eq($$SELECT kind, amount, payment_id IS NULL, closed_note, problem FROM o2c.bank_line$$, $$VALUES ('collection', 180.00, true, 'settled direct debits', NULL)$$, 'the line says so');
SELECT is(pg_temp.import('S1', pg_temp.entry(180, '2026-03-03', :'m1')) || ', ' || pg_temp.import('S1b', pg_temp.entry(180, '2026-03-03', :'m1')), '1 0 0 0, 1 0 0 0', 'again it is known');
SELECT is(pg_temp.import('S1c', pg_temp.entry(180, '2026-03-03', :'m1', pg_temp.part(100, pg_temp.e2e('A', '2026-03-02')) || pg_temp.part(80, 'x'))), '2 2 0 0', 'the same batch with transactions, another entry');
SELECT results_eq($$SELECT * FROM pg_temp.waiting()$$, ARRAY['collection 100: it names no direct debit that was not credited before', 'collection 80: it names no direct debit that was not credited before'], 'is not credited twice: it waits');
SELECT o2c.close_bank_line(bank_line_id, note => 'asked the bank') FROM o2c.bank_line_open;
SELECT throws_ok($$SELECT o2c.close_bank_line((SELECT min(bank_line_id) FROM o2c.bank_line WHERE amount = 180))$$, 'OC101', NULL, 'what settled its direct debits is closed');
SELECT is(pg_temp.import('S2', pg_temp.entry(-50, '2026-03-05', NULL, pg_temp.part(-50, pg_temp.e2e('B', '2026-03-02'), 'AM04'))), '1 1 0 1', 'a direct debit comes back');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-02')$$, ARRAY['A applied settled 2026-03-02 t 0', 'B reversed returned 2026-03-02 2026-03-05 t 50', 'C applied settled 2026-03-03 t 0'], 'its invoice is open again, the others are paid');
SELECT results_eq($$SELECT s.reason_code, s.effective_on, s.amount, f.amount, f.kind FROM o2c.payment_clearing s JOIN o2c.open_item f USING (company_id) WHERE s.change = 'returned' AND f.item_id = s.fee_item_id$$,
    $$VALUES ('AM04', date '2026-03-05', 50.00, 5.00, 'fee')$$, 'with the bank''s reason and day, and the fee');
SELECT results_eq($$SELECT customer, total FROM o2c.aging_report('2026-03-05') WHERE total <> 0 ORDER BY 1$$, $$VALUES ('B', 55.00)$$, 'the customer owes both');
SELECT is((SELECT state FROM o2c.mandate WHERE reference = 'B-1'), 'active', 'with a mandate that still holds');
SELECT is(pg_temp.import('S2', pg_temp.entry(-50, '2026-03-05', NULL, pg_temp.part(-50, pg_temp.e2e('B', '2026-03-02'), 'AM04'))), '1 0 0 0', 'it comes back once');

-- a line for each part of the message, less what was rejected before; the scheme B2B is the first part
SELECT pg_temp.collect('2026-03-04', '{"A": 10, "B": 20, "C": 40}') AS m2 \gset
SELECT o2c.return_direct_debit(pg_temp.e2e('A', '2026-03-04'), 'MS03', '2026-03-03') \g /dev/null
SELECT is(pg_temp.import('S3', pg_temp.entry(40, '2026-03-04', :'m2' || '-1') || pg_temp.entry(30, '2026-03-04', :'m2' || '-2', reference => 'R-30') || pg_temp.entry(7, '2026-03-04', :'m2' || '-9')), '3 3 0 0', 'parts are credited alone');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-04')$$, ARRAY['A reversed returned 2026-03-04 2026-03-04 t 10', 'B applied settled 2026-03-04 t 0', 'C applied settled 2026-03-04 t 0'], 'gross, where the return is of the day');
SELECT results_eq($$SELECT * FROM pg_temp.waiting()$$, ARRAY['collection 7: it names no direct debit that was not credited before'], 'a part that there is not waits');
SELECT pg_temp.collect('2026-03-06', '{"A": 11, "B": 22}') AS m3 \gset
SELECT o2c.return_direct_debit(pg_temp.e2e('A', '2026-03-06'), 'MS03', '2026-03-06') \g /dev/null
SELECT is(pg_temp.import('S4', pg_temp.entry(27.01, '2026-03-09', :'m3')), '1 1 0 0', 'a credit of another amount');
SELECT results_eq($$SELECT * FROM pg_temp.waiting() OFFSET 1$$, ARRAY['collection 27.01: it credits 27.01, its direct debits are 27'], 'waits and says why');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-06')$$, ARRAY['A reversed returned 2026-03-06 2026-03-06 f 11', 'B applied captured 2026-03-06 f 0', 'B applied captured 2026-03-06 f 0'], 'and settles nothing');
SELECT is(pg_temp.import('S5', pg_temp.entry(38, '2026-03-09', :'m3')), '1 1 0 0', 'nor does the sum of all, when one came back before');
SELECT is(pg_temp.import('S6', pg_temp.entry(27, '2026-03-09', :'m3') || pg_temp.entry(27, '2026-03-10', :'m3')), '2 2 0 0', 'the sum of those that did not come back');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-06')$$, ARRAY['A reversed returned 2026-03-06 2026-03-06 f 11', 'B applied settled 2026-03-06 t 0', 'B applied settled 2026-03-06 t 0'], 'settles them, the fee of the first return with them');
SELECT results_eq($$SELECT * FROM pg_temp.waiting() OFFSET 1$$, ARRAY['collection 27.01: it credits 27.01, its direct debits are 0', 'collection 38: it credits 38, its direct debits are 0', 'collection 27: it credits 27, its direct debits are 0'], 'once: all others wait for a person');
SELECT o2c.close_bank_line(bank_line_id, note => 'asked the bank') FROM o2c.bank_line_open;

-- single bookings, also as transactions of an entry, also by hand before
SELECT pg_temp.collect('2026-03-10', '{"A": 1.5, "B": 2.5, "C": 3.5}') AS m4 \gset
SELECT o2c.settle_payment(payment_id, '2026-03-12') FROM o2c.direct_debit WHERE end_to_end_id = pg_temp.e2e('B', '2026-03-10');
SELECT is(pg_temp.import('S7', pg_temp.entry(4, '2026-03-11', NULL, pg_temp.part(1.5, pg_temp.e2e('A', '2026-03-10')) || pg_temp.part(2.5, pg_temp.e2e('B', '2026-03-10')))
    || pg_temp.entry(3, '2026-03-11', NULL, pg_temp.part(3, lower(pg_temp.e2e('C', '2026-03-10'))))), '3 3 0 0', 'single bookings are no payments');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-10')$$, ARRAY['A applied settled 2026-03-10 t 0', 'B applied settled 2026-03-10 t 0', 'C pending captured 2026-03-10 f 3.5'], 'they settle what they name with its amount');
SELECT results_eq($$SELECT l.amount, p.amount FROM o2c.bank_line l JOIN o2c.payment p USING (company_id, payment_id) WHERE l.kind = 'collection' ORDER BY 1$$, 'VALUES (1.50, 1.50), (2.50, 2.50), (27.00, 27.00), (40.00, 40.00)', 'a line of one direct debit names its payment');
SELECT results_eq($$SELECT new_lines, payments FROM o2c.import_bank_lines(format('[{"booked_on": "2026-03-12", "amount": 3.25, "charges": 0.25, "end_to_end_id": "%s"}]', pg_temp.e2e('C', '2026-03-10'))::jsonb)$$, 'VALUES (1::bigint, 0::bigint)', 'a credit less charges, in another format');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-10') OFFSET 2$$, ARRAY['C applied settled 2026-03-12 t 0'], 'settles, too');
SELECT results_eq($$SELECT new_lines, payments FROM o2c.import_bank_lines(format('[{"booked_on": "2026-03-12", "amount": 3.5, "end_to_end_id": "%s"}]', pg_temp.e2e('C', '2026-03-10'))::jsonb, 'DE89370400440532013000', 1)$$, 'VALUES (1::bigint, 0::bigint)', 'but not twice');
INSERT INTO o2c.bank_account (company_id, account, currency) VALUES (2, 'DE89370400440532013000', 'EUR');
SELECT results_eq($$SELECT new_lines, payments FROM o2c.import_bank_lines(format('[{"booked_on": "2026-03-12", "amount": 3.5, "end_to_end_id": "%s"}]', pg_temp.e2e('C', '2026-03-10'))::jsonb, company_id => 2)$$, 'VALUES (1::bigint, 1::bigint)', 'another company''s receipt is its own');

-- a batch of returns, line by line
SELECT is(pg_temp.import('S8', pg_temp.entry(-7.5, '2026-03-13', NULL, pg_temp.part(-1.5, pg_temp.e2e('A', '2026-03-10'), 'MD01') || pg_temp.part(-2.5, pg_temp.e2e('B', '2026-03-10'), 'narrative') || pg_temp.part(-3.5, 'not ours', 'AM04'))), '3 3 0 2', 'each takes its own back');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-10')$$, ARRAY['A reversed returned 2026-03-10 2026-03-13 t 1.5', 'B reversed returned 2026-03-10 2026-03-13 t 2.5', 'C applied settled 2026-03-12 t 0'], 'and nothing else');
SELECT results_eq($$SELECT s.reason_code, s.reason FROM o2c.payment_clearing s WHERE s.change = 'returned' AND s.effective_on = '2026-03-13' ORDER BY s.clearing_id$$, $$VALUES ('MD01', 'MD01'), (NULL, 'narrative')$$, 'a reason that is no code is a text');
SELECT results_eq($$SELECT reference, state FROM o2c.mandate ORDER BY 1$$, $$VALUES ('A-1', 'revoked'), ('B-1', 'active'), ('C-1', 'active')$$, 'a code that ends the mandate does');
-- a return that the bank tells before the credit, and before the collection day
SELECT pg_temp.collect('2026-03-16', '{"B": 60, "C": 70}') AS m5 \gset
SELECT is(pg_temp.import('S9', pg_temp.entry(-65, '2026-03-13', NULL, pg_temp.part(-65, pg_temp.e2e('B', '2026-03-16'), 'AC04'))), '1 1 0 1', 'a return before the collection day');
SELECT is(pg_temp.import('S10', pg_temp.entry(135, '2026-03-17', :'m5')), '1 1 0 0', 'was credited all the same');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-16')$$, ARRAY['B reversed returned 2026-03-16 2026-03-16 t 5', 'B reversed returned 2026-03-16 2026-03-16 t 60', 'C applied settled 2026-03-17 t 0'], 'as it is a booking of its own');

-- what was paid back to the payer does not come back once more
SELECT count(*) FROM o2c.import_bank_lines('[{"booked_on": "2026-03-18", "amount": 9, "end_to_end_id": "twice"}]') \g /dev/null
SELECT o2c.identify_payment(payment_id, 'A') FROM o2c.bank_line WHERE end_to_end_id = 'twice' \g /dev/null
SELECT o2c.refund_payment(payment_id, refunded_on => '2026-03-19') FROM o2c.bank_line WHERE end_to_end_id = 'twice' \g /dev/null
SELECT results_eq($$SELECT new_lines, taken_back FROM o2c.import_bank_lines('[{"booked_on": "2026-03-19", "amount": -9, "end_to_end_id": "twice", "return_reason": "AC04"}]')$$, 'VALUES (1::bigint, 0::bigint)', 'a payment that was paid back waits for a person when it is returned');
SELECT results_eq($$SELECT customer, total FROM o2c.aging_report('2026-03-20') WHERE total <> 0 ORDER BY 1$$, $$VALUES ('A', 22.50), ('B', 122.50)$$, 'in the end those owe whose direct debits came back');
SELECT results_eq($$SELECT c.code, a.receivable, a.unapplied FROM o2c.credit_account a JOIN o2c.customer_credit m USING (company_id, credit_account_id) JOIN o2c.customer c ON c.company_id = m.company_id AND c.customer_id = m.customer_id WHERE c.company_id = 1 AND a.receivable <> 0 ORDER BY 1$$, $$VALUES ('A', 22.50, 0::numeric), ('B', 122.50, 0)$$, 'and that is their exposure');
-- a refund with interest, and amounts that are no return
SELECT o2c.add_mandate('A', 'DE75512108001245126199', 'A-2', '2026-01-01') \g /dev/null
SELECT pg_temp.collect('2026-03-18', '{"A": 50, "C": 30}') AS m6 \gset
SELECT pg_temp.import('S11', pg_temp.entry(80, '2026-03-18', NULL, pg_temp.part(50, pg_temp.e2e('A', '2026-03-18')) || pg_temp.part(30, pg_temp.e2e('C', '2026-03-18')))) \g /dev/null
CREATE FUNCTION pg_temp.comes_back(amount numeric, customer text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', new_lines, taken_back) FROM o2c.import_bank_lines(jsonb_build_array(jsonb_build_object('booked_on', '2026-03-20', 'amount', - amount, 'end_to_end_id', pg_temp.e2e(customer, '2026-03-18'), 'return_reason', 'MD06') || more)) $$;
SELECT is(pg_temp.comes_back(20, 'A'), '1 0', 'a part of a direct debit does not come back: it waits for a person');
SELECT is(pg_temp.comes_back(50.37, 'A'), '1 0', 'so does more than was collected');
SELECT is(pg_temp.comes_back(50.38, 'A', '{"original_amount": 50}'), '1 1', 'unless the bank says that the amount was right, and the rest is interest');
SELECT is(pg_temp.comes_back(32.5, 'C', '{"charges": 2.5}'), '1 1', 'or its charges');
SELECT results_eq($$SELECT * FROM pg_temp.debits('2026-03-18')$$, ARRAY['A reversed returned 2026-03-18 2026-03-20 t 50', 'C reversed returned 2026-03-18 2026-03-20 t 30'], 'what was collected is taken back, neither more nor less');
SELECT is(pg_temp.comes_back(50, 'A'), '1 0', 'it comes back once');
SELECT results_eq($$SELECT kind, amount FROM o2c.bank_line_open WHERE company_id = 1 AND end_to_end_id = pg_temp.e2e('A', '2026-03-18') ORDER BY amount$$, 'VALUES (''return'', -50.37), (''return'', -50.00), (''return'', -20.00)', 'the others are still there');
SELECT o2c.close_bank_line(bank_line_id, note => 'asked the bank') FROM o2c.bank_line_open;
SELECT is_empty('SELECT check_name, object, expected, found FROM o2c.verify()', 'all agrees');
SET LOCAL session_replication_role = replica;
UPDATE o2c.bank_line SET amount = amount + 1 WHERE amount = 180;
SELECT results_eq('SELECT check_name, expected, found FROM o2c.verify()', $$VALUES ('bank line collection', '180 settled', '181 settled')$$, 'a line that is not its direct debits would be found');
UPDATE o2c.bank_line SET amount = amount - 1 WHERE amount = 181;
SET LOCAL session_replication_role = origin;
SELECT is_empty('SELECT check_name, object, expected, found FROM o2c.verify()', 'and nothing else');
SELECT * FROM finish();
ROLLBACK;
