// What [arbiter] in cluster.toml says: of which kind it is, and of etcd where it is and who we are there.
//
// Pure; no file is read and no name looked up. Not here: the zone of the leases (config.h). Thread safety:
// plain values. Source: schemas/cluster_schema.h, docs/failover.md, "Arbiters".
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/config.h"
#include "common/base/result.h"
#include "dnsupdater/address.h"

namespace ha::dns {

inline constexpr std::uint16_t kEtcdPort = 2379;
inline constexpr std::size_t kPrefixBytesMax = 256;

// One member of an etcd cluster.
struct EtcdEndpoint {
  bool tls = false;
  std::string host;  // an address, without brackets, or a name
  std::uint16_t port = kEtcdPort;

  // "http://192.0.2.61:2379", "https://[2001:db8::61]", "https://etcd1.example.net". Invalid otherwise.
  [[nodiscard]] static Result<EtcdEndpoint> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  // None of a name.
  [[nodiscard]] std::optional<Address> address() const;
  [[nodiscard]] bool is_loopback() const;
  bool operator==(const EtcdEndpoint&) const = default;
};

enum class ArbiterKind { Dns, Etcd };

struct ArbiterConfig {
  ArbiterKind kind = ArbiterKind::Dns;
  // All of the rest is of Etcd.
  std::vector<EtcdEndpoint> endpoints;  // members of one cluster, by preference; at least one
  std::string prefix;                   // of all keys; ends with the cluster's id and a slash
  std::filesystem::path ca;             // empty: the system's
  std::filesystem::path cert;           // empty: none
  std::filesystem::path key_file;       // of cert
  std::string user;                     // empty: etcd asks for none
  std::filesystem::path password_file;
};

// What is wrong goes to `problems`. `folder`: of node.toml, from which files are looked for.
[[nodiscard]] ArbiterConfig read_arbiter(const ConfigSection& section, std::string_view cluster_id,
                                         const std::filesystem::path& folder, ConfigProblems& problems);

}  // namespace ha::dns
