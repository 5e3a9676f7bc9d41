# Installing, and taking the data elsewhere: what install() made is the user's,
# so a dump carries it, with all that the user added.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Utils;
use Test::More;
use O2C;

my ($version) = slurp_file('o2c.control') =~ /^default_version = '(.*)'/m;
my @versions = slurp_file('META.json') =~ /^ +"version": "(.*)"/mg;
is("@versions", "$version $version 1.0.0", 'META.json has the version of o2c.control');

my $node = new_node('main');
create_o2c($node, 'one');

# billing moves exposure from one part to another, which frees no credit
is($node->safe_psql('one', "SELECT string_agg(state, ' ' ORDER BY order_id) FROM o2c.sales_order"), 'confirmed completed completed held completed',
	'the sample is as it says, and the order over the limit still held');
verify_ok($node, 'one', 'for the sample');

# install() is repeatable
my ($definitions, $contents) = (definitions($node, 'one'), contents($node, 'one'));
my $oids = 'SELECT oid, relname FROM pg_class UNION ALL SELECT oid, tgname FROM pg_trigger UNION ALL SELECT oid, proname FROM pg_proc ORDER BY 1';
my $before = $node->safe_psql('one', $oids);
is($node->safe_psql('one', 'SELECT o2c.install(); SELECT o2c.install()'), "\n", 'install() again, without a word');
same(definitions($node, 'one'), $definitions, '... changes no definition');
same(contents($node, 'one'), $contents, '... and no row');
is($node->safe_psql('one', $oids), $before, '... and makes nothing anew');

# by the owner of the schema only
$node->safe_psql('one', 'CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA o2c TO clerk; GRANT pg_read_all_data TO clerk');
my @clerk = (extra_params => [ '-U', 'clerk' ]);
is(sqlstate($node, 'one', 'SELECT o2c.install()', @clerk), '42501', 'install() is for those it is granted to');
$node->safe_psql('one', 'GRANT EXECUTE ON FUNCTION o2c.install() TO clerk');
is(sqlstate($node, 'one', 'SELECT o2c.install()', @clerk), '42501', '... and then only with the rights of the schema\'s owner');
is(sqlstate($node, 'one', 'SELECT o2c._install()', @clerk), '42501', 'nor by the back door');
is(sqlstate($node, 'one', "SELECT o2c.create_company('Mine', 'EUR')", @clerk), '42501', 'commands are for those they are granted to');
is(sqlstate($node, 'one', 'SELECT count(*) FROM o2c.verify()', @clerk), '0', 'a reader may verify');

# the data outlive carelessness
is(sqlstate($node, 'one', 'DROP EXTENSION o2c'), '2BP01', 'DROP EXTENSION is refused while tables use it');
is(sqlstate($node, 'one', 'DROP SCHEMA o2c CASCADE'), '2BP01', 'and so is the schema');

# what users add to the tables is theirs and stays
$node->safe_psql('one', <<'SQL');
ALTER TABLE o2c.customer ADD COLUMN my_color text DEFAULT 'blue';
CREATE INDEX my_index ON o2c.customer (company_id, my_color);
ALTER TABLE o2c.customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY my_policy ON o2c.customer USING (my_color <> 'secret');
CREATE FUNCTION public.my_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.my_color := upper(NEW.my_color); RETURN NEW; END $$;
CREATE TRIGGER my_trigger BEFORE UPDATE OF my_color ON o2c.customer FOR EACH ROW EXECUTE FUNCTION public.my_trigger();
CREATE VIEW public.my_view AS SELECT code, my_color, o2c.today() AS today FROM o2c.customer;
UPDATE o2c.customer SET my_color = 'green' WHERE code = 'C1';
GRANT EXECUTE ON FUNCTION o2c.set_setting TO clerk;
SQL
$node->safe_psql('one', 'SELECT o2c.install()');
($definitions, $contents) = (definitions($node, 'one'), contents($node, 'one'));
like($definitions, qr/my_color.*my_index.*my_policy.*my_trigger/s, 'a user\'s column, index, policy and trigger survive install()');

# What a restored database must be.
sub check_restored
{
	my ($db, $how) = @_;
	same(definitions($node, $db), $definitions, "$how: definitions are the same");
	same(contents($node, $db), $contents, "$how: rows and sequences are the same");
	verify_ok($node, $db, "after $how");
	is($node->safe_psql($db, "SELECT has_function_privilege('clerk', 'o2c.set_setting(text,text,bigint)', 'EXECUTE')"), 't', "$how: grants are kept");
	is( $node->safe_psql($db, "SELECT o2c.ship_order(o2c.place_order('C3', '[{\"sku\": \"P1\", \"quantity\": 1}]')) > 0; SELECT number FROM o2c.bill()"),
		"t\nINV-000005", "$how: documents and their numbers go on");
	is( $node->safe_psql($db, "INSERT INTO o2c.customer (code, name) VALUES ('new', 'New'); UPDATE o2c.customer SET my_color = 'red' WHERE code = 'new' RETURNING my_color"),
		'RED', "$how: work goes on");
	is(sqlstate($node, $db, 'UPDATE o2c.credit_account SET ordered = 1'), 'OC102', "$how: under guard");
	$node->safe_psql($db, 'SELECT o2c.install()');
	verify_ok($node, $db, "after $how and more work");
	return;
}

my $dump = "$PostgreSQL::Test::Utils::tmp_check/one";
$node->command_ok([ 'pg_dump', '-f', "$dump.sql", 'one' ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE two');
$node->command_checks_all([ 'psql', '-qXAt', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.sql", 'two' ], 0, [], [qr/^$/], 'psql reads it without a complaint');
check_restored('two', 'pg_dump | psql');

$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dump.dump", 'one' ], 'pg_dump -Fc');
$node->safe_psql('postgres', 'CREATE DATABASE three');
$node->command_checks_all([ 'pg_restore', '-j2', '-d', 'three', "$dump.dump" ], 0, [], [qr/^$/], 'pg_restore -j2 reads it without a complaint');
check_restored('three', 'pg_dump -Fc | pg_restore -j2');

$node->stop('fast');
done_testing();
