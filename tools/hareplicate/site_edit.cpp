#include "tools/hareplicate/site_edit.h"

#include <algorithm>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/config.h"
#include "common/base/suggest.h"
#include "replicator/config.h"
#include "schemas/cluster_schema.h"

namespace ha::tool {
namespace {

// The offset of a line, counted from 1; the end of the text when it has fewer.
std::size_t offset_of_line(std::string_view text, std::size_t line) {
  std::size_t at = 0;
  for (std::size_t number = 1; number < line && at < text.size(); ++number) {
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
  }
  return at;
}

// Nothing on it but blanks and perhaps a comment.
bool says_nothing(std::string_view line) {
  const std::size_t at = line.find_first_not_of(" \t\r\n");
  return at == std::string_view::npos || line[at] == '#';
}

// Where the block that begins at `begin` ends, of all that stands before `end`: after its last line that says
// something. What comes behind (blank lines, comments) belongs to the next block.
std::size_t end_of_block(std::string_view text, std::size_t begin, std::size_t end) {
  while (end > begin) {
    const std::size_t before = end >= 2 ? text.rfind('\n', end - 2) : std::string_view::npos;
    const std::size_t line = before == std::string_view::npos || before < begin ? begin : before + 1;
    if (!says_nothing(text.substr(line, end - line))) {
      return end;
    }
    end = line;
  }
  return end;
}

// Where the last site's block ends: before the first table that stands behind it in the file.
std::optional<std::size_t> end_of_sites(std::string_view text, const ConfigDocument& document) {
  const auto& sites = document.sections("site");
  if (sites.empty()) {
    return std::nullopt;
  }
  std::size_t last = 0;
  for (const ConfigSection& site : sites) {
    last = std::max(last, site.place().line);
  }
  std::size_t next = 0;
  const auto look_at = [&](const ConfigSection& section) {
    const std::size_t line = section.place().line;
    next = line > last && (next == 0 || line < next) ? line : next;
  };
  for (const ConfigTable& table : cluster_schema().tables) {
    if (!table.repeats) {
      look_at(document.section(table.name));
      continue;
    }
    for (const ConfigSection& section : document.sections(table.name)) {
      look_at(section);
    }
  }
  const std::size_t end = next == 0 ? text.size() : offset_of_line(text, next);
  return end_of_block(text, offset_of_line(text, last), end);
}

// Behind the string that begins at `at`; npos when it does not end. Both of TOML's one-line strings.
std::size_t skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (text[at] == quote) {
      return at + 1;
    }
    at += quote == '"' && text[at] == '\\' ? 1U : 0U;
  }
  return std::string_view::npos;
}

// Where another string goes in the list that begins at `at`; nothing when it is no list of plain strings.
std::optional<std::size_t> end_of_last_string(std::string_view text, std::size_t at) {
  if (at >= text.size() || text[at] != '[') {
    return std::nullopt;
  }
  std::size_t last = ++at;
  while (at < text.size() && text[at] != ']') {
    if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (text[at] == '"' || text[at] == '\'') {
      if (text.substr(at, 3) == std::string(3, text[at])) {
        return std::nullopt;
      }
      at = last = skip_string(text, at);
    } else if (std::string_view(" \t\r\n,").find(text[at]) != std::string_view::npos) {
      ++at;
    } else {
      return std::nullopt;
    }
  }
  return at < text.size() ? std::optional(last) : std::nullopt;
}

std::string quote(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// One change of a text: so many bytes at `at` become `text`.
struct Change {
  std::size_t at;
  std::size_t length;
  std::string text;
};

std::string with(std::string_view text, std::vector<Change> changes) {
  std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.at > b.at; });
  std::string out(text);
  for (const Change& change : changes) {  // from the end, so that offsets stay true
    out.replace(change.at, change.length, change.text);
  }
  return out;
}

std::string block_of(const NewSite& site) {
  std::string addresses;
  for (const std::string& address : site.addresses) {
    addresses += (addresses.empty() ? "" : ", ") + quote(address);
  }
  return "\n[[site]]" + (site.comment.empty() ? std::string() : "   # " + escape(site.comment)) +
         "\nname    = " + quote(site.name) + "\naddress = [" + addresses + "]\nkey     = " + quote(site.key) +
         "\n";
}

}  // namespace

Result<std::string> add_site(const std::string& cluster_file, std::string_view text, const NewSite& site) {
  ConfigProblems problems;
  const auto document = ConfigDocument::load(cluster_file, text, cluster_schema(), problems);
  const auto end = end_of_sites(text, document);
  if (problems.errors() > 0 || !end) {
    return Error(Code::Invalid, cluster_file + " has errors, or no [[site]]", "hareplicate config check");
  }
  std::vector<Change> changes;
  std::vector<std::string> known;
  for (const ConfigSection& service : document.sections("service")) {
    const std::string name = service.text("name");
    known.push_back(name);
    if (std::find(site.services.begin(), site.services.end(), name) == site.services.end()) {
      continue;
    }
    const std::vector<std::string> sites = service.list("sites");
    if (std::find(sites.begin(), sites.end(), site.name) != sites.end()) {
      continue;
    }
    const ConfigPlace& place = service.place("sites");
    const std::size_t list = offset_of_line(text, place.line) + place.column - 1;
    const auto last = end_of_last_string(text, list);
    if (!last) {
      return Error(Code::Invalid,
                   place.text() + ": the sites of service " + quote(name) +
                       " are written in a way that cannot be extended here",
                   "add " + quote(site.name) + " there by hand, and invite without --eligible");
    }
    changes.push_back({*last, 0, (sites.empty() ? "" : ", ") + quote(site.name)});
  }
  for (const std::string& wanted : site.services) {
    if (std::find(known.begin(), known.end(), wanted) == known.end()) {
      return Error(Code::Invalid,
                   "no service is called " + quote(escape(wanted)) + did_you_mean(wanted, known),
                   "hareplicate config show | grep service");
    }
  }
  const bool line_ended = *end == 0 || text[*end - 1] == '\n';
  changes.push_back({*end, 0, (line_ended ? "" : "\n") + block_of(site)});
  return with(text, std::move(changes));
}

Result<std::string> change_site_keys(const std::string& cluster_file, std::string_view text,
                                     std::string_view site, std::string_view key, std::string_view next_key) {
  ConfigProblems problems;
  const auto document = ConfigDocument::load(cluster_file, text, cluster_schema(), problems);
  const auto& sites = document.sections("site");
  const auto found = std::find_if(sites.begin(), sites.end(),
                                  [&](const ConfigSection& each) { return each.text("name") == site; });
  if (problems.errors() > 0 || found == sites.end()) {
    return Error(Code::Invalid, cluster_file + " has errors, or no site " + quote(site),
                 "hareplicate config check");
  }
  const auto offset = [&](const ConfigPlace& place) {
    return offset_of_line(text, place.line) + place.column - 1;
  };
  const auto value_at = [&](std::size_t at) {  // its length; 0: not a plain string
    const bool plain = at < text.size() && (text[at] == '"' || text[at] == '\'') &&
                       text.substr(at, 3) != std::string(3, text[at]);
    const std::size_t end = plain ? skip_string(text, at) : std::string_view::npos;
    return end == std::string_view::npos ? 0 : end - at;
  };
  const std::size_t at = offset(found->place("key"));
  if (value_at(at) == 0) {
    return Error(Code::Invalid,
                 found->place("key").text() + ": the key is written in a way that is not replaced here",
                 "set it by hand: key = " + quote(key));
  }
  std::vector<Change> changes{{at, value_at(at), quote(key)}};
  const std::size_t line = offset_of_line(text, found->place("key").line);
  const std::size_t line_end = std::min(text.find('\n', at), text.size());
  if (found->has("next_key")) {
    const std::size_t begin = offset_of_line(text, found->place("next_key").line);
    changes.push_back({begin, std::min(text.find('\n', begin), text.size() - 1) + 1 - begin, ""});
  }
  if (!next_key.empty()) {
    const std::string indent(text.substr(line, text.find_first_not_of(" \t", line) - line));
    const std::size_t after = std::min(line_end + 1, text.size());
    changes.push_back(
        {after, 0, (after == line_end ? "\n" : "") + indent + "next_key = " + quote(next_key) + "\n"});
  }
  return with(text, std::move(changes));
}

std::string set_node_site(std::string_view node, std::string_view name) {
  std::size_t at = 0;
  while (at < node.size() && node[at] == '#') {
    at = std::min(node.find('\n', at), node.size() - 1) + 1;
  }
  const bool line_ended = at == 0 || node[at - 1] == '\n';
  return std::string(node.substr(0, at)) + (line_ended ? "" : "\n") + "site = " + quote(name) + "\n" +
         std::string(node.substr(at));
}

}  // namespace ha::tool
