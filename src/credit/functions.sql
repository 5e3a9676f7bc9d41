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

-- The further credit rules.  None is active until a row of o2c.rule names it.

CREATE FUNCTION o2c.rule_document_value(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_document_value' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_document_value(o2c.rule_case, jsonb) IS
'Rule: the document is worth at most {"amount": n}. Observed and threshold in the currency of the credit account. Source: maximum document value.';

CREATE FUNCTION o2c.rule_utilisation(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_utilisation' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_utilisation(o2c.rule_case, jsonb) IS
'Rule: exposure and document use at most {"percent": n} of the limit; unlimited passes. Observed: percent used, null for a limit of 0. Locks the account.';

CREATE FUNCTION o2c.rule_dynamic_limit(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_dynamic_limit' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_dynamic_limit(o2c.rule_case, jsonb) IS
'Rule: the credit limit within a horizon: orders requested for later than {"days": n} (30) from today do not count, the document itself included. Observed: what counts, threshold: limit. Locks the account. In place of o2c.rule_credit_limit, not beside it. Source: dynamic credit check.';

CREATE FUNCTION o2c.rule_review_date(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_review_date' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_review_date(o2c.rule_case, jsonb) IS
'Rule: the review date of the credit account (credit_account.review_on) is not past by more than {"days": n} (0). Observed: days past.';

CREATE FUNCTION o2c.rule_limit_expired(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_limit_expired' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_limit_expired(o2c.rule_case, jsonb) IS
'Rule: a limit that was given for a time (o2c.credit_limit) has not run out more than {"days": n} (0) ago. Observed: days since its last day.';

CREATE FUNCTION o2c.rule_group_limit(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_group_limit' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_group_limit(o2c.rule_case, jsonb) IS
'Rule: the exposure of all credit accounts of the customers group, with the document, is within credit_account.group_limit of the groups topmost customer; beside each accounts own limit. Other currencies at the days rate. Locks the accounts.';

CREATE FUNCTION o2c.exchange_rate(from_currency text, to_currency text, day date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company()) RETURNS numeric
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE found_rate numeric;
BEGIN
    IF exchange_rate.from_currency = exchange_rate.to_currency THEN
        RETURN 1;
    END IF;
    -- the latest of both directions; the one asked for wins on the same day
    SELECT CASE WHEN r.from_currency = exchange_rate.from_currency THEN r.rate ELSE 1 / r.rate END INTO found_rate
    FROM o2c.exchange_rate r
    WHERE r.company_id = exchange_rate.company_id AND r.valid_from <= exchange_rate.day
      AND (r.from_currency, r.to_currency) IN ((exchange_rate.from_currency, exchange_rate.to_currency),
                                               (exchange_rate.to_currency, exchange_rate.from_currency))
    ORDER BY r.valid_from DESC, (r.from_currency = exchange_rate.from_currency) DESC LIMIT 1;
    IF found_rate IS NULL THEN
        RAISE EXCEPTION 'there is no exchange rate from % to % on %', exchange_rate.from_currency, exchange_rate.to_currency, exchange_rate.day
            USING ERRCODE = 'OC005', HINT = 'Insert one into o2c.exchange_rate; one direction is enough.';
    END IF;
    RETURN found_rate;
END $$;
COMMENT ON FUNCTION o2c.exchange_rate(text, text, date, bigint) IS
'Units of one currency for one of another, by the latest rate up to a day; the inverse of the other direction where that is the later one. Errors: OC005 when no rate is known.';

CREATE FUNCTION o2c._follow_limit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- the account first: whoever checks a limit holds it
    PERFORM o2c._mark_dated(NEW.company_id, NEW.credit_account_id);
    IF NEW.kind = 'limit' AND EXISTS (SELECT FROM o2c.credit_limit l
               WHERE l.company_id = NEW.company_id AND l.credit_account_id = NEW.credit_account_id AND l.kind = 'limit'
                 AND l.credit_limit_id <> NEW.credit_limit_id AND l.valid_from <= NEW.valid_to AND l.valid_to >= NEW.valid_from) THEN
        RAISE EXCEPTION 'the credit limit overlaps another one of the account'
            USING ERRCODE = 'OC003', HINT = 'End the other one first: set its valid_to.';
    END IF;
    PERFORM o2c._recheck_account(NEW.company_id, NEW.credit_account_id);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._follow_limit() IS
'Trigger: limits of an account do not overlap, and its held orders are checked again. Errors: OC003 for an overlap.';

CREATE FUNCTION o2c._mark_dated(company_id bigint, credit_account_id bigint) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_mark_dated' LANGUAGE C VOLATILE STRICT SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._mark_dated(bigint, bigint) IS 'Writes an account that limits with validity were given to, after the lock of its group, so that checks wait for it or fail to serialize.';

CREATE FUNCTION o2c._recheck_account(company_id bigint, credit_account_id bigint) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_recheck_account_sql' LANGUAGE C VOLATILE STRICT SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._recheck_account(bigint, bigint) IS 'Submits the held orders of an account''s customers again, the oldest first.';

CREATE FUNCTION o2c.add_credit_limit(customer text, amount numeric, valid_from date, valid_to date, kind text DEFAULT 'limit', reason text DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE account bigint; id bigint;
BEGIN
    SELECT m.credit_account_id INTO account
    FROM o2c.customer c
    JOIN o2c.customer_credit m ON m.company_id = c.company_id AND m.customer_id = c.customer_id
    WHERE c.company_id = add_credit_limit.company_id AND c.code = add_credit_limit.customer;
    IF account IS NULL THEN
        RAISE EXCEPTION 'company % has no customer "%"', add_credit_limit.company_id, add_credit_limit.customer
            USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
    END IF;
    INSERT INTO o2c.credit_limit (company_id, credit_account_id, kind, amount, valid_from, valid_to, reason)
    VALUES (add_credit_limit.company_id, account, add_credit_limit.kind, add_credit_limit.amount,
            coalesce(add_credit_limit.valid_from, '-infinity'), coalesce(add_credit_limit.valid_to, 'infinity'), add_credit_limit.reason)
    RETURNING credit_limit_id INTO id;
    RETURN id;
END $$;
COMMENT ON FUNCTION o2c.add_credit_limit(text, numeric, date, date, text, text, bigint) IS
'Gives the credit account that a customer uses a limit for a time. Arguments: customer code; amount in the currency of the account, or percent for an uplift; first and last day (null: no end); kind: limit (in place of the account''s own; null is unlimited), uplift (percent on top, for a season), security (secured amount on top, such as an insurance or a guarantee); reason; company. Held orders are checked again. Result: credit_limit_id. Errors: OC001 unknown customer, OC003 two limits at once, 23514 for a negative amount or an end before the start.';

CREATE FUNCTION o2c.recheck_orders(customer text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_recheck_orders_sql'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.recheck_orders(text, bigint) IS
'Checks held orders again, the oldest first, of one customer (code) or of all: automatic holds whose cause is gone, also by the passing of time, are released, the holds of people stay. Result: the number of orders that are held no more. Errors: OC001 unknown customer.';

CREATE FUNCTION o2c._watch_credit() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_watch_credit' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._watch_credit() IS
'Row trigger: writes one event each time the exposure of an account crosses its watch threshold: credit_account.watch above it, credit_account.clear below it again.';

CREATE FUNCTION o2c._rate_order() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_rate_order' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._rate_order() IS
'Row trigger: a submitted order in another currency than its customer''s credit account is counted at the day''s rate. Errors: OC005 when no rate is known.';

CREATE FUNCTION o2c.set_group_limit(customer text, amount numeric, company_id bigint DEFAULT o2c.current_company()) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE top bigint;
BEGIN
    SELECT c.group_id INTO top FROM o2c.customer c
    WHERE c.company_id = set_group_limit.company_id AND c.code = set_group_limit.customer;
    IF top IS NULL THEN
        RAISE EXCEPTION 'company % has no customer "%"', set_group_limit.company_id, set_group_limit.customer
            USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
    END IF;
    PERFORM FROM o2c.customer c WHERE c.company_id = set_group_limit.company_id AND c.customer_id = top FOR NO KEY UPDATE;
    INSERT INTO o2c.rule (company_id, code, checkpoint, priority, function, group_id)
    SELECT set_group_limit.company_id, 'group_limit', 'order', 15, 'o2c.rule_group_limit', top
    WHERE NOT EXISTS (SELECT FROM o2c.rule r WHERE r.company_id = set_group_limit.company_id AND r.checkpoint = 'order'
                      AND r.function = 'o2c.rule_group_limit' AND coalesce(r.group_id, top) = top);
    UPDATE o2c.credit_account a SET group_limit = set_group_limit.amount
    WHERE a.company_id = set_group_limit.company_id AND a.customer_id = top;
    PERFORM o2c.recheck_orders(c.code, c.company_id) FROM o2c.customer c
    WHERE c.company_id = set_group_limit.company_id AND c.group_id = top ORDER BY c.customer_id;
END $$;
COMMENT ON FUNCTION o2c.set_group_limit(text, numeric, bigint) IS
'Sets the limit for a whole customer group, which counts beside the limit of each account in it, and puts its rule in force for the group. Arguments: any customer of the group; amount in the currency of the topmost customer''s account, null for none; company. Errors: OC001 unknown customer, 23514 negative amount.';
