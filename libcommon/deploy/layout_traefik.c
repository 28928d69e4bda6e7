#include "deploy/layout.h"

static void
put_path(const struct layout_item *it, const char *file, struct buf *out)
{
	char *path = xasprintf(
	    "%s/" LAYOUT_STORE "/%s/%s", it->root, it->generation, file);

	layout_quote(path, out);
	buf_addc(out, '\n');
	free(path);
}

/*
 * The paths are those of the generation: Traefik looks at a certificate again
 * only when the file that names it has changed.
 */
int
layout_traefik(const struct layout_item *it, struct buf *out, struct err *e)
{
	buf_adds(out, "tls:\n  certificates:\n  - certFile: ");
	put_path(it, "fullchain.pem", out);
	buf_adds(out, "    keyFile: ");
	put_path(it, "privkey.pem", out);
	return out->full ? err_set(e, KIND_BUG, "too large to be exported") : 0;
}
