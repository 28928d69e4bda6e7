#include "conf/value.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "base/b64.h"
#include "base/str.h"
#include "conf/pattern.h"
#include "conf/scope.h"

#define BLANKS " \t"
#define TEXT_MAX 1000
#define THUMBPRINT_BYTES 32

static const struct unit {
	char letter;
	int64_t seconds;
} units[] = {
    {'y', 365LL * 86400},
    {'d', 86400},
    {'h', 3600},
    {'m', 60},
    {'s', 1},
};

bool
value_is_list(enum value_type type)
{
	return type == VALUE_TEXTS || type == VALUE_RANGES ||
	    type == VALUE_RESOLVERS || type == VALUE_THUMBPRINTS ||
	    type == VALUE_GRANTS || type == VALUE_PORTS ||
	    type == VALUE_PATTERNS || type == VALUE_FRONTS;
}

static int
set_bool(bool *field, const char *text, struct err *e)
{
	bool yes = strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "false") != 0)
		return err_set(e, KIND_CONF, "must be true or false");
	*field = yes;
	return 0;
}

static int
set_number(
    int64_t *field, const struct value_rule *r, const char *text, struct err *e)
{
	uint64_t n;

	if (!str_to_u64(text, (uint64_t)r->max, &n) || (int64_t)n < r->min)
		return err_set(e, KIND_CONF,
		    "must be a number from %" PRId64 " to %" PRId64, r->min,
		    r->max);
	*field = (int64_t)n;
	return 0;
}

static void
format_duration(char *out, size_t size, int64_t seconds)
{
	const struct unit *u = units;

	while (u->letter != 's' && (seconds == 0 || seconds % u->seconds != 0))
		u++;
	snprintf(out, size, "%" PRId64 "%c", seconds / u->seconds, u->letter);
}

/* Seconds that `text` says, or -1. */
static int64_t
to_seconds(const char *text)
{
	size_t len = strlen(text);
	char digits[16];
	uint64_t n;

	if (len < 2 || len > sizeof(digits))
		return -1;
	snprintf(digits, sizeof(digits), "%.*s", (int)len - 1, text);
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (units[i].letter == text[len - 1] &&
		    str_to_u64(digits, UINT32_MAX, &n))
			return (int64_t)n * units[i].seconds;
	return -1;
}

static int
set_duration(
    int64_t *field, const struct value_rule *r, const char *text, struct err *e)
{
	char least[24], most[24];
	int64_t seconds = to_seconds(text);

	format_duration(least, sizeof(least), r->min);
	format_duration(most, sizeof(most), r->max);
	if (seconds < 0)
		return err_set(e, KIND_CONF,
		    "must be a duration with its unit: 10s 5m 8h 7d 10y");
	if (seconds < r->min || seconds > r->max)
		return err_set(e, KIND_CONF, "must be a duration from %s to %s",
		    least, most);
	*field = seconds;
	return 0;
}

static int
check_url(const char *text, bool base, struct err *e)
{
	const char *host = strstr(text, "://");

	if (!str_starts(text, "http://") && !str_starts(text, "https://"))
		return err_set(
		    e, KIND_CONF, "must begin with https:// or http://");
	host += 3;
	if (*host == '\0' || strchr("/?#:", *host))
		return err_set(e, KIND_CONF, "must name a host");
	if (text[strcspn(text, BLANKS "\"<>\\^`{|}")] != '\0')
		return err_set(e, KIND_CONF,
		    "has a character that no URL has (RFC 3986 2)");
	if (base && (strpbrk(host, "?#@") || str_ends(text, "/")))
		return err_set(e, KIND_CONF,
		    "must have no query, fragment or user, and no slash at the "
		    "end");
	return 0;
}

static bool
is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);
	const char *at = choices;

	for (; *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == len && memcmp(at, text, len) == 0)
			return true;
	return false;
}

static bool
is_peer(const char *text)
{
	const char *name = str_starts(text, "env:") ? text + 4 : NULL;

	if (!name)
		return is_choice("socket x-real-ip proxy", text);
	return *name != '\0' && (*name < '0' || *name > '9') &&
	    name[strspn(name,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_")] == '\0';
}

static bool
is_prefix(const char *text)
{
	if (strcmp(text, "/") == 0)
		return true;
	return text[0] == '/' && !str_ends(text, "/") && !strstr(text, "//") &&
	    text[strspn(text,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789./_-")] == '\0';
}

static int
check_text(const struct value_rule *r, const char *text, struct err *e)
{
	size_t max = r->max > 0 ? (size_t)r->max : TEXT_MAX;

	if (strlen(text) > max)
		return err_set(
		    e, KIND_CONF, "must not be longer than %zu bytes", max);
	if (!str_is_printable(text, strlen(text)))
		return err_set(e, KIND_CONF, "must be printable ASCII");
	switch (r->type) {
	case VALUE_CHOICE:
		if (!is_choice(r->choices, text))
			return err_set(e, KIND_CONF, "must be %s%s",
			    strchr(r->choices, ' ') ? "one of: " : "",
			    r->choices);
		return 0;
	case VALUE_PATH:
		if (text[0] != '/')
			return err_set(
			    e, KIND_CONF, "must be an absolute path");
		return 0;
	case VALUE_STORE:
		if (text[0] != '/' && !str_starts(text, "sqlite:/") &&
		    !strstr(text, "://"))
			return err_set(
			    e, KIND_CONF, "must be an absolute path or a URL");
		return 0;
	case VALUE_PEER:
		if (!is_peer(text))
			return err_set(e, KIND_CONF,
			    "must be socket, x-real-ip, proxy or env:NAME");
		return 0;
	case VALUE_PREFIX:
		if (!is_prefix(text))
			return err_set(e, KIND_CONF,
			    "must be a path of letters, digits and ./_-, with "
			    "no slash at the end");
		return 0;
	case VALUE_URL:
	case VALUE_BASE_URL:
		return check_url(text, r->type == VALUE_BASE_URL, e);
	default:
		return 0;
	}
}

static int
set_text(
    char **field, const struct value_rule *r, const char *text, struct err *e)
{
	if (*text != '\0' && check_text(r, text, e) < 0)
		return -1;
	free(*field);
	*field = *text != '\0' ? xstrdup(text) : NULL;
	return 0;
}

/* Bits of an address of text[0..len), or 0 when it is none. */
static unsigned
address_bits(const char *text, size_t len)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char raw[sizeof(struct in6_addr)];

	if (len >= sizeof(copy))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, raw) == 1)
		return 32;
	return inet_pton(AF_INET6, copy, raw) == 1 ? 128 : 0;
}

static bool
is_range(const char *text)
{
	size_t len = strcspn(text, "/");
	unsigned bits = address_bits(text, len);
	uint64_t prefix;

	if (strcmp(text, "any") == 0)
		return true;
	return bits > 0 &&
	    (text[len] == '\0' || str_to_u64(text + len + 1, bits, &prefix));
}

static bool
is_resolver(const char *text)
{
	size_t len = strlen(text);
	const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
	uint64_t port = 1;

	if (address_bits(text, len) > 0)
		return true;
	if (end)
		return address_bits(text + 1, (size_t)(end - text - 1)) ==
		    128 &&
		    end[1] == ':' && str_to_u64(end + 2, 65535, &port) &&
		    port > 0;
	len = strcspn(text, ":");
	return address_bits(text, len) == 32 && text[len] == ':' &&
	    str_to_u64(text + len + 1, 65535, &port) && port > 0;
}

static bool
is_port(const char *text)
{
	uint64_t port;

	return str_to_u64(text, 65535, &port) && port > 0;
}

/* A thumbprint (RFC 8555 8.1) is a SHA-256 as base64url. */
static bool
is_thumbprint(const char *text)
{
	const char *equals = strchr(text, '=');
	struct buf sum;
	bool good;

	if (equals == text || text[strcspn(text, BLANKS "/")] != '\0')
		return false;
	text = equals ? equals + 1 : text;
	buf_init(&sum, THUMBPRINT_BYTES);
	good = b64url_decode(&sum, text, strlen(text)) == 0 &&
	    sum.len == THUMBPRINT_BYTES;
	buf_release(&sum);
	return good;
}

static bool
is_grant(const char *item, struct err *e)
{
	const char *equals = strchr(item, '=');
	struct err why = {0};
	unsigned scopes;

	if (!equals || equals == item) {
		err_set(e, KIND_CONF, "must be USER=SCOPES, as www-data=read");
		return false;
	}
	if (scope_parse(equals + 1, &scopes, &why) == 0)
		return true;
	err_set(e, KIND_CONF, "%s", why.text);
	return false;
}

static bool
is_front(const char *choices, const char *item)
{
	const char *equals = strchr(item, '=');

	return equals && equals > item && is_choice(choices, equals + 1);
}

static int
check_item(const struct value_rule *r, const char *item, struct err *e)
{
	if (*item == '\0')
		return err_set(e, KIND_CONF, "has nothing between two commas");
	if (r->type == VALUE_RANGES && !is_range(item))
		return err_set(e, KIND_CONF,
		    "must be addresses or ranges ADDRESS/BITS, or any");
	if (r->type == VALUE_RESOLVERS && !is_resolver(item))
		return err_set(e, KIND_CONF,
		    "must be ADDRESS, ADDRESS:PORT or [IPV6]:PORT");
	if (r->type == VALUE_THUMBPRINTS && !is_thumbprint(item))
		return err_set(e, KIND_CONF,
		    "must be THUMBPRINT or HOST=THUMBPRINT, a SHA-256 in 43 "
		    "characters of base64url");
	if (r->type == VALUE_PORTS && !is_port(item))
		return err_set(e, KIND_CONF, "must be from 1 to 65535");
	if (r->type == VALUE_PATTERNS && !pattern_is(item))
		return err_set(
		    e, KIND_CONF, "must be a name, *. and a name, or *");
	if (r->type == VALUE_FRONTS && !is_front(r->choices, item))
		return err_set(e, KIND_CONF,
		    "must be USER=FIELD, of which the latter is one of: %s",
		    r->choices);
	if (r->type == VALUE_GRANTS && !is_grant(item, e))
		return -1;
	return check_text(r, item, e);
}

/* One past the last character of text[0..len) that is no blank. */
static size_t
trim(const char *text, size_t len)
{
	while (len > 0 && strchr(BLANKS, text[len - 1]))
		len--;
	return len;
}

static int
add_items(struct strv *field, const struct value_rule *r, const char *text,
    struct err *e)
{
	char *item;
	size_t len;
	int rc;

	while (*text != '\0') {
		text += strspn(text, BLANKS);
		len = strcspn(text, ",");
		item = xstrndup(text, trim(text, len));
		rc = check_item(r, item, e);
		if (rc == 0)
			strv_add(field, item);
		free(item);
		if (rc < 0)
			return -1;
		text += len;
		if (*text == ',' && *++text == '\0')
			return err_set(
			    e, KIND_CONF, "has nothing after the last comma");
	}
	return 0;
}

int
value_set(
    void *field, const struct value_rule *rule, const char *text, struct err *e)
{
	switch (rule->type) {
	case VALUE_BOOL:
		return set_bool(field, text, e);
	case VALUE_NUMBER:
		return set_number(field, rule, text, e);
	case VALUE_DURATION:
		return set_duration(field, rule, text, e);
	default:
		return value_is_list(rule->type)
		    ? add_items(field, rule, text, e)
		    : set_text(field, rule, text, e);
	}
}

uint16_t
value_resolver_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	bool is_bare_ipv6 = text[0] != '[' && strchr(text, ':') != colon;
	uint64_t port;

	if (!colon || is_bare_ipv6 || !str_to_u64(colon + 1, 65535, &port))
		return VALUE_DNS_PORT;
	return (uint16_t)port;
}

bool
value_equal(enum value_type type, const void *a, const void *b)
{
	if (type == VALUE_BOOL)
		return *(const bool *)a == *(const bool *)b;
	if (type == VALUE_NUMBER || type == VALUE_DURATION)
		return *(const int64_t *)a == *(const int64_t *)b;
	if (value_is_list(type))
		return strv_equal(a, b);
	return str_same(*(char *const *)a, *(char *const *)b);
}

static void
print_list(const char *key, const struct strv *list, struct buf *out)
{
	for (size_t i = 0; i < list->len; i++)
		buf_addf(out, "%s = %s\n", key, list->v[i]);
	if (list->len == 0)
		buf_addf(out, "%s =\n", key);
}

void
value_print(
    enum value_type type, const char *key, const void *field, struct buf *out)
{
	char duration[24];
	const char *text;

	switch (type) {
	case VALUE_BOOL:
		buf_addf(out, "%s = %s\n", key,
		    *(const bool *)field ? "true" : "false");
		break;
	case VALUE_NUMBER:
		buf_addf(
		    out, "%s = %" PRId64 "\n", key, *(const int64_t *)field);
		break;
	case VALUE_DURATION:
		format_duration(
		    duration, sizeof(duration), *(const int64_t *)field);
		buf_addf(out, "%s = %s\n", key, duration);
		break;
	default:
		if (value_is_list(type)) {
			print_list(key, field, out);
			break;
		}
		text = *(char *const *)field;
		buf_addf(
		    out, "%s =%s%s\n", key, text ? " " : "", text ? text : "");
	}
}

void
value_release(enum value_type type, void *field)
{
	if (type == VALUE_BOOL) {
		*(bool *)field = false;
	} else if (type == VALUE_NUMBER || type == VALUE_DURATION) {
		*(int64_t *)field = 0;
	} else if (value_is_list(type)) {
		strv_release(field);
	} else {
		free(*(char **)field);
		*(char **)field = NULL;
	}
}
