// SPDX-License-Identifier: GPL-2.0-only
/*
 * The NT_GNU_BUILD_ID note of an ELF file: 20 bytes, mostly, that the linker
 * derived from its contents. A mapped library of the same size but another
 * build would crash the restored program in strange ways; this tells.
 * Stored as 32-bit words in the order of memory, padded with zeros.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "crl/auto.h"
#include "crl/err.h"
#include "fd/build-id.h"
#include "fd/files.h"
#include "snapshot/arena.h"
#include "task/task.h"

#define NOTES_MAX  8192
#define BUILD_MAX  64
#define HEADER_MAX 64 /* program headers that are looked at */

/* Find the note in a segment of notes; length of the id or 0. */
static size_t find_note(const uint8_t *notes, size_t size, uint8_t id[BUILD_MAX])
{
	size_t pos = 0;

	while (size - pos >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *n = (const Elf64_Nhdr *)(notes + pos);
		size_t name = pos + sizeof(*n), desc = name + ((n->n_namesz + 3) & ~3u);

		if (n->n_namesz > size || n->n_descsz > size || desc + n->n_descsz > size)
			return 0;
		if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4 &&
			!memcmp(notes + name, "GNU", 4) && n->n_descsz <= BUILD_MAX) {
			memcpy(id, notes + desc, n->n_descsz);
			return n->n_descsz;
		}
		pos = desc + ((n->n_descsz + 3) & ~3u);
		if (pos > size)
			return 0;
	}
	return 0;
}

static size_t read_build_id(int fd, uint8_t id[BUILD_MAX])
{
	uint8_t notes[NOTES_MAX] __attribute__((aligned(8)));
	Elf64_Phdr ph[HEADER_MAX];
	Elf64_Ehdr eh;
	size_t got = 0;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) ||
		memcmp(eh.e_ident, ELFMAG, SELFMAG) ||
		eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_phentsize != sizeof(ph[0]))
		return 0;
	if (eh.e_phnum > HEADER_MAX)
		eh.e_phnum = HEADER_MAX;
	if (pread(fd, ph, eh.e_phnum * sizeof(ph[0]), eh.e_phoff) !=
		(ssize_t)(eh.e_phnum * sizeof(ph[0])))
		return 0;
	for (int i = 0; i < eh.e_phnum && !got; i++) {
		size_t size = ph[i].p_filesz < NOTES_MAX ? ph[i].p_filesz : NOTES_MAX;

		if (ph[i].p_type == PT_NOTE &&
			pread(fd, notes, size, ph[i].p_offset) == (ssize_t)size)
			got = find_note(notes, size, id);
	}
	return got;
}

void build_id_take(
	struct files *f, struct dump_task *t, const char *through, RegFileEntry *reg)
{
	uint8_t id[BUILD_MAX + 4] = { 0 };
	auto_fd int fd = openat(t->proc, through, O_RDONLY | O_CLOEXEC);
	size_t n = fd < 0 ? 0 : read_build_id(fd, id);

	reg->n_build_id = (n + 3) / 4;
	reg->build_id = arena_copy(&f->arena, id, reg->n_build_id * 4);
}

int build_id_verify(const RegFileEntry *reg, struct err *err)
{
	uint8_t id[BUILD_MAX + 4] = { 0 };
	auto_fd int fd = -1;
	size_t n;

	if (!reg->n_build_id)
		return 0;
	fd = open(reg->name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_os(err, errno, "%s: open", reg->name);
	n = read_build_id(fd, id);
	if ((n + 3) / 4 != reg->n_build_id ||
		memcmp(id, reg->build_id, reg->n_build_id * 4))
		return err_set(err, EINVAL,
			"%s: another build of the file is there now; bring back the one "
			"that was "
			"running, or pass --file-validation filesize",
			reg->name);
	return 0;
}
