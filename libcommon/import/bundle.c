#include "import/bundle.h"

#include <unistd.h>

#include "base/der.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "wrap/digest.h"
#include "wrap/p12.h"
#include "wrap/p7.h"
#include "wrap/pem.h"

#define LABEL_SIZE 64
#define PART_MAX P12_MAX /* the largest thing in one block */
#define CHAIN_MAX 16 /* issuers in a chain */
#define ISSUERS_MAX 16 /* with one name: each costs a signature */

/* One thing in a file, as it is being read. */
struct part {
	struct bundle *bundle;
	const char *name; /* of the file */
	size_t block; /* from 1 on, 0: the file is all */
	const char *label; /* of the block */
	const char *password;
};

void
bundle_release(struct bundle *b)
{
	cert_list_release(&b->certs);
	key_list_release(&b->keys);
	for (size_t i = 0; i < b->csrs_len; i++)
		csr_free(b->csrs[i]);
	free(b->csrs);
	strv_release(&b->problems);
	digestmap_release(&b->known_certs);
	digestmap_release(&b->known_keys);
	digestmap_release(&b->known_csrs);
	for (size_t i = 0; i < b->sources_len; i++)
		free(b->sources[i].name);
	free(b->sources);
	free(b->root);
	*b = (struct bundle){0};
}

/* ---- where it is from --------------------------------------------------- */

static struct bundle_source
next_source(const struct bundle *b, const char *name)
{
	return (struct bundle_source){.name = xstrdup(name),
	    .from = {
		[BUNDLE_CERT] = b->certs.len,
		[BUNDLE_KEY] = b->keys.len,
		[BUNDLE_CSR] = b->csrs_len,
		[BUNDLE_PROBLEM] = b->problems.len,
	    }};
}

static void
begin_source(struct bundle *b, const char *name)
{
	b->sources =
	    xreallocarray(b->sources, b->sources_len + 1, sizeof(*b->sources));
	b->sources[b->sources_len++] = next_source(b, name);
}

/* One that has added nothing is none. */
static void
end_source(struct bundle *b)
{
	struct bundle_source *last = &b->sources[b->sources_len - 1];
	struct bundle_source next = next_source(b, "");

	if (memcmp(last->from, next.from, sizeof(next.from)) == 0) {
		free(last->name);
		b->sources_len--;
	}
	free(next.name);
}

char *
bundle_path(const char *root, const char *name)
{
	size_t len = root ? strlen(root) : 0;

	if (len == 0 || strcmp(root, ".") == 0)
		return xstrdup(name);
	if (strcmp(name, ".") == 0)
		return xstrdup(root);
	return xasprintf("%s%s%s", root, root[len - 1] == '/' ? "" : "/", name);
}

/* The last one that begins there or before. */
static const struct bundle_source *
source_of(const struct bundle *b, enum bundle_kind kind, size_t i)
{
	size_t low = 0, high = b->sources_len;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (b->sources[middle].from[kind] <= i)
			low = middle;
		else
			high = middle;
	}
	return &b->sources[low];
}

char *
bundle_place(const struct bundle *b, enum bundle_kind kind, size_t i)
{
	return bundle_path(b->root, source_of(b, kind, i)->name);
}

const char *
bundle_problem(const struct bundle *b, size_t i)
{
	const char *line = b->problems.v[i],
		   *name = source_of(b, BUNDLE_PROBLEM, i)->name;
	const char *end = strstr(line, ": ");
	size_t len = strlen(name), n = end ? (size_t)(end - line) : 0;

	if (str_starts(line, name) && str_starts(line + len, ": "))
		return line + len + 2;
	/* or a path within a tree */
	if (n > 0 && n < len && name[len - n - 1] == '/' &&
	    memcmp(name + len - n, line, n) == 0)
		return end + 2;
	return line;
}

static void
complain(const struct part *part, const char *text)
{
	char *line = part->block > 0
	    ? xasprintf("%s: block %zu (%s): %s", part->name, part->block,
		  part->label, text)
	    : xasprintf("%s: %s", part->name, text);

	strv_add(&part->bundle->problems, line);
	free(line);
}

/* ---- what is there ----------------------------------------------------- */

static bool
has_room(const struct part *part, size_t len)
{
	if (len < BUNDLE_THINGS_MAX)
		return true;
	complain(part, "too many of them at once");
	return false;
}

/* Whether it is new; it is known from now on, as the next of its kind. */
static bool
is_new(struct digestmap *known, const uint8_t digest[32], size_t len)
{
	size_t before = known->len;

	digestmap_put(known, digest, len);
	return known->len > before;
}

/* Each takes what it is given, or drops it. */
static void
take_cert(const struct part *part, struct cert *c)
{
	struct bundle *b = part->bundle;
	uint8_t digest[DIGEST_SHA256_SIZE];

	cert_sha256(c, digest);
	if (has_room(part, b->certs.len) &&
	    is_new(&b->known_certs, digest, b->certs.len))
		cert_list_take(&b->certs, c);
	else
		cert_free(c);
}

static void
take_key(const struct part *part, struct key *k)
{
	struct bundle *b = part->bundle;
	uint8_t digest[DIGEST_SHA256_SIZE];

	key_spki_sha256(k, digest);
	if (has_room(part, b->keys.len) &&
	    is_new(&b->known_keys, digest, b->keys.len))
		key_list_take(&b->keys, k);
	else
		key_free(k);
}

static void
take_csr(const struct part *part, struct csr *c)
{
	struct bundle *b = part->bundle;
	uint8_t digest[DIGEST_SHA256_SIZE];
	const uint8_t *der;
	size_t len;

	der = csr_der(c, &len);
	digest_sha256(digest, der, len);
	if (!has_room(part, b->csrs_len) ||
	    !is_new(&b->known_csrs, digest, b->csrs_len)) {
		csr_free(c);
		return;
	}
	b->csrs = xreallocarray(b->csrs, b->csrs_len + 1, sizeof(*b->csrs));
	b->csrs[b->csrs_len++] = c; /* transferred */
}

static void
take_lists(
    const struct part *part, struct cert_list *certs, struct key_list *keys)
{
	for (size_t i = 0; i < certs->len; i++)
		take_cert(part, certs->v[i]);
	for (size_t i = 0; i < keys->len; i++)
		take_key(part, keys->v[i]);
	certs->len = keys->len = 0; /* transferred */
	cert_list_release(certs);
	key_list_release(keys);
}

/* ---- one piece of DER -------------------------------------------------- */

static int
add_cert(const struct part *part, struct der der, struct err *e)
{
	struct cert *c = cert_from_der(der.p, der.len, e);

	if (!c)
		return -1;
	take_cert(part, c);
	return 0;
}

/* OpenSSL's TRUSTED CERTIFICATE: what it trusts it for stands behind it. */
static int
add_trusted(const struct part *part, struct der der, struct err *e)
{
	struct der whole;

	if (der_get_whole(&der, DER_SEQUENCE, &whole) < 0)
		return err_set(e, KIND_INPUT, "no certificate");
	return add_cert(part, whole, e);
}

static int
add_key(const struct part *part, struct der der, struct err *e)
{
	struct key *k = key_from_der(der.p, der.len, e);

	if (!k)
		return -1;
	take_key(part, k);
	return 0;
}

/* A password costs time by design, and a stranger says how much. */
static int
may_decrypt(const struct part *part, struct err *e)
{
	if (part->bundle->decrypted++ < BUNDLE_DECRYPTED_MAX)
		return 0;
	return err_set(e, KIND_INPUT, "more than %d encrypted things at once",
	    BUNDLE_DECRYPTED_MAX);
}

static int
add_encrypted_key(const struct part *part, struct der der, struct err *e)
{
	struct key *k = NULL;

	if (may_decrypt(part, e) == 0)
		k = key_from_encrypted_der(der.p, der.len, part->password, e);
	if (!k)
		return -1;
	take_key(part, k);
	return 0;
}

static int
add_csr(const struct part *part, struct der der, struct err *e)
{
	struct csr *c = csr_from_der(der.p, der.len, e);

	if (!c)
		return -1;
	if (csr_verify(c, e) < 0) {
		csr_free(c);
		return -1;
	}
	take_csr(part, c);
	return 0;
}

static int
add_p7(const struct part *part, struct der der, struct err *e)
{
	struct cert_list certs = {0};
	struct key_list none = {0};

	if (p7_read(der.p, der.len, &certs, e) < 0)
		return -1;
	take_lists(part, &certs, &none);
	return 0;
}

static int
add_p12(const struct part *part, struct der der, struct err *e)
{
	struct cert_list certs = {0};
	struct key_list keys = {0};

	if (may_decrypt(part, e) < 0)
		return -1;
	if (p12_read(der.p, der.len, part->password ? part->password : "",
		&keys, &certs, e) < 0)
		return -1;
	take_lists(part, &certs, &keys);
	return 0;
}

typedef int adder(const struct part *part, struct der der, struct err *e);

/*
 * PKCS#7 and PKCS#12 may be BER, of a length that is not told (NSS writes them
 * so); the second begins with its version.  Each says when it is none.
 */
static adder *
recognise_ber(struct der der)
{
	static const uint8_t p12[] = {DER_SEQUENCE, 0x80, DER_INTEGER, 1, 3};

	return der.len > sizeof(p12) && memcmp(der.p, p12, sizeof(p12)) == 0
	    ? add_p12
	    : add_p7;
}

/*
 * What a piece of DER without a label seems to be, by how it begins; NULL when
 * it begins like nothing that we take.
 */
static adder *
recognise(struct der der)
{
	struct der all, first, rest;
	uint8_t tag;

	if (!der_is_next(&der, DER_SEQUENCE))
		return NULL;
	if (der_next(&der, &tag, &all, NULL) < 0 ||
	    der_next(&all, &tag, &first, NULL) < 0)
		return recognise_ber(der);
	if (tag == DER_OID)
		return add_p7;
	if (tag == DER_INTEGER && first.len == 1 && first.p[0] == 3)
		return add_p12;
	if (tag == DER_INTEGER)
		return add_key;
	if (tag != DER_SEQUENCE || der_next(&first, &tag, &rest, NULL) < 0)
		return NULL;
	if (tag == DER_OID)
		return add_encrypted_key;
	/* version 0 and a name, or [0], or a serial and an algorithm */
	if (tag == DER_INTEGER && rest.len == 1 && rest.p[0] == 0 &&
	    der_next(&first, &tag, &rest, NULL) == 0 &&
	    !der_is_next(&rest, DER_OID))
		return add_csr;
	return add_cert;
}

/* ---- files ------------------------------------------------------------- */

static const struct {
	const char *label;
	adder *add; /* NULL: skipped */
} labels[] = {
    {"CERTIFICATE", add_cert},
    {"X509 CERTIFICATE", add_cert},
    {"TRUSTED CERTIFICATE", add_trusted},
    {"PRIVATE KEY", add_key},
    {"RSA PRIVATE KEY", add_key},
    {"EC PRIVATE KEY", add_key},
    {"ENCRYPTED PRIVATE KEY", add_encrypted_key},
    {"CERTIFICATE REQUEST", add_csr},
    {"NEW CERTIFICATE REQUEST", add_csr},
    {"PKCS7", add_p7},
    {"CMS", add_p7},
    {"PKCS12", add_p12},
};

static adder *
adder_of(const char *label)
{
	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		if (strcmp(labels[i].label, label) == 0)
			return labels[i].add;
	return NULL;
}

static void
add_part(const struct part *part, adder *add, const void *p, size_t len)
{
	struct der der = {p, len};
	struct err e = {0};
	char text[1024];

	if (add(part, der, &e) == 0)
		return;
	err_format(&e, text, sizeof(text));
	complain(part, text);
}

/* A block that could not be read. */
static void
complain_pem(struct part *part, const struct pem_reader *r, char *label)
{
	if (!r->is_encrypted)
		snprintf(label, LABEL_SIZE, "?");
	if (!r->is_encrypted)
		complain(part, "RFC 7468 2: broken, or too large");
	else if (!part->password)
		complain(part, "private key that needs a password");
	else
		complain(part, "the password does not open the private key");
}

static void
add_pem(struct part *part, const char *p, size_t len)
{
	struct pem_reader r = {.p = p, .len = len, .password = part->password};
	char label[LABEL_SIZE];
	struct buf der;
	size_t before = part->bundle->problems.len, taken = 0;
	int rc;

	buf_init(&der, PART_MAX);
	part->label = label;
	while ((rc = pem_next(&r, label, sizeof(label), &der)) != 0) {
		adder *add = rc > 0 ? adder_of(label) : NULL;

		part->block++;
		if (rc < 0) {
			complain_pem(part, &r, label);
		} else if (add) {
			add_part(part, add, der.data, der.len);
			taken++;
		}
		explicit_bzero(der.data, der.len);
	}
	buf_wipe(&der);
	part->block = 0;
	part->label = NULL;
	if (taken == 0 && part->bundle->problems.len == before)
		complain(part, "no certificate, key or request in it");
}

static void
add_der(struct part *part, struct der der)
{
	adder *add = recognise(der);

	if (add)
		add_part(part, add, der.p, der.len);
	else
		complain(part, "neither PEM nor DER that is known");
}

/* Whether it is nothing but pieces of DER, one behind the other. */
static bool
is_several(struct der all)
{
	struct der piece;
	size_t n = 0;

	while (der_get_whole(&all, DER_SEQUENCE, &piece) == 0)
		n++;
	return n > 1 && all.len == 0;
}

static void
add_pieces(struct part *part, struct der all)
{
	struct der piece;

	part->label = "DER";
	while (der_get_whole(&all, DER_SEQUENCE, &piece) == 0) {
		part->block++;
		add_der(part, piece);
	}
	part->block = 0;
	part->label = NULL;
}

static void
add_any(struct part *part, const void *p, size_t len)
{
	struct der der = {p, len};

	if (len > BUNDLE_MAX) {
		complain(part, "larger than any bundle may be");
		return;
	}
	if (pem_is_text(p, len)) {
		add_pem(part, p, len);
		return;
	}
	if (is_several(der))
		add_pieces(part, der);
	else
		add_der(part, der);
}

void
bundle_add(struct bundle *b, const char *name, const void *p, size_t len,
    const char *password)
{
	struct part part = {.bundle = b, .name = name, .password = password};

	begin_source(b, name);
	add_any(&part, p, len);
	end_source(b);
}

static int
read_content(const char *name, struct buf *out, struct err *e)
{
	return strcmp(name, "-") == 0
	    ? fd_read_all(STDIN_FILENO, out, FD_FOREVER, e)
	    : file_read(name, out, e);
}

void
bundle_add_file(struct bundle *b, const char *name, const char *password)
{
	struct err e = {0};
	struct buf content;

	buf_init(&content, BUNDLE_MAX);
	if (read_content(name, &content, &e) == 0)
		bundle_add(b, name, content.data, content.len, password);
	else
		bundle_add_problem(b, name, &e);
	buf_wipe(&content);
}

void
bundle_add_line(struct bundle *b, const char *name, const char *line)
{
	begin_source(b, name);
	strv_add(&b->problems, line);
	end_source(b);
}

void
bundle_add_problem(struct bundle *b, const char *name, const struct err *e)
{
	char line[1024];

	err_format(e, line, sizeof(line));
	bundle_add_line(b, name, line);
}

bool
bundle_has_cert_for(const struct bundle *b, const struct key *k)
{
	for (size_t i = 0; i < b->certs.len; i++)
		if (cert_has_key(b->certs.v[i], k))
			return true;
	return false;
}

/* ---- sets -------------------------------------------------------------- */

/* A CA's certificate, to be found by its subject. */
struct issuer {
	uint8_t subject[DIGEST_SHA256_SIZE];
	const struct cert *cert;
};

/* What sets are made of, each to be found at once. */
struct index {
	const struct bundle *bundle;
	struct issuer *issuers; /* sorted by subject */
	size_t issuers_len;
	struct digestmap csrs; /* by key; the first of each */
};

static int
compare_issuers(const void *a, const void *b)
{
	const struct issuer *x = a, *y = b;

	return memcmp(x->subject, y->subject, sizeof(x->subject));
}

static void
index_make(struct index *x, const struct bundle *b)
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	*x = (struct index){.bundle = b};
	x->issuers = xcalloc(b->certs.len + 1, sizeof(*x->issuers));
	for (size_t i = 0; i < b->certs.len; i++) {
		const struct cert *c = b->certs.v[i];
		struct issuer *issuer = &x->issuers[x->issuers_len];
		const uint8_t *der;
		size_t len;

		if (!cert_is_ca(c))
			continue;
		der = cert_subject_der(c, &len);
		digest_sha256(issuer->subject, der, len);
		issuer->cert = c;
		x->issuers_len++;
	}
	qsort(x->issuers, x->issuers_len, sizeof(*x->issuers), compare_issuers);
	for (size_t i = 0; i < b->csrs_len; i++) {
		key_spki_sha256(csr_key(b->csrs[i]), digest);
		digestmap_put(&x->csrs, digest, i);
	}
}

static void
index_release(struct index *x)
{
	free(x->issuers);
	digestmap_release(&x->csrs);
}

static bool
is_in(const struct bundle_chain *chain, const struct cert *c)
{
	bool found = false;

	for (size_t i = 0; i < chain->len && !found; i++)
		found = chain->certs[i] == c;
	return found;
}

/* The first of those with this subject, or of what would follow. */
static size_t
find_subject(const struct index *x, const uint8_t subject[DIGEST_SHA256_SIZE])
{
	size_t low = 0, high = x->issuers_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(x->issuers[middle].subject, subject,
			DIGEST_SHA256_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Those that end latest first. */
static int
compare_ends(const void *a, const void *b)
{
	const struct cert *const *x = a, *const *y = b;
	int64_t x_end = cert_not_after(*x), y_end = cert_not_after(*y);

	return (x_end < y_end) - (x_end > y_end);
}

/*
 * By name and by signature; one that is in the chain already is a loop.
 * Returns how many there are.
 */
static size_t
find_issuers(const struct index *x, const struct cert *leaf,
    const struct bundle_chain *chain, const struct cert *found[ISSUERS_MAX])
{
	const struct cert *c =
	    chain->len > 0 ? chain->certs[chain->len - 1] : leaf;
	uint8_t subject[DIGEST_SHA256_SIZE];
	const uint8_t *der;
	size_t len, n = 0;

	der = cert_issuer_der(c, &len);
	digest_sha256(subject, der, len);
	for (size_t i = find_subject(x, subject), tries = 0;
	     i < x->issuers_len && tries < ISSUERS_MAX &&
	     memcmp(x->issuers[i].subject, subject, sizeof(subject)) == 0;
	     i++, tries++) {
		const struct cert *issuer = x->issuers[i].cert;
		struct err ignored = {0};

		if (issuer != leaf && !is_in(chain, issuer) &&
		    cert_is_issued_by(c, issuer, &ignored) == 0)
			found[n++] = issuer;
	}
	qsort(found, n, sizeof(struct cert *), compare_ends);
	return n;
}

/* A chain that has come to its end; a copy of it is one of the set's. */
static void
keep_chain(struct bundle_set *s, const struct bundle_chain *chain)
{
	struct bundle_chain *kept;

	s->chains =
	    xreallocarray(s->chains, s->chains_len + 1, sizeof(*s->chains));
	kept = &s->chains[s->chains_len++];
	*kept = (struct bundle_chain){.len = chain->len};
	kept->certs = xcalloc(chain->len + 1, sizeof(struct cert *));
	for (size_t i = 0; i < chain->len; i++)
		kept->certs[i] = chain->certs[i];
}

/* All ways on from what `chain` has so far; at most CHAIN_MAX deep. */
static void
find_chains(
    const struct index *x, struct bundle_set *s, struct bundle_chain *chain)
{
	const struct cert *issuers[ISSUERS_MAX];
	size_t n = 0;

	if (s->chains_len == BUNDLE_CHAINS_MAX)
		return;
	if (chain->len < CHAIN_MAX)
		n = find_issuers(x, s->cert, chain, issuers);
	if (n == 0)
		keep_chain(s, chain);
	for (size_t i = 0; i < n; i++) {
		chain->certs[chain->len++] = issuers[i];
		find_chains(x, s, chain);
		chain->len--;
	}
}

struct bundle_set *
bundle_sets(const struct bundle *b, size_t *len)
{
	struct bundle_set *sets = xcalloc(b->certs.len + 1, sizeof(*sets));
	struct index x;

	index_make(&x, b);
	*len = 0;
	for (size_t i = 0; i < b->certs.len; i++) {
		struct bundle_set s = {.cert = b->certs.v[i]};
		uint8_t digest[DIGEST_SHA256_SIZE];
		size_t at;

		cert_spki_sha256(s.cert, digest);
		if (digestmap_get(&b->known_keys, digest, &at))
			s.key = b->keys.v[at];
		if (!s.key && cert_is_ca(s.cert))
			continue;
		if (digestmap_get(&x.csrs, digest, &at))
			s.csr = b->csrs[at];
		find_chains(&x, &s,
		    &(struct bundle_chain){
			.certs = (const struct cert *[CHAIN_MAX]){NULL}});
		sets[(*len)++] = s;
	}
	index_release(&x);
	return sets;
}

void
bundle_sets_free(struct bundle_set *sets, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		for (size_t k = 0; k < sets[i].chains_len; k++)
			free(sets[i].chains[k].certs);
		free(sets[i].chains);
	}
	free(sets);
}
