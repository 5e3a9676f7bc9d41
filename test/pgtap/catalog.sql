-- What holds for every object in schema o2c.  Each invariant is a view of what
-- breaks it: empty for o2c, and shown to bite on an object that breaks it.

-- it wants to be there before any PL/pgSQL function ran
SELECT count(*) > 0 AS can_check FROM pg_available_extensions WHERE name = 'plpgsql_check' \gset
\if :can_check
LOAD 'plpgsql_check';
\endif

BEGIN;
SET LOCAL client_min_messages = warning;

-- code lists that all companies share
CREATE TEMP TABLE shared (name) AS
    VALUES ('currency'), ('setting_definition'), ('event_era'), ('verification');

-- functions of this session's state that no rule of reading tables applies to
CREATE TEMP TABLE session_function (name) AS
    VALUES ('today'), ('now'), ('current_company'), ('actor');

-- install() checks by itself that the caller owns the schema
CREATE TEMP TABLE owner_function (name) AS
    VALUES ('install');

-- columns of views that only SQL reads, as view.column
CREATE TEMP TABLE sql_only (name) AS
    SELECT NULL::text WHERE false;

CREATE TEMP VIEW relation AS
    SELECT c.oid, c.relname::text AS name, c.relkind, c.relacl,
           c.relkind IN ('r', 'p') AND c.relname NOT IN (SELECT name FROM shared) AS of_company
    FROM pg_class c
    WHERE c.relnamespace = 'o2c'::regnamespace;

CREATE TEMP VIEW routine AS
    SELECT p.*, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS name,
           l.lanname, p.prorettype = 'trigger'::regtype AS is_trigger
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace = 'o2c'::regnamespace;

CREATE TEMP VIEW bad_key AS
    SELECT r.name FROM relation r
    LEFT JOIN pg_constraint k ON k.conrelid = r.oid AND k.contype = 'p'
    LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.conkey[1]
    WHERE r.relkind IN ('r', 'p') AND (k.oid IS NULL OR (r.of_company AND a.attname <> 'company_id'));

CREATE TEMP VIEW bad_company_column AS
    SELECT r.name FROM relation r
    LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = 'company_id'
    WHERE r.of_company AND (a.atttypid = 'bigint'::regtype AND a.attnotnull) IS NOT TRUE;

CREATE TEMP VIEW bad_index AS
    SELECT i.indexrelid::regclass::text AS name
    FROM relation r
    JOIN pg_index i ON i.indrelid = r.oid
    LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = i.indkey[0]
    WHERE r.of_company AND a.attname IS DISTINCT FROM 'company_id';

CREATE TEMP VIEW foreign_key AS
    SELECT k.conname::text AS name, child.oid AS child, parent.oid AS parent, k.confupdtype, k.confdeltype,
           child.of_company AND parent.of_company AS inside_company,
           (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1]) AS first_column,
           (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = k.confkey[1]) AS first_referenced
    FROM pg_constraint k
    JOIN relation child ON child.oid = k.conrelid
    LEFT JOIN relation parent ON parent.oid = k.confrelid
    WHERE k.contype = 'f';

CREATE TEMP VIEW bad_foreign_key AS
    SELECT name FROM foreign_key
    WHERE inside_company AND (first_column <> 'company_id' OR first_referenced <> 'company_id');

CREATE TEMP VIEW foreign_key_leaving_schema AS
    SELECT name FROM foreign_key WHERE parent IS NULL;

-- ON UPDATE anything would rewrite keys, SET NULL and SET DEFAULT would rewrite facts
CREATE TEMP VIEW rewriting_foreign_key AS
    SELECT name FROM foreign_key WHERE confupdtype <> 'a' OR confdeltype IN ('n', 'd');

CREATE TEMP VIEW foreign_key_circle AS
    WITH RECURSIVE edge AS (
        SELECT DISTINCT child, parent FROM foreign_key WHERE child <> parent
    ), reach (start, at) AS (
        SELECT child, parent FROM edge
        UNION
        SELECT reach.start, edge.parent FROM reach JOIN edge ON edge.child = reach.at
    )
    SELECT start::regclass::text AS name FROM reach WHERE start = at;

CREATE TEMP VIEW uncommented AS
    SELECT 'relation ' || r.name AS name FROM relation r
    WHERE r.relkind IN ('r', 'p', 'v', 'm') AND obj_description(r.oid, 'pg_class') IS NULL
    UNION ALL
    SELECT 'routine ' || p.name FROM routine p WHERE obj_description(p.oid, 'pg_proc') IS NULL
    UNION ALL
    SELECT 'type ' || t.typname FROM pg_type t
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typnamespace = 'o2c'::regnamespace AND t.typcategory <> 'A' AND coalesce(c.relkind, 'c') = 'c'
      AND coalesce(obj_description(t.oid, 'pg_type'), obj_description(c.oid, 'pg_class')) IS NULL;

CREATE TEMP VIEW unpinned AS
    SELECT p.name FROM routine p
    WHERE (p.prosecdef OR p.is_trigger OR p.lanname = 'plpgsql')
      AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
      -- it is called for every row that is written, and runs no SQL
      AND p.proname <> '_guard';

CREATE TEMP VIEW open_to_public AS
    SELECT p.name FROM routine p
    WHERE p.provolatile = 'v' AND has_function_privilege('public', p.oid, 'EXECUTE')
    UNION ALL
    SELECT r.name FROM relation r, aclexplode(r.relacl) a
    WHERE a.grantee = 0 AND a.privilege_type <> 'SELECT';

-- who is granted a command needs no right on the tables that it writes;
-- private functions and rules are called by commands
CREATE TEMP VIEW writes_as_caller AS
    SELECT p.name FROM routine p
    WHERE p.provolatile = 'v' AND p.prokind IN ('f', 'p') AND NOT p.prosecdef AND NOT p.is_trigger
      AND NOT starts_with(p.proname, '_') AND p.prorettype <> 'o2c.finding'::regtype
      AND p.proname NOT IN (SELECT name FROM owner_function);

CREATE TEMP VIEW table_reading_sql_function AS
    SELECT p.name FROM routine p
    WHERE p.lanname = 'sql' AND p.pronargs > 0 AND p.prosrc ~* '\m(from|join)\s+o2c\.\w+(?!\w*\()';

CREATE TEMP VIEW view_function AS
    SELECT DISTINCT r.ev_class, d.refobjid AS function
    FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_proc'::regclass
    UNION
    SELECT r.ev_class, o.oprcode
    FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_operator'::regclass
    JOIN pg_operator o ON o.oid = d.refobjid;

CREATE TEMP VIEW view_reading_through_function AS
    SELECT v.name || ' calls ' || p.name AS name
    FROM relation v
    JOIN view_function f ON f.ev_class = v.oid
    JOIN routine p ON p.oid = f.function
    WHERE v.relkind = 'v'
      AND (p.provolatile <> 'i' OR p.prosrc ~* '\m(from|join)\s+o2c\.')
      AND p.proname NOT IN (SELECT name FROM session_function);

-- what every driver understands: a numeric without a scale, a C type or an array is not
CREATE TEMP VIEW undriveable_column AS
    SELECT format('%s.%s %s', v.name, a.attname, format_type(a.atttypid, a.atttypmod)) AS name
    FROM relation v
    JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE v.relkind IN ('v', 'm') AND NOT starts_with(v.name, '_')
      AND NOT (a.atttypid = ANY ('{date,timestamptz,text,varchar,integer,bigint,boolean,float8}'::regtype[])
               OR (a.atttypid = 'numeric'::regtype AND a.atttypmod >= 0))
      AND v.name || '.' || a.attname NOT IN (SELECT name FROM sql_only);

CREATE TEMP VIEW bad_default AS
    SELECT r.name || '.' || a.attname AS name
    FROM relation r
    JOIN pg_attrdef d ON d.adrelid = r.oid
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.adnum
    WHERE a.atttypid IN ('numeric'::regtype, 'float8'::regtype) AND pg_get_expr(d.adbin, d.adrelid) ~* 'nan|infinity';

-- pg_upgrade stops at them, and an OID means nothing after a restore
CREATE TEMP VIEW oid_column AS
    SELECT r.name || '.' || a.attname AS name
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE r.relkind IN ('r', 'p') AND (t.typname LIKE 'reg%' OR t.typname = 'oid') AND t.typnamespace = 'pg_catalog'::regnamespace;

-- the data are the user's, the code is the extension's
CREATE TEMP VIEW member AS
    SELECT d.classid, d.objid FROM pg_depend d
    JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    WHERE e.extname = 'o2c' AND d.deptype = 'e';
CREATE TEMP VIEW misplaced AS
    SELECT r.name FROM relation r JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = r.oid
    WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
    SELECT p.name FROM routine p LEFT JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    WHERE m.objid IS NULL;

-- a replica's rows come with what their triggers did
CREATE TEMP VIEW odd_trigger AS
    SELECT t.tgname::text AS name FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'O';

-- rows that stay cannot go by TRUNCATE either
CREATE TEMP VIEW emptied_by_truncate AS
    SELECT r.name FROM relation r
    JOIN pg_trigger t ON t.tgrelid = r.oid AND pg_get_triggerdef(t.oid) ~ 'o2c\._guard\(.*(permanent|engine)'
    WHERE NOT EXISTS (SELECT FROM pg_trigger k WHERE k.tgrelid = r.oid AND k.tgfoid = t.tgfoid
                      AND k.tgtype::integer & 34 = 34 AND k.tgtype::integer & 1 = 0);

CREATE TEMP VIEW unregistered_check AS
    SELECT r.name FROM relation r
    WHERE r.relkind = 'v' AND r.name LIKE 'verify\_%'
      AND 'o2c.' || r.name NOT IN (SELECT v.relation FROM o2c.verification v);

CREATE TEMP VIEW misshapen_check AS
    SELECT r.name FROM relation r
    WHERE r.relkind = 'v' AND r.name LIKE 'verify\_%'
      AND (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
           FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0)
          IS DISTINCT FROM 'company_id bigint, check_name text, object text, expected text, found text';

CREATE TEMP TABLE invariant (name, title) AS VALUES
    ('bad_key', 'every table has a primary key, led by company_id unless it is a shared code list'),
    ('bad_company_column', 'company_id is a bigint and never null'),
    ('bad_index', 'every unique constraint, exclusion constraint and index is led by company_id'),
    ('bad_foreign_key', 'foreign keys between tables of a company carry company_id first'),
    ('foreign_key_leaving_schema', 'foreign keys stay in schema o2c'),
    ('rewriting_foreign_key', 'no foreign key rewrites rows'),
    ('foreign_key_circle', 'foreign keys make no circle'),
    ('uncommented', 'every table, view, routine and type has a comment'),
    ('unpinned', 'search_path is pinned in SECURITY DEFINER, PL/pgSQL and trigger functions'),
    ('open_to_public', 'PUBLIC may neither run what is volatile nor write a table'),
    ('writes_as_caller', 'functions that may write are SECURITY DEFINER or triggers'),
    ('table_reading_sql_function', 'no SQL function with parameters reads tables'),
    ('view_reading_through_function', 'no view calls a function that reads tables'),
    ('undriveable_column', 'views have only columns that every driver understands'),
    ('bad_default', 'no column defaults to NaN or infinity'),
    ('oid_column', 'no table stores OIDs'),
    ('misplaced', 'tables are the user''s, functions the extension''s'),
    ('odd_trigger', 'triggers fire for origin only'),
    ('emptied_by_truncate', 'what may not be deleted cannot be truncated'),
    ('unregistered_check', 'o2c.verify() reads every verify view'),
    ('misshapen_check', 'verify views have the columns that o2c.verify() reads');

CREATE TEMP TABLE offender (invariant text, name text);

SELECT plan(2 * (SELECT count(*)::integer FROM invariant) + 4);

SELECT is_empty(format('SELECT * FROM %I', name), title) FROM invariant;

-- PL/pgSQL bodies against the tables; a trigger function against each of its tables
\if :can_check
CREATE EXTENSION plpgsql_check;
SELECT is_empty(
    $q$ SELECT p.name, c.lineno, c.message
        FROM routine p
        LEFT JOIN (SELECT DISTINCT tgfoid, tgrelid FROM pg_trigger) t ON t.tgfoid = p.oid
        CROSS JOIN LATERAL plpgsql_check_function_tb(p.oid, coalesce(t.tgrelid, 0), performance_warnings => false) c
        WHERE p.lanname = 'plpgsql' AND (NOT p.is_trigger OR t.tgrelid IS NOT NULL)
          AND c.message NOT LIKE '%is reserved keyword' $q$,
    'plpgsql_check finds nothing');
CREATE FUNCTION o2c.bad_body() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM no_such_column FROM o2c.customer; END';
SELECT isnt_empty('SELECT FROM plpgsql_check_function(''o2c.bad_body()'')', 'plpgsql_check would find it');
DROP FUNCTION o2c.bad_body();
\else
SELECT skip('plpgsql_check is not available', 2);
\endif

-- SQL bodies are checked when they are made; the tables are there only now
CREATE FUNCTION pg_temp.remake(language text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE definition text;
BEGIN
    FOR definition IN SELECT pg_get_functiondef(p.oid) FROM routine p WHERE p.lanname = language AND p.prokind <> 'a' LOOP
        EXECUTE definition;
    END LOOP;
END $$;
SELECT lives_ok('SELECT pg_temp.remake(''sql'')', 'bodies of SQL functions fit the tables');
SET LOCAL check_function_bodies = off;
CREATE FUNCTION o2c.bad_body() RETURNS bigint LANGUAGE sql AS 'SELECT no_such_column FROM o2c.customer';
SET LOCAL check_function_bodies = on;
SELECT throws_ok('SELECT pg_temp.remake(''sql'')', '42703', NULL, 'a body that does not would be found');
DROP FUNCTION o2c.bad_body();

-- Each invariant bites.
CREATE TABLE o2c.bad_plain (id bigint, company_id integer, ratio numeric DEFAULT 'NaN', kind regclass);
GRANT INSERT ON o2c.bad_plain TO PUBLIC;
CREATE INDEX bad_plain_ratio ON o2c.bad_plain (ratio);
CREATE INDEX bad_plain_expression ON o2c.bad_plain ((id + 1));
CREATE TABLE o2c.bad_parent (company_id bigint NOT NULL, id bigint UNIQUE, other bigint,
    CONSTRAINT bad_parent_pkey PRIMARY KEY (company_id, id));
COMMENT ON TABLE o2c.bad_parent IS 'one';
CREATE TABLE o2c.bad_child (company_id bigint NOT NULL, id bigint NOT NULL,
    CONSTRAINT bad_child_pkey PRIMARY KEY (company_id, id),
    CONSTRAINT bad_child_fkey FOREIGN KEY (id) REFERENCES o2c.bad_parent (id) ON DELETE SET NULL);
COMMENT ON TABLE o2c.bad_child IS 'two';
ALTER TABLE o2c.bad_parent ADD CONSTRAINT bad_parent_fkey FOREIGN KEY (company_id, other) REFERENCES o2c.bad_child ON UPDATE CASCADE;
CREATE TABLE public.elsewhere (company_id bigint PRIMARY KEY);
ALTER TABLE o2c.bad_child ADD CONSTRAINT bad_child_elsewhere FOREIGN KEY (company_id) REFERENCES public.elsewhere;
CREATE TYPE o2c.bad_type AS ENUM ('one');
CREATE FUNCTION o2c.bad_command(company_id bigint) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION o2c.bad_trigger() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER bad_always AFTER INSERT ON o2c.bad_child FOR EACH ROW EXECUTE FUNCTION o2c.bad_trigger();
ALTER TABLE o2c.bad_child ENABLE ALWAYS TRIGGER bad_always;
CREATE TRIGGER bad_guard BEFORE DELETE ON o2c.bad_child FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');
CREATE FUNCTION o2c.bad_reader(company_id bigint) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM o2c.customer';
CREATE VIEW o2c.bad_view AS
    SELECT o2c.bad_reader(1) AS n, 1.5 AS amount, 1.5::numeric(18,2) AS scaled, NULL::o2c.bad_type AS kind, '{}'::text[] AS list;
CREATE VIEW o2c.verify_bad AS SELECT 1 AS company_id;

INSERT INTO offender VALUES
    ('bad_key', 'bad_plain'),
    ('bad_company_column', 'bad_plain'),
    ('bad_index', 'o2c.bad_plain_ratio'), ('bad_index', 'o2c.bad_plain_expression'), ('bad_index', 'o2c.bad_parent_id_key'),
    ('bad_foreign_key', 'bad_child_fkey'),
    ('foreign_key_leaving_schema', 'bad_child_elsewhere'),
    ('rewriting_foreign_key', 'bad_child_fkey'), ('rewriting_foreign_key', 'bad_parent_fkey'),
    ('foreign_key_circle', 'o2c.bad_child'), ('foreign_key_circle', 'o2c.bad_parent'),
    ('uncommented', 'relation bad_plain'), ('uncommented', 'relation bad_view'), ('uncommented', 'relation verify_bad'),
    ('uncommented', 'type bad_type'), ('uncommented', 'routine bad_command(company_id bigint)'),
    ('uncommented', 'routine bad_trigger()'), ('uncommented', 'routine bad_reader(company_id bigint)'),
    ('unpinned', 'bad_command(company_id bigint)'), ('unpinned', 'bad_trigger()'),
    ('open_to_public', 'bad_command(company_id bigint)'), ('open_to_public', 'bad_trigger()'), ('open_to_public', 'bad_plain'),
    ('writes_as_caller', 'bad_command(company_id bigint)'),
    ('table_reading_sql_function', 'bad_reader(company_id bigint)'),
    ('view_reading_through_function', 'bad_view calls bad_reader(company_id bigint)'),
    ('undriveable_column', 'bad_view.amount numeric'), ('undriveable_column', 'bad_view.kind o2c.bad_type'),
    ('undriveable_column', 'bad_view.list text[]'),
    ('bad_default', 'bad_plain.ratio'),
    ('oid_column', 'bad_plain.kind'),
    ('misplaced', 'bad_command(company_id bigint)'), ('misplaced', 'bad_trigger()'), ('misplaced', 'bad_reader(company_id bigint)'),
    ('odd_trigger', 'bad_always'),
    ('emptied_by_truncate', 'bad_child'),
    ('unregistered_check', 'verify_bad'),
    ('misshapen_check', 'verify_bad');

SELECT set_eq(format('SELECT name FROM %I', i.name),
              format('SELECT name FROM offender WHERE invariant = %L', i.name),
              'bites: ' || i.title)
FROM invariant i;

SELECT * FROM finish();
ROLLBACK;
