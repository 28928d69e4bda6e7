#include "cli/policyset.h"

#include "base/str.h"
#include "cli/prog.h"
#include "cli/sheet.h"
#include "order/orderkey.h"

/* ---- showing ------------------------------------------------------------- */

/* What an order's own policy says, in the words of the options. */
static void
add_rules(const struct orderpolicy *policy, struct strv *out)
{
	for (size_t i = 0; i < policy->rules_len; i++) {
		const struct orderpolicy_rule *r = &policy->rules[i];
		char *text = xasprintf("%s%s%s", r->name ? r->name : "",
		    r->name ? "=" : "", r->solver);

		strv_add(out, text);
		free(text);
	}
}

void
policyset_show(const struct orderpolicy *policy, struct sheet *s)
{
	struct strv rules = {0};

	add_rules(policy, &rules);
	sheet_list(s, "challenges", &rules);
	sheet_text(s, "key_type", policy->key_type);
	sheet_text(s, "key_cycle", policy->key_cycle);
	if (policy->private_key_id)
		sheet_int(s, "private_key", policy->private_key_id);
	if (policy->replaced_key_id)
		sheet_int(s, "replaced_key", policy->replaced_key_id);
	if (policy->certificate_request_id)
		sheet_int(
		    s, "certificate_request", policy->certificate_request_id);
	if (policy->days)
		sheet_int(s, "days", policy->days);
	sheet_text(s, "preferred_chain", policy->preferred_chain);
	strv_release(&rules);
}

/* ---- setting ------------------------------------------------------------- */

void
policyset_replace(char **what, const char *with)
{
	if (!with)
		return;
	free(*what);
	*what = strcmp(with, "none") == 0 ? NULL : xstrdup(with);
}

static const char *
unless_none(const char *word)
{
	return str_same(word, "none") ? NULL : word;
}

bool
policyset_is_empty(const struct policyset *s)
{
	return s->challenges.len == 0 && !s->key_cycle && !s->key_type &&
	    !s->preferred_chain;
}

int
policyset_check_text(const char *option, const char *text, struct err *e)
{
	size_t len = text ? strlen(text) : 1;

	if (len == 0 || len > POLICYSET_TEXT_MAX)
		return prog_misuse(e,
		    "--%s: must be 1 to %d bytes, or none for nothing", option,
		    POLICYSET_TEXT_MAX);
	return text && !str_is_text(text, len)
	    ? prog_misuse(
		  e, "--%s: must be UTF-8 without control characters", option)
	    : 0;
}

int
policyset_check(const struct policyset *s, struct err *e)
{
	struct orderpolicy policy = {0};
	int rc = orderkey_check(
	    unless_none(s->key_type), unless_none(s->key_cycle), e);

	if (rc == 0)
		rc = policyset_check_text(
		    "preferred-chain", s->preferred_chain, e);
	if (rc == 0)
		rc = orderpolicy_set_rules(
		    &policy, &s->challenges, s->placeholder, e);
	orderpolicy_release(&policy);
	return rc;
}

int
policyset_apply(const struct policyset *s, char **json, struct err *e)
{
	struct orderpolicy policy;
	struct buf text;
	int rc = orderpolicy_read(&policy, *json, e);

	buf_init(&text, ORDERPOLICY_MAX);
	if (rc == 0 && s->challenges.len > 0)
		rc = orderpolicy_set_rules(
		    &policy, &s->challenges, s->placeholder, e);
	if (!policyset_is_empty(s))
		policy.domain_template_id = 0; /* it is one's own now */
	if (s->key_type || s->key_cycle)
		policy.private_key_id = policy.certificate_request_id =
		    policy.replaced_key_id = 0;
	policyset_replace(&policy.key_type, s->key_type);
	policyset_replace(&policy.key_cycle, s->key_cycle);
	policyset_replace(&policy.preferred_chain, s->preferred_chain);
	if (rc == 0 && orderpolicy_write(&policy, &text) < 0)
		rc = prog_misuse(e, "--challenge: too much of it");
	if (rc == 0)
		policyset_replace(json, text.data);
	orderpolicy_release(&policy);
	buf_release(&text);
	return rc;
}

char *
policyset_make(const struct policyset *s, struct err *e)
{
	struct orderpolicy policy = {.auto_renew = true};
	struct strv answered = {0};
	struct buf text;
	char *json = NULL;
	int rc;

	strv_add(&answered, "answer");
	buf_init(&text, ORDERPOLICY_MAX);
	rc = orderpolicy_set_rules(&policy, &answered, NULL, e);
	if (rc == 0 && orderpolicy_write(&policy, &text) < 0)
		rc = err_set(e, KIND_BUG, "a policy is too long");
	if (rc == 0) {
		json = xstrdup(text.data);
		rc = policyset_apply(s, &json, e);
	}
	if (rc < 0) {
		free(json);
		json = NULL;
	}
	buf_release(&text);
	orderpolicy_release(&policy);
	strv_release(&answered);
	return json;
}
