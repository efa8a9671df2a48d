// Tags and attributes of FreeSWITCH's XML configuration, as far as it is needed to find paths and addresses.
//
// Not an XML parser: no nesting, no text, no DTD; a tag that is broken is passed over. FreeSWITCH's own
// pre-processor works before XML comments are taken out, so <X-PRE-PROCESS> counts in a comment too; other
// tags there do not (in_comment). `$${name}` is filled in by fill_in().
// Untrusted text: bounded by kXmlTagsMax tags and kXmlTagBytesMax bytes a tag. Pure.
// Source: FreeSWITCH 1.10, src/switch_xml.c (preprocess, expand_vars).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ha::init {

inline constexpr std::size_t kXmlTagsMax = 100'000;
inline constexpr std::size_t kXmlTagBytesMax = 16 * 1024;
inline constexpr std::size_t kXmlAttributesMax = 32;
inline constexpr std::size_t kXmlValueBytesMax = 4096;  // of a variable that was filled in

struct XmlTag {
  std::string name;                               // in lower case
  std::map<std::string, std::string> attributes;  // names in lower case
  bool in_comment = false;
  std::size_t line = 0;
};

struct XmlTags {
  std::vector<XmlTag> tags;
  bool cut = false;
};

[[nodiscard]] XmlTags parse_xml_tags(std::string_view text);

// `name` and `value` of <X-PRE-PROCESS cmd="set" data="name=value"/>; empty name for any other tag.
struct XmlVariable {
  std::string name;
  std::string value;
};
[[nodiscard]] XmlVariable variable_of(const XmlTag& tag);

// `$${name}` replaced by what `variables` has, again and again but boundedly; unknown ones stay.
[[nodiscard]] std::string fill_in(std::string_view text, const std::map<std::string, std::string>& variables);

}  // namespace ha::init
