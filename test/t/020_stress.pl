# Everybody at once, in each isolation level: orders, shipments, invoices, payments, bounces, returns, holds,
# limits and the overdue run, on a few customers that share a group, a limit and scarce stock.
#
#   O2C_STRESS_SECONDS=30 O2C_STRESS_CLIENTS="8 16 32" make check TESTS=tap/020_stress      the full run
#
# What must hold, and is looked at while it runs and after it:
# * no order is confirmed beyond a limit: a trigger of the test looks at the account, and at its group, when lines
#   that were confirmed are committed.  (Where a limit is lowered or a payment bounces an account may stand above its
#   limit; then nothing more is confirmed.)  One customer has a constant limit and nothing but orders that could lift
#   its exposure: it is never above its limit in any snapshot;
# * o2c.verify() is empty in every snapshot: stock is never oversold, no open item applied beyond its amount;
# * an order that is sent twice is entered once;
# * no deadlock in any level; in READ COMMITTED no error at all; in the others only 40001, which is tried again.
use strict;
use warnings FATAL => 'all';
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use O2C;

my $seconds = $ENV{O2C_STRESS_SECONDS} || 5;
my @clients = split ' ', $ENV{O2C_STRESS_CLIENTS} || 8;

my $node = new_node('main');
$node->append_conf('postgresql.conf', "log_line_prefix = 'SQLSTATE=%e '\nlog_min_error_statement = panic\nmax_connections = 60\ndeadlock_timeout = 200ms\nsynchronous_commit = off\n");
$node->restart;

my $script = "$PostgreSQL::Test::Utils::tmp_check/stress.sql";
append_to_file($script, "SELECT stress.act();\n");

# The company, its customers and what a client does next; each run begins with a copy.
$node->safe_psql('postgres', 'CREATE DATABASE begin');
$node->safe_psql('begin', 'CREATE EXTENSION o2c; SELECT o2c.install()');
$node->safe_psql('begin', slurp_file('test/stress.sql'));

# One snapshot of everything that must hold.
sub look
{
	my ($db) = @_;
	return $node->safe_psql($db, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT * FROM stress.wrong; COMMIT');
}

# The SQLSTATEs of the errors in the log since a place.
sub sqlstates
{
	my ($from) = @_;
	my %count;
	my $log = slurp_file($node->logfile, $from);
	$count{$1}++ while $log =~ /SQLSTATE=(\w{5}) (?:ERROR|FATAL|PANIC):/g;
	return \%count;
}

# Runs the clients for some seconds, and looks at the data meanwhile.
sub run
{
	my ($level, $clients) = @_;
	my ($out, $err, @wrong) = ('', '');
	my $name = "$level, $clients clients";
	my $db = $level =~ s/ /_/r . "_$clients";
	$node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE begin");
	my $log = -s $node->logfile;
	local $ENV{PGOPTIONS} = '-c default_transaction_isolation=' . ($level =~ s/ /\\ /r);
	my $bench = IPC::Run::start([ 'pgbench', '-n', '-c', $clients, '-j', 2, '-T', $seconds, '--max-tries=0', '--failures-detailed',
		'-f', $script, $node->connstr($db) ], '<', \undef, '>', \$out, '2>', \$err);
	my $looks = 0;
	while ($bench->pumpable)
	{
		my $found = look($db);
		push @wrong, $found if $found ne '';
		$looks++;
		$bench->pump_nb;
		sleep 0.2;
	}
	ok($bench->finish, "$name: every client came through") or diag("$out\n$err");
	push @wrong, look($db);
	is(join("\n", grep { $_ ne '' } @wrong), '', "$name: nothing wrong in any snapshot");
	my %state = %{ sqlstates($log) };
	my ($done) = $out =~ /actually processed: (\d+)/;
	note(sprintf('%s: %d transactions in %d s, errors: %s, %d looks', $name, $done // 0, $seconds, join(', ', map { "$_ $state{$_}" } sort keys %state) || 'none', $looks));
	delete $state{'40001'} if $level ne 'read committed';
	is(join(', ', sort keys %state), '', "$name: no unexpected SQLSTATE")
		or diag(join "\n", grep { defined } (grep { /ERROR|DETAIL|CONTEXT|^\tProcess/ } split /\n/, slurp_file($node->logfile, $log))[0 .. 40]);
	note($node->safe_psql($db, 'TABLE stress.summary'));
	is($node->safe_psql($db, "SELECT action FROM stress.mix WHERE action IN ('place', 'ship', 'bill', 'pay', 'match', 'cancel', 'receive')"
		. ' EXCEPT SELECT action FROM stress.done WHERE state IS NULL'), '', "$name: the work was done");
	is($node->safe_psql($db, "SELECT deadlocks FROM pg_stat_database WHERE datname = '$db'"), '0', "$name: no deadlock");
	return;
}

for my $clients (@clients)
{
	run($_, $clients) for ('read committed', 'repeatable read', 'serializable');
}
$node->stop('fast');
done_testing();
