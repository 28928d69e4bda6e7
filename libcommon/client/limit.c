#include "client/limit.h"

#include "conf/value.h"
#include "store/renewal_info.h"
#include "store/upstream_use.h"
#include "sys/file.h"
#include "wrap/inifile.h"

#define SECONDS_MAX (366LL * 86400)

/* ---- the file ------------------------------------------------------------ */

static const struct {
	const char *key;
	size_t offset;
} keys[] = {
    {"orders_per_account", offsetof(struct limits, orders_per_account)},
    {"certificates_per_set", offsetof(struct limits, certificates_per_set)},
};

struct reading {
	const char *ca;
	struct limits *out;
};

/* "300/3h": so many, all of which are there again after so long. */
static int
read_limit(const char *text, struct limit *out, struct err *e)
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
read_line(const struct inifile_line *line, void *arg, struct err *e)
{
	struct reading *r = arg;
	struct limit l = {0};

	if (!line->key || strcmp(line->key, "version") == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(keys[i].key, line->key) != 0)
			continue;
		if (read_limit(line->value, &l, e) < 0)
			return err_object(e, "%s", line->key);
		if (strcmp(line->section, r->ca) == 0)
			memcpy((char *)r->out + keys[i].offset, &l, sizeof(l));
		return 0;
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
	struct err why = {0};

	if (file_read(path, text, &why) == 0 || why.kind == KIND_NOTFOUND)
		return 0;
	*e = why;
	return -1;
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

typedef int count_fn(struct store *st, const struct limits_order *o,
    struct upstream_use *use, struct err *e);

static int
count_orders(struct store *st, const struct limits_order *o,
    struct upstream_use *use, struct err *e)
{
	return upstream_use_orders(st, o->upstream_account_id, use, e);
}

static int
count_set(struct store *st, const struct limits_order *o,
    struct upstream_use *use, struct err *e)
{
	return upstream_use_set(
	    st, o->fqdn_set_id, o->upstream_account_id, use, e);
}

static int
ask(const struct limit *l, count_fn *fn, struct store *st,
    const struct limits_order *o, int64_t now, int64_t *at, struct err *e)
{
	/* What is older than the time in which all fill has no effect, nor has
	 * more than a full bucket and what fills meanwhile. */
	struct upstream_use use = {
	    .max = 2 * (size_t)l->count, .since = now - 2 * l->seconds};
	int rc;

	*at = 0;
	if (l->count == 0)
		return 0;
	use.at = xcalloc(use.max, sizeof(*use.at));
	rc = fn(st, o, &use, e);
	if (rc == 0)
		*at = limit_free_at(l, use.at, use.len, now);
	free(use.at);
	return rc;
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
	struct err why = {0};

	*yes = false;
	if (certificate_id == 0)
		return 0;
	if (renewal_info_load(st, certificate_id, &r, &why) < 0) {
		if (why.kind != KIND_NOTFOUND)
			*e = why;
		return why.kind == KIND_NOTFOUND ? 0 : -1;
	}
	*yes = r.window_start <= now && now < r.window_end;
	renewal_info_release(&r);
	return 0;
}

int
limits_order(const struct limits *l, struct store *st,
    const struct limits_order *o, int64_t now, int64_t *at, const char **rule,
    struct err *e)
{
	bool is_renewal, is_exempt;

	*at = 0;
	*rule = NULL;
	if (is_in_window(st, o->replaces_id, now, &is_exempt, e) < 0)
		return -1;
	if (is_exempt)
		return 0;
	if (ask(&l->certificates_per_set, count_set, st, o, now, at, e) < 0)
		return -1;
	*rule = "certificates_per_set";
	if (*at > 0)
		return 0;
	if (upstream_use_is_renewal(st, o->fqdn_set_id, &is_renewal, e) < 0)
		return -1;
	*rule = "orders_per_account";
	return is_renewal
	    ? 0
	    : ask(&l->orders_per_account, count_orders, st, o, now, at, e);
}
