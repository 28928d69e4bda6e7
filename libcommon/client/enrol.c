#include "client/enrol_part.h"

#include "acme/jwk.h"
#include "acme/jws.h"
#include "store/upstream_account.h"
#include "store/upstream_ca.h"
#include "wrap/js.h"

#define TEXT_MAX ((size_t)32 * 1024)

/* ---- payloads ------------------------------------------------------------ */

static int
write_payload(const struct js *payload, struct buf *out, struct err *e)
{
	return js_write(payload, out) < 0
	    ? err_set(e, KIND_INPUT, "the contacts are too long")
	    : 0;
}

/* The contacts in an account that the CA shows; false: it shows none. */
static bool
read_contacts(const struct js *account, struct strv *out)
{
	const struct js *contacts = js_get(account, "contact");

	js_texts(contacts, out);
	return js_type(contacts) == JS_ARRAY;
}

/* RFC 8555 7.3.4: the account's key, under the secret that the CA gave. */
static int
put_binding(struct js *payload, const struct key *key,
    const struct enrol_how *how, const char *url, struct err *e)
{
	const struct jws_make m = {.url = url, .kid = how->eab_key_id};
	struct buf jwk, text;
	struct js *jws = NULL;

	buf_init(&jwk, TEXT_MAX);
	buf_init(&text, TEXT_MAX);
	jwk_write(key, &jwk);
	if (jws_sign_secret(how->eab_secret->data, how->eab_secret->len, &m,
		jwk.data, &text, e) == 0)
		jws = js_parse(text.data, text.len, e);
	if (jws)
		js_put(payload, "externalAccountBinding", jws);
	buf_release(&jwk);
	buf_release(&text);
	return jws ? 0 : -1;
}

/* A newAccount, from its parts to its answer. */
struct registering {
	const struct enrol_how *how;
	const struct key *key;
	bool only_existing;
	/* the answer */
	char *url;
	struct strv contacts;
	bool has_contacts, existed;
};

static int
make_registration(void *arg, const char *url, struct buf *out, struct err *e)
{
	const struct registering *r = arg;
	struct js *payload = js_object();
	int rc = 0;

	if (r->only_existing)
		js_put_bool(payload, "onlyReturnExisting", true);
	if (!r->only_existing && r->how->agrees)
		js_put_bool(payload, "termsOfServiceAgreed", true);
	if (!r->only_existing && r->how->contacts && r->how->contacts->len > 0)
		js_put(payload, "contact", js_array_of(r->how->contacts));
	if (!r->only_existing && r->how->eab_key_id)
		rc = put_binding(payload, r->key, r->how, url, e);
	if (rc == 0)
		rc = write_payload(payload, out, e);
	js_free(payload);
	return rc;
}

static int
on_account(void *arg, const struct reply *reply, struct err *e)
{
	struct registering *r = arg;
	const char *status = js_get_text(reply->json, "status");

	if (!reply->location)
		return err_set(e, KIND_BUSY,
		    "newAccount: the CA does not say where the account is");
	if (status && strcmp(status, "valid") != 0)
		return err_set(e, KIND_DENIED,
		    "the account is there, but it is %s", status);
	r->url = xstrdup(reply->location);
	r->existed = reply->status == 200;
	r->has_contacts = read_contacts(reply->json, &r->contacts);
	return 0;
}

static void
registering_release(struct registering *r)
{
	free(r->url);
	strv_release(&r->contacts);
}

static int
ask_account(const struct enrol *x, struct registering *r, struct err *e)
{
	const struct signer signer = {.key = r->key};
	const struct request request = {.endpoint = ENDPOINT_NEW_ACCOUNT,
	    .signer = &signer,
	    .make_payload = make_registration,
	    .make_arg = r};

	return client_call(x->client, &request, on_account, r, e);
}

/* ---- what an account begins with ------------------------------------------
 */

/* What can be known before anything is sent. */
static int
check(const struct enrol *x, const struct enrol_how *how, struct err *e)
{
	const char *terms;

	if (client_directory(x->client, e) < 0)
		return -1;
	terms = client_terms(x->client);
	if (terms && !how->agrees)
		return err_set(e, KIND_DENIED,
		    "%s: read the terms at %s, and agree to them with "
		    "--agree-terms",
		    x->ca->name, terms);
	if (client_needs_binding(x->client) && !how->eab_key_id)
		return err_set(e, KIND_DENIED,
		    "%s binds accounts to those of its customers: get a key id "
		    "and a secret there, and give --eab-key-id and "
		    "--eab-secret-file",
		    x->ca->name);
	return 0;
}

static int
store_key(const struct enrol *x, const struct enrol_how *how,
    const struct key *key, int64_t *id, bool *created, struct err *e)
{
	const struct upstream_account_new new = {
	    .directory_url = x->ca->directory_url,
	    .contacts = how->contacts,
	    .source = "register",
	    .key = key};

	return upstream_account_add(x->st, &new, x->seal, id, created, e);
}

/*
 * An account that is on disk, with its key: the default, one whose registration
 * was cut short or is under way elsewhere, which the CA takes as one, or new.
 */
static int
begin_account(const struct enrol *x, const struct enrol_how *how, int64_t *id,
    bool *created, struct err *e)
{
	struct key *key = key_generate(how->type, how->bits, e);
	const struct upstream_account_new new = {
	    .directory_url = x->ca->directory_url,
	    .contacts = how->contacts,
	    .source = "register",
	    .key = key};
	int rc = key
	    ? upstream_account_begin(x->st, &new,
		  how->another || how->make_default, x->seal, id, created, e)
	    : -1;

	key_free(key);
	return rc;
}

/* The account is ours: kept with what was agreed, as the CA has it. */
static int
keep(const struct enrol *x, const struct enrol_how *how,
    const struct registering *r, int64_t id, struct err *e)
{
	const struct upstream_account_change to = {.url = r->url,
	    .contacts = r->has_contacts ? &r->contacts : NULL,
	    .terms_agreed = how->agrees ? client_terms(x->client) : NULL,
	    .eab_key_id = how->eab_key_id,
	    .certificate_key_type = how->certificate_key_type,
	    .certificate_key_cycle = how->certificate_key_cycle,
	    .make_default = how->make_default,
	    .make_default_if_none = true,
	    .action = "register"};

	return upstream_account_change(x->st, id, &to, e);
}

int
enrol_find(const struct enrol *x, const struct enrol_how *how, int64_t *id,
    struct err *e)
{
	struct registering r = {
	    .how = how, .key = how->key, .only_existing = true};
	bool created;
	int rc = ask_account(x, &r, e);

	if (rc < 0 && client_cause(x->client) == CAUSE_GONE)
		e->kind = KIND_NOTFOUND;
	if (rc == 0)
		rc = store_key(x, how, how->key, id, &created, e);
	if (rc == 0)
		rc = keep(x, how, &r, *id, e);
	registering_release(&r);
	return rc;
}

/* ---- accounts that are there --------------------------------------------- */

static int
call_account(const struct enrol *x, const struct upstream_account *a,
    const struct key *key, const char *payload,
    int (*fn)(void *arg, const struct reply *reply, struct err *e), void *arg,
    struct err *e)
{
	const struct signer signer = {
	    .key = key, .url = a->url, .upstream_account_id = a->id};
	const struct request r = {.endpoint = ENDPOINT_ACCOUNT,
	    .url = a->url,
	    .signer = &signer,
	    .payload = payload};

	return client_call(x->client, &r, fn, arg, e);
}

int
enrol_works(const struct enrol *x, const struct upstream_account *a,
    const struct key *key, struct err *e)
{
	struct err why = {0};

	if (call_account(x, a, key, NULL, NULL, NULL, &why) == 0)
		return 1;
	/* New terms are no word on the key. */
	if ((why.kind == KIND_DENIED || why.kind == KIND_NOTFOUND) &&
	    client_cause(x->client) != CAUSE_TERMS)
		return 0;
	*e = why;
	return -1;
}

int
enrol_settle(const struct enrol *x, const struct upstream_account *a,
    bool *rolled, struct err *e)
{
	struct upstream_account now = {0};
	struct key *next = upstream_account_next_key(x->st, a->id, x->seal, e);
	int rc = next ? upstream_account_by_id(x->st, a->id, &now, e) : -1;

	if (rc == 0)
		rc = enrol_works(x, a, next, e);
	if (!next && err_forgive(e, KIND_NOTFOUND) == 0) {
		rc = 1; /* another process has brought it to its end */
	} else if (rc > 0 &&
	    enrol_rolled(x, a->id, now.spki_sha256, next, e) < 0) {
		rc = -1;
	}
	*rolled = rc > 0;
	upstream_account_release(&now);
	key_free(next);
	return rc < 0 ? -1 : 0;
}

static int
check_usable(
    const struct enrol *x, const struct upstream_account *a, struct err *e)
{
	if (a->status != UPSTREAM_ACCOUNT_VALID)
		return err_set(e, KIND_CONFLICT,
		    "upstream account %lld is deactivated", (long long)a->id);
	if (!a->url)
		return err_set(e, KIND_CONFLICT,
		    "upstream account %lld has no URL yet; go on with "
		    "acme-account register or find",
		    (long long)a->id);
	return a->directory_url[0] == '\0' ||
		strcmp(a->directory_url, x->ca->directory_url) == 0
	    ? 0
	    : err_set(e, KIND_CONFLICT,
		  "upstream account %lld is not one at %s", (long long)a->id,
		  x->ca->name);
}

int
enrol_load(const struct enrol *x, int64_t id, struct upstream_account *a,
    struct err *e)
{
	if (upstream_account_by_id(x->st, id, a, e) < 0)
		return -1;
	if (check_usable(x, a, e) == 0)
		return 0;
	upstream_account_release(a);
	return -1;
}

struct key *
enrol_open(const struct enrol *x, int64_t id, struct upstream_account *a,
    struct signer *signer, struct err *e)
{
	struct key *key = NULL;
	bool rolled;
	int rc = enrol_load(x, id, a, e);

	if (rc < 0)
		return NULL;
	if (a->is_rolling)
		rc = enrol_settle(x, a, &rolled, e);
	if (rc == 0)
		key = upstream_account_key(x->st, id, x->seal, e);
	if (!key) {
		upstream_account_release(a);
		return NULL;
	}
	*signer = (struct signer){
	    .key = key, .url = a->url, .upstream_account_id = id};
	return key;
}

struct showing {
	int (*fn)(void *arg, const struct js *account, struct err *e);
	void *arg;
	struct strv contacts;
	bool has_contacts;
};

static int
on_show(void *arg, const struct reply *reply, struct err *e)
{
	struct showing *s = arg;

	s->has_contacts = read_contacts(reply->json, &s->contacts);
	return s->fn ? s->fn(s->arg, reply->json, e) : 0;
}

/* What to do about an account that the CA does not take. */
static void
advise(const struct enrol *x, struct err *e)
{
	struct err why = *e;

	if (client_cause(x->client) != CAUSE_ACCOUNT)
		return;
	err_clear(e);
	err_set(
	    e, why.kind, "%.400s; %s", why.text, cause_advice(CAUSE_ACCOUNT));
}

/*
 * A request about the account itself, whose answer is kept with `more`.  Where
 * an account is that came from elsewhere is known once it answers.
 */
static int
exchange(const struct enrol *x, int64_t id, const char *payload,
    struct showing *s, const struct upstream_account_change *more,
    struct err *e)
{
	struct upstream_account_change to = *more;
	struct upstream_account a;
	struct signer signer;
	struct key *key = enrol_open(x, id, &a, &signer, e);
	int rc;

	if (!key)
		return -1;
	to.directory_url = x->ca->directory_url;
	rc = call_account(x, &a, key, payload, on_show, s, e);
	if (rc < 0)
		advise(x, e);
	if (rc == 0 && s->has_contacts)
		to.contacts = &s->contacts;
	if (rc == 0)
		rc = upstream_account_change(x->st, id, &to, e);
	strv_release(&s->contacts);
	upstream_account_release(&a);
	key_free(key);
	return rc;
}

int
enrol_show(const struct enrol *x, int64_t id,
    int (*fn)(void *arg, const struct js *account, struct err *e), void *arg,
    struct err *e)
{
	const struct upstream_account_change more = {.action = "show"};
	struct showing s = {.fn = fn, .arg = arg};

	return exchange(x, id, NULL, &s, &more, e);
}

int
enrol_update(const struct enrol *x, int64_t id, const struct enrol_how *how,
    struct err *e)
{
	struct upstream_account_change more = {.contacts = how->contacts,
	    .certificate_key_type = how->certificate_key_type,
	    .certificate_key_cycle = how->certificate_key_cycle,
	    .action = "update"};
	struct showing s = {0};
	struct js *payload = js_object();
	struct buf text;
	int rc = client_directory(x->client, e);

	buf_init(&text, TEXT_MAX);
	if (how->contacts)
		js_put(payload, "contact", js_array_of(how->contacts));
	if (how->agrees) {
		js_put_bool(payload, "termsOfServiceAgreed", true);
		more.terms_agreed = client_terms(x->client);
	}
	if (rc == 0)
		rc = write_payload(payload, &text, e);
	if (rc == 0)
		rc = exchange(x, id, text.data, &s, &more, e);
	js_free(payload);
	buf_release(&text);
	return rc;
}

/* The answer of before may have been lost: every CA says so in these words. */
static bool
is_deactivated(const struct enrol *x, const struct err *e)
{
	return client_cause(x->client) == CAUSE_ACCOUNT &&
	    strstr(e->text, "deactivated") != NULL;
}

int
enrol_deactivate(const struct enrol *x, int64_t id, struct err *e)
{
	const struct upstream_account_change more = {
	    .deactivate = true, .action = "deactivate"};
	struct showing s = {0};
	int rc = exchange(x, id, "{\"status\":\"deactivated\"}", &s, &more, e);

	if (rc == 0 || !is_deactivated(x, e))
		return rc;
	err_clear(e);
	return upstream_account_change(x->st, id, &more, e);
}

/* ---- registering --------------------------------------------------------- */

/* What is refused, or not sent, leaves nothing behind. */
static void
drop(const struct enrol *x, int64_t id, const struct err *why)
{
	struct err ignored = {0};

	if (why->kind == KIND_DENIED || why->kind == KIND_INPUT)
		upstream_account_drop(x->st, id, &ignored);
}

/* The CA has it, whatever another process that was refused has dropped. */
static int
keep_registered(const struct enrol *x, const struct enrol_how *how,
    const struct registering *r, int64_t *id, struct err *e)
{
	bool created;
	int rc = keep(x, how, r, *id, e);

	if (rc == 0 || err_forgive(e, KIND_NOTFOUND) < 0)
		return rc;
	rc = store_key(x, how, r->key, id, &created, e);
	return rc == 0 ? keep(x, how, r, *id, e) : -1;
}

static int
register_key(const struct enrol *x, const struct enrol_how *how,
    const struct key *key, bool may_drop, int64_t *id, bool *existed,
    struct err *e)
{
	struct registering r = {.how = how, .key = key};
	int rc = ask_account(x, &r, e);

	if (rc == 0)
		rc = keep_registered(x, how, &r, id, e);
	else if (may_drop)
		drop(x, *id, e);
	*existed = r.existed;
	registering_release(&r);
	return rc;
}

static int
differs(const struct enrol *x, const struct upstream_account *a,
    const char *what, struct err *e)
{
	return err_set(e, KIND_CONFLICT,
	    "upstream account %lld is the default at %s, with another %s; "
	    "--another makes one beside it, --default one in its place",
	    (long long)a->id, x->ca->name, what);
}

/* The account that is there has to be as the one that is wanted. */
static int
check_same(const struct enrol *x, const struct upstream_account *a,
    const struct enrol_how *how, struct err *e)
{
	struct strv contacts = {0};
	bool same = true;

	upstream_account_contacts(a, &contacts);
	for (size_t i = 0; how->contacts && i < how->contacts->len; i++)
		same = same && strv_has(&contacts, how->contacts->v[i]);
	if (how->contacts && how->contacts->len != contacts.len)
		same = false;
	strv_release(&contacts);
	if (!same)
		return differs(x, a, "contact", e);
	if (how->type_name && strcmp(how->type_name, a->type) != 0)
		return differs(x, a, "type of key", e);
	if (how->eab_key_id &&
	    (!a->eab_key_id || strcmp(how->eab_key_id, a->eab_key_id) != 0))
		return differs(x, a, "key id", e);
	return 0;
}

/* One that is there already, if the CA has it, too. */
static int
take_over(const struct enrol *x, const struct enrol_how *how, int64_t id,
    struct err *e)
{
	const struct upstream_account_change more = {
	    .certificate_key_type = how->certificate_key_type,
	    .certificate_key_cycle = how->certificate_key_cycle,
	    .action = "register"};
	struct upstream_account a;
	struct showing s = {0};
	int rc = upstream_account_by_id(x->st, id, &a, e);

	if (rc < 0)
		return -1;
	rc = check_same(x, &a, how, e);
	upstream_account_release(&a);
	return rc == 0 ? exchange(x, id, NULL, &s, &more, e) : -1;
}

/* Of a key that nobody has given. */
static int
register_new(const struct enrol *x, const struct enrol_how *how, int64_t *id,
    bool *existed, struct err *e)
{
	struct upstream_account a;
	struct key *key;
	bool created;
	int rc = begin_account(x, how, id, &created, e);

	if (rc < 0 || upstream_account_by_id(x->st, *id, &a, e) < 0)
		return -1;
	*existed = a.url != NULL;
	upstream_account_release(&a);
	if (*existed)
		return take_over(x, how, *id, e);
	key = upstream_account_key(x->st, *id, x->seal, e);
	rc = key ? register_key(x, how, key, true, id, existed, e) : -1;
	key_free(key);
	return rc;
}

/* Whether there is a default account, and no other is wanted. */
static int
find_default(const struct enrol *x, const struct enrol_how *how, int64_t *id,
    struct err *e)
{
	struct upstream_account a;

	if (how->key || how->another || how->make_default)
		return 0;
	if (upstream_account_default(x->st, x->ca->directory_url, &a, e) < 0)
		return err_forgive(e, KIND_NOTFOUND);
	*id = a.id;
	upstream_account_release(&a);
	return 1;
}

int
enrol_register(const struct enrol *x, const struct enrol_how *how, int64_t *id,
    bool *existed, struct err *e)
{
	bool created = false;
	int rc = find_default(x, how, id, e);

	*existed = rc > 0;
	if (rc != 0)
		return rc < 0 ? -1 : take_over(x, how, *id, e);
	if (check(x, how, e) < 0)
		return -1;
	if (!how->key)
		return register_new(x, how, id, existed, e);
	rc = store_key(x, how, how->key, id, &created, e);
	return rc == 0 ? register_key(x, how, how->key, created, id, existed, e)
		       : -1;
}
