#include "wrap/https.h"

#include <curl/curl.h>
#include <sys/resource.h>

#include "base/str.h"
#include "sys/clock.h"
#include "wrap/transfer_part.h"

#define IDLE_MS 60000
#define CONNECTIONS_PER_HOST 32
#define CONNECTIONS_KEPT (2L * CONNECTIONS_PER_HOST)
#define UNDER_WAY_MAX 1000
#define FDS_OWN 20 /* ours, the library's, and files it opens for a moment */
#define FDS_EACH 4 /* a look-up, or two addresses that are tried at once */
#define CURLE_TOO_LARGE_LATER 100 /* CURLE_TOO_LARGE, since 8.6.0 */
#define FIELD_MAX 16384 /* bytes of one field, or of all Link fields */

struct https {
	struct https_options o;
	char *user_agent, *proxy;
	CURLM *multi;
	struct transfer *transfers, **end; /* as they were asked for */
	struct transfer *waiting; /* the first that has not begun, or NULL */
	long under_way, most;
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
	else
		t->https->end = t->prev;
	if (t->curl) {
		curl_multi_remove_handle(t->https->multi, t->curl);
		curl_easy_cleanup(t->curl);
	}
	curl_slist_free_all(t->fields);
	free(t->request_body);
	buf_release(&t->body);
	free(t);
}

/* What holds for every request. */
static CURLcode
set_rules(CURL *c, const struct https *h)
{
	CURLcode rc = transfer_rules(c);

	TRANSFER_SET(
	    CURLOPT_PROTOCOLS_STR, h->o.allows_http ? "http,https" : "https");
	TRANSFER_SET(CURLOPT_FOLLOWLOCATION, 0L);
	TRANSFER_SET(CURLOPT_PATH_AS_IS, 1L);
	TRANSFER_SET(CURLOPT_SSL_VERIFYPEER, 1L);
	TRANSFER_SET(CURLOPT_SSL_VERIFYHOST, 2L);
	TRANSFER_SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	TRANSFER_SET(CURLOPT_PIPEWAIT, 1L);
	TRANSFER_SET(CURLOPT_CONNECTTIMEOUT_MS, (long)h->o.connect_ms);
	TRANSFER_SET(CURLOPT_TIMEOUT_MS, (long)h->o.total_ms);
	TRANSFER_SET(CURLOPT_USERAGENT, h->user_agent);
	TRANSFER_SET(CURLOPT_PROXY, h->proxy ? h->proxy : "");
	TRANSFER_SET(CURLOPT_NOPROXY, h->proxy ? "" : "*");
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

	TRANSFER_SET(CURLOPT_CAPATH, NULL);
	TRANSFER_SET(CURLOPT_CAINFO, trust ? NULL : https_roots());
	if (trust)
		TRANSFER_SET(CURLOPT_CAINFO_BLOB, &pem);
	return rc;
}

static void
add_lines(struct transfer *t, const char *lines)
{
	while (lines && *lines) {
		size_t len = strcspn(lines, "\n");

		transfer_add_line(&t->fields, lines, len);
		lines += len + (lines[len] != '\0');
	}
}

static CURLcode
set_method(CURL *c, struct transfer *t, const struct https_request *r)
{
	CURLcode rc = CURLE_OK;

	if (strcmp(r->method, "HEAD") == 0)
		TRANSFER_SET(CURLOPT_NOBODY, 1L);
	if (strcmp(r->method, "POST") != 0)
		return rc;
	t->request_body = xmalloc(r->len + 1);
	memcpy(t->request_body, r->body, r->len);
	if (r->content_type)
		transfer_add_field(&t->fields, "Content-Type", r->content_type);
	transfer_add_field(&t->fields, "Expect", "");
	TRANSFER_SET(CURLOPT_POST, 1L);
	TRANSFER_SET(CURLOPT_POSTFIELDS, t->request_body);
	TRANSFER_SET(CURLOPT_POSTFIELDSIZE, (long)r->len);
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
	transfer_add_field(&t->fields, "Accept-Language", "en");
	add_lines(t, r->fields);
	TRANSFER_SET(CURLOPT_URL, r->url);
	TRANSFER_SET(CURLOPT_HTTPHEADER, t->fields);
	TRANSFER_SET(CURLOPT_HEADERFUNCTION, on_head);
	TRANSFER_SET(CURLOPT_HEADERDATA, t);
	TRANSFER_SET(CURLOPT_WRITEFUNCTION, on_body);
	TRANSFER_SET(CURLOPT_WRITEDATA, t);
	TRANSFER_SET(CURLOPT_ERRORBUFFER, t->reason);
	TRANSFER_SET(CURLOPT_PRIVATE, t);
	return rc;
}

int
https_start(struct https *h, const struct https_request *r, https_callback *fn,
    void *arg, struct err *e)
{
	struct transfer *t = xcalloc(1, sizeof(*t));
	CURLcode rc;

	t->https = h;
	t->fn = fn;
	t->arg = arg;
	buf_init(&t->body, h->o.body_max);
	t->prev = h->end;
	*h->end = t;
	h->end = &t->next;
	t->curl = curl_easy_init();
	rc = t->curl ? set_request(t, r) : CURLE_FAILED_INIT;
	if (rc != CURLE_OK) {
		free_transfer(t);
		return err_set(e, KIND_SYS, "libcurl refuses the request: %s",
		    curl_easy_strerror(rc));
	}
	if (!h->waiting)
		h->waiting = t;
	return 0;
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

/* The callback sees whole fields; of one that has no end libcurl says this. */
static bool
is_field_too_long(CURL *c, CURLcode rc)
{
	curl_off_t first_byte = 0;

	curl_easy_getinfo(c, CURLINFO_STARTTRANSFER_TIME_T, &first_byte);
	return first_byte > 0 &&
	    (rc == CURLE_OUT_OF_MEMORY || (int)rc == CURLE_TOO_LARGE_LATER);
}

static void
explain(struct transfer *t, CURLcode rc, struct https_response *r)
{
	if (rc == CURLE_OK)
		return;
	r->status = 0;
	if (t->is_head_too_long || is_field_too_long(t->curl, rc))
		r->reason = "the head of the answer is too long";
	else if (t->body.full)
		r->reason = "the answer is too long";
	else
		r->reason = t->reason[0] ? t->reason : curl_easy_strerror(rc);
}

static void
finish(void *arg, void *transfer, int rc)
{
	struct transfer *t = transfer;
	struct https_response r = {.body = t->body.data,
	    .len = t->body.len,
	    .duration_ms = clock_mono() - t->begun};
	struct buf fields[HTTPS_FIELD__MAX];
	long status = 0;

	(void)arg;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	r.status = (int)status;
	for (int i = 0; i < HTTPS_FIELD__MAX; i++) {
		buf_init(&fields[i], FIELD_MAX);
		join_fields(t->curl, field_names[i], &fields[i]);
		if (fields[i].len > 0 && !fields[i].full)
			r.fields[i] = fields[i].data;
	}
	explain(t, (CURLcode)rc, &r);
	t->https->under_way--;
	t->fn(t->arg, &r);
	for (int i = 0; i < HTTPS_FIELD__MAX; i++)
		buf_release(&fields[i]);
	free_transfer(t);
}

/* ---- the loop ------------------------------------------------------------ */

/*
 * A request costs a descriptor of poll(2), which has an end as well, even if
 * it shares its connection.
 */
static long
most_under_way(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= FDS_OWN + FDS_EACH * UNDER_WAY_MAX)
		return UNDER_WAY_MAX;
	return limit.rlim_cur >= FDS_OWN + FDS_EACH
	    ? ((long)limit.rlim_cur - FDS_OWN) / FDS_EACH
	    : 1;
}

/* To the descriptors that this process has in the end. */
static void
fit(struct https *h)
{
	h->most = most_under_way();
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, h->most);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
	    h->most < CONNECTIONS_KEPT ? h->most : CONNECTIONS_KEPT);
}

static void
begin_waiting(struct https *h)
{
	if (h->most == 0)
		fit(h);
	while (h->waiting && h->under_way < h->most) {
		struct transfer *t = h->waiting;

		h->waiting = t->next;
		h->under_way++;
		t->begun = clock_mono();
		if (curl_multi_add_handle(h->multi, t->curl) != CURLM_OK)
			finish(NULL, t, CURLE_FAILED_INIT);
	}
}

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
	h->end = &h->transfers;
	h->user_agent = xstrdup(o->user_agent);
	h->proxy = str_dup(o->proxy);
	h->multi = transfer_multi(e);
	if (!h->multi) {
		https_free(h);
		return NULL;
	}
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
	    (long)CONNECTIONS_PER_HOST);
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

int
https_wait(struct https *h, int fd, bool *is_readable, struct err *e)
{
	struct curl_waitfd w = {.fd = fd, .events = CURL_WAIT_POLLIN};
	int running;
	CURLMcode rc = curl_multi_perform(h->multi, &running);

	/* what has ended now frees what else would wait for it */
	transfer_reap(h->multi, finish, NULL);
	begin_waiting(h);
	if (rc == CURLM_OK)
		rc = curl_multi_poll(h->multi, &w, 1, IDLE_MS, NULL);
	*is_readable = w.revents != 0;
	if (rc != CURLM_OK)
		return err_set(
		    e, KIND_SYS, "libcurl: %s", curl_multi_strerror(rc));
	return 0;
}
