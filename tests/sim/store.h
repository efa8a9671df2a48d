// A set in the simulation: a tree that is a map, a real index, and the work that SetStore and PeerReader do
// for the sessions, done alike. Frames are this file's own: opaque to what is tested.
//
// Not a file system: no directories that must exist, no permissions. Thread safety: none.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/sys/digest.h"
#include "replicator/index/index.h"
#include "replicator/session/receiver.h"
#include "replicator/session/sender.h"
#include "tests/sim/invariants.h"
#include "tests/sim/world.h"

namespace ha::sim {

struct Item {
  replicator::Rank rank = replicator::Rank::Content;
  Bytes content;
  Bytes meta;

  bool operator==(const Item&) const = default;
};
using Tree = std::map<Bytes, Item>;

// One item, or a piece of one, in a frame.
struct Part {
  Bytes key;
  bool deleted = false;
  std::uint64_t sequence = 0;
  replicator::Rank rank = replicator::Rank::Content;
  Digest hash;
  std::uint64_t size = 0;
  Bytes meta;
  std::optional<Digest> basis;  // only good on top of this content
  bool moved = false;           // nothing is sent: `basis` is the content, and here, under whatever key
  std::uint32_t piece = 0;
  std::uint32_t pieces = 1;
  Bytes bytes;
};
[[nodiscard]] Bytes encode_parts(const std::vector<Part>& parts, std::size_t padding);
[[nodiscard]] std::vector<Part> decode_parts(BytesView body);

// What was put aside; a deletion that was undone has no content.
struct Stranded {
  Bytes key;
  bool deleted = false;
  Bytes content;
};

struct StoreOptions {
  std::string site;
  std::string set;
  bool is_origin = false;
  std::vector<std::string> peers;
  std::string index_path = ":memory:";  // a file can be restored
  std::uint64_t weight = 1;             // an item counts as this many times its bytes when batches are cut
};

class SimReader;

class SimStore {
 public:
  SimStore(World& world, Invariants& invariants, StoreOptions options);
  ~SimStore();

  Tree tree;
  std::vector<Stranded> stranded;
  std::uint64_t epoch = 1;   // of the origin's configuration
  std::set<Bytes> poisoned;  // a replica cannot apply these
  std::uint64_t redo_permille = 0;

  [[nodiscard]] const StoreOptions& options() const noexcept { return options_; }
  [[nodiscard]] replicator::Index& index() { return *index_; }
  // For the next start of the program.
  void set_role(bool is_origin, std::uint64_t of_epoch);
  [[nodiscard]] Digest content_digest(const Bytes& content) const;

  // ---- as SetStore
  Status open();  // after a start of the program
  replicator::IndexFacts facts();
  void scan_all();
  void scan(const std::set<Bytes>& keys);
  void set_acknowledged(const std::string& peer, const replicator::Position& position);
  void renew();
  struct Adopted {
    std::uint64_t head = 0;
    std::uint64_t missed = 0;
  };
  Result<Adopted> adopt(const std::string& peer, const replicator::AdoptAction& action);
  void drop_adoptions(const std::string& peer);
  [[nodiscard]] std::size_t failed() { return must(index_->failure_count()); }
  Result<replicator::Have> prepare(const std::string& origin, const replicator::Offer& offer);
  Result<replicator::Differ> compare_with(const replicator::Compare& theirs);
  Status apply(std::uint64_t batch, BytesView body);
  Result<std::vector<replicator::ItemTrouble>> close(std::uint64_t batch);
  // As close(), killed after `items` renames: the tree has them, the index has not.
  void close_and_die(std::uint64_t batch, std::size_t items);
  struct Committed {
    replicator::Position position;
    std::uint64_t failed = 0;
  };
  Result<Committed> commit(const std::string& origin, const replicator::Position& position, bool exact);
  void abort();
  Result<replicator::Fetched> fetch(const replicator::Fetch& wanted);
  Result<Bytes> answer(BytesView question);

  // ---- faults
  void stop();  // the program has ended
  void lose_index();
  void take_snapshot();
  [[nodiscard]] bool can_restore() const { return snapshot_tree_.has_value(); }
  void restore(bool with_tree);
  [[nodiscard]] std::vector<std::uint64_t> open_batches() const;

 private:
  struct Staged {
    Part header;
    std::map<std::uint32_t, Bytes> pieces;
  };
  // Whose changes are published: ApplyOrigin.
  struct Origin {
    replicator::Source source;
    bool adopting = false;
    bool careful = false;
    replicator::Lineage lineage;
  };
  void open_index();
  [[nodiscard]] replicator::Entry entry_of(const Bytes& key, const Item& item) const;
  Status take_turn(replicator::IndexBatch& batch);
  void take_epoch(const replicator::Offer& offer);
  void adopt_key(const replicator::Offer& offer);
  void save_what_is_there(const Part& part, const Bytes& content);
  void put(replicator::IndexBatch& batch, const Bytes& key);
  void stage_moved(std::uint64_t batch);
  std::optional<replicator::ItemTrouble> check(const Staged& staged);
  void publish(const Staged& staged);
  template <typename T>
  T must(Result<T> result) {
    if (!result.ok()) {
      world_.violate(options_.site + "/" + options_.set + ": index: " + result.error().what());
    }
    return std::move(result).value();
  }

  World& world_;
  Invariants& invariants_;
  StoreOptions options_;
  std::optional<replicator::Index> index_;
  std::optional<sys::DigestKey> key_;
  bool scanned_ = false;
  std::map<std::uint64_t, std::map<Bytes, Staged>> staged_;
  std::optional<Tree> snapshot_tree_;
  std::uint64_t offered_epoch_ = 0;
  bool whole_ = false;
  Origin origin_;
  std::unique_ptr<SimReader> fetching_;
  std::map<std::pair<std::string, std::uint64_t>, std::uint64_t> adoptions_;  // peer, number → batch
  std::uint64_t next_adoption_ = 0;
};

// What one peer's session asks of an origin's set: PeerReader.
class SimReader {
 public:
  SimReader(World& world, Invariants& invariants, SimStore& store, std::size_t frame_bytes)
      : world_(world), invariants_(invariants), store_(store), frame_bytes_(frame_bytes) {}

  struct Built {
    std::optional<Bytes> frame;
    std::optional<Bytes> need;
    bool last = false;
    std::vector<Bytes> skipped;
  };
  std::uint64_t ask_permille = 0;
  std::uint64_t wrong_basis_permille = 0;  // and of what is said to be at the replica under another key
  std::uint64_t drop_permille = 0;         // an item changes while it is read
  std::size_t padding = 0;

  Result<std::vector<replicator::Listed>> list(const replicator::ListAction& action);
  Result<replicator::Description> describe(const replicator::DescribeAction& action);
  Result<Built> build(const replicator::BuildAction& action);
  Result<Built> next(std::uint64_t batch);
  Result<Built> feed(std::uint64_t batch, BytesView answer);
  void stop_builds() { builders_.clear(); }
  struct Sorted {
    std::vector<Bytes> deleted;
    std::vector<Bytes> absent;
  };
  Result<Sorted> sort_ahead(const std::vector<Bytes>& keys);

 private:
  struct Builder {
    std::deque<replicator::ItemToBuild> items;
    std::deque<Part> parts;
    std::vector<Bytes> skipped;
    bool asked = false;
    bool waiting = false;
  };
  void start_item(Builder& builder);

  World& world_;
  Invariants& invariants_;
  SimStore& store_;
  std::size_t frame_bytes_;
  std::map<std::uint64_t, Builder> builders_;
};

}  // namespace ha::sim
