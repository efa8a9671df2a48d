// A line to this site's PBX: how many calls are up, and our events for those who listen to the PBX.
//
// On a thread of its own, which connects again by itself; nothing waits for it. Events go out as AMI
// UserEvent, or ESL CUSTOM hareplicate::NAME; what comes while the PBX is away, or faster than it takes them,
// is dropped: the log has it. Thread safety: tell() from any thread; the sink is called on the line's own.
// Source: docs/pbx.md.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/pbx/address.h"
#include "common/sys/cancel.h"

namespace ha::failover {

struct PbxLineConfig {
  enum class Kind { None, Ami, Esl, Command };
  Kind kind = Kind::None;
  pbx::PbxAddress at;
  std::string user;
  std::string secret_file;
  std::vector<std::string> command;  // prints the number of calls
};

class PbxLine {
 public:
  using Sink = std::function<void(const Result<std::uint64_t>& calls)>;
  using Fields = std::vector<std::pair<std::string, std::string>>;
  static constexpr Duration kEvery = std::chrono::seconds(2);
  static constexpr std::size_t kEventsMax = 100;

  PbxLine(PbxLineConfig config, Sink sink);
  ~PbxLine();
  PbxLine(const PbxLine&) = delete;
  PbxLine& operator=(const PbxLine&) = delete;

  void tell(const std::string& event, const Fields& fields);

 private:
  struct Open;
  void run();
  [[nodiscard]] Result<std::uint64_t> calls(Open& open);
  [[nodiscard]] Status send(Open& open, const std::string& event, const Fields& fields);
  [[nodiscard]] Status connect(Open& open);

  const PbxLineConfig config_;
  const Sink sink_;
  sys::Cancel cancel_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::pair<std::string, Fields>> events_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ha::failover
