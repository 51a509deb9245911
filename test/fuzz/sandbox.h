/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Images name files, and reading a dump looks at them. So that no input does any
 * harm, everything is read-only for a target, no device can be opened, and there
 * is no network; only what the fuzzer itself keeps can be written.
 */
#ifndef CRL_FUZZ_SANDBOX_H
#define CRL_FUZZ_SANDBOX_H

/*
 * Enter it; a descriptor of an empty directory in memory that is nobody else's.
 * The directory FUZZ_KEEP (environment) stays writable. Aborts where it cannot.
 */
int sandbox_enter(void);

#endif
