#include "tools/init/addresses.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace ha::init {
namespace {

constexpr std::size_t kAddressesMax = 16;  // of one value
constexpr std::size_t kHostBytesMax = 253;

constexpr std::array<std::string_view, 26> kSiteKeys = {
    // Asterisk: sip.conf, pjsip.conf, iax.conf, http.conf, manager.conf
    "externip", "externaddr", "externhost", "external_media_address", "external_signaling_address",
    "external_signalling_address", "bindaddr", "bind", "udpbindaddr", "tcpbindaddr", "tlsbindaddr",
    "localnet", "local_net", "media_address",
    // FreeSWITCH: vars.xml, sofia profiles, event_socket.conf.xml
    "external_rtp_ip", "ext_rtp_ip", "ext_sip_ip", "external_sip_ip", "bind_server_ip", "local_ip_v4",
    "local_ip_v6", "ext-rtp-ip", "ext-sip-ip", "rtp-ip", "sip-ip", "listen-ip"};

struct Parsed {
  bool is_v6 = false;
  std::array<unsigned char, 16> bytes{};
};

std::optional<Parsed> parse(std::string_view text) {
  Parsed out;
  const std::string terminated(text);
  if (::inet_pton(AF_INET, terminated.c_str(), out.bytes.data()) == 1) {
    return out;
  }
  out.is_v6 = true;
  if (::inet_pton(AF_INET6, terminated.c_str(), out.bytes.data()) == 1) {
    return out;
  }
  return std::nullopt;
}

// The same at every site: any, loopback, multicast, netmasks.
bool says_nothing(const Parsed& address) {
  const auto& bytes = address.bytes;
  if (!address.is_v6) {
    return bytes[0] == 0 || bytes[0] == 127 || bytes[0] >= 224;
  }
  const bool zeros = std::all_of(bytes.begin(), bytes.end() - 1, [](unsigned char b) { return b == 0; });
  return (zeros && bytes[15] <= 1) || bytes[0] == 0xff;
}

bool is_address_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' || c == ':';
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// A host name with at least one letter and one dot, or nothing.
std::string host_in(std::string_view value) {
  constexpr std::string_view kResolve = "host:";  // FreeSWITCH's way to give a name
  value.remove_prefix(value.starts_with(kResolve) ? kResolve.size() : 0);
  const std::size_t end = std::min(value.find_first_of(" \t:,/"), value.size());
  const std::string_view host = value.substr(0, end);
  const bool right = host.size() <= kHostBytesMax && host.find('.') != std::string_view::npos &&
                     std::all_of(host.begin(), host.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                              c == '.' || c == '-';
                     });
  const bool letters = std::any_of(host.begin(), host.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
  return right && letters ? std::string(host) : std::string();
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    out += (out.empty() ? "" : " ") + word;
  }
  return out;
}

}  // namespace

std::vector<std::string> addresses_in(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size() && out.size() < kAddressesMax;) {
    if (!is_address_byte(text[at])) {
      // A word such as "cafe" within "decafe" is no address.
      const bool word = std::isalnum(static_cast<unsigned char>(text[at])) != 0;
      ++at;
      while (word && at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at])) != 0) {
        ++at;
      }
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_address_byte(text[end])) {
      ++end;
    }
    std::string_view token = text.substr(at, end - at);
    if (token.starts_with(':') && !token.starts_with("::")) {
      token.remove_prefix(1);  // "udp:192.0.2.1"
    }
    auto parsed = parse(token);
    if (!parsed && std::count(token.begin(), token.end(), ':') == 1) {
      token = token.substr(0, token.find(':'));  // with a port
      parsed = parse(token);
    }
    if (parsed && !says_nothing(*parsed)) {
      out.emplace_back(token);
    }
    at = end;
  }
  return out;
}

bool is_private_address(std::string_view address) {
  const auto parsed = parse(address);
  if (!parsed) {
    return false;
  }
  const auto& b = parsed->bytes;
  if (parsed->is_v6) {
    return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
  }
  return b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
         (b[0] == 100 && (b[1] & 0xc0) == 64) || (b[0] == 169 && b[1] == 254);
}

std::optional<SiteLine> site_line(std::string_view key, std::string_view value,
                                  const std::vector<std::string>& own) {
  const std::string name = lower(key);
  const bool always = std::find(kSiteKeys.begin(), kSiteKeys.end(), name) != kSiteKeys.end();
  std::vector<std::string> found = addresses_in(value);
  if (!always) {
    found.erase(std::remove_if(found.begin(), found.end(),
                               [&](const std::string& one) {
                                 return std::find(own.begin(), own.end(), one) == own.end();
                               }),
                found.end());
  }
  std::string shown = joined(found);
  if (shown.empty() && always) {
    shown = host_in(value);
  }
  if (shown.empty()) {
    return std::nullopt;
  }
  SiteLine out;
  out.key = name;
  out.value = std::move(shown);
  return out;
}

ChosenHost choose_host(const std::vector<std::string>& own, const std::vector<SiteLine>& site_lines,
                       const std::string& host_name) {
  const auto bracketed = [](const std::string& host) {
    return host.find(':') != std::string::npos ? "[" + host + "]" : host;
  };
  for (const std::string& address : own) {
    if (!is_private_address(address)) {
      return {bracketed(address), "A public address of this host was taken; a name is better."};
    }
  }
  for (const SiteLine& line : site_lines) {
    const std::vector<std::string> found = addresses_in(line.value);
    if (line.key.starts_with("ext") && found.size() == 1 && !is_private_address(found.front())) {
      return {bracketed(found.front()), "Taken from " + line.key +
                                            " of the PBX: let TCP port 7400 through to this host, or "
                                            "write another address."};
    }
  }
  if (!own.empty()) {
    return {bracketed(own.front()),
            "Only a private address was found: other sites reach it over a VPN, or write a public one."};
  }
  return {host_name, "The host's name was taken, as no address was found: does it resolve at other sites?"};
}

}  // namespace ha::init
