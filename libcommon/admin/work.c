#include "admin/work.h"

#include <libgen.h>
#include <unistd.h>

#include "acme/workmsg.h"
#include "base/log.h"
#include "sys/clock.h"
#include "sys/conn.h"
#include "sys/run.h"
#include "sys/sock.h"
#include "wrap/name.h"

#define LINGER_MS 1000
#define CODE_BUG 101
#define CODE_TEMPORARY 111

/* ---- requests ------------------------------------------------------------ */

/* Of two that a request begins with, the first. */
static const struct task {
	const char *words;
	size_t names_min, names_max; /* that follow */
	const char *program;
	const char *arguments[4]; /* in front of the names */
} tasks[] = {
    {"nginx status", 0, 0, "nginx-expire", {"--json", "--status"}},
    {"nginx expire all", 0, 0, "nginx-expire", {"--json", "--all"}},
    {"nginx expire", 1, WORK_NAMES_MAX, "nginx-expire", {"--json", "--"}},
    {"order", 1, 1, "domain-queue", {"process", "--budget", "60", "--"}},
};

static void
split(const char *text, struct strv *words)
{
	const char *blank;

	for (; (blank = strchr(text, ' ')); text = blank + 1)
		strv_addn(words, text, (size_t)(blank - text));
	strv_add(words, text);
}

/* How many words of the request are the task's; 0: it is another. */
static size_t
match(const struct task *t, const struct strv *words)
{
	struct strv own = {0};
	size_t n;

	split(t->words, &own);
	for (n = 0; n < own.len; n++)
		if (n == words->len || strcmp(own.v[n], words->v[n]) != 0)
			break;
	if (n < own.len)
		n = 0;
	strv_release(&own);
	if (n == 0 || words->len - n < t->names_min ||
	    words->len - n > t->names_max)
		return 0;
	return n;
}

static int
fill(const struct work *w, const struct task *t, const struct strv *words,
    size_t from, struct strv *argv, struct err *e)
{
	strv_add(argv, t->program);
	strv_add(argv, "--config");
	strv_add(argv, w->config);
	if (w->store) {
		strv_add(argv, "--store");
		strv_add(argv, w->store);
	}
	if (w->to_syslog) {
		strv_add(argv, "--log");
		strv_add(argv, "syslog");
	}
	for (size_t i = 0; i < ARRAY_LEN(t->arguments) && t->arguments[i]; i++)
		strv_add(argv, t->arguments[i]);
	for (size_t i = from; i < words->len; i++) {
		if (!name_is_sni(words->v[i]))
			return err_set(
			    e, KIND_INPUT, "%.255s: is no name", words->v[i]);
		strv_add(argv, words->v[i]);
	}
	return 0;
}

int
work_parse(
    const struct work *w, const char *request, struct strv *argv, struct err *e)
{
	struct strv words = {0};
	size_t n = 0;
	int rc = -1;

	split(request, &words);
	for (size_t i = 0; n == 0 && i < ARRAY_LEN(tasks); i++) {
		n = match(&tasks[i], &words);
		if (n > 0)
			rc = fill(w, &tasks[i], &words, n, argv, e);
	}
	strv_release(&words);
	return n > 0 ? rc : err_set(e, KIND_INPUT, "no such request");
}

/* ---- programs ------------------------------------------------------------ */

/*
 * Where a program of ours is: beside this one, or, as a page of section 1 has
 * it, in bin beside the directory of this one.  The caller frees it.
 */
static char *
find_program(const char *name, struct err *e)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *directory;
	char *path;

	if (len < 0) {
		err_sys(e, "/proc/self/exe: cannot be read");
		return NULL;
	}
	self[len] = '\0';
	directory = dirname(self);
	path = xasprintf("%s/%s", directory, name);
	if (access(path, X_OK) < 0) {
		free(path);
		path = xasprintf("%s/../bin/%s", directory, name);
	}
	if (access(path, X_OK) == 0)
		return path;
	err_sys(e, "%s: cannot be started", path);
	free(path);
	return NULL;
}

/* Fills in the reply; what is in the store says more than it. */
static void
run_program(const struct work *w, const char *path, const struct strv *given,
    struct workmsg_reply *r)
{
	const char **argv = xcalloc(given->len + 1, sizeof(*argv));
	const struct run run = {.argv = argv,
	    .name = given->v[0],
	    .timeout_ms = w->program_ms,
	    .grace_ms = WORK_GRACE_MS,
	    .echoes = !w->to_syslog,
	    .heeds_term = true,
	    .output = &r->output,
	    .code = &r->code};
	struct err why = {0};

	argv[0] = path;
	for (size_t i = 1; i < given->len; i++)
		argv[i] = given->v[i];
	if (run_wait(&run, &why) < 0) {
		snprintf(r->text, sizeof(r->text), "%s", why.text);
		if (r->output.full)
			r->code = CODE_BUG;
		else if (r->code < 0)
			r->code = CODE_TEMPORARY;
	}
	free(argv);
}

/* ---- one request --------------------------------------------------------- */

static void
fail(struct workmsg_reply *r, const struct err *e)
{
	r->code = err_exit(e);
	snprintf(r->text, sizeof(r->text), "%s", e->text);
}

static void
log_work(
    const struct buf *request, const struct workmsg_reply *r, int64_t began)
{
	char code[16], ms[24];

	snprintf(code, sizeof(code), "%d", r->code);
	snprintf(ms, sizeof(ms), "%lld", (long long)(clock_mono() - began));
	log_event(LOG_LEVEL_INFO, "work", "request", request->data, "code",
	    code, "ms", ms, "detail", r->text[0] ? r->text : NULL, NULL);
}

/* Has it done.  0; -1: it is none. */
static int
perform(const struct work *w, int fd, struct workmsg_reply *r, struct err *e)
{
	struct strv argv = {0};
	struct err why = {0};
	struct buf request;
	char *path = NULL;
	int64_t began;
	int rc;

	buf_init(&request, WORKMSG_REQUEST_MAX);
	rc = workmsg_read(fd, clock_mono() + w->request_ms, &request, e);
	if (rc == 0)
		rc = work_parse(w, request.data, &argv, e);
	if (rc == 0) {
		began = clock_mono();
		path = find_program(argv.v[0], &why);
		if (path)
			run_program(w, path, &argv, r);
		else
			fail(r, &why);
		log_work(&request, r, began);
	}
	free(path);
	strv_release(&argv);
	buf_release(&request);
	return rc;
}

static int
meet(const struct work *w, int fd, struct err *e)
{
	int64_t uid = sock_peer_uid(fd);

	if (uid >= 0 && (uid == 0 || uid == geteuid() || uid == w->client_uid))
		return 0;
	err_set(
	    e, KIND_DENIED, "user %lld may not ask for work", (long long)uid);
	/* He could fill the log. */
	log_event(LOG_LEVEL_DEBUG, "work.refused", "reason", e->text, NULL);
	return -1;
}

int
work_answer(const struct work *w, int fd, struct err *e)
{
	struct workmsg_reply r;
	struct err stranger = {0}, ignored = {0};
	struct conn c;
	int rc = 0;

	workmsg_reply_init(&r);
	if (meet(w, fd, &stranger) < 0)
		fail(&r, &stranger);
	else if ((rc = perform(w, fd, &r, e)) < 0)
		fail(&r, e);
	/* Who asked may be gone; what was done is in the store. */
	if (workmsg_write(fd, &r, clock_mono() + w->request_ms, &ignored) ==
	    0) {
		conn_init(&c, fd, fd);
		conn_linger(&c, clock_mono() + LINGER_MS);
	}
	workmsg_reply_release(&r);
	return rc;
}
