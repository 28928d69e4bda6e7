/*
 * What a name server may answer: the bytes as a record of each type, and as a
 * packet.
 */
#include "acme/keyauth.h"
#include "validate/dns01.h"
#include "wrap/dns.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is let through is of the form that dns.h promises. */
static void
check(enum dns_type type, const struct buf *out, size_t size)
{
	static const size_t sizes[] = {[DNS_A] = 4, [DNS_AAAA] = 16};
	char digest[KEYAUTH_DIGEST_SIZE];
	const struct dns_record record = {out->data, out->len};

	if (type == DNS_A || type == DNS_AAAA) {
		assert(out->len == sizes[type]);
	} else if (type == DNS_TXT) {
		assert(out->len < size || size == 0);
		keyauth_digest(digest, "token.thumbprint");
		assert(dns01_has(&record, 1, digest) ==
		    (strcmp(out->data, digest) == 0 &&
			strlen(out->data) == out->len));
	} else {
		assert(str_is_printable(out->data, out->len));
		assert(!strpbrk(out->data, " ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
		assert(!str_ends(out->data, "."));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b;

	buf_init(&b, UINT16_MAX);
	for (enum dns_type t = DNS_A; t < DNS_TYPE__MAX; t++) {
		buf_clear(&b);
		if (dns_decode(t, data, size, &b) == 0)
			check(t, &b, size);
	}
	buf_release(&b);
	assert(dns_count_cnames(data, size) <= (int)(size / 11));
	return 0;
}
