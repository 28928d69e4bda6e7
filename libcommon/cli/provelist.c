#include "cli/provelist.h"

#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/prover.h"
#include "cli/rights.h"
#include "store/certificate.h"
#include "sys/clock.h"
#include "sys/sig.h"
#include "wrap/name.h"

/* One to be asked. */
struct item {
	char *name; /* as it was written */
	char *sni; /* as it is asked for; NULL for an address */
	char *host, *port;
	int64_t certificate_id; /* that should be served */
};

struct proving {
	struct prog *prog;
	struct prover prover;
	struct item *items;
	size_t len, at;
	struct out out;
};

/* ---- what is asked ------------------------------------------------------- */

/* A wildcard is asked for by a name that it covers. */
static void
add_item(struct proving *v, const char *name, char *host, char *port)
{
	char *spelled = name_spell(name);
	struct item *i;

	v->items = xreallocarray(v->items, v->len + 1, sizeof(*v->items));
	i = &v->items[v->len++];
	*i = (struct item){.name = xstrdup(name), .host = host, .port = port};
	if (!name_is_address(spelled))
		i->sni = str_starts(spelled, "*.")
		    ? xasprintf("acmed-prove%s", spelled + 1)
		    : xstrdup(spelled);
	if (!host) {
		i->host = xstrdup(i->sni ? i->sni : spelled);
		i->port = xstrdup("443");
	}
	free(spelled);
}

static int
add_place(struct proving *v, const char *name, const char *place, struct err *e)
{
	char *host = NULL, *port = NULL;

	if (place && *place && probe_parse(place, &host, &port, e) < 0)
		return -1;
	add_item(v, name, host, port);
	return 0;
}

static int
add_line(struct proving *v, const char *line, struct err *e)
{
	static const char blanks[] = " \t";
	size_t len = strcspn(line, blanks);
	char *name = xstrndup(line, len), *place;
	int rc;

	line += len;
	line += strspn(line, blanks);
	place = xstrndup(line, strcspn(line, blanks));
	rc = *name ? add_place(v, name, place, e) : 0;
	free(name);
	free(place);
	return rc;
}

static int
read_items(struct proving *v, struct err *e)
{
	const struct prog *p = v->prog;
	struct strv lines = {0};
	int rc = 0;

	if (strcmp(p->argv[0], "-") != 0)
		return add_place(
		    v, p->argv[0], p->argc > 1 ? p->argv[1] : NULL, e);
	if (p->argc > 1)
		return prog_misuse(e, "prove -: the places stand in the list");
	rc = operands_read_lines(&lines, e);
	for (size_t i = 0; rc == 0 && i < lines.len; i++)
		rc = add_line(v, lines.v[i], e);
	strv_release(&lines);
	return rc;
}

static uint16_t *
ports_of(const struct proving *v, size_t *len)
{
	uint16_t *ports = xcalloc(v->len + 1, sizeof(*ports));

	*len = 0;
	for (size_t i = 0; i < v->len; i++) {
		uint64_t port = 0;
		size_t k = 0;

		str_to_u64(v->items[i].port, UINT16_MAX, &port);
		while (k < *len && ports[k] != port)
			k++;
		if (k == *len)
			ports[(*len)++] = (uint16_t)port;
	}
	return ports;
}

/* ---- asking -------------------------------------------------------------- */

static void
print(struct proving *v, const struct item *i, const struct proved *r,
    const struct err *why)
{
	char *place = strchr(i->host, ':')
	    ? xasprintf("[%s]:%s", i->host, i->port)
	    : xasprintf("%s:%s", i->host, i->port);

	out_text(&v->out, i->name);
	out_text(&v->out, place);
	out_text(&v->out, prove_result_name(r->result));
	out_id(&v->out, i->certificate_id);
	out_id(&v->out, r->served_id);
	out_time(&v->out, r->served_not_after);
	out_text(&v->out, r->served_issuer);
	out_text(&v->out, err_is_set(why) ? why->text : NULL);
	out_end(&v->out);
	free(place);
}

static int
next(void *arg, struct probe *probe, size_t *tag)
{
	struct proving *v = arg;

	while (v->at < v->len) {
		struct item *i = &v->items[v->at];
		struct certificate c;
		struct err why = {0};

		*tag = v->at++;
		if (certificate_find(
			v->prover.st, i->name, clock_now(), &c, &why) < 0) {
			prog_item_failed(v->prog, &why);
			continue;
		}
		i->certificate_id = c.id;
		certificate_release(&c);
		*probe = (struct probe){i->host, i->port, i->sni};
		return 1;
	}
	return 0;
}

static void
told(void *arg, size_t tag, struct buf *certs, const struct err *why)
{
	struct proving *v = arg;
	const struct item *i = &v->items[tag];
	struct proved r;
	struct err e = {0};

	if (prove_judge(v->prover.st, i->certificate_id, certs, why,
		clock_now(), &r, &e) < 0) {
		prog_item_failed(v->prog, &e);
		return;
	}
	print(v, i, &r, why);
	if (r.result != PROVE_SAME)
		v->prog->exit_code = prog_worse(v->prog->exit_code,
		    r.result == PROVE_UNREACHABLE ? 111 : 1);
	proved_release(&r);
}

static void
release(struct proving *v)
{
	for (size_t i = 0; i < v->len; i++) {
		free(v->items[i].name);
		free(v->items[i].sni);
		free(v->items[i].host);
		free(v->items[i].port);
	}
	free(v->items);
	prover_stop(&v->prover);
}

static int
prove_all(struct proving *v, size_t jobs, struct err *e)
{
	const struct probing g = {.next = next, .told = told, .arg = v};
	size_t len;
	uint16_t *ports = ports_of(v, &len);
	struct store *st;
	int rc;

	if (prover_start_many(&v->prover, v->prog, ports, len,
		jobs < v->len ? jobs : v->len, e) < 0)
		return -1;
	st = rights_open_store(v->prog, STORE_READ, SANDBOX_STORE_USER, e);
	v->prover.st = st;
	rc = st ? prober_run(&v->prover.prober, &g, e) : -1;
	store_close(st);
	return rc;
}

int
provelist_run(struct prog *p, int64_t jobs, struct err *e)
{
	static const char *const columns[] = {"name", "place", "result",
	    "certificate", "served", "served_not_after", "served_issuer",
	    "error", NULL};
	struct proving v = {.prog = p};
	int rc = read_items(&v, e);

	out_init(&v.out, p->json, !p->no_header, columns);
	sig_ignore_pipe();
	sig_catch_term();
	if (rc == 0 && v.len > 0)
		rc = prove_all(&v, (size_t)jobs, e);
	if (rc == 0)
		out_finish(&v.out);
	release(&v);
	return rc;
}
