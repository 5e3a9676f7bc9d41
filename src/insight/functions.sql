-- insight: key figures, computed from dated facts

CREATE FUNCTION o2c._weighted_add(state numeric[], value numeric, weight numeric) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_weighted_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._weighted_add(numeric[], numeric, numeric) IS
'Adds a row to the state {sum(value * weight), sum(weight)} of o2c.weighted_average. Errors: OC002 for NaN or infinity.';

CREATE FUNCTION o2c._weighted_remove(state numeric[], value numeric, weight numeric) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_weighted_remove' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._weighted_remove(numeric[], numeric, numeric) IS
'Takes a row that leaves a moving frame out of the state of o2c.weighted_average, exactly. Errors: OC002 for NaN or infinity.';

CREATE FUNCTION o2c._weighted_merge(a numeric[], b numeric[]) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_weighted_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._weighted_merge(numeric[], numeric[]) IS
'The sum of two states of o2c.weighted_average. Errors: OC002 for an array that is not such a state.';

CREATE FUNCTION o2c._weighted_result(state numeric[]) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_weighted_result' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._weighted_result(numeric[]) IS
'sum(value * weight) / sum(weight) of a state, null when the weights sum to zero. Errors: OC002 for an array that is not such a state.';

CREATE AGGREGATE o2c.weighted_average(value numeric, weight numeric) (
    SFUNC = o2c._weighted_add, STYPE = numeric[], INITCOND = '{0,0}',
    FINALFUNC = o2c._weighted_result, COMBINEFUNC = o2c._weighted_merge,
    MSFUNC = o2c._weighted_add, MINVFUNC = o2c._weighted_remove, MSTYPE = numeric[], MINITCOND = '{0,0}',
    MFINALFUNC = o2c._weighted_result, PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.weighted_average(numeric, numeric) IS
'sum(value * weight) / sum(weight), not rounded. Rows with a null value or weight are ignored; null when the weights sum to zero. Errors: OC002 for NaN or infinity.';

CREATE FUNCTION o2c._countback_add(state numeric[], receivable numeric, sales numeric, days integer) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_countback_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._countback_add(numeric[], numeric, numeric, integer) IS
'Counts one more period back; the state is {what is left, days counted, outcome}. Errors: OC002 for NaN, infinity or a period without days.';

CREATE FUNCTION o2c._countback_days(state numeric[]) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_countback_days' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._countback_days(numeric[]) IS 'The days counted by a state of o2c.dso_countback. Errors: OC002 for an array that is not such a state.';

CREATE FUNCTION o2c._countback_rest(state numeric[]) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_countback_rest' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._countback_rest(numeric[]) IS 'What a state of o2c.dso_countback has not covered. Errors: OC002 for an array that is not such a state.';

CREATE FUNCTION o2c._countback_status(state numeric[]) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_countback_status' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._countback_status(numeric[]) IS 'How the count of a state of o2c.dso_countback ended. Errors: OC002 for an array that is not such a state.';

CREATE AGGREGATE o2c.dso_countback(receivable numeric, sales numeric, days integer) (
    SFUNC = o2c._countback_add, STYPE = numeric[], FINALFUNC = o2c._countback_days, PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.dso_countback(numeric, numeric, integer) IS
'Days sales outstanding by counting back: dso_countback(receivable, sales, days ORDER BY period DESC) takes the sales of whole periods off the receivable, newest first, and the last one in proportion. The receivable is read from the first row. Sales that are null or not positive end the count, and so does the end of the history; nothing is extrapolated: see o2c.dso_countback_status. Result: days, not rounded; 0 when nothing is open. Errors: OC002 for NaN, infinity or a period without days.';

CREATE AGGREGATE o2c.dso_countback_status(receivable numeric, sales numeric, days integer) (
    SFUNC = o2c._countback_add, STYPE = numeric[], FINALFUNC = o2c._countback_status, PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.dso_countback_status(numeric, numeric, integer) IS
'How o2c.dso_countback with the same arguments ended: ok, stopped_nonpositive_sales, history_exhausted, or no_ar when nothing is open. The two share one pass over the rows.';

CREATE AGGREGATE o2c.dso_countback_rest(receivable numeric, sales numeric, days integer) (
    SFUNC = o2c._countback_add, STYPE = numeric[], FINALFUNC = o2c._countback_rest, PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.dso_countback_rest(numeric, numeric, integer) IS
'The part of the receivable that the sales given to o2c.dso_countback did not cover: 0 when its status is ok.';

-- Opening and closing balance in one pass over items and their applications.
CREATE FUNCTION o2c._receivable_by_day(from_on date, to_on date, customer_id bigint, currency text, net_unapplied boolean, company_id bigint)
RETURNS TABLE (day date, sales numeric, opening numeric, closing numeric, invoices numeric, not_due numeric, overdue numeric, over_90 numeric,
               items_open bigint, items_overdue bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT i.effective_on,
               coalesce(sum(i.amount) FILTER (WHERE i.kind = 'invoice'), 0),
               CASE WHEN i.effective_on < from_on THEN sum(o.amount) + coalesce(sum(a.since), 0) ELSE 0 END,
               sum(o.amount),
               coalesce(sum(o.amount) FILTER (WHERE i.kind = 'invoice'), 0),
               coalesce(sum(o.amount) FILTER (WHERE i.due_on >= to_on), 0),
               coalesce(sum(o.amount) FILTER (WHERE i.due_on < to_on), 0),
               coalesce(sum(o.amount) FILTER (WHERE to_on - i.due_on > 90), 0),
               count(*) FILTER (WHERE o.amount > 0),
               count(*) FILTER (WHERE o.amount > 0 AND i.due_on < to_on)
        FROM o2c.open_item i
        CROSS JOIN LATERAL (
            SELECT sum(a.cash_amount + a.discount_amount + a.tolerance_amount + a.writeoff_amount) AS applied,
                   sum(a.cash_amount + a.discount_amount + a.tolerance_amount + a.writeoff_amount) FILTER (WHERE a.effective_on >= from_on) AS since
            FROM o2c.application a
            WHERE a.company_id = i.company_id AND a.debit_item_id = i.item_id AND a.effective_on <= to_on) a
        CROSS JOIN LATERAL (SELECT i.amount - coalesce(a.applied, 0) AS amount) o
        WHERE i.company_id = _receivable_by_day.company_id AND i.currency = _receivable_by_day.currency
          AND i.effective_on <= to_on AND i.kind IN ('invoice', 'fee')
          AND (_receivable_by_day.customer_id IS NULL OR i.customer_id = _receivable_by_day.customer_id)
        GROUP BY i.effective_on;
    IF NOT net_unapplied THEN
        RETURN;
    END IF;
    -- credits are never due: they reduce the sales and the balances, and nothing else
    RETURN QUERY
        SELECT i.effective_on,
               coalesce(sum(i.amount) FILTER (WHERE i.kind = 'credit_note'), 0),
               CASE WHEN i.effective_on < from_on THEN sum(i.amount) + coalesce(sum(a.before), 0) ELSE 0 END,
               sum(i.amount) + coalesce(sum(a.applied), 0),
               numeric '0', numeric '0', numeric '0', numeric '0', bigint '0', bigint '0'
        FROM o2c.open_item i
        CROSS JOIN LATERAL (
            SELECT sum(a.credit_amount) AS applied, sum(a.credit_amount) FILTER (WHERE a.effective_on < from_on) AS before
            FROM o2c.application a
            WHERE a.company_id = i.company_id AND a.credit_item_id = i.item_id AND a.effective_on <= to_on) a
        WHERE i.company_id = _receivable_by_day.company_id AND i.currency = _receivable_by_day.currency
          AND i.effective_on <= to_on AND i.kind IN ('credit_note', 'payment')
          AND (_receivable_by_day.customer_id IS NULL OR i.customer_id = _receivable_by_day.customer_id)
        GROUP BY i.effective_on;
END $$;
COMMENT ON FUNCTION o2c._receivable_by_day(date, date, bigint, text, boolean, bigint) IS
'What o2c.kpi needs of the receivable, by day of invoice: sales of that day, what was open of them before from_on and at the end of to_on, and how much of the latter is from invoices, not due, overdue, more than 90 days overdue. Credit notes and payments on account follow in rows of their own when net_unapplied.';

CREATE FUNCTION o2c._paid_invoices(from_on date, to_on date, customer_id bigint, currency text, company_id bigint)
RETURNS TABLE (amount numeric, invoiced_on date, due_on date, paid_on date)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH touched AS (
            -- an item without an invoice is one by itself
            SELECT DISTINCT i.invoice_id, CASE WHEN i.invoice_id IS NULL THEN i.item_id END AS item_id
            FROM o2c.application a
            JOIN o2c.open_item i ON i.company_id = a.company_id AND i.item_id = a.debit_item_id
            WHERE a.company_id = _paid_invoices.company_id AND a.effective_on BETWEEN from_on AND to_on
              AND i.kind = 'invoice' AND i.currency = _paid_invoices.currency AND i.effective_on <= to_on
              AND (_paid_invoices.customer_id IS NULL OR i.customer_id = _paid_invoices.customer_id)),
        instalment AS (
            SELECT i.* FROM touched t JOIN o2c.open_item i ON i.company_id = _paid_invoices.company_id AND i.invoice_id = t.invoice_id
            WHERE i.kind = 'invoice'
            UNION ALL
            SELECT i.* FROM touched t JOIN o2c.open_item i ON i.company_id = _paid_invoices.company_id AND i.item_id = t.item_id),
        settled AS (
            SELECT i.invoice_id, i.item_id, i.amount, i.effective_on, i.due_on, a.*
            FROM instalment i
            CROSS JOIN LATERAL (
                SELECT i.amount - coalesce(sum(a.cash_amount + a.discount_amount + a.tolerance_amount + a.writeoff_amount), 0) AS open,
                       max(a.effective_on) AS settled_on, sum(a.cash_amount) FILTER (WHERE c.kind = 'payment') AS paid
                FROM o2c.application a
                LEFT JOIN o2c.open_item c ON c.company_id = a.company_id AND c.item_id = a.credit_item_id
                WHERE a.company_id = _paid_invoices.company_id AND a.debit_item_id = i.item_id AND a.effective_on <= to_on) a)
        SELECT sum(s.amount), min(s.effective_on), max(s.due_on), max(s.settled_on)
        FROM settled s
        GROUP BY s.invoice_id, CASE WHEN s.invoice_id IS NULL THEN s.item_id END
        HAVING bool_and(s.open = 0) AND sum(s.paid) > 0 AND max(s.settled_on) >= from_on;
END $$;
COMMENT ON FUNCTION o2c._paid_invoices(date, date, bigint, text, bigint) IS
'The invoices that were fully paid in the period, seen at its end: every instalment is zero, the last application lies in the period, and at least one is a payment. An invoice that was opened again is not among them.';

CREATE FUNCTION o2c.kpi(from_on date, to_on date, customer text DEFAULT NULL, periods integer DEFAULT 1, net_unapplied boolean DEFAULT false,
                        currency text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (kpi text, value numeric, unit text, numerator numeric, denominator numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    length integer;
    owner_id bigint;
BEGIN
    IF (from_on >= '0001-01-01' AND to_on <= '9999-12-31' AND from_on <= to_on) IS NOT TRUE THEN
        RAISE EXCEPTION 'no period goes from % to %', from_on, to_on
            USING ERRCODE = 'OC002', HINT = 'Give the first and the last day, in years 1 to 9999.';
    END IF;
    IF (periods >= 1) IS NOT TRUE THEN
        RAISE EXCEPTION 'a period cannot be divided into % parts', periods
            USING ERRCODE = 'OC002', HINT = 'periods is the N of the collection effectiveness index: 1, or the months of the period.';
    END IF;
    SELECT coalesce(kpi.currency, c.currency) INTO currency FROM o2c.company c WHERE c.company_id = kpi.company_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no company %', company_id
            USING ERRCODE = 'OC001', HINT = 'Companies are found by their id in o2c.company; the setting o2c.company says which one is meant by default.';
    END IF;
    PERFORM o2c.minor_units(currency);
    IF customer IS NOT NULL THEN
        SELECT c.customer_id INTO owner_id FROM o2c.customer c WHERE c.company_id = kpi.company_id AND c.code = customer;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'company % has no customer "%"', company_id, customer
                USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
        END IF;
    END IF;
    length := to_on - from_on + 1;

    RETURN QUERY
        WITH day AS MATERIALIZED (
            SELECT * FROM o2c._receivable_by_day(from_on, to_on, owner_id, currency, coalesce(net_unapplied, false), company_id)),
        balance AS (
            SELECT coalesce(sum(d.sales) FILTER (WHERE d.day >= from_on), 0) AS sales,
                   coalesce(sum(d.opening), 0) AS opening, coalesce(sum(d.closing), 0) AS closing,
                   coalesce(sum(d.not_due), 0) AS not_due, coalesce(sum(d.overdue), 0) AS overdue, coalesce(sum(d.over_90), 0) AS over_90,
                   coalesce(sum(d.items_open), 0) AS items_open, coalesce(sum(d.items_overdue), 0) AS items_overdue,
                   min(d.day) FILTER (WHERE d.sales > 0) AS first_sale
            FROM day d),
        -- every month from the first sale on, so that one without sales is seen
        month AS (
            SELECT m.month, least((m.month + interval '1 month')::date - 1, to_on) - m.month::date + 1 AS days,
                   sum(d.sales) AS sales, sum((to_on - d.day) * d.invoices) AS open_days
            FROM balance b
            CROSS JOIN generate_series(date_trunc('month', b.first_sale::timestamp), to_on::timestamp, '1 month') AS m (month)
            LEFT JOIN day d ON date_trunc('month', d.day::timestamp) = m.month
            GROUP BY m.month),
        countback AS (
            SELECT o2c.dso_countback(b.closing, m.sales, m.days ORDER BY m.month DESC) AS days,
                   o2c.dso_countback_rest(b.closing, m.sales, m.days ORDER BY m.month DESC) AS rest,
                   o2c.dso_countback(b.not_due, m.sales, m.days ORDER BY m.month DESC) AS best_days
            FROM balance b CROSS JOIN month m),
        -- a sum with one undefined term is undefined
        true_dso AS (
            SELECT CASE WHEN bool_and(m.open_days = 0 OR m.sales > 0) THEN
                       sum(CASE WHEN m.open_days <> 0 THEN m.open_days / m.sales ELSE 0 END) END AS days
            FROM month m WHERE m.open_days IS NOT NULL),
        band AS (
            SELECT sum(d.sales) AS sales, sum(d.invoices) AS open FROM day d GROUP BY greatest(to_on - d.day - 1, 0) / 30),
        weighted_dso AS (
            SELECT CASE WHEN bool_and(b.open = 0 OR b.sales > 0) THEN
                       sum(CASE WHEN b.open <> 0 THEN 30 * b.open / b.sales ELSE 0 END) END AS days
            FROM band b),
        paid AS (
            SELECT count(*)::numeric AS invoices, sum(p.amount) AS amount,
                   sum(p.paid_on - p.invoiced_on) AS days, sum(p.amount * (p.paid_on - p.invoiced_on)) AS amount_days,
                   sum(p.paid_on - p.due_on) AS late, sum(p.amount * (p.paid_on - p.due_on)) AS amount_late,
                   sum(p.amount * greatest(p.paid_on - p.due_on, 0)) AS amount_late_only,
                   sum(p.amount * (p.due_on - p.invoiced_on)) AS amount_terms
            FROM o2c._paid_invoices(from_on, to_on, owner_id, currency, company_id) p),
        -- what was taken back by the end of the period says nothing about the speed of payment
        cash AS (
            SELECT coalesce(sum(a.cash_amount) FILTER (WHERE i.kind IN ('invoice', 'fee')), 0) AS applied,
                   sum(a.cash_amount) FILTER (WHERE k.kept) AS amount,
                   sum(a.cash_amount * (a.effective_on - i.effective_on)) FILTER (WHERE k.kept) AS amount_days
            FROM o2c.application a
            JOIN o2c.open_item i ON i.company_id = a.company_id AND i.item_id = a.debit_item_id
            JOIN o2c.open_item c ON c.company_id = a.company_id AND c.item_id = a.credit_item_id
            LEFT JOIN o2c.application r ON r.company_id = a.company_id AND r.reverses = a.application_id AND r.effective_on <= to_on
            CROSS JOIN LATERAL (SELECT i.kind = 'invoice' AND a.reverses IS NULL AND r.application_id IS NULL AS kept) k
            WHERE a.company_id = kpi.company_id AND a.effective_on BETWEEN from_on AND to_on AND c.kind = 'payment'
              AND i.currency = kpi.currency AND (owner_id IS NULL OR i.customer_id = owner_id))
        SELECT f.kpi,
               coalesce(f.value, CASE WHEN f.denominator > 0 THEN f.numerator * CASE f.unit WHEN 'percent' THEN 100 ELSE 1 END / f.denominator END),
               f.unit, f.numerator, f.denominator
        FROM balance b CROSS JOIN countback o CROSS JOIN true_dso t CROSS JOIN weighted_dso w CROSS JOIN paid p CROSS JOIN cash c
        CROSS JOIN LATERAL (VALUES
            ('dso', 'days', NULL, b.closing * length, b.sales),
            ('best_possible_dso', 'days', NULL, b.not_due * length, b.sales),
            ('average_days_delinquent', 'days', NULL, b.overdue * length, b.sales),
            ('dso_countback', 'days', o.days, NULL, NULL),
            ('best_possible_dso_countback', 'days', o.best_days, NULL, NULL),
            ('average_days_delinquent_countback', 'days', o.days - o.best_days, NULL, NULL),
            ('countback_uncovered', 'percent', NULL, o.rest, b.closing),
            ('true_dso', 'days', t.days, NULL, NULL),
            ('sales_weighted_dso', 'days', w.days, NULL, NULL),
            ('cei', 'percent', NULL, periods * (b.opening - b.closing) + b.sales, periods * (b.opening - b.not_due) + b.sales),
            ('cei_cash', 'percent', NULL, c.applied, b.opening + b.sales - b.not_due),
            ('ar_turnover', 'times', NULL, b.sales, 0.5 * (b.opening + b.closing)),
            ('ar_turnover_annualised', 'times', NULL, b.sales * 365, 0.5 * length * (b.opening + b.closing)),
            ('average_collection_period', 'days', NULL, 0.5 * length * (b.opening + b.closing), b.sales),
            ('average_days_to_pay', 'days', NULL, p.days, p.invoices),
            ('average_days_to_pay_weighted', 'days', NULL, p.amount_days, p.amount),
            ('average_days_to_pay_by_payment', 'days', NULL, c.amount_days, c.amount),
            ('average_days_late', 'days', NULL, p.late, p.invoices),
            ('average_days_late_weighted', 'days', NULL, p.amount_late, p.amount),
            ('average_days_late_only_weighted', 'days', NULL, p.amount_late_only, p.amount),
            ('average_terms_weighted', 'days', NULL, p.amount_terms, p.amount),
            ('percent_current', 'percent', NULL, b.not_due, b.not_due + b.overdue),
            ('delinquency_rate', 'percent', NULL, b.overdue, b.not_due + b.overdue),
            ('delinquency_rate_by_count', 'percent', NULL, b.items_overdue, b.items_open),
            ('percent_over_90', 'percent', NULL, b.over_90, b.not_due + b.overdue)
        ) AS f (kpi, unit, value, numerator, denominator);
END $$;
COMMENT ON FUNCTION o2c.kpi(date, date, text, integer, boolean, text, bigint) IS
'Key figures of the receivable in a period, both days included, seen at the end of its last day and computed from dated facts only, so that a past period says today what it said then. Arguments: the period; a customer''s code, or null for all; the N of the collection effectiveness index (1, or the months of the period); whether credit notes and payments on account reduce sales and balances; the currency (null: the company''s; amounts of others are left out); the company. Result: value is numerator / denominator, times 100 in percent, never rounded, and null where the denominator is not positive; numerators and denominators may be added up before dividing. doc/reference.md defines each figure. Errors: OC001 for an unknown company, customer or currency, OC002 for a period that is empty or outside the years 1 to 9999, or for periods below 1. Reads every item up to to_on with its applications once.';
