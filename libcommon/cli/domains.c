#include "cli/domains.h"

#include <unistd.h>

#include "cli/listing.h"
#include "cli/operands.h"
#include "cli/out.h"
#include "cli/prog.h"
#include "cli/progress.h"
#include "cli/rights.h"
#include "jobs/enlist.h"
#include "jobs/waiting.h"
#include "store/blocked_name.h"
#include "store/domain_queue.h"
#include "store/domain_template.h"
#include "store/served_name.h"
#include "store/upstream_ca.h"
#include "sys/clock.h"
#include "sys/sig.h"
#include "wrap/suffix.h"

#define AT_ONCE 500 /* names in one transaction */
#define LINE_SIZE 1024

/* ---- add ----------------------------------------------------------------- */

/* One name on its way: what was typed, and why it is none. */
struct addend {
	char *typed, *name;
	struct err why;
	size_t at; /* of `v` */
};

struct adding {
	struct prog *p;
	struct store *st;
	struct suffix_list *suffixes;
	struct enlist list;
	struct out out;
	struct progress progress;
	struct addend names[AT_ONCE];
	struct domain_addition v[AT_ONCE];
	size_t len, good;
};

static void
clear(struct adding *a)
{
	for (size_t i = 0; i < a->len; i++) {
		free(a->names[i].typed);
		free(a->names[i].name);
	}
	a->len = a->good = 0;
}

/* A name that is none fails by itself, and so does one that is blocked. */
static void
judge(struct adding *a, const struct addend *n)
{
	struct prog *p = a->p;

	if (!n->name)
		p->exit_code = prog_worse(p->exit_code, err_exit(&n->why));
	else if (a->v[n->at].answer == DOMAIN_BLOCKLISTED)
		p->exit_code = prog_worse(p->exit_code, 1);
}

static int
print_answer(struct adding *a, const struct addend *n, struct err *e)
{
	struct out *o = &a->out;

	judge(a, n);
	out_text(o, n->name ? n->name : n->typed);
	out_text(
	    o, n->name ? domain_answer_name(a->v[n->at].answer) : "refused");
	out_text(o, a->list.template.name);
	out_text(o, n->name ? NULL : n->why.text);
	out_end(o);
	return out_check(e);
}

/* What is printed is stored: whoever is killed has lost nothing. */
static int
flush(struct adding *a, struct err *e)
{
	int rc = a->good > 0
	    ? domain_queue_add(a->st, a->list.template.id, a->v, a->good, e)
	    : 0;

	for (size_t i = 0; rc == 0 && i < a->len; i++)
		rc = print_answer(a, &a->names[i], e);
	progress_add(&a->progress, (int64_t)a->len);
	clear(a);
	return rc;
}

static int
add_name(struct adding *a, const char *typed, struct err *e)
{
	struct addend *n = &a->names[a->len++];

	*n = (struct addend){.typed = xstrdup(typed), .at = a->good};
	n->name = enlist_name(&a->list, typed, &n->why);
	if (n->name)
		a->v[a->good++] = (struct domain_addition){.name = n->name,
		    .registered = enlist_registered(&a->list, n->name)};
	return a->len == AT_ONCE ? flush(a, e) : 0;
}

/* The first column of a line, which ends with a newline or the input. */
static int
add_line(struct adding *a, char *line, size_t len, struct err *e)
{
	if (strlen(line) < len)
		return err_set(e, KIND_INPUT,
		    "standard input: a NUL byte; lines end with a newline");
	line[strcspn(line, "\t\r\n")] = '\0';
	return *line ? add_name(a, line, e) : 0;
}

static int
stopped(struct err *e)
{
	return err_set(e, KIND_BUSY,
	    "stopped; what was printed is in the queue, and the same list may "
	    "be given again");
}

static int
add_lines(struct adding *a, struct err *e)
{
	char line[LINE_SIZE + 1];
	size_t len = 0;
	int rc = 0;

	/* by the block, as a line may have a NUL byte in it */
	while (rc == 0 && fread(line + len, 1, 1, stdin) > 0) {
		if (line[len++] != '\n' && len < LINE_SIZE)
			continue;
		if (line[len - 1] != '\n')
			return err_set(e, KIND_INPUT,
			    "standard input: a line of more than %d bytes",
			    LINE_SIZE);
		line[len] = '\0';
		rc = sig_term() ? stopped(e) : add_line(a, line, len, e);
		len = 0;
	}
	line[len] = '\0';
	if (rc == 0 && ferror(stdin))
		return sig_term() ? stopped(e)
				  : err_sys(e, "cannot read standard input");
	return rc < 0 || len == 0 ? rc : add_line(a, line, len, e);
}

static int
add_operands(struct adding *a, struct err *e)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < a->p->argc; i++)
		rc = strcmp(a->p->argv[i], "-") == 0
		    ? add_lines(a, e)
		    : add_name(a, a->p->argv[i], e);
	if (rc == 0)
		return flush(a, e);
	/* what came before that is not lost */
	if (e->kind == KIND_INPUT || e->kind == KIND_BUSY) {
		struct err ignored = {0};

		flush(a, &ignored);
	}
	return -1;
}

static int
open_adding(struct adding *a, const char *template, struct err *e)
{
	static const char *const columns[] = {
	    "name", "status", "template", "error", NULL};

	out_init(&a->out, a->p->json, !a->p->no_header, columns);
	a->suffixes = suffix_list_load(e);
	if (!a->suffixes)
		return -1;
	a->st = rights_open_store(a->p, STORE_WRITE, SANDBOX_STORE_USER, e);
	return a->st ? enlist_open(&a->list, a->st, template, a->suffixes, e)
		     : -1;
}

int
domains_add(struct prog *p, const char *template, struct err *e)
{
	struct adding *a = xcalloc(1, sizeof(*a));
	int rc;

	a->p = p;
	rc = open_adding(a, template, e);
	sig_catch_term();
	progress_begin(&a->progress, "names");
	if (rc == 0)
		rc = add_operands(a, e);
	progress_end(&a->progress);
	if (rc == 0)
		out_finish(&a->out);
	clear(a);
	suffix_list_free(a->suffixes);
	enlist_release(&a->list);
	store_close(a->st);
	free(a);
	return rc;
}

/* ---- remove, block ------------------------------------------------------- */

struct change {
	int (*fn)(struct store *st, const char *name, struct err *e);
};

static int
change_one(struct store *st, const char *operand, void *arg, struct err *e)
{
	const struct change *change = arg;
	char *name = enlist_spell(operand, e);
	int rc = name ? change->fn(st, name, e) : err_object(e, "%s", operand);

	free(name);
	return rc;
}

static int
each(struct prog *p,
    int (*fn)(struct store *st, const char *name, struct err *e), struct err *e)
{
	struct change change = {fn};

	return operands_each(p, change_one, &change, e);
}

int
domains_remove(struct prog *p, struct err *e)
{
	return each(p, domain_queue_remove, e);
}

int
domains_block(struct prog *p, struct err *e)
{
	return each(p, blocked_name_add, e);
}

int
domains_unblock(struct prog *p, struct err *e)
{
	return each(p, blocked_name_remove, e);
}

/* ---- looking ------------------------------------------------------------- */

static int
print_blocked(void *arg, const char *name, int64_t created, struct err *e)
{
	struct out *o = arg;

	out_text(o, name);
	out_time(o, created);
	out_end(o);
	return out_check(e);
}

static int
each_blocked(struct store *st, struct out *o, struct err *e)
{
	return blocked_name_each(st, print_blocked, o, e);
}

int
domains_blocklist(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"name", "created", NULL};

	return listing_print(p, columns, each_blocked, e);
}

struct listing {
	struct store *st;
	struct out out;
	const char *ca; /* [client] ca */
	struct domain_template template; /* the last one met */
	bool is_away; /* its CA, */
	struct upstream_held held; /* and until then */
	int64_t now;
};

static const char *
state_of(const struct domain_item *i, int64_t now)
{
	return i->is_parked	   ? "parked"
	    : i->lease_until > now ? "held"
	    : queue_state_of(&i->past, i->error) == QUEUE_FAILING
	    ? "quarantined"
	    : "waiting";
}

static int
find_template(struct listing *l, int64_t id, struct err *e)
{
	if (l->template.id == id)
		return 0;
	domain_template_release(&l->template);
	if (domain_template_by_id(l->st, id, &l->template, e) < 0)
		return -1;
	l->is_away = waiting_is_away(l->st, &l->template, l->ca, &l->held);
	return 0;
}

static int
print_item(void *arg, struct domain_item *i, struct err *e)
{
	struct listing *l = arg;
	struct out *o = &l->out;
	struct served_life life = {0};

	if (i->certificate_id != 0 &&
	    served_name_life(l->st, i->name, i->certificate_id, &life, e) < 0)
		return -1;
	if (find_template(l, i->domain_template_id, e) < 0)
		return -1;
	if (l->is_away)
		waiting_note_away(i, &l->held);
	out_text(o, i->name);
	out_text(o, state_of(i, l->now));
	out_text(o, l->template.name);
	out_id(o, i->upstream_order_id);
	out_time(o, i->added);
	out_time(o, i->retry_at > l->now ? i->retry_at : 0);
	out_int(o, i->past.attempts);
	out_time(o, i->past.failing_since);
	out_text(o, i->cause);
	out_text(o, i->error);
	out_time(o, life.not_after);
	out_end(o);
	return out_check(e);
}

int
domains_list(struct prog *p, struct err *e)
{
	static const char *const columns[] = {"name", "state", "template",
	    "order", "added", "retry_at", "attempts", "failing_since", "cause",
	    "error", "expires", NULL};
	struct listing l = {.now = clock_now(),
	    .ca = p->conf.client.ca,
	    .st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e)};
	int rc = -1;

	out_init(&l.out, p->json, !p->no_header, columns);
	if (l.st)
		rc = domain_queue_each(l.st, print_item, &l, e);
	if (rc == 0)
		out_finish(&l.out);
	domain_template_release(&l.template);
	store_close(l.st);
	return rc;
}
