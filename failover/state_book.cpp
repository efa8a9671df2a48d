#include "failover/state_book.h"

#include <utility>

#include "common/base/nanoseconds.h"
#include "schemas/failover_state.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::failover_state;

constexpr const char* kFolder = "failover";
constexpr const char* kFile = "state";
constexpr std::size_t kBytesMax = 1 << 20;
constexpr mode_t kMode = 0600;
constexpr mode_t kFolderMode = 0700;

StateFacts decoded(const pb::State& state) {
  StateFacts out;
  out.highest.insert(state.highest().begin(), state.highest().end());
  out.paused = state.paused();
  out.paused_by = state.paused_by();
  out.maintenance = state.maintenance();
  out.maintenance_by = state.maintenance_by();
  for (const pb::Move& move : state.moves()) {
    out.moves.push_back({wall_time(move.time_ns()), move.service(), move.epoch(), move.from(), move.to(),
                         move.why(), Duration(move.took_ns())});
  }
  for (const auto& [sensor, until] : state.muted()) {
    out.muted[sensor] = wall_time(until);
  }
  return out;
}

Bytes encoded(const StateFacts& facts) {
  pb::State state;
  state.mutable_highest()->insert(facts.highest.begin(), facts.highest.end());
  state.set_paused(facts.paused);
  state.set_paused_by(facts.paused_by);
  state.set_maintenance(facts.maintenance);
  state.set_maintenance_by(facts.maintenance_by);
  for (const Move& move : facts.moves) {
    pb::Move& out = *state.add_moves();
    out.set_time_ns(nanoseconds(move.time));
    out.set_service(move.service);
    out.set_epoch(move.epoch);
    out.set_from(move.from);
    out.set_to(move.to);
    out.set_why(move.why);
    out.set_took_ns(move.took.count());
  }
  for (const auto& [sensor, until] : facts.muted) {
    (*state.mutable_muted())[sensor] = nanoseconds(until);
  }
  return state.SerializeAsString();
}

}  // namespace

Result<StateBook> StateBook::open(const std::string& state_dir) {
  HA_TRY(const sys::Directory root, sys::Directory::open_root(state_dir));
  if (const Status made = root.make_directory(kFolder, kFolderMode);
      !made.ok() && made.error().code() != Code::Exists) {
    return made.error();
  }
  HA_TRY(sys::Directory folder, root.open_beneath(kFolder));
  StateBook book(std::move(folder));
  const auto text = sys::read_file(book.directory_, kFile, kBytesMax);
  if (!text.ok()) {
    return text.error().code() == Code::NotFound ? Result<StateBook>(std::move(book)) : text.error();
  }
  pb::State state;
  if (!state.ParseFromString(*text)) {
    return Error(Code::Corrupt, state_dir + "/" + kFolder + "/" + kFile + " does not parse",
                 "look at failover status on the other sites; then move the file away, and start again");
  }
  book.facts_ = decoded(state);
  return book;
}

Status StateBook::put(StateFacts facts) {
  while (facts.moves.size() > kMovesMax) {
    facts.moves.pop_front();
  }
  HA_CHECK(sys::replace_file(directory_, kFile, encoded(facts), kMode));
  facts_ = std::move(facts);
  return ok();
}

}  // namespace ha::failover
