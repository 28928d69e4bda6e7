/*
 * A library to be preloaded into our programs: what could somebody do who has
 * taken over this process?  When the process first waits for something, or
 * ends, it tries, and writes a line to descriptor PROBE_FD:
 *
 *	PROGRAM PID uid=N privs=N fork=E exec=E tcp=E write=E read:NAME=E ...
 *
 * E is ok, or the errno's name.  PROBE_READ: files to read, colons between;
 * PROBE_EXEC: a program; PROBE_PORT: where to connect on 127.0.0.1;
 * PROBE_WRITE: a directory to make a file in.
 * PROBE_SPOIL: a file that is there only to be read; then there is also, of a
 * process that has given up what it could,
 * "spoil:write=E spoil:truncate=E spoil:rename=E spoil:mode=E spoil:remove=E".
 * LANDLOCK_ABI=N: what the kernel says of Landlock; with 0 it has none.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *
outcome(int error)
{
	return error == 0 ? "ok" : strerrorname_np(error);
}

static int
try_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int
try_write(const char *directory)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/probe.%d", directory, (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	unlink(path);
	return 0;
}

static int
try_connect(const char *port)
{
	struct sockaddr_in where = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(port)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = connect(fd, (struct sockaddr *)&where, sizeof(where));
	int error = rc < 0 ? errno : 0;

	close(fd);
	return error;
}

static int
try_exec(const char *path)
{
	char *const argv[] = {(char *)(uintptr_t)path, NULL};
	char *const envp[] = {NULL};

	execve(path, argv, envp);
	return errno;
}

/* Where there can be no other process, this one is given up for the answer. */
static void
try_spawn(const char *path, int *fork_error, int *exec_error)
{
	pid_t pid = fork();
	int status;

	*fork_error = pid < 0 ? errno : 0;
	if (pid < 0) {
		*exec_error = try_exec(path);
		return;
	}
	if (pid == 0)
		_exit(try_exec(path));
	*exec_error = ECHILD;
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		*exec_error = WEXITSTATUS(status);
}

static void
probe_reads(char *line, size_t size)
{
	char *paths = strdup(getenv("PROBE_READ") ? getenv("PROBE_READ") : "");
	char *rest = paths, *path;
	size_t len = strlen(line);

	while ((path = strsep(&rest, ":")) && len < size)
		if (*path)
			len += (size_t)snprintf(line + len, size - len,
			    " read:%s=%s",
			    strrchr(path, '/') ? strrchr(path, '/') + 1 : path,
			    outcome(try_read(path)));
	free(paths);
}

static int
error_of(int result)
{
	return result < 0 ? errno : 0;
}

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), error = error_of(fd);

	if (fd >= 0)
		close(fd);
	return error;
}

/* What has worked is taken back, but for what comes last. */
static void
probe_spoil(char *line, size_t size)
{
	const char *path = getenv("PROBE_SPOIL");
	size_t len = strlen(line);
	char other[4096];
	int errors[5];
	struct stat st;

	if (!path || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 ||
	    stat(path, &st) < 0)
		return;
	snprintf(other, sizeof(other), "%s.%d", path, (int)getpid());
	errors[0] = try_open(path, O_WRONLY);
	errors[1] = error_of(truncate(path, st.st_size));
	if ((errors[2] = error_of(rename(path, other))) == 0)
		rename(other, path);
	errors[3] = error_of(chmod(path, st.st_mode & 07777));
	errors[4] = error_of(unlink(path));
	snprintf(line + len, size - len,
	    " spoil:write=%s spoil:truncate=%s spoil:rename=%s spoil:mode=%s"
	    " spoil:remove=%s",
	    outcome(errors[0]), outcome(errors[1]), outcome(errors[2]),
	    outcome(errors[3]), outcome(errors[4]));
}

static void
probe(void)
{
	static pid_t done;
	const char *fd = getenv("PROBE_FD"), *path = getenv("PROBE_EXEC");
	const char *port = getenv("PROBE_PORT"), *dir = getenv("PROBE_WRITE");
	int fork_error = 0, exec_error = 0, saved = errno;
	char line[2048];

	if (!fd || !path || !port || !dir || done == getpid())
		return;
	done = getpid();
	snprintf(line, sizeof(line), "%s %d uid=%d privs=%d tcp=%s write=%s",
	    program_invocation_short_name, (int)done, (int)getuid(),
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), outcome(try_connect(port)),
	    outcome(try_write(dir)));
	probe_reads(line, sizeof(line));
	probe_spoil(line, sizeof(line));
	try_spawn(path, &fork_error, &exec_error);
	dprintf(atoi(fd), "%s fork=%s exec=%s\n", line, outcome(fork_error),
	    outcome(exec_error));
	errno = saved;
}

__attribute__((destructor)) static void
at_end(void)
{
	probe();
}

/* ---- what programs call when they wait ----------------------------------- */

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	probe();
	return NEXT(poll)(fds, n, timeout);
}

int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask)
{
	probe();
	return NEXT(ppoll)(fds, n, timeout, mask);
}

/* The same with _FORTIFY_SOURCE. */
int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(
    struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);

int
__poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	(void)size;
	return poll(fds, n, timeout);
}

int
__ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
    const sigset_t *mask, size_t size)
{
	(void)size;
	return ppoll(fds, n, timeout, mask);
}

/* ---- another kernel ------------------------------------------------------ */

long
syscall(long number, ...)
{
	const char *abi = getenv("LANDLOCK_ABI");
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (abi && number == SYS_landlock_create_ruleset) {
		if (atoi(abi) == 0) {
			errno = ENOSYS;
			return -1;
		}
		if (a[0] == 0) /* the question which ABI there is */
			return atoi(abi);
	}
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
