#include "replicator/config_parts.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/bytes.h"
#include "common/base/suggest.h"
#include "replicator/config.h"

namespace ha::replicator {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::size_t kHostBytesMax = 253;  // RFC 1035
constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

bool is_host(std::string_view host) {
  const bool ipv6 = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  const std::string_view inside = ipv6 ? host.substr(1, host.size() - 2) : host;
  const std::string_view allowed = ipv6 ? "0123456789abcdefABCDEF:.%"
                                        : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._";
  const bool enough_colons = !ipv6 || std::count(inside.begin(), inside.end(), ':') >= 2;
  return !inside.empty() && enough_colons && host.size() <= kHostBytesMax &&
         inside.find_first_not_of(allowed) == std::string_view::npos;
}

}  // namespace

Status check_name(std::string_view text) {
  const bool fits = !text.empty() && text.size() <= kNameBytesMax && text[0] != '-' && text[0] != '_';
  if (!fits || text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") != std::string_view::npos) {
    return Error(
        Code::Invalid,
        in_quotes(text) + " is not a name — use a-z 0-9 - _, at most 32, beginning with a letter or digit");
  }
  return ok();
}

std::optional<std::uint16_t> port_of(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view digits = address.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size() && port > 0;
  return whole ? std::optional(port) : std::nullopt;
}

Status check_address(std::string_view text) {
  const std::string advice = " — use \"tcp://host:port\", e.g. \"tcp://fra1.example.net:7400\"";
  if (!text.starts_with(kTcp)) {
    return Error(Code::Invalid, "address " + in_quotes(text) + " does not begin with tcp://" + advice);
  }
  if (!port_of(text)) {
    return Error(Code::Invalid, "address " + in_quotes(text) + " has no port from 1 to 65535" + advice);
  }
  if (!is_host(text.substr(kTcp.size(), text.rfind(':') - kTcp.size()))) {
    return Error(Code::Invalid, "address " + in_quotes(text) + " has no host" + advice);
  }
  return ok();
}

Status check_listen(std::string_view text) {
  const bool bare_ipv6 = text.find(':') != std::string_view::npos && !text.starts_with('[');
  if (text == "*" || is_host(bare_ipv6 ? "[" + std::string(text) + "]" : std::string(text))) {
    return ok();
  }
  return Error(Code::Invalid,
               "listen = " + in_quotes(text) +
                   " is not an address — use \"*\" or an address of this host, without a port");
}

Result<std::string> clean_path(std::string_view text) {
  while (text.size() > 1 && text.ends_with('/')) {
    text.remove_suffix(1);
  }
  if (!text.starts_with('/')) {
    return Error(Code::Invalid, in_quotes(text) + " is not absolute — begin it with /");
  }
  if (text == "/") {
    return Error(Code::Invalid, "\"/\" is the whole file system — name a directory");
  }
  if (text.find('\0') != std::string_view::npos) {
    return Error(Code::Invalid, in_quotes(text) + " holds a NUL byte");
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('/', at + 1), text.size());
    const std::string_view part = text.substr(at + 1, end - at - 1);
    if (part.empty() || part == "." || part == "..") {
      return Error(Code::Invalid, in_quotes(text) + " has an empty, \".\" or \"..\" part — write it without");
    }
    at = end;
  }
  return std::string(text);
}

bool paths_overlap(std::string_view a, std::string_view b) {
  const auto beneath = [](std::string_view inner, std::string_view outer) {
    return inner.size() > outer.size() && inner.starts_with(outer) && inner[outer.size()] == '/';
  };
  return a == b || beneath(a, b) || beneath(b, a);
}

bool is_curve_key(std::string_view text) noexcept {
  constexpr std::size_t kKeyCharacters = 40;
  constexpr std::uint64_t kGroupLimit = 1ULL << 32;  // five characters are one 32-bit word
  if (text.size() != kKeyCharacters) {
    return false;
  }
  std::uint64_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = kZ85.find(text[i]);
    if (digit == std::string_view::npos) {
      return false;
    }
    group = group * 85 + digit;
    if (i % 5 == 4) {
      if (group >= kGroupLimit) {
        return false;
      }
      group = 0;
    }
  }
  return true;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out += (out.empty() ? "" : ", ") + escape(name);
  }
  return out.empty() ? "none" : out;
}

std::string known_names(std::string_view typed, const std::vector<std::string>& known) {
  const std::string meant = did_you_mean(typed, known);
  return meant.empty() ? " — known: " + list_of(known) : meant;
}

}  // namespace ha::replicator
