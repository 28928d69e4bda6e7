#include "store/acme_dns_account.h"

#include "store/domain.h"
#include "store/event.h"
#include "store/sealed.h"
#include "store/sealing_key.h"
#include "store/stmt.h"
#include "sys/clock.h"
#include "wrap/digest.h"
#include "wrap/seal.h"

#define PASSWORD_MAX ((size_t)1024)
#define SETTING "account_key_file"

enum {
	ACME_DNS_ACCOUNT_ADD,
	ACME_DNS_ACCOUNT_FIND,
	ACME_DNS_ACCOUNT_NEXT
};

static const char *const sql[] = {
    [ACME_DNS_ACCOUNT_ADD] =
	"INSERT INTO acme_dns_accounts (server_url, domain_id, fulldomain,"
	" subdomain, username, username_sha256, sealed, password, created)"
	" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
	" ON CONFLICT (domain_id, server_url) DO NOTHING",
    [ACME_DNS_ACCOUNT_FIND] =
	"SELECT a.fulldomain, a.subdomain, a.username, a.username_sha256,"
	" a.sealed, a.password FROM domains d"
	" JOIN acme_dns_accounts a ON a.domain_id = d.id"
	" WHERE d.value = ?1 AND a.server_url = ?2",
    [ACME_DNS_ACCOUNT_NEXT] =
	"SELECT a.id, a.server_url, d.value, a.fulldomain, a.subdomain,"
	" a.username FROM acme_dns_accounts a"
	" JOIN domains d ON d.id = a.domain_id"
	" WHERE a.id > ?1 ORDER BY a.id LIMIT 1",
};

const struct stmt_table acme_dns_account_stmts = {
    "acme_dns_account", sql, ARRAY_LEN(sql)};

void
acme_dns_account_release(struct acme_dns_account *a)
{
	if (!a)
		return;
	if (a->password)
		explicit_bzero(a->password, strlen(a->password));
	free(a->fulldomain);
	free(a->subdomain);
	free(a->username);
	free(a->password);
	*a = (struct acme_dns_account){0};
}

/* ---- adding -------------------------------------------------------------- */

struct addition {
	struct store *st;
	const char *server_url, *domain;
	const struct acme_dns_account *a;
	const struct sealed *password;
};

static int
add(void *arg, struct err *e)
{
	const struct addition *n = arg;
	const struct sealed *p = n->password;
	int64_t domain_id, rows;

	if (sealing_key_note(n->st, SETTING, p->is_sealed ? &p->der : NULL, e) <
		0 ||
	    domain_put(n->st, IDENTIFIER_DNS, n->domain, &domain_id, e) < 0)
		return -1;
	rows = stmt_run(n->st, STMT_ACME_DNS_ACCOUNT, ACME_DNS_ACCOUNT_ADD, e,
	    "titttbibi", n->server_url, domain_id, n->a->fulldomain,
	    n->a->subdomain, n->a->username, p->spki_sha256,
	    sizeof(p->spki_sha256), (int64_t)p->is_sealed, p->der.data,
	    p->der.len, clock_now());
	if (rows == 0)
		return err_set(e, KIND_CONFLICT,
		    "%s: has an account at that server", n->domain);
	return rows < 0 ? -1
			: event_add(n->st, "acme_dns_account.add", EVENT_DOMAIN,
			      domain_id, n->a->fulldomain, e);
}

/* As the private keys of accounts are, but bound to the name of the user. */
static int
seal_password(const struct acme_dns_account *a, const struct seal_key *key,
    struct sealed *out, struct err *e)
{
	size_t len = strlen(a->password);

	out->is_sealed = key != NULL;
	buf_init(&out->der, PASSWORD_MAX + SEAL_OVERHEAD);
	digest_sha256(out->spki_sha256, a->username, strlen(a->username));
	if (len > PASSWORD_MAX)
		return err_set(e, KIND_INPUT, "the password is too long");
	if (key)
		return seal(key, out->spki_sha256, sizeof(out->spki_sha256),
		    a->password, len, &out->der, e);
	return buf_add(&out->der, a->password, len);
}

int
acme_dns_account_add(struct store *st, const char *server_url,
    const char *domain, const struct acme_dns_account *a,
    const struct seal_key *seal_key, struct err *e)
{
	struct sealed password = {0};
	struct addition n = {.st = st,
	    .server_url = server_url,
	    .domain = domain,
	    .a = a,
	    .password = &password};
	int rc = seal_password(a, seal_key, &password, e);

	if (rc == 0)
		rc = db_transaction(st->db, DB_DURABLE, add, &n, e);
	sealed_release(&password);
	return rc;
}

/* ---- reading ------------------------------------------------------------- */

int
acme_dns_account_find(struct store *st, const char *server_url,
    const char *domain, const struct seal_key *seal_key,
    struct acme_dns_account *a, struct err *e)
{
	struct db_stmt *s = stmt_query(st, STMT_ACME_DNS_ACCOUNT,
	    ACME_DNS_ACCOUNT_FIND, e, "tt", domain, server_url);
	int rc = s ? db_step(s, e) : -1;
	struct sealed sealed;
	struct buf password;

	*a = (struct acme_dns_account){0};
	if (rc == 0)
		return err_set(
		    e, KIND_NOTFOUND, "%s: no account at that server", domain);
	if (rc < 0)
		return -1;
	a->fulldomain = stmt_text_dup(s, 0);
	a->subdomain = stmt_text_dup(s, 1);
	a->username = stmt_text_dup(s, 2);
	sealed_read(s, 3, &sealed);
	db_reset(s);
	buf_init(&password, PASSWORD_MAX);
	rc = sealed_open(&sealed, seal_key, SETTING, &password, e);
	if (rc == 0)
		a->password = xstrndup(password.data, password.len);
	buf_wipe(&password);
	sealed_release(&sealed);
	return rc;
}

/* The one after `*id`: 1 and the result of `fn`, 0 when there is none, -1. */
static int
show_next(struct store *st, int64_t *id,
    int (*fn)(void *arg, const char *server_url, const char *domain,
	const struct acme_dns_account *a, struct err *e),
    void *arg, struct err *e)
{
	struct db_stmt *s = stmt_query(
	    st, STMT_ACME_DNS_ACCOUNT, ACME_DNS_ACCOUNT_NEXT, e, "i", *id);
	int rc = s ? db_step(s, e) : -1;
	struct acme_dns_account a = {0};
	char *url, *domain;

	if (rc <= 0)
		return rc;
	*id = db_int(s, 0);
	url = stmt_text_dup(s, 1);
	domain = stmt_text_dup(s, 2);
	a.fulldomain = stmt_text_dup(s, 3);
	a.subdomain = stmt_text_dup(s, 4);
	a.username = stmt_text_dup(s, 5);
	db_reset(s);
	rc = fn(arg, url, domain, &a, e) < 0 ? -1 : 1;
	acme_dns_account_release(&a);
	free(url);
	free(domain);
	return rc;
}

int
acme_dns_account_each(struct store *st,
    int (*fn)(void *arg, const char *server_url, const char *domain,
	const struct acme_dns_account *a, struct err *e),
    void *arg, struct err *e)
{
	int64_t id = 0;
	int rc;

	while ((rc = show_next(st, &id, fn, arg, e)) > 0)
		continue;
	return rc;
}
