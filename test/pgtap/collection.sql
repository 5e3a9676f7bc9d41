-- What being overdue does: the rule by the clock, the suspension by the run, and how exactly it is lifted.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT plan(26);

SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL o2c.business_date = '2026-01-10';
INSERT INTO o2c.customer (code, name, email) VALUES ('C1', 'One', 'one@example.com'), ('C2', 'Two', NULL);
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('P', 'Product', 1, false);
INSERT INTO o2c.product (sku, name, unit_price, stocked) SELECT 'L' || i, 'Line ' || i, i, false FROM generate_series(1, 30) i;

CREATE FUNCTION pg_temp.buy(customer text, amount numeric) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order(customer, jsonb_build_array(jsonb_build_object('sku', 'P', 'quantity', amount)))$$;
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE order_id = $1';
CREATE FUNCTION pg_temp.invoice(customer text, amount numeric, day date) RETURNS text LANGUAGE sql AS
$$SELECT o2c.ship_order(pg_temp.buy(customer, amount), day); SELECT number FROM o2c.bill(day, customer)$$;
CREATE FUNCTION pg_temp.suspensions() RETURNS text LANGUAGE sql AS
$$SELECT coalesce(string_agg(v.number, ',' ORDER BY v.number), 'none') FROM o2c.hold h
  JOIN o2c.invoice v ON v.company_id = 1 AND v.invoice_id = h.source_id WHERE h.rule = 'suspension' AND h.order_id IS NULL AND h.released_at IS NULL$$;

-- However many lines an order has, the rules run once.
SELECT o2c.place_order('C2', jsonb_agg(jsonb_build_object('sku', 'L' || i, 'quantity', 1))) AS long FROM generate_series(1, 30) i \gset
SELECT is((SELECT count(*) FROM o2c.order_line WHERE order_id = :long), 30::bigint, 'an order of 30 lines');
SELECT is((SELECT array_agg(jsonb_array_length(findings)) FROM o2c.decision WHERE order_id = :long), '{2}', 'is decided once, by each rule once');

-- By the clock, without any run.
SELECT pg_temp.invoice('C1', 100, '2026-01-10') AS first \gset
SELECT pg_temp.invoice('C1', 40, '2026-01-10') AS second \gset
SET LOCAL o2c.business_date = '2026-02-09';
SELECT is(pg_temp.state(pg_temp.buy('C1', 1)), 'confirmed', 'the due date itself is not overdue');
SET LOCAL o2c.business_date = '2026-02-10';
SELECT pg_temp.buy('C1', 2) AS held \gset
SELECT is(pg_temp.state(:held), 'held', 'the day after is, although no run recorded it');
SELECT is((SELECT array_agg(state) FROM o2c.invoice WHERE number IN (:'first', :'second')), '{posted,posted}', 'nothing is recorded yet');
SELECT is((SELECT reason FROM o2c.hold WHERE order_id = :held), format('overdue: payment of %s EUR must be received first, for %s (100.00 EUR, due 2026-02-09), %s (40.00 EUR, due 2026-02-09)', 140.00, :'first', :'second'),
          'the hold names the invoices to pay and the amount');
SELECT is((SELECT array_agg(audience || ' ' || recipient ORDER BY audience) FROM o2c.notification WHERE object_id = :held AND topic = 'order_held'),
          '{"customer one@example.com","department credit"}', 'customer and department are told');
UPDATE o2c.sales_order SET state = 'submitted' WHERE order_id = :held;
SELECT is((SELECT count(*) FROM o2c.notification WHERE object_id = :held), 2::bigint, 'once for an order, however often it is looked at');
SELECT is(pg_temp.state(pg_temp.buy('C2', 1)), 'confirmed', 'others are not concerned');
UPDATE o2c.rule SET parameters = '{"days": 5}' WHERE code = 'overdue';
SELECT is(pg_temp.state(pg_temp.buy('C1', 1)), 'confirmed', 'days of grace');
UPDATE o2c.rule SET parameters = '{"amount": 100}' WHERE code = 'overdue';
SELECT is(pg_temp.state(pg_temp.buy('C1', 1)), 'confirmed', 'small amounts are ignored, up to and with the amount itself');
UPDATE o2c.rule SET parameters = '{}' WHERE code = 'overdue';

-- The run records it, and the trigger on that change suspends.
SELECT is(o2c.record_overdue('2026-02-09'), 0::bigint, 'nothing is overdue on the due date');
SELECT pg_temp.buy('C1', 3) AS waiting \gset
SELECT is(o2c.record_overdue('2026-02-10'), 2::bigint, 'two invoices are, the day after');
SELECT is(o2c.record_overdue('2026-02-10'), 0::bigint, 'the run may be repeated');
SELECT is(pg_temp.suspensions(), :'first' || ',' || :'second', 'one suspension for each invoice');
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', (SELECT min(order_id) FROM o2c.sales_order JOIN o2c.customer USING (company_id, customer_id)
                        WHERE code = 'C1' AND state = 'confirmed')), 'OC103', NULL, 'what was confirmed before does not ship');
SELECT is(pg_temp.state(pg_temp.buy('C1', 4)), 'held', 'the next order is held');
INSERT INTO o2c.hold (customer_id, reason) SELECT customer_id, 'new owner, papers missing' FROM o2c.customer WHERE code = 'C1';

-- Payment lifts exactly what it paid for.
SELECT o2c.record_payment(100, '2026-02-10', 'C1', :'first') AS paid \gset
SELECT is((SELECT array_agg(stage || ' ' || amount) FROM o2c.match_payments('2026-02-10', :paid)), '{"reference 100.00"}', 'the first invoice is paid');
SELECT is(pg_temp.suspensions(), :'second', 'its suspension goes, the other stays');
SELECT o2c.record_payment(40, '2026-02-10', 'C1', :'second') AS rest \gset
SELECT o2c.match_payments('2026-02-10', :rest) \g /dev/null
SELECT is(pg_temp.suspensions(), 'none', 'and goes when its invoice is paid');
SELECT is(pg_temp.state(:waiting), 'held', 'a person''s hold is not lifted by a payment');
SELECT o2c.release_hold(hold_id, 'papers came') FROM o2c.hold WHERE reason LIKE 'new owner%' AND order_id IS NULL \g /dev/null
SELECT is((SELECT count(*) FROM o2c.sales_order WHERE state = 'held'), 0::bigint, 'once it is released, all held orders move on');

-- A payment that bounces brings it back, with the original due date.
SELECT o2c.reverse_payment(:paid, '2026-02-12', 'no funds') \g /dev/null
SET LOCAL o2c.business_date = '2026-02-12';
SELECT is(pg_temp.state(pg_temp.buy('C1', 1)), 'held', 'the invoice is overdue again at once');
SELECT is(o2c.record_overdue('2026-02-12'), 1::bigint, 'and recorded by the next run');
SELECT is(pg_temp.suspensions(), :'first', 'which suspends again');

SELECT is_empty('SELECT * FROM o2c.verify()', 'verify() finds nothing');
SELECT * FROM finish();
ROLLBACK;
