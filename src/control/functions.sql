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
COMMENT ON TYPE o2c.rule_case IS 'A document at a checkpoint: what every rule function is given. order_id is null where there is no order, or where it is not written yet (o2c.rule.early)';

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
'Row trigger: the checkpoint "order". A submitted order becomes confirmed, held or refused; one that is inserted as submitted is confirmed where all rules are early and satisfied, else a draft. Errors: OC103 when a held order is to be confirmed past an open hold; OC402 for a broken rule.';

CREATE FUNCTION o2c.release_hold(hold bigint, reason text, days integer DEFAULT NULL, deviation_percent numeric DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_release_hold'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.release_hold(bigint, text, integer, numeric, bigint) IS
'Releases one hold; others stay. When it was the last one of an order, the order is confirmed as it stands. When the order is checked again, the release of a rule''s hold still counts while the value is at most the released value plus deviation_percent, and today at most days after the release. Arguments: hold_id, the reason (kept), days and percent (settings release_days and release_deviation_percent), company. Errors: OC001 no such hold, OC002 no reason or what cannot be, OC101 released already, OC301 a hold that names a duty, and the caller entered the order, has no authority (o2c.authority) that reaches that far, or approved already where a second person must. Above authority.alone_amount the first call is kept in o2c.approval with a notice, and the same call by another person releases.';

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
        WHERE d.company_id = explain_credit.company_id AND d.object_type IN ('sales_order', 'quotation') AND d.object_id = explain_credit."order"
        ORDER BY d.decision_id, f.passed, f.rule;
END $$;
COMMENT ON FUNCTION o2c.explain_credit(bigint, bigint) IS
'Every decision on an order, and on the quotation that it was, with what each rule found: the value it observed, the threshold, its version and words for people. Stored when the decision was made, so that a later change of a rule does not change it.';

CREATE FUNCTION o2c.rule_prepayment(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_prepayment' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_prepayment(o2c.rule_case, jsonb) IS
'Rule: the order is to be paid in advance by its terms, or was. For customers that buy against prepayment only: give the row their scope, and let o2c.rule_prepaid hold the order until it is paid.';

CREATE FUNCTION o2c.rule_terms(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_terms' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_terms(o2c.rule_case, jsonb) IS
'Rule: the payment terms of the order are not better than the customer''s own (else the company''s): neither due later by more than {"days": n} (0) nor with a larger discount for early payment. Observed: days that they are due later.';

CREATE FUNCTION o2c.rule_price(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_price' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_price(o2c.rule_case, jsonb) IS
'Rule: the net amount of the order''s lines is not below the customer''s own prices by more than {"percent": n} (0). Lines of products without a price are left out. Observed: percent below.';

CREATE FUNCTION o2c.rule_discount(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_discount' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_discount(o2c.rule_case, jsonb) IS
'Rule: no line of the order has a discount above {"percent": n}. Observed: the highest discount in percent.';

CREATE FUNCTION o2c.place_hold(customer text, reason text, "order" bigint DEFAULT NULL, blocks_shipping boolean DEFAULT true,
    blocks_order boolean DEFAULT true, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_place_hold'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.place_hold(text, text, bigint, boolean, boolean, bigint) IS
'Places a hold by hand, on a customer or on one of its orders; only a person releases it. Arguments: customer code (null with an order: its customer), the reason (kept), order_id, whether it keeps what is confirmed from shipping, and new and held orders from being confirmed. Result: hold_id. Errors: OC001 unknown customer or order, OC002 no reason, or an order of another customer, OC101 an order that is at its end.';

CREATE FUNCTION o2c.reject_order("order" bigint, reason text, company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_reject_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.reject_order(bigint, text, bigint) IS
'Turns a held order down; the holds that kept it are closed with the reason. Errors: OC001 no such order, OC002 no reason, OC101 the order is not held.';

CREATE FUNCTION o2c.rule_prepaid(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_prepaid' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_prepaid(o2c.rule_case, jsonb) IS
'Rule: what the payment terms of the order ask to be paid in advance, all of it or a deposit, was paid (o2c.allocate_prepayment). Terms that ask for nothing pass. Observed: what was paid, threshold: what is to be paid, both in the currency of the order.';

CREATE FUNCTION o2c.rule_margin(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_margin' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_margin(o2c.rule_case, jsonb) IS
'Rule: of what the items of the order bring, net, at least {"percent": n} is left over their cost (product.cost). Cancelled quantities, and products whose cost is not known or in another currency, are left out. Observed: the margin in percent, null where the items bring nothing.';

CREATE FUNCTION o2c._close_holds() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_close_holds' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._close_holds() IS 'Statement trigger: orders that are completed or cancelled have no open holds any more; they are closed with the reason "order ended".';

CREATE FUNCTION o2c._reopen_holds() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_reopen_holds' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._reopen_holds() IS 'Row trigger: an order that goes on after its end has the holds again that people placed; those of rules are decided anew.';
