#include "base/hex.h"
#include "base/rfc3339.h"
#include "base/str.h"
#include "base/week.h"
#include "cli/certs.h"
#include "cli/operands.h"
#include "cli/prog.h"
#include "cli/provelist.h"
#include "cli/prover.h"
#include "cli/rights.h"
#include "cli/show.h"
#include "cli/since.h"
#include "jobs/why.h"
#include "store/event.h"
#include "store/private_key.h"
#include "store/store.h"
#include "store/upstream_account.h"
#include "sys/clock.h"

#include <sys/ioctl.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: cert-list [-hjqVv] [-c FILE] [-s URL] [-l SINK] [OPTION ...]\n"
    "       [CERT ...]\n"
    "       cert-list show OBJECT ... | why NAME ... | chart\n"
    "       cert-list prove [--jobs N] NAME [HOST:PORT] | -\n"
    "Certificates in the store, in the order of their end.  CERT is a name, "
    "also\n"
    "one that a wildcard covers, a number, a SHA-1 or the beginning of a\n"
    "SHA-256; - is a list of them on standard input.\n"
    "\n"
    "      --expiring TIME active, and ends before that: 30d from now, or a "
    "time\n"
    "      --issuer TEXT   a part of the issuer's name\n"
    "      --serial HEX    the serial number\n"
    "      --fingerprint HEX\n"
    "                      a SHA-1, or the beginning of a SHA-256\n"
    "      --key KEY       of this private key: its number, or the beginning "
    "of\n"
    "                      the SHA-256 of the public key\n"
    "      --account ID    that this account has ordered, or, with\n"
    "                      upstream_account/ before it, ours at another CA\n"
    "      --state STATE   active, expired (active, but its time is over),\n"
    "                      deactivated or revoked\n"
    "      --text TEXT     a part of a name, of the issuer or the serial "
    "number\n"
    "      --limit N       no more than so many\n"
    "      --tsv           tabs, also where a person would read something "
    "else\n"
    "      --jobs N        so many handshakes at once (10)\n"
    "      --weeks N       so many weeks (26)\n"
    "\n"
    "  -c, --config FILE   configuration (/etc/acmed/acmed.conf)\n"
    "  -s, --store URL     store, instead of [store] url\n"
    "  -j, --json          an object per line, instead of tabs\n"
    "      --no-header     no line of column names\n"
    "  -l, --log SINK      stderr, syslog or fd:N, instead of [log] sink\n"
    "  -q, --quiet         log warnings and errors only\n"
    "  -v, --verbose       log debug events as well\n"
    "  -h, --help          this text\n"
    "  -V, --version       the version\n";

#define WEEKS_MAX 520
#define CHART_COLUMNS 80 /* where nobody knows how wide the terminal is */
#define CHART_LABEL 29 /* columns before a bar */

static const char *expiring, *issuer, *serial, *fingerprint, *key, *account,
    *state, *text;
static int64_t limit, weeks = 26, jobs = 10;
static bool tsv;

static const struct prog_option search_options[] = {
    {.name = "expiring", .type = PROG_TEXT, .value = &expiring},
    {.name = "issuer", .type = PROG_TEXT, .value = &issuer},
    {.name = "serial", .type = PROG_TEXT, .value = &serial},
    {.name = "fingerprint", .type = PROG_TEXT, .value = &fingerprint},
    {.name = "key", .type = PROG_TEXT, .value = &key},
    {.name = "account", .type = PROG_TEXT, .value = &account},
    {.name = "state", .type = PROG_TEXT, .value = &state},
    {.name = "text", .type = PROG_TEXT, .value = &text},
    {.name = "limit",
	.type = PROG_NUMBER,
	.value = &limit,
	.min = 1,
	.max = INT32_MAX},
    {.name = "tsv", .type = PROG_FLAG, .value = &tsv},
    {0},
};

static const struct prog_option show_options[] = {
    {.name = "tsv", .type = PROG_FLAG, .value = &tsv},
    {0},
};

static const struct prog_option prove_options[] = {
    {.name = "jobs",
	.type = PROG_NUMBER,
	.value = &jobs,
	.min = 1,
	.max = PROVER_JOBS_MAX},
    {0},
};

static const struct prog_option chart_options[] = {
    {.name = "tsv", .type = PROG_FLAG, .value = &tsv},
    {.name = "weeks",
	.type = PROG_NUMBER,
	.value = &weeks,
	.min = 1,
	.max = WEEKS_MAX},
    {0},
};

/* ---- search -------------------------------------------------------------- */

static int
read_state(struct certificate_filter *f, struct err *e)
{
	if (!state && !expiring)
		return 0;
	f->by_state = true;
	if (!state)
		return 0;
	if (strcmp(state, "expired") == 0) {
		f->to = clock_now() - 1;
		return 0;
	}
	return certificate_state_by_name(state, &f->state) < 0
	    ? prog_misuse(e,
		  "--state %s: none of active expired deactivated revoked",
		  state)
	    : 0;
}

static int
read_expiring(struct certificate_filter *f, struct err *e)
{
	if (!expiring)
		return 0;
	if (str_same(state, "expired"))
		return prog_misuse(
		    e, "--expiring is for those that have not expired yet");
	f->from = clock_now();
	return since_parse_ahead("expiring", expiring, &f->to, e);
}

/* What can be read without the store. */
static int
read_options(struct certificate_filter *f, char **clean_serial, struct err *e)
{
	f->issuer = issuer;
	f->text = text;
	f->limit = limit;
	if (fingerprint && certificate_filter_fingerprint(f, fingerprint) < 0)
		return prog_misuse(e,
		    "--fingerprint %s: neither a SHA-1 nor the beginning of a "
		    "SHA-256",
		    fingerprint);
	if (serial) {
		f->serial = *clean_serial = certificate_serial_clean(serial);
		if (!f->serial)
			return prog_misuse(
			    e, "--serial %s: not hexadecimal", serial);
	}
	return read_state(f, e) < 0 ? -1 : read_expiring(f, e);
}

/* One of ours at another CA. */
static int
find_upstream_account(
    struct store *st, const char *name, int64_t *id, struct err *e)
{
	struct upstream_account a;

	if (upstream_account_pick(st, name, &a, e) < 0)
		return -1;
	*id = a.id;
	upstream_account_release(&a);
	return 0;
}

/* Of our own server: the id in its URL, or its number. */
static int
find_account(struct store *st, struct certificate_filter *f, struct err *e)
{
	static const char other[] = "upstream_account/";
	char *name;
	struct event_filter found = {0};
	int rc;

	if (str_starts(account, other))
		return find_upstream_account(
		    st, account + strlen(other), &f->upstream_account_id, e);
	name = xasprintf("account/%s", account);
	rc = event_filter_object(st, name, &found, e);
	f->account_id = found.object_id;
	free(name);
	return rc;
}

/* A key is there, or not but named in full. */
static int
find_key(struct store *st, struct certificate_filter *f, struct err *e)
{
	struct private_key k;

	f->by_key = true;
	if (strlen(key) == 64 && hex_decode(f->spki_sha256, 32, key) == 0)
		return 0;
	if (private_key_find(st, key, &k, e) < 0)
		return -1;
	memcpy(f->spki_sha256, k.spki_sha256, sizeof(f->spki_sha256));
	return 0;
}

static int
find_objects(struct store *st, struct certificate_filter *f, struct err *e)
{
	if (account && find_account(st, f, e) < 0)
		return -1;
	return key ? find_key(st, f, e) : 0;
}

/* Each operand is a search of its own. */
static int
search_each(struct store *st, const struct certificate_filter *f,
    const struct strv *operands, struct certs *to, struct err *e)
{
	int rc = 0;

	if (operands->len == 0)
		rc = certificate_list(st, f, certs_print, to, e);
	for (size_t i = 0; rc == 0 && i < operands->len; i++)
		rc = certificate_list_operand(
		    st, f, operands->v[i], certs_print, to, e);
	return rc;
}

/* Whether it would be a no if nothing is found. */
static bool
names_one(const struct strv *operands)
{
	return operands->len > 0 || serial || fingerprint || key;
}

static int
search(struct prog *p, struct err *e)
{
	struct certificate_filter f = {0};
	struct strv operands = {0};
	char *clean_serial = NULL;
	struct store *st = NULL;
	struct certs certs;
	int rc = read_options(&f, &clean_serial, e);

	if (rc == 0)
		rc = operands_read(p, &operands, e);
	if (rc == 0) {
		st = rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
		rc = st ? find_objects(st, &f, e) : -1;
	}
	certs_init(&certs, st, p->json, !p->no_header);
	if (rc == 0)
		rc = search_each(st, &f, &operands, &certs, e);
	if (rc == 0)
		out_finish(&certs.out);
	if (rc == 0 && certs.printed == 0 && names_one(&operands))
		p->exit_code = 1;
	store_close(st);
	strv_release(&operands);
	free(clean_serial);
	return rc;
}

/* ---- show ---------------------------------------------------------------- */

static int
show(struct prog *p, struct err *e)
{
	enum sheet_form form = p->json ? SHEET_JSON
	    : tsv		       ? SHEET_TSV
				       : SHEET_TEXT;
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);

	for (int i = 0; st && i < p->argc; i++) {
		struct err why = {0};

		if (i > 0 && form != SHEET_JSON)
			putchar('\n');
		if (show_object(st, p->argv[i], form, &why) < 0)
			prog_item_failed(p, &why);
	}
	store_close(st);
	return st ? 0 : -1;
}

/* ---- why ----------------------------------------------------------------- */

static int
print_line(void *arg, const struct why_line *l, struct err *e)
{
	struct out *out = arg;

	(void)e;
	out_text(out, l->name);
	out_time(out, l->at);
	out_text(out, why_word(l->what));
	out_int(out, l->certificate_id);
	out_text(out, l->rule);
	out_end(out);
	return 0;
}

static int
why(struct prog *p, struct err *e)
{
	static const char *const columns[] = {
	    "name", "at", "what", "certificate", "rule", NULL};
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	struct out out;

	out_init(&out, p->json, !p->no_header, columns);
	for (int i = 0; st && i < p->argc; i++) {
		const struct why_question q = {
		    p->argv[i], p->conf.client.ca, clock_now()};
		struct err reason = {0};
		bool is_served;

		if (why_explain(st, &q, print_line, &out, &is_served, &reason) <
		    0)
			prog_item_failed(p, &reason);
		else if (!is_served)
			p->exit_code = prog_worse(p->exit_code, 1);
	}
	if (st)
		out_finish(&out);
	store_close(st);
	return st ? 0 : -1;
}

/* ---- prove --------------------------------------------------------------- */

static int
prove(struct prog *p, struct err *e)
{
	return provelist_run(p, jobs, e);
}

/* ---- chart --------------------------------------------------------------- */

struct bar {
	int64_t begin, count;
};

static int
count_weeks(struct store *st, struct bar *bars, struct err *e)
{
	int64_t now = clock_now(), begin = week_begin(now);

	for (int64_t i = 0; i < weeks; i++, begin += WEEK_SECONDS) {
		bars[i].begin = begin;
		if (certificate_count_ending(st, i == 0 ? now : begin,
			begin + WEEK_SECONDS, &bars[i].count, e) < 0)
			return -1;
	}
	return 0;
}

static void
print_records(const struct prog *p, const struct bar *bars)
{
	static const char *const columns[] = {
	    "week", "begins", "certificates", NULL};
	char week[WEEK_SIZE];
	struct out o;

	out_init(&o, p->json, !p->no_header, columns);
	for (int64_t i = 0; i < weeks; i++) {
		week_format(week, bars[i].begin);
		out_text(&o, week);
		out_time(&o, bars[i].begin);
		out_int(&o, bars[i].count);
		out_end(&o);
	}
}

static int
bar_width(void)
{
	struct winsize size;
	int columns = CHART_COLUMNS;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	return columns > CHART_LABEL + 1 ? columns - CHART_LABEL - 1 : 1;
}

static void
print_chart(const struct bar *bars)
{
	char week[WEEK_SIZE], day[RFC3339_SIZE];
	int width = bar_width();
	int64_t most = 1;

	for (int64_t i = 0; i < weeks; i++)
		if (bars[i].count > most)
			most = bars[i].count;
	for (int64_t i = 0; i < weeks; i++) {
		/* Some are never nothing. */
		int64_t n = (bars[i].count * width + most - 1) / most;

		week_format(week, bars[i].begin);
		rfc3339_format(day, bars[i].begin);
		printf("%s %.10s %8lld%s", week, day, (long long)bars[i].count,
		    n > 0 ? " " : "");
		while (n-- > 0)
			putchar('#');
		putchar('\n');
	}
}

static int
chart(struct prog *p, struct err *e)
{
	struct bar bars[WEEKS_MAX] = {0};
	struct store *st =
	    rights_open_store(p, STORE_READ, SANDBOX_STORE_USER, e);
	int rc = st ? count_weeks(st, bars, e) : -1;

	if (rc == 0 && (tsv || p->json))
		print_records(p, bars);
	else if (rc == 0)
		print_chart(bars);
	store_close(st);
	return rc;
}

static const struct prog_command commands[] = {
    {.name = "show",
	.options = show_options,
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = show},
    {.name = "why",
	.options = show_options,
	.operands_min = 1,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE | CONF_CLIENT,
	.flags = PROG_JSON,
	.run = why},
    {.name = "prove",
	.options = prove_options,
	.operands_min = 1,
	.operands_max = 2,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = prove},
    {.name = "chart",
	.options = chart_options,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = chart},
    {.options = search_options,
	.operands_max = PROG_ANY,
	.sections = CONF_STORE,
	.flags = PROG_JSON,
	.run = search},
    {0},
};

int
main(int argc, char **argv)
{
	return prog_main(argc, argv, usage_text, commands);
}
