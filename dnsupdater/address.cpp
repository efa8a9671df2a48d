#include "dnsupdater/address.h"

#include <arpa/inet.h>

namespace ha::dns {

Result<Address> Address::parse(std::string_view text) {
  Address out;
  const std::string terminated(text.substr(0, INET6_ADDRSTRLEN));
  if (text.size() < INET6_ADDRSTRLEN && text.find('\0') == std::string_view::npos) {
    if (::inet_pton(AF_INET, terminated.c_str(), out.bytes_.data()) == 1) {
      return out;
    }
    out.is_v6_ = true;
    if (::inet_pton(AF_INET6, terminated.c_str(), out.bytes_.data()) == 1) {
      return out;
    }
  }
  return Error(Code::Invalid, "\"" + escape(terminated) + "\" is not an address",
               "write it as 192.0.2.10 or 2001:db8::10");
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  ::inet_ntop(is_v6_ ? AF_INET6 : AF_INET, bytes_.data(), out.data(),
              out.size());  // cannot fail: it has room
  return out.data();
}

Bytes Address::wire() const {
  return Bytes(bytes_.begin(), bytes_.begin() + (is_v6_ ? 16 : 4));
}

}  // namespace ha::dns
