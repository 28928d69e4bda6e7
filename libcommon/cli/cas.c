#include "cli/cas.h"

#include <unistd.h>

#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/upstream.h"
#include "client/ca.h"
#include "client/directory.h"
#include "sys/file.h"
#include "wrap/js.h"

static const char *const ca_columns[] = {
    "name", "directory", "trust", "fetched", "held_until", "note", NULL};

static void
put_ca(struct out *o, const char *name, const char *url, const char *trust,
    const struct upstream_ca *ca, const char *note)
{
	out_text(o, name);
	out_text(o, url);
	out_text(o, trust ? "own" : "machine");
	out_time(o, ca ? ca->fetched : 0);
	out_time(o, ca ? ca->retry_at : 0);
	out_text(o, note);
	out_end(o);
}

struct ca_listing {
	struct out out;
	struct strv urls; /* that have been printed */
};

static int
list_ca(void *arg, const struct upstream_ca *ca, struct err *e)
{
	struct ca_listing *l = arg;

	(void)e;
	put_ca(&l->out, ca->name, ca->directory_url, ca->trust, ca, NULL);
	strv_add(&l->urls, ca->directory_url);
	strv_add(&l->urls, ca->name);
	return 0;
}

int
cas_list(struct prog *p, struct err *e)
{
	struct ca_listing l = {0};
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	int rc;

	out_init(&l.out, p->json, !p->no_header, ca_columns);
	rc = st ? upstream_ca_each(st, list_ca, &l, e) : -1;
	for (size_t i = 0; rc == 0 && i < ca_known_len; i++)
		if (!strv_has(&l.urls, ca_known[i].directory_url) &&
		    !strv_has(&l.urls, ca_known[i].name))
			put_ca(&l.out, ca_known[i].name,
			    ca_known[i].directory_url, NULL, NULL,
			    ca_known[i].note);
	if (rc == 0)
		out_finish(&l.out);
	strv_release(&l.urls);
	store_close(st);
	return rc;
}

int
cas_add(struct prog *p, const char *trust_file, struct err *e)
{
	struct store *st = NULL;
	struct buf trust;
	int64_t id;
	int rc = 0;

	if (strncmp(p->argv[1], "https://", 8) != 0)
		return prog_misuse(e, "%s: no https URL", p->argv[1]);
	buf_init(&trust, UPSTREAM_CA_TRUST_MAX);
	if (trust_file)
		rc = file_read(trust_file, &trust, e);
	if (rc == 0 && trust_file && !strstr(trust.data, "-----BEGIN CERT"))
		rc = err_set(
		    e, KIND_INPUT, "%s: no certificate in PEM", trust_file);
	if (rc == 0) {
		st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
		rc = st ? upstream_ca_add(st, p->argv[0], p->argv[1],
			      trust_file ? trust.data : NULL, &id, e)
			: -1;
	}
	store_close(st);
	buf_release(&trust);
	return rc;
}

static int
count_directory(void *arg, int64_t at, const char *directory, struct err *e)
{
	int64_t *count = arg;

	(void)at;
	(void)directory;
	(void)e;
	++*count;
	return 0;
}

static int
add_profile(const char *name, const struct js *value, void *arg)
{
	(void)value;
	strv_add(arg, name);
	return 0;
}

static void
put_meta(struct out *o, const struct directory *d)
{
	const struct js *meta = directory_meta(d);
	struct strv profiles = {0}, names = {0};

	js_each(js_get(meta, "profiles"), add_profile, &profiles);
	js_texts(js_get(meta, "caaIdentities"), &names);
	out_text(o, js_get_text(meta, "termsOfService"));
	out_text(o, js_get_text(meta, "website"));
	out_list(o, &names);
	out_yes(o, js_is_true(js_get(meta, "externalAccountRequired")));
	out_list(o, &profiles);
	out_yes(o, directory_url(d, "renewalInfo") != NULL);
	strv_release(&profiles);
	strv_release(&names);
}

static int
print_ca(const struct prog *p, struct store *st, const struct upstream_ca *ca,
    struct err *e)
{
	static const char *const columns[] = {"name", "directory", "trust",
	    "fetched", "directories", "held_until", "terms", "website",
	    "caa_identities", "binding_required", "profiles", "renewal_info",
	    NULL};
	struct directory d = {0};
	struct err ignored = {0};
	struct out o;
	int64_t count = 0;

	if (upstream_ca_each_directory(st, ca->id, count_directory, &count, e) <
	    0)
		return -1;
	if (ca->directory)
		directory_read(&d, ca->directory_url, ca->directory,
		    strlen(ca->directory), &ignored);
	out_init(&o, p->json, !p->no_header, columns);
	out_text(&o, ca->name);
	out_text(&o, ca->directory_url);
	out_text(&o, ca->trust ? "own" : "machine");
	out_time(&o, ca->fetched);
	out_int(&o, count);
	out_time(&o, ca->retry_at);
	put_meta(&o, &d);
	out_end(&o);
	out_finish(&o);
	directory_release(&d);
	return 0;
}

int
cas_show(struct prog *p, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	struct upstream_ca ca;
	int rc = st ? ca_find(st, p->argv[0], &ca, e) : -1;

	if (rc == 0) {
		rc = print_ca(p, st, &ca, e);
		upstream_ca_release(&ca);
	}
	store_close(st);
	return rc;
}

int
cas_refresh(struct prog *p, bool traces, struct err *e)
{
	struct upstream up = {0};
	struct upstream_ca now;
	int rc = upstream_start(&up, p, p->argv[0], e);

	if (rc == 0)
		rc = upstream_enter(&up, p, e);
	up.trace = traces ? STDERR_FILENO : -1;
	if (rc == 0)
		rc = upstream_open_ca(&up, p, p->argv[0], e);
	if (rc == 0)
		rc = client_refresh(up.client, e);
	if (rc == 0 &&
	    (rc = upstream_ca_by_id(up.st, up.ca.id, &now, e)) == 0) {
		rc = print_ca(p, up.st, &now, e);
		upstream_ca_release(&now);
	}
	upstream_stop(&up);
	return rc;
}
