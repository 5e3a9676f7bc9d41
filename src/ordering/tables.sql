
-- ordering: sales orders and their lines

CREATE SEQUENCE IF NOT EXISTS o2c.order_id_seq;
CREATE TABLE IF NOT EXISTS o2c.sales_order (
    company_id      bigint NOT NULL DEFAULT o2c.current_company(),
    order_id        bigint NOT NULL DEFAULT nextval('o2c.order_id_seq'),
    number          text,
    customer_id     bigint NOT NULL,
    state           text NOT NULL DEFAULT 'draft' CONSTRAINT sales_order_state CHECK
                    (o2c._one_of(state, 'draft,quoted,submitted,confirmed,held,refused,completed,cancelled')),
    ordered_on      date NOT NULL DEFAULT o2c.today(),
    requested_on    date,
    po_number       text,
    currency        text NOT NULL CONSTRAINT sales_order_currency CHECK (o2c.minor_units(currency) >= 0),
    payment_terms   o2c.payment_terms NOT NULL,
    line_amount     numeric NOT NULL DEFAULT 0,
    charge_amount   numeric NOT NULL DEFAULT 0,
    net_amount      numeric NOT NULL DEFAULT 0,
    tax_amount      numeric NOT NULL DEFAULT 0,
    total_amount    numeric NOT NULL DEFAULT 0,
    credit_rate     numeric NOT NULL DEFAULT 1 CONSTRAINT sales_order_credit_rate CHECK (credit_rate > 0),
    prepaid_amount  numeric NOT NULL DEFAULT 0,
    prepaid_used    numeric NOT NULL DEFAULT 0,
    prepaid_ordered numeric NOT NULL DEFAULT 0,
    prepaid_shipped numeric NOT NULL DEFAULT 0,
    location        text NOT NULL DEFAULT 'MAIN',
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by      text NOT NULL DEFAULT o2c.actor(),
    attributes      jsonb NOT NULL DEFAULT '{}',
    version         bigint NOT NULL DEFAULT 1,
    CONSTRAINT sales_order_pkey PRIMARY KEY (company_id, order_id),
    CONSTRAINT sales_order_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT sales_order_total CHECK (net_amount = line_amount + charge_amount AND total_amount = net_amount + tax_amount)
) WITH (fillfactor = 80);
COMMENT ON TABLE o2c.sales_order IS 'Sales orders: draft, submitted, then confirmed, held or refused; completed or cancelled at the end. One that is only quoted is an offer: it takes neither credit nor stock';
COMMENT ON COLUMN o2c.sales_order.credit_rate IS 'Units of the credit account''s currency for one of the order''s, frozen when credit was taken';
COMMENT ON COLUMN o2c.sales_order.prepaid_amount IS 'Payments allocated to the order before its invoices; prepaid_used of it was applied to them';
COMMENT ON COLUMN o2c.sales_order.prepaid_ordered IS 'What of the prepayment covers the order''s part of the exposure "ordered"; prepaid_shipped that of "shipped"';
COMMENT ON COLUMN o2c.sales_order.version IS 'Counts the changes of the order; 1 as it was placed';
COMMENT ON COLUMN o2c.sales_order.location IS 'Place that the order is served from';
CREATE INDEX IF NOT EXISTS sales_order_customer ON o2c.sales_order (company_id, customer_id, order_id);
CREATE INDEX IF NOT EXISTS sales_order_held ON o2c.sales_order (company_id, customer_id, order_id) WHERE state = 'held';
CREATE INDEX IF NOT EXISTS sales_order_prepaid ON o2c.sales_order (company_id, order_id) WHERE prepaid_amount > prepaid_used;
CREATE INDEX IF NOT EXISTS sales_order_po ON o2c.sales_order (company_id, customer_id, upper(po_number)) WHERE po_number IS NOT NULL;

CREATE TABLE IF NOT EXISTS o2c.order_line (
    company_id          bigint NOT NULL DEFAULT o2c.current_company(),
    order_id            bigint NOT NULL,
    line_no             integer NOT NULL,
    kind                text NOT NULL DEFAULT 'item',
    product_id          bigint,
    description         text NOT NULL,
    quantity            numeric NOT NULL,
    unit_price          numeric NOT NULL CONSTRAINT order_line_unit_price CHECK (o2c._is_amount(unit_price)),
    discount_percent    numeric NOT NULL DEFAULT 0 CONSTRAINT order_line_discount CHECK (discount_percent BETWEEN 0 AND 100),
    net_amount          numeric NOT NULL,
    tax_category        text NOT NULL,
    tax_rate            numeric NOT NULL,
    tax_amount          numeric NOT NULL,
    confirmed_quantity  numeric NOT NULL DEFAULT 0,
    reserved_quantity   numeric NOT NULL DEFAULT 0,
    shipped_quantity    numeric NOT NULL DEFAULT 0,
    returned_quantity   numeric NOT NULL DEFAULT 0,
    invoiced_quantity   numeric NOT NULL DEFAULT 0,
    credited_quantity   numeric NOT NULL DEFAULT 0,
    cancelled_quantity  numeric NOT NULL DEFAULT 0,
    closed_quantity     numeric NOT NULL DEFAULT 0,
    waived_quantity     numeric NOT NULL DEFAULT 0,
    -- PostgreSQL prepares these expressions, and all constraints, anew for each statement that writes the table: they are single calls
    ordered_value       numeric NOT NULL GENERATED ALWAYS AS
        (o2c._ordered_value(net_amount, tax_amount, quantity, confirmed_quantity, shipped_quantity)) STORED,
    shipped_value       numeric NOT NULL GENERATED ALWAYS AS
        (o2c._shipped_value(net_amount, tax_amount, quantity, shipped_quantity, returned_quantity, invoiced_quantity, credited_quantity,
                            waived_quantity)) STORED,
    attributes          jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT order_line_pkey PRIMARY KEY (company_id, order_id, line_no),
    CONSTRAINT order_line_order_fkey FOREIGN KEY (company_id, order_id) REFERENCES o2c.sales_order,
    CONSTRAINT order_line_product_fkey FOREIGN KEY (company_id, product_id) REFERENCES o2c.product,
    CONSTRAINT order_line_kind CHECK (kind = CASE WHEN product_id IS NULL THEN 'charge' ELSE 'item' END),
    CONSTRAINT order_line_quantities CHECK (o2c._quantities_fit(quantity, confirmed_quantity, reserved_quantity, shipped_quantity,
        returned_quantity, invoiced_quantity, credited_quantity, cancelled_quantity))
) WITH (fillfactor = 60);
COMMENT ON TABLE o2c.order_line IS 'Lines of orders. Quantities drive everything: states, exposure and what is to ship and to bill follow from them';
COMMENT ON COLUMN o2c.order_line.kind IS 'item: a product. charge: freight and the like (EN 16931 BG-21); due with the first shipment';
COMMENT ON COLUMN o2c.order_line.tax_amount IS 'The line''s share of the order''s tax, which is computed once per category and rate';
COMMENT ON COLUMN o2c.order_line.confirmed_quantity IS 'Quantity in force: credit was taken for it';
COMMENT ON COLUMN o2c.order_line.closed_quantity IS 'What of cancelled_quantity went with the whole order when it was cancelled or closed: reopening it brings that back';
COMMENT ON COLUMN o2c.order_line.credited_quantity IS 'Invoiced and credited, to be billed again as far as it does not come back';
COMMENT ON COLUMN o2c.order_line.waived_quantity IS 'Invoiced and credited for good: what of it comes back calls for no other credit note';
COMMENT ON COLUMN o2c.order_line.ordered_value IS 'Gross value confirmed and not shipped: the line''s part of the exposure "ordered". A function of the row, so that it cannot drift; 4 digits are the most of any currency';
COMMENT ON COLUMN o2c.order_line.shipped_value IS 'Gross value shipped and not invoiced: the line''s part of the exposure "shipped"';
CREATE INDEX IF NOT EXISTS order_line_backorder ON o2c.order_line (company_id, product_id, order_id)
    WHERE kind = 'item' AND confirmed_quantity > shipped_quantity + reserved_quantity;

CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.sales_order
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('state,requested_on,po_number,attributes', 'number,line_amount,charge_amount,net_amount,tax_amount,total_amount,prepaid_amount,prepaid_used,prepaid_ordered,prepaid_shipped', 'permanent', 'payment_terms,version,ordered_on');
CREATE OR REPLACE TRIGGER b_advance BEFORE INSERT OR UPDATE OF state ON o2c.sales_order
    FOR EACH ROW EXECUTE FUNCTION o2c._advance_order();
CREATE OR REPLACE TRIGGER cancel_lines AFTER UPDATE OF state ON o2c.sales_order FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND NEW.state = 'cancelled') EXECUTE FUNCTION o2c._cancel_lines();
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.sales_order REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('sales_order', 'order_id', 'order_id', 'state', 'draft');
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON o2c.sales_order REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('sales_order', 'order_id', 'order_id', 'state');
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.order_line
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('attributes', 'confirmed_quantity,reserved_quantity,shipped_quantity,returned_quantity,invoiced_quantity,credited_quantity,cancelled_quantity,closed_quantity,waived_quantity', 'permanent',
    'quantity,unit_price,discount_percent,net_amount,tax_amount');
CREATE OR REPLACE TRIGGER b_draft BEFORE INSERT ON o2c.order_line
    FOR EACH ROW EXECUTE FUNCTION o2c._add_line();

CREATE OR REPLACE VIEW o2c.verify_order_total AS
SELECT o.company_id, 'order total' AS check_name, 'order ' || coalesce(o.number, '#' || o.order_id) AS object,
       format('lines %s, charges %s, tax %s', coalesce(l.line_amount, 0), coalesce(l.charge_amount, 0), coalesce(l.tax_amount, 0)) AS expected,
       format('lines %s, charges %s, tax %s', o.line_amount, o.charge_amount, o.tax_amount) AS found
FROM o2c.sales_order o
LEFT JOIN (SELECT n.company_id, n.order_id,
                  coalesce(sum(n.net_amount) FILTER (WHERE n.kind = 'item'), 0) AS line_amount,
                  coalesce(sum(n.net_amount) FILTER (WHERE n.kind = 'charge'), 0) AS charge_amount,
                  sum(n.tax_amount) AS tax_amount
           FROM o2c.order_line n GROUP BY n.company_id, n.order_id) l
    -- a draft has no totals yet
    ON l.company_id = o.company_id AND l.order_id = o.order_id AND (o.number IS NOT NULL OR o.state = 'quoted' OR o.total_amount <> 0)
WHERE (o.line_amount, o.charge_amount, o.tax_amount)
      <> (coalesce(l.line_amount, 0), coalesce(l.charge_amount, 0), coalesce(l.tax_amount, 0))
UNION ALL
SELECT l.company_id, 'order line', format('order %s line %s', coalesce(o.number, '#' || o.order_id), l.line_no),
       o2c.round_money(l.quantity * l.unit_price * (100 - l.discount_percent) * 0.01, o.currency)::text, l.net_amount::text
FROM o2c.order_line l
JOIN o2c.sales_order o ON o.company_id = l.company_id AND o.order_id = l.order_id
WHERE l.net_amount <> o2c.round_money(l.quantity * l.unit_price * (100 - l.discount_percent) * 0.01, o.currency)
UNION ALL
SELECT l.company_id, 'closed quantity', format('order %s line %s', coalesce(o.number, '#' || o.order_id), l.line_no),
       format('0 to %s', l.cancelled_quantity), l.closed_quantity::text
FROM o2c.order_line l
JOIN o2c.sales_order o ON o.company_id = l.company_id AND o.order_id = l.order_id
WHERE l.closed_quantity NOT BETWEEN 0 AND l.cancelled_quantity
UNION ALL
SELECT o.company_id, 'order tax', format('order %s tax %s %s %%', coalesce(o.number, '#' || o.order_id), l.tax_category, l.tax_rate),
       o2c.round_money(sum(l.net_amount) * l.tax_rate * 0.01, o.currency)::text, sum(l.tax_amount)::text
FROM o2c.order_line l
JOIN o2c.sales_order o ON o.company_id = l.company_id AND o.order_id = l.order_id
GROUP BY o.company_id, o.order_id, o.number, o.currency, l.tax_category, l.tax_rate
HAVING sum(l.tax_amount) <> o2c.round_money(sum(l.net_amount) * l.tax_rate * 0.01, o.currency);
COMMENT ON VIEW o2c.verify_order_total IS 'Orders whose amounts are not the sums of their lines, lines that are not quantity times price, and tax that is not the rate of its category''s net amount';

CREATE OR REPLACE VIEW o2c.order_status AS
SELECT o.company_id, o.order_id, o.number, o.state,
       CASE WHEN o.state = 'completed' THEN 'closed'
            WHEN o.state IN ('draft', 'quoted', 'cancelled', 'refused') THEN o.state
            WHEN l.invoiced > 0 THEN CASE WHEN l.unshipped = 0 AND l.unbilled <= 0 THEN 'invoiced' ELSE 'partially invoiced' END
            WHEN l.shipped > 0 THEN CASE WHEN l.unshipped = 0 THEN 'shipped' ELSE 'partially shipped' END
            ELSE 'open' END AS fulfilment,
       coalesce(l.unshipped, 0)::numeric(24, 6) AS unshipped_quantity, coalesce(l.backordered, 0)::numeric(24, 6) AS backordered_quantity,
       greatest(coalesce(l.unbilled, 0), 0)::numeric(24, 6) AS unbilled_quantity, coalesce(l.returned, 0)::numeric(24, 6) AS returned_quantity,
       coalesce(l.cancelled, 0)::numeric(24, 6) AS cancelled_quantity
FROM o2c.sales_order o
LEFT JOIN (SELECT n.company_id, n.order_id, sum(n.shipped_quantity) AS shipped, sum(n.invoiced_quantity - n.credited_quantity) AS invoiced,
                  sum(n.quantity - n.cancelled_quantity - n.shipped_quantity) AS unshipped,
                  sum(n.quantity - n.cancelled_quantity - n.shipped_quantity - n.reserved_quantity) AS backordered,
                  sum(n.shipped_quantity - n.returned_quantity - n.invoiced_quantity + n.credited_quantity) AS unbilled,
                  sum(n.returned_quantity) AS returned, sum(n.cancelled_quantity) AS cancelled
           FROM o2c.order_line n WHERE n.kind = 'item' GROUP BY n.company_id, n.order_id) l
    ON l.company_id = o.company_id AND l.order_id = o.order_id;
COMMENT ON VIEW o2c.order_status IS 'How far each order is, derived from the quantities of its items and never stored';
COMMENT ON COLUMN o2c.order_status.fulfilment IS 'draft, quoted, open, partially shipped, shipped, partially invoiced, invoiced, closed; cancelled or refused';
COMMENT ON COLUMN o2c.order_status.backordered_quantity IS 'Open and not reserved';
