-- process: the day's work

CREATE PROCEDURE o2c.close_day(day date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM o2c.record_overdue(coalesce(close_day.day, o2c.today()), close_day.company_id);
    PERFORM o2c.release_lapsed_credit(close_day.company_id);
    PERFORM o2c.announce_direct_debits(coalesce(close_day.day, o2c.today()), close_day.company_id);
END $$;
COMMENT ON PROCEDURE o2c.close_day(date, bigint) IS
'The work at the end of a business day: records overdue invoices, which suspends the credit of their customers, moves out what quotations hold no longer, and announces direct debits. Arguments: the day (today), company. May be repeated, and a day that was missed is made up for by the next one.';

CREATE FUNCTION o2c.order_answer("order" bigint, company_id bigint DEFAULT o2c.current_company()) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE head record; account record; excess numeric; overdue numeric; items jsonb; reasons jsonb;
BEGIN
    SELECT o.number, o.state, o.total_amount, o.currency, o.customer_id, c.code, c.group_id INTO head
    FROM o2c.sales_order o
    JOIN o2c.customer c ON c.company_id = o.company_id AND c.customer_id = o.customer_id
    WHERE o.company_id = order_answer.company_id AND o.order_id = order_answer."order";
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company % has no order %', order_answer.company_id, order_answer."order" USING ERRCODE = 'OC001';
    END IF;
    SELECT m.credit_account_id, a.currency INTO account
    FROM o2c.customer_credit m
    JOIN o2c.credit_account a ON a.company_id = m.company_id AND a.credit_account_id = m.credit_account_id
    WHERE m.company_id = order_answer.company_id AND m.customer_id = head.customer_id;
    -- what stops it, as the last evaluation of each checkpoint found it, and by how much the credit limit is exceeded
    SELECT jsonb_agg(jsonb_build_object('rule', f.rule, 'message', f.message, 'observed', f.observed, 'threshold', f.threshold) ORDER BY f.place, f.rule),
           max(f.observed - f.threshold) FILTER (WHERE f.rule = 'credit_limit')
    INTO reasons, excess
    FROM (SELECT DISTINCT ON (g.rule) g.rule, g.message, g.observed, g.threshold, d.decision_id AS place
          FROM (SELECT DISTINCT ON (e.checkpoint) e.decision_id, e.findings FROM o2c.decision e
                WHERE e.company_id = order_answer.company_id AND e.object_type = 'sales_order' AND e.object_id = order_answer."order"
                ORDER BY e.checkpoint, e.decision_id DESC) d
          CROSS JOIN LATERAL jsonb_to_recordset(d.findings)
              AS g (rule text, reaction text, passed boolean, observed numeric, threshold numeric, message text)
          WHERE NOT g.passed AND g.reaction IN ('hold', 'refuse') AND head.state IN ('held', 'refused')
          ORDER BY g.rule, g.observed NULLS LAST) f;
    SELECT sum(i.receivable_value),
           jsonb_agg(jsonb_build_object('number', v.number, 'due_on', i.due_on, 'days_overdue', o2c.today() - i.due_on,
                                        'open_amount', i.open_amount, 'currency', i.currency) ORDER BY i.due_on, i.item_id)
    INTO overdue, items
    FROM o2c.customer_credit m
    JOIN o2c.open_item i ON i.company_id = m.company_id AND i.customer_id = m.customer_id
     AND i.open_amount > 0 AND i.due_on < o2c.today() AND i.kind IN ('invoice', 'fee')
    LEFT JOIN o2c.invoice v ON v.company_id = i.company_id AND v.invoice_id = i.invoice_id
    WHERE m.company_id = order_answer.company_id AND m.credit_account_id = account.credit_account_id;
    overdue := o2c.round_money(coalesce(overdue, 0), account.currency);
    RETURN jsonb_build_object('code', CASE head.state WHEN 'held' THEN 'on_hold' WHEN 'confirmed' THEN 'ok' WHEN 'completed' THEN 'ok' ELSE head.state END,
                              'state', head.state, 'order_id', order_answer."order", 'number', head.number, 'customer', head.code,
                              'amount', head.total_amount, 'currency', head.currency, 'reasons', coalesce(reasons, '[]'),
                              'credit_currency', account.currency, 'overdue_amount', overdue, 'invoices', coalesce(items, '[]'),
                              'to_pay', CASE WHEN head.state IN ('held', 'refused')
                                             THEN greatest(overdue, o2c.round_money(coalesce(excess, 0), account.currency)) ELSE 0 END);
END $$;
COMMENT ON FUNCTION o2c.order_answer(bigint, bigint) IS
'What the caller is told of an order: {code (ok, on_hold, refused, or the state), state, order_id, number, customer, amount, currency, reasons [{rule, message, observed, threshold}] as the last decision found them, overdue_amount and to_pay in credit_currency, invoices [{number, due_on, days_overdue, open_amount, currency}] that are overdue on the customer''s credit account}. to_pay is the larger of what is overdue and what exceeds the credit limit: one payment serves both. Arguments: order_id, company. Errors: OC001 unknown order.';

CREATE FUNCTION o2c._tell_refused() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.notification (company_id, audience, recipient, topic, object_type, object_id, language, body)
    SELECT NEW.company_id, a.audience, CASE a.audience WHEN 'customer' THEN coalesce(c.email, c.code) ELSE 'credit' END,
           'order_refused', 'sales_order', NEW.order_id, c.language, o2c.order_answer(NEW.order_id, NEW.company_id)
    FROM o2c.customer c
    CROSS JOIN (VALUES ('customer'), ('department')) AS a (audience)
    WHERE c.company_id = NEW.company_id AND c.customer_id = NEW.customer_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._tell_refused() IS
'Row trigger: tells the customer, once for the order, and the credit department that an order was refused and what must be paid (o2c.order_answer).';
