# A server that dies while everybody writes comes back with every counter right.
use strict;
use warnings FATAL => 'all';
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use O2C;

my $node = new_node('main');
$node->append_conf('postgresql.conf', "fsync = on\nsynchronous_commit = off\nrestart_after_crash = on\n");
$node->restart;
create_o2c($node, 'one');
my $script = "$PostgreSQL::Test::Utils::tmp_check/writes.sql";
append_to_file($script, writes($node, 'one'));

# A backend that is killed takes the whole server through recovery.
sub kill_backend
{
	kill 9, $node->safe_psql('one', "SELECT pid FROM pg_stat_activity WHERE datname = 'one' AND pid <> pg_backend_pid() LIMIT 1");
	return;
}

# The server is stopped as if the power had gone.
sub stop_immediately
{
	$node->stop('immediate');
	$node->start;
	return;
}

# What is there after a crash, and how many clients wrote until then.
sub crash_while_writing
{
	my ($how, $crash) = @_;
	my ($out, $err) = ('', '');
	my $count = "SELECT count(*) FROM o2c.customer WHERE code ~ '^W'";
	my $before = $node->safe_psql('one', $count);
	my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', '4', '-T', '30', '-f', $script, '-d', $node->connstr('one') ], '>', \$out, '2>', \$err);
	ok($node->poll_query_until('one', "SELECT ($count) > $before + 20"), "$how while four clients write");
	$crash->();
	$bench->finish;
	ok($node->poll_query_until('one', 'SELECT true'), 'the server is back');
	cmp_ok($node->safe_psql('one', $count), '>', $before, 'with what was written');
	verify_ok($node, 'one', "after $how");
	unlike($err, qr{ERROR: }, 'nothing else went wrong');
	is(sqlstate($node, 'one', "INSERT INTO o2c.customer (code, name) VALUES ('$how', 'After')"), '', 'and work goes on');
	return;
}

crash_while_writing('an immediate stop', \&stop_immediately);
crash_while_writing('kill -9 of a backend', \&kill_backend);
crash_while_writing('another immediate stop', \&stop_immediately);

$node->stop('fast');
done_testing();
