/* Deploying: what the targets are to have, found whatever has changed it. */
#include "store.h"

#include "store/ca_preference.h"
#include "store/deploy_target.h"
#include "store/deployment.h"
#include "store/private_key.h"
#include "store/serving_change.h"

#define DAY 86400

static const struct deploy_target_new tree = {.name = "web",
    .kind = "tree",
    .rank = 1,
    .settings = "x",
    .is_for_all = true};
static const struct deploy_target_new hook = {.name = "reload",
    .kind = "hook",
    .rank = 9,
    .settings = "y",
    .is_for_all = true};

static void
settle(void)
{
	assert_ok(serving_change_settle(st, &e), &e);
}

static void
sync_targets(const struct deploy_target_new *v, size_t len)
{
	assert_ok(deploy_target_sync(st, v, len, &e), &e);
	settle();
}

static int64_t
id_of(const char *name)
{
	struct deploy_target t;
	int64_t id;

	assert_ok(deploy_target_by_name(st, name, &t, &e), &e);
	id = t.id;
	deploy_target_release(&t);
	return id;
}

/* "1 3": what is ready for a target. */
static const char *
ready(const char *name)
{
	static char text[200];
	struct deployment *v;
	size_t len;

	assert_ok(deployment_ready(st, id_of(name), 0, 100, &v, &len, &e), &e);
	text[0] = '\0';
	for (size_t i = 0; i < len; i++) {
		char one[24];

		snprintf(one, sizeof(one), "%s%lld", i > 0 ? " " : "",
		    (long long)v[i].certificate_id);
		strlcat(text, one, sizeof(text));
	}
	free(v);
	return text;
}

static void
hold(const char *name, struct queue_hold *h)
{
	int64_t complete;

	assert_int_equal(deploy_target_take(
			     st, id_of(name), test_now + 60, h, &complete, &e),
	    1);
}

/* All that is ready becomes so. */
static void
finish(const char *name, enum deployment_status status, int64_t retry_at)
{
	struct deployment_result r[100];
	struct deployment *v;
	struct queue_hold h;
	size_t len;

	hold(name, &h);
	assert_ok(deployment_ready(st, h.id, 0, 100, &v, &len, &e), &e);
	for (size_t i = 0; i < len; i++)
		r[i] =
		    (struct deployment_result){&v[i], status, retry_at, "no"};
	assert_ok(deployment_store(st, &h, r, len, &e), &e);
	assert_ok(deploy_target_give_back(st, &h, 0, &e), &e);
	free(v);
}

static void
done(const char *name)
{
	finish(name, DEPLOYMENT_DONE, 0);
}

static int64_t
previous_of(int64_t certificate)
{
	char query[128];

	snprintf(query, sizeof(query),
	    "SELECT COALESCE(min(previous_id), 0) FROM deployments"
	    " WHERE certificate_id = %lld",
	    (long long)certificate);
	return count(query);
}

/* ---- what is found ------------------------------------------------------- */

static void
test_nothing_without_targets(void **state)
{
	(void)state;
	add_names("a.example", test_now + DAY);
	add_one_key();
	settle();
	assert_int_equal(count("SELECT count(*) FROM serving_changes"), 0);
	assert_int_equal(count("SELECT count(*) FROM deployments"), 0);
}

static void
test_serving_becomes_pending(void **state)
{
	(void)state;
	add_names("a.example b.example", test_now + DAY);
	add_one_key();
	sync_targets(&tree, 1);
	assert_string_equal(ready("web"), "1");
	assert_int_equal(previous_of(1), 0);
	done("web");
	assert_string_equal(ready("web"), "");
	settle();
	assert_string_equal(ready("web"), "");

	add_names(
	    "a.example b.example", test_now + DAY / 2); /* serves nothing */
	settle();
	assert_string_equal(ready("web"), "");

	add_names("a.example b.example", test_now + 2 * DAY);
	settle();
	assert_string_equal(ready("web"), "3");
	assert_int_equal(previous_of(3), 1);
	assert_int_equal(count("SELECT count(*) FROM deployments"), 1);
	add_names(
	    "a.example", test_now + 3 * DAY); /* before that is deployed */
	settle();
	assert_string_equal(ready("web"), "3 4");
	assert_int_equal(previous_of(4), 1);
	done("web");

	assert_ok(certificate_set_active(st, 4, false, &e), &e);
	settle();
	assert_string_equal(ready("web"), "3");
	assert_int_equal(previous_of(3), 4);
	done("web");
	assert_ok(certificate_revoke(st, 3, 1, &e), &e);
	settle();
	assert_string_equal(ready("web"), "1");
	assert_int_equal(count("SELECT complete FROM deploy_targets"), 1);
	assert_ok(certificate_set_active(st, 1, false, &e), &e);
	assert_ok(certificate_set_active(st, 2, false, &e), &e);
	settle();
	assert_int_equal(count("SELECT count(*) FROM deployments"), 0);
	assert_true(count("SELECT complete FROM deploy_targets") > 1);
}

static void
test_key_and_chain(void **state)
{
	const struct ca_preferences prefer = {.ids = {1}, .len = 1};
	struct cert_list chain = {0};
	struct private_key k;
	const uint8_t *der;
	struct key *other;
	bool created;
	size_t len;

	(void)state;
	make_chain("a.example", test_now + DAY, &chain);
	add_certificate(&chain, "import", 0);
	sync_targets(&tree, 1);
	assert_string_equal(ready("web"), "");
	/* its key, in the place of another */
	other = key_generate(KEY_P256, 0, &e);
	assert_ok(private_key_add(
		      st, other, NULL, PRIVATE_KEY_GENERATED, &k, &created, &e),
	    &e);
	key_free(other);
	assert_int_equal(count("SELECT count(*) FROM serving_changes"), 0);
	run_sql("UPDATE certificates SET spki_sha256 ="
		" (SELECT spki_sha256 FROM private_keys)");
	assert_int_equal(count("SELECT count(*) FROM serving_changes"), 0);
	assert_ok(serving_change_note_key(st, k.spki_sha256, &e), &e);
	settle();
	assert_string_equal(ready("web"), "1");
	done("web");

	der = cert_der(chain.v[1], &len);
	cert_list_take(&chain, cert_from_der(der, len, &e));
	add_certificate(&chain, "import", 0);
	settle();
	assert_string_equal(ready("web"), ""); /* the first is the default */
	run_sql("UPDATE certificate_chains SET is_default = 1 - is_default");
	assert_ok(ca_preference_set(st, &prefer, &e), &e);
	settle();
	assert_string_equal(ready("web"), "1");
	assert_int_equal(previous_of(1), 1);
	cert_list_release(&chain);
}

static void
test_time_passes(void **state)
{
	(void)state;
	add_names("a.example", test_now + DAY);
	add_names("*.example", test_now + 9 * DAY);
	add_one_key();
	sync_targets(&tree, 1);
	assert_string_equal(ready("web"), "1 2");
	done("web");
	test_now += 3 * DAY; /* begins in two days */
	add_names("a.example", test_now + 9 * DAY);
	test_now -= 2 * DAY;
	settle();
	assert_string_equal(ready("web"), "");
	test_now += DAY; /* that of the name alone has expired */
	settle();
	assert_int_equal(count("SELECT served_certificate_id FROM domains"
			       " WHERE value = 'a.example'"),
	    1);
	test_now += DAY;
	settle();
	assert_string_equal(ready("web"), "3");
	assert_int_equal(count("SELECT count(*) FROM serving_changes"), 0);
}

static void
test_wildcard_stands_in(void **state)
{
	(void)state;
	add_names("a.x.example", test_now + DAY);
	add_names("*.x.example", test_now + 9 * DAY);
	add_one_key();
	sync_targets(&tree, 1);
	done("web");
	test_now += 2 * DAY;
	settle();
	assert_int_equal(count("SELECT served_certificate_id FROM domains"
			       " WHERE value = 'a.x.example'"),
	    2);
	assert_string_equal(ready("web"), "2");
}

/* The first one, too, of what has none of its own that is valid. */
static void
test_first_wildcard(void **state)
{
	(void)state;
	add_names("a.x.example", test_now + DAY);
	add_names("b.a.x.example", test_now + DAY);
	add_one_key();
	sync_targets(&tree, 1);
	test_now += 2 * DAY;
	settle();
	done("web");
	add_names("*.x.example", test_now + 9 * DAY);
	settle();
	assert_int_equal(count("SELECT served_certificate_id FROM domains"
			       " WHERE value = 'a.x.example'"),
	    3);
	assert_int_equal(count("SELECT served_certificate_id FROM domains"
			       " WHERE value = 'b.a.x.example'"),
	    2);
	assert_string_equal(ready("web"), "3");
}

/* ---- what acmed-store check says ----------------------------------------- */

static bool
is_said(const char *part)
{
	struct strv problems = {0};
	bool found = false;

	assert_ok(check_run(st, &problems, &e), &e);
	for (size_t i = 0; i < problems.len; i++)
		found |= strstr(problems.v[i], part) != NULL;
	strv_release(&problems);
	return found;
}

static void
test_check(void **state)
{
	(void)state;
	add_names("a.example", test_now + DAY);
	add_one_key();
	sync_targets(&tree, 1);
	assert_false(is_said("deploy"));
	run_sql("UPDATE deployments SET status = 'done', attempts = 1");
	assert_true(is_said("deployment/1: done, but"));
	run_sql("UPDATE domains SET served_certificate_id = 77");
	assert_true(is_said("deployment/1: of a certificate that serves no"));
	assert_true(is_said("domain/1: served by"));
	assert_true(is_said("deploy_target/1: a certificate that serves"));
}

/* ---- targets ------------------------------------------------------------- */

static void
test_targets_of_the_file(void **state)
{
	struct deploy_target_new both[] = {tree, hook};
	struct deploy_target t;

	(void)state;
	add_names("a.example", test_now + DAY);
	add_one_key();
	sync_targets(both, 2);
	assert_string_equal(ready("web"), "1");
	assert_string_equal(ready("reload"), ""); /* the tree comes first */
	done("web");
	assert_string_equal(ready("reload"), "1");
	done("reload");
	sync_targets(both, 2);
	assert_string_equal(ready("web"), "");
	both[0].settings = "z";
	sync_targets(both, 2);
	assert_string_equal(ready("web"), "1");
	assert_string_equal(ready("reload"), "");
	sync_targets(both + 1, 1);
	assert_kind(
	    deploy_target_by_name(st, "web", &t, &e), KIND_NOTFOUND, &e);
	assert_int_equal(count("SELECT count(*) FROM deployments"), 1);
	sync_targets(both, 0);
	assert_int_equal(count("SELECT count(*) FROM deployments"), 0);
	/* what has changed while there was none is found */
	add_names("a.example", test_now + 2 * DAY);
	sync_targets(both, 1);
	assert_string_equal(ready("web"), "2");
	done("web");
	assert_ok(deploy_target_again(st, id_of("web"), &e), &e);
	assert_string_equal(ready("web"), "2");
}

static void
test_scope(void **state)
{
	struct deploy_target_new some = tree;
	int64_t set = 1;

	(void)state;
	add_names("a.example", test_now + DAY);
	add_names("b.example", test_now + DAY);
	add_one_key();
	some.is_for_all = false;
	some.fqdn_set_ids = &set;
	some.len = 1;
	sync_targets(&some, 1);
	assert_string_equal(ready("web"), "1");
	add_names("a.example", test_now + 2 * DAY);
	add_names("b.example", test_now + 2 * DAY);
	settle();
	assert_string_equal(ready("web"), "3");
	set = 2;
	sync_targets(&some, 1);
	assert_string_equal(ready("web"), "4");
	some.is_for_all = true;
	some.len = 0;
	sync_targets(&some, 1);
	assert_int_equal(count("SELECT count(*) FROM deployments"), 2);
}

/* ---- working ------------------------------------------------------------- */

static void
test_hold(void **state)
{
	struct queue_hold one, two;
	int64_t complete;

	(void)state;
	sync_targets(&tree, 1);
	hold("web", &one);
	assert_int_equal(
	    deploy_target_take(st, one.id, test_now + 60, &two, &complete, &e),
	    0);
	test_now += 61;
	assert_int_equal(
	    deploy_target_take(st, one.id, test_now + 60, &two, &complete, &e),
	    1);
	assert_int_equal(complete, 1);
	assert_kind(deployment_store(st, &one, NULL, 0, &e), KIND_BUSY, &e);
	assert_ok(deploy_target_give_back(st, &one, complete, &e), &e);
	assert_int_equal(count("SELECT complete FROM deploy_targets"), 1);
	assert_ok(deploy_target_give_back(st, &two, complete, &e), &e);
	assert_int_equal(count("SELECT complete FROM deploy_targets"), 0);
	assert_int_equal(count("SELECT lease_until FROM deploy_targets"), 0);
	/* a lease that no process can have is of another clock */
	run_sql("UPDATE deploy_targets SET lease_until = 9999999999");
	hold("web", &one);
}

static void
test_failure_and_revision(void **state)
{
	struct deployment_result r = {.status = DEPLOYMENT_DONE};
	struct deploy_target t;
	struct deployment *v;
	struct queue_hold h;
	size_t len;

	(void)state;
	add_names("a.example", test_now + DAY);
	add_one_key();
	sync_targets(&tree, 1);
	finish("web", DEPLOYMENT_FAILED, test_now + 60);
	assert_string_equal(ready("web"), "");
	assert_ok(deploy_target_by_name(st, "web", &t, &e), &e);
	assert_int_equal(t.failing, 1);
	assert_int_equal(t.pending, 0);
	assert_int_equal(t.failing_since, test_now);
	assert_int_equal(t.retry_at, test_now + 60);
	assert_string_equal(t.error, "no");
	deploy_target_release(&t);
	test_now += 60;
	assert_string_equal(ready("web"), "1");
	finish("web", DEPLOYMENT_PENDING, test_now + 60);
	assert_int_equal(count("SELECT attempts FROM deployments"), 2);
	test_now += 60;

	/* it is changed while it is worked on */
	hold("web", &h);
	assert_ok(deployment_ready(st, h.id, 0, 9, &v, &len, &e), &e);
	assert_int_equal(len, 1);
	assert_ok(deploy_target_again(st, h.id, &e), &e);
	r.d = v;
	assert_ok(deployment_store(st, &h, &r, 1, &e), &e);
	assert_string_equal(ready("web"), "1");
	assert_int_equal(deployment_is_done(st, h.id, 1, &e), 0);
	assert_ok(deploy_target_give_back(st, &h, 0, &e), &e);
	free(v);
	done("web");
	assert_int_equal(deployment_is_done(st, h.id, 1, &e), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)

static const struct CMUnitTest tests[] = {
    T(test_nothing_without_targets),
    T(test_serving_becomes_pending),
    T(test_key_and_chain),
    T(test_time_passes),
    T(test_wildcard_stands_in),
    T(test_first_wildcard),
    T(test_check),
    T(test_targets_of_the_file),
    T(test_scope),
    T(test_hold),
    T(test_failure_and_revision),
};

UNIT_MAIN(tests)
