
CREATE FUNCTION o2c.install() RETURNS void
AS 'MODULE_PATHNAME', 'o2c_install'
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.install() IS
'Creates or completes the tables, views and triggers in schema o2c. They are not members of the extension, so they are dumped, restored and altered like any table. Safe to repeat; call it after CREATE EXTENSION and after ALTER EXTENSION o2c UPDATE. Errors: 42501 when the caller does not own the schema.';
COMMENT ON FUNCTION o2c._install() IS 'The statements that o2c.install() runs: every room''s tables.sql.';

-- Whatever may write is for those it is granted to, and for nobody else.
DO $$
DECLARE f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_catalog.pg_proc p
             WHERE p.pronamespace = 'o2c'::regnamespace AND p.provolatile = 'v' LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', f);
    END LOOP;
END $$;
