#include "tools/wanem_options.h"

#include <charconv>
#include <cmath>
#include <utility>

namespace ha::wanem {

namespace {

constexpr double kUnitFactorMax = 1e12;

struct UnitFactor {
  std::string_view name;
  double factor;
};

// A number and a unit of the table, e.g. "1.5ms"; the result is in the table's base unit.
Result<double> parse_quantity(std::string_view text, std::span<const UnitFactor> units,
                              std::string_view example) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && std::isfinite(number) && number >= 0 && number <= kUnitFactorMax) {
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const UnitFactor& known : units) {
      if (unit == known.name) {
        return number * known.factor;
      }
    }
  }
  return Error(Code::Invalid,
               "\"" + std::string(text) + "\" is not understood; write it like " + std::string(example));
}

Result<Duration> parse_duration(std::string_view text) {
  static constexpr UnitFactor kUnits[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
  HA_TRY(const double nanoseconds, parse_quantity(text, kUnits, "150ms, 500us or 1.5s"));
  if (nanoseconds > 60e9) {
    return Error(Code::Invalid, "\"" + std::string(text) + "\" is over a minute");
  }
  return Duration(static_cast<Duration::rep>(nanoseconds));
}

Result<std::uint64_t> parse_rate(std::string_view text) {
  static constexpr UnitFactor kUnits[] = {{"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}};
  if (text == "unlimited") {
    return std::uint64_t{0};
  }
  HA_TRY(const double bits, parse_quantity(text, kUnits, "100mbit, 64kbit or unlimited"));
  if (bits < 1 || bits > 1e11) {
    return Error(Code::Invalid, "a rate is 1bit to 100gbit, or unlimited");
  }
  return static_cast<std::uint64_t>(bits);
}

Result<double> parse_loss(std::string_view text) {
  static constexpr UnitFactor kUnits[] = {{"%", 0.01}};
  HA_TRY(const double loss, parse_quantity(text, kUnits, "0.5%"));
  if (loss > 1) {
    return Error(Code::Invalid, "a loss is at most 100%");
  }
  return loss;
}

Result<bool> parse_switch(std::string_view text) {
  if (text == "on" || text == "off") {
    return text == "on";
  }
  return Error(Code::Invalid, "\"" + std::string(text) + "\" is not understood; write on or off");
}

Result<std::uint64_t> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > most) {
    return Error(Code::Invalid, "\"" + std::string(text) + "\" is not a whole number from " +
                                    std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

Status apply_option(Options& options, std::string_view name, std::string_view value) {
  const std::string text(value);
  if (name == "a") {
    options.a.network_namespace = text;
  } else if (name == "b") {
    options.b.network_namespace = text;
  } else if (name == "address-a") {
    options.a.address = text;
  } else if (name == "address-b") {
    options.b.address = text;
  } else if (name == "control") {
    options.control = text;
  } else if (name == "congestion") {
    options.congestion = text;
  } else if (name == "seed") {
    HA_TRY(options.seed, parse_number(value, 0, UINT64_MAX));
  } else if (name == "mtu") {
    HA_TRY(const std::uint64_t mtu, parse_number(value, 576, 65535));
    options.mtu_bytes = static_cast<unsigned>(mtu);
  } else if (name == "stall" || name == "partition") {
    return Error(Code::Invalid,
                 "is switched at run time: wanem ctl SOCKET set both " + std::string(name) + " on");
  } else {
    return apply_setting(options.link, name, value);
  }
  return ok();
}

}  // namespace

std::string_view usage() {
  return R"(wanem - a wide-area path between two network namespaces

  wanem --a NS_A --b NS_B [options]     join them; prints "ready", runs until SIGTERM or SIGINT
  wanem ctl SOCKET words...             change or ask a running wanem

  --a NS, --b NS           the two network namespaces (ip netns add NS)
  --make                   make the namespaces, and remove them at the end
  --address-a ADDRESS      default 10.77.0.1; IPv4 or IPv6
  --address-b ADDRESS      default 10.77.0.2
  --rtt TIME               round trip, half of it each way: 150ms (default 0)
  --jitter TIME            each packet takes its delay ± up to this; order is kept
  --rate RATE              of each direction: 100mbit, 64kbit, unlimited (default)
  --loss PERCENT           of each direction: 0.5% (default 0%)
  --queue BYTES            before the line (default: one bandwidth-delay product, at least 65536)
  --mtu BYTES              default 1500
  --congestion NAME        TCP congestion control of the route, on both ends: bbr, cubic
  --seed N                 of the losses and the jitter (default 1)
  --control SOCKET         where `wanem ctl` reaches it

Control words; DIRECTION is a-b, b-a or both:
  set DIRECTION rtt|delay|jitter TIME     rtt sets half of TIME as the delay of that direction
  set DIRECTION loss PERCENT
  set DIRECTION rate RATE
  set DIRECTION queue BYTES|default
  set DIRECTION stall on|off              nothing moves, nothing is lost but what overflows the queue
  set DIRECTION partition on|off          everything is dropped, also what is on its way
  reset                                   back to the settings of the command line
  stats                                   one line of JSON

Needs root and /dev/net/tun. At the end it prints what each direction carried.
)";
}

Status apply_setting(LinkSettings& settings, std::string_view name, std::string_view value) {
  if (name == "rtt") {
    HA_TRY(const Duration round_trip, parse_duration(value));
    settings.delay = round_trip / 2;
  } else if (name == "delay") {
    HA_TRY(settings.delay, parse_duration(value));
  } else if (name == "jitter") {
    HA_TRY(settings.jitter, parse_duration(value));
  } else if (name == "loss") {
    HA_TRY(settings.loss, parse_loss(value));
  } else if (name == "rate") {
    HA_TRY(settings.rate_bits_per_s, parse_rate(value));
  } else if (name == "queue") {
    if (value == "default") {
      settings.queue_bytes.reset();
    } else {
      HA_TRY(settings.queue_bytes, parse_number(value, 1500, std::uint64_t{1} << 32));
    }
  } else if (name == "stall") {
    HA_TRY(settings.stall, parse_switch(value));
  } else if (name == "partition") {
    HA_TRY(settings.partition, parse_switch(value));
  } else {
    return Error(Code::Invalid, "there is no setting \"" + std::string(name) + "\"");
  }
  return ok();
}

Result<Options> parse_options(std::span<char* const> arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.help = true;
      return options;
    }
    if (argument == "--make") {
      options.make = true;
      continue;
    }
    if (!argument.starts_with("--")) {
      return Error(Code::Invalid, "unexpected \"" + std::string(argument) + "\"", "wanem --help");
    }
    if (i + 1 == arguments.size()) {
      return Error(Code::Invalid, std::string(argument) + " needs a value", "wanem --help");
    }
    if (auto status = apply_option(options, argument.substr(2), arguments[++i]); !status.ok()) {
      return std::move(status).error().in(argument).hinted("wanem --help");
    }
  }
  if (options.a.network_namespace.empty() || options.b.network_namespace.empty()) {
    return Error(Code::Invalid, "--a and --b must name the two network namespaces", "wanem --help");
  }
  if (options.a.network_namespace == options.b.network_namespace) {
    return Error(Code::Invalid, "--a and --b name the same network namespace");
  }
  return options;
}

}  // namespace ha::wanem
