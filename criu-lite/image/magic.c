// SPDX-License-Identifier: GPL-2.0-only
/* Names and magic numbers of image files: see magic.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/magic.h"

/* clang-format off */
/* crl-sums is crl's own: its magic reads "crlS" in the file. */
static const struct image_kind_info kinds[IMAGE_NR_KINDS] = {
	[IMAGE_INVENTORY]     = { "inventory", 0x58313116, IMAGE_ONE | IMAGE_BARE },
	[IMAGE_PSTREE]	      = { "pstree", 0x50273030, IMAGE_ONE },
	[IMAGE_FILES]	      = { "files", 0x56303138, IMAGE_ONE },
	[IMAGE_CGROUP]	      = { "cgroup", 0x59383330, IMAGE_ONE | IMAGE_NESTED },
	[IMAGE_SECCOMP]	      = { "seccomp", 0x64413049, IMAGE_ONE },
	[IMAGE_PIPES_DATA]    = { "pipes-data", 0x56453709, IMAGE_ONE },
	[IMAGE_FIFO_DATA]     = { "fifo-data", 0x59333054, IMAGE_ONE },
	[IMAGE_SK_QUEUES]     = { "sk-queues", 0x56264026, IMAGE_ONE },
	[IMAGE_REMAP_FPATH]   = { "remap-fpath", 0x59133954, IMAGE_ONE },
	[IMAGE_MEMFD]	      = { "memfd", 0x48453499, IMAGE_ONE },
	[IMAGE_TTY_INFO]      = { "tty-info", 0x59453036, IMAGE_ONE },
	[IMAGE_TTY_DATA]      = { "tty-data", 0x59413026, IMAGE_ONE },
	[IMAGE_FILELOCKS]     = { "filelocks", 0x54323616, IMAGE_ONE },
	[IMAGE_BINFMT_MISC]   = { "binfmt-misc", 0x67343323, IMAGE_ONE },
	[IMAGE_BPFMAP_DATA]   = { "bpfmap-data", 0x64324033, IMAGE_ONE },
	[IMAGE_APPARMOR]      = { "apparmor", 0x59423047, IMAGE_ONE | IMAGE_NESTED },
	[IMAGE_CPUINFO]	      = { "cpuinfo", 0x61404013, IMAGE_ONE },
	[IMAGE_CRL_SUMS]      = { "crl-sums", 0x536c7263, IMAGE_ONE },
	[IMAGE_STATS_DUMP]    = { "stats-dump", 0x57093306, IMAGE_ONE | IMAGE_SERVICE },
	[IMAGE_STATS_RESTORE] = { "stats-restore", 0x57093306,
				  IMAGE_ONE | IMAGE_SERVICE },
	[IMAGE_IRMAP_CACHE]   = { "irmap-cache", 0x57004059, IMAGE_ONE | IMAGE_SERVICE },

	[IMAGE_CORE]	      = { "core", 0x55053847, 0 },
	[IMAGE_IDS]	      = { "ids", 0x54432030, 0 },
	[IMAGE_MM]	      = { "mm", 0x57492820, 0 },
	[IMAGE_PAGEMAP]	      = { "pagemap", 0x56084025, 0 },
	[IMAGE_PAGEMAP_SHMEM] = { "pagemap-shmem", 0x56084025, 0 },
	[IMAGE_PAGES]	      = { "pages", 0, IMAGE_RAW },
	[IMAGE_FS]	      = { "fs", 0x51403912, 0 },
	[IMAGE_FDINFO]	      = { "fdinfo", 0x56213732, 0 },
	[IMAGE_GHOST_FILE]    = { "ghost-file", 0x52583605, IMAGE_HEX },
	[IMAGE_TCP_STREAM]    = { "tcp-stream", 0x51465506, IMAGE_HEX },
	[IMAGE_MOUNTPOINTS]   = { "mountpoints", 0x55563928, 0 },
	[IMAGE_USERNS]	      = { "userns", 0x55474906, 0 },
	[IMAGE_UTSNS]	      = { "utsns", 0x54473203, 0 },
	[IMAGE_TIMENS]	      = { "timens", 0x43114433, 0 },
	[IMAGE_PIDNS]	      = { "pidns", 0x61157326, 0 },
	[IMAGE_IPCNS_VAR]     = { "ipcns-var", 0x53115007, 0 },
	[IMAGE_IPCNS_SHM]     = { "ipcns-shm", 0x46283044, 0 },
	[IMAGE_IPCNS_MSG]     = { "ipcns-msg", 0x55453737, 0 },
	[IMAGE_IPCNS_SEM]     = { "ipcns-sem", 0x59573019, 0 },
	[IMAGE_NETNS]	      = { "netns", 0x55933752, 0 },
	[IMAGE_NETDEV]	      = { "netdev", 0x57373951, 0 },
	[IMAGE_IFADDR]	      = { "ifaddr", 0, IMAGE_RAW },
	[IMAGE_ROUTE]	      = { "route", 0, IMAGE_RAW },
	[IMAGE_ROUTE6]	      = { "route6", 0, IMAGE_RAW },
	[IMAGE_RULE]	      = { "rule", 0, IMAGE_RAW },
	[IMAGE_IPTABLES]      = { "iptables", 0, IMAGE_RAW },
	[IMAGE_IP6TABLES]     = { "ip6tables", 0, IMAGE_RAW },
	[IMAGE_NFTABLES]      = { "nftables", 0, IMAGE_RAW },
	[IMAGE_NETNS_CT]      = { "netns-ct", 0, IMAGE_RAW },
	[IMAGE_NETNS_EXP]     = { "netns-exp", 0, IMAGE_RAW },
	[IMAGE_TMPFS_DEV]     = { "tmpfs-dev", 0, IMAGE_RAW | IMAGE_TAR },
	[IMAGE_TMPFS]	      = { "tmpfs", 0, IMAGE_RAW | IMAGE_TAR },
	[IMAGE_AUTOFS]	      = { "autofs", 0x49353943, 0 },

	[IMAGE_REG_FILES]     = { "reg-files", 0x50363636, IMAGE_ONE },
	[IMAGE_EXT_FILES]     = { "ext-files", 0x59255641, IMAGE_ONE },
	[IMAGE_NS_FILES]      = { "ns-files", 0x61394011, IMAGE_ONE },
	[IMAGE_PIPES]	      = { "pipes", 0x56513555, IMAGE_ONE },
	[IMAGE_FIFO]	      = { "fifo", 0x58364939, IMAGE_ONE },
	[IMAGE_UNIXSK]	      = { "unixsk", 0x54373943, IMAGE_ONE },
	[IMAGE_INETSK]	      = { "inetsk", 0x56443851, IMAGE_ONE },
	[IMAGE_PACKETSK]      = { "packetsk", 0x60454618, IMAGE_ONE },
	[IMAGE_NETLINKSK]     = { "netlinksk", 0x58005614, IMAGE_ONE },
	[IMAGE_EVENTFD]	      = { "eventfd", 0x44523722, IMAGE_ONE },
	[IMAGE_EVENTPOLL]     = { "eventpoll", 0x45023858, IMAGE_ONE },
	[IMAGE_EVENTPOLL_TFD] = { "eventpoll-tfd", 0x44433746, IMAGE_ONE },
	[IMAGE_SIGNALFD]      = { "signalfd", 0x57323820, IMAGE_ONE },
	[IMAGE_INOTIFY]	      = { "inotify", 0x48424431, IMAGE_ONE },
	[IMAGE_INOTIFY_WD]    = { "inotify-wd", 0x54562009, IMAGE_ONE },
	[IMAGE_FANOTIFY]      = { "fanotify", 0x55096122, IMAGE_ONE },
	[IMAGE_FANOTIFY_MARK] = { "fanotify-mark", 0x56506035, IMAGE_ONE },
	[IMAGE_TTY]	      = { "tty", 0x59433025, IMAGE_ONE },
	[IMAGE_TIMERFD]	      = { "timerfd", 0x50493712, IMAGE_ONE },
	[IMAGE_TUNFILE]	      = { "tunfile", 0x57143751, IMAGE_ONE },
	[IMAGE_BPFMAP_FILE]   = { "bpfmap-file", 0x57506142, IMAGE_ONE },
	[IMAGE_PIDFD]	      = { "pidfd", 0x54435556, IMAGE_ONE },
	[IMAGE_VMAS]	      = { "vmas", 0x54123737, 0 },
	[IMAGE_SIGACTS]	      = { "sigacts", 0x55344201, 0 },
	[IMAGE_ITIMERS]	      = { "itimers", 0x57464056, 0 },
	[IMAGE_POSIX_TIMERS]  = { "posix-timers", 0x52603957, 0 },
	[IMAGE_CREDS]	      = { "creds", 0x54023547, 0 },
	[IMAGE_RLIMIT]	      = { "rlimit", 0x57113925, 0 },
	[IMAGE_SIGNAL_S]      = { "signal-s", 0x59255647, 0 },
	[IMAGE_SIGNAL_P]      = { "signal-p", 0x59255647, 0 },
};
/* clang-format on */

const struct image_kind_info *image_kind_info(enum image_kind kind)
{
	return &kinds[kind];
}

static const char *suffix(const struct image_kind_info *info)
{
	if (info->flags & IMAGE_SERVICE)
		return "";
	return info->flags & IMAGE_TAR ? ".tar.gz.img" : ".img";
}

void image_name(char name[IMAGE_NAME_SIZE], enum image_kind kind, uint64_t number)
{
	const struct image_kind_info *info = &kinds[kind];

	if (info->flags & IMAGE_ONE)
		snprintf(name, IMAGE_NAME_SIZE, "%s%s", info->name, suffix(info));
	else if (info->flags & IMAGE_HEX)
		snprintf(name, IMAGE_NAME_SIZE, "%s-%" PRIx64 "%s", info->name, number,
			suffix(info));
	else
		snprintf(name, IMAGE_NAME_SIZE, "%s-%" PRIu64 "%s", info->name, number,
			suffix(info));
}

int image_name_parse(const char *name, uint64_t *number)
{
	char again[IMAGE_NAME_SIZE];

	for (int kind = 0; kind < IMAGE_NR_KINDS; kind++) {
		const struct image_kind_info *info = &kinds[kind];
		size_t len = strlen(info->name);

		if (strncmp(name, info->name, len))
			continue;
		*number = 0;
		if (!(info->flags & IMAGE_ONE) && name[len] == '-')
			*number = strtoull(
				name + len + 1, NULL, info->flags & IMAGE_HEX ? 16 : 10);
		/* Making the name again rejects signs, leading zeros and loose ends. */
		image_name(again, kind, *number);
		if (!strcmp(again, name))
			return kind;
	}
	return -1;
}
