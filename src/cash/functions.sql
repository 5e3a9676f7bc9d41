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

CREATE FUNCTION o2c._credited_amount(amount numeric, charges numeric, customer_id bigint, company_id bigint) RETURNS numeric
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF charges > 0 AND EXISTS (SELECT FROM o2c.cash_policy_in_use y WHERE y.company_id = _credited_amount.company_id
                                 AND y.customer_id = _credited_amount.customer_id AND y.bears_charges) THEN
        RETURN amount + charges;
    END IF;
    RETURN amount;
END $$;
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

CREATE FUNCTION o2c._linked_documents(payments bigint[], company_id bigint)
RETURNS TABLE (place bigint, invoice_id bigint, customer_id bigint, group_id bigint, state text, number text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT u.place, v.invoice_id, v.customer_id, c.group_id, v.state, v.number
    FROM unnest(payments) WITH ORDINALITY AS u (payment_id, place)
    JOIN o2c.payment p ON p.company_id = _linked_documents.company_id AND p.payment_id = u.payment_id
    JOIN o2c.payment_link l ON l.company_id = _linked_documents.company_id AND l.currency = p.currency AND l.reference = o2c.account_key(p.reference)
    JOIN o2c.payment_link_invoice x ON x.company_id = _linked_documents.company_id AND x.link_id = l.link_id
    JOIN o2c.invoice v ON v.company_id = _linked_documents.company_id AND v.invoice_id = x.invoice_id
    JOIN o2c.customer c ON c.company_id = _linked_documents.company_id AND c.customer_id = l.customer_id
    ORDER BY u.place, v.due_on, v.invoice_id;
END $$;
COMMENT ON FUNCTION o2c._linked_documents(bigint[], bigint) IS 'The invoices of the payment links that some payments quote, by the place of the payment.';

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

-- cash: bank statements

CREATE FUNCTION o2c._iso_date(text) RETURNS date
AS 'MODULE_PATHNAME', 'o2c_iso_date' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._iso_date(text) IS
'The day of an XML date or date with time, as it is written there: no time zone moves it. Null when the text is not one. Never an error.';

CREATE FUNCTION o2c._decimal(text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN $1 ~ '^[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})$' THEN CAST($1 AS numeric) END;
COMMENT ON FUNCTION o2c._decimal(text) IS 'The number that a text is, or null. Never an error.';

CREATE FUNCTION o2c._xml_texts(fragment xml) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT string_agg(btrim(t.content, E' \t\r\n'), E'\n' ORDER BY t.n)
            FROM XMLTABLE('/x/*' PASSING xmlelement(name x, fragment) COLUMNS n FOR ORDINALITY, content text PATH 'string(.)') t
            WHERE btrim(t.content, E' \t\r\n') <> '');
END $$;
COMMENT ON FUNCTION o2c._xml_texts(xml) IS 'The texts of some elements, one a line.';

CREATE FUNCTION o2c._xml_charges(fragment xml, xmlns text) RETURNS TABLE (amount numeric, currency text, problem text)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    WITH record AS (
        SELECT c.value, c.unit, o2c._decimal(c.value) * CASE WHEN c.indicator = 'CRDT' THEN -1 ELSE 1 END AS charged
        -- version 2 repeats Chrgs, later ones have records in it; without either there is a total
        FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), '/x/c:Chrgs/c:Rcrd | /x/c:Chrgs[not(c:Rcrd)]' PASSING xmlelement(name x, fragment)
                      COLUMNS value text PATH 'normalize-space((c:Amt | c:TtlChrgsAndTaxAmt)[last()])',
                              unit text PATH 'string((c:Amt | c:TtlChrgsAndTaxAmt)[last()]/@Ccy)',
                              indicator text PATH 'normalize-space(c:CdtDbtInd)', included text PATH 'normalize-space(c:ChrgInclInd)') c
        WHERE c.included NOT IN ('false', '0') AND c.value <> ''
    )
    SELECT sum(r.charged), min(r.unit),
           CASE WHEN bool_or(r.charged IS NULL) THEN format('the charge %L is not a number', min(r.value) FILTER (WHERE r.charged IS NULL))
                WHEN min(r.unit) <> max(r.unit) THEN 'the charges are in several currencies' END
    FROM record r;
END $$;
COMMENT ON FUNCTION o2c._xml_charges(xml, text) IS 'The sum of the charges that an amount includes, positive when they cost us, and their currency.';

CREATE FUNCTION o2c._read_statements(document xml, xmlns text, path text)
RETURNS TABLE (no integer, reference text, sequence_number text, page text, last_page text, created text, from_on text, to_on text,
               account text, currency text, bic text, owner text, entries bigint, balances bigint,
               announced text, credits text, debits text,
               balance_currency text, entry_currency text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT s.* FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), path PASSING document COLUMNS
        no FOR ORDINALITY,
        reference text PATH 'normalize-space(c:Id)',
        sequence_number text PATH 'normalize-space(c:ElctrncSeqNb)',
        page text PATH 'normalize-space((c:StmtPgntn | c:NtfctnPgntn)/c:PgNb)',
        last_page text PATH 'normalize-space((c:StmtPgntn | c:NtfctnPgntn)/c:LastPgInd)',
        created text PATH 'normalize-space(c:CreDtTm)',
        from_on text PATH 'normalize-space(c:FrToDt/c:FrDtTm)',
        to_on text PATH 'normalize-space(c:FrToDt/c:ToDtTm)',
        account text PATH 'normalize-space(c:Acct/c:Id/c:IBAN | c:Acct/c:Id/c:Othr/c:Id)',
        currency text PATH 'normalize-space(c:Acct/c:Ccy)',
        bic text PATH 'normalize-space(c:Acct/c:Svcr/c:FinInstnId/c:BIC | c:Acct/c:Svcr/c:FinInstnId/c:BICFI)',
        owner text PATH 'normalize-space(c:Acct/c:Ownr/c:Nm)',
        entries bigint PATH 'count(c:Ntry)',
        balances bigint PATH 'count(c:Bal)',
        announced text PATH 'normalize-space(c:TxsSummry/c:TtlNtries/c:NbOfNtries)',
        credits text PATH 'normalize-space(c:TxsSummry/c:TtlCdtNtries/c:Sum)',
        debits text PATH 'normalize-space(c:TxsSummry/c:TtlDbtNtries/c:Sum)',
        balance_currency text PATH 'string(c:Bal[1]/c:Amt/@Ccy)',
        entry_currency text PATH 'string(c:Ntry[1]/c:Amt/@Ccy)') s;
END $$;
COMMENT ON FUNCTION o2c._read_statements(xml, text, text) IS 'The statements of a camt document as they are written. What is missing is empty.';

CREATE FUNCTION o2c._read_balances(document xml, xmlns text, path text)
RETURNS TABLE (no integer, kind text, amount text, currency text, indicator text, day text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT b.* FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), (path || '/c:Bal') PASSING document COLUMNS
        no FOR ORDINALITY,
        kind text PATH 'normalize-space(c:Tp/c:CdOrPrtry/*)',
        amount text PATH 'normalize-space(c:Amt)',
        currency text PATH 'string(c:Amt/@Ccy)',
        indicator text PATH 'normalize-space(c:CdtDbtInd)',
        day text PATH 'normalize-space(c:Dt/*)') b;
END $$;
COMMENT ON FUNCTION o2c._read_balances(xml, text, text) IS 'The balances of a camt document as they are written, in its order.';

CREATE FUNCTION o2c._trimmed(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(btrim($1, E' \t\r\n'), '');
COMMENT ON FUNCTION o2c._trimmed(text) IS 'A text without the blanks around it, null when nothing is left.';

CREATE FUNCTION o2c._reference_given(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN upper(btrim($1, E' \t\r\n')) NOT IN ('', 'NOTPROVIDED', 'NONREF', 'NOTAVAILABLE') THEN btrim($1, E' \t\r\n') END;
COMMENT ON FUNCTION o2c._reference_given(text) IS 'A reference, null for what banks write where there is none.';

CREATE FUNCTION o2c._takes_back(reversal boolean, return_reason text, subfamily text, proprietary_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(reversal, false) OR return_reason IS NOT NULL
    OR coalesce(subfamily IN ('RRTN', 'RPCR', 'UPDD', 'PRDD', 'RCDD', 'UPCQ', 'CQRV', 'UPCT', 'ARET', 'AREV'), false)
    OR coalesce(starts_with(proprietary_code, 'NRTI'), false);
COMMENT ON FUNCTION o2c._takes_back(boolean, text, text, text) IS
'Whether a bank line takes an earlier one back: by its reversal indicator, a return reason, or its bank transaction code (ISO 20022 subfamilies of returns and reversals, SWIFT RTI).';

CREATE FUNCTION o2c._read_entries(document xml, xmlns text, path text)
RETURNS TABLE (no integer, amount numeric, currency text, status text, reversal boolean, booked_on date, value_on date, bank_reference text,
               domain text, family text, subfamily text, proprietary_code text, charges numeric, charges_currency text,
               original_amount numeric, original_currency text, exchange_rate numeric, batch_reference text, information text, details bigint, problem text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT e.no, o2c._decimal(t.amount) * CASE t.indicator WHEN 'CRDT' THEN 1 WHEN 'DBIT' THEN -1 END, t.currency, t.status, coalesce(t.reversal IN ('true', '1'), false),
           o2c._iso_date(t.booked), o2c._iso_date(t.valued), o2c._reference_given(e.bank_reference),
           o2c._trimmed(e.domain), o2c._trimmed(e.family), o2c._trimmed(e.subfamily), o2c._trimmed(e.proprietary_code), c.amount, c.currency,
           o2c._decimal(t.original_amount), o2c._trimmed(e.original_currency), o2c._decimal(t.exchange_rate),
           o2c._trimmed(e.batch_reference), o2c._trimmed(e.information), e.details,
           CASE WHEN t.amount IS NULL THEN 'the amount is missing'
                WHEN o2c._decimal(t.amount) IS NULL THEN format('the amount %L is not a number', left(t.amount, 40))
                WHEN o2c._decimal(t.amount) < 0 THEN format('the amount %s is negative: CdtDbtInd says which way it goes', t.amount)
                WHEN t.indicator IS NULL THEN 'the credit or debit indicator is missing'
                WHEN t.indicator NOT IN ('CRDT', 'DBIT') THEN format('the credit or debit indicator %L is neither CRDT nor DBIT', left(t.indicator, 40))
                WHEN t.status IS NULL THEN 'the status is missing'
                WHEN t.reversal NOT IN ('true', 'false', '1', '0') THEN format('the reversal indicator %L is neither true nor false', left(t.reversal, 40))
                WHEN t.booked IS NOT NULL AND o2c._iso_date(t.booked) IS NULL THEN format('the booking date %L is not a date', left(t.booked, 40))
                WHEN t.valued IS NOT NULL AND o2c._iso_date(t.valued) IS NULL THEN format('the value date %L is not a date', left(t.valued, 40))
                WHEN t.original_amount IS NOT NULL AND o2c._decimal(t.original_amount) IS NULL THEN format('the instructed amount %L is not a number', left(t.original_amount, 40))
                ELSE c.problem END
    FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), (path || '/c:Ntry') PASSING document COLUMNS
        no FOR ORDINALITY,
        amount text PATH 'c:Amt',
        currency text PATH 'c:Amt/@Ccy',
        indicator text PATH 'c:CdtDbtInd',
        status text PATH 'c:Sts/c:Cd | c:Sts/c:Prtry | c:Sts[not(*)]',
        reversal text PATH 'c:RvslInd',
        booked text PATH 'c:BookgDt/*',
        valued text PATH 'c:ValDt/*',
        bank_reference text PATH 'c:AcctSvcrRef',
        domain text PATH 'c:BkTxCd/c:Domn/c:Cd',
        family text PATH 'c:BkTxCd/c:Domn/c:Fmly/c:Cd',
        subfamily text PATH 'c:BkTxCd/c:Domn/c:Fmly/c:SubFmlyCd',
        proprietary_code text PATH 'c:BkTxCd/c:Prtry/c:Cd',
        charges xml PATH 'c:Chrgs',
        original_amount text PATH 'c:AmtDtls/c:InstdAmt/c:Amt',
        original_currency text PATH 'c:AmtDtls/c:InstdAmt/c:Amt/@Ccy',
        exchange_rate text PATH '(c:AmtDtls/c:InstdAmt/c:CcyXchg/c:XchgRate | c:AmtDtls/c:TxAmt/c:CcyXchg/c:XchgRate | c:AmtDtls/c:CntrValAmt/c:CcyXchg/c:XchgRate)[1]',
        batch_reference text PATH '(c:NtryDtls/c:Btch/c:PmtInfId | c:NtryDtls/c:Btch/c:MsgId)[last()]',
        information text PATH 'c:AddtlNtryInf',
        details bigint PATH 'count(c:NtryDtls/c:TxDtls)') e
    CROSS JOIN LATERAL (SELECT o2c._trimmed(e.amount) AS amount, o2c._trimmed(e.currency) AS currency, o2c._trimmed(e.indicator) AS indicator,
                               o2c._trimmed(e.status) AS status, o2c._trimmed(e.reversal) AS reversal, o2c._trimmed(e.booked) AS booked, o2c._trimmed(e.valued) AS valued,
                               o2c._trimmed(e.original_amount) AS original_amount, o2c._trimmed(e.exchange_rate) AS exchange_rate) t
    LEFT JOIN LATERAL o2c._xml_charges(e.charges, xmlns) c ON true;
END $$;
COMMENT ON FUNCTION o2c._read_entries(xml, text, text) IS
'The entries of a camt document in its order, debits negative, each with what is wrong with it or null, and the number of its transactions.';

CREATE FUNCTION o2c._read_transactions(document xml, xmlns text, path text)
RETURNS TABLE (no integer, sign integer, amount numeric, currency text, transaction_amount numeric, transaction_currency text,
               original_amount numeric, original_currency text, exchange_rate numeric,
               bank_reference text, end_to_end_id text, transaction_id text, batch_reference text, mandate text,
               domain text, family text, subfamily text, proprietary_code text, charges numeric, charges_currency text,
               debtor text, debtor_account text, debtor_bic text, ultimate_debtor text, creditor text, creditor_account text, creditor_bic text, ultimate_creditor text,
               structured_reference text, document_numbers text, remittance text, information text, return_reason text, problem text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT t.no, CASE n.indicator WHEN 'CRDT' THEN 1 WHEN 'DBIT' THEN -1 END, o2c._decimal(n.amount), o2c._trimmed(t.currency),
           o2c._decimal(n.transaction_amount), o2c._trimmed(t.transaction_currency), o2c._decimal(n.original_amount), o2c._trimmed(t.original_currency),
           o2c._decimal(n.exchange_rate), o2c._reference_given(t.bank_reference), o2c._reference_given(t.end_to_end_id), o2c._reference_given(t.transaction_id),
           o2c._trimmed(t.batch_reference), o2c._trimmed(t.mandate),
           o2c._trimmed(t.domain), o2c._trimmed(t.family), o2c._trimmed(t.subfamily), o2c._trimmed(t.proprietary_code), c.amount, c.currency,
           o2c._trimmed(t.debtor), o2c._trimmed(t.debtor_account), o2c._trimmed(t.debtor_bic), o2c._trimmed(t.ultimate_debtor),
           o2c._trimmed(t.creditor), o2c._trimmed(t.creditor_account), o2c._trimmed(t.creditor_bic), o2c._trimmed(t.ultimate_creditor),
           nullif(concat_ws(' ', o2c._trimmed(t.reference), replace(o2c._xml_texts(t.more_references), E'\n', ' ')), ''),
           replace(o2c._xml_texts(t.document_numbers), E'\n', ' '),
           nullif(concat_ws(E'\n', o2c._trimmed(t.remittance), o2c._xml_texts(t.more_remittance)), ''),
           nullif(concat_ws(E'\n', o2c._xml_texts(t.additional), o2c._trimmed(t.information)), ''),
           coalesce(o2c._trimmed(t.return_reason), CASE WHEN t.returned THEN 'none given' END),
           CASE WHEN n.indicator NOT IN ('CRDT', 'DBIT') THEN format('the credit or debit indicator %L is neither CRDT nor DBIT', left(n.indicator, 40))
                WHEN b.wrong IS NOT NULL THEN format('the amount %L of a transaction is not a number', left(b.wrong, 40))
                WHEN least(o2c._decimal(n.amount), o2c._decimal(n.transaction_amount), o2c._decimal(n.original_amount)) < 0
                    THEN 'the amount of a transaction is negative: CdtDbtInd says which way it goes'
                ELSE c.problem END
    FROM XMLTABLE(XMLNAMESPACES(xmlns AS c), (path || '/c:Ntry/c:NtryDtls/c:TxDtls') PASSING document COLUMNS
        no FOR ORDINALITY,
        amount text PATH 'c:Amt',
        currency text PATH 'c:Amt/@Ccy',
        indicator text PATH 'c:CdtDbtInd',
        transaction_amount text PATH 'c:AmtDtls/c:TxAmt/c:Amt',
        transaction_currency text PATH 'c:AmtDtls/c:TxAmt/c:Amt/@Ccy',
        original_amount text PATH 'c:AmtDtls/c:InstdAmt/c:Amt',
        original_currency text PATH 'c:AmtDtls/c:InstdAmt/c:Amt/@Ccy',
        exchange_rate text PATH '(c:AmtDtls/c:InstdAmt/c:CcyXchg/c:XchgRate | c:AmtDtls/c:TxAmt/c:CcyXchg/c:XchgRate | c:AmtDtls/c:CntrValAmt/c:CcyXchg/c:XchgRate)[1]',
        bank_reference text PATH 'c:Refs/c:AcctSvcrRef',
        end_to_end_id text PATH 'c:Refs/c:EndToEndId',
        transaction_id text PATH '(c:Refs/c:UETR | c:Refs/c:TxId | c:Refs/c:InstrId)[last()]',
        batch_reference text PATH 'c:Refs/c:PmtInfId',
        mandate text PATH 'c:Refs/c:MndtId',
        domain text PATH 'c:BkTxCd/c:Domn/c:Cd',
        family text PATH 'c:BkTxCd/c:Domn/c:Fmly/c:Cd',
        subfamily text PATH 'c:BkTxCd/c:Domn/c:Fmly/c:SubFmlyCd',
        proprietary_code text PATH 'c:BkTxCd/c:Prtry/c:Cd',
        charges xml PATH 'c:Chrgs',
        -- a party is a name, from version 8 on a person or organisation, or an agent
        debtor text PATH 'c:RltdPties/c:Dbtr/c:Nm | c:RltdPties/c:Dbtr/c:Pty/c:Nm | c:RltdPties/c:Dbtr/c:Agt/c:FinInstnId/c:Nm',
        creditor text PATH 'c:RltdPties/c:Cdtr/c:Nm | c:RltdPties/c:Cdtr/c:Pty/c:Nm | c:RltdPties/c:Cdtr/c:Agt/c:FinInstnId/c:Nm',
        ultimate_debtor text PATH 'c:RltdPties/c:UltmtDbtr/c:Nm | c:RltdPties/c:UltmtDbtr/c:Pty/c:Nm | c:RltdPties/c:UltmtDbtr/c:Agt/c:FinInstnId/c:Nm',
        ultimate_creditor text PATH 'c:RltdPties/c:UltmtCdtr/c:Nm | c:RltdPties/c:UltmtCdtr/c:Pty/c:Nm | c:RltdPties/c:UltmtCdtr/c:Agt/c:FinInstnId/c:Nm',
        debtor_account text PATH 'c:RltdPties/c:DbtrAcct/c:Id/c:IBAN | c:RltdPties/c:DbtrAcct/c:Id/c:Othr/c:Id',
        creditor_account text PATH 'c:RltdPties/c:CdtrAcct/c:Id/c:IBAN | c:RltdPties/c:CdtrAcct/c:Id/c:Othr/c:Id',
        debtor_bic text PATH 'c:RltdAgts/c:DbtrAgt/c:FinInstnId/c:BIC | c:RltdAgts/c:DbtrAgt/c:FinInstnId/c:BICFI',
        creditor_bic text PATH 'c:RltdAgts/c:CdtrAgt/c:FinInstnId/c:BIC | c:RltdAgts/c:CdtrAgt/c:FinInstnId/c:BICFI',
        reference text PATH '(c:RmtInf/c:Strd/c:CdtrRefInf/c:Ref)[1]',
        more_references xml PATH '(c:RmtInf/c:Strd/c:CdtrRefInf/c:Ref)[position() > 1]',
        document_numbers xml PATH 'c:RmtInf/c:Strd/c:RfrdDocInf/c:Nb',
        remittance text PATH 'c:RmtInf/c:Ustrd[1]',
        more_remittance xml PATH 'c:RmtInf/c:Ustrd[position() > 1]',
        additional xml PATH 'c:RmtInf/c:Strd/c:AddtlRmtInf',
        information text PATH 'c:AddtlTxInf',
        return_reason text PATH '(c:RtrInf/c:Rsn/c:Cd | c:RtrInf/c:Rsn/c:Prtry)[1]',
        returned boolean PATH 'boolean(c:RtrInf)') t
    CROSS JOIN LATERAL (SELECT o2c._trimmed(t.amount) AS amount, o2c._trimmed(t.indicator) AS indicator, o2c._trimmed(t.transaction_amount) AS transaction_amount,
                               o2c._trimmed(t.original_amount) AS original_amount, o2c._trimmed(t.exchange_rate) AS exchange_rate) n
    LEFT JOIN LATERAL (SELECT min(a.value) AS wrong FROM (VALUES (n.amount), (n.transaction_amount), (n.original_amount), (n.exchange_rate)) AS a (value)
                       WHERE a.value IS NOT NULL AND o2c._decimal(a.value) IS NULL) b ON true
    LEFT JOIN LATERAL o2c._xml_charges(t.charges, xmlns) c ON true;
END $$;
COMMENT ON FUNCTION o2c._read_transactions(xml, text, text) IS
'The transactions of all entries of a camt document in its order, each with what is wrong with it or null.';

CREATE FUNCTION o2c._stage_camt(batch text, document xml, xmlns text, path text, statements jsonb, company_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO o2c.bank_line_import (
        company_id, batch, bank_account_id, bank_statement_id, entry, position, entry_amount, identity, status, booked_on, value_on, amount, currency, charges, charges_currency,
        original_amount, original_currency, exchange_rate, bank_reference, end_to_end_id, transaction_id, batch_reference, mandate, structured_reference, document_numbers,
        remittance, information, party_name, ultimate_party, party_account, party_bic, domain, family, subfamily, proprietary_code, return_reason, reversal, note, problem)
    WITH entry AS MATERIALIZED (
        SELECT e.*, s.bank_account_id, s.bank_statement_id, s.day, s.page, (sum(e.details) OVER (ORDER BY e.no) - e.details)::bigint AS before
        FROM o2c._read_entries(document, xmlns, path) e
        JOIN (SELECT n AS no, s.* FROM jsonb_to_recordset(statements)
                  AS s (first_entry bigint, last_entry bigint, bank_account_id bigint, bank_statement_id bigint, day date, page text)
              CROSS JOIN LATERAL generate_series(s.first_entry, s.last_entry) n) s ON s.no = e.no
    ), transaction AS MATERIALIZED (
        SELECT t.* FROM o2c._read_transactions(document, xmlns, path) t
    ), part AS MATERIALIZED (
        -- what each transaction says that it is of its entry
        SELECT e.no, e.details, e.amount, e.currency, e.charges, d.n - e.before AS nth, t.no AS transaction_no, t.problem, t.amount AS said, t.currency AS said_currency,
               CASE e.currency WHEN t.currency THEN t.amount WHEN t.transaction_currency THEN t.transaction_amount WHEN t.original_currency THEN t.original_amount END
               * coalesce(t.sign, sign(e.amount)) AS part,
               t.end_to_end_id, t.structured_reference, t.document_numbers, t.remittance,
               CASE WHEN e.bank_reference IS NULL THEN concat_ws('|', t.structured_reference, t.document_numbers, t.remittance, t.transaction_id, t.mandate,
                                                                 t.debtor, t.debtor_account, t.creditor, t.creditor_account) END AS content
        FROM entry e
        LEFT JOIN LATERAL generate_series(e.before + 1, e.before + e.details) d (n) ON true
        LEFT JOIN transaction t ON t.no = d.n
    ), whole AS MATERIALIZED (
        SELECT p.no, coalesce(p.details > 1 AND count(p.part) = p.details AND sum(p.part) IN (p.amount, p.amount + p.charges), false) AS split, sum(p.part) - p.amount AS kept,
               min(p.problem) AS problem, -- short, because each line of a batch gets it
               CASE WHEN p.details > 1 THEN md5(string_agg(p.end_to_end_id, ' ' ORDER BY p.nth)) ELSE min(p.end_to_end_id) END AS ids,
               md5(string_agg(p.content, '|' ORDER BY p.nth)) AS content,
               string_agg(p.structured_reference, ' ' ORDER BY p.nth) AS structured_reference, string_agg(p.document_numbers, ' ' ORDER BY p.nth) AS document_numbers,
               string_agg(p.remittance, E'\n' ORDER BY p.nth) AS remittance,
               CASE WHEN count(p.part) < p.details AND p.details > 1 THEN format('its %s transactions do not all have amounts in %s', p.details, p.currency)
                    WHEN p.details > 1 THEN format('its %s transactions add up to %s %s', p.details, trim_scale(sum(p.part)), p.currency)
                    WHEN sum(p.part) NOT IN (p.amount, p.amount + coalesce(p.charges, 0)) THEN format('its transaction says %s %s', trim_scale(sum(p.part)), p.currency)
                    WHEN min(p.said_currency) <> p.currency THEN format('its transaction says %s %s', trim_scale(min(p.said)), min(p.said_currency)) END AS note
        FROM part p
        GROUP BY p.no, p.details, p.amount, p.charges, p.currency
    ), line AS (
        -- a transaction of a batch, or the whole entry with what its only transaction says
        SELECT p.no, CASE WHEN w.split THEN p.nth ELSE 0 END AS position, CASE WHEN w.split OR p.details = 1 THEN p.transaction_no END AS transaction_no,
               CASE WHEN w.split THEN p.part ELSE p.amount END AS amount, NULL AS subfamily
        FROM part p JOIN whole w ON w.no = p.no
        WHERE w.split OR coalesce(p.nth, 1) = 1
        UNION ALL
        -- what the bank kept of a batch is a line of its own: the lines add up to the entry
        SELECT p.no, p.details + 1, NULL, - w.kept, 'CHRG'
        FROM part p JOIN whole w ON w.no = p.no WHERE w.split AND w.kept <> 0 AND p.nth = 1
    )
    SELECT _stage_camt.company_id, _stage_camt.batch, e.bank_account_id, e.bank_statement_id, l.no, l.position, e.amount,
           coalesce('R' || coalesce(e.bank_reference, CASE WHEN e.details = 1 THEN t.bank_reference END), 'E' || w.ids,
                    'T' || concat_ws('|', e.page, e.batch_reference, e.information, w.content)),
           e.status, coalesce(e.booked_on, e.value_on, e.day), e.value_on, l.amount, e.currency,
           coalesce(t.charges, CASE WHEN NOT w.split THEN e.charges END), CASE WHEN t.charges IS NOT NULL THEN t.charges_currency WHEN NOT w.split THEN e.charges_currency END,
           o.amount, o.currency, coalesce(t.exchange_rate, CASE WHEN NOT w.split THEN e.exchange_rate END),
           coalesce(t.bank_reference, e.bank_reference), t.end_to_end_id, t.transaction_id, coalesce(t.batch_reference, e.batch_reference), t.mandate,
           CASE WHEN w.split THEN t.structured_reference ELSE w.structured_reference END, CASE WHEN w.split THEN t.document_numbers ELSE w.document_numbers END,
           CASE WHEN w.split THEN t.remittance ELSE w.remittance END, nullif(concat_ws(E'\n', t.information, e.information), ''),
           CASE WHEN k.by_debtor THEN coalesce(t.debtor, t.ultimate_debtor) ELSE coalesce(t.creditor, t.ultimate_creditor) END,
           CASE WHEN k.by_debtor THEN t.ultimate_debtor ELSE t.ultimate_creditor END, CASE WHEN k.by_debtor THEN t.debtor_account ELSE t.creditor_account END,
           CASE WHEN k.by_debtor THEN t.debtor_bic ELSE t.creditor_bic END,
           coalesce(t.domain, e.domain), coalesce(t.family, e.family), k.subfamily, k.proprietary_code, t.return_reason, e.reversal, CASE WHEN NOT w.split THEN w.note END,
           coalesce(e.problem, w.problem)
    FROM line l
    JOIN entry e ON e.no = l.no
    JOIN whole w ON w.no = l.no
    LEFT JOIN transaction t ON t.no = l.transaction_no
    -- what was instructed, or what the transaction says in another currency than the entry
    CROSS JOIN LATERAL (SELECT CASE WHEN t.original_amount IS NOT NULL THEN t.original_amount WHEN e.original_amount IS NOT NULL AND NOT w.split THEN e.original_amount
                                    WHEN t.currency <> e.currency THEN t.amount END AS amount,
                               CASE WHEN t.original_amount IS NOT NULL THEN t.original_currency WHEN e.original_amount IS NOT NULL AND NOT w.split THEN e.original_currency
                                    WHEN t.currency <> e.currency THEN t.currency END AS currency) o
    CROSS JOIN LATERAL (SELECT coalesce(l.subfamily, t.subfamily, e.subfamily) AS subfamily, coalesce(t.proprietary_code, e.proprietary_code) AS proprietary_code) c
    -- in what is taken back, payer and payee are those of the first transaction
    CROSS JOIN LATERAL (SELECT (l.amount >= 0) <> o2c._takes_back(e.reversal, t.return_reason, c.subfamily, c.proprietary_code) AS by_debtor, c.subfamily, c.proprietary_code) k
    ORDER BY l.no, l.position;
END $$;
COMMENT ON FUNCTION o2c._stage_camt(text, xml, text, text, jsonb, bigint) IS
'Puts the entries of a camt document into o2c.bank_line_import: a batch whose transactions add up to it (before or after its charges) as a line for each, any other entry as one line.';

CREATE FUNCTION o2c._judge_bank_lines(batch text, company_id bigint) RETURNS TABLE (import_id bigint, bank_account_id bigint, currency text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT r.import_id, a.bank_account_id, coalesce(r.currency, a.currency), CASE
        WHEN r.account IS NULL AND r.bank_account_id IS NULL AND a.candidates > 1 THEN 'the account is missing'
        WHEN a.candidates > 1 THEN format('account %L has several currencies: name one', r.account)
        WHEN a.bank_account_id IS NULL THEN coalesce(format('there is no bank account %L', r.account || coalesce(' in ' || r.currency, '')), 'there is no bank account')
        WHEN NOT a.active THEN format('bank account %L is not active', a.account)
        WHEN u.currency IS NULL THEN format('there is no currency %L', coalesce(r.currency, a.currency))
        WHEN o2c._amount_problem(abs(r.amount), u.currency) IS NOT NULL THEN 'the amount ' || o2c._amount_problem(abs(r.amount), u.currency)
        WHEN o2c._date_problem(r.booked_on) IS NOT NULL THEN 'the booking date ' || o2c._date_problem(r.booked_on)
        WHEN r.value_on IS NOT NULL AND o2c._date_problem(r.value_on) IS NOT NULL THEN 'the value date ' || o2c._date_problem(r.value_on)
        WHEN r.charges IS NOT NULL AND c.currency IS NULL THEN format('there is no currency %L of the charges', r.charges_currency)
        WHEN r.charges IS NOT NULL AND o2c._amount_problem(abs(r.charges), c.currency) IS NOT NULL THEN 'the charge ' || o2c._amount_problem(abs(r.charges), c.currency)
        WHEN r.original_amount IS NOT NULL AND o.currency IS NULL THEN format('there is no currency %L of the original amount', r.original_currency)
        WHEN r.original_amount IS NOT NULL AND o2c._amount_problem(r.original_amount, o.currency) IS NOT NULL THEN 'the original amount ' || o2c._amount_problem(r.original_amount, o.currency)
        WHEN r.exchange_rate <= 0 OR r.exchange_rate >= 1e15 THEN 'the exchange rate is not a number above zero'
        WHEN r.status = '' THEN 'the status is empty'
        -- what is looked up by an index, or shown in a column of a list
        WHEN greatest(length(r.bank_reference), length(r.end_to_end_id), length(r.transaction_id), length(r.batch_reference), length(r.mandate), length(r.party_account),
                      length(r.party_bic), length(r.domain), length(r.family), length(r.subfamily), length(r.proprietary_code), length(r.return_reason), length(r.status)) > 140
            THEN 'a reference or code is longer than 140 characters'
        WHEN greatest(length(r.party_name), length(r.ultimate_party)) > 350 THEN 'a name is longer than 350 characters'
        END
    FROM o2c.bank_line_import r
    LEFT JOIN LATERAL (SELECT min(a.bank_account_id) AS bank_account_id, min(a.account) AS account, min(a.currency) AS currency, bool_and(a.active) AS active, count(*) AS candidates
                       FROM o2c.bank_account a
                       WHERE a.company_id = _judge_bank_lines.company_id
                         AND CASE WHEN r.bank_account_id IS NOT NULL THEN a.bank_account_id = r.bank_account_id
                                  ELSE (r.account IS NULL OR a.account = o2c.account_key(r.account)) AND (r.currency IS NULL OR a.currency = r.currency) END) a ON true
    LEFT JOIN o2c.currency u ON u.currency = coalesce(r.currency, a.currency)
    LEFT JOIN o2c.currency c ON c.currency = coalesce(r.charges_currency, r.currency, a.currency)
    LEFT JOIN o2c.currency o ON o.currency = coalesce(r.original_currency, r.currency, a.currency)
    WHERE r.company_id = _judge_bank_lines.company_id AND r.batch = _judge_bank_lines.batch;
END $$;
COMMENT ON FUNCTION o2c._judge_bank_lines(text, bigint) IS 'The rows of a batch of bank lines, each with its account, its currency, and what is wrong with it or null.';

CREATE FUNCTION o2c._returned_payments(company_id bigint)
RETURNS TABLE (bank_line_id bigint, payment_id bigint, customer_id bigint, booked_on date, return_reason text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH found AS (
        -- a bank may return what counts, or was settled by hand, from a later day on
        SELECT l.bank_line_id, p.payment_id, p.customer_id, greatest(l.booked_on, p.received_on, s.last_on) AS booked_on, l.return_reason,
               count(*) OVER (PARTITION BY l.bank_line_id) AS payments, row_number() OVER (PARTITION BY p.payment_id ORDER BY l.bank_line_id) AS place
        FROM o2c.bank_line l
        CROSS JOIN LATERAL (SELECT b.payment_id FROM o2c.bank_line b
                            WHERE b.company_id = _returned_payments.company_id AND b.kind = 'receipt' AND b.end_to_end_id = l.end_to_end_id
                            UNION
                            SELECT b.payment_id FROM o2c.bank_line b
                            WHERE b.company_id = _returned_payments.company_id AND b.kind = 'receipt' AND b.bank_reference = l.bank_reference
                            UNION
                            SELECT d.payment_id FROM o2c.direct_debit d
                            WHERE d.company_id = _returned_payments.company_id AND d.end_to_end_id = o2c.account_key(l.end_to_end_id)) b
        JOIN o2c.payment p ON p.company_id = _returned_payments.company_id AND p.payment_id = b.payment_id
        CROSS JOIN LATERAL (SELECT max(s.effective_on) AS last_on FROM o2c.payment_clearing s
                            WHERE s.company_id = _returned_payments.company_id AND s.payment_id = p.payment_id) s
        WHERE l.company_id = _returned_payments.company_id AND l.kind = 'return' AND l.payment_id IS NULL AND l.closed_at IS NULL
          AND p.clearing IN ('captured', 'settled') AND p.currency = l.currency AND (p.received_on <= l.booked_on OR p.provider = 'direct_debit')
          -- as it was booked, before the charges of the return, or as it was instructed
          AND p.amount IN (- l.amount, - l.gross_amount, CASE WHEN l.original_currency = l.currency THEN l.original_amount END)
    )
    SELECT f.bank_line_id, f.payment_id, f.customer_id, f.booked_on, f.return_reason
    FROM found f WHERE f.payments = 1 AND f.place = 1 ORDER BY f.bank_line_id;
END $$;
COMMENT ON FUNCTION o2c._returned_payments(bigint) IS
'The bank lines that take a payment back and name exactly one, by the end-to-end id or the bank''s reference and by its amount.';

CREATE FUNCTION o2c._collected_by(end_to_end_id text, batch_reference text, company_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.direct_debit_id FROM o2c.direct_debit d
    WHERE d.company_id = _collected_by.company_id AND d.end_to_end_id = o2c.account_key(_collected_by.end_to_end_id);
    IF FOUND THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT d.direct_debit_id
    FROM o2c.direct_debit_batch b
    -- the parts are numbered as o2c._print_direct_debits() does
    CROSS JOIN LATERAL (SELECT d.direct_debit_id, dense_rank() OVER (ORDER BY m.scheme, d.sequence_type) AS place
                        FROM o2c.direct_debit d
                        JOIN o2c.mandate m ON m.company_id = d.company_id AND m.mandate_id = d.mandate_id
                        WHERE d.company_id = _collected_by.company_id AND d.batch_id = b.batch_id) d
    WHERE b.company_id = _collected_by.company_id
      AND b.message_id IN (_collected_by.batch_reference, regexp_replace(_collected_by.batch_reference, '-[0-9]+$', ''))
      AND _collected_by.batch_reference IN (b.message_id, b.message_id || '-' || d.place);
END $$;
COMMENT ON FUNCTION o2c._collected_by(text, text, bigint) IS
'The direct debits that a bank line names: by its end-to-end id, else those of the message or the part of it that is the reference of its batch.';

CREATE FUNCTION o2c._collections(company_id bigint)
RETURNS TABLE (bank_line_id bigint, direct_debit_id bigint, payment_id bigint, customer_id bigint, alone boolean, captured boolean, settled_on date, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH debit AS MATERIALIZED (
        SELECT l.bank_line_id, l.amount, l.gross_amount, d.direct_debit_id, d.payment_id, d.customer_id, d.amount AS debited, p.clearing = 'captured' AS captured,
               greatest(l.booked_on, p.received_on, (SELECT max(s.effective_on) FROM o2c.payment_clearing s
                                                     WHERE s.company_id = _collections.company_id AND s.payment_id = p.payment_id)) AS settled_on,
               p.state <> 'reversed' AS stays,
               -- what came back later, or by a line of its own, was credited before
               p.state <> 'reversed' OR p.reversed_on >= l.booked_on
               OR EXISTS (SELECT FROM o2c.bank_line b WHERE b.company_id = _collections.company_id AND b.payment_id = p.payment_id AND b.kind = 'return') AS came
        FROM o2c.bank_line l
        LEFT JOIN LATERAL o2c._collected_by(l.end_to_end_id, l.batch_reference, _collections.company_id) n (direct_debit_id) ON true
        LEFT JOIN o2c.direct_debit d ON d.company_id = _collections.company_id AND d.direct_debit_id = n.direct_debit_id AND d.bank_line_id IS NULL
        LEFT JOIN o2c.payment p ON p.company_id = _collections.company_id AND p.payment_id = d.payment_id AND p.currency = l.currency
        WHERE l.company_id = _collections.company_id AND l.kind = 'collection' AND l.payment_id IS NULL AND l.closed_at IS NULL
    ), line AS (
        SELECT e.bank_line_id, count(e.direct_debit_id) AS debits, coalesce(sum(e.debited) FILTER (WHERE e.stays), 0) AS net,
               CASE WHEN sum(e.debited) FILTER (WHERE e.stays) IN (e.amount, e.gross_amount) THEN 'net'
                    WHEN sum(e.debited) FILTER (WHERE e.came) IN (e.amount, e.gross_amount) THEN 'gross' ELSE 'none' END AS agrees
        FROM debit e GROUP BY e.bank_line_id, e.amount, e.gross_amount
    ), part AS (
        SELECT e.*, t.debits, t.net, t.agrees, row_number() OVER (PARTITION BY e.direct_debit_id, t.agrees = 'none' ORDER BY e.bank_line_id) AS place
        FROM debit e JOIN line t ON t.bank_line_id = e.bank_line_id
        WHERE CASE t.agrees WHEN 'net' THEN e.stays WHEN 'gross' THEN e.came ELSE true END
    )
    SELECT e.bank_line_id, e.direct_debit_id, e.payment_id, e.customer_id, count(*) OVER w = 1, e.captured, e.settled_on,
           CASE WHEN e.debits = 0 THEN 'it names no direct debit that was not credited before'
                WHEN e.agrees = 'none' THEN format('it credits %s, its direct debits are %s', trim_scale(e.amount), trim_scale(e.net))
                WHEN max(e.place) OVER w > 1 THEN 'another bank line credits the same direct debits' END
    FROM part e
    WINDOW w AS (PARTITION BY e.bank_line_id);
END $$;
COMMENT ON FUNCTION o2c._collections(bigint) IS
'The bank lines that credit direct debits and did not settle them yet, with these. A line has a problem unless its amount, as booked or before charges, is the sum of the direct debits that did not come back, or of these and those that came back later or by a line of their own.';

CREATE FUNCTION o2c._tie_collections(company_id bigint) RETURNS TABLE (payment_id bigint, settled_on date)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH found AS MATERIALIZED (
        SELECT c.* FROM o2c._collections(_tie_collections.company_id) c WHERE c.problem IS NULL
    ), tied AS (
        UPDATE o2c.direct_debit d SET bank_line_id = f.bank_line_id FROM found f
        WHERE d.company_id = _tie_collections.company_id AND d.direct_debit_id = f.direct_debit_id
    ), closed AS (
        UPDATE o2c.bank_line l SET payment_id = CASE WHEN f.alone THEN f.payment_id END, problem = NULL,
               closed_at = clock_timestamp(), closed_by = o2c.actor(), closed_note = 'settled direct debits'
        FROM (SELECT f.bank_line_id, f.alone, min(f.payment_id) AS payment_id FROM found f GROUP BY f.bank_line_id, f.alone) f
        WHERE l.company_id = _tie_collections.company_id AND l.bank_line_id = f.bank_line_id
    )
    SELECT f.payment_id, f.settled_on FROM found f WHERE f.captured ORDER BY f.payment_id;
END $$;
COMMENT ON FUNCTION o2c._tie_collections(bigint) IS
'Closes the bank lines that credit direct debits and agree with them. Result: the payments that are to be settled now, and the day. Runs inside a command only.';

CREATE FUNCTION o2c._follow_bank_lines(company_id bigint) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'o2c_follow_bank_lines' LANGUAGE C VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._follow_bank_lines(bigint) IS
'Settles the direct debits that bank lines credit, and reverses the payments that bank lines take back. Result: the latter lines.';

CREATE FUNCTION o2c._lock_bank_accounts(accounts bigint[], company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM FROM o2c.bank_account a WHERE a.company_id = _lock_bank_accounts.company_id AND a.bank_account_id = ANY (accounts)
    ORDER BY a.bank_account_id FOR NO KEY UPDATE;
END $$;
COMMENT ON FUNCTION o2c._lock_bank_accounts(bigint[], bigint) IS 'Who imports for the same account waits here, and then knows what was booked.';

CREATE FUNCTION o2c._book_bank_lines(batch text, company_id bigint)
RETURNS TABLE (bank_statement_id bigint, bank_account_id bigint, lines bigint, new_lines bigint, payments bigint, received numeric, taken_back bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    booking text := 'bank lines ' || gen_random_uuid();
    expected bigint;
    whole record;
    counted jsonb;
    returns bigint[];
BEGIN
    PERFORM o2c._lock_bank_accounts((SELECT array_agg(DISTINCT r.bank_account_id) FROM o2c.bank_line_import r
                                     WHERE r.company_id = _book_bank_lines.company_id AND r.batch = _book_bank_lines.batch), _book_bank_lines.company_id);
    WITH told AS (
        SELECT r.import_id, r.bank_account_id, r.end_to_end_id, r.batch_reference, coalesce(r.entry, r.import_id) AS entry, coalesce(r.position, 0) AS position,
               -- the same money has the same key, whichever message tells of it; the n-th equal entry is one of its own
               md5(jsonb_build_array(r.booked_on, trim_scale(coalesce(r.entry_amount, r.amount)), r.currency, nullif(r.status, 'BOOK'),
                   CASE WHEN r.entry IS NOT NULL THEN r.identity
                        ELSE coalesce('I' || r.identity, 'R' || r.bank_reference, 'E' || r.end_to_end_id,
                                      'T' || concat_ws('|', r.batch_reference, r.information, r.structured_reference, r.document_numbers, r.remittance, r.transaction_id,
                                                       r.mandate, r.party_name, r.party_account)) END)::text) AS entry_key,
               o2c._takes_back(r.reversal, r.return_reason, r.subfamily, r.proprietary_code) AS takes_back,
               coalesce(r.subfamily IN ('CHRG', 'COMM', 'COME', 'COMI', 'COMT', 'FEES'), false) AS charge
        FROM o2c.bank_line_import r
        WHERE r.company_id = _book_bank_lines.company_id AND r.batch = _book_bank_lines.batch
    ), counted AS (
        SELECT t.*, dense_rank() OVER (PARTITION BY t.bank_account_id, t.entry_key ORDER BY t.entry) AS occurrence FROM told t
    )
    UPDATE o2c.bank_line_import r
    SET entry_key = c.entry_key, occurrence = c.occurrence, position = c.position,
        kind = CASE WHEN k.bank_line_id IS NOT NULL THEN 'known'
                    WHEN r.status <> 'BOOK' OR r.amount = 0 THEN 'information'
                    WHEN r.amount > 0 THEN CASE WHEN c.takes_back OR c.charge THEN 'correction' WHEN d.direct_debit THEN 'collection' ELSE 'receipt' END
                    WHEN c.takes_back THEN 'return' WHEN c.charge THEN 'charge' ELSE 'debit' END
    FROM counted c
    -- a whole batch that nobody has worked on gives way to its transactions
    LEFT JOIN LATERAL (SELECT b.bank_line_id FROM o2c.bank_line b
                       LEFT JOIN o2c.payment p ON p.company_id = b.company_id AND p.payment_id = b.payment_id
                       WHERE b.company_id = _book_bank_lines.company_id AND b.bank_account_id = c.bank_account_id
                         AND b.entry_key = c.entry_key AND b.occurrence = c.occurrence
                         AND NOT (c.position > 0 AND b.position = 0 AND b.closed_at IS NULL
                                  AND (b.payment_id IS NULL OR (p.state = 'received' AND p.customer_id IS NULL))) LIMIT 1) k ON true
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM o2c.direct_debit t WHERE t.company_id = _book_bank_lines.company_id AND t.end_to_end_id = o2c.account_key(c.end_to_end_id))
                            OR EXISTS (SELECT FROM o2c.direct_debit_batch t WHERE t.company_id = _book_bank_lines.company_id
                                         AND t.message_id IN (c.batch_reference, regexp_replace(c.batch_reference, '-[0-9]+$', ''))) AS direct_debit) d
    WHERE r.company_id = _book_bank_lines.company_id AND r.import_id = c.import_id;

    FOR whole IN SELECT DISTINCT b.bank_line_id, b.payment_id, b.booked_on
                 FROM o2c.bank_line_import r
                 JOIN o2c.bank_line b ON b.company_id = _book_bank_lines.company_id AND b.bank_account_id = r.bank_account_id
                     AND b.entry_key = r.entry_key AND b.occurrence = r.occurrence AND b.position = 0
                 WHERE r.company_id = _book_bank_lines.company_id AND r.batch = _book_bank_lines.batch AND r.kind <> 'known' AND r.position > 0
                 ORDER BY b.bank_line_id LOOP
        IF whole.payment_id IS NOT NULL THEN
            PERFORM o2c.void_payment(whole.payment_id, whole.booked_on, 'booked as its transactions', company_id => _book_bank_lines.company_id);
        END IF;
        UPDATE o2c.bank_line b SET closed_at = clock_timestamp(), closed_by = o2c.actor(), closed_note = 'booked as its transactions'
        WHERE b.company_id = _book_bank_lines.company_id AND b.bank_line_id = whole.bank_line_id;
    END LOOP;

    INSERT INTO o2c.payment_import (company_id, batch, reference, received_on, amount, charges, currency, method, payer_name, payer_account, provider, provider_reference)
    SELECT _book_bank_lines.company_id, booking, left(coalesce(nullif(concat_ws(' ', r.structured_reference, r.document_numbers, r.remittance), ''), r.end_to_end_id), 4000),
           -- the amount is net of what banks kept
           r.booked_on, r.amount, CASE WHEN r.charges > 0 AND coalesce(r.charges_currency, r.currency) = r.currency THEN r.charges END, r.currency,
           CASE r.family WHEN 'IDDT' THEN 'direct_debit' WHEN 'CCRD' THEN 'card' WHEN 'MCRD' THEN 'card' WHEN 'ICHQ' THEN 'cheque' WHEN 'RCHQ' THEN 'cheque'
                         WHEN 'CNTR' THEN 'cash' ELSE 'transfer' END,
           r.party_name, r.party_account, a.account, concat_ws('/', r.entry_key, r.occurrence, r.position)
    FROM o2c.bank_line_import r
    JOIN o2c.bank_account a ON a.company_id = _book_bank_lines.company_id AND a.bank_account_id = r.bank_account_id
    WHERE r.company_id = _book_bank_lines.company_id AND r.batch = _book_bank_lines.batch AND r.kind = 'receipt'
    ORDER BY r.import_id;
    GET DIAGNOSTICS expected = ROW_COUNT;
    IF expected > 0 AND o2c._load_payments(booking, _book_bank_lines.company_id) <> expected THEN
        RAISE EXCEPTION 'payments of bank lines could not be booked' USING ERRCODE = 'OC101',
            DETAIL = 'They are there already, recorded by something else with the account as its provider.',
            HINT = 'Keep the numbers of bank accounts free as providers of payments: imports of bank lines use them.';
    END IF;

    INSERT INTO o2c.bank_line (
        company_id, bank_account_id, bank_statement_id, entry_key, occurrence, position, kind, status, booked_on, value_on, amount, currency, charges, charges_currency,
        original_amount, original_currency, exchange_rate, bank_reference, end_to_end_id, transaction_id, batch_reference, mandate, structured_reference, document_numbers,
        remittance, information, party_name, ultimate_party, party_account, party_bic, domain, family, subfamily, proprietary_code, return_reason, reversal, payment_id, problem)
    SELECT _book_bank_lines.company_id, r.bank_account_id, r.bank_statement_id, r.entry_key, r.occurrence, r.position, r.kind, r.status, r.booked_on, r.value_on,
           o2c.round_money(r.amount, r.currency), r.currency, coalesce(o2c.round_money(r.charges, coalesce(r.charges_currency, r.currency)), 0),
           CASE WHEN r.charges IS NOT NULL THEN coalesce(r.charges_currency, r.currency) END,
           o2c.round_money(r.original_amount, coalesce(r.original_currency, r.currency)), CASE WHEN r.original_amount IS NOT NULL THEN coalesce(r.original_currency, r.currency) END,
           r.exchange_rate, r.bank_reference, r.end_to_end_id, r.transaction_id, r.batch_reference, r.mandate, r.structured_reference, r.document_numbers,
           r.remittance, r.information, r.party_name, r.ultimate_party, r.party_account, r.party_bic, r.domain, r.family, r.subfamily, r.proprietary_code, r.return_reason,
           coalesce(r.reversal, false), p.payment_id, r.note
    FROM o2c.bank_line_import r
    JOIN o2c.bank_account a ON a.company_id = _book_bank_lines.company_id AND a.bank_account_id = r.bank_account_id
    LEFT JOIN o2c.payment p ON p.company_id = _book_bank_lines.company_id AND r.kind = 'receipt'
        AND p.provider = a.account AND p.provider_reference = concat_ws('/', r.entry_key, r.occurrence, r.position)
    WHERE r.company_id = _book_bank_lines.company_id AND r.batch = _book_bank_lines.batch AND r.kind <> 'known'
    ORDER BY r.import_id
    ON CONFLICT (company_id, bank_account_id, entry_key, occurrence, position) DO NOTHING;

    WITH gone AS (
        DELETE FROM o2c.bank_line_import r WHERE r.company_id = _book_bank_lines.company_id AND r.batch = _book_bank_lines.batch
        RETURNING r.bank_statement_id, r.bank_account_id, r.kind, r.amount, r.currency
    )
    SELECT coalesce(jsonb_agg(g), '[]') INTO counted
    FROM (SELECT g.bank_statement_id, g.bank_account_id, count(*) AS lines, count(*) FILTER (WHERE g.kind <> 'known') AS new_lines,
                 count(*) FILTER (WHERE g.kind = 'receipt') AS payments, CASE WHEN count(DISTINCT g.currency) = 1 THEN coalesce(sum(o2c.round_money(g.amount, g.currency)) FILTER (WHERE g.kind = 'receipt'), 0) END AS received
          FROM gone g GROUP BY g.bank_statement_id, g.bank_account_id) g;
    PERFORM o2c._take_statistics(expected, 'o2c.bank_line');
    returns := o2c._follow_bank_lines(_book_bank_lines.company_id);
    UPDATE o2c.bank_line l SET problem = c.problem FROM o2c._collections(_book_bank_lines.company_id) c
    WHERE l.company_id = _book_bank_lines.company_id AND l.bank_line_id = c.bank_line_id AND l.problem IS DISTINCT FROM c.problem;

    RETURN QUERY
    SELECT c.bank_statement_id, c.bank_account_id, c.lines, c.new_lines, c.payments, c.received,
           (SELECT count(*) FROM o2c.bank_line l
            WHERE l.company_id = _book_bank_lines.company_id AND l.bank_line_id = ANY (returns)
              AND l.bank_account_id = c.bank_account_id AND l.bank_statement_id IS NOT DISTINCT FROM c.bank_statement_id)
    FROM jsonb_to_recordset(counted) AS c (bank_statement_id bigint, bank_account_id bigint, lines bigint, new_lines bigint, payments bigint, received numeric);
END $$;
COMMENT ON FUNCTION o2c._book_bank_lines(text, bigint) IS
'Takes the judged rows of a batch in: those that are not known become lines, credits become payments by the door of payments or settle the direct debits that they are of, and returns take theirs back.';

CREATE FUNCTION o2c._staged_totals(batch text, company_id bigint) RETURNS TABLE (bank_statement_id bigint, totals jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT e.bank_statement_id, jsonb_build_object(
               'turnover', sum(e.amount) FILTER (WHERE e.status = 'BOOK' AND e.currency = s.currency),
               'credits', sum(e.amount) FILTER (WHERE e.amount > 0), 'debits', - sum(e.amount) FILTER (WHERE e.amount < 0),
               'foreign_entries', count(*) FILTER (WHERE e.currency <> s.currency))
    -- a batch is several lines of one entry
    FROM (SELECT DISTINCT ON (r.entry) r.entry, r.bank_statement_id, r.bank_account_id, r.entry_amount AS amount, r.currency, r.status FROM o2c.bank_line_import r
          WHERE r.company_id = _staged_totals.company_id AND r.batch = _staged_totals.batch) e
    JOIN o2c.bank_account s ON s.company_id = _staged_totals.company_id AND s.bank_account_id = e.bank_account_id
    GROUP BY e.bank_statement_id;
END $$;
COMMENT ON FUNCTION o2c._staged_totals(text, bigint) IS 'The sums of the staged entries of each statement, in its currency, which is its account''s.';

CREATE FUNCTION o2c._record_statement(statement jsonb, totals jsonb, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    s record;
    f record;
    e record;
    whole boolean;
    this text;
    page_no integer;
    there bigint;
    other bigint;
BEGIN
    SELECT * INTO s FROM jsonb_to_record(statement) AS s (
        bank_statement_id bigint, bank_account_id bigint, kind text, reference text, sequence_number text, page text, last_page text, message text,
        created text, from_on text, to_on text, currency text, entries bigint, announced text, credits text, debits text, balances jsonb);
    SELECT coalesce(t.turnover, 0) AS turnover, coalesce(t.credits, 0) AS credits, coalesce(t.debits, 0) AS debits, t.foreign_entries INTO e
    FROM jsonb_to_record(coalesce(totals, '{}')) AS t (turnover numeric, credits numeric, debits numeric, foreign_entries bigint);
    SELECT (array_agg(b.amount ORDER BY b.kind, b.n) FILTER (WHERE b.kind IN ('OPBD', 'PRCD') AND b.currency = s.currency))[1] AS opening,
           (array_agg(b.amount ORDER BY b.n) FILTER (WHERE b.kind = 'CLBD' AND b.currency = s.currency))[1] AS closing,
           bool_or(b.kind IN ('OPBD', 'CLBD') AND b.currency <> s.currency) AS mixed,
           string_agg(format('%s in %s', b.kind, b.currency), ', ' ORDER BY b.n) FILTER (WHERE b.kind IN ('OPBD', 'CLBD') AND b.currency <> s.currency) AS others
    INTO f
    FROM (SELECT b.n, b.said ->> 'kind' AS kind, (b.said ->> 'amount')::numeric AS amount, b.said ->> 'currency' AS currency
          FROM jsonb_array_elements(s.balances) WITH ORDINALITY b (said, n)) b;
    -- only a statement in one piece can be added up
    page_no := CASE WHEN s.page ~ '^[0-9]{1,9}$' THEN s.page::integer END;
    whole := coalesce(s.page, '1') = '1' AND coalesce(s.last_page, 'true') IN ('true', '1');
    this := md5(jsonb_build_array(s.kind, s.reference, s.sequence_number, s.page, s.created, s.from_on, s.to_on, s.currency, s.balances, s.entries, trim_scale(e.turnover))::text);
    SELECT min(b.bank_statement_id) FILTER (WHERE b.digest = this), max(b.bank_statement_id) INTO there, other FROM o2c.bank_statement b
    WHERE b.company_id = _record_statement.company_id AND b.bank_account_id = s.bank_account_id AND b.kind = s.kind AND b.reference = s.reference
      AND b.page IS NOT DISTINCT FROM page_no;
    IF there IS NOT NULL THEN
        RETURN there;
    END IF;
    INSERT INTO o2c.bank_statement (company_id, bank_statement_id, bank_account_id, kind, reference, sequence_number, page, last_page, message, created_on, from_on, to_on,
                                    currency, opening_balance, closing_balance, balances, entries, turnover, digest, problem)
    VALUES (_record_statement.company_id, s.bank_statement_id, s.bank_account_id, s.kind, s.reference,
            CASE WHEN s.sequence_number ~ '^[0-9]{1,18}$' THEN s.sequence_number::bigint END, page_no,
            coalesce(s.last_page, 'true') IN ('true', '1'), s.message, o2c._iso_date(s.created), o2c._iso_date(s.from_on), o2c._iso_date(s.to_on), s.currency,
            o2c.round_money(f.opening, s.currency), o2c.round_money(f.closing, s.currency), s.balances, s.entries, o2c.round_money(e.turnover, s.currency),
            this,
            nullif(concat_ws('; ',
                CASE WHEN other IS NOT NULL THEN format('it came before with other content, as bank statement %s', other) END,
                CASE WHEN f.mixed THEN 'balances in other currencies: ' || f.others END,
                CASE WHEN e.foreign_entries > 0 THEN format('%s entries are not in %s', e.foreign_entries, s.currency) END,
                CASE WHEN whole AND f.opening + e.turnover <> f.closing
                     THEN format('opening balance %s and entries of %s make %s, not %s', o2c.round_money(f.opening, s.currency), o2c.round_money(e.turnover, s.currency),
                                 o2c.round_money(f.opening + e.turnover, s.currency), o2c.round_money(f.closing, s.currency)) END,
                CASE WHEN whole AND o2c._decimal(s.announced) <> s.entries THEN format('it announces %s entries and has %s', s.announced, s.entries) END,
                CASE WHEN whole AND o2c._decimal(s.credits) <> e.credits THEN format('it announces credits of %s and has %s', s.credits, e.credits) END,
                CASE WHEN whole AND o2c._decimal(s.debits) <> e.debits THEN format('it announces debits of %s and has %s', s.debits, e.debits) END), ''))
    -- one that this snapshot does not see is an error of serialization
    ON CONFLICT (company_id, bank_account_id, digest) DO NOTHING;
    RETURN s.bank_statement_id;
END $$;
COMMENT ON FUNCTION o2c._record_statement(jsonb, jsonb, bigint) IS
'Records a statement with the sums of its entries and what does not agree in it. Result: its id, that of the same statement when it came before.';

CREATE FUNCTION o2c._own_account(number text, currency text, bic text, owner text, fallback text, add_accounts boolean, company_id bigint,
                                 OUT bank_account_id bigint, OUT account_currency text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    key text := o2c.account_key(number);
    wanted text := coalesce(currency, fallback);
    found_active boolean;
BEGIN
    -- the account in this currency; one that names none may be our only one of that number
    SELECT a.bank_account_id, a.currency, a.active INTO bank_account_id, account_currency, found_active
    FROM o2c.bank_account a
    WHERE a.company_id = _own_account.company_id AND a.account = key
      AND (a.currency = wanted OR (_own_account.currency IS NULL
           AND (SELECT count(*) FROM o2c.bank_account b WHERE b.company_id = _own_account.company_id AND b.account = key) = 1))
    ORDER BY a.currency = wanted DESC LIMIT 1;
    IF NOT found_active THEN
        RAISE EXCEPTION 'bank account "%" is not active', number USING ERRCODE = 'OC002', HINT = 'Set o2c.bank_account.active, or do not import its statements.';
    END IF;
    IF bank_account_id IS NOT NULL THEN
        RETURN;
    END IF;
    account_currency := coalesce(wanted, (SELECT c.currency FROM o2c.company c WHERE c.company_id = _own_account.company_id));
    IF coalesce(key, '') = '' OR length(key) > 140 THEN
        RAISE EXCEPTION 'the account "%" is not an account number', left(number, 40) USING ERRCODE = 'OC204', HINT = 'Acct/Id holds an IBAN, or another number in Othr/Id.';
    END IF;
    IF NOT coalesce(add_accounts, true) THEN
        RAISE EXCEPTION 'there is no bank account "%" in %', number, account_currency
            USING ERRCODE = 'OC001', HINT = 'Insert it into o2c.bank_account, or call with add_accounts => true. Is it the right company?';
    END IF;
    INSERT INTO o2c.bank_account (company_id, account, currency, name, bic)
    VALUES (_own_account.company_id, key, account_currency, left(owner, 140), CASE WHEN bic ~ '^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$' THEN bic END)
    ON CONFLICT ON CONSTRAINT bank_account_key DO UPDATE SET active = true
    RETURNING o2c.bank_account.bank_account_id INTO bank_account_id;
END $$;
COMMENT ON FUNCTION o2c._own_account(text, text, text, text, text, boolean, bigint) IS 'The company''s bank account that a statement is of; a new one is added unless that is not wanted.';

CREATE FUNCTION o2c._camt_path(document xml, OUT xmlns text, OUT kind text, OUT path text, OUT message text)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF octet_length(document::text) > 256 * 1024 * 1024 THEN
        RAISE EXCEPTION 'the document has more than 256 MB' USING ERRCODE = 'OC204', HINT = 'Split it, or import its lines with o2c.load_bank_lines().';
    END IF;
    IF strpos(document::text, '<!DOCTYPE') > 0 THEN
        RAISE EXCEPTION 'the document has a document type declaration' USING ERRCODE = 'OC204', HINT = 'Messages of ISO 20022 have none; entities are not expanded.';
    END IF;
    BEGIN
        SELECT r.xmlns, nullif(r.message, '') INTO xmlns, message
        FROM XMLTABLE('/*' PASSING document COLUMNS xmlns text PATH 'namespace-uri(self::*[local-name() = "Document"])',
                      message text PATH 'normalize-space(*/*[local-name() = "GrpHdr"]/*[local-name() = "MsgId"])') r;
    EXCEPTION WHEN invalid_xml_document THEN
        RAISE EXCEPTION 'this is not an XML document' USING ERRCODE = 'OC204', DETAIL = SQLERRM, HINT = 'It has one root element, Document.';
    END;
    IF coalesce(xmlns, '') !~ '^urn:iso:std:iso:20022:tech:xsd:camt\.05[34]\.001\.(0[2-9]|[1-9][0-9])$' THEN
        RAISE EXCEPTION 'the document is not a camt.053 or camt.054 message of version 2 or later'
            USING ERRCODE = 'OC204', DETAIL = format('The namespace of its root element Document is %L.', left(coalesce(xmlns, ''), 200)),
                  HINT = 'Intraday reports (camt.052) are not booked; other formats come in by o2c.import_bank_lines() and o2c.load_bank_lines().';
    END IF;
    kind := CASE WHEN strpos(xmlns, 'camt.053') > 0 THEN 'statement' ELSE 'notification' END;
    path := CASE kind WHEN 'statement' THEN '/c:Document/c:BkToCstmrStmt/c:Stmt' ELSE '/c:Document/c:BkToCstmrDbtCdtNtfctn/c:Ntfctn' END;
END $$;
COMMENT ON FUNCTION o2c._camt_path(xml) IS 'What kind of camt message a document is, its namespace, the way to its statements, and its id. Errors: OC204.';

CREATE FUNCTION o2c._camt_balances(document xml, xmlns text, path text) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    balances jsonb;
    wrong jsonb;
BEGIN
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', b.kind, 'amount', o2c._decimal(b.amount) * CASE b.indicator WHEN 'DBIT' THEN -1 ELSE 1 END,
                                                 'currency', b.currency, 'day', o2c._iso_date(b.day)) ORDER BY b.no), '[]'),
           (jsonb_agg(to_jsonb(b) ORDER BY b.no) FILTER (WHERE
               (o2c._decimal(b.amount) >= 0 AND b.indicator IN ('CRDT', 'DBIT') AND b.kind <> '' AND o2c._date_problem(o2c._iso_date(b.day)) IS NULL
                AND u.currency IS NOT NULL AND o2c._amount_problem(o2c._decimal(b.amount), u.currency) IS NULL) IS NOT TRUE)) -> 0
    INTO balances, wrong
    FROM o2c._read_balances(document, xmlns, path) b LEFT JOIN o2c.currency u ON u.currency = b.currency;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'balance % of the document cannot be read', wrong ->> 'no' USING ERRCODE = 'OC204',
            DETAIL = format('It is type %L, amount %L, currency %L, indicator %L, date %L.', left(wrong ->> 'kind', 40), left(wrong ->> 'amount', 40),
                            left(wrong ->> 'currency', 40), left(wrong ->> 'indicator', 40), left(wrong ->> 'day', 40)),
            HINT = 'It needs an amount that its currency can have, CRDT or DBIT, and a date from 1900 to 2199.';
    END IF;
    RETURN balances;
END $$;
COMMENT ON FUNCTION o2c._camt_balances(xml, text, text) IS 'The balances of a camt document in its order. Errors: OC204.';

CREATE FUNCTION o2c._camt_statements(document xml, way jsonb, add_accounts boolean, company_id bigint) RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    xmlns text := way ->> 'xmlns';
    path text := way ->> 'path';
    balances jsonb := o2c._camt_balances(document, xmlns, path);
    statements jsonb;
BEGIN
    WITH balance AS MATERIALIZED (
        SELECT b.n, b.said FROM jsonb_array_elements(balances) WITH ORDINALITY b (said, n)
    )
    SELECT jsonb_agg(jsonb_build_object(
               'no', s.no, 'bank_statement_id', nextval('o2c.bank_statement_id_seq'), 'bank_account_id', a.bank_account_id, 'kind', way ->> 'kind', 'reference', s.reference,
               'sequence_number', nullif(s.sequence_number, ''), 'page', nullif(s.page, ''), 'last_page', nullif(s.last_page, ''),
               'message', way ->> 'message',
               'created', nullif(s.created, ''), 'from_on', nullif(s.from_on, ''), 'to_on', nullif(s.to_on, ''), 'currency', a.account_currency,
               'entries', s.entries, 'first_entry', s.upto - s.entries + 1, 'last_entry', s.upto, 'announced', nullif(s.announced, ''), 'credits', nullif(s.credits, ''),
               'debits', nullif(s.debits, ''), 'day', coalesce(o2c._iso_date(s.to_on), o2c._iso_date(s.created)),
               'balances', (SELECT coalesce(jsonb_agg(b.said ORDER BY b.n), '[]') FROM balance b WHERE b.n BETWEEN s.balances_upto - s.balances + 1 AND s.balances_upto)) ORDER BY s.no)
    INTO statements
    FROM (SELECT s.*, sum(s.entries) OVER (ORDER BY s.no) AS upto, sum(s.balances) OVER (ORDER BY s.no) AS balances_upto
          FROM o2c._read_statements(document, xmlns, path) s
          -- new accounts are added in one order: two files at once do not wait for each other
          ORDER BY o2c.account_key(s.account), s.currency, s.balance_currency, s.entry_currency) s
    CROSS JOIN LATERAL o2c._own_account(s.account, coalesce(nullif(s.currency, ''), nullif(s.balance_currency, '')), s.bic, nullif(s.owner, ''), nullif(s.entry_currency, ''), add_accounts, _camt_statements.company_id) a;
    IF statements IS NULL THEN
        RAISE EXCEPTION 'the document has no %', way ->> 'kind' USING ERRCODE = 'OC204', HINT = format('It is looked for at %s.', replace(path, 'c:', ''));
    END IF;
    RETURN statements;
END $$;
COMMENT ON FUNCTION o2c._camt_statements(xml, jsonb, boolean, bigint) IS 'The statements of a camt document with their accounts and balances. Errors: OC001, OC002, OC204.';

CREATE FUNCTION o2c._import_camt(document xml, add_accounts boolean, company_id bigint)
RETURNS TABLE (bank_statement_id bigint, account text, reference text, entries bigint, lines bigint, new_lines bigint, payments bigint, received numeric, currency text,
               taken_back bigint, problem text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    token text := 'camt ' || gen_random_uuid();
    way record;
    statements jsonb;
    wrong record;
    s record;
    recorded bigint;
    staged bigint[] := ARRAY[]::bigint[];
    kept bigint[] := ARRAY[]::bigint[];
BEGIN
    IF document IS NULL THEN
        RAISE EXCEPTION 'the document is missing' USING ERRCODE = 'OC002', HINT = 'Give the text of a camt.053 or camt.054 message.';
    END IF;
    IF NOT EXISTS (SELECT FROM o2c.company c WHERE c.company_id = _import_camt.company_id) THEN
        RAISE EXCEPTION 'there is no company %', company_id USING ERRCODE = 'OC001', HINT = 'o2c.company lists them.';
    END IF;
    way := o2c._camt_path(document);
    statements := o2c._camt_statements(document, to_jsonb(way), add_accounts, company_id);
    PERFORM o2c._lock_bank_accounts((SELECT array_agg((e ->> 'bank_account_id')::bigint) FROM jsonb_array_elements(statements) e), company_id);
    BEGIN
        PERFORM o2c._stage_camt(token, document, way.xmlns, way.path, statements, company_id);
    EXCEPTION WHEN cardinality_violation THEN
        RAISE EXCEPTION 'an element that an entry has once is there several times' USING ERRCODE = 'OC204',
            DETAIL = SQLERRM, HINT = 'An entry has one amount, indicator, status, booking date and value date.';
    END;
    PERFORM o2c._take_statistics((SELECT count(*) FROM o2c.bank_line_import r WHERE r.company_id = _import_camt.company_id AND r.batch = token), 'o2c.bank_line_import');
    SELECT r.entry - s.first_entry + 1 AS entry, s.reference, coalesce(r.problem, j.problem) AS problem INTO wrong
    FROM o2c._judge_bank_lines(token, _import_camt.company_id) j
    JOIN o2c.bank_line_import r ON r.company_id = _import_camt.company_id AND r.import_id = j.import_id
    JOIN jsonb_to_recordset(statements) AS s (first_entry bigint, last_entry bigint, reference text) ON r.entry BETWEEN s.first_entry AND s.last_entry
    WHERE coalesce(r.problem, j.problem) IS NOT NULL ORDER BY r.import_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % of statement "%": %', wrong.entry, left(wrong.reference, 140), wrong.problem
            USING ERRCODE = 'OC204', HINT = 'Nothing of the document was booked. Ask the bank for a correct one.';
    END IF;
    FOR s IN SELECT e.statement, e.id, t.totals
             FROM (SELECT e.value AS statement, (e.value ->> 'bank_statement_id')::bigint AS id, e.value ->> 'currency' AS currency, e.ordinality AS n
                   FROM jsonb_array_elements(statements) WITH ORDINALITY e) e
             LEFT JOIN o2c._staged_totals(token, _import_camt.company_id) t ON t.bank_statement_id = e.id
             ORDER BY e.n LOOP
        recorded := o2c._record_statement(s.statement, s.totals, company_id);
        staged := staged || s.id;
        -- the same statement twice in one document counts once
        kept := kept || CASE WHEN recorded = ANY (kept) THEN NULL ELSE recorded END;
    END LOOP;
    DELETE FROM o2c.bank_line_import r USING unnest(staged, kept) u (staged, kept)
    WHERE r.company_id = _import_camt.company_id AND r.batch = token AND r.bank_statement_id = u.staged AND u.kept IS NULL;
    UPDATE o2c.bank_line_import r SET bank_statement_id = u.kept FROM unnest(staged, kept) u (staged, kept)
    WHERE r.company_id = _import_camt.company_id AND r.batch = token AND r.bank_statement_id = u.staged AND u.kept <> u.staged;
    RETURN QUERY
    SELECT b.bank_statement_id, a.account, b.reference, b.entries, coalesce(k.lines, 0), coalesce(k.new_lines, 0), coalesce(k.payments, 0),
           CASE WHEN k.lines IS NULL THEN 0 ELSE k.received END, b.currency, coalesce(k.taken_back, 0), b.problem
    FROM unnest(kept) WITH ORDINALITY u (id, n)
    JOIN o2c.bank_statement b ON b.company_id = _import_camt.company_id AND b.bank_statement_id = u.id
    JOIN o2c.bank_account a ON a.company_id = _import_camt.company_id AND a.bank_account_id = b.bank_account_id
    LEFT JOIN o2c._book_bank_lines(token, _import_camt.company_id) k ON k.bank_statement_id = b.bank_statement_id
    ORDER BY u.n;
END $$;
COMMENT ON FUNCTION o2c._import_camt(xml, boolean, bigint) IS 'What o2c.import_camt() does inside the engine.';

CREATE FUNCTION o2c.import_camt(document xml, add_accounts boolean DEFAULT true, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (bank_statement_id bigint, account text, reference text, entries bigint, lines bigint, new_lines bigint, payments bigint, received numeric, currency text,
               taken_back bigint, problem text)
AS 'MODULE_PATHNAME', 'o2c_import_camt' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.import_camt(xml, boolean, bigint) IS
'Takes in bank statements (camt.053) and notifications (camt.054) of ISO 20022, version 2 and later: records the statements, keeps each transaction as a line, books credits as payments on their booking date, settles the direct debits that a credit collects, and reverses the payments that returns take back (a direct debit as o2c.return_direct_debit does). What is known already, from the same file, an overlapping one, or a notification before its statement, is booked once. Balances that do not tie are reported, not refused. Arguments: the document, whether accounts that are not in o2c.bank_account are added, the company. Result: a row for each statement with its account, the entries that it has, the lines that they make, how many were new, the payments booked, their sum, how many payments were taken back, and what does not agree in it. Errors: OC001 for an unknown company, or account that is not added; OC002 without a document or for an account that is not active; OC204 for anything that is not such a message, and for amounts and dates that cannot be: then nothing is booked. Malformed XML is refused by PostgreSQL (2200M, 2200N).';

CREATE FUNCTION o2c._import_bank_lines(lines jsonb, account text, company_id bigint)
RETURNS TABLE (bank_account text, bank_lines bigint, new_lines bigint, payments bigint, received numeric, taken_back bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    token text := 'lines ' || gen_random_uuid();
    keys text[] := '{account,currency,booked_on,value_on,amount,charges,charges_currency,original_amount,original_currency,exchange_rate,bank_reference,end_to_end_id,transaction_id,batch_reference,mandate,structured_reference,document_numbers,remittance,information,party_name,ultimate_party,party_account,party_bic,domain,family,subfamily,proprietary_code,return_reason,reversal,status,identity}'::text[];
    wrong record;
BEGIN
    IF NOT EXISTS (SELECT FROM o2c.company c WHERE c.company_id = _import_bank_lines.company_id) THEN
        RAISE EXCEPTION 'there is no company %', company_id USING ERRCODE = 'OC001', HINT = 'o2c.company lists them.';
    END IF;
    IF jsonb_typeof(lines) IS DISTINCT FROM 'array' THEN
        RAISE EXCEPTION 'the lines are not an array' USING ERRCODE = 'OC002', HINT = 'Give a JSON array with an object for each line.';
    END IF;
    SELECT e.n, CASE WHEN jsonb_typeof(e.line) <> 'object' THEN 'it is not an object'
                     WHEN NOT k.key = ANY (keys) THEN format('there is no key %L', left(k.key, 40))
                     ELSE format('%s is no text, number or boolean', k.key) END AS problem INTO wrong
    FROM jsonb_array_elements(lines) WITH ORDINALITY e (line, n)
    LEFT JOIN LATERAL jsonb_each(CASE jsonb_typeof(e.line) WHEN 'object' THEN e.line END) k ON true
    WHERE jsonb_typeof(e.line) <> 'object' OR NOT k.key = ANY (keys) OR jsonb_typeof(k.value) IN ('object', 'array')
    ORDER BY e.n, k.key LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line %: %', wrong.n, wrong.problem USING ERRCODE = 'OC002', HINT = 'The keys are ' || array_to_string(keys, ', ') || '.';
    END IF;
    INSERT INTO o2c.bank_line_import (
        company_id, batch, account, currency, booked_on, value_on, amount, charges, charges_currency, original_amount, original_currency, exchange_rate, bank_reference,
        end_to_end_id, transaction_id, batch_reference, mandate, structured_reference, document_numbers, remittance, information, party_name, ultimate_party, party_account,
        party_bic, domain, family, subfamily, proprietary_code, return_reason, reversal, status, identity, problem)
    SELECT _import_bank_lines.company_id, token, coalesce(l.account, _import_bank_lines.account), l.currency, o2c._iso_date(l.booked_on), o2c._iso_date(l.value_on), o2c._decimal(l.amount),
           o2c._decimal(l.charges), l.charges_currency, o2c._decimal(l.original_amount), l.original_currency, o2c._decimal(l.exchange_rate),
           o2c._reference_given(l.bank_reference), o2c._reference_given(l.end_to_end_id), o2c._reference_given(l.transaction_id), o2c._trimmed(l.batch_reference),
           o2c._trimmed(l.mandate), o2c._trimmed(l.structured_reference), o2c._trimmed(l.document_numbers), o2c._trimmed(l.remittance), o2c._trimmed(l.information),
           o2c._trimmed(l.party_name), o2c._trimmed(l.ultimate_party), o2c._trimmed(l.party_account), o2c._trimmed(l.party_bic), o2c._trimmed(l.domain), o2c._trimmed(l.family),
           o2c._trimmed(l.subfamily), o2c._trimmed(l.proprietary_code), o2c._trimmed(l.return_reason), l.reversal = 'true', l.status, o2c._trimmed(l.identity),
           CASE WHEN l.amount IS NOT NULL AND o2c._decimal(l.amount) IS NULL THEN format('the amount %L is not a number', left(l.amount, 40))
                WHEN l.booked_on IS NOT NULL AND o2c._iso_date(l.booked_on) IS NULL THEN format('the booking date %L is not a date', left(l.booked_on, 40))
                WHEN l.value_on IS NOT NULL AND o2c._iso_date(l.value_on) IS NULL THEN format('the value date %L is not a date', left(l.value_on, 40))
                WHEN l.charges IS NOT NULL AND o2c._decimal(l.charges) IS NULL THEN format('the charge %L is not a number', left(l.charges, 40))
                WHEN l.original_amount IS NOT NULL AND o2c._decimal(l.original_amount) IS NULL THEN format('the original amount %L is not a number', left(l.original_amount, 40))
                WHEN l.exchange_rate IS NOT NULL AND o2c._decimal(l.exchange_rate) IS NULL THEN format('the exchange rate %L is not a number', left(l.exchange_rate, 40))
                WHEN l.reversal NOT IN ('true', 'false') THEN format('reversal %L is neither true nor false', left(l.reversal, 40)) END
    FROM jsonb_array_elements(lines) WITH ORDINALITY e (line, n)
    CROSS JOIN LATERAL jsonb_to_record(e.line) AS l (
        account text, currency text, booked_on text, value_on text, amount text, charges text, charges_currency text, original_amount text, original_currency text,
        exchange_rate text, bank_reference text, end_to_end_id text, transaction_id text, batch_reference text, mandate text, structured_reference text, document_numbers text,
        remittance text, information text, party_name text, ultimate_party text, party_account text, party_bic text, domain text, family text, subfamily text,
        proprietary_code text, return_reason text, reversal text, status text, identity text)
    ORDER BY e.n;
    PERFORM o2c._complete_bank_lines(token, _import_bank_lines.company_id);
    SELECT r.n, r.problem INTO wrong
    FROM (SELECT row_number() OVER (ORDER BY r.import_id) AS n, r.problem FROM o2c.bank_line_import r
          WHERE r.company_id = _import_bank_lines.company_id AND r.batch = token) r
    WHERE r.problem IS NOT NULL ORDER BY r.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'line %: %', wrong.n, wrong.problem USING ERRCODE = 'OC002', HINT = 'None of the lines was booked. Correct it and send them again.';
    END IF;
    RETURN QUERY
    SELECT a.account, k.lines, k.new_lines, k.payments, k.received, k.taken_back
    FROM o2c._book_bank_lines(token, _import_bank_lines.company_id) k
    JOIN o2c.bank_account a ON a.company_id = _import_bank_lines.company_id AND a.bank_account_id = k.bank_account_id
    ORDER BY a.account;
END $$;
COMMENT ON FUNCTION o2c._import_bank_lines(jsonb, text, bigint) IS 'What o2c.import_bank_lines() does inside the engine.';

CREATE FUNCTION o2c.import_bank_lines(lines jsonb, account text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company())
RETURNS TABLE (bank_account text, bank_lines bigint, new_lines bigint, payments bigint, received numeric, taken_back bigint)
AS 'MODULE_PATHNAME', 'o2c_import_bank_lines' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.import_bank_lines(jsonb, text, bigint) IS
'Takes in bank lines of any source, with the same rules as o2c.import_camt. Arguments: an array of objects with the columns of o2c.bank_line_import from account to identity as keys, of which amount (negative for a debit) and booked_on (YYYY-MM-DD) are needed; the account of the lines that name none (null: the company''s only one); the company. Result: a row for each account with the lines, how many were new, the payments booked, their sum, and how many payments were taken back. Errors: OC001 for an unknown company, OC002 for a line that cannot be, which the message counts from 1: then nothing is booked.';

CREATE FUNCTION o2c._complete_bank_lines(batch text, company_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM o2c._take_statistics((SELECT count(*) FROM o2c.bank_line_import r WHERE r.company_id = _complete_bank_lines.company_id AND r.batch = _complete_bank_lines.batch),
                                 'o2c.bank_line_import');
    UPDATE o2c.bank_line_import r SET status = 'BOOK'
    WHERE r.company_id = _complete_bank_lines.company_id AND r.batch = _complete_bank_lines.batch AND r.status IS NULL;
    UPDATE o2c.bank_line_import r
    SET bank_account_id = j.bank_account_id, currency = j.currency, problem = coalesce(r.problem, j.problem)
    FROM o2c._judge_bank_lines(_complete_bank_lines.batch, _complete_bank_lines.company_id) j
    WHERE r.company_id = _complete_bank_lines.company_id AND r.import_id = j.import_id;
END $$;
COMMENT ON FUNCTION o2c._complete_bank_lines(text, bigint) IS 'Fills in what rows of bank lines leave open, and notes what is wrong with them.';

CREATE FUNCTION o2c._load_bank_lines(batch text, company_id bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b record;
    loaded bigint := 0;
    stay bigint := 0;
BEGIN
    FOR b IN SELECT r.batch FROM o2c.bank_line_import r
             WHERE r.company_id = _load_bank_lines.company_id AND (_load_bank_lines.batch IS NULL OR r.batch = _load_bank_lines.batch)
             GROUP BY r.batch ORDER BY min(r.import_id) LOOP
        -- what a caller wrote into the columns of the loading functions does not count
        UPDATE o2c.bank_line_import r
        SET bank_account_id = NULL, bank_statement_id = NULL, entry = NULL, entry_amount = NULL, position = NULL, note = NULL, problem = NULL
        WHERE r.company_id = _load_bank_lines.company_id AND r.batch = b.batch
          AND (r.bank_account_id, r.bank_statement_id, r.entry, r.entry_amount, r.position, r.note, r.problem) IS DISTINCT FROM (NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        PERFORM o2c._complete_bank_lines(b.batch, _load_bank_lines.company_id);
        IF EXISTS (SELECT FROM o2c.bank_line_import r
                   WHERE r.company_id = _load_bank_lines.company_id AND r.batch = b.batch AND r.problem IS NOT NULL) THEN
            stay := stay + 1;
            CONTINUE;
        END IF;
        loaded := loaded + (SELECT coalesce(sum(k.new_lines), 0) FROM o2c._book_bank_lines(b.batch, _load_bank_lines.company_id) k);
    END LOOP;
    IF stay > 0 THEN
        RAISE WARNING '% of the batches of bank lines could not be loaded', stay
            USING ERRCODE = 'OC002', HINT = 'o2c.bank_line_import.problem says why; correct or delete those rows and load again.';
    END IF;
    RETURN loaded;
END $$;
COMMENT ON FUNCTION o2c._load_bank_lines(text, bigint) IS 'What o2c.load_bank_lines() does inside the engine.';

CREATE FUNCTION o2c.load_bank_lines(batch text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_load_bank_lines' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.load_bank_lines(text, bigint) IS
'Takes in the bank lines that were put into o2c.bank_line_import, batch by batch as o2c.load_payments does, with the same rules as o2c.import_camt: a batch with a wrong row stays as a whole and says what is wrong, and a warning (OC002) counts such batches. The n-th line of a batch with the same day, amount and identity is a line of its own, and the same one when the file comes again. Arguments: the batch (null: all), the company. Result: the number of lines added.';

CREATE FUNCTION o2c.close_bank_line(bank_line bigint, payment bigint DEFAULT NULL, note text DEFAULT NULL, company_id bigint DEFAULT o2c.current_company()) RETURNS void
AS 'MODULE_PATHNAME', 'o2c_close_bank_line' LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c.close_bank_line(bigint, bigint, text, bigint) IS
'Settles a bank line that waits for a person. Arguments: the line, the payment that a return takes back (it is reversed on the line''s booking date; null: none), a note, the company. Errors: OC001 for an unknown line or payment, OC002 for a payment to a line that is no return, or received after it, OC101 for a line that is settled or a payment that is reversed already.';

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
'A person says what a payment is for. Without invoices: the proposal at that place of o2c.propose is applied, or, where the payment is used up already, confirmed as it is. With invoices: what the payment was applied to besides them is taken back on that date, and it is applied to them in this order as far as it goes; when they are another group''s, the payment is reversed there and recorded anew for their customer. What tells the payer (account, name, text) is learned in o2c.payer_alias: a hit for this customer, a miss for others. Arguments: the payment, the numbers of invoices, the place of the proposal, the date, the company. Result: the payment, the new one where it was recorded anew. Errors: OC001 for an unknown payment or invoice, OC002 for a missing date, OC101 for a place without a proposal, a reversed payment or one that another session used meanwhile.';

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
        PERFORM o2c.reverse_payment(payment, greatest(as_of, p.received_on), 'booked to another customer', fee => 0, company_id => _correct_match.company_id);
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
