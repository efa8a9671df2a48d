// One value against its key: type, unit, range; and back to text.
#include <algorithm>
#include <charconv>

#include "common/base/config.h"
#include "common/base/json_text.h"
#include "common/base/suggest.h"
#include "common/base/units.h"

namespace ha {
namespace {

std::string shown(const ConfigData& written) {
  struct Show {
    std::string operator()(const std::string& text) const { return json_quote(text); }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(double number) const { return json_number(number); }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(std::uint64_t number) const { return std::to_string(number); }
    std::string operator()(Duration span) const { return "\"" + write_duration(span) + "\""; }
    std::string operator()(const std::vector<std::string>& list) const {
      std::string out = "[";
      for (const std::string& text : list) {
        out += (out.size() > 1 ? ", " : "") + (*this)(text);
      }
      return out + "]";
    }
  };
  return std::visit(Show{}, written);
}

Error bad(const ConfigKey& key, const ConfigData& written, const std::string& advice) {
  return Error(Code::Invalid, std::string(key.name) + " = " + shown(written) + " — " + advice);
}

std::vector<std::string> choices_of(std::string_view range) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t end = std::min(range.find('|'), range.size());
    out.emplace_back(range.substr(0, end));
    if (end == range.size()) {
      return out;
    }
    range.remove_prefix(end + 1);
  }
}

Result<ConfigData> check_choice(const ConfigKey& key, const ConfigData& written, const std::string& text) {
  const std::vector<std::string> choices = choices_of(key.range);
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) {
    return ConfigData(text);
  }
  std::string all;
  for (const std::string& choice : choices) {
    all += (all.empty() ? "\"" : ", \"") + choice + "\"";
  }
  return bad(key, written,
             (choices.size() == 1 ? "must be " : "must be one of ") + all + did_you_mean(text, choices));
}

// A text in the key's unit as its type.
Result<ConfigData> parse_with_unit(ConfigType type, std::string_view text) {
  switch (type) {
    case ConfigType::Span: {
      HA_TRY(const Duration value, parse_duration(text));
      return ConfigData(value);
    }
    case ConfigType::Size: {
      HA_TRY(const std::uint64_t value, parse_size(text));
      return ConfigData(value);
    }
    case ConfigType::Rate: {
      HA_TRY(const std::uint64_t value, parse_rate(text));
      return ConfigData(value);
    }
    case ConfigType::Percent: {
      HA_TRY(const double value, parse_percent(text));
      return ConfigData(value);
    }
    case ConfigType::Integer: {
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc{} || end != text.data() + text.size()) {
        return Error(Code::Invalid, "not an integer");
      }
      return ConfigData(value);
    }
    case ConfigType::Text:
    case ConfigType::Boolean:
    case ConfigType::TextList:
    case ConfigType::Choice:
      break;
  }
  return Error(Code::Internal, "a type without a unit");
}

Status check_range(const ConfigKey& key, const ConfigData& written, const ConfigData& value) {
  const std::size_t dots = key.range.find("..");
  if (dots == std::string_view::npos) {
    return ok();
  }
  const auto low = parse_with_unit(key.type, key.range.substr(0, dots));
  const auto high = parse_with_unit(key.type, key.range.substr(dots + 2));
  HA_ASSERT(low.ok() && high.ok());  // a schema's range is ours
  if (value < low.value() || high.value() < value) {
    return bad(key, written,
               "must be from " + std::string(key.range.substr(0, dots)) + " to " +
                   std::string(key.range.substr(dots + 2)));
  }
  return ok();
}

Result<ConfigData> check_with_unit(const ConfigKey& key, const ConfigData& written) {
  const auto* text = std::get_if<std::string>(&written);
  const bool number =
      std::holds_alternative<std::int64_t>(written) || std::holds_alternative<double>(written);
  if (text == nullptr && !number) {
    return bad(key, written, "must be a " + std::string(config_type_name(key.type)));
  }
  auto value = parse_with_unit(key.type, text != nullptr ? *text : shown(written));
  if (!value) {
    const Error& error = value.error();
    return bad(key, written, error.hint().empty() ? error.what() : error.hint());
  }
  if (text == nullptr) {
    return bad(key, written, "needs quotes and a unit");
  }
  HA_CHECK(check_range(key, written, value.value()));
  return value;
}

}  // namespace

std::string_view config_type_name(ConfigType type) noexcept {
  switch (type) {
    case ConfigType::Text:
      return "text";
    case ConfigType::Integer:
      return "integer";
    case ConfigType::Boolean:
      return "true or false";
    case ConfigType::Span:
      return "duration";
    case ConfigType::Size:
      return "size";
    case ConfigType::Rate:
      return "rate";
    case ConfigType::Percent:
      return "percentage";
    case ConfigType::TextList:
      return "list of texts";
    case ConfigType::Choice:
      return "choice";
  }
  return "unknown";
}

Result<ConfigData> check_config_value(const ConfigKey& key, const ConfigData& written) {
  const auto* text = std::get_if<std::string>(&written);
  switch (key.type) {
    case ConfigType::Text:
      if (text == nullptr) {
        return bad(key, written, "must be a text in quotes");
      }
      return text->empty() ? Result<ConfigData>(bad(key, written, "must not be empty")) : written;
    case ConfigType::Choice:
      if (text == nullptr) {
        return bad(key, written, "must be a text in quotes");
      }
      return check_choice(key, written, *text);
    case ConfigType::Boolean:
      return std::holds_alternative<bool>(written)
                 ? Result<ConfigData>(written)
                 : bad(key, written, "must be true or false, without quotes");
    case ConfigType::Integer:
      if (!std::holds_alternative<std::int64_t>(written)) {
        return bad(key, written, "must be a whole number, without quotes");
      }
      HA_CHECK(check_range(key, written, written));
      return written;
    case ConfigType::TextList:
      return std::holds_alternative<std::vector<std::string>>(written)
                 ? Result<ConfigData>(written)
                 : bad(key, written, "must be a list of texts: [\"…\", \"…\"]");
    case ConfigType::Span:
    case ConfigType::Size:
    case ConfigType::Rate:
    case ConfigType::Percent:
      return check_with_unit(key, written);
  }
  return Error(Code::Internal, "a key of unknown type");
}

std::string write_config_value(const ConfigKey& key, const ConfigData& data) {
  switch (key.type) {
    case ConfigType::Size:
      return "\"" + write_size(std::get<std::uint64_t>(data)) + "\"";
    case ConfigType::Rate:
      return "\"" + write_rate(std::get<std::uint64_t>(data)) + "\"";
    case ConfigType::Percent:
      return "\"" + write_percent(std::get<double>(data)) + "\"";
    case ConfigType::Text:
    case ConfigType::Integer:
    case ConfigType::Boolean:
    case ConfigType::Span:
    case ConfigType::TextList:
    case ConfigType::Choice:
      break;
  }
  return shown(data);
}

}  // namespace ha
