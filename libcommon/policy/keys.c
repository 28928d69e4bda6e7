#include "policy/keys.h"

#include "base/buf.h"
#include "base/hex.h"
#include "sys/file.h"
#include "wrap/key.h"
#include "wrap/weak.h"

#define BLOCKLIST_MAX ((size_t)256 * 1024 * 1024) /* bytes of file */
#define HASH_SIZE 32
#define FERMAT_ROUNDS 100
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_EXPONENT_BYTES_MAX 4
#define RSA_EXPONENT_MIN 65537

struct keys_blocklist {
	uint8_t (*v)[HASH_SIZE]; /* sorted */
	size_t len;
	size_t cap;
};

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, HASH_SIZE);
}

/* One line without its end; text after a blank is a remark. */
static int
take_line(struct keys_blocklist *l, const char *line)
{
	char hex[2 * HASH_SIZE + 1] = {0};
	size_t len = strcspn(line, " \t\r");

	if (len == 0 || line[0] == '#')
		return line[strspn(line, " \t\r")] == '\0' || line[0] == '#'
		    ? 0
		    : -1;
	if (len != 2 * HASH_SIZE)
		return -1;
	memcpy(hex, line, len);
	if (l->len == l->cap) {
		l->cap = l->cap > 0 ? 2 * l->cap : 64;
		l->v = xreallocarray(l->v, l->cap, HASH_SIZE);
	}
	return hex_decode(l->v[l->len++], HASH_SIZE, hex);
}

static int
read_lines(
    struct keys_blocklist *l, const char *path, char *text, struct err *e)
{
	size_t number = 1;
	char *line, *rest = text;

	for (; (line = strsep(&rest, "\n")) != NULL; number++)
		if (take_line(l, line) == -1)
			return err_set(e, KIND_CONF,
			    "%s:%zu: not a SHA-256 in 64 hex digits", path,
			    number);
	if (l->len > 0)
		qsort(l->v, l->len, HASH_SIZE, compare);
	return 0;
}

struct keys_blocklist *
keys_blocklist_load(const char *path, struct err *e)
{
	struct keys_blocklist *l = xcalloc(1, sizeof(*l));
	struct buf text;
	struct err inner = {0};
	int rc = 0;

	buf_init(&text, BLOCKLIST_MAX);
	if (path != NULL && path[0] != '\0') {
		if (file_read(path, &text, &inner) == -1) {
			rc = err_set(e, KIND_CONF, "%s", inner.text);
			e->errnum = inner.errnum;
		} else {
			rc = read_lines(l, path, text.data, e);
		}
	}
	buf_release(&text);
	if (rc == 0)
		return l;
	keys_blocklist_free(l);
	return NULL;
}

void
keys_blocklist_free(struct keys_blocklist *l)
{
	if (l == NULL)
		return;
	free(l->v);
	free(l);
}

bool
keys_blocklist_has(const struct keys_blocklist *l, const struct key *k)
{
	uint8_t hash[HASH_SIZE];

	if (l == NULL || l->len == 0)
		return false;
	key_spki_sha256(k, hash);
	return bsearch(hash, l->v, l->len, HASH_SIZE, compare) != NULL;
}

/* Odd, above 2^16, and short enough that verifying stays cheap. */
static bool
is_exponent_good(const uint8_t *p, size_t len)
{
	uint64_t e = 0;

	if (len == 0 || len > RSA_EXPONENT_BYTES_MAX || p[len - 1] % 2 == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		e = e << 8 | p[i];
	return e >= RSA_EXPONENT_MIN;
}

static int
check_rsa(const struct key *k, const char *type, struct err *e)
{
	struct key_parts p;
	int bits = key_bits(k);
	unsigned factor;

	key_parts(k, &p);
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || bits % 8 != 0)
		return err_acme(e, KIND_INPUT, type,
		    "RFC 8555 6.7: RSA key of %d bits, not %d to %d in steps "
		    "of 8",
		    bits, RSA_BITS_MIN, RSA_BITS_MAX);
	if (!is_exponent_good(p.b, p.b_len))
		return err_acme(e, KIND_INPUT, type,
		    "RFC 8555 6.7: RSA exponent is even, not above 2^16, or "
		    "longer than 32 bits");
	if ((factor = weak_small_factor(p.a, p.a_len)) != 0)
		return err_acme(e, KIND_INPUT, type,
		    "RFC 8555 6.7: RSA modulus is divisible by %u", factor);
	if (weak_is_roca(p.a, p.a_len))
		return err_acme(e, KIND_INPUT, type,
		    "RFC 8555 6.7: RSA key is weak by CVE-2017-15361 (ROCA)");
	if (weak_is_fermat(p.a, p.a_len, FERMAT_ROUNDS))
		return err_acme(e, KIND_INPUT, type,
		    "RFC 8555 6.7: RSA primes are too close to each other");
	return 0;
}

int
keys_check(const struct key *k, const struct keys_blocklist *l,
    const char *acme_type, struct err *e)
{
	if (key_type(k) == KEY_RSA && check_rsa(k, acme_type, e) == -1)
		return -1;
	if (keys_blocklist_has(l, k))
		return err_acme(e, KIND_INPUT, acme_type,
		    "RFC 8555 6.7: this key is on the list of blocked keys");
	return 0;
}
