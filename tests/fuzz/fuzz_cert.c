/* Whatever bytes come as a certificate, a bundle of them, or a CRL. */
#include "wrap/cert.h"
#include "wrap/crl.h"
#include "wrap/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look_at(const struct cert *c)
{
	struct err e = {0};
	struct strv words = {0};
	char word[KEY_WORD_SIZE];

	cert_key_word(c, word);
	cert_key_usage(c, &words);
	cert_key_purposes(c, &words);
	cert_ca_issuers(c, &words);
	cert_names(c, &words);
	strv_release(&words);
	free(cert_subject(c));
	free(cert_issuer(c));
	key_free(cert_key(c, &e));
	err_clear(&e);
	cert_is_issued_by(c, c, &e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cert_list list = {0};
	struct err e = {0};
	struct cert *c = cert_from_der(data, size, &e);
	uint64_t number;

	if (c != NULL)
		cert_list_take(&list, c);
	err_clear(&e);
	cert_list_from_pem((const char *)data, size, &list, &e);
	for (size_t i = 0; i < list.len; i++)
		look_at(list.v[i]);
	cert_list_release(&list);
	err_clear(&e);
	crl_number(data, size, &number, &e);
	return 0;
}
