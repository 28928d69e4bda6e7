/* Whatever a server shows as the certificate of a tls-alpn-01 validation. */
#include "store/identifier.h"
#include "validate/alpncert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dns[] = "good.example.test", ip[] = "127.0.0.1";
	const struct identifier ids[] = {
	    {IDENTIFIER_DNS, dns}, {IDENTIFIER_IP, ip}};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct err e = {0};

		alpncert_check(data, size, &ids[i], "token.thumbprint", &e);
	}
	return 0;
}
