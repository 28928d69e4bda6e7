#include "store/sealed.h"

#include "store/stmt.h"
#include "wrap/digest.h"
#include "wrap/key.h"
#include "wrap/seal.h"

/* Of `plain`, when identity and type are known. */
static int
enclose(struct sealed *s, const struct seal_key *seal_key, const void *plain,
    size_t len, struct err *e)
{
	if (seal_key)
		return seal(seal_key, s->spki_sha256, sizeof(s->spki_sha256),
		    plain, len, &s->der, e);
	if (buf_add(&s->der, plain, len) < 0)
		return err_set(e, KIND_BUG, "too large to be stored");
	return 0;
}

static void
begin(struct sealed *s, const struct seal_key *seal_key)
{
	*s = (struct sealed){.is_sealed = seal_key != NULL};
	buf_init(&s->der, KEY_DER_MAX + SEAL_OVERHEAD);
}

int
sealed_make(const struct key *k, const struct seal_key *seal_key,
    struct sealed *out, struct err *e)
{
	struct buf plain;
	const uint8_t *spki;
	size_t spki_len;
	int rc;

	begin(out, seal_key);
	key_spki_sha256(k, out->spki_sha256);
	spki = key_spki(k, &spki_len);
	key_spki_word(spki, spki_len, out->type);
	buf_init(&plain, KEY_DER_MAX);
	rc = key_to_der(k, &plain, e);
	if (rc == 0)
		rc = enclose(out, seal_key, plain.data, plain.len, e);
	buf_wipe(&plain);
	return rc;
}

int
sealed_make_named(const char *name, const void *secret, size_t len,
    const struct seal_key *seal_key, struct sealed *out, struct err *e)
{
	begin(out, seal_key);
	digest_sha256(out->spki_sha256, name, strlen(name));
	return enclose(out, seal_key, secret, len, e);
}

void
sealed_release(struct sealed *s)
{
	buf_wipe(&s->der);
}

static void
read_content(struct db_stmt *row, int column, struct sealed *out)
{
	const void *der;
	size_t len;

	out->is_sealed = db_int(row, column) != 0;
	der = db_blob(row, column + 1, &len);
	buf_init(&out->der, KEY_DER_MAX + SEAL_OVERHEAD);
	buf_add(&out->der, der, len);
}

void
sealed_read(struct db_stmt *row, int column, struct sealed *out)
{
	*out = (struct sealed){0};
	stmt_digest(row, column, out->spki_sha256);
	read_content(row, column + 1, out);
}

void
sealed_read_named(struct db_stmt *row, int column, struct sealed *out)
{
	const char *name = db_text(row, column);

	*out = (struct sealed){0};
	if (name)
		digest_sha256(out->spki_sha256, name, strlen(name));
	read_content(row, column + 1, out);
}

int
sealed_open(const struct sealed *s, const struct seal_key *seal_key,
    const char *setting, struct buf *out, struct err *e)
{
	if (!s->is_sealed)
		return buf_add(out, s->der.data, s->der.len);
	if (!seal_key)
		return err_set(e, KIND_CONF,
		    "it is sealed; [store] %s is not set", setting);
	return unseal(seal_key, s->spki_sha256, sizeof(s->spki_sha256),
	    s->der.data, s->der.len, out, e);
}

struct key *
sealed_key(const struct sealed *s, const struct seal_key *seal_key,
    const char *setting, struct err *e)
{
	uint8_t is[sizeof(s->spki_sha256)];
	struct err why = {0};
	struct key *k = NULL;
	struct buf der;

	buf_init(&der, KEY_DER_MAX);
	if (sealed_open(s, seal_key, setting, &der, e) == 0) {
		k = key_from_der(der.data, der.len, &why);
		if (k)
			key_spki_sha256(k, is);
		if (!k || memcmp(is, s->spki_sha256, sizeof(is)) != 0) {
			key_free(k);
			k = NULL;
			err_set(e, KIND_SYS, "what is stored is another key");
		}
	}
	buf_wipe(&der);
	return k;
}

int
sealed_pkcs8(const struct sealed *s, const struct seal_key *seal_key,
    const char *setting, struct buf *out, struct err *e)
{
	struct key *k;
	int rc;

	if (s->is_sealed)
		return sealed_open(s, seal_key, setting, out, e);
	k = sealed_key(s, seal_key, setting, e);
	rc = k ? key_to_der(k, out, e) : -1;
	key_free(k);
	return rc;
}
