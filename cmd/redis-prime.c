#include "cli/gateway.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/progress.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "cli/since.h"
#include "jobs/primer.h"
#include "store/sealing_key.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/kv.h"
#include "wrap/name.h"
#include "wrap/seal.h"

static const char usage_text[] =
    "usage: redis-prime [-hjqVv] [-c FILE] [-s URL] [-l SINK] [options]\n"
    "           --all | --changed-since TIME | NAME ... | -\n"
    "       redis-prime [options] --prune | --flush\n"
    "       redis-prime --detect\n"
    "Certificates and keys out of the store into the Redis of gateways.  NAME\n"
    "is a domain; - reads names from standard input.\n"
    "\n"
    "      --all               every name that a certificate serves\n"
    "      --changed-since TIME\n"
    "                          only what has changed since (a time or an age)\n"
    "      --style NAME        1 2 auto-ssl resty-acme kong traefik, instead\n"
    "                          of [redis] prime_style\n"
    "      --readme-keys       1, 2: also as the README of peter_sslers has "
    "it\n"
    "      --diff              print what would change, and write nothing\n"
    "      --verify            read all back, trust nothing that was written\n"
    "      --prune             remove names that nothing serves any more\n"
    "      --flush             remove all that was primed in this style\n"
    "      --detect            say what kinds of gateways this Redis feeds\n"
    "\n"
    "  -c, --config FILE       configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL         store, instead of [store] url\n"
    "  -j, --json              one object per line\n"
    "      --no-header         no line of column names\n"
    "  -l, --log SINK          stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet             print no counts, log warnings and errors only\n"
    "  -v, --verbose           log debug events as well\n"
    "  -h, --help              this text\n"
    "  -V, --version           the version\n";

#define STORE_CACHE ((int64_t)16 * 1024 * 1024) /* bytes */
#define DETECT_MAX INT64_C(1000000) /* keys */

static struct {
	bool all, readme_keys, diff, verify, prune, flush, detect;
	const char *style, *since;
} opt;

static const struct prog_option options[] = {
    {.name = "all", .type = PROG_FLAG, .value = &opt.all},
    {.name = "changed-since", .type = PROG_TEXT, .value = &opt.since},
    {.name = "style", .type = PROG_TEXT, .value = &opt.style},
    {.name = "readme-keys", .type = PROG_FLAG, .value = &opt.readme_keys},
    {.name = "diff", .type = PROG_FLAG, .value = &opt.diff},
    {.name = "verify", .type = PROG_FLAG, .value = &opt.verify},
    {.name = "prune", .type = PROG_FLAG, .value = &opt.prune},
    {.name = "flush", .type = PROG_FLAG, .value = &opt.flush},
    {.name = "detect", .type = PROG_FLAG, .value = &opt.detect},
    {0},
};

static int
check_options(const struct prog *p, int64_t *since, struct err *e)
{
	int which = opt.all + (opt.since != NULL) + (p->argc > 0);

	if (which > 1)
		return prog_misuse(
		    e, "one of --all, --changed-since and names, not several");
	if (opt.detect + opt.flush + (which > 0 || opt.prune) > 1)
		return prog_misuse(e, "--detect and --flush stand alone");
	if (which == 0 && !opt.prune && !opt.flush && !opt.detect)
		return prog_misuse(e, "which names? --all, or name them");
	if (opt.diff && opt.verify)
		return prog_misuse(e, "--diff writes nothing to verify");
	if (opt.detect && (opt.style || opt.readme_keys))
		return prog_misuse(e, "--detect looks for all styles");
	if (opt.style && !redis_format_by_name(opt.style))
		return prog_misuse(e, "--style %s: none of %s", opt.style,
		    redis_format_names());
	return opt.since ? since_parse("changed-since", opt.since, since, e)
			 : 0;
}

/* ---- what is told -------------------------------------------------------- */

struct work {
	struct prog *p;
	struct out out;
	struct progress progress;
	int64_t told; /* names */
};

static void
changed(void *arg, const char *key, enum primer_change change,
    int64_t certificate_id)
{
	struct work *w = arg;

	if (!opt.diff)
		return;
	out_text(&w->out, key);
	out_text(&w->out, primer_change_name(change));
	out_id(&w->out, certificate_id);
	out_end(&w->out);
}

static void
failed(void *arg, int64_t certificate_id, const struct err *why)
{
	struct err e = *why;

	if (certificate_id != 0)
		err_object(&e, "certificate %lld", (long long)certificate_id);
	prog_item_failed(((struct work *)arg)->p, &e);
}

static int
goes_on(void *arg, int64_t names, struct err *e)
{
	struct work *w = arg;

	progress_add(&w->progress, names - w->told);
	w->told = names;
	return sig_term()
	    ? err_set(e, KIND_BUSY, "stopped; the next run does the rest")
	    : 0;
}

static void
print_counts(const struct prog *p, const struct primer_counts *c)
{
	static const char *const columns[] = {"certcachain", "cert", "pkey",
	    "domain", "unchanged", "removed", "failed", NULL};
	struct out out;

	out_init(&out, p->json, !p->no_header, columns);
	for (size_t i = 0; i < REDIS_KIND__MAX; i++)
		out_int(&out, c->written[i]);
	out_int(&out, c->unchanged);
	out_int(&out, c->removed);
	out_int(&out, c->failed);
	out_end(&out);
}

/* ---- the work ------------------------------------------------------------ */

static int
check_serving(
    const struct serving *s, const struct redis_format *f, struct err *e)
{
	if (s->certificate_id == 0)
		return err_set(
		    e, KIND_NOTFOUND, "there is no certificate for it");
	if (s->disabled)
		return err_set(e, KIND_NOTFOUND,
		    "it is disabled, or the wildcard that would serve it");
	return redis_format_wants(f, s->name)
	    ? 0
	    : err_set(e, KIND_NOTFOUND,
		  "gateways of style %s ask for no such name", f->name);
}

static int
prime_name(struct primer *primer, const struct primer_options *o,
    const char *text, struct err *e)
{
	char *name = name_spell(text);
	struct serving s;
	int rc = serving_by_name(o->st, name, o->now, &s, e);

	if (rc == 0)
		rc = check_serving(&s, o->settings->format, e);
	else if (e->kind == KIND_INPUT)
		e->kind = KIND_NOTFOUND; /* as all that is no name */
	if (rc < 0)
		err_object(e, "%.255s", name);
	free(name);
	return rc < 0 ? -1 : primer_add(primer, &s, e);
}

/* One that is not there does not stop the rest. */
static int
prime_names(struct prog *p, struct primer *primer,
    const struct primer_options *o, const struct strv *names, struct err *e)
{
	for (size_t i = 0; i < names->len; i++) {
		struct err why = {0};

		if (prime_name(primer, o, names->v[i], &why) == 0)
			continue;
		if (why.kind != KIND_NOTFOUND) {
			*e = why;
			return -1;
		}
		prog_item_failed(p, &why);
	}
	return primer_finish(primer, e);
}

static int
prime(struct prog *p, struct primer *primer, const struct primer_options *o,
    const struct strv *names, int64_t since, struct err *e)
{
	int rc;

	if (opt.all)
		rc = primer_all(primer, opt.prune, e);
	else if (opt.since)
		rc = primer_since(primer, since, e);
	else
		rc = prime_names(p, primer, o, names, e);
	return rc == 0 && (opt.prune || opt.flush)
	    ? primer_prune(primer, opt.flush, e)
	    : rc;
}

static int
run_primer(struct prog *p, struct primer_options *o, const struct strv *names,
    int64_t since, struct err *e)
{
	struct work *w = o->arg;
	struct primer *primer = primer_open(o, e);
	struct err why = {0};
	int rc;

	if (!primer)
		return -1;
	progress_begin(&w->progress, "names");
	rc = prime(p, primer, o, names, since, e);
	progress_end(&w->progress);
	if (opt.diff)
		out_finish(&w->out);
	else if (!p->quiet)
		print_counts(p, primer_counts(primer));
	if (primer_note(primer, &why) < 0 && rc == 0) {
		*e = why;
		rc = -1;
	}
	primer_close(primer);
	return rc;
}

/* ---- what is there ------------------------------------------------------- */

struct detecting {
	struct out out;
	int64_t database;
};

static void
put_format(void *arg, const char *format, int64_t keys)
{
	struct detecting *d = arg;

	out_text(&d->out, format);
	out_int(&d->out, keys);
	out_int(&d->out, d->database);
	out_end(&d->out);
}

/* 1: a cluster has no other database, 0, -1. */
static int
detect_in(const struct prog *p, struct detecting *d, struct err *e)
{
	struct kv *k = gateway_open(&p->conf.redis, d->database, e);
	int rc = k ? primer_detect(k, DETECT_MAX, put_format, d, e) : -1;

	if (rc == 0)
		rc = kv_is_cluster(k);
	kv_close(k);
	return rc;
}

/* Where gateways look: in database 0, and those of peter_sslers in another. */
static int
detect(struct prog *p, struct err *e)
{
	static const char *const columns[] = {
	    "style", "keys", "database", NULL};
	int64_t databases[] = {0, redis_format_by_name("1")->database};
	size_t len = ARRAY_LEN(databases);
	struct kv_place place = {.database = KV_NO_DATABASE};
	struct detecting d;
	int rc = 0;

	if (p->conf.redis.url &&
	    kv_place_parse(p->conf.redis.url, &place, e) < 0)
		return err_object(e, "[redis] url");
	if (place.database != KV_NO_DATABASE) {
		databases[0] = place.database;
		len = 1;
	}
	kv_place_release(&place);
	out_init(&d.out, p->json, !p->no_header, columns);
	for (size_t i = 0; rc == 0 && i < len; i++) {
		d.database = databases[i];
		rc = detect_in(p, &d, e);
	}
	if (rc < 0)
		return -1;
	out_finish(&d.out);
	return 0;
}

/* All that needs rights: what is secret, the Redis, the store. */
static int
open_all(struct prog *p, struct primer_options *o, struct primer_settings *s,
    struct seal_key *room, struct err *e)
{
	if (primer_settings_read(s, &p->conf.redis, opt.style, e) < 0)
		return err_object(e, "[redis]");
	s->options.readme_keys |= opt.readme_keys;
	if (proc_harden(true, e) < 0 ||
	    secret_seal_key("certificate_key_file",
		p->conf.store.certificate_key_file, room, &o->seal, e) < 0)
		return -1;
	o->kv = gateway_open(&p->conf.redis, s->format->database, e);
	if (!o->kv)
		return -1;
	o->st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	if (!o->st)
		return -1;
	store_set_cache(o->st, STORE_CACHE);
	return sealing_key_check(o->st, "certificate_key_file", o->seal, e);
}

static int
run(struct prog *p, struct err *e)
{
	static const char *const columns[] = {
	    "key", "change", "certificate", NULL};
	struct work w = {.p = p};
	struct primer_settings settings;
	struct primer_options o = {.settings = &settings,
	    .now = clock_now(),
	    .dry_run = opt.diff,
	    .verify = opt.verify,
	    .changed = changed,
	    .failed = failed,
	    .goes_on = goes_on,
	    .arg = &w};
	struct seal_key room = {0};
	struct strv names = {0};
	int64_t since = 0;
	int rc;

	if (check_options(p, &since, e) < 0)
		return -1;
	sig_ignore_pipe(); /* the Redis may go */
	if (opt.detect)
		return detect(p, e);
	rc = operands_read(p, &names, e);
	out_init(&w.out, p->json, !p->no_header, columns);
	if (rc == 0)
		rc = open_all(p, &o, &settings, &room, e);
	sig_catch_term();
	if (rc == 0)
		rc = run_primer(p, &o, &names, since, e);
	store_close(o.st);
	kv_close(o.kv);
	explicit_bzero(&room, sizeof(room));
	strv_release(&names);
	return rc;
}

static const struct prog_command commands[] = {
    {.options = options,
	.operands_min = 0,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE | CONF_REDIS,
	.flags = PROG_JSON,
	.run = run},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
