#include "base/b64.h"
#include "base/log.h"
#include "cli/listing.h"
#include "cli/once.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "cli/secret.h"
#include "cli/since.h"
#include "store/eab_key.h"
#include "sys/proc.h"
#include "sys/sig.h"
#include "wrap/seal.h"

static const char usage_text[] =
    "usage: acmed-eab [-hjqVv] [-c FILE] [-s URL] [-l SINK] COMMAND ...\n"
    "Keys of external account binding: who has one may register at our ACME\n"
    "server.\n"
    "\n"
    "  add [--uses N] [--expires TIME] [--note TEXT]\n"
    "                     make a key, and print it; its secret is never shown\n"
    "                     again\n"
    "  list               show the keys, without their secrets\n"
    "  revoke KEYID ...   bind no more accounts to them\n"
    "\n"
    "      --uses N       how many accounts may be bound to it (any number)\n"
    "      --expires TIME RFC 3339, or so long from now (36h 30d); never\n"
    "      --note TEXT    whom it is for\n"
    "\n"
    "  -c, --config FILE  the configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL    the store, instead of the configured one\n"
    "  -j, --json         one JSON object per line\n"
    "      --no-header    no line of column names\n"
    "  -q, --quiet        warnings and errors only\n"
    "  -v, --verbose      say what is done\n"
    "  -l, --log SINK     where the log goes: stderr, syslog or fd:N\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n";

static int64_t uses = EAB_KEY_ANY_USES;
static const char *expires, *note;

static const struct prog_option add_options[] = {
    {.name = "uses",
	.type = PROG_NUMBER,
	.value = &uses,
	.min = 1,
	.max = INT32_MAX},
    {.name = "expires", .type = PROG_TEXT, .value = &expires},
    {.name = "note", .type = PROG_TEXT, .value = &note},
    {0},
};

static void
print_secret(const struct prog *p, const struct eab_key *k, const void *secret)
{
	static const char *const columns[] = {"key_id", "secret", NULL};
	char text[B64URL_LEN(EAB_KEY_SECRET_SIZE) + 1];
	struct out o;

	b64url_encode_to(text, secret, EAB_KEY_SECRET_SIZE);
	out_init(&o, p->json, !p->no_header, columns);
	out_text(&o, k->key_id);
	out_text(&o, text);
	out_end(&o);
	explicit_bzero(text, sizeof(text));
}

/* What needs rights: the sealing key, and the store. */
static struct store *
open_all(const struct prog *p, struct seal_key *room,
    const struct seal_key **seal, struct err *e)
{
	if (proc_harden(true, e) < 0 ||
	    secret_seal_key(
		"eab_key_file", p->conf.store.eab_key_file, room, seal, e) < 0)
		return NULL;
	return rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
}

static int
add(struct prog *p, struct err *e)
{
	struct eab_key k = {.uses_left = uses, .note = note};
	struct seal_key room = {0};
	const struct seal_key *seal;
	struct store *st;
	struct buf secret;
	int rc = -1;

	if (expires &&
	    since_parse_future("expires", expires, &k.expires, e) < 0)
		return -1;
	buf_init(&secret, EAB_KEY_SECRET_SIZE);
	st = open_all(p, &room, &seal, e);
	if (st)
		rc = eab_key_add(st, &k, seal, &secret, e);
	if (rc == 0) {
		print_secret(p, &k, secret.data);
		rc = once_told(p, st, k.key_id, eab_key_revoke, e);
	}
	if (rc == 0 && !seal)
		log_event(LOG_LEVEL_WARN, "eab_key.clear", "key", k.key_id,
		    "reason", "[store] eab_key_file is not set", NULL);
	store_close(st);
	seal_key_wipe(&room);
	buf_wipe(&secret);
	return rc;
}

static int
print_key(void *arg, const struct eab_key *k, struct err *e)
{
	struct out *o = arg;

	out_text(o, k->key_id);
	out_text(o, eab_key_status_name(k->status));
	out_count(o, k->uses_left); /* EAB_KEY_ANY_USES: below 0 */
	out_int(o, k->accounts);
	out_time(o, k->created);
	out_time(o, k->expires);
	out_yes(o, k->sealed);
	out_text(o, k->note);
	out_end(o);
	return out_check(e);
}

static int
each_key(struct store *st, struct out *o, struct err *e)
{
	return eab_key_each(st, print_key, o, e);
}

static int
list(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"key_id", "status", "uses_left",
	    "accounts", "created", "expires", "sealed", "note", NULL};

	return listing_print(p, columns, each_key, e);
}

/* One that cannot be revoked does not stop the rest. */
static int
revoke_keys(struct prog *p, struct err *e)
{
	struct store *st =
	    rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);

	if (!st)
		return -1;
	sig_catch_term();
	for (int i = 0; i < p->argc && !sig_term(); i++) {
		struct err why = {0};

		if (eab_key_revoke(st, p->argv[i], &why) == 0)
			continue;
		err_object(&why, "%s", p->argv[i]);
		prog_item_failed(p, &why);
	}
	store_close(st);
	return 0;
}

static const struct prog_command commands[] = {
    {.name = "add",
	.options = add_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = add},
    {.name = "list", .sections = CONF_STORE, .flags = PROG_JSON, .run = list},
    {.name = "revoke",
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.run = revoke_keys},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
