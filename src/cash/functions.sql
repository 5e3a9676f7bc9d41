-- cash: payments and matching

CREATE FUNCTION o2c._settle_payments() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_settle_payments' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._settle_payments() IS
'Statement trigger: a payment is applied when nothing of it is on account, and received again when something is.';

CREATE FUNCTION o2c.record_payment(amount numeric, received_on date DEFAULT o2c.today(), customer text DEFAULT NULL, reference text DEFAULT NULL,
                                   method text DEFAULT 'transfer', currency text DEFAULT NULL, payer_name text DEFAULT NULL,
                                   payer_account text DEFAULT NULL, provider text DEFAULT NULL, provider_reference text DEFAULT NULL,
                                   idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_record_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.record_payment(numeric, date, text, text, text, text, text, text, text, text, text, bigint) IS
'Records money received. Arguments: the amount (above zero, in the currency''s minor units), the value date, the customer''s code (null: not identified yet), the reference the payer gave, the method (transfer, direct_debit, card, cheque, cash), the currency (null: the customer''s, else the company''s), the payer''s name and account, the provider (a bank or service) and its reference for the receipt, an idempotency key, the company. Result: the payment''s id. The same provider and reference, or the same key, give the same payment again. Errors: OC001 for an unknown customer, currency or company, OC002 for an amount or date that cannot be, OC003 when the provider''s reference or the key was used for something else, 23514 for an unknown method.';

CREATE FUNCTION o2c.identify_payment(payment bigint, customer text, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_identify_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.identify_payment(bigint, text, bigint) IS
'Says which customer made a payment that was recorded without one: it is then on that customer''s account. Result: the id of its open item. Errors: OC001 for an unknown payment or customer, OC101 when it belongs to another customer or is reversed.';

CREATE FUNCTION o2c.apply_payment(payment bigint, invoice text, amount numeric DEFAULT NULL, discount numeric DEFAULT 0,
                                  effective_on date DEFAULT NULL, tolerance numeric DEFAULT 0, company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_apply_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.apply_payment(bigint, text, numeric, numeric, date, numeric, bigint) IS
'Applies a payment to an invoice, the oldest instalment first. Arguments: the payment, the invoice''s number, the amount of cash (null: as much as fits), the discount granted and the difference tolerated besides (both reduce what is owed, not the payment), the date (null: as soon as both are there), the company. A payment without customer becomes one of the invoice''s customer. Result: the id of the application, of the first where it covers several instalments. Errors: OC001 for an unknown payment or invoice, OC002 for amounts or dates that cannot be or a customer of another group, OC005 for another currency, OC106 for more than is open on either side.';

CREATE FUNCTION o2c.reverse_payment(payment bigint, reversed_on date DEFAULT o2c.today(), reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS void
AS 'MODULE_PATHNAME', 'o2c_reverse_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.reverse_payment(bigint, date, text, bigint) IS
'Takes a payment back, as when it bounces: its applications are reversed on that date, the invoices are open again with the due dates they had, and nothing of it stays on account. Arguments: the payment, the date of the bounce, why, the company. Errors: OC001 for an unknown payment, OC002 for a missing date or one before the payment, OC101 when it is reversed already.';

CREATE FUNCTION o2c._identify_by_reference(payments bigint[], as_of date, company_id bigint) RETURNS TABLE (payment_id bigint, customer_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.payment_id, n.customer_id
    FROM o2c.payment p
    CROSS JOIN LATERAL (SELECT min(v.customer_id) AS customer_id
                        FROM (SELECT v.customer_id FROM o2c.invoice v
                              WHERE v.company_id = _identify_by_reference.company_id
                                AND v.reference_key = o2c.normalize_reference(p.reference) AND v.reference_key <> ''
                                AND v.currency = p.currency AND v.kind = 'invoice' AND v.state IN ('posted', 'overdue')
                                AND v.invoiced_on <= as_of
                              LIMIT 2) v
                        HAVING count(*) = 1) n
    WHERE p.company_id = _identify_by_reference.company_id AND p.payment_id = ANY (payments) AND p.customer_id IS NULL
    ORDER BY p.received_on, p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._identify_by_reference(bigint[], date, bigint) IS
'Of some payments without a customer, those whose reference names exactly one open invoice, and its customer.';

CREATE FUNCTION o2c._match_by_reference(payments bigint[], as_of date, company_id bigint)
RETURNS TABLE (payment_id bigint, invoice_id bigint, credit_item_id bigint, debit_item_id bigint, effective_on date, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    -- one invoice for each payment, then both sides laid out as running sums: where they overlap, one pays the other
    WITH named AS (
        SELECT p.payment_id, p.item_id, p.received_on, - c.open_amount AS open_amount, n.invoice_id
        FROM o2c.payment p
        JOIN o2c.open_item c ON c.company_id = _match_by_reference.company_id AND c.item_id = p.item_id
        JOIN o2c.customer payer ON payer.company_id = _match_by_reference.company_id AND payer.customer_id = p.customer_id
        CROSS JOIN LATERAL (SELECT min(v.invoice_id) AS invoice_id
                            FROM (SELECT v.invoice_id FROM o2c.invoice v
                                  WHERE v.company_id = _match_by_reference.company_id
                                    AND v.reference_key = o2c.normalize_reference(p.reference) AND v.reference_key <> ''
                                    AND v.currency = p.currency AND v.kind = 'invoice' AND v.state IN ('posted', 'overdue')
                                    AND payer.group_id = (SELECT d.group_id FROM o2c.customer d
                                                          WHERE d.company_id = _match_by_reference.company_id AND d.customer_id = v.customer_id)
                                  LIMIT 2) v
                            HAVING count(*) = 1) n
        WHERE p.company_id = _match_by_reference.company_id AND p.payment_id = ANY (payments) AND c.open_amount < 0
    ), queued AS (
        SELECT n.*, sum(n.open_amount) OVER (PARTITION BY n.invoice_id ORDER BY n.received_on, n.payment_id) AS upto
        FROM named n
    )
    SELECT q.payment_id, q.invoice_id, q.item_id, d.item_id, greatest(q.received_on, d.effective_on),
           least(q.upto, d.upto) - greatest(q.upto - q.open_amount, d.upto - d.open_amount)
    FROM queued q
    CROSS JOIN LATERAL (SELECT i.item_id, i.effective_on, i.open_amount, sum(i.open_amount) OVER (ORDER BY i.due_on, i.item_id) AS upto
                        FROM o2c.open_item i
                        WHERE i.company_id = _match_by_reference.company_id AND i.invoice_id = q.invoice_id
                          AND i.open_amount > 0 AND i.effective_on <= as_of) d
    WHERE least(q.upto, d.upto) > greatest(q.upto - q.open_amount, d.upto - d.open_amount)
    ORDER BY q.received_on, q.payment_id, d.upto;
END $$;
COMMENT ON FUNCTION o2c._match_by_reference(bigint[], date, bigint) IS
'Of some payments, those whose reference names exactly one open invoice of the payer''s group in the same currency, with what each pays of which instalment, the oldest first.';

CREATE FUNCTION o2c._match_by_amount(payments bigint[], as_of date, in_group boolean, company_id bigint)
RETURNS TABLE (payment_id bigint, invoice_id bigint, credit_item_id bigint, debit_item_id bigint, effective_on date, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH paid AS (
        SELECT CASE WHEN in_group THEN payer.group_id ELSE p.customer_id END AS party, payer.group_id,
               p.currency, - c.open_amount AS open_amount, p.payment_id, p.item_id, p.received_on
        FROM o2c.payment p
        JOIN o2c.open_item c ON c.company_id = _match_by_amount.company_id AND c.item_id = p.item_id
        JOIN o2c.customer payer ON payer.company_id = _match_by_amount.company_id AND payer.customer_id = p.customer_id
        WHERE p.company_id = _match_by_amount.company_id AND p.payment_id = ANY (payments) AND c.open_amount < 0
          -- who names an invoice says what the payment is for: it is not used for another one
          AND NOT EXISTS (SELECT FROM o2c.invoice v
                          WHERE v.company_id = _match_by_amount.company_id
                            AND v.reference_key = o2c.normalize_reference(p.reference) AND v.reference_key <> ''
                            AND payer.group_id = (SELECT d.group_id FROM o2c.customer d
                                                  WHERE d.company_id = _match_by_amount.company_id AND d.customer_id = v.customer_id)
                          OFFSET 0)
    ), owed AS (
        SELECT CASE WHEN in_group THEN debtor.group_id ELSE i.customer_id END AS party, i.currency, i.open_amount, i.item_id
        FROM o2c.customer debtor
        JOIN o2c.open_item i ON i.company_id = _match_by_amount.company_id AND i.customer_id = debtor.customer_id
        WHERE debtor.company_id = _match_by_amount.company_id AND debtor.group_id IN (SELECT p.group_id FROM paid p)
          AND i.open_amount > 0 AND i.effective_on <= as_of
    ), pair AS (
        SELECT (array_agg(s.payment_id ORDER BY s.received_on, s.payment_id) FILTER (WHERE s.payment_id IS NOT NULL))[1] AS payment_id,
               min(s.debit_item_id) AS debit_item_id, s.open_amount
        FROM (SELECT p.party, p.currency, p.open_amount, p.payment_id, p.received_on, NULL::bigint AS debit_item_id FROM paid p
              UNION ALL
              SELECT o.party, o.currency, o.open_amount, NULL, NULL, o.item_id FROM owed o) s
        GROUP BY s.party, s.currency, s.open_amount
        HAVING count(s.payment_id) > 0 AND count(s.debit_item_id) = 1
    )
    SELECT p.payment_id, i.invoice_id, p.item_id, i.item_id, greatest(p.received_on, i.effective_on), pair.open_amount
    FROM pair
    JOIN o2c.payment p ON p.company_id = _match_by_amount.company_id AND p.payment_id = pair.payment_id
    JOIN o2c.open_item i ON i.company_id = _match_by_amount.company_id AND i.item_id = pair.debit_item_id
    ORDER BY p.received_on, p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._match_by_amount(bigint[], date, boolean, bigint) IS
'Of some payments, those whose amount on account is the open amount of exactly one item of their customer (or, in_group, of the customer''s group). Where several payments fit one item, the first received gets it.';

CREATE FUNCTION o2c.match_payments(as_of date DEFAULT o2c.today(), payment_id bigint DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (payment_id bigint, invoice_id bigint, stage text, amount numeric)
AS 'MODULE_PATHNAME', 'o2c_match_payments' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.match_payments(date, bigint, bigint) IS
'Applies the payments received up to a date that are not used up. Stage reference: the payment''s reference is the number of exactly one open invoice (compared by o2c.normalize_reference) in the same currency and, where the payer is known, in the payer''s group; a payment without customer becomes the invoice''s customer''s; the oldest instalment is paid first, what is over stays on account. Stage amount: the payer is known, names no invoice, and exactly one open item of the customer, else of the group, has exactly that amount. Anything ambiguous is left alone. Calling it again applies nothing more. Arguments: the date, one payment (null: all), the company. Result: what was applied. Errors: OC001 for an unknown payment, OC002 for a missing date.';

CREATE FUNCTION o2c._load_payments(batch text, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b record;
    added bigint;
    loaded bigint := 0;
    stay bigint := 0;
BEGIN
    PERFORM o2c._take_statistics((SELECT count(*) FROM o2c.payment_import r WHERE r.company_id = _load_payments.company_id),
                                 'o2c.customer', 'o2c.payment_import');
    FOR b IN SELECT r.batch FROM o2c.payment_import r
             WHERE r.company_id = _load_payments.company_id AND (_load_payments.batch IS NULL OR r.batch = _load_payments.batch)
             GROUP BY r.batch ORDER BY min(r.import_id) LOOP
        UPDATE o2c.payment_import r SET problem = j.problem
        FROM o2c._judge_payments(b.batch, _load_payments.company_id) j
        WHERE r.company_id = _load_payments.company_id AND r.import_id = j.import_id AND r.problem IS DISTINCT FROM j.problem;
        IF EXISTS (SELECT FROM o2c.payment_import r
                   WHERE r.company_id = _load_payments.company_id AND r.batch = b.batch AND r.problem IS NOT NULL) THEN
            stay := stay + 1;
            CONTINUE;
        END IF;
        WITH gone AS (
            DELETE FROM o2c.payment_import r WHERE r.company_id = _load_payments.company_id AND r.batch = b.batch
            RETURNING r.import_id, r.reference, r.customer, r.received_on, r.amount, r.currency
        ), receipt AS (
            SELECT g.import_id, g.reference, c.customer_id, g.received_on, g.amount, coalesce(g.currency, c.currency, o.currency) AS currency
            FROM gone g
            JOIN o2c.company o ON o.company_id = _load_payments.company_id
            LEFT JOIN LATERAL (SELECT c.customer_id, c.currency FROM o2c.customer c
                               WHERE c.company_id = _load_payments.company_id AND c.code = g.customer LIMIT 1) c ON true
        ), taken AS (
            INSERT INTO o2c.payment (company_id, customer_id, item_id, received_on, amount, currency, reference, provider, provider_reference)
            SELECT _load_payments.company_id, r.customer_id, CASE WHEN r.customer_id IS NOT NULL THEN nextval('o2c.item_id_seq') END,
                   r.received_on, o2c.round_money(r.amount, r.currency), r.currency, r.reference, 'import',
                   -- the n-th equal row is a receipt of its own, and the same one when the file comes again
                   md5(jsonb_build_array(r.reference, r.customer_id, r.received_on, trim_scale(r.amount), r.currency,
                                         row_number() OVER (PARTITION BY r.reference, r.customer_id, r.received_on, r.amount, r.currency))::text)
            FROM receipt r ORDER BY r.import_id
            ON CONFLICT (company_id, provider, provider_reference) WHERE provider_reference IS NOT NULL DO NOTHING
            RETURNING customer_id, item_id, received_on, amount, currency
        ), item AS (
            INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount)
            SELECT _load_payments.company_id, t.item_id, t.customer_id, 'payment', t.received_on, t.received_on, t.currency, - t.amount
            FROM taken t WHERE t.item_id IS NOT NULL
        )
        SELECT count(*) INTO added FROM taken;
        loaded := loaded + added;
    END LOOP;
    PERFORM o2c._take_statistics(loaded, 'o2c.payment', 'o2c.open_item');
    IF stay > 0 THEN
        RAISE WARNING '% of the batches of payments could not be loaded', stay
            USING ERRCODE = 'OC002', HINT = 'o2c.payment_import.problem says why; correct or delete those rows and load again.';
    END IF;
    RETURN loaded;
END $$;
COMMENT ON FUNCTION o2c._load_payments(text, bigint) IS 'What o2c.load_payments() does once the customers are locked.';

CREATE FUNCTION o2c._judge_payments(batch text, company_id bigint) RETURNS TABLE (import_id bigint, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.import_id, CASE
        WHEN r.customer IS NOT NULL AND c.customer_id IS NULL THEN format('there is no customer %L', r.customer)
        WHEN u.currency IS NULL THEN format('there is no currency %L', r.currency)
        WHEN r.amount = 0 THEN 'the amount is zero'
        WHEN o2c._amount_problem(r.amount, u.currency) IS NOT NULL THEN 'the amount ' || o2c._amount_problem(r.amount, u.currency)
        WHEN o2c._date_problem(r.received_on) IS NOT NULL THEN 'the date ' || o2c._date_problem(r.received_on)
        END
    FROM o2c.payment_import r
    LEFT JOIN o2c.company o ON o.company_id = _judge_payments.company_id
    LEFT JOIN LATERAL (SELECT c.customer_id, c.currency FROM o2c.customer c
                       WHERE c.company_id = _judge_payments.company_id AND c.code = r.customer LIMIT 1) c ON true
    LEFT JOIN o2c.currency u ON u.currency = coalesce(r.currency, c.currency, o.currency)
    WHERE r.company_id = _judge_payments.company_id AND r.batch = _judge_payments.batch;
END $$;
COMMENT ON FUNCTION o2c._judge_payments(text, bigint) IS 'The rows of a batch of payments, each with what is wrong with it or null.';

CREATE FUNCTION o2c.load_payments(batch text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_load_payments' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.load_payments(text, bigint) IS
'Takes in the payments that were put into o2c.payment_import, batch by batch as o2c.load_invoices does: a batch with a wrong row stays as a whole and says what is wrong, and a warning (OC002) counts such batches. A null customer is a payment to identify; a null currency is the customer''s, else the company''s. A row is the same receipt as an earlier one when reference, customer, date, amount and currency agree and it is the n-th such row of its batch in both, so a file that is loaded twice books nothing twice. Arguments: the batch (null: all), the company. Result: the number of payments added.';
