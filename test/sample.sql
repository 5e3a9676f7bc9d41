-- A small company to test with: customers in a hierarchy, products, stock.
SELECT o2c.create_company('Acme', 'EUR');
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two'), ('C3', 'Three');
INSERT INTO o2c.customer (code, name, parent_customer_id)
SELECT 'C1-A', 'One, branch', customer_id FROM o2c.customer WHERE code = 'C1';
INSERT INTO o2c.supplier (code, name) VALUES ('S1', 'Source');
INSERT INTO o2c.product (sku, name, unit_price, tax_rate) VALUES ('P1', 'Part', 9.99, 19), ('P2', 'Service', 50, 0);
UPDATE o2c.credit_account SET credit_limit = 10000;
SELECT o2c.set_setting('suspend_after_days', '3');
