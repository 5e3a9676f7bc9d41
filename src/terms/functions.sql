-- terms: the type payment_terms, schedules of instalments and discounts

CREATE TYPE o2c.payment_terms;

CREATE FUNCTION o2c.payment_terms_in(cstring) RETURNS o2c.payment_terms
AS 'MODULE_PATHNAME', 'o2c_payment_terms_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.payment_terms_in(cstring) IS
'Payment terms from text. Errors: OC201 for a text that is not one of payment terms, OC202 for one that the trade reads in several ways.';

CREATE FUNCTION o2c.payment_terms_out(o2c.payment_terms) RETURNS cstring
AS 'textout' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.payment_terms_out(o2c.payment_terms) IS 'The canonical text of payment terms.';

CREATE FUNCTION o2c.payment_terms_recv(internal) RETURNS o2c.payment_terms
AS 'MODULE_PATHNAME', 'o2c_payment_terms_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.payment_terms_recv(internal) IS
'Payment terms from their binary form, which is their text. Errors: OC201, OC202.';

CREATE FUNCTION o2c.payment_terms_send(o2c.payment_terms) RETURNS bytea
AS 'textsend' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.payment_terms_send(o2c.payment_terms) IS 'The binary form of payment terms: their canonical text.';

CREATE TYPE o2c.payment_terms (
    INPUT = o2c.payment_terms_in, OUTPUT = o2c.payment_terms_out,
    RECEIVE = o2c.payment_terms_recv, SEND = o2c.payment_terms_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended);
COMMENT ON TYPE o2c.payment_terms IS
'When a debtor owes how much, and what paying early saves: ''2/10 net 30'', ''10th prox'', ''30% @ PIA; balance @ net 60''';

CREATE CAST (text AS o2c.payment_terms) WITH INOUT AS ASSIGNMENT;

-- A value is its canonical text, so equal terms are equal bytes.
CREATE FUNCTION o2c._terms_eq(o2c.payment_terms, o2c.payment_terms) RETURNS boolean
AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_eq(o2c.payment_terms, o2c.payment_terms) IS 'Operator =: the same terms.';

CREATE FUNCTION o2c._terms_ne(o2c.payment_terms, o2c.payment_terms) RETURNS boolean
AS 'byteane' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_ne(o2c.payment_terms, o2c.payment_terms) IS 'Operator <>: other terms.';

CREATE FUNCTION o2c._terms_lt(o2c.payment_terms, o2c.payment_terms) RETURNS boolean
AS 'bytealt' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_lt(o2c.payment_terms, o2c.payment_terms) IS 'Operator <: by canonical text, for sorting only.';

CREATE FUNCTION o2c._terms_le(o2c.payment_terms, o2c.payment_terms) RETURNS boolean
AS 'byteale' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_le(o2c.payment_terms, o2c.payment_terms) IS 'Operator <=: by canonical text, for sorting only.';

CREATE FUNCTION o2c._terms_gt(o2c.payment_terms, o2c.payment_terms) RETURNS boolean
AS 'byteagt' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_gt(o2c.payment_terms, o2c.payment_terms) IS 'Operator >: by canonical text, for sorting only.';

CREATE FUNCTION o2c._terms_ge(o2c.payment_terms, o2c.payment_terms) RETURNS boolean
AS 'byteage' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_ge(o2c.payment_terms, o2c.payment_terms) IS 'Operator >=: by canonical text, for sorting only.';

CREATE FUNCTION o2c._terms_cmp(o2c.payment_terms, o2c.payment_terms) RETURNS integer
AS 'byteacmp' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_cmp(o2c.payment_terms, o2c.payment_terms) IS 'Order of two terms by canonical text: below, equal to or above 0.';

CREATE FUNCTION o2c._terms_hash(o2c.payment_terms) RETURNS integer
AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_hash(o2c.payment_terms) IS 'Hash of terms; equal terms hash alike.';

CREATE FUNCTION o2c._terms_hash_extended(o2c.payment_terms, bigint) RETURNS bigint
AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._terms_hash_extended(o2c.payment_terms, bigint) IS 'Hash of terms with a seed; equal terms hash alike.';

CREATE OPERATOR o2c.= (LEFTARG = o2c.payment_terms, RIGHTARG = o2c.payment_terms, FUNCTION = o2c._terms_eq,
    COMMUTATOR = OPERATOR(o2c.=), NEGATOR = OPERATOR(o2c.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR o2c.= (o2c.payment_terms, o2c.payment_terms) IS 'the same terms';
CREATE OPERATOR o2c.<> (LEFTARG = o2c.payment_terms, RIGHTARG = o2c.payment_terms, FUNCTION = o2c._terms_ne,
    COMMUTATOR = OPERATOR(o2c.<>), NEGATOR = OPERATOR(o2c.=), RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR o2c.<> (o2c.payment_terms, o2c.payment_terms) IS 'other terms';
CREATE OPERATOR o2c.< (LEFTARG = o2c.payment_terms, RIGHTARG = o2c.payment_terms, FUNCTION = o2c._terms_lt,
    COMMUTATOR = OPERATOR(o2c.>), NEGATOR = OPERATOR(o2c.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR o2c.< (o2c.payment_terms, o2c.payment_terms) IS 'before in the order of canonical texts';
CREATE OPERATOR o2c.<= (LEFTARG = o2c.payment_terms, RIGHTARG = o2c.payment_terms, FUNCTION = o2c._terms_le,
    COMMUTATOR = OPERATOR(o2c.>=), NEGATOR = OPERATOR(o2c.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR o2c.<= (o2c.payment_terms, o2c.payment_terms) IS 'before in the order of canonical texts, or the same';
CREATE OPERATOR o2c.> (LEFTARG = o2c.payment_terms, RIGHTARG = o2c.payment_terms, FUNCTION = o2c._terms_gt,
    COMMUTATOR = OPERATOR(o2c.<), NEGATOR = OPERATOR(o2c.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR o2c.> (o2c.payment_terms, o2c.payment_terms) IS 'after in the order of canonical texts';
CREATE OPERATOR o2c.>= (LEFTARG = o2c.payment_terms, RIGHTARG = o2c.payment_terms, FUNCTION = o2c._terms_ge,
    COMMUTATOR = OPERATOR(o2c.<=), NEGATOR = OPERATOR(o2c.<), RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR o2c.>= (o2c.payment_terms, o2c.payment_terms) IS 'after in the order of canonical texts, or the same';

CREATE OPERATOR CLASS o2c.payment_terms_ops DEFAULT FOR TYPE o2c.payment_terms USING btree AS
    OPERATOR 1 o2c.<, OPERATOR 2 o2c.<=, OPERATOR 3 o2c.=, OPERATOR 4 o2c.>=, OPERATOR 5 o2c.>,
    FUNCTION 1 o2c._terms_cmp(o2c.payment_terms, o2c.payment_terms),
    FUNCTION 2 (o2c.payment_terms, o2c.payment_terms) pg_catalog.bytea_sortsupport(internal),
    FUNCTION 4 (o2c.payment_terms, o2c.payment_terms) pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS o2c.payment_terms_ops USING btree IS 'Payment terms are unique, sorted and grouped by canonical text.';
CREATE OPERATOR CLASS o2c.payment_terms_ops DEFAULT FOR TYPE o2c.payment_terms USING hash AS
    OPERATOR 1 o2c.=,
    FUNCTION 1 o2c._terms_hash(o2c.payment_terms),
    FUNCTION 2 o2c._terms_hash_extended(o2c.payment_terms, bigint);
COMMENT ON OPERATOR CLASS o2c.payment_terms_ops USING hash IS 'Payment terms are joined and grouped by canonical text.';

CREATE FUNCTION o2c.parse_terms(input text, reading text) RETURNS o2c.payment_terms
AS 'MODULE_PATHNAME', 'o2c_parse_terms_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.parse_terms(text, text) IS
'Payment terms from a text whose "30 days EOM" has a known reading: days_then_eom (the end of the month in which the days end), eom_then_days (so many days after the end of the invoice month), or eom_then_months (30 days are a month: the end of the following month). Errors: OC002 for another reading, OC201, OC202.';

CREATE FUNCTION o2c.schedule(terms o2c.payment_terms, base_on date, amount numeric, currency text, holidays date[] DEFAULT NULL)
RETURNS TABLE (instalment integer, due_on date, amount numeric,
               discount_1_until date, discount_1_amount numeric,
               discount_2_until date, discount_2_amount numeric,
               discount_3_until date, discount_3_amount numeric)
AS 'MODULE_PATHNAME', 'o2c_schedule' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 2;
COMMENT ON FUNCTION o2c.schedule(o2c.payment_terms, date, numeric, text, date[]) IS
'The instalments of an amount: number, due date, amount, and up to three discounts, highest rate first, each with its last day and the amount that it saves. Arguments: the terms; the date of the base event (o2c.base_event), before which nothing is due; the amount in the currency, below zero for a credit; the currency (ISO 4217); days off beside Saturday and Sunday, for terms with a roll. The amounts sum to the amount exactly; a discounted amount is rounded once and the discount is the rest. No rows when one of the first four is null. Errors: OC001 for an unknown currency, OC002 for an infinite date, an amount that is not finite or finer than the currency, or a null holiday, 22008 for a date out of range.';

CREATE FUNCTION o2c.due_date(terms o2c.payment_terms, base_on date, holidays date[] DEFAULT NULL) RETURNS date
AS 'MODULE_PATHNAME', 'o2c_due_date' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c.due_date(o2c.payment_terms, date, date[]) IS
'The date on which the last instalment is due; arguments and errors as in o2c.schedule().';

CREATE FUNCTION o2c.prepaid_amount(terms o2c.payment_terms, amount numeric, currency text) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_prepaid_amount_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.prepaid_amount(o2c.payment_terms, numeric, text) IS
'The part of an amount that is to be paid in advance (CIA, CWO, CBS, PIA), in the currency: all of it, a deposit, or nothing. Errors: OC001 for an unknown currency, OC002 for an amount that is not finite or finer than the currency.';

CREATE FUNCTION o2c.is_prepayment(terms o2c.payment_terms) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_is_prepayment_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.is_prepayment(o2c.payment_terms) IS
'Whether the whole amount is to be paid in advance (CIA, CWO, CBS, PIA). Terms with a deposit are not: see o2c.prepaid_amount().';

CREATE FUNCTION o2c.base_event(terms o2c.payment_terms) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_base_event' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.base_event(o2c.payment_terms) IS
'What the terms run from: invoice, delivery, receipt of goods, statement, order, a date in ISO form, or ''later of'' two of these.';

CREATE FUNCTION o2c.terms_code(terms o2c.payment_terms, code_list text) RETURNS text
AS 'MODULE_PATHNAME', 'o2c_terms_code' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.terms_code(o2c.payment_terms, text) IS
'The code of the kind of terms in ''X12 336'' (terms type), ''EDIFACT 4279'' (payment terms type) or ''EDIFACT 2009'' (time relation); null where the list has none. Errors: OC001 for another list.';
