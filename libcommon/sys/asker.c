#include "sys/asker.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/str.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "sys/helper.h"
#include "sys/sig.h"

#define LOOK_MS 500 /* how often who only waits looks at signals */

struct question {
	int64_t id;
	struct buf text; /* a frame */
	int64_t timeout_ms, deadline; /* 0: not sent yet */
	asker_callback *fn;
	void *arg;
};

struct asker {
	struct asker_options how;
	struct question **v; /* in the order of their ids */
	size_t len;
	size_t sent;
	int64_t last_id;
	bool is_stopped;
};

/* ---- questions ----------------------------------------------------------- */

/* It is in no list any more. */
static void
call_back(struct asker *a, struct question *q, const struct buf *answer,
    const struct err *why)
{
	a->sent -= q->deadline != 0;
	q->fn(q->arg, answer, why);
	buf_release(&q->text);
	free(q);
}

/* Those that are there now: a callback may ask again. */
static void
fail(struct asker *a, bool only_unsent, const struct err *why)
{
	struct question **now = xcalloc(a->len + 1, sizeof(struct question *));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < a->len; i++)
		if (only_unsent && a->v[i]->deadline != 0)
			a->v[kept++] = a->v[i];
		else
			now[n++] = a->v[i];
	a->len = kept;
	for (size_t i = 0; i < n; i++)
		call_back(a, now[i], NULL, why);
	free(now);
}

/* What it answers later would be taken for other answers. */
static void
lose(struct asker *a, const struct err *why)
{
	struct err e = {0};

	helper_stop(a->how.helper);
	a->how.askers->is_lost = true;
	err_set(&e, KIND_SYS, "a helping process is lost%s%s",
	    why->text[0] ? ": " : "", why->text);
	fail(a, false, &e);
}

static int
write_all(int fd, const struct buf *b, struct err *e)
{
	size_t done = 0;

	while (done < b->len) {
		ssize_t n =
		    send(fd, b->data + done, b->len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return err_sys(e, "cannot ask it");
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void
pump(struct asker *a)
{
	struct err why = {0};

	for (size_t i = 0; i < a->len; i++) {
		struct question *q = a->v[i];

		if (a->sent >= a->how.at_once)
			return;
		if (q->deadline != 0)
			continue;
		q->deadline = clock_mono() + q->timeout_ms;
		a->sent++;
		if (a->how.helper->fd < 0)
			err_set(&why, KIND_SYS, "it has ended");
		else if (write_all(a->how.helper->fd, &q->text, &why) == 0)
			continue;
		lose(a, &why);
		return;
	}
}

int64_t
asker_next_id(const struct asker *a)
{
	return a->last_id + 1;
}

static const struct err stopped = {
    .kind = KIND_BUSY, .text = "stopped before it was done"};

void
asker_ask(struct asker *a, const struct buf *question, int64_t timeout_ms,
    asker_callback *fn, void *arg)
{
	struct question *q = xcalloc(1, sizeof(*q));
	struct err why = {0};
	int rc;

	q->id = ++a->last_id;
	q->timeout_ms = timeout_ms;
	q->fn = fn;
	q->arg = arg;
	buf_init(&q->text, FRAME_HEAD + question->len);
	rc = question->full
	    ? err_set(&why, KIND_INPUT, "a question that is too long")
	    : frame_add(&q->text, question->data, question->len, &why);
	if (rc < 0 || a->is_stopped) {
		call_back(a, q, NULL, rc < 0 ? &why : &stopped);
		return;
	}
	a->v = xreallocarray(a->v, a->len + 1, sizeof(struct question *));
	a->v[a->len++] = q;
	pump(a);
}

/* ---- answers ------------------------------------------------------------- */

static int64_t
leading_id(const struct buf *answer)
{
	char digits[24];
	size_t len = strcspn(answer->data, " ");
	uint64_t id = 0;

	snprintf(digits, sizeof(digits), "%.*s", (int)len, answer->data);
	return str_to_u64(digits, INT64_MAX, &id) ? (int64_t)id : 0;
}

static int
give(struct asker *a, const struct buf *answer, struct err *e)
{
	static const struct err none;
	int64_t id = a->how.id_of ? a->how.id_of(answer) : leading_id(answer);

	for (size_t i = 0; i < a->len; i++) {
		struct question *q = a->v[i];

		if (q->id != id || q->deadline == 0)
			continue;
		a->len--;
		memmove(&a->v[i], &a->v[i + 1],
		    (a->len - i) * sizeof(struct question *));
		call_back(a, q, answer, &none);
		return 0;
	}
	/* who was lost may have answered just before */
	return id > 0 && id <= a->last_id
	    ? 0
	    : err_set(e, KIND_SYS, "it answers what was not asked");
}

static int64_t
deadline_of(const struct asker *a)
{
	int64_t first = FD_FOREVER;

	for (size_t i = 0; i < a->len; i++)
		if (a->v[i]->deadline != 0 && a->v[i]->deadline < first)
			first = a->v[i]->deadline;
	return first;
}

/* All that is there now. */
static size_t
take(struct asker *a)
{
	int *fd = &a->how.helper->fd;
	struct buf answer;
	struct err why = {0};
	size_t count = 0;
	int rc = 0;

	buf_init(&answer, FRAME_MAX);
	while (rc == 0 && *fd >= 0 && a->sent > 0 &&
	    fd_wait(*fd, POLLIN, 0, &why) > 0) {
		rc = frame_read(*fd, &answer, deadline_of(a), &why);
		if (rc == 0)
			err_set(&why, KIND_SYS, "it has ended");
		rc = rc > 0 ? give(a, &answer, &why) : -1;
		count++;
	}
	buf_release(&answer);
	if (rc < 0)
		lose(a, &why);
	else
		pump(a);
	return count;
}

/* ---- all of a loop ------------------------------------------------------- */

struct asker *
asker_new(const struct asker_options *o)
{
	struct asker *a = xcalloc(1, sizeof(*a));
	struct askers *l = o->askers;

	a->how = *o;
	l->v = xreallocarray(l->v, l->len + 1, sizeof(struct asker *));
	l->v[l->len++] = a;
	return a;
}

void
asker_free(struct asker *a)
{
	struct askers *l = a ? a->how.askers : NULL;

	if (!a)
		return;
	a->is_stopped = true;
	fail(a, false, &stopped);
	for (size_t i = 0; i < l->len; i++)
		if (l->v[i] == a)
			l->v[i--] = l->v[--l->len];
	free(a->v);
	free(a);
}

void
askers_poll(const struct askers *l, struct pollfd *out)
{
	for (size_t i = 0; i < l->len; i++)
		/* what is not asked says nothing that is of use */
		out[i] = (struct pollfd){
		    .fd = l->v[i]->sent > 0 ? l->v[i]->how.helper->fd : -1,
		    .events = POLLIN};
}

int64_t
askers_until(const struct askers *l)
{
	int64_t until = FD_FOREVER;

	for (size_t i = 0; i < l->len; i++) {
		int64_t its = deadline_of(l->v[i]);

		until = its < until ? its : until;
	}
	return until;
}

size_t
askers_take(struct askers *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->len; i++) {
		struct err late = {0};

		count += take(l->v[i]);
		if (deadline_of(l->v[i]) > clock_mono())
			continue;
		err_set(&late, KIND_SYS, "it does not answer in time");
		lose(l->v[i], &late);
		count++;
	}
	return count;
}

void
askers_stop(struct askers *l)
{
	for (size_t i = 0; i < l->len; i++) {
		struct asker *a = l->v[i];

		if (a->is_stopped)
			continue;
		a->is_stopped = true;
		if (a->how.ends_softly && a->how.helper->fd >= 0)
			shutdown(a->how.helper->fd, SHUT_WR);
		fail(a, a->how.ends_softly, &stopped);
	}
}

void
askers_wait(struct askers *l, const bool *done)
{
	while (!*done) {
		struct pollfd *p = xcalloc(l->len + 1, sizeof(*p));

		askers_poll(l, p);
		poll(p, l->len, LOOK_MS);
		free(p);
		if (sig_term())
			askers_stop(l);
		askers_take(l);
	}
}

void
askers_release(struct askers *l)
{
	if (!l)
		return;
	for (size_t i = l->len; i > 0; i--)
		asker_free(l->v[i - 1]);
	free(l->v);
	*l = (struct askers){0};
}
