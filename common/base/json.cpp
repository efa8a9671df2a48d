#include "common/base/json.h"

#include <utility>

#include <nlohmann/json.hpp>

namespace ha {

// Called by the parser; false ends it.
class JsonBuilder {
 public:
  using Json = nlohmann::json;
  explicit JsonBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() { return add({}); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& /*as written*/) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(Json::binary_t& /*never in text*/) { return false; }
  bool start_object(std::size_t /*unknown*/) { return open(JsonValue::Object()); }
  bool start_array(std::size_t /*unknown*/) { return open(JsonValue::List()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& value) {
    std::get<JsonValue::Object>(open_.back()->value_).keys.push_back(std::move(value));
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& /*why*/) {
    error_ = Error(Code::Corrupt, "no JSON from byte " + std::to_string(position) + " on");
    return false;
  }

  Result<JsonValue> take() && {
    if (error_) {
      return std::move(*error_);
    }
    return std::move(root_);
  }

 private:
  JsonValue* place(JsonValue::Variant value) {
    if (++values_ > limits_.values_max) {
      error_ = Error(Code::Exhausted, "more than " + std::to_string(limits_.values_max) + " JSON values");
      return nullptr;
    }
    if (open_.empty()) {
      root_.value_ = std::move(value);
      return &root_;
    }
    auto* const list = std::get_if<JsonValue::List>(&open_.back()->value_);
    JsonValue::List& values =
        list != nullptr ? *list : std::get<JsonValue::Object>(open_.back()->value_).values;
    values.emplace_back(std::move(value));
    return &values.back();
  }
  bool add(JsonValue::Variant value) { return place(std::move(value)) != nullptr; }
  bool open(JsonValue::Variant value) {
    if (open_.size() >= limits_.depth_max) {
      error_ = Error(Code::Exhausted,
                     "JSON is nested deeper than " + std::to_string(limits_.depth_max) + " levels");
      return false;
    }
    JsonValue* const container = place(std::move(value));
    if (container != nullptr) {
      open_.push_back(container);  // it stays where it is: only the innermost one grows
    }
    return container != nullptr;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const JsonLimits& limits_;
  JsonValue root_;
  std::vector<JsonValue*> open_;
  std::size_t values_ = 0;
  std::optional<Error> error_;
};

Result<JsonValue> read_json(BytesView text, const JsonLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return Error(Code::Exhausted, "JSON of more than " + std::to_string(limits.bytes_max) + " bytes");
  }
  JsonBuilder builder(limits);
  static_cast<void>(nlohmann::json::sax_parse(text.begin(), text.end(), &builder));
  return std::move(builder).take();
}

Result<std::string> json_exact(BytesView text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    return Error(Code::Invalid, in_quotes(text) + " is not UTF-8: JSON cannot hold it");
  }
}

std::optional<bool> JsonValue::flag() const noexcept {
  const bool* const value = std::get_if<bool>(&value_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<std::uint64_t> JsonValue::count() const noexcept {
  const std::uint64_t* const value = std::get_if<std::uint64_t>(&value_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

std::optional<double> JsonValue::number() const noexcept {
  if (const auto* const whole = std::get_if<std::uint64_t>(&value_)) {
    return static_cast<double>(*whole);
  }
  if (const auto* const negative = std::get_if<std::int64_t>(&value_)) {
    return static_cast<double>(*negative);
  }
  const double* const value = std::get_if<double>(&value_);
  return value != nullptr ? std::optional(*value) : std::nullopt;
}

const JsonValue* JsonValue::find(std::string_view key) const noexcept {
  if (const Object* const members = object()) {
    for (std::size_t i = 0; i < members->keys.size(); ++i) {
      if (members->keys[i] == key) {
        return &members->values[i];
      }
    }
  }
  return nullptr;
}

std::string_view JsonValue::text_at(std::string_view key) const noexcept {
  const JsonValue* const value = find(key);
  const std::string* const found = value != nullptr ? value->text() : nullptr;
  return found != nullptr ? std::string_view(*found) : std::string_view();
}

std::optional<std::uint64_t> JsonValue::count_at(std::string_view key) const noexcept {
  const JsonValue* const value = find(key);
  return value != nullptr ? value->count() : std::nullopt;
}

}  // namespace ha
