#include "admin/wish.h"

#include "base/hex.h"
#include "base/str.h"
#include "http/form.h"
#include "jobs/enlist.h"
#include "order/orderkey.h"
#include "store/key_cycle.h"
#include "store/upstream_account.h"

#define SHOWN_MAX 64 /* bytes of a value, which may be anything */
#define MD5_SIZE 16
#define PRIMARY "__primary" /* behind a field's name, in later versions */

struct wish {
	const struct form *form;
	const struct domain_template *template;
	const struct orderpolicy *policy;
	struct upstream_account account;
	bool has_account; /* it is known which one it is, */
	bool has_key; /* or at least what it says of keys */
	const char *cycle, *type; /* of the key; NULL: it is not known */
	const char *account_cycle, *account_type; /* which are the account's */
};

/* ---- what the template has ----------------------------------------------- */

/* The default accounts, one at each CA. */
struct defaults {
	int64_t id; /* of the first */
	char *cycle, *type; /* as its certificates have it; NULL: as all do */
	int n;
	bool differ;
};

static int
add_default(void *arg, const struct upstream_account *a, struct err *e)
{
	const char *cycle = a->certificate_key_cycle;
	const char *type = a->certificate_key_type;
	struct defaults *d = arg;

	(void)e;
	if (!a->is_default || a->status != UPSTREAM_ACCOUNT_VALID)
		return 0;
	if (d->n++ == 0) {
		d->id = a->id;
		d->cycle = str_dup(cycle);
		d->type = str_dup(type);
	} else if (!str_same(cycle, d->cycle) || !str_same(type, d->type)) {
		d->differ = true;
	}
	return 0;
}

/* Of several defaults only the work service knows which one it will be. */
static int
find_account(struct wish *w, struct store *st, struct err *e)
{
	struct defaults d = {.id = w->template->upstream_account_id, .n = 1};
	int rc = 0;

	if (d.id == 0) {
		d.n = 0;
		rc = upstream_account_each(st, add_default, &d, e);
	}
	if (rc == 0 && d.id != 0)
		rc = upstream_account_by_id(st, d.id, &w->account, e);
	w->has_account = rc == 0 && d.n == 1;
	w->has_key = rc == 0 && d.n > 0 && !d.differ;
	free(d.cycle);
	free(d.type);
	return rc;
}

static void
find_key(struct wish *w)
{
	static const struct orderpolicy none;
	struct orderkey key = {.policy = w->policy,
	    .key_type = w->account.certificate_key_type,
	    .key_cycle = w->account.certificate_key_cycle};

	w->cycle = orderpolicy_key_cycle(w->policy);
	w->type = w->policy->key_type;
	if (!w->has_key)
		return;
	w->cycle = orderkey_cycle(&key);
	w->type = orderkey_type(&key);
	key.policy = &none;
	w->account_cycle = orderkey_cycle(&key);
	w->account_type = orderkey_type(&key);
}

/* ---- values -------------------------------------------------------------- */

/* Whatever is configured. */
static bool
is_any(const char *value)
{
	return str_same(value, "system_configuration_default");
}

static bool
is_of_account(const char *value)
{
	return str_same(value, ORDERPOLICY_KEY_CYCLE_ACCOUNT) ||
	    str_same(value, "account_default") ||
	    str_same(value, "private_key_for_account_key");
}

/* Our word for one of later versions. */
static const char *
translate(const char *value)
{
	static const char *const words[][2] = {
	    {"single_use", "single_certificate"},
	    {"single_use__reuse_1_year", "reuse_year"}, {"RSA_2048", "rsa2048"},
	    {"RSA_3072", "rsa3072"}, {"RSA_4096", "rsa4096"},
	    {"EC_P256", "p256"}, {"EC_P384", "p384"}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_same(value, words[i][0]))
			return words[i][1];
	return value;
}

static bool
is_strategy(const struct wish *w, const char *value)
{
	(void)w;
	return str_same(value, "process_single");
}

static bool
is_no_backup(const struct wish *w, const char *value)
{
	(void)w;
	return str_same(value, "none");
}

static bool
is_profile(const struct wish *w, const char *value)
{
	return str_same(value, w->template->profile);
}

static bool
is_account_option(const struct wish *w, const char *value)
{
	if (str_same(value, "account_key_global_default"))
		return w->template->upstream_account_id == 0 ||
		    w->account.is_default;
	if (str_same(value, "account_key_existing"))
		return form_text(w->form, value) ||
		    form_text(w->form, "account_key_existing" PRIMARY);
	return is_any(value);
}

/* By its number, its URL, or the SHA-256 of its public key. */
static bool
is_account(const struct wish *w, const char *value)
{
	uint8_t sha256[sizeof(w->account.spki_sha256)];
	uint64_t id;

	if (!w->has_account)
		return false;
	if (hex_decode(sha256, sizeof(sha256), value) == 0)
		return memcmp(sha256, w->account.spki_sha256, sizeof(sha256)) ==
		    0;
	if (str_to_u64(value, INT64_MAX, &id))
		return (int64_t)id == w->account.id;
	return str_same(value, w->account.url);
}

/*
 * peter_sslers wants the MD5 of its PEM here, to see that the default is still
 * the same.  No key of an account is at hand to make one of.
 */
static bool
is_default_account(const struct wish *w, const char *value)
{
	uint8_t md5[MD5_SIZE];

	return hex_decode(md5, sizeof(md5), value) == 0 || is_account(w, value);
}

static bool
is_cycle(const struct wish *w, const char *value)
{
	if (is_of_account(value))
		return !orderpolicy_key_cycle(w->policy) ||
		    str_same(w->cycle, w->account_cycle);
	return is_any(value) || str_same(translate(value), w->cycle);
}

/* Of an account that would be new; of the one there is, it says nothing. */
static bool
is_account_cycle(const struct wish *w, const char *value)
{
	return str_same(translate(value), w->account_cycle) ||
	    is_cycle(w, value);
}

/* One of its own, or as the account has it; none that there is. */
static bool
is_key_option(const struct wish *w, const char *value)
{
	if (str_same(value, "private_key_generate"))
		return str_same(w->cycle,
			   key_cycle_name(KEY_CYCLE_SINGLE_CERTIFICATE)) ||
		    str_same(w->cycle, key_cycle_name(KEY_CYCLE_REUSE_YEAR));
	return is_of_account(value) && is_cycle(w, value);
}

static bool
is_type(const struct wish *w, const char *value)
{
	if (is_of_account(value))
		return !w->policy->key_type ||
		    str_same(w->type, w->account_type);
	if (str_same(value, "RSA") || str_same(value, "EC"))
		return w->type &&
		    str_starts(w->type, value[0] == 'R' ? "rsa" : "p");
	return is_any(value) || str_same(translate(value), w->type);
}

/* ---- fields -------------------------------------------------------------- */

enum has {
	HAS_STRATEGY,
	HAS_ACCOUNT,
	HAS_CYCLE,
	HAS_TYPE,
	HAS_PROFILE,
	HAS_NO_BACKUP
};

static const struct field {
	const char *name;
	bool (*is_that)(const struct wish *w, const char *value);
	enum has has; /* what it is about */
} fields[] = {
    {"processing_strategy", is_strategy, HAS_STRATEGY},
    {"account_key_option", is_account_option, HAS_ACCOUNT},
    {"account_key_global_default", is_default_account, HAS_ACCOUNT},
    {"account_key_existing", is_account, HAS_ACCOUNT},
    {"account__private_key_cycle", is_account_cycle, HAS_CYCLE},
    {"private_key_option", is_key_option, HAS_CYCLE},
    {"private_key_cycle", is_cycle, HAS_CYCLE},
    {"private_key_cycle__renewal", is_cycle, HAS_CYCLE},
    {"private_key_generate", is_type, HAS_TYPE},
    {"private_key_technology", is_type, HAS_TYPE},
    {"acme_profile", is_profile, HAS_PROFILE},
    {"account_key_option__backup", is_no_backup, HAS_NO_BACKUP},
    {"private_key_option__backup", is_no_backup, HAS_NO_BACKUP},
    /* of the template itself */
    {"domain_name", NULL, 0},
    {"template", NULL, 0},
};

/* Also with PRIMARY behind it, but for those of the template itself. */
static const struct field *
find_field(const char *name)
{
	size_t len = strlen(name), end = sizeof(PRIMARY) - 1;

	if (len > end && strcmp(name + len - end, PRIMARY) == 0)
		len -= end;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if ((fields[i].is_that || name[len] == '\0') &&
		    strlen(fields[i].name) == len &&
		    memcmp(fields[i].name, name, len) == 0)
			return &fields[i];
	return NULL;
}

static char *
describe(const struct wish *w, enum has has)
{
	const char *profile = w->template->profile;

	switch (has) {
	case HAS_STRATEGY:
		return xstrdup("process_single");
	case HAS_ACCOUNT:
		return w->has_account ? xasprintf("upstream_account/%lld",
					    (long long)w->account.id)
				      : xstrdup("the default account");
	case HAS_CYCLE:
		return xasprintf(
		    "key cycle %s", w->cycle ? w->cycle : "of the account");
	case HAS_TYPE:
		return xasprintf(
		    "key type %s", w->type ? w->type : "of the account");
	case HAS_PROFILE:
		return profile ? xasprintf("profile %s", profile)
			       : xstrdup("no profile");
	default:
		return xstrdup("no backup");
	}
}

static int
refuse(const struct wish *w, const struct field *f, const char *name,
    const char *value, struct err *e)
{
	char *has = describe(w, f->has);

	if (strlen(value) > SHOWN_MAX ||
	    !str_is_printable(value, strlen(value)))
		value = "its value";
	err_set(e, KIND_INPUT, "%s: %s is not what template %s has: %s", name,
	    value, w->template->name, has);
	free(has);
	return -1;
}

static int
check_field(const struct wish *w, const char *name, struct err *e)
{
	const struct field *f = find_field(name);
	const char *value = form_text(w->form, name);

	if (!f)
		return err_set(e, KIND_INPUT,
		    "%s is not for this: what a certificate is like, a "
		    "template says",
		    name);
	return !f->is_that || f->is_that(w, value)
	    ? 0
	    : refuse(w, f, name, value, e);
}

int
wish_check(struct store *st, const struct form *f, const struct enlist *l,
    struct err *e)
{
	struct wish w = {
	    .form = f, .template = &l->template, .policy = &l->policy};
	int rc = find_account(&w, st, e);

	if (rc == 0)
		find_key(&w);
	for (size_t i = 0; rc == 0 && i < f->len; i++)
		if (f->fields[i].len > 0)
			rc = check_field(&w, f->fields[i].name, e);
	upstream_account_release(&w.account);
	return rc;
}
