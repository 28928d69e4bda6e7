#include "wrap/pbe_part.h"

#include <openssl/asn1t.h>
#include <openssl/x509.h>

int64_t
pbe_number(const ASN1_INTEGER *n)
{
	int64_t value = 0;

	return n && ASN1_INTEGER_get_int64(&value, n) == 1 ? value : INT64_MAX;
}

/* RFC 8018 A.4: only PBKDF2; scrypt's cost cannot be foreseen so simply. */
static int64_t
pbes2_iterations(const ASN1_TYPE *parameter)
{
	PBE2PARAM *p =
	    ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), parameter);
	PBKDF2PARAM *kdf = NULL;
	int64_t n = INT64_MAX;

	if (p && OBJ_obj2nid(p->keyfunc->algorithm) == NID_id_pbkdf2)
		kdf = ASN1_TYPE_unpack_sequence(
		    ASN1_ITEM_rptr(PBKDF2PARAM), p->keyfunc->parameter);
	if (kdf)
		n = pbe_number(kdf->iter);
	PBKDF2PARAM_free(kdf);
	PBE2PARAM_free(p);
	return n;
}

int64_t
pbe_iterations(const X509_ALGOR *a)
{
	PBEPARAM *p;
	int64_t n;

	if (!a || !a->parameter)
		return INT64_MAX;
	if (OBJ_obj2nid(a->algorithm) == NID_pbes2)
		return pbes2_iterations(a->parameter);
	p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), a->parameter);
	n = p ? pbe_number(p->iter) : INT64_MAX;
	PBEPARAM_free(p);
	return n;
}
