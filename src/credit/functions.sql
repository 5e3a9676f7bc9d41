-- credit: exposure, limits, the credit rules

CREATE FUNCTION o2c._move_exposure() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_move_exposure' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._move_exposure() IS
'Statement trigger (owner column, two value columns): moves the exposure by what the changed rows gained or lost.';

CREATE FUNCTION o2c.rule_credit_limit(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_credit_limit' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_credit_limit(o2c.rule_case, jsonb) IS
'Rule: exposure of the credit account plus the document must not exceed the limit; equality passes, a null limit is unlimited, 0 is no credit. An order in a currency without an exchange rate to the account''s is not satisfied. Locks the account. Observed: exposure with the document, threshold: limit, both in the currency of the account.';

CREATE FUNCTION o2c.set_credit_limit(customer text, amount numeric, reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_set_credit_limit'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.set_credit_limit(text, numeric, text, bigint) IS
'Sets the credit limit of a customer, in the currency of its credit account; null is unlimited, 0 is no credit. A customer that shared its parent''s account gets one of its own with its own exposure. Held orders are looked at again when the limit grows. Where the setting credit_duty names a duty, raising needs its authority, and above its alone_amount the same call by a second person. Errors: OC001 unknown customer, OC002 negative or infinite amount, OC301 no authority for that much.';

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
    SET ordered = a.ordered + v.ordered * m.sign, shipped = a.shipped + v.shipped * m.sign, authorized = a.authorized + q.held * m.sign
    FROM (VALUES (OLD.credit_account_id, -1), (NEW.credit_account_id, 1)) AS m (credit_account_id, sign),
         (SELECT coalesce(sum((l.ordered - o.prepaid_ordered) * o.credit_rate), 0) AS ordered,
                 coalesce(sum((l.shipped - o.prepaid_shipped) * o.credit_rate), 0) AS shipped
          FROM o2c.sales_order o
          CROSS JOIN LATERAL (SELECT coalesce(sum(n.ordered_value), 0) AS ordered, coalesce(sum(n.shipped_value), 0) AS shipped
                              FROM o2c.order_line n WHERE n.company_id = o.company_id AND n.order_id = o.order_id) l
          WHERE o.company_id = NEW.company_id AND o.customer_id = NEW.customer_id) v,
         (SELECT coalesce(sum(n.held_value), 0) AS held FROM o2c.quotation n
          WHERE n.company_id = NEW.company_id AND n.customer_id = NEW.customer_id) q
    WHERE a.company_id = NEW.company_id AND a.credit_account_id = m.credit_account_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._move_customer_orders() IS
'Row trigger: when a customer moves to another credit account, the exposure of its orders and quotations moves with it.';

CREATE FUNCTION o2c._seed_credit_rules() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.rule (company_id, code, checkpoint, priority, function, early)
    VALUES (NEW.company_id, 'credit_limit', 'order', 10, 'o2c.rule_credit_limit', true);
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
'Rule: the exposure of all credit accounts of the customer''s group, with the document, is within credit_account.group_limit of the group''s topmost customer; beside each account''s own limit. Other currencies at the day''s rate. Locks the accounts.';

CREATE FUNCTION o2c._known_rate(from_currency text, to_currency text, day date, company_id bigint) RETURNS numeric
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    -- the latest of both directions; the one asked for wins on the same day
    RETURN (SELECT CASE WHEN r.from_currency = _known_rate.from_currency THEN r.rate ELSE 1 / r.rate END
            FROM o2c.exchange_rate r
            WHERE r.company_id = _known_rate.company_id AND r.valid_from <= _known_rate.day
              AND (r.from_currency, r.to_currency) IN ((_known_rate.from_currency, _known_rate.to_currency),
                                                       (_known_rate.to_currency, _known_rate.from_currency))
            ORDER BY r.valid_from DESC, (r.from_currency = _known_rate.from_currency) DESC LIMIT 1);
END $$;
COMMENT ON FUNCTION o2c._known_rate(text, text, date, bigint) IS
'The latest rate between two different currencies up to a day, null when none is known. What is recorded without one counts 1:1, and the credit limit holds such orders.';

CREATE FUNCTION o2c.exchange_rate(from_currency text, to_currency text, day date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company()) RETURNS numeric
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE found_rate numeric := 1;
BEGIN
    IF exchange_rate.from_currency IS DISTINCT FROM exchange_rate.to_currency THEN
        found_rate := o2c._known_rate(exchange_rate.from_currency, exchange_rate.to_currency, exchange_rate.day, exchange_rate.company_id);
    END IF;
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

CREATE FUNCTION o2c._recheck_group(company_id bigint, group_id bigint) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_recheck_group' LANGUAGE C VOLATILE STRICT SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._recheck_group(bigint, bigint) IS 'Submits the held orders of a group''s customers again, the oldest first.';

CREATE FUNCTION o2c.add_credit_limit(customer text, amount numeric, valid_from date, valid_to date, kind text DEFAULT 'limit', reason text DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE account bigint; own numeric; id bigint;
BEGIN
    SELECT m.credit_account_id, a.credit_limit INTO account, own
    FROM o2c.customer c
    JOIN o2c.customer_credit m ON m.company_id = c.company_id AND m.customer_id = c.customer_id
    JOIN o2c.credit_account a ON a.company_id = m.company_id AND a.credit_account_id = m.credit_account_id
    WHERE c.company_id = add_credit_limit.company_id AND c.code = add_credit_limit.customer;
    IF account IS NULL THEN
        RAISE EXCEPTION 'company % has no customer "%"', add_credit_limit.company_id, add_credit_limit.customer
            USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
    END IF;
    IF NOT o2c._may_change_limit(add_credit_limit.company_id, account, own,
            CASE add_credit_limit.kind WHEN 'uplift' THEN own * (100 + add_credit_limit.amount) * 0.01
                                       WHEN 'security' THEN own + add_credit_limit.amount ELSE add_credit_limit.amount END,
            jsonb_build_object('kind', add_credit_limit.kind, 'amount', add_credit_limit.amount,
                               'valid_from', add_credit_limit.valid_from, 'valid_to', add_credit_limit.valid_to), add_credit_limit.reason) THEN
        RETURN NULL;
    END IF;
    INSERT INTO o2c.credit_limit (company_id, credit_account_id, kind, amount, valid_from, valid_to, reason)
    VALUES (add_credit_limit.company_id, account, add_credit_limit.kind, add_credit_limit.amount,
            coalesce(add_credit_limit.valid_from, '-infinity'), coalesce(add_credit_limit.valid_to, 'infinity'), add_credit_limit.reason)
    RETURNING credit_limit_id INTO id;
    RETURN id;
END $$;
COMMENT ON FUNCTION o2c.add_credit_limit(text, numeric, date, date, text, text, bigint) IS
'Gives the credit account that a customer uses a limit for a time. Arguments: customer code; amount in the currency of the account, or percent for an uplift; first and last day (null: no end); kind: limit (in place of the account''s own; null is unlimited), uplift (percent on top, for a season), security (secured amount on top, such as an insurance or a guarantee); reason; company. Held orders are checked again. Result: credit_limit_id, null while a second person must do the same (setting credit_duty). Errors: OC001 unknown customer, OC003 two limits at once, OC301 no authority for that much, 23514 for a negative amount or an end before the start.';

CREATE FUNCTION o2c.recheck_orders(customer text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_recheck_orders_sql'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.recheck_orders(text, bigint) IS
'Checks held orders again, the oldest first, of one customer (code) or of all: automatic holds whose cause is gone, also by the passing of time, are released, the holds of people stay. Result: the number of orders that are held no more. Errors: OC001 unknown customer.';

CREATE FUNCTION o2c._watch_credit() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_watch_credit' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._watch_credit() IS
'Row trigger, at the end of the transaction: writes one event each time the exposure of an account, as its limit counts it, crosses its watch threshold: credit_account.watch above it, credit_account.clear below it again.';

CREATE FUNCTION o2c._rate_order() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_rate_order' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._rate_order() IS
'Row trigger: a submitted order in another currency than its customer''s credit account is counted at the day''s rate; 1:1 while none is known, and then the rule o2c.rule_credit_limit holds it.';

CREATE FUNCTION o2c.set_group_limit(customer text, amount numeric, company_id bigint DEFAULT o2c.current_company()) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE top bigint; account o2c.credit_account;
BEGIN
    SELECT c.group_id INTO top FROM o2c.customer c
    WHERE c.company_id = set_group_limit.company_id AND c.code = set_group_limit.customer;
    IF top IS NULL THEN
        RAISE EXCEPTION 'company % has no customer "%"', set_group_limit.company_id, set_group_limit.customer
            USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
    END IF;
    PERFORM FROM o2c.customer c WHERE c.company_id = set_group_limit.company_id AND c.customer_id = top FOR NO KEY UPDATE;
    SELECT a.* INTO account FROM o2c.credit_account a WHERE a.company_id = set_group_limit.company_id AND a.customer_id = top;
    IF NOT o2c._may_change_limit(account.company_id, account.credit_account_id, account.group_limit, set_group_limit.amount,
                                 jsonb_build_object('group_limit', set_group_limit.amount), NULL) THEN
        RETURN;
    END IF;
    INSERT INTO o2c.rule (company_id, code, checkpoint, priority, function, group_id)
    SELECT set_group_limit.company_id, 'group_limit', 'order', 15, 'o2c.rule_group_limit', top
    WHERE NOT EXISTS (SELECT FROM o2c.rule r WHERE r.company_id = set_group_limit.company_id AND r.checkpoint = 'order'
                      AND r.function = 'o2c.rule_group_limit' AND coalesce(r.group_id, top) = top);
    UPDATE o2c.credit_account a SET group_limit = set_group_limit.amount
    WHERE a.company_id = set_group_limit.company_id AND a.customer_id = top;
    PERFORM o2c._recheck_group(set_group_limit.company_id, top);
END $$;
COMMENT ON FUNCTION o2c.set_group_limit(text, numeric, bigint) IS
'Sets the limit for a whole customer group, which counts beside the limit of each account in it, and puts its rule in force for the group. Arguments: any customer of the group; amount in the currency of the topmost customer''s account, null for none; company. Where the setting credit_duty asks for two people, the first call only approves. Errors: OC001 unknown customer, OC301 no authority for that much, 23514 negative amount.';

-- Scores: how somebody pays, and what else is known, in points.

CREATE FUNCTION o2c.payment_points(days_late integer) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_payment_points' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.payment_points(integer) IS
'The points of one payment, by days after the due date (negative: early): 100 at 30 days early, 80 prompt, 70 at 15 days late, 60 at 22, 50 at 30, 40 at 60, 30 at 90, 20 at 120, on straight lines between; the ends of the table count beyond it. Source: the PAYDEX table.';

CREATE FUNCTION o2c._payment_index_add(state numeric[], amount numeric, days_late integer) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_payment_index_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._payment_index_add(numeric[], numeric, integer) IS
'Adds an experience to the state {sum(amount * 168 * points), sum(amount), experiences} of o2c.payment_index. Errors: OC002 for a negative amount, NaN or infinity.';

CREATE FUNCTION o2c._payment_index_remove(state numeric[], amount numeric, days_late integer) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_payment_index_remove' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._payment_index_remove(numeric[], numeric, integer) IS
'Takes an experience that leaves a moving frame out of the state of o2c.payment_index, exactly. Errors: OC002 for a negative amount, NaN or infinity.';

CREATE FUNCTION o2c._payment_index_merge(a numeric[], b numeric[]) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_payment_index_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._payment_index_merge(numeric[], numeric[]) IS
'The sum of two states of o2c.payment_index. Errors: OC002 for an array that is not such a state.';

CREATE FUNCTION o2c._payment_index_result(state numeric[]) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_payment_index_result' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._payment_index_result(numeric[]) IS
'The index of a state of o2c.payment_index, null below three experiences. Errors: OC002 for an array that is not such a state.';

CREATE AGGREGATE o2c.payment_index(amount numeric, days_late integer) (
    SFUNC = o2c._payment_index_add, STYPE = numeric[], INITCOND = '{0,0,0}',
    FINALFUNC = o2c._payment_index_result, COMBINEFUNC = o2c._payment_index_merge,
    MSFUNC = o2c._payment_index_add, MINVFUNC = o2c._payment_index_remove, MSTYPE = numeric[], MINITCOND = '{0,0,0}',
    MFINALFUNC = o2c._payment_index_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.payment_index(numeric, integer) IS
'How promptly somebody pays: the points of each payment (o2c.payment_points), averaged by amount, from 20 to 100, not rounded. Arguments: what was owed, in one currency, and the days it was paid after it was due. Null below three experiences; rows with a null or an amount of 0 are none. Errors: OC002 for a negative amount, NaN or infinity. Source: the PAYDEX method.';

CREATE FUNCTION o2c.altman_z(working_capital numeric, retained_earnings numeric, ebit numeric, book_equity numeric, sales numeric,
                             total_assets numeric, total_liabilities numeric, OUT z numeric, OUT zone text) RETURNS record
AS 'MODULE_PATHNAME', 'o2c_altman_z' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.altman_z(numeric, numeric, numeric, numeric, numeric, numeric, numeric) IS
'Altman''s Z'' for companies that are not listed: 0.717 working capital / assets + 0.847 retained earnings / assets + 3.107 EBIT / assets + 0.420 book equity / liabilities + 0.998 sales / assets, not rounded; and its zone: safe above 2.9, distress below 1.23, else grey. Arguments: amounts of one year in one currency. Null when one is missing, or assets or liabilities are not positive. Errors: OC002 for NaN or infinity. Source: Altman (1983).';

CREATE FUNCTION o2c.propose_limit(most numeric, net_worth numeric, peak_exposure numeric, insured numeric, net_worth_share numeric DEFAULT 0.1,
                                  peak_factor numeric DEFAULT 1.5, step numeric DEFAULT 100) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE least_of numeric := least(most, net_worth * net_worth_share, peak_exposure * peak_factor, insured);
BEGIN
    IF step IS NULL OR step <= 0 OR EXISTS (SELECT FROM unnest(ARRAY[most, net_worth, peak_exposure, insured, net_worth_share, peak_factor, step]) AS v (v)
                                            WHERE v IN ('NaN', 'Infinity', '-Infinity')) THEN
        RAISE EXCEPTION 'a credit limit cannot be proposed from these figures'
            USING ERRCODE = 'OC002', HINT = 'All figures must be finite, and the step must be positive.';
    END IF;
    RETURN greatest(div(least_of, step) * step, 0 * least_of);
END $$;
COMMENT ON FUNCTION o2c.propose_limit(numeric, numeric, numeric, numeric, numeric, numeric, numeric) IS
'A credit limit from what is known: the least of the most that the risk class allows, a share of the net worth, a multiple of the highest exposure of the last year, and the insured amount, rounded down to a step, never negative. Arguments: amounts in one currency, null for what is not known; the share (0.1), the multiple (1.5), the step (100). Null when nothing is known. Errors: OC002 for NaN, infinity or a step that is not positive.';

CREATE FUNCTION o2c._keep_scorecard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE problem text := 'It has no points and no bands.';
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state <> 'draft' THEN
        IF NEW.state = 'draft' THEN
            RAISE EXCEPTION 'version % of scorecard "%" was in use and cannot be a draft again', NEW.version, NEW.scorecard
                USING ERRCODE = 'OC102', HINT = 'Make a new version with o2c.copy_scorecard().';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        SELECT string_agg(p.problem, '; ' ORDER BY p.part, p.problem) INTO problem FROM o2c.scorecard_problem p
        WHERE p.company_id = NEW.company_id AND p.scorecard = NEW.scorecard AND p.version = NEW.version;
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'version % of scorecard "%" cannot score yet', NEW.version, NEW.scorecard
            USING ERRCODE = 'OC107', DETAIL = problem, HINT = 'o2c.scorecard_problem lists what is missing.';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION o2c._keep_scorecard() IS
'Row trigger: a scorecard stays a draft until its bands cover every value once, and is no draft again. Errors: OC107 with what is missing, OC102.';

CREATE FUNCTION o2c._keep_scorecard_part() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE part record;
BEGIN
    -- written, not only locked: whoever activates the version from an older snapshot fails with 40001
    FOR part IN
        UPDATE o2c.scorecard s SET state = s.state
        WHERE s.company_id = coalesce(NEW.company_id, OLD.company_id)
          AND (s.scorecard, s.version) IN ((OLD.scorecard, OLD.version), (NEW.scorecard, NEW.version))
        RETURNING s.scorecard, s.version, s.state LOOP
        IF part.state <> 'draft' THEN
            RAISE EXCEPTION 'version % of scorecard "%" is in use and cannot be changed', part.version, part.scorecard
                USING ERRCODE = 'OC102', HINT = 'Make a new version with o2c.copy_scorecard().';
        END IF;
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
COMMENT ON FUNCTION o2c._keep_scorecard_part() IS 'Row trigger: points and bands belong to a version that is still a draft. Errors: OC102.';

CREATE FUNCTION o2c.copy_scorecard(scorecard text, company_id bigint DEFAULT o2c.current_company()) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE last integer;
BEGIN
    SELECT max(s.version) INTO last FROM o2c.scorecard s
    WHERE s.company_id = copy_scorecard.company_id AND s.scorecard = copy_scorecard.scorecard;
    IF last IS NULL THEN
        RAISE EXCEPTION 'company % has no scorecard "%"', copy_scorecard.company_id, copy_scorecard.scorecard
            USING ERRCODE = 'OC001', HINT = 'o2c.scorecard lists the scorecards.';
    END IF;
    INSERT INTO o2c.scorecard (company_id, scorecard, version, description)
    SELECT s.company_id, s.scorecard, last + 1, s.description FROM o2c.scorecard s
    WHERE s.company_id = copy_scorecard.company_id AND s.scorecard = copy_scorecard.scorecard AND s.version = last;
    INSERT INTO o2c.scorecard_points (company_id, scorecard, version, attribute, value_range, value, points, stop)
    SELECT p.company_id, p.scorecard, last + 1, p.attribute, p.value_range, p.value, p.points, p.stop FROM o2c.scorecard_points p
    WHERE p.company_id = copy_scorecard.company_id AND p.scorecard = copy_scorecard.scorecard AND p.version = last;
    INSERT INTO o2c.scorecard_band (company_id, scorecard, version, points, risk_class, credit_limit)
    SELECT b.company_id, b.scorecard, last + 1, b.points, b.risk_class, b.credit_limit FROM o2c.scorecard_band b
    WHERE b.company_id = copy_scorecard.company_id AND b.scorecard = copy_scorecard.scorecard AND b.version = last;
    RETURN last + 1;
END $$;
COMMENT ON FUNCTION o2c.copy_scorecard(text, bigint) IS
'Starts a new version of a scorecard as a draft that is like the latest one. Result: its number. Errors: OC001 no such scorecard.';

CREATE FUNCTION o2c.activate_scorecard(scorecard text, version integer, company_id bigint DEFAULT o2c.current_company()) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    -- in the order of the key, so that two of these cannot wait for each other
    PERFORM FROM o2c.scorecard s WHERE s.company_id = activate_scorecard.company_id AND s.scorecard = activate_scorecard.scorecard
    ORDER BY s.version FOR NO KEY UPDATE;
    UPDATE o2c.scorecard s SET state = 'retired'
    WHERE s.company_id = activate_scorecard.company_id AND s.scorecard = activate_scorecard.scorecard
      AND s.state = 'active' AND s.version <> activate_scorecard.version;
    UPDATE o2c.scorecard s SET state = 'active'
    WHERE s.company_id = activate_scorecard.company_id AND s.scorecard = activate_scorecard.scorecard AND s.version = activate_scorecard.version;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company % has no version % of scorecard "%"', activate_scorecard.company_id, activate_scorecard.version, activate_scorecard.scorecard
            USING ERRCODE = 'OC001', HINT = 'o2c.scorecard lists the scorecards.';
    END IF;
END $$;
COMMENT ON FUNCTION o2c.activate_scorecard(text, integer, bigint) IS
'Takes a version of a scorecard into use and retires the one before; from then on it cannot be changed. Errors: OC001 no such version; OC107 when bands leave a gap or overlap, with where.';

CREATE FUNCTION o2c.record_information(customer text, name text, value jsonb, source text DEFAULT NULL, valid_to date DEFAULT 'infinity',
                                       company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE id bigint;
BEGIN
    INSERT INTO o2c.credit_information AS i (company_id, customer_id, name, value, source, valid_to)
    SELECT c.company_id, c.customer_id, record_information.name, record_information.value, record_information.source, record_information.valid_to
    FROM o2c.customer c WHERE c.company_id = record_information.company_id AND c.code = record_information.customer
    RETURNING i.information_id INTO id;
    IF id IS NULL THEN
        RAISE EXCEPTION 'company % has no customer "%"', record_information.company_id, record_information.customer
            USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
    END IF;
    RETURN id;
END $$;
COMMENT ON FUNCTION o2c.record_information(text, text, jsonb, text, date, bigint) IS
'Records something that is known of a customer from today on, such as net_worth, insured_amount or the score of an agency; scores read the latest. Arguments: the customer''s code, a name, the value (a number, a text, true, false, or null for no longer known), where it comes from, the last day that it may be used, the company. Result: information_id. Errors: OC001 no such customer, 23514 another kind of value.';

CREATE FUNCTION o2c._json_number(value jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE jsonb_typeof(value) WHEN 'number' THEN value::numeric END;
COMMENT ON FUNCTION o2c._json_number(jsonb) IS 'The number that a JSON value is, null when it is none.';

CREATE FUNCTION o2c._score_customers(customers bigint[], given jsonb, day date, scorecard text, company_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE card_version integer;
BEGIN
    -- a score writes the customer and its credit account, so the groups come first
    PERFORM FROM o2c.customer g
    WHERE g.company_id = _score_customers.company_id
      AND g.customer_id IN (SELECT c.group_id FROM o2c.customer c WHERE c.company_id = _score_customers.company_id AND c.customer_id = ANY (customers))
    ORDER BY g.customer_id FOR NO KEY UPDATE;
    SELECT s.version INTO card_version FROM o2c.scorecard s
    WHERE s.company_id = _score_customers.company_id AND s.scorecard = _score_customers.scorecard AND s.state = 'active';
    RETURN QUERY
        WITH known AS (
            SELECT c.customer_id, coalesce(f.facts, '{}') || given AS inputs
            FROM unnest(customers) AS c (customer_id)
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(i.name, i.value) FILTER (WHERE i.valid_to >= day) AS facts
                FROM (SELECT DISTINCT ON (i.name) i.name, i.value, i.valid_to FROM o2c.credit_information i
                      WHERE i.company_id = _score_customers.company_id AND i.customer_id = c.customer_id AND i.effective_on <= day
                      ORDER BY i.name, i.effective_on DESC, i.information_id DESC) i) f),
        attribute AS (
            SELECT DISTINCT p.attribute FROM o2c.scorecard_points p
            WHERE p.company_id = _score_customers.company_id AND p.scorecard = _score_customers.scorecard AND p.version = card_version),
        found AS (
            SELECT k.customer_id, a.attribute, k.inputs -> a.attribute AS value, coalesce(p.points, 0) AS points, coalesce(p.stop, false) AS stop,
                   p.points_id IS NULL AS missing
            FROM known k
            CROSS JOIN attribute a
            LEFT JOIN o2c.scorecard_points p
                ON p.company_id = _score_customers.company_id AND p.scorecard = _score_customers.scorecard AND p.version = card_version AND p.attribute = a.attribute
                AND (p.value_range @> o2c._json_number(k.inputs -> a.attribute) OR p.value = k.inputs ->> a.attribute)),
        scored AS (
            SELECT f.customer_id, sum(f.points) AS points, bool_or(f.stop) AS stopped,
                   jsonb_agg(jsonb_build_object('attribute', f.attribute, 'value', f.value, 'points', f.points, 'missing', f.missing) ORDER BY f.attribute) AS findings
            FROM found f GROUP BY f.customer_id)
        INSERT INTO o2c.credit_score AS n (company_id, customer_id, scorecard, version, points, stopped, risk_class, inputs, findings,
                                           proposed_limit, currency, effective_on, next_review_on)
        SELECT _score_customers.company_id, s.customer_id, _score_customers.scorecard, card_version, s.points, s.stopped, b.risk_class, k.inputs, s.findings,
               CASE WHEN s.stopped THEN 0
                    ELSE o2c.propose_limit(least(b.credit_limit, r.credit_limit), o2c._json_number(k.inputs -> 'net_worth'),
                                           o2c._json_number(k.inputs -> 'peak_exposure'), o2c._json_number(k.inputs -> 'insured_amount'),
                                           o2c.get_setting('limit_net_worth_share', _score_customers.company_id)::numeric,
                                           o2c.get_setting('limit_peak_factor', _score_customers.company_id)::numeric,
                                           o2c.get_setting('limit_step', _score_customers.company_id)::numeric) END,
               a.currency, day, (day + make_interval(months => r.review_months))::date
        FROM scored s
        JOIN known k ON k.customer_id = s.customer_id
        JOIN o2c.scorecard_band b ON b.company_id = _score_customers.company_id AND b.scorecard = _score_customers.scorecard AND b.version = card_version AND b.points @> s.points
        JOIN o2c.risk_class r ON r.company_id = _score_customers.company_id AND r.risk_class = b.risk_class
        JOIN o2c.customer_credit m ON m.company_id = _score_customers.company_id AND m.customer_id = s.customer_id
        JOIN o2c.credit_account a ON a.company_id = _score_customers.company_id AND a.credit_account_id = m.credit_account_id
        ORDER BY s.customer_id
        RETURNING n.score_id;
END $$;
COMMENT ON FUNCTION o2c._score_customers(bigint[], jsonb, date, text, bigint) IS
'Scores customers by the active version of a scorecard and stores the scores; none without an active version. What is given stands above what is recorded.';

CREATE FUNCTION o2c._follow_score() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.effective_on > o2c.today()
       OR EXISTS (SELECT FROM o2c.credit_score s WHERE s.company_id = NEW.company_id AND s.customer_id = NEW.customer_id
                  AND s.effective_on <= o2c.today() AND (s.effective_on, s.score_id) > (NEW.effective_on, NEW.score_id)) THEN
        RETURN NULL;
    END IF;
    UPDATE o2c.customer c SET risk_class = NEW.risk_class
    WHERE c.company_id = NEW.company_id AND c.customer_id = NEW.customer_id AND c.risk_class IS DISTINCT FROM NEW.risk_class;
    UPDATE o2c.credit_account a SET review_on = NEW.next_review_on
    WHERE a.company_id = NEW.company_id AND a.customer_id = NEW.customer_id AND a.review_on IS DISTINCT FROM NEW.next_review_on;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._follow_score() IS
'Row trigger: the latest score gives the customer its risk class, and its own credit account the date of the next review. A person may change both until the next score.';

CREATE FUNCTION o2c.score_customer(customer text, inputs jsonb DEFAULT '{}', as_of date DEFAULT NULL, scorecard text DEFAULT NULL,
                                   company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    id bigint;
    score bigint;
    day date := coalesce(as_of, o2c.today());
    card text := coalesce(scorecard, o2c.get_setting('scorecard', score_customer.company_id));
BEGIN
    IF day NOT BETWEEN '1900-01-01' AND '2199-12-31' OR jsonb_typeof(coalesce(inputs, '{}')) <> 'object' THEN
        RAISE EXCEPTION 'a score needs a day from 1900-01-01 to 2199-12-31 and an object of inputs'
            USING ERRCODE = 'OC002', HINT = 'Inputs look like {"years": 7, "guarantee": true}.';
    END IF;
    SELECT c.customer_id INTO id FROM o2c.customer c WHERE c.company_id = score_customer.company_id AND c.code = score_customer.customer;
    IF id IS NULL THEN
        RAISE EXCEPTION 'company % has no customer "%"', score_customer.company_id, score_customer.customer
            USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
    END IF;
    SELECT s INTO score FROM o2c._score_customers(ARRAY[id], coalesce(inputs, '{}'), day, card, score_customer.company_id) AS s;
    IF score IS NULL THEN
        RAISE EXCEPTION 'company % has no active scorecard "%"', score_customer.company_id, card
            USING ERRCODE = 'OC001', HINT = 'Take a version into use with o2c.activate_scorecard(scorecard, version).';
    END IF;
    RETURN score;
END $$;
COMMENT ON FUNCTION o2c.score_customer(text, jsonb, date, text, bigint) IS
'Scores a customer by a scorecard: the points of each attribute, their sum, the risk class of its band, a proposed limit, and when to look again. An attribute that is not known, or has a value that no row names, gives 0 points and is marked missing. Arguments: the customer''s code, inputs that stand above what is recorded, the day (today), the scorecard (setting scorecard), the company. Result: score_id in o2c.credit_score, with all inputs and the version. Errors: OC001 no such customer or no active scorecard, OC002 for inputs that are no object or an absurd day.';

CREATE FUNCTION o2c.review_scores(as_of date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE day date := coalesce(as_of, o2c.today());
BEGIN
    IF day NOT BETWEEN '1900-01-01' AND '2199-12-31' THEN
        RAISE EXCEPTION 'scores cannot be reviewed on %', day USING ERRCODE = 'OC002', HINT = 'Give a day from 1900-01-01 to 2199-12-31.';
    END IF;
    RETURN (SELECT count(*) FROM o2c._score_customers(
        ARRAY(SELECT s.customer_id FROM o2c.credit_score s WHERE s.company_id = review_scores.company_id
              GROUP BY s.customer_id HAVING (array_agg(s.next_review_on ORDER BY s.effective_on DESC, s.score_id DESC))[1] <= day
              ORDER BY s.customer_id),
        '{}', day, o2c.get_setting('scorecard', review_scores.company_id), review_scores.company_id));
END $$;
COMMENT ON FUNCTION o2c.review_scores(date, bigint) IS
'Scores again every customer whose review is due on a day (today), in one statement, from what is recorded. Result: the number of customers; a second call finds none. Errors: OC002 for an absurd day.';

-- Applications: who has credit.

CREATE FUNCTION o2c.credit_status(customer text, as_of date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_credit_status' LANGUAGE C STABLE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.credit_status(text, date, bigint) IS
'Whether a customer has credit on a day (today): none, applied, approved, declined, suspended, or expired (from the day after an approval ends). A customer without a status of its own has that of the customer whose credit account it uses. Errors: OC001 no such customer.';

CREATE FUNCTION o2c.set_credit_status(customer text, status text, reason text, expires_on date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_set_credit_status' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.set_credit_status(text, text, text, date, bigint) IS
'Approves, suspends, declines or ends (none) the credit of a customer from today on, without an application; its limit stays. Arguments: the customer''s code, the status, the reason (kept), the last day of an approval (null: no end), the company. An approval looks at held orders again; where the setting credit_duty names a duty, it needs authority for the limit. Errors: OC001 no such customer; OC002 no reason, another status, or an end that is past; OC301 no authority.';

CREATE FUNCTION o2c.apply_for_credit(customer text, amount numeric, inputs jsonb DEFAULT '{}', company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_apply_for_credit' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.apply_for_credit(text, numeric, jsonb, bigint) IS
'Applies for credit: the application is scored where there is an active scorecard, and o2c.credit_table approves, declines or refers it. Approval sets the limit (not above what is proposed) and lets held orders pass. Arguments: the customer''s code, the limit asked for in the currency of its credit account, what is known (stands above o2c.credit_information), the company. Result: application_id; its state tells. Errors: OC001 no such customer; OC002 for an amount that is not positive or inputs that are no object; OC101 while another application is open; OC108 within the setting credit_cool_off_days of a declined one.';

CREATE FUNCTION o2c.decide_application(application bigint, decision text, reason text, amount numeric DEFAULT NULL, expires_on date DEFAULT NULL,
                                       company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_decide_application' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.decide_application(bigint, text, text, numeric, date, bigint) IS
'Decides an application that was referred. Arguments: application_id, approved, declined or withdrawn, the reason (kept), the limit (null: what was asked for), the last day of the approval (null: no end), the company. Errors: OC001 no such application; OC002 no reason, another decision, a negative amount or an end that is past; OC101 decided already; OC301 when whoever applied decides, or the caller lacks the authority (setting credit_duty; its overrun is that of the proposed limit). Above authority.alone_amount the first approval is kept, and the same one by another person decides.';

CREATE FUNCTION o2c.rule_credit_approved(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_credit_approved' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_credit_approved(o2c.rule_case, jsonb) IS
'Rule: the customer has active credit (o2c.credit_status is approved). Parameters: {"amount": documents up to this pass without it, in the currency of the credit account (0)}. No company has this rule until it adds a row to o2c.rule. Observed: the document, threshold: that amount.';

CREATE FUNCTION o2c._follow_status() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_follow_status' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._follow_status() IS 'Row trigger: a new status keeps those who know only the one before from the credit account (40001); when credit is approved, the held orders of those who use it are checked again.';

CREATE FUNCTION o2c._are_ranges(conditions jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(bool_and(c.value::numrange IS NOT NULL), true) FROM jsonb_each_text(conditions) c);
END $$;
COMMENT ON FUNCTION o2c._are_ranges(jsonb) IS 'Whether every value of an object is a range of numbers. Errors: 22P02 for a text that is none.';

CREATE FUNCTION o2c._judge_application(application_id bigint, day date, company_id bigint,
                                       OUT outcome text, OUT amount numeric, OUT reason text, OUT expires_on date, OUT table_row jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked o2c.credit_application;
    scored bigint;
    score o2c.credit_score;
    choice o2c.credit_table;
    known jsonb;
BEGIN
    SELECT a.* INTO asked FROM o2c.credit_application a
    WHERE a.company_id = _judge_application.company_id AND a.application_id = _judge_application.application_id;
    SELECT n INTO scored
    FROM o2c._score_customers(ARRAY[asked.customer_id], asked.inputs, day, o2c.get_setting('scorecard', asked.company_id), asked.company_id) AS n;
    SELECT s.* INTO score FROM o2c.credit_score s WHERE s.company_id = asked.company_id AND s.score_id = scored;
    UPDATE o2c.credit_application a SET score_id = scored
    WHERE a.company_id = asked.company_id AND a.application_id = asked.application_id;
    known := coalesce(score.inputs, asked.inputs);
    SELECT t.* INTO choice FROM o2c.credit_table t
    WHERE t.company_id = asked.company_id
      AND (t.risk_class IS NULL OR t.risk_class = score.risk_class)
      AND (t.points IS NULL OR t.points @> score.points)
      AND (t.amount IS NULL OR t.amount @> asked.requested_amount)
      AND NOT EXISTS (SELECT FROM jsonb_each_text(t.conditions) c
                      WHERE (c.value::numrange @> o2c._json_number(known -> c.key)) IS NOT TRUE)
    ORDER BY t.priority LIMIT 1;
    table_row := CASE WHEN choice.priority IS NOT NULL THEN to_jsonb(choice) END;
    outcome := coalesce(choice.outcome, 'referred');
    reason := coalesce(choice.description, 'no row of the decision table applies');
    amount := least(asked.requested_amount, score.proposed_limit, choice.credit_limit);
    expires_on := (day + make_interval(months => choice.valid_months))::date;
    IF score.stopped THEN
        outcome := 'declined';
        reason := 'a value of the scorecard rules credit out';
    ELSIF outcome = 'approved' AND amount = 0 THEN
        outcome := 'referred';
        reason := 'the proposed limit is 0';
    END IF;
END $$;
COMMENT ON FUNCTION o2c._judge_application(bigint, date, bigint) IS
'Scores an application and finds what the decision table makes of it. Runs inside a command only.';

-- Quotations: offers that may hold credit for some hours.

CREATE FUNCTION o2c.place_quotation(customer text, lines jsonb, po_number text DEFAULT NULL, requested_on date DEFAULT NULL,
    ordered_on date DEFAULT NULL, charges jsonb DEFAULT NULL, currency text DEFAULT NULL, payment_terms text DEFAULT NULL,
    location text DEFAULT NULL, idempotency_key text DEFAULT NULL, attributes jsonb DEFAULT NULL,
    hold_credit_hours integer DEFAULT NULL, valid_until date DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_place_quotation'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.place_quotation(text, jsonb, text, date, date, jsonb, text, text, text, text, jsonb, integer, date, bigint) IS
'Quotes: an order in the state "quoted", priced like any order, that takes neither credit nor stock. Arguments: those of o2c.place_order(); the hours that it holds credit for from now on, 1 to 8760 (null: none); the last day that it may be accepted (null: no end); company. Credit is held where the rules of the checkpoint "order" would let the order pass, and lapses by the clock (o2c.now()), without any job; where they would not, the quotation stands without it, and o2c.quotation_answer() says why. Result: quotation_id, which is the order_id once it is accepted. Errors: those of o2c.place_order() but OC003 and OC006 for purchase orders; OC002 for other hours.';

CREATE FUNCTION o2c.accept_quotation(quotation bigint, po_number text DEFAULT NULL, requested_on date DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_accept_quotation'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.accept_quotation(bigint, text, date, bigint) IS
'Makes an order of a quotation, at its prices: it gets a number, is ordered today, and passes the rules as any order does. The credit that it held is given back in the same transaction and is not counted twice. Arguments: quotation_id; the customer''s purchase order number and the requested date (those of the quotation where null); company. Result: the order''s state. Errors: OC001 no such quotation; OC002 an infinite date; OC003 duplicate purchase order; OC006 purchase order missing; OC101 accepted or withdrawn already, no longer valid, or the customer is not active.';

CREATE FUNCTION o2c.withdraw_quotation(quotation bigint, reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_withdraw_quotation'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.withdraw_quotation(bigint, text, bigint) IS
'Withdraws a quotation; the credit that it holds is given back. Arguments: quotation_id, reason (kept), company. Errors: OC001 no such quotation; OC101 accepted or withdrawn already.';

CREATE FUNCTION o2c.release_lapsed_credit(company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_release_lapsed_credit'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.release_lapsed_credit(bigint) IS
'Moves the credit of quotations whose hours are over out of the accounts, and looks at held orders again. Limits do not need it: lapsed credit counts nowhere. Result: the number of quotations.';

CREATE FUNCTION o2c.quotation_answer(quotation bigint, company_id bigint DEFAULT o2c.current_company()) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE answer jsonb; reasons jsonb;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('rule', g.rule, 'message', g.message, 'observed', g.observed, 'threshold', g.threshold) ORDER BY g.rule)
    INTO reasons
    FROM (SELECT e.findings FROM o2c.decision e
          WHERE e.company_id = quotation_answer.company_id AND e.object_type = 'quotation' AND e.object_id = quotation_answer.quotation
          ORDER BY e.decision_id DESC LIMIT 1) d
    CROSS JOIN LATERAL jsonb_to_recordset(d.findings)
        AS g (rule text, reaction text, passed boolean, observed numeric, threshold numeric, message text)
    WHERE NOT g.passed AND g.reaction IN ('hold', 'refuse');
    SELECT jsonb_build_object('code', CASE WHEN q.state <> 'open' THEN q.state
                                           WHEN q.hold_credit_hours IS NULL OR o.total_amount = 0 THEN 'open'
                                           WHEN q.authorized = 0 THEN 'not_authorized'
                                           WHEN q.released_at IS NOT NULL OR q.authorized_until <= o2c.now() THEN 'lapsed'
                                           ELSE 'authorized' END,
                              'quotation_id', q.quotation_id, 'number', q.number, 'state', q.state, 'valid_until', q.valid_until,
                              'customer', c.code, 'amount', o.total_amount, 'currency', o.currency,
                              'authorized', CASE WHEN q.authorized_until > o2c.now() THEN q.held_value ELSE 0 END,
                              'credit_currency', a.currency, 'authorized_until', q.authorized_until, 'reasons', coalesce(reasons, '[]'))
    INTO answer
    FROM o2c.quotation q
    JOIN o2c.sales_order o ON o.company_id = q.company_id AND o.order_id = q.quotation_id
    JOIN o2c.customer c ON c.company_id = q.company_id AND c.customer_id = q.customer_id
    JOIN o2c.customer_credit m ON m.company_id = q.company_id AND m.customer_id = q.customer_id
    JOIN o2c.credit_account a ON a.company_id = m.company_id AND a.credit_account_id = m.credit_account_id
    WHERE q.company_id = quotation_answer.company_id AND q.quotation_id = quotation_answer.quotation;
    IF answer IS NULL THEN
        RAISE EXCEPTION 'company % has no quotation %', quotation_answer.company_id, quotation_answer.quotation USING ERRCODE = 'OC001';
    END IF;
    RETURN answer;
END $$;
COMMENT ON FUNCTION o2c.quotation_answer(bigint, bigint) IS
'What the caller is told of a quotation: {code (authorized; not_authorized where the rules did not let it hold credit; lapsed; open where none was asked for; accepted, withdrawn), quotation_id, number, state, valid_until, customer, amount, currency, authorized (what it holds now) in credit_currency, authorized_until, reasons [{rule, message, observed, threshold}] why no credit is held}. Arguments: quotation_id, company. Errors: OC001 no such quotation.';

CREATE FUNCTION o2c._close_quotation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE o2c.quotation q SET state = CASE NEW.state WHEN 'cancelled' THEN 'withdrawn' ELSE 'accepted' END,
        released_at = CASE WHEN q.authorized > 0 THEN coalesce(q.released_at, o2c.now()) END
    WHERE q.company_id = NEW.company_id AND q.quotation_id = NEW.order_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._close_quotation() IS
'Row trigger: a quotation that became an order or was withdrawn gives the credit that it holds back.';

CREATE FUNCTION o2c._move_authorized() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE o2c.credit_account a SET authorized = a.authorized + NEW.held_value - OLD.held_value
    FROM o2c.customer_credit m
    WHERE m.company_id = NEW.company_id AND m.customer_id = NEW.customer_id
      AND a.company_id = NEW.company_id AND a.credit_account_id = m.credit_account_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._move_authorized() IS 'Row trigger: the account''s "authorized" moves with what a quotation holds.';

-- Prepayments cover the exposure of their order.

CREATE FUNCTION o2c._cover_orders(company_id bigint, order_ids bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    UPDATE o2c.sales_order o SET prepaid_ordered = c.ordered, prepaid_shipped = c.shipped
    FROM (SELECT p.order_id, least(p.open, v.ordered) AS ordered, least(p.open - least(p.open, v.ordered), v.shipped) AS shipped
          FROM (SELECT d.order_id, d.prepaid_amount - d.prepaid_used AS open FROM o2c.sales_order d
                WHERE d.company_id = _cover_orders.company_id AND d.order_id = ANY (_cover_orders.order_ids)) p
          CROSS JOIN LATERAL (SELECT greatest(coalesce(sum(l.ordered_value), 0), 0) AS ordered, greatest(coalesce(sum(l.shipped_value), 0), 0) AS shipped
                              FROM o2c.order_line l WHERE l.company_id = _cover_orders.company_id AND l.order_id = p.order_id) v) c
    WHERE o.company_id = _cover_orders.company_id AND o.order_id = c.order_id
      AND (o.prepaid_ordered, o.prepaid_shipped) <> (c.ordered, c.shipped);
END $$;
COMMENT ON FUNCTION o2c._cover_orders(bigint, bigint[]) IS
'Lets what was paid in advance for orders cover their exposure: first what is ordered, then what is shipped. Runs inside a command only.';

CREATE FUNCTION o2c._cover_order() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM o2c._cover_orders(NEW.company_id, ARRAY[NEW.order_id]);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._cover_order() IS 'Row trigger: more or less is paid in advance for an order.';

CREATE FUNCTION o2c._move_cover() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE o2c.credit_account a
    SET ordered = a.ordered - (NEW.prepaid_ordered - OLD.prepaid_ordered) * NEW.credit_rate,
        shipped = a.shipped - (NEW.prepaid_shipped - OLD.prepaid_shipped) * NEW.credit_rate
    FROM o2c.customer_credit m
    WHERE m.company_id = NEW.company_id AND m.customer_id = NEW.customer_id
      AND a.company_id = NEW.company_id AND a.credit_account_id = m.credit_account_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._move_cover() IS 'Row trigger: the account''s exposure moves against what prepayments of an order cover.';

CREATE FUNCTION o2c.rule_external_score(document o2c.rule_case, parameters jsonb) RETURNS o2c.finding
AS 'MODULE_PATHNAME', 'o2c_rule_external_score' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.rule_external_score(o2c.rule_case, jsonb) IS
'Rule: the score that an agency gave the customer, as last recorded with o2c.record_information(), is at least {"minimum": n}. Parameters: also {"name": "external_score"}, what the score is called, and {"days": n}, how old it may be (any age, up to its valid_to). A score that is not known, too old or no number does not satisfy. A customer without one has that of the customer whose credit account it uses. Observed: the score.';

CREATE FUNCTION o2c._may_change_limit(company_id bigint, credit_account_id bigint, before numeric, after numeric, terms jsonb, reason text) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_may_change_limit' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._may_change_limit(bigint, bigint, numeric, numeric, jsonb, text) IS
'Whether the caller may give an account another limit now; false while a second person must do the same. Runs inside a command only. Errors: OC301.';
