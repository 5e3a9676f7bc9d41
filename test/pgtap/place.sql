-- An order whose rules are all early is stored in its final state at once: it is the same order, seen from everywhere.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(36);
SET LOCAL o2c.business_date = '2026-03-02';
SELECT o2c.create_company('Early', 'EUR'), o2c.create_company('Late', 'EUR');
INSERT INTO o2c.customer (company_id, code, name) SELECT c, 'C' || n, 'Customer' FROM generate_series(1, 2) c, generate_series(1, 3) n;
INSERT INTO o2c.customer (company_id, code, name, po_required) SELECT c, 'PO', 'Wants numbers', true FROM generate_series(1, 2) c;
INSERT INTO o2c.product (company_id, sku, name, unit_price, tax_rate, stocked)
    SELECT c, v.* FROM generate_series(1, 2) c, (VALUES ('A', 'Nineteen', 9.99, 19, true), ('B', 'Seven', 3.33, 7, true), ('S', 'Service', 0.07, 19, false)) v;
SELECT o2c.receive_stock(sku, 10, company_id => c) FROM generate_series(1, 2) c, unnest(ARRAY['A', 'B']) sku;
SELECT o2c.set_credit_limit(code, 1000, company_id => company_id) FROM o2c.customer;
INSERT INTO o2c.exchange_rate (company_id, from_currency, to_currency, valid_from, rate) SELECT c, 'USD', 'EUR', '2026-01-01', 0.5 FROM generate_series(1, 2) c;
-- the second company has a rule that looks at the lines: it cannot be asked early
CREATE FUNCTION pg_temp.few_lines(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE sql AS
'SELECT count(*) BETWEEN 1 AND 5, count(*)::numeric, 5::numeric, ''lines'' FROM o2c.order_line l WHERE l.company_id = $1.company_id AND l.order_id = $1.order_id';
INSERT INTO o2c.rule (company_id, code, checkpoint, priority, function) VALUES (2, 'few_lines', 'order', 99, 'pg_temp.few_lines');

-- how often rows of a table were updated in this transaction
CREATE FUNCTION pg_temp.updates(relation regclass) RETURNS bigint LANGUAGE sql AS 'SELECT pg_stat_get_xact_tuples_updated($1)';
CREATE TEMP TABLE wish (n serial, customer text, lines jsonb, charges jsonb, po text, currency text, requested date);
INSERT INTO wish (customer, lines, charges, po, currency, requested) VALUES
    ('C1', '[{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 3, "discount_percent": 10}, {"sku": "S", "quantity": 7}]', NULL, ' 77 ', NULL, '2026-04-01'),
    ('C1', '[{"sku": "B", "quantity": 3}, {"sku": "A", "quantity": 5}, {"sku": "B", "quantity": 2}]', '[{"reason": "Freight", "amount": 5, "tax_rate": 19}]', NULL, NULL, NULL),
    ('C2', '[{"sku": "A", "quantity": 2}, {"sku": "A", "quantity": 2}, {"sku": "A", "quantity": 1}]', NULL, NULL, NULL, NULL),
    ('C2', '[{"sku": "A", "quantity": 1}, {"sku": "S", "quantity": 1}]', NULL, '', NULL, NULL),
    ('C3', '[{"sku": "S", "quantity": 2, "unit_price": 100}]', NULL, NULL, 'USD', NULL),
    ('PO', '[{"sku": "S", "quantity": 1.5}]', NULL, 'X-1', NULL, NULL);
CREATE TEMP TABLE placed (company_id bigint, n integer, order_id bigint);
CREATE TEMP TABLE written (company_id bigint, orders bigint, lines bigint);
CREATE FUNCTION pg_temp.place_all(company bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE w wish; orders bigint := pg_temp.updates('o2c.sales_order'); lines bigint := pg_temp.updates('o2c.order_line');
BEGIN
    FOR w IN SELECT * FROM wish ORDER BY n LOOP
        INSERT INTO placed VALUES (company, w.n, o2c.place_order(w.customer, w.lines, po_number => w.po, requested_on => w.requested,
            charges => w.charges, currency => w.currency, company_id => company));
    END LOOP;
    INSERT INTO written VALUES (company, pg_temp.updates('o2c.sales_order') - orders, pg_temp.updates('o2c.order_line') - lines);
END $$;
SELECT pg_temp.place_all(1), pg_temp.place_all(2);
SELECT results_eq('SELECT orders, lines FROM written WHERE company_id = 1', 'VALUES (0::bigint, 0::bigint)', 'early: no order and no line is written twice');
SELECT results_eq('SELECT orders, lines FROM written WHERE company_id = 2', 'VALUES (6::bigint, 21::bigint)', 'otherwise every one is');

-- the same rows, however they came to be
CREATE FUNCTION pg_temp.differ(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT ''early '' || d::text FROM (SELECT to_jsonb(r) FROM (%1$s) r EXCEPT ALL SELECT to_jsonb(r) FROM (%2$s) r) e (d) UNION ALL
                                 SELECT ''late '' || d::text FROM (SELECT to_jsonb(r) FROM (%2$s) r EXCEPT ALL SELECT to_jsonb(r) FROM (%1$s) r) l (d)',
        replace(query, ':c', '1'), replace(query, ':c', '2'));
END $$;
SELECT is_empty(format('SELECT pg_temp.differ(%L)', q), what) FROM (VALUES
    ('SELECT n, to_jsonb(o) - ''{order_id,company_id,customer_id,number,created_at}''::text[] FROM o2c.sales_order o JOIN placed p USING (company_id, order_id) WHERE o.company_id = :c', 'the orders are the same'),
    ('SELECT n, to_jsonb(l) - ''{order_id,company_id,product_id}''::text[], t.sku FROM o2c.order_line l JOIN placed p USING (company_id, order_id) LEFT JOIN o2c.product t USING (company_id, product_id) WHERE l.company_id = :c', 'their lines'),
    ('SELECT n, activity, object_type, before, after, detail, actor FROM o2c.event e JOIN placed p ON p.company_id = e.company_id AND p.order_id = e.object_id WHERE e.company_id = :c AND e.object_type = ''sales_order''', 'their events'),
    ('SELECT n, d.checkpoint, d.object_type, d.outcome, d.amount, d.currency, d.decided_on, f.value FROM o2c.decision d JOIN placed p USING (company_id, order_id), jsonb_array_elements(d.findings) f WHERE d.company_id = :c AND f.value ->> ''rule'' <> ''few_lines''', 'their decisions'),
    ('SELECT c.code, a.ordered, a.shipped, a.receivable, a.unapplied, a.authorized FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE a.company_id = :c', 'the exposure'),
    ('SELECT t.sku, s.on_hand, s.reserved FROM o2c.stock s JOIN o2c.product t USING (company_id, product_id) WHERE s.company_id = :c', 'the stock')) v (q, what);
SELECT is((SELECT count(*) FROM o2c.event e JOIN placed p ON p.company_id = e.company_id AND p.order_id = e.object_id
           WHERE e.company_id = 1 AND e.activity = 'sales_order.confirmed' AND e.before = '{"state": "draft"}'), 6::bigint, 'each order was a draft, in the log');
SELECT results_eq('SELECT l.reserved_quantity FROM o2c.order_line l JOIN placed p USING (company_id, order_id) WHERE l.company_id = 1 AND p.n = 3 ORDER BY line_no',
                  'VALUES (2.0), (1.0), (0)', 'three lines of one product take what is left, one after the other');
SELECT is((SELECT credit_rate FROM o2c.sales_order JOIN placed p USING (company_id, order_id) WHERE company_id = 1 AND p.n = 5), 0.5, 'the rate of the day is taken');
SELECT is((SELECT po_number FROM o2c.sales_order JOIN placed p USING (company_id, order_id) WHERE company_id = 1 AND p.n = 1), '77', 'without blanks');

-- what is refused before, is refused now
CREATE FUNCTION pg_temp.place(customer text, quantity numeric, extra text DEFAULT '') RETURNS text LANGUAGE sql AS
$$SELECT format('SELECT o2c.place_order(%L, %L%s)', customer, jsonb_build_array(jsonb_build_object('sku', 'S', 'quantity', quantity)), extra)$$;
SELECT throws_ok(pg_temp.place('PO', 1), 'OC006', NULL, 'an order without the number that the customer requires');
SELECT throws_ok(pg_temp.place('PO', 1, ', po_number => ''  '''), 'OC006', NULL, 'or with a blank one');
SELECT throws_ok(pg_temp.place('PO', 1, ', po_number => ''x-1'''), 'OC003', NULL, 'or with one that was entered before');
SELECT lives_ok(pg_temp.place('PO', 1, ', po_number => ''X-2'''), 'another one is welcome');
SELECT throws_ok(pg_temp.place('C1', 1, ', location => ''NOWHERE'''), '23503', NULL, 'a place that is not there');
SELECT throws_ok(pg_temp.place('C1', 1, ', payment_terms => ''when it suits'''), 'OC201', NULL, 'terms that are none');
SELECT throws_ok(format('INSERT INTO o2c.sales_order (customer_id, currency, payment_terms, state) SELECT customer_id, ''EUR'', ''net 30'', %L FROM o2c.customer WHERE company_id = 1 AND code = ''C1''', s),
                 'OC101', NULL, coalesce(s, 'no state') || ' is nothing that others insert') FROM unnest(ARRAY['submitted', 'confirmed', 'held', NULL]) s;

-- an early rule is asked without an order, and again with one where that was not enough
CREATE TABLE pg_temp.asked (order_id bigint);
CREATE FUNCTION pg_temp.at_most(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE sql AS
$$INSERT INTO asked VALUES ((document).order_id);
SELECT ($1.amount <= ($2 ->> 'most')::numeric, $1.amount, ($2 ->> 'most')::numeric, 'too much')::o2c.finding$$;
INSERT INTO o2c.rule (company_id, code, checkpoint, priority, function, parameters, early) VALUES (1, 'most', 'order', 50, 'pg_temp.at_most', '{"most": 1}', true);
CREATE FUNCTION pg_temp.buy(customer text, quantity numeric) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order(customer, jsonb_build_array(jsonb_build_object('sku', 'S', 'quantity', quantity)))$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';
SELECT is(pg_temp.state(pg_temp.buy('C3', 10)), 'confirmed', 'one that is satisfied');
SELECT results_eq('SELECT order_id FROM asked', 'VALUES (NULL::bigint)', 'was asked once, before there was an order');
TRUNCATE asked;
SELECT is(pg_temp.state(pg_temp.buy('C3', 20)), 'held', 'one that is not holds the order');
SELECT results_eq('SELECT order_id IS NULL FROM asked', 'VALUES (true), (false)', 'and was asked again when it was there');
SELECT is((SELECT array_agg(d.outcome) FROM o2c.decision d WHERE d.company_id = 1 AND d.order_id = (SELECT order_id FROM asked WHERE order_id IS NOT NULL)), ARRAY['hold'], 'one decision is kept');
SELECT is((SELECT array_agg(h.rule) FROM o2c.hold h WHERE h.company_id = 1 AND h.order_id = (SELECT order_id FROM asked WHERE order_id IS NOT NULL)), ARRAY['most'], 'and one hold');
UPDATE o2c.rule SET reaction = 'warn' WHERE company_id = 1 AND code = 'most';
SELECT is(pg_temp.state(pg_temp.buy('C3', 30)), 'confirmed', 'a warning keeps nothing');
SELECT is((SELECT outcome FROM o2c.decision WHERE company_id = 1 ORDER BY decision_id DESC LIMIT 1), 'warn', 'but is noted');
UPDATE o2c.rule SET reaction = 'refuse' WHERE company_id = 1 AND code = 'most';
SELECT is(pg_temp.state(pg_temp.buy('C3', 40)), 'refused', 'a refusal refuses');
DELETE FROM o2c.rule WHERE company_id = 1 AND code = 'most';

-- credit to the cent, also where it is taken early
SELECT o2c.set_credit_limit('C2', (SELECT ordered + 8.33 FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE company_id = 1 AND c.code = 'C2'));
SELECT is(pg_temp.state(pg_temp.buy('C2', 100)), 'confirmed', '8.33 with 8.33 free');
SELECT is(pg_temp.state(pg_temp.buy('C2', 1)), 'held', 'and not a cent more');
SELECT o2c.place_hold('C3', 'wait');
SELECT is(pg_temp.state(pg_temp.buy('C3', 1)), 'held', 'a customer on hold');
DELETE FROM o2c.rule WHERE company_id = 1;
SELECT is(pg_temp.state(pg_temp.buy('C2', 1)), 'confirmed', 'without any rule nothing keeps an order');

SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
