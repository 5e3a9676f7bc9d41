-- What matching looks up for a payment, and what it writes of one whose customer it finds.
BEGIN;
SELECT plan(21);
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-06-30';

INSERT INTO o2c.customer (code, name, tax_id) VALUES ('C1', 'Nordvik Holding', 'DE111'), ('C5', 'Belmark Bau', 'FR555'), ('C9', 'Trahold Foods', NULL);
CREATE FUNCTION pg_temp.invoice(number text, amount numeric, customer text DEFAULT 'C1') RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ($1, $3, '2026-06-01', '2026-06-30', $2);
  SELECT o2c.load_invoices()$$;
CREATE FUNCTION pg_temp.found(VARIADIC tokens text[]) RETURNS text LANGUAGE sql AS
$$SELECT coalesce(string_agg(concat_ws(' ', d.place, d.found_by, coalesce(d.number, c.code)), ', ' ORDER BY d.place, d.found_by, d.number, c.code), 'nothing')
  FROM o2c._named_documents($1, 1) d JOIN o2c.customer c ON c.company_id = 1 AND c.customer_id = d.customer_id$$;

-- what texts fall into
SELECT is(o2c._slips('A10-2'), '{A0-2,A20-2,A30-2,A40-2,A50-2,A60-2,A70-2,A80-2,A90-2,A1-2,A11-2,A12-2,A13-2,A14-2,A15-2,A16-2,A17-2,A18-2,A19-2,A10-0,A10-1,A10-3,A10-4,A10-5,A10-6,A10-7,A10-8,A10-9}'::text[],
          'every digit may be another one, neighbours swapped, in normal form');
SELECT is(o2c._slips('ABC'), '{}', 'no digits, no slips');
SELECT is(cardinality(o2c._slips(repeat('1', 50))), 360, 'slips end at the fortieth character');
SELECT is(o2c._text_key('Rechnung Nr. R25-17 Miete  Haus Süd, Ref 4711'), 'MIETE HAUS SUD', 'what a payer writes besides numbers and common words');
SELECT is(o2c._text_key('Invoice no 17 for Haus'), NULL, 'too little of it is nothing');
SELECT is(o2c._text_key('No refuge of Norbert'), 'REFUGE NORBERT', 'common words are whole words');

-- what is looked up
SELECT pg_temp.invoice('R-100', 10), pg_temp.invoice('S-200', 20, 'C5');
SELECT is(pg_temp.found('R100', 'X', 'S200', 'R100'), '1 number R-100, 3 number S-200, 4 number R-100', 'numbers, by place');
SELECT is(pg_temp.found('C0', 'C1', 'C3', 'C9', 'CC'), '2 customer number C1, 4 customer number C9', 'the first and the last of a kind are found, too');
SELECT is(pg_temp.found('DE110', 'DE111', 'EE', 'FR555', 'GG'), '2 VAT number C1, 4 VAT number C5', 'as VAT numbers are');
SELECT is(pg_temp.found('100'), '1 digits R-100', 'the digits of a number');
SELECT pg_temp.invoice('M' || i || '-777', i) FROM generate_series(1, 19) i;
SELECT is((SELECT count(*) FROM o2c._named_documents('{777}', 1) WHERE found_by = 'digits'), 19::bigint, 'nineteen numbers that end alike');
SELECT pg_temp.invoice('M20-777', 20);
SELECT is(pg_temp.found('777'), 'nothing', 'twenty say nothing');

-- what is written
SELECT pg_temp.invoice('W-1001', 100), pg_temp.invoice('W-1002', 60), pg_temp.invoice('W-1003', 95);
CREATE TEMP TABLE paid AS SELECT o2c.record_payment(100, '2026-06-15', NULL, 'W-1001', payer_name => 'Nordvik Holding') AS used_up;
ALTER TABLE paid ADD rest bigint, ADD charged bigint;
UPDATE paid SET rest = o2c.record_payment(95, '2026-06-15', NULL, 'W-1002', payer_name => 'Nordvik Holding');
UPDATE paid SET charged = o2c.record_payment(95, '2026-06-15', NULL, 'W-1003', payer_name => 'Nordvik Holding', charges => 5);
SELECT o2c.match_payments('2026-06-30');
CREATE FUNCTION pg_temp.payment(id bigint) RETURNS text LANGUAGE sql AS
$$SELECT concat_ws(' ', p.state, c.code, trim_scale(i.amount), trim_scale(i.open_amount), (SELECT string_agg(trim_scale(a.cash_amount)::text, '+') FROM o2c.application a WHERE a.company_id = 1 AND a.credit_item_id = p.item_id))
  FROM o2c.payment p LEFT JOIN o2c.customer c USING (company_id, customer_id) LEFT JOIN o2c.open_item i USING (company_id, item_id) WHERE p.company_id = 1 AND p.payment_id = $1$$;
SELECT is(pg_temp.payment(used_up), 'applied C1 -100 0 100', 'a payment that is identified and used up') FROM paid;
SELECT is((SELECT string_agg(concat_ws(' ', e.before ->> 'state', e.activity), ', ' ORDER BY e.event_id) FROM o2c.event e, paid WHERE e.company_id = 1 AND e.object_type = 'payment' AND e.object_id = used_up),
          'payment.received, received payment.applied', 'has the events of one that was identified before');
SELECT is(pg_temp.payment(rest), 'received C1 -95 -35 60', 'of another something is left') FROM paid;
SELECT is(pg_temp.payment(charged), 'received C1 -100 -5 95', 'and of one of which the bank kept something that the company bears') FROM paid;
SELECT is((SELECT count(*) FROM o2c.event e, paid WHERE e.company_id = 1 AND e.activity = 'payment.applied' AND e.object_id IN (rest, charged)), 0::bigint, 'these are not used up');
SELECT o2c.unapply(a.application_id, '2026-06-30') FROM o2c.application a JOIN o2c.payment p ON p.company_id = 1 AND p.item_id = a.credit_item_id, paid WHERE a.company_id = 1 AND p.payment_id = used_up;
SELECT is(pg_temp.payment(used_up), 'received C1 -100 -100 100+-100', 'what is taken back is there again') FROM paid;
SELECT o2c.apply_payment(used_up, 'W-1001') FROM paid;
SELECT is(pg_temp.payment(used_up), 'applied C1 -100 0 100+-100+100', 'and can be used up again') FROM paid;

-- net of what they owe and what they paid, an account stays
SELECT is((SELECT concat_ws(' ', trim_scale(a.receivable), trim_scale(a.unapplied)) FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE a.company_id = 1 AND c.code = 'C1'),
          (SELECT concat_ws(' ', trim_scale(sum(i.open_amount) FILTER (WHERE i.kind = 'invoice')), trim_scale(sum(- i.open_amount) FILTER (WHERE i.kind = 'payment')))
           FROM o2c.open_item i JOIN o2c.customer c USING (company_id, customer_id) WHERE i.company_id = 1 AND c.code = 'C1'), 'the exposure is what is open');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
