#ifndef IMPORT_INTAKE_H
#define IMPORT_INTAKE_H

#include "import/bundle.h"
#include "store/store.h"

/*
 * Takes what somebody brings into the store: bundles, put together by key and
 * signature, and accounts.  They are stored many at a time, on disk before
 * anything is reported; what cannot be stored is refused, and the rest goes on.
 */
struct intake;
struct seal_key;

enum intake_result {
	INTAKE_CREATED,
	INTAKE_KNOWN, /* was there already */
	INTAKE_REFUSED,
	INTAKE_RESULT__MAX
};

/* What became of one object.  The texts live during the call only. */
struct intake_report {
	const char *object; /* "certificate" ..., as in acmed-store log */
	int64_t id; /* 0 when it was refused */
	enum intake_result result;
	const char *name; /* its names, subject, type or URL */
	const char *place; /* where it came from */
	const char *reason; /* of a refusal, or what is missing; else NULL */
};

/* "created", "known", "refused". */
const char *intake_result_name(enum intake_result result);

struct intake_conf {
	/* Under which keys are sealed; NULL: stored in the clear. */
	const struct seal_key *certificate_seal, *account_seal;
	const char *source; /* of certificates: "import" */
	/* Of accounts of which nobody else knows it; or NULL. */
	const char *directory_url;
	bool inactive; /* certificates come deactivated */
	bool auto_renew;
	/*
	 * CA certificates only: nothing else is taken.  Those of one bundle
	 * that were each signed by the next are a chain, too.
	 */
	bool ca_only;
	bool trusted; /* with ca_only: roots that are relied on */
	/* With ca_only: they must be one, of one certificate at least. */
	bool is_chain;
	bool dry_run; /* nothing is kept; what comes again may be told as new */
	/* -1 ends the intake. */
	int (*report)(void *arg, const struct intake_report *r, struct err *e);
	void *arg;
};

/* `conf` and what it points to must stay.  The caller closes. */
struct intake *intake_open(struct store *st, const struct intake_conf *conf);

/*
 * Takes a bundle over, which is empty then, with its problems; `place` names
 * it in reports.  -1 when the store failed, or the report.
 */
int intake_add(
    struct intake *in, const char *place, struct bundle *b, struct err *e);

/* The renewal settings of another client for certs[0] of the bundle. */
struct intake_lineage {
	const char *client; /* "certbot" ... */
	const char *name; /* that it has there */
	const char *settings; /* JSON */
	const char *account; /* `id` of an account that came before, or NULL */
};

/*
 * The same of one version of another client's lineage.  Its certificate comes
 * deactivated unless it is the newest; `lineage` may be NULL.
 */
struct intake_state {
	bool newest;
	bool revoked;
	bool compromised; /* the key; its certificates are revoked with it */
};
int intake_add_lineage(struct intake *in, const char *place, struct bundle *b,
    const struct intake_state *state, const struct intake_lineage *lineage,
    struct err *e);

/* An account at another CA; all is borrowed for the call. */
struct intake_account {
	const char *id; /* for intake_lineage */
	const char *directory_url; /* NULL: it is looked for, by: */
	const char *ca; /* as in import/tree.h, or NULL */
	const char *url; /* or NULL */
	const struct strv *contacts;
	const struct key *key;
	const char *data; /* or NULL */
	bool deactivated;
};
int intake_add_account(struct intake *in, const char *place,
    const struct intake_account *a, struct err *e);

/* Of one that is not to be added, but may be in the store. */
int intake_know_account(
    struct intake *in, const char *id, const struct key *k, struct err *e);

/*
 * Takes all that a reader finds in the store of another client, as far as `f`
 * wants it (import/tree.h): accounts, and certificates with their settings, of
 * which those that are not the newest come deactivated.
 */
struct tree_filter;
struct tree_reader;
int intake_add_tree(struct intake *in, const struct tree_reader *r,
    const char *path, const struct tree_filter *f, struct err *e);

/* Stores what is still in hand. */
int intake_finish(struct intake *in, struct err *e);

/* Drops what was not finished.  NULL-safe. */
void intake_close(struct intake *in);

#endif
