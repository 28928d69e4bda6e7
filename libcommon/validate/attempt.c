#include "validate/attempt.h"

#include "acme/ident.h"
#include "conf/conf.h"
#include "sys/clock.h"

/* A step ends before the attempt: it knows better what was waited for. */
#define MARGIN_MS 200

static const struct attempt_machine *const machines[] = {
    [CHALLENGE_HTTP_01] = &http01_machine,
    [CHALLENGE_DNS_01] = &dns01_machine,
    [CHALLENGE_TLS_ALPN_01] = &tlsalpn01_machine,
};
_Static_assert(
    ARRAY_LEN(machines) == CHALLENGE_TYPE__MAX, "one machine per type");

/* The second look at what goes into queries and URLs; the first is newOrder. */
static int
check_task(const struct validmsg_task *t, struct err *e)
{
	struct identifier same = {0};
	int rc = ident_parse(identifier_type_name(t->identifier.type),
	    t->identifier.value, &same, e);

	identifier_release(&same);
	if (rc < 0)
		return -1;
	if (identifier_is_wildcard(&t->identifier))
		return err_set(e, KIND_INPUT,
		    "RFC 8555 7.1.4: identifier of an authorization has no "
		    "wildcard");
	if (t->identifier.type == IDENTIFIER_IP && t->type == CHALLENGE_DNS_01)
		return err_set(e, KIND_INPUT,
		    "RFC 8738 7: no dns-01 for identifiers of type ip");
	if (!keyauth_token_is_good(t->token) ||
	    !keyauth_token_is_good(t->thumbprint))
		return err_set(e, KIND_BUG, "token or thumbprint is broken");
	return 0;
}

struct attempt *
attempt_new(struct attempt_tools *tools, struct validmsg_task *task)
{
	struct attempt *a = xcalloc(1, sizeof(*a));
	struct err e = {0};

	a->tools = tools;
	a->task = *task;
	memset(task, 0, sizeof(*task)); /* transferred */
	a->result.id = a->task.id;
	a->machine = machines[a->task.type];
	a->fd = -1;
	a->wake = INT64_MAX;
	a->deadline = clock_mono() + tools->conf->timeout * 1000;
	if (check_task(&a->task, &e) < 0) {
		attempt_fail(a, &e);
		return a;
	}
	keyauth_format(a->keyauth, a->task.token, a->task.thumbprint);
	a->machine->start(a);
	return a;
}

void
attempt_ready(struct attempt *a)
{
	if (!a->is_done && a->machine->ready)
		a->machine->ready(a);
}

void
attempt_tick(struct attempt *a, int64_t now)
{
	struct err e = {0};

	if (!a->is_done && now >= a->wake) {
		a->wake = INT64_MAX;
		a->machine->expired(a);
	}
	if (a->is_done || now < a->deadline)
		return;
	err_acme(&e, KIND_INPUT, "connection",
	    "validation took longer than %lld seconds",
	    (long long)a->tools->conf->timeout);
	attempt_fail(a, &e);
}

void
attempt_free(struct attempt *a)
{
	if (!a)
		return;
	if (a->state)
		a->machine->stop(a);
	validmsg_task_release(&a->task);
	free(a);
}

void
attempt_succeed(struct attempt *a)
{
	a->is_done = true;
	a->result.is_valid = true;
}

void
attempt_fail(struct attempt *a, const struct err *e)
{
	const char *type = e->acme_type;

	if (a->is_done)
		return;
	if (!type)
		type = err_row(e->kind)->acme_type;
	a->is_done = true;
	a->result.err = *e;
	/* What no waiting mends. */
	a->result.is_final = type &&
	    (strcmp(type, "rejectedIdentifier") == 0 ||
		strcmp(type, "malformed") == 0);
}

void
attempt_note_address(struct attempt *a, const struct address *address)
{
	address_format(address, a->result.address);
}

int64_t
attempt_left(const struct attempt *a, int64_t ms)
{
	int64_t left = a->deadline - MARGIN_MS - clock_mono();

	if (ms > left)
		ms = left;
	return ms > 1 ? ms : 1;
}

void
attempt_set_wake(struct attempt *a, int64_t ms)
{
	a->wake = clock_mono() + attempt_left(a, ms);
}
