-- access: verification

-- whole tables are compared: a nested loop is only ever a wrong guess
CREATE FUNCTION o2c.verify(company_id bigint DEFAULT NULL)
RETURNS TABLE (check_name text, object text, expected text, found text)
AS 'MODULE_PATHNAME', 'o2c_verify' LANGUAGE C STABLE SET search_path = pg_catalog, pg_temp SET enable_nestloop = off;
COMMENT ON FUNCTION o2c.verify(bigint) IS
'Recomputes what is kept beside the facts (counters, balances, totals, number series) and returns what does not agree; no rows mean that all is well. Argument: a company, or null for all of them. Reads the views that o2c.verification lists, with the rights of the caller and in one snapshot, so it may run while others work. A listed relation that is gone is itself a finding.';
