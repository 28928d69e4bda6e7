#include "sys/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/fd.h"

/* What openat2 may say when a rename elsewhere came in its way. */
#define TRIES 16

static int
open_beneath(int root, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC),
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = -1;

	for (int i = 0; i < TRIES; i++) {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

int
dir_open(const char *path, struct err *e)
{
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int probe;

	if (root < 0 && errno == ENOENT)
		return err_set(e, KIND_NOTFOUND, "%s: no such directory", path);
	if (root < 0 && errno == ENOTDIR)
		return err_set(e, KIND_INPUT, "%s: no directory", path);
	if (root < 0)
		return err_sys(e, "%s: cannot open", path);
	probe = open_beneath(root, ".", O_PATH);
	if (probe < 0) {
		err_sys(e,
		    "%s: cannot be read without leaving it (openat2, Linux "
		    "5.6)",
		    path);
		fd_close(&root);
		return -1;
	}
	close(probe);
	return root;
}

static int
refuse(const char *path, struct err *e)
{
	if (errno == ENOENT)
		return err_set(e, KIND_NOTFOUND, "%s: no such file", path);
	if (errno == EXDEV)
		return err_set(e, KIND_INPUT,
		    "%s: a link that is absolute or leads out of the tree",
		    path);
	if (errno == ELOOP)
		return err_set(
		    e, KIND_INPUT, "%s: links that lead to each other", path);
	if (errno == ENOTDIR)
		return err_set(e, KIND_INPUT, "%s: no directory", path);
	return err_sys(e, "%s: cannot open", path);
}

static enum dir_kind
kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return DIR_NONE;
	if (S_ISREG(st.st_mode))
		return DIR_FILE;
	return S_ISDIR(st.st_mode) ? DIR_FOLDER : DIR_OTHER;
}

enum dir_kind
dir_kind(int root, const char *path)
{
	int fd = open_beneath(root, path, O_PATH);
	enum dir_kind kind = fd >= 0 ? kind_of(fd) : DIR_NONE;

	fd_close(&fd);
	return kind;
}

bool
dir_identify(int root, const char *path, struct dir_identity *out)
{
	int fd = open_beneath(root, path, O_PATH | O_DIRECTORY);
	struct stat st;
	bool found = fd >= 0 && fstat(fd, &st) == 0;

	if (found)
		*out = (struct dir_identity){st.st_dev, st.st_ino};
	fd_close(&fd);
	return found;
}

/* A pipe without a writer must not hold us, a terminal not become ours. */
int
dir_read(int root, const char *path, struct buf *out, struct err *e)
{
	int fd = open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	int rc;

	if (fd < 0)
		return refuse(path, e);
	if (kind_of(fd) != DIR_FILE)
		rc = err_set(e, KIND_INPUT, "%s: no regular file", path);
	else if ((rc = fd_read_all(fd, out, FD_FOREVER, e)) < 0)
		err_object(e, "%s", path);
	close(fd);
	return rc;
}

static int
read_names(DIR *d, const char *path, struct strv *names, struct err *e)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (names->len >= DIR_ENTRIES_MAX)
			return err_set(e, KIND_INPUT,
			    "%s: more than %d files in it", path,
			    DIR_ENTRIES_MAX);
		strv_add(names, entry->d_name);
	}
	return errno == 0 ? 0 : err_sys(e, "%s: cannot list", path);
}

int
dir_list(int root, const char *path, struct strv *names, struct err *e)
{
	int fd = open_beneath(root, path, O_RDONLY | O_DIRECTORY);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	int rc;

	if (!d) {
		rc = refuse(path, e);
		fd_close(&fd);
		return rc;
	}
	rc = read_names(d, path, names, e);
	closedir(d);
	strv_sort_unique(names);
	return rc;
}

char *
dir_link(int root, const char *path)
{
	char text[PATH_MAX];
	int fd = open_beneath(root, path, O_PATH | O_NOFOLLOW);
	ssize_t n = -1;

	if (fd >= 0)
		n = readlinkat(fd, "", text, sizeof(text));
	fd_close(&fd);
	return n > 0 ? xstrndup(text, (size_t)n) : NULL;
}
