-- Payments: recording, identifying, matching, applying, taking back, loading.
BEGIN;
SELECT plan(107);
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'USD');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-01';
INSERT INTO o2c.customer (code, name, currency) VALUES ('C1', 'One', 'EUR'), ('C2', 'Two', 'EUR'), ('US', 'Dollar', 'USD'), ('JP', 'Yen', 'JPY'), ('BHD', 'Dinar', 'BHD');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'C1a', 'Child', customer_id FROM o2c.customer WHERE code = 'C1';
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One elsewhere');
CREATE FUNCTION pg_temp.invoice(number text, customer text, amount numeric, invoiced_on date DEFAULT '2026-01-01', due_on date DEFAULT '2026-01-31', currency text DEFAULT NULL)
RETURNS bigint LANGUAGE sql AS
'INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ($1, $2, $4, $5, $3, $6); SELECT o2c.load_invoices()';
CREATE FUNCTION pg_temp.open(number text) RETURNS numeric LANGUAGE sql AS
'SELECT trim_scale(sum(i.open_amount)) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE i.company_id = 1 AND v.number = $1';
CREATE FUNCTION pg_temp.payment(reference text) RETURNS bigint LANGUAGE sql AS
'SELECT payment_id FROM o2c.payment WHERE company_id = 1 AND payment.reference = $1';
CREATE FUNCTION pg_temp.state(reference text) RETURNS text LANGUAGE sql AS
'SELECT concat_ws('' '', p.state, (SELECT c.code FROM o2c.customer c WHERE c.company_id = 1 AND c.customer_id = p.customer_id), trim_scale(- i.open_amount))
 FROM o2c.payment p LEFT JOIN o2c.open_item i ON i.company_id = 1 AND i.item_id = p.item_id WHERE p.company_id = 1 AND p.reference = $1';
CREATE FUNCTION pg_temp.matched(as_of date DEFAULT '2026-03-01') RETURNS SETOF text LANGUAGE sql AS
'SELECT concat_ws('' '', p.reference, v.number, m.stage, trim_scale(m.amount)) FROM o2c.match_payments($1) m JOIN o2c.payment p USING (payment_id)
 LEFT JOIN o2c.invoice v ON v.invoice_id = m.invoice_id ORDER BY p.received_on, p.payment_id, m.amount DESC';

-- recording
SELECT o2c.record_payment(10, '2026-02-01', 'C1', 'rec 1') AS rec \gset
SELECT results_eq('SELECT reference, currency, method, state FROM o2c.payment', $$VALUES ('rec 1', 'EUR', 'transfer', 'received')$$, 'a payment is recorded');
SELECT results_eq('SELECT kind, amount, open_amount, effective_on, due_on FROM o2c.open_item', $$VALUES ('payment', -10::numeric, -10::numeric, date '2026-02-01', date '2026-02-01')$$, 'and on account');
SELECT o2c.record_payment(1, customer => 'C2', reference => 'rec 2');
SELECT is((SELECT received_on FROM o2c.payment WHERE reference = 'rec 2'), '2026-03-01', 'today unless said otherwise');
SELECT o2c.record_payment(5, '2026-02-01', 'JP', 'rec 3');
SELECT is((SELECT currency FROM o2c.payment WHERE reference = 'rec 3'), 'JPY', 'in the customer''s currency');
SELECT o2c.record_payment(1.234, '2026-02-01', 'BHD', 'rec 4');
SELECT is((SELECT - open_amount FROM o2c.open_item JOIN o2c.payment USING (item_id) WHERE reference = 'rec 4'), 1.234, 'with its decimals');
SELECT o2c.record_payment(5, '2026-02-01', NULL, 'rec 5', company_id => 2);
SELECT is((SELECT currency FROM o2c.payment WHERE reference = 'rec 5'), 'USD', 'without a customer in the company''s');
SELECT throws_ok($$SELECT o2c.record_payment(NULL)$$, 'OC002', NULL, 'not without an amount');
SELECT throws_ok($$SELECT o2c.record_payment(0)$$, 'OC002', NULL, 'not nothing');
SELECT throws_ok($$SELECT o2c.record_payment(-1)$$, 'OC002', NULL, 'not a negative amount');
SELECT throws_ok($$SELECT o2c.record_payment('NaN')$$, 'OC002', NULL, 'not NaN');
SELECT throws_ok($$SELECT o2c.record_payment('Infinity')$$, 'OC002', NULL, 'not infinity');
SELECT throws_ok($$SELECT o2c.record_payment(1e15)$$, 'OC002', NULL, 'not more than there is');
SELECT throws_ok($$SELECT o2c.record_payment(1.001)$$, 'OC002', NULL, 'not tenths of a cent');
SELECT throws_ok($$SELECT o2c.record_payment(1.5, '2026-02-01', 'JP')$$, 'OC002', NULL, 'not half a yen');
SELECT throws_ok($$SELECT o2c.record_payment(1, NULL)$$, 'OC002', NULL, 'not without a date');
SELECT throws_ok($$SELECT o2c.record_payment(1, 'infinity')$$, 'OC002', NULL, 'not in infinity');
SELECT throws_ok($$SELECT o2c.record_payment(1, '2026-02-01', 'nobody')$$, 'OC001', NULL, 'not from an unknown customer');
SELECT throws_ok($$SELECT o2c.record_payment(1, '2026-02-01', '')$$, 'OC001', NULL, 'nor an empty one');
SELECT throws_ok($$SELECT o2c.record_payment(1, currency => 'eur')$$, 'OC001', NULL, 'not in an unknown currency');
SELECT throws_ok($$SELECT o2c.record_payment(1, company_id => 99)$$, 'OC001', NULL, 'not for an unknown company');
SELECT throws_ok($$SELECT o2c.record_payment(1, company_id => NULL)$$, 'OC001', NULL, 'nor for none');
SELECT throws_ok($$SELECT o2c.record_payment(1, method => 'gold')$$, '23514', NULL, 'not in gold');
SELECT throws_ok($$SELECT o2c.record_payment(1, provider_reference => 'x')$$, 'OC002', NULL, 'a provider reference has a provider');

-- each receipt once
SELECT o2c.record_payment(7, '2026-02-01', 'C2', 'once', provider => 'bank', provider_reference => 'T1') AS once \gset
SELECT is(o2c.record_payment(7.00, '2026-02-01', 'C2', 'once', provider => 'bank', provider_reference => 'T1'), :once::bigint, 'the same receipt is the same payment');
SELECT is(o2c.record_payment(7, '2026-02-01', NULL, 'once', provider => 'bank', provider_reference => 'T1'), :once::bigint, 'also when its customer is not named again');
SELECT throws_ok($$SELECT o2c.record_payment(8, '2026-02-01', 'C2', 'once', provider => 'bank', provider_reference => 'T1')$$, 'OC003', NULL, 'another amount is another payment');
SELECT throws_ok($$SELECT o2c.record_payment(7, '2026-02-01', 'C1', 'once', provider => 'bank', provider_reference => 'T1')$$, 'OC003', NULL, 'and so is another customer');
SELECT isnt(o2c.record_payment(7, '2026-02-01', 'C2', 'twice', provider => 'other bank', provider_reference => 'T1'), :once::bigint, 'another provider numbers by itself');
SELECT is(o2c.record_payment(9, '2026-02-01', 'C2', 'key', idempotency_key => 'k1'), o2c.record_payment(9.0, '2026-02-01', 'C2', 'key', idempotency_key => 'k1'), 'the same command is carried out once');
SELECT throws_ok($$SELECT o2c.record_payment(9, '2026-02-01', 'C1', 'key', idempotency_key => 'k1')$$, 'OC003', NULL, 'a key is for one command');
SELECT is((SELECT count(*) FROM o2c.open_item), (SELECT count(*) FROM o2c.payment WHERE customer_id IS NOT NULL), 'each payment of a customer has one item');

-- identifying
SELECT o2c.record_payment(3, '2026-02-01', NULL, 'who') AS who \gset
SELECT is(pg_temp.state('who'), 'received', 'a payment without a customer waits');
SELECT throws_ok(format('SELECT o2c.identify_payment(%s, ''nobody'')', :who), 'OC001', NULL, 'not for an unknown customer');
SELECT throws_ok(format('SELECT o2c.identify_payment(%s, NULL)', :who), 'OC002', NULL, 'nor for none');
SELECT throws_ok($$SELECT o2c.identify_payment(-1, 'C1')$$, 'OC001', NULL, 'nor an unknown payment');
SELECT is(o2c.identify_payment(:who, 'C2'), o2c.identify_payment(:who, 'C2'), 'identified once');
SELECT is(pg_temp.state('who'), 'received C2 3', 'it is on the customer''s account');
SELECT throws_ok(format('SELECT o2c.identify_payment(%s, ''C1'')', :who), 'OC101', NULL, 'and stays there');
SELECT throws_ok('UPDATE o2c.payment SET amount = 1', 'OC102', NULL, 'payments keep their facts');
SELECT throws_ok($$UPDATE o2c.payment SET state = 'applied'$$, 'OC102', NULL, 'their state is the engine''s');
SELECT throws_ok('DELETE FROM o2c.payment', 'OC102', NULL, 'and they are not removed');
SELECT lives_ok($$UPDATE o2c.payment SET attributes = '{"mine": 1}' WHERE reference = 'who'$$, 'attributes are the user''s');
SELECT is((SELECT count(*) FROM pg_temp.matched()), 0::bigint, 'there is nothing to match yet');

-- matching by reference
SELECT pg_temp.invoice('INV-100', 'C1', 100), pg_temp.invoice('INV-200', 'C2', 200), pg_temp.invoice('INV-300', 'C1a', 300, '2026-02-10', '2026-03-12');
SELECT o2c.record_payment(60, '2026-02-02', 'C1', 'inv 100'), o2c.record_payment(60, '2026-02-03', 'C1', 'INV/100'),
       o2c.record_payment(200, '2026-02-04', NULL, 'Inv-200'), o2c.record_payment(300, '2026-02-05', 'C1', 'INV-300'),
       o2c.record_payment(200, '2026-02-06', 'C1', 'INV-200'), o2c.record_payment(4, '2026-02-06', 'C2', '000'), o2c.record_payment(1, '2026-03-02', 'C1', 'INV100');
SELECT results_eq($$SELECT pg_temp.matched()$$, ARRAY['inv 100 INV-100 reference 60', 'INV/100 INV-100 reference 40', 'Inv-200 INV-200 reference 200', 'INV-300 INV-300 reference 300'],
                  'invoices named by their payments, in the order they came');
SELECT is(pg_temp.state('INV/100'), 'received C1 20', 'what is over stays on account');
SELECT is(pg_temp.state('Inv-200'), 'applied C2 0', 'an unknown payer is the invoice''s customer');
SELECT is(pg_temp.state('INV-200'), 'received C1 200', 'another customer''s invoice is not paid');
SELECT is((SELECT effective_on FROM o2c.application WHERE credit_item_id = (SELECT item_id FROM o2c.payment WHERE reference = 'INV-300')), '2026-02-10', 'not before the invoice');
SELECT is_empty('SELECT pg_temp.matched()', 'matching again finds nothing');
SELECT is_empty($$SELECT * FROM o2c.match_payments('2026-03-31', company_id => 2)$$, 'nor does another company');
SELECT throws_ok('SELECT o2c.match_payments(NULL)', 'OC002', NULL, 'matching needs a date');
SELECT throws_ok($$SELECT o2c.match_payments('infinity')$$, 'OC002', NULL, 'a finite one');
SELECT throws_ok($$SELECT o2c.match_payments('2026-03-01', -1)$$, 'OC001', NULL, 'and a payment that is there');
SELECT pg_temp.invoice('0042', 'C1', 42), pg_temp.invoice('42', 'C1', 42), pg_temp.invoice('U-1', 'C1', 5, currency => 'USD');
SELECT o2c.record_payment(42, '2026-02-07', 'C1', '42'), o2c.record_payment(5, '2026-02-07', NULL, 'U-1');
SELECT is_empty('SELECT pg_temp.matched()', 'neither an ambiguous reference nor another currency');
SELECT is(pg_temp.state('U-1'), 'received', 'which leaves an unknown payer unknown');
SELECT pg_temp.invoice('INV-400', 'C1', 51);
INSERT INTO o2c.open_item (customer_id, kind, invoice_id, instalment, effective_on, due_on, currency, amount)
SELECT customer_id, 'invoice', invoice_id, n, invoiced_on, due_on + 30 * n, currency, 50
FROM o2c.invoice, generate_series(2, 3) n WHERE number = 'INV-400';
SELECT o2c.record_payment(71, '2026-02-08', 'C1', 'Inv400');
SELECT results_eq('SELECT pg_temp.matched()', ARRAY['Inv400 INV-400 reference 51', 'Inv400 INV-400 reference 20'], 'the oldest instalment first');
SELECT results_eq($$SELECT i.instalment, i.open_amount, v.state FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.number = 'INV-400' ORDER BY 1$$,
                  $$VALUES (1, 0::numeric, 'posted'), (2, 30, 'posted'), (3, 50, 'posted')$$, 'and the next one with the rest');

-- matching by amount
SELECT pg_temp.invoice('A1', 'C2', 11), pg_temp.invoice('A2', 'C2', 12), pg_temp.invoice('A3', 'C2', 12), pg_temp.invoice('A4', 'C1', 13),
       pg_temp.invoice('A5', 'C1a', 13), pg_temp.invoice('A6', 'C1a', 14), pg_temp.invoice('A7', 'C2', 15, '2026-04-01', '2026-05-01');
SELECT o2c.record_payment(11, '2026-02-09', 'C2', 'a1'), o2c.record_payment(11, '2026-02-09', 'C2', 'again'), o2c.record_payment(12, '2026-02-09', 'C2', 'either'),
       o2c.record_payment(13, '2026-02-09', 'C1a', 'own'), o2c.record_payment(13, '2026-02-10', 'C1', 'group'), o2c.record_payment(14, '2026-02-09', 'C1', 'child'),
       o2c.record_payment(15, '2026-04-02', 'C2', 'later'), o2c.record_payment(12, '2026-02-09', NULL, 'nobody'), o2c.record_payment(13, '2026-02-09', 'C1', 'INV 400 ');
SELECT results_eq('SELECT pg_temp.matched()', ARRAY['a1 A1 reference 11', 'own A5 amount 13', 'child A6 amount 14', 'INV 400  INV-400 reference 13', 'group A4 amount 13'],
                  'the one item with that amount, of the customer or else of the group');
SELECT is_empty('SELECT pg_temp.matched()', 'again there is nothing more');
SELECT is(pg_temp.state('either'), 'received C2 12', 'two candidates are none');
SELECT is(pg_temp.state('again'), 'received C2 11', 'what is paid is not paid again');
SELECT results_eq($$SELECT count(*) FROM o2c.match_payments('2026-04-30', pg_temp.payment('later'))$$, 'VALUES (1::bigint)', 'one payment by itself');

-- applying by hand
SELECT pg_temp.invoice('H1', 'C1', 100), pg_temp.invoice('H2', 'C1', 100);
SELECT o2c.record_payment(150, '2026-02-20', 'C1', 'hand') AS hand \gset
CREATE FUNCTION pg_temp.refused(arguments text, code text, what text) RETURNS text LANGUAGE sql AS
$$SELECT throws_ok(format('SELECT o2c.apply_payment(pg_temp.payment(''hand''), %s)', $1), $2, NULL, $3)$$;
SELECT pg_temp.refused($$'H1', 151$$, 'OC106', 'not more than the payment has');
SELECT pg_temp.refused($$'H1', 101$$, 'OC106', 'not more than the invoice has');
SELECT pg_temp.refused($$'H1', 99, 2$$, 'OC106', 'a discount counts too');
SELECT pg_temp.refused($$'H1', 0$$, 'OC002', 'not nothing');
SELECT pg_temp.refused($$'H1', -1$$, 'OC002', 'not a negative amount');
SELECT pg_temp.refused($$'H1', 'NaN'$$, 'OC002', 'not NaN');
SELECT pg_temp.refused($$'H1', 1.001$$, 'OC002', 'not tenths of a cent');
SELECT pg_temp.refused($$'H1', 1, -1$$, 'OC002', 'not a negative discount');
SELECT pg_temp.refused($$'H1', 1, effective_on => '2026-02-19'$$, 'OC002', 'not before the payment');
SELECT pg_temp.refused($$'A2'$$, 'OC002', 'not to another customer''s invoice');
SELECT pg_temp.refused($$'U-1'$$, 'OC005', 'not to another currency');
SELECT pg_temp.refused($$'no invoice'$$, 'OC001', 'not to an unknown invoice');
SELECT pg_temp.refused($$NULL$$, 'OC001', 'nor to none');
SELECT throws_ok($$SELECT o2c.apply_payment(-1, 'H1')$$, 'OC001', NULL, 'not an unknown payment');
SELECT o2c.apply_payment(:hand, 'H1', discount => 2, tolerance => 1, note => 'agreed') AS applied \gset
SELECT is(pg_temp.open('H1'), 0::numeric, 'what fits, with a discount and a tolerance');
SELECT is(pg_temp.state('hand'), 'received C1 53', 'only the cash is used');
SELECT pg_temp.refused($$'H1', 1$$, 'OC106', 'not to a paid invoice');
SELECT o2c.unapply(:applied, '2026-02-25');
SELECT o2c.apply_payment(:hand, 'H1', 100);
SELECT is((SELECT max(effective_on) FROM o2c.application WHERE method = 'manual'), '2026-02-25', 'what was taken back is applied anew from that date on');
SELECT o2c.apply_payment(:hand, 'H2');
SELECT is(pg_temp.state('hand') || ', ' || pg_temp.open('H2'), 'applied C1 0, 50', 'the rest goes to the next invoice');

-- taking back
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, ''2026-02-19'')', :hand), 'OC002', NULL, 'not before it was received');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s, NULL)', :hand), 'OC002', NULL, 'not without a date');
SELECT throws_ok('SELECT o2c.reverse_payment(-1)', 'OC001', NULL, 'not what is unknown');
SELECT o2c.reverse_payment(:hand, '2026-02-28', 'no funds');
SELECT is(pg_temp.state('hand') || ', ' || pg_temp.open('H1') || ', ' || pg_temp.open('H2'), 'reversed C1 0, 100, 100', 'a bounced payment pays nothing');
SELECT throws_ok(format('SELECT o2c.reverse_payment(%s)', :hand), 'OC101', NULL, 'it bounces once');
SELECT pg_temp.refused($$'H1', 1$$, 'OC106', 'and is not applied again');
SELECT is((SELECT string_agg(activity, ' ' ORDER BY event_id) FROM o2c.event WHERE object_type = 'payment' AND object_id = :hand),
          'payment.received payment.applied payment.reversed payment.returned', 'its history is in the log');
SELECT results_eq($$SELECT total, unapplied FROM o2c.aging_report('2026-02-27') WHERE customer = 'C1' AND currency = 'EUR'$$,
                  $$SELECT total - 150, unapplied FROM o2c.aging_report('2026-02-28') WHERE customer = 'C1' AND currency = 'EUR'$$, 'before the bounce it had paid');
SELECT throws_ok($$SELECT o2c.unapply((SELECT application_id FROM o2c.application WHERE method = 'reversal' AND reverses IS NULL))$$, 'OC101', NULL, 'nor is the bounce taken back');
SELECT is((SELECT sum(amount) FROM o2c.open_item WHERE kind = 'reversal'), 150::numeric, 'a reversal uses it up');
SELECT o2c.reverse_payment(pg_temp.payment('nobody'), '2026-03-01', 'unknown');
SELECT is(pg_temp.state('nobody'), 'reversed', 'a payment of an unknown payer can be taken back too');
SELECT is_empty($$SELECT * FROM pg_temp.matched() m WHERE m LIKE 'nobody%'$$, 'and is not matched then');

-- the door for payments
CREATE TEMP TABLE bad (customer text, received_on date, amount numeric, currency text, problem text);
INSERT INTO bad VALUES
    ('nobody', '2026-02-01', 1, NULL, 'there is no customer ''nobody'''), ('C1', '2026-02-01', 1, 'XYZ', 'there is no currency ''XYZ'''),
    ('C1', '2026-02-01', NULL, NULL, 'the amount is missing'), ('C1', '2026-02-01', 0, NULL, 'the amount is zero'), ('C1', '2026-02-01', -1, NULL, 'the amount is negative'),
    ('C1', '2026-02-01', 'NaN', NULL, 'the amount is not a finite number'), ('JP', '2026-02-01', 0.5, NULL, 'the amount has more than the 0 decimals of JPY'),
    ('C1', NULL, 1, NULL, 'the date is missing'), ('C1', '-infinity', 1, NULL, 'the date is not from 1900-01-01 to 2199-12-31'), (NULL, '2026-02-01', 1, NULL, NULL);
INSERT INTO o2c.payment_import (batch, reference, customer, received_on, amount, currency) SELECT 'bad', 'bad', customer, received_on, amount, currency FROM bad;
CREATE TEMP TABLE good (reference text, customer text, received_on date, amount numeric);
INSERT INTO good VALUES ('door', 'C2', '2026-02-01', 2), ('door', 'C2', '2026-02-01', 2.00), (NULL, 'C2', '2026-02-01', 2), (NULL, NULL, '2026-02-01', 2);
INSERT INTO o2c.payment_import (batch, reference, customer, received_on, amount) SELECT 'good', * FROM good;
SELECT is(o2c.load_payments(), 4::bigint, 'the good batch is loaded, equal rows are payments of their own');
SELECT results_eq('SELECT problem FROM o2c.payment_import ORDER BY import_id', 'SELECT problem FROM bad', 'the bad batch stays with its problems');
SELECT is(o2c.load_payments('bad'), 0::bigint, 'as often as it is tried');
DELETE FROM o2c.payment_import;
INSERT INTO o2c.payment_import (batch, reference, customer, received_on, amount) SELECT 'the same file', * FROM good;
SELECT is(o2c.load_payments(), 0::bigint, 'the same file again books nothing');
SELECT is((SELECT count(*) FROM o2c.payment_import), 0::bigint, 'and leaves nothing');
SELECT is((SELECT count(*) FROM o2c.payment WHERE provider = 'import' AND customer_id IS NULL), 1::bigint, 'a row without a customer is a payment to identify');

-- what banks kept
INSERT INTO o2c.payment_import (batch, customer, received_on, amount, charges) VALUES
    ('charged', 'C1', '2026-03-02', 95, 5), ('charged', 'C1', '2026-03-02', 96, 0), ('charged', 'C1', '2026-03-02', 97, NULL), ('charged', 'C2', '2026-03-02', 95, 5),
    ('overcharged', 'C1', '2026-03-02', 95, -1), ('overcharged', 'C1', '2026-03-02', 95, 0.001), ('overcharged', 'C1', '2026-03-02', 95, 'NaN'), ('overcharged', 'C1', '2026-03-02', 95, 1e15);
INSERT INTO o2c.cash_policy (customer_id, bears_charges) SELECT customer_id, false FROM o2c.customer WHERE company_id = 1 AND code = 'C2'
ON CONFLICT ON CONSTRAINT cash_policy_one DO UPDATE SET bears_charges = false;
SELECT is(o2c.load_payments(), 4::bigint, 'payments less charges');
SELECT results_eq($$SELECT problem FROM o2c.payment_import ORDER BY import_id$$, $$VALUES ('the charge is negative'), ('the charge has more than the 2 decimals of EUR'), ('the charge is not a finite number'), ('the charge is 10^15 or more')$$, 'charges must be amounts');
DELETE FROM o2c.payment_import;
SELECT results_eq($$SELECT c.code, p.amount, p.charge_amount, i.amount FROM o2c.payment p JOIN o2c.open_item i USING (company_id, item_id) JOIN o2c.customer c ON c.company_id = p.company_id AND c.customer_id = p.customer_id
    WHERE p.provider = 'import' AND p.received_on = '2026-03-02' ORDER BY p.payment_id$$,
    $$VALUES ('C1', 95.00, 5.00, -100.00), ('C1', 96.00, 0, -96.00), ('C1', 97.00, 0, -97.00), ('C2', 95.00, 5.00, -95.00)$$, 'are credited to whom we bear them for');
SELECT o2c.record_payment(95, '2026-03-02', 'C1', charges => 5) AS p1, o2c.record_payment(95, '2026-03-02', 'C2', charges => 5) AS p2 \gset
SELECT results_eq(format($$SELECT i.amount FROM o2c.payment p JOIN o2c.open_item i USING (company_id, item_id) WHERE p.payment_id IN (%s, %s) ORDER BY p.payment_id$$, :p1, :p2), 'VALUES (-100.00), (-95.00)', 'as by hand');

SELECT is_empty('TABLE o2c.verify_open_item', 'open items agree with the facts');
SELECT is_empty('SELECT * FROM o2c.verify_payment', 'payments agree with their items');
SELECT is_empty($$SELECT * FROM o2c.verify_invoice_state WHERE check_name = 'invoice state'$$, 'invoices agree with their items');
SELECT is_empty('TABLE o2c.verify_exposure_receivable', 'the exposure is the sum of the items');
SELECT * FROM finish();
ROLLBACK;
