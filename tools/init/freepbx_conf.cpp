#include "tools/init/freepbx_conf.h"

#include <algorithm>
#include <array>

namespace ha::init {
namespace {

constexpr std::size_t kValueBytesMax = 4096;
constexpr std::array<std::string_view, 9> kTaken = {"AMPDBUSER",   "AMPDBHOST",    "AMPDBNAME",
                                                    "AMPDBENGINE", "CDRDBNAME",    "AMPWEBROOT",
                                                    "ASTETCDIR",   "ASTVARLIBDIR", "ASTSPOOLDIR"};
constexpr std::string_view kBlank = " \t\r\n";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// What stands between quotes at the front of `text`; the rest goes back into it. Empty if there are none.
std::string_view take_quoted(std::string_view& text) {
  text = trim(text);
  if (text.empty() || (text.front() != '\'' && text.front() != '"')) {
    return {};
  }
  const std::size_t close = text.find(text.front(), 1);
  if (close == std::string_view::npos) {
    return {};
  }
  const std::string_view inside = text.substr(1, close - 1);
  text.remove_prefix(close + 1);
  return inside;
}

void read_line(std::string_view line, std::map<std::string, std::string>& out) {
  std::string_view name;
  std::string_view value;
  constexpr std::string_view kPhp = "$amp_conf[";
  if (line.starts_with(kPhp)) {
    line.remove_prefix(kPhp.size());
    name = take_quoted(line);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return;
    }
    line.remove_prefix(equals + 1);
    value = take_quoted(line);
  } else {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return;
    }
    name = trim(line.substr(0, equals));
    value = trim(line.substr(equals + 1));
  }
  if (std::find(kTaken.begin(), kTaken.end(), name) != kTaken.end() && value.size() <= kValueBytesMax) {
    out[std::string(name)] = value;
  }
}

}  // namespace

std::map<std::string, std::string> parse_freepbx_conf(std::string_view text) {
  std::map<std::string, std::string> out;
  for (std::size_t lines = 0; !text.empty() && lines < kFreePbxLinesMax; ++lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    const bool comment = line.starts_with("//") || line.starts_with('#') || line.starts_with(';');
    if (!comment) {
      read_line(line, out);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace ha::init
