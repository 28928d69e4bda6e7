#include "conf/conf.h"

#include <strings.h>
#include <unistd.h>

#include "conf/table.h"
#include "conf/value.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "wrap/inifile.h"

#define FILE_MAX ((size_t)256 * 1024)

struct loader {
	struct conf *c;
	unsigned wanted;
	unsigned open; /* the section being read */
	bool seen[TABLE_MAX]; /* per key of the table */
};

static void *
field(const struct conf *c, const struct table_key *k)
{
	return (char *)c + k->offset;
}

static int
fail_key(const struct table_key *k, struct err *e)
{
	return err_object(e, "[%s] %s", table_section(k->section), k->name);
}

static int
take_key(struct loader *l, const struct inifile_line *line, struct err *e)
{
	const struct table_key *k = table_find(l->open, line->key);
	bool *seen;

	if (!k)
		return err_set(e, KIND_CONF, "[%s] %s: unknown key",
		    line->section, line->key);
	seen = &l->seen[k - table_keys];
	if (*seen && !value_is_list(k->rule.type))
		return err_set(e, KIND_CONF, "[%s] %s: stands twice",
		    line->section, line->key);
	*seen = true;
	if (line->value[0] == '\0' && (k->fallback || k->required))
		err_set(e, KIND_CONF, "must not be empty");
	else if (value_set(field(l->c, k), &k->rule, line->value, e) == 0)
		return 0;
	return fail_key(k, e);
}

static int
take_line(const struct inifile_line *line, void *arg, struct err *e)
{
	struct loader *l = arg;

	if (!line->key) {
		l->open = table_section_by_name(line->section);
		if (l->open == 0)
			return err_set(e, KIND_CONF, "[%s]: unknown section",
			    line->section);
		l->c->there |= l->open;
		return 0;
	}
	return (l->open & l->wanted) ? take_key(l, line, e) : 0;
}

/*
 * [policy] without [server] protects nothing, and [server] without [policy]
 * would be open to all: only who has neither may lack them.
 */
static bool
may_lack(const struct loader *l, unsigned section)
{
	const unsigned server = CONF_SERVER | CONF_POLICY;

	return (l->wanted & CONF_NO_SERVER) && (section & server) &&
	    l->c->there != 0 && !(l->c->there & server);
}

/* Gives every key that the file does not name its default. */
static int
fill(struct loader *l, struct err *e)
{
	const struct table_key *k;

	for (size_t i = 0; i < table_keys_len; i++) {
		k = &table_keys[i];
		if (!(k->section & l->wanted) || l->seen[i])
			continue;
		if (k->required && may_lack(l, k->section)) {
			l->c->sections &= ~k->section;
			continue;
		}
		if (k->required) {
			err_set(e, KIND_CONF, "required, but absent%s%s",
			    k->hint ? "; " : "", k->hint ? k->hint : "");
			return fail_key(k, e);
		}
		if (k->fallback &&
		    value_set(field(l->c, k), &k->rule, k->fallback, e) < 0)
			return fail_key(k, e);
	}
	return 0;
}

/* Of which account is the host, or "" for all others? */
static size_t
thumbprint_host(const char *item)
{
	const char *equals = strchr(item, '=');

	return equals ? (size_t)(equals - item) : 0;
}

/* A token can be answered for one account only. */
static int
check_thumbprints(const struct strv *l, struct err *e)
{
	for (size_t i = 0; i < l->len; i++)
		for (size_t k = 0; k < i; k++)
			if (thumbprint_host(l->v[i]) ==
				thumbprint_host(l->v[k]) &&
			    strncasecmp(l->v[i], l->v[k],
				thumbprint_host(l->v[i])) == 0)
				return err_set(e, KIND_CONF,
				    "[challenge] thumbprints: two accounts for "
				    "the same host");
	return 0;
}

/* acmed-store rekey makes a new key for each. */
static int
check_sealing_keys(const struct conf *c, struct err *e)
{
	const char *const paths[] = {c->store.certificate_key_file,
	    c->store.account_key_file, c->store.eab_key_file};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		for (size_t k = 0; paths[i] && k < i; k++)
			if (paths[k] && strcmp(paths[i], paths[k]) == 0)
				return err_set(e, KIND_CONF,
				    "[store] %s: each of certificate_key_file, "
				    "account_key_file and eab_key_file is a "
				    "file of its own",
				    paths[i]);
	return 0;
}

/* Rules on more than one value. */
static int
check(const struct conf *c, struct err *e)
{
	const struct strv *allowed = &c->policy.allowed_server_ip_ranges;

	if (!c->server.tls_certificate != !c->server.tls_private_key)
		return err_set(e, KIND_CONF,
		    "[server] tls_certificate, tls_private_key: both or "
		    "neither");
	if (allowed->len > 1 && strv_has(allowed, "any"))
		return err_set(e, KIND_CONF,
		    "[policy] allowed_server_ip_ranges: any stands alone");
	if (strv_has(&c->policy.exclude_server_ip_ranges, "any"))
		return err_set(e, KIND_CONF,
		    "[policy] exclude_server_ip_ranges: any excludes "
		    "everything");
	return check_sealing_keys(c, e) < 0
	    ? -1
	    : check_thumbprints(&c->challenge.thumbprints, e);
}

int
conf_parse(struct conf *c, const char *name, const char *text, size_t len,
    unsigned sections, struct err *e)
{
	struct loader l = {.c = c, .wanted = sections};

	memset(c, 0, sizeof(*c));
	c->sections = sections & CONF_ALL;
	if (inifile_read(name, text, len, take_line, &l, e) == 0) {
		if (fill(&l, e) == 0 && check(c, e) == 0)
			return 0;
		err_object(e, "%s", name);
	}
	conf_release(c);
	return -1;
}

static int
read_text(const char *path, struct buf *text, struct err *e)
{
	if (strcmp(path, "-") != 0)
		return file_read(path, text, e);
	if (fd_read_all(STDIN_FILENO, text, FD_FOREVER, e) < 0)
		return err_object(e, "standard input");
	return 0;
}

int
conf_load(struct conf *c, const char *path, unsigned sections, struct err *e)
{
	struct buf text;
	int rc = -1;

	memset(c, 0, sizeof(*c));
	buf_init(&text, FILE_MAX);
	if (read_text(path, &text, e) < 0)
		e->kind = KIND_CONF;
	else
		rc = conf_parse(c, path, text.data, text.len, sections, e);
	buf_release(&text);
	return rc;
}

int
conf_print(const struct conf *c, unsigned sections, struct buf *out)
{
	const struct table_key *k;
	unsigned last = 0;

	for (size_t i = 0; i < table_keys_len; i++) {
		k = &table_keys[i];
		if (!(k->section & sections & c->sections))
			continue;
		if (k->section != last)
			buf_addf(out, "%s[%s]\n", last ? "\n" : "",
			    table_section(k->section));
		last = k->section;
		buf_addf(out, "# %s\n", k->doc);
		value_print(k->rule.type, k->name, field(c, k), out);
	}
	return out->full ? -1 : 0;
}

bool
conf_equal(const struct conf *a, const struct conf *b)
{
	const struct table_key *k;

	if (a->sections != b->sections)
		return false;
	for (size_t i = 0; i < table_keys_len; i++) {
		k = &table_keys[i];
		if (!value_equal(k->rule.type, field(a, k), field(b, k)))
			return false;
	}
	return true;
}

void
conf_release(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < table_keys_len; i++)
		value_release(
		    table_keys[i].rule.type, field(c, &table_keys[i]));
	c->sections = c->there = 0;
}

char *
conf_crl_file(const struct conf *c)
{
	if (c->local_ca.crl_file)
		return xstrdup(c->local_ca.crl_file);
	return xasprintf("%s/crl.der", c->local_ca.directory);
}
