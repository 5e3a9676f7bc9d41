-- The matching that a user writes in an afternoon, over copies of the tables in
-- schema plain (see bench/match): the whole reference is the number and the
-- amount is what is open; then the only open item of that amount of the customer.

-- a payment whose customer is not known becomes the invoice's customer's
WITH named AS (
    SELECT DISTINCT ON (p.payment_id) p.payment_id, v.customer_id, p.received_on, p.amount, p.currency, nextval('o2c.item_id_seq') AS item_id
    FROM plain.payment p
    JOIN plain.invoice v ON v.company_id = 1 AND v.number = p.reference AND v.total_amount = p.amount
    WHERE p.company_id = 1 AND p.customer_id IS NULL
), item AS (
    INSERT INTO plain.open_item (item_id, customer_id, kind, effective_on, due_on, currency, amount, open_amount)
    SELECT item_id, customer_id, 'payment', received_on, received_on, currency, - amount, - amount FROM named
)
UPDATE plain.payment p SET customer_id = n.customer_id, item_id = n.item_id FROM named n WHERE p.company_id = 1 AND p.payment_id = n.payment_id;

CREATE TEMP TABLE pair AS
SELECT DISTINCT ON (i.item_id) p.payment_id, p.item_id AS credit, i.item_id AS debit, v.invoice_id, p.received_on, p.amount
FROM plain.payment p
JOIN plain.invoice v ON v.company_id = 1 AND v.number = p.reference
JOIN plain.open_item i ON i.company_id = 1 AND i.invoice_id = v.invoice_id AND i.open_amount = p.amount
WHERE p.company_id = 1 AND p.state = 'received' AND p.item_id IS NOT NULL
ORDER BY i.item_id, p.received_on, p.payment_id;

INSERT INTO pair
SELECT min(p.payment_id), min(p.item_id), min(i.item_id), min(i.invoice_id), min(p.received_on), p.amount
FROM plain.payment p
JOIN plain.open_item i ON i.company_id = 1 AND i.customer_id = p.customer_id AND i.open_amount = p.amount
WHERE p.company_id = 1 AND p.state = 'received'
  AND p.payment_id NOT IN (SELECT payment_id FROM pair) AND i.item_id NOT IN (SELECT debit FROM pair)
GROUP BY p.customer_id, p.amount HAVING count(*) = 1;

INSERT INTO plain.application (credit_item_id, debit_item_id, effective_on, cash_amount, method)
SELECT credit, debit, received_on, amount, 'plain' FROM pair;
UPDATE plain.open_item i SET open_amount = 0
FROM (SELECT credit AS item_id FROM pair UNION ALL SELECT debit FROM pair) p WHERE i.company_id = 1 AND i.item_id = p.item_id;
UPDATE plain.invoice v SET state = 'paid' FROM pair p WHERE v.company_id = 1 AND v.invoice_id = p.invoice_id;
UPDATE plain.payment y SET state = 'applied' FROM pair p WHERE y.company_id = 1 AND y.payment_id = p.payment_id;
INSERT INTO plain.event (company_id, position, activity, object_type, object_id, actor)
SELECT 1, 1, 'payment.applied', 'payment', payment_id, 'bench' FROM pair;
DROP TABLE pair;
