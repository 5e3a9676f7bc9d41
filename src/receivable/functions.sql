-- receivable: type aging and its aggregates

CREATE TYPE o2c.aging;

CREATE FUNCTION o2c._aging_in(cstring) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_in(cstring) IS
'Reads {boundaries} {amounts} {items}, for example {0,30,60,90} {100.00,0.00,0.00,0.00,25.50} {2,0,0,0,1}. Errors: 22P02 for text of another form, OC205 for boundaries that do not increase, lists of the wrong length, NaN or infinity.';

CREATE FUNCTION o2c._aging_out(o2c.aging) RETURNS cstring
AS 'MODULE_PATHNAME', 'o2c_aging_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_out(o2c.aging) IS 'The canonical text of an aging.';

CREATE FUNCTION o2c._aging_recv(internal) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_recv(internal) IS
'Reads the binary form: int2 number of boundaries, the boundaries as int4, then the amount as numeric and the items as int8 for each bucket. Errors: 22P03 or 08P01 for bytes of another form, OC205 as for the text.';

CREATE FUNCTION o2c._aging_send(o2c.aging) RETURNS bytea
AS 'MODULE_PATHNAME', 'o2c_aging_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_send(o2c.aging) IS 'The binary form of an aging, the same on every platform.';

CREATE TYPE o2c.aging (
    INPUT = o2c._aging_in, OUTPUT = o2c._aging_out, RECEIVE = o2c._aging_recv, SEND = o2c._aging_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = double, STORAGE = extended
);
COMMENT ON TYPE o2c.aging IS
'Open amounts and numbers of items by days overdue: n increasing boundaries make n + 1 buckets that cover every day. Up to the first boundary, above it up to and including the next, ..., above the last. The standard boundaries 0, 30, 60, 90 make not due, 1-30, 31-60, 61-90, over 90.';

-- The aggregates.  The type is the state; there is a transition, a combine
-- function, a moving transition with its inverse, and no final function.
CREATE FUNCTION o2c._aging_transition(state o2c.aging, amount numeric, days integer) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_transition(o2c.aging, numeric, integer) IS
'Adds an item to an aging, with the standard boundaries when the aging is null. Null amounts and days are ignored. Errors: OC205 for NaN or infinity.';

CREATE FUNCTION o2c._aging_transition(state o2c.aging, amount numeric, days integer, boundaries integer[]) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_transition(o2c.aging, numeric, integer, integer[]) IS
'Adds an item to an aging with the given boundaries. Null amounts and days are ignored. Errors: OC205 for NaN, infinity, boundaries that are null, do not increase, or differ from those of the aging.';

CREATE FUNCTION o2c._aging_combine(state o2c.aging, aging o2c.aging) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_combine(o2c.aging, o2c.aging) IS
'The sum of two agings; null counts as nothing, and two nulls are null. Errors: OC205 for different boundaries.';

CREATE FUNCTION o2c._aging_moving(state o2c.aging, amount numeric, days integer) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_moving' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_moving(o2c.aging, numeric, integer) IS
'As o2c._aging_transition, for a moving frame: never null.';

CREATE FUNCTION o2c._aging_moving(state o2c.aging, amount numeric, days integer, boundaries integer[]) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_moving' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_moving(o2c.aging, numeric, integer, integer[]) IS
'As o2c._aging_transition, for a moving frame: never null.';

CREATE FUNCTION o2c._aging_inverse(state o2c.aging, amount numeric, days integer) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_inverse' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_inverse(o2c.aging, numeric, integer) IS
'Takes an item that leaves a moving frame out of the aging again, exactly.';

CREATE FUNCTION o2c._aging_inverse(state o2c.aging, amount numeric, days integer, boundaries integer[]) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_inverse' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_inverse(o2c.aging, numeric, integer, integer[]) IS
'Takes an item that leaves a moving frame out of the aging again, exactly.';

CREATE FUNCTION o2c._aging_moving_final(state o2c.aging) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_moving_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_moving_final(o2c.aging) IS 'The aging of a moving frame, null when no row of the frame counts.';

CREATE AGGREGATE o2c.aging(amount numeric, days integer) (
    SFUNC = o2c._aging_transition, STYPE = o2c.aging, SSPACE = 144, COMBINEFUNC = o2c._aging_combine,
    MSFUNC = o2c._aging_moving, MINVFUNC = o2c._aging_inverse, MSTYPE = o2c.aging, MFINALFUNC = o2c._aging_moving_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.aging(numeric, integer) IS
'Ages open items: amount in one currency, days overdue (as-of date less due date; 0 and less is not due). Buckets: not due, 1-30, 31-60, 61-90, over 90. Null amounts and days are ignored; without any row the result is null. Amounts show as many decimals as the one that has the most. Errors: OC205 for NaN or infinity. Rule: buckets as in the receivables survey of the Credit Research Foundation.';

CREATE AGGREGATE o2c.aging(amount numeric, days integer, boundaries integer[]) (
    SFUNC = o2c._aging_transition, STYPE = o2c.aging, SSPACE = 144, COMBINEFUNC = o2c._aging_combine,
    MSFUNC = o2c._aging_moving, MINVFUNC = o2c._aging_inverse, MSTYPE = o2c.aging, MFINALFUNC = o2c._aging_moving_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.aging(numeric, integer, integer[]) IS
'Ages open items with boundaries of your own: 1 to 31 increasing days, the same on all rows of a group. Else as o2c.aging(amount, days). Errors: OC205 for NaN, infinity and for boundaries that are null, do not increase, or differ within a group.';

CREATE AGGREGATE o2c.aging_merge(aging o2c.aging) (
    SFUNC = o2c._aging_combine, STYPE = o2c.aging, SSPACE = 144, COMBINEFUNC = o2c._aging_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.aging_merge(o2c.aging) IS
'Rolls agings up: the sum of agings of the same boundaries, for example of customers to their company. Nulls are ignored. Errors: OC205 for different boundaries.';

CREATE FUNCTION o2c._aging_add(o2c.aging, o2c.aging) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_add(o2c.aging, o2c.aging) IS
'The sum of two agings, bucket by bucket. Errors: OC205 for different boundaries.';
CREATE OPERATOR o2c.+ (FUNCTION = o2c._aging_add, LEFTARG = o2c.aging, RIGHTARG = o2c.aging, COMMUTATOR = OPERATOR(o2c.+));
COMMENT ON OPERATOR o2c.+ (o2c.aging, o2c.aging) IS 'sum of two agings';

CREATE FUNCTION o2c._aging_subtract(o2c.aging, o2c.aging) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_subtract(o2c.aging, o2c.aging) IS
'What changed between two agings, bucket by bucket; items may be negative. Errors: OC205 for different boundaries.';
CREATE OPERATOR o2c.- (FUNCTION = o2c._aging_subtract, LEFTARG = o2c.aging, RIGHTARG = o2c.aging);
COMMENT ON OPERATOR o2c.- (o2c.aging, o2c.aging) IS 'change between two agings';

CREATE FUNCTION o2c._aging_equal(o2c.aging, o2c.aging) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_aging_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_equal(o2c.aging, o2c.aging) IS
'Whether two agings have the same boundaries, amounts and items; the decimals shown do not matter.';
CREATE FUNCTION o2c._aging_differ(o2c.aging, o2c.aging) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_aging_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_differ(o2c.aging, o2c.aging) IS 'Whether two agings are not equal.';
CREATE FUNCTION o2c._aging_hash(o2c.aging) RETURNS integer
AS 'MODULE_PATHNAME', 'o2c_aging_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_hash(o2c.aging) IS 'A hash, the same for equal agings.';
CREATE OPERATOR o2c.= (
    FUNCTION = o2c._aging_equal, LEFTARG = o2c.aging, RIGHTARG = o2c.aging, HASHES,
    COMMUTATOR = OPERATOR(o2c.=), NEGATOR = OPERATOR(o2c.<>), RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR o2c.= (o2c.aging, o2c.aging) IS 'equal';
CREATE OPERATOR o2c.<> (
    FUNCTION = o2c._aging_differ, LEFTARG = o2c.aging, RIGHTARG = o2c.aging,
    COMMUTATOR = OPERATOR(o2c.<>), NEGATOR = OPERATOR(o2c.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR o2c.<> (o2c.aging, o2c.aging) IS 'not equal';
CREATE OPERATOR CLASS o2c.aging_ops DEFAULT FOR TYPE o2c.aging USING hash AS
    OPERATOR 1 o2c.= (o2c.aging, o2c.aging), FUNCTION 1 o2c._aging_hash(o2c.aging);
COMMENT ON OPERATOR CLASS o2c.aging_ops USING hash IS 'Agings can be grouped and compared for equality; they have no order.';

CREATE FUNCTION o2c.total(aging o2c.aging) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_aging_total' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.total(o2c.aging) IS 'The sum of all buckets: the open amount.';

CREATE FUNCTION o2c.past_due(aging o2c.aging) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_aging_past_due' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.past_due(o2c.aging) IS
'The sum of the buckets above day 0. Errors: OC205 when 0 is not one of the boundaries.';

CREATE FUNCTION o2c.bucket(aging o2c.aging, n integer) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_aging_bucket' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.bucket(o2c.aging, integer) IS
'The amount of a bucket, counted from 1. Errors: OC205 when there is no such bucket.';

CREATE FUNCTION o2c.items(aging o2c.aging) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_aging_items' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.items(o2c.aging) IS 'The number of items in all buckets.';

CREATE FUNCTION o2c.unnest(aging o2c.aging)
RETURNS TABLE (bucket text, from_days integer, to_days integer, amount numeric, items bigint)
AS 'MODULE_PATHNAME', 'o2c_aging_unnest' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION o2c.unnest(o2c.aging) IS
'A row for each bucket in order of age: its name, first and last day (null where it is open), amount and number of items.';

CREATE FUNCTION o2c.amounts(aging o2c.aging) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_aging_amounts' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.amounts(o2c.aging) IS 'The amounts of the buckets in order of age; also the cast to numeric[].';
CREATE CAST (o2c.aging AS numeric[]) WITH FUNCTION o2c.amounts(o2c.aging);

CREATE FUNCTION o2c._aging_json(o2c.aging) RETURNS json
AS 'MODULE_PATHNAME', 'o2c_aging_json' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_json(o2c.aging) IS
'{"total": ..., "items": ..., "buckets": [{"bucket": ..., "from_days": ..., "to_days": ..., "amount": ..., "items": ...}, ...]}; to_json and to_jsonb use this cast too.';
CREATE CAST (o2c.aging AS json) WITH FUNCTION o2c._aging_json(o2c.aging);

CREATE FUNCTION o2c._aging_jsonb(o2c.aging) RETURNS jsonb
AS 'MODULE_PATHNAME', 'o2c_aging_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_jsonb(o2c.aging) IS 'As the cast to json.';
CREATE CAST (o2c.aging AS jsonb) WITH FUNCTION o2c._aging_jsonb(o2c.aging);


CREATE FUNCTION o2c._make_items() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_make_items' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._make_items() IS
'Statement trigger: posting an invoice makes its instalments and discounts from the terms, posting a credit note its item.';

-- receivable: open items and applications

CREATE FUNCTION o2c._amount_problem(amount numeric, currency text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_amount_problem_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._amount_problem(numeric, text) IS
'What is wrong with an amount of a document in a currency, or null: missing, not finite, negative, 10^15 or more, more decimals than the currency has (ISO 4217). Errors: OC001 for an unknown currency.';

CREATE FUNCTION o2c._date_problem(day date) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_date_problem_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._date_problem(date) IS
'What is wrong with a date of a document, or null: missing, or not from 1900-01-01 to 2199-12-31.';

CREATE FUNCTION o2c._derive_item() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_derive_item' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._derive_item() IS
'Row trigger: a new open item is open in full, and keeps the day''s rate to the company''s currency, which is null when none is known. Errors: OC002 for an amount or a date that cannot be.';

CREATE FUNCTION o2c._settle_invoices() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_settle_invoices' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._settle_invoices() IS
'Statement trigger: an invoice or credit note is paid when all its open items are zero, and posted again when one is not.';

CREATE FUNCTION o2c._apply() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_apply_trigger' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._apply() IS
'Statement trigger: applications move the open amounts of their items, which are locked in the order of their ids. Errors: OC106 when more is applied than an item has open, OC005 for items of different currencies without an exchanged amount, OC002 for one within a currency, OC002 for items of different groups of customers, a date before an item''s, or a reversal that is not the mirror of its application.';

CREATE FUNCTION o2c.unapply(application_id bigint, effective_on date DEFAULT o2c.today(), reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_unapply_sql' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.unapply(bigint, date, text, bigint) IS
'Takes an application back with a row of the opposite amounts: both items are open again, history stays. Arguments: the application, the date it is taken back on (not before the application''s), why. Result: the id of the new application. Errors: OC001 for an unknown application, OC002 for a missing or too early date, OC101 when it was taken back before.';

CREATE FUNCTION o2c._take_statistics(changed bigint, VARIADIC tables regclass[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT c.oid FROM pg_class c
             WHERE c.oid = ANY (tables) AND changed >= 1000 AND changed >= c.reltuples / 10
             ORDER BY array_position(tables, c.oid::regclass) LOOP
        EXECUTE format('ANALYZE %s', t);
    END LOOP;
END $$;
COMMENT ON FUNCTION o2c._take_statistics(bigint, regclass[]) IS
'Analyzes tables of which so many rows are new that plans would be wrong until autovacuum comes: 1,000 and a tenth of the table.';

CREATE FUNCTION o2c._load_invoices(batch text, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b record;
    added bigint;
    loaded bigint := 0;
    stay bigint := 0;
BEGIN
    PERFORM o2c._take_statistics((SELECT count(*) FROM o2c.invoice_import r WHERE r.company_id = _load_invoices.company_id),
                                 'o2c.customer', 'o2c.invoice_import');
    FOR b IN SELECT r.batch FROM o2c.invoice_import r
             WHERE r.company_id = _load_invoices.company_id AND (_load_invoices.batch IS NULL OR r.batch = _load_invoices.batch)
             GROUP BY r.batch ORDER BY min(r.import_id) LOOP
        UPDATE o2c.invoice_import r SET problem = j.problem
        FROM o2c._judge_invoices(b.batch, _load_invoices.company_id) j
        WHERE r.company_id = _load_invoices.company_id AND r.import_id = j.import_id AND r.problem IS DISTINCT FROM j.problem;
        IF EXISTS (SELECT FROM o2c.invoice_import r
                   WHERE r.company_id = _load_invoices.company_id AND r.batch = b.batch AND r.problem IS NOT NULL) THEN
            stay := stay + 1;
            CONTINUE;
        END IF;
        WITH gone AS (
            DELETE FROM o2c.invoice_import r WHERE r.company_id = _load_invoices.company_id AND r.batch = b.batch
            RETURNING r.import_id, r.number, r.customer, r.invoiced_on, r.due_on, r.amount, r.currency, r.discount_until, r.discount_amount
        ), given AS (
            -- ids are drawn here: what follows needs no join of these rows, of which the planner knows nothing
            SELECT nextval('o2c.invoice_id_seq') AS invoice_id, nextval('o2c.item_id_seq') AS item_id, n.*
            FROM (SELECT g.number, c.customer_id, g.invoiced_on, g.due_on, m.currency, m.amount, g.discount_until, g.discount_amount,
                         CASE WHEN a.currency <> m.currency
                              THEN coalesce(o2c._known_rate(m.currency, a.currency, g.invoiced_on, _load_invoices.company_id), 1) ELSE 1 END AS credit_rate
                  FROM (SELECT DISTINCT ON (gone.number) gone.* FROM gone ORDER BY gone.number, gone.import_id) g
                  CROSS JOIN LATERAL (SELECT c.customer_id, c.currency FROM o2c.customer c
                                      WHERE c.company_id = _load_invoices.company_id AND c.code = g.customer LIMIT 1) c
                  LEFT JOIN o2c.customer_credit k ON k.company_id = _load_invoices.company_id AND k.customer_id = c.customer_id
                  LEFT JOIN o2c.credit_account a ON a.company_id = _load_invoices.company_id AND a.credit_account_id = k.credit_account_id
                  LEFT JOIN LATERAL (SELECT v.invoice_id FROM o2c.invoice v
                                     WHERE v.company_id = _load_invoices.company_id AND v.number = g.number LIMIT 1) v ON true
                  CROSS JOIN LATERAL (SELECT coalesce(g.currency, c.currency), o2c.round_money(g.amount, coalesce(g.currency, c.currency))) m (currency, amount)
                  WHERE v.invoice_id IS NULL
                  ORDER BY g.import_id) n
        ), document AS (
            INSERT INTO o2c.invoice (company_id, invoice_id, number, customer_id, state, imported, invoiced_on, due_on, currency,
                                     line_amount, net_amount, total_amount, credit_rate)
            SELECT _load_invoices.company_id, g.invoice_id, g.number, g.customer_id, 'posted', true, g.invoiced_on, g.due_on,
                   g.currency, g.amount, g.amount, g.amount, g.credit_rate
            FROM given g
            RETURNING invoice_id
        ), item AS (
            INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, invoice_id, effective_on, due_on, currency, amount, credit_rate)
            SELECT _load_invoices.company_id, g.item_id, g.customer_id, 'invoice', g.invoice_id, g.invoiced_on, g.due_on, g.currency, g.amount, g.credit_rate
            FROM given g
        ), discount AS (
            INSERT INTO o2c.instalment_discount (company_id, item_id, tier, until_on, amount)
            SELECT _load_invoices.company_id, g.item_id, 1, g.discount_until, g.discount_amount
            FROM given g WHERE g.discount_amount > 0
        )
        SELECT count(*) INTO added FROM document;
        loaded := loaded + added;
    END LOOP;
    PERFORM o2c._take_statistics(loaded, 'o2c.invoice', 'o2c.open_item');
    IF stay > 0 THEN
        RAISE WARNING '% of the batches of invoices could not be loaded', stay
            USING ERRCODE = 'OC002', HINT = 'o2c.invoice_import.problem says why; correct or delete those rows and load again.';
    END IF;
    RETURN loaded;
END $$;
COMMENT ON FUNCTION o2c._load_invoices(text, bigint) IS 'What o2c.load_invoices() does once the customers are locked.';

CREATE FUNCTION o2c._judge_invoices(batch text, company_id bigint) RETURNS TABLE (import_id bigint, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH staged AS (
        SELECT r.import_id, r.number, r.customer, r.currency AS given_currency, r.invoiced_on, r.due_on, r.amount, r.discount_until, r.discount_amount,
               c.customer_id, u.currency,
               concat_ws('|', c.customer_id, r.invoiced_on, r.due_on, trim_scale(r.amount), u.currency, r.discount_until, trim_scale(r.discount_amount)) AS content,
               v.invoice_id,
               concat_ws('|', v.customer_id, v.invoiced_on, v.due_on, trim_scale(v.total_amount), v.currency, d.until_on, trim_scale(d.amount)) AS booked
        FROM o2c.invoice_import r
        -- LIMIT 1 makes each look-up one descent of a unique index, whatever the statistics say of tables that just grew
        LEFT JOIN LATERAL (SELECT c.customer_id, c.currency FROM o2c.customer c
                           WHERE c.company_id = _judge_invoices.company_id AND c.code = r.customer LIMIT 1) c ON true
        LEFT JOIN o2c.currency u ON u.currency = coalesce(r.currency, c.currency)
        LEFT JOIN LATERAL (SELECT v.invoice_id, v.customer_id, v.invoiced_on, v.due_on, v.total_amount, v.currency FROM o2c.invoice v
                           WHERE v.company_id = _judge_invoices.company_id AND v.number = r.number LIMIT 1) v ON true
        LEFT JOIN LATERAL (SELECT d.until_on, d.amount FROM o2c.open_item i
                           JOIN o2c.instalment_discount d ON d.company_id = _judge_invoices.company_id AND d.item_id = i.item_id
                           WHERE i.company_id = _judge_invoices.company_id AND i.invoice_id = v.invoice_id LIMIT 1) d ON true
        WHERE r.company_id = _judge_invoices.company_id AND r.batch = _judge_invoices.batch
    ), compared AS (
        SELECT s.*, min(s.content) OVER (PARTITION BY s.number) <> max(s.content) OVER (PARTITION BY s.number) AS differs
        FROM staged s
    )
    SELECT s.import_id, CASE
        WHEN coalesce(s.number, '') = '' THEN 'the number is missing'
        WHEN s.customer_id IS NULL THEN format('there is no customer %L', s.customer)
        WHEN s.currency IS NULL THEN format('there is no currency %L', s.given_currency)
        WHEN o2c._amount_problem(s.amount, s.currency) IS NOT NULL THEN 'the amount ' || o2c._amount_problem(s.amount, s.currency)
        WHEN o2c._date_problem(s.invoiced_on) IS NOT NULL THEN 'the invoice date ' || o2c._date_problem(s.invoiced_on)
        WHEN o2c._date_problem(s.due_on) IS NOT NULL THEN 'the due date ' || o2c._date_problem(s.due_on)
        WHEN s.due_on < s.invoiced_on THEN 'the due date is before the invoice date'
        WHEN (s.discount_until IS NULL) <> (s.discount_amount IS NULL) THEN 'a discount is an amount and its last day'
        WHEN s.discount_amount IS NOT NULL AND o2c._amount_problem(s.discount_amount, s.currency) IS NOT NULL
            THEN 'the discount ' || o2c._amount_problem(s.discount_amount, s.currency)
        WHEN s.discount_amount = 0 THEN 'the discount is zero'
        WHEN s.discount_amount >= s.amount THEN 'the discount is not less than the amount'
        WHEN s.discount_until IS NOT NULL AND o2c._date_problem(s.discount_until) IS NOT NULL
            THEN 'the last day of the discount ' || o2c._date_problem(s.discount_until)
        WHEN s.discount_until < s.invoiced_on THEN 'the last day of the discount is before the invoice date'
        WHEN s.differs THEN 'the number stands in the batch with different content'
        WHEN s.invoice_id IS NOT NULL AND s.booked <> s.content THEN 'the number belongs to an invoice with different content'
        END
    FROM compared s;
END $$;
COMMENT ON FUNCTION o2c._judge_invoices(text, bigint) IS 'The rows of a batch of invoices, each with what is wrong with it or null.';

CREATE FUNCTION o2c.load_invoices(batch text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_load_invoices' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.load_invoices(text, bigint) IS
'Takes in the invoices that were put into o2c.invoice_import: each becomes a posted invoice without lines (imported) with one open item, and with its discount for early payment where the row has one (discount_amount until discount_until). Arguments: the batch (null: all), the company. A batch is taken in as a whole or, when one of its rows is wrong, not at all: then its rows stay and say their problem, and a warning (OC002) counts such batches. Rows equal to an invoice that is there already are dropped, so a repeated load adds nothing. A null currency is the customer''s. Result: the number of invoices added.';

CREATE FUNCTION o2c.aging_report(as_of date DEFAULT o2c.today(), known_at timestamptz DEFAULT NULL, boundaries integer[] DEFAULT NULL,
                                 basis text DEFAULT 'due', company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (customer text, currency text, total numeric, aging o2c.aging, unapplied numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE edges integer[] := coalesce(boundaries, '{0,30,60,90}');
BEGIN
    IF as_of IS NULL OR o2c._date_problem(as_of) IS NOT NULL THEN
        RAISE EXCEPTION 'the date of the aging %', o2c._date_problem(as_of) USING ERRCODE = 'OC002', HINT = 'Give the day the aging is for.';
    END IF;
    IF basis IS NULL OR basis NOT IN ('due', 'invoice') THEN
        RAISE EXCEPTION 'unknown basis "%"', basis USING ERRCODE = 'OC002', HINT = 'An aging counts from the due date (due) or the invoice date (invoice).';
    END IF;
    RETURN QUERY
    -- open then = open now + what was applied since: only the recent part of history is read
    WITH later AS MATERIALIZED (
        SELECT s.item_id, sum(s.amount) AS amount
        FROM (SELECT a.debit_item_id AS item_id, a.cash_amount + a.discount_amount + a.tolerance_amount + a.writeoff_amount AS amount
              FROM o2c.application a
              WHERE a.company_id = aging_report.company_id
                AND (a.effective_on > aging_report.as_of OR a.recorded_at > aging_report.known_at)
              UNION ALL
              SELECT a.credit_item_id, - a.credit_amount FROM o2c.application a
              WHERE a.company_id = aging_report.company_id AND a.credit_item_id IS NOT NULL
                AND (a.effective_on > aging_report.as_of OR a.recorded_at > aging_report.known_at)) s
        GROUP BY s.item_id
    ), balance AS (
        SELECT i.customer_id, i.currency, i.kind, i.due_on, i.effective_on, i.recorded_at, i.open_amount + coalesce(l.amount, 0) AS amount
        FROM o2c.open_item i LEFT JOIN later l ON l.item_id = i.item_id
        WHERE i.company_id = aging_report.company_id AND i.open_amount <> 0
        UNION ALL
        SELECT i.customer_id, i.currency, i.kind, i.due_on, i.effective_on, i.recorded_at, l.amount
        FROM later l JOIN o2c.open_item i ON i.company_id = aging_report.company_id AND i.item_id = l.item_id
        WHERE i.open_amount = 0
    ), aged AS (
        SELECT b.customer_id, b.currency,
               o2c.aging(b.amount, aging_report.as_of - CASE aging_report.basis WHEN 'due' THEN b.due_on ELSE b.effective_on END, edges)
                   FILTER (WHERE b.kind IN ('invoice', 'fee')) AS aging,
               o2c.aging(0, 0, edges) AS something,
               sum(- b.amount) FILTER (WHERE b.kind NOT IN ('invoice', 'fee')) AS unapplied
        FROM balance b
        WHERE b.amount <> 0 AND b.effective_on <= aging_report.as_of
          AND (aging_report.known_at IS NULL OR b.recorded_at <= aging_report.known_at)
        GROUP BY b.customer_id, b.currency
    )
    SELECT c.code, g.currency, coalesce(o2c.total(g.aging), 0),
           coalesce(g.aging, g.something OPERATOR(o2c.-) g.something), coalesce(g.unapplied, 0)
    FROM aged g
    JOIN o2c.customer c ON c.company_id = aging_report.company_id AND c.customer_id = g.customer_id
    ORDER BY c.code, g.currency;
END $$;
COMMENT ON FUNCTION o2c.aging_report(date, timestamptz, integer[], text, bigint) IS
'What each customer owed on a date, by age, from dated facts only: a date gives the same answer whenever it is asked, unless facts are back-dated; known_at gives the answer as it was at that moment. One row for each customer and currency that had something open. Arguments: the date (days overdue are counted to it; the due date itself is not overdue), the moment (null: now), the boundaries in days (null: 0, 30, 60, 90), the basis (due: age from the due date, invoice: from the invoice date), the company. total is the sum of the aging; unapplied is what was on account as payments and credit notes, never netted. Errors: OC002 for a missing or absurd date or another basis, OC205 for boundaries that do not increase.';

-- What scores want to know of payments: read from dated facts, recorded as credit information.

CREATE FUNCTION o2c._payment_history(customers bigint[], day date, company_id bigint)
RETURNS TABLE (customer_id bigint, payment_index numeric, experiences bigint, days_late numeric, peak_exposure numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE first_day date := (day - interval '1 year')::date;
BEGIN
    RETURN QUERY
        WITH experience AS (
            SELECT i.customer_id, i.amount * i.credit_rate AS value, CASE WHEN i.amount = a.applied THEN a.last_on ELSE day END - i.due_on AS days
            FROM o2c.open_item i
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(a.cash_amount + a.discount_amount + a.tolerance_amount + a.writeoff_amount), 0) AS applied, max(a.effective_on) AS last_on,
                       coalesce(sum(a.cash_amount) FILTER (WHERE c.kind = 'payment'), 0) + coalesce(sum(a.writeoff_amount), 0) AS paid_or_lost
                FROM o2c.application a
                LEFT JOIN o2c.open_item c ON c.company_id = a.company_id AND c.item_id = a.credit_item_id
                WHERE a.company_id = i.company_id AND a.debit_item_id = i.item_id AND a.effective_on <= day) a
            WHERE i.company_id = _payment_history.company_id AND i.kind = 'invoice' AND i.effective_on BETWEEN first_day AND day
              AND (customers IS NULL OR i.customer_id = ANY (customers))
              -- what a credit note took away was never to be paid
              AND CASE WHEN i.amount = a.applied THEN a.paid_or_lost > 0 ELSE i.due_on < day END),
        index AS (
            SELECT e.customer_id, o2c.payment_index(e.value, e.days) AS payment_index, count(*) AS experiences,
                   sum(e.value * e.days) / nullif(sum(e.value), 0) AS days_late
            FROM experience e GROUP BY e.customer_id),
        movement AS (
            SELECT i.customer_id, greatest(i.effective_on, first_day) AS day, i.amount * i.credit_rate AS value
            FROM o2c.open_item i
            WHERE i.company_id = _payment_history.company_id AND i.effective_on <= day AND (customers IS NULL OR i.customer_id = ANY (customers))
            UNION ALL
            SELECT i.customer_id, greatest(a.effective_on, first_day), - (a.discount_amount + a.tolerance_amount + a.writeoff_amount) * i.credit_rate
            FROM o2c.application a
            JOIN o2c.open_item i ON i.company_id = a.company_id AND i.item_id = a.debit_item_id
            WHERE a.company_id = _payment_history.company_id AND a.effective_on <= day AND (customers IS NULL OR i.customer_id = ANY (customers))
              AND a.discount_amount + a.tolerance_amount + a.writeoff_amount <> 0),
        balance AS (
            SELECT m.customer_id, sum(sum(m.value)) OVER (PARTITION BY m.customer_id ORDER BY m.day) AS value
            FROM movement m GROUP BY m.customer_id, m.day),
        peak AS (
            SELECT b.customer_id, greatest(max(b.value), 0) AS value FROM balance b GROUP BY b.customer_id)
        SELECT p.customer_id, i.payment_index, coalesce(i.experiences, 0), i.days_late, p.value
        FROM peak p
        LEFT JOIN index i ON i.customer_id = p.customer_id;
END $$;
COMMENT ON FUNCTION o2c._payment_history(bigint[], date, bigint) IS
'How customers (null: all) paid the invoices of the year before a day, and the highest balance they had in it, in the currency of their credit accounts.';

CREATE FUNCTION o2c.payment_history(as_of date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (customer text, currency text, payment_index numeric, experiences bigint, days_late numeric, peak_exposure numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF o2c._date_problem(as_of) IS NOT NULL THEN
        RAISE EXCEPTION 'the date of the payment history %', o2c._date_problem(as_of) USING ERRCODE = 'OC002', HINT = 'Give the day the history ends on.';
    END IF;
    RETURN QUERY
        SELECT c.code, a.currency, h.payment_index, h.experiences, h.days_late, h.peak_exposure
        FROM o2c._payment_history(NULL, as_of, payment_history.company_id) h
        JOIN o2c.customer c ON c.company_id = payment_history.company_id AND c.customer_id = h.customer_id
        JOIN o2c.customer_credit m ON m.company_id = c.company_id AND m.customer_id = c.customer_id
        JOIN o2c.credit_account a ON a.company_id = c.company_id AND a.credit_account_id = m.credit_account_id
        ORDER BY c.code;
END $$;
COMMENT ON FUNCTION o2c.payment_history(date, bigint) IS
'How each customer paid the invoices of the year that ends on a date: o2c.payment_index over them, how many they are, the days they were paid late on average by amount (negative: early), and the highest balance of the year; amounts in the currency of the credit account. An invoice counts when it is paid or written off, up to the last application, and when it is overdue, up to the date. Errors: OC002 for a missing or absurd date.';

CREATE FUNCTION o2c._record_payment_history(customers bigint[], day date, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE recorded bigint;
BEGIN
    INSERT INTO o2c.credit_information (company_id, customer_id, name, value, source, effective_on)
    SELECT _record_payment_history.company_id, h.customer_id, v.name, v.value, 'o2c.payment_history', day
    FROM o2c._payment_history(customers, day, _record_payment_history.company_id) h
    CROSS JOIN LATERAL (VALUES ('payment_index', coalesce(to_jsonb(round(h.payment_index, 4)), 'null')),
                               ('peak_exposure', to_jsonb(h.peak_exposure))) AS v (name, value)
    WHERE v.value <> coalesce((SELECT i.value FROM o2c.credit_information i
                               WHERE i.company_id = _record_payment_history.company_id AND i.customer_id = h.customer_id AND i.name = v.name
                                 AND i.effective_on <= day ORDER BY i.effective_on DESC, i.information_id DESC LIMIT 1), 'null')
    ORDER BY h.customer_id, v.name;
    GET DIAGNOSTICS recorded = ROW_COUNT;
    RETURN recorded;
END $$;
COMMENT ON FUNCTION o2c._record_payment_history(bigint[], date, bigint) IS 'Records what changed in the payment history of customers (null: all) as credit information.';

CREATE FUNCTION o2c.record_payment_history(as_of date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE day date := coalesce(as_of, o2c.today());
BEGIN
    IF o2c._date_problem(day) IS NOT NULL THEN
        RAISE EXCEPTION 'the date of the payment history %', o2c._date_problem(day) USING ERRCODE = 'OC002', HINT = 'Give the day the history ends on.';
    END IF;
    RETURN o2c._record_payment_history(NULL, day, company_id);
END $$;
COMMENT ON FUNCTION o2c.record_payment_history(date, bigint) IS
'Records the payment_index and peak_exposure of every customer in o2c.credit_information as of a day (today), where they changed; scores read them. Result: the number of facts recorded; a second call records none. Errors: OC002 for an absurd date.';

CREATE FUNCTION o2c._record_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM o2c._record_payment_history(ARRAY[NEW.customer_id], NEW.submitted_on, NEW.company_id);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._record_history() IS 'Row trigger: an application for credit is scored with the payment history of its day.';

CREATE FUNCTION o2c._move_customer_items() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE o2c.credit_account a
    SET receivable = a.receivable + v.receivable * m.sign, unapplied = a.unapplied + v.unapplied * m.sign
    FROM (VALUES (OLD.credit_account_id, -1), (NEW.credit_account_id, 1)) AS m (credit_account_id, sign),
         (SELECT coalesce(sum(i.receivable_value), 0) AS receivable, coalesce(sum(i.unapplied_value), 0) AS unapplied
          FROM o2c.open_item i
          WHERE i.company_id = NEW.company_id AND i.customer_id = NEW.customer_id AND i.open_amount <> 0) v
    WHERE a.company_id = NEW.company_id AND a.credit_account_id = m.credit_account_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._move_customer_items() IS
'Row trigger: when a customer moves to another credit account, the exposure of its open items moves with it.';

CREATE FUNCTION o2c.complete_base_rates(company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_complete_base_rates' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.complete_base_rates(bigint) IS
'Gives open items that were recorded when no exchange rate was known (open_item.base_rate is null) the rate of their day, where o2c.exchange_rate has one by now. Rates that are there stay. Result: the number of items. Their gains and losses (o2c.exchange_gain) are known from then on.';
