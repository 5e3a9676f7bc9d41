-- Stock: received, reserved, given to those who wait, never oversold.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(81);

SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One');
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One elsewhere');
INSERT INTO o2c.product (sku, name, unit_price) VALUES ('A', 'A', 1), ('B', 'B', 1), ('W', 'Waited for', 1);
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('SERVICE', 'An hour', 1, false);
INSERT INTO o2c.product (company_id, sku, name, unit_price) VALUES (2, 'A', 'Theirs', 1);
INSERT INTO o2c.location (location, name) VALUES ('SHOP', 'Shop');

CREATE FUNCTION pg_temp.buy(sku text, quantity numeric, requested date DEFAULT NULL, location text DEFAULT NULL, company bigint DEFAULT 1) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order('C1', jsonb_build_array(jsonb_build_object('sku', sku, 'quantity', quantity)), requested_on => requested, location => location, company_id => company)$$;
CREATE FUNCTION pg_temp.reserved("order" bigint) RETURNS numeric LANGUAGE sql AS 'SELECT trim_scale(sum(reserved_quantity)) FROM o2c.order_line WHERE order_id = $1';
CREATE FUNCTION pg_temp.stock(sku text, location text DEFAULT 'MAIN', company bigint DEFAULT 1) RETURNS text LANGUAGE sql AS
'SELECT format(''%s of %s'', trim_scale(s.reserved), trim_scale(s.on_hand)) FROM o2c.stock s JOIN o2c.product p USING (company_id, product_id)
 WHERE s.company_id = company AND p.sku = $1 AND s.location = $2';

-- In and out.
SELECT o2c.receive_stock('A', 10) AS movement \gset
SELECT is(pg_temp.stock('A'), '0 of 10', 'received');
SELECT is((SELECT (kind, quantity, effective_on, location, actor)::text FROM o2c.stock_movement WHERE movement_id = :movement), format('(receipt,10,2026-03-02,MAIN,%s)', current_user), 'a movement');
SELECT o2c.receive_stock('A', 0.5, received_on => '2026-02-01', reason => 'found') \g /dev/null
SELECT o2c.adjust_stock('A', -0.25, 'broken') \g /dev/null
SELECT is(pg_temp.stock('A'), '0 of 10.25', 'fractions, corrections');
SELECT pg_temp.buy('A', 4) AS first \gset
SELECT is(pg_temp.stock('A'), '4 of 10.25', 'an order reserves');
SELECT pg_temp.buy('A', 8) AS second \gset
SELECT is(pg_temp.stock('A') || ', ' || pg_temp.reserved(:second), '10.25 of 10.25, 6.25', 'what is there; the rest is on backorder');
SELECT is((SELECT state FROM o2c.sales_order WHERE order_id = :second), 'confirmed', 'which does not keep the order');
SELECT throws_ok('SELECT o2c.adjust_stock(''A'', -0.01, ''stolen'')', '23514', NULL, 'what is reserved cannot be taken away');
UPDATE o2c.sales_order SET state = 'cancelled' WHERE order_id = :first;
SELECT is(pg_temp.stock('A') || ', ' || pg_temp.reserved(:second), '8 of 10.25, 8', 'cancelling gives back, and the backorder gets it at once');
SELECT o2c.receive_stock('A', 1) \g /dev/null
SELECT is(pg_temp.stock('A') || ', ' || pg_temp.reserved(:second), '8 of 11.25, 8', 'which then takes nothing of what comes in');
SELECT o2c.ship_order(:second) \g /dev/null
SELECT is(pg_temp.stock('A'), '0 of 3.25', 'shipping takes from both');
SELECT is((SELECT sum(quantity) FROM o2c.stock_movement m JOIN o2c.product p USING (company_id, product_id) WHERE company_id = 1 AND sku = 'A'), 3.25, 'the movements add up');

-- The same product on two lines, several products, no stock at all, services.
SELECT o2c.receive_stock('B', 5) \g /dev/null
SELECT o2c.place_order('C1', '[{"sku": "B", "quantity": 3}, {"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 4}, {"sku": "SERVICE", "quantity": 9}]') AS mixed \gset
SELECT is((SELECT array_agg(trim_scale(reserved_quantity) ORDER BY line_no) FROM o2c.order_line WHERE order_id = :mixed), '{3,1,2,0}', 'the first line first; services are not reserved');
SELECT is(pg_temp.stock('B'), '5 of 5', 'all of it');
SELECT lives_ok('SELECT pg_temp.buy(''W'', 1)', 'a product that was never received');

-- Who waits longest for the earliest day is served first.
UPDATE o2c.sales_order SET state = 'cancelled' WHERE order_id = (SELECT max(order_id) FROM o2c.sales_order);
CREATE TEMP TABLE waiting AS SELECT n, pg_temp.buy('W', 10, day) AS order_id FROM (VALUES (1, date '2026-05-01'), (2, '2026-04-01'), (3, NULL), (4, '2026-04-01')) v (n, day);
CREATE FUNCTION pg_temp.waiting() RETURNS text LANGUAGE sql AS 'SELECT string_agg(pg_temp.reserved(order_id)::text, '' '' ORDER BY n) FROM waiting';
SELECT o2c.receive_stock('W', 4) \g /dev/null
SELECT is(pg_temp.waiting(), '0 0 4 0', 'no requested day counts as the order day');
SELECT o2c.receive_stock('W', 12) \g /dev/null
SELECT is(pg_temp.waiting(), '0 6 10 0', 'then the earlier day');
SELECT o2c.receive_stock('W', 10) \g /dev/null
SELECT is(pg_temp.waiting(), '0 10 10 6', 'then the earlier order');
SELECT o2c.receive_stock('W', 100) \g /dev/null
SELECT is(pg_temp.waiting(), '10 10 10 10', 'until all are');
SELECT is(pg_temp.stock('W'), '40 of 126', 'the rest is free');

-- Places and companies.
SELECT o2c.receive_stock('A', 2, 'SHOP') \g /dev/null
SELECT is(pg_temp.reserved(pg_temp.buy('A', 5, location => 'SHOP')), 2::numeric, 'an order is served from its place');
SELECT is(pg_temp.stock('A'), '1 of 3.25', 'and not from another');
SELECT o2c.receive_stock('A', 7, company_id => 2) \g /dev/null
SELECT is(pg_temp.reserved(pg_temp.buy('A', 7, company => 2)), 7::numeric, 'another company has its own stock');
SELECT is(pg_temp.stock('A', company => 2) || ', ' || pg_temp.stock('A'), '7 of 7, 1 of 3.25', 'of the same sku');

-- Mistakes.
SELECT throws_ok(format('SELECT o2c.%s', a), c, NULL, a) FROM (VALUES
    ('receive_stock(''nothing'', 1)', 'OC001'), ('receive_stock(NULL, 1)', 'OC001'), ('receive_stock(''A'', NULL)', 'OC002'), ('receive_stock(''A'', 0)', 'OC002'),
    ('receive_stock(''A'', -1)', 'OC002'), ('receive_stock(''A'', ''NaN'')', 'OC002'), ('receive_stock(''A'', ''Infinity'')', 'OC002'), ('receive_stock(''A'', ''-Infinity'')', 'OC002'),
    ('receive_stock(''A'', 1, ''nowhere'')', '23503'), ('receive_stock(''A'', 1, NULL)', '23502'), ('receive_stock(''B'', 1, company_id => 2)', 'OC001'), ('receive_stock(''A'', 1, company_id => 99)', 'OC001'),
    ('receive_stock(''A'', 1, received_on => ''infinity'')', 'OC002'), ('adjust_stock(''A'', 1, ''x'', adjusted_on => ''-infinity'')', 'OC002'),
    ('adjust_stock(''A'', 0, ''x'')', 'OC002'), ('adjust_stock(''A'', NULL, ''x'')', 'OC002'), ('adjust_stock(''A'', 1, NULL)', 'OC002'), ('adjust_stock(''A'', 1, '''')', 'OC002'),
    ('adjust_stock(''A'', ''NaN'', ''x'')', 'OC002'), ('adjust_stock(''A'', ''Infinity'', ''x'')', 'OC002'), ('adjust_stock(''nothing'', 1, ''x'')', 'OC001'), ('adjust_stock(''B'', 1, ''x'', ''SHOP'')', 'OC001'),
    ('adjust_stock(''A'', -100, ''x'')', '23514')) v (a, c);

-- Written directly.
SELECT throws_ok(s, c, NULL, l) FROM (VALUES
    ('UPDATE o2c.stock SET on_hand = 1000', 'OC102', 'stock out of nothing'),
    ('UPDATE o2c.stock SET reserved = 0', 'OC102', 'a reservation forgotten'),
    ('UPDATE o2c.stock SET location = ''SHOP''', 'OC102', 'goods elsewhere'),
    ('DELETE FROM o2c.stock', 'OC102', 'stock deleted'),
    ('INSERT INTO o2c.stock (product_id, location, on_hand) SELECT product_id, ''SHOP'', 5 FROM o2c.product WHERE company_id = 1 AND sku = ''B''', 'OC102', 'stock that begins with something'),
    ('UPDATE o2c.stock_movement SET quantity = 1000', 'OC102', 'a movement changed'),
    ('DELETE FROM o2c.stock_movement', 'OC102', 'a movement deleted'),
    ('INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) SELECT product_id, location, ''adjustment'', -1000 FROM o2c.stock WHERE company_id = 1', '23514', 'more taken than is there'),
    ('INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) SELECT product_id, location, ''gift'', 1 FROM o2c.stock WHERE company_id = 1', '23514', 'a kind that is none'),
    ('INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) SELECT product_id, location, ''receipt'', 0 FROM o2c.stock WHERE company_id = 1', '23514', 'a movement of nothing'),
    ('INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) SELECT product_id, location, ''receipt'', ''NaN'' FROM o2c.stock WHERE company_id = 1', '23514', 'a movement that is no number'),
    ('INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) SELECT product_id, location, ''receipt'', -5 FROM o2c.stock WHERE company_id = 1', '23514', 'a receipt that takes away'),
    ('INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) SELECT product_id, location, ''shipment'', -1 FROM o2c.stock WHERE company_id = 1', 'OC102', 'a shipment without an order'),
    ('UPDATE o2c.order_line SET reserved_quantity = 0', 'OC102', 'a reservation of a line')) v (s, c, l);
INSERT INTO o2c.stock_movement (product_id, location, kind, quantity, reason)
SELECT product_id, 'MAIN', 'receipt', 10, 'by hand' FROM o2c.product WHERE company_id = 1 AND sku IN ('A', 'B');
SELECT is(pg_temp.stock('A') || ', ' || pg_temp.stock('B'), '1 of 13.25, 7 of 15', 'a movement that is written directly moves the stock and serves backorders');

-- Whatever gives back serves who waits, in the same transaction: 3 of 4 pieces are taken, the next one wants 2.
INSERT INTO o2c.product (sku, name, unit_price) VALUES ('F', 'Freed', 10);
INSERT INTO o2c.location (location, name) SELECT 'F' || n, 'Place' FROM generate_series(1, 6) n;
SELECT o2c.receive_stock('F', 4, 'F' || n) FROM generate_series(1, 6) n;
CREATE TEMP TABLE freeing AS SELECT n, how, pg_temp.buy('F', 3, location => 'F' || n) AS taker, pg_temp.buy('F', 2, location => 'F' || n) AS waiter
FROM (VALUES (1, 'SELECT o2c.cancel_order(%s)'), (2, 'SELECT o2c.change_order(%s, ''[{"line_no": 1, "quantity": 2}]'')'), (3, 'SELECT o2c.cancel_line(%s, 1, 1)'),
             (4, 'SELECT o2c.close_order(%s)'), (5, 'SELECT o2c.return_goods(o2c.ship_order(%s))'), (6, 'UPDATE o2c.sales_order SET state = ''cancelled'' WHERE order_id = %s')) AS v (n, how);
SELECT is((SELECT array_agg(pg_temp.reserved(waiter) ORDER BY n) FROM freeing), '{1,1,1,1,1,1}'::numeric[], 'one piece is left for the second one');
SELECT lives_ok(format(how, taker), how) FROM freeing ORDER BY n;
SELECT is((SELECT array_agg(pg_temp.reserved(waiter) ORDER BY n) FROM freeing), '{2,2,2,2,2,2}'::numeric[], 'which then has both');
SELECT is((SELECT array_agg(pg_temp.stock('F', 'F' || n) ORDER BY n) FROM freeing), '{2 of 4,4 of 4,4 of 4,2 of 4,2 of 4,2 of 4}'::text[], 'and nobody more than that');

-- What comes in serves what is in force, and puts nothing in force: more was agreed than the limit allows.
INSERT INTO o2c.customer (code, name) VALUES ('LIMITED', 'Limited');
SELECT o2c.set_credit_limit('LIMITED', 50);
SELECT o2c.place_order('LIMITED', '[{"sku": "F", "quantity": 5}]') AS more \gset
SELECT is(o2c.change_order(:more, '[{"line_no": 1, "quantity": 9}]'), 'held', 'nine pieces are too much');
SELECT o2c.receive_stock('F', 7);
SELECT is((SELECT (confirmed_quantity, reserved_quantity)::text FROM o2c.order_line WHERE order_id = :more), '(5,5)', 'five are in force, and get their stock');

-- Orders that one payment releases get their stock at its end, the earliest wish first.
INSERT INTO o2c.customer (code, name) VALUES ('LATE', 'Pays late');
SELECT o2c.set_credit_limit('LATE', 0);
SELECT o2c.place_order('LATE', '[{"sku": "F", "quantity": 2}]', requested_on => '2026-03-20') AS later \gset
SELECT o2c.place_order('LATE', '[{"sku": "F", "quantity": 1}]', requested_on => '2026-03-10') AS sooner \gset
SELECT o2c.set_credit_limit('LATE', 30);
SELECT is((SELECT array_agg(state ORDER BY order_id) FROM o2c.sales_order WHERE order_id IN (:later, :sooner)), '{confirmed,confirmed}', 'both are released');
SELECT is(format('%s, %s', pg_temp.reserved(:later), pg_temp.reserved(:sooner)), '1, 1', 'the order that is wanted first gets all');

-- What a rolled back part of a command did to stock is forgotten.
CREATE FUNCTION pg_temp.try_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM o2c.place_order('C1', '[{"sku": "W", "quantity": 1}, {"sku": "B", "quantity": 1}]');
    PERFORM o2c.receive_stock('W', 5);
    RAISE EXCEPTION 'no';
EXCEPTION WHEN raise_exception THEN RETURN NULL;
END $$;
CREATE TRIGGER try_more AFTER UPDATE OF state ON o2c.sales_order FOR EACH ROW WHEN (NEW.po_number = 'outer' AND NEW.state = 'confirmed') EXECUTE FUNCTION pg_temp.try_more();
SELECT pg_temp.stock('W') AS before \gset
SELECT o2c.place_order('C1', '[{"sku": "F", "quantity": 1}]', po_number => 'outer');
SELECT is(pg_temp.stock('W'), :'before', 'nothing of it is left');
DROP TRIGGER try_more ON o2c.sales_order;

SELECT throws_ok('TRUNCATE o2c.' || t || ' CASCADE', 'OC102', NULL, t || ' cannot be emptied') FROM unnest('{stock_movement,order_line,event,application}'::text[]) t;
SELECT throws_ok('UPDATE o2c.order_line SET waived_quantity = 1', 'OC102', NULL, 'what was credited for good is the engine''s');

SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
