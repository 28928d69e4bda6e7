#include "import/directories.h"

#include "acme/ca_known.h"
#include "store/upstream_account.h"
#include "store/upstream_ca.h"

#include <ctype.h>

static void
add(struct directories *d, const char *url)
{
	if (*url && !strv_has(&d->urls, url))
		strv_add(&d->urls, url);
}

static int
add_ca(void *arg, const struct upstream_ca *ca, struct err *e)
{
	(void)e;
	add(arg, ca->directory_url);
	return 0;
}

static int
add_url(void *arg, const char *url, struct err *e)
{
	(void)e;
	add(arg, url);
	return 0;
}

int
directories_load(struct directories *d, struct store *st, struct err *e)
{
	for (size_t i = 0; i < ca_known_len; i++)
		add(d, ca_known[i].directory_url);
	return upstream_ca_each(st, add_ca, d, e) < 0
	    ? -1
	    : upstream_account_each_directory(st, add_url, d, e);
}

void
directories_release(struct directories *d)
{
	strv_release(&d->urls);
}

/* ---- comparing ----------------------------------------------------------- */

static const char *
behind_scheme(const char *url)
{
	const char *p = strstr(url, "://");

	return p ? p + 3 : url;
}

static bool
same_char(char a, char b)
{
	bool x = isalnum((unsigned char)a), y = isalnum((unsigned char)b);

	return x && y ? tolower((unsigned char)a) == tolower((unsigned char)b)
		      : x == y;
}

/* Letters and digits must agree, and something else be at the same places. */
static bool
same_spelling(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i;

	for (i = 0; i < a_len && i < b_len && same_char(a[i], b[i]); i++)
		;
	return i == a_len && i == b_len;
}

static bool
is_at(const char *url, const char *ca)
{
	const char *p = behind_scheme(url);
	size_t host = strcspn(p, "/"), len = strlen(ca);

	return same_spelling(p, host, ca, len) ||
	    same_spelling(p, strlen(p), ca, len);
}

static bool
same_host(const char *a, const char *b)
{
	const char *x = behind_scheme(a), *y = behind_scheme(b);

	return same_spelling(x, strcspn(x, "/"), y, strcspn(y, "/"));
}

static bool
begins_with(const char *account_url, const char *url)
{
	return account_url && str_starts(account_url, url) &&
	    account_url[strlen(url)] == '/';
}

const char *
directories_find(
    const struct directories *d, const char *ca, const char *account_url)
{
	const char *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i < d->urls.len; i++) {
		const char *url = d->urls.v[i];

		if (ca ? !is_at(url, ca)
		       : !account_url || !same_host(url, account_url))
			continue;
		if (begins_with(account_url, url))
			return url;
		found = url;
		n++;
	}
	if (d->given && (!ca || is_at(d->given, ca)))
		return n == 1 ? found : d->given;
	return n == 1 ? found : NULL;
}
