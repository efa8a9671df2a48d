// Whatever a peer sends about cluster.toml, and whatever stands in the journal of a trial, decodes to
// something that encodes and decodes again, or is refused.
#include <cstddef>
#include <cstdint>

#include "replicator/session/config_codec.h"
#include "replicator/trial.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ha::replicator;
  const ha::BytesView input(reinterpret_cast<const char*>(data), size);
  const auto question = decode_config_question(input);
  if (question.ok()) {
    HA_ASSERT(decode_config_question(encode_config(*question)).ok());
  }
  const auto answer = decode_config_answer(input);
  if (answer.ok()) {
    HA_ASSERT(decode_config_answer(encode_config(*answer)).ok());
  }
  const auto trial = decode_trial(input);
  if (trial.ok()) {
    HA_ASSERT(decode_trial(encode_trial(*trial)).ok());
  }
  return 0;
}
