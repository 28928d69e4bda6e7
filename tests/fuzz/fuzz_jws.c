#include "acme/ident.h"
#include "acme/jwk.h"
#include "acme/jws.h"
#include "store/identifier.h"
#include "wrap/js.h"
#include "wrap/key.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A key that is accepted has one spelling, and that one is accepted. */
static void
check_key(const struct js *jwk)
{
	struct err e = {0};
	struct key *k = jwk_parse(jwk, &e), *back;
	struct buf text;

	if (!k) {
		assert(e.kind == KIND_INPUT);
		return;
	}
	buf_init(&text, 65536);
	assert(jwk_write(k, &text) == 0);
	back = jwk_load(text.data, &e);
	assert(back && key_equal(k, back));
	buf_release(&text);
	key_free(back);
	key_free(k);
}

/* The payload as a newOrder: names that pass have passed the grammar. */
static void
check_names(const struct jws *j)
{
	struct err e = {0};
	struct js *o =
	    js_parse_long(j->payload.data, j->payload.len, JWS_MAX, &e);
	const struct js *list = js_get(o, "identifiers");

	for (size_t i = 0; i < js_len(list); i++) {
		const char *type = js_get_text(js_at(list, i), "type");
		const char *value = js_get_text(js_at(list, i), "value");
		struct identifier id;
		struct err why = {0};

		if (!type || !value || ident_parse(type, value, &id, &why) < 0)
			continue;
		assert(strspn(id.value,
			   "abcdefghijklmnopqrstuvwxyz0123456789-.*:") ==
		    strlen(id.value));
		identifier_release(&id);
	}
	js_free(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};
	struct jws j = {0};

	if (jws_parse((const char *)data, size, &j, &e) == 0) {
		assert(j.url && !j.jwk != !j.kid);
		if (j.jwk)
			check_key(j.jwk);
		check_names(&j);
	} else {
		assert(e.kind == KIND_INPUT);
	}
	jws_release(&j);
	return 0;
}
