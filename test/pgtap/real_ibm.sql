-- Real data: two years of invoices and payments of 100 customers (see the data's README for its source).
-- They are read from ../shared/data, or from the directory that O2C_DATA names; without them the test is skipped.
\set file `cat "${O2C_DATA:-../shared/data}/ibm_ar/late-payments.csv" 2>/dev/null`
SELECT :'file' = '' AS absent \gset
BEGIN;
\if :absent
SELECT plan(1);
SELECT skip('the data are not here: set O2C_DATA to their directory');
SELECT * FROM finish();
ROLLBACK;
\quit
\endif
SELECT plan(26);

CREATE TEMP TABLE ibm AS
SELECT f[2] AS customer, f[4] AS number, to_date(f[5], 'MM/DD/YYYY') AS invoiced_on, to_date(f[6], 'MM/DD/YYYY') AS due_on,
       f[7]::numeric AS amount, to_date(f[9], 'MM/DD/YYYY') AS settled_on
FROM (SELECT string_to_array(line, ',') AS f
      FROM string_to_table(translate(:'file', E'\r', ''), E'\n') WITH ORDINALITY AS l (line, n) WHERE n > 1 AND line <> '') s;
SELECT results_eq('SELECT count(*), sum(amount) FROM ibm', 'VALUES (2466::bigint, 147703.18)', 'the file is whole');

SELECT o2c.create_company('IBM', 'USD') AS company \gset
SET LOCAL o2c.company = :company;
INSERT INTO o2c.customer (code, name) SELECT DISTINCT customer, customer FROM ibm;
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) SELECT number, customer, invoiced_on, due_on, amount FROM ibm;
SELECT is(o2c.load_invoices(), 2466::bigint, 'all invoices are loaded');
SELECT results_eq('SELECT count(*), sum(total_amount) FROM o2c.invoice', 'VALUES (2466::bigint, 147703.18)', 'and none is changed');
SELECT is((SELECT sum(total) FROM o2c.customer_aging), 147703.18, 'all of them are open');
SELECT is((SELECT sum(receivable) FROM o2c.credit_account), 147703.18, 'and in the exposure');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) SELECT number, customer, invoiced_on, due_on, amount FROM ibm;
SELECT is(o2c.load_invoices(), 0::bigint, 'the same file again adds nothing');

-- as of a past date, while nothing is paid: all that was invoiced by then
SELECT is((SELECT sum(total) FROM o2c.aging_report('2012-12-31')),
          (SELECT sum(amount) FROM ibm WHERE invoiced_on <= '2012-12-31'), 'before the payments, all invoiced by the date is open');

INSERT INTO o2c.payment_import (reference, customer, received_on, amount) SELECT number, customer, settled_on, amount FROM ibm;
SELECT is(o2c.load_payments(), 2466::bigint, 'all payments are loaded');
SELECT is((SELECT sum(unapplied) FROM o2c.customer_aging), 147703.18, 'all of them are on account');

-- halfway: what is received by the end of 2012
SELECT is((SELECT count(*) FROM o2c.match_payments('2012-12-31')), (SELECT count(*) FROM ibm WHERE settled_on <= '2012-12-31'),
          'matching by a date takes what was received by then');
CREATE TEMP TABLE earlier AS SELECT clock_timestamp() AS known_at;
CREATE TEMP TABLE answer AS SELECT customer, currency, total, aging, unapplied FROM o2c.aging_report('2012-12-31');
SELECT is((SELECT count(*) FROM o2c.match_payments('2013-12-31') WHERE stage = 'reference'),
          (SELECT count(*) FROM ibm WHERE settled_on > '2012-12-31' AND settled_on <= '2013-12-31'), 'the next run takes the rest by their references');
CREATE TEMP TABLE late AS SELECT * FROM o2c.match_payments('2014-12-31');
SELECT is((SELECT count(*) FROM o2c.application), 2466::bigint, 'every payment is matched');
SELECT is((SELECT count(DISTINCT credit_item_id) FROM o2c.application), 2466::bigint, 'each once');
SELECT is((SELECT coalesce(sum(unapplied), 0) FROM o2c.customer_aging), 0::numeric, 'nothing stays on account');
SELECT is((SELECT count(*) FROM o2c.invoice WHERE state <> 'paid'), 0::bigint, 'all invoices are paid');

CREATE FUNCTION pg_temp.buckets(as_of date, known_at timestamptz DEFAULT NULL) RETURNS numeric[] LANGUAGE sql AS
'SELECT array[sum(total)] || o2c.amounts(o2c.aging_merge(aging)) FROM o2c.aging_report($1, $2)';
SELECT is(pg_temp.buckets('2012-12-31'), '{5725.06,4936.32,788.74,0,0,0}', 'aging of 2012-12-31');
SELECT is(pg_temp.buckets('2013-06-30'), '{5119.85,4284.29,835.56,0,0,0}', 'aging of 2013-06-30');
SELECT is(pg_temp.buckets('2013-12-31'), '{761.90,206.25,555.65,0,0,0}', 'aging of 2013-12-31');
SELECT is(pg_temp.buckets('2012-12-31', (SELECT known_at FROM earlier)), '{5725.06,4936.32,788.74,0,0,0}', 'aging of 2012-12-31 as it was known then');
SELECT set_eq('SELECT customer, currency, total, aging, unapplied FROM o2c.aging_report(''2012-12-31'')', 'TABLE answer',
              'the answer for a past date stays when more is recorded');
SELECT set_eq('SELECT customer, currency, total, aging, unapplied FROM o2c.aging_report(''2012-12-31'', (SELECT known_at FROM earlier))', 'TABLE answer',
              'also with known_at');
SELECT is_empty('SELECT FROM o2c.aging_report(''2014-12-31'')', 'nothing is open in the end');

SELECT is_empty('TABLE o2c.verify_open_item', 'open items agree with the facts');
SELECT is_empty('TABLE o2c.verify_payment', 'payments agree with their items');
SELECT is_empty('TABLE o2c.verify_invoice_state', 'invoices agree with their items');
SELECT is_empty('TABLE o2c.verify_exposure_receivable', 'the exposure is the sum of the items');
SELECT * FROM finish();
ROLLBACK;
