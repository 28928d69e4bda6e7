#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The configuration: one file of sections and `key = value`, one struct per
 * section.  Names, types, defaults, limits and one line of documentation of
 * every key stand in one table (conf/table.c); a test compares acmed.conf(5)
 * with it.
 *
 * In all structs: durations are seconds; an absent text is NULL; an absent
 * list is empty.  Texts and lists belong to the struct conf.
 */

/* The sections; a program asks for those it needs, or-ed together. */
#define CONF_STORE (1U << 0)
#define CONF_SERVER (1U << 1)
#define CONF_POLICY (1U << 2)
#define CONF_VALIDATE (1U << 3)
#define CONF_SIGNER (1U << 4)
#define CONF_LOCAL_CA (1U << 5)
#define CONF_LOG (1U << 6)
#define CONF_SANDBOX (1U << 7)
#define CONF_CHALLENGE (1U << 8)
#define CONF_CLIENT (1U << 9)
#define CONF_REDIS (1U << 10)
#define CONF_NGINX (1U << 11)
#define CONF_ADMIN (1U << 12)
#define CONF_ALL ((1U << 13) - 1)

/*
 * Or-ed to them by a program that is also for who has no server: [server] and
 * [policy] need not be there, in a file that has neither, but is not empty.
 */
#define CONF_NO_SERVER (1U << 31)

#define CONF_DEFAULT_PATH "/etc/acmed/acmed.conf"

struct conf_store {
	char *url; /* an absolute path is an SQLite file */
	char *group;
	char *certificate_key_file;
	char *account_key_file;
	char *eab_key_file;
	char *directory; /* of a store that is no file of this machine */
};

/* Of each program that answers HTTP on connections it is given. */
struct conf_listener {
	char *user;
	int64_t request_timeout;
	int64_t idle_timeout;
	int64_t requests_per_connection;
	int64_t workers;
	int64_t requests_per_worker;
	int64_t linger;
	char *peer_from; /* NULL socket x-real-ip proxy env:NAME */
};

struct conf_server {
	char *base_url; /* required; no slash at the end */
	char *tls_certificate;
	char *tls_private_key; /* set if and only if tls_certificate is */
	struct conf_listener listener;
	char *terms_of_service;
	char *website;
	struct strv caa_identities;
	char *nonce_file; /* NULL: "nonces" in the directory of the store */
	int64_t nonce_window;
	int64_t order_lifetime;
	int64_t max_identifiers;
	int64_t contacts_max;
	char *external_account_binding; /* off optional required */
	char *renewal_explanation_url;
};

struct conf_policy {
	struct strv allowed_server_ip_ranges; /* required; "any" stands alone */
	struct strv exclude_server_ip_ranges;
	bool verify_ptr;
	bool allow_wildcards;
	bool allow_ip_identifiers;
	char *subject_name_template; /* NULL or "CN={SAN[0]}" */
	bool dns01_require_address;
	char *key_blocklist_file;
};

struct conf_validate {
	char *socket;
	struct strv resolver; /* ADDRESS, ADDRESS:PORT, [IPV6]:PORT */
	int64_t http_port;
	int64_t tls_port;
	int64_t connect_timeout;
	int64_t timeout;
	int64_t attempts;
	int64_t retry_delay;
	int64_t redirects;
	bool redirect_same_host;
	int64_t concurrency;
	int64_t linger;
	char *user;
	char *user_agent;
};

struct conf_signer {
	char *backend; /* "local" */
	char *socket;
	int64_t timeout;
	int64_t linger;
	char *user;
	char *client_user;
};

struct conf_local_ca {
	char *directory;
	char *key_type; /* p256 p384 rsa2048 rsa3072 rsa4096 */
	char *name;
	int64_t lifetime;
	int64_t backdate;
	int64_t ca_lifetime;
	char *crl_file; /* NULL: see conf_crl_file */
	char *crl_url;
	char *issuer_url;
	int64_t crl_lifetime;
};

struct conf_challenge {
	struct conf_listener listener;
	bool log_requests;
	struct strv thumbprints; /* THUMBPRINT or HOST=THUMBPRINT */
};

struct conf_log {
	char *level; /* debug info warn error */
	char *sink; /* stderr syslog */
};

struct conf_sandbox {
	char *landlock; /* on required off */
};

struct conf_client {
	char *ca; /* as ca_open takes it */
	char *limits_file;
	char *targets_file;
	int64_t tell_again;
	int64_t new_names_share;
	int64_t connect_timeout;
	int64_t timeout;
	char *proxy;
	char *acme_dns_trust; /* or NULL: the machine's roots */
	int64_t hook_jobs;
	char *user;
	char *precheck; /* on dns-01 off */
	int64_t precheck_http_port;
	int64_t precheck_tls_port;
	struct strv resolver; /* as in conf_validate */
};

struct conf_redis {
	char *url; /* as wrap/kv.h has it */
	struct strv cluster_ports;
	char *prime_style; /* a format of deploy/redis_format.h */
	char *password_file; /* or NULL; not both */
	char *userpass_file;
	char *prefix;
	bool readme_keys;
	bool gateway_renews;
	int64_t connect_timeout;
	int64_t timeout;
	int64_t timeout_certca; /* 0: never */
	int64_t timeout_cert;
	int64_t timeout_pkey;
	int64_t timeout_domain;
};

struct conf_nginx {
	struct strv servers_pool; /* URLs */
	char *userpass_file; /* or NULL */
	char *reset_path;
	char *status_path;
	char *ca_bundle; /* or NULL: the machine's roots */
	int64_t timeout;
};

struct conf_admin {
	struct conf_listener listener;
	char *prefix; /* of all paths, no slash at the end; or "/" */
	struct strv users; /* USER=SCOPES (conf/scope.h) */
	struct strv fronts; /* USER=FIELD (http/clientcert.h) */
	char *work_socket;
	struct strv autocert_allow; /* NAME, .NAME, *.NAME or * */
	int64_t autocert_again;
	int64_t autocert_per_hour;
	int64_t autocert_at_once;
};

struct conf {
	unsigned sections; /* which of them have been read, and are complete */
	unsigned there; /* which of all the file has */
	struct conf_store store;
	struct conf_server server;
	struct conf_policy policy;
	struct conf_validate validate;
	struct conf_signer signer;
	struct conf_local_ca local_ca;
	struct conf_log log;
	struct conf_sandbox sandbox;
	struct conf_challenge challenge;
	struct conf_client client;
	struct conf_redis redis;
	struct conf_nginx nginx;
	struct conf_admin admin;
};

/*
 * Reads the file at `path` ("-": standard input) into `c`, which need not be
 * initialised.  Only the sections asked for are read (the others keep their
 * zero bytes), so that a mistake in another program's section cannot stop this
 * one; but a section that nobody knows is an error, and so is a line that is
 * none. Everything wrong is KIND_CONF, its text `PATH:LINE: [section] key:
 * rule`: no file, a line that is too long or has no `=`, a key before any
 * section, an unknown key, a key that stands twice (unless it is a list), a
 * value outside its limits, a required key that is missing ([policy]
 * allowed_server_ip_ranges: absent never means "no restriction"), but see
 * CONF_NO_SERVER.
 * Returns 0, or -1 with `c` empty.
 */
int conf_load(
    struct conf *c, const char *path, unsigned sections, struct err *e);

/* As conf_load, from memory; `name` takes the place of the path in errors. */
int conf_parse(struct conf *c, const char *name, const char *text, size_t len,
    unsigned sections, struct err *e);

/*
 * Adds the effective configuration of those `sections` that have been read,
 * each key with its documentation above it, as a file that conf_parse reads
 * back to the same values.  There is no key whose value is a secret.
 * Returns 0, or -1 when `out` is full.
 */
int conf_print(const struct conf *c, unsigned sections, struct buf *out);

/* Whether two configurations have read the same sections to the same values. */
bool conf_equal(const struct conf *a, const struct conf *b);

/* The path of the CRL: crl_file, or crl.der beside the CA; the caller frees. */
char *conf_crl_file(const struct conf *c);

/* Frees what `c` holds and empties it.  NULL-safe. */
void conf_release(struct conf *c);

#endif
