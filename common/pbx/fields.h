// An ordered list of names and values, as PBXs send them: order counts, names may repeat.
//
// Names are found in any ASCII case. Any bytes may be in a value. Thread safety: a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ha::pbx {

struct Field {
  std::string name;
  std::string value;
  bool operator==(const Field&) const = default;
};

class Fields {
 public:
  Fields() = default;
  explicit Fields(std::vector<Field> fields);

  void add(std::string name, std::string value);

  // Of the first field of this name: null, or empty, if there is none.
  [[nodiscard]] const std::string* find(std::string_view name) const noexcept;
  [[nodiscard]] std::string_view text(std::string_view name) const noexcept;
  // Its value as a whole decimal number; nullopt if it is none.
  [[nodiscard]] std::optional<std::uint64_t> count(std::string_view name) const noexcept;
  // The values of all fields of this name, in order; they live as long as this.
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;

  [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  [[nodiscard]] const Field& operator[](std::size_t at) const noexcept { return fields_[at]; }
  [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
  [[nodiscard]] auto end() const noexcept { return fields_.end(); }
  // About how much memory it holds, in bytes.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

  bool operator==(const Fields& other) const { return fields_ == other.fields_; }

 private:
  std::vector<Field> fields_;
  std::size_t bytes_ = 0;
};

// "42" as 42; nullopt if there is anything but digits, or more than 64 bits.
[[nodiscard]] std::optional<std::uint64_t> whole_number(std::string_view text) noexcept;
// ASCII case does not count.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;
// Without blanks, tabs and line ends at either end.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;
// In pieces at `separator`; no separator: one piece.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace ha::pbx
