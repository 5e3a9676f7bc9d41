-- bank: mandates and direct debits

CREATE FUNCTION o2c.sepa_text(value text, most integer DEFAULT 140) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    plain text := value;
    pair text[];
BEGIN
    IF getdatabaseencoding() = 'UTF8' AND value COLLATE "C" ~ '[^A-Za-z0-9/?:().,''+ -]' THEN
        plain := normalize(plain, NFKC);
        FOREACH pair SLICE 1 IN ARRAY ARRAY[[E'\u00e4', 'ae'], [E'\u00f6', 'oe'], [E'\u00fc', 'ue'], [E'\u00c4', 'Ae'], [E'\u00d6', 'Oe'], [E'\u00dc', 'Ue'],
            [E'\u00df', 'ss'], [E'\u00e6', 'ae'], [E'\u00c6', 'Ae'], [E'\u0153', 'oe'], [E'\u0152', 'Oe'], [E'\u00fe', 'th'], [E'\u00de', 'Th']] LOOP
            plain := replace(plain, pair[1], pair[2]);
        END LOOP;
        plain := translate(plain, E'\u00f8\u00d8\u0142\u0141\u0111\u0110\u00f0\u00d0\u0131', 'oOlLdDdDi');
        plain := regexp_replace(normalize(plain, NFKD), E'[\u0300-\u036f]', '', 'g');
    END IF;
    plain := replace(plain, '&', '+');
    RETURN trim(left(regexp_replace(regexp_replace(plain COLLATE "C", '[^A-Za-z0-9/?:().,''+ -]', '.', 'g'), ' +', ' ', 'g'), greatest(most, 1)));
END $$;
COMMENT ON FUNCTION o2c.sepa_text(text, integer) IS
'A text in the characters that SEPA messages may have: letters a to z, digits, / - ? : ( ) . , '' + and blanks. Umlauts become two letters, accents go, & becomes +, all else a full stop. Arguments: the text, the most characters to keep (140). Never an error. Source: EPC217-08.';

CREATE FUNCTION o2c.next_target_day(day date) RETURNS date
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    y integer; a integer; b integer; c integer; h integer; l integer; m integer;
    easter date;
BEGIN
    IF day NOT BETWEEN '1900-01-01' AND '2199-12-31' THEN
        RAISE EXCEPTION 'the day % is not from 1900-01-01 to 2199-12-31', day USING ERRCODE = 'OC002';
    END IF;
    LOOP
        -- Easter Sunday by the Gregorian computus (Meeus, Jones, Butcher)
        y := extract(year FROM day); a := y % 19; b := y / 100; c := y % 100;
        h := (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
        l := (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
        m := (a + 11 * h + 22 * l) / 451;
        easter := make_date(y, (h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
        EXIT WHEN extract(isodow FROM day) < 6 AND day NOT IN (easter - 2, easter + 1)
              AND to_char(day, 'MM-DD') NOT IN ('01-01', '05-01', '12-25', '12-26');
        day := day + 1;
    END LOOP;
    RETURN day;
END $$;
COMMENT ON FUNCTION o2c.next_target_day(date) IS
'The first day from a day on that the payment systems of the euro work on: not Saturday, Sunday, New Year, Good Friday, Easter Monday, 1 May, 25 and 26 December. Errors: OC002 outside 1900 to 2199. Source: the TARGET calendar of the ECB.';

CREATE FUNCTION o2c.ends_mandate(reason_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(reason_code IN ('AC13', 'MD01', 'MD07'), false);
COMMENT ON FUNCTION o2c.ends_mandate(text) IS
'Whether a return with this reason code ends the mandate: there is none (MD01), the debtor died (MD07), or a mandate between businesses is for a consumer''s account (AC13). Source: EPC173-14, ISO 20022 external return reason codes.';

CREATE FUNCTION o2c.stops_mandate(reason_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(reason_code IN ('AC01', 'AC04', 'AC06', 'AG01', 'DNOR', 'MD02', 'RC01', 'SL01'), false);
COMMENT ON FUNCTION o2c.stops_mandate(text) IS
'Whether a return with this reason code stops the mandate until a person has put it right (o2c.amend_mandate, or mandate.stopped_for to null): the account is wrong (AC01), closed (AC04), blocked (AC06) or not for direct debits (AG01), its bank is unknown (DNOR, RC01), the data of the mandate are incorrect (MD02), or the debtor had us blocked (SL01). Source: EPC173-14, ISO 20022 external return reason codes.';

CREATE FUNCTION o2c.may_represent(reason_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(reason_code NOT IN ('AM05', 'CUST', 'DUPL', 'FOCR', 'MD01', 'MD06', 'MD07', 'MS02', 'SL01'), true);
COMMENT ON FUNCTION o2c.may_represent(text) IS
'Whether what came back with this reason code may be collected again: not what the debtor refused (MS02), blocked (SL01), had refunded (MD06) or did not authorize (MD01), nor what was called back (CUST, DUPL, FOCR) or was collected twice (AM05), nor from a debtor who died (MD07). Anything else may, such as insufficient funds (AM04), and so may null. Source: EPC173-14, ISO 20022 external return reason codes.';

CREATE FUNCTION o2c.is_creditor_identifier(identifier text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- the three characters after the check digits are the creditor's own and not covered by them
RETURN coalesce(identifier COLLATE "C" ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}$'
    AND (SELECT string_agg(CASE WHEN c COLLATE "C" BETWEEN '0' AND '9' THEN c ELSE (ascii(c) - 55)::text END, '' ORDER BY n)::numeric % 97
         FROM regexp_split_to_table(substr(identifier, 8) || left(identifier, 4), '') WITH ORDINALITY AS t (c, n)) = 1, false);
COMMENT ON FUNCTION o2c.is_creditor_identifier(text) IS
'Whether a text is a creditor identifier for SEPA direct debits (AT-02): country, two check digits, three characters of the creditor, the national identifier, without blanks. Null is none. Source: EPC262-08 (ISO 7064 MOD 97-10).';

CREATE FUNCTION o2c.add_mandate(customer text, account text, reference text DEFAULT NULL, signed_on date DEFAULT o2c.today(), scheme text DEFAULT 'CORE',
                                sequence_type text DEFAULT 'FRST', bic text DEFAULT NULL, holder text DEFAULT NULL,
                                company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    id bigint := nextval('o2c.mandate_id_seq');
    who bigint;
    problem text := o2c._date_problem(signed_on);
BEGIN
    SELECT c.customer_id INTO who FROM o2c.customer c WHERE c.company_id = add_mandate.company_id AND c.code = add_mandate.customer;
    IF who IS NULL THEN
        RAISE EXCEPTION 'company % has no customer "%"', add_mandate.company_id, add_mandate.customer
            USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
    END IF;
    IF problem IS NULL AND signed_on > o2c.today() THEN
        problem := 'is in the future';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'the date of the signature %', problem USING ERRCODE = 'OC002', HINT = 'Give the day the customer signed on.';
    END IF;
    IF account IS NULL THEN
        RAISE EXCEPTION 'a mandate needs an account' USING ERRCODE = 'OC002', HINT = 'Give the IBAN that is collected from.';
    END IF;
    INSERT INTO o2c.mandate (company_id, mandate_id, customer_id, reference, scheme, sequence_type, signed_on, account, bic, holder)
    VALUES (add_mandate.company_id, id, who, coalesce(add_mandate.reference, 'M-' || lpad(id::text, greatest(6, length(id::text)), '0')),
            upper(add_mandate.scheme), upper(add_mandate.sequence_type), add_mandate.signed_on, add_mandate.account::o2c.iban, add_mandate.bic, add_mandate.holder);
    RETURN id;
END $$;
COMMENT ON FUNCTION o2c.add_mandate(text, text, text, date, text, text, text, text, bigint) IS
'Records a mandate: from now on what the customer owes in EUR is collected when it is due (o2c.direct_debit_file), and what customers below it owe that have no mandate in use of their own (mandate.covers_children). Of several active mandates the one used or signed last is taken. Arguments: the customer''s code, the IBAN, the mandate reference (null: drawn), the day of the signature, the scheme (CORE or B2B), the sequence type of the next collection (FRST; RCUR for a mandate that was used elsewhere before; OOFF for one collection only; FNAL), the BIC where it is known, the holder of the account when it is another, the company. Result: mandate_id. Errors: OC001 for an unknown customer, OC002 for a missing account or a date that cannot be, OC203 for a wrong IBAN, 23505 for a reference that is taken, 23514 for another scheme or type or characters that SEPA does not have.';

CREATE FUNCTION o2c.revoke_mandate(mandate text, revoked_on date DEFAULT o2c.today(), reason text DEFAULT NULL, after_next boolean DEFAULT false,
                                   company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_revoke_mandate' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.revoke_mandate(text, date, text, boolean, bigint) IS
'Ends a mandate: nothing is collected with it any more. Arguments: its reference, the date, why, whether the next collection is still made, as the final one (then date and reason are not kept), the company. Errors: OC001 for an unknown mandate, OC002 for a date that cannot be, OC101 when it is not active.';

CREATE FUNCTION o2c.amend_mandate(mandate text, account text DEFAULT NULL, bic text DEFAULT NULL, holder text DEFAULT NULL, new_reference text DEFAULT NULL,
                                  company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_amend_mandate' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.amend_mandate(text, text, text, text, text, bigint) IS
'The customer has another account, or we call the mandate otherwise: it stays the same mandate, and the next collection tells the bank so (amendment indicator; for another account SMNDA). With another account, a mandate that a return had stopped is collected with again. Arguments: its reference, the new IBAN (null: as it was), with it its BIC where that is known and its holder when it is not the customer, the new reference (null: as it was), the company. Errors: OC001 for an unknown mandate, OC002 when neither account nor reference is given, OC101 when it is not active, OC203 for a wrong IBAN, 23505 for a reference that is taken, 23514 for characters that SEPA does not have.';

CREATE FUNCTION o2c._collectable_items(day date, until date, represent boolean, company_id bigint)
RETURNS TABLE (item_id bigint, customer_id bigint, mandate_id bigint, payer_id bigint, kind text, number text, collect_on date, amount numeric, discount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE payer (customer_id, mandate_id, payer_id, signed_on, used_on, covers_children, distance) AS (
        SELECT m.customer_id, m.mandate_id, m.customer_id, m.signed_on, greatest(m.signed_on, m.last_used_on), m.covers_children, 0
        FROM o2c.mandate m
        WHERE m.company_id = _collectable_items.company_id AND m.state = 'active' AND m.automatic AND m.stopped_for IS NULL
        UNION ALL
        SELECT c.customer_id, p.mandate_id, p.payer_id, p.signed_on, p.used_on, true, p.distance + 1
        FROM payer p
        JOIN o2c.customer c ON c.company_id = _collectable_items.company_id AND c.parent_customer_id = p.customer_id
        WHERE p.covers_children
    ), due AS (
        -- the customer's own mandate, else that of the nearest customer above; of several the one used or signed last
        SELECT DISTINCT ON (i.item_id) i.item_id, i.customer_id, i.kind, i.invoice_id, i.amount, i.open_amount, p.mandate_id, p.payer_id, p.signed_on, c.collect_on
        FROM payer p
        JOIN o2c.open_item i ON i.company_id = _collectable_items.company_id AND i.customer_id = p.customer_id
        CROSS JOIN LATERAL (SELECT o2c.next_target_day(greatest(i.due_on, _collectable_items.day)) AS collect_on) c
        WHERE i.open_amount > 0 AND i.kind IN ('invoice', 'fee') AND i.currency = 'EUR'
          AND i.due_on <= until AND i.effective_on <= c.collect_on AND (p.used_on + interval '36 months')::date >= c.collect_on
        ORDER BY i.item_id, p.distance, p.used_on DESC, p.mandate_id DESC
    ), owed AS (
        SELECT i.*, v.number, d.discount
        FROM due i
        LEFT JOIN o2c.invoice v ON v.company_id = _collectable_items.company_id AND v.invoice_id = i.invoice_id
        LEFT JOIN o2c.cash_policy_in_use k ON k.company_id = _collectable_items.company_id AND k.customer_id = i.customer_id
        CROSS JOIN LATERAL (SELECT max(t.amount) AS amount FROM o2c.instalment_discount t
                            WHERE t.company_id = _collectable_items.company_id AND t.item_id = i.item_id
                              AND t.until_on + coalesce(k.discount_grace_days, 0) >= i.collect_on) o
        -- what is left of the discount, as of one that a payment of the day closes the instalment with (cash/difference.c)
        CROSS JOIN LATERAL (SELECT i.amount - coalesce(sum(a.cash_amount + a.tolerance_amount + a.writeoff_amount)
                                       FILTER (WHERE n.kind = 'credit_note' OR k.discount_on_partial AND a.discount_amount = 0), 0) AS part,
                                   coalesce(sum(a.discount_amount), 0) AS granted
                            FROM o2c.application a
                            LEFT JOIN o2c.open_item n ON n.company_id = _collectable_items.company_id AND n.item_id = a.credit_item_id
                            WHERE o.amount > 0 AND a.company_id = _collectable_items.company_id AND a.debit_item_id = i.item_id) a
        CROSS JOIN LATERAL (SELECT CASE WHEN o.amount > 0 THEN greatest(least(i.open_amount,
                                       a.part - o2c.round_money(a.part * (i.amount - o.amount) / i.amount, 'EUR') - a.granted), 0) ELSE 0 END AS discount) d
        WHERE i.open_amount > d.discount
          -- what is on its way is not collected again; what came back only when a person says so, and the debtor did not object or has signed again
          AND NOT EXISTS (SELECT FROM o2c.direct_debit_item x
                          JOIN o2c.direct_debit t ON t.company_id = _collectable_items.company_id AND t.direct_debit_id = x.direct_debit_id
                          JOIN o2c.payment p ON p.company_id = _collectable_items.company_id AND p.payment_id = t.payment_id
                          LEFT JOIN o2c.payment_clearing s ON s.company_id = _collectable_items.company_id AND s.payment_id = p.payment_id
                              AND s.change = p.clearing AND p.state = 'reversed'
                          WHERE x.company_id = _collectable_items.company_id AND x.item_id = i.item_id
                            AND (p.clearing = 'captured' OR p.state = 'reversed' AND
                                 (represent IS NOT TRUE OR NOT (o2c.may_represent(s.reason_code) OR i.signed_on > p.reversed_on))))
    )
    -- a fee alone is not worth a direct debit: one that comes back would cost the next fee
    SELECT f.item_id, f.customer_id, f.mandate_id, f.payer_id, f.kind, f.number,
           CASE f.kind WHEN 'fee' THEN greatest(f.collect_on, f.first_on) ELSE f.collect_on END, f.open_amount - f.discount, f.discount
    FROM (SELECT o.*, min(o.collect_on) FILTER (WHERE o.kind = 'invoice') OVER (PARTITION BY o.mandate_id) AS first_on FROM owed o) f
    WHERE f.first_on IS NOT NULL OR represent;
END $$;
COMMENT ON FUNCTION o2c._collectable_items(date, date, boolean, bigint) IS
'Open instalments in EUR, due until a day, and fees that go with them, of customers with an active mandate or below one, with who pays, the first day from a day on that they can be collected, what is collected then, and the discount that is deducted.';

CREATE FUNCTION o2c._credits_to_net(on_date date, represent boolean, company_id bigint)
RETURNS TABLE (item_id bigint, customer_id bigint, effective_on date, amount numeric, is_payment boolean, due_items bigint[], collect_on date)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE day date := o2c.next_target_day(on_date);
BEGIN
    RETURN QUERY
    SELECT c.item_id, c.customer_id, c.effective_on, - c.open_amount - c.allocated_amount, c.kind = 'payment', w.due_items, day
    FROM (SELECT i.customer_id, array_agg(i.item_id) AS due_items
          FROM o2c._collectable_items(day, day, represent, _credits_to_net.company_id) i GROUP BY i.customer_id) w
    JOIN o2c.cash_policy_in_use k ON k.company_id = _credits_to_net.company_id AND k.customer_id = w.customer_id AND k.debit_net_credits
    JOIN o2c.open_item c ON c.company_id = _credits_to_net.company_id AND c.customer_id = w.customer_id
    WHERE c.open_amount < 0 AND c.kind IN ('credit_note', 'payment') AND c.currency = 'EUR' AND c.effective_on <= day AND - c.open_amount > c.allocated_amount
    ORDER BY c.customer_id, c.effective_on, c.item_id;
END $$;
COMMENT ON FUNCTION o2c._credits_to_net(date, boolean, bigint) IS
'Credit notes and payments on account, the oldest first, of customers from whom something would be collected on a day or the next TARGET day, with what that is, and the day.';

CREATE FUNCTION o2c._announce_direct_debits(day date, until date, represent boolean, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE announced bigint;
BEGIN
    INSERT INTO o2c.notification (company_id, audience, recipient, topic, object_type, object_id, language, body)
    SELECT _announce_direct_debits.company_id, 'customer', coalesce(c.email, c.code), 'direct_debit', 'open_item', i.item_id, c.language,
           jsonb_build_object('kind', i.kind, 'invoice', i.number, 'amount', i.amount, 'currency', 'EUR', 'mandate', m.reference, 'collect_on', i.collect_on,
                              'account', regexp_replace(m.account::text, '^(.{4}).*(.{4})$', '\1...\2'),
                              'creditor_id', (SELECT min(b.creditor_id) FROM o2c.bank_account b WHERE b.company_id = _announce_direct_debits.company_id AND b.active))
    FROM o2c._collectable_items(day, until, represent, _announce_direct_debits.company_id) i
    JOIN o2c.mandate m ON m.company_id = _announce_direct_debits.company_id AND m.mandate_id = i.mandate_id
    JOIN o2c.customer c ON c.company_id = _announce_direct_debits.company_id AND c.customer_id = i.payer_id
    ORDER BY i.item_id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS announced = ROW_COUNT;
    RETURN announced;
END $$;
COMMENT ON FUNCTION o2c._announce_direct_debits(date, date, boolean, bigint) IS 'Tells those who pay what will be collected, each item once.';

CREATE FUNCTION o2c.announce_direct_debits(as_of date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE day date := coalesce(as_of, o2c.today());
BEGIN
    IF o2c._date_problem(day) IS NOT NULL THEN
        RAISE EXCEPTION 'the date %', o2c._date_problem(day) USING ERRCODE = 'OC002', HINT = 'Give the day that announcements are made on.';
    END IF;
    RETURN o2c._announce_direct_debits(day, day + o2c.get_setting('direct_debit_notice_days', announce_direct_debits.company_id)::integer, false,
                                       announce_direct_debits.company_id);
END $$;
COMMENT ON FUNCTION o2c.announce_direct_debits(date, bigint) IS
'The pre-notification: tells customers (o2c.notification, topic direct_debit) what will be collected from them, when and with which mandate, the setting direct_debit_notice_days (14) before it is due; each instalment and fee once, before credits are netted. It goes to the customer whose mandate it is. What a file collects without that is announced with the file. Arguments: the day (today), the company. Result: how many were announced. Errors: OC002 for a date that cannot be.';

CREATE FUNCTION o2c._collecting_account(bank_account text, company_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE own record;
BEGIN
    SELECT b.bank_account_id, b.creditor_id, o2c.is_iban(b.account) AS is_iban INTO own FROM o2c.bank_account b
    WHERE b.company_id = _collecting_account.company_id AND b.currency = 'EUR' AND b.active
      AND (_collecting_account.bank_account IS NULL OR b.account = o2c.account_key(_collecting_account.bank_account))
    ORDER BY b.creditor_id IS NULL, b.bank_account_id LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company % has no such bank account in EUR', _collecting_account.company_id
            USING ERRCODE = 'OC001', HINT = 'o2c.bank_account has the company''s own accounts.';
    END IF;
    IF NOT o2c.is_creditor_identifier(own.creditor_id) OR NOT own.is_iban THEN
        RAISE EXCEPTION 'direct debits cannot be collected to this account'
            USING ERRCODE = 'OC107', DETAIL = CASE WHEN own.is_iban THEN format('Its creditor identifier is %s.', coalesce('"' || own.creditor_id || '"', 'missing')) ELSE 'It is no IBAN.' END,
                  HINT = 'It must be an IBAN; put the company''s creditor identifier into bank_account.creditor_id.';
    END IF;
    RETURN own.bank_account_id;
END $$;
COMMENT ON FUNCTION o2c._collecting_account(text, bigint) IS 'The bank account that direct debits are collected to: the one named, else the first in EUR with a creditor identifier.';

CREATE FUNCTION o2c._collect_direct_debits(on_date date, bank_account text, represent boolean, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    own bigint := o2c._collecting_account(_collect_direct_debits.bank_account, _collect_direct_debits.company_id);
    day date := o2c.next_target_day(on_date);
    batch bigint := nextval('o2c.direct_debit_batch_id_seq');
BEGIN
    PERFORM o2c._announce_direct_debits(day, day, represent, _collect_direct_debits.company_id);
    WITH item AS MATERIALIZED (
        SELECT i.* FROM o2c._collectable_items(day, day, represent, _collect_direct_debits.company_id) i
    ), debit AS MATERIALIZED (
        SELECT g.*, nextval('o2c.direct_debit_id_seq') AS direct_debit_id, nextval('o2c.payment_id_seq') AS payment_id,
               CASE WHEN coalesce(k.cleared_only, false) THEN NULL ELSE nextval('o2c.item_id_seq') END AS payment_item_id
        FROM (SELECT i.mandate_id, i.payer_id AS customer_id, sum(i.amount) AS amount FROM item i GROUP BY i.mandate_id, i.payer_id
              -- more does not fit the message
              HAVING sum(i.amount) < 1000000000 ORDER BY i.mandate_id) g
        LEFT JOIN o2c.cash_policy_in_use k ON k.company_id = _collect_direct_debits.company_id AND k.customer_id = g.customer_id
    ), head AS (
        INSERT INTO o2c.direct_debit_batch (company_id, batch_id, bank_account_id, collect_on, message_id, creditor, creditor_id, account, bic, debits, amount)
        -- a message id has 35 characters at most, with the number of a part
        SELECT _collect_direct_debits.company_id, batch, own, day,
               concat_ws('-', 'DD', to_char(day, 'YYYYMMDD'), CASE WHEN o.company_id < 10000000000 THEN o.company_id END, batch),
               o.name, a.creditor_id, a.account, a.bic, d.debits, d.amount
        FROM (SELECT count(*) AS debits, sum(d.amount) AS amount FROM debit d) d
        JOIN o2c.company o ON o.company_id = _collect_direct_debits.company_id
        JOIN o2c.bank_account a ON a.company_id = _collect_direct_debits.company_id AND a.bank_account_id = own
        WHERE d.debits > 0
    ), made AS (
        INSERT INTO o2c.direct_debit (company_id, direct_debit_id, batch_id, mandate_id, customer_id, payment_id, end_to_end_id, mandate_reference, account, bic,
                                      debtor, original_reference, original_account, sequence_type, amount)
        SELECT _collect_direct_debits.company_id, d.direct_debit_id, batch, d.mandate_id, d.customer_id, d.payment_id,
               o2c.make_creditor_reference('DD' || lpad(d.direct_debit_id::text, greatest(9, length(d.direct_debit_id::text)), '0')), m.reference, m.account::text, m.bic,
               coalesce(m.holder, c.name), m.original_reference, m.original_account, m.sequence_type, d.amount
        FROM debit d
        JOIN o2c.mandate m ON m.company_id = _collect_direct_debits.company_id AND m.mandate_id = d.mandate_id
        JOIN o2c.customer c ON c.company_id = _collect_direct_debits.company_id AND c.customer_id = d.customer_id
        RETURNING payment_id, end_to_end_id
    ), parts AS (
        INSERT INTO o2c.direct_debit_item (company_id, direct_debit_id, item_id, amount, discount_amount)
        SELECT _collect_direct_debits.company_id, d.direct_debit_id, i.item_id, i.amount, i.discount
        FROM debit d JOIN item i ON i.mandate_id = d.mandate_id
    ), used AS (
        UPDATE o2c.mandate m SET last_used_on = greatest(m.last_used_on, day), original_reference = NULL, original_account = NULL,
            sequence_type = CASE m.sequence_type WHEN 'FRST' THEN 'RCUR' ELSE m.sequence_type END,
            state = CASE WHEN m.sequence_type IN ('OOFF', 'FNAL') THEN 'completed' ELSE m.state END
        FROM debit d WHERE m.company_id = _collect_direct_debits.company_id AND m.mandate_id = d.mandate_id
    ), item_of_payment AS (
        INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)
        SELECT _collect_direct_debits.company_id, d.payment_item_id, d.customer_id, 'payment', day, day, 'EUR', - d.amount,
               CASE WHEN a.currency <> 'EUR' THEN coalesce(o2c._known_rate('EUR', a.currency, day, _collect_direct_debits.company_id), 1) ELSE 1 END
        FROM debit d
        LEFT JOIN o2c.customer_credit k ON k.company_id = _collect_direct_debits.company_id AND k.customer_id = d.customer_id
        LEFT JOIN o2c.credit_account a ON a.company_id = _collect_direct_debits.company_id AND a.credit_account_id = k.credit_account_id
        WHERE d.payment_item_id IS NOT NULL
    )
    INSERT INTO o2c.payment (company_id, payment_id, customer_id, item_id, state, clearing, received_on, amount, currency, reference, method,
                             payer_name, payer_account, provider, provider_reference)
    SELECT _collect_direct_debits.company_id, d.payment_id, d.customer_id, d.payment_item_id,
           CASE WHEN d.payment_item_id IS NULL THEN 'pending' ELSE 'received' END, 'captured', day, d.amount, 'EUR', t.end_to_end_id, 'direct_debit',
           m.holder, m.account, 'direct_debit', t.end_to_end_id
    FROM debit d
    JOIN made t ON t.payment_id = d.payment_id
    JOIN o2c.mandate m ON m.company_id = _collect_direct_debits.company_id AND m.mandate_id = d.mandate_id;
    IF FOUND THEN
        RETURN batch;
    END IF;
    RETURN (SELECT max(b.batch_id) FROM o2c.direct_debit_batch b
            WHERE b.company_id = _collect_direct_debits.company_id AND b.collect_on = day AND b.bank_account_id = own);
END $$;
COMMENT ON FUNCTION o2c._collect_direct_debits(date, text, boolean, bigint) IS
'Makes a batch of what is due and not collected yet: direct debits with their items, and their payments. Result: the batch; the last one of that day when nothing is new. Runs inside a command only.';

CREATE FUNCTION o2c._print_direct_debits(batch_id bigint, version text, company_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b record;
    parts xml;
    bic_name text := CASE version WHEN 'pain.008.001.02' THEN 'BIC' ELSE 'BICFI' END;
BEGIN
    IF version IS NULL OR version NOT IN ('pain.008.001.02', 'pain.008.001.08') THEN
        RAISE EXCEPTION 'direct debits are not written as "%"', version
            USING ERRCODE = 'OC002', HINT = 'The versions are pain.008.001.08 and pain.008.001.02.';
    END IF;
    SELECT t.*, o2c._sepa_name(t.creditor) AS creditor_name INTO b
    FROM o2c.direct_debit_batch t
    WHERE t.company_id = _print_direct_debits.company_id AND t.batch_id = _print_direct_debits.batch_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company % has no batch % of direct debits', _print_direct_debits.company_id, _print_direct_debits.batch_id
            USING ERRCODE = 'OC001', HINT = 'o2c.direct_debit_batch lists them.';
    END IF;
    WITH debit AS (
        SELECT d.*, m.scheme, m.signed_on,
               (SELECT string_agg(n.number, ', ' ORDER BY n.is_fee, n.number)
                FROM (SELECT DISTINCT coalesce(v.number, 'fee') AS number, v.number IS NULL AS is_fee FROM o2c.direct_debit_item x
                      JOIN o2c.open_item i ON i.company_id = x.company_id AND i.item_id = x.item_id
                      LEFT JOIN o2c.invoice v ON v.company_id = i.company_id AND v.invoice_id = i.invoice_id
                      WHERE x.company_id = d.company_id AND x.direct_debit_id = d.direct_debit_id) n) AS invoices
        FROM o2c.direct_debit d
        JOIN o2c.mandate m ON m.company_id = d.company_id AND m.mandate_id = d.mandate_id
        WHERE d.company_id = _print_direct_debits.company_id AND d.batch_id = _print_direct_debits.batch_id
    ), part AS (
        SELECT d.scheme, d.sequence_type, count(*) AS debits, sum(d.amount) AS amount, row_number() OVER (ORDER BY d.scheme, d.sequence_type) AS place,
               xmlagg(xmlelement(name "DrctDbtTxInf",
                   xmlelement(name "PmtId", xmlforest(d.end_to_end_id AS "EndToEndId")),
                   xmlelement(name "InstdAmt", xmlattributes('EUR' AS "Ccy"), d.amount::numeric(18, 2)),
                   xmlelement(name "DrctDbtTx", xmlelement(name "MndtRltdInf",
                       xmlforest(d.mandate_reference AS "MndtId", d.signed_on AS "DtOfSgntr"), o2c._amendment(d.original_reference, d.original_account))),
                   xmlelement(name "DbtrAgt", o2c._financial_institution(d.bic, bic_name)),
                   xmlelement(name "Dbtr", xmlforest(o2c._sepa_name(d.debtor) AS "Nm")),
                   xmlelement(name "DbtrAcct", xmlelement(name "Id", xmlforest(d.account AS "IBAN"))),
                   xmlelement(name "RmtInf", CASE WHEN length(o2c.sepa_text(d.invoices, 1000)) BETWEEN 1 AND 140
                       THEN xmlforest(o2c.sepa_text(d.invoices) AS "Ustrd")
                       -- where the numbers do not fit, the reference of the collection, which is a creditor reference
                       ELSE xmlelement(name "Strd", xmlelement(name "CdtrRefInf",
                           xmlelement(name "Tp", xmlelement(name "CdOrPrtry", xmlforest('SCOR' AS "Cd")), xmlforest('ISO' AS "Issr")),
                           xmlforest(d.end_to_end_id AS "Ref"))) END))
                   ORDER BY d.direct_debit_id) AS debits_xml
        FROM debit d GROUP BY d.scheme, d.sequence_type
    )
    SELECT xmlagg(xmlelement(name "PmtInf",
               xmlforest(b.message_id || '-' || p.place AS "PmtInfId", 'DD' AS "PmtMtd", true AS "BtchBookg", p.debits AS "NbOfTxs", p.amount::numeric(18, 2) AS "CtrlSum"),
               xmlelement(name "PmtTpInf", xmlelement(name "SvcLvl", xmlforest('SEPA' AS "Cd")), xmlelement(name "LclInstrm", xmlforest(p.scheme AS "Cd")),
                          xmlforest(p.sequence_type AS "SeqTp")),
               xmlforest(b.collect_on AS "ReqdColltnDt"),
               xmlelement(name "Cdtr", xmlforest(b.creditor_name AS "Nm")),
               xmlelement(name "CdtrAcct", xmlelement(name "Id", xmlforest(b.account AS "IBAN"))),
               xmlelement(name "CdtrAgt", o2c._financial_institution(b.bic, bic_name)),
               xmlforest('SLEV' AS "ChrgBr"),
               xmlelement(name "CdtrSchmeId", xmlelement(name "Id", xmlelement(name "PrvtId", xmlelement(name "Othr",
                   xmlforest(b.creditor_id AS "Id"), xmlelement(name "SchmeNm", xmlforest('SEPA' AS "Prtry")))))),
               p.debits_xml) ORDER BY p.place)
    INTO parts FROM part p;
    RETURN '<?xml version="1.0" encoding="UTF-8"?>' || E'\n'
        || xmlelement(name "Document", xmlattributes('urn:iso:std:iso:20022:tech:xsd:' || version AS xmlns),
               xmlelement(name "CstmrDrctDbtInitn",
                   xmlelement(name "GrpHdr",
                       xmlforest(b.message_id AS "MsgId", to_char(b.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "CreDtTm",
                                 b.debits AS "NbOfTxs", b.amount::numeric(18, 2) AS "CtrlSum"),
                       xmlelement(name "InitgPty", xmlforest(b.creditor_name AS "Nm"))),
                   parts))::text;
END $$;
COMMENT ON FUNCTION o2c._print_direct_debits(bigint, text, bigint) IS 'A batch of direct debits as an ISO 20022 message. Errors: OC001 for an unknown batch, OC002 for another version.';

CREATE FUNCTION o2c._financial_institution(bic text, name_of_bic text) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- a BIC may have digits in its first part since 2014, which the older message does not know
RETURN CASE WHEN name_of_bic = 'BICFI' AND bic IS NOT NULL THEN xmlelement(name "FinInstnId", xmlforest(bic AS "BICFI"))
            WHEN bic COLLATE "C" ~ '^[A-Z]{6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3})?$' THEN xmlelement(name "FinInstnId", xmlforest(bic AS "BIC"))
            ELSE xmlelement(name "FinInstnId", xmlelement(name "Othr", xmlforest('NOTPROVIDED' AS "Id"))) END;
COMMENT ON FUNCTION o2c._financial_institution(text, text) IS 'A bank in an ISO 20022 message, by its BIC where that is known and the message can have it.';

CREATE FUNCTION o2c._sepa_name(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(nullif(o2c.sepa_text(name, 70), ''), 'NOTPROVIDED');
COMMENT ON FUNCTION o2c._sepa_name(text) IS 'A name in a SEPA message, which must have one: of at most 70 characters.';

CREATE FUNCTION o2c._amendment(original_reference text, original_account text) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- "same mandate, new debtor account"
RETURN CASE WHEN original_reference IS NOT NULL OR original_account IS NOT NULL THEN
    xmlforest(true AS "AmdmntInd", xmlconcat(xmlforest(original_reference AS "OrgnlMndtId"),
        CASE WHEN original_account IS NOT NULL THEN xmlelement(name "OrgnlDbtrAcct", xmlelement(name "Id",
            xmlelement(name "Othr", xmlforest('SMNDA' AS "Id")))) END) AS "AmdmntInfDtls") END;
COMMENT ON FUNCTION o2c._amendment(text, text) IS 'What a collection tells of a mandate that was amended; null when it was not.';

CREATE FUNCTION o2c.direct_debit_file(on_date date DEFAULT NULL, bank_account text DEFAULT NULL, version text DEFAULT 'pain.008.001.08', batch bigint DEFAULT NULL,
                                      represent boolean DEFAULT false, company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_direct_debit_file' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.direct_debit_file(date, text, text, bigint, boolean, bigint) IS
'Collects by direct debit what is due: makes a batch of the open instalments in EUR that are due on the collection day or before, of customers with an active mandate or below one that has one, one direct debit for each mandate, and returns it as ISO 20022 pain.008 for the bank. Fees that are due go along with invoices. Where the policy says debit_net_credits, the customer''s credit notes and payments on account are applied to what is due first, as of the collection day, and only the rest is collected. The discount for paying early is deducted where the day is early enough. Each direct debit is a payment, captured, that pays its instalments on the collection day, or once it is settled where the policy is cleared_only. Asked again for the day, it collects what is new; when nothing is, it returns the last file again, byte for byte. Arguments: the collection day (moved on to the next TARGET day), the company''s account (null: the first in EUR with a creditor identifier), the version (pain.008.001.08 or pain.008.001.02), a batch to print again instead, whether to collect again what came back (for a reason that o2c.may_represent() lets pass, or with a mandate signed since), the company. Result: the message, null when nothing is due. Errors: OC001 for an unknown account or batch, OC002 for a date or version that cannot be, OC107 for an account without a right creditor identifier.';

CREATE FUNCTION o2c.settle_direct_debits(batch bigint, settled_on date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_settle_direct_debits' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.settle_direct_debits(bigint, date, bigint) IS
'The bank credited a batch: its direct debits that did not come back are settled. Result: how many. Errors: OC002 for a date before the collection day.';

CREATE FUNCTION o2c.return_direct_debit(end_to_end_id text, reason_code text, returned_on date DEFAULT o2c.today(), reason text DEFAULT NULL,
                                        fee numeric DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_return_direct_debit' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.return_direct_debit(text, text, date, text, numeric, bigint) IS
'A direct debit came back (an R-transaction: reject, return or refund): exactly its payment is reversed and its instalments are open again with the due dates they had. Reasons that o2c.ends_mandate() lists revoke the mandate, those of o2c.stops_mandate() stop it. It comes back as a whole, at any time: whether the bank may is between the banks. A reject before the collection day takes effect on that day. Arguments: the end-to-end id, the bank''s reason code, the date, a text, the fee (null: bounce_fee of the policy), the company. Result: the payment. Errors: OC001 for an unknown end-to-end id, OC002 for a date before the last step, OC101 when it came back already, 23514 for a code that is none.';

-- bank: bank statements

CREATE FUNCTION o2c._iso_date(text) RETURNS date
AS 'MODULE_PATHNAME', 'o2c_iso_date' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iso_date(text) IS
'The day of an XML date or date with time, as it is written there: no time zone moves it. Null when the text is not one. Never an error.';

CREATE FUNCTION o2c._decimal(text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN $1 ~ '^[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})$' THEN CAST($1 AS numeric) END;
COMMENT ON FUNCTION o2c._decimal(text) IS 'The number that a text is, or null. Never an error.';

CREATE FUNCTION o2c._xml_texts(fragment xml) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT string_agg(btrim(t.content, E' \t\r\n'), E'\n' ORDER BY t.n)
            FROM XMLTABLE('/x/*' PASSING xmlelement(name x, fragment) COLUMNS n FOR ORDINALITY, content text PATH 'string(.)') t
            WHERE btrim(t.content, E' \t\r\n') <> '');
END $$;
COMMENT ON FUNCTION o2c._xml_texts(xml) IS 'The texts of some elements, one a line.';

CREATE FUNCTION o2c._xml_charges(fragment xml, xmlns text, preferred text) RETURNS TABLE (amount numeric, currency text, problem text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF fragment IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH record AS (
        SELECT c.value, c.unit, o2c._decimal(c.value) AS charge, o2c._decimal(c.value) * CASE WHEN c.indicator = 'CRDT' THEN -1 ELSE 1 END AS charged
        -- version 2 repeats Chrgs, later ones have records in it; without either there is a total
        FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), '/x/c:Chrgs/c:Rcrd | /x/c:Chrgs[not(c:Rcrd)]' PASSING xmlelement(name x, fragment)
                      COLUMNS value text PATH 'normalize-space((c:Amt | c:TtlChrgsAndTaxAmt)[last()])',
                              unit text PATH 'normalize-space((c:Amt | c:TtlChrgsAndTaxAmt)[last()]/@Ccy)',
                              indicator text PATH 'normalize-space(c:CdtDbtInd)', included text PATH 'normalize-space(c:ChrgInclInd)') c
        WHERE c.included NOT IN ('false', '0') AND c.value <> ''
    ), own AS (
        -- what other banks kept in other currencies does not add up with it
        SELECT r.* FROM record r WHERE r.unit = preferred OR NOT EXISTS (SELECT FROM record o WHERE o.unit = preferred)
    )
    SELECT sum(o.charged), min(o.unit),
           (SELECT CASE WHEN bool_or(r.charge IS NULL) THEN format('the charge %L is not a number', left(min(r.value) FILTER (WHERE r.charge IS NULL), 40))
                        WHEN min(r.charge) < 0 THEN format('the charge %s is negative: CdtDbtInd says which way it goes', min(r.charge))
                        WHEN min(o.unit) <> max(o.unit) THEN 'the charges are in several currencies' END FROM record r)
    FROM own o;
END $$;
COMMENT ON FUNCTION o2c._xml_charges(xml, text, text) IS
'The sum of the charges that an amount includes, positive when they cost us, and their currency: the preferred one where there are any in it.';

CREATE FUNCTION o2c._read_statements(document xml, xmlns text, path text)
RETURNS TABLE (no integer, reference text, sequence_number text, page text, last_page text, created text, from_on text, to_on text,
               account text, currency text, bic text, owner text, entries bigint, balances bigint,
               announced text, credits text, debits text,
               balance_currency text, entry_currency text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT s.* FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), path PASSING document COLUMNS
        no FOR ORDINALITY,
        reference text PATH 'normalize-space(c:Id)',
        sequence_number text PATH 'normalize-space(c:ElctrncSeqNb)',
        page text PATH 'normalize-space((c:StmtPgntn | c:NtfctnPgntn)/c:PgNb)',
        last_page text PATH 'normalize-space((c:StmtPgntn | c:NtfctnPgntn)/c:LastPgInd)',
        created text PATH 'normalize-space(c:CreDtTm)',
        from_on text PATH 'normalize-space(c:FrToDt/c:FrDtTm)',
        to_on text PATH 'normalize-space(c:FrToDt/c:ToDtTm)',
        account text PATH 'normalize-space(c:Acct/c:Id/c:IBAN | c:Acct/c:Id/c:Othr/c:Id)',
        currency text PATH 'normalize-space(c:Acct/c:Ccy)',
        bic text PATH 'normalize-space(c:Acct/c:Svcr/c:FinInstnId/c:BIC | c:Acct/c:Svcr/c:FinInstnId/c:BICFI)',
        owner text PATH 'normalize-space(c:Acct/c:Ownr/c:Nm)',
        entries bigint PATH 'count(c:Ntry)',
        balances bigint PATH 'count(c:Bal)',
        announced text PATH 'normalize-space(c:TxsSummry/c:TtlNtries/c:NbOfNtries)',
        credits text PATH 'normalize-space(c:TxsSummry/c:TtlCdtNtries/c:Sum)',
        debits text PATH 'normalize-space(c:TxsSummry/c:TtlDbtNtries/c:Sum)',
        balance_currency text PATH 'string(c:Bal[1]/c:Amt/@Ccy)',
        entry_currency text PATH 'string(c:Ntry[1]/c:Amt/@Ccy)') s;
END $$;
COMMENT ON FUNCTION o2c._read_statements(xml, text, text) IS 'The statements of a camt document as they are written. What is missing is empty.';

CREATE FUNCTION o2c._read_balances(document xml, xmlns text, path text)
RETURNS TABLE (no integer, kind text, amount text, currency text, indicator text, day text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT b.* FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), (path || '/c:Bal') PASSING document COLUMNS
        no FOR ORDINALITY,
        kind text PATH 'normalize-space(c:Tp/c:CdOrPrtry/*)',
        amount text PATH 'normalize-space(c:Amt)',
        currency text PATH 'string(c:Amt/@Ccy)',
        indicator text PATH 'normalize-space(c:CdtDbtInd)',
        day text PATH 'normalize-space(c:Dt/*)') b;
END $$;
COMMENT ON FUNCTION o2c._read_balances(xml, text, text) IS 'The balances of a camt document as they are written, in its order.';

CREATE FUNCTION o2c._trimmed(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(btrim($1, E' \t\r\n'), '');
COMMENT ON FUNCTION o2c._trimmed(text) IS 'A text without the blanks around it, null when nothing is left.';

CREATE FUNCTION o2c._reference_given(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN upper(translate($1, E' \t\r\n', '')) NOT IN ('', 'NOTPROVIDED', 'NONREF', 'NOTAVAILABLE') THEN btrim($1, E' \t\r\n') END;
COMMENT ON FUNCTION o2c._reference_given(text) IS 'A reference, null for what banks write where there is none.';

CREATE FUNCTION o2c._takes_back(reversal boolean, return_reason text, subfamily text, proprietary_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(reversal, false) OR return_reason IS NOT NULL
    OR coalesce(subfamily IN ('RRTN', 'RPCR', 'UPDD', 'PRDD', 'RCDD', 'UPCQ', 'CQRV', 'UPCT', 'ARET', 'AREV'), false)
    OR coalesce(starts_with(proprietary_code, 'NRTI'), false);
COMMENT ON FUNCTION o2c._takes_back(boolean, text, text, text) IS
'Whether a bank line takes an earlier one back: by its reversal indicator, a return reason, or its bank transaction code (ISO 20022 subfamilies of returns and reversals, SWIFT RTI).';

CREATE FUNCTION o2c._entry_key(booked_on date, amount numeric, currency text, status text, identity text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN md5(CAST(jsonb_build_array(booked_on, trim_scale(amount), currency, nullif(status, 'BOOK'), identity) AS text));
COMMENT ON FUNCTION o2c._entry_key(date, numeric, text, text, text) IS 'The same money has the same key, whichever message tells of it.';

CREATE FUNCTION o2c._read_entries(document xml, xmlns text, path text)
RETURNS TABLE (no integer, amount numeric, currency text, status text, reversal boolean, booked_on date, value_on date, bank_reference text,
               domain text, family text, subfamily text, proprietary_code text, charges numeric, charges_currency text,
               original_amount numeric, original_currency text, exchange_rate numeric, batch_reference text, information text, details bigint, problem text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT e.no, o2c._decimal(t.amount) * CASE t.indicator WHEN 'CRDT' THEN 1 WHEN 'DBIT' THEN -1 END, t.currency, t.status, coalesce(t.reversal IN ('true', '1'), false),
           o2c._iso_date(t.booked), o2c._iso_date(t.valued), o2c._reference_given(e.bank_reference),
           o2c._trimmed(e.domain), o2c._trimmed(e.family), o2c._trimmed(e.subfamily), o2c._trimmed(e.proprietary_code), c.amount, c.currency,
           o2c._decimal(t.original_amount), o2c._trimmed(e.original_currency), o2c._decimal(t.exchange_rate),
           o2c._trimmed(e.batch_reference), o2c._trimmed(e.information), e.details,
           CASE WHEN t.amount IS NULL THEN 'the amount is missing'
                WHEN o2c._decimal(t.amount) IS NULL THEN format('the amount %L is not a number', left(t.amount, 40))
                WHEN o2c._decimal(t.amount) < 0 THEN format('the amount %s is negative: CdtDbtInd says which way it goes', t.amount)
                WHEN t.currency IS NULL THEN 'the currency is missing'
                WHEN t.indicator IS NULL THEN 'the credit or debit indicator is missing'
                WHEN t.indicator NOT IN ('CRDT', 'DBIT') THEN format('the credit or debit indicator %L is neither CRDT nor DBIT', left(t.indicator, 40))
                WHEN t.status IS NULL THEN 'the status is missing'
                WHEN t.reversal NOT IN ('true', 'false', '1', '0') THEN format('the reversal indicator %L is neither true nor false', left(t.reversal, 40))
                WHEN t.booked IS NOT NULL AND o2c._iso_date(t.booked) IS NULL THEN format('the booking date %L is not a date', left(t.booked, 40))
                WHEN t.valued IS NOT NULL AND o2c._iso_date(t.valued) IS NULL THEN format('the value date %L is not a date', left(t.valued, 40))
                WHEN t.original_amount IS NOT NULL AND o2c._decimal(t.original_amount) IS NULL THEN format('the instructed amount %L is not a number', left(t.original_amount, 40))
                ELSE c.problem END
    FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), (path || '/c:Ntry') PASSING document COLUMNS
        no FOR ORDINALITY,
        amount text PATH 'c:Amt',
        currency text PATH 'c:Amt/@Ccy',
        indicator text PATH 'c:CdtDbtInd',
        status text PATH 'c:Sts/c:Cd | c:Sts/c:Prtry | c:Sts[not(*)]',
        reversal text PATH 'c:RvslInd',
        booked text PATH 'c:BookgDt/*',
        valued text PATH 'c:ValDt/*',
        bank_reference text PATH 'c:AcctSvcrRef',
        domain text PATH 'c:BkTxCd/c:Domn/c:Cd',
        family text PATH 'c:BkTxCd/c:Domn/c:Fmly/c:Cd',
        subfamily text PATH 'c:BkTxCd/c:Domn/c:Fmly/c:SubFmlyCd',
        proprietary_code text PATH 'c:BkTxCd/c:Prtry/c:Cd',
        charges xml PATH 'c:Chrgs',
        original_amount text PATH 'c:AmtDtls/c:InstdAmt/c:Amt',
        original_currency text PATH 'c:AmtDtls/c:InstdAmt/c:Amt/@Ccy',
        exchange_rate text PATH '(c:AmtDtls/c:InstdAmt/c:CcyXchg/c:XchgRate | c:AmtDtls/c:TxAmt/c:CcyXchg/c:XchgRate | c:AmtDtls/c:CntrValAmt/c:CcyXchg/c:XchgRate)[1]',
        batch_reference text PATH '(c:NtryDtls/c:Btch/c:PmtInfId | c:NtryDtls/c:Btch/c:MsgId)[last()]',
        information text PATH 'c:AddtlNtryInf',
        details bigint PATH 'count(c:NtryDtls/c:TxDtls)') e
    CROSS JOIN LATERAL (SELECT o2c._trimmed(e.amount) AS amount, o2c._trimmed(e.currency) AS currency, o2c._trimmed(e.indicator) AS indicator,
                               o2c._trimmed(e.status) AS status, o2c._trimmed(e.reversal) AS reversal, o2c._trimmed(e.booked) AS booked, o2c._trimmed(e.valued) AS valued,
                               o2c._trimmed(e.original_amount) AS original_amount, o2c._trimmed(e.exchange_rate) AS exchange_rate) t
    LEFT JOIN LATERAL o2c._xml_charges(e.charges, xmlns, t.currency) c ON true;
END $$;
COMMENT ON FUNCTION o2c._read_entries(xml, text, text) IS
'The entries of a camt document in its order, debits negative, each with what is wrong with it or null, and the number of its transactions.';

CREATE FUNCTION o2c._read_transactions(document xml, xmlns text, path text)
RETURNS TABLE (no integer, sign integer, amount numeric, currency text, transaction_amount numeric, transaction_currency text,
               counter_amount numeric, counter_currency text, original_amount numeric, original_currency text, exchange_rate numeric,
               bank_reference text, end_to_end_id text, transaction_id text, batch_reference text, mandate text,
               domain text, family text, subfamily text, proprietary_code text, charges numeric, charges_currency text,
               debtor text, debtor_account text, debtor_bic text, ultimate_debtor text, creditor text, creditor_account text, creditor_bic text, ultimate_creditor text,
               structured_reference text, document_numbers text, remittance text, information text, return_reason text, problem text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT t.no, CASE n.indicator WHEN 'CRDT' THEN 1 WHEN 'DBIT' THEN -1 END, o2c._decimal(n.amount), o2c._trimmed(t.currency),
           o2c._decimal(n.transaction_amount), o2c._trimmed(t.transaction_currency), o2c._decimal(n.counter_amount), o2c._trimmed(t.counter_currency), o2c._decimal(n.original_amount), o2c._trimmed(t.original_currency),
           o2c._decimal(n.exchange_rate), o2c._reference_given(t.bank_reference), o2c._reference_given(t.end_to_end_id), o2c._reference_given(t.transaction_id),
           o2c._trimmed(t.batch_reference), o2c._trimmed(t.mandate),
           o2c._trimmed(t.domain), o2c._trimmed(t.family), o2c._trimmed(t.subfamily), o2c._trimmed(t.proprietary_code), c.amount, c.currency,
           o2c._trimmed(t.debtor), o2c._trimmed(t.debtor_account), o2c._trimmed(t.debtor_bic), o2c._trimmed(t.ultimate_debtor),
           o2c._trimmed(t.creditor), o2c._trimmed(t.creditor_account), o2c._trimmed(t.creditor_bic), o2c._trimmed(t.ultimate_creditor),
           nullif(concat_ws(' ', o2c._trimmed(t.reference), replace(o2c._xml_texts(t.more_references), E'\n', ' ')), ''),
           replace(o2c._xml_texts(t.document_numbers), E'\n', ' '),
           nullif(concat_ws(E'\n', o2c._trimmed(t.remittance), o2c._xml_texts(t.more_remittance)), ''),
           nullif(concat_ws(E'\n', o2c._xml_texts(t.additional), o2c._trimmed(t.information)), ''),
           coalesce(o2c._trimmed(t.return_reason), CASE WHEN t.returned THEN 'none given' END),
           CASE WHEN n.indicator NOT IN ('CRDT', 'DBIT') THEN format('the credit or debit indicator %L is neither CRDT nor DBIT', left(n.indicator, 40))
                WHEN b.wrong IS NOT NULL THEN format('the amount %L of a transaction is not a number', left(b.wrong, 40))
                WHEN least(o2c._decimal(n.amount), o2c._decimal(n.transaction_amount), o2c._decimal(n.counter_amount), o2c._decimal(n.original_amount)) < 0
                    THEN 'the amount of a transaction is negative: CdtDbtInd says which way it goes'
                ELSE c.problem END
    FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), (path || '/c:Ntry/c:NtryDtls/c:TxDtls') PASSING document COLUMNS
        no FOR ORDINALITY,
        amount text PATH 'c:Amt',
        currency text PATH 'c:Amt/@Ccy',
        indicator text PATH 'c:CdtDbtInd',
        transaction_amount text PATH 'c:AmtDtls/c:TxAmt/c:Amt',
        transaction_currency text PATH 'c:AmtDtls/c:TxAmt/c:Amt/@Ccy',
        counter_amount text PATH 'c:AmtDtls/c:CntrValAmt/c:Amt',
        counter_currency text PATH 'c:AmtDtls/c:CntrValAmt/c:Amt/@Ccy',
        original_amount text PATH 'c:AmtDtls/c:InstdAmt/c:Amt',
        original_currency text PATH 'c:AmtDtls/c:InstdAmt/c:Amt/@Ccy',
        exchange_rate text PATH '(c:AmtDtls/c:InstdAmt/c:CcyXchg/c:XchgRate | c:AmtDtls/c:TxAmt/c:CcyXchg/c:XchgRate | c:AmtDtls/c:CntrValAmt/c:CcyXchg/c:XchgRate)[1]',
        bank_reference text PATH 'c:Refs/c:AcctSvcrRef',
        end_to_end_id text PATH 'c:Refs/c:EndToEndId',
        transaction_id text PATH '(c:Refs/c:UETR | c:Refs/c:TxId | c:Refs/c:InstrId)[last()]',
        batch_reference text PATH 'c:Refs/c:PmtInfId',
        mandate text PATH 'c:Refs/c:MndtId',
        domain text PATH 'c:BkTxCd/c:Domn/c:Cd',
        family text PATH 'c:BkTxCd/c:Domn/c:Fmly/c:Cd',
        subfamily text PATH 'c:BkTxCd/c:Domn/c:Fmly/c:SubFmlyCd',
        proprietary_code text PATH 'c:BkTxCd/c:Prtry/c:Cd',
        charges xml PATH 'c:Chrgs',
        entry_currency text PATH '../../c:Amt/@Ccy',
        -- a party is a name, from version 8 on a person or organisation, or an agent
        debtor text PATH 'c:RltdPties/c:Dbtr/c:Nm | c:RltdPties/c:Dbtr/c:Pty/c:Nm | c:RltdPties/c:Dbtr/c:Agt/c:FinInstnId/c:Nm',
        creditor text PATH 'c:RltdPties/c:Cdtr/c:Nm | c:RltdPties/c:Cdtr/c:Pty/c:Nm | c:RltdPties/c:Cdtr/c:Agt/c:FinInstnId/c:Nm',
        ultimate_debtor text PATH 'c:RltdPties/c:UltmtDbtr/c:Nm | c:RltdPties/c:UltmtDbtr/c:Pty/c:Nm | c:RltdPties/c:UltmtDbtr/c:Agt/c:FinInstnId/c:Nm',
        ultimate_creditor text PATH 'c:RltdPties/c:UltmtCdtr/c:Nm | c:RltdPties/c:UltmtCdtr/c:Pty/c:Nm | c:RltdPties/c:UltmtCdtr/c:Agt/c:FinInstnId/c:Nm',
        debtor_account text PATH '(c:RltdPties/c:DbtrAcct/c:Id/c:IBAN | c:RltdPties/c:DbtrAcct/c:Id/c:Othr/c:Id)[1]',
        creditor_account text PATH '(c:RltdPties/c:CdtrAcct/c:Id/c:IBAN | c:RltdPties/c:CdtrAcct/c:Id/c:Othr/c:Id)[1]',
        debtor_bic text PATH '(c:RltdAgts/c:DbtrAgt/c:FinInstnId/c:BIC | c:RltdAgts/c:DbtrAgt/c:FinInstnId/c:BICFI)[1]',
        creditor_bic text PATH '(c:RltdAgts/c:CdtrAgt/c:FinInstnId/c:BIC | c:RltdAgts/c:CdtrAgt/c:FinInstnId/c:BICFI)[1]',
        reference text PATH '(c:RmtInf/c:Strd/c:CdtrRefInf/c:Ref)[1]',
        more_references xml PATH '(c:RmtInf/c:Strd/c:CdtrRefInf/c:Ref)[position() > 1]',
        document_numbers xml PATH 'c:RmtInf/c:Strd/c:RfrdDocInf/c:Nb',
        remittance text PATH 'c:RmtInf/c:Ustrd[1]',
        more_remittance xml PATH 'c:RmtInf/c:Ustrd[position() > 1]',
        additional xml PATH 'c:RmtInf/c:Strd/c:AddtlRmtInf',
        information text PATH 'c:AddtlTxInf',
        return_reason text PATH '(c:RtrInf/c:Rsn/c:Cd | c:RtrInf/c:Rsn/c:Prtry)[1]',
        returned boolean PATH 'boolean(c:RtrInf)') t
    CROSS JOIN LATERAL (SELECT o2c._trimmed(t.amount) AS amount, o2c._trimmed(t.indicator) AS indicator, o2c._trimmed(t.transaction_amount) AS transaction_amount,
                               o2c._trimmed(t.counter_amount) AS counter_amount, o2c._trimmed(t.original_amount) AS original_amount, o2c._trimmed(t.exchange_rate) AS exchange_rate) n
    LEFT JOIN LATERAL (SELECT min(a.value) AS wrong FROM (VALUES (n.amount), (n.transaction_amount), (n.counter_amount), (n.original_amount), (n.exchange_rate)) AS a (value)
                       WHERE a.value IS NOT NULL AND o2c._decimal(a.value) IS NULL) b ON true
    LEFT JOIN LATERAL o2c._xml_charges(t.charges, xmlns, o2c._trimmed(t.entry_currency)) c ON true;
END $$;
COMMENT ON FUNCTION o2c._read_transactions(xml, text, text) IS
'The transactions of all entries of a camt document in its order, each with what is wrong with it or null.';

CREATE FUNCTION o2c._stage_camt(batch text, document xml, xmlns text, path text, statements jsonb, company_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO o2c.bank_line_import (
        company_id, batch, bank_account_id, bank_statement_id, entry, position, entry_amount, entry_key, status, booked_on, value_on, amount, currency, charges, charges_currency,
        original_amount, original_currency, exchange_rate, bank_reference, end_to_end_id, transaction_id, batch_reference, mandate, structured_reference, document_numbers,
        remittance, information, party_name, ultimate_party, party_account, party_bic, domain, family, subfamily, proprietary_code, return_reason, reversal, note, problem)
    WITH entry AS MATERIALIZED (
        SELECT e.*, s.bank_account_id, s.bank_statement_id, s.day, s.page, (sum(e.details) OVER (ORDER BY e.no) - e.details)::bigint AS before
        FROM o2c._read_entries(document, xmlns, path) e
        JOIN (SELECT n AS no, s.* FROM jsonb_to_recordset(statements)
                  AS s (first_entry bigint, last_entry bigint, bank_account_id bigint, bank_statement_id bigint, day date, page text)
              CROSS JOIN LATERAL generate_series(s.first_entry, s.last_entry) n) s ON s.no = e.no
    ), transaction AS MATERIALIZED (
        SELECT t.* FROM o2c._read_transactions(document, xmlns, path) t
    ), part AS MATERIALIZED (
        -- what each transaction says that it is of its entry
        SELECT e.no, e.details, e.amount, e.currency, e.charges, d.n - e.before AS nth, t.no AS transaction_no, t.problem, t.amount AS said, t.currency AS said_currency,
               CASE e.currency WHEN t.currency THEN t.amount WHEN t.transaction_currency THEN t.transaction_amount WHEN t.counter_currency THEN t.counter_amount
                               WHEN t.original_currency THEN t.original_amount END
               * coalesce(t.sign, sign(e.amount)) AS part,
               CASE WHEN t.charges_currency = e.currency THEN t.charges ELSE 0 END AS kept,
               t.end_to_end_id, t.structured_reference, t.document_numbers, t.remittance,
               CASE WHEN e.bank_reference IS NULL THEN concat_ws('|', t.structured_reference, t.document_numbers, t.remittance, t.transaction_id, t.mandate,
                                                                 t.debtor, t.debtor_account, t.creditor, t.creditor_account) END AS content
        FROM entry e
        LEFT JOIN LATERAL generate_series(e.before + 1, e.before + e.details) d (n) ON true
        LEFT JOIN transaction t ON t.no = d.n
    ), whole AS MATERIALIZED (
        -- its transactions add up to it net, before the charges of each, or before those of the entry
        SELECT p.no, count(p.part) = greatest(p.details, 1) AS complete, CASE p.amount WHEN sum(p.part) THEN 'net' WHEN sum(p.part - p.kept) THEN 'gross' WHEN sum(p.part) - p.charges THEN 'total' END AS agrees,
               min(p.problem) AS problem, -- short, because each line of a batch gets it
               CASE WHEN p.details > 1 THEN md5(string_agg(p.end_to_end_id, ' ' ORDER BY p.nth)) ELSE min(p.end_to_end_id) END AS ids,
               md5(string_agg(p.content, '|' ORDER BY p.nth)) AS content,
               string_agg(p.structured_reference, ' ' ORDER BY p.nth) AS structured_reference, string_agg(p.document_numbers, ' ' ORDER BY p.nth) AS document_numbers,
               string_agg(p.remittance, E'\n' ORDER BY p.nth) AS remittance, sum(p.part) AS parts, min(p.said) AS said, min(p.said_currency) AS said_currency
        FROM part p
        GROUP BY p.no, p.details, p.amount, p.charges
    ), judged AS MATERIALIZED (
        SELECT w.*, e.details > 1 AND w.complete AND w.agrees IS NOT NULL AS split,
               CASE WHEN w.complete AND w.agrees IS NOT NULL THEN NULL
                    WHEN e.details > 1 AND NOT w.complete THEN format('its %s transactions do not all have amounts in %s', e.details, e.currency)
                    WHEN e.details > 1 THEN format('its %s transactions add up to %s %s', e.details, trim_scale(w.parts), e.currency)
                    WHEN w.complete THEN format('its transaction says %s %s', trim_scale(w.parts), e.currency)
                    WHEN w.said_currency <> e.currency THEN format('its transaction says %s %s', trim_scale(w.said), w.said_currency) END AS note
        FROM whole w JOIN entry e ON e.no = w.no
    ), line AS (
        -- a transaction of a batch, or the whole entry with what its only transaction says
        SELECT p.no, CASE WHEN w.split THEN p.nth ELSE 0 END AS position, CASE WHEN w.split OR p.details = 1 THEN p.transaction_no END AS transaction_no,
               CASE WHEN w.split THEN p.part - CASE WHEN w.agrees = 'gross' THEN p.kept ELSE 0 END ELSE p.amount END AS amount, NULL AS subfamily
        FROM part p JOIN judged w ON w.no = p.no
        WHERE w.split OR coalesce(p.nth, 1) = 1
        UNION ALL
        -- what the bank kept of a batch is a line of its own: the lines add up to the entry
        SELECT p.no, p.details + 1, NULL, - p.charges, 'CHRG'
        FROM part p JOIN judged w ON w.no = p.no WHERE w.split AND w.agrees = 'total' AND p.nth = 1
    )
    SELECT _stage_camt.company_id, _stage_camt.batch, e.bank_account_id, e.bank_statement_id, l.no, l.position, e.amount,
           o2c._entry_key(d.booked_on, e.amount, e.currency, e.status,
               coalesce('R' || coalesce(e.bank_reference, CASE WHEN e.details = 1 THEN t.bank_reference END), 'E' || w.ids,
                        'T' || concat_ws('|', e.page, e.batch_reference, e.information, w.content))),
           e.status, d.booked_on, e.value_on, l.amount, e.currency,
           coalesce(t.charges, CASE WHEN NOT w.split THEN e.charges END), CASE WHEN t.charges IS NOT NULL THEN t.charges_currency WHEN NOT w.split THEN e.charges_currency END,
           o.amount, o.currency, coalesce(t.exchange_rate, CASE WHEN NOT w.split THEN e.exchange_rate END),
           coalesce(t.bank_reference, e.bank_reference), t.end_to_end_id, t.transaction_id, coalesce(t.batch_reference, e.batch_reference), t.mandate,
           CASE WHEN w.split THEN t.structured_reference ELSE w.structured_reference END, CASE WHEN w.split THEN t.document_numbers ELSE w.document_numbers END,
           CASE WHEN w.split THEN t.remittance ELSE w.remittance END, nullif(concat_ws(E'\n', t.information, e.information), ''),
           CASE WHEN k.by_debtor THEN coalesce(t.debtor, t.ultimate_debtor) ELSE coalesce(t.creditor, t.ultimate_creditor) END,
           CASE WHEN k.by_debtor THEN t.ultimate_debtor ELSE t.ultimate_creditor END, CASE WHEN k.by_debtor THEN t.debtor_account ELSE t.creditor_account END,
           CASE WHEN k.by_debtor THEN t.debtor_bic ELSE t.creditor_bic END,
           coalesce(t.domain, e.domain), coalesce(t.family, e.family), k.subfamily, k.proprietary_code, t.return_reason, e.reversal, CASE WHEN NOT w.split THEN w.note END,
           coalesce(e.problem, w.problem)
    FROM line l
    JOIN entry e ON e.no = l.no
    JOIN judged w ON w.no = l.no
    LEFT JOIN transaction t ON t.no = l.transaction_no
    CROSS JOIN LATERAL (SELECT coalesce(e.booked_on, e.value_on, e.day) AS booked_on) d
    -- what was instructed, or what the transaction says in another currency than the entry
    LEFT JOIN LATERAL (SELECT o.amount, o.currency
                       FROM (VALUES (1, t.original_amount, t.original_currency), (2, CASE WHEN NOT w.split THEN e.original_amount END, e.original_currency),
                                    (3, CASE WHEN t.currency <> e.currency THEN t.amount END, t.currency),
                                    (4, CASE WHEN t.transaction_currency <> e.currency THEN t.transaction_amount END, t.transaction_currency)) AS o (n, amount, currency)
                       WHERE o.amount IS NOT NULL ORDER BY o.n LIMIT 1) o ON true
    CROSS JOIN LATERAL (SELECT coalesce(l.subfamily, t.subfamily, e.subfamily) AS subfamily, coalesce(t.proprietary_code, e.proprietary_code) AS proprietary_code) c
    -- in what is taken back, payer and payee are those of the first transaction
    CROSS JOIN LATERAL (SELECT (l.amount >= 0) <> o2c._takes_back(e.reversal, t.return_reason, c.subfamily, c.proprietary_code) AS by_debtor, c.subfamily, c.proprietary_code) k
    ORDER BY l.no, l.position;
END $$;
COMMENT ON FUNCTION o2c._stage_camt(text, xml, text, text, jsonb, bigint) IS
'Puts the entries of a camt document into o2c.bank_line_import: a batch whose transactions add up to it (before or after its charges) as a line for each, any other entry as one line.';

CREATE FUNCTION o2c._judge_bank_lines(batch text, company_id bigint) RETURNS TABLE (import_id bigint, bank_account_id bigint, currency text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.import_id, a.bank_account_id, coalesce(r.currency, a.currency), CASE
        WHEN r.account IS NULL AND r.bank_account_id IS NULL AND a.candidates > 1 THEN 'the account is missing'
        WHEN a.candidates > 1 THEN format('account %L has several currencies: name one', r.account)
        WHEN a.bank_account_id IS NULL THEN coalesce(format('there is no bank account %L', r.account || coalesce(' in ' || r.currency, '')), 'there is no bank account')
        WHEN NOT a.active THEN format('bank account %L is not active', a.account)
        WHEN u.currency IS NULL THEN format('there is no currency %L', coalesce(r.currency, a.currency))
        WHEN o2c._amount_problem(abs(r.amount), u.currency) IS NOT NULL THEN 'the amount ' || o2c._amount_problem(abs(r.amount), u.currency)
        WHEN o2c._date_problem(r.booked_on) IS NOT NULL THEN 'the booking date ' || o2c._date_problem(r.booked_on)
        WHEN r.value_on IS NOT NULL AND o2c._date_problem(r.value_on) IS NOT NULL THEN 'the value date ' || o2c._date_problem(r.value_on)
        WHEN r.charges IS NOT NULL AND c.currency IS NULL THEN format('there is no currency %L of the charges', r.charges_currency)
        WHEN r.charges IS NOT NULL AND o2c._amount_problem(abs(r.charges), c.currency) IS NOT NULL THEN 'the charge ' || o2c._amount_problem(abs(r.charges), c.currency)
        WHEN r.original_amount IS NOT NULL AND o.currency IS NULL THEN format('there is no currency %L of the original amount', r.original_currency)
        WHEN r.original_amount IS NOT NULL AND o2c._amount_problem(r.original_amount, o.currency) IS NOT NULL THEN 'the original amount ' || o2c._amount_problem(r.original_amount, o.currency)
        WHEN r.exchange_rate <= 0 OR r.exchange_rate >= 1e15 THEN 'the exchange rate is not a number above zero'
        WHEN r.status = '' THEN 'the status is empty'
        -- what is looked up by an index, or shown in a column of a list
        WHEN greatest(length(r.bank_reference), length(r.end_to_end_id), length(r.transaction_id), length(r.batch_reference), length(r.mandate), length(r.party_account),
                      length(r.party_bic), length(r.domain), length(r.family), length(r.subfamily), length(r.proprietary_code), length(r.return_reason), length(r.status)) > 140
            THEN 'a reference or code is longer than 140 characters'
        WHEN greatest(length(r.party_name), length(r.ultimate_party)) > 350 THEN 'a name is longer than 350 characters'
        END
    FROM o2c.bank_line_import r
    LEFT JOIN LATERAL (SELECT min(a.bank_account_id) AS bank_account_id, min(a.account) AS account, min(a.currency) AS currency, bool_and(a.active) AS active, count(*) AS candidates
                       FROM o2c.bank_account a
                       WHERE a.company_id = _judge_bank_lines.company_id
                         AND CASE WHEN r.bank_account_id IS NOT NULL THEN a.bank_account_id = r.bank_account_id
                                  ELSE (r.account IS NULL OR a.account = o2c.account_key(r.account)) AND (r.currency IS NULL OR a.currency = r.currency) END) a ON true
    LEFT JOIN o2c.currency u ON u.currency = coalesce(r.currency, a.currency)
    LEFT JOIN o2c.currency c ON c.currency = coalesce(r.charges_currency, r.currency, a.currency)
    LEFT JOIN o2c.currency o ON o.currency = coalesce(r.original_currency, r.currency, a.currency)
    WHERE r.company_id = _judge_bank_lines.company_id AND r.batch = _judge_bank_lines.batch;
END $$;
COMMENT ON FUNCTION o2c._judge_bank_lines(text, bigint) IS 'The rows of a batch of bank lines, each with its account, its currency, and what is wrong with it or null.';

CREATE FUNCTION o2c._returned_payments(company_id bigint)
RETURNS TABLE (bank_line_id bigint, payment_id bigint, customer_id bigint, booked_on date, return_reason text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH found AS (
        -- a bank may return what counts, or was settled by hand, from a later day on
        SELECT l.bank_line_id, p.payment_id, p.customer_id, greatest(l.booked_on, p.received_on, s.last_on) AS booked_on, l.return_reason,
               count(*) OVER (PARTITION BY l.bank_line_id) AS payments, row_number() OVER (PARTITION BY p.payment_id ORDER BY l.bank_line_id) AS place
        FROM o2c.bank_line l
        CROSS JOIN LATERAL (SELECT b.payment_id FROM o2c.bank_line b
                            WHERE b.company_id = _returned_payments.company_id AND b.kind = 'receipt' AND b.end_to_end_id = l.end_to_end_id
                            UNION
                            SELECT b.payment_id FROM o2c.bank_line b
                            WHERE b.company_id = _returned_payments.company_id AND b.kind = 'receipt' AND b.bank_reference = l.bank_reference
                            UNION
                            SELECT d.payment_id FROM o2c.direct_debit d
                            WHERE d.company_id = _returned_payments.company_id AND d.end_to_end_id = o2c.account_key(l.end_to_end_id)) b
        JOIN o2c.payment p ON p.company_id = _returned_payments.company_id AND p.payment_id = b.payment_id
        CROSS JOIN LATERAL (SELECT max(s.effective_on) AS last_on FROM o2c.payment_clearing s
                            WHERE s.company_id = _returned_payments.company_id AND s.payment_id = p.payment_id) s
        WHERE l.company_id = _returned_payments.company_id AND l.kind = 'return' AND l.payment_id IS NULL AND l.closed_at IS NULL
          AND p.clearing IN ('captured', 'settled') AND p.currency = l.currency AND (p.received_on <= l.booked_on OR p.provider = 'direct_debit')
          -- as it was booked, before the charges of the return, or as it was instructed
          AND p.amount IN (- l.amount, - l.gross_amount, CASE WHEN l.original_currency = l.currency THEN l.original_amount END)
    )
    SELECT f.bank_line_id, f.payment_id, f.customer_id, f.booked_on, f.return_reason
    FROM found f WHERE f.payments = 1 AND f.place = 1 ORDER BY f.bank_line_id;
END $$;
COMMENT ON FUNCTION o2c._returned_payments(bigint) IS
'The bank lines that take a payment back and name exactly one, by the end-to-end id or the bank''s reference and by its amount.';

CREATE FUNCTION o2c._collected_by(end_to_end_id text, batch_reference text, company_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.direct_debit_id FROM o2c.direct_debit d
    WHERE d.company_id = _collected_by.company_id AND d.end_to_end_id = o2c.account_key(_collected_by.end_to_end_id);
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT d.direct_debit_id
    FROM o2c.direct_debit_batch b
    -- the parts are numbered as o2c._print_direct_debits() does
    CROSS JOIN LATERAL (SELECT d.direct_debit_id, dense_rank() OVER (ORDER BY m.scheme, d.sequence_type) AS place
                        FROM o2c.direct_debit d
                        JOIN o2c.mandate m ON m.company_id = d.company_id AND m.mandate_id = d.mandate_id
                        WHERE d.company_id = _collected_by.company_id AND d.batch_id = b.batch_id) d
    WHERE b.company_id = _collected_by.company_id
      AND b.message_id IN (_collected_by.batch_reference, regexp_replace(_collected_by.batch_reference, '-[0-9]+$', ''))
      AND _collected_by.batch_reference IN (b.message_id, b.message_id || '-' || d.place);
END $$;
COMMENT ON FUNCTION o2c._collected_by(text, text, bigint) IS
'The direct debits that a bank line names: by its end-to-end id, else those of the message or the part of it that is the reference of its batch.';

CREATE FUNCTION o2c._collections(company_id bigint)
RETURNS TABLE (bank_line_id bigint, direct_debit_id bigint, payment_id bigint, customer_id bigint, alone boolean, captured boolean, settled_on date, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH debit AS MATERIALIZED (
        SELECT l.bank_line_id, l.amount, l.gross_amount, d.direct_debit_id, d.payment_id, d.customer_id, d.amount AS debited, p.clearing = 'captured' AS captured,
               greatest(l.booked_on, p.received_on, (SELECT max(s.effective_on) FROM o2c.payment_clearing s
                                                     WHERE s.company_id = _collections.company_id AND s.payment_id = p.payment_id)) AS settled_on,
               p.state <> 'reversed' AS stays,
               -- what came back later, or by a line of its own, was credited before
               p.state <> 'reversed' OR p.reversed_on >= l.booked_on
               OR EXISTS (SELECT FROM o2c.bank_line b WHERE b.company_id = _collections.company_id AND b.payment_id = p.payment_id AND b.kind = 'return') AS came
        FROM o2c.bank_line l
        LEFT JOIN LATERAL o2c._collected_by(l.end_to_end_id, l.batch_reference, _collections.company_id) n (direct_debit_id) ON true
        LEFT JOIN o2c.direct_debit d ON d.company_id = _collections.company_id AND d.direct_debit_id = n.direct_debit_id AND d.bank_line_id IS NULL
        LEFT JOIN o2c.payment p ON p.company_id = _collections.company_id AND p.payment_id = d.payment_id AND p.currency = l.currency
        WHERE l.company_id = _collections.company_id AND l.kind = 'collection' AND l.payment_id IS NULL AND l.closed_at IS NULL
    ), line AS (
        SELECT e.bank_line_id, count(e.direct_debit_id) AS debits, coalesce(sum(e.debited) FILTER (WHERE e.stays), 0) AS net,
               CASE WHEN sum(e.debited) FILTER (WHERE e.stays) IN (e.amount, e.gross_amount) THEN 'net'
                    WHEN sum(e.debited) FILTER (WHERE e.came) IN (e.amount, e.gross_amount) THEN 'gross' ELSE 'none' END AS agrees
        FROM debit e GROUP BY e.bank_line_id, e.amount, e.gross_amount
    ), part AS (
        SELECT e.*, t.debits, t.net, t.agrees, row_number() OVER (PARTITION BY e.direct_debit_id, t.agrees = 'none' ORDER BY e.bank_line_id) AS place
        FROM debit e JOIN line t ON t.bank_line_id = e.bank_line_id
        WHERE CASE t.agrees WHEN 'net' THEN e.stays WHEN 'gross' THEN e.came ELSE true END
    )
    SELECT e.bank_line_id, e.direct_debit_id, e.payment_id, e.customer_id, count(*) OVER w = 1, e.captured, e.settled_on,
           CASE WHEN e.debits = 0 THEN 'it names no direct debit that was not credited before'
                WHEN e.agrees = 'none' THEN format('it credits %s, its direct debits are %s', trim_scale(e.amount), trim_scale(e.net))
                WHEN max(e.place) OVER w > 1 THEN 'another bank line credits the same direct debits' END
    FROM part e
    WINDOW w AS (PARTITION BY e.bank_line_id);
END $$;
COMMENT ON FUNCTION o2c._collections(bigint) IS
'The bank lines that credit direct debits and did not settle them yet, with these. A line has a problem unless its amount, as booked or before charges, is the sum of the direct debits that did not come back, or of these and those that came back later or by a line of their own.';

CREATE FUNCTION o2c._tie_collections(company_id bigint) RETURNS TABLE (payment_id bigint, settled_on date)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH found AS MATERIALIZED (
        SELECT c.* FROM o2c._collections(_tie_collections.company_id) c WHERE c.problem IS NULL
    ), tied AS (
        UPDATE o2c.direct_debit d SET bank_line_id = f.bank_line_id FROM found f
        WHERE d.company_id = _tie_collections.company_id AND d.direct_debit_id = f.direct_debit_id
    ), closed AS (
        UPDATE o2c.bank_line l SET payment_id = CASE WHEN f.alone THEN f.payment_id END, problem = NULL,
               closed_at = clock_timestamp(), closed_by = o2c.actor(), closed_note = 'settled direct debits'
        FROM (SELECT f.bank_line_id, f.alone, min(f.payment_id) AS payment_id FROM found f GROUP BY f.bank_line_id, f.alone) f
        WHERE l.company_id = _tie_collections.company_id AND l.bank_line_id = f.bank_line_id
    )
    SELECT f.payment_id, f.settled_on FROM found f WHERE f.captured ORDER BY f.payment_id;
END $$;
COMMENT ON FUNCTION o2c._tie_collections(bigint) IS
'Closes the bank lines that credit direct debits and agree with them. Result: the payments that are to be settled now, and the day. Runs inside a command only.';

CREATE FUNCTION o2c._follow_bank_lines(company_id bigint) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'o2c_follow_bank_lines' LANGUAGE C VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._follow_bank_lines(bigint) IS
'Settles the direct debits that bank lines credit, and reverses the payments that bank lines take back. Result: the latter lines.';

CREATE FUNCTION o2c._lock_bank_accounts(accounts bigint[], company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM o2c.bank_account a WHERE a.company_id = _lock_bank_accounts.company_id AND a.bank_account_id = ANY (accounts)
    ORDER BY a.bank_account_id FOR NO KEY UPDATE;
END $$;
COMMENT ON FUNCTION o2c._lock_bank_accounts(bigint[], bigint) IS 'Who imports for the same account waits here, and then knows what was booked.';

CREATE FUNCTION o2c._statement_entries(statement bigint, batch text, company_id bigint) RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.entry_key FROM (SELECT DISTINCT r.entry, r.entry_key FROM o2c.bank_line_import r
                             WHERE r.company_id = _statement_entries.company_id AND r.batch = _statement_entries.batch AND r.bank_statement_id = statement) e;
    IF NOT FOUND THEN
        RETURN QUERY
        SELECT e.entry_key FROM (SELECT b.entry_key, b.occurrence FROM o2c.bank_line b
                                 WHERE b.company_id = _statement_entries.company_id AND b.bank_statement_id = statement
                                 UNION
                                 SELECT b.entry_key, b.occurrence FROM o2c.bank_statement_entry b
                                 WHERE b.company_id = _statement_entries.company_id AND b.bank_statement_id = statement) e;
    END IF;
END $$;
COMMENT ON FUNCTION o2c._statement_entries(bigint, text, bigint) IS 'The key of each entry of a statement: of one in the batch as it is staged, else of what it told.';

CREATE FUNCTION o2c._may_hold(whole bigint, part bigint, batch text, company_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    enough boolean;
BEGIN
    -- what it has besides must lead from its opening balance to that of the part
    SELECT CASE WHEN p.opening_balance >= w.opening_balance THEN w.credits - p.credits
                ELSE (w.credits - w.turnover) - (p.credits - p.turnover) END >= abs(p.opening_balance - w.opening_balance) INTO enough
    FROM o2c.bank_statement w, o2c.bank_statement p
    WHERE w.company_id = _may_hold.company_id AND w.bank_statement_id = whole AND p.company_id = _may_hold.company_id AND p.bank_statement_id = part;
    RETURN enough AND NOT EXISTS (SELECT o2c._statement_entries(part, batch, _may_hold.company_id)
                                  EXCEPT ALL SELECT o2c._statement_entries(whole, batch, _may_hold.company_id));
END $$;
COMMENT ON FUNCTION o2c._may_hold(bigint, bigint, text, bigint) IS 'Whether a statement may repeat another one: it has all its entries, and enough others to come to its opening balance.';

CREATE FUNCTION o2c._statements_around(statement bigint, company_id bigint) RETURNS TABLE (other bigint, certain boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    s record;
BEGIN
    SELECT b.* INTO s FROM o2c.bank_statement b WHERE b.company_id = _statements_around.company_id AND b.bank_statement_id = statement;
    RETURN QUERY
    SELECT b.bank_statement_id, true FROM o2c.bank_statement b
    WHERE b.company_id = _statements_around.company_id AND b.bank_account_id = s.bank_account_id AND b.reference = s.reference AND b.kind = s.kind AND b.page <> s.page
      AND (b.sequence_number, b.created_on, b.from_on, b.to_on) IS NOT DISTINCT FROM (s.sequence_number, s.created_on, s.from_on, s.to_on);
    IF NOT s.ties THEN
        RETURN;
    END IF;
    RETURN QUERY
    -- step by step by the indexes: of some that begin with one balance a few will do
    WITH RECURSIVE later AS (
        SELECT s.bank_statement_id, s.opening_balance, s.closing_balance, s.reference, 0 AS step
        UNION
        SELECT n.*, l.step + 1 FROM later l
        CROSS JOIN LATERAL (SELECT b.bank_statement_id, b.opening_balance, b.closing_balance, b.reference FROM o2c.bank_statement b
                            WHERE b.company_id = _statements_around.company_id AND b.bank_account_id = s.bank_account_id AND b.ties AND b.opening_balance = l.closing_balance
                            ORDER BY b.bank_statement_id LIMIT 20) n
        WHERE l.step < 50
    ), earlier AS (
        SELECT s.bank_statement_id, s.opening_balance, s.closing_balance, s.reference, 0 AS step
        UNION
        SELECT n.*, e.step + 1 FROM earlier e
        CROSS JOIN LATERAL (SELECT b.bank_statement_id, b.opening_balance, b.closing_balance, b.reference FROM o2c.bank_statement b
                            WHERE b.company_id = _statements_around.company_id AND b.bank_account_id = s.bank_account_id AND b.ties AND b.closing_balance = e.opening_balance
                            ORDER BY b.bank_statement_id LIMIT 20) n
        WHERE e.step < 50
    )
    SELECT o.bank_statement_id, false FROM (TABLE later UNION TABLE earlier) o
    -- one with the same id, or that begins where it does, may be another edition of it
    WHERE o.reference <> s.reference AND o.opening_balance <> s.opening_balance;
END $$;
COMMENT ON FUNCTION o2c._statements_around(bigint, bigint) IS
'The other pages of a statement, which certainly share no entry with it, and the statements that by their balances come before or after it, up to 50 steps away.';

CREATE FUNCTION o2c._taken_occurrences(batch text, company_id bigint)
RETURNS TABLE (bank_account_id bigint, entry_key text, import_ids bigint[], entries bigint, taken bigint[])
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH staged AS MATERIALIZED (
        SELECT r.bank_account_id, r.bank_statement_id, r.entry_key, array_agg(r.import_id) AS import_ids, count(DISTINCT r.entry) AS entries, min(r.entry) AS first_entry
        FROM o2c.bank_line_import r
        WHERE r.company_id = _taken_occurrences.company_id AND r.batch = _taken_occurrences.batch AND r.bank_statement_id IS NOT NULL AND r.kind IS NULL
        GROUP BY r.bank_account_id, r.bank_statement_id, r.entry_key
    ), mine AS MATERIALIZED (
        SELECT DISTINCT s.bank_statement_id FROM staged s
        WHERE EXISTS (SELECT FROM o2c.bank_line b WHERE b.company_id = _taken_occurrences.company_id AND b.bank_account_id = s.bank_account_id AND b.entry_key = s.entry_key)
    ), around AS MATERIALIZED (
        SELECT DISTINCT m.bank_statement_id, o.other, o.certain FROM mine m CROSS JOIN LATERAL o2c._statements_around(m.bank_statement_id, _taken_occurrences.company_id) o
        UNION
        SELECT m.bank_statement_id, r.bank_statement_id, true FROM mine m CROSS JOIN o2c.bank_line_import r
        WHERE r.company_id = _taken_occurrences.company_id AND r.batch = _taken_occurrences.batch AND r.kind = 'known'
    ), told AS MATERIALIZED (
        SELECT s.bank_account_id, s.bank_statement_id, s.entry_key, o.other, o.certain, b.occurrence
        FROM staged s
        JOIN around o ON o.bank_statement_id = s.bank_statement_id
        JOIN o2c.bank_line b ON b.company_id = _taken_occurrences.company_id AND b.bank_account_id = s.bank_account_id AND b.entry_key = s.entry_key AND b.bank_statement_id = o.other
        UNION
        SELECT s.bank_account_id, s.bank_statement_id, s.entry_key, o.other, o.certain, b.occurrence
        FROM staged s
        JOIN around o ON o.bank_statement_id = s.bank_statement_id
        JOIN o2c.bank_statement_entry b ON b.company_id = _taken_occurrences.company_id AND b.bank_account_id = s.bank_account_id AND b.entry_key = s.entry_key AND b.bank_statement_id = o.other
    ), apart AS MATERIALIZED (
        SELECT p.bank_statement_id, p.other
        FROM (SELECT DISTINCT t.bank_statement_id, t.other, t.certain FROM told t) p
        WHERE p.certain OR NOT (o2c._may_hold(p.bank_statement_id, p.other, _taken_occurrences.batch, _taken_occurrences.company_id)
                                OR o2c._may_hold(p.other, p.bank_statement_id, _taken_occurrences.batch, _taken_occurrences.company_id))
    ), taken AS MATERIALIZED (
        SELECT t.bank_account_id, t.bank_statement_id, t.entry_key, array_agg(DISTINCT t.occurrence) AS occurrences
        FROM told t JOIN apart p ON p.bank_statement_id = t.bank_statement_id AND p.other = t.other
        GROUP BY t.bank_account_id, t.bank_statement_id, t.entry_key
    )
    SELECT s.bank_account_id, s.entry_key, s.import_ids, s.entries, coalesce(t.occurrences, '{}')
    FROM staged s
    LEFT JOIN taken t ON t.bank_account_id = s.bank_account_id AND t.bank_statement_id = s.bank_statement_id AND t.entry_key = s.entry_key
    WHERE EXISTS (SELECT FROM taken k WHERE k.bank_account_id = s.bank_account_id AND k.entry_key = s.entry_key)
    ORDER BY s.bank_account_id, s.entry_key, s.first_entry;
END $$;
COMMENT ON FUNCTION o2c._taken_occurrences(text, bigint) IS
'The staged entries of new statements that are equal to entries of statements which share none with theirs, as do those of the same file: for each statement the occurrences that its entries are not.';

CREATE FUNCTION o2c._number_bank_lines(batch text, company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    g record;
    before text;
    free bigint[];
    used bigint[];
BEGIN
    -- the n-th equal entry of a file is one of its own
    UPDATE o2c.bank_line_import r SET occurrence = c.occurrence
    FROM (SELECT r.import_id, dense_rank() OVER (PARTITION BY r.bank_account_id, r.entry_key ORDER BY coalesce(r.entry, r.import_id)) AS occurrence
          FROM o2c.bank_line_import r WHERE r.company_id = _number_bank_lines.company_id AND r.batch = _number_bank_lines.batch AND r.kind IS NULL) c
    WHERE r.company_id = _number_bank_lines.company_id AND r.import_id = c.import_id;
    -- and not that of a statement which shares none with its own
    FOR g IN SELECT * FROM o2c._taken_occurrences(_number_bank_lines.batch, _number_bank_lines.company_id) LOOP
        IF before IS DISTINCT FROM concat_ws('/', g.bank_account_id, g.entry_key) THEN
            used := '{}';
        END IF;
        free := ARRAY(SELECT n FROM generate_series(1, g.entries + cardinality(g.taken) + cardinality(used)) n
                      EXCEPT SELECT unnest(g.taken || used) ORDER BY 1 LIMIT g.entries);
        UPDATE o2c.bank_line_import r SET occurrence = free[e.nth]
        FROM (SELECT r.import_id, dense_rank() OVER (ORDER BY r.entry) AS nth FROM o2c.bank_line_import r
              WHERE r.company_id = _number_bank_lines.company_id AND r.import_id = ANY (g.import_ids)) e
        WHERE r.company_id = _number_bank_lines.company_id AND r.import_id = e.import_id;
        used := used || free;
        before := concat_ws('/', g.bank_account_id, g.entry_key);
    END LOOP;
END $$;
COMMENT ON FUNCTION o2c._number_bank_lines(text, bigint) IS 'Tells equal entries of a batch apart, from each other and from those of statements that share none with theirs.';

CREATE FUNCTION o2c._sort_bank_lines(batch text, company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    UPDATE o2c.bank_line_import r
    SET kind = CASE WHEN c.known THEN 'known'
                    WHEN r.status <> 'BOOK' OR r.amount = 0 THEN 'information'
                    WHEN r.amount > 0 THEN CASE WHEN c.takes_back OR c.charge THEN 'correction' WHEN c.direct_debit THEN 'collection' ELSE 'receipt' END
                    WHEN c.takes_back THEN 'return' WHEN c.charge THEN 'charge' ELSE 'debit' END
    FROM (SELECT r.import_id, o2c._takes_back(r.reversal, r.return_reason, r.subfamily, r.proprietary_code) AS takes_back,
                 coalesce(r.subfamily IN ('CHRG', 'COMM', 'COME', 'COMI', 'COMT', 'FEES'), false) AS charge,
                 EXISTS (SELECT FROM o2c.direct_debit t WHERE t.company_id = _sort_bank_lines.company_id AND t.end_to_end_id = o2c.account_key(r.end_to_end_id))
                 OR EXISTS (SELECT FROM o2c.direct_debit_batch t WHERE t.company_id = _sort_bank_lines.company_id
                              AND t.message_id IN (r.batch_reference, regexp_replace(r.batch_reference, '-[0-9]+$', ''))) AS direct_debit,
                 -- a whole batch that nobody has worked on gives way to its transactions
                 EXISTS (SELECT FROM o2c.bank_line b
                         LEFT JOIN o2c.payment p ON p.company_id = b.company_id AND p.payment_id = b.payment_id
                         WHERE b.company_id = _sort_bank_lines.company_id AND b.bank_account_id = r.bank_account_id
                           AND b.entry_key = r.entry_key AND b.occurrence = r.occurrence
                           AND NOT (r.position > 0 AND b.position = 0 AND b.closed_at IS NULL
                                    AND (b.payment_id IS NULL OR (p.state = 'received' AND p.customer_id IS NULL)))) AS known
          FROM o2c.bank_line_import r
          WHERE r.company_id = _sort_bank_lines.company_id AND r.batch = _sort_bank_lines.batch AND r.kind IS NULL) c
    WHERE r.company_id = _sort_bank_lines.company_id AND r.import_id = c.import_id;
END $$;
COMMENT ON FUNCTION o2c._sort_bank_lines(text, bigint) IS 'Says of each line of a batch what it is: known, or the kind of a new one. Lines of statements that came before are known already.';

CREATE FUNCTION o2c._give_way(batch text, company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    whole record;
BEGIN
    FOR whole IN SELECT DISTINCT b.bank_line_id, b.payment_id, b.booked_on
                 FROM o2c.bank_line_import r
                 JOIN o2c.bank_line b ON b.company_id = _give_way.company_id AND b.bank_account_id = r.bank_account_id
                     AND b.entry_key = r.entry_key AND b.occurrence = r.occurrence AND b.position = 0
                 WHERE r.company_id = _give_way.company_id AND r.batch = _give_way.batch AND r.kind <> 'known' AND r.position > 0
                 ORDER BY b.bank_line_id LOOP
        IF whole.payment_id IS NOT NULL THEN
            PERFORM o2c.void_payment(whole.payment_id, whole.booked_on, 'booked as its transactions', company_id => _give_way.company_id);
        END IF;
        UPDATE o2c.bank_line b SET closed_at = clock_timestamp(), closed_by = o2c.actor(), closed_note = 'booked as its transactions'
        WHERE b.company_id = _give_way.company_id AND b.bank_line_id = whole.bank_line_id;
    END LOOP;
END $$;
COMMENT ON FUNCTION o2c._give_way(text, bigint) IS 'Voids and closes the lines of whole batches whose transactions are told now.';

CREATE FUNCTION o2c._book_receipts(batch text, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    booking text := 'bank lines ' || gen_random_uuid();
    expected bigint;
BEGIN
    INSERT INTO o2c.payment_import (company_id, batch, reference, received_on, amount, charges, currency, method, payer_name, payer_account, provider, provider_reference)
    SELECT _book_receipts.company_id, booking, left(coalesce(nullif(concat_ws(' ', r.structured_reference, r.document_numbers, r.remittance), ''), nullif(concat_ws(' ', r.end_to_end_id, r.information), '')), 4000),
           -- the amount is net of what banks kept
           r.booked_on, r.amount, CASE WHEN r.charges > 0 AND coalesce(r.charges_currency, r.currency) = r.currency THEN r.charges END, r.currency,
           CASE r.family WHEN 'IDDT' THEN 'direct_debit' WHEN 'CCRD' THEN 'card' WHEN 'MCRD' THEN 'card' WHEN 'ICHQ' THEN 'cheque' WHEN 'RCHQ' THEN 'cheque'
                         WHEN 'CNTR' THEN 'cash' ELSE 'transfer' END,
           r.party_name, r.party_account, a.account, concat_ws('/', r.entry_key, r.occurrence, r.position)
    FROM o2c.bank_line_import r
    JOIN o2c.bank_account a ON a.company_id = _book_receipts.company_id AND a.bank_account_id = r.bank_account_id
    WHERE r.company_id = _book_receipts.company_id AND r.batch = _book_receipts.batch AND r.kind = 'receipt'
    ORDER BY r.import_id;
    GET DIAGNOSTICS expected = ROW_COUNT;
    IF expected > 0 AND o2c._load_payments(booking, _book_receipts.company_id) <> expected THEN
        RAISE EXCEPTION 'payments of bank lines could not be booked' USING ERRCODE = 'OC101',
            DETAIL = 'They are there already, recorded by something else with the account as its provider.',
            HINT = 'Keep the numbers of bank accounts free as providers of payments: imports of bank lines use them.';
    END IF;
    RETURN expected;
END $$;
COMMENT ON FUNCTION o2c._book_receipts(text, bigint) IS 'Books the receipts of a batch as payments, by the door of payments. Result: how many.';

CREATE FUNCTION o2c._add_bank_lines(batch text, company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO o2c.bank_line (
        company_id, bank_account_id, bank_statement_id, entry_key, occurrence, position, kind, status, booked_on, value_on, amount, currency, charges, charges_currency,
        original_amount, original_currency, exchange_rate, bank_reference, end_to_end_id, transaction_id, batch_reference, mandate, structured_reference, document_numbers,
        remittance, information, party_name, ultimate_party, party_account, party_bic, domain, family, subfamily, proprietary_code, return_reason, reversal, payment_id, problem)
    SELECT _add_bank_lines.company_id, r.bank_account_id, r.bank_statement_id, r.entry_key, r.occurrence, r.position, r.kind, r.status, r.booked_on, r.value_on,
           o2c.round_money(r.amount, r.currency), r.currency, coalesce(o2c.round_money(r.charges, coalesce(r.charges_currency, r.currency)), 0),
           CASE WHEN r.charges IS NOT NULL THEN coalesce(r.charges_currency, r.currency) END,
           o2c.round_money(r.original_amount, coalesce(r.original_currency, r.currency)), CASE WHEN r.original_amount IS NOT NULL THEN coalesce(r.original_currency, r.currency) END,
           r.exchange_rate, r.bank_reference, r.end_to_end_id, r.transaction_id, r.batch_reference, r.mandate, r.structured_reference, r.document_numbers,
           r.remittance, r.information, r.party_name, r.ultimate_party, r.party_account, r.party_bic, r.domain, r.family, r.subfamily, r.proprietary_code, r.return_reason,
           coalesce(r.reversal, false), p.payment_id, r.note
    FROM o2c.bank_line_import r
    JOIN o2c.bank_account a ON a.company_id = _add_bank_lines.company_id AND a.bank_account_id = r.bank_account_id
    LEFT JOIN o2c.payment p ON p.company_id = _add_bank_lines.company_id AND r.kind = 'receipt'
        AND p.provider = a.account AND p.provider_reference = concat_ws('/', r.entry_key, r.occurrence, r.position)
    WHERE r.company_id = _add_bank_lines.company_id AND r.batch = _add_bank_lines.batch AND r.kind <> 'known'
    ORDER BY r.import_id
    ON CONFLICT (company_id, bank_account_id, entry_key, occurrence, position) DO NOTHING;
    INSERT INTO o2c.bank_statement_entry (company_id, bank_account_id, entry_key, occurrence, bank_statement_id)
    SELECT DISTINCT _add_bank_lines.company_id, r.bank_account_id, r.entry_key, r.occurrence, r.bank_statement_id
    FROM o2c.bank_line_import r
    WHERE r.company_id = _add_bank_lines.company_id AND r.batch = _add_bank_lines.batch AND r.kind = 'known' AND r.bank_statement_id IS NOT NULL AND r.occurrence IS NOT NULL
    ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION o2c._add_bank_lines(text, bigint) IS 'Keeps the new lines of a batch, and which statement tells again of a known one.';

CREATE FUNCTION o2c._book_bank_lines(batch text, company_id bigint)
RETURNS TABLE (bank_statement_id bigint, bank_account_id bigint, lines bigint, new_lines bigint, payments bigint, received numeric, taken_back bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    receipts bigint;
    counted jsonb;
    returns bigint[];
BEGIN
    PERFORM o2c._lock_bank_accounts((SELECT array_agg(DISTINCT r.bank_account_id) FROM o2c.bank_line_import r
                                     WHERE r.company_id = _book_bank_lines.company_id AND r.batch = _book_bank_lines.batch), _book_bank_lines.company_id);
    PERFORM o2c._number_bank_lines(_book_bank_lines.batch, _book_bank_lines.company_id);
    PERFORM o2c._sort_bank_lines(_book_bank_lines.batch, _book_bank_lines.company_id);
    PERFORM o2c._give_way(_book_bank_lines.batch, _book_bank_lines.company_id);
    receipts := o2c._book_receipts(_book_bank_lines.batch, _book_bank_lines.company_id);
    PERFORM o2c._add_bank_lines(_book_bank_lines.batch, _book_bank_lines.company_id);

    WITH gone AS (
        DELETE FROM o2c.bank_line_import r WHERE r.company_id = _book_bank_lines.company_id AND r.batch = _book_bank_lines.batch
        RETURNING r.bank_statement_id, r.bank_account_id, r.kind, r.amount, r.currency
    )
    SELECT coalesce(jsonb_agg(g), '[]') INTO counted
    FROM (SELECT g.bank_statement_id, g.bank_account_id, count(*) AS lines, count(*) FILTER (WHERE g.kind <> 'known') AS new_lines,
                 count(*) FILTER (WHERE g.kind = 'receipt') AS payments, CASE WHEN count(DISTINCT g.currency) = 1 THEN coalesce(sum(o2c.round_money(g.amount, g.currency)) FILTER (WHERE g.kind = 'receipt'), 0) END AS received
          FROM gone g GROUP BY g.bank_statement_id, g.bank_account_id) g;
    PERFORM o2c._take_statistics(receipts, 'o2c.bank_line');
    returns := o2c._follow_bank_lines(_book_bank_lines.company_id);
    UPDATE o2c.bank_line l SET problem = c.problem FROM o2c._collections(_book_bank_lines.company_id) c
    WHERE l.company_id = _book_bank_lines.company_id AND l.bank_line_id = c.bank_line_id AND l.problem IS DISTINCT FROM c.problem;

    RETURN QUERY
    SELECT c.bank_statement_id, c.bank_account_id, c.lines, c.new_lines, c.payments, c.received,
           (SELECT count(*) FROM o2c.bank_line l
            WHERE l.company_id = _book_bank_lines.company_id AND l.bank_line_id = ANY (returns)
              AND l.bank_account_id = c.bank_account_id AND l.bank_statement_id IS NOT DISTINCT FROM c.bank_statement_id)
    FROM jsonb_to_recordset(counted) AS c (bank_statement_id bigint, bank_account_id bigint, lines bigint, new_lines bigint, payments bigint, received numeric);
END $$;
COMMENT ON FUNCTION o2c._book_bank_lines(text, bigint) IS
'Takes the judged rows of a batch in: those that are not known become lines, credits become payments by the door of payments or settle the direct debits that they are of, and returns take theirs back.';

CREATE FUNCTION o2c._staged_totals(batch text, company_id bigint) RETURNS TABLE (bank_statement_id bigint, totals jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.bank_statement_id, jsonb_build_object(
               'turnover', sum(e.amount) FILTER (WHERE e.status = 'BOOK' AND e.currency = s.currency),
               'booked_credits', sum(e.amount) FILTER (WHERE e.status = 'BOOK' AND e.currency = s.currency AND e.amount > 0),
               'content', md5(string_agg(e.content, ' ' ORDER BY e.content)),
               'credits', sum(e.amount) FILTER (WHERE e.amount > 0), 'debits', - sum(e.amount) FILTER (WHERE e.amount < 0),
               'foreign_entries', count(*) FILTER (WHERE e.currency <> s.currency))
    -- a batch is several lines of one entry
    FROM (SELECT r.entry, r.bank_statement_id, r.bank_account_id, r.entry_amount AS amount, r.currency, r.status,
                 r.entry_key || string_agg(format('/%s/%s', r.position, trim_scale(r.amount)), '' ORDER BY r.position) AS content
          FROM o2c.bank_line_import r
          WHERE r.company_id = _staged_totals.company_id AND r.batch = _staged_totals.batch
          GROUP BY r.entry, r.bank_statement_id, r.bank_account_id, r.entry_amount, r.currency, r.status, r.entry_key) e
    JOIN o2c.bank_account s ON s.company_id = _staged_totals.company_id AND s.bank_account_id = e.bank_account_id
    GROUP BY e.bank_statement_id;
END $$;
COMMENT ON FUNCTION o2c._staged_totals(text, bigint) IS 'The sums of the staged entries of each statement, in its currency, which is its account''s.';

CREATE FUNCTION o2c._record_statement(statement jsonb, totals jsonb, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    s record;
    f record;
    e record;
    whole boolean;
    this text;
    page_no integer;
    there bigint;
    other bigint;
BEGIN
    SELECT * INTO s FROM jsonb_to_record(statement) AS s (
        bank_statement_id bigint, bank_account_id bigint, kind text, reference text, sequence_number text, page text, last_page text, message text,
        created text, from_on text, to_on text, currency text, entries bigint, announced text, credits text, debits text, balances jsonb);
    SELECT coalesce(t.turnover, 0) AS turnover, coalesce(t.booked_credits, 0) AS booked_credits, coalesce(t.credits, 0) AS credits, coalesce(t.debits, 0) AS debits,
           t.foreign_entries, t.content INTO e
    FROM jsonb_to_record(coalesce(totals, '{}')) AS t (turnover numeric, booked_credits numeric, credits numeric, debits numeric, foreign_entries bigint, content text);
    SELECT (array_agg(b.amount ORDER BY b.kind, b.n) FILTER (WHERE b.kind IN ('OPBD', 'PRCD') AND b.currency = s.currency))[1] AS opening,
           (array_agg(b.amount ORDER BY b.n) FILTER (WHERE b.kind = 'CLBD' AND b.currency = s.currency))[1] AS closing,
           bool_or(b.kind IN ('OPBD', 'CLBD') AND b.currency <> s.currency) AS mixed,
           string_agg(format('%s in %s', b.kind, b.currency), ', ' ORDER BY b.n) FILTER (WHERE b.kind IN ('OPBD', 'CLBD') AND b.currency <> s.currency) AS others
    INTO f
    FROM (SELECT b.n, b.said ->> 'kind' AS kind, (b.said ->> 'amount')::numeric AS amount, b.said ->> 'currency' AS currency
          FROM jsonb_array_elements(s.balances) WITH ORDINALITY b (said, n)) b;
    -- only a statement in one piece can be added up
    page_no := CASE WHEN s.page ~ '^[0-9]{1,9}$' THEN s.page::integer END;
    whole := coalesce(s.page, '1') = '1' AND coalesce(s.last_page, 'true') IN ('true', '1');
    this := md5(jsonb_build_array(s.kind, s.reference, s.sequence_number, s.page, s.from_on, s.to_on, s.currency, s.balances, s.entries, e.content)::text);
    SELECT min(b.bank_statement_id) FILTER (WHERE b.digest = this), max(b.bank_statement_id) INTO there, other FROM o2c.bank_statement b
    WHERE b.company_id = _record_statement.company_id AND b.bank_account_id = s.bank_account_id AND b.kind = s.kind AND b.reference = s.reference
      AND b.page IS NOT DISTINCT FROM page_no;
    IF there IS NOT NULL THEN
        RETURN there;
    END IF;
    INSERT INTO o2c.bank_statement (company_id, bank_statement_id, bank_account_id, kind, reference, sequence_number, page, last_page, message, created_on, from_on, to_on,
                                    currency, opening_balance, closing_balance, balances, entries, turnover, credits, digest, problem)
    VALUES (_record_statement.company_id, s.bank_statement_id, s.bank_account_id, s.kind, s.reference,
            CASE WHEN s.sequence_number ~ '^[0-9]{1,18}$' THEN s.sequence_number::bigint END, page_no,
            coalesce(s.last_page, 'true') IN ('true', '1'), s.message, o2c._iso_date(s.created), o2c._iso_date(s.from_on), o2c._iso_date(s.to_on), s.currency,
            o2c.round_money(f.opening, s.currency), o2c.round_money(f.closing, s.currency), s.balances, s.entries, o2c.round_money(e.turnover, s.currency),
            o2c.round_money(e.booked_credits, s.currency), this,
            nullif(concat_ws('; ',
                CASE WHEN other IS NOT NULL THEN format('it came before with other content, as bank statement %s', other) END,
                CASE WHEN f.mixed THEN 'balances in other currencies: ' || f.others END,
                CASE WHEN e.foreign_entries > 0 THEN format('%s entries are not in %s', e.foreign_entries, s.currency) END,
                CASE WHEN whole AND f.opening + e.turnover <> f.closing
                     THEN format('opening balance %s and entries of %s make %s, not %s', o2c.round_money(f.opening, s.currency), o2c.round_money(e.turnover, s.currency),
                                 o2c.round_money(f.opening + e.turnover, s.currency), o2c.round_money(f.closing, s.currency)) END,
                CASE WHEN whole AND o2c._decimal(s.announced) <> s.entries THEN format('it announces %s entries and has %s', s.announced, s.entries) END,
                CASE WHEN whole AND o2c._decimal(s.credits) <> e.credits THEN format('it announces credits of %s and has %s', s.credits, e.credits) END,
                CASE WHEN whole AND o2c._decimal(s.debits) <> e.debits THEN format('it announces debits of %s and has %s', s.debits, e.debits) END), ''))
    -- one that this snapshot does not see is an error of serialization
    ON CONFLICT (company_id, bank_account_id, digest) DO NOTHING;
    RETURN s.bank_statement_id;
END $$;
COMMENT ON FUNCTION o2c._record_statement(jsonb, jsonb, bigint) IS
'Records a statement with the sums of its entries and what does not agree in it. Result: its id, that of the same statement when it came before.';

CREATE FUNCTION o2c._own_account(number text, currency text, bic text, owner text, fallback text, add_accounts boolean, company_id bigint,
                                 OUT bank_account_id bigint, OUT account_currency text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    key text := o2c.account_key(number);
    wanted text := coalesce(currency, fallback);
    found_active boolean;
BEGIN
    -- the account in this currency; one that names none may be our only one of that number
    SELECT a.bank_account_id, a.currency, a.active INTO bank_account_id, account_currency, found_active
    FROM o2c.bank_account a
    WHERE a.company_id = _own_account.company_id AND a.account = key
      AND (a.currency = wanted OR (_own_account.currency IS NULL
           AND (SELECT count(*) FROM o2c.bank_account b WHERE b.company_id = _own_account.company_id AND b.account = key) = 1))
    ORDER BY a.currency = wanted DESC LIMIT 1;
    IF NOT found_active THEN
        RAISE EXCEPTION 'bank account "%" is not active', number USING ERRCODE = 'OC002', HINT = 'Set o2c.bank_account.active, or do not import its statements.';
    END IF;
    IF bank_account_id IS NOT NULL THEN
        RETURN;
    END IF;
    account_currency := coalesce(wanted, (SELECT c.currency FROM o2c.company c WHERE c.company_id = _own_account.company_id));
    IF coalesce(key, '') = '' OR length(key) > 140 THEN
        RAISE EXCEPTION 'the account "%" is not an account number', left(number, 40) USING ERRCODE = 'OC204', HINT = 'Acct/Id holds an IBAN, or another number in Othr/Id.';
    END IF;
    IF NOT coalesce(add_accounts, true) THEN
        RAISE EXCEPTION 'there is no bank account "%" in %', number, account_currency
            USING ERRCODE = 'OC001', HINT = 'Insert it into o2c.bank_account, or call with add_accounts => true. Is it the right company?';
    END IF;
    INSERT INTO o2c.bank_account (company_id, account, currency, name, bic)
    VALUES (_own_account.company_id, key, account_currency, left(owner, 140), CASE WHEN bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$' THEN bic END)
    ON CONFLICT ON CONSTRAINT bank_account_key DO UPDATE SET active = true
    RETURNING o2c.bank_account.bank_account_id INTO bank_account_id;
END $$;
COMMENT ON FUNCTION o2c._own_account(text, text, text, text, text, boolean, bigint) IS 'The company''s bank account that a statement is of; a new one is added unless that is not wanted.';

CREATE FUNCTION o2c._camt_path(document xml, OUT xmlns text, OUT kind text, OUT path text, OUT message text)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    root text;
BEGIN
    IF octet_length(document::text) > 256 * 1024 * 1024 THEN
        RAISE EXCEPTION 'the document has more than 256 MB' USING ERRCODE = 'OC204', HINT = 'Split it, or import its lines with o2c.load_bank_lines().';
    END IF;
    -- one in a comment or a text is none
    IF strpos(document::text, '<!DOCTYPE') > 0 AND document::text ~ '^(\s|<\?.*?\?>|<!--.*?-->)*<!DOCTYPE' THEN
        RAISE EXCEPTION 'the document has a document type declaration' USING ERRCODE = 'OC204', HINT = 'Messages of ISO 20022 have none; entities are not expanded.';
    END IF;
    BEGIN
        SELECT r.root, r.xmlns, nullif(r.message, '') INTO root, xmlns, message
        FROM XMLTABLE('/*' PASSING document COLUMNS root text PATH 'local-name()', xmlns text PATH 'namespace-uri()',
                      message text PATH 'normalize-space(*/*[local-name() = "GrpHdr"]/*[local-name() = "MsgId"])') r;
    EXCEPTION WHEN invalid_xml_document THEN
        RAISE EXCEPTION 'this is not an XML document' USING ERRCODE = 'OC204', DETAIL = SQLERRM, HINT = 'It has one root element, Document.';
    END;
    IF root <> 'Document' THEN
        RAISE EXCEPTION 'the root element of the document is "%", not Document', left(root, 40) USING ERRCODE = 'OC204', HINT = 'Take the message out of what it is wrapped in.';
    END IF;
    IF coalesce(xmlns, '') !~ '^urn:iso:std:iso:20022:tech:xsd:camt\.05[34]\.001\.(0[2-9]|[1-9][0-9])$' THEN
        RAISE EXCEPTION 'the document is not a camt.053 or camt.054 message of version 2 or later'
            USING ERRCODE = 'OC204', DETAIL = format('The namespace of its root element Document is %L.', left(coalesce(xmlns, ''), 200)),
                  HINT = 'Intraday reports (camt.052) are not booked; other formats come in by o2c.import_bank_lines() and o2c.load_bank_lines().';
    END IF;
    kind := CASE WHEN strpos(xmlns, 'camt.053') > 0 THEN 'statement' ELSE 'notification' END;
    path := CASE kind WHEN 'statement' THEN '/c:Document/c:BkToCstmrStmt/c:Stmt' ELSE '/c:Document/c:BkToCstmrDbtCdtNtfctn/c:Ntfctn' END;
END $$;
COMMENT ON FUNCTION o2c._camt_path(xml) IS 'What kind of camt message a document is, its namespace, the way to its statements, and its id. Errors: OC204.';

CREATE FUNCTION o2c._camt_balances(document xml, xmlns text, path text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    balances jsonb;
    wrong jsonb;
BEGIN
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', b.kind, 'amount', o2c._decimal(b.amount) * CASE b.indicator WHEN 'DBIT' THEN -1 ELSE 1 END,
                                                 'currency', b.currency, 'day', o2c._iso_date(b.day)) ORDER BY b.no), '[]'),
           (jsonb_agg(to_jsonb(b) ORDER BY b.no) FILTER (WHERE
               (o2c._decimal(b.amount) >= 0 AND b.indicator IN ('CRDT', 'DBIT') AND b.kind <> '' AND o2c._date_problem(o2c._iso_date(b.day)) IS NULL
                AND u.currency IS NOT NULL AND o2c._amount_problem(o2c._decimal(b.amount), u.currency) IS NULL) IS NOT TRUE)) -> 0
    INTO balances, wrong
    FROM o2c._read_balances(document, xmlns, path) b LEFT JOIN o2c.currency u ON u.currency = b.currency;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'balance % of the document cannot be read', wrong ->> 'no' USING ERRCODE = 'OC204',
            DETAIL = format('It is type %L, amount %L, currency %L, indicator %L, date %L.', left(wrong ->> 'kind', 40), left(wrong ->> 'amount', 40),
                            left(wrong ->> 'currency', 40), left(wrong ->> 'indicator', 40), left(wrong ->> 'day', 40)),
            HINT = 'It needs an amount that its currency can have, CRDT or DBIT, and a date from 1900 to 2199.';
    END IF;
    RETURN balances;
END $$;
COMMENT ON FUNCTION o2c._camt_balances(xml, text, text) IS 'The balances of a camt document in its order. Errors: OC204.';

CREATE FUNCTION o2c._statement_problem(statement jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wrong record;
BEGIN
    IF coalesce(statement ->> 'reference', '') = '' THEN
        RETURN 'the id is missing';
    ELSIF greatest(length(statement ->> 'reference'), length(statement ->> 'message')) > 140 THEN
        RETURN 'the id of it or of the message is longer than 140 characters';
    END IF;
    SELECT d.what, d.said INTO wrong
    FROM (VALUES ('creation date', statement ->> 'created'), ('first day', statement ->> 'from_on'), ('last day', statement ->> 'to_on')) AS d (what, said)
    WHERE d.said IS NOT NULL AND o2c._date_problem(o2c._iso_date(d.said)) IS NOT NULL LIMIT 1;
    RETURN CASE WHEN wrong.what IS NOT NULL THEN format('the %s %L is not a date from 1900 to 2199', wrong.what, left(wrong.said, 40)) END;
END $$;
COMMENT ON FUNCTION o2c._statement_problem(jsonb) IS 'What is wrong with the id and the dates of a statement, or null.';

CREATE FUNCTION o2c._camt_statements(document xml, way jsonb, add_accounts boolean, company_id bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    xmlns text := way ->> 'xmlns';
    path text := way ->> 'path';
    said_balances jsonb := o2c._camt_balances(document, xmlns, path);
    statements jsonb;
    wrong record;
BEGIN
    WITH statement AS MATERIALIZED (
        SELECT s.*, sum(s.entries) OVER (ORDER BY s.no) AS upto, sum(s.balances) OVER (ORDER BY s.no) AS balances_upto
        FROM o2c._read_statements(document, xmlns, path) s
    ), balance AS MATERIALIZED (
        SELECT s.no, jsonb_agg(b.said ORDER BY b.n) AS balances
        FROM statement s
        CROSS JOIN LATERAL generate_series(s.balances_upto - s.balances + 1, s.balances_upto) n
        JOIN jsonb_array_elements(said_balances) WITH ORDINALITY b (said, n) ON b.n = n.n
        GROUP BY s.no
    )
    SELECT jsonb_agg(jsonb_build_object(
               'no', s.no, 'bank_statement_id', nextval('o2c.bank_statement_id_seq'), 'bank_account_id', a.bank_account_id, 'kind', way ->> 'kind', 'reference', s.reference,
               'sequence_number', nullif(s.sequence_number, ''), 'page', nullif(s.page, ''), 'last_page', nullif(s.last_page, ''),
               'message', way ->> 'message',
               'created', nullif(s.created, ''), 'from_on', nullif(s.from_on, ''), 'to_on', nullif(s.to_on, ''), 'currency', a.account_currency,
               'entries', s.entries, 'first_entry', s.upto - s.entries + 1, 'last_entry', s.upto, 'announced', nullif(s.announced, ''), 'credits', nullif(s.credits, ''),
               'debits', nullif(s.debits, ''), 'day', coalesce(o2c._iso_date(s.to_on), o2c._iso_date(s.created)),
               'balances', coalesce(s.balance_list, '[]')) ORDER BY s.no)
    INTO statements
    FROM (SELECT s.*, b.balances AS balance_list FROM statement s
          LEFT JOIN balance b ON b.no = s.no
          -- new accounts are added in one order: two files at once do not wait for each other
          ORDER BY o2c.account_key(s.account), s.currency, s.balance_currency, s.entry_currency) s
    CROSS JOIN LATERAL o2c._own_account(s.account, coalesce(nullif(s.currency, ''), nullif(s.balance_currency, '')), s.bic, nullif(s.owner, ''), nullif(s.entry_currency, ''), add_accounts, _camt_statements.company_id) a;
    IF statements IS NULL THEN
        RAISE EXCEPTION 'the document has no %', way ->> 'kind' USING ERRCODE = 'OC204', HINT = format('It is looked for at %s.', replace(path, 'c:', ''));
    END IF;
    SELECT e.n, o2c._statement_problem(e.statement) AS problem INTO wrong
    FROM jsonb_array_elements(statements) WITH ORDINALITY e (statement, n)
    WHERE o2c._statement_problem(e.statement) IS NOT NULL ORDER BY e.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% % of the document: %', way ->> 'kind', wrong.n, wrong.problem
            USING ERRCODE = 'OC204', HINT = 'Nothing of the document was booked. Ask the bank for a correct one.';
    END IF;
    RETURN statements;
END $$;
COMMENT ON FUNCTION o2c._camt_statements(xml, jsonb, boolean, bigint) IS 'The statements of a camt document with their accounts and balances. Errors: OC001, OC002, OC204.';

CREATE FUNCTION o2c._import_camt(document xml, add_accounts boolean, company_id bigint)
RETURNS TABLE (bank_statement_id bigint, account text, reference text, entries bigint, lines bigint, new_lines bigint, payments bigint, received numeric, currency text,
               taken_back bigint, problem text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    token text := 'camt ' || gen_random_uuid();
    way record;
    statements jsonb;
    wrong record;
    s record;
    staged bigint[] := ARRAY[]::bigint[];
    recorded bigint[] := ARRAY[]::bigint[];
BEGIN
    IF document IS NULL THEN
        RAISE EXCEPTION 'the document is missing' USING ERRCODE = 'OC002', HINT = 'Give the text of a camt.053 or camt.054 message.';
    END IF;
    IF NOT EXISTS (SELECT FROM o2c.company c WHERE c.company_id = _import_camt.company_id) THEN
        RAISE EXCEPTION 'there is no company %', company_id USING ERRCODE = 'OC001', HINT = 'o2c.company lists them.';
    END IF;
    way := o2c._camt_path(document);
    statements := o2c._camt_statements(document, to_jsonb(way), add_accounts, company_id);
    PERFORM o2c._lock_bank_accounts((SELECT array_agg((e ->> 'bank_account_id')::bigint) FROM jsonb_array_elements(statements) e), company_id);
    BEGIN
        PERFORM o2c._stage_camt(token, document, way.xmlns, way.path, statements, company_id);
    EXCEPTION WHEN cardinality_violation THEN
        RAISE EXCEPTION 'an element that an entry has once is there several times' USING ERRCODE = 'OC204',
            DETAIL = SQLERRM, HINT = 'An entry has one amount, indicator, status, booking date and value date.';
    END;
    PERFORM o2c._take_statistics((SELECT count(*) FROM o2c.bank_line_import r WHERE r.company_id = _import_camt.company_id AND r.batch = token), 'o2c.bank_line_import');
    SELECT r.entry - s.first_entry + 1 AS entry, s.reference, coalesce(r.problem, j.problem) AS problem INTO wrong
    FROM o2c._judge_bank_lines(token, _import_camt.company_id) j
    JOIN o2c.bank_line_import r ON r.company_id = _import_camt.company_id AND r.import_id = j.import_id
    JOIN jsonb_to_recordset(statements) AS s (first_entry bigint, last_entry bigint, reference text) ON r.entry BETWEEN s.first_entry AND s.last_entry
    WHERE coalesce(r.problem, j.problem) IS NOT NULL ORDER BY r.import_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % of statement "%": %', wrong.entry, left(wrong.reference, 140), wrong.problem
            USING ERRCODE = 'OC204', HINT = 'Nothing of the document was booked. Ask the bank for a correct one.';
    END IF;
    FOR s IN SELECT e.statement, e.id, t.totals
             FROM (SELECT e.value AS statement, (e.value ->> 'bank_statement_id')::bigint AS id, e.value ->> 'currency' AS currency, e.ordinality AS n
                   FROM jsonb_array_elements(statements) WITH ORDINALITY e) e
             LEFT JOIN o2c._staged_totals(token, _import_camt.company_id) t ON t.bank_statement_id = e.id
             ORDER BY e.n LOOP
        staged := staged || s.id;
        recorded := recorded || o2c._record_statement(s.statement, s.totals, company_id);
    END LOOP;
    -- the same statement twice in one document counts once, and all of one that came before is known
    DELETE FROM o2c.bank_line_import r
    USING (SELECT u.staged, row_number() OVER (PARTITION BY u.recorded ORDER BY u.n) AS nth FROM unnest(staged, recorded) WITH ORDINALITY u (staged, recorded, n)) u
    WHERE r.company_id = _import_camt.company_id AND r.batch = token AND r.bank_statement_id = u.staged AND u.nth > 1;
    UPDATE o2c.bank_line_import r SET bank_statement_id = u.recorded, kind = 'known' FROM unnest(staged, recorded) u (staged, recorded)
    WHERE r.company_id = _import_camt.company_id AND r.batch = token AND r.bank_statement_id = u.staged AND u.recorded <> u.staged;
    RETURN QUERY
    SELECT b.bank_statement_id, a.account, b.reference, b.entries, coalesce(k.lines, 0), coalesce(k.new_lines, 0), coalesce(k.payments, 0),
           CASE WHEN k.lines IS NULL THEN 0 ELSE k.received END, b.currency, coalesce(k.taken_back, 0), b.problem
    FROM (SELECT u.id, min(u.n) AS n FROM unnest(recorded) WITH ORDINALITY u (id, n) GROUP BY u.id) u
    JOIN o2c.bank_statement b ON b.company_id = _import_camt.company_id AND b.bank_statement_id = u.id
    JOIN o2c.bank_account a ON a.company_id = _import_camt.company_id AND a.bank_account_id = b.bank_account_id
    LEFT JOIN o2c._book_bank_lines(token, _import_camt.company_id) k ON k.bank_statement_id = b.bank_statement_id
    ORDER BY u.n;
END $$;
COMMENT ON FUNCTION o2c._import_camt(xml, boolean, bigint) IS 'What o2c.import_camt() does inside the engine.';

CREATE FUNCTION o2c.import_camt(document xml, add_accounts boolean DEFAULT true, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (bank_statement_id bigint, account text, reference text, entries bigint, lines bigint, new_lines bigint, payments bigint, received numeric, currency text,
               taken_back bigint, problem text)
AS 'MODULE_PATHNAME', 'o2c_import_camt' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.import_camt(xml, boolean, bigint) IS
'Takes in bank statements (camt.053) and notifications (camt.054) of ISO 20022, version 2 and later: records the statements, keeps each transaction as a line, books credits as payments on their booking date, settles the direct debits that a credit collects, and reverses the payments that returns take back (a direct debit as o2c.return_direct_debit does). What is known already, from the same file, an overlapping one, or a notification before its statement, is booked once. Balances that do not tie are reported, not refused. Arguments: the document, whether accounts that are not in o2c.bank_account are added, the company. Result: a row for each statement with its account, the entries that it has, the lines that they make, how many were new, the payments booked, their sum, how many payments were taken back, and what does not agree in it. Errors: OC001 for an unknown company, or account that is not added; OC002 without a document or for an account that is not active; OC204 for anything that is not such a message, and for ids, amounts and dates that cannot be: then nothing is booked. Malformed XML is refused by PostgreSQL (2200M, 2200N).';

CREATE FUNCTION o2c._import_bank_lines(lines jsonb, account text, company_id bigint)
RETURNS TABLE (bank_account text, bank_lines bigint, new_lines bigint, payments bigint, received numeric, taken_back bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    token text := 'lines ' || gen_random_uuid();
    keys text[] := '{account,currency,booked_on,value_on,amount,charges,charges_currency,original_amount,original_currency,exchange_rate,bank_reference,end_to_end_id,transaction_id,batch_reference,mandate,structured_reference,document_numbers,remittance,information,party_name,ultimate_party,party_account,party_bic,domain,family,subfamily,proprietary_code,return_reason,reversal,status,identity}'::text[];
    wrong record;
BEGIN
    IF NOT EXISTS (SELECT FROM o2c.company c WHERE c.company_id = _import_bank_lines.company_id) THEN
        RAISE EXCEPTION 'there is no company %', company_id USING ERRCODE = 'OC001', HINT = 'o2c.company lists them.';
    END IF;
    IF jsonb_typeof(lines) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'the lines are not an array' USING ERRCODE = 'OC002', HINT = 'Give a JSON array with an object for each line.';
    END IF;
    SELECT e.n, CASE WHEN jsonb_typeof(e.line) <> 'object' THEN 'it is not an object'
                     WHEN NOT k.key = ANY (keys) THEN format('there is no key %L', left(k.key, 40))
                     ELSE format('%s is no text, number or boolean', k.key) END AS problem INTO wrong
    FROM jsonb_array_elements(lines) WITH ORDINALITY e (line, n)
    LEFT JOIN LATERAL jsonb_each(CASE jsonb_typeof(e.line) WHEN 'object' THEN e.line END) k ON true
    WHERE jsonb_typeof(e.line) <> 'object' OR NOT k.key = ANY (keys) OR jsonb_typeof(k.value) IN ('object', 'array')
    ORDER BY e.n, k.key LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line %: %', wrong.n, wrong.problem USING ERRCODE = 'OC002', HINT = 'The keys are ' || array_to_string(keys, ', ') || '.';
    END IF;
    INSERT INTO o2c.bank_line_import (
        company_id, batch, account, currency, booked_on, value_on, amount, charges, charges_currency, original_amount, original_currency, exchange_rate, bank_reference,
        end_to_end_id, transaction_id, batch_reference, mandate, structured_reference, document_numbers, remittance, information, party_name, ultimate_party, party_account,
        party_bic, domain, family, subfamily, proprietary_code, return_reason, reversal, status, identity, problem)
    SELECT _import_bank_lines.company_id, token, coalesce(l.account, _import_bank_lines.account), l.currency, o2c._iso_date(l.booked_on), o2c._iso_date(l.value_on), o2c._decimal(l.amount),
           o2c._decimal(l.charges), l.charges_currency, o2c._decimal(l.original_amount), l.original_currency, o2c._decimal(l.exchange_rate),
           o2c._reference_given(l.bank_reference), o2c._reference_given(l.end_to_end_id), o2c._reference_given(l.transaction_id), o2c._trimmed(l.batch_reference),
           o2c._trimmed(l.mandate), o2c._trimmed(l.structured_reference), o2c._trimmed(l.document_numbers), o2c._trimmed(l.remittance), o2c._trimmed(l.information),
           o2c._trimmed(l.party_name), o2c._trimmed(l.ultimate_party), o2c._trimmed(l.party_account), o2c._trimmed(l.party_bic), o2c._trimmed(l.domain), o2c._trimmed(l.family),
           o2c._trimmed(l.subfamily), o2c._trimmed(l.proprietary_code), o2c._trimmed(l.return_reason), l.reversal = 'true', l.status, o2c._trimmed(l.identity),
           CASE WHEN l.amount IS NOT NULL AND o2c._decimal(l.amount) IS NULL THEN format('the amount %L is not a number', left(l.amount, 40))
                WHEN l.booked_on IS NOT NULL AND o2c._iso_date(l.booked_on) IS NULL THEN format('the booking date %L is not a date', left(l.booked_on, 40))
                WHEN l.value_on IS NOT NULL AND o2c._iso_date(l.value_on) IS NULL THEN format('the value date %L is not a date', left(l.value_on, 40))
                WHEN l.charges IS NOT NULL AND o2c._decimal(l.charges) IS NULL THEN format('the charge %L is not a number', left(l.charges, 40))
                WHEN l.original_amount IS NOT NULL AND o2c._decimal(l.original_amount) IS NULL THEN format('the original amount %L is not a number', left(l.original_amount, 40))
                WHEN l.exchange_rate IS NOT NULL AND o2c._decimal(l.exchange_rate) IS NULL THEN format('the exchange rate %L is not a number', left(l.exchange_rate, 40))
                WHEN l.reversal NOT IN ('true', 'false') THEN format('reversal %L is neither true nor false', left(l.reversal, 40)) END
    FROM jsonb_array_elements(lines) WITH ORDINALITY e (line, n)
    CROSS JOIN LATERAL jsonb_to_record(e.line) AS l (
        account text, currency text, booked_on text, value_on text, amount text, charges text, charges_currency text, original_amount text, original_currency text,
        exchange_rate text, bank_reference text, end_to_end_id text, transaction_id text, batch_reference text, mandate text, structured_reference text, document_numbers text,
        remittance text, information text, party_name text, ultimate_party text, party_account text, party_bic text, domain text, family text, subfamily text,
        proprietary_code text, return_reason text, reversal text, status text, identity text)
    ORDER BY e.n;
    PERFORM o2c._complete_bank_lines(token, _import_bank_lines.company_id);
    SELECT r.n, r.problem INTO wrong
    FROM (SELECT row_number() OVER (ORDER BY r.import_id) AS n, r.problem FROM o2c.bank_line_import r
          WHERE r.company_id = _import_bank_lines.company_id AND r.batch = token) r
    WHERE r.problem IS NOT NULL ORDER BY r.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line %: %', wrong.n, wrong.problem USING ERRCODE = 'OC002', HINT = 'None of the lines was booked. Correct it and send them again.';
    END IF;
    RETURN QUERY
    SELECT a.account, k.lines, k.new_lines, k.payments, k.received, k.taken_back
    FROM o2c._book_bank_lines(token, _import_bank_lines.company_id) k
    JOIN o2c.bank_account a ON a.company_id = _import_bank_lines.company_id AND a.bank_account_id = k.bank_account_id
    ORDER BY a.account;
END $$;
COMMENT ON FUNCTION o2c._import_bank_lines(jsonb, text, bigint) IS 'What o2c.import_bank_lines() does inside the engine.';

CREATE FUNCTION o2c.import_bank_lines(lines jsonb, account text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (bank_account text, bank_lines bigint, new_lines bigint, payments bigint, received numeric, taken_back bigint)
AS 'MODULE_PATHNAME', 'o2c_import_bank_lines' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.import_bank_lines(jsonb, text, bigint) IS
'Takes in bank lines of any source, with the same rules as o2c.import_camt. Arguments: an array of objects with the columns of o2c.bank_line_import from account to identity as keys, of which amount (negative for a debit) and booked_on (YYYY-MM-DD) are needed; the account of the lines that name none (null: the company''s only one); the company. Result: a row for each account with the lines, how many were new, the payments booked, their sum, and how many payments were taken back. Errors: OC001 for an unknown company, OC002 for a line that cannot be, which the message counts from 1: then nothing is booked.';

CREATE FUNCTION o2c._complete_bank_lines(batch text, company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM o2c._take_statistics((SELECT count(*) FROM o2c.bank_line_import r WHERE r.company_id = _complete_bank_lines.company_id AND r.batch = _complete_bank_lines.batch),
                                 'o2c.bank_line_import');
    UPDATE o2c.bank_line_import r SET status = 'BOOK'
    WHERE r.company_id = _complete_bank_lines.company_id AND r.batch = _complete_bank_lines.batch AND r.status IS NULL;
    UPDATE o2c.bank_line_import r
    SET bank_account_id = j.bank_account_id, currency = j.currency, problem = coalesce(r.problem, j.problem), position = 0, kind = NULL,
        entry_key = o2c._entry_key(r.booked_on, r.amount, j.currency, r.status,
                                   coalesce('I' || r.identity, 'R' || r.bank_reference, 'E' || r.end_to_end_id,
                                            'T' || concat_ws('|', r.batch_reference, r.information, r.structured_reference, r.document_numbers, r.remittance, r.transaction_id,
                                                             r.mandate, r.party_name, r.party_account)))
    FROM o2c._judge_bank_lines(_complete_bank_lines.batch, _complete_bank_lines.company_id) j
    WHERE r.company_id = _complete_bank_lines.company_id AND r.import_id = j.import_id;
END $$;
COMMENT ON FUNCTION o2c._complete_bank_lines(text, bigint) IS 'Fills in what rows of bank lines leave open, and notes what is wrong with them.';

CREATE FUNCTION o2c._load_bank_lines(batch text, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b record;
    loaded bigint := 0;
    stay bigint := 0;
BEGIN
    FOR b IN SELECT r.batch FROM o2c.bank_line_import r
             WHERE r.company_id = _load_bank_lines.company_id AND (_load_bank_lines.batch IS NULL OR r.batch = _load_bank_lines.batch)
             GROUP BY r.batch ORDER BY min(r.import_id) LOOP
        -- what a caller wrote into the columns of the loading functions does not count
        UPDATE o2c.bank_line_import r
        SET bank_account_id = NULL, bank_statement_id = NULL, entry = NULL, entry_amount = NULL, position = NULL, note = NULL, problem = NULL
        WHERE r.company_id = _load_bank_lines.company_id AND r.batch = b.batch
          AND (r.bank_account_id, r.bank_statement_id, r.entry, r.entry_amount, r.position, r.note, r.problem) IS DISTINCT FROM (NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        PERFORM o2c._complete_bank_lines(b.batch, _load_bank_lines.company_id);
        IF EXISTS (SELECT FROM o2c.bank_line_import r
                   WHERE r.company_id = _load_bank_lines.company_id AND r.batch = b.batch AND r.problem IS NOT NULL) THEN
            stay := stay + 1;
            CONTINUE;
        END IF;
        loaded := loaded + (SELECT coalesce(sum(k.new_lines), 0) FROM o2c._book_bank_lines(b.batch, _load_bank_lines.company_id) k);
    END LOOP;
    IF stay > 0 THEN
        RAISE WARNING '% of the batches of bank lines could not be loaded', stay
            USING ERRCODE = 'OC002', HINT = 'o2c.bank_line_import.problem says why; correct or delete those rows and load again.';
    END IF;
    RETURN loaded;
END $$;
COMMENT ON FUNCTION o2c._load_bank_lines(text, bigint) IS 'What o2c.load_bank_lines() does inside the engine.';

CREATE FUNCTION o2c.load_bank_lines(batch text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_load_bank_lines' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.load_bank_lines(text, bigint) IS
'Takes in the bank lines that were put into o2c.bank_line_import, batch by batch as o2c.load_payments does, with the same rules as o2c.import_camt: a batch with a wrong row stays as a whole and says what is wrong, and a warning (OC002) counts such batches. The n-th line of a batch with the same day, amount and identity is a line of its own, and the same one when the file comes again. Arguments: the batch (null: all), the company. Result: the number of lines added.';

CREATE FUNCTION o2c.close_bank_line(bank_line bigint, payment bigint DEFAULT NULL, note text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_close_bank_line' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.close_bank_line(bigint, bigint, text, bigint) IS
'Settles a bank line that waits for a person. Arguments: the line, the payment that a return takes back (it is reversed on the line''s booking date; null: none), a note, the company. Errors: OC001 for an unknown line or payment, OC002 for a payment to a line that is no return, or received after it, OC101 for a line that is settled or a payment that is reversed already.';
