/*
 * shim: a preloaded library that kills its process at a chosen system call.
 *
 *	LD_PRELOAD=shim.so FAULT_FILE=FILE FAULT=acmed-accept:17:before PROGRAM
 *
 * counts the calls that write, make durable or make visible, of all processes
 * of a role together, in FILE (a slot of eight bytes for each role, then one
 * that is 1 once somebody was killed; made when it is absent), and kills with
 * SIGKILL before the 17th, after it, or (half) after half of its bytes; one
 * that cannot be halved is not made, or, when it opens a file, made.  It kills
 * once for each FILE and appends a line to FILE.log that says where.  With
 * "stop" it is stopped before the call, by SIGSTOP, and may go on.
 *
 *	FAULT=ROLE:N:random
 *
 * kills before one call of N, again and again.  The role "any" is everybody.
 * Without FAULT it only counts.
 *
 * A role is the name of the program; a process that has been forked from one
 * has "+" behind it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *const roles[] = {"acmed-accept", "acmed-accept+",
    "acme-validate", "acme-validate+", "acme-sign", "acme-sign+", "acmed-store",
    "acmed-store+", "cert-import", "cert-import+", "cert-export",
    "cert-export+", "acme-order", "acme-order+", "renew-queue", "renew-queue+",
    "redis-prime", "redis-prime+", "acmed-admin", "acmed-admin+"};
#define ROLES (sizeof(roles) / sizeof(roles[0]))

#define LOG_FD 200 /* out of the way */

enum mode {
	NONE,
	BEFORE,
	AFTER,
	HALF,
	RANDOM,
	STOP
};
#define MODES (STOP + 1)

static struct {
	_Atomic uint64_t *counts; /* of FAULT_FILE; then whether it has fired */
	int log;
	char role[64];
	uint64_t at;
	enum mode mode;
	pid_t pid; /* of the process that was exec'd */
} fault;

static void
read_plan(const char *plan)
{
	static const char *const modes[MODES] = {
	    "none", "before", "after", "half", "random", "stop"};
	char mode[16];
	unsigned long long at;

	if (sscanf(plan, "%63[^:]:%llu:%15s", fault.role, &at, mode) != 3)
		return;
	fault.at = at;
	for (int i = 0; i < MODES; i++)
		if (strcmp(mode, modes[i]) == 0)
			fault.mode = (enum mode)i;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *file = getenv("FAULT_FILE"), *plan = getenv("FAULT");
	char log[300];
	int fd;
	void *map;

	if (!file)
		return;
	fd = (int)syscall(
	    SYS_openat, AT_FDCWD, file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || syscall(SYS_ftruncate, fd, 4096) < 0)
		abort();
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		abort();
	syscall(SYS_close, fd);
	/* Now: the program may give up the right to open it. */
	snprintf(log, sizeof(log), "%s.log", file);
	fd = (int)syscall(SYS_openat, AT_FDCWD, log,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	fault.log = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
	syscall(SYS_close, fd);
	fault.pid = getpid();
	if (plan)
		read_plan(plan);
	fault.counts = map; /* transferred */
}

static size_t
role(void)
{
	bool forked = getpid() != fault.pid;
	size_t i;

	for (i = 0; i < ROLES; i += 2)
		if (strcmp(program_invocation_short_name, roles[i]) == 0)
			break;
	return i < ROLES ? i + forked : ROLES;
}

/* Says where. */
static void
note(const char *call, size_t who, uint64_t n, int fd)
{
	char line[600], link[32], path[400] = "";
	int len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (fd >= 0 && syscall(SYS_readlink, link, path, sizeof(path) - 1) < 0)
		path[0] = '\0';
	len = snprintf(line, sizeof(line), "%s %llu %s %s\n", roles[who],
	    (unsigned long long)n, call, path);
	syscall(SYS_write, fault.log, line, len);
}

static void
die(const char *call, size_t who, uint64_t n, int fd)
{
	note(call, who, n, fd);
	syscall(SYS_kill, getpid(), SIGKILL);
	for (;;)
		syscall(SYS_exit_group, 137);
}

static bool
is_random(void)
{
	uint32_t r = 0;

	syscall(SYS_getrandom, &r, sizeof(r), 0);
	return fault.at > 0 && r % fault.at == 0;
}

/*
 * Before a call: counts it, and kills if it is the one.  Returns how the call
 * is to end: NONE, AFTER or HALF, whose number goes to `n`.
 */
static enum mode
count(const char *call, int fd, uint64_t *n)
{
	size_t who;

	if (!fault.counts || (who = role()) == ROLES)
		return NONE;
	*n = atomic_fetch_add(&fault.counts[who], 1) + 1;
	if (fault.mode == NONE ||
	    (strcmp(fault.role, "any") != 0 &&
		strcmp(fault.role, roles[who]) != 0))
		return NONE;
	if (fault.mode == RANDOM) {
		if (is_random())
			die(call, who, *n, fd);
		return NONE;
	}
	if (*n != fault.at || atomic_exchange(&fault.counts[ROLES], 1) != 0)
		return NONE;
	if (fault.mode == BEFORE)
		die(call, who, *n, fd);
	if (fault.mode != STOP)
		return fault.mode;
	note(call, who, *n, fd);
	syscall(SYS_kill, getpid(), SIGSTOP);
	return NONE;
}

/* After a call that did `how`. */
static void
end(enum mode how, const char *call, int fd, uint64_t n)
{
	if (how != NONE)
		die(call, role(), n, fd);
}

/*
 * WRAP(type, name, fd, half, parameters, arguments): the wrapper of a function
 * of libc; `half` is an expression that does half of it, or 0.
 */
#define REAL(type, name, ...)                                                  \
	static type (*real_##name)(__VA_ARGS__);                               \
	if (!real_##name)                                                      \
		real_##name = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name);
#define UNPACK(...) __VA_ARGS__
#define WRAP(type, name, fd, half, parameters, arguments)                      \
	type name(UNPACK parameters);                                          \
	type name(UNPACK parameters)                                           \
	{                                                                      \
		REAL(type, name, UNPACK parameters)                            \
		uint64_t n = 0;                                                \
		enum mode how = count(#name, fd, &n);                          \
		type rc;                                                       \
		int saved;                                                     \
		if (how == HALF) {                                             \
			(void)(half);                                          \
			end(how, #name, fd, n);                                \
		}                                                              \
		rc = real_##name arguments;                                    \
		saved = errno;                                                 \
		end(how, #name, fd, n);                                        \
		errno = saved;                                                 \
		return rc;                                                     \
	}

WRAP(ssize_t, write, f, real_write(f, p, len / 2),
    (int f, const void *p, size_t len), (f, p, len))
WRAP(ssize_t, pwrite, f, real_pwrite(f, p, len / 2, at),
    (int f, const void *p, size_t len, off_t at), (f, p, len, at))
WRAP(ssize_t, pwrite64, f, real_pwrite64(f, p, len / 2, at),
    (int f, const void *p, size_t len, off64_t at), (f, p, len, at))
WRAP(ssize_t, writev, f, real_writev(f, v, 1),
    (int f, const struct iovec *v, int len), (f, v, len))
WRAP(ssize_t, send, f, real_send(f, p, len / 2, flags),
    (int f, const void *p, size_t len, int flags), (f, p, len, flags))
WRAP(ssize_t, sendto, f, 0,
    (int f, const void *p, size_t len, int flags, const struct sockaddr *to,
	socklen_t to_len),
    (f, p, len, flags, to, to_len))
WRAP(ssize_t, sendmsg, f, 0, (int f, const struct msghdr *m, int flags),
    (f, m, flags))
WRAP(int, fsync, f, 0, (int f), (f))
WRAP(int, fdatasync, f, 0, (int f), (f))
WRAP(int, ftruncate, f, 0, (int f, off_t len), (f, len))
WRAP(int, ftruncate64, f, 0, (int f, off64_t len), (f, len))
WRAP(int, fallocate, f, 0, (int f, int mode, off_t at, off_t len),
    (f, mode, at, len))
WRAP(int, fallocate64, f, 0, (int f, int mode, off64_t at, off64_t len),
    (f, mode, at, len))
WRAP(int, fchmod, f, 0, (int f, mode_t mode), (f, mode))
WRAP(int, chmod, -1, 0, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdir, -1, 0, (const char *path, mode_t mode), (path, mode))
WRAP(int, mkdirat, -1, 0, (int at, const char *path, mode_t mode),
    (at, path, mode))
WRAP(int, symlinkat, -1, 0, (const char *target, int at, const char *path),
    (target, at, path))
WRAP(int, renameat, -1, 0, (int a, const char *from, int b, const char *to),
    (a, from, b, to))
WRAP(int, unlinkat, -1, 0, (int at, const char *path, int flags),
    (at, path, flags))
WRAP(int, futimens, f, 0, (int f, const struct timespec times[2]), (f, times))
WRAP(int, syncfs, f, 0, (int f), (f))
WRAP(int, rename, -1, 0, (const char *from, const char *to), (from, to))
WRAP(int, renameat2, -1, 0,
    (int a, const char *from, int b, const char *to, unsigned flags),
    (a, from, b, to, flags))
WRAP(int, link, -1, 0, (const char *from, const char *to), (from, to))
WRAP(int, linkat, -1, 0,
    (int a, const char *from, int b, const char *to, int flags),
    (a, from, b, to, flags))
WRAP(int, unlink, -1, 0, (const char *path), (path))
WRAP(int, bind, f, 0, (int f, const struct sockaddr *sa, socklen_t len),
    (f, sa, len))

/* Only an open that may create something counts. */
#define WRAP_OPEN(name, flags, parameters, arguments)                          \
	int name(UNPACK parameters, ...);                                      \
	int name(UNPACK parameters, ...)                                       \
	{                                                                      \
		REAL(int, name, UNPACK parameters, ...)                        \
		uint64_t n = 0;                                                \
		enum mode how = NONE;                                          \
		mode_t mode = 0;                                               \
		va_list ap;                                                    \
		int rc;                                                        \
		if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) {   \
			va_start(ap, flags);                                   \
			mode = va_arg(ap, mode_t);                             \
			va_end(ap);                                            \
			how = count(#name, -1, &n);                            \
		}                                                              \
		rc = real_##name(UNPACK arguments, mode);                      \
		end(how, #name, rc, n);                                        \
		return rc;                                                     \
	}

WRAP_OPEN(open, flags, (const char *path, int flags), (path, flags))
WRAP_OPEN(open64, flags, (const char *path, int flags), (path, flags))
WRAP_OPEN(
    openat, flags, (int at, const char *path, int flags), (at, path, flags))
WRAP_OPEN(
    openat64, flags, (int at, const char *path, int flags), (at, path, flags))
