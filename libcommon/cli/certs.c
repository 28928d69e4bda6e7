#include "cli/certs.h"

#include "base/hex.h"
#include "store/fqdn_set.h"

static const char *const columns[] = {"id", "names", "not_before", "not_after",
    "state", "auto_renew", "has_key", "key_type", "source", "issuer", "serial",
    "sha256", NULL};

void
certs_init(struct certs *c, struct store *st, bool json, bool header)
{
	c->st = st;
	c->printed = 0;
	out_init(&c->out, json, header, columns);
}

int
certs_print(void *arg, const struct certificate_item *c, struct err *e)
{
	struct certs *to = arg;
	struct out *o = &to->out;
	struct strv names = {0};
	char hex[2 * sizeof(c->sha256) + 1];

	if (fqdn_set_names(to->st, c->fqdn_set_id, &names, e) < 0)
		return -1;
	hex_encode(hex, c->sha256, sizeof(c->sha256));
	out_int(o, c->id);
	out_list(o, &names);
	out_time(o, c->not_before);
	out_time(o, c->not_after);
	out_text(o, certificate_state_name(certificate_item_state(c)));
	out_yes(o, c->auto_renew);
	out_yes(o, c->has_key);
	out_text(o, c->key_type);
	out_text(o, c->source);
	out_text(o, c->issuer);
	out_text(o, c->serial);
	out_text(o, hex);
	out_end(o);
	to->printed++;
	strv_release(&names);
	return out_check(e);
}
