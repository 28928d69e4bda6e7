#include "wrap/dns.h"

#include <strings.h>
#include <unbound.h>

#define CLASS_IN 1
#define RCODE_SERVFAIL 2
#define PACKET_HEAD 12
#define TYPE_CNAME 5
#define NAME_SIZE 256

static const struct {
	const char *name;
	int number;
} types[] = {
    [DNS_A] = {"A", 1},
    [DNS_AAAA] = {"AAAA", 28},
    [DNS_TXT] = {"TXT", 16},
    [DNS_PTR] = {"PTR", 12},
    [DNS_NS] = {"NS", 2},
};
_Static_assert(ARRAY_LEN(types) == DNS_TYPE__MAX, "one row per type");

struct dns {
	struct ub_ctx *ub;
	struct dns_query *queries; /* under way */
};

struct dns_query {
	struct dns_query *next, **prev;
	enum dns_type type;
	int id; /* libunbound's */
	dns_callback *fn;
	void *arg;
};

/*
 * What a library that may be woken once an hour must not do: remember.  A
 * challenge is tried again because its records have changed, and a resolver
 * that was down must not stay down for us.  As for the rest, see dns.h and
 * RFC 5452.
 */
static const struct {
	const char *option;
	const char *value;
} settings[] = {
    {"do-not-query-localhost:", "no"},
    {"unblock-lan-zones:", "yes"},
    {"insecure-lan-zones:", "yes"},
    {"cache-max-ttl:", "0"},
    {"cache-max-negative-ttl:", "0"},
    {"infra-host-ttl:", "5"},
    {"infra-keep-probing:", "yes"},
    {"use-caps-for-id:", "yes"},
    {"qname-minimisation:", "no"},
    {"outgoing-range:", "256"},
    {"outgoing-num-tcp:", "32"},
    {"num-queries-per-thread:", "1024"},
};

/* Zones that libunbound answers by itself and that unblock-lan-zones leaves. */
static const char *const own_zones[] = {"test.", "invalid.", "home.arpa.",
    "127.in-addr.arpa.",
    ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
     "ip6.arpa.")};

static int
fail(struct err *e, const char *what, int code)
{
	err_set(e, code == UB_NOMEM ? KIND_SYS : KIND_CONF, "%s", what);
	return err_detail(e, "%s", ub_strerror(code));
}

/* ADDRESS, ADDRESS:PORT or [IPV6]:PORT becomes libunbound's ADDRESS@PORT. */
static void
spell_resolver(const char *text, char *out, size_t size)
{
	const char *end = strchr(text, ']');
	const char *colon = strrchr(text, ':');

	if (text[0] == '[' && end)
		snprintf(out, size, "%.*s%s%s", (int)(end - text - 1), text + 1,
		    end[1] == ':' ? "@" : "", end[1] == ':' ? end + 2 : "");
	else if (colon && strchr(text, ':') == colon)
		snprintf(
		    out, size, "%.*s@%s", (int)(colon - text), text, colon + 1);
	else
		snprintf(out, size, "%s", text);
}

static int
set_resolvers(struct ub_ctx *ub, const struct strv *resolvers, struct err *e)
{
	char spelled[128];
	int rc;

	if (resolvers->len == 0) {
		rc = ub_ctx_resolvconf(ub, NULL);
		if (rc != 0)
			return fail(e, "/etc/resolv.conf: cannot use it", rc);
		/* Without a hosts file there are only no such names. */
		ub_ctx_hosts(ub, NULL);
		return 0;
	}
	for (size_t i = 0; i < resolvers->len; i++) {
		spell_resolver(resolvers->v[i], spelled, sizeof(spelled));
		rc = ub_ctx_set_fwd(ub, spelled);
		if (rc != 0) {
			fail(e, "not an address of a resolver", rc);
			return err_object(
			    e, "[validate] resolver: %s", resolvers->v[i]);
		}
	}
	return 0;
}

static int
configure(struct ub_ctx *ub, const struct dns_options *options, struct err *e)
{
	int rc;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		rc = ub_ctx_set_option(
		    ub, settings[i].option, settings[i].value);
		if (rc != 0)
			return err_set(e, KIND_BUG,
			    "libunbound refuses the option %s %s",
			    settings[i].option, settings[i].value);
	}
	if (set_resolvers(ub, options->resolvers, e) < 0)
		return -1;
	if (options->trust_anchor_file) {
		rc = ub_ctx_add_ta_file(ub, options->trust_anchor_file);
		if (rc != 0) {
			fail(e, "cannot read trust anchors", rc);
			return err_object(e, "%s", options->trust_anchor_file);
		}
	}
	rc = ub_ctx_async(ub, 1);
	if (rc != 0)
		return fail(e, "libunbound cannot use a thread", rc);
	/* From here on the context is closed to options. */
	for (size_t i = 0; i < ARRAY_LEN(own_zones); i++) {
		rc = ub_ctx_zone_remove(ub, own_zones[i]);
		if (rc != 0)
			return fail(e, "libunbound cannot be set up", rc);
	}
	return 0;
}

struct dns *
dns_new(const struct dns_options *options, struct err *e)
{
	struct dns *d = xcalloc(1, sizeof(*d));

	d->ub = ub_ctx_create();
	if (!d->ub)
		err_set(e, KIND_SYS, "libunbound cannot start");
	else if (ub_ctx_debugout(d->ub, NULL) == 0 &&
	    configure(d->ub, options, e) == 0)
		return d;
	dns_free(d);
	return NULL;
}

void
dns_free(struct dns *d)
{
	struct dns_query *q, *next;

	if (!d)
		return;
	for (q = d->queries; q; q = next) {
		next = q->next;
		dns_cancel(d, q);
	}
	if (d->ub)
		ub_ctx_delete(d->ub);
	free(d);
}

int
dns_fd(const struct dns *d)
{
	return ub_fd(d->ub);
}

int
dns_process(struct dns *d, struct err *e)
{
	int rc = ub_process(d->ub);

	return rc == 0 ? 0 : fail(e, "libunbound has failed", rc);
}

const char *
dns_type_name(enum dns_type type)
{
	return types[type].name;
}

/* ---- records ------------------------------------------------------------- */

static int
decode_txt(const uint8_t *p, size_t len, struct buf *out)
{
	while (len > 0) {
		size_t part = *p;

		if (part + 1 > len)
			return -1;
		buf_add(out, p + 1, part);
		p += part + 1;
		len -= part + 1;
	}
	return out->full ? -1 : 0;
}

/* A name without compression; an odd byte in it makes it no host name. */
static int
decode_name(const uint8_t *p, size_t len, struct buf *out)
{
	while (len > 0 && *p != 0) {
		size_t part = *p;

		if (part > 63 || part + 2 > len)
			return -1;
		if (out->len > 0)
			buf_addc(out, '.');
		for (size_t i = 1; i <= part; i++) {
			char c = (char)p[i];

			if (c <= ' ' || c >= 0x7f || c == '.')
				return -1;
			buf_addc(out, c);
		}
		p += part + 1;
		len -= part + 1;
	}
	str_lower(out->data);
	return len != 1 || out->full ? -1 : 0;
}

int
dns_decode(enum dns_type type, const uint8_t *p, size_t len, struct buf *out)
{
	if (type == DNS_TXT)
		return decode_txt(p, len, out);
	if (type == DNS_PTR || type == DNS_NS)
		return decode_name(p, len, out);
	if (len != (type == DNS_A ? 4U : 16U))
		return -1;
	return buf_add(out, p, len);
}

/* The position behind the name at `at`, or 0 when it goes beyond `len`. */
static size_t
skip_name(const uint8_t *packet, size_t len, size_t at)
{
	while (at < len && packet[at] != 0) {
		if (packet[at] >= 0xc0)
			return at + 2 <= len ? at + 2 : 0;
		at += (size_t)packet[at] + 1;
	}
	return at < len ? at + 1 : 0;
}

static unsigned
read16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

int
dns_count_cnames(const uint8_t *packet, size_t len)
{
	unsigned questions, answers;
	size_t at = PACKET_HEAD;
	int found = 0;

	if (len < PACKET_HEAD)
		return -1;
	questions = read16(packet + 4);
	answers = read16(packet + 6);
	for (; questions > 0; questions--) {
		at = skip_name(packet, len, at);
		if (at == 0 || len - at < 4)
			return -1;
		at += 4;
	}
	for (; answers > 0; answers--) {
		at = skip_name(packet, len, at);
		if (at == 0 || len - at < 10 ||
		    len - at - 10 < read16(packet + at + 8))
			return -1;
		if (read16(packet + at) == TYPE_CNAME)
			found++;
		at += 10 + read16(packet + at + 8);
	}
	return found;
}

/* ---- queries ------------------------------------------------------------- */

static void
unlink_query(struct dns_query *q)
{
	*q->prev = q->next;
	if (q->next)
		q->next->prev = q->prev;
	free(q);
}

/* Sets status and reason from what libunbound says; records come later. */
static void
judge(const struct dns_query *q, int code, const struct ub_result *r,
    struct dns_answer *a, char *reason, size_t size)
{
	a->status = DNS_FAILED;
	if (code != 0 || !r) {
		snprintf(reason, size, "%s", ub_strerror(code));
	} else if (r->bogus) {
		a->status = DNS_BOGUS;
		snprintf(reason, size, "DNSSEC: %.160s",
		    r->why_bogus ? r->why_bogus : "bogus");
	} else if (r->nxdomain) {
		a->status = DNS_NXDOMAIN;
		snprintf(reason, size, "NXDOMAIN: there is no such name");
	} else if (r->rcode == RCODE_SERVFAIL) {
		snprintf(reason, size, "SERVFAIL: no usable answer");
	} else if (r->rcode != 0) {
		snprintf(reason, size, "answer code %d", r->rcode);
	} else if (dns_count_cnames(r->answer_packet, (size_t)r->answer_len) >
	    DNS_CNAMES_MAX) {
		snprintf(reason, size, "more than %d CNAMEs", DNS_CNAMES_MAX);
	} else if (!r->havedata) {
		a->status = DNS_NODATA;
		snprintf(reason, size, "the name has no %s record",
		    types[q->type].name);
	} else {
		a->status = DNS_FOUND;
		reason[0] = '\0';
	}
}

/* The last name of a chain of CNAMEs, or NULL. */
static const char *
canonical_name(const struct ub_result *r, char out[NAME_SIZE])
{
	size_t len = r && r->canonname ? strlen(r->canonname) : 0;

	if (len > 0 && r->canonname[len - 1] == '.')
		len--;
	if (len == 0 || len >= NAME_SIZE ||
	    strncasecmp(r->canonname, r->qname, len) == 0)
		return NULL;
	memcpy(out, r->canonname, len);
	out[len] = '\0';
	str_lower(out);
	return out;
}

static void
on_answer(void *arg, int code, struct ub_result *r)
{
	struct dns_query *q = arg;
	struct dns_record records[DNS_RECORDS_MAX];
	struct buf data[DNS_RECORDS_MAX];
	struct dns_answer a = {.records = records};
	char reason[200], canonical[NAME_SIZE];
	size_t used = 0;

	judge(q, code, r, &a, reason, sizeof(reason));
	a.reason = reason;
	a.canonical = canonical_name(r, canonical);
	for (size_t i = 0;
	     a.status == DNS_FOUND && r->data[i] && used < DNS_RECORDS_MAX;
	     i++) {
		struct buf *b = &data[used];

		buf_init(b, UINT16_MAX);
		used++;
		if (dns_decode(q->type, (const uint8_t *)r->data[i],
			(size_t)r->len[i], b) < 0)
			continue;
		records[a.len].data = b->data;
		records[a.len++].len = b->len;
	}
	if (a.status == DNS_FOUND && a.len == 0) {
		a.status = DNS_FAILED;
		snprintf(reason, sizeof(reason), "no %s record can be read",
		    types[q->type].name);
	}
	q->fn(q->arg, &a);
	unlink_query(q);
	while (used > 0)
		buf_release(&data[--used]);
	ub_resolve_free(r);
}

struct dns_query *
dns_start(struct dns *d, const char *name, enum dns_type type, dns_callback *fn,
    void *arg, struct err *e)
{
	struct dns_query *q = xcalloc(1, sizeof(*q));
	int rc;

	q->type = type;
	q->fn = fn;
	q->arg = arg;
	q->prev = &d->queries;
	q->next = d->queries;
	if (q->next)
		q->next->prev = &q->next;
	d->queries = q;
	rc = ub_resolve_async(
	    d->ub, name, types[type].number, CLASS_IN, q, on_answer, &q->id);
	if (rc == 0)
		return q;
	unlink_query(q);
	err_set(e, rc == UB_SYNTAX ? KIND_INPUT : KIND_SYS,
	    "cannot look up %s of %s", types[type].name, name);
	err_detail(e, "%s", ub_strerror(rc));
	return NULL;
}

void
dns_cancel(struct dns *d, struct dns_query *q)
{
	if (!q)
		return;
	ub_cancel(d->ub, q->id);
	unlink_query(q);
}
