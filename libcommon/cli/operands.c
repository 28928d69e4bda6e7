#include "cli/operands.h"

#include <unistd.h>

#include "base/buf.h"
#include "cli/prog.h"
#include "cli/rights.h"
#include "sys/fd.h"
#include "sys/sig.h"

/* Of each line what stands before one of `ends`, among which is its end. */
static int
read_lines(const char *ends, struct strv *out, struct err *e)
{
	struct buf all;
	int rc;

	buf_init(&all, OPERANDS_MAX);
	rc = fd_read_all(STDIN_FILENO, &all, FD_FOREVER, e);
	/* what follows one would be passed over */
	if (rc == 0 && strlen(all.data) != all.len)
		rc = err_set(e, KIND_INPUT,
		    "standard input: a NUL byte; lines end with a newline");
	for (const char *p = all.data; rc == 0 && *p; p += *p == '\n') {
		size_t line = strcspn(p, "\n"), n = strcspn(p, ends);

		if (n > 0)
			strv_addn(out, p, n);
		p += line;
	}
	buf_release(&all);
	return rc;
}

int
operands_read(const struct prog *p, struct strv *out, struct err *e)
{
	for (int i = 0; i < p->argc; i++) {
		if (strcmp(p->argv[i], "-") != 0)
			strv_add(out, p->argv[i]);
		else if (read_lines("\t\n", out, e) < 0)
			return -1;
	}
	return 0;
}

int
operands_read_lines(struct strv *out, struct err *e)
{
	return read_lines("\n", out, e);
}

static int
call_each(struct prog *p, struct store *st, const struct strv *operands,
    int (*fn)(struct store *st, const char *operand, void *arg, struct err *e),
    void *arg, struct err *e)
{
	for (size_t i = 0; i < operands->len; i++) {
		struct err why = {0};

		if (sig_term())
			return err_set(e, KIND_BUSY,
			    "stopped before %s and what follows it",
			    operands->v[i]);
		if (fn(st, operands->v[i], arg, &why) < 0)
			prog_item_failed(p, &why);
		else
			p->brings = true;
	}
	return 0;
}

int
operands_each(struct prog *p,
    int (*fn)(struct store *st, const char *operand, void *arg, struct err *e),
    void *arg, struct err *e)
{
	struct strv operands = {0};
	struct store *st = NULL;
	int rc = operands_read(p, &operands, e);

	if (rc == 0) {
		st = rights_open_store(p, STORE_WRITE, SANDBOX_STORE_USER, e);
		rc = st ? 0 : -1;
	}
	sig_catch_term();
	if (rc == 0)
		rc = call_each(p, st, &operands, fn, arg, e);
	store_close(st);
	strv_release(&operands);
	return rc;
}
