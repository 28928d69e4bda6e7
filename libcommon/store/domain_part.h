#ifndef STORE_DOMAIN_PART_H
#define STORE_DOMAIN_PART_H

/*
 * SQL that domain.c works by and check_states.c proves: of a row of `domains`,
 * the active certificate with the latest notAfter, of the sets of one name and
 * of those of more; 0 when there is none.  What is not active comes last
 * instead of being left out: PostgreSQL would begin with the few that it
 * thinks are active, instead of with the name.
 */
#define DOMAIN_IS_ACTIVE "c.active = 1 AND c.status = 'valid'"
#define DOMAIN_LATEST(sizes)                                                   \
	"COALESCE((SELECT CASE WHEN " DOMAIN_IS_ACTIVE " THEN c.id ELSE 0 END" \
	" FROM fqdn_set_members m"                                             \
	" JOIN certificates c ON c.fqdn_set_id = m.fqdn_set_id"                \
	" WHERE m.domain_id = domains.id AND (SELECT s.size FROM fqdn_sets s"  \
	" WHERE s.id = m.fqdn_set_id) " sizes                                  \
	" ORDER BY CASE WHEN " DOMAIN_IS_ACTIVE " THEN 0 ELSE 1 END,"          \
	" c.not_after DESC, c.id DESC LIMIT 1), 0)"
#define DOMAIN_SINGLE DOMAIN_LATEST("= 1")
#define DOMAIN_MULTI DOMAIN_LATEST("> 1")

#define DOMAIN_IS_NOT_LATEST                                                   \
	"(COALESCE(latest_single_id, 0) <> " DOMAIN_SINGLE                     \
	" OR COALESCE(latest_multi_id, 0) <> " DOMAIN_MULTI ")"

#endif
