// What a name server has to be told so that this site's key may write what it needs in a zone, and no more.
//
// Pure: text for named.conf, knot.conf or a shell; nothing is sent, and no secret is in it.
// Thread safety: plain functions. Source: BIND 9.18 ARM (update-policy), Knot DNS 3.2 (acl), PowerDNS 4.7
// (domain metadata); docs/dns.md, "Doctor".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "dnsupdater/config.h"
#include "dnsupdater/tsig.h"

namespace ha::dns {

enum class PolicyKind { Bind, Knot, PowerDns };
// "bind", "knot", "powerdns". Invalid otherwise.
[[nodiscard]] Result<PolicyKind> parse_policy_kind(std::string_view text);

// The names that this configuration writes in a zone, each with its guard, sorted.
struct PolicyNames {
  std::vector<Name> guards;   // TXT
  std::vector<Name> records;  // what callers ask for
};
[[nodiscard]] Result<PolicyNames> policy_names(const DnsConfig& config, const Name& zone);

struct PolicyKey {
  Name name;
  TsigAlgorithm algorithm = TsigAlgorithm::HmacSha256;
  std::string file;  // where its secret is, here
};
[[nodiscard]] Result<std::string> policy_text(PolicyKind kind, const PolicyNames& names, const Name& zone,
                                              const PolicyKey& key);

}  // namespace ha::dns
