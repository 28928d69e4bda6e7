#include "client/solve_part.h"

#include <strings.h>

#include "acme/keyauth.h"
#include "client/lookup.h"
#include "store/acme_dns_account.h"
#include "wrap/js.h"

/*
 * dns-01 by an acme-dns server: an account for each name, whose CNAME a person
 * makes once; then the server is told the text.  It keeps the last two texts,
 * so there is nothing to clean up.
 */
#define ANSWER_MAX ((size_t)16 * 1024)
#define WORD_MAX 253

struct self {
	struct store *store;
	const struct solver_options *options;
	struct solve_dns dns;
	char *url; /* no slash at the end */
};

/* ---- the server ---------------------------------------------------------- */

/* POSTs to `path`; the caller frees the answer, which is an object. */
static struct js *
post(const struct self *s, const char *path, const struct acme_dns_account *a,
    const char *json, int expected, struct err *e)
{
	char *url = xasprintf("%s%s", s->url, path);
	const struct solver_post p = {.url = url,
	    .user = a ? a->username : NULL,
	    .key = a ? a->password : NULL,
	    .json = json};
	struct js *answer = NULL;
	struct buf body;
	int status = 0, rc;

	buf_init(&body, ANSWER_MAX);
	rc = s->options->post(s->options->arg, &p, &status, &body, e);
	if (rc == 0 && status != expected)
		err_set(e,
		    status >= 500 || status == 429 ? KIND_BUSY : KIND_DENIED,
		    "%s: answers %d", url, status);
	else if (rc == 0) {
		answer = js_parse(body.data, body.len, e);
		if (!answer)
			err_object(e, "%s", url);
	}
	buf_wipe(&body);
	free(url);
	return answer;
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

static int
enrol(const struct self *s, struct acme_dns_account *a, struct err *e)
{
	struct js *answer = post(s, "/register", NULL, "{}", 201, e);

	if (!answer)
		return -1;
	a->fulldomain = take_word(answer, "fulldomain");
	a->subdomain = take_word(answer, "subdomain");
	a->username = take_word(answer, "username");
	a->password = take_word(answer, "password");
	js_free(answer);
	if (a->fulldomain && a->subdomain && a->username && a->password)
		return 0;
	return err_set(e, KIND_DENIED,
	    "%s/register: answers with something else than an account", s->url);
}

static int
update(const struct self *s, const struct acme_dns_account *a, const char *txt,
    struct err *e)
{
	struct js *request = js_object(), *answer;
	struct buf json;

	js_put_text(request, "subdomain", a->subdomain);
	js_put_text(request, "txt", txt);
	buf_init(&json, ANSWER_MAX);
	js_write(request, &json);
	answer = post(s, "/update", a, json.data, 200, e);
	js_free(request);
	buf_release(&json);
	js_free(answer);
	return answer ? 0 : -1;
}

/* ---- the account --------------------------------------------------------- */

/* The account of a name; with `make`, a new one if it has none. */
static int
find_account(const struct self *s, const char *name, bool make,
    struct acme_dns_account *a, struct err *e)
{
	struct err why = {0};

	if (acme_dns_account_find(
		s->store, s->url, name, s->options->account_key, a, &why) == 0)
		return 0;
	acme_dns_account_release(a);
	if (why.kind != KIND_NOTFOUND || !make) {
		*e = why;
		return -1;
	}
	if (enrol(s, a, e) < 0)
		return -1;
	return acme_dns_account_add(
	    s->store, s->url, name, a, s->options->account_key, e);
}

/* What only a person can do. */
static int
check_cname(struct self *s, const struct solver_task *t,
    const struct acme_dns_account *a, struct err *e)
{
	char *record = solve_dns_record(t, e), *canonical;
	int rc = 0;

	if (!record)
		return -1;
	canonical = lookup_canonical(s->dns.lookup, record, e);
	if (!canonical)
		rc = -1;
	else if (strcasecmp(canonical, a->fulldomain) != 0)
		rc = err_set(e, KIND_DENIED,
		    "%s is not yet a CNAME to %s: make it one", record,
		    a->fulldomain);
	free(canonical);
	free(record);
	return rc;
}

/* ---- the solver ---------------------------------------------------------- */

static int
present(void *self, const struct solver_task *t, struct err *e)
{
	struct acme_dns_account a = {0};
	char digest[KEYAUTH_DIGEST_SIZE];
	struct self *s = self;
	int rc;

	if (solve_check_task(t, e) < 0)
		return -1;
	keyauth_digest(digest, t->key_authorization);
	rc = find_account(s, t->value, true, &a, e);
	if (rc == 0)
		rc = check_cname(s, t, &a, e);
	if (rc == 0)
		rc = update(s, &a, digest, e);
	acme_dns_account_release(&a);
	return rc;
}

static int
check(void *self, const struct solver_task *t, struct err *e)
{
	struct acme_dns_account a = {0};
	struct self *s = self;
	int rc = find_account(s, t->value, false, &a, e);

	if (rc == 0)
		rc = check_cname(s, t, &a, e);
	if (rc == 0)
		rc = solve_dns_check(&s->dns, t, e);
	acme_dns_account_release(&a);
	return rc;
}

static int
cleanup(void *self, const struct solver_task *t, struct err *e)
{
	(void)self;
	return solve_check_task(t, e);
}

static void
free_self(void *self)
{
	struct self *s = self;

	solve_dns_release(&s->dns);
	free(s->url);
	free(s);
}

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

int
solve_acme_dns_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	size_t len = strlen(m->argument);
	struct self *s;

	if (!m->store || !m->options->post)
		return solve_misuse(e, "needs a store and a way to the server");
	if (!is_good_url(m->argument))
		return solve_misuse(e,
		    "%.200s: not an https URL (http on this machine only)",
		    m->argument);
	while (len > 0 && m->argument[len - 1] == '/')
		len--;
	s = xcalloc(1, sizeof(*s));
	s->url = xstrndup(m->argument, len);
	s->store = m->store;
	s->options = m->options;
	*out = (struct solver){.type = "dns-01",
	    .present = present,
	    .check = check,
	    .cleanup = cleanup,
	    .free = free_self,
	    .self = s};
	return solve_dns_init(&s->dns, m->options, e);
}
