// AMI, any bytes of it: whatever is cut where, the same messages or the same kind of error; sessions and what
// reads their answers stay within their limits; what we write cannot be anything but what was meant.
//
// Seeds: tests/pbx/fixtures/asterisk*.txt, of which the server's lines are taken.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "common/pbx/ami.h"
#include "common/pbx/ami_session.h"
#include "common/pbx/asterisk.h"

namespace {

using namespace ha;
using namespace ha::pbx;

constexpr BytesView kGreeting = "Asterisk Call Manager/5.0.4\r\n";
const SteadyTime kStart{std::chrono::hours(1'000)};
const AmiLimits kLimits{200, 20, 2'000};

struct Decoded {
  std::vector<AmiMessage> messages;
  std::optional<Code> error;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(const std::vector<BytesView>& pieces) {
  AmiDecoder decoder(kLimits);
  Decoded out;
  for (const BytesView piece : pieces) {
    decoder.feed(piece);
    for (;;) {
      auto message = decoder.next();
      if (!message.ok()) {
        out.error = message.error().code();
        HA_ASSERT(*out.error == Code::Corrupt || *out.error == Code::Exhausted);
        return out;
      }
      if (!message->has_value()) {
        break;
      }
      HA_ASSERT((*message)->fields.size() <= kLimits.fields_max);
      out.messages.push_back(std::move(**message));
    }
  }
  return out;
}

// Of a seed that is a transcript; other input is what it is.
Bytes server_bytes(BytesView input) {
  Bytes out;
  if (!input.starts_with("< ") && !input.starts_with("> ")) {
    return Bytes(input);
  }
  for (const std::string_view line : split(input, '\n')) {
    if (line.starts_with("< ")) {
      out += Bytes(line.substr(2)) + "\r\n";
    }
  }
  return out;
}

void read_all(const AmiAnswer& answer) {
  static_cast<void>(read_core_status(answer));
  static_cast<void>(read_channels(answer));
  if (const auto contacts = read_contacts(answer); contacts.ok()) {
    HA_ASSERT(count_contacts(*contacts).all == contacts->size());
  }
  static_cast<void>(read_outbound_registrations(answer));
  static_cast<void>(read_command(answer));
  static_cast<void>(read_db_change(answer));
  static_cast<void>(read_db_tree(answer));
}

void hold_session(BytesView bytes) {
  AmiSessionLimits limits;
  limits.items_max = 5;
  limits.events_max = 5;
  AmiSession session({"ha", "s3cret"}, kStart, limits);
  session.on_bytes(kGreeting, kStart);
  session.on_bytes("Response: Success\r\nActionID: login\r\n\r\n", kStart);
  std::size_t started = 0;
  for (const char* const name : {"Ping", "CoreShowChannels", "Command"}) {
    started += session.start({name}, kStart + std::chrono::seconds(1), kStart).ok() ? 1U : 0U;
  }
  HA_ASSERT(started == 3);
  session.on_bytes(bytes, kStart);
  std::size_t events = 0;
  while (const auto event = session.next_event()) {
    static_cast<void>(our_user_event(*event));
    ++events;
  }
  HA_ASSERT(events <= limits.events_max);
  session.on_tick(kStart + std::chrono::seconds(1));
  session.on_closed();
  std::size_t done = 0;
  while (const auto each = session.next_done()) {
    if (each->answer.ok()) {
      HA_ASSERT(each->answer->items.size() <= limits.items_max);
      read_all(*each->answer);
    }
    ++done;
  }
  HA_ASSERT(done == started && session.unanswered() == 0);
}

void write_action(BytesView name, BytesView value) {
  const auto bytes = encode_action({"DBPut", {{Bytes(name), Bytes(value)}, {"Val", Bytes(value)}}}, "1");
  if (!bytes.ok()) {
    return;
  }
  AmiDecoder decoder;
  decoder.feed(kGreeting);
  decoder.feed(*bytes);
  const auto back = decoder.next();
  HA_ASSERT(back.ok() && back->has_value());
  HA_ASSERT(
      (*back)->fields ==
      Fields({{"Action", "DBPut"}, {"ActionID", "1"}, {Bytes(name), Bytes(value)}, {"Val", Bytes(value)}}));
  const auto more = decoder.next();
  HA_ASSERT(more.ok() && !more->has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(reinterpret_cast<const char*>(data), size);
  const Bytes text = server_bytes(input);
  const BytesView bytes(text);
  static_cast<void>(decode({bytes}));
  const Decoded whole = decode({kGreeting, bytes});
  const std::size_t cut = size == 0 ? 0 : data[size - 1] * bytes.size() / 256;
  HA_ASSERT(decode({kGreeting, bytes.substr(0, cut), bytes.substr(cut)}) == whole);
  hold_session(bytes);
  const std::size_t colon = std::min(bytes.find(':'), bytes.size());
  write_action(bytes.substr(0, colon), bytes.substr(std::min(colon + 1, bytes.size())));
  return 0;
}
