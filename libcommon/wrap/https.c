#include "wrap/https.h"

#include <curl/curl.h>

#include "sys/clock.h"

#define IDLE_MS 60000
#define CONNECTIONS_PER_HOST 32
#define FIELD_MAX 16384 /* bytes of one field, or of all Link fields */

struct https {
	struct https_options o;
	char *user_agent, *proxy;
	CURLM *multi;
	struct transfer *transfers; /* under way */
};

struct transfer {
	struct transfer *next, **prev;
	struct https *https;
	CURL *curl;
	struct curl_slist *fields;
	char *request_body;
	struct buf body;
	size_t head_len;
	bool is_head_too_long;
	int64_t begun;
	char reason[CURL_ERROR_SIZE];
	https_callback *fn;
	void *arg;
};

/* ---- libcurl's callbacks ------------------------------------------------- */

static size_t
on_head(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	(void)p;
	t->head_len += size * count;
	t->is_head_too_long = t->head_len > t->https->o.head_max;
	return t->is_head_too_long ? 0 : size * count;
}

static size_t
on_body(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	return buf_add(&t->body, p, size * count) == 0 ? size * count : 0;
}

/* ---- transfers ----------------------------------------------------------- */

static void
free_transfer(struct transfer *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	if (t->curl) {
		curl_multi_remove_handle(t->https->multi, t->curl);
		curl_easy_cleanup(t->curl);
	}
	curl_slist_free_all(t->fields);
	free(t->request_body);
	buf_release(&t->body);
	free(t);
}

#define SET(option, value)                                                     \
	do {                                                                   \
		if (rc == CURLE_OK)                                            \
			rc = curl_easy_setopt(c, option, value);               \
	} while (0)

/* What holds for every request. */
static CURLcode
set_rules(CURL *c, const struct https *h)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, h->o.allows_http ? "http,https" : "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(CURLOPT_PIPEWAIT, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)h->o.connect_ms);
	SET(CURLOPT_TIMEOUT_MS, (long)h->o.total_ms);
	SET(CURLOPT_USERAGENT, h->user_agent);
	SET(CURLOPT_PROXY, h->proxy ? h->proxy : "");
	SET(CURLOPT_NOPROXY, h->proxy ? "" : "*");
	return rc;
}

/* The roots that are given stand alone. */
static CURLcode
set_trust(CURL *c, const char *trust)
{
	struct curl_blob pem = {.data = (char *)(uintptr_t)trust,
	    .len = trust ? strlen(trust) : 0,
	    .flags = CURL_BLOB_COPY};
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_CAINFO, trust ? NULL : https_roots());
	if (trust)
		SET(CURLOPT_CAINFO_BLOB, &pem);
	return rc;
}

static void
add_line(struct transfer *t, const char *text, size_t len)
{
	char *line = xstrndup(text, len);
	struct curl_slist *longer = curl_slist_append(t->fields, line);

	if (longer)
		t->fields = longer;
	free(line);
}

static void
add_field(struct transfer *t, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);

	add_line(t, line, strlen(line));
	free(line);
}

static void
add_lines(struct transfer *t, const char *lines)
{
	while (lines && *lines) {
		size_t len = strcspn(lines, "\n");

		add_line(t, lines, len);
		lines += len + (lines[len] != '\0');
	}
}

static CURLcode
set_method(CURL *c, struct transfer *t, const struct https_request *r)
{
	CURLcode rc = CURLE_OK;

	if (strcmp(r->method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	if (strcmp(r->method, "POST") != 0)
		return rc;
	t->request_body = xmalloc(r->len + 1);
	memcpy(t->request_body, r->body, r->len);
	if (r->content_type)
		add_field(t, "Content-Type", r->content_type);
	add_field(t, "Expect", "");
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDS, t->request_body);
	SET(CURLOPT_POSTFIELDSIZE, (long)r->len);
	return rc;
}

static CURLcode
set_request(struct transfer *t, const struct https_request *r)
{
	CURL *c = t->curl;
	CURLcode rc = set_rules(c, t->https);

	if (rc == CURLE_OK)
		rc = set_trust(c, r->trust);
	if (rc == CURLE_OK)
		rc = set_method(c, t, r);
	add_field(t, "Accept-Language", "en");
	add_lines(t, r->fields);
	SET(CURLOPT_URL, r->url);
	SET(CURLOPT_HTTPHEADER, t->fields);
	SET(CURLOPT_HEADERFUNCTION, on_head);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_ERRORBUFFER, t->reason);
	SET(CURLOPT_PRIVATE, t);
	return rc;
}
#undef SET

int
https_start(struct https *h, const struct https_request *r, https_callback *fn,
    void *arg, struct err *e)
{
	struct transfer *t = xcalloc(1, sizeof(*t));
	CURLcode rc = CURLE_FAILED_INIT;

	t->https = h;
	t->fn = fn;
	t->arg = arg;
	t->begun = clock_mono();
	buf_init(&t->body, h->o.body_max);
	t->prev = &h->transfers;
	t->next = h->transfers;
	if (t->next)
		t->next->prev = &t->next;
	h->transfers = t;
	t->curl = curl_easy_init();
	if (t->curl)
		rc = set_request(t, r);
	if (rc == CURLE_OK &&
	    curl_multi_add_handle(h->multi, t->curl) == CURLM_OK)
		return 0;
	free_transfer(t);
	err_set(e, KIND_SYS, "libcurl refuses the request");
	return err_detail(e, "%s", curl_easy_strerror(rc));
}

/* ---- answers ------------------------------------------------------------- */

static const char *const field_names[] = {
    [HTTPS_REPLAY_NONCE] = "Replay-Nonce",
    [HTTPS_LOCATION] = "Location",
    [HTTPS_RETRY_AFTER] = "Retry-After",
    [HTTPS_CONTENT_TYPE] = "Content-Type",
    [HTTPS_DATE] = "Date",
    [HTTPS_LINK] = "Link",
};
_Static_assert(ARRAY_LEN(field_names) == HTTPS_FIELD__MAX, "a name per field");

/* All fields of that name, with commas between (RFC 9110 5.3); "": none. */
static void
join_fields(CURL *c, const char *name, struct buf *out)
{
	struct curl_header *h;

	for (size_t i = 0;
	     curl_easy_header(c, name, i, CURLH_HEADER, -1, &h) == CURLHE_OK;
	     i++) {
		buf_adds(out, i == 0 ? "" : ", ");
		buf_adds(out, h->value);
	}
}

static void
explain(struct transfer *t, CURLcode rc, struct https_response *r)
{
	if (rc == CURLE_OK)
		return;
	r->status = 0;
	if (t->is_head_too_long)
		r->reason = "the head of the answer is too long";
	else if (t->body.full)
		r->reason = "the answer is too long";
	else
		r->reason = t->reason[0] ? t->reason : curl_easy_strerror(rc);
}

static void
finish(struct transfer *t, CURLcode rc)
{
	struct https_response r = {.body = t->body.data,
	    .len = t->body.len,
	    .duration_ms = clock_mono() - t->begun};
	struct buf fields[HTTPS_FIELD__MAX];
	long status = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	r.status = (int)status;
	for (int i = 0; i < HTTPS_FIELD__MAX; i++) {
		buf_init(&fields[i], FIELD_MAX);
		join_fields(t->curl, field_names[i], &fields[i]);
		if (fields[i].len > 0 && !fields[i].full)
			r.fields[i] = fields[i].data;
	}
	explain(t, rc, &r);
	t->fn(t->arg, &r);
	for (int i = 0; i < HTTPS_FIELD__MAX; i++)
		buf_release(&fields[i]);
	free_transfer(t);
}

/* ---- the loop ------------------------------------------------------------ */

const char *
https_roots(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	return v->age >= CURLVERSION_SEVENTH && v->cainfo
	    ? v->cainfo
	    : "/etc/ssl/certs/ca-certificates.crt";
}

struct https *
https_new(const struct https_options *o, struct err *e)
{
	struct https *h = xcalloc(1, sizeof(*h));

	h->o = *o;
	h->user_agent = xstrdup(o->user_agent);
	h->proxy = o->proxy ? xstrdup(o->proxy) : NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
		h->multi = curl_multi_init();
	if (!h->multi) {
		err_set(e, KIND_SYS, "libcurl cannot start");
		https_free(h);
		return NULL;
	}
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
	    (long)CONNECTIONS_PER_HOST);
	curl_multi_setopt(
	    h->multi, CURLMOPT_MAXCONNECTS, (long)(2 * CONNECTIONS_PER_HOST));
	return h;
}

void
https_free(struct https *h)
{
	struct transfer *t, *next;

	if (!h)
		return;
	for (t = h->transfers; t; t = next) {
		next = t->next;
		free_transfer(t);
	}
	if (h->multi)
		curl_multi_cleanup(h->multi);
	free(h->user_agent);
	free(h->proxy);
	free(h);
}

static void
reap(struct https *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct transfer *t = NULL;
		CURLcode rc = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, rc);
	}
}

int
https_wait(struct https *h, int fd, bool *is_readable, struct err *e)
{
	struct curl_waitfd w = {.fd = fd, .events = CURL_WAIT_POLLIN};
	int running;
	CURLMcode rc = curl_multi_perform(h->multi, &running);

	/* what has ended now frees what else would wait for it */
	reap(h);
	if (rc == CURLM_OK)
		rc = curl_multi_poll(h->multi, &w, 1, IDLE_MS, NULL);
	*is_readable = w.revents != 0;
	if (rc != CURLM_OK)
		return err_set(
		    e, KIND_SYS, "libcurl: %s", curl_multi_strerror(rc));
	return 0;
}
