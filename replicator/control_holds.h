// `hareplicate hold` and `release`: stops sets towards replicas by hand, and lets pass what is held. At a
// replica: takes nothing more of a set from its origin.
//
// Thread safety: the origin loop's thread. Source: docs/guards.md.
#pragma once

#include <string>
#include <vector>

#include "common/base/log.h"
#include "replicator/hold_book.h"
#include "replicator/pipeline.h"

namespace ha::replicator {

inline constexpr std::size_t kHoldReasonBytesMax = 300;

struct HoldOrder {
  bool release = false;
  std::string set;
  std::string peer;  // empty: all
  std::string reason;
  std::string user;
  bool force_delete = false;
  bool dry_run = false;
};

struct HeldPair {
  std::string set;
  std::string peer;
  std::string reason;
};

class Holds {
 public:
  // `pipeline` and `log` must outlive it. Before the pipeline starts: what the book says is held.
  Holds(Pipeline& pipeline, Logger& log, HoldBook book);

  // What was held, or released, with the reason it is held by. Invalid: the reason is too long. NotFound: no
  // such set or peer, or nothing is held. Refused: it would let deletions through, and force_delete is not
  // set.
  Result<std::vector<HeldPair>> run(const HoldOrder& order, const Now& now);
  // The set was opened anew: what the book says of it is held.
  void again(const std::string& set);

 private:
  Result<std::vector<HeldPair>> hold(const HoldOrder& order, const Now& now);
  Result<std::vector<HeldPair>> release(const HoldOrder& order, OriginSet& set, const Now& now);
  // Of a set that is sent by another site.
  Result<std::vector<HeldPair>> run_here(const HoldOrder& order, const Now& now);
  void hold_here(const std::string& set, const std::optional<std::string>& reason);

  Pipeline& pipeline_;
  Logger& log_;
  HoldBook book_;
};

}  // namespace ha::replicator
