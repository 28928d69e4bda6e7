#include "deploy/layout.h"

/* A path below the tree, as YAML. */
static void
put_path(const struct layout_item *it, const char *end, struct buf *out)
{
	char *path = xasprintf("%s/%s%s", it->root, it->file_name, end);

	layout_quote(path, out);
	buf_addc(out, '\n');
	free(path);
}

/*
 * An answer of the secret discovery service; what is watched is the directory
 * in which the link is renamed.
 */
int
layout_envoy(const struct layout_item *it, struct buf *out, struct err *e)
{
	buf_adds(out,
	    "resources:\n"
	    "- \"@type\": type.googleapis.com/envoy.extensions."
	    "transport_sockets.tls.v3.Secret\n"
	    "  name: ");
	layout_quote(it->name, out);
	buf_adds(out,
	    "\n  tls_certificate:\n    certificate_chain:\n"
	    "      filename: ");
	put_path(it, "/current/fullchain.pem", out);
	buf_adds(out, "    private_key:\n      filename: ");
	put_path(it, "/current/privkey.pem", out);
	buf_adds(out, "    watched_directory:\n      path: ");
	put_path(it, "", out);
	return out->full ? err_set(e, KIND_BUG, "too large to be exported") : 0;
}
