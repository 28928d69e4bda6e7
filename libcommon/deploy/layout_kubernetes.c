#include "base/b64.h"
#include "deploy/format.h"
#include "deploy/layout.h"

static int
put_data(const struct layout_item *it, const char *key, unsigned parts,
    struct buf *out, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init(&pem, FORMAT_MAX);
	rc = format_pem(it->m, parts, &pem, e);
	buf_addf(out, "  %s: ", key);
	b64_encode(out, pem.data, pem.len);
	buf_addc(out, '\n');
	buf_wipe(&pem);
	return rc;
}

/* A document of its own, so that the files of many can be put together. */
int
layout_kubernetes(const struct layout_item *it, struct buf *out, struct err *e)
{
	buf_addf(out,
	    "---\napiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\n"
	    "metadata:\n  name: \"%s\"\n  annotations:\n"
	    "    acmed/name: ",
	    it->file_name);
	layout_quote(it->name, out);
	buf_adds(out, "\ndata:\n");
	if (put_data(it, "tls.crt", FORMAT_FULLCHAIN, out, e) < 0 ||
	    put_data(it, "tls.key", FORMAT_KEY, out, e) < 0)
		return -1;
	return out->full ? err_set(e, KIND_BUG, "too large to be exported") : 0;
}
