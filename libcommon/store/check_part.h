#ifndef STORE_CHECK_PART_H
#define STORE_CHECK_PART_H

#include "store/stmt.h"

/*
 * The parts of check_run, for check*.c only.  Each runs in a snapshot, adds a
 * line per problem, and returns 0, or -1 when it cannot look.  Columns may hold
 * what no constraint allows: the tables may have been found broken before.
 */
struct checking {
	struct store *st;
	struct strv *problems;
};

/* Adds the line "object/id: what". */
void check_add(
    struct checking *c, const char *object, int64_t id, const char *what);

/* What a statement gives a row of, the number of the object first. */
struct check_text {
	const char *object, *problem;
};

/* Adds a line for each row of `s`; -1 also when that is NULL. */
int check_rows(struct checking *c, struct db_stmt *s,
    const struct check_text *text, struct err *e);

/* check_states.c: what queries can say of the states and of who names whom */
int check_states(struct checking *c, struct err *e);

/* check_upstream.c: the same for orders at other CAs */
int check_upstream(struct checking *c, struct err *e);

/* check_deploy.c: the same for what is deployed */
int check_deploy(struct checking *c, struct err *e);

/* check_content.c: what columns say of the key or certificate they are of */
int check_accounts(struct checking *c, struct err *e);
int check_certificates(struct checking *c, struct err *e);

/* check_chains.c: the order, digest and signatures of chains */
int check_chains(struct checking *c, struct err *e);

#endif
