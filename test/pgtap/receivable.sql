-- Open items, applications, agings as of a date, the door for invoices.
BEGIN;
SELECT plan(88);
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-01';
INSERT INTO o2c.customer (code, name, currency) VALUES ('C1', 'One', 'EUR'), ('C2', 'Two', 'EUR'), ('US', 'Dollar', 'USD'), ('JP', 'Yen', 'JPY');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'C1a', 'Child', customer_id FROM o2c.customer WHERE code = 'C1';
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One elsewhere');

CREATE FUNCTION pg_temp.item(number text) RETURNS bigint LANGUAGE sql AS
'SELECT i.item_id FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE i.company_id = 1 AND v.number = $1';
CREATE FUNCTION pg_temp.open(number text) RETURNS numeric LANGUAGE sql AS
'SELECT sum(i.open_amount) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE i.company_id = 1 AND v.number = $1';
CREATE FUNCTION pg_temp.state(number text) RETURNS text LANGUAGE sql AS
'SELECT state FROM o2c.invoice WHERE company_id = 1 AND number = $1';
CREATE FUNCTION pg_temp.account(reference text) RETURNS bigint LANGUAGE sql AS
'SELECT item_id FROM o2c.payment WHERE company_id = 1 AND payment.reference = $1';

-- the door for invoices: what is wrong with a row, and that its whole batch stays
CREATE TEMP TABLE bad (number text, customer text, invoiced_on date, due_on date, amount numeric, currency text, problem text);
INSERT INTO bad VALUES
    (NULL, 'C1', '2026-01-01', '2026-01-31', 1, NULL, 'the number is missing'),
    ('', 'C1', '2026-01-01', '2026-01-31', 1, NULL, 'the number is missing'),
    ('B1', 'nobody', '2026-01-01', '2026-01-31', 1, NULL, 'there is no customer ''nobody'''),
    ('B2', NULL, '2026-01-01', '2026-01-31', 1, NULL, 'there is no customer NULL'),
    ('B3', 'C1', '2026-01-01', '2026-01-31', 1, 'XYZ', 'there is no currency ''XYZ'''),
    ('B4', 'C1', '2026-01-01', '2026-01-31', NULL, NULL, 'the amount is missing'),
    ('B5', 'C1', '2026-01-01', '2026-01-31', -1, NULL, 'the amount is negative'),
    ('B6', 'C1', '2026-01-01', '2026-01-31', 'NaN', NULL, 'the amount is not a finite number'),
    ('B7', 'C1', '2026-01-01', '2026-01-31', 'Infinity', NULL, 'the amount is not a finite number'),
    ('B8', 'C1', '2026-01-01', '2026-01-31', 1.005, NULL, 'the amount has more than the 2 decimals of EUR'),
    ('B9', 'JP', '2026-01-01', '2026-01-31', 1.5, NULL, 'the amount has more than the 0 decimals of JPY'),
    ('B10', 'C1', '2026-01-01', '2026-01-31', 1e15, NULL, 'the amount is 10^15 or more'),
    ('B11', 'C1', NULL, '2026-01-31', 1, NULL, 'the invoice date is missing'),
    ('B12', 'C1', '2026-01-01', NULL, 1, NULL, 'the due date is missing'),
    ('B13', 'C1', '2026-01-01', 'infinity', 1, NULL, 'the due date is not from 1900-01-01 to 2199-12-31'),
    ('B14', 'C1', '-infinity', '2026-01-31', 1, NULL, 'the invoice date is not from 1900-01-01 to 2199-12-31'),
    ('B15', 'C1', '0206-01-01', '2026-01-31', 1, NULL, 'the invoice date is not from 1900-01-01 to 2199-12-31'),
    ('B16', 'C1', '2026-01-02', '2026-01-01', 1, NULL, 'the due date is before the invoice date'),
    ('B17', 'C1', '2026-01-01', '2026-01-31', 1, NULL, 'the number stands in the batch with different content'),
    ('B17', 'C1', '2026-01-01', '2026-01-31', 2, NULL, 'the number stands in the batch with different content'),
    ('GOOD', 'C1', '2026-01-01', '2026-01-31', 1, NULL, NULL);
INSERT INTO o2c.invoice_import (batch, number, customer, invoiced_on, due_on, amount, currency)
    SELECT 'bad', number, customer, invoiced_on, due_on, amount, currency FROM bad;
INSERT INTO o2c.invoice_import (batch, number, customer, invoiced_on, due_on, amount, currency) VALUES
    ('good', 'I1', 'C1', '2026-01-01', '2026-01-31', 100, NULL),
    ('good', 'I2', 'C1', '2026-01-01', '2026-03-01', 50, NULL),
    ('good', 'I3', 'C2', '2026-02-01', '2026-02-28', 10.50, NULL),
    ('good', 'I3', 'C2', '2026-02-01', '2026-02-28', 10.5, 'EUR'),
    ('good', 'I4', 'US', '2026-02-01', '2026-03-03', 20, NULL),
    ('good', 'I5', 'C1a', '2025-11-01', '2025-12-01', 30, NULL),
    ('good', 'I6', 'C2', '2025-11-01', '2025-12-01', 0, NULL);
SELECT is(o2c.load_invoices(), 6::bigint, 'the good batch is loaded, a row that stands twice once');
SELECT results_eq('SELECT coalesce(number, ''''), problem FROM o2c.invoice_import ORDER BY import_id', 'SELECT coalesce(number, ''''), problem FROM bad',
                  'the bad batch stays with its problems');
SELECT is((SELECT count(*) FROM o2c.invoice WHERE number = 'GOOD'), 0::bigint, 'also its good row');
SELECT is(o2c.load_invoices(), 0::bigint, 'a batch that stays can be tried again');
DELETE FROM o2c.invoice_import;
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ('I1', 'C1', '2026-01-01', '2026-01-31', 100.00), ('I7', 'C2', '2026-02-01', '2026-03-03', 1);
SELECT is(o2c.load_invoices(), 1::bigint, 'an invoice that is there already is dropped, the rest of the batch is loaded');
SELECT is((SELECT count(*) FROM o2c.invoice_import), 0::bigint, 'and nothing stays');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ('I1', 'C1', '2026-01-01', '2026-01-31', 100.01);
SELECT is(o2c.load_invoices(), 0::bigint, 'a number that is taken by another content is not loaded');
SELECT is((SELECT problem FROM o2c.invoice_import), 'the number belongs to an invoice with different content', 'and says so');
DELETE FROM o2c.invoice_import;
SELECT is(o2c.load_invoices('no such batch'), 0::bigint, 'an unknown batch has nothing to load');
INSERT INTO o2c.invoice_import (company_id, number, customer, invoiced_on, due_on, amount) VALUES (2, 'I1', 'C1', '2026-01-01', '2026-01-31', 7);
SELECT is(o2c.load_invoices(), 0::bigint, 'another company''s rows are not touched');
SELECT is(o2c.load_invoices(company_id => 2), 1::bigint, 'but by that company');
SELECT is(o2c.load_invoices(NULL, NULL), 0::bigint, 'no company has no rows');
SELECT is(pg_temp.state('I6'), 'paid', 'an invoice of zero is paid');
SELECT is(pg_temp.state('I1'), 'posted', 'another one is posted');

-- the tables keep the rules, whoever writes them
CREATE FUNCTION pg_temp.new_item(kind text, amount numeric, effective_on date DEFAULT '2026-01-01', currency text DEFAULT 'EUR', code text DEFAULT 'C1')
RETURNS bigint LANGUAGE sql AS
'INSERT INTO o2c.open_item (customer_id, kind, effective_on, due_on, currency, amount)
 SELECT customer_id, $1, $3, $3, $4, $2 FROM o2c.customer WHERE company_id = 1 AND code = $5 RETURNING item_id';
SELECT pg_temp.new_item('fee', 5) AS fee \gset
SELECT is((SELECT open_amount FROM o2c.open_item WHERE item_id = :fee), 5::numeric, 'a new item is open in full');
SELECT throws_ok($$SELECT pg_temp.new_item('fee', 'NaN')$$, 'OC002', NULL, 'no NaN');
SELECT throws_ok($$SELECT pg_temp.new_item('fee', 'Infinity')$$, 'OC002', NULL, 'no infinity');
SELECT throws_ok($$SELECT pg_temp.new_item('payment', '-Infinity')$$, 'OC002', NULL, 'no negative infinity');
SELECT throws_ok($$SELECT pg_temp.new_item('fee', 0.001)$$, 'OC002', NULL, 'no tenths of a cent');
SELECT throws_ok($$SELECT pg_temp.new_item('fee', 1e15)$$, 'OC002', NULL, 'no amount that reports cannot show');
SELECT throws_ok($$SELECT pg_temp.new_item('fee', 1, 'infinity')$$, 'OC002', NULL, 'no infinite date');
SELECT throws_ok($$SELECT pg_temp.new_item('fee', 1, '2026-01-01', 'XXX')$$, 'OC001', NULL, 'no unknown currency');
SELECT throws_ok($$SELECT pg_temp.new_item('payment', 1)$$, '23514', NULL, 'a payment is negative');
SELECT throws_ok($$UPDATE o2c.open_item SET open_amount = 0$$, 'OC102', NULL, 'open amounts are the engine''s');
SELECT throws_ok($$UPDATE o2c.open_item SET amount = amount + 1$$, 'OC102', NULL, 'amounts stay');
SELECT throws_ok($$DELETE FROM o2c.open_item$$, 'OC102', NULL, 'items stay');

SELECT o2c.record_payment(80, '2026-02-01', 'C1', 'P1');
SELECT o2c.record_payment(80, '2026-02-01', 'C2', 'P2');
SELECT o2c.record_payment(80, '2026-02-01', 'US', 'P3');
CREATE FUNCTION pg_temp.apply(credit bigint, debit bigint, cash numeric, effective_on date DEFAULT '2026-02-01', discount numeric DEFAULT 0)
RETURNS bigint LANGUAGE sql AS
'INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount, discount_amount) VALUES ($1, $2, $4, $3, $5) RETURNING application_id';
CREATE FUNCTION pg_temp.refused(credit text, debit text, cash numeric, code text, what text, effective_on date DEFAULT '2026-02-01') RETURNS text LANGUAGE sql AS
$f$SELECT throws_ok(format('SELECT pg_temp.apply(%s, %s, %L, %L)', pg_temp.account($1), pg_temp.item($2), $3, $6), $4, NULL, $5)$f$;
SELECT pg_temp.refused('P1', 'I1', 80.01, 'OC106', 'not more than the payment has');
SELECT pg_temp.refused('P1', 'I2', 50.01, 'OC106', 'not more than the invoice has');
SELECT pg_temp.refused('P1', 'I1', 'NaN', 'OC106', 'not NaN');
SELECT pg_temp.refused('P1', 'I1', 'Infinity', 'OC106', 'not infinity');
SELECT pg_temp.refused('P1', 'I1', 0.001, 'OC002', 'not tenths of a cent');
SELECT pg_temp.refused('P1', 'I1', -1, '23514', 'not a negative amount');
SELECT pg_temp.refused('P1', 'I1', 0, '23514', 'not nothing');
SELECT pg_temp.refused('P1', 'I4', 1, 'OC005', 'not to another currency');
SELECT pg_temp.refused('P2', 'I1', 1, 'OC002', 'not to another customer''s invoice');
SELECT pg_temp.refused('P1', 'I1', 1, 'OC002', 'not before the payment', '2026-01-31');
SELECT pg_temp.refused('P1', 'I1', 1, 'OC002', 'not at an infinite date', 'infinity');
SELECT throws_ok(format('SELECT pg_temp.apply(%s, %s, 1)', pg_temp.item('I1'), pg_temp.item('I2')), 'OC002', NULL, 'a debit item does not pay');
SELECT throws_ok(format('SELECT pg_temp.apply(%s, %s, 1)', pg_temp.account('P1'), pg_temp.account('P2')), 'OC002', NULL, 'a credit item is not paid');
SELECT throws_ok(format('SELECT pg_temp.apply(NULL, %s, 1)', pg_temp.item('I1')), '23514', NULL, 'cash comes from somewhere');
SELECT throws_ok(format('SELECT pg_temp.apply(%s, 999999, 1)', pg_temp.account('P1')), '23503', NULL, 'both items exist');
SELECT throws_like(format('SELECT pg_temp.apply(%s, %s, 80.01)', pg_temp.account('P1'), pg_temp.item('I1')), '%cannot be applied beyond what is open', 'the error says what is wrong');

SELECT pg_temp.apply(pg_temp.account('P1'), pg_temp.item('I1'), 60, '2026-02-01', 2) AS first \gset
SELECT is(pg_temp.open('I1'), 38::numeric, 'cash and discount reduce the invoice');
SELECT is((SELECT open_amount FROM o2c.open_item WHERE item_id = pg_temp.account('P1')), -20::numeric, 'only cash the payment');
SELECT pg_temp.apply(pg_temp.account('P1'), pg_temp.item('I5'), 20);
SELECT lives_ok(format('SELECT pg_temp.apply(%s, %s, 1, ''2026-02-01'')', pg_temp.account('P3'), pg_temp.item('I4')), 'dollars pay dollars');
SELECT is(pg_temp.open('I5'), 10::numeric, 'a payment may pay for a customer of the same group');
SELECT is((SELECT state FROM o2c.payment WHERE reference = 'P1' AND company_id = 1), 'applied', 'a payment that is used up is applied');
SELECT throws_ok('UPDATE o2c.application SET cash_amount = 1', 'OC102', NULL, 'applications stay as they are');
SELECT throws_ok('DELETE FROM o2c.application', 'OC102', NULL, 'and where they are');
INSERT INTO o2c.application (debit_item_id, effective_on, writeoff_amount) VALUES (pg_temp.item('I5'), '2026-02-15', 10);
SELECT is(pg_temp.state('I5'), 'paid', 'a write-off has no source; the invoice is settled');

-- taking back
SELECT throws_ok(format('SELECT o2c.unapply(%s, ''2026-01-31'')', :first), 'OC002', NULL, 'not before it was applied');
SELECT throws_ok(format('SELECT o2c.unapply(%s, NULL)', :first), 'OC002', NULL, 'not without a date');
SELECT throws_ok('SELECT o2c.unapply(-1)', 'OC001', NULL, 'not what is unknown');
SELECT throws_ok('SELECT o2c.unapply(NULL)', 'OC001', NULL, 'nor NULL');
SELECT throws_ok(format('SELECT o2c.unapply(%s, company_id => 2)', :first), 'OC001', NULL, 'nor another company''s');
SELECT o2c.unapply(:first, '2026-02-20', 'wrong invoice') AS reversal \gset
SELECT is(pg_temp.open('I1'), 100::numeric, 'the invoice is open again');
SELECT throws_ok(format('SELECT o2c.unapply(%s)', :first), 'OC101', NULL, 'only once');
SELECT throws_ok(format('SELECT o2c.unapply(%s)', :reversal), 'OC101', NULL, 'and not the reversal itself');
SELECT is((SELECT method || ': ' || reason FROM o2c.application WHERE application_id = :reversal), 'unapply: wrong invoice', 'the reason is kept');
SELECT pg_temp.refused('P1', 'I2', 50, 'OC106', 'what was taken back is not used before the date of the reversal', '2026-02-19');
SELECT lives_ok(format('SELECT pg_temp.apply(%s, %s, 50, ''2026-02-20'')', pg_temp.account('P1'), pg_temp.item('I2')), 'but from that date on');
SELECT is(pg_temp.state('I2'), 'paid', 'an invoice that is settled is paid');
SELECT throws_ok(format('INSERT INTO o2c.application (credit_item_id, debit_item_id, effective_on, cash_amount, reverses) VALUES (%s, %s, ''2026-03-01'', -49, %s)',
                        pg_temp.account('P1'), pg_temp.item('I2'), (SELECT max(application_id) FROM o2c.application)), 'OC002', NULL, 'a reversal mirrors its application');
SELECT o2c.unapply((SELECT max(application_id) FROM o2c.application), '2026-02-25');
SELECT is(pg_temp.state('I2'), 'posted', 'and posted again when it is opened');

-- agings
CREATE FUNCTION pg_temp.aged(as_of date, basis text DEFAULT 'due') RETURNS SETOF text LANGUAGE sql AS
'SELECT concat_ws('' '', customer, currency, aging, unapplied) FROM o2c.aging_report($1, basis => $2) WHERE customer IN (''C1'', ''C1a'')';
SELECT results_eq($$SELECT pg_temp.aged('2026-01-31')$$, ARRAY['C1 EUR {0,30,60,90} {150.00,5.00,0.00,0.00,0.00} {2,1,0,0,0} 0', 'C1a EUR {0,30,60,90} {0,0,0,30,0} {0,0,0,1,0} 0'], 'the due date is not overdue');
SELECT results_eq($$SELECT pg_temp.aged('2026-02-01')$$, ARRAY['C1 EUR {0,30,60,90} {50.00,38.00,5.00,0.00,0.00} {1,1,1,0,0} 0', 'C1a EUR {0,30,60,90} {0,0,0,10,0} {0,0,0,1,0} 0'], 'the day after it is');
SELECT results_eq($$SELECT pg_temp.aged('2026-02-20')$$, ARRAY['C1 EUR {0,30,60,90} {0.00,100.00,5.00,0.00,0.00} {0,1,1,0,0} 10.00'], 'an application that was taken back counts until then; what is on account stands beside');
SELECT results_eq($$SELECT pg_temp.aged('2026-02-20', 'invoice')$$, ARRAY['C1 EUR {0,30,60,90} {0.00,0.00,105.00,0.00,0.00} {0,0,2,0,0} 10.00'], 'counted from the invoice date');
SELECT is_empty($$SELECT pg_temp.aged('2025-10-31')$$, 'before the first invoice nothing is open');
SELECT results_eq($$SELECT customer, aging::text FROM o2c.aging_report('2026-02-20', boundaries => '{7}') WHERE customer = 'C1'$$, $$VALUES ('C1', '{7} {0.00,105.00} {0,2}')$$, 'boundaries of one''s own');
SELECT is((SELECT aging::text FROM o2c.aging_report('2026-02-01') WHERE customer = 'US'), '{0,30,60,90} {19.00,0.00,0.00,0.00,0.00} {1,0,0,0,0}', 'each currency by itself');
SELECT results_eq($$SELECT customer, total, not_due, days_1_30, unapplied FROM o2c.customer_aging WHERE customer IN ('C1', 'C2') ORDER BY 1$$,
                  $$SELECT customer, total, o2c.bucket(aging, 1), o2c.bucket(aging, 2), unapplied FROM o2c.aging_report('2026-03-01') WHERE customer IN ('C1', 'C2') ORDER BY 1$$, 'now and as of today agree');
SELECT results_eq('SELECT total, (not_due + days_1_30 + days_31_60 + days_61_90 + days_over_90) FROM o2c.customer_aging', 'SELECT total, total FROM o2c.customer_aging', 'the buckets add up to the total');
SELECT throws_ok('SELECT o2c.aging_report(NULL)', 'OC002', NULL, 'an aging needs a date');
SELECT throws_ok($$SELECT o2c.aging_report('infinity')$$, 'OC002', NULL, 'a finite one');
SELECT throws_ok($$SELECT o2c.aging_report(basis => 'x')$$, 'OC002', NULL, 'and a basis');
SELECT throws_ok($$SELECT o2c.aging_report('2026-03-01', boundaries => '{30,30}')$$, 'OC205', NULL, 'and boundaries that increase');

-- the door for invoices: discounts for early payment
CREATE TEMP TABLE offer (number text, until date, discount numeric, problem text);
INSERT INTO offer VALUES
    ('D1', '2026-01-11', NULL, 'a discount is an amount and its last day'),
    ('D2', NULL, 2, 'a discount is an amount and its last day'),
    ('D3', '2026-01-11', 100, 'the discount is not less than the amount'),
    ('D4', '2026-01-11', 0, 'the discount is zero'),
    ('D5', '2026-01-11', -1, 'the discount is negative'),
    ('D6', '2026-01-11', 1.005, 'the discount has more than the 2 decimals of EUR'),
    ('D7', '2026-01-11', 'NaN', 'the discount is not a finite number'),
    ('D8', '2025-12-31', 2, 'the last day of the discount is before the invoice date'),
    ('D9', 'infinity', 2, 'the last day of the discount is not from 1900-01-01 to 2199-12-31');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, discount_until, discount_amount)
    SELECT number, 'C1', '2026-01-01', '2026-01-31', 100, until, discount FROM offer;
SELECT is(o2c.load_invoices(), 0::bigint, 'discounts that cannot be');
SELECT results_eq('SELECT number, problem FROM o2c.invoice_import ORDER BY import_id', 'SELECT number, problem FROM offer', 'stay with their problems');
DELETE FROM o2c.invoice_import;
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, discount_until, discount_amount) VALUES
    ('D1', 'C1', '2026-01-01', '2026-01-31', 100, '2026-01-11', 2), ('D1', 'C1', '2026-01-01', '2026-01-31', 100, '2026-01-11', 2.00),
    ('D2', 'C1', '2026-01-01', '2026-01-31', 100, NULL, NULL);
SELECT is(o2c.load_invoices(), 2::bigint, 'an invoice with a discount and one without are loaded');
SELECT results_eq($$ SELECT v.number, d.tier, d.until_on, d.amount FROM o2c.instalment_discount d JOIN o2c.open_item i USING (company_id, item_id)
                     JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.number IN ('D1', 'D2') AND company_id = 1 $$,
                  $$ VALUES ('D1', 1, date '2026-01-11', 2::numeric) $$, 'the discount is the instalment''s');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, discount_until, discount_amount) VALUES
    ('D1', 'C1', '2026-01-01', '2026-01-31', 100, '2026-01-11', 2);
SELECT is(o2c.load_invoices(), 0::bigint, 'the same again is nothing new');
SELECT is((SELECT count(*) FROM o2c.invoice_import), 0::bigint, 'and does not stay');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, discount_until, discount_amount) VALUES
    ('D1', 'C1', '2026-01-01', '2026-01-31', 100, '2026-01-11', 3), ('D2', 'C1', '2026-01-01', '2026-01-31', 100, '2026-01-11', 2);
SELECT is(o2c.load_invoices(), 0::bigint, 'another discount is another content');
SELECT is((SELECT array_agg(problem) FROM o2c.invoice_import), array_fill('the number belongs to an invoice with different content'::text, '{2}'), 'and says so');
DELETE FROM o2c.invoice_import;

SELECT is_empty('TABLE o2c.verify_open_item', 'open items agree with the facts');
SELECT is_empty('SELECT * FROM o2c.verify_payment UNION ALL SELECT * FROM o2c.verify_invoice_state', 'states agree with the items');
SELECT is_empty('TABLE o2c.verify_exposure_receivable', 'the exposure is the sum of the items');
SELECT * FROM finish();
ROLLBACK;
