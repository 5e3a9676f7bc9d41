-- The rules of bank lines one by one: what is refused, what is the same line, what takes a payment back.
-- Each case has a world of its own: what is given, the imports one after the other, what the lines have become.
BEGIN;
SELECT plan(46);
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-31';
INSERT INTO o2c.customer (code, name) VALUES ('A', 'Alpha');
INSERT INTO o2c.bank_account (account, currency, bic, creditor_id) VALUES ('DE89370400440532013000', 'EUR', 'COBADEFFXXX', 'DE98ZZZ09999999999');
CREATE SCHEMA t;
CREATE FUNCTION t.account(currency text, account text DEFAULT 'DE89370400440532013000') RETURNS void LANGUAGE sql AS $$INSERT INTO o2c.bank_account (account, currency) VALUES ($2, $1)$$;
-- collects an amount from the customer on a day; its end-to-end id is shown as DD
CREATE FUNCTION t.collected(amount numeric, day date) RETURNS bigint LANGUAGE sql AS $$
SELECT o2c.add_mandate('A', 'DE75512108001245126199', 'A-1', '2026-01-01');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ('DD-1', 'A', '2026-01-01', $2, $1);
SELECT o2c.load_invoices();
SELECT o2c.direct_debit_file($2);
SELECT payment_id FROM o2c.direct_debit $$;
CREATE FUNCTION t.closed() RETURNS void LANGUAGE sql AS $$SELECT o2c.close_bank_line(bank_line_id, note => 'asked the bank') FROM o2c.bank_line_open$$;
-- a line for most cases: 10 euros of 30 March, with what a case says besides or instead
CREATE FUNCTION t.line(more jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT jsonb_build_object('booked_on', '2026-03-30', 'amount', 10, 'account', 'DE89370400440532013000') || more$$;
-- each line: its kind, its amount where it is not 10, what became of its payment, and how it was made if not by transfer; or why they are refused
CREATE FUNCTION t.booked(given text, verify boolean, VARIADIC imports text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    step text;
    said text;
BEGIN
    EXECUTE 'SELECT ' || given;
    FOREACH step IN ARRAY imports LOOP
        IF step LIKE '[%' THEN
            PERFORM o2c.import_bank_lines((SELECT jsonb_agg(t.line(e) ORDER BY n) FROM jsonb_array_elements(replace(step, '"DD"', coalesce((SELECT to_json(end_to_end_id)::text FROM o2c.direct_debit), 'null'))::jsonb) WITH ORDINALITY u (e, n)));
        ELSE
            EXECUTE 'SELECT ' || step;
        END IF;
    END LOOP;
    SELECT string_agg(concat_ws(' ', l.kind, nullif(trim_scale(l.amount), 10), p.state, p.reversed_on, nullif(p.method, 'transfer')), ', ' ORDER BY l.bank_line_id) INTO said
    FROM o2c.bank_line l LEFT JOIN o2c.payment p USING (company_id, payment_id);
    IF verify AND EXISTS (SELECT FROM o2c.verify()) THEN
        said := said || ', and the books do not agree';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = coalesce(said, 'nothing');
EXCEPTION WHEN raise_exception OR SQLSTATE 'OC002' THEN
    RETURN SQLERRM;
END $$;
CREATE TEMP TABLE rule (n integer GENERATED ALWAYS AS IDENTITY, given text, imports text[], expected text, says text);
INSERT INTO rule (given, imports, expected, says) VALUES
    ('NULL', ARRAY['[{"charges": 1, "charges_currency": "XXX"}]'], 'line 1: there is no currency ''XXX'' of the charges', 'charges in no currency'),
    ('NULL', ARRAY['[{"status": ""}]'], 'line 1: the status is empty', 'no status'),
    ('NULL', ARRAY['[{"exchange_rate": 1e15}]'], 'line 1: the exchange rate is not a number above zero', 'a rate that is none'),
    ('NULL', ARRAY['[{"return_reason": "' || repeat('x', 141) || '"}]'], 'line 1: a reference or code is longer than 140 characters', 'a long reason'),
    ('NULL', ARRAY['[{"ultimate_party": "' || repeat('x', 351) || '"}]'], 'line 1: a name is longer than 350 characters', 'a long name of who is behind the party'),
    ($$t.account('USD')$$, ARRAY['[{}]'], 'line 1: account ''DE89370400440532013000'' has several currencies: name one', 'an account in two currencies'),
    ($$t.account('USD')$$, ARRAY['[{"currency": "USD"}]'], 'receipt received', 'of which one is named'),
    ('NULL', ARRAY['[{}]', '[{}]'], 'receipt received', 'the same line is known'),
    ('NULL', ARRAY['[{}, {}]', '[{}]'], 'receipt received, receipt received', 'two equal lines are two'),
    ('NULL', ARRAY['[{}]', '[{"booked_on": "2026-03-29"}]'], 'receipt received, receipt received', 'another day is another line'),
    ('NULL', ARRAY['[{}]', '[{"amount": 11}]'], 'receipt received, receipt 11 received', 'another amount, too'),
    ($$t.account('USD')$$, ARRAY['[{"currency": "EUR"}]', '[{"currency": "USD"}]'], 'receipt received, receipt received', 'and another account'),
    ('NULL', ARRAY['[{"remittance": "a"}]', '[{"remittance": "b"}]'], 'receipt received, receipt received', 'and another text'),
    ('NULL', ARRAY['[{"document_numbers": "1"}]', '[{"document_numbers": "2"}]'], 'receipt received, receipt received', 'or another document'),
    ('NULL', ARRAY['[{"party_name": "a"}]', '[{"party_name": "b"}]'], 'receipt received, receipt received', 'or party'),
    ('NULL', ARRAY['[{"party_account": "a"}]', '[{"party_account": "b"}]'], 'receipt received, receipt received', 'or account of the party'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1", "remittance": "a"}]', '[{"end_to_end_id": "E1", "remittance": "b"}]'], 'receipt received', 'an end-to-end id says more than a text'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1", "remittance": "a"}]', '[{"end_to_end_id": "E2", "remittance": "a"}]'], 'receipt received, receipt received', 'another one is another line'),
    ('NULL', ARRAY['[{"end_to_end_id": "NOTPROVIDED", "remittance": "a"}]', '[{"end_to_end_id": "nonref", "remittance": "a"}, {"end_to_end_id": "NOTAVAILABLE", "remittance": "a"}]'], 'receipt received, receipt received', 'what banks write where there is none says nothing'),
    ('NULL', ARRAY['[{"bank_reference": "R1", "end_to_end_id": "E1"}]', '[{"bank_reference": "R1", "end_to_end_id": "E2"}]'], 'receipt received', 'the bank''s reference says more than an end-to-end id'),
    ('NULL', ARRAY['[{"identity": "I1", "bank_reference": "R1"}]', '[{"identity": "I1", "bank_reference": "R2"}]'], 'receipt received', 'and an identity more than that'),
    ($$t.account('EUR', 'GB29NWBK60161331926819')$$, ARRAY['[{}, {"account": "GB29NWBK60161331926819"}]', '[{"account": "GB29NWBK60161331926819"}]'], 'receipt received, receipt received', 'equal lines of two accounts are counted apart'),
    ('NULL', ARRAY['[{"family": "RCDT"}, {"family": "IDDT"}, {"family": "CCRD"}, {"family": "MCRD"}, {"family": "ICHQ"}, {"family": "RCHQ"}, {"family": "CNTR"}]'],
     'receipt received, receipt received direct_debit, receipt received card, receipt received card, receipt received cheque, receipt received cheque, receipt received cash', 'how money came'),
    ('NULL', ARRAY['[{"status": "PDNG"}]', '[{}]'], 'information, receipt received', 'what was announced is booked when it is booked'),
    ('NULL', ARRAY['[{"amount": 0}]'], 'information 0', 'nothing is nothing'),
    ('NULL', ARRAY['[{"subfamily": "CHRG"}, {"subfamily": "COMM"}, {"subfamily": "COME"}, {"subfamily": "COMI"}, {"subfamily": "COMT"}, {"subfamily": "FEES"}]'], 'correction, correction, correction, correction, correction, correction', 'charges that the bank gives back are corrections'),
    ('NULL', ARRAY['[{"amount": -1, "subfamily": "CHRG"}, {"amount": -1, "subfamily": "COMM"}, {"amount": -1, "subfamily": "COME"}, {"amount": -1, "subfamily": "COMI"}, {"amount": -1, "subfamily": "COMT"}, {"amount": -1, "subfamily": "FEES"}]'], 'charge -1, charge -1, charge -1, charge -1, charge -1, charge -1', 'those that it takes are charges'),
    ('NULL', ARRAY['[{"amount": -1}]'], 'debit -1', 'anything else that goes is a debit'),
    ('NULL', (SELECT ARRAY['[' || string_agg(format('{"amount": -%s, "subfamily": "%s"}', n, c), ',' ORDER BY n) || ']'] FROM unnest('{RRTN,RPCR,UPDD,PRDD,RCDD,UPCQ,CQRV,UPCT,ARET,AREV}'::text[]) WITH ORDINALITY u (c, n)), 'return -1, return -2, return -3, return -4, return -5, return -6, return -7, return -8, return -9, return -10', 'codes of returns and reversals'),
    ('NULL', ARRAY['[{"amount": -1, "proprietary_code": "NRTI+1"}, {"amount": -2, "reversal": true}, {"amount": -3, "return_reason": "AC04"}, {"amount": -4, "proprietary_code": "NTRF"}]'], 'return -1, return -2, return -3, debit -4', 'the bank''s own code, the indicator of a reversal, and a reason'),
    ('NULL', ARRAY['[{"reversal": true}]'], 'correction', 'what was taken from us and comes back is no receipt'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1"}]', '[{"end_to_end_id": "E1", "amount": -10, "reversal": true}]'], 'receipt reversed 2026-03-30, return -10 reversed 2026-03-30', 'a return takes its payment back'),
    ('NULL', ARRAY['[{"bank_reference": "R1"}]', '[{"bank_reference": "R1", "amount": -10, "reversal": true}]'], 'receipt reversed 2026-03-30, return -10 reversed 2026-03-30', 'by the reference of the bank, too'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1"}]', '[{"end_to_end_id": "E1", "amount": -9, "reversal": true}]'], 'receipt received, return -9', 'not one of another amount'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1"}]', '[{"end_to_end_id": "E1", "amount": -13.5, "charges": 3.5, "reversal": true}]'], 'receipt reversed 2026-03-30, return -13.5 reversed 2026-03-30', 'unless that is with the charges of the return'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1"}]', '[{"end_to_end_id": "E1", "amount": -13.5, "original_amount": 10, "reversal": true}]'], 'receipt reversed 2026-03-30, return -13.5 reversed 2026-03-30', 'or it names the amount'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1"}]', '[{"end_to_end_id": "E1", "amount": -13.5, "original_amount": 10, "original_currency": "USD", "reversal": true}]'], 'receipt received, return -13.5', 'in the same currency'),
    ($$t.account('USD')$$, ARRAY['[{"end_to_end_id": "E1", "currency": "EUR"}]', '[{"end_to_end_id": "E1", "currency": "USD", "amount": -10, "reversal": true}]'], 'receipt received, return -10', 'nor one in another currency'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1"}]', '[{"end_to_end_id": "E1", "amount": -10, "reversal": true, "booked_on": "2026-03-29"}]'], 'receipt received, return -10', 'nor one that came later'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1"}, {"end_to_end_id": "E1", "booked_on": "2026-03-29"}]', '[{"end_to_end_id": "E1", "amount": -10, "reversal": true}]'], 'receipt received, receipt received, return -10', 'nor one of two'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1"}]', '[{"end_to_end_id": "E1", "amount": -10, "reversal": true}, {"end_to_end_id": "E1", "amount": -10, "reversal": true, "booked_on": "2026-03-31"}]'], 'receipt reversed 2026-03-30, return -10 reversed 2026-03-30, return -10', 'nor one twice'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1", "amount": -10, "reversal": true}]', '[{"end_to_end_id": "E1"}]'], 'return -10 reversed 2026-03-30, receipt reversed 2026-03-30', 'a return waits for a payment that is told later'),
    ('NULL', ARRAY['[{"end_to_end_id": "E1", "amount": -10, "reversal": true}]', 't.closed()', '[{"end_to_end_id": "E1"}]'], 'return -10, receipt received', 'unless a person closed it'),
    ($$t.collected(10, '2026-03-18')$$, ARRAY['[{"end_to_end_id": "DD", "amount": -10, "return_reason": "AM04", "booked_on": "2026-03-17"}]'], 'return -10 reversed 2026-03-18 direct_debit', 'a direct debit may come back before it counts'),
    ($$o2c.settle_payment(t.collected(10, '2026-03-18'), '2026-03-20')$$, ARRAY['[{"end_to_end_id": "DD", "amount": -10, "return_reason": "AM04", "booked_on": "2026-03-19"}]'], 'return -10 reversed 2026-03-20 direct_debit', 'but not before it was settled');
SELECT is(t.booked(given, n % 5 = 0, VARIADIC imports), expected, says) FROM rule ORDER BY n;
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
