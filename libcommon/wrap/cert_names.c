#include "wrap/cert.h"
#include "wrap/dn.h"
#include "wrap/name.h"

#define NAME_MAX_BYTES 253

/* Whether a spelled name is one, and not the first word of somebody's. */
static bool
is_full_name(const char *name)
{
	const char *bare = str_starts(name, "*.") ? name + 2 : name;
	struct err ignored = {0};

	return strlen(name) <= NAME_MAX_BYTES && strchr(bare, '.') &&
	    name_check(bare, &ignored) == 0;
}

static void
add_common_names(const struct cert *c, struct strv *out)
{
	struct strv cn = {0};
	struct der subject;

	subject.p = cert_subject_der(c, &subject.len);
	dn_common_names(subject, &cn);
	for (size_t i = 0; i < cn.len; i++) {
		char *name = name_spell(cn.v[i]);

		if (is_full_name(name))
			strv_add(out, name);
		free(name);
	}
	strv_release(&cn);
}

void
cert_names(const struct cert *c, struct strv *out)
{
	const struct strv *dns = cert_dns(c);

	for (size_t i = 0; i < dns->len; i++) {
		strv_add(out, dns->v[i]);
		name_fold(out->v[out->len - 1]);
	}
	if (dns->len + cert_ip(c)->len == 0 && !cert_bad_san(c))
		add_common_names(c, out);
}
