#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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

/* Writes the temporary file beside `path`; its name is left in `tmp`. */
static int
write_beside(char *tmp, mode_t mode, const void *p, size_t len, struct err *e)
{
	int fd = mkostemp(tmp, O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s: cannot create", tmp);
	if (fchmod(fd, mode) < 0 ||
	    fd_write_all(fd, p, len, FD_FOREVER, e) < 0 || fsync(fd) < 0) {
		err_sys(e, "%s: cannot write", tmp);
		close(fd);
		return -1;
	}
	if (close(fd) < 0)
		return err_sys(e, "%s: cannot close", tmp);
	return 0;
}

int
file_publish(const char *tmp, const char *path, bool replace, struct err *e)
{
	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path,
		replace ? 0 : RENAME_NOREPLACE) == 0)
		return file_sync_directory(path, e);
	if (errno == EEXIST)
		return err_set(e, KIND_CONFLICT, "%s: exists already", path);
	return err_sys(e, "%s: cannot rename onto it", path);
}

static int
put(const char *path, mode_t mode, const void *p, size_t len, bool replace,
    struct err *e)
{
	char *tmp = xasprintf("%s.XXXXXX", path);
	int rc = write_beside(tmp, mode, p, len, e);

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

bool
file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}
