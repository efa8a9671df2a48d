#include "dnsupdater/rdata_text.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ha::dns {
namespace {

bool is_printable(char c) {
  return c >= 0x20 && c < 0x7f;
}

bool is_number(const ZoneWord& word) {
  const std::string_view text = word.text;
  const std::string_view digits = text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
  return !word.quoted && !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

// Where the word that begins at `at` ends: at its closing quote, or at what stands between words. An escape
// takes the next character with it. npos: it has no end.
std::size_t end_of_word(std::string_view text, std::size_t at, bool quoted) {
  while (at < text.size() && (quoted ? text[at] != '"' : text[at] != ' ' && text[at] != '"')) {
    at += text[at] == '\\' ? 2U : 1U;
  }
  return at > text.size() || (quoted && at == text.size()) ? std::string_view::npos : at;
}

}  // namespace

std::string zone_escape(BytesView text) {
  std::string out;
  for (const char c : text) {
    if (is_printable(c)) {
      out += c;
    } else {
      const std::string digits = std::to_string(static_cast<unsigned char>(c));
      out += '\\' + std::string(3 - digits.size(), '0') + digits;
    }
  }
  return out;
}

Result<std::vector<ZoneWord>> zone_words(std::string_view text) {
  if (!std::all_of(text.begin(), text.end(), is_printable)) {
    return Error(Code::Invalid, "the record has characters that are not printable ASCII",
                 "write them as \\DDD, their decimal number");
  }
  std::vector<ZoneWord> out;
  for (std::size_t at = text.find_first_not_of(' '); at < text.size(); at = text.find_first_not_of(' ', at)) {
    const bool quoted = text[at] == '"';
    const std::size_t begin = quoted ? at + 1 : at;
    const std::size_t end = end_of_word(text, begin, quoted);
    if (end == std::string_view::npos) {
      return Error(Code::Invalid, "the record has a quote or an escape without an end", "close it");
    }
    const std::string_view word = text.substr(begin, end - begin);
    if (!quoted && (word == "@" || word.find_first_of(";()") != std::string_view::npos)) {
      return Error(Code::Invalid, "the record has \"@\", a comment or parentheses, which are for zone files",
                   "put a text in quotes, and write names in full");
    }
    out.push_back({std::string(word), quoted});
    at = quoted ? end + 1 : end;
  }
  return out;
}

Result<std::optional<Bytes>> generic_rdata(const std::vector<ZoneWord>& words) {
  if (words.empty() || words[0].quoted || words[0].text != "\\#") {
    return std::optional<Bytes>();
  }
  std::string digits;  // may be several words
  for (std::size_t i = 2; i < words.size(); ++i) {
    digits += words[i].text;
  }
  Bytes out;
  for (std::size_t at = 0; at + 2 <= digits.size(); at += 2) {
    unsigned char byte = 0;
    const char* const end = digits.data() + at + 2;
    if (std::from_chars(digits.data() + at, end, byte, 16).ptr != end) {
      break;
    }
    out += static_cast<char>(byte);
  }
  if (words.size() < 2 || 2 * out.size() != digits.size() || words[1].text != std::to_string(out.size())) {
    return Error(Code::Invalid, "the record is not \\#, its length, and so many bytes in hexadecimal digits",
                 "e.g. \\# 4 c000020a");
  }
  return std::optional(std::move(out));
}

bool same_numbers(const std::vector<ZoneWord>& a, const std::vector<ZoneWord>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ZoneWord& one, const ZoneWord& other) {
    return (!is_number(one) && !is_number(other)) || one.text == other.text;
  });
}

}  // namespace ha::dns
