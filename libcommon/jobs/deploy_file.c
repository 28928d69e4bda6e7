#include "jobs/deploy_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/table.h"
#include "conf/value.h"
#include "jobs/deploy_kind.h"
#include "jobs/prober.h"
#include "sys/file.h"
#include "wrap/inifile.h"

#define FILE_MAX ((size_t)1024 * 1024)
#define TARGETS_MAX 1000

/* What a section says, before it is known whether that is a target. */
struct section {
	char *kind, *layout, *mode, *userpass_file;
	char *chain_issuer, *chain_fingerprint, *chain_key_id;
	bool chain_shortest, remove;
	struct deploy_conf to;
};

/* Settings, and of which kinds they are; "": of all. */
#define AT(field) offsetof(struct section, field)
#define TEXT(field) {.type = VALUE_TEXT}, AT(field)
#define PATH(field) {.type = VALUE_PATH}, AT(field)
#define YES(field) {.type = VALUE_BOOL}, AT(field)
#define LASTS(field) {.type = VALUE_DURATION, .max = LASTS_MAX}, AT(field)
#define LASTS_MAX INT64_C(315360000) /* as in [redis] */
static const struct {
	const char *key, *kinds;
	struct value_rule rule;
	size_t offset;
	bool is_list; /* a line for each, commas and all */
} keys[] = {
    {"kind", "", TEXT(kind), false},
    {"renewal", "", TEXT(to.renewals), true},
    {"prove", "", TEXT(to.prove), false},
    {"immediately", "", YES(to.immediately), false},
    {"layout", "tree", TEXT(layout), false},
    {"directory", "tree", PATH(to.directory), false},
    {"owner", "tree", TEXT(to.owner), false},
    {"group", "tree", TEXT(to.group), false},
    {"mode", "tree", TEXT(mode), false},
    {"chain_issuer", "tree", TEXT(chain_issuer), false},
    {"chain_fingerprint", "tree", TEXT(chain_fingerprint), false},
    {"chain_key_id", "tree", TEXT(chain_key_id), false},
    {"chain_shortest", "tree", YES(chain_shortest), false},
    {"delete", "tree redis", YES(remove), false},
    {"program", "hook", PATH(to.program), false},
    {"argument", "hook", TEXT(to.arguments), true},
    {"environment", "hook", TEXT(to.environment), true},
    {"url", "redis", TEXT(to.redis.url), false},
    {"prime_style", "redis", TEXT(to.redis.prime_style), false},
    {"password_file", "redis", PATH(to.redis.password_file), false},
    {"userpass_file", "redis nginx", PATH(userpass_file), false},
    {"prefix", "redis", TEXT(to.redis.prefix), false},
    {"readme_keys", "redis", YES(to.redis.readme_keys), false},
    {"gateway_renews", "redis", YES(to.redis.gateway_renews), false},
    {"timeout_certca", "redis", LASTS(to.redis.timeout_certca), false},
    {"timeout_cert", "redis", LASTS(to.redis.timeout_cert), false},
    {"timeout_pkey", "redis", LASTS(to.redis.timeout_pkey), false},
    {"timeout_domain", "redis", LASTS(to.redis.timeout_domain), false},
    {"servers_pool", "nginx", TEXT(to.nginx.servers_pool), true},
    {"reset_path", "nginx", TEXT(to.nginx.reset_path), false},
    {"status_path", "nginx", TEXT(to.nginx.status_path), false},
    {"ca_bundle", "nginx", PATH(to.nginx.ca_bundle), false},
    {"timeout", "hook redis nginx",
	{.type = VALUE_DURATION, .min = 1, .max = DEPLOY_TIMEOUT_MAX},
	AT(to.timeout), false},
};
_Static_assert(ARRAY_LEN(keys) <= 64, "a bit each");

struct reading {
	const char *name; /* of the file */
	struct deploy_confs *out;
	struct section now;
	size_t line; /* where it begins; 0: none has */
	uint64_t seen; /* of keys[] */
	struct buf settings;
};

static void
release_conf(struct deploy_conf *c)
{
	free(c->name);
	strv_release(&c->renewals);
	free(c->prove);
	free(c->directory);
	free(c->owner);
	free(c->group);
	free((char *)(uintptr_t)c->pick.text);
	free(c->redis.url);
	free(c->redis.prime_style);
	free(c->redis.password_file);
	free(c->redis.userpass_file);
	free(c->redis.prefix);
	strv_release(&c->nginx.servers_pool);
	free(c->nginx.userpass_file);
	free(c->nginx.reset_path);
	free(c->nginx.status_path);
	free(c->nginx.ca_bundle);
	free(c->program);
	strv_release(&c->arguments);
	strv_release(&c->environment);
	free(c->settings);
	*c = (struct deploy_conf){0};
}

static void
section_release(struct section *s)
{
	free(s->kind);
	free(s->layout);
	free(s->mode);
	free(s->userpass_file);
	free(s->chain_issuer);
	free(s->chain_fingerprint);
	free(s->chain_key_id);
	release_conf(&s->to);
	*s = (struct section){0};
}

/* ---- what a section comes to --------------------------------------------- */

static int
take_pick(struct section *s, struct err *e)
{
	struct {
		char **text;
		enum chainpick_by by;
	} wishes[] = {{&s->chain_issuer, CHAINPICK_ISSUER},
	    {&s->chain_fingerprint, CHAINPICK_FINGERPRINT},
	    {&s->chain_key_id, CHAINPICK_KEY_ID}};
	int n = s->chain_shortest;

	if (s->chain_shortest)
		s->to.pick.by = CHAINPICK_SHORTEST;
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		if (!*wishes[i].text)
			continue;
		if (n++ == 0)
			s->to.pick =
			    (struct chainpick){wishes[i].by, *wishes[i].text};
		else
			return err_set(
			    e, KIND_CONF, "one choice of a chain, not several");
		*wishes[i].text = NULL; /* transferred */
	}
	if (n > 1)
		return err_set(
		    e, KIND_CONF, "one choice of a chain, not several");
	return 0;
}

static int
take_mode(struct section *s, struct err *e)
{
	const char *text = s->mode ? s->mode : "600";
	char *end;
	unsigned long n = strtoul(text, &end, 8);

	if (*text < '0' || *text > '7' || *end || n > 0777)
		return err_set(e, KIND_CONF, "mode: must be octal, up to 777");
	s->to.mode = (mode_t)n;
	return 0;
}

/* What several kinds call the same, and has its place in one of them. */
static void
take_shared(struct section *s)
{
	struct deploy_conf *to = &s->to;

	if (to->kind->to_nginx)
		to->nginx.userpass_file = s->userpass_file;
	else
		to->redis.userpass_file = s->userpass_file;
	s->userpass_file = NULL; /* transferred */
	to->nginx.timeout = to->timeout;
}

static int
take_kind(struct section *s, uint64_t seen, struct err *e)
{
	if (!s->kind)
		return err_set(e, KIND_CONF, "has no kind");
	s->to.kind = deploy_kind_by_name(s->kind);
	if (!s->to.kind)
		return err_set(
		    e, KIND_CONF, "kind: there is no %.40s", s->kind);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (seen & 1ULL << i && *keys[i].kinds &&
		    !strstr(keys[i].kinds, s->kind))
			return err_set(e, KIND_CONF, "%s: is not of a %s",
			    keys[i].key, s->kind);
	return 0;
}

static int
check_place(const char *place, struct err *e)
{
	struct err why = {0};
	char *host, *port;

	if (probe_parse(place, &host, &port, &why) < 0)
		return err_set(e, KIND_CONF, "prove: %s", why.text);
	free(host);
	free(port);
	return 0;
}

static int
finish_section(struct reading *r, struct err *e)
{
	struct section *s = &r->now;
	struct deploy_confs *out = r->out;

	if (r->line == 0)
		return 0;
	if (take_kind(s, r->seen, e) < 0 || take_mode(s, e) < 0 ||
	    take_pick(s, e) < 0)
		return -1;
	if (s->layout && !(s->to.layout = layout_by_name(s->layout)))
		return err_set(
		    e, KIND_CONF, "layout: must be one of %s", layout_names());
	s->to.remove = s->remove;
	take_shared(s);
	if (s->to.prove && check_place(s->to.prove, e) < 0)
		return -1;
	if (s->to.kind->check(&s->to, e) < 0)
		return -1;
	if (out->len == TARGETS_MAX)
		return err_set(e, KIND_CONF, "too many targets");
	s->to.settings = xstrndup(r->settings.data, r->settings.len);
	out->v = xreallocarray(out->v, out->len + 1, sizeof(*out->v));
	out->v[out->len++] = s->to;
	s->to = (struct deploy_conf){0}; /* transferred */
	return 0;
}

/* ---- lines --------------------------------------------------------------- */

static int
end_section(struct reading *r, struct err *e)
{
	struct err why = {0};
	int rc = finish_section(r, &why);

	if (rc < 0)
		err_set(e, why.kind, "%s:%zu: [%s] %s", r->name, r->line,
		    r->now.to.name ? r->now.to.name : "", why.text);
	section_release(&r->now);
	return rc;
}

/* As in [nginx]. */
static char *
default_of(const char *key)
{
	return xstrdup(table_find(CONF_NGINX, key)->fallback);
}

static int
begin_section(struct reading *r, const struct inifile_line *line, struct err *e)
{
	if (deploy_conf_by_name(r->out, line->section))
		return err_set(
		    e, KIND_CONF, "[%s] stands twice", line->section);
	if (strlen(line->section) > DEPLOY_NAME_MAX)
		return err_set(e, KIND_CONF, "[%s]: too long", line->section);
	r->now.to.name = xstrdup(line->section);
	r->now.to.timeout = 60;
	r->now.to.redis.gateway_renews = true;
	r->now.to.nginx.reset_path = default_of("reset_path");
	r->now.to.nginx.status_path = default_of("status_path");
	r->line = line->number;
	r->seen = 0;
	buf_clear(&r->settings);
	return 0;
}

static int
read_key(struct reading *r, const struct inifile_line *line, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		void *field = (char *)&r->now + keys[i].offset;

		if (strcmp(keys[i].key, line->key) != 0)
			continue;
		if (r->seen & 1ULL << i && !keys[i].is_list)
			return err_set(
			    e, KIND_CONF, "%s: stands twice", line->key);
		r->seen |= 1ULL << i;
		/* When it is deployed to does not change what is there. */
		if (field != &r->now.to.immediately)
			buf_addf(
			    &r->settings, "%s=%s\n", line->key, line->value);
		if (keys[i].is_list)
			strv_add(field, line->value);
		else if (value_set(field, &keys[i].rule, line->value, e) < 0)
			return err_object(e, "%s", line->key);
		return 0;
	}
	return err_set(e, KIND_CONF, "%s: unknown key", line->key);
}

/* What has its place in the text already is told of without another. */
struct lines {
	struct reading *r;
	struct err *e;
};

static int
read_line(const struct inifile_line *line, void *arg, struct err *e)
{
	struct lines *l = arg;

	if (line->key)
		return read_key(l->r, line, e);
	if (end_section(l->r, l->e) < 0)
		return -1;
	return begin_section(l->r, line, e);
}

static int
by_rank(const void *a, const void *b)
{
	const struct deploy_conf *x = a, *y = b;

	if (x->kind->rank != y->kind->rank)
		return x->kind->rank < y->kind->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

int
deploy_file_read(const char *name, const char *text, size_t len,
    struct deploy_confs *out, struct err *e)
{
	struct reading r = {.name = name, .out = out};
	struct lines l = {&r, e};
	struct err why = {0};
	int rc;

	*out = (struct deploy_confs){0};
	buf_init(&r.settings, FILE_MAX);
	rc = inifile_read(name, text, len, read_line, &l, &why);
	if (rc == 0)
		rc = end_section(&r, e);
	else if (!err_is_set(e))
		*e = why;
	section_release(&r.now);
	buf_release(&r.settings);
	if (rc < 0)
		deploy_confs_release(out);
	else if (out->len > 0)
		qsort(out->v, out->len, sizeof(*out->v), by_rank);
	return rc;
}

/* ---- the file ------------------------------------------------------------ */

static bool
is_another_users(const struct stat *st)
{
	return st->st_uid != 0 && st->st_uid != geteuid();
}

bool
deploy_file_is_ours(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 && !is_another_users(&st) &&
	    faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0;
}

static int
check_owner(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	if (is_another_users(&st) || st.st_mode & 022)
		return err_set(e, KIND_CONF,
		    "%s: others may write it, and it says what is run", path);
	return 0;
}

int
deploy_file_load(const char *path, struct deploy_confs *out, struct err *e)
{
	struct err why = {0};
	struct buf text;
	int rc = 0;

	*out = (struct deploy_confs){0};
	buf_init(&text, FILE_MAX);
	if (path && file_read(path, &text, &why) == 0)
		rc = check_owner(path, e) < 0
		    ? -1
		    : deploy_file_read(path, text.data, text.len, out, e);
	else if (path && why.kind != KIND_NOTFOUND)
		rc = err_set(e, why.kind, "%s", why.text);
	buf_release(&text);
	return rc;
}

void
deploy_confs_release(struct deploy_confs *c)
{
	for (size_t i = 0; c && i < c->len; i++)
		release_conf(&c->v[i]);
	if (!c)
		return;
	free(c->v);
	*c = (struct deploy_confs){0};
}

const struct deploy_conf *
deploy_conf_by_name(const struct deploy_confs *c, const char *name)
{
	for (size_t i = 0; i < c->len; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return &c->v[i];
	return NULL;
}
