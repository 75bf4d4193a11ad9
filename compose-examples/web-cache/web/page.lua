-- Counts a visit in redis and answers with the replica, its version, the count and the tally of all replicas.
-- The tally comes from memcached and is at most three seconds old. Without memcached the page works, only slower;
-- without redis it is a 502 that says so.
local cjson = require "cjson.safe"
local redis = require "nginx.redis"
local memcached = require "nginx.memcached"

local tally_lifetime = 3 -- seconds
local replica = ngx.var.hostname
local version = os.getenv("WEB_VERSION") or "unknown"
local as_json = ngx.var.uri == "/counter"

local function refuse(message)
  ngx.log(ngx.ERR, message)
  ngx.status = ngx.HTTP_BAD_GATEWAY
  ngx.header.content_type = "application/json"
  ngx.say(cjson.encode({ error = message, replica = replica, version = version }))
  return ngx.exit(ngx.HTTP_OK)
end

local function escape(text)
  return (tostring(text):gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local store = redis:new()
local connected, reason = store:connect("redis", 6379)
if not connected then
  return refuse("redis is not reachable: " .. tostring(reason))
end

local visits, failure = store:incr("visits")
if not visits then
  return refuse("redis does not count: " .. tostring(failure))
end
store:hincrby("visits-by-replica", replica, 1)

local cache = memcached:new()
local tally, source
local cached = cache and cache:connect("memcached", 11211)
if cached then
  tally, source = cache:get("tally"), "memcached"
end
if not tally then
  local fields = store:hgetall("visits-by-replica") or {}
  local counts = {}
  for i = 1, #fields, 2 do
    counts[fields[i]] = tonumber(fields[i + 1])
  end
  tally, source = cjson.encode(counts), "redis"
  if cached then
    cache:set("tally", tally, tally_lifetime)
  else
    source = "redis, as memcached is not reachable"
  end
end
if cached then
  cache:set_keepalive(10000, 16)
end
store:set_keepalive(10000, 16)

local answer = {
  replica = replica,
  version = version,
  visits = visits,
  tally = cjson.decode(tally),
  tally_from = source,
}
ngx.header.cache_control = "no-store"

if as_json then
  ngx.header.content_type = "application/json"
  ngx.say(cjson.encode(answer))
  return
end

ngx.header.content_type = "text/html; charset=utf-8"
ngx.say("<!doctype html><title>web-cache</title>")
ngx.say("<h1>Visit ", escape(visits), "</h1>")
ngx.say("<p>Answered by replica <b>", escape(replica), "</b>, version <b>", escape(version), "</b>.</p>")
ngx.say("<p>Visits by replica (from ", escape(source), "):</p><ul>")
for name, count in pairs(answer.tally or {}) do
  ngx.say("<li>", escape(name), ": ", escape(count), "</li>")
end
ngx.say("</ul>")
