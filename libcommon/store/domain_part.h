#ifndef STORE_DOMAIN_PART_H
#define STORE_DOMAIN_PART_H

/*
 * SQL that domain.c works by and check_states.c proves: of a row of `domains`,
 * the active certificate with the latest notAfter, of the sets of one name and
 * of those of more; 0 when there is none.
 */
#define DOMAIN_LATEST(sizes)                                                   \
	"COALESCE((SELECT c.id FROM fqdn_set_members m"                        \
	" JOIN fqdn_sets s ON s.id = m.fqdn_set_id AND s.size " sizes          \
	" JOIN certificates c ON c.fqdn_set_id = s.id"                         \
	" WHERE m.domain_id = domains.id AND c.active = 1"                     \
	" AND c.status = 'valid'"                                              \
	" ORDER BY c.not_after DESC, c.id DESC LIMIT 1), 0)"
#define DOMAIN_SINGLE DOMAIN_LATEST("= 1")
#define DOMAIN_MULTI DOMAIN_LATEST("> 1")

#define DOMAIN_IS_NOT_LATEST                                                   \
	"(COALESCE(latest_single_id, 0) <> " DOMAIN_SINGLE                     \
	" OR COALESCE(latest_multi_id, 0) <> " DOMAIN_MULTI ")"

#endif
