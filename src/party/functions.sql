-- party: companies and customers

CREATE FUNCTION o2c.create_company(name text, currency text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE id bigint;
BEGIN
    PERFORM o2c.minor_units(create_company.currency);
    INSERT INTO o2c.company (name, currency) VALUES (create_company.name, create_company.currency)
    RETURNING company.company_id INTO id;
    RETURN id;
END $$;
COMMENT ON FUNCTION o2c.create_company(text, text) IS
'Creates a company with its number series, default place of stock and default rules. Arguments: name, currency (ISO 4217). Result: the company''s id; the first one is 1, the default of the setting o2c.company. Errors: OC001 for an unknown currency.';

CREATE FUNCTION o2c._seed_company() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.number_series (company_id, series, prefix, digits, gapless) VALUES
        (NEW.company_id, 'invoice', 'INV-', 6, true),
        (NEW.company_id, 'credit_note', 'CN-', 6, true)
    ON CONFLICT DO NOTHING;
    INSERT INTO o2c.number_series (company_id, series, prefix, digits, gapless, sequence) VALUES
        (NEW.company_id, 'order', 'SO-', 6, false, 'o2c.order_number_seq'),
        (NEW.company_id, 'quotation', 'QU-', 6, false, 'o2c.quotation_number_seq'),
        (NEW.company_id, 'shipment', 'SH-', 6, false, 'o2c.shipment_number_seq')
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._seed_company() IS 'Trigger: a new company gets its number series.';

CREATE FUNCTION o2c._derive_customer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.currency IS NULL THEN
        SELECT c.currency INTO NEW.currency FROM o2c.company c WHERE c.company_id = NEW.company_id;
    END IF;
    NEW.group_id := NEW.customer_id;
    IF NEW.parent_customer_id IS NULL THEN
        RETURN NEW;
    END IF;
    IF EXISTS (WITH RECURSIVE up (customer_id, parent_customer_id) AS (
                   SELECT c.customer_id, c.parent_customer_id FROM o2c.customer c
                   WHERE c.company_id = NEW.company_id AND c.customer_id = NEW.parent_customer_id
                   UNION
                   SELECT c.customer_id, c.parent_customer_id FROM up JOIN o2c.customer c
                   ON c.company_id = NEW.company_id AND c.customer_id = up.parent_customer_id)
               SELECT FROM up WHERE up.customer_id = NEW.customer_id) THEN
        RAISE EXCEPTION 'customer "%" cannot be its own ancestor', NEW.code
            USING ERRCODE = 'OC002', HINT = 'Choose a parent outside the customer''s own hierarchy.';
    END IF;
    SELECT c.group_id INTO NEW.group_id FROM o2c.customer c
    WHERE c.company_id = NEW.company_id AND c.customer_id = NEW.parent_customer_id;
    NEW.group_id := coalesce(NEW.group_id, NEW.customer_id);
    RETURN NEW;
END $$;
COMMENT ON FUNCTION o2c._derive_customer() IS
'Trigger: the currency defaults to the company''s, group_id follows from the parent. Errors: OC002 for a circle of parents.';

CREATE FUNCTION o2c._spread_group() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE o2c.customer c SET group_id = NEW.group_id
    WHERE c.company_id = NEW.company_id AND c.parent_customer_id = NEW.customer_id AND c.group_id <> NEW.group_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._spread_group() IS 'Trigger: children follow their parent into its group.';
