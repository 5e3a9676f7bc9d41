-- Payments with the bank and providers: clearing, refunds, bounces and what they do, payment links, keys that outlive midnight.
BEGIN;
SELECT plan(159);
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'USD');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-01';
INSERT INTO o2c.customer (code, name, currency) VALUES ('C1', 'One', 'EUR'), ('C2', 'Two', 'EUR'), ('CL', 'Cleared', 'EUR'), ('C3', 'Three', 'EUR'), ('JP', 'Yen', 'JPY'), ('US', 'Dollar', 'USD');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'C1a', 'Child', customer_id FROM o2c.customer WHERE code = 'C1';
INSERT INTO o2c.cash_policy (customer_id, cleared_only, bounce_fee, discount_grace_days) SELECT customer_id, true, 7.5, 3 FROM o2c.customer WHERE code = 'CL';
CREATE FUNCTION pg_temp.invoice(number text, customer text, amount numeric, invoiced_on date DEFAULT '2026-01-01', due_on date DEFAULT '2026-01-31', currency text DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS
'INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ($1, $2, $4, $5, $3, $6); SELECT o2c.load_invoices()';
CREATE FUNCTION pg_temp.open(number text) RETURNS numeric LANGUAGE sql AS
'SELECT trim_scale(sum(i.open_amount)) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE i.company_id = 1 AND v.number = $1';
-- state, clearing, since when, on account, refunded
CREATE FUNCTION pg_temp.state(payment bigint) RETURNS text LANGUAGE sql AS
'SELECT concat_ws('' '', p.state, p.clearing, p.received_on, trim_scale(- i.open_amount), nullif(trim_scale(p.refunded_amount), 0))
 FROM o2c.payment p LEFT JOIN o2c.open_item i ON i.company_id = 1 AND i.item_id = p.item_id WHERE p.company_id = 1 AND p.payment_id = $1';
CREATE FUNCTION pg_temp.steps(payment bigint) RETURNS text LANGUAGE sql AS
'SELECT string_agg(concat_ws('' '', change, clearing, effective_on, trim_scale(amount), reason_code), '', '' ORDER BY clearing_id) FROM o2c.payment_clearing WHERE payment_id = $1';
CREATE FUNCTION pg_temp.exposure(customer text) RETURNS numeric LANGUAGE sql AS
'SELECT trim_scale(a.receivable - a.unapplied) FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE a.company_id = 1 AND c.code = $1';
CREATE FUNCTION pg_temp.returns(customer text, day date) RETURNS jsonb LANGUAGE sql AS
'SELECT i.value FROM o2c.credit_information i JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = $1 AND i.name = ''returned_payments'' AND i.effective_on <= $2
 ORDER BY i.effective_on DESC, i.information_id DESC LIMIT 1';

-- an authorization is no money
SELECT pg_temp.invoice('A-1', 'C1', 100, '2026-02-01', '2026-03-03') \g /dev/null
SELECT o2c.record_payment(100, '2026-03-01', 'C1', 'A-1', 'card', provider => 'psp', provider_reference => 'ch_1', clearing => 'authorized') AS auth \gset
SELECT is(pg_temp.state(:auth), 'pending authorized 2026-03-01', 'an authorized payment waits');
SELECT is(pg_temp.exposure('C1'), 100::numeric, 'it does not reduce the exposure');
SELECT is_empty('SELECT * FROM o2c.match_payments()', 'and pays nothing');
SELECT throws_ok(format('SELECT o2c.apply_payment(%s, ''A-1'')', :auth), 'OC101', format('payment %s is not money yet', :auth), 'nor by hand');
SELECT throws_ok(format('SELECT o2c.apply_payment(%s, ''A-1'', 100)', :auth), 'OC101', NULL, 'whatever the amount');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s)', :auth), 'OC101', NULL, 'nor is it paid back');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s)', :auth), 'OC101', NULL, 'nor can it bounce');
SELECT is(o2c.record_payment(100, '2026-03-01', 'C1', 'A-1', 'card', provider => 'psp', provider_reference => 'ch_1', clearing => 'captured'), :auth::bigint, 'the provider''s reference stands for one payment');
SELECT throws_ok(format('SELECT o2c.capture_payment(%s, ''2026-02-28'')', :auth), 'OC002', NULL, 'not captured before it was authorized');
SET LOCAL o2c.business_date = '2026-03-03';
SELECT o2c.capture_payment(:auth);
SELECT is(pg_temp.state(:auth), 'received captured 2026-03-03 100', 'captured it is money from that day on');
SELECT results_eq($$SELECT unapplied FROM o2c.aging_report('2026-03-02') WHERE customer = 'C1'$$, 'VALUES (0::numeric)', 'and the day before it was not');
SELECT results_eq('SELECT stage, amount FROM o2c.match_payments()', $$VALUES ('reference', 100.00)$$, 'it is matched then');
SELECT is((SELECT max(effective_on) FROM o2c.application), '2026-03-03', 'on the day it was captured');
SELECT is(o2c.record_payment(100, '2026-03-01', 'C1', 'A-1', 'card', provider => 'psp', provider_reference => 'ch_1', clearing => 'authorized'), :auth::bigint, 'the late message of the authorization is still the same payment');
SELECT throws_ok(format('SELECT o2c.capture_payment(%s)', :auth), 'OC101', NULL, 'captured once');
SELECT throws_ok(format('SELECT o2c.settle_payment(%s, ''2026-03-02'')', :auth), 'OC002', NULL, 'not settled before it was captured');
SELECT throws_ok(format('SELECT o2c.settle_payment(%s, NULL)', :auth), 'OC002', NULL, 'nor without a date');
SELECT throws_ok('SELECT o2c.settle_payment(-1)', 'OC001', NULL, 'nor what is unknown');
SELECT throws_ok(format('SELECT o2c.settle_payment(%s, company_id => 2)', :auth), 'OC001', NULL, 'nor another company''s');
SELECT o2c.settle_payment(:auth, '2026-03-05');
SELECT is(pg_temp.state(:auth), 'applied settled 2026-03-03 0', 'settled nothing moves any more');
SELECT is(pg_temp.steps(:auth), 'authorized authorized 2026-03-01, captured captured 2026-03-03, settled settled 2026-03-05', 'each step is a dated row');
SELECT throws_ok(format('SELECT o2c.settle_payment(%s, ''2026-03-06'')', :auth), 'OC101', NULL, 'settled once');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-04'')', :auth), 'OC002', NULL, 'and it does not come back before that');
SELECT is((SELECT string_agg(activity, ' ' ORDER BY event_id) FROM o2c.event WHERE object_type = 'payment' AND object_id = :auth),
          'payment.authorized payment.pending payment.captured payment.received payment.applied payment.settled', 'and each is in the log');

-- what is voided or fails before it is money
SELECT o2c.record_payment(50, '2026-03-03', 'C1', 'void', clearing => 'authorized') AS void \gset
SELECT o2c.void_payment(:void, '2026-03-04', 'given up');
SELECT is(pg_temp.state(:void), 'reversed voided 2026-03-03', 'an authorization that is given up');
SELECT throws_ok(format('SELECT o2c.capture_payment(%s, ''2026-03-05'')', :void), 'OC101', NULL, 'is not captured');
SELECT throws_ok(format('SELECT o2c.void_payment(%s, ''2026-03-05'')', :void), 'OC101', NULL, 'nor given up twice');
SELECT throws_ok(format('SELECT o2c.identify_payment(%s, ''C2'')', :void), 'OC101', NULL, 'nor another''s');
SELECT o2c.record_payment(50, '2026-03-03', 'C1', 'fail', clearing => 'authorized') AS fail \gset
SELECT o2c.reverse_payment(:fail, '2026-03-03', 'declined', 'failed');
SELECT is(pg_temp.state(:fail), 'reversed failed 2026-03-03', 'one that fails');
SELECT is(pg_temp.exposure('C1'), 0::numeric, 'moved nothing');
SELECT is(pg_temp.returns('C1', '2026-12-31'), NULL, 'and is not counted as returned');
SELECT throws_ok($$SELECT o2c.record_payment(1, clearing => 'refunded')$$, 'OC002', NULL, 'a payment does not start at its end');
SELECT throws_ok($$SELECT o2c.record_payment(1, clearing => ',')$$, 'OC002', NULL, 'nor with a word that is none');
SELECT throws_ok($$SELECT o2c.record_payment(1, clearing => NULL)$$, 'OC002', NULL, 'nor with none');

-- an authorized payment whose payer is not known yet
SELECT o2c.record_payment(30, '2026-03-03', NULL, 'somebody', clearing => 'authorized') AS who \gset
SELECT is_empty('SELECT * FROM o2c.match_payments()', 'it is not matched');
SELECT is(o2c.identify_payment(:who, 'C2'), NULL, 'it is identified, but not on account');
SELECT is(pg_temp.state(:who), 'pending authorized 2026-03-03', 'it still waits');
SELECT o2c.settle_payment(:who, '2026-03-04');
SELECT is(pg_temp.state(:who), 'received settled 2026-03-04 30', 'settled without a word of capture');
SELECT o2c.record_payment(31, '2026-03-03', NULL, 'nobody', clearing => 'authorized') AS nobody \gset
SELECT o2c.capture_payment(:nobody, '2026-03-04');
SELECT is(pg_temp.state(:nobody), 'received captured 2026-03-04', 'captured it is money to identify');
SELECT isnt(o2c.identify_payment(:nobody, 'C2'), NULL, 'and then on account');

-- cleared funds only
SELECT pg_temp.invoice('CL-1', 'CL', 200, '2026-02-01', '2026-02-15') \g /dev/null
SELECT o2c.record_payment(200, '2026-03-03', 'CL', 'CL-1', 'cheque', clearing => 'captured') AS cheque \gset
SELECT is(pg_temp.state(:cheque) || ', ' || pg_temp.exposure('CL'), 'pending captured 2026-03-03, 200', 'a cheque does not count until it is cleared');
SELECT throws_ok(format('SELECT o2c.apply_payment(%s, (SELECT min(v.number) FROM o2c.invoice v JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = ''CL''))', :cheque), 'OC101', format('payment %s is not money yet', :cheque), 'and cannot be applied before');
SELECT is_empty('SELECT * FROM o2c.match_payments()', 'nor pay');
SELECT is(o2c.record_overdue('2026-03-03'), 1::bigint, 'the invoice is overdue');
SELECT is((SELECT count(*) FROM o2c.hold h JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'CL' AND released_at IS NULL), 1::bigint, 'and the credit suspended');
SELECT o2c.settle_payment(:cheque, '2026-03-06');
SELECT is(pg_temp.state(:cheque) || ', ' || pg_temp.exposure('CL'), 'received settled 2026-03-06 200, 0', 'cleared it counts from that day');
SELECT results_eq($$SELECT stage, amount FROM o2c.match_payments('2026-03-06')$$, $$VALUES ('reference', 200.00)$$, 'and pays');
SELECT is((SELECT count(*) FROM o2c.hold h JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'CL' AND released_at IS NULL), 0::bigint, 'which lifts the suspension');
SELECT o2c.record_payment(10, '2026-03-06', 'CL', 'second', 'cheque', clearing => 'captured') AS second \gset
SELECT o2c.reverse_payment(:second, '2026-03-07', 'no funds', reason_code => 'AM04');
SELECT is(pg_temp.state(:second), 'reversed returned 2026-03-06', 'what bounces before it counted moved nothing');
SELECT results_eq($$SELECT i.kind, i.open_amount, i.due_on, i.effective_on FROM o2c.open_item i JOIN o2c.payment_clearing s ON s.fee_item_id = i.item_id$$,
                  $$VALUES ('fee', 7.50, date '2026-03-07', date '2026-03-07')$$, 'but costs the fee, due at once');
SELECT is(pg_temp.exposure('CL'), 7.5, 'which is owed');
SELECT is(pg_temp.returns('CL', '2026-03-07'), '1', 'and it counts');

-- refunds
SELECT o2c.record_payment(90, '2026-03-04', 'C2', 'over') AS over \gset
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, 90.01, ''2026-03-04'')', :over), 'OC106', NULL, 'not more than is on account');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, 0, ''2026-03-05'')', :over), 'OC002', NULL, 'not nothing');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, -1, ''2026-03-05'')', :over), 'OC002', NULL, 'not less');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, ''NaN'', ''2026-03-05'')', :over), 'OC002', NULL, 'not NaN');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, ''Infinity'', ''2026-03-05'')', :over), 'OC002', NULL, 'not infinity');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, 1.001, ''2026-03-05'')', :over), 'OC002', NULL, 'not tenths of a cent');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, 1, ''2026-03-03'')', :over), 'OC002', NULL, 'not before it was received');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, 1, NULL)', :over), 'OC002', NULL, 'not without a date');
SELECT throws_ok('SELECT o2c.refund_payment(-1, 1)', 'OC001', NULL, 'not what is unknown');
SELECT pg_temp.exposure('C2') AS before \gset
SELECT o2c.refund_payment(:over, 40, '2026-03-05', 'asked for', 'r1') AS refund \gset
SELECT is(o2c.refund_payment(:over, 40.00, '2026-03-05', 'asked for', 'r1'), :refund::bigint, 'paid back once under a key');
SELECT is(pg_temp.state(:over), 'received settled 2026-03-04 50 40', 'a part is paid back');
SELECT results_eq('SELECT kind, amount, open_amount, effective_on FROM o2c.open_item WHERE item_id = ' || :refund, $$VALUES ('refund', 40.00, 0.00, date '2026-03-05')$$, 'by an item that uses it up');
SELECT is(pg_temp.exposure('C2') - :before, 40::numeric, 'the exposure grows by it');
SELECT throws_ok(format('SELECT o2c.unapply((SELECT application_id FROM o2c.application WHERE debit_item_id = %s))', :refund), 'OC101', NULL, 'what was paid back is not taken back');
SELECT throws_ok(format($$INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount, reverses, method)
    SELECT credit_item_id, debit_item_id, effective_on, - cash_amount, application_id, 'unapply' FROM o2c.application WHERE debit_item_id = %s$$, :refund), 'OC002', NULL, 'not even past the function');
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, 50.01, ''2026-03-05'')', :over), 'OC106', NULL, 'the rest is less');
SELECT o2c.refund_payment(:over, refunded_on => '2026-03-06') \g /dev/null
SELECT is(pg_temp.state(:over), 'applied refunded 2026-03-04 0 90', 'all is paid back');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-07'')', :over), 'OC101', NULL, 'and then it is over');
SELECT is(pg_temp.steps(:over), 'refunded settled 2026-03-05 40, refunded refunded 2026-03-06 50', 'the steps tell of both');
SELECT results_eq($$SELECT unapplied FROM o2c.aging_report('2026-03-05') WHERE customer = 'C2'$$, 'VALUES (111::numeric)', 'a past date keeps what it had');

-- a payment that was paid back in part bounces with the rest
SELECT pg_temp.invoice('B-1', 'C2', 60) \g /dev/null
SELECT o2c.record_payment(80, '2026-03-04', 'C2', 'B-1') AS part \gset
SELECT o2c.apply_payment(:part, 'B-1'), o2c.refund_payment(:part, 5, '2026-03-05') \g /dev/null
SELECT o2c.reverse_payment(:part, '2026-03-08', 'charge back', 'charged_back', fee => 3);
SELECT is(pg_temp.state(:part) || ', ' || pg_temp.open('B-1'), 'reversed charged_back 2026-03-04 0 5, 60', 'the invoice is open, the refund stays');
SELECT is(pg_temp.steps(:part), 'refunded settled 2026-03-05 5, charged_back charged_back 2026-03-08 75', 'what left was not paid back twice');
SELECT is((SELECT sum(amount) FROM o2c.open_item WHERE kind = 'fee' AND customer_id = (SELECT customer_id FROM o2c.customer WHERE code = 'C2')), 3.00, 'a fee that is given is charged');

-- refunding a credit note
SELECT throws_ok($$SELECT o2c.refund_credit('B-1')$$, 'OC001', NULL, 'an invoice is no credit note');
SELECT throws_ok($$SELECT o2c.refund_credit(NULL)$$, 'OC001', NULL, 'nor is nothing');
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, stocked) VALUES ('S', 'Service', 100, 0, false);
SELECT o2c.place_order('C3', '[{"sku": "S", "quantity": 1}]') AS "order" \gset
SELECT o2c.ship_order(:order); SELECT o2c.bill(customer => 'C3') \g /dev/null
SELECT o2c.record_payment(100, '2026-03-03', 'C3', (SELECT number FROM o2c.invoice WHERE order_id = :order)) \g /dev/null
SELECT o2c.match_payments() \g /dev/null
SELECT o2c.credit_invoice((SELECT invoice_id FROM o2c.invoice WHERE order_id = :order AND kind = 'invoice')) AS note_id \gset
SELECT number AS note FROM o2c.invoice WHERE invoice_id = :note_id \gset
SELECT is(pg_temp.open(:'note'), -100::numeric, 'a credit note of a paid invoice is open');
SELECT throws_ok(format('SELECT o2c.refund_credit(%L, 100.01)', :'note'), 'OC106', NULL, 'not more than that');
SELECT throws_ok(format('SELECT o2c.refund_credit(%L, refunded_on => ''2026-03-02'')', :'note'), 'OC002', NULL, 'not before its date');
SELECT pg_temp.exposure('C3') AS before \gset
SELECT is(o2c.refund_credit(:'note', 30, '2026-03-04', 'returned goods', 'r2'), o2c.refund_credit(:'note', 30, '2026-03-04', 'returned goods', 'r2'), 'a part is paid back, once');
SELECT is(pg_temp.open(:'note') || ', ' || pg_temp.exposure('C3') - :before, '-70, 30', 'and the credit is less');
SELECT o2c.refund_credit(:'note', refunded_on => '2026-03-05') \g /dev/null
SELECT is(pg_temp.open(:'note') || ' ' || (SELECT state FROM o2c.invoice WHERE number = :'note'), '0 paid', 'until nothing is left');
SELECT throws_ok(format('SELECT o2c.refund_credit(%L)', :'note'), 'OC106', NULL, 'then nothing is paid back');

-- a bounce puts everything back
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ('D-1', 'C1', '2026-01-05', '2026-02-04', 100), ('D-2', 'C1', '2026-01-05', '2026-02-14', 50);
SELECT o2c.load_invoices() \g /dev/null
SELECT o2c.record_overdue('2026-03-03') \g /dev/null
CREATE FUNCTION pg_temp.holds() RETURNS SETOF text LANGUAGE sql AS
$$SELECT concat_ws(' ', h.rule, v.number, h.reason) FROM o2c.hold h JOIN o2c.customer c USING (company_id, customer_id)
  LEFT JOIN o2c.invoice v ON h.source_type = 'invoice' AND v.company_id = h.company_id AND v.invoice_id = h.source_id
  WHERE c.code = 'C1' AND h.released_at IS NULL ORDER BY 1$$;
CREATE TEMP TABLE held AS SELECT * FROM pg_temp.holds() h;
SELECT is((SELECT count(*) FROM held), 2::bigint, 'two invoices suspend the credit');
SELECT pg_temp.exposure('C1') AS before \gset
SELECT o2c.record_payment(147, '2026-03-02', 'C1', 'both') AS both \gset
SELECT o2c.apply_payment(:both, 'D-1', 97, discount => 2, tolerance => 1, note => 'agreed'), o2c.apply_payment(:both, 'D-2') \g /dev/null
SELECT is_empty('SELECT * FROM pg_temp.holds()', 'paid they do not');
SELECT is(pg_temp.open('D-1') || ' ' || pg_temp.open('D-2'), '0 0', 'nothing is owed');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-05'', kind => ''gone'')', :both), 'OC002', NULL, 'a payment is not reversed in any way');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-05'', kind => ''voided'')', :both), 'OC002', NULL, 'nor voided like this');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-05'', kind => NULL)', :both), 'OC002', NULL, 'nor in none');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-05'', reason_code => ''money'')', :both), '23514', NULL, 'a code has four characters');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-05'', fee => -1)', :both), 'OC002', NULL, 'a fee is not negative');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-05'', fee => ''NaN'')', :both), 'OC002', NULL, 'nor NaN');
SELECT o2c.reverse_payment(:both, '2026-03-05', 'refer to drawer', reason_code => 'MS03', fee => 0);
SELECT results_eq($$SELECT v.number, v.state, i.due_on, trim_scale(i.open_amount) FROM o2c.invoice v JOIN o2c.open_item i USING (company_id, invoice_id) WHERE v.number LIKE 'D-%' ORDER BY 1$$,
                  $$VALUES ('D-1', 'posted', date '2026-02-04', 100::numeric), ('D-2', 'posted', '2026-02-14', 50)$$, 'the invoices are open in full, due when they were: discount and tolerance came back');
SELECT is(pg_temp.exposure('C1'), :before::numeric, 'the exposure is what it was');
SELECT is(o2c.record_overdue('2026-03-05'), 2::bigint, 'the run of the day finds them overdue again');
SELECT results_eq('SELECT * FROM pg_temp.holds()', 'TABLE held', 'and exactly the holds that were there are back');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-03-06'')', :both), 'OC101', NULL, 'it bounces once');
SELECT throws_ok(format('SELECT o2c.void_payment(%s, ''2026-03-06'')', :both), 'OC101', NULL, 'nor is it void then');
SELECT o2c.record_payment(20, '2026-03-04', 'C1', 'mistake') AS mistake \gset
SELECT o2c.apply_payment(:mistake, 'D-2') \g /dev/null
SELECT o2c.void_payment(:mistake, '2026-03-05', 'booked twice');
SELECT is(pg_temp.state(:mistake) || ', ' || pg_temp.open('D-2'), 'reversed voided 2026-03-04 0, 50', 'a mistake is taken back like a bounce');

-- how many came back within a year
SELECT is(pg_temp.returns('C1', '2026-03-05'), '1', 'but only what came back counts');
SELECT o2c.record_payment(1, '2025-06-01', 'C1', 'old') AS old \gset
SELECT o2c.reverse_payment(:old, '2025-06-10', fee => 0);
SELECT results_eq($$SELECT d::date, pg_temp.returns('C1', d::date) FROM unnest('{2025-06-09,2025-06-10,2026-03-04,2026-03-05,2026-06-09,2026-06-10,2027-03-04,2027-03-05}'::date[]) d$$,
                  $$VALUES (date '2025-06-09', NULL::jsonb), ('2025-06-10', '1'), ('2026-03-04', '1'), ('2026-03-05', '2'), ('2026-06-09', '2'), ('2026-06-10', '1'), ('2027-03-04', '1'), ('2027-03-05', '0')$$,
                  'whenever it is asked, and in whatever order they came');
SELECT throws_ok($$SELECT o2c.set_setting('cleared_only', '1')$$, 'OC001', NULL, 'no other setting');
SELECT o2c.set_setting('cleared_only_after_returns', '3');
UPDATE o2c.cash_policy SET tolerance_amount = 9 WHERE customer_id IS NULL AND company_id = 1;
SELECT o2c.record_payment(1, '2026-03-06', 'C1', 'third') AS third \gset
SELECT is((SELECT source FROM o2c.cash_policy_in_use JOIN o2c.customer USING (company_id, customer_id) WHERE code = 'C1'), 'company', 'two returns leave the policy');
SELECT o2c.reverse_payment(:third, '2026-03-06', fee => 0);
SELECT results_eq($$SELECT source, cleared_only, tolerance_amount::numeric FROM o2c.cash_policy_in_use JOIN o2c.customer USING (company_id, customer_id) WHERE code = 'C1'$$,
                  $$VALUES ('customer', true, 9.0000::numeric)$$, 'the third wants cleared funds, all else as it was');
UPDATE o2c.cash_policy SET bounce_fee = 2.5 WHERE company_id = 1 AND customer_id IS NULL;
SELECT o2c.record_payment(500, '2026-03-06', 'JP', 'yen') AS yen \gset
SELECT o2c.reverse_payment(:yen, '2026-03-07');
SELECT is((SELECT amount FROM o2c.open_item WHERE kind = 'fee' AND currency = 'JPY'), 3::numeric, 'the policy''s fee is rounded to the currency');

-- the rules sit on the tables
SELECT throws_ok('UPDATE o2c.payment SET clearing = ''captured''', 'OC102', NULL, 'clearing is the engine''s');
SELECT throws_ok('UPDATE o2c.payment SET received_on = received_on - 1', 'OC102', NULL, 'and so is the date');
SELECT throws_ok('UPDATE o2c.payment SET refunded_amount = 1', 'OC102', NULL, 'and what was paid back');
SELECT throws_ok('UPDATE o2c.payment_clearing SET effective_on = effective_on - 1', 'OC102', NULL, 'steps are facts');
SELECT throws_ok('DELETE FROM o2c.payment_clearing', 'OC102', NULL, 'that stay');
SELECT throws_ok(format('INSERT INTO o2c.payment_clearing (payment_id, change, clearing, effective_on) VALUES (%s, ''settled'', ''settled'', ''2026-03-09'')', :over), 'OC102', NULL, 'and that nobody invents');

-- payment links
SELECT pg_temp.invoice('L-1', 'C2', 10, '2026-02-01', '2026-03-10'), pg_temp.invoice('L-2', 'C2', 20, '2026-02-01', '2026-03-09'), pg_temp.invoice('L-3', 'C1', 5), pg_temp.invoice('L-4', 'C2', 20, '2026-02-01', '2026-03-09') \g /dev/null
SELECT o2c.payment_link_reference('{L-1,L-2}') AS link \gset
SELECT is(o2c.is_creditor_reference(:'link'), true, 'a link has check digits');
SELECT is(o2c.payment_link_reference('{L-2,L-1,L-1}')::text, :'link', 'the same invoices have the same one');
SELECT isnt(o2c.payment_link_reference('{L-2}')::text, :'link', 'others another');
SELECT throws_ok($$SELECT o2c.payment_link_reference('{L-1,L-9}')$$, 'OC001', NULL, 'not for an unknown invoice');
SELECT throws_ok($$SELECT o2c.payment_link_reference('{}')$$, 'OC001', NULL, 'nor for none');
SELECT throws_ok($$SELECT o2c.payment_link_reference(NULL)$$, 'OC001', NULL, 'nor null');
SELECT throws_ok($$SELECT o2c.payment_link_reference('{L-1,L-3}')$$, 'OC002', NULL, 'nor for two customers');
SELECT throws_ok($$SELECT o2c.payment_link_reference('{A-1}')$$, 'OC101', NULL, 'nor for what is paid');
SELECT throws_ok($$SELECT o2c.payment_link_reference('{L-1}', 2)$$, 'OC001', NULL, 'nor another company''s');
SELECT o2c.record_payment(32, '2026-03-02', NULL, lower(o2c.print_form(:'link'::o2c.creditor_reference)), 'card', provider => 'psp', provider_reference => 'pl_1') AS linked \gset
SELECT results_eq('SELECT v.number, m.stage, m.amount FROM o2c.match_payments(''2026-03-03'') m JOIN o2c.invoice v USING (invoice_id)', $$VALUES ('L-2', 'link', 20.00), ('L-1', 'link', 10.00)$$,
                  'the payment that brings it back pays its invoices, the oldest first');
SELECT is(pg_temp.state(:linked) || ' ' || (SELECT code FROM o2c.customer JOIN o2c.payment USING (company_id, customer_id) WHERE payment_id = :linked), 'received settled 2026-03-02 2 C2', 'of a payer who is known by it; the rest is on account');

-- with the tolerance of 9 the first payment would settle it
UPDATE o2c.cash_policy SET tolerance_amount = NULL WHERE customer_id IS NULL AND company_id = 1;
SELECT o2c.payment_link_reference('{L-4}') AS link \gset
SELECT o2c.record_payment(15, '2026-03-02', 'C2', :'link'), o2c.record_payment(20, '2026-03-02', 'C2', :'link') AS second \gset
SELECT results_eq('SELECT v.number, m.stage, m.amount FROM o2c.match_payments(''2026-03-03'') m JOIN o2c.invoice v USING (invoice_id)', $$VALUES ('L-4', 'link', 15.00), ('L-4', 'link', 5.00)$$,
                  'of two payments with the same link the second pays what the first left');
SELECT is(pg_temp.state(:second), 'received settled 2026-03-02 15', 'and keeps the rest');

-- money that is kept for an order
SELECT o2c.place_order('C3', '[{"sku": "S", "quantity": 2}]') AS "order" \gset
SELECT o2c.record_payment(150, '2026-03-06', 'C3', 'kept', clearing => 'authorized') AS kept \gset
SELECT throws_ok(format('SELECT o2c.allocate_prepayment(%s, %s, 10)', :kept, :order), 'OC106', NULL, 'an authorization pays nothing in advance');
SELECT o2c.capture_payment(:kept, '2026-03-06'), o2c.allocate_prepayment(:kept, :order, 120) \g /dev/null
SELECT throws_ok(format('SELECT o2c.refund_payment(%s, 30.01, ''2026-03-06'')', :kept), 'OC106', NULL, 'what is kept is not paid back');
SELECT o2c.refund_payment(:kept, refunded_on => '2026-03-06') \g /dev/null
SELECT is(pg_temp.state(:kept), 'received captured 2026-03-06 120 30', 'what is free is');
SELECT o2c.reverse_payment(:kept, '2026-03-07', fee => 0);
SELECT is(pg_temp.state(:kept), 'reversed returned 2026-03-06 0 30', 'the rest may come back');
SELECT is((SELECT prepaid_amount FROM o2c.sales_order WHERE order_id = :order), 0::numeric, 'and then the order is not prepaid');

-- a key outlives midnight, also when the date is left out
SELECT o2c.record_payment(4, customer => 'C2', reference => 'night', idempotency_key => 'k1') AS k1 \gset
SELECT o2c.record_payment(5, customer => 'C2', reference => 'night', provider => 'bank', provider_reference => 'n1') AS n1 \gset
SET LOCAL o2c.business_date = '2026-03-20';
SELECT is(o2c.record_payment(4, customer => 'C2', reference => 'night', idempotency_key => 'k1'), :k1::bigint, 'the same command sent again another day');
SELECT is(o2c.record_payment(5, customer => 'C2', reference => 'night', provider => 'bank', provider_reference => 'n1'), :n1::bigint, 'and the same receipt');
SELECT throws_ok($$SELECT o2c.record_payment(4, '2026-03-20', 'C2', 'night', idempotency_key => 'k1')$$, 'OC003', NULL, 'with a date it is another command');
SELECT throws_ok($$SELECT o2c.record_payment(5, '2026-03-20', 'C2', 'night', provider => 'bank', provider_reference => 'n1')$$, 'OC003', NULL, 'and another receipt');

-- what a provider tells
CREATE FUNCTION pg_temp.event(id text, type text, payment text, more jsonb DEFAULT '{}', provider text DEFAULT 'hook') RETURNS text LANGUAGE sql AS
$$SELECT pg_temp.state(o2c.record_provider_event($5, jsonb_build_object('id', $1, 'type', $2, 'payment', $3, 'on', '2026-03-10') || $4))$$;
SELECT is(pg_temp.event('e1', 'authorized', 'p1', '{"amount": 12.50, "customer": "C2", "reference": "hooked"}'), 'pending authorized 2026-03-10', 'the first event of a payment records it');
SELECT is(pg_temp.event('e3', 'settled', 'p1', '{"on": "2026-03-12"}'), 'received settled 2026-03-12 12.5', 'a later one takes it on');
SELECT is(pg_temp.event('e2', 'captured', 'p1', '{"on": "2026-03-11"}'), 'received settled 2026-03-12 12.5', 'one that comes late tells nothing new');
SELECT is(pg_temp.event('e3', 'settled', 'p1', '{"on": "2026-03-12"}'), 'received settled 2026-03-12 12.5', 'one that comes twice neither');
SELECT throws_ok($$SELECT pg_temp.event('e3', 'settled', 'p1', '{"on": "2026-03-13"}')$$, 'OC003', NULL, 'but not with other content');
SELECT is(pg_temp.event('e4', 'refunded', 'p1', '{"on": "2026-03-13", "amount": 2.5}'), 'received settled 2026-03-12 10 2.5', 'a refund in part');
SELECT is(pg_temp.event('e4', 'refunded', 'p1', '{"on": "2026-03-13", "amount": 2.5}'), 'received settled 2026-03-12 10 2.5', 'once');
SELECT is(pg_temp.event('e5', 'charged_back', 'p1', '{"on": "2026-03-14", "reason_code": "MD06", "fee": 1}'), 'reversed charged_back 2026-03-12 0 2.5', 'the rest is charged back');
SELECT is(pg_temp.event('e6', 'charged_back', 'p1', '{"on": "2026-03-15"}'), 'reversed charged_back 2026-03-12 0 2.5', 'once');
SELECT is(pg_temp.event('e7', 'captured', 'p1', '{"on": "2026-03-15"}'), 'reversed charged_back 2026-03-12 0 2.5', 'and stays so');
SELECT is(pg_temp.event('e1', 'settled', 'p1', '{"amount": 1, "customer": "C2"}', 'another'), 'received settled 2026-03-10 1', 'another provider has ids of its own');
SELECT throws_ok($$SELECT pg_temp.event('e8', 'refunded', 'p2')$$, 'OC001', NULL, 'nothing begins with its end');
SELECT throws_ok($$SELECT pg_temp.event('e8', 'gone', 'p1')$$, 'OC002', NULL, 'a type that there is not');
SELECT throws_ok($$SELECT pg_temp.event(NULL, 'settled', 'p1')$$, 'OC002', NULL, 'no id');
SELECT throws_ok($$SELECT o2c.record_provider_event('hook', '[]')$$, 'OC002', NULL, 'no object');
SELECT throws_ok($$SELECT o2c.record_provider_event('hook', NULL)$$, 'OC002', NULL, 'nor nothing');
SELECT throws_ok($$SELECT pg_temp.event('e9', 'settled', 'p3')$$, 'OC002', NULL, 'no amount');

SELECT is_empty('SELECT check_name, object, expected, found FROM o2c.verify()', 'all is consistent');
-- and what is not would be found
CREATE FUNCTION pg_temp.found_after(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE statement;
    SET LOCAL session_replication_role = origin;
    SELECT string_agg(check_name, ', ' ORDER BY check_name) INTO said FROM o2c.verify();
    RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = said;
EXCEPTION WHEN raise_exception THEN
    RETURN said;
END $$;
SELECT is(pg_temp.found_after($$UPDATE o2c.payment SET clearing = 'captured' WHERE reference = 'A-1'$$), 'payment clearing', 'a clearing without a step');
SELECT is(pg_temp.found_after($$UPDATE o2c.payment SET refunded_amount = 1 WHERE reference = 'A-1'$$), 'payment refunds', 'a refund without one');
SELECT is(pg_temp.found_after(format('UPDATE o2c.payment_clearing SET amount = 39 WHERE item_id = %s', :refund)), 'payment refunds, payment step items', 'a step with another amount');
SELECT is(pg_temp.found_after(format('UPDATE o2c.payment_clearing SET before = ''authorized'' WHERE change = ''settled'' AND payment_id = %s', :auth)), 'payment steps', 'a step from elsewhere');
SELECT is(pg_temp.found_after($$UPDATE o2c.payment SET item_id = NULL, state = 'pending' WHERE reference = 'L-none' OR payment_id = (SELECT min(payment_id) FROM o2c.payment WHERE reference = 'over')$$), 'payment counts', 'money that does not count');
SELECT is(pg_temp.found_after($$INSERT INTO o2c.credit_information (company_id, customer_id, name, value, source, effective_on)
    SELECT company_id, customer_id, 'returned_payments', '9', 'o2c.payment_clearing', o2c.today() FROM o2c.customer WHERE code = 'C1'$$), 'returned payments', 'another number of returns');

SET LOCAL o2c.business_date = '2027-03-05';
SELECT is_empty('SELECT check_name, object, expected, found FROM o2c.verify()', 'a year later, too');
SELECT * FROM finish();
ROLLBACK;
