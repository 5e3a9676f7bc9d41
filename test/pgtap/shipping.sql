-- Goods leave: what ships, what goes with it, what stops it.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(63);

SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One');
INSERT INTO o2c.customer (company_id, code, name) VALUES (2, 'C1', 'One elsewhere');
INSERT INTO o2c.product (sku, name, unit_price) VALUES ('A', 'A', 10), ('B', 'B', 20), ('NONE', 'Never there', 1);
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('SERVICE', 'An hour', 100, false);
INSERT INTO o2c.carrier (code, name) VALUES ('POST', 'Post');
INSERT INTO o2c.carrier (company_id, code, name) VALUES (2, 'THEIRS', 'Theirs');
SELECT o2c.receive_stock('A', 100), o2c.receive_stock('B', 100) \g /dev/null

CREATE FUNCTION pg_temp.buy(VARIADIC lines text[]) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order('C1', (SELECT jsonb_agg(jsonb_build_object('sku', split_part(l, ' ', 1), 'quantity', split_part(l, ' ', 2)::numeric)) FROM unnest(lines) l),
                         charges => '[{"reason": "Freight", "amount": 5}]')$$;
CREATE FUNCTION pg_temp.shipped("order" bigint) RETURNS text LANGUAGE sql AS
'SELECT string_agg(trim_scale(shipped_quantity)::text, '' '' ORDER BY line_no) FROM o2c.order_line WHERE order_id = $1';
CREATE FUNCTION pg_temp.lines(shipment bigint) RETURNS text LANGUAGE sql AS
'SELECT string_agg(format(''%s:%s'', line_no, trim_scale(quantity)), '' '' ORDER BY line_no) FROM o2c.shipment_line WHERE shipment_id = $1';

-- All of it.
SELECT pg_temp.buy('A 5', 'B 2', 'SERVICE 3') AS whole \gset
SELECT o2c.ship_order(:whole, '2026-03-03', carrier => 'POST') AS shipment \gset
SELECT is(pg_temp.lines(:shipment), '1:5 2:2 3:3 4:1', 'everything ships, services and freight with it');
SELECT is((SELECT (s.state, s.shipped_on, c.code, s.order_id)::text FROM o2c.shipment s LEFT JOIN o2c.carrier c USING (company_id, carrier_id) WHERE shipment_id = :shipment),
          format('(shipped,2026-03-03,POST,%s)', :whole), 'on that day, by that carrier');
SELECT matches((SELECT number FROM o2c.shipment WHERE shipment_id = :shipment), '^SH-[0-9]{6}$', 'with a number');
SELECT is((SELECT array_agg(trim_scale(quantity) ORDER BY quantity) FROM o2c.stock_movement WHERE order_id = :whole), '{-5,-2}', 'stocked goods leave the stock');
SELECT is((SELECT state FROM o2c.sales_order WHERE order_id = :whole), 'confirmed', 'the order is complete when it is billed');
SELECT is((SELECT array_agg(activity ORDER BY event_id) FROM o2c.event WHERE order_id = :whole), '{sales_order.confirmed,shipment.shipped}', 'an event of the order');
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :whole), 'OC104', NULL, 'there is nothing left to ship');

-- In parts.
SELECT pg_temp.buy('A 10', 'B 10') AS parts \gset
SELECT o2c.ship_order(:parts, lines => '[{"sku": "A", "quantity": 2.5}]') AS part1 \gset
SELECT is(pg_temp.lines(:part1), '1:2.5 3:1', 'a part of a line; freight goes with the first shipment');
SELECT o2c.ship_order(:parts, lines => '[{"line_no": 2, "quantity": 4}, {"line_no": 1}]') AS part2 \gset
SELECT is(pg_temp.lines(:part2), '1:7.5 2:4', 'lines by number, without quantity all that is left; freight only once');
SELECT is(pg_temp.shipped(:parts), '10 4 1', 'the order knows');
SELECT throws_ok(format('UPDATE o2c.sales_order SET state = ''cancelled'' WHERE order_id = %s', :parts), 'OC101', NULL, 'what left in part is not cancelled');
SELECT throws_ok(format('SELECT o2c.ship_order(%s, lines => %L)', :parts, l), c, NULL, l) FROM (VALUES
    ('[{"sku": "B", "quantity": 6.01}]', 'OC104'), ('[{"sku": "A"}]', 'OC104'), ('[{"sku": "A", "quantity": 1}]', 'OC104'), ('[{"line_no": 4}]', 'OC001'),
    ('[{"sku": "SERVICE"}]', 'OC001'), ('[{"sku": "B", "quantity": 0}]', 'OC002'), ('[{"sku": "B", "quantity": -1}]', 'OC002'),
    ('[{"sku": "B", "quantity": 1}, {"sku": "B", "quantity": 1}]', 'OC001'), ('[{}]', 'OC001'), ('[1]', 'OC002'), ('{}', 'OC002'), ('[]', 'OC104'),
    ('[{"sku": 1}]', 'OC002'), ('[{"line_no": "1"}]', 'OC002'), ('[{"sku": "B", "quantity": "1"}]', 'OC002'), ('[{"sku": "B", "qty": 1}]', 'OC002'),
    ('[{"line_no": 1e30}]', 'OC001'), ('[{"line_no": 2.5}]', 'OC001'), ('[{"sku": "B", "quantity": 1e300}]', 'OC104'), ('[{"sku": null}]', 'OC001')) v (l, c);
SELECT pg_temp.buy('A 1') AS charge \gset
SELECT throws_ok(format('SELECT o2c.ship_order(%s, lines => %L)', :charge, '[{"line_no": 2}]'), 'OC104', NULL, 'freight does not travel alone');

-- Only what is reserved.
SELECT pg_temp.buy('A 1', 'NONE 5') AS waiting \gset
SELECT o2c.ship_order(:waiting) AS shipment \gset
SELECT is(pg_temp.lines(:shipment), '1:1 3:1', 'what is not there stays on backorder');
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :waiting), 'OC104', NULL, 'nothing can ship');
SELECT o2c.receive_stock('NONE', 4) \g /dev/null
SELECT o2c.ship_order(:waiting) AS shipment \gset
SELECT is(pg_temp.lines(:shipment), '2:4', 'it ships as it comes in');

-- Mistakes.
SELECT pg_temp.buy('A 1') AS fresh \gset
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', a), c, NULL, l) FROM (VALUES
    ('NULL', 'OC002', 'no order'), ('-1', 'OC001', 'an unknown order'), (format('%s, ''infinity''', :fresh), 'OC002', 'an infinite day'),
    (format('%s, carrier => ''nobody''', :fresh), 'OC001', 'an unknown carrier'), (format('%s, carrier => ''THEIRS''', :fresh), 'OC001', 'a carrier of another company'),
    (format('%s, carrier => ''''', :fresh), 'OC001', 'an empty carrier'), (format('%s, company_id => 2', :fresh), 'OC001', 'an order of another company'),
    (format('%s, company_id => 99', :fresh), 'OC001', 'an unknown company')) v (a, c, l);
SELECT is(pg_temp.shipped(:fresh), '0 0', 'a failed command leaves nothing behind');

-- Sent twice, shipped once.
SELECT o2c.ship_order(:fresh, idempotency_key => 's1') AS once \gset
SELECT is(o2c.ship_order(:fresh, idempotency_key => 's1'), :once::bigint, 'the same key, the same shipment');
SELECT throws_ok(format('SELECT o2c.ship_order(%s, idempotency_key => ''s1'')', :waiting), 'OC003', NULL, 'the key with another order');
SELECT throws_ok(format('SELECT o2c.ship_order(%s, ''2026-03-09'', idempotency_key => ''s1'')', :fresh), 'OC003', NULL, 'the key with another day');
SELECT throws_ok(format('SELECT o2c.ship_order(%s, carrier => ''POST'', idempotency_key => ''s1'')', :fresh), 'OC003', NULL, 'the key with a carrier');

-- States and holds.
SELECT pg_temp.buy('A 1') AS cancelled \gset
UPDATE o2c.sales_order SET state = 'cancelled' WHERE order_id = :cancelled;
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :cancelled), 'OC101', NULL, 'a cancelled order');
INSERT INTO o2c.sales_order (customer_id, currency, payment_terms) SELECT customer_id, 'EUR', 'net 30' FROM o2c.customer WHERE company_id = 1 RETURNING order_id AS draft \gset
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :draft), 'OC101', NULL, 'a draft');
CREATE FUNCTION public.not_on_sundays(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding LANGUAGE sql AS
$$SELECT (extract(isodow FROM document.day) <> 7, NULL, NULL, 'it is Sunday')::o2c.finding$$;
INSERT INTO o2c.rule (code, checkpoint, function) VALUES ('sunday', 'ship', 'public.not_on_sundays');
SELECT pg_temp.buy('A 1') AS weekend \gset
SET LOCAL o2c.business_date = '2026-03-08';
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :weekend), 'OC103', NULL, 'a rule of the checkpoint stops it');
SELECT is((SELECT state FROM o2c.sales_order WHERE order_id = :weekend), 'confirmed', 'the order stays as it was');
SET LOCAL o2c.business_date = '2026-03-09';
SELECT lives_ok(format('SELECT o2c.ship_order(%s)', :weekend), 'on Monday it goes');
SELECT is((SELECT array_agg(outcome) FROM o2c.decision WHERE order_id = :weekend AND checkpoint = 'ship'), '{pass}', 'by a decision that is kept');

-- Written directly.
SELECT throws_ok(s, c, NULL, l) FROM (VALUES
    ('UPDATE o2c.shipment SET shipped_on = shipped_on - 1', 'OC102', 'another day'), ('UPDATE o2c.shipment SET order_id = -1', 'OC102', 'another order'),
    ('DELETE FROM o2c.shipment', 'OC102', 'a shipment deleted'), ('UPDATE o2c.shipment_line SET quantity = 1000', 'OC102', 'another quantity'),
    ('UPDATE o2c.shipment_line SET invoiced_quantity = quantity', 'OC102', 'billed without an invoice'), ('DELETE FROM o2c.shipment_line', 'OC102', 'a line deleted'),
    (format('INSERT INTO o2c.shipment_line (shipment_id, line_no, order_id, quantity) VALUES (%s, 2, %s, 1)', :part1, :parts), 'OC102', 'a line of nothing'),
    (format('INSERT INTO o2c.shipment (order_id, customer_id, shipped_on) SELECT order_id, customer_id, ''2026-03-02'' FROM o2c.sales_order WHERE order_id = %s', :weekend), 'OC102', 'a shipment of nothing')) v (s, c, l);

SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
