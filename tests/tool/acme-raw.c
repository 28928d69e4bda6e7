/*
 * acme-raw: an ACME client that does what it is told, right or wrong.
 *
 * For tests of a server from outside; nothing of it is the server's own.
 *
 *	acme-raw key TYPE FILE		p256 p384 p521 ed25519 rsa:BITS
 *	acme-raw jwk FILE		the public key as JSON
 *	acme-raw thumbprint FILE	RFC 7638
 *	acme-raw b64 <FILE		base64url of stdin
 *	acme-raw init [OPTION...]	empties the state; --server URL, and
 *					--ca FILE or --exec COMMAND
 *	acme-raw request [OPTION...] URL
 *	acme-raw jws [OPTION...] URL	prints what request would send
 *	acme-raw get PATH...		a.b.0 of the last body; 1 if absent
 *	acme-raw keys [PATH]		its members' names, sorted
 *	acme-raw header NAME		the values of that field, one per line
 *
 * State is a folder, -d DIR or $ACME_STATE: server, ca, exec, directory; key
 * (made by you), account (the URL, kept after newAccount), nonce; and of the
 * last request: used (its nonce), sent, status, headers, body; log (stderr of
 * the commands run).  request prints "STATUS TYPE", the type without
 * its URN prefix, "-" if the body is no problem document.
 *
 * URL is absolute, or @newOrder (a member of the directory), or @account.  With
 * --exec a command such as "acmed-accept -c FILE" is run for each request
 * with a unix socket as its descriptors 0 and 1, and spoken to without TLS.
 *
 *	acme-raw init --server https://localhost:14000/directory --ca ca.pem
 *	acme-raw key p256 "$ACME_STATE/key"
 *	acme-raw request --payload '{}' @newAccount
 *	acme-raw request --payload '{"identifiers":[]}' @newOrder
 *	acme-raw request -D nonce @account
 *	acme-raw request -P nonce="$(cat "$ACME_STATE/used")" @account
 *
 * What is sent (a request signs by the account's URL, newAccount by the key):
 *	-k FILE			the key that signs, instead of the state's
 *	--jwk, --kid URL	name the signer so
 *	-P NAME=TEXT		protected member, a string
 *	-J NAME=JSON		protected member, any value
 *	-D NAME			leave that protected member out
 *	--protected TEXT	the whole protected header, as it is
 *	--protected-tail TEXT	put before its last brace
 *	--payload TEXT		default: empty, POST-as-GET
 *	--sent-payload TEXT	another one put in after signing
 *	--spoil HOW		the signature: flip zero zero-r zero-s short
 *				long der none
 *	--pad WHAT		padded base64 in: protected payload signature
 *	--b64 WHAT=TEXT		that member's text, as it is
 *	--drop WHAT		leave that member of the envelope out
 *	--tail TEXT		put before the envelope's last brace
 *	--form FORM		flat, compact or general
 *	--body TEXT		no JWS, but this
 *	--after TEXT		put after the body
 *	-X METHOD		default: POST; only that and PUT send a JWS
 *	--type TYPE		Content-Type; "" for none
 *	-H FIELD		a header field
 */

#include "jose.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>

#define URN "urn:ietf:params:acme:error:"
#define PARTS 3

static const char *const part_names[PARTS] = {
    "protected", "payload", "signature"};

static struct options {
	const char *state, *server, *ca, *exec, *key, *kid;
	const char *protected, *protected_tail, *payload, *sent_payload;
	const char *spoil, *tail, *form, *body, *after, *method, *type;
	const char *b64[PARTS];
	bool pad[PARTS], drop[PARTS], jwk;
	json_t *set, *unset;
	struct curl_slist *fields;
} opt;

/* ---- text, files */

static struct bytes
read_all(int fd)
{
	struct bytes b = {NULL, 0};
	ssize_t n;

	do {
		b.p = realloc(b.p, b.len + 65537);
		if (b.p == NULL)
			err(DEAD, NULL);
		n = read(fd, b.p + b.len, 65536);
		if (n < 0)
			err(DEAD, "read");
		b.len += (size_t)n;
	} while (n > 0);
	b.p[b.len] = '\0';
	return b;
}

static char *
state_path(const char *name)
{
	if (opt.state == NULL)
		errx(DEAD, "no state folder: -d DIR or ACME_STATE");
	return join(opt.state, "/", name);
}

/* The file's text, or NULL if there is none. */
static char *
state_read(const char *name)
{
	char *path = state_path(name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct bytes b;

	if (fd < 0)
		return NULL;
	b = read_all(fd);
	close(fd);
	return (char *)b.p;
}

/* Writes the file, or removes it if there is no text. */
static void
state_write(const char *name, const char *text)
{
	char *path = state_path(name);
	FILE *f;

	if (text == NULL) {
		unlink(path);
	} else {
		f = fopen(path, "we");
		if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
			err(DEAD, "%s", path);
	}
}

/* ---- the envelope */

/* The text with `tail` before its last brace. */
static char *
with_tail(char *text, const char *tail)
{
	if (tail == NULL)
		return text;
	text[strlen(text) - 1] = '\0';
	return join(text, tail, "}");
}

static char *
protected_text(EVP_PKEY *key, const char *url, const char *nonce)
{
	json_t *header;
	size_t i;

	if (opt.protected != NULL)
		return strdup(opt.protected);
	header = json_pack("{s:s}", "alg", key_alg(key));
	if (opt.jwk)
		json_object_set_new(header, "jwk", key_jwk(key));
	else
		json_object_set_new(header, "kid", json_string(opt.kid));
	if (nonce != NULL)
		json_object_set_new(header, "nonce", json_string(nonce));
	json_object_set_new(header, "url", json_string(url));
	json_object_update(header, opt.set);
	for (i = 0; i < json_array_size(opt.unset); i++)
		json_object_del(
		    header, json_string_value(json_array_get(opt.unset, i)));
	return with_tail(json_dumps(header, JSON_COMPACT), opt.protected_tail);
}

static char *
envelope(char *const part[PARTS])
{
	json_t *body = json_object();
	const char *form = opt.form == NULL ? "flat" : opt.form;
	int i;

	if (strcmp(form, "compact") == 0)
		return join(join(part[0], ".", part[1]), ".", part[2]);
	for (i = 0; i < PARTS; i++)
		if (!opt.drop[i])
			json_object_set_new(
			    body, part_names[i], json_string(part[i]));
	if (strcmp(form, "general") == 0)
		body = json_pack("{s:s,s:[{s:s,s:s}]}", "payload", part[1],
		    "signatures", "protected", part[0], "signature", part[2]);
	return with_tail(json_dumps(body, JSON_COMPACT), opt.tail);
}

/* What goes over the wire for this URL; the nonce may be NULL. */
static char *
jws(const char *url, const char *nonce)
{
	EVP_PKEY *key = key_load(opt.key);
	const char *payload = opt.payload == NULL ? "" : opt.payload;
	char *header = protected_text(key, url, nonce);
	char *part[PARTS];
	struct bytes sig;
	int i;

	while (opt.pad[0] && strlen(header) % 3 == 0)
		header = join(header, " ", ""); /* else there is no padding */
	part[0] = base64url(header, strlen(header), opt.pad[0]);
	part[1] = base64url(payload, strlen(payload), opt.pad[1]);
	for (i = 0; i < 2; i++)
		if (opt.b64[i] != NULL)
			part[i] = strdup(opt.b64[i]);
	sig = signature(key, join(part[0], ".", part[1]), opt.spoil);
	spoil(&sig, opt.spoil);
	part[2] = opt.b64[2] != NULL ? strdup(opt.b64[2])
				     : base64url(sig.p, sig.len, opt.pad[2]);
	if (opt.sent_payload != NULL)
		part[1] = base64url(
		    opt.sent_payload, strlen(opt.sent_payload), false);
	return envelope(part);
}

/* ---- HTTP */

static pid_t child = -1;
static long http_status;

/* Runs the command with one connection to that abstract unix socket. */
static void
spawn(const char *command, const char *name)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	memcpy(sun.sun_path + 1, name, strlen(name));
	if (bind(listener, (struct sockaddr *)&sun,
		(socklen_t)(sizeof(sa_family_t) + 1 + strlen(name))) < 0 ||
	    listen(listener, 1) < 0)
		err(DEAD, "socket %s", name);
	child = fork();
	if (child == 0) {
		fd = open(
		    state_path("log"), O_WRONLY | O_APPEND | O_CREAT, 0644);
		dup2(fd, 2);
		close(fd);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		dup2(fd, 0);
		dup2(fd, 1);
		execl("/bin/sh", "sh", "-c", join("exec ", command, ""),
		    (char *)NULL);
		_exit(127);
	}
	close(listener);
}

/* A command that died is a failure, whatever it had answered. */
static void
reap(void)
{
	int status;

	if (child < 0)
		return;
	if (waitpid(child, &status, 0) < 0)
		err(DEAD, "waitpid");
	child = -1;
	if (WIFSIGNALED(status))
		errx(DEAD, "the server died of signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == 127 || WEXITSTATUS(status) == 99)
		errx(DEAD, "the server exited %d", WEXITSTATUS(status));
}

static void
target(CURL *curl, const char *url, struct curl_slist **fields)
{
	char *command = state_read("exec");
	const char *rest = strstr(url, "://");
	int host = rest == NULL ? 0 : (int)strcspn(rest + 3, "/?#");
	char field[256], name[32];

	if (command == NULL) {
		curl_easy_setopt(curl, CURLOPT_URL, url);
		return;
	}
	if (rest == NULL)
		errx(DEAD, "%s: no absolute URL", url);
	snprintf(field, sizeof(field), "Host: %.*s", host, rest + 3);
	*fields = curl_slist_append(*fields, field);
	curl_easy_setopt(
	    curl, CURLOPT_URL, join("http://127.0.0.1", rest + 3 + host, ""));
	/* curl 7.88 calls connect(2) even on a socket said to be connected. */
	snprintf(name, sizeof(name), "acme-raw-%d", (int)getpid());
	spawn(command, name);
	curl_easy_setopt(curl, CURLOPT_ABSTRACT_UNIX_SOCKET, name);
}

/* One request; the answer is in the state's files. */
static void
http(const char *method, const char *url, const char *body)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *fields = curl_slist_append(opt.fields, "Expect:");
	char *path = state_path("headers"), *to = state_path("body");
	char *ca = state_read("ca");
	FILE *head = fopen(path, "we"), *out = fopen(to, "we");
	CURLcode rc;

	if (head == NULL || out == NULL)
		err(DEAD, "%s", path);
	target(curl, url, &fields);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_NOBODY, (long)!strcmp(method, "HEAD"));
	if (body != NULL) {
		fields = curl_slist_append(
		    fields, join("Content-Type: ", opt.type, ""));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, head);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
	rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
	curl_easy_cleanup(curl); /* the connection, too */
	if (fclose(head) != 0 || fclose(out) != 0)
		err(DEAD, "%s", path);
	reap();
	if (rc != CURLE_OK)
		errx(DEAD, "%s: %s", url, curl_easy_strerror(rc));
}

/* Value of the last field of that name, or NULL; `print` prints them all. */
static char *
header_get(const char *name, bool print)
{
	char *all = state_read("headers"), *line, *rest = all, *found = NULL;
	size_t len = strlen(name);

	while ((line = strsep(&rest, "\n")) != NULL) {
		line[strcspn(line, "\r")] = '\0';
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		free(found);
		found = strdup(line + len + 1 + strspn(line + len + 1, " "));
		if (print)
			puts(found);
	}
	return found;
}

/* ---- the state's objects */

static json_t *
body_at(const char *path, const char *file)
{
	char *text = state_read(file), *copy = strdup(path), *rest = copy;
	char *step;
	json_t *at = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	while (at != NULL && (step = strsep(&rest, ".")) != NULL)
		if (*step != '\0')
			at = json_is_array(at)
			    ? json_array_get(at, strtoul(step, NULL, 10))
			    : json_object_get(at, step);
	return at;
}

static const char *
resolve(const char *name)
{
	const char *url;
	char *server;

	if (name[0] != '@')
		return name;
	if (strcmp(name, "@account") == 0) {
		url = state_read("account");
	} else {
		if (body_at("", "directory") == NULL) {
			server = state_read("server");
			if (server == NULL)
				errx(DEAD, "no server: acme-raw init");
			http("GET", server, NULL);
			state_write("directory", state_read("body"));
		}
		url = json_string_value(body_at(name + 1, "directory"));
	}
	if (url == NULL)
		errx(DEAD, "%s: not known", name);
	return url;
}

/* A nonce not yet sent, unless the request brings its own or none. */
static char *
nonce_take(void)
{
	char *nonce = state_read("nonce");

	if (nonce == NULL) {
		http("HEAD", resolve("@newNonce"), NULL);
		nonce = header_get("Replay-Nonce", false);
	}
	state_write("nonce", NULL);
	return nonce;
}

static void
result_keep(bool is_new_account)
{
	const char *type = json_string_value(body_at("type", "body"));
	char status[16];

	snprintf(status, sizeof(status), "%03ld", http_status);
	state_write("status", status);
	state_write("nonce", header_get("Replay-Nonce", false));
	if (is_new_account && http_status < 300)
		state_write("account", header_get("Location", false));
	if (type != NULL && strncmp(type, URN, strlen(URN)) == 0)
		type += strlen(URN);
	printf("%s %s\n", status, type && http_status >= 400 ? type : "-");
}

/* ---- commands */

static char *
signed_body(const char *name, const char *url)
{
	char *nonce;

	if (opt.key == NULL)
		opt.key = state_path("key");
	opt.jwk |= opt.kid == NULL && strcmp(name, "@newAccount") == 0;
	if (opt.kid == NULL && !opt.jwk)
		opt.kid = resolve("@account");
	if (json_object_get(opt.set, "nonce") != NULL)
		return jws(url, NULL);
	nonce = nonce_take();
	state_write("used", nonce);
	return jws(url, nonce);
}

static int
cmd_request(char **operands)
{
	const char *name = operands[0], *url = resolve(name);
	char *body = NULL;

	if (opt.body != NULL)
		body = strdup(opt.body);
	else if (!strcmp(opt.method, "POST") || !strcmp(opt.method, "PUT"))
		body = signed_body(name, url);
	if (body != NULL && opt.after != NULL)
		body = join(body, opt.after, "");
	state_write("sent", body);
	http(opt.method, url, body);
	result_keep(strcmp(name, "@newAccount") == 0);
	return 0;
}

static int
cmd_jws(char **operands)
{
	const char *url = resolve(operands[0]);

	/* An inner JWS (RFC 8555 7.3.5): the nonce only if asked for. */
	if (opt.key == NULL)
		opt.key = state_path("key");
	if (opt.kid == NULL && !opt.jwk)
		opt.kid = resolve("@account");
	puts(jws(url, NULL));
	return 0;
}

static int
cmd_init(char **operands)
{
	static const char *const old[] = {"account", "nonce", "used", "sent",
	    "status", "headers", "body", "directory"};
	size_t i;

	(void)operands;
	if (opt.state == NULL || opt.server == NULL)
		errx(DEAD, "init wants -d and --server");
	if (mkdir(opt.state, 0755) < 0 && errno != EEXIST)
		err(DEAD, "%s", opt.state);
	for (i = 0; i < sizeof(old) / sizeof(old[0]); i++)
		state_write(old[i], NULL);
	state_write("server", opt.server);
	state_write("ca", opt.ca);
	state_write("exec", opt.exec);
	return 0;
}

static int
cmd_get(char **paths)
{
	json_t *v;

	for (; *paths != NULL; paths++) {
		v = body_at(*paths, "body");
		if (v == NULL)
			return 1;
		puts(json_is_string(v)
			? json_string_value(v)
			: json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY));
	}
	return 0;
}

static int
cmd_keys(char **path)
{
	json_t *at = body_at(*path == NULL ? "" : *path, "body"), *v, *sorted;
	const char *name;

	sorted = json_loads(json_dumps(at, JSON_SORT_KEYS), 0, NULL);
	if (!json_is_object(sorted))
		return 1;
	json_object_foreach(sorted, name, v) puts(name);
	return 0;
}

static int
cmd_b64(char **operands)
{
	struct bytes b = read_all(0);

	(void)operands;
	puts(base64url(b.p, b.len, false));
	return 0;
}

static int
cmd_header(char **name)
{
	return header_get(*name, true) == NULL;
}

static int
cmd_key(char **operands)
{
	key_make(operands[0], operands[1]);
	return 0;
}

static int
cmd_jwk(char **file)
{
	puts(json_dumps(key_jwk(key_load(*file)), JSON_COMPACT));
	return 0;
}

static int
cmd_thumbprint(char **file)
{
	puts(key_thumbprint(key_load(*file)));
	return 0;
}

/* ---- options */

static int
part_index(const char *name)
{
	int i;

	for (i = 0; i < PARTS; i++)
		if (strncmp(name, part_names[i], strlen(part_names[i])) == 0)
			return i;
	errx(DEAD, "%s: no part of a JWS", name);
}

static void
set_member(const char *arg, bool text)
{
	const char *eq = strchr(arg, '=');
	json_t *v;

	if (eq == NULL)
		errx(DEAD, "%s: NAME=VALUE", arg);
	v = text ? json_string(eq + 1)
		 : json_loads(eq + 1, JSON_DECODE_ANY, NULL);
	if (v == NULL)
		errx(DEAD, "%s: no JSON", arg);
	json_object_set_new(
	    opt.set, join("", strndup(arg, (size_t)(eq - arg)), ""), v);
}

static const struct {
	struct option o;
	const char **text;
} options[] = {{{"server", 1, NULL, 't'}, &opt.server},
    {{"ca", 1, NULL, 't'}, &opt.ca}, {{"exec", 1, NULL, 't'}, &opt.exec},
    {{"kid", 1, NULL, 't'}, &opt.kid},
    {{"protected", 1, NULL, 't'}, &opt.protected},
    {{"protected-tail", 1, NULL, 't'}, &opt.protected_tail},
    {{"payload", 1, NULL, 't'}, &opt.payload},
    {{"sent-payload", 1, NULL, 't'}, &opt.sent_payload},
    {{"spoil", 1, NULL, 't'}, &opt.spoil}, {{"tail", 1, NULL, 't'}, &opt.tail},
    {{"form", 1, NULL, 't'}, &opt.form}, {{"body", 1, NULL, 't'}, &opt.body},
    {{"after", 1, NULL, 't'}, &opt.after}, {{"type", 1, NULL, 't'}, &opt.type},
    {{"jwk", 0, NULL, 'j'}, NULL}, {{"pad", 1, NULL, 'p'}, NULL},
    {{"b64", 1, NULL, 'b'}, NULL}, {{"drop", 1, NULL, 'r'}, NULL}};

#define OPTIONS (sizeof(options) / sizeof(options[0]))

static void
option(int c, int which)
{
	switch (c) {
	case 't':
		*options[which].text = optarg;
		break;
	case 'd':
		opt.state = optarg;
		break;
	case 'k':
		opt.key = optarg;
		break;
	case 'X':
		opt.method = optarg;
		break;
	case 'H':
		opt.fields = curl_slist_append(opt.fields, optarg);
		break;
	case 'P':
	case 'J':
		set_member(optarg, c == 'P');
		break;
	case 'D':
		json_array_append_new(opt.unset, json_string(optarg));
		break;
	case 'j':
		opt.jwk = true;
		break;
	case 'p':
		opt.pad[part_index(optarg)] = true;
		break;
	case 'b':
		opt.b64[part_index(optarg)] = strchr(optarg, '=') + 1;
		break;
	case 'r':
		opt.drop[part_index(optarg)] = true;
		break;
	default:
		errx(100, "the head of tests/tool/acme-raw.c tells the usage");
	}
}

static void
parse(int argc, char **argv)
{
	struct option longs[OPTIONS + 1] = {{NULL, 0, NULL, 0}};
	int c, which = 0;
	size_t i;

	for (i = 0; i < OPTIONS; i++)
		longs[i] = options[i].o;
	opt.state = getenv("ACME_STATE");
	opt.method = "POST";
	opt.type = "application/jose+json";
	opt.set = json_object();
	opt.unset = json_array();
	while ((c = getopt_long(argc, argv, "d:k:X:H:P:J:D:", longs, &which)) !=
	    -1)
		option(c, which);
}

static const struct {
	const char *name;
	int least, most; /* operands */
	int (*run)(char **operands);
} commands[] = {{"b64", 0, 0, cmd_b64}, {"get", 1, 99, cmd_get},
    {"header", 1, 1, cmd_header}, {"init", 0, 0, cmd_init},
    {"jwk", 1, 1, cmd_jwk}, {"jws", 1, 1, cmd_jws}, {"key", 2, 2, cmd_key},
    {"keys", 0, 1, cmd_keys}, {"request", 1, 1, cmd_request},
    {"thumbprint", 1, 1, cmd_thumbprint}};

int
main(int argc, char **argv)
{
	size_t i;
	int left;

	__lsan_disable();
	parse(argc - 1, argv + 1);
	left = argc - 1 - optind;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 1 && strcmp(argv[1], commands[i].name) == 0 &&
		    left >= commands[i].least && left <= commands[i].most)
			return commands[i].run(argv + 1 + optind);
	errx(100, "the head of tests/tool/acme-raw.c tells the usage");
}
