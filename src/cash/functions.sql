-- cash: references with check digits, bank account numbers, references in free text

-- creditor_reference (ISO 11649); why functions of text and bytea serve it: src/cash/code.c

CREATE TYPE o2c.creditor_reference;

CREATE FUNCTION o2c._creditor_reference_in(cstring) RETURNS o2c.creditor_reference
AS 'MODULE_PATHNAME', 'o2c_creditor_reference_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_in(cstring) IS
'Input of creditor_reference. Errors: OC203.';

CREATE FUNCTION o2c._creditor_reference_out(o2c.creditor_reference) RETURNS cstring
AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_out(o2c.creditor_reference) IS
'Output of creditor_reference.';

CREATE FUNCTION o2c._creditor_reference_recv(internal) RETURNS o2c.creditor_reference
AS 'MODULE_PATHNAME', 'o2c_creditor_reference_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_recv(internal) IS
'Binary input of creditor_reference: its text. Errors: OC203.';

CREATE FUNCTION o2c._creditor_reference_send(o2c.creditor_reference) RETURNS bytea
AS 'textsend' LANGUAGE internal STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_send(o2c.creditor_reference) IS
'Binary output of creditor_reference: its text.';

CREATE TYPE o2c.creditor_reference (
    INPUT = o2c._creditor_reference_in, OUTPUT = o2c._creditor_reference_out, RECEIVE = o2c._creditor_reference_recv, SEND = o2c._creditor_reference_send,
    INTERNALLENGTH = variable, STORAGE = extended
);
COMMENT ON TYPE o2c.creditor_reference IS
'A creditor reference (ISO 11649): RF, two check digits, 1 to 21 letters and digits, as in RF18539007547034. Blanks and lower case are accepted; the value has neither. Errors: OC203.';

CREATE CAST (o2c.creditor_reference AS text) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (text AS o2c.creditor_reference) WITH INOUT AS ASSIGNMENT;

CREATE FUNCTION o2c._creditor_reference_lt(o2c.creditor_reference, o2c.creditor_reference) RETURNS boolean
AS 'bytealt' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_lt(o2c.creditor_reference, o2c.creditor_reference) IS
'Whether the first creditor reference is before the second.';

CREATE FUNCTION o2c._creditor_reference_le(o2c.creditor_reference, o2c.creditor_reference) RETURNS boolean
AS 'byteale' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_le(o2c.creditor_reference, o2c.creditor_reference) IS
'Whether the first creditor reference is before or equal to the second.';

CREATE FUNCTION o2c._creditor_reference_eq(o2c.creditor_reference, o2c.creditor_reference) RETURNS boolean
AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_eq(o2c.creditor_reference, o2c.creditor_reference) IS
'Whether the first creditor reference equals the second.';

CREATE FUNCTION o2c._creditor_reference_ne(o2c.creditor_reference, o2c.creditor_reference) RETURNS boolean
AS 'byteane' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_ne(o2c.creditor_reference, o2c.creditor_reference) IS
'Whether the first creditor reference differs from the second.';

CREATE FUNCTION o2c._creditor_reference_ge(o2c.creditor_reference, o2c.creditor_reference) RETURNS boolean
AS 'byteage' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_ge(o2c.creditor_reference, o2c.creditor_reference) IS
'Whether the first creditor reference is after or equal to the second.';

CREATE FUNCTION o2c._creditor_reference_gt(o2c.creditor_reference, o2c.creditor_reference) RETURNS boolean
AS 'byteagt' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_gt(o2c.creditor_reference, o2c.creditor_reference) IS
'Whether the first creditor reference is after the second.';

CREATE FUNCTION o2c._creditor_reference_cmp(o2c.creditor_reference, o2c.creditor_reference) RETURNS integer
AS 'byteacmp' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_cmp(o2c.creditor_reference, o2c.creditor_reference) IS
'Order of two creditor references: by their characters, digits before letters.';

CREATE FUNCTION o2c._creditor_reference_hash(o2c.creditor_reference) RETURNS integer
AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_hash(o2c.creditor_reference) IS
'Hash of creditor_reference.';

CREATE FUNCTION o2c._creditor_reference_hash_extended(o2c.creditor_reference, bigint) RETURNS bigint
AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._creditor_reference_hash_extended(o2c.creditor_reference, bigint) IS
'Hash of creditor_reference with a seed.';

CREATE OPERATOR o2c.< (
    LEFTARG = o2c.creditor_reference, RIGHTARG = o2c.creditor_reference, FUNCTION = o2c._creditor_reference_lt,
    COMMUTATOR = OPERATOR(o2c.>), NEGATOR = OPERATOR(o2c.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR o2c.< (o2c.creditor_reference, o2c.creditor_reference) IS 'is before';

CREATE OPERATOR o2c.<= (
    LEFTARG = o2c.creditor_reference, RIGHTARG = o2c.creditor_reference, FUNCTION = o2c._creditor_reference_le,
    COMMUTATOR = OPERATOR(o2c.>=), NEGATOR = OPERATOR(o2c.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR o2c.<= (o2c.creditor_reference, o2c.creditor_reference) IS 'is before or equal to';

CREATE OPERATOR o2c.= (
    LEFTARG = o2c.creditor_reference, RIGHTARG = o2c.creditor_reference, FUNCTION = o2c._creditor_reference_eq,
    COMMUTATOR = OPERATOR(o2c.=), NEGATOR = OPERATOR(o2c.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR o2c.= (o2c.creditor_reference, o2c.creditor_reference) IS 'equals';

CREATE OPERATOR o2c.<> (
    LEFTARG = o2c.creditor_reference, RIGHTARG = o2c.creditor_reference, FUNCTION = o2c._creditor_reference_ne,
    COMMUTATOR = OPERATOR(o2c.<>), NEGATOR = OPERATOR(o2c.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR o2c.<> (o2c.creditor_reference, o2c.creditor_reference) IS 'differs from';

CREATE OPERATOR o2c.>= (
    LEFTARG = o2c.creditor_reference, RIGHTARG = o2c.creditor_reference, FUNCTION = o2c._creditor_reference_ge,
    COMMUTATOR = OPERATOR(o2c.<=), NEGATOR = OPERATOR(o2c.<), RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR o2c.>= (o2c.creditor_reference, o2c.creditor_reference) IS 'is after or equal to';

CREATE OPERATOR o2c.> (
    LEFTARG = o2c.creditor_reference, RIGHTARG = o2c.creditor_reference, FUNCTION = o2c._creditor_reference_gt,
    COMMUTATOR = OPERATOR(o2c.<), NEGATOR = OPERATOR(o2c.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR o2c.> (o2c.creditor_reference, o2c.creditor_reference) IS 'is after';

CREATE OPERATOR CLASS o2c.creditor_reference_ops DEFAULT FOR TYPE o2c.creditor_reference USING btree AS
    OPERATOR 1 o2c.<, OPERATOR 2 o2c.<=, OPERATOR 3 o2c.=, OPERATOR 4 o2c.>=, OPERATOR 5 o2c.>,
    FUNCTION 1 o2c._creditor_reference_cmp(o2c.creditor_reference, o2c.creditor_reference),
    FUNCTION 2 pg_catalog.bytea_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);
CREATE OPERATOR CLASS o2c.creditor_reference_ops DEFAULT FOR TYPE o2c.creditor_reference USING hash AS
    OPERATOR 1 o2c.=,
    FUNCTION 1 o2c._creditor_reference_hash(o2c.creditor_reference),
    FUNCTION 2 o2c._creditor_reference_hash_extended(o2c.creditor_reference, bigint);

CREATE FUNCTION o2c.make_creditor_reference(reference text) RETURNS o2c.creditor_reference
AS 'MODULE_PATHNAME', 'o2c_make_creditor_reference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.make_creditor_reference(text) IS
'The creditor reference of a bare reference of 1 to 21 letters and digits: computes the check digits (ISO 11649, ISO 7064 MOD 97-10). Errors: OC203 for anything longer, empty, or with other characters than letters, digits and blanks.';

CREATE FUNCTION o2c.is_creditor_reference(reference text) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_is_creditor_reference_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.is_creditor_reference(text) IS
'Whether a text is a creditor reference (ISO 11649), blanks and lower case allowed. Never an error.';

CREATE FUNCTION o2c.print_form(reference o2c.creditor_reference) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_print_code' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.print_form(o2c.creditor_reference) IS
'The creditor reference as it is printed: in groups of four.';

-- iban (ISO 13616)

CREATE TYPE o2c.iban;

CREATE FUNCTION o2c._iban_in(cstring) RETURNS o2c.iban
AS 'MODULE_PATHNAME', 'o2c_iban_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_in(cstring) IS
'Input of iban. Errors: OC203.';

CREATE FUNCTION o2c._iban_out(o2c.iban) RETURNS cstring
AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_out(o2c.iban) IS
'Output of iban.';

CREATE FUNCTION o2c._iban_recv(internal) RETURNS o2c.iban
AS 'MODULE_PATHNAME', 'o2c_iban_recv' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_recv(internal) IS
'Binary input of iban: its text. Errors: OC203.';

CREATE FUNCTION o2c._iban_send(o2c.iban) RETURNS bytea
AS 'textsend' LANGUAGE internal STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_send(o2c.iban) IS
'Binary output of iban: its text.';

CREATE TYPE o2c.iban (
    INPUT = o2c._iban_in, OUTPUT = o2c._iban_out, RECEIVE = o2c._iban_recv, SEND = o2c._iban_send,
    INTERNALLENGTH = variable, STORAGE = extended
);
COMMENT ON TYPE o2c.iban IS
'An international bank account number (ISO 13616) of a country in the IBAN registry: length, kinds of characters and check digits are verified. Blanks and lower case are accepted; the value has neither. Errors: OC203.';

CREATE CAST (o2c.iban AS text) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (text AS o2c.iban) WITH INOUT AS ASSIGNMENT;

CREATE FUNCTION o2c._iban_lt(o2c.iban, o2c.iban) RETURNS boolean
AS 'bytealt' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_lt(o2c.iban, o2c.iban) IS
'Whether the first IBAN is before the second.';

CREATE FUNCTION o2c._iban_le(o2c.iban, o2c.iban) RETURNS boolean
AS 'byteale' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_le(o2c.iban, o2c.iban) IS
'Whether the first IBAN is before or equal to the second.';

CREATE FUNCTION o2c._iban_eq(o2c.iban, o2c.iban) RETURNS boolean
AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_eq(o2c.iban, o2c.iban) IS
'Whether the first IBAN equals the second.';

CREATE FUNCTION o2c._iban_ne(o2c.iban, o2c.iban) RETURNS boolean
AS 'byteane' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_ne(o2c.iban, o2c.iban) IS
'Whether the first IBAN differs from the second.';

CREATE FUNCTION o2c._iban_ge(o2c.iban, o2c.iban) RETURNS boolean
AS 'byteage' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_ge(o2c.iban, o2c.iban) IS
'Whether the first IBAN is after or equal to the second.';

CREATE FUNCTION o2c._iban_gt(o2c.iban, o2c.iban) RETURNS boolean
AS 'byteagt' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_gt(o2c.iban, o2c.iban) IS
'Whether the first IBAN is after the second.';

CREATE FUNCTION o2c._iban_cmp(o2c.iban, o2c.iban) RETURNS integer
AS 'byteacmp' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_cmp(o2c.iban, o2c.iban) IS
'Order of two IBANs: by their characters, digits before letters.';

CREATE FUNCTION o2c._iban_hash(o2c.iban) RETURNS integer
AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_hash(o2c.iban) IS
'Hash of iban.';

CREATE FUNCTION o2c._iban_hash_extended(o2c.iban, bigint) RETURNS bigint
AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iban_hash_extended(o2c.iban, bigint) IS
'Hash of iban with a seed.';

CREATE OPERATOR o2c.< (
    LEFTARG = o2c.iban, RIGHTARG = o2c.iban, FUNCTION = o2c._iban_lt,
    COMMUTATOR = OPERATOR(o2c.>), NEGATOR = OPERATOR(o2c.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR o2c.< (o2c.iban, o2c.iban) IS 'is before';

CREATE OPERATOR o2c.<= (
    LEFTARG = o2c.iban, RIGHTARG = o2c.iban, FUNCTION = o2c._iban_le,
    COMMUTATOR = OPERATOR(o2c.>=), NEGATOR = OPERATOR(o2c.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR o2c.<= (o2c.iban, o2c.iban) IS 'is before or equal to';

CREATE OPERATOR o2c.= (
    LEFTARG = o2c.iban, RIGHTARG = o2c.iban, FUNCTION = o2c._iban_eq,
    COMMUTATOR = OPERATOR(o2c.=), NEGATOR = OPERATOR(o2c.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR o2c.= (o2c.iban, o2c.iban) IS 'equals';

CREATE OPERATOR o2c.<> (
    LEFTARG = o2c.iban, RIGHTARG = o2c.iban, FUNCTION = o2c._iban_ne,
    COMMUTATOR = OPERATOR(o2c.<>), NEGATOR = OPERATOR(o2c.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR o2c.<> (o2c.iban, o2c.iban) IS 'differs from';

CREATE OPERATOR o2c.>= (
    LEFTARG = o2c.iban, RIGHTARG = o2c.iban, FUNCTION = o2c._iban_ge,
    COMMUTATOR = OPERATOR(o2c.<=), NEGATOR = OPERATOR(o2c.<), RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR o2c.>= (o2c.iban, o2c.iban) IS 'is after or equal to';

CREATE OPERATOR o2c.> (
    LEFTARG = o2c.iban, RIGHTARG = o2c.iban, FUNCTION = o2c._iban_gt,
    COMMUTATOR = OPERATOR(o2c.<), NEGATOR = OPERATOR(o2c.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR o2c.> (o2c.iban, o2c.iban) IS 'is after';

CREATE OPERATOR CLASS o2c.iban_ops DEFAULT FOR TYPE o2c.iban USING btree AS
    OPERATOR 1 o2c.<, OPERATOR 2 o2c.<=, OPERATOR 3 o2c.=, OPERATOR 4 o2c.>=, OPERATOR 5 o2c.>,
    FUNCTION 1 o2c._iban_cmp(o2c.iban, o2c.iban),
    FUNCTION 2 pg_catalog.bytea_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);
CREATE OPERATOR CLASS o2c.iban_ops DEFAULT FOR TYPE o2c.iban USING hash AS
    OPERATOR 1 o2c.=,
    FUNCTION 1 o2c._iban_hash(o2c.iban),
    FUNCTION 2 o2c._iban_hash_extended(o2c.iban, bigint);

CREATE FUNCTION o2c.is_iban(iban text) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_is_iban' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.is_iban(text) IS
'Whether a text is an IBAN (ISO 13616), blanks and lower case allowed. Never an error.';

CREATE FUNCTION o2c.print_form(iban o2c.iban) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_print_code' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.print_form(o2c.iban) IS
'The IBAN as it is printed: in groups of four.';

CREATE FUNCTION o2c.iban_country(iban o2c.iban) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_iban_country' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.iban_country(o2c.iban) IS
'The country of an IBAN, two letters (ISO 3166; XK for Kosovo).';

CREATE FUNCTION o2c.iban_bank(iban o2c.iban) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_iban_bank' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.iban_bank(o2c.iban) IS
'The bank identifier in an IBAN, where the IBAN registry puts it; null where the registry names none (Poland).';

-- national reference schemes

CREATE FUNCTION o2c.check_digit(scheme text, reference text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_check_digit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.check_digit(text, text) IS
'The check digits of a bare reference. Schemes: RF (ISO 11649, 2 digits), QRR (Switzerland, modulo 10 recursive, 26 digits), VIITE (Finland, weights 7-3-1, 3 to 19 digits), KID10 and KID11 (Norway, modulo 10 or 11, up to 24 digits; KID11 may give ''-''), OGM (Belgium, modulo 97, 10 digits). Errors: OC001 for another scheme, OC203 for a reference that does not fit it.';

CREATE FUNCTION o2c.is_reference(scheme text, reference text) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_is_reference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.is_reference(text, text) IS
'Whether a text is a reference of the scheme with its check digits, printed or not. Schemes as in o2c.check_digit. Errors: OC001 for another scheme.';

CREATE FUNCTION o2c.print_form(scheme text, reference text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_print_reference' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.print_form(text, text) IS
'A reference with check digits as its scheme prints it: RF in groups of four, QRR and VIITE in groups of five from the right, OGM as +++123/4567/89012+++, KID unbroken. Schemes as in o2c.check_digit. Errors: OC001 for another scheme, OC203 for a wrong reference.';

-- references in free text

CREATE FUNCTION o2c.reference_tokens(remittance text) RETURNS text[]
AS 'MODULE_PATHNAME', 'o2c_reference_tokens' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.reference_tokens(text) IS
'What may be a reference in free text, in normal form (o2c.normalize_reference): words with a digit, up to five neighbours joined with and without separators, what follows a prefix such as INV or RECHNUNG, and references in printed groups that their check digits prove. At least 3, at most 35 letters and digits each; each once; at most 256, in the order of the text. Never an error.';

-- cash: accounts and policies

CREATE FUNCTION o2c.account_key(account text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN pg_catalog.upper(pg_catalog.regexp_replace(account, '[^0-9A-Za-z]', '', 'g') COLLATE "C");
COMMENT ON FUNCTION o2c.account_key(text) IS
'The form in which bank account numbers are kept and compared: letters A to Z in upper case and digits, nothing else. Never an error.';

CREATE FUNCTION o2c._seed_cash_policy() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.cash_policy (company_id) VALUES (NEW.company_id);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._seed_cash_policy() IS 'Trigger: a new company has a policy for payments.';

-- cash: payments and matching

CREATE FUNCTION o2c._settle_payments() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_settle_payments' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._settle_payments() IS
'Statement trigger: a payment is applied when nothing of it is on account, and received again when something is.';

CREATE FUNCTION o2c.record_payment(amount numeric, received_on date DEFAULT o2c.today(), customer text DEFAULT NULL, reference text DEFAULT NULL,
                                   method text DEFAULT 'transfer', currency text DEFAULT NULL, payer_name text DEFAULT NULL,
                                   payer_account text DEFAULT NULL, provider text DEFAULT NULL, provider_reference text DEFAULT NULL,
                                   idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_record_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.record_payment(numeric, date, text, text, text, text, text, text, text, text, text, bigint) IS
'Records money received. Arguments: the amount (above zero, in the currency''s minor units), the value date, the customer''s code (null: not identified yet), the reference the payer gave, the method (transfer, direct_debit, card, cheque, cash), the currency (null: the customer''s, else the company''s), the payer''s name and account, the provider (a bank or service) and its reference for the receipt, an idempotency key, the company. Result: the payment''s id. The same provider and reference, or the same key, give the same payment again. Errors: OC001 for an unknown customer, currency or company, OC002 for an amount or date that cannot be, OC003 when the provider''s reference or the key was used for something else, 23514 for an unknown method.';

CREATE FUNCTION o2c.identify_payment(payment bigint, customer text, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_identify_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.identify_payment(bigint, text, bigint) IS
'Says which customer made a payment that was recorded without one: it is then on that customer''s account. Result: the id of its open item. Errors: OC001 for an unknown payment or customer, OC101 when it belongs to another customer or is reversed.';

CREATE FUNCTION o2c.apply_payment(payment bigint, invoice text, amount numeric DEFAULT NULL, discount numeric DEFAULT 0,
                                  effective_on date DEFAULT NULL, tolerance numeric DEFAULT 0, company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_apply_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.apply_payment(bigint, text, numeric, numeric, date, numeric, bigint) IS
'Applies a payment to an invoice, the oldest instalment first. Arguments: the payment, the invoice''s number, the amount of cash (null: as much as fits), the discount granted and the difference tolerated besides (both reduce what is owed, not the payment), the date (null: as soon as both are there), the company. A payment without customer becomes one of the invoice''s customer. Result: the id of the application, of the first where it covers several instalments. Errors: OC001 for an unknown payment or invoice, OC002 for amounts or dates that cannot be or a customer of another group, OC005 for another currency, OC106 for more than is open on either side.';

CREATE FUNCTION o2c.reverse_payment(payment bigint, reversed_on date DEFAULT o2c.today(), reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS void
AS 'MODULE_PATHNAME', 'o2c_reverse_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.reverse_payment(bigint, date, text, bigint) IS
'Takes a payment back, as when it bounces: its applications are reversed on that date, the invoices are open again with the due dates they had, and nothing of it stays on account. Arguments: the payment, the date of the bounce, why, the company. Errors: OC001 for an unknown payment, OC002 for a missing date or one before the payment, OC101 when it is reversed already.';

CREATE FUNCTION o2c._load_payments(batch text, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b record;
    added bigint;
    loaded bigint := 0;
    stay bigint := 0;
BEGIN
    PERFORM o2c._take_statistics((SELECT count(*) FROM o2c.payment_import r WHERE r.company_id = _load_payments.company_id),
                                 'o2c.customer', 'o2c.payment_import');
    FOR b IN SELECT r.batch FROM o2c.payment_import r
             WHERE r.company_id = _load_payments.company_id AND (_load_payments.batch IS NULL OR r.batch = _load_payments.batch)
             GROUP BY r.batch ORDER BY min(r.import_id) LOOP
        UPDATE o2c.payment_import r SET problem = j.problem
        FROM o2c._judge_payments(b.batch, _load_payments.company_id) j
        WHERE r.company_id = _load_payments.company_id AND r.import_id = j.import_id AND r.problem IS DISTINCT FROM j.problem;
        IF EXISTS (SELECT FROM o2c.payment_import r
                   WHERE r.company_id = _load_payments.company_id AND r.batch = b.batch AND r.problem IS NOT NULL) THEN
            stay := stay + 1;
            CONTINUE;
        END IF;
        WITH gone AS (
            DELETE FROM o2c.payment_import r WHERE r.company_id = _load_payments.company_id AND r.batch = b.batch
            RETURNING r.import_id, r.reference, r.customer, r.received_on, r.amount, r.currency, r.method, r.payer_name, r.payer_account,
                      r.provider, r.provider_reference
        ), receipt AS (
            SELECT g.import_id, g.reference, c.customer_id, g.received_on, g.amount, coalesce(g.currency, c.currency, o.currency) AS currency,
                   coalesce(g.method, 'transfer') AS method, g.payer_name, g.payer_account, coalesce(g.provider, 'import') AS provider, g.provider_reference
            FROM gone g
            JOIN o2c.company o ON o.company_id = _load_payments.company_id
            LEFT JOIN LATERAL (SELECT c.customer_id, c.currency FROM o2c.customer c
                               WHERE c.company_id = _load_payments.company_id AND c.code = g.customer LIMIT 1) c ON true
        ), taken AS (
            INSERT INTO o2c.payment (company_id, customer_id, item_id, received_on, amount, currency, reference, method, payer_name, payer_account, provider, provider_reference)
            SELECT _load_payments.company_id, r.customer_id, CASE WHEN r.customer_id IS NOT NULL THEN nextval('o2c.item_id_seq') END,
                   r.received_on, o2c.round_money(r.amount, r.currency), r.currency, r.reference, r.method, r.payer_name, r.payer_account, r.provider,
                   -- the n-th equal row is a receipt of its own, and the same one when the file comes again
                   coalesce(r.provider_reference,
                            md5(jsonb_build_array(r.reference, r.customer_id, r.received_on, trim_scale(r.amount), r.currency, r.payer_name, r.payer_account,
                                row_number() OVER (PARTITION BY r.reference, r.customer_id, r.received_on, r.amount, r.currency, r.payer_name, r.payer_account))::text))
            FROM receipt r ORDER BY r.import_id
            ON CONFLICT (company_id, provider, provider_reference) WHERE provider_reference IS NOT NULL DO NOTHING
            RETURNING customer_id, item_id, received_on, amount, currency
        ), item AS (
            INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)
            SELECT _load_payments.company_id, t.item_id, t.customer_id, 'payment', t.received_on, t.received_on, t.currency, - t.amount,
                   CASE WHEN a.currency <> t.currency THEN coalesce(o2c._known_rate(t.currency, a.currency, t.received_on, _load_payments.company_id), 1) ELSE 1 END
            FROM taken t
            LEFT JOIN o2c.customer_credit m ON m.company_id = _load_payments.company_id AND m.customer_id = t.customer_id
            LEFT JOIN o2c.credit_account a ON a.company_id = _load_payments.company_id AND a.credit_account_id = m.credit_account_id
            WHERE t.item_id IS NOT NULL
        )
        SELECT count(*) INTO added FROM taken;
        loaded := loaded + added;
    END LOOP;
    PERFORM o2c._take_statistics(loaded, 'o2c.payment', 'o2c.open_item');
    IF stay > 0 THEN
        RAISE WARNING '% of the batches of payments could not be loaded', stay
            USING ERRCODE = 'OC002', HINT = 'o2c.payment_import.problem says why; correct or delete those rows and load again.';
    END IF;
    RETURN loaded;
END $$;
COMMENT ON FUNCTION o2c._load_payments(text, bigint) IS 'What o2c.load_payments() does once the customers are locked.';

CREATE FUNCTION o2c._judge_payments(batch text, company_id bigint) RETURNS TABLE (import_id bigint, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.import_id, CASE
        WHEN r.customer IS NOT NULL AND c.customer_id IS NULL THEN format('there is no customer %L', r.customer)
        WHEN u.currency IS NULL THEN format('there is no currency %L', r.currency)
        WHEN r.amount = 0 THEN 'the amount is zero'
        WHEN o2c._amount_problem(r.amount, u.currency) IS NOT NULL THEN 'the amount ' || o2c._amount_problem(r.amount, u.currency)
        WHEN o2c._date_problem(r.received_on) IS NOT NULL THEN 'the date ' || o2c._date_problem(r.received_on)
        WHEN r.method NOT IN ('transfer', 'direct_debit', 'card', 'cheque', 'cash') THEN format('there is no method %L', r.method)
        WHEN r.provider IS NULL AND r.provider_reference IS NOT NULL THEN 'the provider of the reference is missing'
        END
    FROM o2c.payment_import r
    LEFT JOIN o2c.company o ON o.company_id = _judge_payments.company_id
    LEFT JOIN LATERAL (SELECT c.customer_id, c.currency FROM o2c.customer c
                       WHERE c.company_id = _judge_payments.company_id AND c.code = r.customer LIMIT 1) c ON true
    LEFT JOIN o2c.currency u ON u.currency = coalesce(r.currency, c.currency, o.currency)
    WHERE r.company_id = _judge_payments.company_id AND r.batch = _judge_payments.batch;
END $$;
COMMENT ON FUNCTION o2c._judge_payments(text, bigint) IS 'The rows of a batch of payments, each with what is wrong with it or null.';

CREATE FUNCTION o2c.load_payments(batch text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_load_payments' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.load_payments(text, bigint) IS
'Takes in the payments that were put into o2c.payment_import, batch by batch as o2c.load_invoices does: a batch with a wrong row stays as a whole and says what is wrong, and a warning (OC002) counts such batches. A null customer is a payment to identify; a null currency is the customer''s, else the company''s. A row with a provider''s reference is the receipt of that reference; another one is the same receipt as an earlier one when reference, customer, date, amount, currency and payer agree and it is the n-th such row of its batch in both, so a file that is loaded twice books nothing twice. Arguments: the batch (null: all), the company. Result: the number of payments added.';

-- cash: which of many amounts make up a sum

CREATE FUNCTION o2c.find_subset(amounts numeric[], target numeric, tolerance numeric DEFAULT 0, discounted numeric[] DEFAULT '{}', budget bigint DEFAULT 8388608,
                                OUT status text, OUT solutions numeric, OUT same_amounts boolean, OUT positions integer[], OUT used numeric[])
AS 'MODULE_PATHNAME', 'o2c_find_subset' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.find_subset(numeric[], numeric, numeric, numeric[], bigint) IS
'Which of some amounts make up a sum, and whether that is the only way. Arguments: the amounts, negative ones for credits; the sum; how far a sum may be from it; for each amount one that may take its place, as less a discount, or null (empty: there are none); how many partial sums may be made, at most 2^27 and 24 bytes each (the default does for forty different amounts). Each amount is used once or not at all, and a solution uses at least one; an amount of zero is never used. Result: none, unique, ambiguous or unknown (the budget was too small); the exact number of solutions (18446744073709551615: too many to count; null: unknown); whether they differ only in which of equal amounts they use, so that it does not matter which is taken; the positions and amounts of the solution with the fewest amounts, of those the one that uses the earliest ones (null: there is none). Method: meet in the middle over sorted sums (Horowitz and Sahni 1974). Errors: OC002 for an amount that is null, not finite or more than 10^18 times the last digit of any, for a list of another length, a negative tolerance and a budget out of range.';

-- cash: what payers are asked to quote

CREATE FUNCTION o2c.payment_reference(invoice text, company_id bigint DEFAULT o2c.current_company()) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    scheme text := upper(o2c.get_setting('reference_scheme', payment_reference.company_id));
    v record;
    bare text;
BEGIN
    SELECT i.number, i.creditor_reference INTO v FROM o2c.invoice i
    WHERE i.company_id = payment_reference.company_id AND i.number = invoice AND i.kind = 'invoice';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company % has no invoice "%"', payment_reference.company_id, invoice
            USING ERRCODE = 'OC001', HINT = 'Invoices are found by their number in o2c.invoice.';
    END IF;
    IF scheme = 'RF' THEN
        RETURN o2c.print_form(scheme, v.creditor_reference);
    END IF;
    bare := ltrim(regexp_replace(v.number, '[^0-9]', '', 'g'), '0');
    bare := lpad(bare, greatest(length(bare), CASE scheme WHEN 'QRR' THEN 26 WHEN 'OGM' THEN 10 WHEN 'VIITE' THEN 3 ELSE 1 END), '0');
    RETURN CASE WHEN v.number ~ '[0-9]' AND length(bare) <= CASE scheme WHEN 'QRR' THEN 26 WHEN 'OGM' THEN 10 WHEN 'VIITE' THEN 19 ELSE 24 END
                THEN o2c.print_form(scheme, bare || o2c.check_digit(scheme, bare)) END;
END $$;
COMMENT ON FUNCTION o2c.payment_reference(text, bigint) IS
'What the payer of an invoice is asked to quote, as it is printed: by the setting reference_scheme the creditor reference (RF) or the digits of the invoice''s number with the check digits of a national scheme (QRR, VIITE, KID10, KID11, OGM), padded with zeros to its length. Null when the number is too long or has nothing to make it of. Errors: OC001 for an unknown invoice, or a setting that names no scheme.';

-- Prepayments: payments on account that are kept for an order.

CREATE FUNCTION o2c.allocate_prepayment(payment bigint, "order" bigint, amount numeric DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_allocate_prepayment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.allocate_prepayment(bigint, bigint, numeric, bigint) IS
'Keeps a payment, or a part of it, for an order that it pays in advance: the order takes so much less credit, nothing else can use the money, and the order''s invoices are paid with it when they are posted. Held orders of the customer are looked at again. A payment without a customer becomes the order''s customer''s. Arguments: payment_id; order_id; the amount in their currency (null: as much as is free of the payment and still to be invoiced of the order); company. Result: the amount. Errors: OC001 no such payment or order; OC002 an amount that cannot be, or customers of two groups; OC005 two currencies; OC101 an order that takes no prepayment, or a payment that was reversed; OC106 more than is free or still to be invoiced.';

CREATE FUNCTION o2c.release_prepayment(payment bigint, "order" bigint, amount numeric DEFAULT NULL, reason text DEFAULT NULL,
    company_id bigint DEFAULT o2c.current_company()) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_release_prepayment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.release_prepayment(bigint, bigint, numeric, text, bigint) IS
'Puts what is kept of a payment for an order back on account. An order that is completed, cancelled or refused releases by itself what it did not use, and so does a payment that is reversed. Arguments: payment_id; order_id; the amount (null: all of it); the reason (kept); company. Result: the amount. Errors: OC001 no such payment or order; OC002 an amount that cannot be; OC106 more than is kept.';

CREATE FUNCTION o2c._keep_prepayment() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_keep_prepayment' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._keep_prepayment() IS 'Row trigger: the payment''s open item and the order move with what is allocated, used and released.';

CREATE FUNCTION o2c._release_prepayments() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_release_prepayments' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._release_prepayments() IS 'Row trigger: an order that ended puts what it did not use of its prepayments back on account.';

CREATE FUNCTION o2c._use_prepayments() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_use_prepayments' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._use_prepayments() IS 'Statement trigger: posted invoices are paid with what was paid in advance for their orders.';

CREATE FUNCTION o2c._find_prepayments(invoices bigint[], company_id bigint)
RETURNS TABLE (order_id bigint, payment_id bigint, invoice_id bigint, credit_item_id bigint, debit_item_id bigint, effective_on date, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    -- three times both sides are laid out as running sums, and where they overlap one pays the other: invoices over what is
    -- prepaid of an order, payments over that, and the money of all orders over the instalments of an invoice
    WITH billed AS (
        SELECT v.invoice_id, l.order_id, o.prepaid_amount - o.prepaid_used AS prepaid,
               CASE WHEN v.order_id IS NOT NULL THEN v.total_amount
                    ELSE o2c.round_money(sum(l.net_amount * (100 + l.tax_rate) * 0.01), v.currency) END AS amount
        FROM o2c.invoice v
        JOIN o2c.invoice_line l ON l.company_id = v.company_id AND l.invoice_id = v.invoice_id
        JOIN o2c.sales_order o ON o.company_id = v.company_id AND o.order_id = l.order_id AND o.prepaid_amount > o.prepaid_used
        WHERE v.company_id = _find_prepayments.company_id AND v.invoice_id = ANY (invoices) AND v.kind = 'invoice'
        GROUP BY v.invoice_id, v.order_id, v.total_amount, v.currency, l.order_id, o.prepaid_amount, o.prepaid_used
    ), wanted AS (
        SELECT b.invoice_id, b.order_id, least(b.prepaid, sum(b.amount) OVER line - b.amount) AS since, least(b.prepaid, sum(b.amount) OVER line) AS upto
        FROM billed b WINDOW line AS (PARTITION BY b.order_id ORDER BY b.invoice_id)
    ), kept AS (
        SELECT p.order_id, p.payment_id, sum(p.amount) AS amount, sum(sum(p.amount)) OVER (PARTITION BY p.order_id ORDER BY min(p.prepayment_id)) AS upto
        FROM o2c.prepayment p
        WHERE p.company_id = _find_prepayments.company_id AND p.order_id IN (SELECT b.order_id FROM billed b)
        GROUP BY p.order_id, p.payment_id HAVING sum(p.amount) > 0
    ), money AS (
        SELECT w.invoice_id, w.order_id, k.payment_id, y.item_id, y.received_on, m.amount,
               sum(m.amount) OVER (PARTITION BY w.invoice_id ORDER BY w.order_id, k.upto) AS upto
        FROM wanted w
        JOIN kept k ON k.order_id = w.order_id AND k.upto > w.since AND k.upto - k.amount < w.upto
        JOIN o2c.payment y ON y.company_id = _find_prepayments.company_id AND y.payment_id = k.payment_id
        CROSS JOIN LATERAL (SELECT least(w.upto, k.upto) - greatest(w.since, k.upto - k.amount) AS amount) m
    )
    SELECT m.order_id, m.payment_id, m.invoice_id, m.item_id, d.item_id, greatest(m.received_on, d.effective_on),
           least(m.upto, d.upto) - greatest(m.upto - m.amount, d.upto - d.open_amount)
    FROM money m
    JOIN (SELECT i.invoice_id, i.item_id, i.effective_on, i.open_amount,
                 sum(i.open_amount) OVER (PARTITION BY i.invoice_id ORDER BY i.due_on, i.item_id) AS upto
          FROM o2c.open_item i
          WHERE i.company_id = _find_prepayments.company_id AND i.invoice_id = ANY (invoices) AND i.open_amount > 0) d
        ON d.invoice_id = m.invoice_id AND d.upto > m.upto - m.amount AND d.upto - d.open_amount < m.upto
    ORDER BY m.invoice_id, m.upto, d.upto;
END $$;
COMMENT ON FUNCTION o2c._find_prepayments(bigint[], bigint) IS
'Which payments, kept for the orders of some invoices, pay what of which instalment: each order for its own part of an invoice, the earliest allocation and the earliest instalment first.';

-- cash: matching

CREATE FUNCTION o2c.name_key(name text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_name_key' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.name_key(text) IS
'The form in which names of payers and customers are compared: upper case, Latin letters without accents, AE, OE and UE like the umlauts, words parted by single blanks, without punctuation and legal forms (GmbH, Ltd, SA and so on). Never an error.';

CREATE FUNCTION o2c._legal_forms(name text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_legal_forms' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._legal_forms(text) IS
'The legal forms that o2c.name_key leaves out of a name, spelt in one way.';

CREATE FUNCTION o2c._reference_tail(reference text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_reference_tail' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._reference_tail(text) IS
'The numeric groups of a reference written backwards, parted by ''-'' and without leading zeros: an index over it finds numbers by how they end.';

CREATE FUNCTION o2c._pending_payments(as_of date, payment bigint, company_id bigint)
RETURNS TABLE (payment_id bigint, customer_id bigint, group_id bigint, item_id bigint, received_on date, currency text, amount numeric, open_amount numeric,
               reference text, name text, forms text, account text, words text, whole text, tokens text[], last_words text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.payment_id, p.customer_id, c.group_id, p.item_id, p.received_on, p.currency, p.amount, n.open_amount, p.reference,
           CASE WHEN p.customer_id IS NULL THEN nullif(o2c.name_key(p.payer_name), '') END,
           o2c._legal_forms(p.payer_name),
           CASE WHEN p.customer_id IS NULL THEN nullif(o2c.account_key(p.payer_account), '') END,
           CASE WHEN p.customer_id IS NULL THEN o2c._text_key(p.reference) END,
           nullif(o2c.normalize_reference(left(p.reference, 1000)), ''), o2c.reference_tokens(left(p.reference, 1000)), r.words
    FROM (SELECT p.payment_id, p.amount AS open_amount
          FROM o2c.payment p
          WHERE p.company_id = _pending_payments.company_id AND p.customer_id IS NULL AND p.state = 'received' AND payment IS NULL
          UNION ALL
          SELECT p.payment_id, - i.open_amount - i.allocated_amount
          FROM o2c.open_item i
          JOIN o2c.payment p ON p.company_id = _pending_payments.company_id AND p.item_id = i.item_id
          WHERE i.company_id = _pending_payments.company_id AND i.open_amount < 0 AND i.open_amount + i.allocated_amount < 0 AND i.kind = 'payment' AND payment IS NULL
          UNION ALL
          SELECT p.payment_id, coalesce(- i.open_amount - i.allocated_amount, p.amount)
          FROM o2c.payment p
          LEFT JOIN o2c.open_item i ON i.company_id = _pending_payments.company_id AND i.item_id = p.item_id
          WHERE p.company_id = _pending_payments.company_id AND p.payment_id = payment AND p.state = 'received') n
    JOIN o2c.payment p ON p.company_id = _pending_payments.company_id AND p.payment_id = n.payment_id
    LEFT JOIN o2c.customer c ON c.company_id = _pending_payments.company_id AND c.customer_id = p.customer_id
    LEFT JOIN LATERAL (SELECT r.words FROM o2c.match_result r
                       WHERE r.company_id = _pending_payments.company_id AND r.payment_id = p.payment_id
                       ORDER BY r.match_id DESC LIMIT 1) r ON true
    WHERE p.received_on <= as_of
    ORDER BY p.received_on, p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._pending_payments(date, bigint, bigint) IS
'The payments received up to a date that are not used up (or one of them), in the order in which they are matched, with what matching reads in them.';

CREATE FUNCTION o2c._text_key(reference text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT CASE WHEN pg_catalog.length(k.words) >= 8 THEN k.words END
        FROM (SELECT pg_catalog.btrim(pg_catalog.regexp_replace(o2c.name_key(pg_catalog.regexp_replace(reference, '\S*[0-9]\S*', ' ', 'g')),
                     '\m(INVOIC|INVOICE|INV|RECHNUNG|RECHNUNGS|FACTURE|FACTURA|FATTURA|PAYMENT|ZAHLUNG|TRANSFER|UBERWEISUNG|REF|NO|NR|NUMBER|YOUR|IHRE|FOR|OF)\M ?',
                     '', 'g')) AS words) k);
COMMENT ON FUNCTION o2c._text_key(text) IS
'What a payer writes besides numbers and the words for invoice, payment and number, in the form of o2c.name_key; null when it is less than 8 letters.';

CREATE FUNCTION o2c._open_payments(payments bigint[], company_id bigint)
RETURNS TABLE (payment_id bigint, customer_id bigint, item_id bigint, open_amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.payment_id, p.customer_id, p.item_id, CASE WHEN p.item_id IS NULL THEN p.amount ELSE - i.open_amount - i.allocated_amount END
    FROM unnest(payments) AS u (payment_id)
    JOIN o2c.payment p ON p.company_id = _open_payments.company_id AND p.payment_id = u.payment_id
    LEFT JOIN o2c.open_item i ON i.company_id = _open_payments.company_id AND i.item_id = p.item_id
    WHERE p.state = 'received';
END $$;
COMMENT ON FUNCTION o2c._open_payments(bigint[], bigint) IS 'What is left of some payments.';

CREATE FUNCTION o2c._named_documents(tokens text[], company_id bigint)
RETURNS TABLE (place bigint, found_by text, invoice_id bigint, customer_id bigint, group_id bigint, kind text, state text, number text, reference_key text, reached bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT t.place, d.found_by, d.invoice_id, d.customer_id, c.group_id, d.kind, d.state, d.number, d.reference_key, d.reached
    FROM unnest(tokens) WITH ORDINALITY AS t (token, place)
    CROSS JOIN LATERAL (
        (SELECT 'number'::text AS found_by, v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key, 1::bigint AS reached
         FROM o2c.invoice v
         WHERE v.company_id = _named_documents.company_id AND v.reference_key = t.token AND v.state <> 'draft'
         LIMIT 9)
        UNION ALL
        (SELECT 'creditor reference', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key, 1
         FROM o2c.invoice v
         WHERE v.company_id = _named_documents.company_id AND starts_with(t.token, 'RF') AND v.creditor_reference = t.token AND v.state <> 'draft'
         LIMIT 9)
        UNION ALL
        (SELECT 'digits', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key, count(*) OVER ()
         FROM (SELECT v.* FROM o2c.invoice v
               WHERE v.company_id = _named_documents.company_id AND t.token ~ '^[0-9-]+$'
                 AND o2c._reference_tail(v.number) COLLATE "C" >= o2c._reference_tail(t.token) COLLATE "C"
                 AND o2c._reference_tail(v.number) COLLATE "C" < (o2c._reference_tail(t.token) || '.') COLLATE "C"
               LIMIT 20) v
         WHERE v.state <> 'draft' AND v.reference_key <> t.token)
        UNION ALL
        (SELECT 'purchase order', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key, 1
         FROM o2c.invoice v
         WHERE v.company_id = _named_documents.company_id AND o2c.normalize_reference(left(v.po_number, 200)) = t.token AND v.state <> 'draft'
         LIMIT 20)
        UNION ALL
        (SELECT 'order', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key, 1
         FROM o2c.sales_order o
         JOIN o2c.invoice v ON v.company_id = _named_documents.company_id AND v.order_id = o.order_id
         WHERE o.company_id = _named_documents.company_id AND o2c.normalize_reference(o.number) = t.token AND v.state <> 'draft'
         LIMIT 20)
        UNION ALL
        (SELECT 'delivery', v.invoice_id, v.customer_id, v.kind, v.state, v.number, v.reference_key, 1
         FROM o2c.shipment s
         JOIN o2c.invoice v ON v.company_id = _named_documents.company_id AND v.order_id = s.order_id
         WHERE s.company_id = _named_documents.company_id AND o2c.normalize_reference(s.number) = t.token AND v.state <> 'draft'
           AND EXISTS (SELECT FROM o2c.invoice_line l
                       WHERE l.company_id = _named_documents.company_id AND l.invoice_id = v.invoice_id AND l.shipment_id = s.shipment_id)
         LIMIT 20)
        UNION ALL
        (SELECT 'customer number', NULL, c.customer_id, NULL, NULL, NULL, NULL, 1
         FROM o2c.customer c WHERE c.company_id = _named_documents.company_id AND o2c.normalize_reference(left(c.code, 200)) = t.token
         LIMIT 2)
        UNION ALL
        (SELECT 'VAT number', NULL, c.customer_id, NULL, NULL, NULL, NULL, 1
         FROM o2c.customer c WHERE c.company_id = _named_documents.company_id AND o2c.normalize_reference(left(c.tax_id, 200)) = t.token
         LIMIT 2)) d
    JOIN o2c.customer c ON c.company_id = _named_documents.company_id AND c.customer_id = d.customer_id;
END $$;
COMMENT ON FUNCTION o2c._named_documents(text[], bigint) IS
'The invoices, credit notes and customers that references in normal form (o2c.normalize_reference) name: by the place of the reference, with how it was found and, for the ends of numbers, how many there are.';

CREATE FUNCTION o2c._neighbours(numbers text[], amounts numeric[], currencies text[], company_id bigint) RETURNS TABLE (place bigint, invoice_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT t.place, v.invoice_id
    FROM unnest(numbers, amounts, currencies) WITH ORDINALITY AS t (number, amount, currency, place)
    CROSS JOIN LATERAL o2c._slips(t.number) AS s (number)
    CROSS JOIN LATERAL (SELECT v.invoice_id, v.total_amount, v.currency, v.state FROM o2c.invoice v
                        WHERE v.company_id = _neighbours.company_id AND v.reference_key = o2c.normalize_reference(s.number) LIMIT 9) v
    WHERE v.total_amount = t.amount AND v.currency = t.currency AND v.state IN ('posted', 'overdue');
END $$;
COMMENT ON FUNCTION o2c._neighbours(text[], numeric[], text[], bigint) IS
'Open invoices that are one slip of the pen (o2c._slips) away from some numbers, by their places, and have the amount beside it.';

CREATE FUNCTION o2c._slips(number text) RETURNS SETOF text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT overlay(number PLACING d.digit::text FROM i.place)
    FROM generate_series(1, least(length(number), 40)) AS i (place), generate_series(0, 9) AS d (digit)
    WHERE substr(number, i.place, 1) ~ '[0-9]' AND substr(number, i.place, 1) <> d.digit::text
    UNION ALL
    SELECT overlay(number PLACING reverse(substr(number, i.place, 2)) FROM i.place)
    FROM generate_series(1, least(length(number), 40) - 1) AS i (place)
    WHERE substr(number, i.place, 2) ~ '^[0-9]{2}$' AND substr(number, i.place, 1) <> substr(number, i.place + 1, 1);
END $$;
COMMENT ON FUNCTION o2c._slips(text) IS 'A number with one digit changed, or with two neighbouring digits swapped, in every way.';

CREATE FUNCTION o2c._known_payers(accounts text[], names text[], texts text[], company_id bigint)
RETURNS TABLE (place bigint, found_by text, customer_id bigint, group_id bigint, hits integer, misses integer, forms text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT k.place, k.found_by, k.customer_id, c.group_id, k.hits, k.misses, o2c._legal_forms(c.name)
    FROM (SELECT t.place, 'account' AS found_by, a.customer_id, 0 AS hits, 0 AS misses
          FROM unnest(accounts) WITH ORDINALITY AS t (account, place)
          JOIN o2c.customer_account a ON a.company_id = _known_payers.company_id AND a.account = t.account
          UNION ALL
          SELECT t.place, 'name', c.customer_id, 0, 0
          FROM unnest(names) WITH ORDINALITY AS t (name, place)
          CROSS JOIN LATERAL (SELECT c.customer_id FROM o2c.customer c
                              WHERE c.company_id = _known_payers.company_id AND o2c.name_key(c.name) = t.name LIMIT 9) c
          UNION ALL
          SELECT t.place, 'learned ' || a.kind, a.customer_id, a.hits, a.misses
          FROM (SELECT 'account' AS kind, u.key, u.place FROM unnest(accounts) WITH ORDINALITY AS u (key, place)
                UNION ALL SELECT 'name', u.key, u.place FROM unnest(names) WITH ORDINALITY AS u (key, place)
                UNION ALL SELECT 'text', u.key, u.place FROM unnest(texts) WITH ORDINALITY AS u (key, place)) t
          JOIN o2c.payer_alias a ON a.company_id = _known_payers.company_id AND a.kind = t.kind AND a.key = t.key) k
    JOIN o2c.customer c ON c.company_id = _known_payers.company_id AND c.customer_id = k.customer_id;
END $$;
COMMENT ON FUNCTION o2c._known_payers(text[], text[], text[], bigint) IS
'The customers that accounts, names and texts of payments stand for, by the place in the arrays.';

CREATE FUNCTION o2c._similar_names(names text[], company_id bigint)
RETURNS TABLE (place bigint, customer_id bigint, group_id bigint, similarity real)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    home name;
    threshold text;
BEGIN
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF home IS NULL OR cardinality(names) = 0 THEN
        RETURN;
    END IF;
    -- the library is loaded with its first function, and the setting is known only then
    EXECUTE format('SELECT %I.show_limit()::text', home) INTO threshold;
    PERFORM set_config('pg_trgm.similarity_threshold', '0.45', true);
    FOR place, customer_id, group_id, similarity IN EXECUTE format(
        'SELECT DISTINCT ON (s.place, s.group_id) s.place, s.customer_id, s.group_id, s.similarity
         FROM (SELECT t.place, c.customer_id, c.group_id, %1$I.similarity(o2c.name_key(c.name), t.name) AS similarity
               FROM unnest($1) WITH ORDINALITY AS t (name, place)
               JOIN o2c.customer c ON o2c.name_key(c.name) OPERATOR(%1$I.%%) t.name AND c.company_id = $2
               WHERE length(t.name) >= 4) s
         ORDER BY s.place, s.group_id, s.similarity DESC, s.customer_id', home) USING names, _similar_names.company_id LOOP
        RETURN NEXT;
    END LOOP;
    PERFORM set_config('pg_trgm.similarity_threshold', threshold, true);
END $$;
COMMENT ON FUNCTION o2c._similar_names(text[], bigint) IS
'Customers whose names are similar (pg_trgm) to some names, the most similar one of each group; nothing where pg_trgm is not installed.';

CREATE FUNCTION o2c._matchable_items(groups bigint[], as_of date, company_id bigint)
RETURNS TABLE (group_id bigint, item_id bigint, customer_id bigint, invoice_id bigint, effective_on date, due_on date, currency text, open_amount numeric,
               reference_key text, number text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.group_id, i.item_id, i.customer_id, i.invoice_id, i.effective_on, i.due_on, i.currency, i.open_amount, v.reference_key, v.number
    FROM o2c.customer c
    JOIN o2c.open_item i ON i.company_id = _matchable_items.company_id AND i.customer_id = c.customer_id
    LEFT JOIN o2c.invoice v ON v.company_id = _matchable_items.company_id AND v.invoice_id = i.invoice_id
    WHERE c.company_id = _matchable_items.company_id AND c.group_id = ANY (groups)
      AND i.open_amount <> 0 AND i.effective_on <= as_of AND i.kind IN ('invoice', 'fee', 'credit_note')
    ORDER BY c.group_id, i.due_on, i.item_id;
END $$;
COMMENT ON FUNCTION o2c._matchable_items(bigint[], date, bigint) IS
'The open items of some groups of customers that payments may pay, or that are netted with them.';

CREATE FUNCTION o2c._matchable_discounts(groups bigint[], received_on date, company_id bigint)
RETURNS TABLE (item_id bigint, until_on date, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.item_id, d.until_on, d.amount
    FROM o2c.customer c
    JOIN o2c.open_item i ON i.company_id = _matchable_discounts.company_id AND i.customer_id = c.customer_id
    JOIN o2c.instalment_discount d ON d.company_id = _matchable_discounts.company_id AND d.item_id = i.item_id
    WHERE c.company_id = _matchable_discounts.company_id AND c.group_id = ANY (groups) AND i.open_amount > 0 AND d.amount > 0
      -- no policy grants more days of grace
      AND d.until_on + 365 >= _matchable_discounts.received_on
    ORDER BY d.item_id, d.amount DESC;
END $$;
COMMENT ON FUNCTION o2c._matchable_discounts(bigint[], date, bigint) IS
'The discounts on open items of some groups of customers that a payment from a date on may still take, the largest first.';

CREATE FUNCTION o2c._matching_policies(groups bigint[], company_id bigint)
RETURNS TABLE (customer_id bigint, code text, tolerance_amount bigint, tolerance_percent bigint, discount_grace_days integer, rules text,
               apply_score double precision, suggest_score double precision, score_margin double precision, duplicate_days integer,
               is_parent boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.customer_id, c.code, (CASE WHEN p.tolerance_amount > 100000000000000 THEN 100000000000000 ELSE p.tolerance_amount END * 10000)::bigint, (p.tolerance_percent * 1000000)::bigint,
           p.discount_grace_days, p.rules, p.apply_score::double precision, p.suggest_score::double precision, p.score_margin::double precision, p.duplicate_days,
           EXISTS (SELECT FROM o2c.customer d WHERE d.company_id = _matching_policies.company_id AND d.parent_customer_id = c.customer_id)
    FROM o2c.customer c
    JOIN o2c.cash_policy_in_use p ON p.company_id = _matching_policies.company_id AND p.customer_id = c.customer_id
    WHERE c.company_id = _matching_policies.company_id AND c.group_id = ANY (groups);
END $$;
COMMENT ON FUNCTION o2c._matching_policies(bigint[], bigint) IS 'The policies of the customers of some groups, tolerances in 1/10000 and in millionths of a percent.';

CREATE FUNCTION o2c._used_payments(groups bigint[], from_on date, to_on date, company_id bigint)
RETURNS TABLE (group_id bigint, payment_id bigint, received_on date, currency text, amount numeric, reference text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.group_id, p.payment_id, p.received_on, p.currency, p.amount, p.reference
    FROM o2c.customer c
    JOIN o2c.payment p ON p.company_id = _used_payments.company_id AND p.customer_id = c.customer_id
    WHERE c.company_id = _used_payments.company_id AND c.group_id = ANY (groups)
      AND p.received_on BETWEEN from_on AND to_on AND p.state = 'applied';
END $$;
COMMENT ON FUNCTION o2c._used_payments(bigint[], date, date, bigint) IS 'The payments of some groups of customers in a range of dates that are used up: what a duplicate would repeat.';

CREATE FUNCTION o2c.match_payments(as_of date DEFAULT o2c.today(), payment_id bigint DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (payment_id bigint, invoice_id bigint, stage text, amount numeric)
AS 'MODULE_PATHNAME', 'o2c_match_payments' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.match_payments(date, bigint, bigint) IS
'Applies the payments received up to a date that are not used up, each as far as one explanation of it is certain and unique; others are kept as proposals (o2c.match_result). Stage reference: what the text of the payment names. The other stages pay items of a certain payer without naming them: amount (one item), all_items, all_overdue, one_month, all_but_one, combination, oldest_first, as the customer''s policy (o2c.cash_policy) allows. A payment without customer becomes the customer''s whose items it pays. Calling it again applies nothing more. Arguments: the date, one payment (null: all), the company. Result: what was applied. Errors: OC001 for an unknown payment, OC002 for a missing date.';

CREATE FUNCTION o2c.propose(payment bigint, as_of date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (place integer, stage text, customer text, score numeric, sound boolean, invoice text, item_id bigint, cash numeric, discount numeric, tolerance numeric, words text)
AS 'MODULE_PATHNAME', 'o2c_propose' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.propose(bigint, date, bigint) IS
'What a payment may be for, by the same rules as o2c.match_payments but without applying anything: the explanations, the best one first, with what each item would get. Arguments: the payment, the date up to which items count, the company. Result: the place of the explanation, how it was found, the customer, the score, whether it is sound enough to be applied if nothing else speaks against it, the invoice and its open item, cash (negative: a credit note that is netted), discount and difference tolerated, and why (with the first explanation in full). No rows when nothing is left of the payment or nothing is found. Errors: OC001 for an unknown payment, OC002 for a missing date.';

CREATE FUNCTION o2c.confirm_match(payment bigint, invoices text[] DEFAULT NULL, place integer DEFAULT 1, as_of date DEFAULT o2c.today(),
                                  company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_confirm_match' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.confirm_match(bigint, text[], integer, date, bigint) IS
'A person says what a payment is for. Without invoices: the proposal at that place of o2c.propose is applied, or, where the payment is used up already, confirmed as it is. With invoices: what the payment was applied to besides them is taken back on that date, and it is applied to them in this order as far as it goes; when they are another group''s, the payment is reversed there and recorded anew for their customer. What tells the payer (account, name, text) is learned in o2c.payer_alias: a hit for this customer, a miss for others. Arguments: the payment, the numbers of invoices, the place of the proposal, the date, the company. Result: the payment, the new one where it was recorded anew. Errors: OC001 for an unknown payment or invoice, OC002 for a missing date, OC101 for a place without a proposal or a reversed payment.';

CREATE FUNCTION o2c._customers_of_match(payment bigint, invoices text[], company_id bigint) RETURNS TABLE (customer_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.customer_id FROM o2c.payment p
    WHERE p.company_id = _customers_of_match.company_id AND p.payment_id = payment AND p.customer_id IS NOT NULL
    UNION
    SELECT v.customer_id FROM o2c.invoice v
    WHERE v.company_id = _customers_of_match.company_id AND v.number = ANY (invoices) AND v.kind = 'invoice';
END $$;
COMMENT ON FUNCTION o2c._customers_of_match(bigint, text[], bigint) IS 'The customers that a payment and some invoices are of.';

CREATE FUNCTION o2c._correct_match(payment bigint, invoices text[], as_of date, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    p o2c.payment;
    a record;
    named text;
    owner record;
    outcome text := 'confirmed';
    left_over numeric;
BEGIN
    SELECT p.* INTO p FROM o2c.payment p WHERE p.company_id = _correct_match.company_id AND p.payment_id = payment;
    IF p.state = 'reversed' THEN
        RAISE EXCEPTION 'payment % is reversed', payment USING ERRCODE = 'OC101';
    END IF;
    SELECT c.code, c.group_id INTO owner FROM o2c.invoice v
    JOIN o2c.customer c ON c.company_id = _correct_match.company_id AND c.customer_id = v.customer_id
    WHERE v.company_id = _correct_match.company_id AND v.number = invoices[1] AND v.kind = 'invoice';
    FOR a IN SELECT a.application_id, a.effective_on FROM o2c.application a
             JOIN o2c.open_item d ON d.company_id = _correct_match.company_id AND d.item_id = a.debit_item_id
             LEFT JOIN o2c.invoice v ON v.company_id = _correct_match.company_id AND v.invoice_id = d.invoice_id
             WHERE a.company_id = _correct_match.company_id AND a.credit_item_id = p.item_id AND a.reverses IS NULL
               AND invoices IS NOT NULL AND (v.number = ANY (invoices)) IS NOT TRUE
               AND NOT EXISTS (SELECT FROM o2c.application r WHERE r.company_id = _correct_match.company_id AND r.reverses = a.application_id)
             ORDER BY a.application_id LOOP
        PERFORM o2c.unapply(a.application_id, greatest(as_of, a.effective_on), 'corrected', _correct_match.company_id);
        outcome := 'corrected';
    END LOOP;
    IF owner.group_id <> (SELECT c.group_id FROM o2c.customer c WHERE c.company_id = _correct_match.company_id AND c.customer_id = p.customer_id) THEN
        PERFORM o2c.reverse_payment(payment, greatest(as_of, p.received_on), 'booked to another customer', _correct_match.company_id);
        INSERT INTO o2c.match_result (company_id, payment_id, as_of, outcome, stage, customer_id, words)
        VALUES (_correct_match.company_id, payment, as_of, 'corrected', 'confirmed', p.customer_id, format('A person says that customer %s paid: recorded anew.', owner.code));
        outcome := 'corrected';
        p.payment_id := o2c.record_payment(p.amount, p.received_on, owner.code, p.reference, p.method, p.currency, p.payer_name, p.payer_account,
                                           company_id => _correct_match.company_id);
    END IF;
    FOREACH named IN ARRAY coalesce(invoices, '{}') LOOP
        SELECT coalesce(- i.open_amount - i.allocated_amount, p.amount) INTO left_over FROM o2c.payment q
        LEFT JOIN o2c.open_item i ON i.company_id = _correct_match.company_id AND i.item_id = q.item_id
        WHERE q.company_id = _correct_match.company_id AND q.payment_id = p.payment_id;
        -- an invoice that is paid already stays as it is, unless there is no other reason to name it
        IF left_over > 0 AND (EXISTS (SELECT FROM o2c.open_item i JOIN o2c.invoice v ON v.company_id = _correct_match.company_id AND v.invoice_id = i.invoice_id
                                      WHERE i.company_id = _correct_match.company_id AND v.number = named AND i.open_amount > 0)
                              OR NOT EXISTS (SELECT FROM o2c.application a JOIN o2c.open_item d ON d.company_id = _correct_match.company_id AND d.item_id = a.debit_item_id
                                             JOIN o2c.invoice v ON v.company_id = _correct_match.company_id AND v.invoice_id = d.invoice_id
                                             JOIN o2c.payment q ON q.company_id = _correct_match.company_id AND q.payment_id = p.payment_id
                                             WHERE a.company_id = _correct_match.company_id AND a.credit_item_id = q.item_id AND v.number = named)) THEN
            PERFORM o2c.apply_payment(p.payment_id, named, company_id => _correct_match.company_id);
        END IF;
    END LOOP;
    INSERT INTO o2c.match_result (company_id, payment_id, as_of, outcome, stage, customer_id, words)
    SELECT _correct_match.company_id, p.payment_id, as_of, outcome, 'confirmed', q.customer_id,
           CASE WHEN invoices IS NULL THEN 'A person says that it is right.' ELSE 'A person says that it is for ' || array_to_string(invoices, ', ') || '.' END
    FROM o2c.payment q WHERE q.company_id = _correct_match.company_id AND q.payment_id = p.payment_id;
    RETURN p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._correct_match(bigint, text[], date, bigint) IS 'What o2c.confirm_match() does once the customers are locked, when invoices are named or nothing is left of the payment.';

CREATE FUNCTION o2c._learn_payer(payment bigint, as_of date, company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    WITH said AS (
        SELECT k.kind, k.key, p.customer_id
        FROM o2c.payment p
        CROSS JOIN LATERAL (VALUES ('account', o2c.account_key(p.payer_account)), ('name', o2c.name_key(p.payer_name)), ('text', o2c._text_key(p.reference))) AS k (kind, key)
        WHERE p.company_id = _learn_payer.company_id AND p.payment_id = payment AND p.customer_id IS NOT NULL AND length(k.key) BETWEEN 1 AND 500
    ), hit AS (
        INSERT INTO o2c.payer_alias AS a (company_id, kind, key, customer_id, hits, last_used_on)
        SELECT _learn_payer.company_id, s.kind, s.key, s.customer_id, 1, as_of FROM said s
        ON CONFLICT (company_id, kind, key, customer_id) DO UPDATE SET hits = a.hits + 1, last_used_on = EXCLUDED.last_used_on
    )
    UPDATE o2c.payer_alias a SET misses = a.misses + 1
    FROM said s
    WHERE a.company_id = _learn_payer.company_id AND a.kind = s.kind AND a.key = s.key AND a.customer_id <> s.customer_id;
END $$;
COMMENT ON FUNCTION o2c._learn_payer(bigint, date, bigint) IS 'Notes that what tells the payer of a payment stands for its customer.';

CREATE FUNCTION o2c.explain_match(payment bigint, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (recorded_at timestamptz, outcome text, stage text, customer text, score numeric, s_ref numeric, s_party numeric, s_amount numeric, s_date numeric,
               runner_up numeric, words text, actor text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.recorded_at, e.outcome, e.stage, c.code, e.score, e.s_ref, e.s_party, e.s_amount, e.s_date, e.runner_up, e.words, e.actor
    FROM (SELECT r.recorded_at, r.match_id AS place, r.outcome, r.stage, r.customer_id, r.score, r.s_ref, r.s_party, r.s_amount, r.s_date, r.runner_up, r.words, r.actor
          FROM o2c.match_result r
          WHERE r.company_id = explain_match.company_id AND r.payment_id = payment
          UNION ALL
          -- what people did by themselves
          SELECT a.recorded_at, a.application_id, CASE WHEN a.reverses IS NULL THEN 'applied' ELSE 'taken back' END, a.method, d.customer_id,
                 NULL, NULL, NULL, NULL, NULL, NULL,
                 concat(trim_scale(abs(a.cash_amount)), ' ', d.currency, CASE WHEN a.reverses IS NULL THEN ' to ' ELSE ' from ' END,
                        coalesce(v.number, d.kind), CASE WHEN a.discount_amount <> 0 THEN ', discount ' || trim_scale(abs(a.discount_amount)) END,
                        CASE WHEN a.tolerance_amount <> 0 THEN ', tolerated ' || trim_scale(abs(a.tolerance_amount)) END, ': ' || a.reason), a.actor
          FROM o2c.payment p
          JOIN o2c.application a ON a.company_id = explain_match.company_id AND a.credit_item_id = p.item_id
          JOIN o2c.open_item d ON d.company_id = explain_match.company_id AND d.item_id = a.debit_item_id
          LEFT JOIN o2c.invoice v ON v.company_id = explain_match.company_id AND v.invoice_id = d.invoice_id
          WHERE p.company_id = explain_match.company_id AND p.payment_id = payment) e
    LEFT JOIN o2c.customer c ON c.company_id = explain_match.company_id AND c.customer_id = e.customer_id
    ORDER BY e.recorded_at, e.place;
END $$;
COMMENT ON FUNCTION o2c.explain_match(bigint, bigint) IS
'How a payment came to what it is: what matching found each time it found something else, with the parts of the score and in words, what people said, and every application, by hand or not, as it was made and taken back. Arguments: the payment, the company. No rows for a payment that was never looked at.';
