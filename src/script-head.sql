\echo Use "CREATE EXTENSION o2c" to load this file. \quit

CREATE SCHEMA o2c;
COMMENT ON SCHEMA o2c IS 'Order-to-cash: the functions are members of the extension, the tables belong to the user (see o2c.install)';

