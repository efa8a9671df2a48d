#include "tests/sim/dns_primary.h"

#include <algorithm>

namespace ha::sim {

using dns::Need;
using dns::Rcode;

bool DnsPrimary::in_use(const dns::Name& name) const {
  return std::any_of(sets_.begin(), sets_.end(), [&](const auto& each) { return each.first.name == name; });
}

Rcode DnsPrimary::check(const dns::Prerequisite& need) const {
  const auto found = sets_.find({need.name, need.type});
  switch (need.need) {
    case Need::NameInUse:
      return in_use(need.name) ? Rcode::NoError : Rcode::NxDomain;
    case Need::NameUnused:
      return in_use(need.name) ? Rcode::YxDomain : Rcode::NoError;
    case Need::SetExists:
      return found != sets_.end() ? Rcode::NoError : Rcode::NxRrset;
    case Need::SetAbsent:
      return found != sets_.end() ? Rcode::YxRrset : Rcode::NoError;
    case Need::SetIs: {
      auto wanted = need.rdata;
      std::sort(wanted.begin(), wanted.end());
      return found != sets_.end() && found->second.rdata == wanted ? Rcode::NoError : Rcode::NxRrset;
    }
  }
  return Rcode::FormErr;
}

void DnsPrimary::remove(const dns::Deletion& deletion) {
  for (auto each = sets_.begin(); each != sets_.end();) {
    const bool meant =
        each->first.name == deletion.name && (!deletion.type || each->first.type == *deletion.type);
    if (meant && deletion.rdata) {
      std::erase(each->second.rdata, *deletion.rdata);
    }
    each = meant && (!deletion.rdata || each->second.rdata.empty()) ? sets_.erase(each) : std::next(each);
  }
}

Rcode DnsPrimary::apply(const dns::Update& update) {
  for (const dns::Prerequisite& need : update.prerequisites) {
    if (const Rcode code = check(need); code != Rcode::NoError) {
      return code;
    }
  }
  for (const dns::Deletion& deletion : update.deletions) {
    remove(deletion);
  }
  for (const dns::RrSet& set : update.additions) {
    const auto [at, made] = sets_.try_emplace({set.name, set.type}, set);
    if (!made) {
      at->second.ttl_s = set.ttl_s;
      at->second.rdata.insert(at->second.rdata.end(), set.rdata.begin(), set.rdata.end());
      std::sort(at->second.rdata.begin(), at->second.rdata.end());
      at->second.rdata.erase(std::unique(at->second.rdata.begin(), at->second.rdata.end()),
                             at->second.rdata.end());
    }
  }
  const auto guard = sets_.find({guard_, dns::RrType::Txt});
  if (guard != sets_.end()) {
    const auto record = dns::record_of(guard->second, id_);
    if (record.ok() && (history_.empty() || history_.back() != *record)) {
      history_.push_back(*record);
    }
  }
  return Rcode::NoError;
}

std::vector<dns::RrSet> DnsPrimary::read(const std::vector<dns::SetKey>& keys) const {
  std::vector<dns::RrSet> found;
  for (const dns::SetKey& key : keys) {
    if (const auto at = sets_.find(key); at != sets_.end()) {
      found.push_back(at->second);
    }
  }
  return found;
}

}  // namespace ha::sim
