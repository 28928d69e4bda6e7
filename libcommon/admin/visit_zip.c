#include "admin/visit.h"

#include "admin/admin.h"
#include "base/zip.h"
#include "deploy/format.h"
#include "http/response.h"
#include "sys/clock.h"

/* A certificate with all that a server needs, as an archive. */
struct archive {
	struct visit *visit;
	bool is_via; /* another of its chains */
	int64_t id;
};

static int
add_file(struct zip *z, const struct material *m, const char *name,
    unsigned parts, struct err *e)
{
	char file[64];
	struct buf pem;
	int rc;

	snprintf(file, sizeof(file), "%s%lld.pem", name, (long long)m->cert.id);
	buf_init(&pem, FORMAT_MAX);
	rc = format_pem(m, parts, &pem, e);
	if (rc == 0)
		zip_add(z, file, parts == FORMAT_KEY, pem.data, pem.len);
	buf_wipe(&pem);
	return rc;
}

/* Under the names that peter_sslers has. */
static int
add_files(const struct archive *a, const struct material *m, struct err *e)
{
	struct buf *body = &a->visit->response->body;
	struct zip z;
	int rc;

	buf_clear(body);
	zip_begin(&z, body, clock_now());
	rc = add_file(&z, m, "privkey", FORMAT_KEY, e);
	if (rc == 0)
		rc = add_file(&z, m, "cert", FORMAT_LEAF, e);
	if (rc == 0 && m->chain.len > 0)
		rc = add_file(&z, m, "chain", FORMAT_CHAIN, e);
	if (rc == 0)
		rc = add_file(&z, m, "fullchain", FORMAT_FULLCHAIN, e);
	zip_end(&z);
	return rc;
}

static int
load(struct archive *a, struct material *m, struct err *e)
{
	static const struct chainpick pick = {.by = CHAINPICK_DEFAULT};
	const struct admin *admin = a->visit->admin;
	struct store *st = admin->store;
	int64_t chain;

	if (visit_number(a->visit, 0, &a->id, e) < 0 ||
	    (a->is_via && visit_number(a->visit, 1, &chain, e) < 0) ||
	    certificate_by_id(st, a->id, &m->cert, e) < 0)
		return -1;
	if ((a->is_via ? material_take_chain(st, m, chain, e)
		       : material_add_chain(st, m, &pick, true, e)) < 0)
		return -1;
	return material_add_key(st, m, admin->setup->seal, e);
}

/* As of one moment; may be run again. */
static int
make(void *arg, struct err *e)
{
	struct archive *a = arg;
	struct material m;
	int rc;

	material_init(&m);
	rc = load(a, &m, e);
	if (rc == 0)
		rc = add_files(a, &m, e);
	material_release(&m);
	return rc;
}

static int
serve(struct visit *v, bool is_via, struct err *e)
{
	struct archive a = {.visit = v, .is_via = is_via};

	if (store_snapshot(v->admin->store, make, &a, e) < 0)
		return -1;
	response_field(v->response, "Content-Type", "application/zip");
	response_field(v->response, "Content-Disposition",
	    "attachment; filename=\"cert%lld.zip\"", (long long)a.id);
	return 0;
}

int
visit_zip(struct visit *v, struct err *e)
{
	return serve(v, false, e);
}

int
visit_zip_via(struct visit *v, struct err *e)
{
	return serve(v, true, e);
}
