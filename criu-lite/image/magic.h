/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kinds of image files: what each is called and what its first bytes are.
 * The table is in magic.c, one line a kind.
 */
#ifndef CRL_IMAGE_MAGIC_H
#define CRL_IMAGE_MAGIC_H

#include <stdint.h>

#define IMAGE_COMMON_MAGIC  0x54564319u /* opens every image but the inventory */
#define IMAGE_SERVICE_MAGIC 0x55105940u /* opens statistics and caches */
#define IMAGE_NAME_SIZE	    64		/* room for any file name, with its NUL */

/* clang-format off */
enum image_kind {
	/* one file a dump */
	IMAGE_INVENTORY, IMAGE_PSTREE, IMAGE_FILES, IMAGE_CGROUP, IMAGE_SECCOMP,
	IMAGE_PIPES_DATA, IMAGE_FIFO_DATA, IMAGE_SK_QUEUES, IMAGE_REMAP_FPATH,
	IMAGE_MEMFD, IMAGE_TTY_INFO, IMAGE_TTY_DATA, IMAGE_FILELOCKS, IMAGE_BINFMT_MISC,
	IMAGE_BPFMAP_DATA, IMAGE_APPARMOR, IMAGE_CPUINFO, IMAGE_CRL_SUMS,
	IMAGE_STATS_DUMP, IMAGE_STATS_RESTORE, IMAGE_IRMAP_CACHE,
	/* one file an object, numbered */
	IMAGE_CORE, IMAGE_IDS, IMAGE_MM, IMAGE_PAGEMAP, IMAGE_PAGEMAP_SHMEM, IMAGE_PAGES,
	IMAGE_FS, IMAGE_FDINFO, IMAGE_GHOST_FILE, IMAGE_TCP_STREAM, IMAGE_MOUNTPOINTS,
	IMAGE_USERNS, IMAGE_UTSNS, IMAGE_TIMENS, IMAGE_PIDNS, IMAGE_IPCNS_VAR,
	IMAGE_IPCNS_SHM, IMAGE_IPCNS_MSG, IMAGE_IPCNS_SEM, IMAGE_NETNS, IMAGE_NETDEV,
	IMAGE_IFADDR, IMAGE_ROUTE, IMAGE_ROUTE6, IMAGE_RULE, IMAGE_IPTABLES,
	IMAGE_IP6TABLES, IMAGE_NFTABLES, IMAGE_NETNS_CT, IMAGE_NETNS_EXP, IMAGE_TMPFS_DEV,
	IMAGE_TMPFS, IMAGE_AUTOFS,
	/* only in dumps of old programs, never written */
	IMAGE_REG_FILES, IMAGE_EXT_FILES, IMAGE_NS_FILES, IMAGE_PIPES, IMAGE_FIFO,
	IMAGE_UNIXSK, IMAGE_INETSK, IMAGE_PACKETSK, IMAGE_NETLINKSK, IMAGE_EVENTFD,
	IMAGE_EVENTPOLL, IMAGE_EVENTPOLL_TFD, IMAGE_SIGNALFD, IMAGE_INOTIFY,
	IMAGE_INOTIFY_WD, IMAGE_FANOTIFY, IMAGE_FANOTIFY_MARK, IMAGE_TTY, IMAGE_TIMERFD,
	IMAGE_TUNFILE, IMAGE_BPFMAP_FILE, IMAGE_PIDFD, IMAGE_VMAS, IMAGE_SIGACTS,
	IMAGE_ITIMERS, IMAGE_POSIX_TIMERS, IMAGE_CREDS, IMAGE_RLIMIT, IMAGE_SIGNAL_S,
	IMAGE_SIGNAL_P,
	IMAGE_NR_KINDS
};
/* clang-format on */

enum image_flag {
	IMAGE_ONE = 1 << 0,	/* no number in the name */
	IMAGE_HEX = 1 << 1,	/* the number is hexadecimal */
	IMAGE_RAW = 1 << 2,	/* no prologue, no records */
	IMAGE_BARE = 1 << 3,	/* the prologue is the kind's own magic alone */
	IMAGE_SERVICE = 1 << 4, /* service prologue, no ".img" */
	IMAGE_TAR = 1 << 5,	/* ".tar.gz.img" */
	IMAGE_NESTED = 1 << 6,	/* a message may contain messages of its own type */
};

struct image_kind_info {
	const char *name; /* what comes before the number */
	uint32_t magic;
	unsigned int flags;
};

/* Never NULL for a kind below IMAGE_NR_KINDS. */
const struct image_kind_info *image_kind_info(enum image_kind kind);

/* The file name of an image; number is ignored where the kind has none. */
void image_name(char name[IMAGE_NAME_SIZE], enum image_kind kind, uint64_t number);

/*
 * The inverse: the kind, with *number set (0 where the kind has none), or -1
 * for a name that image_name() would not make.
 */
int image_name_parse(const char *name, uint64_t *number);

#endif
