-- creditor_reference, iban, national reference schemes, the normal form, references in free text
BEGIN;
SELECT no_plan();
SET search_path = o2c, public;

-- What a statement raises: the SQLSTATE and the detail.
CREATE FUNCTION pg_temp.complaint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
    EXECUTE statement;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN sqlstate || ' ' || detail;
END $$;

-- What a type makes of bytes that a client sends in binary form: they travel through a binary COPY file.
CREATE FUNCTION pg_temp.received(type text, message bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    file text := current_setting('data_directory') || '/o2c_reference_test';
    value text;
BEGIN
    EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', message, file);
    EXECUTE format('CREATE TEMP TABLE message (value %s) ON COMMIT DROP', type);
    EXECUTE format('COPY message FROM %L (FORMAT binary)', file);
    SELECT m.value::text INTO value FROM message m;
    DROP TABLE message;
    RETURN value;
EXCEPTION WHEN OTHERS THEN
    RETURN sqlstate;
END $$;

-- Each string with one character replaced by the next of its kind, and with each two neighbours swapped.
-- Letters count 10 to 35, so swapping 1 and B, 2 and M, 3 and X changes nothing in MOD 97-10.
CREATE FUNCTION pg_temp.mistyped(code text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT overlay(code PLACING translate(substr(code, i, 1), '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', '1234567890BCDEFGHIJKLMNOPQRSTUVWXYZA') FROM i)
    FROM generate_series(1, length(code)) i
    UNION ALL
    SELECT overlay(code PLACING substr(code, i + 1, 1) || substr(code, i, 1) FROM i)
    FROM generate_series(1, length(code) - 1) i WHERE substr(code, i, 1) <> substr(code, i + 1, 1)
      AND substr(code, i, 2) NOT IN ('1B', 'B1', '2M', 'M2', '3X', 'X3')
$$;

-- ISO 7064 MOD 97-10 with numeric: an independent computation.
CREATE FUNCTION pg_temp.mod97(code text) RETURNS numeric LANGUAGE sql AS $$
    SELECT string_agg((strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', c) - 1)::text, '' ORDER BY i)::numeric % 97
    FROM regexp_split_to_table(code, '') WITH ORDINALITY AS x (c, i)
$$;

-- creditor_reference: vectors
SELECT is(make_creditor_reference(bare)::text, reference, 'check digits of ' || bare)
FROM (VALUES ('AB2G5', 'RF68AB2G5'), ('1234512345', 'RF451234512345'), ('TU06FX', 'RF96TU06FX'), ('tu06fx', 'RF96TU06FX'),
             ('5390 0754 7034', 'RF18539007547034')) v (bare, reference);
SELECT is(is_creditor_reference(reference), valid, 'is_creditor_reference ' || quote_literal(left(reference, 40)))
FROM (VALUES ('RF720HYA6', true), ('RF19GAX8WS5JYOOUJ87', false), ('RF18 5390 0754 7034', true), ('rf18 5390 0754 7034', true),
             (E' RF18\t539007547034\n', true), ('RF18539007547035', false), ('', false), ('   ', false), ('RF', false), ('RF18', false),
             ('RFXX539007547034', false), ('FR18539007547034', false), ('RF18-5390-0754-7034', false), ('RF18539007547034É', false),
             ('RF18５３９００７５４７０３４', false), (repeat('RF18', 2500), false), (repeat(' ', 10000), false), (repeat('é', 5000), false),
             (repeat(' ', 10000) || 'RF18539007547034', true)) v (reference, valid);
SELECT is(is_creditor_reference(NULL), NULL, 'is_creditor_reference of null is null');

SELECT is(pg_temp.complaint(format('SELECT %L::o2c.creditor_reference', reference)), complaint, 'complaint about ' || quote_literal(left(reference, 40)))
FROM (VALUES ('', 'OC203 It is empty.'),
             ('  ', 'OC203 It is empty.'),
             ('X', 'OC203 It does not begin with RF.'),
             ('DE89370400440532013000', 'OC203 It does not begin with RF.'),
             ('RF18', 'OC203 It has 4 characters, not 5 to 25.'),
             ('RF18' || repeat('1', 22), 'OC203 It has 26 characters, not 5 to 25.'),
             ('RF18' || repeat('1', 10000), 'OC203 It has more than 34 characters.'),
             ('RF1X539007547034', 'OC203 Its third and fourth character are not digits.'),
             ('RF19 5390 0754 7034', 'OC203 The check digits 19 do not fit the rest.'),
             ('RF18-5390', 'OC203 The character at place 5 is neither a letter A to Z nor a digit.'),
             ('RF18 539é', 'OC203 The character at place 9 is neither a letter A to Z nor a digit.'),
             (repeat('é', 5000), 'OC203 The character at place 1 is neither a letter A to Z nor a digit.')) v (reference, complaint);
SELECT throws_ok($$ SELECT repeat('é', 5000)::creditor_reference $$, 'OC203',
                 'invalid creditor reference "' || repeat('é', 32) || '..."', 'an error repeats only the beginning of a long input');
SELECT is(pg_temp.complaint(format('SELECT o2c.make_creditor_reference(%L)', bare)), complaint, 'bare ' || quote_literal(left(bare, 40)))
FROM (VALUES ('', 'OC203 It is empty.'), (repeat('9', 22), 'OC203 It has 22 characters, more than 21.'),
             ('INV-1', 'OC203 The character at place 4 is neither a letter A to Z nor a digit.')) v (bare, complaint);
SELECT is(make_creditor_reference(repeat('Z', 21))::text, 'RF55' || repeat('Z', 21), 'the longest reference') WHERE pg_temp.mod97(repeat('Z', 21) || 'RF55') = 1;
SELECT is(print_form('rf18539007547034'::creditor_reference), 'RF18 5390 0754 7034', 'print form, last group whole');
SELECT is(print_form('RF68AB2G5'::creditor_reference), 'RF68 AB2G 5', 'print form, last group short');
SELECT is_empty($$ SELECT m FROM pg_temp.mistyped('RF96TU06FX') m WHERE is_creditor_reference(m) $$, 'a creditor reference with one wrong or two swapped characters is refused');
SELECT is_empty($$ SELECT bare FROM (SELECT upper(left(md5(i::text), 1 + i % 21)) FROM generate_series(1, 500) i) r (bare)
                   WHERE make_creditor_reference(bare)::text <> 'RF' || lpad((98 - pg_temp.mod97(bare || 'RF00'))::text, 2, '0') || bare $$,
                'check digits agree with numeric arithmetic');
SELECT is_empty($$ SELECT r FROM (SELECT make_creditor_reference(left(md5(i::text), 1 + i % 21)) FROM generate_series(1, 500) i) x (r)
                   WHERE print_form(r)::creditor_reference <> r OR NOT is_creditor_reference(print_form(r)) OR NOT is_reference('RF', print_form(r))
                      OR print_form('RF', r::text) <> print_form(r) $$, 'print form and back');
SELECT is(is_creditor_reference(r), false, 'another remainder of the same class is refused: ' || r)
FROM (SELECT 'RF' || lpad(((98 - pg_temp.mod97(i || 'RF00')) + step)::text, 2, '0') || i
      FROM generate_series(0, 300) i, (VALUES (97), (-97)) s (step)
      WHERE (98 - pg_temp.mod97(i || 'RF00')) + step BETWEEN 0 AND 99 LIMIT 3) x (r);

-- iban: the example of each country of the registry
CREATE TEMP TABLE example (iban text, bank text);
INSERT INTO example VALUES
    ('AD1200012030200359100100', '0001'), ('AE070331234567890123456', '033'), ('AL47212110090000000235698741', '21211009'),
    ('AT611904300234573201', '19043'), ('AZ21NABZ00000000137010001944', 'NABZ'), ('BA391290079401028494', '129'),
    ('BE68539007547034', '539'), ('BG80BNBG96611020345678', 'BNBG'), ('BH67BMAG00001299123456', 'BMAG'),
    ('BI4210000100010000332045181', '10000'), ('BR6699999A03000010009795493C1', '99999A03'), ('BY13NBRB3600900000002Z00AB00', 'NBRB'),
    ('CH9300762011623852957', '00762'), ('CR05015202001026284066', '0152'), ('CY17002001280000001200527600', '002'),
    ('CZ6508000000192000145399', '0800'), ('DE89370400440532013000', '37040044'), ('DJ2100010000000154000100186', '00010'),
    ('DK5000400440116243', '0040'), ('DO28BAGR00000001212453611324', 'BAGR'), ('EE382200221020145685', '22'),
    ('EG380019000500000000263180002', '0019'), ('ES9121000418450200051332', '2100'), ('FI2112345600000785', '123'),
    ('FK88SC123456789012', 'SC'), ('FO6264600001631634', '6460'), ('FR1420041010050500013M02606', '20041'),
    ('GB29NWBK60161331926819', 'NWBK'), ('GE29NB0000000101904917', 'NB'), ('GI75NWBK000000007099453', 'NWBK'),
    ('GL8964710001000206', '6471'), ('GR1601101250000000012300695', '011'), ('GT82TRAJ01020000001210029690', 'TRAJ'),
    ('HN88CABF00000000000250005469', 'CABF'), ('HR1210010051863000160', '1001005'), ('HU42117730161111101800000000', '117'),
    ('IE29AIBK93115212345678', 'AIBK'), ('IL620108000000099999999', '010'), ('IQ98NBIQ850123456789012', 'NBIQ'),
    ('IS140159260076545510730339', '01'), ('IT60X0542811101000000123456', '05428'), ('JO94CBJO0010000000000131000302', 'CBJO'),
    ('KW81CBKU0000000000001234560101', 'CBKU'), ('KZ86125KZT5004100100', '125'), ('LB62099900000001001901229114', '0999'),
    ('LC55HEMM000100010012001200023015', 'HEMM'), ('LI21088100002324013AA', '08810'), ('LT121000011101001000', '10000'),
    ('LU280019400644750000', '001'), ('LV80BANK0000435195001', 'BANK'), ('LY83002048000020100120361', '002'),
    ('MC5811222000010123456789030', '11222'), ('MD24AG000225100013104168', 'AG'), ('ME25505000012345678951', '505'),
    ('MK07250120000058984', '250'), ('MN121234123456789123', '1234'), ('MR1300020001010000123456753', '00020'),
    ('MT84MALT011000012345MTLCAST001S', 'MALT'), ('MU17BOMM0101101030300200000MUR', 'BOMM01'), ('NI45BAPR00000013000003558124', 'BAPR'),
    ('NL91ABNA0417164300', 'ABNA'), ('NO9386011117947', '8601'), ('OM810180000001299123456', '018'),
    ('PK36SCBL0000001123456702', 'SCBL'), ('PL61109010140000071219812874', NULL), ('PS92PALS000000000400123456702', 'PALS'),
    ('PT50000201231234567890154', '0002'), ('QA58DOHB00001234567890ABCDEFG', 'DOHB'), ('RO49AAAA1B31007593840000', 'AAAA'),
    ('RS35260005601001611379', '260'), ('RU0304452522540817810538091310419', '044525225'), ('SA0380000000608010167519', '80'),
    ('SC18SSCB11010000000000001497USD', 'SSCB11'), ('SD2129010501234001', '29'), ('SE4550000000058398257466', '500'),
    ('SI56263300012039086', '26330'), ('SK3112000000198742637541', '1200'), ('SM86U0322509800000000270100', '03225'),
    ('SO211000001001000100141', '1000'), ('ST23000100010051845310146', '0001'), ('SV62CENR00000000000000700025', 'CENR'),
    ('TL380080012345678910157', '008'), ('TN5910006035183598478831', '10'), ('TR330006100519786457841326', '00061'),
    ('UA213223130000026007233566001', '322313'), ('VA59001123000012345678', '001'), ('VG96VPVG0000012345678901', 'VPVG'),
    ('XK051212012345678906', '12'), ('YE15CBYE0001018861234567891234', 'CBYE');
SELECT is(count(DISTINCT left(iban, 2)), 89::bigint, 'the registry has 89 countries') FROM example;
SELECT is(is_iban(iban), true, 'example of ' || left(iban, 2)) FROM example;
SELECT is_empty($$ SELECT * FROM example WHERE iban_bank(iban::iban) IS DISTINCT FROM bank $$, 'bank identifiers as the registry has them');
SELECT is_empty($$ SELECT * FROM example WHERE iban_country(iban::iban) <> left(iban, 2) $$, 'countries');
SELECT is_empty($$ SELECT * FROM example WHERE lower(print_form(iban::iban))::iban::text <> iban $$, 'printed, in lower case, and back');
SELECT is_empty($$ SELECT m FROM example, pg_temp.mistyped(iban) m WHERE is_iban(m) AND left(m, 2) = left(iban, 2) $$,
                'no example with one wrong or two swapped characters passes');
SELECT is_empty($$ SELECT m FROM example, unnest(ARRAY[left(iban, -1), iban || '0', substr(iban, 2)]) m WHERE is_iban(m) $$, 'no example with a character more or less passes');

SELECT is(is_iban(iban), valid, 'is_iban ' || quote_literal(left(iban, 40)))
FROM (VALUES ('GB82 WEST 1234 5698 7654 32', true), ('gb82west12345698765432', true), ('', false), ('D', false), ('DE', false), ('DE8', false),
             ('US89370400440532013000', false), ('1234370400440532013000', false), ('DE89370400440532013000 ', true),
             ('DE99370400440532013000', false), (repeat('DE89', 2500), false), (repeat('é', 5000), false),
             ('DE89 3704 0044 0532 0130 0０', false)) v (iban, valid);
SELECT is(is_iban(NULL), NULL, 'is_iban of null is null');
SELECT is(pg_temp.complaint(format('SELECT %L::o2c.iban', iban)), complaint, 'complaint about ' || quote_literal(left(iban, 40)))
FROM (VALUES ('', 'OC203 It is empty.'),
             ('D', 'OC203 It begins with "D", which is no country of the IBAN registry.'),
             ('US89370400440532013000', 'OC203 It begins with "US", which is no country of the IBAN registry.'),
             ('DE', 'OC203 An IBAN of DE has 22 characters, this one has 2.'),
             ('DE8937040044053201300', 'OC203 An IBAN of DE has 22 characters, this one has 21.'),
             ('DE893704004405320130O0', 'OC203 Blanks not counted, the character at place 21 must be a digit in an IBAN of DE.'),
             ('NL91 AB9A 0417 1643 00', 'OC203 Blanks not counted, the character at place 7 must be a letter in an IBAN of NL.'),
             ('DEX9370400440532013000', 'OC203 Its third and fourth character are not digits.'),
             ('DE88 3704 0044 0532 0130 00', 'OC203 The check digits 88 do not fit the rest.'),
             ('DE89-3704', 'OC203 The character at place 5 is neither a letter A to Z nor a digit.'),
             (repeat('D', 10000), 'OC203 It has more than 34 characters.')) v (iban, complaint);

-- binary form
SELECT is(pg_temp.received(type, message), result, 'received as ' || type || ': ' || left(encode(message, 'escape'), 40))
FROM (VALUES ('o2c.iban', 'DE89370400440532013000'::bytea, 'DE89370400440532013000'),
             ('o2c.iban', 'de89 3704 0044 0532 0130 00', 'DE89370400440532013000'),
             ('o2c.creditor_reference', 'RF18539007547034', 'RF18539007547034'),
             ('o2c.iban', '', 'OC203'), ('o2c.creditor_reference', '', 'OC203'),
             ('o2c.iban', 'DE88370400440532013000', 'OC203'), ('o2c.creditor_reference', 'RF19539007547034', 'OC203'),
             ('o2c.iban', '\x444538390033373034', '22021'), ('o2c.creditor_reference', '\x5246ff', '22021'),
             ('o2c.iban', '\x00', '22021'), ('o2c.creditor_reference', convert_to(repeat('é', 5000), 'UTF8'), 'OC203'),
             ('o2c.iban', convert_to(repeat('7', 10000), 'UTF8'), 'OC203')) v (type, message, result);
SELECT is(_iban_send('DE89370400440532013000'), 'DE89370400440532013000'::bytea, 'an IBAN is sent as its text');

-- casts, order, indexes, joins
SELECT is('de89 3704 0044 0532 0130 00'::text::iban::text, 'DE89370400440532013000', 'from text and to text');
SELECT is(pg_typeof(iban('DE89370400440532013000'))::text, 'iban', 'the type name casts');
CREATE TEMP TABLE account (iban iban PRIMARY KEY, reference creditor_reference UNIQUE);
INSERT INTO account SELECT iban, make_creditor_reference(left(iban, 21)) FROM example;
SELECT is((SELECT count(*) FROM account), 89::bigint, 'assignment from text');
SELECT throws_ok($$ INSERT INTO account VALUES ('de89 3704 0044 0532 0130 00') $$, '23505', NULL, 'equal however they are written');
SELECT is((SELECT array_agg(iban::text ORDER BY iban) FROM account), (SELECT array_agg(iban ORDER BY iban COLLATE "C") FROM example), 'order of IBANs: by characters');
SELECT is((SELECT array_agg(r::text ORDER BY r) FROM (SELECT make_creditor_reference(i::text) FROM generate_series(1, 200) i) x (r)),
          (SELECT array_agg(r::text ORDER BY r::text COLLATE "C") FROM (SELECT make_creditor_reference(i::text) FROM generate_series(1, 200) i) x (r)),
          'order of creditor references: by characters');
SELECT is(ARRAY['AT611904300234573201'::iban < b, 'AT611904300234573201'::iban <= b, 'AT611904300234573201'::iban = b,
                'AT611904300234573201'::iban <> b, 'AT611904300234573201'::iban >= b, 'AT611904300234573201'::iban > b],
          expected, 'operators against ' || b)
FROM (VALUES ('AT61 1904 3002 3457 3201'::iban, ARRAY[false, true, true, false, true, false]),
             ('BE68539007547034', ARRAY[true, true, false, true, false, false]),
             ('AD1200012030200359100100', ARRAY[false, false, false, true, true, true])) v (b, expected);
SELECT ok(amvalidate(c.oid), format('operator class %s of %s', c.opcname, a.amname))
FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod WHERE c.opcname IN ('iban_ops', 'creditor_reference_ops') ORDER BY 1;

CREATE FUNCTION pg_temp.plan_of(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || statement;
END $$;
SET LOCAL enable_nestloop = off;
SET LOCAL enable_mergejoin = off;
SELECT is((SELECT count(*) FROM pg_temp.plan_of('SELECT FROM account a FULL JOIN account b USING (iban, reference)') p WHERE p LIKE '%Hash Full Join%'), 1::bigint, 'they are joined by hash');
SELECT is((SELECT count(*) FROM account a JOIN account b USING (iban)), 89::bigint, 'hash join');
SET LOCAL enable_mergejoin = on;
SET LOCAL enable_hashjoin = off;
SELECT is((SELECT count(*) FROM account a JOIN account b USING (reference)), 89::bigint, 'merge join');
SET LOCAL enable_seqscan = off;
SELECT is((SELECT count(*) FROM pg_temp.plan_of($$SELECT FROM account WHERE iban = 'DE89 3704 0044 0532 0130 00'$$) p WHERE p LIKE '%Index Cond%'), 1::bigint, 'the index serves a lookup');
CREATE TEMP TABLE part (iban iban) PARTITION BY HASH (iban);
CREATE TEMP TABLE part0 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TEMP TABLE part1 PARTITION OF part FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO part SELECT iban FROM account;
SELECT ok((SELECT count(*) FROM part0) BETWEEN 20 AND 69 AND (SELECT count(*) FROM part) = 89, 'hash partitions');
SELECT is((SELECT count(DISTINCT iban) FROM (TABLE part UNION ALL SELECT iban FROM account) x), 89::bigint, 'distinct');

-- national schemes
SELECT is(check_digit(scheme, bare), digits, format('%s %s', scheme, bare))
FROM (VALUES ('QRR', '21000000000313947143000901', '7'), ('qrr', '21 00000 00003 13947 14300 0901', '7'),
             ('VIITE', '617435', '4'), ('VIITE', '123', '2'), ('VIITE', '123456', '1'), ('VIITE', repeat('0', 19), '0'),
             ('KID10', '1234567', '4'), ('KID11', '1234567', '4'), ('KID11', '6', '-'), ('KID11', '0', '0'), ('KID10', repeat('9', 24), '4'),
             ('OGM', '0909337554', '93'), ('OGM', '0000000097', '97'), ('OGM', '0000000001', '01'),
             ('RF', 'AB2G5', '68'), ('RF', '539007547034', '18')) v (scheme, bare, digits);
SELECT is(is_reference(scheme, reference), valid, format('%s %L', scheme, left(reference, 40)))
FROM (VALUES ('QRR', '210000000003139471430009017', true), ('QRR', '21 00000 00003 13947 14300 09017', true),
             ('QRR', '210000000003139471430009018', false), ('QRR', '21000000000313947143000901', false),
             ('VIITE', '6174354', true), ('VIITE', '61 74354', true), ('VIITE', '1232', true), ('VIITE', '1233', false), ('VIITE', '12', false),
             ('KID10', '12345674', true), ('KID11', '12345674', true), ('KID11', '6-', true), ('KID11', '-6', false), ('KID11', '-', false),
             ('KID10', '6-', false), ('KID10', '1234567A', false), ('OGM', '090933755493', true), ('OGM', '+++090/9337/55493+++', true),
             ('OGM', '***010/8068/17183***', true), ('OGM', '+++090/9337/55494+++', false), ('OGM', '+++', false),
             ('RF', 'RF18 5390 0754 7034', true), ('RF', '539007547034', false), ('RF', 'RF19GAX8WS5JYOOUJ87', false), ('RF', 'XF18539007547034', false),
             ('QRR', '', false), ('OGM', repeat('1', 10000), false), ('VIITE', repeat('é', 5000), false)) v (scheme, reference, valid);
SELECT is(print_form(scheme, reference), printed, format('%s printed: %s', scheme, printed))
FROM (VALUES ('QRR', '210000000003139471430009017', '21 00000 00003 13947 14300 09017'), ('VIITE', '6174354', '61 74354'),
             ('VIITE', '1232', '1232'), ('OGM', '090933755493', '+++090/9337/55493+++'), ('KID11', '6-', '6-'),
             ('RF', 'rf18539007547034', 'RF18 5390 0754 7034')) v (scheme, reference, printed);
SELECT is_empty($$ SELECT scheme, bare FROM (VALUES ('QRR', 26), ('VIITE', 3), ('VIITE', 19), ('KID10', 24), ('KID11', 7), ('OGM', 10)) s (scheme, len),
                          LATERAL (SELECT lpad(translate(md5(i::text), 'abcdef', ''), len, '7') FROM generate_series(1, 100) i) b (bare)
                   WHERE NOT is_reference(scheme, bare || check_digit(scheme, bare))
                      OR NOT is_reference(scheme, print_form(scheme, bare || check_digit(scheme, bare)))
                      OR is_reference(scheme, overlay(bare PLACING ((right(bare, 1)::int + 1) % 10)::text FROM length(bare)) || check_digit(scheme, bare)) $$,
                'computed check digits are accepted, with a wrong digit they are not');
SELECT is(pg_temp.complaint(statement), complaint, statement)
FROM (VALUES ($$SELECT o2c.check_digit('QRR', '1')$$, 'OC203 Without check digits it has 1 characters, not 26.'),
             ($$SELECT o2c.check_digit('VIITE', '12')$$, 'OC203 Without check digits it has 2 characters, not 3 to 19.'),
             ($$SELECT o2c.check_digit('OGM', '09093375A4')$$, 'OC203 It contains something other than digits.'),
             ($$SELECT o2c.check_digit('KID11', '12-4')$$, 'OC203 It contains something other than digits.'),
             ($$SELECT o2c.check_digit('OGM', '')$$, 'OC203 It is empty.'),
             ($$SELECT o2c.print_form('OGM', '090933755494')$$, 'OC203 Its length or its check digits are wrong.')) v (statement, complaint);
SELECT throws_ok(format('SELECT %s', call), 'OC001', NULL, call)
FROM unnest(ARRAY[$$o2c.check_digit('', '1')$$, $$o2c.is_reference('ESR', '1')$$, $$o2c.print_form(repeat('é', 5000), '1')$$]) call;

-- the normal form
SELECT is(normalize_reference(reference), normal, 'normal form of ' || quote_literal(reference))
FROM (VALUES ('0000611365', '611365'), ('INV-0012/07', 'INV12-7'), ('INV 12-7', 'INV12-7'), ('inv12.07', 'INV12-7'), ('INV 1-27', 'INV1-27'),
             ('INV127', 'INV127'), ('INV-2026-000123', 'INV2026-123'), ('Re.Nr. 4711', 'RENR4711'), ('A0B00C000', 'A0B0C0'), ('1001', '1001'),
             ('0', '0'), ('000', '0'), ('00-00', '0-0'), ('', ''), ('--- ', ''), ('éè', ''), ('Ä12ö07', '12-7'), ('１２', ''),
             ('RF18 5390 0754 7034', 'RF18539007547034'), ('rf18539007547034', 'RF18539007547034'), ('RF18 0000 5390 0754 7034', 'RF18539007547034'),
             ('RF720HYA6', 'RF72HYA6'), ('RF19 5390 0754 7034', 'RF19-5390-754-7034')) v (reference, normal);
SELECT is(normalize_reference(NULL), NULL, 'normal form of null is null');
SELECT is(normalize_reference(repeat('0', 10000) || '1'), '1', 'normal form of 10 kB of zeros');
SELECT is(length(normalize_reference(repeat('é1', 5000))), 9999, 'normal form of 10 kB of groups');
SELECT is_empty($$ SELECT x FROM (SELECT translate(md5(i::text) || md5((-i)::text), '56789abcdef', '00-/ RF0') FROM generate_series(1, 3000) i) r (x)
                   WHERE normalize_reference(normalize_reference(x)) <> normalize_reference(x) $$, 'the normal form of a normal form is itself');
SELECT is_empty($$ SELECT x FROM (SELECT 'RF' || i || '-0' || j FROM generate_series(10, 99) i, generate_series(1, 100) j) r (x)
                   WHERE normalize_reference(normalize_reference(x)) <> normalize_reference(x) $$, 'also where zeros hid a creditor reference');
CREATE TEMP TABLE numbered (number text, normal text GENERATED ALWAYS AS (o2c.normalize_reference(number)) STORED);
INSERT INTO numbered (number) VALUES ('INV-2026-000123');
SELECT is(normal, 'INV2026-123', 'it serves in a generated column') FROM numbered;

-- references in free text
SELECT is(reference_tokens(remittance), tokens::text[], 'tokens of ' || quote_literal(remittance))
FROM (VALUES ('INV 2024 0012', '{INV2024,2024,INV2024-12,2024-12,INV20240012,20240012}'),
             ('INV-2024-0012', '{INV2024-12,2024-12,INV20240012,20240012,2024}'),
             ('inv20240012', '{INV20240012,20240012,INV2024-12,2024-12}'),
             ('INV202612345', '{INV202612345,202612345,INV2026-12345,2026-12345}'),
             ('RE.NR.4711,4712', '{RENR4711,4711,NR4711,4712}'),
             ('invoice:123456', '{INVOICE123456,123456}'),
             ('RF18 5390 0754 7034', '{RF18539007547034}'),
             ('rf18539007547034', '{RF18539007547034}'),
             ('/REF/RF18 5390 0754 7034 thanks', '{REFRF18,REFRF18-5390,REFRF185390,REFRF18-5390-754,REFRF1853900754,RF18539007547034}'),
             ('+++090/9337/55493+++', '{90933755493}'),
             ('21 00000 00003 13947 14300 09017', '{210000000003139471430009017}'),
             ('1001-1003', '{1001,1003}'), ('4711 4712 4713', '{4711,4712,4713}'), ('4711+4712', '{4711,4712}'),
             ('2024-4711', '{2024,2024-4711,20244711,4711}'),
             ('INV-4711-A', '{INV4711A,4711A,4711}'),
             ('RENR4711', '{RENR4711,4711}'), ('A4711', '{A4711}'),
             ('4711 4711 4711', '{4711}'), ('12', '{}'), ('007', '{}'), ('A7', '{}'), ('A07B', '{A7B}'),
             ('', '{}'), (' ,;- ', '{}'), ('rent for may', '{}'), ('éè', '{}'), ('é4711è', '{4711}'),
             (repeat('1', 36), '{}')) v (remittance, tokens);
SELECT is(reference_tokens(NULL), NULL, 'tokens of null is null');
SELECT is(reference_tokens(repeat('1', 35)), ARRAY[repeat('1', 35)], 'a token of 35 digits');
SELECT is(reference_tokens(repeat('x1', 5000)), '{}', 'a word of 10 kB is no reference');
SELECT is(cardinality(reference_tokens((SELECT string_agg((i * 7919)::text, ' ') FROM generate_series(1000, 3000) i))), 256, 'at most 256 tokens');
SELECT is(reference_tokens(repeat('é47', 5000)), '{}', 'a list of 10 kB of short numbers');
SELECT ok(number_found, 'INV-2026-000123 is found in ' || quote_literal(remittance))
FROM (SELECT remittance, normalize_reference('INV-2026-000123') = ANY (reference_tokens(remittance))
      FROM unnest(ARRAY['INV-2026-000123', 'inv 2026 000123', 'INV2026000123', 'Invoice no. 5, INV-2026-123 of May', 'INV/2026/000123;INV/2026/000124',
                        E'payment\nINV-2026-000123\n', 'INV2026-000123']) remittance) x (remittance, number_found);
SELECT is_empty($$ SELECT x, token FROM (SELECT translate(md5(i::text) || md5((-i)::text), '456789abcdef', '00-/ RF0.,') FROM generate_series(1, 1000) i) r (x),
                          unnest(reference_tokens(x)) token
                   WHERE normalize_reference(token) <> token OR length(replace(token, '-', '')) NOT BETWEEN 3 AND 35 $$, 'tokens are in normal form, of 3 to 35 characters');
SELECT is_empty($$ SELECT x FROM (SELECT translate(md5(i::text), 'abcdef', ' -/.') FROM generate_series(1, 1000) i) r (x)
                   WHERE cardinality(reference_tokens(x)) <> (SELECT count(DISTINCT t) FROM unnest(reference_tokens(x)) t) $$, 'each token once');

SELECT is_empty('SELECT * FROM o2c.verify()', 'nothing to verify') WHERE to_regprocedure('o2c.verify()') IS NOT NULL;
SELECT * FROM finish();
ROLLBACK;
