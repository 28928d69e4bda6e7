#include "cli/prog.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/out.h"
#include "cli/parse.h"
#include "sys/fd.h"
#include "sys/handed.h"

static bool
is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/*
 * inetd gives the client's socket as 2 as well: nothing, not even a library's
 * last words, may be written there.  A terminal or a file that 1 and 2 share is
 * the user's own choice.
 */
static enum log_sink
guard_stderr(void)
{
	int fd;

	if (!is_socket(STDERR_FILENO) ||
	    (!fd_same(STDERR_FILENO, STDIN_FILENO) &&
		!fd_same(STDERR_FILENO, STDOUT_FILENO)))
		return LOG_SINK_FD;
	fd = open("/dev/null", O_WRONLY);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(111);
	close(fd);
	return LOG_SINK_SYSLOG;
}

static int
init(struct prog *p, const char *path, const char *usage, struct err *e)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	int rc;

	memset(p, 0, sizeof(*p));
	p->no_stdout = fd_guard_std();
	rc = handed_take(e);
	p->name = slash ? slash + 1 : path ? path : "acmed";
	p->usage = usage;
	p->ready_fd = -1;
	p->forced_syslog = guard_stderr() == LOG_SINK_SYSLOG;
	log_init(p->name, p->forced_syslog ? LOG_SINK_SYSLOG : LOG_SINK_FD,
	    STDERR_FILENO);
	return rc;
}

/* Sets the log up as -l says, else as the configuration does. */
static int
open_log(struct prog *p, struct err *e)
{
	const char *sink = p->log_sink ? p->log_sink : p->conf.log.sink;
	uint64_t fd = STDERR_FILENO;
	enum log_level level;

	if (p->conf.log.level &&
	    log_level_by_name(p->conf.log.level, &level) == 0)
		log_set_level(level);
	if (p->quiet)
		log_set_level(LOG_LEVEL_WARN);
	if (p->verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	if (sink && str_starts(sink, "fd:")) {
		if (!str_to_u64(sink + 3, INT_MAX, &fd) ||
		    fcntl((int)fd, F_GETFD) < 0)
			return prog_misuse(
			    e, "--log %s: no open descriptor", sink);
		log_init(p->name, LOG_SINK_FD, (int)fd);
	} else if (str_same(sink, "syslog")) {
		log_init(p->name, LOG_SINK_SYSLOG, -1);
	} else if (sink && strcmp(sink, "stderr") != 0) {
		return prog_misuse(
		    e, "--log %s: must be stderr, syslog or fd:N", sink);
	}
	return 0;
}

static int
load(struct prog *p, struct err *e)
{
	unsigned sections = p->command->sections;

	if (!p->config_path)
		p->config_path = getenv("ACMED_CONFIG");
	if (!p->config_path)
		p->config_path = CONF_DEFAULT_PATH;
	if (!p->store_url)
		p->store_url = getenv("ACMED_STORE");
	if (sections != 0 && strcmp(p->config_path, "-") == 0 &&
	    is_socket(STDIN_FILENO))
		return prog_misuse(
		    e, "--config -: standard input is a connection");
	if (sections == 0)
		p->config_path = NULL;
	else if (conf_load(&p->conf, p->config_path,
		     sections | CONF_LOG | CONF_SANDBOX, e) < 0)
		return -1;
	if (p->store_url && (sections & CONF_STORE)) {
		free(p->conf.store.url);
		p->conf.store.url = xstrdup(p->store_url);
	}
	return open_log(p, e);
}

int
prog_misuse(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e, KIND_USAGE, "%s", text);
}

void
prog_ready(struct prog *p)
{
	/* Nobody listens any more: the service goes on all the same. */
	if (p->ready_fd >= 0 && write(p->ready_fd, "\n", 1) < 0)
		log_event(LOG_LEVEL_WARN, "ready.unheard", NULL);
	fd_close(&p->ready_fd);
}

int
prog_fail(const struct prog *p, const struct err *e)
{
	char text[sizeof(e->text) + sizeof(e->detail) + 80];
	char line[1024];

	if (!err_is_set(e))
		return 0;
	if (p->forced_syslog) {
		log_err("failed", e);
		return err_exit(e);
	}
	err_format(e, text, sizeof(text));
	snprintf(line, sizeof(line), "%.64s: %.*s%s\n", p->name,
	    (int)sizeof(line) - 128, text,
	    e->kind == KIND_BUG ? " (a bug: please report it)" : "");
	/* stderr that cannot be written has nowhere to complain. */
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return err_exit(e);
	return err_exit(e);
}

int
prog_worse(int a, int b)
{
	static const int order[] = {0, 111, 1};
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(order) && order[i] != a; i++)
		;
	for (j = 0; j < ARRAY_LEN(order) && order[j] != b; j++)
		;
	return j > i ? b : a;
}

void
prog_item_failed(struct prog *p, const struct err *e)
{
	p->exit_code = prog_worse(p->exit_code, prog_fail(p, e));
}

int
prog_end(const struct prog *p, struct err *e)
{
	struct err closing = {0};
	int code = p->exit_code;

	if (out_close(&closing) < 0 && !err_is_set(e))
		*e = closing;
	if (err_is_set(e))
		code = prog_fail(p, e);
	if (e->kind == KIND_USAGE && !p->forced_syslog)
		fprintf(
		    stderr, "%.*s\n", (int)strcspn(p->usage, "\n"), p->usage);
	return code;
}

static int
finish(struct prog *p, struct err *e)
{
	int code = prog_end(p, e);

	conf_release(&p->conf);
	strv_release(&p->reads);
	strv_release(&p->writes);
	return code;
}

int
prog_main(int argc, char **argv, const char *usage,
    const struct prog_command *commands)
{
	struct err e = {0};
	struct prog p;
	int rc;

	if (init(&p, argv[0], usage, &e) < 0)
		return finish(&p, &e);
	rc = parse_args(&p, argc, argv, commands, &e);
	if (rc == PARSE_HELP)
		fputs(usage, stdout);
	else if (rc == PARSE_VERSION)
		printf("%s (acmed) %s\n", p.name, ACMED_VERSION);
	else if (rc == PARSE_RUN && load(&p, &e) == 0)
		p.command->run(&p, &e);
	return finish(&p, &e);
}
