/*
 * exec-cost: what one connection costs a program that is started for it.
 */
#include <err.h>
#include <getopt.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

static const char usage_text[] =
    "usage: exec-cost --config FILE [--tls CA [--resume]] [--runs N] "
    "PROGRAM...\n"
    "\n"
    "Starts \"PROGRAM -c FILE\" with a TCP connection as descriptors 0 and 1, "
    "asks\n"
    "for /directory once and waits for its end; --runs times each (default "
    "500),\n"
    "the programs by turns, so that they share what else the machine does.\n"
    "Prints for each program the CPU of one run from exec to exit, in ms "
    "(median,\n"
    "mean, and the mean of user and system), page faults, and how many TLS\n"
    "sessions were resumed.\n"
    "\n"
    "  --config FILE  of the program\n"
    "  --tls CA       speak TLS to localhost, trusting this PEM file\n"
    "  --resume       offer the session of the connection before\n"
    "  --runs N       default 500\n";

#define PROGRAMS_MAX 8

struct options {
	const char *config;
	const char *ca;
	int resume;
	size_t runs;
};

struct result {
	const char *program;
	SSL_SESSION *session;
	double *cpu; /* of each run, ms */
	double user;
	double kernel;
	long faults;
	size_t resumed;
};

static SSL_SESSION **session_to; /* where the next one belongs */

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(*session_to);
	*session_to = session;
	return 1;
}

static SSL_CTX *
make_tls(const struct options *o)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (!tls || SSL_CTX_load_verify_file(tls, o->ca) != 1)
		errx(111, "%s: no certificates to trust", o->ca);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(
	    tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(tls, on_session);
	return tls;
}

/* The two ends of a connection over loopback. */
static void
connect_pair(int ends[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	    .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &len) < 0 ||
	    connect(ends[0], (struct sockaddr *)&a, len) < 0 ||
	    (ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		err(111, "no connection");
	close(listener);
}

static pid_t
start(const char *program, const char *config, int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		err(111, "fork");
	if (pid == 0) {
		dup2(fd, STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		execl(program, program, "-q", "-c", config, (char *)NULL);
		err(111, "%s", program);
	}
	close(fd);
	return pid;
}

static const char question[] = "GET /directory HTTP/1.1\r\nHost: localhost\r\n"
			       "Connection: close\r\n\r\n";

static void
expect_ok(const char *program, const char *answer)
{
	if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
		errx(1, "%s: no directory: %.100s", program, answer);
}

static void
ask_plain(const char *program, int fd)
{
	char answer[8192] = "";
	size_t len = 0;
	ssize_t n;

	if (write(fd, question, strlen(question)) < 0)
		err(1, "%s", program);
	while (len < sizeof(answer) - 1 &&
	    (n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	expect_ok(program, answer);
}

static void
ask_tls(struct result *r, SSL_CTX *tls, bool resume, int fd)
{
	char answer[8192] = "";
	size_t len = 0;
	SSL *ssl = SSL_new(tls);
	int n;

	SSL_set_fd(ssl, fd);
	SSL_set_tlsext_host_name(ssl, "localhost");
	SSL_set1_host(ssl, "localhost");
	if (resume && r->session)
		SSL_set_session(ssl, r->session);
	session_to = &r->session;
	if (SSL_connect(ssl) != 1 ||
	    SSL_write(ssl, question, (int)strlen(question)) <= 0)
		errx(1, "%s: no TLS", r->program);
	while (len < sizeof(answer) - 1 &&
	    (n = SSL_read(ssl, answer + len, (int)(sizeof(answer) - 1 - len))) >
		0)
		len += (size_t)n;
	expect_ok(r->program, answer);
	r->resumed += SSL_session_reused(ssl) == 1;
	SSL_shutdown(ssl);
	SSL_free(ssl);
}

static double
milliseconds(const struct timeval *t)
{
	return (double)t->tv_sec * 1000 + (double)t->tv_usec / 1000;
}

static void
run(struct result *r, const struct options *o, SSL_CTX *tls, size_t n)
{
	struct rusage u;
	int ends[2], status;
	pid_t pid;

	connect_pair(ends);
	pid = start(r->program, o->config, ends[1]);
	if (tls)
		ask_tls(r, tls, o->resume, ends[0]);
	else
		ask_plain(r->program, ends[0]);
	close(ends[0]);
	if (wait4(pid, &status, 0, &u) != pid || status != 0)
		errx(1, "%s: ended with status %d", r->program, status);
	r->user += milliseconds(&u.ru_utime);
	r->kernel += milliseconds(&u.ru_stime);
	r->faults += u.ru_minflt;
	r->cpu[n] = milliseconds(&u.ru_utime) + milliseconds(&u.ru_stime);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
report(struct result *r, const struct options *o)
{
	double n = (double)o->runs;

	qsort(r->cpu, o->runs, sizeof(*r->cpu), compare);
	printf("program=%s mode=%s runs=%zu cpu=%.3f mean=%.3f user=%.3f "
	       "system=%.3f faults=%.0f resumed=%zu\n",
	    r->program,
	    !o->ca	    ? "plain"
		: o->resume ? "resume"
			    : "tls",
	    o->runs, r->cpu[o->runs / 2], (r->user + r->kernel) / n,
	    r->user / n, r->kernel / n, (double)r->faults / n, r->resumed);
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	const struct option table[] = {{"config", required_argument, NULL, 'c'},
	    {"tls", required_argument, NULL, 't'},
	    {"resume", no_argument, &o->resume, 1},
	    {"runs", required_argument, NULL, 'n'},
	    {"help", no_argument, NULL, 'h'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (c == 'c')
			o->config = optarg;
		else if (c == 't')
			o->ca = optarg;
		else if (c == 'n')
			o->runs = strtoul(optarg, NULL, 10);
		else if (c == 'h')
			exit(fputs(usage_text, stdout) < 0);
		else if (c != 0)
			exit((fputs(usage_text, stderr), 100));
	}
	if (optind == argc || argc - optind > PROGRAMS_MAX || !o->config ||
	    o->runs == 0) {
		fputs(usage_text, stderr);
		exit(100);
	}
}

int
main(int argc, char **argv)
{
	struct options o = {.runs = 500};
	struct result results[PROGRAMS_MAX] = {0};
	SSL_CTX *tls = NULL;
	int count;

	parse_options(argc, argv, &o);
	signal(SIGPIPE, SIG_IGN);
	if (o.ca)
		tls = make_tls(&o);
	count = argc - optind;
	for (int i = 0; i < count; i++) {
		results[i].program = argv[optind + i];
		results[i].cpu = xcalloc(o.runs, sizeof(double));
	}
	for (size_t n = 0; n < o.runs; n++)
		for (int i = 0; i < count; i++)
			run(&results[i], &o, tls, n);
	for (int i = 0; i < count; i++) {
		report(&results[i], &o);
		SSL_SESSION_free(results[i].session);
		free(results[i].cpu);
	}
	SSL_CTX_free(tls);
	return 0;
}
