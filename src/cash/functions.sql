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
                                   idempotency_key text DEFAULT NULL, clearing text DEFAULT 'settled', charges numeric DEFAULT 0,
                                   company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_record_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.record_payment(numeric, date, text, text, text, text, text, text, text, text, text, text, numeric, bigint) IS
'Records money received. Arguments: the amount that arrived (above zero, in the currency''s minor units), the value date, the customer''s code (null: not identified yet), the reference the payer gave, the method (transfer, direct_debit, card, cheque, cash), the currency (null: the customer''s, else the company''s), the payer''s name and account, the provider (a bank or service) and its reference for the receipt, an idempotency key, how far it is (authorized: no money yet; captured: money, unless the customer''s policy is cleared_only; settled), what banks kept of the payment on its way (credited to the customer, too, where its policy says bears_charges), the company. Result: the payment''s id. The same provider and reference, or the same key, give the same payment again; a date that was left out may be another one then. Errors: OC001 for an unknown customer, currency or company, OC002 for an amount, date or clearing that cannot be, OC003 when the provider''s reference or the key was used for something else, 23514 for an unknown method.';

CREATE FUNCTION o2c.identify_payment(payment bigint, customer text, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_identify_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.identify_payment(bigint, text, bigint) IS
'Says which customer made a payment that was recorded without one: it is then on that customer''s account. Result: the id of its open item, null while it is not money yet. Errors: OC001 for an unknown payment or customer, OC101 when it belongs to another customer or is reversed.';

CREATE FUNCTION o2c.apply_payment(payment bigint, invoice text, amount numeric DEFAULT NULL, discount numeric DEFAULT 0,
                                  effective_on date DEFAULT NULL, tolerance numeric DEFAULT 0, deduction_reason text DEFAULT NULL,
                                  note text DEFAULT NULL, rate numeric DEFAULT NULL, credit_amount numeric DEFAULT NULL,
                                  company_id bigint DEFAULT o2c.current_company())
RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_apply_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.apply_payment(bigint, text, numeric, numeric, date, numeric, text, text, numeric, numeric, bigint) IS
'Applies a payment to an invoice, the oldest instalment first. Arguments: the payment; the invoice''s number; the amount of cash in the invoice''s currency (null: as much as fits); the discount granted (null: what the payment earned on the day it was received, see o2c.eligible_discount) and the difference tolerated besides (null: what the policy tolerates, o2c.cash_policy_in_use), which both reduce what is owed, not the payment; the date (null: as soon as both are there); why what stays open of the instalments was deducted (o2c.deduction_reason; see o2c.record_deduction); a note that says why, needed for more discount or tolerance than is earned and tolerated; for a payment in another currency the rate in units of the invoice''s currency for one of the payment''s (null: the day''s) or the amount to take from the payment (with neither amount nor rate it settles what is open); the company. With discount null, what stays open and is a discount of the terms becomes a deduction of the reason unearned_discount. A payment without customer becomes one of the invoice''s customer. Result: the id of the application, of the first where it covers several instalments. Errors: OC001 for an unknown payment or invoice, OC002 for amounts, rates or dates that cannot be, a missing note or a customer of another group, OC005 for another currency without a rate, OC101 for a payment that is not money yet (o2c.settle_payment), OC106 for more than is open on either side, 23503 for an unknown reason. Rule: earned discount as in Oracle Receivables.';

CREATE FUNCTION o2c.reverse_payment(payment bigint, reversed_on date DEFAULT o2c.today(), reason text DEFAULT NULL, kind text DEFAULT 'returned',
                                    reason_code text DEFAULT NULL, fee numeric DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS void
AS 'MODULE_PATHNAME', 'o2c_reverse_payment' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.reverse_payment(bigint, date, text, text, text, numeric, bigint) IS
'Takes a payment back, as when it bounces: its applications are reversed on that date, the invoices are open again with the due dates they had, discounts taken come back, and nothing of it stays on account. The whole payment comes back, less what was refunded before. Arguments: the payment, the date of the bounce, why, what happened (returned by the bank, charged_back by the payer''s card, or failed: no bounce, so no fee and not counted), the bank''s reason code (ISO 20022 external return reason, such as AM04), the fee that the customer owes at once (null: bounce_fee of its policy), the company. A returned or charged back payment counts in the credit information returned_payments. Errors: OC001 for an unknown payment, OC002 for another kind, a negative fee, a missing date or one before the last step, OC101 when it ended already, 23514 for a code that is none.';

CREATE FUNCTION o2c._bears_charges(customer_id bigint, company_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN EXISTS (SELECT FROM o2c.cash_policy_in_use y WHERE y.company_id = _bears_charges.company_id
                     AND y.customer_id = _bears_charges.customer_id AND y.bears_charges);
END $$;
COMMENT ON FUNCTION o2c._bears_charges(bigint, bigint) IS 'Whether the customer''s policy says that the company bears what banks keep of its payments.';

-- put into the statements that use it: hardly a payment has charges, and only those ask for the policy
CREATE FUNCTION o2c._credited_amount(amount numeric, charges numeric, customer_id bigint, company_id bigint) RETURNS numeric
LANGUAGE sql STABLE
RETURN CASE WHEN charges OPERATOR(pg_catalog.>) 0 AND o2c._bears_charges(customer_id, company_id) THEN amount OPERATOR(pg_catalog.+) charges ELSE amount END;
COMMENT ON FUNCTION o2c._credited_amount(numeric, numeric, bigint, bigint) IS
'What a payment is credited to its customer with: what banks kept of it, too, where the customer''s policy says that the company bears it.';

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
                      r.provider, r.provider_reference, r.charges
        ), receipt AS (
            SELECT g.import_id, g.reference, c.customer_id, g.received_on, g.amount, coalesce(g.currency, c.currency, o.currency) AS currency,
                   coalesce(g.method, 'transfer') AS method, g.payer_name, g.payer_account, coalesce(g.provider, 'import') AS provider, g.provider_reference,
                   coalesce(g.charges, 0) AS charges
            FROM gone g
            JOIN o2c.company o ON o.company_id = _load_payments.company_id
            LEFT JOIN LATERAL (SELECT c.customer_id, c.currency FROM o2c.customer c
                               WHERE c.company_id = _load_payments.company_id AND c.code = g.customer LIMIT 1) c ON true
        ), taken AS (
            INSERT INTO o2c.payment (company_id, customer_id, item_id, received_on, amount, charge_amount, currency, reference, method, payer_name, payer_account, provider,
                                     provider_reference)
            SELECT _load_payments.company_id, r.customer_id, CASE WHEN r.customer_id IS NOT NULL THEN nextval('o2c.item_id_seq') END,
                   r.received_on, o2c.round_money(r.amount, r.currency), o2c.round_money(r.charges, r.currency), r.currency, r.reference, r.method, r.payer_name, r.payer_account, r.provider,
                   -- the n-th equal row is a receipt of its own, and the same one when the file comes again
                   coalesce(r.provider_reference,
                            md5(jsonb_build_array(r.reference, r.customer_id, r.received_on, trim_scale(r.amount), r.currency, r.payer_name, r.payer_account,
                                row_number() OVER (PARTITION BY r.reference, r.customer_id, r.received_on, r.amount, r.currency, r.payer_name, r.payer_account))::text))
            FROM receipt r ORDER BY r.import_id
            ON CONFLICT (company_id, provider, provider_reference) WHERE provider_reference IS NOT NULL DO NOTHING
            RETURNING customer_id, item_id, received_on, amount, charge_amount, currency
        ), item AS (
            INSERT INTO o2c.open_item (company_id, item_id, customer_id, kind, effective_on, due_on, currency, amount, credit_rate)
            SELECT _load_payments.company_id, t.item_id, t.customer_id, 'payment', t.received_on, t.received_on, t.currency,
                   - o2c._credited_amount(t.amount, t.charge_amount, t.customer_id, _load_payments.company_id),
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
        WHEN r.charges IS NOT NULL AND o2c._amount_problem(r.charges, u.currency) IS NOT NULL THEN 'the charge ' || o2c._amount_problem(r.charges, u.currency)
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
'Takes in the payments that were put into o2c.payment_import, batch by batch as o2c.load_invoices does: a batch with a wrong row stays as a whole and says what is wrong, and a warning (OC002) counts such batches. A null customer is a payment to identify; a null currency is the customer''s, else the company''s; charges count as in o2c.record_payment. A row with a provider''s reference is the receipt of that reference; another one is the same receipt as an earlier one when reference, customer, date, amount, currency and payer agree and it is the n-th such row of its batch in both, so a file that is loaded twice books nothing twice. Arguments: the batch (null: all), the company. Result: the number of payments added.';

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
            event ->> 'currency', event ->> 'payer_name', event ->> 'payer_account', provider, event ->> 'payment', clearing => kind, company_id => record_provider_event.company_id);
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

-- cash: differences between what is paid and what is owed

CREATE FUNCTION o2c.eligible_discount(invoice text, paid_on date DEFAULT o2c.today(), cash numeric DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_eligible_discount' LANGUAGE C STABLE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.eligible_discount(text, date, numeric, bigint) IS
'The discount for early payment that a payment of an invoice earns. Arguments: the invoice''s number; the day the payment is received (a discount counts up to its last day and the policy''s days of grace, the best tier in force); the amount of cash in the invoice''s currency (null: all that is then payable); the company. Cash that closes an instalment, within the policy''s tolerance, earns all that is left of its discount d * original; with discount_on_partial, other cash earns cash * d / (1 - d), and a part paid without discount has lost its own. Nothing is earned on what credit notes took off. Result: in the invoice''s currency. Errors: OC001 for an unknown invoice, OC002 for a date or amount that cannot be. Rule: earned discount as in Oracle Receivables.';

CREATE FUNCTION o2c.record_deduction(payment bigint, invoice text, reason text, amount numeric DEFAULT NULL, note text DEFAULT NULL,
                                     effective_on date DEFAULT o2c.today(), company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_record_deduction_sql' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.record_deduction(bigint, text, text, numeric, text, date, bigint) IS
'Records why a payment that is applied to an invoice fell short of it. The instalments stay open with their due dates; o2c.open_deduction says how much is still in question. Arguments: the payment; the invoice''s number; the reason (o2c.deduction_reason); the amount in the invoice''s currency (null: all that is open of the instalments the payment was applied to, and in no deduction yet), the oldest instalment first; a note; the date; the company. Result: the id of the deduction, of the first where it covers several instalments. Errors: OC001 for an unknown payment, invoice or reason, OC002 for an amount or date that cannot be, OC101 when nothing is short, OC106 for more than is.';

CREATE FUNCTION o2c._seed_deduction_reasons() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO o2c.deduction_reason (company_id, reason, name) VALUES
        (NEW.company_id, 'price', 'Price differs from what was agreed'),
        (NEW.company_id, 'quantity', 'Less was delivered than invoiced'),
        (NEW.company_id, 'freight', 'Freight or other charges'),
        (NEW.company_id, 'promotion', 'Promotion, bonus or advertising'),
        (NEW.company_id, 'unearned_discount', 'Discount for early payment taken late or beyond the terms'),
        (NEW.company_id, 'tax', 'Tax withheld or wrong'),
        (NEW.company_id, 'damaged', 'Goods damaged or faulty'),
        (NEW.company_id, 'other', 'Other');
    RETURN NULL;
END $$;
COMMENT ON FUNCTION o2c._seed_deduction_reasons() IS 'Trigger: a new company has the usual reasons for deductions.';
