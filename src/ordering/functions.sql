-- ordering: entering orders, and what follows from their states

CREATE FUNCTION o2c.place_order(customer text, lines jsonb, po_number text DEFAULT NULL, requested_on date DEFAULT NULL,
    ordered_on date DEFAULT NULL, charges jsonb DEFAULT NULL, currency text DEFAULT NULL, payment_terms text DEFAULT NULL,
    location text DEFAULT NULL, idempotency_key text DEFAULT NULL, attributes jsonb DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_place_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.place_order(text, jsonb, text, date, date, jsonb, text, text, text, text, jsonb, bigint) IS
'Enters and submits an order: prices the lines, computes tax, runs the rules of the checkpoint "order", takes credit and reserves stock. An order that fails a rule is kept, held or refused, never lost: read sales_order.state, o2c.hold and o2c.explain_credit(order). Arguments: customer code; lines [{"sku", "quantity", "unit_price"?, "discount_percent"?}] (price lists apply where no price is given); the customer''s purchase order number; requested and order date (today); charges [{"reason", "amount", "tax_rate"?, "tax_category"?}] such as freight; currency and terms (the customer''s); place of stock (MAIN); idempotency key; free attributes; company. Result: order_id. Errors: OC001 unknown customer, product or currency; OC002 malformed lines, infinite dates; OC003 duplicate purchase order or key; OC004 no price; OC006 purchase order missing; OC101 inactive customer or product; 23503 unknown place. Rounding: EN 16931 (each line, then tax once per category and rate).';

CREATE FUNCTION o2c._quantities_fit(quantity numeric, confirmed numeric, reserved numeric, shipped numeric, returned numeric,
    invoiced numeric, credited numeric, cancelled numeric) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_quantities_fit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._quantities_fit(numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric) IS
'Whether the quantities of an order line fit together: none is negative, confirmed + cancelled <= quantity, reserved + shipped <= confirmed, returned <= shipped, invoiced <= shipped + credited, credited <= invoiced.';

CREATE FUNCTION o2c._advance_order() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_advance_order' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._advance_order() IS
'Row trigger: checks a change of state, and completes an order that is submitted. Errors: OC101, OC003, OC006.';

CREATE FUNCTION o2c._add_line() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_add_line' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._add_line() IS 'Row trigger: only a draft takes lines. Errors: OC101.';

CREATE FUNCTION o2c._cancel_lines() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_cancel_lines' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._cancel_lines() IS 'Row trigger: cancelling an order cancels its lines, which gives credit and stock back.';
