#include "client/revoke.h"

#include "base/b64.h"
#include "http/network.h"

/* RFC 5280 5.3.1, by number; NULL: not for a subscriber to say. */
static const char *const reasons[] = {"unspecified", "keyCompromise", NULL,
    "affiliationChanged", "superseded", "cessationOfOperation", NULL, NULL,
    NULL, "privilegeWithdrawn"};

bool
revoke_reason_parse(const char *text, int *reason)
{
	uint64_t n;
	bool is_number = str_to_u64(text, ARRAY_LEN(reasons) - 1, &n);

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i] &&
		    (is_number ? n == i : strcmp(text, reasons[i]) == 0)) {
			*reason = (int)i;
			return true;
		}
	return false;
}

int
revoke_certificate(struct client *c, const struct signer *signer,
    const void *der, size_t len, int reason, bool *already, struct err *e)
{
	struct request r = {.endpoint = ENDPOINT_REVOKE_CERT, .signer = signer};
	struct buf payload;
	int rc;

	buf_init(&payload, NETWORK_BODY_MAX);
	buf_adds(&payload, "{\"certificate\":\"");
	b64url_encode(&payload, der, len);
	buf_adds(&payload, "\"");
	if (reason != REVOKE_NO_REASON)
		buf_addf(&payload, ",\"reason\":%d", reason);
	buf_adds(&payload, "}");
	r.payload = payload.data;
	rc = client_call(c, &r, NULL, NULL, e);
	buf_release(&payload);
	*already = client_cause(c) == CAUSE_REVOKED;
	if (*already)
		err_clear(e);
	return *already ? 0 : rc;
}
