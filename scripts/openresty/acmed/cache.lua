-- What is known of names: in the memory of the worker, where certificates are
-- ready to use, and in what workers share, where they are DER.
--
-- In the shared dictionary of certificates the value of a name is a line
-- "SERIAL FLOOR DUE LENGTH LABEL", then the key and the chain.  It is fresh
-- until DUE while FLOOR is that of now, which expiring all raises; what is not
-- fresh stays, for when there is nobody to ask.  The serial is another one when
-- the certificate is.  Expiring anything raises the epoch, and workers then
-- look again whether what they have is what is shared; what was asked for before
-- is not fresh.
--
-- Clients choose the names of what is not there: that is in a dictionary of its
-- own, so that it displaces no certificate.
local lrucache = require "resty.lrucache"
local ssl = require "ngx.ssl"

local now = ngx.now

local cache = {}
cache.__index = cache

local EPOCH, FLOOR, SERIAL = "!epoch", "!floor", "!serial"
local ORDER = "!order "
local HEADER = "^(%d+) (%d+) ([%d.]+) (%d+) ([%u ]+)\n()"

-- options: certificates, misses (names of dictionaries); memory (items of a
-- worker); fresh, missing, stale (seconds)
function cache.new(options)
	local self = setmetatable({}, cache)

	for key, value in pairs(options) do
		self[key] = value
	end
	self.certs = ngx.shared[options.certificates]
	self.absent = ngx.shared[options.misses]
	if not self.certs or not self.absent then
		error("acmed: there is no lua_shared_dict " ..
		    options.certificates .. ", or no " .. options.misses)
	end
	self.lru = assert(lrucache.new(options.memory))
	return self
end

-- ---- PEM and DER -----------------------------------------------------------

local function to_pem(label, der)
	local text = ngx.encode_base64(der):gsub(("."):rep(64), "%0\n")
	    :gsub("\n$", "")

	return "-----BEGIN " .. label .. "-----\n" .. text ..
	    "\n-----END " .. label .. "-----\n"
end

-- All blocks whose label ends with this: their DER, and the label of the last.
local function from_pem(pem, ending)
	local ders, last = {}, nil

	for label, text in
	    pem:gmatch("%-%-%-%-%-BEGIN ([%u ]+)%-%-%-%-%-(.-)%-%-%-%-%-END") do
		local der = ngx.decode_base64((text:gsub("%s", "")))

		if label:sub(-#ending) == ending and der then
			ders[#ders + 1] = der
			last = label
		end
	end
	return ders, last
end

-- Where the DER value ends that begins at `at`.
local function der_end(s, at)
	local length = s:byte(at + 1) or 0
	local head = 2

	if length >= 128 then
		local bytes = length - 128

		length = 0
		for i = 1, bytes do
			length = length * 256 + (s:byte(at + 1 + i) or 0)
		end
		head = head + bytes
	end
	return at + head + length - 1
end

local function chain_to_pem(chain)
	local pem, at = {}, 1

	while at <= #chain do
		local last = der_end(chain, at)

		pem[#pem + 1] = to_pem("CERTIFICATE", chain:sub(at, last))
		at = last + 1
	end
	return table.concat(pem)
end

local function make_ready(name, serial, chain_pem, key_pem)
	local cert, why = ssl.parse_pem_cert(chain_pem)
	local key

	if not cert then
		return nil, why
	end
	key, why = ssl.parse_pem_priv_key(key_pem)
	if not key then
		return nil, why
	end
	return {name = name, serial = serial, cert = cert, key = key}
end

-- ---- certificates ----------------------------------------------------------

local function floor(self)
	return self.certs:get(FLOOR) or 0
end

function cache:epoch()
	return self.certs:get(EPOCH) or 0
end

-- Gives it to the handshake in hand.  nil and why: it is no certificate with its
-- key, and the handshake has none.
function cache.use(entry)
	local done, why = ssl.clear_certs()

	if done then
		done, why = ssl.set_cert(entry.cert)
	end
	if done then
		done, why = ssl.set_priv_key(entry.key)
	end
	return done, why
end

-- What the worker itself has of a name, if that is fresh.  Any text will do for
-- a name, and this is all that most handshakes need.
function cache:ready(name)
	local entry = self.lru:get(name)

	if entry and entry.epoch == self:epoch() and now() < entry.due then
		return entry
	end
end

-- What is there of a name: fresh, or nil and what is not; its cert and key are
-- what ngx.ssl takes.
function cache:get(name)
	local entry = self:ready(name)

	if entry then
		return entry
	end
	local epoch = self:epoch()
	local value = self.certs:get(name)
	entry = self.lru:get(name)
	if not value then
		self.lru:delete(name)
		return nil
	end
	local serial, of, due, length, label, at = value:match(HEADER)
	if not entry or entry.serial ~= serial then
		entry = make_ready(name, serial,
		    chain_to_pem(value:sub(at + length)),
		    to_pem(label, value:sub(at, at + length - 1)))
		if not entry then
			return nil
		end
		self.lru:set(name, entry)
	end
	entry.epoch, entry.due = epoch, tonumber(due)
	if tonumber(of) == floor(self) and now() < entry.due then
		return entry
	end
	entry.due = 0
	return nil, entry
end

local function pack(self, serial, due, label, key, chain)
	return ("%s %d %.3f %d %s\n"):format(serial, floor(self), due, #key,
	    label) .. key .. chain
end

-- Sets until when what is there is fresh.
local function set_due(self, name, due)
	local value = self.certs:get(name)

	if not value then
		return
	end
	local serial, _, _, length, label, at = value:match(HEADER)
	self.certs:set(name, pack(self, serial, due, label,
	    value:sub(at, at + length - 1), value:sub(at + length)),
	    math.max(self.certs:ttl(name) or 0, 1))
end

-- The serial of what is there, if it is this; else the next one.
local function serial_of(self, name, label, content)
	local old = self.certs:get(name)

	if old then
		local serial, _, _, _, of, at = old:match(HEADER)

		if of == label and old:sub(at) == content then
			return serial
		end
	end
	return tostring(self.certs:incr(SERIAL, 1, 0))
end

-- Keeps what a source has said that was asked when the epoch was this.  Returns
-- it as get does; nil and why when it is no certificate with its key, and then
-- nothing is displaced.  Only using it tells whether they fit: true when that
-- has left the handshake without any.
function cache:put(name, chain_pem, key_pem, epoch)
	local keys, label = from_pem(key_pem, "PRIVATE KEY")
	local chain = table.concat((from_pem(chain_pem, "CERTIFICATE")))

	if #keys ~= 1 or chain == "" then
		return nil, "not a certificate and a key in PEM"
	end
	local entry, why = make_ready(name, serial_of(self, name, label,
	    keys[1] .. chain), chain_pem, key_pem)
	if not entry then
		return nil, why
	end
	local fits
	fits, why = cache.use(entry)
	if not fits then
		return nil, why, true
	end
	entry.epoch = epoch
	entry.due = now() + self.fresh
	local stored, failed, displaced = self.certs:set(name,
	    pack(self, entry.serial, entry.due, label, keys[1], chain),
	    self.stale)
	if not stored or displaced then
		ngx.log(ngx.WARN, "acmed: the dictionary of certificates is ",
		    "too small: ", failed or "others were displaced")
	end
	-- Only now: whoever expires it from here on finds it.
	if self:epoch() ~= epoch then
		entry.due = 0
		set_due(self, name, 0)
	end
	self.lru:set(name, entry)
	return entry
end

-- What is old will do a little longer.
function cache:keep(name)
	set_due(self, name, now() + self.missing)
end

function cache:drop(name)
	self.certs:delete(name)
	self.lru:delete(name)
end

-- ---- what is not there -----------------------------------------------------

-- For a name, "none", or the wildcard that is for it; nil.  The value is "FLOOR
-- WHAT", and is none for another floor: so locks outlive expiring all.
function cache:mark(name, what)
	self.absent:set(name, floor(self) .. " " .. what,
	    what == "none" and self.missing or self.fresh)
end

function cache:marked(name)
	local of, what =
	    tostring(self.absent:get(name)):match("^(%d+) (.+)$")

	return of and tonumber(of) == floor(self) and what or nil
end

-- One asks for a name at a time.
function cache:lock(name, seconds)
	return self.absent:add("!lock " .. name, 1, seconds)
end

function cache:unlock(name)
	self.absent:delete("!lock " .. name)
end

-- One orders for a name at a time, and nobody waits for that.
function cache:begin_order(name, seconds)
	return self.absent:add(ORDER .. name, 1, seconds)
end

function cache:end_order(name)
	self.absent:delete(ORDER .. name)
end

function cache:is_ordered(name)
	return self.absent:get(ORDER .. name) ~= nil
end

-- A source that does not answer is left alone for a second.
function cache:blame(source)
	self.absent:set("!down " .. source, 1, 1)
end

function cache:is_down(source)
	return self.absent:get("!down " .. source) ~= nil
end

-- Whether something may be done once more this second.
function cache:allows(what, per_second)
	local key = "!rate " .. what .. " " .. math.floor(now())
	local count = self.absent:incr(key, 1, 0, 2)

	return not count or count <= per_second
end

-- ---- expiring --------------------------------------------------------------

-- The epoch is another one before, for who asks, and after, for who has looked.
local function expire(self, how)
	self.certs:incr(EPOCH, 1, 0)
	how()
	self.certs:incr(EPOCH, 1, 0)
end

function cache:expire(name)
	expire(self, function()
		local wildcard = self:marked(name)

		self.absent:delete(name)
		set_due(self, name, 0)
		if wildcard and wildcard ~= "none" then
			set_due(self, wildcard, 0)
		end
	end)
end

function cache:expire_all()
	expire(self, function()
		self.certs:incr(FLOOR, 1, 0)
	end)
end

-- Names with a fresh certificate, without any, and with an order under way.
function cache:list(most)
	local valid, invalid, ordered = {}, {}, {}
	local now_floor = floor(self)

	for _, name in ipairs(self.certs:get_keys(most)) do
		local value = name:sub(1, 1) ~= "!" and self.certs:get(name)
		local _, of, due = (value or ""):match(HEADER)

		if due and tonumber(of) == now_floor and now() < tonumber(due) then
			valid[#valid + 1] = name
		end
	end
	for _, name in ipairs(self.absent:get_keys(most)) do
		if self:marked(name) == "none" then
			invalid[#invalid + 1] = name
		elseif name:sub(1, #ORDER) == ORDER then
			ordered[#ordered + 1] = name:sub(#ORDER + 1)
		end
	end
	return valid, invalid, ordered
end

return cache
