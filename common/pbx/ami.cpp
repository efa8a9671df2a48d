#include "common/pbx/ami.h"

#include <algorithm>
#include <utility>

namespace ha::pbx {
namespace {

constexpr std::string_view kGreeting = "Asterisk Call Manager/";
constexpr std::size_t kGreetingBytesMax = 256;
constexpr std::string_view kLineEnd = "\r\n";

bool is_field_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

std::string_view AmiMessage::event() const noexcept {
  return !fields.empty() && same_name(fields[0].name, "Event") ? std::string_view(fields[0].value)
                                                               : std::string_view();
}

std::string_view AmiMessage::response() const noexcept {
  return !fields.empty() && same_name(fields[0].name, "Response") ? std::string_view(fields[0].value)
                                                                  : std::string_view();
}

void AmiDecoder::feed(BytesView bytes) {
  if (!error_) {
    input_.add(bytes);
  }
}

Error AmiDecoder::fail(Code code, std::string what, std::string hint) {
  error_ = Error(code, std::move(what), std::move(hint));
  input_.clear();
  fields_ = Fields();
  return *error_;
}

// The line without its end, which stays valid until bytes are fed; nullopt: it is not whole yet.
Result<std::optional<BytesView>> AmiDecoder::next_line() {
  const BytesView bytes = input_.view();
  const std::size_t end = bytes.find(kLineEnd, looked_);
  const std::size_t half = bytes.ends_with('\r') ? 1 : 0;
  const std::size_t size = end == BytesView::npos ? bytes.size() - half : end;
  // No greeting is that long, so a stranger is known early.
  const std::size_t size_max = version_ ? limits_.line_bytes_max : kGreetingBytesMax;
  if (size > size_max) {
    return version_ ? fail(Code::Exhausted, "a line of more than " + std::to_string(size_max) + " bytes")
                    : fail(Code::Corrupt, "a greeting of more than " + std::to_string(size_max) + " bytes");
  }
  if (end == BytesView::npos) {
    looked_ = bytes.size() - half;
    return std::optional<BytesView>();
  }
  looked_ = 0;
  input_.take(end + kLineEnd.size());
  return std::optional(bytes.substr(0, end));
}

Status AmiDecoder::take_greeting(BytesView line) {
  if (!line.starts_with(kGreeting)) {
    return fail(Code::Corrupt, "it greets with " + in_quotes(line) + ", which is no Asterisk manager",
                "see port and bindaddr in manager.conf");
  }
  version_ = std::string(line.substr(kGreeting.size()));
  return ok();
}

Status AmiDecoder::take_field(BytesView line) {
  message_bytes_ += line.size() + sizeof(Field);
  if (fields_.size() >= limits_.fields_max || message_bytes_ > limits_.message_bytes_max) {
    return fail(Code::Exhausted, "a message of more than " + std::to_string(limits_.fields_max) +
                                     " lines or " + std::to_string(limits_.message_bytes_max) + " bytes");
  }
  if (line.find('\0') != BytesView::npos) {
    return fail(Code::Corrupt, "a NUL byte in " + in_quotes(line.substr(0, 60)));
  }
  const std::size_t colon = line.find(':');
  if (colon == BytesView::npos) {
    fields_.add({}, std::string(line));
    return ok();
  }
  BytesView value = line.substr(colon + 1);
  value.remove_prefix(value.starts_with(' ') ? 1 : 0);
  fields_.add(std::string(line.substr(0, colon)), std::string(value));
  return ok();
}

Result<std::optional<AmiMessage>> AmiDecoder::next() {
  if (error_) {
    return *error_;
  }
  for (;;) {
    HA_TRY(const std::optional<BytesView> line, next_line());
    if (!line) {
      return std::optional<AmiMessage>();
    }
    if (!version_) {
      HA_CHECK(take_greeting(*line));
    } else if (!line->empty()) {
      HA_CHECK(take_field(*line));
    } else if (!fields_.empty()) {
      message_bytes_ = 0;
      return std::optional(AmiMessage{std::exchange(fields_, Fields())});
    }
  }
}

Result<Bytes> encode_action(const AmiAction& action, std::string_view action_id) {
  std::vector<Field> lines{{"Action", action.name}};
  if (!action_id.empty()) {
    lines.push_back({"ActionID", std::string(action_id)});
  }
  lines.insert(lines.end(), action.fields.begin(), action.fields.end());
  if (!is_field_name(action.name)) {
    return Error(Code::Invalid, in_quotes(action.name) + " is no action");
  }
  if (lines.size() > kAmiLinesMax) {
    return Error(Code::Invalid, action.name + ": more than " + std::to_string(kAmiLinesMax) + " lines");
  }
  Bytes out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [name, value] = lines[i];
    const bool is_ours = i < lines.size() - action.fields.size();
    if (!is_field_name(name) || (!is_ours && (same_name(name, "Action") || same_name(name, "ActionID")))) {
      return Error(Code::Invalid, action.name + ": " + in_quotes(name) + " cannot be the name of a field");
    }
    // Asterisk would take what follows as another field, or cut the value.
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return Error(Code::Invalid, action.name + ": " + name + " has a line break or a NUL byte in it");
    }
    if (name.size() + 2 + value.size() > kAmiLineBytesMax) {
      return Error(Code::Invalid, action.name + ": " + name + " is longer than Asterisk reads (" +
                                      std::to_string(kAmiLineBytesMax) + " bytes)");
    }
    out.append(name).append(": ").append(value).append("\r\n");
  }
  return out + "\r\n";
}

}  // namespace ha::pbx
