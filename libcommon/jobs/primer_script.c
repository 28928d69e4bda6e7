#include "jobs/primer_part.h"

#include "sys/clock.h"

/*
 * The number of keys, but for that of the turn (KEYS[3]), and what tells that
 * some may have been replaced: the run of the server, and how many it has
 * evicted.  A key that is over counts until somebody looks for it.
 */
#define STATE                                                                  \
	"local function told(section, what)\n"                                 \
	"  local i = redis.pcall('INFO', section)\n"                           \
	"  return type(i) == 'string' and string.match(i, what) or '-'\n"      \
	"end\n"                                                                \
	"local function state()\n"                                             \
	"  local turn = redis.call('EXISTS', KEYS[3])\n"                       \
	"  return string.format('%.0f', redis.call('DBSIZE') - turn) ..\n"     \
	"    '.' ..\n"                                                         \
	"    told('server', 'run_id:(%w+)') .. '.' ..\n"                       \
	"    told('stats', 'evicted_keys:(%d+)')\n"                            \
	"end\n"

/* Whether a value is such as we write; that of no chain is empty. */
#define OURS                                                                   \
	"local function ours(key)\n"                                           \
	"  if redis.call('TYPE', key).ok ~= 'string' then return false end\n"  \
	"  local v = redis.call('GETRANGE', key, 0, 10)\n"                     \
	"  return v == '-----BEGIN ' or\n"                                     \
	"    v == '' and string.match(key, '^i:?0$') ~= nil or\n"              \
	"    v == 'default' and string.match(key, '/stores/0$') ~= nil\n"      \
	"end\n"

/*
 * What must happen in one step happens in Redis.  A script that fails, for
 * want of memory perhaps, does so before its first write.  A key of another
 * type than ours is as one that is not there (MGET says so, too), and is
 * written over.
 */
static const char *const texts[] = {
    /* Later ones are higher, also when the database was emptied. */
    [SCRIPT_FENCE] =
	"local t = redis.call('TIME')\n"
	"local now = t[1] * 1000000 + t[2]\n"
	"local last = tonumber(redis.call('MGET', KEYS[1])[1] or 0)\n"
	"if now <= last then now = last + 1 end\n"
	"redis.call('SET', KEYS[1], string.format('%.0f', now))\n"
	"return {now, t[1] * 1000 + math.floor(t[2] / 1000)}\n",
    /*
     * Two keys each: a name's, and the one beside it.  ARGV: how long it must
     * last at least, in ms; what stands before the numbers in its fields, or
     * "-"; its type; a stamp for each.  0: nothing is there, 1: as it was
     * written, with what it points to for as long as itself, 2.
     */
    [SCRIPT_LOOK] =
	"local out, lasts = {}, {}\n"
	"local function whole(key, left)\n"
	"  local n = redis.call('HMGET', key, 'c', 'p', 'i')\n"
	"  for f, letter in ipairs({'c', 'p', 'i'}) do\n"
	"    if not n[f] then return false end\n"
	"    local value = letter .. ARGV[2] .. n[f]\n"
	"    local has = lasts[value] or redis.call('PTTL', value)\n"
	"    lasts[value] = has\n"
	"    if has == -2 or has >= 0 and (left == -1 or has < left) then\n"
	"      return false\n"
	"    end\n"
	"  end\n"
	"  return true\n"
	"end\n"
	"for k = 1, #KEYS, 2 do\n"
	"  local beside = redis.call('MGET', KEYS[k + 1])[1]\n"
	"  local stamp = beside and string.match(beside, '^%d+ (%S+)')\n"
	"  local t = redis.call('TYPE', KEYS[k]).ok\n"
	"  local left = redis.call('PTTL', KEYS[k])\n"
	"  local r = 2\n"
	"  if t == 'none' then r = 0\n"
	"  elseif t == ARGV[3] and stamp == ARGV[3 + (k + 1) / 2] and\n"
	"    ((left == -1) == (ARGV[1] == '0')) and\n"
	"    (left == -1 or left >= tonumber(ARGV[1])) and\n"
	"    (ARGV[2] == '-' or whole(KEYS[k], left)) then r = 1 end\n"
	"  out[#out + 1] = r\n"
	"end\n"
	"return out\n",
    /* The same of one, which says what stands in its fields. */
    [SCRIPT_LOOK_ONE] =
	"local beside = redis.call('MGET', KEYS[2])[1]\n"
	"local stamp = beside and string.match(beside, '^%d+ (%S+)')\n"
	"local t = redis.call('TYPE', KEYS[1]).ok\n"
	"local left = redis.call('PTTL', KEYS[1])\n"
	"if t == 'none' then return {0} end\n"
	"if t ~= ARGV[3] or stamp ~= ARGV[4] or\n"
	"  ((left == -1) ~= (ARGV[1] == '0')) or\n"
	"  (left ~= -1 and left < tonumber(ARGV[1])) then return {2} end\n"
	"if ARGV[2] == '-' then return {1} end\n"
	"local n = redis.call('HMGET', KEYS[1], 'i', 'c', 'p')\n"
	"return {1, n[1] or '', n[2] or '', n[3] or ''}\n",
    /*
     * Never takes time away: names may rely on it that others have written.
     * ARGV: the value, when it is over.
     */
    [SCRIPT_VALUE] =
	"local left = redis.call('PTTL', KEYS[1])\n"
	"local at = tonumber(ARGV[2])\n"
	"if left >= 0 then\n"
	"  local t = redis.call('TIME')\n"
	"  local old = t[1] * 1000 + math.floor(t[2] / 1000) + left\n"
	"  if old > at then at = old end\n"
	"end\n"
	"redis.call('SET', KEYS[1], ARGV[1])\n"
	"if left ~= -1 then\n"
	"  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', at))\n"
	"end\n"
	"return 1\n",
    /*
     * The key, the one beside it, and, unless it is a cluster, the count, and
     * what must be there.  ARGV:
     * fence, what follows it, when it is over, '1' for a hash, and fields with
     * their values.  1: written, 0: somebody newer was here, 2: something that
     * must be there as long is not.  What must be there with a string is for
     * it alone, and lasts as long.
     */
    [SCRIPT_NAME] =
	"local beside = redis.call('MGET', KEYS[2])[1]\n"
	"if beside and tonumber(string.match(beside, '^%d+') or 0) >\n"
	"  tonumber(ARGV[1]) then return 0 end\n"
	"local function lasts(key)\n"
	"  local left = redis.call('PTTL', key)\n"
	"  if left < 0 then return left == -1 end\n"
	"  if ARGV[3] == '0' then return false end\n"
	"  local t = redis.call('TIME')\n"
	"  return t[1] * 1000 + math.floor(t[2] / 1000) + left >=\n"
	"    tonumber(ARGV[3])\n"
	"end\n"
	"for k = 4, #KEYS do\n"
	"  if not lasts(KEYS[k]) then return 2 end\n"
	"end\n"
	"if KEYS[3] then redis.call('INCR', KEYS[3]) end\n"
	"if ARGV[4] == '1' then\n"
	"  local t = redis.call('TYPE', KEYS[1]).ok\n"
	"  if t ~= 'hash' and t ~= 'none' then redis.call('DEL', KEYS[1]) end\n"
	"  redis.call('HSET', KEYS[1], unpack(ARGV, 5))\n"
	"else redis.call('SET', KEYS[1], ARGV[5]) end\n"
	"for k = 4, ARGV[4] == '0' and ARGV[3] ~= '0' and #KEYS or 0 do\n"
	"  redis.call('PEXPIREAT', KEYS[k], ARGV[3])\n"
	"end\n"
	"redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. ARGV[2])\n"
	"if ARGV[3] ~= '0' then\n"
	"  redis.call('PEXPIREAT', KEYS[1], ARGV[3])\n"
	"  redis.call('PEXPIREAT', KEYS[2], ARGV[3])\n"
	"elseif ARGV[4] == '1' then redis.call('PERSIST', KEYS[1]) end\n"
	"return 1\n",
    /*
     * The key, the one beside it, and, unless it is a cluster, the count, and
     * what goes with it.  ARGV:
     * fence, what follows it.  Only what was written; that it was removed stays
     * known for a day, to whoever has begun before.
     */
    [SCRIPT_REMOVE] =
	"local beside = redis.call('MGET', KEYS[2])[1] or ''\n"
	"local fence, stamp = string.match(beside, '^(%d+) (%S+)')\n"
	"if not fence or stamp == '-' or\n"
	"  tonumber(fence) > tonumber(ARGV[1]) then return 0 end\n"
	"if KEYS[3] then redis.call('INCR', KEYS[3]) end\n"
	"redis.call('DEL', KEYS[1])\n"
	"for k = 4, #KEYS do redis.call('DEL', KEYS[k]) end\n"
	"redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. ARGV[2], 'EX', 86400)\n"
	"return 1\n",
    /*
     * These three remove what is ours only, and with ARGV[1] '1' only say so.
     * The key, the one beside it.  ARGV: the seconds for which nothing must
     * have pointed to it, which is noted for a week.
     */
    [SCRIPT_DROP_LATER] = OURS
    "local least = tonumber(ARGV[2])\n"
    "local now = tonumber(redis.call('TIME')[1])\n"
    "local beside = redis.call('MGET', KEYS[2])[1]\n"
    "local since = beside and string.match(beside, '^unused (%d+)$')\n"
    "if not ours(KEYS[1]) then return 0 end\n"
    "if least > 0 and since and now - since < least then return 0 end\n"
    "if least > 0 and not since then\n"
    "  if ARGV[1] == '0' then\n"
    "    redis.call('SET', KEYS[2],\n"
    "      'unused ' .. string.format('%.0f', now), 'EX', 604800)\n"
    "  end\n"
    "  return 0\n"
    "end\n"
    "if ARGV[1] == '1' then return 1 end\n"
    "redis.call('DEL', KEYS[2])\n"
    "return redis.call('DEL', KEYS[1])\n",
    /*
     * The key, the count.  ARGV: what that was before we looked at names; the
     * ms for which whoever has read a name may still come for it.
     */
    [SCRIPT_DROP] = OURS
    "if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[2] or\n"
    "  not ours(KEYS[1]) then return 0 end\n"
    "local left = redis.call('PTTL', KEYS[1])\n"
    "if ARGV[3] ~= '0' and left >= 0 and left <= tonumber(ARGV[3]) then\n"
    "  return 0\n"
    "end\n"
    "if ARGV[1] == '1' then return 1 end\n"
    "if ARGV[3] == '0' then return redis.call('DEL', KEYS[1]) end\n"
    "return redis.call('PEXPIRE', KEYS[1], ARGV[3])\n",
    /* The key, that of its name. */
    [SCRIPT_DROP_HALF] =
	OURS "if redis.call('EXISTS', KEYS[2]) == 1 or not ours(KEYS[1]) then\n"
	     "  return 0\n"
	     "end\n"
	     "if ARGV[1] == '1' then return 1 end\n"
	     "return redis.call('DEL', KEYS[1])\n",
    /*
     * The note, the count, the turn.  What was noted, unless somebody has
     * written since, or keys have come or gone.
     */
    [SCRIPT_NOTE_READ] = STATE
    "local n = redis.call('MGET', KEYS[1])[1] or ''\n"
    "local writes, keys, rest = string.match(n, '^(%d+) (%S+) (.*)$')\n"
    "if writes ~= (redis.call('GET', KEYS[2]) or '0') or\n"
    "  keys ~= state() then return '' end\n"
    "return rest\n",
    /* The same.  ARGV: the count as it is to be, what is noted. */
    [SCRIPT_NOTE_WRITE] =
	STATE "if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then\n"
	      "  redis.call('DEL', KEYS[1])\n"
	      "  return 0\n"
	      "end\n"
	      "redis.call('SET', KEYS[1], '')\n"
	      "redis.call('SET', KEYS[1],\n"
	      "  ARGV[1] .. ' ' .. state() .. ' ' .. ARGV[2])\n"
	      "return 1\n",
    /*
     * The turn.  ARGV: the fence, for how long at most, in ms.  0: it is ours,
     * or how long it is that of somebody else.
     */
    [SCRIPT_TURN] = "local left = redis.call('PTTL', KEYS[1])\n"
		    "if left >= 0 then return left + 1 end\n"
		    "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])\n"
		    "return 0\n",
    [SCRIPT_TURN_OVER] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then\n"
			 "  return 0\n"
			 "end\n"
			 "return redis.call('DEL', KEYS[1])\n",
    /* The key.  ARGV: the fields of a hash.  Secrets do not come back. */
    [SCRIPT_DIGEST] = "local t, v = redis.call('TYPE', KEYS[1]).ok, {}\n"
		      "if t == 'hash' and #ARGV > 0 then\n"
		      "  v = redis.call('HMGET', KEYS[1], unpack(ARGV))\n"
		      "elseif t == 'string' and #ARGV == 0 then\n"
		      "  v = {redis.call('GET', KEYS[1])}\n"
		      "end\n"
		      "local all = ''\n"
		      "for n = 1, #v do\n"
		      "  if not v[n] then return '' end\n"
		      "  all = all .. redis.sha1hex(v[n])\n"
		      "end\n"
		      "return all\n",
};
_Static_assert(ARRAY_LEN(texts) == SCRIPT__MAX, "a text each");

static int
send_scripts(struct primer *p, size_t server, struct err *e)
{
	for (size_t i = 0; i < SCRIPT__MAX; i++) {
		kv_to(p->o.kv, server);
		if (kv_command(p->o.kv, e, "SCRIPT", "LOAD", texts[i], NULL) <
		    0)
			return -1;
	}
	return 0;
}

static int
receive_scripts(struct primer *p, struct err *e)
{
	for (size_t i = 0; i < SCRIPT__MAX; i++) {
		struct kv_reply *r = kv_receive(p->o.kv, e);
		int rc = r ? kv_check(r, e) : -1;
		size_t len;

		if (rc == 0) {
			free(p->scripts[i]);
			p->scripts[i] = xstrdup(kv_text(r, &len));
		}
		kv_free(r);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int
primer_load_scripts(struct primer *p, struct err *e)
{
	size_t servers = kv_servers(p->o.kv);

	for (size_t i = 0; i < servers; i++)
		if (send_scripts(p, i, e) < 0)
			return -1;
	for (size_t i = 0; i < servers; i++)
		if (receive_scripts(p, e) < 0)
			return -1;
	return 0;
}

void
primer_eval(struct primer *p, enum script script, size_t keys, size_t args)
{
	kv_begin(p->o.kv, 3 + keys + args);
	kv_arg_text(p->o.kv, "EVALSHA");
	kv_arg_text(p->o.kv, p->scripts[script]);
	kv_arg_int(p->o.kv, (int64_t)keys);
}

int
primer_receive(struct primer *p, int64_t *n, struct err *e)
{
	struct kv_reply *r = kv_receive(p->o.kv, e);
	int rc = r ? kv_check(r, e) : -1;

	*n = rc == 0 ? kv_int(r) : 0;
	kv_free(r);
	return rc;
}

/* A number of a writer, and the time by the clock of Redis. */
static int
ask_fence(struct primer *p, int64_t *fence, int64_t *ms, struct err *e)
{
	struct kv_reply *r;
	int rc;

	kv_to_key(p->o.kv, PRIMER_FENCE_KEY);
	primer_eval(p, SCRIPT_FENCE, 1, 0);
	kv_arg_text(p->o.kv, PRIMER_FENCE_KEY);
	if (kv_send(p->o.kv, e) < 0 || !(r = kv_receive(p->o.kv, e)))
		return -1;
	rc = kv_check(r, e);
	if (rc == 0 && kv_len(r) != 2)
		rc = err_set(e, KIND_SYS, "this is no Redis");
	if (rc == 0) {
		*fence = kv_int(kv_at(r, 0));
		*ms = kv_int(kv_at(r, 1));
	}
	kv_free(r);
	return rc;
}

int
primer_take_fence(struct primer *p, struct err *e)
{
	int64_t ms;

	return ask_fence(p, &p->fence, &ms, e);
}

int
primer_take_base(struct primer *p, struct err *e)
{
	int64_t fence;

	p->base_mono = clock_mono();
	return ask_fence(p, &fence, &p->base_ms, e);
}

char *
primer_side(const char *key)
{
	return xasprintf(PRIMER_SIDE "%s}", key);
}

int64_t
primer_deadline(const struct primer *p, int64_t ms)
{
	return ms > 0 ? p->base_ms + ms : 0;
}
