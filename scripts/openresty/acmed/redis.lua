-- Certificates out of a Redis, as redis-prime(1) writes them in style 1 and 2.
-- It needs no more than AUTH, SELECT, GET and HMGET.
local null = ngx.null

local redis = {}

local function command(words)
	local out = {"*" .. #words .. "\r\n"}

	for _, word in ipairs(words) do
		out[#out + 1] = "$" .. #word .. "\r\n" .. word .. "\r\n"
	end
	return table.concat(out)
end

local read

local function read_bulk(sock, length)
	local data, why

	if length < 0 then
		return null
	end
	data, why = sock:receive(length + 2)
	return data and data:sub(1, length), why
end

local function read_array(sock, length)
	local items = {}

	for i = 1, length do
		local item, why = read(sock)

		if item == nil then
			return nil, why
		end
		items[i] = item
	end
	return items
end

-- A reply; nil and why when there is none, or an error.
function read(sock)
	local line, why = sock:receive()

	if not line then
		return nil, why
	end
	local kind, rest = line:sub(1, 1), line:sub(2)
	if kind == "+" then
		return rest
	elseif kind == "$" and tonumber(rest) then
		return read_bulk(sock, tonumber(rest))
	elseif kind == "*" and tonumber(rest) then
		return read_array(sock, tonumber(rest))
	end
	return nil, kind == "-" and rest or "not what a Redis says"
end

-- The replies to all commands, in one turn.
local function ask(sock, commands)
	local sent, why = {}, nil

	for i, words in ipairs(commands) do
		sent[i] = command(words)
	end
	sent, why = sock:send(table.concat(sent))
	if not sent then
		return nil, why
	end
	return read_array(sock, #commands)
end

local function begin(sock, options)
	local first = {}

	if options.password then
		first[1] = options.user and
		    {"AUTH", options.user, options.password} or
		    {"AUTH", options.password}
	end
	first[#first + 1] = {"SELECT", tostring(options.database)}
	return ask(sock, first)
end

local function connect(options)
	local sock = ngx.socket.tcp()
	local done, why

	sock:settimeout(options.timeout * 1000)
	if options.path then
		done, why = sock:connect("unix:" .. options.path, {pool = "acmed"})
	else
		done, why = sock:connect(options.host, options.port,
		    {pool = "acmed"})
	end
	if done and sock:getreusedtimes() == 0 then
		done, why = begin(sock, options)
	end
	if not done then
		sock:close()
		return nil, why
	end
	return sock
end

-- How many of the fields are there.
local function count(fields)
	local n = 0

	for _, field in ipairs(fields) do
		if field ~= null then
			n = n + 1
		end
	end
	return n
end

local styles = {
	["1"] = {
		ask = function(name)
			return {"HMGET", "d1:" .. name, "c", "p", "i"}
		end,
		fields = 3,
		-- What the name points to; nil: not all of it is there.
		take = function(sock, ids)
			local parts, why = ask(sock, {{"GET", "c:" .. ids[1]},
			    {"GET", "p:" .. ids[2]}, {"GET", "i:" .. ids[3]}})

			if not parts then
				return nil, nil, why
			elseif count(parts) < 3 then
				return nil
			end
			return parts[1] .. "\n" .. parts[3], parts[2]
		end
	},
	["2"] = {
		ask = function(name)
			return {"HMGET", "d2:" .. name, "f", "p"}
		end,
		fields = 2,
		take = function(_, parts)
			return parts[1], parts[2]
		end
	}
}

function redis.check(options)
	for _, style in ipairs(options.styles) do
		if not styles[style] then
			error("acmed: redis: there is no style " .. style)
		end
	end
end

-- As redis.find, of one look.
local function look(sock, options, names)
	local questions, from = {}, {}
	local half

	for i, name in ipairs(names) do
		for _, style in ipairs(options.styles) do
			questions[#questions + 1] = styles[style].ask(name)
			from[#from + 1] = {style = styles[style], at = i}
		end
	end
	local replies, why = ask(sock, questions)
	if not replies then
		return nil, nil, nil, why
	end
	for i, reply in ipairs(replies) do
		local fields = count(reply)
		local chain, key, failed

		if fields == from[i].style.fields then
			chain, key, failed = from[i].style.take(sock, reply)
		end
		if chain or failed then
			return from[i].at, chain, key, failed
		end
		half = half or fields > 0 and from[i].at or nil
	end
	return half
end

-- What is written anew between two looks at it is whole in the next one.
local function find(sock, options, names)
	local at, chain, key, failed = look(sock, options, names)

	if at and not chain and not failed then
		return look(sock, options, names)
	end
	return at, chain, key, failed
end

-- The first of the names that is there: which, its chain, its key; without
-- these only a part of it is there.  nil: none is; with a fourth value nobody
-- knows, and that says why.
function redis.find(options, names)
	local sock, why = connect(options)

	if not sock then
		return nil, nil, nil, why
	end
	local at, chain, key, failed = find(sock, options, names)
	if failed then
		sock:close()
		return nil, nil, nil, failed
	end
	sock:setkeepalive(options.idle * 1000, options.connections)
	return at, chain, key
end

return redis
