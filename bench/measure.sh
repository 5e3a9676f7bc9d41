# What benchmarks of single calls share; sourced by them.  A run is named by
# its contender, and appends "calls a second, microseconds of server CPU, bytes
# of WAL" for one call to a file of its own.

results=$O2C_TMP/results
mkdir -p "$results"

# CPU time of the server so far, in ticks: the postmaster, the children it has
# reaped, and those that live.
server_ticks() {
	local postmaster
	postmaster=$(head -n 1 "$O2C_TMP/data/postmaster.pid")
	# a process may end while it is read
	{ cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v postmaster="$postmaster" '
		{ pid = $1; sub(/^.*\) /, "") }
		pid == postmaster { ticks += $12 + $13 + $14 + $15 }
		$2 == postmaster { ticks += $12 + $13 }
		END { print ticks }'
}

# One run of pgbench for some seconds; what follows the first three arguments is handed on.
measure() { # run clients seconds argument...
	local run=$1 clients=$2 seconds=$3 ticks wal done tps out=$results/pgbench
	shift 3
	wal=$(psql -XAtc 'SELECT pg_current_wal_lsn()')
	ticks=$(server_ticks)
	pgbench -n -M prepared -c "$clients" -j 2 -T "$seconds" "$@" >"$out" 2>&1 || { cat "$out" >&2; exit 1; }
	ticks=$(($(server_ticks) - ticks))
	wal=$(psql -XAtc "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '$wal')")
	tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$out")
	done=$(sed -n 's/.*actually processed: \([0-9]*\).*/\1/p' "$out")
	echo "$tps $((ticks * 1000000 / $(getconf CLK_TCK) / done)) $((wal / done))" >>"$results/$run.run"
}

# Whether there is anything of a run, and the median of one of its columns.
measured() { [ -f "$results/$1.run" ]; }
median() { # run column
	sort -n -k"$2,$2" "$results/$1.run" |
		awk -v c="$2" '{ v[NR] = $c } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# The quotient of two medians of a column; nothing where there is nothing to divide by.
ratio() { # run run column
	! measured "$2" || awk -v a="$(median "$1" "$3")" -v b="$(median "$2" "$3")" 'BEGIN { printf "%.2f", a / b }'
}
