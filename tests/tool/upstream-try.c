/*
 * upstream-try: the ACME client's transport by hand, for tests.
 *
 *	upstream-try [-t] [-n COUNT] [-o ORDERS] STORE DIRECTORY CA.PEM
 *	upstream-try [-t] -r CERTIFICATE STORE DIRECTORY CA.PEM
 *
 * Makes the store if there is none, an account, and ORDERS orders with COUNT
 * in flight.  Prints "account URL", "orders N", and "failed CAUSE TEXT" for
 * each that was none.  -t: traces on stderr.  -r: asks for the renewal
 * information of the certificate of that number, and prints "kept" or why not.
 */
#include <err.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "client/ari.h"
#include "client/client.h"
#include "http/network.h"
#include "store/store.h"
#include "store/upstream_ca.h"
#include "sys/fd.h"
#include "wrap/js.h"
#include "wrap/key.h"

static char *account;
static long done, good;

static void
die(const struct err *e)
{
	char text[900];

	err_format(e, text, sizeof(text));
	errx(err_exit(e), "%s", text);
}

static int
on_account(void *arg, const struct reply *r, struct err *e)
{
	(void)arg;
	if (!r->location)
		return err_set(e, KIND_BUSY, "no Location");
	account = xstrdup(r->location);
	printf("account %s\n", account);
	return 0;
}

static void
on_order(void *arg, const struct reply *r)
{
	(void)arg;
	done++;
	if (r->cause == CAUSE_NONE && r->location && js_get(r->json, "status"))
		good++;
	else
		printf("failed %s %s\n", cause_name(r->cause), r->err->text);
}

static char *
read_file(const char *path)
{
	static char text[65536];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (!f)
		err(100, "%s", path);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void
orders(struct client *c, struct signer *s, long count, long in_flight)
{
	struct err e = {0};
	char payload[128];
	long sent = 0;

	while (done < count) {
		while (sent < count && sent - done < in_flight) {
			const struct request r = {
			    .endpoint = ENDPOINT_NEW_ORDER,
			    .signer = s,
			    .payload = payload};

			snprintf(payload, sizeof(payload),
			    "{\"identifiers\":[{\"type\":\"dns\",\"value\":"
			    "\"n%ld.example.com\"}]}",
			    sent++);
			client_send(c, &r, on_order, NULL);
		}
		if (client_wait(c, FD_FOREVER, &e) < 0)
			die(&e);
	}
	printf("orders %ld\n", good);
}

static void
on_ari(void *arg, int64_t certificate_id, const struct err *why)
{
	(void)certificate_id;
	*(bool *)arg = true;
	if (why)
		printf("failed %s\n", why->text);
	else
		puts("kept");
}

static void
ask_renewal(struct client *c, struct store *st, int64_t ca, int64_t certificate)
{
	struct err e = {0};
	bool is_done = false;

	if (ari_ask(c, st, ca, certificate, on_ari, &is_done, &e) < 0)
		die(&e);
	while (!is_done)
		if (client_wait(c, FD_FOREVER, &e) < 0)
			die(&e);
}

int
main(int argc, char **argv)
{
	const struct network_options o = {
	    .connect_ms = 10000, .total_ms = 30000};
	struct request r = {.endpoint = ENDPOINT_NEW_ACCOUNT,
	    .payload = "{\"termsOfServiceAgreed\":true}"};
	struct err e = {0};
	struct upstream_ca ca;
	struct signer s = {0};
	long in_flight = 1, count = 1, certificate = 0;
	int64_t id;
	int ch, trace = -1;

	while ((ch = getopt(argc, argv, "tn:o:r:")) != -1) {
		if (ch == 't')
			trace = 2;
		else if (ch == 'r')
			certificate = strtol(optarg, NULL, 10);
		else if (ch == 'n')
			in_flight = strtol(optarg, NULL, 10);
		else
			count = strtol(optarg, NULL, 10);
	}
	argv += optind;
	log_init("upstream-try", LOG_SINK_FD, 2);
	struct network *net = network_start(&o, &e);
	if (!net)
		die(&e);
	if (access(argv[0], F_OK) != 0 && store_create(argv[0], NULL, &e) < 0)
		die(&e);
	struct store *st = store_open(argv[0], STORE_WRITE, &e);
	if (!st)
		die(&e);
	if (upstream_ca_add(st, "try", argv[1], read_file(argv[2]), &id, &e) <
	    0)
		err_clear(&e);
	if (upstream_ca_by_name(st, "try", &ca, &e) < 0)
		die(&e);
	struct client *c = client_new(st, net, &ca, trace);
	struct key *k = key_generate(KEY_P256, 0, &e);
	s.key = k;
	r.signer = &s;
	if (certificate > 0) {
		ask_renewal(c, st, ca.id, certificate);
	} else if (client_call(c, &r, on_account, NULL, &e) < 0) {
		die(&e);
	} else {
		s.url = account;
		orders(c, &s, count, in_flight);
	}
	client_free(c);
	upstream_ca_release(&ca);
	store_close(st);
	network_stop(net);
	key_free(k);
	free(account);
	return 0;
}
