#include "import/folder.h"

#include <unistd.h>

#include "sys/dir.h"

/* A walk; `at` is the folder at hand, "." for the root. */
struct walk {
	const char *root_path;
	int root;
	const char *password;
	int (*fn)(
	    void *arg, const char *place, struct bundle *b, struct err *e);
	void *arg;
};

static char *
join(const char *a, const char *b)
{
	return strcmp(a, ".") == 0 ? xstrdup(b) : xasprintf("%s/%s", a, b);
}

static void
add_file(const struct walk *w, const char *path, struct bundle *b)
{
	struct err e = {0};
	struct buf content;

	buf_init(&content, BUNDLE_MAX);
	if (dir_read(w->root, path, &content, &e) == 0)
		bundle_add(b, path, content.data, content.len, w->password);
	else
		bundle_add_problem(b, path, &e);
	buf_wipe(&content);
}

/* What a link leads to is met where it lies; a loop would have no end. */
static bool
is_link(const struct walk *w, const char *path)
{
	char *target = dir_link(w->root, path);

	free(target);
	return target != NULL;
}

/* The files of one folder, and the names of the folders in it. */
static void
add_folder(const struct walk *w, const char *at, struct bundle *b,
    struct strv *folders)
{
	struct err e = {0};
	struct strv names = {0};

	if (dir_list(w->root, at, &names, &e) < 0)
		bundle_add_problem(b, at, &e);
	for (size_t i = 0; i < names.len; i++) {
		char *path = join(at, names.v[i]);

		if (dir_kind(w->root, path) != DIR_FOLDER)
			add_file(w, path, b);
		else if (!is_link(w, path))
			strv_add(folders, path);
		free(path);
	}
	strv_release(&names);
}

static int
give(const struct walk *w, const char *at, struct bundle *b, struct err *e)
{
	char *place;
	int rc;

	if (b->certs.len + b->keys.len + b->csrs_len + b->problems.len == 0)
		return 0;
	b->root = xstrdup(w->root_path);
	place = bundle_path(w->root_path, at);
	rc = w->fn(w->arg, place, b, e);
	free(place);
	return rc;
}

/* One level of folders, as deep as there are. */
static int
read_folders(
    const struct walk *w, const struct strv *level, int depth, struct err *e)
{
	struct strv below = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < level->len; i++) {
		struct bundle b = {0};

		add_folder(w, level->v[i], &b, &below);
		if (depth == FOLDER_DEPTH_MAX && below.len > 0) {
			bundle_add_line(&b, level->v[i],
			    "deeper than any directory is read");
			strv_release(&below);
		}
		rc = give(w, level->v[i], &b, e);
		bundle_release(&b);
	}
	if (rc == 0 && below.len > 0)
		rc = read_folders(w, &below, depth + 1, e);
	strv_release(&below);
	return rc;
}

int
folder_read(const char *path, const char *password,
    int (*fn)(void *arg, const char *place, struct bundle *b, struct err *e),
    void *arg, struct err *e)
{
	struct walk w = {
	    .root_path = path, .password = password, .fn = fn, .arg = arg};
	struct strv root = {0};
	int rc;

	w.root = dir_open(path, e);
	if (w.root < 0)
		return -1;
	strv_add(&root, ".");
	rc = read_folders(&w, &root, 0, e);
	strv_release(&root);
	close(w.root);
	return rc;
}
