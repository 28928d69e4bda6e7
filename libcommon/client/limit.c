#include "client/limit.h"

#include <arpa/inet.h>

#include "conf/value.h"
#include "store/fqdn_set.h"
#include "store/renewal_info.h"
#include "store/upstream_use.h"
#include "sys/file.h"
#include "wrap/inifile.h"
#include "wrap/suffix.h"

/* What is under way is looked at again: it may well have gone well. */
#define UNDER_WAY_S 60
#define SECONDS_MAX (366LL * 86400)

/* ---- the file ------------------------------------------------------------ */

static const struct {
	const char *key;
	size_t offset;
} keys[] = {
    {"orders_per_account", offsetof(struct limits, orders_per_account)},
    {"certificates_per_set", offsetof(struct limits, certificates_per_set)},
    {"certificates_per_domain",
	offsetof(struct limits, certificates_per_domain)},
    {"failures_per_name", offsetof(struct limits, failures_per_name)},
};

struct reading {
	const char *ca;
	struct limits *out;
};

int
limit_parse(const char *text, struct limit *out, struct err *e)
{
	static const struct value_rule count = {
	    .type = VALUE_NUMBER, .min = 1, .max = LIMIT_COUNT_MAX};
	static const struct value_rule seconds = {
	    .type = VALUE_DURATION, .min = 1, .max = SECONDS_MAX};
	const char *slash = strchr(text, '/');
	char *number = xstrndup(text, strcspn(text, "/"));
	int rc = slash ? value_set(&out->count, &count, number, e)
		       : err_set(e, KIND_CONF, "must be COUNT/DURATION");

	free(number);
	return rc < 0 ? -1 : value_set(&out->seconds, &seconds, slash + 1, e);
}

static int
keep(struct limits *out, size_t key, const struct limit *l, struct err *e)
{
	struct limit *known = (void *)((char *)(void *)out + keys[key].offset);

	if (known->count != 0)
		return err_set(e, KIND_CONF, "%s: stands twice", keys[key].key);
	*known = *l;
	return 0;
}

static int
read_line(const struct inifile_line *line, void *arg, struct err *e)
{
	struct reading *r = arg;
	struct limit l = {0};

	if (!line->key || strcmp(line->key, "version") == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].key, line->key) != 0)
			continue;
		if (limit_parse(line->value, &l, e) < 0)
			return err_object(e, "%s", line->key);
		return strcmp(line->section, r->ca) == 0
		    ? keep(r->out, i, &l, e)
		    : 0;
	}
	return err_set(e, KIND_CONF, "%s: no limit that is known", line->key);
}

int
limits_read(const char *name, const char *text, size_t len, const char *ca,
    struct limits *out, struct err *e)
{
	struct reading r = {.ca = ca, .out = out};

	*out = (struct limits){0};
	return inifile_read(name, text, len, read_line, &r, e);
}

int
limits_load(const char *path, struct buf *text, struct err *e)
{
	return file_read(path, text, e) == 0 ? 0
					     : err_forgive(e, KIND_NOTFOUND);
}

/* ---- counting ------------------------------------------------------------ */

/*
 * The generic cell rate algorithm: each token taken moves the time at which the
 * bucket is full by the time in which one fills.  Times are in milliseconds,
 * since 300 in 3 hours is no whole number of seconds for other counts.
 */
int64_t
limit_free_at(
    const struct limit *l, const int64_t *used, size_t len, int64_t now)
{
	int64_t full = 0, each, late;

	if (l->count == 0)
		return 0;
	each = l->seconds * 1000 / l->count;
	for (size_t i = len; i-- > 0;)
		full = (full > used[i] * 1000 ? full : used[i] * 1000) + each;
	late = full + each - (now + l->seconds) * 1000;
	return late <= 0 ? 0 : now + (late + 999) / 1000;
}

/* ---- what names are counted under ---------------------------------------- */

#define NETWORK_BYTES 8

static void
add_address(struct strv *out, const char *text)
{
	unsigned char raw[sizeof(struct in6_addr)];
	char network[INET6_ADDRSTRLEN];
	char *prefix;

	if (inet_pton(AF_INET6, text, raw) != 1) {
		strv_add(out, text);
		return;
	}
	memset(raw + NETWORK_BYTES, 0, sizeof(raw) - NETWORK_BYTES);
	inet_ntop(AF_INET6, raw, network, sizeof(network));
	prefix = xasprintf("%s/%d", network, NETWORK_BYTES * 8);
	strv_add(out, prefix);
	free(prefix);
}

void
limits_add_registered(
    const struct suffix_list *l, const char *name, bool is_ip, struct strv *out)
{
	if (is_ip)
		add_address(out, name);
	else
		strv_add(out,
		    suffix_registered(
			l, name + (str_starts(name, "*.") ? 2 : 0)));
}

void
limits_registered(const struct suffix_list *l, const struct strv *dns,
    const struct strv *ip, struct strv *out)
{
	for (size_t i = 0; i < dns->len; i++)
		limits_add_registered(l, dns->v[i], false, out);
	for (size_t i = 0; i < ip->len; i++)
		limits_add_registered(l, ip->v[i], true, out);
	strv_sort_unique(out);
}

/* ---- an order ------------------------------------------------------------ */

/* One limit, and what has been used of it. */
struct rule {
	const char *name;
	const struct limit *limit;
	int (*count)(struct store *st, const struct limits_order *o,
	    const char *subject, struct upstream_use *use, struct err *e);
	size_t ahead; /* what the store does not have yet */
};

static int
count_orders(struct store *st, const struct limits_order *o,
    const char *subject, struct upstream_use *use, struct err *e)
{
	(void)subject;
	return upstream_use_orders(st, o->upstream_account_id, o->id, use, e);
}

static int
count_set(struct store *st, const struct limits_order *o, const char *subject,
    struct upstream_use *use, struct err *e)
{
	(void)subject;
	return upstream_use_set(
	    st, o->fqdn_set_id, o->upstream_account_id, o->id, use, e);
}

static int
count_domain(struct store *st, const struct limits_order *o,
    const char *subject, struct upstream_use *use, struct err *e)
{
	return upstream_use_domain(
	    st, subject, o->upstream_account_id, o->id, use, e);
}

static int
count_failures(struct store *st, const struct limits_order *o,
    const char *subject, struct upstream_use *use, struct err *e)
{
	return upstream_use_failures(
	    st, subject, o->upstream_account_id, o->id, use, e);
}

/* An order, and the longest it has to wait for so far. */
struct judging {
	struct store *st;
	const struct limits_order *order;
	int64_t now;
	struct limits_wait *wait;
};

static int
judge_by(struct judging *j, const struct rule *r, const char *subject,
    enum upstream_use_by by, struct err *e)
{
	/* What is older than the time in which all fill has no effect, nor has
	 * more than a full bucket and what fills meanwhile. */
	struct upstream_use use = {.max = 2 * (size_t)r->limit->count,
	    .since = j->now - 2 * r->limit->seconds,
	    .by = by};
	int64_t at = 0, *used;
	int rc;

	if (r->limit->count == 0)
		return 0;
	used = xcalloc(r->ahead + use.max, sizeof(*used));
	for (size_t i = 0; i < r->ahead; i++)
		used[i] = j->now;
	use.at = used + r->ahead;
	rc = r->count(j->st, j->order, subject, &use, e);
	if (rc == 0)
		at = limit_free_at(r->limit, used, r->ahead + use.len, j->now);
	if (at > j->now + UNDER_WAY_S && use.under_way > 0 &&
	    limit_free_at(r->limit, use.at + use.under_way,
		use.len - use.under_way, j->now) == 0)
		at = j->now + UNDER_WAY_S;
	free(used);
	if (at > j->wait->at) {
		j->wait->at = at;
		j->wait->rule = r->name;
		snprintf(
		    j->wait->subject, sizeof(j->wait->subject), "%s", subject);
	}
	return rc;
}

static int
judge(
    struct judging *j, const struct rule *r, const char *subject, struct err *e)
{
	return judge_by(j, r, subject, UPSTREAM_USE_BY_ALL, e);
}

/* One that new names and renewals share: also what its own kind has used. */
static int
judge_shared(
    struct judging *j, const struct rule *r, const char *subject, struct err *e)
{
	const struct limits_share *share = &j->order->share;
	struct limit part = *r->limit;
	struct rule own = *r;

	if (judge(j, r, subject, e) < 0)
		return -1;
	if (share->percent == 0 || part.count == 0)
		return 0;
	part.count = part.count * share->percent / 100;
	if (part.count == 0)
		part.count = 1;
	own.limit = &part;
	return judge_by(j, &own, subject,
	    share->is_renewal ? UPSTREAM_USE_BY_RENEWALS : UPSTREAM_USE_BY_NEW,
	    e);
}

static int
judge_each(struct judging *j, const struct rule *r, const struct strv *subjects,
    struct err *e)
{
	for (size_t i = 0; i < subjects->len; i++)
		if (judge(j, r, subjects->v[i], e) < 0)
			return -1;
	return 0;
}

/* Those that hold for renewals as well. */
static int
judge_all(struct judging *j, const struct limits *l, struct err *e)
{
	const struct rule set = {
	    "certificates_per_set", &l->certificates_per_set, count_set, 0};
	const struct rule failures = {
	    "failures_per_name", &l->failures_per_name, count_failures, 0};
	struct strv names = {0};
	int rc = judge(j, &set, "", e);

	if (rc == 0 && l->failures_per_name.count > 0)
		rc = fqdn_set_names(j->st, j->order->fqdn_set_id, &names, e);
	if (rc == 0)
		rc = judge_each(j, &failures, &names, e);
	strv_release(&names);
	return rc;
}

static int
judge_new(struct judging *j, const struct limits *l,
    const struct strv *registered, struct err *e)
{
	const struct rule orders = {"orders_per_account",
	    &l->orders_per_account, count_orders, j->order->ahead};
	const struct rule domain = {"certificates_per_domain",
	    &l->certificates_per_domain, count_domain,
	    j->order->ahead_in_domain};
	int rc = judge_shared(j, &orders, "", e);

	for (size_t i = 0; rc == 0 && i < registered->len; i++)
		rc = judge_shared(j, &domain, registered->v[i], e);
	return rc;
}

static int
judge_made(struct judging *j, const struct limits *l, struct err *e)
{
	struct strv domains = {0};
	int rc = 0;

	if (l->certificates_per_domain.count > 0)
		rc = upstream_use_domains(j->st, j->order->id, &domains, e);
	if (rc == 0)
		rc = judge_new(j, l, &domains, e);
	strv_release(&domains);
	return rc;
}

int
limits_new(const struct limits *l, struct store *st,
    const struct limits_order *o, const struct strv *registered, int64_t now,
    struct limits_wait *out, struct err *e)
{
	struct judging j = {.st = st, .order = o, .now = now, .wait = out};

	*out = (struct limits_wait){0};
	return judge_new(&j, l, registered, e);
}

/*
 * Outside of the window, as the CA has given it last, such an order is one like
 * any other.
 */
static int
is_in_window(struct store *st, int64_t certificate_id, int64_t now, bool *yes,
    struct err *e)
{
	struct renewal_info r;

	*yes = false;
	if (certificate_id == 0)
		return 0;
	if (renewal_info_load(st, certificate_id, &r, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	*yes = r.window_start <= now && now < r.window_end;
	renewal_info_release(&r);
	return 0;
}

bool
limits_any(const struct limits *l)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct limit *at =
		    (const void *)((const char *)(const void *)l +
			keys[i].offset);

		if (at->count > 0)
			return true;
	}
	return false;
}

int
limits_order(const struct limits *l, struct store *st,
    const struct limits_order *o, int64_t now, struct limits_wait *out,
    struct err *e)
{
	struct judging j = {.st = st, .order = o, .now = now, .wait = out};
	bool is_renewal, is_exempt;

	*out = (struct limits_wait){0};
	if (is_in_window(st, o->replaces_id, now, &is_exempt, e) < 0)
		return -1;
	if (is_exempt)
		return 0;
	if (judge_all(&j, l, e) < 0 ||
	    upstream_use_is_renewal(
		st, o->fqdn_set_id, o->upstream_account_id, &is_renewal, e) < 0)
		return -1;
	return is_renewal ? 0 : judge_made(&j, l, e);
}
