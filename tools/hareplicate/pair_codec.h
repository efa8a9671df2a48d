// Messages of pairing as values, and their bytes; every length and count from outside is checked.
//
// Thread safety: plain functions and values. Pure. Source: schemas/pairing.proto, docs/pairing.md.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "replicator/config.h"

namespace ha::tool {

inline constexpr std::uint32_t kPairProtocol = 1;
inline constexpr std::size_t kPairMessageBytesMax = replicator::kConfigBytesMax + 64 * 1024;
inline constexpr std::size_t kPairTextBytesMax = 300;  // names, ids, addresses, versions
inline constexpr std::size_t kPairSentenceBytesMax = 4096;
inline constexpr std::size_t kPairAddressesMax = 8;

struct PairRequest {
  std::uint32_t protocol = kPairProtocol;
  Bytes secret;
  std::uint32_t wire_major = 0;
  std::string program_version;
  std::string site;
  std::vector<std::string> addresses;
  std::string host_name;
  std::string local_address;
  std::string cluster_id;
  WallTime wall;
};
struct PairWelcome {
  std::string site;
  std::string cluster_id;
  std::string inviter;
  Bytes cluster_toml;
  bool was_member = false;
  WallTime wall;
};
struct PairRefusal {
  Error error{Code::Refused, ""};
  WallTime wall;
};
struct PairStored {};
using PairMessage = std::variant<PairRequest, PairWelcome, PairRefusal, PairStored>;

[[nodiscard]] Bytes encode_pair(const PairMessage& message);
// Corrupt for anything that is over a limit or does not parse.
[[nodiscard]] Result<PairMessage> decode_pair(BytesView bytes);

}  // namespace ha::tool
