#ifndef WRAP_CERT_H
#define WRAP_CERT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * X.509 certificates (RFC 5280): reading, comparing and making.  A cert is its
 * DER and an index of it; nothing is decoded before it is asked for.
 */
struct cert;
struct key;

#define CERT_MAX 65536 /* bytes of DER */
#define CERT_LIST_MAX 1000 /* certificates in one PEM text */

/* Certificates in order: a chain has the leaf first.  {0} is empty. */
struct cert_list {
	struct cert **v;
	size_t len;
};

/*
 * Reads one certificate: strict DER, nothing behind it.  KIND_INPUT
 * otherwise.  The caller frees with cert_free.
 */
struct cert *cert_from_der(const void *der, size_t len, struct err *e);

/* NULL-safe. */
void cert_free(struct cert *c);

/*
 * Appends every CERTIFICATE block of a PEM text to `out`, in order; text and
 * blocks of other kinds between them are skipped.  KIND_INPUT when a block is
 * broken or there is no certificate; `out` is then as it was.
 */
int cert_list_from_pem(
    const char *pem, size_t len, struct cert_list *out, struct err *e);

/*
 * Reads what is exactly one certificate, PEM or DER.  KIND_INPUT otherwise. The
 * caller frees.
 */
struct cert *cert_from_any(const void *p, size_t len, struct err *e);

/* Appends `c`, which the list then owns. */
void cert_list_take(struct cert_list *l, struct cert *c);
void cert_list_release(struct cert_list *l);

/* Appends all of `from`, which is empty then. */
void cert_list_join(struct cert_list *l, struct cert_list *from);

/* The encoding; lives as long as the certificate. */
const uint8_t *cert_der(const struct cert *c, size_t *len);
int cert_to_pem(const struct cert *c, struct buf *out);
void cert_sha256(const struct cert *c, uint8_t out[32]);
void cert_sha1(const struct cert *c, uint8_t out[20]);

/*
 * The serial number: the content bytes of the INTEGER as encoded (ARI wants a
 * leading zero kept, RFC 9773 4.1), and the value in lower-case hex without
 * leading zeros (an even number of digits), lives as long as the certificate.
 */
const uint8_t *cert_serial(const struct cert *c, size_t *len);
const char *cert_serial_hex(const struct cert *c);

/* Seconds since 1970; both ends belong to the lifetime. */
int64_t cert_not_before(const struct cert *c);
int64_t cert_not_after(const struct cert *c);

/* Subject and issuer as RFC 2253 text; the caller frees.  "" when empty. */
char *cert_subject(const struct cert *c);
char *cert_issuer(const struct cert *c);

/* Subject and issuer as the DER of the Name. */
const uint8_t *cert_subject_der(const struct cert *c, size_t *len);
const uint8_t *cert_issuer_der(const struct cert *c, size_t *len);

/* dNSNames as written, iPAddresses as inet_ntop(3) writes them. */
const struct strv *cert_dns(const struct cert *c);
const struct strv *cert_ip(const struct cert *c);

/* Whether it has a subject alternative name of another kind. */
bool cert_has_other_san(const struct cert *c);

/* What is wrong with a broken one, which is left out; NULL: none is. */
const char *cert_bad_san(const struct cert *c);

/*
 * Adds the DNS names by which the certificate is kept and found: the dNSNames
 * as name_fold has them; when there is neither a dNSName nor an iPAddress, not
 * even a broken one, those commonNames that are DNS names of two labels or
 * more, as name_spell has them.
 */
void cert_names(const struct cert *c, struct strv *out);

/* Key identifiers (RFC 5280 4.2.1.1, 4.2.1.2); NULL when absent. */
const uint8_t *cert_ski(const struct cert *c, size_t *len);
const uint8_t *cert_aki(const struct cert *c, size_t *len);

/*
 * The content (extnValue) of an extension by the content bytes of its OID;
 * NULL when absent.  `*critical` may be NULL.
 */
const uint8_t *cert_extension(const struct cert *c, const void *oid,
    size_t oid_len, size_t *len, bool *critical);

/* Whether basicConstraints says CA:TRUE. */
bool cert_is_ca(const struct cert *c);

/*
 * Each adds what an extension says, nothing when it is absent or broken: the
 * bits of keyUsage by their names; extKeyUsage ("serverAuth", "other"); the
 * URIs where the issuer's certificate is (RFC 5280 4.2.2.1, caIssuers).
 */
void cert_key_usage(const struct cert *c, struct strv *out);
void cert_key_purposes(const struct cert *c, struct strv *out);
void cert_ca_issuers(const struct cert *c, struct strv *out);

/* The public key; the caller frees.  KIND_INPUT for unknown types. */
struct key *cert_key(const struct cert *c, struct err *e);

/* The SHA-256 of the SubjectPublicKeyInfo: the identity of the key. */
void cert_spki_sha256(const struct cert *c, uint8_t out[32]);

/* The type of the key, as key_spki_word; `out` has KEY_WORD_SIZE bytes. */
void cert_key_word(const struct cert *c, char *out);

/* Whether the certificate is for the public part of `k`. */
bool cert_has_key(const struct cert *c, const struct key *k);

/*
 * Checks that `issuer` signed `c`: issuer and subject are the same name and
 * the signature verifies (RFC 5280 6.1.3 (a)).  Times, CA flag and path are
 * not looked at.  KIND_INPUT when not.
 */
int cert_is_issued_by(
    const struct cert *c, const struct cert *issuer, struct err *e);

/*
 * Checks what a CA returned for an order: the first certificate is for `key`
 * and its names are exactly `dns` and `ip` (sets; DNS in lower case; a
 * commonName must be among them or absent), no other kind of name, not a CA;
 * each certificate is signed by the next, and the next is a CA.
 * KIND_SYS on the first violation: the backend is broken, the client is not.
 */
int cert_chain_check(const struct cert_list *chain, const struct key *key,
    const struct strv *dns, const struct strv *ip, struct err *e);

enum cert_kind {
	CERT_LEAF,
	CERT_INTERMEDIATE, /* CA:TRUE, pathlen 0 */
	CERT_ROOT, /* CA:TRUE, self-signed; issuer_cert is NULL */
	CERT_KIND__MAX
};

/* What a certificate is to be made of.  All is borrowed. */
struct cert_template {
	enum cert_kind kind;
	const struct key *key; /* the subject's; only its public part is used */
	const struct strv *dns; /* leaf: the names, lower case */
	const struct strv *ip; /* leaf: any text that inet_pton(3) takes */
	const char *subject; /* RFC 4514 text, "" or NULL for empty */
	const struct cert *issuer_cert; /* NULL: signed by itself */
	const struct key *issuer_key; /* private; root: the same as `key` */
	int64_t not_before;
	int64_t not_after; /* inclusive; cut at the issuer's notAfter */
	const char *crl_url; /* CRL distribution point, or NULL */
	const char *issuer_url; /* AIA caIssuers, or NULL */
	/* Of tls-alpn-01 (RFC 8737 3): SHA-256 of the key authorization. */
	const uint8_t *acme_identifier; /* 32 bytes, or NULL */
	/*
	 * For a serial that can be had again: 32 secret bytes, and what the
	 * certificate is for; else NULL.
	 */
	const uint8_t *serial_secret;
	const char *serial_for;
};

/*
 * Makes a v3 certificate with a random positive serial of 128 bits; or, with
 * serial_secret, one that is a MAC over serial_for and all else in the
 * certificate: the same template gives the same serial and the same
 * certificate but for its signature, another template another serial.
 * A leaf has SAN (critical when the subject is empty, RFC 5280 4.2.1.6), AKI,
 * SKI, keyUsage digitalSignature (and keyEncipherment for RSA), extKeyUsage
 * serverAuth, basicConstraints CA:FALSE; a CA has keyUsage keyCertSign and
 * cRLSign.  basicConstraints and keyUsage are critical.
 * The caller frees.  KIND_INPUT for a subject or name that cannot be encoded,
 * KIND_CONF when the issuer has expired, KIND_SYS when signing fails.
 */
struct cert *cert_build(const struct cert_template *t, struct err *e);

#endif
