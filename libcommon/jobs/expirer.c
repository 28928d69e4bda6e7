#include "jobs/expirer.h"

#include "base/str.h"
#include "http/network.h"
#include "store/event.h"
#include "sys/clock.h"
#include "sys/sig.h"
#include "wrap/js.h"
#include "wrap/web.h"

#define TEXT_MAX ((size_t)500) /* of what is no answer */

/* ---- settings ------------------------------------------------------------ */

static int
check_path(const char *key, const char *path, struct err *e)
{
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || path[0] != '/' || path[len - 1] == '/' ||
	    strcspn(path, "?#% ") != len)
		return err_set(
		    e, KIND_CONF, "%s: must be a path, as in /a/b", key);
	return 0;
}

static int
check_server(const char *text, struct err *e)
{
	struct err why = {0};
	struct web_url u;

	if (web_url_parse(text, &u, &why) < 0)
		return err_set(
		    e, KIND_CONF, "servers_pool: %.200s: %s", text, why.text);
	if (strcmp(u.path, "/") != 0 || str_ends(text, "/") ||
	    strpbrk(text, "?#"))
		return err_set(e, KIND_CONF,
		    "servers_pool: %.200s: must have no path", text);
	return 0;
}

int
expirer_check(const struct conf_nginx *c, struct err *e)
{
	const struct strv *pool = &c->servers_pool;

	if (pool->len == 0)
		return err_set(e, KIND_CONF, "servers_pool: is not set");
	for (size_t i = 0; i < pool->len; i++) {
		if (check_server(pool->v[i], e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (strcmp(pool->v[i], pool->v[k]) == 0)
				return err_set(e, KIND_CONF,
				    "servers_pool: %.200s stands twice",
				    pool->v[i]);
	}
	return check_path("reset_path", c->reset_path, e) < 0
	    ? -1
	    : check_path("status_path", c->status_path, e);
}

void
expirer_ports(const struct conf_nginx *c, uint16_t *ports, size_t *len)
{
	for (size_t i = 0; i < c->servers_pool.len; i++) {
		struct err ignored = {0};
		struct web_url u;

		if (web_url_parse(c->servers_pool.v[i], &u, &ignored) == 0)
			ports[(*len)++] = u.port;
	}
}

/* ---- one server ---------------------------------------------------------- */

struct running;

struct server {
	struct running *run;
	struct expired *out;
	bool asked_status; /* it comes first */
	bool by_name; /* it can */
	size_t next; /* of the names */
	bool is_done;
};

struct running {
	const struct expirer *x;
	enum expirer_task task;
	const struct strv *names;
	struct server *servers;
	size_t open;
};

static void
keep_text(struct expired *x, const struct network_reply *r)
{
	x->status = r->status;
	free(x->text);
	x->text = xstrndup(r->body, r->len < TEXT_MAX ? r->len : TEXT_MAX);
}

static int
judge_status(const struct network_reply *r, struct err *e)
{
	if (r->status == 0)
		return err_set(e, KIND_BUSY, "%s",
		    r->reason ? r->reason : "there is no answer");
	if (r->status == 401 || r->status == 403)
		return err_set(e, KIND_DENIED,
		    "it refuses the user and password (HTTP %d)", r->status);
	if (r->status != 200)
		return err_set(e, r->status >= 500 ? KIND_BUSY : KIND_DENIED,
		    "it answers with HTTP %d", r->status);
	return 0;
}

/* Its answer is kept, or what it has said instead. */
static int
judge(struct expired *x, const struct network_reply *r)
{
	struct err ignored = {0};
	struct js *answer;
	const char *result;

	if (judge_status(r, &x->why) < 0) {
		keep_text(x, r);
		return -1;
	}
	answer = js_parse(r->body, r->len, &ignored);
	if (!answer) {
		keep_text(x, r);
		return err_set(
		    &x->why, KIND_DENIED, "what it answers is no JSON");
	}
	js_free(x->answer);
	x->answer = answer;
	result = js_get_text(answer, "result");
	if (str_same(result, "success"))
		return 0;
	keep_text(x, r);
	return err_set(&x->why, KIND_DENIED, "it says that it has not done it");
}

/* When a change is served: what it says, or as long as a worker keeps it. */
static void
note_effective(struct expired *x)
{
	const struct js *said = js_get(x->answer, "effective_in");

	if (!said)
		said = js_get(js_get(js_get(x->answer, "config"), "expiries"),
		    "resty.lrucache");
	x->effective = js_int(said, x->effective);
	if (x->effective < 0)
		x->effective = EXPIRER_UNKNOWN;
}

static void ask(struct server *s, char *path);

static void
finish(struct server *s)
{
	s->is_done = true;
	s->run->open--;
}

/* The next thing to ask. */
static void
proceed(struct server *s)
{
	const struct running *run = s->run;
	const char *base = run->x->conf->reset_path;

	if (run->task != EXPIRER_STATUS && !s->by_name && !s->out->all) {
		s->out->all = true;
		ask(s, xasprintf("%s/all", base));
	} else if (s->by_name && s->next < run->names->len)
		ask(s,
		    xasprintf("%s/domain/%s", base, run->names->v[s->next++]));
	else
		finish(s);
}

static void
forget(struct expired *x)
{
	x->why = (struct err){0};
	x->status = 0;
	free(x->text);
	x->text = NULL;
	js_free(x->answer);
	x->answer = NULL;
}

/*
 * A server without a status that is of use still expires: others may choose
 * what it says there.  A wrong password is tried once.
 */
static bool
take_status(struct server *s, const struct network_reply *r)
{
	struct expired *x = s->out;
	const char *software;

	s->asked_status = true;
	if (judge(x, r) < 0) {
		if (s->run->task == EXPIRER_STATUS || r->status == 401 ||
		    r->status == 403)
			return false;
		forget(x);
		return true;
	}
	software = js_get_text(x->answer, "server");
	s->by_name = s->run->task == EXPIRER_NAMES &&
	    s->run->names->len <= EXPIRER_NAMES_MAX &&
	    str_same(software, EXPIRER_OURS);
	note_effective(x);
	return true;
}

static void
on_reply(void *arg, const struct network_reply *r)
{
	struct server *s = arg;

	if (!s->asked_status ? take_status(s, r) : judge(s->out, r) == 0)
		proceed(s);
	else
		finish(s);
}

/* Takes `path`. */
static void
ask(struct server *s, char *path)
{
	const struct expirer *x = s->run->x;
	char *url = xasprintf("%s%s", s->out->url, path);
	const struct network_request r = {.method = "GET",
	    .url = url,
	    .trust = x->trust,
	    .fields = x->fields};

	if (network_send(x->net, &r, on_reply, s, &s->out->why) < 0)
		finish(s);
	free(url);
	free(path);
}

/* ---- all of them --------------------------------------------------------- */

static void
give_up(struct running *run, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct server *s = &run->servers[i];

		if (s->is_done)
			continue;
		network_drop(run->x->net, s);
		err_set(&s->out->why, KIND_BUSY, "%s",
		    sig_term() ? "stopped" : "it does not answer in time");
	}
}

static int
wait_for_all(struct running *run, size_t len, struct err *e)
{
	int64_t until = clock_mono() + run->x->conf->timeout * 1000;
	int rc = 0;

	while (rc == 0 && run->open > 0 && clock_mono() < until && !sig_term())
		rc = network_wait(run->x->net, until, e);
	give_up(run, len);
	return rc;
}

int
expirer_run(const struct expirer *x, enum expirer_task task,
    const struct strv *names, struct expired **servers, struct err *e)
{
	size_t len = x->conf->servers_pool.len;
	struct running run = {.x = x,
	    .task = task,
	    .names = names,
	    .servers = xcalloc(len, sizeof(*run.servers)),
	    .open = len};
	struct expired *out = xcalloc(len, sizeof(*out));
	int rc;

	for (size_t i = 0; i < len; i++) {
		out[i].url = x->conf->servers_pool.v[i];
		out[i].effective = EXPIRER_UNKNOWN;
		run.servers[i] = (struct server){.run = &run, .out = &out[i]};
		ask(&run.servers[i], xstrdup(x->conf->status_path));
	}
	rc = wait_for_all(&run, len, e);
	free(run.servers);
	if (rc < 0) {
		expired_free(out, len);
		out = NULL;
	}
	*servers = out;
	return rc;
}

void
expired_free(struct expired *servers, size_t len)
{
	for (size_t i = 0; servers && i < len; i++) {
		js_free(servers[i].answer);
		free(servers[i].text);
	}
	free(servers);
}

int64_t
expired_effective(const struct expired *servers, size_t len)
{
	int64_t most = 0;

	for (size_t i = 0; i < len; i++) {
		if (servers[i].effective == EXPIRER_UNKNOWN)
			return EXPIRER_UNKNOWN;
		if (servers[i].effective > most)
			most = servers[i].effective;
	}
	return most;
}

/* ---- told ---------------------------------------------------------------- */

static struct js *
failure(const struct expired *x)
{
	struct js *o = js_object(), *response;

	js_put_text(o, "status", "error");
	js_put_text(o, "error", x->status != 0 ? "response" : "Exception");
	if (x->status == 0) {
		js_put_text(o, "Exception", x->why.text);
		return o;
	}
	response = js_object();
	js_put_int(response, "status_code", x->status);
	js_put_text(response, "text", x->text);
	js_put(o, "response", response);
	return o;
}

struct js *
expired_report(struct expired *servers, size_t len)
{
	struct js *o = js_object(), *errors = js_array(), *success = js_array(),
		  *by_url = js_object();

	for (size_t i = 0; i < len; i++) {
		struct expired *x = &servers[i];
		bool failed = err_is_set(&x->why);

		js_add_text(failed ? errors : success, x->url);
		js_put(by_url, x->url, failed ? failure(x) : x->answer);
		if (!failed)
			x->answer = NULL; /* transferred */
	}
	js_put(o, "errors", errors);
	js_put(o, "success", success);
	js_put(o, "servers", by_url);
	return o;
}

struct noting {
	struct store *st;
	char *text;
};

static int
note(void *arg, struct err *e)
{
	const struct noting *n = arg;

	return event_add(n->st, "nginx.expire", EVENT_STORE, 0, n->text, e);
}

int
expired_note(struct store *st, const struct strv *names,
    const struct expired *servers, size_t len, struct err *e)
{
	size_t all = 0, failed = 0;
	struct noting n = {.st = st};
	int rc;

	for (size_t i = 0; i < len; i++) {
		failed += err_is_set(&servers[i].why);
		all += servers[i].all && !err_is_set(&servers[i].why);
	}
	n.text = xasprintf("names %zu%s%.255s, servers %zu, of these all names "
			   "%zu, failed %zu",
	    names->len, names->len == 1 ? " " : "",
	    names->len == 1 ? names->v[0] : "", len, all, failed);
	rc = store_transaction(st, note, &n, e);
	free(n.text);
	return rc;
}
