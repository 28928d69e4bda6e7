#include "jobs/prober.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "sys/clock.h"
#include "sys/dial.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/sig.h"
#include "wrap/name.h"
#include "wrap/tlsprobe.h"

#define QUESTION_MAX 2048
#define MARGIN_MS 5000 /* beyond its own time, the other process is stuck */

int
probe_parse(const char *text, char **host, char **port, struct err *e)
{
	const char *end = strrchr(text, ':');
	uint64_t n;

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] != ':' && end[1] != '\0'))
			return err_set(
			    e, KIND_INPUT, "%.200s: not HOST:PORT", text);
		*host = xstrndup(text + 1, (size_t)(end - text - 1));
		*port = xstrdup(end[1] == ':' ? end + 2 : "443");
	} else if (end && strchr(text, ':') != end) {
		*host = xstrdup(text); /* an address of IPv6 */
		*port = xstrdup("443");
	} else {
		*host =
		    end ? xstrndup(text, (size_t)(end - text)) : xstrdup(text);
		*port = xstrdup(end ? end + 1 : "443");
	}
	if (**host != '\0' && str_is_printable(*host, strlen(*host)) &&
	    strlen(*host) <= 255 && str_to_u64(*port, 65535, &n) && n > 0)
		return 0;
	free(*host);
	free(*port);
	*host = *port = NULL;
	return err_set(e, KIND_INPUT, "%.200s: not HOST:PORT", text);
}

/* ---- the process with the network ---------------------------------------- */

/* Cuts the next line off. */
static char *
next_line(char **text)
{
	char *line = *text;

	*text += strcspn(line, "\n");
	if (**text != '\0')
		*(*text)++ = '\0';
	return line;
}

/* A host, a port, and a server name, which may be empty: lines. */
static int
probe(char *question, int64_t total_ms, struct buf *out, struct err *e)
{
	int64_t deadline = clock_mono() + total_ms;
	const char *host = next_line(&question);
	const char *port = next_line(&question);
	const char *sni = next_line(&question);
	int fd = dial_tcp(host, port, deadline, e), rc;

	if (fd < 0)
		return -1;
	rc = tlsprobe(fd, *sni ? sni : NULL, deadline, out, e);
	close(fd);
	return rc;
}

static int
answer(int fd, char *question, int64_t total_ms, struct err *e)
{
	struct err why = {0};
	struct buf certs, out;
	int rc;

	buf_init(&certs, PROBER_ANSWER_MAX);
	buf_init(&out, PROBER_ANSWER_MAX);
	rc = probe(question, total_ms, &certs, &why);
	buf_addc(&out, (char)(rc < 0 ? why.kind : KIND_NONE));
	if (rc < 0)
		buf_adds(&out, why.text);
	else
		buf_add(&out, certs.data, certs.len);
	rc = frame_write(fd, out.data, out.len, FD_FOREVER, e);
	buf_release(&certs);
	buf_release(&out);
	return rc;
}

static void
live(int fd, void *arg)
{
	const struct prober_options *o = arg;
	struct err e = {0};
	struct buf question;
	int rc = o->confine(o->arg, &e);

	buf_init(&question, QUESTION_MAX);
	while (rc == 0 && frame_read(fd, &question, FD_FOREVER, &e) > 0)
		rc = answer(fd, question.data, o->total_ms, &e);
	if (rc < 0)
		log_err("prove", &e);
	buf_release(&question);
	_exit(err_exit(&e));
}

/* ---- the other side ------------------------------------------------------ */

int
prober_start(struct prober *p, const struct prober_options *o, struct err *e)
{
	const struct helper_options how = {
	    .live = live, .arg = (void *)(uintptr_t)o, .keep = -1};

	*p = (struct prober){.total_ms = o->total_ms,
	    .helpers = xcalloc(o->jobs, sizeof(struct helper))};
	for (; p->len < o->jobs; p->len++)
		if (helper_start(&p->helpers[p->len], &how, e) < 0) {
			prober_stop(p);
			return -1;
		}
	return 0;
}

void
prober_stop(struct prober *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->len; i++)
		helper_stop(&p->helpers[i]);
	free(p->helpers);
	*p = (struct prober){0};
}

static int
read_answer(struct buf *in, struct buf *certs, struct err *e)
{
	if (in->len == 0)
		return err_set(e, KIND_BUG, "an answer without a kind");
	if (in->data[0] != (char)KIND_NONE)
		return err_set(e,
		    in->data[0] < KIND__MAX ? (enum err_kind)in->data[0]
					    : KIND_BUSY,
		    "%s", in->data + 1);
	return buf_add(certs, in->data + 1, in->len - 1);
}

static void
write_question(const struct probe *what, struct buf *out)
{
	buf_init(out, QUESTION_MAX);
	buf_addf(out, "%s\n%s\n%s", what->host, what->port,
	    what->sni ? what->sni : "");
}

/* ---- many ---------------------------------------------------------------- */

struct slot {
	bool is_busy;
	size_t tag;
	int64_t deadline;
};

static int
begin(struct prober *p, size_t i, struct slot *slot, const struct probing *g,
    struct err *e)
{
	struct probe what;
	struct buf question;
	int rc;

	if (p->helpers[i].pid == 0 || !g->next(g->arg, &what, &slot->tag))
		return 0;
	write_question(&what, &question);
	slot->deadline = clock_mono() + p->total_ms + MARGIN_MS;
	slot->is_busy = true;
	rc = frame_write(
	    p->helpers[i].fd, question.data, question.len, slot->deadline, e);
	buf_release(&question);
	return rc < 0 ? -1 : 1;
}

static void
end(struct prober *p, size_t i, struct slot *slot, const struct probing *g)
{
	struct err why = {0};
	struct buf in, certs;

	buf_init(&in, PROBER_ANSWER_MAX);
	buf_init(&certs, PROBER_ANSWER_MAX);
	if (frame_read(p->helpers[i].fd, &in, slot->deadline, &why) > 0) {
		read_answer(&in, &certs, &why);
	} else {
		helper_stop(&p->helpers[i]);
		err_clear(&why);
		err_set(&why, KIND_BUSY, "a helping process is lost");
	}
	slot->is_busy = false;
	g->told(g->arg, slot->tag, &certs, &why);
	buf_release(&in);
	buf_release(&certs);
}

/* Waits for one of them, at most until the first deadline. */
static int
await(struct prober *p, struct slot *slots, const struct probing *g,
    struct err *e)
{
	struct pollfd *fds = xcalloc(p->len, sizeof(*fds));
	int64_t now = clock_mono(), first = INT64_MAX;
	int rc;

	for (size_t i = 0; i < p->len; i++) {
		fds[i] = (struct pollfd){
		    .fd = slots[i].is_busy ? p->helpers[i].fd : -1,
		    .events = POLLIN};
		if (slots[i].is_busy && slots[i].deadline < first)
			first = slots[i].deadline;
	}
	rc = poll(fds, (nfds_t)p->len, first > now ? (int)(first - now) : 0);
	if (rc < 0 && errno != EINTR)
		err_sys(e, "cannot poll");
	for (size_t i = 0; i < p->len && (rc >= 0); i++)
		if (slots[i].is_busy &&
		    (fds[i].revents || slots[i].deadline <= clock_mono()))
			end(p, i, &slots[i], g);
	free(fds);
	return err_is_set(e) ? -1 : 0;
}

int
prober_run(struct prober *p, const struct probing *g, struct err *e)
{
	struct slot *slots = xcalloc(p->len, sizeof(*slots));
	size_t busy;
	int rc = 0;

	do {
		busy = 0;
		for (size_t i = 0; rc >= 0 && i < p->len; i++) {
			if (!slots[i].is_busy && !sig_term())
				rc = begin(p, i, &slots[i], g, e);
			busy += slots[i].is_busy;
		}
		if (rc >= 0 && busy > 0)
			rc = await(p, slots, g, e);
	} while (rc >= 0 && busy > 0);
	free(slots);
	return rc < 0 ? -1 : 0;
}
