# SPDX-License-Identifier: GPL-2.0-only
# One process that computes in floating point and integers and keeps a large array.
# dump-at: 10 35

BEGIN {
	for (n = 1; n <= 150000; n++) {
		steps = 0
		for (x = n; x != 1; steps++) {
			if (x in known) {
				steps += known[x]
				break
			}
			x = x % 2 ? 3 * x + 1 : x / 2
		}
		known[n] = steps
		total += steps
		if (steps > best)
			best = steps
		root += sqrt(n) * sin(n)
		if (n % 2500 == 0) {
			printf "%d %d %d %.10f\n", n, best, total, root
			fflush()
		}
	}
}
