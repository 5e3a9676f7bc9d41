-- Matching: payments in another currency than what is owed.
BEGIN;
SELECT plan(36);
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-06-30';
INSERT INTO o2c.bank_account (account, currency) VALUES ('DE89370400440532013000', 'EUR');
INSERT INTO o2c.exchange_rate (from_currency, to_currency, valid_from, rate) VALUES ('EUR', 'USD', '2026-01-01', 1.10), ('EUR', 'JPY', '2026-01-01', 160), ('KWD', 'EUR', '2026-01-01', 3);
CREATE FUNCTION pg_temp.customer(code text) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.customer (code, name, currency) SELECT $1, $1 || ' Trading', 'USD' WHERE NOT EXISTS (SELECT FROM o2c.customer WHERE code = $1)$$;
CREATE FUNCTION pg_temp.invoice(number text, customer text, amount numeric, currency text DEFAULT 'USD') RETURNS void LANGUAGE sql AS
$$SELECT pg_temp.customer($2);
  INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ($1, $2, '2026-06-01', '2026-06-30', $3, $4);
  SELECT o2c.load_invoices()$$;
-- a receipt in EUR, of which the bank tells what was sent, or not
CREATE FUNCTION pg_temp.receipt(amount numeric, reference text DEFAULT NULL, name text DEFAULT NULL, sent numeric DEFAULT NULL, currency text DEFAULT 'USD') RETURNS void LANGUAGE sql AS
$$SELECT o2c.import_bank_lines(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('booked_on', '2026-06-15', 'amount', $1, 'remittance', $2, 'party_name', $3,
    'original_amount', $4, 'original_currency', CASE WHEN $4 IS NOT NULL THEN $5 END, 'end_to_end_id', nextval('o2c.payment_id_seq')::text))))$$;
CREATE FUNCTION pg_temp.last() RETURNS bigint LANGUAGE sql AS 'SELECT max(payment_id) FROM o2c.payment';
-- what became of the last payment: what it gave, for which cash on which invoice; what is left of it; else the outcome
CREATE FUNCTION pg_temp.fate() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM o2c.match_payments('2026-06-30');
    RETURN (SELECT coalesce(string_agg(format('%s for %s of %s', trim_scale(a.credit_amount), trim_scale(a.cash_amount), v.number), ', ' ORDER BY a.application_id)
                              || ' ' || max(a.method) || coalesce(', left ' || nullif(trim_scale(- max(i.open_amount)), 0), ''),
                            (SELECT r.outcome FROM o2c.match_result r WHERE r.payment_id = p.payment_id ORDER BY match_id DESC LIMIT 1))
            FROM o2c.payment p
            LEFT JOIN o2c.open_item i ON i.company_id = p.company_id AND i.item_id = p.item_id
            LEFT JOIN o2c.application a ON a.company_id = p.company_id AND a.credit_item_id = p.item_id
            LEFT JOIN o2c.open_item d ON d.company_id = p.company_id AND d.item_id = a.debit_item_id
            LEFT JOIN o2c.invoice v ON v.company_id = p.company_id AND v.invoice_id = d.invoice_id
            WHERE p.payment_id = pg_temp.last() GROUP BY p.payment_id);
END $$;
CREATE FUNCTION pg_temp.words() RETURNS text LANGUAGE sql AS 'SELECT words FROM o2c.match_result WHERE payment_id = pg_temp.last() ORDER BY match_id DESC LIMIT 1';

-- what the bank says was sent is exact
SELECT pg_temp.invoice('INV-10001', 'ANN', 110), pg_temp.receipt(98.50, 'INV-10001', 'Ann Trading', 110);
SELECT is(pg_temp.fate(), '98.5 for 110 of INV-10001 reference', 'what was sent is what is open: the payment is what it costs');
SELECT is(pg_temp.words(), '"INV10001" is the number of INV-10001. The payer is ANN, by name. It is 110.00 USD, as it was sent. The amount is what is open.', 'in words');
SELECT results_eq($$SELECT gain FROM o2c.exchange_gain WHERE credit_item_id = (SELECT item_id FROM o2c.payment WHERE payment_id = pg_temp.last())$$, 'VALUES (-1.50::numeric(24, 4))', 'what it costs more or less than the day''s rate is a gain or loss');
SELECT pg_temp.invoice('INV-10002', 'ANN', 33.33), pg_temp.invoice('INV-10003', 'ANN', 33.33), pg_temp.invoice('INV-10004', 'ANN', 33.34);
SELECT pg_temp.receipt(91.00, 'INV-10002, INV-10003, INV-10004', 'Ann Trading', 100);
SELECT is(pg_temp.fate(), '30.33 for 33.33 of INV-10002, 30.33 for 33.33 of INV-10003, 30.34 for 33.34 of INV-10004 reference', 'the parts of several invoices are the whole');
SELECT pg_temp.invoice('INV-10005', 'BEN', 71), pg_temp.receipt(64, 'thank you', 'Ben Trading', 71);
SELECT is(pg_temp.fate(), '64 for 71 of INV-10005 amount', 'without a reference the only item of a certain payer');
SELECT pg_temp.invoice('INV-10006', 'BEN', 50), pg_temp.receipt(54, 'INV-10006', 'Ben Trading', 60);
SELECT is(pg_temp.fate(), '45 for 50 of INV-10006 reference, left 9', 'what was sent too much stays on account, in the payment''s currency');
SELECT pg_temp.invoice('INV-10007', 'BEN', 100), pg_temp.receipt(36, 'INV-10007', 'Ben Trading', 40);
SELECT is(pg_temp.fate(), '36 for 40 of INV-10007 reference', 'what is short pays a part');
SELECT pg_temp.invoice('INV-10008', 'CEM', 16000, 'JPY'), pg_temp.receipt(99.99, 'INV-10008', 'Cem Trading', 16000, 'JPY');
SELECT is(pg_temp.fate(), '99.99 for 16000 of INV-10008 reference', 'a currency without decimals');
SELECT pg_temp.invoice('INV-10009', 'DAN', 12.345, 'KWD'), pg_temp.receipt(37.10, 'INV-10009', 'Dan Trading', 12.345, 'KWD');
SELECT is(pg_temp.fate(), '37.1 for 12.345 of INV-10009 reference', 'and one with three');
SELECT pg_temp.invoice('INV-10010', 'EVA', 120);
INSERT INTO o2c.open_item (customer_id, kind, effective_on, due_on, currency, amount)
SELECT customer_id, 'credit_note', '2026-06-01', '2026-06-01', 'USD', -20 FROM o2c.customer WHERE code = 'EVA';
SELECT pg_temp.receipt(91, 'INV-10010', 'Eva Trading', 100);
SELECT is(pg_temp.fate(), '91 for 100 of INV-10010 reference', 'credit notes of that currency are netted');
SELECT is((SELECT state FROM o2c.invoice WHERE number = 'INV-10010'), 'paid', 'which pays the rest of it');
SELECT pg_temp.invoice('INV-10011', 'FAY', 500), pg_temp.receipt(450, 'INV-10011', 'Somebody Else', 500);
SELECT is(pg_temp.fate(), 'suggested', 'a number alone is not enough where the payer is not known');
SELECT pg_temp.receipt(450, 'INV-10011', 'Fay Trading', 500, 'GBP');
SELECT is(pg_temp.fate(), 'suggested', 'what was sent in a third currency says nothing');

-- the day's rate
SELECT pg_temp.invoice('INV-20001', 'GUS', 330), pg_temp.receipt(297, 'INV-20001', 'Gus Trading');
SELECT is(pg_temp.fate(), 'suggested', 'what is near what is owed is taken to be meant, and proposed');
SELECT is(pg_temp.words(), '"INV20001" is the number of INV-20001. The payer is GUS, by name. It is 330.00 USD, at about the day''s rate. The amount is what is open. Not applied: it is in another currency.', 'in words');
SELECT results_eq('SELECT place, stage, customer, sound, invoice, cash FROM o2c.propose(pg_temp.last())', $$VALUES (1, 'reference', 'GUS', false, 'INV-20001', 330.00)$$, 'what the invoice would get, in its currency');
SELECT results_eq('SELECT c.cash_amount FROM o2c.match_candidate c JOIN o2c.match_result r USING (company_id, match_id) WHERE r.payment_id = pg_temp.last()', 'VALUES (330.00)', 'kept so');
SELECT is(o2c.confirm_match(pg_temp.last()), pg_temp.last(), 'a person confirms it');
SELECT is(pg_temp.fate(), '297 for 330 of INV-20001 confirmed', 'at the rate that makes it exact');
SELECT is(pg_temp.words(), '"INV20001" is the number of INV-20001. The payer is GUS, by name. It is 330.00 USD, at about the day''s rate. The amount is what is open.', 'without a doubt');
SELECT pg_temp.invoice('INV-20002', 'GUS', 400), pg_temp.receipt(100, 'INV-20002', 'Gus Trading');
SELECT is(pg_temp.fate(), 'suggested', 'a part is proposed at the day''s rate');
SELECT results_eq('SELECT invoice, cash FROM o2c.propose(pg_temp.last())', $$VALUES ('INV-20002', 110.00)$$, 'so much of it');
SELECT o2c.confirm_match(pg_temp.last());
SELECT is(pg_temp.fate(), '100 for 110 of INV-20002 confirmed', 'and confirmed so');
SELECT pg_temp.receipt(300, 'INV-20002', 'Gus Trading');
SELECT o2c.match_payments('2026-06-30');
SELECT o2c.confirm_match(pg_temp.last());
SELECT is(pg_temp.fate(), '263.64 for 290 of INV-20002 confirmed, left 36.36', 'what is more stays on account');
SELECT pg_temp.invoice('INV-20003', 'HAL', 77.77), pg_temp.receipt(72, 'thank you', 'Hal Trading');
SELECT results_eq('SELECT stage, customer, invoice, cash FROM o2c.propose(pg_temp.last())', $$VALUES ('amount', 'HAL', 'INV-20003', 77.77)$$, 'without a reference what is near');
SELECT pg_temp.receipt(50, 'thank you', 'Hal Trading');
SELECT is(pg_temp.fate(), 'none', 'nothing is near: nothing is proposed');
SELECT pg_temp.invoice('INV-20004', 'IDA', 10, 'CHF'), pg_temp.receipt(10, 'INV-20004', 'Ida Trading');
SELECT is(pg_temp.fate(), 'none', 'nor where no rate is known');

-- as far as the policy trusts it
UPDATE o2c.cash_policy SET exchange_tolerance_percent = 2;
SELECT pg_temp.invoice('INV-30001', 'JAN', 220), pg_temp.receipt(203, 'INV-30001', 'Jan Trading');
SELECT is(pg_temp.fate(), '203 for 220 of INV-30001 reference', 'within the tolerance of the policy it is applied');
SELECT pg_temp.invoice('INV-30002', 'JAN', 220), pg_temp.receipt(205, 'INV-30002', 'Jan Trading');
SELECT is(pg_temp.fate(), 'suggested', 'beyond it is proposed');
SELECT pg_temp.invoice('INV-30003', 'KIM', 220), pg_temp.invoice('INV-30004', 'KIM', 221), pg_temp.receipt(200, 'thank you', 'Kim Trading');
SELECT is(pg_temp.fate(), 'ambiguous', 'two items within it are not told apart');
SELECT is((SELECT count(*)::int FROM o2c.propose(pg_temp.last())), 2, 'both are shown');
SELECT pg_temp.invoice('INV-30005', 'LEA', 110, 'USD'), pg_temp.invoice('INV-30006', 'LEA', 100, 'EUR'), pg_temp.receipt(100, 'INV-30005', 'Lea Trading');
SELECT is(pg_temp.fate(), 'ambiguous', 'a number of one currency and the amount of another: a person decides');
SELECT pg_temp.receipt(100, NULL, 'Lea Trading');
SELECT is(pg_temp.fate(), 'ambiguous', 'as where either may be meant');

SELECT is_empty($$SELECT * FROM o2c.match_payments('2026-06-30')$$, 'a second run finds nothing');
SELECT is((SELECT sum(credit_amount) FROM o2c.application a JOIN o2c.payment p USING (company_id) WHERE p.item_id = a.credit_item_id),
          (SELECT sum(p.amount + i.open_amount) FROM o2c.payment p JOIN o2c.open_item i USING (company_id, item_id)), 'what payments gave is what is missing of them');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
