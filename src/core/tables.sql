-- core: code lists, settings, number series, events, notifications, commands

CREATE TABLE IF NOT EXISTS o2c.currency (
    currency     text CONSTRAINT currency_pkey PRIMARY KEY,
    minor_units  integer NOT NULL
);
COMMENT ON TABLE o2c.currency IS 'Currencies (ISO 4217), a code list that all companies share';
INSERT INTO o2c.currency SELECT i.currency, i.minor_units FROM o2c.iso_4217() i ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS o2c.setting_definition (
    name           text CONSTRAINT setting_definition_pkey PRIMARY KEY,
    default_value  text,
    description    text NOT NULL
);
COMMENT ON TABLE o2c.setting_definition IS 'The settings that a company may have, a code list that all companies share';

CREATE TABLE IF NOT EXISTS o2c.setting (
    company_id  bigint NOT NULL DEFAULT o2c.current_company(),
    name        text NOT NULL CONSTRAINT setting_name_fkey REFERENCES o2c.setting_definition,
    value       text,
    CONSTRAINT setting_pkey PRIMARY KEY (company_id, name)
);
COMMENT ON TABLE o2c.setting IS 'Settings of a company that differ from the default';

CREATE SEQUENCE IF NOT EXISTS o2c.document_number_seq;
CREATE SEQUENCE IF NOT EXISTS o2c.order_number_seq;
CREATE SEQUENCE IF NOT EXISTS o2c.quotation_number_seq;
CREATE SEQUENCE IF NOT EXISTS o2c.shipment_number_seq;
CREATE TABLE IF NOT EXISTS o2c.number_series (
    company_id   bigint NOT NULL DEFAULT o2c.current_company(),
    series       text NOT NULL,
    year         integer NOT NULL DEFAULT 0,
    prefix       text NOT NULL,
    digits       integer NOT NULL DEFAULT 1 CONSTRAINT number_series_digits CHECK (digits BETWEEN 1 AND 18),
    gapless      boolean NOT NULL DEFAULT true,
    yearly       boolean NOT NULL DEFAULT false,
    sequence     text NOT NULL DEFAULT 'o2c.document_number_seq',
    last_number  bigint NOT NULL DEFAULT 0 CONSTRAINT number_series_last_number CHECK (last_number >= 0),
    CONSTRAINT number_series_pkey PRIMARY KEY (company_id, series, year)
);
COMMENT ON TABLE o2c.number_series IS 'Counters of document numbers. The row of year 0 says how a series looks; a yearly series has a counter row for each year beside it';
COMMENT ON COLUMN o2c.number_series.sequence IS 'Where a series that is not gapless draws from; companies share it';
COMMENT ON COLUMN o2c.number_series.gapless IS 'true: one counter row, no gaps, drawn last. false: a sequence, which may leave gaps and never waits';

CREATE TABLE IF NOT EXISTS o2c.event_era (
    era                bigint CONSTRAINT event_era_pkey PRIMARY KEY,
    system_identifier  bigint NOT NULL
);
COMMENT ON TABLE o2c.event_era IS 'The clusters that these data lived in, one after the other, for the order of the feed; shared by all companies';

CREATE SEQUENCE IF NOT EXISTS o2c.event_id_seq;
CREATE TABLE IF NOT EXISTS o2c.event (
    company_id   bigint NOT NULL,
    event_id     bigint NOT NULL DEFAULT nextval('o2c.event_id_seq'),
    position     bigint NOT NULL,
    activity     text NOT NULL,
    object_type  text NOT NULL,
    object_id    bigint NOT NULL,
    order_id     bigint,
    before       jsonb,
    after        jsonb,
    detail       jsonb,
    actor        text NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT event_pkey PRIMARY KEY (company_id, event_id)
);
COMMENT ON TABLE o2c.event IS 'Every change of state, append-only: audit trail, process log (order_id is the case) and feed (o2c.read_events)';
COMMENT ON COLUMN o2c.event.position IS 'Place in the feed: era * 2^48 + transaction id';
CREATE INDEX IF NOT EXISTS event_feed ON o2c.event (company_id, position, event_id);
CREATE INDEX IF NOT EXISTS event_case ON o2c.event (company_id, order_id, event_id) WHERE order_id IS NOT NULL;
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.event
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');

CREATE SEQUENCE IF NOT EXISTS o2c.notification_id_seq;
CREATE TABLE IF NOT EXISTS o2c.notification (
    company_id       bigint NOT NULL,
    notification_id  bigint NOT NULL DEFAULT nextval('o2c.notification_id_seq'),
    audience         text NOT NULL CONSTRAINT notification_audience CHECK (audience IN ('customer', 'department')),
    recipient        text NOT NULL,
    topic            text NOT NULL,
    object_type      text NOT NULL,
    object_id        bigint NOT NULL,
    language         text,
    body             jsonb NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_at       timestamptz,
    CONSTRAINT notification_pkey PRIMARY KEY (company_id, notification_id),
    CONSTRAINT notification_once UNIQUE (company_id, audience, topic, object_type, object_id, recipient)
);
COMMENT ON TABLE o2c.notification IS 'Outbox of messages to customers and departments, each once; senders take them with o2c.claim_notifications()';
CREATE INDEX IF NOT EXISTS notification_unclaimed ON o2c.notification (company_id, notification_id) WHERE claimed_at IS NULL;
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.notification
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('claimed_at', '', 'removable');

CREATE TABLE IF NOT EXISTS o2c.command (
    company_id   bigint NOT NULL,
    key          text NOT NULL,
    command      text NOT NULL,
    request      text NOT NULL,
    result       bigint,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT command_pkey PRIMARY KEY (company_id, key)
);
COMMENT ON TABLE o2c.command IS 'Idempotency keys: what a command answered, so that the same command sent again answers the same';
COMMENT ON COLUMN o2c.command.request IS 'Digest of the arguments: a key is repeated only with the same command';

