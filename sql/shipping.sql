-- Shipping: what is reserved leaves, all at once or in parts.
SET datestyle = ISO;
\set SHOW_CONTEXT never
SET o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('SH-1', 'Gets parcels');
INSERT INTO o2c.product (sku, name, unit_price) VALUES ('SH-A', 'Table', 200), ('SH-B', 'Bench', 80);
INSERT INTO o2c.carrier (code, name) VALUES ('SH-POST', 'Post');
SELECT o2c.receive_stock('SH-A', 5) AS a, o2c.receive_stock('SH-B', 1) AS b \gset

SELECT o2c.place_order('SH-1', '[{"sku": "SH-A", "quantity": 4}, {"sku": "SH-B", "quantity": 2}]', charges => '[{"reason": "Freight", "amount": 30}]') AS goods \gset
CREATE VIEW lines AS
SELECT order_id, line_no, description, quantity, reserved_quantity AS reserved, shipped_quantity AS shipped FROM o2c.order_line;

-- A part: two tables; the freight goes with the first shipment.
SELECT o2c.ship_order(:goods, lines => '[{"sku": "SH-A", "quantity": 2}]', carrier => 'SH-POST') AS shipment \gset
SELECT line_no, description, quantity, reserved, shipped FROM lines WHERE order_id = :goods ORDER BY line_no;
-- The rest, as far as it is there.
SELECT o2c.ship_order(:goods) AS shipment \gset
SELECT line_no, description, quantity, reserved, shipped FROM lines WHERE order_id = :goods ORDER BY line_no;
\set VERBOSITY sqlstate
SELECT o2c.ship_order(:goods);
\set VERBOSITY default
SELECT o2c.receive_stock('SH-B', 9) AS b \gset
SELECT o2c.ship_order(:goods, '2026-03-05') AS shipment \gset
SELECT s.shipped_on, c.code AS carrier, string_agg(l.line_no || ': ' || l.quantity, ', ' ORDER BY l.line_no) AS lines
FROM o2c.shipment s JOIN o2c.shipment_line l USING (company_id, shipment_id) LEFT JOIN o2c.carrier c USING (company_id, carrier_id)
WHERE s.order_id = :goods GROUP BY s.shipment_id, s.shipped_on, c.code ORDER BY s.shipment_id;

-- What is wrong is said, and leaves nothing behind.
SELECT o2c.place_order('SH-1', '[{"sku": "SH-A", "quantity": 1}]') AS one \gset
SELECT o2c.ship_order(:one, lines => '[{"sku": "SH-A", "quantity": 2}]');
SELECT o2c.ship_order(:one, carrier => 'SH-NOBODY');
\set VERBOSITY sqlstate
SELECT o2c.ship_order(:one, lines => '[{"sku": "SH-B"}]');
\set VERBOSITY default
INSERT INTO o2c.hold (customer_id, order_id, reason) SELECT customer_id, order_id, 'wrong address' FROM o2c.sales_order WHERE order_id = :one;
\set VERBOSITY sqlstate
SELECT o2c.ship_order(:one);
\set VERBOSITY default
UPDATE o2c.shipment_line SET quantity = 99;
DROP VIEW lines;
