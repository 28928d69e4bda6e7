#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fd.h"
#include "sys/proc.h"

static int
read_open(const char *path, int fd, struct buf *out, struct err *e)
{
	if (fd_read_all(fd, out, FD_FOREVER, e) == 0)
		return 0;
	return err_object(e, "%s", path);
}

static int
open_file(const char *path, int flags, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	if (fd < 0 && errno == ENOENT)
		return err_set(e, KIND_NOTFOUND, "%s: no such file", path);
	return fd >= 0 ? fd : err_sys(e, "%s: cannot open", path);
}

int
file_read(const char *path, struct buf *out, struct err *e)
{
	int fd = open_file(path, 0, e);
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
	int fd = open_file(path, O_NONBLOCK | O_NOCTTY, e);
	int rc;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		rc = err_sys(e, "%s: cannot stat", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(e, KIND_CONF, "%s: is no regular file", path);
	else if (st.st_mode & 077)
		rc = err_set(e, KIND_CONF,
		    "%s: mode %04o lets others in; chmod 600 it", path,
		    (unsigned)(st.st_mode & 07777));
	else
		rc = read_open(path, fd, out, e);
	close(fd);
	return rc;
}

void
file_blame(struct err *e, enum err_kind kind)
{
	static const int wrong[] = {ENOENT, EACCES, EPERM, EISDIR, ENOTDIR,
	    ELOOP, ENAMETOOLONG, ENXIO, ENODEV};
	struct err as = {0};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		if (e->kind == KIND_SYS && e->errnum == wrong[i]) {
			err_set(
			    &as, kind, "%s: %s", e->text, strerror(e->errnum));
			memcpy(as.detail, e->detail, sizeof(as.detail));
			*e = as;
		}
}

int
file_read_configured(const char *path, struct buf *out, struct err *e)
{
	struct err why = {0};

	if (file_read_secret(path, out, &why) == 0)
		return 0;
	file_blame(&why, KIND_CONF);
	*e = why;
	return -1;
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

int
file_own(int fd, const char *path, const struct file_owner *owner, mode_t mode,
    struct err *e)
{
	if ((owner->uid != (uid_t)-1 || owner->gid != (gid_t)-1) &&
	    fchown(fd, owner->uid, owner->gid) < 0)
		return err_sys(e, "%s: cannot change its owner", path);
	if (fchmod(fd, mode) < 0)
		return err_sys(e, "%s: cannot chmod", path);
	return 0;
}

/* What is to be written. */
struct content {
	struct file_owner owner;
	mode_t mode;
	const void *p;
	size_t len;
};

static int
fill(int fd, const char *path, const struct content *c, struct err *e)
{
	if (fd_write_all(fd, c->p, c->len, FD_FOREVER, e) < 0)
		return err_object(e, "%s", path);
	if (file_own(fd, path, &c->owner, c->mode, e) < 0)
		return -1;
	if (fsync(fd) < 0)
		return err_sys(e, "%s: cannot write", path);
	return 0;
}

/*
 * Each of these gives the descriptor, to be closed when `path` has come to its
 * place, or -1; without an error: not here.
 */
static int
write_nameless(const char *path, const struct content *c, struct err *e)
{
	int fd = open_nameless(path);
	int rc = -1;

	/* As long as we live, nobody takes it for left over. */
	if (fd >= 0 && flock(fd, LOCK_EX) == 0 && fill(fd, path, c, e) == 0) {
		rc = give_name(fd, path);
		if (rc < 0 && errno == EEXIST)
			err_set(e, KIND_CONFLICT, "%s: exists already", path);
	}
	if (rc < 0)
		fd_close(&fd);
	return fd;
}

/* Writes `tmp`, which is not there. */
static int
write_beside(const char *tmp, const struct content *c, struct err *e)
{
	int fd = write_nameless(tmp, c, e);

	if (fd >= 0 || err_is_set(e))
		return fd;
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "%s: cannot create", tmp);
	if (flock(fd, LOCK_EX) < 0)
		err_sys(e, "%s: cannot lock", tmp);
	else if (fill(fd, tmp, c, e) == 0)
		return fd;
	fd_close(&fd);
	return -1;
}

/* The name of a temporary of `base`: that, a dot and eight digits. */
static bool
is_temporary(const char *name, const char *base)
{
	size_t len = strlen(base);

	return strncmp(name, base, len) == 0 && name[len] == '.' &&
	    strlen(name + len + 1) == 8 &&
	    strspn(name + len + 1, "0123456789abcdef") == 8;
}

/*
 * What those have left who were killed between writing the file for `path` and
 * renaming it: temporaries that nobody has locked.  Calls `fn` for each.
 */
static void
each_left(const char *path, void (*fn)(int dir, const char *name, void *arg),
    void *arg)
{
	char *copy = xstrdup(path), *copy2 = xstrdup(path);
	const char *base = basename(copy2);
	DIR *dir = opendir(dirname(copy));
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		int fd = -1;

		if (is_temporary(d->d_name, base))
			fd = openat(dirfd(dir), d->d_name,
			    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			fn(dirfd(dir), d->d_name, arg);
		fd_close(&fd);
	}
	if (dir)
		closedir(dir);
	free(copy);
	free(copy2);
}

static void
remove_left(int dir, const char *name, void *arg)
{
	(void)arg;
	unlinkat(dir, name, 0);
}

static void
list_left(int dir, const char *name, void *arg)
{
	(void)dir;
	strv_add(arg, name);
}

void
file_left(const char *path, struct strv *names)
{
	each_left(path, list_left, names);
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
put(const char *path, const struct content *c, bool replace, struct err *e)
{
	char *tmp = xasprintf("%s.%08x", path, (unsigned)arc4random());
	int fd = -1, rc = -1;

	if (!replace &&
	    ((fd = write_nameless(path, c, e)) >= 0 || err_is_set(e))) {
		rc = fd >= 0 ? file_sync_directory(path, e) : -1;
		goto out;
	}
	each_left(path, remove_left, NULL);
	fd = write_beside(tmp, c, e);
	if (fd >= 0)
		rc = file_publish(tmp, path, replace, e);
	if (rc < 0)
		unlink(tmp);
out:
	fd_close(&fd);
	free(tmp);
	return rc;
}

int
file_replace_for(const char *path, const struct file_owner *owner, mode_t mode,
    const void *p, size_t len, struct err *e)
{
	return put(path, &(struct content){*owner, mode, p, len}, true, e);
}

int
file_replace(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e)
{
	return file_replace_for(path, &FILE_OWNER_NONE, mode, p, len, e);
}

int
file_create(
    const char *path, mode_t mode, const void *p, size_t len, struct err *e)
{
	return put(
	    path, &(struct content){FILE_OWNER_NONE, mode, p, len}, false, e);
}

int
file_owner_find(const char *user, const char *group, struct file_owner *owner,
    struct err *e)
{
	uint64_t number;

	*owner = FILE_OWNER_NONE;
	if (user && str_to_u64(user, UINT32_MAX - 1, &number)) {
		owner->uid = (uid_t)number;
	} else if (user) {
		const struct passwd *pw = proc_user(user, e);

		if (!pw)
			return -1;
		owner->uid = pw->pw_uid;
	}
	if (group && str_to_u64(group, UINT32_MAX - 1, &number)) {
		owner->gid = (gid_t)number;
	} else if (group) {
		const struct group *gr = getgrnam(group);

		if (!gr)
			return err_set(
			    e, KIND_CONF, "%s: no such group", group);
		owner->gid = gr->gr_gid;
	}
	return 0;
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
	if (errno == EEXIST && stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		errno = ENOTDIR;
	}
	return err_sys(e, "%s: cannot make the directory", path);
}

char *
file_root(const char *path, mode_t mode, struct err *e)
{
	char *real = NULL;

	if (file_mkdir(path, mode, e) == 0 && !(real = realpath(path, NULL)))
		err_sys(e, "%s: cannot find it", path);
	return real;
}

int
file_give(const char *path, const char *user, struct err *e)
{
	const struct passwd *pw;
	struct stat st;
	int fd, rc = 0;

	if (!user || *user == '\0' || geteuid() != 0)
		return 0;
	pw = proc_user(user, e);
	if (!pw)
		return -1;
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

int
file_give_as(const char *path, const char *other, struct err *e)
{
	struct stat like;

	if (geteuid() != 0 || stat(other, &like) < 0)
		return 0;
	if (lchown(path, like.st_uid, like.st_gid) < 0)
		return err_sys(e, "%s: cannot give it away", path);
	return 0;
}

bool
file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

bool
file_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	    a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}
