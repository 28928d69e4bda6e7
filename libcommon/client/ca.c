#include "client/ca.h"

#include "client/directory.h"
#include "store/upstream_ca.h"
#include "wrap/web.h"

#define NAMES_TRIED 100

const struct ca_known ca_known[] = {
    {"letsencrypt", "https://acme-v02.api.letsencrypt.org/directory",
	"Let's Encrypt"},
    {"letsencrypt-staging",
	"https://acme-staging-v02.api.letsencrypt.org/directory",
	"Let's Encrypt, certificates that nobody trusts"},
    {"zerossl", "https://acme.zerossl.com/v2/DV90",
	"ZeroSSL; needs external account binding"},
    {"google", "https://dv.acme-v02.api.pki.goog/directory",
	"Google Trust Services; needs external account binding"},
    {"buypass", "https://api.buypass.com/acme/directory",
	"Buypass; has stopped issuing to new customers"},
    {"sslcom", "https://acme.ssl.com/sslcom-dv-ecc",
	"SSL.com, EC keys; needs external account binding"},
    {"actalis", "https://acme-api.actalis.com/acme/directory",
	"Actalis; needs external account binding"},
    {"pebble", "https://localhost:14000/dir", "Pebble on this machine"},
};
const size_t ca_known_len = ARRAY_LEN(ca_known);

static int
open_by_url(struct store *st, const char *name, const char *url,
    struct upstream_ca *ca, struct err *e)
{
	struct err why = {0};
	int64_t id;

	if (upstream_ca_by_url(st, url, ca, &why) == 0)
		return 0;
	if (why.kind != KIND_NOTFOUND) {
		*e = why;
		return -1;
	}
	return upstream_ca_add(st, name, url, NULL, &id, e) < 0
	    ? -1
	    : upstream_ca_by_id(st, id, ca, e);
}

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
		struct err why = {0};

		snprintf(out, size, i > 1 ? "%s-%d" : "%s", host, i);
		if (upstream_ca_by_name(st, out, &other, &why) < 0) {
			if (why.kind == KIND_NOTFOUND)
				return 0;
			*e = why;
			return -1;
		}
		upstream_ca_release(&other);
	}
	return err_set(e, KIND_CONFLICT,
	    "%s: too many CAs there; give this one a name with ca add", host);
}

static int
open_url(
    struct store *st, const char *url, struct upstream_ca *ca, struct err *e)
{
	char name[UPSTREAM_CA_NAME_MAX];
	struct web_url u;
	struct err why = {0};

	for (size_t i = 0; i < ca_known_len; i++)
		if (strcmp(url, ca_known[i].directory_url) == 0)
			return open_by_url(st, ca_known[i].name, url, ca, e);
	if (upstream_ca_by_url(st, url, ca, &why) == 0)
		return 0;
	if (web_url_parse(url, &u, e) < 0 || !u.is_https)
		return err_set(e, KIND_INPUT, "%s: no https URL", url);
	return name_host(st, &u, name, sizeof(name), e) < 0
	    ? -1
	    : open_by_url(st, name, url, ca, e);
}

int
ca_open(
    struct store *st, const char *text, struct upstream_ca *ca, struct err *e)
{
	struct err why = {0};

	if (strstr(text, "://"))
		return open_url(st, text, ca, e);
	if (upstream_ca_by_name(st, text, ca, &why) == 0)
		return 0;
	if (why.kind != KIND_NOTFOUND) {
		*e = why;
		return -1;
	}
	for (size_t i = 0; i < ca_known_len; i++)
		if (strcmp(text, ca_known[i].name) == 0)
			return open_by_url(
			    st, text, ca_known[i].directory_url, ca, e);
	return err_set(e, KIND_NOTFOUND,
	    "%s: no CA of that name; acme-account ca list shows those that "
	    "there are, ca add adds one",
	    text);
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
