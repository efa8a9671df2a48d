#include "replicator/config_placement.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "replicator/config_parts.h"

namespace ha::replicator {
namespace {

template <typename T>
const T* find_named(const std::vector<T>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
  return found != all.end() ? &*found : nullptr;
}

class Owners {
 public:
  Owners(const ConfigSection& section, const PlacementContext& context, ConfigProblems& problems)
      : section_(section),
        context_(context),
        problems_(problems),
        about_("set " + in_quotes(section.text("name")) + ": ") {}

  std::vector<SetConfig> sets_of(const SetConfig& set) {
    const std::string service = section_.text("service");
    if (service == kEveryService) {
      return of_every_service(set);
    }
    for (const std::string_view key : {"author", "epoch"}) {
      if (section_.has(key)) {
        problems_.error(section_.place(key), about_ + std::string(key) +
                                                 " is for sets of service = \"*\" — those of a service "
                                                 "are sent by its holder, and have its epoch");
      }
    }
    if (section_.has("service")) {
      const ServiceConfig* const owner = find_named(context_.services, service);
      if (owner == nullptr) {
        problems_.error(section_.place("service"), about_ + "no service is called " + in_quotes(service) +
                                                       known_names(service, names_of(context_.services)));
        return {};
      }
      return {of(set, *owner, set.base)};
    }
    if (context_.services.empty()) {
      problems_.error(section_.place(),
                      about_ + "there is no [[service]] — add one with its sites and holder");
    }
    std::vector<SetConfig> out;
    for (const ServiceConfig& owner : context_.services) {
      out.push_back(of(set, owner, context_.services.size() == 1 ? set.base : set.base + "@" + owner.name));
    }
    return out;
  }

 private:
  std::vector<SetConfig> of_every_service(SetConfig set) {
    const std::string author = section_.text("author");
    set.name = set.base;
    set.service = kEveryService;
    set.origin = author;
    set.epoch = section_.has("epoch") ? static_cast<std::uint64_t>(section_.integer("epoch")) : 1;
    if (find_named(context_.sites, author) == nullptr) {
      const bool missing = !section_.has("author");
      problems_.error(missing ? section_.place("service") : section_.place("author"),
                      missing ? about_ +
                                    "a set of service = \"*\" has no holder: author = \"SITE\" says "
                                    "which site sends it"
                              : about_ + "no site is called " + in_quotes(author) +
                                    known_names(author, names_of(context_.sites)));
      return {};
    }
    if (set.place_at == PlaceAt::Shelf) {
      problems_.error(section_.has("place") ? section_.place("place") : section_.place(),
                      about_ + "a set of service = \"*\" is never taken over — it needs place = \"live\"");
    }
    set.may_be_live = true;
    place(set);
    return {std::move(set)};
  }

  SetConfig of(SetConfig set, const ServiceConfig& service, std::string name) const {
    set.name = std::move(name);
    set.service = service.name;
    set.origin = service.holder;
    set.epoch = service.epoch;
    const auto& sites = service.sites;
    set.may_be_live =
        set.place_at == PlaceAt::Live || std::find(sites.begin(), sites.end(), context_.self) != sites.end();
    place(set);
    return set;
  }

  void place(SetConfig& set) const {
    const std::string shelf = set.shelf.empty() ? (context_.state_dir / "shelf").string() : set.shelf;
    set.shelf = shelf + "/" + set.service + "/" + set.base;
    stand(set, set.place_at == PlaceAt::Live || set.origin == context_.self);
  }

  const ConfigSection& section_;
  const PlacementContext& context_;
  ConfigProblems& problems_;
  const std::string about_;
};

class Checker {
 public:
  Checker(const PlacementContext& context, ConfigProblems& problems)
      : context_(context), problems_(problems) {}

  void own(const SetConfig& set) {
    shelf_in_tree(set, set);
    if (set.live_path.empty()) {
      return;
    }
    for (const std::filesystem::path& own : {context_.state_dir, context_.run_dir}) {
      if (!own.empty() && paths_overlap(set.live_path, own.string())) {
        problems_.error(place_of(set, "path"), about(set) + "path " + in_quotes(set.live_path) +
                                                   " and hareplicate's own " + in_quotes(own.string()) +
                                                   " overlap — change state_dir or run_dir in node.toml");
      }
    }
  }

  void pair(const SetConfig& set, const SetConfig& other) {
    shelf_in_tree(set, other);
    shelf_in_tree(other, set);
    if (set.live_path.empty() || !paths_overlap(set.live_path, other.live_path)) {
      return;
    }
    const bool now = !set.shelved && !other.shelved;
    const bool later = (!set.shelved && set.place_at == PlaceAt::Live && other.may_be_live) ||
                       (!other.shelved && other.place_at == PlaceAt::Live && set.may_be_live);
    if (!now && !later) {
      return;
    }
    const std::string both =
        "path " + in_quotes(set.live_path) + " and set " + in_quotes(other.name) + " (" +
        escape(other.live_path) + ", " + place_of(other, "path").text() + ") share files" +
        (now ? "" : " when " + escape(set.shelved ? set.service : other.service) + " is held here");
    problems_.error(place_of(set, "path"), about(set) + both + " — " + remedy(set, other));
  }

 private:
  static std::string about(const SetConfig& set) { return "set " + in_quotes(set.name) + ": "; }

  [[nodiscard]] std::string remedy(const SetConfig& set, const SetConfig& other) const {
    const bool services = set.service != other.service && set.service != kEveryService &&
                          other.service != kEveryService && set.live_path == other.live_path;
    if (!services) {
      return "one of them must be elsewhere";
    }
    if (set.place_at == PlaceAt::Shelf && other.place_at == PlaceAt::Shelf) {
      return in_quotes(context_.self) + " can hold one of the services only, or give them other paths";
    }
    return "place = \"shelf\" keeps what is not held here aside";
  }

  // The shelf of one set, where it was given, within the tree of another.
  void shelf_in_tree(const SetConfig& set, const SetConfig& other) {
    if (set.place_at == PlaceAt::Shelf && !other.live_path.empty() &&
        paths_overlap(set.shelf, other.live_path)) {
      problems_.error(place_of(set, "shelf"), about(set) + "its shelf " + in_quotes(set.shelf) + " and set " +
                                                  in_quotes(other.name) + " (" + escape(other.live_path) +
                                                  ") overlap — the shelf stands beside the sets");
    }
  }

  [[nodiscard]] ConfigPlace place_of(const SetConfig& set, std::string_view key) const {
    const auto& sections = context_.cluster.sections("set");
    const auto found = std::find_if(sections.begin(), sections.end(), [&](const ConfigSection& section) {
      return section.text("name") == set.base;
    });
    return found != sections.end() ? found->place(key) : set.place;
  }

  const PlacementContext& context_;
  ConfigProblems& problems_;
};

}  // namespace

std::vector<SetConfig> sets_of(const ConfigSection& section, const SetConfig& set,
                               const PlacementContext& context, ConfigProblems& problems) {
  return Owners(section, context, problems).sets_of(set);
}

void check_places(const std::vector<SetConfig>& sets, const PlacementContext& context,
                  ConfigProblems& problems) {
  Checker checker(context, problems);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    checker.own(sets[i]);
    for (std::size_t j = 0; j < i; ++j) {
      checker.pair(sets[i], sets[j]);
    }
  }
}

}  // namespace ha::replicator
