#include "wrap/fetch.h"

#include <curl/curl.h>
#include <unistd.h>

#include "wrap/transfer_part.h"

#define CONNECT_MS 10000

struct transfer {
	const struct fetch *f;
	struct buf *out;
	struct err *e; /* why it was cut short, when we have done that */
};

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *where)
{
	struct transfer *t = arg;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    t->f->check(t->f->arg, &where->addr, t->e) < 0)
		return CURL_SOCKET_BAD;
	return socket(
	    where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
}

static size_t
on_body(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	if (buf_add(t->out, p, size * count) == 0)
		return size * count;
	err_set(t->e, KIND_DENIED, "the answer is longer than %zu bytes",
	    t->out->max);
	return 0;
}

static CURLcode
set_options(CURL *c, struct transfer *t, char *reason)
{
	CURLcode rc = transfer_rules(c);

	TRANSFER_SET(CURLOPT_FOLLOWLOCATION, 1L);
	TRANSFER_SET(CURLOPT_MAXREDIRS, (long)FETCH_REDIRECTS_MAX);
	TRANSFER_SET(CURLOPT_SSL_VERIFYPEER, 0L);
	TRANSFER_SET(CURLOPT_SSL_VERIFYHOST, 0L);
	TRANSFER_SET(CURLOPT_FAILONERROR, 1L);
	TRANSFER_SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	TRANSFER_SET(CURLOPT_TIMEOUT_MS, (long)t->f->total_ms);
	TRANSFER_SET(CURLOPT_PROTOCOLS_STR, "http,https");
	TRANSFER_SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	TRANSFER_SET(CURLOPT_PROXY, "");
	TRANSFER_SET(CURLOPT_NOPROXY, "*");
	TRANSFER_SET(CURLOPT_URL, t->f->url);
	TRANSFER_SET(CURLOPT_USERAGENT, t->f->user_agent);
	TRANSFER_SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	TRANSFER_SET(CURLOPT_OPENSOCKETDATA, t);
	TRANSFER_SET(CURLOPT_WRITEFUNCTION, on_body);
	TRANSFER_SET(CURLOPT_WRITEDATA, t);
	TRANSFER_SET(CURLOPT_ERRORBUFFER, reason);
	return rc;
}

int
fetch_get(const struct fetch *f, struct buf *out, struct err *e)
{
	struct transfer t = {.f = f, .out = out, .e = e};
	char reason[CURL_ERROR_SIZE] = "";
	CURL *c = curl_easy_init();
	CURLcode rc = CURLE_FAILED_INIT;
	bool is_ours;

	if (c)
		rc = set_options(c, &t, reason);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(c);
	curl_easy_cleanup(c);
	if (rc == CURLE_OK) {
		err_clear(e); /* another address was taken */
		return 0;
	}
	is_ours = rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_URL_MALFORMAT;
	return err_set(e, is_ours ? KIND_DENIED : KIND_BUSY, "%s",
	    reason[0] ? reason : curl_easy_strerror(rc));
}
