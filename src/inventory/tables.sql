
-- inventory: places, stock, movements

CREATE TABLE IF NOT EXISTS o2c.location (
    company_id  bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT location_company_fkey REFERENCES o2c.company,
    location    text NOT NULL CONSTRAINT location_location CHECK (location <> ''),
    name        text,
    CONSTRAINT location_pkey PRIMARY KEY (company_id, location)
);
COMMENT ON TABLE o2c.location IS 'Places that hold stock';

IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'o2c.sales_order'::regclass AND conname = 'sales_order_location_fkey') THEN
    ALTER TABLE o2c.sales_order ADD CONSTRAINT sales_order_location_fkey FOREIGN KEY (company_id, location) REFERENCES o2c.location;
END IF;

CREATE TABLE IF NOT EXISTS o2c.stock (
    company_id  bigint NOT NULL DEFAULT o2c.current_company(),
    product_id  bigint NOT NULL,
    location    text NOT NULL,
    on_hand     numeric NOT NULL DEFAULT 0,
    reserved    numeric NOT NULL DEFAULT 0,
    CONSTRAINT stock_pkey PRIMARY KEY (company_id, product_id, location),
    CONSTRAINT stock_product_fkey FOREIGN KEY (company_id, product_id) REFERENCES o2c.product,
    CONSTRAINT stock_location_fkey FOREIGN KEY (company_id, location) REFERENCES o2c.location,
    CONSTRAINT stock_never_oversold CHECK (0 <= reserved AND reserved <= on_hand AND on_hand < 'Infinity')
) WITH (fillfactor = 50);
COMMENT ON TABLE o2c.stock IS 'Stock on hand and reserved by product and place, moved by the statements that write movements and reservations';

CREATE SEQUENCE IF NOT EXISTS o2c.movement_id_seq;
CREATE TABLE IF NOT EXISTS o2c.stock_movement (
    company_id    bigint NOT NULL DEFAULT o2c.current_company(),
    movement_id   bigint NOT NULL DEFAULT nextval('o2c.movement_id_seq'),
    product_id    bigint NOT NULL,
    location      text NOT NULL,
    kind          text NOT NULL CONSTRAINT stock_movement_kind CHECK (o2c._one_of(kind, 'receipt,shipment,return,adjustment')),
    quantity      numeric NOT NULL,
    effective_on  date NOT NULL DEFAULT o2c.today(),
    recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    order_id      bigint,
    line_no       integer,
    reason        text,
    actor         text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT stock_movement_pkey PRIMARY KEY (company_id, movement_id),
    CONSTRAINT stock_movement_quantity CHECK (quantity > '-Infinity' AND quantity < 'Infinity' AND
        CASE kind WHEN 'adjustment' THEN quantity <> 0 WHEN 'shipment' THEN quantity < 0 ELSE quantity > 0 END),
    CONSTRAINT stock_movement_stock_fkey FOREIGN KEY (company_id, product_id, location) REFERENCES o2c.stock
);
COMMENT ON TABLE o2c.stock_movement IS 'What came in and went out, append-only; positive quantities come in';
CREATE INDEX IF NOT EXISTS stock_movement_product ON o2c.stock_movement (company_id, product_id, location, effective_on);


CREATE OR REPLACE TRIGGER seed_location AFTER INSERT ON o2c.company
    FOR EACH ROW EXECUTE FUNCTION o2c._seed_location();
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.stock
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'on_hand,reserved', 'permanent');
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.stock_movement
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');
CREATE OR REPLACE TRIGGER keep_on_hand AFTER INSERT ON o2c.stock_movement REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._keep_on_hand();
CREATE OR REPLACE TRIGGER confirm_lines AFTER UPDATE OF state ON o2c.sales_order FOR EACH ROW
    WHEN (NEW.state = 'confirmed' AND (OLD.state NOT IN ('confirmed', 'completed') OR NEW.version <> OLD.version)) EXECUTE FUNCTION o2c._confirm_lines();
-- a line that is inserted with a reservation is the engine's, which has moved the stock already (reserve.c)
-- before the triggers on exposure: they may look at held orders again, which then see what is reserved
CREATE OR REPLACE TRIGGER a_stock_update AFTER UPDATE ON o2c.order_line REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._keep_reserved();

CREATE OR REPLACE VIEW o2c.verify_stock AS
SELECT s.company_id, 'stock on hand' AS check_name, format('product %s at %s', p.sku, s.location) AS object,
       coalesce(m.quantity, 0)::text AS expected, s.on_hand::text AS found
FROM o2c.stock s
JOIN o2c.product p ON p.company_id = s.company_id AND p.product_id = s.product_id
LEFT JOIN (SELECT n.company_id, n.product_id, n.location, sum(n.quantity) AS quantity
           FROM o2c.stock_movement n GROUP BY n.company_id, n.product_id, n.location) m
    ON m.company_id = s.company_id AND m.product_id = s.product_id AND m.location = s.location
WHERE s.on_hand <> coalesce(m.quantity, 0)
UNION ALL
SELECT k.company_id, 'stock reserved', format('product %s at %s', p.sku, k.location),
       k.by_orders::text, k.by_stock::text
FROM (SELECT company_id, product_id, location, coalesce(r.quantity, 0) AS by_orders, coalesce(s.reserved, 0) AS by_stock
      FROM o2c.stock s
      FULL JOIN (SELECT n.company_id, n.product_id, o.location, sum(n.reserved_quantity) AS quantity
                 FROM o2c.order_line n
                 JOIN o2c.sales_order o ON o.company_id = n.company_id AND o.order_id = n.order_id
                 WHERE n.reserved_quantity <> 0
                 GROUP BY n.company_id, n.product_id, o.location) r
          USING (company_id, product_id, location)) k
JOIN o2c.product p ON p.company_id = k.company_id AND p.product_id = k.product_id
WHERE k.by_orders <> k.by_stock;
COMMENT ON VIEW o2c.verify_stock IS 'Stock whose quantity on hand is not the sum of its movements, or whose reserved quantity is not the sum over the order lines served from there';
