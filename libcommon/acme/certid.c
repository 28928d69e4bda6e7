#include "acme/certid.h"

#include "base/b64.h"
#include "base/hex.h"
#include "wrap/cert.h"

static int
bad(struct err *e, const char *why)
{
	return err_set(
	    e, KIND_INPUT, "certificate identifier: %s (RFC 9773 4.1)", why);
}

/* Content octets of a DER INTEGER (X.690 8.3.2) that is a serial number. */
static int
read_serial(const uint8_t *p, size_t len, char *hex, struct err *e)
{
	if (len > 0 && p[0] == 0) {
		if (len == 1 || !(p[1] & 0x80))
			return bad(e, "the serial number is no DER integer");
		p++;
		len--;
	} else if (len == 0 || (p[0] & 0x80)) {
		return bad(e, "the serial number is empty or negative");
	}
	if (len > CERTID_SERIAL_MAX)
		return bad(e, "the serial number is too long");
	hex_encode(hex, p, len);
	return 0;
}

static int
read_parts(const char *text, const char *dot, struct buf *aki,
    struct buf *serial, struct certid *id, struct err *e)
{
	if (b64url_decode(aki, text, (size_t)(dot - text)) < 0 ||
	    b64url_decode(serial, dot + 1, strlen(dot + 1)) < 0)
		return bad(e, "its parts are no base64url, or too long");
	if (aki->len == 0)
		return bad(e, "the key identifier is empty");
	memcpy(id->aki, aki->data, aki->len);
	id->aki_len = aki->len;
	return read_serial(
	    (const uint8_t *)serial->data, serial->len, id->serial_hex, e);
}

int
certid_parse(const char *text, struct certid *id, struct err *e)
{
	const char *dot = strchr(text, '.');
	struct buf aki, serial;
	int rc;

	if (!dot)
		return bad(e, "there is no dot");
	buf_init(&aki, CERTID_AKI_MAX);
	buf_init(&serial, CERTID_SERIAL_MAX + 1);
	rc = read_parts(text, dot, &aki, &serial, id, e);
	buf_release(&aki);
	buf_release(&serial);
	return rc;
}

int
certid_write(const struct cert *c, struct buf *out, struct err *e)
{
	size_t aki_len, serial_len;
	const uint8_t *aki = cert_aki(c, &aki_len);
	const uint8_t *serial = cert_serial(c, &serial_len);

	if (!aki || aki_len == 0 || aki_len > CERTID_AKI_MAX ||
	    strlen(cert_serial_hex(c)) > (size_t)2 * CERTID_SERIAL_MAX)
		return bad(e, "the certificate has none");
	if (b64url_encode(out, aki, aki_len) < 0 || buf_addc(out, '.') < 0 ||
	    b64url_encode(out, serial, serial_len) < 0)
		return err_set(e, KIND_BUG, "no room for an identifier");
	return 0;
}
