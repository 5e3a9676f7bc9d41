-- bank: mandates and direct debits

CREATE SEQUENCE IF NOT EXISTS o2c.mandate_id_seq;
CREATE TABLE IF NOT EXISTS o2c.mandate (
    company_id     bigint NOT NULL DEFAULT o2c.current_company(),
    mandate_id     bigint NOT NULL DEFAULT nextval('o2c.mandate_id_seq'),
    customer_id    bigint NOT NULL,
    reference      text NOT NULL CONSTRAINT mandate_reference CHECK
                   (reference ~ '^[A-Za-z0-9+?/:().,''-]{1,35}$' AND reference !~ '^/|/$|//'),
    scheme         text NOT NULL DEFAULT 'CORE' CONSTRAINT mandate_scheme CHECK (scheme IN ('CORE', 'B2B')),
    sequence_type  text NOT NULL DEFAULT 'FRST' CONSTRAINT mandate_sequence CHECK (sequence_type IN ('FRST', 'RCUR', 'OOFF', 'FNAL')),
    signed_on      date NOT NULL,
    account        o2c.iban NOT NULL,
    bic            text CONSTRAINT mandate_bic CHECK (bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$'),
    holder         text CONSTRAINT mandate_holder CHECK (holder <> ''),
    state          text NOT NULL DEFAULT 'active' CONSTRAINT mandate_state CHECK (state IN ('active', 'completed', 'revoked')),
    automatic      boolean NOT NULL DEFAULT true,
    covers_children boolean NOT NULL DEFAULT true,
    stopped_for    text,
    original_reference text,
    original_account   text,
    last_used_on   date,
    revoked_on     date,
    revocation_reason text,
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by     text NOT NULL DEFAULT o2c.actor(),
    attributes     jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT mandate_pkey PRIMARY KEY (company_id, mandate_id),
    CONSTRAINT mandate_reference_key UNIQUE (company_id, reference),
    CONSTRAINT mandate_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT mandate_revoked CHECK ((state = 'revoked') = (revoked_on IS NOT NULL))
);
COMMENT ON TABLE o2c.mandate IS 'Mandates: what a customer lets us collect by direct debit, and from which account';
COMMENT ON COLUMN o2c.mandate.reference IS 'Unique mandate reference (SEPA AT-01): up to 35 characters of the SEPA set without blanks';
COMMENT ON COLUMN o2c.mandate.sequence_type IS 'Of the next collection: first, recurrent, final, or the only one';
COMMENT ON COLUMN o2c.mandate.holder IS 'Holder of the account, when it is not the customer';
COMMENT ON COLUMN o2c.mandate.state IS 'completed: the final or only collection was made. That it expires, 36 months after its last use, is what the clock says (o2c.mandate_in_use)';
COMMENT ON COLUMN o2c.mandate.automatic IS 'Whether o2c.direct_debit_file() collects what is due by itself';
COMMENT ON COLUMN o2c.mandate.stopped_for IS 'Reason code of a return after which nothing is collected (o2c.stops_mandate) until a person puts it to null, or the account is amended';
COMMENT ON COLUMN o2c.mandate.covers_children IS 'Whether it pays for customers below that have no mandate in use of their own, too';
COMMENT ON COLUMN o2c.mandate.original_reference IS 'What the reference was before o2c.amend_mandate(), until a collection has told the bank';
COMMENT ON COLUMN o2c.mandate.original_account IS 'What the account was, likewise';
CREATE INDEX IF NOT EXISTS mandate_customer ON o2c.mandate (company_id, customer_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.mandate
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('bic,holder,automatic,covers_children,stopped_for,attributes',
        'reference,account,original_reference,original_account,sequence_type,state,last_used_on,revoked_on,revocation_reason', 'permanent');
CREATE OR REPLACE TRIGGER record_insert AFTER INSERT ON o2c.mandate
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('mandate', 'mandate_id', '', 'state');
CREATE OR REPLACE TRIGGER record_update AFTER UPDATE ON o2c.mandate
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('mandate', 'mandate_id', '', 'state');

CREATE SEQUENCE IF NOT EXISTS o2c.direct_debit_batch_id_seq;
CREATE TABLE IF NOT EXISTS o2c.direct_debit_batch (
    company_id       bigint NOT NULL DEFAULT o2c.current_company(),
    batch_id         bigint NOT NULL DEFAULT nextval('o2c.direct_debit_batch_id_seq'),
    bank_account_id  bigint NOT NULL,
    collect_on       date NOT NULL,
    message_id       text NOT NULL,
    creditor         text NOT NULL,
    creditor_id      text NOT NULL,
    account          text NOT NULL,
    bic              text,
    debits           bigint NOT NULL,
    amount           numeric NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by       text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT direct_debit_batch_pkey PRIMARY KEY (company_id, batch_id),
    CONSTRAINT direct_debit_batch_message_key UNIQUE (company_id, message_id),
    CONSTRAINT direct_debit_batch_account_fkey FOREIGN KEY (company_id, bank_account_id) REFERENCES o2c.bank_account
);
COMMENT ON TABLE o2c.direct_debit_batch IS 'Files of direct debits, each of one collection day; o2c.direct_debit_file() prints them, with the names and accounts of when they were made';
CREATE INDEX IF NOT EXISTS direct_debit_batch_day ON o2c.direct_debit_batch (company_id, collect_on);

CREATE SEQUENCE IF NOT EXISTS o2c.direct_debit_id_seq;
CREATE TABLE IF NOT EXISTS o2c.direct_debit (
    company_id       bigint NOT NULL DEFAULT o2c.current_company(),
    direct_debit_id  bigint NOT NULL DEFAULT nextval('o2c.direct_debit_id_seq'),
    batch_id         bigint NOT NULL,
    mandate_id       bigint NOT NULL,
    customer_id      bigint NOT NULL,
    payment_id       bigint NOT NULL,
    end_to_end_id    text NOT NULL CONSTRAINT direct_debit_end_to_end CHECK (o2c.is_creditor_reference(end_to_end_id)),
    mandate_reference text NOT NULL,
    account          text NOT NULL,
    bic              text,
    debtor           text NOT NULL,
    original_reference text,
    original_account text,
    sequence_type    text NOT NULL,
    amount           numeric NOT NULL CONSTRAINT direct_debit_amount CHECK (amount > 0),
    bank_line_id     bigint,
    CONSTRAINT direct_debit_pkey PRIMARY KEY (company_id, direct_debit_id),
    CONSTRAINT direct_debit_end_to_end_key UNIQUE (company_id, end_to_end_id),
    CONSTRAINT direct_debit_payment_key UNIQUE (company_id, payment_id),
    CONSTRAINT direct_debit_batch_fkey FOREIGN KEY (company_id, batch_id) REFERENCES o2c.direct_debit_batch,
    CONSTRAINT direct_debit_mandate_fkey FOREIGN KEY (company_id, mandate_id) REFERENCES o2c.mandate,
    CONSTRAINT direct_debit_customer_fkey FOREIGN KEY (company_id, customer_id) REFERENCES o2c.customer,
    CONSTRAINT direct_debit_payment_fkey FOREIGN KEY (company_id, payment_id) REFERENCES o2c.payment
);
COMMENT ON TABLE o2c.direct_debit IS 'Direct debits: one for each mandate of a batch, each a payment whose clearing tells what became of it';
COMMENT ON COLUMN o2c.direct_debit.end_to_end_id IS 'A creditor reference of its own, which comes back with the money and with a return';
COMMENT ON COLUMN o2c.direct_debit.customer_id IS 'Whose mandate it is: who pays, for itself or for customers below';
COMMENT ON COLUMN o2c.direct_debit.debtor IS 'Holder of the account';
COMMENT ON COLUMN o2c.direct_debit.original_reference IS 'The mandate''s reference before it was amended, where this collection tells the bank so';
COMMENT ON COLUMN o2c.direct_debit.original_account IS 'Its account, likewise';
COMMENT ON COLUMN o2c.direct_debit.bank_line_id IS 'The bank line that credited it';
CREATE INDEX IF NOT EXISTS direct_debit_bank_line ON o2c.direct_debit (company_id, bank_line_id) WHERE bank_line_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS direct_debit_batch_debits ON o2c.direct_debit (company_id, batch_id);
CREATE INDEX IF NOT EXISTS direct_debit_mandate ON o2c.direct_debit (company_id, mandate_id);

CREATE TABLE IF NOT EXISTS o2c.direct_debit_item (
    company_id       bigint NOT NULL DEFAULT o2c.current_company(),
    direct_debit_id  bigint NOT NULL,
    item_id          bigint NOT NULL,
    amount           numeric NOT NULL CONSTRAINT direct_debit_item_amount CHECK (amount > 0),
    discount_amount  numeric NOT NULL DEFAULT 0 CONSTRAINT direct_debit_item_discount CHECK (discount_amount >= 0),
    CONSTRAINT direct_debit_item_pkey PRIMARY KEY (company_id, direct_debit_id, item_id),
    CONSTRAINT direct_debit_item_debit_fkey FOREIGN KEY (company_id, direct_debit_id) REFERENCES o2c.direct_debit,
    CONSTRAINT direct_debit_item_item_fkey FOREIGN KEY (company_id, item_id) REFERENCES o2c.open_item
);
COMMENT ON TABLE o2c.direct_debit_item IS 'What a direct debit collects: instalments of invoices, fees, and the discount for paying early that is deducted';
CREATE INDEX IF NOT EXISTS direct_debit_item_item ON o2c.direct_debit_item (company_id, item_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.direct_debit_batch
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.direct_debit
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'bank_line_id', 'engine');
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.direct_debit_item
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');

CREATE OR REPLACE VIEW o2c.mandate_in_use AS
SELECT m.company_id, m.mandate_id, m.reference, c.code AS customer, m.scheme, m.sequence_type, m.signed_on, m.last_used_on, e.expires_on,
       CASE WHEN m.state = 'active' AND e.expires_on < o2c.today() THEN 'expired'
            WHEN m.state = 'active' AND m.stopped_for IS NOT NULL THEN 'stopped' ELSE m.state END AS state
FROM o2c.mandate m
JOIN o2c.customer c ON c.company_id = m.company_id AND c.customer_id = m.customer_id
CROSS JOIN LATERAL (SELECT (greatest(m.signed_on, m.last_used_on) + interval '36 months')::date AS expires_on) e;
COMMENT ON VIEW o2c.mandate_in_use IS 'Each mandate with its state today: it expires when it was not used for 36 months, and is stopped by some returns';

CREATE OR REPLACE VIEW o2c.verify_direct_debit AS
SELECT d.company_id, c.check_name, 'direct debit ' || d.end_to_end_id AS object, c.expected::text, c.found::text
FROM o2c.direct_debit d
JOIN o2c.payment p ON p.company_id = d.company_id AND p.payment_id = d.payment_id
LEFT JOIN (SELECT x.company_id, x.direct_debit_id, sum(x.amount) AS amount FROM o2c.direct_debit_item x GROUP BY x.company_id, x.direct_debit_id) x
    ON x.company_id = d.company_id AND x.direct_debit_id = d.direct_debit_id
CROSS JOIN LATERAL (VALUES
    ('direct debit items'::text, coalesce(x.amount, 0), d.amount),
    ('direct debit payment', d.amount, p.amount)) AS c (check_name, expected, found)
WHERE c.expected <> c.found
UNION ALL
SELECT b.company_id, 'direct debit batch', 'batch ' || b.message_id, concat_ws(' ', d.debits, trim_scale(d.amount)), concat_ws(' ', b.debits, trim_scale(b.amount))
FROM o2c.direct_debit_batch b
LEFT JOIN (SELECT d.company_id, d.batch_id, count(*) AS debits, sum(d.amount) AS amount FROM o2c.direct_debit d GROUP BY d.company_id, d.batch_id) d
    ON d.company_id = b.company_id AND d.batch_id = b.batch_id
WHERE (b.debits, b.amount) IS DISTINCT FROM (d.debits, d.amount)
UNION ALL
SELECT m.company_id, 'mandate use', 'mandate ' || m.reference, u.last_on::text, coalesce(m.last_used_on::text, 'never')
FROM o2c.mandate m
JOIN (SELECT d.company_id, d.mandate_id, max(b.collect_on) AS last_on FROM o2c.direct_debit d
      JOIN o2c.direct_debit_batch b ON b.company_id = d.company_id AND b.batch_id = d.batch_id GROUP BY d.company_id, d.mandate_id) u
    ON u.company_id = m.company_id AND u.mandate_id = m.mandate_id
WHERE u.last_on IS DISTINCT FROM m.last_used_on;
COMMENT ON VIEW o2c.verify_direct_debit IS 'Direct debits whose items or payment have another amount, batches that are not the sum of their direct debits, mandates last used on another day';

-- bank: bank statements

CREATE SEQUENCE IF NOT EXISTS o2c.bank_statement_id_seq;
CREATE TABLE IF NOT EXISTS o2c.bank_statement (
    company_id         bigint NOT NULL DEFAULT o2c.current_company(),
    bank_statement_id  bigint NOT NULL DEFAULT nextval('o2c.bank_statement_id_seq'),
    bank_account_id    bigint NOT NULL,
    kind               text NOT NULL CONSTRAINT bank_statement_kind CHECK (kind IN ('statement', 'notification')),
    reference          text NOT NULL,
    sequence_number    bigint,
    page               integer,
    last_page          boolean NOT NULL DEFAULT true,
    message            text,
    created_on         date,
    from_on            date,
    to_on              date,
    currency           text NOT NULL CONSTRAINT bank_statement_currency CHECK (o2c.minor_units(currency) >= 0),
    opening_balance    numeric,
    closing_balance    numeric,
    balances           jsonb NOT NULL DEFAULT '[]',
    entries            bigint NOT NULL,
    turnover           numeric NOT NULL,
    credits            numeric NOT NULL,
    ties               boolean GENERATED ALWAYS AS (coalesce(kind = 'statement' AND last_page AND coalesce(page, 1) = 1
                                                             AND opening_balance + turnover = closing_balance, false)) STORED,
    digest             text NOT NULL,
    problem            text,
    recorded_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by         text NOT NULL DEFAULT o2c.actor(),
    CONSTRAINT bank_statement_pkey PRIMARY KEY (company_id, bank_statement_id),
    CONSTRAINT bank_statement_once UNIQUE (company_id, bank_account_id, digest),
    CONSTRAINT bank_statement_account_fkey FOREIGN KEY (company_id, bank_account_id) REFERENCES o2c.bank_account
);
COMMENT ON TABLE o2c.bank_statement IS 'Statements (camt.053) and notifications (camt.054) of the company''s bank accounts, each once, with what they say of themselves';
COMMENT ON COLUMN o2c.bank_statement.reference IS 'What the bank calls it (Id)';
COMMENT ON COLUMN o2c.bank_statement.sequence_number IS 'The bank''s electronic sequence number';
COMMENT ON COLUMN o2c.bank_statement.page IS 'Of a statement that comes in pages; null: in one piece';
COMMENT ON COLUMN o2c.bank_statement.message IS 'The id of the message that brought it first';
COMMENT ON COLUMN o2c.bank_statement.opening_balance IS 'Booked opening balance in its currency, negative when overdrawn; null: none was given in this currency';
COMMENT ON COLUMN o2c.bank_statement.closing_balance IS 'Booked closing balance, likewise';
COMMENT ON COLUMN o2c.bank_statement.balances IS 'All balances that were given: type (ISO 20022), amount (signed), currency, date';
COMMENT ON COLUMN o2c.bank_statement.entries IS 'How many entries the message had for it, known ones included';
COMMENT ON COLUMN o2c.bank_statement.turnover IS 'Sum of its booked entries in its currency, credits positive';
COMMENT ON COLUMN o2c.bank_statement.credits IS 'Sum of those that are credits';
COMMENT ON COLUMN o2c.bank_statement.ties IS 'Whether it is a statement in one piece whose balances are connected by its entries';
COMMENT ON COLUMN o2c.bank_statement.digest IS 'Of its content: the same statement is recorded once';
COMMENT ON COLUMN o2c.bank_statement.problem IS 'What does not agree in it, such as balances that its entries do not connect; null: nothing';
CREATE INDEX IF NOT EXISTS bank_statement_reference ON o2c.bank_statement (company_id, bank_account_id, reference);
CREATE INDEX IF NOT EXISTS bank_statement_opening ON o2c.bank_statement (company_id, bank_account_id, opening_balance, bank_statement_id) WHERE ties;
CREATE INDEX IF NOT EXISTS bank_statement_closing ON o2c.bank_statement (company_id, bank_account_id, closing_balance, bank_statement_id) WHERE ties;
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.bank_statement
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');

CREATE SEQUENCE IF NOT EXISTS o2c.bank_line_id_seq;
CREATE TABLE IF NOT EXISTS o2c.bank_line (
    company_id         bigint NOT NULL DEFAULT o2c.current_company(),
    bank_line_id       bigint NOT NULL DEFAULT nextval('o2c.bank_line_id_seq'),
    bank_account_id    bigint NOT NULL,
    bank_statement_id  bigint,
    entry_key          text NOT NULL,
    occurrence         bigint NOT NULL,
    position           integer NOT NULL,
    kind               text NOT NULL CONSTRAINT bank_line_kind CHECK (kind IN ('receipt', 'collection', 'return', 'charge', 'debit', 'correction', 'information')),
    status             text NOT NULL,
    booked_on          date NOT NULL,
    value_on           date,
    amount             numeric NOT NULL CONSTRAINT bank_line_amount CHECK (amount > '-Infinity' AND amount < 'Infinity'),
    currency           text NOT NULL CONSTRAINT bank_line_currency CHECK (o2c.minor_units(currency) >= 0),
    charges            numeric NOT NULL DEFAULT 0 CONSTRAINT bank_line_charges CHECK (charges > '-Infinity' AND charges < 'Infinity'),
    charges_currency   text,
    gross_amount       numeric GENERATED ALWAYS AS (amount + CASE WHEN charges_currency = currency THEN charges ELSE 0 END) STORED,
    original_amount    numeric,
    original_currency  text,
    exchange_rate      numeric,
    bank_reference     text,
    end_to_end_id      text,
    transaction_id     text,
    batch_reference    text,
    mandate            text,
    structured_reference text,
    document_numbers   text,
    remittance         text,
    information        text,
    party_name         text,
    ultimate_party     text,
    party_account      text,
    party_bic          text,
    domain             text,
    family             text,
    subfamily          text,
    proprietary_code   text,
    return_reason      text,
    reversal           boolean NOT NULL DEFAULT false,
    payment_id         bigint,
    problem            text,
    closed_at          timestamptz,
    closed_by          text,
    closed_note        text,
    recorded_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT bank_line_pkey PRIMARY KEY (company_id, bank_line_id),
    CONSTRAINT bank_line_once UNIQUE (company_id, bank_account_id, entry_key, occurrence, position),
    CONSTRAINT bank_line_account_fkey FOREIGN KEY (company_id, bank_account_id) REFERENCES o2c.bank_account,
    CONSTRAINT bank_line_statement_fkey FOREIGN KEY (company_id, bank_statement_id) REFERENCES o2c.bank_statement,
    CONSTRAINT bank_line_payment_fkey FOREIGN KEY (company_id, payment_id) REFERENCES o2c.payment
);
COMMENT ON TABLE o2c.bank_line IS 'What was booked on the company''s bank accounts: one line for each transaction, each once however often and in whatever message the bank tells of it';
COMMENT ON COLUMN o2c.bank_line.bank_statement_id IS 'The statement or notification that told of it first; null: it came without one';
COMMENT ON COLUMN o2c.bank_line.entry_key IS 'Digest that tells the entry from others: booking date, amount, currency and the bank''s reference, else the end-to-end ids, else all texts';
COMMENT ON COLUMN o2c.bank_line.occurrence IS 'The n-th entry with this key, counted in its file and over statements that share none with its own';
COMMENT ON COLUMN o2c.bank_line.position IS 'The n-th transaction of a batch; 0: the whole entry';
COMMENT ON COLUMN o2c.bank_line.kind IS 'receipt: a credit, booked as a payment. collection: a credit of direct debits, which are settled with it. return: a debit that takes a receipt back. charge: what the bank takes. debit: any other. correction: a credit that gives a debit back. information: not booked by the bank, or zero';
COMMENT ON COLUMN o2c.bank_line.status IS 'ISO 20022: BOOK, else not (yet) booked';
COMMENT ON COLUMN o2c.bank_line.amount IS 'What the account was credited (positive) or debited (negative)';
COMMENT ON COLUMN o2c.bank_line.charges IS 'What banks kept of the amount or added to it, positive when it costs us';
COMMENT ON COLUMN o2c.bank_line.gross_amount IS 'The amount before charges in the same currency';
COMMENT ON COLUMN o2c.bank_line.original_amount IS 'The amount that was instructed, in original_currency';
COMMENT ON COLUMN o2c.bank_line.bank_reference IS 'The account servicer''s reference';
COMMENT ON COLUMN o2c.bank_line.batch_reference IS 'The payment information id of the batch';
COMMENT ON COLUMN o2c.bank_line.structured_reference IS 'Creditor references, a blank between several';
COMMENT ON COLUMN o2c.bank_line.document_numbers IS 'Numbers of documents that the payer refers to, a blank between several';
COMMENT ON COLUMN o2c.bank_line.remittance IS 'Free text of the payer';
COMMENT ON COLUMN o2c.bank_line.information IS 'Free text of the bank';
COMMENT ON COLUMN o2c.bank_line.party_name IS 'Who paid a credit, who received a debit, whose payment a return takes back';
COMMENT ON COLUMN o2c.bank_line.domain IS 'Bank transaction code (ISO 20022), with family and subfamily';
COMMENT ON COLUMN o2c.bank_line.return_reason IS 'ISO 20022 reason code of a return, such as AC04 or MD06';
COMMENT ON COLUMN o2c.bank_line.payment_id IS 'The payment that a receipt is, that a collection of one direct debit settles, or that a return takes back';
COMMENT ON COLUMN o2c.bank_line.problem IS 'What a person should know: details that do not add up, a return whose payment is not found, a collection that does not agree with its direct debits';
COMMENT ON COLUMN o2c.bank_line.closed_at IS 'When a person closed it, the run that booked its details instead, or the one that settled its direct debits';
CREATE INDEX IF NOT EXISTS bank_line_statement ON o2c.bank_line (company_id, bank_statement_id);
CREATE INDEX IF NOT EXISTS bank_line_payment ON o2c.bank_line (company_id, payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS bank_line_end_to_end ON o2c.bank_line (company_id, end_to_end_id) WHERE kind = 'receipt' AND end_to_end_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS bank_line_reference ON o2c.bank_line (company_id, bank_reference) WHERE kind = 'receipt' AND bank_reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS bank_line_unsettled ON o2c.bank_line (company_id, bank_line_id)
    WHERE kind IN ('collection', 'return', 'correction') AND payment_id IS NULL AND closed_at IS NULL;
IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'o2c.direct_debit'::regclass AND conname = 'direct_debit_bank_line_fkey') THEN
    ALTER TABLE o2c.direct_debit ADD CONSTRAINT direct_debit_bank_line_fkey FOREIGN KEY (company_id, bank_line_id) REFERENCES o2c.bank_line;
END IF;
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.bank_line
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', 'payment_id,problem,closed_at,closed_by,closed_note', 'engine');

CREATE TABLE IF NOT EXISTS o2c.bank_statement_entry (
    company_id         bigint NOT NULL DEFAULT o2c.current_company(),
    bank_account_id    bigint NOT NULL,
    entry_key          text NOT NULL,
    occurrence         bigint NOT NULL,
    bank_statement_id  bigint NOT NULL,
    CONSTRAINT bank_statement_entry_pkey PRIMARY KEY (company_id, bank_account_id, entry_key, occurrence, bank_statement_id),
    CONSTRAINT bank_statement_entry_account_fkey FOREIGN KEY (company_id, bank_account_id) REFERENCES o2c.bank_account,
    CONSTRAINT bank_statement_entry_statement_fkey FOREIGN KEY (company_id, bank_statement_id) REFERENCES o2c.bank_statement
);
COMMENT ON TABLE o2c.bank_statement_entry IS 'Entries of statements and notifications that another one, or another source, told of before: the lines with this key and occurrence';
CREATE INDEX IF NOT EXISTS bank_statement_entry_statement ON o2c.bank_statement_entry (company_id, bank_statement_id);
CREATE OR REPLACE TRIGGER a_guard BEFORE INSERT OR UPDATE OR DELETE ON o2c.bank_statement_entry
    FOR EACH ROW EXECUTE FUNCTION o2c._guard('', '', 'engine');

CREATE SEQUENCE IF NOT EXISTS o2c.bank_line_import_seq;
CREATE TABLE IF NOT EXISTS o2c.bank_line_import (
    company_id         bigint NOT NULL DEFAULT o2c.current_company(),
    import_id          bigint NOT NULL DEFAULT nextval('o2c.bank_line_import_seq'),
    batch              text NOT NULL DEFAULT '',
    account            text,
    currency           text,
    booked_on          date,
    value_on           date,
    amount             numeric,
    charges            numeric,
    charges_currency   text,
    original_amount    numeric,
    original_currency  text,
    exchange_rate      numeric,
    bank_reference     text,
    end_to_end_id      text,
    transaction_id     text,
    batch_reference    text,
    mandate            text,
    structured_reference text,
    document_numbers   text,
    remittance         text,
    information        text,
    party_name         text,
    ultimate_party     text,
    party_account      text,
    party_bic          text,
    domain             text,
    family             text,
    subfamily          text,
    proprietary_code   text,
    return_reason      text,
    reversal           boolean,
    status             text,
    identity           text,
    bank_account_id    bigint,
    bank_statement_id  bigint,
    entry              bigint,
    entry_amount       numeric,
    position           integer,
    note               text,
    entry_key          text,
    occurrence         bigint,
    kind               text,
    problem            text,
    CONSTRAINT bank_line_import_pkey PRIMARY KEY (company_id, import_id)
);
COMMENT ON TABLE o2c.bank_line_import IS 'Door for bank lines of any source: fill it with COPY, then call o2c.load_bank_lines(). Rows that were taken in leave; rows that were not stay with their problem';
COMMENT ON COLUMN o2c.bank_line_import.batch IS 'Rows of one batch are taken in together or not at all';
COMMENT ON COLUMN o2c.bank_line_import.account IS 'Our account, as in o2c.bank_account; null: the only one';
COMMENT ON COLUMN o2c.bank_line_import.currency IS 'null: the account''s';
COMMENT ON COLUMN o2c.bank_line_import.amount IS 'Positive for a credit, negative for a debit';
COMMENT ON COLUMN o2c.bank_line_import.status IS 'null: BOOK';
COMMENT ON COLUMN o2c.bank_line_import.identity IS 'What tells the line from others of the day with its amount; null: bank_reference, else end_to_end_id, else its texts';
COMMENT ON COLUMN o2c.bank_line_import.bank_account_id IS 'This and the columns after it, but problem, are filled by the loading functions';

CREATE OR REPLACE VIEW o2c.bank_line_open AS
SELECT l.company_id, l.bank_line_id, a.account, l.kind, l.booked_on, l.amount::numeric(24, 4), l.currency, l.return_reason,
       l.end_to_end_id, l.bank_reference, l.party_name, l.party_account, l.remittance, l.problem
FROM o2c.bank_line l
JOIN o2c.bank_account a ON a.company_id = l.company_id AND a.bank_account_id = l.bank_account_id
WHERE l.kind IN ('collection', 'return', 'correction') AND l.payment_id IS NULL AND l.closed_at IS NULL;
COMMENT ON VIEW o2c.bank_line_open IS 'Bank lines that wait for a person: returns whose payment was not found, collections that do not agree with their direct debits, and credits that give a debit back. o2c.close_bank_line() settles one';

CREATE OR REPLACE VIEW o2c.verify_bank_statement AS
SELECT s.company_id, 'bank statement balance'::text AS check_name, 'bank statement ' || s.bank_statement_id AS object,
       trim_scale(s.opening_balance + s.turnover)::text AS expected, trim_scale(s.closing_balance)::text AS found
FROM o2c.bank_statement s
WHERE s.opening_balance + s.turnover <> s.closing_balance AND s.problem IS NULL AND s.last_page AND coalesce(s.page, 1) = 1
UNION ALL
SELECT e.company_id, 'bank statement entry', 'bank statement ' || e.bank_statement_id, 'a bank line ' || e.entry_key || '/' || e.occurrence, 'none'
FROM o2c.bank_statement_entry e
LEFT JOIN o2c.bank_line l ON l.company_id = e.company_id AND l.bank_account_id = e.bank_account_id AND l.entry_key = e.entry_key AND l.occurrence = e.occurrence
WHERE l.bank_line_id IS NULL;
COMMENT ON VIEW o2c.verify_bank_statement IS 'Bank statements whose balances are not connected by their entries without saying so, or that tell again of a line that is not there';

CREATE OR REPLACE VIEW o2c.verify_bank_line AS
SELECT l.company_id, c.check_name, 'bank line ' || l.bank_line_id AS object, c.expected, c.found
FROM o2c.bank_line l
JOIN o2c.bank_account a ON a.company_id = l.company_id AND a.bank_account_id = l.bank_account_id
LEFT JOIN o2c.payment p ON p.company_id = l.company_id AND p.payment_id = l.payment_id
CROSS JOIN LATERAL (VALUES
    ('bank line payment'::text,
     CASE WHEN l.kind = 'receipt' THEN concat_ws(' ', 'payment', a.account, trim_scale(l.amount), l.currency, l.booked_on) END,
     CASE WHEN p.payment_id IS NULL THEN 'none' ELSE concat_ws(' ', 'payment', p.provider, trim_scale(p.amount), p.currency, p.received_on) END),
    ('bank line charges', CASE WHEN l.kind = 'receipt' THEN trim_scale(greatest(l.gross_amount - l.amount, 0))::text END, trim_scale(p.charge_amount)::text),
    ('bank line return', CASE WHEN l.kind = 'return' AND l.payment_id IS NOT NULL THEN 'reversed' END, p.state)) AS c (check_name, expected, found)
WHERE c.expected <> c.found
UNION ALL
SELECT l.company_id, 'bank line collection', 'bank line ' || l.bank_line_id, concat_ws(' ', trim_scale(d.amount), 'settled'),
       concat_ws(' ', trim_scale(CASE d.amount WHEN l.gross_amount THEN l.gross_amount ELSE l.amount END), CASE WHEN d.captured THEN 'captured' ELSE 'settled' END)
FROM (SELECT d.company_id, d.bank_line_id, sum(d.amount) AS amount, bool_or(p.clearing = 'captured') AS captured
      FROM o2c.direct_debit d
      JOIN o2c.payment p ON p.company_id = d.company_id AND p.payment_id = d.payment_id
      WHERE d.bank_line_id IS NOT NULL GROUP BY d.company_id, d.bank_line_id) d
JOIN o2c.bank_line l ON l.company_id = d.company_id AND l.bank_line_id = d.bank_line_id
WHERE d.amount NOT IN (l.amount, l.gross_amount) OR d.captured;
COMMENT ON VIEW o2c.verify_bank_line IS 'Receipts on bank accounts that are not booked as the payment that they are, returns whose payment is not reversed, and collections that are not the sum of their direct debits or did not settle them';
