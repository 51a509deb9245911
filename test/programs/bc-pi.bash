# SPDX-License-Identifier: GPL-2.0-only
# bc computes with many digits; a shell beside it writes down the progress.
# needs: bc
# progress: progress
# dump-at: 60 200

bc -lq <<'END' | while read -r line; do echo "$line" | tee -a progress; done
for (n = 1; n <= 40; n++) {
	scale = 350 + n
	4 * a(1 / 5) * n
	e(n / 7)
}
END
