-- The reference names everything that callers meet.
\set page `cat doc/reference.md`
\set codes `sed -n "s/.*O2C_SQLSTATE('\(.\)', '\(.\)', '\(.\)').*/OC\1\2\3/p" src/core/errors.h | tr '\n' ' '`
BEGIN;
CREATE TEMP TABLE page AS SELECT :'page'::text AS text;
CREATE FUNCTION pg_temp.missing(names text[]) RETURNS text[] LANGUAGE sql AS
$$SELECT coalesce(array_agg(n ORDER BY n), '{}') FROM unnest(names) n, page WHERE text !~ ('\m' || n || '\M')$$;
SELECT plan(6);
SELECT is(pg_temp.missing((SELECT array_agg(DISTINCT proname::text) FROM pg_proc p
                           WHERE pronamespace = 'o2c'::regnamespace AND proname NOT LIKE '\_%'
                             AND NOT EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend)))),
          '{}', 'functions');
SELECT is(pg_temp.missing((SELECT array_agg(relname::text) FROM pg_class WHERE relnamespace = 'o2c'::regnamespace AND relkind = 'v' AND relname NOT LIKE '\_%')),
          '{}', 'views');
SELECT is(pg_temp.missing((SELECT array_agg(typname::text) FROM pg_type WHERE typnamespace = 'o2c'::regnamespace AND typrelid = 0 AND typelem = 0 AND typname NOT LIKE '\_%')),
          '{}', 'types');
SELECT is(pg_temp.missing((SELECT array_agg(name) FROM o2c.setting_definition)), '{}', 'settings of a company');
SELECT is(pg_temp.missing((SELECT array_agg(name) FROM pg_settings WHERE name LIKE 'o2c.%')), '{}', 'settings of the server');
SELECT is(pg_temp.missing(string_to_array(btrim(:'codes'), ' ')), '{}', 'errors');
SELECT * FROM finish();
ROLLBACK;
