#include "jobs/deploy_kind.h"
#include "jobs/primer.h"
#include "sys/clock.h"
#include "wrap/kv.h"

/* A Redis that gateways read, as redis-prime fills it. */

int
deploy_redis_check(const struct deploy_conf *c, struct err *e)
{
	struct primer_settings s;
	struct kv_place p;
	struct err why = {0};

	if (!c->redis.url)
		return err_set(e, KIND_CONF, "a Redis needs url");
	if (kv_place_parse(c->redis.url, &p, &why) < 0)
		return err_set(e, KIND_CONF, "url: %s", why.text);
	kv_place_release(&p);
	if (c->redis.password_file && c->redis.userpass_file)
		return err_set(
		    e, KIND_CONF, "password_file: not with userpass_file");
	if (c->remove && c->renewals.len > 0)
		return err_set(
		    e, KIND_CONF, "delete: only where all certificates are");
	return primer_settings_read(&s, &c->redis, NULL, e);
}

static void
failed(void *arg, int64_t certificate_id, const struct err *why)
{
	if (certificate_id != 0)
		deploying_fail(arg, certificate_id, why);
}

static int
goes_on(void *arg, int64_t names, struct err *e)
{
	(void)names;
	return deploying_keep(arg, e);
}

static int
prime(struct deploying *d, struct primer *p, int64_t now, struct err *e)
{
	int64_t *ids;
	size_t len;
	int rc = deploying_certificates(d, &ids, &len, e);

	if (rc == 0)
		rc = ids
		    ? serving_each_of(d->st, ids, len, now, primer_add, p, e)
		    : serving_each(d->st, now, primer_add, p, e);
	free(ids);
	if (rc == 0)
		rc = primer_finish(p, e);
	if (rc == 0 && d->complete && d->conf->remove)
		rc = primer_prune(p, false, e);
	return rc;
}

int
deploy_redis_run(struct deploying *d, struct err *e)
{
	struct primer_settings settings;
	struct primer_options o = {.st = d->st,
	    .seal = d->seal,
	    .kv = d->kv,
	    .settings = &settings,
	    .now = clock_now(),
	    .failed = failed,
	    .goes_on = goes_on,
	    .arg = d};
	struct primer *p = NULL;
	struct err why = {0};
	int rc;

	if (primer_settings_read(&settings, &d->conf->redis, NULL, e) == 0)
		p = primer_open(&o, e);
	rc = p ? prime(d, p, o.now, e) : -1;
	/* What was done before it failed is an event as well. */
	if (p && primer_note(p, &why) < 0 && rc == 0) {
		*e = why;
		rc = -1;
	}
	primer_close(p);
	return rc;
}
