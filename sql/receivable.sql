-- The sub-ledger: open items, applications, agings.
SELECT o2c.create_company('Receivable', 'EUR') AS company \gset
SET o2c.company = :company;
SET o2c.business_date = '2026-03-31';
INSERT INTO o2c.customer (code, name) VALUES ('ADA', 'Ada Ltd'), ('BOB', 'Bob Ltd');

-- Invoices that were issued elsewhere come in through a staging table.
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES
    ('R-1', 'ADA', '2025-12-01', '2025-12-31', 1000.00),
    ('R-2', 'ADA', '2026-02-01', '2026-03-03', 250.00),
    ('R-3', 'BOB', '2026-03-15', '2026-04-14', 80.00);
SELECT o2c.load_invoices();
-- The same file again adds nothing.
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES ('R-1', 'ADA', '2025-12-01', '2025-12-31', 1000.00);
SELECT o2c.load_invoices();
-- A batch with a wrong row stays as a whole, and says what is wrong.
INSERT INTO o2c.invoice_import (batch, number, customer, invoiced_on, due_on, amount) VALUES
    ('april', 'R-4', 'ADA', '2026-04-01', '2026-05-01', 10.00),
    ('april', 'R-5', 'EVE', '2026-04-01', '2026-05-01', 10.00);
SELECT o2c.load_invoices();
SELECT number, problem FROM o2c.invoice_import WHERE company_id = o2c.current_company() ORDER BY import_id;

-- Who owes what, by days past due; what is on account stands beside, never netted.
SELECT o2c.record_payment(1100, '2026-03-10', 'ADA', 'R-1') IS NOT NULL AS recorded;
SELECT customer, total, not_due, days_1_30, days_61_90, unapplied FROM o2c.customer_aging ORDER BY customer;
SELECT p.reference, v.number, m.stage, m.amount FROM o2c.match_payments() m
JOIN o2c.payment p USING (payment_id) JOIN o2c.invoice v USING (invoice_id);
SELECT customer, total, not_due, days_1_30, days_61_90, unapplied FROM o2c.customer_aging ORDER BY customer;

-- As of any date, from dated facts.
SELECT * FROM o2c.aging_report('2026-03-09');
SELECT * FROM o2c.aging_report('2026-03-10');
SELECT customer, (b).bucket, (b).amount, (b).items
FROM (SELECT customer, o2c.unnest(aging) AS b FROM o2c.aging_report('2026-03-31', boundaries => '{0,60}', basis => 'invoice')) r;

-- An application is never changed: it is taken back by a row of its own.
SELECT o2c.unapply(application_id, '2026-03-20', 'meant for R-2') IS NOT NULL AS taken_back
FROM o2c.application WHERE company_id = o2c.current_company();
SELECT effective_on, cash_amount, method, reason FROM o2c.application WHERE company_id = o2c.current_company() ORDER BY application_id;
SELECT number, state FROM o2c.invoice WHERE company_id = o2c.current_company() ORDER BY number;

-- The rules hold on the tables.
UPDATE o2c.application SET cash_amount = 1;
UPDATE o2c.open_item SET open_amount = 0 WHERE company_id = o2c.current_company();

-- Everything agrees with everything.
SELECT * FROM o2c.verify_open_item UNION ALL SELECT * FROM o2c.verify_invoice_state UNION ALL SELECT * FROM o2c.verify_exposure_receivable;
RESET o2c.business_date;
RESET o2c.company;
