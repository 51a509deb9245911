# SPDX-License-Identifier: GPL-2.0-only
# make -j2 of a small C project: a jobserver, compilers that start and end, and files
# that are half written when everything stops.
# needs: make gcc
# progress: steps
# dump-at: 6 16

parts=24
{
	echo 'int total(void);'
	for ((i = 0; i < parts; i++)); do
		echo "int part$i(int x);"
	done
} >all.h
for ((i = 0; i < parts; i++)); do
	echo '#include "all.h"'
	echo '#include <stdio.h>'
	echo '#include <stdlib.h>'
	for ((j = 0; j < 20; j++)); do
		echo "static int f$j(int x) { for (int k = 0; k < $j; k++) x = x * $((i + 3)) % 10007 + k; return x; }"
	done
	echo "int part$i(int x) {"
	for ((j = 0; j < 20; j++)); do
		echo "	x += f$j(x);"
	done
	echo '	return x % 100003; }'
done | awk '/all.h/ { n++ } { print > ("part" n - 1 ".c") }'
{
	echo '#include "all.h"'
	echo '#include <stdio.h>'
	echo 'int main(void) { int x = 1;'
	for ((i = 0; i < parts; i++)); do
		echo "	printf(\"%d\\n\", x = part$i(x));"
	done
	echo '	return 0; }'
} >main.c
cat >Makefile <<'END'
objects := $(patsubst %.c,%.o,$(wildcard *.c))
program: $(objects)
	gcc -o $@ $^
	@echo "linked $@" >>steps
%.o: %.c all.h
	gcc -O2 -c -o $@ $<
	@echo "compiled $@" >>steps
END
make -s -j2
echo "make ended with $?"
sort steps
./program
