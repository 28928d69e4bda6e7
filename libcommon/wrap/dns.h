#ifndef WRAP_DNS_H
#define WRAP_DNS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Look-ups in the DNS that do not wait, by libunbound.  Nothing is cached from
 * one look-up to the next, CNAMEs are followed, a truncated answer is asked
 * for again over TCP, and names that libunbound would answer by itself (.test,
 * .invalid, private reverse zones) are asked for like all others.
 */
struct dns;
struct dns_query;

#define DNS_RECORDS_MAX 64 /* records of one answer that are looked at */
#define DNS_CNAMES_MAX 8

enum dns_type {
	DNS_A, /* records of 4 bytes */
	DNS_AAAA, /* records of 16 bytes */
	DNS_TXT, /* the strings of each record, one behind the other */
	DNS_PTR, /* names in lower case, without final dot */
	DNS_NS, /* the same */
	DNS_TYPE__MAX
};

enum dns_status {
	DNS_FOUND, /* at least one record */
	DNS_NODATA, /* the name exists, without such a record */
	DNS_NXDOMAIN,
	DNS_FAILED, /* SERVFAIL and other refusals, a CNAME chain too long */
	DNS_BOGUS /* DNSSEC says that the answer is forged */
};

struct dns_record {
	const char *data; /* followed by a NUL */
	size_t len;
};

/* An answer; lives during the callback only. */
struct dns_answer {
	enum dns_status status;
	const struct dns_record *records;
	size_t len; /* at most DNS_RECORDS_MAX */
	const char *reason; /* in words: what is missing; "" when found */
	const char *canonical; /* where CNAMEs led, as PTR; NULL: nowhere */
};

struct dns_options {
	const struct strv *resolvers; /* ADDRESS, ADDRESS:PORT, [IPV6]:PORT;
				       * empty: those of the system, and its
				       * hosts file */
	const char
	    *trust_anchor_file; /* NULL: DNSSEC is left to the resolver */
};

typedef void dns_callback(void *arg, const struct dns_answer *answer);

/*
 * Makes a resolver with a thread of its own; after that this process must not
 * fork.  NULL on failure: KIND_CONF naming the value, KIND_SYS.
 */
struct dns *dns_new(const struct dns_options *options, struct err *e);

/* Cancels what is under way and frees all.  NULL-safe. */
void dns_free(struct dns *d);

/* When this descriptor is readable, dns_process has something to do. */
int dns_fd(const struct dns *d);

/* Calls the callbacks of what has been answered. */
int dns_process(struct dns *d, struct err *e);

/*
 * Looks up `name`; `fn(arg, answer)` is called from dns_process, once, unless
 * the query is cancelled before.  There is no deadline: the caller has one, and
 * cancels.  NULL on failure (KIND_INPUT: not a name; KIND_SYS).
 */
struct dns_query *dns_start(struct dns *d, const char *name, enum dns_type type,
    dns_callback *fn, void *arg, struct err *e);

/* Its callback will not be called; never from within it.  NULL-safe. */
void dns_cancel(struct dns *d, struct dns_query *q);

/* "A", "AAAA" and so on. */
const char *dns_type_name(enum dns_type type);

/*
 * The records of one type in the wire format, for dns.c and its test: appends
 * the decoded form, as enum dns_type says, to `out`; -1 when it is malformed.
 */
int dns_decode(
    enum dns_type type, const uint8_t *p, size_t len, struct buf *out);

/*
 * How many CNAME records the answer section of a packet has; -1 when it cannot
 * be read.
 */
int dns_count_cnames(const uint8_t *packet, size_t len);

#endif
