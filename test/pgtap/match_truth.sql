-- Matching beside the truth: two small companies of bench/match.sql, whose payments are known.  What is applied by
-- itself is right, without exception, and of what a person could decide nearly all is applied.
BEGIN;
SELECT plan(10);
SET LOCAL client_min_messages = warning;
\set items 3000
\set payments 1500

\set seed 11
\ir ../../bench/match.sql
SELECT is(o2c.load_invoices(), 3000::bigint, 'invoices are loaded');
SELECT is(o2c.load_payments(), (SELECT count(*) FROM truth.payment), 'payments are loaded');
SELECT o2c.match_payments('2025-06-30') \g /dev/null
SELECT is_empty($$ SELECT verdict, class, reference, payer_name, applied, truth FROM truth.mistake WHERE verdict <> 'left' $$, 'what is applied is right');
SELECT cmp_ok((SELECT recall FROM truth.score WHERE class = 'all'), '>=', 0.95, 'and of what can be decided nearly all is applied');
SELECT is_empty('SELECT * FROM o2c.match_payments(''2025-06-30'')', 'a second run finds nothing more');
ALTER SCHEMA truth RENAME TO truth_before;

\set seed 12
\ir ../../bench/match.sql
SELECT is(o2c.load_invoices(), 3000::bigint, 'another company: invoices are loaded');
SELECT is(o2c.load_payments(), (SELECT count(*) FROM truth.payment), 'payments are loaded');
SELECT o2c.match_payments('2025-06-30') \g /dev/null
SELECT is_empty($$ SELECT verdict, class, reference, payer_name, applied, truth FROM truth.mistake WHERE verdict <> 'left' $$, 'what is applied is right');
SELECT cmp_ok((SELECT recall FROM truth.score WHERE class = 'all'), '>=', 0.95, 'and of what can be decided nearly all is applied');

SELECT is_empty('SELECT * FROM o2c.verify()', 'nothing to verify');
SELECT * FROM finish();
ROLLBACK;
