#include "failover/zone_time.h"

#include <date/tz.h>

#include <ctime>
#include <exception>

#include "common/base/bytes.h"

namespace ha::failover {
namespace {

constexpr int kMinutesOfAnHour = 60;

int host_minute_of_day(WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  localtime_r(&seconds, &local);
  return local.tm_hour * kMinutesOfAnHour + local.tm_min;
}

}  // namespace

// The library throws; nothing of that leaves this file.
Result<int> minute_of_day(WallTime time, const std::string& zone) {
  if (zone.empty()) {
    return host_minute_of_day(time);
  }
  try {
    const auto local =
        date::locate_zone(zone)->to_local(std::chrono::time_point_cast<std::chrono::seconds>(time));
    const auto of_day = local - date::floor<date::days>(local);
    return static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(of_day).count());
  } catch (const std::exception&) {
    return Error(Code::Invalid, "no time zone is called " + in_quotes(zone),
                 "one of those below /usr/share/zoneinfo: Europe/Berlin");
  }
}

}  // namespace ha::failover
