#include "replicator/config_overlays.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/sys/file.h"
#include "replicator/config_parts.h"
#include "replicator/model/reserved.h"

namespace ha::replicator {
namespace {

// An overlay that has been read, as far as the next ones have to agree with it.
struct Seen {
  std::string site;
  std::string set;
  std::string file;
  std::vector<OverlayRule> rules;
  ConfigPlace place;
};

class Reader {
 public:
  Reader(const OverlayContext& context, std::vector<SetConfig>& sets, ConfigProblems& problems)
      : context_(context), sets_(sets), problems_(problems) {}

  void read(const ConfigSection& section, std::size_t number) {
    Seen overlay{section.text("site"), section.text("set"), section.text("file"), {}, section.place()};
    const bool known_site = std::any_of(context_.sites.begin(), context_.sites.end(),
                                        [&](const SiteConfig& one) { return one.name == overlay.site; });
    if (section.has("site") && !known_site) {
      error(section, "site",
            "no site is called \"" + escape(overlay.site) + "\"" +
                known_names(overlay.site, names_of(context_.sites)));
    }
    std::vector<SetConfig*> sets;  // "etc" is the [[set]], for whatever services; "etc@voice1" one of them
    for (SetConfig& one : sets_) {
      if (one.name == overlay.set || one.base == overlay.set) {
        sets.push_back(&one);
      }
    }
    if (section.has("set") && sets.empty()) {
      error(section, "set",
            "no set is called \"" + escape(overlay.set) + "\"" + known_names(overlay.set, names_of(sets_)));
    }
    check_file(section, overlay, sets.empty() ? nullptr : sets.front());
    read_rules(section, number, overlay);
    check_others(section, overlay);
    for (SetConfig* const set : sets) {
      if (overlay.site == context_.self) {
        std::vector<OverlayRule>& rules = set->overlays[overlay.file];
        rules.insert(rules.end(), overlay.rules.begin(), overlay.rules.end());
      }
    }
    seen_.push_back(std::move(overlay));
  }

 private:
  void error(const ConfigSection& section, std::string_view key, const std::string& text) {
    problems_.error(section.place(key), "overlay: " + text);
  }

  void check_file(const ConfigSection& section, const Seen& overlay, const SetConfig* set) {
    if (!section.has("file")) {
      return;
    }
    const std::string shown = "file \"" + escape(overlay.file) + "\" ";
    if (!sys::check_key(overlay.file).ok()) {
      error(
          section, "file",
          shown + "is not a path beneath the set's — write it without a / at either end and without . or ..");
      return;
    }
    if (is_reserved_key(overlay.file)) {
      error(section, "file", shown + "is hareplicate's own");
    }
    for (std::size_t end = 0, start = 0; end != std::string::npos; start = end + 1) {
      end = overlay.file.find('/', start);
      const bool is_directory = end != std::string::npos;
      if (set != nullptr && set->exclude.matches(overlay.file.substr(0, end), is_directory)) {
        error(section, "file", shown + "is excluded from set \"" + escape(overlay.set) + "\"");
        return;
      }
    }
  }

  void read_rules(const ConfigSection& section, std::size_t number, Seen& overlay) {
    for (const ConfigSection& rule : context_.cluster.sections("overlay.replace")) {
      if (rule.outer() != number) {
        continue;
      }
      const OverlayRule read{rule.text("match"), rule.text("with")};
      const Status status = check_overlay_rule(read);
      if (rule.has("match") && !status.ok()) {
        const bool with = status.error().what().starts_with("with");
        error(rule, with ? "with" : "match", status.error().what());
      }
      overlay.rules.push_back(read);
    }
    if (overlay.rules.empty()) {
      problems_.error(section.place(),
                      "overlay: replace is missing — replace = [ { match = '…', with = '…' } ]");
    }
  }

  void check_others(const ConfigSection& section, const Seen& overlay) {
    for (const Seen& other : seen_) {
      if (other.site != overlay.site || other.set != overlay.set) {
        continue;
      }
      if (other.file == overlay.file && other.rules == overlay.rules) {
        error(section, "file", "the same is there twice, first at " + other.place.text() + " — remove one");
      }
      if (other.file.starts_with(overlay.file + "/") || overlay.file.starts_with(other.file + "/")) {
        error(section, "file",
              in_quotes(overlay.file) + " and \"" + escape(other.file) + "\" (" + other.place.text() +
                  ") cannot both be files");
      }
    }
  }

  const OverlayContext& context_;
  std::vector<SetConfig>& sets_;
  ConfigProblems& problems_;
  std::vector<Seen> seen_;
};

}  // namespace

void add_overlays(const OverlayContext& context, std::vector<SetConfig>& sets, ConfigProblems& problems) {
  Reader reader(context, sets, problems);
  const std::vector<ConfigSection>& sections = context.cluster.sections("overlay");
  for (std::size_t i = 0; i < sections.size(); ++i) {
    reader.read(sections[i], i);
  }
}

}  // namespace ha::replicator
