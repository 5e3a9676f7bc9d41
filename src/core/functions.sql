-- core: money, clock, guards, events, numbers, commands

CREATE FUNCTION o2c.minor_units(currency text) RETURNS integer
AS 'MODULE_PATHNAME', 'o2c_minor_units_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.minor_units(text) IS
'Digits after the decimal point of a currency, by its ISO 4217 code: 2 for EUR, 0 for JPY, 3 for BHD. Errors: OC001 when the code is not in ISO 4217.';

CREATE FUNCTION o2c.round_money(amount numeric, currency text) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_round_money' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.round_money(numeric, text) IS
'The amount rounded half away from zero to the minor unit of the currency (ISO 4217). Errors: OC001 for an unknown currency.';

CREATE FUNCTION o2c.allocate(total numeric, weights numeric[], currency text) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_allocate_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.allocate(numeric, numeric[], text) IS
'Splits a total over weights in minor units of the currency so that the parts sum to it exactly (largest remainder method; the first part wins a tie). Errors: OC002 for a null, negative or infinite weight, or a total that is not finite or has more digits than the currency.';

CREATE FUNCTION o2c.iso_4217(OUT currency text, OUT minor_units integer) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'o2c_iso_4217' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.iso_4217() IS 'The active currencies of ISO 4217 with their minor units.';

CREATE FUNCTION o2c.today() RETURNS date
AS 'MODULE_PATHNAME', 'o2c_today_sql' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c.today() IS
'The business date that every rule reads: the setting o2c.business_date (superusers, or GRANT SET ON PARAMETER), else current_date.';

CREATE FUNCTION o2c.now() RETURNS timestamptz
AS 'MODULE_PATHNAME', 'o2c_now_sql' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c.now() IS
'The time that every rule counts hours by: when the statement started; or, where one of the settings o2c.business_date and o2c.business_time is set (superusers, or GRANT SET ON PARAMETER), the business date at the business time, else at the clock''s time of day.';

CREATE FUNCTION o2c.current_company() RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_current_company_sql' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c.current_company() IS
'The company that functions and column defaults take when none is named: the setting o2c.company, 1 unless set.';

CREATE FUNCTION o2c.actor() RETURNS text
AS 'MODULE_PATHNAME', 'o2c_actor_sql' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION o2c.actor() IS 'The role that acts, seen through any SECURITY DEFINER function.';

CREATE FUNCTION o2c._guard() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_guard' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION o2c._guard() IS
'Row trigger (free columns, kept columns, rows removable, permanent or of the engine, and, if any, agreed columns): facts keep their values, kept columns are written by the engine only, agreed ones come with the row and are changed by the engine only. Without arguments, before TRUNCATE: what may not be deleted is not emptied either. Errors: OC102.';

CREATE FUNCTION o2c._record_state() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_record_state' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._record_state() IS
'Statement trigger (object type, id column, order column, state column[, the state before the first]): appends an event for each row whose state changed.';

CREATE FUNCTION o2c._feed_horizon() RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_feed_horizon' LANGUAGE C STABLE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._feed_horizon() IS 'The feed position below which no event can appear any more.';

CREATE FUNCTION o2c.read_events(after_event_id bigint DEFAULT 0, at_most integer DEFAULT 1000, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (event_id bigint, activity text, object_type text, object_id bigint, order_id bigint,
               before jsonb, after jsonb, detail jsonb, actor text, recorded_at timestamptz)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE start bigint := 0;
BEGIN
    SELECT e.position INTO start FROM o2c.event e
    WHERE e.company_id = read_events.company_id AND e.event_id = after_event_id;
    RETURN QUERY
        SELECT e.event_id, e.activity, e.object_type, e.object_id, e.order_id, e.before, e.after, e.detail, e.actor, e.recorded_at
        FROM o2c.event e
        WHERE e.company_id = read_events.company_id AND e.position < o2c._feed_horizon()
          AND (e.position, e.event_id) > (coalesce(start, 0), after_event_id)
        ORDER BY e.position, e.event_id LIMIT at_most;
END $$;
COMMENT ON FUNCTION o2c.read_events(bigint, integer, bigint) IS
'The events that follow an event, in feed order and without gaps: what a running transaction may still precede is withheld until it ends. Arguments: the last event already read (0 for the first), the most rows to return, the company. LISTEN o2c tells when there is more.';

CREATE FUNCTION o2c.set_setting(name text, value text, company_id bigint DEFAULT o2c.current_company()) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF NOT EXISTS (SELECT FROM o2c.setting_definition d WHERE d.name = set_setting.name) THEN
        RAISE EXCEPTION 'there is no setting "%"', set_setting.name
            USING ERRCODE = 'OC001', HINT = 'o2c.setting_definition lists the settings.';
    END IF;
    INSERT INTO o2c.setting (company_id, name, value)
    VALUES (set_setting.company_id, set_setting.name, set_setting.value)
    ON CONFLICT (company_id, name) DO UPDATE SET value = excluded.value;
END $$;
COMMENT ON FUNCTION o2c.set_setting(text, text, bigint) IS
'Sets a setting of a company. Errors: OC001 for a name that o2c.setting_definition does not list.';

CREATE FUNCTION o2c.get_setting(name text, company_id bigint DEFAULT o2c.current_company()) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN (SELECT coalesce(s.value, d.default_value)
            FROM o2c.setting_definition d
            LEFT JOIN o2c.setting s ON s.company_id = get_setting.company_id AND s.name = d.name
            WHERE d.name = get_setting.name);
END $$;
COMMENT ON FUNCTION o2c.get_setting(text, bigint) IS 'A setting of a company, or its default.';

CREATE FUNCTION o2c.claim_notifications(at_most integer DEFAULT 100, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (notification_id bigint, audience text, recipient text, topic text, language text, body jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        WITH claimed AS (
            UPDATE o2c.notification n SET claimed_at = clock_timestamp()
            WHERE n.company_id = claim_notifications.company_id
              AND n.notification_id IN (SELECT c.notification_id FROM o2c.notification c
                                        WHERE c.company_id = claim_notifications.company_id AND c.claimed_at IS NULL
                                        ORDER BY c.notification_id LIMIT at_most FOR UPDATE SKIP LOCKED)
            RETURNING n.*)
        SELECT n.notification_id, n.audience, n.recipient, n.topic, n.language, n.body FROM claimed n ORDER BY n.notification_id;
END $$;
COMMENT ON FUNCTION o2c.claim_notifications(integer, bigint) IS
'Hands out notifications to a sender, each to one sender only (FOR UPDATE SKIP LOCKED). A sender that rolls back gives its notifications back.';

CREATE FUNCTION o2c.normalize_reference(reference text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_normalize_reference_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.normalize_reference(text) IS
'The form in which references are compared: A-Z in upper case and digits only, without the leading zeros of each run of digits; one ''-'' stays between two runs that only separators parted, so INV-0012/07 and INV 12-7 are both INV12-7, and INV 1-27 is another. A valid creditor reference (ISO 11649) loses all separators and the zeros it is padded with. Empty when nothing is left; never an error.';

CREATE FUNCTION o2c._number_reference(number text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_number_reference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._number_reference(text) IS
'The creditor reference (ISO 11649) of a document number, in the normal form of o2c.normalize_reference: RF, check digits, the letters A to Z and digits of the number without leading zeros. Null when the number has none or more than 21. Never an error.';

-- PostgreSQL reads and prepares every constraint of a table anew for each statement that writes it: those of busy tables are single calls

CREATE FUNCTION o2c._one_of(value text, names text) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_one_of' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._one_of(text, text) IS 'Whether a value is one of the names, which are separated by commas.';

CREATE FUNCTION o2c._is_amount(value numeric) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_is_amount' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._is_amount(numeric) IS 'Whether a value is 0 or more, and finite.';

CREATE FUNCTION o2c._is_positive(value numeric) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_is_positive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._is_positive(numeric) IS 'Whether a value is more than 0, and finite.';
