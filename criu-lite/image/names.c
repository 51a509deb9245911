// SPDX-License-Identifier: GPL-2.0-only
/* The names in a directory: see names.h. In a file each is a line, "inode name". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crl/auto.h"
#include "image/names.h"

static int add(struct names *names, uint64_t ino, const char *name)
{
	if (names->nr == names->room) {
		size_t room = names->room ? 2 * names->room : 64;
		struct name *list = reallocarray(names->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		names->list = list;
		names->room = room;
	}
	names->list[names->nr].ino = ino;
	names->list[names->nr].name = strdup(name);
	return names->list[names->nr].name ? (names->nr++, 0) : -ENOMEM;
}

int names_read(struct names *names, int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int ret = 0;

	if (!dir) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	while (!ret && (errno = 0, de = readdir(dir)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			ret = add(names, de->d_ino, de->d_name);
	if (!ret)
		ret = -errno;
	closedir(dir);
	return ret;
}

static FILE *open_stream(int dirfd, const char *file, int flags, const char *mode)
{
	int fd = openat(dirfd, file, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, mode);

	if (!f && fd >= 0)
		close(fd);
	return f;
}

int names_store(const struct names *names, int dirfd, const char *file)
{
	FILE *f = open_stream(dirfd, file, O_WRONLY | O_CREAT | O_EXCL, "w");
	int ret = 0;

	if (!f)
		return -errno;
	for (size_t i = 0; i < names->nr && !ret; i++)
		if (fprintf(f, "%" PRIu64 " %s\n", names->list[i].ino,
			    names->list[i].name) < 0)
			ret = -errno;
	if (fclose(f) && !ret)
		ret = -errno;
	return ret;
}

int names_load(struct names *names, int dirfd, const char *file)
{
	FILE *f = open_stream(dirfd, file, O_RDONLY, "r");
	auto_free char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int ret = 0;

	if (!f)
		return -errno;
	while (!ret && (len = getline(&line, &room, f)) > 0) {
		char *name;
		uint64_t ino = strtoull(line, &name, 10);

		/* A last line without its end was cut off. */
		if (line[len - 1] != '\n' || *name++ != ' ')
			break;
		line[len - 1] = '\0';
		if (*name && !strchr(name, '/'))
			ret = add(names, ino, name);
	}
	fclose(f);
	return ret;
}

bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->nr; i++)
		if (!strcmp(names->list[i].name, name))
			return true;
	return false;
}

void names_deinit(struct names *names)
{
	for (size_t i = 0; i < names->nr; i++)
		free(names->list[i].name);
	free(names->list);
	*names = (struct names){ 0 };
}

bool name_is_image(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && !strcmp(name + len - 4, ".img");
}
