#include "deploy/indexfile.h"

#include "base/str.h"
#include "store/certificate.h"

#define MAX ((size_t)1024 * 1024 * 1024)

void
indexfile_init(struct indexfile *x, const struct layout_index *spec)
{
	*x = (struct indexfile){.spec = spec};
}

void
indexfile_release(struct indexfile *x)
{
	for (size_t i = 0; i < x->len; i++) {
		free(x->v[i].name);
		free(x->v[i].file_name);
	}
	free(x->v);
	x->v = NULL;
	x->len = x->cap = 0;
}

void
indexfile_add(
    struct indexfile *x, const struct layout_item *it, int64_t certificate_id)
{
	if (!x->spec->name)
		return;
	if (x->len == x->cap) {
		x->cap = x->cap * 2 + 64;
		x->v = xreallocarray(x->v, x->cap, sizeof(*x->v));
	}
	x->v[x->len] = (struct indexfile_line){
	    .key = x->spec->by_certificate ? certificate_id : 0,
	    .order = x->len,
	    .name = xstrdup(it->name),
	    .file_name = xstrdup(it->file_name)};
	x->len++;
}

void
indexfile_remove(struct indexfile *x, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < x->len; i++)
		if (strcmp(x->v[i].name, name) == 0) {
			free(x->v[i].name);
			free(x->v[i].file_name);
		} else {
			x->v[n++] = x->v[i];
		}
	x->len = n;
}

static int
compare(const void *a, const void *b)
{
	const struct indexfile_line *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int
compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* The wildcards of the index, sorted; the caller frees the array. */
static const char **
find_wildcards(const struct indexfile *x, size_t *len)
{
	const char **v = xcalloc(x->len + 1, sizeof(*v));

	*len = 0;
	for (size_t i = 0; i < x->len; i++)
		if (str_starts(x->v[i].name, "*."))
			v[(*len)++] = x->v[i].name;
	qsort(v, *len, sizeof(*v), compare_names);
	return v;
}

static bool
is_covered(const char *const *wildcards, size_t len, const char *name)
{
	char *wildcard = certificate_wildcard_of(name);
	const char *key = wildcard;
	bool found = wildcard &&
	    bsearch(&key, wildcards, len, sizeof(*wildcards), compare_names);

	free(wildcard);
	return found;
}

static void
write_lines(struct indexfile *x, const char *root, struct buf *out)
{
	const char **wildcards;
	size_t wildcards_len;
	struct buf line;

	if (x->len > 0)
		qsort(x->v, x->len, sizeof(*x->v), compare);
	wildcards = find_wildcards(x, &wildcards_len);
	buf_init(&line, MAX);
	for (size_t i = 0; i < x->len; i++) {
		const struct layout_item it = {.name = x->v[i].name,
		    .file_name = x->v[i].file_name,
		    .root = root,
		    .is_covered =
			is_covered(wildcards, wildcards_len, x->v[i].name)};

		x->spec->add(&it, &line);
		if (x->spec->by_certificate && i + 1 < x->len &&
		    x->v[i + 1].key == x->v[i].key)
			continue;
		if (line.len > 0)
			buf_addc(&line, '\n');
		buf_add(out, line.data, line.len);
		buf_clear(&line);
	}
	free(wildcards);
	buf_release(&line);
}

int
indexfile_write(struct indexfile *x, const char *root,
    const struct file_owner *owner, struct err *e)
{
	struct buf text, is;
	struct err why = {0};
	char *path;
	int rc = 0;

	if (!x->spec->name)
		return 0;
	path = xasprintf("%s/%s", root, x->spec->name);
	buf_init(&text, MAX);
	buf_init(&is, MAX);
	write_lines(x, root, &text);
	if (text.full)
		rc = err_set(e, KIND_BUG, "%s: too large", path);
	else if (file_read(path, &is, &why) < 0 || is.len != text.len ||
	    memcmp(is.data, text.data, is.len) != 0)
		rc =
		    file_replace_for(path, owner, 0644, text.data, text.len, e);
	buf_release(&text);
	buf_release(&is);
	free(path);
	return rc;
}
