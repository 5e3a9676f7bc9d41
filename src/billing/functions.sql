-- billing: invoices and credit notes

CREATE FUNCTION o2c.bill(as_of date DEFAULT o2c.today(), customer text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (invoice_id bigint, number text, customer text, total numeric)
AS 'MODULE_PATHNAME', 'o2c_bill'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.bill(date, text, bigint) IS
'Invoices everything shipped up to a date and not invoiced yet, posts the invoices and makes their instalments from the terms. Holds never stop it: goods that left are billable. One invoice per shipment, per order or per customer (customer.invoice_per). Arguments: invoice date (today), customer code (all when null), company. Result: the new invoices. Errors: OC001 unknown customer. Rules: EN 16931 BR-CO-10 to BR-CO-17; numbers from the series "invoice", drawn last.';
