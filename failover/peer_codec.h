// What coordinators say to each other as bytes, and back.
//
// Pure. Not the envelope (common/wire/envelope.h), which carries the type number. Every count and length from
// a peer is checked before anything is kept: what decodes is within the limits below. Thread safety: plain
// functions. Errors: Corrupt. Source: schemas/failover.proto, docs/failover.md.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "failover/model/coordinator.h"

namespace ha::failover {

inline constexpr std::size_t kSitesMax = 64;
inline constexpr std::size_t kServicesMax = 64;
inline constexpr std::size_t kNameBytesMax = 64;  // of a site or a service
inline constexpr std::size_t kWhyBytesMax = 500;
inline constexpr std::size_t kWorstMax = 3;
inline constexpr std::size_t kPeerMessageBytesMax = 16 * 1024;

// Envelope type numbers; never used again for another message.
enum class PeerMessageType : std::uint16_t { AHeartbeat = 64, AWord = 65 };

struct Echo {
  Duration clock{};  // the other end's, as it was in its newest heartbeat
  Duration held{};   // since that came
};

struct PathBeat {
  Heartbeat heartbeat;
  std::uint64_t sequence = 0;
  std::vector<std::string> worst = {};
  std::optional<Echo> echo = std::nullopt;
  std::optional<WallTime> wall = std::nullopt;  // for people
};
struct ServiceWord {
  std::string service;
  Word word;
};
using PeerMessage = std::variant<PathBeat, ServiceWord>;

struct PeerBytes {
  PeerMessageType type = PeerMessageType::AHeartbeat;
  Bytes body;
};

// Texts are cut at their limits; more sites or services than there may be are our own bug.
[[nodiscard]] PeerBytes encode(const PeerMessage& message);
[[nodiscard]] Result<PeerMessage> decode_peer_message(std::uint16_t type, BytesView body);

}  // namespace ha::failover
