#include "failover/lease/etcd_message.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/json.h"
#include "dnsupdater/record.h"

namespace ha::failover {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kMembersMax = 64;
constexpr std::size_t kErrorTextMax = 200;  // of what is shown

// gRPC's numbers of errors.
enum Grpc : std::uint64_t {
  InvalidArgument = 3,
  NotFound = 5,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  OutOfRange = 11,
  Unimplemented = 12,
  Unauthenticated = 16,
};

Error corrupt(std::string_view what) {
  return Error(Code::Corrupt, "etcd's answer " + std::string(what));
}

// Of what may not be there, or be something else.
std::string_view text_of(const JsonValue* value, std::string_view otherwise = "") {
  const std::string* text = value == nullptr ? nullptr : value->text();
  return text == nullptr ? otherwise : std::string_view(*text);
}

std::size_t count_of(const JsonValue* value) {
  const JsonValue::List* list = value == nullptr ? nullptr : value->list();
  return list == nullptr ? 0 : list->size();
}

// A number as the gateway writes it: 64 bits as text. What is not there is 0.
Result<std::uint64_t> number(const JsonValue* object, std::string_view key) {
  const JsonValue* found = object == nullptr ? nullptr : object->find(key);
  if (found == nullptr) {
    return std::uint64_t{0};
  }
  if (const auto count = found->count()) {
    return *count;
  }
  const std::string_view text = text_of(found);
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return corrupt("has no number in " + std::string(key));
  }
  return out;
}

Result<JsonValue> object_of(BytesView text) {
  auto value = read_json(text);
  if (!value.ok()) {
    return corrupt("is " + value.error().what());
  }
  if (value->object() == nullptr) {
    return corrupt("is no JSON object");
  }
  return value;
}

Result<Bytes> bytes_in(const JsonValue& object, std::string_view key) {
  const JsonValue* found = object.find(key);
  auto bytes = parse_base64(found == nullptr ? "" : text_of(found, "*"));
  if (!bytes) {
    return corrupt("has no base64 in " + std::string(key));
  }
  return std::move(*bytes);
}

// The one value of a range; none: no such key.
Result<std::optional<EtcdValue>> value_in(const JsonValue& range, BytesView key) {
  const JsonValue* kvs = range.find("kvs");
  if (count_of(kvs) == 0) {
    return std::optional<EtcdValue>();
  }
  if (count_of(kvs) != 1) {
    return corrupt("has several keys where one was asked for");
  }
  const JsonValue& one = kvs->list()->front();
  HA_TRY(const Bytes name, bytes_in(one, "key"));
  if (name != key) {
    return corrupt("is about another key");
  }
  EtcdValue out;
  HA_TRY(out.value, bytes_in(one, "value"));
  HA_TRY(out.mod_revision, number(&one, "mod_revision"));
  if (out.mod_revision == 0 || out.value.size() > dns::kRecordBytesMax) {
    return corrupt(out.mod_revision == 0 ? "has a value without a revision" : "has a value that is too long");
  }
  return std::optional(std::move(out));
}

// As etcd says it, fit to be shown: "etcdserver: permission denied".
std::string said(BytesView text) {
  return escape(text.substr(0, kErrorTextMax));
}

EtcdRefusal refused(EtcdNo no, Code code, std::string what, std::string hint = "") {
  return {no, Error(code, std::move(what), std::move(hint))};
}

// Where etcd itself has answered.
EtcdRefusal grpc_refusal(std::uint64_t code, std::string_view text) {
  const std::string what = "etcd says: " + said(text);
  const bool no_user = text == "etcdserver: user name is empty";
  switch (code) {
    case Grpc::Unauthenticated:
      return refused(EtcdNo::Token, Code::Denied, what);
    case Grpc::InvalidArgument:
      if (text == "etcdserver: revision of auth store is old") {
        return refused(EtcdNo::Token, Code::Denied, what);
      }
      return refused(EtcdNo::Refused, Code::Denied, what,
                     no_user ? "etcd wants to know who we are: [arbiter] user and password_file"
                             : "compare [arbiter] user and password_file with: etcdctl user get");
    case Grpc::PermissionDenied:
      return refused(EtcdNo::Refused, Code::Denied, what,
                     "etcdctl role grant-permission ROLE --prefix=true readwrite PREFIX");
    case Grpc::ResourceExhausted:
      return refused(EtcdNo::Refused, Code::Exhausted, what,
                     "etcdctl compact, etcdctl defrag, etcdctl alarm disarm");
    case Grpc::NotFound:
    case Grpc::FailedPrecondition:
    case Grpc::OutOfRange:
    case Grpc::Unimplemented:
      return refused(EtcdNo::Refused, Code::Unsupported, what, "failover arbiter check");
    default:
      return refused(EtcdNo::Doubtful, Code::Unavailable, what);
  }
}

}  // namespace

std::string base64(BytesView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = std::min<std::size_t>(bytes.size() - at, 3);
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      three = three << 8 | (i < left ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= left ? kDigits[three >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return out;
}

std::optional<Bytes> parse_base64(std::string_view text) {
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  std::size_t count = 0;
  for (const char c : text.substr(0, std::min(text.find('='), text.size()))) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) {
      return std::nullopt;
    }
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (++count % 4 != 1) {
      out += static_cast<char>(bits >> (6 - 2 * ((count - 1) % 4)) & 0xffU);
    }
  }
  return base64(out) == text ? std::optional(std::move(out)) : std::nullopt;
}

std::string etcd_range(BytesView key) {
  return R"({"key":")" + base64(key) + R"("})";
}

std::string etcd_swap_request(BytesView key, const std::optional<EtcdValue>& before, BytesView after) {
  const std::string name = R"({"key":")" + base64(key) + R"(")";
  const std::string equal = name + R"(,"result":"EQUAL","target":)";
  const std::string compare = before ? equal + R"("VALUE","value":")" + base64(before->value) + R"("},)" +
                                           equal + R"("MOD","mod_revision":")" +
                                           std::to_string(before->mod_revision) + R"("})"
                                     : equal + R"("CREATE","create_revision":"0"})";
  return R"({"compare":[)" + compare + R"(],"success":[{"requestPut":)" + name + R"(,"value":")" +
         base64(after) + R"("}}],"failure":[{"requestRange":)" + name + "}}]}";
}

std::string etcd_rights(BytesView key) {
  const std::string name = R"({"key":")" + base64(key) + R"(")";
  return R"({"compare":[)" + name + R"(,"result":"LESS","target":"VERSION","version":"0"}],)" +
         R"("success":[{"requestPut":)" + name + R"(,"value":""}}],"failure":[{"requestRange":)" + name +
         "}}]}";
}

std::string etcd_delete(BytesView key) {
  return etcd_range(key);
}

Result<std::string> etcd_authenticate(std::string_view user, std::string_view password) {
  std::string out = "{";
  for (const auto& [key, text] : {std::pair("name", user), std::pair("password", password)}) {
    out += std::string(out.size() > 1 ? "," : "") + "\"" + key + "\":\"";
    for (const char c : text) {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || c == '"' || c == '\\') {
        out += "\\u00";
        out += kHex[byte >> 4];
        out += kHex[byte & 15U];
      } else {
        out += c;
      }
    }
    out += '"';
  }
  out += '}';
  if (!read_json(out).ok()) {
    return Error(Code::Invalid, "user or password of etcd is not UTF-8");
  }
  return out;
}

Result<EtcdRead> parse_etcd_range(BytesView text, BytesView key) {
  HA_TRY(const JsonValue root, object_of(text));
  EtcdRead out;
  HA_TRY(out.cluster, number(root.find("header"), "cluster_id"));
  HA_TRY(out.member, number(root.find("header"), "member_id"));
  if (out.cluster == 0) {
    return corrupt("has no header");
  }
  HA_TRY(out.now, value_in(root, key));
  return out;
}

Result<EtcdSwapped> parse_etcd_swap(BytesView text, BytesView key) {
  HA_TRY(const JsonValue root, object_of(text));
  EtcdSwapped out;
  HA_TRY(out.cluster, number(root.find("header"), "cluster_id"));
  HA_TRY(out.revision, number(root.find("header"), "revision"));
  if (out.cluster == 0 || out.revision == 0) {
    return corrupt("has no header");
  }
  const JsonValue* succeeded = root.find("succeeded");
  const JsonValue* responses = root.find("responses");
  if (succeeded != nullptr && !succeeded->flag()) {
    return corrupt("says neither yes nor no");
  }
  out.applied = succeeded != nullptr && *succeeded->flag();
  // Each branch has one operation: its answer has to be of that kind, or this is no answer to our request.
  const bool one = count_of(responses) == 1;
  const JsonValue* answer =
      one ? responses->list()->front().find(out.applied ? "response_put" : "response_range") : nullptr;
  if (answer == nullptr) {
    return corrupt("does not answer what was asked");
  }
  if (!out.applied) {
    HA_TRY(out.now, value_in(*answer, key));
  }
  return out;
}

Result<std::string> parse_etcd_token(BytesView text) {
  HA_TRY(const JsonValue root, object_of(text));
  const JsonValue* found = root.find("token");
  const std::string_view token = text_of(found);
  // It goes into a header.
  const bool good = !token.empty() && token.size() <= kEtcdTokenBytesMax &&
                    std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
  return good ? Result<std::string>(std::string(token)) : corrupt("has no token");
}

Result<EtcdStatus> parse_etcd_status(BytesView text) {
  HA_TRY(const JsonValue root, object_of(text));
  EtcdStatus out;
  HA_TRY(out.cluster, number(root.find("header"), "cluster_id"));
  HA_TRY(out.member, number(root.find("header"), "member_id"));
  HA_TRY(out.leader, number(&root, "leader"));
  const JsonValue* version = root.find("version");
  out.version = said(text_of(version));
  if (out.cluster == 0 || out.version.empty()) {
    return corrupt("has no version");
  }
  return out;
}

Result<std::size_t> parse_etcd_members(BytesView text) {
  HA_TRY(const JsonValue root, object_of(text));
  const JsonValue* members = root.find("members");
  const std::size_t count = count_of(members);
  if (count == 0 || count > kMembersMax) {
    return corrupt("has no members, or too many");
  }
  return count;
}

EtcdRefusal etcd_refusal(int http_status, BytesView text) {
  const auto root = read_json(text.substr(0, std::min(text.rfind('}') + 1, text.size())));
  const JsonValue* code = root.ok() ? root->find("code") : nullptr;
  const JsonValue* error = root.ok() ? root->find("error") : nullptr;
  if (code != nullptr && code->count() && error != nullptr && error->text() != nullptr) {
    return grpc_refusal(*code->count(), *error->text());
  }
  const std::string what = "HTTP status " + std::to_string(http_status);
  if (http_status == 404) {
    return refused(EtcdNo::Refused, Code::Unsupported, what + ": there is no gateway at /v3",
                   "etcd 3.4 or later, started with --enable-grpc-gateway (the default)");
  }
  const bool no = http_status >= 400 && http_status < 500 && http_status != 408;
  return no ? refused(EtcdNo::Refused, Code::Denied, what, "failover arbiter check")
            : refused(EtcdNo::Doubtful, Code::Unavailable, what);
}

}  // namespace ha::failover
