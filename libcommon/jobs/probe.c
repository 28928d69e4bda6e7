#include "jobs/probe.h"

#include "acme/ident.h"
#include "acme/keyauth.h"
#include "base/b64.h"
#include "base/log.h"
#include "jobs/precheck.h"
#include "policy/address.h"
#include "store/challenge_answer.h"
#include "wrap/digest.h"

#define ID_BYTES 16

/* One name: what is in place for it, and where the answer goes. */
struct probing {
	const struct solver *solver;
	char token[KEYAUTH_SIZE], key_authorization[KEYAUTH_SIZE];
	struct probe *of;
};

struct probes {
	struct probing *v;
	struct solver_task *tasks;
	size_t len;
};

/* The first rule for a name, if its challenge is one to look at. */
static const struct solver *
pick(const struct prober *p, const struct orderpolicy *policy, const char *name)
{
	struct err ignored = {0};

	for (size_t i = 0; i < policy->rules_len; i++) {
		const struct orderpolicy_rule *r = &policy->rules[i];

		if (!orderpolicy_matches(r, name))
			continue;
		return strcmp(solver_type(r->solver), "dns-01") == 0
		    ? NULL
		    : solvers_get(p->solvers, r->solver, &ignored);
	}
	return NULL;
}

/*
 * The same token for the same name, so that what was left by a process that
 * died is taken away with the next.
 */
static void
make_token(
    char out[KEYAUTH_SIZE], const struct prober *p, const struct probe *of)
{
	char *text = xasprintf("%s %s %s", of->domain, of->name, p->thumbprint);
	uint8_t sum[DIGEST_SHA256_SIZE];
	char id[B64URL_LEN(ID_BYTES) + 1];

	digest_sha256(sum, text, strlen(text));
	b64url_encode_to(id, sum, ID_BYTES);
	snprintf(out, KEYAUTH_SIZE, "%s%s", CHALLENGE_ANSWER_PROBE, id);
	free(text);
}

static void
place(const struct prober *p, const struct solver *s, struct probe *of,
    struct probes *out)
{
	struct probing *v = &out->v[out->len];
	struct solver_task *t = &out->tasks[out->len];

	*v = (struct probing){.solver = s, .of = of};
	make_token(v->token, p, of);
	keyauth_format(v->key_authorization, v->token, p->thumbprint);
	*t = (struct solver_task){.type = s->type,
	    .identifier_type = "dns",
	    .value = of->name,
	    .token = v->token,
	    .key_authorization = v->key_authorization};
	out->len++;
	solver_do(s, SOLVER_PRESENT, t, &of->why);
}

static void
clean_up(const struct probes *l)
{
	for (size_t i = 0; i < l->len; i++) {
		const struct solver *s = l->v[i].solver;
		struct err why = {0};

		if (solver_do(s, SOLVER_CLEANUP, &l->tasks[i], &why) < 0)
			log_err("probe.cleanup", &why);
	}
}

/* What could not be put in place says so, not what was found then. */
static int
look(const struct prober *p, const struct probes *l, struct err *e)
{
	struct err *found = xcalloc(l->len + 1, sizeof(*found));
	int rc = precheck_look_all(p->precheck, l->tasks, l->len, found, e);

	for (size_t i = 0; rc == 0 && i < l->len; i++)
		if (!err_is_set(&l->v[i].of->why))
			l->v[i].of->why = found[i];
	free(found);
	return rc;
}

bool
probe_can(const struct prober *p, const struct orderpolicy *policy,
    const struct strv *names)
{
	struct address ignored;

	for (size_t i = 0; i < names->len; i++)
		if (ident_is_wildcard(names->v[i]) ||
		    address_parse(names->v[i], &ignored) ||
		    !pick(p, policy, names->v[i]))
			return false;
	return p->precheck != NULL;
}

int
probe_all(const struct prober *p, const struct orderpolicy *policy,
    struct probe *v, size_t len, struct err *e)
{
	struct probes l = {.v = xcalloc(len + 1, sizeof(*l.v)),
	    .tasks = xcalloc(len + 1, sizeof(*l.tasks))};
	int rc;

	for (size_t i = 0; i < len; i++) {
		const struct orderpolicy *its =
		    v[i].policy ? v[i].policy : policy;
		const struct solver *s = ident_is_wildcard(v[i].name)
		    ? NULL
		    : pick(p, its, v[i].name);

		if (s)
			place(p, s, &v[i], &l);
	}
	rc = look(p, &l, e);
	clean_up(&l);
	free(l.v);
	free(l.tasks);
	return rc;
}
