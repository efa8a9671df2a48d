// Answers of etcd: whatever comes, a value within bounds or an error; and what a swap makes of it is a
// verdict that fits what was there.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/json.h"
#include "failover/lease/etcd_swap.h"

namespace {

using namespace ha::failover;

const ha::Bytes kKey = "/hareplicate/c-1/pbx";

// A renewal that hears `value` instead of having been applied.
void hear(const std::optional<EtcdValue>& value) {
  const ha::dns::Record before{"pbx", "fra", {7, 120}, ha::dns::HoldState::Own, {1, 1}, std::nullopt};
  const ha::SteadyTime now{std::chrono::seconds(1)};
  std::uint64_t nonce = 1;
  const auto planner =
      [&](const std::optional<ha::dns::Record>& there) -> std::variant<ha::dns::Record, ha::dns::Trouble> {
    auto after = there ? ha::dns::next_record(*there, {1, ++nonce})
                       : ha::Result<ha::dns::Record>(ha::Error(ha::Code::Conflict, "gone"));
    if (!after.ok()) {
      return ha::dns::Trouble{ha::dns::Cause::Ours, after.error()};
    }
    return *after;
  };
  EtcdSwap swap("pbx", planner, EtcdKnown{EtcdValue{ha::dns::encode(before).value(), 5}}, {}, now);
  static_cast<void>(swap.step(now));
  swap.on_unmet(value, now);
  const EtcdStep step = swap.step(now);
  if (const auto* const result = std::get_if<EtcdSwapResult>(&step)) {
    HA_ASSERT(result->verdict != ArbiterVerdict::Won || value->value.find(" n=") != ha::Bytes::npos);
  } else if (const auto* const send = std::get_if<EtcdSendStep>(&step)) {
    HA_ASSERT(send->before == value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kEtcdReplyBytesMax) {
    return 0;
  }
  const ha::Bytes input(reinterpret_cast<const char*>(data), size);
  if (const auto bytes = parse_base64(input)) {
    HA_ASSERT(base64(*bytes) == input);
  }
  if (const auto read = parse_etcd_range(input, kKey); read.ok()) {
    HA_ASSERT(!read->now || read->now->value.size() <= ha::dns::kRecordBytesMax);
    hear(read->now);
  }
  if (const auto swapped = parse_etcd_swap(input, kKey); swapped.ok()) {
    HA_ASSERT(!swapped->applied || !swapped->now);
    hear(swapped->now);
  }
  if (const auto token = parse_etcd_token(input); token.ok()) {
    HA_ASSERT(token->find_first_of("\r\n ") == std::string::npos);
  }
  static_cast<void>(parse_etcd_status(input));
  static_cast<void>(parse_etcd_members(input));
  static_cast<void>(etcd_refusal(403, input));
  hear(EtcdValue{input, 6});
  return 0;
}
