#include "solve/hands.h"

#include "sys/file.h"
#include "sys/run.h"
#include "wrap/inifile.h"

/*
 * dns-01 by dynamic updates (RFC 2136), by nsupdate(1), which has the key from
 * a file and the rest on its standard input.  FILE is
 *	[rfc2136]
 *	server = 192.0.2.53
 *	port = 53
 *	zone = example.org
 *	key_file = /etc/acmed/update.key
 *	ttl = 60
 * Only server is required; without key_file updates are not signed.
 */
#define FILE_MAX ((size_t)64 * 1024)
#define PORT_DEFAULT 53
#define TTL_DEFAULT 60

struct self {
	struct solve_dns dns;
	int64_t timeout_ms;
	char *server, *zone, *key_file;
	uint64_t port, ttl;
};

/* Each stands for itself in a line that nsupdate reads. */
static bool
is_word(const char *text)
{
	return text[0] != '\0' &&
	    text[strspn(text,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.:-_/")] == '\0';
}

static int
take_word(char **field, const char *value, struct err *e)
{
	if (!is_word(value))
		return err_set(e, KIND_CONF, "is not a word");
	if (*field)
		return err_set(e, KIND_CONF, "stands twice");
	*field = xstrdup(value);
	return 0;
}

static int
take_number(uint64_t *field, uint64_t max, const char *value, struct err *e)
{
	if (*field > 0)
		return err_set(e, KIND_CONF, "stands twice");
	if (str_to_u64(value, max, field) && *field > 0)
		return 0;
	return err_set(e, KIND_CONF, "must be a number from 1 to %llu",
	    (unsigned long long)max);
}

static int
take_line(const struct inifile_line *line, void *arg, struct err *e)
{
	struct self *s = arg;
	int rc;

	if (!line->key)
		return strcmp(line->section, "rfc2136") == 0
		    ? 0
		    : err_set(
			  e, KIND_CONF, "[%s]: unknown section", line->section);
	if (strcmp(line->key, "server") == 0)
		rc = take_word(&s->server, line->value, e);
	else if (strcmp(line->key, "zone") == 0)
		rc = take_word(&s->zone, line->value, e);
	else if (strcmp(line->key, "key_file") == 0)
		rc = take_word(&s->key_file, line->value, e);
	else if (strcmp(line->key, "port") == 0)
		rc = take_number(&s->port, 65535, line->value, e);
	else if (strcmp(line->key, "ttl") == 0)
		rc = take_number(&s->ttl, 86400, line->value, e);
	else
		return err_set(e, KIND_CONF, "%s: unknown key", line->key);
	return rc < 0 ? err_object(e, "%s", line->key) : 0;
}

/* Others who can read the key can change the zone. */
static int
check_key_file(const char *path, struct err *e)
{
	struct buf secret;
	int rc;

	buf_init(&secret, FILE_MAX);
	rc = file_read_secret(path, &secret, e);
	buf_wipe(&secret);
	if (rc < 0)
		e->kind = KIND_CONF;
	return rc;
}

static int
read_file(struct self *s, const char *path, struct err *e)
{
	struct buf text;
	int rc;

	buf_init(&text, FILE_MAX);
	rc = file_read(path, &text, e);
	if (rc < 0)
		e->kind = KIND_CONF;
	else
		rc = inifile_read(path, text.data, text.len, take_line, s, e);
	buf_release(&text);
	if (rc == 0 && !s->server)
		rc = err_set(e, KIND_CONF, "%s: server: required", path);
	if (s->port == 0)
		s->port = PORT_DEFAULT;
	if (s->ttl == 0)
		s->ttl = TTL_DEFAULT;
	return rc == 0 && s->key_file ? check_key_file(s->key_file, e) : rc;
}

/* Of nsupdate's words: for what another time may be better, and what they
 * mean. */
static const struct {
	const char *word;
	bool may_mend;
	const char *meaning; /* or NULL: they say it themselves */
} sayings[] = {
    /* the first of a server whose name cannot be looked up */
    {"couldn't get address for ", true, NULL},
    {"could not reach any name server", true, NULL},
    {"; Communication with ", true, NULL},
    {"update failed: SERVFAIL", true, NULL},
    {"BADTIME", true, "the clock here, or that of the server, is wrong"},
    {"BADKEY", false,
	"the server has no such key, or does not let it change this zone"},
    {"BADSIG", false, "the key has another secret at the server"},
    {"REFUSED", false,
	"the server does not let this key, or this machine, change the zone"},
    {"NOTAUTH", false,
	"the server is not the primary one of this zone, or wants a key"},
    {"NOTZONE", false, "the record is not in this zone"},
};

static void
explain(struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(sayings); i++) {
		char text[sizeof(e->text)];

		if (!strstr(e->text, sayings[i].word))
			continue;
		snprintf(text, sizeof(text), "%s", e->text);
		err_clear(e);
		err_set(e, sayings[i].may_mend ? KIND_BUSY : KIND_DENIED,
		    "%s%s%s", text, sayings[i].meaning ? ": " : "",
		    sayings[i].meaning ? sayings[i].meaning : "");
		return;
	}
}

static int
run(const struct self *s, int leash, const char *input, int64_t until,
    struct err *e)
{
	const char *argv[] = {"nsupdate", "-t", "30", s->key_file ? "-k" : NULL,
	    s->key_file, NULL};
	const struct run r = {.argv = argv,
	    .input = input,
	    .timeout_ms = solve_patience(s->timeout_ms, until),
	    .grace_ms = SOLVE_GRACE_MS,
	    .all_lines = true, /* the last alone does not say why */
	    .dies_too = true,
	    .leash = leash};
	int rc = run_wait(&r, e);

	if (rc < 0 && e->kind == KIND_DENIED)
		explain(e);
	return rc;
}

/* What is there already, or not any more, is no error of an update. */
static int
change(void *self, int leash, const struct solve_record *r, struct err *e)
{
	const struct self *s = self;
	char ttl[24], *input;
	int rc;

	snprintf(ttl, sizeof(ttl), "%llu ", (unsigned long long)s->ttl);
	input = xasprintf("server %s %llu\n%s%s%supdate %s %s. %sTXT \"%s\"\n"
			  "send\n",
	    s->server, (unsigned long long)s->port, s->zone ? "zone " : "",
	    s->zone ? s->zone : "", s->zone ? "\n" : "",
	    r->is_wanted ? "add" : "delete", r->fqdn, r->is_wanted ? ttl : "",
	    r->value);
	rc = run(s, leash, input, r->until, e);
	free(input);
	return rc;
}

static void
free_self(void *self)
{
	struct self *s = self;

	solve_dns_release(&s->dns);
	free(s->server);
	free(s->zone);
	free(s->key_file);
	free(s);
}

int
solve_rfc2136_make(
    const struct solve_making *m, struct solver *out, struct err *e)
{
	struct hands_options how = {.change = change, .options = m->options};
	struct self *s;

	if (m->argument[0] != '/')
		return solve_misuse(
		    e, "%.200s: not an absolute path", m->argument);
	s = xcalloc(1, sizeof(*s));
	s->timeout_ms = how.timeout_ms = solve_timeout(m->options);
	how.self = s;
	if (read_file(s, m->argument, e) == 0)
		s->dns.hands = hands_new(&how, e);
	if (s->dns.hands)
		return solve_dns_make(&s->dns, free_self, m->options, out, e);
	free_self(s);
	return -1;
}
