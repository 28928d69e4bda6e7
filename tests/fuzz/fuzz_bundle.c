/* Whatever bytes come as certificates, keys and requests of other software. */
#include "import/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle b = {0};
	struct bundle_set *sets;
	size_t len;

	bundle_add(&b, "input", data, size, "password");
	if (b.problems.len == 0 && b.certs.len + b.keys.len + b.csrs_len == 0)
		abort(); /* nothing is passed over in silence */
	sets = bundle_sets(&b, &len);
	for (size_t i = 0; i < len; i++)
		if (sets[i].chains[0].len >= b.certs.len)
			abort();
	bundle_sets_free(sets, len);
	bundle_release(&b);
	return 0;
}
