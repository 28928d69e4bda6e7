#include "solve/acme_dns.h"

#include <strings.h>

#include "acme/keyauth.h"
#include "conf/value.h"
#include "http/network.h"
#include "solve/lookup.h"
#include "store/acme_dns_account.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "wrap/digest.h"
#include "wrap/https.h"
#include "wrap/js.h"
#include "wrap/web.h"

#define CONNECT_MS 10000
#define TOTAL_MS 30000
#define REQUEST_MAX ((size_t)4 * 1024)
#define WORD_MAX 253
#define TRUST_MAX ((size_t)256 * 1024)

struct acme_dns {
	char *url; /* no slash at the end */
	struct network *net;
	struct buf trust; /* PEM; empty: the machine's roots */
};

/* A password goes there: TLS, or this machine. */
static bool
is_good_url(const char *url)
{
	static const char *const good[] = {
	    "https://", "http://127.0.0.1", "http://[::1]", "http://localhost"};
	size_t len = strlen(url);

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		size_t n = strlen(good[i]);

		if (str_starts(url, good[i]) &&
		    (i == 0 ? len > n : strchr(":/", url[n]) != NULL))
			return str_is_printable(url, len) &&
			    !strpbrk(url, " \"?#@");
	}
	return false;
}

char *
acme_dns_spell(const char *url)
{
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	return xstrndup(url, len);
}

/* ---- the process --------------------------------------------------------- */

/* No files but the roots and the resolver's, TCP to the server alone. */
static int
confine(void *arg, struct err *e)
{
	const struct acme_dns_options *o = arg;
	struct sandbox s = {0};
	struct web_url u;
	int rc;

	if (web_url_parse(o->proxy ? o->proxy : o->url, &u, e) < 0)
		return -1;

	strv_add(&s.paths[SANDBOX_OPERANDS], https_roots());
	strv_add(&s.paths[SANDBOX_RESOLVER_FILES], "/etc/resolv.conf");
	strv_add(&s.paths[SANDBOX_RESOLVER_FILES], "/etc/hosts");
	sandbox_add_port(&s, u.port);
	sandbox_add_port(&s, VALUE_DNS_PORT);
	digest_prepare();
	rc = sandbox_enter(SANDBOX_CLIENT_NETWORK, o->sandbox, &s, e);
	sandbox_release(&s);
	return rc;
}

static int
read_trust(const char *path, struct buf *out, struct err *e)
{
	if (!path || !*path)
		return 0;
	if (file_read(path, out, e) == 0 &&
	    !strstr(out->data, "-----BEGIN CERT"))
		err_set(e, KIND_CONF, "%s: no certificate in PEM", path);
	if (!err_is_set(e))
		return 0;
	e->kind = KIND_CONF;
	return err_object(e, "acme_dns_trust");
}

struct acme_dns *
acme_dns_new(const struct acme_dns_options *given, struct err *e)
{
	struct acme_dns_options o = *given;
	struct network_options how = {.connect_ms = CONNECT_MS,
	    .total_ms = TOTAL_MS,
	    .allows_http = true,
	    .user = o.user,
	    .confine = confine,
	    .arg = &o};
	struct acme_dns *d;

	if (!is_good_url(o.url)) {
		err_set(e, KIND_USAGE,
		    "%.200s: not an https URL (http on this machine only)",
		    o.url);
		return NULL;
	}
	if (!str_starts(o.url, "https://"))
		o.proxy = NULL; /* this machine */
	how.proxy = o.proxy;
	d = xcalloc(1, sizeof(*d));
	d->url = acme_dns_spell(o.url);
	buf_init(&d->trust, TRUST_MAX);
	if (read_trust(o.trust, &d->trust, e) == 0)
		d->net = network_start(&how, e);
	if (d->net)
		return d;
	acme_dns_free(d);
	return NULL;
}

void
acme_dns_free(struct acme_dns *d)
{
	if (!d)
		return;
	network_stop(d->net);
	buf_release(&d->trust);
	free(d->url);
	free(d);
}

/* ---- requests ------------------------------------------------------------ */

struct waiting {
	const char *url;
	int expected;
	bool is_done;
	struct js *answer;
	struct err err;
};

static void
on_reply(void *arg, const struct network_reply *r)
{
	struct waiting *w = arg;

	w->is_done = true;
	if (r->status == 0)
		err_set(&w->err, KIND_BUSY, "%s: %s", w->url, r->reason);
	else if (r->status != w->expected)
		err_set(&w->err,
		    r->status >= 500 || r->status == 429 ? KIND_BUSY
							 : KIND_DENIED,
		    "%s: answers %d", w->url, r->status);
	else
		w->answer = js_parse(r->body, r->len, &w->err);
	if (r->status == w->expected && !w->answer) {
		w->err.kind = KIND_DENIED;
		err_object(&w->err, "%s", w->url);
	}
}

static char *
credentials(const struct acme_dns_account *a)
{
	return a ? xasprintf("X-Api-User: %s\nX-Api-Key: %s", a->username,
		       a->password)
		 : NULL;
}

static void
forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* POSTs to `path`; the caller frees the answer, which is JSON. */
static struct js *
call(struct acme_dns *d, const char *path, const struct acme_dns_account *a,
    const char *json, int expected, struct err *e)
{
	int64_t until = clock_mono() + TOTAL_MS + CONNECT_MS;
	char *url = xasprintf("%s%s", d->url, path), *fields = credentials(a);
	const struct network_request r = {.method = "POST",
	    .url = url,
	    .trust = d->trust.len > 0 ? d->trust.data : NULL,
	    .body = json,
	    .len = strlen(json),
	    .content_type = "application/json",
	    .fields = fields};
	struct waiting w = {.url = url, .expected = expected};
	int rc = network_send(d->net, &r, on_reply, &w, e);

	while (rc == 0 && !w.is_done && clock_mono() < until)
		rc = network_wait(d->net, until, e);
	if (rc == 0 && !w.is_done)
		err_set(&w.err, KIND_BUSY, "%s: no answer in time", url);
	network_drop(d->net, &w);
	if (rc == 0 && err_is_set(&w.err))
		*e = w.err;
	forget(fields);
	free(url);
	return w.answer;
}

/* A member that is a word, as names and UUIDs are; the caller frees. */
static char *
take_word(const struct js *answer, const char *key)
{
	const char *text = js_get_text(answer, key);
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len > WORD_MAX || !str_is_printable(text, len) ||
	    strpbrk(text, " \"\\"))
		return NULL;
	return xstrdup(text);
}

/* A name to which a CNAME can lead, as look-ups give it: without a last dot. */
static char *
take_name(const struct js *answer, const char *key)
{
	char *name = take_word(answer, key);
	size_t len = name ? strlen(name) : 0;

	if (len > 1 && name[len - 1] == '.')
		name[--len] = '\0';
	if (len > 0 && strchr(name, '.') && name[0] != '.' &&
	    name[len - 1] != '.' && !strstr(name, "..") &&
	    name[strspn(name,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-_")] == '\0')
		return name;
	free(name);
	return NULL;
}

int
acme_dns_register(struct acme_dns *d, struct acme_dns_account *a, struct err *e)
{
	struct js *answer = call(d, "/register", NULL, "{}", 201, e);

	if (!answer)
		return -1;
	a->fulldomain = take_name(answer, "fulldomain");
	a->subdomain = take_word(answer, "subdomain");
	a->username = take_word(answer, "username");
	a->password = take_word(answer, "password");
	js_free(answer);
	if (a->fulldomain && a->subdomain && a->username && a->password)
		return 0;
	return err_set(e, KIND_DENIED,
	    "%s/register: answers with something else than an account", d->url);
}

int
acme_dns_update(struct acme_dns *d, const struct acme_dns_account *a,
    const char *txt, struct err *e)
{
	struct js *request = js_object(), *answer;
	struct buf json;

	js_put_text(request, "subdomain", a->subdomain);
	js_put_text(request, "txt", txt);
	buf_init(&json, REQUEST_MAX);
	js_write(request, &json);
	answer = call(d, "/update", a, json.data, 200, e);
	js_free(request);
	buf_release(&json);
	js_free(answer);
	return answer ? 0 : -1;
}

/* ---- the CNAME, which only a person can make ----------------------------- */

int
acme_dns_check_cname(struct lookup *l, const char *name,
    const struct acme_dns_account *a, struct err *e)
{
	char *record = xasprintf("%s%s", KEYAUTH_RECORD_PREFIX, name);
	char *canonical = lookup_canonical(l, record, e);
	int rc = canonical ? 0 : -1;

	if (rc == 0 && strcasecmp(canonical, record) == 0)
		rc = err_set(e, KIND_DENIED,
		    "%s is not yet a CNAME to %s: make it one", record,
		    a->fulldomain);
	else if (rc == 0 && strcasecmp(canonical, a->fulldomain) != 0)
		rc = err_set(e, KIND_DENIED,
		    "%s leads to %s: make it a CNAME to %s", record, canonical,
		    a->fulldomain);
	free(canonical);
	free(record);
	return rc;
}
