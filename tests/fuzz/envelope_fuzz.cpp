// Any bytes as a message: decode never reads beyond them, and what it accepts encodes to the same bytes.
#include <cstddef>
#include <cstdint>

#include "common/wire/envelope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const ha::BytesView message(reinterpret_cast<const char*>(data), bytes);
  const auto decoded = ha::wire::decode_envelope(message);
  if (!decoded.ok()) {
    return 0;
  }
  const ha::wire::Envelope& envelope = decoded.value();
  HA_ASSERT(envelope.body.size() + ha::wire::kEnvelopeHeaderBytes == bytes);
  HA_ASSERT(envelope.header.raw_bytes <= ha::wire::kRawBytesMax);
  const auto encoded = ha::wire::encode_envelope(envelope.header, envelope.body);
  HA_ASSERT(encoded.ok());
  ha::Bytes again = encoded.value();
  again[3] = static_cast<char>(envelope.minor);  // we write our own minor version
  HA_ASSERT(again == message);
  return 0;
}
