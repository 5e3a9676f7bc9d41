-- control: rules, decisions, holds

CREATE TYPE o2c.rule_case AS (
    company_id   bigint,
    checkpoint   text,
    object_type  text,
    object_id    bigint,
    order_id     bigint,
    customer_id  bigint,
    amount       numeric,
    currency     text,
    credit_rate  numeric,
    day          date
);
COMMENT ON TYPE o2c.rule_case IS 'A document at a checkpoint: what every rule function is given';

CREATE TYPE o2c.finding AS (
    passed     boolean,
    observed   numeric,
    threshold  numeric,
    message    text
);
COMMENT ON TYPE o2c.finding IS 'What a rule found: whether it is satisfied, the value it saw, the value it compares with, and words for people';

CREATE FUNCTION o2c._pass_gate() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_pass_gate' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._pass_gate() IS
'Row trigger: the checkpoint "order". A submitted order becomes confirmed, held or refused. Errors: OC103 when a held order is to be confirmed past an open hold; OC402 for a broken rule.';

CREATE FUNCTION o2c.release_hold(hold bigint, reason text, company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_release_hold'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.release_hold(bigint, text, bigint) IS
'Releases one hold; others stay. When it was the last one of an order, the order is confirmed as it stands. Arguments: hold_id, the reason (kept), company. Errors: OC001 no such hold, OC002 no reason, OC101 released already.';

CREATE FUNCTION o2c._follow_release() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_follow_release' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._follow_release() IS 'Row trigger: when a hold of a customer is released, its held orders are checked again.';

CREATE FUNCTION o2c.explain_credit("order" bigint, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (decision_id bigint, decided_at timestamptz, outcome text, rule text, version integer, reaction text,
               passed boolean, observed numeric, threshold numeric, message text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT d.decision_id, d.decided_at, d.outcome, f.rule, f.version, f.reaction, f.passed, f.observed, f.threshold, f.message
        FROM o2c.decision d
        CROSS JOIN LATERAL jsonb_to_recordset(d.findings)
            AS f (rule text, version integer, reaction text, passed boolean, observed numeric, threshold numeric, message text)
        WHERE d.company_id = explain_credit.company_id AND d.object_type = 'sales_order' AND d.object_id = explain_credit."order"
        ORDER BY d.decision_id, f.passed, f.rule;
END $$;
COMMENT ON FUNCTION o2c.explain_credit(bigint, bigint) IS
'Every decision on an order with what each rule found: the value it observed, the threshold, its version and words for people. Stored when the decision was made, so that a later change of a rule does not change it.';
