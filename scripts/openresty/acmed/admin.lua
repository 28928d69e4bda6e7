-- Certificates from acmed-admin: one GET each, and orders.
local cjson = require "cjson"

local admin = {}

local BODY_MAX = 262144
local HEAD_MAX = 16384
local NONE = "no such domain" -- with 404, which may mean the URL, too
local ORDER = 60 -- seconds; it has answered by then
local KEYS = {
	"certificate_signed__latest_multi", "x509_certificate__latest_multi",
	"certificate_signed__latest_single", "x509_certificate__latest_single"
}

-- http://HOST[:PORT][/PREFIX], https, or unix:PATH:[/PREFIX]
function admin.check(options)
	if type(options.url) ~= "string" then
		error("acmed: admin: there is no url")
	end
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
	if type(options.autocert) ~= "boolean" then
		error("acmed: admin: autocert is true or false")
	end
	options.order_takes = ORDER + 3 * options.timeout
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

-- Its lines, the last one without an end; nil and why.
local function read_head(sock)
	local read = sock:receiveuntil("\r\n\r\n")
	local head, why = read(HEAD_MAX)

	if not head then
		return nil, why
	elseif #head == HEAD_MAX or read(1) then
		return nil, "the head of its answer is too long"
	end
	return head
end

-- The length of the body that the fields of a head say; nil and why.
local function length_of(head)
	local length

	for line in head:lower():gmatch("\r\n([^\r\n]+)") do
		local field, value = line:match("^([%w-]+):%s*(.-)%s*$")

		if field == "content-length" then
			length = value:find("^%d+$") and tonumber(value)
		elseif field == "transfer-encoding" then
			return nil, "an answer in chunks"
		end
	end
	return length, "an answer without its length"
end

-- Status and body; nil and why.
local function read_answer(sock)
	local head, why = read_head(sock)
	local status = head and head:match("^HTTP/1%.[01] (%d%d%d)")
	local length, body

	if not status then
		return nil, why or "not HTTP"
	end
	length, why = length_of(head)
	if not length then
		return nil, why
	elseif length > BODY_MAX then
		return nil, "its answer is too long"
	end
	body, why = sock:receive(length)
	return body and tonumber(status), body or why
end

-- After `seconds` without an answer there is none.
local function ask(options, method, path, form, seconds)
	local sock, why = connect(options)
	local status, body

	if not sock then
		return nil, why
	end
	status, why = sock:send(table.concat({
		method, " ", options.prefix, path, "?openresty=1 HTTP/1.1\r\n",
		"Host: ", options.host, "\r\nAccept: application/json\r\n",
		"Connection: close\r\n",
		options.token and "Authorization: Bearer " .. options.token ..
		    "\r\n" or "",
		form and "Content-Type: application/x-www-form-urlencoded\r\n" ..
		    "Content-Length: " .. #form .. "\r\n" or "",
		"\r\n", form or ""}))
	if status then
		sock:settimeout(seconds * 1000)
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

-- What find returns, of an answer that is none.
local function failure(status, body)
	if status == 200 then
		return nil, nil, "what it answers is no JSON object"
	end
	return nil, nil, status and "it answers with HTTP " .. status or body or
	    "no answer"
end

-- Whether `part` says that there is no such certificate, or not its key.
local function is_none(part)
	return part == cjson.null or
	    type(part) == "table" and part.private_key == cjson.null
end

-- Whether an answer says so of both kinds, in either spelling.
local function says_none(object)
	local said = {}

	for _, key in ipairs(KEYS) do
		local part = object[key]

		if part ~= nil then
			if not is_none(part) then
				return false
			end
			said[key:match("[^_]+$")] = true
		end
	end
	return said.multi and said.single
end

-- What find returns, of an answer that may have a certificate.
local function take(object)
	for _, key in ipairs(KEYS) do
		local chain = pem_of(object[key], "fullchain")
		local private = pem_of(object[key], "private_key")

		if chain and private then
			return chain, private, nil, object.covered_by
		end
	end
	if says_none(object) then
		return nil
	end
	return nil, nil, "what it answers has no certificate, and does not " ..
	    "say that there is none"
end

-- Chain and key, and as a fourth value the wildcard whose they are, if they are;
-- nil: there is none; with a third value nobody knows, and that says why.
function admin.find(options, name)
	local status, body = ask(options, "GET",
	    "/domain/" .. name .. "/config.json", nil, options.timeout)
	local object = status and decode(body)

	if status == 404 and object and object.error == NONE then
		return nil
	elseif status ~= 200 or not object then
		return failure(status, body)
	end
	return take(object)
end

-- Whether there could be a certificate for what a client has sent.
function admin.can_order(name)
	for label in (name .. "."):gmatch("(.-)%.") do
		if #label > 63 or not label:find("^%w[%w-]*$") or
		    label:sub(-1) == "-" then
			return false
		end
	end
	return name:find("%a[^.]*$") ~= nil
end

-- The same as find, of what is ordered now, if it may be.
function admin.order(options, name)
	local status, body = ask(options, "POST", "/api/domain/autocert.json",
	    "domain_name=" .. name, ORDER)
	local object = status and decode(body)

	if object and object.result == "error" then
		ngx.log(ngx.INFO, "acmed: admin: ", name, ": no order: HTTP ",
		    status, ": ", tostring(object.error))
		return nil
	elseif status ~= 200 or not object then
		return failure(status, body)
	end
	return take(object)
end

return admin
