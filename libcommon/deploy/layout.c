#include "deploy/layout.h"

#include "base/hex.h"
#include "base/str.h"
#include "deploy/format.h"

/* ---- files --------------------------------------------------------------- */

static int
write_cert(const struct layout_item *it, struct buf *out, struct err *e)
{
	return format_pem(it->m, FORMAT_LEAF, out, e);
}

static int
write_chain(const struct layout_item *it, struct buf *out, struct err *e)
{
	return format_pem(it->m, FORMAT_CHAIN, out, e);
}

static int
write_fullchain(const struct layout_item *it, struct buf *out, struct err *e)
{
	return format_pem(it->m, FORMAT_FULLCHAIN, out, e);
}

static int
write_key(const struct layout_item *it, struct buf *out, struct err *e)
{
	return format_pem(it->m, FORMAT_KEY, out, e);
}

static int
write_bundle(const struct layout_item *it, struct buf *out, struct err *e)
{
	return format_pem(it->m, FORMAT_BUNDLE, out, e);
}

/* ---- files of all names -------------------------------------------------- */

static bool
is_address(const char *name)
{
	return strchr(name, ':') || name[strspn(name, "0123456789.")] == '\0';
}

/* FILE [SNI ...]; a client never sends an address as SNI. */
static void
add_crt_list(const struct layout_item *it, struct buf *out)
{
	if (out->len == 0)
		buf_addf(out, "%s/certs/%s.pem", it->root, it->file_name);
	if (!is_address(it->name))
		buf_addf(out, " %s", it->name);
}

/*
 * For the map of nginx: what $ssl_server_name does not find by itself, and what
 * the map would find a wildcard for.
 */
static void
add_wildcard(const struct layout_item *it, struct buf *out)
{
	if (it->is_covered || str_starts(it->name, "*."))
		buf_addf(out, "%s %s;", it->name, it->file_name);
}

/* ---- the table ----------------------------------------------------------- */

static const struct layout layouts[] = {
    {.name = "certbot",
	.files = {{"cert.pem", false, write_cert},
	    {"chain.pem", false, write_chain},
	    {"fullchain.pem", false, write_fullchain},
	    {"privkey.pem", true, write_key}},
	.links = {{"live", "%n", "%g"}},
	.wildcard = "_."},
    {.name = "peter_sslers",
	.files = {{"cert.pem", false, write_cert},
	    {"chain.pem", false, write_chain},
	    {"fullchain.pem", false, write_fullchain},
	    {"pkey.pem", true, write_key}},
	.links = {{"certificates/global/rc-%s", "primary", "%g"},
	    {"certificates/global", "%n", "rc-%s"}},
	.wildcard = "_."},
    {.name = "haproxy",
	.files = {{"bundle.pem", true, write_bundle}},
	.links = {{"certs", "%n.pem", "%g/bundle.pem"}},
	.index = {"crt-list", add_crt_list, true},
	.wildcard = "_."},
    {.name = "nginx",
	.files = {{"bundle.pem", true, write_bundle}},
	.links = {{"", "%n.pem", "%g/bundle.pem"}},
	.index = {"wildcards.map", add_wildcard, false},
	.wildcard = "_."},
    {.name = "envoy",
	.files = {{"fullchain.pem", false, write_fullchain},
	    {"privkey.pem", true, write_key},
	    {"sds.yaml", false, layout_envoy}},
	.links = {{"%n", "current", "%g"}},
	.per_name = true,
	.wildcard = "_."},
    {.name = "kubernetes",
	.files = {{"secret.yaml", true, layout_kubernetes}},
	.links = {{"", "%n.yaml", "%g/secret.yaml"}},
	.per_name = true,
	.wildcard = "wildcard.",
	.dns_1123 = true},
    {.name = "traefik",
	.files = {{"fullchain.pem", false, write_fullchain},
	    {"privkey.pem", true, write_key},
	    {"tls.yaml", false, layout_traefik}},
	.links = {{"dynamic", "%n.yaml", "%g/tls.yaml"}},
	.wildcard = "_."},
};

const struct layout *
layout_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++)
		if (strcmp(layouts[i].name, name) == 0)
			return &layouts[i];
	return NULL;
}

const char *
layout_names(void)
{
	return "certbot peter_sslers haproxy nginx envoy kubernetes traefik";
}

const struct layout_file *
layout_file(const struct layout *l, const char *name)
{
	for (size_t i = 0; i < LAYOUT_FILES && l->files[i].name; i++)
		if (strcmp(l->files[i].name, name) == 0)
			return &l->files[i];
	return NULL;
}

/* ---- names --------------------------------------------------------------- */

/* What may be in a name that is to be a file's, but for the "*.". */
static bool
is_fit(const char *name)
{
	return *name != '\0' && *name != '.' && *name != '-' &&
	    !strstr(name, "..") &&
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.:")] ==
	    '\0';
}

/* "::1" would begin with a dash, "2001:db8::" end with one. */
static const char *
before(const struct layout *l, const char *name)
{
	return l->dns_1123 && strchr(name, ':') ? "ip6-" : "";
}

static const char *
behind(const struct layout *l, const char *name)
{
	return l->dns_1123 && str_ends(name, ":") ? "0" : "";
}

bool
layout_name(
    const struct layout *l, const char *name, char out[LAYOUT_NAME_SIZE])
{
	const char *star = str_starts(name, "*.") ? l->wildcard : "";
	const char *rest = *star ? name + 2 : name;
	int n = snprintf(out, LAYOUT_NAME_SIZE, "%s%s%s%s", star,
	    before(l, rest), rest, behind(l, rest));

	if (!is_fit(rest) || n >= LAYOUT_NAME_SIZE ||
	    (l->dns_1123 && strchr(rest, '_')))
		return false;
	/* peter_sslers: sets have names of that kind, in the same directory. */
	if (l->links[1].entry && str_starts(out, "rc-") && !strchr(out, '.'))
		return false;
	for (char *p = out; *p; p++)
		if (*p == ':')
			*p = l->dns_1123 ? '-' : '_';
	return true;
}

bool
layout_generation(const struct layout *l, const char *file_name,
    int64_t certificate_id, const uint8_t sha256[32], int64_t chain_id,
    char out[LAYOUT_NAME_SIZE])
{
	char hex[2 * 8 + 1];
	int n;

	hex_encode(hex, sha256, 8);
	n = snprintf(out, LAYOUT_NAME_SIZE, "%s%s%lld-%lld-%s",
	    l->per_name ? file_name : "", l->per_name ? "@" : "",
	    (long long)certificate_id, (long long)chain_id, hex);
	return n < LAYOUT_NAME_SIZE;
}

bool
layout_expand(const char *pattern, const char *file_name, int64_t set_id,
    const char *generation, size_t up, char *out, size_t size)
{
	struct buf text;
	bool fits;

	buf_init(&text, size - 1);
	for (const char *p = pattern; *p; p++) {
		if (*p != '%') {
			buf_addc(&text, *p);
			continue;
		}
		p++;
		if (*p == 'n')
			buf_adds(&text, file_name);
		if (*p == 's')
			buf_addf(&text, "%lld", (long long)set_id);
		for (size_t i = 0; *p == 'g' && i < up; i++)
			buf_adds(&text, "../");
		if (*p == 'g')
			buf_addf(&text, LAYOUT_STORE "/%s", generation);
	}
	fits = !text.full;
	if (fits)
		memcpy(out, text.data, text.len + 1);
	buf_release(&text);
	return fits;
}

char *
layout_place(const struct layout *l, const char *root, const char *name)
{
	char file_name[LAYOUT_NAME_SIZE], directory[2 * LAYOUT_NAME_SIZE];
	char entry[LAYOUT_NAME_SIZE];

	if (!layout_name(l, name, file_name))
		return NULL;
	for (size_t i = 0; i < LAYOUT_LINKS && l->links[i].entry; i++) {
		const struct layout_link *k = &l->links[i];

		if (!strstr(k->directory, "%n") && !strstr(k->entry, "%n"))
			continue;
		if (!layout_expand(k->directory, file_name, 0, "", 0, directory,
			sizeof(directory)) ||
		    !layout_expand(
			k->entry, file_name, 0, "", 0, entry, sizeof(entry)))
			return NULL;
		return xasprintf(
		    "%s%s%s/%s", root, *directory ? "/" : "", directory, entry);
	}
	return NULL;
}

void
layout_quote(const char *text, struct buf *out)
{
	buf_addc(out, '"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\u%04x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, '"');
}
