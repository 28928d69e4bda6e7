#include "base/b64.h"
#include "http/clientcert.h"
#include "wrap/cert.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is a certificate that a front might have passed on. */
static void
check(const struct cert *c)
{
	struct err e = {0};
	struct cert *again;
	size_t len, again_len;
	const uint8_t *der = cert_der(c, &len), *again_der;
	struct buf value;

	buf_init(&value, len * 2 + 16);
	buf_addc(&value, ':');
	b64_encode(&value, der, len);
	buf_addc(&value, ':');
	assert(clientcert_parse("client-cert", value.data, &again, &e) < 0 ||
	    again);
	if (!err_is_set(&e)) {
		again_der = cert_der(again, &again_len);
		assert(again_len == len && memcmp(der, again_der, len) == 0);
	}
	cert_free(again);
	buf_release(&value);
}

/* Any bytes as the value of either field. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const fields[] = {
	    "client-cert", "x-ssl-client-cert"};
	char *value = xstrndup((const char *)data, size);

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct err e = {0};
		struct cert *c;
		int rc = clientcert_parse(fields[i], value, &c, &e);

		assert((rc == 0) == !err_is_set(&e));
		assert(rc == 0 || !c);
		if (c)
			check(c);
		cert_free(c);
	}
	free(value);
	return 0;
}
