-- Matching: what is certain is applied by itself, everything else is proposed.
SELECT o2c.create_company('Matching', 'EUR') AS company \gset
SET o2c.company = :company;
SET o2c.business_date = '2026-03-31';
INSERT INTO o2c.customer (code, name) VALUES ('ADA', 'Ada Ltd'), ('BOB', 'Bob Ltd');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount) VALUES
    ('INV-0001', 'ADA', '2026-02-01', '2026-03-03', 100.00),
    ('INV-0002', 'ADA', '2026-02-10', '2026-03-12', 75.00),
    ('INV-0003', 'BOB', '2026-02-15', '2026-03-17', 60.00),
    ('INV-0004', 'BOB', '2026-02-20', '2026-03-22', 12.50),
    ('INV-0005', 'BOB', '2026-02-20', '2026-03-22', 12.50);
SELECT o2c.load_invoices();

-- What the text names, what the only open item of a payer is, and what nobody can tell.
INSERT INTO o2c.payment_import (reference, received_on, amount, payer_name) VALUES
    ('Rechnung 2 vom 10.02.', '2026-03-01', 75.00, 'ADA LIMITED'),
    ('inv 0003', '2026-03-02', 50.00, 'BOB LIMITED'),
    ('thank you', '2026-03-03', 100.00, 'Ada Ltd.'),
    ('thank you', '2026-03-04', 12.50, 'Bob Ltd'),
    ('nothing known', '2026-03-05', 5.00, NULL);
SELECT o2c.load_payments();
SELECT p.reference, v.number, m.stage, m.amount FROM o2c.match_payments() m
JOIN o2c.payment p USING (payment_id) JOIN o2c.invoice v USING (invoice_id) ORDER BY p.received_on;

-- Doing it again applies nothing more.
SELECT count(*) FROM o2c.match_payments();

-- Why, in words.
SELECT p.reference, p.state, x.outcome, x.score, x.words
FROM o2c.payment p CROSS JOIN LATERAL o2c.explain_match(p.payment_id) x
WHERE p.company_id = o2c.current_company() AND x.outcome <> 'application' ORDER BY p.received_on;

-- A person decides, and what tells the payer is learned.
SELECT payment_id AS unknown FROM o2c.payment WHERE company_id = o2c.current_company() AND reference = 'nothing known' \gset
SELECT payment_id AS either FROM o2c.payment WHERE company_id = o2c.current_company() AND reference = 'thank you' AND amount = 12.50 \gset
SELECT place, stage, customer, score, sound, invoice, cash FROM o2c.propose(:either);
SELECT o2c.confirm_match(:either, ARRAY['INV-0005']) = :either AS confirmed;
SELECT o2c.confirm_match(:unknown, ARRAY['INV-0003']) = :unknown AS confirmed;
SELECT v.number, v.state, i.open_amount FROM o2c.invoice v JOIN o2c.open_item i USING (company_id, invoice_id)
WHERE v.company_id = o2c.current_company() ORDER BY v.number;
SELECT a.kind, a.key, c.code AS customer, a.hits FROM o2c.payer_alias a JOIN o2c.customer c USING (company_id, customer_id)
WHERE a.company_id = o2c.current_company() ORDER BY a.kind, a.key;
SELECT month, payments, automatic_payments, lines, automatic_lines, amount, automatic_amount, corrections FROM o2c.cash_application
WHERE company_id = o2c.current_company();

SELECT * FROM o2c.verify_payment UNION ALL SELECT * FROM o2c.verify_open_item UNION ALL SELECT * FROM o2c.verify_exposure_receivable;
RESET o2c.business_date;
RESET o2c.company;
