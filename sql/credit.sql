-- Credit: limits, exposure, and orders that wait for credit.
SET datestyle = ISO;
\set SHOW_CONTEXT never
SET o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('CR-1', 'Buys on credit');
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('CR-P', 'Hour of work', 100, false);
CREATE VIEW exposure AS
SELECT c.code, a.credit_limit, round(a.ordered, 2) AS ordered, round(a.shipped, 2) AS shipped, round(a.receivable, 2) AS receivable, round(a.unapplied, 2) AS unapplied
FROM o2c.customer c JOIN o2c.customer_credit m USING (company_id, customer_id) JOIN o2c.credit_account a USING (company_id, credit_account_id);

-- An exposure equal to the limit passes; a cent more is held, and says why.
SELECT o2c.set_credit_limit('CR-1', 1000, 'first business');
SELECT o2c.place_order('CR-1', '[{"sku": "CR-P", "quantity": 10}]') AS fits \gset
SELECT o2c.place_order('CR-1', '[{"sku": "CR-P", "quantity": 1, "unit_price": 0.01}]') AS waits \gset
SELECT order_id = :fits AS first, state FROM o2c.sales_order WHERE order_id IN (:fits, :waits) ORDER BY order_id;
SELECT rule, passed, round(observed, 2) AS observed, threshold, message FROM o2c.explain_credit(:waits) WHERE rule = 'credit_limit';
\set VERBOSITY sqlstate
SELECT o2c.ship_order(:waits);
\set VERBOSITY default

-- The exposure goes from part to part with the goods; only payment ends it.
SELECT * FROM exposure WHERE code = 'CR-1';
SELECT o2c.ship_order(:fits) AS shipment \gset
SELECT * FROM exposure WHERE code = 'CR-1';
SELECT invoice_id AS invoice, number, total FROM o2c.bill(customer => 'CR-1') \gset
SELECT * FROM exposure WHERE code = 'CR-1';

-- Money that comes in makes room, and the order that waited is confirmed.
SELECT o2c.record_payment(400, customer => 'CR-1', reference => :'number') AS payment \gset
SELECT * FROM exposure WHERE code = 'CR-1';
SELECT state FROM o2c.sales_order WHERE order_id = :waits;

-- A family shares an account, until a child gets a limit of its own.
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'CR-2', 'Daughter', customer_id FROM o2c.customer WHERE code = 'CR-1';
SELECT o2c.place_order('CR-2', '[{"sku": "CR-P", "quantity": 3}]') AS daughter \gset
SELECT * FROM exposure WHERE code LIKE 'CR-%' ORDER BY code;
SELECT o2c.set_credit_limit('CR-2', 500);
SELECT * FROM exposure WHERE code LIKE 'CR-%' ORDER BY code;

-- No limit, no credit, nonsense.
SELECT o2c.set_credit_limit('CR-2', -1);
SELECT o2c.set_credit_limit('CR-2', 0);
SELECT o2c.place_order('CR-2', '[{"sku": "CR-P", "quantity": 1}]') AS none \gset
SELECT state FROM o2c.sales_order WHERE order_id = :none;
UPDATE o2c.credit_account SET ordered = 0;
DROP VIEW exposure;
