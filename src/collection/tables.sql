
-- collection: what being overdue does

CREATE OR REPLACE TRIGGER seed_collection_rules AFTER INSERT ON o2c.company
    FOR EACH ROW EXECUTE FUNCTION o2c._seed_collection_rules();
CREATE OR REPLACE TRIGGER suspend_credit AFTER UPDATE ON o2c.invoice REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._suspend_credit();
