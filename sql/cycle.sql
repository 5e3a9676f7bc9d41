-- The main job: from order to cash, with everything that comes in between.
SET datestyle = ISO;
\set SHOW_CONTEXT never
SET o2c.business_date = '2026-01-05';
INSERT INTO o2c.customer (code, name, email) VALUES ('CY-1', 'Late payer', 'late@example.com');
INSERT INTO o2c.product (sku, name, unit_price, tax_rate) VALUES ('CY-P', 'Pump', 1000, 19);
SELECT o2c.receive_stock('CY-P', 10) AS movement \gset
SELECT o2c.set_credit_limit('CY-1', 5000);

-- January: ordered, shipped, billed.
SELECT o2c.place_order('CY-1', '[{"sku": "CY-P", "quantity": 2}]') AS january \gset
SELECT o2c.ship_order(:january) AS shipment \gset
SELECT number, total FROM o2c.bill('2026-01-05', 'CY-1') \gset
SELECT :total AS total;
SELECT state, due_on FROM o2c.invoice WHERE number = :'number';

-- The due date itself is not overdue; the day after is, and the day's work suspends the customer's credit.
CALL o2c.close_day('2026-02-04');
SELECT state FROM o2c.invoice WHERE number = :'number';
SET o2c.business_date = '2026-02-05';
CALL o2c.close_day();
SELECT state FROM o2c.invoice WHERE number = :'number';
SELECT h.rule, h.automatic, h.state FROM o2c.hold h JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'CY-1';

-- A new order is kept, not lost: it is held, and says what must happen.
SELECT o2c.place_order('CY-1', '[{"sku": "CY-P", "quantity": 1}]') AS february \gset
SELECT state FROM o2c.sales_order WHERE order_id = :february;
SELECT DISTINCT rule, passed, replace(message, :'number', 'the invoice') AS message FROM o2c.explain_credit(:february) WHERE NOT passed ORDER BY 1, 3;

-- Aging, as of today and as of the past.
SELECT currency, total, not_due, days_1_30, days_31_60, unapplied FROM o2c.customer_aging WHERE customer = 'CY-1';
SELECT total, (SELECT array_agg(b.amount ORDER BY b.from_days NULLS FIRST) FROM o2c.unnest(aging) b) AS buckets
FROM o2c.aging_report('2026-04-30') WHERE customer = 'CY-1';

-- The payment names the invoice in its own way. It is matched, the suspension is lifted, the order goes.
SELECT o2c.record_payment(:total, '2026-02-10', 'CY-1', lower(replace(:'number', '-', ' '))) AS payment \gset
SET o2c.business_date = '2026-02-10';
SELECT stage, amount FROM o2c.match_payments('2026-02-10') WHERE payment_id = :payment;
SELECT state FROM o2c.invoice WHERE number = :'number';
SELECT h.rule, h.state FROM o2c.hold h JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'CY-1' ORDER BY hold_id;
SELECT state FROM o2c.sales_order WHERE order_id = :february;
SELECT o2c.ship_order(:february) AS shipment \gset
SELECT total FROM o2c.bill('2026-02-10', 'CY-1');

-- What the quarter says of this customer.
SELECT kpi, round(value, 2) AS value, unit FROM o2c.kpi('2026-01-01', '2026-03-31', 'CY-1') WHERE value IS NOT NULL ORDER BY kpi;

-- Past reports stay exact: on the 5th of February the invoice was open.
SELECT total FROM o2c.aging_report('2026-02-05') WHERE customer = 'CY-1';

-- The log knows the way of an order.
SELECT activity FROM o2c.event WHERE order_id = :february ORDER BY event_id;

-- And all that is kept beside the facts agrees with them.
SELECT * FROM o2c.verify();
