#ifndef IMPORT_INTAKE_PART_H
#define IMPORT_INTAKE_PART_H

#include "import/directories.h"
#include "import/intake.h"
#include "store/chain_find.h"

/* What the files of the intake share, and nobody else. */

/* A bundle, put together, as it waits to be stored. */
struct intake_item {
	char *place;
	struct bundle bundle;
	struct bundle_set *sets;
	size_t sets_len;
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
	int64_t *cas; /* CA certificates that may make chains */
	size_t cas_len, cas_cap;
	bool has_searched; /* for ways; then, which was the last */
	int64_t last_ca; /* CA certificate before that */
	struct digestmap ways_known; /* by issuer, where in */
	struct chain_ways **ways; /* until what is in hand is stored */
	size_t ways_len;
	struct strv accounts; /* their ids there, */
	int64_t *account_ids; /* and here */
	struct intake_dry *dry; /* accounts */
	size_t dry_len;
	struct directories directories; /* when they are needed */
};

/*
 * Notes what became of an object, for when the transaction is on disk; `place`
 * and `name` are taken over.  id 0 in a dry run.
 */
void intake_note_added(struct intake *in, char *place, const char *object,
    int64_t id, bool created, char *name);
/* The same, with what is missing in it, or NULL. */
void intake_note_lacking(struct intake *in, char *place, const char *object,
    int64_t id, bool created, char *name, const char *reason);
void intake_note_refused(struct intake *in, char *place, const char *object,
    char *name, const char *reason);

/* Hands on what was noted, or forgets it. */
int intake_send_reports(struct intake *in, struct err *e);
void intake_drop_reports(struct intake *in);

/* Whether it is the fault of what is stored, not of the store. */
bool intake_is_refusal(const struct err *e);

void intake_drop_dry(struct intake *in);

/*
 * Adds the chains that the store knows for the certificate, behind those that
 * came with it; they are borrowed until intake_forget_ways.
 */
int intake_add_chains(struct intake *in, struct bundle_set *s, struct err *e);
void intake_forget_ways(struct intake *in);

/*
 * Notes a CA certificate that is stored, and does what store/chain_spread.h
 * does for all of these, and for those that others have stored since ways were
 * looked for; then they are forgotten.
 */
void intake_note_ca(struct intake *in, int64_t id);
int intake_spread_chains(struct intake *in, struct err *e);

/*
 * Stores all of an item, in the transaction at hand.  -1: `failed_place` is
 * where the thing is from that the store did not take.
 */
int intake_put(struct intake *in, const struct intake_item *it, struct err *e);

#endif
