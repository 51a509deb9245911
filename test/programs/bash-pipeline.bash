# SPDX-License-Identifier: GPL-2.0-only
# Eight processes and seven pipes: read loops, awk, tee and sort, most of them blocked
# in a read or a write at any moment.
# needs: awk sort tee
# progress: progress
# dump-at: 3000 12000

seq 1 30000 |
	while read -r n; do
		echo "$((n * 7919 % 10007)) $n"
	done |
	awk '{ print $1, $2, ($1 * $2) % 97; fflush() }' |
	while read -r key n rest; do
		echo "$key $n $((rest + key % 13))"
	done |
	tee progress |
	sort -n |
	awk '{ sum += $3 * NR; print } END { print "sum", sum }' |
	while read -r line; do
		echo "[$line]"
	done
