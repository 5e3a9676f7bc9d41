-- Scores and applications: points, scorecards, limits, who has credit.
BEGIN;
SELECT plan(227);

SELECT lives_ok($$SELECT o2c.create_company('Acme', 'EUR')$$, 'a company');
SELECT lives_ok($$SELECT o2c.create_company('Other', 'EUR')$$, 'another company');
SET LOCAL o2c.business_date = '2026-03-01';
INSERT INTO o2c.customer (code, name) SELECT 'C' || n, 'Customer ' || n FROM generate_series(1, 9) n;

-- The payment index.
SELECT is(round(o2c.payment_points(d.days), 4), d.points, format('points at %s days', d.days))
FROM (VALUES (-30, 100.0), (-15, 90), (0, 80), (15, 70), (22, 60), (30, 50), (60, 40), (90, 30), (120, 20),
             (-31, 100), (121, 20), (-2147483648, 100), (2147483647, 20), (5, 76.6667), (18, 65.7143), (45, 45), (100, 26.6667)) d (days, points);
SELECT is(o2c.payment_points(NULL), NULL, 'points of an unknown number of days');
SELECT is((SELECT o2c.payment_index(1, 0) FROM generate_series(1, 0)), NULL, 'no index of nothing');
SELECT is((SELECT o2c.payment_index(a, 0) FROM unnest('{100,200}'::numeric[]) a), NULL, 'two experiences are too few');
SELECT is((SELECT o2c.payment_index(a, 0) FROM unnest('{100,200,0}'::numeric[]) a), NULL, 'an amount of 0 is no experience');
SELECT is((SELECT o2c.payment_index(a, 0) FROM unnest('{100,200,NULL}'::numeric[]) a), NULL, 'a null amount is no experience');
SELECT is((SELECT round(o2c.payment_index(a, 0), 4) FROM unnest('{100,200,0.01}'::numeric[]) a), 80.0000, 'three are enough');
SELECT is((SELECT round(o2c.payment_index(v.a, v.d), 4) FROM (VALUES (1000, 0), (1000, 30), (2000, 90)) v (a, d)), 47.5000, 'weighted by amount');
SELECT is((SELECT o2c._payment_index_merge('{1,2,3}', '{10,20,30}')), '{11,22,33}'::numeric[], 'states merge');
SELECT is((SELECT o2c._payment_index_result(o2c._payment_index_merge(
               (SELECT o2c._payment_index_add(o2c._payment_index_add('{0,0,0}', 17.5, 20), 3, -4)), o2c._payment_index_add('{0,0,0}', 99, 71)))),
          (SELECT o2c.payment_index(v.a, v.d) FROM (VALUES (99, 71), (17.5, 20), (3, -4)) v (a, d)), 'in parts and in any order the same');
SELECT results_eq($$SELECT o2c.payment_index(n, n) OVER (ORDER BY n ROWS 2 PRECEDING) FROM generate_series(1, 200) n$$,
                  $$SELECT (SELECT o2c.payment_index(m, m) FROM generate_series(greatest(n - 2, 1), n) m) FROM generate_series(1, 200) n$$, 'a moving frame is exact');
SELECT throws_ok($$SELECT o2c.payment_index(-1, 0)$$, 'OC002', NULL, 'a negative amount');
SELECT throws_ok($$SELECT o2c.payment_index('NaN', 0)$$, 'OC002', NULL, 'NaN');
SELECT throws_ok($$SELECT o2c.payment_index('Infinity', 0)$$, 'OC002', NULL, 'infinity');
SELECT throws_ok($$SELECT o2c._payment_index_add('{1,2}', 1, 1)$$, 'OC002', NULL, 'a state that is none');
SELECT throws_ok($$SELECT o2c._payment_index_result('{1,NULL,3}')$$, 'OC002', NULL, 'a state with null');
SELECT is(o2c._payment_index_result('{1,0,3}'), NULL, 'a state without amount');

-- Altman's Z'.
SELECT results_eq($$SELECT round(z, 3), zone FROM o2c.altman_z(20, 15, 10, 80, 150, 100, 100)$$, $$VALUES (2.414, 'grey')$$, 'the published example');
SELECT is((o2c.altman_z(0, 0, 0, x, 0, 1, 42)).zone, zone, format('zone of %s', x / 100))
FROM (VALUES (290.0, 'grey'), (290.1, 'safe'), (123, 'grey'), (122.9, 'distress'), (-500, 'distress')) v (x, zone);
SELECT is((o2c.altman_z(1, 1, 1, 1, 1, 0, 1)).z, NULL, 'no assets');
SELECT is((o2c.altman_z(1, 1, 1, 1, 1, 1, 0)).z, NULL, 'no liabilities');
SELECT is((o2c.altman_z(1, 1, 1, 1, 1, -1, 1)).z, NULL, 'negative assets');
SELECT is((o2c.altman_z(1, 1, 1, 1, NULL, 1, 1)).zone, NULL, 'a figure is missing');
SELECT throws_ok($$SELECT o2c.altman_z(1, 1, 'NaN', 1, 1, 1, 1)$$, 'OC002', 'ebit must be finite, not NaN', 'NaN');
SELECT throws_ok($$SELECT o2c.altman_z(1, 1, 1, 1, 1, 'Infinity', 1)$$, 'OC002', NULL, 'infinity');

-- The proposed limit.
SELECT is(o2c.propose_limit(v.most, v.worth, v.peak, v.insured), v.proposed::numeric, format('proposed for %s', v))
FROM (VALUES (10000, 50000, 4000, 20000, 5000), (10000, 500000, 8000, 7050, 7000), (10000, 500000, 6060, 90000, 9000), (1500, NULL, NULL, NULL, 1500),
             (NULL, NULL, NULL, NULL, NULL), (NULL, -1000, NULL, NULL, 0), (99, NULL, NULL, NULL, 0), (0, 1000, 1000, NULL, 0)) v (most, worth, peak, insured, proposed);
SELECT throws_ok($$SELECT o2c.propose_limit('NaN', 1, 1, 1)$$, 'OC002', NULL, 'NaN');
SELECT throws_ok($$SELECT o2c.propose_limit(1, 1, 1, 1, step => 0)$$, 'OC002', NULL, 'a step of 0');
SELECT throws_ok($$SELECT o2c.propose_limit(1, 1, 'Infinity', 1)$$, 'OC002', NULL, 'infinity');

-- A scorecard; its published form leaves a gap.
INSERT INTO o2c.risk_class (risk_class, review_months, credit_limit) VALUES ('high', 1, NULL), ('medium', 3, 10000), ('low', 12, 15000);
INSERT INTO o2c.scorecard (scorecard) VALUES ('standard');
INSERT INTO o2c.scorecard_points (scorecard, attribute, value_range, points) VALUES
    ('standard', 'years', '(,5)', 2), ('standard', 'years', '(5,)', 5),
    ('standard', 'days_late', '(,1)', 5), ('standard', 'days_late', '[1,31)', 4), ('standard', 'days_late', '[31,61)', 2), ('standard', 'days_late', '[61,)', 0);
INSERT INTO o2c.scorecard_points (scorecard, attribute, value, points, stop) VALUES
    ('standard', 'guarantee', 'true', 5, false), ('standard', 'guarantee', 'false', 0, false), ('standard', 'sanctioned', 'true', 0, true);
INSERT INTO o2c.scorecard_band (scorecard, points, risk_class, credit_limit) VALUES
    ('standard', '(,2)', 'high', 0), ('standard', '[4,8)', 'high', 4000), ('standard', '[8,12)', 'medium', 10000), ('standard', '[12,)', 'low', 15000);
SELECT bag_eq($$SELECT problem FROM o2c.scorecard_problem$$,
              ARRAY['attribute years has no band for {[5,5]}', 'sum of points has no band for {[2,4)}'], 'both gaps are found');
SELECT throws_ok($$SELECT o2c.activate_scorecard('standard', 1)$$, 'OC107', NULL, 'a gap is refused');
SELECT throws_ok($$UPDATE o2c.scorecard SET state = 'active'$$, 'OC107', NULL, 'also to those who write the table');
UPDATE o2c.scorecard_points SET value_range = '(,5]' WHERE value_range = '(,5)';
UPDATE o2c.scorecard_band SET points = '(,5)' WHERE points = '(,2)';
SELECT results_eq($$SELECT problem FROM o2c.scorecard_problem$$, ARRAY['sum of points has two bands for [4,5)'], 'an overlap is found');
SELECT throws_ok($$SELECT o2c.activate_scorecard('standard', 1)$$, 'OC107', NULL, 'an overlap is refused');
UPDATE o2c.scorecard_band SET points = '(,4)' WHERE points = '(,5)';
INSERT INTO o2c.scorecard_points (scorecard, attribute, value, points) VALUES ('standard', 'years', 'many', 9);
SELECT results_eq($$SELECT problem FROM o2c.scorecard_problem$$, ARRAY['attribute years mixes ranges and values'], 'a mixture is found');
DELETE FROM o2c.scorecard_points WHERE value = 'many';
SELECT is_empty($$SELECT problem FROM o2c.scorecard_problem$$, 'nothing is wrong any more');
INSERT INTO o2c.scorecard (scorecard) VALUES ('empty');
SELECT bag_eq($$SELECT problem FROM o2c.scorecard_problem$$, ARRAY['there are no bands', 'there are no points'], 'an empty scorecard');
SELECT throws_ok($$SELECT o2c.activate_scorecard('empty', 1)$$, 'OC107', NULL, 'is refused');
SELECT throws_ok($$INSERT INTO o2c.scorecard (scorecard, state) VALUES ('born', 'active')$$, 'OC107', NULL, 'no scorecard is born active');
SELECT throws_ok($$UPDATE o2c.scorecard SET state = 'retired' WHERE scorecard = 'empty'$$, 'OC107', NULL, 'nor retired before it could score');
SELECT throws_ok($$SELECT o2c.activate_scorecard('standard', 7)$$, 'OC001', NULL, 'no such version');
SELECT throws_ok($$SELECT o2c.score_customer('C1')$$, 'OC001', NULL, 'a draft does not score');
SELECT lives_ok($$SELECT o2c.activate_scorecard('standard', 1)$$, 'it is taken into use');
SELECT throws_ok($$UPDATE o2c.scorecard SET state = 'draft' WHERE scorecard = 'standard'$$, 'OC102', NULL, 'and no draft again');
SELECT throws_ok($$DELETE FROM o2c.scorecard_band$$, 'OC102', NULL, 'its bands stay');
SELECT throws_ok($$UPDATE o2c.scorecard_points SET points = 9$$, 'OC102', NULL, 'its points stay');
SELECT throws_ok($$INSERT INTO o2c.scorecard_band (scorecard, points, risk_class) VALUES ('standard', '[0,1)', 'low')$$, 'OC102', NULL, 'and get no more');
SELECT throws_ok($$INSERT INTO o2c.scorecard_points (scorecard, attribute, value_range, points) VALUES ('empty', 'a', 'empty', 1)$$, '23514', NULL, 'an empty range');
SELECT throws_ok($$INSERT INTO o2c.scorecard_points (scorecard, attribute, value, points) VALUES ('empty', 'a', 'b', 'NaN')$$, '23514', NULL, 'points of NaN');

-- Scores.
CREATE FUNCTION pg_temp.score(customer text, inputs jsonb DEFAULT '{}', as_of date DEFAULT NULL) RETURNS o2c.credit_score LANGUAGE plpgsql AS $$
DECLARE id bigint := o2c.score_customer(customer, inputs, as_of); score o2c.credit_score;
BEGIN
    SELECT * INTO score FROM o2c.credit_score s WHERE s.score_id = id;
    RETURN score;
END $$;
SELECT results_eq($$SELECT points, risk_class, proposed_limit, next_review_on, scorecard, version, stopped
                    FROM pg_temp.score('C1', '{"years": 7, "days_late": 0, "guarantee": true}')$$,
                  $$VALUES (15::numeric, 'low', 15000::numeric, date '2027-03-01', 'standard', 1, false)$$, 'the best score');
SELECT results_eq($$SELECT points, risk_class, proposed_limit, next_review_on FROM pg_temp.score('C1')$$,
                  $$VALUES (0::numeric, 'high', 0::numeric, date '2026-04-01')$$, 'nothing known is worth nothing');
SELECT is((SELECT s.points FROM pg_temp.score('C1', i::jsonb) s), p, format('points of %s', i))
FROM (VALUES ('{"years": 5}', 2.0), ('{"years": 5.01}', 5), ('{"days_late": 1}', 4), ('{"days_late": 30}', 4), ('{"days_late": 31}', 2), ('{"days_late": 61}', 0),
             ('{"years": "5"}', 0), ('{"guarantee": "maybe"}', 0), ('{"guarantee": null}', 0), ('{"years": [5]}', 0), ('{"years": 1e300}', 5), ('{"other": 1}', 0)) v (i, p);
SELECT is((SELECT s.findings FROM pg_temp.score('C1', '{"years": 7, "guarantee": "maybe"}') s),
          '[{"attribute": "days_late", "value": null, "points": 0, "missing": true}, {"attribute": "guarantee", "value": "maybe", "points": 0, "missing": true},
            {"attribute": "sanctioned", "value": null, "points": 0, "missing": true}, {"attribute": "years", "value": 7, "points": 5, "missing": false}]'::jsonb, 'what a score found');
SELECT results_eq($$SELECT stopped, proposed_limit FROM pg_temp.score('C1', '{"years": 7, "days_late": 0, "guarantee": true, "sanctioned": true}')$$,
                  $$VALUES (true, 0::numeric)$$, 'a value that stops');
SELECT is((SELECT s.proposed_limit FROM pg_temp.score('C1', '{"years": 7, "days_late": 0, "guarantee": true, "net_worth": 43210}') s), 4300::numeric, 'a tenth of the net worth');
SELECT is((SELECT s.proposed_limit FROM pg_temp.score('C1', '{"years": 7, "days_late": 0, "guarantee": true, "insured_amount": 1250.5}') s), 1200::numeric, 'the insured amount');
SELECT lives_ok($$SELECT o2c.record_information('C2', 'years', '7', 'register'), o2c.record_information('C2', 'guarantee', 'true', 'bank', '2026-03-31')$$, 'what is known is recorded');
SELECT is((SELECT s.points FROM pg_temp.score('C2') s), 10.0, 'and scored');
SELECT is((SELECT s.points FROM pg_temp.score('C2', '{"years": 1}') s), 7.0, 'what is given stands above it');
SELECT is((SELECT s.inputs FROM pg_temp.score('C2', '{"years": 1}') s), '{"years": 1, "guarantee": true}'::jsonb, 'inputs are stored');
SELECT is((SELECT s.points FROM pg_temp.score('C2', as_of => '2026-03-31') s), 10.0, 'the last day of a fact');
SELECT is((SELECT s.points FROM pg_temp.score('C2', as_of => '2026-04-01') s), 5.0, 'the day after it is not known');
SELECT is((SELECT s.points FROM pg_temp.score('C2', as_of => '2026-02-28') s), 0.0, 'nor the day before it was recorded');
SELECT lives_ok($$SELECT o2c.record_information('C2', 'years', 'null')$$, 'no longer known');
SELECT is((SELECT s.points FROM pg_temp.score('C2') s), 5.0, 'is worth nothing');
SELECT throws_ok($$SELECT o2c.record_information('C2', 'years', '[1]')$$, '23514', NULL, 'a list is no fact');
SELECT throws_ok($$SELECT o2c.record_information('nobody', 'years', '1')$$, 'OC001', NULL, 'a fact of nobody');
SELECT throws_ok($$SELECT o2c.score_customer('nobody')$$, 'OC001', NULL, 'a score of nobody');
SELECT throws_ok($$SELECT o2c.score_customer('C1', '[]')$$, 'OC002', NULL, 'inputs that are no object');
SELECT throws_ok($$SELECT o2c.score_customer('C1', as_of => 'infinity')$$, 'OC002', NULL, 'an infinite day');
SELECT throws_ok($$SELECT o2c.score_customer('C1', scorecard => 'none')$$, 'OC001', NULL, 'no such scorecard');
SELECT throws_ok($$UPDATE o2c.credit_score SET points = 99$$, 'OC102', NULL, 'scores stay');

CREATE FUNCTION pg_temp.class_and_review(customer text) RETURNS text LANGUAGE sql AS $$
    SELECT c.risk_class || ' ' || a.review_on FROM o2c.customer c JOIN o2c.credit_account a USING (company_id, customer_id) WHERE c.company_id = 1 AND c.code = customer $$;
SELECT is(pg_temp.class_and_review('C1'), 'low 2027-03-01', 'the latest score gives the class and the date of the review');
SELECT is((SELECT s.risk_class FROM pg_temp.score('C1', as_of => '2026-01-01') s), 'high', 'a score of an earlier day');
SELECT is((SELECT s.risk_class FROM pg_temp.score('C1', as_of => '2026-03-02') s), 'high', 'and one of a day to come');
SELECT is(pg_temp.class_and_review('C1'), 'low 2027-03-01', 'leave them as they are');

-- A new version; stored scores keep theirs.
SELECT is(o2c.copy_scorecard('standard'), 2, 'a second version');
SELECT lives_ok($$UPDATE o2c.scorecard_points SET points = 3 WHERE version = 2 AND value_range = '(,5]'$$, 'which may be changed');
SELECT lives_ok($$SELECT o2c.activate_scorecard('standard', 2)$$, 'and used');
SELECT results_eq($$SELECT version, state FROM o2c.scorecard WHERE scorecard = 'standard' ORDER BY version$$, $$VALUES (1, 'retired'), (2, 'active')$$, 'in place of the first');
SELECT results_eq($$SELECT points, version FROM pg_temp.score('C1', '{"years": 5}')$$, $$VALUES (3::numeric, 2)$$, 'scores name it');
SELECT throws_ok($$SELECT o2c.copy_scorecard('nothing')$$, 'OC001', NULL, 'no such scorecard');

-- Reviews.
SELECT is(o2c.review_scores('2026-03-31'), 0::bigint, 'nobody is due');
SELECT is(o2c.review_scores('2026-04-02'), 1::bigint, 'after a month the high risk is');
SELECT is(o2c.review_scores('2026-04-02'), 0::bigint, 'once');
SELECT throws_ok($$SELECT o2c.review_scores('-infinity')$$, 'OC002', NULL, 'an infinite day');
SELECT is(o2c.review_scores('2026-04-01', 2), 0::bigint, 'another company has none');

-- Who has credit.
CREATE FUNCTION pg_temp.application(id bigint) RETURNS SETOF o2c.credit_application LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT a.* FROM o2c.credit_application a WHERE a.company_id = 1 AND a.application_id = id;
END $$;
CREATE FUNCTION pg_temp.credit_limit(customer text) RETURNS numeric LANGUAGE sql AS $$
    SELECT a.credit_limit FROM o2c.customer c JOIN o2c.customer_credit m USING (company_id, customer_id)
    JOIN o2c.credit_account a USING (company_id, credit_account_id) WHERE c.company_id = 1 AND c.code = customer $$;
SELECT is(o2c.credit_status('C3'), 'none', 'a new customer has no credit');
SELECT throws_ok($$SELECT o2c.credit_status('nobody')$$, 'OC001', NULL, 'nor has nobody');
SELECT throws_ok($$SELECT o2c.credit_status(NULL)$$, 'OC002', NULL, 'nor null');
SELECT throws_ok(format($$SELECT o2c.apply_for_credit('C3', %s)$$, v.amount), 'OC002', NULL, 'no application for ' || v.amount)
FROM (VALUES ('NULL'), ('0'), ('-1'), ($$'NaN'$$), ($$'Infinity'$$)) v (amount);
SELECT throws_ok($$SELECT o2c.apply_for_credit('nobody', 1)$$, 'OC001', NULL, 'no application of nobody');
SELECT throws_ok($$SELECT o2c.apply_for_credit('C3', 1, '[]')$$, 'OC002', NULL, 'no application with a list');

-- Without a table everything is referred to a person who did not ask.
SELECT is((pg_temp.application(o2c.apply_for_credit('C3', 5000, '{"years": 7}'))).state, 'referred', 'without a decision table a person decides');
SELECT is(o2c.credit_status('C3'), 'applied', 'until then the customer has applied');
SELECT throws_ok($$SELECT o2c.apply_for_credit('C3', 1)$$, 'OC101', NULL, 'one application at a time');
SELECT is((SELECT count(*) FROM o2c.notification WHERE topic = 'credit_referred' AND recipient = 'credit'), 1::bigint, 'the department is told');
CREATE FUNCTION pg_temp.last_application() RETURNS bigint LANGUAGE sql AS 'SELECT max(application_id) FROM o2c.credit_application';
SELECT throws_ok($$SELECT o2c.decide_application(pg_temp.last_application(), 'approved', 'known')$$, 'OC301', NULL, 'who asked does not decide');
SELECT throws_ok($$SELECT o2c.decide_application(pg_temp.last_application(), 'approved', '')$$, 'OC002', NULL, 'a decision has a reason');
SELECT throws_ok($$SELECT o2c.decide_application(pg_temp.last_application(), 'maybe', 'x')$$, 'OC002', NULL, 'and is one');
SELECT throws_ok($$SELECT o2c.decide_application(pg_temp.last_application(), 'approved', 'x', -1)$$, 'OC002', NULL, 'of an amount that can be');
SELECT throws_ok($$SELECT o2c.decide_application(pg_temp.last_application(), 'approved', 'x', expires_on => '2026-02-28')$$, 'OC002', NULL, 'that is not over');
SELECT throws_ok($$SELECT o2c.decide_application(pg_temp.last_application(), 'approved', 'x', expires_on => 'infinity')$$, 'OC002', NULL, 'an infinite date is none');
SELECT throws_ok($$SELECT o2c.decide_application(-1, 'approved', 'x')$$, 'OC001', NULL, 'of an application that is there');
SELECT throws_ok($$SELECT o2c.decide_application(NULL, 'approved', 'x')$$, 'OC002', NULL, 'not of null');
CREATE ROLE o2c_test_manager;
GRANT USAGE ON SCHEMA o2c TO o2c_test_manager;
GRANT EXECUTE ON FUNCTION o2c.decide_application(bigint, text, text, numeric, date, bigint) TO o2c_test_manager;
CREATE FUNCTION pg_temp.manager_decides(decision text, amount numeric, expires_on date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE id bigint := pg_temp.last_application();
BEGIN
    SET LOCAL ROLE o2c_test_manager;
    PERFORM o2c.decide_application(id, decision, 'as I see it', amount, expires_on);
    RESET ROLE;
END $$;
SELECT lives_ok($$SELECT pg_temp.manager_decides('approved', 4000, '2026-03-31')$$, 'another person does');
SELECT results_eq($$SELECT state, granted_amount, expires_on, decided_on, decided_by, reason FROM pg_temp.application(pg_temp.last_application())$$,
                  $$VALUES ('approved', 4000::numeric, date '2026-03-31', date '2026-03-01', 'o2c_test_manager', 'as I see it')$$, 'and that is kept');
SELECT is(o2c.credit_status('C3'), 'approved', 'the customer has credit');
SELECT is(pg_temp.credit_limit('C3'), 4000::numeric, 'with a limit');
SELECT is(o2c.credit_status('C3', '2026-03-31'), 'approved', 'up to the last day');
SELECT is(o2c.credit_status('C3', '2026-04-01'), 'expired', 'and not after it');
SELECT is(o2c.credit_status('C3', '2026-02-28'), 'none', 'nor before it was given');
SELECT throws_ok($$SELECT pg_temp.manager_decides('declined', NULL, NULL)$$, 'OC101', NULL, 'decided once');
SELECT throws_ok($$UPDATE o2c.credit_application SET state = 'declined'$$, 'OC102', NULL, 'nobody writes the state');
SELECT throws_ok($$UPDATE o2c.credit_status SET expires_on = NULL$$, 'OC102', NULL, 'nor a fact');
SELECT throws_ok($$DELETE FROM o2c.credit_application$$, 'OC102', NULL, 'applications stay');

-- More was asked for and refused: what stands stays.
SELECT is((pg_temp.application(o2c.apply_for_credit('C3', 9000))).state, 'referred', 'an increase');
SELECT is(o2c.credit_status('C3'), 'approved', 'asking takes nothing away');
SELECT lives_ok($$SELECT pg_temp.manager_decides('declined', NULL, NULL)$$, 'it is refused');
SELECT is(o2c.credit_status('C3'), 'approved', 'which takes nothing away either');
SELECT is(pg_temp.credit_limit('C3'), 4000::numeric, 'nor changes the limit');

-- Who applied may withdraw.
SELECT is((pg_temp.application(o2c.apply_for_credit('C4', 9000))).state, 'referred', 'another application');
SELECT lives_ok($$SELECT o2c.decide_application(pg_temp.last_application(), 'withdrawn', 'changed my mind')$$, 'is withdrawn');
SELECT is(o2c.credit_status('C4'), 'none', 'without a trace in the status');

-- The decision table.
INSERT INTO o2c.credit_table (priority, outcome, risk_class, points, amount, conditions, credit_limit, valid_months, description) VALUES
    (10, 'approved', 'low', NULL, '(,20000]', '{"years": "[2,)"}', NULL, 12, 'low risk'),
    (20, 'approved', 'medium', '[9,)', '(,5000]', '{}', 3000, 6, 'medium risk, small'),
    (30, 'declined', 'high', '(,4)', NULL, '{}', NULL, NULL, 'too few points');
SELECT results_eq(format($$SELECT state, granted_amount, expires_on, reason FROM pg_temp.application(o2c.apply_for_credit(%L, %s, %L))$$, v.customer, v.amount, v.inputs),
                  format($$VALUES (%L::text, %L::numeric, %L::date, %L::text)$$, v.state, v.granted, v.expires, v.reason), format('%s asks for %s', v.customer, v.amount))
FROM (VALUES ('C5', 8000, '{"years": 7, "days_late": 0, "guarantee": true}', 'approved', 8000, '2027-03-01', 'low risk'),
             ('C5', 20000, '{"years": 7, "days_late": 0, "guarantee": true}', 'approved', 15000, '2027-03-01', 'low risk'),
             ('C5', 20000.01, '{"years": 7, "days_late": 0, "guarantee": true}', 'referred', NULL, NULL, 'no row of the decision table applies'),
             ('C6', 5000, '{"years": 7, "days_late": 0}', 'approved', 3000, '2026-09-01', 'medium risk, small'),
             ('C7', 5000, '{"years": 2, "guarantee": true}', 'referred', NULL, NULL, 'no row of the decision table applies'),
             ('C8', 1000, '{"years": 1}', 'declined', NULL, NULL, 'too few points'),
             ('C8', 1000, '{"years": 7, "days_late": 0, "guarantee": true, "sanctioned": true}', 'declined', NULL, NULL, 'a value of the scorecard rules credit out'),
             ('C9', 1000, '{"years": 7, "days_late": 0, "guarantee": true, "net_worth": -1}', 'referred', NULL, NULL, 'the proposed limit is 0')
     ) v (customer, amount, inputs, state, granted, expires, reason);
SELECT throws_ok($$INSERT INTO o2c.credit_table (priority, outcome, conditions) VALUES (40, 'approved', '{"years": "two"}')$$, '22P02', NULL, 'a condition is a range');
SELECT throws_ok($$INSERT INTO o2c.credit_table (priority, outcome, conditions) VALUES (40, 'approved', '{"years": null}')$$, '23514', NULL, 'not null');
SELECT is(pg_temp.credit_limit('C5'), 15000::numeric, 'no more than the class gets');
SELECT is(o2c.credit_status('C8'), 'declined', 'a declined customer has no credit');
SELECT is((SELECT table_row ->> 'description' FROM o2c.credit_application a JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'C6'), 'medium risk, small', 'the row is kept');
UPDATE o2c.credit_table SET description = 'changed';
SELECT is((SELECT table_row ->> 'description' FROM o2c.credit_application a JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'C6'), 'medium risk, small', 'as it was');
SELECT is((SELECT count(*) FROM o2c.credit_application WHERE state <> 'submitted' AND score_id IS NULL), 0::bigint, 'every application was scored');
SELECT is((SELECT count(*) FROM o2c.event WHERE activity = 'credit.approved'), 4::bigint, 'approvals are events');
SELECT results_eq($$SELECT customer, status, risk_class, points, next_review_on FROM o2c.credit_standing WHERE customer IN ('C5', 'C8', 'C4') ORDER BY 1$$,
                  $$VALUES ('C4', 'none', 'high', 0::numeric(18, 4), date '2026-04-01'), ('C5', 'approved', 'low', 15, '2027-03-01'), ('C8', 'declined', 'low', 15, '2027-03-01')$$, 'the standing of customers');

-- Set by a person.
SELECT lives_ok($$SELECT o2c.set_credit_status('C5', 'suspended', 'rumours')$$, 'credit is suspended');
SELECT is(o2c.credit_status('C5'), 'suspended', 'from now on');
SELECT lives_ok($$SELECT o2c.set_credit_status('C5', 'approved', 'only rumours', '2026-12-31')$$, 'and given back');
SELECT is(o2c.credit_status('C5'), 'approved', 'at once');
SELECT throws_ok($$SELECT o2c.set_credit_status('C5', 'expired', 'x')$$, 'OC002', NULL, 'expiry follows from dates');
SELECT throws_ok($$SELECT o2c.set_credit_status('C5', 'none', NULL)$$, 'OC002', NULL, 'a reason is kept');
SELECT throws_ok($$SELECT o2c.set_credit_status('C5', NULL, 'x')$$, 'OC002', NULL, 'a status is named');
SELECT throws_ok($$SELECT o2c.set_credit_status('C5', 'approved', 'x', '2026-02-28')$$, 'OC002', NULL, 'an end is not past');
SELECT throws_ok($$SELECT o2c.set_credit_status('nobody', 'none', 'x')$$, 'OC001', NULL, 'of somebody');

-- A child has its parent's credit until it has its own.
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'K1', 'Child', customer_id FROM o2c.customer WHERE code = 'C5';
SELECT is(o2c.credit_status('K1'), 'approved', 'a child has its parent''s credit');
SELECT is((pg_temp.application(o2c.apply_for_credit('K1', 700, '{"years": 7, "days_late": 0, "guarantee": true}'))).state, 'approved', 'and may get its own');
SELECT is(pg_temp.credit_limit('K1'), 700::numeric, 'with a limit of its own');
SELECT is(pg_temp.credit_limit('C5'), 15000::numeric, 'which is not its parent''s');
SELECT lives_ok($$SELECT o2c.set_credit_status('C5', 'none', 'left')$$, 'the parent goes');
SELECT is(o2c.credit_status('K1'), 'approved', 'the child stays');

-- The rule; no company has it unasked.
SELECT is((SELECT count(*) FROM o2c.rule WHERE function = 'o2c.rule_credit_approved'), 0::bigint, 'no company has the rule unasked');
INSERT INTO o2c.product (sku, name, unit_price, stocked) VALUES ('P', 'Product', 100, false);
CREATE FUNCTION pg_temp.order_state(customer text, quantity integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE id bigint := o2c.place_order(customer, jsonb_build_array(jsonb_build_object('sku', 'P', 'quantity', quantity)));
BEGIN
    RETURN (SELECT state FROM o2c.sales_order WHERE company_id = 1 AND order_id = id);
END $$;
SELECT is(pg_temp.order_state('C8', 1), 'confirmed', 'without the rule an order passes');
INSERT INTO o2c.rule (code, checkpoint, priority, function, parameters) VALUES ('credit_approved', 'order', 5, 'o2c.rule_credit_approved', '{"amount": 100}');
SELECT is(pg_temp.order_state(v.customer, v.quantity), v.state, format('%s orders for %s', v.customer, v.quantity * 100))
FROM (VALUES ('C8', 1, 'confirmed'), ('C8', 2, 'held'), ('C4', 2, 'held'), ('C3', 2, 'confirmed'), ('K1', 2, 'confirmed')) v (customer, quantity, state);
SELECT results_eq($$SELECT f.passed, f.observed, f.threshold, f.message FROM o2c.sales_order o CROSS JOIN o2c.explain_credit(o.order_id) f
                    JOIN o2c.customer c ON c.company_id = 1 AND c.customer_id = o.customer_id
                    WHERE f.rule = 'credit_approved' AND c.code IN ('C4', 'C8') AND o.state = 'held' ORDER BY c.code$$,
                  $$VALUES (false, 200.00, 100::numeric, 'no credit was approved: apply with o2c.apply_for_credit(customer, amount), or pay in advance'),
                           (false, 200.00, 100, 'credit is not approved: declined since 2026-03-01')$$, 'the findings say why');
SELECT lives_ok($$SELECT o2c.set_credit_status('C4', 'approved', 'known for years')$$, 'credit is approved');
SELECT is((SELECT state FROM o2c.sales_order o JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'C4'), 'confirmed', 'and the held order passes');
SELECT is((pg_temp.application(o2c.apply_for_credit('C8', 1000, '{"years": 7, "days_late": 0, "guarantee": true}'))).state, 'approved', 'a declined customer applies again');
SELECT is_empty($$SELECT FROM o2c.sales_order WHERE state = 'held'$$, 'and its order passes too');
SET LOCAL o2c.business_date = '2026-04-01';
SELECT is(pg_temp.order_state('C3', 2), 'held', 'an expired customer is like a new one');

-- The payment history.
SET LOCAL o2c.business_date = '2026-06-30';
INSERT INTO o2c.customer (code, name) VALUES ('P1', 'Payer'), ('P2', 'New');
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES
    ('H1', 'P1', '2026-01-01', '2026-01-31', 1000, 'EUR'), ('H2', 'P1', '2026-02-01', '2026-03-01', 1000, 'EUR'),
    ('H3', 'P1', '2026-03-01', '2026-04-01', 2000, 'EUR'), ('H4', 'P1', '2026-06-01', '2026-07-01', 500, 'EUR'), ('H0', 'P1', '2025-01-01', '2025-02-01', 7000, 'EUR');
SELECT is(o2c.load_invoices(), 5::bigint, 'five invoices');
SELECT lives_ok($$SELECT o2c.record_payment(7000, '2025-02-01', 'P1', 'H0'), o2c.record_payment(1000, '2026-01-31', 'P1', 'H1'), o2c.record_payment(1000, '2026-03-31', 'P1', 'H2')$$, 'three payments');
SELECT lives_ok($$SELECT o2c.match_payments('2026-06-30')$$, 'are matched');
SELECT results_eq($$SELECT customer, currency, round(payment_index, 4), experiences, round(days_late, 4), peak_exposure FROM o2c.payment_history() WHERE customer LIKE 'P_'$$,
                  $$SELECT 'P1', 'EUR', round((1000 * 80 + 1000 * 50 + 2000 * 30) / 4000.0, 4), 3::bigint, round((0 + 30 * 1000 + 90 * 2000) / 4000.0, 4), 3000::numeric$$,
                  'prompt, 30 days late, and 90 days overdue');
SELECT is((SELECT payment_index FROM o2c.payment_history('2026-03-31') WHERE customer = 'P1'), NULL, 'in March there were too few');
SELECT ok(o2c.record_payment_history() > 0, 'it is recorded');
SELECT is(o2c.record_payment_history(), 0::bigint, 'once');
SELECT is((SELECT value FROM o2c.credit_information i JOIN o2c.customer c USING (company_id, customer_id) WHERE c.code = 'P1' AND i.name = 'payment_index'), '47.5', 'for scores to read');
SELECT throws_ok($$SELECT * FROM o2c.payment_history('infinity')$$, 'OC002', NULL, 'an infinite day');
SELECT throws_ok($$SELECT o2c.record_payment_history('-infinity')$$, 'OC002', NULL, 'another one');
SELECT lives_ok($$SELECT o2c.apply_for_credit('P1', 100)$$, 'an application');
SELECT is((SELECT s.inputs -> 'payment_index' FROM o2c.credit_score s JOIN o2c.credit_application a USING (company_id, score_id)
           WHERE a.application_id = pg_temp.last_application()), '47.5', 'is scored with it');
SELECT is_empty($$SELECT * FROM o2c.payment_history(company_id => 2)$$, 'another company sees nothing of it');

SELECT is_empty($$SELECT * FROM o2c.verify()$$, 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
