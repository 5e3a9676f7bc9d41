
-- access: verification.  The last room: every view o2c.verify_... stands by now.

CREATE TABLE IF NOT EXISTS o2c.verification (
    name         text CONSTRAINT verification_pkey PRIMARY KEY,
    relation     text NOT NULL,
    description  text
);
COMMENT ON TABLE o2c.verification IS 'What o2c.verify() reads, a code list that all companies share. Add a row to have your own facts verified too';
COMMENT ON COLUMN o2c.verification.relation IS 'Qualified name of a relation with columns company_id, check_name, object, expected and found that holds only what does not agree';

INSERT INTO o2c.verification (name, relation, description)
SELECT c.relname, format('o2c.%I', c.relname), obj_description(c.oid, 'pg_class')
FROM pg_class c
WHERE c.relnamespace = 'o2c'::regnamespace AND c.relkind = 'v' AND c.relname LIKE 'verify\_%'
ON CONFLICT DO NOTHING;

-- what may not be deleted row by row cannot be emptied either, in any room
DECLARE guarded regclass;
BEGIN
    FOR guarded IN
        SELECT t.tgrelid FROM pg_trigger t
        JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = 'o2c'::regnamespace
        WHERE t.tgname = 'a_guard' AND pg_get_triggerdef(t.oid) ~ 'permanent|engine' LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER a_guard_all BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION o2c._guard()', guarded);
    END LOOP;
END;
