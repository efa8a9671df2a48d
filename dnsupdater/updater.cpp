#include "dnsupdater/updater.h"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "common/sys/digest.h"
#include "dnsupdater/wire.h"

namespace ha::dns {
namespace {

// False: cancelled.
bool wait_until(SteadyTime until, int cancel_fd) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - read_clocks().steady).count();
  pollfd polled{cancel_fd, POLLIN, 0};
  return ::poll(&polled, cancel_fd >= 0 ? 1 : 0, static_cast<int>(std::clamp(left, 0L, 60'000L))) == 0;
}

// The third field of an SOA's text.
std::optional<std::uint32_t> serial_of(const RrSet& soa) {
  const std::string& text = soa.rdata.at(0).text;
  std::size_t at = 0;
  for (int field = 0; field < 2; ++field) {
    at = text.find(' ', at) + 1;
  }
  std::uint32_t serial = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), serial);
  return error == std::errc{} && end != text.data() + at ? std::optional(serial) : std::nullopt;
}

Primary::Heard<Answer> ask_plain(const Endpoint& server, const SetKey& key, Duration patience,
                                 int cancel_fd) {
  std::optional<Trouble> last;
  for (const Transport transport : {Transport::Udp, Transport::Tcp}) {
    const Now now = read_clocks();
    const auto id = sys::random_bytes(2);
    if (!id.ok()) {
      return Trouble{Cause::Ours, id.error()};
    }
    auto request = make_query({key.name, key.type}, get_be16(*id, 0), nullptr, now.wall);
    if (!request.ok()) {
      return Trouble{Cause::Ours, std::move(request).error()};
    }
    auto answer = exchange({server, transport, now.steady + patience, cancel_fd}, *request, nullptr);
    if (!answer.ok()) {
      return Trouble{Cause::Network, std::move(answer).error()};
    }
    if (!answer->reply.truncated || transport == Transport::Tcp) {
      return std::move(answer).value();
    }
  }
  return Trouble{Cause::Server, Error(Code::Corrupt, server.text() + ": truncated over TCP")};
}

}  // namespace

SwapResult run_swap(Swap& swap, Primary& primary) {
  const int cancel_fd = primary.options().cancel_fd;
  unsigned sends = 0;
  for (;;) {
    const SwapStep step = swap.step(read_clocks().steady);
    if (const auto* result = std::get_if<SwapResult>(&step)) {
      return *result;
    }
    if (const auto* pause = std::get_if<WaitStep>(&step)) {
      if (!wait_until(pause->until, cancel_fd)) {
        swap.cancel();
      }
    } else if (const auto* ask = std::get_if<ReadStep>(&step)) {
      auto found = primary.read(ask->sets);
      if (auto* trouble = std::get_if<Trouble>(&found)) {
        if (trouble->error.code() == Code::Cancelled) {
          swap.cancel();
        }
        swap.on_unread(std::move(*trouble), read_clocks().steady);
      } else {
        swap.on_read(std::get<std::vector<RrSet>>(found), read_clocks().steady);
      }
    } else {
      auto sent = primary.send(std::get<SendStep>(step).update, sends++);
      swap.on_sent(sent.heard, std::move(sent.trouble), read_clocks().steady);
    }
  }
}

std::vector<ServerView> view_servers(const std::vector<Endpoint>& servers, const Name& zone,
                                     const SetKey& key, Duration patience, int cancel_fd) {
  std::vector<ServerView> views;
  for (const Endpoint& server : servers) {
    ServerView view{server, {}, {}, {}};
    for (const SetKey& wanted : {key, SetKey{zone, RrType::Soa}}) {
      auto heard = ask_plain(server, wanted, patience, cancel_fd);
      if (auto* trouble = std::get_if<Trouble>(&heard)) {
        view.trouble = std::move(*trouble);
        break;
      }
      const Reply& reply = std::get<Answer>(heard).reply;
      if (reply.rcode != Rcode::NoError && reply.rcode != Rcode::NxDomain) {
        view.trouble = Trouble{Cause::Server,
                               Error(Code::Unavailable, server.text() + " says " + rcode_text(reply.rcode))};
        break;
      }
      auto set = gather(reply.answers, wanted.name, wanted.type);
      if (wanted.type == RrType::Soa && set) {
        view.serial = serial_of(*set);
      }
      if (wanted == key) {
        view.set = std::move(set);
      }
    }
    views.push_back(std::move(view));
  }
  return views;
}

}  // namespace ha::dns
