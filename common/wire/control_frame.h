// The frames of the control socket, for its two ends. Inside common/wire only.
//
// Pure. Frame: length u32 of what follows, kind u8, body. Thread safety: plain functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <sys/un.h>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/wire/control.h"

namespace ha::wire {

enum class ControlKind : std::uint8_t { Request = 1, Message = 2, End = 3, Failure = 4 };

inline constexpr std::size_t kControlHeadBytes = 5;

struct ControlHead {
  ControlKind kind = ControlKind::Request;
  std::size_t body_bytes = 0;
};

Bytes control_frame(ControlKind kind, BytesView body);
// From exactly kControlHeadBytes. Corrupt for an unknown kind, Exhausted over kControlBytesMax.
Result<ControlHead> parse_control_head(BytesView head);

// An Error as bytes: code u8, length of the sentence u32, sentence, hint. The number is that of Code: both
// ends come from one package; one that we do not know becomes Internal.
Bytes encode_failure(const Error& error);
Error decode_failure(BytesView body);

// Invalid when the path does not fit into a socket address (107 bytes).
Result<sockaddr_un> control_address(const std::string& path);

}  // namespace ha::wire
