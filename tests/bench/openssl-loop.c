/*
 * openssl-loop: what taking in a triplet costs whoever uses OpenSSL plainly.
 */
#include <err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/base.h"

static const char usage_text[] =
    "usage: openssl-loop FILE...\n"
    "\n"
    "Reads certificate, issuer and private key from PEM files, one after the\n"
    "other, and checks that the key is the certificate's and the issuer "
    "signed\n"
    "it.  Prints how many there were.\n";

static long
read_triplets(BIO *in)
{
	long n = 0;

	for (;; n++) {
		X509 *leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
		X509 *issuer = NULL;
		EVP_PKEY *key = NULL;

		if (!leaf)
			return n;
		issuer = PEM_read_bio_X509(in, NULL, NULL, NULL);
		if (issuer)
			key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
		if (!key || X509_check_private_key(leaf, key) != 1 ||
		    X509_verify(leaf, X509_get0_pubkey(issuer)) != 1)
			errx(1, "triplet %ld is not as it should be", n);
		EVP_PKEY_free(key);
		X509_free(issuer);
		X509_free(leaf);
	}
}

int
main(int argc, char **argv)
{
	long n = 0;

	if (argc < 2)
		errx(100, "%s", usage_text);
	for (int i = 1; i < argc; i++) {
		BIO *in = BIO_new_file(argv[i], "r");

		if (!in)
			err(1, "%s", argv[i]);
		n += read_triplets(in);
		BIO_free(in);
	}
	printf("%ld\n", n);
	return 0;
}
