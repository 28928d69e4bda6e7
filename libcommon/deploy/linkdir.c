#include "deploy/linkdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/fd.h"

#define NEW_LINK ".acmed-new" /* one that has not its name yet */

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

int
linkdir_open(struct linkdir *l, const char *root, struct err *e)
{
	*l = (struct linkdir){.root_path = root, .fd = -1};
	l->root = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return l->root < 0 ? err_sys(e, "%s: cannot open", root) : 0;
}

static void
forget(struct linkdir *l)
{
	fd_close(&l->fd);
	free(l->path);
	l->path = NULL;
}

void
linkdir_close(struct linkdir *l)
{
	forget(l);
	fd_close(&l->root);
}

/* One step down; `at` is closed.  -1 with errno. */
static int
descend(int at, const char *name, bool make)
{
	bool made = make && mkdirat(at, name, 0755) == 0;
	int fd = openat(at, name, DIRECTORY);

	if (fd >= 0 && made)
		fchmod(fd, 0755);
	close(at);
	return fd;
}

/* Makes `directory` the current one.  1 when it is not there. */
static int
go(struct linkdir *l, const char *directory, bool make, struct err *e)
{
	char name[LAYOUT_NAME_SIZE];
	int fd;

	if (str_same(l->path, directory))
		return 0;
	forget(l);
	fd = openat(l->root, ".", DIRECTORY);
	for (const char *p = directory; fd >= 0 && *p;) {
		size_t len = strcspn(p, "/");

		snprintf(name, sizeof(name), "%.*s", (int)len, p);
		fd = descend(fd, name, make);
		p += len + (p[len] == '/');
	}
	if (fd < 0 && errno == ENOENT && !make)
		return 1;
	if (fd < 0)
		return err_sys(e, "%s/%s: cannot use this directory",
		    l->root_path, directory);
	l->fd = fd;
	l->path = xstrdup(directory);
	unlinkat(fd, NEW_LINK, 0); /* of one that was killed */
	return 0;
}

static void
read_target(int dir, const char *entry, char target[LINKDIR_TARGET_SIZE])
{
	ssize_t n = readlinkat(dir, entry, target, LINKDIR_TARGET_SIZE - 1);

	target[n > 0 && n < LINKDIR_TARGET_SIZE - 1 ? n : 0] = '\0';
}

int
linkdir_read(struct linkdir *l, const char *directory, const char *entry,
    bool make, char target[LINKDIR_TARGET_SIZE], struct err *e)
{
	int rc = go(l, directory, make, e);

	target[0] = '\0';
	if (rc == 0)
		read_target(l->fd, entry, target);
	return rc < 0 ? -1 : 0;
}

static int
link_err(const struct linkdir *l, const char *directory, const char *entry,
    struct err *e)
{
	return err_sys(e, "%s/%s%s%s: cannot be replaced", l->root_path,
	    directory, *directory ? "/" : "", entry);
}

int
linkdir_switch(struct linkdir *l, const char *directory, const char *entry,
    const char *target, struct err *e)
{
	if (go(l, directory, true, e) < 0)
		return -1;
	if (symlinkat(target, l->fd, NEW_LINK) < 0 &&
	    (errno != EEXIST || unlinkat(l->fd, NEW_LINK, 0) < 0 ||
		symlinkat(target, l->fd, NEW_LINK) < 0))
		return link_err(l, directory, entry, e);
	if (renameat(l->fd, NEW_LINK, l->fd, entry) < 0) {
		link_err(l, directory, entry, e);
		unlinkat(l->fd, NEW_LINK, 0);
		return -1;
	}
	return 0;
}

int
linkdir_remove(struct linkdir *l, const char *directory, const char *entry,
    bool alone, struct err *e)
{
	int rc = go(l, directory, false, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (unlinkat(l->fd, entry, 0) < 0 && errno != ENOENT)
		return link_err(l, directory, entry, e);
	/* What is not empty stays: somebody else has put something there. */
	if (alone && *directory &&
	    unlinkat(l->root, directory, AT_REMOVEDIR) == 0)
		forget(l);
	return 0;
}

/* ---- all of them --------------------------------------------------------- */

/* The names in a directory; none when it is not there. */
static void
list(int at, const char *directory, struct strv *out)
{
	int fd = openat(at, *directory ? directory : ".", DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.')
			strv_add(out, d->d_name);
	closedir(dir);
}

/* Where the directories are that a pattern means, and what they begin with. */
static void
split(const char *pattern, char parent[LAYOUT_NAME_SIZE], const char **prefix)
{
	const char *slash = strrchr(pattern, '/');
	size_t len = slash ? (size_t)(slash - pattern) : 0;

	snprintf(parent, LAYOUT_NAME_SIZE, "%.*s", (int)len, pattern);
	*prefix = slash ? slash + 1 : pattern;
}

static int
visit(struct linkdir *l, const char *directory, const char *entry,
    linkdir_fn fn, void *arg, struct err *e)
{
	char target[LINKDIR_TARGET_SIZE];
	struct err why = {0};

	/* What is no directory is not ours. */
	if (linkdir_read(l, directory, entry, false, target, &why) < 0 ||
	    target[0] == '\0')
		return 0;
	return fn(arg, directory, entry, target, e);
}

static int
each_directory(struct linkdir *l, const struct layout_link *pattern,
    linkdir_fn fn, void *arg, struct err *e)
{
	char parent[LAYOUT_NAME_SIZE];
	const char *prefix;
	struct strv names = {0};
	int rc = 0;

	split(pattern->directory, parent, &prefix);
	list(l->root, parent, &names);
	for (size_t i = 0; rc == 0 && i < names.len; i++) {
		char *path =
		    xasprintf("%s%s%s", parent, *parent ? "/" : "", names.v[i]);

		if (strncmp(names.v[i], prefix, strcspn(prefix, "%")) == 0)
			rc = visit(l, path, pattern->entry, fn, arg, e);
		free(path);
	}
	strv_release(&names);
	return rc;
}

int
linkdir_each(struct linkdir *l, const struct layout_link *pattern,
    linkdir_fn fn, void *arg, struct err *e)
{
	struct strv names = {0};
	int rc = 0;

	if (strchr(pattern->directory, '%'))
		return each_directory(l, pattern, fn, arg, e);
	list(l->root, pattern->directory, &names);
	for (size_t i = 0; rc == 0 && i < names.len; i++)
		rc = visit(l, pattern->directory, names.v[i], fn, arg, e);
	strv_release(&names);
	return rc;
}

const char *
linkdir_generation(const char *target, char out[LINKDIR_TARGET_SIZE])
{
	while (str_starts(target, "../"))
		target += 3;
	if (!str_starts(target, LAYOUT_STORE "/"))
		return NULL;
	target += sizeof(LAYOUT_STORE);
	snprintf(out, LINKDIR_TARGET_SIZE, "%.*s", (int)strcspn(target, "/"),
	    target);
	return out;
}
