#include "dnsupdater/zones.h"

#include <algorithm>
#include <utility>

#include "dnsupdater/key_file.h"

namespace ha::dns {

Result<Primary*> Zones::primary(const Name& zone) {
  if (const auto known = open_.find(zone); known != open_.end()) {
    return known->second->primary.get();
  }
  const auto& zones = config_.zones();
  const auto configured =
      std::find_if(zones.begin(), zones.end(), [&](const ZoneConfig& each) { return each.name == zone; });
  if (configured == zones.end()) {
    return Error(Code::NotFound, zone.text() + " is no [[dns.zone]] of this configuration");
  }
  auto loaded = load_key(configured->key_file.string());
  if (!loaded.ok()) {
    return Error(Code::Invalid, loaded.error().what(),
                 loaded.error().hint().empty()
                     ? "tsig-keygen, or the key of the zone's administrator, with chmod 600"
                     : loaded.error().hint());
  }
  TsigKey key = std::move(loaded).value();
  auto open = std::make_unique<Open>(Open{std::move(key), nullptr});
  PrimaryOptions options{zone, configured->primary, std::chrono::seconds(1), cancel_fd_, by_their_clocks_};
  open->primary = std::make_unique<Primary>(std::move(options), open->key);
  Primary* primary = open->primary.get();
  open_.emplace(zone, std::move(open));
  return primary;
}

}  // namespace ha::dns
