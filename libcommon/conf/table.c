#include "conf/table.h"

#define DAY ((int64_t)86400)
#define YEAR (365 * DAY)
#define SOCKET_MAX 107 /* sun_path without its NUL */

static const char *const sections[] = {
    "store",
    "server",
    "policy",
    "validate",
    "signer",
    "local-ca",
    "log",
    "sandbox",
    "challenge",
    "client",
    "redis",
    "nginx",
    "admin",
};
_Static_assert(CONF_ALL == (1U << ARRAY_LEN(sections)) - 1, "a name per bit");

/* The field's offset; does not compile when the field is of another type. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in them */
#define AT(field, kind)                                                        \
	.offset = offsetof(struct conf, field) +                               \
	    0 *                                                                \
		sizeof(char[_Generic(                                          \
		    ((struct conf *)NULL)->field, kind : 1, default            \
		    : -1)])
/* NOLINTEND(bugprone-macro-parentheses) */
#define RULE(...) .rule = {__VA_ARGS__}

#define BOOL(f) RULE(.type = VALUE_BOOL), AT(f, bool)
#define NUMBER(f, least, most)                                                 \
	RULE(.type = VALUE_NUMBER, .min = (least), .max = (most)),             \
	    AT(f, int64_t)
#define DURATION(f, least, most)                                               \
	RULE(.type = VALUE_DURATION, .min = (least), .max = (most)),           \
	    AT(f, int64_t)
#define TEXT(f, most) RULE(.type = VALUE_TEXT, .max = (most)), AT(f, char *)
#define CHOICE(f, words)                                                       \
	RULE(.type = VALUE_CHOICE, .choices = (words)), AT(f, char *)
#define PATH(f) RULE(.type = VALUE_PATH), AT(f, char *)
#define SOCKET(f) RULE(.type = VALUE_PATH, .max = SOCKET_MAX), AT(f, char *)
#define TYPE(f, t) RULE(.type = (t)), AT(f, char *)
#define LIST(f, t) RULE(.type = (t)), AT(f, struct strv)

/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): `f` is a path of members */
/* What all have that answer HTTP on connections they are given. */
#define LISTENER(section, f, program) \
	{section, "user", TEXT(f.user, 32), \
	    .doc = "User that " program " becomes when started as root; " \
	    "empty: stays."}, \
	{section, "request_timeout", DURATION(f.request_timeout, 1, 600), .fallback = "10s", \
	    .doc = "Longest time for one request, from its first byte to its " \
	    "last, and as long again for the answer; but one second for the " \
	    "request while all workers are taken and others wait."}, \
	{section, "idle_timeout", DURATION(f.idle_timeout, 1, 3600), .fallback = "10s", \
	    .doc = "How long a connection may wait between two requests."}, \
	{section, "requests_per_connection", NUMBER(f.requests_per_connection, 1, 1000000), .fallback = "1000", \
	    .doc = "After that many requests a connection is closed."}, \
	{section, "workers", NUMBER(f.workers, 1, 1000), .fallback = "64", \
	    .doc = "Most processes that serve a listening socket together, a " \
	    "connection each."}, \
	{section, "requests_per_worker", NUMBER(f.requests_per_worker, 1, INT64_MAX), .fallback = "100000", \
	    .doc = "After that many requests such a process ends, with its " \
	    "connection, and another takes its place."}, \
	{section, "linger", DURATION(f.linger, 0, 365 * DAY), .fallback = "5m", \
	    .doc = "How long a listening socket is served after the last " \
	    "connection; 0s: until SIGTERM."}, \
	{section, "peer_from", TYPE(f.peer_from, VALUE_PEER), \
	    .fallback = "socket", \
	    .doc = "Who tells the client's address if it is not at the other " \
	    "end of the socket: socket (nobody), x-real-ip, proxy, env:NAME."}
/* NOLINTEND(bugprone-macro-parentheses) */

const struct table_key table_keys[] = {
	{CONF_STORE, "url", TYPE(store.url, VALUE_STORE),
	    .fallback = "/var/lib/acmed/acmed.sqlite",
	    .doc = "Where the store is: the path of an SQLite file, or the URL "
	    "of a PostgreSQL database (postgresql://...)."},
	{CONF_STORE, "directory", PATH(store.directory),
	    .fallback = "/var/lib/acmed",
	    .doc = "With PostgreSQL: the directory on this machine of what an "
	    "SQLite store has beside it (nonces, validate.lock)."},
	{CONF_STORE, "group", TEXT(store.group, 32),
	    .doc = "Group that the users of the programs share; acmed-store "
	    "init, run as root, gives it the store."},
	{CONF_STORE, "certificate_key_file", PATH(store.certificate_key_file),
	    .doc = "File with the key under which private keys of certificates "
	    "are sealed; empty: they are stored in the clear."},
	{CONF_STORE, "account_key_file", PATH(store.account_key_file),
	    .doc = "The same for the private keys of accounts at other CAs."},
	{CONF_STORE, "eab_key_file", PATH(store.eab_key_file),
	    .doc = "The same for the keys of external account binding, "
	    "acmed-eab."},

	{CONF_SERVER, "base_url", TYPE(server.base_url, VALUE_BASE_URL),
	    .required = true, .hint = "the URL that clients see in front of "
	    "/directory",
	    .doc = "What stands in front of /directory in the URL that clients "
	    "use; all URLs of the server begin with it."},
	{CONF_SERVER, "tls_certificate", PATH(server.tls_certificate),
	    .doc = "PEM chain for TLS in the process; empty: plain HTTP behind "
	    "a front that does TLS."},
	{CONF_SERVER, "tls_private_key", PATH(server.tls_private_key),
	    .doc = "PEM key that belongs to tls_certificate."},
	LISTENER(CONF_SERVER, server.listener, "acmed-accept"),
	{CONF_SERVER, "terms_of_service", TYPE(server.terms_of_service, VALUE_URL),
	    .doc = "URL of the terms; if set, new accounts must agree to "
	    "them."},
	{CONF_SERVER, "website", TYPE(server.website, VALUE_URL),
	    .doc = "URL of a page about this server, shown in the directory."},
	{CONF_SERVER, "caa_identities", LIST(server.caa_identities, VALUE_TEXTS),
	    .doc = "Host names that name this CA in CAA records, shown in the "
	    "directory."},
	{CONF_SERVER, "nonce_file", PATH(server.nonce_file),
	    .doc = "File that all processes share for nonces; empty: nonces "
	    "beside the store."},
	{CONF_SERVER, "nonce_window", NUMBER(server.nonce_window, 1024, 1 << 24), .fallback = "1048576",
	    .doc = "How many of the latest nonces are good."},
	{CONF_SERVER, "order_lifetime", DURATION(server.order_lifetime, 1, YEAR), .fallback = "7d",
	    .doc = "How long an order and its authorizations may stay "
	    "unfinished."},
	{CONF_SERVER, "max_identifiers", NUMBER(server.max_identifiers, 1, 100), .fallback = "100",
	    .doc = "Most names in one order."},
	{CONF_SERVER, "contacts_max", NUMBER(server.contacts_max, 0, 100),
	    .fallback = "10", .doc = "Most contacts of one account."},
	{CONF_SERVER, "external_account_binding", CHOICE(server.external_account_binding, "off optional required"), .fallback = "off",
	    .doc = "Whether new accounts must be bound to a key of acmed-eab: "
	    "off, what clients send of it is ignored; optional, it is "
	    "verified; required, nobody registers without."},
	{CONF_SERVER, "renewal_explanation_url", TYPE(server.renewal_explanation_url, VALUE_URL),
	    .doc = "URL of a page that says why certificates are to be renewed "
	    "early, shown with windows that are not the usual ones."},

	{CONF_POLICY, "allowed_server_ip_ranges", LIST(policy.allowed_server_ip_ranges, VALUE_RANGES), .required = true,
	    .hint = "absent is not \"no restriction\": list the ranges, or say "
	    "any",
	    .doc = "Addresses that validation may connect to, as ranges; any "
	    "lifts the restriction."},
	{CONF_POLICY, "exclude_server_ip_ranges", LIST(policy.exclude_server_ip_ranges, VALUE_RANGES),
	    .doc = "Addresses taken out of the allowed ones."},
	{CONF_POLICY, "verify_ptr", BOOL(policy.verify_ptr),
	    .fallback = "false",
	    .doc = "The address connected to must have a PTR record with the "
	    "name being validated."},
	{CONF_POLICY, "allow_wildcards", BOOL(policy.allow_wildcards),
	    .fallback = "false", .doc = "Orders may have names like *.example.org."},
	{CONF_POLICY, "allow_ip_identifiers", BOOL(policy.allow_ip_identifiers), .fallback = "false",
	    .doc = "Orders may have IP addresses (RFC 8738)."},
	{CONF_POLICY, "subject_name_template", CHOICE(policy.subject_name_template, "CN={SAN[0]}"),
	    .doc = "Subject of certificates: empty, or CN={SAN[0]} for the "
	    "first name."},
	{CONF_POLICY, "dns01_require_address", BOOL(policy.dns01_require_address), .fallback = "false",
	    .doc = "A name validated by dns-01 must have an address in the "
	    "allowed ranges too."},
	{CONF_POLICY, "key_blocklist_file", PATH(policy.key_blocklist_file),
	    .doc = "Keys that are refused: one SHA-256 of an SPKI in hex per "
	    "line."},

	{CONF_VALIDATE, "socket", SOCKET(validate.socket),
	    .fallback = "/run/acmed/validate.sock",
	    .doc = "Datagram socket that wakes acme-validate."},
	{CONF_VALIDATE, "resolver", LIST(validate.resolver, VALUE_RESOLVERS),
	    .doc = "DNS servers to ask; empty: those of /etc/resolv.conf."},
	{CONF_VALIDATE, "http_port", NUMBER(validate.http_port, 1, 65535),
	    .fallback = "80",
	    .doc = "Port for http-01; other than 80 for tests only (RFC 8555 "
	    "8.3)."},
	{CONF_VALIDATE, "tls_port", NUMBER(validate.tls_port, 1, 65535),
	    .fallback = "443",
	    .doc = "Port for tls-alpn-01; other than 443 for tests only (RFC "
	    "8737 3)."},
	{CONF_VALIDATE, "connect_timeout", DURATION(validate.connect_timeout, 1, 300), .fallback = "5s",
	    .doc = "Longest time to connect to one address."},
	{CONF_VALIDATE, "timeout", DURATION(validate.timeout, 1, 600),
	    .fallback = "20s", .doc = "Longest time for one attempt in all."},
	{CONF_VALIDATE, "attempts", NUMBER(validate.attempts, 1, 20),
	    .fallback = "3",
	    .doc = "Attempts before a challenge is invalid."},
	{CONF_VALIDATE, "retry_delay", DURATION(validate.retry_delay, 0, 3600), .fallback = "5s",
	    .doc = "Pause between two attempts."},
	{CONF_VALIDATE, "redirects", NUMBER(validate.redirects, 0, 10),
	    .fallback = "3", .doc = "Most redirects that http-01 follows."},
	{CONF_VALIDATE, "redirect_same_host", BOOL(validate.redirect_same_host), .fallback = "true",
	    .doc = "Redirects must stay on the same host name."},
	{CONF_VALIDATE, "concurrency", NUMBER(validate.concurrency, 1, 10000), .fallback = "200",
	    .doc = "Most validations at the same time."},
	{CONF_VALIDATE, "linger", DURATION(validate.linger, 0, 3600),
	    .fallback = "5s",
	    .doc = "How long a validator started by inetd waits for more work "
	    "before it ends."},
	{CONF_VALIDATE, "user", TEXT(validate.user, 32),
	    .doc = "User that acme-validate becomes when started as root; "
	    "empty: stays."},
	{CONF_VALIDATE, "user_agent", TEXT(validate.user_agent, 200),
	    .fallback = "acmed", .doc = "User-Agent of http-01 requests."},

	{CONF_SIGNER, "backend", CHOICE(signer.backend, "local"),
	    .fallback = "local",
	    .doc = "Who signs: local, the built-in CA of [local-ca]."},
	{CONF_SIGNER, "socket", SOCKET(signer.socket),
	    .fallback = "/run/acmed/sign.sock",
	    .doc = "Socket of the signing service, acme-sign serve."},
	{CONF_SIGNER, "timeout", DURATION(signer.timeout, 1, 600),
	    .fallback = "30s",
	    .doc = "How long finalize waits for the signer before the order "
	    "stays processing."},
	{CONF_SIGNER, "linger", DURATION(signer.linger, 0, 365 * DAY), .fallback = "5m",
	    .doc = "How long a signer that was given its socket stays without "
	    "a client before it ends; 0s: for ever."},
	{CONF_SIGNER, "client_user", TEXT(signer.client_user, 32),
	    .doc = "User who may have certificates signed by the service, "
	    "besides root and its own; empty: whoever reaches the socket."},
	{CONF_SIGNER, "user", TEXT(signer.user, 32),
	    .doc = "User that acme-sign becomes when started as root; empty: "
	    "stays."},

	{CONF_LOCAL_CA, "directory", PATH(local_ca.directory),
	    .fallback = "/var/lib/acmed-ca",
	    .doc = "Directory of the CA's certificates and keys."},
	{CONF_LOCAL_CA, "key_type", CHOICE(local_ca.key_type, "p256 p384 rsa2048 rsa3072 rsa4096"), .fallback = "p256",
	    .doc = "Kind of the CA's keys when acmed-store init makes them."},
	{CONF_LOCAL_CA, "name", TEXT(local_ca.name, 40),
	    .fallback = "acmed CA",
	    .doc = "Name of the CA; root and intermediate add a word of their "
	    "own."},
	{CONF_LOCAL_CA, "lifetime", DURATION(local_ca.lifetime, 1, 10 * YEAR), .fallback = "90d",
	    .doc = "Lifetime of the certificates that are issued."},
	{CONF_LOCAL_CA, "backdate", DURATION(local_ca.backdate, 0, 7 * DAY), .fallback = "1h",
	    .doc = "How far notBefore lies in the past, for clients whose "
	    "clock is late."},
	{CONF_LOCAL_CA, "ca_lifetime", DURATION(local_ca.ca_lifetime, DAY, 100 * YEAR), .fallback = "10y",
	    .doc = "Lifetime of the CA's own certificates."},
	{CONF_LOCAL_CA, "crl_file", PATH(local_ca.crl_file),
	    .doc = "Where acme-sign crl writes the CRL; empty: crl.der in "
	    "directory."},
	{CONF_LOCAL_CA, "crl_url", TYPE(local_ca.crl_url, VALUE_URL),
	    .doc = "URL of the CRL in certificates; empty: none."},
	{CONF_LOCAL_CA, "issuer_url", TYPE(local_ca.issuer_url, VALUE_URL),
	    .doc = "URL of the issuer's certificate in certificates; empty: "
	    "none."},
	{CONF_LOCAL_CA, "crl_lifetime", DURATION(local_ca.crl_lifetime, 3600, YEAR), .fallback = "7d",
	    .doc = "How long a CRL is good."},

	{CONF_LOG, "level", CHOICE(log.level, "debug info warn error"),
	    .fallback = "info", .doc = "Least level of events that are logged."},
	{CONF_LOG, "sink", CHOICE(log.sink, "stderr syslog"),
	    .fallback = "stderr",
	    .doc = "Where the log goes; syslog in any case when stderr is the "
	    "client's connection."},

	{CONF_SANDBOX, "landlock", CHOICE(sandbox.landlock, "on required off"),
	    .fallback = "on",
	    .doc = "Whether each program forbids itself what it does not need: "
	    "on, as far as the kernel can; required, or it does not start; "
	    "off."},

	LISTENER(CONF_CHALLENGE, challenge.listener, "acmed-challenge"),
	{CONF_CHALLENGE, "log_requests", BOOL(challenge.log_requests),
	    .fallback = "true",
	    .doc = "Who asked is kept in the store; false: the store is only "
	    "read."},
	{CONF_CHALLENGE, "thumbprints", LIST(challenge.thumbprints, VALUE_THUMBPRINTS),
	    .doc = "Without a store: accounts whose every token is answered, "
	    "THUMBPRINT for all hosts (at most one) or HOST=THUMBPRINT."},
	{CONF_CLIENT, "ca", TEXT(client.ca, 1000), .fallback = "letsencrypt",
	    .doc = "The CA that is meant when no other is named: a name, or "
	    "the https URL of a directory."},
	{CONF_CLIENT, "limits_file", PATH(client.limits_file), .fallback = "/etc/acmed/limits.conf",
	    .doc = "What CAs allow, so that what they would refuse is not "
	    "asked for; no such file: nothing is known."},
	{CONF_CLIENT, "targets_file", PATH(client.targets_file), .fallback = "/etc/acmed/targets.conf",
	    .doc = "Where certificates are deployed to; no such file: "
	    "nowhere."},
	{CONF_CLIENT, "tell_again", DURATION(client.tell_again, 0, YEAR), .fallback = "1d",
	    .doc = "How long after it was told of something that still fails "
	    "is told of again; 0s: never."},
	{CONF_CLIENT, "connect_timeout", DURATION(client.connect_timeout, 1, 300), .fallback = "10s",
	    .doc = "Longest time to connect to a CA."},
	{CONF_CLIENT, "timeout", DURATION(client.timeout, 1, 600), .fallback = "1m",
	    .doc = "Longest time for one request to a CA in all."},
	{CONF_CLIENT, "proxy", TYPE(client.proxy, VALUE_URL),
	    .doc = "HTTP proxy through which CAs are reached; empty: none."},
	{CONF_CLIENT, "acme_dns_trust", PATH(client.acme_dns_trust),
	    .doc = "Roots of acme-dns servers, PEM, instead of the machine's; "
	    "empty: those."},
	{CONF_CLIENT, "hook_jobs", NUMBER(client.hook_jobs, 1, 64), .fallback = "16",
	    .doc = "How many programs of one solver run at once; 1: one after "
	    "the other."},
	{CONF_CLIENT, "new_names_share", NUMBER(client.new_names_share, 1, 99),
	    .fallback = "50",
	    .doc = "Percent of a CA's limits for new names while renewals "
	    "wait, too; those have the rest."},
	{CONF_CLIENT, "precheck", CHOICE(client.precheck, "on dns-01 off"), .fallback = "on",
	    .doc = "Which challenges are looked at before a CA is told: on, "
	    "all; dns-01, only the records of that; off, none."},
	{CONF_CLIENT, "precheck_http_port", NUMBER(client.precheck_http_port, 1, 65535), .fallback = "80",
	    .doc = "Port where http-01 is looked at; other than 80 for tests "
	    "only."},
	{CONF_CLIENT, "precheck_tls_port", NUMBER(client.precheck_tls_port, 1, 65535), .fallback = "443",
	    .doc = "Port where tls-alpn-01 is looked at; other than 443 for "
	    "tests only."},
	{CONF_CLIENT, "resolver", LIST(client.resolver, VALUE_RESOLVERS),
	    .doc = "DNS servers that are asked about names before a CA is; "
	    "empty: those of /etc/resolv.conf."},
	{CONF_CLIENT, "user", TEXT(client.user, 32),
	    .doc = "User that programs which talk to CAs become when started "
	    "as root; empty: stays."},

	{CONF_REDIS, "url", TEXT(redis.url, 1000),
	    .doc = "The Redis that redis-prime fills: "
	    "redis://[USER@]HOST[:PORT][/DATABASE] or unix://PATH[?db=N]."},
	{CONF_REDIS, "cluster_ports", LIST(redis.cluster_ports, VALUE_PORTS),
	    .doc = "The other ports that masters of a Redis Cluster have, "
	    "which acmed-admin may connect to; that of url is one."},
	{CONF_REDIS, "prime_style", CHOICE(redis.prime_style, "1 2 auto-ssl resty-acme kong traefik"),
	    .doc = "What its gateways read: 1 or 2 of peter_sslers, or the "
	    "form of lua-resty-auto-ssl, lua-resty-acme, Kong, Traefik."},
	{CONF_REDIS, "password_file", PATH(redis.password_file),
	    .doc = "File with the password of the Redis; empty: none is asked "
	    "for."},
	{CONF_REDIS, "userpass_file", PATH(redis.userpass_file),
	    .doc = "The same with the user as well, USER:PASSWORD."},
	{CONF_REDIS, "prefix", TEXT(redis.prefix, 200),
	    .doc = "What gateways have been told to put in front of their keys "
	    "(of Traefik: the root); empty: nothing, or traefik.  Styles 1 "
	    "and 2 have none."},
	{CONF_REDIS, "readme_keys", BOOL(redis.readme_keys), .fallback = "false",
	    .doc = "Styles 1 and 2: also the keys that the README of "
	    "peter_sslers has, which its own gateway does not read."},
	{CONF_REDIS, "gateway_renews", BOOL(redis.gateway_renews), .fallback = "true",
	    .doc = "false: auto-ssl is told that certificates do not end, so "
	    "that it does not renew them by itself."},
	{CONF_REDIS, "connect_timeout", DURATION(redis.connect_timeout, 1, 300), .fallback = "5s",
	    .doc = "Longest time to connect to the Redis."},
	{CONF_REDIS, "timeout", DURATION(redis.timeout, 1, 600), .fallback = "30s",
	    .doc = "Longest time for one of its answers."},
	{CONF_REDIS, "timeout_certca", DURATION(redis.timeout_certca, 0, 10 * YEAR), .fallback = "0s",
	    .doc = "How long chains stay that are not primed again; 0s: for "
	    "ever."},
	{CONF_REDIS, "timeout_cert", DURATION(redis.timeout_cert, 0, 10 * YEAR), .fallback = "0s",
	    .doc = "The same for certificates."},
	{CONF_REDIS, "timeout_pkey", DURATION(redis.timeout_pkey, 0, 10 * YEAR), .fallback = "0s",
	    .doc = "The same for private keys."},
	{CONF_REDIS, "timeout_domain", DURATION(redis.timeout_domain, 0, 10 * YEAR), .fallback = "0s",
	    .doc = "The same for names, which never stay longer than what they "
	    "need."},

	{CONF_NGINX, "servers_pool", LIST(nginx.servers_pool, VALUE_TEXTS),
	    .doc = "The nginx servers whose caches nginx-expire clears: their "
	    "URLs, without a path."},
	{CONF_NGINX, "userpass_file", PATH(nginx.userpass_file),
	    .doc = "File with USER:PASSWORD for them; empty: none is asked "
	    "for."},
	{CONF_NGINX, "reset_path", TEXT(nginx.reset_path, 1000),
	    .fallback = "/.peter_sslers/nginx/shared_cache/expire",
	    .doc = "Where they clear their caches."},
	{CONF_NGINX, "status_path", TEXT(nginx.status_path, 1000),
	    .fallback = "/.peter_sslers/nginx/shared_cache/status",
	    .doc = "Where they say what is in them."},
	{CONF_NGINX, "ca_bundle", PATH(nginx.ca_bundle),
	    .doc = "PEM file with the roots that their certificates lead to; "
	    "empty: those of the machine."},
	{CONF_NGINX, "timeout", DURATION(nginx.timeout, 1, 600), .fallback = "10s",
	    .doc = "Longest time for all that one of them is asked."},
	LISTENER(CONF_ADMIN, admin.listener, "acmed-admin"),
	{CONF_ADMIN, "prefix", TYPE(admin.prefix, VALUE_PREFIX),
	    .fallback = "/.well-known/admin",
	    .doc = "What the path of every URL begins with; /: nothing."},
	{CONF_ADMIN, "users", LIST(admin.users, VALUE_GRANTS),
	    .doc = "Users of this machine who may come by a unix socket "
	    "without a token, USER=SCOPES (read, keys, write, order, with + "
	    "between them); root and the user of acmed-admin may do all."},
	{CONF_ADMIN, "fronts", RULE(.type = VALUE_FRONTS, .choices =
	    "client-cert x-ssl-client-cert"), AT(admin.fronts, struct strv),
	    .doc = "Users of this machine who come by a unix socket for others "
	    "and say which client certificate these have shown, USER=FIELD "
	    "(client-cert, x-ssl-client-cert): certificates are believed of "
	    "nobody else, and they may do nothing themselves."},
	{CONF_ADMIN, "work_socket", SOCKET(admin.work_socket),
	    .fallback = "/run/acmed-admin/work.sock",
	    .doc = "Socket of acmed-admin work, which starts other programs "
	    "for it."},
	{CONF_ADMIN, "autocert_allow", LIST(admin.autocert_allow, VALUE_PATTERNS),
	    .doc = "Names that autocert may order certificates for: "
	    "example.org is that name, *.example.org or .example.org all "
	    "below it, and * all there are; none: nothing is ordered."},
	{CONF_ADMIN, "autocert_again", DURATION(admin.autocert_again, 0, 30 * DAY), .fallback = "10m",
	    .doc = "How long after an attempt of autocert for a name there is "
	    "no other."},
	{CONF_ADMIN, "autocert_per_hour", NUMBER(admin.autocert_per_hour, 0, 1000000), .fallback = "20",
	    .doc = "Most attempts of autocert within an hour, for all names "
	    "together."},
	{CONF_ADMIN, "autocert_at_once", NUMBER(admin.autocert_at_once, 1, 1000), .fallback = "8",
	    .doc = "Most attempts of autocert that run at once; each has a "
	    "worker that waits, and so not more than half of workers."},
};
/* clang-format on */

const size_t table_keys_len = ARRAY_LEN(table_keys);
_Static_assert(ARRAY_LEN(table_keys) <= TABLE_MAX, "TABLE_MAX is too small");

const char *
table_section(unsigned section)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (section == 1U << i)
			return sections[i];
	return NULL;
}

unsigned
table_section_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(sections); i++)
		if (strcmp(name, sections[i]) == 0)
			return 1U << i;
	return 0;
}

const struct table_key *
table_find(unsigned section, const char *name)
{
	for (size_t i = 0; i < table_keys_len; i++)
		if (table_keys[i].section == section &&
		    strcmp(table_keys[i].name, name) == 0)
			return &table_keys[i];
	return NULL;
}
