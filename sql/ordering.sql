-- Ordering: an order is entered in one call, priced, taxed and decided upon.
SET datestyle = ISO;
\set SHOW_CONTEXT never
SET o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name, po_required) VALUES ('OR-1', 'Orders', false), ('OR-PO', 'Wants its number', true);
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, stocked) VALUES ('OR-19', 'Lamp', 10.03, 19, false), ('OR-7', 'Book', 5, 7, false);

SELECT o2c.place_order('OR-1', '[{"sku": "OR-19", "quantity": 3}, {"sku": "OR-7", "quantity": 2, "discount_percent": 10}]',
                       charges => '[{"reason": "Freight", "amount": 4.90, "tax_rate": 19}]', requested_on => '2026-03-10') AS first \gset

-- Each line is rounded; tax is computed once per category and rate, and shared over the lines.
SELECT line_no, kind, description, quantity, unit_price, net_amount, tax_category, tax_rate, tax_amount
FROM o2c.order_line WHERE order_id = :first ORDER BY line_no;
SELECT state, line_amount, charge_amount, net_amount, tax_amount, total_amount, payment_terms FROM o2c.sales_order WHERE order_id = :first;

-- Sent again under the same key, it is the same order.
SELECT o2c.place_order('OR-1', '[{"sku": "OR-7", "quantity": 1}]', idempotency_key => 'or-key') AS second \gset
SELECT o2c.place_order('OR-1', '[{"sku": "OR-7", "quantity": 1}]', idempotency_key => 'or-key') = :second AS same_order;
SELECT o2c.place_order('OR-1', '[{"sku": "OR-7", "quantity": 2}]', idempotency_key => 'or-key');

-- What is wrong is said in full.
SELECT o2c.place_order('OR-1', '[{"sku": "OR-19", "quantity": 1, "price": 2}]');
SELECT o2c.place_order('OR-1', '[{"sku": "OR-19", "quantity": -1}]');
SELECT o2c.place_order('OR-1', '[{"sku": "OR-NONE", "quantity": 1}]');
SELECT o2c.place_order('OR-NOBODY', '[{"sku": "OR-19", "quantity": 1}]');
SELECT o2c.place_order('OR-PO', '[{"sku": "OR-19", "quantity": 1}]');

-- What was entered is not rewritten; a change of state is a request.
UPDATE o2c.sales_order SET total_amount = 1 WHERE order_id = :first;
UPDATE o2c.order_line SET unit_price = 1 WHERE order_id = :first;
UPDATE o2c.sales_order SET state = 'cancelled' WHERE order_id = :second;
\set VERBOSITY sqlstate
UPDATE o2c.sales_order SET state = 'confirmed' WHERE order_id = :second;
\set VERBOSITY default
SELECT activity, before, after FROM o2c.event WHERE order_id = :second ORDER BY event_id;
