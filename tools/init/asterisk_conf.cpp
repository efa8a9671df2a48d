#include "tools/init/asterisk_conf.h"

#include <algorithm>

namespace ha::init {
namespace {

constexpr int kNestedCommentsMax = 128;  // MAX_NESTED_COMMENTS
constexpr std::string_view kBlank = " \t\r\n\f\v";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// Takes comments out, line by line; knows how deep in block comments it is.
class Uncommenter {
 public:
  std::string operator()(std::string_view line) {
    std::string out;
    std::size_t after = 0;  // the last semicolon that was dealt with
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string_view rest = line.substr(i);
      if (rest.front() != ';') {
        add(out, rest.front());
        continue;
      }
      if (i > after && line[i - 1] == '\\') {
        if (!out.empty() && depth_ == 0) {
          out.back() = ';';  // over the backslash
        }
      } else if (rest.starts_with(";--") && !rest.starts_with(";---") && depth_ < kNestedCommentsMax) {
        ++depth_;
        i += 2;
      } else if (depth_ > 0 && i >= after + 2 && line.substr(i - 2, 2) == "--") {
        --depth_;
      } else if (depth_ == 0) {
        break;
      }
      after = i + 1;
    }
    return out;
  }

 private:
  void add(std::string& out, char c) const {
    if (depth_ == 0) {
      out += c;
    }
  }
  int depth_ = 0;
};

class LineReader {
 public:
  LineReader(const std::string& file, ConfText& out) : file_(file), out_(out) {}

  void read(std::string_view line, std::size_t number) {
    line = trim(line);
    if (line.empty()) {
      return;
    }
    ConfItem item;
    item.file = file_;
    item.line = number;
    const bool known = line.front() == '['   ? section(line, item)
                       : line.front() == '#' ? directive(line.substr(1), item)
                                             : entry(line, item);
    if (known) {
      out_.items.push_back(std::move(item));
    }
  }

 private:
  static bool section(std::string_view line, ConfItem& item) {
    const std::size_t end = line.find(']');
    if (end == std::string_view::npos) {
      return false;
    }
    item.kind = ConfItem::Kind::Section;
    item.name = lower(trim(line.substr(1, end - 1)));
    const std::string_view rest = trim(line.substr(end + 1));
    const std::size_t close = rest.find(')');
    if (!rest.starts_with('(') || close == std::string_view::npos) {
      return true;
    }
    std::string_view inside = rest.substr(1, close - 1);
    while (!inside.empty()) {
      const std::size_t comma = std::min(inside.find(','), inside.size());
      const std::string_view word = trim(inside.substr(0, comma));
      item.is_template = item.is_template || word == "!";
      item.appends = item.appends || word == "+";
      if (!word.empty() && word != "!" && word != "+") {
        item.bases.push_back(lower(word));
      }
      inside.remove_prefix(std::min(comma + 1, inside.size()));
    }
    return true;
  }

  static bool directive(std::string_view line, ConfItem& item) {
    const std::size_t end = std::min(line.find_first_of(kBlank), line.size());
    const std::string word = lower(line.substr(0, end));
    std::string_view target = trim(line.substr(end));
    const std::string_view quotes = "\"<>'";
    while (!target.empty() && quotes.find(target.front()) != std::string_view::npos) {
      target.remove_prefix(1);
    }
    while (!target.empty() && quotes.find(target.back()) != std::string_view::npos) {
      target.remove_suffix(1);
    }
    item.kind = word == "exec" ? ConfItem::Kind::Exec : ConfItem::Kind::Include;
    item.name = target;
    item.optional = word == "tryinclude";
    return !target.empty() && (word == "include" || word == "tryinclude" || word == "exec");
  }

  static bool entry(std::string_view line, ConfItem& item) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return false;
    }
    std::string_view value = line.substr(equals + 1);
    if (value.starts_with('>')) {
      value.remove_prefix(1);
    }
    item.name = lower(trim(line.substr(0, equals)));
    item.value = trim(value);
    return !item.name.empty();
  }

  const std::string& file_;
  ConfText& out_;
};

// Puts `file` and what it includes into `out`.
class Expander {
 public:
  Expander(const std::string& folder, const ConfReader& read) : folder_(folder), read_(read) {}

  bool add(const std::string& file, std::size_t depth) {
    if (depth > kConfDepthMax || files_ == kConfFilesMax) {
      out_.cut = true;
      return false;
    }
    const std::optional<std::string> text = read_(file);
    if (!text) {
      return false;
    }
    ++files_;
    ConfText parsed = parse_asterisk_conf(*text, file);
    out_.cut = out_.cut || parsed.cut;
    for (ConfItem& item : parsed.items) {
      const bool is_include = item.kind == ConfItem::Kind::Include;
      if (is_include && add(item.name.starts_with('/') ? item.name : folder_ + "/" + item.name, depth + 1)) {
        continue;
      }
      if (out_.items.size() == kConfItemsMax) {
        out_.cut = true;
        return true;
      }
      out_.items.push_back(std::move(item));
    }
    return true;
  }

  ConfText take() { return std::move(out_); }

 private:
  const std::string& folder_;
  const ConfReader& read_;
  std::size_t files_ = 0;
  ConfText out_;
};

}  // namespace

ConfText parse_asterisk_conf(std::string_view text, const std::string& file) {
  ConfText out;
  LineReader reader(file, out);
  Uncommenter uncomment;
  if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);
  }
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ++number;
    if (end > kConfLineBytesMax) {
      out.cut = true;
    } else {
      reader.read(uncomment(text.substr(0, end)), number);
    }
    if (out.items.size() == kConfItemsMax) {
      out.cut = true;
      break;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

ConfText read_with_includes(const std::string& file, const std::string& folder, const ConfReader& read) {
  Expander expander(folder, read);
  expander.add(file, 0);
  return expander.take();
}

const ConfItem* missing_include(const ConfText& conf) {
  const auto found = std::find_if(conf.items.begin(), conf.items.end(), [](const ConfItem& item) {
    const bool pattern = item.name.find_first_of("*?[") != std::string::npos;
    return item.kind == ConfItem::Kind::Include && !item.optional && !pattern;
  });
  return found != conf.items.end() ? &*found : nullptr;
}

std::map<std::string, ConfValue> section_values(const ConfText& conf, std::string_view section) {
  using Values = std::map<std::string, ConfValue>;
  std::vector<Values> sections;
  std::map<std::string, std::size_t> first;  // by name, templates too
  std::map<std::string, std::size_t> live;
  std::size_t inherited = 0;  // or a chain of templates would be squared
  std::size_t current = 0;
  sections.emplace_back();  // for what stands before any section
  for (const ConfItem& item : conf.items) {
    if (item.kind == ConfItem::Kind::Entry) {
      sections[current][item.name] = {item.value, item.file, item.line};
    }
    if (item.kind != ConfItem::Kind::Section) {
      continue;
    }
    if (item.appends && first.contains(item.name)) {
      current = live.contains(item.name) ? live[item.name] : first[item.name];
    } else {
      current = sections.size();
      sections.emplace_back();
      first.emplace(item.name, current);
      if (!item.is_template) {
        live.emplace(item.name, current);
      }
    }
    for (const std::string& base : item.bases) {
      const auto found = first.find(base);
      if (found != first.end() && found->second != current && inherited < kConfItemsMax) {
        inherited += sections[found->second].size();
        for (const auto& [key, value] : sections[found->second]) {
          sections[current][key] = value;
        }
      }
    }
  }
  const auto found = live.find(lower(section));
  return found != live.end() ? sections[found->second] : Values();
}

}  // namespace ha::init
