-- shipping: goods leave the house

CREATE FUNCTION o2c.ship_order("order" bigint, shipped_on date DEFAULT NULL, lines jsonb DEFAULT NULL, carrier text DEFAULT NULL,
    idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_ship_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.ship_order(bigint, date, jsonb, text, text, bigint) IS
'Ships what is reserved of a confirmed order. Holds are looked at again, under lock. Charges such as freight go with the first shipment. Arguments: order_id; date (today); lines [{"line_no" or "sku", "quantity"?}], all that is reserved when omitted; carrier code; idempotency key; company. Result: shipment_id. Errors: OC001 unknown order, line or carrier; OC002 malformed lines; OC101 order not confirmed; OC103 a hold stands against it; OC104 not that much reserved.';
