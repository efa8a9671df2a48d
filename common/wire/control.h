// Request and reply between a daemon and the command lines on the same host, over a Unix socket.
//
// Not ZeroMQ, because the kernel tells who is at the other end (SO_PEERCRED). The bodies are opaque here
// (schemas/control.proto). One request at a time on a connection; its answer is any number of messages and an
// end, or a failure. Frame: length u32 (of what follows), kind u8, body; little-endian. Thread safety: the
// server belongs to one loop's thread; a client is used by one thread, and waits.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/wire/pollable.h"

namespace ha::wire {

inline constexpr std::size_t kControlBytesMax = std::size_t{16} << 20;       // one message
inline constexpr std::size_t kControlQueueBytesMax = std::size_t{32} << 20;  // unread answers of one client
inline constexpr std::size_t kControlClientsMax =
    64;  // one more: the oldest that asks for nothing is hung up
inline constexpr std::chrono::seconds kControlRequestTimeout{10};  // to send a request once it has begun

struct ControlRequest {
  std::uint64_t client = 0;  // never used twice
  uid_t uid = 0;
  Bytes body;
};

class ControlServer final : public Pollable {
 public:
  // Called once per request. The answer may be given at once or later, from the loop's thread.
  using Handler = std::function<void(ControlRequest request)>;

  // Takes over the path of a daemon that is gone; Exists when one answers there. `mode` as for chmod, e.g.
  // 0660.
  static Result<std::unique_ptr<ControlServer>> open(const std::string& path, mode_t mode, Handler handler);
  ~ControlServer() override;  // removes the path

  // One message of the answer. False when the client has gone or does not read: stop producing.
  bool reply(std::uint64_t client, BytesView body);
  // Ends the answer; the client may then ask again. fail() ends it with an error.
  void end(std::uint64_t client);
  void fail(std::uint64_t client, const Error& error);

  void add_poll_items(std::vector<PollItem>& items) override;
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const override;
  void on_turn(const Now& now) override;

 private:
  struct Impl;
  explicit ControlServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class ControlClient {
 public:
  // `daemon` is for the sentence: "replicator". Unavailable when none runs here, Denied when we may not ask
  // it.
  static Result<ControlClient> open(const std::string& path, const std::string& daemon);
  ControlClient(ControlClient&& other) noexcept;
  ControlClient& operator=(ControlClient&& other) noexcept;
  ~ControlClient();

  // Sends a request; read the answer with next() until it gives nullopt. TimedOut, Unavailable, Exhausted.
  Status send(BytesView body, std::chrono::milliseconds limit);
  // The next message of the answer; nullopt at its end. The daemon's failure comes back as the Error it was.
  Result<std::optional<Bytes>> next(std::chrono::milliseconds limit);
  // For an answer of exactly one message. `limit` is for the whole.
  Result<Bytes> request(BytesView body, std::chrono::milliseconds limit);

 private:
  ControlClient(int fd, std::string daemon);
  Status read_exactly(char* out, std::size_t bytes, SteadyTime deadline);
  int fd_ = -1;
  std::string daemon_;
};

}  // namespace ha::wire
