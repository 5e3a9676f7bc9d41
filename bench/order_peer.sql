-- What the hand-written schema of bench/cycle lacks for bench/order: stock,
-- order numbers, a function that sums the open orders, and hot customers.
-- psql variables: history, long.
SET search_path = cyc;
ALTER TABLE sales_order ADD COLUMN order_no text NOT NULL UNIQUE;
ALTER TABLE order_line ADD COLUMN reserved numeric(12,3) NOT NULL;
CREATE SEQUENCE order_no_seq;
-- the sum is read from this index alone wherever VACUUM has been
CREATE INDEX sales_order_open ON sales_order (customer_id) INCLUDE (total) WHERE status = 'C';
CREATE TABLE stock (
    product_id int PRIMARY KEY REFERENCES product,
    on_hand numeric(15,3) NOT NULL,
    reserved numeric(15,3) NOT NULL DEFAULT 0,
    CHECK (reserved BETWEEN 0 AND on_hand)
) WITH (fillfactor = 50);
INSERT INTO stock SELECT product_id, 1000000000 FROM product;

CREATE FUNCTION enter_order(customer int, products int[], quantities numeric[]) RETURNS bigint LANGUAGE plpgsql SET search_path = cyc AS $$
DECLARE
    c customer;
    open_orders numeric;
    net numeric;
    tax numeric;
    id bigint;
    passed bool;
BEGIN
    SELECT * INTO STRICT c FROM customer WHERE customer_id = enter_order.customer FOR NO KEY UPDATE;
    SELECT sum(round(w.quantity * p.price, 2)), sum(round(round(w.quantity * p.price, 2) * p.tax_rate / 100, 2)) INTO net, tax
    FROM unnest(products, quantities) AS w (product, quantity) JOIN product p ON p.product_id = w.product;
    -- a statement of its own, after the lock: it sees what was committed while we waited
    SELECT coalesce(sum(o.total), 0) INTO open_orders FROM sales_order o WHERE o.customer_id = enter_order.customer AND o.status = 'C';
    passed := NOT c.on_hold AND c.balance + open_orders + net + tax <= c.credit_limit
        AND NOT EXISTS (SELECT FROM invoice i WHERE i.customer_id = enter_order.customer AND i.open_amount > 0 AND i.due_date < current_date);
    INSERT INTO sales_order (order_no, customer_id, order_date, status, net, tax, total)
    VALUES ('SO-' || nextval('order_no_seq'), enter_order.customer, current_date, CASE WHEN passed THEN 'C' ELSE 'H' END, net, tax, net + tax)
    RETURNING order_id INTO id;
    IF passed THEN
        -- in one order everywhere, so that nobody waits in a circle
        PERFORM FROM stock s WHERE s.product_id = ANY (products) ORDER BY s.product_id FOR NO KEY UPDATE;
    END IF;
    WITH line AS (
        INSERT INTO order_line (order_id, line_no, product_id, qty, unit_price, tax_rate, net, tax, reserved)
        SELECT id, w.n, p.product_id, w.quantity, p.price, p.tax_rate, round(w.quantity * p.price, 2),
               round(round(w.quantity * p.price, 2) * p.tax_rate / 100, 2),
               CASE WHEN passed THEN least(w.quantity, s.on_hand - s.reserved) ELSE 0 END
        FROM unnest(products, quantities) WITH ORDINALITY AS w (product, quantity, n)
        JOIN product p ON p.product_id = w.product JOIN stock s ON s.product_id = w.product
        RETURNING order_line.product_id, order_line.reserved)
    UPDATE stock s SET reserved = s.reserved + l.quantity
    FROM (SELECT line.product_id, sum(line.reserved) AS quantity FROM line GROUP BY 1) l WHERE s.product_id = l.product_id AND l.quantity > 0;
    RETURN id;
END $$;

-- the hot customers, as in order.sql
INSERT INTO customer (customer_id, name, credit_limit) SELECT 1000000 + h, 'Customer with orders', 999999999999 FROM unnest(ARRAY[0, :history, :long]) h;
INSERT INTO sales_order (order_no, customer_id, order_date, status, net, tax, total)
SELECT 'SO-' || nextval('order_no_seq'), 1000000 + :history, current_date, 'C', 1500, 285, 1785 FROM generate_series(1, :history);
INSERT INTO order_line SELECT o.order_id, n, 1 + (3 * o.order_id + n) % 10000, n, 250, 19, n * 250, n * 47.5, n FROM sales_order o, generate_series(1, 3) n;
UPDATE stock s SET reserved = l.reserved FROM (SELECT product_id, sum(reserved) AS reserved FROM order_line GROUP BY 1) l WHERE l.product_id = s.product_id;
VACUUM ANALYZE;
