-- What the clients of test/t/020_stress.pl do, and what must hold meanwhile.
SELECT o2c.create_company('Stress', 'EUR');
INSERT INTO o2c.customer (code, name, invoice_per) VALUES ('K', 'Constant limit', 'shipment'), ('H', 'Hot', 'order'), ('G', 'Group', 'customer'), ('X', 'Billed to Y', 'shipment');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT v, v, customer_id FROM o2c.customer, (VALUES ('G1'), ('G2')) AS v (v) WHERE code = 'G';
INSERT INTO o2c.customer (code, name, bill_to_customer_id) SELECT 'Y', 'Billed to X', customer_id FROM o2c.customer WHERE code = 'X';
UPDATE o2c.customer SET bill_to_customer_id = (SELECT customer_id FROM o2c.customer WHERE code = 'Y') WHERE code = 'X';
INSERT INTO o2c.product (sku, name, unit_price, tax_rate, stocked) VALUES
    ('A', 'Scarce', 10, 0, true), ('B', 'Scarce, too', 20, 0, true), ('T', 'Taxed', 3.33, 19, true), ('S', 'Service', 5, 0, false);
UPDATE o2c.customer SET payment_terms = CASE WHEN code IN ('H', 'X') THEN 'net 10' ELSE 'net 30' END::o2c.payment_terms;
SELECT o2c.set_credit_limit(code, 1500) FROM o2c.customer WHERE code <> 'G2';
SELECT o2c.set_group_limit('G', 2000);
SELECT o2c.receive_stock(sku, 60) FROM o2c.product WHERE stocked;

CREATE SCHEMA stress;
-- what is confirmed must fit when it is committed
CREATE TABLE stress.breach (order_id bigint, exposure numeric, credit_limit numeric);
CREATE FUNCTION stress.watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stress.breach
    SELECT NEW.order_id, e.exposure, e.most
    FROM o2c.sales_order o
    JOIN o2c.customer c USING (company_id, customer_id)
    JOIN o2c.customer_credit m USING (company_id, customer_id)
    JOIN o2c.credit_account a USING (company_id, credit_account_id)
    CROSS JOIN LATERAL (
        SELECT a.authorized + a.ordered + a.shipped + a.receivable - a.unapplied, a.credit_limit
        UNION ALL
        SELECT sum(x.authorized + x.ordered + x.shipped + x.receivable - x.unapplied), max(x.group_limit)
        FROM o2c.credit_account x JOIN o2c.customer g USING (company_id, customer_id) WHERE g.group_id = c.group_id) AS e (exposure, most)
    WHERE o.company_id = NEW.company_id AND o.order_id = NEW.order_id AND e.exposure > e.most;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER watch AFTER UPDATE ON o2c.order_line DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.confirmed_quantity > OLD.confirmed_quantity) EXECUTE FUNCTION stress.watch();
CREATE CONSTRAINT TRIGGER watch_insert AFTER INSERT ON o2c.order_line DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.confirmed_quantity > 0) EXECUTE FUNCTION stress.watch();

CREATE VIEW stress.wrong AS
SELECT concat_ws(' | ', v.check_name, v.object, v.expected, v.found) AS what FROM o2c.verify() v
UNION ALL
SELECT format('order %s was confirmed: exposure %s, limit %s', order_id, exposure, credit_limit) FROM stress.breach
UNION ALL
SELECT format('customer K: exposure %s', a.authorized + a.ordered + a.shipped + a.receivable - a.unapplied)
FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id)
WHERE c.code = 'K' AND a.authorized + a.ordered + a.shipped + a.receivable - a.unapplied > 1500
UNION ALL
SELECT format('stock of product %s: %s on hand, %s reserved', product_id, on_hand, reserved) FROM o2c.stock WHERE reserved < 0 OR reserved > on_hand
UNION ALL
SELECT format('open item %s: amount %s, open %s', item_id, amount, open_amount) FROM o2c.open_item WHERE open_amount * sign(amount) NOT BETWEEN 0 AND abs(amount)
UNION ALL
SELECT format('purchase order %s was entered %s times', po_number, count(*)) FROM o2c.sales_order
WHERE po_number IS NOT NULL GROUP BY po_number HAVING count(*) > 1;

-- ids are taken from the sequences: a table that is searched would be a reason to fail in SERIALIZABLE
CREATE FUNCTION stress.below(n integer) RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT floor(random() * $1)::integer';
CREATE FUNCTION stress.recent(sequence text, n integer) RETURNS bigint LANGUAGE sql VOLATILE AS
'SELECT greatest(pg_sequence_last_value($1::regclass) - stress.below($2), 1)';
CREATE FUNCTION stress.an_order() RETURNS bigint LANGUAGE sql VOLATILE AS $$SELECT stress.recent('o2c.order_id_seq', 30)$$;
CREATE FUNCTION stress.an_order_in(state text) RETURNS bigint LANGUAGE sql VOLATILE AS $$
SELECT o.order_id FROM o2c.sales_order o, (SELECT pg_sequence_last_value('o2c.order_id_seq') - 60 AS since) s
WHERE o.company_id = 1 AND o.order_id > s.since AND o.state = $1 ORDER BY random() LIMIT 1 $$;
CREATE FUNCTION stress.customer() RETURNS text LANGUAGE sql VOLATILE AS $$SELECT (ARRAY['K', 'H', 'G', 'G1', 'G2', 'X', 'Y'])[1 + stress.below(7)]$$;
CREATE FUNCTION stress.sku() RETURNS text LANGUAGE sql VOLATILE AS $$SELECT (ARRAY['A', 'B', 'T'])[1 + stress.below(3)]$$;
CREATE FUNCTION stress.lines(customer text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
SELECT jsonb_agg(jsonb_build_object('sku', s, 'quantity', 1 + stress.below(6))) FROM (SELECT s FROM (VALUES ('A'), ('B'), ('S'), ('T')) AS v (s)
    WHERE $1 <> 'K' OR s <> 'T' ORDER BY random() LIMIT 1 + stress.below(3)) q $$;

CREATE TABLE stress.mix (action text PRIMARY KEY, weight integer);
INSERT INTO stress.mix VALUES ('place', 22), ('place twice', 3), ('ship', 18), ('bill', 9), ('bill all', 1), ('pay', 14), ('pay unknown', 2), ('match', 3), ('bounce', 1),
    ('apply', 2), ('unapply', 1), ('cancel', 4), ('change', 4), ('close', 2), ('cancel line', 2), ('reopen', 1), ('return', 3), ('credit', 2),
    ('credit returns', 1), ('hold', 1), ('hold order', 1), ('release', 4), ('limit', 2), ('group limit', 1), ('overdue', 1), ('receive', 8),
    ('adjust', 1), ('recheck', 1), ('quote', 3), ('accept', 2), ('withdraw', 1), ('prepay', 2);
CREATE TABLE stress.done (action text, level text, state text);
CREATE VIEW stress.summary AS
SELECT level, action, count(*) FILTER (WHERE state IS NULL) AS done, count(state) AS refused, string_agg(DISTINCT state, ' ') AS states
FROM stress.done GROUP BY 1, 2 ORDER BY 1, 2;

CREATE FUNCTION stress.carry_out(action text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE who text := stress.customer(); v o2c.invoice; o bigint; key text; payment bigint;
BEGIN
    CASE action
    WHEN 'place' THEN PERFORM o2c.place_order(who, stress.lines(who));
    WHEN 'place twice' THEN
        -- all clients send the same order for a tenth of a second
        key := floor(extract(epoch FROM clock_timestamp()) * 10);
        PERFORM o2c.place_order('H', '[{"sku": "A", "quantity": 1}]', po_number => key, idempotency_key => key);
    WHEN 'ship' THEN PERFORM o2c.ship_order(coalesce(stress.an_order_in('confirmed'), 0));
    WHEN 'bill' THEN PERFORM o2c.bill(customer => who);
    WHEN 'bill all' THEN PERFORM o2c.bill();
    WHEN 'pay', 'pay unknown' THEN
        -- what a customer owes for longest
        SELECT i.* INTO v FROM o2c.open_item t JOIN o2c.invoice i USING (company_id, invoice_id)
        JOIN o2c.customer c ON c.customer_id = i.customer_id
        WHERE t.open_amount > 0 AND t.kind = 'invoice' AND c.code = who ORDER BY t.item_id OFFSET stress.below(3) LIMIT 1;
        IF v.invoice_id IS NULL THEN
            RAISE EXCEPTION 'nothing to pay' USING ERRCODE = 'OC101';
        END IF;
        payment := o2c.record_payment(v.total_amount, customer => CASE action WHEN 'pay' THEN who END, reference => v.number);
        IF action = 'pay' AND random() < 0.8 THEN
            PERFORM o2c.match_payments(payment_id => payment);
        END IF;
    WHEN 'match' THEN PERFORM o2c.match_payments();
    WHEN 'bounce' THEN
        payment := stress.recent('o2c.payment_id_seq', 30);
        -- K's exposure has no other way up than an order
        IF EXISTS (SELECT FROM o2c.payment p JOIN o2c.customer c USING (company_id, customer_id) WHERE p.payment_id = payment AND c.code = 'K') THEN
            RAISE EXCEPTION 'not K' USING ERRCODE = 'OC101';
        END IF;
        PERFORM o2c.reverse_payment(payment, reason => 'bounced');
    WHEN 'apply' THEN
        PERFORM o2c.apply_payment(stress.recent('o2c.payment_id_seq', 20), (SELECT number FROM o2c.invoice WHERE invoice_id = stress.recent('o2c.invoice_id_seq', 20) LIMIT 1));
    WHEN 'unapply' THEN PERFORM o2c.unapply(stress.recent('o2c.application_id_seq', 20));
    WHEN 'cancel' THEN PERFORM o2c.cancel_order(stress.an_order(), 'stress');
    WHEN 'change' THEN
        PERFORM o2c.change_order(stress.an_order(), jsonb_build_array(jsonb_build_object('line_no', 1, 'quantity', stress.below(8))));
    WHEN 'close' THEN PERFORM o2c.close_order(stress.an_order());
    WHEN 'cancel line' THEN PERFORM o2c.cancel_line(stress.an_order(), 1, 1);
    WHEN 'reopen' THEN PERFORM o2c.reopen_order(stress.an_order());
    WHEN 'return' THEN PERFORM o2c.return_goods(stress.recent('o2c.shipment_id_seq', 30));
    WHEN 'credit' THEN PERFORM o2c.credit_invoice(stress.recent('o2c.invoice_id_seq', 30), rebill => random() < 0.5);
    WHEN 'credit returns' THEN PERFORM o2c.credit_returns();
    WHEN 'hold' THEN PERFORM o2c.place_hold(who, 'stress');
    WHEN 'hold order' THEN PERFORM o2c.place_hold(NULL, 'stress', stress.an_order());
    WHEN 'release' THEN
        -- not those of the engine: whoever releases these lets an order pass
        PERFORM o2c.release_hold((SELECT h.hold_id FROM o2c.hold h WHERE h.released_at IS NULL AND NOT h.automatic ORDER BY h.hold_id LIMIT 1), 'stress');
    WHEN 'limit' THEN PERFORM o2c.set_credit_limit((ARRAY['H', 'G', 'G1', 'X', 'Y'])[1 + stress.below(5)], 500 + stress.below(10) * 200);
    WHEN 'group limit' THEN PERFORM o2c.set_group_limit('G', 1000 + stress.below(10) * 200);
    WHEN 'overdue' THEN PERFORM o2c.record_overdue(o2c.today() + 15);
    WHEN 'receive' THEN PERFORM o2c.receive_stock(stress.sku(), 5 + stress.below(10));
    WHEN 'adjust' THEN PERFORM o2c.adjust_stock(stress.sku(), (ARRAY[-1, 1])[1 + stress.below(2)], 'count');
    WHEN 'recheck' THEN PERFORM o2c.recheck_orders();
    WHEN 'quote' THEN PERFORM o2c.place_quotation(who, stress.lines(who), hold_credit_hours => 1);
    WHEN 'accept' THEN PERFORM o2c.accept_quotation(coalesce(stress.an_order_in('quoted'), 0));
    WHEN 'withdraw' THEN PERFORM o2c.withdraw_quotation(coalesce(stress.an_order_in('quoted'), 0));
    WHEN 'prepay' THEN PERFORM o2c.allocate_prepayment(stress.recent('o2c.payment_id_seq', 20), coalesce(stress.an_order_in('confirmed'), 0));
    END CASE;
END $$;

CREATE TABLE stress.ticket (ticket integer PRIMARY KEY, action text);
INSERT INTO stress.ticket SELECT row_number() OVER (), action FROM stress.mix, generate_series(1, weight);

-- One transaction: an action at random.  What the business refuses is noted; anything else is an error of the client.
CREATE FUNCTION stress.act() RETURNS text LANGUAGE plpgsql AS $$
DECLARE chosen text := (SELECT action FROM stress.ticket OFFSET stress.below((SELECT count(*)::integer FROM stress.ticket)) LIMIT 1);
BEGIN
    PERFORM stress.carry_out(chosen);
    INSERT INTO stress.done VALUES (chosen, current_setting('transaction_isolation'), NULL);
    RETURN chosen;
EXCEPTION WHEN OTHERS THEN
    -- a count below what is reserved
    IF SQLSTATE NOT LIKE 'OC%' AND NOT (SQLSTATE = '23514' AND chosen = 'adjust') THEN
        RAISE;
    END IF;
    INSERT INTO stress.done VALUES (chosen, current_setting('transaction_isolation'), SQLSTATE);
    RETURN SQLSTATE;
END $$;
