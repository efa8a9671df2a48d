// Session messages as protobuf bytes, and back.
//
// Not the envelope (common/wire/envelope.h), which carries the type number, set number and attempt. Every
// count and length from the peer is checked here: what decodes is within the limits of messages.h.
// Errors: Corrupt. Source: schemas/replication.proto, docs/wire.md. Thread safety: pure functions.
#pragma once

#include "common/base/result.h"
#include "replicator/session/messages.h"

namespace ha::replicator {

// Envelope type numbers; never used again for another message.
enum class MessageType : std::uint16_t {
  Hello = 1,
  Welcome = 2,
  LinkRefusal = 3,
  Ping = 4,
  Pong = 5,
  Offer = 16,
  Have = 17,
  SetRefusal = 18,
  Compare = 19,
  Differ = 20,
  Data = 21,
  Ask = 22,
  Answer = 23,
  Ack = 24,
  Mark = 25,
  Done = 26,
  Expect = 27,
  Head = 28,
  Fetch = 29,
  Fetched = 30,
};

struct Encoded {
  MessageType type;
  Bytes body;
};

[[nodiscard]] Encoded encode(const LinkMessage& message);
[[nodiscard]] Encoded encode(const SetMessage& message);
[[nodiscard]] bool is_link_message(std::uint16_t type) noexcept;
[[nodiscard]] Result<LinkMessage> decode_link_message(std::uint16_t type, BytesView body);
[[nodiscard]] Result<SetMessage> decode_set_message(std::uint16_t type, BytesView body);

}  // namespace ha::replicator
