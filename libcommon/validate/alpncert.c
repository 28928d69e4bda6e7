#include "validate/alpncert.h"

#include "policy/address.h"
#include "store/identifier.h"
#include "wrap/cert.h"
#include "wrap/digest.h"

/* 1.3.6.1.5.5.7.1.31, and the draft's 1.3.6.1.5.5.7.1.30.1 */
static const uint8_t oid[] = {0x2b, 6, 1, 5, 5, 7, 1, 0x1f};
static const uint8_t draft_oid[] = {0x2b, 6, 1, 5, 5, 7, 1, 0x1e, 1};

#define OCTET_STRING 0x04

static int
fail(struct err *e, const char *text)
{
	return err_acme(
	    e, KIND_DENIED, "unauthorized", "certificate: %s", text);
}

/* Whether the one iPAddress is the identifier, however either is spelled. */
static bool
is_same_ip(const char *a, const char *b)
{
	struct address x, y;

	return address_parse(a, &x) && address_parse(b, &y) &&
	    address_equal(&x, &y) && !strchr(a, ':') == !strchr(b, ':');
}

static int
check_name(const struct cert *c, const struct identifier *id, struct err *e)
{
	const struct strv *dns = cert_dns(c);
	const struct strv *ip = cert_ip(c);

	if (cert_has_other_san(c) || dns->len + ip->len != 1)
		return fail(e,
		    "RFC 8737 3: it has not exactly one subject alternative "
		    "name");
	if (id->type == IDENTIFIER_DNS &&
	    (dns->len != 1 || strcasecmp(dns->v[0], id->value) != 0))
		return fail(e,
		    "RFC 8737 3: its subject alternative name is not the "
		    "dNSName that is validated");
	if (id->type == IDENTIFIER_IP &&
	    (ip->len != 1 || !is_same_ip(ip->v[0], id->value)))
		return fail(e,
		    "RFC 8738 6: its subject alternative name is not the "
		    "iPAddress that is validated");
	return 0;
}

static int
check_extension(const struct cert *c, const char *keyauth, struct err *e)
{
	uint8_t want[2 + DIGEST_SHA256_SIZE] = {
	    OCTET_STRING, DIGEST_SHA256_SIZE};
	const uint8_t *value;
	bool is_critical;
	size_t len;

	if (cert_extension(c, draft_oid, sizeof(draft_oid), &len, NULL))
		return fail(e,
		    "RFC 8737 3: it has the acmeIdentifier extension of a "
		    "draft (1.3.6.1.5.5.7.1.30.1)");
	value = cert_extension(c, oid, sizeof(oid), &len, &is_critical);
	if (!value)
		return fail(
		    e, "RFC 8737 3: it has no acmeIdentifier extension");
	if (!is_critical)
		return fail(e,
		    "RFC 8737 3: its acmeIdentifier extension is not critical");
	if (len != sizeof(want) || memcmp(value, want, 2) != 0)
		return fail(e,
		    "RFC 8737 3: its acmeIdentifier extension is not an OCTET "
		    "STRING of 32 bytes");
	digest_sha256(want + 2, keyauth, strlen(keyauth));
	if (!digest_equal(value, want, sizeof(want)))
		return err_acme(e, KIND_INPUT, "incorrectResponse",
		    "certificate: RFC 8737 3: its acmeIdentifier extension is "
		    "not the digest of the key authorization");
	return 0;
}

int
alpncert_check(const void *der, size_t len, const struct identifier *id,
    const char *keyauth, struct err *e)
{
	struct err why = {0};
	struct cert *c = cert_from_der(der, len, &why);
	int rc = -1;

	if (!c)
		err_acme(e, KIND_DENIED, "unauthorized", "certificate: %s",
		    why.text);
	else if (check_name(c, id, e) == 0)
		rc = check_extension(c, keyauth, e);
	cert_free(c);
	return rc;
}
