/* Whatever bytes come as a request: they are refused, or they are one. */
#include "acme/signmsg.h"
#include "policy/csrs.h"
#include "wrap/csr.h"
#include "wrap/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};
	struct csr *c = csr_from_any(data, size, &e);
	struct signmsg_request r;
	struct key *again;
	const uint8_t *spki;
	size_t len;

	if ((c == NULL) != err_is_set(&e))
		abort();
	if (c != NULL) {
		/* A key that was taken is written back as it was. */
		spki = key_spki(csr_key(c), &len);
		again = key_from_spki(spki, len, &e);
		if (again == NULL || !key_equal(again, csr_key(c)))
			abort();
		key_free(again);
		csrs_check(c, csr_dns(c), csr_ip(c), NULL, &e);
	}
	csr_free(c);
	err_clear(&e);
	signmsg_request_init(&r);
	signmsg_request_read(data, size, &r, &e);
	signmsg_request_release(&r);
	return 0;
}
