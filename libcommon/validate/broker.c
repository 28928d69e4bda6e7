#include "validate/broker.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acme/problem.h"
#include "base/log.h"
#include "conf/conf.h"
#include "policy/address.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/lock.h"
#include "sys/sig.h"
#include "validate/child.h"

#define LOCK_NAME "validate.lock"
#define LOCK_PAUSE_MS 500
#define LEASE_MARGIN 15 /* seconds beyond the time of an attempt */
#define OVERDUE_MS 5000 /* beyond it, the other process is stuck */
#define GRACE_MS 5000 /* for what is in hand at SIGTERM */
#define LOOK_MS 60000 /* between two looks, whatever we are told */
#define BUSY_MS 1000 /* the same when the store was locked */
#define FDS_OWN 32 /* descriptors of the other process itself */
#define FDS_EACH 4 /* and for each validation: web, DNS */
#define BATCH_MAX 64 /* results in one transaction */
#define DEATHS_MAX 20 /* of the other process, without a result between */

/* A task that the other process has, or whose result we have. */
struct hand {
	struct challenge_task task;
	int64_t since; /* clock_mono() */
	bool has_result;
	struct validmsg_result result;
};

struct broker {
	const struct broker_options *options;
	const struct conf *conf;
	enum broker_mode mode;
	int wake_fd;
	int lock;
	char *lock_path;
	struct store *store;
	struct child child;
	struct hand *hands;
	size_t len;
	size_t results; /* of `len`: those that the store has yet to take */
	int64_t record_at; /* clock_mono(): when to offer them to it */
	size_t most; /* of `len`: concurrency, or what descriptors allow */
	size_t limit; /* of `len`: `most`, or less after a death */
	unsigned deaths;
	int64_t look_at; /* clock_mono(): when to look at the queue again */
	int64_t quiet_since; /* since when there is nothing to do */
	int64_t stop_at; /* after SIGTERM; else INT64_MAX */
	bool has_due; /* a job waits within our patience */
	sigset_t unblocked;
};

/* ---- results ------------------------------------------------------------- */

/* Whether the store may take later what it does not take now. */
static bool
is_passing(const struct err *e)
{
	return e->kind == KIND_BUSY || e->kind == KIND_SYS;
}

/* The store is open before it is used; it may have been locked until now. */
static int
need_store(struct broker *b, struct err *e)
{
	if (!b->store)
		b->store = store_open(b->conf->store.url, STORE_WRITE, e);
	return b->store ? 0 : -1;
}

static void
drop_hand(struct broker *b, size_t i)
{
	b->results -= b->hands[i].has_result;
	identifier_release(&b->hands[i].task.identifier);
	b->hands[i] = b->hands[--b->len];
}

static const char *
address_of(const struct validmsg_result *r)
{
	return r->address[0] ? r->address : NULL;
}

static void
log_result(const struct challenge_task *t, const struct validmsg_result *r,
    const char *outcome)
{
	log_event(r->is_valid ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, outcome,
	    "identifier", t->identifier.value, "type",
	    challenge_type_name(t->type), "address", address_of(r), "error",
	    r->err.acme_type, "reason", r->is_valid ? NULL : r->err.text, NULL);
}

static int
record_failure(struct broker *b, const struct challenge_task *t,
    const struct validmsg_result *r, struct err *e)
{
	const struct conf_validate *conf = &b->conf->validate;
	const char *address = address_of(r);
	struct buf problem;
	int rc;

	buf_init(&problem, 4096);
	rc = problem_write(&r->err, NULL,
	    t->request_id[0] ? t->request_id : t->authorization_url_id,
	    &problem);
	if (rc < 0)
		err_set(e, KIND_BUG, "problem document does not fit");
	else if (r->is_final || t->attempts + 1 >= conf->attempts)
		rc = challenge_set_invalid(
		    b->store, t->id, problem.data, address, e);
	else
		rc = challenge_retry(b->store, t->id,
		    clock_now() + conf->retry_delay, problem.data, address, e);
	if (rc == 0)
		log_result(t, r,
		    r->is_final || t->attempts + 1 >= conf->attempts
			? "challenge.invalid"
			: "challenge.retry");
	buf_release(&problem);
	return rc;
}

/*
 * Writes a result into the store.  One that comes too late is dropped.
 * Returns -1 when the store cannot take it now (`e` says why).
 */
static int
record(struct broker *b, const struct challenge_task *t,
    const struct validmsg_result *r, struct err *e)
{
	struct err why = {0};
	int rc;

	log_set_id(t->request_id);
	if (r->is_valid)
		rc = challenge_set_valid(b->store, t->id, address_of(r), &why);
	else
		rc = record_failure(b, t, r, &why);
	if (rc == 0 && r->is_valid)
		log_result(t, r, "challenge.valid");
	if (rc < 0)
		log_err("challenge.record", &why);
	log_set_id("");
	b->look_at = clock_mono();
	if (rc == 0 || why.kind == KIND_CONFLICT)
		return 0;
	*e = why;
	return -1;
}

static bool
is_validated(const struct hand *h)
{
	return h->has_result && h->result.is_valid;
}

/*
 * What has succeeded, if there are several, in one transaction.  One that comes
 * too late spoils it for all: then each is recorded by itself.
 * Returns -1 when the store cannot take it now.
 */
static int
record_validated(struct broker *b, struct err *e)
{
	struct challenge_validated v[BATCH_MAX];
	size_t n = 0, i;

	for (i = b->len; n < BATCH_MAX && i-- > 0;)
		if (is_validated(&b->hands[i]))
			v[n++] =
			    (struct challenge_validated){b->hands[i].task.id,
				address_of(&b->hands[i].result),
				b->hands[i].task.request_id};
	if (n < 2)
		return 0;
	if (challenge_set_all_valid(b->store, v, n, e) < 0)
		return err_forgive(e, KIND_CONFLICT);
	for (i = b->len; n > 0 && i-- > 0;) {
		struct hand *h = &b->hands[i];

		if (!is_validated(h))
			continue;
		log_set_id(h->task.request_id);
		log_result(&h->task, &h->result, "challenge.valid");
		drop_hand(b, i);
		n--;
	}
	log_set_id("");
	b->look_at = clock_mono();
	return 0;
}

/*
 * Offers the store what it has not taken yet.  When it is locked or the disk is
 * full, all stays in hand and is offered again; -1 for what will not pass.
 */
static int
record_results(struct broker *b, struct err *e)
{
	struct err why = {0};
	int rc = need_store(b, &why);

	if (rc == 0)
		rc = record_validated(b, &why);
	for (size_t i = b->len; rc == 0 && b->results > 0 && i-- > 0;) {
		const struct hand *h = &b->hands[i];

		if (!h->has_result)
			continue;
		rc = record(b, &h->task, &h->result, &why);
		if (rc == 0)
			drop_hand(b, i);
	}
	if (rc < 0 && is_passing(&why)) {
		b->record_at = clock_mono() + BUSY_MS;
		return 0;
	}
	if (rc < 0)
		*e = why;
	return rc;
}

/* Puts a result with its task. */
static void
keep_result(struct broker *b, const struct validmsg_result *r)
{
	for (size_t i = 0; i < b->len; i++) {
		struct hand *h = &b->hands[i];

		if (h->task.id != r->id || h->has_result)
			continue;
		h->has_result = true;
		h->result = *r;
		if (b->results++ == 0)
			b->record_at = 0;
		break;
	}
}

/* ---- the other process --------------------------------------------------- */

/*
 * Starts it while no store is open, so that it never has had one.  A store that
 * is locked at the moment is opened when it is needed.
 */
static int
start_child(struct broker *b, struct err *e)
{
	const int shut[] = {b->wake_fd, b->lock, b->options->private_fd};
	const struct child_options how = {.conf = b->conf,
	    .confine = b->options->confine,
	    .arg = b->options->arg,
	    .shut = shut,
	    .shut_len = ARRAY_LEN(shut)};
	struct err why = {0};

	store_close(b->store);
	b->store = NULL;
	if (child_start(&b->child, &how, e) < 0)
		return -1;
	if (need_store(b, &why) == 0)
		return 0;
	if (is_passing(&why)) {
		log_err("validate.store", &why);
		return 0;
	}
	*e = why;
	return -1;
}

/* Gives back what is not finished: due again at once, nothing lost. */
static void
give_back(struct broker *b, bool with_results)
{
	bool is_deaf = !b->store;

	for (size_t i = b->len; i-- > 0;) {
		const struct challenge_task *t = &b->hands[i].task;
		struct err why = {0};

		if (b->hands[i].has_result && !with_results)
			continue;
		log_set_id(t->request_id);
		/* Otherwise the lease brings it back, or it has ended. */
		if (!is_deaf && challenge_return(b->store, t->id, &why) < 0 &&
		    why.kind != KIND_CONFLICT) {
			log_err("challenge.record", &why);
			is_deaf = true; /* one long wait is enough */
		}
		drop_hand(b, i);
	}
	log_set_id("");
	b->look_at = clock_mono();
}

/* The only task that has no result. */
static int64_t
find_lost(const struct broker *b)
{
	size_t i = 0;

	while (b->hands[i].has_result)
		i++;
	return b->hands[i].task.id;
}

/*
 * It has died, or is stuck.  One of the tasks it had may be the reason: half as
 * many are given to the next one, until the one is alone.  Then it has used up
 * an attempt, so that none can do that for ever; the others lose nothing.
 */
static int
bury_child(struct broker *b, const struct err *why, struct err *e)
{
	struct validmsg_result r = {0};
	size_t lost = b->len - b->results;

	log_err("validate.child", why);
	child_stop(&b->child);
	if (++b->deaths > DEATHS_MAX)
		return err_set(e, KIND_SYS,
		    "the process with the network died %u times in a row",
		    b->deaths);
	err_set(&r.err, KIND_SYS, "the validation was cut off");
	if (lost == 1) {
		r.id = find_lost(b);
		keep_result(b, &r);
	} else if (lost > 1) {
		b->limit = b->results + lost / 2;
		give_back(b, false);
		b->has_due = true;
	}
	return start_child(b, e);
}

static int
take_results(struct broker *b, struct err *e)
{
	struct validmsg_result r;
	struct err why = {0};
	int rc;

	if (child_send(&b->child, &why) < 0 || child_read(&b->child, &why) < 0)
		return bury_child(b, &why, e);
	while ((rc = child_take(&b->child, &r, &why)) > 0) {
		keep_result(b, &r);
		b->deaths = 0;
		if (b->limit < b->most)
			b->limit++;
	}
	return rc < 0 ? bury_child(b, &why, e) : 0;
}

static int
check_overdue(struct broker *b, struct err *e)
{
	int64_t limit =
	    clock_mono() - b->conf->validate.timeout * 1000 - OVERDUE_MS;
	struct err why = {0};

	for (size_t i = 0; i < b->len; i++)
		if (!b->hands[i].has_result && b->hands[i].since < limit) {
			err_set(&why, KIND_SYS,
			    "the process with the network is stuck");
			return bury_child(b, &why, e);
		}
	return 0;
}

/* ---- tasks --------------------------------------------------------------- */

static bool
is_in_hand(const struct broker *b, int64_t id)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->hands[i].task.id == id)
			return true;
	return false;
}

/* Takes over the content of `task`. */
static int
give(struct broker *b, struct challenge_task *task, struct err *e)
{
	struct validmsg_task m = {
	    .id = task->id, .type = task->type, .identifier = task->identifier};
	struct hand *h = &b->hands[b->len];

	if (is_in_hand(b, task->id))
		return 0;
	memcpy(m.token, task->token, sizeof(m.token));
	memcpy(m.thumbprint, task->thumbprint, sizeof(m.thumbprint));
	memcpy(m.log_id, task->request_id, sizeof(m.log_id));
	h->task = *task;
	h->since = clock_mono();
	h->has_result = false;
	task->identifier.value = NULL; /* transferred */
	b->len++;
	return child_give(&b->child, &m, e);
}

static int64_t
lease(const struct conf_validate *conf)
{
	return conf->timeout + LEASE_MARGIN;
}

/* The longest time for which a job is put off. */
static int64_t
longest(const struct conf_validate *conf)
{
	return conf->retry_delay > lease(conf) ? conf->retry_delay
					       : lease(conf);
}

/* When the queue is to be looked at, and whether that is soon. */
static int
plan_look(struct broker *b, struct err *e)
{
	const struct conf_validate *conf = &b->conf->validate;
	int64_t when, wait;

	if (challenge_next_due(b->store, longest(conf), &when, e) < 0)
		return -1;
	wait = when == INT64_MAX ? INT64_MAX : when - clock_now();
	b->has_due = wait <= 0 ||
	    (b->mode == BROKER_LINGER && wait <= conf->retry_delay);
	if (wait > LOOK_MS / 1000)
		wait = LOOK_MS / 1000;
	b->look_at = clock_mono() + (wait > 0 ? wait * 1000 : 0);
	return 0;
}

static int
hand_out(struct broker *b, struct err *e)
{
	const struct conf_validate *conf = &b->conf->validate;
	size_t room = b->limit - b->len, len = 0;
	struct challenge_task *tasks = NULL;
	int rc = need_store(b, e);

	if (rc == 0)
		rc = challenge_take(b->store, lease(conf), longest(conf), room,
		    &tasks, &len, e);
	for (size_t i = 0; rc == 0 && i < len; i++)
		rc = give(b, &tasks[i], e);
	challenge_task_array_free(tasks, len);
	return rc;
}

/*
 * Looks at the queue and hands out what is due.  A store that cannot be had now
 * is asked again later; another process that cannot be started is the end.
 */
static int
look(struct broker *b, struct err *e)
{
	struct err why = {0};
	int rc = hand_out(b, &why);

	if (rc == 0 && child_send(&b->child, &why) < 0) {
		if (bury_child(b, &why, e) < 0)
			return -1;
		err_clear(&why);
	}
	if (rc == 0)
		rc = need_store(b, &why);
	if (rc == 0)
		rc = plan_look(b, &why);
	if (rc < 0 && is_passing(&why)) {
		log_err("validate.store", &why);
		b->look_at = clock_mono() + BUSY_MS;
		return 0;
	}
	if (rc < 0)
		*e = why;
	return rc;
}

/* ---- the loop ------------------------------------------------------------ */

static bool
has_room(const struct broker *b)
{
	return b->stop_at == INT64_MAX && b->len < b->limit;
}

/* Whether the mode, or SIGTERM, says that it is over. */
static bool
is_over(struct broker *b)
{
	int64_t now = clock_mono();

	if (sig_term() && b->stop_at == INT64_MAX)
		b->stop_at = now + GRACE_MS;
	if (b->stop_at != INT64_MAX)
		return b->len == 0 || now >= b->stop_at;
	if (b->len > 0 || b->has_due) {
		b->quiet_since = now;
		return false;
	}
	switch (b->mode) {
	case BROKER_SERVE:
		return false;
	case BROKER_SWEEP:
		return true;
	case BROKER_LINGER:
		break;
	}
	return now - b->quiet_since >= b->conf->validate.linger * 1000;
}

/* Milliseconds until something is to be done without being told. */
static int64_t
patience(const struct broker *b)
{
	int64_t now = clock_mono(), until = INT64_MAX;

	if (has_room(b))
		until = b->look_at;
	if (b->len > 0 && until > now + BUSY_MS)
		until = now + BUSY_MS;
	if (b->results > 0 && until > b->record_at)
		until = b->record_at;
	if (until > b->stop_at)
		until = b->stop_at;
	if (b->mode == BROKER_LINGER && b->len == 0 &&
	    until > b->quiet_since + b->conf->validate.linger * 1000)
		until = b->quiet_since + b->conf->validate.linger * 1000;
	return until > now ? until - now : 0;
}

/* Empties the socket: one look serves all who have asked for it. */
static void
drain(struct broker *b)
{
	char pokes[64];

	while (recv(b->wake_fd, pokes, sizeof(pokes), MSG_DONTWAIT) >= 0)
		;
	b->look_at = clock_mono();
	b->quiet_since = b->look_at;
}

static int
turn(struct broker *b, struct err *e)
{
	struct pollfd fds[2] = {{.fd = b->child.fd, .events = POLLIN},
	    {.fd = b->wake_fd, .events = POLLIN}};
	int64_t ms = patience(b);
	struct timespec wait = {ms / 1000, (ms % 1000) * 1000000};

	if (b->child.out.len > 0)
		fds[0].events |= POLLOUT;
	/* SIGTERM is let in here and nowhere else, so none is missed. */
	if (ppoll(fds, ARRAY_LEN(fds), &wait, &b->unblocked) < 0)
		return errno == EINTR ? 0 : err_sys(e, "cannot wait");
	if (fds[1].revents)
		drain(b);
	if (fds[0].revents && take_results(b, e) < 0)
		return -1;
	if (check_overdue(b, e) < 0)
		return -1;
	if (b->results > 0 && clock_mono() >= b->record_at &&
	    record_results(b, e) < 0)
		return -1;
	if (has_room(b) && clock_mono() >= b->look_at)
		return look(b, e);
	return 0;
}

/*
 * How many validations the other process can have at the same time: one that
 * fails for want of descriptors would be held against the client.
 */
static size_t
most_at_once(const struct conf *conf)
{
	size_t most = (size_t)conf->validate.concurrency, room;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return most;
	room = limit.rlim_max > FDS_OWN + FDS_EACH
	    ? (size_t)(limit.rlim_max - FDS_OWN) / FDS_EACH
	    : 1;
	return room < most ? room : most;
}

/* All that is done while the lock is held. */
static int
work(struct broker *b, struct err *e)
{
	int rc = start_child(b, e);

	b->quiet_since = clock_mono();
	b->look_at = b->quiet_since;
	b->stop_at = INT64_MAX;
	b->limit = b->most;
	if (rc == 0 && b->options->ready)
		b->options->ready(b->options->arg);
	if (rc == 0)
		rc = look(b, e);
	while (rc == 0 && !is_over(b))
		rc = turn(b, e);
	give_back(b, true);
	child_release(&b->child);
	child_init(&b->child);
	return rc;
}

/* ---- the lock ------------------------------------------------------------ */

/* Waits a little, or until SIGTERM. */
static void
pause_ms(const struct broker *b, int64_t ms)
{
	struct timespec wait = {ms / 1000, (ms % 1000) * 1000000};

	ppoll(NULL, 0, &wait, &b->unblocked);
}

/*
 * Takes the lock: 1; 0 when another process has it and does our work; -1.
 */
static int
take_lock(struct broker *b, struct err *e)
{
	struct err why = {0};
	bool has_told = false;

	while ((b->lock = lock_try(b->lock_path, &why)) < 0) {
		if (why.kind != KIND_BUSY) {
			*e = why;
			return -1;
		}
		err_clear(&why);
		if (!has_told)
			log_event(b->mode == BROKER_SERVE ? LOG_LEVEL_INFO
							  : LOG_LEVEL_DEBUG,
			    "validate.busy", "lock", b->lock_path, "reason",
			    "another process validates for this store", NULL);
		has_told = true;
		if (b->mode != BROKER_SERVE || sig_term()) {
			if (b->wake_fd >= 0)
				drain(b);
			return 0;
		}
		pause_ms(b, LOCK_PAUSE_MS);
	}
	return 1;
}

/* Whether anything is due now. */
static int
ask_due(struct broker *b, bool *is_due, struct err *e)
{
	int64_t when = INT64_MAX;
	int rc = need_store(b, e);

	if (rc == 0)
		rc = challenge_next_due(
		    b->store, longest(&b->conf->validate), &when, e);
	*is_due = rc == 0 && when <= clock_now() && !sig_term();
	return rc;
}

/* What the other process would stumble over, said here and now. */
static int
check_policy(const struct conf_policy *conf, struct err *e)
{
	return address_lists_check(&conf->allowed_server_ip_ranges,
	    &conf->exclude_server_ip_ranges, e);
}

int
broker_run(const struct broker_options *options, struct err *e)
{
	struct broker b = {.options = options,
	    .conf = options->conf,
	    .mode = options->mode,
	    .wake_fd = options->wake_fd,
	    .lock = -1};
	sigset_t before;
	bool again = true;
	int rc;

	sig_hold_term(&b.unblocked, &before);
	sig_catch_term();
	sig_ignore_pipe();
	child_init(&b.child);
	b.most = most_at_once(b.conf);
	b.hands = xcalloc(b.most, sizeof(*b.hands));
	b.lock_path = store_file(
	    b.conf->store.url, b.conf->store.directory, LOCK_NAME, e);
	rc = b.lock_path ? check_policy(&b.conf->policy, e) : -1;
	/* cron asks every minute; mostly that is all. */
	if (rc == 0 && b.mode == BROKER_SWEEP)
		rc = ask_due(&b, &again, e);
	while (rc == 0 && again) {
		again = false;
		rc = take_lock(&b, e);
		if (rc <= 0)
			break;
		rc = work(&b, e);
		fd_close(&b.lock);
		if (rc == 0)
			rc = ask_due(&b, &again, e); /* left to us meanwhile */
	}
	store_close(b.store);
	child_release(&b.child);
	free(b.hands);
	free(b.lock_path);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}
