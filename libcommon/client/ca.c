#include "client/ca.h"

#include "client/directory.h"
#include "store/upstream_ca.h"
#include "wrap/web.h"

#define NAMES_TRIED 100

/* ---- finding ------------------------------------------------------------- */

static const struct ca_known *
find_known(const char *text, bool is_url)
{
	for (size_t i = 0; i < ca_known_len; i++)
		if (strcmp(text,
			is_url ? ca_known[i].directory_url
			       : ca_known[i].name) == 0)
			return &ca_known[i];
	return NULL;
}

/* 1: it is in the store, 0: it is not, -1. */
static int
look_up(int (*by)(struct store *st, const char *text, struct upstream_ca *ca,
	    struct err *e),
    struct store *st, const char *text, struct upstream_ca *ca, struct err *e)
{
	if (by(st, text, ca, e) == 0)
		return 1;
	return err_forgive(e, KIND_NOTFOUND);
}

int
ca_find(
    struct store *st, const char *text, struct upstream_ca *ca, struct err *e)
{
	bool is_url = strstr(text, "://") != NULL;
	const struct ca_known *known = find_known(text, is_url);
	const char *url = known ? known->directory_url : text;
	int rc = is_url ? 0 : look_up(upstream_ca_by_name, st, text, ca, e);

	if (rc == 0 && (is_url || known))
		rc = look_up(upstream_ca_by_url, st, url, ca, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (!known)
		return err_set(e, KIND_NOTFOUND,
		    "%s: no CA that is known; acme-account ca list shows those "
		    "that there are, ca add adds one",
		    text);
	*ca = (struct upstream_ca){
	    .name = xstrdup(known->name), .directory_url = xstrdup(url)};
	return 0;
}

/* ---- opening ------------------------------------------------------------- */

/* A name that nobody has yet, after the host. */
static int
name_host(struct store *st, const struct web_url *u, char *out, size_t size,
    struct err *e)
{
	char host[UPSTREAM_CA_NAME_MAX - 4];

	snprintf(host, sizeof(host), "%s", u->host);
	for (char *p = host; *p; p++)
		if (*p == ':' || *p == '%')
			*p = '-';
	for (int i = 1; i < NAMES_TRIED; i++) {
		struct upstream_ca other;

		snprintf(out, size, i > 1 ? "%s-%d" : "%s", host, i);
		if (upstream_ca_by_name(st, out, &other, e) < 0)
			return err_forgive(e, KIND_NOTFOUND);
		upstream_ca_release(&other);
	}
	return err_set(e, KIND_CONFLICT,
	    "%s: too many CAs there; give this one a name with ca add", host);
}

/* Puts it into the store, and loads it again. */
static int
add(struct store *st, const char *name, const char *url, struct upstream_ca *ca,
    struct err *e)
{
	int64_t id;

	return upstream_ca_add(st, name, url, NULL, &id, e) < 0
	    ? -1
	    : upstream_ca_by_id(st, id, ca, e);
}

static int
add_url(
    struct store *st, const char *url, struct upstream_ca *ca, struct err *e)
{
	char name[UPSTREAM_CA_NAME_MAX];
	struct web_url u;

	if (web_url_parse(url, &u, e) < 0 || !u.is_https)
		return err_set(e, KIND_INPUT, "%s: no https URL", url);
	return name_host(st, &u, name, sizeof(name), e) < 0
	    ? -1
	    : add(st, name, url, ca, e);
}

int
ca_open(
    struct store *st, const char *text, struct upstream_ca *ca, struct err *e)
{
	struct upstream_ca known;
	int rc;

	if (ca_find(st, text, &known, e) < 0) {
		if (!strstr(text, "://") || err_forgive(e, KIND_NOTFOUND) < 0)
			return -1;
		return add_url(st, text, ca, e);
	}
	if (known.id != 0) {
		*ca = known;
		return 0;
	}
	rc = add(st, known.name, known.directory_url, ca, e);
	upstream_ca_release(&known);
	return rc;
}

/* ---- ports --------------------------------------------------------------- */

static void
add_port(const char *url, struct strv *ports)
{
	struct err ignored = {0};
	struct web_url u;
	char text[8];

	if (web_url_parse(url, &u, &ignored) < 0)
		return;
	snprintf(text, sizeof(text), "%u", u.port);
	if (!strv_has(ports, text))
		strv_add(ports, text);
}

void
ca_add_ports(
    const char *directory_url, const char *directory, struct strv *ports)
{
	struct err ignored = {0};
	struct directory d;

	add_port(directory_url, ports);
	if (!directory)
		return;
	directory_read(
	    &d, directory_url, directory, strlen(directory), &ignored);
	for (size_t i = 0; i < d.origins.len; i++)
		add_port(d.origins.v[i], ports);
	directory_release(&d);
}
