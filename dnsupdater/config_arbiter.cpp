#include "dnsupdater/config_arbiter.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ha::dns {
namespace {

constexpr std::size_t kMembersMax = 16;
constexpr std::size_t kHostBytesMax = 253;

bool is_host_name(std::string_view text) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !text.empty() && text.size() <= kHostBytesMax && text.front() != '-' && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), is_good) &&
         !std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

bool is_prefix(std::string_view text) {
  return text.size() <= kPrefixBytesMax && text.ends_with('/') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

class Reader {
 public:
  Reader(const ConfigSection& section, const std::filesystem::path& folder, ConfigProblems& problems)
      : section_(section), folder_(folder), problems_(problems) {}

  ArbiterConfig read(std::string_view cluster_id) {
    ArbiterConfig out;
    if (section_.text("kind") != "etcd") {
      for (const std::string_view key : {"endpoint", "ca", "cert", "key_file", "user"}) {
        const bool is_there = key == "endpoint" ? !section_.list(key).empty() : section_.has(key);
        if (is_there) {
          error(key, std::string(key) + " is of kind = \"etcd\", and this is a name server");
        }
      }
      return out;
    }
    out.kind = ArbiterKind::Etcd;
    if (section_.has("zone")) {
      error("zone", "zone is of kind = \"dns\": with etcd no lease is in DNS");
    }
    read_endpoints(out);
    out.prefix = section_.text("prefix");
    if (!is_prefix(out.prefix)) {
      error("prefix", "prefix has to end with a / and has no blanks — \"/hareplicate/\"");
    }
    out.prefix += std::string(cluster_id) + "/";
    out.ca = file("ca");
    out.cert = file("cert");
    out.key_file = file("key_file");
    out.user = section_.text("user");
    out.password_file = file("password_file");
    check_secrets(out);
    return out;
  }

 private:
  void error(std::string_view key, const std::string& what) {
    problems_.error(section_.place(key), "arbiter: " + what);
  }
  void warn(std::string_view key, const std::string& what) {
    problems_.warning(section_.place(key), "arbiter: " + what);
  }

  std::filesystem::path file(std::string_view key) const {
    const std::string text = section_.text(key);
    return text.empty() ? std::filesystem::path() : (folder_ / text).lexically_normal();
  }

  void read_endpoints(ArbiterConfig& out) {
    for (const std::string& text : section_.list("endpoint")) {
      auto endpoint = EtcdEndpoint::parse(text);
      if (!endpoint.ok()) {
        error("endpoint", "endpoint: " + endpoint.error().what() + " — " + endpoint.error().hint());
      } else if (std::find(out.endpoints.begin(), out.endpoints.end(), *endpoint) != out.endpoints.end()) {
        error("endpoint", "endpoint has " + endpoint->text() + " twice");
      } else {
        out.endpoints.push_back(std::move(endpoint).value());
      }
    }
    if (section_.list("endpoint").empty()) {
      error("endpoint", "etcd needs an endpoint — endpoint = [\"https://192.0.2.61:2379\"]");
    }
    if (out.endpoints.size() > kMembersMax) {
      error("endpoint", "endpoint has more than " + std::to_string(kMembersMax));
    }
    const auto is_tls = [](const EtcdEndpoint& each) { return each.tls; };
    if (std::any_of(out.endpoints.begin(), out.endpoints.end(), is_tls) &&
        !std::all_of(out.endpoints.begin(), out.endpoints.end(), is_tls)) {
      error("endpoint", "endpoint has http and https: all are of one cluster — make them all https");
    }
  }

  void check_secrets(const ArbiterConfig& config) {
    const bool tls = !config.endpoints.empty() && config.endpoints[0].tls;
    for (const std::string_view key : {"ca", "cert", "key_file"}) {
      if (!tls && section_.has(key) && !config.endpoints.empty()) {
        error(key, std::string(key) + " is of https, and endpoint has http");
      }
    }
    if (config.cert.empty() != config.key_file.empty()) {
      error(config.cert.empty() ? "key_file" : "cert", "cert and key_file belong together: one is missing");
    }
    for (const EtcdEndpoint& each : config.endpoints) {
      if (!each.tls && !each.is_loopback()) {
        warn("endpoint", each.text() + " is not encrypted: whoever is on the way can take services over" +
                             (config.user.empty() ? "" : ", and reads the password") +
                             " — use https, or lead it through a VPN");
        return;
      }
    }
  }

  const ConfigSection& section_;
  const std::filesystem::path& folder_;
  ConfigProblems& problems_;
};

}  // namespace

Result<EtcdEndpoint> EtcdEndpoint::parse(std::string_view text) {
  const Error wrong(Code::Invalid, in_quotes(text) + " is no address of etcd",
                    "https://192.0.2.61:2379, https://[2001:db8::61]:2379 or https://etcd1.example.net");
  EtcdEndpoint out;
  out.tls = text.starts_with("https://");
  if (!out.tls && !text.starts_with("http://")) {
    return wrong;
  }
  std::string_view rest = text.substr(out.tls ? 8 : 7);
  rest = rest.ends_with('/') ? rest.substr(0, rest.size() - 1) : rest;
  std::string_view port;
  if (const std::size_t bracket = rest.find(']');
      rest.starts_with('[') && bracket != std::string_view::npos) {
    out.host = rest.substr(1, bracket - 1);
    port = rest.substr(bracket + 1);
  } else {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    out.host = rest.substr(0, colon);
    port = rest.substr(colon);
  }
  const auto address = Address::parse(out.host);
  if (address.ok() ? address->is_v6() != rest.starts_with('[') : !is_host_name(out.host)) {
    return wrong;
  }
  out.host = address.ok() ? address->text() : out.host;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), out.port);
    if (port[0] != ':' || error != std::errc{} || end != port.data() + port.size() || out.port == 0) {
      return wrong;
    }
  }
  return out;
}

std::string EtcdEndpoint::text() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (tls ? "https://" : "http://") + (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Address> EtcdEndpoint::address() const {
  auto parsed = Address::parse(host);
  return parsed.ok() ? std::optional(std::move(parsed).value()) : std::nullopt;
}

bool EtcdEndpoint::is_loopback() const {
  return host == "localhost" || host == "::1" || (address() && host.starts_with("127."));
}

ArbiterConfig read_arbiter(const ConfigSection& section, std::string_view cluster_id,
                           const std::filesystem::path& folder, ConfigProblems& problems) {
  return Reader(section, folder, problems).read(cluster_id);
}

}  // namespace ha::dns
