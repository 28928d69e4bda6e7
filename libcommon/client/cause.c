#include "client/cause.h"

#include "acme/problem.h"
#include "base/str.h"

static const struct row {
	const char *name;
	bool is_temporary;
	const char *advice;
} rows[] = {
    [CAUSE_NONE] = {"none", false, "nothing to do"},
    [CAUSE_CA_UNREACHABLE] = {"ca-unreachable", true,
	"see that this machine reaches the CA; a later run tries again"},
    [CAUSE_CA_BROKEN] = {"ca-broken", true,
	"the CA answers what it must not; look at its status page, a later run "
	"tries again"},
    [CAUSE_RATE_LIMITED] = {"rate-limited", true,
	"a limit of the CA is used up; a later run goes on when it may"},
    [CAUSE_ACCOUNT] = {"account", false,
	"the CA does not take the account: if it has none any more, make "
	"another with acme-account register --default"},
    [CAUSE_TERMS] = {"terms", false,
	"the CA has new terms: read them, then acme-account update "
	"--agree-terms"},
    [CAUSE_BINDING] = {"binding", false,
	"get a key id and secret from the CA, then acme-account register "
	"--eab-key-id"},
    [CAUSE_CONTACT] = {"contact", false,
	"give the account another contact with acme-account update"},
    [CAUSE_NAME] = {"name", false,
	"the CA does not issue for this name; take it out of the order"},
    [CAUSE_CAA] = {"caa", false,
	"allow the CA in the CAA records of the name, or take them away"},
    [CAUSE_DNS] = {"dns", false,
	"mend the DNS of the name: the CA's look-up fails"},
    [CAUSE_CONNECTION] = {"connection", false,
	"see that the whole internet reaches what answers for the name"},
    [CAUSE_CHALLENGE] = {"challenge", false,
	"see that the name leads to what answers the challenge"},
    [CAUSE_PRECHECK] = {"precheck", false,
	"mend that, or use --no-precheck; the CA has not been told"},
    [CAUSE_BLOCKED] = {"blocked", false,
	"nothing is ordered for the name; domain-queue unblock or cert-manage "
	"domain enable is the way back"},
    [CAUSE_KEY] = {"key", false,
	"use another key, of a type that the CA takes"},
    [CAUSE_CSR] = {"csr", false,
	"make another request: the CA refuses what is in this one"},
    [CAUSE_PROFILE] = {"profile", false,
	"choose one of the CA's profiles, which acme-account ca show lists"},
    [CAUSE_REPLACED] = {"replaced", false,
	"order without naming the certificate that is replaced"},
    [CAUSE_REVOKED] = {"revoked", false, "it is revoked: nothing to do"},
    [CAUSE_GONE] = {"gone", false,
	"the CA does not know it any more; begin anew"},
    [CAUSE_CERTIFICATE] = {"certificate", false,
	"do not use what came; tell the CA"},
    [CAUSE_CLOCK] = {"clock", true, "set the clock of this machine"},
    [CAUSE_HOOK] = {"hook", false,
	"mend the program; its own words are in the log"},
    [CAUSE_OTHER] = {"other", false, "the CA refuses; its own words say why"},
};
_Static_assert(ARRAY_LEN(rows) == CAUSE__MAX, "a row per cause");

const char *
cause_name(enum cause cause)
{
	return rows[cause].name;
}

bool
cause_by_name(const char *name, enum cause *cause)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(name, rows[i].name) == 0) {
			*cause = (enum cause)i;
			return true;
		}
	return false;
}

const char *
cause_advice(enum cause cause)
{
	return rows[cause].advice;
}

bool
cause_is_temporary(enum cause cause)
{
	return rows[cause].is_temporary;
}

enum err_kind
cause_kind(enum cause cause)
{
	if (rows[cause].is_temporary)
		return KIND_BUSY;
	return cause == CAUSE_GONE ? KIND_NOTFOUND : KIND_DENIED;
}

/* ---- problem documents --------------------------------------------------- */

/* RFC 8555 6.7, RFC 8738, RFC 9773 7.4, and the profiles' draft. */
static const struct {
	const char *type;
	enum cause cause;
	enum cause of_challenge; /* CAUSE_NONE: the same */
} types[] = {
    {"accountDoesNotExist", CAUSE_ACCOUNT, CAUSE_NONE},
    {"alreadyReplaced", CAUSE_REPLACED, CAUSE_NONE},
    {"alreadyRevoked", CAUSE_REVOKED, CAUSE_NONE},
    {"badCSR", CAUSE_CSR, CAUSE_NONE},
    {"badNonce", CAUSE_CA_BROKEN, CAUSE_NONE}, /* again and again */
    {"badPublicKey", CAUSE_KEY, CAUSE_NONE},
    {"badSignatureAlgorithm", CAUSE_KEY, CAUSE_NONE},
    {"caa", CAUSE_CAA, CAUSE_NONE},
    {"connection", CAUSE_CONNECTION, CAUSE_NONE},
    {"dns", CAUSE_DNS, CAUSE_NONE},
    {"externalAccountRequired", CAUSE_BINDING, CAUSE_NONE},
    {"incorrectResponse", CAUSE_CHALLENGE, CAUSE_NONE},
    {"invalidContact", CAUSE_CONTACT, CAUSE_NONE},
    {"invalidProfile", CAUSE_PROFILE, CAUSE_NONE},
    {"rateLimited", CAUSE_RATE_LIMITED, CAUSE_NONE},
    {"rejectedIdentifier", CAUSE_NAME, CAUSE_NONE},
    {"serverInternal", CAUSE_CA_BROKEN, CAUSE_NONE},
    {"tls", CAUSE_CONNECTION, CAUSE_NONE},
    {"unauthorized", CAUSE_ACCOUNT, CAUSE_CHALLENGE},
    {"unsupportedContact", CAUSE_CONTACT, CAUSE_NONE},
    {"unsupportedIdentifier", CAUSE_NAME, CAUSE_NONE},
    {"userActionRequired", CAUSE_TERMS, CAUSE_NONE},
};

static enum cause
of_status(int status)
{
	if (status == 429)
		return CAUSE_RATE_LIMITED;
	if (status == 404 || status == 410)
		return CAUSE_GONE;
	if (status >= 500)
		return CAUSE_CA_BROKEN;
	return CAUSE_OTHER;
}

enum cause
cause_of_problem(const char *type, int status, bool is_challenge)
{
	type = problem_bare_type(type);
	for (size_t i = 0; type && i < ARRAY_LEN(types); i++) {
		if (strcmp(type, types[i].type) != 0)
			continue;
		/* what a limit's status says stands above a general type */
		if (status == 429)
			break;
		return is_challenge && types[i].of_challenge != CAUSE_NONE
		    ? types[i].of_challenge
		    : types[i].cause;
	}
	return of_status(status);
}
