#ifndef DEPLOY_REDIS_FORMAT_H
#define DEPLOY_REDIS_FORMAT_H

#include "deploy/material.h"

/*
 * What gateways read in a Redis, as one table: a new format is a row and a
 * file deploy/redis_*.c.
 */

/* What a key of Redis holds; the names of the timeouts and counts. */
enum redis_kind {
	REDIS_CERTCA,
	REDIS_CERT,
	REDIS_PKEY,
	REDIS_DOMAIN, /* what a gateway looks up; it may point to the others */
	REDIS_KIND__MAX
};

/* What serves a name.  Without `m` only the keys can be told. */
struct redis_item {
	const char *name;
	const struct material *m; /* with its chain and key, or NULL */
	int64_t certificate_id, chain_id, key_id; /* chain 0: none */
	int64_t created, not_after; /* of the certificate */
	bool is_rsa;
	bool known[REDIS_KIND__MAX]; /* only the keys of these, though */
};

struct redis_options {
	const char *prefix; /* of keys; NULL: the usual one */
	bool readme_keys; /* peter's also as its README has them */
	bool own_renewal; /* the gateway must not renew by itself */
};

#define REDIS_FIELDS 3
#define REDIS_ENTRIES 8

struct redis_entry {
	enum redis_kind kind;
	char *key;
	/* a hash with these fields; or a string, one field without a name */
	const char *field[REDIS_FIELDS];
	struct buf value[REDIS_FIELDS]; /* may be secrets; empty without `m` */
	size_t len;
};

/* Those of kind DOMAIN stand behind what they point to. */
struct redis_entries {
	struct redis_entry v[REDIS_ENTRIES];
	size_t len;
};

/*
 * By what a key of a format is known.  Other programs have keys that are named
 * like these, so what it holds counts, too.
 */
struct redis_sign {
	const char *begins, *ends; /* or NULL */
	const char *contains[2]; /* one of them; or NULL */
	const char *holds; /* a hash, an object in JSON, or text, */
	const char *field[REDIS_FIELDS + 1]; /* in which these fields */
	const char *is; /* are like this pattern of Lua */
};

struct redis_format {
	const char *name, *alias; /* or NULL */
	int64_t database; /* when no URL names one */
	const char *prefix; /* what is meant without one; NULL: it has none */
	bool wildcards; /* it looks up "*.example.org" as well */
	bool by_certificate; /* one DOMAIN for each certificate, not name */
	bool by_key_type; /* is_rsa matters */
	/* by_certificate: what is before its number in keys; the caller frees
	 */
	char *(*before_number)(const struct redis_options *o);
	bool refers; /* a hash of numbers, of certificates, keys and chains */
	/* Adds what is to be there for an item.  KIND_BUG: too large. */
	int (*make)(const struct redis_item *it, const struct redis_options *o,
	    struct redis_entries *out, struct err *e);
	struct redis_sign sign;
};

#define REDIS_FORMATS_MAX 16

extern const struct redis_format redis_formats[];
extern const size_t redis_formats_len; /* at most REDIS_FORMATS_MAX */

/* One by its name, or NULL; and all names, with blanks between them. */
const struct redis_format *redis_format_by_name(const char *name);
const char *redis_format_names(void);

/* The one that has keys with such a name, or NULL. */
const struct redis_format *redis_format_by_key(const char *key);

/* Whether a gateway of this format asks for a name like that. */
bool redis_format_wants(const struct redis_format *f, const char *name);

/* Frees all, and overwrites what was in it; it is empty then.  NULL-safe. */
void redis_entries_release(struct redis_entries *r);

/* ---- for the formats ----------------------------------------------------- */

/* A new entry, without fields. */
struct redis_entry *redis_entry_add(struct redis_entries *out,
    enum redis_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A field of one; `field` is NULL for a string. */
void redis_entry_put_int(struct redis_entry *r, const char *field, int64_t n);
int redis_entry_put_pem(struct redis_entry *r, const char *field,
    const struct material *m, unsigned parts, struct err *e);

/*
 * The same, as an object in JSON of which there is one string only: members one
 * by one, and "}" at the end.  (A library for JSON would leave keys behind in
 * memory that it frees.)  Names and words are such as JSON need not escape.
 */
int redis_entry_json_pem(struct redis_entry *r, const char *member,
    const struct material *m, unsigned parts, struct err *e);
int redis_entry_json_text(
    struct redis_entry *r, const char *member, const char *text, struct err *e);
int redis_entry_json_int(
    struct redis_entry *r, const char *member, int64_t n, struct err *e);
int redis_entry_json_end(struct redis_entry *r, struct err *e);

int redis_peter_1(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e);
int redis_peter_2(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e);
int redis_autossl(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e);
int redis_restyacme(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e);
int redis_kong(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e);
int redis_traefik(const struct redis_item *it, const struct redis_options *o,
    struct redis_entries *out, struct err *e);
char *redis_traefik_before(const struct redis_options *o);

#endif
