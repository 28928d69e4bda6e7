#ifndef SIGN_LOCAL_H
#define SIGN_LOCAL_H

#include "sign/sign.h"

/*
 * The built-in CA: a root, and an intermediate that signs, in the directory
 * `[local-ca] directory`: root.crt root.key intermediate.crt intermediate.key.
 */
struct cert;
struct conf;
struct key;
struct local;

extern const struct sign_backend local_backend;

/*
 * Makes the CA: keys (mode 0600), certificates (0644), each written in one
 * step, intermediate.crt last.  KIND_CONFLICT when the directory has a
 * complete CA; what an interrupted run left is used and completed, and nothing
 * is ever overwritten.  Of two at a time one waits (init.lock in the
 * directory, which goes when the CA is complete).
 */
int local_create(const struct conf *conf, struct err *e);

/*
 * Gives [signer] user what acme-sign needs of the CA: the directory, for the
 * CRL, and the intermediate's key and certificate.  The root's key stays as it
 * is.  As file_give.
 */
int local_give(const struct conf *conf, struct err *e);

/*
 * Opens the intermediate: its key first, then its certificate, and checks that
 * they belong together and are valid now.  root.key is not touched and may be
 * elsewhere.  KIND_CONF otherwise.  The caller closes with local_close.
 */
struct local *local_open(const struct conf *conf, struct err *e);

/* NULL-safe; the key is overwritten. */
void local_close(struct local *l);

/*
 * Checks the CSR of `r` against its names (policy/csrs.h) and issues.
 * The lifetime is that of the configuration, or shorter when `r` asks so, and
 * begins `backdate` ago (but at most a tenth of the lifetime) unless `r` asks
 * for a later moment.
 */
int local_issue(struct local *l, const struct signmsg_request *r,
    struct buf *chain_pem, struct err *e);

/*
 * Issues for a key of our own, without a CSR: `dns` and `ip` are the names,
 * the subject is empty.  For the TLS certificate of acmed itself.
 */
int local_certify(struct local *l, const struct key *key,
    const struct strv *dns, const struct strv *ip, struct buf *chain_pem,
    struct err *e);

/* The issuer, borrowed: who signs certificates and revocation lists. */
const struct cert *local_issuer(const struct local *l);
const struct key *local_issuer_key(const struct local *l);

#endif
