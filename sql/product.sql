-- Product: which price an order line gets.
SET datestyle = ISO;
\set SHOW_CONTEXT never

INSERT INTO o2c.customer (code, name) VALUES ('PR-LIST', 'Buys by a list'), ('PR-PLAIN', 'Buys without');
INSERT INTO o2c.product (sku, name, unit_price) VALUES ('PR-1', 'Desk', 100);
INSERT INTO o2c.price_list (code, currency) VALUES ('PR-RETAIL', 'EUR');
INSERT INTO o2c.price (price_list_id, product_id, valid_from, min_quantity, unit_price)
SELECT l.price_list_id, p.product_id, v.valid_from::date, v.min_quantity, v.unit_price
FROM o2c.price_list l, o2c.product p, (VALUES ('2026-01-01', 0, 95), ('2026-01-01', 10, 90), ('2026-07-01', 0, 97)) v (valid_from, min_quantity, unit_price)
WHERE l.code = 'PR-RETAIL' AND p.sku = 'PR-1';
INSERT INTO o2c.customer_price_list (customer_id, price_list_id)
SELECT c.customer_id, l.price_list_id FROM o2c.customer c, o2c.price_list l WHERE c.code = 'PR-LIST' AND l.code = 'PR-RETAIL';

-- The given price, else the list of the day with the greatest quantity reached, else the product's own.
CREATE TEMP TABLE asked (n int, customer text, quantity numeric, day date, given numeric);
INSERT INTO asked VALUES (1, 'PR-PLAIN', 1, '2026-03-02', NULL), (2, 'PR-LIST', 1, '2026-03-02', NULL), (3, 'PR-LIST', 10, '2026-03-02', NULL),
    (4, 'PR-LIST', 10, '2026-07-01', NULL), (5, 'PR-LIST', 10, '2026-03-02', 80), (6, 'PR-LIST', 1, '2025-12-31', NULL);
CREATE TEMP TABLE answered AS
SELECT a.*, o2c.place_order(customer, jsonb_build_array(jsonb_build_object('sku', 'PR-1', 'quantity', quantity, 'unit_price', given)), ordered_on => day) AS order_id
FROM asked a;
SELECT a.customer, a.quantity, a.day, a.given, l.unit_price, l.net_amount
FROM answered a JOIN o2c.order_line l ON l.order_id = a.order_id ORDER BY a.n;
DROP TABLE asked, answered;

-- Without a price in the order's currency there is no order.
SELECT o2c.place_order('PR-PLAIN', '[{"sku": "PR-1", "quantity": 1}]', currency => 'USD');
