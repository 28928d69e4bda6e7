#ifndef WRAP_TRANSFER_PART_H
#define WRAP_TRANSFER_PART_H

#include <curl/curl.h>

#include "base/err.h"

/* What https, web and fetch have in common: libcurl with its errors as ours. */

/*
 * Sets an option, unless one before it was refused: the CURL `c` and the
 * CURLcode `rc`, CURLE_OK at first, are the caller's.
 */
#define TRANSFER_SET(option, value)                                            \
	do {                                                                   \
		if (rc == CURLE_OK)                                            \
			rc = curl_easy_setopt(c, option, value);               \
	} while (0)

/*
 * What holds for every request of ours: no signals, no ~/.netrc, no user in the
 * URL, no HTTP/0.9, TLS 1.2 at least.
 */
CURLcode transfer_rules(CURL *c);

/* Adds the header field `name: value` to a list (NULL: an empty one). */
void transfer_add_field(
    struct curl_slist **fields, const char *name, const char *value);

/* A handle for many at once, which the caller frees.  NULL: KIND_SYS. */
CURLM *transfer_multi(struct err *e);

/*
 * Begins `c`, which may be NULL, if `rc`, which came of its options, is
 * CURLE_OK.  KIND_SYS.
 */
int transfer_begin(CURLM *multi, CURL *c, CURLcode rc, struct err *e);

/*
 * Calls `fn` for each that has ended, with its CURLOPT_PRIVATE and what came of
 * it; `fn` may free it.
 */
void transfer_reap(CURLM *multi,
    void (*fn)(void *arg, void *transfer, CURLcode rc), void *arg);

#endif
