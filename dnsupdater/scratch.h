// Names that doctor tries a server on, below _ha-doctor.<zone>, and the updates and reads on them.
//
// All names of one run have its tag in them, so that they can be deleted without having been remembered one
// by one. One message to one endpoint at a time: nothing is asked again, as doctor wants to know what
// happened. Blocks. Thread safety: one thread, but prepare() and deliver() from any. Source: docs/dns.md,
// "Doctor".
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "dnsupdater/exchange.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/swap.h"
#include "dnsupdater/trouble.h"
#include "dnsupdater/tsig.h"

namespace ha::dns {

inline constexpr std::string_view kDoctorLabel = "_ha-doctor";
// Of probe. No underscore: BIND refuses addresses of names that are none of hosts (check-names).
inline constexpr std::string_view kProbeLabel = "ha-probe";

// What came back of one message.
struct Told {
  std::optional<Reply> reply;
  std::optional<Error> silence;
  Duration took{};

  // Signed as it is due.
  [[nodiscard]] std::optional<Rcode> rcode() const;
  [[nodiscard]] bool is(Rcode wanted) const { return rcode() == wanted; }
  // "NXRRSET", "NOTAUTH (…)", "no answer: …"
  [[nodiscard]] std::string text() const;
};

struct Via {
  Transport transport = Transport::Tcp;
  std::size_t endpoint = 0;
};

struct ScratchOptions {
  Name zone;
  std::vector<Endpoint> endpoints;  // those of the primary first
  Duration patience = std::chrono::seconds(1);
  std::string tag;
  int cancel_fd = -1;
};

class Scratch {
 public:
  enum class Part { Main, Other, Big, Outside };

  // `key` must outlive it.
  Scratch(ScratchOptions options, const TsigKey& key) : options_(std::move(options)), key_(&key) {}

  [[nodiscard]] const ScratchOptions& options() const noexcept { return options_; }
  [[nodiscard]] const TsigKey& key() const noexcept { return *key_; }
  // "<tag>._ha-doctor.<zone>", "<tag>-other…"; Outside is "doctor-<tag>.<zone>".
  [[nodiscard]] Name name(Part part = Part::Main) const;
  // A text as the only TXT of a name.
  [[nodiscard]] static RrSet text_set(const Name& name, std::string_view text);
  // The other way round: the first string of the first TXT, escaped. Empty if there is none.
  [[nodiscard]] static std::string text_in(const std::optional<RrSet>& set);
  // Under `need` the RRset becomes this.
  [[nodiscard]] Update replace(Prerequisite need, RrSet set) const;

  [[nodiscard]] Result<Request> prepare(const Update& update) const;
  [[nodiscard]] Told deliver(const Request& request, Via via, const TsigKey* key) const;
  Told tell(const Update& update, Via via = {}) const;
  // Signed at our time plus `shift`.
  [[nodiscard]] Told ask(const Question& question, Via via = {}, Duration shift = {}) const;
  // By TCP. None, if there is nothing or it cannot be read.
  [[nodiscard]] std::optional<RrSet> read(const SetKey& key, std::size_t endpoint = 0) const;
  // Until `set` is read there; how long that took. None: not within `limit`.
  [[nodiscard]] std::optional<Duration> wait_for(const RrSet& set, Duration limit,
                                                 std::size_t endpoint = 0) const;

  // From now on no message is waited for beyond `limit`.
  void begin(Duration limit);
  [[nodiscard]] bool is_late() const noexcept { return late_; }

  // Deletes all names; those on which something is left. Not ended by ^C.
  [[nodiscard]] std::vector<std::string> clean();

  // ^C, or two messages over TCP in a row without an answer: no use in going on.
  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] bool is_dead() const noexcept { return silent_ >= kSilentMax; }
  // False: cancelled.
  bool pause(Duration length) const;

 private:
  static constexpr unsigned kSilentMax = 2;
  // True: a signed answer says that nobody has the name.
  [[nodiscard]] bool clean_name(const Name& name, std::size_t endpoint) const;
  [[nodiscard]] bool is_empty(const Name& name, std::size_t endpoint) const;

  ScratchOptions options_;
  const TsigKey* key_;
  SteadyTime deadline_ = SteadyTime::max();
  mutable std::atomic<bool> late_{false};
  mutable std::atomic<bool> cancelled_{false};
  mutable std::atomic<unsigned> silent_{0};
};

}  // namespace ha::dns
