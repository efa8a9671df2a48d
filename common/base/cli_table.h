// Answers in rows: as an aligned table, as JSON, or as key=value fields.
//
// A cell has what people read ("1.2 MB") and what programs read (1200000). Names from disk or network are
// escaped here. Widths count UTF-8 characters, not bytes; characters of double width stick out.
// Thread safety: a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/cli.h"

namespace ha {

enum class Align { Left, Right };

struct TableColumn {
  std::string title;  // "BEHIND"
  std::string key;    // "behind_s", in JSON and fields
  Align align = Align::Left;
};

struct TableCell {
  using Raw = std::variant<std::monostate, std::string, std::int64_t, std::uint64_t, double, bool>;

  TableCell(std::string_view text) : raw(std::string(text)), shown(text) {}  // NOLINT: implicit by design
  TableCell(const std::string& text) : raw(text), shown(text) {}             // NOLINT: implicit by design
  TableCell(const char* text) : raw(std::string(text)), shown(text) {}       // NOLINT: implicit by design
  TableCell(Raw value, std::string_view text) : raw(std::move(value)), shown(text) {}
  // Nothing: a dash in the table, null in JSON.
  static TableCell none() { return TableCell(Raw(), "–"); }

  Raw raw;
  std::string shown;
};

// Characters of UTF-8 text; a byte that is not UTF-8 counts as one.
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;

class Table {
 public:
  explicit Table(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void add(std::vector<TableCell> cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }

  // Titles and rows, three blanks between columns, none at the end of a line.
  [[nodiscard]] std::string text() const;
  // [{"set":"etc","behind_s":0}, …]
  [[nodiscard]] std::string json() const;
  // set=etc behind_s=0, a line each
  [[nodiscard]] std::string fields() const;
  // One of the three; JSON as {"schema":SCHEMA,"rows":[…]}.
  [[nodiscard]] std::string print(OutputMode mode, std::string_view schema) const;

 private:
  std::vector<TableColumn> columns_;
  std::vector<std::vector<TableCell>> rows_;
};

}  // namespace ha
