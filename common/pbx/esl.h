// FreeSWITCH's event socket as bytes: a decoder of frames, events in their two formats, commands.
//
// Knows frames and events; what answers which command is esl_session.h, what answers mean freeswitch.h.
// Pure; one thread an EslDecoder. Source: docs/pbx.md, "ESL"; mod_event_socket of FreeSWITCH 1.10.12.
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

struct EslLimits {
  std::size_t head_bytes_max = std::size_t{64} << 10;
  std::size_t headers_max = 1'024;
  std::size_t body_bytes_max = std::size_t{8} << 20;
};

inline constexpr std::size_t kEslEventFieldsMax = 16'384;
inline constexpr std::size_t kEslCommandBytesMax = std::size_t{64} << 10;

struct EslFrame {
  Fields headers;
  Bytes body;

  [[nodiscard]] std::string_view type() const noexcept { return headers.text("Content-Type"); }
  bool operator==(const EslFrame&) const = default;
};

class EslDecoder {
 public:
  explicit EslDecoder(const EslLimits& limits = {}) : limits_(limits) {}

  void feed(BytesView bytes);
  // nullopt: more bytes are needed. Corrupt: this is not the event socket; Exhausted: over a limit. An error
  // stays.
  [[nodiscard]] Result<std::optional<EslFrame>> next();

 private:
  [[nodiscard]] Error fail(Code code, std::string what);
  // True when it is there, and then taken.
  [[nodiscard]] Result<bool> take_head();
  [[nodiscard]] Status take_header(BytesView line);

  EslLimits limits_;
  InputBuffer input_;
  std::size_t looked_ = 0;                // so many bytes of input_ have no end of the head
  EslFrame frame_;                        // that has begun
  std::optional<std::size_t> body_size_;  // its head is there, and says this
  std::optional<Error> error_;
};

// An event, whatever its format was: values are decoded, an array is a field for each of its elements.
struct EslEvent {
  Fields fields;
  Bytes body;

  [[nodiscard]] std::string_view name() const noexcept { return fields.text("Event-Name"); }
  [[nodiscard]] std::string_view subclass() const noexcept { return fields.text("Event-Subclass"); }
  [[nodiscard]] std::string_view text(std::string_view field) const noexcept { return fields.text(field); }
  bool operator==(const EslEvent&) const = default;
};

// Of a frame of type text/event-plain or text/event-json. Corrupt; Exhausted over kEslEventFieldsMax;
// Unsupported: another type.
[[nodiscard]] Result<EslEvent> read_event(const EslFrame& frame);

enum class EslFormat { Plain, Json };

// What the answer to a command looks like.
enum class EslAnswerKind {
  Reply,  // command/reply
  Api,    // api/response; command/reply when it is refused
  Job,    // command/reply, and later an event with its body
};
struct EslCommand {
  EslAnswerKind kind = EslAnswerKind::Reply;
  std::string name;  // for messages
  Bytes wire{};
};

// All of them: Invalid with a line break or a NUL byte in what they are given, or over kEslCommandBytesMax.
[[nodiscard]] Result<EslCommand> esl_auth(BytesView password);
// "status", "show calls count".
[[nodiscard]] Result<EslCommand> esl_api(std::string_view command);
[[nodiscard]] Result<EslCommand> esl_bgapi(std::string_view command);
// `events`: "HEARTBEAT"; `subclasses` of CUSTOM: "sofia::register".
[[nodiscard]] Result<EslCommand> esl_subscribe(EslFormat format, const std::vector<std::string>& events,
                                               const std::vector<std::string>& subclasses);
// CUSTOM hareplicate::<name>. Empty values, and blanks at the beginning of one, would not arrive.
[[nodiscard]] Result<EslCommand> esl_send_event(std::string_view name, const std::vector<Field>& fields);

inline constexpr std::string_view kEslSubclassPrefix = "hareplicate::";

}  // namespace ha::pbx
