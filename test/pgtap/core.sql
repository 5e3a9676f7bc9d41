-- Core and party: money, clock, settings, events, guards, hierarchy.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(135);

SELECT o2c.create_company('Acme', 'EUR') AS acme \gset
SELECT o2c.create_company('Other', 'JPY') AS other \gset
SELECT set_config('o2c.company', :'acme', true);

-- Money: half away from zero, to the minor unit of ISO 4217.
CREATE TEMP TABLE rounding (amount numeric, currency text, expected numeric);
INSERT INTO rounding VALUES
    (1.005, 'EUR', 1.01), (-1.005, 'EUR', -1.01), (1.004999, 'EUR', 1.00), (2.675, 'EUR', 2.68), (0.125, 'USD', 0.13),
    (-0.5, 'JPY', -1), (0.5, 'JPY', 1), (1.5, 'JPY', 2), (2.5, 'JPY', 3), (1234.49, 'KRW', 1234),
    (1.0005, 'BHD', 1.001), (-1.0005, 'BHD', -1.001), (0.00045, 'KWD', 0), (1.00005, 'CLF', 1.0001), (1.00015, 'UYW', 1.0002),
    (0, 'EUR', 0), (99999999999999999999.995, 'EUR', 100000000000000000000.00), ('NaN', 'EUR', 'NaN'), ('Infinity', 'JPY', 'Infinity');
SELECT is(o2c.round_money(amount, currency), expected, format('%s %s', currency, amount)) FROM rounding;
SELECT is(scale(o2c.round_money(1, 'EUR')), 2, 'two digits are shown');
SELECT is(o2c.minor_units(c), n, c || ' has ' || n) FROM (VALUES ('EUR', 2), ('JPY', 0), ('BHD', 3), ('CLF', 4)) v (c, n);
SELECT throws_ok(format('SELECT o2c.minor_units(%L)', c), 'OC001', NULL, format('"%s" is no currency', c))
FROM (VALUES (''), ('eur'), ('EU'), ('EURO'), ('XXX'), ('€€€'), (repeat('E', 10000))) v (c);
SELECT is(o2c.minor_units(NULL), NULL, 'no currency has no minor unit');
SELECT results_eq('SELECT currency, minor_units FROM o2c.currency ORDER BY 1', 'SELECT * FROM o2c.iso_4217() ORDER BY 1',
                  'the code list is ISO 4217');

-- Splitting loses nothing.
CREATE TEMP TABLE split (total numeric, weights numeric[], currency text, expected numeric[]);
INSERT INTO split VALUES
    (100, '{1,1,1}', 'EUR', '{33.34,33.33,33.33}'), (-100, '{1,1,1}', 'EUR', '{-33.34,-33.33,-33.33}'),
    (100, '{1,2}', 'JPY', '{33,67}'), (0.05, '{1,1,1,1}', 'EUR', '{0.02,0.01,0.01,0.01}'), (1, '{0,0}', 'EUR', '{1.00,0.00}'),
    (10, '{0,1,0}', 'EUR', '{0,10,0}'), (0.002, '{1,1,1}', 'BHD', '{0.001,0.001,0}'), (5, '{7}', 'EUR', '{5}'), (0, '{1,2}', 'EUR', '{0,0}'),
    (100, '{0.5,0.25,0.25}', 'EUR', '{50,25,25}'),
    (20000000000000000000, '{1,1,1}', 'EUR', '{6666666666666666666.67,6666666666666666666.67,6666666666666666666.66}');
SELECT is(o2c.allocate(total, weights, currency), expected, format('%s %s over %s', currency, total, weights)) FROM split;
SELECT is(o2c.allocate(1, '{}', 'EUR'), '{}', 'over nothing');
SELECT throws_ok(format('SELECT o2c.allocate(%s, %L, ''EUR'')', total, weights), 'OC002', NULL, format('%s over %s is refused', total, weights))
FROM (VALUES ('1', '{1,NULL}'), ('1', '{-1,2}'), ('1', '{NaN}'), ('1', '{Infinity,1}'), ('''NaN''', '{1}'), ('''Infinity''', '{1,2}'),
             ('''-Infinity''', '{1}'), ('0.005', '{1}')) v (total, weights);
SELECT setseed(0.42);
CREATE TEMP TABLE random_split AS
    SELECT i, c AS currency, o2c.round_money(((random() - 0.5) * 10 ^ (random() * 12))::numeric, c) AS total, w.weights
    FROM generate_series(1, 2000) i,
         LATERAL (SELECT (ARRAY['EUR', 'JPY', 'BHD', 'CLF'])[1 + i % 4]) x (c),
         LATERAL (SELECT array_agg(round((random() * 10 ^ (g % 7))::numeric, i % 5)) FROM generate_series(0, i % 20) g) w (weights);
SELECT is_empty('SELECT * FROM random_split WHERE total <> (SELECT sum(p) FROM unnest(o2c.allocate(total, weights, currency)) p)',
                '2000 random splits sum to their totals');
SELECT is_empty('SELECT * FROM random_split, unnest(o2c.allocate(total, weights, currency)) p WHERE p <> o2c.round_money(p, currency) OR p * total < 0',
                'their parts are whole minor units of the total''s sign');
SELECT is_empty($$ SELECT * FROM random_split, LATERAL (SELECT sum(w) FROM unnest(weights) w) s (sum),
                         unnest(o2c.allocate(total, weights, currency), weights) u (part, weight)
                   WHERE sum > 0 AND abs(part - total * weight / sum) >= 10.0 ^ (- o2c.minor_units(currency)) $$,
                'no part is a minor unit away from its exact share');

-- Clock.
SELECT is(o2c.today(), current_date, 'today is today');
SET LOCAL o2c.business_date = '2024-02-29';
SELECT is(o2c.today(), '2024-02-29'::date, 'unless the business date says otherwise');
SET LOCAL o2c.business_date = '9999-12-31';
SELECT is(o2c.today(), '9999-12-31'::date, 'far ahead');
SELECT throws_ok(format('SET LOCAL o2c.business_date = %L', d), '22023', NULL, format('"%s" is no business date', d))
FROM (VALUES ('2023-02-29'), ('2026-13-01'), ('2026-00-10'), ('2026-01-32'), ('2026-01-00'), ('today'), ('2026-1-1x'), ('0000-01-01'),
             ('-001-01-01'), ('2026-01-01 '), ('99999-01-01'), ('infinity')) v (d);
SET LOCAL o2c.business_date = '';
SELECT is(o2c.today(), current_date, 'empty gives the clock back');
SELECT is(o2c.current_company(), :acme::bigint, 'the company of the session');
SELECT throws_ok(format('SET LOCAL o2c.company = %L', c), '22023', NULL, format('"%s" is no company', c))
FROM (VALUES (''), ('0'), ('-1'), ('1.5'), ('one'), ('99999999999999999999'), ('1 ')) v (c);
SET LOCAL o2c.company = '9223372036854775807';
SELECT is(o2c.current_company(), 9223372036854775807, 'the largest company');
SELECT set_config('o2c.company', :'acme', true);
SELECT is(o2c.actor(), current_user::text, 'who acts');

-- Settings.
INSERT INTO o2c.setting_definition VALUES ('my_setting', '0', 'to test with');
SELECT is(o2c.get_setting('my_setting'), '0', 'a setting has a default');
SELECT o2c.set_setting('my_setting', '5');
SELECT is(o2c.get_setting('my_setting'), '5', 'a company sets it');
SELECT is(o2c.get_setting('my_setting', :other), '0', 'for itself only');
SELECT o2c.set_setting('my_setting', '6');
SELECT is(o2c.get_setting('my_setting'), '6', 'again');
SELECT throws_ok('SELECT o2c.set_setting(''no such'', ''1'')', 'OC001', NULL, 'an unknown setting is refused');
SELECT is(o2c.get_setting('no such'), NULL, 'an unknown setting has no value');

-- Events follow the state of a row.
CREATE TABLE public.thing (company_id bigint, thing_id bigint, order_id bigint, state text, note text);
CREATE TRIGGER record_insert AFTER INSERT ON public.thing REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('thing', 'thing_id', 'order_id', 'state');
CREATE TRIGGER record_update AFTER UPDATE ON public.thing REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('thing', 'thing_id', 'order_id', 'state');
INSERT INTO public.thing VALUES (:acme, 1, 11, 'new'), (:acme, 2, NULL, 'draft'), (:other, 3, NULL, 'new'), (:acme, 4, NULL, NULL);
UPDATE public.thing SET state = 'done' WHERE thing_id IN (1, 3);
UPDATE public.thing SET note = 'x';
UPDATE public.thing SET state = 'done';
CREATE TEMP VIEW said AS
    SELECT e.company_id, activity, object_type, object_id, order_id, before ->> 'state' AS before, after ->> 'state' AS after, actor
    FROM o2c.event e WHERE object_type = 'thing' ORDER BY event_id;
SELECT results_eq('SELECT object_id, order_id, before, after FROM said',
    $$ VALUES (1::bigint, 11::bigint, NULL, 'new'), (3, NULL, NULL, 'new'),
              (1, 11, 'new', 'done'), (3, NULL, 'new', 'done'), (2, NULL, 'draft', 'done'), (4, NULL, NULL, 'done') $$,
    'one event for each change of state, none for other changes or for a new draft');
SELECT is((SELECT count(*) FROM said WHERE company_id = :other), 2::bigint, 'each in its company');
SELECT results_eq('SELECT DISTINCT activity, actor FROM said ORDER BY 1', $$ VALUES ('thing.done', current_user::text COLLATE "default"), ('thing.new', current_user) $$,
                  'with the activity and who did it');
SELECT is_empty('SELECT * FROM o2c.read_events()', 'the feed withholds what is not committed');
SELECT throws_ok('SELECT o2c._record_state()', '39P01', NULL, 'a trigger function is only called as a trigger');
CREATE TRIGGER odd AFTER INSERT ON public.thing FOR EACH ROW EXECUTE FUNCTION o2c._record_state('thing', 'thing_id', '', 'state');
SELECT throws_ok('INSERT INTO public.thing VALUES (1, 9, NULL, ''draft'')', '39P01', NULL, 'and only as the kind that it is');
DROP TRIGGER odd ON public.thing;
CREATE TRIGGER odd AFTER INSERT ON public.thing REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('thing', 'nothing', '', 'state');
SELECT throws_ok('INSERT INTO public.thing VALUES (1, 9, NULL, ''draft'')', '42703', NULL, 'on columns that are there');
DROP TRIGGER odd ON public.thing;

-- Notifications are handed out once.
INSERT INTO o2c.notification (company_id, audience, recipient, topic, object_type, object_id, body)
SELECT :acme, 'department', 'credit', 'test', 'thing', n, '{}' FROM generate_series(1, 3) n;
SELECT is((SELECT count(*) FROM o2c.claim_notifications(2)), 2::bigint, 'two of three');
SELECT is((SELECT count(*) FROM o2c.claim_notifications(2)), 1::bigint, 'the third');
SELECT is_empty('SELECT * FROM o2c.claim_notifications()', 'and no more');
SELECT throws_ok(format($$INSERT INTO o2c.notification (company_id, audience, recipient, topic, object_type, object_id, body)
                          VALUES (%s, 'department', 'credit', 'test', 'thing', 1, '{}')$$, :acme), '23505', NULL, 'each is sent once');

-- Hierarchy of customers.
INSERT INTO o2c.customer (code, name) VALUES ('A', 'Top'), ('X', 'Elsewhere');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'B', 'Middle', customer_id FROM o2c.customer WHERE code = 'A';
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'C', 'Leaf', customer_id FROM o2c.customer WHERE code = 'B';
CREATE TEMP VIEW family AS
    SELECT c.code, g.code AS top, c.currency, a.code AS account
    FROM o2c.customer c JOIN o2c.customer g USING (company_id) JOIN o2c.customer_credit m USING (company_id)
    JOIN o2c.credit_account k USING (company_id, credit_account_id) JOIN o2c.customer a ON a.company_id = k.company_id AND a.customer_id = k.customer_id
    WHERE g.customer_id = c.group_id AND m.customer_id = c.customer_id ORDER BY c.code;
SELECT results_eq('SELECT * FROM family',
    $$ VALUES ('A', 'A', 'EUR', 'A'), ('B', 'A', 'EUR', 'A'), ('C', 'A', 'EUR', 'A'), ('X', 'X', 'EUR', 'X') $$,
    'the group is the topmost customer, whose credit account all use');
UPDATE o2c.customer SET parent_customer_id = (SELECT customer_id FROM o2c.customer WHERE code = 'X') WHERE code = 'A';
SELECT is((SELECT array_agg(DISTINCT top) FROM family), '{X}', 'a group moves as a whole');
SELECT throws_ok($$ UPDATE o2c.customer SET parent_customer_id = (SELECT customer_id FROM o2c.customer WHERE code = 'C') WHERE code = 'X' $$,
                 'OC002', NULL, 'a circle is refused');
SELECT throws_ok($$ UPDATE o2c.customer SET parent_customer_id = customer_id WHERE code = 'X' $$, 'OC002', NULL, 'the smallest circle too');
SELECT throws_ok($$ INSERT INTO o2c.customer (code, name, parent_customer_id) VALUES ('D', 'Orphan', -1) $$, '23503', NULL, 'a parent must be there');
SELECT throws_ok($$ INSERT INTO o2c.customer (company_id, code, name) VALUES (-1, 'D', 'Stray') $$, '23502', NULL, 'a company must be there');
UPDATE o2c.customer SET group_id = customer_id WHERE code = 'C';
SELECT is((SELECT top FROM family WHERE code = 'C'), 'X', 'nobody writes a group');
UPDATE o2c.customer SET parent_customer_id = NULL WHERE code = 'A';
SELECT is((SELECT array_agg(code || top) FROM family), '{AA,BA,CA,XX}', 'and leaves it');
SELECT throws_ok('SELECT o2c.create_company(''Bad'', ''XXX'')', 'OC001', NULL, 'a company has a currency');
SELECT throws_ok('SELECT o2c.create_company('''', ''EUR'')', '23514', NULL, 'and a name');
SELECT throws_ok('SELECT o2c.create_company(NULL, ''EUR'')', '23502', NULL, 'not null');

-- A command that is sent again answers the same.
INSERT INTO o2c.product (sku, name, unit_price) VALUES ('P1', 'Part', 10);
SELECT o2c.receive_stock('P1', 100) AS received \gset
SELECT o2c.place_order('X', '[{"sku": "P1", "quantity": 1}]', idempotency_key => 'key 1') AS placed \gset
SELECT is(o2c.place_order('X', '[{"sku": "P1", "quantity": 1}]', idempotency_key => 'key 1'), :placed::bigint, 'the same key, the same order');
SELECT isnt(o2c.place_order('X', '[{"sku": "P1", "quantity": 1}]', idempotency_key => 'key 2'), :placed::bigint, 'another key, another order');
SELECT isnt(o2c.place_order('X', '[{"sku": "P1", "quantity": 1}]'), :placed::bigint, 'so without a key');
SELECT throws_ok($$ SELECT o2c.place_order('X', '[{"sku": "P1", "quantity": 2}]', idempotency_key => 'key 1') $$, 'OC003', NULL, 'a key is for one command');

-- Numbers: gapless, anew each year, given back by a rollback.
UPDATE o2c.number_series SET yearly = true, digits = 3, prefix = 'R-' WHERE company_id = :acme AND series = 'invoice';
CREATE FUNCTION pg_temp.invoice(day date) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    PERFORM o2c.ship_order(o2c.place_order('X', '[{"sku": "P1", "quantity": 1}]', ordered_on => day), day);
    SELECT b.number INTO result FROM o2c.bill(day, 'X') b;
    RETURN result;
END $$;
SELECT is(pg_temp.invoice('2031-12-30'), 'R-2031-001', 'the first of a year');
SELECT is(pg_temp.invoice('2031-12-31'), 'R-2031-002', 'the second');
SELECT is(pg_temp.invoice('2032-01-01'), 'R-2032-001', 'the next year');
SAVEPOINT draw;
SELECT is(pg_temp.invoice('2032-01-02'), 'R-2032-002', 'drawn ...');
ROLLBACK TO draw;
SELECT is(pg_temp.invoice('2032-01-02'), 'R-2032-002', '... and drawn again after a rollback');
UPDATE o2c.number_series SET last_number = 9999 WHERE company_id = :acme AND series = 'invoice' AND year = 2032;
SELECT is(pg_temp.invoice('2032-01-03'), 'R-2032-10000', 'a number may outgrow its digits');
SELECT is((SELECT string_agg(expected || ' ' || found, ',') FROM o2c.verify_number_series), 'numbers 3 to 9999 missing', 'the gap is seen');
DELETE FROM o2c.number_series WHERE company_id = :acme AND series = 'invoice';
SELECT throws_ok($$ SELECT pg_temp.invoice('2032-01-04') $$, 'OC001', NULL, 'without a series there is no number');

-- Guards.
CREATE TEMP TABLE refused (statement text);
INSERT INTO refused VALUES
    ('UPDATE o2c.customer SET customer_id = customer_id + 1000'),
    ('UPDATE o2c.customer SET company_id = company_id + 1'),
    ('UPDATE o2c.credit_account SET ordered = 1'),
    ('UPDATE o2c.credit_account SET receivable = receivable - 1'),
    ('UPDATE o2c.credit_account SET customer_id = 0'),
    ('DELETE FROM o2c.credit_account'),
    ('UPDATE o2c.event SET actor = ''nobody'''),
    ('DELETE FROM o2c.event'),
    ('UPDATE o2c.notification SET body = ''{"changed": true}'''),
    ('INSERT INTO o2c.credit_account (customer_id, currency, ordered) VALUES (1, ''EUR'', 5)');
SELECT throws_ok(statement, 'OC102', NULL, statement) FROM refused;
SELECT lives_ok('UPDATE o2c.credit_account SET credit_limit = 100', 'what is free may change');
SELECT throws_ok('UPDATE o2c.credit_account SET credit_limit = ''NaN''', '23514', NULL, 'within its bounds');
SELECT is_empty('SELECT * FROM o2c.verify() WHERE check_name <> ''gapless series''', 'nothing else is out of step');

SELECT * FROM finish();
ROLLBACK;
