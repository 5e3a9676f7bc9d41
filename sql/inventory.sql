-- Inventory: stock is reserved when an order is confirmed, and never promised twice.
SET datestyle = ISO;
\set SHOW_CONTEXT never
SET o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('IN-1', 'Wants goods');
INSERT INTO o2c.product (sku, name, unit_price) VALUES ('IN-A', 'Chair', 50);
CREATE VIEW chairs AS
SELECT s.location, s.on_hand, s.reserved, s.on_hand - s.reserved AS free FROM o2c.stock s JOIN o2c.product p USING (company_id, product_id) WHERE p.sku = 'IN-A';

SELECT o2c.receive_stock('IN-A', 10) AS movement \gset
SELECT o2c.place_order('IN-1', '[{"sku": "IN-A", "quantity": 8}]') AS first \gset
SELECT o2c.place_order('IN-1', '[{"sku": "IN-A", "quantity": 5}]', requested_on => '2026-04-01') AS second \gset
SELECT o2c.place_order('IN-1', '[{"sku": "IN-A", "quantity": 5}]', requested_on => '2026-03-15') AS third \gset
SELECT * FROM chairs;
CREATE TEMP TABLE names AS SELECT * FROM (VALUES ('first', :first), ('second', :second), ('third', :third)) v (name, order_id);
SELECT n.name, l.quantity, l.reserved_quantity FROM names n JOIN o2c.order_line l USING (order_id) ORDER BY n.name;

-- Goods that come in go to whoever wants them first.
SELECT o2c.receive_stock('IN-A', 6) AS movement \gset
SELECT n.name, l.quantity, l.reserved_quantity FROM names n JOIN o2c.order_line l USING (order_id) ORDER BY n.name;
-- So do those that are given back.
UPDATE o2c.sales_order SET state = 'cancelled' WHERE order_id = :first;
SELECT * FROM chairs;

-- A count is corrected with a reason; what is promised cannot be taken away.
SELECT o2c.adjust_stock('IN-A', -1, 'broken') AS movement \gset
\set VERBOSITY terse
SELECT o2c.adjust_stock('IN-A', -100, 'lost');
\set VERBOSITY default
SELECT o2c.adjust_stock('IN-A', -1, '');
SELECT o2c.receive_stock('IN-A', 'NaN');
UPDATE o2c.stock SET on_hand = 1000;
SELECT kind, quantity, effective_on, reason FROM o2c.stock_movement m JOIN o2c.product p USING (company_id, product_id) WHERE p.sku = 'IN-A' ORDER BY movement_id;
DROP VIEW chairs;
DROP TABLE names;
