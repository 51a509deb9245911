// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listeners bound to paths: absolute with odd permissions, relative to the
 * working directory, and one whose path was removed. A connection accepted by
 * the first bears its name; new ones find those that have a path.
 */
#include "zdtm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un name[3] = {
	{ .sun_family = AF_UNIX },
	{ .sun_family = AF_UNIX, .sun_path = "relative.sock" },
	{ .sun_family = AF_UNIX },
};
static int listener[3];

/* A client of the path, or -1 with errno. */
static int client(int i)
{
	int fd = must(socket(AF_UNIX, SOCK_SEQPACKET, 0));

	return connect(fd, (void *)&name[i], sizeof(name[i])) ? -1 : fd;
}

static int is_named(int fd, const char *path)
{
	struct sockaddr_un got = { 0 };
	socklen_t len = sizeof(got);

	must(getsockname(fd, (void *)&got, &len));
	return strcmp(got.sun_path, path) ? fail("\"%s\" is not %s", got.sun_path, path)
					  : 0;
}

int main(int argc, char **argv)
{
	int fd, accepted;
	struct stat st;

	test_init(argc, argv);
	must(chdir(test_file(NULL)));
	strcpy(name[0].sun_path, test_file("absolute.sock"));
	strcpy(name[2].sun_path, test_file("removed.sock"));
	for (int i = 0; i < 3; i++) {
		listener[i] = must(socket(AF_UNIX, SOCK_SEQPACKET, 0));
		must(bind(listener[i], (void *)&name[i], sizeof(name[i])));
		must(listen(listener[i], 5));
	}
	must(chmod(name[0].sun_path, 0751) | unlink(name[2].sun_path));
	fd = must(client(0));
	accepted = must(accept(listener[0], NULL, NULL));
	test_daemon();
	test_waitsig();
	sabotage("mode", chmod(name[0].sun_path, 0711));
	sabotage("path", rename(name[1].sun_path, "other"));
	sabotage("back", symlink("/", name[2].sun_path));
	sabotage("name", accepted = socket(AF_UNIX, SOCK_STREAM, 0));
	sabotage("talk", shutdown(fd, SHUT_WR));
	for (int i = 0; i < 3; i++)
		if (is_named(listener[i], name[i].sun_path))
			return 1;
	if (is_named(accepted, name[0].sun_path) ||
		send(fd, "hello", 5, MSG_NOSIGNAL) != 5 ||
		read(accepted, &st, sizeof(st)) != 5)
		return fail("the old connection");
	if (stat(name[0].sun_path, &st) || (st.st_mode & 07777) != 0751 ||
		st.st_uid != getuid())
		return fail("mode %o, owner %d", st.st_mode, st.st_uid);
	if (client(2) != -1 || errno != ENOENT)
		return fail("the path that was removed is there");
	if (client(0) < 0 || accept(listener[0], NULL, NULL) < 0 || client(1) < 0 ||
		accept(listener[1], NULL, NULL) < 0)
		return fail("a new connection: %m");
	pass();
	return 0;
}
