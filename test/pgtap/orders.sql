-- Orders: changing, cancelling, closing, reopening, answers, documents, returns.
BEGIN;
SELECT no_plan();
SELECT o2c.create_company('Acme', 'EUR');
SELECT o2c.create_company('Other', 'EUR');
SET LOCAL o2c.business_date = '2026-03-02';
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two');
INSERT INTO o2c.product (sku, name, unit_price, tax_rate) VALUES ('A', 'Nineteen', 10, 19), ('B', 'Seven', 3.33, 7);
SELECT o2c.receive_stock('A', 100), o2c.receive_stock('B', 5);
SELECT o2c.set_credit_limit('C1', 200);
CREATE FUNCTION pg_temp.exposure(code text DEFAULT 'C1') RETURNS text LANGUAGE sql AS
'SELECT concat_ws('' '', trim_scale(a.ordered), trim_scale(a.shipped), trim_scale(a.receivable)) FROM o2c.credit_account a JOIN o2c.customer c USING (company_id, customer_id) WHERE c.company_id = 1 AND c.code = $1';
CREATE FUNCTION pg_temp.reserved(sku text) RETURNS numeric LANGUAGE sql AS
'SELECT reserved FROM o2c.stock JOIN o2c.product p USING (company_id, product_id) WHERE company_id = 1 AND p.sku = $1';
CREATE FUNCTION pg_temp.fulfilment("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT fulfilment FROM o2c.order_status WHERE company_id = 1 AND order_id = $1';
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';

-- changing: the value at the boundary of the limit
SELECT o2c.place_order('C1', '[{"sku": "A", "quantity": 10}]') AS o \gset
SELECT is(pg_temp.exposure(), '119 0 0', 'an order takes credit');
SELECT is(pg_temp.fulfilment(:o), 'open', 'and is open');
SELECT is(o2c.change_order(:o, '[{"line_no": 1, "quantity": 4}]', reason => 'less'), 'confirmed', 'less is in force at once');
SELECT is(pg_temp.exposure(), '47.6 0 0', 'credit is given back');
SELECT is(pg_temp.reserved('A'), 4::numeric, 'and so is stock');
SELECT is(o2c.change_order(:o, '[{"line_no": 1, "unit_price": 8, "discount_percent": 50}, {"sku": "B", "quantity": 6}]'), 'confirmed', 'another price, another line');
SELECT is(pg_temp.exposure(), '40.42 0 0', 'the whole is computed anew');
SELECT is(pg_temp.reserved('B'), 5::numeric, 'what is there is reserved');
SELECT results_eq(format('SELECT total_amount, version FROM o2c.sales_order WHERE order_id = %s', :o), 'VALUES (40.42, 3::bigint)', 'the totals follow, the changes are counted');
SELECT results_eq(format('SELECT unshipped_quantity, backordered_quantity FROM o2c.order_status WHERE order_id = %s', :o), 'VALUES (10.000000, 1.000000)', 'and what is backordered');
SELECT o2c.set_credit_limit('C1', 100);
SELECT is(o2c.change_order(:o, '[{"line_no": 2, "quantity": 0}, {"line_no": 1, "quantity": 10, "unit_price": 8.4034, "discount_percent": 0}]'), 'confirmed', 'up to the limit passes');
SELECT is(pg_temp.exposure(), '100 0 0', 'exactly');
SELECT is(o2c.change_order(:o, '[{"line_no": 1, "quantity": 10.01}]'), 'held', 'a cent more does not');
SELECT is(pg_temp.exposure(), '100 0 0', 'what was in force stays in force, the rest is not');
SELECT throws_ok(format('SELECT o2c.ship_order(%s)', :o), 'OC103', NULL, 'a held order does not ship');
SELECT is(o2c.order_answer(:o)->>'code', 'on_hold', 'the caller is told');
SELECT is((o2c.order_answer(:o)->>'to_pay')::numeric, 0.10, 'how much there is to pay');
SELECT is(o2c.order_answer(:o)->'reasons'->0->>'rule', 'credit_limit', 'and why');
SELECT is(o2c.change_order(:o, '[{"line_no": 1, "quantity": 9}]'), 'confirmed', 'less passes again');
SELECT is(o2c.order_answer(:o)->>'code', 'ok', 'as the answer says');
SELECT is((o2c.order_answer(:o)->>'to_pay')::numeric, 0::numeric, 'nothing to pay');

-- what shipped is fixed
SELECT o2c.ship_order(:o, lines => '[{"line_no": 1, "quantity": 3}]') AS s \gset
SELECT is(pg_temp.fulfilment(:o), 'partially shipped', 'partially shipped');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, '[{"line_no": 1, "quantity": 2}]')$$, :o), 'OC101', NULL, 'not less than shipped');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, '[{"line_no": 1, "quantity": 0}]')$$, :o), 'OC101', NULL, 'nor nothing');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, '[{"line_no": 1, "unit_price": 1}]')$$, :o), 'OC101', NULL, 'not another price');
SELECT is(o2c.change_order(:o, '[{"line_no": 1, "quantity": 9, "unit_price": 8.4034}]'), 'confirmed', 'the same price is none');
SELECT throws_ok(format($$SELECT o2c.cancel_order(%s)$$, :o), 'OC101', NULL, 'not cancelled as a whole');
SELECT is(o2c.cancel_line(:o, 1, 2), 'confirmed', 'a part of a line');
SELECT throws_ok(format($$SELECT o2c.cancel_line(%s, 1, 4.01)$$, :o), 'OC101', NULL, 'not more than is open');
SELECT throws_ok(format($$SELECT o2c.cancel_line(%s, 9)$$, :o), 'OC101', NULL, 'not a line that is not there');
SELECT throws_ok(format($$SELECT o2c.cancel_line(%s, 1, 'NaN')$$, :o), 'OC002', NULL, 'not NaN');
SELECT throws_ok(format($$SELECT o2c.cancel_line(%s, NULL)$$, :o), 'OC002', NULL, 'nor no line');
SELECT is(o2c.close_order(:o, 'enough'), 'confirmed', 'closing waits for the invoice');
SELECT is(pg_temp.reserved('A'), 0::numeric, 'gives stock back');
SELECT is(pg_temp.fulfilment(:o), 'shipped', 'everything that is wanted is shipped');
SELECT lives_ok('SELECT o2c.bill()', 'billed');
SELECT is(pg_temp.fulfilment(:o), 'closed', 'then it is closed');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, '[]')$$, :o), 'OC101', NULL, 'and not changed');
SELECT o2c.set_credit_limit('C1', 111.38);
SELECT is(o2c.reopen_order(:o, 'more'), 'confirmed', 'but reopened, with what closing cancelled');
SELECT is(pg_temp.fulfilment(:o), 'partially invoiced', 'with the rest');
SELECT is(pg_temp.exposure(), '40 0 30', 'which takes credit again');
SELECT results_eq(format('SELECT line_no, trim_scale(cancelled_quantity) FROM o2c.order_line WHERE order_id = %s ORDER BY 1', :o), 'VALUES (1, 2::numeric), (2, 6)', 'what was cancelled before stays cancelled');
SELECT throws_ok(format($$SELECT o2c.reopen_order(%s)$$, :o), 'OC101', NULL, 'once');
SELECT o2c.close_order(:o);
SELECT is(pg_temp.state(:o), 'completed', 'closed again');
SELECT is((SELECT count(*) FROM o2c.hold WHERE order_id = :o AND released_at IS NULL), 0::bigint, 'nothing holds it');
SELECT o2c.set_credit_limit('C1', 50);
SELECT is(o2c.reopen_order(:o), 'held', 'reopening passes the check again');
SELECT is(o2c.close_order(:o), 'completed', 'a held rest is closed, too');
SELECT is((SELECT release_reason FROM o2c.hold WHERE order_id = :o ORDER BY hold_id DESC LIMIT 1), 'order ended', 'and its hold');

-- cancelling and events
SELECT o2c.place_order('C2', '[{"sku": "A", "quantity": 1}]', po_number => 'PO 1') AS c \gset
SELECT is(o2c.cancel_order(:c, 'no need'), 'cancelled', 'cancelled');
SELECT is(pg_temp.exposure('C2'), '0 0 0', 'without exposure');
SELECT is((SELECT detail->>'reason' FROM o2c.event WHERE object_id = :c AND activity = 'sales_order.changed'), 'no need', 'the reason is kept');
SELECT is(o2c.reopen_order(:c), 'confirmed', 'and reopened');
SELECT throws_ok($$SELECT o2c.place_order('C2', '[{"sku": "A", "quantity": 1}]', po_number => 'po 1')$$, 'OC003', NULL, 'its purchase order is in use');
SELECT is(o2c.change_order(:c, payment_terms => 'net 60', requested_on => '2026-04-01'), 'confirmed', 'terms and date');
SELECT throws_ok(format($$UPDATE o2c.order_line SET quantity = 5 WHERE order_id = %s$$, :c), 'OC102', NULL, 'nobody else changes a line');
SELECT throws_ok(format($$UPDATE o2c.sales_order SET payment_terms = 'net 90' WHERE order_id = %s$$, :c), 'OC102', NULL, 'or the terms');
SELECT throws_ok('SELECT o2c.change_order(NULL)', 'OC002', NULL, 'no order');
SELECT throws_ok('SELECT o2c.change_order(-1)', 'OC001', NULL, 'no such order');
SELECT throws_ok(format('SELECT o2c.change_order(%s, company_id => 2)', :c), 'OC001', NULL, 'not of another company');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, '[{"line_no": 1, "quantity": -1}]')$$, :c), 'OC002', NULL, 'a negative quantity');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, '[{"line_no": 1}, {"line_no": 1}]')$$, :c), 'OC001', NULL, 'a line twice');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, '[{"line_no": 1, "price": 1}]')$$, :c), 'OC002', NULL, 'an unknown key');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, requested_on => 'infinity')$$, :c), 'OC002', NULL, 'an infinite date');

-- holds end with their order; those of people come back with it
SELECT o2c.place_order('C2', '[{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 1}]') AS h \gset
SELECT o2c.cancel_line(:h, 2);
SELECT o2c.place_hold(NULL, 'looks like fraud', :h) AS fraud \gset
SELECT is(o2c.cancel_order(:h), 'cancelled', 'a held order is cancelled');
SELECT is((SELECT release_reason FROM o2c.hold WHERE hold_id = :fraud), 'order ended', 'its hold ends with it');
SELECT is(o2c.reopen_order(:h), 'held', 'reopened it is held');
SELECT is((SELECT state FROM o2c.hold WHERE hold_id = :fraud), 'placed', 'by the same person''s hold');
UPDATE o2c.sales_order SET state = 'cancelled' WHERE order_id = :h;
SELECT is((SELECT released_by = current_user AND release_reason = 'order ended' FROM o2c.hold WHERE hold_id = :fraud), true, 'whoever cancels');
SELECT is(o2c.reopen_order(:h), 'held', 'and again');
SELECT o2c.release_hold(:fraud, 'it is not');
SELECT is(pg_temp.state(:h), 'confirmed', 'until somebody releases it');
SELECT is((SELECT trim_scale(cancelled_quantity) FROM o2c.order_line WHERE order_id = :h AND line_no = 2), 1::numeric, 'the line that was cancelled before stays cancelled');
SELECT is(o2c.change_order(:h, '[{"line_no": 2, "quantity": 1}]'), 'confirmed', 'until it is ordered again');
SELECT o2c.cancel_line(:h, 1); SELECT o2c.cancel_line(:h, 2);
SELECT throws_ok(format('SELECT o2c.reopen_order(%s)', :h), 'OC101', NULL, 'lines cancelled one by one do not come back with the order');

-- a rule of the checkpoint "change"
CREATE FUNCTION public.no_change(o2c.rule_case, jsonb) RETURNS o2c.finding LANGUAGE sql AS $$SELECT false, 1.0, 0.0, 'changes are not welcome'$$;
INSERT INTO o2c.rule (code, checkpoint, function, reaction) VALUES ('no_change', 'change', 'public.no_change', 'refuse');
SELECT throws_ok(format($$SELECT o2c.change_order(%s, '[{"line_no": 1, "quantity": 2}]')$$, :c), 'OC108', NULL, 'a change is refused');
SELECT is(pg_temp.exposure('C2'), '11.9 0 0', 'the order stays as it was');
DELETE FROM o2c.rule WHERE code = 'no_change';

-- the document
SELECT o2c.place_order_document('{"version": 1, "customer": "C2", "po_number": "PO 2", "ordered_on": "2026-02-28", "requested_on": "2026-03-09", "payment_terms": "net 14",
    "attributes": {"channel": "web"}, "lines": [{"sku": "A", "quantity": 1.5, "unit_price": 7.77, "discount_percent": 2.5, "description": "engraved", "attributes": {"text": "\"hi\""}},
    {"sku": "B", "quantity": 2, "tax_category": "E", "tax_rate": 0}], "charges": [{"reason": "Freight", "amount": 4.5, "tax_rate": 19}]}') AS d \gset
UPDATE o2c.product SET tax_rate = 25, name = 'Renamed', unit_price = 99 WHERE company_id = 1 AND sku = 'A';
UPDATE o2c.customer SET po_unique = false WHERE code = 'C2';
SELECT o2c.place_order_document(o2c.order_document(:d), 'key') AS e \gset
SELECT is(o2c.order_document(:e) - 'issued', o2c.order_document(:d) - 'issued', 'a round trip loses nothing, whatever became of the product');
SELECT is(o2c.order_document(:e)->'issued'->'total_amount', o2c.order_document(:d)->'issued'->'total_amount', 'nor an amount');
SELECT is(o2c.place_order_document(o2c.order_document(:d), 'key'), :e::bigint, 'a key is used once');
SELECT throws_ok('SELECT o2c.place_order_document(NULL)', 'OC204', NULL, 'no document');
SELECT throws_ok($$SELECT o2c.place_order_document('[]')$$, 'OC204', NULL, 'not an object');
SELECT throws_ok($$SELECT o2c.place_order_document('{"customer": "C2"}')$$, 'OC204', NULL, 'without a version');
SELECT throws_ok($$SELECT o2c.place_order_document('{"version": 1, "customer": "C2", "liens": []}')$$, 'OC002', NULL, 'a misspelt member');
SELECT throws_ok($$SELECT o2c.place_order_document('{"version": 1, "customer": 7, "lines": []}')$$, 'OC002', NULL, 'a customer that is a number');
SELECT throws_ok($$SELECT o2c.place_order_document('{"version": 1, "customer": "C2", "lines": [{"sku": "A", "quantity": 1, "tax_category": "Z", "tax_rate": 5}]}')$$, 'OC002', NULL, 'a tax that cannot be');
SELECT throws_ok($$SELECT o2c.place_order_document('{"version": 1, "customer": "C2", "ordered_on": "infinity", "lines": [{"sku": "A", "quantity": 1}]}')$$, 'OC002', NULL, 'an infinite date');

-- returns
SELECT o2c.place_order('C2', '[{"sku": "B", "quantity": 4}]') AS r \gset
SELECT o2c.receive_stock('B', 50);
SELECT o2c.ship_order(:r) AS s \gset
SELECT o2c.return_goods(:s, '[{"sku": "B", "quantity": 1}]');
SELECT is((SELECT total FROM o2c.bill(customer => 'C2')), 10.69, 'what came back is not billed');
SELECT o2c.return_goods(:s, '[{"line_no": 1, "quantity": 2}]', reason => 'broken', restock => false);
SELECT is((SELECT quantity FROM o2c.return_to_credit WHERE order_id = :r), 2.000000, 'what was billed calls for a credit note');
SELECT is((SELECT count(*) FROM o2c.credit_returns()), 1::bigint, 'which is made');
SELECT is((SELECT trim_scale(total_amount) FROM o2c.invoice WHERE kind = 'credit_note'), 7.13, 'of its amount');
SELECT throws_ok(format($$SELECT o2c.return_goods(%s, '[{"line_no": 1, "quantity": 1.1}]')$$, :s), 'OC002', NULL, 'not more than left');
SELECT is((SELECT count(*) FROM o2c.credit_returns()), 0::bigint, 'nothing else is due');
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
