// Asterisk's manager interface as bytes: a decoder of what the server sends, an encoder of actions.
//
// Knows lines and messages; what belongs to which action is ami_session.h, what answers mean asterisk.h.
// Pure; one thread an AmiDecoder. Source: docs/pbx.md, "AMI"; Asterisk 16.28 and 22.10 as seen.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/pbx/fields.h"
#include "common/pbx/input_buffer.h"

namespace ha::pbx {

struct AmiLimits {
  std::size_t line_bytes_max = std::size_t{64} << 10;
  std::size_t fields_max = 65'536;  // of a message
  std::size_t message_bytes_max = std::size_t{8} << 20;
};

// Of what we send. Asterisk drops lines over about 1,020 bytes, and actions of more than 128 lines.
inline constexpr std::size_t kAmiLineBytesMax = 1'000;  // without its end
inline constexpr std::size_t kAmiLinesMax = 120;        // of an action, its name and its id included

// One message: its fields in order. A line without a colon is a field without a name.
struct AmiMessage {
  Fields fields;

  // The event's name; empty if this is no event.
  [[nodiscard]] std::string_view event() const noexcept;
  // "Success", "Error", "Goodbye"; empty if this is no response.
  [[nodiscard]] std::string_view response() const noexcept;
  [[nodiscard]] std::string_view text(std::string_view name) const noexcept { return fields.text(name); }
  bool operator==(const AmiMessage&) const = default;
};

class AmiDecoder {
 public:
  explicit AmiDecoder(const AmiLimits& limits = {}) : limits_(limits) {}

  void feed(BytesView bytes);
  // nullopt: more bytes are needed. Corrupt: this is not the manager interface; Exhausted: over a limit. An
  // error stays.
  [[nodiscard]] Result<std::optional<AmiMessage>> next();
  // Version of the protocol, from the greeting: "5.0.4"; nullopt before that.
  [[nodiscard]] const std::optional<std::string>& version() const noexcept { return version_; }

 private:
  [[nodiscard]] Error fail(Code code, std::string what, std::string hint = {});
  [[nodiscard]] Status take_greeting(BytesView line);
  [[nodiscard]] Status take_field(BytesView line);
  [[nodiscard]] Result<std::optional<BytesView>> next_line();

  AmiLimits limits_;
  InputBuffer input_;
  std::size_t looked_ = 0;  // so many bytes of input_ have no end of a line
  std::optional<std::string> version_;
  Fields fields_;  // of the message that has begun
  std::size_t message_bytes_ = 0;
  std::optional<Error> error_;
};

struct AmiAction {
  std::string name;
  std::vector<Field> fields{};  // without Action and ActionID
};

// Invalid, naming the field, if a value cannot travel: CR, LF or NUL in it, too long, or too many.
[[nodiscard]] Result<Bytes> encode_action(const AmiAction& action, std::string_view action_id);

}  // namespace ha::pbx
