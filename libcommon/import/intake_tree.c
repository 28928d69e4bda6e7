#include "import/intake.h"
#include "import/tree.h"

/* A tree on its way into the store. */
struct passage {
	struct intake *in;
	const char *client, *path;
	bool failed; /* the intake, not the tree */
};

/* Where something stands: the tree, and what the client calls it. */
static char *
place_of(const struct passage *p, const char *name, const char *version)
{
	return version ? xasprintf("%s: %s %s", p->path, name, version)
		       : xasprintf("%s: %s", p->path, name);
}

static int
take_item(void *arg, const struct tree_item *item, struct err *e)
{
	struct passage *p = arg;
	const struct intake_lineage lineage = {.client = p->client,
	    .name = item->lineage,
	    .settings = item->settings,
	    .account = item->account};
	const struct intake_state state = {.newest = item->newest,
	    .revoked = item->revoked,
	    .compromised = item->compromised};
	char *place = place_of(p, item->lineage, item->version);
	int rc = intake_add_lineage(p->in, place, item->bundle, &state,
	    item->settings ? &lineage : NULL, e);

	p->failed = rc < 0;
	free(place);
	return rc;
}

static int
take_account(void *arg, const struct tree_account *account, struct err *e)
{
	struct passage *p = arg;
	const struct intake_account a = {.id = account->id,
	    .directory_url = account->directory_url,
	    .ca = account->ca,
	    .url = account->url,
	    .contacts = account->contacts,
	    .key = account->key,
	    .data = account->data,
	    .deactivated = account->deactivated};
	char *place = place_of(p, account->id, NULL);
	int rc = intake_add_account(p->in, place, &a, e);

	p->failed = rc < 0;
	free(place);
	return rc;
}

/* One that is not to be stored may be there already. */
static int
take_known(void *arg, const struct tree_account *account, struct err *e)
{
	struct passage *p = arg;
	int rc = intake_know_account(p->in, account->id, account->key, e);

	p->failed = rc < 0;
	return rc;
}

/* A store that fails now fails again at the end, where it is told. */
static void
take_problem(void *arg, const char *place, const char *line)
{
	struct passage *p = arg;
	struct bundle b = {0};
	struct err ignored = {0};

	bundle_add_line(&b, place, line);
	intake_add(p->in, p->path, &b, &ignored);
	bundle_release(&b);
}

int
intake_add_tree(struct intake *in, const struct tree_reader *r,
    const char *path, const struct tree_filter *f, struct err *e)
{
	struct passage p = {
	    .in = in, .client = tree_reader_word(r), .path = path};
	const struct tree_sink sink = {.arg = &p,
	    .item = take_item,
	    .account = take_account,
	    .problem = take_problem,
	    .known = take_known};

	struct err other = {0};
	int rc = tree_read(r, path, f, &sink, e);

	/* a tree that ends too early has given what it has given */
	if (rc < 0 && !p.failed && intake_finish(in, &other) < 0)
		*e = other;
	return rc;
}
