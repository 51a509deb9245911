// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * /proc/PID/maps and /proc/PID/smaps.
 *
 *	7f1c2000-7f1c4000 rw-p 00001000 fe:00 131  /usr/lib/libfoo.so
 *
 * begins a mapping in both; in smaps some twenty-five lines "Key:   number kB"
 * follow, and "VmFlags: rd wr mr mw me ac " is always the last. A heading
 * begins with a hexadecimal digit in lower case, the others with a capital.
 *
 * Surprises:
 * - A read() returns no more than about a page of whole records, whatever the
 *   size of the buffer, so a pass is many small reads.
 * - smaps walks the page tables of each mapping to count pages nobody here asks
 *   for: its time grows with the resident memory, that of maps does not. Only
 *   smaps has VmFlags.
 * - Names: see text.c for what is escaped. "[anon:x]" and "[anon_shmem:x]" are
 *   names given by prctl() (5.17, 6.2). A deleted file ends in " (deleted)", as
 *   may a name that is really so.
 * - The device is that of the super block; file systems that make up devices
 *   (btrfs, overlayfs) show another one to stat().
 * - [vsyscall] belongs to no memory of the task: it is there in every list.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crl/err.h"
#include "crl/proc/smaps.h"
#include "scan.h"

#define WINDOW_SIZE 65536
#define MORE	    (-EAGAIN) /* the record does not end inside the window */

/* Two letters to 1 + VMA_*. */
#define F(a, b) [(a - 'a') * 26 + (b - 'a')]
static const unsigned char flag_bits[26 * 26] = {
	F('r', 'd') = VMA_RD + 1,
	F('w', 'r') = VMA_WR + 1,
	F('e', 'x') = VMA_EX + 1,
	F('s', 'h') = VMA_SH + 1,
	F('m', 'r') = VMA_MR + 1,
	F('m', 'w') = VMA_MW + 1,
	F('m', 'e') = VMA_ME + 1,
	F('m', 's') = VMA_MS + 1,
	F('g', 'd') = VMA_GD + 1,
	F('p', 'f') = VMA_PF + 1,
	F('d', 'w') = VMA_DW + 1,
	F('l', 'o') = VMA_LO + 1,
	F('i', 'o') = VMA_IO + 1,
	F('s', 'r') = VMA_SR + 1,
	F('r', 'r') = VMA_RR + 1,
	F('d', 'c') = VMA_DC + 1,
	F('d', 'e') = VMA_DE + 1,
	F('l', 'f') = VMA_LF + 1,
	F('a', 'c') = VMA_AC + 1,
	F('n', 'r') = VMA_NR + 1,
	F('h', 't') = VMA_HT + 1,
	F('s', 'f') = VMA_SF + 1,
	F('n', 'l') = VMA_NL + 1,
	F('a', 'r') = VMA_AR + 1,
	F('w', 'f') = VMA_WF + 1,
	F('d', 'd') = VMA_DD + 1,
	F('s', 'd') = VMA_SD + 1,
	F('m', 'm') = VMA_MM + 1,
	F('h', 'g') = VMA_HG + 1,
	F('n', 'h') = VMA_NH + 1,
	F('m', 'g') = VMA_MG + 1,
	F('u', 'm') = VMA_UM + 1,
	F('u', 'w') = VMA_UW + 1,
	F('u', 'i') = VMA_UI + 1,
	F('s', 's') = VMA_SS + 1,
	F('d', 'p') = VMA_DP + 1,
	F('s', 'l') = VMA_SL + 1,
	F('g', 'u') = VMA_GU + 1,
	F('b', 't') = VMA_BT + 1,
	F('m', 't') = VMA_MT + 1,
};
#undef F

void vma_flag_name(enum vma_flag flag, char name[3])
{
	name[0] = '\0';
	for (size_t i = 0; i < sizeof(flag_bits); i++) {
		if (flag_bits[i] != flag + 1)
			continue;
		name[0] = (char)('a' + i / 26);
		name[1] = (char)('a' + i % 26);
		name[2] = '\0';
	}
}

bool vma_name_deleted(const struct proc_vma *vma, size_t *len)
{
	static const char suffix[] = " (deleted)";
	size_t n = sizeof(suffix) - 1;

	if (vma->name.len < n || memcmp(vma->name.s + vma->name.len - n, suffix, n) != 0)
		return false;
	*len = vma->name.len - n;
	return true;
}

static void add_unknown(struct proc_vma *vma, const char *name, size_t len)
{
	size_t used = strlen(vma->unknown);

	vma->flags |= 1ULL << VMA_UNKNOWN;
	if (used + len + 2 > sizeof(vma->unknown))
		return;
	memcpy(vma->unknown + used, name, len);
	strcpy(vma->unknown + used + len, " ");
}

static void parse_flags(struct proc_vma *vma, const char *p, const char *end)
{
	vma->has_flags = true;
	for (;;) {
		unsigned int a, b;
		const char *name;

		scan_blanks(&p, end);
		name = p;
		while (p < end && *p != ' ')
			p++;
		if (p == name)
			return;
		a = (unsigned char)(name[0] - 'a');
		b = p - name == 2 ? (unsigned char)(name[1] - 'a') : 26;
		if (a < 26 && b < 26 && flag_bits[a * 26 + b])
			vma->flags |= 1ULL << (flag_bits[a * 26 + b] - 1);
		else
			add_unknown(vma, name, (size_t)(p - name));
	}
}

static bool parse_perms(const char **p, const char *end, struct proc_vma *vma)
{
	const char *s = *p;

	if (end - s < 4)
		return false;
	vma->prot = (s[0] == 'r' ? PROT_READ : 0) | (s[1] == 'w' ? PROT_WRITE : 0) |
		    (s[2] == 'x' ? PROT_EXEC : 0);
	vma->shared = s[3] == 's';
	*p += 4;
	return true;
}

static int parse_heading(
	const char *p, const char *end, struct proc_vma *vma, struct err *err)
{
	const char *line = p;
	uint64_t major, minor;

	if (!scan_hex(&p, end, &vma->start) || !scan_char(&p, end, '-') ||
		!scan_hex(&p, end, &vma->end) || !scan_char(&p, end, ' ') ||
		!parse_perms(&p, end, vma) || !scan_char(&p, end, ' ') ||
		!scan_hex(&p, end, &vma->pgoff) || !scan_char(&p, end, ' ') ||
		!scan_hex(&p, end, &major) || !scan_char(&p, end, ':') ||
		!scan_hex(&p, end, &minor) || !scan_char(&p, end, ' ') ||
		!scan_dec(&p, end, &vma->inode))
		return err_set(err, EINVAL, "maps: not understood: \"%.*s\"",
			(int)(end - line), line);
	scan_blanks(&p, end);
	vma->major = (uint32_t)major;
	vma->minor = (uint32_t)minor;
	vma->name = (struct proc_text){ p, (size_t)(end - p) };
	vma->flags = 0;
	vma->has_flags = false;
	vma->pkey = -1;
	vma->unknown[0] = '\0';
	return 0;
}

static void parse_attribute(const char *p, const char *end, struct proc_vma *vma)
{
	uint64_t key;

	if (*p == 'V' && scan_string(&p, end, "VmFlags:")) {
		parse_flags(vma, p, end);
	} else if (*p == 'P' && scan_string(&p, end, "ProtectionKey:")) {
		scan_blanks(&p, end);
		if (scan_dec(&p, end, &key))
			vma->pkey = (int)key;
	}
}

/* One mapping from it->pos on, which moves behind it; MORE moves nothing. */
static int parse_record(struct smaps *it, struct proc_vma *vma, struct err *err)
{
	const char *p = it->pos, *end = it->end, *line = p, *nl;
	int ret;

	nl = memchr(p, '\n', (size_t)(end - p));
	if (!nl && !it->eof)
		return MORE;
	ret = parse_heading(p, nl ? nl : end, vma, err);
	if (ret < 0)
		return ret;
	for (p = nl ? nl + 1 : end; !vma->has_flags; p = nl ? nl + 1 : end) {
		line = p;
		if (line == end && !it->eof)
			return MORE;
		if (line == end || *line < 'A' || *line > 'Z')
			break;
		nl = memchr(line, '\n', (size_t)(end - line));
		if (!nl && !it->eof)
			return MORE;
		parse_attribute(line, nl ? nl : end, vma);
	}
	it->pos = p;
	return 1;
}

/* Get more of the file behind what is left of the window. */
static int refill(struct smaps *it, struct err *err)
{
	struct proc_buf *buf = it->buf;
	size_t left = (size_t)(it->end - it->pos);
	ssize_t n;
	int ret;

	if (left)
		memmove(buf->data, it->pos, left);
	ret = proc_buf_reserve(buf, left + WINDOW_SIZE / 4, err);
	if (ret < 0)
		return ret;
	do
		n = read(it->fd, buf->data + left, buf->cap - left);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_os(err, errno, "read maps");
	it->eof = n == 0;
	it->pos = buf->data;
	it->end = buf->data + left + n;
	return 0;
}

void smaps_init(struct smaps *it, const char *text, size_t len)
{
	*it = (struct smaps){ .fd = -1, .eof = true, .pos = text, .end = text + len };
}

int smaps_open(struct smaps *it, int dirfd, const char *name, struct proc_buf *buf,
	struct err *err)
{
	int ret;

	*it = (struct smaps){ .fd = -1, .buf = buf };
	ret = proc_buf_reserve(buf, WINDOW_SIZE, err);
	if (ret < 0)
		return ret;
	it->pos = it->end = buf->data;
	it->fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	return it->fd < 0 ? err_os(err, errno, "open %s", name) : 0;
}

void smaps_close(struct smaps *it)
{
	if (it->fd >= 0)
		close(it->fd);
	it->fd = -1;
}

int smaps_next(struct smaps *it, struct proc_vma *vma, struct err *err)
{
	int ret;

	for (;;) {
		if (it->pos < it->end) {
			ret = parse_record(it, vma, err);
			if (ret != MORE)
				return ret;
		} else if (it->eof) {
			return 0;
		}
		ret = refill(it, err);
		if (ret < 0)
			return ret;
	}
}
