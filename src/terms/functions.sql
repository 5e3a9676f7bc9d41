CREATE DOMAIN o2c.payment_terms AS text;
CREATE FUNCTION o2c.schedule(terms o2c.payment_terms, base_on date, amount numeric, currency text, holidays date[] DEFAULT NULL)
RETURNS TABLE (instalment integer, due_on date, amount numeric, discount_1_until date, discount_1_amount numeric, discount_2_until date, discount_2_amount numeric, discount_3_until date, discount_3_amount numeric)
LANGUAGE sql IMMUTABLE AS $$ SELECT 1, $2 + 30, $3, NULL::date, NULL::numeric, NULL::date, NULL::numeric, NULL::date, NULL::numeric $$;

CREATE FUNCTION o2c.due_date(terms o2c.payment_terms, base_on date) RETURNS date LANGUAGE sql IMMUTABLE AS $$ SELECT $2 + 30 $$;
