#include "base/log.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/requests.h"
#include "cli/rights.h"
#include "cli/since.h"
#include "jobs/filecheck.h"
#include "jobs/servertls.h"
#include "policy/address.h"
#include "sign/local.h"
#include "store/certificate_list.h"
#include "store/check.h"
#include "store/event.h"
#include "store/purge.h"
#include "store/rekey.h"
#include "store/renewal.h"
#include "store/sealing_key.h"
#include "store/stats.h"
#include "store/store.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/seal.h"

#include <unistd.h>

static const char usage_text[] =
    "usage: acmed-store [-hqVv] [-c FILE] [-s URL] [-l SINK] COMMAND ...\n"
    "\n"
    "  init                make what is missing: store, CA, TLS certificate\n"
    "  migrate             bring the store to this program's version\n"
    "  check [-j]          look for what is broken; exit 1 if something is\n"
    "  backup FILE         copy the store, while it is in use\n"
    "  purge [--event-age DAYS]\n"
    "                      remove what has expired, and events and requests\n"
    "                      to CAs older than DAYS (365; 0: keep them)\n"
    "  stats [-j | --prometheus]\n"
    "                      count what there is\n"
    "  log [-j] [--since TIME] [--object TYPE/ID] [--last N]\n"
    "                      what was done; TIME is RFC 3339 or an age (36h)\n"
    "  log --upstream [-j] [--count] [--since TIME] [--object TYPE/ID] [--last "
    "N]\n"
    "                      what was sent to other CAs, and how often what\n"
    "  config --check | --print\n"
    "                      read all of the configuration; print it\n"
    "  tls-renew           renew the server's own certificate if it is due\n"
    "  rekey [--lost]      new sealing keys, and all private keys sealed "
    "anew,\n"
    "                      but for those under a key that is lost\n"
    "  renew-now [-jn] --all | --issuer TEXT | --serial HEX ...\n"
    "            [--spread TIME | --undo]\n"
    "                      tell clients to renew what our CA has issued, "
    "within\n"
    "                      TIME (6h), RFC 3339 or so long from now; or take\n"
    "                      that back\n"
    "\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -j, --json          an object per line, instead of tabs\n"
    "  -n, --dry-run       only count\n"
    "      --no-header     no line of column names\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         log warnings and errors only\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

#define PRINT_MAX ((size_t)1024 * 1024)

static int64_t event_age_days = 365;
static bool prometheus;
static const char *since, *object;
static int64_t last;
static bool config_check, config_print;
static const char *issuer, *spread;
static struct strv serials;
static bool all, undo;

static const struct prog_option purge_options[] = {
    {.name = "event-age",
	.type = PROG_NUMBER,
	.value = &event_age_days,
	.max = 36500},
    {0},
};

static const struct prog_option stats_options[] = {
    {.name = "prometheus", .type = PROG_FLAG, .value = &prometheus},
    {0},
};

static bool upstream, count;
static const struct prog_option log_options[] = {
    {.name = "upstream", .type = PROG_FLAG, .value = &upstream},
    {.name = "count", .type = PROG_FLAG, .value = &count},
    {.name = "since", .type = PROG_TEXT, .value = &since},
    {.name = "object", .type = PROG_TEXT, .value = &object},
    {.name = "last",
	.type = PROG_NUMBER,
	.value = &last,
	.min = 1,
	.max = INT32_MAX},
    {0},
};

static const struct prog_option renew_now_options[] = {
    {.name = "all", .type = PROG_FLAG, .value = &all},
    {.name = "issuer", .type = PROG_TEXT, .value = &issuer},
    {.name = "serial", .type = PROG_LIST, .value = &serials},
    {.name = "spread", .type = PROG_TEXT, .value = &spread},
    {.name = "undo", .type = PROG_FLAG, .value = &undo},
    {0},
};

static bool lost;
static const struct prog_option rekey_options[] = {
    {.name = "lost", .type = PROG_FLAG, .value = &lost},
    {0},
};

static const struct prog_option config_options[] = {
    {.name = "check", .type = PROG_FLAG, .value = &config_check},
    {.name = "print", .type = PROG_FLAG, .value = &config_print},
    {0},
};

/* Of two steps that may find their work done already. */
static int
made_or_there(int rc, const char *event, const char *path, struct err *e)
{
	if (rc < 0)
		return err_forgive(e, KIND_CONFLICT);
	log_event(LOG_LEVEL_DEBUG, event, "path", path, NULL);
	return 0;
}

static int
make_store(const struct conf *c, struct err *e)
{
	if (made_or_there(store_create(c->store.url, c->store.directory, e),
		"init.store", c->store.url, e) < 0)
		return -1;
	if (!c->store.group || geteuid() != 0)
		return 0;
	return store_share(c->store.url, c->store.directory, c->store.group, e);
}

static int
make_ca(const struct conf *c, struct err *e)
{
	if (strcmp(c->signer.backend, "local") != 0 ||
	    !(c->there & (CONF_SERVER | CONF_SIGNER | CONF_LOCAL_CA)))
		return 0;
	if (made_or_there(
		local_create(c, e), "init.ca", c->local_ca.directory, e) < 0)
		return -1;
	return local_give(c, e);
}

/* The server may have been started as its user, who then reads the key. */
static int
give_tls(const struct conf *c, enum servertls_result result, struct err *e)
{
	if (result != SERVERTLS_MADE)
		return 0;
	return file_give(c->server.tls_private_key, c->server.listener.user, e);
}

/* A new one is for `user`, if there is one: see give_tls. */
static int
make_seal(const char *path, const char *user, struct err *e)
{
	int rc;

	if (!path)
		return 0;
	rc = seal_key_create(path, e);
	if (rc == 0)
		rc = file_give(path, user, e);
	return made_or_there(rc, "init.seal", path, e);
}

/*
 * acmed-admin may be started as its user, too.  Others that need this key are
 * root's; without acmed-admin it stays root's alone.
 */
static int
make_certificate_seal(const struct conf *c, struct err *e)
{
	const char *path = c->store.certificate_key_file;

	if (!path)
		return 0;
	return make_seal(path, NULL, e) < 0
	    ? -1
	    : file_give(path, c->admin.listener.user, e);
}

/* A new one does not stand in for one that is lost. */
static int
check_seal(
    struct store *st, const char *setting, const char *path, struct err *e)
{
	struct err ignored = {0}; /* check tells */
	struct seal_key k;
	int rc = 0;

	if (path && seal_key_read(path, &k, &ignored) == 0) {
		rc = sealing_key_check(st, setting, &k, e);
		seal_key_wipe(&k);
	}
	return rc;
}

static int
check_all_seals(struct store *st, const struct conf_store *c, struct err *e)
{
	return check_seal(st, "certificate_key_file", c->certificate_key_file,
		   e) < 0 ||
		check_seal(st, "account_key_file", c->account_key_file, e) <
		    0 ||
		check_seal(st, "eab_key_file", c->eab_key_file, e) < 0
	    ? -1
	    : 0;
}

/* Each where the configuration says. */
static int
make_files(const struct conf *c, struct err *e)
{
	if (make_store(c, e) == 0 && make_certificate_seal(c, e) == 0 &&
	    make_seal(c->store.account_key_file, NULL, e) == 0 &&
	    make_seal(c->store.eab_key_file, c->server.listener.user, e) == 0 &&
	    make_ca(c, e) == 0)
		return 0;
	file_blame(e, KIND_CONF);
	return -1;
}

static int
init(struct prog *p, struct err *e)
{
	const struct conf *c = &p->conf;
	enum servertls_result result;
	struct store *st;
	int rc;

	if (proc_harden(true, e) < 0 || make_files(c, e) < 0)
		return -1;
	st = store_open(c->store.url, STORE_WRITE, e);
	if (!st)
		return -1;
	rc = servertls_ensure(c, st, &result, e);
	if (rc == 0)
		rc = give_tls(c, result, e);
	else
		file_blame(e, KIND_CONF);
	if (rc == 0 && result == SERVERTLS_MADE)
		log_event(LOG_LEVEL_DEBUG, "init.tls", "path",
		    c->server.tls_certificate, NULL);
	if (rc == 0)
		rc = check_all_seals(st, &c->store, e);
	store_close(st);
	return rc;
}

static int
tls_renew(struct prog *p, struct err *e)
{
	struct store *st;
	enum servertls_result result;
	int rc;

	if (proc_harden(true, e) < 0)
		return -1;
	st = store_open(p->conf.store.url, STORE_WRITE, e);
	if (!st)
		return -1;
	rc = servertls_renew(&p->conf, st, &result, e);
	if (rc == 0)
		rc = give_tls(&p->conf, result, e);
	else
		file_blame(e, KIND_CONF);
	if (rc == 0 && result == SERVERTLS_MADE)
		log_event(LOG_LEVEL_INFO, "tls.renewed", "path",
		    p->conf.server.tls_certificate, NULL);
	if (rc == 0 && result == SERVERTLS_FOREIGN)
		log_event(LOG_LEVEL_DEBUG, "tls.foreign", "path",
		    p->conf.server.tls_certificate, NULL);
	store_close(st);
	return rc;
}

static int
migrate(struct prog *p, struct err *e)
{
	char from_text[16], to_text[16];
	int from, to;

	if (store_migrate(p->conf.store.url, &from, &to, e) < 0)
		return -1;
	snprintf(from_text, sizeof(from_text), "%d", from);
	snprintf(to_text, sizeof(to_text), "%d", to);
	if (from != to)
		log_event(LOG_LEVEL_INFO, "store.migrated", "from", from_text,
		    "to", to_text, NULL);
	return 0;
}

/* Constraints are looked at only by who could write. */
static struct store *
open_for_check(const struct prog *p, struct err *e)
{
	struct err first = {0};
	struct store *st =
	    rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, &first);

	if (!st && first.kind == KIND_SYS)
		return rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	if (!st)
		*e = first;
	return st;
}

/* The sealing keys that can be read, and are not being changed. */
struct seals {
	struct seal_key keys[REKEY__MAX];
	bool there[REKEY__MAX];
	struct err why[REKEY__MAX]; /* not there, and no rekey is under way */
};

static int
read_seals(const struct conf_store *c, struct seals *s, struct err *e)
{
	const char *const paths[] = {
	    [REKEY_CERTIFICATES] = c->certificate_key_file,
	    [REKEY_ACCOUNTS] = c->account_key_file,
	    [REKEY_EAB] = c->eab_key_file,
	};

	if (proc_harden(true, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		char *next = paths[i] ? rekey_next_path(paths[i]) : NULL;

		s->there[i] = next && !file_exists(next) &&
		    seal_key_read(paths[i], &s->keys[i], &s->why[i]) == 0;
		if (!next)
			err_set(&s->why[i], KIND_CONF, "it is not set");
		free(next);
	}
	return 0;
}

/* As check_run: what is broken already may be in the way. */
static int
check_seals(struct store *st, const struct seals *s, struct strv *problems,
    struct err *e)
{
	struct err why = {0};
	bool broken = problems->len > 0;

	for (size_t i = 0; i < REKEY__MAX; i++) {
		struct err *to = broken ? &why : e;
		int rc = 0;

		if (s->there[i])
			rc = rekey_check(
			    st, (enum rekey_kind)i, &s->keys[i], problems, to);
		else if (err_is_set(&s->why[i]))
			rc = rekey_check_missing(
			    st, (enum rekey_kind)i, &s->why[i], problems, to);
		if (rc < 0)
			return broken ? 0 : -1;
	}
	return 0;
}

static int
check(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"problem", NULL};
	struct strv problems = {0};
	struct seals seals = {0};
	struct store *st = NULL;
	struct out o;
	size_t i;
	int rc;

	/* first, since with the store open little else can be read */
	filecheck_run(&p->conf, &problems);
	if (read_seals(&p->conf.store, &seals, e) == 0)
		st = open_for_check(p, e);
	rc = st ? check_run(st, &problems, e) : -1;
	if (rc == 0)
		rc = check_seals(st, &seals, &problems, e);
	for (i = 0; i < REKEY__MAX; i++)
		seal_key_wipe(&seals.keys[i]);
	/* what was found stays true when the rest cannot be looked at */
	out_init(&o, p->json, false, columns);
	for (i = 0; i < problems.len; i++) {
		out_text(&o, problems.v[i]);
		out_end(&o);
	}
	if (problems.len > 0)
		p->exit_code = 1;
	strv_release(&problems);
	store_close(st);
	return rc;
}

static int
backup(struct prog *p, struct err *e)
{
	struct store *st;
	int rc;

	if (strcmp(p->argv[0], "-") == 0 || p->argv[0][0] == '\0')
		return prog_misuse(
		    e, "backup: a copy needs the name of a file");
	st = rights_open_store(p, STORE_READ, SANDBOX_STORE_BACKUP, e);
	rc = st ? store_backup(st, p->argv[0], e) : -1;
	if (st)
		file_blame(e, KIND_INPUT);
	store_close(st);
	return rc;
}

static int
purge(struct prog *p, struct err *e)
{
	struct purge how = PURGE_DEFAULT;
	struct store *st =
	    rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	struct purge_result r;
	int rc;

	if (!st)
		return -1;
	sig_catch_term();
	how.event_age = event_age_days * 86400;
	rc = purge_run(st, &how, &r, e);
	store_close(st);
	return rc;
}

static void
print_stats(const struct prog *p, const struct stats_value *v, size_t len)
{
	static const char *const columns[] = {
	    "name", "label", "value", "number", NULL};
	struct out o;
	size_t i;

	out_init(&o, p->json, !p->no_header, columns);
	for (i = 0; i < len; i++) {
		out_text(&o, v[i].name);
		out_text(&o, v[i].label);
		out_text(&o, v[i].value);
		out_int(&o, v[i].number);
		out_end(&o);
	}
	out_finish(&o);
}

static int
stats(struct prog *p, struct err *e)
{
	struct store *st = NULL;
	struct stats_value *v = NULL;
	struct buf text;
	size_t len;
	int rc = -1;

	if (prometheus && (p->json || p->no_header))
		return prog_misuse(
		    e, "--prometheus has neither --json nor --no-header");
	buf_init(&text, PRINT_MAX);
	st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	if (!st || stats_load(st, &v, &len, e) < 0)
		goto out;
	if (prometheus) {
		stats_prometheus("acmed_store_", v, len, &text);
		fwrite(text.data, 1, text.len, stdout);
	} else {
		print_stats(p, v, len);
	}
	rc = 0;
out:
	free(v);
	buf_release(&text);
	store_close(st);
	return rc;
}

static int
print_event(void *arg, const struct event *ev, struct err *e)
{
	struct out *o = arg;
	char name[64];

	snprintf(name, sizeof(name), "%s/%lld",
	    event_object_name(ev->object_type), (long long)ev->object_id);
	out_time(o, ev->at);
	out_text(o, ev->action);
	out_text(o, name);
	out_text(o, ev->actor);
	out_text(o, ev->request_id[0] ? ev->request_id : NULL);
	out_text(o, ev->detail);
	out_end(o);
	return out_check(e);
}

/* The object of an event filter as that of a request. */
static int
filter_requests(const struct event_filter *f, struct upstream_request_filter *r,
    struct err *e)
{
	const char *type = event_object_name(f->object_type);

	r->since = f->since;
	r->last = (int64_t)f->last;
	if (!f->by_object)
		return 0;
	if (strcmp(type, "upstream_ca") == 0)
		r->upstream_ca_id = f->object_id;
	else if (strcmp(type, "upstream_account") == 0)
		r->upstream_account_id = f->object_id;
	else if (strcmp(type, "upstream_order") == 0)
		r->upstream_order_id = f->object_id;
	else
		return prog_misuse(e,
		    "--upstream --object: none of upstream_ca, "
		    "upstream_account, upstream_order");
	return 0;
}

static int
show_requests(const struct prog *p, struct store *st,
    const struct event_filter *filter, struct err *e)
{
	struct requests_how how = {
	    .count = count, .json = p->json, .header = !p->no_header};

	return filter_requests(filter, &how.filter, e) < 0
	    ? -1
	    : requests_print(st, &how, e);
}

static int
show_log(struct prog *p, struct err *e)
{
	static const char *const columns[] = {
	    "time", "action", "object", "actor", "request", "detail", NULL};
	struct event_filter filter = {.last = (size_t)last};
	struct store *st = NULL;
	struct out o;
	int rc = -1;

	if (count && !upstream)
		return prog_misuse(e, "--count goes with --upstream");
	if (since && since_parse("since", since, &filter.since, e) < 0)
		return -1;
	st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	if (!st || (object && event_filter_object(st, object, &filter, e) < 0))
		goto out;
	if (upstream) {
		rc = show_requests(p, st, &filter, e);
		goto out;
	}
	out_init(&o, p->json, !p->no_header, columns);
	rc = event_each(st, &filter, print_event, &o, e);
	if (rc == 0)
		out_finish(&o);
out:
	store_close(st);
	return rc;
}

/*
 * What may open the store may open what lies below its directory: neither users
 * nor Landlock can keep acmed-accept from a CA there.
 */
static void
warn_of_ca(const struct conf *c, const char *store_directory)
{
	size_t len = strlen(store_directory);
	const char *ca = c->local_ca.directory;

	if (strcmp(c->signer.backend, "local") == 0 &&
	    str_starts(ca, store_directory) &&
	    (ca[len] == '/' || ca[len] == '\0'))
		log_event(LOG_LEVEL_WARN, "config.ca", "directory", ca,
		    "reason", "it lies below the directory of the store", NULL);
}

static void
warn_of_clear_keys(const char *setting, const char *path)
{
	if (!path)
		log_event(LOG_LEVEL_WARN, "config.keys", "setting", setting,
		    "reason",
		    "it is not set: keys would be stored in the clear", NULL);
}

/* It was read; what only its user can judge is left. */
static int
config_judge(const struct conf *c, struct err *e)
{
	struct strv files = {0}, ports = {0};
	char *path = NULL;

	if ((c->sections & CONF_POLICY) &&
	    address_lists_check(&c->policy.allowed_server_ip_ranges,
		&c->policy.exclude_server_ip_ranges, e) < 0)
		return -1;
	if (store_load(c->store.url, &files, &ports, e) == 0)
		path = store_file(c->store.url, c->store.directory, "", e);
	strv_release(&files);
	strv_release(&ports);
	if (!path)
		return err_object(e, "[store] url");
	*strrchr(path, '/') = '\0';
	warn_of_ca(c, path);
	free(path);
	warn_of_clear_keys(
	    "[store] certificate_key_file", c->store.certificate_key_file);
	warn_of_clear_keys(
	    "[store] account_key_file", c->store.account_key_file);
	if (strcmp(c->server.external_account_binding, "off") != 0)
		warn_of_clear_keys(
		    "[store] eab_key_file", c->store.eab_key_file);
	return 0;
}

static int
config(struct prog *p, struct err *e)
{
	struct buf text;

	if (config_check == config_print)
		return prog_misuse(e, "config: either --check or --print");
	if (config_check)
		return config_judge(&p->conf, e);
	buf_init(&text, PRINT_MAX);
	if (conf_print(&p->conf, CONF_ALL, &text) == 0)
		fwrite(text.data, 1, text.len, stdout);
	else
		err_set(e, KIND_BUG, "the configuration is too long to print");
	buf_release(&text);
	return err_is_set(e) ? -1 : 0;
}

#define OWN                                                                    \
	(CONF_STORE | CONF_SERVER | CONF_SIGNER | CONF_LOCAL_CA |              \
	    CONF_NO_SERVER)

static int
rekey_kind(
    struct store *st, enum rekey_kind kind, const char *path, struct err *e)
{
	char number[24];
	int64_t changed, left = 0;

	if (!path)
		return 0;
	if (rekey_run(st, kind, path, &changed, lost ? &left : NULL, e) < 0)
		return -1;
	snprintf(number, sizeof(number), "%lld", (long long)left);
	if (left > 0)
		log_event(LOG_LEVEL_WARN, "store.rekey_left", "path", path,
		    "keys", number, "reason",
		    "sealed under a key that is not there", NULL);
	snprintf(number, sizeof(number), "%lld", (long long)changed);
	log_event(LOG_LEVEL_INFO, "store.rekeyed", "path", path, "keys", number,
	    NULL);
	return 0;
}

static int
rekey(struct prog *p, struct err *e)
{
	const struct conf_store *c = &p->conf.store;
	struct store *st;
	int rc = -1;

	if (!c->certificate_key_file && !c->account_key_file &&
	    !c->eab_key_file)
		return err_set(e, KIND_CONF,
		    "[store] none of certificate_key_file, account_key_file "
		    "and eab_key_file is set: there is nothing to seal with");
	if (proc_harden(true, e) < 0)
		return -1;
	st = store_open(c->url, STORE_WRITE, e);
	if (st &&
	    rekey_kind(st, REKEY_CERTIFICATES, c->certificate_key_file, e) ==
		0 &&
	    rekey_kind(st, REKEY_ACCOUNTS, c->account_key_file, e) == 0 &&
	    rekey_kind(st, REKEY_EAB, c->eab_key_file, e) == 0)
		rc = 0;
	store_close(st);
	return rc;
}

/* ---- renew-now ----------------------------------------------------------- */

#define SPREAD_MAX ((int64_t)366 * 86400)
#define SPREAD_USUAL "6h"

static int
read_pull(const struct prog *p, struct renewal_pull *how, struct err *e)
{
	if (all + (issuer != NULL) + (serials.len > 0) != 1)
		return prog_misuse(
		    e, "renew-now: either --all, --issuer or --serial");
	if (undo && spread)
		return prog_misuse(e, "renew-now: --spread is not for --undo");
	if (!spread)
		spread = SPREAD_USUAL;
	how->issuer = issuer;
	how->undo = undo;
	how->dry_run = p->dry_run;
	how->from = clock_now();
	if (since_parse_ahead("spread", spread, &how->until, e) < 0)
		return -1;
	if (how->until < how->from || how->until > how->from + SPREAD_MAX)
		return prog_misuse(
		    e, "--spread %s: not within a year from now", spread);
	return 0;
}

/* One that is unknown does not stop the rest. */
static int
pull_serials(struct prog *p, struct store *st, const struct renewal_pull *how,
    struct renewal_pulled *done, struct err *e)
{
	for (size_t i = 0; i < serials.len && !sig_term(); i++) {
		char *clean = certificate_serial_clean(serials.v[i]);
		struct err why = {0};

		if (!clean)
			return err_set(e, KIND_INPUT,
			    "--serial %s: not hexadecimal", serials.v[i]);
		if (renewal_pull_serial(st, clean, how, done, &why) < 0)
			prog_item_failed(p, &why);
		free(clean);
	}
	return 0;
}

static void
print_pulled(const struct prog *p, const struct renewal_pull *how,
    const struct renewal_pulled *done)
{
	static const char *const columns[] = {
	    "pulled", "kept", "from", "until", NULL};
	static const char *const undo_columns[] = {"undone", "kept", NULL};
	struct out o;

	out_init(
	    &o, p->json, !p->no_header, how->undo ? undo_columns : columns);
	out_int(&o, done->pulled);
	out_int(&o, done->kept);
	if (!how->undo) {
		out_time(&o, how->from);
		out_time(&o, how->until);
	}
	out_end(&o);
}

static int
renew_now(struct prog *p, struct err *e)
{
	struct renewal_pulled done = {0};
	struct renewal_pull how = {0};
	struct store *st = NULL;
	int rc = read_pull(p, &how, e);

	if (rc == 0) {
		st = rights_open_store(p, p->dry_run ? STORE_READ : STORE_WRITE,
		    SANDBOX_STORE_USER, e);
		rc = st ? 0 : -1;
	}
	sig_catch_term();
	if (rc == 0)
		rc = serials.len > 0 ? pull_serials(p, st, &how, &done, e)
				     : renewal_pull(st, &how, &done, e);
	if (rc == 0)
		print_pulled(p, &how, &done);
	store_close(st);
	strv_release(&serials);
	return rc;
}

static const struct prog_command commands[] = {
    {.name = "init", .sections = OWN | CONF_POLICY | CONF_ADMIN, .run = init},
    {.name = "migrate", .sections = CONF_STORE, .run = migrate},
    {.name = "check", .sections = OWN, .flags = PROG_JSON, .run = check},
    {.name = "backup",
	.operands_min = 1,
	.operands_max = 1,
	.sections = CONF_STORE,
	.run = backup},
    {.name = "purge",
	.options = purge_options,
	.sections = CONF_STORE,
	.run = purge},
    {.name = "stats",
	.options = stats_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = stats},
    {.name = "log",
	.options = log_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = show_log},
    {.name = "config",
	.options = config_options,
	.sections = CONF_ALL | CONF_NO_SERVER,
	.run = config},
    {.name = "tls-renew", .sections = OWN | CONF_POLICY, .run = tls_renew},
    {.name = "rekey",
	.options = rekey_options,
	.sections = CONF_STORE,
	.run = rekey},
    {.name = "renew-now",
	.options = renew_now_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON | PROG_DRY_RUN,
	.run = renew_now},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
