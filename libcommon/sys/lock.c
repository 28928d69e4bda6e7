#include "sys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_MODE 0660

static int
take(const char *path, int how, struct err *e)
{
	int fd =
	    open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, LOCK_MODE);
	struct stat st;

	if (fd < 0)
		return err_sys(e, "%s: cannot open", path);
	/* Only its owner can, and need; what has two names is no lock. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink < 2)
		(void)fchmod(fd, LOCK_MODE);
	while (flock(fd, how) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK)
			err_set(
			    e, KIND_BUSY, "%s: held by another process", path);
		else
			err_sys(e, "%s: cannot lock", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
lock_try(const char *path, struct err *e)
{
	return take(path, LOCK_EX | LOCK_NB, e);
}

int
lock_wait(const char *path, struct err *e)
{
	return take(path, LOCK_EX, e);
}
