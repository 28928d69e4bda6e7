#include "solve/solve_part.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/keyauth.h"
#include "sys/fd.h"
#include "sys/file.h"

/*
 * http-01 by files below a directory that a web server serves.  It may belong
 * to somebody else: no link in it is followed, whoever runs us.
 */
struct self {
	struct solve_look look;
	int root;
};

/* The directory `name` in `parent`, made if it is missing; -1. */
static int
enter(int parent, const char *name, bool make, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(parent, name, flags);

	if (fd < 0 && errno == ENOENT && make &&
	    (mkdirat(parent, name, 0755) == 0 || errno == EEXIST)) {
		fd = openat(parent, name, flags);
		/* The web server reads it, whatever our umask. */
		if (fd >= 0 && fchmod(fd, 0755) < 0)
			fd_close(&fd);
	}
	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
		return err_set(e, KIND_DENIED,
		    "%s: is a link, or no directory: not followed", name);
	return fd < 0 ? err_sys(e, "%s: cannot be opened", name) : fd;
}

static int
open_challenges(const struct self *s, bool make, struct err *e)
{
	int well_known = enter(s->root, ".well-known", make, e), fd;

	if (well_known < 0)
		return -1;
	fd = enter(well_known, "acme-challenge", make, e);
	close(well_known);
	return fd;
}

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	char path[KEYAUTH_TOKEN_MAX + 32];
	int fd, rc;

	if (solve_check_task(t, e) < 0)
		return -1;
	fd = open_challenges(self, true, e);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fd, t->token);
	rc = file_replace(
	    path, 0644, t->key_authorization, strlen(t->key_authorization), e);
	close(fd);
	return rc;
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	struct err why = {0};
	int fd, rc = 0;

	if (solve_check_task(t, e) < 0)
		return -1;
	fd = open_challenges(self, false, &why);
	if (fd < 0 && why.errnum == ENOENT)
		return 0;
	if (fd < 0) {
		*e = why;
		return -1;
	}
	if (unlinkat(fd, t->token, 0) < 0 && errno != ENOENT)
		rc = err_sys(e, "%s: cannot be removed", t->token);
	close(fd);
	return rc;
}

static void
free_self(void *self)
{
	struct self *s = self;

	fd_close(&s->root);
	free(s);
}

int
solve_webroot_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct self *s;
	int root;

	/* Who goes on with an order may be somewhere else. */
	if (m->argument[0] != '/')
		return solve_misuse(
		    e, "%.200s: not an absolute path", m->argument);
	root = open(m->argument, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return solve_misuse(
		    e, "%.200s: %s", m->argument, strerrordesc_np(errno));
	s = xcalloc(1, sizeof(*s));
	s->root = root;
	s->look.options = m->options;
	*out = (struct solver){.present = present,
	    .begin = solve_look,
	    .cleanup = cleanup,
	    .free = free_self,
	    .self = s};
	return 0;
}
