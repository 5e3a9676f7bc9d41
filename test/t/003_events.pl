# The feed is in order and without gaps, whoever commits first, and after the
# data moved to another cluster and back.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Utils;
use Test::More;
use O2C;

my $node = new_node('main');
create_o2c($node, 'one');
$node->safe_psql('one', <<'SQL');
CREATE TABLE thing (company_id bigint DEFAULT 1, thing_id bigint PRIMARY KEY, state text);
CREATE TRIGGER record_insert AFTER INSERT ON thing REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION o2c._record_state('thing', 'thing_id', '', 'state');
SQL

# A transaction that began before another one commits after it.
my $events = 'SELECT string_agg(object_id::text, \' \') FROM o2c.read_events(at_most => 1000000) WHERE object_type = \'thing\'';
my $older = $node->background_psql('one');
$older->query_safe("BEGIN; INSERT INTO thing VALUES (1, 1, 'new')");
$node->safe_psql('one', "INSERT INTO thing VALUES (1, 2, 'new')");
is($node->safe_psql('one', $events), '', 'what an older transaction may precede is withheld');
$older->query_safe("INSERT INTO thing VALUES (1, 3, 'new')");
$older->query_safe('COMMIT');
is($node->safe_psql('one', $events), '1 3 2', 'then all are there, by transaction');
$older->query_safe("BEGIN; INSERT INTO thing VALUES (1, 4, 'new')");
$node->safe_psql('one', "INSERT INTO thing VALUES (1, 5, 'new')");
$older->query_safe('ROLLBACK');
is($node->safe_psql('one', $events), '1 3 2 5', 'a rollback holds nothing up');
$older->quit;

# A reader that goes on where it stopped, one event at a time, misses nothing.
my $reader = <<'SQL';
DO $$
DECLARE last bigint := 0; seen text := '';
BEGIN
	LOOP
		SELECT e.event_id, seen || CASE WHEN e.object_type = 'thing' THEN e.object_id || ' ' ELSE '' END INTO last, seen FROM o2c.read_events(last, 1) e;
		EXIT WHEN NOT FOUND;
		RAISE NOTICE '%', seen;
	END LOOP;
END $$
SQL
my ($ret, $stdout, $stderr) = $node->psql('one', $reader);
like($stderr, qr/NOTICE:  1 3 2 5 $/, 'one at a time is the same feed');

# LISTEN wakes with the company.
like($node->safe_psql('one', "LISTEN o2c; INSERT INTO thing VALUES (1, 6, 'new')"), qr/notification "o2c" with payload "1"/, 'NOTIFY o2c names the company');
unlike($node->safe_psql('one', "SET o2c.notify = off; LISTEN o2c; INSERT INTO thing VALUES (1, 7, 'new')"), qr/notification/, 'unless it is turned off');

# Elsewhere transaction ids start anew; the feed goes on behind what it had.
sub move
{
	my ($from, $to) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/move.sql";
	$from->command_ok([ 'pg_dump', '--clean', '--if-exists', '-f', $file, 'one' ], 'dump');
	$to->safe_psql('postgres', 'DROP DATABASE IF EXISTS one');
	$to->safe_psql('postgres', 'CREATE DATABASE one');
	$to->command_ok([ 'psql', '-qXo', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-f', $file, 'one' ], 'restore');
	return;
}
$node->safe_psql('one', 'SELECT count(pg_current_xact_id()) FROM generate_series(1, 10)') for 1 .. 3;
my $other = new_node('other');
move($node, $other);
is($other->safe_psql('one', $events), '1 3 2 5 6 7', 'a moved feed can be read at once');
$other->safe_psql('one', "INSERT INTO thing VALUES (1, 8, 'new')");
is($other->safe_psql('one', $events), '1 3 2 5 6 7 8', '... and goes on');
move($other, $node);
$node->safe_psql('one', "INSERT INTO thing VALUES (1, 9, 'new')");
is($node->safe_psql('one', $events), '1 3 2 5 6 7 8 9', '... also back where it came from');
is($node->safe_psql('one', 'SELECT count(*) FROM o2c.event_era'), '3', '... in an era of its own');
verify_ok($node, 'one', 'after two moves');

$_->stop('fast') for $node, $other;
done_testing();
