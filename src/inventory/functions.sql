-- inventory: stock and reservations

CREATE FUNCTION o2c._keep_reserved() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_keep_reserved' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._keep_reserved() IS
'Statement trigger: moves stock.reserved with the lines. Errors: 23514 (stock_never_oversold).';

CREATE FUNCTION o2c._confirm_lines() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_confirm_lines' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._confirm_lines() IS
'Row trigger: confirming an order puts its line quantities in force and reserves the stock that is there.';

CREATE FUNCTION o2c._keep_on_hand() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_keep_on_hand' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._keep_on_hand() IS
'Statement trigger: moves stock.on_hand with the movements, and gives what came in to the lines that wait for it.';

CREATE FUNCTION o2c._seed_location() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.location (company_id, location, name) VALUES (NEW.company_id, 'MAIN', 'Main warehouse');
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._seed_location() IS 'Trigger: a new company gets a place that holds stock.';

CREATE FUNCTION o2c.receive_stock(sku text, quantity numeric, location text DEFAULT 'MAIN', received_on date DEFAULT NULL,
    reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE product bigint; id bigint;
BEGIN
    SELECT p.product_id INTO product FROM o2c.product p
    WHERE p.company_id = receive_stock.company_id AND p.sku = receive_stock.sku;
    IF product IS NULL THEN
        RAISE EXCEPTION 'company % has no product "%"', receive_stock.company_id, receive_stock.sku
            USING ERRCODE = 'OC001', HINT = 'Products are found by their sku in o2c.product.';
    END IF;
    IF receive_stock.quantity IS NULL OR NOT (receive_stock.quantity > 0 AND receive_stock.quantity < 'Infinity') THEN
        RAISE EXCEPTION 'quantity % is out of range', receive_stock.quantity
            USING ERRCODE = 'OC002', HINT = 'Receive a positive quantity; use o2c.adjust_stock() to correct a count.';
    END IF;
    IF NOT isfinite(receive_stock.received_on) THEN
        RAISE EXCEPTION 'receive_stock needs a finite date' USING ERRCODE = 'OC002';
    END IF;
    INSERT INTO o2c.stock (company_id, product_id, location)
    VALUES (receive_stock.company_id, product, receive_stock.location) ON CONFLICT DO NOTHING;
    INSERT INTO o2c.stock_movement (company_id, product_id, location, kind, quantity, effective_on, reason)
    VALUES (receive_stock.company_id, product, receive_stock.location, 'receipt', receive_stock.quantity,
            coalesce(received_on, o2c.today()), receive_stock.reason)
    RETURNING movement_id INTO id;
    RETURN id;
END $$;
COMMENT ON FUNCTION o2c.receive_stock(text, numeric, text, date, text, bigint) IS
'Books goods in and gives them to backordered lines, the earliest requested date first. Arguments: sku, quantity in the product''s unit, place, date (today), reason, company. Result: movement_id. Errors: OC001 unknown product, OC002 quantity not positive and finite or date not finite, 23503 unknown place.';

CREATE FUNCTION o2c.adjust_stock(sku text, quantity numeric, reason text, location text DEFAULT 'MAIN', adjusted_on date DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE id bigint;
BEGIN
    IF adjust_stock.quantity = 0 OR (adjust_stock.quantity > '-Infinity' AND adjust_stock.quantity < 'Infinity') IS NOT TRUE
       OR coalesce(adjust_stock.reason, '') = '' OR NOT isfinite(adjust_stock.adjusted_on) THEN
        RAISE EXCEPTION 'adjust_stock needs a finite quantity other than 0, a reason and a finite date' USING ERRCODE = 'OC002';
    END IF;
    INSERT INTO o2c.stock_movement (company_id, product_id, location, kind, quantity, effective_on, reason)
    SELECT s.company_id, s.product_id, s.location, 'adjustment', adjust_stock.quantity, coalesce(adjusted_on, o2c.today()), adjust_stock.reason
    FROM o2c.product p
    JOIN o2c.stock s ON s.company_id = p.company_id AND s.product_id = p.product_id AND s.location = adjust_stock.location
    WHERE p.company_id = adjust_stock.company_id AND p.sku = adjust_stock.sku
    RETURNING movement_id INTO id;
    IF id IS NULL THEN
        RAISE EXCEPTION 'there is no stock of "%" at "%"', adjust_stock.sku, adjust_stock.location
            USING ERRCODE = 'OC001', HINT = 'Receive it first with o2c.receive_stock().';
    END IF;
    RETURN id;
END $$;
COMMENT ON FUNCTION o2c.adjust_stock(text, numeric, text, text, date, bigint) IS
'Corrects the stock on hand by a quantity, negative to take away. Arguments: sku, quantity, reason (kept), place, date (today), company. Result: movement_id. Errors: OC001 no such stock, OC002 no finite quantity, reason or finite date, 23514 when less would remain than is reserved.';
