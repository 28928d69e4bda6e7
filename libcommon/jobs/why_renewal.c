#include "jobs/why_part.h"

#include "base/rfc3339.h"
#include "jobs/waiting.h"
#include "order/ordertemplate.h"
#include "store/blocked_name.h"
#include "store/domain.h"
#include "store/domain_template.h"
#include "store/fqdn_set.h"
#include "store/renewal_configuration.h"
#include "store/renewal_info.h"
#include "store/renewal_queue.h"
#include "store/served_name.h"
#include "store/upstream_ca.h"

/* The window in words, and why the CA wishes for it; the caller frees. */
static char *
describe_window(const struct renewal_info *r)
{
	char start[RFC3339_SIZE], end[RFC3339_SIZE];

	rfc3339_format(start, r->window_start);
	rfc3339_format(end, r->window_end);
	return xasprintf(
	    "auto-renew is on: due at a moment in the CA's window, "
	    "%s to %s%s%s",
	    start, end, r->explanation_url ? "; it says why: " : "",
	    r->explanation_url ? r->explanation_url : "");
}

/* What is not there is no fault. */
static int
unless_missing(int rc, struct err *e)
{
	return rc < 0 ? err_forgive(e, KIND_NOTFOUND) : 1;
}

/* ---- what keeps it from being ordered ------------------------------------ */

/* 1 with what is said of the name, which the caller frees; 0; -1. */
static int
find_obstacle(const struct why *w, const char *name, char **text, struct err *e)
{
	struct domain d;
	char *entry;
	int rc = unless_missing(domain_by_value(w->st, name, &d, e), e);

	if (rc > 0 && !d.active) {
		*text = xasprintf(
		    "nothing is ordered for the name: %s is disabled", name);
		return 1;
	}
	if (rc >= 0)
		rc = blocked_name_of(w->st, name, &entry, e);
	if (rc <= 0)
		return rc;
	*text = xasprintf("nothing is ordered for the name: %s is blocked, by "
			  "%s on the blocklist",
	    name, entry);
	free(entry);
	return 1;
}

/* The name of the queue that another was made of, by its template. */
struct seeking {
	const struct why *w;
	char *name; /* or NULL */
};

static int
seek(void *arg, const char *name, struct err *e)
{
	struct seeking *k = arg;
	struct domain_template t = {0};
	struct domain_item i;
	struct strv names = {0};
	int rc = unless_missing(domain_queue_by_name(k->w->st, name, &i, e), e);

	if (rc <= 0)
		return rc;
	rc = domain_template_by_id(k->w->st, i.domain_template_id, &t, e);
	if (rc == 0)
		rc = ordertemplate_names(t.names, name, &names, e);
	if (rc == 0 && !k->name && strv_has(&names, k->w->name))
		k->name = xstrdup(name);
	strv_release(&names);
	domain_template_release(&t);
	domain_item_release(&i);
	return rc;
}

/* The item of the name, or of what it belongs to: 1, 0, -1. */
static int
find_item(const struct why *w, const struct why_candidate *c,
    struct domain_item *i, struct err *e)
{
	struct seeking k = {.w = w};
	int rc = unless_missing(domain_queue_by_name(w->st, w->name, i, e), e);

	if (rc != 0 || served_name_each_of(w->st, c->item.id, seek, &k, e) < 0)
		return rc > 0 ? 1 : -1;
	if (k.name)
		rc = unless_missing(
		    domain_queue_by_name(w->st, k.name, i, e), e);
	free(k.name);
	return rc;
}

int
why_complete(const struct why *w, struct domain_item *i, struct err *e)
{
	struct domain_template t;
	struct upstream_held held;
	int rc = domain_template_by_id(w->st, i->domain_template_id, &t, e);

	if (rc == 0 && waiting_is_away(w->st, &t, w->ca, &held))
		waiting_note_away(i, &held);
	domain_template_release(&t);
	return rc;
}

/* What is between that domain-queue has it and its error. */
static const char *
what_becomes(const struct domain_item *i)
{
	static const char *const texts[] = {
	    [QUEUE_FRESH] = "",
	    [QUEUE_LIMITED] = "; it ",
	    [QUEUE_AWAY] = ", but its CA is away: ",
	    [QUEUE_FAILING] = ", but has failed: ",
	};

	if (i->is_parked)
		return i->error ? ", but has it parked: "
				: ", but has it parked";
	return i->error ? texts[queue_state_of(&i->past, i->error)] : "";
}

/* How a name that left its certificate behind gets another; as find_obstacle.
 */
static int
describe_new(const struct why *w, const struct why_candidate *c, char **text,
    int64_t *at, struct err *e)
{
	struct domain_item i;
	int rc = find_item(w, c, &i, e);

	if (rc <= 0)
		return rc;
	rc = why_complete(w, &i, e) < 0 ? -1 : 1;
	if (rc > 0)
		*text =
		    xasprintf("domain-queue gets it another certificate%s%s",
			what_becomes(&i), i.error ? i.error : "");
	*at = i.is_parked ? 0 : i.retry_at;
	domain_item_release(&i);
	return rc;
}

/* The name itself first, and then those that it shares a certificate with. */
static int
find_obstacles(const struct why *w, const struct why_candidate *c, char **text,
    int64_t *at, struct err *e)
{
	struct strv names = {0};
	int rc = find_obstacle(w, w->name, text, e);

	if (rc == 0)
		rc = describe_new(w, c, text, at, e);
	if (rc == 0)
		rc = fqdn_set_names(w->st, c->item.fqdn_set_id, &names, e);
	for (size_t i = 0; rc == 0 && i < names.len; i++)
		rc = find_obstacle(w, names.v[i], text, e);
	strv_release(&names);
	return rc;
}

/* How its last attempts ended, and when the next is; as find_obstacle. */
static int
describe_queued(const struct why *w, int64_t configuration, char **text,
    int64_t *at, struct err *e)
{
	struct renewal_item i;
	enum queue_state state;
	char since[RFC3339_SIZE];
	int rc =
	    unless_missing(renewal_queue_of(w->st, configuration, &i, e), e);

	if (rc <= 0)
		return rc;
	state = queue_state_of(&i.past, i.error);
	rc = i.is_parked || state != QUEUE_FRESH;
	if (state == QUEUE_LIMITED && !i.is_parked) {
		*text = xasprintf("it %s", i.error);
		*at = i.retry_at;
	} else if (rc > 0) {
		rfc3339_format(since,
		    i.past.failing_since ? i.past.failing_since : i.added);
		*text = xasprintf("%s %s: %s%s",
		    i.is_parked ? "parked: it has failed since"
				: "it is tried again: it has failed since",
		    since, i.error ? i.error : "no error is known",
		    i.is_parked ? "; renew-queue add tries it at once" : "");
		*at = i.is_parked ? 0 : i.retry_at;
	}
	renewal_item_release(&i);
	return rc;
}

/* ---- when it is due ------------------------------------------------------ */

/* What its renewal is to say; no `text`: it is due as `facts` have it. */
struct plan {
	struct renewal_facts facts;
	struct renewal_info info;
	char *text;
	int64_t at;
};

static int
load_configuration(const struct why *w, const struct why_candidate *c,
    struct plan *p, struct err *e)
{
	struct renewal_configuration r;
	int rc = unless_missing(
	    renewal_configuration_by_certificate(w->st, c->item.id, &r, e), e);

	if (rc < 0)
		return -1;
	if (rc == 0) {
		p->text = xstrdup("auto-renew is on, but it has no renewal "
				  "configuration: cert-manage renewal add"
				  " makes one");
		return 0;
	}
	if (!r.active && r.certificate_id == c->item.id)
		p->text = xstrdup("its renewal configuration is deactivated");
	else if (r.active)
		rc = describe_queued(w, r.id, &p->text, &p->at, e);
	if (r.certificate_id == c->item.id)
		p->facts.part_left = r.part_left;
	renewal_configuration_release(&r);
	return rc < 0 ? -1 : 0;
}

static void
describe_due(const struct why *w, struct plan *p)
{
	struct renewal_facts *f = &p->facts;
	struct renewal_due due;

	f->window_start = p->info.window_start;
	f->window_end = p->info.window_end;
	f->chosen = p->info.chosen;
	due = renewal_due(f, w->now);
	p->at = due.at;
	p->text = due.rule == RENEWAL_WINDOW
	    ? describe_window(&p->info)
	    : xasprintf("auto-renew is on: due %s",
		  renewal_rule_text(due.rule, f->not_after - f->not_before));
}

static int
tell_due(const struct why *w, const struct why_candidate *c, struct err *e)
{
	struct plan p = {.facts = {.has_certificate = true,
			     .is_lost = !c->item.active ||
				 c->item.status != CERTIFICATE_VALID,
			     .not_before = c->item.not_before,
			     .not_after = c->item.not_after}};
	int rc = load_configuration(w, c, &p, e);

	if (rc == 0 && !p.text) {
		rc = unless_missing(
		    renewal_info_load(w->st, c->item.id, &p.info, e), e);
		if (rc >= 0)
			describe_due(w, &p);
	}
	if (rc >= 0)
		rc = why_tell(w, WHY_RENEWAL, p.at, c, p.text, e);
	renewal_info_release(&p.info);
	free(p.text);
	return rc < 0 ? -1 : 0;
}

int
why_tell_renewal(
    const struct why *w, const struct why_candidate *c, struct err *e)
{
	char *obstacle = NULL, text[80];
	int64_t at = 0;
	int rc = find_obstacles(w, c, &obstacle, &at, e);

	if (rc < 0)
		return -1;
	if (rc > 0) {
		rc = why_tell(w, WHY_RENEWAL, at, c, obstacle, e);
		free(obstacle);
		return rc;
	}
	if (c->item.auto_renew)
		return tell_due(w, c, e);
	if (strcmp(c->item.source, "tls") == 0)
		return why_tell(
		    w, WHY_RENEWAL, 0, c, "acmed-store tls-renew renews it", e);
	if (c->item.account_id == 0)
		return why_tell(w, WHY_RENEWAL, 0, c,
		    "auto-renew is off: nobody here renews it", e);
	snprintf(text, sizeof(text), "the client of account/%lld renews it",
	    (long long)c->item.account_id);
	return why_tell(w, WHY_RENEWAL, 0, c, text, e);
}
