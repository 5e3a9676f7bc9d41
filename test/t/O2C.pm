# What the TAP tests share: a server with o2c and the sample company, and two
# looks at a database, its definitions and its rows.
package O2C;

use strict;
use warnings FATAL => 'all';
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node create_o2c definitions contents same verify_ok sqlstate writes);

# A running server.
sub new_node
{
	my ($name, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%init);
	$node->append_conf('postgresql.conf', "jit = off\n");
	$node->start;
	return $node;
}

# A database with o2c, its tables and the sample company.
sub create_o2c
{
	my ($node, $db) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, 'CREATE EXTENSION o2c; SELECT o2c.install()');
	$node->safe_psql($db, slurp_file('test/sample.sql'));
	return;
}

# Every definition in schema o2c, one a line.
sub definitions
{
	my ($node, $db) = @_;
	return $node->safe_psql($db, <<'SQL');
SELECT replace(d, E'\\n', ' ') FROM (
	SELECT format('column %s %s %s %s %s %s', c.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
	              pg_get_expr(x.adbin, x.adrelid), col_description(c.oid, a.attnum)) AS d
	FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_attrdef x ON x.adrelid = c.oid AND x.adnum = a.attnum
	WHERE c.relnamespace = 'o2c'::regnamespace
	UNION ALL
	SELECT format('relation %s %s %s %s %s', c.oid::regclass, c.relkind, c.relrowsecurity, c.reloptions, obj_description(c.oid, 'pg_class'))
	FROM pg_class c WHERE c.relnamespace = 'o2c'::regnamespace
	UNION ALL
	SELECT format('view %s %s', c.oid::regclass, pg_get_viewdef(c.oid))
	FROM pg_class c WHERE c.relnamespace = 'o2c'::regnamespace AND c.relkind = 'v'
	UNION ALL
	SELECT format('constraint %s %s %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
	FROM pg_constraint k WHERE k.connamespace = 'o2c'::regnamespace
	UNION ALL
	SELECT format('index %s', pg_get_indexdef(i.indexrelid))
	FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'o2c'::regnamespace
	UNION ALL
	SELECT format('trigger %s', pg_get_triggerdef(t.oid))
	FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = 'o2c'::regnamespace
	WHERE NOT t.tgisinternal
	UNION ALL
	SELECT format('policy %s %s %s', p.polrelid::regclass, p.polname, pg_get_expr(p.polqual, p.polrelid)) FROM pg_policy p
	UNION ALL
	SELECT format('function %s %s', p.oid::regprocedure, obj_description(p.oid, 'pg_proc'))
	FROM pg_proc p WHERE p.pronamespace = 'o2c'::regnamespace
) q ORDER BY d COLLATE "C"
SQL
}

# A digest of the rows of every table, and where every sequence stands, one a line.
sub contents
{
	my ($node, $db, %only) = @_;
	my $kinds = $only{tables} ? "'r'" : "'r', 'S'";
	return $node->safe_psql($db, <<"SQL");
SELECT c.relname, (xpath('//x/text()', query_to_xml(format(
	CASE c.relkind WHEN 'S' THEN 'SELECT last_value || '' '' || is_called AS x FROM %s'
	ELSE 'SELECT count(*) || '' '' || md5(string_agg(t::text, E''\\n'' ORDER BY t::text COLLATE "C")) AS x FROM %s t' END, c.oid::regclass),
	false, true, '')))[1]
FROM pg_class c
WHERE c.relnamespace = 'o2c'::regnamespace AND c.relkind IN ($kinds) ORDER BY 1
SQL
}

# Two such texts are the same; if not, only the lines that differ are shown.
sub same
{
	my ($got, $expected, $name) = @_;
	my %count;
	$count{$_}++ for split /\n/, $got;
	$count{$_}-- for split /\n/, $expected;
	my @differ = map { ($count{$_} > 0 ? '+' : '-') . $_ } sort grep { $count{$_} } keys %count;
	is(join("\n", @differ), '', $name);
	return;
}

# Nothing is out of step.
sub verify_ok
{
	my ($node, $db, $when) = @_;
	is($node->safe_psql($db, 'SELECT * FROM o2c.verify()'), '', "verify() is empty $when");
	return;
}

# The SQLSTATE that a statement ends with, or what it returns.
sub sqlstate
{
	my ($node, $db, $sql, @options) = @_;
	my ($stdout, $stderr);
	$node->psql($db, "\\set VERBOSITY sqlstate\n$sql", stdout => \$stdout, stderr => \$stderr, @options);
	return $stderr =~ /ERROR:\s+(\w{5})/ ? $1 : $stdout;
}

# What a client of pgbench does again and again.
sub writes
{
	my ($node, $db) = @_;
	my $sql = <<'SQL';
\set n random(1, 1000000000)
INSERT INTO o2c.customer (code, name, parent_customer_id) SELECT 'W' || :n, 'Written', customer_id FROM o2c.customer WHERE code = 'C2' ON CONFLICT DO NOTHING;
SELECT o2c.receive_stock('P1', 2);
SELECT o2c.place_order('C3', '[{"sku": "P1", "quantity": 2}, {"sku": "P2", "quantity": 1}]') AS placed \gset
SELECT o2c.ship_order(:placed, lines => '[{"line_no": 1}]');
SELECT count(*) FROM o2c.bill(customer => 'C3');
SQL
	if ($node->safe_psql($db, "SELECT to_regproc('o2c.load_invoices') IS NOT NULL AND to_regproc('o2c.match_payments') IS NOT NULL") eq 't')
	{
		$sql .= <<'SQL';
INSERT INTO o2c.invoice_import (number, customer, invoiced_on, due_on, amount, currency) VALUES ('I' || :n, 'C5', '2026-01-01', '2026-02-01', :n / 100.0, 'EUR');
SELECT o2c.load_invoices();
SELECT o2c.record_payment(:n / 100.0, '2026-01-15', 'C5', 'I' || :n);
SELECT * FROM o2c.match_payments('2026-01-31');
SQL
	}
	return $sql;
}

1;
