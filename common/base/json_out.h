// JSON objects and lists, written in the order of adding. Thread safety: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/json_text.h"

namespace ha {

class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value) { return raw(key, json_quote(value)); }
  JsonObject& number(std::string_view key, std::int64_t value) { return raw(key, std::to_string(value)); }
  JsonObject& count(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  // Seconds of so many nanoseconds.
  JsonObject& seconds(std::string_view key, std::int64_t nanoseconds) {
    return raw(key, json_number(static_cast<double>(nanoseconds) / 1e9));
  }
  JsonObject& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  JsonObject& none(std::string_view key) { return raw(key, "null"); }
  // `value` is JSON already.
  JsonObject& raw(std::string_view key, std::string_view value) {
    body_ += (body_.empty() ? "" : ",") + json_quote(key) + ":" + std::string(value);
    return *this;
  }
  [[nodiscard]] std::string text() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

class JsonList {
 public:
  void add(const std::string& value) { body_ += (body_.empty() ? "" : ",") + value; }
  [[nodiscard]] std::string text() const { return "[" + body_ + "]"; }

 private:
  std::string body_;
};

}  // namespace ha
