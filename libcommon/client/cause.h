#ifndef CLIENT_CAUSE_H
#define CLIENT_CAUSE_H

#include "base/err.h"

/*
 * Why a CA did not do what we asked: a closed set, each with one sentence that
 * an operator can act on, and with what a program does about it.
 */
enum cause {
	CAUSE_NONE,
	CAUSE_CA_UNREACHABLE, /* no connection, no TLS, no whole answer */
	CAUSE_CA_BROKEN, /* 5xx, no JSON, a URL elsewhere, what cannot be */
	CAUSE_RATE_LIMITED, /* 429, rateLimited, or our own count says so */
	CAUSE_ACCOUNT, /* accountDoesNotExist, unauthorized, deactivated */
	CAUSE_TERMS, /* userActionRequired: agree to new terms */
	CAUSE_BINDING, /* externalAccountRequired, or refused */
	CAUSE_CONTACT, /* invalidContact, unsupportedContact */
	CAUSE_NAME, /* rejectedIdentifier, unsupportedIdentifier */
	CAUSE_CAA, /* caa */
	CAUSE_DNS, /* dns: a look-up by the CA failed */
	CAUSE_CONNECTION, /* connection, tls: the CA did not reach us */
	CAUSE_CHALLENGE, /* incorrectResponse, unauthorized of a challenge */
	CAUSE_PRECHECK, /* it would have failed; not triggered */
	CAUSE_BLOCKED, /* here: store/blocked_name.h; not ordered */
	CAUSE_KEY, /* badPublicKey, badSignatureAlgorithm */
	CAUSE_CSR, /* badCSR */
	CAUSE_PROFILE, /* invalidProfile, or one the directory lacks */
	CAUSE_REPLACED, /* alreadyReplaced, or a `replaces` it refuses */
	CAUSE_REVOKED, /* alreadyRevoked */
	CAUSE_GONE, /* the order, authorization or account is not there */
	CAUSE_CERTIFICATE, /* what came is not what was asked for */
	CAUSE_CLOCK, /* our clock and the CA's are too far apart */
	CAUSE_HOOK, /* a program of the operator failed */
	CAUSE_OTHER, /* any other problem document */
	CAUSE__MAX
};

/* "rate-limited" and so on, as the store has it; false for another word. */
const char *cause_name(enum cause cause);
bool cause_by_name(const char *name, enum cause *cause);

/* What to do about it: one sentence without a full stop. */
const char *cause_advice(enum cause cause);

/* Whether a later attempt may succeed though nobody has changed anything. */
bool cause_is_temporary(enum cause cause);

/* The kind of an error with this cause, which decides the exit code. */
enum err_kind cause_kind(enum cause cause);

/*
 * The cause in a problem document's `type` (with the URN or without; NULL for
 * none) and HTTP status, for a request to `is_challenge` or to the rest.
 */
enum cause cause_of_problem(const char *type, int status, bool is_challenge);

#endif
