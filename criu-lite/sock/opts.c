// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options of the SOL_SOCKET level. Each is compared before it is set: what a
 * new socket has anyway takes no privilege and leaves no trace.
 *
 * The kernel doubles a buffer size that is set, and shows it doubled. Setting
 * one also locks it against the kernel's own tuning; SO_BUF_LOCK (Linux 5.14)
 * reads and sets that. A classic filter can be read back, an eBPF one cannot.
 */
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "crl/err.h"
#include "snapshot/arena.h"
#include "sock/opts.h"

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

#define FILTER_MAX 4096	      /* instructions */
#define BUFFER_MAX (64 << 20) /* when filling */
#define SEC_MAX	   (LONG_MAX / 1000000)

struct opt {
	const char *name;
	int number;
	size_t has, value;
};

#define OPT(number, field)                                                               \
	{                                                                                \
#number, number, offsetof(SkOptsEntry, has_##field),                     \
			offsetof(SkOptsEntry, field)                                     \
	}

/* protobuf_c_boolean and uint32_t both have the size of an int. */
static const struct opt table[] = {
	OPT(SO_REUSEADDR, reuseaddr),
	OPT(SO_REUSEPORT, so_reuseport),
	OPT(SO_PRIORITY, so_priority),
	OPT(SO_RCVLOWAT, so_rcvlowat),
	OPT(SO_MARK, so_mark),
	OPT(SO_PASSCRED, so_passcred),
	OPT(SO_PASSSEC, so_passsec),
	OPT(SO_DONTROUTE, so_dontroute),
	OPT(SO_BROADCAST, so_broadcast),
	OPT(SO_KEEPALIVE, so_keepalive),
	OPT(SO_OOBINLINE, so_oobinline),
};
#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

static bool get(int fd, int number, int *value)
{
	socklen_t len = sizeof(*value);

	*value = 0;
	return !getsockopt(fd, SOL_SOCKET, number, value, &len);
}

static int dump_filter(struct arena *arena, int fd, SkOptsEntry *o, struct err *err)
{
	struct sock_filter *code;
	socklen_t n = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &n))
		return err_os(err, errno, "read its filter");
	if (!n)
		return 0;
	code = arena_alloc(arena, n * sizeof(*code));
	if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code, &n))
		return err_os(err, errno, "read its filter");
	o->so_filter = arena_alloc(arena, n * sizeof(*o->so_filter));
	o->n_so_filter = n;
	for (size_t i = 0; i < n; i++)
		o->so_filter[i] = (uint64_t)code[i].code << 48 |
				  (uint64_t)code[i].jt << 40 |
				  (uint64_t)code[i].jf << 32 | code[i].k;
	return 0;
}

int sock_opts_dump(struct arena *arena, int fd, SkOptsEntry **opts, struct err *err)
{
	SkOptsEntry *o = arena_msg(arena, SkOptsEntry, sk_opts_entry);
	struct timeval snd, rcv;
	struct linger linger = { 0 };
	socklen_t len = sizeof(snd);
	int sndbuf, rcvbuf, value;

	if (!get(fd, SO_SNDBUF, &sndbuf) || !get(fd, SO_RCVBUF, &rcvbuf) ||
		getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &snd, &len) ||
		getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &rcv, &len))
		return err_os(err, errno, "read its buffer sizes and timeouts");
	o->so_sndbuf = sndbuf;
	o->so_rcvbuf = rcvbuf;
	o->so_snd_tmo_sec = snd.tv_sec;
	o->so_snd_tmo_usec = snd.tv_usec;
	o->so_rcv_tmo_sec = rcv.tv_sec;
	o->so_rcv_tmo_usec = rcv.tv_usec;
	for (size_t i = 0; i < TABLE_SIZE; i++)
		if (get(fd, table[i].number, &value)) {
			*(protobuf_c_boolean *)((char *)o + table[i].has) = true;
			memcpy((char *)o + table[i].value, &value, sizeof(value));
		}
	len = sizeof(linger);
	if (!getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) && linger.l_onoff) {
		o->has_so_linger = true;
		o->so_linger = linger.l_linger;
	}
	o->has_so_buf_lock = get(fd, SO_BUF_LOCK, &value);
	o->so_buf_lock = value;
	*opts = o;
	return dump_filter(arena, fd, o, err);
}

int sock_opts_verify(const SkOptsEntry *o, struct err *err)
{
	if (!o || o->so_sndbuf > INT_MAX || o->so_rcvbuf > INT_MAX ||
		o->so_snd_tmo_sec > SEC_MAX || o->so_snd_tmo_usec >= 1000000 ||
		o->so_rcv_tmo_sec > SEC_MAX || o->so_rcv_tmo_usec >= 1000000 ||
		o->n_so_filter > FILTER_MAX)
		return err_set(err, EINVAL, "impossible socket options");
	return 0;
}

static int set(int fd, int number, int value)
{
	return setsockopt(fd, SOL_SOCKET, number, &value, sizeof(value));
}

/* With privilege beyond the limit of sysctl net.core.wmem_max or rmem_max. */
static int set_buffer(
	int fd, int number, int force, uint32_t want, const char *what, struct err *err)
{
	int now;

	if (get(fd, number, &now) && now == (int)want)
		return 0;
	if ((set(fd, force, want / 2) && set(fd, number, want / 2)) ||
		!get(fd, number, &now))
		return err_os(err, errno, "set its %s buffer", what);
	if (now < (int)want)
		return err_set(err, EPERM,
			"its %s buffer of %u bytes is above the limit; run crl as root, "
			"or raise "
			"net.core.%cmem_max",
			what, want, what[0] == 's' ? 'w' : 'r');
	return 0;
}

static int set_timeout(int fd, int number, uint64_t sec, uint64_t usec)
{
	struct timeval tv = { .tv_sec = sec, .tv_usec = usec };

	return sec || usec ? setsockopt(fd, SOL_SOCKET, number, &tv, sizeof(tv)) : 0;
}

static int set_filter(int fd, const SkOptsEntry *o, struct err *err)
{
	struct sock_filter code[FILTER_MAX];
	struct sock_fprog prog = { .len = o->n_so_filter, .filter = code };

	for (size_t i = 0; i < o->n_so_filter; i++)
		code[i] = (struct sock_filter){ .code = o->so_filter[i] >> 48,
			.jt = o->so_filter[i] >> 40,
			.jf = o->so_filter[i] >> 32,
			.k = o->so_filter[i] };
	if (o->n_so_filter &&
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)))
		return err_os(err, errno, "attach its filter");
	return 0;
}

int sock_opts_restore(const SkOptsEntry *o, int fd, struct err *err)
{
	struct linger linger = { .l_onoff = 1, .l_linger = o->so_linger };
	int now, want, ret;

	for (size_t i = 0; i < TABLE_SIZE; i++) {
		if (!*(protobuf_c_boolean *)((char *)o + table[i].has))
			continue;
		memcpy(&want, (char *)o + table[i].value, sizeof(want));
		if (get(fd, table[i].number, &now) && now != want &&
			set(fd, table[i].number, want))
			return err_os(err, errno, "set %s to %d", table[i].name, want);
	}
	if (o->has_so_linger &&
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)))
		return err_os(err, errno, "set SO_LINGER");
	if (set_timeout(fd, SO_SNDTIMEO, o->so_snd_tmo_sec, o->so_snd_tmo_usec) ||
		set_timeout(fd, SO_RCVTIMEO, o->so_rcv_tmo_sec, o->so_rcv_tmo_usec))
		return err_os(err, errno, "set its timeouts");
	ret = set_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, o->so_sndbuf, "send", err);
	if (!ret)
		ret = set_buffer(
			fd, SO_RCVBUF, SO_RCVBUFFORCE, o->so_rcvbuf, "receive", err);
	if (!ret && o->has_so_buf_lock && get(fd, SO_BUF_LOCK, &now) &&
		now != (int)o->so_buf_lock && set(fd, SO_BUF_LOCK, o->so_buf_lock))
		ret = err_os(err, errno, "set SO_BUF_LOCK");
	return ret ? ret : set_filter(fd, o, err);
}

void sock_opts_roomy(int fd)
{
	if (set(fd, SO_SNDBUFFORCE, BUFFER_MAX))
		set(fd, SO_SNDBUF, BUFFER_MAX);
}
