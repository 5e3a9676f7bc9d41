-- A small company with something in every room: customers in a hierarchy, stock,
-- orders that are billed, in part shipped, held and over the limit, a credit note.
SELECT o2c.create_company('Acme', 'EUR');
SET o2c.business_date = '2026-03-01';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two'), ('C3', 'Three'), ('C5', 'Five');
INSERT INTO o2c.customer (code, name, parent_customer_id)
SELECT 'C1-A', 'One, branch', customer_id FROM o2c.customer WHERE code = 'C1';
INSERT INTO o2c.customer (code, name, currency) VALUES ('C4', 'Four', 'JPY');
INSERT INTO o2c.supplier (code, name) VALUES ('S1', 'Source');
INSERT INTO o2c.carrier (code, name) VALUES ('V1', 'Van');
INSERT INTO o2c.product (sku, name, unit_price, tax_rate) VALUES ('P1', 'Part', 9.99, 19), ('P2', 'Book', 12.35, 7);
INSERT INTO o2c.product (sku, name, unit_price, currency) VALUES ('P3', 'Part from abroad', 980, 'JPY');
UPDATE o2c.number_series SET yearly = true WHERE series = 'credit_note';
SELECT o2c.set_credit_limit('C1', 10000, 'to begin with');
SELECT o2c.set_credit_limit('C2', 500);
SELECT o2c.receive_stock(sku, 100) FROM o2c.product ORDER BY product_id;
SELECT o2c.adjust_stock('P1', -3, 'counted');

SELECT o2c.place_order('C1', '[{"sku": "P1", "quantity": 7, "discount_percent": 10}, {"sku": "P2", "quantity": 3}]', po_number => 'PO-1',
    charges => '[{"reason": "Freight", "amount": 12.34, "tax_rate": 19}]') AS order_1;
SELECT o2c.place_order('C1-A', '[{"sku": "P1", "quantity": 20}]');
SELECT o2c.place_order('C2', '[{"sku": "P2", "quantity": 30}]');
SELECT o2c.place_order('C2', '[{"sku": "P2", "quantity": 30}]');
SELECT o2c.place_order('C4', '[{"sku": "P3", "quantity": 5}]');
SELECT o2c.ship_order(order_id, lines => '[{"line_no": 1, "quantity": 4}]', carrier => 'V1') FROM o2c.sales_order WHERE po_number = 'PO-1';
SELECT * FROM o2c.bill();
SELECT o2c.ship_order(order_id) FROM o2c.sales_order WHERE state = 'confirmed' AND po_number IS DISTINCT FROM 'PO-1' ORDER BY order_id;
SELECT * FROM o2c.bill('2026-03-02');
SELECT o2c.credit_invoice(min(invoice_id), lines => '[{"line_no": 1, "quantity": 1}]', reason => 'damaged') FROM o2c.invoice;
SELECT o2c.record_overdue('2026-04-30');
