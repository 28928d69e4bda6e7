#ifndef JOBS_ONBOARDER_H
#define JOBS_ONBOARDER_H

#include "client/limit.h"
#include "jobs/probe.h"
#include "order/ordercheck.h"
#include "order/orders.h"
#include "store/domain_queue_work.h"
#include "store/domain_template.h"

/*
 * Works off the names of one template that wait for a certificate
 * (store/domain_queue.h): looks at them, gives each group its order, for
 * orders_run to bring to its end, and stores what became of it.  A name that
 * fails leaves its group, and the rest is ordered again.  Several processes may
 * do so at once, and each may be killed.
 */
struct onboarder_flight;

struct onboarder_result {
	const char *name;
	const struct err *err;
	bool is_news; /* it did not fail before, or not for this cause */
	bool is_served; /* jobs/teller.h tells of it, too */
};

struct onboarder {
	struct store *st;
	const struct domain_template *template;
	const struct upstream_account *row; /* of the account */
	struct client *client; /* with a directory */
	const struct limits *limits;
	struct limits_share share;
	const struct suffix_list *suffixes; /* for limits of domains */
	struct prober prober; /* no precheck: names are not looked at */
	size_t in_flight;
	size_t per_certificate; /* 0: as the template has it */
	const struct domain_ids *only; /* no other items, or NULL */
	int64_t *left; /* how many names may be taken; of several onboarders */
	int64_t take_until; /* nothing is taken then (clock_now) */
	int64_t hold_until; /* whoever is not done then has died */
	/* Names that were not done, or were put off. */
	void (*tell)(void *arg, const struct onboarder_result *r);
	void *arg;
	bool has_more; /* since it was cleared, names came back to be ordered */
	/* private */
	struct orderpolicy policy; /* of the template */
	struct onboarder_flight *ready, *flights;
	size_t ready_len, len;
};

/*
 * Before the rest.  -1: nothing can be ordered for this template, and no name
 * is to blame.
 */
int onboarder_start(struct onboarder *o, struct err *e);

/* For struct orders, whose `arg` is the onboarder. */
int onboarder_next(void *onboarder, int64_t *order, struct err *e);
void onboarder_told(void *onboarder, const struct orders_result *r);

/* Gives back what is still held.  NULL-safe. */
void onboarder_release(struct onboarder *o);

/*
 * Of the names of an order that has failed, whether one is to blame: what the
 * CA says of the order names it.
 */
bool onboarder_blames(const char *text, const char *name);

/* What the CA said when it refused one of these names, or NULL; or any name. */
struct upstream_authorizations;
const char *onboarder_find_refusal(
    const struct upstream_authorizations *l, const struct strv *names);
bool onboarder_has_refusals(const struct upstream_authorizations *l);

#endif
