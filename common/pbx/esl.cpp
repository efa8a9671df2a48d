#include "common/pbx/esl.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/json.h"

namespace ha::pbx {
namespace {

constexpr std::string_view kHeadEnd = "\n\n";
constexpr std::string_view kArray = "ARRAY::";
constexpr std::string_view kArraySeparator = "|:";

// What is no %XX stays as it is.
std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct HeaderLine {
  std::string_view name;
  std::string_view value;
};

std::optional<HeaderLine> header_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return std::nullopt;
  }
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(value.starts_with(' ') ? 1 : 0);
  return HeaderLine{line.substr(0, colon), value};
}

Error too_many_fields() {
  return {Code::Exhausted, "an event of more than " + std::to_string(kEslEventFieldsMax) + " fields"};
}

Status add_value(Fields& fields, std::string_view name, std::string value) {
  if (fields.size() >= kEslEventFieldsMax) {
    return too_many_fields();
  }
  if (!value.starts_with(kArray)) {
    fields.add(std::string(name), std::move(value));
    return ok();
  }
  for (std::string_view rest = std::string_view(value).substr(kArray.size());;) {
    const std::size_t end = rest.find(kArraySeparator);
    if (fields.size() >= kEslEventFieldsMax) {
      return too_many_fields();
    }
    fields.add(std::string(name), std::string(rest.substr(0, end)));
    if (end == std::string_view::npos) {
      return ok();
    }
    rest.remove_prefix(end + kArraySeparator.size());
  }
}

Result<EslEvent> read_plain(BytesView text) {
  EslEvent out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const BytesView line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) {  // what follows is its body
      if (out.fields.count("Content-Length").value_or(0) != text.size()) {
        return Error(Code::Corrupt, "an event whose length is not that of its body");
      }
      out.body = Bytes(text);
      return out;
    }
    const auto header = header_line(line);
    if (!header) {
      return Error(Code::Corrupt, "an event with the line " + in_quotes(line.substr(0, 60)));
    }
    HA_CHECK(add_value(out.fields, header->name, percent_decode(header->value)));
  }
  return out;
}

Result<EslEvent> read_json_event(BytesView text) {
  JsonLimits limits;
  limits.depth_max = 2;  // members, and arrays of texts
  limits.values_max = kEslEventFieldsMax * 2;
  HA_TRY(const JsonValue value, read_json(text, limits));
  const JsonValue::Object* const members = value.object();
  if (members == nullptr) {
    return Error(Code::Corrupt, "an event that is no JSON object");
  }
  EslEvent out;
  for (std::size_t i = 0; i < members->keys.size(); ++i) {
    const std::string& key = members->keys[i];
    if (const std::string* const single = members->values[i].text()) {
      if (key == "_body") {
        out.body = *single;
      } else {
        HA_CHECK(add_value(out.fields, key, *single));
      }
    } else if (const JsonValue::List* const list = members->values[i].list()) {
      for (const JsonValue& element : *list) {
        if (element.text() == nullptr) {
          return Error(Code::Corrupt, "an event whose " + in_quotes(key) + " is no list of texts");
        }
        HA_CHECK(add_value(out.fields, key, *element.text()));
      }
    } else {
      return Error(Code::Corrupt, "an event whose " + in_quotes(key) + " is neither text nor list");
    }
  }
  return out;
}

bool is_one_line(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool is_word(std::string_view text) {
  return !text.empty() && is_one_line(text) && text.find_first_of(" \t") == std::string_view::npos;
}

Result<EslCommand> command(EslAnswerKind kind, std::string_view verb, std::string_view rest) {
  if (trimmed(rest).empty() || !is_one_line(rest)) {
    return Error(Code::Invalid, std::string(verb) + ": empty, or a line break or a NUL byte in it");
  }
  if (rest.size() > kEslCommandBytesMax) {
    return Error(Code::Invalid,
                 std::string(verb) + ": longer than " + std::to_string(kEslCommandBytesMax) + " bytes");
  }
  const std::string shown(rest.substr(0, 60));
  return EslCommand{kind, std::string(verb) + " " + shown,
                    std::string(verb) + " " + std::string(rest) + "\n\n"};
}

}  // namespace

void EslDecoder::feed(BytesView bytes) {
  if (!error_) {
    input_.add(bytes);
  }
}

Error EslDecoder::fail(Code code, std::string what) {
  error_ = Error(code, std::move(what), "see listen-port in event_socket.conf.xml");
  input_.clear();
  frame_ = {};
  return *error_;
}

Status EslDecoder::take_header(BytesView line) {
  const auto header = header_line(line);
  if (!header || line.find('\0') != BytesView::npos) {
    return fail(Code::Corrupt, "a frame with the line " + in_quotes(line.substr(0, 60)));
  }
  if (frame_.headers.size() >= limits_.headers_max) {
    return fail(Code::Exhausted, "a frame of more than " + std::to_string(limits_.headers_max) + " headers");
  }
  if (same_name(header->name, "Content-Length")) {
    const auto size = whole_number(header->value);
    if (!size || body_size_) {
      return fail(Code::Corrupt, "a frame with the length " + in_quotes(header->value.substr(0, 60)) +
                                     (body_size_ ? " beside another one" : ""));
    }
    if (*size > limits_.body_bytes_max) {
      return fail(Code::Exhausted, "a frame of " + std::to_string(*size) + " bytes, more than " +
                                       std::to_string(limits_.body_bytes_max));
    }
    body_size_ = *size;
  }
  frame_.headers.add(std::string(header->name), std::string(header->value));
  return ok();
}

Result<bool> EslDecoder::take_head() {
  while (input_.view().starts_with('\n')) {  // between two frames
    input_.take(1);
    looked_ = 0;
  }
  const BytesView bytes = input_.view();
  const std::size_t end = bytes.find(kHeadEnd, looked_);
  if (std::min(end, bytes.size()) > limits_.head_bytes_max) {
    return fail(Code::Exhausted, "a head of more than " + std::to_string(limits_.head_bytes_max) + " bytes");
  }
  if (end == BytesView::npos) {
    looked_ = bytes.empty() ? 0 : bytes.size() - 1;
    return false;
  }
  looked_ = 0;
  for (const std::string_view line : split(bytes.substr(0, end), '\n')) {
    HA_CHECK(take_header(line));
  }
  input_.take(end + kHeadEnd.size());
  if (!body_size_) {
    body_size_ = 0;
  }
  return true;
}

Result<std::optional<EslFrame>> EslDecoder::next() {
  if (error_) {
    return *error_;
  }
  if (!body_size_) {
    HA_TRY(const bool is_there, take_head());
    if (!is_there) {
      return std::optional<EslFrame>();
    }
  }
  if (input_.size() < *body_size_) {
    return std::optional<EslFrame>();
  }
  frame_.body = Bytes(input_.view().substr(0, *body_size_));
  input_.take(*body_size_);
  body_size_.reset();
  return std::optional(std::exchange(frame_, EslFrame()));
}

Result<EslEvent> read_event(const EslFrame& frame) {
  if (same_name(frame.type(), "text/event-plain")) {
    return read_plain(frame.body);
  }
  if (same_name(frame.type(), "text/event-json")) {
    return read_json_event(frame.body);
  }
  return Error(Code::Unsupported, "a frame of type " + in_quotes(frame.type()) + " is no event that we read");
}

Result<EslCommand> esl_auth(BytesView password) {
  auto made = command(EslAnswerKind::Reply, "auth", password);
  if (made.ok()) {
    made->name = "auth";
  }
  return made;
}

Result<EslCommand> esl_api(std::string_view text) {
  return command(EslAnswerKind::Api, "api", text);
}

Result<EslCommand> esl_bgapi(std::string_view text) {
  return command(EslAnswerKind::Job, "bgapi", text);
}

Result<EslCommand> esl_subscribe(EslFormat format, const std::vector<std::string>& events,
                                 const std::vector<std::string>& subclasses) {
  std::string words = format == EslFormat::Plain ? "plain" : "json";
  for (const std::string& each : events) {
    if (!is_word(each) || same_name(each, "CUSTOM")) {  // all words behind CUSTOM are subclasses
      return Error(Code::Invalid, in_quotes(each) + " is no event to subscribe to");
    }
    words += " " + each;
  }
  words += subclasses.empty() ? "" : " CUSTOM";
  for (const std::string& each : subclasses) {
    if (!is_word(each)) {
      return Error(Code::Invalid, in_quotes(each) + " is no subclass of CUSTOM");
    }
    words += " " + each;
  }
  return command(EslAnswerKind::Reply, "event", words);
}

Result<EslCommand> esl_send_event(std::string_view name, const std::vector<Field>& fields) {
  if (!is_word(name)) {
    return Error(Code::Invalid, in_quotes(name) + " is no name for an event");
  }
  EslCommand out{EslAnswerKind::Reply, "sendevent " + std::string(name), "sendevent CUSTOM\n"};
  out.wire += "Event-Subclass: " + std::string(kEslSubclassPrefix) + std::string(name) + "\n";
  for (const Field& each : fields) {
    const bool is_reserved = same_name(each.name, "Content-Length") || same_name(each.name, "Event-Subclass");
    if (!is_word(each.name) || each.name.find(':') != std::string::npos || is_reserved) {
      return Error(Code::Invalid, out.name + ": " + in_quotes(each.name) + " cannot be the name of a field");
    }
    if (!is_one_line(each.value) || each.value.empty() || each.value.front() == ' ') {
      return Error(Code::Invalid, out.name + ": " + each.name +
                                      " is empty, begins with a blank, or has a line break or a NUL byte");
    }
    out.wire += each.name + ": " + each.value + "\n";
  }
  if (out.wire.size() > kEslCommandBytesMax) {
    return Error(Code::Invalid, out.name + ": longer than " + std::to_string(kEslCommandBytesMax) + " bytes");
  }
  out.wire += "\n";
  return out;
}

}  // namespace ha::pbx
