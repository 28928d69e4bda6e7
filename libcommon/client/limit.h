#ifndef CLIENT_LIMIT_H
#define CLIENT_LIMIT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * What a CA allows, so that what it would refuse is not sent: token buckets of
 * `count`, each of which fills in `seconds`, counted from our own log.  They
 * stand in a text file (scripts/limits.conf) with a section for each CA.
 */
struct store;
struct suffix_list;

struct limit {
	int64_t count; /* 0: no limit */
	int64_t seconds;
};
#define LIMIT_COUNT_MAX 10000

#define LIMITS_FILE_MAX ((size_t)64 * 1024)

struct limits {
	struct limit orders_per_account;
	struct limit certificates_per_set;
	struct limit certificates_per_domain; /* that is registered */
	struct limit failures_per_name; /* of an account */
};

/*
 * Reads those of the CA called `ca`; none when it has no section.  KIND_CONF
 * with file and line for what is wrong, in other sections too.
 */
int limits_read(const char *name, const char *text, size_t len, const char *ca,
    struct limits *out, struct err *e);

/* Reads one, "300/3h": so many, all of which are there again after that. */
int limit_parse(const char *text, struct limit *out, struct err *e);

/* Adds what is in the file at `path` to `text`; nothing when there is none. */
int limits_load(const char *path, struct buf *text, struct err *e);

/*
 * When a token is there again, after those at `used` (newest first) were taken:
 * 0 for now.
 */
int64_t limit_free_at(
    const struct limit *l, const int64_t *used, size_t len, int64_t now);

/*
 * What the names of an order are counted under, for upstream_order_create: the
 * registered domains of DNS names, IPv4 addresses, the /64 of IPv6 addresses;
 * sorted, each once.
 */
void limits_registered(const struct suffix_list *l, const struct strv *dns,
    const struct strv *ip, struct strv *out);

/* Adds what one name, a DNS name or an address, is counted under. */
void limits_add_registered(const struct suffix_list *l, const char *name,
    bool is_ip, struct strv *out);

/*
 * While orders for new names and renewals both wait, each has a part of the
 * limits for itself, so that neither starves the other: in percent; 0: what is
 * there is for all.  Renewals are what renewal configurations have made.
 */
struct limits_share {
	int percent;
	bool is_renewal; /* whose part it is */
};

struct limits_order {
	int64_t id;
	int64_t upstream_account_id;
	int64_t fqdn_set_id;
	/*
	 * The certificate that it replaces, by name (RFC 9773 5); 0: none.  In
	 * the window that the CA has given for that one nothing is limited.
	 */
	int64_t replaces_id;
	/*
	 * Orders that are to be made before this one, which the store does not
	 * have yet: all of them, and those for names in the same registered
	 * domain.
	 */
	size_t ahead, ahead_in_domain;
	struct limits_share share;
};

/* Which limit an order has to wait for. */
struct limits_wait {
	int64_t at; /* 0: for none */
	const char *rule;
	char subject[256]; /* a name it is of, or "" */
};

/* Whether there is one at all. */
bool limits_any(const struct limits *l);

/*
 * When the CA would take this order: the one of its limits for which it has to
 * wait longest.  That it may be sent holds for the transaction in which this is
 * called and upstream_order_ask after it: other processes count it then.
 */
int limits_order(const struct limits *l, struct store *st,
    const struct limits_order *o, int64_t now, struct limits_wait *out,
    struct err *e);

/*
 * The same for one that is not made yet, for names that have never had a
 * certificate, in these registered domains: with a `subject` the limit is of
 * that domain only, without of the account.  Of `o` the id, the set and what it
 * replaces do not matter.
 */
int limits_new(const struct limits *l, struct store *st,
    const struct limits_order *o, const struct strv *registered, int64_t now,
    struct limits_wait *out, struct err *e);

#endif
