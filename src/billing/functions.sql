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

CREATE FUNCTION o2c._credit_returns(invoices bigint[], credited_on date, company_id bigint)
RETURNS TABLE (credit_note bigint, invoice bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE due record;
BEGIN
    FOR due IN
        SELECT r.invoice_id, jsonb_agg(jsonb_build_object('line_no', r.line_no, 'quantity', r.quantity) ORDER BY r.line_no) AS lines
        FROM o2c.return_to_credit r
        WHERE r.company_id = _credit_returns.company_id AND r.invoice_id = ANY (invoices)
        GROUP BY r.customer_id, r.invoice_id
        ORDER BY r.customer_id, r.invoice_id
    LOOP
        credit_note := o2c.credit_invoice(due.invoice_id, _credit_returns.credited_on, due.lines, 'goods returned', true,
                                          company_id => _credit_returns.company_id);
        invoice := due.invoice_id;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION o2c._credit_returns(bigint[], date, bigint) IS 'Credits what came back of some invoices, whose customers'' groups are locked.';

CREATE FUNCTION o2c.credit_returns(credited_on date DEFAULT NULL, customer text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (credit_note bigint, invoice bigint)
AS 'MODULE_PATHNAME', 'o2c_credit_returns'
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.credit_returns(date, text, bigint) IS
'Credits the goods that came back after they were billed (o2c.return_to_credit), one credit note for each invoice. Arguments: date (today), customer code as billed (all when null), company. Result: the credit notes and their invoices. Errors: as o2c.credit_invoice().';
