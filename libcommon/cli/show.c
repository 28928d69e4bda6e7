#include "cli/show.h"

#include "base/rfc3339.h"
#include "store/ca_certificate.h"
#include "store/ca_preference.h"
#include "store/certificate_list.h"
#include "store/certificate_request.h"
#include "store/chain.h"
#include "store/domain.h"
#include "store/event.h"
#include "store/fqdn_set.h"
#include "store/lineage.h"
#include "store/private_key.h"
#include "store/refs.h"
#include "store/renewal_info.h"
#include "store/upstream_account.h"
#include "sys/clock.h"
#include "wrap/cert.h"
#include "wrap/csr.h"
#include "wrap/name.h"

struct object {
	struct store *st;
	enum refs_type type;
	int64_t id;
	struct sheet sheet;
};

static void
put_ref(struct sheet *s, const char *name, enum refs_type type, int64_t id)
{
	char text[64];

	if (id == 0)
		return;
	snprintf(text, sizeof(text), "%s/%lld", refs_name(type), (long long)id);
	sheet_text(s, name, text);
}

/* ---- what each type has of its own --------------------------------------- */

static void
put_extensions(struct sheet *s, const struct cert *c)
{
	struct strv usage = {0}, purposes = {0}, issuers = {0};

	cert_key_usage(c, &usage);
	cert_key_purposes(c, &purposes);
	cert_ca_issuers(c, &issuers);
	sheet_list(s, "key_usage", &usage);
	sheet_list(s, "key_purposes", &purposes);
	sheet_list(s, "issuer_urls", &issuers);
	strv_release(&usage);
	strv_release(&purposes);
	strv_release(&issuers);
}

/* What is in the DER of a certificate, also of a CA's. */
static int
put_der(struct sheet *s, const void *der, size_t len, struct err *e)
{
	struct cert *c = cert_from_der(der, len, e);
	char *subject, *issuer, word[16];
	uint8_t sha1[20], spki[32];

	if (!c)
		return -1;
	subject = cert_subject(c);
	issuer = cert_issuer(c);
	cert_key_word(c, word);
	cert_sha1(c, sha1);
	cert_spki_sha256(c, spki);
	sheet_text(s, "subject", subject);
	sheet_text(s, "issuer", issuer);
	sheet_text(s, "serial", cert_serial_hex(c));
	sheet_time(s, "not_before", cert_not_before(c));
	sheet_time(s, "not_after", cert_not_after(c));
	sheet_text(s, "key_type", word);
	put_extensions(s, c);
	sheet_hex(s, "sha1", sha1, sizeof(sha1));
	sheet_hex(s, "spki_sha256", spki, sizeof(spki));
	free(subject);
	free(issuer);
	cert_free(c);
	return 0;
}

static int
put_names(struct object *o, int64_t set, struct err *e)
{
	struct strv names = {0};
	int rc = fqdn_set_names(o->st, set, &names, e);

	if (rc == 0)
		sheet_list(&o->sheet, "names", &names);
	strv_release(&names);
	return rc;
}

static int
put_certificate_row(
    struct object *o, const struct certificate *c, struct err *e)
{
	const struct certificate_item item = {
	    .status = c->status, .active = c->active};
	struct sheet *s = &o->sheet;
	int64_t chain;

	sheet_text(
	    s, "state", certificate_state_name(certificate_item_state(&item)));
	sheet_yes(s, "expired", c->not_after < clock_now());
	sheet_time(s, "revoked_at", c->revoked_at);
	if (c->status == CERTIFICATE_REVOKED &&
	    c->revocation_reason != CERTIFICATE_NO_REASON)
		sheet_int(s, "revocation_reason", c->revocation_reason);
	sheet_yes(s, "auto_renew", c->auto_renew);
	sheet_text(s, "source", c->source);
	sheet_time(s, "created", c->created);
	sheet_hex(s, "sha256", c->sha256, sizeof(c->sha256));
	if (chain_preferred(o->st, c->id, &chain, e) < 0)
		return -1;
	put_ref(s, "served_chain", REFS_CHAIN, chain);
	return 0;
}

/* What its CA has said of when to renew it. */
static int
put_renewal_info(struct object *o, struct err *e)
{
	struct sheet *s = &o->sheet;
	struct renewal_info r;

	if (renewal_info_load(o->st, o->id, &r, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	sheet_time(s, "renewal_window_start", r.window_start);
	sheet_time(s, "renewal_window_end", r.window_end);
	sheet_time(s, "renewal_chosen", r.chosen);
	sheet_text(s, "renewal_explanation_url", r.explanation_url);
	sheet_time(s, "renewal_fetched", r.fetched);
	if (r.retry_at != RENEWAL_INFO_NEVER)
		sheet_time(s, "renewal_retry_at", r.retry_at);
	renewal_info_release(&r);
	return 0;
}

static int
put_certificate(struct object *o, struct err *e)
{
	struct certificate c;
	int rc = certificate_by_id(o->st, o->id, &c, e);

	if (rc < 0)
		return -1;
	rc = put_names(o, c.fqdn_set_id, e);
	if (rc == 0)
		rc = put_certificate_row(o, &c, e);
	if (rc == 0)
		rc = put_renewal_info(o, e);
	if (rc == 0)
		rc = put_der(&o->sheet, c.leaf.der, c.leaf.len, e);
	certificate_release(&c);
	return rc;
}

static int
put_preference(struct object *o, struct err *e)
{
	struct ca_preferences p;

	if (ca_preference_load(o->st, &p, e) < 0)
		return -1;
	for (size_t i = 0; i < p.len; i++)
		if (p.ids[i] == o->id)
			sheet_int(&o->sheet, "preference", (int64_t)i + 1);
	return 0;
}

static int
put_ca_certificate(struct object *o, struct err *e)
{
	struct ca_certificate c;
	int rc = ca_certificate_by_id(o->st, o->id, &c, e);

	if (rc < 0)
		return -1;
	sheet_yes(&o->sheet, "trusted", c.trusted);
	sheet_text(&o->sheet, "source", c.source);
	sheet_hex(&o->sheet, "sha256", c.sha256, sizeof(c.sha256));
	rc = put_der(&o->sheet, c.der, c.der_len, e);
	ca_certificate_release(&c);
	return rc < 0 ? -1 : put_preference(o, e);
}

static int
put_domain(struct object *o, struct err *e)
{
	struct sheet *s = &o->sheet;
	struct domain d;

	if (domain_by_id(o->st, o->id, &d, e) < 0)
		return -1;
	sheet_text(s, "name", d.value);
	sheet_yes(s, "enabled", d.active);
	sheet_time(s, "created", d.created);
	put_ref(s, "latest_single", REFS_CERTIFICATE, d.latest_single_id);
	put_ref(s, "latest_multi", REFS_CERTIFICATE, d.latest_multi_id);
	return 0;
}

static int
put_private_key(struct object *o, struct err *e)
{
	struct sheet *s = &o->sheet;
	struct private_key k;

	if (private_key_by_id(o->st, o->id, &k, e) < 0)
		return -1;
	sheet_text(s, "key_type", k.type);
	sheet_text(s, "state", private_key_status_name(k.status));
	sheet_text(s, "source", private_key_source_name(k.source));
	sheet_time(s, "created", k.created);
	sheet_yes(s, "sealed", k.sealed);
	sheet_hex(s, "spki_sha256", k.spki_sha256, sizeof(k.spki_sha256));
	return 0;
}

static int
put_request(struct object *o, struct err *e)
{
	struct sheet *s = &o->sheet;
	struct certificate_request r;
	int rc = certificate_request_by_id(o->st, o->id, &r, e);

	if (rc < 0)
		return -1;
	sheet_text(s, "source", r.source);
	sheet_time(s, "created", r.created);
	sheet_hex(s, "sha256", r.sha256, sizeof(r.sha256));
	sheet_hex(s, "spki_sha256", r.spki_sha256, sizeof(r.spki_sha256));
	rc = put_names(o, r.fqdn_set_id, e);
	certificate_request_release(&r);
	return rc;
}

static int
put_lineage(struct object *o, struct err *e)
{
	struct sheet *s = &o->sheet;
	struct lineage l;
	int rc = lineage_by_id(o->st, o->id, &l, e);

	if (rc < 0)
		return -1;
	sheet_text(s, "name", l.name);
	sheet_text(s, "source", l.source);
	sheet_time(s, "created", l.created);
	sheet_text(s, "settings", l.settings);
	rc = put_names(o, l.fqdn_set_id, e);
	lineage_release(&l);
	return rc;
}

static void
put_registration(struct sheet *s, const struct upstream_account *a)
{
	struct strv contacts = {0};

	upstream_account_contacts(a, &contacts);
	sheet_text(
	    s, "directory", a->directory_url[0] ? a->directory_url : NULL);
	sheet_text(s, "url", a->url);
	sheet_text(s, "state", upstream_account_status_name(a->status));
	sheet_yes(s, "default", a->is_default);
	sheet_list(s, "contacts", &contacts);
	sheet_text(s, "terms_agreed", a->terms_agreed);
	sheet_time(s, "terms_agreed_at", a->terms_agreed_at);
	sheet_text(s, "eab_key_id", a->eab_key_id);
	strv_release(&contacts);
}

static int
put_upstream_account(struct object *o, struct err *e)
{
	struct sheet *s = &o->sheet;
	struct upstream_account a;

	if (upstream_account_by_id(o->st, o->id, &a, e) < 0)
		return -1;
	put_registration(s, &a);
	sheet_text(s, "certificate_key_type", a.certificate_key_type);
	sheet_text(s, "certificate_key_cycle", a.certificate_key_cycle);
	sheet_time(s, "retry_at", a.retry_at);
	sheet_text(s, "source", a.source);
	sheet_time(s, "created", a.created);
	sheet_text(s, "data", a.data);
	sheet_text(s, "key_type", a.type);
	sheet_yes(s, "sealed", a.sealed);
	sheet_yes(s, "rolling", a.is_rolling);
	sheet_hex(s, "spki_sha256", a.spki_sha256, sizeof(a.spki_sha256));
	upstream_account_release(&a);
	return 0;
}

static int
put_own(struct object *o, struct err *e)
{
	switch (o->type) {
	case REFS_CA_CERTIFICATE:
		return put_ca_certificate(o, e);
	case REFS_CERTIFICATE:
		return put_certificate(o, e);
	case REFS_CERTIFICATE_REQUEST:
		return put_request(o, e);
	case REFS_DOMAIN:
		return put_domain(o, e);
	case REFS_FQDN_SET:
		return put_names(o, o->id, e);
	case REFS_LINEAGE:
		return put_lineage(o, e);
	case REFS_PRIVATE_KEY:
		return put_private_key(o, e);
	case REFS_UPSTREAM_ACCOUNT:
		return put_upstream_account(o, e);
	default:
		return 0;
	}
}

/* ---- what refers to it --------------------------------------------------- */

/* The keys of the sheet, in their order. */
static const char *const relations[] = {
    "issuers", "issued", "same_key", "refs"};

struct refs {
	struct object *object;
	struct strv lines[ARRAY_LEN(relations)];
};

static int
add_ref(
    void *arg, const char *what, enum refs_type type, int64_t id, struct err *e)
{
	struct refs *r = arg;
	struct domain d;
	char text[DOMAIN_VALUE_MAX + 80];

	snprintf(text, sizeof(text), "%s/%lld", refs_name(type), (long long)id);
	if (type == REFS_DOMAIN) {
		if (domain_by_id(r->object->st, id, &d, e) < 0)
			return -1;
		snprintf(text, sizeof(text), "domain/%s", d.value);
	}
	for (size_t i = 0; i < ARRAY_LEN(relations); i++)
		if (strcmp(what, relations[i]) == 0)
			strv_add(&r->lines[i], text);
	return 0;
}

static int
put_refs(struct object *o, struct err *e)
{
	struct refs r = {.object = o};
	int rc =
	    refs_each(o->st, o->type, o->id, SHOW_REFS_MAX, add_ref, &r, e);

	for (size_t i = 0; i < ARRAY_LEN(relations); i++) {
		if (rc == 0 && r.lines[i].len > 0)
			sheet_list(&o->sheet, relations[i], &r.lines[i]);
		strv_release(&r.lines[i]);
	}
	return rc;
}

static int
add_event(void *arg, const struct event *ev, struct err *e)
{
	struct strv *lines = arg;
	char when[RFC3339_SIZE], *text;

	(void)e;
	rfc3339_format(when, ev->at);
	text = xasprintf("%s %s by %s%s%s", when, ev->action, ev->actor,
	    ev->detail ? ": " : "", ev->detail ? ev->detail : "");
	strv_add(lines, text);
	free(text);
	return 0;
}

static int
put_events(struct object *o, struct err *e)
{
	char *name = xasprintf("%s/%lld", refs_name(o->type), (long long)o->id);
	struct event_filter f = {.last = SHOW_EVENTS_MAX};
	struct strv lines = {0};
	int rc = 0;

	if (o->type != REFS_FQDN_SET) {
		rc = event_filter_object(o->st, name, &f, e);
		if (rc == 0)
			rc = event_each(o->st, &f, add_event, &lines, e);
	}
	if (rc == 0)
		sheet_list(&o->sheet, "events", &lines);
	strv_release(&lines);
	free(name);
	return rc;
}

static int
print(struct object *o, enum sheet_form form, struct err *e)
{
	bool is_there;
	int rc = refs_exists(o->st, o->type, o->id, &is_there, e);

	if (rc == 0 && !is_there)
		return err_set(e, KIND_NOTFOUND, "%s/%lld: not in the store",
		    refs_name(o->type), (long long)o->id);
	sheet_init(&o->sheet, form);
	if (rc == 0) {
		put_ref(&o->sheet, "object", o->type, o->id);
		rc = put_own(o, e);
	}
	if (rc == 0)
		rc = put_refs(o, e);
	if (rc == 0)
		rc = put_events(o, e);
	sheet_end(&o->sheet);
	return rc;
}

/* ---- which one ----------------------------------------------------------- */

static int
find_domain(struct object *o, const char *text, struct err *e)
{
	char *name = name_spell(text);
	struct domain d;
	int rc = domain_by_value(o->st, name, &d, e);

	o->id = d.id;
	free(name);
	return rc < 0 ? err_object(e, "%s", text) : 0;
}

static int
find_certificate(struct object *o, const char *text, struct err *e)
{
	struct certificate c;

	o->type = REFS_CERTIFICATE;
	if (certificate_find(o->st, text, clock_now(), &c, e) < 0)
		return -1;
	o->id = c.id;
	certificate_release(&c);
	return 0;
}

static int
find_account(struct object *o, const char *text, struct err *e)
{
	struct upstream_account a;

	if (upstream_account_pick(o->st, text, &a, e) < 0)
		return -1;
	o->id = a.id;
	upstream_account_release(&a);
	return 0;
}

static int
find_key(struct object *o, const char *text, struct err *e)
{
	struct private_key k;

	if (private_key_find(o->st, text, &k, e) < 0)
		return -1;
	o->id = k.id;
	return 0;
}

static int
find(struct object *o, const char *text, struct err *e)
{
	const char *slash = strchr(text, '/');
	uint64_t id;

	if (!slash)
		return find_certificate(o, text, e);
	if (refs_by_name(text, (size_t)(slash - text), &o->type) < 0)
		return err_set(e, KIND_INPUT,
		    "%s: none of certificate domain fqdn_set ca_certificate "
		    "chain private_key certificate_request upstream_account "
		    "lineage",
		    text);
	if (str_to_u64(slash + 1, INT64_MAX, &id)) {
		o->id = (int64_t)id;
		return 0;
	}
	switch (o->type) {
	case REFS_DOMAIN:
		return find_domain(o, slash + 1, e);
	case REFS_CERTIFICATE:
		return find_certificate(o, slash + 1, e);
	case REFS_PRIVATE_KEY:
		return find_key(o, slash + 1, e);
	case REFS_UPSTREAM_ACCOUNT:
		return find_account(o, slash + 1, e);
	default:
		return err_set(
		    e, KIND_INPUT, "%s: not a number after the slash", text);
	}
}

int
show_object(
    struct store *st, const char *text, enum sheet_form form, struct err *e)
{
	struct object o = {.st = st};

	return find(&o, text, e) < 0 ? -1 : print(&o, form, e);
}
