-- Party: customers and the groups they belong to.
SET datestyle = ISO;
\set SHOW_CONTEXT never

INSERT INTO o2c.customer (code, name) VALUES ('PT-TOP', 'Holding'), ('PT-OTHER', 'Another house');
INSERT INTO o2c.customer (code, name, parent_customer_id)
SELECT v.code, v.name, p.customer_id FROM (VALUES ('PT-NORTH', 'North'), ('PT-SOUTH', 'South')) v (code, name), o2c.customer p WHERE p.code = 'PT-TOP';

-- The currency is the company's where none is named; the group is the topmost parent.
SELECT c.code, c.currency, g.code AS customer_group
FROM o2c.customer c JOIN o2c.customer g ON g.company_id = c.company_id AND g.customer_id = c.group_id
WHERE c.code LIKE 'PT-%' ORDER BY c.code;

-- Whoever moves takes its own along; circles are refused.
UPDATE o2c.customer SET parent_customer_id = (SELECT customer_id FROM o2c.customer WHERE code = 'PT-OTHER') WHERE code = 'PT-TOP';
SELECT c.code, g.code AS customer_group
FROM o2c.customer c JOIN o2c.customer g ON g.company_id = c.company_id AND g.customer_id = c.group_id
WHERE c.code LIKE 'PT-%' ORDER BY c.code;
UPDATE o2c.customer SET parent_customer_id = (SELECT customer_id FROM o2c.customer WHERE code = 'PT-NORTH') WHERE code = 'PT-OTHER';
