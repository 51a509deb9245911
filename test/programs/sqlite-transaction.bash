# SPDX-License-Identifier: GPL-2.0-only
# The sqlite3 shell, fed through a fifo, inside one large transaction: an open database
# with a lock and a rollback journal.
# needs: sqlite3 mkfifo
# progress: progress
# dump-at: 15 40

mkfifo commands
{
	echo 'PRAGMA journal_mode = DELETE; PRAGMA cache_size = 20;'
	echo 'CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER, y TEXT);'
	echo 'BEGIN IMMEDIATE;'
	for ((step = 0; step < 60; step++)); do
		echo "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 4000)
			INSERT INTO t (x, y) SELECT (i * 7919 + $step) % 10007, hex(i * $step) FROM c;"
		echo "UPDATE t SET x = x + 1 WHERE id % 97 = $step;"
		echo ".system echo $step >>progress"
	done
	echo 'COMMIT;'
	echo 'SELECT count(*), sum(x), sum(length(y)), max(id) FROM t;'
	echo 'PRAGMA integrity_check;'
} >commands &
sqlite3 -batch -bail base.db <commands
echo "sqlite3 ended with $?"
ls
sqlite3 base.db 'SELECT x, count(*) FROM t GROUP BY x % 50 ORDER BY x % 50;'
