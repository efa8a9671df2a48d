#include "common/wire/envelope.h"

#include <string>

namespace ha::wire {
namespace {

constexpr std::size_t kMajorAt = 2;
constexpr std::size_t kMinorAt = 3;
constexpr std::size_t kTypeAt = 4;
constexpr std::size_t kFlagsAt = 6;
constexpr std::size_t kLaneAt = 7;
constexpr std::size_t kSetAt = 8;
constexpr std::size_t kAttemptAt = 12;
constexpr std::size_t kBodyBytesAt = 20;
constexpr std::size_t kRawBytesAt = 24;
static_assert(kRawBytesAt + sizeof(std::uint32_t) == kEnvelopeHeaderBytes);

constexpr std::uint8_t kFlagCompressed = 1;

Error corrupt(const std::string& what) {
  return Error(Code::Corrupt, "message: " + what);
}

std::uint8_t byte_at(BytesView in, std::size_t at) {
  return static_cast<std::uint8_t>(in[at]);
}

// What must hold between the sizes, the same at both ends.
Status check_sizes(bool compressed, std::size_t body_bytes, std::size_t raw_bytes) {
  if (body_bytes > kBodyBytesMax) {
    return Error(Code::Exhausted, "a body of " + std::to_string(body_bytes) + " bytes is over the limit of " +
                                      std::to_string(kBodyBytesMax));
  }
  if (raw_bytes > kRawBytesMax) {
    return Error(Code::Exhausted, "a body of " + std::to_string(raw_bytes) +
                                      " bytes after decompression is over the limit of " +
                                      std::to_string(kRawBytesMax));
  }
  if (compressed ? raw_bytes == 0 || body_bytes == 0 : raw_bytes != body_bytes) {
    return Error(Code::Invalid, std::to_string(raw_bytes) + " raw bytes do not go with a body of " +
                                    std::to_string(body_bytes));
  }
  return ok();
}

}  // namespace

Result<Bytes> encode_envelope(const EnvelopeHeader& header, BytesView body) {
  const std::size_t raw_bytes = header.compressed ? header.raw_bytes : body.size();
  HA_CHECK(check_sizes(header.compressed, body.size(), raw_bytes));
  Bytes out;
  out.reserve(kEnvelopeHeaderBytes + body.size());
  out += "HR";
  out += static_cast<char>(kWireMajor);
  out += static_cast<char>(kWireMinor);
  put_u16(out, header.type);
  out += static_cast<char>(header.compressed ? kFlagCompressed : 0);
  out += static_cast<char>(header.lane);
  put_u32(out, header.set);
  put_u64(out, header.attempt);
  put_u32(out, static_cast<std::uint32_t>(body.size()));
  put_u32(out, static_cast<std::uint32_t>(raw_bytes));
  out += body;
  return out;
}

Result<Envelope> decode_envelope(BytesView message) {
  if (message.size() <= kMinorAt || message.substr(0, kMajorAt) != "HR") {
    return corrupt("does not begin as one of ours");
  }
  // Before anything else: another major version may have laid out the rest differently.
  if (const std::uint8_t major = byte_at(message, kMajorAt); major != kWireMajor) {
    const bool newer = major > kWireMajor;
    return Error(
        Code::Unsupported,
        "the peer speaks wire version " + std::to_string(major) + ", we speak " + std::to_string(kWireMajor),
        newer ? "upgrade hareplicate on this site" : "upgrade hareplicate on the peer");
  }
  if (message.size() < kEnvelopeHeaderBytes) {
    return corrupt("the header is cut short");
  }
  const std::uint8_t flags = byte_at(message, kFlagsAt);
  const std::uint8_t lane = byte_at(message, kLaneAt);
  if ((flags & ~kFlagCompressed) != 0) {
    return corrupt("unknown flags " + std::to_string(flags));
  }
  if (lane > static_cast<std::uint8_t>(Lane::Bulk)) {
    return corrupt("unknown lane " + std::to_string(lane));
  }
  Envelope out;
  out.minor = byte_at(message, kMinorAt);
  out.header.type = get_u16(message, kTypeAt);
  out.header.lane = static_cast<Lane>(lane);
  out.header.set = get_u32(message, kSetAt);
  out.header.attempt = get_u64(message, kAttemptAt);
  out.header.compressed = (flags & kFlagCompressed) != 0;
  out.header.raw_bytes = get_u32(message, kRawBytesAt);
  out.body = message.substr(kEnvelopeHeaderBytes);
  if (get_u32(message, kBodyBytesAt) != out.body.size()) {
    return corrupt("the header announces " + std::to_string(get_u32(message, kBodyBytesAt)) +
                   " bytes, there are " + std::to_string(out.body.size()));
  }
  if (auto sizes = check_sizes(out.header.compressed, out.body.size(), out.header.raw_bytes); !sizes.ok()) {
    return corrupt(sizes.error().what());
  }
  return out;
}

}  // namespace ha::wire
