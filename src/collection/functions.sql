-- collection: overdue invoices

CREATE FUNCTION o2c.rule_overdue(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_overdue' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_overdue(o2c.rule_case, jsonb) IS
'Rule: the customer has no overdue open item. Parameters: {"days": grace days after the due date (0), "amount": open amount per item up to which it is ignored (0)}. Computed from the due dates; the due date itself is not overdue. The message names the invoices and what must be paid. Observed: overdue amount in the currency of the credit account.';

CREATE FUNCTION o2c._suspend_credit() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_suspend_credit' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._suspend_credit() IS
'Statement trigger: an invoice that becomes overdue suspends its customer''s credit, one hold per invoice; leaving the state lifts that hold and no other.';

CREATE FUNCTION o2c.record_overdue(day date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_record_overdue'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.record_overdue(date, bigint) IS
'Records as overdue every posted invoice that is so by the company''s overdue rule on a day (today), which suspends the credit of its customers. Result: the number of invoices. May be repeated.';

CREATE FUNCTION o2c._seed_collection_rules() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.rule (company_id, code, checkpoint, priority, function, parameters, early)
    VALUES (NEW.company_id, 'overdue', 'order', 20, 'o2c.rule_overdue', '{"days": 0, "amount": 0}', true);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._seed_collection_rules() IS 'Trigger: a new company holds orders of customers with overdue invoices.';

CREATE FUNCTION o2c.rule_oldest_item(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_oldest_item' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_oldest_item(o2c.rule_case, jsonb) IS
'Rule: no open item is overdue for more than {"days": n} (0). Observed: days that the oldest one is past due.';

CREATE FUNCTION o2c.rule_overdue_share(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_overdue_share' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_overdue_share(o2c.rule_case, jsonb) IS
'Rule: of what the customer owes, at most {"percent": p} is overdue for more than {"days": n} (0). Observed: percent.';

CREATE FUNCTION o2c.rule_overdue_amount(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_overdue_amount' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_overdue_amount(o2c.rule_case, jsonb) IS
'Rule: at most {"amount": n} is overdue for more than {"days": n} (0); with {"percent": p} only where the account also uses more than that part of its limit. Observed: overdue amount in the currency of the credit account.';

CREATE FUNCTION o2c.rule_aging_bucket(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_aging_bucket' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_aging_bucket(o2c.rule_case, jsonb) IS
'Rule: at most {"amount": n} (0) is open from {"from": n} (1) to {"to": n} days past due. Observed: that amount in the currency of the credit account.';
