// FreeSWITCH's event socket, any bytes of it: whatever is cut where, the same frames or the same kind of
// error; events, sessions and what reads their answers stay within their limits; a command of ours is one
// command.
//
// Seeds: tests/pbx/fixtures/freeswitch*.raw.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/pbx/esl.h"
#include "common/pbx/esl_session.h"
#include "common/pbx/freeswitch.h"

namespace {

using namespace ha;
using namespace ha::pbx;

const SteadyTime kStart{std::chrono::hours(1'000)};
const EslLimits kLimits{1'000, 20, 20'000};

struct Decoded {
  std::vector<EslFrame> frames;
  std::optional<Code> error;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(const std::vector<BytesView>& pieces) {
  EslDecoder decoder(kLimits);
  Decoded out;
  for (const BytesView piece : pieces) {
    decoder.feed(piece);
    for (;;) {
      auto frame = decoder.next();
      if (!frame.ok()) {
        out.error = frame.error().code();
        HA_ASSERT(*out.error == Code::Corrupt || *out.error == Code::Exhausted);
        return out;
      }
      if (!frame->has_value()) {
        break;
      }
      HA_ASSERT((*frame)->headers.size() <= kLimits.headers_max);
      HA_ASSERT((*frame)->body.size() <= kLimits.body_bytes_max);
      out.frames.push_back(std::move(**frame));
    }
  }
  return out;
}

void read_all(const EslAnswer& answer) {
  static_cast<void>(read_status(answer));
  static_cast<void>(read_total(answer));
  static_cast<void>(read_gateways(answer));
  static_cast<void>(read_gateway(answer));
}

void read_as_event(BytesView body) {
  for (const char* const type : {"text/event-plain", "text/event-json"}) {
    const auto event = read_event({Fields({{"Content-Type", type}}), Bytes(body)});
    if (event.ok()) {
      HA_ASSERT(event->fields.size() <= kEslEventFieldsMax);
      static_cast<void>(read_heartbeat(*event));
      static_cast<void>(our_custom_event(*event));
    }
  }
}

void hold_session(BytesView bytes) {
  EslSessionLimits limits;
  limits.decoder = kLimits;
  limits.events_max = 5;
  EslSession session({"ClueCon", {"ALL"}}, kStart, limits);
  constexpr BytesView kReply = "Content-Type: command/reply\nReply-Text: +OK\n\n";
  session.on_bytes("Content-Type: auth/request\n\n", kStart);
  session.on_bytes(Bytes(kReply) + Bytes(kReply), kStart);
  std::size_t started = 0;
  for (const auto& command : {esl_api("status"), esl_bgapi("status"), esl_send_event("alive", {})}) {
    started += session.start(*command, kStart + std::chrono::seconds(1), kStart).ok() ? 1U : 0U;
  }
  HA_ASSERT(started == 3);
  session.on_bytes(bytes, kStart);
  std::size_t events = 0;
  while (session.next_event()) {
    ++events;
  }
  HA_ASSERT(events <= limits.events_max);
  session.on_tick(kStart + std::chrono::seconds(1));
  session.on_closed();
  std::size_t done = 0;
  while (const auto each = session.next_done()) {
    if (each->answer.ok()) {
      read_all(*each->answer);
    }
    ++done;
  }
  HA_ASSERT(done == started && session.unanswered() == 0);
}

void is_one_command(const Result<EslCommand>& command) {
  if (command.ok()) {
    const Bytes& wire = command->wire;
    HA_ASSERT(wire.size() >= 3 && wire.find("\n\n") == wire.size() - 2);
    HA_ASSERT(wire.find('\r') == Bytes::npos && wire.find('\0') == Bytes::npos);
  }
}

void write_commands(BytesView text) {
  is_one_command(esl_auth(text));
  is_one_command(esl_api(text));
  is_one_command(esl_bgapi(text));
  is_one_command(esl_subscribe(EslFormat::Plain, {Bytes(text)}, {Bytes(text)}));
  is_one_command(esl_send_event(text, {}));
  const std::size_t colon = std::min(text.find(':'), text.size());
  const Bytes value(text.substr(std::min(colon + 1, text.size())));
  is_one_command(esl_send_event("x", {{Bytes(text.substr(0, colon)), value}, {"Val", value}}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(reinterpret_cast<const char*>(data), size);
  const Decoded whole = decode({input});
  const std::size_t cut = size == 0 ? 0 : data[size - 1] * size / 256;
  HA_ASSERT(decode({input.substr(0, cut), input.substr(cut)}) == whole);
  read_as_event(input);
  for (const EslFrame& each : whole.frames) {
    read_as_event(each.body);
    read_all({each.body, {}});
  }
  read_all({Bytes(input), {}});
  hold_session(input);
  write_commands(input);
  return 0;
}
