# doc/tutorial.md is true: its statements, run one after the other in one session,
# print what it shows.  And doc/reference.md is complete: every public function,
# relation, type and setting of o2c and every SQLSTATE is in it.
#
# With O2C_UPDATE=1 the outputs in the tutorial are written anew, to be read
# before they are committed.
use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use O2C;

my $tutorial = 'doc/tutorial.md';
my $mark = '=== next block ===';

# The text without the blanks that psql pads lines with: no editor keeps them.
sub trim
{
	my ($text) = @_;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

# What each of the blocks prints, all of them in one session of psql: first what
# goes to its output, then its errors.
sub run_blocks
{
	my ($node, $db, @blocks) = @_;
	my ($out, $err) = ('', '');
	my $script = join('', map { "$_\n\\echo $mark\n\\warn $mark\n" } @blocks);
	IPC::Run::run([ 'psql', '-X', '-d', $node->connstr($db) ], '<', \$script, '>', \$out, '2>', \$err);
	my @out = split /^\Q$mark\E\n/m, $out, -1;
	my @err = split /^\Q$mark\E\n/m, $err, -1;
	return map { trim(($out[$_] // '<nothing>') . ($err[$_] // '')) } 0 .. $#blocks;
}

# An sql block, then the text that a reader sees, then, maybe, what it prints.
my $text = slurp_file($tutorial);
my $block = qr/^```sql\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?/ms;
my (@sql, @shown, @line);
while ($text =~ /$block/g)
{
	push @sql, $1;
	push @shown, trim($2 // '');
	push @line, 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
}
cmp_ok(scalar @sql, '>', 20, 'the tutorial has statements');

my $node = new_node('tutorial');
$node->safe_psql('postgres', 'CREATE DATABASE tutorial');
my @printed = run_blocks($node, 'tutorial', @sql);
is($printed[$_], $shown[$_], "line $line[$_]: " . (split /\n/, $sql[$_])[0]) for 0 .. $#sql;
verify_ok($node, 'tutorial', 'after the tutorial');

if ($ENV{O2C_UPDATE})
{
	my $n = 0;
	$text =~ s{$block}{ my $p = $printed[$n]; "```sql\n$sql[$n++]```\n" . ($p eq '' ? '' : "\n```\n$p\n```\n") }ge;
	open my $file, '>', $tutorial or die "$tutorial: $!";
	print $file $text;
	close $file or die "$tutorial: $!";
}

# What the reference must tell of, as it is written there.  The input and output
# functions of a type are told with it.
my @names = split /\n/, $node->safe_psql('tutorial', <<'SQL');
DO $$ BEGIN PERFORM o2c.today(); END $$;  -- so that the library and its settings are there
SELECT DISTINCT p.proname || '(' FROM pg_proc p
WHERE p.pronamespace = 'o2c'::regnamespace AND p.proname !~ '^_' AND p.prorettype <> 'trigger'::regtype
  AND NOT EXISTS (SELECT FROM pg_type t WHERE p.oid IN (t.typinput, t.typoutput, t.typreceive, t.typsend))
UNION
SELECT c.relname || '`' FROM pg_class c
WHERE c.relnamespace = 'o2c'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'c') AND c.relname !~ '^_'
UNION
SELECT t.typname || '`' FROM pg_type t
WHERE t.typnamespace = 'o2c'::regnamespace AND t.typtype <> 'c' AND t.typname !~ '^_'
UNION
SELECT name || '`' FROM o2c.setting_definition
UNION
SELECT name || '`' FROM pg_settings WHERE name ~ '^o2c\.'
SQL
my $errors = slurp_file('src/core/errors.h');
push @names, "OC$1$2$3`" while $errors =~ /define ERRCODE_\w+ O2C_SQLSTATE\('(\w)', '(\w)', '(\w)'\)/g;
cmp_ok(scalar @names, '>', 150, 'there is much to tell of');
cmp_ok(scalar(grep { /^OC/ } @names), '>', 15, '... and every SQLSTATE is read from errors.h');

my $reference = slurp_file('doc/reference.md');
my @missing = grep { $reference !~ /`(?:CALL )?(?:o2c\.)?\Q$_\E/ } sort @names;
is(join(' ', @missing), '', 'doc/reference.md has all of it');

$node->stop;
done_testing();
