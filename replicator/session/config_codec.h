// Questions and answers about cluster.toml as protobuf bytes, and back. Every count and length is checked.
//
// Not the envelope (common/wire/envelope.h), which has one of the two types below. Errors: Corrupt.
// Source: schemas/replication.proto. Thread safety: pure functions.
#pragma once

#include "common/base/bytes.h"
#include "replicator/session/config_messages.h"

namespace ha::replicator {

// Envelope types, beside those of codec.h; never used again for another message.
inline constexpr std::uint16_t kConfigQuestionType = 40;
inline constexpr std::uint16_t kConfigAnswerType = 41;

[[nodiscard]] Bytes encode_config(const ConfigQuestion& question);
[[nodiscard]] Bytes encode_config(const ConfigAnswer& answer);
[[nodiscard]] Result<ConfigQuestion> decode_config_question(BytesView body);
[[nodiscard]] Result<ConfigAnswer> decode_config_answer(BytesView body);

}  // namespace ha::replicator
