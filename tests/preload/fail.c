/*
 * A library to be preloaded into our programs: system calls that fail when a
 * test says so.  FAIL_FILE is a file with a word CALL=ERRNO for each, the
 * errno in three digits, 000 for none; it is looked at whenever the call is
 * made, and changed in place.  The calls: accept4, fork, send, write (to a
 * socket).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *orders;
static size_t orders_size;

/* Opened once: later the program may have no right to it. */
__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("FAIL_FILE");
	int fd = path && strncmp(program_invocation_short_name, "acme", 4) == 0
	    ? open(path, O_RDONLY | O_CLOEXEC)
	    : -1;
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	orders = p;
	orders_size = (size_t)st.st_size;
}

/* Whether `call` ("NAME=") shall fail; sets errno. */
static int
must_fail(const char *call)
{
	const char *p =
	    orders ? memmem(orders, orders_size, call, strlen(call)) : NULL;
	int error = p ? atoi(p + strlen(call)) : 0;

	if (error != 0)
		errno = error;
	return error != 0;
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	return must_fail("send=") ? -1 : NEXT(send)(fd, data, len, flags);
}

int
accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	return must_fail("accept4=") ? -1
				     : NEXT(accept4)(fd, address, len, flags);
}

pid_t
fork(void)
{
	return must_fail("fork=") ? -1 : NEXT(fork)();
}

ssize_t
write(int fd, const void *p, size_t len)
{
	struct stat st;

	if (orders && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    must_fail("write="))
		return -1;
	return NEXT(write)(fd, p, len);
}
