#include "order/orderpolicy.h"

#include "acme/ident.h"
#include "base/str.h"
#include "solve/solver.h"
#include "store/identifier.h"
#include "store/key_cycle.h"
#include "wrap/js.h"
#include "wrap/name.h"

/* The name before a `=`, as it is stored; NULL: what is there is none. */
static char *
read_name(const char *text, size_t len)
{
	char *typed = xstrndup(text, len);
	char *name = name_spell(typed);
	struct identifier id = {0};
	struct err ignored = {0};

	free(typed);
	if (ident_parse("dns", name, &id, &ignored) < 0) {
		err_clear(&ignored);
		if (ident_parse("ip", name, &id, &ignored) < 0) {
			free(name);
			name = NULL;
		}
	}
	identifier_release(&id);
	return name;
}

/* Behind all that are for a name, or behind all. */
static void
insert(struct orderpolicy *p, char *name, const char *solver)
{
	size_t at = p->rules_len;

	p->rules = xreallocarray(p->rules, p->rules_len + 1, sizeof(*p->rules));
	while (name && at > 0 && !p->rules[at - 1].name) {
		p->rules[at] = p->rules[at - 1];
		at--;
	}
	p->rules[at] = (struct orderpolicy_rule){name, xstrdup(solver)};
	p->rules_len++;
}

static void
clear_rules(struct orderpolicy *p)
{
	for (size_t i = 0; i < p->rules_len; i++) {
		free(p->rules[i].name);
		free(p->rules[i].solver);
	}
	free(p->rules);
	p->rules = NULL;
	p->rules_len = 0;
}

void
orderpolicy_add(struct orderpolicy *p, const char *name, const char *solver)
{
	insert(p, str_dup(name), solver);
}

static int
add_rule(struct orderpolicy *p, const char *text, const char *placeholder,
    struct err *e)
{
	const char *equals = strchr(text, '=');
	const char *at = placeholder ? strstr(text, placeholder) : NULL;
	char *name = !equals	? NULL
	    : at && at < equals ? xstrndup(text, (size_t)(equals - text))
				: read_name(text, (size_t)(equals - text));
	const char *solver = name ? equals + 1 : text;

	if (solver_check(solver, e) < 0) {
		free(name);
		return -1;
	}
	insert(p, name, solver);
	return 0;
}

int
orderpolicy_set_rules(struct orderpolicy *p, const struct strv *words,
    const char *placeholder, struct err *e)
{
	clear_rules(p);
	if (words->len > ORDERPOLICY_RULES_MAX)
		return err_set(e, KIND_USAGE,
		    "more than %d ways to meet challenges",
		    ORDERPOLICY_RULES_MAX);
	for (size_t i = 0; i < words->len; i++)
		if (add_rule(p, words->v[i], placeholder, e) < 0)
			return -1;
	return 0;
}

const char *
orderpolicy_key_cycle(const struct orderpolicy *p)
{
	return str_same(p->key_cycle, ORDERPOLICY_KEY_CYCLE_ACCOUNT)
	    ? NULL
	    : p->key_cycle;
}

bool
orderpolicy_shares_keys(const char *key_cycle)
{
	enum key_cycle cycle;

	return key_cycle && key_cycle_by_name(key_cycle, &cycle) == 0 &&
	    (cycle == KEY_CYCLE_GLOBAL_DAILY ||
		cycle == KEY_CYCLE_GLOBAL_WEEKLY);
}

void
orderpolicy_for_backup(struct orderpolicy *p, const char *account_cycle)
{
	p->private_key_id = p->certificate_request_id = p->replaces_id = 0;
	p->replaced_key_id = p->domain_template_id = 0;
	p->not_after = 0;
	p->auto_renew = true;
	free(p->preferred_chain); /* there are others */
	p->preferred_chain = NULL;
	orderpolicy_unshare(p, account_cycle);
}

void
orderpolicy_unshare(struct orderpolicy *p, const char *account_cycle)
{
	const char *cycle = orderpolicy_key_cycle(p);
	char *own;

	if (!cycle) /* that of the account may change */
		cycle = account_cycle;
	if (!cycle || orderpolicy_shares_keys(cycle))
		cycle = key_cycle_name(KEY_CYCLE_SINGLE_CERTIFICATE);
	own = xstrdup(cycle);
	free(p->key_cycle);
	p->key_cycle = own;
}

int64_t
orderpolicy_end(const struct orderpolicy *p, int64_t now)
{
	if (p->days != 0)
		return now + p->days * 86400;
	return p->lasts != 0 ? now + p->lasts : p->not_after;
}

bool
orderpolicy_matches(const struct orderpolicy_rule *r, const char *name)
{
	return !r->name || strcmp(r->name, name) == 0;
}

/* What is 0 when it was not given. */
static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
    {"private_key", offsetof(struct orderpolicy, private_key_id)},
    {"certificate_request",
	offsetof(struct orderpolicy, certificate_request_id)},
    {"replaces", offsetof(struct orderpolicy, replaces_id)},
    {"replaced_key", offsetof(struct orderpolicy, replaced_key_id)},
    {"domain_template", offsetof(struct orderpolicy, domain_template_id)},
    {"days", offsetof(struct orderpolicy, days)},
    {"lasts", offsetof(struct orderpolicy, lasts)},
    {"not_after", offsetof(struct orderpolicy, not_after)},
};

int
orderpolicy_write(const struct orderpolicy *p, struct buf *out)
{
	struct js *all = js_object(), *rules = js_array();

	for (size_t i = 0; i < p->rules_len; i++) {
		struct js *rule = js_object();

		js_put_text(rule, "name", p->rules[i].name);
		js_put_text(rule, "solver", p->rules[i].solver);
		js_add(rules, rule);
	}
	js_put(all, "challenges", rules);
	js_put_text(all, "key_type", p->key_type);
	js_put_text(all, "key_cycle", p->key_cycle);
	js_put_text(all, "preferred_chain", p->preferred_chain);
	if (p->keeps_pending)
		js_put_bool(all, "keeps_pending", true);
	if (p->unchecked)
		js_put_bool(all, "unchecked", true);
	if (p->auto_renew)
		js_put_bool(all, "auto_renew", true);
	if (p->no_replaces)
		js_put_bool(all, "no_replaces", true);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		int64_t n;

		memcpy(&n, (const char *)p + numbers[i].offset, sizeof(n));
		if (n != 0)
			js_put_int(all, numbers[i].name, n);
	}
	js_write(all, out);
	js_free(all);
	return out->full ? -1 : 0;
}

static char *
dup_text(const struct js *object, const char *key)
{
	return str_dup(js_get_text(object, key));
}

int
orderpolicy_read(struct orderpolicy *p, const char *text, struct err *e)
{
	struct err why = {0};
	struct js *all = js_parse(text, strlen(text), &why);
	const struct js *rules = js_get(all, "challenges");

	*p = (struct orderpolicy){0};
	if (!all)
		return err_set(e, KIND_BUG, "a policy is none: %s", why.text);
	for (size_t i = 0; i < js_len(rules); i++) {
		const struct js *rule = js_at(rules, i);
		const char *solver = js_get_text(rule, "solver");

		if (solver)
			insert(p, dup_text(rule, "name"), solver);
	}
	p->key_type = dup_text(all, "key_type");
	p->key_cycle = dup_text(all, "key_cycle");
	p->preferred_chain = dup_text(all, "preferred_chain");
	p->keeps_pending = js_is_true(js_get(all, "keeps_pending"));
	p->unchecked = js_is_true(js_get(all, "unchecked"));
	p->auto_renew = js_is_true(js_get(all, "auto_renew"));
	p->no_replaces = js_is_true(js_get(all, "no_replaces"));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		int64_t n = js_int(js_get(all, numbers[i].name), 0);

		memcpy((char *)p + numbers[i].offset, &n, sizeof(n));
	}
	js_free(all);
	return 0;
}

int
orderpolicy_replace_key(char **text, int64_t id, struct err *e)
{
	struct orderpolicy p;
	struct buf changed;
	int rc = orderpolicy_read(&p, *text, e);

	buf_init(&changed, ORDERPOLICY_MAX);
	if (rc == 0 && p.private_key_id == id) {
		p.private_key_id = 0;
		p.replaced_key_id = id;
		rc = orderpolicy_write(&p, &changed) < 0
		    ? err_set(e, KIND_BUG, "a policy is too long")
		    : 0;
		if (rc == 0) {
			free(*text);
			*text = xstrdup(changed.data);
		}
	}
	orderpolicy_release(&p);
	buf_release(&changed);
	return rc;
}

void
orderpolicy_release(struct orderpolicy *p)
{
	if (!p)
		return;
	clear_rules(p);
	free(p->key_type);
	free(p->key_cycle);
	free(p->preferred_chain);
	*p = (struct orderpolicy){0};
}
