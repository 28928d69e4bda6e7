#include "cli/once.h"

#include "cli/prog.h"
#include "sys/sig.h"

static int
send_off(const struct prog *p, struct err *e)
{
	if (p->no_stdout)
		return err_set(e, KIND_SYS, "standard output: is closed");
	sig_ignore_pipe(); /* to live on, and revoke */
	return fflush(stdout) != 0 || ferror(stdout)
	    ? err_sys(e, "standard output: cannot write")
	    : 0;
}

int
once_told(const struct prog *p, struct store *st, const char *id,
    int (*revoke)(struct store *st, const char *id, struct err *e),
    struct err *e)
{
	struct err why = {0};

	if (send_off(p, &why) == 0)
		return 0;
	if (revoke(st, id, e) < 0)
		return err_object(e, "%s, and %s is not revoked", why.text, id);
	return err_set(e, why.kind, "%s, so %s is revoked", why.text, id);
}
