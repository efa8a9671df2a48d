// The wall clock: clock.offset. Nothing of ours is ordered by it, but registrations carry absolute times.
#include <sys/timex.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "common/base/random.h"
#include "common/base/units.h"
#include "failover/sensors/connection.h"
#include "failover/sensors/families.h"
#include "failover/sensors/sntp_message.h"

namespace ha::failover {
namespace {

class ClockOffset final : public Sensor {
 public:
  ClockOffset(const SensorSetup& setup, std::optional<dns::Endpoint> server)
      : spec_(setup.spec), server_(std::move(server)) {}

  Reading measure(const MeasureTurn& turn) override {
    if (server_) {
      const auto offset = ask(turn);
      return offset.ok() ? reading_of(-*offset, " " + server_->text()) : unknown(offset.error());
    }
    timex kernel{};  // modes 0: only looks
    if (::adjtimex(&kernel) < 0) {
      return unknown(errno_error("cannot ask the kernel for the state of the clock", errno));
    }
    const auto count = std::chrono::nanoseconds(kernel.offset);
    const Duration offset = (kernel.status & STA_NANO) != 0 ? count : count * 1000;  // else in microseconds
    if ((kernel.status & STA_UNSYNC) != 0) {
      return warned("nobody keeps the clock right; is chrony or systemd-timesyncd running?");
    }
    return reading_of(-offset, " what it is steered to");
  }

 private:
  [[nodiscard]] Reading reading_of(Duration ahead, const std::string& of_whom) const {
    const Duration size = ahead < Duration::zero() ? -ahead : ahead;
    return graded(
        spec_, std::chrono::duration<double>(size).count(), "s",
        "the clock is " + show_age(size) + (ahead < Duration::zero() ? " behind" : " ahead of") + of_whom);
  }

  Result<Duration> ask(const MeasureTurn& turn) {
    HA_TRY(Connection connection, Connection::open(Transport::Udp, *server_, turn));
    const std::uint64_t token = random_seed();
    const WallTime sent = read_clocks().wall;
    HA_CHECK(connection.send(sntp_request(token)));
    while (true) {
      HA_TRY(const Bytes reply, connection.receive(512, turn.until));
      auto offset = sntp_offset(reply, token, sent, read_clocks().wall);
      if (offset.ok() || offset.error().code() != Code::Conflict) {
        return offset;
      }
    }
  }

  SensorSpec spec_;
  std::optional<dns::Endpoint> server_;
};

}  // namespace

SensorMade make_clock_offset(const SensorSetup& setup) {
  std::optional<dns::Endpoint> server;
  if (setup.has("server")) {
    HA_TRY(server, endpoint_with_port(setup.text("server")));
  }
  return std::unique_ptr<Sensor>(std::make_unique<ClockOffset>(setup, std::move(server)));
}

}  // namespace ha::failover
