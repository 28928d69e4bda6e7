#include "jobs/primer_part.h"

#define PAGE "1000" /* keys, as Redis counts */

/* ---- keys of a Redis, some at a time ------------------------------------- */

static int
scan_server(struct kv *k, size_t server, const char *pattern, primer_page_fn fn,
    void *arg, struct err *e)
{
	char cursor[24] = "0";
	int rc = 0;

	do {
		struct kv_reply *r;
		size_t len;

		kv_to(k, server);
		r = kv_ask(k, e, "SCAN", cursor, "COUNT", PAGE,
		    pattern ? "MATCH" : NULL, pattern, NULL);
		if (!r)
			return -1;
		if (kv_len(r) != 2)
			rc = err_set(e, KIND_SYS, "this is no Redis");
		else
			snprintf(cursor, sizeof(cursor), "%s",
			    kv_text(kv_at(r, 0), &len));
		if (rc == 0)
			rc = fn(arg, kv_at(r, 1), e);
		kv_free(r);
	} while (rc == 0 && strcmp(cursor, "0") != 0);
	return rc;
}

int
primer_scan(struct kv *k, const char *pattern, primer_page_fn fn, void *arg,
    struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < kv_servers(k); i++)
		rc = scan_server(k, i, pattern, fn, arg, e);
	return rc < 0 ? -1 : 0;
}
