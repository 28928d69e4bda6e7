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

/* ---- what gateways are there --------------------------------------------- */

static const struct {
	const char *begins, *contains, *ends, *format;
} signs[] = {
    {"d1:", NULL, NULL, "1"},
    {"d2:", NULL, NULL, "2"},
    {NULL, NULL, ":latest", "auto-ssl"},
    {NULL, "kong_acme:", NULL, "kong"},
    {NULL, "domain:ecc:", NULL, "resty-acme"},
    {NULL, "domain:rsa:", NULL, "resty-acme"},
    {NULL, "/tls/certificates/", NULL, "traefik"},
};

struct detecting {
	int64_t left;
	int64_t found[ARRAY_LEN(signs)];
};

static void
note_sign(struct detecting *d, const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if ((!signs[i].begins || str_starts(key, signs[i].begins)) &&
		    (!signs[i].ends || str_ends(key, signs[i].ends)) &&
		    (!signs[i].contains || strstr(key, signs[i].contains))) {
			d->found[i]++;
			return;
		}
}

static int
detect_page(void *arg, const struct kv_reply *keys, struct err *e)
{
	struct detecting *d = arg;
	size_t len;

	(void)e;
	for (size_t i = 0; i < kv_len(keys); i++) {
		const char *key = kv_text(kv_at(keys, i), &len);

		if (!str_starts(key, PRIMER_SIDE))
			note_sign(d, key);
	}
	d->left -= (int64_t)kv_len(keys);
	return d->left > 0 ? 0 : 1;
}

int
primer_detect(struct kv *k, int64_t max,
    void (*fn)(void *arg, const char *format, int64_t keys), void *arg,
    struct err *e)
{
	struct detecting d = {.left = max};

	if (primer_scan(k, NULL, detect_page, &d, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		if (i + 1 < ARRAY_LEN(signs) &&
		    strcmp(signs[i].format, signs[i + 1].format) == 0)
			d.found[i + 1] += d.found[i];
		else if (d.found[i] > 0)
			fn(arg, signs[i].format, d.found[i]);
	}
	return 0;
}
