
-- control: rules at checkpoints, decisions, holds

CREATE SEQUENCE IF NOT EXISTS o2c.rule_id_seq;
CREATE TABLE IF NOT EXISTS o2c.rule (
    company_id   bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT rule_company_fkey REFERENCES o2c.company,
    rule_id      bigint NOT NULL DEFAULT nextval('o2c.rule_id_seq'),
    code         text NOT NULL,
    version      integer NOT NULL DEFAULT 1,
    checkpoint   text NOT NULL CONSTRAINT rule_checkpoint CHECK
                 (checkpoint IN ('order', 'change', 'reserve', 'pick', 'ship', 'post', 'dispatch')),
    priority     integer NOT NULL DEFAULT 100,
    function     text NOT NULL,
    parameters   jsonb NOT NULL DEFAULT '{}',
    reaction     text NOT NULL DEFAULT 'hold' CONSTRAINT rule_reaction CHECK
                 (reaction IN ('warn', 'hold', 'refuse', 'exclude', 'release')),
    customer_id  bigint,
    group_id     bigint,
    risk_class   text,
    cumulative   boolean NOT NULL DEFAULT false,
    early        boolean NOT NULL DEFAULT false,
    duty         text CONSTRAINT rule_duty CHECK (duty <> ''),
    specificity  integer NOT NULL GENERATED ALWAYS AS
                 (CASE WHEN customer_id IS NOT NULL THEN 3 WHEN risk_class IS NOT NULL THEN 2 WHEN group_id IS NOT NULL THEN 1 ELSE 0 END) STORED,
    exclusion    boolean NOT NULL GENERATED ALWAYS AS (reaction IN ('exclude', 'release')) STORED,
    valid_from   date NOT NULL DEFAULT '-infinity',
    valid_to     date NOT NULL DEFAULT 'infinity',
    CONSTRAINT rule_pkey PRIMARY KEY (company_id, rule_id),
    CONSTRAINT rule_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT rule_group_fkey FOREIGN KEY (company_id, group_id) REFERENCES o2c.customer,
    CONSTRAINT rule_one_scope CHECK (num_nonnulls(customer_id, group_id, risk_class) <= 1),
    CONSTRAINT rule_validity CHECK (valid_from <= valid_to)
);
COMMENT ON TABLE o2c.rule IS 'Rules at checkpoints: a function, its parameters, and what happens when it is not satisfied';
COMMENT ON COLUMN o2c.rule.function IS 'Name of a function (o2c.rule_case, jsonb) returning o2c.finding';
COMMENT ON COLUMN o2c.rule.customer_id IS 'The scope: one customer, a customer group (its topmost customer), a risk class, or else the company. Of rules with one code the narrowest speaks';
COMMENT ON COLUMN o2c.rule.cumulative IS 'true: applies beside narrower rules with its code, and beside wider ones';
COMMENT ON COLUMN o2c.rule.early IS 'true: the function needs only the case, no rows of the document, and so may be asked before the document is written, and once more after. Orders are placed faster where all rules are so';
COMMENT ON COLUMN o2c.rule.reaction IS 'warn: note it. hold: keep the document until a release. refuse: turn it down. exclude: when satisfied, rules with this code count as satisfied. release: when satisfied, all do';
COMMENT ON COLUMN o2c.rule.duty IS 'Whose the holds of this rule are to release (o2c.authority); null: whoever may release holds';
CREATE UNIQUE INDEX IF NOT EXISTS rule_version ON o2c.rule (company_id, checkpoint, code, version, (coalesce(customer_id, 0)),
    (coalesce(group_id, 0)), (coalesce(risk_class, '')), exclusion);

CREATE SEQUENCE IF NOT EXISTS o2c.decision_id_seq;
CREATE TABLE IF NOT EXISTS o2c.decision (
    company_id   bigint NOT NULL,
    decision_id  bigint NOT NULL DEFAULT nextval('o2c.decision_id_seq'),
    checkpoint   text NOT NULL,
    object_type  text NOT NULL,
    object_id    bigint NOT NULL,
    customer_id  bigint NOT NULL,
    order_id     bigint,
    outcome      text NOT NULL CONSTRAINT decision_outcome CHECK (o2c._one_of(outcome, 'pass,warn,hold,refuse')),
    amount       numeric NOT NULL,
    currency     text NOT NULL,
    findings     jsonb NOT NULL,
    decided_on   date NOT NULL,
    decided_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor        text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT decision_pkey PRIMARY KEY (company_id, decision_id),
    CONSTRAINT decision_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer
);
COMMENT ON TABLE o2c.decision IS 'Every evaluation of a document at a checkpoint, append-only, with what each rule found';
COMMENT ON COLUMN o2c.decision.findings IS 'Array of {rule, version, reaction, passed, observed, threshold, message}';
CREATE INDEX IF NOT EXISTS decision_object ON o2c.decision (company_id, object_id, decision_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE UPDATE OR DELETE ON o2c.decision
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'permanent');

CREATE SEQUENCE IF NOT EXISTS o2c.hold_id_seq;
CREATE TABLE IF NOT EXISTS o2c.hold (
    company_id       bigint NOT NULL DEFAULT o2c.current_company(),
    hold_id          bigint NOT NULL DEFAULT nextval('o2c.hold_id_seq'),
    customer_id      bigint NOT NULL,
    order_id         bigint,
    rule             text NOT NULL DEFAULT 'manual',
    reason           text NOT NULL CONSTRAINT hold_reason CHECK (reason <> ''),
    automatic        boolean NOT NULL DEFAULT false,
    blocks_order     boolean NOT NULL DEFAULT true,
    blocks_shipping  boolean NOT NULL DEFAULT true,
    source_type      text,
    source_id        bigint,
    decision_id      bigint,
    duty             text,
    placed_on        date NOT NULL DEFAULT o2c.today(),
    placed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    placed_by        text NOT NULL DEFAULT o2c.actor(),
    released_on      date,
    released_at      timestamptz,
    released_by      text,
    release_reason   text,
    release_value    numeric,
    release_deviation numeric,
    release_until    date,
    state            text NOT NULL GENERATED ALWAYS AS (CASE WHEN released_at IS NULL THEN 'placed' ELSE 'released' END) STORED,
    CONSTRAINT hold_pkey PRIMARY KEY (company_id, hold_id),
    CONSTRAINT hold_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT hold_order_fkey FOREIGN KEY (company_id, order_id) REFERENCES o2c.sales_order,
    CONSTRAINT hold_decision_fkey FOREIGN KEY (company_id, decision_id) REFERENCES o2c.decision,
    CONSTRAINT hold_release CHECK ((released_at IS NULL) = (released_by IS NULL)
                               AND (released_at IS NULL) = (released_on IS NULL)
                               AND (released_at IS NULL OR release_reason <> ''))
);
COMMENT ON TABLE o2c.hold IS 'What keeps a customer or an order from moving on. Many holds may stand at once; releasing one never releases another';
COMMENT ON COLUMN o2c.hold.order_id IS 'The order that is held; null: the whole customer';
COMMENT ON COLUMN o2c.hold.rule IS 'Code of the rule or process that placed it; manual for a person';
COMMENT ON COLUMN o2c.hold.automatic IS 'true: placed by the engine, which releases it when the cause is gone. false: only a person releases it';
COMMENT ON COLUMN o2c.hold.duty IS 'Whose it is to release';
COMMENT ON COLUMN o2c.hold.release_value IS 'Value of the order when it was released. The release holds up to it plus release_deviation percent, and up to the day release_until';
COMMENT ON COLUMN o2c.hold.source_id IS 'The object of type source_type that caused it, such as the overdue invoice';
CREATE UNIQUE INDEX IF NOT EXISTS hold_open_rule ON o2c.hold (company_id, order_id, rule) WHERE released_at IS NULL AND order_id IS NOT NULL AND automatic;
CREATE UNIQUE INDEX IF NOT EXISTS hold_open_source ON o2c.hold (company_id, source_type, source_id) WHERE released_at IS NULL AND source_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS hold_open_customer ON o2c.hold (company_id, customer_id) WHERE released_at IS NULL;
CREATE INDEX IF NOT EXISTS hold_release ON o2c.hold (company_id, order_id) WHERE release_until IS NOT NULL;
CREATE INDEX IF NOT EXISTS hold_order ON o2c.hold (company_id, order_id) WHERE order_id IS NOT NULL;
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.hold
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'released_on,released_at,released_by,release_reason,release_value,release_deviation,release_until', 'permanent');
CREATE OR REPLACE TRIGGER follow_release AFTER UPDATE OF released_at ON o2c.hold FOR EACH ROW
    WHEN (NEW.order_id IS NULL AND OLD.released_at IS NULL AND NEW.released_at IS NOT NULL)
    EXECUTE FUNCTION o2c._follow_release();
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.hold REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('hold', 'hold_id', 'order_id', 'state');
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON o2c.hold REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('hold', 'hold_id', 'order_id', 'state');
INSERT INTO o2c.setting_definition (name, default_value, description) VALUES
    ('recheck_fills_gaps', 'true', 'Whether later held orders may pass an earlier one that stays held when they are looked at again (true or false)')
ON CONFLICT DO NOTHING;
CREATE OR REPLACE TRIGGER c_gate BEFORE INSERT OR UPDATE OF state ON o2c.sales_order
    FOR EACH ROW EXECUTE FUNCTION o2c._pass_gate();

INSERT INTO o2c.setting_definition (name, default_value, description) VALUES
    ('release_days', '0', 'Days that the release of a hold holds good when the order is checked again; 0: that day only'),
    ('release_deviation_percent', '0', 'Percent by which the value of an order may grow before a release no longer holds')
ON CONFLICT DO NOTHING;

CREATE SEQUENCE IF NOT EXISTS o2c.authority_id_seq;
CREATE TABLE IF NOT EXISTS o2c.authority (
    company_id    bigint NOT NULL DEFAULT o2c.current_company() CONSTRAINT authority_company_fkey REFERENCES o2c.company,
    authority_id  bigint NOT NULL DEFAULT nextval('o2c.authority_id_seq'),
    duty          text NOT NULL CONSTRAINT authority_duty CHECK (duty <> ''),
    holder        text NOT NULL,
    amount        numeric CONSTRAINT authority_amount CHECK (amount >= 0 AND amount < 'Infinity'),
    alone_amount  numeric CONSTRAINT authority_alone CHECK (alone_amount >= 0 AND alone_amount < 'Infinity'),
    overrun_percent numeric CONSTRAINT authority_overrun CHECK (overrun_percent >= 0 AND overrun_percent < 'Infinity'),
    valid_from    date NOT NULL DEFAULT '-infinity',
    valid_to      date NOT NULL DEFAULT 'infinity',
    CONSTRAINT authority_pkey PRIMARY KEY (company_id, authority_id),
    CONSTRAINT authority_validity CHECK (valid_from <= valid_to)
);
COMMENT ON TABLE o2c.authority IS 'Who may decide for a duty, up to which value: release its holds, approve credit';
COMMENT ON COLUMN o2c.authority.holder IS 'A role; its members hold the authority, too';
COMMENT ON COLUMN o2c.authority.amount IS 'Value up to which it may be decided, of the order or the limit, in the currency of the credit account; null: any';
COMMENT ON COLUMN o2c.authority.alone_amount IS 'Value up to which one person is enough; above it another one with authority must decide the same. null: one always is';
COMMENT ON COLUMN o2c.authority.overrun_percent IS 'By how much what the rule observed may be beyond its threshold, or a limit above the proposed one; null: any';
CREATE INDEX IF NOT EXISTS authority_of_duty ON o2c.authority (company_id, duty);

CREATE OR REPLACE VIEW o2c.verify_hold AS
SELECT h.company_id, 'hold of the order''s customer' AS check_name, format('hold %s', h.hold_id) AS object,
       format('customer %s', o.customer_id) AS expected, format('customer %s', h.customer_id) AS found
FROM o2c.hold h
JOIN o2c.sales_order o ON o.company_id = h.company_id AND o.order_id = h.order_id
WHERE h.customer_id <> o.customer_id
UNION ALL
SELECT h.company_id, 'hold of the decision''s object', format('hold %s', h.hold_id),
       format('order %s of customer %s', d.order_id, d.customer_id), format('order %s of customer %s', h.order_id, h.customer_id)
FROM o2c.hold h
JOIN o2c.decision d ON d.company_id = h.company_id AND d.decision_id = h.decision_id
WHERE d.customer_id <> h.customer_id OR d.order_id <> h.order_id
UNION ALL
SELECT o.company_id, 'held order has an open hold', 'order ' || coalesce(o.number, '#' || o.order_id), 'an open hold', 'none'
FROM o2c.sales_order o
JOIN o2c.customer c ON c.company_id = o.company_id AND c.customer_id = o.customer_id
WHERE o.state = 'held'
  AND NOT EXISTS (SELECT FROM o2c.hold h
                  WHERE h.company_id = o.company_id AND h.order_id = o.order_id AND h.released_at IS NULL)
  AND NOT EXISTS (SELECT FROM o2c.hold h
                  JOIN o2c.customer k ON k.company_id = h.company_id AND k.customer_id = h.customer_id
                  WHERE h.company_id = o.company_id AND h.order_id IS NULL AND h.released_at IS NULL
                    AND k.group_id = c.group_id);
COMMENT ON VIEW o2c.verify_hold IS 'Holds that name another customer or order than their order or decision, and held orders that nothing holds';

INSERT INTO o2c.setting_definition (name, default_value, description) VALUES
    ('approval_days', '30', 'Days that the approval of a first person waits for a second one')
ON CONFLICT DO NOTHING;

CREATE SEQUENCE IF NOT EXISTS o2c.approval_id_seq;
CREATE TABLE IF NOT EXISTS o2c.approval (
    company_id   bigint NOT NULL,
    approval_id  bigint NOT NULL DEFAULT nextval('o2c.approval_id_seq'),
    duty         text NOT NULL,
    object_type  text NOT NULL,
    object_id    bigint NOT NULL,
    terms        jsonb NOT NULL,
    value        numeric,
    reason       text,
    approved_on  date NOT NULL,
    approved_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    approved_by  text NOT NULL DEFAULT o2c.actor(),
    used_at      timestamptz,
    state        text NOT NULL GENERATED ALWAYS AS (CASE WHEN used_at IS NULL THEN 'waiting' ELSE 'used' END) STORED,
    CONSTRAINT approval_pkey PRIMARY KEY (company_id, approval_id)
);
COMMENT ON TABLE o2c.approval IS 'Decisions that need two people, append-only: the first approval waits, until another person decides the same';
COMMENT ON COLUMN o2c.approval.terms IS 'What exactly was approved: the second person must approve the same';
COMMENT ON COLUMN o2c.approval.value IS 'What it was worth; the approval does not count for more. null: without bound';
CREATE INDEX IF NOT EXISTS approval_object ON o2c.approval (company_id, object_type, object_id) WHERE used_at IS NULL;
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.approval
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'used_at', 'engine');
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.approval REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('approval', 'approval_id', '', 'state');
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON o2c.approval REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('approval', 'approval_id', '', 'state');

CREATE OR REPLACE TRIGGER close_holds AFTER UPDATE ON o2c.sales_order REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION o2c._close_holds();
-- before the gate, which counts them
CREATE OR REPLACE TRIGGER bd_reopen_holds BEFORE UPDATE OF state ON o2c.sales_order FOR EACH ROW
    WHEN (OLD.state IN ('completed', 'cancelled') AND OLD.state <> NEW.state) EXECUTE FUNCTION o2c._reopen_holds();

CREATE OR REPLACE VIEW o2c.verify_hold_of_ended AS
SELECT h.company_id, 'hold of an order that ended' AS check_name, format('hold %s', h.hold_id) AS object,
       'released'::text AS expected, format('open, order %s is %s', coalesce(o.number, '#' || o.order_id), o.state) AS found
FROM o2c.hold h
JOIN o2c.sales_order o ON o.company_id = h.company_id AND o.order_id = h.order_id
WHERE h.released_at IS NULL AND o.state IN ('completed', 'cancelled');
COMMENT ON VIEW o2c.verify_hold_of_ended IS 'Open holds of orders that are completed or cancelled';
