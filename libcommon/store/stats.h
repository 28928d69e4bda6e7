#ifndef STORE_STATS_H
#define STORE_STATS_H

#include "base/buf.h"
#include "store/store.h"

/* Numbers about the store, for people and for Prometheus. */
struct stats_value {
	const char *name; /* "orders" */
	const char *label; /* "status", "kind", or NULL */
	const char *value; /* of the label: "pending" */
	const char *help; /* one line */
	int64_t number;
};

/*
 * Counts everything, as of one moment.  Takes time in proportion to the store
 * (an index is read through, about 0.1 s for a million rows) but no lock.
 * The caller frees `*values`; its texts are static.
 */
int stats_load(
    struct store *st, struct stats_value **values, size_t *len, struct err *e);

/*
 * Writes them in Prometheus' text format (a textfile for node_exporter), all
 * names with the prefix (`acmed_store_` for these).  Only the first of a name
 * needs a help.
 */
void stats_prometheus(const char *prefix, const struct stats_value *values,
    size_t len, struct buf *out);

#endif
