#include "common/pbx/fields.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ha::pbx {

Fields::Fields(std::vector<Field> fields) {
  fields_.reserve(fields.size());
  for (Field& each : fields) {
    add(std::move(each.name), std::move(each.value));
  }
}

void Fields::add(std::string name, std::string value) {
  bytes_ += sizeof(Field) + name.size() + value.size();
  fields_.push_back({std::move(name), std::move(value)});
}

const std::string* Fields::find(std::string_view name) const noexcept {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& each) { return same_name(each.name, name); });
  return found != fields_.end() ? &found->value : nullptr;
}

std::string_view Fields::text(std::string_view name) const noexcept {
  const std::string* const value = find(name);
  return value != nullptr ? std::string_view(*value) : std::string_view();
}

std::optional<std::uint64_t> Fields::count(std::string_view name) const noexcept {
  return whole_number(text(name));
}

std::vector<std::string_view> Fields::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const Field& each : fields_) {
    if (same_name(each.name, name)) {
      out.emplace_back(each.value);
    }
  }
  return out;
}

std::optional<std::uint64_t> whole_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return !text.empty() && stop == end && error == std::errc() ? std::optional(value) : std::nullopt;
}

bool same_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return out;
    }
    text.remove_prefix(at + 1);
  }
}

}  // namespace ha::pbx
