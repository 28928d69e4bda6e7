#ifndef BASE_DER_H
#define BASE_DER_H

#include "base/buf.h"

/*
 * DER (X.690 10) as bytes: a strict reader that walks, and a writer that
 * appends.  Strict means definite lengths in their shortest form and tags
 * below 31; whatever else BER allows is an error.
 */
enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31
};

/* [n] of class context, primitive or constructed. */
#define DER_CONTEXT(n) (0x80 | (n))
#define DER_CONTEXT_CONS(n) (0xa0 | (n))

/* Bytes of somebody else; reading moves the front. */
struct der {
	const uint8_t *p;
	size_t len;
};

/*
 * Takes the element at the front of `in`: its tag, its content, and, unless
 * `whole` is NULL, the element with its header.
 * Returns 0, or -1 when there is none or it is not DER; `in` is then as it
 * was.
 */
int der_next(
    struct der *in, uint8_t *tag, struct der *content, struct der *whole);

/* As der_next, and -1 unless the tag is `tag`. */
int der_get(struct der *in, uint8_t tag, struct der *content);

/* As der_get; gives the element with its header. */
int der_get_whole(struct der *in, uint8_t tag, struct der *whole);

/* Whether the next tag is `tag`. */
bool der_is_next(const struct der *in, uint8_t tag);

/*
 * Takes a BOOLEAN (X.690 11.1: 0x00 or 0xff) if it is next, and otherwise
 * gives `def`.  Returns 0, or -1 for another content.
 */
int der_get_bool(struct der *in, bool def, bool *out);

/* Takes a BIT STRING of whole bytes: no unused bits. */
int der_get_bits(struct der *in, struct der *bits);

/*
 * Takes an INTEGER that is not negative, shortest form: `out` is its
 * big-endian value without leading zero bytes (length 0 for zero).
 */
int der_get_uint(struct der *in, struct der *out);

/* Takes a UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 spells them. */
int der_get_time(struct der *in, int64_t *t);

/* Whether `d` is exactly these bytes. */
bool der_is(const struct der *d, const void *p, size_t len);

/*
 * Begins an element; what is added to `out` until der_end is its content.
 * Elements nest.  A full buffer stays full: ask buf.full at the end.
 */
size_t der_begin(struct buf *out, uint8_t tag);
void der_end(struct buf *out, size_t mark);

/* Appends an element with this content. */
void der_add(struct buf *out, uint8_t tag, const void *p, size_t len);

/* INTEGER of the unsigned big-endian number `p`; small ones from `v`. */
void der_add_uint(struct buf *out, const void *p, size_t len);
void der_add_small(struct buf *out, uint64_t v);

/* BOOLEAN TRUE. */
void der_add_true(struct buf *out);

/* UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5). */
void der_add_time(struct buf *out, int64_t t);

#endif
