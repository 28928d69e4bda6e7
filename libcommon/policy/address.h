#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include "base/err.h"
#include "base/str.h"

#include <netinet/in.h>

/*
 * Internet addresses, and which of them the validator may connect to.
 *
 * An address is 16 bytes; IPv4 is kept as ::ffff:a.b.c.d, so that the mapped
 * spelling of an IPv4 address is that address and nothing else.
 */
struct address {
	uint8_t b[16];
};

#define ADDRESS_TEXT_SIZE INET6_ADDRSTRLEN
#define ADDRESS_REVERSE_SIZE 80

/*
 * Reads the text of an address, IPv4 in four decimal numbers or IPv6 without
 * brackets and zone.  Returns false when it is not that.
 */
bool address_parse(const char *text, struct address *out);

/* Makes an address of the 4 or 16 bytes of a DNS record; false otherwise. */
bool address_from_bytes(const void *p, size_t len, struct address *out);

/* Writes the address as inet_ntop(3) does; a mapped one as IPv4. */
void address_format(const struct address *a, char out[ADDRESS_TEXT_SIZE]);

bool address_is_v4(const struct address *a);
bool address_equal(const struct address *a, const struct address *b);

/*
 * Writes the name under in-addr.arpa or ip6.arpa, without final dot: the name
 * of its PTR record, and the SNI of RFC 8738 6.
 */
void address_reverse(const struct address *a, char out[ADDRESS_REVERSE_SIZE]);

/* Fills `out` for connect(2); returns the length. */
socklen_t address_to_sockaddr(
    const struct address *a, uint16_t port, struct sockaddr_storage *out);

/* Reads a sockaddr of an internet family; false for any other. */
bool address_from_sockaddr(
    const struct sockaddr *sa, struct address *out, uint16_t *port);

/* A range in CIDR form.  IPv4 and IPv6 never match each other. */
struct address_range {
	struct address first; /* the bits beyond `prefix` are zero */
	unsigned prefix; /* in 128 bits: an IPv4 /8 is 104 */
};

/*
 * Reads "10.0.0.0/8", "fd00::/8", or one address without prefix.
 * KIND_CONF naming the text when it is malformed, when the prefix is too long,
 * or when bits beyond the prefix are set (10.0.0.1/8 is a mistake).
 */
int address_range_parse(
    const char *text, struct address_range *out, struct err *e);

bool address_range_has(
    const struct address_range *range, const struct address *a);

/*
 * Which addresses may be connected to.  In this order:
 *   1. inside exclude_server_ip_ranges: refused;
 *   2. not inside allowed_server_ip_ranges (and `any` is not there): refused;
 *   3. inside a block of the built-in list: refused, unless one of the allowed
 *      ranges holds the address and is not wider than the block.
 * The built-in list has loopback, link-local, cloud metadata, multicast,
 * broadcast, unspecified and reserved addresses, and every address of this
 * machine that address_policy_add_own was told of.  So 127.0.0.0/8 written
 * down opens loopback, but neither `any` nor 0.0.0.0/0 does; and 169.254.0.0/16
 * opens link-local, but not the metadata service inside it.  IPv6 addresses
 * that carry an IPv4 address (6to4, NAT64) are refused when 1 or 3 refuses
 * what they carry; forms nobody should use (IPv4-compatible, Teredo,
 * local-use NAT64) are blocks of their own.
 */
struct address_policy {
	struct address_range *allowed;
	size_t allowed_len;
	struct address_range *excluded;
	size_t excluded_len;
	struct address *own;
	size_t own_len;
	bool any;
};

/*
 * Reads both lists of the configuration ("any" only in `allowed`).
 * KIND_CONF naming the key and the value; also when `allowed` is empty, which
 * never means "no restriction".  Release in any case.
 */
int address_policy_init(struct address_policy *p, const struct strv *allowed,
    const struct strv *excluded, struct err *e);

/* Whether address_policy_init would take the two lists: 0, or -1 as there. */
int address_lists_check(
    const struct strv *allowed, const struct strv *excluded, struct err *e);

/* Adds an address of this machine; loopback addresses are left out. */
void address_policy_add_own(
    struct address_policy *p, const struct address *own);

/* NULL-safe. */
void address_policy_release(struct address_policy *p);

/*
 * Whether `a` may be connected to.  Returns 0, or -1: KIND_DENIED with type
 * rejectedIdentifier and a text that names the address and the rule.
 */
int address_policy_check(
    const struct address_policy *p, const struct address *a, struct err *e);

#endif
