#include "wrap/web.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/str.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "wrap/transfer_part.h"

#define EVENTS_AT_ONCE 64

struct web {
	CURLM *multi;
	int epoll;
	int64_t timer; /* clock_mono of curl's next timeout, or -1 */
	struct web_transfer *transfers; /* under way */
};

struct web_transfer {
	struct web_transfer *next, **prev;
	CURL *curl;
	struct curl_slist *connect_to;
	struct curl_slist *fields;
	struct sockaddr_storage address; /* the only one it may connect to */
	int fd; /* its socket, or -1 */
	char body[WEB_BODY_MAX];
	size_t body_len;
	bool is_cut;
	bool is_flood; /* more than WEB_BYTES_MAX */
	size_t head_len;
	char reason[CURL_ERROR_SIZE];
	web_callback *fn;
	void *arg;
};

/* ---- libcurl's callbacks ------------------------------------------------- */

static int
on_socket(CURL *curl, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct web *w = arg;
	struct epoll_event ev = {.data.fd = fd};

	(void)curl;
	(void)socket_arg;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(w->epoll, EPOLL_CTL_DEL, fd, &ev);
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(w->epoll, EPOLL_CTL_MOD, fd, &ev) < 0)
		epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &ev);
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct web *w = arg;

	(void)multi;
	w->timer = ms < 0 ? -1 : clock_mono() + ms;
	return 0;
}

static bool
same_address(const struct sockaddr *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;

	if (a->sa_family != b->ss_family)
		return false;
	if (a->sa_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		    a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->sa_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, 16) == 0;
}

/* The last word on where we connect, whatever libcurl made of the URL. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *where)
{
	struct web_transfer *t = arg;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    !same_address(&where->addr, &t->address))
		return CURL_SOCKET_BAD;
	t->fd = socket(
	    where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
	return t->fd;
}

/*
 * The callbacks above see heads and bodies, and not what is between chunks, of
 * which there may be as much as the server likes.
 */
static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct web_transfer *t = arg;
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	int unread = 0;

	(void)a, (void)b, (void)c, (void)d;
	if (t->fd < 0 ||
	    getsockopt(t->fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ||
	    ioctl(t->fd, SIOCINQ, &unread) < 0)
		return 0;
	t->is_flood =
	    info.tcpi_bytes_received > WEB_BYTES_MAX + (uint64_t)unread;
	return t->is_flood;
}

static size_t
on_head(char *p, size_t size, size_t count, void *arg)
{
	struct web_transfer *t = arg;

	(void)p;
	t->head_len += size * count;
	return t->head_len > WEB_HEAD_MAX ? 0 : size * count;
}

static size_t
on_body(char *p, size_t size, size_t count, void *arg)
{
	struct web_transfer *t = arg;
	size_t len = size * count;
	size_t room = sizeof(t->body) - t->body_len;

	t->is_cut = len > room;
	if (t->is_cut)
		len = room;
	memcpy(t->body + t->body_len, p, len);
	t->body_len += len;
	return t->is_cut ? 0 : size * count;
}

/* ---- transfers ----------------------------------------------------------- */

static void
free_transfer(struct web *w, struct web_transfer *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	if (t->curl) {
		curl_multi_remove_handle(w->multi, t->curl);
		curl_easy_cleanup(t->curl);
	}
	curl_slist_free_all(t->connect_to);
	curl_slist_free_all(t->fields);
	free(t);
}

/* The entry that sends every host and port to the one address. */
static struct curl_slist *
connect_entry(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	char ip[INET6_ADDRSTRLEN], entry[INET6_ADDRSTRLEN + 16];

	if (address->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in4->sin_addr, ip, sizeof(ip));
		snprintf(
		    entry, sizeof(entry), "::%s:%u", ip, ntohs(in4->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip));
		snprintf(entry, sizeof(entry), "::[%s]:%u", ip,
		    ntohs(in6->sin6_port));
	}
	return curl_slist_append(NULL, entry);
}

/* What holds for every request. */
static CURLcode
set_rules(CURL *c)
{
	CURLcode rc = transfer_rules(c);

	TRANSFER_SET(CURLOPT_PROTOCOLS_STR, "http,https");
	TRANSFER_SET(CURLOPT_FOLLOWLOCATION, 0L);
	TRANSFER_SET(CURLOPT_PROXY, "");
	TRANSFER_SET(CURLOPT_NOPROXY, "*");
	TRANSFER_SET(CURLOPT_PATH_AS_IS, 1L);
	TRANSFER_SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	TRANSFER_SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	TRANSFER_SET(CURLOPT_FRESH_CONNECT, 1L);
	TRANSFER_SET(CURLOPT_FORBID_REUSE, 1L);
	TRANSFER_SET(CURLOPT_SSL_VERIFYPEER, 0L);
	TRANSFER_SET(CURLOPT_SSL_VERIFYHOST, 0L);
	TRANSFER_SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
	TRANSFER_SET(CURLOPT_BUFFERSIZE, 1024L);
	return rc;
}

static CURLcode
set_request(struct web_transfer *t, const struct web_request *r)
{
	CURL *c = t->curl;
	CURLcode rc = set_rules(c);

	TRANSFER_SET(CURLOPT_URL, r->url);
	TRANSFER_SET(CURLOPT_USERAGENT, r->user_agent);
	TRANSFER_SET(CURLOPT_CONNECT_TO, t->connect_to);
	TRANSFER_SET(CURLOPT_HTTPHEADER, t->fields);
	TRANSFER_SET(CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_ms);
	TRANSFER_SET(CURLOPT_TIMEOUT_MS, (long)r->total_ms);
	TRANSFER_SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	TRANSFER_SET(CURLOPT_OPENSOCKETDATA, t);
	TRANSFER_SET(CURLOPT_HEADERFUNCTION, on_head);
	TRANSFER_SET(CURLOPT_HEADERDATA, t);
	TRANSFER_SET(CURLOPT_WRITEFUNCTION, on_body);
	TRANSFER_SET(CURLOPT_WRITEDATA, t);
	TRANSFER_SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	TRANSFER_SET(CURLOPT_XFERINFODATA, t);
	TRANSFER_SET(CURLOPT_NOPROGRESS, 0L);
	TRANSFER_SET(CURLOPT_ERRORBUFFER, t->reason);
	TRANSFER_SET(CURLOPT_PRIVATE, t);
	return rc;
}

struct web_transfer *
web_start(struct web *w, const struct web_request *r, web_callback *fn,
    void *arg, struct err *e)
{
	struct web_transfer *t = xcalloc(1, sizeof(*t));
	CURLcode rc = CURLE_OUT_OF_MEMORY;

	t->fn = fn;
	t->arg = arg;
	t->fd = -1;
	t->address = *r->address;
	t->connect_to = connect_entry(r->address);
	transfer_add_field(&t->fields, "Accept-Encoding", "identity");
	t->curl = curl_easy_init();
	t->prev = &w->transfers;
	t->next = w->transfers;
	if (t->next)
		t->next->prev = &t->next;
	w->transfers = t;
	if (t->curl && t->connect_to)
		rc = set_request(t, r);
	if (transfer_begin(w->multi, t->curl, rc, e) == 0)
		return t;
	free_transfer(w, t);
	return NULL;
}

void
web_cancel(struct web *w, struct web_transfer *t)
{
	if (t)
		free_transfer(w, t);
}

/* How a transfer ended. */
static enum web_outcome
outcome(struct web_transfer *t, CURLcode rc)
{
	curl_off_t connected = 0;

	curl_easy_getinfo(t->curl, CURLINFO_CONNECT_TIME_T, &connected);
	if (t->is_flood) {
		snprintf(t->reason, sizeof(t->reason), "more than %d bytes",
		    WEB_BYTES_MAX);
		return WEB_BROKEN;
	}
	switch (rc) {
	case CURLE_OK:
		return WEB_ANSWER;
	case CURLE_WRITE_ERROR:
		if (t->is_cut)
			return WEB_ANSWER;
		snprintf(t->reason, sizeof(t->reason),
		    "the head is larger than %d bytes", WEB_HEAD_MAX);
		return WEB_BROKEN;
	case CURLE_COULDNT_CONNECT:
		return WEB_NO_CONNECTION;
	case CURLE_OPERATION_TIMEDOUT:
		return connected == 0 ? WEB_NO_CONNECTION : WEB_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CIPHER:
		return WEB_TLS;
	default:
		return WEB_BROKEN;
	}
}

/*
 * Where the Location field leads, as an absolute URL (RFC 9110 10.2.2); as it
 * stands when it is none; NULL when there is no such field.  libcurl's own
 * CURLINFO_REDIRECT_URL is there only when the whole body has been read.
 */
static char *
redirect_of(CURL *c)
{
	const unsigned flags =
	    CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE;
	struct curl_header *location;
	const char *base = NULL;
	char *made = NULL, *res;
	CURLU *u;

	if (curl_easy_header(c, "Location", 0, CURLH_HEADER, -1, &location) !=
	    CURLHE_OK)
		return NULL;
	u = curl_url();
	curl_easy_getinfo(c, CURLINFO_EFFECTIVE_URL, &base);
	if (!u || !base ||
	    curl_url_set(u, CURLUPART_URL, base, CURLU_PATH_AS_IS) !=
		CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, location->value, flags) !=
		CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &made, 0) != CURLUE_OK)
		made = NULL;
	res = xstrdup(made ? made : location->value);
	curl_free(made);
	curl_url_cleanup(u);
	return res;
}

static void
finish(void *arg, void *transfer, int rc)
{
	struct web *w = arg;
	struct web_transfer *t = transfer;
	struct web_response r = {.body = t->body, .body_len = t->body_len};
	char *redirect = redirect_of(t->curl);

	r.outcome = outcome(t, (CURLcode)rc);
	r.is_cut = t->is_cut;
	r.reason = t->reason[0] ? t->reason : curl_easy_strerror((CURLcode)rc);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &r.status);
	r.redirect = redirect;
	t->fn(t->arg, &r);
	free(redirect);
	free_transfer(w, t);
}

/* ---- the loop ------------------------------------------------------------ */

struct web *
web_new(struct err *e)
{
	struct web *w = xcalloc(1, sizeof(*w));

	w->timer = -1;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0)
		err_sys(e, "cannot wait for answers");
	else
		w->multi = transfer_multi(e);
	if (!w->multi) {
		web_free(w);
		return NULL;
	}
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
	curl_multi_setopt(
	    w->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return w;
}

void
web_free(struct web *w)
{
	struct web_transfer *t, *next;

	if (!w)
		return;
	for (t = w->transfers; t; t = next) {
		next = t->next;
		free_transfer(w, t);
	}
	if (w->multi)
		curl_multi_cleanup(w->multi);
	fd_close(&w->epoll);
	free(w);
}

int
web_fd(const struct web *w)
{
	return w->epoll;
}

int64_t
web_wait_ms(const struct web *w)
{
	int64_t left;

	if (w->timer < 0)
		return -1;
	left = w->timer - clock_mono();
	return left > 0 ? left : 0;
}

void
web_process(struct web *w)
{
	struct epoll_event ev[EVENTS_AT_ONCE];
	int running, n = epoll_wait(w->epoll, ev, EVENTS_AT_ONCE, 0);

	for (int i = 0; i < n; i++) {
		int how = 0;

		if (ev[i].events & (EPOLLIN | EPOLLHUP))
			how |= CURL_CSELECT_IN;
		if (ev[i].events & EPOLLOUT)
			how |= CURL_CSELECT_OUT;
		if (ev[i].events & EPOLLERR)
			how |= CURL_CSELECT_ERR;
		curl_multi_socket_action(
		    w->multi, ev[i].data.fd, how, &running);
	}
	if (w->timer >= 0 && w->timer <= clock_mono()) {
		w->timer = -1;
		curl_multi_socket_action(
		    w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	transfer_reap(w->multi, finish, w);
}

/* ---- URLs ---------------------------------------------------------------- */

/* Copies one part of a URL; an absent one is "".  -1 when it does not fit. */
static int
take_part(CURLU *u, CURLUPart part, unsigned flags, char *out, size_t size)
{
	char *s = NULL;
	int used = 0;

	out[0] = '\0';
	if (curl_url_get(u, part, &s, flags) == CURLUE_OK)
		used = snprintf(out, size, "%s", s);
	curl_free(s);
	return used >= 0 && (size_t)used < size ? 0 : -1;
}

static int
take_parts(CURLU *u, struct web_url *out, struct err *e)
{
	char scheme[16], user[2], port[8], query[WEB_PATH_MAX];
	uint64_t number;
	size_t len;

	if (take_part(u, CURLUPART_SCHEME, 0, scheme, sizeof(scheme)) < 0 ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
		return err_set(e, KIND_INPUT, "scheme is not http or https");
	out->is_https = strcmp(scheme, "https") == 0;
	if (take_part(u, CURLUPART_USER, 0, user, sizeof(user)) < 0 ||
	    user[0] != '\0' ||
	    take_part(u, CURLUPART_PASSWORD, 0, user, sizeof(user)) < 0 ||
	    user[0] != '\0')
		return err_set(e, KIND_INPUT, "has a user name or password");
	if (take_part(u, CURLUPART_HOST, 0, out->host, sizeof(out->host)) < 0 ||
	    take_part(u, CURLUPART_PATH, 0, out->path, sizeof(out->path)) < 0 ||
	    take_part(u, CURLUPART_QUERY, 0, query, sizeof(query)) < 0)
		return err_set(e, KIND_INPUT, "is too long");
	if (take_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port,
		sizeof(port)) < 0 ||
	    !str_to_u64(port, UINT16_MAX, &number))
		return err_set(e, KIND_INPUT, "port is no port");
	out->port = (uint16_t)number;
	len = strlen(out->path);
	if (query[0] &&
	    (size_t)snprintf(out->path + len, sizeof(out->path) - len, "?%s",
		query) >= sizeof(out->path) - len)
		return err_set(e, KIND_INPUT, "is too long");
	return 0;
}

int
web_url_parse(const char *text, struct web_url *out, struct err *e)
{
	CURLU *u = curl_url();
	size_t len;
	int rc = -1;

	memset(out, 0, sizeof(*out));
	if (!u)
		return err_set(e, KIND_SYS, "libcurl cannot start");
	if (curl_url_set(u, CURLUPART_URL, text,
		CURLU_PATH_AS_IS | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		err_set(e, KIND_INPUT, "is no URL");
	else
		rc = take_parts(u, out, e);
	curl_url_cleanup(u);
	str_lower(out->host);
	len = strlen(out->host);
	if (out->host[0] == '[' && len > 2 && out->host[len - 1] == ']') {
		memmove(out->host, out->host + 1, len - 2);
		out->host[len - 2] = '\0';
	}
	return rc;
}

char *
web_url_format(const struct web_url *u)
{
	bool is_v6 = strchr(u->host, ':') != NULL;

	return xasprintf("%s://%s%s%s:%u%s", u->is_https ? "https" : "http",
	    is_v6 ? "[" : "", u->host, is_v6 ? "]" : "", u->port, u->path);
}
