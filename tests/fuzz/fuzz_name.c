/*
 * Any text as an identifier.  What passes goes into DNS queries, URLs and
 * certificates, so it must be spelled in one way and be of one meaning.
 */
#include "acme/ident.h"
#include "store/identifier.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No resolver, browser or libc may take the name for an address. */
static void
check_dns(const char *name)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	struct addrinfo *ai;
	struct in_addr a;

	assert(strlen(name) > 0 && strlen(name) <= IDENT_DNS_MAX);
	if (ident_is_wildcard(name))
		name += 2;
	assert(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") ==
	    strlen(name));
	assert(!strstr(name, "..") && name[0] != '.');
	assert(name[strlen(name) - 1] != '.');
	assert(inet_aton(name, &a) == 0);
	assert(getaddrinfo(name, NULL, &hints, &ai) != 0);
}

static void
check_ip(const char *value)
{
	struct in6_addr six;
	struct in_addr four;
	char text[INET6_ADDRSTRLEN];
	bool is_six = inet_pton(AF_INET6, value, &six) == 1;

	assert(is_six || inet_pton(AF_INET, value, &four) == 1);
	inet_ntop(is_six ? AF_INET6 : AF_INET,
	    is_six ? (const void *)&six : &four, text, sizeof(text));
	assert(strcmp(text, value) == 0);
	assert(!is_six || !IN6_IS_ADDR_V4MAPPED(&six));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"dns", "ip"};
	char *text = xstrndup((const char *)data, size);

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct identifier id = {0}, again = {0};
		struct err e = {0};

		if (ident_parse(types[i], text, &id, &e) < 0) {
			assert(e.kind == KIND_INPUT && !id.value);
			continue;
		}
		if (id.type == IDENTIFIER_DNS)
			check_dns(id.value);
		else
			check_ip(id.value);
		assert(ident_parse(types[i], id.value, &again, &e) == 0);
		assert(strcmp(again.value, id.value) == 0);
		identifier_release(&id);
		identifier_release(&again);
	}
	free(text);
	return 0;
}
