-- The rules of direct debits one by one: what is collected, with which mandate, to which account, and what it pays.
-- Each case has a world of its own: what is done, step after step, and what is seen then.
BEGIN;
SELECT plan(21);
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('A', 'Alpha'), ('B', 'Beta');
INSERT INTO o2c.bank_account (account, currency, creditor_id) VALUES ('DE89370400440532013000', 'EUR', 'DE98ZZZ09999999999');
CREATE SCHEMA t;
CREATE FUNCTION t.mandate(reference text, signed_on date DEFAULT '2026-01-01', type text DEFAULT 'RCUR', customer text DEFAULT 'A') RETURNS void LANGUAGE sql AS
$$SELECT o2c.add_mandate($4, 'DE75512108001245126199', $1, $2, sequence_type => $3)$$;
CREATE FUNCTION t.owe(number text, amount numeric, due_on date DEFAULT '2026-03-10', customer text DEFAULT 'A') RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ($1, $4, '2026-01-01', $3, $2); SELECT o2c.load_invoices()$$;
CREATE FUNCTION t.discount(number text, until_on date, amount numeric) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.instalment_discount (item_id, tier, until_on, amount) SELECT i.item_id, 1, $2, $3 FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.number = $1$$;
CREATE FUNCTION t.policy(changes jsonb) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.cash_policy SELECT p.* FROM o2c.cash_policy c, jsonb_populate_record(c, jsonb_build_object('cash_policy_id', nextval('o2c.cash_policy_id_seq'), 'customer_id',
      (SELECT customer_id FROM o2c.customer WHERE code = 'A')) || $1) p WHERE c.customer_id IS NULL$$;
CREATE FUNCTION t.account(account text, creditor_id text DEFAULT 'DE98ZZZ09999999999', active boolean DEFAULT true) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.bank_account (account, currency, creditor_id, active) VALUES ($1, 'EUR', $2, $3)$$;
CREATE FUNCTION t.closed() RETURNS void LANGUAGE sql AS $$UPDATE o2c.bank_account SET active = false WHERE account = 'DE89370400440532013000'$$;
CREATE FUNCTION t.paid(number text, amount numeric) RETURNS void LANGUAGE sql AS $$SELECT o2c.apply_payment(o2c.record_payment($2, '2026-03-05', 'A'), $1)$$;
CREATE FUNCTION t.settled(day date) RETURNS void LANGUAGE sql AS $$SELECT o2c.settle_direct_debits(max(batch_id), $1) FROM o2c.direct_debit_batch$$;
CREATE FUNCTION t.unapplied() RETURNS void LANGUAGE sql AS $$SELECT o2c.unapply(max(application_id), '2026-03-11') FROM o2c.application$$;
-- each direct debit: its mandate and amount, what is left of its payment on account, and of the invoices
CREATE FUNCTION t.debits() RETURNS text LANGUAGE sql AS $$
SELECT concat_ws('; ', (SELECT string_agg(concat_ws(' ', m.reference, trim_scale(d.amount), trim_scale(- i.open_amount)), ', ' ORDER BY d.direct_debit_id)
                        FROM o2c.direct_debit d JOIN o2c.mandate m USING (company_id, mandate_id) JOIN o2c.payment p USING (company_id, payment_id) LEFT JOIN o2c.open_item i USING (company_id, item_id)),
                 (SELECT string_agg(v.number || ' ' || trim_scale(i.open_amount), ', ' ORDER BY v.number) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id))) $$;
CREATE FUNCTION t.done(steps text[], seen text DEFAULT 't.debits()') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    step text;
    said text;
BEGIN
    FOREACH step IN ARRAY steps LOOP
        EXECUTE 'SELECT ' || regexp_replace(step, '\m(mandate|owe|discount|policy|account|closed|paid|settled|unapplied)\(', 't.\1(', 'g');
    END LOOP;
    EXECUTE 'SELECT ' || seen INTO said;
    IF EXISTS (SELECT FROM o2c.verify()) THEN
        said := said || ', and the books do not agree';
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = coalesce(said, 'nothing');
EXCEPTION WHEN raise_exception THEN
    RETURN SQLERRM;
END $$;
CREATE TEMP TABLE rule (n integer GENERATED ALWAYS AS IDENTITY, steps text[], seen text NOT NULL DEFAULT 't.debits()', expected text, says text);
INSERT INTO rule (steps, seen, expected, says) VALUES
    (ARRAY[$$mandate('M-1', '2026-01-01'), mandate('M-2', '2025-12-31'), owe('I-1', 100)$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-1 100 0; I-1 0', 'of two mandates the one that was signed last'),
    (ARRAY[$$mandate('M-1', '2026-01-01'), mandate('M-2', '2026-01-01'), owe('I-1', 100)$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-2 100 0; I-1 0', 'of one day the one that was recorded last'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 100), discount('I-1', '2026-03-10', 2)$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-1 98 0; I-1 0', 'a discount that is in time is deducted'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 100), discount('I-1', '2026-03-10', 2), paid('I-1', 10)$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-1 88 0; I-1 0', 'and whole where it closes what a part was paid of'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 100), discount('I-1', '2026-03-09', 2)$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-1 100 0; I-1 0', 'nor a day late'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 100), discount('I-1', '2026-03-07', 2), policy('{"discount_grace_days": 3}')$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-1 98 0; I-1 0', 'but within the days of grace'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 100), discount('I-1', '2026-03-06', 2), policy('{"discount_grace_days": 3}')$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-1 100 0; I-1 0', 'and not after them'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 100), discount('I-1', '2026-03-10', 100), owe('I-2', 5)$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-1 5 0; I-1 100, I-2 0', 'nothing is not collected'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 999999999.99)$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'M-1 999999999.99 0; I-1 0', 'as much as fits the message'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 999999999.99), owe('I-2', 0.01)$$, $$o2c.direct_debit_file('2026-03-10')$$], 't.debits()', 'I-1 999999999.99, I-2 0.01', 'and no more'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 100, '2026-03-20')$$, $$o2c.direct_debit_file('2026-03-20')$$, $$owe('I-2', 50, '2026-03-10')$$, $$o2c.direct_debit_file('2026-03-10')$$], $$(SELECT last_used_on FROM o2c.mandate)$$, '2026-03-20', 'a mandate was used on the latest day that it collects'),
    (ARRAY[$$mandate('M-1', type => 'FNAL'), owe('I-1', 100)$$, $$o2c.direct_debit_file('2026-03-10')$$], $$(SELECT sequence_type || ' ' || state FROM o2c.mandate)$$, 'FNAL completed', 'the final collection completes it'),
    (ARRAY[$$account('GB29NWBK60161331926819'), closed(), mandate('M-1'), owe('I-1', 100)$$, $$o2c.direct_debit_file('2026-03-10')$$], $$(SELECT a.account FROM o2c.direct_debit_batch JOIN o2c.bank_account a USING (company_id, bank_account_id))$$, 'GB29NWBK60161331926819', 'an account that is closed is not collected to'),
    (ARRAY[$$account('GB29NWBK60161331926819'), mandate('M-1'), owe('I-1', 100)$$, $$o2c.direct_debit_file('2026-03-10')$$], $$(o2c.direct_debit_file('2026-03-10', 'GB29NWBK60161331926819') IS NULL)::text$$, 'true', 'what was collected to one account is not shown for another'),
    (ARRAY[$$policy('{"cleared_only": true}'), mandate('M-1'), owe('I-1', 100)$$, $$o2c.direct_debit_file('2026-03-10')$$, $$paid('I-1', 30)$$, $$settled('2026-03-11')$$], 't.debits()', 'M-1 100 30; I-1 0', 'of what was paid meanwhile the rest stays on account'),
    (ARRAY[$$policy('{"cleared_only": true}'), mandate('M-1'), owe('I-1', 100), discount('I-1', '2026-03-10', 2)$$, $$o2c.direct_debit_file('2026-03-10')$$, $$paid('I-1', 1)$$, $$settled('2026-03-11')$$], 't.debits()', 'M-1 98 0; I-1 1', 'a discount that does not fit any more is not taken'),
    (ARRAY[$$policy('{"cleared_only": true}'), mandate('M-1'), owe('I-1', 100), discount('I-1', '2026-03-10', 2)$$, $$o2c.direct_debit_file('2026-03-10')$$, $$settled('2026-03-11')$$], 't.debits()', 'M-1 98 0; I-1 0', 'else it is'),
    (ARRAY[$$mandate('M-1'), owe('I-1', 100)$$, $$o2c.direct_debit_file('2026-03-10')$$, $$unapplied()$$, $$settled('2026-03-12')$$], 't.debits()', 'M-1 100 100; I-1 100', 'what a person took back is not applied again when it is settled'),
    (ARRAY[$$mandate('M-1', '2026-03-01')$$, $$o2c.revoke_mandate('M-1', '2026-02-01')$$], $$(SELECT state || ' ' || revoked_on FROM o2c.mandate)$$, 'revoked 2026-03-01', 'a mandate is not revoked before it was signed'),
    (ARRAY[$$mandate('M-1', type => 'OOFF')$$, $$o2c.revoke_mandate('M-1', after_next => true)$$], $$(SELECT sequence_type || ' ' || state FROM o2c.mandate)$$, 'OOFF active', 'the next collection of a one-off mandate is its last anyway');
SELECT is(t.done(steps, seen), expected, says) FROM rule ORDER BY n;
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
