// What an operator has asked for and what takes its time: resync, verify, diff. Runs them one step at a time.
//
// A job is a set or several, towards a peer or several; each pair is a part. A part looks at the tree at the
// origin, compares with the replica (which looks too), and then, if repair is wanted, lets the sender send.
// Nothing is sent by a job that only compares. Stopping a job never leaves anything half done: what is under
// way is the replicator's own work and goes on. Thread safety: the origin loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "replicator/pipeline.h"

namespace ha::schemas::control {
class Item;
class Job;
}  // namespace ha::schemas::control

namespace ha::replicator {

struct JobOrder {
  std::string verb;               // resync, verify, diff
  std::vector<std::string> sets;  // none: all of which this site is the origin
  std::string path;               // only this item and what is in it; empty: everything
  std::string peer;               // empty: all
  bool deep = false;              // read all content, on both sides
  bool repair = false;            // send what differs
  bool full = false;              // a new index id first: no stored position counts
  std::string user;
};

inline constexpr std::size_t kJobItemsMax = 10'000;

class Jobs {
 public:
  // After every change of a job, and a last time when it has ended: then with the items that differ.
  using OnChange =
      std::function<void(const schemas::control::Job&, const std::vector<schemas::control::Item>&)>;

  // Before the origin loop runs, or on its thread. All must outlive it.
  Jobs(Pipeline& pipeline, Logger& log, OnChange on_change);
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  // The id of the new job. NotFound when a set or peer is not one that this site sends; Refused while another
  // job is at work on the same set.
  Result<std::string> start(const JobOrder& order, const Now& now);
  Status stop(const std::string& id, const Now& now);
  // This site ceases to send the set: what is at work on it ends.
  void leave(const std::string& set);

 private:
  struct Part;
  struct Running;

  Status add_parts(Running& job);
  void begin(const std::shared_ptr<Running>& job, const Now& now);
  void on_looked(const std::shared_ptr<Running>& job, const OriginSet* set, const Result<ScanResult>& result);
  void on_compared(const std::shared_ptr<Running>& job, Part& part, const ComparedAction& compared);
  void settle(Part& part, const Now& now);
  void repair(Running& job, Part& part, const Now& now);
  void follow(Running& job, Part& part, const Now& now);
  void watch(Part& part, const Now& now);
  void publish(Running& job, const Now& now);
  void on_tick(const Now& now);

  Pipeline& pipeline_;
  Logger& log_;
  OnChange on_change_;
  std::deque<std::shared_ptr<Running>> running_;
  wire::Loop::Id timer_;
  SteadyTime tick_at_{};
};

}  // namespace ha::replicator
