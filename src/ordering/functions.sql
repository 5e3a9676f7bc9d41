-- ordering: entering orders, and what follows from their states

CREATE FUNCTION o2c.place_order(customer text, lines jsonb, po_number text DEFAULT NULL, requested_on date DEFAULT NULL,
    ordered_on date DEFAULT NULL, charges jsonb DEFAULT NULL, currency text DEFAULT NULL, payment_terms text DEFAULT NULL,
    location text DEFAULT NULL, idempotency_key text DEFAULT NULL, attributes jsonb DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_place_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.place_order(text, jsonb, text, date, date, jsonb, text, text, text, text, jsonb, bigint) IS
'Enters and submits an order: prices the lines, computes tax, runs the rules of the checkpoint "order", takes credit and reserves stock. An order that fails a rule is kept, held or refused, never lost: read sales_order.state, o2c.hold and o2c.explain_credit(order). Arguments: customer code; lines [{"sku", "quantity", "unit_price"?, "discount_percent"?, "description"?, "tax_category"? with "tax_rate", "attributes"?}] (price lists apply where no price is given, the product''s name and tax where none are); the customer''s purchase order number; requested and order date (today); charges [{"reason", "amount", "tax_rate"?, "tax_category"?, "attributes"?}] such as freight; currency and terms (the customer''s); place of stock (MAIN); idempotency key; free attributes; company. Result: order_id. Errors: OC001 unknown customer, product or currency; OC002 malformed lines, infinite dates; OC003 duplicate purchase order or key; OC004 no price; OC006 purchase order missing; OC101 inactive customer or product; 23503 unknown place. Rounding: EN 16931 (each line, then tax once per category and rate).';

CREATE FUNCTION o2c._quantities_fit(quantity numeric, confirmed numeric, reserved numeric, shipped numeric, returned numeric,
    invoiced numeric, credited numeric, cancelled numeric) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_quantities_fit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._quantities_fit(numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric) IS
'Whether the quantities of an order line fit together: the quantity is more than 0, none is negative or infinite, confirmed + cancelled <= quantity, reserved + shipped <= confirmed, returned <= shipped, invoiced <= shipped + credited, credited <= invoiced.';

CREATE FUNCTION o2c._ordered_value(net numeric, tax numeric, quantity numeric, confirmed numeric, shipped numeric) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_ordered_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._ordered_value(numeric, numeric, numeric, numeric, numeric) IS
'Gross value of an order line that is confirmed and not shipped: its part of the exposure "ordered". Each share of the line is rounded to 4 digits, so that the parts add up when everything has moved on.';

CREATE FUNCTION o2c._shipped_value(net numeric, tax numeric, quantity numeric, shipped numeric, returned numeric, invoiced numeric, credited numeric,
                                   waived numeric)
RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_shipped_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._shipped_value(numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric) IS
'Gross value of an order line that is shipped, not returned, and not invoiced: its part of the exposure "shipped". What was credited for good and came back is neither.';

CREATE FUNCTION o2c._advance_order() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_advance_order' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._advance_order() IS
'Row trigger: checks a change of state, and completes an order that is submitted; only the engine inserts one that is no draft. Errors: OC101, OC003, OC006.';

CREATE FUNCTION o2c._add_line() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_add_line' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._add_line() IS 'Row trigger: only a draft takes lines. Errors: OC101.';

CREATE FUNCTION o2c._cancel_lines() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_cancel_lines' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._cancel_lines() IS 'Row trigger: cancelling an order cancels its lines, which gives credit and stock back.';

CREATE FUNCTION o2c.change_order("order" bigint, lines jsonb DEFAULT NULL, payment_terms text DEFAULT NULL, requested_on date DEFAULT NULL,
    po_number text DEFAULT NULL, reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_change_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.change_order(bigint, jsonb, text, date, text, text, bigint) IS
'Changes an order that was entered; prices, tax, credit and stock follow in the same transaction. Where its value grows, its terms change or it is held or refused, it passes the checkpoints "order" and "change" again; more is in force once it passed, less at once. Arguments: order_id; lines [{"line_no", "quantity"?, "unit_price"?, "discount_percent"?}] for those that stand (quantity 0 cancels one, the agreed price stays where none is given) and [{"sku", "quantity", ...}] as in place_order for new ones; terms, requested date, purchase order number (kept where null); reason (kept); company. Result: the order''s state. Errors: OC001 unknown order, line or product; OC002 malformed lines; OC003 duplicate purchase order; OC004 no price; OC101 the state does not allow it, less than shipped, or another price for what shipped; OC108 a rule refuses the change.';

CREATE FUNCTION o2c.cancel_line("order" bigint, line_no integer, quantity numeric DEFAULT NULL, reason text DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_cancel_line'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.cancel_line(bigint, integer, numeric, text, bigint) IS
'Cancels what is open of an order line, or a part of it; its credit and its reservation are given back. A held order is checked again. Arguments: order_id, line number, quantity (all that is open), reason (kept), company. Result: the order''s state. Errors: OC001 unknown order; OC002 quantity not positive and finite; OC101 not that much open, or the state does not allow it.';

CREATE FUNCTION o2c.cancel_order("order" bigint, reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_cancel_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.cancel_order(bigint, text, bigint) IS
'Cancels an order of which nothing shipped; its credit and its reservations are given back. Arguments: order_id, reason (kept), company. Result: the order''s state. Errors: OC001 unknown order; OC101 shipped in part, or the state does not allow it.';

CREATE FUNCTION o2c.close_order("order" bigint, reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_close_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.close_order(bigint, text, bigint) IS
'Cancels what is open of an order: its credit and its reservations are given back. What shipped is still billed, then the order is completed; an order of which nothing shipped is cancelled. Arguments: order_id, reason (kept), company. Result: the order''s state. Errors: OC001 unknown order; OC101 the state does not allow it.';

CREATE FUNCTION o2c.reopen_order("order" bigint, reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_reopen_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.reopen_order(bigint, text, bigint) IS
'Puts back what was cancelled of an order when it was cancelled or closed as a whole, not what was cancelled before, and submits it: it passes the rules again before credit is taken. A refused order is submitted as it is. Arguments: order_id, reason (kept), company. Result: the order''s state. Errors: OC001 unknown order; OC101 nothing of it was cancelled with it, or the state does not allow it; OC108 a rule refuses it while a part is in force.';

CREATE FUNCTION o2c.order_document("order" bigint, company_id bigint DEFAULT o2c.current_company()) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE document jsonb; lines jsonb; charges jsonb; quantities jsonb;
BEGIN
    SELECT jsonb_agg(jsonb_build_object('sku', p.sku, 'description', l.description, 'quantity', l.quantity, 'unit_price', l.unit_price,
                                        'discount_percent', l.discount_percent, 'tax_category', l.tax_category, 'tax_rate', l.tax_rate,
                                        'attributes', l.attributes) ORDER BY l.line_no) FILTER (WHERE l.kind = 'item'),
           jsonb_agg(jsonb_build_object('reason', l.description, 'amount', l.unit_price, 'tax_category', l.tax_category,
                                        'tax_rate', l.tax_rate, 'attributes', l.attributes) ORDER BY l.line_no) FILTER (WHERE l.kind = 'charge'),
           jsonb_agg(jsonb_build_object('line_no', l.line_no, 'kind', l.kind, 'net_amount', l.net_amount, 'tax_amount', l.tax_amount,
                                        'confirmed', l.confirmed_quantity, 'reserved', l.reserved_quantity, 'shipped', l.shipped_quantity,
                                        'returned', l.returned_quantity, 'invoiced', l.invoiced_quantity, 'credited', l.credited_quantity,
                                        'cancelled', l.cancelled_quantity) ORDER BY l.line_no)
    INTO lines, charges, quantities
    FROM o2c.order_line l
    LEFT JOIN o2c.product p ON p.company_id = l.company_id AND p.product_id = l.product_id
    WHERE l.company_id = order_document.company_id AND l.order_id = order_document."order";
    SELECT jsonb_build_object('version', 1, 'customer', c.code, 'currency', o.currency, 'payment_terms', o.payment_terms::text,
                              'po_number', o.po_number, 'ordered_on', o.ordered_on, 'requested_on', o.requested_on, 'location', o.location,
                              'attributes', o.attributes, 'lines', coalesce(lines, '[]'), 'charges', coalesce(charges, '[]'),
                              'issued', jsonb_build_object('order_id', o.order_id, 'number', o.number, 'state', o.state, 'changes', o.version - 1,
                                                           'created_at', o.created_at, 'net_amount', o.net_amount, 'tax_amount', o.tax_amount,
                                                           'total_amount', o.total_amount, 'lines', coalesce(quantities, '[]')))
    INTO document
    FROM o2c.sales_order o
    JOIN o2c.customer c ON c.company_id = o.company_id AND c.customer_id = o.customer_id
    WHERE o.company_id = order_document.company_id AND o.order_id = order_document."order";
    IF document IS NULL THEN
        RAISE EXCEPTION 'company % has no order %', order_document.company_id, order_document."order" USING ERRCODE = 'OC001';
    END IF;
    RETURN document;
END $$;
COMMENT ON FUNCTION o2c.order_document(bigint, bigint) IS
'An order as one document, version 1: what was ordered as o2c.place_order_document() reads it, and under "issued" what became of it. Arguments: order_id, company. Errors: OC001 unknown order. Schema: doc/reference.md.';

CREATE FUNCTION o2c.place_order_document(document jsonb, idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_place_order_document'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.place_order_document(jsonb, text, bigint) IS
'Enters the order that a document describes, as o2c.place_order() does. Its member "issued" is passed over; any other member that is not in the schema is an error. Arguments: document, idempotency key, company. Result: order_id. Errors: OC204 not a document of version 1, OC002 an unknown or malformed member, 22007 and 22008 for a date, and those of o2c.place_order(). Schema: doc/reference.md.';
