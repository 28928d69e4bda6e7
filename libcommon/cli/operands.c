#include "cli/operands.h"

#include <unistd.h>

#include "base/buf.h"
#include "cli/prog.h"
#include "sys/fd.h"

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
