#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fd.h"

static int
read_open(const char *path, int fd, struct buf *out, struct err *e)
{
	if (fd_read_all(fd, out, FD_FOREVER, e) == 0)
		return 0;
	return err_object(e, "%s", path);
}

static int
open_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return err_set(e, KIND_NOTFOUND, "%s: no such file", path);
	return fd >= 0 ? fd : err_sys(e, "%s: cannot open", path);
}

int
file_read(const char *path, struct buf *out, struct err *e)
{
	int fd = open_file(path, e);
	int rc;

	if (fd < 0)
		return -1;
	rc = read_open(path, fd, out, e);
	close(fd);
	return rc;
}

int
file_read_secret(const char *path, struct buf *out, struct err *e)
{
	struct stat st;
	int fd = open_file(path, e);
	int rc;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		rc = err_sys(e, "%s: cannot stat", path);
	else if (st.st_mode & 077)
		rc = err_set(e, KIND_CONF,
		    "%s: mode %04o lets others in; chmod 600 it", path,
		    (unsigned)(st.st_mode & 07777));
	else
		rc = read_open(path, fd, out, e);
	close(fd);
	return rc;
}

int
file_sync_directory(const char *path, struct err *e)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0 || fsync(fd) < 0)
		rc = err_sys(e, "%s: cannot sync its directory", path);
	fd_close(&fd);
	free(copy);
	return rc;
}

/*
 * A file in the directory of `path` that has no name yet: if we die, nothing is
 * left of it.  -1 where the file system cannot do that.
 */
static int
open_nameless(const char *path)
{
	char *copy = xstrdup(path);
	int fd = open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	free(copy);
	return fd;
}

static int
give_name(int fd, const char *path)
{
	char from[32];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

static int
fill(int fd, const char *path, mode_t mode, const void *p, size_t len,
    struct err *e)
{
	if (fd_write_all(fd, p, len, FD_FOREVER, e) < 0)
		return err_object(e, "%s", path);
	if (fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return err_sys(e, "%s: cannot write", path);
	return 0;
}

/* -1 without an error: not here. */
static int
write_nameless(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e)
{
	int fd = open_nameless(path);
	int rc = -1;

	if (fd >= 0 && fill(fd, path, mode, p, len, e) == 0) {
		rc = give_name(fd, path);
		if (rc < 0 && errno == EEXIST)
			err_set(e, KIND_CONFLICT, "%s: exists already", path);
	}
	fd_close(&fd);
	return rc;
}

/* Writes `tmp`, which is not there. */
static int
write_beside(
    const char *tmp, mode_t mode, const void *p, size_t len, struct err *e)
{
	int fd, rc;

	if (write_nameless(tmp, mode, p, len, e) == 0)
		return 0;
	if (err_is_set(e))
		return -1;
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "%s: cannot create", tmp);
	rc = fill(fd, tmp, mode, p, len, e);
	if (close(fd) < 0)
		rc = err_sys(e, "%s: cannot close", tmp);
	return rc;
}

static int
rename_new(const char *from, const char *to)
{
	int rc = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE);

	/* NFS does not know the flag. */
	if (rc < 0 && errno == EINVAL && (rc = link(from, to)) == 0)
		unlink(from);
	return rc;
}

int
file_publish(const char *tmp, const char *path, bool replace, struct err *e)
{
	if ((replace ? rename(tmp, path) : rename_new(tmp, path)) == 0)
		return file_sync_directory(path, e);
	if (errno == EEXIST)
		return err_set(e, KIND_CONFLICT, "%s: exists already", path);
	return err_sys(e, "%s: cannot rename onto it", path);
}

static int
put(const char *path, mode_t mode, const void *p, size_t len, bool replace,
    struct err *e)
{
	char *tmp;
	int rc;

	if (!replace && write_nameless(path, mode, p, len, e) == 0)
		return file_sync_directory(path, e);
	if (err_is_set(e))
		return -1;
	tmp = xasprintf("%s.%08x", path, (unsigned)arc4random());
	rc = write_beside(tmp, mode, p, len, e);
	if (rc == 0)
		rc = file_publish(tmp, path, replace, e);
	if (rc < 0)
		unlink(tmp);
	free(tmp);
	return rc;
}

int
file_replace(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e)
{
	return put(path, mode, p, len, true, e);
}

int
file_create(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e)
{
	return put(path, mode, p, len, false, e);
}

int
file_mkdir(const char *path, mode_t mode, struct err *e)
{
	struct stat st;

	if (mkdir(path, mode) == 0) {
		if (chmod(path, mode) < 0)
			return err_sys(e, "%s: cannot chmod", path);
		return 0;
	}
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return err_sys(e, "%s: cannot make the directory", path);
}

int
file_give(const char *path, const char *user, struct err *e)
{
	const struct passwd *pw;
	struct stat st;
	int fd, rc = 0;

	if (!user || *user == '\0' || geteuid() != 0)
		return 0;
	pw = getpwnam(user);
	if (!pw)
		return err_set(e, KIND_CONF, "user %s: no such user", user);
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = err_sys(e, "%s: cannot open", path);
	else if (st.st_uid == 0 &&
	    (S_ISDIR(st.st_mode) ||
		(S_ISREG(st.st_mode) && st.st_nlink == 1)) &&
	    fchownat(fd, "", pw->pw_uid, pw->pw_gid, AT_EMPTY_PATH) < 0)
		rc = err_sys(e, "%s: cannot give it to %s", path, user);
	fd_close(&fd);
	return rc;
}

bool
file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}
