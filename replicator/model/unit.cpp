#include "replicator/model/unit.h"

#include <string>

namespace ha::replicator {
namespace {

constexpr BytesView kPrefix = "msg";
constexpr std::size_t kDigits = 4;

}  // namespace

std::optional<MessageName> message_of(BytesView key) {
  const std::size_t slash = key.rfind('/');
  const std::size_t start = slash == BytesView::npos ? 0 : slash + 1;
  const std::size_t stem_end = start + kPrefix.size() + kDigits;
  if (key.size() < stem_end + 2 || key.substr(start, kPrefix.size()) != kPrefix || key[stem_end] != '.') {
    return std::nullopt;
  }
  MessageName name{key.substr(0, stem_end), key.substr(stem_end), 0};
  for (std::size_t at = start + kPrefix.size(); at < stem_end; ++at) {
    if (key[at] < '0' || key[at] > '9') {
      return std::nullopt;
    }
    name.number = name.number * 10 + static_cast<unsigned>(key[at] - '0');
  }
  return name;
}

Bytes message_stem(BytesView unit, unsigned number) {
  const std::string digits = std::to_string(number);
  const std::string zeros(kDigits > digits.size() ? kDigits - digits.size() : 0, '0');
  return Bytes(unit) + "/" + Bytes(kPrefix) + zeros + digits;
}

bool is_lock_name(BytesView name) {
  return name == ".lock" || name == "lock" || name.starts_with(".lock-");
}

bool is_in_unit(const IsUnit& is_unit, BytesView key) {
  const BytesView parent = parent_of_key(key);
  return is_unit && !parent.empty() && is_unit(parent);
}

}  // namespace ha::replicator
