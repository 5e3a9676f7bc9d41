-- Scores and applications: points, scorecards, limits, who has credit.
BEGIN;

SELECT no_plan();
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

-- A new version; stored scores keep theirs.
SELECT is(o2c.copy_scorecard('standard'), 2, 'a second version');
SELECT lives_ok($$UPDATE o2c.scorecard_points SET points = 3 WHERE version = 2 AND value_range = '(,5]'$$, 'which may be changed');
SELECT lives_ok($$SELECT o2c.activate_scorecard('standard', 2)$$, 'and used');
SELECT results_eq($$SELECT version, state FROM o2c.scorecard WHERE scorecard = 'standard' ORDER BY version$$, $$VALUES (1, 'retired'), (2, 'active')$$, 'in place of the first');
SELECT results_eq($$SELECT points, version FROM pg_temp.score('C1', '{"years": 5}')$$, $$VALUES (3::numeric, 2)$$, 'scores name it');
SELECT throws_ok($$SELECT o2c.copy_scorecard('nothing')$$, 'OC001', NULL, 'no such scorecard');

-- Reviews.
SELECT is(o2c.review_scores('2026-03-31'), 0::bigint, 'nobody is due');
SELECT is(o2c.review_scores('2026-04-01'), 1::bigint, 'after a month the high risk is');
SELECT is(o2c.review_scores('2026-04-01'), 0::bigint, 'once');
SELECT throws_ok($$SELECT o2c.review_scores('-infinity')$$, 'OC002', NULL, 'an infinite day');
SELECT is(o2c.review_scores('2026-04-01', 2), 0::bigint, 'another company has none');

SELECT is_empty($$SELECT * FROM o2c.verify()$$, 'everything agrees');
SELECT * FROM finish();
ROLLBACK;
