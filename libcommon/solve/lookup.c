#include "solve/lookup.h"

#include <arpa/inet.h>
#include <poll.h>

#include "base/log.h"
#include "conf/value.h"
#include "sys/asker.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/helper.h"
#include "sys/sandbox.h"
#include "wrap/digest.h"
#include "wrap/dns.h"

#define QUESTION_MAX 1024
#define ANSWER_MAX 1024
#define ONE_MS 5000 /* for a look-up, */
#define SERVER_MS 3000 /* for one at an authoritative server, */
#define ALL_MS 60000 /* for an answer, after which the process is lost, */
#define ANSWER_MS 50000 /* and what it gives itself for that */
#define AT_ONCE 32 /* questions, a process each */
#define SERVERS_MAX 8

struct lookup {
	struct helper helper;
	struct asker *asker;
	struct askers *askers;
	struct strv resolvers;
	uint16_t port;
	enum sandbox_mode sandbox;
};

/* ---- the other process --------------------------------------------------- */

/* One answer, copied. */
struct found {
	bool is_done;
	enum dns_status status;
	char reason[200];
	char canonical[256];
	struct strv records; /* addresses as text */
	enum dns_type type;
};

static void
add_address(struct strv *out, enum dns_type type, const char *data)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(
		type == DNS_A ? AF_INET : AF_INET6, data, text, sizeof(text)))
		strv_add(out, text);
}

static void
on_answer(void *arg, const struct dns_answer *a)
{
	struct found *f = arg;

	f->is_done = true;
	f->status = a->status;
	snprintf(f->reason, sizeof(f->reason), "%s", a->reason);
	snprintf(f->canonical, sizeof(f->canonical), "%s",
	    a->canonical ? a->canonical : "");
	for (size_t i = 0; i < a->len; i++) {
		if (f->type == DNS_A || f->type == DNS_AAAA)
			add_address(&f->records, f->type, a->records[i].data);
		else
			strv_addn(
			    &f->records, a->records[i].data, a->records[i].len);
	}
}

/* Whom it asks, and until when all in all (clock_mono). */
struct talk {
	struct dns *dns;
	int64_t until;
};

/* Waits for one answer; what does not come in time has failed. */
static void
ask(const struct talk *t, const char *name, enum dns_type type,
    int64_t patience, struct found *f)
{
	int64_t deadline = clock_mono() + patience;
	struct dns *d = t->dns;
	struct err e = {0};
	struct dns_query *q;

	strv_release(&f->records);
	*f = (struct found){.status = DNS_FAILED, .type = type};
	snprintf(f->reason, sizeof(f->reason), "no answer in time");
	if (deadline > t->until)
		deadline = t->until;
	q = dns_start(d, name, type, on_answer, f, &e);
	while (q && !f->is_done &&
	    fd_wait(dns_fd(d), POLLIN, deadline, &e) > 0 &&
	    dns_process(d, &e) == 0)
		;
	if (q && !f->is_done)
		dns_cancel(d, q);
}

/* The name servers of the zone that `name` is in. */
static void
find_servers(const struct talk *t, const char *name, struct strv *servers)
{
	struct found f = {0};

	for (; name && servers->len == 0; name = strchr(name, '.')) {
		name += name[0] == '.' ? 1 : 0;
		ask(t, name, DNS_NS, ONE_MS, &f);
		for (size_t i = 0; f.status == DNS_FOUND && i < f.records.len &&
		     servers->len < SERVERS_MAX;
		     i++)
			strv_add(servers, f.records.v[i]);
	}
	strv_release(&f.records);
}

static void
find_addresses(
    const struct talk *t, const struct strv *servers, struct strv *out)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA};
	struct found f = {0};

	for (size_t i = 0; i < servers->len; i++)
		for (size_t k = 0; k < ARRAY_LEN(types); k++) {
			ask(t, servers->v[i], types[k], ONE_MS, &f);
			if (f.status == DNS_FOUND && f.records.len > 0)
				strv_add(out, f.records.v[0]);
		}
	strv_release(&f.records);
}

/* Whether the server at `address` has the record: 1, 0, -1: no answer. */
static int
server_has(const char *address, uint16_t port, int64_t until, const char *name,
    const char *value)
{
	const bool is_ipv6 = strchr(address, ':') != NULL;
	struct strv one = {0};
	struct dns_options o = {.resolvers = &one};
	struct found f = {0};
	struct err e = {0};
	char text[INET6_ADDRSTRLEN + 16];
	struct talk t = {.until = until};
	int rc = -1;

	snprintf(text, sizeof(text), is_ipv6 ? "[%s]:%u" : "%s:%u", address,
	    (unsigned)port);
	strv_add(&one, text);
	t.dns = dns_new(&o, &e);
	if (t.dns) {
		ask(&t, name, DNS_TXT, SERVER_MS, &f);
		if (f.status == DNS_FOUND || f.status == DNS_NODATA ||
		    f.status == DNS_NXDOMAIN)
			rc = strv_has(&f.records, value);
	}
	dns_free(t.dns);
	strv_release(&f.records);
	strv_release(&one);
	return rc;
}

#define MISSING "the TXT record is not there yet, by "

/* "" when it is everywhere, else who does not have it. */
static void
verify(const struct lookup *l, const struct talk *t, const char *name,
    const char *value, struct buf *out)
{
	struct strv servers = {0}, addresses = {0};
	struct found f = {0};
	size_t have = 0;
	int rc;

	find_servers(t, name, &servers);
	find_addresses(t, &servers, &addresses);
	for (size_t i = 0; i < addresses.len && out->len == 0; i++) {
		rc = server_has(addresses.v[i], l->port, t->until, name, value);
		have += rc > 0;
		if (rc == 0)
			buf_addf(out, MISSING "name server %s", addresses.v[i]);
	}
	if (have == 0 && out->len == 0) {
		ask(t, name, DNS_TXT, ONE_MS, &f);
		if (!strv_has(&f.records, value))
			buf_addf(out, MISSING "the resolver (%s)", f.reason);
	}
	strv_release(&f.records);
	strv_release(&servers);
	strv_release(&addresses);
}

/*
 * A question is ID NAME, or ID NAME VALUE; an answer the id, "+" or "-", and
 * the name at the end of CNAMEs, or what is wrong.
 */
static void
answer_with(const struct lookup *l, const struct talk *t, const char *name,
    const char *value, struct buf *out)
{
	struct found f = {0};
	struct buf who;

	buf_init(&who, ANSWER_MAX / 2);
	ask(t, name, DNS_TXT, ONE_MS, &f);
	if (f.canonical[0] == '\0')
		snprintf(f.canonical, sizeof(f.canonical), "%s", name);
	if (f.status == DNS_FAILED || f.status == DNS_BOGUS)
		buf_addf(&who, "cannot be looked up: %s", f.reason);
	else if (value)
		verify(l, t, f.canonical, value, &who);
	if (who.len > 0)
		buf_addf(out, "-%s: %s", f.canonical, who.data);
	else
		buf_addf(out, "+%s", f.canonical);
	buf_release(&who);
	strv_release(&f.records);
}

static void
answer(void *arg, const struct buf *question, struct buf *out)
{
	const struct lookup *l = arg;
	const struct dns_options o = {.resolvers = &l->resolvers};
	char *name = strchr(question->data, ' '), *value;
	struct talk t = {.until = clock_mono() + ANSWER_MS};
	struct err e = {0};

	*name++ = '\0';
	value = strchr(name, ' ');
	if (value)
		*value++ = '\0';
	buf_addf(out, "%s ", question->data);
	t.dns = dns_new(&o, &e);
	if (t.dns)
		answer_with(l, &t, name, value, out);
	else
		buf_addf(out, "-%s", e.text);
	dns_free(t.dns);
}

static void
lost(const struct buf *question, const char *why, struct buf *out)
{
	buf_add(out, question->data, strcspn(question->data, " "));
	buf_addf(out, " -%s", why);
}

/* No files but the resolver's, and TCP to nothing but name servers. */
static int
confine(const struct lookup *l, struct err *e)
{
	struct sandbox s = {0};
	int rc;

	strv_add(&s.paths[SANDBOX_RESOLVER_FILES], "/etc/resolv.conf");
	strv_add(&s.paths[SANDBOX_RESOLVER_FILES], "/etc/hosts");
	sandbox_add_port(&s, l->port);
	sandbox_add_port(&s, VALUE_DNS_PORT);
	for (size_t i = 0; i < l->resolvers.len; i++)
		sandbox_add_port(&s, value_resolver_port(l->resolvers.v[i]));
	digest_prepare();
	rc = sandbox_enter(SANDBOX_FETCH, l->sandbox, &s, e);
	sandbox_release(&s);
	return rc;
}

static void
live(int fd, void *arg)
{
	const struct helper_service s = {
	    .answer = answer, .arg = arg, .lost = lost};
	struct err e = {0};

	if (confine(arg, &e) < 0 || helper_serve(fd, &s, &e) < 0)
		log_err("lookup", &e);
}

/* ---- this one ------------------------------------------------------------ */

struct lookup *
lookup_new(const struct lookup_options *o, struct err *e)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	const struct helper_options how = {
	    .live = live, .arg = l, .keep = -1, .user = o->user};
	const struct asker_options asks = {
	    .askers = o->askers, .helper = &l->helper, .at_once = AT_ONCE};

	l->askers = o->askers;
	l->port = o->port ? o->port : VALUE_DNS_PORT;
	l->sandbox = o->sandbox;
	for (size_t i = 0; o->resolvers && i < o->resolvers->len; i++)
		strv_add(&l->resolvers, o->resolvers->v[i]);
	if (helper_start(&l->helper, &how, e) == 0) {
		l->asker = asker_new(&asks);
		return l;
	}
	lookup_free(l);
	return NULL;
}

void
lookup_free(struct lookup *l)
{
	if (!l)
		return;
	asker_free(l->asker);
	helper_stop(&l->helper);
	strv_release(&l->resolvers);
	free(l);
}

struct asking {
	lookup_callback *fn;
	void *arg;
};

static void
on_answer_text(void *arg, const struct buf *reply, const struct err *why)
{
	struct asking *a = arg;
	struct err e = *why;
	const char *text = reply ? strchr(reply->data, ' ') + 1 : "";

	if (reply && text[0] != '+')
		err_set(&e, KIND_BUSY, "%s", text[0] ? text + 1 : "no answer");
	a->fn(a->arg, err_is_set(&e) ? NULL : text + 1, &e);
	free(a);
}

void
lookup_start_txt(struct lookup *l, const char *name, const char *value,
    lookup_callback *fn, void *arg)
{
	struct asking *a = xcalloc(1, sizeof(*a));
	struct buf question;

	*a = (struct asking){fn, arg};
	buf_init(&question, QUESTION_MAX);
	buf_addf(
	    &question, "%lld %s", (long long)asker_next_id(l->asker), name);
	if (value)
		buf_addf(&question, " %s", value);
	asker_ask(l->asker, &question, ALL_MS, on_answer_text, a);
	buf_release(&question);
}

void
lookup_start(struct lookup *l, const char *name, lookup_callback *fn, void *arg)
{
	lookup_start_txt(l, name, NULL, fn, arg);
}

struct waiting {
	bool done;
	char *canonical;
	struct err *e;
};

static void
on_canonical(void *arg, const char *canonical, const struct err *why)
{
	struct waiting *w = arg;

	w->done = true;
	if (canonical)
		w->canonical = xstrdup(canonical);
	else
		*w->e = *why;
}

char *
lookup_canonical(struct lookup *l, const char *name, struct err *e)
{
	struct waiting w = {.e = e};

	lookup_start(l, name, on_canonical, &w);
	askers_wait(l->askers, &w.done);
	return w.canonical;
}
