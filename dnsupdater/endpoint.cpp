#include "dnsupdater/endpoint.h"

#include <charconv>
#include <utility>

#include "common/base/bytes.h"

namespace ha::dns {

Result<Endpoint> Endpoint::parse(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  const std::size_t bracket = text.find(']');
  if (text.starts_with('[') && bracket != std::string_view::npos) {
    host = text.substr(1, bracket - 1);
    port = text.substr(bracket + 1);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  auto address = Address::parse(host);
  std::uint16_t number = kDnsPort;
  bool good = address.ok();
  if (good && !port.empty()) {
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), number);
    good = port[0] == ':' && error == std::errc{} && end == port.data() + port.size() && number != 0;
  }
  if (!good) {
    return Error(Code::Invalid, "\"" + escape(text) + "\" is no address and port",
                 "192.0.2.53:53 or [2001:db8::53]:53, not a name");
  }
  return Endpoint{std::move(address).value(), number};
}

std::string Endpoint::text() const {
  return (address.is_v6() ? "[" + address.text() + "]" : address.text()) + ":" + std::to_string(port);
}

}  // namespace ha::dns
