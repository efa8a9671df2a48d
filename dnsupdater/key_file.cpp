#include "dnsupdater/key_file.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace ha::dns {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

Error wrong(std::string_view what, std::size_t line) {
  return {Code::Invalid, "line " + std::to_string(line) + ": " + std::string(what),
          "make a key with: tsig-keygen -a hmac-sha256 NAME"};
}

// What has been found of the key, as pieces of the file.
struct Draft {
  std::optional<std::string_view> name;
  std::optional<std::string_view> algorithm;
  std::optional<std::string_view> secret;
  std::size_t line = 1;  // where it begins

  Status take(std::string_view field, std::string_view value, std::size_t at_line) {
    auto& place = field == "algorithm" ? algorithm : secret;
    if (field != "algorithm" && field != "secret") {
      return wrong("a key has an algorithm and a secret, and nothing else", at_line);
    }
    if (place) {
      return wrong("the key has two of them: " + std::string(field), at_line);
    }
    place = value;
    return ok();
  }

  [[nodiscard]] Result<TsigKey> finish() const {
    if (!name || !algorithm || !secret) {
      return wrong(!name        ? "there is no key"
                   : !algorithm ? "the key has no algorithm"
                                : "the key has no secret",
                   line);
    }
    auto key_name = Name::parse(*name);
    if (!key_name.ok() || key_name->text() == ".") {
      return wrong("the key's name is not a domain name", line);
    }
    auto kind = parse_tsig_algorithm(*algorithm);
    if (!kind.ok()) {
      return std::move(kind).error().in("line " + std::to_string(line));
    }
    auto bytes = sys::Secret::from_base64(*secret);
    if (!bytes.ok()) {
      return bytes.error().code() == Code::Invalid ? wrong("the secret is not base64", line)
                                                   : std::move(bytes).error();
    }
    if (bytes->size() < kTsigSecretBytesMin) {
      return wrong("the secret has less than 16 bytes", line);
    }
    return TsigKey{std::move(key_name).value(), *kind, std::move(bytes).value()};
  }
};

// Words of named.conf: braces, semicolons, quoted and bare words; comments of all three kinds are passed
// over.
class BindWords {
 public:
  explicit BindWords(std::string_view text) : text_(text) {}

  struct Word {
    std::string_view text;
    bool quoted = false;
  };
  // None at the end. Invalid for a quote or a comment without an end.
  Result<std::optional<Word>> next() {
    HA_CHECK(pass_over());
    if (at_ >= text_.size()) {
      return std::optional<Word>();
    }
    const std::size_t begin = at_;
    if (text_[begin] == '"') {
      const std::size_t end = text_.find_first_of("\"\n", begin + 1);
      if (end == std::string_view::npos || text_[end] == '\n') {
        return wrong("a quote has no end", line());
      }
      at_ = end + 1;
      return std::optional(Word{text_.substr(begin + 1, end - begin - 1), true});
    }
    const bool is_mark = std::string_view("{};").find(text_[begin]) != std::string_view::npos;
    at_ = is_mark ? begin + 1 : std::min(text_.find_first_of(" \t\r\n{};\"", begin), text_.size());
    return std::optional(Word{text_.substr(begin, at_ - begin), false});
  }

  // Invalid unless the next word is this one, not quoted.
  Status expect(std::string_view text) {
    HA_TRY(const auto word, next());
    return word && !word->quoted && word->text == text
               ? ok()
               : Status(wrong("expected " + std::string(text), line()));
  }
  // A word of any kind but a mark.
  Result<std::string_view> value() {
    HA_TRY(const auto word, next());
    const bool is_mark =
        word && !word->quoted && std::string_view("{};").find(word->text) != std::string_view::npos;
    if (!word || is_mark) {
      return wrong("expected a value", line());
    }
    return word->text;
  }

  [[nodiscard]] std::size_t line() const {
    const auto end = text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size()));
    return 1 + static_cast<std::size_t>(std::count(text_.begin(), end, '\n'));
  }

 private:
  Status pass_over() {
    while (true) {
      at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
      const std::string_view rest = text_.substr(at_);
      if (rest.starts_with('#') || rest.starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (rest.starts_with("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) {
          return wrong("a comment has no end", line());
        }
        at_ = end + 2;
      } else {
        return ok();
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Result<TsigKey> parse_bind(std::string_view text) {
  BindWords words(text);
  HA_CHECK(words.expect("key"));
  Draft draft;
  HA_TRY(draft.name, words.value());
  draft.line = words.line();
  HA_CHECK(words.expect("{"));
  while (true) {
    HA_TRY(const auto field, words.next());
    if (!field) {
      return wrong("the key has no end: expected }", words.line());
    }
    if (!field->quoted && field->text == "}") {
      break;
    }
    HA_TRY(const std::string_view value, words.value());
    HA_CHECK(draft.take(field->text, value, words.line()));
    HA_CHECK(words.expect(";"));
  }
  HA_CHECK(words.expect(";"));
  HA_TRY(const auto more, words.next());
  if (more) {
    return wrong("there is something after the key; one file has one key, and nothing else", words.line());
  }
  return draft.finish();
}

// A line of Knot's YAML without its comment and the blanks around it.
std::string_view knot_content(std::string_view line) {
  char quote = '\0';
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quote != '\0') {
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#' && (at == 0 || kBlanks.find(line[at - 1]) != std::string_view::npos)) {
      line = line.substr(0, at);
    }
  }
  const std::size_t begin = std::min(line.find_first_not_of(kBlanks), line.size());
  line.remove_prefix(begin);
  return line.substr(0, line.find_last_not_of(kBlanks) + 1);
}

// "field: value", the value in quotes or not.
struct KnotField {
  std::string_view name;
  std::string_view value;
};
std::optional<KnotField> knot_field(std::string_view content) {
  const std::size_t colon = content.find(": ");
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view value = content.substr(content.find_first_not_of(kBlanks, colon + 1));
  if (value[0] == '"' || value[0] == '\'') {
    if (value.size() < 2 || value.back() != value[0]) {
      return std::nullopt;
    }
    value = value.substr(1, value.size() - 2);
  }
  return KnotField{content.substr(0, colon), value};
}

Status take_knot_line(std::string_view content, bool is_indented, std::size_t line, bool& begun,
                      Draft& draft) {
  if (!is_indented) {
    if (begun || content != "key:") {
      return wrong("expected one section \"key:\", and nothing else", line);
    }
    begun = true;
    return ok();
  }
  const bool is_item = content.starts_with("- ");
  const auto field = knot_field(
      is_item ? content.substr(std::min(content.find_first_not_of(" \t", 1), content.size())) : content);
  if (!begun || !field) {
    return wrong("expected \"- id: NAME\", \"algorithm: …\" or \"secret: …\" below \"key:\"", line);
  }
  if (is_item != (field->name == "id")) {
    return wrong("a key begins with \"- id: NAME\"", line);
  }
  if (!is_item) {
    return draft.name ? draft.take(field->name, field->value, line)
                      : Status(wrong("a key begins with \"- id: NAME\"", line));
  }
  if (draft.name) {
    return wrong("there is a second key; one file has one key", line);
  }
  draft.name = field->value;
  draft.line = line;
  return ok();
}

Result<TsigKey> parse_knot(std::string_view text) {
  Draft draft;
  bool begun = false;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (const std::string_view content = knot_content(line); !content.empty()) {
      // "- id" may stand at the very left.
      const bool is_indented = line[0] == ' ' || line[0] == '\t' || line[0] == '-';
      HA_CHECK(take_knot_line(content, is_indented, number, begun, draft));
    }
  }
  return draft.finish();
}

// Knot's files have a line "key:".
bool is_knot(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (const std::string_view content = knot_content(text.substr(at, end - at)); !content.empty()) {
      return content.starts_with("key:");
    }
    at = end + 1;
  }
  return false;
}

}  // namespace

Result<TsigKey> parse_key(BytesView text) {
  return is_knot(text) ? parse_knot(text) : parse_bind(text);
}

Result<TsigKey> load_key(BytesView path) {
  HA_TRY(const sys::Secret content, sys::load_secret(path));
  auto key = parse_key(content.bytes());
  if (!key.ok()) {
    return std::move(key).error().in("the key file \"" + escape(path) + "\"");
  }
  return key;
}

}  // namespace ha::dns
