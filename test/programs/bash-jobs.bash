# SPDX-License-Identifier: GPL-2.0-only
# Background jobs, a trap, process substitution, local state and exit statuses: the
# shell must still know its children by their pids.
# needs: mkfifo cksum cut
# progress: part.1
# dump-at: 2000 6000

part() {
	local i x=$1

	for ((i = 0; i < 15000; i++)); do
		x=$(((x * 1103515245 + 12345) % 2147483648))
		echo "$1 $i $x"
	done
	return "$1"
}

mkfifo heard
seen=0
trap 'seen=$((seen + 1))' USR1
for ((i = 0; i < 200; i++)); do
	kill -USR1 $$
	read -r _
done <heard &
ringer=$!
exec 3>heard
pids=()
for n in 1 2 3 4; do
	part "$n" >"part.$n" &
	pids+=($!)
done

# Each ring is heard before the next one is rung: none may be lost.
for ((rung = 0; rung < 200; )); do
	if ((seen > rung)); then
		rung=$((rung + 1))
		echo >&3
	fi
done
wait "$ringer"
echo "trap ran $seen times"
for pid in "${pids[@]}"; do
	wait "$pid"
	echo "job ended with $?"
done
while read -r sum name; do
	echo "$name $sum"
done < <(cksum part.1 part.2 part.3 part.4 | cut -d ' ' -f 1,3)
