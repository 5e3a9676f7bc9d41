-- From nothing to KPIs: one quarter of a small company, with the clock in hand.

\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION o2c;
SELECT o2c.install() \g /dev/null

\echo
\echo '== A company, its customers, products and stock'
SET o2c.business_date = '2026-01-02';
SELECT o2c.create_company('Acme', currency => 'EUR') AS company;
INSERT INTO o2c.customer (code, name, country, payment_terms, email) VALUES
    ('NORTH', 'North Sea Trading', 'NL', '2/10 net 30', 'ap@north.example'),
    ('ALPEN', 'Alpenhof',          'AT', 'net 14',      'rechnung@alpenhof.example'),
    ('MILL',  'Mill & Sons',       'GB', 'net 30',      'accounts@mill.example');
INSERT INTO o2c.product (sku, name, unit_price, tax_rate) VALUES
    ('BIKE', 'Touring bike', 900, 19), ('HELM', 'Helmet', 60, 19), ('BOOK', 'Route atlas', 30, 7);
SELECT o2c.receive_stock('BIKE', 40), o2c.receive_stock('HELM', 100), o2c.receive_stock('BOOK', 200) \g /dev/null
INSERT INTO o2c.price_list (code, currency) VALUES ('2026', 'EUR');
INSERT INTO o2c.price (price_list_id, product_id, min_quantity, unit_price)
    SELECT 1, product_id, 10, 840 FROM o2c.product WHERE sku = 'BIKE';
INSERT INTO o2c.customer_price_list (customer_id, price_list_id) SELECT customer_id, 1 FROM o2c.customer WHERE code = 'NORTH';
SELECT o2c.set_credit_limit('NORTH', 20000), o2c.set_credit_limit('ALPEN', 3000) \g /dev/null
SELECT c.code, c.name, c.payment_terms, a.credit_limit FROM o2c.customer c
JOIN o2c.credit_account a USING (company_id, customer_id) ORDER BY c.customer_id;

\echo '== January: three orders; the third is over its limit, so it is kept and held'
SET o2c.business_date = '2026-01-05';
SELECT o2c.place_order('NORTH', '[{"sku": "BIKE", "quantity": 12}, {"sku": "HELM", "quantity": 12}]', po_number => 'N-1001',
                       charges => '[{"reason": "Freight", "amount": 120, "tax_rate": 19}]') AS north,
       o2c.place_order('MILL', '[{"sku": "BOOK", "quantity": 50}]') AS mill,
       o2c.place_order('ALPEN', '[{"sku": "BIKE", "quantity": 4}]') AS alpen;
SELECT o.number, c.code AS customer, o.state, o.net_amount, o.tax_amount, o.total_amount, h.reason AS held_because
FROM o2c.sales_order o JOIN o2c.customer c USING (company_id, customer_id)
LEFT JOIN o2c.hold h USING (company_id, order_id) ORDER BY o.order_id;

\echo '== A person releases the hold; all is shipped and billed'
SELECT o2c.release_hold(hold_id, 'deposit agreed by phone') FROM o2c.hold WHERE released_at IS NULL \g /dev/null
SET o2c.business_date = '2026-01-08';
SELECT o2c.ship_order(order_id) FROM o2c.sales_order WHERE state = 'confirmed' ORDER BY order_id \g /dev/null
SELECT * FROM o2c.bill('2026-01-08');
SELECT v.number, i.instalment, i.due_on, i.amount, d.until_on AS discount_until, d.amount AS discount
FROM o2c.open_item i JOIN o2c.invoice v USING (company_id, invoice_id)
LEFT JOIN o2c.instalment_discount d USING (company_id, item_id) ORDER BY 1, 2;

\echo '== NORTH pays in time for its discount; MILL pays by reference'
SET o2c.business_date = '2026-01-16';
SELECT o2c.record_payment(i.total_amount - d.amount, '2026-01-16', 'NORTH', i.number) AS payment, i.number AS invoice, d.amount AS discount
FROM o2c.invoice i JOIN o2c.customer c USING (company_id, customer_id) JOIN o2c.open_item o USING (company_id, invoice_id)
JOIN o2c.instalment_discount d USING (company_id, item_id) WHERE c.code = 'NORTH' \gset
SELECT o2c.apply_payment(:payment, :'invoice', discount => :discount) \g /dev/null
SELECT o2c.record_payment(total_amount, '2026-01-20', 'MILL', 'your ' || number) FROM o2c.invoice
JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'MILL' \g /dev/null
SET o2c.business_date = '2026-01-20';
SELECT m.payment_id, v.number AS invoice, m.stage, m.amount FROM o2c.match_payments('2026-01-20') m
JOIN o2c.invoice v ON v.company_id = 1 AND v.invoice_id = m.invoice_id;

\echo '== ALPEN does not pay: the day is closed, its credit is suspended, the next order is held'
SET o2c.business_date = '2026-01-26';
CALL o2c.close_day('2026-01-26');
SELECT o2c.place_order('ALPEN', '[{"sku": "HELM", "quantity": 2}]') AS next_order \gset
SELECT o.number, o.state, h.rule, h.reason FROM o2c.sales_order o JOIN o2c.hold h USING (company_id, order_id)
WHERE o.order_id = :next_order ORDER BY h.hold_id;

\echo '== ... until it pays: exactly that suspension goes, and the order moves on by itself'
SET o2c.business_date = '2026-02-03';
SELECT o2c.record_payment(total_amount, '2026-02-03', 'ALPEN', number) FROM o2c.invoice WHERE state = 'overdue' \g /dev/null
SELECT v.number AS invoice, m.stage, m.amount FROM o2c.match_payments('2026-02-03') m
JOIN o2c.invoice v ON v.company_id = 1 AND v.invoice_id = m.invoice_id;
SELECT number, state FROM o2c.sales_order WHERE order_id = :next_order;

\echo '== A month later'
SET o2c.business_date = '2026-03-05';
SELECT o2c.ship_order(:next_order) \g /dev/null
SELECT o2c.place_order('NORTH', '[{"sku": "BIKE", "quantity": 10}]', po_number => 'N-1002') AS o \gset
SELECT o2c.ship_order(:o) \g /dev/null
SELECT o2c.place_order('MILL', '[{"sku": "HELM", "quantity": 20}, {"sku": "BOOK", "quantity": 20}]') AS o \gset
SELECT o2c.ship_order(:o) \g /dev/null
SELECT number, customer, total FROM o2c.bill('2026-03-05');
SET o2c.business_date = '2026-03-25';
SELECT o2c.record_payment(5000, '2026-03-25', 'NORTH', number) FROM o2c.invoice v JOIN o2c.customer c USING (company_id, customer_id)
WHERE c.code = 'NORTH' AND v.state = 'posted' \g /dev/null
SELECT count(*) AS matched FROM o2c.match_payments('2026-03-25') \g /dev/null
SET o2c.business_date = '2026-03-31';
CALL o2c.close_day('2026-03-31');

\echo '== Aging at the end of March, and as it was at the end of January'
SELECT customer, currency, total::numeric(18,2), not_due::numeric(18,2), days_1_30::numeric(18,2), days_31_60::numeric(18,2), unapplied::numeric(18,2)
FROM o2c.customer_aging ORDER BY customer;
SELECT a.customer, a.total, u.bucket, u.amount, u.items FROM o2c.aging_report('2026-01-31') a, o2c.unnest(a.aging) u
WHERE u.items > 0 ORDER BY 1, u.from_days NULLS FIRST;

\echo '== Why was that order decided as it was?'
SELECT outcome, rule, passed, observed, threshold, message FROM o2c.explain_credit(:next_order) ORDER BY decision_id, rule;

\echo '== KPIs of the quarter'
SELECT kpi, round(value, 2) AS value, unit FROM o2c.kpi('2026-01-01', '2026-03-31')
WHERE kpi IN ('dso', 'best_possible_dso', 'average_days_delinquent', 'dso_countback', 'cei', 'ar_turnover', 'average_collection_period',
              'average_days_to_pay', 'average_days_to_pay_weighted', 'average_days_late', 'delinquency_rate', 'percent_current');

\echo '== And the books agree with the facts: verify() returns nothing'
SELECT count(*) AS disagreements FROM o2c.verify();
