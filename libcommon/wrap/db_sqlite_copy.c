#include "wrap/db_sqlite_part.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fd.h"
#include "sys/file.h"

/* Copies all pages in one step, hence as of one moment. */
static int
copy_pages(struct sqlite *db, const char *path, struct err *e)
{
	sqlite3 *to = NULL;
	sqlite3_backup *b = NULL;
	int rc = -1;

	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL) !=
	    SQLITE_OK)
		goto out;
	b = sqlite3_backup_init(to, "main", db->handle, "main");
	if (!b || sqlite3_backup_step(b, -1) != SQLITE_DONE)
		goto out;
	if (sqlite3_backup_finish(b) == SQLITE_OK)
		rc = 0;
	b = NULL;
out:
	if (rc < 0) {
		err_set(e, KIND_SYS, "%s: cannot write the copy", path);
		err_detail(e, "%s", sqlite3_errmsg(to));
	}
	sqlite3_backup_finish(b);
	sqlite3_close(to);
	return rc;
}

/*
 * Takes the file that the copy is made in, which may be left from a run that
 * was interrupted; -1 (KIND_BUSY) when another run is at it.
 */
static int
open_part(const char *path, struct err *e)
{
	int fd = open(
	    path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, SQLITE_FILE_MODE);
	struct stat ours, there;

	if (fd < 0)
		return err_sys(e, "%s: cannot create", path);
	/* Others may write to the directory: no way to a file elsewhere. */
	if (fstat(fd, &ours) < 0 || !S_ISREG(ours.st_mode) ||
	    ours.st_uid != geteuid() || ours.st_nlink > 1) {
		err_set(e, KIND_CONFLICT,
		    "%s: exists, and is no copy that we began", path);
		close(fd);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0 ||
	    stat(path, &there) < 0 || ours.st_ino != there.st_ino) {
		err_set(e, KIND_BUSY, "%s: another copy is being made", path);
		close(fd);
		return -1;
	}
	if (ftruncate(fd, 0) < 0 || fchmod(fd, SQLITE_FILE_MODE) < 0) {
		err_sys(e, "%s: cannot write", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
sqlite_backup(struct db *base, const char *path, struct err *e)
{
	char *tmp = xasprintf("%s.part", path);
	int fd = open_part(tmp, e);
	int rc = -1;

	if (fd < 0)
		goto out;
	if (copy_pages((struct sqlite *)base, tmp, e) == 0) {
		if (fsync(fd) < 0)
			err_sys(e, "%s: cannot sync", tmp);
		else
			rc = file_publish(tmp, path, false, e);
	}
	if (rc < 0)
		unlink(tmp);
out:
	fd_close(&fd);
	free(tmp);
	return rc;
}
