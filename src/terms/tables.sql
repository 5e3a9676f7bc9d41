
-- terms: what the parties agreed on payment

ALTER TABLE o2c.company ADD COLUMN IF NOT EXISTS payment_terms o2c.payment_terms NOT NULL DEFAULT 'net 30';
COMMENT ON COLUMN o2c.company.payment_terms IS 'Terms of customers that have none of their own';
ALTER TABLE o2c.customer ADD COLUMN IF NOT EXISTS payment_terms o2c.payment_terms;
COMMENT ON COLUMN o2c.customer.payment_terms IS 'Terms of payment; null: the company''s';
