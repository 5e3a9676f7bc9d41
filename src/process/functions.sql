-- process: the day's work

CREATE PROCEDURE o2c.close_day(day date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM o2c.record_overdue(coalesce(close_day.day, o2c.today()), close_day.company_id);
END $$;
COMMENT ON PROCEDURE o2c.close_day(date, bigint) IS
'The work at the end of a business day: records overdue invoices, which suspends the credit of their customers. Arguments: the day (today), company. May be repeated, and a day that was missed is made up for by the next one.';
