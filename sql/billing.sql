-- Billing: what left is billed once, in the invoices that the customer wants.
SET datestyle = ISO;
\set SHOW_CONTEXT never
SET o2c.business_date = '2026-03-31';
INSERT INTO o2c.customer (code, name, invoice_per, payment_terms) VALUES ('BI-1', 'An invoice per shipment', 'shipment', '2/10 net 30'), ('BI-2', 'One for all', 'customer', NULL);
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, stocked) VALUES ('BI-19', 'Print', 10.03, 19, false), ('BI-7', 'Copy', 4, 7, false);
SELECT count(o2c.ship_order(o2c.place_order(c, '[{"sku": "BI-19", "quantity": 3}, {"sku": "BI-7", "quantity": 5}]'), d))
FROM unnest(ARRAY['BI-1', 'BI-2']) c, unnest(ARRAY[date '2026-03-10', '2026-03-20']) d;

SELECT customer, total FROM o2c.bill('2026-03-31') WHERE customer LIKE 'BI-%' ORDER BY customer;
SELECT count(*) AS billed_again FROM o2c.bill('2026-04-30');
SELECT i.total_amount, t.tax_category, t.tax_rate, t.taxable_amount, t.tax_amount
FROM o2c.invoice i JOIN o2c.invoice_tax t USING (company_id, invoice_id) JOIN o2c.customer c USING (company_id, customer_id)
WHERE c.code = 'BI-2' ORDER BY t.tax_rate;

-- Posting freezes due dates and discounts as the terms have them.
SELECT o.due_on, o.amount, d.until_on AS discount_until, d.amount AS discount
FROM o2c.open_item o JOIN o2c.customer c USING (company_id, customer_id) LEFT JOIN o2c.instalment_discount d USING (company_id, item_id)
WHERE c.code LIKE 'BI-%' ORDER BY c.code, o.item_id;

-- A posted invoice does not change; a credit note corrects it.
SELECT min(invoice_id) AS invoice FROM o2c.invoice i JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'BI-1' \gset
UPDATE o2c.invoice SET total_amount = 0 WHERE invoice_id = :invoice;
DELETE FROM o2c.invoice WHERE invoice_id = :invoice;
SELECT o2c.credit_invoice(:invoice, '2026-04-02', '[{"line_no": 1, "quantity": 1}]', 'smudged') AS note \gset
SELECT kind, net_amount, tax_amount, total_amount, reason FROM o2c.invoice WHERE invoice_id = :note;
SELECT amount, open_amount FROM o2c.open_item WHERE invoice_id = :invoice;
SELECT o2c.credit_invoice(:invoice, '2026-04-02', '[{"line_no": 1, "quantity": 3}]');
