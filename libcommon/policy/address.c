#include "policy/address.h"

#include <arpa/inet.h>

static const uint8_t mapped_prefix[12] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/*
 * The built-in list (RFC 6890 and its successors in the IANA registries).
 * A block inside another one needs a range of its own to be opened.
 */
static const struct {
	const char *range;
	const char *what;
} blocks[] = {
    {"0.0.0.0/8", "this network"},
    {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link-local"},
    {"169.254.169.254", "cloud metadata"},
    {"192.0.0.0/24", "protocol assignments"},
    {"192.88.99.0/24", "6to4 relay"},
    {"100.100.100.200", "cloud metadata"},
    {"224.0.0.0/4", "multicast"},
    {"240.0.0.0/4", "reserved"},
    {"255.255.255.255", "broadcast"},
    {"::", "unspecified"},
    {"::1", "loopback"},
    {"::/96", "IPv4-compatible"},
    {"64:ff9b:1::/48", "local-use NAT64"},
    {"100::/64", "discard-only"},
    {"2001::/32", "Teredo"},
    {"fd00:ec2::254", "cloud metadata"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "site-local"},
    {"ff00::/8", "multicast"},
};

/* ---- addresses ----------------------------------------------------------- */

bool
address_parse(const char *text, struct address *out)
{
	memcpy(out->b, mapped_prefix, sizeof(mapped_prefix));
	if (inet_pton(AF_INET, text, out->b + 12) == 1)
		return true;
	return inet_pton(AF_INET6, text, out->b) == 1;
}

bool
address_from_bytes(const void *p, size_t len, struct address *out)
{
	if (len == 4) {
		memcpy(out->b, mapped_prefix, sizeof(mapped_prefix));
		memcpy(out->b + 12, p, 4);
	} else if (len == 16) {
		memcpy(out->b, p, 16);
	}
	return len == 4 || len == 16;
}

void
address_format(const struct address *a, char out[ADDRESS_TEXT_SIZE])
{
	if (address_is_v4(a))
		inet_ntop(AF_INET, a->b + 12, out, ADDRESS_TEXT_SIZE);
	else
		inet_ntop(AF_INET6, a->b, out, ADDRESS_TEXT_SIZE);
}

bool
address_is_v4(const struct address *a)
{
	return memcmp(a->b, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool
address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void
address_reverse(const struct address *a, char out[ADDRESS_REVERSE_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *p = out;

	if (address_is_v4(a)) {
		snprintf(out, ADDRESS_REVERSE_SIZE, "%u.%u.%u.%u.in-addr.arpa",
		    a->b[15], a->b[14], a->b[13], a->b[12]);
		return;
	}
	for (size_t i = sizeof(a->b); i-- > 0;) {
		*p++ = digits[a->b[i] & 15];
		*p++ = '.';
		*p++ = digits[a->b[i] >> 4];
		*p++ = '.';
	}
	memcpy(p, "ip6.arpa", sizeof("ip6.arpa"));
}

socklen_t
address_to_sockaddr(
    const struct address *a, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (address_is_v4(a)) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons(port);
		memcpy(&in4->sin_addr, a->b + 12, 4);
		return sizeof(*in4);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->b, 16);
	return sizeof(*in6);
}

bool
address_from_sockaddr(
    const struct sockaddr *sa, struct address *out, uint16_t *port)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;

	if (sa->sa_family == AF_INET) {
		*port = ntohs(in4->sin_port);
		return address_from_bytes(&in4->sin_addr, 4, out);
	}
	if (sa->sa_family == AF_INET6) {
		*port = ntohs(in6->sin6_port);
		return address_from_bytes(&in6->sin6_addr, 16, out);
	}
	return false;
}

/* ---- ranges -------------------------------------------------------------- */

/* Clears the bits of `a` beyond the first `prefix`. */
static void
mask(struct address *a, unsigned prefix)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned from = i * 8;

		if (from >= prefix)
			a->b[i] = 0;
		else if (from + 8 > prefix)
			a->b[i] &= (uint8_t)(0xff00U >> (prefix - from));
	}
}

/* Splits at the slash; `*bits` is left alone when there is none. */
static bool
split_prefix(const char *text, char *head, size_t size, uint64_t *bits)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);

	if (len >= size)
		return false;
	memcpy(head, text, len);
	head[len] = '\0';
	return !slash || str_to_u64(slash + 1, 128, bits);
}

int
address_range_parse(const char *text, struct address_range *out, struct err *e)
{
	char head[ADDRESS_TEXT_SIZE], shown[96];
	uint64_t bits = UINT64_MAX;
	struct address masked;
	bool is_text_v4;

	str_escape(shown, sizeof(shown), text, strlen(text));
	if (!split_prefix(text, head, sizeof(head), &bits) ||
	    !address_parse(head, &out->first))
		return err_set(e, KIND_CONF,
		    "\"%s\" is not an address or a range in CIDR form", shown);
	is_text_v4 = !strchr(head, ':');
	if (bits == UINT64_MAX)
		bits = 128;
	else if (is_text_v4 && bits > 32)
		return err_set(e, KIND_CONF,
		    "\"%s\": an IPv4 prefix has at most 32 bits", shown);
	else if (is_text_v4)
		bits += 96;
	out->prefix = (unsigned)bits;
	masked = out->first;
	mask(&masked, out->prefix);
	if (!address_equal(&masked, &out->first))
		return err_set(e, KIND_CONF,
		    "\"%s\": bits are set beyond the prefix", shown);
	return 0;
}

bool
address_range_has(const struct address_range *range, const struct address *a)
{
	struct address masked = *a;
	bool is_range_v4 = range->prefix >= 96 && address_is_v4(&range->first);

	if (is_range_v4 != address_is_v4(a))
		return false;
	mask(&masked, range->prefix);
	return address_equal(&masked, &range->first);
}

static bool
any_has(const struct address_range *ranges, size_t len, const struct address *a)
{
	for (size_t i = 0; i < len; i++)
		if (address_range_has(&ranges[i], a))
			return true;
	return false;
}

/* ---- policy -------------------------------------------------------------- */

static int
parse_list(const struct strv *list, const char *key, bool *any,
    struct address_range **ranges, size_t *len, struct err *e)
{
	*ranges = xcalloc(list->len + 1, sizeof(**ranges));
	for (size_t i = 0; i < list->len; i++) {
		if (any && strcmp(list->v[i], "any") == 0) {
			*any = true;
			continue;
		}
		if (address_range_parse(list->v[i], &(*ranges)[*len], e) < 0)
			return err_object(e, "[policy] %s", key);
		(*len)++;
	}
	return 0;
}

int
address_policy_init(struct address_policy *p, const struct strv *allowed,
    const struct strv *excluded, struct err *e)
{
	memset(p, 0, sizeof(*p));
	if (allowed->len == 0)
		return err_set(e, KIND_CONF,
		    "[policy] allowed_server_ip_ranges: must be given; "
		    "\"any\" lifts the restriction");
	if (parse_list(allowed, "allowed_server_ip_ranges", &p->any,
		&p->allowed, &p->allowed_len, e) < 0)
		return -1;
	return parse_list(excluded, "exclude_server_ip_ranges", NULL,
	    &p->excluded, &p->excluded_len, e);
}

int
address_lists_check(
    const struct strv *allowed, const struct strv *excluded, struct err *e)
{
	struct address_policy p;
	int rc = address_policy_init(&p, allowed, excluded, e);

	address_policy_release(&p);
	return rc;
}

void
address_policy_add_own(struct address_policy *p, const struct address *own)
{
	struct address_range loopback = {.prefix = 104};

	address_parse("127.0.0.0", &loopback.first);
	if (address_range_has(&loopback, own) ||
	    IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)own->b))
		return;
	p->own = xreallocarray(p->own, p->own_len + 1, sizeof(*p->own));
	p->own[p->own_len++] = *own;
}

void
address_policy_release(struct address_policy *p)
{
	if (!p)
		return;
	free(p->allowed);
	free(p->excluded);
	free(p->own);
	memset(p, 0, sizeof(*p));
}

/* Whether the operator wrote a range that has `a` and fits into the block. */
static bool
is_opened(const struct address_policy *p, const struct address *a,
    unsigned block_prefix)
{
	for (size_t i = 0; i < p->allowed_len; i++)
		if (p->allowed[i].prefix >= block_prefix &&
		    address_range_has(&p->allowed[i], a))
			return true;
	return false;
}

/* What of the built-in list refuses `a`; NULL when nothing does. */
static const char *
blocked_as(const struct address_policy *p, const struct address *a)
{
	struct address_range range = {0};
	struct err ignored = {0};

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		address_range_parse(blocks[i].range, &range, &ignored);
		if (address_range_has(&range, a) &&
		    !is_opened(p, a, range.prefix))
			return blocks[i].what;
	}
	for (size_t i = 0; i < p->own_len; i++)
		if (address_equal(&p->own[i], a) && !is_opened(p, a, 128))
			return "this machine's own";
	return NULL;
}

/* The IPv4 address inside a 6to4 (RFC 3056) or NAT64 (RFC 6052) address. */
static bool
embedded(const struct address *a, struct address *inner)
{
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (memcmp(a->b, nat64, sizeof(nat64)) == 0)
		return address_from_bytes(a->b + 12, 4, inner);
	if (a->b[0] == 0x20 && a->b[1] == 0x02)
		return address_from_bytes(a->b + 2, 4, inner);
	return false;
}

static int
deny(const struct address *a, const char *why, struct err *e)
{
	char text[ADDRESS_TEXT_SIZE];

	address_format(a, text);
	return err_acme(e, KIND_DENIED, "rejectedIdentifier",
	    "address %s is refused: %s", text, why);
}

int
address_policy_check(
    const struct address_policy *p, const struct address *a, struct err *e)
{
	char why[64];
	const char *block = NULL;
	struct address inner;
	bool has_inner = embedded(a, &inner);

	if (any_has(p->excluded, p->excluded_len, a) ||
	    (has_inner && any_has(p->excluded, p->excluded_len, &inner)))
		return deny(a, "it is in exclude_server_ip_ranges", e);
	if (!p->any && !any_has(p->allowed, p->allowed_len, a))
		return deny(a, "it is not in allowed_server_ip_ranges", e);
	block = blocked_as(p, a);
	if (!block && has_inner)
		block = blocked_as(p, &inner);
	if (!block)
		return 0;
	snprintf(why, sizeof(why), "it is of a blocked range: %s", block);
	return deny(a, why, e);
}
