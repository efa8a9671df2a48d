#include "tools/init/freeswitch_xml.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ha::init {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr int kFillDepthMax = 8;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::string without_entities(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
      {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto* const entity = std::find_if(kEntities.begin(), kEntities.end(), [&](const auto& one) {
      return text.substr(i).starts_with(one.first);
    });
    out += entity != kEntities.end() ? entity->second : text[i];
    i += entity != kEntities.end() ? entity->first.size() : 1;
  }
  return out;
}

// The end of a tag that begins at `at`: past its '>', quotes respected; npos if it does not end in time.
std::size_t end_of_tag(std::string_view text, std::size_t at) {
  char quote = '\0';
  const std::size_t limit = std::min(text.size(), at + kXmlTagBytesMax);
  for (std::size_t i = at; i < limit; ++i) {
    const char c = text[i];
    if (quote != '\0') {
      quote = c == quote ? '\0' : quote;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

// `inside`: without '<' and '>'.
XmlTag read_tag(std::string_view inside) {
  XmlTag tag;
  std::size_t at = std::min(inside.find_first_of(" \t\r\n/"), inside.size());
  tag.name = lower(inside.substr(0, at));
  while (tag.attributes.size() < kXmlAttributesMax) {
    at = inside.find_first_not_of(" \t\r\n/", at);
    const std::size_t equals = inside.find('=', std::min(at, inside.size()));
    if (at == std::string_view::npos || equals == std::string_view::npos) {
      break;
    }
    const std::size_t open = inside.find_first_not_of(kBlank, equals + 1);
    if (open == std::string_view::npos || (inside[open] != '"' && inside[open] != '\'')) {
      break;
    }
    const std::size_t close = inside.find(inside[open], open + 1);
    if (close == std::string_view::npos) {
      break;
    }
    const std::string_view name = inside.substr(at, equals - at);
    const std::size_t name_end = std::min(name.find_first_of(kBlank), name.size());
    tag.attributes[lower(name.substr(0, name_end))] =
        without_entities(inside.substr(open + 1, close - open - 1));
    at = close + 1;
  }
  return tag;
}

}  // namespace

XmlTags parse_xml_tags(std::string_view text) {
  XmlTags out;
  bool in_comment = false;
  std::size_t line = 1;
  std::size_t counted = 0;  // up to where lines were counted
  for (std::size_t at = 0; at < text.size();) {
    at = text.find_first_of("<-", at);
    if (at == std::string_view::npos) {
      break;
    }
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("<!--")) {
      in_comment = true;
      at += 4;
      continue;
    }
    if (rest.starts_with("-->")) {
      in_comment = false;
      at += 3;
      continue;
    }
    const bool begins = rest.size() > 1 && rest[0] == '<' &&
                        std::string_view("/!? \t\r\n<").find(rest[1]) == std::string_view::npos;
    const std::size_t end = begins ? end_of_tag(text, at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out.cut = out.cut || begins;
      ++at;
      continue;
    }
    if (out.tags.size() == kXmlTagsMax) {
      out.cut = true;
      break;
    }
    XmlTag tag = read_tag(text.substr(at + 1, end - at - 2));
    line += static_cast<std::size_t>(std::count(text.begin() + static_cast<std::ptrdiff_t>(counted),
                                                text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    counted = at;
    tag.line = line;
    tag.in_comment = in_comment;
    out.tags.push_back(std::move(tag));
    at = end;
  }
  return out;
}

XmlVariable variable_of(const XmlTag& tag) {
  const auto command = tag.attributes.find("cmd");
  const auto data = tag.attributes.find("data");
  if (tag.name != "x-pre-process" || command == tag.attributes.end() || data == tag.attributes.end() ||
      (lower(command->second) != "set" && lower(command->second) != "stun-set")) {
    return {};
  }
  const std::size_t equals = data->second.find('=');
  return equals == std::string::npos
             ? XmlVariable()
             : XmlVariable{data->second.substr(0, equals), data->second.substr(equals + 1)};
}

std::string fill_in(std::string_view text, const std::map<std::string, std::string>& variables) {
  std::string out(text);
  for (int depth = 0; depth < kFillDepthMax; ++depth) {
    std::string next;
    bool changed = false;
    for (std::size_t at = 0; at < out.size();) {
      const std::size_t open = out.find("$${", at);
      const std::size_t close = open == std::string::npos ? open : out.find('}', open);
      if (close == std::string::npos) {
        next += out.substr(at);
        break;
      }
      const auto known = variables.find(out.substr(open + 3, close - open - 3));
      next += out.substr(at, open - at);
      next += known != variables.end() ? known->second : out.substr(open, close + 1 - open);
      changed = changed || known != variables.end();
      at = close + 1;
      if (next.size() > kXmlValueBytesMax) {
        return std::string(text);
      }
    }
    out = std::move(next);
    if (!changed) {
      break;
    }
  }
  return out;
}

}  // namespace ha::init
