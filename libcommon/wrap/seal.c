#include "wrap/seal.h"

#include <openssl/evp.h>

#include "base/b64.h"
#include "sys/file.h"
#include "wrap/digest.h"
#include "wrap/key.h"

#define VERSION 1
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define HEAD_SIZE (1 + SEAL_ID_SIZE + NONCE_SIZE)
#define FILE_MAX 256
_Static_assert(SEAL_OVERHEAD == HEAD_SIZE + TAG_SIZE, "seal.h says it");

/* ---- the key ----------------------------------------------------------- */

static void
name_key(struct seal_key *k)
{
	static const char purpose[] = "acmed: the name of a sealing key";
	uint8_t sum[DIGEST_SHA256_SIZE];

	digest_hmac_sha256(
	    sum, k->bytes, sizeof(k->bytes), purpose, sizeof(purpose) - 1);
	memcpy(k->id, sum, sizeof(k->id));
}

/* Exactly what seal_key_create writes; the newline may be missing. */
static int
parse_key(const struct buf *text, struct seal_key *k, struct err *e)
{
	size_t len = text->len;
	struct buf bytes;
	int rc = -1;

	if (len > 0 && text->data[len - 1] == '\n')
		len--;
	buf_init(&bytes, SEAL_KEY_SIZE);
	if (b64_decode(&bytes, text->data, len) == 0 &&
	    bytes.len == SEAL_KEY_SIZE) {
		memcpy(k->bytes, bytes.data, SEAL_KEY_SIZE);
		name_key(k);
		rc = 0;
	} else {
		err_set(e, KIND_CONF, "not 32 bytes in base64 on one line");
	}
	buf_wipe(&bytes);
	return rc;
}

int
seal_key_read(const char *path, struct seal_key *k, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, FILE_MAX);
	rc = file_read_configured(path, &text, e);
	if (rc == 0 && parse_key(&text, k, e) < 0)
		rc = err_object(e, "%s", path);
	buf_wipe(&text);
	return rc;
}

int
seal_key_create(const char *path, struct err *e)
{
	uint8_t bytes[SEAL_KEY_SIZE];
	struct buf text;
	int rc;

	digest_random(bytes, sizeof(bytes));
	buf_init(&text, FILE_MAX);
	b64_encode(&text, bytes, sizeof(bytes));
	buf_addc(&text, '\n');
	rc = file_create(path, 0600, text.data, text.len, e);
	explicit_bzero(bytes, sizeof(bytes));
	buf_wipe(&text);
	return rc;
}

void
seal_key_wipe(struct seal_key *k)
{
	explicit_bzero(k, sizeof(*k));
}

/* ---- sealing ----------------------------------------------------------- */

static const EVP_CIPHER *
cipher(void)
{
	static EVP_CIPHER *kept;

	if (kept == NULL)
		kept = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	return kept;
}

/* Version and id are bound as well. */
static bool
add_bound(EVP_CIPHER_CTX *ctx, const uint8_t *head, const void *bound,
    size_t bound_len)
{
	int n;

	return EVP_CipherUpdate(ctx, NULL, &n, head, 1 + SEAL_ID_SIZE) == 1 &&
	    EVP_CipherUpdate(ctx, NULL, &n, bound, (int)bound_len) == 1;
}

int
seal(const struct seal_key *k, const void *bound, size_t bound_len,
    const void *p, size_t len, struct buf *out, struct err *e)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t head[HEAD_SIZE] = {VERSION}, tag[TAG_SIZE];
	uint8_t *text = xmalloc(len + 1);
	int n, rest, rc = -1;

	memcpy(head + 1, k->id, SEAL_ID_SIZE);
	digest_random(head + 1 + SEAL_ID_SIZE, NONCE_SIZE);
	if (ctx == NULL || len > INT_MAX || bound_len > INT_MAX ||
	    EVP_EncryptInit_ex2(
		ctx, cipher(), k->bytes, head + 1 + SEAL_ID_SIZE, NULL) != 1 ||
	    !add_bound(ctx, head, bound, bound_len) ||
	    EVP_EncryptUpdate(ctx, text, &n, p, (int)len) != 1 ||
	    EVP_EncryptFinal_ex(ctx, text + n, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, tag) !=
		1) {
		key_openssl_err(e, KIND_SYS, "cannot seal");
	} else {
		buf_add(out, head, sizeof(head));
		buf_add(out, text, len);
		rc = buf_add(out, tag, sizeof(tag));
		if (rc < 0)
			err_set(e, KIND_BUG, "too large to be sealed");
	}
	EVP_CIPHER_CTX_free(ctx);
	free(text);
	return rc;
}

const uint8_t *
seal_id(const void *sealed, size_t len)
{
	const uint8_t *p = sealed;

	return len >= SEAL_OVERHEAD && p[0] == VERSION ? p + 1 : NULL;
}

/* Into `text`, of as many bytes as there are between head and tag. */
static bool
open_text(const struct seal_key *k, const void *bound, size_t bound_len,
    const uint8_t *sealed, size_t len, uint8_t *text)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_SIZE];
	int n, rest;
	bool ok;

	memcpy(tag, sealed + HEAD_SIZE + len, TAG_SIZE);
	ok = ctx != NULL && len <= INT_MAX && bound_len <= INT_MAX &&
	    EVP_DecryptInit_ex2(ctx, cipher(), k->bytes,
		sealed + 1 + SEAL_ID_SIZE, NULL) == 1 &&
	    add_bound(ctx, sealed, bound, bound_len) &&
	    EVP_DecryptUpdate(ctx, text, &n, sealed + HEAD_SIZE, (int)len) ==
		1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) ==
		1 &&
	    EVP_DecryptFinal_ex(ctx, text + n, &rest) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

int
unseal(const struct seal_key *k, const void *bound, size_t bound_len,
    const void *sealed, size_t len, struct buf *out, struct err *e)
{
	const uint8_t *id = seal_id(sealed, len);
	uint8_t *text;
	int rc = -1;

	if (id == NULL)
		return err_set(e, KIND_SYS, "a sealed value is not whole");
	if (memcmp(id, k->id, SEAL_ID_SIZE) != 0)
		return err_set(e, KIND_CONF,
		    "sealed under another key; if acmed-store rekey was "
		    "cut short, run it again");
	len -= SEAL_OVERHEAD;
	text = xmalloc(len + 1);
	if (!open_text(k, bound, bound_len, sealed, len, text))
		key_openssl_err(e, KIND_SYS,
		    "a sealed value is not whole, or is another's");
	else if ((rc = buf_add(out, text, len)) < 0)
		err_set(e, KIND_BUG, "buffer too small for a sealed value");
	explicit_bzero(text, len);
	free(text);
	return rc;
}
