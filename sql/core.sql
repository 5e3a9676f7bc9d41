-- Core: money, the injected clock, settings, number series.
SET datestyle = ISO;
\set SHOW_CONTEXT never

-- Amounts are rounded half away from zero to the currency's minor unit.
SELECT currency, o2c.minor_units(currency), o2c.round_money(2.5555, currency) AS rounded, o2c.round_money(-0.5, currency) AS half
FROM unnest(ARRAY['EUR', 'JPY', 'BHD']) currency;

-- A total is split without losing a cent: the largest remainders get the rest.
SELECT o2c.allocate(100, ARRAY[1, 1, 1], 'EUR') AS thirds, o2c.allocate(0.05, ARRAY[60, 30, 10], 'EUR') AS cents;
SELECT o2c.allocate(1, ARRAY[1, -1], 'EUR');
SELECT o2c.minor_units('EURO');

-- Every rule takes the business date for today.
SET o2c.business_date = '2024-02-29';
SELECT o2c.today();
SET o2c.business_date = '2024-02-30';
RESET o2c.business_date;

-- Settings of a company are listed with what they mean.
SELECT o2c.set_setting('default_credit_limit', '5000');
SELECT o2c.get_setting('default_credit_limit');
SELECT o2c.set_setting('default_credit_limit', NULL);
SELECT o2c.set_setting('default_credit', '5000');

-- A document number is drawn from a series; how it looks is a row.
SELECT series, prefix, digits, gapless, yearly FROM o2c.number_series WHERE year = 0 AND series IN ('order', 'invoice') ORDER BY series;
