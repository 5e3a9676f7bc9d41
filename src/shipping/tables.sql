
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
    returned_quantity  numeric NOT NULL DEFAULT 0,
    CONSTRAINT shipment_line_pkey PRIMARY KEY (company_id, shipment_id, line_no),
    CONSTRAINT shipment_line_shipment_fkey FOREIGN KEY (company_id, shipment_id) REFERENCES o2c.shipment,
    CONSTRAINT shipment_line_order_fkey FOREIGN KEY (company_id, order_id, line_no) REFERENCES o2c.order_line,
    CONSTRAINT shipment_line_billed_once CHECK (invoiced_quantity BETWEEN 0 AND quantity),
    CONSTRAINT shipment_line_returned_once CHECK (returned_quantity BETWEEN 0 AND quantity)
) WITH (fillfactor = 80);
COMMENT ON TABLE o2c.shipment_line IS 'Lines of shipments; line_no is the order line''s';
COMMENT ON COLUMN o2c.shipment_line.invoiced_quantity IS 'Billing consumes it: a shipped line is billed once';
CREATE INDEX IF NOT EXISTS shipment_line_billable ON o2c.shipment_line (company_id, shipment_id) WHERE invoiced_quantity + returned_quantity < quantity;

CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.shipment
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('carrier_id,attributes', 'number,state', 'engine');
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.shipment REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('shipment', 'shipment_id', 'order_id', 'state');
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.shipment_line
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'invoiced_quantity,returned_quantity', 'engine');

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

CREATE SEQUENCE IF NOT EXISTS o2c.return_id_seq;
CREATE TABLE IF NOT EXISTS o2c.goods_return (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    return_id    bigint NOT NULL DEFAULT nextval('o2c.return_id_seq'),
    shipment_id  bigint NOT NULL,
    order_id     bigint NOT NULL,
    customer_id  bigint NOT NULL,
    state        text NOT NULL DEFAULT 'returned' CONSTRAINT goods_return_state CHECK (state IN ('returned')),
    returned_on  date NOT NULL,
    restocked    boolean NOT NULL,
    reason       text,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor        text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT goods_return_pkey PRIMARY KEY (company_id, return_id),
    CONSTRAINT goods_return_shipment_fkey FOREIGN KEY (company_id, shipment_id) REFERENCES o2c.shipment,
    CONSTRAINT goods_return_order_fkey FOREIGN KEY (company_id, order_id) REFERENCES o2c.sales_order
);
COMMENT ON TABLE o2c.goods_return IS 'Goods that came back, append-only';
COMMENT ON COLUMN o2c.goods_return.restocked IS 'Whether they can be sold again';
CREATE INDEX IF NOT EXISTS goods_return_order ON o2c.goods_return (company_id, order_id);

CREATE TABLE IF NOT EXISTS o2c.goods_return_line (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    return_id    bigint NOT NULL,
    shipment_id  bigint NOT NULL,
    line_no      integer NOT NULL,
    quantity     numeric NOT NULL CONSTRAINT goods_return_line_quantity CHECK (quantity > 0),
    CONSTRAINT goods_return_line_pkey PRIMARY KEY (company_id, return_id, line_no),
    CONSTRAINT goods_return_line_return_fkey FOREIGN KEY (company_id, return_id) REFERENCES o2c.goods_return,
    CONSTRAINT goods_return_line_shipment_fkey FOREIGN KEY (company_id, shipment_id, line_no) REFERENCES o2c.shipment_line
);
COMMENT ON TABLE o2c.goods_return_line IS 'Lines of returns; line_no is the order line''s';
CREATE INDEX IF NOT EXISTS goods_return_line_shipment ON o2c.goods_return_line (company_id, shipment_id, line_no);

CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.goods_return
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.goods_return REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('goods_return', 'return_id', 'order_id', 'state');
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.goods_return_line
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');

CREATE OR REPLACE VIEW o2c.verify_return AS
SELECT s.company_id, 'returned quantity' AS check_name, format('shipment %s line %s', s.shipment_id, s.line_no) AS object,
       coalesce(r.quantity, 0)::text AS expected, s.returned_quantity::text AS found
FROM o2c.shipment_line s
LEFT JOIN (SELECT n.company_id, n.shipment_id, n.line_no, sum(n.quantity) AS quantity
           FROM o2c.goods_return_line n GROUP BY n.company_id, n.shipment_id, n.line_no) r
    ON r.company_id = s.company_id AND r.shipment_id = s.shipment_id AND r.line_no = s.line_no
WHERE s.returned_quantity <> coalesce(r.quantity, 0)
UNION ALL
SELECT l.company_id, 'returned quantity', format('order %s line %s', l.order_id, l.line_no),
       coalesce(s.quantity, 0)::text, l.returned_quantity::text
FROM o2c.order_line l
LEFT JOIN (SELECT n.company_id, n.order_id, n.line_no, sum(n.returned_quantity) AS quantity
           FROM o2c.shipment_line n GROUP BY n.company_id, n.order_id, n.line_no) s
    ON s.company_id = l.company_id AND s.order_id = l.order_id AND s.line_no = l.line_no
WHERE l.returned_quantity <> coalesce(s.quantity, 0);
COMMENT ON VIEW o2c.verify_return IS 'Lines of shipments and orders whose returned quantity is not the sum of their returns';
