#ifndef WRAP_SIGALG_H
#define WRAP_SIGALG_H

#include "base/der.h"
#include "base/err.h"
#include "wrap/key.h"

/* Signature algorithms of X.509 (RFC 3279, 4055, 5758, 8410). wrap/ only. */
struct sigalg {
	const char *name;
	bool is_weak; /* MD2, MD4, MD5, SHA-1 */
	bool is_usable; /* sigalg_verify can check it */
	enum key_md md;
	bool takes_null; /* parameters NULL as well as absent */
};

/*
 * The algorithm of an AlgorithmIdentifier (with its header); NULL when we do
 * not know it or its parameters are not what its standard says.
 */
const struct sigalg *sigalg_read(struct der algid);

/* Checks a signature over `tbs`; KIND_INPUT when it does not verify. */
int sigalg_verify(const struct sigalg *a, const struct key *k, struct der tbs,
    struct der sig, struct err *e);

/* Appends the AlgorithmIdentifier that `k` signs with. */
void sigalg_write(struct buf *out, const struct key *k);

/*
 * Appends SEQUENCE { tbs, AlgorithmIdentifier, signature } to `out`, signed
 * with the private key `k`.
 */
int sigalg_seal(
    const struct buf *tbs, const struct key *k, struct buf *out, struct err *e);

#endif
