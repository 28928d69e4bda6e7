#ifndef WRAP_TRANSFER_PART_H
#define WRAP_TRANSFER_PART_H

#include "base/err.h"

/*
 * What https, web and fetch have in common.  Handles are libcurl's (CURL,
 * CURLM), codes its CURLcode; who includes this includes <curl/curl.h> first.
 */
struct curl_slist;

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
int transfer_rules(void *c);

/* Adds a header field as it stands to a list (NULL: an empty one). */
void transfer_add_line(
    struct curl_slist **fields, const char *text, size_t len);

/* The same of `name: value`. */
void transfer_add_field(
    struct curl_slist **fields, const char *name, const char *value);

/* A handle for many at once, which the caller frees.  NULL: KIND_SYS. */
void *transfer_multi(struct err *e);

/*
 * Begins `c`, which may be NULL, if `rc`, which came of its options, is
 * CURLE_OK.  KIND_SYS.
 */
int transfer_begin(void *multi, void *c, int rc, struct err *e);

/*
 * Calls `fn` for each that has ended, with its CURLOPT_PRIVATE and what came of
 * it; `fn` may free it.
 */
void transfer_reap(
    void *multi, void (*fn)(void *arg, void *transfer, int rc), void *arg);

#endif
