#ifndef DEPLOY_EXPORT_H
#define DEPLOY_EXPORT_H

#include "deploy/format.h"

/* One object out of the store, found by what a person calls it, as bytes. */
enum export_what {
	EXPORT_CERT,
	EXPORT_CHAIN,
	EXPORT_FULLCHAIN,
	EXPORT_KEY,
	EXPORT_BUNDLE,
	EXPORT_CSR
};

enum export_form {
	EXPORT_PEM,
	EXPORT_DER, /* of a CERT, KEY or CSR */
	EXPORT_P12, /* of a BUNDLE */
	EXPORT_P7, /* DER; of a CERT, CHAIN or FULLCHAIN */
	EXPORT_P7_PEM,
	EXPORT_JSON /* of a BUNDLE: deploy/configjson.h, and a newline */
};

struct export
{
	struct store *st;
	int64_t now;
	enum export_what what;
	enum export_form form;
	struct chainpick pick;
	const struct seal_key *seal; /* NULL: there is none */
	const struct seal_key *account_seal; /* the same */
	struct err account_why; /* why it is not there, if it cannot be read */
	enum p12_style style;
	const char *password; /* P12 */
	const char *friendly_name; /* P12; NULL: the name that was asked for */
	bool id_only; /* JSON */
};

/* Whether chains come out. */
bool export_has_chain(const struct export *x);

/* Whether a private key comes out: whether it has to be opened. */
bool export_is_secret(const struct export *x);

/* Whether a name is that of an account: its key is opened by account_seal. */
bool export_is_account(const char *name);

/* Whether it may turn out to be that of the key of one. */
bool export_may_be_account(const struct export *x, const char *name);

/*
 * Appends what `name` stands for: a name in any case, also with U-labels; the
 * number of a certificate; a fingerprint, for CERT also of a CA's certificate,
 * for KEY also of a public key, that of an account too; or, as the log has it,
 * certificate/N, and ca_certificate/N for CERT, private_key/N and
 * upstream_account/N for KEY, certificate_request/N for CSR.  A certificate
 * that is not valid now and serves the name all the same is an event in the
 * log.  KIND_NOTFOUND, KIND_INPUT when it is no name; the text of an error
 * begins with `name`.
 */
int export_add(
    const struct export *x, const char *name, struct buf *out, struct err *e);

#endif
