#include "wrap/dn.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <strings.h>

#include "base/hex.h"

#define VALUE_MAX 256

/* The attribute types of RFC 4514 3, and what mail and serials need. */
static const char *const attributes[] = {"CN", "O", "OU", "L", "ST", "C",
    "street", "DC", "UID", "serialNumber", "emailAddress"};

/* Takes the attribute type up to the "=". */
static const char *
take_type(const char **text)
{
	size_t len = strcspn(*text, "=");

	if ((*text)[len] != '=')
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
		if (strlen(attributes[i]) == len &&
		    strncasecmp(attributes[i], *text, len) == 0) {
			*text += len + 1;
			return attributes[i];
		}
	return NULL;
}

/* One escaped character after a backslash (RFC 4514 2.4). */
static int
take_escape(const char **text, struct buf *out)
{
	uint8_t byte;
	char pair[3] = {0};

	if (**text != '\0' && strchr(" \"#+,;<=>\\", **text) != NULL)
		return buf_addc(out, *(*text)++);
	memcpy(pair, *text, strnlen(*text, 2));
	if (hex_decode(&byte, 1, pair) == -1 || byte == 0)
		return -1;
	*text += 2;
	return buf_addc(out, (char)byte);
}

/* Takes a value up to the next comma or the end. */
static int
take_value(const char **text, struct buf *out)
{
	size_t keep = 0; /* what ends in an escape is no blank to cut */

	buf_clear(out);
	while (**text == ' ')
		(*text)++;
	if (**text == '#')
		return -1;
	while (**text != '\0' && **text != ',') {
		if (strchr("\"+;<>", **text) != NULL)
			return -1;
		if (**text == '\\') {
			(*text)++;
			if (take_escape(text, out) == -1)
				return -1;
			keep = out->len;
		} else if (buf_addc(out, *(*text)++) == -1) {
			return -1;
		}
	}
	while (out->len > keep && out->data[out->len - 1] == ' ')
		out->len--;
	out->data[out->len] = '\0';
	return out->len > 0 ? 0 : -1;
}

/* Reads the text from its front; RFC 4514 2.1 has the last RDN first. */
static int
read_text(const char *text, X509_NAME *name)
{
	const char *type;
	struct buf value;
	int rc = -1;

	buf_init(&value, VALUE_MAX);
	for (;;) {
		while (*text == ' ')
			text++;
		if ((type = take_type(&text)) == NULL ||
		    take_value(&text, &value) == -1 ||
		    X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
			(const unsigned char *)value.data, (int)value.len, 0,
			0) != 1)
			goto out;
		if (*text == '\0')
			break;
		text++;
	}
	rc = 0;
out:
	buf_release(&value);
	return rc;
}

int
dn_encode(const char *text, struct buf *out, struct err *e)
{
	X509_NAME *name;
	unsigned char *der = NULL;
	int len, rc = -1;

	if (text == NULL || text[0] == '\0') {
		der_add(out, DER_SEQUENCE, NULL, 0);
		return 0;
	}
	name = X509_NAME_new();
	if (name == NULL || read_text(text, name) == -1 ||
	    (len = i2d_X509_NAME(name, &der)) <= 0)
		err_set(e, KIND_INPUT,
		    "RFC 4514: the subject is not a distinguished name with "
		    "values of the allowed length");
	else if (buf_add(out, der, (size_t)len) == -1)
		err_set(e, KIND_INPUT, "the subject is too long");
	else
		rc = 0;
	OPENSSL_free(der);
	X509_NAME_free(name);
	ERR_clear_error();
	return rc;
}

int
dn_add_value(struct buf *out, const char *value)
{
	size_t last = strlen(value);

	for (size_t i = 0; value[i] != '\0'; i++) {
		bool outer = i == 0 || i + 1 == last;

		if (strchr("\"+,;<>\\", value[i]) != NULL ||
		    (outer && value[i] == ' ') || (i == 0 && value[i] == '#'))
			buf_addc(out, '\\');
		buf_addc(out, value[i]);
	}
	return out->full ? -1 : 0;
}

bool
dn_equal(struct der a, struct der b)
{
	const unsigned char *p = a.p, *q = b.p;
	X509_NAME *x, *y;
	bool same;

	if (der_is(&a, b.p, b.len))
		return true;
	x = d2i_X509_NAME(NULL, &p, (long)a.len);
	y = d2i_X509_NAME(NULL, &q, (long)b.len);
	same = x != NULL && y != NULL && X509_NAME_cmp(x, y) == 0;
	X509_NAME_free(x);
	X509_NAME_free(y);
	ERR_clear_error();
	return same;
}

/* As OpenSSL prints it; "" for a Name that is broken. */
static char *
print(struct der name, unsigned long flags)
{
	const unsigned char *p = name.p;
	X509_NAME *n = d2i_X509_NAME(NULL, &p, (long)name.len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text = NULL;
	long len;

	if (n != NULL && bio != NULL &&
	    X509_NAME_print_ex(bio, n, 0, flags) >= 0 &&
	    (len = BIO_get_mem_data(bio, &data)) > 0)
		text = xstrndup(data, (size_t)len);
	BIO_free(bio);
	X509_NAME_free(n);
	ERR_clear_error();
	return text != NULL ? text : xstrdup("");
}

char *
dn_text(struct der name)
{
	return print(name, XN_FLAG_RFC2253);
}

static bool
is_readable(uint8_t tag, struct der value)
{
	ASN1_STRING *s = ASN1_STRING_type_new(tag);
	unsigned char *text = NULL;
	bool readable = s != NULL &&
	    ASN1_STRING_set(s, value.p, (int)value.len) == 1 &&
	    ASN1_STRING_to_UTF8(&text, s) >= 0;

	OPENSSL_free(text);
	ASN1_STRING_free(s);
	ERR_clear_error();
	return readable;
}

/* One AttributeTypeAndValue of an RDN that is in `room`. */
static int
loosen_attribute(struct der *rdn, struct buf *room)
{
	struct der pair, type, value;
	const uint8_t *at;
	uint8_t tag;

	if (der_get(rdn, DER_SEQUENCE, &pair) == -1 ||
	    der_get(&pair, DER_OID, &type) == -1)
		return -1;
	at = pair.p;
	if (der_next(&pair, &tag, &value, NULL) == -1)
		return -1;
	if (!is_readable(tag, value))
		room->data[at - (const uint8_t *)room->data] = V_ASN1_T61STRING;
	return 0;
}

/* What is no text of its kind becomes a T61String: OpenSSL reads Latin-1. */
static int
loosen(struct buf *room)
{
	struct der name = {(const uint8_t *)room->data, room->len}, seq, rdn;

	if (der_get(&name, DER_SEQUENCE, &seq) == -1)
		return -1;
	while (seq.len > 0) {
		if (der_get(&seq, DER_SET, &rdn) == -1)
			return -1;
		while (rdn.len > 0)
			if (loosen_attribute(&rdn, room) == -1)
				return -1;
	}
	return 0;
}

char *
dn_lines(struct der name)
{
	const unsigned long flags = XN_FLAG_SEP_MULTILINE | XN_FLAG_FN_SN |
	    ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_ESC_CTRL;
	char *text = print(name, flags);
	struct buf room;

	if (text[0] != '\0')
		return text;
	buf_init(&room, name.len);
	if (buf_add(&room, name.p, name.len) == 0 && loosen(&room) == 0) {
		free(text);
		text = print(
		    (struct der){(const uint8_t *)room.data, room.len}, flags);
	}
	buf_release(&room);
	return text;
}

static bool
is_text(struct der value)
{
	if (value.len == 0)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (value.p[i] < 0x20 || value.p[i] == 0x7f)
			return false;
	return true;
}

/* One AttributeTypeAndValue of an RDN. */
static int
read_attribute(struct der *rdn, struct strv *out)
{
	struct der seq, type, value;
	uint8_t tag;

	if (der_get(rdn, DER_SEQUENCE, &seq) == -1 ||
	    der_get(&seq, DER_OID, &type) == -1 ||
	    der_next(&seq, &tag, &value, NULL) == -1 || seq.len != 0)
		return -1;
	if (!der_is(&type, "\x55\x04\x03", 3))
		return 0;
	if ((tag != DER_UTF8_STRING && tag != DER_PRINTABLE_STRING &&
		tag != DER_IA5_STRING) ||
	    !is_text(value))
		return -1;
	strv_addn(out, (const char *)value.p, value.len);
	return 0;
}

int
dn_common_names(struct der name, struct strv *out)
{
	struct der seq, rdn;

	if (der_get(&name, DER_SEQUENCE, &seq) == -1 || name.len != 0)
		return -1;
	while (seq.len > 0) {
		if (der_get(&seq, DER_SET, &rdn) == -1)
			return -1;
		while (rdn.len > 0)
			if (read_attribute(&rdn, out) == -1)
				return -1;
	}
	return 0;
}
