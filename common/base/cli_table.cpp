#include "common/base/cli_table.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/json_text.h"

namespace ha {
namespace {

struct AsJson {
  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(const std::string& text) const { return json_quote(text); }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(std::uint64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return json_number(number); }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
};

// Text as in JSON where it is more than one plain word.
std::string field_value(const TableCell::Raw& raw) {
  if (const auto* text = std::get_if<std::string>(&raw)) {
    const std::string plain = escape(*text);
    if (!plain.empty() && plain.find_first_of(" \"=") == std::string::npos) {
      return plain;
    }
  }
  return std::holds_alternative<std::monostate>(raw) ? "" : std::visit(AsJson{}, raw);
}

}  // namespace

std::size_t display_width(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

void Table::add(std::vector<TableCell> cells) {
  HA_ASSERT(cells.size() == columns_.size());
  for (TableCell& cell : cells) {
    cell.shown = escape(cell.shown);
  }
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::vector<std::string>> lines(1);
  for (const TableColumn& column : columns_) {
    lines[0].push_back(column.title);
  }
  for (const auto& row : rows_) {
    std::vector<std::string>& line = lines.emplace_back();
    for (const TableCell& cell : row) {
      line.push_back(cell.shown);
    }
  }
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(line[i]));
    }
  }
  std::string out;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string pad(widths[i] - display_width(line[i]), ' ');
      row += (i == 0 ? "" : "   ") + (columns_[i].align == Align::Right ? pad + line[i] : line[i] + pad);
    }
    out += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string Table::json() const {
  std::string out = "[";
  for (const auto& row : rows_) {
    out += out.size() > 1 ? ",{" : "{";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += (i == 0 ? "" : ",") + json_quote(columns_[i].key) + ":" + std::visit(AsJson{}, row[i].raw);
    }
    out += "}";
  }
  return out + "]";
}

std::string Table::fields() const {
  std::string out;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += (i == 0 ? "" : " ") + columns_[i].key + "=" + field_value(row[i].raw);
    }
    out += "\n";
  }
  return out;
}

std::string Table::print(OutputMode mode, std::string_view schema) const {
  switch (mode) {
    case OutputMode::Table:
      return text();
    case OutputMode::Fields:
      return fields();
    case OutputMode::Json:
      break;
  }
  return "{\"schema\":" + json_quote(schema) + ",\"rows\":" + json() + "}\n";
}

}  // namespace ha
