#include "tools/init/plan.h"

#include <algorithm>
#include <array>

#include "common/base/bytes.h"
#include "common/base/units.h"

namespace ha::init {
namespace {

constexpr std::uint64_t kItemsThatCount = 4;
constexpr std::array<std::string_view, 4> kDatabaseSuffixes = {"", "-wal", "-shm", "-journal"};
// When there are more databases than names.
constexpr std::array<std::string_view, 8> kDatabasePatterns = {
    "*.db", "*.db-*", "*.db3", "*.db3-*", "*.sqlite", "*.sqlite-*", "*.sqlite3", "*.sqlite3-*"};
constexpr std::array<std::string_view, 14> kNeverSets = {"/etc", "/usr",  "/usr/local", "/usr/share", "/home",
                                                         "/opt", "/root", "/srv",       "/tmp",       "/var",
                                                         "/run", "/dev",  "/var/lib",   "/var/spool"};

bool beneath(std::string_view inner, std::string_view outer) {
  return inner.size() > outer.size() && inner.starts_with(outer) && inner[outer.size()] == '/';
}

// As a pattern of exactly this path below the root of a set.
std::string pattern_of(std::string_view rel) {
  std::string out = "/";
  for (const char c : rel) {
    if (c == '*' || c == '?' || c == '\\') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

// Whether TOML, and whoever reads it, can have this name.
bool is_writable(std::string_view path) {
  std::string plain(path);
  plain.erase(std::remove(plain.begin(), plain.end(), '\\'), plain.end());
  return escape(plain) == plain;
}

std::string inner_path(const std::string& path, const std::string& folder) {
  return path.substr(folder.size() + 1);
}

void add_once(std::vector<std::string>& to, std::string text) {
  if (std::find(to.begin(), to.end(), text) == to.end()) {
    to.push_back(std::move(text));
  }
}

class Planner {
 public:
  Planner(const Facts& facts, const std::vector<std::string>& own) : facts_(facts), own_(own) {}

  Result<Plan> make() {
    plan_.pbx = facts_.pbx;
    plan_.remarks = facts_.remarks;
    plan_.site_lines = facts_.site_lines;
    plan_.site_lines_cut = facts_.site_lines_cut;
    plan_.later = facts_.later;
    choose();
    for (const Seen* tree : chosen_) {
      add_set(*tree);
    }
    if (plan_.sets.empty()) {
      std::string why;
      for (const std::string& sentence : plan_.left_out) {
        why += "\n  " + sentence;
      }
      return Error(Code::NotFound,
                   "nothing of " + std::string(pbx_name(facts_.pbx)) + " was found to replicate" + why,
                   "look at the paths in its configuration; or write the sets yourself, from "
                   "/usr/share/doc/hareplicate/examples/cluster.toml");
    }
    return std::move(plan_);
  }

 private:
  void choose() {
    for (const Seen& tree : facts_.trees) {
      if (!tree.wish.why_not.empty()) {
        if (tree.there) {
          plan_.left_out.push_back(escape(tree.real_path) + ": " + tree.wish.what + "; left out, " +
                                   tree.wish.why_not + ".");
        }
      } else if (!tree.there) {
        if (!tree.trouble.empty()) {
          plan_.left_out.push_back(escape(tree.wish.path) + ": " + tree.wish.what + "; " + tree.trouble +
                                   ".");
        } else if (!tree.wish.quiet) {
          plan_.left_out.push_back(escape(tree.wish.path) + ": " + tree.wish.what +
                                   "; does not exist here (" + escape(tree.wish.from) + ").");
        }
      } else if (std::string why = unfit(tree); !why.empty()) {
        plan_.left_out.push_back(escape(tree.real_path) + ": " + tree.wish.what + "; " + why + ".");
      } else {
        chosen_.push_back(&tree);
      }
    }
    // The outer tree carries the inner; of two names for one tree the first counts.
    std::vector<const Seen*> kept;
    for (const Seen* tree : chosen_) {
      const Seen* carrier = nullptr;
      for (const Seen* other : chosen_) {
        const bool earlier = std::find(kept.begin(), kept.end(), other) != kept.end();
        const bool carries = beneath(tree->real_path, other->real_path) ||
                             (other != tree && tree->real_path == other->real_path && earlier);
        if (carries && (carrier == nullptr || other->real_path.size() < carrier->real_path.size())) {
          carrier = other;
        }
      }
      if (carrier == nullptr) {
        kept.push_back(tree);
      } else {
        plan_.left_out.push_back(escape(tree->real_path) + ": " + tree->wish.what +
                                 "; no set of its own, it lies in that of " + carrier->wish.name + ".");
      }
    }
    chosen_ = std::move(kept);
  }

  // Why a tree that exists cannot be a set; empty if it can.
  [[nodiscard]] std::string unfit(const Seen& tree) const {
    const std::string& path = tree.real_path;
    if (path == "/" || std::find(kNeverSets.begin(), kNeverSets.end(), path) != kNeverSets.end() ||
        path.starts_with("/proc") || path.starts_with("/sys")) {
      return "that is a whole part of the system, not a tree of the PBX";
    }
    for (const std::string& own : own_) {
      if (path == own || beneath(own, path) || beneath(path, own)) {
        return "it would share files with hareplicate's own " + own;
      }
    }
    if (!is_writable(path)) {
      return "its name is not plain text, so cluster.toml cannot have it";
    }
    const bool taken = std::any_of(facts_.trees.begin(), facts_.trees.end(), [&](const Seen& other) {
      return other.there && !other.wish.why_not.empty() && other.real_path == path;
    });
    return taken ? "the same directory holds what is left out on purpose" : "";
  }

  void exclude_database(PlannedSet& set, const std::string& rel) {
    if (!is_writable(rel)) {
      exclude_all_databases(set);
      return;
    }
    for (const std::string_view suffix : kDatabaseSuffixes) {
      add_once(set.exclude, pattern_of(rel + std::string(suffix)));
    }
  }

  static void exclude_all_databases(PlannedSet& set) {
    for (const std::string_view pattern : kDatabasePatterns) {
      add_once(set.exclude, std::string(pattern));
    }
  }

  void add_exclusions(PlannedSet& set, const Seen& tree) {
    for (const Seen& other : facts_.trees) {
      if (other.there && !other.wish.why_not.empty() && beneath(other.real_path, set.path)) {
        const std::string rel = inner_path(other.real_path, set.path);
        if (is_writable(rel)) {
          add_once(set.exclude, pattern_of(rel) + "/");
        } else {
          set.comments.push_back("CAUTION: " + escape(rel) + " ought to be excluded (" + other.wish.what +
                                 "), but its name is not plain text.");
        }
      }
    }
    std::size_t databases = tree.databases.size();
    for (const std::string& rel : tree.databases) {
      exclude_database(set, rel);
    }
    if (tree.databases_cut || !tree.counted) {
      exclude_all_databases(set);
    }
    if (!tree.counted) {
      set.comments.emplace_back(
          "Not everything in it could be looked at, so all names of databases are excluded.");
    }
    for (const std::string& path : facts_.databases) {
      if (beneath(path, set.path)) {
        const std::string rel = inner_path(path, set.path);
        const bool counted =
            std::find(tree.databases.begin(), tree.databases.end(), rel) != tree.databases.end();
        databases += counted ? 0 : 1;
        exclude_database(set, rel);
      }
    }
    if (databases > 0) {
      set.comments.push_back((tree.databases_cut ? "More than " : "") + show_count(databases) +
                             (databases == 1 ? " SQLite database is" : " SQLite databases are") +
                             " left out: a copy of a live one is broken.");
    }
  }

  void add_set(const Seen& tree) {
    PlannedSet set;
    set.name = tree.wish.name;
    set.path = tree.real_path;
    set.exclude = tree.wish.exclude;
    const std::string size = (tree.counted ? "" : "at least ") + show_count(tree.items) +
                             (tree.items == 1 ? " item, " : " items, ") + show_size(tree.bytes);
    const std::string from = tree.wish.from == "default" ? "the default path" : escape(tree.wish.from);
    set.comments.push_back(tree.wish.what + ". Now " + size + " (" + from + ").");
    set.comments[0][0] = upper(set.comments[0][0]);
    if (tree.real_path != tree.wish.path) {
      set.comments.push_back("Configured as " + escape(tree.wish.path) +
                             ", which leads here over a symbolic link; other sites need this path too, or "
                             "\"set." +
                             set.name + ".path\" in their node.toml.");
    }
    if (tree.links_out == 1) {
      set.comments.push_back("A symbolic link leads out of it, " + escape(tree.link_out) +
                             ": the link arrives at other sites, what it leads to does not.");
    } else if (tree.links_out > 1) {
      set.comments.push_back(show_count(tree.links_out) + " symbolic links lead out of it, " +
                             escape(tree.link_out) +
                             " first: the links arrive at other sites, what they lead to does not.");
    }
    add_exclusions(set, tree);
    set.options = tree.wish.options;
    if (const std::uint64_t least = proposed_min_items(tree.items); least > 0) {
      set.options.push_back({"min_items", std::to_string(least),
                             "fewer than this looks like an accident: HELD, not deleted elsewhere", true});
    }
    plan_.sets.push_back(std::move(set));
  }

  static char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

  const Facts& facts_;
  const std::vector<std::string>& own_;
  std::vector<const Seen*> chosen_;
  Plan plan_;
};

}  // namespace

Result<Plan> make_plan(const Facts& facts, const std::vector<std::string>& own) {
  return Planner(facts, own).make();
}

std::uint64_t proposed_min_items(std::uint64_t items) noexcept {
  if (items < kItemsThatCount) {
    return 0;
  }
  std::uint64_t unit = 1;
  const std::uint64_t half = items / 2;
  while (half / unit >= 100) {
    unit *= 10;
  }
  return half / unit * unit;
}

std::string_view pbx_name(Pbx pbx) noexcept {
  switch (pbx) {
    case Pbx::Asterisk:
      return "Asterisk";
    case Pbx::FreeSwitch:
      return "FreeSWITCH";
    case Pbx::FreePbx:
      return "FreePBX";
  }
  return "PBX";
}

}  // namespace ha::init
