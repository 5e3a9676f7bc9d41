-- Authority: amounts, overruns, four eyes; for holds, applications and limits. The wait after a refusal.
BEGIN;
SELECT no_plan();
SELECT o2c.create_company('Acme', 'EUR');
SET LOCAL o2c.business_date = '2026-03-01';
SET LOCAL client_min_messages = warning;
INSERT INTO o2c.customer (code, name) VALUES ('C1', 'One'), ('C2', 'Two'), ('C3', 'Three'), ('G', 'Group');
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT v.code, v.code, customer_id FROM o2c.customer CROSS JOIN (VALUES ('G1'), ('G2')) v (code) WHERE customer.code = 'G';
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('P', 'Service', 1, false);
CREATE ROLE o2c_test_clerk; CREATE ROLE o2c_test_ann; CREATE ROLE o2c_test_bob; CREATE ROLE o2c_test_chief;
GRANT USAGE ON SCHEMA o2c TO o2c_test_clerk, o2c_test_ann, o2c_test_bob, o2c_test_chief;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA o2c TO o2c_test_clerk, o2c_test_ann, o2c_test_bob, o2c_test_chief;
CREATE ROLE o2c_test_managers; GRANT o2c_test_managers TO o2c_test_ann, o2c_test_bob;
-- what comes of a command in the name of a role
CREATE FUNCTION pg_temp.by(who text, command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', 'o2c_test_' || who, true);
    EXECUTE command;
    PERFORM set_config('role', 'none', true);
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.place(quantity numeric) RETURNS bigint LANGUAGE sql AS
$$SELECT o2c.place_order('C1', jsonb_build_array(jsonb_build_object('sku', 'P', 'quantity', $1, 'discount_percent', 20)))$$;
CREATE FUNCTION pg_temp.hold("order" bigint) RETURNS bigint LANGUAGE sql AS 'SELECT hold_id FROM o2c.hold WHERE order_id = $1 AND released_at IS NULL';
CREATE FUNCTION pg_temp.state("order" bigint) RETURNS text LANGUAGE sql AS 'SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = $1';
CREATE FUNCTION pg_temp.waiting() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM o2c.approval WHERE state = ''waiting''';
CREATE FUNCTION pg_temp.limit_of(code text) RETURNS numeric LANGUAGE sql AS
'SELECT a.credit_limit FROM o2c.customer c JOIN o2c.credit_account a USING (company_id, customer_id) WHERE c.company_id = 1 AND c.code = $1';

-- holds: 80 each alone, up to 800 with a second one; the chief alone whatever it is
INSERT INTO o2c.rule (code, checkpoint, function, parameters, duty) VALUES ('discount', 'order', 'o2c.rule_discount', '{"percent": 10}', 'sales');
INSERT INTO o2c.authority (duty, holder, amount, alone_amount) VALUES ('sales', 'o2c_test_managers', 800, 80), ('sales', 'o2c_test_chief', NULL, NULL);
SELECT pg_temp.place(100) AS small \gset
SELECT pg_temp.place(100.0125) AS above \gset
SELECT pg_temp.place(1001) AS large \gset
SELECT pg_temp.place(500) AS ours \gset
SELECT pg_temp.hold(:small) AS h_small, pg_temp.hold(:above) AS h_above, pg_temp.hold(:large) AS h_large, pg_temp.hold(:ours) AS h_ours \gset
SELECT is(pg_temp.by('clerk', format('SELECT o2c.release_hold(%s, ''x'')', :h_small)), 'OC301', 'no authority');
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''x'')', :h_small)), 'done', '80 alone');
SELECT is(pg_temp.state(:small), 'confirmed', 'releases');
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''x'')', :h_above)), 'done', 'a cent more');
SELECT is(pg_temp.state(:above), 'held', 'is only approved');
SELECT results_eq('SELECT duty, object_type, object_id, value, approved_by, state FROM o2c.approval',
    format($$VALUES ('sales', 'hold', %s::bigint, 80.01, 'o2c_test_ann', 'waiting')$$, :h_above), 'as a first approval');
SELECT is((SELECT recipient || ' ' || (body ->> 'approved_by') FROM o2c.notification WHERE topic = 'second_approval'), 'sales o2c_test_ann', 'the duty is told');
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''again'')', :h_above)), 'OC301', 'nobody is two people');
SELECT is(pg_temp.by('clerk', format('SELECT o2c.release_hold(%s, ''x'')', :h_above)), 'OC301', 'nor a second one without authority');
SELECT is(pg_temp.by('bob', format('SELECT o2c.release_hold(%s, ''x'', days => 5)', :h_above)), 'done', 'another one who wants something else');
SELECT is(array[pg_temp.state(:above), pg_temp.waiting()::text], '{held,2}'::text[], 'approves that');
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''agreed'', days => 5)', :h_above)), 'done', 'the first one agrees');
SELECT is(pg_temp.state(:above), 'confirmed', 'which releases');
SELECT is((SELECT released_by || ' ' || (release_until - released_on) FROM o2c.hold WHERE hold_id = :h_above), 'o2c_test_ann 5', 'on the terms of both');
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''x'')', :h_large)), 'OC301', 'beyond the amount two are not enough');
SELECT is(pg_temp.by('chief', format('SELECT o2c.release_hold(%s, ''x'')', :h_large)), 'done', 'the chief is');
SELECT is(pg_temp.state(:large), 'confirmed', 'alone');
-- the requester is neither the first nor the second
SET LOCAL ROLE o2c_test_ann;
SELECT o2c.place_order('C1', '[{"sku": "P", "quantity": 200, "discount_percent": 20}]') AS hers \gset
RESET ROLE;
SELECT is(pg_temp.by('bob', format('SELECT o2c.release_hold(%s, ''x'')', pg_temp.hold(:hers))), 'done', 'a first approval');
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''x'')', pg_temp.hold(:hers))), 'OC301', 'who entered the order is no second one');
-- an approval counts up to its value, and for some days
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''x'')', :h_ours)), 'done', 'approved at 400');
SELECT o2c.change_order(:ours, '[{"line_no": 1, "quantity": 501}]');
SELECT is(pg_temp.by('bob', format('SELECT o2c.release_hold(%s, ''x'')', :h_ours)), 'done', 'the order grew');
SELECT is(pg_temp.state(:ours), 'held', 'so this is a first approval, too');
SET LOCAL o2c.business_date = '2026-04-01';
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''x'')', :h_ours)), 'done', '31 days later');
SELECT is(pg_temp.state(:ours), 'held', 'it does not count any more');
SET LOCAL o2c.business_date = '2026-05-01';
SELECT is(pg_temp.by('bob', format('SELECT o2c.release_hold(%s, ''x'')', :h_ours)), 'done', '30 days later');
SELECT is(pg_temp.state(:ours), 'confirmed', 'it does');

-- overruns on either side of a threshold
INSERT INTO o2c.product (sku, name, unit_price, cost, stocked) VALUES ('M', 'With a cost', 10, 8, false);
UPDATE o2c.rule SET valid_to = '2026-03-01' WHERE code = 'discount';
INSERT INTO o2c.rule (code, checkpoint, function, parameters, duty) VALUES ('margin', 'order', 'o2c.rule_margin', '{"percent": 25}', 'margin');
INSERT INTO o2c.authority (duty, holder, overrun_percent) VALUES ('margin', 'o2c_test_ann', 20), ('margin', 'o2c_test_bob', 19.99);
SELECT o2c.place_order('C2', '[{"sku": "M", "quantity": 1}]') AS thin \gset
SELECT is(pg_temp.by('bob', format('SELECT o2c.release_hold(%s, ''x'')', pg_temp.hold(:thin))), 'OC301', '20 percent is a fifth below 25');
SELECT is(pg_temp.by('ann', format('SELECT o2c.release_hold(%s, ''x'')', pg_temp.hold(:thin))), 'done', 'within 20');
SELECT is(pg_temp.state(:thin), 'confirmed', 'released');

-- applications and limits: nobody is bounded until a duty is named
SELECT o2c.set_credit_limit('C1', 500), o2c.set_credit_limit('C2', 500), o2c.set_credit_limit('G', 500);
SELECT is(pg_temp.by('clerk', 'SELECT o2c.set_credit_limit(''C1'', 600)'), 'done', 'without a duty whoever may call it');
SELECT o2c.set_setting('credit_duty', 'credit');
INSERT INTO o2c.authority (duty, holder, amount, alone_amount, overrun_percent) VALUES ('credit', 'o2c_test_managers', 5000, 1000, NULL), ('credit', 'o2c_test_chief', NULL, NULL, NULL);
SELECT is(pg_temp.by('clerk', 'SELECT o2c.set_credit_limit(''C1'', 601)'), 'OC301', 'raising needs the duty');
SELECT is(pg_temp.by('clerk', 'SELECT o2c.set_credit_limit(''C1'', 550)'), 'done', 'lowering does not');
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_credit_limit(''C1'', 1000)'), 'done', '1000 alone');
SELECT is(pg_temp.limit_of('C1'), 1000::numeric, 'is set');
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_credit_limit(''C1'', 1000.01)'), 'done', 'more');
SELECT is(pg_temp.limit_of('C1'), 1000::numeric, 'is approved');
SELECT is(pg_temp.by('bob', 'SELECT o2c.set_credit_limit(''C2'', 1000.01)'), 'done', 'for another customer');
SELECT is(pg_temp.limit_of('C2'), 500::numeric, 'that is nothing');
SELECT is(pg_temp.by('bob', 'SELECT o2c.set_credit_limit(''C1'', 1000.01)'), 'done', 'the same by another person');
SELECT is(pg_temp.limit_of('C1'), 1000.01, 'is set');
SELECT is((SELECT count(*) FROM o2c.credit_limit_change WHERE amount = 1000.01), 1::bigint, 'once');
SELECT o2c.set_credit_limit('C1', 1000);
SELECT is(pg_temp.by('bob', 'SELECT o2c.set_credit_limit(''C1'', 1000.01)'), 'done', 'later again');
SELECT is(pg_temp.limit_of('C1'), 1000::numeric, 'needs two again');
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_credit_limit(''C1'', 5000.01)'), 'OC301', 'beyond their amount');
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_credit_limit(''C1'', NULL)'), 'OC301', 'and unlimited');
SELECT is(pg_temp.by('chief', 'SELECT o2c.set_credit_limit(''C1'', NULL)'), 'done', 'is for the chief');
SELECT is(pg_temp.by('clerk', 'SELECT o2c.set_credit_limit(''G1'', 501)'), 'OC301', 'a limit of one''s own is measured by the parent''s');
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_credit_limit(''G1'', 2000)'), 'done', 'a first approval for a child');
SELECT is(pg_temp.by('bob', 'SELECT o2c.set_credit_limit(''G2'', 2000)'), 'done', 'is none for its sister');
SELECT is(array[pg_temp.limit_of('G1'), pg_temp.limit_of('G2')], '{NULL,NULL}'::numeric[], 'on the same account');

SELECT is(pg_temp.by('clerk', 'SELECT o2c.add_credit_limit(''C2'', 501, NULL, NULL)'), 'OC301', 'a limit for a time');
SELECT is(pg_temp.by('clerk', 'SELECT o2c.add_credit_limit(''C2'', 1, NULL, NULL, ''uplift'')'), 'OC301', 'an uplift');
SELECT is(pg_temp.by('clerk', 'SELECT o2c.add_credit_limit(''C2'', 1, NULL, NULL, ''security'')'), 'OC301', 'what is secured');
SELECT is(pg_temp.by('ann', 'SELECT o2c.add_credit_limit(''C2'', 100.01, NULL, NULL, ''uplift'')'), 'done', 'twice as much and more');
SELECT is((SELECT count(*) FROM o2c.credit_limit), 0::bigint, 'needs a second one');
SELECT is(pg_temp.by('bob', 'SELECT o2c.add_credit_limit(''C2'', 100.01, NULL, NULL, ''uplift'')'), 'done', 'who agrees');
SELECT is((SELECT actor FROM o2c.credit_limit), 'o2c_test_bob', 'it is given');
SELECT o2c.set_group_limit('G', 900);
SELECT is(pg_temp.by('clerk', 'SELECT o2c.set_group_limit(''G'', 901)'), 'OC301', 'the limit of a group');
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_group_limit(''G'', 1000)'), 'done', 'with authority');
SELECT is(pg_temp.by('clerk', 'SELECT o2c.set_group_limit(''G'', NULL)'), 'OC301', 'is not taken away by anybody');
SELECT is(pg_temp.by('clerk', 'SELECT o2c.set_credit_status(''C2'', ''approved'', ''x'')'), 'OC301', 'nor approved');
SELECT is(pg_temp.by('clerk', 'SELECT o2c.set_credit_status(''C2'', ''suspended'', ''x'')'), 'done', 'suspended it is');
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_credit_status(''C2'', ''approved'', ''x'')'), 'done', 'with authority for its limit');
SELECT is(o2c.credit_status('C2'), 'approved', 'it is approved');

SELECT o2c.apply_for_credit('C3', 3000) AS app \gset
SELECT is(pg_temp.by('clerk', format('SELECT o2c.decide_application(%s, ''approved'', ''x'')', :app)), 'OC301', 'an application');
SELECT is(pg_temp.by('ann', format('SELECT o2c.decide_application(%s, ''approved'', ''x'', 5000.01)', :app)), 'OC301', 'up to the amount');
SELECT is(pg_temp.by('ann', format('SELECT o2c.decide_application(%s, ''approved'', ''x'', 3000.00)', :app)), 'done', 'by the first');
SELECT is((SELECT state FROM o2c.credit_application WHERE application_id = :app), 'referred', 'is approved once');
SELECT is(pg_temp.by('bob', format('SELECT o2c.decide_application(%s, ''approved'', ''x'', 2000)', :app)), 'done', 'another amount');
SELECT is((SELECT state FROM o2c.credit_application WHERE application_id = :app), 'referred', 'is another approval');
SELECT is(pg_temp.by('bob', format('SELECT o2c.decide_application(%s, ''approved'', ''x'')', :app)), 'done', 'the same');
SELECT is((SELECT state || ' ' || granted_amount || ' ' || decided_by FROM o2c.credit_application WHERE application_id = :app), 'approved 3000 o2c_test_bob', 'decides');
SELECT is(pg_temp.limit_of('C3'), 3000::numeric, 'the limit is set, though its decider alone may not');
SELECT is((SELECT string_agg(approved_by, ',' ORDER BY approval_id) FROM o2c.approval WHERE object_type = 'credit_application' AND state = 'used'), 'o2c_test_ann,o2c_test_bob', 'both are on record');

-- the overrun is that of the proposed limit
UPDATE o2c.authority SET overrun_percent = 10, alone_amount = NULL WHERE duty = 'credit' AND holder = 'o2c_test_managers';
SELECT o2c.set_credit_limit('C2', 1000);
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_credit_limit(''C2'', 1100.01)'), 'OC301', 'a tenth above the limit that stands');
SELECT is(pg_temp.by('ann', 'SELECT o2c.set_credit_limit(''C2'', 1100)'), 'done', 'and no more');
SELECT is(pg_temp.limit_of('C2'), 1100::numeric, 'is for one person');

-- waiting after a refusal
SET LOCAL o2c.business_date = '2026-06-01';
SELECT o2c.apply_for_credit('C3', 4000) AS refused \gset
SELECT is(pg_temp.by('ann', format('SELECT o2c.decide_application(%s, ''declined'', ''no'')', :refused)), 'done', 'declined by one person');
SELECT lives_ok('SELECT o2c.apply_for_credit(''C3'', 4000)', 'who may apply again at once');
SELECT is(pg_temp.by('ann', 'SELECT o2c.decide_application((SELECT max(application_id) FROM o2c.credit_application), ''declined'', ''no'')'), '42501', 'a role does not read tables');
SELECT max(application_id) AS refused FROM o2c.credit_application \gset
SELECT is(pg_temp.by('ann', format('SELECT o2c.decide_application(%s, ''declined'', ''no'')', :refused)), 'done', 'and is declined again');
SELECT o2c.set_setting('credit_cool_off_days', '30');
SELECT throws_ok('SELECT o2c.apply_for_credit(''C3'', 4000)', 'OC108', NULL, 'not within the setting');
SELECT lives_ok('SELECT o2c.apply_for_credit(''C2'', 4000)', 'which is for who was declined');
SET LOCAL o2c.business_date = '2026-06-30';
SELECT throws_ok('SELECT o2c.apply_for_credit(''C3'', 4000)', 'OC108', NULL, 'to the last day');
SET LOCAL o2c.business_date = '2026-07-01';
SELECT lives_ok('SELECT o2c.apply_for_credit(''C3'', 4000)', 'then it may');

SELECT throws_ok('INSERT INTO o2c.approval (company_id, duty, object_type, object_id, terms, approved_on) VALUES (1, ''sales'', ''hold'', 1, ''{}'', ''2026-01-01'')', 'OC102', NULL, 'nobody else writes approvals');
SELECT throws_ok('UPDATE o2c.approval SET used_at = NULL', 'OC102', NULL, 'or takes them back');
SELECT throws_ok('DELETE FROM o2c.approval', 'OC102', NULL, 'or away');
SELECT throws_ok(format('INSERT INTO o2c.authority (duty, holder, alone_amount) VALUES (''x'', ''x'', %L)', v), '23514', NULL, 'alone up to ' || v) FROM unnest('{-1,NaN,Infinity}'::text[]) v;
SELECT is_empty('SELECT * FROM o2c.verify()', 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
