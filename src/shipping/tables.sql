
-- shipping: carriers, shipments

CREATE SEQUENCE IF NOT EXISTS o2c.carrier_id_seq;
CREATE TABLE IF NOT EXISTS o2c.carrier (
    company_id  bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT carrier_company_fkey REFERENCES o2c.company,
    carrier_id  bigint NOT NULL DEFAULT nextval('o2c.carrier_id_seq'),
    code        text NOT NULL,
    name        text NOT NULL,
    phone       text,
    attributes  jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT carrier_pkey PRIMARY KEY (company_id, carrier_id),
    CONSTRAINT carrier_code_key UNIQUE (company_id, code)
);
COMMENT ON TABLE o2c.carrier IS 'Carriers that take shipments';

CREATE SEQUENCE IF NOT EXISTS o2c.shipment_id_seq;
CREATE TABLE IF NOT EXISTS o2c.shipment (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    shipment_id  bigint NOT NULL DEFAULT nextval('o2c.shipment_id_seq'),
    number       text,
    order_id     bigint NOT NULL,
    customer_id  bigint NOT NULL,
    carrier_id   bigint,
    state        text NOT NULL DEFAULT 'shipped' CONSTRAINT shipment_state CHECK (state IN ('shipped')),
    shipped_on   date NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by   text NOT NULL DEFAULT o2c.actor(),
    attributes   jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT shipment_pkey PRIMARY KEY (company_id, shipment_id),
    CONSTRAINT shipment_order_fkey FOREIGN KEY (company_id, order_id) REFERENCES o2c.sales_order,
    CONSTRAINT shipment_carrier_fkey FOREIGN KEY (company_id, carrier_id) REFERENCES o2c.carrier
);
COMMENT ON TABLE o2c.shipment IS 'Shipments: goods of one order that left together';
CREATE INDEX IF NOT EXISTS shipment_order ON o2c.shipment (company_id, order_id);

CREATE TABLE IF NOT EXISTS o2c.shipment_line (
    company_id         bigint NOT NULL DEFAULT o2c.current_company(),
    shipment_id        bigint NOT NULL,
    line_no            integer NOT NULL,
    order_id           bigint NOT NULL,
    quantity           numeric NOT NULL CONSTRAINT shipment_line_quantity CHECK (quantity > 0),
    invoiced_quantity  numeric NOT NULL DEFAULT 0,
    CONSTRAINT shipment_line_pkey PRIMARY KEY (company_id, shipment_id, line_no),
    CONSTRAINT shipment_line_shipment_fkey FOREIGN KEY (company_id, shipment_id) REFERENCES o2c.shipment,
    CONSTRAINT shipment_line_order_fkey FOREIGN KEY (company_id, order_id, line_no) REFERENCES o2c.order_line,
    CONSTRAINT shipment_line_billed_once CHECK (invoiced_quantity BETWEEN 0 AND quantity)
) WITH (fillfactor = 80);
COMMENT ON TABLE o2c.shipment_line IS 'Lines of shipments; line_no is the order line''s';
COMMENT ON COLUMN o2c.shipment_line.invoiced_quantity IS 'Billing consumes it: a shipped line is billed once';
CREATE INDEX IF NOT EXISTS shipment_line_billable ON o2c.shipment_line (company_id, shipment_id) WHERE invoiced_quantity < quantity;

CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.shipment
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('carrier_id,attributes', 'number,state', 'engine');
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.shipment REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('shipment', 'shipment_id', 'order_id', 'state');
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.shipment_line
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'invoiced_quantity', 'engine');

-- a charge is due with the first shipment and never leaves the house, so only items are counted
CREATE OR REPLACE VIEW o2c.verify_shipment AS
SELECT l.company_id, 'shipped quantity' AS check_name, format('order %s line %s', coalesce(o.number, '#' || o.order_id), l.line_no) AS object,
       coalesce(s.quantity, 0)::text AS expected, l.shipped_quantity::text AS found
FROM o2c.order_line l
JOIN o2c.sales_order o ON o.company_id = l.company_id AND o.order_id = l.order_id
LEFT JOIN (SELECT n.company_id, n.order_id, n.line_no, sum(n.quantity) AS quantity
           FROM o2c.shipment_line n
           JOIN o2c.shipment h ON h.company_id = n.company_id AND h.shipment_id = n.shipment_id AND h.state = 'shipped'
           GROUP BY n.company_id, n.order_id, n.line_no) s
    ON s.company_id = l.company_id AND s.order_id = l.order_id AND s.line_no = l.line_no
WHERE l.kind = 'item' AND l.shipped_quantity <> coalesce(s.quantity, 0)
UNION ALL
SELECT n.company_id, 'shipment of the order', format('shipment %s line %s', coalesce(h.number, '#' || h.shipment_id), n.line_no),
       format('order %s', h.order_id), format('order %s', n.order_id)
FROM o2c.shipment_line n
JOIN o2c.shipment h ON h.company_id = n.company_id AND h.shipment_id = n.shipment_id
WHERE h.order_id <> n.order_id;
COMMENT ON VIEW o2c.verify_shipment IS 'Order lines whose shipped quantity is not the sum of their shipments, and shipment lines of another order than the shipment''s';
