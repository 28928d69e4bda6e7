#ifndef STORE_CERTIFICATE_PART_H
#define STORE_CERTIFICATE_PART_H

/* As certificate_is_ours. */
#define CERTIFICATE_IS_OURS "c.source IN ('acme', 'sign', 'tls')"

/*
 * The rule by which one of several certificates `c`, of the sets of `m`, serves
 * a name: parts of an ORDER BY, in this order; `now` is a parameter.
 */
#define SERVING_VALID(now)                                                     \
	"CASE WHEN c.not_before <= " now " AND c.not_after >= " now            \
	" THEN 0 WHEN c.not_before <= " now " THEN 1 ELSE 2 END"
/* Not EXISTS, which PostgreSQL may answer from the side of the keys. */
#define SERVING_KEY                                                            \
	"(SELECT k.id FROM private_keys k"                                     \
	" WHERE k.spki_sha256 = c.spki_sha256) IS NOT NULL"
#define SERVING_LATER                                                          \
	"c.not_after DESC, (SELECT s.size FROM fqdn_sets s"                    \
	" WHERE s.id = m.fqdn_set_id) DESC, c.id DESC"

/* A wildcard `d` and the names `b` that it serves besides; there is an index.
 */
#define WILDCARD_AND_BELOW                                                     \
	"domains d JOIN domains b ON"                                          \
	" ltrim(b.value, 'abcdefghijklmnopqrstuvwxyz0123456789-_*')"           \
	" = substr(d.value, 2) AND b.id <> d.id AND d.value LIKE '*.%'"

#endif
