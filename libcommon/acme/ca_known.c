#include "acme/ca_known.h"

#include "base/base.h"

const struct ca_known ca_known[] = {
    {"letsencrypt", "https://acme-v02.api.letsencrypt.org/directory",
	"Let's Encrypt"},
    {"letsencrypt-staging",
	"https://acme-staging-v02.api.letsencrypt.org/directory",
	"Let's Encrypt, certificates that nobody trusts"},
    {"zerossl", "https://acme.zerossl.com/v2/DV90",
	"ZeroSSL; needs external account binding"},
    {"google", "https://dv.acme-v02.api.pki.goog/directory",
	"Google Trust Services; needs external account binding"},
    {"buypass", "https://api.buypass.com/acme/directory",
	"Buypass; has stopped issuing to new customers"},
    {"sslcom", "https://acme.ssl.com/sslcom-dv-ecc",
	"SSL.com, EC keys; needs external account binding"},
    {"sslcom-rsa", "https://acme.ssl.com/sslcom-dv-rsa",
	"SSL.com, RSA keys; needs external account binding"},
    {"actalis", "https://acme-api.actalis.com/acme/directory",
	"Actalis; needs external account binding"},
    {"pebble", "https://localhost:14000/dir", "Pebble on this machine"},
};
const size_t ca_known_len = ARRAY_LEN(ca_known);
