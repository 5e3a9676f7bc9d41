-- A real trading company: 830 orders of two years, entered, shipped and billed.
-- The data are public but not part of this project; without them this file is skipped.
-- O2C_DATA names the directory that holds them, relative to the project.
\set folder `echo "${O2C_DATA:-../shared/data}/northwind"`
\set found `test -r "${O2C_DATA:-../shared/data}/northwind/orders.csv" && echo true || echo false`
BEGIN;
SELECT no_plan();
\if :found
\cd :folder

SET client_min_messages = warning;
SET o2c.business_date = '1998-05-31';
SELECT o2c.create_company('Northwind Traders', 'USD') AS company \gset
SELECT set_config('o2c.company', :'company', true);

CREATE TEMP TABLE customers (customer_id text, company_name text, contact_name text, contact_title text, address text, city text,
    region text, postal_code text, country text, phone text, fax text);
CREATE TEMP TABLE suppliers (supplier_id int, company_name text, contact_name text, contact_title text, address text, city text,
    region text, postal_code text, country text, phone text, fax text, homepage text);
CREATE TEMP TABLE products (product_id int, product_name text, supplier_id int, category_id int, quantity_per_unit text,
    unit_price numeric, units_in_stock int, units_on_order int, reorder_level int, discontinued int);
CREATE TEMP TABLE shippers (shipper_id int, company_name text, phone text);
CREATE TEMP TABLE orders (order_id int, customer_id text, employee_id int, order_date date, required_date date, shipped_date date,
    ship_via int, freight numeric, ship_name text, ship_address text, ship_city text, ship_region text, ship_postal_code text,
    ship_country text);
CREATE TEMP TABLE order_details (order_id int, product_id int, unit_price numeric, quantity int, discount numeric);
\copy customers FROM 'customers.csv' (FORMAT csv, HEADER)
\copy suppliers FROM 'suppliers.csv' (FORMAT csv, HEADER)
\copy products FROM 'products.csv' (FORMAT csv, HEADER)
\copy shippers FROM 'shippers.csv' (FORMAT csv, HEADER)
\copy orders FROM 'orders.csv' (FORMAT csv, HEADER)
\copy order_details FROM 'order_details.csv' (FORMAT csv, HEADER)

-- master data
INSERT INTO o2c.customer (code, name, address, city, region, postal_code, country, phone)
SELECT customer_id, company_name, address, city, region, postal_code, country, phone FROM customers;
INSERT INTO o2c.supplier (code, name, address, city, postal_code, country, phone)
SELECT supplier_id::text, company_name, address, city, postal_code, country, phone FROM suppliers;
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, supplier_id)
SELECT p.product_id::text, p.product_name, p.unit_price, 0, s.supplier_id
FROM products p JOIN o2c.supplier s ON s.company_id = :company AND s.code = p.supplier_id::text;
INSERT INTO o2c.carrier (code, name, phone) SELECT shipper_id::text, company_name, phone FROM shippers;
SELECT is((SELECT array[(SELECT count(*) FROM o2c.customer WHERE company_id = :company),
                        (SELECT count(*) FROM o2c.supplier WHERE company_id = :company),
                        (SELECT count(*) FROM o2c.product WHERE company_id = :company),
                        (SELECT count(*) FROM o2c.carrier WHERE company_id = :company)]),
          array[91, 29, 77, 6]::bigint[], 'customers, suppliers, products, carriers');

-- all that will ever be sold is received before the first order
SELECT o2c.receive_stock(product_id::text, quantity, received_on => '1996-07-01')
FROM (SELECT product_id, sum(quantity) AS quantity FROM order_details GROUP BY product_id) t \g /dev/null

-- orders in the order of their dates
CREATE TEMP TABLE entered AS
SELECT o.order_id AS theirs, o.shipped_date, o.ship_via,
       o2c.place_order(o.customer_id, d.lines, ordered_on => o.order_date, requested_on => o.required_date,
                       charges => jsonb_build_array(jsonb_build_object('reason', 'Freight', 'amount', o.freight)),
                       attributes => jsonb_build_object('order', o.order_id)) AS ours
FROM (SELECT * FROM orders ORDER BY order_date, order_id) o
JOIN LATERAL (SELECT jsonb_agg(jsonb_build_object('sku', product_id::text, 'quantity', quantity, 'unit_price', unit_price,
                                                  'discount_percent', discount * 100) ORDER BY product_id) AS lines
              FROM order_details WHERE order_id = o.order_id) d ON true;
SELECT results_eq('SELECT state, count(*)::int FROM o2c.sales_order WHERE company_id = o2c.current_company() GROUP BY 1',
                  $$VALUES ('confirmed', 830)$$, 'every order is confirmed: there is no limit by default');
SELECT is((SELECT count(*)::int FROM o2c.order_line WHERE company_id = :company AND kind = 'item'), 2155, '2155 lines');
SELECT is((SELECT sum(net_amount) FROM o2c.order_line WHERE company_id = :company AND kind = 'item'), 1265793.29, 'net revenue, each line rounded');
SELECT is((SELECT round(sum(quantity * unit_price * (1 - discount_percent / 100)), 4) FROM o2c.order_line WHERE company_id = :company AND kind = 'item'),
          1265793.0395, 'net revenue before rounding');
SELECT is((SELECT sum(quantity * unit_price) FROM o2c.order_line WHERE company_id = :company AND kind = 'item'), 1354458.59, 'revenue before discount');
SELECT is((SELECT sum(charge_amount) FROM o2c.sales_order WHERE company_id = :company), 64942.69, 'freight of all orders');
SELECT is((SELECT sum(total_amount) FROM o2c.sales_order WHERE company_id = :company), 1265793.29 + 64942.69, 'orders sum up to lines and freight');
SELECT is((SELECT sum(ordered) FROM o2c.credit_account WHERE company_id = :company), 1265793.29 + 64942.69, 'and so does the exposure');
SELECT is((SELECT sum(reserved) FROM o2c.stock WHERE company_id = :company), (SELECT sum(quantity)::numeric FROM order_details), 'everything is reserved');
SELECT is((SELECT sum(on_hand - reserved) FROM o2c.stock WHERE company_id = :company), 0::numeric, 'nothing is left over');

-- what left the house
CREATE TEMP TABLE left_house AS
SELECT o2c.ship_order(ours, shipped_on => shipped_date, carrier => ship_via::text) AS shipment
FROM (SELECT * FROM entered WHERE shipped_date IS NOT NULL ORDER BY shipped_date, theirs) e;
SELECT is((SELECT count(*)::int FROM o2c.shipment WHERE company_id = :company), 809, '809 shipments');
SELECT is((SELECT count(*)::int FROM o2c.shipment s JOIN o2c.sales_order o USING (company_id, order_id)
           WHERE company_id = :company AND s.shipped_on > o.requested_on), 37, '37 after the required date');
SELECT is((SELECT round(avg(s.shipped_on - o.ordered_on), 8) FROM o2c.shipment s JOIN o2c.sales_order o USING (company_id, order_id)
           WHERE company_id = :company), 8.49196539, 'mean days from order to shipment');

-- billed at the end of a month, once
SELECT is((SELECT count(*)::int FROM o2c.bill('1996-07-31')), (SELECT count(*)::int FROM orders WHERE shipped_date <= '1996-07-31'), 'first month billed');
SELECT is((SELECT count(*)::int FROM o2c.bill('1998-05-31')), (SELECT count(*)::int FROM orders WHERE shipped_date > '1996-07-31'), 'the rest billed');
SELECT is((SELECT count(*)::int FROM o2c.bill('1998-05-31')), 0, 'nothing is billed twice');
SELECT is((SELECT sum(line_amount) FROM o2c.invoice WHERE company_id = :company), 1239855.85, 'invoiced net of the shipped orders');
SELECT is((SELECT sum(charge_amount) FROM o2c.invoice WHERE company_id = :company), (SELECT sum(freight) FROM orders WHERE shipped_date IS NOT NULL), 'invoiced freight');
SELECT results_eq('SELECT state, count(*)::int FROM o2c.sales_order WHERE company_id = o2c.current_company() GROUP BY 1 ORDER BY 1',
                  $$VALUES ('completed', 809), ('confirmed', 21)$$, 'shipped and billed orders are completed');
SELECT is((SELECT string_agg(DISTINCT number, ',' ORDER BY number) FROM o2c.invoice WHERE company_id = :company AND number IN ('INV-000001', 'INV-000809', 'INV-000810')),
          'INV-000001,INV-000809', 'invoice numbers have no gaps');

-- the kept exposure is the sum over the documents, customer by customer
SELECT results_eq(
    'SELECT customer_id, ordered, shipped, receivable, unapplied FROM o2c.credit_account WHERE company_id = o2c.current_company() ORDER BY 1',
    $$SELECT c.customer_id,
             coalesce((SELECT sum(round((l.net_amount + l.tax_amount) * (l.confirmed_quantity - l.shipped_quantity) / l.quantity, 4))
                       FROM o2c.sales_order o JOIN o2c.order_line l USING (company_id, order_id)
                       WHERE o.company_id = c.company_id AND o.customer_id = c.customer_id), 0),
             0::numeric,
             coalesce((SELECT sum(i.total_amount) FROM o2c.invoice i WHERE i.company_id = c.company_id AND i.customer_id = c.customer_id), 0),
             0::numeric
      FROM o2c.customer c WHERE c.company_id = o2c.current_company() ORDER BY 1$$,
    'the exposure of each customer agrees with its documents');
SELECT is((SELECT sum(ordered + receivable) FROM o2c.credit_account WHERE company_id = :company), 1265793.29 + 64942.69, 'and nothing got lost on the way');
SELECT is((SELECT sum(reserved) FROM o2c.stock WHERE company_id = :company),
          (SELECT sum(quantity)::numeric FROM order_details JOIN orders USING (order_id) WHERE shipped_date IS NULL), 'what waits is still reserved');

\else
SELECT skip('Northwind is not there: put its csv files in ../shared/data/northwind or below O2C_DATA', 1);
\endif
SELECT * FROM finish();
ROLLBACK;
