// Who wrote what, and what became of it: whether anything was lost when holders changed.
//
// Every write has a content of its own, so a content is a write. It may go only where a user who had it at
// that site replaced or deleted it (replication then carries that on); otherwise it is at the holder, or put
// aside somewhere. Thread safety: none.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/store.h"

namespace ha::sim {

class Oracle {
 public:
  explicit Oracle(World& world) : world_(world) {}

  // A user at `site` does this to its tree now.
  void write(SimStore& store, const Bytes& key, Item item);
  void erase(SimStore& store, const Bytes& key);  // one that its index has never had cannot be missed
  // What was deleted before is known to indexes alone, and a holder with a new digest key makes all of them
  // void: deletions that are undone need not be listed any more. Contents are kept all the same.
  void lose_index();

  // At the end, of the holder's tree and what all sites have put aside.
  void verify(const Tree& holder, const std::vector<SimStore*>& stores);

  struct Counts {
    std::uint64_t writes = 0;
    std::uint64_t deletions = 0;
    std::uint64_t stranded = 0;  // of contents
    std::uint64_t undone = 0;    // of deletions
  };
  Counts counts;

 private:
  using Write = std::pair<Bytes, Bytes>;  // key, content
  struct Deletion {
    std::string site;
    Write what;
  };
  void supersede(const SimStore& store, const Bytes& key);

  World& world_;
  std::map<Write, std::string> written_;  // by which site
  std::set<Write> superseded_;
  std::vector<Deletion> deletions_;
  bool index_lost_ = false;
};

}  // namespace ha::sim
