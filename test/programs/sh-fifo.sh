# SPDX-License-Identifier: GPL-2.0-only
# Two shells that hand a number back and forth through named fifos.
# needs: mkfifo
# progress: progress
# dump-at: 4000 16000

mkfifo there back
(
	exec <there >back
	while read -r n; do
		echo $((n + 1))
	done
) &
exec 3>there 4<back
n=0
sum=0
while [ "$n" -lt 50000 ]; do
	echo $((n + 1)) >&3
	read -r n <&4
	sum=$(((sum * 31 + n) % 1000003))
	echo "$n" >>progress
done
exec 3>&-
wait
echo "the ball is at $n, sum $sum"
