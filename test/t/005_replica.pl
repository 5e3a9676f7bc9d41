# A hot standby answers every question and takes no command.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use Test::More;
use O2C;

my $primary = new_node('primary', allows_streaming => 1);
create_o2c($primary, 'one');
$primary->safe_psql('one', "SELECT o2c.set_setting('default_credit_limit', '1000')");
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->safe_psql('one', "INSERT INTO o2c.customer (code, name) VALUES ('late', 'Late')");
$primary->wait_for_catchup($standby);
is($standby->safe_psql('one', "SELECT name FROM o2c.customer WHERE code = 'late'"), 'Late', 'rows arrive');
verify_ok($standby, 'one', 'on a standby');
same(contents($standby, 'one', tables => 1), contents($primary, 'one', tables => 1), 'every table is the same');
is($standby->safe_psql('one', 'SELECT count(*) FROM o2c.read_events()'), $primary->safe_psql('one', 'SELECT count(*) FROM o2c.read_events()'), 'so is the feed');
is($standby->safe_psql('one', "SELECT o2c.get_setting('default_credit_limit')"), '1000', 'settings can be read');
is(sqlstate($standby, 'one', "SELECT o2c.set_setting('default_credit_limit', '4')"), '25006', 'commands are refused');

# every view, and every report that needs no argument
my $views = $primary->safe_psql('one', "SELECT oid::regclass FROM pg_class WHERE relnamespace = 'o2c'::regnamespace AND relkind = 'v' ORDER BY 1");
for my $view (split /\n/, $views)
{
	is($standby->safe_psql('one', "SELECT * FROM $view"), $primary->safe_psql('one', "SELECT * FROM $view"), "$view reads the same");
}

$standby->promote;
$standby->safe_psql('one', "INSERT INTO o2c.customer (code, name) VALUES ('promoted', 'Promoted')");
verify_ok($standby, 'one', 'after promotion');

$standby->stop('fast');
$primary->stop('fast');
done_testing();
