// The envelope: the fixed header in front of every message between two daemons.
//
// Pure: bytes in, values out. It knows sizes and versions, not what a body means (schemas/*.proto), and it
// neither compresses nor decompresses; it says what is so and bounds both sizes before memory is taken.
// Thread safety: plain functions and values. Format: docs/wire.md, "Envelope" (little-endian, 28 bytes).
//
//   magic 'H','R' | major u8 | minor u8 | type u16 | flags u8 | lane u8 | set u32 | attempt u64 | body u32 |
//   raw u32
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::wire {

inline constexpr std::uint8_t kWireMajor = 1;
inline constexpr std::uint8_t kWireMinor = 0;
inline constexpr std::size_t kEnvelopeHeaderBytes = 28;
inline constexpr std::size_t kMessageBytesMax = std::size_t{8} << 20;  // header and body, as sent
inline constexpr std::size_t kBodyBytesMax = kMessageBytesMax - kEnvelopeHeaderBytes;
inline constexpr std::size_t kRawBytesMax = std::size_t{16} << 20;  // the body after decompression

enum class Lane : std::uint8_t { Control = 0, State = 1, Bulk = 2 };

struct EnvelopeHeader {
  std::uint16_t type = 0;       // which message; numbers in schemas
  Lane lane = Lane::Control;    //
  std::uint32_t set = 0;        // the set's number in this session; 0: none
  std::uint64_t attempt = 0;    // the session attempt, so that a late message of an older one is dropped
  bool compressed = false;      // the body is one zstd frame
  std::uint32_t raw_bytes = 0;  // with `compressed`: size after decompression; ignored by encode() otherwise

  bool operator==(const EnvelopeHeader&) const = default;
};

struct Envelope {
  EnvelopeHeader header;   // raw_bytes is always filled in
  std::uint8_t minor = 0;  // the sender's minor version
  BytesView body;          // points into the message that was decoded
};

// Exhausted when the body or its raw size is over the limit; Invalid when compressed without a raw size.
[[nodiscard]] Result<Bytes> encode_envelope(const EnvelopeHeader& header, BytesView body);

// Unsupported when the sender speaks another major version; Corrupt for everything else that is wrong.
// A newer minor version is accepted, as long as its fields are within today's limits.
[[nodiscard]] Result<Envelope> decode_envelope(BytesView message);

}  // namespace ha::wire
