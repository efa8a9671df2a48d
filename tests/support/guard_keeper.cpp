// Holds the kernel guard as a coordinator does, by the lines of its input, one answer a line:
//
//   guard_keeper NAME=udp:5060,tcp:5060-5061[@ADDRESS][%NETWORK] ...
//
//   open NAME MS · close NAME · local NAME · ensure · remove      → "ok [UNTIL]" or "error …"
//   hold NAME MS EVERY_MS      opens again and again, "ok UNTIL" each time, until the next line
//
// UNTIL is in seconds of CLOCK_MONOTONIC.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "common/sys/file.h"
#include "failover/action/guard.h"

namespace {

using namespace ha;
using namespace ha::failover;
using std::chrono::milliseconds;

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> out;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) {
    out.push_back(part);
  }
  return out;
}

GuardedService service_of(const std::string& word) {
  GuardedService out;
  std::string rest = word.substr(word.find('=') + 1);
  out.name = word.substr(0, word.find('='));
  if (const std::size_t at = rest.find('%'); at != rest.npos) {
    out.local_networks = {rest.substr(at + 1)};
    rest.resize(at);
  }
  if (const std::size_t at = rest.find('@'); at != rest.npos) {
    out.addresses = {rest.substr(at + 1)};
    rest.resize(at);
  }
  for (const std::string& ports : split(rest, ',')) {
    const std::vector<std::string> range = split(ports.substr(4), '-');
    const PortRange one{static_cast<std::uint16_t>(std::stoi(range[0])),
                        static_cast<std::uint16_t>(std::stoi(range.back()))};
    (ports.starts_with("udp") ? out.udp : out.tcp).push_back(one);
  }
  return out;
}

void answer(const Status& done, const std::string& more = "") {
  std::cout << (done.ok() ? "ok" + more : "error " + done.error().what() + "; " + done.error().hint())
            << std::endl;
}

void open_for(Guard& guard, const std::string& name, milliseconds time) {
  const SteadyTime until = read_clocks().steady + time;
  const Status done = guard.open_until(name, until);
  answer(done, " " + std::to_string(std::chrono::duration<double>(until.time_since_epoch()).count()));
}

void hold(Guard& guard, const std::string& name, milliseconds time, milliseconds every) {
  pollfd next_line{STDIN_FILENO, POLLIN, 0};
  do {
    open_for(guard, name, time);
  } while (::poll(&next_line, 1, static_cast<int>(every.count())) == 0);
}

void obey(Guard& guard, const std::string& line) {
  std::istringstream words(line);
  std::string verb;
  std::string name;
  int time = 0;
  int every = 0;
  words >> verb >> name >> time >> every;
  if (verb == "open") {
    open_for(guard, name, milliseconds(time));
  } else if (verb == "hold") {
    hold(guard, name, milliseconds(time), milliseconds(every));
  } else {
    answer(verb == "close"    ? guard.close(name)
           : verb == "local"  ? guard.keep_local(name)
           : verb == "ensure" ? guard.ensure()
                              : guard.remove());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<GuardedService> services;
  for (int i = 1; i < argc; ++i) {
    services.push_back(service_of(argv[i]));
  }
  auto guard = Guard::open(std::move(services));
  answer(guard.ok() ? ok() : Status(guard.error()));
  if (!guard.ok()) {
    return 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    obey(*guard, line);
  }
  return 0;
}
