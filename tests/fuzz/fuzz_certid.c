#include "acme/certid.h"
#include "base/b64.h"
#include "base/hex.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The only spelling of what was read. */
static void
spell(const struct certid *id, struct buf *out)
{
	uint8_t serial[CERTID_SERIAL_MAX + 1] = {0};
	size_t len = strlen(id->serial_hex) / 2;
	bool pad;

	assert(hex_decode(serial + 1, len, id->serial_hex) == 0);
	pad = serial[1] & 0x80;
	b64url_encode(out, id->aki, id->aki_len);
	buf_addc(out, '.');
	b64url_encode(out, serial + !pad, len + pad);
}

/* The tail of a URL of renewal information. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct certid id;
	struct err e = {0};
	struct buf text, back;

	buf_init(&text, size + 1);
	buf_init(&back, 256);
	buf_add(&text, data, size);
	buf_addc(&text, '\0');
	if (certid_parse(text.data, &id, &e) == 0) {
		assert(id.aki_len > 0 && id.aki_len <= CERTID_AKI_MAX);
		spell(&id, &back);
		assert(strcmp(back.data, text.data) == 0);
	} else {
		assert(e.kind == KIND_INPUT);
	}
	buf_release(&text);
	buf_release(&back);
	return 0;
}
