#include "cli/deploynow.h"

#include <fcntl.h>
#include <unistd.h>

#include "cli/deploywork.h"
#include "cli/prog.h"
#include "sys/child.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/sig.h"

#define BUDGET 600 /* seconds, as renew-queue deploy */
#define KILLED 111

struct apart {
	struct prog *prog;
	int fd; /* a byte says that it has come to its end */
};

static int
work_apart(void *arg)
{
	const struct apart *a = arg;
	struct prog *p = a->prog;
	struct err e = {0};
	int code;

	/* Its signals are those of the work, from before it began. */
	sig_leave_term();
	if (sig_term())
		return KILLED;
	p->command->work(p, &e);
	code = prog_end(p, &e);
	return write(a->fd, p->brings ? "1" : "0", 1) == 1 ? code : KILLED;
}

static int
work_and_wait(struct prog *p, struct err *e)
{
	struct apart a = {.prog = p};
	char brings = '\0';
	int fds[2], rc;

	/* What it leaves behind may have one end: that is not waited for. */
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(e, "cannot make a pipe");
	a.fd = fds[1];
	sig_catch_term();
	rc = child_run(work_apart, &a, &p->exit_code, e);
	if (rc == 0 && read(fds[0], &brings, 1) != 1)
		rc = err_set(e, KIND_SYS, "it was killed, or told to end");
	p->brings = brings == '1';
	fd_close(&fds[0]);
	fd_close(&fds[1]);
	return rc;
}

static void
deploy(const struct prog *p)
{
	struct prog own = *p; /* with an exit code of its own */
	const struct deploywork w = {.prog = &own,
	    .immediately = true,
	    .tells = true,
	    .take_until = clock_now() + BUDGET};
	struct err e = {0};

	if (deploywork_run(&w, &e) == 0)
		return;
	err_object(&e, "not deployed");
	prog_fail(p, &e);
}

int
deploynow_run(struct prog *p, struct err *e)
{
	struct err why = {0};
	int rc = p->dry_run ? 0 : deploywork_is_immediate(p, &why);

	if (rc < 0) {
		err_object(&why, "nothing is deployed");
		prog_fail(p, &why);
	}
	if (rc <= 0)
		return p->command->work(p, e);
	rc = work_and_wait(p, e);
	if (rc == 0 && p->brings)
		deploy(p);
	return rc;
}
