// Units: directories whose files change together, and the names that app_voicemail gives them.
//
// A unit is a directory that a set's `unit` pattern matches; its items are the files directly in it. What is
// here knows names only. Pure. Thread safety: none needed. Source: docs/units.md; Asterisk 16 and later,
// apps/app_voicemail.c (make_file, last_message_index) and main/app.c (ast_lock_path).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "common/base/bytes.h"
#include "replicator/model/key.h"

namespace ha::replicator {

// Of a key; null means that the set has no units.
using IsUnit = std::function<bool(BytesView key)>;

inline constexpr unsigned kMessagesMax = 10'000;  // Asterisk's MAXMSGLIMIT is 9999

// A file of a numbered message: "msg0004.txt" is "msg0004" and ".txt". All files of one stem are one message.
struct MessageName {
  BytesView stem;  // the directory included, when it was taken from a key
  BytesView extension;
  unsigned number = 0;
};
[[nodiscard]] std::optional<MessageName> message_of(BytesView key);
[[nodiscard]] Bytes message_stem(BytesView unit, unsigned number);

// The lock of a folder, and what it is made from. Never an item of a unit.
[[nodiscard]] bool is_lock_name(BytesView name);

// Whether the key is one of a file directly in a unit; the caller knows that it is no directory.
[[nodiscard]] bool is_in_unit(const IsUnit& is_unit, BytesView key);

}  // namespace ha::replicator
