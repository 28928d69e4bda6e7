#include "jobs/primer_part.h"

/*
 * Whether a key is what its name says; what it holds stays in the Redis.  ARGV:
 * what it holds, the pattern, fields.
 */
static const char script[] =
    "local t = ARGV[1] == 'hash' and 'hash' or 'string'\n"
    "if redis.call('TYPE', KEYS[1]).ok ~= t then return 0 end\n"
    "local v = {}\n"
    "if t == 'hash' then\n"
    "  v = redis.call('HMGET', KEYS[1], unpack(ARGV, 3))\n"
    "elseif ARGV[1] == 'text' then\n"
    "  v[1] = redis.call('GETRANGE', KEYS[1], 0, 99)\n"
    "else\n"
    "  local good, o = pcall(cjson.decode, redis.call('GET', KEYS[1]))\n"
    "  if not good or type(o) ~= 'table' then return 0 end\n"
    "  for n = 3, #ARGV do v[n - 2] = o[ARGV[n]] end\n"
    "end\n"
    "for n = 1, math.max(#ARGV - 2, 1) do\n"
    "  if type(v[n]) ~= 'string' or not string.find(v[n], ARGV[2]) then\n"
    "    return 0\n"
    "  end\n"
    "end\n"
    "return 1\n";

struct detecting {
	struct kv *kv;
	char *sha1; /* of the script */
	int64_t left;
	int64_t found[REDIS_FORMATS_MAX];
};

static const struct redis_format *
find_format(const char *key)
{
	return str_starts(key, PRIMER_SIDE) ? NULL : redis_format_by_key(key);
}

static int
ask(const struct detecting *d, const char *key, const struct redis_sign *s,
    struct err *e)
{
	size_t fields = 0;

	while (s->field[fields])
		fields++;
	kv_to_key(d->kv, key);
	kv_begin(d->kv, 6 + fields);
	kv_arg_text(d->kv, "EVALSHA");
	kv_arg_text(d->kv, d->sha1);
	kv_arg_int(d->kv, 1);
	kv_arg_text(d->kv, key);
	kv_arg_text(d->kv, s->holds);
	kv_arg_text(d->kv, s->is);
	for (size_t i = 0; i < fields; i++)
		kv_arg_text(d->kv, s->field[i]);
	return kv_send(d->kv, e);
}

static int
receive(struct detecting *d, const struct redis_format *f, struct err *e)
{
	struct kv_reply *r = kv_receive(d->kv, e);
	int rc = r ? kv_check(r, e) : -1;

	if (rc == 0)
		d->found[f - redis_formats] += kv_int(r);
	kv_free(r);
	return rc;
}

static int
detect_page(void *arg, const struct kv_reply *keys, struct err *e)
{
	struct detecting *d = arg;
	const struct redis_format *f;
	int rc = 0;
	size_t len;

	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++) {
		const char *key = kv_text(kv_at(keys, i), &len);

		if ((f = find_format(key)) != NULL)
			rc = ask(d, key, &f->sign, e);
	}
	for (size_t i = 0; rc == 0 && i < kv_len(keys); i++)
		if ((f = find_format(kv_text(kv_at(keys, i), &len))) != NULL)
			rc = receive(d, f, e);
	d->left -= (int64_t)kv_len(keys);
	if (rc < 0)
		return -1;
	return d->left > 0 ? 0 : 1;
}

static int
load_script(struct detecting *d, struct err *e)
{
	size_t len;

	for (size_t i = 0; i < kv_servers(d->kv); i++) {
		struct kv_reply *r;

		kv_to(d->kv, i);
		r = kv_ask(d->kv, e, "SCRIPT", "LOAD", script, NULL);
		if (!r)
			return -1;
		free(d->sha1);
		d->sha1 = xstrdup(kv_text(r, &len));
		kv_free(r);
	}
	return 0;
}

int
primer_detect(struct kv *k, int64_t max,
    void (*fn)(void *arg, const char *format, int64_t keys), void *arg,
    struct err *e)
{
	struct detecting d = {.kv = k, .left = max};
	int rc = load_script(&d, e);

	if (rc == 0)
		rc = primer_scan(k, NULL, detect_page, &d, e);
	free(d.sha1);
	for (size_t i = 0; rc == 0 && i < redis_formats_len; i++)
		if (d.found[i] > 0)
			fn(arg, redis_formats[i].name, d.found[i]);
	return rc;
}
