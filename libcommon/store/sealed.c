#include "store/sealed.h"

#include "store/stmt.h"
#include "wrap/key.h"
#include "wrap/seal.h"

/* The spelling of key_type_parse. */
static void
name_type(const struct key *k, char out[16])
{
	static const char *const names[] = {
	    [KEY_P256] = "p256",
	    [KEY_P384] = "p384",
	    [KEY_P521] = "p521",
	    [KEY_ED25519] = "ed25519",
	};

	if (key_type(k) == KEY_RSA)
		snprintf(out, 16, "rsa%d", key_bits(k));
	else
		snprintf(out, 16, "%s", names[key_type(k)]);
}

int
sealed_make(const struct key *k, const struct seal_key *seal_key,
    struct sealed *out, struct err *e)
{
	struct buf plain;
	int rc;

	*out = (struct sealed){.is_sealed = seal_key != NULL};
	buf_init(&out->der, KEY_DER_MAX + SEAL_OVERHEAD);
	key_spki_sha256(k, out->spki_sha256);
	name_type(k, out->type);
	if (!seal_key)
		return key_to_der(k, &out->der, e);
	buf_init(&plain, KEY_DER_MAX);
	rc = key_to_der(k, &plain, e);
	if (rc == 0)
		rc = seal(seal_key, out->spki_sha256, sizeof(out->spki_sha256),
		    plain.data, plain.len, &out->der, e);
	buf_wipe(&plain);
	return rc;
}

void
sealed_release(struct sealed *s)
{
	buf_wipe(&s->der);
}

void
sealed_read(struct db_stmt *row, int column, struct sealed *out)
{
	const void *der;
	size_t len;

	*out = (struct sealed){0};
	stmt_digest(row, column, out->spki_sha256);
	out->is_sealed = db_int(row, column + 1) != 0;
	der = db_blob(row, column + 2, &len);
	buf_init(&out->der, KEY_DER_MAX + SEAL_OVERHEAD);
	buf_add(&out->der, der, len);
}

int
sealed_open(const struct sealed *s, const struct seal_key *seal_key,
    const char *setting, struct buf *out, struct err *e)
{
	if (!s->is_sealed)
		return buf_add(out, s->der.data, s->der.len);
	if (!seal_key)
		return err_set(e, KIND_CONF,
		    "the private key is sealed; [store] %s is not set",
		    setting);
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
