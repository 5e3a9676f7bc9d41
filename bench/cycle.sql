-- Data and one call for the benchmark of the whole cycle: the same customers,
-- products, prices and tax rates as what it is compared with.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE EXTENSION o2c;
SELECT o2c.install();
SELECT o2c.create_company('Bench', 'EUR');
SELECT o2c.set_setting('default_credit_limit', '1000000');
INSERT INTO o2c.customer (code, name) SELECT i::text, 'Customer ' || i FROM generate_series(1, :customers) i;
INSERT INTO o2c.product (sku, name, unit_price, tax_rate)
SELECT i::text, 'Product ' || i, round((1 + random() * 500)::numeric, 2), (ARRAY[0, 7, 19])[1 + i % 3] FROM generate_series(1, :products) i;
INSERT INTO o2c.stock (product_id, location) SELECT product_id, 'MAIN' FROM o2c.product;
INSERT INTO o2c.stock_movement (product_id, location, kind, quantity) SELECT product_id, 'MAIN', 'receipt', 1000000000 FROM o2c.product;

-- Order, shipment, invoice, payment, applied.
CREATE FUNCTION cycle(customer int, p1 int, p2 int, p3 int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    placed bigint;
    billed record;
    paid bigint;
BEGIN
    placed := o2c.place_order(customer::text,
        jsonb_build_array(jsonb_build_object('sku', p1::text, 'quantity', 1),
                          jsonb_build_object('sku', p2::text, 'quantity', 2),
                          jsonb_build_object('sku', p3::text, 'quantity', 3)));
    PERFORM o2c.ship_order(placed);
    SELECT * INTO billed FROM o2c.bill(current_date, customer::text);
    paid := o2c.record_payment(billed.total, current_date, customer::text, billed.number);
    PERFORM o2c.match_payments(current_date, paid);
END $$;
VACUUM (ANALYZE);
