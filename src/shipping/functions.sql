-- shipping: goods leave the house

CREATE FUNCTION o2c.ship_order("order" bigint, shipped_on date DEFAULT NULL, lines jsonb DEFAULT NULL, carrier text DEFAULT NULL,
    idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_ship_order'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.ship_order(bigint, date, jsonb, text, text, bigint) IS
'Ships what is reserved of a confirmed order. Holds are looked at again, under lock. Charges such as freight go with the first shipment. Arguments: order_id; date (today); lines [{"line_no" or "sku", "quantity"?}], all that is reserved when omitted; carrier code; idempotency key; company. Result: shipment_id. Errors: OC001 unknown order, line or carrier; OC002 malformed lines; OC101 order not confirmed; OC103 a hold stands against it; OC104 not that much reserved.';

CREATE FUNCTION o2c.return_goods(shipment bigint, lines jsonb DEFAULT NULL, returned_on date DEFAULT NULL, reason text DEFAULT NULL,
    restock boolean DEFAULT true, idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_return_goods'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.return_goods(bigint, jsonb, date, text, boolean, text, bigint) IS
'Takes goods of a shipment back: the exact inverse of shipping them. What was not billed is not billed any more; what was billed stands in o2c.return_to_credit until o2c.credit_returns() credits it. Charges do not come back. Arguments: shipment_id; lines [{"line_no" or "sku", "quantity"?}], all that left when omitted; date (today); reason (kept); restock: false where the goods cannot be sold again; idempotency key; company. Result: return_id. Errors: OC001 unknown shipment or line; OC002 malformed lines, more than left, or earlier than the shipment; OC003 key used for something else; OC101 nothing left to return.';
