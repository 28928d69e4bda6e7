#include "cli/prover.h"

#include "cli/prog.h"
#include "cli/rights.h"
#include "store/certificate.h"
#include "store/fqdn_set.h"
#include "sys/clock.h"
#include "wrap/name.h"

static int
confine(void *arg, struct err *e)
{
	const struct prover *p = arg;

	return rights_enter_ports(
	    p->prog, SANDBOX_PROVE, p->ports, p->ports_len, e);
}

int
prover_start_many(struct prover *p, const struct prog *prog, uint16_t *ports,
    size_t len, size_t jobs, struct err *e)
{
	const struct prober_options o = {
	    .jobs = jobs, .total_ms = PROVER_MS, .confine = confine, .arg = p};

	*p = (struct prover){.prog = prog, .ports = ports, .ports_len = len};
	return prober_start(&p->prober, &o, e);
}

int
prover_start(
    struct prover *p, const struct prog *prog, const char *place, struct err *e)
{
	char *host, *port;
	uint16_t *ports;
	uint64_t n = 0;
	int rc;

	if (probe_parse(place, &host, &port, e) < 0)
		return -1;
	str_to_u64(port, UINT16_MAX, &n);
	ports = xcalloc(1, sizeof(*ports));
	*ports = (uint16_t)n;
	rc = prover_start_many(p, prog, ports, 1, PROVER_JOBS_PLACE, e);
	p->host = host;
	p->port = port;
	return rc;
}

void
prover_stop(struct prover *p)
{
	if (!p)
		return;
	prober_stop(&p->prober);
	free(p->ports);
	free(p->host);
	free(p->port);
	*p = (struct prover){0};
}

/* A name that a client could ask for; the caller frees. */
static char *
pick_name(const struct strv *names)
{
	for (size_t i = 0; i < names->len; i++)
		if (!str_starts(names->v[i], "*.") &&
		    !name_is_address(names->v[i]))
			return xstrdup(names->v[i]);
	for (size_t i = 0; i < names->len; i++)
		if (str_starts(names->v[i], "*."))
			return xasprintf("acmed-prove%s", names->v[i] + 1);
	return NULL;
}

static int
load_name(struct store *st, int64_t certificate_id, char **name, struct err *e)
{
	struct strv names = {0};
	struct certificate c;
	int rc = certificate_by_id(st, certificate_id, &c, e);

	if (rc == 0)
		rc = fqdn_set_names(st, c.fqdn_set_id, &names, e);
	*name = rc == 0 ? pick_name(&names) : NULL;
	strv_release(&names);
	certificate_release(&c);
	return rc;
}

static int
judge(const struct prover *p, const char *place, const char *name,
    int64_t certificate_id, const struct buf *certs, const struct err *why,
    struct err *e)
{
	struct proved proved;

	if (prove_judge(
		p->st, certificate_id, certs, why, clock_now(), &proved, e) < 0)
		return -1;
	if (proved.result != PROVE_SAME)
		err_set(e, KIND_BUSY, "%s: %s is not served there: %s%s%s",
		    place, name ? name : "what it is for",
		    prove_result_name(proved.result),
		    err_is_set(why) ? ": " : "", why->text);
	proved_release(&proved);
	return err_is_set(e) ? -1 : 0;
}

/* ---- what was deployed --------------------------------------------------- */

/* One that is under way, or has been. */
struct check {
	int64_t certificate_id;
	size_t tag;
	char *name; /* or NULL */
};

struct checking {
	const struct prover *p;
	const char *place;
	const struct deployer_proof *proof;
	struct check *checks;
	size_t len;
};

static int
check_next(void *arg, struct probe *probe, size_t *tag)
{
	struct checking *k = arg;
	struct check c = {0};

	while (k->proof->next(k->proof->arg, &c.certificate_id, &c.tag) > 0) {
		struct err why = {0};

		if (load_name(k->p->st, c.certificate_id, &c.name, &why) < 0) {
			k->proof->told(k->proof->arg, c.tag, &why);
			continue;
		}
		k->checks =
		    xreallocarray(k->checks, k->len + 1, sizeof(*k->checks));
		k->checks[k->len] = c;
		*tag = k->len++;
		*probe = (struct probe){k->p->host, k->p->port, c.name};
		return 1;
	}
	return 0;
}

static void
check_told(void *arg, size_t tag, struct buf *certs, const struct err *why)
{
	struct checking *k = arg;
	const struct check *c = &k->checks[tag];
	struct err e = {0};

	judge(k->p, k->place, c->name, c->certificate_id, certs, why, &e);
	k->proof->told(k->proof->arg, c->tag, &e);
}

int
prover_check_deployed(struct prover *p, const char *place,
    const struct deployer_proof *proof, struct err *e)
{
	struct checking k = {.p = p, .place = place, .proof = proof};
	const struct probing g = {
	    .next = check_next, .told = check_told, .arg = &k};
	int rc = prober_run(&p->prober, &g, e);

	for (size_t i = 0; i < k.len; i++)
		free(k.checks[i].name);
	free(k.checks);
	return rc;
}
