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
                                   idempotency_key text DEFAULT NULL, clearing text DEFAULT 'settled', company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_record_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.record_payment(numeric, date, text, text, text, text, text, text, text, text, text, text, bigint) IS
'Records money received. Arguments: the amount (above zero, in the currency''s minor units), the value date, the customer''s code (null: not identified yet), the reference the payer gave, the method (transfer, direct_debit, card, cheque, cash), the currency (null: the customer''s, else the company''s), the payer''s name and account, the provider (a bank or service) and its reference for the receipt, an idempotency key, how far it is (authorized: no money yet; captured: money, unless the customer''s policy is cleared_only; settled), the company. Result: the payment''s id. The same provider and reference, or the same key, give the same payment again; a date that was left out may be another one then. Errors: OC001 for an unknown customer, currency or company, OC002 for an amount, date or clearing that cannot be, OC003 when the provider''s reference or the key was used for something else, 23514 for an unknown method.';

CREATE FUNCTION o2c.identify_payment(payment bigint, customer text, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_identify_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.identify_payment(bigint, text, bigint) IS
'Says which customer made a payment that was recorded without one: it is then on that customer''s account. Result: the id of its open item, null while it is not money yet. Errors: OC001 for an unknown payment or customer, OC101 when it belongs to another customer or is reversed.';

CREATE FUNCTION o2c.apply_payment(payment bigint, invoice text, amount numeric DEFAULT NULL, discount numeric DEFAULT 0,
                                  effective_on date DEFAULT NULL, tolerance numeric DEFAULT 0, company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_apply_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.apply_payment(bigint, text, numeric, numeric, date, numeric, bigint) IS
'Applies a payment to an invoice, the oldest instalment first. Arguments: the payment, the invoice''s number, the amount of cash (null: as much as fits), the discount granted and the difference tolerated besides (both reduce what is owed, not the payment), the date (null: as soon as both are there), the company. A payment without customer becomes one of the invoice''s customer. Result: the id of the application, of the first where it covers several instalments. Errors: OC001 for an unknown payment or invoice, OC002 for amounts or dates that cannot be or a customer of another group, OC005 for another currency, OC106 for more than is open on either side.';

CREATE FUNCTION o2c.reverse_payment(payment bigint, reversed_on date DEFAULT o2c.today(), reason text DEFAULT NULL, kind text DEFAULT 'returned',
                                    reason_code text DEFAULT NULL, fee numeric DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS void
AS 'MODULE_PATHNAME', 'o2c_reverse_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.reverse_payment(bigint, date, text, text, text, numeric, bigint) IS
'Takes a payment back, as when it bounces: its applications are reversed on that date, the invoices are open again with the due dates they had, discounts taken come back, and nothing of it stays on account. The whole payment comes back, less what was refunded before. Arguments: the payment, the date of the bounce, why, what happened (returned by the bank, charged_back by the payer''s card, or failed: no bounce, so no fee and not counted), the bank''s reason code (ISO 20022 external return reason, such as AM04), the fee that the customer owes at once (null: bounce_fee of its policy), the company. A returned or charged back payment counts in the credit information returned_payments. Errors: OC001 for an unknown payment, OC002 for another kind, a negative fee, a missing date or one before the last step, OC101 when it ended already, 23514 for a code that is none.';

CREATE FUNCTION o2c._identify_by_reference(payments bigint[], as_of date, company_id bigint) RETURNS TABLE (payment_id bigint, customer_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.payment_id, n.customer_id
    FROM o2c.payment p
    CROSS JOIN LATERAL (SELECT min(v.customer_id) AS customer_id
                        FROM (SELECT v.customer_id FROM o2c.invoice v
                              WHERE v.company_id = _identify_by_reference.company_id
                                AND v.reference_key = o2c.normalize_reference(p.reference) AND v.reference_key <> ''
                                AND v.currency = p.currency AND v.kind = 'invoice' AND v.state IN ('posted', 'overdue')
                                AND v.invoiced_on <= as_of
                              LIMIT 2) v
                        HAVING count(*) = 1) n
    WHERE p.company_id = _identify_by_reference.company_id AND p.payment_id = ANY (payments) AND p.customer_id IS NULL
    ORDER BY p.received_on, p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._identify_by_reference(bigint[], date, bigint) IS
'Of some payments without a customer, those whose reference names exactly one open invoice, and its customer.';

CREATE FUNCTION o2c._match_by_reference(payments bigint[], as_of date, company_id bigint)
RETURNS TABLE (payment_id bigint, invoice_id bigint, credit_item_id bigint, debit_item_id bigint, effective_on date, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    -- one invoice for each payment, then both sides laid out as running sums: where they overlap, one pays the other
    WITH named AS (
        SELECT p.payment_id, p.item_id, p.received_on, - c.open_amount - c.allocated_amount AS open_amount, n.invoice_id
        FROM o2c.payment p
        JOIN o2c.open_item c ON c.company_id = _match_by_reference.company_id AND c.item_id = p.item_id
        JOIN o2c.customer payer ON payer.company_id = _match_by_reference.company_id AND payer.customer_id = p.customer_id
        CROSS JOIN LATERAL (SELECT min(v.invoice_id) AS invoice_id
                            FROM (SELECT v.invoice_id FROM o2c.invoice v
                                  WHERE v.company_id = _match_by_reference.company_id
                                    AND v.reference_key = o2c.normalize_reference(p.reference) AND v.reference_key <> ''
                                    AND v.currency = p.currency AND v.kind = 'invoice' AND v.state IN ('posted', 'overdue')
                                    AND payer.group_id = (SELECT d.group_id FROM o2c.customer d
                                                          WHERE d.company_id = _match_by_reference.company_id AND d.customer_id = v.customer_id)
                                  LIMIT 2) v
                            HAVING count(*) = 1) n
        WHERE p.company_id = _match_by_reference.company_id AND p.payment_id = ANY (payments) AND c.open_amount + c.allocated_amount < 0
    ), queued AS (
        SELECT n.*, sum(n.open_amount) OVER (PARTITION BY n.invoice_id ORDER BY n.received_on, n.payment_id) AS upto
        FROM named n
    )
    SELECT q.payment_id, q.invoice_id, q.item_id, d.item_id, greatest(q.received_on, d.effective_on),
           least(q.upto, d.upto) - greatest(q.upto - q.open_amount, d.upto - d.open_amount)
    FROM queued q
    CROSS JOIN LATERAL (SELECT i.item_id, i.effective_on, i.open_amount, sum(i.open_amount) OVER (ORDER BY i.due_on, i.item_id) AS upto
                        FROM o2c.open_item i
                        WHERE i.company_id = _match_by_reference.company_id AND i.invoice_id = q.invoice_id
                          AND i.open_amount > 0 AND i.effective_on <= as_of) d
    WHERE least(q.upto, d.upto) > greatest(q.upto - q.open_amount, d.upto - d.open_amount)
    ORDER BY q.received_on, q.payment_id, d.upto;
END $$;
COMMENT ON FUNCTION o2c._match_by_reference(bigint[], date, bigint) IS
'Of some payments, those whose reference names exactly one open invoice of the payer''s group in the same currency, with what each pays of which instalment, the oldest first.';

CREATE FUNCTION o2c._match_by_amount(payments bigint[], as_of date, in_group boolean, company_id bigint)
RETURNS TABLE (payment_id bigint, invoice_id bigint, credit_item_id bigint, debit_item_id bigint, effective_on date, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH paid AS (
        SELECT CASE WHEN in_group THEN payer.group_id ELSE p.customer_id END AS party, payer.group_id,
               p.currency, - c.open_amount - c.allocated_amount AS open_amount, p.payment_id, p.item_id, p.received_on
        FROM o2c.payment p
        JOIN o2c.open_item c ON c.company_id = _match_by_amount.company_id AND c.item_id = p.item_id
        JOIN o2c.customer payer ON payer.company_id = _match_by_amount.company_id AND payer.customer_id = p.customer_id
        WHERE p.company_id = _match_by_amount.company_id AND p.payment_id = ANY (payments) AND c.open_amount + c.allocated_amount < 0
          -- who names an invoice says what the payment is for: it is not used for another one
          AND NOT EXISTS (SELECT FROM o2c.invoice v
                          WHERE v.company_id = _match_by_amount.company_id
                            AND v.reference_key = o2c.normalize_reference(p.reference) AND v.reference_key <> ''
                            AND payer.group_id = (SELECT d.group_id FROM o2c.customer d
                                                  WHERE d.company_id = _match_by_amount.company_id AND d.customer_id = v.customer_id)
                          OFFSET 0)
    ), owed AS (
        SELECT CASE WHEN in_group THEN debtor.group_id ELSE i.customer_id END AS party, i.currency, i.open_amount, i.item_id
        FROM o2c.customer debtor
        JOIN o2c.open_item i ON i.company_id = _match_by_amount.company_id AND i.customer_id = debtor.customer_id
        WHERE debtor.company_id = _match_by_amount.company_id AND debtor.group_id IN (SELECT p.group_id FROM paid p)
          AND i.open_amount > 0 AND i.effective_on <= as_of
    ), pair AS (
        SELECT (array_agg(s.payment_id ORDER BY s.received_on, s.payment_id) FILTER (WHERE s.payment_id IS NOT NULL))[1] AS payment_id,
               min(s.debit_item_id) AS debit_item_id, s.open_amount
        FROM (SELECT p.party, p.currency, p.open_amount, p.payment_id, p.received_on, NULL::bigint AS debit_item_id FROM paid p
              UNION ALL
              SELECT o.party, o.currency, o.open_amount, NULL, NULL, o.item_id FROM owed o) s
        GROUP BY s.party, s.currency, s.open_amount
        HAVING count(s.payment_id) > 0 AND count(s.debit_item_id) = 1
    )
    SELECT p.payment_id, i.invoice_id, p.item_id, i.item_id, greatest(p.received_on, i.effective_on), pair.open_amount
    FROM pair
    JOIN o2c.payment p ON p.company_id = _match_by_amount.company_id AND p.payment_id = pair.payment_id
    JOIN o2c.open_item i ON i.company_id = _match_by_amount.company_id AND i.item_id = pair.debit_item_id
    ORDER BY p.received_on, p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._match_by_amount(bigint[], date, boolean, bigint) IS
'Of some payments, those whose amount on account is the open amount of exactly one item of their customer (or, in_group, of the customer''s group). Where several payments fit one item, the first received gets it.';

CREATE FUNCTION o2c.match_payments(as_of date DEFAULT o2c.today(), payment_id bigint DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (payment_id bigint, invoice_id bigint, stage text, amount numeric)
AS 'MODULE_PATHNAME', 'o2c_match_payments' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.match_payments(date, bigint, bigint) IS
'Applies the payments received up to a date that are not used up. Stage link: the payment''s reference is a payment link (o2c.payment_link_reference), whose invoices are paid, the oldest instalment first. Stage reference: the payment''s reference is the number of exactly one open invoice (compared by o2c.normalize_reference) in the same currency and, where the payer is known, in the payer''s group; a payment without customer becomes the invoice''s customer''s; the oldest instalment is paid first, what is over stays on account. Stage amount: the payer is known, names no invoice, and exactly one open item of the customer, else of the group, has exactly that amount. Anything ambiguous is left alone. Calling it again applies nothing more. Arguments: the date, one payment (null: all), the company. Result: what was applied. Errors: OC001 for an unknown payment, OC002 for a missing date.';

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

-- cash: the steps of payments

CREATE FUNCTION o2c.capture_payment(payment bigint, captured_on date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company())
RETURNS void
AS 'MODULE_PATHNAME', 'o2c_capture_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.capture_payment(bigint, date, bigint) IS
'An authorized payment is captured: from that date on it is money on account, unless the customer''s policy counts cleared funds only. Errors: OC001 for an unknown payment, OC002 for a date before the last step, OC101 when it is further already or ended.';

CREATE FUNCTION o2c.settle_payment(payment bigint, settled_on date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company())
RETURNS void
AS 'MODULE_PATHNAME', 'o2c_settle_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.settle_payment(bigint, date, bigint) IS
'The money of an authorized or captured payment has arrived. What did not count before counts from that date on; a direct debit is then applied to what it collects. Errors: OC001 for an unknown payment, OC002 for a date before the last step, OC101 when it is settled already or ended.';

CREATE FUNCTION o2c.void_payment(payment bigint, voided_on date DEFAULT o2c.today(), reason text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS void
AS 'MODULE_PATHNAME', 'o2c_void_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.void_payment(bigint, date, text, bigint) IS
'Cancels a payment that is not to be: an authorization that is given up, or a payment that was recorded by mistake, whose applications are then taken back as by o2c.reverse_payment(). It costs no fee and is not counted as returned. Errors: OC001 for an unknown payment, OC002 for a date before the last step, OC101 when it ended already.';

CREATE FUNCTION o2c.refund_payment(payment bigint, amount numeric DEFAULT NULL, refunded_on date DEFAULT o2c.today(), reason text DEFAULT NULL,
                                   idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_refund_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.refund_payment(bigint, numeric, date, text, text, bigint) IS
'Pays money on account back to the payer: an open item of kind refund uses it up. What is applied must be unapplied first. Arguments: the payment, the amount (null: all that is on account), the date, why, an idempotency key, the company. Result: the id of the refund''s open item. The clearing is refunded once all of the payment was paid back. Errors: OC001 for an unknown payment, OC002 for an amount that cannot be or a date before the last step, OC101 when it is only authorized or ended, OC106 for more than is on account.';

CREATE FUNCTION o2c.refund_credit(credit_note text, amount numeric DEFAULT NULL, refunded_on date DEFAULT o2c.today(), reason text DEFAULT NULL,
                                  idempotency_key text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_refund_credit' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.refund_credit(text, numeric, date, text, text, bigint) IS
'Pays what is open of a credit note back. Arguments: its number, the amount (null: all that is open), the date, why, an idempotency key, the company. Result: the id of the refund''s open item. Errors: OC001 for an unknown credit note, OC002 for an amount that cannot be or a date before the credit note, OC106 for more than is open.';

CREATE FUNCTION o2c._record_clearing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.payment_clearing (company_id, payment_id, change, clearing, effective_on)
    VALUES (NEW.company_id, NEW.payment_id, NEW.clearing, NEW.clearing, NEW.received_on);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._record_clearing() IS 'Row trigger: the first step of a payment that is not settled yet.';

CREATE FUNCTION o2c._count_returns() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    who bigint;
    returns bigint;
BEGIN
    SELECT p.customer_id INTO who FROM o2c.payment p WHERE p.company_id = NEW.company_id AND p.payment_id = NEW.payment_id;
    IF who IS NULL THEN
        RETURN NULL;
    END IF;
    -- the count changes on the day of each return and a year after it
    INSERT INTO o2c.credit_information (company_id, customer_id, name, value, source, effective_on)
    WITH returned AS MATERIALIZED (
        SELECT s.effective_on AS first_on, (s.effective_on + interval '1 year')::date AS end_on
        FROM o2c.payment p
        JOIN o2c.payment_clearing s ON s.company_id = NEW.company_id AND s.payment_id = p.payment_id AND s.change IN ('returned', 'charged_back')
        WHERE p.company_id = NEW.company_id AND p.customer_id = who
    ), turn AS (
        SELECT r.first_on AS day FROM returned r
        UNION
        SELECT r.end_on FROM returned r)
    SELECT NEW.company_id, who, 'returned_payments', to_jsonb((SELECT count(*) FROM returned r WHERE t.day >= r.first_on AND t.day < r.end_on)),
           'o2c.payment_clearing', t.day
    FROM turn t
    WHERE t.day BETWEEN NEW.effective_on AND (NEW.effective_on + interval '1 year')::date
    ORDER BY t.day;
    SELECT i.value::bigint INTO returns FROM o2c.credit_information i
    WHERE i.company_id = NEW.company_id AND i.customer_id = who AND i.name = 'returned_payments' AND i.effective_on <= NEW.effective_on
    ORDER BY i.effective_on DESC, i.information_id DESC LIMIT 1;
    IF returns >= o2c.get_setting('cleared_only_after_returns', NEW.company_id)::bigint THEN
        PERFORM o2c._want_cleared_funds(NEW.company_id, who);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._count_returns() IS
'Row trigger: how many payments of a customer came back within a year, as credit information dated on each day that the number changes; and the policy of cleared funds from the setting cleared_only_after_returns on.';

CREATE FUNCTION o2c._want_cleared_funds(company_id bigint, customer_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    UPDATE o2c.cash_policy p SET cleared_only = true
    WHERE p.company_id = _want_cleared_funds.company_id AND p.customer_id = _want_cleared_funds.customer_id AND NOT p.cleared_only;
    -- whoever has none of its own gets one that is like the one in use
    INSERT INTO o2c.cash_policy
    SELECT (jsonb_populate_record(p, jsonb_build_object('cash_policy_id', nextval('o2c.cash_policy_id_seq'),
                                                        'customer_id', _want_cleared_funds.customer_id, 'cleared_only', true))).*
    FROM o2c.customer c
    JOIN o2c.cash_policy p ON p.company_id = c.company_id AND (p.customer_id IS NULL OR p.customer_id IN (c.customer_id, c.group_id))
    WHERE c.company_id = _want_cleared_funds.company_id AND c.customer_id = _want_cleared_funds.customer_id
    ORDER BY p.customer_id = c.customer_id DESC NULLS LAST, p.customer_id IS NULL LIMIT 1
    ON CONFLICT ON CONSTRAINT cash_policy_one DO NOTHING;
END $$;
COMMENT ON FUNCTION o2c._want_cleared_funds(bigint, bigint) IS 'Gives a customer the policy that payments count only once they are settled, all else as before.';

-- cash: payment links

CREATE FUNCTION o2c.payment_link_reference(invoices text[], company_id bigint DEFAULT o2c.current_company()) RETURNS o2c.creditor_reference
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    owed record;
    link bigint := nextval('o2c.payment_link_id_seq');
    code text;
BEGIN
    SELECT count(DISTINCT v.invoice_id) AS invoices, count(DISTINCT (v.customer_id, v.currency)) AS debtors, min(v.customer_id) AS customer_id,
           min(v.currency) AS currency, sum(i.open_amount) AS amount, bool_and(v.state IN ('posted', 'overdue')) AS open
    INTO owed
    FROM o2c.invoice v
    LEFT JOIN o2c.open_item i ON i.company_id = v.company_id AND i.invoice_id = v.invoice_id
    WHERE v.company_id = payment_link_reference.company_id AND v.number = ANY (payment_link_reference.invoices) AND v.kind = 'invoice';
    IF coalesce(cardinality(payment_link_reference.invoices), 0) = 0
       OR owed.invoices <> (SELECT count(DISTINCT n) FROM unnest(payment_link_reference.invoices) n) THEN
        RAISE EXCEPTION 'company % does not have all of the invoices %', payment_link_reference.company_id, payment_link_reference.invoices
            USING ERRCODE = 'OC001', HINT = 'Invoices are found by their number in o2c.invoice.';
    END IF;
    IF owed.debtors <> 1 THEN
        RAISE EXCEPTION 'one payment link is for one customer and one currency'
            USING ERRCODE = 'OC002', HINT = 'Make a link for each.';
    END IF;
    IF NOT owed.open THEN
        RAISE EXCEPTION 'there is nothing to pay of some of the invoices %', payment_link_reference.invoices
            USING ERRCODE = 'OC101', HINT = 'Leave out what is not posted or is paid already.';
    END IF;
    -- the same question has the same answer
    SELECT l.reference INTO code FROM o2c.payment_link l
    WHERE l.company_id = payment_link_reference.company_id AND l.customer_id = owed.customer_id AND l.currency = owed.currency AND l.amount = owed.amount
      AND (SELECT array_agg(v.number ORDER BY v.number) FROM o2c.payment_link_invoice x
           JOIN o2c.invoice v ON v.company_id = x.company_id AND v.invoice_id = x.invoice_id
           WHERE x.company_id = l.company_id AND x.link_id = l.link_id)
          = (SELECT array_agg(DISTINCT n ORDER BY n) FROM unnest(payment_link_reference.invoices) n)
    ORDER BY l.link_id DESC LIMIT 1;
    IF code IS NOT NULL THEN
        RETURN code::o2c.creditor_reference;
    END IF;
    code := o2c.make_creditor_reference('PAY' || lpad(link::text, greatest(9, length(link::text)), '0'));
    INSERT INTO o2c.payment_link (company_id, link_id, reference, customer_id, currency, amount)
    VALUES (payment_link_reference.company_id, link, code, owed.customer_id, owed.currency, owed.amount);
    INSERT INTO o2c.payment_link_invoice (company_id, link_id, invoice_id)
    SELECT v.company_id, link, v.invoice_id FROM o2c.invoice v
    WHERE v.company_id = payment_link_reference.company_id AND v.number = ANY (payment_link_reference.invoices);
    RETURN code::o2c.creditor_reference;
END $$;
COMMENT ON FUNCTION o2c.payment_link_reference(text[], bigint) IS
'A reference for a payment link: a creditor reference (ISO 11649) that the provider carries and that comes back as the reference of the payment, which o2c.match_payments() then applies to these invoices, the oldest instalment first. Asked again for the same invoices with the same amount open, it is the same. Arguments: the invoices'' numbers, the company. Result: the reference; o2c.payment_link has the amount. Errors: OC001 for an unknown invoice, OC002 for invoices of several customers or currencies, OC101 when one is not posted or is paid.';

CREATE FUNCTION o2c._identify_by_link(payments bigint[], company_id bigint) RETURNS TABLE (payment_id bigint, customer_id bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT p.payment_id, l.customer_id
    FROM o2c.payment p
    JOIN o2c.payment_link l ON l.company_id = _identify_by_link.company_id AND l.currency = p.currency
        AND l.reference = o2c.account_key(p.reference)
    WHERE p.company_id = _identify_by_link.company_id AND p.payment_id = ANY (payments) AND p.customer_id IS NULL
    ORDER BY p.payment_id;
END $$;
COMMENT ON FUNCTION o2c._identify_by_link(bigint[], bigint) IS 'Of some payments without a customer, those whose reference is a payment link, and its customer.';

CREATE FUNCTION o2c._match_by_link(payments bigint[], as_of date, company_id bigint)
RETURNS TABLE (payment_id bigint, invoice_id bigint, credit_item_id bigint, debit_item_id bigint, effective_on date, amount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    -- as in o2c._match_by_reference: of each item the first payment that names it takes what it needs
    WITH named AS (
        SELECT p.payment_id, p.item_id AS credit_item_id, p.received_on, - c.open_amount - c.allocated_amount AS paid, i.item_id AS debit_item_id, i.invoice_id,
               i.effective_on, i.due_on, i.open_amount AS owed,
               row_number() OVER (PARTITION BY i.item_id ORDER BY p.received_on, p.payment_id) AS place
        FROM o2c.payment p
        JOIN o2c.open_item c ON c.company_id = _match_by_link.company_id AND c.item_id = p.item_id AND c.open_amount + c.allocated_amount < 0
        JOIN o2c.payment_link l ON l.company_id = _match_by_link.company_id AND l.currency = p.currency
            AND l.reference = o2c.account_key(p.reference)
        JOIN o2c.customer payer ON payer.company_id = _match_by_link.company_id AND payer.customer_id = p.customer_id
        JOIN o2c.customer debtor ON debtor.company_id = _match_by_link.company_id AND debtor.customer_id = l.customer_id AND debtor.group_id = payer.group_id
        JOIN o2c.payment_link_invoice x ON x.company_id = _match_by_link.company_id AND x.link_id = l.link_id
        JOIN o2c.open_item i ON i.company_id = _match_by_link.company_id AND i.invoice_id = x.invoice_id AND i.open_amount > 0 AND i.effective_on <= as_of
        WHERE p.company_id = _match_by_link.company_id AND p.payment_id = ANY (payments)
    ), laid AS (
        SELECT n.*, sum(n.owed) OVER (PARTITION BY n.payment_id ORDER BY n.due_on, n.debit_item_id) - n.owed AS before
        FROM named n WHERE n.place = 1
    )
    SELECT d.payment_id, d.invoice_id, d.credit_item_id, d.debit_item_id, greatest(d.received_on, d.effective_on), least(d.owed, d.paid - d.before)
    FROM laid d
    WHERE d.before < d.paid
    ORDER BY d.received_on, d.payment_id, d.due_on, d.debit_item_id;
END $$;
COMMENT ON FUNCTION o2c._match_by_link(bigint[], date, bigint) IS
'Of some payments, those whose reference is a payment link of the payer''s group, with what each pays of which instalment of the link''s invoices, the oldest first.';

-- cash: mandates and direct debits

CREATE FUNCTION o2c.sepa_text(value text, most integer DEFAULT 140) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    plain text := value;
    pair text[];
BEGIN
    IF getdatabaseencoding() = 'UTF8' AND value COLLATE "C" ~ '[^A-Za-z0-9/?:().,''+ -]' THEN
        plain := normalize(plain, NFKC);
        FOREACH pair SLICE 1 IN ARRAY ARRAY[[E'\u00e4', 'ae'], [E'\u00f6', 'oe'], [E'\u00fc', 'ue'], [E'\u00c4', 'Ae'], [E'\u00d6', 'Oe'], [E'\u00dc', 'Ue'],
            [E'\u00df', 'ss'], [E'\u00e6', 'ae'], [E'\u00c6', 'Ae'], [E'\u0153', 'oe'], [E'\u0152', 'Oe'], [E'\u00fe', 'th'], [E'\u00de', 'Th']] LOOP
            plain := replace(plain, pair[1], pair[2]);
        END LOOP;
        plain := translate(plain, E'\u00f8\u00d8\u0142\u0141\u0111\u0110\u00f0\u00d0\u0131', 'oOlLdDdDi');
        plain := regexp_replace(normalize(plain, NFKD), E'[\u0300-\u036f]', '', 'g');
    END IF;
    plain := replace(plain, '&', '+');
    RETURN trim(left(regexp_replace(regexp_replace(plain COLLATE "C", '[^A-Za-z0-9/?:().,''+ -]', '.', 'g'), ' +', ' ', 'g'), greatest(most, 1)));
END $$;
COMMENT ON FUNCTION o2c.sepa_text(text, integer) IS
'A text in the characters that SEPA messages may have: letters a to z, digits, / - ? : ( ) . , '' + and blanks. Umlauts become two letters, accents go, & becomes +, all else a full stop. Arguments: the text, the most characters to keep (140). Never an error. Source: EPC217-08.';

CREATE FUNCTION o2c.next_target_day(day date) RETURNS date
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    y integer; a integer; b integer; c integer; h integer; l integer; m integer;
    easter date;
BEGIN
    IF day NOT BETWEEN '1900-01-01' AND '2199-12-31' THEN
        RAISE EXCEPTION 'the day % is not from 1900-01-01 to 2199-12-31', day USING ERRCODE = 'OC002';
    END IF;
    LOOP
        -- Easter Sunday by the Gregorian computus (Meeus, Jones, Butcher)
        y := extract(year FROM day); a := y % 19; b := y / 100; c := y % 100;
        h := (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
        l := (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
        m := (a + 11 * h + 22 * l) / 451;
        easter := make_date(y, (h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1);
        EXIT WHEN extract(isodow FROM day) < 6 AND day NOT IN (easter - 2, easter + 1)
              AND to_char(day, 'MM-DD') NOT IN ('01-01', '05-01', '12-25', '12-26');
        day := day + 1;
    END LOOP;
    RETURN day;
END $$;
COMMENT ON FUNCTION o2c.next_target_day(date) IS
'The first day from a day on that the payment systems of the euro work on: not Saturday, Sunday, New Year, Good Friday, Easter Monday, 1 May, 25 and 26 December. Errors: OC002 outside 1900 to 2199. Source: the TARGET calendar of the ECB.';

CREATE FUNCTION o2c.ends_mandate(reason_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(reason_code IN ('AC01', 'AC04', 'AC06', 'AC13', 'AG01', 'MD01', 'MD02', 'MD07', 'SL01'), false);
COMMENT ON FUNCTION o2c.ends_mandate(text) IS
'Whether a return with this reason code ends the mandate: the account is wrong (AC01), closed (AC04), blocked (AC06), a consumer''s (AC13) or not for direct debits (AG01), there is no mandate (MD01) or another one (MD02), the debtor died (MD07) or does not let us collect (SL01). Insufficient funds (AM04), a refusal (MS02, MS03) or a refund that the debtor asked for (MD06) do not. Source: ISO 20022 external return reason codes.';

CREATE FUNCTION o2c.add_mandate(customer text, account text, reference text DEFAULT NULL, signed_on date DEFAULT o2c.today(), scheme text DEFAULT 'CORE',
                                sequence_type text DEFAULT 'FRST', bic text DEFAULT NULL, holder text DEFAULT NULL,
                                company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    id bigint := nextval('o2c.mandate_id_seq');
    who bigint;
    problem text := o2c._date_problem(signed_on);
BEGIN
    SELECT c.customer_id INTO who FROM o2c.customer c WHERE c.company_id = add_mandate.company_id AND c.code = add_mandate.customer;
    IF who IS NULL THEN
        RAISE EXCEPTION 'company % has no customer "%"', add_mandate.company_id, add_mandate.customer
            USING ERRCODE = 'OC001', HINT = 'Customers are found by their code in o2c.customer.';
    END IF;
    IF problem IS NULL AND signed_on > o2c.today() THEN
        problem := 'is in the future';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'the date of the signature %', problem USING ERRCODE = 'OC002', HINT = 'Give the day the customer signed on.';
    END IF;
    IF account IS NULL THEN
        RAISE EXCEPTION 'a mandate needs an account' USING ERRCODE = 'OC002', HINT = 'Give the IBAN that is collected from.';
    END IF;
    INSERT INTO o2c.mandate (company_id, mandate_id, customer_id, reference, scheme, sequence_type, signed_on, account, bic, holder)
    VALUES (add_mandate.company_id, id, who, coalesce(add_mandate.reference, 'M-' || lpad(id::text, greatest(6, length(id::text)), '0')),
            upper(add_mandate.scheme), upper(add_mandate.sequence_type), add_mandate.signed_on, add_mandate.account::o2c.iban, add_mandate.bic, add_mandate.holder);
    RETURN id;
END $$;
COMMENT ON FUNCTION o2c.add_mandate(text, text, text, date, text, text, text, text, bigint) IS
'Records a mandate: from now on what the customer owes in EUR is collected when it is due (o2c.direct_debit_file). Of several active mandates the one used or signed last is taken. Arguments: the customer''s code, the IBAN, the mandate reference (null: drawn), the day of the signature, the scheme (CORE or B2B), the sequence type of the next collection (FRST; RCUR for a mandate that was used elsewhere before; OOFF for one collection only; FNAL), the BIC where it is known, the holder of the account when it is another, the company. Result: mandate_id. Errors: OC001 for an unknown customer, OC002 for a missing account or a date that cannot be, OC203 for a wrong IBAN, 23505 for a reference that is taken, 23514 for another scheme or type or characters that SEPA does not have.';

CREATE FUNCTION o2c.revoke_mandate(mandate text, revoked_on date DEFAULT o2c.today(), reason text DEFAULT NULL, after_next boolean DEFAULT false,
                                   company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_revoke_mandate' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.revoke_mandate(text, date, text, boolean, bigint) IS
'Ends a mandate: nothing is collected with it any more. Arguments: its reference, the date, why, whether the next collection is still made, as the final one (then date and reason are not kept), the company. Errors: OC001 for an unknown mandate, OC002 for a date that cannot be, OC101 when it is not active.';

CREATE FUNCTION o2c._collectable_items(day date, until date, represent boolean, company_id bigint)
RETURNS TABLE (item_id bigint, customer_id bigint, mandate_id bigint, number text, collect_on date, amount numeric, discount numeric)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT i.item_id, i.customer_id, m.mandate_id, v.number, c.collect_on, i.open_amount - d.discount, d.discount
    FROM (SELECT DISTINCT ON (m.customer_id) m.customer_id, m.mandate_id, greatest(m.signed_on, m.last_used_on) AS used_on FROM o2c.mandate m
          WHERE m.company_id = _collectable_items.company_id AND m.state = 'active' AND m.automatic
          ORDER BY m.customer_id, greatest(m.signed_on, m.last_used_on) DESC, m.mandate_id DESC) m
    JOIN o2c.open_item i ON i.company_id = _collectable_items.company_id AND i.customer_id = m.customer_id
    JOIN o2c.invoice v ON v.company_id = _collectable_items.company_id AND v.invoice_id = i.invoice_id
    CROSS JOIN LATERAL (SELECT o2c.next_target_day(greatest(i.due_on, _collectable_items.day)) AS collect_on) c
    LEFT JOIN o2c.cash_policy_in_use k ON k.company_id = _collectable_items.company_id AND k.customer_id = i.customer_id
    CROSS JOIN LATERAL (SELECT coalesce(max(d.amount), 0) AS discount FROM o2c.instalment_discount d
                        WHERE d.company_id = _collectable_items.company_id AND d.item_id = i.item_id AND i.open_amount = i.amount
                          AND d.until_on + coalesce(k.discount_grace_days, 0) >= c.collect_on) d
    WHERE i.open_amount > 0 AND i.kind = 'invoice' AND i.currency = 'EUR'
      AND i.due_on <= until AND i.effective_on <= c.collect_on AND (m.used_on + interval '36 months')::date >= c.collect_on
      AND i.open_amount > d.discount
      -- what is on its way is not collected again, what came back only when a person says so
      AND NOT EXISTS (SELECT FROM o2c.direct_debit_item x
                      JOIN o2c.direct_debit t ON t.company_id = _collectable_items.company_id AND t.direct_debit_id = x.direct_debit_id
                      JOIN o2c.payment p ON p.company_id = _collectable_items.company_id AND p.payment_id = t.payment_id
                      WHERE x.company_id = _collectable_items.company_id AND x.item_id = i.item_id
                        AND (p.clearing = 'captured' OR p.state = 'reversed' AND represent IS NOT TRUE));
END $$;
COMMENT ON FUNCTION o2c._collectable_items(date, date, boolean, bigint) IS
'Open instalments in EUR, due until a day, of customers with an active mandate (the one used or signed last), with the first day from a day on that they can be collected, what is collected then, and the discount that is deducted.';

CREATE FUNCTION o2c._announce_direct_debits(day date, until date, represent boolean, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE announced bigint;
BEGIN
    INSERT INTO o2c.notification (company_id, audience, recipient, topic, object_type, object_id, language, body)
    SELECT _announce_direct_debits.company_id, 'customer', coalesce(c.email, c.code), 'direct_debit', 'open_item', i.item_id, c.language,
           jsonb_build_object('invoice', i.number, 'amount', i.amount, 'currency', 'EUR', 'mandate', m.reference, 'collect_on', i.collect_on,
                              'account', regexp_replace(m.account::text, '^(.{4}).*(.{4})$', '\1...\2'),
                              'creditor_id', (SELECT min(b.creditor_id) FROM o2c.bank_account b WHERE b.company_id = _announce_direct_debits.company_id AND b.active))
    FROM o2c._collectable_items(day, until, represent, _announce_direct_debits.company_id) i
    JOIN o2c.mandate m ON m.company_id = _announce_direct_debits.company_id AND m.mandate_id = i.mandate_id
    JOIN o2c.customer c ON c.company_id = _announce_direct_debits.company_id AND c.customer_id = i.customer_id
    ORDER BY i.item_id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS announced = ROW_COUNT;
    RETURN announced;
END $$;
COMMENT ON FUNCTION o2c._announce_direct_debits(date, date, boolean, bigint) IS 'Tells customers what will be collected, each instalment once.';

CREATE FUNCTION o2c.announce_direct_debits(as_of date DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE day date := coalesce(as_of, o2c.today());
BEGIN
    IF o2c._date_problem(day) IS NOT NULL THEN
        RAISE EXCEPTION 'the date %', o2c._date_problem(day) USING ERRCODE = 'OC002', HINT = 'Give the day that announcements are made on.';
    END IF;
    RETURN o2c._announce_direct_debits(day, day + o2c.get_setting('direct_debit_notice_days', announce_direct_debits.company_id)::integer, false,
                                       announce_direct_debits.company_id);
END $$;
COMMENT ON FUNCTION o2c.announce_direct_debits(date, bigint) IS
'The pre-notification: tells customers (o2c.notification, topic direct_debit) what will be collected from them, when and with which mandate, the setting direct_debit_notice_days (14) before it is due; each instalment once. What a file collects without that is announced with the file. Arguments: the day (today), the company. Result: how many were announced. Errors: OC002 for a date that cannot be.';

CREATE FUNCTION o2c._collecting_account(bank_account text, company_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE own record;
BEGIN
    SELECT b.bank_account_id, b.creditor_id, o2c.is_iban(b.account) AS is_iban INTO own FROM o2c.bank_account b
    WHERE b.company_id = _collecting_account.company_id AND b.currency = 'EUR' AND b.active
      AND (_collecting_account.bank_account IS NULL OR b.account = o2c.account_key(_collecting_account.bank_account))
    ORDER BY b.creditor_id IS NULL, b.bank_account_id LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company % has no such bank account in EUR', _collecting_account.company_id
            USING ERRCODE = 'OC001', HINT = 'o2c.bank_account has the company''s own accounts.';
    END IF;
    IF own.creditor_id IS NULL OR NOT own.is_iban THEN
        RAISE EXCEPTION 'direct debits cannot be collected to this account'
            USING ERRCODE = 'OC107', HINT = 'It must be an IBAN; put the company''s creditor identifier into bank_account.creditor_id.';
    END IF;
    RETURN own.bank_account_id;
END $$;
COMMENT ON FUNCTION o2c._collecting_account(text, bigint) IS 'The bank account that direct debits are collected to: the one named, else the first in EUR with a creditor identifier.';

CREATE FUNCTION o2c._collect_direct_debits(on_date date, bank_account text, represent boolean, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    own bigint := o2c._collecting_account(_collect_direct_debits.bank_account, _collect_direct_debits.company_id);
    day date := o2c.next_target_day(on_date);
    batch bigint := nextval('o2c.direct_debit_batch_id_seq');
BEGIN
    PERFORM o2c._announce_direct_debits(day, day, represent, _collect_direct_debits.company_id);
    WITH item AS MATERIALIZED (
        SELECT i.* FROM o2c._collectable_items(day, day, represent, _collect_direct_debits.company_id) i
    ), debit AS MATERIALIZED (
        SELECT g.*, nextval('o2c.direct_debit_id_seq') AS direct_debit_id, nextval('o2c.payment_id_seq') AS payment_id,
               CASE WHEN coalesce(k.cleared_only, false) THEN NULL ELSE nextval('o2c.item_id_seq') END AS payment_item_id
        FROM (SELECT i.mandate_id, i.customer_id, sum(i.amount) AS amount FROM item i GROUP BY i.mandate_id, i.customer_id
              -- more does not fit the message
              HAVING sum(i.amount) < 1000000000 ORDER BY i.mandate_id) g
        LEFT JOIN o2c.cash_policy_in_use k ON k.company_id = _collect_direct_debits.company_id AND k.customer_id = g.customer_id
    ), head AS (
        INSERT INTO o2c.direct_debit_batch (company_id, batch_id, bank_account_id, collect_on, message_id, debits, amount)
        SELECT _collect_direct_debits.company_id, batch, own, day, format('DD-%s-%s-%s', to_char(day, 'YYYYMMDD'), _collect_direct_debits.company_id, batch),
               count(*), sum(d.amount)
        FROM debit d HAVING count(*) > 0
    ), made AS (
        INSERT INTO o2c.direct_debit (company_id, direct_debit_id, batch_id, mandate_id, customer_id, payment_id, end_to_end_id, sequence_type, amount)
        SELECT _collect_direct_debits.company_id, d.direct_debit_id, batch, d.mandate_id, d.customer_id, d.payment_id,
               o2c.make_creditor_reference('DD' || lpad(d.direct_debit_id::text, greatest(9, length(d.direct_debit_id::text)), '0')), m.sequence_type, d.amount
        FROM debit d
        JOIN o2c.mandate m ON m.company_id = _collect_direct_debits.company_id AND m.mandate_id = d.mandate_id
        RETURNING payment_id, end_to_end_id
    ), parts AS (
        INSERT INTO o2c.direct_debit_item (company_id, direct_debit_id, item_id, amount, discount_amount)
        SELECT _collect_direct_debits.company_id, d.direct_debit_id, i.item_id, i.amount, i.discount
        FROM debit d JOIN item i ON i.mandate_id = d.mandate_id
    ), used AS (
        UPDATE o2c.mandate m SET last_used_on = greatest(m.last_used_on, day),
            sequence_type = CASE m.sequence_type WHEN 'FRST' THEN 'RCUR' ELSE m.sequence_type END,
            state = CASE WHEN m.sequence_type IN ('OOFF', 'FNAL') THEN 'completed' ELSE m.state END
        FROM debit d WHERE m.company_id = _collect_direct_debits.company_id AND m.mandate_id = d.mandate_id
    ), item_of_payment AS (
        INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)
        SELECT _collect_direct_debits.company_id, d.payment_item_id, d.customer_id, 'payment', day, day, 'EUR', - d.amount,
               CASE WHEN a.currency <> 'EUR' THEN coalesce(o2c._known_rate('EUR', a.currency, day, _collect_direct_debits.company_id), 1) ELSE 1 END
        FROM debit d
        LEFT JOIN o2c.customer_credit k ON k.company_id = _collect_direct_debits.company_id AND k.customer_id = d.customer_id
        LEFT JOIN o2c.credit_account a ON a.company_id = _collect_direct_debits.company_id AND a.credit_account_id = k.credit_account_id
        WHERE d.payment_item_id IS NOT NULL
    )
    INSERT INTO o2c.payment (company_id, payment_id, customer_id, item_id, state, clearing, received_on, amount, currency, reference, method,
                             payer_name, payer_account, provider, provider_reference)
    SELECT _collect_direct_debits.company_id, d.payment_id, d.customer_id, d.payment_item_id,
           CASE WHEN d.payment_item_id IS NULL THEN 'pending' ELSE 'received' END, 'captured', day, d.amount, 'EUR', t.end_to_end_id, 'direct_debit',
           m.holder, m.account, 'direct_debit', t.end_to_end_id
    FROM debit d
    JOIN made t ON t.payment_id = d.payment_id
    JOIN o2c.mandate m ON m.company_id = _collect_direct_debits.company_id AND m.mandate_id = d.mandate_id;
    IF FOUND THEN
        RETURN batch;
    END IF;
    RETURN (SELECT max(b.batch_id) FROM o2c.direct_debit_batch b
            WHERE b.company_id = _collect_direct_debits.company_id AND b.collect_on = day AND b.bank_account_id = own);
END $$;
COMMENT ON FUNCTION o2c._collect_direct_debits(date, text, boolean, bigint) IS
'Makes a batch of what is due and not collected yet: direct debits with their items, and their payments. Result: the batch; the last one of that day when nothing is new. Runs inside a command only.';

CREATE FUNCTION o2c._print_direct_debits(batch_id bigint, version text, company_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b record;
    parts xml;
    bic_name text := CASE version WHEN 'pain.008.001.02' THEN 'BIC' ELSE 'BICFI' END;
BEGIN
    IF version IS NULL OR version NOT IN ('pain.008.001.02', 'pain.008.001.08') THEN
        RAISE EXCEPTION 'direct debits are not written as "%"', version
            USING ERRCODE = 'OC002', HINT = 'The versions are pain.008.001.08 and pain.008.001.02.';
    END IF;
    SELECT t.*, a.account, a.bic, a.creditor_id, o2c.sepa_text(o.name, 70) AS creditor INTO b
    FROM o2c.direct_debit_batch t
    JOIN o2c.bank_account a ON a.company_id = t.company_id AND a.bank_account_id = t.bank_account_id
    JOIN o2c.company o ON o.company_id = t.company_id
    WHERE t.company_id = _print_direct_debits.company_id AND t.batch_id = _print_direct_debits.batch_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'company % has no batch % of direct debits', _print_direct_debits.company_id, _print_direct_debits.batch_id
            USING ERRCODE = 'OC001', HINT = 'o2c.direct_debit_batch lists them.';
    END IF;
    WITH debit AS (
        SELECT d.direct_debit_id, d.sequence_type, d.amount, d.end_to_end_id, m.reference, m.scheme, m.signed_on, m.account::text AS account, m.bic,
               coalesce(m.holder, c.name) AS debtor,
               (SELECT string_agg(DISTINCT v.number, ', ' ORDER BY v.number) FROM o2c.direct_debit_item x
                JOIN o2c.open_item i ON i.company_id = x.company_id AND i.item_id = x.item_id
                JOIN o2c.invoice v ON v.company_id = i.company_id AND v.invoice_id = i.invoice_id
                WHERE x.company_id = d.company_id AND x.direct_debit_id = d.direct_debit_id) AS invoices
        FROM o2c.direct_debit d
        JOIN o2c.mandate m ON m.company_id = d.company_id AND m.mandate_id = d.mandate_id
        JOIN o2c.customer c ON c.company_id = d.company_id AND c.customer_id = d.customer_id
        WHERE d.company_id = _print_direct_debits.company_id AND d.batch_id = _print_direct_debits.batch_id
    ), part AS (
        SELECT d.scheme, d.sequence_type, count(*) AS debits, sum(d.amount) AS amount, row_number() OVER (ORDER BY d.scheme, d.sequence_type) AS place,
               xmlagg(xmlelement(name "DrctDbtTxInf",
                   xmlelement(name "PmtId", xmlforest(d.end_to_end_id AS "EndToEndId")),
                   xmlelement(name "InstdAmt", xmlattributes('EUR' AS "Ccy"), d.amount::numeric(18, 2)),
                   xmlelement(name "DrctDbtTx", xmlelement(name "MndtRltdInf", xmlforest(d.reference AS "MndtId", d.signed_on AS "DtOfSgntr"))),
                   xmlelement(name "DbtrAgt", o2c._financial_institution(d.bic, bic_name)),
                   xmlelement(name "Dbtr", xmlforest(o2c.sepa_text(d.debtor, 70) AS "Nm")),
                   xmlelement(name "DbtrAcct", xmlelement(name "Id", xmlforest(d.account AS "IBAN"))),
                   xmlelement(name "RmtInf", CASE WHEN length(o2c.sepa_text(d.invoices, 1000)) <= 140
                       THEN xmlforest(o2c.sepa_text(d.invoices) AS "Ustrd")
                       -- where the numbers do not fit, the reference of the collection, which is a creditor reference
                       ELSE xmlelement(name "Strd", xmlelement(name "CdtrRefInf",
                           xmlelement(name "Tp", xmlelement(name "CdOrPrtry", xmlforest('SCOR' AS "Cd")), xmlforest('ISO' AS "Issr")),
                           xmlforest(d.end_to_end_id AS "Ref"))) END))
                   ORDER BY d.direct_debit_id) AS debits_xml
        FROM debit d GROUP BY d.scheme, d.sequence_type
    )
    SELECT xmlagg(xmlelement(name "PmtInf",
               xmlforest(b.message_id || '-' || p.place AS "PmtInfId", 'DD' AS "PmtMtd", true AS "BtchBookg", p.debits AS "NbOfTxs", p.amount::numeric(18, 2) AS "CtrlSum"),
               xmlelement(name "PmtTpInf", xmlelement(name "SvcLvl", xmlforest('SEPA' AS "Cd")), xmlelement(name "LclInstrm", xmlforest(p.scheme AS "Cd")),
                          xmlforest(p.sequence_type AS "SeqTp")),
               xmlforest(b.collect_on AS "ReqdColltnDt"),
               xmlelement(name "Cdtr", xmlforest(b.creditor AS "Nm")),
               xmlelement(name "CdtrAcct", xmlelement(name "Id", xmlforest(b.account AS "IBAN"))),
               xmlelement(name "CdtrAgt", o2c._financial_institution(b.bic, bic_name)),
               xmlforest('SLEV' AS "ChrgBr"),
               xmlelement(name "CdtrSchmeId", xmlelement(name "Id", xmlelement(name "PrvtId", xmlelement(name "Othr",
                   xmlforest(b.creditor_id AS "Id"), xmlelement(name "SchmeNm", xmlforest('SEPA' AS "Prtry")))))),
               p.debits_xml) ORDER BY p.place)
    INTO parts FROM part p;
    RETURN '<?xml version="1.0" encoding="UTF-8"?>' || E'\n'
        || xmlelement(name "Document", xmlattributes('urn:iso:std:iso:20022:tech:xsd:' || version AS xmlns),
               xmlelement(name "CstmrDrctDbtInitn",
                   xmlelement(name "GrpHdr",
                       xmlforest(b.message_id AS "MsgId", to_char(b.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS "CreDtTm",
                                 b.debits AS "NbOfTxs", b.amount::numeric(18, 2) AS "CtrlSum"),
                       xmlelement(name "InitgPty", xmlforest(b.creditor AS "Nm"))),
                   parts))::text;
END $$;
COMMENT ON FUNCTION o2c._print_direct_debits(bigint, text, bigint) IS 'A batch of direct debits as an ISO 20022 message. Errors: OC001 for an unknown batch, OC002 for another version.';

CREATE FUNCTION o2c._financial_institution(bic text, name_of_bic text) RETURNS xml
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN bic IS NULL THEN xmlelement(name "FinInstnId", xmlelement(name "Othr", xmlforest('NOTPROVIDED' AS "Id")))
            WHEN name_of_bic = 'BIC' THEN xmlelement(name "FinInstnId", xmlforest(bic AS "BIC"))
            ELSE xmlelement(name "FinInstnId", xmlforest(bic AS "BICFI")) END;
COMMENT ON FUNCTION o2c._financial_institution(text, text) IS 'A bank in an ISO 20022 message, by its BIC where that is known.';

CREATE FUNCTION o2c.direct_debit_file(on_date date DEFAULT NULL, bank_account text DEFAULT NULL, version text DEFAULT 'pain.008.001.08', batch bigint DEFAULT NULL,
                                      represent boolean DEFAULT false, company_id bigint DEFAULT o2c.current_company()) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_direct_debit_file' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.direct_debit_file(date, text, text, bigint, boolean, bigint) IS
'Collects by direct debit what is due: makes a batch of the open instalments in EUR of customers with an active mandate that are due on the collection day or before, one direct debit for each mandate, and returns it as ISO 20022 pain.008 for the bank. The discount for paying early is deducted where the day is early enough. Each direct debit is a payment, captured, that pays its instalments on the collection day, or once it is settled where the policy is cleared_only. Asked again for the day, it collects what is new; when nothing is, it returns the last file again, byte for byte. Arguments: the collection day (moved on to the next TARGET day), the company''s account (null: the first in EUR with a creditor identifier), the version (pain.008.001.08 or pain.008.001.02), a batch to print again instead, whether to collect again what came back, the company. Result: the message, null when nothing is due. Errors: OC001 for an unknown account or batch, OC002 for a date or version that cannot be, OC107 for an account without creditor identifier.';

CREATE FUNCTION o2c.settle_direct_debits(batch bigint, settled_on date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_settle_direct_debits' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.settle_direct_debits(bigint, date, bigint) IS
'The bank credited a batch: its direct debits that did not come back are settled. Result: how many. Errors: OC002 for a date before the collection day.';

CREATE FUNCTION o2c.return_direct_debit(end_to_end_id text, reason_code text, returned_on date DEFAULT o2c.today(), reason text DEFAULT NULL,
                                        fee numeric DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_return_direct_debit' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.return_direct_debit(text, text, date, text, numeric, bigint) IS
'A direct debit came back (an R-transaction: reject, return or refund): exactly its payment is reversed and its instalments are open again with the due dates they had. Reasons that o2c.ends_mandate() lists revoke the mandate. A reject before the collection day takes effect on that day. Arguments: the end-to-end id, the bank''s reason code, the date, a text, the fee (null: bounce_fee of the policy), the company. Result: the payment. Errors: OC001 for an unknown end-to-end id, OC002 for a date before the last step, OC101 when it came back already, 23514 for a code that is none.';

-- cash: messages of payment providers

CREATE FUNCTION o2c.record_provider_event(provider text, event jsonb, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    steps CONSTANT text[] := ARRAY['authorized', 'captured', 'settled'];
    kind text := event ->> 'type';
    day date := coalesce((event ->> 'on')::date, o2c.today());
    said text;
    found_id bigint;
    clearing text;
BEGIN
    IF provider IS NULL OR jsonb_typeof(event) IS DISTINCT FROM 'object' OR event ->> 'id' IS NULL OR event ->> 'payment' IS NULL OR kind IS NULL
       OR kind NOT IN ('authorized', 'captured', 'settled', 'failed', 'voided', 'refunded', 'returned', 'charged_back') THEN
        RAISE EXCEPTION 'an event of a provider needs an id, a type and a payment'
            USING ERRCODE = 'OC002', DETAIL = format('The event is %s.', event),
                  HINT = 'It looks like {"id": "evt_1", "type": "captured", "payment": "ch_1", "amount": 100, "on": "2026-03-01", "reference": "RF..."}.';
    END IF;
    -- whoever brings the same event at the same time waits here
    INSERT INTO o2c.command (company_id, key, command, request)
    VALUES (record_provider_event.company_id, format('%s:%s', provider, event ->> 'id'), 'record_provider_event', md5(event::text)) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT c.request, c.result INTO said, found_id FROM o2c.command c
        WHERE c.company_id = record_provider_event.company_id AND c.key = format('%s:%s', provider, event ->> 'id');
        IF said <> md5(event::text) THEN
            RAISE EXCEPTION 'event "%" of provider "%" came before with other content', event ->> 'id', provider
                USING ERRCODE = 'OC003', HINT = 'Events that differ have ids of their own.';
        END IF;
        RETURN found_id;
    END IF;
    SELECT p.payment_id, p.clearing INTO found_id, clearing FROM o2c.payment p
    WHERE p.company_id = record_provider_event.company_id AND p.provider = record_provider_event.provider AND p.provider_reference = event ->> 'payment';
    IF found_id IS NULL THEN
        IF kind <> ALL (steps) THEN
            RAISE EXCEPTION 'provider "%" has no payment "%" here', provider, event ->> 'payment'
                USING ERRCODE = 'OC001', HINT = 'The first event of a payment is authorized, captured or settled.';
        END IF;
        found_id := o2c.record_payment((event ->> 'amount')::numeric, day, event ->> 'customer', event ->> 'reference', coalesce(event ->> 'method', 'card'),
            event ->> 'currency', event ->> 'payer_name', event ->> 'payer_account', provider, event ->> 'payment', NULL, kind, record_provider_event.company_id);
    ELSIF kind = clearing OR array_position(steps, kind) < coalesce(array_position(steps, clearing), 4) THEN
        NULL; -- a late or repeated message tells nothing new
    ELSIF kind = 'captured' THEN
        PERFORM o2c.capture_payment(found_id, day, record_provider_event.company_id);
    ELSIF kind = 'settled' THEN
        PERFORM o2c.settle_payment(found_id, day, record_provider_event.company_id);
    ELSIF kind = 'voided' THEN
        PERFORM o2c.void_payment(found_id, day, event ->> 'reason', record_provider_event.company_id);
    ELSIF kind = 'refunded' THEN
        PERFORM o2c.refund_payment(found_id, (event ->> 'amount')::numeric, day, event ->> 'reason', NULL, record_provider_event.company_id);
    ELSE
        PERFORM o2c.reverse_payment(found_id, day, event ->> 'reason', kind, event ->> 'reason_code', (event ->> 'fee')::numeric, record_provider_event.company_id);
    END IF;
    UPDATE o2c.command c SET result = found_id
    WHERE c.company_id = record_provider_event.company_id AND c.key = format('%s:%s', provider, event ->> 'id');
    RETURN found_id;
END $$;
COMMENT ON FUNCTION o2c.record_provider_event(text, jsonb, bigint) IS
'Takes in what a payment provider tells, as by a webhook, each event once. Arguments: the provider, the event {id, type (authorized, captured, settled, failed, voided, refunded, returned, charged_back), payment (the provider''s reference), on (today), and for the first one amount, currency, customer, reference, method (card), payer_name, payer_account; amount of a refund; reason, reason_code, fee}, the company. The first event of a payment records it (o2c.record_payment), later ones take it on; a late one that tells nothing new is passed over. Result: the payment. Errors: OC001 for an unknown payment, OC002 for an event that lacks something, OC003 for an id that was used for another event, and those of the functions that carry it out.';
