#include "wrap/pbe_part.h"

#include <openssl/asn1t.h>
#include <openssl/x509.h>

#include "base/err.h"
#include "wrap/key.h"

#define SCRYPT_MEMORY_MAX (32 << 20)

int64_t
pbe_number(const ASN1_INTEGER *n)
{
	int64_t value = 0;

	return n && ASN1_INTEGER_get_int64(&value, n) == 1 ? value : INT64_MAX;
}

static int64_t
pbkdf2_iterations(const ASN1_TYPE *parameter)
{
	PBKDF2PARAM *kdf =
	    ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), parameter);
	int64_t n = kdf ? pbe_number(kdf->iter) : INT64_MAX;

	PBKDF2PARAM_free(kdf);
	return n;
}

/* RFC 7914 2: blocks of 128 * r bytes, N + 2 to mix one, and p of them. */
static int64_t
scrypt_iterations(const ASN1_TYPE *parameter)
{
	SCRYPT_PARAMS *kdf =
	    ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(SCRYPT_PARAMS), parameter);
	const int64_t most = SCRYPT_MEMORY_MAX / 128;
	int64_t n = INT64_MAX, r = INT64_MAX, p = INT64_MAX;

	if (kdf) {
		n = pbe_number(kdf->costParameter);
		r = pbe_number(kdf->blockSize);
		p = pbe_number(kdf->parallelizationParameter);
	}
	SCRYPT_PARAMS_free(kdf);
	if (n <= 0 || r <= 0 || p <= 0 || n > most || r > most || p > most ||
	    r * (n + 2 + p) > most)
		return INT64_MAX;
	return n * r * p;
}

/* RFC 8018 A.4, RFC 7914 7 */
static int64_t
pbes2_iterations(const ASN1_TYPE *parameter, int *kdf)
{
	PBE2PARAM *p =
	    ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), parameter);
	int64_t n = INT64_MAX;

	*kdf = p ? OBJ_obj2nid(p->keyfunc->algorithm) : NID_undef;
	if (*kdf == NID_id_pbkdf2)
		n = pbkdf2_iterations(p->keyfunc->parameter);
	else if (*kdf == NID_id_scrypt)
		n = scrypt_iterations(p->keyfunc->parameter);
	PBE2PARAM_free(p);
	return n;
}

int64_t
pbe_iterations(const X509_ALGOR *a)
{
	PBEPARAM *p;
	int kdf;
	int64_t n;

	if (!a || !a->parameter)
		return INT64_MAX;
	if (OBJ_obj2nid(a->algorithm) == NID_pbes2)
		return pbes2_iterations(a->parameter, &kdf);
	p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), a->parameter);
	n = p ? pbe_number(p->iter) : INT64_MAX;
	PBEPARAM_free(p);
	return n;
}

int
pbe_refuse(const char *what, const X509_ALGOR *a, struct err *e)
{
	int kdf = NID_undef;

	if (a && a->parameter && OBJ_obj2nid(a->algorithm) == NID_pbes2)
		pbes2_iterations(a->parameter, &kdf);
	if (kdf == NID_id_scrypt)
		return err_set(e, KIND_INPUT,
		    "%s encrypted with scrypt that would take more than %d "
		    "MiB, or whose N * r * p is more than %d",
		    what, SCRYPT_MEMORY_MAX >> 20, KEY_ITERATIONS_MAX);
	return err_set(e, KIND_INPUT,
	    "%s that would take more than %d rounds of hashing, or does not "
	    "say how many",
	    what, KEY_ITERATIONS_MAX);
}
