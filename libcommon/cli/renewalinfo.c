#include "cli/renewalinfo.h"

#include <unistd.h>

#include "cli/operands.h"
#include "cli/prog.h"
#include "cli/progress.h"
#include "client/client.h"
#include "store/certificate.h"
#include "store/fqdn_set.h"
#include "store/renewal_info.h"
#include "sys/clock.h"
#include "sys/sig.h"

/* ---- asking -------------------------------------------------------------- */

/* What the CA at hand is to be asked about; the caller frees. */
static int
find_due(struct upstream *u, int64_t **ids, size_t *len, struct err *e)
{
	int64_t id = u->ca.id, now = clock_now();
	int rc = renewal_info_due(u->st, id, now, 1, ids, len, e);

	if (rc < 0 || *len == 0)
		return rc;
	free(*ids);
	*ids = NULL;
	*len = 0;
	if (client_directory(u->client, e) < 0)
		return -1;
	if (!client_url(u->client, ENDPOINT_RENEWAL_INFO))
		return 0;
	return renewal_info_settle(u->st, id, now, e) < 0
	    ? -1
	    : renewal_info_due(u->st, id, now, SIZE_MAX, ids, len, e);
}

static int
run(const struct renewalinfo *r, const int64_t *ids, size_t len, struct err *e)
{
	const struct ari_run how = {.client = r->up->client,
	    .st = r->up->st,
	    .upstream_ca_id = r->up->ca.id,
	    .in_flight = r->in_flight,
	    .tell = r->tell,
	    .is_stopped = r->is_stopped,
	    .arg = r->arg};

	return len > 0 ? ari_run(&how, ids, len, e) : 0;
}

/* About `ids`, or NULL: what is due. */
static void
ask_ca(const struct renewalinfo *r, const char *directory, const int64_t *ids,
    size_t len)
{
	int64_t *due = NULL;
	struct err e = {0};
	int rc;

	if (upstream_open_ca(r->up, r->prog, directory, &e) < 0) {
		err_object(&e, "%s", directory);
		r->tell_ca(r->arg, &e);
		return;
	}
	rc = ids ? 0 : find_due(r->up, &due, &len, &e);
	if (rc == 0)
		rc = run(r, ids ? ids : due, len, &e);
	free(due);
	if (rc < 0) {
		err_object(&e, "%s", r->up->ca.name);
		r->tell_ca(r->arg, &e);
	}
}

static int
add_directory(void *arg, const struct upstream_ca *ca, struct err *e)
{
	(void)e;
	strv_add(arg, ca->directory_url);
	return 0;
}

int
renewalinfo_ask_due(const struct renewalinfo *r, struct err *e)
{
	struct strv directories = {0};
	int rc = upstream_ca_each(r->up->st, add_directory, &directories, e);

	for (size_t i = 0; rc == 0 && i < directories.len && !r->is_stopped();
	     i++)
		ask_ca(r, directories.v[i], NULL, 0);
	strv_release(&directories);
	return rc;
}

/* Certificates, each with the directory of its CA. */
struct named {
	int64_t *ids;
	struct strv directories;
};

static int
find_named(const struct renewalinfo *r, const char *word, struct named *n,
    struct err *e)
{
	struct certificate c;
	char *directory;
	int rc;

	if (certificate_find(r->up->st, word, clock_now(), &c, e) < 0)
		return -1;
	rc = renewal_info_directory(r->up->st, c.id, &directory, e);
	if (rc == 0) {
		n->ids[n->directories.len] = c.id;
		strv_add(&n->directories, directory);
		free(directory);
	}
	certificate_release(&c);
	return rc;
}

/* All of the CA whose directory stands at `at`, which is its first place. */
static void
ask_same(const struct renewalinfo *r, const struct named *n, size_t at)
{
	const char *directory = n->directories.v[at];
	int64_t *ids = xcalloc(n->directories.len, sizeof(*ids));
	size_t len = 0;

	for (size_t i = at; i < n->directories.len; i++)
		if (strcmp(n->directories.v[i], directory) == 0)
			ids[len++] = n->ids[i];
	ask_ca(r, directory, ids, len);
	free(ids);
}

void
renewalinfo_ask_named(const struct renewalinfo *r, const struct strv *words)
{
	struct named n = {.ids = xcalloc(words->len + 1, sizeof(*n.ids))};
	struct strv asked = {0};

	for (size_t i = 0; i < words->len; i++) {
		struct err why = {0};

		if (find_named(r, words->v[i], &n, &why) < 0)
			prog_item_failed(r->prog, &why);
	}
	for (size_t i = 0; i < n.directories.len && !r->is_stopped(); i++) {
		if (strv_has(&asked, n.directories.v[i]))
			continue;
		strv_add(&asked, n.directories.v[i]);
		ask_same(r, &n, i);
	}
	strv_release(&asked);
	strv_release(&n.directories);
	free(n.ids);
}

/* ---- whether to ask ------------------------------------------------------ */

struct looking {
	struct store *st;
	bool is_due;
};

static int
look(void *arg, const struct upstream_ca *ca, struct err *e)
{
	struct looking *l = arg;
	int64_t *ids = NULL;
	size_t len = 0;
	int rc = l->is_due
	    ? 0
	    : renewal_info_due(l->st, ca->id, clock_now(), 1, &ids, &len, e);

	l->is_due |= len > 0;
	free(ids);
	return rc;
}

int
renewalinfo_is_due(struct store *st, bool *is_due, struct err *e)
{
	struct looking l = {.st = st};
	int rc = upstream_ca_each(st, look, &l, e);

	*is_due = l.is_due;
	return rc;
}

/* ---- telling ------------------------------------------------------------- */

void
renewalinfo_begin(struct out *o, const struct prog *p)
{
	static const char *const columns[] = {"certificate", "names", "ca",
	    "window_start", "window_end", "chosen", "explanation_url",
	    "fetched", "retry_at", NULL};

	out_init(o, p->json, !p->no_header, columns);
}

int
renewalinfo_print(struct out *o, const struct upstream *up,
    int64_t certificate_id, struct err *e)
{
	struct renewal_info r;
	struct strv names = {0};
	struct certificate c;
	int rc;

	if (renewal_info_load(up->st, certificate_id, &r, e) < 0)
		return -1;
	rc = certificate_by_id(up->st, certificate_id, &c, e);
	if (rc == 0)
		rc = fqdn_set_names(up->st, c.fqdn_set_id, &names, e);
	out_int(o, certificate_id);
	out_list(o, &names);
	out_text(o, up->ca.name);
	out_time(o, r.window_start);
	out_time(o, r.window_end);
	out_time(o, r.chosen);
	out_text(o, r.explanation_url);
	out_time(o, r.fetched);
	out_time(o, r.retry_at);
	out_end(o);
	certificate_release(&c);
	strv_release(&names);
	renewal_info_release(&r);
	return rc < 0 ? -1 : out_check(e);
}

/* ---- the whole of a program ---------------------------------------------- */

struct asking {
	struct prog *prog;
	struct upstream up;
	struct out out;
	struct progress progress;
	size_t in_flight;
	bool traces;
};

static void
tell_asked(void *arg, int64_t certificate_id, const struct err *why)
{
	struct asking *a = arg;
	struct err e = {0};

	progress_add(&a->progress, 1);
	if (renewalinfo_print(&a->out, &a->up, certificate_id, &e) < 0)
		prog_item_failed(a->prog, &e);
	if (!why)
		return;
	e = *why;
	err_object(&e, "certificate/%lld", (long long)certificate_id);
	prog_item_failed(a->prog, &e);
}

static void
tell_ca(void *arg, const struct err *why)
{
	struct asking *a = arg;

	prog_item_failed(a->prog, why);
}

static int
ask(struct asking *a, const struct strv *words, struct err *e)
{
	const struct renewalinfo r = {.up = &a->up,
	    .prog = a->prog,
	    .in_flight = a->in_flight,
	    .is_stopped = sig_term,
	    .tell = tell_asked,
	    .tell_ca = tell_ca,
	    .arg = a};
	int rc = 0;

	a->up.trace = a->traces ? STDERR_FILENO : -1;
	renewalinfo_begin(&a->out, a->prog);
	progress_begin(&a->progress, "certificates");
	if (a->prog->argc > 0)
		renewalinfo_ask_named(&r, words);
	else
		rc = renewalinfo_ask_due(&r, e);
	progress_end(&a->progress);
	if (rc == 0)
		out_finish(&a->out);
	return rc;
}

int
renewalinfo_run(struct prog *p, size_t in_flight, bool traces, struct err *e)
{
	struct asking a = {.prog = p, .in_flight = in_flight, .traces = traces};
	struct strv words = {0};
	int rc = operands_read(p, &words, e);

	if (rc == 0)
		rc = upstream_start(&a.up, p, NULL, e);
	if (rc == 0)
		rc = upstream_enter(&a.up, p, e);
	if (rc == 0)
		rc = ask(&a, &words, e);
	upstream_stop(&a.up);
	strv_release(&words);
	return rc;
}
