#include "replicator/config_pace.h"

#include <chrono>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/units.h"

namespace ha::replicator {
namespace {

constexpr std::string_view kTrash = "trash:";
constexpr Duration kTrashMin = std::chrono::hours(24);
constexpr Duration kTrashMax = std::chrono::hours(24 * 3650);
constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kShellOnly = "|&;<>()$`*?[";  // to a shell they mean something
constexpr std::string_view kShellInQuotes = "$`";        // also in "quotes"
constexpr std::string_view kEscapedInQuotes = "\"\\$`";

Error needs_shell(char what) {
  return Error(Code::Invalid,
               std::string("\"") + what + "\" means something to a shell only, and there is none",
               "quote it, or write a shell: sh -c '...'");
}

// Takes one quoted part from `text`, at the character after the opening quote.
Status take_quoted(std::string_view text, std::size_t& at, char quote, std::string& word) {
  for (; at < text.size(); ++at) {
    if (text[at] == quote) {
      return ok();
    }
    if (quote == '"' && kShellInQuotes.find(text[at]) != std::string_view::npos) {
      return needs_shell(text[at]);
    }
    if (quote == '"' && text[at] == '\\' && at + 1 < text.size() &&
        kEscapedInQuotes.find(text[at + 1]) != std::string_view::npos) {
      ++at;
    }
    word += text[at];
  }
  return Error(Code::Invalid, std::string("a quote ") + quote + " is not closed", "close it");
}

Status check_program(const std::vector<std::string>& words) {
  if (words.empty() || words[0].empty()) {
    return Error(Code::Invalid, "an empty command", "name a program, or leave it out");
  }
  if (words[0][0] == '@') {
    return Error(Code::Invalid, escape(words[0]) + " is not supported by this version", "name a program");
  }
  if (words[0].find('/') != std::string::npos && words[0][0] != '/') {
    return Error(Code::Invalid, in_quotes(words[0]) + " is relative, and commands run in /",
                 "write the whole path");
  }
  return ok();
}

}  // namespace

Result<DeleteRule> parse_delete(std::string_view text) {
  if (text == "mirror" || text == "never") {
    return DeleteRule{text == "never" ? DeleteMode::Never : DeleteMode::Mirror, {}};
  }
  if (text.substr(0, kTrash.size()) != kTrash) {
    return Error(Code::Invalid, "delete is \"" + escape(text) + "\"", "mirror, never, or trash:30d");
  }
  auto keep = parse_duration(text.substr(kTrash.size()));
  if (!keep.ok() || *keep < kTrashMin || *keep > kTrashMax) {
    return Error(Code::Invalid, "delete is \"" + escape(text) + "\"", "from trash:1d to trash:3650d");
  }
  return DeleteRule{DeleteMode::Trash, *keep};
}

Result<std::vector<std::string>> parse_command(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;  // a word has begun, though it may be empty as yet
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (static_cast<unsigned char>(c) < ' ' && c != '\t') {
      return Error(Code::Invalid, "a control character in a command", "one line for each command");
    }
    if (kBlanks.find(c) != std::string_view::npos) {
      if (open) {
        words.push_back(std::exchange(word, {}));
      }
      open = false;
      continue;
    }
    open = true;
    if (c == '\'' || c == '"') {
      HA_CHECK(take_quoted(text, ++at, c, word));
    } else if (c == '\\') {
      if (++at == text.size()) {
        return Error(Code::Invalid, "a command ends in a backslash", "quote it");
      }
      word += text[at];
    } else if (kShellOnly.find(c) != std::string_view::npos) {
      return needs_shell(c);
    } else {
      word += c;
    }
  }
  if (open) {
    words.push_back(std::move(word));
  }
  HA_CHECK(check_program(words));
  return words;
}

Result<GlobList> parse_unit(const std::string& text, const SetConfig& set) {
  auto unit = GlobList::parse({text});
  if (!unit.ok()) {
    return Error(Code::Invalid, "unit: " + unit.error().what(),
                 "directories from the set's path on: \"*/*/*\"");
  }
  if (set.publish == PublishMode::Set) {
    return Error(Code::Invalid, "unit and publish = \"set\" exclude each other",
                 "a unit arrives whole by itself: write publish = \"file\"");
  }
  if (set.deletes.mode == DeleteMode::Never) {
    return Error(Code::Invalid, "unit and delete = \"never\" exclude each other",
                 "messages that are renumbered would stay twice: write delete = \"trash:30d\"");
  }
  return unit;
}

}  // namespace ha::replicator
