-- The tables are made by install(), and making them again changes nothing.
SELECT o2c.install();
SELECT o2c.install();
SELECT o2c.create_company('Acme', 'EUR');
