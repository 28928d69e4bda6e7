#include "http/proxy.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Any bytes as the beginning of a connection.  What is said of them must not
 * depend on how they arrive, and no byte may be asked for that is not of the
 * header.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy whole, some;
	struct err e = {0}, ignored = {0};
	size_t want = 0, len = 0;
	ssize_t all = proxy_parse(data, size, &whole, &want, &e);
	ssize_t rc;

	assert(err_is_set(&e) == (all < 0));
	assert(all <= (ssize_t)size && all <= PROXY_MAX);
	assert(all != 0 || (want > 0 && size + want <= PROXY_MAX));
	while ((rc = proxy_parse(data, len, &some, &want, &ignored)) == 0) {
		assert(want > 0);
		len += want;
		if (len > size)
			break;
	}
	assert(all <= 0 || (rc == all && len == (size_t)all));
	assert(all <= 0 || memcmp(&whole, &some, sizeof(some)) == 0);
	assert(all >= 0 || rc < 0 || len > size);
	return 0;
}
