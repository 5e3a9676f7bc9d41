-- matching: which of many amounts make up a sum

CREATE FUNCTION o2c.find_subset(amounts numeric[], target numeric, tolerance numeric DEFAULT 0, discounted numeric[] DEFAULT '{}', budget bigint DEFAULT 8388608,
                                OUT status text, OUT solutions numeric, OUT same_amounts boolean, OUT positions integer[], OUT used numeric[])
AS 'MODULE_PATHNAME', 'o2c_find_subset' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.find_subset(numeric[], numeric, numeric, numeric[], bigint) IS
'Which of some amounts make up a sum, and whether that is the only way. Arguments: the amounts, negative ones for credits; the sum; how far a sum may be from it; for each amount one that may take its place, as less a discount, or null (empty: there are none); how many partial sums may be made, at most 2^27 and 24 bytes each (the default does for forty different amounts). Each amount is used once or not at all, and a solution uses at least one; an amount of zero is never used. Result: none, unique, ambiguous or unknown (the budget was too small); the exact number of solutions (18446744073709551615: too many to count; null: unknown); whether they differ only in which of equal amounts they use, so that it does not matter which is taken; the positions and amounts of the solution with the fewest amounts, of those the one that uses the earliest ones (null: there is none). Method: meet in the middle over sorted sums (Horowitz and Sahni 1974). Errors: OC002 for an amount that is null, not finite or more than 10^18 times the last digit of any, for a list of another length, a negative tolerance and a budget out of range.';

-- matching: what payments name, who made them, what is owed

CREATE FUNCTION o2c.name_key(name text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_name_key' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.name_key(text) IS
'The form in which names of payers and customers are compared: letters decomposed (Unicode NFKD) and without their accents, Latin ones in upper case, AE, OE and UE like the umlauts, words parted by single blanks, without punctuation and legal forms (GmbH, Ltd, SA and so on). Never an error.';

CREATE FUNCTION o2c._legal_forms(name text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_legal_forms' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._legal_forms(text) IS
'The legal forms that o2c.name_key leaves out of a name, spelt in one way.';

CREATE FUNCTION o2c._text_key(reference text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_text_key' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._text_key(text) IS
'What a payer writes besides numbers and the words for invoice, payment and number, in the form of o2c.name_key; null when it is less than 8 letters.';

CREATE FUNCTION o2c._reference_tail(reference text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_reference_tail' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._reference_tail(text) IS
'The numeric groups of a reference written backwards, parted by ''-'' and without leading zeros: an index over it finds numbers by how they end.';

CREATE FUNCTION o2c._plain_text(reference text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN pg_catalog.octet_length(reference) = pg_catalog.length(reference) OR pg_catalog.getdatabaseencoding() <> 'UTF8' THEN reference ELSE normalize(reference, NFKC) END;
COMMENT ON FUNCTION o2c._plain_text(text) IS 'A text with full-width and other compatible characters written plainly (Unicode NFKC).';

CREATE FUNCTION o2c._slips(number text) RETURNS text[]
AS 'MODULE_PATHNAME', 'o2c_slips' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._slips(text) IS
'A number with one digit changed, or with two neighbouring digits swapped, in every way up to its fortieth character, in normal form (o2c.normalize_reference).';

CREATE FUNCTION o2c._pending_payments(as_of date, payment bigint, company_id bigint)
RETURNS TABLE (payment_id bigint, customer_id bigint, group_id bigint, item_id bigint, received_on date, currency text, amount numeric, open_amount numeric,
               reference text, name text, forms text, account text, words text, whole text, tokens text[], last_words text,
               sent_amount numeric, sent_currency text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.payment_id, p.customer_id, c.group_id, p.item_id, p.received_on, p.currency, p.amount, n.open_amount, w.reference,
           CASE WHEN p.customer_id IS NULL THEN nullif(o2c.name_key(p.payer_name), '') END,
           o2c._legal_forms(p.payer_name),
           CASE WHEN p.customer_id IS NULL THEN nullif(o2c.account_key(p.payer_account), '') END,
           CASE WHEN p.customer_id IS NULL THEN o2c._text_key(w.reference) END,
           nullif(o2c.normalize_reference(left(w.reference, 1000)), ''), o2c.reference_tokens(left(w.reference, 1000)), r.words,
           b.original_amount, b.original_currency
    FROM (SELECT p.payment_id, p.amount AS open_amount
          FROM o2c.payment p
          WHERE p.company_id = _pending_payments.company_id AND p.customer_id IS NULL AND p.state = 'received' AND payment IS NULL
          UNION ALL
          SELECT p.payment_id, - i.open_amount - i.allocated_amount
          FROM o2c.open_item i
          JOIN o2c.payment p ON p.company_id = _pending_payments.company_id AND p.item_id = i.item_id
          WHERE i.company_id = _pending_payments.company_id AND i.open_amount < 0 AND i.open_amount + i.allocated_amount < 0 AND i.kind = 'payment' AND payment IS NULL
          UNION ALL
          SELECT p.payment_id, coalesce(- i.open_amount - i.allocated_amount, p.amount)
          FROM o2c.payment p
          LEFT JOIN o2c.open_item i ON i.company_id = _pending_payments.company_id AND i.item_id = p.item_id
          WHERE p.company_id = _pending_payments.company_id AND p.payment_id = payment AND p.state = 'received') n
    JOIN o2c.payment p ON p.company_id = _pending_payments.company_id AND p.payment_id = n.payment_id
    CROSS JOIN LATERAL (SELECT o2c._plain_text(p.reference) AS reference) w
    LEFT JOIN o2c.customer c ON c.company_id = _pending_payments.company_id AND c.customer_id = p.customer_id
    LEFT JOIN LATERAL (SELECT r.words FROM o2c.match_result r
                       WHERE r.company_id = _pending_payments.company_id AND r.payment_id = p.payment_id
                       ORDER BY r.match_id DESC LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT l.original_amount, l.original_currency FROM o2c.bank_line l
                       WHERE l.company_id = _pending_payments.company_id AND l.payment_id = p.payment_id AND l.kind = 'receipt'
                         AND l.original_amount > 0 AND l.original_currency <> p.currency
                       ORDER BY l.bank_line_id LIMIT 1) b ON true
    WHERE p.received_on <= as_of
    ORDER BY p.received_on, p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._pending_payments(date, bigint, bigint) IS
'The payments received up to a date that are not used up (or one of them), in the order in which they are matched, with what matching reads in them.';

CREATE FUNCTION o2c._open_payments(payments bigint[], company_id bigint)
RETURNS TABLE (payment_id bigint, customer_id bigint, open_amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.payment_id, p.customer_id, CASE WHEN p.item_id IS NULL THEN p.amount ELSE - i.open_amount - i.allocated_amount END
    FROM unnest(payments) AS u (payment_id)
    JOIN o2c.payment p ON p.company_id = _open_payments.company_id AND p.payment_id = u.payment_id
    LEFT JOIN o2c.open_item i ON i.company_id = _open_payments.company_id AND i.item_id = p.item_id
    WHERE p.state = 'received';
END $$;
COMMENT ON FUNCTION o2c._open_payments(bigint[], bigint) IS 'What is left of some payments.';

CREATE FUNCTION o2c._named_documents(tokens text[], company_id bigint)
RETURNS TABLE (place bigint, found_by text, invoice_id bigint, customer_id bigint, group_id bigint, kind text, state text, number text, reference_key text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    -- most tokens are outside of what there is of a kind, from its first key to its last, and are not looked up
    RETURN QUERY
    WITH t AS MATERIALIZED (SELECT u.token, u.place FROM unnest(tokens) WITH ORDINALITY AS u (token, place))
    SELECT d.place, d.found_by, d.invoice_id, d.customer_id, c.group_id, d.kind, d.state, d.number, d.reference_key
    FROM (
        SELECT t.place, 'number'::text AS found_by, v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key
        FROM t
        CROSS JOIN LATERAL (SELECT v.* FROM o2c.invoice v
                            WHERE v.company_id = _named_documents.company_id AND v.reference_key = t.token AND v.state <> 'draft' LIMIT 9) v
        UNION ALL
        SELECT t.place, 'creditor reference', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key
        FROM t
        CROSS JOIN LATERAL (SELECT v.* FROM o2c.invoice v
                            WHERE v.company_id = _named_documents.company_id AND v.creditor_reference = t.token AND v.state <> 'draft' LIMIT 9) v
        WHERE starts_with(t.token, 'RF')
        UNION ALL
        SELECT t.place, 'digits', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key
        FROM t
        CROSS JOIN LATERAL (SELECT v.*, count(*) OVER () AS alike
                            FROM (SELECT v.* FROM o2c.invoice v
                                  WHERE v.company_id = _named_documents.company_id
                                    AND o2c._reference_tail(v.number) COLLATE "C" >= o2c._reference_tail(t.token) COLLATE "C"
                                    AND o2c._reference_tail(v.number) COLLATE "C" < (o2c._reference_tail(t.token) || '.') COLLATE "C"
                                  ORDER BY o2c._reference_tail(v.number) COLLATE "C"
                                  LIMIT 20) v
                            WHERE v.state <> 'draft' AND v.reference_key <> t.token) v
        WHERE ltrim(t.token, '0123456789-') = '' AND v.alike < 20
        UNION ALL
        SELECT t.place, 'purchase order', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key
        FROM t
        CROSS JOIN LATERAL (SELECT v.* FROM o2c.invoice v
                            WHERE v.company_id = _named_documents.company_id AND o2c.normalize_reference(left(v.po_number, 200)) = t.token AND v.state <> 'draft'
                            LIMIT 20) v
        WHERE t.token >= (SELECT min(o2c.normalize_reference(left(v.po_number, 200))) FROM o2c.invoice v
                          WHERE v.company_id = _named_documents.company_id AND v.po_number IS NOT NULL)
          AND t.token <= (SELECT max(o2c.normalize_reference(left(v.po_number, 200))) FROM o2c.invoice v
                          WHERE v.company_id = _named_documents.company_id AND v.po_number IS NOT NULL)
        UNION ALL
        SELECT t.place, 'order', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key
        FROM t
        CROSS JOIN LATERAL (SELECT v.* FROM o2c.sales_order o
                            JOIN o2c.invoice v ON v.company_id = _named_documents.company_id AND v.order_id = o.order_id
                            WHERE o.company_id = _named_documents.company_id AND o2c.normalize_reference(o.number) = t.token AND v.state <> 'draft'
                            LIMIT 20) v
        WHERE t.token >= (SELECT min(o2c.normalize_reference(o.number)) FROM o2c.sales_order o
                          WHERE o.company_id = _named_documents.company_id AND o.number IS NOT NULL)
          AND t.token <= (SELECT max(o2c.normalize_reference(o.number)) FROM o2c.sales_order o
                          WHERE o.company_id = _named_documents.company_id AND o.number IS NOT NULL)
        UNION ALL
        SELECT t.place, 'delivery', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key
        FROM t
        CROSS JOIN LATERAL (SELECT v.* FROM o2c.shipment s
                            JOIN o2c.invoice v ON v.company_id = _named_documents.company_id AND v.order_id = s.order_id
                            WHERE s.company_id = _named_documents.company_id AND o2c.normalize_reference(s.number) = t.token AND v.state <> 'draft'
                              AND EXISTS (SELECT FROM o2c.invoice_line l
                                          WHERE l.company_id = _named_documents.company_id AND l.invoice_id = v.invoice_id AND l.shipment_id = s.shipment_id)
                            LIMIT 20) v
        WHERE t.token >= (SELECT min(o2c.normalize_reference(s.number)) FROM o2c.shipment s
                          WHERE s.company_id = _named_documents.company_id AND s.number IS NOT NULL)
          AND t.token <= (SELECT max(o2c.normalize_reference(s.number)) FROM o2c.shipment s
                          WHERE s.company_id = _named_documents.company_id AND s.number IS NOT NULL)
        UNION ALL
        SELECT t.place, 'customer number', NULL, c.customer_id, NULL, NULL, NULL, NULL
        FROM t
        CROSS JOIN LATERAL (SELECT c.customer_id FROM o2c.customer c
                            WHERE c.company_id = _named_documents.company_id AND o2c.normalize_reference(left(c.code, 200)) = t.token LIMIT 2) c
        WHERE t.token >= (SELECT min(o2c.normalize_reference(left(c.code, 200))) FROM o2c.customer c WHERE c.company_id = _named_documents.company_id)
          AND t.token <= (SELECT max(o2c.normalize_reference(left(c.code, 200))) FROM o2c.customer c WHERE c.company_id = _named_documents.company_id)
        UNION ALL
        SELECT t.place, 'VAT number', NULL, c.customer_id, NULL, NULL, NULL, NULL
        FROM t
        CROSS JOIN LATERAL (SELECT c.customer_id FROM o2c.customer c
                            WHERE c.company_id = _named_documents.company_id AND o2c.normalize_reference(left(c.tax_id, 200)) = t.token LIMIT 2) c
        WHERE t.token >= (SELECT min(o2c.normalize_reference(left(c.tax_id, 200))) FROM o2c.customer c
                          WHERE c.company_id = _named_documents.company_id AND c.tax_id IS NOT NULL)
          AND t.token <= (SELECT max(o2c.normalize_reference(left(c.tax_id, 200))) FROM o2c.customer c
                          WHERE c.company_id = _named_documents.company_id AND c.tax_id IS NOT NULL)) d
    JOIN o2c.customer c ON c.company_id = _named_documents.company_id AND c.customer_id = d.customer_id;
END $$;
COMMENT ON FUNCTION o2c._named_documents(text[], bigint) IS
'The invoices, credit notes and customers that references in normal form (o2c.normalize_reference) name: by the place of the reference, with how it was found. The ends of numbers say nothing, and are left out, where twenty numbers or more end so.';

CREATE FUNCTION o2c._linked_documents(payments bigint[], company_id bigint)
RETURNS TABLE (place bigint, invoice_id bigint, customer_id bigint, group_id bigint, state text, number text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT u.place, v.invoice_id, v.customer_id, c.group_id, v.state, v.number
    FROM unnest(payments) WITH ORDINALITY AS u (payment_id, place)
    JOIN o2c.payment p ON p.company_id = _linked_documents.company_id AND p.payment_id = u.payment_id
    JOIN o2c.payment_link l ON l.company_id = _linked_documents.company_id AND l.currency = p.currency AND l.reference = o2c.account_key(p.reference)
    JOIN o2c.payment_link_invoice x ON x.company_id = _linked_documents.company_id AND x.link_id = l.link_id
    JOIN o2c.invoice v ON v.company_id = _linked_documents.company_id AND v.invoice_id = x.invoice_id
    JOIN o2c.customer c ON c.company_id = _linked_documents.company_id AND c.customer_id = l.customer_id
    ORDER BY u.place, v.due_on, v.invoice_id;
END $$;
COMMENT ON FUNCTION o2c._linked_documents(bigint[], bigint) IS 'The invoices of the payment links that some payments quote, by the place of the payment.';

CREATE FUNCTION o2c._neighbours(numbers text[], amounts numeric[], currencies text[], company_id bigint) RETURNS TABLE (place bigint, invoice_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT t.place, v.invoice_id
    FROM unnest(numbers, amounts, currencies) WITH ORDINALITY AS t (number, amount, currency, place)
    CROSS JOIN LATERAL unnest(o2c._slips(t.number)) AS s (key)
    CROSS JOIN LATERAL (SELECT v.invoice_id, v.total_amount, v.currency, v.state FROM o2c.invoice v
                        WHERE v.company_id = _neighbours.company_id AND v.reference_key = s.key LIMIT 9) v
    WHERE v.total_amount = t.amount AND v.currency = t.currency AND v.state IN ('posted', 'overdue');
END $$;
COMMENT ON FUNCTION o2c._neighbours(text[], numeric[], text[], bigint) IS
'Open invoices that are one slip of the pen (o2c._slips) away from some numbers, by their places, and have the amount beside it.';

CREATE FUNCTION o2c._known_payers(accounts text[], names text[], texts text[], company_id bigint)
RETURNS TABLE (place bigint, found_by text, customer_id bigint, group_id bigint, hits integer, misses integer, forms text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT k.place, k.found_by, k.customer_id, c.group_id, k.hits, k.misses, o2c._legal_forms(c.name)
    FROM (SELECT t.place, 'account' AS found_by, a.customer_id, 0 AS hits, 0 AS misses
          FROM unnest(accounts) WITH ORDINALITY AS t (account, place)
          JOIN o2c.customer_account a ON a.company_id = _known_payers.company_id AND a.account = t.account
          UNION ALL
          SELECT t.place, 'name', c.customer_id, 0, 0
          FROM unnest(names) WITH ORDINALITY AS t (name, place)
          CROSS JOIN LATERAL (SELECT c.customer_id FROM o2c.customer c
                              WHERE c.company_id = _known_payers.company_id AND o2c.name_key(c.name) = t.name ORDER BY c.customer_id LIMIT 9) c
          UNION ALL
          SELECT t.place, 'learned ' || a.kind, a.customer_id, a.hits, a.misses
          FROM (SELECT 'account' AS kind, u.key, u.place FROM unnest(accounts) WITH ORDINALITY AS u (key, place)
                UNION ALL SELECT 'name', u.key, u.place FROM unnest(names) WITH ORDINALITY AS u (key, place)
                UNION ALL SELECT 'text', u.key, u.place FROM unnest(texts) WITH ORDINALITY AS u (key, place)) t
          JOIN o2c.payer_alias a ON a.company_id = _known_payers.company_id AND a.kind = t.kind AND a.key = t.key) k
    JOIN o2c.customer c ON c.company_id = _known_payers.company_id AND c.customer_id = k.customer_id;
END $$;
COMMENT ON FUNCTION o2c._known_payers(text[], text[], text[], bigint) IS
'The customers that accounts, names and texts of payments stand for, by the place in the arrays.';

CREATE FUNCTION o2c._similar_names(names text[], company_id bigint)
RETURNS TABLE (place bigint, customer_id bigint, group_id bigint, similarity real)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    home name;
    folded text;
    threshold text;
BEGIN
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF home IS NULL OR cardinality(names) = 0 THEN
        RETURN;
    END IF;
    -- what o2c.name_key leaves as it is, ligatures and symbols of other scripts, is folded by the rules of unaccent
    folded := coalesce((SELECT format('%I.unaccent(%%s)', n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                        WHERE e.extname = 'unaccent'), '%s');
    -- the library is loaded with its first function, and the setting is known only then
    EXECUTE format('SELECT %I.show_limit()::text', home) INTO threshold;
    PERFORM set_config('pg_trgm.similarity_threshold', '0.45', true);
    FOR place, customer_id, group_id, similarity IN EXECUTE format(
        'SELECT DISTINCT ON (s.place, s.group_id) s.place, s.customer_id, s.group_id, s.similarity
         FROM (SELECT t.place, c.customer_id, c.group_id, %1$I.similarity(%3$s, t.folded) AS similarity
               FROM (SELECT t.name, t.place, %2$s AS folded FROM unnest($1) WITH ORDINALITY AS t (name, place) WHERE length(t.name) >= 4) t
               JOIN o2c.customer c ON o2c.name_key(c.name) OPERATOR(%1$I.%%) ANY (ARRAY[t.name, t.folded]) AND c.company_id = $2) s
         ORDER BY s.place, s.group_id, s.similarity DESC, s.customer_id',
        home, format(folded, 't.name'), format(folded, 'o2c.name_key(c.name)')) USING names, _similar_names.company_id LOOP
        RETURN NEXT;
    END LOOP;
    PERFORM set_config('pg_trgm.similarity_threshold', threshold, true);
END $$;
COMMENT ON FUNCTION o2c._similar_names(text[], bigint) IS
'Customers whose names are similar (pg_trgm, and unaccent where it is installed) to some names, the most similar one of each group; nothing where pg_trgm is not installed.';

CREATE FUNCTION o2c._matchable_items(groups bigint[], as_of date, company_id bigint)
RETURNS TABLE (group_id bigint, item_id bigint, customer_id bigint, invoice_id bigint, effective_on date, due_on date, currency text, open_amount numeric,
               reference_key text, number text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.group_id, i.item_id, i.customer_id, i.invoice_id, i.effective_on, i.due_on, i.currency, i.open_amount, v.reference_key, v.number
    FROM o2c.customer c
    JOIN o2c.open_item i ON i.company_id = _matchable_items.company_id AND i.customer_id = c.customer_id
    LEFT JOIN o2c.invoice v ON v.company_id = _matchable_items.company_id AND v.invoice_id = i.invoice_id
    WHERE c.company_id = _matchable_items.company_id AND c.group_id = ANY (groups)
      AND i.open_amount <> 0 AND i.effective_on <= as_of AND i.kind IN ('invoice', 'fee', 'credit_note')
    ORDER BY c.group_id, i.due_on, i.item_id;
END $$;
COMMENT ON FUNCTION o2c._matchable_items(bigint[], date, bigint) IS
'The open items of some groups of customers that payments may pay, or that are netted with them.';

CREATE FUNCTION o2c._matchable_discounts(groups bigint[], received_on date, company_id bigint)
RETURNS TABLE (item_id bigint, until_on date, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.item_id, d.until_on, d.amount
    FROM o2c.customer c
    JOIN o2c.open_item i ON i.company_id = _matchable_discounts.company_id AND i.customer_id = c.customer_id
    JOIN o2c.instalment_discount d ON d.company_id = _matchable_discounts.company_id AND d.item_id = i.item_id
    WHERE c.company_id = _matchable_discounts.company_id AND c.group_id = ANY (groups) AND i.open_amount > 0 AND d.amount > 0
      -- no policy grants more days of grace
      AND d.until_on + 365 >= _matchable_discounts.received_on
    ORDER BY d.item_id, d.amount DESC;
END $$;
COMMENT ON FUNCTION o2c._matchable_discounts(bigint[], date, bigint) IS
'The discounts on open items of some groups of customers that a payment from a date on may still take, the largest first.';

CREATE FUNCTION o2c._matching_policies(groups bigint[], company_id bigint)
RETURNS TABLE (customer_id bigint, code text, tolerance_amount bigint, tolerance_percent bigint, discount_grace_days integer, rules text,
               apply_score double precision, suggest_score double precision, score_margin double precision, duplicate_days integer,
               is_parent boolean, exchange_tolerance bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.customer_id, c.code, (CASE WHEN p.tolerance_amount > 100000000000000 THEN 100000000000000 ELSE p.tolerance_amount END * 10000)::bigint, (p.tolerance_percent * 1000000)::bigint,
           p.discount_grace_days, p.rules, p.apply_score::double precision, p.suggest_score::double precision, p.score_margin::double precision, p.duplicate_days,
           EXISTS (SELECT FROM o2c.customer d WHERE d.company_id = _matching_policies.company_id AND d.parent_customer_id = c.customer_id),
           (p.exchange_tolerance_percent * 1000000)::bigint
    FROM o2c.customer c
    JOIN o2c.cash_policy_in_use p ON p.company_id = _matching_policies.company_id AND p.customer_id = c.customer_id
    WHERE c.company_id = _matching_policies.company_id AND c.group_id = ANY (groups);
END $$;
COMMENT ON FUNCTION o2c._matching_policies(bigint[], bigint) IS 'The policies of the customers of some groups, tolerances in 1/10000 and in millionths of a percent.';

CREATE FUNCTION o2c._used_payments(groups bigint[], from_on date, to_on date, company_id bigint)
RETURNS TABLE (group_id bigint, payment_id bigint, received_on date, currency text, amount numeric, reference text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.group_id, p.payment_id, p.received_on, p.currency, p.amount, o2c._plain_text(p.reference)
    FROM o2c.customer c
    JOIN o2c.payment p ON p.company_id = _used_payments.company_id AND p.customer_id = c.customer_id
    WHERE c.company_id = _used_payments.company_id AND c.group_id = ANY (groups)
      AND p.received_on BETWEEN from_on AND to_on AND p.state = 'applied';
END $$;
COMMENT ON FUNCTION o2c._used_payments(bigint[], date, date, bigint) IS 'The payments of some groups of customers in a range of dates that are used up: what a duplicate would repeat.';

CREATE FUNCTION o2c.match_payments(as_of date DEFAULT o2c.today(), payment_id bigint DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (payment_id bigint, invoice_id bigint, stage text, amount numeric)
AS 'MODULE_PATHNAME', 'o2c_match_payments' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.match_payments(date, bigint, bigint) IS
'Applies the payments received up to a date that are not used up, each as far as one explanation of it is certain and unique; others are kept as proposals (o2c.match_result). Stage reference: what the text of the payment names. The other stages pay items of a certain payer without naming them: amount (one item), all_items, all_overdue, one_month, all_but_one, combination, oldest_first, as the customer''s policy (o2c.cash_policy) allows. A payment without customer becomes the customer''s whose items it pays. Calling it again applies nothing more. Arguments: the date, one payment (null: all), the company. Result: what was applied, amounts in the invoice''s currency. Errors: OC001 for an unknown payment, OC002 for a missing date.';

CREATE FUNCTION o2c.propose(payment bigint, as_of date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (place integer, stage text, customer text, score numeric, sound boolean, invoice text, item_id bigint, cash numeric, discount numeric, tolerance numeric, words text)
AS 'MODULE_PATHNAME', 'o2c_propose' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.propose(bigint, date, bigint) IS
'What a payment may be for, by the same rules as o2c.match_payments but without applying anything: the explanations, the best one first, with what each item would get. Arguments: the payment, the date up to which items count, the company. Result: the place of the explanation, how it was found, the customer, the score, whether it is sound enough to be applied if nothing else speaks against it, the invoice and its open item, cash (negative: a credit note that is netted), discount and difference tolerated, and why (with the first explanation in full). No rows when nothing is left of the payment or nothing is found. Errors: OC001 for an unknown payment, OC002 for a missing date.';

CREATE FUNCTION o2c.confirm_match(payment bigint, invoices text[] DEFAULT NULL, place integer DEFAULT 1, as_of date DEFAULT o2c.today(),
                                  company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_confirm_match' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.confirm_match(bigint, text[], integer, date, bigint) IS
'A person says what a payment is for. Without invoices: the proposal at that place of o2c.propose is applied, or, where the payment is used up already, confirmed as it is. With invoices: what the payment was applied to besides them is taken back on that date, and it is applied to them in this order as far as it goes; when they are another group''s, the payment is reversed there and recorded anew for their customer. What tells the payer (account, name, text) is learned in o2c.payer_alias: a hit for this customer, a miss for others. Arguments: the payment, the numbers of invoices, the place of the proposal, the date, the company. Result: the payment, the new one where it was recorded anew. Errors: OC001 for an unknown payment or invoice, OC002 for a missing date, OC101 for a place without a proposal, a reversed payment or one that another session used meanwhile.';

CREATE FUNCTION o2c._customers_of_match(payment bigint, invoices text[], company_id bigint) RETURNS TABLE (customer_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.customer_id FROM o2c.payment p
    WHERE p.company_id = _customers_of_match.company_id AND p.payment_id = payment AND p.customer_id IS NOT NULL
    UNION
    SELECT v.customer_id FROM o2c.invoice v
    WHERE v.company_id = _customers_of_match.company_id AND v.number = ANY (invoices) AND v.kind = 'invoice';
END $$;
COMMENT ON FUNCTION o2c._customers_of_match(bigint, text[], bigint) IS 'The customers that a payment and some invoices are of.';

CREATE FUNCTION o2c._correct_match(payment bigint, invoices text[], as_of date, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    p o2c.payment;
    a record;
    named text;
    owner record;
    outcome text := 'confirmed';
    left_over numeric;
BEGIN
    SELECT p.* INTO p FROM o2c.payment p WHERE p.company_id = _correct_match.company_id AND p.payment_id = payment;
    IF p.state = 'reversed' THEN
        RAISE EXCEPTION 'payment % is reversed', payment USING ERRCODE = 'OC101';
    END IF;
    SELECT c.code, c.group_id INTO owner FROM o2c.invoice v
    JOIN o2c.customer c ON c.company_id = _correct_match.company_id AND c.customer_id = v.customer_id
    WHERE v.company_id = _correct_match.company_id AND v.number = invoices[1] AND v.kind = 'invoice';
    FOR a IN SELECT a.application_id, a.effective_on FROM o2c.application a
             JOIN o2c.open_item d ON d.company_id = _correct_match.company_id AND d.item_id = a.debit_item_id
             LEFT JOIN o2c.invoice v ON v.company_id = _correct_match.company_id AND v.invoice_id = d.invoice_id
             WHERE a.company_id = _correct_match.company_id AND a.credit_item_id = p.item_id AND a.reverses IS NULL
               AND invoices IS NOT NULL AND (v.number = ANY (invoices)) IS NOT TRUE
               AND NOT EXISTS (SELECT FROM o2c.application r WHERE r.company_id = _correct_match.company_id AND r.reverses = a.application_id)
             ORDER BY a.application_id LOOP
        PERFORM o2c.unapply(a.application_id, greatest(as_of, a.effective_on), 'corrected', _correct_match.company_id);
        outcome := 'corrected';
    END LOOP;
    IF owner.group_id <> (SELECT c.group_id FROM o2c.customer c WHERE c.company_id = _correct_match.company_id AND c.customer_id = p.customer_id) THEN
        PERFORM o2c.reverse_payment(payment, greatest(as_of, p.received_on), 'booked to another customer', fee => 0, company_id => _correct_match.company_id);
        INSERT INTO o2c.match_result (company_id, payment_id, as_of, outcome, stage, customer_id, words)
        VALUES (_correct_match.company_id, payment, as_of, 'corrected', 'confirmed', p.customer_id, format('A person says that customer %s paid: recorded anew.', owner.code));
        outcome := 'corrected';
        p.payment_id := o2c.record_payment(p.amount, p.received_on, owner.code, p.reference, p.method, p.currency, p.payer_name, p.payer_account,
                                           company_id => _correct_match.company_id);
    END IF;
    FOREACH named IN ARRAY coalesce(invoices, '{}') LOOP
        SELECT coalesce(- i.open_amount - i.allocated_amount, p.amount) INTO left_over FROM o2c.payment q
        LEFT JOIN o2c.open_item i ON i.company_id = _correct_match.company_id AND i.item_id = q.item_id
        WHERE q.company_id = _correct_match.company_id AND q.payment_id = p.payment_id;
        -- an invoice that is paid already stays as it is, unless there is no other reason to name it
        IF left_over > 0 AND (EXISTS (SELECT FROM o2c.open_item i JOIN o2c.invoice v ON v.company_id = _correct_match.company_id AND v.invoice_id = i.invoice_id
                                      WHERE i.company_id = _correct_match.company_id AND v.number = named AND i.open_amount > 0)
                              OR NOT EXISTS (SELECT FROM o2c.application a JOIN o2c.open_item d ON d.company_id = _correct_match.company_id AND d.item_id = a.debit_item_id
                                             JOIN o2c.invoice v ON v.company_id = _correct_match.company_id AND v.invoice_id = d.invoice_id
                                             JOIN o2c.payment q ON q.company_id = _correct_match.company_id AND q.payment_id = p.payment_id
                                             WHERE a.company_id = _correct_match.company_id AND a.credit_item_id = q.item_id AND v.number = named)) THEN
            PERFORM o2c.apply_payment(p.payment_id, named, company_id => _correct_match.company_id);
        END IF;
    END LOOP;
    INSERT INTO o2c.match_result (company_id, payment_id, as_of, outcome, stage, customer_id, words)
    SELECT _correct_match.company_id, p.payment_id, as_of, outcome, 'confirmed', q.customer_id,
           CASE WHEN invoices IS NULL THEN 'A person says that it is right.' ELSE 'A person says that it is for ' || array_to_string(invoices, ', ') || '.' END
    FROM o2c.payment q WHERE q.company_id = _correct_match.company_id AND q.payment_id = p.payment_id;
    RETURN p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._correct_match(bigint, text[], date, bigint) IS 'What o2c.confirm_match() does once the customers are locked, when invoices are named or nothing is left of the payment.';

CREATE FUNCTION o2c._learn_payer(payment bigint, as_of date, company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    WITH said AS (
        SELECT k.kind, k.key, p.customer_id
        FROM o2c.payment p
        CROSS JOIN LATERAL (VALUES ('account', o2c.account_key(p.payer_account)), ('name', o2c.name_key(p.payer_name)), ('text', o2c._text_key(p.reference))) AS k (kind, key)
        WHERE p.company_id = _learn_payer.company_id AND p.payment_id = payment AND p.customer_id IS NOT NULL AND length(k.key) BETWEEN 1 AND 500
    ), hit AS (
        INSERT INTO o2c.payer_alias AS a (company_id, kind, key, customer_id, hits, last_used_on)
        SELECT _learn_payer.company_id, s.kind, s.key, s.customer_id, 1, as_of FROM said s
        ON CONFLICT (company_id, kind, key, customer_id) DO UPDATE SET hits = a.hits + 1, last_used_on = EXCLUDED.last_used_on
    )
    UPDATE o2c.payer_alias a SET misses = a.misses + 1
    FROM said s
    WHERE a.company_id = _learn_payer.company_id AND a.kind = s.kind AND a.key = s.key AND a.customer_id <> s.customer_id;
END $$;
COMMENT ON FUNCTION o2c._learn_payer(bigint, date, bigint) IS 'Notes that what tells the payer of a payment stands for its customer.';

CREATE FUNCTION o2c.explain_match(payment bigint, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (recorded_at timestamptz, outcome text, stage text, customer text, score numeric, s_ref numeric, s_party numeric, s_amount numeric, s_date numeric,
               runner_up numeric, words text, actor text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.recorded_at, e.outcome, e.stage, c.code, e.score, e.s_ref, e.s_party, e.s_amount, e.s_date, e.runner_up, e.words, e.actor
    FROM (SELECT r.recorded_at, r.match_id AS place, r.outcome, r.stage, r.customer_id, r.score, r.s_ref, r.s_party, r.s_amount, r.s_date, r.runner_up, r.words, r.actor
          FROM o2c.match_result r
          WHERE r.company_id = explain_match.company_id AND r.payment_id = payment
          UNION ALL
          -- what people did by themselves
          SELECT a.recorded_at, a.application_id, CASE WHEN a.reverses IS NULL THEN 'applied' ELSE 'taken back' END, a.method, d.customer_id,
                 NULL, NULL, NULL, NULL, NULL, NULL,
                 concat(trim_scale(abs(a.cash_amount)), ' ', d.currency, CASE WHEN a.reverses IS NULL THEN ' to ' ELSE ' from ' END,
                        coalesce(v.number, d.kind), CASE WHEN a.discount_amount <> 0 THEN ', discount ' || trim_scale(abs(a.discount_amount)) END,
                        CASE WHEN a.tolerance_amount <> 0 THEN ', tolerated ' || trim_scale(abs(a.tolerance_amount)) END, ': ' || a.reason), a.actor
          FROM o2c.payment p
          JOIN o2c.application a ON a.company_id = explain_match.company_id AND a.credit_item_id = p.item_id
          JOIN o2c.open_item d ON d.company_id = explain_match.company_id AND d.item_id = a.debit_item_id
          LEFT JOIN o2c.invoice v ON v.company_id = explain_match.company_id AND v.invoice_id = d.invoice_id
          WHERE p.company_id = explain_match.company_id AND p.payment_id = payment) e
    LEFT JOIN o2c.customer c ON c.company_id = explain_match.company_id AND c.customer_id = e.customer_id
    ORDER BY e.recorded_at, e.place;
END $$;
COMMENT ON FUNCTION o2c.explain_match(bigint, bigint) IS
'How a payment came to what it is: what matching found each time it found something else, with the parts of the score and in words, what people said, and every application, by hand or not, as it was made and taken back. Arguments: the payment, the company. No rows for a payment that was never looked at.';
