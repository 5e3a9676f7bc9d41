-- credit: exposure, limits, the credit rules

CREATE FUNCTION o2c._move_exposure() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_move_exposure' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._move_exposure() IS
'Statement trigger (owner column, two value columns): moves the exposure by what the changed rows gained or lost.';

CREATE FUNCTION o2c.rule_credit_limit(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_credit_limit' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_credit_limit(o2c.rule_case, jsonb) IS
'Rule: exposure of the credit account plus the document must not exceed the limit; equality passes, a null limit is unlimited, 0 is no credit. Locks the account. Observed: exposure with the document, threshold: limit, both in the currency of the account.';

CREATE FUNCTION o2c.set_credit_limit(customer text, amount numeric, reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_set_credit_limit'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.set_credit_limit(text, numeric, text, bigint) IS
'Sets the credit limit of a customer, in the currency of its credit account; null is unlimited, 0 is no credit. A customer that shared its parent''s account gets one of its own with its own exposure. Held orders are looked at again when the limit grows. Errors: OC001 unknown customer, OC002 negative or infinite amount.';

CREATE FUNCTION o2c._follow_credit() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_follow_credit' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._follow_credit() IS 'Row trigger: when an account''s free credit grows, the held orders of its customers are checked again.';

CREATE FUNCTION o2c._map_credit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE account bigint;
BEGIN
    SELECT m.credit_account_id INTO account FROM o2c.customer_credit m
    WHERE m.company_id = NEW.company_id AND m.customer_id = NEW.parent_customer_id;
    IF account IS NULL THEN
        INSERT INTO o2c.credit_account (company_id, customer_id, currency, credit_limit)
        VALUES (NEW.company_id, NEW.customer_id, NEW.currency,
                o2c.get_setting('default_credit_limit', NEW.company_id)::numeric)
        RETURNING credit_account_id INTO account;
    END IF;
    INSERT INTO o2c.customer_credit VALUES (NEW.company_id, NEW.customer_id, account);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._map_credit() IS
'Trigger: a new customer uses its parent''s credit account, and gets one of its own where it has no parent.';

CREATE FUNCTION o2c._use_credit_account(company_id bigint, customer_id bigint, credit_account_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    WITH RECURSIVE below (customer_id, credit_account_id) AS (
        SELECT m.customer_id, m.credit_account_id FROM o2c.customer_credit m
        WHERE m.company_id = _use_credit_account.company_id AND m.customer_id = _use_credit_account.customer_id
        UNION
        SELECT m.customer_id, m.credit_account_id FROM below b
        JOIN o2c.customer c ON c.company_id = _use_credit_account.company_id AND c.parent_customer_id = b.customer_id
        JOIN o2c.customer_credit m ON m.company_id = c.company_id AND m.customer_id = c.customer_id
        -- those that have an account of their own keep it, and so do those below them
        WHERE m.credit_account_id = b.credit_account_id)
    UPDATE o2c.customer_credit m SET credit_account_id = _use_credit_account.credit_account_id
    FROM below b
    WHERE m.company_id = _use_credit_account.company_id AND m.customer_id = b.customer_id
      AND m.credit_account_id <> _use_credit_account.credit_account_id;
END $$;
COMMENT ON FUNCTION o2c._use_credit_account(bigint, bigint, bigint) IS
'Makes a customer, and those below it that shared its credit account, use another one. Runs inside a command only.';

CREATE FUNCTION o2c._inherit_credit_account(company_id bigint, customer_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE inherited bigint;
BEGIN
    IF EXISTS (SELECT FROM o2c.credit_account a WHERE a.company_id = _inherit_credit_account.company_id
                                                  AND a.customer_id = _inherit_credit_account.customer_id) THEN
        RETURN;
    END IF;
    SELECT m.credit_account_id INTO inherited FROM o2c.customer c
    JOIN o2c.customer_credit m ON m.company_id = c.company_id AND m.customer_id = c.parent_customer_id
    WHERE c.company_id = _inherit_credit_account.company_id AND c.customer_id = _inherit_credit_account.customer_id;
    IF inherited IS NULL THEN
        PERFORM o2c._own_credit_account(_inherit_credit_account.company_id, _inherit_credit_account.customer_id);
    ELSE
        PERFORM o2c._use_credit_account(_inherit_credit_account.company_id, _inherit_credit_account.customer_id, inherited);
    END IF;
END $$;
COMMENT ON FUNCTION o2c._inherit_credit_account(bigint, bigint) IS
'After a customer got another parent: unless it has a credit account of its own, it uses the new parent''s, or one of its own without a parent.';

CREATE FUNCTION o2c._follow_parent() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_follow_parent' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._follow_parent() IS 'Row trigger: a customer that gets another parent uses that one''s credit account.';

CREATE FUNCTION o2c._own_credit_account(company_id bigint, customer_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE shared bigint; own bigint;
BEGIN
    SELECT m.credit_account_id INTO shared FROM o2c.customer_credit m
    WHERE m.company_id = _own_credit_account.company_id AND m.customer_id = _own_credit_account.customer_id;
    INSERT INTO o2c.credit_account (company_id, customer_id, currency)
    SELECT a.company_id, _own_credit_account.customer_id, a.currency FROM o2c.credit_account a
    WHERE a.company_id = _own_credit_account.company_id AND a.credit_account_id = shared
    RETURNING credit_account_id INTO own;
    PERFORM o2c._use_credit_account(_own_credit_account.company_id, _own_credit_account.customer_id, own);
    RETURN own;
END $$;
COMMENT ON FUNCTION o2c._own_credit_account(bigint, bigint) IS
'Gives a customer, and those below it that shared the same account, a credit account of its own with the exposure that is theirs.';

CREATE FUNCTION o2c._move_customer_orders() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE o2c.credit_account a
    SET ordered = a.ordered + v.ordered * m.sign, shipped = a.shipped + v.shipped * m.sign
    FROM (VALUES (OLD.credit_account_id, -1), (NEW.credit_account_id, 1)) AS m (credit_account_id, sign),
         (SELECT coalesce(sum(l.ordered_value * o.credit_rate), 0) AS ordered, coalesce(sum(l.shipped_value * o.credit_rate), 0) AS shipped
          FROM o2c.sales_order o
          JOIN o2c.order_line l ON l.company_id = o.company_id AND l.order_id = o.order_id
          WHERE o.company_id = NEW.company_id AND o.customer_id = NEW.customer_id) v
    WHERE a.company_id = NEW.company_id AND a.credit_account_id = m.credit_account_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._move_customer_orders() IS
'Row trigger: when a customer moves to another credit account, the exposure of its orders moves with it.';

CREATE FUNCTION o2c._seed_credit_rules() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.rule (company_id, code, checkpoint, priority, function)
    VALUES (NEW.company_id, 'credit_limit', 'order', 10, 'o2c.rule_credit_limit');
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._seed_credit_rules() IS 'Trigger: a new company checks the credit limit of every order.';
