-- process: who is told what

CREATE OR REPLACE TRIGGER tell_refused AFTER UPDATE OF state ON o2c.sales_order FOR EACH ROW
    WHEN (NEW.state = 'refused' AND OLD.state <> 'refused') EXECUTE FUNCTION o2c._tell_refused();
