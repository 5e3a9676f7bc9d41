
-- billing: invoices and credit notes

CREATE SEQUENCE IF NOT EXISTS o2c.invoice_id_seq;
CREATE TABLE IF NOT EXISTS o2c.invoice (
    company_id           bigint NOT NULL DEFAULT o2c.current_company(),
    invoice_id           bigint NOT NULL DEFAULT nextval('o2c.invoice_id_seq'),
    kind                 text NOT NULL DEFAULT 'invoice' CONSTRAINT invoice_kind CHECK (o2c._one_of(kind, 'invoice,credit_note')),
    number               text,
    reference_key        text GENERATED ALWAYS AS (o2c.normalize_reference(number)) STORED,
    creditor_reference   text GENERATED ALWAYS AS (CASE WHEN kind = 'invoice' THEN o2c._number_reference(number) END) STORED,
    customer_id          bigint NOT NULL,
    order_id             bigint,
    original_invoice_id  bigint,
    state                text NOT NULL DEFAULT 'draft' CONSTRAINT invoice_state CHECK
                         (o2c._one_of(state, 'draft,posted,overdue,paid,written_off')),
    imported             boolean NOT NULL DEFAULT false,
    invoiced_on          date NOT NULL,
    due_on               date,
    currency             text NOT NULL CONSTRAINT invoice_currency CHECK (o2c.minor_units(currency) >= 0),
    payment_terms        o2c.payment_terms,
    po_number            text,
    line_amount          numeric NOT NULL DEFAULT 0,
    charge_amount        numeric NOT NULL DEFAULT 0,
    net_amount           numeric NOT NULL DEFAULT 0,
    tax_amount           numeric NOT NULL DEFAULT 0,
    total_amount         numeric NOT NULL DEFAULT 0,
    credit_rate          numeric NOT NULL DEFAULT 1 CONSTRAINT invoice_credit_rate CHECK (credit_rate > 0),
    reason               text,
    recorded_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by           text NOT NULL DEFAULT o2c.actor(),
    attributes           jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT invoice_pkey PRIMARY KEY (company_id, invoice_id),
    CONSTRAINT invoice_number_key UNIQUE (company_id, number),
    CONSTRAINT invoice_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT invoice_original_fkey FOREIGN KEY (company_id, original_invoice_id) REFERENCES o2c.invoice,
    CONSTRAINT invoice_numbered CHECK (state = 'draft' OR number IS NOT NULL),
    -- EN 16931 BR-CO-13 and BR-CO-15
    CONSTRAINT invoice_total CHECK (net_amount = line_amount + charge_amount AND total_amount = net_amount + tax_amount),
    CONSTRAINT invoice_sign CHECK (o2c._is_amount(total_amount))
) WITH (fillfactor = 60); -- posted and paid in place: no index knows the state
COMMENT ON TABLE o2c.invoice IS 'Invoices and credit notes; amounts of both are positive. Posted ones never change: they are corrected by a credit note and a new invoice';
COMMENT ON COLUMN o2c.invoice.customer_id IS 'Who owes it: the bill-to customer';
COMMENT ON COLUMN o2c.invoice.order_id IS 'The order, where the invoice is for one only';
COMMENT ON COLUMN o2c.invoice.due_on IS 'When the last instalment is due';
COMMENT ON COLUMN o2c.invoice.reference_key IS 'The number as references are compared (o2c.normalize_reference)';
COMMENT ON COLUMN o2c.invoice.creditor_reference IS 'The number as a creditor reference (ISO 11649), in the normal form of references: what payers are asked to quote. Null where the number has no letter or digit, or more than 21. Numbers that differ in punctuation only share one';
COMMENT ON COLUMN o2c.invoice.line_amount IS 'Sum of line net amounts (EN 16931 BT-106)';
COMMENT ON COLUMN o2c.invoice.charge_amount IS 'Charges such as freight (EN 16931 BT-108)';
CREATE INDEX IF NOT EXISTS invoice_customer ON o2c.invoice (company_id, customer_id, invoiced_on);
CREATE INDEX IF NOT EXISTS invoice_date ON o2c.invoice (company_id, invoiced_on);
CREATE INDEX IF NOT EXISTS invoice_reference ON o2c.invoice (company_id, reference_key);
CREATE INDEX IF NOT EXISTS invoice_creditor_reference ON o2c.invoice (company_id, creditor_reference) WHERE creditor_reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS invoice_original ON o2c.invoice (company_id, original_invoice_id) WHERE original_invoice_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS invoice_order ON o2c.invoice (company_id, order_id) WHERE order_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS o2c.invoice_line (
    company_id        bigint NOT NULL DEFAULT o2c.current_company(),
    invoice_id        bigint NOT NULL,
    line_no           integer NOT NULL,
    kind              text NOT NULL DEFAULT 'item' CONSTRAINT invoice_line_kind CHECK (o2c._one_of(kind, 'item,charge')),
    shipment_id       bigint,
    order_id          bigint,
    order_line_no     integer,
    product_id        bigint,
    description       text NOT NULL,
    quantity          numeric NOT NULL,
    unit_price        numeric NOT NULL,
    discount_percent  numeric NOT NULL DEFAULT 0,
    net_amount        numeric NOT NULL,
    tax_category      text NOT NULL,
    tax_rate          numeric NOT NULL,
    CONSTRAINT invoice_line_pkey PRIMARY KEY (company_id, invoice_id, line_no),
    CONSTRAINT invoice_line_invoice_fkey FOREIGN KEY (company_id, invoice_id) REFERENCES o2c.invoice,
    CONSTRAINT invoice_line_shipment_fkey FOREIGN KEY (company_id, shipment_id, order_line_no) REFERENCES o2c.shipment_line
);
COMMENT ON TABLE o2c.invoice_line IS 'Lines of invoices, each rounded to the currency (EN 16931 BT-131)';

CREATE TABLE IF NOT EXISTS o2c.invoice_tax (
    company_id      bigint NOT NULL DEFAULT o2c.current_company(),
    invoice_id      bigint NOT NULL,
    tax_category    text NOT NULL,
    tax_rate        numeric NOT NULL,
    taxable_amount  numeric NOT NULL,
    tax_amount      numeric NOT NULL,
    CONSTRAINT invoice_tax_pkey PRIMARY KEY (company_id, invoice_id, tax_category, tax_rate),
    CONSTRAINT invoice_tax_invoice_fkey FOREIGN KEY (company_id, invoice_id) REFERENCES o2c.invoice
);
COMMENT ON TABLE o2c.invoice_tax IS 'Tax of invoices, computed once per category and rate (EN 16931 BG-23, BR-CO-17)';

CREATE OR REPLACE VIEW o2c._billable_line AS
SELECT sl.company_id, c.customer_id, coalesce(c.bill_to_customer_id, c.customer_id) AS bill_to_customer_id, s.shipped_on,
       CASE c.invoice_per WHEN 'shipment' THEN s.shipment_id WHEN 'order' THEN o.order_id ELSE 0 END AS invoice_key,
       o.order_id, s.shipment_id, sl.line_no,
       sl.quantity - sl.invoiced_quantity - sl.returned_quantity AS quantity,
       l.kind, l.product_id, l.description, l.unit_price, l.discount_percent, l.tax_category, l.tax_rate,
       o.currency, o.payment_terms::text AS payment_terms, o.po_number, o.credit_rate
FROM o2c.shipment_line sl
JOIN o2c.shipment s ON s.company_id = sl.company_id AND s.shipment_id = sl.shipment_id AND s.order_id = sl.order_id
JOIN o2c.order_line l ON l.company_id = sl.company_id AND l.order_id = sl.order_id AND l.line_no = sl.line_no
JOIN o2c.sales_order o ON o.company_id = sl.company_id AND o.order_id = sl.order_id
JOIN o2c.customer c ON c.company_id = o.company_id AND c.customer_id = o.customer_id
WHERE sl.invoiced_quantity + sl.returned_quantity < sl.quantity;
COMMENT ON VIEW o2c._billable_line IS 'What was shipped and neither invoiced nor returned; lines with the same bill-to, currency, terms and invoice_key go on one invoice';

CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.invoice
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('attributes', 'number,state,due_on', 'permanent');
-- first of all: what follows from a state is recorded after it
CREATE OR REPLACE TRIGGER a_record_insert AFTER INSERT ON o2c.invoice REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('invoice', 'invoice_id', 'order_id', 'state');
CREATE OR REPLACE TRIGGER a_record_update AFTER UPDATE ON o2c.invoice REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('invoice', 'invoice_id', 'order_id', 'state');
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.invoice_line
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.invoice_tax
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');

-- EN 16931: BR-CO-10 and BR-CO-12 (sums of lines and charges), BR-CO-14 (sum of tax), the taxable amount of
-- each category (BR-S-08 and its kin) and BR-CO-17 (tax of a category); BR-CO-13 and BR-CO-15 are constraints
CREATE OR REPLACE VIEW o2c.verify_invoice_total AS
SELECT i.company_id, 'invoice total' AS check_name, i.kind || ' ' || i.number AS object,
       format('lines %s, charges %s, tax %s', coalesce(l.line_amount, 0), coalesce(l.charge_amount, 0), coalesce(t.tax_amount, 0)) AS expected,
       format('lines %s, charges %s, tax %s', i.line_amount, i.charge_amount, i.tax_amount) AS found
FROM o2c.invoice i
LEFT JOIN (SELECT n.company_id, n.invoice_id,
                  coalesce(sum(n.net_amount) FILTER (WHERE n.kind = 'item'), 0) AS line_amount,
                  coalesce(sum(n.net_amount) FILTER (WHERE n.kind = 'charge'), 0) AS charge_amount
           FROM o2c.invoice_line n GROUP BY n.company_id, n.invoice_id) l
    ON l.company_id = i.company_id AND l.invoice_id = i.invoice_id
LEFT JOIN (SELECT x.company_id, x.invoice_id, sum(x.tax_amount) AS tax_amount
           FROM o2c.invoice_tax x GROUP BY x.company_id, x.invoice_id) t
    ON t.company_id = i.company_id AND t.invoice_id = i.invoice_id
WHERE NOT i.imported AND i.state <> 'draft'
  AND (i.line_amount, i.charge_amount, i.tax_amount)
      <> (coalesce(l.line_amount, 0), coalesce(l.charge_amount, 0), coalesce(t.tax_amount, 0))
UNION ALL
SELECT i.company_id, 'invoice line', format('%s %s line %s', i.kind, i.number, l.line_no),
       o2c.round_money(l.quantity * l.unit_price * (100 - l.discount_percent) * 0.01, i.currency)::text, l.net_amount::text
FROM o2c.invoice_line l
JOIN o2c.invoice i ON i.company_id = l.company_id AND i.invoice_id = l.invoice_id
WHERE NOT i.imported AND i.state <> 'draft'
  AND l.net_amount <> o2c.round_money(l.quantity * l.unit_price * (100 - l.discount_percent) * 0.01, i.currency)
UNION ALL
SELECT i.company_id, 'invoice tax', format('%s %s tax %s %s %%', i.kind, i.number, b.tax_category, b.tax_rate),
       format('%s of %s', o2c.round_money(coalesce(b.net_amount, 0) * b.tax_rate * 0.01, i.currency), coalesce(b.net_amount, 0)),
       format('%s of %s', coalesce(b.tax_amount, 0), coalesce(b.taxable_amount, 0))
FROM (SELECT company_id, invoice_id, tax_category, tax_rate, n.net_amount, x.taxable_amount, x.tax_amount
      FROM (SELECT k.company_id, k.invoice_id, k.tax_category, k.tax_rate, sum(k.net_amount) AS net_amount
            FROM o2c.invoice_line k GROUP BY k.company_id, k.invoice_id, k.tax_category, k.tax_rate) n
      FULL JOIN o2c.invoice_tax x USING (company_id, invoice_id, tax_category, tax_rate)) b
JOIN o2c.invoice i ON i.company_id = b.company_id AND i.invoice_id = b.invoice_id
WHERE NOT i.imported AND i.state <> 'draft'
  AND (coalesce(b.net_amount, 0) IS DISTINCT FROM b.taxable_amount
       -- the tax of a credit note goes on where the one before it ended
       OR (i.kind = 'invoice' AND b.tax_amount <> o2c.round_money(coalesce(b.net_amount, 0) * b.tax_rate * 0.01, i.currency)))
UNION ALL
SELECT i.company_id, 'credited tax', format('credit notes of invoice %s tax %s %s %%', i.number, c.tax_category, c.tax_rate),
       format('%s of %s, at most %s of %s', o2c.round_money(c.taxable_amount * c.tax_rate * 0.01, i.currency), c.taxable_amount,
              coalesce(x.tax_amount, 0), coalesce(x.taxable_amount, 0)),
       format('%s of %s', c.tax_amount, c.taxable_amount)
FROM (SELECT v.company_id, v.original_invoice_id, t.tax_category, t.tax_rate,
             sum(t.taxable_amount) AS taxable_amount, sum(t.tax_amount) AS tax_amount
      FROM o2c.invoice v
      JOIN o2c.invoice_tax t ON t.company_id = v.company_id AND t.invoice_id = v.invoice_id
      WHERE v.kind = 'credit_note' AND v.state <> 'draft'
      GROUP BY v.company_id, v.original_invoice_id, t.tax_category, t.tax_rate) c
JOIN o2c.invoice i ON i.company_id = c.company_id AND i.invoice_id = c.original_invoice_id
LEFT JOIN o2c.invoice_tax x ON x.company_id = c.company_id AND x.invoice_id = c.original_invoice_id
                           AND x.tax_category = c.tax_category AND x.tax_rate = c.tax_rate
WHERE c.tax_amount <> o2c.round_money(c.taxable_amount * c.tax_rate * 0.01, i.currency)
   OR (NOT i.imported AND (c.taxable_amount > coalesce(x.taxable_amount, 0) OR c.tax_amount > coalesce(x.tax_amount, 0)));
COMMENT ON VIEW o2c.verify_invoice_total IS 'Posted invoices whose amounts do not follow from their lines and categories of tax as EN 16931 says, and credit notes that together are not what they take back, or more than their invoice';

-- a credit of money only, after all pieces were credited, counts none
CREATE OR REPLACE VIEW o2c._waived_quantity AS
SELECT n.company_id, n.order_id, n.order_line_no, sum(least(c.waived, n.quantity - c.credited)) AS quantity
FROM o2c.invoice_line n
JOIN o2c.invoice i ON i.company_id = n.company_id AND i.invoice_id = n.invoice_id AND i.kind = 'invoice'
JOIN (SELECT v.company_id, v.original_invoice_id, k.line_no,
             coalesce(sum(k.quantity) FILTER (WHERE k.order_id IS NULL), 0) AS waived,
             coalesce(sum(k.quantity) FILTER (WHERE k.order_id IS NOT NULL), 0) AS credited
      FROM o2c.invoice v
      JOIN o2c.invoice_line k ON k.company_id = v.company_id AND k.invoice_id = v.invoice_id
      WHERE v.kind = 'credit_note'
      GROUP BY v.company_id, v.original_invoice_id, k.line_no) c
    ON c.company_id = n.company_id AND c.original_invoice_id = n.invoice_id AND c.line_no = n.line_no
WHERE n.order_id IS NOT NULL
GROUP BY n.company_id, n.order_id, n.order_line_no;
COMMENT ON VIEW o2c._waived_quantity IS 'How much of order lines was invoiced and credited for good, not to be billed again';

CREATE OR REPLACE VIEW o2c.verify_invoiced_quantity AS
SELECT l.company_id, 'invoiced quantity' AS check_name, format('order %s line %s', coalesce(o.number, '#' || o.order_id), l.line_no) AS object,
       format('invoiced %s, credited %s', coalesce(b.invoiced, 0), coalesce(b.credited, 0)) AS expected,
       format('invoiced %s, credited %s', l.invoiced_quantity, l.credited_quantity) AS found
FROM o2c.order_line l
JOIN o2c.sales_order o ON o.company_id = l.company_id AND o.order_id = l.order_id
LEFT JOIN (SELECT n.company_id, n.order_id, n.order_line_no,
                  coalesce(sum(n.quantity) FILTER (WHERE i.kind = 'invoice'), 0) AS invoiced,
                  coalesce(sum(n.quantity) FILTER (WHERE i.kind = 'credit_note'), 0) AS credited
           FROM o2c.invoice_line n
           JOIN o2c.invoice i ON i.company_id = n.company_id AND i.invoice_id = n.invoice_id
           WHERE n.order_id IS NOT NULL
           GROUP BY n.company_id, n.order_id, n.order_line_no) b
    ON b.company_id = l.company_id AND b.order_id = l.order_id AND b.order_line_no = l.line_no
WHERE (l.invoiced_quantity, l.credited_quantity) <> (coalesce(b.invoiced, 0), coalesce(b.credited, 0))
UNION ALL
SELECT l.company_id, 'waived quantity', format('order %s line %s', l.order_id, l.line_no), coalesce(w.quantity, 0)::text, l.waived_quantity::text
FROM o2c.order_line l
LEFT JOIN o2c._waived_quantity w ON w.company_id = l.company_id AND w.order_id = l.order_id AND w.order_line_no = l.line_no
WHERE l.waived_quantity <> coalesce(w.quantity, 0);
COMMENT ON VIEW o2c.verify_invoiced_quantity IS 'Order lines whose invoiced, credited and waived quantities are not the sums over the lines of their invoices and credit notes';

-- the number is what follows the prefix; where the prefix was changed since, the digits at the end
CREATE OR REPLACE VIEW o2c.verify_number_series AS
SELECT u.company_id, CASE WHEN u.next_place IS NULL THEN 'last number of a series' ELSE 'gapless series' END AS check_name,
       concat_ws(' ', 'series', u.series, nullif(u.year, 0)) AS object,
       CASE WHEN u.next_place IS NULL THEN u.place::text ELSE format('numbers %s to %s', u.place + 1, u.next_place - 1) END AS expected,
       CASE WHEN u.next_place IS NULL THEN u.last_number::text ELSE 'missing' END AS found
FROM (SELECT d.*, lead(d.place) OVER (PARTITION BY d.company_id, d.series, d.year ORDER BY d.place) AS next_place
      FROM (SELECT s.company_id, s.series, s.year, s.last_number,
                   CASE WHEN starts_with(i.number, y.start) AND substr(i.number, length(y.start) + 1) ~ '^[0-9]+$'
                        THEN substr(i.number, length(y.start) + 1)
                        ELSE substring(i.number FROM '[0-9]+$') END::numeric AS place
            FROM o2c.number_series s
            CROSS JOIN LATERAL (SELECT s.prefix || CASE WHEN s.yearly THEN s.year || '-' ELSE '' END AS start) y
            JOIN o2c.invoice i ON i.company_id = s.company_id AND i.kind = s.series
             AND s.year = CASE WHEN s.yearly THEN extract(year FROM i.invoiced_on) ELSE 0 END
            WHERE s.gapless AND NOT i.imported AND i.number IS NOT NULL) d) u
WHERE u.next_place > u.place + 1 OR (u.next_place IS NULL AND u.place <> u.last_number);
COMMENT ON VIEW o2c.verify_number_series IS 'Gaps in the numbers of invoices and credit notes where the series is gapless, and counters that are not at the last number in use';

-- a line of a shipment is on one invoice, and after it was billed again on more: credit the latest ones first;
-- what was credited for good is not credited again
CREATE OR REPLACE VIEW o2c.return_to_credit AS
SELECT d.company_id, d.customer_id, d.order_id, d.shipment_id, d.order_line_no, d.invoice_id, d.line_no,
       least(d.left_quantity, d.due_quantity - (d.running - d.left_quantity))::numeric(24, 6) AS quantity
FROM (SELECT i.company_id, i.customer_id, n.order_id, n.shipment_id, n.order_line_no, n.invoice_id, n.line_no,
             s.invoiced_quantity + s.returned_quantity - s.quantity
             - sum(least(coalesce(c.waived, 0), n.quantity - coalesce(c.quantity - c.waived, 0)))
                   OVER (PARTITION BY i.company_id, n.shipment_id, n.order_line_no) AS due_quantity,
             n.quantity - coalesce(c.quantity, 0) AS left_quantity,
             sum(n.quantity - coalesce(c.quantity, 0)) OVER (PARTITION BY i.company_id, n.shipment_id, n.order_line_no
                                                             ORDER BY n.invoice_id DESC) AS running
      FROM o2c.shipment_line s
      JOIN o2c.invoice_line n ON n.company_id = s.company_id AND n.shipment_id = s.shipment_id AND n.order_line_no = s.line_no
      JOIN o2c.invoice i ON i.company_id = n.company_id AND i.invoice_id = n.invoice_id AND i.kind = 'invoice'
      LEFT JOIN (SELECT v.company_id, v.original_invoice_id, k.line_no, sum(k.quantity) AS quantity,
                        coalesce(sum(k.quantity) FILTER (WHERE k.order_id IS NULL), 0) AS waived
                 FROM o2c.invoice v
                 JOIN o2c.invoice_line k ON k.company_id = v.company_id AND k.invoice_id = v.invoice_id
                 WHERE v.kind = 'credit_note'
                 GROUP BY v.company_id, v.original_invoice_id, k.line_no) c
          ON c.company_id = n.company_id AND c.original_invoice_id = n.invoice_id AND c.line_no = n.line_no
      WHERE s.invoiced_quantity + s.returned_quantity > s.quantity) d
WHERE d.left_quantity > 0 AND d.running - d.left_quantity < d.due_quantity;
COMMENT ON VIEW o2c.return_to_credit IS 'Goods that came back after they were billed and are not credited yet; o2c.credit_returns() credits them';
COMMENT ON COLUMN o2c.return_to_credit.line_no IS 'Line of the invoice, as o2c.credit_invoice() takes it';
