#include "sys/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sig.h"

#define KILLED 111

static int
wait_for(pid_t pid)
{
	bool told = false;
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return KILLED;
		if (sig_term() && !told)
			told = kill(pid, SIGTERM) == 0;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

int
child_run(int (*fn)(void *arg), void *arg, int *code, struct err *e)
{
	pid_t parent = getpid(), pid;

	/* What is buffered is written once. */
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_sys(e, "cannot fork");
	if (pid == 0) {
		int rc;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(KILLED);
		rc = fn(arg);
		fflush(NULL);
		_exit(rc);
	}
	*code = wait_for(pid);
	return 0;
}
