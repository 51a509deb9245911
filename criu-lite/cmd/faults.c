// SPDX-License-Identifier: GPL-2.0-only
/* crl faults: the fault points of a build with FAULTS=1 (crl/fault.h). */
#include "cmd/cmd.h"
#include "crl/fault.h"

#ifdef CRL_FAULTS
int cmd_faults(const struct options *o, struct err *err)
{
	fault_list();
	return 0;
}
#endif
