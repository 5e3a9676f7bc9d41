# The business date moves for those whom the DBA allows, and for nobody else,
# also where the setting is made before the library is loaded.
use strict;
use warnings FATAL => 'all';
use Test::More;
use O2C;

my $node = new_node('main');
create_o2c($node, 'one');
$node->safe_psql('one', 'CREATE ROLE app LOGIN; CREATE ROLE tester LOGIN; GRANT USAGE ON SCHEMA o2c TO app, tester');
$node->safe_psql('one', 'GRANT SET ON PARAMETER o2c.business_date TO tester');
my @app = (extra_params => [ '-U', 'app' ]);
my @tester = (extra_params => [ '-U', 'tester' ]);
my $moved = 'SELECT o2c.today() <> current_date';

is($node->safe_psql('one', $moved), 'f', 'today is today');
is($node->safe_psql('one', "SET o2c.business_date = '2001-01-01'; SELECT o2c.today()"), '2001-01-01', 'a superuser moves it');
is($node->safe_psql('one', "SET o2c.business_date = '2001-01-01'; SELECT o2c.today()", @tester), '2001-01-01', 'a role with the right moves it');
is(sqlstate($node, 'one', "SELECT o2c.today() > '-infinity'; SET o2c.business_date = '2001-01-01'", @app), '42501', 'a role without it is refused');

# the time of day is the same people's
is(sqlstate($node, 'one', "SELECT o2c.now() > '-infinity'; SET o2c.business_time = '10:00'", @app), '42501', 'a role without the right does not move the time of day');
is($node->safe_psql('one', "SET TimeZone = 'UTC'; SET o2c.business_date = '2001-01-01'; SET o2c.business_time = '10:00'; SELECT o2c.now()"),
	'2001-01-01 10:00:00+00', 'a superuser does');

# before the library is loaded the setting is only a name
is($node->safe_psql('one', "SET o2c.business_date = '2001-01-01'; $moved", @app), 'f', 'SET before the library is loaded moves nothing');
is($node->safe_psql('one', "SELECT set_config('o2c.business_date', '2001-01-01', false) IS NULL; $moved", @app), "f\nf", 'nor does set_config()');
is($node->safe_psql('one', "BEGIN; SET LOCAL o2c.business_date = '2001-01-01'; $moved; COMMIT", @app), 'f', 'nor does SET LOCAL');
{
	local $ENV{PGOPTIONS} = '-c o2c.business_date=2001-01-01';
	is($node->safe_psql('one', $moved, @app), 'f', 'nor does a connection option');
}
is( $node->safe_psql('one', "SET o2c.business_date = '2001-01-01'; SELECT o2c.minor_units('EUR'); SHOW o2c.business_date; $moved", @app),
	"2\n\nf", 'the name is empty once it is a setting');
$node->psql('one', "ALTER ROLE app SET o2c.business_date = '2001-01-01'", @app);
is($node->safe_psql('one', $moved, @app), 'f', 'nor does a role that sets it for itself');

$node->safe_psql('one', "ALTER DATABASE one SET o2c.business_date = '2001-01-01'");
is($node->safe_psql('one', 'SELECT o2c.today()', @tester), '2001-01-01', 'the DBA moves it for a database');
$node->safe_psql('one', 'ALTER DATABASE one RESET ALL');

# the date holds in a transaction and ends with it
is($node->safe_psql('one', "BEGIN; SET LOCAL o2c.business_date = '2001-01-01'; SELECT o2c.today(); COMMIT; $moved"), "2001-01-01\nf", 'SET LOCAL ends with the transaction');

$node->stop('fast');
done_testing();
