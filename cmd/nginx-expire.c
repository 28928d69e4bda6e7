#include "cli/nginxpool.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "store/event.h"
#include "store/store.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/js.h"
#include "wrap/name.h"

static const char usage_text[] =
    "usage: nginx-expire [-hjqVv] [-c FILE] [-s URL] [-l SINK] [options]\n"
    "           --all | NAME ... | -\n"
    "       nginx-expire [options] --status\n"
    "Has the nginx servers of [nginx] servers_pool forget certificates, so "
    "that\n"
    "they take what is new.  NAME is a domain; - reads names from standard\n"
    "input.\n"
    "\n"
    "      --all               all names\n"
    "      --status            only ask them what they hold\n"
    "\n"
    "  -c, --config FILE       configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL         store, instead of [store] url\n"
    "  -j, --json              one object: servers_status and more\n"
    "      --no-header         no line of column names\n"
    "  -l, --log SINK          stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet             print nothing, log warnings and errors only\n"
    "  -v, --verbose           log debug events as well\n"
    "  -h, --help              this text\n"
    "  -V, --version           the version\n";

static struct {
	bool all, status;
} opt;

static const struct prog_option options[] = {
    {.name = "all", .type = PROG_FLAG, .value = &opt.all},
    {.name = "status", .type = PROG_FLAG, .value = &opt.status},
    {0},
};

static int
check_options(const struct prog *p, struct err *e)
{
	int which = opt.all + opt.status + (p->argc > 0);

	if (which > 1)
		return prog_misuse(
		    e, "one of --all, --status and names, not several");
	if (which == 0)
		return prog_misuse(e, "which names? --all, or name them");
	return 0;
}

/* One that is none does not stop the rest. */
static void
take_name(struct prog *p, const char *given, struct strv *names)
{
	char *name = name_spell(given);
	struct err why = {0};

	if (name_is_sni(name)) {
		strv_add(names, name);
	} else {
		err_set(&why, KIND_INPUT, "%.200s: is no name: %s", given,
		    NAME_SNI_RULE);
		prog_item_failed(p, &why);
	}
	free(name);
}

/* As they stand in a path. */
static int
read_names(struct prog *p, struct strv *names, struct err *e)
{
	struct strv given = {0};
	int rc = operands_read(p, &given, e);

	for (size_t i = 0; rc == 0 && i < given.len; i++)
		take_name(p, given.v[i], names);
	strv_release(&given);
	strv_sort_unique(names);
	if (rc == 0 && p->argc > 0 && names->len == 0)
		rc = err_set(e, KIND_INPUT, "there are no names to expire");
	return rc;
}

/* ---- what is told -------------------------------------------------------- */

static int
print_object(struct expired *servers, size_t len, int64_t event, struct err *e)
{
	struct js *o = js_object();
	int64_t effective = expired_effective(servers, len);
	bool failed = false;
	struct buf text;

	for (size_t i = 0; i < len; i++)
		failed |= err_is_set(&servers[i].why);
	js_put_text(o, "result", failed ? "error" : "success");
	if (opt.status)
		effective = EXPIRER_UNKNOWN;
	else if (effective == EXPIRER_UNKNOWN)
		js_put(o, "effective_in", js_null());
	if (effective != EXPIRER_UNKNOWN)
		js_put_int(o, "effective_in", effective);
	if (event != 0)
		js_put_int(o, "event", event);
	js_put(o, "servers_status", expired_report(servers, len));
	buf_init(&text, len * 256 * 1024 + 4096);
	if (js_write(o, &text) < 0)
		err_set(e, KIND_SYS, "the servers say too much");
	else
		printf("%s\n", text.data);
	js_free(o);
	buf_release(&text);
	return err_is_set(e) ? -1 : 0;
}

static void
print_expired(const struct prog *p, const struct expired *servers, size_t len)
{
	static const char *const columns[] = {
	    "server", "result", "expired", "effective_in", NULL};
	struct out out;

	out_init(&out, false, !p->no_header, columns);
	for (size_t i = 0; i < len; i++) {
		const struct expired *x = &servers[i];
		bool failed = err_is_set(&x->why);

		out_text(&out, x->url);
		out_text(&out, failed ? "error" : "success");
		out_text(&out, failed ? NULL : x->all ? "all" : "domain");
		out_count(&out, failed ? -1 : x->effective);
		out_end(&out);
	}
	out_finish(&out);
}

static void
print_status(const struct prog *p, const struct expired *servers, size_t len)
{
	static const char *const columns[] = {"server", "result", "software",
	    "version", "valid", "invalid", "effective_in", NULL};
	struct out out;

	out_init(&out, false, !p->no_header, columns);
	for (size_t i = 0; i < len; i++) {
		const struct expired *x = &servers[i];
		bool failed = err_is_set(&x->why);
		const struct js *keys = js_get(x->answer, "keys");

		out_text(&out, x->url);
		out_text(&out, failed ? "error" : "success");
		out_text(&out, js_get_text(x->answer, "server"));
		out_text(&out, js_get_text(x->answer, "server_version"));
		out_count(
		    &out, failed ? -1 : (int64_t)js_len(js_get(keys, "valid")));
		out_count(&out,
		    failed ? -1 : (int64_t)js_len(js_get(keys, "invalid")));
		out_count(&out, x->effective);
		out_end(&out);
	}
	out_finish(&out);
}

static int
tell(struct prog *p, struct expired *servers, size_t len, int64_t event,
    struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		struct err why = servers[i].why;

		if (!err_is_set(&why))
			continue;
		err_object(&why, "%s", servers[i].url);
		prog_item_failed(p, &why);
	}
	if (p->quiet)
		return 0;
	if (p->json)
		return print_object(servers, len, event, e);
	if (opt.status)
		print_status(p, servers, len);
	else
		print_expired(p, servers, len);
	return 0;
}

/* ---- the work ------------------------------------------------------------ */

static int
expire(struct prog *p, const struct expirer *x, struct store *st,
    const struct strv *names, struct err *e)
{
	size_t len = x->conf->servers_pool.len;
	enum expirer_task task = opt.status ? EXPIRER_STATUS
	    : opt.all			    ? EXPIRER_ALL
					    : EXPIRER_NAMES;
	struct expired *servers;
	struct err why = {0};
	int rc;

	if (expirer_run(x, task, names, &servers, e) < 0)
		return -1;
	if (st && expired_note(st, names, servers, len, &why) < 0)
		prog_item_failed(p, &why);
	rc = tell(p, servers, len, st ? event_last(st) : 0, e);
	expired_free(servers, len);
	return rc;
}

/* All that needs rights; a status is no event, and needs no store. */
static int
open_all(
    struct prog *p, struct nginxpool *pool, struct store **st, struct err *e)
{
	if (nginxpool_start(pool, p, &p->conf.nginx, e) < 0)
		return err_object(e, "[nginx]");
	if (proc_harden(true, e) < 0)
		return -1;
	if (opt.status)
		return rights_enter(p, SANDBOX_STATELESS, e);
	*st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
	return *st ? 0 : -1;
}

static int
run(struct prog *p, struct err *e)
{
	struct nginxpool pool = {0};
	struct strv names = {0};
	struct store *st = NULL;
	int rc;

	if (check_options(p, e) < 0)
		return -1;
	rc = read_names(p, &names, e);
	if (rc == 0)
		rc = open_all(p, &pool, &st, e);
	sig_catch_term();
	if (rc == 0)
		rc = expire(p, &pool.expirer, st, &names, e);
	store_close(st);
	nginxpool_stop(&pool);
	strv_release(&names);
	return rc;
}

static const struct prog_command commands[] = {
    {.options = options,
	.operands_min = 0,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE | CONF_NGINX,
	.flags = PROG_JSON,
	.run = run},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
