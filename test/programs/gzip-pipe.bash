# SPDX-License-Identifier: GPL-2.0-only
# Compress and expand a stream: full pipes, processes that compute without a pause.
# needs: gzip awk sha256sum
# progress: copy
# dump-at: 60000 150000
# compare: copy

awk 'BEGIN {
	x = 1
	for (i = 0; i < 250000; i++) {
		x = (x * 16807) % 2147483647
		print i, x, "a line that says little but has some length to it"
	}
}' | gzip -9 | gunzip | tee copy | sha256sum
