/*
 * conf_parse on any text: no memory error, and what is accepted is printed as
 * a file that is read back to the same values.
 */
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};
	struct conf a, b;
	struct buf out;

	if (conf_parse(&a, "f", (const char *)data, size, CONF_ALL, &e) < 0) {
		if (e.kind != KIND_CONF)
			abort();
		return 0;
	}
	buf_init(&out, 4 * size + 65536);
	if (conf_print(&a, CONF_ALL, &out) < 0 ||
	    conf_parse(&b, "f", out.data, out.len, CONF_ALL, &e) < 0 ||
	    !conf_equal(&a, &b))
		abort();
	conf_release(&a);
	conf_release(&b);
	buf_release(&out);
	return 0;
}
