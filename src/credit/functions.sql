-- credit: exposure, limits, the credit rules

CREATE FUNCTION o2c._move_exposure() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_move_exposure' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._move_exposure() IS
'Statement trigger (owner column, two value columns): moves the exposure by what the changed rows gained or lost.';

CREATE FUNCTION o2c._map_credit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE account bigint;
BEGIN
    SELECT m.credit_account_id INTO account FROM o2c.customer_credit m
    WHERE m.company_id = NEW.company_id AND m.customer_id = NEW.parent_customer_id;
    IF account IS NULL THEN
        INSERT INTO o2c.credit_account (company_id, customer_id, currency)
        VALUES (NEW.company_id, NEW.customer_id, NEW.currency)
        RETURNING credit_account_id INTO account;
    END IF;
    INSERT INTO o2c.customer_credit VALUES (NEW.company_id, NEW.customer_id, account);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._map_credit() IS
'Trigger: a new customer uses its parent''s credit account, and gets one of its own where it has no parent.';
