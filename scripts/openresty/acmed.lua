-- nginx takes its certificates by the server name that a client asks for: from
-- the worker's memory, from what workers share, from a Redis that redis-prime(1)
-- fills, and at last from acmed-admin.  acmed-openresty(7) says how it is set up.
local cache_new = require("acmed.cache").new
local redis = require "acmed.redis"
local semaphore = require "ngx.semaphore"
local ssl = require "ngx.ssl"

local acmed = {_VERSION = "0.1.0"}

local SERVER = "acmed:nginx"
local LIST_MAX = 1024
local LIST_BYTES = 28 * 1024
local LOCK = 10 -- seconds; who asks is done by then, or gone
local WAIT = 0.01

local defaults = {
	certificates = "acmed_certificates",
	misses = "acmed_misses",
	memory = 1000,
	fresh = 600,
	missing = 5,
	stale = 7 * 86400
}
local redis_defaults = {
	host = "127.0.0.1",
	port = 6379,
	database = 9,
	styles = {"1", "2"},
	timeout = 1,
	idle = 60,
	connections = 32
}
local admin_defaults = {
	timeout = 2,
	per_second = 20,
	autocert = false
}

local config, cache, admin

-- ---- settings --------------------------------------------------------------

local function read_line(path)
	local file, why = io.open(path)
	local line = file and file:read("*l")

	if file then
		file:close()
	end
	if not line or line == "" then
		error("acmed: " .. (why or path .. ": is empty"))
	end
	return line
end

local function complete(given, known, also)
	local out = {}

	for key in pairs(given) do
		if known[key] == nil and not also:find(" " .. key .. " ", 1, true) then
			error("acmed: there is no option " .. key)
		end
	end
	for key, value in pairs(known) do
		out[key] = value
	end
	for key, value in pairs(given) do
		out[key] = value
	end
	return out
end

-- Once, in init_by_lua: what is wrong keeps nginx from starting.
function acmed.setup(options)
	config = complete(options, defaults, " redis admin ")
	if config.redis then
		config.redis = complete(config.redis, redis_defaults,
		    " path user password_file ")
		redis.check(config.redis)
		if config.redis.password_file then
			config.redis.password =
			    read_line(config.redis.password_file)
		end
	end
	if config.admin then
		admin = require "acmed.admin"
		config.admin = complete(config.admin, admin_defaults,
		    " url token_file ")
		admin.check(config.admin)
		if config.admin.token_file then
			config.admin.token = read_line(config.admin.token_file)
		end
	end
	if not config.redis and not config.admin then
		error("acmed: neither redis nor admin: nobody to ask")
	end
	cache = cache_new(config)
end

-- ---- sources ---------------------------------------------------------------

local function blame(source, why)
	cache:blame(source)
	ngx.log(ngx.ERR, "acmed: ", source, ": ", why)
end

-- `asked`: the name, its wildcard, the epoch before, and what is known (old).
-- What it returns is what from_redis and from_admin do.
local function keep(asked, source, name, chain, key)
	local entry, why, spoilt = cache:put(name, chain, key, asked.epoch)

	if not entry then
		ngx.log(ngx.ERR, "acmed: ", source, ": ", asked.name, ": ", why)
		asked.spoilt = asked.spoilt or spoilt
	end
	return entry, not entry
end

-- An entry, or nil and whether nobody knows.
local function from_redis(asked)
	if not config.redis then
		return nil, false
	elseif cache:is_down("redis") then
		return nil, true
	end
	local at, chain, key, failed =
	    redis.find(config.redis, {asked.name, asked.wildcard})
	if failed then
		blame("redis", failed)
		return nil, true
	elseif not at then
		return nil, false
	elseif not chain then
		ngx.log(ngx.ERR, "acmed: redis: ", asked.name,
		    ": a part of it is missing")
		return nil, true
	end
	return keep(asked, "redis", at == 1 and asked.name or asked.wildcard,
	    chain, key)
end

-- Strangers, who choose names, use up no more than what is theirs: what is known
-- itself, or by its wildcard, is asked for all the same.
local function may_ask_admin(asked)
	local who = "strangers"

	if asked.old then
		who = asked.old.name == asked.name and "known" or "covered"
	end
	return cache:allows(who, config.admin.per_second)
end

-- What admin.find or admin.order has returned.
local function take(asked, chain, key, failed, covered_by)
	if failed then
		blame("admin", failed)
		return nil, true
	elseif not chain then
		return nil, false
	end
	local for_all = asked.wildcard and covered_by == asked.wildcard
	return keep(asked, "admin", for_all and asked.wildcard or asked.name,
	    chain, key)
end

local function from_admin(asked)
	if not config.admin then
		return nil, false
	elseif cache:is_down("admin") or not may_ask_admin(asked) then
		return nil, true
	end
	local entry, unknown =
	    take(asked, admin.find(config.admin, asked.name))
	asked.is_new = not entry and not unknown
	return entry, unknown
end

-- ---- names -----------------------------------------------------------------

-- What is at hand: an entry, or that there is none; else what is no longer
-- fresh.
local function look(name, wildcard)
	local entry, old = cache:get(name)

	if entry then
		return entry
	end
	local mark = cache:marked(name)
	if mark == "none" then
		return nil, true
	end
	local for_all, old_for_all
	if wildcard then
		for_all, old_for_all = cache:get(wildcard)
	end
	if for_all and mark == wildcard then
		return for_all
	end
	return nil, false, old or for_all or old_for_all
end

-- When nobody knows: what is old, for a little longer.
local function without_answer(asked)
	local old = asked.old

	if old and old.due == 0 then
		cache:keep(old.name)
	elseif not old and asked.spoilt then
		-- The next one gets the certificate of the configuration.
		cache:mark(asked.name, "none")
	end
	return old
end

local function found(asked, entry)
	if entry.name ~= asked.name then
		cache:drop(asked.name)
		cache:mark(asked.name, entry.name)
	end
	return entry
end

-- One that acmed-admin does not know: it may be ordered.
local function begin_order(asked)
	return asked.is_new and config.admin.autocert and
	    admin.can_order(asked.name) and
	    cache:begin_order(asked.name, config.admin.order_takes)
end

-- Asks, and keeps what comes of it; sets asked.is_ordered when it is to be
-- ordered by who has asked.
local function fetch(asked)
	if cache:is_ordered(asked.name) then
		return asked.old
	end
	local entry, unknown = from_redis(asked)
	local also_unknown = false

	if not entry then
		entry, also_unknown = from_admin(asked)
	end
	if entry then
		return found(asked, entry)
	elseif cache:epoch() ~= asked.epoch then
		return asked.old
	elseif unknown or also_unknown then
		return without_answer(asked)
	end
	cache:drop(asked.name)
	asked.is_ordered = begin_order(asked)
	if not asked.is_ordered then
		cache:mark(asked.name, "none")
	end
	return nil
end

-- The result of a pcall.
local function finish(done, result)
	if not done then
		error(result, 0)
	end
	return result
end

local function mark_none(asked)
	if cache:epoch() == asked.epoch then
		cache:mark(asked.name, "none")
	end
end

-- Sets asked.answer.  However it ends: that there was none before is known.
local function ask_order(asked)
	local done, chain, key, failed, covered_by =
	    pcall(admin.order, config.admin, asked.name)

	if not done then
		chain, failed = nil, chain
	end
	if failed then
		blame("admin", failed)
	end
	if not chain then
		mark_none(asked)
	end
	asked.answer = {chain = chain, key = key, covered_by = covered_by}
	cache:end_order(asked.name)
end

-- A handshake that is given up ends in the middle of what it does, and what it
-- has ordered has to have its end: that is in a timer.
local function order(asked)
	local ready = semaphore.new()
	local started = ngx.timer.at(0, function()
		ask_order(asked)
		ready:post()
	end)

	if started then
		ready:wait(config.admin.order_takes)
	else
		ask_order(asked)
	end
	local answer = asked.answer or {}
	local entry = take(asked, answer.chain, answer.key, nil,
	    answer.covered_by)
	if entry then
		return found(asked, entry)
	end
	mark_none(asked)
	return nil
end

-- Another one asks already.
local function await(name, wildcard)
	local tries = LOCK / WAIT
	local entry, none, old
	local locked

	repeat
		ngx.sleep(WAIT)
		tries = tries - 1
		locked = cache:lock(name, LOCK)
		-- After that: what the other one has kept is there then.
		entry, none, old = look(name, wildcard)
	until entry or none or locked or tries == 0
	if locked then
		cache:unlock(name)
	end
	return entry or not none and old or nil
end

local function find(name)
	local wildcard = name:match("^[^.]+(%..+)$")
	wildcard = wildcard and "*" .. wildcard
	local entry, none, old = look(name, wildcard)

	if entry or none then
		return entry
	end
	if not cache:lock(name, LOCK) then
		return old or await(name, wildcard)
	end
	local asked = {name = name, wildcard = wildcard, old = old,
	    epoch = cache:epoch()}
	local done, result = pcall(fetch, asked)
	cache:unlock(name)
	result = finish(done, result)
	if asked.is_ordered then
		return order(asked)
	end
	return result
end

-- ---- nginx -----------------------------------------------------------------

local function use(entry)
	local done, why = cache.use(entry)

	if not done then
		ngx.log(ngx.ERR, "acmed: ", entry.name, ": ", why)
		return ngx.exit(ngx.ERROR)
	end
end

-- In ssl_certificate_by_lua.  A name that there is nothing for gets the
-- certificate of the configuration.
function acmed.certificate()
	local name = ssl.server_name()
	local ready = name and cache:ready(name)

	if ready then
		return use(ready)
	end
	name = name and name:lower():gsub("%.$", "")
	-- To acmed-admin a number is not a name, but a row of the store.
	if not name or #name > 253 or not name:find("^[%w._-]+$") or
	    not name:find("[^%d]") then
		return
	end
	local done, entry = pcall(find, name)
	if not done then
		ngx.log(ngx.ERR, "acmed: ", name, ": ", entry)
		return
	end
	if entry then
		return use(entry)
	end
end

local function reply(status, text)
	ngx.status = status
	ngx.header["Content-Type"] = "application/json"
	ngx.header["Content-Length"] = #text
	ngx.print(text)
	return ngx.exit(status)
end

local function signed(text)
	return ('{%s,"server":"%s","server_version":"%s"}\n'):format(text,
	    SERVER, acmed._VERSION)
end

-- In content_by_lua: .../all and .../domain/NAME.
function acmed.expire()
	local uri = ngx.var.uri
	local name = uri:match("/domain/([%w._*-]+)$")

	if uri:find("/all$") then
		cache:expire_all()
		return reply(200, signed('"result":"success","expired":"all",' ..
		    '"effective_in":0'))
	elseif name then
		name = name:lower()
		cache:expire(name)
		return reply(200, signed(('"result":"success",' ..
		    '"expired":"domain","domain":"%s","effective_in":0')
		    :format(name)))
	end
	return reply(404, signed('"result":"error","expired":"None",' ..
	    '"reason":"Unknown URI"'))
end

-- Clients choose some of the names, and nginx-expire(1) reads no more than 96
-- KiB: of each list so much that all of them fit.
local function list(names)
	local length, last = 0, 0

	for i, name in ipairs(names) do
		length = length + #name + 3
		if length > LIST_BYTES then
			break
		end
		last = i
	end
	return last == 0 and "[]" or
	    '["' .. table.concat(names, '","', 1, last) .. '"]'
end

-- In content_by_lua.
function acmed.status()
	local valid, invalid, ordered = cache:list(LIST_MAX)

	return reply(200, signed(('"result":"success","effective_in":0,' ..
	    '"keys":{"valid":%s,"invalid":%s,"autocert":%s},' ..
	    '"config":{"expiries":{"%s":%d,"%s":%d,"resty.lrucache":0},' ..
	    '"maxitems":{"resty.lrucache":%d}}')
	    :format(list(valid), list(invalid), list(ordered),
	    config.certificates, config.fresh, config.misses, config.missing,
	    config.memory)))
end

return acmed
