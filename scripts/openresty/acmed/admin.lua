-- Certificates from acmed-admin, one GET each.
local cjson = require "cjson"

local admin = {}

local BODY_MAX = 262144
local FIELDS_MAX = 64
local NONE = "no such domain" -- with 404, which may mean the URL, too
local KEYS = {
	"certificate_signed__latest_multi", "x509_certificate__latest_multi",
	"certificate_signed__latest_single", "x509_certificate__latest_single"
}

-- http://HOST[:PORT][/PREFIX], https, or unix:PATH:[/PREFIX]
function admin.check(options)
	local scheme, host, port, prefix =
	    options.url:match("^(https?)://([^/:]+):?(%d*)(.*)$")

	if scheme then
		options.tls = scheme == "https"
		options.host = host
		options.port = tonumber(port) or (options.tls and 443 or 80)
	else
		options.path, prefix = options.url:match("^unix:([^:]+):?(.*)$")
		options.host = "localhost"
	end
	if not scheme and not options.path then
		error("acmed: admin: not a URL: " .. options.url)
	end
	options.prefix = prefix:gsub("/$", "")
end

local function connect(options)
	local sock = ngx.socket.tcp()
	local done, why

	sock:settimeout(options.timeout * 1000)
	if options.path then
		done, why = sock:connect("unix:" .. options.path)
	else
		done, why = sock:connect(options.host, options.port)
	end
	if done and options.tls then
		done, why = sock:sslhandshake(false, options.host, true)
	end
	if not done then
		sock:close()
		return nil, why
	end
	return sock
end

-- The length of the body that these fields of a head say; nil and why.
local function read_fields(sock)
	local length

	for _ = 0, FIELDS_MAX do
		local line, why = sock:receive()

		if not line then
			return nil, why
		elseif line == "" then
			return length, "an answer without its length"
		end
		local field, value = line:lower():match("^([%w-]+):%s*(.-)%s*$")
		if field == "content-length" then
			length = value:find("^%d+$") and tonumber(value)
		elseif field == "transfer-encoding" then
			return nil, "an answer in chunks"
		end
	end
	return nil, "its answer has too many fields"
end

-- Status and body; nil and why.
local function read_answer(sock)
	local line, why = sock:receive()
	local status = line and line:match("^HTTP/1%.[01] (%d%d%d)")
	local length, body

	if not status then
		return nil, why or "not HTTP"
	end
	length, why = read_fields(sock)
	if not length then
		return nil, why
	elseif length > BODY_MAX then
		return nil, "its answer is too long"
	end
	body, why = sock:receive(length)
	return body and tonumber(status), body or why
end

local function ask(options, name)
	local sock, why = connect(options)
	local status, body

	if not sock then
		return nil, why
	end
	status, why = sock:send(table.concat({
		"GET ", options.prefix, "/domain/", name,
		"/config.json?openresty=1 HTTP/1.1\r\nHost: ", options.host,
		"\r\nAccept: application/json\r\nConnection: close\r\n",
		options.token and "Authorization: Bearer " .. options.token ..
		    "\r\n" or "",
		"\r\n"}))
	if status then
		status, body = read_answer(sock)
		why = body
	end
	sock:close()
	if not status then
		return nil, why
	end
	return status, body
end

local function decode(text)
	local done, object = pcall(cjson.decode, text)

	return done and type(object) == "table" and object or nil
end

local function pem_of(object, field)
	local part = type(object) == "table" and object[field]
	local pem = type(part) == "table" and part.pem

	return type(pem) == "string" and pem or nil
end

-- Chain and key, and as a fourth value the wildcard whose they are, if they are;
-- nil: there is none; with a third value nobody knows, and that says why.
function admin.find(options, name)
	local status, body = ask(options, name)
	local object = status and decode(body)

	if status == 404 and object and object.error == NONE then
		return nil
	elseif status ~= 200 then
		return nil, nil, status and "it answers with HTTP " .. status or
		    body or "no answer"
	elseif not object then
		return nil, nil, "what it answers is no JSON"
	end
	for _, key in ipairs(KEYS) do
		local chain = pem_of(object[key], "fullchain")
		local private = pem_of(object[key], "private_key")

		if chain and private then
			return chain, private, nil, object.covered_by
		end
	end
	return nil
end

return admin
