// SPDX-License-Identifier: GPL-2.0-only
/*
 * Features that only scripts ask for, by CRIU's names: another name of one of
 * ours, one more thing to try, or something that crl does not do. The answer to
 * the last is no, whatever the kernel can: a script wants to know what will work.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>

#include "cmd/features.h"
#include "crl/auto.h"
#include "crl/err.h"
#include "crl/proc/file.h"
#include "task/subject.h"

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#define RESTORE_IDS 77 /* PR_TIMER_CREATE_RESTORE_IDS */

static int file_says(const char *path, const char *text, struct err *err)
{
	PROC_BUF_AUTO buf = { 0 };
	int ret = proc_read(AT_FDCWD, path, &buf, err);

	if (!ret && !strstr(buf.data, text))
		ret = err_set(err, EOPNOTSUPP, "%s has no line %s", path, text);
	return ret;
}

static int try_mnt_id(struct err *err)
{
	auto_fd int fd = open("/proc/self", O_DIRECTORY | O_CLOEXEC);
	char path[PROC_PATH_SIZE];

	proc_path(path, "/proc/self/fdinfo/", fd, "");
	return file_says(path, "mnt_id:", err);
}

static int try_ns_pid(struct err *err)
{
	return file_says("/proc/self/status", "NSpid:", err);
}

static int try_loginuid(struct err *err)
{
	auto_fd int fd = open("/proc/self/loginuid", O_RDWR | O_CLOEXEC);

	return fd < 0 ? err_os(err, errno, "/proc/self/loginuid (CONFIG_AUDIT)") : 0;
}

static int try_openat2(struct err *err)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS };
	auto_fd int fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	return fd < 0 ? err_os(err, errno, "openat2") : 0;
}

static int try_buf_lock(struct err *err)
{
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(int);
	int value;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &value, &len))
		return err_os(err, errno, "SO_BUF_LOCK");
	return 0;
}

static int try_timer_ids(struct err *err)
{
	if (syscall(SYS_prctl, RESTORE_IDS, 1, 0, 0, 0))
		return err_os(err, errno, "PR_TIMER_CREATE_RESTORE_IDS");
	syscall(SYS_prctl, RESTORE_IDS, 0, 0, 0, 0);
	return 0;
}

/* One at an address of no code, in a child that never comes there. */
static int try_breakpoints(struct err *err)
{
	struct subject s;
	int ret = subject_start(&s, NULL, err);

	if (!ret)
		ret = subject_stop(&s, 0, err);
	if (!ret && (ptrace(PTRACE_POKEUSER, s.pid, offsetof(struct user, u_debugreg[0]),
			     4096ul) ||
			    ptrace(PTRACE_POKEUSER, s.pid,
				    offsetof(struct user, u_debugreg[7]), 1ul)))
		ret = err_os(err, errno, "set a hardware breakpoint");
	subject_end(&s);
	return ret;
}

const struct feature features_script[] = {
	{ "mnt_id", NEED_SCRIPT, "the mount of an open file", NULL, try_mnt_id },
	{ "ns_pid", NEED_SCRIPT, "pids inside of namespaces", NULL, try_ns_pid },
	{ "loginuid", NEED_SCRIPT, "the audit user of a task", NULL, try_loginuid },
	{ "openat2", NEED_SCRIPT, "openat2(2)", "Linux 5.6", try_openat2 },
	{ "sockopt_buf_lock", NEED_SCRIPT, "locked buffer sizes of sockets", "Linux 5.14",
		try_buf_lock },
	{ "timer_cr_ids", NEED_SCRIPT, "POSIX timers made with the id they had",
		"Linux 6.15", try_timer_ids },
	{ "breakpoints", NEED_SCRIPT, "hardware breakpoints (crl itself uses none)", NULL,
		try_breakpoints },
	{ 0 },
};

#define NAMESPACES "namespaces are not carried yet"
#define NET	   "network namespaces and the lock of their traffic are not carried yet"
#define TCP	   "internet sockets are not carried yet"
#define LAZY	   "pages are not restored lazily yet"

const struct feature_alias feature_aliases[] = {
	{ "seccomp_suspend", "seccomp", NULL },
	{ "seccomp_filters", "seccomp", NULL },
	{ "pidfd_store", "pidfd_getfd", NULL },
	{ "get_rseq_conf", "restartable sequences", NULL },
	{ "kcmp_epoll", "epoll", NULL },
	{ "can_map_vdso", "vdso", NULL },	 /* moved, not mapped */
	{ "sk_unix_file", "unix socket", NULL }, /* found through sock_diag */
	{ "overlayfs_maps", "map_files", NULL }, /* what maps shows is not believed */
	{ "fdinfo_lock", "file_locks", NULL },
	{ "mem_dirty_track", NULL, "incremental dumps are not made yet" },
	{ "aio_remap", NULL, "asynchronous I/O contexts are not carried yet" },
	{ "tun", NULL, "tun devices are not carried yet" },
	{ "tun_ns", NULL, "tun devices are not carried yet" },
	{ "userns", NULL, NAMESPACES },
	{ "cgroupns", NULL, NAMESPACES },
	{ "autofs", NULL, "automounts are not carried yet" },
	{ "tcp_half_closed", NULL, TCP },
	{ "compat_cr", NULL, "32-bit tasks are not carried yet" },
	{ "uffd", NULL, LAZY },
	{ "uffd-noncoop", NULL, LAZY },
	{ "sk_ns", NULL, NET },
	{ "net_diag_raw", NULL, TCP },
	{ "nsid", NULL, NET },
	{ "link_nsid", NULL, NET },
	{ "timens", NULL, NAMESPACES },
	{ "external_net_ns", NULL, NET },
	{ "newifindex", NULL, NET },
	{ "nftables", NULL, NET },
	{ "has_ipt_legacy", NULL, NET },
	{ "apparmor_stacking", NULL, "profiles of AppArmor are not carried yet" },
	{ "network_lock_nftables", NULL, NET },
	{ "memfd_hugetlb", NULL,
		"memory of memfd_create with huge pages is not carried yet" },
	{ "move_mount_set_group", NULL, "mount namespaces are not carried yet" },
	{ "ipv6_freebind", NULL, TCP },
	{ 0 },
};
