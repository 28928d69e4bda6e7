#include "jobs/fetcher.h"

#include <unistd.h>

#include "base/log.h"
#include "policy/address.h"
#include "sys/fd.h"
#include "sys/frame.h"
#include "wrap/fetch.h"

#define URL_MAX 4096
#define USER_AGENT "acmed/" ACMED_VERSION
#define MARGIN_MS 5000 /* beyond its own time, the other process is stuck */

/* An answer: the kind of error, or KIND_NONE, and the body or the reason. */
#define ANSWER_MAX (1 + FETCHER_BODY_MAX)

/* ---- the process with the network ---------------------------------------- */

struct network {
	const struct fetcher_options *o;
	struct address_policy policy;
};

static int
check_address(void *arg, const struct sockaddr *sa, struct err *e)
{
	struct network *n = arg;
	struct address a;
	uint16_t port;

	if (!address_from_sockaddr(sa, &a, &port))
		return err_set(e, KIND_DENIED, "not an internet address");
	for (size_t i = 0; i < n->o->ports_len; i++)
		if (n->o->ports[i] == port)
			return address_policy_check(&n->policy, &a, e);
	return err_set(e, KIND_DENIED,
	    "port %u is not among those that may be connected to", port);
}

static int
answer(struct network *n, int fd, const char *url, struct err *e)
{
	const struct fetch f = {.url = url,
	    .user_agent = USER_AGENT,
	    .total_ms = n->o->total_ms,
	    .check = check_address,
	    .arg = n};
	struct err why = {0};
	struct buf body, out;
	int rc;

	buf_init(&body, FETCHER_BODY_MAX);
	buf_init(&out, ANSWER_MAX);
	rc = fetch_get(&f, &body, &why);
	buf_addc(&out, (char)(rc < 0 ? why.kind : KIND_NONE));
	if (rc < 0)
		buf_adds(&out, why.text);
	else
		buf_add(&out, body.data, body.len);
	rc = frame_write(fd, out.data, out.len, FD_FOREVER, e);
	buf_release(&body);
	buf_release(&out);
	return rc;
}

static int
serve(int fd, const struct fetcher_options *o, struct err *e)
{
	struct network n = {.o = o};
	struct strv none = {0};
	struct buf url;
	int rc = address_policy_init(&n.policy, o->allowed, &none, e);

	buf_init(&url, URL_MAX);
	if (rc == 0)
		rc = o->confine(o->arg, e);
	while (rc == 0 && frame_read(fd, &url, FD_FOREVER, e) > 0)
		rc = answer(&n, fd, url.data, e);
	address_policy_release(&n.policy);
	buf_release(&url);
	return rc;
}

/* Ends when the other side of `fd` is closed. */
static void
live(int fd, void *arg)
{
	struct err e = {0};

	if (serve(fd, arg, &e) < 0)
		log_err("fetch", &e);
	_exit(err_exit(&e));
}

/* ---- the other side ------------------------------------------------------ */

int
fetcher_start(struct fetcher *f, const struct fetcher_options *o, struct err *e)
{
	const struct helper_options how = {
	    .live = live, .arg = (void *)(uintptr_t)o, .keep = -1};

	f->total_ms = o->total_ms;
	return helper_start(&f->helper, &how, e);
}

int
fetcher_get(struct fetcher *f, const char *url, struct buf *body, struct err *e)
{
	struct buf question, in;
	int rc;

	if (strlen(url) >= URL_MAX)
		return err_set(e, KIND_DENIED, "the URL is too long");
	buf_init(&question, URL_MAX);
	buf_init(&in, ANSWER_MAX);
	buf_adds(&question, url);
	rc = helper_ask(&f->helper, &question, &in, f->total_ms + MARGIN_MS, e);
	if (rc == 0 && in.len == 0)
		rc = err_set(e, KIND_BUG, "an answer without a kind");
	else if (rc == 0 && in.data[0] != (char)KIND_NONE)
		rc = err_set(e,
		    in.data[0] < KIND__MAX ? (enum err_kind)in.data[0]
					   : KIND_BUSY,
		    "%s", in.data + 1);
	else if (rc == 0)
		rc = buf_add(body, in.data + 1, in.len - 1);
	buf_release(&question);
	buf_release(&in);
	return rc;
}

void
fetcher_stop(struct fetcher *f)
{
	if (f)
		helper_stop(&f->helper);
}
