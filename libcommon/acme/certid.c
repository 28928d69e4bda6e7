#include "acme/certid.h"

#include "base/b64.h"
#include "wrap/cert.h"

int
certid_format(const struct cert *c, struct buf *out)
{
	size_t aki_len, serial_len;
	const uint8_t *aki = cert_aki(c, &aki_len);
	const uint8_t *serial = cert_serial(c, &serial_len);

	if (!aki || aki_len == 0 || serial_len == 0 ||
	    B64URL_LEN(aki_len) + 1 + B64URL_LEN(serial_len) > CERTID_MAX)
		return -1;
	b64url_encode(out, aki, aki_len);
	buf_addc(out, '.');
	return b64url_encode(out, serial, serial_len);
}

int
certid_parse(const char *text, struct buf *aki, struct buf *serial)
{
	const char *dot = strchr(text, '.');

	if (!dot || dot == text || dot[1] == '\0' ||
	    strlen(text) > CERTID_MAX ||
	    b64url_decode(aki, text, (size_t)(dot - text)) < 0)
		return -1;
	return b64url_decode(serial, dot + 1, strlen(dot + 1));
}
