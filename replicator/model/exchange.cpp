#include <utility>

#include "replicator/model/exchange.h"
#include "schemas/placement.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::placement;
constexpr std::uint32_t kVersion = 1;

Error corrupt(const std::string& why) {
  return Error(Code::Corrupt, "the journal of the exchange " + why);
}

Result<FileMeta> directory_meta(const std::string& bytes) {
  HA_TRY(FileMeta meta, decode_meta(bytes));
  if (meta.type != FileType::Directory) {
    return corrupt("enters something else than a directory");
  }
  return meta;
}

}  // namespace

Bytes encode_exchange(const ExchangePlan& plan) {
  pb::Exchange out;
  out.set_version(kVersion);
  out.set_to_live(plan.to_live);
  for (const EnteredDirectory& entered : plan.entered) {
    pb::Entered& one = *out.add_entered();
    one.set_key(entered.key);
    one.set_live_meta(encode_meta(entered.live));
    one.set_shelf_meta(entered.shelf ? encode_meta(*entered.shelf) : Bytes());
  }
  for (const ExchangeStep& step : plan.steps) {
    pb::Step& one = *out.add_steps();
    one.set_key(step.key);
    one.set_live_inode(step.live_inode);
    one.set_shelf_inode(step.shelf_inode);
  }
  return out.SerializeAsString();
}

Result<ExchangePlan> decode_exchange(BytesView bytes) {
  pb::Exchange in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.version() != kVersion) {
    return corrupt("cannot be read");
  }
  ExchangePlan plan;
  plan.to_live = in.to_live();
  for (const pb::Entered& one : in.entered()) {
    EnteredDirectory entered{one.key(), {}, std::nullopt};
    HA_TRY(entered.live, directory_meta(one.live_meta()));
    if (!one.shelf_meta().empty()) {
      HA_TRY(entered.shelf, directory_meta(one.shelf_meta()));
    }
    plan.entered.push_back(std::move(entered));
  }
  for (const pb::Step& one : in.steps()) {
    if (one.live_inode() == one.shelf_inode()) {
      return corrupt("has a step that moves nothing");
    }
    plan.steps.push_back({one.key(), one.live_inode(), one.shelf_inode()});
  }
  return plan;
}

}  // namespace ha::replicator
