/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fault points, for tests only. A step that can fail asks here first:
 *
 *	if (FAULT(IMAGE_CREATE) || (fd = openat(...)) < 0)
 *		return err_os(err, errno, "%s: create", name);
 *
 * A normal build sees a constant 0. A build with FAULTS=1 looks at the
 * environment: CRL_FAULT=IMAGE_CREATE makes the first of these steps fail with
 * EIO, as if the kernel had said so, IMAGE_CREATE:3 the third, IMAGE_CREATE:3:ENOSPC
 * that one with this error, and IMAGE_CREATE:3:kill is a kill -9 of crl there and
 * then. FAULT_STEP(NAME, err, f(..., err)) is either f() or a failure instead of it.
 * System calls of batches have one point for each name: CRL_FAULT=CALL=mmap:2.
 *
 * `crl faults` of such a build lists the table below, and test/check-faults walks
 * through it. A new point is one line here, and one where it is asked for. The text
 * is what the message must contain; "" means that crl goes on without, or, in phase
 * dump_kill, that there is nothing to fail, but a moment to be killed in.
 */
#ifndef CRL_FAULT_H
#define CRL_FAULT_H

/* clang-format off */
#define FAULT_POINTS(POINT)                                             \
	/* the image directory */                                       \
	POINT(DIR_OPEN,      dump,      "open the image directory")     \
	POINT(DIR_MAKE,      dump,      "create a directory in it")     \
	POINT(DIR_LOCK,      dump,      "")                             \
	POINT(DIR_READ,      dump,      "read the directory")           \
	/* freezing */                                                  \
	POINT(FREEZE_GUARD,  dump,      "guardian")                     \
	POINT(FREEZE_CGROUP, dump,      "cgroup")                       \
	POINT(FREEZE_WAIT,   dump,      "cgroup.events")                \
	POINT(FREEZE_TICK,   dump,      "freeze timer")                 \
	POINT(FREEZE_LIST,   dump,      "list the tree")                \
	POINT(FREEZE_SEIZE,  dump,      "")                             \
	POINT(FREEZE_SETTLE, dump,      "wait until all stand")         \
	POINT(FREEZE_VERIFY, dump,      "")                             \
	POINT(FREEZE_TREE,   dump,      "list of threads")              \
	/* asking */                                                    \
	POINT(RECORDS,       dump,      "")                             \
	POINT(ASK_OPEN,      dump,      "open /proc/")                  \
	POINT(ASK_FDS,       dump,      "list of descriptors")          \
	POINT(ASK_MASK,      dump,      "read the signal mask")         \
	POINT(PLANT_OPEN,    dump,      "/mem")                         \
	POINT(PLANT_WRITE,   dump,      "write the stub")               \
	POINT(VISIT_TAIL,    dump,      "write the stub's data")        \
	POINT(VISIT_REGS,    dump,      "set the registers")            \
	POINT(VISIT_MASK,    dump,      "set the signal mask")          \
	POINT(VISIT_ENTER,   dump,      "enter the stub")               \
	POINT(VISIT_WRITE,   dump,      "write")                        \
	POINT(VISIT_RUN,     dump,      "run a batch")                  \
	POINT(VISIT_RUNNING, dump_kill, "")                             \
	POINT(VISIT_READ,    dump,      "read")                         \
	POINT(VISIT_LEAVING, dump_kill, "")                             \
	POINT(VISIT_END,     dump,      "leave the stub")               \
	POINT(CORE,          dump,      "core")                         \
	/* writing */                                                   \
	POINT(CREW_THREAD,   dump,      "")                             \
	POINT(VMA_OPEN,      dump,      "mappings")                     \
	POINT(READ_LINK,     dump,      "read the link")                \
	POINT(PAGEMAP_OPEN,  dump,      "open pagemap")                 \
	POINT(PAGEMAP_SCAN,  dump,      "scan pagemap")                 \
	POINT(PAGES_CREATE,  dump,      "create pages-")                \
	POINT(PAGES_THREAD,  dump,      "")                             \
	POINT(PAGES_VMREAD,  dump,      "")                             \
	POINT(PAGES_READ,    dump,      "read memory")                  \
	POINT(PAGES_WRITE,   dump,      "write pages")                  \
	POINT(SHMEM_OPEN,    dump,      "open map_files")               \
	POINT(SHMEM_RANGES,  dump,      "find its pages")               \
	POINT(FD_TABLE,      dump,      "pidfd_open")                   \
	POINT(FD_TAKE,       dump,      "duplicate it")                 \
	POINT(FD_DUMP,       dump,      "describe it")                  \
	POINT(FILES_FINISH,  dump,      "files that belong together")   \
	POINT(IMAGE_CREATE,  dump,      ".img: create")                 \
	POINT(IMAGE_WRITE,   dump,      ".img: write")                  \
	/* committing and letting go */                                 \
	POINT(SUMS,          dump,      "checksums")                    \
	POINT(INVENTORY,     dump,      "inventory")                    \
	POINT(JOURNAL,       dump,      "journal: write")               \
	POINT(SYNC,          dump,      "sync")                         \
	POINT(RENAME,        dump,      "move into place")              \
	POINT(SYNC_DIR,      dump,      "sync")                         \
	POINT(LET_GO,        dump_kill, "")                             \
	POINT(KILL,          dump_kill, "")                             \
	/* loading and planning */                                      \
	POINT(LOAD_OPEN,     restore,   ".img: open")                   \
	POINT(LOAD_READ,     restore,   ".img: read")                   \
	POINT(VERIFY_OPEN,   restore,   ": open")                       \
	POINT(VERIFY_READ,   restore,   ": read")                       \
	POINT(PLAN,          restore,   "plan")                         \
	POINT(SUBREAPER,     restore,   "become a subreaper")           \
	POINT(PIDS,          restore,   "free pids")                    \
	POINT(CARRIER,       restore,   "pidfd_open")                   \
	POINT(STAGE,         restore,   "map the stage")                \
	/* making tasks */                                              \
	POINT(SHARED_MAP,    restore,   "shared memory")                \
	POINT(SHARED_OPEN,   restore,   "shared memory")                \
	POINT(SHARED_READ,   restore,   "shared memory")                \
	POINT(ROOT_LINE,     restore,   "pipe")                         \
	POINT(ROOT_MAKE,     restore,   "make pid")                     \
	POINT(ROOT_SEIZE,    restore,   "trace the new root")           \
	POINT(BORN,          restore,   "wait for its birth")           \
	POINT(PUPPET_REGS,   restore,   "set the registers")            \
	POINT(PUPPET_MASK,   restore,   "set the signal mask")          \
	POINT(PUPPET_RUN,    restore,   "continue")                     \
	POINT(PUPPET_WAIT,   restore,   "wait for a batch")             \
	POINT(PAGES_OPEN,    restore,   "pages-")                       \
	POINT(PAGES_MAP,     restore,   "map pages-")                   \
	POINT(FILE_OPEN,     restore,   "open it")                      \
	POINT(ATTACH,        restore,   "attach it")                    \
	POINT(ATTRIBUTES,    restore,   "attributes")                   \
	POINT(DIE_AGAIN,     restore,   "let it die")                   \
	POINT(LOCKS,         restore,   "locks")                        \
	/* finishing tasks */                                           \
	POINT(RESTART,       restore,   "interrupted wait")             \
	POINT(UNSTAGE,       restore,   "unmap the stage")              \
	POINT(SET_REGS,      restore,   "set the registers")            \
	POINT(SET_MASK,      restore,   "set the signal mask")          \
	POINT(SPREAD,        restore,   "processors")                   \
	POINT(SETTLE,        restore,   "settle files")                 \
	POINT(MADE,          restore,   "last step before release")     \
	POINT(RELEASE,       release,   "let it go")

/* System calls of batches, by the names that they have there. */
#define FAULT_CALLS(CALL)                                               \
	CALL("brk",                    dump)                            \
	CALL("F_GETFD",                dump)                            \
	CALL("PR_GET_DUMPABLE",        dump)                            \
	CALL("sigaltstack",            dump)                            \
	CALL("rseq",                   restore)                         \
	CALL("set_robust_list",        restore)                         \
	CALL("dup3",                   restore)                         \
	CALL("close_range",            restore)                         \
	CALL("clone3",                 restore)                         \
	CALL("setsid",                 restore)                         \
	CALL("setpgid",                restore)                         \
	CALL("wait4",                  restore)                         \
	CALL("munmap",                 restore)                         \
	CALL("mmap",                   restore)                         \
	CALL("mremap",                 restore)                         \
	CALL("move the vdso",          restore)                         \
	CALL("take a descriptor over", restore)                         \
	CALL("read pages",             restore)                         \
	CALL("MADV_DONTNEED",          restore)                         \
	CALL("mprotect",               restore)                         \
	CALL("PR_SET_MM_MAP",          restore)                         \
	CALL("fchdir",                 restore)                         \
	CALL("umask",                  restore)                         \
	CALL("F_SETFD",                restore)                         \
	CALL("close",                  restore)                         \
	CALL("rt_sigaction",           restore)                         \
	CALL("setitimer",              restore)                         \
	CALL("timer_create",           restore)                         \
	CALL("timer_settime",          restore)                         \
	CALL("PR_SET_NAME",            restore)                         \
	CALL("set_tid_address",        restore)                         \
	CALL("setresuid",              restore)                         \
	CALL("capset",                 restore)                         \
	CALL("PR_SET_DUMPABLE",        restore)
/* clang-format on */

#define FAULT_ID(name, phase, text) FAULT_##name,
enum fault_point { FAULT_POINTS(FAULT_ID) FAULT_COUNT };
#undef FAULT_ID

#ifdef CRL_FAULTS
struct err;

/* True, with errno set, when this step is to fail. */
int fault_strikes(enum fault_point point);
int fault_strikes_call(const char *what);
int fault_step(enum fault_point point, struct err *err);
void fault_list(void);
#define FAULT(name)		    fault_strikes(FAULT_##name)
#define FAULT_CALL(what)	    fault_strikes_call(what)
#define FAULT_STEP(name, err, step) (FAULT(name) ? fault_step(FAULT_##name, err) : (step))
#else
#define FAULT(name)		    (FAULT_##name == FAULT_COUNT)
#define FAULT_CALL(what)	    0
#define FAULT_STEP(name, err, step) ((void)FAULT_##name, (step))
#endif

#endif
