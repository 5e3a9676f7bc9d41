-- Who paid: accounts, names, numbers, and what people confirm; proposals, corrections and measures.
BEGIN;
SELECT plan(65);
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL client_min_messages = error;
SET LOCAL o2c.business_date = '2026-06-30';
INSERT INTO o2c.customer (code, name, tax_id) VALUES
    ('CUST-001', 'Müller Maschinenbau GmbH', 'DE123456789'), ('CUST-002', 'Mueller Maschinenbau AG', NULL), ('CUST-003', 'Adler & Söhne GmbH', NULL),
    ('CUST-004', 'Baltic Trading Oy', NULL), ('CUST-005', 'Cargo S.A.', NULL), ('CUST-006', 'Cargo Südwest Logistik GmbH', NULL);
INSERT INTO o2c.customer_account (account, customer_id) SELECT a, customer_id FROM (VALUES ('DE89370400440532013000', 'CUST-004'), ('SHARED1', 'CUST-005'), ('SHARED1', 'CUST-006')) v (a, c) JOIN o2c.customer ON code = c;
CREATE FUNCTION pg_temp.invoice(number text, customer text, amount numeric) RETURNS void LANGUAGE sql AS
$$INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ($1, $2, '2026-06-01', '2026-06-30', $3); SELECT o2c.load_invoices()$$;
-- what becomes of one payment: customer and stage, or the outcome
CREATE FUNCTION pg_temp.fate(amount numeric, reference text DEFAULT NULL, name text DEFAULT NULL, account text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE id bigint := o2c.record_payment(amount, '2026-06-15', reference => reference, payer_name => name, payer_account => account);
BEGIN
    PERFORM o2c.match_payments('2026-06-30', id);
    RETURN (SELECT concat_ws(' ', c.code, r.outcome, r.stage) FROM o2c.payment p LEFT JOIN o2c.customer c USING (company_id, customer_id)
            LEFT JOIN LATERAL (SELECT r.outcome, r.stage FROM o2c.match_result r WHERE r.payment_id = p.payment_id ORDER BY match_id DESC LIMIT 1) r ON true WHERE p.payment_id = id);
END $$;
CREATE FUNCTION pg_temp.last() RETURNS bigint LANGUAGE sql AS 'SELECT max(payment_id) FROM o2c.payment';
CREATE FUNCTION pg_temp.open(number text) RETURNS numeric LANGUAGE sql AS
$$SELECT trim_scale(sum(i.open_amount)) FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id) WHERE v.number = $1$$;

-- the keys
SELECT is(o2c.name_key(name), key, 'key of ' || quote_literal(name))
FROM (VALUES ('Müller Maschinenbau GmbH', 'MULLER MASCHINENBAU'), ('MUELLER MASCHINENBAU', 'MULLER MASCHINENBAU'), ('Mueller  Maschinenbau Gesellschaft mbH & Co. KG', 'MULLER MASCHINENBAU'),
             ('Ærø Smørrebrød A/S', 'ARO SMORREBROD A S'), ('S.A. Łódź', 'LODZ'), ('GmbH', ''), ('', ''), ('Straße 12', 'STRASSE 12'), ('ООО Ромашка', 'ООО Ромашка'), ('O''Neil, Inc.', 'ONEIL'), ('O’Neil', 'ONEIL'), ('Nguyễn Văn Minh', 'NGUYEN VAN MINH'),
             ('ＡＢＣ　Ｌｔｄ．', 'ABC'), ('Άλφα', 'Αλφα'), ('ﬁnance №5', 'FINANCE NO5'), (E'e\u0301cole', 'ECOLE'), ('a÷b “c” — d', 'A B C D')) v (name, key);
SELECT is(length(o2c.name_key(repeat('é', 5000))) <= 200, true, 'a long name has a short key');

-- certain payers
SELECT pg_temp.invoice('A-' || n, 'CUST-00' || n, 1000 + n) FROM generate_series(1, 6) n;
SELECT is(pg_temp.fate(1001, NULL, 'MUELLER MASCHINENBAU GMBH'), 'CUST-001 applied amount', 'a name, the legal form telling which');
SELECT is(pg_temp.fate(1002, NULL, 'Müller Maschinenbau'), 'suggested amount', 'without it two bear the name');
SELECT is(pg_temp.fate(1002, 'A-2', 'Müller Maschinenbau'), 'CUST-002 applied reference', 'a number tells them apart');
SELECT is(pg_temp.fate(1003, NULL, 'ADLER + SOEHNE'), 'CUST-003 applied amount', 'a name that one customer has');
SELECT is(pg_temp.fate(1004, NULL, 'Somebody', 'de89 3704 0044 0532 0130 00'), 'CUST-004 applied amount', 'an account');
SELECT is(pg_temp.fate(1005, NULL, NULL, 'SHARED1'), 'suggested amount', 'an account of two');
SELECT is(pg_temp.fate(1005, NULL, 'Cargo SA', 'SHARED1'), 'CUST-005 applied amount', 'of which the name is one');
SELECT is(pg_temp.fate(1006, 'CUST-006'), 'CUST-006 applied amount', 'a customer number in the text');
SELECT pg_temp.invoice('B-1', 'CUST-001', 2001);
SELECT is(pg_temp.fate(2001, 'VAT DE 123456789'), 'CUST-001 applied amount', 'a VAT number');
SELECT pg_temp.invoice('B-2', 'CUST-006', 2002);
SELECT is(pg_temp.fate(2002, NULL, 'Cargo Südwest Logistic'), 'none', 'a similar name needs pg_trgm');
CREATE EXTENSION pg_trgm;
SELECT o2c.install();
SELECT isnt_empty($$SELECT FROM pg_indexes WHERE indexname = 'customer_name_similar'$$, 'once it is there, names have an index for it');
SELECT is(pg_temp.fate(2002, NULL, 'Cargo Südwest Logistic'), 'suggested amount', 'a similar name is only likely');
INSERT INTO o2c.customer (code, name) VALUES ('CUST-007', 'Ƙungiyar Kasuwar Ɗanja Ɓichi');
SELECT pg_temp.invoice('B-7', 'CUST-007', 2007);
SELECT is(pg_temp.fate(2007, NULL, 'Kungiyar Kasuwar Danja Bichi'), 'none', 'letters with hooks are no others with an accent');
CREATE EXTENSION unaccent;
SELECT is(pg_temp.fate(2007, NULL, 'Kungiyar Kasuwar Danja Bichi'), 'suggested amount', 'but by the rules of unaccent');
SELECT is(pg_temp.fate(2000, 'see B-2', 'Cargo Südwest Logistic'), 'none', 'as is a number of two characters among other words');
SELECT pg_temp.invoice('INV-2026-00077', 'CUST-006', 500);
SELECT is(pg_temp.fate(450, 'INV-2026-00077', 'Cargo Südwest Logistic'), 'CUST-006 applied reference', 'but with a number it agrees');

-- proposals
SELECT pg_temp.invoice('C-1', 'CUST-003', 300), pg_temp.invoice('C-2', 'CUST-003', 300), pg_temp.invoice('C-3', 'CUST-003', 77);
SELECT is(pg_temp.fate(300, 'HANDELSKONTOR WEST', 'Adler Holding', 'NEW1'), 'none', 'nobody knows this payer');
SELECT is_empty(format('SELECT * FROM o2c.propose(%s)', pg_temp.last()), 'nothing is proposed');
SELECT throws_ok(format('SELECT o2c.confirm_match(%s)', pg_temp.last()), 'OC101', NULL, 'nor can it be confirmed');
SELECT is(o2c.confirm_match(pg_temp.last(), '{C-1}'), pg_temp.last(), 'a person knows');
SELECT is(pg_temp.open('C-1'), 0::numeric, 'it is applied');
SELECT results_eq('SELECT kind, key, hits, misses FROM o2c.payer_alias ORDER BY kind', $$VALUES ('account', 'NEW1', 1, 0), ('name', 'ADLER HOLDING', 1, 0), ('text', 'HANDELSKONTOR WEST', 1, 0)$$, 'and learned');
SELECT is(pg_temp.fate(77, NULL, 'Adler Holding', 'NEW1'), 'suggested amount', 'once is not enough');
SELECT results_eq(format('SELECT place, stage, customer, sound, invoice, trim_scale(cash) FROM o2c.propose(%s)', pg_temp.last()), $$VALUES (1, 'amount', 'CUST-003', false, 'C-3', 77::numeric)$$, 'it is proposed');
SELECT throws_ok(format('SELECT o2c.confirm_match(%s, place => 2)', pg_temp.last()), 'OC101', NULL, 'there is no second proposal');
SELECT o2c.confirm_match(pg_temp.last());
SELECT is(pg_temp.open('C-3'), 0::numeric, 'a proposal is confirmed');
SELECT pg_temp.invoice('C-4', 'CUST-003', 78);
SELECT is(pg_temp.fate(78, NULL, 'Adler Holding', 'NEW1'), 'CUST-003 applied amount', 'after two hits it is used alone');
SELECT is((SELECT array_agg(outcome ORDER BY recorded_at, outcome) FROM o2c.explain_match(pg_temp.last())), '{applied,applied}', 'what was done and why is kept');
SELECT matches((SELECT words FROM o2c.explain_match(pg_temp.last()) WHERE score IS NOT NULL), 'CUST-003, by learned account', 'in words');

-- corrections
SELECT pg_temp.invoice('D-1', 'CUST-004', 91), pg_temp.invoice('D-2', 'CUST-003', 91), pg_temp.invoice('D-3', 'CUST-003', 95);
SELECT is(pg_temp.fate(91, NULL, 'Adler Holding', 'NEW1'), 'CUST-003 applied amount', 'applied by itself');
SELECT is(o2c.confirm_match(pg_temp.last(), '{D-3}'), pg_temp.last(), 'to another invoice of the customer');
SELECT is(pg_temp.open('D-2') || ' ' || pg_temp.open('D-3'), '91 4', 'the wrong one is open again');
SELECT is((SELECT hits || ' ' || misses FROM o2c.payer_alias WHERE key = 'NEW1' ), '3 0', 'the payer was right');
CREATE TEMP TABLE wrong AS SELECT pg_temp.last() AS id;
SELECT isnt(o2c.confirm_match((SELECT id FROM wrong), '{D-1}'), (SELECT id FROM wrong), 'to another customer it is recorded anew');
SELECT is(pg_temp.open('D-1') || ' ' || pg_temp.open('D-3'), '0 95', 'with all that follows');
SELECT is((SELECT state FROM o2c.payment WHERE payment_id = (SELECT id FROM wrong)), 'reversed', 'the first one is reversed');
SELECT results_eq($$SELECT c.code, a.hits, a.misses FROM o2c.payer_alias a JOIN o2c.customer c USING (company_id, customer_id) WHERE a.key = 'NEW1' ORDER BY 1$$, $$VALUES ('CUST-003', 3, 1), ('CUST-004', 1, 0)$$, 'a miss for one, a hit for the other');
SELECT pg_temp.invoice('D-4', 'CUST-003', 98);
SELECT isnt(pg_temp.fate(98, NULL, 'Adler Holding', 'NEW1'), 'CUST-003 applied amount', 'an alias of two is not used alone');
SELECT throws_ok('SELECT o2c.confirm_match(-1)', 'OC001', NULL, 'an unknown payment');
SELECT throws_ok(format('SELECT o2c.confirm_match(%s, ''{no such}'')', pg_temp.last()), 'OC001', NULL, 'an unknown invoice');
SELECT throws_ok(format('SELECT o2c.confirm_match(%s, as_of => NULL)', pg_temp.last()), 'OC002', NULL, 'no date');
SELECT throws_ok('SELECT o2c.propose(-1)', 'OC001', NULL, 'no proposal for an unknown payment');
SELECT throws_ok(format('SELECT o2c.confirm_match(%s)', (SELECT id FROM wrong)), 'OC101', NULL, 'nor for a reversed one');

-- measures
SELECT results_eq($$SELECT payments, automatic_payments, corrections > 0, round(payment_rate::numeric, 4) FROM o2c.cash_application$$,
                  $$SELECT count(*), 9::bigint, false, round(9.0 / count(*), 4) FROM o2c.payment WHERE state <> 'reversed'$$, 'what matching did alone');
SELECT is((SELECT sum(amount) FROM o2c.unapplied_cash), (SELECT sum(amount) FROM o2c.unapplied_payment), 'unapplied money by age');
SELECT results_eq('SELECT DISTINCT age_sort, age FROM o2c.unapplied_cash', $$VALUES (2, '8-30')$$, 'counted from when it was received');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
