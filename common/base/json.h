// JSON as a tree of values, from bytes that may be anybody's.
//
// Without paths or schemas; documents are written with json_out.h. Bytes, depth and values are bounded before
// memory is taken. Members keep their order; of a key that is there twice the first counts. Whole numbers
// that fit are exact. Pure, thread safety of a value. Source: RFC 8259, by nlohmann-json 3.11.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha {

struct JsonLimits {
  std::size_t bytes_max = std::size_t{8} << 20;
  std::size_t depth_max = 32;
  std::size_t values_max = 500'000;
};

class JsonValue {
 public:
  using List = std::vector<JsonValue>;
  struct Object {  // values[i] stands at keys[i]
    std::vector<std::string> keys;
    List values;
  };
  using Variant =
      std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, List, Object>;

  JsonValue() = default;
  explicit JsonValue(Variant value) : value_(std::move(value)) {}

  // Null where it is something else.
  [[nodiscard]] const std::string* text() const noexcept { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const List* list() const noexcept { return std::get_if<List>(&value_); }
  [[nodiscard]] const Object* object() const noexcept { return std::get_if<Object>(&value_); }
  [[nodiscard]] std::optional<bool> flag() const noexcept;
  // A whole number that is not negative.
  [[nodiscard]] std::optional<std::uint64_t> count() const noexcept;
  [[nodiscard]] std::optional<double> number() const noexcept;

  // Of an object; null if this is none, or has no such key.
  [[nodiscard]] const JsonValue* find(std::string_view key) const noexcept;
  // The text at `key`; empty if there is none.
  [[nodiscard]] std::string_view text_at(std::string_view key) const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> count_at(std::string_view key) const noexcept;

 private:
  friend class JsonBuilder;
  Variant value_;
};

// Corrupt, with the byte where it goes wrong; Exhausted past a limit.
[[nodiscard]] Result<JsonValue> read_json(BytesView text, const JsonLimits& limits = {});

// `text` as a JSON string that reads back as the same bytes, for machines; json_quote() is for people.
// Invalid if it is not UTF-8, which JSON cannot hold.
[[nodiscard]] Result<std::string> json_exact(BytesView text);

}  // namespace ha
