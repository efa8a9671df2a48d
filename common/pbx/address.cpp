#include "common/pbx/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/base/bytes.h"
#include "common/pbx/fields.h"

namespace ha::pbx {
namespace {

enum class Kind { Loopback, Elsewhere, None };

Kind kind_of(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET ? Kind::Loopback : Kind::Elsewhere;
  }
  in6_addr v6{};
  if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    return IN6_IS_ADDR_LOOPBACK(&v6) ? Kind::Loopback : Kind::Elsewhere;
  }
  return Kind::None;
}

}  // namespace

Result<PbxAddress> PbxAddress::parse(std::string_view text, std::uint16_t default_port) {
  const std::string hint = "write 127.0.0.1:" + std::to_string(default_port);
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = std::min(text.find(']'), text.size());
    host = text.substr(1, end - 1);
    port = text.substr(std::min(end + 1, text.size()));
  } else if (text.find(':') == text.rfind(':')) {  // more than one: an IPv6 address
    host = text.substr(0, text.find(':'));
    port = text.substr(host.size());
  }
  std::uint64_t number = default_port;
  if (!port.empty()) {
    number = port.starts_with(':') ? whole_number(port.substr(1)).value_or(0) : 0;
  }
  PbxAddress out{std::string(host), static_cast<std::uint16_t>(number)};
  const Kind kind = host.find('\0') == std::string_view::npos ? kind_of(out.host) : Kind::None;
  const bool bracket_is_missing = text.starts_with('[') && text.find(']') == std::string_view::npos;
  if (kind == Kind::None || number == 0 || number > 65'535 || bracket_is_missing) {
    return Error(Code::Invalid, in_quotes(text) + " is no address with a port", hint);
  }
  if (kind == Kind::Elsewhere) {
    return Error(Code::Refused, in_quotes(text) + " is not on loopback, and a PBX is spoken to in plain text",
                 hint);
  }
  return out;
}

std::string PbxAddress::text() const {
  return (is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace ha::pbx
