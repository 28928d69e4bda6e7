#include "wrap/ext.h"

#include <arpa/inet.h>

static const struct {
	size_t len;
	const char *p;
} oids[] = {
    [EXT_SKI] = {3, "\x55\x1d\x0e"},
    [EXT_KEY_USAGE] = {3, "\x55\x1d\x0f"},
    [EXT_SAN] = {3, "\x55\x1d\x11"},
    [EXT_BASIC_CONSTRAINTS] = {3, "\x55\x1d\x13"},
    [EXT_CRL_NUMBER] = {3, "\x55\x1d\x14"},
    [EXT_REASON] = {3, "\x55\x1d\x15"},
    [EXT_CRL_POINTS] = {3, "\x55\x1d\x1f"},
    [EXT_AKI] = {3, "\x55\x1d\x23"},
    [EXT_KEY_PURPOSE] = {3, "\x55\x1d\x25"},
    [EXT_AIA] = {8, "\x2b\x06\x01\x05\x05\x07\x01\x01"},
    [EXT_ACME_IDENTIFIER] = {8, "\x2b\x06\x01\x05\x05\x07\x01\x1f"},
};
_Static_assert(ARRAY_LEN(oids) == EXT__MAX, "one OID per extension");

/* GeneralName of RFC 5280 4.2.1.6 by number of its tag. */
static const char *const kinds[] = {"otherName", "rfc822Name", "dNSName",
    "x400Address", "directoryName", "ediPartyName", "uniformResourceIdentifier",
    "iPAddress", "registeredID"};

enum {
	TAG_DNS = DER_CONTEXT(2),
	TAG_IP = DER_CONTEXT(7)
};

struct der
ext_oid(enum ext_id id)
{
	return (struct der){(const uint8_t *)oids[id].p, oids[id].len};
}

/* Takes the Extension at the front of `in`. */
static int
next(struct der *in, struct ext *out)
{
	struct der seq;

	if (der_get(in, DER_SEQUENCE, &seq) == -1 ||
	    der_get(&seq, DER_OID, &out->oid) == -1 ||
	    der_get_bool(&seq, false, &out->critical) == -1 ||
	    der_get(&seq, DER_OCTET_STRING, &out->value) == -1)
		return -1;
	return seq.len == 0 ? 0 : -1;
}

bool
ext_find(struct der list, struct der oid, struct ext *out)
{
	struct ext x;

	while (list.len > 0 && next(&list, &x) == 0)
		if (der_is(&x.oid, oid.p, oid.len)) {
			*out = x;
			return true;
		}
	return false;
}

int
ext_check(struct der list, struct err *e)
{
	struct ext x, again;
	size_t count = 0;

	while (list.len > 0) {
		if (++count > EXT_COUNT_MAX)
			return err_set(e, KIND_INPUT, "more than %d extensions",
			    EXT_COUNT_MAX);
		if (next(&list, &x) == -1)
			return err_set(e, KIND_INPUT,
			    "RFC 5280 4.1: extension is not well-formed DER");
		if (ext_find(list, x.oid, &again))
			return err_set(e, KIND_INPUT,
			    "RFC 5280 4.2: an extension stands twice");
	}
	return 0;
}

int
ext_read_ca(struct der value, bool *is_ca)
{
	struct der seq, depth;

	if (der_get(&value, DER_SEQUENCE, &seq) == -1 || value.len != 0 ||
	    der_get_bool(&seq, false, is_ca) == -1)
		return -1;
	if (seq.len > 0 && der_get_uint(&seq, &depth) == -1)
		return -1;
	return seq.len == 0 ? 0 : -1;
}

static bool
is_dns(const void *p, size_t len)
{
	return len > 0 && str_is_printable(p, len) &&
	    memchr(p, ' ', len) == NULL;
}

static void
read_name(uint8_t tag, struct der name, struct ext_names *out)
{
	char text[INET6_ADDRSTRLEN];
	size_t kind = tag & 0x1f;

	if (tag == TAG_DNS) {
		if (is_dns(name.p, name.len))
			strv_addn(&out->dns, (const char *)name.p, name.len);
		else
			out->bad = "a dNSName has bytes that no name has";
	} else if (tag == TAG_IP) {
		if ((name.len == 4 || name.len == 16) &&
		    inet_ntop(name.len == 4 ? AF_INET : AF_INET6, name.p, text,
			sizeof(text)) != NULL)
			strv_add(&out->ip, text);
		else
			out->bad = "an iPAddress is not of 4 or 16 bytes";
	} else if (out->other == NULL) {
		out->other = kind < ARRAY_LEN(kinds) ? kinds[kind] : "unknown";
	}
}

void
ext_read_names(struct der value, struct ext_names *out)
{
	struct der seq, name;
	uint8_t tag;

	if (der_get(&value, DER_SEQUENCE, &seq) == -1 || value.len != 0) {
		out->bad = "it is not well-formed DER";
		return;
	}
	if (seq.len == 0)
		out->bad = "it is empty";
	while (seq.len > 0) {
		if (der_next(&seq, &tag, &name, NULL) == -1) {
			out->bad = "it is not well-formed DER";
			return;
		}
		read_name(tag, name, out);
	}
}

void
ext_names_release(struct ext_names *n)
{
	strv_release(&n->dns);
	strv_release(&n->ip);
}

struct ext_mark
ext_begin(struct buf *out, enum ext_id id, bool critical)
{
	struct ext_mark m;

	m.whole = der_begin(out, DER_SEQUENCE);
	der_add(out, DER_OID, oids[id].p, oids[id].len);
	if (critical)
		der_add_true(out);
	m.value = der_begin(out, DER_OCTET_STRING);
	return m;
}

void
ext_end(struct buf *out, struct ext_mark m)
{
	der_end(out, m.value);
	der_end(out, m.whole);
}

static int
write_ip(struct buf *out, const char *text, struct err *e)
{
	uint8_t ip[16];

	if (inet_pton(AF_INET, text, ip) == 1)
		der_add(out, TAG_IP, ip, 4);
	else if (inet_pton(AF_INET6, text, ip) == 1)
		der_add(out, TAG_IP, ip, 16);
	else
		return err_set(e, KIND_INPUT,
		    "RFC 5280 4.2.1.6: a name is not an IP address");
	return 0;
}

int
ext_write_names(struct buf *out, const struct strv *dns, const struct strv *ip,
    struct err *e)
{
	size_t seq = der_begin(out, DER_SEQUENCE);

	for (size_t i = 0; dns != NULL && i < dns->len; i++) {
		if (!is_dns(dns->v[i], strlen(dns->v[i])))
			return err_set(e, KIND_INPUT,
			    "RFC 5280 4.2.1.6: a name is not a DNS name");
		der_add(out, TAG_DNS, dns->v[i], strlen(dns->v[i]));
	}
	for (size_t i = 0; ip != NULL && i < ip->len; i++)
		if (write_ip(out, ip->v[i], e) == -1)
			return -1;
	der_end(out, seq);
	return 0;
}
