#include "deploy/exporttree.h"

#include <errno.h>

#include "base/digestmap.h"
#include "base/log.h"
#include "base/str.h"
#include "deploy/format.h"
#include "deploy/gendir.h"
#include "deploy/indexfile.h"
#include "deploy/linkdir.h"
#include "store/serving.h"
#include "wrap/digest.h"

#define BATCH 256 /* names between two syncs */
#define UNOPENED_MAX                                                           \
	20 /* keys under another seal, until it is the wrong one               \
	    */

static const char *const change_names[] = {
    [EXPORTTREE_NEW] = "new",
    [EXPORTTREE_CHANGED] = "changed",
    [EXPORTTREE_MENDED] = "mended",
    [EXPORTTREE_REMOVED] = "removed",
};
_Static_assert(
    ARRAY_LEN(change_names) == EXPORTTREE_CHANGE__MAX, "one per change");

const char *
exporttree_change_name(enum exporttree_change change)
{
	return change_names[change];
}

/* A link that is to be made, once what it shows is on disk. */
struct pending {
	char *directory, *entry, *target;
	char *name; /* NULL: another link of the same name says it */
	enum exporttree_change change;
	int64_t certificate_id;
};

/* A generation whose files were not as they should be. */
struct mended {
	char generation[LAYOUT_NAME_SIZE];
	int64_t created;
};

struct walk {
	const struct exporttree *t;
	struct gendir g;
	struct linkdir l;
	struct indexfile index;
	struct pending pending[BATCH * LAYOUT_LINKS];
	size_t pending_len;
	bool unsynced;
	char last[LAYOUT_NAME_SIZE]; /* the generation that was seen to last */
	bool last_changed;
	struct strv links; /* that are as they should be, as DIRECTORY/ENTRY */
	struct strv generations; /* in use, or left by this run */
	struct mended *mended;
	size_t mended_len;
	struct strv removed; /* names, with `since` */
	struct digestmap taken; /* names of files that two names may want */
	int64_t names, invalid;
	bool
	    incomplete; /* a name has what it had, and which links is unknown */
	bool opened; /* a key, with the seal at hand */
	size_t unopened; /* keys that are under another, before */
};

/* One name on its way. */
struct step {
	const struct serving *s;
	int64_t chain_id;
	char file_name[LAYOUT_NAME_SIZE];
	char generation[LAYOUT_NAME_SIZE];
};

/* Not all names are looked at. */
static bool
is_part(const struct walk *w)
{
	return w->t->since != 0 || w->t->certificate_ids;
}

static const struct layout_link *
link_at(const struct walk *w, size_t i)
{
	const struct layout_link *l = &w->t->layout->links[i];

	return i < LAYOUT_LINKS && l->entry ? l : NULL;
}

static int
go_on(const struct walk *w, struct err *e)
{
	return w->t->goes_on ? w->t->goes_on(w->t->arg, e) : 0;
}

/* ---- switching ----------------------------------------------------------- */

/*
 * One key may have been sealed under an old seal by who had that still; with so
 * many, and none that opened, the seal at hand is the wrong one.
 */
static bool
is_wrong_seal(struct walk *w)
{
	return !w->t->seal || (!w->opened && ++w->unopened == UNOPENED_MAX);
}

/* One that cannot be done does not stop the rest, unless none can. */
static int
judge(struct walk *w, int64_t certificate_id, struct err *why, struct err *e)
{
	bool one_only = why->kind == KIND_INPUT || why->kind == KIND_NOTFOUND ||
	    (why->kind == KIND_CONF && !is_wrong_seal(w)) ||
	    why->kind == KIND_CONFLICT ||
	    (why->kind == KIND_SYS && why->errnum != ENOSPC &&
		why->errnum != EDQUOT && why->errnum != EROFS &&
		why->errnum != EIO && why->errnum != EACCES);

	if (one_only) {
		w->t->failed(w->t->arg, certificate_id, why);
		return 0;
	}
	*e = *why;
	return -1;
}

static int
switch_one(struct walk *w, const struct pending *p, struct err *e)
{
	struct err why = {0};

	if (linkdir_switch(&w->l, p->directory, p->entry, p->target, &why) <
	    0) {
		if (p->name)
			indexfile_remove(&w->index, p->name);
		return judge(w, p->certificate_id, &why, e);
	}
	return 0;
}

/* What is told of before it is done is not lost when we are killed. */
static void
announce(struct walk *w)
{
	for (size_t i = 0; i < w->pending_len; i++) {
		const struct pending *p = &w->pending[i];

		if (p->name)
			w->t->changed(
			    w->t->arg, p->name, p->change, p->certificate_id);
	}
	if (w->pending_len > 0)
		w->t->tell(w->t->arg);
}

static void
announce_removal(struct walk *w, const char *name)
{
	w->t->changed(w->t->arg, name, EXPORTTREE_REMOVED, 0);
	w->t->tell(w->t->arg);
}

/* What links will show is on disk before they show it. */
static int
flush(struct walk *w, struct err *e)
{
	int rc = w->unsynced ? gendir_sync(&w->g, e) : 0;

	if (rc == 0)
		announce(w);
	for (size_t i = 0; i < w->pending_len; i++) {
		struct pending *p = &w->pending[i];

		if (rc == 0)
			rc = switch_one(w, p, e);
		free(p->directory);
		free(p->entry);
		free(p->target);
		free(p->name);
	}
	w->unsynced = w->pending_len > 0;
	w->pending_len = 0;
	return rc;
}

/* ---- one name ------------------------------------------------------------ */

struct place {
	char directory[LAYOUT_NAME_SIZE + 32];
	char entry[LAYOUT_NAME_SIZE];
	char target[LINKDIR_TARGET_SIZE];
	char is[LINKDIR_TARGET_SIZE]; /* its target now */
};

static size_t
depth(const char *directory)
{
	size_t n = *directory != '\0';

	for (; *directory; directory++)
		n += *directory == '/';
	return n;
}

static int
expand(const struct layout_link *l, const struct step *step, struct place *p,
    struct err *e)
{
	if (layout_expand(l->directory, step->file_name, step->s->fqdn_set_id,
		step->generation, 0, p->directory, sizeof(p->directory)) &&
	    layout_expand(l->entry, step->file_name, step->s->fqdn_set_id,
		step->generation, 0, p->entry, sizeof(p->entry)) &&
	    layout_expand(l->target, step->file_name, step->s->fqdn_set_id,
		step->generation, depth(p->directory), p->target,
		sizeof(p->target)))
		return 0;
	return err_set(e, KIND_INPUT, "%s: too long for the name of a file",
	    step->s->name);
}

/* What others read must not be taken away under their hands: it stays a run. */
static void
keep(struct walk *w, const char *target)
{
	char generation[LINKDIR_TARGET_SIZE];

	if (linkdir_generation(target, generation))
		strv_add(&w->generations, generation);
}

static void
add_pending(struct walk *w, const struct place *p, int64_t certificate_id)
{
	w->pending[w->pending_len++] =
	    (struct pending){.directory = xstrdup(p->directory),
		.entry = xstrdup(p->entry),
		.target = xstrdup(p->target),
		.certificate_id = certificate_id};
	keep(w, p->is);
}

static int
load(struct walk *w, const struct step *step, struct material *m, struct err *e)
{
	struct store *st = w->t->st;

	if (certificate_by_id(st, step->s->certificate_id, &m->cert, e) < 0 ||
	    (step->chain_id != 0 &&
		chain_load(st, step->chain_id, &m->chain, e) < 0))
		return -1;
	if (material_add_key(st, m, w->t->seal, e) < 0)
		return -1;
	w->opened = true;
	return 0;
}

static void
note_mended(struct walk *w, const struct step *step)
{
	struct mended *m;

	w->mended =
	    xreallocarray(w->mended, w->mended_len + 1, sizeof(*w->mended));
	m = &w->mended[w->mended_len++];
	memcpy(m->generation, step->generation, sizeof(m->generation));
	m->created = step->s->created;
}

/* Makes sure of the generation; nothing is loaded when it looks right. */
static int
ensure(struct walk *w, const struct step *step, bool trusted, struct err *e)
{
	struct layout_item it = {.name = step->s->name,
	    .file_name = step->file_name,
	    .generation = step->generation,
	    .root = w->t->root};
	enum gendir_result result = GENDIR_SAME;
	struct material m;
	int rc;

	if (strcmp(w->last, step->generation) == 0)
		return 0;
	w->last[0] = '\0';
	w->last_changed = false;
	if (!trusted || w->t->verify || w->g.is_other ||
	    !gendir_is_sound(&w->g, step->generation, step->s->created)) {
		material_init(&m);
		it.m = &m;
		rc = load(w, step, &m, e);
		if (rc == 0)
			rc = gendir_write(&w->g, &it, trusted, &result, e);
		material_release(&m);
		if (rc < 0)
			return -1;
		w->last_changed = result != GENDIR_SAME;
		w->unsynced |= w->last_changed;
		if (result == GENDIR_MENDED)
			note_mended(w, step);
	}
	memcpy(w->last, step->generation, sizeof(w->last));
	strv_add(&w->generations, step->generation);
	return 0;
}

static void
note_link(struct walk *w, const struct place *p)
{
	char *path;

	if (is_part(w))
		return;
	path = xasprintf("%s/%s", p->directory, p->entry);
	strv_add(&w->links, path);
	free(path);
}

/* All links of the name are known now: makes those that are otherwise. */
static void
finish_step(struct walk *w, const struct step *step, const struct place *places,
    size_t len)
{
	struct pending *last = NULL;
	bool had = true;

	for (size_t i = 0; i < len; i++) {
		note_link(w, &places[i]);
		if (strcmp(places[i].is, places[i].target) == 0)
			continue;
		add_pending(w, &places[i], step->s->certificate_id);
		last = &w->pending[w->pending_len - 1];
		had &= places[i].is[0] != '\0';
	}
	if (last) {
		last->name = xstrdup(step->s->name);
		last->change = had ? EXPORTTREE_CHANGED : EXPORTTREE_NEW;
	} else if (w->last_changed) {
		w->t->changed(w->t->arg, step->s->name, EXPORTTREE_MENDED,
		    step->s->certificate_id);
	}
}

static int
export_step(struct walk *w, const struct step *step, struct err *e)
{
	struct place places[LAYOUT_LINKS];
	const struct layout_link *l;
	bool trusted = true;
	size_t n = 0;

	for (; (l = link_at(w, n)); n++) {
		struct place *p = &places[n];

		if (expand(l, step, p, e) < 0 ||
		    linkdir_read(
			&w->l, p->directory, p->entry, true, p->is, e) < 0)
			return -1;
		/* It was on disk when it was linked to. */
		trusted = trusted && strcmp(p->is, p->target) == 0;
	}
	if (ensure(w, step, trusted, e) < 0)
		return -1;
	finish_step(w, step, places, n);
	return 0;
}

/* ---- all names ----------------------------------------------------------- */

/* Another chain than the preferred one, for those who want it so. */
static int
pick_chain(struct walk *w, struct step *step, struct err *e)
{
	struct material m;
	int rc = 0;

	step->chain_id = step->s->chain_id;
	if (w->t->pick.by == CHAINPICK_DEFAULT)
		return 0;
	material_init(&m);
	m.cert.id = step->s->certificate_id;
	rc = material_add_chain(w->t->st, &m, &w->t->pick, true, e);
	step->chain_id = m.chain.id;
	material_release(&m);
	return rc;
}

/*
 * A name of a file that is not simply the name may be that of another: the
 * first that comes has it, which is the same one each time.
 */
static bool
claim(struct walk *w, const struct serving *s, const char *file_name)
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	if (strcmp(s->name, file_name) == 0 && strchr(s->name, '.') &&
	    !str_starts(s->name, w->t->layout->wildcard))
		return true;
	digest_sha256(digest, file_name, strlen(file_name));
	return digestmap_put(&w->taken, digest, (size_t)s->domain_id) ==
	    (size_t)s->domain_id;
}

/* Fills `step` in; KIND_INPUT for a name that can be no file. */
static int
prepare(
    struct walk *w, const struct serving *s, struct step *step, struct err *e)
{
	static const char unfit[] = "not fit to be the name of a file";

	step->s = s;
	if (!layout_name(w->t->layout, s->name, step->file_name))
		return err_set(e, KIND_INPUT, unfit);
	if (!claim(w, s, step->file_name))
		return err_set(e, KIND_INPUT,
		    "another name has the file %s already", step->file_name);
	if (pick_chain(w, step, e) < 0)
		return -1;
	return layout_generation(w->t->layout, step->file_name,
		   s->certificate_id, s->sha256, step->chain_id,
		   step->generation)
	    ? 0
	    : err_set(e, KIND_INPUT, unfit);
}

static int
name_error(const struct serving *s, struct err *e)
{
	char shown[80];

	str_escape(shown, sizeof(shown), s->name, strlen(s->name));
	return err_object(e, "%s", shown);
}

static bool
is_of_name(const struct layout_link *l)
{
	return strstr(l->directory, "%n") || strstr(l->entry, "%n");
}

/* Nothing serves it any more. */
static int
remove_name(struct walk *w, const char *name, struct err *e)
{
	struct serving s = {0};
	struct step step = {.s = &s};
	const struct layout_link *l;
	struct place p;
	bool told = false;

	snprintf(s.name, sizeof(s.name), "%s", name);
	if (!layout_name(w->t->layout, name, step.file_name))
		return 0;
	for (size_t i = 0; (l = link_at(w, i)); i++) {
		if (!is_of_name(l))
			continue;
		if (expand(l, &step, &p, e) < 0 ||
		    linkdir_read(&w->l, p.directory, p.entry, false, p.is, e) <
			0)
			return -1;
		if (p.is[0] == '\0')
			continue;
		if (!told)
			announce_removal(w, name);
		told = true;
		if (linkdir_remove(&w->l, p.directory, p.entry,
			strchr(l->directory, '%') != NULL, e) < 0)
			return -1;
	}
	return 0;
}

static void
add_to_index(struct walk *w, const struct step *step)
{
	const struct layout_item it = {.name = step->s->name,
	    .file_name = step->file_name,
	    .generation = step->generation,
	    .root = w->t->root};

	indexfile_add(&w->index, &it, step->s->certificate_id);
}

/*
 * One that cannot be done now is served by what it had, which may be other than
 * that of names with the same certificate.
 */
static void
leave_name(struct walk *w, const struct step *step)
{
	const struct layout_item it = {.name = step->s->name,
	    .file_name = step->file_name,
	    .root = w->t->root};
	struct err ignored = {0};
	struct place p;

	if (is_part(w))
		return;
	w->incomplete |= link_at(w, 1) != NULL;
	if (expand(link_at(w, 0), step, &p, &ignored) < 0 ||
	    linkdir_read(&w->l, p.directory, p.entry, false, p.is, &ignored) <
		0 ||
	    p.is[0] == '\0')
		return;
	note_link(w, &p);
	keep(w, p.is);
	indexfile_add(&w->index, &it, -step->s->domain_id);
}

static int
export_name(struct walk *w, const struct serving *s, struct err *e)
{
	struct step step;

	if (s->certificate_id == 0) {
		if (w->t->remove && is_part(w))
			strv_add(&w->removed, s->name);
		return 0;
	}
	if (prepare(w, s, &step, e) < 0)
		return name_error(s, e);
	if (export_step(w, &step, e) < 0) {
		leave_name(w, &step);
		return -1;
	}
	w->names++;
	w->invalid += s->not_after < w->t->now || s->not_before > w->t->now;
	if (!is_part(w))
		add_to_index(w, &step);
	return 0;
}

static int
each_name(void *arg, const struct serving *s, struct err *e)
{
	struct walk *w = arg;
	struct err why = {0};

	if (go_on(w, e) < 0)
		return -1;
	if (export_name(w, s, &why) < 0 &&
	    judge(w, s->certificate_id, &why, e) < 0)
		return -1;
	return w->pending_len + LAYOUT_LINKS > ARRAY_LEN(w->pending)
	    ? flush(w, e)
	    : 0;
}

/*
 * The file of all names has those that have not changed, too: all that are in
 * the tree.
 */
static int
each_for_index(void *arg, const struct serving *s, struct err *e)
{
	struct walk *w = arg;
	const struct layout_link *l = link_at(w, 0);
	struct step step = {.s = s};
	struct place p;

	if (go_on(w, e) < 0)
		return -1;
	if (s->certificate_id == 0 ||
	    !layout_name(w->t->layout, s->name, step.file_name))
		return 0;
	if (expand(l, &step, &p, e) < 0 ||
	    linkdir_read(&w->l, p.directory, p.entry, false, p.is, e) < 0)
		return -1;
	if (p.is[0] != '\0')
		add_to_index(w, &step);
	return 0;
}

/* ---- what nobody needs any more ------------------------------------------ */

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The list is sorted. */
static bool
has(const struct strv *l, const char *s)
{
	return l->len > 0 &&
	    bsearch(&s, l->v, l->len, sizeof(*l->v), compare) != NULL;
}

/* What a person calls a link that is removed: by its file, "_." being "*.". */
static void
report_removed(struct walk *w, const char *directory, const char *entry,
    const struct layout_link *l)
{
	const char *name = strchr(l->entry, '%') ? entry : directory;
	size_t tail = strchr(l->entry, '%') ? strlen(l->entry + 2) : 0;
	char *text = xstrndup(name, strlen(name) - tail);

	if (str_starts(text, "_."))
		*text = '*';
	announce_removal(w, text);
	free(text);
}

struct sweep {
	struct walk *w;
	const struct layout_link *link;
	struct strv used; /* by links that stay */
};

static bool
is_ours(const struct sweep *s, const char *target)
{
	char generation[LINKDIR_TARGET_SIZE];

	if (strchr(s->link->target, 'g'))
		return linkdir_generation(target, generation) != NULL;
	return strncmp(
		   target, s->link->target, strcspn(s->link->target, "%")) == 0;
}

static int
sweep_link(void *arg, const char *directory, const char *entry,
    const char *target, struct err *e)
{
	struct sweep *s = arg;
	char *path = xasprintf("%s/%s", directory, entry);
	bool known = has(&s->w->links, path);
	char generation[LINKDIR_TARGET_SIZE];

	free(path);
	if (go_on(s->w, e) < 0)
		return -1;
	if (known || !is_ours(s, target))
		return 0;
	if (!s->w->t->remove || s->w->incomplete) {
		if (linkdir_generation(target, generation))
			strv_add(&s->used, generation);
		return 0;
	}
	keep(s->w, target);
	if (is_of_name(s->link))
		report_removed(s->w, directory, entry, s->link);
	return linkdir_remove(&s->w->l, directory, entry,
	    strchr(s->link->directory, '%') != NULL, e);
}

static int
sweep_links(struct walk *w, struct sweep *s, struct err *e)
{
	strv_sort_unique(&w->links);
	for (size_t i = 0; (s->link = link_at(w, i)); i++)
		if (linkdir_each(&w->l, s->link, sweep_link, s, e) < 0)
			return -1;
	return 0;
}

static bool
has_orphans(const struct walk *w, const struct strv *there)
{
	for (size_t i = 0; i < there->len; i++)
		if (!has(&w->generations, there->v[i]))
			return true;
	return false;
}

/* Generations without a link, from before this run. */
static int
remove_orphans(
    struct walk *w, const struct strv *there, struct sweep *s, struct err *e)
{
	strv_sort_unique(&w->generations);
	strv_sort_unique(&s->used);
	for (size_t i = 0; i < there->len; i++)
		if (go_on(w, e) < 0 ||
		    (!has(&w->generations, there->v[i]) &&
			!has(&s->used, there->v[i]) &&
			gendir_remove(&w->g, there->v[i], e) < 0))
			return -1;
	return 0;
}

static int
sweep(struct walk *w, struct err *e)
{
	struct sweep s = {.w = w};
	struct strv there = {0};
	int rc = gendir_list(&w->g, &there, e);

	if (rc == 0 && w->t->remove && w->names == 0 && there.len > 0)
		rc = err_set(e, KIND_CONFLICT,
		    "%s: the store has nothing for a tree that is not empty; "
		    "nothing is removed",
		    w->t->root);
	strv_sort_unique(&w->generations);
	if (rc == 0 && (w->t->remove || has_orphans(w, &there))) {
		rc = sweep_links(w, &s, e);
		if (rc == 0)
			rc = remove_orphans(w, &there, &s, e);
	}
	strv_release(&there);
	strv_release(&s.used);
	return rc;
}

/* ---- the whole ----------------------------------------------------------- */

static int
walk_store(struct walk *w, struct err *e)
{
	const struct exporttree *t = w->t;
	int rc;

	if (!is_part(w))
		return serving_each(t->st, t->now, each_name, w, e);
	rc = t->certificate_ids
	    ? serving_each_of(t->st, t->certificate_ids, t->certificate_ids_len,
		  t->now, each_name, w, e)
	    : serving_each_since(t->st, t->since, t->now, each_name, w, e);
	if (rc < 0 || flush(w, e) < 0)
		return -1;
	return t->layout->index.name
	    ? serving_each(t->st, t->now, each_for_index, w, e)
	    : 0;
}

/* Not before the file of all names names them no more. */
static int
remove_names(struct walk *w, struct err *e)
{
	for (size_t i = 0; i < w->removed.len; i++) {
		struct err why = {0};

		if (go_on(w, e) < 0)
			return -1;
		if (remove_name(w, w->removed.v[i], &why) < 0 &&
		    judge(w, 0, &why, e) < 0)
			return -1;
	}
	return 0;
}

/* What has been told of, and is on disk, need not be told of again. */
static int
stamp_mended(struct walk *w, struct err *e)
{
	if (w->mended_len > 0)
		w->t->tell(w->t->arg);
	for (size_t i = 0; i < w->mended_len; i++)
		if (gendir_stamp(&w->g, w->mended[i].generation,
			w->mended[i].created, e) < 0)
			return -1;
	return 0;
}

static void
report(const struct walk *w)
{
	char names[32], invalid[32];

	snprintf(names, sizeof(names), "%lld", (long long)w->names);
	snprintf(invalid, sizeof(invalid), "%lld", (long long)w->invalid);
	log_event(w->invalid ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "export.done",
	    "tree", w->t->root, "names", names, "not_valid_now", invalid, NULL);
}

int
exporttree_run(const struct exporttree *t, struct err *e)
{
	struct walk *w = xcalloc(1, sizeof(*w));
	struct err why = {0};
	int rc;

	w->t = t;
	w->g = (struct gendir){.root = t->root,
	    .layout = t->layout,
	    .owner = t->owner,
	    .secret_mode = t->mode};
	indexfile_init(&w->index, &t->layout->index);
	rc = gendir_open(&w->g, e) < 0 || linkdir_open(&w->l, t->root, e) < 0
	    ? -1
	    : walk_store(w, e);
	/* What is complete is shown also when the rest could not be done. */
	if (flush(w, rc == 0 ? e : &why) < 0)
		rc = -1;
	if (rc == 0)
		rc = indexfile_write(&w->index, t->root, &t->owner, e);
	if (rc == 0)
		rc = is_part(w) ? remove_names(w, e) : sweep(w, e);
	if (rc == 0 && w->unsynced)
		rc = gendir_sync(&w->g, e);
	if (rc == 0)
		rc = stamp_mended(w, e);
	if (rc == 0 && !is_part(w))
		rc = gendir_settle(&w->g, e);
	if (rc == 0)
		report(w);
	digestmap_release(&w->taken);
	indexfile_release(&w->index);
	linkdir_close(&w->l);
	gendir_close(&w->g);
	strv_release(&w->links);
	strv_release(&w->generations);
	strv_release(&w->removed);
	free(w->mended);
	free(w);
	return rc;
}
