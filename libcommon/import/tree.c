#include "import/tree.h"

#include <libgen.h>
#include <sys/stat.h>

#include "import/shellvars.h"
#include "import/tree_part.h"
#include "sys/dir.h"
#include "sys/fd.h"
#include "wrap/digest.h"
#include "wrap/js.h"

struct tree_reader {
	const char *word;
	tree_read_fn *read;
	/* the store is a file, of this name when a directory is given */
	const char *file;
};

static const struct tree_reader readers[] = {
    {"certbot", tree_certbot, NULL},
    {"lego", tree_lego, NULL},
    {"acme.sh", tree_acmesh, NULL},
    {"dehydrated", tree_dehydrated, NULL},
    {"uacme", tree_uacme, NULL},
    {"caddy", tree_caddy, NULL},
    {"mod_md", tree_modmd, NULL},
    {"traefik", tree_traefik, "acme.json"},
    {"peter", tree_peter, NULL},
    {"peter-sqlite", tree_peterdb, "ssl_minnow.sqlite"},
};

const struct tree_reader *
tree_reader_at(size_t i)
{
	return i < ARRAY_LEN(readers) ? &readers[i] : NULL;
}

const struct tree_reader *
tree_reader_by_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(readers); i++)
		if (strcmp(readers[i].word, word) == 0)
			return &readers[i];
	return NULL;
}

const char *
tree_reader_word(const struct tree_reader *r)
{
	return r->word;
}

/* ---- what is wanted ---------------------------------------------------- */

bool
tree_wants_items(const struct tree_walk *w)
{
	const struct tree_filter *f = w->filter;

	return !w->accounts_only && (!f->account || f->lineage || f->version);
}

bool
tree_wants_accounts(const struct tree_walk *w)
{
	const struct tree_filter *f = w->filter;

	return w->accounts_only || f->account || (!f->lineage && !f->version);
}

/* Whether it is the one that is asked for, which has been seen then, or any. */
static bool
is_wanted(const char *wanted, const char *name, bool *seen)
{
	if (!wanted)
		return true;
	if (!name || strcmp(wanted, name) != 0)
		return false;
	*seen = true;
	return true;
}

bool
tree_wants_account(struct tree_walk *w, const char *id)
{
	return w->accounts_only ||
	    (tree_wants_accounts(w) &&
		is_wanted(w->filter->account, id, &w->has_account));
}

bool
tree_wants(struct tree_walk *w, const char *lineage)
{
	return tree_wants_items(w) &&
	    is_wanted(w->filter->lineage, lineage, &w->has_lineage);
}

bool
tree_wants_version(struct tree_walk *w, const char *version)
{
	return is_wanted(w->filter->version, version, &w->has_version);
}

/* ---- problems ---------------------------------------------------------- */

/* One line, whatever the names in the tree are made of. */
static void
tell_problem(struct tree_walk *w, const char *path, const char *line)
{
	char *place = bundle_path(w->root_path, path);
	char text[2048];

	str_escape(text, sizeof(text), line, strlen(line));
	w->told++;
	w->sink->problem(w->sink->arg, place, text);
	free(place);
}

void
tree_problem(struct tree_walk *w, const char *path, const struct err *e)
{
	char text[1024];
	char *line;

	err_format(e, text, sizeof(text));
	line = str_starts(text, path) ? xstrdup(text)
				      : xasprintf("%s: %s", path, text);
	tell_problem(w, path, line);
	free(line);
}

void
tree_complain(struct tree_walk *w, const char *path, const char *fmt, ...)
{
	char text[1024];
	char *line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	line = xasprintf("%s: %s", path, text);
	tell_problem(w, path, line);
	free(line);
}

static void
ignore(void *arg, const char *place, const char *line)
{
	(void)arg;
	(void)place;
	(void)line;
}

struct tree_walk
tree_quiet(const struct tree_walk *w)
{
	static const struct tree_sink nobody = {.problem = ignore};
	struct tree_walk quiet = *w;

	quiet.sink = &nobody;
	return quiet;
}

/* ---- files ------------------------------------------------------------- */

#define FORMAT_PATH(path, fmt)                                                 \
	do {                                                                   \
		va_list format_ap;                                             \
		va_start(format_ap, fmt);                                      \
		(path) = format_path(fmt, format_ap);                          \
		va_end(format_ap);                                             \
	} while (0)

__attribute__((format(printf, 1, 0))) static char *
format_path(const char *fmt, va_list ap)
{
	char path[PATH_MAX];
	int n = vsnprintf(path, sizeof(path), fmt, ap);

	/* one too long is no path at all, rather than another's */
	return xstrdup(n >= 0 && (size_t)n < sizeof(path) ? path : "");
}

static bool
is_kind(const struct tree_walk *w, char *path, enum dir_kind kind)
{
	bool is = dir_kind(w->root, path) == kind;

	free(path);
	return is;
}

bool
tree_is_folder(const struct tree_walk *w, const char *fmt, ...)
{
	char *path;

	FORMAT_PATH(path, fmt);
	return is_kind(w, path, DIR_FOLDER);
}

bool
tree_is_new_folder(
    const struct tree_walk *w, struct digestmap *seen, const char *path)
{
	struct dir_identity id;
	uint8_t digest[DIGESTMAP_KEY_SIZE];
	size_t before = seen->len;

	if (!dir_identify(w->root, path, &id))
		return false;
	digest_sha256(digest, &id, sizeof(id));
	digestmap_put(seen, digest, 0);
	return seen->len > before;
}

bool
tree_is_file(const struct tree_walk *w, const char *fmt, ...)
{
	char *path;

	FORMAT_PATH(path, fmt);
	return is_kind(w, path, DIR_FILE);
}

/* False when it failed; then told, unless nothing was there. */
static bool
judge(struct tree_walk *w, const char *path, int rc, const struct err *e)
{
	if (rc < 0 && e->kind != KIND_NOTFOUND)
		tree_problem(w, path, e);
	return rc == 0;
}

bool
tree_list(struct tree_walk *w, struct strv *names, const char *fmt, ...)
{
	struct err e = {0};
	char *path;
	bool ok;

	FORMAT_PATH(path, fmt);
	ok = judge(w, path, dir_list(w->root, path, names, &e), &e);
	free(path);
	return ok;
}

char *
tree_only(struct tree_walk *w, const char *fmt, ...)
{
	struct err ignored = {0};
	struct strv names = {0};
	char *path, *only = NULL;

	FORMAT_PATH(path, fmt);
	if (dir_list(w->root, path, &names, &ignored) == 0 && names.len == 1)
		only = xstrdup(names.v[0]);
	strv_release(&names);
	free(path);
	return only;
}

bool
tree_text(struct tree_walk *w, struct buf *out, const char *fmt, ...)
{
	struct err e = {0};
	char *path;
	bool ok;

	FORMAT_PATH(path, fmt);
	ok = judge(w, path, dir_read(w->root, path, out, &e), &e);
	free(path);
	return ok;
}

struct js *
tree_json(struct tree_walk *w, const char *fmt, ...)
{
	struct err e = {0};
	struct js *v = NULL;
	struct buf text;
	char *path;

	FORMAT_PATH(path, fmt);
	buf_init(&text, TREE_FILE_MAX);
	if (judge(w, path, dir_read(w->root, path, &text, &e), &e)) {
		v = js_parse_long(text.data, text.len, TREE_TEXT_MAX, &e);
		if (!v)
			tree_problem(w, path, &e);
	}
	buf_wipe(&text);
	free(path);
	return v;
}

static void
add_file(struct tree_walk *w, struct bundle *b, const char *password,
    const char *path)
{
	struct err e = {0};
	struct buf text;

	buf_init(&text, TREE_FILE_MAX);
	if (dir_read(w->root, path, &text, &e) == 0)
		bundle_add(b, path, text.data, text.len, password);
	else if (e.kind != KIND_NOTFOUND)
		bundle_add_problem(b, path, &e);
	buf_wipe(&text);
}

void
tree_add(struct tree_walk *w, struct bundle *b, const char *password,
    const char *fmt, ...)
{
	char *path;

	FORMAT_PATH(path, fmt);
	add_file(w, b, password, path);
	free(path);
}

static void
tell_problems(struct tree_walk *w, const struct bundle *b)
{
	for (size_t i = 0; i < b->problems.len; i++) {
		char *path = bundle_place(b, BUNDLE_PROBLEM, i);

		tell_problem(w, path, b->problems.v[i]);
		free(path);
	}
}

struct key *
tree_key(struct tree_walk *w, const char *password, const char *fmt, ...)
{
	struct bundle b = {0};
	struct key *k = NULL;
	char *path;

	FORMAT_PATH(path, fmt);
	add_file(w, &b, password, path);
	tell_problems(w, &b);
	if (b.keys.len == 1) {
		k = b.keys.v[0];
		b.keys.len = 0; /* transferred */
	} else if (b.keys.len > 1 || (b.certs.len > 0 && !b.problems.len)) {
		tree_complain(w, path, "not one private key");
	}
	bundle_release(&b);
	free(path);
	return k;
}

char *
tree_js_text(const struct js *v)
{
	struct buf text;

	if (!v)
		return NULL;
	buf_init(&text, TREE_FILE_MAX);
	js_write(v, &text);
	return buf_detach(&text);
}

char *
tree_json_text(struct tree_walk *w, const char *fmt, ...)
{
	struct js *v;
	char *path, *text;

	FORMAT_PATH(path, fmt);
	v = tree_json(w, "%s", path);
	text = tree_js_text(v);
	js_free(v);
	free(path);
	return text;
}

struct js *
tree_shell(struct tree_walk *w, const char *fmt, ...)
{
	struct strv skipped = {0};
	struct js *vars = NULL;
	struct buf text;
	char *path;

	FORMAT_PATH(path, fmt);
	buf_init(&text, TREE_TEXT_MAX);
	if (tree_text(w, &text, "%s", path))
		vars = shellvars_read(text.data, text.len, &skipped);
	for (size_t i = 0; i < skipped.len; i++)
		tree_complain(w, path, "%s", skipped.v[i]);
	strv_release(&skipped);
	buf_wipe(&text);
	free(path);
	return vars;
}

void
tree_add_texts(struct strv *out, const struct js *array)
{
	for (size_t i = 0; i < js_len(array); i++) {
		const char *text = js_text(js_at(array, i));

		if (text)
			strv_add(out, text);
	}
}

bool
tree_version(char out[TREE_VERSION_SIZE], const char *name, const char *prefix,
    const char *suffix)
{
	size_t before = strlen(prefix), behind = strlen(suffix);
	size_t len = strlen(name);
	uint64_t n;

	if (!str_starts(name, prefix) || !str_ends(name, suffix) ||
	    len <= before + behind || len - before - behind > 19)
		return false;
	snprintf(out, TREE_VERSION_SIZE, "%.*s", (int)(len - before - behind),
	    name + before);
	return str_to_u64(out, INT64_MAX, &n);
}

/* ---- telling ----------------------------------------------------------- */

int
tree_tell_item(struct tree_walk *w, const char *where, struct tree_item *item,
    struct err *e)
{
	struct bundle *b = item->bundle;
	int rc = 0;

	if (b->certs.len > 0) {
		w->told++;
		b->root = xstrdup(w->root_path);
		rc = w->sink->item(w->sink->arg, item, e);
	} else if (b->problems.len > 0) {
		tell_problems(w, b);
	} else {
		tree_complain(w, where, "no certificate in it");
	}
	bundle_release(b);
	return rc;
}

int
tree_tell_account(
    struct tree_walk *w, const struct tree_account *account, struct err *e)
{
	w->told++;
	return w->sink->account(w->sink->arg, account, e);
}

/* ---- the whole --------------------------------------------------------- */

/* The store is a file: the tree is its directory, and only it is read. */
static int
open_file(struct tree_walk *w, const char *path, char **copies, struct err *e)
{
	copies[0] = xstrdup(path);
	copies[1] = xstrdup(path);
	w->file = basename(copies[0]);
	w->path = path;
	w->root_path = dirname(copies[1]);
	w->root = dir_open(w->root_path, e);
	return w->root < 0 ? -1 : 0;
}

static int
open_tree(struct tree_walk *w, const struct tree_reader *r, const char *path,
    char **copies, struct err *e)
{
	struct stat st;

	if (r->file && stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return open_file(w, path, copies, e);
	w->file = r->file;
	if (r->file)
		w->path = copies[0] = xasprintf("%s/%s", path, r->file);
	w->root_path = path;
	w->root = dir_open(path, e);
	return w->root < 0 ? -1 : 0;
}

/* Whether all was there that was asked for by name, and anything else. */
static int
check_found(const struct tree_walk *w, const struct tree_reader *r,
    const char *path, struct err *e)
{
	const struct tree_filter *f = w->filter;

	if (f->account && !w->has_account)
		return err_set(e, KIND_NOTFOUND, "%s: no account %s in it",
		    path, f->account);
	if (f->lineage && !w->has_lineage)
		return err_set(e, KIND_NOTFOUND, "%s: no lineage %s in it",
		    path, f->lineage);
	if (f->version && !w->has_version)
		return err_set(e, KIND_NOTFOUND, "%s: no version %s in it",
		    path, f->version);
	if (w->told == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%s: nothing of %s in it", path, r->word);
	return 0;
}

/* What is broken in accounts that nobody wants is nobody's problem. */
static int
tell_known(
    const struct tree_walk *w, const struct tree_reader *r, struct err *e)
{
	const struct tree_sink quiet = {
	    .arg = w->sink->arg, .account = w->sink->known, .problem = ignore};
	struct tree_walk accounts = *w;

	if (!w->sink->known || (!w->filter->lineage && !w->filter->version))
		return 0;
	accounts.sink = &quiet;
	accounts.accounts_only = true;
	return r->read(&accounts, e);
}

int
tree_read(const struct tree_reader *r, const char *path,
    const struct tree_filter *f, const struct tree_sink *sink, struct err *e)
{
	struct tree_walk w = {.root = -1, .filter = f, .sink = sink};
	char *copies[2] = {NULL, NULL};
	int rc = open_tree(&w, r, path, copies, e);

	if (rc == 0)
		rc = tell_known(&w, r, e);
	if (rc == 0)
		rc = r->read(&w, e);
	if (rc == 0)
		rc = check_found(&w, r, path, e);
	fd_close(&w.root);
	free(copies[0]);
	free(copies[1]);
	return rc;
}
