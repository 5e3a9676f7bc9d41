-- receivable: type aging and its aggregates

CREATE TYPE o2c.aging;

CREATE FUNCTION o2c._aging_in(cstring) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_in(cstring) IS
'Reads {boundaries} {amounts} {items}, for example {0,30,60,90} {100.00,0.00,0.00,0.00,25.50} {2,0,0,0,1}. Errors: 22P02 for text of another form, OC205 for boundaries that do not increase, lists of the wrong length, NaN or infinity.';

CREATE FUNCTION o2c._aging_out(o2c.aging) RETURNS cstring
AS 'MODULE_PATHNAME', 'o2c_aging_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_out(o2c.aging) IS 'The canonical text of an aging.';

CREATE FUNCTION o2c._aging_recv(internal) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_recv(internal) IS
'Reads the binary form: int2 number of boundaries, the boundaries as int4, then the amount as numeric and the items as int8 for each bucket. Errors: 22P03 or 08P01 for bytes of another form, OC205 as for the text.';

CREATE FUNCTION o2c._aging_send(o2c.aging) RETURNS bytea
AS 'MODULE_PATHNAME', 'o2c_aging_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_send(o2c.aging) IS 'The binary form of an aging, the same on every platform.';

CREATE TYPE o2c.aging (
    INPUT = o2c._aging_in, OUTPUT = o2c._aging_out, RECEIVE = o2c._aging_recv, SEND = o2c._aging_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = double, STORAGE = extended
);
COMMENT ON TYPE o2c.aging IS
'Open amounts and numbers of items by days overdue: n increasing boundaries make n + 1 buckets that cover every day. Up to the first boundary, above it up to and including the next, ..., above the last. The standard boundaries 0, 30, 60, 90 make not due, 1-30, 31-60, 61-90, over 90.';

-- The aggregates.  The type is the state; there is a transition, a combine
-- function, a moving transition with its inverse, and no final function.
CREATE FUNCTION o2c._aging_transition(state o2c.aging, amount numeric, days integer) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_transition(o2c.aging, numeric, integer) IS
'Adds an item to an aging, with the standard boundaries when the aging is null. Null amounts and days are ignored. Errors: OC205 for NaN or infinity.';

CREATE FUNCTION o2c._aging_transition(state o2c.aging, amount numeric, days integer, boundaries integer[]) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_transition(o2c.aging, numeric, integer, integer[]) IS
'Adds an item to an aging with the given boundaries. Null amounts and days are ignored. Errors: OC205 for NaN, infinity, boundaries that are null, do not increase, or differ from those of the aging.';

CREATE FUNCTION o2c._aging_combine(state o2c.aging, aging o2c.aging) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_combine(o2c.aging, o2c.aging) IS
'The sum of two agings; null counts as nothing, and two nulls are null. Errors: OC205 for different boundaries.';

CREATE FUNCTION o2c._aging_moving(state o2c.aging, amount numeric, days integer) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_moving' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_moving(o2c.aging, numeric, integer) IS
'As o2c._aging_transition, for a moving frame: never null.';

CREATE FUNCTION o2c._aging_moving(state o2c.aging, amount numeric, days integer, boundaries integer[]) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_moving' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_moving(o2c.aging, numeric, integer, integer[]) IS
'As o2c._aging_transition, for a moving frame: never null.';

CREATE FUNCTION o2c._aging_inverse(state o2c.aging, amount numeric, days integer) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_inverse' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_inverse(o2c.aging, numeric, integer) IS
'Takes an item that leaves a moving frame out of the aging again, exactly.';

CREATE FUNCTION o2c._aging_inverse(state o2c.aging, amount numeric, days integer, boundaries integer[]) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_inverse' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_inverse(o2c.aging, numeric, integer, integer[]) IS
'Takes an item that leaves a moving frame out of the aging again, exactly.';

CREATE FUNCTION o2c._aging_moving_final(state o2c.aging) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_moving_final' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_moving_final(o2c.aging) IS 'The aging of a moving frame, null when no row of the frame counts.';

CREATE AGGREGATE o2c.aging(amount numeric, days integer) (
    SFUNC = o2c._aging_transition, STYPE = o2c.aging, SSPACE = 144, COMBINEFUNC = o2c._aging_combine,
    MSFUNC = o2c._aging_moving, MINVFUNC = o2c._aging_inverse, MSTYPE = o2c.aging, MFINALFUNC = o2c._aging_moving_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.aging(numeric, integer) IS
'Ages open items: amount in one currency, days overdue (as-of date less due date; 0 and less is not due). Buckets: not due, 1-30, 31-60, 61-90, over 90. Null amounts and days are ignored; without any row the result is null. Amounts show as many decimals as the one that has the most. Errors: OC205 for NaN or infinity. Rule: buckets as in the receivables survey of the Credit Research Foundation.';

CREATE AGGREGATE o2c.aging(amount numeric, days integer, boundaries integer[]) (
    SFUNC = o2c._aging_transition, STYPE = o2c.aging, SSPACE = 144, COMBINEFUNC = o2c._aging_combine,
    MSFUNC = o2c._aging_moving, MINVFUNC = o2c._aging_inverse, MSTYPE = o2c.aging, MFINALFUNC = o2c._aging_moving_final,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.aging(numeric, integer, integer[]) IS
'Ages open items with boundaries of your own: 1 to 31 increasing days, the same on all rows of a group. Else as o2c.aging(amount, days). Errors: OC205 for NaN, infinity and for boundaries that are null, do not increase, or differ within a group.';

CREATE AGGREGATE o2c.aging_merge(aging o2c.aging) (
    SFUNC = o2c._aging_combine, STYPE = o2c.aging, SSPACE = 144, COMBINEFUNC = o2c._aging_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE o2c.aging_merge(o2c.aging) IS
'Rolls agings up: the sum of agings of the same boundaries, for example of customers to their company. Nulls are ignored. Errors: OC205 for different boundaries.';

CREATE FUNCTION o2c._aging_add(o2c.aging, o2c.aging) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_add' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_add(o2c.aging, o2c.aging) IS
'The sum of two agings, bucket by bucket. Errors: OC205 for different boundaries.';
CREATE OPERATOR o2c.+ (FUNCTION = o2c._aging_add, LEFTARG = o2c.aging, RIGHTARG = o2c.aging, COMMUTATOR = OPERATOR(o2c.+));
COMMENT ON OPERATOR o2c.+ (o2c.aging, o2c.aging) IS 'sum of two agings';

CREATE FUNCTION o2c._aging_subtract(o2c.aging, o2c.aging) RETURNS o2c.aging
AS 'MODULE_PATHNAME', 'o2c_aging_subtract' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_subtract(o2c.aging, o2c.aging) IS
'What changed between two agings, bucket by bucket; items may be negative. Errors: OC205 for different boundaries.';
CREATE OPERATOR o2c.- (FUNCTION = o2c._aging_subtract, LEFTARG = o2c.aging, RIGHTARG = o2c.aging);
COMMENT ON OPERATOR o2c.- (o2c.aging, o2c.aging) IS 'change between two agings';

CREATE FUNCTION o2c._aging_equal(o2c.aging, o2c.aging) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_aging_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_equal(o2c.aging, o2c.aging) IS
'Whether two agings have the same boundaries, amounts and items; the decimals shown do not matter.';
CREATE FUNCTION o2c._aging_differ(o2c.aging, o2c.aging) RETURNS boolean
AS 'MODULE_PATHNAME', 'o2c_aging_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_differ(o2c.aging, o2c.aging) IS 'Whether two agings are not equal.';
CREATE FUNCTION o2c._aging_hash(o2c.aging) RETURNS integer
AS 'MODULE_PATHNAME', 'o2c_aging_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_hash(o2c.aging) IS 'A hash, the same for equal agings.';
CREATE OPERATOR o2c.= (
    FUNCTION = o2c._aging_equal, LEFTARG = o2c.aging, RIGHTARG = o2c.aging, HASHES,
    COMMUTATOR = OPERATOR(o2c.=), NEGATOR = OPERATOR(o2c.<>), RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR o2c.= (o2c.aging, o2c.aging) IS 'equal';
CREATE OPERATOR o2c.<> (
    FUNCTION = o2c._aging_differ, LEFTARG = o2c.aging, RIGHTARG = o2c.aging,
    COMMUTATOR = OPERATOR(o2c.<>), NEGATOR = OPERATOR(o2c.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR o2c.<> (o2c.aging, o2c.aging) IS 'not equal';
CREATE OPERATOR CLASS o2c.aging_ops DEFAULT FOR TYPE o2c.aging USING hash AS
    OPERATOR 1 o2c.= (o2c.aging, o2c.aging), FUNCTION 1 o2c._aging_hash(o2c.aging);
COMMENT ON OPERATOR CLASS o2c.aging_ops USING hash IS 'Agings can be grouped and compared for equality; they have no order.';

CREATE FUNCTION o2c.total(aging o2c.aging) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_aging_total' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.total(o2c.aging) IS 'The sum of all buckets: the open amount.';

CREATE FUNCTION o2c.past_due(aging o2c.aging) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_aging_past_due' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.past_due(o2c.aging) IS
'The sum of the buckets above day 0. Errors: OC205 when 0 is not one of the boundaries.';

CREATE FUNCTION o2c.bucket(aging o2c.aging, n integer) RETURNS numeric
AS 'MODULE_PATHNAME', 'o2c_aging_bucket' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.bucket(o2c.aging, integer) IS
'The amount of a bucket, counted from 1. Errors: OC205 when there is no such bucket.';

CREATE FUNCTION o2c.items(aging o2c.aging) RETURNS bigint
AS 'MODULE_PATHNAME', 'o2c_aging_items' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.items(o2c.aging) IS 'The number of items in all buckets.';

CREATE FUNCTION o2c.unnest(aging o2c.aging)
RETURNS TABLE (bucket text, from_days integer, to_days integer, amount numeric, items bigint)
AS 'MODULE_PATHNAME', 'o2c_aging_unnest' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5;
COMMENT ON FUNCTION o2c.unnest(o2c.aging) IS
'A row for each bucket in order of age: its name, first and last day (null where it is open), amount and number of items.';

CREATE FUNCTION o2c.amounts(aging o2c.aging) RETURNS numeric[]
AS 'MODULE_PATHNAME', 'o2c_aging_amounts' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c.amounts(o2c.aging) IS 'The amounts of the buckets in order of age; also the cast to numeric[].';
CREATE CAST (o2c.aging AS numeric[]) WITH FUNCTION o2c.amounts(o2c.aging);

CREATE FUNCTION o2c._aging_json(o2c.aging) RETURNS json
AS 'MODULE_PATHNAME', 'o2c_aging_json' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_json(o2c.aging) IS
'{"total": ..., "items": ..., "buckets": [{"bucket": ..., "from_days": ..., "to_days": ..., "amount": ..., "items": ...}, ...]}; to_json and to_jsonb use this cast too.';
CREATE CAST (o2c.aging AS json) WITH FUNCTION o2c._aging_json(o2c.aging);

CREATE FUNCTION o2c._aging_jsonb(o2c.aging) RETURNS jsonb
AS 'MODULE_PATHNAME', 'o2c_aging_jsonb' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION o2c._aging_jsonb(o2c.aging) IS 'As the cast to json.';
CREATE CAST (o2c.aging AS jsonb) WITH FUNCTION o2c._aging_jsonb(o2c.aging);


CREATE FUNCTION o2c._make_items() RETURNS trigger
AS 'MODULE_PATHNAME', 'o2c_make_items' LANGUAGE C VOLATILE SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION o2c._make_items() IS
'Statement trigger: posting an invoice makes its instalments and discounts from the terms, posting a credit note its item.';
