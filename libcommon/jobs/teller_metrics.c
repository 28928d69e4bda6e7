#include "jobs/teller.h"

#include "store/deploy_target.h"
#include "store/domain_queue.h"
#include "store/renewal_queue.h"
#include "store/stats.h"
#include "store/upstream_ca.h"

struct counting {
	struct teller_counts *c;
	int64_t now;
};

static int
count_one(void *arg, const struct telling_renewal *r, struct err *e)
{
	struct counting *k = arg;

	(void)e;
	k->c->renewals[teller_state(r, k->now)]++;
	return 0;
}

int
teller_count(
    struct store *st, int64_t now, struct teller_counts *c, struct err *e)
{
	struct counting k = {c, now};
	int64_t all = 0;

	*c = (struct teller_counts){0};
	if (telling_each_renewal(st, count_one, &k, e) < 0 ||
	    telling_count_renewals(st, &all, e) < 0)
		return -1;
	for (int i = TELLING_OK + 1; i < TELLING__MAX; i++)
		all -= c->renewals[i];
	c->renewals[TELLING_OK] = all;
	return 0;
}

/* ---- the list ------------------------------------------------------------ */

struct metrics {
	struct store *st;
	int64_t now;
	struct stats_value *v;
	size_t len;
	struct strv texts; /* what labels are called */
	struct deploy_target *targets;
	size_t targets_len;
};

static void
add(struct metrics *m, const struct stats_value *v)
{
	m->v = xreallocarray(m->v, m->len + 1, sizeof(*m->v));
	m->v[m->len++] = *v;
}

static void
add_number(struct metrics *m, const char *name, const char *help, int64_t n)
{
	const struct stats_value v = {.name = name, .help = help, .number = n};

	add(m, &v);
}

static const char *
keep(struct metrics *m, const char *text)
{
	strv_add(&m->texts, text);
	return m->texts.v[m->texts.len - 1];
}

static int
add_states(struct metrics *m, struct err *e)
{
	struct teller_counts c = {0};

	if (teller_count(m->st, m->now, &c, e) < 0)
		return -1;
	for (int i = 0; i < TELLING__MAX; i++) {
		const struct stats_value v = {.name = "renewals",
		    .label = "state",
		    .value = telling_state_name((enum telling_state)i),
		    .help = "What is renewed, by how it fares",
		    .number = c.renewals[i]};

		add(m, &v);
	}
	return 0;
}

static int
add_queue(struct metrics *m, struct err *e)
{
	struct renewal_summary s;

	if (renewal_queue_summarize(m->st, &s, e) < 0)
		return -1;
	const struct stats_value v[] = {
	    {"queue", "state", "waiting", "Items of the queue of renewals",
		s.waiting},
	    {"queue", "state", "failing", NULL, s.failing},
	    {"queue", "state", "held", NULL, s.held},
	    {"queue", "state", "late", NULL, s.late},
	    {"queue", "state", "parked", NULL, s.parked},
	    {"due", "within", "now", "Certificates that become due", s.due},
	    {"due", "within", "day", NULL, s.due_day},
	    {"due", "within", "week", NULL, s.due_week},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		add(m, &v[i]);
	return 0;
}

static int64_t
age(const struct metrics *m, int64_t since)
{
	return since == 0 || since > m->now ? 0 : m->now - since;
}

/* Names that wait for a certificate; those are no label. */
static int
add_new(struct metrics *m, struct err *e)
{
	struct domain_queue_summary s;
	const struct domain_queue_count *n = &s.new, *k = &s.served;

	if (domain_queue_summarize(m->st, &s, e) < 0)
		return -1;
	const struct stats_value v[] = {
	    {"new_names", "state", "waiting",
		"Names that wait for their first certificate", n->waiting},
	    {"new_names", "state", "quarantined", NULL, n->quarantined},
	    {"new_names", "state", "held", NULL, n->held},
	    {"new_names", "state", "parked", NULL, n->parked},
	    {"served_names", "state", "waiting",
		"Names that have a certificate, and wait for another in the "
		"queue of new ones",
		k->waiting},
	    {"served_names", "state", "quarantined", NULL, k->quarantined},
	    {"served_names", "state", "held", NULL, k->held},
	    {"served_names", "state", "parked", NULL, k->parked},
	    {"new_names_oldest_seconds", "state", "waiting",
		"For how long the first has waited that has not failed, and "
		"the first has failed that is quarantined",
		age(m, s.oldest_new)},
	    {"new_names_oldest_seconds", "state", "quarantined", NULL,
		age(m, s.oldest_failing)},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		add(m, &v[i]);
	return 0;
}

/* Accounts at one CA are one series. */
static int
add_ca(void *arg, const char *directory_url, int64_t n, struct err *e)
{
	struct metrics *m = arg;
	struct upstream_ca ca;
	struct err none = {0};
	struct stats_value v = {.name = "renewals_by_ca",
	    .label = "ca",
	    .help = "What is renewed, by the CA",
	    .number = n};

	(void)e;
	v.value = directory_url;
	if (upstream_ca_by_url(m->st, directory_url, &ca, &none) == 0) {
		v.value = keep(m, ca.name);
		upstream_ca_release(&ca);
	} else {
		v.value = keep(m, directory_url);
	}
	for (size_t i = 0; i < m->len; i++)
		if (strcmp(m->v[i].name, v.name) == 0 &&
		    strcmp(m->v[i].value, v.value) == 0) {
			m->v[i].number += n;
			return 0;
		}
	add(m, &v);
	return 0;
}

static int
keep_target(void *arg, const struct deploy_target *t, struct err *e)
{
	struct metrics *m = arg;
	struct deploy_target copy = *t;

	if (deploy_target_count(m->st, &copy, e) < 0)
		return -1;
	m->targets =
	    xreallocarray(m->targets, m->targets_len + 1, sizeof(*m->targets));
	copy.kind = copy.error = copy.resting = NULL;
	copy.name = (char *)(uintptr_t)keep(m, t->name);
	m->targets[m->targets_len++] = copy;
	return 0;
}

/* All of one name must stand together. */
static int
add_targets(struct metrics *m, struct err *e)
{
	static const struct {
		const char *name, *help;
		size_t offset;
	} what[] = {{"deploy_pending", "Certificates to be deployed",
			offsetof(struct deploy_target, pending)},
	    {"deploy_failing", "Certificates whose deployment fails",
		offsetof(struct deploy_target, failing)},
	    {"deploy_done", "Certificates that are deployed",
		offsetof(struct deploy_target, done)},
	    {"deploy_resting_timestamp_seconds",
		"Since when nothing is deployed, for want of what it is for; "
		"0: it is",
		offsetof(struct deploy_target, resting_since)}};

	if (deploy_target_each(m->st, keep_target, m, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(what); i++)
		for (size_t t = 0; t < m->targets_len; t++) {
			const char *at = (const char *)&m->targets[t];
			struct stats_value v = {.name = what[i].name,
			    .label = "target",
			    .value = m->targets[t].name,
			    .help = what[i].help};

			memcpy(
			    &v.number, at + what[i].offset, sizeof(v.number));
			add(m, &v);
		}
	return 0;
}

static int
add_times(struct metrics *m, struct err *e)
{
	int64_t ends, ran;

	if (telling_next_expiry(m->st, &ends, e) < 0 ||
	    telling_last_run(m->st, TELLER_RUN, &ran, e) < 0)
		return -1;
	if (ends != 0)
		add_number(m, "next_expiry_seconds",
		    "Until the first certificate that is renewed ends",
		    ends - m->now);
	add_number(m, "last_success_timestamp_seconds",
	    "When a run last did all that was to be done", ran);
	return 0;
}

int
teller_metrics(struct store *st, int64_t now, struct buf *out, struct err *e)
{
	struct metrics m = {.st = st, .now = now};
	int rc = 0;

	if (add_states(&m, e) < 0 || add_queue(&m, e) < 0 ||
	    add_new(&m, e) < 0 || telling_each_ca(st, add_ca, &m, e) < 0 ||
	    add_targets(&m, e) < 0 || add_times(&m, e) < 0)
		rc = -1;
	else
		stats_prometheus("acmed_renew_", m.v, m.len, out);
	free(m.v);
	free(m.targets);
	strv_release(&m.texts);
	return rc;
}
