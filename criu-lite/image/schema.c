// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contents of images: one row a kind. Most are records of one type; some
 * begin with a record of another (pagemaps, files written in chunks), one has
 * a count of inner records behind each outer one (message queues).
 */
#include <sys/stat.h>

#include "image/schema.h"
#include "proto/apparmor.pb-c.h"
#include "proto/autofs.pb-c.h"
#include "proto/binfmt-misc.pb-c.h"
#include "proto/bpfmap-data.pb-c.h"
#include "proto/cgroup.pb-c.h"
#include "proto/core.pb-c.h"
#include "proto/cpuinfo.pb-c.h"
#include "proto/crl.pb-c.h"
#include "proto/fdinfo.pb-c.h"
#include "proto/fh.pb-c.h"
#include "proto/file-lock.pb-c.h"
#include "proto/fs.pb-c.h"
#include "proto/ghost-file.pb-c.h"
#include "proto/inventory.pb-c.h"
#include "proto/ipc-msg.pb-c.h"
#include "proto/ipc-sem.pb-c.h"
#include "proto/ipc-shm.pb-c.h"
#include "proto/ipc-var.pb-c.h"
#include "proto/memfd.pb-c.h"
#include "proto/mm.pb-c.h"
#include "proto/mnt.pb-c.h"
#include "proto/netdev.pb-c.h"
#include "proto/pagemap.pb-c.h"
#include "proto/pidns.pb-c.h"
#include "proto/pipe-data.pb-c.h"
#include "proto/pstree.pb-c.h"
#include "proto/remap-file-path.pb-c.h"
#include "proto/seccomp.pb-c.h"
#include "proto/sk-packet.pb-c.h"
#include "proto/stats.pb-c.h"
#include "proto/tcp-stream.pb-c.h"
#include "proto/timens.pb-c.h"
#include "proto/tty.pb-c.h"
#include "proto/userns.pb-c.h"
#include "proto/utsns.pb-c.h"

typedef uint64_t payload_fn(const ProtobufCMessage *msg);

struct schema_row {
	const ProtobufCMessageDescriptor *type;
	const ProtobufCMessageDescriptor
		*then; /* all but the first; NULL: of the same type */
	const ProtobufCMessageDescriptor *inner; /* with `count` of it after each */
	payload_fn *payload, *count, *inner_payload;
};

static uint64_t pipe_payload(const ProtobufCMessage *msg)
{
	return ((const PipeDataEntry *)msg)->bytes;
}

static uint64_t packet_payload(const ProtobufCMessage *msg)
{
	return ((const SkPacketEntry *)msg)->length;
}

static uint64_t tcp_payload(const ProtobufCMessage *msg)
{
	const TcpStreamEntry *e = (const TcpStreamEntry *)msg;

	return (uint64_t)e->inq_len + e->outq_len;
}

static uint64_t ghost_payload(const ProtobufCMessage *msg)
{
	const GhostFileEntry *e = (const GhostFileEntry *)msg;

	if (msg->descriptor == &ghost_chunk_entry__descriptor)
		return ((const GhostChunkEntry *)msg)->len;
	return S_ISREG(e->mode) && !e->chunks ? SCHEMA_REST : 0;
}

static uint64_t bpfmap_payload(const ProtobufCMessage *msg)
{
	const BpfmapDataEntry *e = (const BpfmapDataEntry *)msg;

	return (uint64_t)e->keys_bytes + e->values_bytes;
}

static uint64_t sem_payload(const ProtobufCMessage *msg)
{
	return ((uint64_t)((const IpcSemEntry *)msg)->nsems * 2 + 7) & ~7ull;
}

/* A size that is out of the question is found out by who reads the bytes. */
static uint64_t shm_payload(const ProtobufCMessage *msg)
{
	const IpcShmEntry *e = (const IpcShmEntry *)msg;

	return e->in_pagemaps ? 0 : (e->size + 3) & ~3ull;
}

static uint64_t queue_count(const ProtobufCMessage *msg)
{
	return ((const IpcMsgEntry *)msg)->qnum;
}

static uint64_t message_payload(const ProtobufCMessage *msg)
{
	return ((uint64_t)((const IpcMsg *)msg)->msize + 7) & ~7ull;
}

#define OF(prefix) .type = &prefix##__descriptor

static const struct schema_row rows[IMAGE_NR_KINDS] = {
	[IMAGE_INVENTORY] = { OF(inventory_entry) },
	[IMAGE_PSTREE] = { OF(pstree_entry) },
	[IMAGE_FILES] = { OF(file_entry) },
	[IMAGE_CGROUP] = { OF(cgroup_entry) },
	[IMAGE_SECCOMP] = { OF(seccomp_entry) },
	[IMAGE_PIPES_DATA] = { OF(pipe_data_entry), .payload = pipe_payload },
	[IMAGE_FIFO_DATA] = { OF(pipe_data_entry), .payload = pipe_payload },
	[IMAGE_SK_QUEUES] = { OF(sk_packet_entry), .payload = packet_payload },
	[IMAGE_REMAP_FPATH] = { OF(remap_file_path_entry) },
	[IMAGE_MEMFD] = { OF(memfd_inode_entry) },
	[IMAGE_TTY_INFO] = { OF(tty_info_entry) },
	[IMAGE_TTY_DATA] = { OF(tty_data_entry) },
	[IMAGE_FILELOCKS] = { OF(file_lock_entry) },
	[IMAGE_BINFMT_MISC] = { OF(binfmt_misc_entry) },
	[IMAGE_BPFMAP_DATA] = { OF(bpfmap_data_entry), .payload = bpfmap_payload },
	[IMAGE_APPARMOR] = { OF(apparmor_entry) },
	[IMAGE_CPUINFO] = { OF(cpuinfo_entry) },
	[IMAGE_CRL_SUMS] = { OF(crl_sums_entry) },
	[IMAGE_STATS_DUMP] = { OF(stats_entry) },
	[IMAGE_STATS_RESTORE] = { OF(stats_entry) },
	[IMAGE_IRMAP_CACHE] = { OF(irmap_cache_entry) },
	[IMAGE_CORE] = { OF(core_entry) },
	[IMAGE_IDS] = { OF(task_kobj_ids_entry) },
	[IMAGE_MM] = { OF(mm_entry) },
	[IMAGE_PAGEMAP] = { OF(pagemap_head), .then = &pagemap_entry__descriptor },
	[IMAGE_PAGEMAP_SHMEM] = { OF(pagemap_head), .then = &pagemap_entry__descriptor },
	[IMAGE_FS] = { OF(fs_entry) },
	[IMAGE_FDINFO] = { OF(fdinfo_entry) },
	[IMAGE_GHOST_FILE] = { OF(ghost_file_entry),
		.then = &ghost_chunk_entry__descriptor, .payload = ghost_payload },
	[IMAGE_TCP_STREAM] = { OF(tcp_stream_entry), .payload = tcp_payload },
	[IMAGE_MOUNTPOINTS] = { OF(mnt_entry) },
	[IMAGE_USERNS] = { OF(userns_entry) },
	[IMAGE_UTSNS] = { OF(utsns_entry) },
	[IMAGE_TIMENS] = { OF(timens_entry) },
	[IMAGE_PIDNS] = { OF(pidns_entry) },
	[IMAGE_IPCNS_VAR] = { OF(ipc_var_entry) },
	[IMAGE_IPCNS_SHM] = { OF(ipc_shm_entry), .payload = shm_payload },
	[IMAGE_IPCNS_MSG] = { OF(ipc_msg_entry), .inner = &ipc_msg__descriptor,
		.count = queue_count, .inner_payload = message_payload },
	[IMAGE_IPCNS_SEM] = { OF(ipc_sem_entry), .payload = sem_payload },
	[IMAGE_NETNS] = { OF(netns_entry) },
	[IMAGE_NETDEV] = { OF(net_device_entry) },
	[IMAGE_AUTOFS] = { OF(autofs_entry) },

	[IMAGE_REG_FILES] = { OF(reg_file_entry) },
	[IMAGE_EXT_FILES] = { OF(ext_file_entry) },
	[IMAGE_NS_FILES] = { OF(ns_file_entry) },
	[IMAGE_PIPES] = { OF(pipe_entry) },
	[IMAGE_FIFO] = { OF(fifo_entry) },
	[IMAGE_UNIXSK] = { OF(unix_sk_entry) },
	[IMAGE_INETSK] = { OF(inet_sk_entry) },
	[IMAGE_PACKETSK] = { OF(packet_sock_entry) },
	[IMAGE_NETLINKSK] = { OF(netlink_sk_entry) },
	[IMAGE_EVENTFD] = { OF(eventfd_file_entry) },
	[IMAGE_EVENTPOLL] = { OF(eventpoll_file_entry) },
	[IMAGE_EVENTPOLL_TFD] = { OF(eventpoll_tfd_entry) },
	[IMAGE_SIGNALFD] = { OF(signalfd_entry) },
	[IMAGE_INOTIFY] = { OF(inotify_file_entry) },
	[IMAGE_INOTIFY_WD] = { OF(inotify_wd_entry) },
	[IMAGE_FANOTIFY] = { OF(fanotify_file_entry) },
	[IMAGE_FANOTIFY_MARK] = { OF(fanotify_mark_entry) },
	[IMAGE_TTY] = { OF(tty_file_entry) },
	[IMAGE_TIMERFD] = { OF(timerfd_entry) },
	[IMAGE_TUNFILE] = { OF(tunfile_entry) },
	[IMAGE_BPFMAP_FILE] = { OF(bpfmap_file_entry) },
	[IMAGE_PIDFD] = { OF(pidfd_entry) },
	[IMAGE_VMAS] = { OF(vma_entry) },
	[IMAGE_SIGACTS] = { OF(sa_entry) },
	[IMAGE_ITIMERS] = { OF(itimer_entry) },
	[IMAGE_POSIX_TIMERS] = { OF(posix_timer_entry) },
	[IMAGE_CREDS] = { OF(creds_entry) },
	[IMAGE_RLIMIT] = { OF(rlimit_entry) },
	[IMAGE_SIGNAL_S] = { OF(siginfo_entry) },
	[IMAGE_SIGNAL_P] = { OF(siginfo_entry) },
};

void schema_start(struct schema *s, enum image_kind kind)
{
	*s = (struct schema){ .row = rows[kind].type ? &rows[kind] : NULL };
}

const ProtobufCMessageDescriptor *schema_next(const struct schema *s)
{
	if (s->inner)
		return s->row->inner;
	return s->started && s->row->then ? s->row->then : s->row->type;
}

uint64_t schema_payload(struct schema *s, const ProtobufCMessage *msg)
{
	const struct schema_row *row = s->row;

	s->started = true;
	if (s->inner) {
		s->inner--;
		return row->inner_payload(msg);
	}
	if (row->count)
		s->inner = row->count(msg);
	return row->payload ? row->payload(msg) : 0;
}
