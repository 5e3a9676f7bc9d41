-- Direct debits: mandates of customers above, fees, credits that are netted, amendments, what the reason of a return does.
BEGIN;
SELECT plan(73);
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.bank_account (account, currency, bic, creditor_id) VALUES ('DE89370400440532013000', 'EUR', 'COBADEFFXXX', 'DE98ZZZ09999999999');
INSERT INTO o2c.customer (code, name, email) VALUES ('P', 'Parent', 'p@example.com'), ('A', 'Ann', NULL), ('D', 'Disc', NULL), ('W', 'Wide', NULL), ('R', 'Rita', NULL);
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'K', 'Kid', customer_id FROM o2c.customer WHERE code = 'P';
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'G', 'Grandkid', customer_id FROM o2c.customer WHERE code = 'K';
CREATE FUNCTION pg_temp.invoice(number text, customer text, amount numeric, due_on date, discount_until date DEFAULT NULL, discount numeric DEFAULT NULL) RETURNS bigint LANGUAGE sql AS
'INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, discount_until, discount_amount) VALUES ($1, $2, ''2026-01-01'', $4, $3, $5, $6); SELECT o2c.load_invoices()';
CREATE FUNCTION pg_temp.open(VARIADIC numbers text[]) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(trim_scale(i.open_amount)::text, ' ' ORDER BY n.place) FROM unnest(numbers) WITH ORDINALITY AS n (number, place) JOIN o2c.invoice v USING (number) JOIN o2c.open_item i USING (company_id, invoice_id)$$;
CREATE FUNCTION pg_temp.find(message text, path text) RETURNS text[] LANGUAGE sql AS
$$SELECT xpath('/d:Document/d:CstmrDrctDbtInitn' || $2, $1::xml, ARRAY[ARRAY['d', (regexp_match($1, 'xmlns="([^"]*)"'))[1]]])::text[]$$;
-- what a file collects on a day: whose mandate, how much, for what
CREATE FUNCTION pg_temp.collect(day date, represent boolean DEFAULT false) RETURNS text LANGUAGE plpgsql AS $$
DECLARE before bigint := (SELECT coalesce(max(batch_id), 0) FROM o2c.direct_debit_batch);
BEGIN
    PERFORM o2c.direct_debit_file(day, represent => represent);
    RETURN (SELECT string_agg(format('%s %s: %s', d.mandate_reference, trim_scale(d.amount), x.items), '; ' ORDER BY d.direct_debit_id)
            FROM o2c.direct_debit d
            CROSS JOIN LATERAL (SELECT string_agg(concat_ws(' ', coalesce(v.number, i.kind), trim_scale(x.amount), trim_scale(nullif(x.discount_amount, 0))), ', ' ORDER BY v.number) AS items
                                FROM o2c.direct_debit_item x JOIN o2c.open_item i USING (company_id, item_id) LEFT JOIN o2c.invoice v USING (company_id, invoice_id)
                                WHERE x.direct_debit_id = d.direct_debit_id) x
            WHERE d.batch_id > before);
END $$;
CREATE FUNCTION pg_temp.debit(mandate text) RETURNS o2c.direct_debit LANGUAGE sql AS
'SELECT d FROM o2c.direct_debit d JOIN o2c.mandate m USING (company_id, mandate_id) WHERE m.reference = $1 ORDER BY d.direct_debit_id DESC LIMIT 1';
CREATE FUNCTION pg_temp.mandate(reference text) RETURNS text LANGUAGE sql AS
'SELECT concat_ws('' '', state, sequence_type) FROM o2c.mandate_in_use m WHERE m.reference = $1';

-- the mandate of the nearest customer above
SELECT o2c.add_mandate('P', 'DE75512108001245126199', 'M-P', '2026-01-01') \g /dev/null
SELECT pg_temp.invoice('P1', 'P', 10, '2026-03-03'), pg_temp.invoice('K1', 'K', 20, '2026-03-03'), pg_temp.invoice('G1', 'G', 40, '2026-03-03') \g /dev/null
SELECT is(o2c.announce_direct_debits('2026-03-02'), 3::bigint, 'what is collected for customers below is announced');
SELECT results_eq($$SELECT DISTINCT recipient, body ->> 'mandate' FROM o2c.notification WHERE topic = 'direct_debit'$$, $$VALUES ('p@example.com', 'M-P')$$, 'to who pays');
SELECT is(pg_temp.collect('2026-03-03'), 'M-P 70: G1 40, K1 20, P1 10', 'a mandate pays for the customers below that have none');
SELECT is(pg_temp.open('P1', 'K1', 'G1'), '0 0 0', 'each of whose invoices is paid');
SELECT results_eq($$SELECT c.code, p.amount, trim_scale(i.open_amount) FROM o2c.payment p JOIN o2c.customer c USING (company_id, customer_id) JOIN o2c.open_item i USING (company_id, item_id)$$, $$VALUES ('P', 70.00, 0::numeric)$$, 'by a payment of who pays');
SELECT is(pg_temp.collect('2026-03-03'), NULL, 'once');
SELECT o2c.add_mandate('K', 'AT611904300234573201', 'M-K', '2026-01-01', 'B2B') \g /dev/null
SELECT pg_temp.invoice('P2', 'P', 1, '2026-03-04'), pg_temp.invoice('K2', 'K', 2, '2026-03-04'), pg_temp.invoice('G2', 'G', 4, '2026-03-04') \g /dev/null
SELECT is(pg_temp.collect('2026-03-04'), 'M-P 1: P2 1; M-K 6: G2 4, K2 2', 'the nearest one above pays');
UPDATE o2c.mandate SET covers_children = false WHERE reference = 'M-K';
SELECT pg_temp.invoice('K3', 'K', 2, '2026-03-05'), pg_temp.invoice('G3', 'G', 4, '2026-03-05') \g /dev/null
SELECT is(pg_temp.collect('2026-03-05'), 'M-P 4: G3 4; M-K 2: K3 2', 'unless it is for its own customer only');
SELECT o2c.return_direct_debit((pg_temp.debit('M-P')).end_to_end_id, 'AM04', '2026-03-06', fee => 3) \g /dev/null
SELECT is(pg_temp.open('G3'), '4', 'what comes back is open where it was');
SELECT results_eq($$SELECT c.code, i.amount FROM o2c.open_item i JOIN o2c.customer c USING (company_id, customer_id) WHERE i.kind = 'fee'$$, $$VALUES ('P', 3.00)$$, 'the fee is for who paid');

-- fees go along with invoices
SELECT is(pg_temp.collect('2026-03-06'), NULL, 'a fee alone is not collected');
SELECT pg_temp.invoice('G4', 'G', 5, '2026-03-09') \g /dev/null
SELECT is(o2c.announce_direct_debits('2026-03-06'), 2::bigint, 'it is announced with the next invoice');
SELECT results_eq($$SELECT body ->> 'kind', body ->> 'invoice', body ->> 'amount', body ->> 'collect_on' FROM o2c.notification WHERE topic = 'direct_debit' ORDER BY notification_id DESC LIMIT 2$$,
                  $$VALUES ('invoice', 'G4', '5.00', '2026-03-09'), ('fee', NULL, '3.00', '2026-03-09')$$, 'for the same day');
SELECT is(pg_temp.collect('2026-03-09'), 'M-P 8: G4 5, fee 3', 'and collected with it');
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-03-09'), '//d:Ustrd/text()'), '{"G4, fee"}', 'the remittance says so');
SELECT o2c.return_direct_debit((pg_temp.debit('M-P')).end_to_end_id, 'AM04', '2026-03-10', fee => 3) \g /dev/null
SELECT is(pg_temp.collect('2026-03-10'), NULL, 'nothing is collected but when a person says so');
SELECT is(pg_temp.collect('2026-03-10', true), 'M-P 15: G3 4, G4 5, fee 3, fee 3', 'then all is, fees, too');

-- credits are netted, the oldest first, also those of a day that is to come
SELECT o2c.add_mandate('A', 'NL91ABNA0417164300', 'M-A', '2026-01-01') \g /dev/null
SELECT pg_temp.invoice('A1', 'A', 100, '2026-03-10'), pg_temp.invoice('A2', 'A', 50, '2026-03-11'), pg_temp.invoice('A3', 'A', 7, '2026-03-12') \g /dev/null
SELECT o2c.record_payment(30, '2026-02-10', 'A', 'first'), o2c.record_payment(90.5, '2026-02-20', 'A', 'second'), o2c.record_payment(500, '2026-03-12', 'A', 'later') \g /dev/null
SELECT o2c.record_payment(1000, '2026-02-01', 'A', 'dollars', currency => 'USD') \g /dev/null
SELECT is(pg_temp.collect('2026-03-11'), 'M-A 29.5: A2 29.5', 'what is on account reduces what is collected');
SELECT results_eq($$SELECT p.reference, v.number, trim_scale(a.cash_amount), a.effective_on, a.method FROM o2c.application a JOIN o2c.open_item c ON c.item_id = a.credit_item_id JOIN o2c.payment p ON p.item_id = c.item_id
    JOIN o2c.open_item d ON d.item_id = a.debit_item_id JOIN o2c.invoice v ON v.invoice_id = d.invoice_id WHERE v.number IN ('A1', 'A2') AND p.method = 'transfer' ORDER BY a.application_id$$,
    $$VALUES ('first', 'A1', 30::numeric, date '2026-03-11', 'net'), ('second', 'A1', 70, '2026-03-11', 'net'), ('second', 'A2', 20.5, '2026-03-11', 'net')$$, 'the oldest money pays the oldest item, on the collection day');
SELECT is(pg_temp.open('A1', 'A2', 'A3'), '0 0 7', 'nothing but what is due is touched');
SELECT is(pg_temp.collect('2026-03-12'), NULL, 'where nothing is left, nothing is collected');
SELECT is(pg_temp.open('A3') || ' ' || (SELECT trim_scale(open_amount) FROM o2c.open_item JOIN o2c.payment USING (company_id, item_id) WHERE payment.reference = 'later'), '0 -493', 'it is paid all the same, and the rest stays on account');
SELECT is(pg_temp.collect('2026-03-12'), NULL, 'again nothing happens');
SELECT o2c.reverse_payment((SELECT payment_id FROM o2c.payment WHERE reference = 'second'), '2026-03-13', fee => 0);
SELECT is(pg_temp.open('A1', 'A2'), '70 20.5', 'money that bounces opens again what it was netted with');
INSERT INTO o2c.cash_policy (customer_id, debit_net_credits) SELECT customer_id, false FROM o2c.customer WHERE code = 'A';
SELECT is(pg_temp.collect('2026-03-13'), 'M-A 70: A1 70', 'where the policy does not net, all is collected that is not on its way');
UPDATE o2c.cash_policy SET debit_net_credits = true WHERE customer_id IS NOT NULL;
SELECT o2c.settle_payment((pg_temp.debit('M-A')).payment_id, '2026-03-13'), o2c.settle_payment(payment_id, '2026-03-13') FROM o2c.direct_debit WHERE amount = 29.5;
SELECT is(pg_temp.collect('2026-03-16'), NULL, 'the rest is netted, too');
SELECT is(pg_temp.open('A1', 'A2') || ' ' || (SELECT trim_scale(open_amount) FROM o2c.open_item JOIN o2c.payment USING (company_id, item_id) WHERE payment.reference = 'later'), '0 0 -472.5', 'once it is settled');

-- a credit note, and money that is kept for an order
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, stocked) VALUES ('S', 'Service', 100, 0, false);
SELECT o2c.add_mandate('W', 'FR1420041010050500013M02606', 'M-W', '2026-01-01') \g /dev/null
SELECT o2c.place_order('W', '[{"sku": "S", "quantity": 1}]') AS "order" \gset
SELECT o2c.ship_order(:order); SELECT b.invoice_id AS w1, b.number AS w1_number FROM o2c.bill(customer => 'W') b \gset
SELECT o2c.apply_payment(o2c.record_payment(100, '2026-03-02', 'W'), :'w1_number') \g /dev/null
SELECT o2c.credit_invoice(:w1, '2026-03-02', '[{"line_no": 1, "quantity": 0.25}]') \g /dev/null
SELECT o2c.record_payment(60, '2026-03-02', 'W', 'kept') AS kept \gset
SELECT o2c.place_order('W', '[{"sku": "S", "quantity": 1}]') AS "order" \gset
SELECT o2c.allocate_prepayment(:kept, :order, 40) \g /dev/null
SELECT pg_temp.invoice('W2', 'W', 80, '2026-03-17') \g /dev/null
SELECT is(pg_temp.collect('2026-03-17'), 'M-W 35: W2 35', 'a credit note and what is not kept for an order are netted');

-- discounts: who is netted does not lose them
SELECT o2c.add_mandate('D', 'DE75512108001245126199', 'M-D', '2026-01-01') \g /dev/null
SELECT pg_temp.invoice('D1', 'D', 100, '2026-03-18', '2026-03-18', 2), pg_temp.invoice('D2', 'D', 100, '2026-03-18', '2026-03-18', 2) \g /dev/null
SELECT o2c.record_payment(118, '2026-03-02', 'D') \g /dev/null
SELECT is(pg_temp.collect('2026-03-18'), 'M-D 78: D2 78 2', 'a payment in time takes the discount of what it closes, the collection that of the rest');
SELECT results_eq($$SELECT v.number, a.method, trim_scale(a.cash_amount), trim_scale(a.discount_amount) FROM o2c.application a JOIN o2c.open_item d ON d.item_id = a.debit_item_id JOIN o2c.invoice v ON v.invoice_id = d.invoice_id WHERE v.number IN ('D1', 'D2') ORDER BY a.application_id$$,
    $$VALUES ('D1', 'net', 98::numeric, 2::numeric), ('D2', 'net', 20, 0), ('D2', 'direct_debit', 78, 2)$$, 'to the cent');
SELECT pg_temp.invoice('D3', 'D', 100, '2026-03-19', '2026-03-19', 2) \g /dev/null
SELECT o2c.apply_payment(o2c.record_payment(50, '2026-03-02', 'D'), 'D3', 50) \g /dev/null
SELECT is(pg_temp.collect('2026-03-19'), 'M-D 48: D3 48 2', 'a part that a person applied is no reason to lose it either');
SELECT pg_temp.invoice('D4', 'D', 100, '2026-03-20', '2026-03-20', 2), pg_temp.invoice('D5', 'D', 10, '2026-03-20') \g /dev/null
SELECT o2c.record_payment(109, '2026-03-02', 'D') \g /dev/null
SELECT is(pg_temp.collect('2026-03-20'), NULL, 'who has more than the rest');
SELECT results_eq($$SELECT v.number, trim_scale(a.cash_amount), trim_scale(a.discount_amount) FROM o2c.application a JOIN o2c.open_item d ON d.item_id = a.debit_item_id JOIN o2c.invoice v ON v.invoice_id = d.invoice_id WHERE v.number IN ('D4', 'D5') ORDER BY a.application_id$$,
    $$VALUES ('D4', 99::numeric, 1::numeric), ('D5', 10, 0)$$, 'deducts no more than is missing');
UPDATE o2c.cash_policy SET discount_on_partial = true WHERE customer_id IS NULL;
SELECT pg_temp.invoice('D6', 'D', 100, '2026-03-23', '2026-03-23', 2) \g /dev/null
SELECT o2c.record_payment(49, '2026-03-02', 'D') \g /dev/null
SELECT is(pg_temp.collect('2026-03-23'), 'M-D 49: D6 49 1', 'where parts earn discount, each has its own');
UPDATE o2c.cash_policy SET discount_on_partial = false WHERE customer_id IS NULL;

-- more than a message can have is not collected
SELECT pg_temp.invoice('W3', 'W', 999999999.99, '2026-03-20') \g /dev/null
SELECT is(pg_temp.collect('2026-03-20'), 'M-W 999999999.99: W3 999999999.99', 'the most that a message can have');
SELECT pg_temp.invoice('W4', 'W', 1000000000, '2026-03-20') \g /dev/null
SELECT is(pg_temp.collect('2026-03-20'), NULL, 'more is not collected');
SELECT o2c.void_payment((pg_temp.debit('M-W')).payment_id, '2026-03-20') \g /dev/null

-- what a reason does
CREATE FUNCTION pg_temp.comes_back(code text, day date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE number text := 'R-' || code || day;
BEGIN
    PERFORM pg_temp.invoice(number, 'R', 1, day);
    PERFORM o2c.direct_debit_file(day);
    PERFORM o2c.return_direct_debit((pg_temp.debit('M-R')).end_to_end_id, code, day);
    RETURN pg_temp.mandate('M-R');
END $$;
SELECT o2c.add_mandate('R', 'DE75512108001245126199', 'M-R', '2026-01-01') \g /dev/null
SELECT is(pg_temp.comes_back('AM04', '2026-03-23'), 'active RCUR', 'insufficient funds change nothing');
SELECT is(pg_temp.comes_back('MD06', '2026-03-24'), 'active RCUR', 'nor a refund');
SELECT is(pg_temp.comes_back('AC04', '2026-03-25'), 'stopped RCUR', 'a closed account stops the mandate');
SELECT pg_temp.invoice('R1', 'R', 2, '2026-03-26') \g /dev/null
SELECT is(pg_temp.collect('2026-03-26'), NULL, 'nothing is collected with it');
SELECT o2c.amend_mandate('M-R', new_reference => 'M-Q'); SELECT o2c.amend_mandate('M-Q', new_reference => 'M-R');
SELECT is(pg_temp.mandate('M-R'), 'stopped RCUR', 'another reference does not help');
SELECT throws_ok($$SELECT o2c.amend_mandate('M-R')$$, 'OC002', NULL, 'an amendment amends something');
SELECT throws_ok($$SELECT o2c.amend_mandate('none', 'NL91ABNA0417164300')$$, 'OC001', NULL, 'of a mandate that there is');
SELECT throws_ok($$SELECT o2c.amend_mandate('M-R', 'NL91ABNA0417164301')$$, 'OC203', NULL, 'with a right account');
SELECT throws_ok($$SELECT o2c.amend_mandate('M-R', new_reference => 'M-P')$$, '23505', NULL, 'a reference of its own');
SELECT throws_ok($$SELECT o2c.amend_mandate('M-R', new_reference => 'M R')$$, '23514', NULL, 'that SEPA can write');
SELECT o2c.amend_mandate('M-R', 'NL91 ABNA 0417 1643 00', 'ABNANL2A');
SELECT is(pg_temp.mandate('M-R'), 'active RCUR', 'the new account makes it good again');
-- what a message says of its mandates, without its namespaces
CREATE FUNCTION pg_temp.mandates(message text) RETURNS text LANGUAGE sql AS
$$SELECT string_agg(regexp_replace(m, '\s+xmlns="[^"]*"|\s|</?MndtRltdInf[^>]*>', '', 'g'), ' ') FROM unnest(pg_temp.find(message, '//d:MndtRltdInf')) m$$;
SELECT o2c.direct_debit_file('2026-03-26') AS file \gset
SELECT batch_id AS batch FROM o2c.direct_debit_batch ORDER BY 1 DESC LIMIT 1 \gset
SELECT is(pg_temp.mandates(:'file'), '<MndtId>M-R</MndtId><DtOfSgntr>2026-01-01</DtOfSgntr><AmdmntInd>true</AmdmntInd><AmdmntInfDtls><OrgnlDbtrAcct><Id><Othr><Id>SMNDA</Id></Othr></Id></OrgnlDbtrAcct></AmdmntInfDtls>',
          'the next collection tells the bank that the account is another');
SELECT is(pg_temp.find(:'file', '//d:DbtrAcct//d:IBAN/text()') || pg_temp.find(:'file', '//d:DbtrAgt//d:BICFI/text()'), '{NL91ABNA0417164300,ABNANL2A}', 'and collects from that');
SELECT o2c.return_direct_debit((pg_temp.debit('M-R')).end_to_end_id, 'AM04', '2026-03-26') \g /dev/null
SELECT is(pg_temp.mandates(o2c.direct_debit_file('2026-03-27', represent => true)) LIKE '<MndtId>M-R</MndtId><DtOfSgntr>2026-01-01</DtOfSgntr><AmdmntInd>true<%', true, 'when it comes back, the next one tells it again');
SELECT pg_temp.invoice('R2', 'R', 3, '2026-03-30') \g /dev/null
SELECT is(pg_temp.mandates(o2c.direct_debit_file('2026-03-30')), '<MndtId>M-R</MndtId><DtOfSgntr>2026-01-01</DtOfSgntr>', 'once is enough');
SELECT o2c.amend_mandate('M-R', 'DE75512108001245126199', holder => 'Rita''s father', new_reference => 'M-R2');
SELECT o2c.amend_mandate('M-R2', new_reference => 'M-R3');
SELECT pg_temp.invoice('R3', 'R', 3, '2026-03-31') \g /dev/null
SELECT o2c.direct_debit_file('2026-03-31') AS file2 \gset
SELECT is(pg_temp.mandates(:'file2'), '<MndtId>M-R3</MndtId><DtOfSgntr>2026-01-01</DtOfSgntr><AmdmntInd>true</AmdmntInd><AmdmntInfDtls><OrgnlMndtId>M-R</OrgnlMndtId><OrgnlDbtrAcct><Id><Othr><Id>SMNDA</Id></Othr></Id></OrgnlDbtrAcct></AmdmntInfDtls>',
          'of several amendments the bank learns what it knew last');
SELECT is(pg_temp.find(:'file2', '//d:Dbtr/d:Nm/text()'), '{"Rita''s father"}', 'the new account has its holder');
SELECT o2c.amend_mandate('M-R3', new_reference => 'M-R4'); SELECT o2c.amend_mandate('M-R4', new_reference => 'M-R3');
SELECT pg_temp.invoice('R4', 'R', 3, '2026-04-01') \g /dev/null
SELECT is(pg_temp.mandates(o2c.direct_debit_file('2026-04-01')), '<MndtId>M-R3</MndtId><DtOfSgntr>2026-01-01</DtOfSgntr>', 'what is again as it was is not told');
SELECT o2c.add_mandate('A', 'NL91ABNA0417164300', 'M-A2', '2026-03-02') \g /dev/null
SELECT o2c.amend_mandate('M-A2', 'DE75512108001245126199', new_reference => 'M-A3');
UPDATE o2c.mandate SET automatic = false WHERE reference = 'M-A';
UPDATE o2c.cash_policy SET debit_net_credits = false WHERE customer_id IS NOT NULL;
SELECT pg_temp.invoice('A4', 'A', 3, '2026-04-02') \g /dev/null
SELECT is(pg_temp.mandates(o2c.direct_debit_file('2026-04-02')), '<MndtId>M-A3</MndtId><DtOfSgntr>2026-03-02</DtOfSgntr>', 'nor what no bank has seen yet');
SELECT o2c.amend_mandate('M-A3', 'NL91ABNA0417164300');
SELECT o2c.return_direct_debit((pg_temp.debit('M-A3')).end_to_end_id, 'AC04', '2026-04-03', fee => 0) \g /dev/null
SELECT is(pg_temp.mandate('M-A3'), 'active RCUR', 'a return of the account before does not stop it');
SELECT throws_ok($$UPDATE o2c.mandate SET reference = 'M-X' WHERE reference = 'M-R3'$$, 'OC102', NULL, 'a reference changes by an amendment only');

-- a file stays what it was
UPDATE o2c.customer SET name = 'Rita Renamed'; UPDATE o2c.mandate SET bic = 'COBADEFF', holder = 'Somebody'; UPDATE o2c.company SET name = 'Acme Renamed';
UPDATE o2c.bank_account SET bic = NULL, creditor_id = 'FR72ZZZ123456';
SELECT is(o2c.direct_debit_file(batch => :batch), :'file', 'whatever is amended or renamed later');
UPDATE o2c.bank_account SET creditor_id = 'DE98ZZZ09999999999';

-- refused and refunded collections
SELECT pg_temp.invoice('R5', 'R', 5, '2026-04-07') \g /dev/null
SELECT is(pg_temp.collect('2026-04-07'), 'M-R3 5: R5 5', 'an invoice is collected');
SELECT o2c.settle_payment((pg_temp.debit('M-R3')).payment_id, '2026-04-07') \g /dev/null
SELECT o2c.return_direct_debit((pg_temp.debit('M-R3')).end_to_end_id, 'MD06', '2026-06-02') \g /dev/null
SELECT is(pg_temp.open('R5'), '5', 'refunded after eight weeks');
SELECT is(pg_temp.collect('2026-06-03', true), 'M-A3 3: A4 3', 'it is not collected again with what may be');
SELECT is(pg_temp.mandate('M-R3'), 'active RCUR', 'though the mandate holds');
SET LOCAL o2c.business_date = '2026-06-03';
SELECT o2c.add_mandate('R', 'DE75512108001245126199', 'M-RN', '2026-06-03') \g /dev/null
SELECT is(pg_temp.collect('2026-06-04'), NULL, 'nor with a mandate that was signed since');
SELECT is(pg_temp.collect('2026-06-04', true), 'M-RN 6: R-MD062026-03-24 1, R5 5', 'unless a person says so');
SELECT o2c.return_direct_debit((pg_temp.debit('M-RN')).end_to_end_id, 'MD01', '2027-07-05') \g /dev/null
SELECT is(pg_temp.mandate('M-RN') || ', ' || pg_temp.open('R5'), 'revoked RCUR, 5', 'a collection without a mandate comes back after 13 months');
SELECT throws_ok($$SELECT o2c.return_direct_debit((pg_temp.debit('M-RN')).end_to_end_id, 'MD01', '2027-07-06')$$, 'OC101', NULL, 'once');
SELECT throws_ok($$SELECT o2c.amend_mandate('M-RN', 'NL91ABNA0417164300')$$, 'OC101', NULL, 'what was ended is not amended');

-- creditor identifiers
SELECT results_eq($$SELECT o2c.is_creditor_identifier(t) FROM unnest('{DE98ZZZ09999999999,DE98ABC09999999999,DE97ZZZ09999999999,de98ZZZ09999999999,FR72ZZZ123456,AT61ZZZ01234567890,DE98ZZZ,"DE98 ZZZ09999999999",""}'::text[]) t$$,
                  $$VALUES (true), (true), (false), (false), (true), (true), (false), (false), (false)$$, 'have check digits, which leave out the creditor''s own part');
SELECT is(o2c.is_creditor_identifier(NULL), false, 'nothing is none');
UPDATE o2c.bank_account SET creditor_id = 'DE97ZZZ09999999999';
SELECT throws_ok($$SELECT o2c.direct_debit_file('2026-06-05')$$, 'OC107', NULL, 'a wrong one collects nothing');
UPDATE o2c.bank_account SET creditor_id = 'DE98ZZZ09999999999', bic = 'A1B2DE0OXXX';

-- what the schemas ask for: a name, and in the older one a BIC of its time
UPDATE o2c.customer SET name = ' ' WHERE code = 'A'; UPDATE o2c.mandate SET holder = NULL, bic = 'NODEDE31XXX' WHERE reference = 'M-A3';
SELECT pg_temp.invoice(E'\u0300', 'A', 3, '2026-06-05') \g /dev/null
SELECT o2c.direct_debit_file('2026-06-05') AS file \gset
SELECT is(pg_temp.find(:'file', '//d:Dbtr/d:Nm/text()') || pg_temp.find(:'file', '//d:BICFI/text()') || pg_temp.find(:'file', '//d:RmtInf/d:Ustrd'), '{NOTPROVIDED,A1B2DE0OXXX,NODEDE31XXX}', 'a name that has no characters is not provided, nor a text');
SELECT is(pg_temp.find(o2c.direct_debit_file('2026-06-05', version => 'pain.008.001.02'), '//d:FinInstnId//text()'), '{NOTPROVIDED,NODEDE31XXX}', 'a BIC with digits in its first part does not go into the older message');

SELECT is_empty('SELECT check_name, object, expected, found FROM o2c.verify()', 'all is consistent');
SELECT * FROM finish();
ROLLBACK;
