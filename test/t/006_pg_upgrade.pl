# pg_upgrade carries o2c from cluster to cluster.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use O2C;

plan skip_all => 'pg_upgrade of 18 finds libraries only where they are installed'
	if slurp_file($ENV{TEMP_CONFIG}) =~ /^extension_control_path/m;

my $old = new_node('old');
create_o2c($old, 'one');
my ($definitions, $contents) = (definitions($old, 'one'), contents($old, 'one'));
$old->stop('fast');

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $bin = $old->config_data('--bindir');
chdir $PostgreSQL::Test::Utils::tmp_check;
command_ok(
	[   'pg_upgrade', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin, '-s', $new->host, '-p', $old->port, '-P', $new->port ],
	'pg_upgrade');
$new->start;
same(definitions($new, 'one'), $definitions, 'definitions are the same');
same(contents($new, 'one'), $contents, 'rows and sequences are the same');
verify_ok($new, 'one', 'after pg_upgrade');
$new->safe_psql('one', "INSERT INTO o2c.customer (code, name) VALUES ('new', 'New'); SELECT o2c.install()");
verify_ok($new, 'one', 'and more work');

$new->stop('fast');
done_testing();
