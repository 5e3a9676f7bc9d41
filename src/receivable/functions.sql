-- receivable: open items, applications, aging

CREATE FUNCTION o2c._make_items() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_make_items' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._make_items() IS
'Statement trigger: posting an invoice makes its instalments and discounts from the terms, posting a credit note its item.';
