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
