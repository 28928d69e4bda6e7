#include "sys/handed.h"

#include <unistd.h>

#include "base/str.h"
#include "sys/fd.h"

#define HANDED 3 /* SD_LISTEN_FDS_START */

/* The number that a variable is, or 0; the variable goes. */
static uint64_t
take_number(const char *name)
{
	const char *text = getenv(name);
	uint64_t n = 0;

	if (!text || !str_to_u64(text, INT32_MAX, &n))
		n = 0;
	unsetenv(name);
	return n;
}

int
handed_take(struct err *e)
{
	uint64_t pid = take_number("LISTEN_PID");
	uint64_t fds = take_number("LISTEN_FDS");
	bool connected;

	unsetenv("LISTEN_FDNAMES");
	if (pid != (uint64_t)getpid() || fds == 0)
		return 0;
	if (fds != 1)
		return err_set(
		    e, KIND_CONF, "LISTEN_FDS: more than one socket");
	connected = fd_is_stream(HANDED) && !fd_is_listening(HANDED);
	if (dup2(HANDED, STDIN_FILENO) < 0 ||
	    (connected && dup2(HANDED, STDOUT_FILENO) < 0))
		return err_sys(e, "LISTEN_FDS: cannot take descriptor 3");
	close(HANDED);
	return 0;
}
