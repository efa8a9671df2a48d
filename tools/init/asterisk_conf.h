// Asterisk's configuration syntax, as far as it is needed to find paths and addresses.
//
// Sections with templates and inheritance, `key = value` and `key => value`, `;` comments, nested `;--` to
// `--;` comments, `\;`, #include, #tryinclude, #exec, CRLF. Not here: opening files (the caller reads),
// running #exec (nobody does), what a key means. Untrusted text: lines over kConfLineBytesMax are passed
// over, as Asterisk's own buffer would cut them; past kConfItemsMax reading ends. Pure. Source: Asterisk 16
// and 22, main/config.c and main/options.c.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ha::init {

inline constexpr std::size_t kConfLineBytesMax = 8192;
inline constexpr std::size_t kConfItemsMax = 100'000;
inline constexpr std::size_t kConfFilesMax = 64;  // by #include, of one file
inline constexpr std::size_t kConfDepthMax = 8;

struct ConfItem {
  enum class Kind { Section, Entry, Include, Exec };
  Kind kind = Kind::Entry;
  std::string name;                // of the section; the key, in lower case; what is included or run
  std::string value;               // of an entry
  bool is_template = false;        // section: (!)
  bool appends = false;            // section: (+)
  bool optional = false;           // #tryinclude
  std::vector<std::string> bases;  // section: (other)
  std::string file;
  std::size_t line = 0;
};

struct ConfText {
  std::vector<ConfItem> items;
  bool cut = false;  // something was passed over for a limit
};

[[nodiscard]] ConfText parse_asterisk_conf(std::string_view text, const std::string& file);

// The file's text, or nothing if it cannot be read.
using ConfReader = std::function<std::optional<std::string>(const std::string& file)>;
// `file` with everything that it includes in its place. Relative names are below `folder`; patterns are not
// followed (asterisk.conf has none in practice): those and what cannot be read stay as Include items.
[[nodiscard]] ConfText read_with_includes(const std::string& file, const std::string& folder,
                                          const ConfReader& read);

// An #include of `conf` that was not found, for which Asterisk gives the whole file up; null if there is
// none.
[[nodiscard]] const ConfItem* missing_include(const ConfText& conf);

struct ConfValue {
  std::string value;
  std::string file;
  std::size_t line = 0;
};
// The keys of a section in force: of several with its name the first that is no template, what its bases have
// first, and what (+) adds; of equal keys the last one.
[[nodiscard]] std::map<std::string, ConfValue> section_values(const ConfText& conf, std::string_view section);

}  // namespace ha::init
