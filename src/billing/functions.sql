-- billing: invoices and credit notes

CREATE FUNCTION o2c.bill(as_of date DEFAULT o2c.today(), customer text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (invoice_id bigint, number text, customer text, total numeric)
AS 'MODULE_PATHNAME', 'o2c_bill'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.bill(date, text, bigint) IS
'Invoices everything shipped up to a date and not invoiced yet, posts the invoices and makes their instalments from the terms. Holds never stop it: goods that left are billable. One invoice per shipment, per order or per customer (customer.invoice_per). Arguments: invoice date (today), customer code (all when null), company. Result: the new invoices. Errors: OC001 unknown customer. Rules: EN 16931 BR-CO-10 to BR-CO-17; numbers from the series "invoice", drawn last.';

CREATE FUNCTION o2c.credit_invoice(invoice bigint, credited_on date DEFAULT NULL, lines jsonb DEFAULT NULL, reason text DEFAULT NULL,
    rebill boolean DEFAULT false, idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_credit_invoice'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.credit_invoice(bigint, date, jsonb, text, boolean, text, bigint) IS
'Corrects a posted invoice by a credit note with the tax of its lines, and applies it to the invoice; what the invoice cannot take stays on account. Arguments: invoice_id; date (today); lines [{"line_no", "quantity"?, "unit_price"?}], all that is left when omitted; reason; rebill: the goods count as shipped and not invoiced again; idempotency key; company. Result: the invoice_id of the credit note. Errors: OC001 unknown invoice or line; OC002 earlier than the invoice; OC101 not a posted invoice, or nothing left; OC106 more than is left of a line.';
