#include "deploy/gendir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/format.h"
#include "sys/fd.h"
#include "sys/lock.h"

#define TEMPORARY "tmp." /* a generation that has no name yet */
#define NEW_FILE "new." /* a file that has not, in a generation */
#define LAYOUT_FILE "layout"
#define LAYOUT_FILE_MAX 8192
/* Goes up when the same certificate is written in another way. */
#define FORMAT "1"
#define PUBLIC_MODE 0644
#define DIRECTORY_MODE 0755

static mode_t
mode_of(const struct gendir *g, const struct layout_file *f)
{
	return f->secret ? g->secret_mode : PUBLIC_MODE;
}

static int
path_err(
    const struct gendir *g, const char *what, const char *why, struct err *e)
{
	return err_sys(e, "%s/" LAYOUT_STORE "/%s: %s", g->root, what, why);
}

/* ---- opening ------------------------------------------------------------- */

/* A directory in `at` that is ours, made when it is not there. */
static int
open_made(const struct gendir *g, int at, const char *name, struct err *e)
{
	bool made = mkdirat(at, name, DIRECTORY_MODE) == 0;
	int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s: cannot use %s in it", g->root, name);
	if (made && fchmod(fd, DIRECTORY_MODE) < 0) {
		close(fd);
		return err_sys(e, "%s: cannot chmod %s in it", g->root, name);
	}
	return fd;
}

/* Where the tree says what it is, and what that would be. */
static char *
layout_path(const struct gendir *g)
{
	return xasprintf("%s/" LAYOUT_STORE "/" LAYOUT_FILE, g->root);
}

static char *
layout_line(const struct gendir *g)
{
	return xasprintf("%s " FORMAT " %s\n", g->layout->name, g->root);
}

int
gendir_settle(struct gendir *g, struct err *e)
{
	char *path, *line;
	int rc;

	if (!g->is_other)
		return 0;
	path = layout_path(g);
	line = layout_line(g);
	rc = file_replace(path, PUBLIC_MODE, line, strlen(line), e);
	free(path);
	free(line);
	return rc;
}

/* A tree of one layout is not made one of another by mistake. */
static int
check_layout(struct gendir *g, struct err *e)
{
	char *path = layout_path(g), *line = layout_line(g);
	struct buf text;
	struct err why = {0};
	size_t len;
	int rc = 0;

	buf_init(&text, LAYOUT_FILE_MAX);
	if (file_read(path, &text, &why) < 0) {
		g->is_other = true;
		rc = why.kind == KIND_NOTFOUND ? gendir_settle(g, e)
					       : (*e = why, -1);
	} else {
		len = strcspn(text.data, " \n");
		g->is_other = strcmp(text.data, line) != 0;
		if (strlen(g->layout->name) != len ||
		    memcmp(text.data, g->layout->name, len) != 0)
			rc = err_set(e, KIND_CONFLICT,
			    "%s: is a tree of another layout, %.*s", g->root,
			    (int)len, text.data);
	}
	buf_release(&text);
	free(path);
	free(line);
	return rc;
}

int
gendir_open(struct gendir *g, struct err *e)
{
	int root = open(g->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *lock;

	g->lock = -1;
	g->fd = -1;
	if (root < 0)
		return err_sys(e, "%s: cannot open", g->root);
	g->fd = open_made(g, root, LAYOUT_STORE, e);
	close(root);
	if (g->fd < 0)
		return -1;
	lock = xasprintf("%s/" LAYOUT_STORE "/lock", g->root);
	g->lock = lock_try(lock, e);
	free(lock);
	return g->lock < 0 ? -1 : check_layout(g, e);
}

void
gendir_close(struct gendir *g)
{
	fd_close(&g->fd);
	fd_close(&g->lock);
}

/* ---- looking ------------------------------------------------------------- */

/* What the modification time of a file says. */
static struct timespec
stamp(int64_t created, size_t size)
{
	return (struct timespec){
	    .tv_sec = created, .tv_nsec = (long)(size % 1000000000)};
}

static bool
is_owned(
    const struct gendir *g, const struct layout_file *f, const struct stat *st)
{
	return (st->st_mode & 07777) == mode_of(g, f) &&
	    (g->owner.uid == (uid_t)-1 || st->st_uid == g->owner.uid) &&
	    (g->owner.gid == (gid_t)-1 || st->st_gid == g->owner.gid);
}

static bool
is_stamped(const struct stat *st, int64_t created)
{
	struct timespec want = stamp(created, (size_t)st->st_size);

	return S_ISREG(st->st_mode) && st->st_mtim.tv_sec == want.tv_sec &&
	    st->st_mtim.tv_nsec == want.tv_nsec;
}

bool
gendir_is_sound(const struct gendir *g, const char *generation, int64_t created)
{
	char path[2 * LAYOUT_NAME_SIZE];
	struct stat st;

	for (const struct layout_file *f = g->layout->files; f->name; f++) {
		snprintf(path, sizeof(path), "%s/%s", generation, f->name);
		if (fstatat(g->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !is_stamped(&st, created) || !is_owned(g, f, &st))
			return false;
	}
	return true;
}

/* ---- writing ------------------------------------------------------------- */

/* One file of a generation, in its directory. */
struct piece {
	const struct gendir *g;
	const struct layout_file *file;
	int dir;
	const struct buf *content;
	int64_t created;
	bool stamped; /* at once */
};

/* Its time is the right one, or one that it has not been stamped with. */
static int
settle(const struct piece *p, int fd, struct err *e)
{
	struct timespec times[2];

	times[0] = times[1] = stamp(p->created, p->content->len);
	if (futimens(fd, p->stamped ? times : NULL) < 0)
		return path_err(p->g, p->file->name, "cannot set its time", e);
	return file_own(
	    fd, p->file->name, &p->g->owner, mode_of(p->g, p->file), e);
}

static int
write_new(const struct piece *p, const char *name, struct err *e)
{
	int fd = openat(p->dir, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return path_err(p->g, name, "cannot create", e);
	rc = fd_write_all(fd, p->content->data, p->content->len, FD_FOREVER, e);
	if (rc < 0)
		err_object(e, "%s/" LAYOUT_STORE "/%s", p->g->root, name);
	if (rc == 0)
		rc = settle(p, fd, e);
	close(fd);
	return rc;
}

/* Whether the open file has these bytes and no more. */
static bool
has_content(const struct piece *p, int fd)
{
	struct buf text;
	struct err why = {0};
	bool same;

	buf_init(&text, p->content->len + 1);
	same = fd_read_all(fd, &text, FD_FOREVER, &why) == 0 &&
	    text.len == p->content->len &&
	    memcmp(text.data, p->content->data, text.len) == 0;
	buf_wipe(&text);
	return same;
}

/* Puts right what is otherwise. */
static int
mend(const struct piece *p, bool *changed, struct err *e)
{
	char fresh[LAYOUT_NAME_SIZE];
	struct stat st;
	int fd = openat(p->dir, p->file->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int rc = 0;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    has_content(p, fd)) {
		if (!is_stamped(&st, p->created) ||
		    !is_owned(p->g, p->file, &st)) {
			*changed = true;
			rc = settle(p, fd, e);
		}
		close(fd);
		return rc;
	}
	fd_close(&fd);
	*changed = true;
	snprintf(fresh, sizeof(fresh), NEW_FILE "%s", p->file->name);
	unlinkat(p->dir, fresh, 0);
	if (write_new(p, fresh, e) < 0)
		return -1;
	if (renameat(p->dir, fresh, p->dir, p->file->name) < 0)
		return path_err(p->g, p->file->name, "cannot replace", e);
	return 0;
}

/* All files, into an empty directory or into one that is there. */
static int
write_files(const struct gendir *g, const struct layout_item *it, int dir,
    bool is_new, bool stamped, bool *changed, struct err *e)
{
	struct buf content;
	int rc = 0;

	buf_init(&content, FORMAT_MAX);
	for (const struct layout_file *f = g->layout->files; rc == 0 && f->name;
	     f++) {
		struct piece p = {.g = g,
		    .file = f,
		    .dir = dir,
		    .content = &content,
		    .created = it->m->cert.created,
		    .stamped = stamped};

		buf_clear(&content);
		rc = f->write(it, &content, e);
		if (rc == 0)
			rc = is_new ? write_new(&p, f->name, e)
				    : mend(&p, changed, e);
	}
	buf_wipe(&content);
	return rc;
}

static int
make(const struct gendir *g, const struct layout_item *it, bool stamped,
    struct err *e)
{
	char tmp[32];
	bool ignored;
	int dir, rc;

	snprintf(tmp, sizeof(tmp), TEMPORARY "%08x", (unsigned)arc4random());
	dir = open_made(g, g->fd, tmp, e);
	if (dir < 0)
		return -1;
	rc = write_files(g, it, dir, true, stamped, &ignored, e);
	close(dir);
	if (rc == 0 && renameat(g->fd, tmp, g->fd, it->generation) < 0)
		rc = path_err(g, it->generation, "cannot be made", e);
	if (rc < 0) {
		struct err why = {0};

		gendir_remove(g, tmp, &why);
	}
	return rc;
}

int
gendir_write(const struct gendir *g, const struct layout_item *it, bool linked,
    enum gendir_result *result, struct err *e)
{
	bool changed = false;
	int dir = openat(g->fd, it->generation,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int rc;

	if (dir < 0) {
		if (errno != ENOENT)
			return path_err(g, it->generation, "cannot open", e);
		*result = linked ? GENDIR_MENDED : GENDIR_MADE;
		return make(g, it, !linked, e);
	}
	rc = write_files(g, it, dir, false, false, &changed, e);
	*result = changed ? GENDIR_MENDED : GENDIR_SAME;
	close(dir);
	return rc;
}

int
gendir_stamp(const struct gendir *g, const char *generation, int64_t created,
    struct err *e)
{
	char path[2 * LAYOUT_NAME_SIZE];
	struct timespec times[2];
	struct stat st;

	for (const struct layout_file *f = g->layout->files; f->name; f++) {
		snprintf(path, sizeof(path), "%s/%s", generation, f->name);
		if (fstatat(g->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return path_err(g, path, "cannot look at", e);
		times[0] = times[1] = stamp(created, (size_t)st.st_size);
		if (utimensat(g->fd, path, times, AT_SYMLINK_NOFOLLOW) < 0)
			return path_err(g, path, "cannot set its time", e);
	}
	return 0;
}

int
gendir_sync(const struct gendir *g, struct err *e)
{
	if (syncfs(g->fd) < 0)
		return err_sys(e, "%s: cannot sync", g->root);
	return 0;
}

/* ---- removing ------------------------------------------------------------ */

static DIR *
open_list(int at, const char *name)
{
	int fd =
	    openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir)
		fd_close(&fd);
	return dir;
}

int
gendir_list(const struct gendir *g, struct strv *names, struct err *e)
{
	DIR *dir = open_list(g->fd, ".");
	const struct dirent *d;

	if (!dir)
		return err_sys(e, "%s: cannot list", g->root);
	while ((d = readdir(dir)))
		if (d->d_name[0] != '.' && strcmp(d->d_name, "lock") != 0 &&
		    strcmp(d->d_name, LAYOUT_FILE) != 0)
			strv_add(names, d->d_name);
	closedir(dir);
	return 0;
}

int
gendir_remove(const struct gendir *g, const char *generation, struct err *e)
{
	DIR *dir = open_list(g->fd, generation);
	const struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
	if (unlinkat(g->fd, generation, dir ? AT_REMOVEDIR : 0) < 0)
		return path_err(g, generation, "cannot remove", e);
	return 0;
}
