#ifndef IMPORT_INTAKE_PART_H
#define IMPORT_INTAKE_PART_H

#include "import/intake.h"

/* What the files of the intake share, and nobody else. */

/* A bundle, put together, as it waits to be stored. */
struct intake_item {
	char *place;
	struct bundle bundle;
	struct bundle_set *sets;
	size_t sets_len;
	struct cert_list completed; /* issuers from the store */
	struct digestmap used; /* certificates that are in sets and chains */
	struct digestmap cert_keys; /* of the sets' certificates */
	bool is_lineage;
	struct intake_state state; /* of a lineage */
	char *client, *name, *settings; /* of a lineage; else NULL */
	int64_t account_id;
};

/* A report as it waits for its transaction; all is owned but `object`. */
struct intake_pending {
	const char *object;
	int64_t id;
	enum intake_result result;
	char *name, *place, *reason;
};

/* An account that a dry run has told of. */
struct intake_dry {
	char *directory_url, *url; /* or NULL */
	struct key *key;
};

struct intake {
	struct store *st;
	const struct intake_conf *conf;
	struct intake_item *items;
	size_t len, things;
	struct intake_pending *reports;
	size_t reports_len, reports_cap;
	char *failed_place; /* or NULL */
	struct digestmap issuers; /* of chains, that this transaction has put */
	struct strv accounts; /* their ids there, */
	int64_t *account_ids; /* and here */
	struct intake_dry *dry; /* accounts */
	size_t dry_len;
};

/*
 * Notes what became of an object, for when the transaction is on disk; `place`
 * and `name` are taken over.  id 0 in a dry run.
 */
void intake_note_added(struct intake *in, char *place, const char *object,
    int64_t id, bool created, char *name);
void intake_note_refused(struct intake *in, char *place, const char *object,
    char *name, const char *reason);

/* Hands on what was noted, or forgets it. */
int intake_send_reports(struct intake *in, struct err *e);
void intake_drop_reports(struct intake *in);

/*
 * Stores all of an item, in the transaction at hand.  -1: `failed_place` is
 * where the thing is from that the store did not take.
 */
int intake_put(struct intake *in, const struct intake_item *it, struct err *e);

#endif
