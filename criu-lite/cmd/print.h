/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for people. */
#ifndef CRL_CMD_PRINT_H
#define CRL_CMD_PRINT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Names come from dumps: what would move the cursor of a terminal is shown as \xNN. */
void print_name(FILE *out, const char *text);

/* "812 B", "4.0 KiB", "1.5 GiB" */
#define PRINT_SIZE 16
const char *print_size(char text[PRINT_SIZE], uint64_t bytes);

/* "{HUP INT 34}": the signals of a mask, bit n-1 is signal n. */
void print_signals(FILE *out, uint64_t mask);

#endif
