-- Payments: recorded once, identified, applied, taken back.
SELECT o2c.create_company('Cash', 'EUR') AS company \gset
SET o2c.company = :company;
SET o2c.business_date = '2026-03-31';
INSERT INTO o2c.customer (code, name) VALUES ('ADA', 'Ada Ltd'), ('BOB', 'Bob Ltd');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES
    ('INV-0001', 'ADA', '2026-02-01', '2026-03-03', 100.00),
    ('INV-0002', 'ADA', '2026-02-10', '2026-03-12', 75.00),
    ('INV-0003', 'BOB', '2026-02-15', '2026-03-17', 60.00);
SELECT o2c.load_invoices();

-- A receipt that the bank reports twice is booked once.
SELECT o2c.record_payment(100, '2026-03-01', 'ADA', 'invoice', provider => 'bank', provider_reference => 'T-1') AS first \gset
SELECT o2c.record_payment(100, '2026-03-01', 'ADA', 'invoice', provider => 'bank', provider_reference => 'T-1') = :first AS same;
\set VERBOSITY terse
SELECT o2c.record_payment(101, '2026-03-01', 'ADA', 'invoice', provider => 'bank', provider_reference => 'T-1');
\set VERBOSITY default

-- Payments whose payer is not known wait until somebody says whose they are.
INSERT INTO o2c.payment_import (reference, customer, received_on, amount, payer_name) VALUES
    ('thank you', NULL, '2026-03-03', 51.00, NULL),
    ('nothing known', NULL, '2026-03-04', 5.00, NULL);
SELECT o2c.load_payments();
SELECT payment_id AS second FROM o2c.payment WHERE company_id = o2c.current_company() AND reference = 'thank you' \gset
SELECT o2c.identify_payment(:second, 'BOB') IS NOT NULL AS identified;

-- What a person applies may leave a discount, with a word why; more than is open is refused.
SELECT o2c.apply_payment(:first, 'INV-0001') IS NOT NULL AS applied;
SELECT o2c.apply_payment(:second, 'INV-0003', 51, discount => 10);
SELECT o2c.apply_payment(:second, 'INV-0003', discount => 9, note => 'agreed by telephone') IS NOT NULL AS applied;
SELECT p.reference, c.code AS customer, p.amount, p.state, - i.open_amount AS on_account
FROM o2c.payment p
LEFT JOIN o2c.customer c USING (company_id, customer_id)
LEFT JOIN o2c.open_item i USING (company_id, item_id)
WHERE p.company_id = o2c.current_company() ORDER BY p.received_on;

-- A payment that bounces opens its invoices again, due when they were.
SELECT o2c.reverse_payment(:first, '2026-03-25', 'no funds');
SELECT v.number, v.state, i.due_on, i.open_amount FROM o2c.invoice v JOIN o2c.open_item i USING (company_id, invoice_id)
WHERE v.company_id = o2c.current_company() ORDER BY v.number;
SELECT customer, total, days_1_30, unapplied FROM o2c.customer_aging ORDER BY customer;
SELECT customer, total, unapplied FROM o2c.aging_report('2026-03-24');

SELECT * FROM o2c.verify_payment UNION ALL SELECT * FROM o2c.verify_open_item UNION ALL SELECT * FROM o2c.verify_exposure_receivable;
RESET o2c.business_date;
RESET o2c.company;
